"""How the simulated people and phones behave: a mix by chance, a spread for every time, and words for one number or station."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import timedelta
from hashlib import blake2b
from struct import unpack
from typing import Any

from telephony.rules.hangup_causes import Cause


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


def rolls(*what: object) -> tuple[float, ...]:
    """Eight even chances in [0, 1) that depend on `what` and on nothing else, in any process."""
    digest = blake2b(repr(what).encode(), digest_size=32).digest()
    return tuple(number / 2**32 for number in unpack("<8I", digest))


@dataclass(frozen=True, slots=True)
class Spread:
    """A time between two times; skew above 1 makes short ones more frequent."""

    shortest: timedelta
    longest: timedelta
    skew: float = 1.0

    def at(self, roll: float) -> timedelta:
        share = roll if self.skew == 1.0 else roll**self.skew
        return self.shortest + (self.longest - self.shortest) * share

    def faster(self, factor: float) -> Spread:
        return replace(self, shortest=self.shortest / factor, longest=self.longest / factor)


# What one call meets. `after` counts from the placing, other times from the answer.


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """talks_for None: until the other side hangs up. presses: (time after the answer, key)."""

    after: timedelta = timedelta(seconds=1)
    talks_for: timedelta | None = None
    rings: bool = True
    presses: tuple[tuple[timedelta, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """An answering machine or a mailbox: it greets, listens, and hangs up after talks_for."""

    after: timedelta = timedelta(seconds=1)
    talks_for: timedelta | None = timedelta(seconds=20)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoAnswer:
    """Rings until we give up, or until the network does (`after`)."""

    after: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrunkSilent:
    """Nothing ever comes back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedAtOnce:
    """The carrier itself says no; no call, no event."""

    cause: Cause = Cause.CONGESTION


@dataclass(frozen=True, slots=True, kw_only=True)
class Fails:
    cause: Cause = Cause.FAILED
    after: timedelta = timedelta(seconds=0.2)
    rings: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Busy(Fails):
    cause: Cause = Cause.BUSY


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejects(Fails):
    cause: Cause = Cause.REJECTED
    after: timedelta = timedelta(seconds=1)
    rings: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Unavailable(Fails):
    cause: Cause = Cause.UNAVAILABLE


@dataclass(frozen=True, slots=True, kw_only=True)
class Unallocated(Fails):
    cause: Cause = Cause.UNALLOCATED


@dataclass(frozen=True, slots=True, kw_only=True)
class InvalidNumber(Fails):
    cause: Cause = Cause.INVALID_NUMBER


@dataclass(frozen=True, slots=True, kw_only=True)
class Congestion(Fails):
    cause: Cause = Cause.CONGESTION


Behaviour = Answers | Machine | NoAnswer | TrunkSilent | RefusedAtOnce | Fails
BEHAVIOURS: dict[str, type[Behaviour]] = {
    kind.__name__: kind
    for kind in (
        Answers,
        Machine,
        NoAnswer,
        TrunkSilent,
        RefusedAtOnce,
        Fails,
        Busy,
        Rejects,
        Unavailable,
        Unallocated,
        InvalidNumber,
        Congestion,
    )
}


def behaviour_to_json(behaviour: Behaviour) -> dict[str, Any]:
    said: dict[str, Any] = {"is": type(behaviour).__name__}
    for each in fields(behaviour):
        value = getattr(behaviour, each.name)
        if isinstance(value, timedelta):
            value = value.total_seconds()
        elif each.name == "presses":
            value = [[after.total_seconds(), key] for after, key in value]
        said[each.name] = value
    return said


def behaviour_from_json(said: Mapping[str, Any]) -> Behaviour:
    """The inverse of behaviour_to_json; KeyError or TypeError where it is not one."""
    read: dict[str, Any] = dict(said)
    kind = BEHAVIOURS[read.pop("is")]
    for name in ("after", "talks_for"):
        if read.get(name) is not None:
            read[name] = seconds(read[name])
    if "cause" in read:
        read["cause"] = Cause(read["cause"])
    if "presses" in read:
        read["presses"] = tuple((seconds(after), key) for after, key in read["presses"])
    return kind(**read)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """Weights; only their ratios count."""

    answers: float = 0.32
    machine: float = 0.14
    no_answer: float = 0.30
    busy: float = 0.10
    rejected: float = 0.05
    unavailable: float = 0.03
    unallocated: float = 0.02
    invalid: float = 0.01
    congestion: float = 0.02
    trunk_silent: float = 0.01

    @property
    def missed(self) -> float:
        refused = self.busy + self.rejected + self.unavailable + self.unallocated + self.invalid
        return self.no_answer + refused + self.congestion + self.trunk_silent

    def answered_at(self, rate: float) -> Mix:
        """The same mix where this share of all calls is answered, by a person or a machine."""
        answered = self.answers + self.machine
        up = rate / answered if answered else 0.0
        down = (1 - rate) / self.missed if self.missed else 0.0
        return Mix(**{each.name: getattr(self, each.name) * (up if each.name in ("answers", "machine") else down) for each in fields(self)})


