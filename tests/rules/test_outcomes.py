"""What happened to an attempt: exactly one outcome for every way a leg can end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.rules.outcomes import ANSWERED_LIVE, NOT_THE_CUSTOMER, NUMBER_IS_DEAD, Outcome, outcome_of
from telephony.rules.hangup_causes import Cause


def of(cause: Cause, *, answered: bool = False, connected: bool = False, announced: bool = False, **more: bool) -> Outcome:
    return outcome_of(cause, answered=answered, connected=connected, announced=announced, **more)


@given(
    cause=st.sampled_from(list(Cause)),
    answered=st.booleans(),
    connected=st.booleans(),
    announced=st.booleans(),
    flags=st.tuples(*[st.booleans()] * 3),
)
def test_every_end_has_an_outcome_and_only_a_conversation_is_one(
    cause: Cause, answered: bool, connected: bool, announced: bool, flags: tuple[bool, bool, bool]
) -> None:
    machine, waited_too_long, by_us = flags
    outcome = of(
        cause,
        answered=answered or connected,
        connected=connected,
        announced=announced,
        machine=machine,
        waited_too_long=waited_too_long,
        by_us=by_us,
    )
    assert (outcome is Outcome.CONNECTED) is (connected and not machine)
    if not answered and not connected and not machine:
        assert outcome is not Outcome.ABANDONED


@pytest.mark.parametrize(
    ("cause", "outcome"),
    [
        (Cause.BUSY, Outcome.BUSY),
        (Cause.NO_ANSWER, Outcome.NO_ANSWER),
        (Cause.REJECTED, Outcome.REJECTED),
        (Cause.UNALLOCATED, Outcome.UNALLOCATED),
        (Cause.CONGESTION, Outcome.CONGESTION),
        (Cause.CANCELLED, Outcome.CANCELLED),
        (Cause.NODE_LOST, Outcome.UNKNOWN),
        (Cause.NORMAL, Outcome.EARLY_HANG_UP),  # only an answered call ends so
    ],
)
def test_an_unanswered_leg_ends_by_its_cause(cause: Cause, outcome: Outcome) -> None:
    assert of(cause) is outcome


@pytest.mark.parametrize("why", ["announced", "waited_too_long", "by_us"])
def test_an_answer_that_found_nobody_is_abandoned_whoever_noticed(why: str) -> None:
    assert of(Cause.NORMAL, answered=True, **{why: True}) is Outcome.ABANDONED


def test_a_customer_who_hangs_up_before_the_two_seconds_was_not_abandoned() -> None:
    assert of(Cause.NORMAL, answered=True) is Outcome.EARLY_HANG_UP


def test_the_groups_do_not_overlap() -> None:
    assert not ANSWERED_LIVE & NOT_THE_CUSTOMER
    assert not ANSWERED_LIVE & NUMBER_IS_DEAD
    assert not NUMBER_IS_DEAD & NOT_THE_CUSTOMER
