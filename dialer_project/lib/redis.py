"""One connection to the hot Redis per process, with timeouts short enough to fail closed."""

import os
from functools import lru_cache
from typing import Any

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

# what a caller must expect when Redis is away; PostgreSQL then answers instead, or nothing new is planned
Unavailable = redis.RedisError


@lru_cache(maxsize=4)
def _client(pid: int, url: str) -> "redis.Redis":
    return redis.Redis.from_url(
        url,
        decode_responses=True,
        socket_timeout=0.5,
        socket_connect_timeout=0.5,
        retry=Retry(NoBackoff(), 1),  # the library's own default waits for seconds in between
        health_check_interval=10,
        max_connections=20,
    )


def hot() -> Any:
    """The client of this process, answering text; a forked child gets its own."""
    return _client(os.getpid(), settings.HOT_REDIS_URL)


def key(*parts: object) -> str:
    """A key of ours: prefix and parts joined by colons."""
    return ":".join((settings.REDIS_PREFIX, *map(str, parts)))
