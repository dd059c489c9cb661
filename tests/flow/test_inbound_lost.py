"""Somebody calls us, and the event, the command or the process that was to tell of it is lost."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from campaigns.models import InboundCall, Lead
from telephony import commands
from telephony.drivers.base import CarrierUnreachable
from telephony.models import Call
from telephony.rules.events import Happened
from tests.floor import Floor, Someone
from tests.flow.test_inbound import call_of, calls_us, taking


def away(*args: Any, **more: Any) -> bool:
    raise CarrierUnreachable("away")


def test_a_caller_who_hangs_up_while_nobody_listens_gives_the_agent_back(floor: Floor, ana: Someone) -> None:
    taking(floor, ana)
    ana.sits_down()
    call = calls_us(floor, talks_for=600)
    floor.run(until=lambda: ana.phase == "connected", at_most=3)
    floor.run(10)
    floor.stop_listening()
    floor.run(2)
    assert floor.world.far_hangs_up(call, floor.now)
    floor.run(2)
    floor.listen()
    assert ana.phase == "wrap_up"
    ended_at = call_of(call).ended_at
    assert ended_at
    assert floor.now - ended_at < timedelta(seconds=1), "they talked for as long as we know them to have talked"
    ana.finishes("other")
    floor.run(1)
    assert ana.free
    floor.at_rest()
    floor.check()


def test_a_caller_who_hangs_up_in_the_music_while_nobody_listens_is_called_back(floor: Floor, ana: Someone) -> None:
    back = floor.campaign("auto_callback", agents=[ana], caller_id=None)
    taking(floor, ana, call_back_in=back)
    call = calls_us(floor, talks_for=600)
    floor.run(6)
    floor.stop_listening()
    floor.run(1)
    assert floor.world.far_hangs_up(call, floor.now)
    floor.run(1)
    floor.listen()
    assert (call_of(call).state, InboundCall.objects.get().state) == ("ended", "over")
    assert Lead.objects.filter(campaign=back).count() == 1
    floor.at_rest()


def test_a_hang_up_of_a_caller_who_is_gone_already_ends_the_conversation(floor: Floor, ana: Someone) -> None:
    taking(floor, ana)
    ana.sits_down()
    call = calls_us(floor, talks_for=600)
    floor.run(until=lambda: ana.phase == "connected", at_most=3)
    floor.world.listening = False  # an event lost on the way, with the connection kept
    assert floor.world.far_hangs_up(call, floor.now)
    floor.world.listening = True
    ana.hangs_up()
    floor.run(15)
    assert (call_of(call).state, ana.phase) == ("ended", "wrap_up")


def test_a_caller_whose_coming_was_told_to_a_pump_that_died_is_taken_in_by_the_next(floor: Floor, ana: Someone) -> None:
    taking(floor, ana)
    ana.sits_down()
    floor.pump_runs = False
    call = calls_us(floor, talks_for=5)
    floor.run(0.3)
    floor.pump_dies()
    floor.pump_runs = True
    assert not Call.objects.filter(pk=call).exists()
    floor.listen()
    floor.run(until=lambda: ana.phase == "connected", at_most=1)
    assert ana.work
    assert ana.work.call_id == call
    floor.run(until=lambda: ana.phase == "wrap_up", at_most=10)
    ana.finishes("other")
    floor.run(1)
    floor.at_rest()
    floor.check()


def test_a_call_that_nobody_takes_is_called_back_once_however_often_it_is_listed(floor: Floor, ana: Someone) -> None:
    back = floor.campaign("auto_callback", agents=[ana])
    floor.pump_runs = False
    call = calls_us(floor, patience=60)
    floor.pump_dies()
    floor.pump_runs = True
    floor.listen()
    for _ in range(3):
        floor.run(1)
        floor.reconcile()
    assert Lead.objects.filter(campaign=back).count() == 1
    assert sum(kind is Happened.INCOMING for kind, _ in floor.world.happened[call]) == 1
    assert floor.world.when(call, Happened.ENDED) is None, "it rings on: nobody has taken it"
    assert not Call.objects.filter(pk=call).exists()


def test_a_caller_whose_answer_was_lost_is_answered_again(floor: Floor, ana: Someone, monkeypatch: pytest.MonkeyPatch) -> None:
    taking(floor, ana)
    ana.sits_down()
    with monkeypatch.context() as patch:
        patch.setattr(floor.carrier, "answer", away)
        call = calls_us(floor, talks_for=60)
        floor.run(1)
    assert call_of(call).state == "ringing"
    floor.run(until=lambda: ana.phase == "connected", at_most=4)


def test_a_caller_who_is_joined_while_the_music_is_being_ordered_is_not_left_in_it(
    floor: Floor, ana: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    taking(floor, ana)
    ana.sits_down(ready=False)
    order = commands.hold

    def hold(node_id: int, call_id: UUID) -> bool:
        """A web process comes between the pump's commit and its command."""
        monkeypatch.setattr(commands, "hold", order)
        ana.goes_ready()
        floor.deliver()
        return order(node_id, call_id)

    monkeypatch.setattr(commands, "hold", hold)
    call = calls_us(floor, talks_for=300)
    floor.run(until=lambda: ana.phase == "connected", at_most=3)
    floor.run(5)
    assert not floor.world._calls[call].held
    assert ana.work
    assert not ana.work.held


@pytest.mark.parametrize("away_for", [8, 200])
def test_who_has_waited_long_enough_while_the_node_is_away_hears_the_message_or_the_end_after_it(
    floor: Floor, ana: Someone, monkeypatch: pytest.MonkeyPatch, away_for: float
) -> None:
    taking(floor, ana, longest_wait=10)
    call = calls_us(floor, talks_for=7000)
    floor.run(5)
    with monkeypatch.context() as patch:
        for command in ("resume", "play", "hang_up"):
            patch.setattr(floor.carrier, command, away)
        floor.run(5 + away_for)
    assert call_of(call).state == "announcing"
    floor.run(20)
    assert (floor.world.when(call, Happened.ANNOUNCEMENT_STARTED) is not None) is (away_for < 100)
    assert (call_of(call).state, InboundCall.objects.get().state) == ("ended", "over")
    floor.at_rest()
