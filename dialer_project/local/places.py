"""Where things lie, who may go there, and to whom root hands what refuses to run as root."""

import hashlib
import os
import secrets
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dialer_project.local.say import CannotGoOn

PROJECT = Path(__file__).resolve().parents[2]
VENV = PROJECT / ".venv"
PYTHON = VENV / "bin" / "python"


@dataclass(frozen=True)
class Account:
    name: str
    uid: int
    gid: int

    def for_popen(self) -> dict[str, Any]:
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


def postgresql_account(data: Path) -> Account | None:
    """Whom PostgreSQL runs as: ourselves (None); for root, whom it refuses, the owner of the data, else an account made for such."""
    import pwd

    if os.geteuid() != 0:
        return None
    if data.exists() and data.stat().st_uid != 0:
        owner = data.stat()
        return Account(f"user {owner.st_uid}", owner.st_uid, owner.st_gid)
    for name in ("postgres", "nobody"):
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, found.pw_uid, found.pw_gid)
    raise CannotGoOn(
        "PostgreSQL refuses to run as root, and this machine has neither an account 'postgres' nor 'nobody' to run it as",
        remedy="start as an ordinary user, or set DATABASE_URL to a PostgreSQL of your own",
    )


def may_enter(account: Account | None, path: Path) -> bool:
    """Whether `account` can go through or run `path`: every folder above it counts, which only an attempt as that account finds out."""
    if account is None:
        return os.access(path, os.X_OK)
    asked = ["/bin/sh", "-c", 'test -x "$1"', "sh", str(path)]
    return subprocess.run(asked, cwd="/", stdin=subprocess.DEVNULL, **account.for_popen()).returncode == 0


def state_dir() -> Path:
    """STATE_DIR, else `var/` of the project; a folder under /var/lib for a root whose project PostgreSQL's account cannot get to."""
    if os.environ.get("STATE_DIR", "").strip():
        return Path(os.environ["STATE_DIR"]).expanduser().resolve()
    state = PROJECT / "var"
    account = postgresql_account(state / "pgdata")
    if account is None or may_enter(account, PROJECT):
        return state
    return Path("/var/lib") / f"ringmaster-{hashlib.sha256(bytes(PROJECT)).hexdigest()[:10]}"


def make_writable(state: Path) -> Path:
    """The state folder, made if need be and tried out: a full or read-only disk shows here and not in the middle of a migration."""
    trial = state / ".writable"
    try:
        if not state.exists():
            state.mkdir(parents=True)
            state.chmod(0o711)  # PostgreSQL's account passes through; nobody lists it
        for folder in (state / "run", state / "log"):
            folder.mkdir(exist_ok=True)
            folder.chmod(0o700)
        trial.write_text("x")
        trial.unlink()
    except OSError as error:
        raise CannotGoOn(
            f"the state folder {state} cannot be written: {error.strerror}",
            remedy="give yourself write permission there, or choose another folder, for example: STATE_DIR=~/ringmaster-state make run",
        ) from None
    return state


def hand_over(folder: Path, account: Account | None, *, mode: int = 0o700) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    if account:
        os.chown(folder, account.uid, account.gid)
    if account or folder.stat().st_uid == os.geteuid():
        folder.chmod(mode)
    return folder


def write_secretly(path: Path, content: str) -> Path:
    """Written beside and moved into place: never readable by others, never half there."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    with open(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        file.write(content)
    return fresh.replace(path)


def kept_secret(path: Path) -> str:
    """A secret made once and kept."""
    if not path.exists():
        write_secretly(path, secrets.token_urlsafe(48))
    return path.read_text().strip()


def inside_the_environment() -> bool:
    return Path(sys.prefix).resolve() == VENV.resolve()
