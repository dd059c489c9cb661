"""A hundred race for a cap of one: the locks on person and number make it exact."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Event
from uuid import UUID

import pytest
from django.conf import settings
from django.db import connection, transaction

from campaigns import facts, querysets
from campaigns.facts import Asked
from campaigns.flow import conclude, do_not_call, permit
from campaigns.flow.permit import Promise
from campaigns.models import Attempt, CallingList, Campaign, Contact, Lead, PhoneNumber, RulePack, SpendLimit, ZoneGroup
from campaigns.rules.lifecycle import CampaignState
from campaigns.rules.number_keys import number_key
from campaigns.rules.permit import NotBefore, may_call
from dialer_project.lib import sql
from telephony import calls
from telephony.models import Node, Trunk
from telephony.rules.hangup_causes import Cause
from tests.database.racing import at_once

NOW = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)
THREADS, PEOPLE = 8, 100
SHARED = "+34600000001"


@pytest.fixture
def campaign(transactional_db: None) -> Campaign:
    """A hundred people who share one telephone, in a campaign that may call a number as often as it likes."""
    campaign = raced_for("number")[0].campaign
    RulePack.objects.all().delete()
    return campaign


def promised(campaign_id: int, lead_id: int, node_id: int) -> list[UUID]:
    """One lead through the gate, its call planned and left so; who is refused stays as they were."""
    with transaction.atomic():
        setting = permit.take_campaign(campaign_id, now=NOW)
        assert setting is not None
        if not Lead.objects.select_for_update(skip_locked=True).filter(pk=lead_id) or not querysets.busy([lead_id], now=NOW):
            return []  # as the claim: nobody waits for a record that another one has
        cleared, _ = permit.consider(setting, permit.candidates(querysets.owned([lead_id])), now=NOW)
        promises = [Promise(each, None, node_id, None, permit.new_id()) for each in cleared]
        permit.promise(setting, promises, now=NOW)
        if not cleared:
            transaction.set_rollback(True)
    return [promise.id for promise in promises]


def dial_and_fail(campaign_id: int, lead_id: int, node_id: int) -> int:
    """One lead through the gate, sent, and over at once: the next may be asked a millisecond later. Returns how many were dialed."""
    if ids := promised(campaign_id, lead_id, node_id):
        with transaction.atomic():
            over = calls.ended(dict.fromkeys(ids, Cause.BUSY), now=NOW)
            sql.changed("UPDATE campaigns_attempt SET dialed_at = %s WHERE id = ANY(%s)", [NOW, ids])
            conclude.customers_ended(over, now=NOW)
    return len(ids)


def closing(work: Callable[..., int], *args: int) -> int:
    """In a thread: its connection goes with it."""
    try:
        return work(*args)
    finally:
        connection.close()


@pytest.mark.parametrize("scope", ["number", "person", "lead"])
def test_a_hundred_threads_against_a_cap_of_one_leave_one_attempt(transactional_db: None, scope: str) -> None:
    """A hundred people with one telephone; a person with a hundred numbers, in a hundred campaigns; one record. All ask in the same moment, when
    the locks decide, and once more when the call is over, when the cap does."""
    leads = raced_for(scope)
    node, over = Node.objects.create(name="local", listening_until=NOW + timedelta(minutes=1)), Event()

    def caller(lead: Lead) -> tuple[int, int]:
        if first := dial_and_fail(lead.campaign_id, lead.pk, node.pk):
            over.set()
        assert over.wait(timeout=60), "nobody was allowed to call"
        return first, dial_and_fail(lead.campaign_id, lead.pk, node.pk)

    made = at_once([partial(caller, lead) for lead in leads])
    assert len(made) == 100
    assert (sum(first for first, _ in made), sum(again for _, again in made)) == (1, 0)
    assert Attempt.objects.count() == 1
    assert {waits_until(lead) for lead in leads[::20]} == {NOW + timedelta(days=1)}, "it is the cap that keeps them"


def raced_for(scope: str) -> list[Lead]:
    """A hundred times a record to be called, all of which one cap of one call a day counts together."""
    campaigns = Campaign.objects.bulk_create(
        Campaign(name=f"Renewal {i}", mode_key="progressive", state=CampaignState.RUNNING) for i in range(PEOPLE if scope == "person" else 1)
    )
    lists = CallingList.objects.bulk_create(CallingList(campaign=each, name="March") for each in campaigns)
    cap = RulePack.objects.create(name="Once", jurisdiction="*", rules=[{"kind": "frequency_cap", "scope": scope, "count": 1, "hours": 24}])
    cap.campaigns.set(campaigns)
    zones = ZoneGroup.objects.create(zones=["Europe/Madrid"])
    contacts = Contact.objects.bulk_create(Contact(first_name="Maria") for _ in range(PEOPLE if scope == "number" else 1))
    numbers = [SHARED] if scope != "person" else [f"+346000010{i:02d}" for i in range(PEOPLE)]
    phones = PhoneNumber.objects.bulk_create(
        PhoneNumber(contact=contact, e164=e164, number_key=number_key(e164, settings.NUMBER_KEY), position=i, zones=["Europe/Madrid"])
        for contact in contacts
        for i, e164 in enumerate(numbers)
    )
    leads = Lead.objects.bulk_create(
        Lead(campaign=of.campaign, calling_list=of, contact=phone.contact, next_phone=phone, zone_group=zones, next_call_at=NOW)
        for of, phone in (zip(lists, phones, strict=True) if scope == "person" else [(lists[0], phone) for phone in phones])
    )
    return leads * (PEOPLE // len(leads))


def waits_until(lead: Lead) -> datetime | None:
    """What the gate says of this record now, with nobody else asking."""
    setting = facts.settings_of([lead.campaign_id])[lead.campaign_id]
    phone = facts.people([lead.contact_id])[lead.contact_id].phone(lead.next_phone_id)
    asked = Asked(lead.pk, lead.campaign_id, lead.contact_id, {}, phone)
    verdict = may_call(facts.read([asked], terms=setting.terms, now=NOW)[lead.pk].facts, terms=setting.terms, now=NOW)
    return verdict.at if isinstance(verdict, NotBefore) else None


def test_a_number_listed_meanwhile_is_dialed_by_nobody_afterwards(campaign: Campaign) -> None:
    node = Node.objects.create(name="local", listening_until=NOW + timedelta(minutes=1))
    leads = list(Lead.objects.values_list("pk", flat=True))
    with ThreadPoolExecutor(THREADS) as pool:
        asked = [pool.submit(closing, dial_and_fail, campaign.pk, lead, node.pk) for lead in leads[:50]]
        listed = pool.submit(closing, lambda: do_not_call.list_numbers([SHARED], source="test", now=NOW))
        assert listed.result() == 1
        after = Attempt.objects.count()
        later = [pool.submit(closing, dial_and_fail, campaign.pk, lead, node.pk) for lead in leads[50:]]
        assert sum(each.result() for each in later) == 0
        assert Attempt.objects.count() - after <= sum(each.result() for each in asked)


def test_a_hundred_who_race_for_what_is_left_of_a_spend_limit_spend_no_more_and_in_the_end_all_of_it(campaign: Campaign) -> None:
    node = Node.objects.create(name="local", listening_until=NOW + timedelta(minutes=1))
    Campaign.objects.update(trunk=Trunk.objects.create(name="main", per_minute="0.10"))
    SpendLimit.objects.create(per_day="1.00")
    for i, phone in enumerate(PhoneNumber.objects.all()):
        e164 = f"+34600001{i:03d}"
        PhoneNumber.objects.filter(pk=phone.pk).update(e164=e164, number_key=number_key(e164, settings.NUMBER_KEY))
    leads = list(Lead.objects.values_list("pk", flat=True))
    with ThreadPoolExecutor(THREADS) as pool:
        asked = [pool.submit(closing, lambda lead=lead: len(promised(campaign.pk, lead, node.pk))) for lead in leads]
        planned = sum(each.result() for each in asked)
    assert planned == Attempt.objects.count() <= 10
    for lead in leads:
        planned += len(promised(campaign.pk, lead, node.pk))
    assert planned == Attempt.objects.count() == 10
