"""The driver: speaks to a simulated carrier in another process. One connection per thread and process, kept between commands."""

from __future__ import annotations

import json
import os
import select
import socket
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from threading import local
from typing import Any, BinaryIO
from uuid import UUID

from telephony.drivers.base import (
    CarrierDown,
    CarrierTimeout,
    CarrierUnreachable,
    Leg,
    Listing,
    LostCarrier,
    Phone,
    Placing,
    Placings,
    Replaced,
    Unclear,
)
from telephony.drivers.heard import HeardOnAConnection
from telephony.drivers.simulated import wire
from telephony.drivers.simulated.script import Answers, Behaviour, behaviour_to_json
from telephony.drivers.simulated.sound import write_tone
from telephony.drivers.simulated.world import Faults
from telephony.rules.events import CarrierEvent
from telephony.rules.hangup_causes import Cause

REPLY_WITHIN = 1.0  # seconds
AT_ONCE = 256 * 1024  # bytes per read


class Misunderstood(Exception):
    """The carrier did not understand the request."""


def _connect(host: str, port: int, reply_within: float) -> socket.socket:
    try:
        connection = socket.create_connection((host, port), timeout=reply_within)
    except TimeoutError as late:
        raise CarrierTimeout from late
    except ConnectionRefusedError as refused:
        raise CarrierDown from refused
    except OSError as refused:
        raise CarrierUnreachable from refused
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


class _Conversation:
    """Requests and replies on one connection, in turn."""

    def __init__(self, host: str, port: int, reply_within: float) -> None:
        self.process = os.getpid()
        self._connection = _connect(host, port, reply_within)
        self._silence = select.poll()
        self._silence.register(self._connection, select.POLLIN)
        self._rest = b""
        self._number = 0

    def usable(self) -> bool:
        """Ours, not a parent's; and neither closed nor talking out of turn."""
        return self.process == os.getpid() and not self._silence.poll(0)

    def close(self) -> None:
        self._connection.close()

    def ask(self, do: str, told: Mapping[str, Any]) -> Any:
        self._number += 1
        try:
            self._connection.sendall(wire.line({"id": self._number, "do": do, "with": told}))
            while b"\n" not in self._rest:
                if not (more := self._connection.recv(AT_ONCE)):
                    raise CarrierTimeout
                self._rest += more
        except OSError as broken:  # a time-out among them: whether the request got through is anybody's guess
            raise CarrierTimeout from broken
        reply, _, self._rest = self._rest.partition(b"\n")
        said = json.loads(reply)
        if "error" in said:
            raise Misunderstood(said["error"])
        return said["ok"]


class _Line:
    """A conversation per thread, made again after a fork, a loss or a time-out."""

    def __init__(self, host: str, port: int, reply_within: float) -> None:
        self.host, self.port, self.reply_within = host, port, reply_within
        self._mine = local()

    def ask(self, do: str, **told: Any) -> Any:
        conversation: _Conversation | None = getattr(self._mine, "conversation", None)
        if conversation is not None and not conversation.usable():
            conversation.close()
            conversation = None
        if conversation is None:
            self._mine.conversation = None
            conversation = self._mine.conversation = _Conversation(self.host, self.port, self.reply_within)
        try:
            return conversation.ask(do, told)
        except BaseException:
            # The reply may still come: nobody must take it for the reply to the next request.
            conversation.close()
            self._mine.conversation = None
            raise

    def question(self, do: str) -> Any:
        """Asks what changes nothing. A kept conversation may have ended without our having heard of it yet: asked once more on a new one."""
        try:
            return self.ask(do)
        except CarrierTimeout as broken:
            if isinstance(broken.__cause__, TimeoutError):
                raise
            return self.ask(do)


