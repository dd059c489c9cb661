"""Two who change one desk at once: what the screen is told with the highest version is what the rows say."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from threading import Event, Thread
from time import monotonic, sleep
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from agents import console, desk
from agents.desk import Change, NewWork
from agents.rules.lifecycle import Phase, PhaseMove
from campaigns import screens
from dialer_project.lib import sql
from tests.floor import Floor, Someone


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> dict[int, tuple[int, dict[str, Any]]]:
    """Agent -> the newest state their screen was told."""
    newest: dict[int, tuple[int, dict[str, Any]]] = {}
    publish = console._publish

    def witnessed(said: Any) -> None:
        for agent_id, version, message in said:
            if version > newest.get(agent_id, (-1, {}))[0]:
                newest[agent_id] = version, json.loads(message["text"])
        publish(said)

    monkeypatch.setattr(console, "_publish", witnessed)
    return newest


@pytest.fixture
def ana(floor: Floor) -> Someone:
    ana = floor.agent("Ana")
    floor.campaign("progressive", agents=[ana])
    return ana.sits_down()


@contextmanager
def meanwhile(act: Callable[[], object]) -> Iterator[None]:
    """What stands in the block is uncommitted while `act` begins on another connection, which has to wait for it."""
    begun, failed = Event(), list[Exception]()

    def other() -> None:
        try:
            connection.ensure_connection()
            begun.set()
            with transaction.atomic():
                act()
        except Exception as error:
            failed.append(error)
        finally:
            connection.close()

    thread = Thread(target=other, daemon=True)
    with transaction.atomic():
        yield
        thread.start()
        begun.wait(timeout=10)
        limit = monotonic() + 10
        while not sql.rows("SELECT pid FROM pg_locks WHERE NOT granted"):
            assert monotonic() < limit, "it waits for nobody"
            sleep(0.005)
    thread.join(timeout=10)
    assert not failed, failed


def work_for(ana: Someone, floor: Floor) -> NewWork:
    return NewWork(agent_id=ana.id, phase=Phase.DIALING, deadline=floor.now + timedelta(hours=1), progress="dialing")


def fresh(ana: Someone) -> dict[str, Any]:
    state: dict[str, Any] = json.loads(console.state(screens.snapshot(ana.id), now=timezone.now()))
    return state


@pytest.mark.parametrize("what", ["a break", "news", "its phone"])
def test_who_waited_for_a_call_to_move_on_tells_the_call_as_it_is_now(
    floor: Floor, ana: Someone, told: dict[int, tuple[int, dict[str, Any]]], what: str
) -> None:
    [moved] = desk.open([work_for(ana, floor)], needs="voice", now=floor.now)
    assert moved.work
    work, leg = moved.work.id, ana.leg
    acts: dict[str, Callable[[], object]] = {
        "a break": partial(desk.take_break, ana.id, code="lunch", now=floor.now),
        "news": partial(desk.has_news, [ana.id], now=floor.now),
        "its phone": partial(desk.leg_is, {leg: "none"}, now=floor.now),
    }
    with meanwhile(acts[what]):
        assert desk.move(PhaseMove.WRAP_UP, [Change(id=work, notice="The customer is gone.", deadline=floor.now + timedelta(hours=1))], now=floor.now)
    version, state = told[ana.id]
    now = fresh(ana)
    assert version == now["version"]
    assert state["interaction"] == now["interaction"]


def test_who_is_given_a_record_in_the_moment_they_sign_out_stays_signed_in_with_it(
    floor: Floor, ana: Someone, told: dict[int, tuple[int, dict[str, Any]]]
) -> None:
    left: list[object] = []
    with meanwhile(lambda: left.append(ana.signs_out())):
        assert desk.open([work_for(ana, floor)], needs="voice", now=floor.now)
    assert left == [desk.Refusal("Finish the record on your screen first.")]
    assert ana.session.signed_in_at is not None
    assert told[ana.id][1]["interaction"] == fresh(ana)["interaction"]


def test_a_break_asked_for_in_the_moment_a_record_comes_begins_after_it(
    floor: Floor, ana: Someone, told: dict[int, tuple[int, dict[str, Any]]]
) -> None:
    with meanwhile(partial(desk.take_break, ana.id, code="lunch", now=floor.now)):
        assert desk.open([work_for(ana, floor)], needs="voice", now=floor.now)
    assert ana.session.pending_reason
    assert ana.session.voice_ready
    assert told[ana.id][1]["session"]["pending_reason"] == "lunch"
    assert told[ana.id][1]["interaction"] == fresh(ana)["interaction"]
