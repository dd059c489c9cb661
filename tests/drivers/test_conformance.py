"""What every carrier behind the protocol must do, the real one too."""

from __future__ import annotations

import os
import wave
from datetime import timedelta
from io import BytesIO
from uuid import uuid4

import pytest

from telephony.drivers.base import (
    Address,
    AddressKind,
    CallStanding,
    CarrierDown,
    CarrierTimeout,
    Leg,
    LostCarrier,
    Phone,
    Placed,
    Refused,
    Replaced,
    Unclear,
)
from telephony.rules.events import CarrierEvent, Happened
from telephony.rules.hangup_causes import Cause, HungUpBy, who_ended

from .labs import MEETINGS, Lab

SAID_BEFORE_ANYTHING_RINGS = {Cause.BUSY, Cause.UNAVAILABLE, Cause.UNALLOCATED, Cause.INVALID_NUMBER, Cause.CONGESTION}
GUARD = timedelta(seconds=2)


def test_a_call_rings_is_answered_joins_an_agent_and_ends_with_the_customer(lab: Lab) -> None:
    agent = lab.answered(lab.station("ana"), auto_answer=True)
    maria = lab.answered(lab.customer_answers(talks_for=1.5))
    bridge = uuid4()
    lab.bridged(bridge, agent, maria)

    ended = lab.wait_for(maria, Happened.ENDED)

    assert (ended.cause, ended.by) == (Cause.NORMAL, HungUpBy.FAR)
    assert lab.kinds(maria) == [Happened.RANG, Happened.ANSWERED, Happened.ENTERED_BRIDGE, Happened.ENDED]
    assert [event.at for event in lab.of(maria)] == sorted(event.at for event in lab.of(maria))
    assert all(event.boot == lab.carrier.boot() for event in lab.of(maria))
    assert lab.listed(maria) is None
    still_there = lab.listed(agent)
    assert still_there is not None
    assert (still_there.state, still_there.bridge, still_there.station) == (CallStanding.UP, bridge, "ana")


@pytest.mark.parametrize("cause", sorted(MEETINGS))
def test_every_way_not_to_be_answered_has_its_cause(lab: Lab, cause: Cause) -> None:
    call = lab.call(lab.person(MEETINGS[cause]()), ring_for=timedelta(seconds=1.5))

    ended = lab.wait_for(call, Happened.ENDED)

    assert (ended.cause, ended.by) == (cause, who_ended(cause))
    assert Happened.ANSWERED not in lab.kinds(call)
    if cause in SAID_BEFORE_ANYTHING_RINGS or cause is Cause.TRUNK_NOT_RESPONDING:
        assert lab.kinds(call) == [Happened.ENDED]


def test_ringing_ends_when_our_ring_time_is_over(lab: Lab) -> None:
    call = lab.call(lab.customer_rings_on(), ring_for=timedelta(seconds=1.5))
    rang = lab.wait_for(call, Happened.RANG)
    assert lab.listed(call) is not None

    ended = lab.wait_for(call, Happened.ENDED)

    assert ended.cause is Cause.NO_ANSWER
    assert timedelta(seconds=0.5) < ended.at - rang.at < timedelta(seconds=2.5)


def test_a_ringing_call_is_cancelled(lab: Lab) -> None:
    call = lab.call(lab.customer_rings_on())
    lab.wait_for(call, Happened.RANG)

    assert lab.carrier.hang_up(call)

    ended = lab.wait_for(call, Happened.ENDED)
    assert (ended.cause, ended.by) == (Cause.CANCELLED, HungUpBy.US)
    assert not lab.carrier.hang_up(call)


def test_an_answered_call_is_hung_up_by_us(lab: Lab) -> None:
    call = lab.answered(lab.customer_answers())

    assert lab.carrier.hang_up(call)

    ended = lab.wait_for(call, Happened.ENDED)
    assert (ended.cause, ended.by) == (Cause.NORMAL, HungUpBy.US)


