"""The kinds of rules there are, as frozen values, and rule packs: a jurisdiction's rules, versioned. Data says which, this says what they mean.

Rules of a lead: CallingWindow, BlockedDays, PublicHolidays, FrequencyCap, HoldAfter, Consent, Destinations. Rules of the campaign or the world, which stop
dispatch where they are not met: DncSource, CallerId, MinRing, MaxRing, AbandonedMessage.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any

from campaigns.rules import holidays
from campaigns.rules.outcomes import Outcome
from campaigns.rules.permit.hours import ALWAYS, Hours, hours_from
from dialer_project.lib.sentence import say

EVERYWHERE = "*"


class Scope(StrEnum):
    NUMBER = "number"  # whoever's number it is, whatever the campaign
    PERSON = "person"  # all numbers of a person, all campaigns
    LEAD = "lead"  # a person within one campaign: one debt, one subject


class Counts(StrEnum):
    """Which calls a cap or a hold looks at. A call whose fate is unknown, or not yet known, counts as all of them but a machine."""

    ATTEMPT = "attempt"
    RING = "ring"
    CONVERSATION = "conversation"
    ABANDONED = "abandoned"
    MACHINE = "machine"


# in sentences
CALLS_COUNTED = {
    Counts.ATTEMPT: say("attempts"),
    Counts.RING: say("calls that rang"),
    Counts.CONVERSATION: say("conversations"),
    Counts.ABANDONED: say("abandoned calls"),
    Counts.MACHINE: say("calls to an answering machine"),
}
CALL_ENDED = {
    Counts.ATTEMPT: say("an attempt"),
    Counts.RING: say("a call that rang"),
    Counts.CONVERSATION: say("a conversation"),
    Counts.ABANDONED: say("an abandoned call"),
    Counts.MACHINE: say("a call to an answering machine"),
}
WHOM = {Scope.NUMBER: say("a number"), Scope.PERSON: say("a person"), Scope.LEAD: say("a person in one campaign")}

# a phone that cannot have rung: 12 CFR 1006.14(b)(3) leaves out calls that do not connect to the dialed number
_SILENT = frozenset(
    {
        Outcome.BUSY,
        Outcome.UNAVAILABLE,
        Outcome.INVALID_NUMBER,
        Outcome.UNALLOCATED,
        Outcome.CONGESTION,
        Outcome.TRUNK_NOT_RESPONDING,
        Outcome.CANCELLED,
        Outcome.FAILED,
    }
)
OUTCOMES: Mapping[Counts, frozenset[Outcome]] = {
    Counts.ATTEMPT: frozenset(Outcome),
    Counts.RING: frozenset(Outcome) - _SILENT,
    Counts.CONVERSATION: frozenset({Outcome.CONNECTED, Outcome.UNKNOWN}),
    Counts.ABANDONED: frozenset({Outcome.ABANDONED, Outcome.UNKNOWN}),
    Counts.MACHINE: frozenset({Outcome.MACHINE}),
}


@dataclass(frozen=True, slots=True)
class CallingWindow:
    hours: Hours


@dataclass(frozen=True, slots=True)
class BlockedDays:
    """No calls on the days of a calendar. None: there is no such calendar, or it does not reach into this year."""

    calendar: str
    days: frozenset[date] | None = None

    def hours(self) -> Hours:
        return Hours(ALWAYS.week, self.days or frozenset())


@dataclass(frozen=True, slots=True)
class PublicHolidays:
    """No calls on the public holidays of the country, and of the region, in which somebody may be. `kept`: the calendars an administrator keeps,
    by the place they are named after, which count instead of what is known of that place."""

    kept: holidays.Kept = ()

    def hours(self, places: frozenset[str], *, now: datetime, surely: bool = False) -> Hours:
        """`surely`: on the days that are theirs whatever other places they may be in."""
        closed = holidays.surely_closed_in if surely else holidays.closed_in
        return Hours(ALWAYS.week, closed(places, self.kept, now.year))


@dataclass(frozen=True, slots=True)
class FrequencyCap:
    """At most so many calls within a rolling window."""

    scope: Scope
    count: int
    within: timedelta
    counts: Counts = Counts.ATTEMPT


@dataclass(frozen=True, slots=True)
class HoldAfter:
    """Left alone for so long after the last call that ended so."""

    event: Counts
    hold: timedelta
    scope: Scope = Scope.PERSON


@dataclass(frozen=True, slots=True)
class Consent:
    """The person has agreed, in one of these kinds, and not taken it back."""

    kinds: tuple[str, ...]
    mobile_only: bool = False
    max_age: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Destinations:
    """The countries that may be called."""

    countries: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DncSource:
    """A do-not-call list by name that must have been loaded, and lately."""

    list: str
    max_age: timedelta


@dataclass(frozen=True, slots=True)
class CallerId:
    """A verified number is shown."""


@dataclass(frozen=True, slots=True)
class MinRing:
    """An unanswered call rings at least so long."""

    ring: timedelta


@dataclass(frozen=True, slots=True)
class MaxRing:
    """A call rings at most so long."""

    ring: timedelta


@dataclass(frozen=True, slots=True)
class AbandonedMessage:
    """Who answers and gets nobody hears a message."""


Rule = (
    CallingWindow
    | BlockedDays
    | PublicHolidays
    | FrequencyCap
    | HoldAfter
    | Consent
    | Destinations
    | DncSource
    | CallerId
    | MinRing
    | MaxRing
    | AbandonedMessage
)
# rules that close hours or days
Closing = CallingWindow | BlockedDays | PublicHolidays
# rules that look back at calls made
Counter = FrequencyCap | HoldAfter


@dataclass(frozen=True, slots=True)
class Pack:
    """A jurisdiction's rules as they stand in one version. `jurisdiction`: *, a country (US) or a region of one (US-FL, DE-BY); `purposes`: of the
    calls it concerns, empty where it concerns all."""

    name: str
    version: int
    jurisdiction: str
    rules: tuple[Rule, ...]
    effective_from: date | None = None
    effective_to: date | None = None
    purposes: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        return f"{self.name} v{self.version}"

    def in_force(self, now: datetime) -> bool:
        """By the date of UTC, which no jurisdiction is more than a day away from; a day early is the stricter side."""
        begins = self.effective_from is None or now.date() + timedelta(days=1) >= self.effective_from
        return begins and (self.effective_to is None or now.date() - timedelta(days=1) < self.effective_to)

    @property
    def over_at(self) -> datetime | None:
        """The first instant at which it is no longer in force."""
        return datetime.combine(self.effective_to + timedelta(days=1), time.min, UTC) if self.effective_to is not None else None

    def concerns(self, purpose: str) -> bool:
        return not self.purposes or purpose in self.purposes

    def surely_applies(self, places: frozenset[str]) -> bool:
        return self.jurisdiction == EVERYWHERE or self.jurisdiction in places

    def applies(self, places: frozenset[str]) -> bool:
        """Where the region is not known, the rules of every region of the country apply; where not even the country is, those of all."""
        if self.surely_applies(places) or not places:
            return True
        country, _, region = self.jurisdiction.partition("-")
        return bool(region) and country in places and not any(place.startswith(f"{country}-") for place in places)


def rule_from(data: Mapping[str, Any], *, calendars: Mapping[str, frozenset[date]] | None = None) -> Rule:
    """From a pack's JSON, such as {"kind": "frequency_cap", "scope": "person", "count": 3, "hours": 24}. ValueError names what is wrong."""
    given = {name: value for name, value in data.items() if name not in ("kind", "source")}
    kind = data.get("kind")
    if kind not in _READ:
        raise ValueError(f"{kind}: no such kind of rule; use {', '.join(sorted(_READ))}.")
    try:
        rule = _READ[kind](given)
    except (KeyError, TypeError) as wrong:
        raise ValueError(f"{kind}: {wrong} is missing or is not what it should be.") from None
    if given:
        raise ValueError(f"{kind} knows no {', '.join(sorted(given))}.")
    if isinstance(rule, BlockedDays):
        return BlockedDays(rule.calendar, (calendars or {}).get(rule.calendar))
    if isinstance(rule, PublicHolidays):
        return PublicHolidays(tuple(sorted((name, days) for name, days in (calendars or {}).items() if holidays.PLACE.fullmatch(name))))
    return rule


