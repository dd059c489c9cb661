"""A real Asterisk for the length of a test run, and the people and phones around it."""

from __future__ import annotations

import math
import os
import signal
import struct
import subprocess
import tempfile
import threading
import time
import wave
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from dialer_project.local import asterisk
from telephony.drivers.asterisk.ari import Ari
from telephony.drivers.asterisk.driver import Asterisk
from telephony.drivers.asterisk.translate import channel_of
from telephony.drivers.base import Placed
from telephony.drivers.simulated.script import Behaviour, Mix, Script, seconds
from telephony.drivers.simulated.sip_world import Dialog, SipWorld
from telephony.rules.events import Happened

from .labs import Lab

HEARD = 5  # packets that are not silence
HEARD_WITHIN = 1.5  # seconds from the first word, on a busy machine too
SAID = 1200  # how loud announcements are, of 32767; the people and phones around are several times as loud
ANNOUNCEMENTS = {"abandoned": 0.5, "sorry": 0.6, "welcome": 0.4, "voicemail": 0.6, "announcement-1-v1": 0.5}  # seconds


def people() -> Script:
    """Numbers nobody has said anything about ring for ever; nothing takes longer than a test can wait."""
    nobody = Mix(**{name: 0.0 for name in Mix.__dataclass_fields__} | {"no_answer": 1.0})
    return Script(mix=nobody, post_dial=seconds(0.1), auto_answers_after=seconds(0.1), station_answers_after=seconds(0.2))


