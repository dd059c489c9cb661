"""Between one page's websocket and the server, from the page's next loading on."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from playwright.sync_api import Page, WebSocketRoute

from tests.browser.served import eventually


@dataclass
class _Way:
    page: WebSocketRoute
    is_dead: bool = False
    server: WebSocketRoute | None = field(default=None)
    late: list[str | bytes] = field(default_factory=list)


class Network:
    def __init__(self, page: Page) -> None:
        self.is_there = True
        self.is_slow = False  # what the server tells by itself has not come yet; what the page asks is answered
        self._page = page
        self._ways: list[_Way] = []
        page.route_web_socket(re.compile("/ws/agent/"), self._connects)

    def _connects(self, socket: WebSocketRoute) -> None:
        if not self.is_there:
            socket.close(code=1011)
            return
        way = _Way(socket)
        server = way.server = socket.connect_to_server()
        socket.on_message(lambda said: None if way.is_dead else server.send(said))
        server.on_message(lambda told: self._tells(way, told))
        self._ways.append(way)

    def _tells(self, way: _Way, told: str | bytes) -> None:
        kind = json.loads(told)["type"]
        if self.is_slow and kind == "state":
            way.late.append(told)
        elif not way.is_dead and (kind == "answer" or not self.is_slow):
            way.page.send(told)

    def catches_up(self) -> None:
        """What has not come yet comes, in its order; from now on without delay."""
        self.is_slow = False
        for way in self._ways:
            while way.late:
                way.page.send(way.late.pop(0))

    def until(self, holds: Callable[[], object]) -> None:
        """As `eventually`: what goes between page and server passes through here, and only while the page is asked something."""

        def holds_now() -> object:
            self._page.wait_for_timeout(20)
            return holds()

        eventually(holds_now)

    def goes(self) -> None:
        """Every connection ends, and none can be made."""
        self.is_there = False
        while self._ways:
            self._ways.pop().page.close(code=1011)

    def comes_back(self) -> None:
        self.is_there = True

    def falls_silent(self) -> None:
        """What is connected now carries nothing any more, and nobody is told."""
        for way in self._ways:
            way.is_dead = True
