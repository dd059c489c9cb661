"""Which free agent goes to which campaign of a pool."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wants:
    """A campaign's claim on the pool's free agents: who may work for it, its weight, and how many it was given so far over that weight."""

    campaign_id: int
    agents: frozenset[int]
    weight: int
    passed: float = 0.0


def share(free: Sequence[int], campaigns: Sequence[Wants], *, at_most: int) -> Mapping[int, list[int]]:
    """Campaign id -> its agents, the longest free first; each agent given once.

    `free` in the order in which they became free. Each agent goes to the campaign, among those they work for, that is furthest behind
    its weight; ties to the one with the most weight. Stride scheduling (Waldspurger and Weihl, 1995): the passes are kept from round to
    round, so that agents who become free one by one are shared out like those who do at once.
    """
    given: dict[int, list[int]] = {}
    by_id = {c.campaign_id: c for c in campaigns}
    passed = {c.campaign_id: c.passed for c in campaigns}
    for agent in free[:at_most]:
        able = [c.campaign_id for c in campaigns if agent in c.agents]
        if not able:
            continue
        chosen = min(able, key=lambda campaign_id: (passed[campaign_id], -by_id[campaign_id].weight, campaign_id))
        given.setdefault(chosen, []).append(agent)
        passed[chosen] += 1 / by_id[chosen].weight
    return given