class Exchange:
    """Started at the first need and kept; a test that leaves it unusable has the next one start it again."""

    def __init__(self, *, stations: tuple[str, ...] = ("ana", "ben"), trunks: tuple[str, ...] = ("trunk",), script: Script | None = None) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="ringmaster-exchange-")
        folder = Path(self._folder.name)
        self.log = folder / "asterisk.log"
        installed = asterisk.find_or_install(folder / "install.log")
        self.server = asterisk.Asterisk(folder / "asterisk", installed, stations=stations, station_silent_for=3, pages_on_loopback=True)
        self.world = SipWorld(script or people(), ("127.0.0.1", self.server.sip_port))
        self.server.trunks = {name: f"127.0.0.1:{self.world.port}" for name in trunks}
        self.server.certificates = _certified(folder)
        self.server.folder.mkdir()
        self.world.password = self.server.station_password
        self.world.start()
        self.server.write()
        for name, lasts in ANNOUNCEMENTS.items():
            _write_tone(self.server.announcements / f"{name}.wav", lasts)
        self.process: subprocess.Popen[bytes] | None = None
        self.spoiled = False

    @property
    def ari(self) -> Ari:
        return Ari(self.server.url, password=self.server.password, reply_within=5)

    def carrier(self) -> Asterisk:
        return Asterisk(self.server.url, password=self.server.password)

    def start(self) -> None:
        if self.process is None or self.process.poll() is not None:
            self.process = asterisk.start(self.server, log=self.log)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def restart(self) -> None:
        self.kill()
        self.start()

    def freeze(self) -> int:
        """Asterisk stands still; what it is told meanwhile it does afterwards. Its process."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)
        return self.process.pid

    def stall(self, lasts: float) -> None:
        threading.Timer(lasts, os.kill, (self.freeze(), signal.SIGCONT)).start()

    def as_new(self) -> None:
        """No calls, bridges or recordings of the test before."""
        if self.spoiled:
            self.kill()
            self.spoiled = False
        self.start()
        ari = self.ari
        self.world.forget()
        for channel in ari.question("channels").said:
            ari.ask("DELETE", "channels", channel["id"])
        for bridge in ari.question("bridges").said:
            ari.ask("DELETE", "bridges", bridge["id"])
        until = time.monotonic() + 10
        while ari.question("channels").said:
            assert time.monotonic() < until, "calls of the test before do not end"
        for recording in self.server.recordings.glob("*"):
            recording.unlink()

    def close(self) -> None:
        self.kill()
        self.world.stop()
        self._folder.cleanup()

    def dialog_of(self, call_id: UUID) -> Dialog:
        """The call as it is known at the other end."""
        channel = self.ari.question("channels", channel_of(call_id)).said
        dialog = self.world.call(channel["protocol_id"])
        assert dialog is not None
        return dialog


class AsteriskLab(Lab):
    """A real Asterisk over SIP and sound, on the real clock."""

    tells_doubles = False

    def __init__(self, exchange: Exchange) -> None:
        super().__init__()
        self.exchange = exchange
        exchange.as_new()
        self.world = exchange.world
        self.carrier = exchange.carrier()

    def _wait(self, longest: float) -> float:
        began = time.monotonic()
        if self.subscription is not None:
            self.heard.extend(self.subscription.next(longest))
        else:
            threading.Event().wait(min(longest, 0.02))
        return time.monotonic() - began

    def _number_meets(self, number: str, behaviour: Behaviour) -> None:
        self.world.script.say(number, behaviour)

    def _station_meets(self, name: str, behaviour: Behaviour) -> None:
        self.world.script.station(name, behaviour)

    def station_dies(self, name: str) -> None:
        self.world.station_down(name)

    def station_registers(self, name: str, secret: str = "") -> None:
        if secret:
            self.world.passwords[name] = secret
        self.world.registered.discard(name)
        self.world.station_up(name)
        self.until(lambda: name in self.world.registered, what=f"registration of {name}")

    def somebody_calls(self, *, patience: float = 20.0) -> UUID:
        before = {event.call_id for event in self.heard}
        self.world.incoming("+49301", "+49302", patience=patience)

        def called() -> list[UUID]:
            new = [event.call_id for event in self.heard if event.kind is Happened.INCOMING and event.call_id not in before]
            return [call_id for call_id in new if call_id is not None]

        self.until(lambda: bool(called()), what="somebody who calls us")
        return called()[0]

    def far_hangs_up(self, call_id: UUID) -> None:
        self.world.hangs_up(self.exchange.dialog_of(call_id))

    def far_presses(self, call_id: UUID, digit: str) -> None:
        self.world.presses(self.exchange.dialog_of(call_id), digit)

    def holds_at_their_phone(self, call_id: UUID, on: bool) -> None:
        self.world.holds(self.exchange.dialog_of(call_id), on)

    def heard_by(self, speaker: UUID, *others: UUID) -> set[UUID]:
        """By the sound itself: everybody is silent, then the one is aloud."""
        dialogs = {other: self.exchange.dialog_of(other) for other in others}
        speaking = self.exchange.dialog_of(speaker)
        for each in (speaking, *dialogs.values()):
            self.world.listens(each)
        self.pass_time(0.2)
        before = {other: dialog.loud for other, dialog in dialogs.items()}
        self.world.speaks(speaking, 0.4)
        heard: set[UUID] = set()
        until = time.monotonic() + HEARD_WITHIN
        while heard != set(others) and time.monotonic() < until:
            self.pass_time(0.1)
            heard = {other for other, dialog in dialogs.items() if dialog.loud - before[other] > HEARD}
        return heard

    def stall(self, lasts: float) -> None:
        self.exchange.stall(lasts)

    def double_every_event(self) -> None:
        """It does: each channel is told of for its own sake and for its endpoint's."""

    def refuse_placing(self) -> None:
        """An Asterisk that is to stop once its last call has ended takes no new one."""
        self.answered(self.customer_answers())
        self.exchange.spoiled = True
        subprocess.Popen(self.exchange.server.command("-rx", "core stop gracefully"), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        self.until(lambda: self.carrier.place(self.leg(self.customer_rings_on())) != Placed(), what="a carrier that takes no calls")

    def restart(self) -> None:
        self.exchange.restart()

    def stop(self) -> None:
        self.exchange.kill()


def _certified(folder: Path) -> Path:
    """A certificate for this machine, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")]), datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now - timedelta(days=1), now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / asterisk.CERTIFICATE).write_bytes(made.public_bytes(Encoding.PEM))
    (folder / asterisk.KEY).write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return folder


def _write_tone(path: Path, lasts: float) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        samples = (int(SAID * math.sin(2 * math.pi * 440 * at / 8000)) for at in range(int(8000 * lasts)))
        file.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))
