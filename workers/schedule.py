"""Beat's static table. Every tick is idempotent and takes a lock in PostgreSQL, so two beats do no harm; `expires` is ten seconds
because one equal to the interval is lost to a second of clock skew."""

from typing import Any

EXPIRES = {"expires": 10, "queue": "tick"}

SCHEDULE: dict[str, dict[str, Any]] = {
    "tick": {"task": "workers.tasks.tick", "schedule": 1.0, "options": EXPIRES},
    "slow_tick": {"task": "workers.tasks.slow_tick", "schedule": 15.0, "options": EXPIRES},
}
