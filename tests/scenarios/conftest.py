"""The console's own page beside the virtual floor."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connections

from agents import sockets
from tests.console_page import Browser, browser


@pytest.fixture(scope="package")
def chrome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("page")) as found:
        yield found


@pytest.fixture
def loop(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Any], Any]]:
    """Runs what the server's end of a websocket does, in this thread and on this thread's database connection."""
    ours = connections["default"]

    async def here(act: Callable[[], Any]) -> Any:
        connections["default"] = ours  # a task would open one of its own
        return act()

    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    monkeypatch.setattr(sockets, "in_thread", here)
    monkeypatch.setattr(sockets.House, "enter", lambda self, connection: None)
    with asyncio.Runner() as runner:
        yield runner.run
