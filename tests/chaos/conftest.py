from collections.abc import Iterator
from typing import Any

import pytest

from dialer_project.local import processes
from tests.chaos.centre import Centre
from tests.chaos.opened import opened


@pytest.fixture(scope="package")
def made(django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    """One centre for all of these tests: processes that lived through a test serve the next."""
    with (
        django_db_blocker.unblock(),
        opened(
            tmp_path_factory.mktemp("chaos"),
            lambda folder, name, redis: Centre(folder, name, redis, processes.free_port()),
            "redis",
            "carrier",
        ) as centre,
    ):
        yield centre


@pytest.fixture
def centre(made: Centre) -> Iterator[Centre]:
    """As it is between two tests; whatever a test did to it, no safety promise may be broken in the end."""
    yield made
    made.end_shift()
