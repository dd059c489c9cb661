"""The comparison of the far side's count with our ledger finds whoever tells it something else: each lie alone, nothing but rows and dialogs."""

from __future__ import annotations

import socket
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from telephony.drivers.simulated import sip_messages as sip
from telephony.drivers.simulated.sip_world import MACHINE, PERSON, Dialog
from telephony.models import Call
from tests.telephony.compared import _in_order

NUMBER = "+34600000001"
VOICE, MESSAGE = 0x20, 0x4B


def told(**about: Any) -> Dialog:
    """Answered after half a second, an agent heard at once, talked for three."""
    invite = sip.Message("INVITE", f"sip:{NUMBER}@127.0.0.1", 0, [], "")
    at = time.monotonic() - 10
    dialog = Dialog("1", NUMBER, False, socket.socket(), ("127.0.0.1", 1), invite, "t", at, rang=True, status=200, script=PERSON)
    dialog.answered_at, dialog.heard_at, dialog.ended_at, dialog.ended_by = at + 0.5, at + 0.6, at + 3.6, "us"
    dialog.loud, dialog.peaks = 150, Counter({VOICE: 150})
    dialog.line.close()
    for name, value in about.items():
        setattr(dialog, name, at + value if name.endswith("_at") and value is not None else value)
    return dialog


def row(**about: Any) -> Call:
    """What is written down of it."""
    at = datetime.now(UTC) - timedelta(seconds=10.02)

    def after(seconds: float) -> datetime:
        return at + timedelta(seconds=seconds)

    call = Call(
        party="customer",
        address=NUMBER,
        dialing_at=at,
        rang_at=after(0.2),
        answered_at=after(0.5),
        connected_at=after(0.55),
        ended_at=after(3.7),
        hung_up_by="far",
    )
    for name, value in about.items():
        setattr(call, name, after(value) if name.endswith("_at") and value is not None else value)
    return call


def compared(calls: list[Call], theirs: list[Dialog], outcome: str) -> None:
    _in_order(NUMBER, calls, theirs, {call.pk: outcome for call in calls})


UNANSWERED: dict[str, Any] = {"answered_at": None, "heard_at": None, "loud": 0, "peaks": Counter()}


@pytest.mark.parametrize(
    ("outcome", "theirs", "ours"),
    [
        ("connected", {}, {}),
        ("abandoned", {"peaks": Counter({MESSAGE: 150}), "heard_at": 2.6, "ended_by": "them"}, {"hung_up_by": ""}),
        ("early_hang_up", {"peaks": Counter(), "loud": 0, "heard_at": None, "ended_at": 1.0}, {}),
        ("machine", {"peaks": Counter(), "loud": 0, "heard_at": None, "ended_at": 2.0, "ended_by": "them", "script": MACHINE}, {"hung_up_by": ""}),
        ("busy", {**UNANSWERED, "status": 486}, {"answered_at": None, "rang_at": None}),
        ("no_answer", {**UNANSWERED, "status": 487, "ended_at": 3.0}, {"answered_at": None, "ring_for": 3}),
    ],
)
def test_what_is_so_is_found_to_be_so(outcome: str, theirs: dict[str, Any], ours: dict[str, Any]) -> None:
    compared([row(**ours)], [told(**theirs)], outcome)


@pytest.mark.parametrize(
    ("outcome", "theirs", "ours", "why"),
    [
        ("connected", {"peaks": Counter({MESSAGE: 150})}, {}, "heard none"),
        ("connected", {"peaks": Counter(), "loud": 0, "heard_at": None, "ended_at": 1.5}, {}, "heard none"),
        ("connected", {"heard_at": 3.2}, {}, "heard nobody for"),
        ("connected", {"heard_at": 3.2}, {"verdict_at": 3.0}, "listened for"),
        ("connected", {"ended_by": "them"}, {}, "they never hung up"),
        ("connected", {**UNANSWERED, "status": 486}, {}, "486 there"),
        ("abandoned", {"peaks": Counter({0x30: 150}), "ended_by": "them"}, {"hung_up_by": ""}, "heard no message"),
        ("abandoned", {"peaks": Counter({MESSAGE: 30, VOICE: 9})}, {}, "heard an agent"),
        ("abandoned", {"peaks": Counter(), "heard_at": None, "ended_at": 2.4, "ended_by": "them"}, {"hung_up_by": ""}, "without a word"),
        ("early_hang_up", {"ended_by": "them"}, {"hung_up_by": ""}, "it was not they"),
        ("machine", {}, {}, "taken for a machine"),
        ("busy", {}, {}, "answered there, busy here"),
        ("no_answer", {}, {"answered_at": None}, "answered there"),
        ("connected", {}, {"answered_at": None}, "answered there alone"),
        ("rejected", {**UNANSWERED, "status": 486}, {"answered_at": None, "rang_at": None}, "486 there, rejected here"),
        ("busy", {**UNANSWERED, "status": 486, "rang": False}, {"answered_at": None}, "rang here alone"),
        ("no_answer", {**UNANSWERED, "status": 487, "ended_at": 1.0}, {"answered_at": None, "ring_for": 3}, "given up after"),
    ],
)
def test_whoever_says_something_else_is_found(outcome: str, theirs: dict[str, Any], ours: dict[str, Any], why: str) -> None:
    with pytest.raises(AssertionError, match=why):
        compared([row(**ours)], [told(**theirs)], outcome)


@pytest.mark.parametrize(
    ("calls", "theirs", "why"),
    [
        (lambda: [row()], list, "it never reached them"),
        (lambda: [row()], lambda: [told(), told()], "are in no row"),
        (lambda: [row(), row()], lambda: [told()], "it never reached them"),
        (lambda: [row(dialing_at=20.0, ended_at=25.0)], lambda: [told()], "it never reached them"),
    ],
)
def test_every_call_is_one_row_within_its_time(calls: Callable[[], list[Call]], theirs: Callable[[], list[Dialog]], why: str) -> None:
    with pytest.raises(AssertionError, match=why):
        compared(calls(), theirs(), "connected")


def test_what_nobody_may_have_sent_need_not_have_reached_them() -> None:
    compared([row(answered_at=None, rang_at=None)], [], "unknown")
