"""Wrap-up whose time is up: what the agent had entered counts, and what Done would refuse is not closed behind their back."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from agents.desk import DONE, Answer, Refusal
from agents.models import Interaction
from campaigns.flow import callbacks, filled_in
from campaigns.flow.callbacks import Window
from campaigns.flow.more_time import NO_CLOCK
from campaigns.models import Attempt, Campaign, Disposition, DoNotCall, Survey
from telephony.drivers.simulated.script import Answers, seconds
from tests.floor import Floor, Person, Someone

TALKS = Answers(after=seconds(2), talks_for=seconds(60))
MADRID = ZoneInfo("Europe/Madrid")
FORM = {"sections": [{"questions": [{"key": "renews", "label": "Renews?", "kind": "choice", "choices": ["yes", "no"], "required": True}]}]}


@pytest.fixture
def campaign(floor: Floor, ana: Someone) -> Campaign:
    return floor.campaign("progressive", agents=[ana], wrap_up_for=20, disposition_for="none")


@pytest.fixture
def maria(floor: Floor, ana: Someone, campaign: Campaign) -> Person:
    """Ana has talked with her."""
    person = floor.person(campaign, "Maria", TALKS)
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "connected", at_most=8)
    ana.hangs_up()
    floor.run(until=lambda: ana.phase == "wrap_up", at_most=3)
    return person


def chooses(ana: Someone, code: str) -> int:
    chosen = Disposition.objects.get(code=code).pk
    assert filled_in.save(ana._work(), ana.id, {"disposition": chosen}, now=ana.floor.now) == DONE
    return chosen


def books(ana: Someone, **later: float) -> Answer:
    local = f"{(ana.floor.now + timedelta(**later)).astimezone(MADRID):%Y-%m-%dT%H:%M}"
    return callbacks.schedule(ana._work(), ana.id, Window(on=True, local=local, zone="Europe/Madrid"), now=ana.floor.now)


@pytest.mark.parametrize("wanted", ["none", "answered"])
def test_the_disposition_chosen_counts_where_the_agent_did_not_press_done(
    floor: Floor, ana: Someone, maria: Person, campaign: Campaign, wanted: str
) -> None:
    Campaign.objects.filter(pk=campaign.pk).update(disposition_for=wanted)
    work = ana._work()
    chosen = chooses(ana, "sale")
    floor.run(30)
    assert (ana.closed, maria.where, ana.not_ready) == (["time_up"], ("final", "success"), None)
    assert (Interaction.objects.get(pk=work).disposition_id, Attempt.objects.get().disposition_id) == (chosen, chosen)


def test_who_asked_never_to_be_called_is_listed_though_nobody_pressed_done(floor: Floor, ana: Someone, maria: Person) -> None:
    chooses(ana, "dnc")
    ana.closes_console()
    floor.run(30)
    assert maria.where == ("final", "do_not_call")
    assert DoNotCall.objects.count() == 1


def test_a_desk_left_with_its_note_missing_is_closed_with_the_disposition_that_was_chosen(
    floor: Floor, ana: Someone, maria: Person, campaign: Campaign
) -> None:
    Campaign.objects.filter(pk=campaign.pk).update(note_required=True)
    chooses(ana, "dnc")
    ana.closes_console()
    floor.run(60)
    assert (ana.phase, maria.where[0]) == ("wrap_up", "busy")
    floor.run(16 * 60)
    assert (ana.closed, maria.where) == (["desk_abandoned"], ("final", "do_not_call"))
    assert DoNotCall.objects.count() == 1


def a_callback_in_the_past(ana: Someone, campaign: Campaign) -> None:
    assert isinstance(books(ana, minutes=-5), Refusal)


def a_note_that_is_wanted(ana: Someone, campaign: Campaign) -> None:
    Campaign.objects.filter(pk=campaign.pk).update(note_required=True)


def an_answer_that_is_wanted(ana: Someone, campaign: Campaign) -> None:
    Survey.objects.create(campaign=campaign, form=FORM)


def a_disposition_that_is_gone(ana: Someone, campaign: Campaign) -> None:
    chooses(ana, "sale")
    Disposition.objects.filter(code="sale").update(active=False)


@pytest.mark.parametrize("lacks", [a_callback_in_the_past, a_note_that_is_wanted, an_answer_that_is_wanted, a_disposition_that_is_gone])
@pytest.mark.parametrize("policy", ["ready", "stay"])
def test_what_done_refuses_the_clock_does_not_close(
    floor: Floor, ana: Someone, maria: Person, campaign: Campaign, policy: str, lacks: Callable[[Someone, Campaign], Any]
) -> None:
    Campaign.objects.filter(pk=campaign.pk).update(wrap_up_policy=policy)
    lacks(ana, campaign)
    floor.run(90)
    assert (ana.phase, maria.where[0]) == ("wrap_up", "busy")
    pending = ana.session.pending_reason
    assert pending
    assert pending.code == "wrap_up_expired"
    assert ana.work
    assert ana.work.draft["overtime"], "no countdown is shown to which nothing happens"
    assert ana.wants_more_time() == NO_CLOCK
