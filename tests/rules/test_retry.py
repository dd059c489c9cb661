"""What follows an attempt: for every outcome, every disposition, any rules; and that it ends."""

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from campaigns.rules import retry
from campaigns.rules.lifecycle import FinalReason, WaitReason
from campaigns.rules.outcomes import NOT_THE_CUSTOMER, NUMBER_IS_DEAD, DispositionClass, Outcome
from campaigns.rules.retry import DEFAULTS, Finished, History, NextStep, Numbers, Rule, TryAgainAt

NOW = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)
TEN_MINUTES = timedelta(minutes=10)
DAYS = timedelta(days=30)


def after(
    outcome: Outcome,
    *,
    made: Mapping[Outcome, int] | None = None,
    usable: tuple[int, ...] = (1,),
    tried: int = 1,
    rule: Rule | None = None,
    disposition: DispositionClass | None = None,
    max_attempts: int = 10,
) -> NextStep:
    tries = {ended.value: number for ended, number in (made or {outcome: 1}).items()}
    return retry.next_step(
        outcome,
        disposition=disposition,
        history=History(tries, retry.counted(tries)),
        numbers=Numbers(usable, tried),
        rules={outcome: rule} if rule else {},
        max_attempts=max_attempts,
        no_callback_for=DAYS,
        now=NOW,
    )


def test_every_outcome_has_a_rule_by_default() -> None:
    assert set(DEFAULTS) == set(Outcome)


@pytest.mark.parametrize("outcome", [o for o in Outcome if o not in NUMBER_IS_DEAD | {Outcome.CONNECTED}])
def test_what_was_not_reached_is_tried_again_after_its_delay(outcome: Outcome) -> None:
    assert after(outcome, rule=Rule(3, TEN_MINUTES)) == TryAgainAt(NOW + TEN_MINUTES, WaitReason.RETRY, 1)
    assert after(outcome, made={outcome: 3}, rule=Rule(3, TEN_MINUTES)) == Finished(FinalReason.NO_MORE_ATTEMPTS)


@pytest.mark.parametrize("outcome", sorted(NUMBER_IS_DEAD))
def test_a_dead_number_gives_way_to_the_next_at_once_and_the_last_one_finishes_the_lead(outcome: Outcome) -> None:
    assert after(outcome, usable=(2, 3)) == TryAgainAt(NOW, WaitReason.RETRY, 2)
    assert after(outcome, usable=()) == Finished(FinalReason.NO_VALID_NUMBER)


@pytest.mark.parametrize("outcome", sorted(NOT_THE_CUSTOMER))
def test_the_carriers_faults_burn_no_attempt(outcome: Outcome) -> None:
    assert isinstance(after(outcome, made={outcome: 4}, rule=Rule(20, TEN_MINUTES), max_attempts=2), TryAgainAt)
    assert retry.counted({outcome: 7, Outcome.BUSY: 2}) == 2


def test_the_campaigns_limit_counts_all_outcomes_together() -> None:
    made = {Outcome.BUSY: 2, Outcome.NO_ANSWER: 2, Outcome.CONGESTION: 5}
    assert isinstance(after(Outcome.BUSY, made=made, max_attempts=5), TryAgainAt)
    assert after(Outcome.BUSY, made=made, max_attempts=4) == Finished(FinalReason.NO_MORE_ATTEMPTS)


def test_the_next_number_comes_at_once_and_the_wait_only_when_all_were_tried() -> None:
    rule = Rule(9, TEN_MINUTES, next_number=True)
    assert after(Outcome.NO_ANSWER, usable=(1, 2, 3), tried=1, rule=rule) == TryAgainAt(NOW, WaitReason.RETRY, 2)
    assert after(Outcome.NO_ANSWER, usable=(1, 2, 3), tried=2, rule=rule) == TryAgainAt(NOW, WaitReason.RETRY, 3)
    assert after(Outcome.NO_ANSWER, usable=(1, 2, 3), tried=3, rule=rule) == TryAgainAt(NOW + TEN_MINUTES, WaitReason.RETRY, 1)


def test_without_that_rule_the_same_number_is_kept() -> None:
    assert after(Outcome.BUSY, usable=(1, 2, 3), tried=2, rule=Rule(9, TEN_MINUTES)) == TryAgainAt(NOW + TEN_MINUTES, WaitReason.RETRY, 2)