@pytest.mark.parametrize("answers_after", [0.30, 0.31, 0.32, 0.35])
def test_a_cancel_that_crosses_the_answer_ends_as_one_of_the_two(lab: Lab, answers_after: float) -> None:
    call = lab.call(lab.customer_answers(after=answers_after))
    lab.wait_for(call, Happened.RANG)
    lab.carrier.hang_up(call)

    ended = lab.wait_for(call, Happened.ENDED)

    answered = Happened.ANSWERED in lab.kinds(call)
    assert ended.by is HungUpBy.US
    assert ended.cause is (Cause.NORMAL if answered else Cause.CANCELLED)
    assert lab.kinds(call)[-1] is Happened.ENDED


def test_the_same_id_is_refused_and_the_first_call_lives(lab: Lab) -> None:
    leg = lab.leg(lab.customer_rings_on())
    assert lab.carrier.place(leg) == Placed()

    again = lab.carrier.place(leg)

    assert isinstance(again, Refused)
    assert again.already_there
    lab.wait_for(leg.call_id, Happened.RANG)


def test_many_are_placed_at_once_and_answered_for_in_order(lab: Lab) -> None:
    first, last = lab.leg(lab.customer_rings_on()), lab.leg(lab.customer_rings_on())

    placed = lab.carrier.place_many([first, first, last])

    assert isinstance(placed[1], Refused)
    assert (placed[0], placed[2]) == (Placed(), Placed())
    lab.wait_for(last.call_id, Happened.RANG)


def test_an_unregistered_station_is_refused_and_never_heard_of(lab: Lab) -> None:
    away = lab.station("ben")
    lab.station_dies("ben")
    lab.wait_for_station("ben", Happened.STATION_LOST)
    leg = lab.leg(away)

    refused = lab.carrier.place(leg)

    assert isinstance(refused, Refused)
    assert (refused.cause, refused.already_there) == (Cause.UNAVAILABLE, False)
    lab.pass_time(0.5)
    assert lab.of(leg.call_id) == []


def test_a_station_that_does_not_pick_up_ends_with_no_answer(lab: Lab) -> None:
    call = lab.call(lab.station("ana", answers_after=None), ring_for=timedelta(seconds=1))

    assert lab.wait_for(call, Happened.ENDED).cause is Cause.NO_ANSWER
    assert lab.of(call)[0].station == "ana"


def test_the_listing_agrees_with_the_events(lab: Lab) -> None:
    ringing = lab.call(lab.customer_rings_on())
    talking = lab.answered(lab.customer_answers())
    bridge = uuid4()
    lab.bridged(bridge, talking)
    lab.wait_for(ringing, Happened.RANG)

    listing = lab.carrier.list()

    calls = {call.call_id: call for call in listing.calls}
    assert listing.boot == lab.carrier.boot()
    assert (calls[ringing].state, calls[ringing].rang, calls[ringing].answered_at) == (CallStanding.RINGING, True, None)
    assert (calls[talking].state, calls[talking].bridge) == (CallStanding.UP, bridge)
    answered_at = calls[talking].answered_at
    assert answered_at is not None
    assert abs(answered_at - lab.wait_for(talking, Happened.ANSWERED).at) < timedelta(seconds=0.2)
    assert listing.bridges[bridge] == {talking}


def test_a_second_listener_replaces_the_first(lab: Lab) -> None:
    first = lab.subscription
    assert first is not None
    call = lab.call(lab.customer_answers(after=0.4))
    lab.wait_for(call, Happened.RANG)

    lab.listen()

    lab.wait_for(call, Happened.ANSWERED)
    with pytest.raises(Replaced):
        first.next(5.0)
    with pytest.raises(Replaced):
        first.next(5.0)
    first.close()
    lab.carrier.hang_up(call)
    lab.wait_for(call, Happened.ENDED)


def test_what_nobody_hears_is_lost_and_found_by_listing(lab: Lab) -> None:
    ends_in_the_gap = lab.answered(lab.customer_answers(talks_for=0.6))
    stays = lab.answered(lab.customer_answers())
    rings_on = lab.call(lab.customer_rings_on())
    lab.deaf()
    lab.wait_until_gone(ends_in_the_gap)
    lab.listen()

    listed = {call.call_id for call in lab.carrier.list().calls}

    assert listed == {stays, rings_on}
    lab.pass_time(0.3)
    assert Happened.ENDED not in lab.kinds(ends_in_the_gap)
    lab.carrier.hang_up(stays)
    lab.wait_for(stays, Happened.ENDED)


