"""When next: the instant that is told of a lead is the first at which it is dialed, and the call that is planned is the one that is made."""

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from campaigns import explain, facts, querysets
from campaigns.flow import permit
from campaigns.models import Campaign, RetryRule, RulePack
from campaigns.rules.permit.gate import campaign_holds, group_opens
from telephony.drivers.simulated.script import Busy, Congestion, NoAnswer, Rejects, Unallocated, Unavailable, seconds
from tests.flow.test_waterfall import MORNING, centre, moment, rule, somebody
from tests.floor import Floor

SECOND, MINUTE, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)
# of a number that gives way to another one the lead is asked about at once
ROUNDS = 2


def dialed(campaign: Campaign, *, now: datetime) -> set[int]:
    """Whom dispatch would dial at this instant; nothing of it stays."""
    found: set[int] = set()
    with transaction.atomic():
        setting = facts.settings_now([campaign.pk], now=now)[campaign.pk]
        if not campaign_holds(setting.terms, now=now):
            for _ in range(ROUNDS):
                groups = [g for g, zones in querysets.zone_groups(campaign.pk).items() if group_opens(zones, terms=setting.terms, at=now) == now]
                leads = querysets.claim(campaign.pk, epoch=setting.epoch, groups=groups, floors=[], at_most=500, now=now)
                cleared, steps = permit.consider(setting, permit.candidates(leads), now=now)
                querysets.step(steps, now=now)
                found |= {one.lead.id for one in cleared}
        transaction.set_rollback(True)
    return found


def said(lead_id: int, *, at: datetime) -> str:
    why = explain.lead(lead_id, now=at)
    assert why is not None
    return f"{why.in_words} ({', '.join(f'{gate.rule} by {gate.by}: {gate.why}' for gate in why.gates if gate.why)})"


@pytest.mark.django_db
@settings(max_examples=25, deadline=None, phases=[Phase.generate])
@given(seed=st.integers(0, 2**32))
def test_the_next_instant_that_is_told_is_the_first_at_which_the_lead_is_dialed(seed: int) -> None:
    dice = random.Random(seed)
    with transaction.atomic():
        now = moment(dice, -30, 50)
        pinned = [(dice.choice(("*", "*", "ES", "US", "US-FL")), rule(dice)) for _ in range(dice.randint(1, 4))]
        # a verdict is renewed ahead of need, which nobody does here
        folk = [{**somebody(dice), "kept": False, "verdict": ("clear", MORNING + 900 * DAY)} for _ in range(6)]
        campaign = centre(pinned, folk, dice.choice((2, 6)), "running", dice.choice((None, 0)))
        begins, ends = dice.choice((None, moment(dice, -30, 60))), dice.choice((None, None, moment(dice, 50, 120)))
        Campaign.objects.filter(pk=campaign.pk).update(starts_at=begins, ends_at=ends)
        for pack in RulePack.objects.all():
            since, until = dice.choice((None, None, MORNING + DAY)), dice.choice((None, None, MORNING + 2 * DAY))
            RulePack.objects.filter(pk=pack.pk).update(effective_from=since, effective_to=until)
        known: dict[datetime, set[int]] = {}

        def is_dialed(lead_id: int, at: datetime) -> bool:
            if at not in known:
                known[at] = dialed(campaign, now=at)
            return lead_id in known[at]

        for lead_id in campaign.leads.values_list("pk", flat=True):
            why = explain.lead(lead_id, now=now)
            assert why is not None
            if why.for_as_long_as:
                continue  # nobody can say when it ends
            if why.next_at is None:
                assert not [at for hours in (0, 2, 7, 26, 77, 200) if is_dialed(lead_id, at := now + timedelta(hours=hours))], why.in_words
                continue
            assert is_dialed(lead_id, why.next_at), f"{why.at}: {why.in_words}\n{why.next_at}: {said(lead_id, at=why.next_at)}"
            earlier = {why.next_at - SECOND, why.next_at - MINUTE, *(now + (why.next_at - now) * dice.random() for _ in range(3))}
            assert not [at for at in sorted(earlier) if now <= at < why.next_at and is_dialed(lead_id, at)], f"{why.at}: {why.in_words}"
        transaction.set_rollback(True)
