"""A centre with a database and a Redis of its own, for the length of a package of tests."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from django.db import connection
from django.test import override_settings

from agents.live import board
from dialer_project.local import places
from dialer_project.local.redis_server import Redis
from telephony import nodes
from tests.chaos.centre import Centre, drop_database, make_database
from workers.celery import app

Made = TypeVar("Made", bound=Centre)


@contextmanager
def opened(folder: Path, make: Callable[[Path, str, Redis], Made], *first: str) -> Iterator[Made]:
    """Furnished, and with these processes up; afterwards nothing of it is left."""
    state = places.make_writable(folder / "state")
    (folder / "failpoints").mkdir()
    usual = connection.settings_dict["NAME"]
    name = f"{usual}_{folder.name}"
    make_database(name)
    centre = make(folder, name, Redis(state, kept=False))
    url = centre.redis_server.url
    broker = app.conf.broker_url
    try:
        with override_settings(REDIS_URL=url, HOT_REDIS_URL=url, CHANNELS_REDIS_URL=url):
            _publish_to(url)
            _forget()
            centre.start(*first)
            centre.furnish()
            yield centre
    finally:
        centre.end()
        _publish_to(broker)
        _forget()
        drop_database(name)
        connection.settings_dict["NAME"] = usual


def _publish_to(url: str) -> None:
    app.conf["broker_url"] = url
    app._after_fork()  # type: ignore[attr-defined]  # drops the connections it keeps


def _forget() -> None:
    board.forget()
    nodes.forget()
