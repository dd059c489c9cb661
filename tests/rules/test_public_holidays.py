"""Holidays of a country and of its regions: whoever is known to be in a region has its days, whoever is not has those of all.

Golden vectors are written down by hand from what the countries and regions have proclaimed for 2026 and 2027.
"""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.rules import holidays, oracle
from campaigns.rules.holidays import days_of, has_days, regions_of
from campaigns.rules.permit.gate import Allowed, Facts, NotBefore, earliest, group_opens, may_call
from campaigns.rules.permit.in_words import in_words
from campaigns.rules.permit.kinds import Pack, rule_from
from campaigns.rules.places import candidate_zones, zones_of_country
from tests.rules.permits import facts, pack, shipped, terms

NUMBERS = {
    "AT": ("+43123456789", "Europe/Vienna"),
    "AU": ("+61412345678", "Australia/Sydney"),
    "BR": ("+551123456789", "America/Sao_Paulo"),
    "CA": ("+18005550199", "America/Toronto"),
    "CH": ("+41442345678", "Europe/Zurich"),
    "DE": ("+4915112345678", "Europe/Berlin"),
    "ES": ("+34600000001", "Europe/Madrid"),
    "GB": ("+447700900123", "Europe/London"),
    "IT": ("+393123456789", "Europe/Rome"),
    "NZ": ("+64211234567", "Pacific/Auckland"),
    "PT": ("+351912345678", "Europe/Lisbon"),
    "US": ("+12145550123", "America/Chicago"),
}
# region: days on which nobody there is called, and after the bar days on which they are, some of them holidays of a neighbour
DAYS = """
AU-ACT: 2026-03-09 2026-06-01 2026-06-08 2026-10-05 | 2026-11-03 2026-05-04
AU-NSW: 2026-06-08 2026-10-05 2026-01-26 2026-04-03 | 2026-03-09 2026-11-03 2026-06-01
AU-NT: 2026-05-04 2026-08-03 2026-06-08 | 2026-03-09 2026-10-05
AU-QLD: 2026-05-04 2026-10-05 | 2026-03-09 2026-06-08
AU-SA: 2026-03-09 2026-06-08 2026-10-05 | 2026-05-04 2026-11-03
AU-TAS: 2026-03-09 2026-06-08 | 2026-11-03 2026-10-05
AU-VIC: 2026-03-09 2026-06-08 2026-11-03 2026-12-25 | 2026-10-05 2026-06-01 2026-05-04
AU-WA: 2026-03-02 2026-06-01 2026-09-28 | 2026-03-09 2026-06-08
BR-RJ: 2026-04-23 2026-04-21 | 2026-07-09
BR-SP: 2026-07-09 2026-04-21 | 2026-04-23
CA-ON: 2026-02-16 2026-05-18 2026-10-12 | 2026-06-24
CA-QC: 2026-06-24 2026-05-18 2026-07-01 | 2026-02-16
DE-BB: 2026-10-31 | 2026-01-06 2026-06-04
DE-BE: 2026-03-08 2026-05-14 | 2026-01-06 2026-10-31
DE-BW: 2026-01-06 2026-06-04 2026-11-01 | 2026-10-31 2026-03-08
DE-BY: 2026-01-06 2026-06-04 2026-08-15 2026-11-01 2026-10-03 2027-01-06 2027-05-27 | 2026-06-05 2026-10-31 2026-03-08 2026-11-18
DE-HH: 2026-10-31 2026-12-26 | 2026-06-04 2026-11-01
DE-NW: 2026-06-04 2026-11-01 | 2026-01-06 2026-08-15
DE-SL: 2026-08-15 2026-06-04 | 2026-01-06
DE-SN: 2026-10-31 2026-11-18 | 2026-01-06
DE-TH: 2026-09-20 2026-10-31 | 2026-03-08
ES-AN: 2026-04-02 | 2026-05-02 2026-09-11
ES-CN: 2026-05-30 | 2026-09-11
ES-CT: 2026-04-06 2026-06-24 2026-09-11 2026-12-26 | 2026-05-02 2026-04-02
ES-MD: 2026-05-02 2026-10-12 | 2026-04-06 2026-09-11
GB-ENG: 2026-04-06 2026-08-31 2026-12-28 | 2026-01-02 2026-03-17 2026-08-03 2026-11-30
GB-NIR: 2026-03-17 2026-07-13 2026-08-31 | 2026-01-02 2026-11-30
GB-SCT: 2026-01-02 2026-08-03 2026-11-30 2026-05-04 | 2026-03-17 2026-04-06 2026-08-31
GB-WLS: 2026-04-06 2026-08-31 | 2026-01-02 2026-03-01
NZ-AUK: 2026-01-26 2026-02-06 | 2026-01-19
NZ-WGN: 2026-01-19 2026-02-06 | 2026-01-26
PT-20: 2026-05-25 2026-06-10 | 2026-07-01
PT-30: 2026-07-01 2026-12-26 | 2026-05-25
US-TX: 2026-03-02 2026-07-04 | 2026-02-17
"""
VECTORS = [
    (line[: line.index(":")], day, closed)
    for line in DAYS.strip().split("\n")
    for part, closed in zip(line[line.index(":") + 1 :].split("|"), (True, False), strict=True)
    for day in part.split()
]


