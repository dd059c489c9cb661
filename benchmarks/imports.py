"""A messy calling list of 100,000 rows with two phone columns: seconds, memory, and what a web page feels of it.

    python -m benchmarks.imports [--rows N] [--keep FILE]

Brings its own PostgreSQL and Redis where DATABASE_URL and REDIS_URL are not given. Promised: at most 60 s, under 300 MiB, and the
web's p95 at most 1.2 times what it is without.
"""

import argparse
import csv
import http.client
import io
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
FIRST = ["Maria", "José", "Ana", "Omar", "Lena", "Paul", "Zoë", "Jürgen", "Siân", "François", "Ángel", "Noor", "Małgorzata", "Øystein", "Ida", "Tom"]
LAST = ["López", "Smith", "O'Neill", "Müller", "Ferreira", "Novák", "Ångström", "Brown", "Khan", "García", "Weiß", "Dubois", "Evans", "Walsh"]
HEADER = ["Lead ID", "First Name", "Last Name", "Company", "Mobile Phone", "Work Phone", "Email", "Street", "City", "Country", "Notes"]


@dataclass(frozen=True)
class Expected:
    rows: int
    accepted: int
    duplicates: int
    rejected: int


def messy_list(path: Path, *, rows: int, seed: int = 1) -> Expected:
    """A list as it comes: five rows in a hundred without a usable number, duplicates, several encodings in one file, NUL bytes, fields of a
    megabyte, quotation marks that do not match, line ends inside values, formulas. Says what must become of it."""
    dice = random.Random(seed)
    verdicts: Counter[str] = Counter()
    people: list[list[str]] = []
    with path.open("wb") as file:
        file.write(_line(HEADER))
        for number in range(rows):
            lot = dice.random()
            person = _person(dice, number)
            if lot < 0.05:
                person[4], person[5] = dice.choice([("12345", ""), ("", ""), ("n/a", "4.42E+11"), ("0", "call reception"), ("+999 1234567", "")])
                verdict, piece = "rejected", _line(person)
            elif lot < 0.08 and people:
                verdict, piece = "duplicates", _line(dice.choice(people))
            elif lot < 0.081:
                person[10] = "x" * 30_000
                verdict, piece = "rejected", _line(person)
            elif lot < 0.0811:
                person[10] = "x" * 1_000_000
                verdict, piece = "rejected", _line(person)
            elif lot < 0.083:  # a comma too many, nowhere quoted
                verdict, piece = "rejected", (",".join([*person[:10], "one, two, three"]) + "\r\n").encode()
            elif lot < 0.084:  # opened, never closed, and a value short: no reading makes a row of it
                verdict, piece = "rejected", (",".join(person[:3]) + ',"Acme,' + ",".join(person[4:9]) + "\r\n").encode()
            else:
                verdict = "accepted"
                if lot < 0.12:
                    person[10] = f'called twice\nasked for {person[1]}, "the" boss\r\nsecond floor'
                elif lot < 0.14:
                    person[3] = dice.choice(['=HYPERLINK("http://x","y")', "+SUM(1,2)", "@cmd", "-2+3"])
                piece = _line(person, "cp1252" if 0.14 < lot < 0.17 else "utf-8")
                if 0.17 < lot < 0.18:
                    piece = piece.replace(b"Street", b"Str\0eet")
                if len(people) < 5000:
                    people.append(person)
            verdicts[verdict] += 1
            file.write(piece)
    return Expected(rows, verdicts["accepted"], verdicts["duplicates"], verdicts["rejected"])


def _line(cells: list[str], encoding: str = "utf-8") -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerow(cells)
    return text.getvalue().encode(encoding, errors="replace")


def _person(dice: random.Random, number: int) -> list[str]:
    mobile = f"07{dice.choice('456789')}{dice.randrange(10**8):08d}"
    mobile = f"0740{dice.randrange(10**7):07d}" if mobile.startswith(("0762", "0770", "070")) or mobile[2] in "69" else mobile
    work = f"020 7{dice.randrange(100, 999)} {dice.randrange(10**4):04d}" if dice.random() < 0.5 else f"+4420 7946 {dice.randrange(40):04d}"
    return [
        f"00Q{number:012d}",
        dice.choice(FIRST),
        dice.choice(LAST),
        f"{dice.choice(LAST)} & Sons",
        f"+447400{dice.randrange(10**6):06d}" if dice.random() < 0.3 else f"07400 {dice.randrange(10**6):06d}" if dice.random() < 0.5 else mobile,
        work,
        f"person{number}@example.org",
        f"{dice.randrange(200)} High Street",
        "London",
        dice.choice(["United Kingdom", "GB", "UK", ""]),
        "",
    ]


