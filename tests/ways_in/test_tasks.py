"""The tasks: thin, bounded, on queues that exist; the beat's table; and what a wake says to whom."""

import ast
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.conf import settings
from django.utils import timezone

from campaigns import imports, number_checks
from campaigns.flow import dispatch, phone, place, sweep
from dialer_project.lib import wake
from telephony import commands
from workers import tasks
from workers.celery import app
from workers.schedule import SCHEDULE

PROJECT = Path(__file__).resolve().parents[2]
QUEUES = {"hot", "tick", "checks", "rest"}
OURS = {name: task for name, task in app.tasks.items() if name.startswith("workers.")}
# a dial that comes late is worse than none: these are gone when they are taken, and found again by their rows
HINTS = {"workers.tasks.dispatch", "workers.tasks.dial", "workers.tasks.hang_up", "workers.tasks.check_numbers"}
# statements of a task: read the clock, make a call or two
A_FEW = 4


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[Any], dict[str, Any]]]:
    told: list[tuple[str, list[Any], dict[str, Any]]] = []
    monkeypatch.setattr(app, "send_task", lambda name, args, **options: told.append((name, args, options)))
    monkeypatch.setattr("django.db.transaction.on_commit", lambda act, robust=False: act())
    return told


def wakes() -> Iterator[Callable[[], None]]:
    yield lambda: wake.dispatch_now(987_654)
    yield lambda: wake.dial(uuid4())
    yield lambda: wake.hang_up([uuid4()])
    yield lambda: wake.check_numbers(987_654)
    yield lambda: wake.read_import(1)


@pytest.mark.parametrize("name", sorted(OURS))
def test_a_task_is_a_few_lines_and_decides_nothing(name: str) -> None:
    function = ast.parse(inspect.getsource(OURS[name].run)).body[0]
    assert isinstance(function, ast.FunctionDef)
    assert len(function.body) <= A_FEW
    decides = [node for node in ast.walk(function) if isinstance(node, ast.If | ast.For | ast.While | ast.Try | ast.With)]
    assert not decides


@pytest.mark.parametrize("name", sorted(OURS.keys() - {"workers.tasks.nothing"}))
def test_a_task_has_an_end(name: str) -> None:
    task = OURS[name]
    soft, hard = task.soft_time_limit or settings.CELERY_TASK_SOFT_TIME_LIMIT, task.time_limit or settings.CELERY_TASK_TIME_LIMIT
    assert soft < hard
    # else the broker gives it to a second worker while the first is still at it, or while it waits behind another as long
    assert 3 * hard <= settings.CELERY_VISIBILITY_TIMEOUT


def test_the_brokers_patience_is_the_same_wherever_it_is_asked() -> None:
    assert app.conf.visibility_timeout == app.conf.broker_transport_options["visibility_timeout"]


@pytest.mark.parametrize("name", sorted(HINTS))
def test_a_hint_is_taken_once_and_not_given_to_another_when_its_worker_dies(name: str) -> None:
    assert OURS[name].acks_late is False


def test_every_queue_is_named_and_none_is_made_by_a_slip_of_the_pen() -> None:
    queues = app.amqp.queues
    assert set(queues) == QUEUES
    assert app.conf.task_create_missing_queues is False
    assert {name: queue.routing_key for name, queue in queues.items()} == {name: name for name in QUEUES}


def test_what_is_woken_exists_and_expires_where_it_is_a_hint(sent: list[tuple[str, list[Any], dict[str, Any]]]) -> None:
    for wakes_up in wakes():
        wakes_up()

    names = {name for name, _, _ in sent}
    assert names == HINTS | {"workers.tasks.read_import"}
    assert names <= OURS.keys()
    for name, args, options in sent:
        inspect.signature(OURS[name].run).bind(*args)
        assert options["queue"] in QUEUES
        assert (options["expires"] is not None) == (name in HINTS)
        assert "countdown" not in options
        assert "eta" not in options


def test_every_name_that_is_sent_anywhere_is_a_task() -> None:
    source = (PROJECT / "dialer_project" / "lib" / "wake.py").read_text()
    named = {node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant) and str(node.value).startswith("workers.")}
    assert named <= OURS.keys()


@pytest.mark.parametrize("entry", sorted(SCHEDULE))
def test_a_tick_goes_to_the_ticks_queue_and_expires_later_than_the_next_one(entry: str) -> None:
    every = SCHEDULE[entry]
    assert every["task"] in OURS
    assert every["options"]["queue"] == "tick"
    # one equal to the interval is lost to a second of clock skew
    assert every["options"]["expires"] == 10


def test_nothing_is_delayed_or_retried_by_the_broker() -> None:
    """A wait is a row with a deadline; Celery's own delays live in a worker's memory and come back in heaps."""
    for folder in ("campaigns", "agents", "telephony", "workers", "dialer_project"):
        for path in (PROJECT / folder).rglob("*.py"):
            if "local" in path.parts or "migrations" in path.parts or "rules" in path.parts:
                continue
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call):
                    called = node.func.attr if isinstance(node.func, ast.Attribute) else ""
                    assert called not in {"apply_async", "retry", "delay"}, f"{path}:{node.lineno}"
                    assert not {"autoretry_for", "countdown", "eta"} & {keyword.arg for keyword in node.keywords}, f"{path}:{node.lineno}"


def test_each_task_makes_its_one_call(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, tuple[Any, ...]]] = []

    def note(module: Any, name: str) -> None:
        def noted(*args: Any, now: Any = None) -> list[Any]:
            assert now is None or now <= timezone.now()
            asked.append((f"{module.__name__}.{name}", args))
            return []

        monkeypatch.setattr(module, name, noted)

    for module, name in (
        (wake, "dispatch_taken"),
        (dispatch, "dispatch"),
        (place, "dial_interaction"),
        (phone, "legs_ended"),
        (commands, "hang_up_by_id"),
        (sweep, "every_second"),
        (sweep, "every_quarter_minute"),
        (number_checks, "look_ahead"),
        (wake, "check_numbers_taken"),
        (number_checks, "ask"),
        (imports, "run"),
        (imports, "wake_silent"),
    ):
        note(module, name)
    one = UUID(int=1)

    tasks.dispatch(5)
    tasks.dial(str(one))
    tasks.hang_up([str(one)])
    tasks.tick()
    tasks.slow_tick()
    tasks.check_numbers(3)
    tasks.read_import(7)

    assert asked == [
        ("dialer_project.lib.wake.dispatch_taken", (5,)),
        ("campaigns.flow.dispatch.dispatch", (5,)),
        ("campaigns.flow.place.dial_interaction", (one,)),
        ("campaigns.flow.phone.legs_ended", ([],)),
        ("telephony.commands.hang_up_by_id", ([one],)),
        ("campaigns.flow.sweep.every_second", ()),
        ("campaigns.number_checks.look_ahead", ()),
        ("campaigns.flow.sweep.every_quarter_minute", ()),
        ("campaigns.imports.wake_silent", ()),
        ("dialer_project.lib.wake.check_numbers_taken", (3,)),
        ("campaigns.number_checks.ask", (3,)),
        ("campaigns.imports.run", (7,)),
    ]
