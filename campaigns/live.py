"""What is true of a campaign right now and may be forgotten at any moment: where the claim's floor lies, which zone groups there are."""

import json
from collections.abc import Sequence
from datetime import datetime

from campaigns import querysets
from campaigns.querysets import DueLead, Floor
from dialer_project.lib import redis

# a lead put before the floor (a clock behind, a transaction that took long) is found after at most this
_FLOOR_FOR = 10
_GROUPS_FOR = 10


def floors(campaign_id: int) -> list[Floor]:
    """The remembered floors; none where Redis is away."""
    try:
        kept = redis.hot().hgetall(redis.key("floor", campaign_id))
    except redis.Unavailable:
        return []
    found = []
    for name, value in kept.items():
        group, boost = name.split(":")
        at, lead_id = json.loads(value)
        found.append(Floor(int(group), int(boost), datetime.fromisoformat(at), lead_id))
    return found


def eaten(campaign_id: int, claimed: Sequence[DueLead]) -> None:
    """After the commit: these were the first of their queues. Kept for ten seconds from the first, so that nothing hides for longer."""
    last: dict[tuple[int, int], DueLead] = {}
    for lead in claimed:
        last[lead.zone_group_id, lead.boost] = lead
    if not last:
        return
    try:
        name = redis.key("floor", campaign_id)
        with redis.hot().pipeline(transaction=False) as pipe:
            pipe.hset(name, mapping={f"{g}:{b}": json.dumps([lead.next_call_at.isoformat(), lead.id]) for (g, b), lead in last.items()})
            pipe.expire(name, _FLOOR_FOR, nx=True)
            pipe.execute()
    except redis.Unavailable:
        return


def forget_floors(campaign_id: int) -> None:
    """A lead was put at the top, or many came in: the next claim starts from the beginning."""
    try:
        redis.hot().delete(redis.key("floor", campaign_id), redis.key("groups", campaign_id))
    except redis.Unavailable:
        return


def zone_groups(campaign_id: int) -> dict[int, tuple[str, ...]]:
    """The zone groups of a campaign's waiting leads with their zones, at most ten seconds old."""
    name = redis.key("groups", campaign_id)
    try:
        kept = redis.hot().get(name)
        if kept is not None:
            return {int(group): tuple(zones) for group, zones in json.loads(kept).items()}
    except redis.Unavailable:
        return querysets.zone_groups(campaign_id)
    found = querysets.zone_groups(campaign_id)
    try:
        redis.hot().set(name, json.dumps(found), ex=_GROUPS_FOR)
    except redis.Unavailable:
        return found
    return found
