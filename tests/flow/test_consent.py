"""Consent is written down with its evidence and taken back, and people are left alone for a while; the next question of the gate knows."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from agents.desk import DONE, Refusal
from agents.models import User
from campaigns.flow import consent, place
from campaigns.flow.consent import Evidence, Kept
from campaigns.models import Campaign, Consent, RulePack, Suppression
from campaigns.rules.number_keys import number_key
from tests.floor import Floor, Person, Someone
from tests.flow.test_explain import selected
from tests.ways_in.test_api import somebody


def agreed(at: datetime, **more: Any) -> Evidence:
    return Evidence(**{"kind": "call", "source": "https://example.com/form", "given_at": at - timedelta(days=1), **more})


def germany(floor: Floor) -> tuple[Campaign, Person, Someone]:
    """Where nobody is called who has not agreed."""
    ana = floor.agent("Ana")
    campaign = floor.campaign("progressive", agents=[ana])
    RulePack.objects.create(name="Consent", jurisdiction="*", enabled=True, rules=[{"kind": "consent", "kinds": ["call"]}]).campaigns.add(campaign)
    return campaign, floor.person(campaign, numbers=2), ana


def test_who_waits_for_consent_is_called_as_soon_as_it_is_given_and_never_after_it_was_taken_back(floor: Floor) -> None:
    _, maria, ana = germany(floor)
    ana.sits_down()
    floor.run(5)
    assert (maria.now().reason, maria.outcomes) == ("consent", [])
    kept = consent.give(maria.contact.pk, agreed(floor.now), by=None, now=floor.now)
    assert isinstance(kept, Kept)
    floor.run(until=lambda: maria.attempts, at_most=5)
    assert maria.attempts[0].permit.evidence["places"] == ["ES"]
    assert consent.take_back(kept.consent.pk, by=None, now=floor.now) == DONE
    assert consent.take_back(kept.consent.pk, by=None, now=floor.now) == Refusal("This consent was taken back already.")
    assert selected(maria.lead.campaign, now=floor.now + timedelta(days=2)) == set()


def test_who_was_promised_a_call_and_agrees_only_later_is_called_at_once(floor: Floor) -> None:
    _, maria, ana = germany(floor)
    floor.promises(maria, ana, at=floor.now)
    ana.sits_down()
    floor.run(5)
    assert (maria.where, maria.now().reserved_for_id) == (("waiting", "consent"), ana.id)
    assert isinstance(consent.give(maria.contact.pk, agreed(floor.now), by=None, now=floor.now), Kept)
    floor.run(until=lambda: maria.attempts, at_most=5)
    assert maria.attempts[0].agent_id == ana.id


@pytest.mark.parametrize("how", ["consent taken back", "left alone"])
def test_what_changes_between_the_permit_and_the_last_look_keeps_the_call_from_being_sent(
    floor: Floor, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    campaign, maria, ana = germany(floor)
    kept = consent.give(maria.contact.pk, agreed(floor.now), by=None, now=floor.now)
    assert isinstance(kept, Kept)
    dial_planned = place.dial_planned

    def in_between(*args: Any, **told: Any) -> None:
        assert len(maria.attempts) == 1, "there is a permit"
        if how == "left alone":
            consent.leave_alone(maria.contact.pk, until=floor.now + timedelta(days=3), campaign=campaign, reason="asked for", now=floor.now)
        else:
            consent.take_back(kept.consent.pk, by=None, now=floor.now)
        dial_planned(*args, **told)

    monkeypatch.setattr(place, "dial_planned", in_between)
    ana.sits_down()
    floor.run(until=lambda: maria.outcomes, at_most=5)
    monkeypatch.undo()
    assert ana.phase is None
    floor.run(3600)
    assert maria.outcomes == ["cancelled"]
    assert maria.attempts[0].dialed_at is None
    assert selected(campaign, now=floor.now + timedelta(days=2)) == set()


def test_a_consent_for_one_number_lets_no_other_be_called(floor: Floor) -> None:
    campaign, maria, _ = germany(floor)
    consent.give(maria.contact.pk, agreed(floor.now, e164=maria.numbers[1]), by=None, now=floor.now)
    assert selected(campaign, now=floor.now) == set()
    consent.give(maria.contact.pk, agreed(floor.now, e164=maria.numbers[0]), by=None, now=floor.now)
    assert selected(campaign, now=floor.now) == {maria.lead.pk}
    assert selected(campaign, now=floor.now) == {maria.lead.pk}


def test_what_proves_nothing_is_refused_and_the_same_twice_is_one(floor: Floor) -> None:
    _, maria, _ = germany(floor)
    assert isinstance(consent.give(maria.contact.pk, agreed(floor.now, given_at=floor.now + timedelta(hours=1)), by=None, now=floor.now), Refusal)
    over = agreed(floor.now, expires_at=floor.now - timedelta(days=1))
    assert isinstance(consent.give(maria.contact.pk, over, by=None, now=floor.now), Refusal)
    assert consent.give(0, agreed(floor.now), by=None, now=floor.now) == consent.NOT_THERE
    twice = [consent.give(maria.contact.pk, agreed(floor.now), by=None, now=floor.now) for _ in range(2)]
    assert [kept.is_new for kept in twice if isinstance(kept, Kept)] == [True, False]


def test_who_is_left_alone_is_called_again_as_usual_afterwards(floor: Floor) -> None:
    campaign = floor.campaign("progressive", agents=[floor.agent("Ana")])
    maria = floor.person(campaign)
    until = floor.now + timedelta(days=3)
    assert isinstance(consent.leave_alone(maria.contact.pk, until=until, campaign=None, reason="in hospital", now=floor.now), Suppression)
    assert isinstance(consent.leave_alone(maria.contact.pk, until=floor.now, campaign=None, reason="", now=floor.now), Refusal)
    assert selected(campaign, now=until - timedelta(seconds=1)) == set()
    assert selected(campaign, now=until) == {maria.lead.pk}


def test_an_administrator_writes_consent_down_and_that_it_was_taken_back(floor: Floor, client: Client) -> None:
    campaign, maria, _ = germany(floor)
    client.force_login(User.objects.create_superuser("boss", password="a long enough secret"))
    page = client.get("/admin/campaigns/consent/add/")
    assert "enabled ones ask for: call" in page.content.decode()
    when = {"given_at_0": "2026-03-01", "given_at_1": "10:00", "expires_at_0": "", "expires_at_1": ""}
    form = {
        "contact": maria.contact.pk,
        "number": maria.number,
        "kind": "call",
        "source": "letter 17",
        "text": "",
        "channel": "",
        "seller": "",
        **when,
    }
    refused: Any = client.post("/admin/campaigns/consent/add/", {**form, "given_at_0": "2126-03-01"})
    assert "still to come" in str(refused.context["adminform"].form.errors)
    refused = client.post("/admin/campaigns/consent/add/", {**form, "number": "112"})
    assert "number" in refused.context["adminform"].form.errors
    assert client.post("/admin/campaigns/consent/add/", form).status_code == 302
    given = Consent.objects.get()
    assert (given.contact, given.number_key, given.recorded_by) == (
        maria.contact,
        number_key(maria.number, settings.NUMBER_KEY),
        User.objects.get(username="boss"),
    )
    assert maria.number in client.get(f"/admin/campaigns/consent/{given.pk}/change/").content.decode()
    assert client.post(f"/admin/campaigns/consent/{given.pk}/change/", form).status_code == 403
    assert client.post(f"/admin/campaigns/consent/{given.pk}/delete/", {"post": "yes"}).status_code == 403
    client.post("/admin/campaigns/consent/", {"action": "taken_back", "_selected_action": [given.pk]})
    given.refresh_from_db()
    assert given.revoked_at is not None
    assert selected(campaign, now=floor.now) == set()

    left = {"contact": maria.contact.pk, "campaign": "", "until_0": "2126-03-01", "until_1": "10:00", "reason": "in hospital"}
    assert client.post("/admin/campaigns/suppression/add/", left).status_code == 302
    assert Suppression.objects.get().reason == "in hospital"


def test_another_program_tells_who_agreed_and_who_has_taken_it_back(floor: Floor) -> None:
    _, maria, _ = germany(floor)
    program, told = somebody("add_consent", "change_consent"), {"kind": "call", "source": "form 7", "given_at": "2026-03-01T10:00:00Z"}

    def posts(**more: Any) -> Any:
        return program.post("/api/consents", {**told, **more}, content_type="application/json")

    assert posts().status_code == 400
    assert posts(number="112").status_code == 400
    assert posts(number="+34699999999").status_code == 409
    assert posts(contact=0).status_code == 409
    first, again = posts(number=maria.number), posts(number=maria.number)
    assert (first.status_code, again.status_code, first.json()) == (201, 200, again.json())
    given = Consent.objects.get()
    assert given.number_key == number_key(maria.number, settings.NUMBER_KEY)
    assert program.post(f"/api/consents/{given.pk}/withdrawal").status_code == 200
    assert program.post(f"/api/consents/{given.pk}/withdrawal").status_code == 409
    assert somebody("view_lead").post("/api/consents", told, content_type="application/json").status_code == 403
    # somebody else with the same number: which of them agreed must be said
    floor.person(maria.lead.campaign, numbers=[maria.number])
    assert posts(number=maria.number).status_code == 409
