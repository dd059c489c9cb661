"""The simulated people behind a real telephone exchange: a carrier's end of a SIP trunk and agents' phones, with voice, in one thread.

They do what the script says, as those of `world` do. The exchange under test is the only thing they ever speak to.
"""

from __future__ import annotations

import math
import random
import selectors
import socket
import struct
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from secrets import token_hex
from typing import Any, Self

from telephony.drivers.simulated import sip_messages as sip
from telephony.drivers.simulated.script import Answers, Behaviour, Fails, Machine, NoAnswer, RefusedAtOnce, Script, TrunkSilent
from telephony.drivers.simulated.sip_messages import Message
from telephony.rules.hangup_causes import Cause

HOME = "127.0.0.1"
AGAIN_AFTER = 0.5  # seconds until what was not acknowledged is sent again
GIVES_UP_AFTER = 8.0
REGISTERS_EVERY = 600.0
REMEMBERS = 50_000  # calls
FRAME = 0.02  # seconds of sound in a packet
STATUS = {
    Cause.BUSY: 486,
    Cause.REJECTED: 603,
    Cause.UNAVAILABLE: 480,
    Cause.NO_ANSWER: 480,
    Cause.UNALLOCATED: 404,
    Cause.INVALID_NUMBER: 484,
    Cause.CONGESTION: 503,
}
SILENCE = b"\xff" * 160
SIZES = bytes(code & 0x7F for code in range(256))  # of mu-law's codes without their sign: the smaller, the louder
ALOUD = 0x60  # smaller than this can be heard


def _loud() -> bytes:
    """A frame of a 400 Hz tone in mu-law."""
    frame = bytearray()
    for at in range(160):
        sample = int(8000 * math.sin(2 * math.pi * 400 * at / 8000))
        sign, size = (0x80, -sample) if sample < 0 else (0, sample)
        size = min(size + 132, 32767)
        exponent = max(size.bit_length() - 8, 0)
        frame.append(~(sign | exponent << 4 | size >> (exponent + 3) & 0x0F) & 0xFF)
    return bytes(frame)


TONE = _loud()
# How an answered call sounds from over there, in seconds: (until, aloud?). A person says hello and waits, a machine talks on.
PERSON = ((0.3, False), (1.0, True), (4.5, False))
MACHINE = ((0.3, False), (8.0, True), (9.0, False))
TALKER = ((math.inf, True),)
LISTENER = ((math.inf, False),)


@dataclass(slots=True, eq=False)
class Dialog:
    """One call as the far side has it. `status` is our final reply to an INVITE, or the reply we got to ours; 0: none yet."""

    call_id: str
    who: str  # the number called, the station's name, or the number that calls us
    station: bool
    line: socket.socket
    peer: tuple[str, int]
    invite: Message
    tag: str
    began: float
    incoming: bool = False  # called by us
    rang: bool = False
    status: int = 0
    answered_at: float | None = None
    ended_at: float | None = None
    ended_by: str = ""  # us, them
    dead: bool = False
    acknowledged: bool = False
    contact: str = ""
    remote: str = ""  # the other side's From or To with its tag
    cseq: int = 1
    rtp: socket.socket | None = None
    media: tuple[str, int] | None = None
    last: bytes = b""
    packets: int = 0  # heard
    loud: int = 0  # of those that were not silence
    heard_at: float | None = None  # the first of those
    peaks: Counter[int] = field(default_factory=Counter)  # how many of those were how loud, in mu-law's sizes
    digits: str = ""
    sequence: int = 0
    stamp: int = 0
    source: int = 0
    script: tuple[tuple[float, bool], ...] = ()
    aloud_until: float = 0.0
    voice: int = 0  # counts changes of what is said: the sound of the one before ends
    key: str = ""

    @property
    def over(self) -> bool:
        return self.ended_at is not None


