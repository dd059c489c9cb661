"""The gate: each rule alone can refuse, several at once, the strictest wins, what is missing refuses."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.rules import oracle
from campaigns.rules.lifecycle import CampaignState, WaitReason
from campaigns.rules.number_checks import Answer, Service
from campaigns.rules.outcomes import Outcome
from campaigns.rules.permit import gate
from campaigns.rules.permit.gate import Allowed, Barred, Facts, Held, NotBefore, Refused, Terms, campaign_holds, earliest, group_opens, may_call
from campaigns.rules.permit.hours import ALWAYS, DAYS, hours_from, wider
from campaigns.rules.permit.kinds import OUTCOMES, Counts, Pack, Scope, rule_from
from campaigns.rules.places import place_of, places, state_named, zones_of_country, zones_of_state
from campaigns.rules.rule_packs import PACKS
from campaigns.rules.spending import Limit, Spent, Tariff
from tests.rules.permits import NOW, facts, pack, shipped, terms

NINE_TO_FIVE = {day: [["09:00", "17:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}
HOUR, DAY = timedelta(hours=1), timedelta(days=1)

CAP: dict[str, Any] = {"kind": "frequency_cap", "scope": "person", "count": 3, "hours": 24}
HOLD: dict[str, Any] = {"kind": "hold_after", "event": "abandoned", "hours": 72}

# rule -> what alone makes it refuse: the rest is in order, so taking the rule away lets the call through
ALONE: dict[str, tuple[Terms, Facts]] = {
    "running": (terms(state=CampaignState.PAUSED), facts()),
    "start time": (terms(starts_at=NOW + HOUR), facts()),
    "end time": (terms(ends_at=NOW), facts()),
    "end time while it rings": (terms(ends_at=NOW + timedelta(seconds=25)), facts()),
    "caller ID is verified": (terms(caller_id_ok=False), facts()),
    "trunk is switched on": (terms(trunk_ok=False), facts()),
    "looser rules are approved": (terms(unapproved=("week",)), facts()),
    "a telephony server is there": (terms(server_ok=False), facts()),
    "do-not-call": (terms(), facts(listed=True)),
    "exclusion": (terms(), facts(excluded=True)),
    "number exists": (terms(), facts(number_active=False)),
    "there is a number": (terms(), facts(has_number=False)),
    "destination is ordinary": (terms(), facts(destination="satellite")),
    "attempts per lead": (terms(max_attempts=3), facts(attempts_made=3)),
    "reserved": (terms(), facts(locked=False)),
    "one call per person": (terms(), facts(person_busy=True)),
    "one call per number": (terms(), facts(number_busy=True)),
    "left alone": (terms(), facts(suppressed_until=NOW + HOUR)),
    "validation service answers": (
        terms(service=Service(1, "Robinson", "The validation service Robinson is unavailable.")),
        facts(answer=Answer.CLEAR),
    ),
    "a verdict is there": (terms(service=Service(1, "Robinson")), facts()),
    "the verdict is clear": (terms(service=Service(1, "Robinson")), facts(answer=Answer.LISTED)),
    "the verdict says something": (terms(service=Service(1, "Robinson")), facts(answer=Answer.UNKNOWN)),
    "spend limit": (terms(spending=(Spent(Limit(1, Decimal(10), "UTC"), Decimal(10)),), tariff=Tariff(Decimal(1), Decimal(1))), facts()),
    "spend limit without a price": (terms(spending=(Spent(Limit(1, Decimal(10), "UTC"), Decimal(0)),)), facts()),
    "own hours": (terms(hours=hours_from({"mon": [["09:00", "17:00"]]})), facts()),
    "a time zone is known": (terms(hours=hours_from(NINE_TO_FIVE)), replace(facts(), zones=())),
    "hours leave some time": (
        terms(pack({"kind": "calling_window", "week": {"sun": [["09:00", "17:00"]]}}, jurisdiction="GB"), hours=hours_from(NINE_TO_FIVE)),
        facts(),
    ),
    "calling_window": (terms(pack({"kind": "calling_window", "week": {"mon": [["09:00", "17:00"]]}})), facts()),
    "blocked_days": (terms(pack({"kind": "blocked_days", "calendar": "x"}, calendars={"x": frozenset({NOW.date()})})), facts()),
    "blocked_days without its calendar": (terms(pack({"kind": "blocked_days", "calendar": "y"})), facts()),
    "public_holidays": (terms(pack({"kind": "public_holidays"}, calendars={"GB": frozenset({NOW.date()})})), facts()),
    "frequency_cap": (terms(pack(CAP)), facts(marks={rule_from(CAP): NOW - HOUR})),
    "hold_after": (terms(pack(HOLD)), facts(marks={rule_from(HOLD): NOW - HOUR})),
    "consent": (terms(pack({"kind": "consent", "kinds": ["call"]})), facts()),
    "destinations": (terms(pack({"kind": "destinations", "countries": ["US"]})), facts()),
    "do_not_call_list": (terms(pack({"kind": "do_not_call_list", "list": "unheard-of", "max_age_days": 31})), facts()),
    "caller_id": (terms(pack({"kind": "caller_id"}), has_caller_id=False), facts()),
    "min_ring": (terms(pack({"kind": "min_ring", "seconds": 30})), facts()),
    "max_ring": (terms(pack({"kind": "max_ring", "seconds": 20})), facts()),
    "abandoned_message": (terms(pack({"kind": "abandoned_message"}), has_message=False), facts()),
}


@pytest.mark.parametrize("rule", ALONE)
def test_each_rule_refuses_where_it_alone_is_broken(rule: str) -> None:
    asked, known = ALONE[rule]
    assert not isinstance(may_call(known, terms=asked, now=NOW), Allowed)


def test_where_nothing_is_broken_the_call_is_allowed_and_says_by_which_rules() -> None:
    verdict = may_call(facts(), terms=terms(pack(CAP), shipped("United Kingdom"), shipped("US federal")), now=NOW)
    assert isinstance(verdict, Allowed)
    assert verdict.evidence["rules"] == ["Ours v1", "United Kingdom v1"]
    assert verdict.evidence["local"] == ["Tue 12:00 +0000"]


def test_a_fact_of_the_campaign_comes_before_a_fact_of_the_lead_and_that_before_a_wait() -> None:
    everything = facts(listed=True, person_busy=True)
    assert isinstance(may_call(everything, terms=terms(state=CampaignState.PAUSED), now=NOW), Held)
    assert isinstance(may_call(everything, terms=terms(), now=NOW), Refused)


def test_every_reason_is_told_and_the_wait_is_until_all_allow_it() -> None:
    held = pack(HOLD, {"kind": "calling_window", "week": NINE_TO_FIVE})
    friday_night = datetime(2026, 3, 13, 23, 0, tzinfo=UTC)
    # the hold ends on Saturday at noon, when the window is closed until Monday
    verdict = may_call(facts(marks={rule_from(HOLD): friday_night - 59 * HOUR}), terms=terms(held), now=friday_night)
    assert isinstance(verdict, NotBefore)
    assert verdict.at == datetime(2026, 3, 16, 9, 0, tzinfo=UTC)
    assert len(verdict.why) == 2


def test_ringing_ends_before_the_window_does() -> None:
    asked, at = terms(hours=hours_from(NINE_TO_FIVE)), datetime(2026, 3, 10, 16, 59, 35, tzinfo=UTC)
    assert isinstance(may_call(facts(), terms=asked, now=at - timedelta(seconds=1)), Allowed)
    assert isinstance(may_call(facts(), terms=asked, now=at), NotBefore)


def test_a_permit_does_not_outlive_its_window() -> None:
    verdict = may_call(facts(), terms=terms(hours=hours_from(NINE_TO_FIVE)), now=datetime(2026, 3, 10, 16, 59, 33, tzinfo=UTC))
    assert isinstance(verdict, Allowed)
    assert verdict.valid_until == datetime(2026, 3, 10, 16, 59, 35, tzinfo=UTC)


def test_ringing_ends_before_the_campaign_does() -> None:
    asked = terms(ends_at=NOW + timedelta(seconds=27))
    verdict = may_call(facts(), terms=asked, now=NOW)
    assert isinstance(verdict, Allowed)
    assert verdict.valid_until == NOW + timedelta(seconds=2)
    assert may_call(facts(), terms=asked, now=verdict.valid_until) == Held(
        ("The end time, 2026-03-10 12:00 UTC, would come while a phone still rings.",)
    )


def test_after_a_closing_of_weeks_a_number_is_called_again_and_not_refused_for_good() -> None:
    summer = frozenset(NOW.date() + timedelta(days=days) for days in range(40))
    closed = terms(pack({"kind": "blocked_days", "calendar": "x"}, calendars={"x": summer}), hours=hours_from(NINE_TO_FIVE))
    verdict = may_call(facts(), terms=closed, now=NOW)
    assert isinstance(verdict, NotBefore)
    assert verdict.at == datetime(2026, 4, 20, 8, 0, tzinfo=UTC), "a Monday, nine in the morning in London"


def test_zones_whose_hours_meet_only_in_winter_wait_for_it() -> None:
    # when it is eight in the evening in St John's it is nine in the morning in Guam, but for the months of summer time
    far_apart = facts("+18005550123", "America/St_Johns", "Pacific/Guam")
    verdict = may_call(far_apart, terms=terms(hours=hours_from({day: [["09:00", "20:00"]] for day in DAYS})), now=NOW)
    assert isinstance(verdict, NotBefore)
    assert verdict.at.date() == date(2026, 11, 1)


def test_hours_that_leave_no_time_are_corrected_and_move_no_lead_out_for_good() -> None:
    sundays: dict[str, Any] = {"kind": "calling_window", "week": {"sun": [["09:00", "17:00"]]}}
    workdays = hours_from(NINE_TO_FIVE)
    assert isinstance(may_call(facts(), terms=terms(pack(sundays), hours=workdays), now=NOW), Held), "whoever is called: a fact of the campaign"
    assert isinstance(may_call(facts(), terms=terms(hours=hours_from({})), now=NOW), Held)
    too_short = hours_from({day: [["09:00:00", "09:00:20"]] for day in DAYS})
    assert isinstance(may_call(facts(), terms=terms(hours=too_short), now=NOW), Held), "no phone rings so briefly"
    here = may_call(facts(), terms=terms(pack(sundays, jurisdiction="GB"), hours=workdays), now=NOW)
    assert isinstance(here, NotBefore), "where this one is: asked again, since rules may be corrected"
    assert here.at == NOW + DAY
    elsewhere = facts("+34600000001", "Europe/Madrid")
    assert isinstance(may_call(elsewhere, terms=terms(pack(sundays, jurisdiction="GB"), hours=workdays), now=NOW), Allowed)


def test_of_a_number_of_which_no_zone_is_known_no_hour_is_known() -> None:
    nowhere = replace(facts("+80012345678"), zones=())
    verdict = may_call(nowhere, terms=terms(hours=hours_from(NINE_TO_FIVE)), now=NOW)
    assert isinstance(verdict, Refused)
    assert verdict.reason in gate.OF_THE_NUMBER, "another number of the same person may do"
    assert isinstance(may_call(nowhere, terms=terms(), now=NOW), Allowed), "where no rule asks for the time, nobody needs it"
    assert group_opens((), terms=terms(hours=hours_from({"sun": [["09:00", "17:00"]]})), at=NOW) == NOW, "else it would never be asked about"


def test_where_nothing_tells_more_a_number_may_be_anywhere_in_its_country() -> None:
    assert zones_of_country("+34600000001") == ("Atlantic/Canary", "Europe/Madrid")
    assert {"Pacific/Honolulu", "America/New_York", "Pacific/Guam"} <= set(zones_of_country("+12125550123"))
    assert {"Australia/Perth", "Australia/Lord_Howe"} <= set(zones_of_country("+61412345678"))
    assert zones_of_country("+80012345678") == ()
    assert zones_of_country("") == ()


def test_hours_hold_in_every_zone_a_number_may_be_in() -> None:
    everywhere = facts("+18005550123", *("America/New_York", "Pacific/Honolulu"))
    asked = terms(shipped("US federal"))
    # eight o'clock in Honolulu is two in the afternoon in New York; nine in the evening in New York ends the day
    assert may_call(everywhere, terms=asked, now=NOW) == NotBefore(
        datetime(2026, 3, 10, 18, 0, tzinfo=UTC),
        may_call_reason(everywhere, asked),
        ("Outside calling hours in America/New_York, Pacific/Honolulu.",),
    )
    assert isinstance(may_call(everywhere, terms=asked, now=datetime(2026, 3, 11, 0, 59, tzinfo=UTC)), Allowed)
    assert isinstance(may_call(everywhere, terms=asked, now=datetime(2026, 3, 11, 1, 0, tzinfo=UTC)), NotBefore)


def may_call_reason(known: Facts, asked: Terms) -> Any:
    verdict = may_call(known, terms=asked, now=NOW)
    assert isinstance(verdict, NotBefore)
    return verdict.reason


# --- places ---------------------------------------------------------------------------------------------------------------------


def test_a_state_is_known_by_area_code_and_by_address_and_the_stricter_of_both_holds() -> None:
    night = datetime(2026, 3, 11, 0, 30, tzinfo=UTC)  # half past eight in the evening in New York and in Florida
    asked = terms(shipped("US federal"), shipped("Florida"))
    assert isinstance(may_call(facts("+12125550123", "America/New_York"), terms=asked, now=night), Allowed)
    assert isinstance(may_call(facts("+13055550123", "America/New_York"), terms=asked, now=night), NotBefore)
    moved = facts("+12125550123", "America/New_York", country="US", region="Florida")
    assert isinstance(may_call(moved, terms=asked, now=night), NotBefore)


def test_where_the_state_is_not_known_the_rules_of_all_states_hold() -> None:
    night = datetime(2026, 3, 11, 0, 30, tzinfo=UTC)
    tollfree = facts("+18005550123", "America/New_York")
    assert isinstance(may_call(tollfree, terms=terms(shipped("Florida")), now=night), NotBefore)


@pytest.mark.parametrize(
    ("number", "countries", "states"),
    [
        ("+13055550123", {"US"}, {"US-FL"}),
        ("+14165550123", {"CA"}, {"CA-ON"}),
        ("+19025550123", {"CA"}, {"CA-NS", "CA-PE"}),
        ("+17875550123", {"US"}, {"US-PR"}),
        ("+12425550123", {"BS"}, set()),
        ("+447700900123", {"GB", "GG", "IM", "JE"}, set()),
        ("+4930123456", {"DE"}, set()),
        ("+35312345678", {"IE"}, set()),
    ],
)
def test_the_first_digits_tell_where_a_number_lies(number: str, countries: set[str], states: set[str]) -> None:
    place = place_of(number)
    assert set(place.countries) == countries
    assert set(place.states) == states


@pytest.mark.parametrize(
    ("number", "country"),
    [
        ("+79161234567", "RU"),
        ("+77011234567", "KZ"),
        ("+358401234567", "FI"),
        ("+212612345678", "MA"),
        ("+447700900123", "GB"),
        ("+61412345678", "AU"),
        ("+18005550123", "US"),
        ("+18095550123", "DO"),
        ("+80012345678", ""),
    ],
)
def test_of_countries_that_share_a_code_the_main_one_is_the_destination(number: str, country: str) -> None:
    assert place_of(number).country == country
    allowed = terms(pack({"kind": "destinations", "countries": [country or "GB"]}))
    assert isinstance(may_call(facts(number), terms=allowed, now=NOW), Allowed if country else NotBefore)


def test_an_address_names_its_state_by_code_or_by_name() -> None:
    assert state_named("FL", "US") == state_named("florida", "us") == "US-FL"
    assert state_named("Ontario", "CA") == "CA-ON"
    assert state_named("Bavaria", "DE") == "DE-BY"
    assert state_named("Bretagne", "FR") == ""
    assert places("+34600000001", zones=("Europe/Madrid",), region="FL") == {"ES"}


def test_a_state_may_lie_in_two_zones() -> None:
    assert {"America/New_York", "America/Chicago"} <= set(zones_of_state("US-FL"))
    assert zones_of_state("US-AZ") == ("America/Phoenix",)


# --- properties -----------------------------------------------------------------------------------------------------------------

ZONES = (
    "America/New_York",
    "America/Phoenix",
    "America/St_Johns",
    "Europe/London",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Asia/Kathmandu",
)
instants = st.integers(0, 365 * 24 * 60).map(lambda minute: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minute))
zone_sets = st.lists(st.sampled_from(ZONES), min_size=1, max_size=3, unique=True).map(lambda zones: tuple(sorted(zones)))

# no edge in the hours at which clocks change: there an hour comes twice, and no law opens or closes then
spans = st.sets(st.integers(4 * 4, 24 * 4), min_size=2, max_size=2).map(lambda edges: [f"{e // 4:02d}:{e % 4 * 15:02d}" for e in sorted(edges)])
weeks = st.dictionaries(st.sampled_from(["mon", "tue", "wed", "thu", "fri", "sat", "sun"]), st.lists(spans, min_size=1, max_size=2), min_size=1)
windows = weeks.map(lambda week: {"kind": "calling_window", "week": week})
caps = st.builds(
    lambda scope, count, hours, counts: {"kind": "frequency_cap", "scope": scope, "count": count, "hours": hours, "counts": counts},
    st.sampled_from(list(Scope)),
    st.integers(1, 3),
    st.integers(1, 72),
    st.sampled_from([Counts.ATTEMPT, Counts.RING, Counts.CONVERSATION]),
)
holds = st.builds(
    lambda event, hours, scope: {"kind": "hold_after", "event": event, "hours": hours, "scope": scope},
    st.sampled_from([Counts.ABANDONED, Counts.CONVERSATION, Counts.MACHINE]),
    st.integers(1, 72),
    st.sampled_from(list(Scope)),
)
rules = st.lists(
    st.one_of(windows, caps, holds, st.just({"kind": "blocked_days", "calendar": "GB"}), st.just({"kind": "public_holidays"})), min_size=1, max_size=4
)


@st.composite
def situations(draw: st.DrawFn) -> tuple[list[dict[str, Any]], Facts, datetime]:
    """Rules, a person with calls made at some time before, and a moment."""
    given_rules, zones, now = draw(rules), draw(zone_sets), draw(instants)
    counters = terms(pack(*given_rules)).counters
    marks = {rule: now - timedelta(minutes=draw(st.integers(0, 80 * 60))) for rule in counters if draw(st.booleans())}
    return given_rules, facts("+447700900123", *zones, marks=marks), now


@pytest.mark.parametrize(
    ("until", "zones", "at", "allowed"),
    [
        (2026, ("Australia/Sydney",), datetime(2026, 12, 31, 12, 59, tzinfo=UTC), True),
        (2026, ("Australia/Sydney",), datetime(2026, 12, 31, 13, 0, tzinfo=UTC), False),
        (2026, ("Australia/Perth",), datetime(2026, 12, 31, 13, 0, tzinfo=UTC), True),
        (2026, ("Australia/Perth", "Australia/Sydney"), datetime(2026, 12, 31, 13, 0, tzinfo=UTC), False),
        (2026, ("Pacific/Honolulu",), datetime(2027, 1, 1, 9, 59, tzinfo=UTC), True),
        (2026, ("Pacific/Honolulu",), datetime(2027, 1, 1, 10, 0, tzinfo=UTC), False),
        (2027, ("Australia/Sydney",), datetime(2026, 12, 31, 13, 0, tzinfo=UTC), True),
    ],
)
def test_where_the_new_year_has_begun_a_calendar_must_know_its_days(until: int, zones: tuple[str, ...], at: datetime, allowed: bool) -> None:
    days = frozenset(date(year, 12, 25) for year in range(2025, until + 1))
    closed = pack({"kind": "blocked_days", "calendar": "AU"}, calendars={"AU": days})
    verdict = may_call(facts("+61291234567", *zones), terms=terms(closed), now=at)
    over = datetime(2027, 1, 1, 12, tzinfo=UTC)
    assert isinstance(verdict, Allowed) if allowed else isinstance(verdict, NotBefore) and verdict.at == over
    if until == 2026:  # it is that year everywhere, and all are held until somebody adds its days
        assert isinstance(may_call(facts("+61291234567", *zones), terms=terms(closed), now=over), Held)


@settings(max_examples=150, deadline=None)
@given(windows=st.lists(windows, min_size=1, max_size=3), zones=zone_sets, now=instants, ring=st.integers(5, 60))
def test_the_hours_are_those_of_the_second_implementation(windows: list[dict[str, Any]], zones: tuple[str, ...], now: datetime, ring: int) -> None:
    ring_for = timedelta(seconds=ring)
    verdict = may_call(facts("+447700900123", *zones), terms=terms(pack(*windows), ring_for=ring_for), now=now)
    assert isinstance(verdict, Allowed) == (not oracle.hours_broken(windows, zones, now, ring_for, {}))


@settings(max_examples=100, deadline=None)
@given(situation=situations(), more=rules)
def test_another_rule_never_allows_more(situation: tuple[list[dict[str, Any]], Facts, datetime], more: list[dict[str, Any]]) -> None:
    given_rules, known, now = situation
    if isinstance(may_call(known, terms=terms(pack(*given_rules), pack(*more, name="Own")), now=now), Allowed):
        assert isinstance(may_call(known, terms=terms(pack(*given_rules)), now=now), Allowed)


@settings(max_examples=100, deadline=None)
@given(situation=situations(), zone=st.sampled_from(ZONES))
def test_a_doubt_about_the_zone_never_allows_more(situation: tuple[list[dict[str, Any]], Facts, datetime], zone: str) -> None:
    given_rules, known, now = situation
    doubted = replace(known, zones=tuple(sorted({*known.zones, zone})))
    if isinstance(may_call(doubted, terms=terms(pack(*given_rules)), now=now), Allowed):
        assert isinstance(may_call(known, terms=terms(pack(*given_rules)), now=now), Allowed)


@settings(max_examples=100, deadline=None)
@given(situation=situations())
def test_the_instant_that_is_told_is_the_first_at_which_it_is_allowed(situation: tuple[list[dict[str, Any]], Facts, datetime]) -> None:
    given_rules, known, now = situation
    asked = terms(pack(*given_rules))
    match may_call(known, terms=asked, now=now):
        case NotBefore(reason=WaitReason.RULES):
            assert isinstance(earliest(known, terms=asked, at=now), Barred)
        case NotBefore(at):
            assert isinstance(may_call(known, terms=asked, now=at), Allowed)
            assert at > now
            step = (at - now) / 40
            for tried in range(1, 40):
                assert not isinstance(may_call(known, terms=asked, now=now + tried * step), Allowed)
            assert not isinstance(may_call(known, terms=asked, now=at - timedelta(seconds=1)), Allowed) or at - now < timedelta(seconds=1)
        case Allowed():
            assert earliest(known, terms=asked, at=now) == now


@settings(max_examples=100, deadline=None)
@given(zones=zone_sets, week=weeks, now=instants)
def test_a_group_of_zones_is_closed_only_where_all_its_people_are(zones: tuple[str, ...], week: dict[str, Any], now: datetime) -> None:
    asked = terms(pack({"kind": "calling_window", "week": week}, jurisdiction="US"), shipped("Strict default"), shipped("Florida"))
    if isinstance(may_call(facts("+12125550123", *zones), terms=asked, now=now), Allowed):
        assert group_opens(zones, terms=asked, at=now) == now


def test_every_minute_of_the_days_on_which_clocks_change_agrees_with_the_second_implementation() -> None:
    week = {day: [["08:00", "21:00"]] for day in oracle.DAY_NAMES}
    asked = terms(pack({"kind": "calling_window", "week": week}), ring_for=timedelta(seconds=25))
    changes = {"America/New_York": (3, 8), "Europe/London": (3, 29), "Australia/Lord_Howe": (4, 5), "America/Phoenix": (3, 8), "Pacific/Apia": (4, 5)}
    for zone, (month, day) in changes.items():
        begins = datetime(2026, month, day, tzinfo=ZoneInfo(zone)).astimezone(UTC)
        known = facts("+447700900123", zone)
        for minute in range(0, 25 * 60, 7):
            at = begins + timedelta(minutes=minute)
            broken = oracle.hours_broken([{"kind": "calling_window", "week": week}], (zone,), at, timedelta(seconds=25), {})
            assert isinstance(may_call(known, terms=asked, now=at), Allowed) != broken, (zone, at)


@pytest.mark.parametrize("rule", ALONE)
def test_taking_any_one_rule_out_of_the_gate_lets_its_case_through(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the case of each rule really is the one that would fail, as docs/compliance.md says."""
    asked, known = ALONE[rule]
    (broken,) = {each.rule for each in gate.gates(known, terms=asked, now=NOW) if each.stands is not gate.Stands.OPEN}
    everything = gate.gates
    monkeypatch.setattr(gate, "gates", lambda *args, **named: (each for each in everything(*args, **named) if each.rule != broken))
    assert isinstance(may_call(known, terms=asked, now=NOW), Allowed)


