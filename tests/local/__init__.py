"""The two commands, and what they stand on: real processes in folders of their own."""
