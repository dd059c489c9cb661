"""The simulated carrier as a process that also keeps a journal: every call it was asked for and everything that befell it, on its own
clock, whether anybody listened or not. What a customer heard is read there, and nowhere in what we believe.

python -m tests.chaos.carrier --journal FILE --listen 127.0.0.1:8190
"""

import argparse
import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TextIO
from uuid import UUID

from telephony.drivers.base import Leg, Placed, Placing
from telephony.drivers.simulated import server
from telephony.drivers.simulated.server import add_options, address, serve, world_from
from telephony.drivers.simulated.world import World
from telephony.rules.events import EPOCH, MICROSECOND, Happened

# what a customer may hear after picking up
VOICES = (Happened.ENTERED_BRIDGE, Happened.ANNOUNCEMENT_STARTED, Happened.ENDED)


class JournalWorld(World):
    """A world that writes down what it does."""

    journal: TextIO

    def place(self, leg: Leg, now: datetime) -> Placing:
        placing = super().place(leg, now)
        self._write("placed" if isinstance(placing, Placed) else "refused", leg.call_id, to=leg.to.value, party=leg.party)
        return placing

    def _tell(self, kind: Happened, call: Any, **about: Any) -> None:
        if call is not None:
            self._write(kind.value, call.call_id)
        super()._tell(kind, call, **about)

    def _write(self, what: str, call_id: UUID, **more: str) -> None:
        at = (self._clock() - EPOCH) // MICROSECOND
        self.journal.write(json.dumps({"call": call_id.hex, "what": what, "at": at, **more}) + "\n")


class JournalServer(server.Server):
    """Writes down which calls it was asked for while it is stalled: it will place them when it wakes, whoever has died meanwhile."""

    world: JournalWorld

    def _reply(self, connection: server.Connection, line: bytes, now: datetime) -> bytes | None:
        reply = super()._reply(connection, line, now)
        if reply is None and line and (said := json.loads(line))["do"] == "place":
            for leg in said["with"]["legs"]:
                self.world._write("held", UUID(hex=leg["id"]), to=leg["to"][1])
        return reply


@dataclass
class Heard:
    """What became of one call, as the carrier knows it."""

    call_id: UUID
    to: str
    party: str
    placed_at: datetime
    placings: int = 1
    was: list[tuple[str, datetime]] = field(default_factory=list)

    def at(self, kind: Happened) -> datetime | None:
        return next((at for what, at in self.was if what == kind), None)

    @property
    def answered_at(self) -> datetime | None:
        return self.at(Happened.ANSWERED)

    @property
    def silence(self) -> timedelta | None:
        """From picking up to a voice or the end; None for who never picked up or still waits."""
        answered = self.answered_at
        voices = [at for what, at in self.was if what in VOICES]
        return voices[0] - answered if answered and voices else None

    @property
    def had_agent(self) -> bool:
        return self.at(Happened.ENTERED_BRIDGE) is not None

    @property
    def had_message(self) -> bool:
        return self.at(Happened.ANNOUNCEMENT_STARTED) is not None


def read(journal: Path) -> dict[UUID, Heard]:
    """Every call that was ever placed, by id."""
    calls: dict[UUID, Heard] = {}
    for said in _lines(journal):
        call_id, what, at = UUID(hex=said["call"]), said["what"], EPOCH + timedelta(microseconds=said["at"])
        if what == "placed":
            if call_id in calls:
                calls[call_id].placings += 1
            else:
                calls[call_id] = Heard(call_id, said["to"], said["party"], at)
        elif what not in ("refused", "held"):
            calls[call_id].was.append((what, at))
    return calls


def held(journal: Path) -> set[str]:
    """The numbers that were asked for while the carrier was stalled."""
    return {said["to"] for said in _lines(journal) if said["what"] == "held"}


def _lines(journal: Path) -> Iterator[dict[str, Any]]:
    for line in journal.read_text().splitlines(keepends=True):
        if line.endswith("\n"):  # the last one may be half written
            yield json.loads(line)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--journal", type=Path, required=True)
    parser.add_argument("--listen", type=address, required=True)
    add_options(parser)
    options = vars(parser.parse_args())
    made = world_from(options)
    world = JournalWorld(made.seed, made.script, f"{time.time_ns():x}", node=options["node"])
    server.Server = JournalServer  # type: ignore[misc]  # the one class the program makes
    with options["journal"].open("a", buffering=1) as world.journal:
        asyncio.run(serve(world, *options["listen"], started=lambda host, port: print(f"listening on {host}:{port}", flush=True)))


if __name__ == "__main__":
    main()
