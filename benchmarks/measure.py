"""What every benchmark stands on: servers of its own, processor time of process trees, and figures with what was promised beside them.

Times are compared within one run and told as ratios; where it can be, processor time is measured and not the clock on the wall, since a
machine is rarely ours alone.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from dialer_project.local import processes, product
from dialer_project.local.servers import ThrownAway
from dialer_project.local.supervisor import Child, Program, Supervisor

PROJECT = Path(__file__).resolve().parents[1]
RESULTS = PROJECT / "benchmarks" / "results.json"
# where a benchmark started by `python -m benchmarks` leaves its figures
HAND_OVER = "RINGMASTER_FIGURES"


@dataclass(frozen=True)
class Figure:
    """One measured thing. `promised`: what it is held against, empty where nothing was; `kept`: whether it was."""

    name: str
    value: float
    unit: str
    promised: str = ""
    kept: bool | None = None
    note: str = ""


def at_most(name: str, value: float, unit: str, limit: float, *, note: str = "") -> Figure:
    return Figure(name, value, unit, f"at most {limit:g}", value <= limit, note)


def at_least(name: str, value: float, unit: str, limit: float, *, note: str = "") -> Figure:
    return Figure(name, value, unit, f"at least {limit:g}", value >= limit, note)


def tell(figures: Sequence[Figure]) -> None:
    width = max(len(f.name) for f in figures)
    for f in figures:
        kept = {True: "kept", False: "NOT KEPT", None: ""}[f.kept]
        print(f"  {f.name:<{width}}  {f.value:>12,.4g} {f.unit:<18} {f.promised:<16} {kept:<9} {f.note}".rstrip(), flush=True)


def main(run: Callable[[], list[Figure]]) -> None:
    """A benchmark on its own: its figures on the terminal, and handed over where somebody collects them."""
    figures = run()
    tell(figures)
    if path := os.environ.get(HAND_OVER):
        Path(path).write_text(json.dumps([asdict(f) for f in figures]))


def say(line: str) -> None:
    print(f"  … {line}", file=sys.stderr, flush=True)


@dataclass
class Stage:
    """Servers as in earnest (on disk, fsync and all), the product's code set up in this process, and processes of the product beside it."""

    supervisor: Supervisor
    env: dict[str, str]

    def start(self, *programs: Program) -> None:
        self.supervisor.start(*programs)

    def child(self, name: str) -> Child:
        return next(child for child in self.supervisor.children if child.program.name == name)

    def processor_seconds(self, *names: str, ourselves: bool = False) -> float:
        """Used so far by these children with all their descendants."""
        pids = [child.process.pid for name in names if (child := self.child(name)).process]
        return sum(tree_seconds(pid) for pid in pids) + (time.process_time() if ourselves else 0.0)


@contextmanager
def stage() -> Iterator[Stage]:
    """PostgreSQL and Redis for one benchmark, migrated, gone afterwards; Django speaks to them from here on."""
    servers = ThrownAway(kept=True, given={})
    try:
        env = product.environment(servers.state, port=processes.free_port(), urls=servers.urls)
        subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=PROJECT, env=env, check=True)
        os.environ.update(env)
        import django

        django.setup()
        from django.conf import settings

        settings.LOGGING_CONFIG = None
        yield Stage(servers.supervisor, env)
    finally:
        from django.db import connections

        connections.close_all()
        servers.remove()


_TICKS = os.sysconf("SC_CLK_TCK")


def tree_seconds(root: int) -> float:
    """User and system time of a process and its descendants, the ended ones among them included."""
    parents: dict[int, list[int]] = {}
    used: dict[int, float] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
        except (OSError, IndexError):
            continue
        pid = int(entry.name)
        parents.setdefault(int(fields[1]), []).append(pid)
        used[pid] = sum(map(int, fields[11:15])) / _TICKS
    total, waiting = 0.0, [root]
    while waiting:
        pid = waiting.pop()
        total += used.get(pid, 0.0)
        waiting += parents.get(pid, [])
    return total


def percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
