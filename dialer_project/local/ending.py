"""Whether someone asked for the end: Ctrl-C, `kill`, a closed terminal, or any of them said to the `make` that started us."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from dialer_project.local import processes

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Ended(Exception):
    """Someone asked for the end."""


class Ending:
    def __init__(self) -> None:
        self.asked = False
        self.in_a_hurry = False  # asked twice
        self._make: int | None = None
        self._looked_at = 0.0

    def listen(self) -> None:
        """Before anything slow: a shell starts what it puts in the background with SIGINT ignored, and an early signal would be lost."""
        for each in SIGNALS:
            if each is not signal.SIGHUP or signal.getsignal(each) is not signal.SIG_IGN:  # nohup means it
                signal.signal(each, self._heard)
        parent = os.getppid()
        if Path(processes.command(parent).partition(" ")[0]).name in {"make", "gmake"}:
            self._make = parent
            processes.die_with(parent, signal.SIGTERM)  # a make that was killed outright ends us too

    def _heard(self, number: int, frame: FrameType | None) -> None:
        self.in_a_hurry = self.asked
        self.asked = True

    def check(self) -> None:
        if not self.asked and self._make_is_ending():
            self.asked = True
        if self.asked:
            raise Ended

    def _make_is_ending(self) -> bool:
        """make passes SIGTERM on, but not a SIGINT or SIGHUP sent to it alone: it puts their handlers back to the default and waits for
        us, for ever. That its handler is gone is all one can see of it."""
        if self._make is None or time.monotonic() < self._looked_at + 0.3:
            return False
        self._looked_at = time.monotonic()
        try:
            status = Path(f"/proc/{self._make}/status").read_text()
        except OSError:
            return False
        fields = dict(row.split(":\t", 1) for row in status.splitlines() if ":\t" in row)
        caught, ignored = int(fields.get("SigCgt", "0"), 16), int(fields.get("SigIgn", "0"), 16)
        return any(not (caught | ignored) >> (number - 1) & 1 for number in (signal.SIGINT, signal.SIGHUP)) and bool(caught)

    def wait(self, condition: Callable[[], bool], *, seconds: float, every: float = 0.05) -> bool:
        """Until the condition holds (True) or the time is over (False); raises Ended as soon as someone asks for the end."""
        until = time.monotonic() + seconds
        while not condition():
            self.check()
            if time.monotonic() > until:
                return False
            time.sleep(every)
        return True


ending = Ending()
