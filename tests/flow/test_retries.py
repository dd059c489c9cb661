"""What follows a call that did not reach its customer: by outcome, number and rule, planned into lawful hours."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from campaigns.models import CallableHours, Campaign, PhoneNumber
from telephony.drivers.simulated.script import (
    Answers,
    Busy,
    Congestion,
    Fails,
    InvalidNumber,
    NoAnswer,
    RefusedAtOnce,
    Rejects,
    TrunkSilent,
    Unallocated,
    Unavailable,
    seconds,
)
from telephony.rules.hangup_causes import Cause
from tests.floor import Floor, Someone

TEN_MINUTES = timedelta(minutes=10)


@pytest.fixture
def campaign(floor: Floor, ana: Someone) -> Campaign:
    return floor.campaign("progressive", agents=[ana])


@pytest.mark.parametrize(
    ("meets", "outcome"),
    [
        (Busy(), "busy"),
        (NoAnswer(), "no_answer"),
        (NoAnswer(after=seconds(8)), "no_answer"),
        (Rejects(), "rejected"),
        (Unavailable(), "unavailable"),
        (Congestion(), "congestion"),
        (TrunkSilent(), "trunk_not_responding"),
        (Fails(), "failed"),
        (RefusedAtOnce(cause=Cause.CONGESTION), "congestion"),
        (RefusedAtOnce(cause=Cause.FAILED), "failed"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_every_outcome_has_its_rule(floor: Floor, ana: Someone, campaign: Campaign, meets: object, outcome: str) -> None:
    floor.rule(campaign, outcome, attempts=2, minutes=10)
    maria = floor.person(campaign, "Maria", meets)
    ana.sits_down()
    floor.run(until=lambda: maria.outcomes == [outcome], at_most=40)
    ended = maria.attempts[0].concluded_at
    assert ended
    lead = maria.now()
    assert (lead.state, lead.reason, lead.last_outcome, lead.tries) == ("waiting", "retry", outcome, {outcome: 1})
    assert timedelta(0) <= lead.next_call_at - ended - TEN_MINUTES < timedelta(seconds=1)
    floor.run(until=lambda: maria.outcomes == [outcome, outcome], at_most=11 * 60)
    assert maria.where == ("final", "no_more_attempts")
    floor.agrees_with_the_carrier()


def test_a_number_that_does_not_exist_is_dead_and_the_next_is_called_at_once(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    maria = floor.person(campaign, "Maria", Unallocated(), numbers=3)
    floor.script.say(maria.numbers[1], InvalidNumber())
    floor.script.say(maria.numbers[2], Answers(after=seconds(2), talks_for=seconds(9)))
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "wrap_up", at_most=30)
    ana.finishes("sale")
    assert maria.outcomes == ["unallocated", "invalid_number", "connected"]
    assert maria.dialed == maria.numbers
    assert list(PhoneNumber.objects.order_by("position").values_list("active", flat=True)) == [False, False, True]


def test_the_last_dead_number_finishes_the_lead(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    maria = floor.person(campaign, "Maria", Unallocated())
    ana.sits_down()
    floor.run(until=lambda: maria.where == ("final", "no_valid_number"), at_most=5)


def test_congestion_burns_none_of_the_leads_attempts(floor: Floor, ana: Someone) -> None:
    campaign = floor.campaign("progressive", agents=[ana], max_attempts=1)
    floor.rule(campaign, "congestion", attempts=9, minutes=1)
    maria = floor.person(campaign, "Maria", Congestion(), Congestion(), Congestion(), NoAnswer())
    ana.sits_down()
    floor.run(until=lambda: len(maria.outcomes) == 4 and maria.outcomes[-1], at_most=300)
    assert maria.outcomes == ["congestion"] * 3 + ["no_answer"]
    assert maria.where == ("final", "no_more_attempts")


def test_the_campaigns_limit_ends_it(floor: Floor, ana: Someone) -> None:
    campaign = floor.campaign("progressive", agents=[ana], max_attempts=3)
    floor.rule(campaign, "busy", attempts=9, minutes=1)
    maria = floor.person(campaign, "Maria", Busy())
    ana.sits_down()
    floor.run(until=lambda: maria.where[0] == "final", at_most=300)
    assert maria.outcomes == ["busy"] * 3
    assert maria.where == ("final", "no_more_attempts")


def test_the_numbers_take_their_turns_before_the_wait(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    floor.rule(campaign, "no_answer", attempts=4, minutes=30, next_number=True)
    maria = floor.person(campaign, "Maria", NoAnswer(), numbers=2)
    floor.script.say(maria.numbers[1], NoAnswer())
    ana.sits_down()
    floor.run(70)
    assert maria.dialed == maria.numbers, "the second at once"
    floor.run(until=lambda: len(maria.dialed) == 4 and maria.outcomes[-1], at_most=33 * 60)
    assert maria.dialed == maria.numbers * 2
    assert maria.where == ("final", "no_more_attempts")


def test_a_growing_wait_grows(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    floor.rule(campaign, "busy", attempts=4, minutes=2, growing=True)
    maria = floor.person(campaign, "Maria", Busy())
    ana.sits_down()
    floor.run(until=lambda: maria.where[0] == "final", at_most=900)
    dialed = [attempt.dialed_at for attempt in maria.attempts]
    waits = [round((b - a).total_seconds() / 60) for a, b in itertools.pairwise(dialed) if a and b]
    assert waits == [2, 4, 6]


def test_a_planned_call_is_planned_into_lawful_hours(floor: Floor, ana: Someone) -> None:
    """Half past eight in the evening, busy; an hour later is too late, so nine in the morning it is."""
    campaign = floor.campaign("progressive", agents=[ana], hours=CallableHours.objects.get(name="nine to nine"))
    floor.rule(campaign, "busy", attempts=9, minutes=60)
    maria = floor.person(campaign, "Maria", Busy())
    floor.jumps_to(datetime(2026, 3, 10, 19, 30, tzinfo=UTC))
    ana.sits_down()
    floor.run(until=lambda: maria.outcomes == ["busy"], at_most=10)
    assert maria.now().next_call_at == datetime(2026, 3, 11, 8, 0, tzinfo=UTC)


def test_the_next_number_lives_by_its_own_clock(floor: Floor, ana: Someone) -> None:
    campaign = floor.campaign("progressive", agents=[ana], hours=CallableHours.objects.get(name="nine to nine"))
    floor.rule(campaign, "busy", attempts=9, minutes=10, next_number=True)
    maria = floor.person(campaign, "Maria", Busy(), numbers=2)
    PhoneNumber.objects.filter(e164=maria.numbers[1]).update(zones=["America/New_York"])
    ana.sits_down()
    floor.run(until=lambda: maria.outcomes == ["busy"], at_most=10)
    lead = maria.now()
    assert lead.next_call_at == datetime(2026, 3, 10, 13, 0, tzinfo=UTC), "nine in the morning in New York"
    assert lead.next_phone
    assert lead.next_phone.e164 == maria.numbers[1]


def test_a_wrong_number_is_not_called_again_for_this_person(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    floor.rule(campaign, "no_answer", attempts=4, minutes=1, next_number=True)
    talks = Answers(after=seconds(2), talks_for=seconds(5))
    maria = floor.person(campaign, "Maria", talks, numbers=2)
    floor.script.say(maria.numbers[1], NoAnswer(after=seconds(5)))
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "wrap_up", at_most=15)
    ana.finishes("wrong")
    floor.run(until=lambda: maria.where[0] == "final", at_most=300)
    assert maria.dialed == [maria.numbers[0]] + [maria.numbers[1]] * 4


def test_who_is_left_alone_for_a_while_is_called_as_usual_afterwards(floor: Floor, ana: Someone) -> None:
    campaign = floor.campaign("progressive", agents=[ana], no_callback_days=1)
    maria = floor.person(campaign, "Maria", Answers(after=seconds(2), talks_for=seconds(5)))
    floor.person(campaign, "Pedro", at=floor.now + timedelta(days=9))
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "wrap_up", at_most=15)
    ana.finishes("later")
    lead = maria.now()
    assert maria.where == ("waiting", "no_callback")
    assert lead.no_callback_since == floor.now
    floor.jumps_to(floor.now + timedelta(hours=23))
    floor.run(60)
    assert len(maria.attempts) == 1
    floor.jumps_to(floor.now + timedelta(hours=1))
    floor.run(until=lambda: len(maria.attempts) == 2, at_most=60)
