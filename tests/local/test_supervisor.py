"""What is started is ended, whatever happens to whoever started it."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from dialer_project.local import processes
from tests.local.conftest import Start, eventually, left_of

LITTLE = "tests.local.little_product"

pytestmark = pytest.mark.skipif(not processes.LINUX, reason="looks at /proc to see what is left")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_asked_to_end_it_ends_everything_and_says_so(start: Start, state: Path, number: signal.Signals) -> None:
    product = start(LITTLE, "parents")
    product.until("ready")
    assert len(left_of(state)) == 4  # itself, a parent with a child, a web
    assert product.end(number) == 0
    assert left_of(state) == []
    assert "everything is stopped" in product.words


def test_what_does_not_listen_is_killed_and_named(start: Start, state: Path) -> None:
    product = start(LITTLE, "deaf")
    product.until("ready")
    assert product.end() == 0
    assert "deaf did not stop when asked: killed" in product.words
    assert left_of(state) == []


@pytest.mark.skipif(not shutil.which("make"), reason="there is no make here")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGKILL])
def test_ending_the_make_that_started_it_ends_everything(start: Start, state: Path, number: signal.Signals) -> None:
    makefile = state.parent / "Makefile"
    makefile.write_text(f"run: ; @exec {sys.executable} -m {LITTLE} parents\n")
    product = start(str(shutil.which("make")), "-f", str(makefile), "run")
    product.until("ready")
    product.end(number)
    assert eventually(lambda: left_of(state) == [])


def test_killed_outright_it_takes_its_children_along_and_the_next_start_works(start: Start, state: Path) -> None:
    first = start(LITTLE, "parents")
    first.until("ready")
    first.end(signal.SIGKILL)
    second = start(LITTLE, "parents")
    second.until("ready")
    assert len(left_of(state)) == 4
    assert second.end() == 0
    assert left_of(state) == []


def test_the_next_start_ends_what_a_killed_one_left(start: Start, state: Path, environment: dict[str, str]) -> None:
    orphan = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], env=environment, start_new_session=True)
    write_down(state, orphan.pid, born=str(processes.born(orphan.pid)))
    product = start(LITTLE, "parents")
    product.until("cleaning up after a start that was killed: orphan")
    product.until("ready")
    assert orphan.wait(5) == -signal.SIGTERM
    product.end()


def test_a_number_that_went_to_another_process_is_left_alone(start: Start, state: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True) as stranger:
        write_down(state, stranger.pid, born="a time when it was someone else's")
        product = start(LITTLE, "parents")
        product.until("ready")
        assert product.end() == 0
        assert stranger.poll() is None
        stranger.kill()


def test_a_child_that_dies_is_started_again_and_that_is_said(start: Start, state: Path) -> None:
    product = start(LITTLE, "dies-once")
    product.until("ready")
    product.until("hungry ended with code 3: starting it again")
    assert eventually(lambda: len(left_of(state)) == 2)
    assert product.end() == 0


def test_a_child_that_keeps_dying_stops_everything_and_its_last_words_are_shown(start: Start, state: Path) -> None:
    product = start(LITTLE, "dies")
    assert product.wait() == 1
    assert "Cannot go on: hungry ended with code 3, for the 5th time in a row." in product.words
    assert "hungry: no bread today" in product.words
    assert "Traceback" not in product.words
    assert left_of(state) == []


def test_a_second_start_on_the_same_state_is_refused_and_the_first_goes_on(start: Start, state: Path) -> None:
    first = start(LITTLE, "parents")
    first.until("ready")
    second = start(LITTLE, "parents")
    assert second.wait() == 1
    assert f"another start (pid {first.process.pid}) already uses the state folder {state}" in second.words
    assert len(left_of(state)) == 4
    assert first.end() == 0


def test_data_survives_a_kill_of_everything(start: Start, state: Path) -> None:
    first = start(LITTLE, "servers")
    with psycopg.connect(first.until("postgresql://").strip()) as connection:
        connection.execute("create table kept (note text)")
        connection.execute("insert into kept values ('yesterday')")
    first.until("ready")
    for pid in (first.process.pid, *(row["pid"] for row in json.loads((state / "run" / "children.json").read_text()))):
        os.kill(pid, signal.SIGKILL)
    first.wait()
    second = start(LITTLE, "servers")
    with psycopg.connect(second.until("postgresql://").strip()) as connection:
        row = connection.execute("select note from kept").fetchone()
    assert row == ("yesterday",)
    second.until("ready")
    (postmaster,) = [row["pid"] for row in json.loads((state / "run" / "children.json").read_text()) if row["name"] == "postgresql"]
    os.kill(postmaster, signal.SIGKILL)
    second.until("postgresql was ended by SIGKILL: starting it again")
    assert second.end() == 0
    assert not processes.anyone_works_in(state / "pgdata")


@pytest.mark.parametrize("name", ["a place with spaces, commas and ünlaute", "a-name-longer-than-a-socket-may-have" * 3])
def test_the_state_folder_may_have_any_name(start: Start, state: Path, name: str) -> None:
    folder = state.parent / name
    product = start(LITTLE, "servers", STATE_DIR=str(folder), TMPDIR=str(state.parent))
    with psycopg.connect(product.until("postgresql://").strip()) as connection:
        assert connection.execute("select 1").fetchone() == (1,)
    product.until("ready")
    assert product.end() == 0


def write_down(state: Path, pid: int, *, born: str) -> None:
    (state / "run").mkdir(parents=True)
    (state / "run" / "children.json").write_text(
        json.dumps([{"name": "orphan", "pid": pid, "born": born, "wave": 1, "stop_with": int(signal.SIGTERM), "grace": 5}])
    )
