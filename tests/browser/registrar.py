"""The far end of a page's phone: registers whoever asks, and carries no call."""

from __future__ import annotations

import re

from playwright.sync_api import Page, WebSocketRoute

ADDRESS = "ws://telephones.example/ws"
# said back as they came
_ECHOED = ("via", "from", "call-id", "cseq")


class Registrar:
    def __init__(self, page: Page) -> None:
        self.names: list[str] = []
        page.route_web_socket(ADDRESS, lambda socket: socket.on_message(lambda said: self._hears(socket, said)))

    def _hears(self, socket: WebSocketRoute, said: str | bytes) -> None:
        request = said if isinstance(said, str) else said.decode()
        first, *lines = request.split("\r\n")
        if not first.startswith("REGISTER "):
            return
        headers = [line.partition(": ") for line in lines if ": " in line]
        found = {name.lower(): value for name, _, value in headers}
        name = re.search(r"sip:([^@]+)@", found["to"])
        assert name
        self.names.append(name[1])
        told = [f"{name}: {value}" for name, _, value in headers if name.lower() in _ECHOED]
        contact = f"Contact: {found['contact'].partition(';expires')[0]};expires=120"
        socket.send("\r\n".join(["SIP/2.0 200 OK", *told, f"To: {found['to']};tag=there", contact, "Content-Length: 0", "", ""]))
