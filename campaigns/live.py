"""What is true of a campaign right now and may be forgotten at any moment: where the claim's floor lies, which zone groups there are."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime

from campaigns import querysets
from campaigns.querysets import DueLead, Floor
from dialer_project.lib import redis

# a lead put before the floor (a clock behind, a row that somebody held) is found after at most this: one claim looks back as far as the
# floor stood at the look-back before, so that it walks over what was eaten since and not over all that ever was
_LOOK_BACK_EVERY = 10
# one that came to stand even further back, without a word to us, after at most this
_FLOOR_FOR = 60
_GROUPS_FOR = 10
_PASSES_FOR = 600


def floors(campaign_id: int) -> list[Floor]:
    """Where the next claim begins in each queue; from the beginning where Redis is away."""
    now, before, looked = _floor_keys(campaign_id)
    try:
        with redis.hot().pipeline(transaction=False) as pipe:
            pipe.hgetall(now)
            pipe.hgetall(before)
            pipe.set(looked, "1", nx=True, ex=_LOOK_BACK_EVERY)
            kept, older, looks_back = pipe.execute()
            if looks_back:
                pipe.delete(before)
                if kept:
                    pipe.hset(before, mapping=kept)
                    pipe.expire(before, _FLOOR_FOR)
                pipe.execute()
    except redis.Unavailable:
        return []
    return [_floor(name, value) for name, value in (older if looks_back else kept).items()]


def _floor(name: str, value: str) -> Floor:
    group, boost = name.split(":")
    at, lead_id = json.loads(value)
    return Floor(int(group), int(boost), datetime.fromisoformat(at), lead_id)


def _floor_keys(campaign_id: int) -> tuple[str, str, str]:
    """The floors, as they stood at the last look-back, and whether that was lately."""
    return redis.key("floor", campaign_id), redis.key("floor", campaign_id, "before"), redis.key("floor", campaign_id, "looked")


def eaten(campaign_id: int, claimed: Sequence[DueLead]) -> None:
    """After the commit: these were the first of their queues."""
    last: dict[tuple[int, int], DueLead] = {}
    for lead in claimed:
        last[lead.zone_group_id, lead.boost] = lead
    if not last:
        return
    try:
        name = _floor_keys(campaign_id)[0]
        with redis.hot().pipeline(transaction=False) as pipe:
            pipe.hset(name, mapping={f"{g}:{b}": json.dumps([lead.next_call_at.isoformat(), lead.id]) for (g, b), lead in last.items()})
            pipe.expire(name, _FLOOR_FOR, nx=True)
            pipe.execute()
    except redis.Unavailable:
        return


def set_floors(campaign_id: int, leads: Sequence[DueLead], *, whole: bool) -> None:
    """After the commit: these were the first of their queues. whole: none of them stays where it was; one that does must not be hidden behind a
    floor."""
    if whole:
        eaten(campaign_id, leads)
    else:
        forget_floors(campaign_id)


def beyond(kept: Sequence[Floor], claimed: Sequence[DueLead]) -> list[Floor]:
    """The floors with these leads, claimed in order, eaten too."""
    floors = {(floor.zone_group, floor.boost): floor for floor in kept}
    for lead in claimed:
        floors[lead.zone_group_id, lead.boost] = Floor(lead.zone_group_id, lead.boost, lead.next_call_at, lead.id)
    return list(floors.values())


def forget_floors(campaign_id: int) -> None:
    """A lead was put at the top, or many came in: the next claim starts from the beginning."""
    try:
        redis.hot().delete(*_floor_keys(campaign_id), redis.key("groups", campaign_id))
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


def passes(pool: int) -> dict[int, float]:
    """Campaign -> how many agents it has been given, over its weight; one that had nothing due for a while has not saved up for more than
    one round."""
    try:
        kept = {int(campaign): float(passed) for campaign, passed in redis.hot().hgetall(redis.key("passes", pool)).items()}
    except redis.Unavailable:
        return {}
    furthest = max(kept.values(), default=0.0)
    return {campaign: max(passed, furthest - 1.0) - furthest for campaign, passed in kept.items()}


def remember_passes(pool: int, passed: Mapping[int, float]) -> None:
    try:
        with redis.hot().pipeline(transaction=False) as pipe:
            pipe.hset(redis.key("passes", pool), mapping={str(campaign): value for campaign, value in passed.items()})
            pipe.expire(redis.key("passes", pool), _PASSES_FOR)
            pipe.execute()
    except redis.Unavailable:
        return
