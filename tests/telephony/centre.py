"""The centre of the chaos tests on a real Asterisk: real workers and pumps, agents' phones and customers on SIP, with sound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID

from django.utils import timezone

from agents.models import Agent, Station, User
from dialer_project.local.redis_server import Redis
from telephony.drivers.simulated.script import Behaviour
from telephony.drivers.simulated.sip_world import Dialog, SipWorld
from tests.chaos.centre import Centre, Person, Someone
from tests.drivers.exchange import Exchange
from tests.telephony.cable import Cable
from tests.telephony.compared import compare

STATIONS = tuple(f"agent{number}" for number in range(12))


@dataclass
class _People:
    """The world as the centre of the chaos tests speaks to it."""

    exchange: Exchange

    def say(self, number: str, *behaviours: Behaviour) -> None:
        self.exchange.world.script.say(number, *behaviours)

    def far_hangs_up(self, call_id: UUID) -> None:
        channel = self.exchange.ari.question("channels", str(call_id))
        dialog = self.exchange.world.call(channel.said["protocol_id"]) if channel.ok else None
        if dialog is not None:
            self.exchange.world.hangs_up(dialog)


@dataclass
class RealCentre(Centre):
    driver: ClassVar = "asterisk"
    message: ClassVar = "sound:announcement-1-v1"  # as one that was uploaded is called
    compared_at: datetime = field(default_factory=timezone.now)
    strangers: set[str] = field(default_factory=set)  # numbers called behind our back
    others: dict[str, SipWorld] = field(default_factory=dict)  # around nodes besides the first, by their names
    leg_mode: str = Station.LegMode.NAILED_UP  # of the phones of those hired from now on
    _hired: int = 0

    @classmethod
    def at(cls, folder: Path, database: str, redis: Redis) -> RealCentre:
        return cls(folder, database, redis, carrier_port=0)

    @cached_property
    def exchange(self) -> Exchange:
        made = Exchange(stations=STATIONS)
        made.world.stations_talk = True
        made.start()
        return made

    @cached_property
    def cable(self) -> Cable:
        """Between us and Asterisk: commands and events."""
        return Cable(self.exchange.server.ari_port)

    def command(self, kind: str, name: str) -> tuple[str, tuple[str, ...], str]:
        """`second-1` is the pump of another node."""
        return ("manage.py", ("pump_call_events", "--node", "second"), "second") if kind == "second" else super().command(kind, name)

    @property
    def carrier_url(self) -> str:
        return f"http://ringmaster:{self.exchange.server.password}@127.0.0.1:{self.cable.port}"

    @property
    def world(self) -> Any:
        return _People(self.exchange)

    def hire(self, *names: str) -> list[Someone]:
        """Each gets the next phone nobody has had, and it registers."""
        hired = []
        for name in names:
            phone = STATIONS[self._hired % len(STATIONS)]
            self._hired += 1
            user, _ = User.objects.get_or_create(username=phone, defaults={"first_name": name})
            agent, _ = Agent.objects.get_or_create(user=user)
            station, _ = Station.objects.update_or_create(name=phone, defaults={"endpoint": phone, "leg_mode": self.leg_mode})
            self.exchange.world.station_up(phone)
            hired.append(Someone(self, agent, station))
        self.until(lambda: {someone.station.endpoint for someone in hired} <= self.exchange.world.registered, what="phones are registered")
        self.agents += hired
        return hired

    def seated(self, *names: str) -> list[Someone]:
        if self.leg_mode == Station.LegMode.NAILED_UP:
            return super().seated(*names)
        hired = self.hire(*names)  # their phones ring for each call
        for someone in hired:
            someone.sits_down()
        return hired

    def end_shift(self) -> None:
        for dialog in list(self.exchange.world.calls):
            if dialog.incoming and not dialog.over:
                self.exchange.world.hangs_up(dialog)
        self.leg_mode = Station.LegMode.NAILED_UP
        super().end_shift()

    @property
    def worlds(self) -> dict[str, SipWorld]:
        """Around each node."""
        return {"local": self.exchange.world, **self.others}

    def dialogs(self, number: str) -> list[Dialog]:
        """The calls that reached the carrier, in order, by its own count."""
        return [dialog for dialog in list(self.exchange.world.calls) if dialog.who == number and not dialog.station and not dialog.incoming]

    def dialog(self, call_id: UUID) -> Dialog:
        return self.exchange.dialog_of(call_id)

    def compare(self) -> None:
        talking = [dialog for world in self.worlds.values() for dialog in list(world.calls) if dialog.answered_at and not dialog.station]
        self.until(lambda: all(dialog.over for dialog in talking), what="their end has reached everybody")
        since, self.compared_at = self.compared_at, timezone.now()
        compare(self.worlds, since=since, strangers=self.strangers)

    def end(self) -> None:
        super().end()
        self.cable.close()
        self.exchange.close()


def outcomes_of(people: Sequence[Person]) -> dict[str, int]:
    """How often each came, of the first attempts."""
    counted: dict[str, int] = {}
    for person in people:
        first = person.outcomes[0] if person.outcomes else None
        counted[str(first)] = counted.get(str(first), 0) + 1
    return counted
