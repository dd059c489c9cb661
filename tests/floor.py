"""A call centre on a virtual clock: real PostgreSQL, real Redis, the simulated carrier in process, people with names.

Time passes only in `run`: from carrier event to timer to tick, whatever comes first; a tick that could find nothing is left out. Messages
to workers are delivered after the step that sent them, unless a test loses, doubles or holds them. What lives in Redis for a second or ten
dies by this clock, and so do breakers and time limits.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents import desk
from agents.desk import Answer, Done
from agents.live import board
from agents.live.board import Free
from agents.models import Agent, Interaction, NotReadyReason, Session, Station, User
from campaigns import invariants, live, number_checks
from campaigns.flow import (
    control,
    dispatch,
    filled_in,
    more_time,
    next_for,
    offer,
    phone,
    place,
    progress,
    pull,
    sweep,
    take_part,
    third_parties,
    wrap_up,
)
from campaigns.models import (
    Attempt,
    CallableHours,
    Callback,
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
from campaigns.rules.lifecycle import Boost, WaitReason
from campaigns.rules.number_keys import number_key
from campaigns.rules.outcomes import DispositionClass
from campaigns.rules.permit.hours import DAYS
from dialer_project.lib import redis, sql, wake
from telephony import commands, media, nodes, reconciliation
from telephony.calls import ANSWERED_WITHIN
from telephony.drivers import choose
from telephony.drivers.base import CarrierDown, Leg, LostCarrier, Placed, Placing, Subscription
from telephony.drivers.simulated.in_process import SimulatedCarrier
from telephony.drivers.simulated.script import Answers, Script, seconds
from telephony.drivers.simulated.world import World
from telephony.models import Announcement, Call, CallerId, Node, Trunk
from telephony.rules.events import CarrierEvent, Happened

# a Tuesday, ten in the morning in Madrid
MORNING = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)
URL = "floor"
# as in workers.event_pump and workers.schedule
RECONCILE_EVERY = 10.0
SLOW_TICK_EVERY = 15.0
RECONNECT_AFTER = 0.5
ORPHAN_LOOKS = 2
# a tick comes so often even where nothing seems to be due
AT_LEAST_EVERY = 60.0

Message = tuple[str, list[Any]]


class Mishaps(logging.Handler):
    """What was caught and logged so that the rest could go on: in a test nothing may be."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.found.append(self.format(record))


class Clock:
    def __init__(self, now: datetime) -> None:
        self.now = now