def test_who_is_answered_while_nobody_listens_hears_the_message(lab: Lab) -> None:
    call = lab.call(lab.customer_answers(after=0.6), guard=GUARD, message="sorry")
    lab.deaf()
    lab.until(lambda: call in lab.carrier.list().message_played, what="the message")
    lab.wait_until_gone(call)

    assert call in lab.carrier.list().message_played


def test_every_event_may_come_twice_with_the_same_key(lab: Lab) -> None:
    lab.double_every_event()
    call = lab.answered(lab.customer_answers(talks_for=0.2))
    lab.wait_for(call, Happened.ENDED)
    times = 2 if lab.tells_doubles else 1
    lab.until(lambda: len([event for event in lab.heard if event.call_id == call]) == 3 * times, what="all of each")
    lab.pass_time(0.3)

    assert lab.kinds(call) == [Happened.RANG, Happened.ANSWERED, Happened.ENDED]
    for event in lab.of(call):
        assert [each for each in lab.heard if each.key == event.key] == [event] * times


def test_a_late_originate_rings_after_we_gave_up(lab: Lab) -> None:
    leg = lab.leg(lab.customer_answers())
    lab.stall(1.6)

    assert isinstance(lab.carrier.place(leg), Unclear)

    lab.wait_for(leg.call_id, Happened.ANSWERED)
    again = lab.carrier.place(leg)
    assert isinstance(again, Refused)
    assert again.already_there
    assert lab.carrier.hang_up(leg.call_id)
    lab.wait_for(leg.call_id, Happened.ENDED)


def test_other_commands_to_a_stalled_carrier_time_out(lab: Lab) -> None:
    call = lab.answered(lab.customer_answers())
    lab.stall(1.6)

    with pytest.raises(CarrierTimeout):
        lab.carrier.hang_up(call)

    lab.wait_for(call, Happened.ENDED)


def test_a_carrier_that_takes_no_calls_says_so_at_once(lab: Lab) -> None:
    lab.refuse_placing()
    leg = lab.leg(lab.customer_answers())

    assert isinstance(lab.carrier.place(leg), Refused)
    assert lab.listed(leg.call_id) is None


def test_an_answer_nobody_takes_care_of_hears_the_message_at_two_seconds(lab: Lab) -> None:
    call = lab.answered(lab.customer_answers(), guard=GUARD, message="sorry")
    listed = lab.listed(call)
    assert listed is not None
    assert listed.guarded

    started = lab.wait_for(call, Happened.ANNOUNCEMENT_STARTED)
    ended = lab.wait_for(call, Happened.ENDED)

    waited = started.at - lab.wait_for(call, Happened.ANSWERED).at
    assert timedelta(seconds=1.9) < waited < timedelta(seconds=2.2)
    assert started.data["announcement"] == "sorry"
    assert started.data["by"] == "guard"
    assert (ended.cause, ended.by) == (Cause.NORMAL, HungUpBy.CARRIER)
    assert lab.kinds(call)[2:] == [Happened.ANNOUNCEMENT_STARTED, Happened.ANNOUNCEMENT_ENDED, Happened.ENDED]
    assert abs(lab.carrier.list().message_played[call] - started.at) < timedelta(seconds=0.2)


def test_a_bridged_customer_whose_guard_was_not_raised_is_taken_out_for_the_message(lab: Lab) -> None:
    call = lab.answered(lab.customer_answers(), guard=GUARD, message="sorry")
    bridge = uuid4()
    lab.bridged(bridge, call)

    lab.wait_for(call, Happened.ANNOUNCEMENT_STARTED)

    assert Happened.LEFT_BRIDGE in lab.kinds(call)
    assert not lab.carrier.raise_guards({call: None})[0]
    assert not lab.carrier.connect(bridge, call)


def test_a_raised_guard_keeps_the_call(lab: Lab) -> None:
    call = lab.answered(lab.customer_answers(), guard=GUARD, message="sorry")
    lab.bridged(uuid4(), call)

    assert lab.carrier.raise_guards({call: None})[0]

    lab.pass_time(2.5)
    assert lab.kinds(call)[-1] is Happened.ENTERED_BRIDGE
    listed = lab.listed(call)
    assert listed is not None
    assert not listed.guarded
    assert call not in lab.carrier.list().message_played


