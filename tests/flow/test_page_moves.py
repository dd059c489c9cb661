"""The node a page is the phone at is lost: what it may register with elsewhere reaches the same page, and its agent goes on there."""

from __future__ import annotations

import pytest

from agents.desk import DONE
from campaigns.flow import phone
from campaigns.flow.known_phones import PageAccess
from telephony.drivers.simulated.script import Answers, seconds
from telephony.models import Call, Node
from tests.floor import Floor, Someone
from tests.flow.test_nodes import node_of
from tests.flow.test_page_phones import asks


@pytest.fixture
def ana(floor: Floor, other: Floor) -> Someone:
    """Her page is the phone, at the second node; the first one takes pages too by now."""
    Node.objects.filter(pk=other.node.pk).update(browser_url="wss://two.example/ws")
    ana = floor.agent("Ana")
    ana.opens_console()
    told = asks(ana)
    assert told.url == "wss://two.example/ws"
    assert phone.sign_in(ana.id, None, now=floor.now) == DONE
    floor.run(until=lambda: ana.session.leg_state == "up", at_most=5)
    Node.objects.filter(pk=floor.node.pk).update(browser_url="wss://local.example/ws")
    return ana


def pages_known(floor: Floor) -> set[str]:
    return {name for name in floor.carrier.list().stations if name.startswith("browser-")}


def test_a_free_agents_page_asks_again_and_is_told_the_other_nodes_address(floor: Floor, other: Floor, ana: Someone) -> None:
    ana.goes_ready()
    epoch = ana.epoch
    other.carrier.stop()
    floor.run(6)  # as long as the page waits for its line to come back by itself
    told = asks(ana)
    assert (told.url, ana.epoch) == ("wss://local.example/ws", epoch), "the page it was, not loaded anew"
    assert pages_known(floor) == {told.phone.name}
    floor.run(until=lambda: ana.session.leg_state == "up", at_most=15)
    assert node_of(ana) == floor.node.pk
    assert Call.objects.get(pk=ana.leg).node_id == floor.node.pk
    if not ana.session.voice_ready:
        ana.goes_ready()
    campaign = floor.campaign(agents=[ana], call_application="softphone")
    floor.person(campaign, "Maria", Answers(after=seconds(1), talks_for=seconds(30)))
    floor.run(until=lambda: ana.phase == "connected", at_most=15)
    assert ana.work
    assert ana.work.call_id
    assert Call.objects.get(pk=ana.work.call_id).node_id == floor.node.pk


def test_one_with_work_in_hand_registers_elsewhere_and_is_called_there_when_it_is_done(floor: Floor, other: Floor, ana: Someone) -> None:
    campaign = floor.campaign(agents=[ana], call_application="softphone", wrap_up_for=120)
    maria = floor.person(campaign, "Maria", Answers(after=seconds(1), talks_for=seconds(60)))
    ana.goes_ready()
    floor.run(until=lambda: ana.phase == "connected", at_most=10)
    other.carrier.stop()
    floor.run(until=lambda: ana.phase == "wrap_up", at_most=20)
    assert maria.outcomes == ["connected"]
    told = asks(ana)
    assert told.url == "wss://local.example/ws"
    assert pages_known(floor) == {told.phone.name}
    ana.finishes("sale")
    floor.run(until=lambda: ana.session.leg_state == "up", at_most=20)
    assert node_of(ana) == floor.node.pk


def test_a_page_that_cannot_be_told_yet_asks_again_until_it_can(floor: Floor, other: Floor, ana: Someone) -> None:
    Node.objects.filter(pk=floor.node.pk).update(browser_url="")
    other.carrier.stop()
    floor.run(5)
    assert phone.of_this_page(ana.id, epoch=ana.epoch, now=floor.now) == phone.NO_TELEPHONE_SYSTEM
    other.carrier.start()
    floor.run(5)
    told = phone.of_this_page(ana.id, epoch=ana.epoch, now=floor.now)
    assert isinstance(told, PageAccess)
    assert told.url == "wss://two.example/ws"
