"""What follows an attempt: a pure function of its outcome, the agent's disposition and the campaign's retry rules.

Run when the second of outcome and disposition arrives; until then the lead stays with its interaction.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from campaigns.rules.lifecycle import FinalReason, WaitReason
from campaigns.rules.outcomes import NOT_THE_CUSTOMER, NUMBER_IS_DEAD, DispositionClass, Outcome


@dataclass(frozen=True, slots=True)
class Rule:
    """For one outcome: how many calls may end so, the wait between them, whether the next number comes first."""

    max_attempts: int
    delay: timedelta
    growing: bool = False
    next_number: bool = False


# What a campaign without rules of its own gets; the delays are the field's usual ones (VICIdial's and OMniLeads' defaults lie between).
DEFAULTS: Mapping[Outcome, Rule] = {
    Outcome.BUSY: Rule(5, timedelta(minutes=10)),
    Outcome.NO_ANSWER: Rule(4, timedelta(hours=2), next_number=True),
    Outcome.REJECTED: Rule(2, timedelta(hours=24)),
    Outcome.UNAVAILABLE: Rule(3, timedelta(hours=2), next_number=True),
    Outcome.MACHINE: Rule(3, timedelta(hours=4), next_number=True),
    Outcome.FAX: Rule(1, timedelta(hours=24), next_number=True),
    Outcome.ABANDONED: Rule(2, timedelta(hours=72)),  # Ofcom's 2010 re-call period after an abandoned call
    Outcome.EARLY_HANG_UP: Rule(2, timedelta(hours=24)),
    Outcome.CONGESTION: Rule(20, timedelta(minutes=2)),
    Outcome.TRUNK_NOT_RESPONDING: Rule(20, timedelta(minutes=2)),
    Outcome.FAILED: Rule(10, timedelta(minutes=5)),
    Outcome.CANCELLED: Rule(50, timedelta(minutes=1)),
    Outcome.UNKNOWN: Rule(3, timedelta(hours=1)),
    Outcome.INVALID_NUMBER: Rule(1, timedelta(0), next_number=True),
    Outcome.UNALLOCATED: Rule(1, timedelta(0), next_number=True),
    Outcome.CONNECTED: Rule(3, timedelta(hours=24)),  # only where the agent asks to try again
}


@dataclass(frozen=True, slots=True)
class Numbers:
    """The lead's numbers that may still be dialed, in order, and the one just tried. A dead one is no longer among `usable`."""

    usable: tuple[int, ...]
    tried: int


@dataclass(frozen=True, slots=True)
class TryAgainAt:
    at: datetime
    reason: WaitReason
    phone: int | None = None


@dataclass(frozen=True, slots=True)
class Finished:
    reason: FinalReason


NextStep = TryAgainAt | Finished


@dataclass(frozen=True, slots=True)
class History:
    """A lead's calls so far, the one just ended counted: by outcome, and those that count against the campaign's limit."""

    by_outcome: Mapping[str, int] = field(default_factory=dict)
    counted: int = 0


def ends_by(outcome: Outcome, disposition: DispositionClass | None) -> Finished | None:
    """Whether what came of the call is the lead's end, whatever its history and its numbers."""
    match disposition:
        case DispositionClass.SUCCESS:
            return Finished(FinalReason.SUCCESS)
        case DispositionClass.NOT_INTERESTED:
            return Finished(FinalReason.DONE)
        case DispositionClass.DO_NOT_CALL:
            return Finished(FinalReason.DO_NOT_CALL)
        case DispositionClass.OTHER | None if outcome is Outcome.CONNECTED:
            return Finished(FinalReason.DONE)  # a call is completed when it ended normally (R99)
    return None


def next_step(
    outcome: Outcome,
    *,
    disposition: DispositionClass | None,
    history: History,
    numbers: Numbers,
    rules: Mapping[Outcome, Rule],
    max_attempts: int,
    no_callback_for: timedelta,
    now: datetime,
) -> NextStep:
    """What becomes of the lead. A callback the agent has booked is its own row and is looked at before this is asked."""
    if (over := ends_by(outcome, disposition)) is not None:
        return over
    if disposition is DispositionClass.MACHINE:
        rule = rules.get(Outcome.MACHINE) or DEFAULTS[Outcome.MACHINE]
        made = history.by_outcome.get(Outcome.MACHINE, 0) + history.by_outcome.get(outcome, 0)
    else:
        rule = rules.get(outcome) or DEFAULTS[outcome]
        made = history.by_outcome.get(outcome, 0)
    match disposition:
        case DispositionClass.NO_CALLBACK:
            if counts(outcome) or made < rule.max_attempts:
                return TryAgainAt(now + no_callback_for, WaitReason.NO_CALLBACK)
            return Finished(FinalReason.NO_MORE_ATTEMPTS)  # a call that counts only against its own rule would come back for ever
        case DispositionClass.WRONG_NUMBER:
            left = tuple(phone for phone in numbers.usable if phone != numbers.tried)
            return TryAgainAt(now, WaitReason.RETRY, left[0]) if left and history.counted < max_attempts else Finished(FinalReason.NO_VALID_NUMBER)
    if not numbers.usable:
        return Finished(FinalReason.NO_VALID_NUMBER)
    if history.counted >= max_attempts:
        return Finished(FinalReason.NO_MORE_ATTEMPTS)
    if outcome in NUMBER_IS_DEAD:
        return TryAgainAt(now, WaitReason.RETRY, numbers.usable[0])
    if made >= rule.max_attempts:
        return Finished(FinalReason.NO_MORE_ATTEMPTS)
    following = _after(numbers)
    if rule.next_number and following is not None:
        return TryAgainAt(now, WaitReason.RETRY, following)
    wait = rule.delay * (max(made, 1) if rule.growing else 1)
    first = numbers.usable[0] if rule.next_number else (numbers.tried if numbers.tried in numbers.usable else numbers.usable[0])
    return TryAgainAt(now + wait, WaitReason.RETRY, first)


def counts(outcome: Outcome) -> bool:
    """Whether a call that ended so counts against the campaign's attempts per lead. Caps of law count every dial."""
    return outcome not in NOT_THE_CUSTOMER


def counted(tries: Mapping[str, int]) -> int:
    """The calls among these, by outcome, that count against the campaign's attempts per lead."""
    return sum(number for outcome, number in tries.items() if counts(Outcome(outcome)))


def _after(numbers: Numbers) -> int | None:
    """The number after the one just tried; None when that was the last of the round."""
    if numbers.tried not in numbers.usable:
        return None
    place = numbers.usable.index(numbers.tried)
    return numbers.usable[place + 1] if place + 1 < len(numbers.usable) else None
