"""A command is lost on the way to the carrier after the row had moved: it is given again."""

from typing import Any

import pytest

from agents.desk import DONE
from agents.models import Station
from campaigns.flow import talk
from campaigns.models import Destination, ThirdParty
from telephony.drivers.simulated.script import Answers, seconds
from telephony.models import Announcement, Call
from telephony.rules.events import Happened
from tests.floor import Floor, Someone
from tests.flow.test_inbound_lost import away
from tests.flow.test_transfers import EXPERT, calls, customer, does, on_the_line

FOR_EVER = Answers(after=seconds(0.3), talks_for=seconds(40000))


def messages_begun(floor: Floor, call: Any) -> int:
    return sum(kind is Happened.ANNOUNCEMENT_STARTED for kind, _ in floor.world.happened[call])


def test_the_message_for_a_machine_begins_although_its_command_was_lost_and_once(floor: Floor, ana: Someone, monkeypatch: pytest.MonkeyPatch) -> None:
    maria = on_the_line(floor, ana, voicemail=Announcement.objects.create(name="vm", media="sound:vm"))
    floor.script.announcement_lasts = seconds(90)
    with monkeypatch.context() as patch:
        patch.setattr(floor.carrier, "play", away)
        assert talk.leave_message(ana._work(), ana.id, now=floor.now) == DONE
        floor.run(1)
    assert messages_begun(floor, customer(maria)) == 0
    floor.run(10)
    assert messages_begun(floor, customer(maria)) == 1
    floor.run(100)
    assert messages_begun(floor, customer(maria)) == 1, "a long one is not begun again"
    assert maria.outcomes == ["machine"]


@pytest.mark.parametrize("by", ["the customer", "the agent"])
def test_somebody_outside_does_not_stay_on_the_line_because_a_hang_up_was_lost(
    floor: Floor, ana: Someone, by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    maria = on_the_line(floor, ana, FOR_EVER)
    assert calls(ana, "conference", to=Destination.objects.create(name="Expert", number=EXPERT)) == DONE
    floor.run(3)
    third = ThirdParty.objects.get()
    assert third.state == "joined"
    with monkeypatch.context() as patch:
        patch.setattr(floor.carrier, "hang_up", away)
        if by == "the customer":
            floor.world.far_hangs_up(customer(maria), floor.now)
            floor.run(1)
        else:
            assert does(ana, "drop") == DONE
    assert Call.objects.get(pk=third.pk).state == "connected"
    floor.run(until=lambda: Call.objects.get(pk=third.pk).state == "ended", at_most=65)
    assert ana.phase == ("wrap_up" if by == "the customer" else "connected")


@pytest.mark.parametrize("leg_mode", [Station.LegMode.NAILED_UP, Station.LegMode.PER_CALL])
def test_a_customer_whose_agent_put_the_phone_down_is_not_left_alone_because_a_hang_up_was_lost(
    floor: Floor, leg_mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana = floor.agent("Ana", leg_mode=leg_mode)
    floor.script.station("ana", FOR_EVER)
    campaign = floor.campaign("progressive", agents=[ana])
    maria = floor.person(campaign, "Maria", FOR_EVER)
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "connected", at_most=8)
    with monkeypatch.context() as patch:
        patch.setattr(floor.carrier, "hang_up", away)
        floor.world.far_hangs_up(ana.leg, floor.now)
        floor.run(1)
    assert Call.objects.get(pk=customer(maria)).state == "connected"
    floor.run(until=lambda: maria.outcomes == ["connected"], at_most=12)
    assert ana.phase == "wrap_up"


def test_a_customer_with_whom_nobody_talks_any_more_is_hung_up_although_the_command_was_lost(
    floor: Floor, ana: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    maria = on_the_line(floor, ana, FOR_EVER)
    assert calls(ana, "conference", to=Destination.objects.create(name="Expert", number=EXPERT)) == DONE
    floor.run(3)
    assert does(ana, "hand_over") == DONE
    floor.run(60)
    assert Call.objects.get(pk=customer(maria)).state == "connected", "they talk with the expert"
    with monkeypatch.context() as patch:
        patch.setattr(floor.carrier, "hang_up", away)
        floor.world.far_hangs_up(ThirdParty.objects.get().pk, floor.now)
        floor.run(1)
    assert Call.objects.get(pk=customer(maria)).state == "connected"
    floor.run(until=lambda: maria.outcomes == ["connected"], at_most=35)


def test_a_phone_that_was_called_for_one_call_is_hung_up_although_the_command_was_lost(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    ana = floor.agent("Ana", leg_mode=Station.LegMode.PER_CALL)
    floor.script.station("ana", FOR_EVER)
    maria = on_the_line(floor, ana)
    leg = ana.leg
    floor.run(65)
    assert Call.objects.get(pk=leg).state == "connected", "they talk"
    with monkeypatch.context() as patch:
        patch.setattr(floor.carrier, "hang_up", away)
        floor.world.far_hangs_up(customer(maria), floor.now)
        floor.run(1)
    assert Call.objects.get(pk=leg).state == "connected"
    floor.run(until=lambda: Call.objects.get(pk=leg).state == "ended", at_most=65)
