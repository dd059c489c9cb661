"""Where the product's processes come from in these tests: one process that has imported everything and forks on demand.

What it forks is what the command would be, in a session of its own; only the seconds of importing are spared. It reads orders, one JSON
object a line, and says the pid of each: {"program": "celery", "args": [...], "log": path, "times": 1}. `times`: how often each message
this process sends to a worker is sent.
"""

import json
import os
import select
import signal
import sys
import traceback
from typing import Any, NoReturn

from dialer_project.local.processes import die_with


def main() -> None:
    import django

    django.setup()
    import tests.chaos.carrier  # noqa: F401  (it takes the carrier's place)
    import workers.event_pump
    import workers.management.commands.pump_call_events
    import workers.tasks  # noqa: F401  (it registers them)

    told = b""
    print("ready", flush=True)
    while True:
        readable, _, _ = select.select([0], [], [], 0.02)
        if readable:
            more = os.read(0, 65536)
            if not more:
                return
            *orders, told = (told + more).split(b"\n")
            for order in orders:
                print(_fork(json.loads(order)), flush=True)
        while _reap():
            pass


def _reap() -> bool:
    try:
        return os.waitpid(-1, os.WNOHANG)[0] > 0
    except ChildProcessError:
        return False


def _fork(order: dict[str, Any]) -> int:
    us = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    try:
        os.setsid()
        die_with(us, signal.SIGKILL)
        output = os.open(order["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for number, source in ((0, nothing), (1, output), (2, output)):
            os.dup2(source, number)
        _run(order)
    finally:
        os._exit(1)


def _run(order: dict[str, Any]) -> NoReturn:
    from celery.__main__ import main as celery
    from django.core.management import execute_from_command_line

    from tests.chaos import carrier

    if order["times"] != 1:
        send(order["times"])
    sys.argv = [order["program"], *order["args"]]
    try:
        match order["program"]:
            case "celery":
                celery()
            case "manage.py":
                execute_from_command_line(sys.argv)
            case "carrier":
                carrier.main()
    except Exception:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


def send(times: int) -> None:
    """From now on in this process each message is sent so many times."""
    from celery import Celery

    once = Celery.send_task

    def send_task(self: Celery, *args: Any, **named: Any) -> Any:
        return [once(self, *args, **named) for _ in range(times)]

    Celery.send_task = send_task  # type: ignore[method-assign, assignment]  # what is sent is noted first


if __name__ == "__main__":
    main()