class ClientSubscription(HeardOnAConnection):
    """See base.Subscription."""

    def __init__(self, host: str, port: int, reply_within: float) -> None:
        super().__init__()
        self._connection = _connect(host, port, reply_within)
        self._rest = b""
        self.boot = ""
        try:
            self._connection.sendall(wire.line({"id": 1, "do": "listen"}))
            until = time.monotonic() + reply_within
            while not self.boot:
                if not self._read(until - time.monotonic()):
                    raise CarrierTimeout
        except OSError as broken:
            self._connection.close()
            raise CarrierTimeout from broken
        except CarrierTimeout:
            self._connection.close()
            raise

    def _disconnect(self) -> None:
        self._connection.close()

    def _read(self, wait: float) -> bool:
        self._connection.settimeout(max(wait, 0.0))
        try:
            more = self._connection.recv(AT_ONCE)
        except (BlockingIOError, TimeoutError):
            return False
        except OSError:
            more = b""
        if not more:
            self._ended_by = LostCarrier()
            if not self.boot:
                raise CarrierTimeout
            return True
        *lines, self._rest = (self._rest + more).split(b"\n")
        for line in lines:
            said = json.loads(line)
            if (events := said.get("events")) is not None:
                self._heard.extend(map(CarrierEvent.from_json, events))
            elif said.get("replaced"):
                self._ended_by = Replaced()
            elif "ok" in said:
                self.boot = said["ok"]
        return True


class Client:
    """See base.Carrier. url is host:port or tcp://host:port."""

    def __init__(self, url: str, *, reply_within: float = REPLY_WITHIN) -> None:
        host, _, port = url.removeprefix("tcp://").rpartition(":")
        self._line = _Line(host, int(port), reply_within)

    def place(self, leg: Leg) -> Placing:
        return self.place_many([leg])[0]

    def place_many(self, legs: Sequence[Leg]) -> Placings:
        try:
            said = self._line.ask("place", legs=[wire.leg_to_json(leg) for leg in legs])
        except CarrierTimeout:
            return [Unclear("No reply in time.") for _ in legs]
        return [wire.placing_from_json(each) for each in said]

    def answer(self, call_id: UUID) -> bool:
        return bool(self._line.ask("answer", call=call_id.hex))

    def hang_up(self, call_id: UUID, *, cause: Cause = Cause.NORMAL) -> bool:
        return bool(self._line.ask("hang_up", call=call_id.hex, cause=cause.value))

    def connect(self, bridge: UUID, *call_ids: UUID) -> bool:
        return self.connect_many({bridge: call_ids})[0]

    def connect_many(self, conversations: Mapping[UUID, Sequence[UUID]]) -> list[bool]:
        return self._each("connect", [{"bridge": bridge.hex, "calls": [call.hex for call in calls]} for bridge, calls in conversations.items()])

    def leave_many(self, leaving: Sequence[tuple[UUID, UUID]]) -> list[bool]:
        return self._each("leave", [{"bridge": bridge.hex, "call": call_id.hex} for bridge, call_id in leaving])

    def raise_guards(self, longest: Mapping[UUID, timedelta | None]) -> list[bool]:
        return self._each("raise_guard", [{"call": call_id.hex} for call_id in longest])

    def _each(self, do: str, told: Sequence[Mapping[str, Any]]) -> list[bool]:
        return [bool(done) for done in self._line.ask("each", command=do, told=told)]

    def hold(self, call_id: UUID) -> bool:
        return bool(self._line.ask("hold", call=call_id.hex))

    def resume(self, call_id: UUID) -> bool:
        return bool(self._line.ask("resume", call=call_id.hex))

    def mute(self, call_id: UUID) -> bool:
        return bool(self._line.ask("mute", call=call_id.hex, muted=True))

    def unmute(self, call_id: UUID) -> bool:
        return bool(self._line.ask("mute", call=call_id.hex, muted=False))

    def play_music(self, bridge: UUID) -> bool:
        return bool(self._line.ask("music", bridge=bridge.hex, on=True))

    def stop_music(self, bridge: UUID) -> bool:
        return bool(self._line.ask("music", bridge=bridge.hex, on=False))

    def admit(self, phone: Phone) -> bool:
        return bool(self._line.ask("admit", name=phone.name))

    def dismiss(self, name: str) -> bool:
        return bool(self._line.ask("dismiss", name=name))

    def play(self, call_id: UUID, announcement: str, *, then_hang_up: bool = False) -> bool:
        return bool(self._line.ask("play", call=call_id.hex, announcement=announcement, then_hang_up=then_hang_up))

    def play_to_all(self, bridge: UUID, announcement: str) -> bool:
        return bool(self._line.ask("play_to_all", bridge=bridge.hex, announcement=announcement))

    def send_digits(self, call_id: UUID, digits: str) -> bool:
        return bool(self._line.ask("send_digits", call=call_id.hex, digits=digits))

    def record(self, what: UUID, name: str) -> bool:
        return bool(self._line.ask("record", what=what.hex, name=name))

    def pause_recording(self, name: str) -> bool:
        return bool(self._line.ask("pause_recording", name=name))

    def resume_recording(self, name: str) -> bool:
        return bool(self._line.ask("resume_recording", name=name))

    def stop_recording(self, name: str) -> bool:
        return bool(self._line.ask("stop_recording", name=name))

    def fetch_recording(self, name: str, into: BinaryIO) -> bool:
        lasts = self._line.ask("stored_recording", name=name)
        if lasts is not None:
            write_tone(into, lasts)
        return lasts is not None

    def remove_recording(self, name: str) -> bool:
        return bool(self._line.ask("remove_recording", name=name))

    def snoop(self, call_id: UUID, on: UUID, *, whisper: bool = False) -> bool:
        return bool(self._line.ask("snoop", call=call_id.hex, on=on.hex, whisper=whisper))

    def list(self) -> Listing:
        return wire.listing_from_json(self._line.question("list"))

    def boot(self) -> str:
        return str(self._line.question("boot"))

    def listen(self) -> ClientSubscription:
        return ClientSubscription(self._line.host, self._line.port, self._line.reply_within)


