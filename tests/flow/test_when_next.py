"""When next: the instant that is told of a lead is the first at which it is dialed, and the call that is planned is the one that is made."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from campaigns import explain, facts, querysets
from campaigns.flow import permit
from campaigns.models import Attempt, CallableHours, Campaign, Consent, Holiday, HolidayCalendar, PhoneNumber, RulePack
from campaigns.querysets import LeadStep
from campaigns.rules.permit.gate import campaign_holds, group_opens
from telephony.drivers.simulated.script import Answers, Busy, Congestion, NoAnswer, Rejects, Unallocated, Unavailable, seconds
from tests.floor import Floor
from tests.flow.test_waterfall import MORNING, centre, moment, rule, somebody

SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
# of a number that gives way to another one the lead is asked about at once
ROUNDS = 2


def dialed(campaign: Campaign, *, now: datetime) -> set[int]:
    """Whom dispatch would dial at this instant; nothing of it stays."""
    found: set[int] = set()
    with transaction.atomic():
        setting = facts.settings_of([campaign.pk])[campaign.pk]
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
@settings(max_examples=15, deadline=None, phases=[Phase.generate])
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


@pytest.mark.parametrize(
    ("campaign_is", "law", "next_at", "in_words"),
    [
        ({"starts_at": MORNING + DAY}, {}, MORNING + DAY, "After that, not before 2026-03-11 09:00:00 UTC."),
        ({"ends_at": MORNING + DAY}, {"week": {"thu": [["09:00", "20:00"]]}}, None, "Its campaign ends before it could be, at 2026-03-11 09:00 UTC."),
        (
            {},
            {"week": {"mon": [["09:00", "20:00"]]}, "until": "2026-03-11"},
            MORNING + 39 * HOUR,
            "It can be called not before 2026-03-12 00:00:00 UTC.",
        ),
        (
            {},
            {"week": {"wed": [["09:00", "20:00"]]}, "agreed_until": MORNING + HOUR},
            MORNING + 8 * DAY - HOUR,
            "wants consent (call), and there is none.",
        ),
    ],
    ids=["the campaign has not begun", "it ends before", "a pack is over before", "a consent is over before"],
)
def test_what_will_be_so_by_then_is_told_now(
    floor: Floor, campaign_is: dict[str, Any], law: dict[str, Any], next_at: datetime | None, in_words: str
) -> None:
    campaign = floor.campaign("progressive", agents=[floor.agent("Ana")], **campaign_is)
    maria = floor.person(campaign)
    if "week" in law:
        rules = [{"kind": "calling_window", "week": law["week"]}]
        if "agreed_until" in law:
            rules.append({"kind": "consent", "kinds": ["call"]})
            Consent.objects.create(contact=maria.contact, kind="call", source="form", given_at=MORNING - DAY, expires_at=law["agreed_until"])
        RulePack.objects.create(name="Ours", jurisdiction="*", rules=rules, effective_to=law.get("until")).campaigns.add(campaign)
    why = explain.lead(maria.lead.pk, now=floor.now)
    assert why is not None
    assert why.next_at == next_at
    assert in_words in why.in_words
    if next_at is not None:
        assert dialed(campaign, now=next_at - SECOND) == set()
        assert dialed(campaign, now=next_at) == (set() if "agreed_until" in law else {maria.lead.pk})


# a customer who talks is asked to be called again
ENDS = (Busy(), NoAnswer(after=seconds(5)), Rejects(), Unavailable(), Congestion(), Unallocated(), Answers(after=seconds(2), talks_for=seconds(9)))
OUTCOMES = ("busy", "no_answer", "rejected", "unavailable", "congestion", "connected")
ZONES = ("Europe/Madrid", "America/New_York", "Asia/Kolkata")
LAW: tuple[dict[str, Any], ...] = (
    {"kind": "calling_window", "week": {day: [["10:00", "12:30"], ["15:00", "20:15"]] for day in ("mon", "tue", "thu", "sat")}},
    {"kind": "blocked_days", "calendar": "here"},
    {"kind": "frequency_cap", "scope": "number", "count": 1, "hours": 22},
    {"kind": "frequency_cap", "scope": "person", "count": 2, "hours": 30, "counts": "ring"},
    {"kind": "frequency_cap", "scope": "lead", "count": 3, "hours": 50},
    {"kind": "hold_after", "event": "conversation", "hours": 40, "scope": "person"},
)


# a record whose next number lives in zones of which the campaign had nobody is found after at most this (`live.zone_groups`)
GROUPS_KNOWN_WITHIN = timedelta(seconds=10)


def zones_of(attempt: Attempt) -> list[str]:
    return attempt.phone.zones


@pytest.mark.parametrize("seed", range(10))
def test_the_call_that_is_planned_is_the_one_that_is_made(floor: Floor, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """After each call the next one is written down, with its number; nothing moves it any more, and it is made then, not a second sooner."""
    dice = random.Random(seed)
    ana = floor.agent("Ana")
    campaign = floor.campaign("progressive", agents=[ana], max_attempts=9, hours=CallableHours.objects.get(name="nine to nine"))
    Holiday.objects.create(calendar=HolidayCalendar.objects.create(name="here"), day="2026-03-12", name="A day off")
    for law in dice.sample(LAW, 3):
        RulePack.objects.create(name=f"{law['kind']} {law.get('scope', '')}", jurisdiction="*", rules=[law]).campaigns.add(campaign)
    for outcome in OUTCOMES:
        floor.rule(campaign, outcome, attempts=9, minutes=dice.choice((1, 45, 700)), next_number=dice.random() < 0.5, growing=dice.random() < 0.3)
    maria = floor.person(campaign, "Maria", numbers=dice.randint(1, 3), zones=[dice.choice(ZONES)])
    for phone in maria.contact.phones.all()[1:]:
        PhoneNumber.objects.filter(pk=phone.pk).update(zones=[dice.choice(ZONES)])
    for number in maria.numbers:
        floor.script.say(number, *dice.choices(ENDS, k=9))
    plans: list[tuple[datetime, LeadStep]] = []
    written = querysets.step

    def step(steps: Sequence[LeadStep], *, now: datetime) -> None:
        plans.extend((now, each) for each in steps)
        written(steps, now=now)

    ana.sits_down()
    for _ in range(12):
        monkeypatch.setattr(querysets, "step", step) if maria.attempts else None
        floor.run(until=lambda: not ana.work or ana.phase == "wrap_up", at_most=60)
        if ana.phase == "wrap_up":
            ana.finishes("again")
        if maria.where[0] == "final":
            break
        lead, why, made = maria.now(), explain.lead(maria.lead.pk, now=floor.now), len(maria.attempts)
        assert why is not None
        assert why.next_at is not None
        if made:
            assert why.next_at == max(lead.next_call_at, floor.now), why.in_words
        if why.next_at - SECOND > floor.now:
            floor.jumps_to(why.next_at - SECOND)
            floor.tick()
            assert len(maria.attempts) == made, "sooner than planned"
            floor.jumps_to(why.next_at)
        floor.run(until=lambda made=made: len(maria.attempts) > made, at_most=GROUPS_KNOWN_WITHIN.total_seconds() + 2)  # type: ignore[misc]  # mypy cannot type a lambda with a default
    attempts = maria.attempts
    assert len(attempts) > 3 or maria.where[0] == "final"
    after = [plan for plan in plans if plan[1].state == "waiting"][: len(attempts) - 1]
    assert [each.id for _, each in after] == [maria.lead.pk] * (len(attempts) - 1), "it was moved once more"
    for (at, plan), before, attempt in zip(after, attempts, attempts[1:], strict=False):
        assert plan.next_call_at
        assert attempt.dialed_at
        late = attempt.dialed_at - max(plan.next_call_at, at)
        assert timedelta(0) <= late <= 2 * SECOND + (GROUPS_KNOWN_WITHIN if zones_of(attempt) != zones_of(before) else timedelta(0))
        assert attempt.phone_id == plan.next_phone