def noon(day: str, zone: str) -> datetime:
    return datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def living_in(place: str) -> Facts:
    """Somebody with a mobile, or a number that tells nothing, and an address in that region."""
    country, _, region = place.partition("-")
    number, zone = NUMBERS[country]
    return facts(number, zone, country=country, region=region)


def of_region(place: str) -> Pack:
    days = frozenset(day for year in (2026, 2027) for day in days_of(place, year))
    return pack({"kind": "blocked_days", "calendar": place}, jurisdiction=place, calendars={place: days})


@pytest.mark.parametrize(("place", "day", "closed"), VECTORS)
def test_nobody_is_called_on_a_holiday_of_their_region(place: str, day: str, closed: bool) -> None:
    now = noon(day, NUMBERS[place[:2]][1])
    verdict = may_call(living_in(place), terms=terms(of_region(place)), now=now)
    assert isinstance(verdict, NotBefore if closed else Allowed), verdict
    if not closed:
        # the region's calendar has nothing that day, and what a country keeps over all of it is another pack's
        assert date.fromisoformat(day) not in days_of(place, int(day[:4]))


@pytest.mark.parametrize(
    ("number", "region", "applies"),
    [
        ("+4915112345678", "Bayern", True),
        ("+4915112345678", "Hessen", False),
        ("+4915112345678", "", True),  # it may be Bavaria
        ("+4915112345678", "Irgendwo", True),
        ("+34600000001", "Madrid", False),
    ],
)
def test_the_pack_of_a_region_is_asked_where_somebody_is_in_it_or_may_be(number: str, region: str, applies: bool) -> None:
    bavaria = of_region("DE-BY")
    known = facts(number, "Europe/Berlin" if number.startswith("+49") else "Europe/Madrid", region=region)
    verdict = may_call(known, terms=terms(bavaria), now=noon("2026-06-04", "Europe/Berlin"))
    assert isinstance(verdict, NotBefore) == applies == bavaria.applies(known.places)


def test_hours_and_caps_of_a_region_hold_there_alone() -> None:
    early = pack({"kind": "calling_window", "week": {"tue": [["09:00", "11:00"]]}}, jurisdiction="GB-SCT")
    now = noon("2026-03-10", "Europe/London")
    assert isinstance(may_call(living_in("GB-SCT"), terms=terms(early), now=now), NotBefore)
    assert isinstance(may_call(living_in("GB-WLS"), terms=terms(early), now=now), Allowed)
    assert isinstance(may_call(facts(), terms=terms(early), now=now), NotBefore)


WHEREVER = {"kind": "public_holidays"}
# where somebody is, day, whether the country's or the region's holidays close it
ANYWHERE = """
DE-BY 2026-06-04 closed
DE-BY 2026-05-01 closed
DE-BY 2026-10-31 open
DE-BY 2026-06-05 open
DE 2026-06-04 closed
DE 2026-10-31 closed
DE 2026-03-10 open
GB-SCT 2026-11-30 closed
GB-SCT 2026-12-01 open
GB-ENG 2026-11-30 open
GB-ENG 2026-08-31 closed
GB 2026-11-30 closed
AU-VIC 2026-11-03 closed
AU-NSW 2026-11-03 open
AU 2026-11-03 closed
US-TX 2026-11-26 closed
US-TX 2026-04-21 closed
IT 2026-06-02 closed
IT 2026-06-24 open
IT 2026-06-03 open
PT-11 2026-06-10 closed
PT-30 2026-07-01 closed
PT-11 2026-07-01 open
NZ-CAN 2026-02-06 closed
"""


@pytest.mark.parametrize(("where", "day", "expected"), [line.split() for line in ANYWHERE.strip().split("\n")])
@pytest.mark.parametrize("name", ["Strict default", "Public holidays wherever they are"])
def test_the_strict_default_keeps_the_public_holidays_of_wherever_somebody_may_be(name: str, where: str, day: str, expected: str) -> None:
    now = noon(day, NUMBERS[where[:2]][1])
    verdict = may_call(living_in(where), terms=terms(shipped(name)), now=now)
    if now.astimezone(ZoneInfo(NUMBERS[where[:2]][1])).weekday() == 6 and name == "Strict default":
        expected = "closed"
    assert isinstance(verdict, Allowed if expected == "open" else NotBefore), verdict


def test_at_the_turn_of_the_year_the_holidays_of_the_next_are_known() -> None:
    asked = terms(pack(WHEREVER))
    eve = datetime(2026, 12, 31, 12, 0, tzinfo=UTC)
    assert isinstance(may_call(living_in("GB-SCT"), terms=asked, now=eve), Allowed)
    opens = earliest(living_in("GB-SCT"), terms=asked, at=eve + timedelta(hours=12))
    # New Year's Day, 2 January kept on Monday as well since it is a Saturday
    assert opens == datetime(2027, 1, 3, tzinfo=UTC)
    assert isinstance(may_call(living_in("US-TX"), terms=asked, now=datetime(2028, 1, 1, 3, tzinfo=UTC)), NotBefore), "still the eve, which is kept"


