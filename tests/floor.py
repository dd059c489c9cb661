"""A call centre on a virtual clock: real PostgreSQL, real Redis, the simulated carrier in process, people with names.

Time passes only in `run`: from carrier event to timer to tick, whatever comes first. Messages to workers are kept and delivered after the
step that sent them, unless a test loses, doubles or holds them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings
from django.test.utils import CaptureQueriesContext
from django.db import connection

from agents.desk import Answer, Done
from agents.live import board
from agents.models import Agent, Interaction, NotReadyReason, Session, Station, User
from campaigns import invariants
from campaigns.flow import control, dispatch, next_for, offer, phone, place, progress, sweep, wrap_up
from campaigns.models import (
    Attempt,
    CallableHours,
    CallingList,
    Campaign,
    Contact,
    Disposition,
    Lead,
    Participation,
    PhoneNumber,
    RetryRule,
    ZoneGroup,
)
from campaigns.rules.number_keys import number_key
from campaigns.rules.outcomes import DispositionClass
from dialer_project.lib import redis, wake
from telephony import calls, nodes
from telephony.calls import ANSWERED_WITHIN
from telephony.drivers import choose
from telephony.drivers.base import LostCarrier, Subscription
from telephony.drivers.simulated.in_process import SimulatedCarrier
from telephony.drivers.simulated.script import Answers, Script, seconds
from telephony.drivers.simulated.world import World
from telephony.models import Announcement, CallerId, Node, Trunk
from telephony.rules.events import CarrierEvent

# a Tuesday, ten in the morning in Madrid
MORNING = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)
URL = "floor"


class Clock:
    def __init__(self, now: datetime) -> None:
        self.now = now


@dataclass
class Person:
    """Somebody who is called."""

    lead: Lead
    contact: Contact
    numbers: list[str]

    @property
    def number(self) -> str:
        return self.numbers[0]

    def now(self) -> Lead:
        return Lead.objects.get(pk=self.lead.pk)

    @property
    def outcomes(self) -> list[str | None]:
        return list(Attempt.objects.filter(lead=self.lead).order_by("planned_at").values_list("outcome", flat=True))


@dataclass
class Someone:
    """An agent, and what they do at their desk."""

    floor: "Floor"
    agent: Agent
    station: Station
    epoch: int = 0

    @property
    def id(self) -> int:
        return self.agent.pk

    def sits_down(self, *, ready: bool = True) -> "Someone":
        """Opens the console, signs in to the phone, waits for it, and goes Ready."""
        self.opens_console()
        answer = phone.sign_in(self.id, self.station.pk, now=self.floor.now)
        assert isinstance(answer, Done), answer
        if self.station.leg_mode == Station.LegMode.NAILED_UP:
            self.floor.run(until=lambda: self.session.leg_state == "up", at_most=5)
        if ready:
            assert isinstance(self.goes_ready(), Done)
            self.floor.deliver()
        return self

    def opens_console(self) -> None:
        self.epoch = phone.console_opened(self.id, now=self.floor.now)

    def closes_console(self) -> None:
        phone.console_closed(self.id, epoch=self.epoch, now=self.floor.now)

    def goes_ready(self) -> Answer:
        return next_for.go_ready(self.id, now=self.floor.now)

    def takes_break(self, reason: str = "lunch") -> Answer:
        return next_for.take_break(self.id, reason=reason, now=self.floor.now)

    @property
    def session(self) -> Session:
        return Session.objects.get(agent_id=self.id)

    @property
    def work(self) -> Interaction | None:
        return Interaction.objects.filter(agent_id=self.id).exclude(phase="closed").first()

    @property
    def phase(self) -> str | None:
        work = self.work
        return work.phase if work else None

    def accepts(self) -> Answer:
        assert (work := self.work)
        return offer.accept(work.pk, self.id, now=self.floor.now)

    def rejects(self) -> Answer:
        assert (work := self.work)
        return offer.reject(work.pk, self.id, now=self.floor.now)

    def hangs_up(self) -> Answer:
        assert (work := self.work)
        return wrap_up.hang_up(work.pk, self.id, now=self.floor.now)

    def finishes(self, disposition: str | None = "sale", *, note: str = "", stop: bool = False) -> Answer:
        assert (work := self.work)
        chosen = Disposition.objects.get(code=disposition).pk if disposition else None
        return wrap_up.finish(work.pk, self.id, disposition_id=chosen, note=note, stop=stop, now=self.floor.now)


@dataclass
class Floor:
    clock: Clock
    world: World
    script: Script
    carrier: SimulatedCarrier
    node: Node
    messages: list[tuple[str, list[Any]]] = field(default_factory=list)
    sweeps_every: float = 1.0
    listening: Subscription | None = None
    timers: list[tuple[datetime, UUID]] = field(default_factory=list)
    # what a test does with messages before they are delivered: none lost, none doubled
    post: Callable[[tuple[str, list[Any]]], Sequence[tuple[str, list[Any]]]] = staticmethod(lambda message: [message])
    pump_runs: bool = True
    _swept: datetime = MORNING
    _numbers: int = 0

    @property
    def now(self) -> datetime:
        return self.clock.now

    # --- the world -------------------------------------------------------------------------------------------------------------

    def listen(self) -> None:
        """The pump connects: it takes the lease and reconciles."""
        self.listening = self.carrier.listen()
        nodes.take_lease(self.node, holder="test", boot=self.listening.boot, now=self.now)
        self.reconcile()

    def stop_listening(self) -> None:
        assert self.listening
        self.listening.close()
        self.listening = None
        self.timers.clear()
        Node.objects.filter(pk=self.node.pk).update(listening_until=None)

    def reconcile(self) -> None:
        found = calls.reconcile(self.carrier.list(), node_id=self.node.pk, node_name=self.node.name, now=self.now)
        self.hear(found.events)

    def hear(self, events: Sequence[CarrierEvent]) -> None:
        for call in progress.happened(events, node_id=self.node.pk, now=self.now):
            self.timers.append(((call.answered_at or self.now) + ANSWERED_WITHIN, call.id))

    def deliver(self) -> None:
        """What was sent to workers is done now, and what that sends, until nothing is left."""
        for _ in range(200):
            if not self.messages:
                return
            waiting, self.messages = self.messages, []
            for message in waiting:
                for name, args in self.post(message):
                    self.do(name, args)
        raise AssertionError("the workers send each other messages without end")

    def do(self, name: str, args: list[Any]) -> None:
        match name.rsplit(".", 1)[-1]:
            case "dispatch":
                wake.dispatch_taken(args[0])
                dispatch.dispatch(args[0], now=self.now)
            case "dial":
                phone.legs_ended(place.dial_interaction(UUID(args[0]), now=self.now), now=self.now)
            case "hang_up":
                calls.hang_up_by_id([UUID(i) for i in args[0]])
            case _:
                raise AssertionError(name)

    def pump(self) -> None:
        if self.listening is None or not self.pump_runs:
            return
        try:
            events = self.listening.next(0)
        except LostCarrier:
            self.stop_listening()
            return
        if events:
            self.hear(events)
        over = [call_id for at, call_id in self.timers if at <= self.now]
        if over:
            self.timers = [timer for timer in self.timers if timer[0] > self.now]
            progress.time_is_up(over, now=self.now)

    def run(self, for_: float = 0.0, *, until: Callable[[], object] | None = None, at_most: float = 120.0) -> None:
        """Lets time pass: so many seconds, or until something is so (at most so long, or the test fails)."""
        end = self.now + timedelta(seconds=for_ if until is None else at_most)
        self.deliver()
        while True:
            if until is not None and until():
                return
            moments = [end, self._swept + timedelta(seconds=self.sweeps_every)]
            if (at := self.carrier.next_at()) is not None:
                moments.append(at)
            moments += [at for at, _ in self.timers] if self.pump_runs else []
            self.clock.now = max(self.now, min(moments))
            self.carrier.run_until(self.now)
            self.pump()
            self.deliver()
            if self.now >= self._swept + timedelta(seconds=self.sweeps_every):
                self._swept = self.now
                if self.listening is not None:
                    Node.objects.filter(pk=self.node.pk).update(listening_until=self.now + nodes.LISTENING_FOR)
                sweep.every_second(now=self.now)
                self.deliver()
            if self.now >= end:
                if until is not None and not until():
                    raise AssertionError(f"it did not come so within {at_most} s")
                return

    # --- people ----------------------------------------------------------------------------------------------------------------

    def agent(self, name: str, *, leg_mode: str = Station.LegMode.NAILED_UP) -> Someone:
        user = User.objects.create(username=name.lower(), first_name=name)
        station = Station.objects.create(name=name.lower(), endpoint=name.lower(), leg_mode=leg_mode)
        self.script.station(name.lower(), Answers(after=seconds(0.2)))
        return Someone(self, Agent.objects.create(user=user), station)

    def campaign(self, mode: str = "progressive", *, agents: Sequence[Someone] = (), start: bool = True, **fields: Any) -> Campaign:
        campaign = Campaign.objects.create(
            **{
                "name": f"{mode} {Campaign.objects.count() + 1}",
                "mode_key": mode,
                "call_application": "any",
                "trunk": Trunk.objects.get(),
                "caller_id": CallerId.objects.get(),
                "message": Announcement.objects.get(),
                "wrap_up_for": 30,
                "pool": 0,
                **fields,
            }
        )
        CallingList.objects.create(campaign=campaign, name="list")
        Participation.objects.bulk_create([Participation(campaign=campaign, agent=someone.agent) for someone in agents])
        control.edited(campaign, by=None, now=self.now)
        control.assignments_changed(now=self.now)
        if start:
            assert isinstance(control.approve(campaign, by=None, now=self.now), control.Moved)
            assert isinstance(started := control.start(campaign, by=None, now=self.now), control.Moved), started
        campaign.refresh_from_db()
        return campaign

    def new_number(self) -> str:
        self._numbers += 1
        return f"+3460000{self._numbers:04d}"

    def person(
        self,
        campaign: Campaign,
        name: str = "Maria",
        *meets: Any,
        numbers: Sequence[str] | int = 1,
        zones: Sequence[str] = ("Europe/Madrid",),
        contact: Contact | None = None,
    ) -> Person:
        """A lead of the campaign; `meets`: what becomes of the first, second … call to their first number."""
        chosen = [self.new_number() for _ in range(numbers)] if isinstance(numbers, int) else list(numbers)
        group, _ = ZoneGroup.objects.get_or_create(zones=sorted(zones))
        if contact is None:
            contact = Contact.objects.create(first_name=name, last_name="López")
            PhoneNumber.objects.bulk_create(
                [
                    PhoneNumber(contact=contact, e164=e164, number_key=number_key(e164, settings.NUMBER_KEY), position=i, zones=list(zones))
                    for i, e164 in enumerate(chosen)
                ]
            )
        lead = Lead.objects.create(
            campaign=campaign, calling_list=campaign.lists.get(), contact=contact, zone_group=group, next_call_at=self.now
        )
        if meets:
            self.script.say(chosen[0], *meets)
        return Person(lead, contact, chosen)

    def rule(self, campaign: Campaign, outcome: str, *, attempts: int = 3, minutes: int = 10, next_number: bool = False) -> None:
        RetryRule.objects.create(campaign=campaign, outcome=outcome, max_attempts=attempts, delay_minutes=minutes, next_number=next_number)

    def placed(self, number: str) -> int:
        """How many calls the carrier itself has seen to this number."""
        return sum(1 for leg in self.legs if leg.to.value == number)

    @property
    def legs(self) -> list[Any]:
        return self.world_legs

    world_legs: list[Any] = field(default_factory=list)

    def check(self) -> None:
        invariants.check(now=self.now)

    def queries(self) -> CaptureQueriesContext:
        return CaptureQueriesContext(connection)


def open_floor(monkeypatch: pytest.MonkeyPatch, *, seed: int = 1, at: datetime = MORNING) -> Floor:
    redis.hot().flushdb()
    board.forget()
    nodes.forget()
    clock = Clock(at)
    script = Script()
    world = World(seed, script)
    carrier = SimulatedCarrier(world, clock)
    choose.use("simulated", URL, carrier)
    node = Node.objects.create(name="local", driver="simulated", url=URL)
    trunk = Trunk.objects.create(name="trunk", endpoint="trunk")
    CallerId.objects.create(e164="+34910000000", verified=True, trunk=trunk)
    Announcement.objects.create(name="abandoned", media="sound:abandoned")
    CallableHours.objects.create(name="nine to nine", week={day: [["09:00", "21:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")})
    for code, system in (("login", True), ("no_answer", True), ("connection_lost", True), ("wrap_up_expired", True), ("lunch", False)):
        NotReadyReason.objects.create(code=code, label=code.capitalize(), system=system)
    for code, kind in (
        ("sale", DispositionClass.SUCCESS),
        ("no", DispositionClass.NOT_INTERESTED),
        ("again", DispositionClass.TRY_AGAIN),
        ("dnc", DispositionClass.DO_NOT_CALL),
        ("wrong", DispositionClass.WRONG_NUMBER),
        ("later", DispositionClass.NO_CALLBACK),
    ):
        Disposition.objects.create(code=code, label=code.capitalize(), kind=kind)
    floor = Floor(clock, world, script, carrier, node, _swept=at)
    monkeypatch.setattr(wake, "_send", lambda task, args, **_: floor.messages.append((task, list(args))))
    placing = carrier.place_many

    def place_many(legs: Sequence[Any]) -> Any:
        floor.world_legs.extend(legs)
        return placing(legs)

    monkeypatch.setattr(carrier, "place_many", place_many)
    floor.listen()
    sweep.every_second(now=floor.now)
    return floor
