"""The reference validation service, asked in process: how it answers, when it was asked, and that no transaction was open then."""

from collections.abc import Mapping
from datetime import datetime

from django.db import connection

from dialer_project.lib import outgoing
from tests.floor import Floor
from tests.validation_service import Register


class Checker(Register):
    def __init__(self, floor: Floor) -> None:
        super().__init__()
        self.floor = floor
        self.down = ""
        self.times: list[datetime] = []

    def post(self, url: str, body: bytes, *, headers: Mapping[str, str], within: float, at_most: int = 0) -> outgoing.Reply | outgoing.Failed:
        assert not connection.in_atomic_block, "asked while a transaction was open"
        self.times.append(self.floor.now)
        if self.down:
            return outgoing.Failed(self.down)
        return outgoing.Reply(*self.answer(body, secret=headers.get("Authorization", "")))

    @property
    def numbers(self) -> list[str]:
        return [number for question in self.asked for number in question]
