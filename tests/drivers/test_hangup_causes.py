from __future__ import annotations

import pytest

from telephony.rules.hangup_causes import Cause, Ended, HungUpBy, cause_of

# As a real Asterisk 22 reported them: Q.850 cause, SIP code, ringing seen, a final reply seen.
MISSED = [
    (17, 486, False, True, Cause.BUSY, HungUpBy.FAR),
    (17, 486, True, True, Cause.BUSY, HungUpBy.FAR),
    (1, 404, False, True, Cause.UNALLOCATED, HungUpBy.CARRIER),
    (34, 503, False, True, Cause.CONGESTION, HungUpBy.CARRIER),
    (19, 480, False, True, Cause.UNAVAILABLE, HungUpBy.FAR),
    (19, 480, True, True, Cause.NO_ANSWER, HungUpBy.CARRIER),
    (21, 603, True, True, Cause.REJECTED, HungUpBy.FAR),
    (21, 403, False, True, Cause.FAILED, HungUpBy.CARRIER),  # the carrier's refusal of us is not the customer's
    (28, 484, False, True, Cause.INVALID_NUMBER, HungUpBy.CARRIER),
    (19, 480, True, False, Cause.NO_ANSWER, HungUpBy.CARRIER),  # our ring time-out
    (19, 480, False, False, Cause.TRUNK_NOT_RESPONDING, HungUpBy.CARRIER),  # 100 only, or a dead port
    (18, 408, False, True, Cause.TRUNK_NOT_RESPONDING, HungUpBy.CARRIER),  # a dead port, until timer B
    (20, None, False, True, Cause.UNAVAILABLE, HungUpBy.FAR),
    (0, None, False, True, Cause.UNKNOWN, HungUpBy.CARRIER),
    (0, 999, False, True, Cause.FAILED, HungUpBy.CARRIER),
    (111, None, False, True, Cause.FAILED, HungUpBy.CARRIER),
]


@pytest.mark.parametrize(("q850", "sip", "rang", "replied", "cause", "by"), MISSED)
def test_a_call_nobody_answered_has_the_cause_of_what_was_seen(
    q850: int, sip: int | None, rang: bool, replied: bool, cause: Cause, by: HungUpBy
) -> None:
    assert cause_of(q850, sip, rang=rang, answered=False, ours=False, replied=replied) == Ended(cause, by)


@pytest.mark.parametrize(("q850", "sip"), [(16, None), (17, 486), (34, 503), (0, None)])
def test_our_own_hang_up_is_never_taken_for_an_answer_of_the_carrier(q850: int, sip: int | None) -> None:
    assert cause_of(q850, sip, rang=True, answered=False, ours=True) == Ended(Cause.CANCELLED, HungUpBy.US)
    assert cause_of(q850, sip, rang=True, answered=True, ours=True) == Ended(Cause.NORMAL, HungUpBy.US)


def test_a_conversation_the_far_side_ends_has_no_numbers() -> None:
    assert cause_of(0, None, rang=True, answered=True, ours=False) == Ended(Cause.NORMAL, HungUpBy.FAR)


def test_a_phone_that_fell_silent_has_not_hung_up() -> None:
    assert cause_of(44, None, rang=True, answered=True, ours=False) == Ended(Cause.MEDIA_LOST, HungUpBy.CARRIER)
