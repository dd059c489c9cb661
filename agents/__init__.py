"""Knows who is free, on which phone, and what is on their screen. Has never heard of a campaign."""
