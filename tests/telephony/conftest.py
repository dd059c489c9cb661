from collections.abc import Iterator
from typing import Any

import pytest

from dialer_project.local import asterisk
from tests.chaos.opened import opened
from tests.telephony.centre import RealCentre

collect_ignore_glob = ["test_*.py"] if asterisk.not_wanted() else []


@pytest.fixture(scope="package")
def made(django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealCentre]:
    """One Asterisk and one centre for all of these tests."""
    with django_db_blocker.unblock(), opened(tmp_path_factory.mktemp("telephony"), RealCentre.at, "redis") as centre:
        yield centre


@pytest.fixture
def centre(made: RealCentre) -> Iterator[RealCentre]:
    """As it is between two tests; whatever a test did to it, no safety promise may be broken in the end."""
    yield made
    made.end_shift()
