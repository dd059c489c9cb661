"""Why a call ended and who ended it, in words of no carrier, and the table that finds them from Q.850 and SIP.

Neither number alone tells: a ring time-out, a dead trunk and a subscriber who is away all end as 19/480. What was
seen before (ringing, an answer, a final reply, our own hang-up) decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Cause(StrEnum):
    NORMAL = "normal"  # answered, talked, hung up
    BUSY = "busy"
    NO_ANSWER = "no_answer"  # it rang
    REJECTED = "rejected"
    UNAVAILABLE = "unavailable"  # switched off, not registered, out of service
    INVALID_NUMBER = "invalid_number"  # incomplete or malformed
    UNALLOCATED = "unallocated"  # nobody has this number: never call it again
    CONGESTION = "congestion"  # the trunk, not the person
    TRUNK_NOT_RESPONDING = "trunk_not_responding"  # nothing came back, not even ringing
    CANCELLED = "cancelled"  # ended by us before an answer
    MEDIA_LOST = "media_lost"  # answered, then no sound came any more: the phone has died without a word
    FAILED = "failed"
    NODE_LOST = "node_lost"  # the carrier's machine went away with the call
    UNKNOWN = "unknown"


class HungUpBy(StrEnum):
    FAR = "far"
    US = "us"
    CARRIER = "carrier"


@dataclass(frozen=True, slots=True)
class Ended:
    cause: Cause
    by: HungUpBy


BY_SIP: dict[int, Cause] = {
    400: Cause.FAILED,
    # the carrier does not take our account, our number or our money; no customer ever says so
    401: Cause.FAILED,
    403: Cause.FAILED,
    404: Cause.UNALLOCATED,
    407: Cause.FAILED,
    408: Cause.TRUNK_NOT_RESPONDING,
    410: Cause.UNALLOCATED,
    480: Cause.UNAVAILABLE,
    484: Cause.INVALID_NUMBER,
    486: Cause.BUSY,
    487: Cause.CANCELLED,
    503: Cause.CONGESTION,
    600: Cause.BUSY,
    603: Cause.REJECTED,
    604: Cause.UNALLOCATED,
    607: Cause.REJECTED,
    608: Cause.REJECTED,
}
BY_Q850: dict[int, Cause] = {
    1: Cause.UNALLOCATED,
    16: Cause.CANCELLED,  # "normal clearing" of a call nobody answered is a cancel
    17: Cause.BUSY,
    18: Cause.TRUNK_NOT_RESPONDING,
    19: Cause.UNAVAILABLE,
    20: Cause.UNAVAILABLE,
    21: Cause.REJECTED,
    22: Cause.UNALLOCATED,
    27: Cause.UNAVAILABLE,
    28: Cause.INVALID_NUMBER,
    34: Cause.CONGESTION,
    38: Cause.CONGESTION,
    42: Cause.CONGESTION,
    44: Cause.CONGESTION,
    47: Cause.CONGESTION,
}
# What breaks a conversation without anybody hanging up.
BROKEN_BY: dict[int, Cause] = {
    27: Cause.FAILED,
    38: Cause.FAILED,
    41: Cause.FAILED,
    44: Cause.MEDIA_LOST,
    102: Cause.FAILED,
    127: Cause.FAILED,
}
DECIDED_BY_THE_PERSON = frozenset({Cause.BUSY, Cause.REJECTED, Cause.UNAVAILABLE})
GIVEN_UP_WAITING = frozenset({Cause.UNAVAILABLE, Cause.TRUNK_NOT_RESPONDING})


def cause_of(q850: int, sip: int | None, *, rang: bool, answered: bool, ours: bool, replied: bool = True) -> Ended:
    """The end of a call from the carrier's numbers and from what was seen of it.

    q850 and sip as the carrier gives them, 0 and None where it gives none. `ours`: we asked for this hang-up; its
    numbers are then our own echo and say nothing about the far side. `replied`: a final reply was seen; without one
    the carrier's ring time-out has made its numbers up.
    """
    if answered:
        if ours:
            return Ended(Cause.NORMAL, HungUpBy.US)
        if (broken := BROKEN_BY.get(q850)) is not None:
            return Ended(broken, HungUpBy.CARRIER)
        return Ended(Cause.NORMAL, HungUpBy.FAR)
    if ours:
        return Ended(Cause.CANCELLED, HungUpBy.US)
    cause = BY_SIP.get(sip) if sip is not None else None
    if cause is None:
        cause = BY_Q850.get(q850) or (Cause.UNKNOWN if q850 == 0 and sip is None else Cause.FAILED)
    if cause in GIVEN_UP_WAITING:
        if rang:
            return Ended(Cause.NO_ANSWER, HungUpBy.CARRIER)
        if not replied:
            return Ended(Cause.TRUNK_NOT_RESPONDING, HungUpBy.CARRIER)
    return Ended(cause, who_ended(cause))


def who_ended(cause: Cause) -> HungUpBy:
    """Who ends a call that was never answered."""
    if cause is Cause.CANCELLED:
        return HungUpBy.US
    return HungUpBy.FAR if cause in DECIDED_BY_THE_PERSON else HungUpBy.CARRIER
