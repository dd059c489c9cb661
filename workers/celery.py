"""The Celery app. Groups of queues: hot (dispatch and dial), tick (sweeps and timers), checks (validation services, which may be slow and must
not wait behind an import), rest (imports, CRM, reports, media)."""

import os
from typing import Any

from celery import Celery
from celery.signals import task_prerun
from kombu import Queue

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dialer_project.settings")

app = Celery("ringmaster")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.set_default()
# each bound by its own name: with the default key a message sent by exchange would reach all of them
app.conf.task_queues = [Queue(name, routing_key=name) for name in ("hot", "tick", "checks", "rest")]
app.conf.include = ["workers.tasks"]

from workers.schedule import SCHEDULE  # noqa: E402  (after the app it belongs to)

app.conf.beat_schedule = SCHEDULE


@task_prerun.connect
def _a_connection_that_works(**_: Any) -> None:
    """Celery is told to keep a task's connection for the next one; a broken or old one is closed here, as Django does between requests."""
    from django.db import close_old_connections

    close_old_connections()