@dataclass(frozen=True)
class Figures:
    rows: int
    seconds: float
    processor_seconds: float
    peak_mib: float
    p95_without_ms: float
    p95_with_ms: float
    p95_factor: float


class _Visitor(threading.Thread):
    """Somebody who asks for a page again and again."""

    EVERY = 0.02  # seconds

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.port = port
        self.done = threading.Event()
        self.took: list[tuple[float, float]] = []

    def run(self) -> None:
        web = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        while not self.done.is_set():
            began = time.monotonic()
            web.request("GET", "/admin/login/")
            answer = web.getresponse()
            answer.read()
            if answer.status != 200:
                raise RuntimeError(f"the sign-in page answered {answer.status}")
            took = time.monotonic() - began
            self.took.append((began, took))
            self.done.wait(max(0.0, self.EVERY - took))

    def p95(self, since: float, until: float) -> float:
        return statistics.quantiles([took for began, took in self.took if since <= began < until], n=20)[-1] * 1000


def measure(*, rows: int, env: Mapping[str, str], keep: Path | None = None) -> Figures:
    """Needs migrated servers named in `env`."""
    with tempfile.TemporaryDirectory(prefix="ringmaster-list-") as folder:
        path = keep or Path(folder) / "messy.csv"
        expected = messy_list(path, rows=rows)
        campaign = _manage(env, "shell", "-v0", "-c", _NEW_CAMPAIGN).strip().splitlines()[-1]
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        web = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", "dialer_project.asgi:application", "--port", str(port), "--log-level", "warning"],
            cwd=PROJECT,
            env={**env, "DATABASE_POOL": "1"},
        )
        try:
            _until_it_answers(port)
            visitor = _Visitor(port)
            visitor.start()
            time.sleep(3)  # first pages warm caches
            marks = [time.monotonic()]
            time.sleep(12)
            marks.append(time.monotonic())
            importer = subprocess.Popen(
                [sys.executable, "manage.py", "import_leads", str(path), "--campaign", campaign, "--country", "GB"],
                cwd=PROJECT,
                env=dict(env),
                stdout=subprocess.PIPE,
                text=True,
            )
            said = importer.stdout.read() if importer.stdout else ""
            _, status, usage = os.wait4(importer.pid, 0)
            importer.returncode = os.waitstatus_to_exitcode(status)
            marks.append(time.monotonic())
            time.sleep(8)
            marks.append(time.monotonic())
            visitor.done.set()
            visitor.join()
        finally:
            web.terminate()
            web.wait()
    _must_add_up(said, expected, importer.returncode)
    without = statistics.fmean([visitor.p95(marks[0], marks[1]), visitor.p95(marks[2], marks[3])])
    during = visitor.p95(marks[1], marks[2])
    return Figures(
        rows=rows,
        seconds=round(marks[2] - marks[1], 1),
        processor_seconds=round(usage.ru_utime + usage.ru_stime, 1),
        peak_mib=round(usage.ru_maxrss / 1024, 1),
        p95_without_ms=round(without, 2),
        p95_with_ms=round(during, 2),
        p95_factor=round(during / without, 2),
    )


_NEW_CAMPAIGN = (
    "from campaigns.models import Campaign; from uuid import uuid4; print(Campaign.objects.create(name=f'import benchmark {uuid4().hex}').pk)"
)


def _must_add_up(said: str, expected: Expected, code: int) -> None:
    wanted = f"{expected.rows:,} rows: {expected.accepted:,} accepted, {expected.duplicates:,} duplicate, {expected.rejected:,} rejected"
    if code or not said.startswith(wanted):
        raise RuntimeError(f"exit code {code}; expected {wanted!r}, the import said {said!r}")


def _manage(env: Mapping[str, str], *args: str) -> str:
    return subprocess.run([sys.executable, "manage.py", *args], cwd=PROJECT, env=dict(env), check=True, stdout=subprocess.PIPE, text=True).stdout


def _until_it_answers(port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("the web did not start")


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--keep", type=Path, help="write the list here, and leave it there")
    told = parser.parse_args(argv)
    if os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL"):
        figures = measure(rows=told.rows, env=os.environ, keep=told.keep)
    else:
        from dialer_project.local.servers import ThrownAway

        servers = ThrownAway(kept=True)  # on disk and safe against a crash, as in earnest
        try:
            env = {**os.environ, **servers.env}
            _manage(env, "migrate", "-v0")
            figures = measure(rows=told.rows, env=env, keep=told.keep)
        finally:
            servers.remove()
    print(json.dumps(asdict(figures)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
