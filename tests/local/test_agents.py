"""The simulated agents: they do what the screen calls for, go home when somebody takes their desk, and end when told to."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import subprocess
import sys
import threading
import urllib.parse
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from agents import messages
from agents.rules.lifecycle import Doing, Phase
from dialer_project.local import agents
from dialer_project.local.places import PROJECT

DICE = random.Random(1)
LOGINS = [
    {"role": "administrator", "username": "admin", "password": "a", "address": "/admin/"},
    {"role": "agent", "username": "ana", "password": "b", "address": "/console/"},
    {"role": "agent", "username": "ben", "password": "c", "address": "/console/"},
]


class AtOnce(random.Random):
    """Nobody hesitates."""

    def uniform(self, a: float, b: float) -> float:
        return 0.0


def screen(version: int = 1, *, doing: str = "ready", signed_in: bool = True, work: dict[str, Any] | None = None) -> dict[str, Any]:
    session = {"doing": doing, "since": "2026-03-03T10:00:00Z", "signed_in": signed_in}
    return {"type": "state", "version": version, "session": session, "interaction": work}


def work(phase: str, id: str = "11111111-1111-4111-8111-111111111111") -> dict[str, Any]:
    return {"id": id, "phase": phase}


def kind(state: dict[str, Any]) -> str | None:
    act = agents.next_act(state, DICE)
    return act.kind if act else None


def test_what_an_agent_does_follows_from_the_screen() -> None:
    assert kind(screen(signed_in=False, doing=Doing.SIGNED_OUT)) == "sign_in"
    assert kind(screen(doing=Doing.NOT_READY)) == "go_ready"
    assert kind(screen(doing=Doing.READY)) is None
    assert {phase: kind(screen(work=work(phase))) for phase in Phase if phase is not Phase.CLOSED} == {
        Phase.OFFERED: "accept",
        Phase.PREVIEW: None,
        Phase.CHECKING: None,
        Phase.RINGING_AGENT: "accept",
        Phase.DIALING: None,
        Phase.CONNECTING: None,
        Phase.CONNECTED: "hang_up",
        Phase.WRAP_UP: "finish",
    }


def test_the_numbers_they_go_by_are_the_servers() -> None:
    assert (agents.PROTOCOL, agents.HEARTBEAT, agents.SILENCE) == (messages.PROTOCOL, messages.HEARTBEAT, messages.SILENCE)
    closed = messages.Closed
    assert (agents.SIGNED_OUT, agents.NO_AGENT, agents.REPLACED) == (closed.SIGNED_OUT, closed.NO_AGENT, closed.REPLACED)


def test_an_agent_sits_where_they_sat_last_else_at_their_own_else_at_a_free_station() -> None:
    names = {1: "ana", 2: "ben", 3: "spare"}
    stations: list[dict[str, Any]] = [{"id": number, "name": name, "kind": "sip", "taken": name == "ana"} for number, name in names.items()]
    stations.append({"id": None, "name": "", "kind": "webrtc", "taken": False})  # a program is no page
    assert agents.choose_station({"station": 3, "stations": stations}, "ben") == 3
    assert agents.choose_station({"station": 1, "stations": stations}, "ben") == 2
    assert agents.choose_station({"station": None, "stations": stations}, "zoe") == 2
    assert agents.choose_station({"station": 1, "stations": stations[:1]}, "ana") is None


def test_a_disposition_comes_with_a_note_where_one_is_asked_for_and_never_promises_a_call() -> None:
    known = [{"id": n, "kind": k, "note_required": True} for n, k in enumerate(["callback", "success", "not_interested", "other"])]
    chosen = [agents.choose_disposition({"dispositions": known}, DICE) for _ in range(200)]
    assert {one for one, _ in chosen} == {1, 2, 3}
    assert all(note for _, note in chosen)
    assert agents.choose_disposition({"dispositions": known[:1]}, DICE) == (None, "")


def test_the_desk_of_the_person_at_the_screen_is_left_alone() -> None:
    assert agents.wanted(LOGINS, only=[], leave=["ana"]) == [("ben", "c")]
    assert agents.wanted(LOGINS, only=["ana"], leave=["ana"]) == [("ana", "b")]


class Server:
    """Says states and writes down what it is asked; `after` tells the next state for a command, or a close code."""

    def __init__(self, after: Callable[[dict[str, Any]], dict[str, Any] | int | None], first: dict[str, Any]) -> None:
        self.after, self.first = after, first
        self.asked: list[dict[str, Any]] = []
        self.cookies: list[str] = []

    async def __call__(self, socket: ServerConnection) -> None:
        assert socket.request is not None
        self.cookies.append(socket.request.headers["Cookie"])
        await socket.send(json.dumps(self.first))
        async for text in socket:
            command = json.loads(text)
            messages.client_command.validate_python(command)
            self.asked.append(command)
            if "id" in command:
                data = {
                    "choices": {"station": 7, "stations": [{"id": 7, "name": "ben", "kind": "sip", "taken": False}]},
                    "record": {"dispositions": [{"id": 5, "kind": "success", "note_required": True}]},
                }.get(command["type"])
                await socket.send(json.dumps({"type": "answer", "id": command["id"], "ok": True, "sentence": None, "data": data}))
            match self.after(command):
                case int(code):
                    await socket.close(code)
                case dict(state):
                    await socket.send(json.dumps(state))

    def kinds(self) -> list[str]:
        return [command["type"] for command in self.asked if command["type"] != "ping"]


async def sit(server: Server) -> None:
    """Ben works at this server until it sends him home."""
    async with serve(server, "127.0.0.1", 0) as listening:
        port = next(iter(listening.sockets)).getsockname()[1]
        ben = agents.Desk(f"http://127.0.0.1:{port}", "ben", "c")
        ben.dice, ben.cookies = AtOnce(2), "sessionid=s"
        await asyncio.wait_for(ben.work(), 20)


async def test_an_agent_goes_through_a_whole_call_and_home_when_the_desk_is_taken() -> None:
    steps: dict[str, dict[str, Any] | int] = {
        "sign_in": screen(2, doing="not_ready"),
        "go_ready": screen(3, work=work("ringing_agent")),
        "accept": screen(4, work=work("connected")),
        "hang_up": screen(5, work=work("wrap_up")),
        "finish": agents.REPLACED,
    }
    server = Server(lambda command: steps.get(command["type"]), screen(1, signed_in=False))
    await sit(server)
    assert server.kinds() == ["hello", "choices", "sign_in", "go_ready", "accept", "hang_up", "record", "finish"]
    finish = server.asked[-1]
    assert (finish["disposition"], finish["interaction"]) == (5, work("wrap_up")["id"])
    assert finish["note"]
    assert next(command["station"] for command in server.asked if command["type"] == "sign_in") == 7
    assert server.cookies == ["sessionid=s"]


async def test_an_older_state_that_comes_late_changes_nothing() -> None:
    seen: list[str] = []

    def after(command: dict[str, Any]) -> dict[str, Any] | int | None:
        seen.append(command["type"])
        return agents.REPLACED if command["type"] == "ping" else screen(8, work=work("connected")) if command["type"] == "hello" else None

    server = Server(after, screen(9, doing="ready"))
    await sit(server)
    assert "hang_up" not in seen


async def test_a_lost_connection_is_opened_again() -> None:
    closes = iter([1013, 1013, agents.REPLACED])
    server = Server(lambda command: next(closes) if command["type"] == "hello" else None, screen(1))
    await sit(server)
    assert server.kinds() == ["hello"] * 3


@pytest.fixture
def pages() -> Iterator[tuple[str, list[dict[str, list[str]]]]]:
    """A sign-in page that knows ben."""
    posted: list[dict[str, list[str]]] = []

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Set-Cookie", "csrftoken=t0ken; Path=/")
            self.end_headers()

        def do_POST(self) -> None:
            form = urllib.parse.parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            posted.append(form)
            self.send_response(200)
            if form["password"] == ["c"] and "csrftoken=t0ken" in self.headers["Cookie"]:
                self.send_header("Set-Cookie", "sessionid=s; Path=/")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Pages)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", posted
    server.shutdown()
    server.server_close()


def test_signing_in_is_what_a_browser_does(pages: tuple[str, list[dict[str, list[str]]]]) -> None:
    url, posted = pages
    assert set(agents.sign_in(url, "ben", "c").split("; ")) == {"csrftoken=t0ken", "sessionid=s"}
    assert (posted[0]["username"], posted[0]["csrfmiddlewaretoken"]) == (["ben"], ["t0ken"])
    with pytest.raises(agents.NotLetIn):
        agents.sign_in(url, "ben", "wrong")


def test_a_wrong_password_is_said_once_and_not_tried_again(pages: tuple[str, list[dict[str, list[str]]]], capsys: pytest.CaptureFixture[str]) -> None:
    url, posted = pages
    asyncio.run(agents.Desk(url, "ben", "wrong").work())
    assert len(posted) == 1
    assert "was not let in" in capsys.readouterr().out


def test_sigterm_ends_them_at_once_even_while_nothing_answers(tmp_path: Path) -> None:
    logins = tmp_path / "logins.json"
    logins.write_text(json.dumps(LOGINS))
    command = [sys.executable, "-m", "dialer_project.local.agents", "--url", "http://127.0.0.1:9", "--logins", str(logins)]
    playing = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert playing.stdout is not None
    assert "ben: cannot reach the console, and keeps trying" in playing.stdout.readline()
    playing.send_signal(signal.SIGTERM)
    rest, _ = playing.communicate(timeout=5)
    assert (playing.returncode, rest) == (0, "")


def test_logins_that_are_not_there_are_named_with_the_remedy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert agents.main(["--url", "http://127.0.0.1:9", "--logins", str(tmp_path / "none.json")]) == 1
    assert "Load the demo first" in capsys.readouterr().err
