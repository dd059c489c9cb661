"""Wakes the flow up, by clock, by carrier event, by repair, and decides nothing."""
