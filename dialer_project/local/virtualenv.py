"""The environment in `.venv`, made from hash-locked requirements: with uv where there is one, else with Python's own venv and pip."""

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from dialer_project.local import places, processes, say
from dialer_project.local.ending import ending
from dialer_project.local.places import PROJECT, PYTHON, VENV
from dialer_project.local.say import CannotGoOn

RUNTIME = PROJECT / "requirements.lock"
DEVELOPMENT = PROJECT / "requirements-dev.lock"  # holds the runtime set too

STILL_AT_IT = 10.0  # seconds of silence before a command is said to be still at work

# What installers say when there is nobody at the other end, lower case. They say it in many ways.
NO_NETWORK = (
    "name resolution",
    "network is unreachable",
    "connection refused",
    "failed to establish a new connection",
    "newconnectionerror",
    "connecttimeout",
    "timed out",
    "dns error",
    "error sending request",
    "client error (connect)",
    "cannot connect to proxy",
    "eai_again",
    "enotfound",
    "econnrefused",
    "etimedout",
    "no matching distribution found",  # pip, having given up on an index it could not read
)


def enter(argv: list[str], *, development: bool, log: Path) -> None:
    """Makes the environment what the lock says, then becomes its Python. Returns only if we are it already."""
    if places.inside_the_environment():
        return
    make(development=development, log=log)
    os.execv(PYTHON, [str(PYTHON), "-m", "dialer_project.local", *argv])


def make(*, development: bool, log: Path) -> None:
    with _alone():
        if any(_is_installed(lock) for lock in ([DEVELOPMENT] if development else [RUNTIME, DEVELOPMENT])):
            return
        lock = DEVELOPMENT if development else RUNTIME
        if not os.access(VENV if VENV.exists() else PROJECT, os.W_OK):
            raise CannotGoOn(
                f"the environment cannot be made: no write permission for {VENV if VENV.exists() else PROJECT}",
                remedy=f"give yourself write permission, for example: sudo chown -R $(id -un) {PROJECT} - or work in a copy of your own",
            )
        try:
            _install(lock, log)
        except OSError as error:
            why = f"the environment in {VENV} could not be made: {error.strerror or error}"
            raise CannotGoOn(why, remedy="make room and see to the permissions there, then try again") from None
        _stamp(lock).write_text(_fingerprint(lock))


def failed_for_want_of_network(output: str) -> bool:
    return any(words in output.lower() for words in NO_NETWORK)


def no_network(what: str, log: Path) -> CannotGoOn:
    return CannotGoOn(
        f"{what} could not be fetched: the package registry cannot be reached",
        remedy=f"connect this machine to the network, or point its package tools at a mirror, then try again (details in {log})",
    )


def run_logged(argv: list[str], *, log: Path, env: Mapping[str, str] | None = None, cwd: Path = PROJECT) -> tuple[int, str]:
    """One command to its end, its output kept out of sight: the exit code, and what it said. A long one is told to be still at work."""
    begin = log.stat().st_size if log.exists() else 0
    running = processes.start(argv, log=log, env=env, cwd=cwd)
    try:
        while not ending.wait(lambda: running.poll() is not None, seconds=STILL_AT_IT):
            say.progress("… still at it")
    finally:
        if running.poll() is None:
            processes.end_group(running.pid)
        running.wait()
    with open(log, "rb") as file:
        file.seek(begin)
        return running.returncode, file.read().decode(errors="replace")


def _install(lock: Path, log: Path) -> None:
    log.unlink(missing_ok=True)
    _make_folder(log)
    for stamp in (_stamp(RUNTIME), _stamp(DEVELOPMENT)):
        stamp.unlink(missing_ok=True)
    say.progress(f"installing {lock.name} (the first time this takes a minute)")
    uv = _uv()
    said = ""
    if uv:
        code, said = run_logged([uv, "pip", "install", "--quiet", "--python", str(PYTHON), "--require-hashes", "-r", str(lock)], log=log)
        if code == 0:
            return _let_it_find_us()
        # It does not read pip's configuration, where a machine's mirror may be named.
        say.progress("uv did not manage it: trying pip")
    _make_pip(log)
    pip = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--retries=2"]
    code, said = run_logged([*pip, "--only-binary=:all:", "--require-hashes", "-r", str(lock)], log=log)
    if code == 0:
        return _let_it_find_us()
    if failed_for_want_of_network(said):
        raise no_network("the required packages", log)
    last = next((row.strip() for row in reversed(said.splitlines()) if row.startswith("ERROR")), f"pip ended with code {code}")
    raise CannotGoOn(f"the required packages could not be installed: {last.removeprefix('ERROR: ')}", remedy=f"see the whole of it in {log}")


def _make_folder(log: Path) -> None:
    if _works():
        return
    say.progress("making the environment in .venv")
    shutil.rmtree(VENV, ignore_errors=True)  # missing, broken, or of a Python that is gone
    if run_logged([sys.executable, "-c", "import venv"], log=log)[0]:
        raise _no_venv()
    code, said = run_logged([sys.executable, "-m", "venv", "--without-pip", str(VENV)], log=log)
    if code:
        last = said.strip().splitlines()[-1] if said.strip() else f"it ended with code {code}"
        raise CannotGoOn(f"Python could not make the environment in {VENV}: {last}", remedy=f"see {log}")


def _make_pip(log: Path) -> None:
    if run_logged([str(PYTHON), "-m", "pip", "--version"], log=log)[0] == 0:
        return
    if run_logged([str(PYTHON), "-m", "ensurepip", "--default-pip"], log=log)[0]:
        raise _no_venv()


def _no_venv() -> CannotGoOn:
    version = ".".join(map(str, sys.version_info[:2]))
    return CannotGoOn(
        f"Python {version} came without its venv and pip modules",
        remedy=f"install them, on Debian and Ubuntu with: sudo apt-get install python{version}-venv - or put uv on the PATH",
    )


def _works() -> bool:
    check = "import sys; sys.exit(sys.version_info < (3, 11))"
    with contextlib.suppress(OSError):
        return subprocess.run([str(PYTHON), "-c", check], stdin=subprocess.DEVNULL, capture_output=True).returncode == 0
    return False


def _uv() -> str | None:
    found = shutil.which("uv")
    if found and subprocess.run([found, "--version"], stdin=subprocess.DEVNULL, capture_output=True).returncode == 0:
        return found
    return None


def _let_it_find_us() -> None:
    """Plain `pytest` does not put the project on its path before it loads our plugin; a line in the environment does."""
    folder = next((VENV / "lib").glob("python3.*/site-packages"))
    (folder / "ringmaster.pth").write_text(f"{PROJECT}\n")


def _is_installed(lock: Path) -> bool:
    with contextlib.suppress(OSError):
        return _stamp(lock).read_text() == _fingerprint(lock) and PYTHON.exists()
    return False


def _stamp(lock: Path) -> Path:
    return VENV / f".installed-{lock.stem}"


def _fingerprint(lock: Path) -> str:
    return hashlib.sha256(lock.read_bytes() + bytes(PROJECT)).hexdigest()


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Two commands at once would write into each other's environment. The requirements serve as the lock: they can be opened everywhere."""
    with open(RUNTIME) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say.progress("waiting for another command that is making the environment")
            ending.wait(lambda: _taken(file.fileno()), seconds=3600, every=0.2)
        yield


def _taken(descriptor: int) -> bool:
    with contextlib.suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False