def test_the_carrier_ends_a_call_at_its_greatest_length(lab: Lab) -> None:
    call = lab.answered(lab.customer_answers(), max_length=timedelta(seconds=1))

    ended = lab.wait_for(call, Happened.ENDED)

    assert (ended.cause, ended.by) == (Cause.NORMAL, HungUpBy.CARRIER)


def test_a_leg_outlives_its_phone_and_takes_a_customer_to_nobody(lab: Lab) -> None:
    agent = lab.answered(lab.station("ana"), auto_answer=True)
    customer = lab.answered(lab.customer_answers())

    lab.station_dies("ana")

    lost = lab.wait_for_station("ana", Happened.STATION_LOST)
    assert lost.call_id is None
    assert lab.carrier.list().stations["ana"] is False
    listed = lab.listed(agent)
    assert listed is not None
    assert listed.state is CallStanding.UP
    lab.bridged(uuid4(), agent, customer)


def test_a_phone_that_comes_back_is_called_again_while_its_old_leg_dies_alone(lab: Lab) -> None:
    station = lab.station("ana")
    old = lab.answered(station, auto_answer=True)
    lab.station_dies("ana")
    lab.wait_for_station("ana", Happened.STATION_LOST)
    lab.station_registers("ana")
    lab.wait_for_station("ana", Happened.STATION_BACK)

    new = lab.answered(station, auto_answer=True)

    ended = lab.wait_for(old, Happened.ENDED)
    assert (ended.cause, ended.by) == (Cause.MEDIA_LOST, HungUpBy.CARRIER)
    listed = lab.listed(new)
    assert listed is not None
    assert listed.state is CallStanding.UP


def test_a_call_leaves_its_bridge_alive_and_an_empty_bridge_is_gone(lab: Lab) -> None:
    call = lab.answered(lab.customer_answers())
    first, second = uuid4(), uuid4()
    lab.bridged(first, call)

    assert lab.carrier.leave_many([(first, call)])[0]

    assert lab.wait_for(call, Happened.LEFT_BRIDGE).bridge == first
    assert not lab.carrier.leave_many([(first, call)])[0]
    assert first not in lab.carrier.list().bridges
    assert lab.carrier.connect(second, call)
    lab.until(lambda: second in lab.carrier.list().bridges, what="the second bridge")


def test_who_waits_in_a_bridge_hears_music_and_is_joined_there(lab: Lab) -> None:
    customer, agent = lab.answered(lab.customer_answers()), lab.answered(lab.station("ana"), auto_answer=True)
    bridge = uuid4()
    assert not lab.carrier.play_music(bridge)
    lab.bridged(bridge, customer)

    assert lab.carrier.play_music(bridge)
    lab.bridged(bridge, agent)
    assert lab.carrier.stop_music(bridge)

    assert lab.carrier.list().bridges[bridge] == {customer, agent}


def test_a_phone_made_known_is_called_and_once_dismissed_is_nobody(lab: Lab) -> None:
    phone = Phone(name="phone-desk-7", browser=False, secret="one of its own")
    assert phone.name not in lab.carrier.list().stations
    assert lab.carrier.admit(phone)
    assert phone.name in lab.carrier.list().stations
    call = lab.answered(lab.station(phone.name, secret=phone.secret), auto_answer=True)
    assert lab.carrier.admit(phone), "a repeat is no harm"

    assert lab.carrier.dismiss(phone.name)

    assert not lab.carrier.dismiss(phone.name)
    assert phone.name not in lab.carrier.list().stations
    assert lab.listed(call) is not None, "its calls live on"
    refused = lab.carrier.place(Leg(call_id=uuid4(), to=Address(AddressKind.STATION, phone.name), party="agent"))
    assert isinstance(refused, Refused)
    assert refused.cause is Cause.UNAVAILABLE


