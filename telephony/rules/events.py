"""What can happen to a call, in words of no carrier."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from telephony.rules.hangup_causes import Cause, HungUpBy

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


class Happened(StrEnum):
    INCOMING = "incoming"  # somebody calls us; data: from, to
    RANG = "rang"  # some carriers never say so
    ANSWERED = "answered"
    HUMAN_DETECTED = "human_detected"  # or nobody could tell; data: why
    MACHINE_DETECTED = "machine_detected"  # data: why
    ENTERED_BRIDGE = "entered_bridge"
    LEFT_BRIDGE = "left_bridge"  # and lives on: a call that ends in its bridge says ENDED alone
    HELD = "held"  # data, as of the next: by (phone: at the phone of this leg itself, not by us)
    RESUMED = "resumed"
    ANNOUNCEMENT_STARTED = "announcement_started"  # data: announcement, by (guard: the carrier alone), goes_on (the call does, afterwards)
    ANNOUNCEMENT_ENDED = "announcement_ended"  # data: announcement, failed (nothing was heard: there is no such sound)
    DIGIT = "digit"  # the far side pressed a key; which one nobody is told: it may be of a card's number
    RECORDING_STARTED = "recording_started"  # data: name
    RECORDING_ENDED = "recording_ended"  # data: name, seconds
    STATION_LOST = "station_lost"  # its phone or page is gone; its legs may look alive for a long time
    STATION_BACK = "station_back"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class CarrierEvent:
    """One fact a carrier told. A doubled event comes again with the same key, or not at all.

    `call_id` is None for facts about a station, and for what is recorded or played in a bridge. `at` is the carrier's clock, aware, UTC. `key` is unique
    per fact at its node, restarts included. `boot` names the run of the node that told it. `cause` and `by` come with
    ENDED, `bridge` with ENTERED_BRIDGE and LEFT_BRIDGE, `station` with every event of a station or of its leg.
    """

    node: str
    call_id: UUID | None
    kind: Happened
    at: datetime
    key: str
    boot: str
    cause: Cause | None = None
    by: HungUpBy | None = None
    bridge: UUID | None = None
    station: str = ""
    data: Mapping[str, str] = field(default_factory=dict, hash=False)

    def to_json(self) -> dict[str, Any]:
        """Short keys, empty fields left out, `at` in microseconds since 1970."""
        said: dict[str, Any] = {
            "n": self.node,
            "k": self.kind.value,
            "t": (self.at - EPOCH) // MICROSECOND,
            "i": self.key,
            "b": self.boot,
        }
        if self.call_id is not None:
            said["c"] = self.call_id.hex
        if self.cause is not None:
            said["why"] = self.cause.value
        if self.by is not None:
            said["by"] = self.by.value
        if self.bridge is not None:
            said["br"] = self.bridge.hex
        if self.station:
            said["s"] = self.station
        if self.data:
            said["d"] = dict(self.data)
        return said

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> CarrierEvent:
        """The inverse of to_json; KeyError or ValueError where it is not one of ours."""
        call, why, by, bridge = said.get("c"), said.get("why"), said.get("by"), said.get("br")
        return cls(
            node=said["n"],
            call_id=None if call is None else UUID(hex=call),
            kind=Happened(said["k"]),
            at=EPOCH + timedelta(microseconds=said["t"]),
            key=said["i"],
            boot=said["b"],
            cause=None if why is None else Cause(why),
            by=None if by is None else HungUpBy(by),
            bridge=None if bridge is None else UUID(hex=bridge),
            station=said.get("s", ""),
            data=said.get("d", {}),
        )
