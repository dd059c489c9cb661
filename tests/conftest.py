import logging
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.db import OperationalError, connection
from psycopg.errors import DeadlockDetected
from pytest_django.plugin import DjangoDbBlocker
from xdist.scheduler import LoadScopeScheduling

from telephony.drivers import choose
from tests.floor import URL, Floor, Someone, open_floor

# what migrations and their signals have written stays
_KEPT = ("auth", "contenttypes")


class FoldersWhole(LoadScopeScheduling):  # type: ignore[misc]  # the library has no types
    """A folder's tests share what is dear to start, a browser or an Asterisk: the folder goes to one process whole."""

    def _split_scope(self, nodeid: str) -> str:
        return nodeid.rsplit("::")[0].rsplit("/", 1)[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> FoldersWhole | None:
    return FoldersWhole(config, log) if config.getvalue("dist") == "loadscope" else None


@lru_cache(maxsize=1)
def _tables() -> tuple[str, ...]:
    models = (model for model in apps.get_models(include_auto_created=True) if model._meta.app_label not in _KEPT and model._meta.managed)
    return tuple(sorted({model._meta.db_table for model in models}))


@pytest.fixture(scope="session", autouse=True)
def quick_passwords() -> Iterator[None]:
    """Kept as in production, but with next to no memory and time: they are made to be dear, and hundreds of tests sign somebody in."""
    with pytest.MonkeyPatch.context() as patch:
        for cost in ("memory_cost", "time_cost", "parallelism"):
            patch.setattr(Argon2PasswordHasher, cost, 8 if cost == "memory_cost" else 1)
        yield


@pytest.fixture
def transactional_db(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """As pytest-django's, with real commits, in a tenth of the time: only tables that were written to are emptied."""
    with django_db_blocker.unblock():
        yield
        empty_tables()


def empty_tables() -> None:
    for patience in (3, 2, 1, 0):
        try:
            with connection.cursor() as cursor:
                cursor.execute(" UNION ALL ".join(f"(SELECT '{table}' FROM {table} LIMIT 1)" for table in _tables()))
                if written := [row[0] for row in cursor.fetchall()]:
                    cursor.execute(f"TRUNCATE {', '.join(written)} CASCADE")
            return
        except OperationalError as refused:
            # a socket that a test has closed may still be saying goodbye: PostgreSQL has sent one of the two away, and it was us
            if not isinstance(refused.__cause__, DeadlockDetected) or not patience:
                raise


@pytest.fixture
def floor(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Floor]:
    """A call centre on a virtual clock; whatever a test did there, no safety promise may be broken in the end."""
    # its clocks and its post stay its own when a test takes back what it has patched
    with pytest.MonkeyPatch.context() as patched:
        made = open_floor(patched)
        logging.getLogger().addHandler(made.mishaps)
        yield made
        logging.getLogger().removeHandler(made.mishaps)
        choose.use("simulated", URL, None)
        monkeypatch.undo()
        made.check()


@pytest.fixture
def ana(floor: Floor) -> Someone:
    return floor.agent("Ana")


@pytest.fixture
def ben(floor: Floor) -> Someone:
    return floor.agent("Ben")
