"""What is decided: pure functions over plain values. No Django, no clock, no dice of their own."""
