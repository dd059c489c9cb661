"""The waterfall of a list adds up, and says of every lead what explaining that lead says, which is what the selector does.

Small call centres of any kind are generated into PostgreSQL: rules, people, numbers, calls made, lists, holds, and the clock.
"""

import random
import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.models import Agent, Interaction, User
from campaigns import explain, waterfall
from campaigns.models import (
    Attempt,
    CallableHours,
    CallingList,
    Campaign,
    CampaignExclusion,
    Consent,
    Contact,
    DoNotCall,
    DoNotCallList,
    Holiday,
    HolidayCalendar,
    InboundCall,
    Lead,
    NumberCheck,
    PhoneNumber,
    RulePack,
    Suppression,
    ValidationService,
    ZoneConfirmation,
    ZoneGroup,
)
from campaigns.rules.lifecycle import WaitReason
from campaigns.rules.number_keys import number_key
from campaigns.rules.permit.gate import Stands
from tests.flow.test_explain import selected

MORNING = datetime(2026, 3, 10, 9, tzinfo=UTC)
# (how a number begins, its zones, the state of the address)
PLACES = (
    ("+3460000", ("Europe/Madrid",), ""),
    ("+3491122", ("Europe/Madrid",), ""),  # a landline
    ("+1212555", ("America/New_York",), "NY"),
    ("+1212555", ("America/New_York",), "Florida"),
    ("+1305555", ("America/New_York",), "Florida"),
    ("+1800555", ("America/Los_Angeles", "America/New_York"), ""),
    ("+9198000", ("Asia/Kolkata",), ""),
    ("+1900555", ("America/New_York",), ""),
    ("+4477009", (), ""),  # anywhere in its country
    ("+8001234", (), ""),  # of no country
    ("+3460000", ("Europe/Madrid",), "Madrid"),
    ("+3460000", ("Europe/Madrid",), "Las Palmas"),
    ("+4915112", ("Europe/Berlin",), "Bayern"),
)
ON_THE_LINE = ("person", "number", "hands", "called us", "in hand again", "number called us")
ENDED = ("busy", "no_answer", "connected", "abandoned", "machine", "congestion")
WEEKS: tuple[dict[str, Any], ...] = (
    {"mon": [["08:00", "21:00"]], "tue": [["09:00", "20:00"]], "wed": [["10:00", "18:00"]]},
    {"tue": [["06:00", "23:30"]], "wed": [["00:00", "24:00"]]},
)


def moment(dice: random.Random, first: int, last: int) -> datetime:
    return MORNING + timedelta(hours=dice.randint(first, last), minutes=dice.choice((0, 17)))


def rule(dice: random.Random) -> dict[str, Any]:
    scope = dice.choice(("number", "person", "lead"))
    rules: tuple[dict[str, Any], ...] = (
        {"kind": "calling_window", "week": dice.choice(WEEKS)},
        {"kind": "blocked_days", "calendar": "here"},
        {
            "kind": "frequency_cap",
            "scope": scope,
            "count": dice.randint(1, 3),
            "hours": dice.choice((2, 24, 60)),
            "counts": dice.choice(("attempt", "ring", "conversation")),
        },
        {"kind": "hold_after", "event": dice.choice(("conversation", "abandoned", "machine")), "hours": dice.choice((20, 72)), "scope": scope},
        {"kind": "consent", "kinds": ["call"], "mobile_only": True, **dice.choice(({}, {"max_age_days": 1}, {"max_age_days": 2}))},
        {"kind": "destinations", "countries": ["ES", "US"]},
        {"kind": "public_holidays"},
    )
    return rules[dice.choice((0, 1, 2, 2, 2, 3, 3, 4, 5, 6))]


