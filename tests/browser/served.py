"""The product's web, served on a real port from a thread of this process, on the test's own PostgreSQL and Redis."""

from __future__ import annotations

import contextlib
import gc
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import uvicorn
from asgiref.sync import SyncToAsync
from django.contrib.auth import get_user_model
from django.db import connections
from django.test import Client
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from agents import sockets
from agents.models import Agent, NotReadyReason, Session, Station

WITHIN = 20.0  # seconds anything may take on a busy machine


class Served:
    """A running web. One for all tests of a session; every test leaves it without open consoles."""

    def __init__(self) -> None:
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        config = uvicorn.Config(
            "dialer_project.asgi:application",
            ws_max_size=65536,
            lifespan="off",
            log_level="warning",
            timeout_graceful_shutdown=2,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True)
        self._thread.start()
        eventually(lambda: self._server.started)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def be_quiet(self) -> None:
        """Waits until every console is gone, and lets go of the database."""
        eventually(lambda: not any(house._open for house in list(sockets.House._by_loop.values())))
        together = threading.Barrier(sockets.THREADS)  # each of its threads, once: none takes two of these

        def let_go() -> None:
            together.wait(timeout=WITHIN)
            connections.close_all()

        for done in [sockets._threads.submit(let_go) for _ in range(sockets.THREADS)]:
            done.result(timeout=WITHIN)
        SyncToAsync.single_thread_executor.submit(connections.close_all).result(timeout=WITHIN)  # where sessions are looked up

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(timeout=WITHIN)
        self._socket.close()
        gc.collect()  # threads that have ended leave their database connections to it


@contextlib.contextmanager
def served() -> Iterator[Served]:
    web = Served()
    try:
        yield web
    finally:
        web.stop()


def eventually(holds: Callable[[], object], within: float = WITHIN) -> None:
    """Looks again and again until it holds."""
    limit = time.monotonic() + within
    while not holds():
        if time.monotonic() > limit:
            raise AssertionError("it did not come to hold in time")
        time.sleep(0.02)


def an_agent(name: str = "Ana Silva", *, staff: bool = False) -> Agent:
    first, last = name.split(" ", 1)
    user = get_user_model().objects.create_user(
        username=first.lower(), password="correct horse battery", first_name=first, last_name=last, is_staff=staff
    )
    agent = Agent.objects.create(user=user)
    Session.objects.get_or_create(agent=agent)
    return agent


def a_station(name: str = "Desk 12", leg_mode: str = Station.LegMode.PER_CALL) -> Station:
    return Station.objects.create(name=name, endpoint=f"sim/{name.replace(' ', '-').lower()}", leg_mode=leg_mode)


def reasons() -> None:
    """What a shift needs: the reasons the system sets, and two to choose."""
    for position, (code, label, system) in enumerate(
        [
            ("login", "Just signed in", True),
            ("no_answer", "No answer/record not accepted", True),
            ("connection_lost", "Connection lost", True),
            ("wrap_up_expired", "Wrap-up ran out", True),
            ("lunch", "Lunch", False),
            ("training", "Training", False),
        ]
    ):
        NotReadyReason.objects.update_or_create(code=code, defaults={"label": label, "system": system, "position": position})


def cookie_of(agent: Agent) -> str:
    client = Client()
    client.force_login(agent.user)
    return f"sessionid={client.cookies['sessionid'].value}"


class Screen:
    """A console without a browser: one websocket, and what it was told."""

    def __init__(self, web: Served, agent: Agent | None, *, origin: str | None = None, was: int | None = None) -> None:
        """was: the console that this page was before its connection was lost."""
        headers = {"Cookie": cookie_of(agent)} if agent else {}
        self._way = connect(
            f"ws://127.0.0.1:{web.port}/ws/agent/" + ("" if was is None else f"?console={was}"),
            additional_headers=headers,
            origin=Origin(origin or web.url),
            open_timeout=WITHIN,
            ping_interval=None,
        )

    def __enter__(self) -> Screen:
        self.socket: ClientConnection = self._way.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def hears(self, kind: str | None = None, within: float = WITHIN) -> dict[str, Any]:
        """The next message, or the next of that kind."""
        limit = time.monotonic() + within
        while True:
            message: dict[str, Any] = json.loads(self.socket.recv(timeout=max(0.01, limit - time.monotonic())))
            if kind in (None, message["type"]):
                return message

    def hears_nothing(self, of: str, within: float) -> bool:
        try:
            self.hears(of, within)
        except TimeoutError:
            return True
        return False

    def says(self, kind: str, **more: Any) -> None:
        self.socket.send(json.dumps({"type": kind, **more}))

    def asks(self, kind: str, command_id: str | None = None, **more: Any) -> dict[str, Any]:
        """Sends a command and returns its answer."""
        wanted = command_id or str(uuid4())
        self.says(kind, id=wanted, **more)
        while (answer := self.hears("answer"))["id"] != wanted:
            pass
        return answer

    def closes_with(self, within: float = WITHIN) -> int:
        limit = time.monotonic() + within
        try:
            while True:
                self.socket.recv(timeout=max(0.01, limit - time.monotonic()))
        except ConnectionClosed as end:
            return end.rcvd.code if end.rcvd else 1006
