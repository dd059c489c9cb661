"""Which agents' screens were heard of lately: one write per web process and second, never one per heartbeat.

One sorted set, agents by the moment of their last heartbeat. It says who was heard, never who is gone: emptied, it knows nobody, and
until it is as old again as the silence asked for, nobody is called silent because of it.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from dialer_project.lib import redis

# the member that says since when this set has been kept; every other member is an agent's id
_SINCE = "since"


def heard(last_heard: Mapping[int, datetime], *, now: datetime) -> None:
    """Agents of this process with the moment each was last heard of. An older moment never replaces a newer one."""
    pipe = redis.hot().pipeline(transaction=False)
    pipe.zadd(_key(), {_SINCE: now.timestamp()}, nx=True)
    if last_heard:
        pipe.zadd(_key(), {str(agent_id): at.timestamp() for agent_id, at in last_heard.items()}, gt=True)
    pipe.execute()


def silent(agent_ids: Iterable[int], *, now: datetime, older_than: timedelta) -> set[int]:
    """Those of these agents who were not heard of for `older_than`. Raises redis.Unavailable: then nobody knows."""
    ids = list(agent_ids)
    if not ids:
        return set()
    limit = (now - older_than).timestamp()
    since, *moments = redis.hot().zmscore(_key(), [_SINCE, *map(str, ids)])
    if since is None or since > limit:
        return set()
    return {agent_id for agent_id, at in zip(ids, moments, strict=True) if at is None or at < limit}


def _key() -> str:
    return redis.key("present")
