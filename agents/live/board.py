"""Who is free right now, and which answered customers wait: a projection of Session and Interaction with an epoch kept in both stores.

Redis proposes, the insert of an Interaction decides, a loser is put back in his old place. Where the epochs differ, Redis was emptied or
is stale: nothing is planned by it until it has been rebuilt, and answers are matched through PostgreSQL.
"""

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from django.db import transaction
from redis.commands.core import Script
from redis.exceptions import NoScriptError

from dialer_project.lib import redis, sql

_SCRIPTS = Path(__file__).parent / "scripts"
# PostgreSQL's epoch is asked again after this long; a stale answer costs a round through PostgreSQL, never a wrong match
_EPOCH_FOR = 1.0


T = TypeVar("T")


class Stale(Exception):
    """The hot projection is empty, stale or away: PostgreSQL answers instead, and nothing new is planned."""


@dataclass(frozen=True, slots=True)
class Free:
    agent_id: int
    since: datetime
    lines: tuple[str, ...]


@lru_cache(maxsize=8)
def _script(name: str, pid: int) -> Script:
    return redis.hot().register_script((_SCRIPTS / f"{name}.lua").read_text())  # type: ignore[no-any-return]  # redis leaves its scripts untyped


def _run(name: str, keys: Sequence[str], args: Sequence[object]) -> object:
    try:
        return _script(name, os.getpid())(keys=list(keys), args=[str(arg) for arg in args], client=redis.hot())
    except redis.Unavailable as error:
        raise Stale(str(error)) from error


def _key(*parts: object) -> str:
    return redis.key("board", *parts)


_epoch_known: tuple[float, int] = (-10.0, 0)


def epoch(*, fresh: bool = False) -> int:
    """PostgreSQL's epoch of the projection, at most a second old."""
    global _epoch_known
    if fresh or time.monotonic() - _epoch_known[0] > _EPOCH_FOR:
        found = sql.rows("SELECT epoch FROM agents_board WHERE id = 1")
        _epoch_known = (time.monotonic(), found[0].epoch if found else 0)
    return _epoch_known[1]


def _believed(look: Callable[[int], T | None]) -> T:
    """What the projection says under the epoch we know; None: it has another. Then it may have been rebuilt since we asked, and PostgreSQL is asked
    once more: whoever went Ready in the second after would else stand nowhere until the next repair. Raises Stale."""
    known = epoch()
    told = look(known)
    if told is None and (now := epoch(fresh=True)) != known:
        told = look(now)
    if told is None:
        raise Stale("the epoch is another")
    return told


def forget() -> None:
    """Tests start over."""
    global _epoch_known
    _epoch_known = (-10.0, 0)
    _script.cache_clear()


def is_right() -> bool:
    """Whether Redis holds the projection PostgreSQL knows of."""
    try:
        return bool(redis.hot().get(_key("epoch")) == str(epoch(fresh=True)))
    except redis.Unavailable:
        return False


def stand(agent: Free) -> UUID | None:
    """The agent joins their lines, or is told the call of a customer who waits in one of them; raises Stale."""
    return stand_all([agent])[0]


def stand_all(agents: Sequence[Free]) -> list[UUID | None]:
    """As `stand`, for many, one after the other in one round trip."""

    def stood(known: int) -> list[object] | None:
        told = _run_all("stand", [(_stand_keys(a), (known, a.agent_id, a.since.timestamp(), ",".join(a.lines), _key("free", ""))) for a in agents])
        return None if None in told else told

    try:
        told = _believed(stood)
    except redis.Unavailable as error:
        raise Stale(str(error)) from error
    return [UUID(str(call)) if call else None for call in told]


def _stand_keys(agent: Free) -> list[str]:
    keys = [_key("epoch"), _key("lines", agent.agent_id)]
    for line in agent.lines:
        keys += [_key("free", line), _key("waiting", line)]
    return keys


def leave(agents: Iterable[tuple[int, Sequence[str]]]) -> None:
    """These agents are free no longer; they leave the lines they stand in, and those named. Never raises: one who is proposed all the same
    loses at the insert."""
    try:
        _run_all("leave", [([_key("lines", agent_id)], (agent_id, ",".join(lines), _key("free", ""))) for agent_id, lines in agents])
    except redis.Unavailable:
        return


