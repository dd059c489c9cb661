"""May this number be called at this instant? The windows against a clock that looks at every minute, and every gate of its own."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from campaigns.facts import Phone, of_number
from campaigns.rules.lifecycle import CampaignState, FinalReason, WaitReason
from campaigns.rules.permit import (
    ALWAYS,
    Allowed,
    Barred,
    Facts,
    Held,
    Hours,
    NotBefore,
    Refused,
    Terms,
    earliest,
    hours_from,
    may_call,
    open_span,
)
from campaigns.rules.permit.kinds import Destinations, Pack
from campaigns.rules.phone_numbers import Dialable, read_number

MINUTE = timedelta(minutes=1)
# the night each clock changes, forward and back, and places whose clocks never do, or do it oddly
CHANGES = [
    ("Europe/Madrid", date(2026, 3, 29)),
    ("Europe/Madrid", date(2026, 10, 25)),
    ("America/New_York", date(2026, 3, 8)),
    ("America/New_York", date(2026, 11, 1)),
    ("America/Phoenix", date(2026, 3, 8)),
    ("Asia/Kolkata", date(2026, 3, 29)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),  # half an hour
    ("Australia/Lord_Howe", date(2026, 10, 4)),
    ("Pacific/Apia", date(2011, 12, 30)),  # a day that never was
    ("Pacific/Kiritimati", date(2026, 6, 1)),
    ("Africa/Casablanca", date(2026, 2, 15)),
]
NINE_TO_NINE = hours_from({day: [["09:00", "21:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")})
TERMS = Terms(
    state=CampaignState.RUNNING,
    starts_at=None,
    ends_at=None,
    hours=NINE_TO_NINE,
    ring_for=timedelta(seconds=25),
    max_attempts=6,
    caller_id_ok=True,
    version="v1",
)
FINE = Facts(zones=("Europe/Madrid",), attempts_made=0, number_active=True, listed=False, locked=True)
TEN = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)


def lawful(zones: tuple[str, ...], hours: Hours, at: datetime) -> bool:
    """What a person with a clock for each zone and the week's table would say."""
    for zone in zones:
        local = at.astimezone(ZoneInfo(zone))
        shown = local.time()
        if not any(start <= shown and (shown < end or end == time.max) for start, end in hours.on(local.date())):
            return False
    return True


def may_start(zones: tuple[str, ...], hours: Hours, at: datetime, ring_minutes: int) -> bool:
    """The ringing is over before the hours are."""
    return all(lawful(zones, hours, at + i * MINUTE) for i in range(ring_minutes + 1))


def clock_times() -> st.SearchStrategy[str]:
    return st.integers(0, 24 * 12).map(lambda i: f"{i // 12:02}:{i % 12 * 5:02}")


@st.composite
def weeks(draw: st.DrawFn) -> Hours:
    week = {}
    for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun"):
        spans = []
        for _ in range(draw(st.integers(0, 2))):
            start, end = sorted(draw(st.lists(clock_times(), min_size=2, max_size=2, unique=True)))
            spans.append([start, end])
        week[day] = spans
    return hours_from(week)


WHOLE_NIGHTS = hours_from({"sat": [["22:00", "24:00"]], "sun": [["00:00", "02:30"]], "fri": [["09:00", "12:00"]]})


@settings(max_examples=60, deadline=None)
@given(case=st.sampled_from(CHANGES), hours=weeks(), ring=st.integers(1, 3), other=st.sampled_from([None, "America/Phoenix", "Asia/Kolkata"]))
@example(case=CHANGES[0], hours=WHOLE_NIGHTS, ring=2, other=None)
@example(case=CHANGES[1], hours=WHOLE_NIGHTS, ring=2, other=None)
@example(case=CHANGES[7], hours=WHOLE_NIGHTS, ring=1, other=None)
@example(case=CHANGES[8], hours=WHOLE_NIGHTS, ring=1, other="Asia/Kolkata")
def test_a_call_may_start_in_exactly_the_minutes_a_wall_clock_allows(case: tuple[str, date], hours: Hours, ring: int, other: str | None) -> None:
    zone, night = case
    zones = (zone, other) if other else (zone,)
    first = datetime.combine(night, time(0), UTC) - timedelta(hours=20)
    minutes = [first + i * 5 * MINUTE for i in range(12 * 44)]
    # around the change of the clock every minute, elsewhere every fifth
    minutes += [first + timedelta(hours=20) + i * MINUTE for i in range(-120, 240)]
    for at in minutes:
        opens, closes = open_span(zones, hours=hours, at=at, ring_for=ring * MINUTE)
        assert (opens == at) is may_start(zones, hours, at, ring), f"{at} in {zones}"
        if opens == at and closes is not None:
            assert may_start(zones, hours, closes - MINUTE, ring)
            assert not may_start(zones, hours, closes, ring)