def somebody(dice: random.Random) -> dict[str, Any]:
    """Mostly somebody who could be called, if it were not for one thing."""

    def now_and_then(value: Any, otherwise: Any) -> Any:
        return value if dice.random() < 0.08 else otherwise

    return {
        "numbers": [
            (dice.choice(PLACES if dice.random() < 0.4 else PLACES[:2]), now_and_then(False, True), dice.choice(("mobile", "home")))
            for _ in range(now_and_then(0, dice.randint(1, 2)))
        ],
        "time_zone": now_and_then("Pacific/Apia", ""),
        "state": now_and_then(dice.choice(("busy", "success", "do_not_call")), "waiting"),
        "next_call_at": now_and_then(moment(dice, -40, 40), None),
        "wants": dice.choice((None, 0, 1)),
        "kept": now_and_then(True, False),
        "tries": dice.choice(({}, {}, {"busy": 1, "congestion": 5}, now_and_then({"no_answer": 4}, {}))),
        "calls": sorted(
            {MORNING - timedelta(hours=dice.choice((1, 2, 3, 5, 20, 22, 30, 50, 75))): dice.choice(ENDED) for _ in range(dice.randint(0, 7))}.items()
        ),
        "elsewhere": dice.random() < 0.3,
        "listed": now_and_then(dice.choice(("all", "campaign", "other")), None),
        "listed_until": dice.choice((None, moment(dice, -40, 40))),
        "registered": dice.random() < 0.3,  # where it is listed, a register has it as well
        "excluded": now_and_then(dice.choice(("campaign", "other")), None),
        "is_in": now_and_then("Asia/Kolkata", None),
        "was_in": now_and_then("Pacific/Apia", None),
        "on_the_line": now_and_then(dice.choice(ON_THE_LINE), None),
        "came": [dice.choice((1, 5, 19, 20, 50, 71)) for _ in range(now_and_then(dice.randint(1, 3), 0))],
        "verdict": (dice.choice(("clear", "clear", "clear", "listed", "unknown", "")), moment(dice, -40, 60)),
        "left_alone": now_and_then((dice.choice(("person", "number")), moment(dice, -40, 40), dice.choice(("all", "campaign", "other"))), None),
        "agreed": [
            (
                dice.choice(("call", "call", "sms")),
                moment(dice, -90, 5),
                dice.choice((None, None, moment(dice, -40, 40))),
                now_and_then(MORNING, None),
                dice.choice(("", "", "this", "another")),
            )
            for _ in range(dice.randint(0, 2))
        ],
    }