def test_several_conversations_begin_and_end_in_one_go_and_one_that_cannot_keeps_no_other(lab: Lab) -> None:
    people = [lab.answered(lab.customer_answers(), guard=GUARD, message="sorry") for _ in range(2)]
    agents = [lab.answered(lab.station(name), auto_answer=True) for name in ("ana", "ben")]
    nobody, *bridges = uuid4(), uuid4(), uuid4()

    joined = lab.carrier.connect_many({bridges[0]: (agents[0], people[0]), nobody: (uuid4(),), bridges[1]: (agents[1], people[1])})

    assert list(joined) == [True, False, True]
    for call in (*people, *agents):
        lab.wait_for(call, Happened.ENTERED_BRIDGE)
    assert list(lab.carrier.raise_guards({people[0]: timedelta(seconds=3), uuid4(): None, people[1]: None})) == [True, False, True]
    assert list(lab.carrier.leave_many([(bridges[0], agents[0]), (bridges[0], uuid4()), (bridges[1], agents[1])])) == [True, False, True]
    for agent in agents:
        lab.wait_for(agent, Happened.LEFT_BRIDGE)
    lab.pass_time(2.5)
    assert all(Happened.ANNOUNCEMENT_STARTED not in lab.kinds(call) for call in people)
    assert lab.listed(people[1]) is not None


def test_only_an_answered_call_joins_a_bridge_and_all_do_or_none(lab: Lab) -> None:
    ringing = lab.call(lab.customer_rings_on())
    talking = lab.answered(lab.customer_answers())
    bridge = uuid4()

    assert not lab.carrier.connect(bridge, ringing)
    assert not lab.carrier.connect(bridge, talking, ringing)
    assert not lab.carrier.connect(bridge, uuid4())

    lab.pass_time(0.3)
    assert Happened.ENTERED_BRIDGE not in lab.kinds(talking)


def test_hold_and_resume_are_told_once(lab: Lab) -> None:
    call = lab.answered(lab.customer_answers())

    assert lab.carrier.hold(call)
    lab.wait_for(call, Happened.HELD)
    assert lab.carrier.resume(call)
    lab.wait_for(call, Happened.RESUMED)

    assert lab.kinds(call)[2:] == [Happened.HELD, Happened.RESUMED]
    assert not lab.carrier.hold(uuid4())


def test_hold_pressed_at_an_agents_own_phone_is_told_as_theirs(lab: Lab) -> None:
    agent = lab.answered(lab.station("ana"), auto_answer=True)
    customer = lab.answered(lab.customer_answers())
    lab.bridged(uuid4(), agent, customer)

    for on, happened in ((True, Happened.HELD), (False, Happened.RESUMED)):
        lab.holds_at_their_phone(agent, on)
        assert lab.wait_for(agent, happened).data == {"by": "phone"}

    assert lab.kinds(agent)[-2:] == [Happened.HELD, Happened.RESUMED]
    assert not {Happened.HELD, Happened.RESUMED} & set(lab.kinds(customer))


def test_a_leg_is_muted_and_heard_again(lab: Lab) -> None:
    call = lab.answered(lab.customer_answers())

    assert lab.carrier.mute(call)
    assert lab.carrier.unmute(call)
    assert not lab.carrier.mute(uuid4())


def test_an_announcement_is_played_and_the_call_goes_on(lab: Lab) -> None:
    call = lab.answered(lab.customer_answers(), message="sorry")

    assert lab.carrier.play(call, "welcome")

    assert lab.wait_for(call, Happened.ANNOUNCEMENT_STARTED).data["announcement"] == "welcome"
    assert "failed" not in lab.wait_for(call, Happened.ANNOUNCEMENT_ENDED).data
    assert lab.listed(call) is not None
    assert call not in lab.carrier.list().message_played


def test_of_an_announcement_that_the_carrier_does_not_have_it_is_told_that_nothing_was_heard(lab: Lab) -> None:
    call, bridge = lab.answered(lab.customer_answers()), uuid4()
    lab.bridged(bridge, call)

    assert lab.carrier.play(call, "nowhere")
    assert lab.wait_for(call, Happened.ANNOUNCEMENT_ENDED).data == {"announcement": "nowhere", "failed": "1"}
    assert lab.carrier.play_to_all(bridge, "nowhere")
    lab.until(lambda: any(e.bridge == bridge and e.data.get("failed") for e in lab.heard), what="the same for everybody")

    assert lab.carrier.play(call, "nowhere", then_hang_up=True)
    lab.wait_for(call, Happened.ENDED)
    assert "failed" not in lab.of(call)[-2].data, "it says one of its own"


