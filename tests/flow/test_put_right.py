"""An agent puts the contact right: kept as it is typed, stored when the record leaves the desk, and written down."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from agents.desk import DONE, Answer, Refusal
from agents.models import User
from campaigns import screens
from campaigns.flow import filled_in
from campaigns.models import Campaign, ContactChange
from telephony.drivers.simulated.script import Answers, seconds
from tests.floor import Floor, Person, Someone

TALKS = Answers(after=seconds(2), talks_for=seconds(60))


@pytest.fixture
def campaign(floor: Floor, ana: Someone) -> Campaign:
    return floor.campaign("preview", agents=[ana])


@pytest.fixture
def maria(floor: Floor, ana: Someone, campaign: Campaign) -> Person:
    """Her record is on Ana's screen."""
    person = floor.person(campaign, "Maria", TALKS)
    ana.sits_down()
    ana.gets(campaign)
    return person


def types(ana: Someone, **contact: str) -> Answer:
    return filled_in.save(ana._work(), ana.id, {"contact": contact}, now=ana.floor.now)


def now_of(maria: Person) -> dict[str, Any]:
    maria.contact.refresh_from_db()
    return {key: getattr(maria.contact, key) for key in ("first_name", "last_name", "email")}


def test_it_is_kept_as_typed_stored_at_done_and_written_down_with_what_it_was(floor: Floor, ana: Someone, maria: Person, client: Client) -> None:
    assert types(ana, last_name="Lopez", email="maria@example.com", first_name="Maria") == DONE
    assert ana.work
    assert ana.work.draft["contact"]["last_name"] == "Lopez"
    assert now_of(maria)["last_name"] == "López", "nothing is stored before Done"
    ana.calls()
    floor.run(until=lambda: ana.phase == "connected", at_most=10)
    work = ana._work()
    ana.hangs_up()
    floor.run(until=lambda: ana.phase == "wrap_up", at_most=3)
    assert ana.finishes("sale") == DONE
    assert now_of(maria) == {"first_name": "Maria", "last_name": "Lopez", "email": "maria@example.com"}
    change = ContactChange.objects.get()
    assert (change.contact, change.by, change.at, change.interaction_id) == (maria.contact, ana.agent.user, floor.now, work)
    assert (change.before, change.after) == ({"last_name": "López", "email": ""}, {"last_name": "Lopez", "email": "maria@example.com"})
    client.force_login(User.objects.create_superuser("boss", password="a long enough secret"))
    page = client.get(f"/admin/campaigns/contact/{maria.contact.pk}/change/").content.decode()
    assert "what agents put right" in page.lower()
    assert "maria@example.com" in page


def test_what_cannot_be_kept_is_told_at_done_with_its_place(floor: Floor, ana: Someone, maria: Person) -> None:
    types(ana, email="maria at home")
    answer = ana.finishes("no")
    assert isinstance(answer, Refusal)
    assert [problem.where for problem in answer.problems] == ["contact:email"]
    types(ana, email="")
    assert ana.finishes("no") == DONE


@pytest.mark.parametrize("leaves", ["done without a call", "declined"])
def test_what_was_put_right_of_somebody_who_was_not_called_is_not_lost(floor: Floor, ana: Someone, maria: Person, leaves: str) -> None:
    types(ana, last_name="Lopez")
    assert (ana.declines() if leaves == "declined" else ana.finishes(None)) == DONE
    assert now_of(maria)["last_name"] == "Lopez"


def test_a_campaign_may_keep_its_agents_from_it(floor: Floor, ana: Someone, maria: Person, campaign: Campaign) -> None:
    Campaign.objects.filter(pk=campaign.pk).update(edits_contacts=False)
    details = screens.record(ana.id, ana._work())
    assert details
    assert not details.edits_contact
    types(ana, last_name="Forged")
    assert ana.finishes("no") == DONE
    assert (now_of(maria)["last_name"], ContactChange.objects.count()) == ("López", 0)
