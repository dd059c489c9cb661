"""What every carrier can do, however it does it: the protocol, its values and its errors.

Synchronous: called from workers, web threads and the pump. Commands ask and answer at once; what became of them comes
as an event to the one listener. A refusal we expect is a value; an exception means that the carrier could not be asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import BinaryIO, Protocol, Self
from uuid import UUID

from telephony.rules.events import CarrierEvent
from telephony.rules.hangup_causes import Cause


class AddressKind(StrEnum):
    NUMBER = "number"
    STATION = "station"


@dataclass(frozen=True, slots=True)
class Address:
    """Where a leg goes: a number in E.164 through a trunk, or one of our own stations by name."""

    kind: AddressKind
    value: str
    trunk: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One call to be placed. `call_id` is ours and becomes the carrier's own id, so that its fate can be looked up.

    ring_for: a carrier may count whole seconds alone; it never rings longer.
    guard: unless raised within this time after the answer (after the verdict, where a machine is looked for), the
        carrier plays `message` by itself and hangs up, whatever has become of us. None for legs of our own people.
    detect_machine: after ANSWERED the carrier listens, and tells HUMAN_DETECTED or MACHINE_DETECTED at the latest this long after it. Until
        then the call is not ours: `connect` and `play` are refused, it may be hung up and recorded.
    max_length: the carrier hangs up this long after the answer.
    auto_answer: the station picks up without being asked (a nailed-up leg). A browser is told the call's id besides, and knows ours by it.
    """

    call_id: UUID
    to: Address
    caller_id: str = ""
    ring_for: timedelta = timedelta(seconds=25)
    party: str = "customer"
    guard: timedelta | None = None
    message: str = ""
    detect_machine: timedelta | None = None
    max_length: timedelta = timedelta(hours=2)
    auto_answer: bool = False
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Placed:
    """The carrier has the call; everything else comes as events, ENDED last and exactly once."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The carrier said no at once. No event will ever come of this request.

    already_there: the id is in use, so an earlier request with it got through: ask the listing, conclude nothing.
    """

    cause: Cause
    detail: str
    already_there: bool = False


@dataclass(frozen=True, slots=True)
class Unclear:
    """No reply in time. The call may be placed, may be placed later, or never."""

    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Phone:
    """A station that is made known to the carrier while it runs: it registers under its name, with this secret."""

    name: str
    browser: bool  # a page; else a telephone on SIP
    secret: str = field(repr=False)


Placing = Placed | Refused | Unclear
Placings = list[Placing]  # spelt here: inside Carrier, `list` is a question to the carrier


class CallStanding(StrEnum):
    DIALING = "dialing"
    RINGING = "ringing"
    UP = "up"
    AWAY = "away"  # up, but out of our hands: the carrier plays a last announcement