@settings(max_examples=40, deadline=None)
@given(case=st.sampled_from(CHANGES), hours=weeks(), minute=st.integers(0, 48 * 60), ring=st.integers(1, 3))
def test_the_next_opening_is_the_first_minute_that_is_allowed(case: tuple[str, date], hours: Hours, minute: int, ring: int) -> None:
    zone, night = case
    at = datetime.combine(night, time(0), UTC) - timedelta(days=1) + minute * MINUTE
    opens, _ = open_span((zone,), hours=hours, at=at, ring_for=ring * MINUTE)
    expected = next((at + i * MINUTE for i in range(9 * 24 * 60) if may_start((zone,), hours, at + i * MINUTE, ring)), None)
    assert opens == expected


@settings(max_examples=100, deadline=None)
@given(
    hours=weeks(),
    hour=st.integers(0, 7 * 24 * 4),
    added=st.sampled_from(["America/New_York", "Asia/Kolkata", "Pacific/Apia"]),
    taken=st.integers(0, 6),
)
def test_what_is_stricter_never_allows_more(hours: Hours, hour: int, added: str, taken: int) -> None:
    at = datetime(2026, 3, 27, tzinfo=UTC) + hour * 15 * MINUTE
    facts, terms = replace(FINE, zones=("Europe/Madrid",)), replace(TERMS, hours=hours)
    before = isinstance(may_call(facts, terms=terms, now=at), Allowed)
    fewer = Hours(tuple(() if i == taken else spans for i, spans in enumerate(hours.week)))
    local_day = at.astimezone(ZoneInfo("Europe/Madrid")).date()
    for stricter_facts, stricter_terms in (
        (replace(facts, zones=("Europe/Madrid", added)), terms),
        (facts, replace(terms, hours=fewer)),
        (facts, replace(terms, hours=replace(hours, closed_days=frozenset({local_day})))),
        (facts, replace(terms, ring_for=timedelta(seconds=90))),
        (replace(facts, attempts_made=5), terms),
        (facts, replace(terms, max_attempts=1)),
    ):
        if isinstance(may_call(stricter_facts, terms=stricter_terms, now=at), Allowed):
            assert before


def test_what_is_allowed_stays_allowed_until_its_permit_ends() -> None:
    verdict = may_call(FINE, terms=TERMS, now=TEN)
    assert isinstance(verdict, Allowed)
    assert TEN < verdict.valid_until <= TEN + timedelta(seconds=5)
    late = datetime(2026, 3, 10, 19, 59, 33, tzinfo=UTC)  # 20:59:33 in Madrid, and the ringing must end by nine
    verdict = may_call(FINE, terms=TERMS, now=late)
    assert isinstance(verdict, Allowed)
    assert verdict.valid_until == datetime(2026, 3, 10, 19, 59, 35, tzinfo=UTC)
    verdict = may_call(FINE, terms=TERMS, now=late + timedelta(seconds=2))
    assert verdict == NotBefore(datetime(2026, 3, 11, 8, 0, tzinfo=UTC), WaitReason.HOURS, ("Outside calling hours in Europe/Madrid.",))


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"listed": True}, FinalReason.DO_NOT_CALL),
        ({"excluded": True}, FinalReason.EXCLUDED),
        ({"number_active": False}, FinalReason.NO_VALID_NUMBER),
        ({"attempts_made": 6}, FinalReason.NO_MORE_ATTEMPTS),
    ],
)
def test_each_fact_of_the_lead_refuses_by_itself(facts: dict[str, object], reason: FinalReason) -> None:
    verdict = may_call(replace(FINE, **facts), terms=TERMS, now=TEN)  # type: ignore[arg-type]  # the table's words are fields
    assert isinstance(verdict, Refused)
    assert verdict.reason is reason