def test_the_calendar_an_administrator_keeps_for_a_place_counts_instead_for_the_years_it_has() -> None:
    kept = {"DE-BY": frozenset({date(2026, 7, 1)}), "Ours": frozenset({date(2026, 7, 2)}), "DE": frozenset({date(2026, 5, 1)})}
    asked = terms(pack(WHEREVER, calendars=kept))

    def open_on(day: str) -> bool:
        return isinstance(may_call(living_in("DE-BY"), terms=asked, now=noon(day, "Europe/Berlin")), Allowed)

    assert not open_on("2026-07-01")
    assert open_on("2026-06-04"), "taken out of the calendar"
    assert open_on("2026-07-02"), "of no place"
    assert not open_on("2027-05-27"), "a year the calendar does not have"
    assert isinstance(may_call(living_in("DE-NW"), terms=asked, now=noon("2026-06-04", "Europe/Berlin")), NotBefore), "another region's stays"


def test_a_territory_that_shares_the_code_of_a_larger_country_closes_nothing_there() -> None:
    asked = terms(pack(WHEREVER))
    assert "JE" in facts().places
    for where, day, closed in (("GB-ENG", "2026-05-09", False), ("IT", "2026-03-19", False), ("IT", "2026-08-15", True)):
        verdict = may_call(living_in(where), terms=asked, now=noon(day, NUMBERS[where[:2]][1]))
        assert isinstance(verdict, NotBefore) == closed, f"{where} {day}"
    assert group_opens(("Europe/Jersey",), terms=asked, at=noon("2026-05-09", "Europe/Jersey")) == noon("2026-05-09", "Europe/Jersey")
    at_home = facts("+34600000001", "Europe/Madrid", "Europe/Jersey", country="JE")
    assert isinstance(may_call(at_home, terms=asked, now=noon("2026-05-09", "Europe/Jersey")), NotBefore)


def test_a_number_of_no_country_is_not_called_under_holidays() -> None:
    assert not isinstance(may_call(replace(facts("+80012345678"), zones=()), terms=terms(pack(WHEREVER)), now=noon("2026-03-10", "UTC")), Allowed)


def test_places_are_known_by_their_codes() -> None:
    assert has_days("DE")
    assert has_days("DE-BY")
    assert has_days("GB-SCT")
    for unknown in ("", "XX", "DE-XX", "DE-Augsburg", "PT-11", "MX-JAL", "Bavaria"):
        assert not has_days(unknown), unknown
    assert set(regions_of("GB")) == {"GB-ENG", "GB-NIR", "GB-SCT", "GB-WLS"}
    assert regions_of("XX") == ()
    assert days_of("XX", 2026) == {}
    assert date(2027, 12, 31) in days_of("US", 2027), "New Year's Day of a Saturday is kept on its eve"
    assert "public holidays" in in_words(rule_from(WHEREVER))


TERRITORIES = {"GG", "IM", "JE", "VA", "CC", "CX"}  # beside the United Kingdom, Italy and Australia
regions = st.sampled_from(["", *(place for country in NUMBERS for place in holidays.within(country) if place not in ("CA", "US"))])
instants = st.integers(0, 2 * 365 * 24).map(lambda hour: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=hour))


@settings(max_examples=30, deadline=None)
@given(where=regions, abroad=st.sampled_from(["", "ES", "DE"]), now=instants, kept=st.booleans())
def test_the_second_implementation_agrees_and_no_group_is_closed_while_the_gate_is_open(where: str, abroad: str, now: datetime, kept: bool) -> None:
    country, _, region = (where or "GB").partition("-")
    number, _ = NUMBERS[country]
    own = zones_of_country(number)
    zones = candidate_zones(number, own=own, country=abroad or country, region=region)
    known = facts(number, *zones, country=abroad or country, region=region)
    calendars = {"DE": frozenset({date(2026, 7, 1)}), "GB-SCT": frozenset({date(2027, 7, 1)})} if kept else {}
    asked = terms(pack(WHEREVER, calendars=calendars), of_region("DE-BY"), of_region("GB-SCT"))
    public = {
        place: {
            day
            for year in (2025, 2026, 2027, 2028)
            for day in ({day for day in calendars.get(place, ()) if day.year == year} or days_of(place, year))
        }
        for found in known.places - TERRITORIES
        for place in {found, *holidays.within(found[:2])}
    }
    allowed = isinstance(may_call(known, terms=terms(pack(WHEREVER, calendars=calendars)), now=now), Allowed)
    assert allowed == (not oracle.hours_broken([WHEREVER], zones, now, timedelta(seconds=25), {}, sorted(known.places), public))
    if isinstance(may_call(known, terms=asked, now=now), Allowed):
        assert group_opens(own, terms=asked, at=now) == now
        assert group_opens(zones, terms=asked, at=now) == now