def _run_all(name: str, each: Sequence[tuple[Sequence[str], Sequence[object]]]) -> list[object]:
    """One script for many, in one round trip."""
    if not each:
        return []
    script = _script(name, os.getpid())
    with redis.hot().pipeline(transaction=False) as pipe:
        for keys, args in each:
            pipe.evalsha(script.sha, len(keys), *keys, *map(str, args))
        try:
            return list(pipe.execute())
        except NoScriptError:  # a server that has just come up: all of them failed alike
            redis.hot().script_load(script.script)
            return _run_all(name, each)


def answer(call_id: UUID, *, line: str, at: datetime) -> tuple[int, datetime] | None:
    """The line's longest-free agent and since when, taken out of every line; None: the customer waits now. Raises Stale."""
    keys = [_key("epoch"), _key("free", line), _key("waiting", line)]
    told = _believed(lambda known: _run("answer", keys, [known, call_id, at.timestamp(), _key("lines", ""), _key("free", "")]))
    if not isinstance(told, list) or not told:
        return None
    return int(told[0]), datetime.fromtimestamp(float(told[1]), at.tzinfo)


def stop_waiting(call_ids: Sequence[UUID], *, lines: Iterable[str]) -> None:
    """These customers have an agent, hear the message or are gone. Never raises: a match with a call that is over finds no legal move."""
    try:
        with redis.hot().pipeline(transaction=False) as pipe:
            for line in lines:
                pipe.zrem(_key("waiting", line), *map(str, call_ids))
            pipe.execute()
    except redis.Unavailable:
        return


def free(lines: Sequence[str], *, at_most: int = 200) -> Mapping[str, list[tuple[int, float]]]:
    """For each line its free agents, the longest free first: (agent id, since). One round trip; raises Stale."""
    if not lines:
        return {}
    try:
        with redis.hot().pipeline(transaction=True) as pipe:
            pipe.get(_key("epoch"))
            for line in lines:
                pipe.zrange(_key("free", line), 0, at_most - 1, withscores=True)
            told, *found = pipe.execute()
    except redis.Unavailable as error:
        raise Stale(str(error)) from error
    _believed(lambda known: told == str(known) or None)
    return {line: [(int(agent), since) for agent, since in members] for line, members in zip(lines, found, strict=True)}


def absent(agents: Sequence[Free]) -> list[Free]:
    """Those of these free agents who do not stand in all of their lines: their process died between commit and projection, or a proposal
    was rolled back. One round trip, one command for each line; raises Stale."""
    by_line: dict[str, list[int]] = {}
    for agent in agents:
        for line in agent.lines:
            by_line.setdefault(line, []).append(agent.agent_id)
    if not by_line:
        return []
    try:
        with redis.hot().pipeline(transaction=False) as pipe:
            for line, members in by_line.items():
                pipe.zmscore(_key("free", line), members)
            scores = pipe.execute()
    except redis.Unavailable as error:
        raise Stale(str(error)) from error
    missing = {agent for members, found in zip(by_line.values(), scores, strict=True) for agent, at in zip(members, found, strict=True) if at is None}
    return [agent for agent in agents if agent.agent_id in missing]


def rebuild(standing: Iterable[Free], waiting: Iterable[tuple[UUID, str, datetime]], *, now: datetime) -> None:
    """Empties the projection, raises the epoch in PostgreSQL, stands everybody up again, and says so last. Under the caller's lock."""
    with transaction.atomic():
        found = sql.rows(
            """
            INSERT INTO agents_board (id, epoch, rebuilt_at) VALUES (1, 1, %(now)s)
            ON CONFLICT (id) DO UPDATE SET epoch = agents_board.epoch + 1, rebuilt_at = %(now)s RETURNING epoch
            """,
            {"now": now},
        )
    new = found[0].epoch
    client = redis.hot()
    client.delete(_key("epoch"))
    old = list(client.scan_iter(match=_key("*"), count=1000))
    with client.pipeline(transaction=False) as pipe:
        for start in range(0, len(old), 500):
            pipe.delete(*old[start : start + 500])
        for agent in standing:
            for line in agent.lines:
                pipe.zadd(_key("free", line), {str(agent.agent_id): agent.since.timestamp()})
            pipe.set(_key("lines", agent.agent_id), ",".join(agent.lines))
        for call_id, line, at in waiting:
            pipe.zadd(_key("waiting", line), {str(call_id): at.timestamp()})
        pipe.set(_key("epoch"), new)
        pipe.execute()
    epoch(fresh=True)
