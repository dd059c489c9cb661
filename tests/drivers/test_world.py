"""The simulated world itself: its laws, whatever is done to it, and its words."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telephony.drivers.base import Address, AddressKind, Leg, Placed, Placing, Refused
from telephony.drivers.choose import NoSuchCarrier, carrier, use
from telephony.drivers.simulated import wire
from telephony.drivers.simulated.client import Client
from telephony.drivers.simulated.in_process import SimulatedCarrier
from telephony.drivers.simulated.script import (
    BEHAVIOURS,
    Answers,
    Behaviour,
    Busy,
    Mix,
    NoAnswer,
    RefusedAtOnce,
    Script,
    Spread,
    behaviour_from_json,
    behaviour_to_json,
    demo,
    everything_answers,
    seconds,
)
from telephony.drivers.simulated.world import Faults, World
from telephony.rules.events import CarrierEvent, Happened
from telephony.rules.hangup_causes import Cause, HungUpBy

from .labs import VirtualClock

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MARIA = Address(AddressKind.NUMBER, "+4930123", "trunk")


def leg(n: int, to: Address = MARIA, **changes: object) -> Leg:
    return replace(Leg(call_id=UUID(int=n), to=to), **changes)  # type: ignore[arg-type]  # the changes are fields of a Leg


def listening(script: Script | None = None, *, seed: int = 1) -> World:
    world = World(seed, script or Script())
    world.listener(True, START)
    return world


def run_out(world: World) -> list[CarrierEvent]:
    told: list[CarrierEvent] = []
    while (at := world.next_at()) is not None:
        told += world.advance(at)
    return told


class Story:
    """Any sequence of commands, moments apart, told to one world; the events in the order told."""

    def __init__(self, seed: int, acts: Sequence[tuple[int, int, float]]) -> None:
        self.world = listening(demo(), seed=seed)
        self.told: list[CarrierEvent] = []
        self.now = START
        for what, who, later in acts:
            self.now += timedelta(seconds=later)
            self._act(what, UUID(int=who))
        self.told += self.world.advance(self.now)
        self.told += run_out(self.world)

    def _act(self, what: int, who: UUID) -> None:
        world, now = self.world, self.now
        number = Address(AddressKind.NUMBER, f"+49{who.int % 7}", "trunk")
        station = Address(AddressKind.STATION, f"agent{who.int % 3}")
        bridge = UUID(int=1000 + who.int % 4)
        match what:
            case 0 | 1 | 2:
                guarded = timedelta(seconds=2) if what else None
                world.place(leg(who.int, number, guard=guarded, message="sorry", max_length=seconds(60)), now)
            case 3:
                world.place(leg(who.int, station, auto_answer=True, max_length=seconds(90)), now)
            case 4:
                world.hang_up(who, now)
            case 5:
                world.connect(bridge, (who,), now)
            case 6:
                world.leave(bridge, who, now)
            case 7:
                world.raise_guard(who, now)
            case 8:
                world.hold(who, now)
                world.resume(who, now)
            case 9:
                world.play(who, "welcome", who.int % 2 == 0, now)
            case 10:
                world.record(who, f"recording{who}", now)
                world.record(bridge, f"recording{bridge}", now)
            case 11:
                world.snoop(who, bridge, who.int % 2 == 0, now)
            case 12:
                world.station_down(station.value, now)
            case 13:
                world.station_up(station.value, now)
            case _:
                world.far_answers(who, now)


ids = st.integers(min_value=1, max_value=12)
acts = st.lists(st.tuples(st.integers(0, 14), ids, st.sampled_from([0.0, 0.01, 0.3, 2.0, 7.0])), min_size=10, max_size=60)
ONCE_ANSWERED = set(Happened) - {Happened.RANG, Happened.ANSWERED, Happened.ENDED, Happened.INCOMING}


@given(seed=st.integers(0, 1000), acts=acts)
@settings(max_examples=150, deadline=None)
def test_whatever_is_done_events_keep_their_legal_order(seed: int, acts: list[tuple[int, int, float]]) -> None:
    story = Story(seed, acts)

    assert [event.at for event in story.told] == sorted(event.at for event in story.told)
    assert len({event.key for event in story.told}) == len(story.told)
    running: dict[UUID, list[Happened]] = defaultdict(list)
    inside: dict[UUID, UUID] = {}
    for event in story.told:
        if event.call_id is None:
            continue
        before = running[event.call_id]
        if event.kind is Happened.RANG:
            assert before == []
        if event.kind is Happened.ANSWERED:
            assert before in ([], [Happened.RANG])
        if event.kind in ONCE_ANSWERED:
            assert Happened.ANSWERED in before
        if event.kind is Happened.ENTERED_BRIDGE:
            assert event.call_id not in inside
            assert event.bridge is not None
            inside[event.call_id] = event.bridge
        if event.kind is Happened.LEFT_BRIDGE:
            assert inside.pop(event.call_id, None) == event.bridge
        before.append(event.kind)
        if event.kind is Happened.ENDED:
            answered = Happened.ANSWERED in before
            assert answered == (event.cause in (Cause.NORMAL, Cause.MEDIA_LOST))
            inside.pop(event.call_id, None)
            running[event.call_id] = []  # the id may be used again


@given(seed=st.integers(0, 1000), acts=acts)
@settings(max_examples=150, deadline=None)
def test_every_accepted_call_ends_exactly_once(seed: int, acts: list[tuple[int, int, float]]) -> None:
    accepted: Counter[UUID] = Counter()
    place = World.place

    def counting(world: World, leg: Leg, now: datetime) -> Placing:
        placed = place(world, leg, now)
        accepted[leg.call_id] += isinstance(placed, Placed)
        return placed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(World, "place", counting)
        story = Story(seed, acts)

    ended = Counter(event.call_id for event in story.told if event.kind is Happened.ENDED)
    assert ended == +accepted
    listing = story.world.listing(story.now + timedelta(hours=3))
    assert (listing.calls, listing.bridges) == ([], {})


@given(seed=st.integers(0, 1000), acts=acts)
@settings(max_examples=60, deadline=None)
def test_the_same_seed_tells_the_same_story(seed: int, acts: list[tuple[int, int, float]]) -> None:
    assert Story(seed, acts).told == Story(seed, acts).told


@given(st.lists(st.sampled_from(["+491", "+492", "+493"]), max_size=12))
@settings(max_examples=60, deadline=None)
def test_what_one_number_does_does_not_depend_on_others_called_between(order: list[str]) -> None:
    def outcomes(called: list[str]) -> dict[str, list[tuple[Happened, timedelta]]]:
        told: dict[str, list[tuple[Happened, timedelta]]] = defaultdict(list)
        world = listening()
        for n, number in enumerate(called):
            now = START + timedelta(hours=3 * n)
            world.place(leg(n + 1, Address(AddressKind.NUMBER, number)), now)
            told[number] += [(event.kind, event.at - now) for event in run_out(world)]
        return told

    alone = outcomes([number for number in order if number == "+491"])
    assert outcomes(order)["+491"] == alone["+491"]


@given(seed=st.integers(0, 1000), acts=acts)
@settings(max_examples=60, deadline=None)
def test_an_event_is_the_same_after_its_journey(seed: int, acts: list[tuple[int, int, float]]) -> None:
    for event in Story(seed, acts).told:
        assert CarrierEvent.from_json(json.loads(wire.line(event.to_json()))) == event


def test_a_leg_a_listing_and_every_behaviour_are_the_same_after_their_journey() -> None:
    sent = leg(1, guard=seconds(2), message="sorry", detect_machine=seconds(3), auto_answer=True, labels={"lead": "7"}, caller_id="+1")
    world = listening()
    world.script.say(MARIA.value, Answers(after=seconds(0)))
    world.place(sent, START)
    world.advance(START)
    world.connect(UUID(int=9), (sent.call_id,), START + seconds(2.2))
    listing = world.listing(START + seconds(2.5))

    assert wire.leg_from_json(json.loads(wire.line(wire.leg_to_json(sent)))) == sent
    assert wire.listing_from_json(json.loads(wire.line(wire.listing_to_json(listing)))) == listing
    assert listing.bridges == {UUID(int=9): frozenset({sent.call_id})}
    for kind in BEHAVIOURS.values():
        assert behaviour_from_json(json.loads(wire.line(behaviour_to_json(kind())))) == kind()
    pressing = Answers(presses=((seconds(1), "1"),), talks_for=seconds(3))
    assert behaviour_from_json(json.loads(wire.line(behaviour_to_json(pressing)))) == pressing


def test_a_number_meets_what_was_said_of_it_in_order_and_the_last_stays() -> None:
    world = listening()
    world.script.say(MARIA.value, Busy(), NoAnswer(), RefusedAtOnce(cause=Cause.CONGESTION))

    outcomes = []
    for n in range(4):
        placed = world.place(leg(n + 1), START + timedelta(minutes=n))
        outcomes.append(placed.cause if isinstance(placed, Refused) else run_out(world)[-1].cause)

    assert outcomes == [Cause.BUSY, Cause.NO_ANSWER, Cause.CONGESTION, Cause.CONGESTION]


def test_a_cancel_that_crosses_the_answer_ends_an_answered_call() -> None:
    world = listening(Script(hanging_up=seconds(0.05)))
    world.script.say(MARIA.value, Answers(after=seconds(1)))
    world.place(leg(1), START)
    world.hang_up(UUID(int=1), START + seconds(0.98))

    told = run_out(world)

    assert [event.kind for event in told] == [Happened.RANG, Happened.ANSWERED, Happened.ENDED]
    assert (told[-1].cause, told[-1].by) == (Cause.NORMAL, HungUpBy.US)


@pytest.mark.parametrize("meant_to", [Answers(after=seconds(3)), Busy(after=seconds(3)), NoAnswer()])
def test_a_phone_that_dies_while_it_rings_does_nothing_more(meant_to: Behaviour) -> None:
    world = listening()
    world.script.station("ana", meant_to)
    world.place(leg(1, Address(AddressKind.STATION, "ana"), ring_for=seconds(10)), START)
    world.station_down("ana", START + seconds(1))

    ended = run_out(world)[-1]

    assert (ended.kind, ended.at - START, ended.by) == (Happened.ENDED, seconds(10), HungUpBy.CARRIER)


def test_a_person_picks_up_when_told_to_whatever_the_script_had_in_mind() -> None:
    world = listening()
    world.script.say(MARIA.value, NoAnswer())
    world.place(leg(1, max_length=seconds(60)), START)

    assert world.far_answers(UUID(int=1), START + seconds(3))

    assert [event.kind for event in run_out(world)] == [Happened.RANG, Happened.ANSWERED, Happened.ENDED]


def test_lost_late_and_swapped_events_go_wrong_the_same_way_each_time() -> None:
    def story() -> list[CarrierEvent]:
        world = listening(everything_answers())
        world.faults = Faults(drop=0.2, double=0.2, delay=0.2, reorder=0.2, delay_by=seconds(3))
        for n in range(200):
            world.place(leg(n + 1), START + timedelta(seconds=n))
        return run_out(world)

    told = story()
    keys = Counter(event.key for event in told)
    assert told == story()
    assert 420 < len(keys) < 540  # of 600
    assert set(keys.values()) == {1, 2}
    assert [event.at for event in told] != sorted(event.at for event in told)
    ended = [event.call_id for event in told if event.kind is Happened.ENDED]
    assert len(ended) > 100
    told_last = {event.call_id: event.kind for event in told}
    assert Happened.ANSWERED in told_last.values()  # after its end


def test_agendas_of_calls_long_gone_are_swept_out() -> None:
    world = listening()
    world.script.say(MARIA.value, Answers(after=seconds(0), talks_for=seconds(600)))
    for n in range(20_000):
        now = START + timedelta(milliseconds=n)
        world.place(leg(n + 1), now)
        world.hang_up(UUID(int=n + 1), now)
    world.advance(START + timedelta(minutes=1))

    assert len(world._agenda) < 8_000


def test_answers_come_at_the_rate_asked_for() -> None:
    script = Script(mix=Mix().answered_at(0.25))
    met = [type(script.number_meets(f"+49{n}", seed=1, nth=1)).__name__ for n in range(4000)]

    assert 0.22 < sum(name in ("Answers", "Machine") for name in met) / len(met) < 0.28


def test_people_who_live_faster_ring_and_talk_shorter() -> None:
    slow = Script(answers_after=Spread(seconds(4), seconds(8)))

    assert slow.faster(4).answers_after == Spread(seconds(1), seconds(2))


def test_an_unknown_carrier_is_named_as_such_and_a_known_one_is_made_once() -> None:
    with pytest.raises(NoSuchCarrier):
        carrier("pigeon", "coop:1")
    assert isinstance(carrier("simulated", "127.0.0.1:9"), Client)
    assert carrier("simulated", "127.0.0.1:9") is carrier("simulated", "127.0.0.1:9")


def test_another_carrier_stands_in_until_it_is_taken_back() -> None:
    stand_in = SimulatedCarrier(World(1, Script()), VirtualClock())
    use("simulated", "test:1", stand_in)

    assert carrier("simulated", "test:1") is stand_in

    use("simulated", "test:1", None)
    assert isinstance(carrier("simulated", "test:1"), Client)
