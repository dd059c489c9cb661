"""The simulated carrier as a process of its own, on the real clock. What it says is described in `wire`.

python -m telephony.drivers.simulated.server --listen 127.0.0.1:0 --seed 7
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID

from telephony.drivers.simulated import wire
from telephony.drivers.simulated.script import Answers, Script, Spread, behaviour_from_json, demo, everything_answers, seconds
from telephony.drivers.simulated.world import Faults, World
from telephony.rules.hangup_causes import Cause

log = logging.getLogger(__name__)

TOGETHER = 0.001  # seconds: what happens within this time is told in one write
DEAF_FROM = 64 * 1024 * 1024  # bytes a listener may leave unread
LONGEST_LINE = 16 * 1024 * 1024  # bytes

Told = Mapping[str, Any]


class Connection(asyncio.Protocol):
    """One client: commands, or, once it asked to listen, the listener."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._rest = b""
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self._server.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        self._server.gone(self)

    def data_received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > LONGEST_LINE:
            self.abort()
        elif lines:
            self._server.asked(self, lines)

    def write(self, data: bytes) -> None:
        if self.transport is not None:
            self.transport.write(data)

    def unread(self) -> int:
        return 0 if self.transport is None else self.transport.get_write_buffer_size()

    def abort(self) -> None:
        if self.transport is not None:
            self.transport.abort()


