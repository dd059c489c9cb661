"""The do-not-call journal: a file beside the database, a line for each act, only ever appended to. It survives the restore of a backup.

What forbids is on disk before its transaction commits, what allows again is written after it has: whichever dies in between, the journal
forbids at least what the database did. A line holds keyed hashes and hints, never a number, and its own checksum.
"""

import fcntl
import json
import os
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings


@dataclass(frozen=True, slots=True)
class Listed:
    """Numbers not to be called, key -> hint. Names are kept beside ids: a restored database may not know who or which it was."""

    at: datetime
    source: str
    numbers: Mapping[str, str]
    reason: str = ""
    by: str = ""
    campaign: int | None = None
    register: str = ""
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Removed:
    """An entry removed by two persons."""

    at: datetime
    number: str
    campaign: int | None
    reason: str
    asked_by: str
    decided_by: str
    asked_at: datetime
    note: str = ""


@dataclass(frozen=True, slots=True)
class Released:
    """Numbers that a register's new version no longer has."""

    at: datetime
    register: str
    campaign: int | None
    numbers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Loaded:
    """A register was loaded whole."""

    at: datetime
    register: str
    campaign: int | None
    version: int
    numbers: int


Act = Listed | Removed | Released | Loaded
ACTS: dict[str, type[Listed | Removed | Released | Loaded]] = {
    "listed": Listed,
    "removed": Removed,
    "released": Released,
    "loaded": Loaded,
}
INSTANTS = ("at", "expires_at", "asked_at")


@dataclass(frozen=True, slots=True)
class Damaged:
    """A line that is not as it was written: torn by a crash while it was appended, or touched since."""

    line: int


@dataclass(frozen=True, slots=True)
class Journal:
    path: Path = field(default_factory=lambda: Path(settings.DO_NOT_CALL_JOURNAL))

    def write(self, *acts: Act) -> None:
        """On disk when it returns. OSError where it cannot be: whoever lists must not go on."""
        if not acts:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        is_new = not self.path.exists()
        with open(os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o640), "r+b", buffering=0) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            end = file.seek(0, os.SEEK_END)
            if end and os.pread(file.fileno(), 1, end - 1) != b"\n":
                file.write(b"\n")  # whoever wrote last died over it
            piece = memoryview(b"".join(map(_line, acts)))
            while piece:
                piece = piece[file.write(piece) :]
            os.fsync(file.fileno())
        if is_new:
            folder = os.open(self.path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    def read(self, *, last: int = 0) -> Iterator[Act | Damaged]:
        """Every act in order, a line at a time; `last`: only what the last so many bytes hold whole."""
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            if last and self.path.stat().st_size > last:
                file.seek(-last, os.SEEK_END)
                file.readline()
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield _act(line) or Damaged(number)


def _line(act: Act) -> bytes:
    told = {"act": next(name for name, kind in ACTS.items() if isinstance(act, kind)), **asdict(act)}
    body = json.dumps(told, default=_plain, ensure_ascii=False, separators=(",", ":")).encode()
    return b"%08x %s\n" % (zlib.crc32(body), body)


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _act(line: bytes) -> Act | None:
    checksum, _, body = line.rstrip(b"\n").partition(b" ")
    if checksum != b"%08x" % zlib.crc32(body):
        return None
    told: dict[str, Any] = json.loads(body)
    for name in INSTANTS:
        if told.get(name):
            told[name] = datetime.fromisoformat(told[name])
    if isinstance(told.get("numbers"), list):
        told["numbers"] = tuple(told["numbers"])
    return ACTS[told.pop("act")](**told)