def pack_from(data: Mapping[str, Any], *, calendars: Mapping[str, frozenset[date]] | None = None) -> Pack:
    def day(name: str) -> date | None:
        return date.fromisoformat(data[name]) if data.get(name) else None

    return Pack(
        name=data["name"],
        version=data["version"],
        jurisdiction=data["jurisdiction"],
        rules=tuple(rule_from(rule, calendars=calendars) for rule in data["rules"]),
        effective_from=day("effective_from"),
        effective_to=day("effective_to"),
        purposes=tuple(data.get("purposes") or ()),
    )


def _hours(given: dict[str, Any]) -> timedelta:
    return _positive(timedelta(hours=float(given.pop("hours"))), "hours")


def _days(given: dict[str, Any], name: str = "days") -> timedelta:
    return _positive(timedelta(days=float(given.pop(name))), name)


def _seconds(given: dict[str, Any]) -> timedelta:
    return _positive(timedelta(seconds=float(given.pop("seconds"))), "seconds")


def _positive(length: timedelta, name: str) -> timedelta:
    if length <= timedelta(0):
        raise ValueError(f"{name} must be more than 0.")
    return length


def _count(given: dict[str, Any]) -> int:
    count = int(given.pop("count"))
    if count < 1:
        raise ValueError("count must be 1 or more; who may never be called has no window.")
    return count


def _words(given: dict[str, Any], name: str) -> tuple[str, ...]:
    words: Sequence[str] = given.pop(name)
    if isinstance(words, str) or not words:
        raise ValueError(f"{name} is a list of words and not empty.")
    return tuple(words)


_READ: Mapping[Any, Callable[[dict[str, Any]], Rule]] = {
    "calling_window": lambda given: CallingWindow(hours_from(given.pop("week"))),
    "blocked_days": lambda given: BlockedDays(str(given.pop("calendar"))),
    "public_holidays": lambda given: PublicHolidays(),
    "frequency_cap": lambda given: FrequencyCap(Scope(given.pop("scope")), _count(given), _hours(given), Counts(given.pop("counts", Counts.ATTEMPT))),
    "hold_after": lambda given: HoldAfter(Counts(given.pop("event")), _hours(given), Scope(given.pop("scope", Scope.PERSON))),
    "consent": lambda given: Consent(
        _words(given, "kinds"), bool(given.pop("mobile_only", False)), _days(given, "max_age_days") if "max_age_days" in given else None
    ),
    "destinations": lambda given: Destinations(_words(given, "countries")),
    "do_not_call_list": lambda given: DncSource(str(given.pop("list")), _days(given, "max_age_days")),
    "caller_id": lambda given: CallerId(),
    "min_ring": lambda given: MinRing(_seconds(given)),
    "max_ring": lambda given: MaxRing(_seconds(given)),
    "abandoned_message": lambda given: AbandonedMessage(),
}