def test_the_table_of_rules_and_the_tests_that_fail_without_them_is_complete() -> None:
    table = (Path(__file__).parents[2] / "docs" / "compliance.md").read_text().split("## Rules, and the test")[1].split("## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("|")][2:]
    assert {name for row in rows for name in re.findall("`([^`]+)`", row.split("|")[3])} == set(ALONE)


# --- packs ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", PACKS, ids=[data["name"] for data in PACKS])
def test_every_shipped_pack_reads_and_names_the_source_of_each_rule(data: dict[str, Any]) -> None:
    assert isinstance(shipped(data["name"]), Pack)
    assert all(rule["source"] for rule in data["rules"])
    assert data["enabled"] != ("not verified" in data["name"])


@pytest.mark.parametrize(
    ("rule", "word"),
    [
        ({"kind": "patience"}, "patience"),
        ({"kind": "frequency_cap", "scope": "person", "count": 3}, "hours"),
        ({"kind": "frequency_cap", "scope": "galaxy", "count": 3, "hours": 24}, "galaxy"),
        ({"kind": "frequency_cap", "scope": "person", "count": 0, "hours": 24}, "count"),
        ({"kind": "frequency_cap", "scope": "person", "count": 3, "hours": 24, "days": 1}, "days"),
        ({"kind": "calling_window", "week": {"mon": [["20:00", "08:00"]]}}, "20:00"),
        ({"kind": "hold_after", "event": "abandoned", "hours": -1}, "hours"),
        ({"kind": "consent", "kinds": "call"}, "kinds"),
    ],
)
def test_a_rule_that_cannot_be_read_says_why(rule: dict[str, Any], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        rule_from(rule)


def test_a_pack_holds_from_its_first_day_until_its_last() -> None:
    law = replace(shipped("Florida"), effective_from=date(2026, 3, 1), effective_to=date(2026, 4, 1))
    assert [law.in_force(datetime(2026, month, day, 12, tzinfo=UTC)) for month, day in ((2, 26), (3, 1), (3, 31), (4, 3))] == [
        False,
        True,
        True,
        False,
    ]


def test_own_hours_wider_than_a_pack_s_are_found_by_their_days() -> None:
    pack_hours = hours_from(NINE_TO_FIVE)
    assert wider(hours_from({"mon": [["09:00", "12:00"], ["12:00", "17:00"]]}), pack_hours) == ()
    assert wider(hours_from({"mon": [["08:00", "12:00"]], "sun": [["10:00", "11:00"]]}), pack_hours) == ("mon", "sun")
    assert wider(ALWAYS, pack_hours) == ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def test_a_call_whose_fate_is_unknown_counts_as_whatever_it_may_have_been() -> None:
    assert all(Outcome.UNKNOWN in OUTCOMES[counts] for counts in (Counts.ATTEMPT, Counts.RING, Counts.CONVERSATION, Counts.ABANDONED))


# --- validation -----------------------------------------------------------------------------------------------------------------

UP, DOWN = Service(1, "Robinson"), Service(1, "Robinson", "The validation service Robinson is unavailable.")


def test_with_a_clear_verdict_the_call_is_allowed_and_the_permit_keeps_it() -> None:
    verdict = may_call(facts(answer=Answer.CLEAR), terms=terms(service=UP), now=NOW)
    assert isinstance(verdict, Allowed)
    assert verdict.evidence["validation"] == "Robinson: clear"


def test_a_service_that_is_down_holds_the_campaign_but_no_record_in_hand_whose_verdict_is_good() -> None:
    asked = terms(service=DOWN)
    assert campaign_holds(asked, now=NOW) == (DOWN.problem,)
    assert may_call(facts(answer=Answer.CLEAR), terms=asked, now=NOW) == Held((DOWN.problem,))
    assert isinstance(may_call(facts(answer=Answer.CLEAR, in_hand=True), terms=asked, now=NOW), Allowed)
    assert isinstance(may_call(facts(answer=Answer.LISTED, in_hand=True), terms=asked, now=NOW), Refused)
    assert may_call(facts(in_hand=True), terms=asked, now=NOW) == Held((DOWN.problem,))


def test_a_number_without_a_verdict_is_asked_about_at_once_and_looked_at_again_in_some_seconds() -> None:
    verdict = may_call(facts(), terms=terms(service=UP), now=NOW)
    assert isinstance(verdict, NotBefore)
    assert (verdict.reason, verdict.at) == ("validation", NOW + timedelta(seconds=5))
