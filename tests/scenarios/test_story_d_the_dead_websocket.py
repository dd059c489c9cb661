"""A record pushed to a console whose websocket is dead, a late Accept, and two commits told in the other order: the page itself plays its part."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from agents import desk
from agents.desk import Change
from campaigns import screens
from campaigns.models import Campaign
from telephony.drivers.simulated.script import Answers, seconds
from tests.console_page import Browser, Tab, fresh, opened
from tests.floor import Floor, Person, Someone

TALKS = Answers(after=seconds(4), talks_for=seconds(60))


@pytest.fixture
def campaign(floor: Floor, ana: Someone) -> Campaign:
    return floor.campaign("push_preview", agents=[ana], ring_agent_for=15)


@pytest.fixture
def tab(floor: Floor, campaign: Campaign, ana: Someone, chrome: Browser, loop: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch) -> Tab:
    """Ana is at her console, Ready."""
    tab = opened(floor, chrome, ana, loop, monkeypatch)
    tab.asks("sign_in", station=ana.station.pk)
    passes(floor, tab, 1)
    tab.asks("go_ready")
    assert tab.knows["state"]["session"]["doing"] == "ready"
    return tab


def passes(floor: Floor, tab: Tab, for_: float) -> None:
    floor.run(for_)
    tab.is_heard()
    tab.passes(for_)


def work(tab: Tab) -> dict[str, Any]:
    found: dict[str, Any] = tab.knows["state"]["interaction"] or {}
    return found


def test_an_offer_no_screen_has_shown_is_withdrawn_after_three_seconds_and_not_held_against_the_agent(
    floor: Floor, ana: Someone, campaign: Campaign, tab: Tab
) -> None:
    tab.muddle = lambda told: []  # the websocket looks alive, and nothing comes through
    maria = floor.person(campaign, "Maria", TALKS)
    floor.run(until=lambda: ana.phase == "offered", at_most=2)
    floor.run(until=lambda: ana.phase is None, at_most=4)
    assert (ana.closed, ana.not_ready) == (["withdrawn"], None)
    assert (maria.where, maria.now().misses) == (("waiting", "returned"), 0)
    tab.muddle = list
    tab.beats()
    passes(floor, tab, 1)
    floor.run(until=lambda: ana.phase == "offered", at_most=30)
    tab.deliver()
    assert work(tab)["phase"] == "offered"
    floor.run(1)
    assert ana.work
    assert ana.work.progress == "shown", "this time it is, and the page has said so"


def test_an_offer_that_runs_out_is_the_agents_and_a_late_accept_is_told_that_the_record_went_back(
    floor: Floor, ana: Someone, campaign: Campaign, tab: Tab
) -> None:
    maria: Person = floor.person(campaign, "Maria", TALKS)
    floor.run(until=lambda: ana.phase == "offered", at_most=2)
    tab.deliver()
    offered = work(tab)["id"]
    tab.muddle = lambda told: []  # what became of it is not heard of here
    floor.run(until=lambda: ana.phase is None, at_most=20)
    assert (ana.closed, ana.not_ready) == (["missed"], "no_answer")
    assert (maria.where, maria.now().boost) == (("waiting", "returned"), 1), "at the top of the list"
    assert work(tab).get("phase") == "offered", "her screen still shows it"
    tab.asks("accept", interaction=offered)
    assert any("went back to the list" in notice["sentence"] for notice in tab.knows["notices"]), tab.knows["notices"]
    assert ana.phase is None
    tab.muddle = list
    tab.beats()
    assert work(tab) == {}
    assert tab.knows["state"]["session"]["doing"] == "not_ready"


def test_two_commits_told_in_the_other_order_end_on_the_newer_one(floor: Floor, ana: Someone, campaign: Campaign, tab: Tab) -> None:
    floor.person(campaign, "Maria", TALKS)
    floor.run(until=lambda: ana.phase == "offered", at_most=2)
    tab.deliver()
    assert ana.work
    for notice in ("the older", "the newer"):
        desk.amend([Change(id=ana.work.pk, notice=notice)], now=floor.now)
    tab.published.reverse()
    tab.deliver()
    assert work(tab)["notice"] == "the newer"
    assert {**tab.knows["state"], "now": None} == {**fresh(screens.snapshot(ana.id), now=floor.now), "now": None}