def test_last_words_free_the_agent_at_once_and_the_carrier_ends_the_call(lab: Lab) -> None:
    agent = lab.answered(lab.station("ana"), auto_answer=True)
    call = lab.answered(lab.customer_answers(), guard=GUARD, message="sorry")
    bridge = uuid4()
    lab.bridged(bridge, agent, call)
    lab.carrier.raise_guards({call: None})

    assert lab.carrier.play(call, "voicemail", then_hang_up=True)

    ended = lab.wait_for(call, Happened.ENDED)
    assert (ended.cause, ended.by) == (Cause.NORMAL, HungUpBy.CARRIER)
    assert lab.kinds(call)[3:] == [Happened.LEFT_BRIDGE, Happened.ANNOUNCEMENT_STARTED, Happened.ANNOUNCEMENT_ENDED, Happened.ENDED]
    assert Happened.LEFT_BRIDGE not in lab.kinds(agent)
    assert call not in lab.carrier.list().message_played


def test_the_message_played_by_us_is_remembered_too(lab: Lab) -> None:
    call = lab.answered(lab.customer_answers(), guard=GUARD, message="sorry")

    assert lab.carrier.play(call, "sorry", then_hang_up=True)

    assert "by" not in lab.wait_for(call, Happened.ANNOUNCEMENT_STARTED).data
    lab.wait_for(call, Happened.ENDED)
    assert lab.kinds(call).count(Happened.ANNOUNCEMENT_STARTED) == 1
    assert call in lab.carrier.list().message_played


def test_a_bridge_and_a_call_are_recorded(lab: Lab) -> None:
    call = lab.answered(lab.customer_answers())
    bridge = uuid4()
    lab.bridged(bridge, call)

    assert lab.carrier.record(bridge, "conversation")
    assert not lab.carrier.record(bridge, "conversation")
    assert lab.carrier.stop_recording("conversation")
    assert not lab.carrier.stop_recording("conversation")
    assert lab.carrier.record(call, "customer")
    lab.wait_for(call, Happened.RECORDING_STARTED)
    lab.carrier.hang_up(call)
    lab.wait_for(call, Happened.ENDED)

    told = [(event.kind, event.data["name"], event.bridge) for event in lab.heard if "name" in event.data]
    assert told == [
        (Happened.RECORDING_STARTED, "conversation", bridge),
        (Happened.RECORDING_ENDED, "conversation", bridge),
        (Happened.RECORDING_STARTED, "customer", None),
        (Happened.RECORDING_ENDED, "customer", None),
    ]
    assert lab.kinds(call)[-2:] == [Happened.RECORDING_ENDED, Happened.ENDED]


def test_what_is_said_while_a_recording_is_paused_is_not_in_its_file(lab: Lab) -> None:
    call = lab.answered(lab.customer_answers())
    bridge = uuid4()
    lab.bridged(bridge, call)
    assert lab.carrier.record(bridge, "paused")
    lab.pass_time(0.6)

    assert lab.carrier.pause_recording("paused")
    assert lab.carrier.pause_recording("paused")
    lab.pass_time(1.2)
    assert not lab.carrier.fetch_recording("paused", BytesIO())
    assert lab.carrier.resume_recording("paused")
    lab.pass_time(0.4)
    assert lab.carrier.stop_recording("paused")
    lab.until(lambda: any(event.kind is Happened.RECORDING_ENDED for event in lab.heard), what="its end")

    file = BytesIO()
    assert lab.carrier.fetch_recording("paused", file)
    file.seek(0)
    with wave.open(file) as sound:
        assert (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) == (8000, 1, 2)
        assert 0.7 < sound.getnframes() / 8000 < 1.5
    assert lab.carrier.remove_recording("paused")
    assert not lab.carrier.remove_recording("paused")
    assert not lab.carrier.fetch_recording("paused", BytesIO())
    assert not lab.carrier.pause_recording("paused")
    assert not lab.carrier.resume_recording("paused")


