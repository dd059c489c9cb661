"""Starts programs in waves, watches them, starts again what died, and leaves nothing behind: one supervisor per state folder.

What runs is written down with its time of birth, so that the start after a crash ends exactly what the crash left.
"""

import contextlib
import fcntl
import json
import os
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from subprocess import Popen

from dialer_project.local import processes, say
from dialer_project.local.ending import ending
from dialer_project.local.places import PROJECT, Account, write_secretly
from dialer_project.local.processes import Running
from dialer_project.local.say import CannotGoOn

QUICK = 30.0  # a life shorter than this, in seconds, is a quick death
TOO_OFTEN = 5  # quick deaths in a row after which starting again is no remedy
FIRST_PAUSE = 0.5  # seconds before the second start, doubled for each one after
LONGEST_PAUSE = 8.0
LOG_KEPT = 5_000_000  # bytes of a log before it is put aside at a start


@dataclass(frozen=True)
class Program:
    """What to run and how to tell that it is up. What belongs to a later wave needs the earlier ones, and is stopped before them."""

    name: str
    argv: tuple[str, ...]
    wave: int
    env: Mapping[str, str]
    ready: Callable[["Child"], bool] | None = None
    ready_within: float = 60
    stop_with: signal.Signals = signal.SIGTERM
    grace: float = 10
    when_we_die: signal.Signals = signal.SIGKILL
    account: Account | None = None
    before: Callable[[], None] | None = None
    cwd: Path = PROJECT


@dataclass
class Child:
    program: Program
    log: Path
    process: "Popen[bytes] | None" = None
    born: str = ""
    started_at: float = 0.0
    log_start: int = 0
    quick_deaths: int = 0
    start_again_at: float | None = None
    is_up: bool = False  # it was, once

    def start(self) -> None:
        if self.program.before:
            self.program.before()
        self.log_start = self.log.stat().st_size if self.log.exists() else 0
        p = self.program
        self.process = processes.start(p.argv, env=p.env, log=self.log, account=p.account, when_we_die=p.when_we_die, cwd=p.cwd)
        self.born = processes.born(self.process.pid) or ""
        self.started_at, self.start_again_at = time.monotonic(), None

    @property
    def has_died(self) -> bool:
        """Whether it is dead, looked at without awaiting it: until then its number cannot become another's, and its group can be ended."""
        if self.process is None:
            return False
        if self.process.returncode is None:
            if hasattr(os, "waitid"):
                if os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                    return False
            elif self.process.poll() is None:  # macOS before Python 3.13
                return False
            processes.end_group(self.process.pid)
            self.process.wait()
        return True

    def said(self, text: str) -> bool:
        """Whether it wrote this since its last start."""
        return text in self.written()

    def written(self) -> str:
        with contextlib.suppress(OSError), open(self.log, "rb") as log:
            log.seek(self.log_start)
            return log.read().decode(errors="replace")
        return ""

    def last_words(self, lines: int = 15) -> str:
        return "\n".join(f"  {self.program.name}: {line}" for line in self.written().rstrip().splitlines()[-lines:])

    def running(self) -> Running | None:
        if self.process is None or not self.born or self.has_died:
            return None
        p = self.program
        return Running(p.name, self.process.pid, self.born, p.wave, int(p.stop_with), p.grace)


