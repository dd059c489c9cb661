"""A PostgreSQL of our own: made once, run as a child, reached through a socket that only we may open."""

import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

from dialer_project.local import places, processes, say, wheels
from dialer_project.local.ending import ending
from dialer_project.local.say import CannotGoOn
from dialer_project.local.supervisor import Child, Program, mark

NAME = "ringmaster"  # of the role and of the database
LONGEST_SOCKET_PATH = 100  # the kernel's limit is 107 here and 103 elsewhere, and PostgreSQL adds to it
KEPT = {"max_connections": "200", "shared_buffers": "256MB"}
THROWN_AWAY = {
    "max_connections": "300",
    "shared_buffers": "256MB",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum_naptime": "10min",
    "dynamic_shared_memory_type": "mmap",  # in the data folder, and gone with it even after a kill
}


class PostgreSQL:
    def __init__(self, state: Path, *, kept: bool = True) -> None:
        self.state, self.kept = state, kept
        self.data = state / "pgdata"
        self.account = places.postgresql_account(self.data)
        if not places.may_enter(self.account, state):
            assert self.account is not None
            raise CannotGoOn(
                f"root runs PostgreSQL as {self.account.name}, who cannot get to the state folder {state}",
                remedy="choose a folder that others may pass through, for example: STATE_DIR=/var/lib/ringmaster make run",
            )
        self.programs = self._programs_within_reach() / "bin"
        self.sockets = self._reachable(state / "pgsock")
        self.password = places.kept_secret(state / "postgresql.password")
        self.env = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}

    @property
    def url(self) -> str:
        return f"postgresql://{NAME}:{quote(self.password)}@/{NAME}?host={quote(str(self.sockets), safe='')}"

    def make(self) -> None:
        """The data folder, if there is none yet: made aside and moved into place, so that a half-made one never counts."""
        places.hand_over(self.sockets, self.account)
        version = self._version()
        if version is None:
            self._initialise()
        elif version != wheels.POSTGRESQL_MAJOR:
            aside, ours = self.data.with_name(f"pgdata-{version}"), wheels.POSTGRESQL_MAJOR
            raise CannotGoOn(
                f"the data in {self.data} was made by PostgreSQL {version}, and Ringmaster now brings PostgreSQL {ours}",
                remedy=f"begin afresh with: mv {self.data} {aside} - or dump it with PostgreSQL {version} and restore the dump afterwards",
            )

    def program(self) -> Program:
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": f'"{self.sockets}"',  # a list, in which quotes hold a path together
            "unix_socket_permissions": "0700",
            "timezone": "UTC",
            **(KEPT if self.kept else THROWN_AWAY),
        }
        return Program(
            name="postgresql",
            argv=(
                str(self.programs / "postgres"),
                "-D",
                str(self.data),
                *(arg for each in settings.items() for arg in ("-c", "=".join(each))),
            ),
            wave=0,
            # Its children overwrite their environment, so the mark serves the server itself only; they end when it does.
            env={**self.env, **dict([mark(self.state).split("=", 1)])},
            ready=self._accepts,
            stop_with=signal.SIGINT if self.kept else signal.SIGQUIT,
            grace=30,
            when_we_die=signal.SIGINT if self.kept else signal.SIGQUIT,
            account=self.account,
            before=self._forget_a_dead_server,
        )

    def make_database(self) -> None:
        made = self._run("createdb", "-h", str(self.sockets), "-U", NAME, NAME)
        if made.returncode and "already exists" not in made.stderr:
            raise CannotGoOn("the database could not be made", remedy="see PostgreSQL's own words above", details=made.stderr)

    def _accepts(self, child: Child) -> bool:
        return self._run("pg_isready", "-q", "-h", str(self.sockets)).returncode == 0

    def _run(self, program: str, *args: str) -> "subprocess.CompletedProcess[str]":
        env = {**self.env, "PGPASSWORD": self.password}
        return subprocess.run([str(self.programs / program), *args], env=env, cwd="/", stdin=subprocess.DEVNULL, capture_output=True, text=True)

    def _version(self) -> int | None:
        try:
            return int((self.data / "PG_VERSION").read_text())
        except FileNotFoundError:
            return None
        except PermissionError:
            owner = self.data.owner()
            raise CannotGoOn(
                f"the data in {self.data} belongs to {owner}, so root started it last time",
                remedy="start it as root again, or choose another folder, for example: STATE_DIR=~/ringmaster-state make run",
            ) from None

    def _initialise(self) -> None:
        fresh = self.data.with_name("pgdata.new")
        shutil.rmtree(fresh, ignore_errors=True)
        places.hand_over(fresh, self.account)
        password = places.write_secretly(self.state / "initdb.password", self.password)
        if self.account:
            os.chown(password, self.account.uid, self.account.gid)
        # A locale of PostgreSQL's own: what LANG says, or whether the machine knows it, does not matter.
        locale = ("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
        speed = () if self.kept else ("--no-sync",)
        log = self.state / "log" / "initdb.log"
        making = processes.start(
            [
                str(self.programs / "initdb"),
                f"--pgdata={fresh}",
                f"--username={NAME}",
                f"--pwfile={password}",
                "--auth=scram-sha-256",
                *locale,
                *speed,
            ],
            env=self.env,
            log=log,
            account=self.account,
        )
        try:
            ending.wait(lambda: making.poll() is not None, seconds=300)
        finally:
            if making.poll() is None:
                processes.end_group(making.pid)
            making.wait()
            password.unlink(missing_ok=True)
        if making.returncode:
            words = log.read_text(errors="replace")[-1500:]
            raise CannotGoOn("PostgreSQL could not make its data folder", remedy="see its own words above; often the disk is full", details=words)
        fresh.rename(self.data)

    def _programs_within_reach(self) -> Path:
        found = wheels.postgresql()
        if places.may_enter(self.account, found / "bin" / "postgres"):
            return found
        version = hashlib.sha256(str((found / "bin" / "postgres").stat().st_mtime_ns).encode()).hexdigest()[:8]
        if not (self.state / f"postgresql-{version}").exists():
            say.progress("copying PostgreSQL to where it may run")
        return wheels.copy_postgresql(self.state / f"postgresql-{version}")

    def _reachable(self, sockets: Path) -> Path:
        if len(bytes(sockets / ".s.PGSQL.5432.lock")) <= LONGEST_SOCKET_PATH and "," not in str(sockets):  # clients split hosts at commas
            return sockets
        short = Path(tempfile.gettempdir()) / f"ringmaster-{hashlib.sha256(bytes(sockets)).hexdigest()[:12]}"
        if short.is_symlink() or (short.exists() and short.stat().st_uid not in {os.geteuid(), self.account.uid if self.account else -1}):
            raise CannotGoOn(f"the folder {short} belongs to someone else", remedy="choose a shorter STATE_DIR, without commas")
        return short

    def _forget_a_dead_server(self) -> None:
        """A server that was killed leaves its pid in files, and PostgreSQL refuses to start while that pid is anything at all: a zombie,
        or, after a restart of the machine or container, some other process of ours. No server lives where no process works in its data
        folder, and nobody else may start one while we hold the state folder."""
        left = [self.data / "postmaster.pid", self.sockets / ".s.PGSQL.5432.lock", self.sockets / ".s.PGSQL.5432"]
        if not processes.LINUX or not any(path.exists() for path in left):
            return
        patience = time.monotonic() + 10
        while processes.anyone_works_in(self.data):
            if time.monotonic() > patience:
                return  # PostgreSQL says it better
            time.sleep(0.05)
        for path in left:
            path.unlink(missing_ok=True)
