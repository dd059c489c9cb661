"""Commands started as a person starts them, read line by line, and never left running."""

import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dialer_project.local import processes
from dialer_project.local.places import PROJECT

PATIENCE = 30.0


def _as_in_a_terminal() -> None:
    """Where these tests run under nohup or in the background, a hang-up and an interrupt are ignored, and that is handed down."""
    for number in (signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)


class Started:
    """A command, and what it has said so far."""

    def __init__(self, argv: list[str], env: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            argv,
            cwd=PROJECT,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            preexec_fn=_as_in_a_terminal,
        )
        self.said: list[str] = []
        self._lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def until(self, words: str) -> str:
        """The first line not yet read that holds the words."""
        deadline = time.monotonic() + PATIENCE
        while (line := self._lines.get(timeout=max(deadline - time.monotonic(), 0.01))) is not None:
            self.said.append(line)
            if words in line:
                return line
        raise AssertionError(f"it ended without saying {words!r}:\n{''.join(self.said)}")

    def end(self, number: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        code = self.process.wait(PATIENCE)
        while (line := self._lines.get(timeout=PATIENCE)) is not None:
            self.said.append(line)
        return code

    @property
    def words(self) -> str:
        return "".join(self.said)

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put(None)


Start = Callable[..., Started]


@pytest.fixture
def state() -> Iterator[Path]:
    """A state folder with a short name that every account may pass through, as pytest's own are not."""
    folder = Path(tempfile.mkdtemp(prefix="ringmaster-local-"))
    folder.chmod(0o711)
    yield folder / "state"
    for pid in left_of(folder / "state"):
        os.kill(pid, signal.SIGKILL)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def environment(state: Path) -> dict[str, str]:
    """What a person's shell would hand on, without what these tests themselves run with."""
    ours = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "STATE_DIR", "RINGMASTER_", "PYTEST_", "MAKE", "MFLAGS")
    env = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {**env, "STATE_DIR": str(state), "PORT": str(processes.free_port())}


@pytest.fixture
def start(environment: dict[str, str]) -> Iterator[Start]:
    running: list[Started] = []

    def start(*argv: str, **more: str) -> Started:
        command = [sys.executable, "-m", *argv] if not argv[0].startswith("/") else list(argv)
        running.append(Started(command, {**environment, **more}))
        return running[-1]

    yield start
    for each in running:
        if each.process.poll() is None:
            each.process.kill()
            each.process.wait()


def left_of(state: Path) -> list[int]:
    """The living processes of a state folder."""
    pids = [int(entry.name) for entry in Path("/proc").glob("[0-9]*")]
    return [pid for pid in pids if pid != os.getpid() and processes.carries(pid, f"STATE_DIR={state}") and processes.born(pid)]


def eventually(condition: Callable[[], bool], seconds: float = PATIENCE) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
