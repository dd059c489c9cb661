"""How the pump hands on what it is told: what fails alone, what waits its turn, and what is not lost with a connection."""

import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import OperationalError
from django.utils import timezone

from campaigns.flow import progress
from telephony.calls import ANSWERED_WITHIN
from telephony.drivers.base import LostCarrier
from telephony.models import Node
from telephony.rules.events import CarrierEvent, Happened
from workers import event_pump
from workers.event_pump import Pump, Timers

NOON = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
MARIA, PETRA = UUID(int=1), UUID(int=2)

pytestmark = pytest.mark.django_db


def event(call_id: UUID, kind: Happened = Happened.RANG) -> CarrierEvent:
    return CarrierEvent(node="local", call_id=call_id, kind=kind, at=NOON, key=uuid4().hex, boot="1")


class Flow:
    """Stands for progress: says what was written, and fails for some calls."""

    def __init__(self) -> None:
        self.written: list[list[CarrierEvent]] = []
        self.fails: set[UUID | None] = set()
        self.why: Exception = KeyError("a bug")

    def happened(self, events: Sequence[CarrierEvent], *, node_id: int, now: datetime) -> list[Any]:
        if self.fails & {e.call_id for e in events}:
            raise self.why
        self.written.append(list(events))
        return []

    def of(self, call_id: UUID) -> list[Happened]:
        return [e.kind for group in self.written for e in group if e.call_id == call_id]


@pytest.fixture
def flow(monkeypatch: pytest.MonkeyPatch) -> Flow:
    made = Flow()
    monkeypatch.setattr(progress, "happened", made.happened)
    return made


@pytest.fixture
def pump() -> Pump:
    return Pump(Node.objects.create(name="local"), stopping=threading.Event(), sweeps=False, say=lambda line: None)


def test_a_call_we_do_not_cope_with_keeps_no_other_from_being_written(pump: Pump, flow: Flow) -> None:
    flow.fails = {MARIA}

    pump._handle([event(MARIA), event(PETRA)])

    assert flow.of(PETRA) == [Happened.RANG]
    assert flow.of(MARIA) == []


@pytest.mark.parametrize("why", [KeyError("a bug"), OperationalError("canceling statement due to lock timeout")])
def test_what_could_not_be_written_is_tried_again_and_nothing_of_the_same_call_overtakes_it(pump: Pump, flow: Flow, why: Exception) -> None:
    flow.fails, flow.why = {MARIA}, why
    pump._handle([event(MARIA, Happened.RANG)])
    pump._handle([event(MARIA, Happened.ENDED), event(PETRA, Happened.ENDED)])
    assert flow.of(PETRA) == [Happened.ENDED]

    flow.fails = set()
    pump._stuck[MARIA].again_at = 0.0
    pump._handle([])

    assert flow.of(MARIA) == [Happened.RANG, Happened.ENDED]
    assert not pump._stuck


def test_before_anybody_is_told_that_nobody_came_what_could_not_be_written_of_them_is_tried_again(
    pump: Pump, flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[list[Happened]] = []
    monkeypatch.setattr(progress, "time_is_up", lambda over, now: told.append(flow.of(MARIA)))
    flow.fails = {MARIA}
    pump._handle([event(MARIA, Happened.ENTERED_BRIDGE)])
    flow.fails = set()
    moment = timezone.now()
    pump.timers.start(MARIA, since=moment - ANSWERED_WITHIN, now=moment)

    pump._times_up()

    assert told == [[Happened.ENTERED_BRIDGE]]


def test_what_is_never_written_is_given_up_and_left_to_the_listing(pump: Pump, flow: Flow) -> None:
    flow.fails = {MARIA}
    pump._handle([event(MARIA)])

    pump._stuck[MARIA].until = 0.0
    pump._handle([])

    assert not pump._stuck


def test_answers_go_first_with_what_was_told_of_their_calls_before(pump: Pump, flow: Flow) -> None:
    pump._handle([event(PETRA), event(MARIA), event(MARIA, Happened.ANSWERED), event(PETRA, Happened.ENDED)])

    assert [[(e.call_id, e.kind) for e in group] for group in flow.written] == [
        [(MARIA, Happened.RANG), (MARIA, Happened.ANSWERED)],
        [(PETRA, Happened.RANG), (PETRA, Happened.ENDED)],
    ]


class Line:
    """A subscription that says these things one after the other."""

    def __init__(self, *says: list[CarrierEvent] | Exception) -> None:
        self.says = list(says)

    def next(self, timeout: float, at_most: int = 500) -> list[CarrierEvent]:
        said = self.says[0] if isinstance(self.says[0], Exception) else self.says.pop(0)
        if isinstance(said, Exception):
            raise said
        return said


def test_what_was_told_before_the_line_was_cut_is_not_lost(pump: Pump) -> None:
    line: Any = Line([event(MARIA, Happened.ENDED)], LostCarrier())

    assert [e.kind for e in pump._gather(line)] == [Happened.ENDED]
    with pytest.raises(LostCarrier):
        pump._gather(line)


def test_an_answer_waits_for_nothing_else(pump: Pump) -> None:
    line: Any = Line([event(MARIA, Happened.ANSWERED)], [event(PETRA)])

    assert [e.call_id for e in pump._gather(line)] == [MARIA]


def test_what_was_heard_is_written_after_postgresql_was_lost(pump: Pump, flow: Flow, monkeypatch: pytest.MonkeyPatch) -> None:
    lost = [OperationalError("the connection is lost")]
    usable: list[bool] = []
    writes: Callable[..., list[Any]] = flow.happened

    def happened(events: Sequence[CarrierEvent], **about: Any) -> list[Any]:
        if lost:
            raise lost.pop()
        return writes(events, **about)

    def regain(lease: object) -> None:
        usable.append(True)

    monkeypatch.setattr(progress, "happened", happened)
    monkeypatch.setattr(event_pump, "connection", SimpleNamespace(is_usable=lambda: bool(usable)))
    monkeypatch.setattr(pump, "_regain", regain)
    monkeypatch.setattr(pump, "_reconcile_again", lambda subscription, lease: True)
    line: Any = Line([event(MARIA, Happened.ENDED)], LostCarrier())
    lease: Any = None

    with pytest.raises(LostCarrier):
        pump._follow(line, lease)

    assert flow.of(MARIA) == [Happened.ENDED]


def test_a_timer_runs_once_for_each_answer_and_from_the_answer_on() -> None:
    timers = Timers()
    now = timezone.now()
    timers.start(MARIA, since=now - timedelta(seconds=2), now=now)
    timers.start(MARIA, since=now - timedelta(seconds=2), now=now)
    timers.start(PETRA, since=now, now=now)

    assert timers.wait(10) == 0.0
    assert timers.over() == [MARIA]
    assert timers.over() == []
    assert 1.5 < timers.wait(10) <= 2.0
    timers.start(PETRA, since=now - timedelta(seconds=2), now=now)
    assert timers.over() == [PETRA], "a verdict has made it sooner"
