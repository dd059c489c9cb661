"""Processes: started so that they end with us, known again by more than a number, ended with all they started."""

import contextlib
import ctypes
import fcntl
import ipaddress
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from dialer_project.local.places import PROJECT, Account

LINUX = sys.platform == "linux"
PR_SET_PDEATHSIG = 1
SIOCGIFADDR, SIOCGIFNETMASK = 0x8915, 0x891B  # Linux: asks an interface for its address, and how far its network reaches
HURRY = 1.0  # seconds of grace left to each wave once the end was asked for twice
_libc = ctypes.CDLL(None) if LINUX else None  # loaded before any fork: the child may do next to nothing


def die_with(parent: int, number: signal.Signals) -> None:
    """Has the kernel send us `number` when our parent dies. Other systems have no such thing; there the next start cleans up."""
    if _libc:
        _libc.prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0)
        if os.getppid() != parent:  # it died before we could ask
            os._exit(1)


def start(
    argv: Iterable[str],
    *,
    env: Mapping[str, str] | None = None,
    log: Path | None = None,
    account: Account | None = None,
    cwd: Path = PROJECT,
    when_we_die: signal.Signals = signal.SIGKILL,
    keep_input: bool = False,
) -> "subprocess.Popen[bytes]":
    """A process in a session of its own (a Ctrl-C reaches us alone; we end it in order), ended by the kernel should we be killed.
    Call it from the main thread: the kernel minds the thread that forked."""
    us = os.getpid()

    def in_the_child() -> None:
        die_with(us, when_we_die)  # after the change of account, which would undo it

    with contextlib.ExitStack() as files:
        output = files.enter_context(open(log, "ab")) if log else None
        return subprocess.Popen(
            list(argv),
            env=env,
            cwd="/" if account else cwd,
            stdin=None if keep_input else subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT if log else None,
            start_new_session=True,
            preexec_fn=in_the_child,
            **(account.for_popen() if account else {}),
        )


def born(pid: int) -> str | None:
    """When the process was started, as the system tells it: with the pid, its identity. None for what is dead, zombies included."""
    if LINUX:
        fields = _stat(pid)
        return None if fields is None or fields[0] == "Z" else fields[19]
    told = subprocess.run(["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True).stdout.strip()
    return None if not told or told.startswith("Z") else told.split(None, 1)[1]


def command(pid: int) -> str:
    """How the process was called, for a sentence about it."""
    try:
        if LINUX:
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        return subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True).stdout.strip()
    except OSError:
        return ""


@dataclass(frozen=True)
class Running:
    """A process we started, in this life or an earlier one."""

    name: str
    pid: int
    born: str
    wave: int
    stop_with: int = int(signal.SIGTERM)
    grace: float = 10

    @property
    def is_alive(self) -> bool:
        return born(self.pid) == self.born


def end(everything: Iterable[Running], *, mark: str, in_a_hurry: Callable[[], bool] = lambda: False, told: Callable[[str], None]) -> None:
    """Ends the processes, the last wave first, and each with all it started: politely, then not. `mark` is a line of their environment.

    The last wave first, because a worker that finds its Redis gone waits for it instead of ending.
    """
    everything = list(everything)
    for wave in sorted({each.wave for each in everything}, reverse=True):
        members = [each for each in everything if each.wave == wave]
        leaders = [each for each in members if each.is_alive]
        for each in leaders:
            _signal(each.pid, each.stop_with)
        asked_at = time.monotonic()
        grace = max((each.grace for each in leaders), default=0)
        while any(each.is_alive for each in leaders) and time.monotonic() < asked_at + (min(grace, HURRY) if in_a_hurry() else grace):
            time.sleep(0.03)
        for each in members:
            late = each.is_alive
            if late:
                told(f"{each.name} did not stop when asked: killed")
                _signal(each.pid, signal.SIGKILL)
            if each in leaders:
                end_group(each.pid)
            else:  # long dead, its number perhaps someone else's by now: only what still carries our mark
                for pid in _group(each.pid):
                    if carries(pid, mark):
                        _signal(pid, signal.SIGKILL)


def end_group(pid: int) -> None:
    """Kills what is left in the group of a process that was ours a moment ago."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def carries(pid: int, mark: str) -> bool:
    """Whether the process was started with this line in its environment."""
    try:
        return mark.encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False


def anyone_works_in(folder: Path) -> bool:
    """Whether a process has `folder` as its working directory, as a PostgreSQL server has its data."""
    for link in Path("/proc").glob("[0-9]*/cwd"):
        with contextlib.suppress(OSError):
            if os.readlink(link) == str(folder):
                return True
    return False


def free_port() -> int:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return int(trial.getsockname()[1])


def is_listening(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def listener(port: int) -> str | None:
    """Who listens on the port, as far as we may know."""
    if LINUX:
        inodes = set()
        for table in ("/proc/net/tcp", "/proc/net/tcp6"):
            with contextlib.suppress(OSError):
                for row in Path(table).read_text().splitlines()[1:]:
                    fields = row.split()
                    if fields[3] == "0A" and int(fields[1].rsplit(":", 1)[1], 16) == port:
                        inodes.add(f"socket:[{fields[9]}]")
        for link in Path("/proc").glob("[0-9]*/fd/*"):
            with contextlib.suppress(OSError):
                if os.readlink(link) in inodes:
                    return _named(int(link.parts[2]))
        return None
    with contextlib.suppress(OSError):
        found = subprocess.run(["lsof", "-nP", "-t", f"-iTCP:{port}", "-sTCP:LISTEN"], capture_output=True, text=True).stdout.split()
        return _named(int(found[0])) if found else None
    return None


def _named(pid: int) -> str:
    called = command(pid)
    return f"'{called[:60]}{'…' if len(called) > 60 else ''}' (pid {pid})"


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def _group(pgid: int) -> list[int]:
    members = []
    for entry in Path("/proc").glob("[0-9]*"):
        fields = _stat(int(entry.name))
        if fields and fields[0] != "Z" and int(fields[2]) == pgid:
            members.append(int(entry.name))
    return members


def _stat(pid: int) -> list[str] | None:
    """What the kernel tells of a process, from its state on: the name before it may hold spaces and brackets."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (OSError, IndexError):
        return None


def addresses() -> list[str]:
    """This machine's own IPv4 addresses, the loopback apart."""
    return [str(each.ip) for each in _interfaces() if not each.ip.is_loopback]


def networks() -> list[str]:
    """The IPv4 networks this machine is in, its loopback too."""
    return sorted({str(each.network) for each in _interfaces()})


def _interfaces() -> list[ipaddress.IPv4Interface]:
    found = []
    for _, name in socket.if_nameindex():
        asked = struct.pack("256s", name.encode()[:15])
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking, contextlib.suppress(OSError):  # an interface without one
            address, mask = (socket.inet_ntoa(fcntl.ioctl(asking, what, asked)[20:24]) for what in (SIOCGIFADDR, SIOCGIFNETMASK))
            found.append(ipaddress.IPv4Interface(f"{address}/{mask}"))
    return found
