"""The one door to the queue. A wake is a hint that a row may be due, sent after the commit; the row is what counts.

A lost hint costs a moment: every wait is a row with a deadline that the sweep finds. So nothing here raises: a broker that is away
is logged, and never fails the request that planned the work.
"""

import logging
import os
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import UUID

from celery import current_app
from redis.commands.core import Script

from dialer_project.lib import redis, sql

log = logging.getLogger(__name__)

# a pool's wake is collapsed with the ones before it for at most this long; the task deletes the key first thing
COLLAPSE_MS = 1000


def dispatch(pool: int) -> None:
    """After the commit: this pool may have both a free agent and a due lead."""
    sql.after_commit(dispatch_now, pool)


def dispatch_now(pool: int) -> None:
    """Outside any transaction: as `dispatch`. Whoever looks at the pool just now is left word, and looks again: that costs no message."""
    keys = [redis.key(name, pool) for name in ("held", "again", "wake")]
    _send_dispatch(pool, lambda: _wake(os.getpid())(keys=keys, args=[COLLAPSE_MS], client=redis.hot()))


def dispatch_next(pool: int) -> None:
    """By who looks at the pool just now and leaves some of it to the next one: others' pools have their turn in between."""
    _send_dispatch(pool, lambda: redis.hot().set(redis.key("wake", pool), "1", nx=True, px=COLLAPSE_MS))


def _send_dispatch(pool: int, is_the_first: Callable[[], object]) -> None:
    try:
        if not is_the_first():
            return
    except redis.Unavailable:
        log.warning("Redis is away: wakes of pool %s are not collapsed", pool)
    _send("workers.tasks.dispatch", [pool], queue="hot", expires=10)


@lru_cache(maxsize=2)
def _wake(pid: int) -> Script:
    return redis.hot().register_script((Path(__file__).parent / "scripts" / "wake.lua").read_text())  # type: ignore[no-any-return]  # redis leaves its scripts untyped


def dispatch_taken(pool: int) -> None:
    """First thing in the task: from here on a new wake is a new task."""
    try:
        redis.hot().delete(redis.key("wake", pool))
    except redis.Unavailable:
        log.warning("Redis is away: the wake of pool %s ends by itself", pool)


def look_again(pool: int) -> None:
    """Left by one who found the pool taken, for the one who holds it."""
    try:
        redis.hot().set(redis.key("again", pool), "1", px=COLLAPSE_MS)
    except redis.Unavailable:
        log.warning("Redis is away: pool %s is looked at by the next tick", pool)


def held(pool: int) -> None:
    """From here on word is left for us; for no longer than a hint waits, should we die."""
    try:
        redis.hot().set(redis.key("held", pool), "1", px=COLLAPSE_MS)
    except redis.Unavailable:
        log.warning("Redis is away: wakes of pool %s are messages", pool)


def let_go(pool: int) -> bool:
    """After the pool was let go: no more word is left for us. Returns whether there is some."""
    try:
        with redis.hot().pipeline(transaction=True) as pipe:
            pipe.delete(redis.key("held", pool))
            pipe.delete(redis.key("again", pool))
            return bool(pipe.execute()[1])
    except redis.Unavailable:
        return False


def dial(interaction_id: UUID) -> None:
    """After the commit: this interaction's `dial_due` was set."""
    sql.after_commit(_send, "workers.tasks.dial", [str(interaction_id)], queue="hot", expires=10)


def hang_up(call_ids: list[UUID]) -> None:
    """After the commit: these calls are no longer wanted."""
    if call_ids:
        sql.after_commit(_send, "workers.tasks.hang_up", [[str(call_id) for call_id in call_ids]], queue="hot", expires=10)


def check_numbers(service_id: int) -> None:
    """After the commit: a validation service is to be asked about numbers; hints of one second are one."""
    sql.after_commit(_check_numbers_now, service_id)


def _check_numbers_now(service_id: int) -> None:
    try:
        if not redis.hot().set(redis.key("check", service_id), "1", nx=True, px=COLLAPSE_MS):
            return
    except redis.Unavailable:
        log.warning("Redis is away: wakes of validation service %s are not collapsed", service_id)
    _send("workers.tasks.check_numbers", [service_id], queue="checks", expires=10)


def check_numbers_taken(service_id: int) -> None:
    """First thing in the task: from here on a new wake is a new task."""
    try:
        redis.hot().delete(redis.key("check", service_id))
    except redis.Unavailable:
        log.warning("Redis is away: the wake of validation service %s ends by itself", service_id)


def read_import(import_id: int) -> None:
    """After the commit: a file waits to be read into a list."""
    sql.after_commit(_send, "workers.tasks.read_import", [import_id], queue="rest")


def fetch_recordings(recording_ids: Sequence[int]) -> None:
    """After the commit: the files of these have not been fetched yet."""
    for recording_id in recording_ids:
        sql.after_commit(_send, "workers.tasks.fetch_recording", [recording_id], queue="rest", expires=60)


def _send(task: str, args: list[Any], *, queue: str, expires: float | None = None) -> None:
    try:
        current_app.send_task(task, args=args, queue=queue, expires=expires, ignore_result=True)
    except Exception:  # any broker's own errors: the row is found by the sweep
        log.warning("%s was not sent; the sweep will find its row", task, exc_info=True)
