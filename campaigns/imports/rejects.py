"""The file of rows that did not become leads: line, verdict, reason, then the row as it was. Corrected, it can be imported itself."""

import csv
import io
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from campaigns.rules.list_rows import GUARDED

BEGINS = b"\xef\xbb\xbf"  # so that spreadsheets take it for UTF-8


@dataclass(frozen=True, slots=True)
class Reject:
    line: int
    verdict: str  # rejected, duplicate
    reason: str
    cells: Sequence[str]


def neutral(text: str) -> str:
    """No spreadsheet computes what a file of strangers says."""
    return f"'{text}" if text.lstrip(" \xa0\ufeff")[:1] in GUARDED and text else text


def header(columns: Iterable[str]) -> bytes:
    return BEGINS + _lines([("line", "verdict", "reason", *map(neutral, columns))])


def rows(rejects: Iterable[Reject]) -> bytes:
    return _lines((str(one.line), one.verdict, neutral(one.reason), *map(neutral, one.cells)) for one in rejects)


def _lines(table: Iterable[Sequence[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerows(table)
    return text.getvalue().encode("utf-8", errors="replace")


def write(path: Path, *, at: int, piece: bytes) -> int:
    """Puts a piece after what is known to stand there, and drops what a killed import may have left behind. Returns the new length."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(os.open(path, os.O_RDWR | os.O_CREAT, 0o640), "r+b") as file:
        file.truncate(at)
        file.seek(at)
        file.write(piece)
        file.flush()
        os.fsync(file.fileno())
        return file.tell()
