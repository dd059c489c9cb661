"""The simulated carrier inside the caller's own process, on the caller's clock: for tests that jump through time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from threading import RLock
from typing import BinaryIO, Protocol, Self, TypeVar
from uuid import UUID

from telephony.drivers.base import (
    CarrierDown,
    CarrierTimeout,
    Leg,
    Listing,
    LostCarrier,
    Phone,
    Placing,
    Placings,
    Replaced,
    Unclear,
)
from telephony.drivers.simulated.sound import write_tone
from telephony.drivers.simulated.world import World
from telephony.rules.events import CarrierEvent
from telephony.rules.hangup_causes import Cause

Answer = TypeVar("Answer")


class Clock(Protocol):
    @property
    def now(self) -> datetime: ...


class SimulatedSubscription:
    """See base.Subscription. Virtual time cannot pass while we wait, so `next` never does: it gives what there is."""

    def __init__(self, carrier: SimulatedCarrier, boot: str) -> None:
        self.boot = boot
        self.heard: deque[CarrierEvent] = deque()
        self.ended_by: Exception | None = None
        self._carrier = carrier

    def next(self, timeout: float = 0.0, at_most: int = 500) -> list[CarrierEvent]:
        self._carrier.catch_up()
        if not self.heard and self.ended_by is not None:
            raise self.ended_by
        return [self.heard.popleft() for _ in range(min(at_most, len(self.heard)))]

    def close(self) -> None:
        self._carrier.stops_listening(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class SimulatedCarrier:
    """See base.Carrier. `clock.now` is read at each command; `run_until` lets time pass in between."""

    def __init__(self, world: World, clock: Clock) -> None:
        self.world = world
        self.clock = clock
        self.running = True
        self._subscription: SimulatedSubscription | None = None
        self._lock = RLock()

    # Time

    def run_until(self, now: datetime) -> None:
        """Lets the world live until now and queues what it told for the listener."""
        with self._lock:
            told = self.world.advance(now)
            if self._subscription is not None:
                self._subscription.heard.extend(told)

    def catch_up(self) -> None:
        self.run_until(self.clock.now)

    def next_at(self) -> datetime | None:
        return self.world.next_at()

    # Being there or not

    def stop(self) -> None:
        """The process dies with all its calls."""
        with self._lock:
            self.restart()
            self.running = False

    def start(self) -> None:
        self.running = True

    def restart(self) -> None:
        with self._lock:
            self.catch_up()
            self.world.restart(self.clock.now)
            self._drop_listener(LostCarrier())

    def cut_listener(self) -> None:
        """The connection for events breaks; calls live on."""
        with self._lock:
            self.catch_up()
            self._drop_listener(LostCarrier())

    def stops_listening(self, subscription: SimulatedSubscription) -> None:
        with self._lock:
            subscription.ended_by = LostCarrier()
            if self._subscription is subscription:
                self.catch_up()
                self._drop_listener(LostCarrier())

    def _drop_listener(self, why: Exception) -> None:
        self.world.listener(False, self.clock.now)
        if self._subscription is not None:
            self._subscription.ended_by = why
            self._subscription = None

    # Commands

    def place(self, leg: Leg) -> Placing:
        try:
            return self._ask(lambda now: self.world.place(leg, now))
        except CarrierTimeout:
            return Unclear("No reply in time.")

    def place_many(self, legs: Sequence[Leg]) -> Placings:
        return [self.place(leg) for leg in legs]

    def answer(self, call_id: UUID) -> bool:
        return self._ask(lambda now: self.world.answer(call_id, now))

    def hang_up(self, call_id: UUID, *, cause: Cause = Cause.NORMAL) -> bool:
        return self._ask(lambda now: self.world.hang_up(call_id, now))

    def connect(self, bridge: UUID, *call_ids: UUID) -> bool:
        return self._ask(lambda now: self.world.connect(bridge, call_ids, now))

    def connect_many(self, conversations: Mapping[UUID, Sequence[UUID]]) -> list[bool]:
        return [self.connect(bridge, *call_ids) for bridge, call_ids in conversations.items()]

    def leave_many(self, leaving: Sequence[tuple[UUID, UUID]]) -> list[bool]:
        return self._ask(lambda now: [self.world.leave(bridge, call_id, now) for bridge, call_id in leaving])

    def raise_guards(self, longest: Mapping[UUID, timedelta | None]) -> list[bool]:
        return self._ask(lambda now: [self.world.raise_guard(call_id, now) for call_id in longest])

    def hold(self, call_id: UUID) -> bool:
        return self._ask(lambda now: self.world.hold(call_id, now))

    def resume(self, call_id: UUID) -> bool:
        return self._ask(lambda now: self.world.resume(call_id, now))

    def mute(self, call_id: UUID) -> bool:
        return self._ask(lambda now: self.world.mute(call_id, True, now))

    def unmute(self, call_id: UUID) -> bool:
        return self._ask(lambda now: self.world.mute(call_id, False, now))

    def play_music(self, bridge: UUID) -> bool:
        return self._ask(lambda now: self.world.music(bridge, True, now))

    def stop_music(self, bridge: UUID) -> bool:
        return self._ask(lambda now: self.world.music(bridge, False, now))

    def play(self, call_id: UUID, announcement: str, *, then_hang_up: bool = False) -> bool:
        return self._ask(lambda now: self.world.play(call_id, announcement, then_hang_up, now))

    def play_to_all(self, bridge: UUID, announcement: str) -> bool:
        return self._ask(lambda now: self.world.play_to_all(bridge, announcement, now))

    def send_digits(self, call_id: UUID, digits: str) -> bool:
        return self._ask(lambda now: self.world.send_digits(call_id, digits, now))

    def record(self, what: UUID, name: str) -> bool:
        return self._ask(lambda now: self.world.record(what, name, now))

    def pause_recording(self, name: str) -> bool:
        return self._ask(lambda now: self.world.pause_recording(name, now))

    def resume_recording(self, name: str) -> bool:
        return self._ask(lambda now: self.world.resume_recording(name, now))

    def stop_recording(self, name: str) -> bool:
        return self._ask(lambda now: self.world.stop_recording(name, now))

    def fetch_recording(self, name: str, into: BinaryIO) -> bool:
        lasts = self._ask(lambda now: self.world.stored_recording(name, now))
        if lasts is not None:
            write_tone(into, lasts)
        return lasts is not None

    def remove_recording(self, name: str) -> bool:
        return self._ask(lambda now: self.world.remove_recording(name, now))

    def snoop(self, call_id: UUID, on: UUID, *, whisper: bool = False) -> bool:
        return self._ask(lambda now: self.world.snoop(call_id, on, whisper, now))

    def admit(self, phone: Phone) -> bool:
        return self._ask(lambda now: self.world.admit(phone.name, now))

    def dismiss(self, name: str) -> bool:
        return self._ask(lambda now: self.world.dismiss(name, now))

    def list(self) -> Listing:
        return self._ask(lambda now: self.world.listing(now))

    def boot(self) -> str:
        return self._ask(lambda now: self.world.boot)

    def listen(self) -> SimulatedSubscription:
        with self._lock:
            if not self.running:
                raise CarrierDown
            self.catch_up()
            self._drop_listener(Replaced())
            self._subscription = SimulatedSubscription(self, self.world.boot)
            self.world.listener(True, self.clock.now)
            return self._subscription

    def _ask(self, command: Callable[[datetime], Answer]) -> Answer:
        with self._lock:
            if not self.running:
                raise CarrierDown
            now = self.clock.now
            self.run_until(now)
            if self.world.stalled(now):
                self.world.when_it_wakes(command)
                raise CarrierTimeout
            answer = command(now)
            self.run_until(now)
            return answer
