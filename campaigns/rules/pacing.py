"""How many attempts to start now. One rule per kind of pacing; a forecast slots in beside these."""

import math


def one_each(*, free: int, pending: int) -> int:
    """One call for each free agent: nobody can be abandoned for want of one. `pending` calls already on their way are taken off."""
    return max(free - pending, 0)


def at_ratio(*, free: int, pending: int, ratio: float) -> int:
    """So many calls on their way for each free agent, whatever becomes of them."""
    return max(math.floor(free * ratio + 1e-9) - pending, 0)


def agents_awaited(*, pending: int, ratio: float) -> int:
    """How many free agents the calls on their way have been started for: these are wanted for nothing else."""
    return math.ceil(pending / ratio - 1e-9)
