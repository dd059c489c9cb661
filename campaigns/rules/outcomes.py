"""What happened to an attempt, one enum, and what an agent says came of it."""

from enum import StrEnum

from dialer_project.lib.sentence import say
from telephony.rules.hangup_causes import Cause


class Outcome(StrEnum):
    CONNECTED = "connected"  # the customer was bridged to an agent
    ABANDONED = "abandoned"  # answered, and nobody was there within two seconds
    EARLY_HANG_UP = "early_hang_up"  # the customer hung up before the two seconds were over
    MACHINE = "machine"
    FAX = "fax"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    REJECTED = "rejected"
    UNAVAILABLE = "unavailable"
    INVALID_NUMBER = "invalid_number"
    UNALLOCATED = "unallocated"
    CONGESTION = "congestion"
    TRUNK_NOT_RESPONDING = "trunk_not_responding"
    CANCELLED = "cancelled"
    FAILED = "failed"
    UNKNOWN = "unknown"  # its fate was never learnt; it may have rung


ANSWERED_LIVE = frozenset({Outcome.CONNECTED, Outcome.ABANDONED, Outcome.EARLY_HANG_UP})
# the carrier's fault, not the customer's doing: these burn none of a lead's attempts
NOT_THE_CUSTOMER = frozenset({Outcome.CONGESTION, Outcome.TRUNK_NOT_RESPONDING, Outcome.CANCELLED, Outcome.FAILED})
NUMBER_IS_DEAD = frozenset({Outcome.INVALID_NUMBER, Outcome.UNALLOCATED})


class DispositionClass(StrEnum):
    SUCCESS = "success"
    NOT_INTERESTED = "not_interested"
    CALLBACK = "callback"
    DO_NOT_CALL = "do_not_call"
    NO_CALLBACK = "no_callback"  # left alone for the campaign's no-callback period, then called as usual
    WRONG_NUMBER = "wrong_number"
    TRY_AGAIN = "try_again"
    MACHINE = "machine"  # the agent heard one: tried again by the rule for machines
    OTHER = "other"


class NumberResult(StrEnum):
    """What an agent says of the number alone, whatever came of the person: it is not called again."""

    WRONG_NUMBER = "wrong_number"
    FAX = "fax"
    NOT_IN_SERVICE = "not_in_service"


NUMBER_WORDS = {
    NumberResult.WRONG_NUMBER: say("wrong number"),
    NumberResult.FAX: say("fax machine"),
    NumberResult.NOT_IN_SERVICE: say("not in service"),
}

_BY_CAUSE: dict[Cause, Outcome] = {
    Cause.BUSY: Outcome.BUSY,
    Cause.NO_ANSWER: Outcome.NO_ANSWER,
    Cause.REJECTED: Outcome.REJECTED,
    Cause.UNAVAILABLE: Outcome.UNAVAILABLE,
    Cause.INVALID_NUMBER: Outcome.INVALID_NUMBER,
    Cause.UNALLOCATED: Outcome.UNALLOCATED,
    Cause.CONGESTION: Outcome.CONGESTION,
    Cause.TRUNK_NOT_RESPONDING: Outcome.TRUNK_NOT_RESPONDING,
    Cause.CANCELLED: Outcome.CANCELLED,
    Cause.NORMAL: Outcome.EARLY_HANG_UP,  # only an answered call ends so: the news of the answer was lost
    Cause.MEDIA_LOST: Outcome.FAILED,
    Cause.FAILED: Outcome.FAILED,
    Cause.NODE_LOST: Outcome.UNKNOWN,
    Cause.UNKNOWN: Outcome.UNKNOWN,
}


def outcome_of(
    cause: Cause,
    *,
    answered: bool,
    connected: bool,
    announced: bool,
    machine: bool = False,
    waited_too_long: bool = False,
    by_us: bool = False,
) -> Outcome:
    """The one outcome of a customer's leg that has ended.

    machine: an answering machine took it and was dealt with as one, an agent on the line or not. connected: it entered the bridge with an
    agent. announced: the safe-harbour message began. waited_too_long: answered and neither
    bridged nor announced when the two seconds were over, whatever had died meanwhile: silence, which counts as abandoned. by_us: we hung up
    on a person who had answered, as when a cancel crosses with the answer: abandoned too.
    """
    if machine:
        return Outcome.MACHINE
    if connected:
        return Outcome.CONNECTED
    if answered:
        return Outcome.ABANDONED if announced or waited_too_long or by_us else Outcome.EARLY_HANG_UP
    return _BY_CAUSE[cause]
