"""The simulated carrier itself: calls, phones, bridges and what becomes of them, as pure computation.

It has no clock and does no I/O. Whoever owns it tells the time with every command and with `advance`, and gets the events
back with their exact times. Chances depend on the seed, the number and how often it was called, and on nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import heapify, heappop, heappush
from typing import Any
from uuid import UUID

from telephony.drivers.base import Address, AddressKind, CallStanding, CarrierCall, Leg, Listing, Placed, Placing, Refused
from telephony.drivers.simulated.script import Answers, Fails, Machine, NoAnswer, RefusedAtOnce, Script, TrunkSilent, rolls, seconds
from telephony.rules.events import CarrierEvent, Happened
from telephony.rules.hangup_causes import Cause, HungUpBy, who_ended

REMEMBERS_MESSAGES_FOR = timedelta(hours=1)
TIDY_FROM = 5_000  # entries of ended calls in the agenda before it is worth sweeping them out


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """What goes wrong between the carrier and its listener; shares of all events. `delay_by` at most."""

    drop: float = 0.0
    double: float = 0.0
    delay: float = 0.0
    delay_by: timedelta = timedelta(seconds=2)
    reorder: float = 0.0  # told after the next event of the same call


NO_FAULTS = Faults()


class _Call:
    """A call as the world holds it."""

    __slots__ = (
        "answered_at",
        "bridge",
        "call_id",
        "called",
        "dead",
        "detecting",
        "digits",
        "ended",
        "entering",
        "guard_raised",
        "guarded",
        "hanging_up",
        "held",
        "incoming",
        "leg",
        "machine",
        "message_played_at",
        "muted",
        "out_of_turn",
        "pending",
        "placed_at",
        "presses",
        "rang",
        "since",
        "snoops_on",
        "state",
        "station",
        "talks_for",
        "verdict_at",
        "whispers",
    )

    def __init__(self, call_id: UUID, leg: Leg, *, now: datetime, incoming: bool = False) -> None:
        self.call_id = call_id
        self.leg = leg
        self.incoming = incoming
        self.called = ""  # our number, of an incoming one
        self.station = leg.to.value if leg.to.kind is AddressKind.STATION else ""
        self.placed_at = self.since = now
        self.state = CallStanding.DIALING
        self.rang = False
        self.answered_at: datetime | None = None
        self.talks_for: timedelta | None = None
        self.presses: tuple[tuple[timedelta, str], ...] = ()
        self.machine = False
        self.detecting = False  # the carrier listens, and has not told its verdict
        self.verdict_at: datetime | None = None
        self.guarded = False
        self.guard_raised = False
        self.message_played_at: datetime | None = None
        self.bridge: UUID | None = None
        self.entering: UUID | None = None
        self.hanging_up = False
        self.held = False
        self.muted = False
        self.snoops_on: UUID | None = None
        self.whispers = False
        self.dead = False  # its phone is gone without a word
        self.digits = ""  # what we sent to it
        self.ended = False
        self.pending = 0  # its entries in the agenda
        self.out_of_turn: list[CarrierEvent] | None = None

    def ours(self) -> bool:
        """Up, and not out of our hands."""
        return self.state is CallStanding.UP and not self.detecting


@dataclass(slots=True)
class _Recording:
    name: str
    call: _Call | None
    bridge: UUID | None
    since: datetime
    paused_at: datetime | None = None
    paused: timedelta = timedelta()

    def lasted(self, now: datetime) -> float:
        """Seconds of it that are kept."""
        if self.paused_at is not None:
            self.paused, self.paused_at = self.paused + (now - self.paused_at), None
        return (now - self.since - self.paused).total_seconds()


class World:
    """One carrier and everybody who can be called through it."""

    def __init__(self, seed: int, script: Script, boot: str = "boot-1", *, node: str = "simulated") -> None:
        self.seed = seed
        self.script = script
        self.boot = self._first_boot = boot
        self.node = node
        self.faults = NO_FAULTS
        self.listening = False
        self.refusing: Cause | None = None
        self.stalled_until: datetime | None = None
        self.now: datetime | None = None
        self._restarts = 0
        self._agenda: list[tuple[datetime, int, _Call | None, Callable[..., None], tuple[Any, ...]]] = []
        self._entries = 0
        self._dead_entries = 0
        self._told: list[CarrierEvent] = []
        self._keys = 0
        self._calls: dict[UUID, _Call] = {}
        self._bridges: dict[UUID, set[UUID]] = {}
        self._recordings: dict[str, _Recording] = {}
        self._stored: dict[str, float] = {}  # seconds of those that have ended
        self._messages: dict[UUID, datetime] = {}
        self._times_called: dict[str, int] = {}
        self._stations: dict[str, bool] = {}
        self._dismissed: set[str] = set()
        self.music_in: set[UUID] = set()  # bridges
        self._incoming = 0

    # Time

    def advance(self, now: datetime) -> list[CarrierEvent]:
        """Lets the world live until now; everything told since the last time, in the order told."""
        self._live_until(now)
        told, self._told = self._told, []
        return told

    def next_at(self) -> datetime | None:
        """When something may happen next; None when nothing will unless somebody does something."""
        agenda = self._agenda
        while agenda and (call := agenda[0][2]) is not None and call.ended:
            heappop(agenda)
            self._dead_entries -= 1
        return agenda[0][0] if agenda else None

    def listener(self, present: bool, now: datetime) -> None:
        """What happens while nobody listens is told to nobody."""
        self._live_until(now)
        self.listening = present

    # Commands, as in base.Carrier

    def place(self, leg: Leg, now: datetime) -> Placing:
        self._live_until(now)
        now = self._clock()
        if self.refusing is not None:
            return Refused(self.refusing, "The carrier takes no calls.")
        if leg.call_id in self._calls:
            return Refused(Cause.FAILED, "There is a call of this id.", already_there=True)
        to = leg.to.value
        if leg.to.kind is AddressKind.STATION:
            if not self._stations.get(to, True):
                return Refused(Cause.UNAVAILABLE, "Allocation failed")
            self._stations.setdefault(to, True)
            meets = self.script.station_meets(to, auto_answer=leg.auto_answer)
        else:
            nth = self._times_called[to] = self._times_called.get(to, 0) + 1
            meets = self.script.number_meets(to, seed=self.seed, nth=nth)
        if isinstance(meets, RefusedAtOnce):
            return Refused(meets.cause, "The carrier refused.")
        call = _Call(leg.call_id, leg, now=now)
        self._calls[leg.call_id] = call
        gives_up_at = now + leg.ring_for
        match meets:
            case Answers():
                call.talks_for, call.presses = meets.talks_for, meets.presses
                self._comes(call, now + meets.after, self._answer, rings=meets.rings)
            case Machine():
                call.talks_for, call.machine = meets.talks_for, True
                self._comes(call, now + meets.after, self._answer, rings=self.script.rings)
            case NoAnswer():
                at = gives_up_at if meets.after is None else now + meets.after
                self._comes(call, at, self._end, Cause.NO_ANSWER, HungUpBy.CARRIER, rings=self.script.rings)
            case Fails():
                self._comes(call, now + meets.after, self._end, meets.cause, who_ended(meets.cause), rings=meets.rings)
            case TrunkSilent():
                self._at(gives_up_at, call, self._gives_up)
        return Placed()

    def answer(self, call_id: UUID, now: datetime) -> bool:
        call = self._find(call_id, now)
        if call is None or not call.incoming or call.state is not CallStanding.RINGING:
            return False
        self._answer(call)
        return True

    def hang_up(self, call_id: UUID, now: datetime) -> bool:
        call = self._find(call_id, now)
        if call is None:
            return False
        if not call.hanging_up:
            call.hanging_up = True
            self._at(self._clock() + self.script.hanging_up, call, self._end_by_us)
        return True

    def connect(self, bridge: UUID, call_ids: tuple[UUID, ...], now: datetime) -> bool:
        self._live_until(now)
        calls = [self._calls.get(each) for each in call_ids]
        if not all(call is not None and call.ours() for call in calls):
            return False
        for call in calls:
            if call is not None and call.bridge == bridge:
                call.entering = None  # it was about to leave for another
            elif call is not None and call.entering != bridge:
                call.entering = bridge
                self._at(self._clock() + self.script.bridging, call, self._enter, bridge)
        return True

    def leave(self, bridge: UUID, call_id: UUID, now: datetime) -> bool:
        call = self._find(call_id, now)
        if call is None or bridge not in (call.bridge, call.entering):
            return False
        if call.entering == bridge:
            call.entering = None
        if call.bridge == bridge:
            self._leave_bridge(call)
        return True

    def raise_guard(self, call_id: UUID, now: datetime) -> bool:
        call = self._find(call_id, now)
        if call is None or call.state is CallStanding.AWAY:
            return False
        call.guarded = False
        call.guard_raised = True
        return True

    def hold(self, call_id: UUID, now: datetime) -> bool:
        return self._hold(call_id, True, Happened.HELD, now)

    def resume(self, call_id: UUID, now: datetime) -> bool:
        return self._hold(call_id, False, Happened.RESUMED, now)

    def mute(self, call_id: UUID, muted: bool, now: datetime) -> bool:
        call = self._find_ours(call_id, now)
        if call is not None:
            call.muted = muted
        return call is not None

    def music(self, bridge: UUID, on: bool, now: datetime) -> bool:
        self._live_until(now)
        if bridge not in self._bridges:
            return False
        (self.music_in.add if on else self.music_in.discard)(bridge)
        return True

    def admit(self, name: str, now: datetime) -> bool:
        """Where nobody registers, a phone that may is there; it needs no secret here."""
        self._live_until(now)
        if name in self._dismissed or name not in self._stations:
            self._dismissed.discard(name)
            self._stations[name] = True
        return True

    def dismiss(self, name: str, now: datetime) -> bool:
        known = name in self._stations and name not in self._dismissed
        if known:
            self.station_down(name, now)
            self._dismissed.add(name)
        return known

    def play(self, call_id: UUID, announcement: str, then_hang_up: bool, now: datetime) -> bool:
        call = self._find_ours(call_id, now)
        if call is None:
            return False
        if then_hang_up:
            self._last_words(call, announcement, {})
            return True
        self._announce(call, announcement, {"goes_on": "1"})
        self._at(self._clock() + self._lasts(announcement), call, self._announced, announcement)
        return True

    def play_to_all(self, bridge: UUID, announcement: str, now: datetime) -> bool:
        self._live_until(now)
        if bridge not in self._bridges:
            return False
        self._tell(Happened.ANNOUNCEMENT_STARTED, None, bridge=bridge, data={"announcement": announcement, "goes_on": "1"})
        self._at(self._clock() + self._lasts(announcement), None, self._announced_to_all, bridge, announcement)
        return True

    def send_digits(self, call_id: UUID, digits: str, now: datetime) -> bool:
        call = self._find_ours(call_id, now)
        if call is not None:
            call.digits += digits
        return call is not None

    def record(self, what: UUID, name: str, now: datetime) -> bool:
        call = self._find(what, now)
        if call is not None and call.state is not CallStanding.UP:
            call = None
        if name in self._recordings or name in self._stored or (call is None and what not in self._bridges):
            return False
        self._recordings[name] = _Recording(name, call, None if call is not None else what, self._clock())
        self._tell(Happened.RECORDING_STARTED, call, bridge=None if call is not None else what, data={"name": name})
        return True

    def pause_recording(self, name: str, now: datetime) -> bool:
        self._live_until(now)
        recording = self._recordings.get(name)
        if recording is not None and recording.paused_at is None:
            recording.paused_at = self._clock()
        return recording is not None

    def resume_recording(self, name: str, now: datetime) -> bool:
        self._live_until(now)
        recording = self._recordings.get(name)
        if recording is not None and recording.paused_at is not None:
            recording.paused += self._clock() - recording.paused_at
            recording.paused_at = None
        return recording is not None

    def stop_recording(self, name: str, now: datetime) -> bool:
        self._live_until(now)
        recording = self._recordings.get(name)
        if recording is not None:
            self._stop(recording)
        return recording is not None

    def stored_recording(self, name: str, now: datetime) -> float | None:
        """How many seconds of sound its file has; None where there is none."""
        self._live_until(now)
        return self._stored.get(name)

    def remove_recording(self, name: str, now: datetime) -> bool:
        self._live_until(now)
        return self._stored.pop(name, None) is not None

    def snoop(self, call_id: UUID, on: UUID, whisper: bool, now: datetime) -> bool:
        call, target = self._find_ours(call_id, now), self._find_ours(on, now)
        if call is None or target is None:
            return False
        call.snoops_on, call.whispers = on, whisper
        if call_id not in (call.bridge, call.entering):
            call.entering = call_id
            self._at(self._clock() + self.script.bridging, call, self._enter, call_id)
        return True

    def listing(self, now: datetime) -> Listing:
        self._live_until(now)
        now = self._clock()
        while self._messages and (oldest := next(iter(self._messages.items())))[1] < now - REMEMBERS_MESSAGES_FOR:
            del self._messages[oldest[0]]
        return Listing(
            boot=self.boot,
            at=now,
            calls=[_as_listed(call) for call in self._calls.values()],
            bridges={bridge: frozenset(calls) for bridge, calls in self._bridges.items()},
            stations={name: there for name, there in self._stations.items() if name not in self._dismissed},
            message_played=dict(self._messages),
        )

    # What people and phones do, beyond the script

    def incoming(self, caller: str, called: str, now: datetime, *, meets: Answers | None = None, patience: timedelta = seconds(30)) -> UUID:
        """Somebody calls us; `meets` tells what they do once we have answered. Nobody listening: they are turned away."""
        self._live_until(now)
        now = self._clock()
        self._incoming += 1
        call_id = UUID(bytes=b"".join(int(roll * 2**32).to_bytes(4, "big") for roll in rolls(self.seed, self.boot, caller, self._incoming)[:4]))
        if not self.listening:
            return call_id
        leg = Leg(call_id=call_id, to=Address(AddressKind.NUMBER, caller))
        call = self._calls[call_id] = _Call(call_id, leg, now=now, incoming=True)
        meets = meets or Answers()
        call.called, call.talks_for, call.presses, call.rang = called, meets.talks_for, meets.presses, True
        self._becomes(call, CallStanding.RINGING)
        self._tell(Happened.INCOMING, call, data={"from": caller, "to": called})
        self._at(now + patience, call, self._hangs_up_unanswered)
        return call_id

    def far_answers(self, call_id: UUID, now: datetime) -> bool:
        """The person picks up now, whatever the script had in mind."""
        call = self._find(call_id, now)
        if call is None or call.incoming or call.state not in (CallStanding.DIALING, CallStanding.RINGING):
            return False
        self._answer(call)
        return True

    def far_hangs_up(self, call_id: UUID, now: datetime) -> bool:
        call = self._find(call_id, now)
        if call is None or call.dead:
            return False
        if call.answered_at is not None:
            self._far_hangs_up(call)
        elif call.incoming:
            self._hangs_up_unanswered(call)
        else:
            self._end(call, Cause.REJECTED, HungUpBy.FAR)
        return True

    def presses(self, call_id: UUID, digit: str, now: datetime) -> bool:
        call = self._find(call_id, now)
        if call is None or call.answered_at is None:
            return False
        self._press(call)
        return True

    def hears(self, call_id: UUID, other: UUID, now: datetime) -> bool:
        """Whether who is on this call would hear somebody who spoke on the other one."""
        self._live_until(now)
        listener, speaker = self._calls.get(call_id), self._calls.get(other)
        if listener is None or speaker is None or listener is speaker or speaker.muted or speaker.held or listener.held:
            return False
        if speaker.snoops_on is not None and speaker.bridge == other:
            return speaker.whispers and speaker.snoops_on == call_id
        if listener.snoops_on is not None and listener.bridge == call_id:
            on = listener.snoops_on
            return on == other or self.hears(on, other, now)
        return listener.bridge is not None and listener.bridge == speaker.bridge

    def phone_holds(self, call_id: UUID, on: bool, now: datetime) -> bool:
        """Hold, or take it back, at the phone of this leg itself."""
        return self._hold(call_id, on, Happened.HELD if on else Happened.RESUMED, now, {"by": "phone"})

    def sent_digits(self, call_id: UUID) -> str:
        """What this phone heard us send."""
        call = self._calls.get(call_id)
        return "" if call is None else call.digits

    def station_down(self, name: str, now: datetime) -> None:
        """The phone dies without a word: its legs look alive until their sound is missed, and accept bridges."""
        self._live_until(now)
        now = self._clock()
        if not self._stations.get(name, True):
            return
        self._stations[name] = False
        self._at(now + self.script.station_told_after, None, self._tell_station, Happened.STATION_LOST, name)
        for call in self._calls.values():
            if call.station == name and not call.dead:
                call.dead = True
                if call.answered_at is None:
                    self._at(call.placed_at + call.leg.ring_for, call, self._gives_up)
                elif self.script.media_timeout is not None:
                    self._at(now + self.script.media_timeout, call, self._misses_sound)

    def station_up(self, name: str, now: datetime) -> None:
        """A phone registers. Legs of the one before stay dead."""
        self._live_until(now)
        if not self._stations.get(name, False):
            self._stations[name] = True
            self._at(self._clock() + self.script.station_told_after, None, self._tell_station, Happened.STATION_BACK, name)

    # What goes wrong

    def stall(self, until: datetime, now: datetime) -> None:
        """Commands are taken in but not carried out before then; their callers have long given up."""
        self._live_until(now)
        self.stalled_until = until

    def stalled(self, now: datetime) -> bool:
        return self.stalled_until is not None and now < self.stalled_until

    def when_it_wakes(self, command: Callable[[datetime], object]) -> None:
        """Keeps a command for the end of the stall, in the order given."""
        assert self.stalled_until is not None
        self._at(self.stalled_until, None, self._carry_out, command)

    def refuse_placing(self, cause: Cause | None, now: datetime) -> None:
        """None: takes calls again."""
        self._live_until(now)
        self.refusing = cause

    def restart(self, now: datetime) -> None:
        """All calls gone without a word, nobody listening, another boot. Registrations are kept, as Asterisk keeps them."""
        self._live_until(now)
        self._restarts += 1
        self.boot = f"{self._first_boot}+{self._restarts}"
        for call in self._calls.values():
            call.ended = True
        self._calls.clear()
        self._bridges.clear()
        self.music_in.clear()
        for name in self._dismissed:
            del self._stations[name]
        self._dismissed.clear()
        self._stored.update((name, recording.lasted(self._clock())) for name, recording in self._recordings.items())
        self._recordings.clear()
        self._messages.clear()
        self._agenda.clear()
        self._dead_entries = 0
        self._told.clear()
        self.listening = False
        self.stalled_until = None

    # Inside: the agenda

    def _clock(self) -> datetime:
        assert self.now is not None
        return self.now

    def _live_until(self, now: datetime) -> None:
        agenda = self._agenda
        while agenda and agenda[0][0] <= now:
            at, _, call, step, args = heappop(agenda)
            if call is None:
                self.now = at
                step(*args)
            elif call.ended:
                self._dead_entries -= 1
            else:
                call.pending -= 1
                self.now = at
                step(call, *args)
        if self.now is None or now > self.now:
            self.now = now

    def _at(self, at: datetime, call: _Call | None, step: Callable[..., None], *args: Any) -> None:
        self._entries += 1
        if call is not None:
            call.pending += 1
        heappush(self._agenda, (at, self._entries, call, step, args))

    def _comes(self, call: _Call, at: datetime, step: Callable[..., None], *args: Any, rings: bool) -> None:
        """What the script has in store for an outgoing call, unless our ring time is over before."""
        gives_up_at = call.placed_at + call.leg.ring_for
        if rings:
            self._at(min(call.placed_at + self.script.post_dial, at, gives_up_at), call, self._ring)
        if at <= gives_up_at:
            self._at(at, call, step, *args)
        else:
            self._at(gives_up_at, call, self._gives_up)

    def _tidy(self) -> None:
        if self._dead_entries > TIDY_FROM and self._dead_entries * 2 > len(self._agenda):
            self._agenda[:] = [entry for entry in self._agenda if entry[2] is None or not entry[2].ended]
            heapify(self._agenda)
            self._dead_entries = 0

    def _carry_out(self, command: Callable[[datetime], object]) -> None:
        command(self._clock())

    # Inside: steps of a call

    def _find(self, call_id: UUID, now: datetime) -> _Call | None:
        self._live_until(now)
        return self._calls.get(call_id)

    def _find_ours(self, call_id: UUID, now: datetime) -> _Call | None:
        call = self._find(call_id, now)
        return call if call is not None and call.ours() else None

    def _becomes(self, call: _Call, state: CallStanding) -> None:
        call.state = state
        call.since = self._clock()

    def _ring(self, call: _Call) -> None:
        if call.state is CallStanding.DIALING and not call.dead:
            call.rang = True
            self._becomes(call, CallStanding.RINGING)
            self._tell(Happened.RANG, call)

    def _gives_up(self, call: _Call) -> None:
        if call.answered_at is None:
            self._end(call, Cause.NO_ANSWER if call.rang else Cause.TRUNK_NOT_RESPONDING, HungUpBy.CARRIER)

    def _answer(self, call: _Call) -> None:
        if call.answered_at is not None or call.dead:
            return
        now = self._clock()
        leg = call.leg
        call.answered_at = now
        self._becomes(call, CallStanding.UP)
        self._tell(Happened.ANSWERED, call)
        if call.talks_for is not None and call.talks_for <= leg.max_length:
            self._at(now + call.talks_for, call, self._far_hangs_up)
        else:
            self._at(now + leg.max_length, call, self._end, Cause.NORMAL, HungUpBy.CARRIER)
        for after, _ in call.presses:
            self._at(now + after, call, self._press)
        if not self.listening:
            self._last_words(call, leg.message, {"by": "guard"})
        elif leg.detect_machine is not None and not call.incoming:
            call.detecting = True
            self._at(now + min(self.script.verdict_after, leg.detect_machine), call, self._verdict)
        else:
            self._stand_guard(call)

    def _verdict(self, call: _Call) -> None:
        if call.state is CallStanding.UP:
            call.detecting, call.verdict_at = False, self._clock()
            if not self.listening:
                self._last_words(call, call.leg.message, {"by": "guard"})
                return
            why = "long greeting" if call.machine else "short greeting"
            self._tell(Happened.MACHINE_DETECTED if call.machine else Happened.HUMAN_DETECTED, call, data={"why": why})
            self._stand_guard(call)

    def _stand_guard(self, call: _Call) -> None:
        if call.leg.guard is not None and not call.guard_raised and not call.incoming:
            call.guarded = True
            self._at(self._clock() + call.leg.guard, call, self._guard)

    def _guard(self, call: _Call) -> None:
        if call.guarded and call.state is CallStanding.UP:
            self._last_words(call, call.leg.message, {"by": "guard"})

    def _last_words(self, call: _Call, announcement: str, by: Mapping[str, str]) -> None:
        """The carrier finishes this call alone: out of its bridge, the announcement, the end."""
        call.entering = None
        call.guarded = False
        self._leave_bridge(call)
        self._becomes(call, CallStanding.AWAY)
        if not announcement:
            self._end(call, Cause.NORMAL, HungUpBy.CARRIER)
            return
        self._announce(call, announcement, by)
        self._at(self._clock() + self.script.announcement_lasts, call, self._said_all, announcement)

    def _announce(self, call: _Call, announcement: str, by: Mapping[str, str]) -> None:
        if announcement == call.leg.message and call.message_played_at is None:
            call.message_played_at = self._messages[call.call_id] = self._clock()
        self._tell(Happened.ANNOUNCEMENT_STARTED, call, data={"announcement": announcement, **by})

    def _lasts(self, announcement: str) -> timedelta:
        return self.script.announcement_lasts if self._has(announcement) else timedelta()

    def _has(self, announcement: str) -> bool:
        return announcement.removeprefix("sound:") != self.script.no_such_sound

    def _heard_of(self, announcement: str) -> dict[str, str]:
        return {"announcement": announcement} | ({} if self._has(announcement) else {"failed": "1"})

    def _announced(self, call: _Call, announcement: str) -> None:
        self._tell(Happened.ANNOUNCEMENT_ENDED, call, data=self._heard_of(announcement))

    def _announced_to_all(self, bridge: UUID, announcement: str) -> None:
        self._tell(Happened.ANNOUNCEMENT_ENDED, None, bridge=bridge, data=self._heard_of(announcement))

    def _said_all(self, call: _Call, announcement: str) -> None:
        """Where it does not have this one, it says one of its own."""
        self._tell(Happened.ANNOUNCEMENT_ENDED, call, data={"announcement": announcement})
        self._end(call, Cause.NORMAL, HungUpBy.CARRIER)

    def _enter(self, call: _Call, bridge: UUID) -> None:
        if call.entering != bridge or not call.ours():
            return
        call.entering = None
        self._leave_bridge(call)
        if bridge != call.call_id:
            call.snoops_on = None
        call.bridge = bridge
        self._bridges.setdefault(bridge, set()).add(call.call_id)
        self._tell(Happened.ENTERED_BRIDGE, call, bridge=bridge)

    def _leave_bridge(self, call: _Call) -> None:
        bridge = call.bridge
        if bridge is not None:
            self._take_out(call)
            self._tell(Happened.LEFT_BRIDGE, call, bridge=bridge)

    def _take_out(self, call: _Call) -> None:
        bridge = call.bridge
        assert bridge is not None
        call.bridge = None
        inside = self._bridges[bridge]
        inside.discard(call.call_id)
        if not inside:
            del self._bridges[bridge]
            self.music_in.discard(bridge)
            if self._recordings:
                for recording in [each for each in self._recordings.values() if each.bridge == bridge]:
                    self._stop(recording)

    def _hold(self, call_id: UUID, held: bool, fact: Happened, now: datetime, by: Mapping[str, str] | None = None) -> bool:
        call = self._find_ours(call_id, now)
        if call is None:
            return False
        if call.held is not held:
            call.held = held
            self._tell(fact, call, data=by)
        return True

    def _stop(self, recording: _Recording) -> None:
        del self._recordings[recording.name]
        lasted = self._stored[recording.name] = recording.lasted(self._clock())
        self._tell(Happened.RECORDING_ENDED, recording.call, bridge=recording.bridge, data={"name": recording.name, "seconds": f"{lasted:.3f}"})

    def _press(self, call: _Call) -> None:
        if not call.dead:
            self._tell(Happened.DIGIT, call)

    def _far_hangs_up(self, call: _Call) -> None:
        self._end(call, Cause.NORMAL, HungUpBy.FAR)

    def _hangs_up_unanswered(self, call: _Call) -> None:
        if call.answered_at is None:
            self._end(call, Cause.NO_ANSWER, HungUpBy.FAR)

    def _misses_sound(self, call: _Call) -> None:
        self._end(call, Cause.MEDIA_LOST, HungUpBy.CARRIER)

    def _end_by_us(self, call: _Call) -> None:
        self._end(call, Cause.CANCELLED if call.answered_at is None else Cause.NORMAL, HungUpBy.US)

    def _end(self, call: _Call, cause: Cause, by: HungUpBy) -> None:
        if call.dead and by is HungUpBy.FAR:
            return  # a phone that is gone says nothing
        if call.answered_at is not None and cause not in (Cause.NORMAL, Cause.MEDIA_LOST):
            return  # the script meant a call that nobody would answer; somebody did
        if self._recordings:
            for recording in [each for each in self._recordings.values() if each.call is call]:
                self._stop(recording)
        if call.bridge is not None:
            self._take_out(call)
        call.ended = True
        self._dead_entries += call.pending
        del self._calls[call.call_id]
        self._tell(Happened.ENDED, call, cause=cause, by=by)
        self._tidy()

    # Inside: telling

    def _tell_station(self, fact: Happened, name: str) -> None:
        self._tell(fact, None, station=name)

    def _tell(
        self,
        kind: Happened,
        call: _Call | None,
        *,
        cause: Cause | None = None,
        by: HungUpBy | None = None,
        bridge: UUID | None = None,
        station: str = "",
        data: Mapping[str, str] | None = None,
    ) -> None:
        if not self.listening:
            return
        self._keys += 1
        event = CarrierEvent(
            node=self.node,
            call_id=None if call is None else call.call_id,
            kind=kind,
            at=self._clock(),
            key=f"{self.boot}:{self._keys}",
            boot=self.boot,
            cause=cause,
            by=by,
            bridge=bridge,
            station=station if call is None else call.station,
            data={} if data is None else data,
        )
        if self.faults is NO_FAULTS:
            self._told.append(event)
        else:
            self._tell_badly(event, call)
        if call is not None and call.out_of_turn and call.out_of_turn[-1] is not event:
            late, call.out_of_turn = call.out_of_turn, None
            self._told.extend(late)

    def _tell_badly(self, event: CarrierEvent, call: _Call | None) -> None:
        faults = self.faults
        dropped, doubled, delayed, by, reordered = rolls(self.seed, "fault", self._keys)[:5]
        if dropped < faults.drop:
            return
        for _ in range(2 if doubled < faults.double else 1):
            if delayed < faults.delay:
                self._at(self._clock() + faults.delay_by * by, None, self._deliver, event)
            elif reordered < faults.reorder and call is not None and event.kind is not Happened.ENDED and not call.out_of_turn:
                call.out_of_turn = [event]
            else:
                self._told.append(event)

    def _deliver(self, event: CarrierEvent) -> None:
        if self.listening:
            self._told.append(event)


def _as_listed(call: _Call) -> CarrierCall:
    return CarrierCall(
        call_id=call.call_id,
        state=call.state,
        since=call.since,
        bridge=call.bridge,
        rang=call.rang,
        answered_at=call.answered_at,
        message_played_at=call.message_played_at,
        guarded=call.guarded,
        incoming=call.incoming,
        caller=call.leg.to.value if call.incoming else "",
        called=call.called,
        station=call.station,
        is_machine=None if call.verdict_at is None else call.machine,
        verdict_at=call.verdict_at,
    )
