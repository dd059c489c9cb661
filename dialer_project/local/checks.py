"""`make test`: everything that has to hold, in order, each to its end, and at the end what failed and what could not run."""

import json
import os
import re
import secrets
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from dialer_project.local import asterisk, browser, frontend, places, processes, say, virtualenv
from dialer_project.local.ending import Ended, ending
from dialer_project.local.say import CannotGoOn

NOT_FOR_TESTS = ("DEBUG", "STATE_DIR", "PORT", "MAKEFLAGS", "MAKELEVEL", "MFLAGS", say.CLOCK)
TALLY = "RINGMASTER_TALLY"  # where the pytest plugin writes what came of the tests
# on a virtual clock, or on none: two processes share these test by test; the others watch real processes and wait for real time, and
# two processes take them folder by folder
SHARED_OUT = ("rules", "flow", "scenarios", "live", "database", "ways_in")


@dataclass
class Findings:
    passed: int = 0
    failed: int = 0
    failures: list[str] = field(default_factory=list)
    not_run: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Check:
    name: str
    run: Callable[[], None]


class Failed(Exception):
    """A check did not hold; what it said."""


def test(argv: list[str]) -> int:
    state = places.make_writable(places.state_dir())
    log = state / "log"
    virtualenv.enter(["test", *argv], development=True, log=log / "install.log")
    findings = Findings()
    try:
        for check in _checks(findings, log=log, pytest_args=argv):
            _carry_out(check, findings)
    except Ended:
        say.line("stopped before the end")
        return 130
    return _report(findings)


def _checks(findings: Findings, *, log: Path, pytest_args: list[str]) -> list[Check]:
    chromium: list[str] = []

    def tool(*args: str) -> Callable[[], None]:
        return lambda: _tool(list(args), log=log / "checks.log")

    def manage(*args: str) -> Callable[[], None]:
        return tool(sys.executable, "manage.py", *args)

    def console() -> None:
        frontend.build(log / "frontend.log")

    def console_types() -> None:
        _npm("run", "check", log=log / "frontend.log")

    def a_browser() -> None:
        chromium.append(browser.find_or_install(log / "chromium.log"))

    def an_asterisk() -> None:
        asterisk.find_or_install(log / "asterisk.log")

    here = Path(sys.executable).parent
    checks = [
        Check("ruff check", tool(str(here / "ruff"), "check", "--quiet", ".")),
        Check("ruff format", tool(str(here / "ruff"), "format", "--check", "--quiet", ".")),
        Check("mypy", tool(sys.executable, "-m", "mypy")),
        Check("import contract", tool(str(here / "lint-imports"))),
        Check("migrations", manage("makemigrations", "--check", "--dry-run")),
        Check("check --deploy", manage("check", "--deploy", "--fail-level", "WARNING")),
    ]
    if frontend.exists():
        checks += [
            Check("console build", console),
            Check("console types", console_types),
            Check("console tests", lambda: _console_tests(findings, log=log / "frontend.log")),
        ]
    else:
        findings.not_run.append("the console's checks and tests: there is no agents/frontend/package.json")
    if asterisk.not_wanted():
        findings.not_run.append(f"everything on a real Asterisk: {asterisk.WITHOUT}={os.environ[asterisk.WITHOUT]}")
    else:
        checks.append(Check("Asterisk", an_asterisk))

    def tests(*args: str) -> Callable[[], None]:
        return lambda: _pytest(findings, [*args], chromium=chromium[0] if chromium else None, log=log)

    checks.append(Check("Chromium", a_browser))
    if pytest_args:
        return [*checks, Check("tests", tests(*pytest_args))]
    folders = sorted(folder.name for folder in (places.PROJECT / "tests").iterdir() if any(folder.glob("test_*.py")))
    return [
        *checks,
        Check("tests on a virtual clock", tests("-n", "2", "--dist", "worksteal", *(f"tests/{name}" for name in SHARED_OUT))),
        # they wait for others' clocks most of the time: three at once keep two cores busy
        Check("tests on real processes", tests("-n", "3", "--dist", "loadscope", *(f"tests/{name}" for name in folders if name not in SHARED_OUT))),
    ]