@dataclass
class Supervisor:
    state: Path
    children: list[Child] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._book = self.state / "run" / "children.json"
        self._lock = open(self.state / "run" / "supervisor.lock", "a+")  # noqa: SIM115, held for as long as we live
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise CannotGoOn(
                f"another start{_with_pid(self._lock.name)} already uses the state folder {self.state}",
                remedy="stop that one with Ctrl-C, or run a second one beside it, for example: STATE_DIR=var/second PORT=8001 make run",
            ) from None
        self._lock.truncate(0)
        self._lock.write(str(os.getpid()))
        self._lock.flush()
        self._end_what_a_crash_left()

    def launch(self, *programs: Program) -> None:
        """Starts the programs and does not wait for them."""
        for program in programs:
            ending.check()
            child = Child(program, self._log(program))
            self.children.append(child)
            child.start()
            self._write_down()

    def wait_until_up(self) -> list[str]:
        """Until everything launched is up: the names of what was waited for."""
        fresh = [child for child in self.children if not child.is_up]
        for child in fresh:
            self._wait_until_up(child)
        return [child.program.name for child in fresh]

    def start(self, *programs: Program) -> list[str]:
        self.launch(*programs)
        return self.wait_until_up()

    def watch(self) -> None:
        """Until someone asks for the end, which arrives as Ended, or a program cannot be kept alive, which arrives as CannotGoOn."""
        while True:
            ending.check()
            self.look_after()
            time.sleep(0.1)

    def look_after(self) -> None:
        for child in self.children:
            if child.start_again_at is not None:
                if time.monotonic() >= child.start_again_at:
                    child.start()
                    self._write_down()
            elif child.has_died:
                self._bury(child)

    def stop(self) -> None:
        """Ends every program, and returns when none is left."""

        def hurry() -> bool:
            return ending.in_a_hurry

        running = [each for child in self.children if (each := child.running())]
        processes.end(running, mark=self._mark, in_a_hurry=hurry, told=say.progress)
        for child in self.children:
            if child.process:
                child.process.wait()
        self.children.clear()
        self._book.unlink(missing_ok=True)

    def close(self) -> None:
        self._lock.close()

    @property
    def _mark(self) -> str:
        return mark(self.state)

    def _wait_until_up(self, child: Child) -> None:
        def up_or_dead() -> bool:
            return child.has_died or child.program.ready is None or child.program.ready(child)

        in_time = ending.wait(up_or_dead, seconds=child.program.ready_within)
        if child.has_died:
            raise CannotGoOn(f"{child.program.name} ended as soon as it was started", remedy=self._see(child), details=child.last_words())
        if not in_time:
            waited = f"{child.program.ready_within:.0f} seconds"
            raise CannotGoOn(f"{child.program.name} was not up within {waited}", remedy=self._see(child), details=child.last_words())
        child.is_up = True

    def _bury(self, child: Child) -> None:
        assert child.process is not None
        name, lived = child.program.name, time.monotonic() - child.started_at
        child.quick_deaths = child.quick_deaths + 1 if lived < QUICK else 1
        how = _how_it_ended(child.process.returncode)
        if child.quick_deaths >= TOO_OFTEN:
            why = f"{name} {how}, for the {child.quick_deaths}th time in a row"
            raise CannotGoOn(why, remedy=self._see(child), details=child.last_words())
        pause = min(FIRST_PAUSE * 2 ** (child.quick_deaths - 1), LONGEST_PAUSE)
        child.start_again_at = time.monotonic() + pause
        say.progress(f"{name} {how}: starting it again in {pause:.1f} s")

    def _see(self, child: Child) -> str:
        return f"the reason should be in its last lines, above; all of them are in {child.log}"

    def _log(self, program: Program) -> Path:
        log = self.state / "log" / f"{program.name}.log"
        if log.exists() and log.stat().st_size > LOG_KEPT:
            log.replace(log.with_suffix(".log.1"))
        return log

    def _write_down(self) -> None:
        rows = [asdict(each) for child in self.children if (each := child.running())]
        write_secretly(self._book, json.dumps(rows, indent=1))

    def _end_what_a_crash_left(self) -> None:
        try:
            left = [Running(**row) for row in json.loads(self._book.read_text())]
        except FileNotFoundError:
            return
        except (ValueError, TypeError):  # half-written by a crash of the machine: nothing of that life runs any more
            left = []
        names = [each.name for each in left if each.is_alive]
        if names:
            say.progress(f"cleaning up after a start that was killed: {', '.join(names)}")
        processes.end(left, mark=self._mark, told=say.progress)
        self._book.unlink(missing_ok=True)


def mark(state: Path) -> str:
    """The line of the environment by which the processes of one state folder are known."""
    return f"STATE_DIR={state}"


def is_running(state: Path) -> bool:
    """Whether a supervisor holds the state folder."""
    with contextlib.suppress(FileNotFoundError), open(state / "run" / "supervisor.lock") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


def _with_pid(lock: str) -> str:
    pid = Path(lock).read_text().strip()
    return f" (pid {pid})" if pid else ""


def _how_it_ended(code: int) -> str:
    if code >= 0:
        return f"ended with code {code}"
    with contextlib.suppress(ValueError):
        return f"was ended by {signal.Signals(-code).name}"
    return f"was ended by signal {-code}"
