"""A sample of verdicts is checked by a person, agents' dispositions count too, and the campaign's page shows how often they are wrong."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from agents.models import User
from campaigns import verdicts
from campaigns.models import Campaign, Disposition, VerdictReview
from telephony.drivers.simulated.script import Answers, Machine, seconds
from tests.floor import MORNING, Floor, Someone

QUEUE = "/admin/campaigns/verdictreview/"
HANGS_UP = Answers(after=seconds(1), talks_for=seconds(5))


@pytest.fixture
def boss(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("boss", password="a long enough secret"))
    return client


def called(floor: Floor, ana: Someone, *, persons: int, machines: int, disposition: str = "sale", **fields: Any) -> Campaign:
    campaign = floor.campaign("progressive", agents=[ana], **{"on_machine": "hang_up", "review_share": 100, "max_attempts": 1, **fields})
    people = [floor.person(campaign, f"Person {i}", HANGS_UP) for i in range(persons)]
    people += [floor.person(campaign, f"Machine {i}", Machine(after=seconds(1), talks_for=seconds(8))) for i in range(machines)]
    ana.sits_down()
    while any(person.outcomes in ([], [None]) for person in people):
        floor.run(until=lambda: ana.phase == "wrap_up" or all(person.outcomes not in ([], [None]) for person in people), at_most=60)
        if ana.phase == "wrap_up":
            ana.finishes(disposition)
    return campaign


def test_all_verdicts_drawn_are_put_before_a_reviewer_and_the_campaign_shows_what_was_found(
    floor: Floor, ana: Someone, boss: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = called(floor, ana, persons=1, machines=2, disposition="sale")
    assert VerdictReview.objects.count() == 3
    page = boss.get(QUEUE).content.decode()
    assert page.count("long greeting") == 2
    assert "2.0 s" in page
    wrong, right = VerdictReview.objects.filter(verdict="machine").order_by("pk")
    for review, action in ((wrong, "a_person"), (right, "a_machine")):
        answer = boss.post(QUEUE, {"action": action, "_selected_action": [str(review.pk)]}, follow=True)
        assert "1 checked" in answer.content.decode()
    wrong.refresh_from_db()
    assert (wrong.truth, wrong.reviewed_by and wrong.reviewed_by.username) == ("human", "boss")
    assert boss.get(QUEUE).content.decode().count("long greeting") == 0, "what was checked leaves the queue"
    assert "long greeting" in boss.get(QUEUE, {"checked": "yes"}).content.decode()

    found = verdicts.measure([campaign.pk], since=MORNING)[campaign.pk]
    assert (found.told, found.machines, found.seconds) == (3, 2, 2.0)
    assert (found.false_machines.wrong, found.false_machines.checked, found.hung_up_on) == (1, 2, 1.0)
    assert (found.false_persons.wrong, found.false_persons.checked) == (0, 1), "the agent sold something"
    monkeypatch.setattr("campaigns.admin.campaign.ABANDONED_WITHIN", timedelta(days=10_000))
    page = boss.get(f"/admin/campaigns/campaign/{campaign.pk}/change/").content.decode()
    assert "Persons taken for machines: 1 of 2 checked, 50.0 % (95 %: 9.5 to 90.5 %); about 1 of them were not put through" in page
    assert verdicts.measure([campaign.pk], since=floor.now)[campaign.pk] == verdicts.NOTHING


def test_an_agent_who_says_machine_of_a_person_and_the_reverse_is_counted(floor: Floor, ana: Someone) -> None:
    Disposition.objects.create(code="machine", label="Answering machine", kind="machine")
    campaign = called(floor, ana, persons=2, machines=0, disposition="machine", review_share=0)
    assert not VerdictReview.objects.exists()
    found = verdicts.measure([campaign.pk], since=MORNING)[campaign.pk]
    assert (found.false_persons.wrong, found.false_persons.checked) == (2, 2)
    assert Campaign.objects.get().attempts.filter(lead__state="final").count() == 2
    other = called(floor, ana, persons=0, machines=1, disposition="sale", on_machine="connect", review_share=0)
    found = verdicts.measure([other.pk], since=MORNING)[other.pk]
    assert (found.false_machines.wrong, found.false_machines.checked, found.hung_up_on) == (1, 1, 0.0)
