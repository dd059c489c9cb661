"""What is decided about agents: the lifecycle of an interaction and what the screen calls it."""
