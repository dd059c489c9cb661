"""The carrier's machine restarts with calls ringing and conversations under way; the pump connects to the new run."""

import pytest

from campaigns import facts
from campaigns.flow import place
from campaigns.models import Campaign
from telephony.drivers.simulated.script import Answers, NoAnswer, seconds
from telephony.models import Call, Node
from tests.floor import Floor, Someone

TALKS = Answers(after=seconds(4), talks_for=seconds(60))


@pytest.fixture
def staff(floor: Floor) -> list[Someone]:
    return [floor.agent(name) for name in ("Ana", "Ben", "Cleo")]


@pytest.fixture
def campaign(floor: Floor, staff: list[Someone]) -> Campaign:
    return floor.campaign("progressive", agents=staff)


def test_its_calls_are_concluded_its_agents_called_again_and_nothing_is_lost(floor: Floor, staff: list[Someone], campaign: Campaign) -> None:
    talking = floor.person(campaign, "Maria", TALKS)
    staff[0].sits_down()
    floor.run(until=lambda: staff[0].phase == "connected", at_most=6)
    ringing = floor.person(campaign, "Pedro", NoAnswer())
    staff[1].sits_down()
    floor.run(3)
    staff[2].sits_down()
    floor.run(1)
    floor.carrier.restart()
    floor.run(until=lambda: not Call.objects.filter(party="customer").exclude(state="ended").exists(), at_most=3)
    assert talking.outcomes == ["connected"]
    assert ringing.outcomes == ["unknown"], "it may have rung, and counts"
    assert staff[0].phase == "wrap_up"
    staff[0].finishes("sale")
    floor.run(until=lambda: all(s.session.leg_state == "up" for s in staff), at_most=15)
    assert [s.free for s in staff] == [True] * 3
    assert set(Call.objects.exclude(state="ended").values_list("boot", flat=True)) == {Node.objects.get().boot}
    later = floor.person(campaign, "Rosa", TALKS)
    floor.run(until=lambda: later.attempts, at_most=3)


def test_a_customer_who_had_answered_and_had_nobody_yet_is_counted(floor: Floor, staff: list[Someone], campaign: Campaign) -> None:
    floor.script.bridging = seconds(1.5)
    maria = floor.person(campaign, "Maria", TALKS)
    staff[0].sits_down()
    floor.run(until=lambda: staff[0].phase == "connecting", at_most=6)
    floor.run(0.2)
    floor.carrier.restart()
    floor.run(3)
    assert maria.outcomes in (["abandoned"], ["early_hang_up"])
    assert staff[0].phase is None


def test_a_call_planned_before_the_restart_is_not_sent_after_it(floor: Floor, staff: list[Someone], campaign: Campaign) -> None:
    maria = floor.person(campaign, "Maria", TALKS)
    staff[0].sits_down(ready=False)
    dial_planned = place.dial_planned
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(place, "dial_planned", lambda *args, **kwargs: None)
        staff[0].goes_ready()
        floor.deliver()
    call = Call.objects.get(party="customer")
    floor.carrier.restart()
    floor.run(1)
    dial_planned(facts.settings_of([campaign.pk])[campaign.pk], [call.pk], now=floor.now)
    assert maria.outcomes == ["cancelled"]
    assert floor.placed(maria.number) == 0


def test_a_machine_that_does_not_come_back_is_not_dialed_on_and_one_that_does_is(floor: Floor, staff: list[Someone], campaign: Campaign) -> None:
    maria = floor.person(campaign, "Maria", NoAnswer())
    staff[0].sits_down()
    floor.run(3)
    floor.carrier.stop()
    floor.run(10)
    assert floor.listening is None
    later = floor.person(campaign, "Pedro", TALKS)
    floor.run(20)
    assert not [a for a in later.attempts if a.dialed_at]
    floor.carrier.start()
    floor.run(until=lambda: later.attempts and later.attempts[-1].dialed_at, at_most=90)
    assert maria.outcomes == ["unknown"]


def test_a_partition_is_not_a_death(floor: Floor, staff: list[Someone], campaign: Campaign) -> None:
    """Commands time out for a while; the conversation is still there."""
    maria = floor.person(campaign, "Maria", TALKS)
    staff[0].sits_down()
    floor.run(until=lambda: staff[0].phase == "connected", at_most=6)
    floor.stalls(15)
    floor.run(20)
    assert staff[0].phase == "connected"
    floor.run(until=lambda: staff[0].phase == "wrap_up", at_most=60)
    staff[0].finishes("sale")
    assert maria.outcomes == ["connected"]
