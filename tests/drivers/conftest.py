from __future__ import annotations

from collections.abc import Iterator

import pytest

from .labs import Lab, ProcessLab, VirtualLab


@pytest.fixture(params=[VirtualLab, ProcessLab], ids=["virtual", "process"])
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """Each carrier we have, with somebody listening."""
    made: Lab = request.param()
    made.listen()
    yield made
    made.close()
