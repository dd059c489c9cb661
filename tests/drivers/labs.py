"""A carrier with a world around it, in words every carrier's laboratory can carry out: people, phones, time and fate.

The conformance tests speak to a Lab and to its `carrier` alone. Another carrier passes them by bringing its own Lab.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from telephony.drivers.base import Address, AddressKind, Carrier, CarrierCall, Leg, Placed, Subscription
from telephony.drivers.simulated.client import Client, WorldControl
from telephony.drivers.simulated.in_process import SimulatedCarrier
from telephony.drivers.simulated.script import (
    Answers,
    Behaviour,
    Busy,
    Congestion,
    InvalidNumber,
    Machine,
    NoAnswer,
    Rejects,
    Script,
    TrunkSilent,
    Unallocated,
    Unavailable,
    seconds,
)
from telephony.drivers.simulated.world import Faults, World
from telephony.rules.events import CarrierEvent, Happened
from telephony.rules.hangup_causes import Cause

PROJECT = Path(__file__).resolve().parents[2]
WITHIN = 10.0  # seconds anything may take on a busy machine


class Lab(ABC):
    """heard: every event told since the lab began to listen, doubled ones included.

    tells_doubles: what the carrier doubles reaches us twice, with one key; where not, its driver keeps the second to itself.
    """

    carrier: Carrier
    tells_doubles = True

    def __init__(self) -> None:
        self.heard: list[CarrierEvent] = []
        self.subscription: Subscription | None = None
        self._people = 0

    # People and phones

    @abstractmethod
    def _number_meets(self, number: str, behaviour: Behaviour) -> None: ...

    @abstractmethod
    def _station_meets(self, name: str, behaviour: Behaviour) -> None: ...

    @abstractmethod
    def station_dies(self, name: str) -> None: ...

    @abstractmethod
    def station_registers(self, name: str, secret: str = "") -> None: ...

    @abstractmethod
    def somebody_calls(self, *, patience: float = 20.0) -> UUID: ...

    @abstractmethod
    def far_hangs_up(self, call_id: UUID) -> None: ...

    @abstractmethod
    def far_presses(self, call_id: UUID, digit: str) -> None: ...

    @abstractmethod
    def holds_at_their_phone(self, call_id: UUID, on: bool) -> None: ...

    @abstractmethod
    def heard_by(self, speaker: UUID, *others: UUID) -> set[UUID]:
        """Those of the others who hear it when the one says something now."""

    # Fate

    @abstractmethod
    def stall(self, lasts: float) -> None:
        """The carrier takes commands and carries them out only when it wakes."""

    @abstractmethod
    def double_every_event(self) -> None: ...

    @abstractmethod
    def refuse_placing(self) -> None: ...

    @abstractmethod
    def restart(self) -> None: ...

    @abstractmethod
    def stop(self) -> None:
        """The carrier's process is gone."""

    @abstractmethod
    def _wait(self, longest: float) -> float:
        """Lets time pass until something may have happened, at most so long; takes in what was told. How long it was."""

    # Time

    def until(self, happened: Callable[[], bool], *, within: float = WITHIN, what: str = "") -> None:
        left = within
        while not happened():
            assert left > 0.001, f"not within {within} s: {what}; heard {[event.kind.value for event in self.heard]}"
            left -= self._wait(min(left, 0.05))

    def pass_time(self, lasts: float) -> None:
        while lasts > 0.001:  # less is the rounding of what has passed
            lasts -= self._wait(min(lasts, 0.05))

    # People, in words

    def person(self, behaviour: Behaviour) -> Address:
        self._people += 1
        number = f"+4930{self._people:08d}"
        self._number_meets(number, behaviour)
        return Address(AddressKind.NUMBER, number, "trunk")

    def customer_answers(self, *, after: float = 0.3, talks_for: float | None = None) -> Address:
        return self.person(Answers(after=seconds(after), talks_for=None if talks_for is None else seconds(talks_for)))

    def customer_rings_on(self) -> Address:
        return self.person(NoAnswer())

    def machine_answers(self, *, after: float = 0.3) -> Address:
        return self.person(Machine(after=seconds(after)))

    def station(self, name: str, *, answers_after: float | None = 0.2, secret: str = "") -> Address:
        """A registered phone; None: its person never picks up. secret: with this one, not with that of all phones here."""
        self._station_meets(name, NoAnswer() if answers_after is None else Answers(after=seconds(answers_after)))
        self.station_registers(name, secret)
        return Address(AddressKind.STATION, name)

    # Calls, in words

    def leg(self, to: Address, **changes: Any) -> Leg:
        leg = Leg(call_id=uuid4(), to=to, caller_id="+49301000", ring_for=timedelta(seconds=15))
        return replace(leg, **{"party": "agent" if to.kind is AddressKind.STATION else "customer", **changes})

    def call(self, to: Address, **changes: Any) -> UUID:
        leg = self.leg(to, **changes)
        assert self.carrier.place(leg) == Placed()
        return leg.call_id

    def answered(self, to: Address, **changes: Any) -> UUID:
        call_id = self.call(to, **changes)
        self.wait_for(call_id, Happened.ANSWERED)
        return call_id

    def bridged(self, bridge: UUID, *call_ids: UUID) -> None:
        assert self.carrier.connect(bridge, *call_ids)
        for call_id in call_ids:
            assert self.wait_for(call_id, Happened.ENTERED_BRIDGE).bridge == bridge

    # Events

    def listen(self) -> None:
        self.subscription = self.carrier.listen()

    def deaf(self) -> None:
        """Stops listening."""
        assert self.subscription is not None
        self.subscription.close()
        self.subscription = None

    def of(self, call_id: UUID) -> list[CarrierEvent]:
        """The call's events, each once."""
        return list({event.key: event for event in self.heard if event.call_id == call_id}.values())

    def kinds(self, call_id: UUID) -> list[Happened]:
        return [event.kind for event in self.of(call_id)]

    def wait_for(self, call_id: UUID, kind: Happened, *, within: float = WITHIN) -> CarrierEvent:
        """The first event of this kind, heard already or to come."""
        self.until(lambda: kind in self.kinds(call_id), within=within, what=f"{kind.value} of {call_id}")
        return next(event for event in self.of(call_id) if event.kind is kind)

    def wait_for_station(self, name: str, kind: Happened) -> CarrierEvent:
        def told() -> list[CarrierEvent]:
            return [event for event in self.heard if event.station == name and event.kind is kind]

        self.until(lambda: bool(told()), what=f"{kind.value} of {name}")
        return told()[0]

    def listed(self, call_id: UUID) -> CarrierCall | None:
        return next((call for call in self.carrier.list().calls if call.call_id == call_id), None)

    def inside(self, bridge: UUID) -> set[UUID]:
        return set(self.carrier.list().bridges.get(bridge, ()))

    def wait_until_gone(self, call_id: UUID, *, within: float = WITHIN) -> None:
        self.until(lambda: self.listed(call_id) is None, within=within, what=f"the end of {call_id}")

    def close(self) -> None:
        if self.subscription is not None:
            self.subscription.close()


