"""The console's own page code in a Node process, and the server's own end of its websocket, joined by a wire that a test may cut or muddle."""

from __future__ import annotations

import json
import random
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from agents import console, messages
from agents.live import presence
from agents.models import Agent
from campaigns.consumers import AgentConsole
from dialer_project.local import frontend, wheels
from tests.floor import Floor, Someone

Told = dict[str, Any]
BOOT = {"agent": "", "protocol": messages.PROTOCOL, "heartbeat": messages.HEARTBEAT, "silence": messages.SILENCE, "socket": "/ws/agent/"}

OPENS_SOON = 100  # milliseconds


@contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """Ready to load pages, one at a time; the console's sources as they are now."""
    bundle, tests = folder / "page.mjs", frontend.SOURCES / "tests"
    bundler = frontend.PACKAGES / "rolldown" / "bin" / "cli.mjs"
    node = str(wheels.node())
    made = [node, str(bundler), str(tests / "page.ts"), "--file", str(bundle), "--platform", "node", "--format", "esm"]
    subprocess.run(made, cwd=frontend.SOURCES, check=True, capture_output=True)
    with subprocess.Popen([node, str(tests / "pages.mjs"), str(bundle)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Browser(process)
        finally:
            process.kill()


class Browser:
    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def does(self, what: str, **more: object) -> Told:
        """One thing happens to the page; what it said meanwhile, and what it knows."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps({"do": what, **more}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the page's process ended"
        told: Told = json.loads(line)
        return told


class _Layer:
    """The channel layer as one process sees it: who else of this agent is connected here."""

    def __init__(self, tab: Tab) -> None:
        self.tab = tab

    async def group_add(self, group: str, channel: str) -> None: ...

    async def group_discard(self, group: str, channel: str) -> None: ...

    async def group_send(self, group: str, message: Told) -> None:
        self.tab.published.append(message)


class Tab:
    """One agent's console: its page, the wire, and the server's connection.

    What is published to the agent waits in `published`; `deliver` brings it to the server's connection in the way that `muddle` says, what
    the connection sends to the page, and what the page says back, until nothing is left. A wire may be cut after so many more messages.
    """

    def __init__(self, browser: Browser, agent: Agent, clock: Callable[[], datetime], run: Callable[[Any], Any]) -> None:
        self.browser, self.agent, self.clock, self._run = browser, agent, clock, run
        self.published: list[Told] = []
        self.muddle: Callable[[list[Any]], list[Any]] = lambda told: told
        self.cut_after: int | None = None
        self.notices_the_end = True
        self.there_is_a_server = True
        self._sent: list[Told] = []
        self._said: list[str] = []
        self._sockets = 0
        self._arrived = -1
        self._end: AgentConsole | None = None
        self._abandoned: list[AgentConsole] = []  # the server thinks they are there
        self.knows: Told = {}
        self.loads(tab="new")

    # --- what happens to the page

    def loads(self, *, tab: str = "same") -> None:
        self._goes()
        self._sockets = 0
        self.browser.does("loads", boot=BOOT, tab=tab, at=self.clock().timestamp() * 1000)
        self._page("passes", milliseconds=0)

    def asks(self, kind: str, **more: object) -> None:
        self._page("asks", wish={"type": kind, **more})
        self.deliver()

    def does(self, what: str, **more: object) -> None:
        """What an agent does at the page itself: types, chooses, presses Done."""
        self._page(what, **more)
        self.deliver()

    def beats(self) -> None:
        self._page("beats")
        self.deliver()

    def passes(self, seconds: float) -> None:
        left = round(seconds * 1000)
        while left > 0:  # a socket that the page opens is there soon after
            self._page("passes", milliseconds=min(left, OPENS_SOON))
            left -= OPENS_SOON
        self.deliver()

    def _page(self, what: str, **more: object) -> None:
        before = self._sockets
        told = self.browser.does(what, **more)
        self._said += told.pop("said")
        self._sockets = told.pop("opened")
        self.knows = told
        if self._sockets > before:
            self._goes()
            self._connects()

    # --- the wire

    def is_cut(self, *, noticed: bool = True) -> None:
        """Whatever was on its way is lost. `noticed`: the server learns of it."""
        if self._end is None:
            return
        self.notices_the_end = noticed
        self._goes()
        self._page("ends", code=1006)

    @property
    def shows_the_newest(self) -> bool:
        """Of what has come through on this wire, in whatever order."""
        return self._arrived == -1 or bool(self._arrived == self.knows["state"]["version"])

    def _goes(self) -> None:
        self._arrived = -1
        end, self._end = self._end, None
        self._sent, self._said, self.cut_after = [], [], None
        if end is None:
            return
        if self.notices_the_end:
            self._run(end.disconnect(1006))
        else:
            self._abandoned.append(end)
        self.notices_the_end = True

    def _connects(self) -> None:
        if not self.there_is_a_server:
            return self._page("ends", code=1006)
        end = AgentConsole()
        end.scope = {"user": self.agent.user}
        end.channel_layer, end.channel_name = _Layer(self), f"tab-{self._sockets}"

        async def send(message: Told) -> None:
            if end is self._end:
                self._sent.append(message)

        end.base_send = send
        self._end = end
        self._run(end.connect())
        self._page("opens")
        return None

    def is_heard(self) -> None:
        """As the server says of its open connections once a second."""
        if self._end is not None:
            presence.heard({self.agent.pk: self.clock()}, now=self.clock())

    def deliver(self) -> None:
        """Until everybody is silent."""
        for _ in range(500):
            published, self.published = self.muddle(self.published), []
            for message in published:
                for end in [*self._abandoned, *([self._end] if self._end else [])]:
                    self._run(end.dispatch(message))
            sent, self._sent = self._sent, []
            states = [message for message in sent if _is_state(message)]
            muddled = iter(self.muddle(states))
            for message in sent:
                # answers come in their order, as on any websocket; the states do not even that
                following = next(muddled, None) if _is_state(message) else message
                if following is not None and not self._arrives(following):
                    break
            for following in muddled:
                if not self._arrives(following):
                    break
            said, self._said = self._said, []
            for text in said:
                if self._end is None or self._is_cut_now():
                    break
                self._end._left = 1000.0  # no patience is tried here: many seconds pass in one
                self._run(self._end.receive(text_data=text))
            if not (self.published or self._sent or self._said):
                return
        raise AssertionError("page and server talk without end")

    def _arrives(self, message: Told) -> bool:
        if self._end is None or self._is_cut_now():
            return False
        match message["type"]:
            case "websocket.send":
                if _is_state(message):
                    self._arrived = max(self._arrived, json.loads(message["text"])["version"])
                self._page("hears", text=message["text"])
            case "websocket.close":
                self._goes()
                self._page("ends", code=int(message.get("code") or 1000))
        return self._end is not None

    def _is_cut_now(self) -> bool:
        if self.cut_after is None:
            return False
        self.cut_after -= 1
        if self.cut_after > 0:
            return False
        self.is_cut(noticed=self.notices_the_end)
        return True


def _is_state(message: Told) -> bool:
    return bool(message["type"] == "websocket.send" and json.loads(message["text"])["type"] == "state")


class Muddle:
    """Some lost, some twice, in any order."""

    def __init__(self, seed: int, *, lost: float = 0.3, doubled: float = 0.2) -> None:
        self._chance, self._lost, self._doubled = random.Random(seed), lost, doubled

    def __call__(self, told: list[Any]) -> list[Any]:
        kept = [one for one in told if self._chance.random() >= self._lost]
        kept += [one for one in kept if self._chance.random() < self._doubled]
        self._chance.shuffle(kept)
        return kept


def opened(floor: Floor, browser: Browser, someone: Someone, run: Callable[[Any], Any], patch: pytest.MonkeyPatch) -> Tab:
    """Somebody's console on the virtual floor, by its clock. Their screen shows what is offered; the floor does no longer say so for it."""
    floor.shows_offers = False
    for module in ("agents.sockets", "campaigns.consumers", "campaigns.screens", "agents.console"):
        patch.setattr(f"{module}.timezone", SimpleNamespace(now=lambda: floor.now))
    tab = Tab(browser, someone.agent, lambda: floor.now, run)
    publish = console._publish

    def witnessed(said: Any) -> None:
        tab.published += [message for agent_id, _, message in said if agent_id == someone.id]
        publish(said)

    patch.setattr(console, "_publish", witnessed)
    tab.deliver()
    return tab


def fresh(screen: console.Screen, *, now: datetime) -> Told:
    state: Told = json.loads(console.state(screen, now=now))
    return state
