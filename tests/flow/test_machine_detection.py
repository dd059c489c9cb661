"""The carrier listens whether a machine has answered: an agent is found meanwhile, a person is put through in the moment of the verdict."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from agents.models import Station
from campaigns.models import Campaign
from telephony.calls import ANSWERED_WITHIN
from telephony.drivers.simulated.script import Answers, Machine, seconds
from telephony.models import Announcement, Call
from telephony.rules.events import Happened
from tests.floor import Floor, Person, Someone

TALKS = Answers(after=seconds(2), talks_for=seconds(60))
MACHINE = Machine(after=seconds(2))


@pytest.fixture
def mailbox_message(floor: Floor) -> Announcement:
    return Announcement.objects.create(name="voicemail", media="sound:please-call-us")


def answered(floor: Floor, *agents: Someone, meets: object = TALKS, mode: str = "progressive", **fields: Any) -> Person:
    """Somebody has just picked up, and the carrier listens."""
    campaign = floor.campaign(mode, agents=agents, **{"on_machine": "hang_up", **fields})
    maria = floor.person(campaign, "Maria", meets)
    for someone in agents:
        someone.sits_down()
    floor.run(until=lambda: Call.objects.filter(address=maria.number, state="answered").exists(), at_most=10)
    return maria


def call_of(person: Person) -> Call:
    return Call.objects.get(pk=person.attempts[0].pk)


def done(someone: Someone) -> None:
    someone.hangs_up()
    someone.floor.run(1)
    someone.finishes("sale")


@pytest.mark.parametrize(("mode", "leg_mode"), [("progressive", "nailed_up"), ("progressive", "per_call"), ("power", "nailed_up")])
def test_an_agent_is_kept_while_the_carrier_listens_and_a_person_is_put_through_with_the_verdict(floor: Floor, mode: str, leg_mode: str) -> None:
    ana = floor.agent("Ana", leg_mode=leg_mode)
    maria = answered(floor, ana, mode=mode)
    floor.run(1)
    call = call_of(maria)
    assert (ana.phase, call.state, call.verdict) == ("connecting", "answered", "")
    assert call.connected_at is None
    floor.run(until=lambda: ana.phase == "connected", at_most=3)
    call = call_of(maria)
    assert call.verdict == "human"
    assert call.answered_at
    assert call.verdict_at
    assert call.connected_at
    assert call.verdict_at - call.answered_at == floor.script.verdict_after
    assert call.connected_at - call.verdict_at < timedelta(seconds=0.2)
    assert call.verdict_why == "short greeting"
    done(ana)
    floor.at_rest()


@pytest.mark.parametrize("leg_mode", [Station.LegMode.NAILED_UP, Station.LegMode.PER_CALL])
@pytest.mark.parametrize("policy", ["hang_up", "leave_message"])
def test_a_machine_gives_its_agent_back_who_keeps_their_place(floor: Floor, mailbox_message: Announcement, policy: str, leg_mode: str) -> None:
    ana = floor.agent("Ana", leg_mode=leg_mode)
    maria = answered(floor, ana, meets=MACHINE, on_machine=policy, voicemail=mailbox_message)
    since = ana.session.ready_since
    floor.run(until=lambda: ana.free, at_most=4)
    assert ana.closed == ["machine"]
    assert ana.session.ready_since == since
    floor.run(until=lambda: maria.outcomes == ["machine"], at_most=30)
    assert bool(floor.world.when(maria.attempts[0].pk, Happened.ANNOUNCEMENT_STARTED)) is (policy == "leave_message")
    assert call_of(maria).verdict == "machine"
    assert maria.where == ("waiting", "retry")
    floor.at_rest()


@pytest.mark.parametrize("mode", ["progressive", "power"])
def test_a_machine_left_to_an_agent_is_put_through_and_shown(floor: Floor, ana: Someone, mode: str) -> None:
    maria = answered(floor, ana, meets=MACHINE, mode=mode, on_machine=Campaign.OnMachine.CONNECT)
    floor.run(until=lambda: ana.phase == "connected", at_most=4)
    assert ana.work
    assert (ana.work.talked, ana.work.progress) == (True, "machine")
    done(ana)
    assert maria.outcomes == ["connected"]
    assert call_of(maria).verdict == "machine"


def test_who_finds_no_agent_hears_the_message_two_seconds_after_the_verdict_and_not_before(floor: Floor, ana: Someone) -> None:
    ben = floor.agent("Ben")
    campaign = floor.campaign("power", agents=[ana, ben], on_machine="hang_up", dial_ratio="1.0")
    people = [floor.person(campaign, name, TALKS) for name in ("Maria", "Pedro")]
    for someone in (ana, ben):
        someone.sits_down()
    floor.run(until=lambda: Call.objects.filter(state="ringing").count() == 2, at_most=5)
    assert ben.takes_break()
    floor.run(until=lambda: any(person.outcomes == ["abandoned"] for person in people), at_most=20)
    (lost,) = [call for call in map(call_of, people) if call.announcing_at]
    assert lost.verdict_at
    assert lost.announcing_at
    assert timedelta(0) <= lost.announcing_at - lost.verdict_at - ANSWERED_WITHIN < timedelta(seconds=0.1)


def test_an_agent_who_becomes_free_while_the_carrier_listens_is_kept_too(floor: Floor, ana: Someone) -> None:
    floor.script.verdict_after = seconds(2.8)
    ben = floor.agent("Ben")
    campaign = floor.campaign("power", agents=[ana, ben], on_machine="hang_up", dial_ratio="1.0")
    maria = floor.person(campaign, "Maria", Answers(after=seconds(4), talks_for=seconds(60)))
    ana.sits_down()
    floor.run(until=lambda: Call.objects.filter(state="ringing").exists(), at_most=5)
    ana.phone_dies()
    floor.run(until=lambda: Call.objects.filter(address=maria.number, state="answered").exists(), at_most=6)
    ben.sits_down()
    assert call_of(maria).verdict == ""
    assert ben.phase == "connecting"
    floor.run(until=lambda: ben.phase == "connected", at_most=4)
    call = call_of(maria)
    assert call.verdict_at
    assert call.connected_at
    assert call.connected_at - call.verdict_at < timedelta(seconds=0.2)
    done(ben)


def test_an_agent_whose_phone_dies_while_the_carrier_listens_is_replaced(floor: Floor, ana: Someone) -> None:
    ben = floor.agent("Ben")
    maria = answered(floor, ana, ben)
    hers, other = (ana, ben) if ana.phase else (ben, ana)
    hers.phone_dies()
    floor.run(until=lambda: other.phase == "connected", at_most=5)
    assert maria.attempts[0].connected_at
    done(other)


def test_a_customer_who_hangs_up_while_the_carrier_listens_is_not_abandoned(floor: Floor, ana: Someone) -> None:
    floor.script.verdict_after = seconds(2.8)
    maria = answered(floor, ana, meets=Answers(after=seconds(2), talks_for=seconds(2.5)))
    floor.run(until=lambda: maria.outcomes == ["early_hang_up"], at_most=5)
    assert ana.free
    assert call_of(maria).verdict == ""


def test_a_verdict_told_while_nobody_listened_is_found_by_listing(floor: Floor, ana: Someone) -> None:
    maria = answered(floor, ana)
    floor.pump_runs = False
    floor.run(2.5)
    assert call_of(maria).verdict == ""
    assert floor.listening
    floor.listening.next(0)  # told to nobody
    floor.pump_runs = True
    floor.reconcile()
    floor.run(1)
    assert call_of(maria).verdict == "human"
    assert ana.phase == "connected"
    done(ana)


def test_a_verdict_that_never_comes_ends_in_the_message(floor: Floor, ana: Someone) -> None:
    maria = answered(floor, ana)
    heard = floor.hear
    floor.hear = lambda events: heard([e for e in events if e.kind is not Happened.HUMAN_DETECTED])  # type: ignore[method-assign]  # this floor hears nothing of it
    floor.run(until=lambda: maria.outcomes == ["abandoned"], at_most=12)
    assert ana.free
