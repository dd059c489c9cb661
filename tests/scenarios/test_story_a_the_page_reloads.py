"""The customer answers in the second in which the agent's page reloads: the old leg stays up at the carrier and accepts the bridge. No
customer may talk to it, and every one hears a person or the message within two seconds."""

from datetime import timedelta

import pytest

from agents.models import Station
from campaigns.flow import phone
from campaigns.models import Attempt, Campaign
from telephony.drivers.simulated.script import Answers, seconds
from telephony.models import Call
from telephony.rules.events import Happened
from tests.floor import Floor, Someone

RINGS_FOR = 6.0
TALKS = Answers(after=seconds(RINGS_FOR), talks_for=seconds(120))


@pytest.fixture
def ana(floor: Floor) -> Someone:
    ana = floor.agent("Ana")
    Station.objects.update(kind=Station.Kind.WEBRTC)
    floor.script.station("ana", Answers(after=seconds(0.1)))
    return ana


@pytest.fixture
def campaign(floor: Floor, ana: Someone, ben: Someone) -> Campaign:
    return floor.campaign("progressive", agents=[ana, ben])


def rings_for_ana(floor: Floor, ana: Someone, campaign: Campaign, *, for_: float = RINGS_FOR - 0.3) -> Call:
    floor.person(campaign, "Maria", TALKS)
    ana.sits_down()
    floor.run(for_)
    return Call.objects.get(party="customer")


def heard_somebody(floor: Floor, call: Call) -> float:
    """Seconds from the answer to a voice, at the carrier."""
    answered = floor.world.when(call.pk, Happened.ANSWERED)
    voices = [floor.world.when(call.pk, kind) for kind in (Happened.ENTERED_BRIDGE, Happened.ANNOUNCEMENT_STARTED)]
    assert answered
    return (min(at for at in voices if at) - answered).total_seconds()


def test_another_agent_who_is_free_takes_the_call(floor: Floor, ana: Someone, ben: Someone, campaign: Campaign) -> None:
    call = rings_for_ana(floor, ana, campaign)
    ben.sits_down()
    ana.phone_dies()
    floor.run(until=lambda: ben.phase == "connected", at_most=2)
    assert heard_somebody(floor, call) < 0.1
    bridge = floor.carrier.list().bridges[ben._work()]
    assert bridge == {ben.leg, call.pk}
    assert ana.closed == ["agent_lost"]


def test_where_nobody_else_is_free_the_customer_hears_the_message_and_is_counted(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    call = rings_for_ana(floor, ana, campaign)
    ana.phone_dies()
    floor.run(until=lambda: Call.objects.get(pk=call.pk).state == "ended", at_most=12)
    assert 1.9 < heard_somebody(floor, call) < 2.1
    call.refresh_from_db()
    assert call.announcing_at
    assert not call.connected_at
    assert Attempt.objects.get().outcome == "abandoned"
    assert ana.closed == ["agent_lost"]


def test_the_same_agent_takes_it_when_the_page_is_back_before_the_two_seconds(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    call = rings_for_ana(floor, ana, campaign, for_=RINGS_FOR - 0.1)
    old = ana.leg
    ana.phone_dies()
    floor.run(0.3)
    assert ana.session.leg_state == "suspect"
    assert ana.phase is None, "nobody is left connected to a leg that is dead"
    ana.phone_is_back()
    floor.run(until=lambda: ana.phase == "connected", at_most=2)
    assert heard_somebody(floor, call) < 1
    assert ana.leg != old
    assert floor.carrier.list().bridges[ana._work()] == {ana.leg, call.pk}


def test_the_old_leg_that_dies_later_is_history(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    rings_for_ana(floor, ana, campaign, for_=RINGS_FOR - 0.1)
    ana.phone_dies()
    floor.run(0.3)
    ana.phone_is_back()
    floor.run(until=lambda: ana.phase == "connected", at_most=2)
    floor.run(20)
    assert ana.phase == "connected"
    assert ana.session.leg_state == "up"


def test_the_phone_that_is_lost_between_the_answer_and_the_bridge_loses_the_customer_to_another(
    floor: Floor, ana: Someone, ben: Someone, campaign: Campaign
) -> None:
    floor.script.bridging = seconds(0.8)
    call = rings_for_ana(floor, ana, campaign)
    ben.sits_down()
    floor.run(until=lambda: ana.phase == "connecting", at_most=2)
    ana.phone_dies()
    floor.run(until=lambda: ben.phase == "connected", at_most=2)
    assert heard_somebody(floor, call) < 2
    assert ana.phase is None
    assert floor.carrier.list().bridges[ben._work()] == {ben.leg, call.pk}


def test_the_phone_lost_between_answer_and_bridge_with_nobody_else_is_the_message(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    floor.script.bridging = seconds(0.8)
    call = rings_for_ana(floor, ana, campaign)
    floor.run(until=lambda: ana.phase == "connecting", at_most=2)
    ana.phone_dies()
    floor.run(5)
    assert floor.world.when(call.pk, Happened.ANNOUNCEMENT_STARTED)
    assert Call.objects.get(pk=call.pk).connected_at is None, "the bridge of a lost agent is no conversation"


def test_in_a_conversation_the_customer_waits_and_the_agent_is_called_again(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    call = rings_for_ana(floor, ana, campaign)
    floor.run(until=lambda: ana.phase == "connected", at_most=2)
    floor.run(10)
    ana.phone_dies()
    floor.run(0.2)
    ana.phone_is_back()
    floor.run(3)
    assert ana.phase == "connected"
    assert floor.carrier.list().bridges[ana._work()] == {ana.leg, call.pk}
    floor.run(30)
    assert ana.phase == "connected", "the deadline of the loss is taken back"
    ana.hangs_up()
    floor.run(1)
    ana.finishes("sale")


def test_a_conversation_whose_agent_does_not_come_back_ends_with_the_message(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    call = rings_for_ana(floor, ana, campaign)
    floor.run(until=lambda: ana.phase == "connected", at_most=2)
    ana.phone_dies()
    lost = floor.now
    floor.run(until=lambda: ana.phase == "wrap_up", at_most=40)
    message = floor.world.when(call.pk, Happened.ANNOUNCEMENT_STARTED)
    assert message
    assert timedelta(seconds=15) < message - lost < timedelta(seconds=25)
    ana.finishes("other")
    floor.run(20)
    assert not ana.free, "without a phone there is no work"
    ana.phone_is_back()
    floor.run(until=lambda: ana.free, at_most=15)


def test_a_reload_of_the_page_alone_keeps_the_agents_place_and_call(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    rings_for_ana(floor, ana, campaign)
    floor.run(until=lambda: ana.phase == "connected", at_most=2)
    ana.closes_console()
    floor.run(2)
    ana.opens_console()
    assert ana.phase == "connected"
    ana.hangs_up()
    floor.run(1)
    ana.finishes("sale")
    assert ana.free


def test_nobody_is_given_work_without_a_screen(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    ana.sits_down()
    ana.closes_console()
    maria = floor.person(campaign, "Maria", TALKS)
    floor.run(30)
    assert not maria.attempts
    assert ana.not_ready is None, "for a moment"
    floor.run(90)
    assert ana.not_ready == "connection_lost"
    ana.opens_console()
    floor.run(2)
    assert not maria.attempts
    ana.goes_ready()
    floor.run(until=lambda: maria.attempts, at_most=2)


def test_an_old_console_that_closes_late_closes_nothing(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    ana.sits_down()
    old = ana.epoch
    ana.opens_console()
    phone.console_closed(ana.id, epoch=old, now=floor.now)
    assert ana.free
