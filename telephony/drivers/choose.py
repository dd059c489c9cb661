"""Which carrier a node speaks through, by name; one per process."""

from __future__ import annotations

from collections.abc import Callable

from telephony.drivers.asterisk.driver import Asterisk
from telephony.drivers.base import Carrier
from telephony.drivers.simulated.client import Client

DRIVERS: dict[str, Callable[[str], Carrier]] = {"simulated": Client, "asterisk": Asterisk}

_chosen: dict[tuple[str, str], Carrier] = {}


class NoSuchCarrier(Exception):
    """No carrier of that name is configured."""


def carrier(driver: str, url: str) -> Carrier:
    """The carrier behind this address; nothing is connected before the first command."""
    found = _chosen.get((driver, url))
    if found is None:
        made = DRIVERS.get(driver)
        if made is None:
            raise NoSuchCarrier
        found = _chosen[driver, url] = made(url)
    return found


def use(driver: str, url: str, instead: Carrier | None) -> None:
    """From now on this one stands for that address; None: the real one again."""
    if instead is None:
        _chosen.pop((driver, url), None)
    else:
        _chosen[driver, url] = instead
