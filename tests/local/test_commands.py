"""What the two commands are made of."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dialer_project.local import checks, commands, frontend, processes, product, servers
from dialer_project.local.asterisk import Asterisk, Installed
from dialer_project.local.places import PROJECT
from dialer_project.local.say import CannotGoOn

CONSOLE_LOCK = PROJECT / "agents" / "frontend" / "package-lock.json"


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_a_lock_names_no_registry(name: str) -> None:
    assert "://" not in (PROJECT / name).read_text()


@pytest.mark.skipif(not CONSOLE_LOCK.exists(), reason="there is no front end")
def test_the_consoles_lock_names_no_registry() -> None:
    packages = json.loads(CONSOLE_LOCK.read_text())["packages"].values()
    for package in packages:
        package.pop("funding", None)  # where to thank its author; nothing is fetched from there
    assert "://" not in json.dumps(list(packages))


def test_it_needs_nothing_that_is_installed() -> None:
    modules = [path.stem for path in (PROJECT / "dialer_project" / "local").glob("*.py") if path.stem not in {"pytest_plugin", "agents"}]
    asked = f"import {', '.join(f'dialer_project.local.{name}' for name in modules)}, dialer_project.lib.env"
    bare = subprocess.run([sys.executable, "-S", "-c", asked], cwd=PROJECT, capture_output=True, text=True)  # -S: no site-packages
    assert bare.returncode == 0, bare.stderr


@pytest.mark.skipif(not shutil.which("make"), reason="there is no make here")
@pytest.mark.parametrize("target", sorted(commands.COMMANDS))
def test_make_forwards_every_command(target: str, environment: dict[str, str]) -> None:
    command = ["make", "--dry-run", target, "PYTHON=python3", "ARGS=-k callback"]
    asked = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True)
    handed_on = "" if target == "clean" else " -k callback"
    assert asked.stdout.strip() == f"exec python3 -m dialer_project.local {target}{handed_on}"


def test_the_ci_runs_what_a_person_runs() -> None:
    ci = PROJECT / ".ci" / "run"
    assert os.access(ci, os.X_OK)
    assert ci.read_text().splitlines()[-1] == "exec make test"


def test_the_carrier_is_up_before_the_pump_and_the_web_before_the_agents() -> None:
    env = {"STATE_DIR": "/nowhere", "SIMULATED_CARRIER": "127.0.0.1:8190"}
    wave = {program.name: program.wave for program in product.programs(port=8000, env=env, python="python")}
    assert 0 < wave["simulated-carrier"] < wave["event-pump"]
    assert wave["web"] < wave["agents"]


def test_with_an_exchange_calls_go_through_it_and_nobody_simulates_the_carrier(tmp_path: Path) -> None:
    server = Asterisk(tmp_path, Installed(("asterisk",), tmp_path))
    env = {"STATE_DIR": "/nowhere", "SIMULATED_CARRIER": "127.0.0.1:8190"}
    table = product.programs(port=8000, env=env, python="python", exchange=product.Exchange(server, 5999))
    wave = {program.name: program.wave for program in table}
    assert "simulated-carrier" not in wave
    assert wave["asterisk"] == wave["people"] < wave["event-pump"]
    seen = product.environment(tmp_path, port=8000, urls={}, exchange=product.Exchange(server, 5999))
    assert (seen["ASTERISK_URL"], seen["ARI_PASSWORD"]) == (server.url, server.password)


def test_a_carrier_of_another_name_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARRIER", "pigeons")
    with pytest.raises(CannotGoOn, match="CARRIER should be simulated or asterisk, and is 'pigeons'"):
        product.wanted_carrier()
    monkeypatch.delenv("CARRIER")
    assert product.wanted_carrier() == "simulated"


def test_programs_never_see_debug(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DEBUG", "1")
    env = product.environment(tmp_path, port=8000, urls={"DATABASE_URL": "postgresql://a/b"})
    assert "DEBUG" not in env
    assert env["STATE_DIR"] == str(tmp_path)
    assert env["SECRET_KEY"] == os.environ.get("SECRET_KEY") or (tmp_path / "secret.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("said", "gist"),
    [
        ("Traceback (most recent call last):\n  File x\nOSError: one\nbuiltins.OSError: two\n\tand more.\n", "two and more"),
        ("CommandError: There is no campaign 7.\n", "There is no campaign 7"),
        ("just a line.\n", "just a line"),
        ("", ""),
    ],
)
def test_of_a_failed_command_one_sentence_is_told(said: str, gist: str) -> None:
    assert product.gist(said) == gist


@pytest.mark.parametrize(
    ("said", "counts"),
    [
        (" Test Files  2 passed (2)\n      Tests  12 passed (12)\n", (12, 0)),
        (" Test Files  1 failed (1)\n      Tests  1 failed | 11 passed | 2 skipped (14)\n", (11, 1)),
        ("\x1b[2m      Tests \x1b[22m \x1b[1m\x1b[32m3 passed\x1b[39m\x1b[22m\x1b[90m (3)\x1b[39m\n", (3, 0)),
        ("nothing ran", (0, 0)),
    ],
)
def test_the_consoles_tests_are_counted(said: str, counts: tuple[int, int]) -> None:
    assert checks.tally_of_console_tests(said) == counts


def test_the_front_end_is_built_when_its_sources_changed_and_only_then(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sources, built = tmp_path / "frontend", tmp_path / "static"
    sources.mkdir()
    write = "const fs = require('fs'); fs.mkdirSync('../static', {recursive: true}); fs.appendFileSync('../static/built', 'x')"
    (sources / "build.cjs").write_text(write)
    (sources / "package.json").write_text(json.dumps({"name": "stub", "version": "1.0.0", "scripts": {"build": "node build.cjs"}}))
    (sources / "package-lock.json").write_text(json.dumps({"name": "stub", "version": "1.0.0", "lockfileVersion": 3, "packages": {}}))
    for name, folder in (("SOURCES", sources), ("BUILT", built), ("PACKAGES", sources / "node_modules")):
        monkeypatch.setattr(frontend, name, folder)

    def built_so_often() -> int:
        frontend.build(tmp_path / "log")
        return len((built / "built").read_text())

    assert built_so_often() == 1
    assert built_so_often() == 1
    (sources / "new.ts").write_text("export {}")
    assert built_so_often() == 2
    (built / "built").unlink()
    assert built_so_often() == 1


@pytest.mark.skipif(not processes.LINUX, reason="the kernel ends them elsewhere only at the next start")
def test_servers_of_a_killed_run_of_tests_end_with_it_and_the_next_run_removes_their_folder() -> None:
    killed = (
        "import os, signal\nfrom dialer_project.local.servers import ThrownAway\n"
        "print(ThrownAway(given={}).folder, flush=True)\nos.kill(os.getpid(), signal.SIGKILL)"
    )
    left = Path(subprocess.run([sys.executable, "-c", killed], cwd=PROJECT, capture_output=True, text=True).stdout.strip())
    assert left.name.startswith(servers.ThrownAway.PREFIX)
    next_run = servers.ThrownAway(given={})
    assert not left.exists()
    assert next_run.folder.exists()
    next_run.remove()
    assert not next_run.folder.exists()
