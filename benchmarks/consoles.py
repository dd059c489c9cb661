"""Many agents' consoles in one light process, as `benchmarks.screens` uses them: connected, beating, now and then saying something.

No Django here: it would cost the machine that is measured.
"""

import asyncio
import json
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from uuid import uuid4

from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin

HEARTBEAT = 5.0  # seconds, as the page's
CONNECT_AT_ONCE = 20


@dataclass
class Heard:
    """Moments by the monotonic clock, which all processes of a machine share. shown: (agent, version, moment) of each state."""

    connecting: float = 0.0
    shown: list[tuple[int, int, float]] = field(default_factory=list)
    answers: list[float] = field(default_factory=list)
    pongs: list[float] = field(default_factory=list)
    beats: int = 0
    lost: int = 0


class Console:
    def __init__(self, agent: int, cookie: str, heard: Heard) -> None:
        self.agent, self.cookie, self.heard = agent, cookie, heard
        self.version = -1
        self.asked: dict[str, float] = {}
        self.beaten = 0.0
        self.socket: ClientConnection | None = None

    async def opens(self, url: str, origin: str) -> None:
        self.socket = await connect(
            f"{url}/ws/agent/",
            additional_headers={"Cookie": f"sessionid={self.cookie}"},
            origin=Origin(origin),
            compression=None,
            ping_interval=None,
            open_timeout=30,
        )

    async def listens(self) -> None:
        assert self.socket is not None
        async for text in self.socket:
            now = time.monotonic()
            message = json.loads(text)
            match message["type"]:
                case "state":
                    self.version = max(self.version, message["version"])
                    self.heard.shown.append((self.agent, message["version"], now))
                case "pong" | "ping":
                    self.heard.pongs.append(now - self.beaten)
                case _ if (asked := self.asked.pop(message.get("id", ""), None)) is not None:
                    self.heard.answers.append(now - asked)
        self.heard.lost += 1

    async def beats(self) -> None:
        await asyncio.sleep(random.random() * HEARTBEAT)
        while self.socket is not None:
            self.beaten = time.monotonic()
            self.heard.beats += 1
            await self.socket.send(json.dumps({"type": "ping", "version": self.version}))
            await asyncio.sleep(HEARTBEAT)

    async def says(self, interaction: str, note: str) -> None:
        assert self.socket is not None
        wanted = str(uuid4())
        self.asked[wanted] = time.monotonic()
        await self.socket.send(json.dumps({"type": "save_note", "id": wanted, "interaction": interaction, "note": note}))


def run(line: Connection, url: str, origin: str, agents: Sequence[tuple[int, str, str]]) -> None:
    """In a process of its own. agents: (id, session cookie, id of the work in hand). Told over `line`, in this order: connect (answers with
    nothing), a number of commands per second and for how many seconds (any number of times; answers with what was heard), None: the end."""
    asyncio.run(_run(line, url, origin, agents))


async def _run(line: Connection, url: str, origin: str, agents: Sequence[tuple[int, str, str]]) -> None:
    heard = Heard()
    consoles = [Console(agent, cookie, heard) for agent, cookie, _ in agents]
    work = {agent: interaction for agent, _, interaction in agents}
    gate = asyncio.Semaphore(CONNECT_AT_ONCE)

    async def opens(console: Console) -> None:
        async with gate:
            await console.opens(url, origin)

    began = time.monotonic()
    await asyncio.gather(*(opens(console) for console in consoles))
    connecting = time.monotonic() - began
    tasks = [asyncio.create_task(each) for console in consoles for each in (console.listens(), console.beats())]
    line.send(connecting)
    loop = asyncio.get_running_loop()
    while (order := await loop.run_in_executor(None, line.recv)) is not None:
        rate, lasts = order
        fresh = Heard(connecting=connecting)
        for console in consoles:
            console.heard = fresh
        await _speak(consoles, work, rate=rate, until=time.monotonic() + lasts)
        await asyncio.sleep(1)  # the last answers are on their way
        line.send(fresh)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*(console.socket.close() for console in consoles if console.socket), return_exceptions=True)


async def _speak(consoles: Sequence[Console], work: dict[int, str], *, rate: float, until: float) -> None:
    due = time.monotonic()
    while (now := time.monotonic()) < until:
        if not rate:
            await asyncio.sleep(until - now)
            return
        due += random.expovariate(rate)
        await asyncio.sleep(max(0.0, due - now))
        console = random.choice(consoles)
        await console.says(work[console.agent], f"said at {due:.3f}")
