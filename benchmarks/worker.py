"""The product's workers, with one thing more: the empty task tells when its body was reached. For the benchmarks alone.

python -m celery -A benchmarks.worker worker …
"""

import time
from typing import Any

from celery.signals import task_prerun

from dialer_project.lib import redis
from workers.celery import app

__all__ = ["app"]

BODIES = "benchmark:bodies"  # list of "task id, moment", pushed as the bodies are reached


@task_prerun.connect
def _reached(sender: Any = None, task_id: str = "", **_: Any) -> None:
    if sender is not None and sender.name == "workers.tasks.nothing":
        redis.hot().rpush(redis.key(BODIES), f"{task_id} {time.time()}")