def test_a_growing_wait_is_the_delay_times_the_calls_so_far() -> None:
    rule = Rule(9, TEN_MINUTES, growing=True)
    waits = [after(Outcome.BUSY, made={Outcome.BUSY: made}, rule=rule) for made in (1, 2, 3)]
    assert [step.at - NOW for step in waits if isinstance(step, TryAgainAt)] == [TEN_MINUTES, 2 * TEN_MINUTES, 3 * TEN_MINUTES]


@pytest.mark.parametrize(
    ("disposition", "step"),
    [
        (None, Finished(FinalReason.DONE)),
        (DispositionClass.SUCCESS, Finished(FinalReason.SUCCESS)),
        (DispositionClass.NOT_INTERESTED, Finished(FinalReason.DONE)),
        (DispositionClass.OTHER, Finished(FinalReason.DONE)),
        (DispositionClass.DO_NOT_CALL, Finished(FinalReason.DO_NOT_CALL)),
        (DispositionClass.NO_CALLBACK, TryAgainAt(NOW + DAYS, WaitReason.NO_CALLBACK)),
        (DispositionClass.TRY_AGAIN, TryAgainAt(NOW + timedelta(hours=24), WaitReason.RETRY, 1)),
        (DispositionClass.WRONG_NUMBER, Finished(FinalReason.NO_VALID_NUMBER)),
    ],
)
def test_after_a_conversation_the_agents_word_decides(disposition: DispositionClass | None, step: NextStep) -> None:
    assert after(Outcome.CONNECTED, disposition=disposition) == step


def test_a_wrong_number_gives_way_to_another() -> None:
    step = after(Outcome.CONNECTED, disposition=DispositionClass.WRONG_NUMBER, usable=(1, 2), tried=1)
    assert step == TryAgainAt(NOW, WaitReason.RETRY, 2)


RULES = st.builds(Rule, st.integers(0, 6), st.integers(0, 600).map(lambda m: timedelta(minutes=m)), st.booleans(), st.booleans())


@settings(max_examples=300, deadline=None)
@example(rules={}, numbers=1, max_attempts=1, what_happens=[(Outcome.CONGESTION, DispositionClass.NO_CALLBACK)])
@given(
    rules=st.dictionaries(st.sampled_from(list(Outcome)), RULES),
    numbers=st.integers(1, 4),
    max_attempts=st.integers(1, 12),
    what_happens=st.lists(
        st.tuples(st.sampled_from(list(Outcome)), st.one_of(st.none(), st.sampled_from(list(DispositionClass)))), min_size=1, max_size=12
    ),
)
def test_whatever_the_rules_and_whatever_happens_a_lead_is_finished_some_day(
    rules: dict[Outcome, Rule], numbers: int, max_attempts: int, what_happens: list[tuple[Outcome, DispositionClass | None]]
) -> None:
    usable, tried, now = tuple(range(1, numbers + 1)), 1, NOW
    tries: Counter[str] = Counter()
    # every call either counts against the limit, or against its own rule, or kills a number
    longest = max_attempts + sum(max(rules.get(o, DEFAULTS[o]).max_attempts, 1) for o in NOT_THE_CUSTOMER) + numbers + 1
    for made in range(longest + 1):
        if retry.counted(tries) >= max_attempts:
            return  # the permit refuses
        outcome, disposition = what_happens[made % len(what_happens)]
        tries[outcome] += 1
        if outcome in NUMBER_IS_DEAD or disposition is DispositionClass.WRONG_NUMBER:
            usable = tuple(number for number in usable if number != tried)
        step = retry.next_step(
            outcome,
            disposition=disposition,
            history=History(dict(tries), retry.counted(tries)),
            numbers=Numbers(usable, tried),
            rules=rules,
            max_attempts=max_attempts,
            no_callback_for=DAYS,
            now=now,
        )
        match step:
            case Finished():
                return
            case TryAgainAt(at, _, phone):
                assert at >= now, "never in the past"
                assert phone is None or phone in usable, "never a number that may not be dialed"
                now = at
                tried = phone or (tried if tried in usable else usable[0] if usable else tried)
    raise AssertionError("it never ends")
