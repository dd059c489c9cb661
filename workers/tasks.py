"""Every task, a few lines each: read the clock, make one call."""