def _carry_out(check: Check, findings: Findings) -> None:
    ending.check()
    began = time.monotonic()
    say.progress(f"{check.name} …")
    try:
        check.run()
    except (Failed, CannotGoOn) as refusal:
        findings.failures.append(f"{check.name}: {refusal.why}" if isinstance(refusal, CannotGoOn) else check.name)
        say.line(str(refusal))
        say.progress(f"{check.name}: FAILED ({time.monotonic() - began:.1f} s)")
    else:
        say.progress(f"{check.name}: ok ({time.monotonic() - began:.1f} s)")


def _report(findings: Findings) -> int:
    say.line()
    for what in findings.not_run:
        say.line(f"not run: {what}")
    for what in findings.failures:
        say.line(f"failed: {what}")
    if not findings.failures:
        say.line("everything holds")
    say.line(f"{findings.passed} passed, {findings.failed} failed")
    return 1 if findings.failures or findings.failed else 0


def production() -> dict[str, str]:
    """The environment of a server on the internet, for checks that look at settings and never connect."""
    return {
        **{name: value for name, value in os.environ.items() if name != "DEBUG"},
        "DJANGO_SETTINGS_MODULE": "dialer_project.settings",
        "DATABASE_URL": "postgresql://ringmaster:secret@127.0.0.1:1/ringmaster",
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "SECRET_KEY": secrets.token_urlsafe(50),
        "ALLOWED_HOSTS": "dialer.example",
        "TRUSTED_ORIGINS": "https://dialer.example",
        "HTTPS": "1",
    }


def _tool(argv: list[str], *, log: Path) -> None:
    code, said = virtualenv.run_logged(argv, log=log, env=production())
    if code:
        raise Failed(said.rstrip())


def _npm(*args: str, log: Path) -> str:
    code, said = virtualenv.run_logged(frontend.command(*args), log=log, env=frontend.environment(log.parent), cwd=frontend.SOURCES)
    if code:
        raise Failed(said.rstrip()[-6000:])
    return said


def _console_tests(findings: Findings, *, log: Path) -> None:
    try:
        said = _npm("test", log=log)
    except Failed as failure:
        passed, failed = tally_of_console_tests(str(failure))
        findings.passed, findings.failed = findings.passed + passed, findings.failed + max(failed, 1)
        raise
    passed, failed = tally_of_console_tests(said)
    findings.passed, findings.failed = findings.passed + passed, findings.failed + failed
    if not passed:
        raise Failed(f"{said.rstrip()[-3000:]}\nno test was run")


def tally_of_console_tests(said: str) -> tuple[int, int]:
    """Passed and failed, as vitest's last line of tests has it: `Tests  1 failed | 11 passed (12)`."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", said)
    lines = re.findall(r"^\s*Tests\s+(.*)$", plain, re.MULTILINE)
    counts = {word: int(number) for number, word in re.findall(r"(\d+) (passed|failed)", lines[-1] if lines else "")}
    return counts.get("passed", 0), counts.get("failed", 0)


def _pytest(findings: Findings, args: list[str], *, chromium: str | None, log: Path) -> None:
    tally = log / "tests.json"
    tally.unlink(missing_ok=True)
    env = {**os.environ, TALLY: str(tally), **({"CHROMIUM": chromium} if chromium else {})}
    for name in NOT_FOR_TESTS:
        env.pop(name, None)
    running = processes.start([sys.executable, "-m", "pytest", *args], env=env, when_we_die=signal.SIGINT, keep_input=True)
    try:
        ending.wait(lambda: running.poll() is not None, seconds=24 * 3600)
    except Ended:
        os.kill(running.pid, signal.SIGINT)  # it reports so far, and ends its servers
        running.wait()
        raise
    try:
        told = json.loads(tally.read_text())
    except (OSError, ValueError):
        findings.failed += 1
        raise Failed(f"pytest ended with code {running.returncode} and without a result") from None
    findings.passed += told["passed"]
    findings.failed += told["failed"]
    findings.not_run += [f"{test}: {why}" for test, why in told["skipped"]]
    if running.returncode:
        raise Failed(f"pytest ended with code {running.returncode}: {told['failed']} failed")
