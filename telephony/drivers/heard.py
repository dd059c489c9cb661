"""What both drivers that listen on a connection do alike: events are kept as they come, and how it ended is told after the last of them."""

import time
from abc import ABC, abstractmethod
from collections import deque
from typing import Self

from telephony.drivers.base import LostCarrier
from telephony.rules.events import CarrierEvent


class HeardOnAConnection(ABC):
    """See base.Subscription."""

    def __init__(self) -> None:
        self._heard: deque[CarrierEvent] = deque()
        self._ended_by: Exception | None = None

    @abstractmethod
    def _read(self, wait: float) -> bool:
        """Takes in what comes first within so many seconds, an event or the end; False when there was nothing in time."""

    @abstractmethod
    def _disconnect(self) -> None: ...

    def next(self, timeout: float, at_most: int = 500) -> list[CarrierEvent]:
        until = time.monotonic() + timeout
        while not self._heard and self._ended_by is None and self._read(until - time.monotonic()):
            pass
        while 0 < len(self._heard) < at_most and self._ended_by is None and self._read(0.0):
            pass
        if not self._heard and self._ended_by is not None:
            raise self._ended_by
        return [self._heard.popleft() for _ in range(min(at_most, len(self._heard)))]

    def close(self) -> None:
        self._ended_by = self._ended_by or LostCarrier()
        self._disconnect()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
