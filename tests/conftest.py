from collections.abc import Iterator

import pytest

from telephony.drivers import choose
from tests.floor import URL, Floor, open_floor


@pytest.fixture
def floor(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Floor]:
    """A call centre on a virtual clock; whatever a test did there, no safety promise may be broken in the end."""
    made = open_floor(monkeypatch)
    yield made
    made.check()
    choose.use("simulated", URL, None)