def centre(pinned: list[Any], folk: list[dict[str, Any]], max_attempts: int, state: str, failures: int | None = None) -> Campaign:
    """failures: of the campaign's validation service; None: it has none."""
    week = {day: [["07:00", "22:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
    hours = CallableHours.objects.create(name="long", week=week)
    campaign = Campaign.objects.create(name="any", state=state, max_attempts=max_attempts, hours=hours)
    other = Campaign.objects.create(name="other", state="running")
    if failures is not None:
        campaign.validation_service = ValidationService.objects.create(name="Robinson", url="https://robinson.example", failures=failures)
        campaign.save()
    lists = {each.pk: CallingList.objects.create(campaign=each, name="list") for each in (campaign, other)}
    ana = Agent.objects.create(user=User.objects.create(username="ana"))
    Holiday.objects.create(calendar=HolidayCalendar.objects.create(name="here"), day="2026-03-11", name="A day off")
    for kept, day in (("ES-MD", "2026-03-11"), ("ES", "2026-03-10"), ("DE-BY", "2026-03-11"), ("US-FL", "2026-03-10")):
        calendar, _ = HolidayCalendar.objects.get_or_create(name=kept)
        Holiday.objects.create(calendar=calendar, day=day)
    for place, (jurisdiction, rule) in enumerate(pinned):
        RulePack.objects.create(name=f"Pack {place}", jurisdiction=jurisdiction, rules=[rule]).campaigns.add(campaign)
    for each, one in enumerate(folk):
        region = next((state for (_, _, state), _, _ in one["numbers"] if state), "")
        contact = Contact.objects.create(first_name="Maria", time_zone=one["time_zone"], region=region)
        phones = []
        for position, ((prefix, zones, _), active, kind) in enumerate(one["numbers"]):
            e164 = f"{prefix}{each:02d}{position:02d}"
            told = {"number_key": number_key(e164, django_settings.NUMBER_KEY), "zones": list(zones), "landline": prefix == LANDLINE[0]}
            phones.append(PhoneNumber.objects.create(contact=contact, e164=e164, position=position, active=active, kind=kind, **told))
        zones = sorted({zone for phone in phones if phone.active for zone in phone.zones})
        state = one["state"] if one["state"] in ("waiting", "busy") else "final"
        if one["is_in"]:
            ZoneConfirmation.objects.create(contact=contact, zone=one["is_in"], at=MORNING)
            zones = [one["is_in"]]
        if one["was_in"]:
            ZoneConfirmation.objects.create(contact=contact, zone=one["was_in"], at=MORNING, ended_at=MORNING)
        lead = Lead.objects.create(
            campaign=campaign,
            calling_list=lists[campaign.pk],
            contact=contact,
            zone_group=ZoneGroup.objects.get_or_create(zones=zones)[0],
            state=state,
            reason=one["state"] if state == "final" else "retry",
            next_call_at=one["next_call_at"] or MORNING - timedelta(days=1),
            next_phone=phones[one["wants"]] if one["wants"] is not None and one["wants"] < len(phones) else None,
            reserved_for=ana if one["kept"] and state == "waiting" else None,
            tries=one["tries"],
        )
        if phones:
            calls(lead, lists[other.pk], phones[0], one)
            on_the_line(lead, lists[other.pk], phones[0], one)
        listings(campaign, other, contact, phones, one)
    return campaign


def calls(lead: Lead, elsewhere: CallingList, phone: PhoneNumber, one: dict[str, Any]) -> None:
    """What was tried, of this campaign or of the other; of a lead in somebody's hands the last call lives."""
    of = lead
    if one["elsewhere"]:
        of = lead_of(lead.contact, elsewhere, lead)
    common = {"contact": lead.contact, "phone": phone, "e164": phone.e164, "epoch": 0}
    for at, outcome in one["calls"]:
        Attempt.objects.create(
            lead=of,
            campaign=of.campaign,
            state="concluded",
            outcome=outcome,
            planned_at=at,
            dialed_at=at,
            answered_at=at + timedelta(seconds=9) if outcome in ("connected", "abandoned", "machine") else None,
            connected_at=at + timedelta(seconds=10) if outcome == "connected" else None,
            concluded_at=at + timedelta(minutes=30),
            **common,
        )
    if lead.state == "busy":
        Attempt.objects.create(lead=lead, campaign=lead.campaign, state="open", planned_at=MORNING, dialed_at=MORNING, **common)

    for hours in one["came"]:
        came(of, phone.e164, MORNING - timedelta(hours=hours))


def came(lead: Lead, number: str, at: datetime, **fields: Any) -> None:
    """They called us, and were heard."""
    told = {"wait_until": at, "state": "over", "answered_at": at, "ended_at": at + timedelta(minutes=20), **fields}
    InboundCall.objects.create(call_id=uuid.uuid4(), campaign=lead.campaign, lead=lead, number=number, came_at=at, **told)


def lead_of(contact: Contact, elsewhere: CallingList, like: Lead) -> Lead:
    """A lead of the other campaign."""
    told = {"calling_list": elsewhere, "zone_group": like.zone_group, "next_call_at": like.next_call_at}
    return Lead.objects.get_or_create(campaign=elsewhere.campaign, contact=contact, defaults=told)[0]


def on_the_line(lead: Lead, elsewhere: CallingList, phone: PhoneNumber, one: dict[str, Any]) -> None:
    """The other campaign has this person, or somebody else on this number, on the line; or their record is in an agent's hands."""
    if lead.state != "waiting" or one["on_the_line"] is None:
        return
    somebody_else = Contact.objects.create(first_name="Pedro") if one["on_the_line"].startswith("number") else lead.contact
    other = lead_of(somebody_else, elsewhere, lead)
    if one["on_the_line"].endswith("called us"):
        number = phone.e164 if one["on_the_line"] == "number called us" else f"+3491{lead.pk:07d}"
        came(other, number, MORNING, state="waiting", answered_at=None, ended_at=None)
        return
    if one["on_the_line"] in ("hands", "in hand again"):  # a finished record of somebody who has called us
        Lead.objects.filter(pk=other.pk).update(state="busy" if one["on_the_line"] == "hands" else "final")
        agent = Agent.objects.create(user=User.objects.create(username=f"ben{lead.pk}"))
        Interaction.objects.create(agent=agent, phase="wrap_up", phase_since=MORNING, opened_at=MORNING, lead_id=other.pk)
        return
    e164 = phone.e164 if one["on_the_line"] == "number" else f"+3491{lead.pk:07d}"
    common = {"contact": somebody_else, "phone": phone, "e164": e164, "epoch": 0, "planned_at": MORNING, "dialed_at": MORNING}
    Attempt.objects.create(lead=other, campaign=elsewhere.campaign, state="open", **common)


def listings(campaign: Campaign, other: Campaign, contact: Contact, phones: list[PhoneNumber], one: dict[str, Any]) -> None:
    of = {"all": None, "campaign": campaign, "other": other}
    if one["listed"] and phones:
        where = of[one["listed"]]
        entry: Any = {"number_key": phones[0].number_key, "source": "test", "created_at": MORNING}
        DoNotCall.objects.create(**entry, campaign=where, expires_at=one["listed_until"])
        if one["registered"]:
            register, _ = DoNotCallList.objects.get_or_create(name="national")
            DoNotCall.objects.create(**entry, register=register)
    if campaign.validation_service:
        verdict, until = one["verdict"]
        NumberCheck.objects.bulk_create(
            NumberCheck(
                service=campaign.validation_service,
                number_key=phone.number_key,
                verdict=verdict,
                checked_at=MORNING,
                valid_until=until if verdict else None,
            )
            for phone in phones
        )
    if one["excluded"]:
        CampaignExclusion.objects.create(campaign=other if one["excluded"] == "other" else campaign, contact=contact, created_at=MORNING)
    if one["left_alone"]:
        what, until, where = one["left_alone"]
        whom = {"contact": contact} if what == "person" or not phones else {"number_key": phones[0].number_key}
        Suppression.objects.create(**whom, campaign=of[where], until=until, created_at=MORNING)
    for kind, given_at, expires_at, revoked_at, number in one["agreed"]:
        key = {"this": phones[0].number_key if phones else "none", "another": "another"}.get(number, "")
        told = {"given_at": given_at, "expires_at": expires_at, "revoked_at": revoked_at}
        Consent.objects.create(contact=contact, kind=kind, source="web form", number_key=key, **told)


@pytest.mark.django_db
@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_what_is_told_of_a_list_is_told_of_each_lead_and_is_what_the_selector_does(seed: int) -> None:
    dice = random.Random(seed)
    with transaction.atomic(), pytest.MonkeyPatch.context() as patch:
        pinned = [(dice.choice(("*", "*", "ES", "US", "US-FL", "ES-MD", "DE-BY")), rule(dice)) for _ in range(dice.randint(0, 4))]
        state = "paused" if dice.random() < 0.05 else "running"
        campaign = centre(pinned, [somebody(dice) for _ in range(dice.randint(1, 20))], dice.choice((2, 6)), state, dice.choice((None, None, 0, 3)))
        for many in (0, waterfall.MANY):  # as a list of a million is read, and as a short one
            now = moment(dice, -30, 50)
            patch.setattr(waterfall, "MANY", many)
            assert one_by_one(campaign, now=now) == selected(campaign, now=now)
        transaction.set_rollback(True)


ORDINARY: dict[str, Any] = {
    "numbers": [(PLACES[0], True, "mobile")],
    "time_zone": "",
    "state": "waiting",
    "next_call_at": None,
    "wants": None,
    "kept": False,
    "tries": {},
    "calls": [],
    "elsewhere": False,
    "listed": None,
    "listed_until": None,
    "registered": False,
    "excluded": None,
    "is_in": None,
    "was_in": None,
    "on_the_line": None,
    "came": [],
    "verdict": ("clear", MORNING + timedelta(days=9)),
    "left_alone": None,
    "agreed": [("call", MORNING - timedelta(days=1), None, None, "")],
}
TOMORROW, YESTERDAY = MORNING + timedelta(days=1), MORNING - timedelta(days=1)
LANDLINE, NEW_YORK, MOVED_TO_FLORIDA = PLACES[1:4]


def made(*hours: int, outcome: str = "no_answer") -> list[tuple[datetime, str]]:
    return sorted((MORNING - timedelta(hours=ago), outcome) for ago in hours)


# what sets one person apart from somebody who can be called
ONE_THING: tuple[dict[str, Any], ...] = (
    {},
    *({"listed": where, "listed_until": until} for where in ("all", "campaign", "other") for until in (None, YESTERDAY, TOMORROW)),
    *({"listed": "all", "listed_until": until, "registered": True} for until in (None, TOMORROW)),
    *({"excluded": where} for where in ("campaign", "other")),
    *({"left_alone": (what, TOMORROW, where)} for what in ("person", "number") for where in ("all", "campaign", "other")),
    *({"on_the_line": what} for what in ON_THE_LINE),
    {"is_in": "Asia/Kolkata"},
    {"was_in": "Pacific/Apia"},
    {"tries": {"busy": 1, "congestion": 5}},
    {"tries": {"busy": 1, "no_answer": 5}},
    {"kept": True},
    *(
        {"numbers": [(PLACES[0], first, "mobile"), (PLACES[0], second, "home")], "wants": wants}
        for first, second, wants in ((True, True, None), (True, True, 1), (False, True, None), (True, False, 1), (False, True, 0))
    ),
    {"numbers": [(NEW_YORK, True, "mobile")]},
    {"numbers": [(MOVED_TO_FLORIDA, True, "mobile")]},
    *({"numbers": [(place, True, "mobile")]} for place in PLACES[-3:]),
    *({"calls": made(*hours), "elsewhere": elsewhere} for hours in ((1, 2), (1, 2, 5), (1, 2, 3, 5), (2, 20, 30)) for elsewhere in (True, False)),
    *({"calls": made(3, 30, outcome=outcome), "elsewhere": elsewhere} for outcome in ("connected", "machine") for elsewhere in (True, False)),
    {"calls": made(3, outcome="congestion")},
    # called on the first number, and it is the second one's turn; the second was wanted and has gone
    {"numbers": [(PLACES[0], True, "mobile"), (PLACES[0], True, "home")], "wants": 1, "calls": made(1, 2, 5)},
    {"numbers": [(PLACES[0], True, "mobile"), (NEW_YORK, False, "home")], "wants": 1},
    {"numbers": [(NEW_YORK, False, "mobile"), (PLACES[0], True, "home")]},
    *({"agreed": [("call", YESTERDAY, None, revoked, number)]} for revoked in (None, MORNING) for number in ("", "this", "another")),
    {"agreed": [("call", YESTERDAY, YESTERDAY, None, "")]},
    *({"agreed": [], "numbers": [(place, True, kind)]} for place in (PLACES[0], LANDLINE, NEW_YORK) for kind in ("mobile", "home")),
    *({"came": hours, "elsewhere": elsewhere} for hours in ((1,), (1, 5), (20, 50), (71,)) for elsewhere in (True, False)),
    {"verdict": ("clear", YESTERDAY)},
    {"verdict": ("listed", TOMORROW)},
)
RULES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("*", {"kind": "frequency_cap", "scope": "number", "count": 3, "hours": 24, "counts": "ring"}),
    ("*", {"kind": "frequency_cap", "scope": "person", "count": 2, "hours": 60, "counts": "conversation"}),
    ("*", {"kind": "hold_after", "event": "machine", "hours": 20, "scope": "lead"}),
    ("*", {"kind": "hold_after", "event": "conversation", "hours": 20, "scope": "number"}),
    ("*", {"kind": "consent", "kinds": ["call"], "mobile_only": True}),
    ("US-FL", {"kind": "calling_window", "week": {"tue": [["06:00", "11:00"]]}}),
    ("ES-MD", {"kind": "blocked_days", "calendar": "ES"}),
    ("ES-CN", {"kind": "calling_window", "week": {"tue": [["06:00", "20:00"]]}}),
    ("DE", {"kind": "public_holidays"}),
)


@pytest.mark.django_db
@pytest.mark.parametrize("many", [0, waterfall.MANY], ids=["as a long list is read", "as a short one"])
@pytest.mark.parametrize("folk", [ONE_THING, ({"calls": made(1, 2, 20, 21)},)], ids=["everybody", "one called once too often"])
def test_each_thing_that_sets_one_person_apart_is_told_of_that_person_alone(
    folk: tuple[dict[str, Any], ...], many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = centre(list(RULES), [{**ORDINARY, **thing} for thing in folk], 6, "running", 0)
    monkeypatch.setattr(waterfall, "MANY", many)
    for now in (MORNING, MORNING + timedelta(hours=7)):
        assert one_by_one(campaign, now=now) == selected(campaign, now=now)


def one_by_one(campaign: Campaign, *, now: datetime) -> set[int]:
    """The leads that can be called now, each explained alone and held against the steps of the list."""
    whole = waterfall.of_campaign(campaign.pk, now=now, supposed=True)
    assert whole is not None
    steps = {(step.rule, step.by, step.stands, step.reason): step for step in whole.steps}
    told, callable_now = Counter[tuple[str, str, Stands, str]](), set()
    for lead_id in campaign.leads.values_list("pk", flat=True):
        why = explain.lead(lead_id, now=now, supposed=True)
        assert why is not None
        key = (why.first.rule, why.first.by, why.first.stands, why.first.reason) if why.first else ("dialable", "", Stands.OPEN, "")
        told[key] += 1
        if why.callable_now:
            callable_now.add(lead_id)
        if key in steps and steps[key].stands is Stands.WAIT:
            # the list tells of the number whose turn it is: never, or, where the rules leave it no time, when it is looked at
            if not why.then:
                in_between(why.next_at, steps[key])
            elif all(gate.reason != WaitReason.RULES for gate in why.gates):
                in_between(None, steps[key])
    assert told == {key: step.leads for key, step in steps.items()}
    assert sum(step.leads for step in whole.steps) == whole.leads == campaign.leads.count()
    assert whole.callable_now == len(callable_now)
    return callable_now


def in_between(next_at: datetime | None, step: waterfall.Step) -> None:
    """A lead can next be called within what its step tells."""
    if next_at is None:
        assert step.last_at is None
    else:
        assert step.first_at is not None
        assert step.first_at <= next_at
        assert step.last_at is None or next_at <= step.last_at
