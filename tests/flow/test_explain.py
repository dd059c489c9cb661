"""Why a lead is called or not: what is told is what the selector does."""

import json
import random
from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.test import Client

from agents.models import User
from campaigns import explain, facts, querysets, waterfall
from campaigns.flow import do_not_call, permit
from campaigns.models import Campaign, CampaignExclusion, Consent, DoNotCall, Lead, PhoneNumber, RulePack, Suppression
from campaigns.rules.permit.gate import campaign_holds, group_opens
from telephony.drivers.simulated.script import Answers, Busy, seconds
from tests.floor import Floor

ZONES = ("Europe/Madrid", "America/New_York", "Asia/Kolkata", "Pacific/Apia")


def selected(campaign: Campaign, *, now: datetime) -> set[int]:
    """Whom dispatch would clear now; nothing of it stays."""
    with transaction.atomic():
        setting = facts.settings_of([campaign.pk])[campaign.pk]
        if campaign_holds(setting.terms, now=now):
            return set()
        groups = querysets.zone_groups(campaign.pk)
        open_groups = [g for g, zones in groups.items() if group_opens(zones, terms=setting.terms, at=now) == now]
        leads = querysets.claim(campaign.pk, epoch=setting.epoch, groups=open_groups, floors=[], at_most=500, now=now)
        cleared, _ = permit.consider(setting, permit.candidates(leads), now=now)
        transaction.set_rollback(True)
    return {c.lead.id for c in cleared}


@pytest.mark.parametrize("seed", range(6))
def test_what_is_told_is_what_the_selector_does(floor: Floor, seed: int) -> None:
    dice = random.Random(seed)
    ana = floor.agent("Ana")
    campaign = floor.campaign("progressive", agents=[ana], max_attempts=dice.choice((2, 6)))
    rules: list[dict[str, Any]] = [
        {"kind": "calling_window", "week": {"tue": [["09:00", "20:00"]], "wed": [["10:00", "18:00"]]}},
        {"kind": "frequency_cap", "scope": dice.choice(("person", "number", "lead")), "count": 1, "hours": dice.choice((2, 30))},
        {"kind": "consent", "kinds": ["call"], "mobile_only": True},
        {"kind": "hold_after", "event": "conversation", "hours": 20},
        {"kind": "caller_id"},
    ]
    for number, rule in enumerate(dice.sample(rules, dice.randint(1, 4))):
        pack = RulePack.objects.create(name=f"Rule {number}", jurisdiction=dice.choice(("*", "ES", "US")), rules=[rule])
        pack.campaigns.add(campaign)
    people = []
    for _ in range(24):
        ends = dice.choice(((), (Busy(after=seconds(1)),), (Answers(after=seconds(2), talks_for=seconds(3)),)))
        person = floor.person(campaign, "Maria", *ends, numbers=dice.randint(1, 2), zones=[dice.choice(ZONES)])
        people.append(person)
        if dice.random() < 0.3:
            PhoneNumber.objects.filter(contact=person.contact).update(landline=True, kind=dice.choice(("mobile", "home")))
        if dice.random() < 0.15:
            do_not_call.list_numbers(person.numbers[: dice.randint(1, 2)], source="test", now=floor.now)
        if dice.random() < 0.1:
            CampaignExclusion.objects.create(campaign=campaign, contact=person.contact, created_at=floor.now)
        if dice.random() < 0.1:
            Suppression.objects.create(contact=person.contact, until=floor.now + timedelta(hours=5), created_at=floor.now)
        if dice.random() < 0.7:
            Consent.objects.create(contact=person.contact, kind="call", source="web form", given_at=floor.now - timedelta(days=1))
        if dice.random() < 0.1:
            Lead.objects.filter(pk=person.lead.pk).update(next_call_at=floor.now + timedelta(hours=3))
    ana.sits_down()
    floor.run(40)
    for hours in (0, 1, 4, 9, 15, 26, 27, 33):
        now = floor.now + timedelta(hours=hours)
        told = {person.lead.pk for person in people if (why := explain.lead(person.lead.pk, now=now, supposed=True)) and why.callable_now}
        assert told == selected(campaign, now=now), f"{hours} hours later"


def test_the_next_instant_that_is_told_is_the_one_at_which_it_can_be_called(floor: Floor) -> None:
    campaign = floor.campaign("progressive", agents=[floor.agent("Ana")])
    window = {"kind": "calling_window", "week": {"tue": [["12:00", "20:00"]]}}
    RulePack.objects.create(name="Ours", jurisdiction="*", rules=[window]).campaigns.add(campaign)
    maria = floor.person(campaign)
    why = explain.lead(maria.lead.pk, now=floor.now)
    assert why is not None
    assert why.next_at is not None
    assert not why.callable_now
    assert "not before 2026-03-10 11:00:00" in why.in_words
    assert {gate.by for gate in why.gates if gate.why} >= {"Ours v1"}
    assert selected(campaign, now=why.next_at - timedelta(seconds=1)) == set()
    assert selected(campaign, now=why.next_at) == {maria.lead.pk}


def test_a_listed_lead_is_told_never_and_its_past_call_keeps_its_permit(floor: Floor) -> None:
    ana = floor.agent("Ana")
    campaign = floor.campaign("progressive", agents=[ana])
    maria = floor.person(campaign, "Maria", Busy(after=seconds(1)))
    ana.sits_down()
    floor.run(until=lambda: maria.outcomes == ["busy"], at_most=20)
    do_not_call.list_numbers(maria.numbers, source="test", now=floor.now)
    why = explain.lead(maria.lead.pk, now=floor.now)
    assert why is not None
    assert why.next_at is None
    assert why.in_words == "It will not be called. It is finished: do not call."
    assert why.past[0].rules.startswith("campaign v")
    assert why.past[0].evidence["local"] == ["Tue 10:00 +0100"]