@dataclass(slots=True)
class _Request:
    """Ours, until it is answered."""

    line: socket.socket
    peer: tuple[str, int]
    datagram: bytes
    answered: Callable[[Message], None]
    until: float


@dataclass
class SipWorld:
    """exchange: where the exchange takes SIP. password: of every station there but those with one of their own in `passwords`.

    stations_talk: whoever sits at a phone talks all the time, so that a customer who hears nobody shows.
    """

    script: Script
    exchange: tuple[str, int]
    password: str = ""
    passwords: dict[str, str] = field(default_factory=dict)
    seed: int = 7
    port: int = 0  # of the trunk; chosen where 0
    stations_talk: bool = False
    calls: deque[Dialog] = field(default_factory=lambda: deque(maxlen=REMEMBERS))  # the last of them, ended ones included

    def __post_init__(self) -> None:
        self.trunk, self.phones = _line(self.port), _line(0)
        self.port = self.trunk.getsockname()[1]
        self._lock = threading.RLock()
        self._agenda: list[tuple[float, int, Callable[..., object], tuple[Any, ...]]] = []
        self._entries = 0
        self._dialogs: dict[str, Dialog] = {}
        self._requests: dict[str, _Request] = {}
        self._times_called: dict[str, int] = {}
        self._registered: dict[str, bool] = {}
        self._renewals: dict[str, int] = {}
        self.registered: set[str] = set()  # as the exchange has confirmed
        self._selector = selectors.DefaultSelector()
        for each in (self.trunk, self.phones):
            self._selector.register(each, selectors.EVENT_READ, self._datagram)
        self._waker, self._wakes = socket.socketpair()
        self._wakes.setblocking(False)
        self._selector.register(self._wakes, selectors.EVENT_READ, lambda wakes: wakes.recv(4096))
        self._stopping = False
        self._thread = threading.Thread(target=self._live, name="sip-world", daemon=True)

    def start(self) -> Self:
        self._thread.start()
        return self

    def stop(self) -> None:
        self._stopping = True
        self._wake()
        self._thread.join(5)
        for key in list(self._selector.get_map().values()):
            assert isinstance(key.fileobj, socket.socket)
            key.fileobj.close()
        self._waker.close()
        self._selector.close()

    # What people and phones do

    def call(self, call_id: str) -> Dialog | None:
        """By SIP's Call-ID, which Asterisk calls the channel's protocol_id."""
        with self._lock:
            return self._dialogs.get(call_id)

    def station_up(self, name: str) -> None:
        with self._lock:
            self._registered[name] = True
            self._keep_registered(name)

    def station_down(self, name: str) -> None:
        """Its page was closed: the exchange is told that the phone is gone, and its calls hear and say nothing more."""
        with self._lock:
            self._registered[name] = False
            for dialog in self._dialogs.values():
                if dialog.station and dialog.who == name and not dialog.over:
                    dialog.dead = True
            self._register(name, 0)

    def incoming(self, caller: str, called: str, *, patience: float = 30.0) -> Dialog:
        """Somebody calls the exchange through the trunk."""
        with self._lock:
            uri = f"sip:{called}@{self.exchange[0]}:{self.exchange[1]}"
            headers = [("From", f"<sip:{caller}@{HOME}:{self.port}>;tag={token_hex(6)}"), ("To", f"<{uri}>")]
            rtp = _line(0)
            headers += [("Call-ID", token_hex(12)), ("CSeq", "1 INVITE")]
            branch, datagram = self._request("INVITE", uri, headers, self.trunk, body=_sdp(rtp))
            invite = sip.parse(datagram)
            assert invite is not None
            dialog = Dialog(invite.call_id, caller, False, self.trunk, self.exchange, invite, "", time.monotonic(), incoming=True)
            self._sound(dialog, rtp)
            self._remember(dialog)
            self._send_until_answered(branch, self.trunk, self.exchange, datagram, lambda reply: self._invited(dialog, reply))
            self._at(patience, self._impatient, dialog, branch)
            return dialog

    def forget(self) -> None:
        """As if nobody had ever called."""
        with self._lock:
            self.forget_calls()
            self.calls.clear()

    def forget_calls(self) -> None:
        """Whatever is still going on is forgotten, without a word to the exchange, which may be gone itself."""
        with self._lock:
            for dialog in self._dialogs.values():
                dialog.dead = True
                self._over(dialog, "them")
            self._dialogs.clear()
            self._requests.clear()

    def hangs_up(self, dialog: Dialog) -> None:
        with self._lock:
            self._bye(dialog)

    def presses(self, dialog: Dialog, digit: str) -> None:
        with self._lock:
            self._key(dialog, digit, 0)

    def holds(self, dialog: Dialog, on: bool) -> None:
        """The hold key, or the same key again."""
        with self._lock:
            if dialog.rtp is None:
                return
            branch, datagram = self._within(dialog, "INVITE", body=_sdp(dialog.rtp, "sendonly" if on else "sendrecv"))
            self._send_until_answered(branch, dialog.line, dialog.peer, datagram, lambda reply: self._changed(dialog, reply))

    def speaks(self, dialog: Dialog, lasts: float) -> None:
        """Aloud from now on for so long."""
        with self._lock:
            dialog.aloud_until = time.monotonic() + lasts
            dialog.script = LISTENER if dialog.script is LISTENER else ()
            self._voice(dialog)

    def falls_silent(self, dialog: Dialog) -> None:
        with self._lock:
            dialog.aloud_until, dialog.script = 0.0, ()

    def listens(self, dialog: Dialog) -> None:
        """Silent as somebody is who listens: the phone sends on."""
        with self._lock:
            dialog.aloud_until, dialog.script = 0.0, LISTENER
            self._voice(dialog)

    # The thread

    def _live(self) -> None:
        while not self._stopping:
            with self._lock:
                wait = max(0.0, self._agenda[0][0] - time.monotonic()) if self._agenda else 1.0
            ready = self._selector.select(min(wait, 1.0))
            with self._lock:
                for key, _ in ready:
                    key.data(key.fileobj)
                while self._agenda and self._agenda[0][0] <= time.monotonic():
                    _, _, step, args = heappop(self._agenda)
                    step(*args)

    def _at(self, after: float, step: Callable[..., object], *args: Any) -> None:
        self._entries += 1
        heappush(self._agenda, (time.monotonic() + after, self._entries, step, args))
        if threading.current_thread() is not self._thread:
            self._wake()

    def _wake(self) -> None:
        self._waker.send(b"x")

    def _datagram(self, line: socket.socket) -> None:
        for _ in range(100):
            try:
                datagram, peer = line.recvfrom(65536)
            except BlockingIOError:
                return
            message = sip.parse(datagram)
            if message is None:
                continue
            if message.status:
                self._answered(message)
            else:
                self._asked(line, peer, message)

    # Requests to us

    def _asked(self, line: socket.socket, peer: tuple[str, int], message: Message) -> None:
        dialog = self._dialogs.get(message.call_id)
        if dialog is not None and dialog.dead:
            return
        match message.method:
            case "INVITE" if dialog is None:
                self._called(line, peer, message)
            case "INVITE" if dialog is not None and dialog.answered_at is None:
                if dialog.last:  # sent again: our reply was lost
                    line.sendto(dialog.last, peer)
            case "INVITE" if dialog is not None and dialog.rtp is not None:  # a change within the call
                dialog.media = sip.media_of(message.body) or dialog.media
                self._reply(dialog, message, 200, body=_sdp(dialog.rtp))
            case "ACK" if dialog is not None:
                dialog.acknowledged = True
            case "CANCEL" if dialog is not None:
                self._reply(dialog, message, 200)
                if dialog.status == 0:
                    self._final(dialog, 487, by="them")
            case "BYE" if dialog is not None:
                self._reply(dialog, message, 200)
                self._over(dialog, "them")
            case "BYE" | "CANCEL":
                line.sendto(sip.response(message, 481, tag="x", contact=self._contact(line)), peer)
            case "OPTIONS":
                line.sendto(sip.response(message, 200, tag="x", contact=self._contact(line)), peer)

    def _called(self, line: socket.socket, peer: tuple[str, int], message: Message) -> None:
        station, who = line is self.phones, message.user
        dialog = Dialog(message.call_id, who, station, line, peer, message, token_hex(6), time.monotonic())
        dialog.remote, dialog.contact = message.get("from"), sip.uri_of(message.get("contact"))
        dialog.media = sip.media_of(message.body)
        self._remember(dialog)
        meets: Behaviour
        if station:
            meets = self.script.station_meets(who, auto_answer="alert-autoanswer" in message.get("alert-info"))
        else:
            nth = self._times_called[who] = self._times_called.get(who, 0) + 1
            meets = self.script.number_meets(who, seed=self.seed, nth=nth)
        if isinstance(meets, TrunkSilent):
            dialog.dead = True
            return
        self._reply(dialog, message, 100)
        match meets:
            case Answers():
                self._rings(dialog, meets.after.total_seconds(), rings=meets.rings)
                self._at(meets.after.total_seconds(), self._answer, dialog, meets)
            case Machine():
                self._rings(dialog, meets.after.total_seconds(), rings=True)
                self._at(meets.after.total_seconds(), self._answer, dialog, meets)
            case NoAnswer():
                self._rings(dialog, math.inf, rings=True)
                if meets.after is not None:
                    self._at(meets.after.total_seconds(), self._final, dialog, 480)
            case Fails():
                self._rings(dialog, meets.after.total_seconds(), rings=meets.rings)
                self._at(meets.after.total_seconds(), self._final, dialog, STATUS.get(meets.cause, 500))
            case RefusedAtOnce():
                self._final(dialog, STATUS.get(meets.cause, 500))

    def _rings(self, dialog: Dialog, until: float, *, rings: bool) -> None:
        if rings:
            self._at(min(self.script.post_dial.total_seconds(), until * 0.9), self._ring, dialog)

    def _ring(self, dialog: Dialog) -> None:
        if dialog.status == 0 and not dialog.dead:
            dialog.rang = True
            self._reply(dialog, dialog.invite, 180)

    def _answer(self, dialog: Dialog, meets: Answers | Machine) -> None:
        if dialog.status or dialog.dead:
            return
        dialog.status, dialog.answered_at = 200, time.monotonic()
        rtp = _line(0)
        self._sound(dialog, rtp)
        self._reply(dialog, dialog.invite, 200, body=_sdp(rtp))
        self._at(AGAIN_AFTER, self._until_acknowledged, dialog, dialog.last)
        if meets.talks_for is not None:
            self._at(meets.talks_for.total_seconds(), self._bye, dialog)
        for after, digit in meets.presses if isinstance(meets, Answers) else ():
            self._at(after.total_seconds(), self._key, dialog, digit, 0)
        dialog.script = MACHINE if isinstance(meets, Machine) else TALKER if dialog.station and self.stations_talk else PERSON
        self._voice(dialog)

    def _final(self, dialog: Dialog, status: int, by: str = "us") -> None:
        if dialog.status or dialog.dead:
            return
        dialog.status = status
        self._reply(dialog, dialog.invite, status)
        self._at(AGAIN_AFTER, self._until_acknowledged, dialog, dialog.last)
        self._over(dialog, by)

    def _reply(self, dialog: Dialog, to: Message, status: int, body: str = "") -> None:
        datagram = sip.response(to, status, tag=dialog.tag, contact=self._contact(dialog.line, dialog.who), body=body)
        if to is dialog.invite:
            dialog.last = datagram
        dialog.line.sendto(datagram, dialog.peer)

    def _until_acknowledged(self, dialog: Dialog, datagram: bytes) -> None:
        if not dialog.acknowledged and not dialog.dead and time.monotonic() - dialog.began < 60:
            dialog.line.sendto(datagram, dialog.peer)
            self._at(AGAIN_AFTER, self._until_acknowledged, dialog, datagram)

    # Requests of ours

    def _request(self, method: str, uri: str, headers: sip.Headers, line: socket.socket, body: str = "") -> tuple[str, bytes]:
        branch = f"z9hG4bK{token_hex(8)}"
        via = f"SIP/2.0/UDP {HOME}:{line.getsockname()[1]};branch={branch};rport"
        head = [("Via", via), ("Max-Forwards", "70"), *headers]
        if not any(name == "Contact" for name, _ in headers):
            head.append(("Contact", f"<{self._contact(line)}>"))
        if body:
            head.append(("Content-Type", "application/sdp"))
        return branch, sip.written(f"{method} {uri} SIP/2.0", head, body)

    def _send_until_answered(
        self, branch: str, line: socket.socket, peer: tuple[str, int], datagram: bytes, answered: Callable[[Message], None]
    ) -> None:
        self._requests[branch] = _Request(line, peer, datagram, answered, time.monotonic() + GIVES_UP_AFTER)
        self._send_again(branch)

    def _send_again(self, branch: str) -> None:
        request = self._requests.get(branch)
        if request is None:
            return
        if time.monotonic() > request.until:
            del self._requests[branch]
            return
        request.line.sendto(request.datagram, request.peer)
        self._at(AGAIN_AFTER, self._send_again, branch)

    def _answered(self, message: Message) -> None:
        branch = message.get("via").partition("branch=")[2].partition(";")[0]
        request = self._requests.get(branch)
        if request is not None:
            if message.status >= 200 or message.cseq[1] == "INVITE":
                del self._requests[branch]  # a provisional reply says that it has arrived
            request.answered(message)
        elif message.cseq[1] == "INVITE" and (dialog := self._dialogs.get(message.call_id)) is not None:
            (self._invited if dialog.incoming and not dialog.cseq > 1 else self._changed)(dialog, message)

    def _keep_registered(self, name: str) -> None:
        """Again from time to time, and soon where the exchange did not answer."""
        if self._registered.get(name):
            self._register(name, 3600)
            self._renewals[name] = self._renewals.get(name, 0) + 1
            self._at(GIVES_UP_AFTER, self._renew, name, self._renewals[name], REGISTERS_EVERY)

    def _renew(self, name: str, renewal: int, later: float) -> None:
        if self._renewals.get(name) != renewal:
            return  # it has registered since, for another reason
        if later and name in self.registered:
            self._at(later, self._renew, name, renewal, 0.0)
        else:
            self._keep_registered(name)

    def _register(self, name: str, expires: int, challenge: str = "", nth: int = 1) -> None:
        host, port = self.exchange
        uri, who = f"sip:{host}:{port}", f"<sip:{name}@{host}>"
        headers: sip.Headers = [
            ("From", f"{who};tag={token_hex(6)}"),
            ("To", who),
            ("Call-ID", f"register-{name}-{token_hex(4)}"),
            ("CSeq", f"{nth} REGISTER"),
            ("Contact", f"<{self._contact(self.phones, name)}>"),
            ("Expires", str(expires)),
        ]
        if challenge:
            headers.append(
                (
                    "Authorization",
                    sip.authorization(challenge, method="REGISTER", uri=uri, user=name, password=self.passwords.get(name, self.password)),
                )
            )

        def answered(reply: Message) -> None:
            if reply.status == 200:
                (self.registered.add if expires else self.registered.discard)(name)
            if reply.status == 401 and not challenge and self._registered.get(name) is (expires > 0):
                self._register(name, expires, reply.get("www-authenticate"), nth + 1)

        branch, datagram = self._request("REGISTER", uri, headers, self.phones)
        self._send_until_answered(branch, self.phones, self.exchange, datagram, answered)

    def _invited(self, dialog: Dialog, reply: Message) -> None:
        """A reply to the call we make."""
        if reply.status < 200:
            dialog.rang |= reply.status == 180
            return
        number, _ = reply.cseq
        uri = sip.uri_of(reply.get("contact")) if reply.status < 300 else dialog.invite.uri
        headers = [("From", reply.get("from")), ("To", reply.get("to")), ("Call-ID", reply.call_id), ("CSeq", f"{number} ACK")]
        _, datagram = self._request("ACK", uri, headers, dialog.line)
        if reply.status >= 300:  # to the same transaction
            first, _, rest = datagram.decode().partition("\r\n")
            rest = rest.replace(rest.partition("branch=")[2].partition(";")[0], dialog.invite.get("via").partition("branch=")[2].partition(";")[0], 1)
            datagram = f"{first}\r\n{rest}".encode()
        dialog.line.sendto(datagram, dialog.peer)
        if dialog.status:
            return
        dialog.status = reply.status
        if reply.status >= 300:
            self._over(dialog, "them")
            return
        dialog.answered_at, dialog.contact, dialog.remote = time.monotonic(), uri, reply.get("to")
        if dialog.over:  # our cancel crossed the answer
            dialog.ended_at = None
            self._bye(dialog)
            return
        dialog.media = sip.media_of(reply.body)
        dialog.script = PERSON
        self._voice(dialog)

    def _impatient(self, dialog: Dialog, branch: str) -> None:
        if dialog.status or dialog.over:
            return
        invite = dialog.invite
        headers = [(name, invite.get(name.lower())) for name in ("Via", "From", "To", "Call-ID")]
        datagram = sip.written(f"CANCEL {invite.uri} SIP/2.0", [*headers, ("CSeq", "1 CANCEL"), ("Max-Forwards", "70")])
        self._requests.pop(branch, None)
        dialog.line.sendto(datagram, dialog.peer)
        self._over(dialog, "us")

    def _bye(self, dialog: Dialog) -> None:
        if dialog.over or dialog.dead:
            return
        if dialog.answered_at is None:
            if dialog.incoming:
                self._impatient(dialog, "")
            else:
                self._final(dialog, 603)
            return
        branch, datagram = self._within(dialog, "BYE")
        self._send_until_answered(branch, dialog.line, dialog.peer, datagram, lambda reply: None)
        self._over(dialog, "us")

    def _within(self, dialog: Dialog, method: str, *, body: str = "") -> tuple[str, bytes]:
        """A request of ours within a call that was answered."""
        dialog.cseq += 1
        ours = dialog.invite.get("from") if dialog.incoming else f"{dialog.invite.get('to')};tag={dialog.tag}"
        headers = [("From", ours), ("To", dialog.remote), ("Call-ID", dialog.call_id), ("CSeq", f"{dialog.cseq} {method}")]
        return self._request(method, dialog.contact, headers, dialog.line, body)

    def _changed(self, dialog: Dialog, reply: Message) -> None:
        """A reply to our change within a call."""
        if reply.status < 200:
            return
        headers = [("From", reply.get("from")), ("To", reply.get("to")), ("Call-ID", reply.call_id), ("CSeq", f"{reply.cseq[0]} ACK")]
        _, datagram = self._request("ACK", dialog.contact, headers, dialog.line)
        dialog.line.sendto(datagram, dialog.peer)

    def _over(self, dialog: Dialog, by: str) -> None:
        if dialog.over:
            return
        dialog.ended_at, dialog.ended_by = time.monotonic(), by
        if dialog.rtp is not None:
            self._selector.unregister(dialog.rtp)
            dialog.rtp.close()
            dialog.rtp = None
        self._at(64.0, self._dialogs.pop, dialog.call_id, None)  # for as long as anything may be sent again

    def _remember(self, dialog: Dialog) -> None:
        self._dialogs[dialog.call_id] = dialog
        self.calls.append(dialog)

    def _contact(self, line: socket.socket, who: str = "carrier") -> str:
        return f"sip:{who}@{HOME}:{line.getsockname()[1]}"

    # Sound

    def _sound(self, dialog: Dialog, rtp: socket.socket) -> None:
        dialog.rtp = rtp
        self._selector.register(rtp, selectors.EVENT_READ, lambda line: self._hear(dialog, line))
        dialog.source = random.randrange(1 << 32)  # names the stream, as RTP asks for; it decides nothing

    def _hear(self, dialog: Dialog, line: socket.socket) -> None:
        for _ in range(50):
            try:
                packet = line.recv(2048)
            except OSError:
                return
            kind = packet[1] & 0x7F if len(packet) > 12 else -1
            if kind == sip.VOICE and not dialog.dead:
                dialog.packets += 1
                peak = min(packet[12:].translate(SIZES), default=ALOUD)
                if peak < ALOUD:
                    dialog.loud += 1
                    dialog.peaks[peak] += 1
                    dialog.heard_at = dialog.heard_at or time.monotonic()
            elif kind == sip.EVENTS and packet[13] & 0x80 and dialog.key != packet[4:8].hex():
                dialog.key = packet[4:8].hex()  # its end comes three times, with one time stamp
                dialog.digits += "0123456789*#ABCD"[packet[12] & 0x0F]

    def _voice(self, dialog: Dialog) -> None:
        """From now on as the script has it, and not as before."""
        dialog.voice += 1
        self._at(0.0, self._speak, dialog, time.monotonic(), dialog.voice)

    def _speak(self, dialog: Dialog, began: float, voice: int) -> None:
        """A frame every 20 ms while there is something to be heard, or kept from being missed; a phone goes on for as long as it lives."""
        if dialog.over or dialog.dead or dialog.rtp is None or dialog.voice != voice:
            return
        now = time.monotonic()
        part = next(((until, aloud) for until, aloud in dialog.script if now - began < until), None)
        aloud = now < dialog.aloud_until or (part is not None and part[1])
        self._frame(dialog, TONE if aloud else SILENCE, sip.VOICE)
        if part is not None or now < dialog.aloud_until:
            self._at(FRAME, self._speak, dialog, began, voice)
        elif dialog.station:
            self._at(0.5, self._speak, dialog, began, voice)

    def _frame(self, dialog: Dialog, payload: bytes, kind: int, *, stamp: int | None = None) -> None:
        if dialog.rtp is None or dialog.media is None:
            return
        dialog.sequence = dialog.sequence + 1 & 0xFFFF
        if stamp is None:
            stamp = dialog.stamp = dialog.stamp + 160 & 0xFFFFFFFF
        head = struct.pack("!BBHII", 0x80, kind, dialog.sequence, stamp, dialog.source)
        dialog.rtp.sendto(head + payload, dialog.media)

    def _key(self, dialog: Dialog, digit: str, nth: int, stamp: int = 0) -> None:
        """Ten packets of one time stamp: the key held for a tenth of a second and more, its end told three times."""
        if dialog.over or dialog.dead:
            return
        if nth == 0:
            stamp = dialog.stamp = dialog.stamp + 1600 & 0xFFFFFFFF
        ends = 0x80 if nth >= 7 else 0
        payload = bytes(["0123456789*#ABCD".index(digit), ends | 10]) + (160 * (min(nth, 7) + 1)).to_bytes(2)
        self._frame(dialog, payload, sip.EVENTS, stamp=stamp)
        if nth < 9:
            self._at(FRAME, self._key, dialog, digit, nth + 1, stamp)


def _line(port: int) -> socket.socket:
    line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    line.bind((HOME, port))
    line.setblocking(False)
    return line


def _sdp(rtp: socket.socket, direction: str = "sendrecv") -> str:
    return sip.sdp(rtp.getsockname()[1], direction)
