"""The page as the agent's phone: its name and secret are another for each page, and known to one node for as long as they are needed."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest

from agents.desk import DONE, Refusal
from agents.models import Station
from campaigns import screens
from campaigns.flow import phone
from campaigns.flow.known_phones import PageAccess
from dialer_project.lib.seal import unseal
from telephony.drivers.base import Phone
from telephony.drivers.simulated.script import Answers, seconds
from telephony.models import Call, Node
from tests.floor import Floor, Someone


@pytest.fixture
def ana(floor: Floor) -> Someone:
    Node.objects.update(browser_url="wss://pbx.example/ws")
    ana = floor.agent("Ana")
    ana.opens_console()
    return ana


def asks(ana: Someone) -> PageAccess:
    told = phone.of_this_page(ana.id, epoch=ana.epoch, now=ana.floor.now)
    assert isinstance(told, PageAccess), told
    ana.station = Station.objects.get(owner=ana.agent)
    return told


def sits_at_the_page(ana: Someone) -> PageAccess:
    told = asks(ana)
    assert phone.sign_in(ana.id, None, now=ana.floor.now) == DONE
    ana.floor.run(until=lambda: ana.session.leg_state == "up", at_most=5)
    return told


def pages_known(floor: Floor) -> set[str]:
    return {name for name in floor.carrier.list().stations if name.startswith("browser-")}


def test_each_page_gets_a_name_and_a_secret_and_the_older_ones_are_void(floor: Floor, ana: Someone) -> None:
    first = asks(ana)
    assert (first.url, pages_known(floor)) == ("wss://pbx.example/ws", {first.phone.name})
    assert ana.station.secret != first.phone.secret, "sealed"
    second = asks(ana)
    assert second.phone.name != first.phone.name
    assert pages_known(floor) == {second.phone.name}
    assert (ana.station.endpoint, unseal(ana.station.secret)) == (second.phone.name, second.phone.secret)


def test_a_page_that_was_replaced_is_told_nothing(floor: Floor, ana: Someone) -> None:
    told, older = asks(ana), ana.epoch
    ana.opens_console()
    assert phone.of_this_page(ana.id, epoch=older, now=floor.now) == Refusal("The console is open in another window, and so is the phone.")
    assert pages_known(floor) == {told.phone.name}


def test_nobody_signs_in_at_a_page_that_has_not_asked(floor: Floor, ana: Someone) -> None:
    assert isinstance(phone.sign_in(ana.id, None, now=floor.now), Refusal)
    Node.objects.update(browser_url="")
    assert phone.of_this_page(ana.id, epoch=ana.epoch, now=floor.now) == phone.NO_TELEPHONE_SYSTEM
    assert [one.kind for one in screens.choices(ana.id).stations] == ["sip"], "where no node takes pages none is offered"


def test_the_shift_ends_and_nobody_can_be_this_phone_any_more(floor: Floor, ana: Someone) -> None:
    sits_at_the_page(ana)
    assert ana.signs_out() == DONE
    assert pages_known(floor) == set()
    ana.station.refresh_from_db()
    assert (ana.station.secret, ana.station.known_at) == ("", None)


def test_who_takes_another_phone_is_known_as_a_page_no_longer(floor: Floor, ana: Someone) -> None:
    desk = ana.station
    sits_at_the_page(ana)
    assert phone.sign_in(ana.id, desk.pk, now=floor.now) == DONE
    assert pages_known(floor) == set()


def test_a_restart_and_a_crash_are_put_right_at_the_next_list(floor: Floor, ana: Someone) -> None:
    told = sits_at_the_page(ana)
    floor.carrier.admit(Phone(name="browser-77-of-a-crash", browser=True, secret="x"))
    floor.carrier.dismiss(told.phone.name)
    floor.run(11)
    assert pages_known(floor) == {told.phone.name}


def test_a_page_that_stays_away_loses_its_secret_and_one_that_was_only_tried_too(floor: Floor, ana: Someone) -> None:
    sits_at_the_page(ana)
    ana.closes_console()
    floor.run(80)
    assert len(pages_known(floor)) == 1, "a reload, or a bad minute"
    floor.run(30)
    assert pages_known(floor) == set()
    ben = floor.agent("Ben")
    ben.opens_console()
    asks(ben)
    floor.run(10 * 60 + 20)
    assert pages_known(floor) == set()


def test_a_secret_does_not_outlive_a_long_shift_but_no_call_is_cut_for_that(floor: Floor, ana: Someone) -> None:
    sits_at_the_page(ana)
    campaign = floor.campaign(agents=[ana], call_application="softphone", longest_call=120)
    floor.person(campaign, "Maria", Answers(after=seconds(1), talks_for=seconds(300)))
    ana.goes_ready()
    floor.run(until=lambda: ana.phase == "connected", at_most=10)
    Station.objects.update(secret_since=floor.now - timedelta(hours=13))
    floor.run(20)
    assert len(pages_known(floor)) == 1
    ana.hangs_up()
    floor.run(1)
    ana.finishes("sale")
    floor.run(11)
    assert pages_known(floor) == set()


def test_the_customer_hears_music_while_the_page_is_away_and_the_agent_again_when_it_is_back(floor: Floor, ana: Someone) -> None:
    sits_at_the_page(ana)
    campaign = floor.campaign(agents=[ana], call_application="softphone")
    floor.person(campaign, "Maria", Answers(after=seconds(1), talks_for=seconds(120)))
    ana.goes_ready()
    floor.run(until=lambda: ana.phase == "connected", at_most=10)
    floor.run(1)
    ana.phone_dies()
    floor.run(0.2)
    assert floor.world.music_in == {ana._work()}
    asks(ana)
    floor.run(11)
    customer = Call.objects.get(party="customer")
    assert floor.world.music_in == set()
    assert floor.carrier.list().bridges[ana._work()] == {ana.leg, customer.pk}
    assert Call.objects.filter(address=ana.station.endpoint, state__in=["answered", "connected"]).count() == 1


def test_a_phone_that_stays_away_makes_its_agent_not_ready_and_says_why(floor: Floor, ana: Someone) -> None:
    sits_at_the_page(ana)
    ana.goes_ready()
    ana.phone_dies()
    floor.run(55)
    assert ana.not_ready is None
    assert not ana.free, "given nothing all the while"
    floor.run(10)
    assert ana.not_ready == "phone_lost"


def test_the_call_application_says_which_phones_a_campaign_is_called_from(floor: Floor, ana: Someone) -> None:
    desk = ana.station
    campaign = floor.campaign(agents=[ana], call_application="softphone")
    maria = floor.person(campaign, "Maria", Answers(after=seconds(1), talks_for=seconds(5)))
    assert phone.sign_in(ana.id, desk.pk, now=floor.now) == DONE
    floor.run(until=lambda: ana.session.leg_state == "up", at_most=5)
    ana.goes_ready()
    floor.run(5)
    assert not maria.attempts
    wrong = Refusal(f"{campaign.name} is called with the phone in the browser: end your shift and start it again there.")
    assert ana.gets(campaign) == wrong
    assert "called with the phone in the browser" in str(screens.campaigns(ana.id, now=floor.now).campaigns[0].remark)
    sits_at_the_page(ana)
    ana.goes_ready()
    floor.run(until=lambda: ana.phase == "connected", at_most=10)


def test_an_ordinary_number_only_for_whom_it_is_allowed_and_by_a_way_out(floor: Floor, ana: Someone) -> None:
    number = Station.objects.create(name="At home", kind="pstn", endpoint="+34600999999")
    floor.script.say("+34600999999", Answers(after=seconds(1), presses=((seconds(0.5), "1"),), talks_for=None))
    assert isinstance(phone.sign_in(ana.id, number.pk, now=floor.now), Refusal)
    ana.agent.may_use_number = True
    ana.agent.save()
    assert phone.sign_in(ana.id, number.pk, now=floor.now) == DONE
    floor.run(until=lambda: ana.session.leg_state == "up", at_most=5)
    leg = Call.objects.get(pk=ana.leg)
    assert leg.trunk is not None
    assert (leg.trunk.name, leg.caller_id) == ("trunk", "+34910000000")


def test_a_mailbox_at_an_agents_ordinary_number_is_hung_up_and_called_less_and_less_often(floor: Floor, ana: Someone) -> None:
    number = Station.objects.create(name="At home", kind="pstn", endpoint="+34600999999")
    floor.script.say("+34600999999", Answers(after=seconds(1), talks_for=None))
    ana.agent.may_use_number = True
    ana.agent.save()
    assert phone.sign_in(ana.id, number.pk, now=floor.now) == DONE
    floor.run(20)
    assert Call.objects.get(party="agent").state == "answered"
    floor.run(until=lambda: Call.objects.get(party="agent").state == "ended", at_most=60)
    floor.run(240)
    legs = list(Call.objects.filter(party="agent").order_by("planned_at"))
    pauses = [(later.planned_at - leg.ended_at).total_seconds() for leg, later in itertools.pairwise(legs) if leg.ended_at]
    assert all(later > earlier * 1.4 for earlier, later in itertools.pairwise(pauses)), pauses
    assert len(pauses) >= 2
