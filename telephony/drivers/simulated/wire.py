"""What the simulated carrier's process and its clients say to each other: one JSON object per line.

    request    {"id": 7, "do": "connect", "with": {...}}     any number on one connection without waiting
    reply      {"id": 7, "ok": ...} or {"id": 7, "error": "..."}
    listening  {"id": 1, "do": "listen"} turns the connection into the listener: {"id": 1, "ok": boot}, then {"events": [...]} as they
               happen, and {"replaced": true} once, when a newer listener has come; the connection stays open and silent
Times are seconds, moments microseconds since 1970, ids hexadecimal.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from telephony.drivers.base import Address, AddressKind, CallStanding, CarrierCall, Leg, Listing, Placed, Placing, Refused, Unclear
from telephony.rules.events import EPOCH, MICROSECOND
from telephony.rules.hangup_causes import Cause

encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


def line(said: object) -> bytes:
    return encode(said).encode() + b"\n"


def moment_to_json(moment: datetime) -> int:
    return (moment - EPOCH) // MICROSECOND


def moment_from_json(said: int) -> datetime:
    return EPOCH + timedelta(microseconds=said)


def address_to_json(address: Address) -> list[str]:
    return [address.kind.value, address.value, address.trunk]


def address_from_json(said: list[str]) -> Address:
    return Address(AddressKind(said[0]), said[1], said[2])


def leg_to_json(leg: Leg) -> dict[str, Any]:
    said: dict[str, Any] = {
        "id": leg.call_id.hex,
        "to": address_to_json(leg.to),
        "from": leg.caller_id,
        "ring": leg.ring_for.total_seconds(),
        "party": leg.party,
        "max": leg.max_length.total_seconds(),
    }
    if leg.guard is not None:
        said["guard"] = leg.guard.total_seconds()
    if leg.message:
        said["message"] = leg.message
    if leg.detect_machine is not None:
        said["detect"] = leg.detect_machine.total_seconds()
    if leg.auto_answer:
        said["auto"] = True
    if leg.labels:
        said["labels"] = dict(leg.labels)
    return said


def leg_from_json(said: Mapping[str, Any]) -> Leg:
    guard, detect = said.get("guard"), said.get("detect")
    return Leg(
        call_id=UUID(hex=said["id"]),
        to=address_from_json(said["to"]),
        caller_id=said["from"],
        ring_for=timedelta(seconds=said["ring"]),
        party=said["party"],
        guard=None if guard is None else timedelta(seconds=guard),
        message=said.get("message", ""),
        detect_machine=None if detect is None else timedelta(seconds=detect),
        max_length=timedelta(seconds=said["max"]),
        auto_answer=said.get("auto", False),
        labels=said.get("labels", {}),
    )


def placing_to_json(placing: Placing) -> list[Any]:
    """[] placed, [cause, detail, already there] refused, [detail] unclear."""
    match placing:
        case Refused(cause, detail, already_there):
            return [cause.value, detail, already_there]
        case Unclear(detail):
            return [detail]
        case _:
            return []


def placing_from_json(said: list[Any]) -> Placing:
    if not said:
        return Placed()
    return Unclear(said[0]) if len(said) == 1 else Refused(Cause(said[0]), said[1], said[2])


def listing_to_json(listing: Listing) -> dict[str, Any]:
    return {
        "boot": listing.boot,
        "at": moment_to_json(listing.at),
        "calls": [_call_to_json(call) for call in listing.calls],
        "bridges": {bridge.hex: [call.hex for call in calls] for bridge, calls in listing.bridges.items()},
        "stations": dict(listing.stations),
        "played": {call.hex: moment_to_json(at) for call, at in listing.message_played.items()},
    }


def listing_from_json(said: Mapping[str, Any]) -> Listing:
    return Listing(
        boot=said["boot"],
        at=moment_from_json(said["at"]),
        calls=[_call_from_json(call) for call in said["calls"]],
        bridges={UUID(hex=bridge): frozenset(UUID(hex=call) for call in calls) for bridge, calls in said["bridges"].items()},
        stations=said["stations"],
        message_played={UUID(hex=call): moment_from_json(at) for call, at in said["played"].items()},
    )


def _call_to_json(call: CarrierCall) -> dict[str, Any]:
    said: dict[str, Any] = {"id": call.call_id.hex, "state": call.state.value, "since": moment_to_json(call.since)}
    if call.bridge is not None:
        said["bridge"] = call.bridge.hex
    if call.answered_at is not None:
        said["answered"] = moment_to_json(call.answered_at)
    if call.message_played_at is not None:
        said["played"] = moment_to_json(call.message_played_at)
    if call.verdict_at is not None:
        said["heard"] = [call.is_machine, moment_to_json(call.verdict_at)]
    for name in ("rang", "guarded", "incoming", "caller", "called", "station"):
        if value := getattr(call, name):
            said[name] = value
    return said


def _call_from_json(said: Mapping[str, Any]) -> CarrierCall:
    bridge, answered, played = said.get("bridge"), said.get("answered"), said.get("played")
    is_machine, verdict_at = said.get("heard", (None, None))
    return CarrierCall(
        call_id=UUID(hex=said["id"]),
        state=CallStanding(said["state"]),
        since=moment_from_json(said["since"]),
        bridge=None if bridge is None else UUID(hex=bridge),
        rang=said.get("rang", False),
        answered_at=None if answered is None else moment_from_json(answered),
        message_played_at=None if played is None else moment_from_json(played),
        guarded=said.get("guarded", False),
        incoming=said.get("incoming", False),
        caller=said.get("caller", ""),
        called=said.get("called", ""),
        station=said.get("station", ""),
        is_machine=is_machine,
        verdict_at=None if verdict_at is None else moment_from_json(verdict_at),
    )
