"""Which free agent goes to which campaign of a pool."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wants:
    """A campaign's claim on the pool's free agents: who may work for it, its weight, and how long ago it was last served (seconds)."""

    campaign_id: int
    agents: frozenset[int]
    weight: int
    since_served: float


def share(free: Sequence[int], campaigns: Sequence[Wants], *, at_most: int) -> Mapping[int, list[int]]:
    """Campaign id -> its agents, the longest free first; each agent given once.

    `free` in the order in which they became free. Each agent goes to the campaign, among those they work for, that is furthest behind
    its weight; ties to the one served least recently. Stride scheduling (Waldspurger and Weihl, 1995), one round long.
    """
    given: dict[int, list[int]] = {}
    rank = {c.campaign_id: (0.0, -c.since_served, c.campaign_id) for c in campaigns}
    by_id = {c.campaign_id: c for c in campaigns}
    for agent in free[:at_most]:
        able = [c.campaign_id for c in campaigns if agent in c.agents]
        if not able:
            continue
        chosen = min(able, key=rank.__getitem__)
        given.setdefault(chosen, []).append(agent)
        passed, served, key = rank[chosen]
        rank[chosen] = (passed + 1 / by_id[chosen].weight, served, key)
    return given
