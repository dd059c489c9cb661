from __future__ import annotations

from collections.abc import Iterator

import pytest

from dialer_project.local import asterisk

from .exchange import AsteriskLab, Exchange
from .labs import Lab, ProcessLab, VirtualLab

CARRIERS: dict[str, type[Lab]] = {"virtual": VirtualLab, "process": ProcessLab}
if not asterisk.not_wanted():
    CARRIERS["asterisk"] = AsteriskLab


@pytest.fixture(scope="session")
def exchange() -> Iterator[Exchange]:
    """A real Asterisk, for all tests."""
    made = Exchange()
    yield made
    made.close()


@pytest.fixture(params=CARRIERS)
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """Each carrier we have, with somebody listening."""
    kind = CARRIERS[request.param]
    made = AsteriskLab(request.getfixturevalue("exchange")) if kind is AsteriskLab else kind()
    made.listen()
    yield made
    made.close()
