"""A validation service's answers, its breaker, and what an agent is told: word for word."""

from datetime import UTC, datetime, timedelta

import pytest

from campaigns.rules.number_checks import Answer, Breaker, Unreadable, question, read_answer, told

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
ONE, TWO = "+34600000001", "+34600000002"


@pytest.mark.parametrize(
    ("answer", "another", "sentence"),
    [
        (Answer.LISTED, False, "The phone number is on the Do-Not-Call list"),
        (Answer.LISTED, True, "The phone number is on the Do-Not-Call list. The next available phone number will be selected."),
        (None, False, "The phone number cannot be validated (Do-Not-Call list service is unavailable)."),
        (
            Answer.UNKNOWN,
            True,
            "The phone number cannot be validated (Do-Not-Call list service is unavailable). The next available phone number will be selected.",
        ),
    ],
)
def test_the_four_messages_are_word_for_word(answer: Answer | None, another: bool, sentence: str) -> None:
    assert told(answer, another=another) == sentence


def test_a_question_is_answered_number_by_number() -> None:
    assert question([ONE, TWO]) == b'{"numbers": ["+34600000001", "+34600000002"]}'
    said = b'{"numbers": {"+34600000001": "clear", "+34600000002": "listed", "+34600000003": "clear"}, "more": 1}'
    assert read_answer(200, said, asked=[ONE, TWO]) == {ONE: Answer.CLEAR, TWO: Answer.LISTED}
    assert read_answer(200, b'{"numbers": {"+34600000001": "unknown"}}', asked=[ONE]) == {ONE: Answer.UNKNOWN}


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (500, b'{"numbers": {"+34600000001": "clear"}}'),
        (204, b""),
        (302, b'{"numbers": {"+34600000001": "clear"}}'),
        (200, b"<html>"),
        (200, b"\xff\xfe"),
        (200, b"[" * 100_000),
        (200, b"[]"),
        (200, b'{"numbers": ["+34600000001"]}'),
        (200, b'{"numbers": {}}'),
        (200, b'{"numbers": {"+34600000001": "fine"}}'),
        (200, b'{"numbers": {"+34600000001": true}}'),
        (200, b'{"numbers": {"+34600000001": ["clear"]}}'),
        (200, b'{"numbers": {"+34600000001": null}}'),
        (200, b'{"numbers": {"+34600000002": "clear"}}'),
        (200, b'{"numbers": {"+34600000001": "listed", "+34600000001": "clear"}}'),
        (200, b'{"numbers": {"+34600000001": "listed"}, "numbers": {"+34600000001": "clear"}}'),
    ],
)
def test_what_is_no_answer_allows_nothing(status: int, said: bytes) -> None:
    assert isinstance(read_answer(status, said, asked=[ONE]), Unreadable)


def test_a_breaker_opens_at_the_third_failure_and_is_patient_for_up_to_a_minute() -> None:
    breaker, pauses = Breaker(), []
    for _ in range(2):
        breaker = breaker.failed(NOW)
        assert not breaker.is_open
        assert breaker.may_ask(NOW)
    for _ in range(7):
        breaker = breaker.failed(NOW)
        assert breaker.is_open
        assert breaker.ask_again_at is not None
        pauses.append((breaker.ask_again_at - NOW).total_seconds())
        assert not breaker.may_ask(breaker.ask_again_at - timedelta(seconds=1))
        assert breaker.may_ask(breaker.ask_again_at)
    assert pauses == [5, 10, 20, 40, 60, 60, 60]
    assert Breaker(10_000).failed(NOW).ask_again_at == NOW + timedelta(seconds=60)
