"""A rule as a person reads it, where whoever answers for it looks at its pack."""

from collections.abc import Iterable
from datetime import time, timedelta
from itertools import groupby

from campaigns.rules.permit.hours import DAYS, Hours
from campaigns.rules.permit.kinds import (
    CALL_ENDED,
    CALLS_COUNTED,
    WHOM,
    AbandonedMessage,
    BlockedDays,
    CallerId,
    CallingWindow,
    Consent,
    Destinations,
    DncSource,
    FrequencyCap,
    HoldAfter,
    MaxRing,
    MinRing,
    PublicHolidays,
    Rule,
)


def in_words(rule: Rule) -> str:
    match rule:
        case CallingWindow(hours):
            return f"Calls are made {_week(hours)}, by the clock of whoever is called."
        case BlockedDays(calendar, _):
            return f"No calls on the days of the calendar {calendar}."
        case PublicHolidays():
            return "No calls on the public holidays of the country and the region in which whoever is called may be."
        case FrequencyCap(scope, count, within, counts):
            return f"At most {count} {CALLS_COUNTED[counts]} within {_length(within)} to {WHOM[scope]}."
        case HoldAfter(event, hold, scope):
            return f"No call to {WHOM[scope]} for {_length(hold)} after {CALL_ENDED[event]}."
        case Consent(kinds, mobile_only, max_age):
            when = f", not longer ago than {_length(max_age)}" if max_age else ""
            return f"{'Mobiles are' if mobile_only else 'People are'} called only with consent ({' or '.join(kinds)}){when}."
        case Destinations(countries):
            return f"Only numbers in {', '.join(countries)} are called."
        case DncSource(name, max_age):
            return f"The do-not-call register {name} was loaded at most {_length(max_age)} ago."
        case CallerId():
            return "A verified caller ID is shown."
        case MinRing(ring):
            return f"A phone rings for {ring.total_seconds():g} seconds at least."
        case MaxRing(ring):
            return f"A phone rings for {ring.total_seconds():g} seconds at most."
        case AbandonedMessage():
            return "Who answers and gets nobody hears a message."


def _week(hours: Hours) -> str:
    """Mon-Fri 09:00-20:00, Sat 10:00-14:00, not on Sun."""
    told, closed = [], []
    for spans, days in groupby(zip(DAYS, hours.week, strict=True), key=lambda day: day[1]):
        names = [name.capitalize() for name, _ in days]
        which = names[0] if len(names) == 1 else f"{names[0]}-{names[-1]}"
        if spans:
            told.append(f"{which} {_spans(spans)}")
        else:
            closed.append(which)
    return ", ".join([*told, *(f"not on {which}" for which in closed)])


def _spans(spans: Iterable[tuple[time, time]]) -> str:
    return " and ".join(f"{_clock(start)}-{_clock(end)}" for start, end in spans)


def _clock(clock: time) -> str:
    return "24:00" if clock == time.max else f"{clock:%H:%M:%S}".removesuffix(":00")


def _length(length: timedelta) -> str:
    return f"{length.days} days" if length >= timedelta(days=2) else f"{length.total_seconds() / 3600:g} hours"
