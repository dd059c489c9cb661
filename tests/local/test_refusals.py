"""What cannot go on says why and what to do, in a sentence, without a traceback."""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from dialer_project.local import browser, places, processes, redis_server, wheels
from dialer_project.local.places import PROJECT
from dialer_project.local.postgresql import PostgreSQL
from dialer_project.local.say import CannotGoOn
from tests.local.conftest import Start, Started

LOCAL = "dialer_project.local"


def refused(command: Started) -> str:
    assert command.wait() == 1
    assert "Traceback" not in command.words
    assert "Remedy: " in command.words
    return command.words


def test_a_port_in_use_is_named_with_who_uses_it_before_anything_is_made(start: Start, state: Path, environment: dict[str, str]) -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", int(environment["PORT"])))
        listening.listen()
        said = refused(start(LOCAL, "run"))
    assert f"Cannot go on: port {environment['PORT']} is in use" in said
    assert f"(pid {os.getpid()})" in said or not processes.LINUX
    assert "choose another port, for example: PORT=" in said
    assert not (state / "pgdata").exists()


def test_a_port_that_is_none_is_refused(start: Start) -> None:
    assert "PORT should be a number from 1 to 65535, and is 'http'" in refused(start(LOCAL, "run", PORT="http"))


def test_a_state_folder_that_cannot_be_written_is_refused(start: Start, state: Path) -> None:
    state.parent.joinpath("file").write_text("in the way")  # no permission stops root, a file in the way does
    said = refused(start(LOCAL, "run", STATE_DIR=str(state.parent / "file" / "state")))
    assert f"the state folder {state.parent}/file/state cannot be written: Not a directory" in said
    assert "choose another folder, for example: STATE_DIR=" in said


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_state_folder_without_permission_is_refused(start: Start, state: Path) -> None:
    state.mkdir(mode=0o500)
    assert "cannot be written: Permission denied" in refused(start(LOCAL, "run"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands PostgreSQL to another account")
def test_root_is_told_when_postgresql_cannot_get_to_the_state_folder(state: Path) -> None:
    state.parent.chmod(0o700)
    with pytest.raises(CannotGoOn, match=r"root runs PostgreSQL as \w+, who cannot get to the state folder"):
        PostgreSQL(places.make_writable(state))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands PostgreSQL to another account")
def test_a_postgresql_out_of_that_accounts_reach_is_copied_with_its_libraries(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hidden = wheels.copy_postgresql(state.parent / "hidden")
    hidden.parents[1].chmod(0o700)
    monkeypatch.setattr(wheels, "postgresql", lambda: hidden)
    copy = PostgreSQL(places.make_writable(state))
    assert copy.programs.is_relative_to(state)
    account = copy.account
    assert account
    assert b"18." in subprocess.check_output([copy.programs / "psql", "--version"], cwd="/", **account.for_popen())


def test_data_of_another_postgresql_is_not_touched(state: Path) -> None:
    postgresql = PostgreSQL(places.make_writable(state))
    postgresql.data.mkdir()
    (postgresql.data / "PG_VERSION").write_text("17\n")
    with pytest.raises(CannotGoOn, match="was made by PostgreSQL 17") as refusal:
        postgresql.make()
    assert f"mv {postgresql.data} {postgresql.data}-17" in refusal.value.remedy


def test_an_old_python_is_told_so_by_itself() -> None:
    pretend = "import sys, runpy; sys.version_info = (3, 9, 2); runpy.run_module('dialer_project.local', run_name='__main__')"
    asked = subprocess.run([sys.executable, "-c", pretend], cwd=PROJECT, env={"PATH": "/nowhere"}, capture_output=True, text=True)
    assert asked.returncode == 1
    assert "Python 3.11 or newer is needed, and this one is 3.9.2" in asked.stderr
    assert "Traceback" not in asked.stderr


def test_without_a_network_the_installation_says_so_and_names_no_registry(start: Start, state: Path) -> None:
    clone = fresh_clone(state.parent / "clone")
    nowhere = f"http://127.0.0.1:{processes.free_port()}/simple"
    command = ["env", "-C", str(clone), base_python(), "-m", LOCAL, "run"]
    said = refused(
        start(
            shutil.which("env") or "env",
            *command[1:],
            PATH=path_without_uv(state),
            PIP_INDEX_URL=nowhere,
            PIP_FIND_LINKS="",
            PIP_CONFIG_FILE=os.devnull,
        )
    )
    assert "the required packages could not be fetched: the package registry cannot be reached" in said
    assert "127.0.0.1" not in said


def test_a_python_without_venv_is_told_what_to_install(start: Start, state: Path) -> None:
    clone = fresh_clone(state.parent / "clone")
    (clone / "venv.py").write_text("raise ImportError('taken out by the distribution')")
    said = refused(start(shutil.which("env") or "env", "-C", str(clone), base_python(), "-m", LOCAL, "run", PATH=path_without_uv(state)))
    assert "came without its venv and pip modules" in said
    assert "apt-get install python3" in said


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_project_that_cannot_be_written_is_refused(start: Start, state: Path) -> None:
    clone = fresh_clone(state.parent / "clone")
    clone.chmod(0o500)
    said = refused(start(shutil.which("env") or "env", "-C", str(clone), base_python(), "-m", LOCAL, "run"))
    assert f"the environment cannot be made: no write permission for {clone}" in said


def test_a_redis_that_was_named_and_is_not_there_is_refused() -> None:
    with pytest.raises(CannotGoOn, match="the Redis named by REDIS_URL does not answer: Connection refused"):
        redis_server.must_answer(f"redis://127.0.0.1:{processes.free_port()}/0")


def test_a_redis_that_was_named_with_the_wrong_password_is_refused() -> None:
    url = os.environ["REDIS_URL"]
    redis_server.must_answer(url)
    if "@" in url:
        with pytest.raises(CannotGoOn, match="the Redis named by REDIS_URL refuses us: WRONGPASS"):
            redis_server.must_answer("redis://:wrong@" + url.rsplit("@", 1)[1])


def test_without_a_browser_the_command_that_installs_one_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setattr(browser, "APPLICATIONS", ())
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(CannotGoOn, match="the browser tests cannot run: no Chromium was found") as refusal:
        browser.find_or_install(tmp_path / "log")
    assert "install" in refusal.value.remedy


def fresh_clone(folder: Path) -> Path:
    (folder / "dialer_project").mkdir(parents=True)
    shutil.copytree(PROJECT / "dialer_project" / "local", folder / "dialer_project" / "local", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("dialer_project/__init__.py", "requirements.lock", "requirements-dev.lock"):
        shutil.copy(PROJECT / name, folder / name)
    return folder


def base_python() -> str:
    return str(Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}")


def path_without_uv(state: Path) -> str:
    tools = state.parent / "tools"
    tools.mkdir()
    for tool in ("sh", "env", "ps"):
        if found := shutil.which(tool):
            (tools / tool).symlink_to(found)
    return str(tools)
