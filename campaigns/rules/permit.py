"""May this number be called at this instant? Pure rules over fresh facts; the strictest wins, what is missing refuses.

    Allowed      evidence, and until when it holds
    NotBefore    a time from which it may be asked again: the lead waits until then
    Refused      for good: a fact of the lead itself
    Held         a fact of the campaign or the world: dispatch stops with its cause shown, no lead is moved

Local time lives here and nowhere else. Sources of the windows: `docs/architecture.md`, "Hours".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from campaigns.rules.lifecycle import CampaignState, FinalReason, WaitReason

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
# how long a permit holds between the transaction that grants it and the last look before the carrier
HOLDS_FOR = timedelta(seconds=5)
BUSY_ELSEWHERE = timedelta(seconds=30)
LOOK_AHEAD_DAYS = 15


@dataclass(frozen=True, slots=True)
class Hours:
    """A week of local opening times: for each weekday (Monday first) spans of [from, to)."""

    week: tuple[tuple[tuple[time, time], ...], ...]
    closed_days: frozenset[date] = frozenset()

    def on(self, day: date) -> tuple[tuple[time, time], ...]:
        return () if day in self.closed_days else self.week[day.weekday()]


ALWAYS = Hours(week=(((time(0), time.max),),) * 7)


def hours_from(week: Mapping[str, Sequence[Sequence[str]]]) -> Hours:
    """From `{"mon": [["09:00", "20:00"]]}`; "24:00" is the end of the day. ValueError names what is wrong."""
    unknown = set(week) - set(DAYS)
    if unknown:
        raise ValueError(f"{', '.join(sorted(unknown))}: not a day; use {', '.join(DAYS)}.")
    spans = []
    for day in DAYS:
        of_day = []
        for span in week.get(day, ()):
            if len(span) != 2:
                raise ValueError(f'{day}: a span is a pair such as ["09:00", "20:00"].')
            start, end = _clock(span[0], day), _clock(span[1], day)
            if start >= end:
                raise ValueError(f"{day}: {span[0]} is not before {span[1]}.")
            of_day.append((start, end))
        spans.append(tuple(sorted(of_day)))
    return Hours(week=tuple(spans))


def _clock(text: str, day: str) -> time:
    if text == "24:00":
        return time.max
    try:
        return time.fromisoformat(text)
    except ValueError:
        raise ValueError(f'{day}: "{text}" is not a time of day such as "09:00".') from None


@dataclass(frozen=True, slots=True)
class Terms:
    """What a campaign asks of every call, the same for all its leads in one batch."""

    state: CampaignState
    starts_at: datetime | None
    ends_at: datetime | None
    hours: Hours
    ring_for: timedelta
    max_attempts: int
    caller_id_ok: bool = True
    version: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one lead and one of its numbers, read in the transaction that dials. Times aware, UTC."""

    zones: tuple[str, ...]
    attempts_made: int
    number_active: bool
    listed: bool
    excluded: bool = False
    suppressed_until: datetime | None = None
    person_busy: bool = False
    number_busy: bool = False
    locked: bool = True  # we hold the try-locks on the person and on the number


@dataclass(frozen=True, slots=True)
class Allowed:
    valid_until: datetime
    evidence: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class NotBefore:
    at: datetime
    reason: WaitReason
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    reason: FinalReason
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Held:
    why: tuple[str, ...]


Verdict = Allowed | NotBefore | Refused | Held


def campaign_holds(terms: Terms, *, now: datetime) -> tuple[str, ...]:
    """The facts of the campaign that stop its dispatch, in words; empty when none does."""
    why = []
    if terms.state is not CampaignState.RUNNING:
        why.append(f"The campaign is {terms.state}.")
    if terms.starts_at and now < terms.starts_at:
        why.append(f"Waiting for the start time, {terms.starts_at:%Y-%m-%d %H:%M} UTC.")
    if terms.ends_at and now >= terms.ends_at:
        why.append(f"The end time, {terms.ends_at:%Y-%m-%d %H:%M} UTC, has passed.")
    if not terms.caller_id_ok:
        why.append("The campaign's caller ID is not verified.")
    return tuple(why)


