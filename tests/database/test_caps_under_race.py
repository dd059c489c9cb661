"""A hundred race for a cap of one, eight at a time: the locks on person and number make it exact."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings
from django.db import connection, transaction

from campaigns import querysets
from campaigns.flow import conclude, do_not_call, permit
from campaigns.flow.permit import Promise
from campaigns.models import Attempt, CallingList, Campaign, Contact, Lead, PhoneNumber, RulePack, SpendLimit, ZoneGroup
from campaigns.rules.lifecycle import CampaignState
from campaigns.rules.number_keys import number_key
from dialer_project.lib import sql
from telephony import calls
from telephony.models import Node, Trunk
from telephony.rules.hangup_causes import Cause

NOW = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)
THREADS, PEOPLE = 8, 100
SHARED = "+34600000001"


@pytest.fixture
def campaign(transactional_db: None) -> Campaign:
    """A hundred people who share one telephone, in a campaign that may call a number once a day."""
    campaign = Campaign.objects.create(name="Spring renewal", mode_key="progressive", state=CampaignState.RUNNING)
    cap = RulePack.objects.create(name="Once", jurisdiction="*", rules=[{"kind": "frequency_cap", "scope": "number", "count": 1, "hours": 24}])
    cap.campaigns.add(campaign)
    calling_list, zones = CallingList.objects.create(campaign=campaign, name="March"), ZoneGroup.objects.create(zones=["Europe/Madrid"])
    for _ in range(PEOPLE):
        contact = Contact.objects.create(first_name="Maria")
        PhoneNumber.objects.create(contact=contact, e164=SHARED, number_key=number_key(SHARED, settings.NUMBER_KEY), zones=["Europe/Madrid"])
        Lead.objects.create(campaign=campaign, calling_list=calling_list, contact=contact, zone_group=zones, next_call_at=NOW)
    return campaign


def dial_and_fail(campaign_id: int, lead_id: int, node_id: int) -> int:
    """One lead through the gate, sent, and over at once: the next may be asked a millisecond later. Returns how many were dialed."""
    with transaction.atomic():
        setting = permit.take_campaign(campaign_id, now=NOW)
        assert setting is not None
        querysets.busy([lead_id], now=NOW)
        cleared, _ = permit.consider(setting, permit.candidates(querysets.owned([lead_id])), now=NOW)
        attempts = [Promise(each, None, node_id, None, permit.new_id()) for each in cleared]
        permit.promise(setting, attempts, now=NOW)
    ids = [promise.id for promise in attempts]
    if ids:
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


def test_a_hundred_who_race_for_a_cap_of_one_leave_one_attempt(campaign: Campaign) -> None:
    node = Node.objects.create(name="local", listening_until=NOW + timedelta(minutes=1))
    with ThreadPoolExecutor(THREADS) as pool:
        asked = [pool.submit(closing, dial_and_fail, campaign.pk, lead.pk, node.pk) for lead in Lead.objects.all()]
        assert sum(each.result() for each in asked) == 1
    assert Attempt.objects.count() == 1


def test_a_number_listed_meanwhile_is_dialed_by_nobody_afterwards(campaign: Campaign) -> None:
    node = Node.objects.create(name="local", listening_until=NOW + timedelta(minutes=1))
    RulePack.objects.all().delete()
    leads = list(Lead.objects.values_list("pk", flat=True))
    with ThreadPoolExecutor(THREADS) as pool:
        asked = [pool.submit(closing, dial_and_fail, campaign.pk, lead, node.pk) for lead in leads[:50]]
        listed = pool.submit(closing, lambda: do_not_call.list_numbers([SHARED], source="test", now=NOW))
        assert listed.result() == 1
        after = Attempt.objects.count()
        later = [pool.submit(closing, dial_and_fail, campaign.pk, lead, node.pk) for lead in leads[50:]]
        assert sum(each.result() for each in later) == 0
        assert Attempt.objects.count() - after <= sum(each.result() for each in asked)


def promised(campaign_id: int, lead_id: int, node_id: int) -> int:
    """One lead through the gate, its call planned and left so. Returns how many were."""
    with transaction.atomic():
        setting = permit.take_campaign(campaign_id, now=NOW)
        assert setting is not None
        if not querysets.busy([lead_id], now=NOW):
            return 0
        cleared, _ = permit.consider(setting, permit.candidates(querysets.owned([lead_id])), now=NOW)
        permit.promise(setting, [Promise(each, None, node_id, None, permit.new_id()) for each in cleared], now=NOW)
        if not cleared:
            transaction.set_rollback(True)
        return len(cleared)


def test_a_hundred_who_race_for_what_is_left_of_a_spend_limit_spend_no_more_and_in_the_end_all_of_it(campaign: Campaign) -> None:
    node = Node.objects.create(name="local", listening_until=NOW + timedelta(minutes=1))
    RulePack.objects.all().delete()
    Campaign.objects.update(trunk=Trunk.objects.create(name="main", per_minute="0.10"))
    SpendLimit.objects.create(per_day="1.00")
    for i, phone in enumerate(PhoneNumber.objects.all()):
        e164 = f"+34600001{i:03d}"
        PhoneNumber.objects.filter(pk=phone.pk).update(e164=e164, number_key=number_key(e164, settings.NUMBER_KEY))
    leads = list(Lead.objects.values_list("pk", flat=True))
    with ThreadPoolExecutor(THREADS) as pool:
        asked = [pool.submit(closing, promised, campaign.pk, lead, node.pk) for lead in leads]
        planned = sum(each.result() for each in asked)
    assert planned == Attempt.objects.count() <= 10
    for lead in leads:
        planned += promised(campaign.pk, lead, node.pk)
    assert planned == Attempt.objects.count() == 10