def test_who_is_consulted_is_heard_by_the_agent_alone_until_all_are_brought_together(lab: Lab) -> None:
    agent = lab.answered(lab.station("ana"), auto_answer=True)
    customer = lab.answered(lab.customer_answers())
    third = lab.answered(lab.customer_answers(), party="third")
    conversation, aside = uuid4(), uuid4()
    lab.bridged(conversation, agent, customer)

    assert lab.carrier.hold(customer)
    assert lab.carrier.connect(aside, agent, third)
    lab.wait_for(third, Happened.ENTERED_BRIDGE)
    assert lab.wait_for(agent, Happened.LEFT_BRIDGE).bridge == conversation
    assert lab.heard_by(agent, third) == {third}
    assert customer in lab.carrier.list().bridges[conversation]

    assert lab.carrier.resume(customer)
    assert lab.carrier.connect(conversation, agent, third)
    lab.until(lambda: lab.inside(conversation) == {agent, customer, third}, what="all three in it")
    assert aside not in lab.carrier.list().bridges
    assert lab.heard_by(third, agent, customer) == {agent, customer}

    assert lab.carrier.leave_many([(conversation, agent)])[0]
    lab.until(lambda: lab.inside(conversation) == {customer, third}, what="the two alone")
    assert lab.heard_by(customer, agent, third) == {third}


def test_an_announcement_is_heard_by_everybody_in_the_bridge(lab: Lab) -> None:
    agent = lab.answered(lab.station("ana"), auto_answer=True)
    customer = lab.answered(lab.customer_answers())
    bridge = uuid4()
    assert not lab.carrier.play_to_all(bridge, "welcome")
    lab.bridged(bridge, agent, customer)

    assert lab.carrier.play_to_all(bridge, "welcome")

    def told() -> list[CarrierEvent]:
        return [event for event in lab.heard if event.data.get("announcement")]

    lab.until(lambda: len(told()) == 2, what="its beginning and its end")
    assert [(event.kind, event.call_id, event.bridge, event.data["announcement"]) for event in told()] == [
        (Happened.ANNOUNCEMENT_STARTED, None, bridge, "welcome"),
        (Happened.ANNOUNCEMENT_ENDED, None, bridge, "welcome"),
    ]
    assert lab.carrier.list().bridges[bridge] == {agent, customer}


def test_a_supervisor_listens_whispers_and_joins(lab: Lab) -> None:
    agent = lab.answered(lab.station("ana"), auto_answer=True)
    customer = lab.answered(lab.customer_answers())
    bridge = uuid4()
    lab.bridged(bridge, agent, customer)
    supervisor = lab.answered(lab.station("ben"), auto_answer=True, party="supervisor")

    assert lab.carrier.snoop(supervisor, agent)
    assert lab.wait_for(supervisor, Happened.ENTERED_BRIDGE).bridge == supervisor
    assert lab.heard_by(customer, agent, supervisor) == {agent, supervisor}
    assert lab.heard_by(supervisor, agent, customer) == set()

    assert lab.carrier.snoop(supervisor, agent, whisper=True)
    assert lab.heard_by(supervisor, agent, customer) == {agent}
    assert lab.heard_by(agent, customer, supervisor) == {customer, supervisor}
    assert lab.carrier.list().bridges[bridge] == {agent, customer}

    assert lab.carrier.connect(bridge, supervisor)
    lab.until(lambda: lab.inside(bridge) == {agent, customer, supervisor}, what="all three")
    assert lab.heard_by(supervisor, agent, customer) == {agent, customer}
    assert not lab.carrier.snoop(supervisor, uuid4())
    assert not lab.carrier.snoop(uuid4(), agent)

    lab.carrier.hang_up(supervisor)
    lab.wait_for(supervisor, Happened.ENDED)
    assert lab.carrier.list().bridges == {bridge: {agent, customer}}


def test_keys_pressed_over_there_are_told_and_ours_are_sent(lab: Lab) -> None:
    call = lab.answered(lab.customer_answers())

    lab.far_presses(call, "1")

    assert lab.wait_for(call, Happened.DIGIT).data == {}, "it may be of a card's number: nobody is told which"
    lab.pass_time(0.3)
    assert lab.kinds(call).count(Happened.DIGIT) == 1
    assert lab.carrier.send_digits(call, "42#")
    assert not lab.carrier.send_digits(uuid4(), "1")


