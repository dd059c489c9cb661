"""What the steps of a lead's life cost in SQL statements and in Redis's and the carrier's round trips: counted, never timed."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from unittest import mock

from django.db import connection
from django.test.utils import CaptureQueriesContext
from redis.connection import AbstractConnection

from agents.desk import Done
from campaigns.flow import wrap_up
from campaigns.models import Campaign, Disposition, Lead
from telephony import nodes
from telephony.calls import CarrierEvent
from telephony.drivers.simulated.script import Answers, Behaviour, Busy, NoAnswer, Unallocated, seconds
from telephony.models import Trunk
from telephony.rules.events import Happened
from tests.floor import Floor


@dataclass(slots=True)
class Cost:
    """BEGIN and COMMIT apart. carrier: how often it was asked something."""

    statements: list[str] = field(default_factory=list)
    redis: int = 0
    carrier: int = 0
    events: int = 0


@contextmanager
def counted(events: int = 0) -> Iterator[Cost]:
    cost = Cost(events=events)
    sending = AbstractConnection.send_packed_command

    def send(self: AbstractConnection, *args: Any, **more: Any) -> Any:
        cost.redis += 1
        return sending(self, *args, **more)  # type: ignore[no-untyped-call]  # Celery's own has no types

    asking = nodes.ask

    def ask(*args: Any) -> Any:
        cost.carrier += 1
        return asking(*args)

    with (
        mock.patch.object(AbstractConnection, "send_packed_command", send),
        mock.patch.object(nodes, "ask", ask),
        CaptureQueriesContext(connection) as captured,
    ):
        yield cost
    cost.statements += [query["sql"] for query in captured.captured_queries if query["sql"] not in ("BEGIN", "COMMIT")]


# what becomes of the calls of a batch: the first is always answered
FATES: Sequence[Behaviour] = (
    Answers(after=seconds(1), talks_for=seconds(2)),
    Busy(after=seconds(1)),
    Unallocated(after=seconds(1)),
    NoAnswer(after=seconds(3)),
)


class Batch:
    """So many agents who become free at once and the calls they get, taken through the flow kind of event by kind of event."""

    def __init__(self, floor: Floor, size: int, *, fates: Sequence[Behaviour] = FATES) -> None:
        self.floor = floor
        floor.pump_runs = False
        Trunk.objects.update(calls_per_second=1000, max_calls=1000)
        self.agents = [floor.agent(f"Agent{i}") for i in range(size)]
        self.campaign = floor.campaign("progressive", agents=self.agents, wrap_up_for=300)
        floor.rule(self.campaign, "no_answer", attempts=1)
        for i in range(size):
            floor.person(self.campaign, f"Person {i}", fates[i % len(fates)], numbers=2)
        self.told: list[CarrierEvent] = []

    def all_ready(self) -> Cost:
        """Everybody sits down and goes Ready; the cost of the last one."""
        for someone in self.agents:
            someone.opens_console()
            someone.signs_in()
        self._pass(1)
        self._hear(list(Happened))
        for someone in self.agents[1:]:
            someone.goes_ready()
        with counted() as cost:
            assert isinstance(self.agents[0].goes_ready(), Done)
        return cost

    def dispatched(self, *, refused: int = 0) -> Cost:
        """One task for all who are free; `refused`: leads among the first that may not be called."""
        self.floor.messages.clear()
        pool = Campaign.objects.get(pk=self.campaign.pk).pool
        with counted() as cost:
            self.floor.do("dispatch", [pool])
        assert Lead.objects.filter(state="busy").count() == len(self.agents) - refused
        return cost

    def followed(self) -> dict[str, Cost]:
        """RANG, ANSWERED, CONNECTED and ENDED, each a batch of its own, every call's end in the last."""
        costs = {}
        self._pass(0.8)
        costs["RANG"] = self._hear([Happened.RANG])
        self._pass(0.5)
        costs["ANSWERED"] = self._hear([Happened.ANSWERED])
        self._pass(0.2)
        costs["CONNECTED"] = self._hear([Happened.ENTERED_BRIDGE])
        self._pass(3)
        costs["ENDED"] = self._hear([Happened.ENDED])
        return costs

    def done(self) -> Cost:
        """One agent's Done; a sale."""
        someone = next(one for one in self.agents if one.phase == "wrap_up")
        assert (work := someone.work)
        sale = Disposition.objects.get(code="sale").pk
        with counted() as cost:
            assert isinstance(wrap_up.finish(work.pk, someone.id, disposition_id=sale, note="", stop=False, now=self.floor.now), Done)
        return cost

    def _pass(self, lasts: float) -> None:
        self.floor.clock.now += timedelta(seconds=lasts)
        self.floor.carrier.run_until(self.floor.now)
        assert self.floor.listening
        self.told += self.floor.listening.next(0)

    def _hear(self, kinds: Sequence[Happened]) -> Cost:
        heard = [event for event in self.told if event.kind in kinds]
        self.told = [event for event in self.told if event.kind not in kinds]
        with counted(len(heard)) as cost:
            self.floor.hear(heard)
        return cost