class Witness(World):
    """The world, which also remembers what really happened, whether anybody listened or not."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.placed: list[tuple[datetime, Leg]] = []
        self.happened: dict[UUID, list[tuple[Happened, datetime]]] = {}

    def place(self, leg: Leg, now: datetime) -> Placing:
        placing = super().place(leg, now)
        if isinstance(placing, Placed):
            self.placed.append((self._clock(), leg))
        return placing

    def _tell(self, kind: Happened, call: Any, **about: Any) -> None:
        if call is not None:
            self.happened.setdefault(call.call_id, []).append((kind, self._clock()))
        super()._tell(kind, call, **about)

    def when(self, call_id: UUID, kind: Happened) -> datetime | None:
        return next((at for what, at in self.happened.get(call_id, ()) if what is kind), None)

    def customers(self) -> list[Leg]:
        """Every call to a customer that was really placed."""
        return [leg for _, leg in self.placed if leg.party == "customer"]


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
    def where(self) -> tuple[str, str]:
        lead = self.now()
        return lead.state, lead.reason

    @property
    def attempts(self) -> list[Attempt]:
        return list(Attempt.objects.filter(lead=self.lead).order_by("planned_at", "id"))

    @property
    def outcomes(self) -> list[str | None]:
        return [attempt.outcome for attempt in self.attempts]

    @property
    def dialed(self) -> list[str]:
        """The numbers dialed, in order."""
        return [attempt.e164 for attempt in self.attempts if attempt.dialed_at]


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
        assert isinstance(answer := self.signs_in(), Done), answer
        if self.station.leg_mode == Station.LegMode.NAILED_UP:
            self.floor.run(until=lambda: self.session.leg_state == "up", at_most=5)
        if ready:
            assert isinstance(self.goes_ready(), Done)
            self.floor.deliver()
        return self

    def signs_in(self) -> Answer:
        return phone.sign_in(self.id, self.station.pk, now=self.floor.now)

    def signs_out(self) -> Answer:
        return phone.sign_out(self.id, now=self.floor.now)

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
        return Session.objects.select_related("reason", "pending_reason").get(agent_id=self.id)

    @property
    def not_ready(self) -> str | None:
        """The reason, or None where they are Ready."""
        session = self.session
        return None if session.voice_ready else session.reason.code if session.reason else ""

    @property
    def work(self) -> Interaction | None:
        return Interaction.objects.filter(agent_id=self.id).exclude(phase="closed").first()

    @property
    def phase(self) -> str | None:
        work = self.work
        return work.phase if work else None

    @property
    def free(self) -> bool:
        return any(seat.agent_id == self.id for seat in desk.all_free())

    @property
    def stands(self) -> bool:
        """Whether the hot projection has them in all of their lines."""
        seats = [seat for seat in desk.all_free() if seat.agent_id == self.id]
        return bool(seats) and not board.absent([Free(seat.agent_id, seat.since or self.floor.now, seat.stands_in) for seat in seats])

    @property
    def closed(self) -> list[str]:
        """How their pieces of work ended, in order."""
        return list(Interaction.objects.filter(agent_id=self.id, phase="closed").order_by("opened_at", "id").values_list("closed_because", flat=True))

    @property
    def leg(self) -> UUID:
        """Their phone's leg: the one for the shift, else the one for the work in hand."""
        session, work = self.session, self.work
        found = session.leg or (work.agent_call_id if work else None)
        assert found
        return found

    def _work(self) -> UUID:
        work = self.work
        assert work, f"{self.agent} has nothing in hand"
        return work.pk

    def gets(self, campaign: Campaign) -> Answer:
        """Get Record, or Get customers."""
        answer = pull.get_record(self.id, campaign.pk, now=self.floor.now)
        self.floor.deliver()
        return answer

    def runs(self, campaign: Campaign) -> Answer:
        return take_part.join(self.id, campaign.pk, now=self.floor.now)

    def stops(self, campaign: Campaign) -> Answer:
        return take_part.stop(self.id, campaign.pk, now=self.floor.now)

    def turns(self, channel: str, *, on: bool) -> Answer:
        return next_for.set_channel(self.id, channel, ready=on, now=self.floor.now)

    def sees(self) -> Answer:
        """The console shows the offer, and says so."""
        return offer.shown(self._work(), self.id, now=self.floor.now)

    def calls(self, number: str = "", *, caller_id: int | None = None) -> Answer:
        """Call, on the number chosen in the picker."""
        work = Interaction.objects.get(pk=self._work())
        chosen = PhoneNumber.objects.get(contact__leads=work.lead_id, e164=number).pk if number else None
        return offer.call(work.pk, self.id, number=chosen, caller_id=caller_id, now=self.floor.now)

    def enters(self, **parts: Any) -> None:
        """On the screen, where it is kept as a draft."""
        assert filled_in.save(self._work(), self.id, parts, now=self.floor.now) == desk.DONE

    def chooses(self, disposition: str) -> None:
        """And does not press Done yet."""
        self.enters(disposition=Disposition.objects.get(code=disposition).pk)

    def dials_new(self, number: str, *, kind: str = "other") -> Answer:
        return offer.call_new_number(self._work(), self.id, number=number, kind=kind, caller_id=None, now=self.floor.now)

    def waits(self) -> Answer:
        return offer.wait(self._work(), self.id, now=self.floor.now)

    def declines(self, *, never: bool = False) -> Answer:
        return offer.decline(self._work(), self.id, never=never, now=self.floor.now)

    def accepts(self) -> Answer:
        return offer.accept(self._work(), self.id, now=self.floor.now)

    def rejects(self, reason: str = "") -> Answer:
        return offer.reject(self._work(), self.id, reason=reason, now=self.floor.now)

    def wants_more_time(self) -> Answer:
        return more_time.more(self._work(), self.id, now=self.floor.now)

    def hangs_up(self) -> Answer:
        return wrap_up.hang_up(self._work(), self.id, now=self.floor.now)

    def finishes(self, disposition: str | None = "sale", *, note: str = "", stop: bool = False) -> Answer:
        chosen = Disposition.objects.get(code=disposition).pk if disposition else None
        return wrap_up.finish(self._work(), self.id, disposition_id=chosen, note=note, stop=stop, now=self.floor.now)

    def puts_the_phone_down(self) -> None:
        """On the phone itself, not on the screen."""
        assert self.floor.world.far_hangs_up(self.leg, self.floor.now)

    def phone_dies(self) -> None:
        """Or the page it lives in goes: its leg looks alive for a while."""
        self.floor.world.station_down(self.station.endpoint, self.floor.now)

    def phone_is_back(self) -> None:
        self.floor.world.station_up(self.station.endpoint, self.floor.now)


