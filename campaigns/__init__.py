"""Chooses the next number, joins the call to an agent, and decides what happens next."""
