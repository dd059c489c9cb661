"""The events of one Asterisk, from its websocket, and requests over it. One listener at a time: Asterisk tells the application's newest
connection alone."""

from __future__ import annotations

import logging
import os
import select
import time
from collections import deque
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import count
from typing import Any

import orjson
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.sync.client import connect

from telephony.drivers.asterisk.ari import APPLICATION, Ari, Reply, Request, request
from telephony.drivers.asterisk.translate import WANTED, Translator, left_empty, snoopers
from telephony.drivers.base import CarrierDown, CarrierTimeout, CarrierUnreachable, LostCarrier, Replaced
from telephony.drivers.heard import HeardOnAConnection

log = logging.getLogger(__name__)

PING_EVERY = 2.0  # seconds; a host that is gone without a word is noticed after that and PONG_WITHIN
PONG_WITHIN = 4.0


class AsteriskSubscription(HeardOnAConnection):
    """See base.Subscription."""

    def __init__(self, ari: Ari) -> None:
        super().__init__()
        self._ari = ari
        self._held = ExitStack()
        self._told: deque[str | bytes] = deque()  # while a reply was waited for
        self._numbers = count(1)
        self._process = os.getpid()
        try:
            self._socket = self._held.enter_context(
                connect(
                    ari.websocket(),
                    additional_headers=ari.headers,
                    open_timeout=ari.reply_within,
                    ping_interval=PING_EVERY,
                    ping_timeout=PONG_WITHIN,
                    close_timeout=0.2,
                    max_size=2**22,
                    max_queue=None,  # a full queue would stop Asterisk from writing, and it then closes the connection
                    compression=None,
                    proxy=None,
                )
            )
        except TimeoutError as late:
            raise CarrierTimeout(f"{ari.name} does not open the websocket") from late
        except ConnectionRefusedError as refused:
            raise CarrierDown(f"nothing runs at {ari.name}") from refused
        except (OSError, WebSocketException) as refused:  # also one that goes away in the middle of it
            raise CarrierUnreachable(f"{ari.name}: {refused}") from refused
        self._end = select.poll()
        self._end.register(self._socket.socket, select.POLLRDHUP)
        try:
            self.boot = boot_of(ari)
            # channels from their first moment on, answered or not, ours to command or not; and the phones
            for source in ("channel:", "endpoint:PJSIP"):
                self._set_up(ari.ask("POST", "applications", APPLICATION, "subscription", eventSource=source).status)
            wanted = {"allowed": [{"type": kind} for kind in WANTED]}
            self._set_up(ari.ask("PUT", "applications", APPLICATION, "eventFilter", body=wanted).status)
        except BaseException:
            self._held.close()
            raise
        self._translator = Translator(ari.name, self.boot)
        self._speak_here()

    @staticmethod
    def _set_up(status: int) -> None:
        if status >= 300:
            raise CarrierUnreachable(f"ARI refused a subscription with {status}")

    def _disconnect(self) -> None:
        self._held.close()

    # Requests

    def _speak_here(self) -> None:
        """Where Asterisk takes requests over its websocket; before 22.4 it leaves them without a reply."""
        try:
            self.ask([request("GET", "asterisk", "ping")])
        except CarrierTimeout:
            log.warning("%s takes no requests over its websocket: they go by HTTP, and take longer", self._ari.name)
        else:
            self._ari.speak_over(self)

    def usable(self) -> bool:
        """Ours, not a parent's; and not closed at the other end."""
        return self._process == os.getpid() and self._ended_by is None and not self._end.poll(0)

    def ask(self, requests: Sequence[Request]) -> list[Reply]:
        """All are sent before the first reply is waited for: Asterisk carries them out in order."""
        names = [self._send(each) for each in requests]
        replies: dict[str, Reply] = {}
        until = time.monotonic() + self._ari.reply_within
        while len(replies) < len(names):
            try:
                raw = self._socket.recv(timeout=max(0.0, until - time.monotonic()))
            except (TimeoutError, ConnectionClosed) as broken:
                raise CarrierTimeout(f"no reply to {requests[len(replies)]}") from broken
            if (reply := _as_reply(raw)) is None:
                self._told.append(raw)
            elif reply["request_id"] in names:
                said = reply.get("message_body")
                replies[reply["request_id"]] = Reply(int(reply["status_code"]), orjson.loads(said) if said else None)
        return [replies[name] for name in names]

    def _send(self, asked: Request) -> str:
        name = str(next(self._numbers))
        told = {"type": "RESTRequest", "transaction_id": name, "request_id": name, "method": asked.method, "uri": asked.address}
        if asked.body is not None:
            told |= {"content_type": "application/json", "message_body": asked.body}
        try:
            self._socket.send(orjson.dumps(told).decode())
        except ConnectionClosed as broken:
            raise CarrierTimeout(f"{asked} was not sent whole") from broken
        return name

    # Events

    def _read(self, wait: float) -> bool:
        try:
            raw = self._told.popleft() if self._told else self._socket.recv(timeout=max(wait, 0.0))
        except TimeoutError:
            return False
        except ConnectionClosed:
            self._ended_by = LostCarrier()
            return True
        if _as_reply(raw) is not None:
            return True  # to what nobody waits for any more
        if self._translator.is_double(raw):
            return True
        told = orjson.loads(raw)
        if told["type"] == "ApplicationReplaced":
            self._ended_by = Replaced()
            return True
        try:
            self._heard.extend(self._translator.facts(told))
        except (KeyError, TypeError, ValueError):  # one that is not as we know it must not keep us from the others
            log.exception("an event of %s that cannot be read: %.500s", self._ari.name, raw)
            return True
        if (bridge := left_empty(told)) is not None:
            self._remove(bridge, snoopers(told["bridge"]["channels"]))
        return True

    def _remove(self, bridge: str, listening_in: Sequence[str]) -> None:
        """Nobody waits for the replies: what is not removed is found by the next listing."""
        try:
            for each in [request("DELETE", "channels", each) for each in listening_in] + [request("DELETE", "bridges", bridge)]:
                self._send(each)
        except CarrierTimeout as away:
            log.warning("an empty bridge stays until the next listing: %s", away)


def _as_reply(raw: str | bytes) -> Any | None:
    """Asterisk writes a message's type first."""
    text = raw if isinstance(raw, str) else raw.decode()
    return orjson.loads(text) if '"RESTResponse"' in text[:60] else None


def boot_of(ari: Ari) -> str:
    """When this Asterisk was started: another one, another run."""
    return str(ari.must("asterisk", "info", only="status")["status"]["startup_time"])
