"""Between one page's websocket and the server, from the page's next loading on."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field

from playwright.sync_api import Page, WebSocketRoute


@dataclass
class _Way:
    page: WebSocketRoute
    is_dead: bool = False
    server: WebSocketRoute | None = field(default=None)


class Network:
    def __init__(self, page: Page) -> None:
        self.is_there = True
        self.is_slow = False  # what the server tells by itself has not come yet; what the page asks is answered
        self._ways: list[_Way] = []
        page.route_web_socket(re.compile("/ws/agent/"), self._connects)

    def _connects(self, socket: WebSocketRoute) -> None:
        if not self.is_there:
            socket.close(code=1011)
            return
        way = _Way(socket)
        server = way.server = socket.connect_to_server()
        socket.on_message(lambda said: None if way.is_dead else server.send(said))
        server.on_message(lambda told: None if way.is_dead or (self.is_slow and not _answers(told)) else socket.send(told))
        self._ways.append(way)

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


def _answers(told: str | bytes) -> bool:
    return bool(json.loads(told)["type"] == "answer")