@dataclass(kw_only=True)
class Script:
    """The whole world's behaviour. Numbers and stations nobody has said anything about follow the mix."""

    mix: Mix = field(default_factory=Mix)
    answers_after: Spread = Spread(seconds(2), seconds(15), 1.5)
    talks_for: Spread = Spread(seconds(8), seconds(240), 2.0)
    early_hang_ups: float = 0.04  # of the people who answer
    early_hang_up_after: Spread = Spread(seconds(0.3), seconds(3))
    machine_talks_for: Spread = Spread(seconds(10), seconds(40))
    no_answer_after: Spread | None = None  # None: rings until our own ring time-out
    fails_after: Spread = Spread(seconds(0.1), seconds(1.5))
    rings: bool = True  # some carriers never report it

    post_dial: timedelta = timedelta(seconds=0.3)  # from placing to ringing
    bridging: timedelta = timedelta(seconds=0.01)
    hanging_up: timedelta = timedelta(seconds=0.01)  # an answer may cross our cancel for this long
    verdict_after: timedelta = timedelta(seconds=2)
    announcement_lasts: timedelta = timedelta(seconds=4)
    no_such_sound: str = "nowhere"  # the one announcement this carrier does not have

    station_answers_after: timedelta = timedelta(seconds=1)
    auto_answers_after: timedelta = timedelta(seconds=0.2)
    station_told_after: timedelta = timedelta(seconds=0.04)  # a phone that goes or comes back, until the carrier says so
    media_timeout: timedelta | None = timedelta(seconds=5)  # the carrier ends an answered leg that went silent

    numbers: dict[str, list[Behaviour]] = field(default_factory=dict)
    stations: dict[str, list[Behaviour]] = field(default_factory=dict)

    def say(self, number: str, *behaviours: Behaviour) -> None:
        """The next calls to this number meet these, one after the other; the last one stays. None given: the mix again."""
        self._say(self.numbers, number, behaviours)

    def station(self, name: str, *behaviours: Behaviour) -> None:
        """The same for a station."""
        self._say(self.stations, name, behaviours)

    @staticmethod
    def _say(lines: dict[str, list[Behaviour]], who: str, behaviours: tuple[Behaviour, ...]) -> None:
        if behaviours:
            lines[who] = list(behaviours)
        else:
            lines.pop(who, None)

    def number_meets(self, number: str, *, seed: int, nth: int) -> Behaviour:
        lines = self.numbers.get(number)
        return self.by_chance(rolls(seed, number, nth)) if lines is None else _next_line(lines)

    def station_meets(self, name: str, *, auto_answer: bool) -> Behaviour:
        """A phone told to answer by itself does so, whoever sits there; unless the script has words for it."""
        lines = self.stations.get(name)
        if lines is not None:
            return _next_line(lines)
        return Answers(after=self.auto_answers_after if auto_answer else self.station_answers_after)

    def by_chance(self, roll: tuple[float, ...]) -> Behaviour:
        which, ring, talk, early, failing = roll[:5]
        mix = self.mix
        answered = mix.answers + mix.machine
        which *= answered + mix.missed
        if which < mix.answers:
            talks = self.early_hang_up_after if early < self.early_hang_ups else self.talks_for
            return Answers(after=self.answers_after.at(ring), talks_for=talks.at(talk), rings=self.rings)
        if which < answered:
            return Machine(after=self.answers_after.at(ring), talks_for=self.machine_talks_for.at(talk))
        which -= answered
        if which < mix.no_answer:
            return NoAnswer(after=None if self.no_answer_after is None else self.no_answer_after.at(ring))
        which -= mix.no_answer
        after = self.fails_after.at(failing)
        for weight, cause in (
            (mix.busy, Cause.BUSY),
            (mix.rejected, Cause.REJECTED),
            (mix.unavailable, Cause.UNAVAILABLE),
            (mix.unallocated, Cause.UNALLOCATED),
            (mix.invalid, Cause.INVALID_NUMBER),
            (mix.congestion, Cause.CONGESTION),
        ):
            if which < weight:
                return Fails(cause=cause, after=after, rings=cause is Cause.REJECTED)
            which -= weight
        return TrunkSilent()

    def faster(self, factor: float) -> Script:
        """The same people, living this many times as fast. Limits that callers set (ring time, guard) are not touched."""
        return replace(
            self,
            answers_after=self.answers_after.faster(factor),
            talks_for=self.talks_for.faster(factor),
            early_hang_up_after=self.early_hang_up_after.faster(factor),
            machine_talks_for=self.machine_talks_for.faster(factor),
            no_answer_after=None if self.no_answer_after is None else self.no_answer_after.faster(factor),
            fails_after=self.fails_after.faster(factor),
            post_dial=self.post_dial / factor,
            station_answers_after=self.station_answers_after / factor,
        )


def _next_line(lines: list[Behaviour]) -> Behaviour:
    return lines.pop(0) if len(lines) > 1 else lines[0]


def demo() -> Script:
    """Short rings and short talks, so that a demo lives; a network that gives up by itself keeps it moving."""
    return Script(
        mix=Mix(answers=0.45, machine=0.12, no_answer=0.20, busy=0.10, rejected=0.05, unavailable=0.03, congestion=0.02),
        answers_after=Spread(seconds(1), seconds(6)),
        talks_for=Spread(seconds(5), seconds(40), 1.5),
        no_answer_after=Spread(seconds(6), seconds(12)),
        announcement_lasts=seconds(3),
    )


def everything_answers() -> Script:
    """Every call is answered at once and hung up at once: for measuring what is around it."""
    nothing = Spread(seconds(0), seconds(0))
    return Script(
        mix=Mix(
            answers=1,
            machine=0,
            no_answer=0,
            busy=0,
            rejected=0,
            unavailable=0,
            unallocated=0,
            invalid=0,
            congestion=0,
            trunk_silent=0,
        ),
        answers_after=nothing,
        talks_for=nothing,
        early_hang_ups=0.0,
        post_dial=seconds(0),
        bridging=seconds(0),
        hanging_up=seconds(0),
        station_answers_after=seconds(0),
        auto_answers_after=seconds(0),
    )
