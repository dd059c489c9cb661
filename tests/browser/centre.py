"""A call centre on the real clock: the carrier's own process, the pump that listens to it, and a campaign that runs."""

from __future__ import annotations

import contextlib
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from celery import current_app
from django.conf import settings
from django.db import connections

from agents.models import Agent, Station
from campaigns import invariants
from campaigns.flow import control
from campaigns.models import CallableHours, CallingList, Campaign, Contact, Disposition, Lead, Participation, PhoneNumber, ZoneGroup
from campaigns.rules.number_keys import number_key
from campaigns.rules.outcomes import DispositionClass
from campaigns.rules.permit.hours import DAYS
from dialer_project.lib import wake
from telephony import nodes
from telephony.drivers.simulated.client import WorldControl
from telephony.drivers.simulated.script import Answers, Behaviour, seconds
from telephony.models import Announcement, CallerId, Node, Trunk
from tests.browser.served import WITHIN, eventually
from workers import tasks  # noqa: F401  # registers them
from workers.event_pump import Pump

log = logging.getLogger(__name__)
HANDS = 2


class Centre:
    def __init__(self, world: WorldControl) -> None:
        self.world = world

    def campaign(self, name: str, *, mode: str, agents: list[Agent], **fields: Any) -> Campaign:
        trunk, _ = Trunk.objects.get_or_create(name="trunk", defaults={"endpoint": "trunk"})
        caller, _ = CallerId.objects.get_or_create(e164="+34910000000", defaults={"verified": True, "trunk": trunk})
        message, _ = Announcement.objects.get_or_create(name="abandoned", defaults={"media": "sound:abandoned"})
        always, _ = CallableHours.objects.get_or_create(name="always", defaults={"week": {day: [["00:00", "24:00"]] for day in DAYS}})
        common = {"call_application": "any", "trunk": trunk, "caller_id": caller, "message": message, "hours": always, "require_approval": False}
        campaign = Campaign.objects.create(name=name, mode_key=mode, **{**common, **fields})
        for position, (label, kind, note) in enumerate(
            [
                ("Renewed", DispositionClass.SUCCESS, False),
                ("Wants to think about it", DispositionClass.CALLBACK, True),
                ("Not interested", DispositionClass.NOT_INTERESTED, False),
                ("Call again later", DispositionClass.TRY_AGAIN, False),
                ("Wrong number", DispositionClass.WRONG_NUMBER, False),
                ("Do not call", DispositionClass.DO_NOT_CALL, False),
            ]
        ):
            code = label.lower().replace(" ", "-")
            Disposition.objects.create(campaign=campaign, code=code, label=label, kind=kind, note_required=note, position=position)
        CallingList.objects.create(campaign=campaign, name="list")
        Participation.objects.bulk_create([Participation(campaign=campaign, agent=agent) for agent in agents])
        return campaign

    def person(self, campaign: Campaign, name: str, number: str, *meets: Behaviour, **fields: Any) -> Lead:
        first, last = name.split(" ", 1)
        contact = Contact.objects.create(first_name=first, last_name=last, **fields)
        PhoneNumber.objects.create(
            contact=contact, e164=number, number_key=number_key(number, settings.NUMBER_KEY), kind="mobile", zones=["Europe/Madrid"]
        )
        group, _ = ZoneGroup.objects.get_or_create(zones=["Europe/Madrid"])
        self.world.say(number, *meets)
        return Lead.objects.create(campaign=campaign, calling_list=campaign.lists.get(), contact=contact, zone_group=group, next_call_at=now())

    def station(self, name: str, leg_mode: str = Station.LegMode.NAILED_UP) -> Station:
        endpoint = name.lower().replace(" ", "-")
        self.world.station(endpoint, Answers(after=seconds(0.3)))
        return Station.objects.create(name=name, endpoint=endpoint, leg_mode=leg_mode)

    def start(self, campaign: Campaign) -> None:
        control.edited(campaign, by=None, now=now())
        control.assignments_changed(now=now())
        started = control.start(campaign, by=None, now=now())
        assert isinstance(started, control.Moved), started


def now() -> datetime:
    return datetime.now(UTC)


@contextlib.contextmanager
def opened() -> Iterator[Centre]:
    """Everything that rings, for one test; whatever it did, no safety promise is broken in the end."""
    carrier = subprocess.Popen(
        [sys.executable, "-m", "telephony.drivers.simulated.server", "--listen", "127.0.0.1:0", "--announcement-lasts", "0.5"],
        cwd=settings.BASE_DIR,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert carrier.stdout is not None
    url = carrier.stdout.readline().removeprefix("listening on ").strip()
    nodes.forget()
    Node.objects.update(enabled=False, listening_until=None)
    node = Node.objects.create(name="south", url=url)
    stopping = threading.Event()
    # what workers would do is done by a thread: the tasks themselves, without a broker
    hands = ThreadPoolExecutor(max_workers=HANDS, thread_name_prefix="worker")

    def work(task: str, args: list[Any]) -> None:
        try:
            current_app.tasks[task](*args)
        except Exception:
            log.exception("%s failed", task)

    def send(task: str, args: list[Any], **_: Any) -> None:
        with contextlib.suppress(RuntimeError):  # told too late: the centre closes
            hands.submit(work, task, args)

    def listen() -> None:
        try:
            Pump(node, stopping=stopping, say=lambda _: None).run()
        finally:
            connections.close_all()

    pump = threading.Thread(target=listen, daemon=True)
    pump.start()
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(wake, "_send", send)
            eventually(lambda: Node.objects.get(pk=node.pk).listening_until)
            yield Centre(WorldControl(url))
            invariants.check(now=now())
    finally:
        stopping.set()
        pump.join(timeout=WITHIN)
        together = threading.Barrier(HANDS)

        def let_go() -> None:
            together.wait(timeout=WITHIN)
            connections.close_all()

        for _ in range(HANDS):
            hands.submit(let_go)
        hands.shutdown(wait=True)
        carrier.terminate()
        carrier.stdout.close()
        carrier.wait(timeout=WITHIN)
        nodes.forget()
