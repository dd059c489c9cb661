"""Every time zone a number may be in. A call must be lawful in all of them, so a doubt adds zones and never takes one away."""

import re
from collections.abc import Iterable
from functools import lru_cache
from zoneinfo import available_timezones

from phonenumbers import PhoneNumber, number_type
from phonenumbers.phonenumberutil import PhoneNumberType, is_number_type_geographical
from phonenumbers.timezone import UNKNOWN_TIMEZONE, time_zones_for_geographical_number
from phonenumbers.tzdata import TIMEZONE_DATA


def zones_of_number(number: PhoneNumber, *, kind: int | None = None) -> tuple[str, ...]:
    """Candidate zones of a number, sorted; empty for a number of no country. `kind` spares asking for it again."""
    kind = number_type(number) if kind is None else kind
    found: Iterable[str] = ()
    if number.country_code and kind != PhoneNumberType.UNKNOWN and is_number_type_geographical(kind, number.country_code):
        found = time_zones_for_geographical_number(number)
    found = [zone for zone in found if zone != UNKNOWN_TIMEZONE] or TIMEZONE_DATA.get(str(number.country_code), ())
    return tuple(sorted(set(found)))


# names in the database that are no zone: what a machine has before anybody sets it
_NOWHERE = ("Factory", "localtime")


@lru_cache(maxsize=1)
def _known() -> dict[str, str]:
    return {zone.casefold(): zone for zone in available_timezones() if zone not in _NOWHERE}


@lru_cache(maxsize=1)
def known_zones() -> frozenset[str]:
    return frozenset(_known().values())


@lru_cache(maxsize=1)
def zones_of_places() -> frozenset[str]:
    """Of the known ones those that somebody can be in: no clock of no place, as UTC and Etc/GMT+8 are."""
    return frozenset(zone for zone in known_zones() if "/" in zone and not zone.startswith("Etc/"))


@lru_cache(maxsize=1024)
def zone_named(text: str) -> str:
    """The zone a cell names, empty when it names none: America/New_York, (GMT-05:00) Eastern Time (America/New_York), us_slash_eastern,
    PST8PDT."""
    text = text.strip()
    if within := re.search(r"\(([A-Za-z_]+/[A-Za-z_/+-]+)\)\s*$", text):
        text = within[1]
    return _known().get(text.casefold().replace("_slash_", "/").replace(" ", "_"), "")
