"""Between the permit and the carrier time passes and things change: the last look asks with a clock of its own, and about everything that
the permit was granted on and an administrator can take back in one click."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from campaigns.flow import permit, place
from campaigns.models import CallableHours, Campaign, DoNotCall, Permit
from dialer_project.lib.failpoints import Failpoint
from telephony import nodes
from telephony.drivers.simulated.script import Answers, NoAnswer, seconds
from telephony.models import CallerId, Trunk
from tests.floor import Floor, Someone

TALKS = Answers(after=seconds(3), talks_for=seconds(20))


def held_up(floor: Floor, monkeypatch: pytest.MonkeyPatch, *, by: float) -> None:
    """Once, between the promise and the last look, the worker's machine stands still; the pump's does not."""
    at_once = iter([by])

    def reached(point: Failpoint) -> None:
        if point is Failpoint.PLANNED and (late := next(at_once, None)):
            floor.clock.now += timedelta(seconds=late)
            assert floor.lease
            nodes.still_listening(floor.lease, now=floor.now)

    monkeypatch.setattr(place, "reached", reached)


def meanwhile(monkeypatch: pytest.MonkeyPatch, change: Callable[[], Any]) -> None:
    """Done once, right after the permits are written down."""
    promise = permit.promise

    def then(*args: Any, **told: Any) -> None:
        monkeypatch.setattr(permit, "promise", promise)
        promise(*args, **told)
        change()

    monkeypatch.setattr(permit, "promise", then)


def test_a_permit_that_ran_out_while_the_worker_was_held_up_sends_no_call(floor: Floor, ana: Someone, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = floor.campaign("progressive", agents=[ana], hours=CallableHours.objects.get(name="nine to nine"))
    maria = floor.person(campaign, "Maria", NoAnswer())
    ana.sits_down(ready=False)
    floor.jumps_to(datetime(2026, 3, 10, 19, 59, 30, tzinfo=UTC))  # half a minute before the hours end in Madrid
    held_up(floor, monkeypatch, by=40)
    ana.goes_ready()
    floor.deliver()
    assert Permit.objects.get().valid_until < floor.now
    assert (maria.outcomes, floor.placed(maria.number)) == (["cancelled"], 0)
    assert maria.attempts[0].dialed_at is None
    assert maria.now().attempts_made == 0
    floor.run(5)
    assert ana.free


@pytest.mark.parametrize(("late", "sent"), [(3.9, True), (4.1, False)], ids=["it is sent before", "it may be sent after"])
def test_a_call_is_sent_only_where_the_carrier_has_it_before_its_permit_runs_out(
    floor: Floor, ana: Someone, monkeypatch: pytest.MonkeyPatch, late: float, sent: bool
) -> None:
    """Between the last look and the carrier a second may pass: ringing that began then would end after the hours."""
    maria = floor.person(floor.campaign("progressive", agents=[ana]), "Maria", TALKS)
    held_up(floor, monkeypatch, by=late)
    ana.sits_down()
    permit = Permit.objects.get(attempt__lead=maria.lead)
    assert permit.valid_until == permit.decided_at + timedelta(seconds=5)
    assert (floor.placed(maria.number), maria.outcomes) == ((1, [None]) if sent else (0, ["cancelled"]))
    floor.check()  # by the second implementation too


def test_a_call_is_written_down_as_dialed_when_it_was_sent_and_not_when_it_was_promised(
    floor: Floor, ana: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = floor.campaign("progressive", agents=[ana])
    maria = floor.person(campaign, "Maria", TALKS)
    held_up(floor, monkeypatch, by=2)
    ana.sits_down()
    [attempt] = maria.attempts
    assert attempt.dialed_at == attempt.planned_at + timedelta(seconds=2)
    floor.run(until=lambda: ana.phase == "connected", at_most=10)


@pytest.mark.parametrize(
    "taken_back",
    [lambda: CallerId.objects.update(verified=False), lambda: Trunk.objects.update(enabled=False)],
    ids=["the caller ID is not verified any more", "the trunk is switched off"],
)
def test_what_is_taken_back_after_the_permit_was_granted_is_seen_by_the_last_look(
    floor: Floor, ana: Someone, monkeypatch: pytest.MonkeyPatch, taken_back: Callable[[], Any]
) -> None:
    campaign: Campaign = floor.campaign("progressive", agents=[ana])
    maria = floor.person(campaign, "Maria", TALKS)
    meanwhile(monkeypatch, taken_back)
    ana.sits_down()
    floor.run(5)
    assert (maria.outcomes, floor.placed(maria.number), maria.where[0]) == (["cancelled"], 0, "waiting")
    CallerId.objects.update(verified=True)
    Trunk.objects.update(enabled=True)
    floor.run(until=lambda: ana.phase == "connected", at_most=90)


def test_a_number_that_is_on_the_list_by_then_is_not_called(floor: Floor, ana: Someone, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever lists a number cancels what was planned; the last look relies on nobody."""
    maria = floor.person(floor.campaign("progressive", agents=[ana]), "Maria", TALKS)
    key = maria.contact.phones.get().number_key
    meanwhile(monkeypatch, lambda: DoNotCall.objects.create(number_key=key, source="import", created_at=floor.now))
    ana.sits_down()
    floor.run(5)
    assert (maria.outcomes, floor.placed(maria.number)) == (["cancelled"], 0)
