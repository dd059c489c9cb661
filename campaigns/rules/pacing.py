"""How many attempts to start now. One rule per kind of pacing; forecast and ratio slot in beside `one_each`."""


def one_each(*, free: int, pending: int) -> int:
    """One call for each free agent: nobody can be abandoned for want of one. `pending` calls already on their way are taken off."""
    return max(free - pending, 0)