def test_the_command_and_the_lead_s_page_tell_it(floor: Floor, client: Client) -> None:
    campaign = floor.campaign("progressive", agents=[floor.agent("Ana")])
    maria = floor.person(campaign)
    said = StringIO()
    call_command("explain", str(maria.lead.pk), "--at", floor.now.isoformat(), stdout=said)
    assert "It can be called now." in said.getvalue()
    assert "+ do-not-call (organisation)" in said.getvalue()
    said = StringIO()
    call_command("explain", str(maria.lead.pk), "--at", floor.now.isoformat(), "--json", stdout=said)
    assert json.loads(said.getvalue())["callable_now"] is True
    with pytest.raises(CommandError, match="no lead"):
        call_command("explain", "999999")
    with pytest.raises(CommandError, match="offset"):
        call_command("explain", str(maria.lead.pk), "--at", "2026-03-10T09:00")
    client.force_login(User.objects.create_superuser("boss", password="a long enough secret"))
    page = client.get(f"/admin/campaigns/lead/{maria.lead.pk}/change/").content.decode()
    assert "Why, why not, when next" in page
    assert maria.number in page


def test_the_command_and_the_campaign_s_page_tell_why_its_list_is_called_or_not(floor: Floor, client: Client) -> None:
    campaign = floor.campaign("progressive", agents=[floor.agent("Ana")])
    for later in (0, 0, 3):
        floor.person(campaign, at=floor.now + timedelta(hours=later))
    said = StringIO()
    call_command("explain", "--campaign", str(campaign.pk), "--at", floor.now.isoformat(), stdout=said)
    assert "3: 2 can be called now, 1 waiting: not yet due until 2026-03-10 12:00 UTC." in said.getvalue()
    said = StringIO()
    call_command("explain", "--campaign", str(campaign.pk), "--at", floor.now.isoformat(), "--json", stdout=said)
    assert json.loads(said.getvalue())["callable_now"] == 2
    with pytest.raises(CommandError, match="no campaign"):
        call_command("explain", "--campaign", "999999")
    page = f"/admin/campaigns/campaign/{campaign.pk}/waterfall/"
    client.force_login(User.objects.create_user("staff", password="a long enough secret", is_staff=True))
    assert client.get(page).status_code == 403
    client.force_login(User.objects.create_superuser("boss", password="a long enough secret"))
    told = client.get(page).content.decode()
    assert "In the list" in told
    assert f'href="/admin/campaigns/campaign/{campaign.pk}/change/" class="align-middle' in told, "the way back, above the page"
    assert page in client.get(f"/admin/campaigns/campaign/{campaign.pk}/change/").content.decode()
    assert client.get("/admin/campaigns/campaign/999999/waterfall/").status_code == 404


def test_a_number_that_will_not_be_called_gives_way_to_the_next_and_it_is_told_which(floor: Floor) -> None:
    campaign = floor.campaign("progressive", agents=[ana := floor.agent("Ana")])
    maria = floor.person(campaign, "Maria", Answers(after=seconds(2), talks_for=seconds(3)), numbers=2)
    listed = PhoneNumber.objects.get(e164=maria.numbers[0])
    DoNotCall.objects.create(number_key=listed.number_key, source="register", created_at=floor.now)
    told = explain.lead(maria.lead.pk, now=floor.now)
    assert told is not None
    assert (told.callable_now, told.then, told.next_at) == (False, maria.numbers[1], floor.now)
    assert told.in_words == f"The phone number is on the Do-Not-Call list. Its next number, {maria.numbers[1]}, is called instead."
    ana.sits_down()
    floor.run(until=lambda: maria.attempts, at_most=5)
    assert maria.dialed == [maria.numbers[1]]


def test_where_nobody_can_say_when_it_is_told_what_is_missing_and_when_it_is_looked_at_again(floor: Floor) -> None:
    campaign = floor.campaign("progressive", agents=[ana := floor.agent("Ana")])
    RulePack.objects.create(name="Ours", jurisdiction="*", rules=[{"kind": "consent", "kinds": ["call"]}]).campaigns.add(campaign)
    maria = floor.person(campaign, "Maria", Answers(after=seconds(2), talks_for=seconds(30)))
    why = explain.lead(maria.lead.pk, now=floor.now)
    assert why is not None
    tomorrow = f"{floor.now + timedelta(days=1):%Y-%m-%d %H:%M:%S} UTC"
    told = f"Nobody can say when it can be called. Ours v1 wants consent (call), and there is none. It is looked at again at {tomorrow}."
    assert why.in_words == told
    assert why.told()["for_as_long_as"] == ("Ours v1 wants consent (call), and there is none.",)
    whole = waterfall.of_campaign(campaign.pk, now=floor.now)
    assert whole is not None
    assert f"looked at again {floor.now + timedelta(days=1):%Y-%m-%d %H:%M} UTC" in whole.in_words
    Consent.objects.create(contact=maria.contact, kind="call", source="web form", given_at=floor.now)
    ana.sits_down()
    floor.run(until=lambda: maria.attempts, at_most=5)
    why = explain.lead(maria.lead.pk, now=floor.now)
    assert why is not None
    assert why.in_words.startswith("Nobody can say when it can be called. It is in an agent's hands or being dialed.")
