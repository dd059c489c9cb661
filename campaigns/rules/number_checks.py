"""What is asked of a validation service, how its answers are read, when it is left alone, and what an agent is told. See docs/validation.md."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from dialer_project.lib.sentence import say

# numbers in one question
AT_ONCE = 100
# how long before its verdict runs out a number is asked about again, and what a verdict must still hold when a record is given to an agent:
# an agent's phone rings before the customer's does
STILL_HOLDS = timedelta(seconds=90)
# a number of which the service said that it knows nothing
NOT_KNOWN_FOR = timedelta(minutes=5)
# the wait of a record whose number is being asked about
ASKED_WITHIN = timedelta(seconds=5)

FAILURES_TO_OPEN = 3
_OPEN_FOR = timedelta(seconds=5)
_LONGEST_OPEN = timedelta(seconds=60)


class Answer(StrEnum):
    CLEAR = "clear"
    LISTED = "listed"
    UNKNOWN = "unknown"  # it cannot say: not called, and asked again later


@dataclass(frozen=True, slots=True)
class Service:
    """A validation service as a permit sees it. `problem`: why it cannot be asked, a sentence; empty while it answers."""

    id: int
    name: str
    problem: str = ""
    answers_within: timedelta = timedelta(seconds=3)


@dataclass(frozen=True, slots=True)
class Breaker:
    """How a service stands: closed while it answers, open after failures in a row; then one question at a time finds out whether it is back."""

    failures: int = 0
    ask_again_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        return self.failures >= FAILURES_TO_OPEN

    def may_ask(self, now: datetime) -> bool:
        return not self.is_open or self.ask_again_at is None or self.ask_again_at <= now

    def failed(self, now: datetime) -> "Breaker":
        """The pause doubles with each question in vain, up to a minute."""
        failures = self.failures + 1
        if failures < FAILURES_TO_OPEN:
            return Breaker(failures)
        pause = min(_OPEN_FOR * 2 ** min(failures - FAILURES_TO_OPEN, 10), _LONGEST_OPEN)
        return Breaker(failures, now + pause)


def problem(name: str, *, enabled: bool, breaker: Breaker, why: str) -> str:
    """The cause that holds a campaign; empty where its service can be asked."""
    if not enabled:
        return say("The validation service {service} is switched off: switch it on, or take it off the campaign.", service=name)
    if breaker.is_open:
        return say("The validation service {service} is unavailable: {why}. It is asked again by itself.", service=name, why=why)
    return ""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An answer that is none; `why` is a part of a sentence."""

    why: str


def question(numbers: Sequence[str]) -> bytes:
    return json.dumps({"numbers": list(numbers)}).encode()


class _Twice(Exception):
    """A name comes twice: which of both is meant nobody knows."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _Twice
    return found


def read_answer(status: int, body: bytes, *, asked: Collection[str]) -> dict[str, Answer] | Unreadable:
    """A verdict for each number asked about. One that is missing, or a word that means nothing, spoils the whole answer."""
    if status != 200:
        return Unreadable(f"it answered with status {status}")
    try:
        given: Any = json.loads(body, object_pairs_hook=_once)
    except _Twice:
        return Unreadable("its answer says something twice")
    except (ValueError, RecursionError):
        return Unreadable("its answer is no JSON")
    verdicts = given.get("numbers") if isinstance(given, dict) else None
    if not isinstance(verdicts, dict):
        return Unreadable("its answer has no numbers")
    try:
        return {number: Answer(verdicts[number]) for number in asked}
    except (KeyError, ValueError):
        return Unreadable("its answer lacks a number that was asked about, or has a word that means nothing")


class Told(StrEnum):
    """The four messages, word for word as the trade knows them."""

    LISTED = say("The phone number is on the Do-Not-Call list")
    LISTED_NEXT = say("The phone number is on the Do-Not-Call list. The next available phone number will be selected.")
    UNAVAILABLE = say("The phone number cannot be validated (Do-Not-Call list service is unavailable).")
    UNAVAILABLE_NEXT = say(
        "The phone number cannot be validated (Do-Not-Call list service is unavailable). The next available phone number will be selected."
    )


def told(answer: Answer | None, *, another: bool) -> Told:
    """Of a number that is listed, or of which nobody could say whether it is; `another`: the person has another number."""
    if answer is Answer.LISTED:
        return Told.LISTED_NEXT if another else Told.LISTED
    return Told.UNAVAILABLE_NEXT if another else Told.UNAVAILABLE
