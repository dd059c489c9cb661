"""What can happen to a call, in words of no carrier."""
