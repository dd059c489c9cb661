"""The simulated carrier as a process: starting, ending, and talking to strangers."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from uuid import uuid4

import pytest

from telephony.drivers.base import Address, AddressKind, Leg, LostCarrier, Placed
from telephony.drivers.simulated import wire
from telephony.drivers.simulated.client import Client, WorldControl
from telephony.rules.events import Happened

from .labs import PROJECT, WITHIN

# What the settings insist on; the carrier itself uses none of them.
NEEDED = {"SECRET_KEY": "s" * 50, "DATABASE_URL": "postgresql://nobody@127.0.0.1/none", "REDIS_URL": "redis://127.0.0.1:9/0"}


@pytest.fixture
def process() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "manage.py", "simulate_carrier", "--listen", "127.0.0.1:0", "--everything-answers", "--node", "east"]
    started = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True, env=NEEDED | os.environ)
    yield started
    started.kill()
    started.wait()
    assert started.stdout is not None
    started.stdout.close()


def url_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    line: str = process.stdout.readline()
    return line.removeprefix("listening on ").strip()


def test_the_command_runs_a_carrier_until_it_is_told_to_end(process: subprocess.Popen[str]) -> None:
    carrier = Client(url_of(process))
    leg = Leg(call_id=uuid4(), to=Address(AddressKind.NUMBER, "+4930"))
    with carrier.listen() as heard:
        assert carrier.place(leg) == Placed()
        told = heard.next(WITHIN)
        while told[-1].kind is not Happened.ENDED:
            told += heard.next(WITHIN)
        assert [event.kind for event in told] == [Happened.RANG, Happened.ANSWERED, Happened.ENDED]
        assert {event.node for event in told} == {"east"}

        process.send_signal(signal.SIGTERM)

        assert process.wait(WITHIN) == 0
        with pytest.raises(LostCarrier):
            heard.next(WITHIN)


def test_nonsense_is_answered_as_such_and_harms_nobody(process: subprocess.Popen[str]) -> None:
    url = url_of(process)
    host, port = url.split(":")
    with socket.create_connection((host, int(port)), timeout=WITHIN) as stranger:
        stranger.sendall(b"hello\n[]\n\n" + wire.line({"id": 3, "do": "fly"}) + wire.line({"id": 4, "do": "boot"}))
        replies = stranger.makefile().readlines
        said = [next(iter(replies(1))) for _ in range(4)]

    assert ["error" in line for line in said] == [True, True, True, False]
    assert f'"ok":"{Client(url).boot()}"' in said[3]


def test_a_cut_line_is_told_and_calls_live_on(process: subprocess.Popen[str]) -> None:
    url = url_of(process)
    carrier, control = Client(url), WorldControl(url)
    heard = carrier.listen()

    control.cut_listener()

    with pytest.raises(LostCarrier):
        heard.next(WITHIN)
    assert carrier.boot() == heard.boot
