from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import override_settings

from agents.live import board
from dialer_project.local import places, processes
from dialer_project.local.redis_server import Redis
from telephony import nodes
from tests.chaos.centre import Centre, drop_database, make_database
from workers.celery import app


@pytest.fixture(scope="package")
def made(django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    """One centre for all of these tests, with a database and a Redis of its own: processes that lived through a test serve the next."""
    folder = tmp_path_factory.mktemp("chaos")
    state = places.make_writable(folder / "state")
    (folder / "failpoints").mkdir()
    with django_db_blocker.unblock():
        usual = connection.settings_dict["NAME"]
        name = f"{usual}_chaos"
        make_database(name)
        centre = Centre(folder, name, Redis(state, kept=False), processes.free_port())
        url = centre.redis_server.url
        broker = app.conf.broker_url
        try:
            with override_settings(REDIS_URL=url, HOT_REDIS_URL=url, CHANNELS_REDIS_URL=url):
                _publish_to(url)
                _forget()
                centre.start("redis", "carrier")
                centre.furnish()
                yield centre
        finally:
            centre.end()
            _publish_to(broker)
            _forget()
            drop_database(name)
            connection.settings_dict["NAME"] = usual


@pytest.fixture
def centre(made: Centre) -> Iterator[Centre]:
    """As it is between two tests; whatever a test did to it, no safety promise may be broken in the end."""
    yield made
    made.end_shift()


def _publish_to(url: str) -> None:
    app.conf["broker_url"] = url
    app._after_fork()  # type: ignore[attr-defined]  # drops the connections it keeps


def _forget() -> None:
    board.forget()
    nodes.forget()
