"""A messy calling list of 100,000 rows with two phone columns: seconds, memory, and what a web page feels of it.

    python -m benchmarks.imports

Promised: at most 60 s, under 300 MiB, and the web's p95 at most 1.2 times what it is without.
"""

import http.client
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from uuid import uuid4

from benchmarks import centre, measure
from benchmarks.measure import Figure
from benchmarks.messy_lists import Expected, messy_list
from dialer_project.local import processes
from dialer_project.local.supervisor import Program

ROWS = 100_000
TURN, TURNS = 2.0, 12  # seconds, pairs
FIRST = 100  # pages, which fill caches
IMPORTER = "importer"  # as whom PostgreSQL knows the import's connections


class _Visitor(threading.Thread):
    """Somebody who asks for the sign-in page again and again."""

    EVERY = 0.02  # seconds

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.port = port
        self.done = threading.Event()
        self.took: list[tuple[float, float]] = []

    def run(self) -> None:
        web = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
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

    def p95(self, spans: Sequence[tuple[float, float]]) -> float:
        """In milliseconds, of the pages asked for in these spans."""
        took = [took for began, took in self.took if any(since <= began < until for since, until in spans)]
        return statistics.quantiles(took, n=20)[-1] * 1000


def run() -> list[Figure]:
    with measure.stage() as stage, tempfile.TemporaryDirectory(prefix="ringmaster-list-") as folder:
        path = Path(folder) / "messy.csv"
        expected = messy_list(path, rows=ROWS)
        measure.say(f"a list of {expected.rows:,} rows, {path.stat().st_size / 1e6:.0f} MB")
        seconds, mib = _undisturbed(stage, path, expected)
        without, during = _beside_the_web(stage, path)
    return [
        measure.at_most("import of 100,000 messy rows, two phone columns", seconds, "s", 60),
        measure.at_most("memory of the import at its peak", mib, "MiB", 300),
        Figure("sign-in page without an import, p95", without, "ms"),
        Figure("sign-in page during an import, p95", during, "ms"),
        measure.at_most("the web's p95 during an import, to without", during / without, "times", 1.2),
    ]


def _importing(stage: measure.Stage, path: Path) -> "subprocess.Popen[str]":
    from campaigns.models import Campaign

    campaign = Campaign.objects.create(name=f"import benchmark {uuid4().hex}")
    command = [sys.executable, "manage.py", "import_leads", str(path), "--campaign", str(campaign.pk), "--country", "GB", "--verbosity", "0"]
    env = {**stage.env, "PGAPPNAME": IMPORTER}
    return subprocess.Popen(command, cwd=measure.PROJECT, env=env, stdout=subprocess.PIPE, text=True)


def _reads() -> bool:
    """The import that is under way has brought in its first rows."""
    from campaigns.models import ListImport

    return ListImport.objects.filter(state=ListImport.State.RUNNING, rows__gt=0).exists()


def _has_come_to_rest() -> bool:
    """PostgreSQL has ended the statement that the halted import had given it."""
    from dialer_project.lib import sql

    busy = "SELECT pid FROM pg_stat_activity WHERE application_name = %s AND wait_event_type IS DISTINCT FROM 'Client'"
    return not sql.rows(busy, [IMPORTER])


def _undisturbed(stage: measure.Stage, path: Path, expected: Expected) -> tuple[float, float]:
    """Seconds from the command to its summary, Python's start included, and the most memory it held."""
    began = time.monotonic()
    importer = _importing(stage, path)
    said = importer.stdout.read() if importer.stdout else ""
    _, status, usage = os.wait4(importer.pid, 0)
    importer.returncode = os.waitstatus_to_exitcode(status)
    wanted = f"{expected.rows:,} rows: {expected.accepted:,} accepted, {expected.duplicates:,} duplicate, {expected.rejected:,} rejected"
    if importer.returncode or not said.startswith(wanted):
        raise RuntimeError(f"exit code {importer.returncode}; expected {wanted!r}, the import said {said!r}")
    return time.monotonic() - began, usage.ru_maxrss / 1024


def _beside_the_web(stage: measure.Stage, path: Path) -> tuple[float, float]:
    """The same import again, let go on and halted by turns, so that whatever else the machine does meets both halves alike."""
    port = processes.free_port()
    web = [sys.executable, "-m", "uvicorn", "dialer_project.asgi:application", "--port", str(port), "--log-level", "warning"]
    stage.start(Program("the web", tuple(web), 2, {**stage.env, "DATABASE_POOL": "1"}, lambda _: processes.is_listening(port)))
    visitor = _Visitor(port)
    visitor.start()
    centre.until(lambda: len(visitor.took) >= FIRST, at_most=60)
    importer = _importing(stage, path)
    centre.until(_reads, at_most=60)
    during: list[tuple[float, float]] = []
    without: list[tuple[float, float]] = []
    for _ in range(TURNS):
        for spans, turn in ((during, signal.SIGCONT), (without, signal.SIGSTOP)):
            if importer.poll() is not None:
                break
            importer.send_signal(turn)
            if turn == signal.SIGSTOP:
                centre.until(_has_come_to_rest, at_most=60)
            began = time.monotonic()
            time.sleep(TURN)  # the turn itself
            spans.append((began, time.monotonic()))
    importer.kill()
    importer.communicate()
    visitor.done.set()
    visitor.join()
    return visitor.p95(without), visitor.p95(during)


if __name__ == "__main__":
    measure.main(run)
