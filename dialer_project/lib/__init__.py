"""Leaves without models: lifecycles, Redis, the environment, and the one door to the queue."""