def test_somebody_who_calls_us_is_answered_and_joined(lab: Lab) -> None:
    call = lab.somebody_calls()
    incoming = lab.wait_for(call, Happened.INCOMING)
    assert (incoming.data["from"], incoming.data["to"]) == ("+49301", "+49302")
    listed = lab.listed(call)
    assert listed is not None, "who listens from now on finds it"
    assert (listed.incoming, listed.caller, listed.called) == (True, "+49301", "+49302")
    assert not lab.carrier.connect(uuid4(), call)

    assert lab.carrier.answer(call)

    lab.wait_for(call, Happened.ANSWERED)
    assert not lab.carrier.answer(call)
    lab.bridged(uuid4(), call)
    lab.far_hangs_up(call)
    assert lab.wait_for(call, Happened.ENDED).by is HungUpBy.FAR


def test_somebody_who_calls_us_hears_music_until_they_are_joined(lab: Lab) -> None:
    call = lab.somebody_calls()
    lab.carrier.answer(call)
    lab.wait_for(call, Happened.ANSWERED)
    assert lab.carrier.hold(call)
    lab.wait_for(call, Happened.HELD)

    assert lab.carrier.resume(call)
    lab.bridged(uuid4(), call)

    assert lab.kinds(call)[-2:] == [Happened.RESUMED, Happened.ENTERED_BRIDGE]


def test_somebody_who_calls_us_in_vain_gives_up(lab: Lab) -> None:
    call = lab.somebody_calls(patience=0.5)

    ended = lab.wait_for(call, Happened.ENDED)

    assert (ended.cause, ended.by) == (Cause.NO_ANSWER, HungUpBy.FAR)


@pytest.mark.parametrize("is_machine", [False, True])
def test_an_answer_is_told_at_once_the_verdict_in_time_and_the_guard_stands_from_then_on(lab: Lab, is_machine: bool) -> None:
    to = lab.machine_answers() if is_machine else lab.customer_answers()
    agent = lab.answered(lab.station("ana"), auto_answer=True)
    call = lab.answered(to, guard=GUARD, message="sorry", detect_machine=timedelta(seconds=3))
    assert lab.listed(call) is not None
    assert not lab.carrier.connect(uuid4(), agent, call), "nobody is joined while the carrier listens"
    assert lab.carrier.record(call, f"opening-{call}"), "what it hears can be kept"

    verdict = lab.wait_for(call, Happened.MACHINE_DETECTED if is_machine else Happened.HUMAN_DETECTED)
    listed = lab.listed(call)
    assert listed is not None
    assert (listed.is_machine, listed.verdict_at) == (is_machine, verdict.at)
    assert lab.carrier.stop_recording(f"opening-{call}")
    started = lab.wait_for(call, Happened.ANNOUNCEMENT_STARTED)

    assert timedelta(seconds=0.5) < verdict.at - lab.wait_for(call, Happened.ANSWERED).at < timedelta(seconds=3.2)
    assert verdict.data["why"]
    assert timedelta(seconds=1.9) < started.at - verdict.at < timedelta(seconds=2.2)


def test_a_restart_has_another_name_and_no_calls(lab: Lab) -> None:
    call = lab.answered(lab.customer_answers())
    before = lab.carrier.boot()
    subscription = lab.subscription
    assert subscription is not None

    lab.restart()

    with pytest.raises(LostCarrier):
        subscription.next(5.0)
    assert lab.carrier.boot() != before
    listing = lab.carrier.list()
    assert (listing.calls, listing.bridges, listing.boot) == ([], {}, lab.carrier.boot())
    assert not lab.carrier.hang_up(call)
    lab.listen()
    assert lab.answered(lab.customer_answers()) != call


def test_a_carrier_that_is_gone_refuses_the_connection(lab: Lab) -> None:
    lab.carrier.boot()
    lab.stop()

    with pytest.raises(CarrierDown):
        lab.carrier.place(lab.leg(Address(AddressKind.NUMBER, "+4930")))
    with pytest.raises(CarrierDown):
        lab.carrier.list()
    with pytest.raises(CarrierDown):
        lab.carrier.listen()


def test_a_forked_process_has_a_conversation_of_its_own(lab: Lab) -> None:
    before = lab.carrier.boot()
    child = os.fork()
    if child == 0:
        os._exit(0 if lab.carrier.boot() == before and lab.carrier.list().boot == before else 1)

    for _ in range(50):
        assert lab.carrier.boot() == before

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