class Server:
    """Keeps a World on the real time and speaks for it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.connections: set[Connection] = set()
        self._listener: Connection | None = None
        self._held: list[tuple[Connection, bytes]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._due_at: datetime | None = None
        self._loop = asyncio.get_running_loop()
        # A world's time never goes back, whatever somebody does to the machine's clock.
        self._started_at = datetime.now(UTC)
        self._started = time.monotonic()

    def now(self) -> datetime:
        return self._started_at + timedelta(seconds=time.monotonic() - self._started)

    def asked(self, connection: Connection, lines: list[bytes]) -> None:
        now = self.now()
        replies = [reply for line in lines if (reply := self._reply(connection, line, now)) is not None]
        if replies:
            connection.write(b"".join(replies))
        self.live()

    def gone(self, connection: Connection) -> None:
        self.connections.discard(connection)
        if connection is self._listener:
            self._listener = None
            self.world.listener(False, self.now())

    def live(self) -> None:
        """Brings the world to this moment, tells what happened, and sets the clock for what is next."""
        now = self.now()
        told = self.world.advance(now)
        if told and self._listener is not None:
            self._listener.write(wire.line({"events": [event.to_json() for event in told]}))
            if self._listener.unread() > DEAF_FROM:
                log.warning("The listener does not read; its connection is dropped.")
                self._listener.abort()
        next_at = self.world.next_at()
        if next_at is None or (self._due_at is not None and self._due_at <= next_at):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._due_at = next_at
        self._timer = self._loop.call_later(max((next_at - now).total_seconds(), TOGETHER), self._due)

    def _due(self) -> None:
        self._timer = self._due_at = None
        self.live()

    def _wake(self) -> None:
        held, self._held = self._held, []
        for connection, line in held:
            self.asked(connection, [line])

    def _reply(self, connection: Connection, line: bytes, now: datetime) -> bytes | None:
        if not line:
            return None
        number = None
        try:
            said = json.loads(line)
            number, do = said["id"], said["do"]
            if (control := CONTROLS.get(do)) is not None:
                answer = control(self, connection, said.get("with", {}), now)
            elif self.world.stalled(now):
                self._held.append((connection, line))
                return None
            elif do == "listen":
                answer = self._listen(connection, now)
            else:
                answer = COMMANDS[do](self.world, said.get("with", {}), now)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as wrong:
            return wire.line({"id": number, "error": f"{type(wrong).__name__}: {wrong}"})
        return wire.line({"id": number, "ok": answer})

    def _listen(self, connection: Connection, now: datetime) -> str:
        if self._listener is not None and self._listener is not connection:
            self.live()  # what happened before still belongs to the older one
            self._listener.write(wire.line({"replaced": True}))
        self._listener = connection
        self.world.listener(True, now)
        return self.world.boot

    # Controls: the world's side, never stalled

    def say(self, _: Connection, told: Told, now: datetime) -> None:
        self.world.script.say(told["number"], *map(behaviour_from_json, told["behaviours"]))

    def station(self, _: Connection, told: Told, now: datetime) -> None:
        self.world.script.station(told["name"], *map(behaviour_from_json, told["behaviours"]))

    def station_up(self, _: Connection, told: Told, now: datetime) -> None:
        self.world.station_up(told["name"], now)

    def station_down(self, _: Connection, told: Told, now: datetime) -> None:
        self.world.station_down(told["name"], now)

    def incoming(self, _: Connection, told: Told, now: datetime) -> str:
        meets = told.get("meets")
        behaviour = None if meets is None else behaviour_from_json(meets)
        assert behaviour is None or isinstance(behaviour, Answers)
        return self.world.incoming(told["from"], told["to"], now, meets=behaviour, patience=seconds(told["patience"])).hex

    def far_answers(self, _: Connection, told: Told, now: datetime) -> bool:
        return self.world.far_answers(UUID(hex=told["call"]), now)

    def far_hangs_up(self, _: Connection, told: Told, now: datetime) -> bool:
        return self.world.far_hangs_up(UUID(hex=told["call"]), now)

    def phone_holds(self, _: Connection, told: Told, now: datetime) -> bool:
        return self.world.phone_holds(UUID(hex=told["call"]), told["on"], now)

    def presses(self, _: Connection, told: Told, now: datetime) -> bool:
        return self.world.presses(UUID(hex=told["call"]), told["digit"], now)

    def sent_digits(self, _: Connection, told: Told, now: datetime) -> str:
        return self.world.sent_digits(UUID(hex=told["call"]))

    def hears(self, _: Connection, told: Told, now: datetime) -> bool:
        return self.world.hears(UUID(hex=told["call"]), UUID(hex=told["other"]), now)

    def stall(self, _: Connection, told: Told, now: datetime) -> None:
        self.world.stall(now + seconds(told["seconds"]), now)
        self._loop.call_later(told["seconds"] + TOGETHER, self._wake)

    def refuse_placing(self, _: Connection, told: Told, now: datetime) -> None:
        self.world.refuse_placing(None if told["cause"] is None else Cause(told["cause"]), now)

    def faults(self, _: Connection, told: Told, now: datetime) -> None:
        self.world.faults = Faults(**{**told, "delay_by": seconds(told["delay_by"])})

    def restart(self, asker: Connection, told: Told, now: datetime) -> str:
        self.world.restart(now)
        self._held.clear()
        self._listener = None
        for connection in self.connections - {asker}:
            connection.abort()
        return self.world.boot

    def cut_listener(self, _: Connection, told: Told, now: datetime) -> None:
        if self._listener is not None:
            self.live()
            self._listener.abort()
            self._listener = None
            self.world.listener(False, now)


def _call(told: Told) -> UUID:
    return UUID(hex=told["call"])


COMMANDS: dict[str, Callable[[World, Told, datetime], Any]] = {
    "place": lambda world, told, now: [wire.placing_to_json(world.place(wire.leg_from_json(leg), now)) for leg in told["legs"]],
    "answer": lambda world, told, now: world.answer(_call(told), now),
    "hang_up": lambda world, told, now: world.hang_up(_call(told), now),
    "connect": lambda world, told, now: world.connect(UUID(hex=told["bridge"]), tuple(UUID(hex=call) for call in told["calls"]), now),
    "each": lambda world, told, now: [COMMANDS[told["command"]](world, each, now) for each in told["told"]],
    "leave": lambda world, told, now: world.leave(UUID(hex=told["bridge"]), _call(told), now),
    "raise_guard": lambda world, told, now: world.raise_guard(_call(told), now),
    "hold": lambda world, told, now: world.hold(_call(told), now),
    "resume": lambda world, told, now: world.resume(_call(told), now),
    "mute": lambda world, told, now: world.mute(_call(told), told["muted"], now),
    "music": lambda world, told, now: world.music(UUID(hex=told["bridge"]), told["on"], now),
    "admit": lambda world, told, now: world.admit(told["name"], now),
    "dismiss": lambda world, told, now: world.dismiss(told["name"], now),
    "play": lambda world, told, now: world.play(_call(told), told["announcement"], told["then_hang_up"], now),
    "play_to_all": lambda world, told, now: world.play_to_all(UUID(hex=told["bridge"]), told["announcement"], now),
    "send_digits": lambda world, told, now: world.send_digits(_call(told), told["digits"], now),
    "record": lambda world, told, now: world.record(UUID(hex=told["what"]), told["name"], now),
    "pause_recording": lambda world, told, now: world.pause_recording(told["name"], now),
    "resume_recording": lambda world, told, now: world.resume_recording(told["name"], now),
    "stored_recording": lambda world, told, now: world.stored_recording(told["name"], now),
    "remove_recording": lambda world, told, now: world.remove_recording(told["name"], now),
    "snoop": lambda world, told, now: world.snoop(_call(told), UUID(hex=told["on"]), told["whisper"], now),
    "stop_recording": lambda world, told, now: world.stop_recording(told["name"], now),
    "list": lambda world, told, now: wire.listing_to_json(world.listing(now)),
    "boot": lambda world, told, now: world.boot,
}
CONTROLS: dict[str, Callable[[Server, Connection, Told, datetime], Any]] = {
    f"world.{control.__name__}": control
    for control in (
        Server.say,
        Server.station,
        Server.station_up,
        Server.station_down,
        Server.incoming,
        Server.far_answers,
        Server.far_hangs_up,
        Server.phone_holds,
        Server.presses,
        Server.sent_digits,
        Server.hears,
        Server.stall,
        Server.refuse_placing,
        Server.faults,
        Server.restart,
        Server.cut_listener,
    )
}


async def serve(world: World, host: str, port: int, *, started: Callable[[str, int], None]) -> None:
    """Until SIGTERM or SIGINT. `started` is told the address, with the port the system chose where 0 was asked for."""
    loop = asyncio.get_running_loop()
    done = asyncio.Event()
    for ending in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(ending, done.set)
    server = Server(world)
    listening = await loop.create_server(lambda: Connection(server), host, port)
    started(*listening.sockets[0].getsockname()[:2])
    await done.wait()
    listening.close()
    for connection in list(server.connections):
        connection.abort()


def address(text: str) -> tuple[str, int]:
    """host:port, with or without tcp:// before it; ValueError otherwise."""
    host, found, port = text.removeprefix("tcp://").rpartition(":")
    if not found or not port.isdigit():
        raise ValueError(f"{text!r} is not host:port")
    return host, int(port)


