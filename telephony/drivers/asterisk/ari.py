"""Requests to Asterisk's REST interface: one kept HTTP connection per thread and process, a short patience, nothing sent twice.

The listener's thread has a second way, the websocket it listens on: requests go out together, and their replies come among the events.
"""

from __future__ import annotations

import base64
import http.client
import os
import select
import shutil
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import local
from typing import Any, BinaryIO, Protocol
from urllib.parse import quote, urlencode, urlsplit

import orjson

from telephony.drivers.base import CarrierDown, CarrierTimeout, CarrierUnreachable

APPLICATION = USER = "ringmaster"
REPLY_WITHIN = 1.0  # seconds
FILE_WITHIN = 20.0  # seconds of silence in the middle of a file


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    said: Any

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class Request:
    """address: under /ari, quoted, with its query."""

    method: str
    address: str
    body: str | None = None

    def __str__(self) -> str:
        return f"{self.method} {self.address.partition('?')[0]}"


def request(method: str, *path: str, body: Mapping[str, Any] | None = None, **params: Any) -> Request:
    """path: the parts of the address, quoted here; body: sent as JSON."""
    address = "/".join(quote(part, safe="") for part in path) + (f"?{urlencode(params)}" if params else "")
    return Request(method, address, None if body is None else orjson.dumps(body).decode())


class Way(Protocol):
    """What requests go over."""

    def usable(self) -> bool: ...

    def close(self) -> None: ...

    def ask(self, requests: Sequence[Request]) -> list[Reply]:
        """The reply to each. Raises CarrierTimeout where one did not come."""
        ...


class _Conversation:
    def __init__(self, ari: Ari) -> None:
        self.process = os.getpid()
        self._headers = ari.headers
        made = http.client.HTTPSConnection if ari.secure else http.client.HTTPConnection
        self._connection = made(ari.host, ari.port, timeout=ari.reply_within)
        try:
            self._connection.connect()
        except TimeoutError as late:
            raise CarrierTimeout(f"{ari.host}:{ari.port} does not take the connection") from late
        except ConnectionRefusedError as refused:
            raise CarrierDown(f"nothing runs at {ari.host}:{ari.port}") from refused
        except OSError as refused:
            raise CarrierUnreachable(f"{ari.host}:{ari.port}: {refused.strerror or refused}") from refused
        assert self._connection.sock is not None
        self._connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._silence = select.poll()
        self._silence.register(self._connection.sock, select.POLLIN)

    def usable(self) -> bool:
        """Ours, not a parent's; and not closed at the other end."""
        return self.process == os.getpid() and self._connection.sock is not None and not self._silence.poll(0)

    def close(self) -> None:
        self._connection.close()

    def ask(self, requests: Sequence[Request]) -> list[Reply]:
        return [self._ask(each) for each in requests]

    def _ask(self, asked: Request) -> Reply:
        headers = self._headers if asked.body is None else {**self._headers, "Content-Type": "application/json"}
        try:
            self._connection.request(asked.method, "/ari/" + asked.address, body=asked.body, headers=headers)
            reply = self._connection.getresponse()
            said = reply.read()
        except (OSError, http.client.HTTPException) as broken:  # whether it was carried out is anybody's guess
            raise CarrierTimeout(f"no reply to {asked}") from broken
        try:
            return Reply(reply.status, orjson.loads(said) if said else None)
        except ValueError as page:  # of the HTTP server itself, as while Asterisk stops, or of a proxy before it
            if reply.status < 400:
                raise CarrierTimeout(f"no reply of ARI's to {asked}") from page
            return Reply(reply.status, None)