class WorldControl:
    """The other side of a simulated carrier in its process: what people, phones and fate do. Same words as World, without `now`."""

    def __init__(self, url: str, *, reply_within: float = 5.0) -> None:
        host, _, port = url.removeprefix("tcp://").rpartition(":")
        self._line = _Line(host, int(port), reply_within)

    def say(self, number: str, *behaviours: Behaviour) -> None:
        self._line.ask("world.say", number=number, behaviours=[behaviour_to_json(each) for each in behaviours])

    def station(self, name: str, *behaviours: Behaviour) -> None:
        self._line.ask("world.station", name=name, behaviours=[behaviour_to_json(each) for each in behaviours])

    def station_up(self, name: str) -> None:
        self._line.ask("world.station_up", name=name)

    def station_down(self, name: str) -> None:
        self._line.ask("world.station_down", name=name)

    def incoming(self, caller: str, called: str, *, meets: Answers | None = None, patience: timedelta = timedelta(seconds=30)) -> UUID:
        said = {} if meets is None else {"meets": behaviour_to_json(meets)}
        told = {"from": caller, "to": called, "patience": patience.total_seconds(), **said}
        return UUID(hex=self._line.ask("world.incoming", **told))

    def far_answers(self, call_id: UUID) -> bool:
        return bool(self._line.ask("world.far_answers", call=call_id.hex))

    def far_hangs_up(self, call_id: UUID) -> bool:
        return bool(self._line.ask("world.far_hangs_up", call=call_id.hex))

    def phone_holds(self, call_id: UUID, on: bool) -> bool:
        return bool(self._line.ask("world.phone_holds", call=call_id.hex, on=on))

    def presses(self, call_id: UUID, digit: str) -> bool:
        return bool(self._line.ask("world.presses", call=call_id.hex, digit=digit))

    def sent_digits(self, call_id: UUID) -> str:
        return str(self._line.ask("world.sent_digits", call=call_id.hex))

    def hears(self, call_id: UUID, other: UUID) -> bool:
        return bool(self._line.ask("world.hears", call=call_id.hex, other=other.hex))

    def stall(self, lasts: timedelta) -> None:
        self._line.ask("world.stall", seconds=lasts.total_seconds())

    def refuse_placing(self, cause: Cause | None) -> None:
        self._line.ask("world.refuse_placing", cause=None if cause is None else cause.value)

    def faults(self, faults: Faults) -> None:
        self._line.ask(
            "world.faults",
            drop=faults.drop,
            double=faults.double,
            delay=faults.delay,
            delay_by=faults.delay_by.total_seconds(),
            reorder=faults.reorder,
        )

    def restart(self) -> str:
        return str(self._line.ask("world.restart"))

    def cut_listener(self) -> None:
        self._line.ask("world.cut_listener")