@dataclass
class Floor:
    clock: Clock
    world: Witness
    script: Script
    carrier: SimulatedCarrier
    node: Node
    mishaps: Mishaps = field(default_factory=Mishaps)
    # what a test does with messages before they are delivered: none lost, none doubled
    post: Callable[[Message], Sequence[Message]] = field(default=lambda message: [message])
    messages: list[Message] = field(default_factory=list)
    late: list[tuple[datetime, Message]] = field(default_factory=list)
    sweeps: bool = True
    sweeps_every: float = 1.0
    pump_runs: bool = True  # False: frozen, its connection kept
    shows_offers: bool = True  # False: the screens are dead, and nobody says that an offer is seen
    listening: Subscription | None = None
    lease: nodes.Lease | None = None
    timers: list[tuple[datetime, UUID]] = field(default_factory=list)
    ticks: int = 0
    _ticked: datetime = MORNING
    _slow_ticked: datetime = MORNING
    _reconciled: datetime = MORNING
    _said_so: datetime = MORNING
    _expired: datetime = MORNING
    _expired_slow: datetime = MORNING
    _listen_again_at: datetime | None = None
    _orphans: dict[UUID, int] = field(default_factory=dict)
    _numbers: int = 0
    _down_since: datetime | None = None

    def __post_init__(self) -> None:
        self._ticked = self._slow_ticked = self._reconciled = self._said_so = self._expired = self._expired_slow = self.clock.now

    @property
    def now(self) -> datetime:
        return self.clock.now

    # --- the pump, as workers.event_pump does it -------------------------------------------------------------------------------

    def listen(self, *, slow: float = 0) -> None:
        """The pump connects: it takes the lease and, the slow one seconds later, reconciles."""
        self.listening = self.carrier.listen()
        self._listen_again_at = None
        self.lease = nodes.take_lease(self.node, holder="test", boot=self.listening.boot, now=self.now)
        if slow:
            self.pump_runs = False
            self.run(slow)
            self.pump_runs = True
        self.reconcile()

    def stop_listening(self) -> None:
        """In good order: it says so."""
        self.pump_dies()
        assert self.lease
        nodes.stopped_listening(self.lease, now=self.now)

    def pump_dies(self) -> None:
        """kill -9: its connection is gone, its timers too, and nobody says so until its time runs out."""
        if self.listening is not None:
            self.listening.close()
        self.listening = None
        self.timers.clear()
        self._listen_again_at = None

    def reconcile(self) -> None:
        """As the pump: messages heard while nobody listened, then what was told before the listing; orphans are hung up at the second look."""
        self._reconciled = self.now
        try:
            listing = nodes.ask(self.node, lambda carrier: carrier.list())
        except nodes.NodeAway:
            return
        self.hear(reconciliation.heard_the_message(listing, node_id=self.node.pk, node_name=self.node.name))
        self._hear_what_is_told()
        if self.listening is None:
            return
        found = reconciliation.reconcile(listing, node_id=self.node.pk, node_name=self.node.name, now=self.now)
        self.hear(found.events)
        commands.raise_guards(self.node.pk, dict.fromkeys(reconciliation.in_a_bridge(listing)))
        progress.stations_listed(listing.stations, node_id=self.node.pk, now=self.now)
        third_parties.put_right(listing.bridges, node_id=self.node.pk)
        orphans = {call.call_id for call in found.orphans}
        self._orphans = {call_id: self._orphans.get(call_id, 0) + 1 for call_id in orphans}
        commands.hang_up((self.node.pk, call_id) for call_id, looks in self._orphans.items() if looks >= ORPHAN_LOOKS)

    def hear(self, events: Sequence[CarrierEvent]) -> None:
        if events:
            for call in progress.happened(events, node_id=self.node.pk, now=self.now):
                self.timers.append(((call.waits_since or self.now) + ANSWERED_WITHIN, call.id))

    def pump(self) -> None:
        if not self.pump_runs:
            return
        if self._listen_again_at is not None and self.now >= self._listen_again_at:
            try:
                self.listen()
                self._down_since = None
            except CarrierDown:
                self._listen_again_at = self.now + timedelta(seconds=RECONNECT_AFTER)
                self._down_since = self._down_since or self.now
                if self.now - self._down_since >= nodes.GONE_AFTER:
                    progress.node_gone(self.node.pk, now=self.now)
        self._hear_what_is_told()
        over = [call_id for at, call_id in self.timers if at <= self.now]
        if over:
            self.timers = [timer for timer in self.timers if timer[0] > self.now]
            progress.time_is_up(over, now=self.now)
        if self.listening is not None and self.now >= self._reconciled + timedelta(seconds=RECONCILE_EVERY):
            self.reconcile()

    def _hear_what_is_told(self) -> None:
        try:
            while self.listening is not None and (events := self.listening.next(0)):
                self.hear(events)
        except LostCarrier:
            self.stop_listening()
            self._listen_again_at = self.now + timedelta(seconds=RECONNECT_AFTER)

    # --- workers -----------------------------------------------------------------------------------------------------------------

    def deliver(self) -> None:
        """What was sent to workers is done now, and what that sends, until nothing is left."""
        for _ in range(200):
            self._screens_show_offers()
            if not self.messages:
                return
            waiting, self.messages = self.messages, []
            for message in waiting:
                for name, args in self.post(message):
                    self.do(name, args)
        raise AssertionError("the workers send each other messages without end")

    def _screens_show_offers(self) -> None:
        if self.shows_offers:
            for row in sql.rows(
                "SELECT i.id, i.agent_id FROM agents_interaction i JOIN agents_session s ON s.agent_id = i.agent_id AND s.present"
                " WHERE i.phase = 'offered' AND i.progress = ''"
            ):
                offer.shown(row.id, row.agent_id, now=self.now)

    def do(self, name: str, args: list[Any]) -> None:
        match name.rsplit(".", 1)[-1]:
            case "dispatch":
                wake.dispatch_taken(args[0])
                dispatch.dispatch(args[0], now=self.now)
            case "dial":
                phone.legs_ended(place.dial_interaction(UUID(args[0]), now=self.now), now=self.now)
            case "hang_up":
                commands.hang_up_by_id([UUID(i) for i in args[0]])
            case "check_numbers":
                wake.check_numbers_taken(args[0])
                number_checks.ask(args[0], now=self.now)
            case "fetch_recording":
                media.fetch(args[0], now=self.now)
            case _:
                raise AssertionError(name)

    def loses_messages(self) -> None:
        """From now on nothing reaches a worker: only the sweep is left."""
        self.post = lambda message: []

    def doubles_messages(self) -> None:
        self.post = lambda message: [message, message]

    def delays_messages(self, by: float) -> None:
        """Every message comes this much later, and what it was about may be over."""

        def hold(message: Message) -> list[Message]:
            self.late.append((self.now + timedelta(seconds=by), message))
            return []

        self.post = hold

    def tick(self) -> None:
        self.ticks += 1
        self._ticked = self.now
        sweep.every_second(now=self.now)
        number_checks.look_ahead(now=self.now)
        self.deliver()
        if self.now >= self._slow_ticked + timedelta(seconds=SLOW_TICK_EVERY):
            self._slow_ticked = self.now
            sweep.every_quarter_minute(now=self.now)
            self.deliver()

    # --- time --------------------------------------------------------------------------------------------------------------------

    def run(self, for_: float = 0.0, *, until: Callable[[], object] | None = None, at_most: float = 120.0) -> None:
        """Lets time pass: so many seconds, or until something is so (at most so long, or the test fails)."""
        end = self.now + timedelta(seconds=for_ if until is None else at_most)
        self.deliver()
        self.carrier.run_until(self.now)
        self.pump()
        self.deliver()
        while True:
            if until is not None and until():
                return
            if self.now >= end:
                if until is not None:
                    raise AssertionError(f"it did not come so within {at_most} s")
                return
            self._pass_to(self._next_moment(end))

    def jumps_to(self, at: datetime) -> None:
        """A long time in which nothing happens: no tick, and whoever is there is still there afterwards."""
        assert at >= self.now
        self.clock.now = self._ticked = self._slow_ticked = self._reconciled = at
        if self.lease is not None and self.listening is not None:
            nodes.still_listening(self.lease, now=at)
        self._let_keys_die()
        self.carrier.run_until(at)

    def _next_moment(self, end: datetime) -> datetime:
        moments = [end, *(at for at, _ in self.late)]
        if (at := self.carrier.next_at()) is not None:
            moments.append(at)
        if self.pump_runs:
            moments += [at for at, _ in self.timers]
            if self._listen_again_at is not None:
                moments.append(self._listen_again_at)
            if self.listening is not None and self._calls_live():
                moments.append(self._reconciled + timedelta(seconds=RECONCILE_EVERY))
        if self.sweeps:
            moments.append(self._next_tick())
        return max(self.now, min(moments))

    def _calls_live(self) -> bool:
        """Whether reconciliation could find anything: a call, but a phone that is simply there for the shift."""
        return Call.objects.exclude(state__in=("planned", "ended")).exclude(party="agent", state__in=("answered", "connected")).exists()

    def _next_tick(self) -> datetime:
        """The first tick that may find something."""
        every = timedelta(seconds=self.sweeps_every)
        due = self._due_at()
        latest = self._ticked + timedelta(seconds=max(AT_LEAST_EVERY, self.sweeps_every))
        wanted = min(due, latest) if due is not None else latest
        ticks = max(1, -(-(wanted - self._ticked) // every))
        return self._ticked + ticks * every

    def _due_at(self) -> datetime | None:
        """When a sweep could find something to do, by what the rows say; too early costs time, too late would fail a test."""
        found = sql.rows(
            """
            SELECT min(at) AS at, bool_or(free) AS free, bool_or(due) AS due, max(epoch) AS epoch FROM (
                SELECT least(deadline, dial_due + interval '1 second') AS at, false AS free, false AS due, 0::bigint AS epoch
                    FROM agents_interaction WHERE phase <> 'closed'
                UNION ALL SELECT deadline, false, false, 0 FROM telephony_call WHERE state IN ('planned', 'unresolved', 'announcing')
                UNION ALL SELECT came_at + interval '2 seconds', false, false, 0 FROM campaigns_inboundcall b
                    JOIN telephony_call c ON c.id = b.call_id AND c.state = 'ringing' WHERE b.state = 'waiting'
                UNION ALL SELECT waits_since + interval '2 seconds', false, false, 0 FROM telephony_call WHERE state = 'answered' AND party = 'customer'
                UNION ALL SELECT CASE WHEN n.draining THEN %(now)s ELSE coalesce(n.silent_since, n.listening_until) + interval '10 seconds' END, false, false, 0
                    FROM agents_session s JOIN telephony_node n ON n.id = s.node_id AND EXISTS (SELECT 1 FROM telephony_node m WHERE m.id <> n.id)
                    WHERE s.signed_in_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM agents_interaction i WHERE i.agent_id = s.agent_id AND i.phase <> 'closed')
                UNION ALL SELECT CASE state WHEN 'waiting' THEN wait_until ELSE given_at + interval '3 seconds' END, false, false, 0
                    FROM campaigns_inboundcall WHERE state = 'waiting' OR (state = 'given' AND answered_at IS NULL)
                UNION ALL SELECT CASE WHEN l.next_call_at > %(now)s THEN l.next_call_at END, false, l.next_call_at <= %(now)s, 0
                    FROM campaigns_lead l JOIN campaigns_campaign c ON c.id = l.campaign_id AND c.state = 'running' WHERE l.state = 'waiting'
                UNION ALL SELECT fallback_at, false, false, 0 FROM campaigns_callback WHERE state = 'open' AND fallback_at > %(now)s
                UNION ALL SELECT starts_at, false, false, 0 FROM campaigns_campaign WHERE state = 'running' AND starts_at > %(now)s
                UNION ALL SELECT CASE WHEN s.nailed_up AND s.leg IS NULL AND s.present THEN %(now)s END,
                        (s.voice_ready OR s.preview_ready OR s.joined_lines <> '{}') AND s.present AND (NOT s.nailed_up OR s.leg_state = 'up')
                        AND NOT EXISTS (SELECT 1 FROM agents_interaction i WHERE i.agent_id = s.agent_id AND i.phase <> 'closed'), false, 0
                    FROM agents_session s WHERE s.signed_in_at IS NOT NULL
                UNION ALL SELECT %(now)s, false, false, 0 FROM agents_interaction i JOIN agents_session s USING (agent_id)
                    LEFT JOIN telephony_call g ON g.id = i.agent_call_id
                    WHERE i.phase IN ('ringing_agent', 'dialing') AND i.call_id IS NOT NULL AND CASE WHEN s.nailed_up THEN s.leg_state <> 'up' OR NOT s.present ELSE g.state = 'ended' END
                UNION ALL SELECT absent_since + interval '90 seconds', false, false, 0 FROM agents_session s WHERE NOT present
                    AND (voice_ready OR EXISTS (SELECT 1 FROM agents_interaction i WHERE i.agent_id = s.agent_id
                                                AND i.phase IN ('offered', 'preview', 'checking')))
                UNION ALL SELECT %(now)s, false, false, 0 FROM campaigns_attempt a JOIN campaigns_campaign c ON c.id = a.campaign_id
                    WHERE a.state = 'open' AND c.state = 'stopped' AND c.at_stop = 'cancel'
                UNION ALL SELECT greatest(s.ask_again_at, %(now)s), false, false, 0 FROM campaigns_validationservice s
                    WHERE EXISTS (SELECT 1 FROM campaigns_lead l JOIN campaigns_campaign c ON c.id = l.campaign_id AND c.state = 'running'
                                  WHERE c.validation_service_id = s.id AND l.state = 'waiting' AND l.next_call_at <= %(now)s)
                       OR EXISTS (SELECT 1 FROM campaigns_numbercheck v WHERE v.service_id = s.id AND v.wanted_at IS NOT NULL)
                UNION ALL SELECT %(now)s, false, false, 0 FROM campaigns_attempt a JOIN campaigns_campaign c ON c.id = a.campaign_id
                    WHERE a.state = 'open' AND a.interaction_id IS NULL AND c.mode_key IN ('power', 'predictive')
                      AND NOT EXISTS (SELECT 1 FROM agents_session s WHERE s.voice_ready AND s.present AND 'c' || c.id = ANY(s.lines))
                UNION ALL SELECT %(now)s, false, false, 0 FROM campaigns_attempt a JOIN campaigns_campaign c ON c.id = a.campaign_id
                    WHERE a.state = 'open' AND NOT c.auto_answer AND a.interaction_id IS NOT NULL
                      AND NOT EXISTS (SELECT 1 FROM agents_interaction i WHERE i.call_id = a.id AND i.phase <> 'closed')
                UNION ALL SELECT coalesce(fetch_at, started_at + interval '10 seconds'), false, false, 0 FROM telephony_recording
                    WHERE fetch_at IS NOT NULL OR state = 'wanted'
                UNION ALL SELECT NULL, false, false, epoch FROM agents_board
            ) AS something
            """,
            {"now": self.now},
        )[0]
        if (found.free and found.due) or redis.hot().get(redis.key("board", "epoch")) != str(found.epoch):
            return self.now
        if found.free:
            free = desk.all_free()
            if board.absent([Free(seat.agent_id, seat.since or self.now, seat.stands_in) for seat in free]):
                return self.now
        at: datetime | None = found.at
        return at

    def _pass_to(self, moment: datetime) -> None:
        self.clock.now = moment
        if self.pump_runs and self.listening is not None and self.lease and moment >= self._said_so + timedelta(seconds=1):
            self._said_so = moment
            nodes.still_listening(self.lease, now=moment)
        self._let_keys_die()
        self.carrier.run_until(moment)
        self.pump()
        self.deliver()
        if arrived := [message for at, message in self.late if at <= moment]:
            self.late = [(at, message) for at, message in self.late if at > moment]
            for name, args in arrived:
                self.do(name, args)
            self.deliver()
        if self.sweeps and moment >= self._ticked + timedelta(seconds=self.sweeps_every) and moment >= self._next_tick():
            self.tick()

    def _let_keys_die(self) -> None:
        """Redis counts real seconds; what would have expired by ours is deleted."""
        if self.now >= self._expired + timedelta(seconds=1):
            self._expired = self.now
            self._delete("wake", "again", "check")
        if self.now >= self._expired_slow + timedelta(seconds=10):
            self._expired_slow = self.now
            self._delete("floor", "groups")

    def _delete(self, *kinds: str) -> None:
        for kind in kinds:
            if names := list(redis.hot().scan_iter(match=redis.key(kind, "*"), count=1000)):
                redis.hot().delete(*names)

    # --- what goes wrong -----------------------------------------------------------------------------------------------------------

    def empties_redis(self) -> None:
        redis.hot().flushdb()

    def stalls(self, for_: float) -> None:
        """The carrier takes commands in and carries them out only then; whoever asked has given up."""
        self.world.stall(self.now + timedelta(seconds=for_), self.now)

    # --- people ----------------------------------------------------------------------------------------------------------------

    def agent(self, name: str, *, leg_mode: str = Station.LegMode.NAILED_UP, endpoint: str = "") -> Someone:
        user = User.objects.create(username=name.lower(), first_name=name)
        station = Station.objects.create(name=name.lower(), endpoint=endpoint or name.lower(), leg_mode=leg_mode)
        if not endpoint:
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
                "message": Announcement.objects.get(name="abandoned"),
                "hours": CallableHours.objects.get(name="always"),
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
            self.starts(campaign)
        campaign.refresh_from_db()
        return campaign

    def starts(self, campaign: Campaign) -> None:
        if campaign.state == "unapproved":
            assert isinstance(control.approve(campaign, by=None, now=self.now), control.Moved)
        assert isinstance(started := control.start(campaign, by=None, now=self.now), control.Moved), started

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
        at: datetime | None = None,
    ) -> Person:
        """A lead of the campaign; `meets`: what becomes of the first, second … call to their first number."""
        group, _ = ZoneGroup.objects.get_or_create(zones=sorted(zones))
        if contact is None:
            chosen = [self.new_number() for _ in range(numbers)] if isinstance(numbers, int) else list(numbers)
            contact = Contact.objects.create(first_name=name, last_name="López")
            PhoneNumber.objects.bulk_create(
                [
                    PhoneNumber(contact=contact, e164=e164, number_key=number_key(e164, settings.NUMBER_KEY), position=i, zones=list(zones))
                    for i, e164 in enumerate(chosen)
                ]
            )
        else:
            chosen = [number.e164 for number in contact.phones.all()]
        lead = Lead.objects.create(
            campaign=campaign, calling_list=campaign.lists.get(), contact=contact, zone_group=group, next_call_at=at or self.now
        )
        live.forget_floors(campaign.pk)
        if meets:
            self.script.say(chosen[0], *meets)
        return Person(lead, contact, chosen)

    def promises(self, person: Person, someone: Someone | None, *, at: datetime, fallback_at: datetime | None = None) -> Callback:
        """A callback, as a wrap-up would have booked it: personal where somebody is named."""
        callback = Callback.objects.create(
            lead=person.lead,
            kind="personal" if someone else "group",
            agent=someone.agent if someone else None,
            due_at=at,
            fallback_at=fallback_at,
        )
        Callback.objects.filter(pk=callback.pk).update(created_at=self.now)
        Lead.objects.filter(pk=person.lead.pk).update(
            state="waiting",
            reason=WaitReason.CALLBACK,
            boost=Boost.CALLBACK_DUE,
            next_call_at=at,
            reserved_for=someone.agent if someone else None,
        )
        return callback

    def rule(
        self, campaign: Campaign, outcome: str, *, attempts: int = 3, minutes: int = 10, next_number: bool = False, growing: bool = False
    ) -> None:
        RetryRule.objects.create(
            campaign=campaign, outcome=outcome, max_attempts=attempts, delay_minutes=minutes, next_number=next_number, growing=growing
        )

    # --- what was so in the end ----------------------------------------------------------------------------------------------------

    def placed(self, number: str) -> int:
        """How many calls the carrier itself has seen to this number."""
        return sum(1 for leg in self.world.customers() if leg.to.value == number)

    @property
    def rings_now(self) -> int:
        """Customers' calls that live, by our ledger."""
        return Call.objects.filter(party="customer").exclude(state="ended").count()

    def check(self) -> None:
        assert not self.mishaps.found, "\n".join(self.mishaps.found)
        invariants.check(now=self.now)

    def agrees_with_the_carrier(self) -> None:
        """The ledger against what the carrier really did: every call placed has its attempt, once; answers and conversations are the same.

        For when everything has come to rest. A call the ledger knows as dialed and the carrier never saw is one that was refused at once,
        or whose fate was never learnt.
        """
        really = [leg.call_id for leg in self.world.customers()]
        assert len(really) == len(set(really)), "the carrier saw one call twice"
        ledger = {attempt.pk: attempt for attempt in Attempt.objects.exclude(dialed_at=None)}
        assert set(really) <= set(ledger), "the carrier saw calls that the ledger does not know as dialed"
        for call_id, attempt in ledger.items():
            if call_id not in set(really):
                assert attempt.outcome in ("unknown", "cancelled", "failed", "congestion", "trunk_not_responding"), attempt.outcome

    def at_rest(self) -> None:
        """Nothing is on its way: no call, no attempt, no lead without an owner; who is free stands in their lines."""
        assert not Attempt.objects.filter(state="open").exists()
        assert not Call.objects.filter(party="customer").exclude(state="ended").exists()
        held = set(Interaction.objects.exclude(phase="closed").values_list("lead_id", flat=True))
        assert set(Lead.objects.filter(state="busy").values_list("pk", flat=True)) <= held
        free = desk.all_free()
        assert not board.absent([Free(seat.agent_id, seat.since or self.now, seat.stands_in) for seat in free]), "somebody free stands nowhere"

    def queries(self) -> CaptureQueriesContext:
        return CaptureQueriesContext(connection)


def open_floor(monkeypatch: pytest.MonkeyPatch, *, seed: int = 1, at: datetime = MORNING, script: Script | None = None) -> Floor:
    redis.hot().flushdb()
    board.forget()
    nodes.forget()
    clock = Clock(at)
    script = script or Script()
    world = Witness(seed, script)
    carrier = SimulatedCarrier(world, clock)
    choose.use("simulated", URL, carrier)
    ticking = SimpleNamespace(monotonic=lambda: clock.now.timestamp())
    for module in ("telephony.nodes", "telephony.calls", "telephony.commands", "agents.live.board"):
        monkeypatch.setattr(f"{module}.time", ticking)
    monkeypatch.setattr("dialer_project.lib.clock.timezone", SimpleNamespace(now=lambda: clock.now))
    node = Node.objects.create(name="local", driver="simulated", url=URL)
    # tokens come by Redis's own clock, for which no time passes here
    trunk = Trunk.objects.create(name="trunk", endpoint="trunk", calls_per_second=10_000, max_calls=10_000)
    CallerId.objects.create(e164="+34910000000", verified=True, trunk=trunk)
    Announcement.objects.create(name="abandoned", media="sound:abandoned")
    for name, opens in (("always", ["00:00", "24:00"]), ("nine to nine", ["09:00", "21:00"])):
        CallableHours.objects.create(name=name, week={day: [opens] for day in DAYS})
    for code, system in (
        ("login", True),
        ("no_answer", True),
        ("connection_lost", True),
        ("wrap_up_expired", True),
        ("phone_lost", True),
        ("lunch", False),
    ):
        NotReadyReason.objects.get_or_create(code=code, defaults={"label": code.capitalize(), "system": system})
    for code, kind in (
        ("sale", DispositionClass.SUCCESS),
        ("no", DispositionClass.NOT_INTERESTED),
        ("again", DispositionClass.TRY_AGAIN),
        ("dnc", DispositionClass.DO_NOT_CALL),
        ("wrong", DispositionClass.WRONG_NUMBER),
        ("later", DispositionClass.NO_CALLBACK),
        ("other", DispositionClass.OTHER),
    ):
        Disposition.objects.create(code=code, label=code.capitalize(), kind=kind)
    floor = Floor(clock, world, script, carrier, node)
    monkeypatch.setattr(wake, "_send", lambda task, args, **_: floor.messages.append((task, list(args))))
    floor.listen()
    sweep.every_second(now=floor.now)
    return floor
