"""The Celery app. Groups of queues: hot (dispatch and dial), tick (sweeps and timers), checks (validation services, which may be slow and must
not wait behind an import), rest (imports, CRM, reports, media)."""

import os
from typing import Any

from celery import Celery
from celery.signals import after_task_publish, beat_init, heartbeat_sent, task_prerun, worker_init
from django.conf import settings
from kombu import Queue

from dialer_project.lib import alive

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dialer_project.settings")

app = Celery("ringmaster")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.set_default()
# each bound by its own name: with the default key a message sent by exchange would reach all of them
app.conf.task_queues = [Queue(name, routing_key=name) for name in ("hot", "tick", "checks", "rest")]
app.conf.include = ["workers.tasks"]

from workers.schedule import SCHEDULE  # noqa: E402  (after the app it belongs to)

app.conf.beat_schedule = SCHEDULE


@worker_init.connect
def _read_ahead(**_: Any) -> None:
    """Once for all its processes, which share it: the first call of each would else wait for a library."""
    from campaigns import facts

    facts.read_ahead()


@heartbeat_sent.connect
def _a_worker_works(**_: Any) -> None:
    """Its loop turns and reaches the broker: every other second."""
    alive.say_so(settings.ALIVE_DIR, "worker")


@beat_init.connect
def _beat_begins(**_: Any) -> None:
    after_task_publish.connect(_beat_works)


def _beat_works(**_: Any) -> None:
    """What was due is with the broker: every second."""
    alive.say_so(settings.ALIVE_DIR, "beat")


@task_prerun.connect
def _a_connection_that_works(**_: Any) -> None:
    """Celery is told to keep a task's connection for the next one; a broken or old one is closed here, as Django does between requests."""
    from django.db import close_old_connections

    close_old_connections()
