"""Named places where a test ends or freezes the process that reaches them, at exactly that line.

Inert unless the environment names a folder: `FAILPOINTS=/some/folder`. A file there with a place's name orders in its first line what
befalls the next process that comes by, once: `kill` (it dies), `kill group` (it dies with its parent and their other children, as a host
would), `stop` (it is frozen until SIGCONT). The other lines are the process groups it is meant for. The file is renamed to
`<place>.<pid>` by the one it befalls, so that the test knows whom.
"""

import os
import signal
from enum import StrEnum
from pathlib import Path

from django.conf import settings


class Failpoint(StrEnum):
    """In the order in which a call passes them."""

    CAMPAIGN_TAKEN = "campaign-taken"  # in the dial transaction, the campaign's lock in hand
    PLANNED = "planned"  # attempt, permit and call are committed; before the last look
    LOOKED = "looked"  # DIALING is committed; before the carrier is asked
    SENT = "sent"  # the carrier has replied; nothing of it is written yet
    ANSWER_HEARD = "answer-heard"  # the carrier has told us of an answer; before anything is written
    GIVEN = "given"  # the customer is given to an agent; before the commit
    MATCHED = "matched"  # that is committed; before the carrier is told to join them
    JOINED = "joined"  # the carrier has joined them; before its guard is raised
    ENTERED = "entered"  # it has said so; before the commit
    CONNECTED = "connected"  # that is committed; before the carrier's guard is raised again


def reached(place: Failpoint) -> None:
    """Nothing, but where a test has left an order."""
    if not settings.FAILPOINTS:
        return
    order = Path(settings.FAILPOINTS) / place
    try:
        what, *groups = order.read_text().splitlines()
        if str(os.getpgrp()) not in groups:
            return
        order.rename(order.with_name(f"{place}.{os.getpid()}"))
    except FileNotFoundError:
        return
    match what:
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "kill group":
            os.killpg(os.getpgrp(), signal.SIGKILL)
        case "stop":
            os.kill(os.getpid(), signal.SIGSTOP)
