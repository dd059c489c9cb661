"""Weekly hours and closed days in the called party's local time. Local time lives here and nowhere else."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LOOK_AHEAD_DAYS = 15
# where nothing opens within those: a summer's closing, or zones whose hours only meet while one of them keeps summer time
LOOK_FURTHER_DAYS = 370


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
    return Hours(tuple(spans))


def _clock(text: str, day: str) -> time:
    if text == "24:00":
        return time.max
    try:
        return time.fromisoformat(text)
    except ValueError:
        raise ValueError(f'{day}: "{text}" is not a time of day such as "09:00".') from None


def wider(own: Hours, than: Hours) -> tuple[str, ...]:
    """The days on which `own` opens at a time at which `than` is closed; empty where own is as strict or stricter."""
    return tuple(
        name
        for name, ours, theirs in zip(DAYS, own.week, than.week, strict=True)
        if any(not any(start >= a and end <= b for a, b in _joined(theirs)) for start, end in _joined(ours))
    )


def _joined(spans: tuple[tuple[time, time], ...]) -> list[tuple[time, time]]:
    found: list[tuple[time, time]] = []
    for start, end in spans:
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def open_span(zones: tuple[str, ...], *, hours: Hours, at: datetime, ring_for: timedelta) -> tuple[datetime | None, datetime | None]:
    """The next span, from `at` on, in which a call may start and end its ringing within hours in every zone: (from, last start)."""
    return open_together(zones, hours=[hours], at=at, ring_for=ring_for)


def open_together(zones: tuple[str, ...], *, hours: Sequence[Hours], at: datetime, ring_for: timedelta) -> tuple[datetime | None, datetime | None]:
    """The same, within all of several `hours` at once.

    (`at` or later, end exclusive); (None, None) when no such time comes within a year. Without a zone every time is within all of its hours:
    whoever does not know where somebody is must not ask.
    """
    asked = tuple(each for each in hours if each != ALWAYS)
    if not asked or not zones:
        return at, None
    day = at.astimezone(UTC).date()
    for start, end in _common(zones, asked, day, ring_for):
        if end > at:
            return max(start, at), end
    return _later(zones, asked, day, ring_for)


def ever_open(hours: Sequence[Hours], *, ring_for: timedelta) -> bool:
    """Whether there is any time of the week, wherever somebody is, at which all of these hours allow a call; closed days aside."""
    return _ever_open(tuple(each.week for each in hours if each != ALWAYS), ring_for)


@lru_cache(maxsize=256)
def _ever_open(weeks: tuple[tuple[tuple[tuple[time, time], ...], ...], ...], ring_for: timedelta) -> bool:
    return not weeks or bool(_common(("UTC",), tuple(map(Hours, weeks)), date(2026, 1, 5), ring_for))


@lru_cache(maxsize=4096)
def _later(zones: tuple[str, ...], hours: tuple[Hours, ...], day: date, ring_for: timedelta) -> tuple[datetime, datetime] | tuple[None, None]:
    """The first common span after the days looked ahead."""
    for days in range(LOOK_AHEAD_DAYS, LOOK_FURTHER_DAYS, LOOK_AHEAD_DAYS):
        if spans := _common(zones, hours, day + timedelta(days=days), ring_for):
            return spans[0]
    return None, None


def _common(zones: tuple[str, ...], hours: tuple[Hours, ...], day: date, ring_for: timedelta) -> list[tuple[datetime, datetime]]:
    """The spans in which all hours hold in every zone, from two days before `day` on."""
    spans: list[tuple[datetime, datetime]] | None = None
    for each in hours:
        for zone in zones:
            of_zone = _spans(zone, each, day, ring_for)
            spans = of_zone if spans is None else _both(spans, of_zone)
            if not spans:
                return []
    return spans or []


@lru_cache(maxsize=4096)
def _spans(zone: str, hours: Hours, day: date, ring_for: timedelta) -> list[tuple[datetime, datetime]]:
    """UTC spans in which the clock on the wall in `zone` stands within `hours`, shortened by the ringing; touching ones joined.

    Between two changes of the clock local time is UTC and an offset; an hour that comes twice is open twice, one that is left out not at all.
    """
    begin = datetime.combine(day - timedelta(days=2), time(0), UTC)
    pieces = []
    for begins, ends, offset in _offsets(ZoneInfo(zone), begin, begin + timedelta(days=LOOK_AHEAD_DAYS + 2)):
        local_day = (begins + offset).date()
        while local_day <= (ends + offset).date():
            midnight = datetime.combine(local_day, time(0), UTC) - offset
            for start, end in hours.on(local_day):
                opens = max(begins, midnight + _since_midnight(start))
                closes = min(ends, midnight + (timedelta(days=1) if end == time.max else _since_midnight(end)))
                if opens < closes:
                    pieces.append((opens, closes))
            local_day += timedelta(days=1)
    joined: list[tuple[datetime, datetime]] = []
    for opens, closes in sorted(pieces):
        if joined and opens <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(closes, joined[-1][1]))
        else:
            joined.append((opens, closes))
    return [(start, end - ring_for) for start, end in joined if end - ring_for > start]


def _offsets(tz: ZoneInfo, begin: datetime, end: datetime) -> Iterator[tuple[datetime, datetime, timedelta]]:
    """The time between in pieces of one offset from UTC each. Changes lie more than a quarter of a day apart."""
    since, at = begin, begin
    while at < end:
        following = min(at + timedelta(hours=6), end)
        before, after = _offset(tz, at), _offset(tz, following)
        if before != after:
            low, high = at, following
            while high - low > timedelta(seconds=1):
                middle = low + (high - low) / 2
                low, high = (middle, high) if _offset(tz, middle) == before else (low, middle)
            changed = high.replace(microsecond=0)
            yield since, changed, before
            since = changed
        at = following
    yield since, end, _offset(tz, end - timedelta(seconds=1))


def _offset(tz: ZoneInfo, at: datetime) -> timedelta:
    return at.astimezone(tz).utcoffset() or timedelta(0)


def _since_midnight(clock: time) -> timedelta:
    return timedelta(hours=clock.hour, minutes=clock.minute, seconds=clock.second)


def _both(a: list[tuple[datetime, datetime]], b: list[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    """What lies in both, each sorted and free of overlaps."""
    found, i, j = [], 0, 0
    while i < len(a) and j < len(b):
        start, end = max(a[i][0], b[j][0]), min(a[i][1], b[j][1])
        if start < end:
            found.append((start, end))
        if a[i][1] <= b[j][1]:
            i += 1
        else:
            j += 1
    return found


def local_times(zones: tuple[str, ...], at: datetime) -> list[str]:
    """The clock on the wall in each zone, for evidence."""
    return [f"{at.astimezone(ZoneInfo(zone)):%a %H:%M %z}" for zone in zones]


def local_year(zone: str, at: datetime) -> int:
    return at.astimezone(ZoneInfo(zone)).year