@pytest.mark.parametrize(
    "facts",
    [{"locked": False}, {"person_busy": True}, {"number_busy": True}, {"suppressed_until": TEN + timedelta(days=1)}],
    ids=lambda f: next(iter(f)),
)
def test_each_passing_fact_makes_the_lead_wait(facts: dict[str, object]) -> None:
    verdict = may_call(replace(FINE, **facts), terms=TERMS, now=TEN)  # type: ignore[arg-type]  # the table's words are fields
    assert isinstance(verdict, NotBefore)
    assert verdict.at > TEN
    assert verdict.reason is WaitReason.HOLD


@pytest.mark.parametrize(
    "terms",
    [
        {"state": CampaignState.PAUSED},
        {"state": CampaignState.STOPPED},
        {"starts_at": TEN + MINUTE},
        {"ends_at": TEN},
        {"caller_id_ok": False},
    ],
    ids=str,
)
def test_a_fact_of_the_campaign_moves_no_lead(terms: dict[str, object]) -> None:
    verdict = may_call(replace(FINE, listed=True), terms=replace(TERMS, **terms), now=TEN)  # type: ignore[arg-type]  # the table's words are fields
    assert isinstance(verdict, Held)


def test_all_reasons_are_told_at_once() -> None:
    verdict = may_call(replace(FINE, listed=True, excluded=True, attempts_made=9), terms=TERMS, now=TEN)
    assert isinstance(verdict, Refused)
    assert len(verdict.why) == 3


@pytest.mark.parametrize("facts", [{"zones": ("Europe/Madrid", "Pacific/Auckland")}, {"country": "ES"}], ids=lambda f: next(iter(f)))
def test_where_the_rules_leave_a_number_no_time_it_waits_for_them_to_be_corrected(facts: dict[str, object]) -> None:
    terms = replace(TERMS, hours=hours_from({"mon": [["09:00", "11:00"]]}), packs=(Pack("Near", 1, "*", (Destinations(("PT",)),)),))
    known = replace(FINE, **{"country": "PT", **facts})  # type: ignore[arg-type]  # the table's words are fields
    verdict = may_call(known, terms=terms, now=TEN)
    assert isinstance(verdict, NotBefore)
    assert (verdict.reason, verdict.at, verdict.is_known) == (WaitReason.RULES, TEN + timedelta(days=1), False)
    assert isinstance(earliest(known, terms=terms, at=TEN), Barred)


def test_without_hours_any_time_is_fine() -> None:
    assert open_span(("Europe/Madrid",), hours=ALWAYS, at=TEN, ring_for=MINUTE) == (TEN, None)


@pytest.mark.parametrize(
    "week", [{"monday": []}, {"mon": [["09:00"]]}, {"mon": [["10:00", "09:00"]]}, {"mon": [["9am", "10:00"]]}], ids=["day", "pair", "order", "time"]
)
def test_a_week_that_makes_no_sense_says_what_is_wrong(week: dict[str, list[list[str]]]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        hours_from(week)


@pytest.mark.parametrize(
    ("number", "kind", "needs_consent"),
    [
        ("+447911123456", "mobile", True),
        ("+447911123456", "home", True),
        ("+34600123123", "work", True),
        ("+12125550123", "home", True),  # may be either
        ("+442079460000", "home", False),
        ("+442079460000", "other", False),
        ("+442079460000", "mobile", True),
    ],
)
def test_what_somebody_called_a_number_makes_no_landline_of_a_mobile(number: str, kind: str, needs_consent: bool) -> None:
    read = read_number(number, country="")
    assert isinstance(read, Dialable)
    assert of_number(Phone(1, number, kind, ("Europe/London",), True, landline=read.landline)).mobile == needs_consent
