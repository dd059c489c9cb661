"""The commands behind make, each a line of the table below."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from typing import NoReturn

from dialer_project.local import checks, places, product, say, virtualenv
from dialer_project.local.ending import Ended, ending
from dialer_project.local.places import PROJECT, PYTHON
from dialer_project.local.say import CannotGoOn

MADE_HERE = (".venv", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".import_linter_cache", ".hypothesis", "agents/frontend/node_modules")


def bench(argv: list[str]) -> int:
    return _as_developer("bench", argv, lambda: _become("-m", "benchmarks", *argv))


def format_code(argv: list[str]) -> int:
    def work() -> int:
        ruff = str(PYTHON.with_name("ruff"))
        return max(subprocess.call([ruff, "check", "--fix", "."], cwd=PROJECT), subprocess.call([ruff, "format", "."], cwd=PROJECT))

    return _as_developer("format", argv, work)


def diagrams(argv: list[str]) -> int:
    def work() -> int:
        os.environ.update(checks.production())  # it reads tables in the code, and no database
        _become("manage.py", "draw_diagrams", *argv)

    return _as_developer("diagrams", argv, work)


def words(argv: list[str]) -> int:
    def work() -> int:
        os.environ.update(checks.production())  # as for the diagrams
        _become("manage.py", "write_words", *argv)

    return _as_developer("words", argv, work)


def mutations(argv: list[str]) -> int:
    return _as_developer("mutations", argv, lambda: _become("-m", "tests.mutations", *argv))


def lock(argv: list[str]) -> int:
    """Both locks, without the address of any registry: which one a machine asks is that machine's business."""
    uv = shutil.which("uv")
    if not uv:
        raise CannotGoOn("locking needs uv", remedy="install it, for example with: pipx install uv")
    how = ["--universal", "--python-version", "3.11", "--generate-hashes", "--no-emit-index-url", "--no-header", "--quiet", *argv]
    for wanted, also in (("requirements-dev", []), ("requirements", ["-c", "requirements-dev.lock"])):
        done = subprocess.run([uv, "pip", "compile", *how, *also, f"{wanted}.in", "-o", f"{wanted}.lock"], cwd=PROJECT)
        if done.returncode:
            raise CannotGoOn(f"{wanted}.in could not be locked", remedy="see uv's own words above")
    return 0


def clean(argv: list[str]) -> int:
    """What can be made again. The state folder holds data and stays."""
    for name in MADE_HERE:
        shutil.rmtree(PROJECT / name, ignore_errors=True)
    for cache in PROJECT.rglob("__pycache__"):
        shutil.rmtree(cache, ignore_errors=True)
    say.line(f"removed what can be made again; the data stays in {places.state_dir()}")
    return 0


COMMANDS: dict[str, Callable[[list[str]], int]] = {
    "run": product.run,
    "test": checks.test,
    "bench": bench,
    "lock": lock,
    "format": format_code,
    "mutations": mutations,
    "diagrams": diagrams,
    "words": words,
    "manage": product.manage,
    "clean": clean,
}


def main(argv: list[str]) -> int:
    say.start_the_clock()
    if not argv or argv[0] not in COMMANDS:
        say.line(f"usage: python3 -m dialer_project.local {' | '.join(COMMANDS)}")
        return 2
    ending.listen()
    try:
        return COMMANDS[argv[0]](argv[1:])
    except CannotGoOn as refusal:
        say.sorry(refusal)
        return 1
    except Ended:
        say.line("stopped")
        return 130


def _as_developer(command: str, argv: list[str], work: Callable[[], int]) -> int:
    log = places.make_writable(places.state_dir()) / "log" / "install.log"
    virtualenv.enter([command, *argv], development=True, log=log)
    return work()


def _become(*args: str) -> NoReturn:
    os.chdir(PROJECT)
    os.execv(PYTHON, [sys.executable, *args])