class Ari:
    """url: http://host:port or https://host:port, with user:password@ where they are not those of the settings."""

    def __init__(self, url: str, *, password: str = "", reply_within: float = REPLY_WITHIN) -> None:
        parts = urlsplit(url)
        self.secure = parts.scheme == "https"
        self.host, self.port = parts.hostname or "127.0.0.1", parts.port or (8089 if self.secure else 8088)
        self.reply_within = reply_within
        secret = f"{parts.username or USER}:{parts.password or password}"
        self.headers = {"Authorization": "Basic " + base64.b64encode(secret.encode()).decode()}
        self._mine = local()

    @property
    def name(self) -> str:
        return f"{self.host}:{self.port}"

    def websocket(self) -> str:
        return f"{'wss' if self.secure else 'ws'}://{self.host}:{self.port}/ari/events?{urlencode({'app': APPLICATION, 'subscribeAll': 'false'})}"

    def ask(self, method: str, *path: str, body: Mapping[str, Any] | None = None, **params: Any) -> Reply:
        """A status below 500 is an answer; what it means is the caller's to know."""
        return self.ask_all([request(method, *path, body=body, **params)])[0]

    def ask_all(self, requests: Sequence[Request]) -> list[Reply]:
        """In order, a later one whatever became of an earlier; together where this thread listens."""
        spoken: Way | None = getattr(self._mine, "spoken", None)
        if spoken is not None and spoken.usable():
            return spoken.ask(requests)
        return self._by_http(requests)

    def speak_over(self, way: Way) -> None:
        """From now on this thread's requests, but for questions, go this way for as long as it can be used."""
        self._mine.spoken = way

    def _by_http(self, requests: Sequence[Request]) -> list[Reply]:
        conversation: _Conversation | None = getattr(self._mine, "conversation", None)
        if conversation is not None and not conversation.usable():
            conversation.close()
            conversation = None
        if conversation is None:
            self._mine.conversation = None
            conversation = self._mine.conversation = _Conversation(self)
        try:
            replies = conversation.ask(requests)
        except BaseException:
            # The reply may still come: nobody must take it for the reply to the next request.
            conversation.close()
            self._mine.conversation = None
            raise
        if any(reply.status in (401, 403) for reply in replies):
            raise CarrierUnreachable(f"{self.name} refuses our user or password for ARI")
        return replies

    def download(self, *path: str, into: BinaryIO) -> bool:
        """A file, on a connection of its own; False where there is none."""
        made = http.client.HTTPSConnection if self.secure else http.client.HTTPConnection
        connection = made(self.host, self.port, timeout=FILE_WITHIN)
        try:
            connection.request("GET", "/ari/" + "/".join(quote(part, safe="") for part in path), headers=self.headers)
            reply = connection.getresponse()
            if reply.status == 404:
                return False
            if reply.status != 200:
                raise CarrierTimeout(f"{self.name} answers {'/'.join(path)} with {reply.status}")
            shutil.copyfileobj(reply, into)
            if reply.length:  # what was announced and did not come
                raise CarrierTimeout(f"{self.name} has broken off in {'/'.join(path)}")
        except ConnectionRefusedError as refused:
            raise CarrierUnreachable(f"{self.name}: {refused.strerror}") from refused
        except (OSError, http.client.HTTPException) as broken:
            raise CarrierTimeout(f"{self.name} has broken off in {'/'.join(path)}") from broken
        finally:
            connection.close()
        return True

    def must(self, *path: str, **params: Any) -> Any:
        """What is asked for, which is always there: without it nothing may be concluded, least of all that there is nothing."""
        reply = self.question(*path, **params)
        if not reply.ok:
            raise CarrierTimeout(f"{self.name} answers {'/'.join(path)} with {reply.status}")
        return reply.said

    def question(self, *path: str, **params: Any) -> Reply:
        """Asks what changes nothing: once more where a kept connection ended without our having heard of it yet. Always by HTTP: a long
        listing would keep the events waiting."""
        asked = [request("GET", *path, **params)]
        try:
            return self._by_http(asked)[0]
        except CarrierTimeout as broken:
            if isinstance(broken.__cause__, TimeoutError):
                raise
            return self._by_http(asked)[0]
