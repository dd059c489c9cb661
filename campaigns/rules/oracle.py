"""The law a second time, written from the packs' JSON alone and sharing no line with `rules/permit`: slow, by the minute, with nothing clever.

Tests hold it against the gate, and `check_invariants` against the ledger of attempts; nothing that places a call may ask it.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

DAY_NAMES = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
NEVER_RANG = {"busy", "unavailable", "invalid_number", "unallocated", "congestion", "trunk_not_responding", "cancelled", "failed"}


def open_at(week: Mapping[str, Sequence[Sequence[str]]], zone: str, at: datetime) -> bool:
    """Whether the clock on the wall in `zone` stands within the day's hours."""
    local = at.astimezone(ZoneInfo(zone))
    clock = local.strftime("%H:%M:%S.%f")
    return any(clock >= f"{start}:00" and (clock < f"{end}:00" or end == "24:00") for start, end in week.get(DAY_NAMES[local.weekday()], ()))


def hours_broken(
    rules: Iterable[Mapping[str, Any]],
    zones: Sequence[str],
    at: datetime,
    ring_for: timedelta,
    closed: Mapping[str, set[date]],
    places: Sequence[str] = (),
    public: Mapping[str, set[date]] = MappingProxyType({}),
) -> bool:
    """Whether some second of the ringing lies outside some window, or on a closed day, in some zone. `closed`: the days of calendars by name;
    `places`: the countries and regions in which the person may be; `public`: the public holidays of such."""
    ringing = [at + timedelta(seconds=second) for second in range(int(ring_for.total_seconds()))] or [at]
    for rule in rules:
        for zone in zones:
            if rule["kind"] == "calling_window" and not all(open_at(rule["week"], zone, moment) for moment in ringing):
                return True
            if rule["kind"] == "blocked_days" and any(moment.astimezone(ZoneInfo(zone)).date() in closed[rule["calendar"]] for moment in ringing):
                return True
            if rule["kind"] == "public_holidays":
                holidays = {day for name, days in public.items() if _may_be_in(name, places) for day in days}
                if any(moment.astimezone(ZoneInfo(zone)).date() in holidays for moment in ringing):
                    return True
    return False


def _may_be_in(place: str, places: Sequence[str]) -> bool:
    """A region of a country of which no region is told is one they may be in."""
    told = [other for other in places if other[:2] == place[:2]]
    return place in told or (bool(told) and (len(place) == 2 or all(len(other) == 2 for other in told)))


def caps_broken(rules: Iterable[Mapping[str, Any]], calls: Sequence[Mapping[str, Any]], new: Mapping[str, Any]) -> bool:
    """Whether one more call would be one too many. A call: at, ended, outcome, number, person, lead."""
    for rule in rules:
        if rule["kind"] == "frequency_cap":
            near = [call for call in calls if call[rule["scope"]] == new[rule["scope"]] and new["at"] - timedelta(hours=rule["hours"]) < call["at"]]
            if sum(_counts(call["outcome"], rule.get("counts", "attempt")) for call in near) >= rule["count"]:
                return True
        if rule["kind"] == "hold_after":
            scope = rule.get("scope", "person")
            for call in calls:
                same = call[scope] == new[scope] and _counts(call["outcome"], rule["event"])
                if same and new["at"] < call["ended"] + timedelta(hours=rule["hours"]):
                    return True
    return False


def _counts(outcome: str | None, what: str) -> bool:
    if outcome == "they_called":  # a conversation, and nothing that we tried
        return what == "conversation"
    if what == "attempt" or outcome is None:
        return True
    if what == "ring":
        return outcome not in NEVER_RANG
    if what == "conversation":
        return outcome in ("connected", "unknown")
    if what == "abandoned":
        return outcome in ("abandoned", "unknown")
    return outcome == what
