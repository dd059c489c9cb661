"""National holidays by rule, to begin a calendar with; an administrator adds what a state or a proclamation adds.

Where a holiday that falls on a weekend is kept on another day too, both days are closed.
"""

from collections.abc import Iterator
from datetime import date, timedelta

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


def national_days(country: str, year: int) -> dict[date, str]:
    return dict(_BY_COUNTRY[country](year))
