"""What the person at the terminal reads: short lines with a clock while it works, and one sentence with a remedy when it cannot go on."""

import contextlib
import os
import sys
import time

# The clock goes on across the change from the system's Python to the environment's: CLOCK_MONOTONIC is the machine's, not the process's.
CLOCK = "RINGMASTER_STARTED_AT"


class CannotGoOn(Exception):
    """The command cannot go on."""

    def __init__(self, why: str, *, remedy: str, details: str = "") -> None:
        super().__init__(why)
        self.why, self.remedy, self.details = why, remedy, details

    def __str__(self) -> str:
        details = f"{self.details.rstrip()}\n\n" if self.details else ""
        return f"{details}Cannot go on: {self.why}{'' if self.why.endswith(('?', '!')) else '.'}\n  Remedy: {self.remedy}"


def start_the_clock() -> None:
    os.environ.setdefault(CLOCK, repr(time.monotonic()))


def progress(message: str) -> None:
    now = time.monotonic()
    seconds = now - float(os.environ.get(CLOCK) or now)
    line(f"[{seconds:6.1f}s] {message}")


def line(message: str = "") -> None:
    # The terminal may be gone (SIGHUP, a closed pipe); what remains to be stopped must still be stopped.
    with contextlib.suppress(OSError, ValueError):
        print(message, flush=True)


def sorry(refusal: CannotGoOn) -> None:
    with contextlib.suppress(OSError, ValueError):
        print(refusal, file=sys.stderr, flush=True)
