"""Somebody calls us, and the agents' phones are called for each call: the longest free one's rings, with music for the caller meanwhile."""

from __future__ import annotations

from datetime import timedelta

import pytest

from agents.desk import DONE
from agents.models import Station
from campaigns.flow import offer
from campaigns.models import InboundCall
from telephony.drivers.simulated.script import Answers, NoAnswer, seconds
from telephony.models import Call
from tests.floor import Floor, Someone
from tests.flow.test_inbound import calls_us, taking

PER_CALL = Station.LegMode.PER_CALL


@pytest.fixture
def ana(floor: Floor) -> Someone:
    return floor.agent("Ana", leg_mode=PER_CALL)


@pytest.fixture
def ben(floor: Floor) -> Someone:
    return floor.agent("Ben", leg_mode=PER_CALL)


def picks_up(floor: Floor, someone: Someone, *, after: float) -> None:
    floor.script.station(someone.station.endpoint, Answers(after=seconds(after)))


def never_picks_up(floor: Floor, someone: Someone) -> None:
    floor.script.station(someone.station.endpoint, NoAnswer())


def legs_of(someone: Someone) -> list[str]:
    return list(Call.objects.filter(address=someone.station.endpoint).order_by("planned_at").values_list("state", flat=True))


def test_the_phone_rings_the_caller_hears_music_and_then_the_agent_with_the_record_before_them(floor: Floor, ana: Someone) -> None:
    campaign = taking(floor, ana)
    maria = floor.person(campaign, "Maria", at=floor.now + timedelta(days=1))
    picks_up(floor, ana, after=4)
    ana.sits_down()
    call = calls_us(floor, maria.number, talks_for=20)
    floor.run(2)
    assert ana.work
    assert (ana.phase, ana.work.origin, ana.work.lead_id, ana.work.call_id) == ("ringing_agent", "inbound", maria.lead.pk, call)
    assert floor.world._calls[call].held
    assert ana.accepts() == offer.RINGING_THERE
    floor.run(until=lambda: ana.phase == "connected", at_most=4)
    floor.run(0.3)
    assert not floor.world._calls[call].held
    assert [floor.world.hears(call, ana.leg, floor.now), floor.world.hears(ana.leg, call, floor.now)] == [True, True]
    floor.run(until=lambda: ana.phase == "wrap_up", at_most=30)
    assert ana.finishes("sale") == DONE
    floor.run(1)
    assert (maria.where, legs_of(ana), ana.free) == (("final", "success"), ["ended"], True)
    floor.at_rest()
    floor.check()


def test_who_does_not_pick_up_is_not_ready_and_the_next_ones_phone_rings(floor: Floor, ana: Someone, ben: Someone) -> None:
    taking(floor, ana, ben, longest_wait=60, ring_agent_for=6)
    never_picks_up(floor, ana)
    picks_up(floor, ben, after=1)
    ana.sits_down()
    floor.run(1)
    ben.sits_down()
    call = calls_us(floor, talks_for=60)
    floor.run(until=lambda: ben.phase == "connected", at_most=12)
    assert (ana.not_ready, ana.closed) == ("no_answer", ["missed"])
    assert floor.world.hears(call, ben.leg, floor.now)
    floor.world.far_hangs_up(call, floor.now)
    floor.run(until=lambda: ben.phase == "wrap_up", at_most=3)
    ben.finishes("other")
    floor.run(1)
    floor.at_rest()
    floor.check()


def test_who_says_no_is_not_asked_again_for_the_same_caller_who_waits_for_somebody_else(floor: Floor, ana: Someone, ben: Someone) -> None:
    taking(floor, ana, ben, longest_wait=60, when_rejected="ready")
    never_picks_up(floor, ana)
    picks_up(floor, ben, after=1)
    ana.sits_down()
    first = calls_us(floor, talks_for=60)
    floor.run(until=lambda: ana.phase == "ringing_agent", at_most=3)
    assert ana.rejects() == DONE
    floor.run(3)
    assert (ana.phase, ana.free, InboundCall.objects.get().state) == (None, True, "waiting")
    assert floor.world._calls[first].held
    assert len(legs_of(ana)) == 1
    ben.sits_down()
    floor.run(until=lambda: ben.phase == "connected", at_most=4)
    second = calls_us(floor, "+34611000002", talks_for=60)
    floor.run(until=lambda: ana.phase == "ringing_agent", at_most=3)
    assert ana.work
    assert ana.work.call_id == second, "the next caller is another matter"
    floor.check()


@pytest.mark.parametrize("when", ["ringing_agent", "connected"])
def test_a_caller_who_hangs_up_ends_the_call_to_the_agents_phone(floor: Floor, ana: Someone, ben: Someone, when: str) -> None:
    back = floor.campaign("auto_callback", agents=[ben], caller_id=None)
    taking(floor, ana, call_back_in=back)
    picks_up(floor, ana, after=3)
    ana.sits_down()
    call = calls_us(floor, talks_for=60)
    floor.run(until=lambda: ana.phase == when, at_most=6)
    floor.world.far_hangs_up(call, floor.now)
    floor.run(1)
    assert legs_of(ana) == ["ended"]
    assert back.leads.count() == (1 if when == "ringing_agent" else 0)
    if when == "connected":
        ana.finishes("other")
        floor.run(1)
    assert ana.free
    floor.at_rest()
    floor.check()


def test_a_phone_that_stays_connected_goes_before_one_that_must_ring_first(floor: Floor, ana: Someone) -> None:
    carla = floor.agent("Carla")
    taking(floor, ana, carla)
    ana.sits_down()
    floor.run(5)
    carla.sits_down()
    calls_us(floor)
    floor.run(until=lambda: carla.phase == "connected", at_most=2)
    assert ana.phase is None


def test_a_message_to_a_worker_that_was_lost_and_a_pump_that_died_leave_no_caller_waiting_for_a_phone_that_does_not_ring(
    floor: Floor, ana: Someone
) -> None:
    taking(floor, ana, longest_wait=120)
    picks_up(floor, ana, after=2)
    ana.sits_down()
    floor.loses_messages()
    call = calls_us(floor, talks_for=100)
    floor.run(until=lambda: ana.phase == "ringing_agent", at_most=3)
    floor.run(until=lambda: ana.phase == "connected", at_most=6)
    floor.world.far_hangs_up(ana.leg, floor.now)
    floor.run(until=lambda: ana.phase == "wrap_up", at_most=3)
    assert Call.objects.get(pk=call).state == "ended", "who puts the phone down that was called for this call has hung up"
    floor.check()
