"""The simulated agents of `make run`: they sign in like anybody, answer, talk, say what came of it and go on.

    python -m dialer_project.local.agents --url http://127.0.0.1:8000 [--logins FILE] [--only ben,ella] [--leave ana]

What an agent does next follows from the state on the screen and from nothing else, so a reload, a lost connection or a restart changes
nothing. Who sits down at the desk of one of them in a browser has it: the newest console wins, and the simulated agent goes home.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import signal
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from uuid import uuid4

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Origin

PROTOCOL = 1
HEARTBEAT, SILENCE = 5.0, 15.0  # seconds
SIGNED_OUT, NO_AGENT, REPLACED = 4401, 4403, 4409  # close codes
ANSWER_WITHIN = 10.0
AGAIN_AFTER, AGAIN_AFTER_REFUSAL = 15.0, 3.0
LONGEST_WAIT = 10.0

# how often each kind of disposition is chosen after a conversation; a call back is for those who can say when
CHOSEN = {"success": 20, "not_interested": 38, "try_again": 12, "other": 15, "no_callback": 6, "wrong_number": 5, "do_not_call": 4}
NOTES = {
    "success": ("Very friendly.", "Wants the papers by mail.", "Signed for a year."),
    "not_interested": ("Is happy as it is.", "Too expensive, he says.", "No time now, and never."),
    "try_again": ("The line was bad.", "Was at the wheel."),
    "wrong_number": ("Somebody else lives there now.",),
    "do_not_call": ("Asked to be left alone.",),
}

Message = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Act:
    """What an agent will do `after` so many seconds; `about` is the same as long as the occasion is."""

    kind: str
    about: tuple[str, ...]
    after: float


def next_act(state: Message, dice: random.Random) -> Act | None:
    session, work = state["session"], state["interaction"]
    if not session["signed_in"]:
        return Act("sign_in", ("sign_in",), dice.uniform(0.2, 2))
    if work is None:
        return Act("go_ready", ("go_ready", str(session["since"])), dice.uniform(0.5, 4)) if session["doing"] == "not_ready" else None
    here = (work["id"], work["phase"])
    match work["phase"]:
        case "offered" | "ringing_agent":
            return Act("accept", here, dice.uniform(0.5, 2.5))
        case "connected":
            return Act("hang_up", here, dice.uniform(15, 60))
        case "wrap_up":
            return Act("finish", here, dice.uniform(2, 8))
    return None


def choose_station(menu: Message, username: str) -> int | None:
    """The one used last, else one's own, else any that nobody sits at. A page's own phone needs a page."""
    free = [station for station in menu["stations"] if not station["taken"] and station["kind"] != "webrtc"]
    ids = [station["id"] for station in free]
    if menu["station"] in ids:
        return int(menu["station"])
    own = [station["id"] for station in free if station["name"] == username]
    return next(iter([*own, *ids]), None)


def choose_disposition(details: Message, dice: random.Random) -> tuple[int | None, str]:
    """A disposition and a note to go with it."""
    known = [one for one in details["dispositions"] if one["kind"] in CHOSEN]
    if not known:
        return None, ""
    chosen = dice.choices(known, [CHOSEN[one["kind"]] for one in known])[0]
    notes = NOTES.get(chosen["kind"], ("As usual.",))
    return int(chosen["id"]), dice.choice(notes) if chosen["note_required"] or dice.random() < 0.6 else ""


class NotLetIn(Exception):
    """The sign-in page did not take this name and password."""


def sign_in(url: str, username: str, password: str) -> str:
    """Through the page, as a browser does it; returns the cookies of the session."""
    jar = CookieJar()
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    page = urllib.parse.urljoin(url, "/sign-in/")
    browser.open(page, timeout=10).close()
    token = next((cookie.value for cookie in jar if cookie.name == "csrftoken"), "") or ""
    form = {"username": username, "password": password, "csrfmiddlewaretoken": token, "next": "/healthz"}
    browser.open(urllib.request.Request(page, urllib.parse.urlencode(form).encode(), {"Referer": page}), timeout=10).close()
    if not any(cookie.name == "sessionid" for cookie in jar):
        raise NotLetIn
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in jar)


class Desk:
    """One agent: signs in, keeps the console open, and does what the screen calls for."""

    def __init__(self, url: str, username: str, password: str, *, seed: int = 0) -> None:
        self.url, self.username, self.password = url, username, password
        self.dice = random.Random(f"{seed} {username}")
        self.cookies = ""
        self._forget()

    def _forget(self) -> None:
        self.state: Message | None = None
        self.plan: tuple[float, Act] | None = None
        self.done: dict[tuple[str, ...], float] = {}  # occasion -> when it may be acted on again
        self.heard = self.beaten = time.monotonic()

    async def work(self) -> None:
        """Until somebody else takes the desk, or the process ends."""
        failures = 0
        while True:
            started = time.monotonic()
            try:
                if not self.cookies:
                    self.cookies = await asyncio.to_thread(sign_in, self.url, self.username, self.password)
                await self._sit()
            except NotLetIn:
                return self.say("was not let in: the name and password of the logins file are not those of the account")
            except ConnectionClosed as closed:
                match closed.rcvd.code if closed.rcvd else None:
                    case code if code == REPLACED:
                        return self.say("somebody else has this desk now")
                    case code if code == NO_AGENT:
                        return self.say("this account is no agent's")
                    case code if code == SIGNED_OUT:
                        self.cookies = ""
            except (OSError, InvalidHandshake, TimeoutError) as error:  # urllib's errors among them
                if failures == 3:
                    self.say(f"cannot reach the console, and keeps trying: {error or type(error).__name__}")
            failures = 0 if time.monotonic() - started > LONGEST_WAIT else failures + 1
            await asyncio.sleep(min(LONGEST_WAIT, 0.25 * 2**failures) * self.dice.uniform(0.5, 1))

    async def _sit(self) -> None:
        self._forget()
        address = urllib.parse.urljoin(self.url.replace("http", "ws", 1), "/ws/agent/")
        origin = Origin(self.url.rstrip("/"))  # the server hears only its own pages
        headers = {"Cookie": self.cookies}
        async with connect(address, origin=origin, additional_headers=headers, open_timeout=10, close_timeout=1) as socket:
            await self._ask(socket, {"type": "hello", "protocol": PROTOCOL})
            while True:
                await self._hear(socket, 0.2)
                await self._beat(socket)
                await self._act(socket)

    async def _act(self, socket: ClientConnection) -> None:
        now = time.monotonic()
        act = next_act(self.state, self.dice) if self.state else None
        if act is None or self.done.get(act.about, 0) > now:
            self.plan = None
        elif self.plan is None or self.plan[1].about != act.about:
            self.plan = (now + act.after, act)
        elif self.plan[0] <= now:
            self.plan = None
            answer = await self._carry_out(socket, act)
            if not answer["ok"]:
                self.say(f"{act.kind.replace('_', ' ')}: {answer['sentence']}")
            self.done = {act.about: time.monotonic() + (AGAIN_AFTER if answer["ok"] else AGAIN_AFTER_REFUSAL)}

    async def _carry_out(self, socket: ClientConnection, act: Act) -> Message:
        match act.kind:
            case "sign_in":
                menu = await self._ask(socket, {"type": "choices"})
                station = choose_station(menu["data"], self.username) if menu["ok"] else None
                if station is None:
                    return {"ok": False, "sentence": menu["sentence"] or "Somebody sits at every station."}
                return await self._ask(socket, {"type": "sign_in", "station": station})
            case "finish":
                details = await self._ask(socket, {"type": "record", "interaction": act.about[0]})
                disposition, note = choose_disposition(details["data"], self.dice) if details["ok"] else (None, "")
                return await self._ask(socket, {"type": "finish", "interaction": act.about[0], "disposition": disposition, "note": note})
            case "accept" | "hang_up":
                return await self._ask(socket, {"type": act.kind, "interaction": act.about[0]})
        return await self._ask(socket, {"type": act.kind})

    async def _ask(self, socket: ClientConnection, command: dict[str, Any]) -> Message:
        """The answer to one command; whatever else is said meanwhile is heard too."""
        command["id"] = str(uuid4())
        await socket.send(json.dumps(command))
        until = time.monotonic() + ANSWER_WITHIN
        while time.monotonic() < until:
            said = await self._hear(socket, 0.2)
            if said and said["type"] == "answer" and said["id"] == command["id"]:
                return said
            await self._beat(socket)
        return {"ok": False, "sentence": "The server did not answer."}

    async def _hear(self, socket: ClientConnection, seconds: float) -> Message | None:
        try:
            said: Message = json.loads(await asyncio.wait_for(socket.recv(), seconds))
        except TimeoutError:
            if time.monotonic() - self.heard > SILENCE:
                raise TimeoutError("the server fell silent") from None
            return None
        self.heard = time.monotonic()
        if said["type"] == "state" and (self.state is None or said["version"] >= self.state["version"]):
            self.state = said
        return said

    async def _beat(self, socket: ClientConnection) -> None:
        if time.monotonic() - self.beaten >= HEARTBEAT:
            self.beaten = time.monotonic()
            await socket.send(json.dumps({"type": "ping", "version": self.state["version"] if self.state else 0}))

    def say(self, what: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            print(f"{self.username}: {what}", flush=True)


def wanted(logins: Iterable[Message], *, only: Sequence[str], leave: Sequence[str]) -> list[tuple[str, str]]:
    """Names and passwords of the agents to be played. Who is named by --only is, whatever --leave says."""
    agents = [(str(login["username"]), str(login["password"])) for login in logins if login["role"] == "agent"]
    return [(name, password) for name, password in agents if (name in only if only else name not in leave)]


async def play(url: str, people: Sequence[tuple[str, str]], *, seed: int = 0) -> None:
    """All of them, until SIGTERM or SIGINT."""
    ending = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, ending.set)
    desks = [asyncio.create_task(Desk(url, name, password, seed=seed).work(), name=name) for name, password in people]
    try:
        await ending.wait()
    finally:
        for desk in desks:
            desk.cancel()
        for desk, ended in zip(desks, await asyncio.gather(*desks, return_exceptions=True), strict=True):
            if isinstance(ended, Exception):
                print(f"{desk.get_name()}: ended by {ended!r}", flush=True)


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m dialer_project.local.agents", description="Simulated agents for a running product.")
    parser.add_argument("--url", required=True, help="where it runs, such as http://127.0.0.1:8000")
    parser.add_argument("--logins", type=Path, default=Path(os.environ.get("STATE_DIR") or "var") / "demo-logins.json")
    parser.add_argument("--only", default="", metavar="NAME,…", help="play these and no others")
    parser.add_argument("--leave", default="ana", metavar="NAME,…", help="whose desk is left to the person at the screen (ana)")
    parser.add_argument("--seed", type=int, default=0, help="another one, other behaviour")
    told = parser.parse_args(argv)
    try:
        people = wanted(json.loads(told.logins.read_text()), only=told.only.split(",") if told.only else (), leave=told.leave.split(","))
    except (OSError, ValueError) as error:
        print(f"{told.logins} cannot be read ({error}). Load the demo first, or name its logins with --logins.", file=sys.stderr)
        return 1
    asyncio.run(play(told.url, people, seed=told.seed))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
