"""What Asterisk tells, in words of no carrier. No I/O and no clock: the recorded events under tests/drivers/recorded are its table of tests.

An event alone does not say everything: `Translator` remembers, for each call, what was told of it. What a listener who has just come
cannot remember is in the channel's variables (RM_..., see telephony/asterisk/extensions.conf) or found by listing.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any
from uuid import UUID
from zlib import crc32

from telephony.drivers.base import CallStanding, CarrierCall, Listing
from telephony.rules.events import EPOCH, MICROSECOND, CarrierEvent, Happened
from telephony.rules.hangup_causes import BROKEN_BY, Cause, Ended, HungUpBy, cause_of
from telephony.rules.numbers import read

# What the listener asks for; everything else Asterisk keeps to itself.
WANTED = (
    "ApplicationReplaced",
    "ChannelDestroyed",
    "ChannelDtmfReceived",
    "ChannelEnteredBridge",
    "ChannelHangupRequest",
    "ChannelHold",
    "ChannelLeftBridge",
    "ChannelStateChange",
    "ChannelUnhold",
    "ChannelUserevent",
    "ContactStatusChange",
    "Dial",
    "PlaybackFinished",
    "PlaybackStarted",
    "RESTResponse",  # to requests over the websocket: they pass this filter too
    "RecordingFailed",
    "RecordingFinished",
    "RecordingStarted",
    "StasisStart",
)
SOUNDS = "sound:ringmaster/"
RECORDER = ".record."  # a call is recorded through a channel named after it
SNOOP = ".snoop."  # whoever listens in hears another call through a channel named after their own
HELD, RESUMED = "RingmasterHeld", "RingmasterResumed"
SAYS, SAID = "RingmasterSays", "RingmasterSaid"
ANSWERED = "RingmasterAnswered"  # the dialplan's word, before it listens whether a machine speaks
EXPLICIT = 32  # Asterisk's number for a hang-up that was asked for through ARI
DOUBLES = 4096  # raw events that are recognised when they come again
ONCE = frozenset(
    {
        Happened.INCOMING,
        Happened.RANG,
        Happened.ANSWERED,
        Happened.HUMAN_DETECTED,
        Happened.MACHINE_DETECTED,
        Happened.ENDED,
    }
)
_INCOMING = 0x8000  # marks an id made for a call that Asterisk has named


def moment(told: str) -> datetime:
    return datetime.fromisoformat(told).astimezone(UTC)


def seconds_since_1970(told: str) -> datetime:
    whole, _, part = told.partition(".")
    return EPOCH + (int(whole) * 1_000_000 + int(part.ljust(6, "0")[:6] or 0)) * MICROSECOND


def channel_of(call_id: UUID) -> str:
    """The name of a call's channel: its id where we made the call, Asterisk's own name where somebody called us."""
    if call_id.version != 8:
        return str(call_id)
    return f"{int.from_bytes(call_id.bytes[:4])}.{int.from_bytes(call_id.bytes[12:])}"


def incoming_id(node: str, channel: str) -> UUID:
    """An id for a channel that Asterisk has named by the second and a number, from which `channel_of` finds that name again."""
    second, _, number = channel.rpartition(".")
    made = bytearray(int(second).to_bytes(4) + b"\0\0" + _INCOMING.to_bytes(2) + crc32(node.encode()).to_bytes(4) + int(number).to_bytes(4))
    made[8] = 0x80 | made[8] & 0x3F
    return UUID(bytes=bytes(made))


def call_of(node: str, channel: Mapping[str, Any]) -> UUID | None:
    """None for channels that are no call of ours, such as a recorder."""
    name = str(channel.get("id", ""))
    if len(name) == 36:
        try:
            return UUID(name)
        except ValueError:
            return None
    if remembered(channel, "RM_INCOMING") and name.replace(".", "", 1).isdecimal():
        return incoming_id(node, name)
    return None


def remembered(channel: Mapping[str, Any], variable: str) -> str:
    return str((channel.get("channelvars") or {}).get(variable, ""))


def announcement_of(media: str) -> str:
    return media.removeprefix(SOUNDS)


@dataclass(slots=True)
class _Seen:
    """What was told of a call."""

    incoming: bool = False
    rang: bool = False
    replied: bool = False
    up_at: datetime | None = None
    answered: bool = False
    by_us: bool = False
    by_far: bool = False
    recordings: dict[str, datetime] = field(default_factory=dict)

    def hung_up(self) -> bool:
        return self.by_us or self.by_far


class Translator:
    """The facts in the events of one run of one node."""

    def __init__(self, node: str, boot: str) -> None:
        self.node, self.boot = node, boot
        self._calls: dict[UUID, _Seen] = {}
        self._stations: dict[str, set[str]] = {}  # where each is registered
        self._told: OrderedDict[bytes, None] = OrderedDict()

    def is_double(self, raw: str | bytes) -> bool:
        """Where Asterisk tells a channel's events for its own sake and for its endpoint's, each comes twice, to the letter."""
        mark = blake2b(raw if isinstance(raw, bytes) else raw.encode(), digest_size=12).digest()
        if mark in self._told:
            return True
        self._told[mark] = None
        if len(self._told) > DOUBLES:
            self._told.popitem(last=False)
        return False

    def facts(self, told: Mapping[str, Any]) -> list[CarrierEvent]:
        """What this event tells, in order; often nothing."""
        kind = told["type"]
        if kind == "ContactStatusChange":
            return self._contact(told)
        if kind.startswith("Recording"):
            return self._recording(kind, told)
        if kind.startswith("Playback"):
            return self._playback(kind, told)
        channel = told.get("peer" if kind == "Dial" else "channel")
        if not channel or (call_id := call_of(self.node, channel)) is None:
            return []
        seen = self._calls.get(call_id)
        if seen is None:
            seen = self._calls[call_id] = _Seen(incoming=bool(remembered(channel, "RM_INCOMING")), answered=channel.get("state") == "Up")
            if kind in ("ChannelStateChange", "StasisStart", "Dial") or told.get("eventname") == ANSWERED:
                seen.answered = False
        at = moment(told["timestamp"])
        match kind:
            case "Dial":
                return self._dial(call_id, seen, channel, told["dialstatus"], at)
            case "ChannelStateChange":
                return self._state(call_id, seen, channel, at)
            case "StasisStart":
                return self._ours(call_id, seen, channel, told.get("args") or [], at)
            case "ChannelEnteredBridge":
                return self._bridge(Happened.ENTERED_BRIDGE, call_id, channel, told["bridge"]["id"], at)
            case "ChannelLeftBridge" if not seen.hung_up():
                return self._bridge(Happened.LEFT_BRIDGE, call_id, channel, told["bridge"]["id"], at)
            case "ChannelHangupRequest":
                seen.by_us |= bool(told.get("soft")) and told.get("cause") == EXPLICIT
                seen.by_far |= not told.get("soft")
                seen.replied |= not told.get("soft")
            case "ChannelHold" | "ChannelUnhold":  # never our own doing
                return [self._of(Happened.HELD if kind == "ChannelHold" else Happened.RESUMED, call_id, channel, at, data={"by": "phone"})]
            case "ChannelDtmfReceived":
                return [self._of(Happened.DIGIT, call_id, channel, at)]
            case "ChannelUserevent" if told["eventname"] == ANSWERED:
                return self._answered(call_id, seen, channel, _answered_at(channel, at))
            case "ChannelUserevent":
                return self._said(call_id, channel, told["eventname"], told.get("userevent") or {}, at)
            case "ChannelDestroyed":
                return self._ended(call_id, seen, channel, told, at)
        return []

    # Calls

    def _dial(self, call_id: UUID, seen: _Seen, channel: Mapping[str, Any], status: str, at: datetime) -> list[CarrierEvent]:
        if status in ("RINGING", "PROGRESS"):  # early sound is as good as ringing
            return self._rang(call_id, seen, channel, at)
        seen.replied |= status not in ("", "ANSWER")
        return []

    def _state(self, call_id: UUID, seen: _Seen, channel: Mapping[str, Any], at: datetime) -> list[CarrierEvent]:
        if channel["state"] == "Ringing" and not seen.incoming:
            return self._rang(call_id, seen, channel, at)
        if channel["state"] == "Up":
            seen.up_at = seen.up_at or at
            if seen.incoming:  # in our hands already, while a call of ours is that only once it has come through the dialplan
                return self._answered(call_id, seen, channel, at)
        return []

    def _rang(self, call_id: UUID, seen: _Seen, channel: Mapping[str, Any], at: datetime) -> list[CarrierEvent]:
        if seen.rang or seen.up_at or seen.answered:
            return []
        seen.rang = True
        return [self._of(Happened.RANG, call_id, channel, at)]

    def _answered(self, call_id: UUID, seen: _Seen, channel: Mapping[str, Any], at: datetime) -> list[CarrierEvent]:
        if seen.answered:
            return []
        seen.answered = True
        return [self._of(Happened.ANSWERED, call_id, channel, at)]

    def _ours(self, call_id: UUID, seen: _Seen, channel: Mapping[str, Any], args: list[str], at: datetime) -> list[CarrierEvent]:
        what, *more = [*args, ""]
        if what == "incoming":
            seen.incoming = True
            said = {"from": _caller(channel), "to": read(more[0])}
            return [self._of(Happened.INCOMING, call_id, channel, at, data=said)]
        facts = self._answered(call_id, seen, channel, _answered_at(channel, at))
        if more[0] in ("human", "machine"):
            verdict = Happened.HUMAN_DETECTED if more[0] == "human" else Happened.MACHINE_DETECTED
            facts.append(self._of(verdict, call_id, channel, _verdict_at(channel) or at, data={"why": more[1]} if more[1] else None))
        return facts

    def _bridge(self, kind: Happened, call_id: UUID, channel: Mapping[str, Any], bridge: str, at: datetime) -> list[CarrierEvent]:
        return [self._of(kind, call_id, channel, at, bridge=_uuid(bridge))]

    def _said(self, call_id: UUID, channel: Mapping[str, Any], name: str, said: Mapping[str, Any], at: datetime) -> list[CarrierEvent]:
        kind = {
            HELD: Happened.HELD,
            RESUMED: Happened.RESUMED,
            SAYS: Happened.ANNOUNCEMENT_STARTED,
            SAID: Happened.ANNOUNCEMENT_ENDED,
        }.get(name)
        if kind is None:
            return []
        data = {key: str(said[key]) for key in ("announcement", "by") if said.get(key)}
        return [self._of(kind, call_id, channel, at, data=data)]

    def _ended(self, call_id: UUID, seen: _Seen, channel: Mapping[str, Any], told: Mapping[str, Any], at: datetime) -> list[CarrierEvent]:
        facts = [self._recorded(call_id, None, name, began, at) for name, began in seen.recordings.items()]
        facts.append(self._of(Happened.ENDED, call_id, channel, at, ended=_end_of(seen, channel, told)))
        del self._calls[call_id]
        return facts

    # What is played and recorded

    def _playback(self, kind: str, told: Mapping[str, Any]) -> list[CarrierEvent]:
        playback = told["playback"]
        target, _, name = str(playback["target_uri"]).partition(":")
        call_id = _uuid(name) if target == "channel" else None
        bridge = _uuid(name) if target == "bridge" else None
        if call_id is None and bridge is None:
            return []
        happened = Happened.ANNOUNCEMENT_STARTED if kind == "PlaybackStarted" else Happened.ANNOUNCEMENT_ENDED
        at, data = moment(told["timestamp"]), {"announcement": announcement_of(playback["media_uri"])}
        if happened is Happened.ANNOUNCEMENT_STARTED:
            data["goes_on"] = "1"
        elif playback.get("state") == "failed" and not (call_id in self._calls and self._calls[call_id].hung_up()):
            data["failed"] = "1"
        if call_id is None:
            return [self._conversation_fact(happened, None, bridge, at, data)]
        return [self._of(happened, call_id, {}, at, data=data)]

    def _recording(self, kind: str, told: Mapping[str, Any]) -> list[CarrierEvent]:
        recording, at = told["recording"], moment(told["timestamp"])
        target, _, what = str(recording["target_uri"]).partition(":")
        call_id = _uuid(what.partition(RECORDER)[0]) if target == "channel" and RECORDER in what else None
        bridge = _uuid(what) if target == "bridge" else None
        name = str(recording["name"])
        if call_id is None and bridge is None:
            return []
        if kind == "RecordingStarted":
            if call_id is not None:
                self._calls.setdefault(call_id, _Seen(answered=True)).recordings[name] = at
            return [self._conversation_fact(Happened.RECORDING_STARTED, call_id, bridge, at, {"name": name})]
        if call_id is None:
            seconds = f"{float(recording.get('duration') or 0):.3f}"
            return [self._conversation_fact(Happened.RECORDING_ENDED, None, bridge, at, {"name": name, "seconds": seconds})]
        seen = self._calls.get(call_id)  # gone where the call's end has told of it already
        began = None if seen is None else seen.recordings.pop(name, None)
        return [] if began is None else [self._recorded(call_id, None, name, began, at)]

    def _recorded(self, call_id: UUID, bridge: UUID | None, name: str, began: datetime, at: datetime) -> CarrierEvent:
        data = {"name": name, "seconds": f"{(at - began).total_seconds():.3f}"}
        return self._conversation_fact(Happened.RECORDING_ENDED, call_id, bridge, at, data)

    def _conversation_fact(self, kind: Happened, call_id: UUID | None, bridge: UUID | None, at: datetime, data: Mapping[str, str]) -> CarrierEvent:
        of = call_id or bridge
        assert of is not None
        return CarrierEvent(self.node, call_id, kind, at, _key(of.hex, kind, at), self.boot, bridge=bridge, data=data)

    # Stations

    def _contact(self, told: Mapping[str, Any]) -> list[CarrierEvent]:
        name, status, at = str(told["endpoint"]["resource"]), told["contact_info"]["contact_status"], moment(told["timestamp"])
        uri = str(told["contact_info"]["uri"])
        before = self._stations.get(name)
        now = (before or set()) - {uri} if status in ("Removed", "Unreachable") else (before or set()) | {uri}
        self._stations[name] = now
        registered = bool(now)
        if before is not None and bool(before) is registered:
            return []
        kind = Happened.STATION_BACK if registered else Happened.STATION_LOST
        return [CarrierEvent(self.node, None, kind, at, _key(name[:40], kind, at), self.boot, station=name)]

    # Telling

    def _of(
        self,
        kind: Happened,
        call_id: UUID,
        channel: Mapping[str, Any],
        at: datetime,
        *,
        bridge: UUID | None = None,
        data: Mapping[str, str] | None = None,
        ended: Ended | None = None,
    ) -> CarrierEvent:
        return CarrierEvent(
            node=self.node,
            call_id=call_id,
            kind=kind,
            at=at,
            key=_key(call_id.hex, kind, None if kind in ONCE else at),
            boot=self.boot,
            cause=ended.cause if ended else None,
            by=ended.by if ended else None,
            bridge=bridge,
            station=remembered(channel, "RM_STATION"),
            data=data or {},
        )


def _end_of(seen: _Seen, channel: Mapping[str, Any], told: Mapping[str, Any]) -> Ended:
    """What was seen decides: `dialstatus` is no outcome, and after a time-out Asterisk makes its numbers up."""
    q850, sip = int(told.get("cause") or 0), told.get("tech_cause")
    answered = seen.answered or seen.up_at is not None
    if seen.incoming and not answered:
        return Ended(Cause.CANCELLED, HungUpBy.US) if seen.by_us else Ended(Cause.NO_ANSWER, HungUpBy.FAR if seen.by_far else HungUpBy.CARRIER)
    if answered and not seen.by_us and not seen.by_far and q850 not in BROKEN_BY:
        return Ended(Cause.NORMAL, HungUpBy.CARRIER)  # the dialplan came to its end: the message was said, or the greatest length reached
    rang = seen.rang or channel.get("state") == "Ringing"
    return cause_of(q850, None if sip is None else int(sip), rang=rang, answered=answered, ours=seen.by_us, replied=seen.replied)


def _caller(channel: Mapping[str, Any]) -> str:
    return read(str((channel.get("caller") or {}).get("number", "")))


def _answered_at(channel: Mapping[str, Any], at: datetime) -> datetime:
    told = remembered(channel, "RM_ANSWERED")
    return seconds_since_1970(told) if told else at


def _verdict_at(channel: Mapping[str, Any]) -> datetime | None:
    told = remembered(channel, "RM_HEARD")
    return seconds_since_1970(told) if told else None


def _key(of: str, kind: Happened, at: datetime | None) -> str:
    return f"{of}:{kind.value}" if at is None else f"{of}:{kind.value}:{(at - EPOCH) // MICROSECOND // 1000}"


def _uuid(name: str) -> UUID | None:
    try:
        return UUID(name)
    except ValueError:
        return None


def left_empty(told: Mapping[str, Any]) -> str | None:
    """The bridge that the last call has just left. Asterisk would keep it, and whatever records it, for ever."""
    return str(told["bridge"]["id"]) if told["type"] == "ChannelLeftBridge" and is_empty(told["bridge"]) else None


def is_empty(bridge: Mapping[str, Any]) -> bool:
    """No call is in it, made by us or by somebody who called us; a recorder may be."""
    return not any(_uuid(each) or each.replace(".", "", 1).isdecimal() for each in bridge["channels"])


def snoopers(channels: Iterable[str]) -> list[str]:
    """Those of these channels that listen for somebody: with nobody left to hear them they would go on until the other call ends."""
    return [each for each in channels if SNOOP in each]


def listing(
    *,
    node: str,
    boot: str,
    at: datetime,
    channels: Iterable[Mapping[str, Any]],
    bridges: Iterable[Mapping[str, Any]],
    endpoints: Iterable[Mapping[str, Any]],
    messages: Mapping[UUID, datetime],
) -> Listing:
    """What Asterisk's own listings come to. Bridges without a call of ours are as good as gone."""
    calls = {call_id: channel for channel in channels if (call_id := call_of(node, channel)) is not None}
    by_channel = {str(channel["id"]): call_id for call_id, channel in calls.items()}
    held: dict[UUID, frozenset[UUID]] = {}
    for bridge in bridges:
        inside = frozenset(by_channel[each] for each in bridge["channels"] if each in by_channel)
        if inside and (bridge_id := _uuid(str(bridge["id"]))) is not None:
            held[bridge_id] = inside
    bridge_of = {call_id: bridge_id for bridge_id, inside in held.items() for call_id in inside}
    return Listing(
        boot=boot,
        at=at,
        calls=[_as_listed(call_id, channel, bridge_of.get(call_id), messages.get(call_id)) for call_id, channel in calls.items()],
        bridges=held,
        stations={str(each["resource"]): each["state"] == "online" for each in endpoints},
        message_played=dict(messages),
    )


def _as_listed(call_id: UUID, channel: Mapping[str, Any], bridge: UUID | None, message_played_at: datetime | None) -> CarrierCall:
    state = channel["state"]
    created = moment(channel["creationtime"])
    answered_at = _answered_at(channel, created) if state == "Up" or remembered(channel, "RM_ANSWERED") else None
    standing = CallStanding.DIALING
    if remembered(channel, "RM_AWAY"):
        standing = CallStanding.AWAY
    elif state == "Up":
        standing = CallStanding.UP
    elif state in ("Ring", "Ringing"):
        standing = CallStanding.RINGING
    return CarrierCall(
        call_id=call_id,
        state=standing,
        since=answered_at or created,
        bridge=bridge,
        rang=state == "Ringing",
        answered_at=answered_at,
        message_played_at=message_played_at,
        guarded=bool(remembered(channel, "RM_GUARDED")),
        incoming=(incoming := bool(remembered(channel, "RM_INCOMING"))),
        caller=_caller(channel) if incoming else "",
        called=read(remembered(channel, "RM_TO")),
        station=remembered(channel, "RM_STATION"),
        is_machine=None if (verdict := remembered(channel, "RM_VERDICT")) == "" else verdict == "machine",
        verdict_at=_verdict_at(channel),
    )
