"""Public holidays of a place: a country (DE) or a region of one by ISO 3166-2 (DE-BY). Calendars begin with them, and an administrator adds what a
proclamation adds.

The national days of six countries are told by rule here: where a holiday that falls on a weekend is kept on another day too, both days are closed
in the whole country. All others, and those of every region, are told by the library `holidays`; of a region they hold the country's as well.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from functools import lru_cache
from types import ModuleType

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

from campaigns.rules import regions
from campaigns.rules.countries import country_code

PLACE = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?")
DAY = timedelta(days=1)


def easter(year: int) -> date:
    """Easter Sunday (the anonymous Gregorian algorithm)."""
    a, b, c = year % 19, year // 100, year % 100
    h = (19 * a + b - b // 4 - (b - (b + 8) // 25 + 1) // 3 + 15) % 30
    k = (32 + 2 * (b % 4) + 2 * (c // 4) - h - c % 4) % 7
    m = (a + 11 * h + 22 * k) // 451
    month, day = divmod(h + k - 7 * m + 114, 31)
    return date(year, month, day + 1)


def _nth(year: int, month: int, weekday: int, nth: int) -> date:
    """The nth Monday (0) … Sunday (6) of a month; -1 is the last."""
    if nth < 0:
        last = date(year + month // 12, month % 12 + 1, 1) - DAY
        return last - ((last.weekday() - weekday) % 7) * DAY
    first = date(year, month, 1)
    return first + ((weekday - first.weekday()) % 7 + 7 * (nth - 1)) * DAY


def _kept(day: date, *, saturday: int, sunday: int) -> Iterator[date]:
    """A fixed day, and the one on which it is kept when it falls on a weekend: so many days later."""
    yield day
    if shift := {5: saturday, 6: sunday}.get(day.weekday()):
        yield day + shift * DAY


def _us(year: int) -> Iterator[tuple[date, str]]:
    for month, day, name in (
        (1, 1, "New Year's Day"),
        (6, 19, "Juneteenth"),
        (7, 4, "Independence Day"),
        (11, 11, "Veterans Day"),
        (12, 25, "Christmas"),
    ):
        yield from ((kept, name) for kept in _kept(date(year, month, day), saturday=-1, sunday=1))
    yield _nth(year, 1, 0, 3), "Martin Luther King Jr. Day"
    yield _nth(year, 2, 0, 3), "Washington's Birthday"
    yield _nth(year, 5, 0, -1), "Memorial Day"
    yield _nth(year, 9, 0, 1), "Labor Day"
    yield _nth(year, 10, 0, 2), "Columbus Day"
    yield _nth(year, 11, 3, 4), "Thanksgiving"


def _gb(year: int) -> Iterator[tuple[date, str]]:
    yield from ((kept, "New Year's Day") for kept in _kept(date(year, 1, 1), saturday=2, sunday=1))
    yield easter(year) - 2 * DAY, "Good Friday"
    yield easter(year) + DAY, "Easter Monday"
    yield _nth(year, 5, 0, 1), "Early May bank holiday"
    yield _nth(year, 5, 0, -1), "Spring bank holiday"
    yield _nth(year, 8, 0, -1), "Summer bank holiday"
    yield from ((kept, "Christmas Day") for kept in _kept(date(year, 12, 25), saturday=2, sunday=2))
    yield from ((kept, "Boxing Day") for kept in _kept(date(year, 12, 26), saturday=2, sunday=2))


def _de(year: int) -> Iterator[tuple[date, str]]:
    yield date(year, 1, 1), "Neujahr"
    yield easter(year) - 2 * DAY, "Karfreitag"
    yield easter(year) + DAY, "Ostermontag"
    yield date(year, 5, 1), "Tag der Arbeit"
    yield easter(year) + 39 * DAY, "Christi Himmelfahrt"
    yield easter(year) + 50 * DAY, "Pfingstmontag"
    yield date(year, 10, 3), "Tag der Deutschen Einheit"
    yield date(year, 12, 25), "1. Weihnachtstag"
    yield date(year, 12, 26), "2. Weihnachtstag"


def _fr(year: int) -> Iterator[tuple[date, str]]:
    for month, day, name in (
        (1, 1, "Jour de l'an"),
        (5, 1, "Fête du Travail"),
        (5, 8, "Victoire 1945"),
        (7, 14, "Fête nationale"),
        (8, 15, "Assomption"),
        (11, 1, "Toussaint"),
        (11, 11, "Armistice"),
        (12, 25, "Noël"),
    ):
        yield date(year, month, day), name
    yield easter(year) + DAY, "Lundi de Pâques"
    yield easter(year) + 39 * DAY, "Ascension"
    yield easter(year) + 50 * DAY, "Lundi de Pentecôte"


def _ca(year: int) -> Iterator[tuple[date, str]]:
    for month, day, name in ((1, 1, "New Year's Day"), (7, 1, "Canada Day"), (9, 30, "Truth and Reconciliation"), (11, 11, "Remembrance Day")):
        yield from ((kept, name) for kept in _kept(date(year, month, day), saturday=2, sunday=1))
    yield easter(year) - 2 * DAY, "Good Friday"
    yield easter(year) + DAY, "Easter Monday"
    yield _nth(year, 5, 0, -1) - (7 * DAY if _nth(year, 5, 0, -1).day > 24 else 0 * DAY), "Victoria Day"
    yield _nth(year, 9, 0, 1), "Labour Day"
    yield _nth(year, 10, 0, 2), "Thanksgiving"
    yield from ((kept, "Christmas Day") for kept in _kept(date(year, 12, 25), saturday=2, sunday=2))
    yield from ((kept, "Boxing Day") for kept in _kept(date(year, 12, 26), saturday=2, sunday=2))


def _au(year: int) -> Iterator[tuple[date, str]]:
    yield from ((kept, "New Year's Day") for kept in _kept(date(year, 1, 1), saturday=2, sunday=1))
    yield from ((kept, "Australia Day") for kept in _kept(date(year, 1, 26), saturday=2, sunday=1))
    yield easter(year) - 2 * DAY, "Good Friday"
    yield easter(year) + DAY, "Easter Monday"
    yield from ((kept, "Anzac Day") for kept in _kept(date(year, 4, 25), saturday=2, sunday=1))
    yield from ((kept, "Christmas Day") for kept in _kept(date(year, 12, 25), saturday=2, sunday=2))
    yield from ((kept, "Boxing Day") for kept in _kept(date(year, 12, 26), saturday=2, sunday=2))


_BY_COUNTRY = {"AU": _au, "CA": _ca, "DE": _de, "FR": _fr, "GB": _gb, "US": _us}
COUNTRIES = tuple(_BY_COUNTRY)
# whose regions' days the library knows as those of their chief towns, except for these
_OF_TOWNS = {"IT": ("BZ",), "PT": ("20", "30")}
# in Germany a day may be kept in the Catholic communes of a state alone, and who lives in which nobody knows
_ALSO = {"DE": ("public", "catholic")}
# the day before somewhere may be of last year, and hours are looked for a year ahead
YEARS_ABOUT = range(-1, 3)


def _library() -> ModuleType:
    """Read when it is first asked: it takes half a second, which most processes need not spend."""
    import holidays

    return holidays


def ready() -> None:
    """Whoever is about to ask for days under a lock reads the library before, which it does with the first country."""
    _known("GB")


@lru_cache(maxsize=512)
def _known(country: str) -> tuple[str, ...] | None:
    """The regions that have days of their own; None for a country of which nothing is known."""
    if country_code(country) != country:
        return None
    try:
        subdivisions = _library().country_holidays(country).subdivisions
    except NotImplementedError:
        return None
    codes = [f"{country}-{code}" for code in subdivisions if code in _OF_TOWNS.get(country, subdivisions)]
    return tuple(code for code in codes if PLACE.fullmatch(code))


def regions_of(country: str) -> tuple[str, ...]:
    """The regions of a country that have holidays of their own: DE-BY, …"""
    return _known(country) or ()


def has_days(place: str) -> bool:
    return place in regions_of(place[:2]) or (len(place) == 2 and _known(place) is not None)


@lru_cache(maxsize=4096)
def _days(place: str, year: int) -> tuple[tuple[date, str], ...]:
    country, _, region = place.partition("-")
    if not region and country in _BY_COUNTRY:
        found = {**dict(_BY_COUNTRY[country](year)), **dict(_BY_COUNTRY[country](year + 1))}  # New Year's Day may be kept on the eve
    elif has_days(place):
        library = _library()
        speaks = library.country_holidays(country).supported_languages
        language = "en_US" if "en_US" in speaks else None
        found = dict(
            library.country_holidays(country, subdiv=region or None, years=year, language=language, categories=_ALSO.get(country, ("public",)))
        )
    else:
        found = {}
    return tuple((day, name) for day, name in sorted(found.items()) if day.year == year)


def days_of(place: str, year: int) -> dict[date, str]:
    """The public holidays of a country or a region in one year and their names; empty for a place that is not known."""
    return dict(_days(place, year))


def within(country: str) -> tuple[str, ...]:
    """The country, and its regions where it can be told in which somebody is: of others nobody ever could, and the days of all their regions
    together would leave few."""
    return (country, *(regions_of(country) if country in _READ else ()))


_READ = regions.COUNTRIES | {"US", "CA"}
# Territories that share their telephone code with a larger country: Jersey, the Vatican, Christmas Island. Any number of that country might be
# theirs, and nobody would be called there on a holiday of any of them; the digits of +1 and +7 tell which country it is.
_TERRITORIES = {territory: country for code, (country, *others) in COUNTRY_CODE_TO_REGION_CODE.items() if code not in (1, 7) for territory in others}
Kept = tuple[tuple[str, frozenset[date]], ...]


@lru_cache(maxsize=2048)
def closed_in(places: frozenset[str], kept: Kept, year: int) -> frozenset[date]:
    """Every public holiday, from the year before `year` to the second after it, of those who may be in any of these places: of each country, and
    of each region of it that is among them; of all its regions where none is. A territory beside its larger country has that country's alone.

    `kept`: of places that have a calendar of their own its days, which count instead, for each year of which it has any.
    """
    return _of(counted(places), kept, year)


def counted(places: Iterable[str]) -> frozenset[str]:
    """The countries and regions whose holidays are those of somebody who may be in these places."""
    countries = {place[:2] for place in places}
    countries -= {country for country in countries if _TERRITORIES.get(country) in countries}
    told = {place for place in places if place[:2] in countries}
    unknown = {country for country in countries if not any(place.startswith(f"{country}-") for place in told)}
    return frozenset(told | countries | {place for country in unknown for place in within(country)})


@lru_cache(maxsize=512)
def surely_closed_in(countries: frozenset[str], kept: Kept, year: int) -> frozenset[date]:
    """The same of whoever may be in one of these countries and in who knows what places besides: days that are theirs whatever those are."""
    return _of(countries - _TERRITORIES.keys(), kept, year)


def _of(places: frozenset[str], kept: Kept, year: int) -> frozenset[date]:
    calendars = dict(kept)
    found: set[date] = set()
    for place in places:
        theirs = calendars.get(place, frozenset())
        for each in (year + about for about in YEARS_ABOUT):
            found |= {day for day in theirs if day.year == each} or days_of(place, each).keys()
    return frozenset(found)
