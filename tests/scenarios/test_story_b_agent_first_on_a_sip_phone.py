"""Agent-first on phones that are called for each call: not picked up, not registered, a mailbox; the permit that refuses after the agent has
answered; and two legs that end in the same moment. No customer is dialed, and nothing is spent, before an agent is there."""

from __future__ import annotations

import pytest

from agents.models import Station
from campaigns.flow import control, do_not_call
from campaigns.models import Attempt, Campaign
from telephony.drivers.simulated.script import Answers, Machine, NoAnswer, RefusedAtOnce, seconds
from telephony.models import Call
from telephony.rules.events import Happened
from telephony.rules.hangup_causes import Cause
from tests.floor import Floor, Someone

TALKS = Answers(after=seconds(5), talks_for=seconds(60))


@pytest.fixture
def ana(floor: Floor) -> Someone:
    return floor.agent("Ana", leg_mode=Station.LegMode.PER_CALL)


@pytest.fixture
def campaign(floor: Floor, ana: Someone) -> Campaign:
    return floor.campaign("agent_first", agents=[ana], max_attempts=1)


def nobody_was_called() -> bool:
    return not Attempt.objects.exists() and not Call.objects.filter(party="customer").exists()


def test_no_attempt_exists_until_an_agent_is_there_and_the_cap_of_one_is_still_whole_then(floor: Floor, campaign: Campaign, ana: Someone) -> None:
    ben = floor.agent("Ben", leg_mode=Station.LegMode.PER_CALL)
    cleo = floor.agent("Cleo", leg_mode=Station.LegMode.PER_CALL, endpoint="+34911111111")
    control.assign(campaign, [ana.agent, ben.agent, cleo.agent], by=None, now=floor.now)
    floor.script.station("ana", NoAnswer())  # does not pick up
    floor.script.station("ben", RefusedAtOnce(cause=Cause.UNAVAILABLE))  # no phone is registered: there is no event at all
    floor.script.say("+34911111111", Machine(after=seconds(2), talks_for=seconds(90)))  # a mailbox does
    maria = floor.person(campaign, "Maria", TALKS)
    for someone in (ana, ben, cleo):
        someone.sits_down()
        floor.run(until=lambda someone=someone: someone.not_ready == "no_answer", at_most=40)  # type: ignore[misc]  # mypy cannot type a lambda with a default
        assert nobody_was_called()
        assert maria.where == ("waiting", "returned")
        someone.takes_break()
    assert maria.now().misses == 3
    floor.run(1)
    assert not Call.objects.exclude(state="ended").exists(), "the mailbox is hung up"

    # after so many it rests for ten minutes
    floor.script.station("ben", Answers(after=seconds(1)))
    ben.goes_ready()
    floor.run(until=lambda: ben.phase == "connected", at_most=700)
    assert len(maria.dialed) == 1


def test_who_missed_a_record_twice_is_not_given_it_a_third_time_while_somebody_else_can_take_it(
    floor: Floor, campaign: Campaign, ana: Someone
) -> None:
    floor.script.station("ana", NoAnswer(), NoAnswer(), Answers(after=seconds(1)))
    maria = floor.person(campaign, "Maria", TALKS)
    ana.sits_down()
    for _ in range(2):
        floor.run(until=lambda: ana.not_ready == "no_answer", at_most=40)
        ana.goes_ready()
        floor.run(0.5)
    ana.takes_break()
    floor.run(40)
    ben = floor.agent("Ben")
    control.assign(campaign, [ana.agent, ben.agent], by=None, now=floor.now)
    ben.sits_down()
    ana.goes_ready()
    floor.run(until=lambda: ben.phase == "ringing_agent", at_most=120)
    assert ben.work
    assert ben.work.lead_id == maria.lead.pk
    assert ana.phase is None


def test_a_permit_refused_after_the_agent_has_answered_dials_nobody_and_the_next_record_comes(floor: Floor, campaign: Campaign, ana: Someone) -> None:
    floor.script.station("ana", Answers(after=seconds(2)))
    maria = floor.person(campaign, "Maria", TALKS)
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "ringing_agent", at_most=3)
    first_leg = ana.leg
    do_not_call.list_numbers([maria.number], source="customer", now=floor.now)
    floor.run(until=lambda: ana.closed == ["dial_refused"], at_most=5)
    assert maria.where == ("final", "do_not_call")
    assert nobody_was_called()
    floor.run(1)
    assert floor.world.when(first_leg, Happened.ENDED), "the phone that was picked up for nobody is let go"
    assert ana.free, "it was not the agent's fault"
    pedro = floor.person(campaign, "Pedro", TALKS)
    floor.run(until=lambda: ana.phase == "connected", at_most=15)
    assert pedro.dialed


@pytest.mark.parametrize("crossing", [0.0, 0.4])
def test_two_legs_that_end_or_begin_in_one_moment_have_one_outcome_and_a_crossed_answer_is_counted(
    floor: Floor, campaign: Campaign, ana: Someone, crossing: float
) -> None:
    """The agent puts the phone down while the customer rings; with `crossing`, the customer answers while the cancel is on its way."""
    floor.script.hanging_up = seconds(crossing or 0.01)
    floor.rule(campaign, "cancelled", attempts=3, minutes=1)
    maria = floor.person(campaign, "Maria", TALKS)
    ana.sits_down()
    floor.run(until=lambda: maria.dialed, at_most=5)
    floor.run(4.8)
    ana.puts_the_phone_down()
    floor.run(until=lambda: ana.phase is None and maria.outcomes[0] is not None, at_most=6)
    assert maria.outcomes == (["abandoned"] if crossing else ["cancelled"])
    assert bool(Attempt.objects.get().answered_at) is bool(crossing)
    floor.run(3)
    assert not Call.objects.exclude(state="ended").exists()
    floor.agrees_with_the_carrier()
