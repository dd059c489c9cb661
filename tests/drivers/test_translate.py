"""The translation of what a real Asterisk has told, recorded by tests.drivers.record, without one."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from telephony.drivers.asterisk.translate import Translator, call_of, channel_of, incoming_id, left_empty, listing
from telephony.drivers.base import CallStanding
from telephony.rules.events import CarrierEvent, Happened
from telephony.rules.hangup_causes import Cause, HungUpBy

RECORDED = Path(__file__).parent / "recorded"
H = Happened
MISSED = {
    "busy": HungUpBy.FAR,
    "unavailable": HungUpBy.FAR,
    "unallocated": HungUpBy.CARRIER,
    "invalid_number": HungUpBy.CARRIER,
    "congestion": HungUpBy.CARRIER,
    "trunk_not_responding": HungUpBy.CARRIER,
}
RANG_AND_MISSED = {"rejected": HungUpBy.FAR, "no_answer": HungUpBy.CARRIER, "cancelled": HungUpBy.US}
TALKED = {
    "we_hang_up": ([], Cause.NORMAL, HungUpBy.US),
    "longest": ([], Cause.NORMAL, HungUpBy.CARRIER),
    "dead_phone": ([], Cause.MEDIA_LOST, HungUpBy.CARRIER),
    "guard": ([H.ENTERED_BRIDGE, H.LEFT_BRIDGE, H.ANNOUNCEMENT_STARTED, H.ANNOUNCEMENT_ENDED], Cause.NORMAL, HungUpBy.CARRIER),
    "person": ([H.HUMAN_DETECTED, H.ANNOUNCEMENT_STARTED, H.ANNOUNCEMENT_ENDED], Cause.NORMAL, HungUpBy.CARRIER),
    "machine": ([H.MACHINE_DETECTED, H.ANNOUNCEMENT_STARTED, H.ANNOUNCEMENT_ENDED], Cause.NORMAL, HungUpBy.CARRIER),
}


def recorded(name: str) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = json.loads((RECORDED / f"{name}.json").read_text())
    return told


def facts(name: str, *, doubles: bool = False) -> list[CarrierEvent]:
    translator = Translator("node", "boot")
    return [fact for told in recorded(name) if doubles or not translator.is_double(json.dumps(told)) for fact in translator.facts(told)]


def kinds(told: list[CarrierEvent]) -> list[Happened]:
    return [fact.kind for fact in told if fact.call_id is not None]


@pytest.mark.parametrize(("name", "by"), MISSED.items())
def test_what_is_said_before_anything_rings_is_told_with_its_cause_alone(name: str, by: HungUpBy) -> None:
    (ended,) = facts(name)
    assert (ended.kind, ended.cause, ended.by) == (H.ENDED, Cause(name), by)


@pytest.mark.parametrize(("name", "by"), RANG_AND_MISSED.items())
def test_what_rings_and_is_not_answered_ends_by_whoever_ended_it(name: str, by: HungUpBy) -> None:
    rang, ended = facts(name)
    assert (rang.kind, ended.kind, ended.cause, ended.by) == (H.RANG, H.ENDED, Cause(name), by)


@pytest.mark.parametrize(("name", "between", "cause", "by"), [(name, *expected) for name, expected in TALKED.items()])
def test_an_answered_call_is_told_from_ringing_to_its_end(name: str, between: list[Happened], cause: Cause, by: HungUpBy) -> None:
    told = facts(name)
    ended = told[-1]
    assert kinds(told) == [H.RANG, H.ANSWERED, *between, H.ENDED]
    assert (ended.cause, ended.by) == (cause, by)


def test_a_conversation_is_told_of_both_its_legs() -> None:
    told = facts("conversation")
    customer = told[-1].call_id
    assert kinds([fact for fact in told if fact.call_id == customer]) == [H.RANG, H.ANSWERED, H.ENTERED_BRIDGE, H.ENDED]
    assert kinds([fact for fact in told if fact.station == "ana"]) == [H.RANG, H.ANSWERED, H.ENTERED_BRIDGE]
    assert len({fact.bridge for fact in told if fact.kind is H.ENTERED_BRIDGE}) == 1


def test_what_happens_in_a_conversation_is_told_in_its_order() -> None:
    told = facts("talk")
    assert kinds(told) == [
        *(H.RANG, H.ANSWERED, H.ENTERED_BRIDGE, H.HELD, H.RESUMED, H.DIGIT),
        *(H.ANNOUNCEMENT_STARTED, H.ANNOUNCEMENT_ENDED, H.RECORDING_STARTED),
        *(H.LEFT_BRIDGE, H.ANNOUNCEMENT_STARTED, H.ANNOUNCEMENT_ENDED, H.RECORDING_ENDED, H.ENDED),
    ]
    assert [fact.data["announcement"] for fact in told if fact.kind is H.ANNOUNCEMENT_STARTED] == ["welcome", "voicemail"]
    assert (told[-2].data["name"], float(told[-2].data["seconds"]) > 0.3) == ("talk", True)


def test_the_message_of_the_guard_is_told_as_its_own() -> None:
    said = next(fact for fact in facts("guard") if fact.kind is H.ANNOUNCEMENT_STARTED)
    assert said.data == {"announcement": "sorry", "by": "guard"}


def test_a_phone_that_goes_and_comes_is_told_without_a_call() -> None:
    told = [(fact.kind, fact.station) for fact in facts("dead_phone") if fact.call_id is None]
    assert told == [(H.STATION_LOST, "ana"), (H.STATION_BACK, "ana")]


@pytest.mark.parametrize(("name", "answered"), [("incoming", [H.ANSWERED]), ("incoming_in_vain", [])])
def test_somebody_who_calls_us_has_an_id_that_finds_their_channel_again(name: str, answered: list[Happened]) -> None:
    told = facts(name)
    assert kinds(told) == [H.INCOMING, *answered, H.ENDED]
    assert told[0].data == {"from": "+49301", "to": "+49302"}
    assert told[-1].by is HungUpBy.FAR
    call_id = told[0].call_id
    assert call_id is not None
    assert channel_of(call_id) == next(each["channel"]["id"] for each in recorded(name) if each["type"] == "StasisStart")


def test_a_phone_whose_page_is_replaced_is_lost_with_its_last_registration_alone() -> None:
    translator = Translator("node", "boot")

    def contact(status: str, uri: str) -> list[Happened]:
        told = {
            "type": "ContactStatusChange",
            "timestamp": "2026-11-22T00:03:15.629+0000",
            "endpoint": {"resource": "ana"},
            "contact_info": {"uri": uri, "contact_status": status},
        }
        return [fact.kind for fact in translator.facts(told)]

    assert contact("NonQualified", "sip:old@host") == [Happened.STATION_BACK]
    assert contact("NonQualified", "sip:new@host") == []
    assert contact("Removed", "sip:old@host") == []
    assert contact("Unreachable", "sip:new@host") == [Happened.STATION_LOST]
    assert contact("Reachable", "sip:new@host") == [Happened.STATION_BACK]


def test_every_recorded_event_came_twice_and_is_told_once() -> None:
    translator = Translator("node", "boot")
    doubled = sum(translator.is_double(json.dumps(told)) for told in recorded("busy"))
    assert doubled == len(recorded("busy")) / 2


@pytest.mark.parametrize("name", sorted(path.stem for path in RECORDED.glob("*.json")))
def test_no_two_facts_share_a_key_and_a_double_that_slips_through_brings_none_or_the_same(name: str) -> None:
    keys = [fact.key for fact in facts(name)]
    assert len(keys) == len(set(keys))
    assert all(len(key) <= 80 for key in keys)
    assert {fact.key for fact in facts(name, doubles=True)} == set(keys)


def test_a_listener_who_has_just_come_knows_how_a_call_ended_whose_beginning_it_did_not_hear() -> None:
    translator, told = Translator("node", "boot"), recorded("we_hang_up")
    since = next(nth for nth, each in enumerate(told) if each["type"] == "ChannelHangupRequest")
    ended = next(fact for each in told[since:] for fact in translator.facts(each))
    assert (ended.kind, ended.cause, ended.by) == (H.ENDED, Cause.NORMAL, HungUpBy.US)


@pytest.mark.parametrize("channel", ["1763762400.0", "4000000000.4294967295", "1.2"])
def test_the_id_of_an_incoming_call_and_its_channel_name_each_other(channel: str) -> None:
    made = incoming_id("node", channel)
    assert made.version == 8
    assert channel_of(made) == channel
    assert made != incoming_id("another", channel)


def test_channels_that_are_no_calls_of_ours_are_left_alone() -> None:
    assert call_of("node", {"id": "1763762400.7"}) is None
    assert call_of("node", {"id": f"{uuid4()}.record.7"}) is None
    assert call_of("node", {"id": "x" * 36}) is None


def test_a_bridge_in_which_a_recorder_alone_is_left_is_empty() -> None:
    bridge = str(uuid4())
    told = {"type": "ChannelLeftBridge", "bridge": {"id": bridge, "channels": ["Recorder/ARI-0001"]}}
    assert left_empty(told) == bridge
    assert left_empty({**told, "bridge": {"id": bridge, "channels": [str(uuid4())]}}) is None
    assert left_empty({**told, "bridge": {"id": bridge, "channels": ["1763762400.7"]}}) is None


def test_a_listing_says_what_asterisk_itself_remembers() -> None:
    up, away, ringing, bridge = uuid4(), uuid4(), uuid4(), uuid4()

    def channel(call: UUID, state: str, **remembered: str) -> dict[str, Any]:
        return {"id": str(call), "state": state, "creationtime": "2026-11-21T12:00:00.000+0000", "channelvars": remembered}

    answered = datetime(2026, 11, 21, 12, 0, 3, 250_000, tzinfo=UTC)
    told = listing(
        node="node",
        boot="boot",
        at=answered,
        channels=[
            channel(up, "Up", RM_ANSWERED=f"{int(answered.timestamp())}.250", RM_GUARDED="1"),
            channel(away, "Up", RM_AWAY="1"),
            channel(ringing, "Ringing", RM_STATION="ana"),
            {"id": "1763762400.7", "state": "Up", "channelvars": {}},
            {**channel(uuid4(), "Ring", RM_INCOMING="1", RM_TO="0034910000000"), "id": "1763762400.8", "caller": {"number": "34611000001"}},
        ],
        bridges=[{"id": str(bridge), "channels": [str(up), "Recorder/ARI-0001"]}, {"id": str(uuid4()), "channels": []}],
        endpoints=[{"resource": "ana", "state": "online"}, {"resource": "ben", "state": "offline"}],
        messages={away: answered},
    )
    calls = {call.call_id: call for call in told.calls}
    coming = incoming_id("node", "1763762400.8")
    assert calls.keys() == {up, away, ringing, coming}
    assert (calls[coming].incoming, calls[coming].caller, calls[coming].called) == (True, "+34611000001", "+34910000000")
    assert (calls[up].caller, calls[up].called) == ("", "")
    assert (calls[up].state, calls[up].answered_at, calls[up].guarded, calls[up].bridge) == (CallStanding.UP, answered, True, bridge)
    assert (calls[away].state, calls[away].message_played_at) == (CallStanding.AWAY, answered)
    assert (calls[ringing].state, calls[ringing].rang, calls[ringing].station) == (CallStanding.RINGING, True, "ana")
    assert told.bridges == {bridge: {up}}
    assert told.stations == {"ana": True, "ben": False}