def may_call(facts: Facts, *, terms: Terms, now: datetime) -> Verdict:
    """The one gate to a customer's phone; every refusal tells all its reasons."""
    if holds := campaign_holds(terms, now=now):
        return Held(holds)
    refused: list[tuple[FinalReason, str]] = []
    if facts.listed:
        refused.append((FinalReason.DO_NOT_CALL, "The phone number is on the Do-Not-Call list."))
    if facts.excluded:
        refused.append((FinalReason.EXCLUDED, "This contact was taken off the campaign."))
    if not facts.number_active:
        refused.append((FinalReason.NO_VALID_NUMBER, "The carrier has said that this number does not exist."))
    if facts.attempts_made >= terms.max_attempts:
        refused.append((FinalReason.NO_MORE_ATTEMPTS, f"All {terms.max_attempts} attempts were made."))
    if refused:
        return Refused(refused[0][0], tuple(why for _, why in refused))
    waits: list[tuple[datetime, WaitReason, str]] = []
    if not facts.locked:
        waits.append((now + BUSY_ELSEWHERE, WaitReason.HOLD, "This person or number is being dealt with elsewhere."))
    if facts.person_busy:
        waits.append((now + BUSY_ELSEWHERE, WaitReason.HOLD, "This person is on another call."))
    if facts.number_busy:
        waits.append((now + BUSY_ELSEWHERE, WaitReason.HOLD, "This number is being called."))
    if facts.suppressed_until and facts.suppressed_until > now:
        waits.append((facts.suppressed_until, WaitReason.HOLD, f"Left alone until {facts.suppressed_until:%Y-%m-%d %H:%M} UTC."))
    opens, closes = open_span(facts.zones, hours=terms.hours, at=now, ring_for=terms.ring_for)
    if opens is None:
        return Refused(FinalReason.NO_VALID_NUMBER, ("There is no hour of the week at which every possible time zone of this number may be called.",))
    if opens > now:
        waits.append((opens, WaitReason.HOURS, f"Outside calling hours in {', '.join(facts.zones)}."))
    if waits:
        at, reason, _ = max(waits, key=lambda wait: wait[0])
        return NotBefore(at, reason, tuple(why for _, _, why in waits))
    until = min(now + HOLDS_FOR, closes) if closes else now + HOLDS_FOR
    evidence = {
        "zones": list(facts.zones),
        "local": [f"{now.astimezone(ZoneInfo(zone)):%a %H:%M %z}" for zone in facts.zones],
        "attempts": facts.attempts_made,
    }
    return Allowed(until, evidence)


def open_span(zones: tuple[str, ...], *, hours: Hours, at: datetime, ring_for: timedelta) -> tuple[datetime | None, datetime | None]:
    """The next span, from `at` on, in which a call may start and end its ringing within hours in every zone: (from, last start).

    (`at` or later, end exclusive); (None, None) when no such time comes within the days looked ahead.
    """
    if hours == ALWAYS:
        return at, None
    spans: list[tuple[datetime, datetime]] | None = None
    for zone in zones:
        of_zone = _spans(zone, hours, at.astimezone(UTC).date(), ring_for)
        spans = of_zone if spans is None else _both(spans, of_zone)
    for start, end in spans or ():
        if end > at:
            return max(start, at), end
    return None, None


@lru_cache(maxsize=4096)
def _spans(zone: str, hours: Hours, day: date, ring_for: timedelta) -> list[tuple[datetime, datetime]]:
    """UTC spans of `hours` in `zone`, the day before `day` first, shortened by the ringing; touching ones joined."""
    midnight = datetime.combine(day, time(0), UTC)
    clock = _offsets(zone, midnight - timedelta(days=2), midnight + timedelta(days=LOOK_AHEAD_DAYS + 1))
    found: list[tuple[datetime, datetime]] = []
    for offset in range(-1, LOOK_AHEAD_DAYS):
        local_day = day + timedelta(days=offset)
        for start, end in hours.on(local_day):
            opens = datetime.combine(local_day, start, UTC)
            closes = datetime.combine(local_day + timedelta(days=1), time(0), UTC) if end == time.max else datetime.combine(local_day, end, UTC)
            # the local clock may show this span twice, in part or not at all
            found += [(max(opens - ahead, since), min(closes - ahead, until)) for since, until, ahead in clock]
    joined: list[tuple[datetime, datetime]] = []
    for start_at, end_at in sorted(span for span in found if span[0] < span[1]):
        if joined and start_at <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end_at, joined[-1][1]))
        else:
            joined.append((start_at, end_at))
    return [(start_at, end_at - ring_for) for start_at, end_at in joined if end_at - ring_for > start_at]


def _offsets(zone: str, first: datetime, last: datetime) -> list[tuple[datetime, datetime, timedelta]]:
    """From when to when (UTC) the zone's clock is ahead of UTC by how much. Changes lie more than a quarter of a day apart."""
    tz = ZoneInfo(zone)
    pieces: list[tuple[datetime, datetime, timedelta]] = []
    since = at = first
    while at < last:
        following = min(at + timedelta(hours=6), last)
        before, after = _ahead(tz, at), _ahead(tz, following)
        if before != after:
            low, high = at, following
            while high - low > timedelta(seconds=1):
                middle = low + (high - low) // 2
                low, high = (middle, high) if _ahead(tz, middle) == before else (low, middle)
            change = high.replace(microsecond=0)
            pieces.append((since, change, before))
            since = change
        at = following
    pieces.append((since, last, _ahead(tz, last)))
    return pieces


def _ahead(tz: ZoneInfo, at: datetime) -> timedelta:
    return at.astimezone(tz).utcoffset() or timedelta(0)


def _both(a: list[tuple[datetime, datetime]], b: list[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    return [(max(x[0], y[0]), min(x[1], y[1])) for x in a for y in b if max(x[0], y[0]) < min(x[1], y[1])]
