"""Every task, a few lines each: read the clock, make one call. Nothing is decided here, and no message is a fact."""

from uuid import UUID

from celery import shared_task
from django.utils import timezone

from campaigns import imports, number_checks
from campaigns.flow import dispatch as flow_dispatch
from campaigns.flow import phone, place, sweep
from dialer_project.lib import wake
from telephony import commands, media


@shared_task(acks_late=False, soft_time_limit=8, time_limit=10)
def dispatch(pool: int) -> None:
    wake.dispatch_taken(pool)
    flow_dispatch.dispatch(pool, now=timezone.now())


@shared_task(acks_late=False, soft_time_limit=8, time_limit=10)
def dial(interaction_id: str) -> None:
    now = timezone.now()
    phone.legs_ended(place.dial_interaction(UUID(interaction_id), now=now), now=now)


@shared_task(acks_late=False, soft_time_limit=8, time_limit=10)
def hang_up(call_ids: list[str]) -> None:
    commands.hang_up_by_id([UUID(call_id) for call_id in call_ids])


@shared_task(soft_time_limit=25, time_limit=30)
def tick() -> None:
    now = timezone.now()
    sweep.every_second(now=now)
    number_checks.look_ahead(now=now)


@shared_task(soft_time_limit=25, time_limit=30)
def slow_tick() -> None:
    now = timezone.now()
    sweep.every_quarter_minute(now=now)
    imports.wake_silent(now=now)


@shared_task(acks_late=False, soft_time_limit=110, time_limit=120)
def check_numbers(service_id: int) -> None:
    wake.check_numbers_taken(service_id)
    number_checks.ask(service_id, now=timezone.now())


@shared_task(soft_time_limit=800, time_limit=850)
def read_import(import_id: int) -> None:
    imports.run(import_id, now=timezone.now())


@shared_task(acks_late=False, soft_time_limit=280, time_limit=290)
def fetch_recording(recording_id: int) -> None:
    media.fetch(recording_id, now=timezone.now())


@shared_task(acks_late=False)
def nothing() -> None:
    """What the benchmarks measure the queue itself with."""
