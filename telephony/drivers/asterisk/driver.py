"""The driver: a Carrier whose commands are requests to ARI. What each comes to is in telephony/asterisk/extensions.conf and comes as events.

A command Asterisk cannot carry out is answered with a status: no such channel, one that is not (any more) in our hands, a name that is
taken. Those are the protocol's False.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, BinaryIO
from uuid import UUID

from django.conf import settings

from telephony.drivers.asterisk import phones, translate
from telephony.drivers.asterisk.ari import APPLICATION, REPLY_WITHIN, Ari, Reply, Request, request
from telephony.drivers.asterisk.listener import AsteriskSubscription, boot_of
from telephony.drivers.base import (
    Address,
    AddressKind,
    CarrierTimeout,
    CarrierUnreachable,
    Leg,
    Listing,
    Phone,
    Placed,
    Placing,
    Placings,
    Refused,
    Unclear,
)
from telephony.rules.hangup_causes import Cause
from telephony.rules.sound import is_announcement

DEFAULT_TRUNK = "trunk"
NUMBER = re.compile(r"\+?[0-9*#]{1,32}")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")  # of a trunk or a station: it goes into a dial string
FIFTY = 50  # entries in one variable of ringmaster-remember
MINUTES_KEPT = 120  # until it uses the variables of one again
MESSAGES_OF = timedelta(hours=1)
SETTLED_AFTER = timedelta(minutes=2)  # a minute so long gone gets no more entries
EMPTY_FOR = timedelta(seconds=10)  # a bridge made and not yet entered is younger
MADE_WITHIN = 0.5  # seconds until a channel made to record or to listen can be told to


class Asterisk:
    """See base.Carrier. url as in Ari."""

    def __init__(self, url: str, *, password: str | None = None, reply_within: float = REPLY_WITHIN) -> None:
        self._ari = Ari(url, password=settings.ARI_PASSWORD if password is None else password, reply_within=reply_within)
        self._messages: dict[int, dict[UUID, datetime]] = {}  # by the minute; only those that will not change
        self._messages_of = ""  # which boot

    # Placing

    def place(self, leg: Leg) -> Placing:
        endpoint = _endpoint(leg.to)
        if endpoint is None:
            return Refused(Cause.INVALID_NUMBER, f"{leg.to.value!r} cannot be dialed")
        if leg.message and not is_announcement(leg.message):
            return Refused(Cause.FAILED, f"{leg.message!r} is no announcement")
        variables = {"RM_LONGEST": _seconds(leg.max_length)}
        path = "own"
        if leg.message:
            variables["RM_MESSAGE"] = leg.message
        if leg.guard is not None:
            path, variables["RM_GUARD"] = "guarded", _seconds(leg.guard)
        if leg.detect_machine is not None:
            path, variables["RM_DETECT"] = "heard", str(int(leg.detect_machine.total_seconds() * 1000))
        if leg.to.kind is AddressKind.STATION:
            variables["RM_STATION"] = leg.to.value
            variables[f"PJSIP_HEADER(add,{phones.OURS})"] = str(leg.call_id)
        if leg.auto_answer:
            variables["PJSIP_HEADER(add,Alert-Info)"] = "<http://127.0.0.1>;info=alert-autoanswer"
            variables["PJSIP_HEADER(add,Call-Info)"] = "<sip:127.0.0.1>;answer-after=0"
        try:
            reply = self._ari.ask(
                "POST",
                "channels",
                body={"variables": variables},
                endpoint=endpoint,
                context="ringmaster-answered",
                extension=path,
                priority=1,
                channelId=str(leg.call_id),
                timeout=max(1, int(leg.ring_for.total_seconds())),  # never longer than we were allowed to ring
                callerId=leg.caller_id,
            )
        except CarrierTimeout:
            return Unclear("No reply in time.")
        if reply.ok:
            return Placed()
        if reply.status == 409:
            return Refused(Cause.FAILED, "There is a call of this id.", already_there=True)
        if reply.status in (502, 504):  # a proxy lost Asterisk's reply
            return Unclear(f"A proxy answers {reply.status}.")
        away = Cause.UNAVAILABLE if leg.to.kind is AddressKind.STATION else Cause.CONGESTION
        return Refused(away if reply.status >= 500 else Cause.FAILED, _why(reply))

    def place_many(self, legs: Sequence[Leg]) -> Placings:
        """One after the other on one connection; what follows an unclear one is not sent, since each would wait as long."""
        placings: Placings = []
        for nth, leg in enumerate(legs):
            try:
                placings.append(self.place(leg))
            except CarrierUnreachable as away:
                if nth == 0:
                    raise
                placings.append(Refused(Cause.CANCELLED, f"not sent: {away}"))
            if isinstance(placings[-1], Unclear) or (isinstance(last := placings[-1], Refused) and last.cause is Cause.CANCELLED):
                return placings + [Refused(Cause.CANCELLED, "not sent: the one before had no reply")] * (len(legs) - nth - 1)
        return placings

    # A call

    def answer(self, call_id: UUID) -> bool:
        return self._state(call_id) == "Ring" and self._tell(call_id, "answer")

    def hang_up(self, call_id: UUID, *, cause: Cause = Cause.NORMAL) -> bool:
        return self._ari.ask("DELETE", "channels", translate.channel_of(call_id), reason="normal").ok

    def connect(self, bridge: UUID, *call_ids: UUID) -> bool:
        return self.connect_many({bridge: call_ids})[0]

    def connect_many(self, conversations: Mapping[UUID, Sequence[UUID]]) -> list[bool]:
        """An answer of 404 may mean that the bridge, left by its last call, went between the two requests: asked once more."""
        joined = {bridge: False for bridge in conversations}
        left = {bridge: call_ids for bridge, call_ids in conversations.items() if all(map(self._can_be_joined, call_ids))}
        for _ in range(2):
            if not left:
                break
            replies = self._ari.ask_all([each for bridge, call_ids in left.items() for each in _joining(bridge, call_ids)])
            again = {}
            for (bridge, call_ids), made, added in zip(left.items(), replies[::2], replies[1::2], strict=True):
                joined[bridge] = added.ok
                if added.status == 404 and (made.ok or made.status == 409):  # 409: there already, somebody waits in it
                    again[bridge] = call_ids
            left = again
        return list(joined.values())

    def _can_be_joined(self, call_id: UUID) -> bool:
        """Somebody who calls us is in our hands before we have answered; a bridge would take them."""
        return call_id.version != 8 or self._state(call_id) == "Up"

    def leave_many(self, leaving: Sequence[tuple[UUID, UUID]]) -> list[bool]:
        replies = self._ari.ask_all(
            [request("POST", "bridges", str(bridge), "removeChannel", channel=translate.channel_of(call_id)) for bridge, call_id in leaving]
        )
        return [reply.ok for reply in replies]

    def raise_guards(self, longest: Mapping[UUID, timedelta | None]) -> list[bool]:
        """First the clock, then the mark: between the two the guard is off and looks on, never the other way round."""
        asked = []
        for call_id, lasts in longest.items():
            seconds = (self._remembers(call_id, "RM_LONGEST") or "7200") if lasts is None else _seconds(lasts)
            asked += [self._setting(call_id, "TIMEOUT(absolute)", seconds), self._setting(call_id, "RM_GUARDED", "")]
        replies = self._ari.ask_all(asked)
        return [clock.ok and mark.ok for clock, mark in zip(replies[::2], replies[1::2], strict=True)]

    def hold(self, call_id: UUID) -> bool:
        """Music for the one, silence for the others: Asterisk alone would let them go on listening."""
        if self._remembers(call_id, "RM_HELD"):
            return True
        held = self._tell(call_id, "hold") and self._set(call_id, "RM_HELD", "1") and self._tell(call_id, "mute", direction="in")
        return held and self._say(call_id, translate.HELD)

    def resume(self, call_id: UUID) -> bool:
        if not self._untell(call_id, "hold") or not self._set(call_id, "RM_HELD", ""):
            return False
        if not self._remembers(call_id, "RM_MUTED"):
            self._untell(call_id, "mute", direction="in")
        return self._say(call_id, translate.RESUMED)

    def mute(self, call_id: UUID) -> bool:
        return self._tell(call_id, "mute", direction="in") and self._set(call_id, "RM_MUTED", "1")

    def unmute(self, call_id: UUID) -> bool:
        if not self._set(call_id, "RM_MUTED", ""):
            return False
        return bool(self._remembers(call_id, "RM_HELD")) or self._untell(call_id, "mute", direction="in")

    def play_music(self, bridge: UUID) -> bool:
        return self._ari.ask("POST", "bridges", str(bridge), "moh").ok

    def stop_music(self, bridge: UUID) -> bool:
        return self._ari.ask("DELETE", "bridges", str(bridge), "moh").ok

    def play(self, call_id: UUID, announcement: str, *, then_hang_up: bool = False) -> bool:
        if announcement and not is_announcement(announcement):
            return False
        if then_hang_up:
            said = self._set(call_id, "RM_SAYS", announcement) and self._set(call_id, "RM_BY", "")
            return said and self._continue(call_id, "ringmaster-last-words")
        return self._tell(call_id, "play", media=translate.SOUNDS + announcement.removeprefix("sound:"))

    def play_to_all(self, bridge: UUID, announcement: str) -> bool:
        if not is_announcement(announcement) or not self._inside(bridge):
            return False
        return self._ari.ask("POST", "bridges", str(bridge), "play", media=translate.SOUNDS + announcement.removeprefix("sound:")).ok

    def send_digits(self, call_id: UUID, digits: str) -> bool:
        return self._tell(call_id, "dtmf", dtmf=digits)

    # Recording

    def record(self, what: UUID, name: str) -> bool:
        """A call is recorded by a channel that listens to it, which may be done in a bridge as well as outside."""
        how: dict[str, Any] = {"name": name, "format": "wav", "ifExists": "fail"}
        if self._ari.question("bridges", str(what)).ok:
            return self._ari.ask("POST", "bridges", str(what), "record", **how).ok
        recorder = f"{what}{translate.RECORDER}{time.monotonic_ns():x}"
        if not self._tell(what, "snoop", spy="both", app=APPLICATION, appArgs="recorder", snoopId=recorder):
            return False
        taken = self._as_soon_as_made(
            lambda: self._ari.ask("POST", "channels", recorder, "record", **how), unless=lambda: self._ari.question("recordings", "live", name).ok
        )
        if not taken:
            self._ari.ask("DELETE", "channels", recorder)
        return taken

    @staticmethod
    def _as_soon_as_made(command: Callable[[], Reply], *, unless: Callable[[], bool] = lambda: False) -> bool:
        """A channel that has just been made is in our hands a moment later; until then it is said to be in nobody's."""
        until = time.monotonic() + MADE_WITHIN
        while not (reply := command()).ok:
            if reply.status not in (409, 422) or time.monotonic() > until or unless():
                return False
        return True

    def pause_recording(self, name: str) -> bool:
        return self._ari.ask("POST", "recordings", "live", name, "pause").ok

    def resume_recording(self, name: str) -> bool:
        return self._ari.ask("DELETE", "recordings", "live", name, "pause").ok

    def stop_recording(self, name: str) -> bool:
        live = self._ari.question("recordings", "live", name)
        if not live.ok:
            return False
        target, _, recorder = str(live.said["target_uri"]).partition(":")
        if target == "channel" and translate.RECORDER in recorder:
            return self._ari.ask("DELETE", "channels", recorder).ok
        return self._ari.ask("POST", "recordings", "live", name, "stop").ok

    def fetch_recording(self, name: str, into: BinaryIO) -> bool:
        if self._ari.question("recordings", "live", name).ok:
            return False
        return self._ari.download("recordings", "stored", name, "file", into=into)

    def remove_recording(self, name: str) -> bool:
        return self._ari.ask("DELETE", "recordings", "stored", name).ok

    # Listening in

    def snoop(self, call_id: UUID, on: UUID, *, whisper: bool = False) -> bool:
        """Through a channel that listens to the other call, alone in a bridge with this one."""
        if self._state(call_id) != "Up":
            return False
        listener = f"{call_id}{translate.SNOOP}{time.monotonic_ns():x}"
        whispers = "out" if whisper else "none"
        if not self._tell(on, "snoop", spy="both", whisper=whispers, app=APPLICATION, appArgs="snoop", snoopId=listener):
            return False
        inside = self._inside(call_id)
        there = translate.channel_of(call_id) in inside or self.connect(call_id, call_id)
        if there and self._as_soon_as_made(lambda: self._ari.ask("POST", "bridges", str(call_id), "addChannel", channel=listener)):
            for each in translate.snoopers(inside):
                self._ari.ask("DELETE", "channels", each)
            return True
        self._ari.ask("DELETE", "channels", listener)
        return False

    def _inside(self, bridge: UUID) -> Sequence[str]:
        reply = self._ari.question("bridges", str(bridge))
        return list(reply.said["channels"]) if reply.ok else []

    # Phones

    def admit(self, phone: Phone) -> bool:
        return phones.admit(self._ari, phone)

    def dismiss(self, name: str) -> bool:
        return phones.dismiss(self._ari, name)

    # What there is

    def list(self) -> Listing:
        boot, at = self.boot(), self._now()
        channels = self._ari.must("channels")
        bridges = self._ari.must("bridges")
        endpoints = self._ari.question("endpoints", "PJSIP")  # none at all is a 404
        for bridge in bridges:
            if translate.is_empty(bridge) and at - translate.moment(bridge["creationtime"]) > EMPTY_FOR:
                for each in translate.snoopers(bridge["channels"]):
                    self._ari.ask("DELETE", "channels", each)
                self._ari.ask("DELETE", "bridges", str(bridge["id"]))
        messages = self._messages_until(at, boot)
        return translate.listing(
            node=self._ari.name,
            boot=boot,
            at=at,
            channels=channels,
            bridges=bridges,
            endpoints=endpoints.said if endpoints.ok else (),
            messages=messages,
        )

    def boot(self) -> str:
        return boot_of(self._ari)

    def listen(self) -> AsteriskSubscription:
        return AsteriskSubscription(self._ari)

    def _now(self) -> datetime:
        return translate.moment(self._ari.must("asterisk", "ping")["timestamp"])

    def _messages_until(self, at: datetime, boot: str) -> dict[UUID, datetime]:
        """Of the last hour, by the minute of Asterisk's clock, as ringmaster-remember has written it down."""
        if self._messages_of != boot:
            self._messages, self._messages_of = {}, boot
        found: dict[UUID, datetime] = {}
        last = int(at.timestamp()) // 60
        first = last - MESSAGES_OF // timedelta(minutes=1)
        for minute in range(first, last + 1):
            if minute not in self._messages:
                heard = self._messages_in(minute)
                if last - minute < SETTLED_AFTER // timedelta(minutes=1):
                    found |= heard
                    continue
                self._messages[minute] = heard
            found |= self._messages[minute]
        self._messages = {minute: heard for minute, heard in self._messages.items() if minute >= first}
        return found

    def _messages_in(self, minute: int) -> dict[UUID, datetime]:
        heard: dict[UUID, datetime] = {}
        name = f"RM_MESSAGES_{minute % MINUTES_KEPT}"
        of, _, count = self._global(name).partition(".")
        if of != str(minute):  # the variable is another minute's still
            return heard
        for part in range(-(-int(count) // FIFTY)):
            for entry in filter(None, self._global(f"{name}_{part}").split("~")):
                channel, _, moment = entry.partition("@")
                call_id = translate.call_of(self._ari.name, {"id": channel})
                if call_id is not None:
                    heard[call_id] = translate.seconds_since_1970(moment)
        return heard

    def _global(self, name: str) -> str:
        reply = self._ari.question("asterisk", "variable", variable=name)
        return str(reply.said.get("value") or "") if reply.ok else ""

    # Asking

    def _state(self, call_id: UUID) -> str:
        reply = self._ari.question("channels", translate.channel_of(call_id))
        return str(reply.said["state"]) if reply.ok else ""

    def _tell(self, call_id: UUID, what: str, **how: Any) -> bool:
        return self._ari.ask("POST", "channels", translate.channel_of(call_id), what, **how).ok

    def _untell(self, call_id: UUID, what: str, **how: Any) -> bool:
        return self._ari.ask("DELETE", "channels", translate.channel_of(call_id), what, **how).ok

    def _remembers(self, call_id: UUID, variable: str) -> str:
        reply = self._ari.question("channels", translate.channel_of(call_id), "variable", variable=variable)
        return str(reply.said.get("value") or "") if reply.ok else ""

    def _set(self, call_id: UUID, variable: str, value: str) -> bool:
        return self._ari.ask_all([self._setting(call_id, variable, value)])[0].ok

    @staticmethod
    def _setting(call_id: UUID, variable: str, value: str) -> Request:
        return request("POST", "channels", translate.channel_of(call_id), "variable", variable=variable, value=value)

    def _continue(self, call_id: UUID, context: str) -> bool:
        return self._tell(call_id, "continue", context=context, extension="s", priority="1")

    def _say(self, call_id: UUID, what: str) -> bool:
        """To the listener: Asterisk tells nobody of what we have asked for ourselves."""
        source = f"channel:{translate.channel_of(call_id)}"
        return self._ari.ask("POST", "events", "user", what, application=APPLICATION, source=source).ok


def _joining(bridge: UUID, call_ids: Iterable[UUID]) -> tuple[Request, Request]:
    channels = ",".join(translate.channel_of(call_id) for call_id in call_ids)
    return (
        request("POST", "bridges", str(bridge), type="mixing,dtmf_events"),
        request("POST", "bridges", str(bridge), "addChannel", channel=channels),
    )


def _endpoint(to: Address) -> str | None:
    if to.kind is AddressKind.STATION:
        return f"PJSIP/{to.value}" if NAME.fullmatch(to.value) else None
    trunk = to.trunk or DEFAULT_TRUNK
    return f"PJSIP/{to.value}@{trunk}" if NUMBER.fullmatch(to.value) and NAME.fullmatch(trunk) else None


def _seconds(lasts: timedelta) -> str:
    return f"{lasts.total_seconds():g}"


def _why(reply: Reply) -> str:
    said = reply.said if isinstance(reply.said, dict) else {}
    return str(said.get("error") or said.get("message") or reply.status)