MEETINGS: dict[Cause, Callable[[], Behaviour]] = {
    Cause.BUSY: Busy,
    Cause.REJECTED: partial(Rejects, after=seconds(0.5)),  # well within the ring time, of which a carrier may count whole seconds alone
    Cause.UNAVAILABLE: Unavailable,
    Cause.UNALLOCATED: Unallocated,
    Cause.INVALID_NUMBER: InvalidNumber,
    Cause.CONGESTION: Congestion,
    Cause.TRUNK_NOT_RESPONDING: TrunkSilent,
    Cause.NO_ANSWER: NoAnswer,
}


class VirtualClock:
    def __init__(self) -> None:
        self.now = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


class VirtualLab(Lab):
    """The world in this process; time jumps to where something happens."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = VirtualClock()
        self.world = World(7, Script(announcement_lasts=seconds(1)))
        self.simulated = SimulatedCarrier(self.world, self.clock)
        self.carrier = self.simulated

    def _wait(self, longest: float) -> float:
        self._take_in()
        until = self.clock.now + seconds(longest)
        next_at = self.world.next_at()
        passed = until if next_at is None or next_at > until else max(next_at, self.clock.now)
        lasted = (passed - self.clock.now).total_seconds()
        self.clock.now = passed
        self.simulated.run_until(passed)
        self._take_in()
        return lasted

    def _take_in(self) -> None:
        if self.subscription is not None:
            self.heard.extend(self.subscription.next(0))

    def _number_meets(self, number: str, behaviour: Behaviour) -> None:
        self.world.script.say(number, behaviour)

    def _station_meets(self, name: str, behaviour: Behaviour) -> None:
        self.world.script.station(name, behaviour)

    def station_dies(self, name: str) -> None:
        self.world.station_down(name, self.clock.now)

    def station_registers(self, name: str, secret: str = "") -> None:
        self.world.station_up(name, self.clock.now)

    def somebody_calls(self, *, patience: float = 20.0) -> UUID:
        return self.world.incoming("+49301", "+49302", self.clock.now, patience=seconds(patience))

    def far_hangs_up(self, call_id: UUID) -> None:
        assert self.world.far_hangs_up(call_id, self.clock.now)

    def far_presses(self, call_id: UUID, digit: str) -> None:
        assert self.world.presses(call_id, digit, self.clock.now)

    def holds_at_their_phone(self, call_id: UUID, on: bool) -> None:
        assert self.world.phone_holds(call_id, on, self.clock.now)

    def heard_by(self, speaker: UUID, *others: UUID) -> set[UUID]:
        return {other for other in others if self.world.hears(other, speaker, self.clock.now)}

    def stall(self, lasts: float) -> None:
        self.world.stall(self.clock.now + seconds(lasts), self.clock.now)

    def double_every_event(self) -> None:
        self.world.faults = Faults(double=1.0)

    def refuse_placing(self) -> None:
        self.world.refuse_placing(Cause.CONGESTION, self.clock.now)

    def restart(self) -> None:
        self.simulated.restart()

    def stop(self) -> None:
        self.simulated.stop()


class ProcessLab(Lab):
    """The real server in a process of its own, over TCP, on the real clock."""

    def __init__(self) -> None:
        super().__init__()
        server = [sys.executable, "-m", "telephony.drivers.simulated.server", "--listen", "127.0.0.1:0"]
        self.process = subprocess.Popen([*server, "--announcement-lasts", "0.5"], cwd=PROJECT, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().removeprefix("listening on ").strip()
        self.client = Client(self.url)
        self.carrier = self.client
        self.control = WorldControl(self.url)

    def _wait(self, longest: float) -> float:
        began = time.monotonic()
        if self.subscription is not None:
            self.heard.extend(self.subscription.next(longest))
        else:
            threading.Event().wait(min(longest, 0.02))
        return time.monotonic() - began

    def _number_meets(self, number: str, behaviour: Behaviour) -> None:
        self.control.say(number, behaviour)

    def _station_meets(self, name: str, behaviour: Behaviour) -> None:
        self.control.station(name, behaviour)

    def station_dies(self, name: str) -> None:
        self.control.station_down(name)

    def station_registers(self, name: str, secret: str = "") -> None:
        self.control.station_up(name)

    def somebody_calls(self, *, patience: float = 20.0) -> UUID:
        return self.control.incoming("+49301", "+49302", patience=seconds(patience))

    def far_hangs_up(self, call_id: UUID) -> None:
        assert self.control.far_hangs_up(call_id)

    def far_presses(self, call_id: UUID, digit: str) -> None:
        assert self.control.presses(call_id, digit)

    def holds_at_their_phone(self, call_id: UUID, on: bool) -> None:
        assert self.control.phone_holds(call_id, on)

    def heard_by(self, speaker: UUID, *others: UUID) -> set[UUID]:
        return {other for other in others if self.control.hears(other, speaker)}

    def stall(self, lasts: float) -> None:
        self.control.stall(seconds(lasts))

    def double_every_event(self) -> None:
        self.control.faults(Faults(double=1.0))

    def refuse_placing(self) -> None:
        self.control.refuse_placing(Cause.CONGESTION)

    def restart(self) -> None:
        self.control.restart()

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        super().close()
        self.process.terminate()
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.process.wait(timeout=WITHIN)