@dataclass(frozen=True, slots=True, kw_only=True)
class CarrierCall:
    """A call as the carrier holds it now. `since`: in this state; times are the carrier's clock. `caller`, `called`: of an incoming one, as
    INCOMING tells them."""

    call_id: UUID
    state: CallStanding
    since: datetime
    bridge: UUID | None = None
    rang: bool = False
    answered_at: datetime | None = None
    message_played_at: datetime | None = None
    guarded: bool = False
    incoming: bool = False
    caller: str = ""
    called: str = ""
    station: str = ""
    is_machine: bool | None = None  # the verdict, where one was asked for and is there
    verdict_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Everything a carrier holds, at one moment of its clock.

    message_played: when its message began, for each call that heard it, ended ones included (at least an hour back).
    stations: by name, whether its phone is registered; names never heard of are missing.
    """

    boot: str
    at: datetime
    calls: Sequence[CarrierCall]
    bridges: Mapping[UUID, frozenset[UUID]]
    stations: Mapping[str, bool]
    message_played: Mapping[UUID, datetime]


class CarrierUnreachable(Exception):
    """The carrier refuses the connection: it is not running."""


class CarrierDown(CarrierUnreachable):
    """Nothing runs at its address: the machine there says so itself. Its calls are gone, while one that only refuses us may have them still."""


class CarrierTimeout(Exception):
    """The carrier did not reply in time: the command may still be carried out."""


class LostCarrier(Exception):
    """The connection for events was lost: what happened since must be found by listing."""


class Replaced(Exception):
    """Another listener has taken over: nothing more will be told here."""


class Subscription(AbstractContextManager["Subscription"], Protocol):
    """The events of one carrier, from the moment `listen` returned. What nobody hears is not kept for anybody."""

    @property
    def boot(self) -> str: ...

    def next(self, timeout: float, at_most: int = 500) -> list[CarrierEvent]:
        """What is queued, in the order told; waits up to timeout seconds for the first. Raises Replaced, LostCarrier."""
        ...

    def close(self) -> None: ...

    def __enter__(self) -> Self: ...


class Carrier(Protocol):
    """Every command but `place` answers False where there is no such call (any more), or none that can do this now.

    Every method raises CarrierUnreachable; every method but `place` and `place_many` raises CarrierTimeout.
    """

    def place(self, leg: Leg) -> Placing: ...

    def place_many(self, legs: Sequence[Leg]) -> Placings:
        """In order, one result per leg; one round trip where the carrier can."""
        ...

    def answer(self, call_id: UUID) -> bool:
        """Take an incoming call."""
        ...

    def hang_up(self, call_id: UUID, *, cause: Cause = Cause.NORMAL) -> bool:
        """The end comes as ENDED by us: CANCELLED before the answer, NORMAL after it. A cancel may cross an answer."""
        ...

    def connect(self, bridge: UUID, *call_ids: UUID) -> bool:
        """Puts answered calls into a bridge, made where it is missing; ENTERED_BRIDGE tells that each is in.

        All or none. A call in another bridge is moved. A leg whose phone has died is accepted like any other.
        """
        ...

    def connect_many(self, conversations: Mapping[UUID, Sequence[UUID]]) -> Sequence[bool]:
        """As connect, each; like `leave_many` and `raise_guards` one round trip where the carrier can."""
        ...

    def leave_many(self, leaving: Sequence[tuple[UUID, UUID]]) -> Sequence[bool]:
        """leaving: (bridge, call) each. Takes them out, alive; a bridge goes when the last call has left it."""
        ...

    def raise_guards(self, longest: Mapping[UUID, timedelta | None]) -> Sequence[bool]:
        """We have these customers: the carrier need not speak for us. False when it already does.

        longest: what each may last from now on; None: what was said when it was placed, which may have to be asked for.
        """
        ...

    def hold(self, call_id: UUID) -> bool: ...

    def resume(self, call_id: UUID) -> bool: ...

    def mute(self, call_id: UUID) -> bool:
        """This leg is no longer heard by the others."""
        ...

    def unmute(self, call_id: UUID) -> bool: ...

    def play_music(self, bridge: UUID) -> bool:
        """Whoever is in this bridge hears music, until `stop_music`."""
        ...

    def stop_music(self, bridge: UUID) -> bool: ...

    def play(self, call_id: UUID, announcement: str, *, then_hang_up: bool = False) -> bool:
        """Plays to this call alone, which goes on. With then_hang_up the call leaves its bridge and the carrier finishes it without us."""
        ...

    def play_to_all(self, bridge: UUID, announcement: str) -> bool:
        """Everybody in the bridge hears it and goes on; its facts name the bridge and no call. False where nobody is in it."""
        ...

    def send_digits(self, call_id: UUID, digits: str) -> bool: ...

    def record(self, what: UUID, name: str) -> bool:
        """Records a bridge or a call until it ends or is stopped; False where the name is taken."""
        ...

    def pause_recording(self, name: str) -> bool:
        """What is said from now on is not in the file, until it is resumed. False, as of the next two, where it is not running."""
        ...

    def resume_recording(self, name: str) -> bool: ...

    def stop_recording(self, name: str) -> bool: ...

    def fetch_recording(self, name: str, into: BinaryIO) -> bool:
        """Writes the file of a recording that has ended: WAV, 8 kHz, mono, 16 bit. False where there is none, or it still runs.

        May take many seconds: not for whoever keeps others waiting. What was written is whole only where True came back.
        """
        ...

    def remove_recording(self, name: str) -> bool:
        """The file of a recording that has ended is gone afterwards; False where it was already."""
        ...

    def snoop(self, call_id: UUID, on: UUID, *, whisper: bool = False) -> bool:
        """This answered call, in a bridge of its own name, hears what `on` hears and says, and is heard by nobody; with whisper, by `on` alone.

        Asked again, that changes. It ends when either call does, and when this one is connected elsewhere; this call itself goes on.
        """
        ...

    def admit(self, phone: Phone) -> bool:
        """From now on it may register, on this run of the carrier; a repeat gives it a new secret. The listing's stations have it."""
        ...

    def dismiss(self, name: str) -> bool:
        """A phone that was admitted is unknown again, with its secret and its registration. Its calls live on."""
        ...

    def list(self) -> Listing: ...

    def boot(self) -> str:
        """Names this run of the carrier; another name means that all calls of the last one are gone."""
        ...

    def listen(self) -> Subscription:
        """Become the listener. Whoever listened before is told Replaced and hears nothing more."""
        ...