def spread(text: str) -> Spread:
    """'2:15' or '3', in seconds."""
    shortest, _, longest = text.partition(":")
    return Spread(seconds(float(shortest)), seconds(float(longest or shortest)))


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same people")
    parser.add_argument("--node", default="simulated", help="the node's name in its events")
    parser.add_argument(
        "--everything-answers", action="store_true", help="every call answers at once and hangs up at once; the options below refine it"
    )
    parser.add_argument("--fast", type=float, default=1.0, metavar="FACTOR", help="people live this many times as fast")
    parser.add_argument("--answer-rate", type=float, metavar="SHARE", help="of all calls, people and machines together")
    parser.add_argument("--machines", type=float, metavar="SHARE", help="of the answered calls")
    parser.add_argument("--early-hang-ups", type=float, metavar="SHARE", help="of the people who answer")
    parser.add_argument("--answers-after", type=spread, metavar="SECONDS[:SECONDS]")
    parser.add_argument("--talks-for", type=spread, metavar="SECONDS[:SECONDS]")
    parser.add_argument("--fails-after", type=spread, metavar="SECONDS[:SECONDS]")
    parser.add_argument("--no-answer-after", type=spread, metavar="SECONDS[:SECONDS]", help="when the network gives up ringing")
    parser.add_argument("--station-answers-after", type=float, metavar="SECONDS")
    parser.add_argument("--announcement-lasts", type=float, metavar="SECONDS")
    parser.add_argument("--at-hand", default="", metavar="NUMBER,NUMBER", help="numbers that always answer in a moment, and stay")
    parser.add_argument("--without-ringing", action="store_true", help="a carrier that never reports it")


def script_from(options: Mapping[str, Any]) -> Script:
    script = everything_answers() if options["everything_answers"] else demo()
    mix = script.mix
    if (share := options["machines"]) is not None:
        answered = mix.answers + mix.machine
        mix = replace(mix, answers=answered * (1 - share), machine=answered * share)
    if (rate := options["answer_rate"]) is not None:
        mix = mix.answered_at(rate)
    given = {
        name: options[name]
        for name in ("early_hang_ups", "answers_after", "talks_for", "fails_after", "no_answer_after")
        if options[name] is not None
    }
    given |= {name: seconds(options[name]) for name in ("station_answers_after", "announcement_lasts") if options[name] is not None}
    for number in filter(None, options["at_hand"].split(",")):
        script.say(number, Answers(after=seconds(1), talks_for=None))
    return replace(script, mix=mix, rings=not options["without_ringing"], **given).faster(options["fast"])


def world_from(options: Mapping[str, Any]) -> World:
    boot = f"{time.time_ns() // 1_000_000:x}-{os.getpid()}"
    return World(options["seed"], script_from(options), boot, node=options["node"])


def main() -> None:
    parser = argparse.ArgumentParser(description="The simulated carrier as a process.")
    parser.add_argument("--listen", type=address, default=("127.0.0.1", 0), metavar="HOST:PORT")
    add_options(parser)
    options = vars(parser.parse_args())
    host, port = options["listen"]
    asyncio.run(serve(world_from(options), host, port, started=lambda host, port: print(f"listening on {host}:{port}", flush=True)))


if __name__ == "__main__":
    main()
