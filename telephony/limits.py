"""What a trunk can carry: calls per second and calls at once. Taken before it is decided how many to dial, so that nothing is planned that
cannot be sent. Where Redis is away nothing is granted: what cannot be counted is not dialed."""

import os
from functools import lru_cache
from pathlib import Path

from redis.commands.core import Script

from dialer_project.lib import redis, sql


@lru_cache(maxsize=2)
def _tokens(pid: int) -> Script:
    return redis.hot().register_script((Path(__file__).parent / "scripts" / "tokens.lua").read_text())  # type: ignore[no-any-return]  # redis leaves its scripts untyped


def take(trunk_id: int | None, wanted: int) -> int:
    """How many of the wanted calls may be started on this trunk now; those are counted as started. Without a trunk there is no limit."""
    if trunk_id is None or wanted <= 0:
        return wanted
    trunk = sql.rows(
        """
        SELECT t.enabled, t.calls_per_second, t.max_calls - (SELECT count(*) FROM telephony_call c WHERE c.trunk_id = t.id AND c.state <> 'ended') AS room
        FROM telephony_trunk t WHERE t.id = %s
        """,
        [trunk_id],
    )
    if not trunk or not trunk[0].enabled or trunk[0].room <= 0:
        return 0
    try:
        had = _tokens(os.getpid())(
            keys=[redis.key("trunk", trunk_id)], args=[trunk[0].calls_per_second, min(wanted, int(trunk[0].room))], client=redis.hot()
        )
    except redis.Unavailable:
        return 0
    return int(had)


def give_back(trunk_id: int | None, unused: int) -> None:
    """Tokens taken for calls that were not dialed after all."""
    if trunk_id is None or unused <= 0:
        return
    try:
        redis.hot().hincrbyfloat(redis.key("trunk", trunk_id), "left", unused)
    except redis.Unavailable:
        return
