"""A web of the centre's, and Chromium with a microphone that says beep, as an agent has it at the desk."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

from agents.models import Agent, User
from dialer_project.lib.redis import hot, key
from dialer_project.local import processes
from telephony.models import Call
from tests.browser.served import cookie_of
from tests.chaos.centre import Someone
from tests.telephony.centre import RealCentre

MICROPHONE = (
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    # Chromium leaves the loopback out of a call's ways, and Asterisk offers nothing else here
    "--allow-loopback-in-peer-connection",
)
# keeps every connection a page makes, so that a test can ask what the browser has counted of it
KEEPS_CONNECTIONS = """
    window.connections = [];
    window.RTCPeerConnection = class extends RTCPeerConnection {
        constructor(...how) { super(...how); window.connections.push(this); }
    };
"""
COUNTS = """
    async () => {
        const open = window.connections.filter((each) => each.connectionState === 'connected').at(-1);
        const told = { in: 0, out: 0, energy: 0 };
        for (const each of open ? (await open.getStats()).values() : []) {
            if (each.type === 'inbound-rtp') { told.in += each.bytesReceived; told.energy += each.totalAudioEnergy ?? 0; }
            if (each.type === 'outbound-rtp') told.out += each.bytesSent;
        }
        return told;
    }
"""


@contextmanager
def web_of(centre: RealCentre, folder: Path) -> Iterator[str]:
    """Uvicorn, as `make run` starts it; its address."""
    port = processes.free_port()
    argv = [sys.executable, "-m", "uvicorn", "dialer_project.asgi:application", "--port", str(port), "--ws-max-size", "65536"]
    running = processes.start(argv, env={**centre.env, "DATABASE_POOL": "1"}, log=folder / "web.log")
    try:
        centre.until(lambda: processes.is_listening(port), within=60, what="the web is up")
        yield f"http://127.0.0.1:{port}"
    finally:
        running.kill()
        running.wait()
        hot().delete(key("present"))  # the other tests' agents have no screens, and are not to be missed


@dataclass
class Desk:
    """An agent at a page that is their phone."""

    centre: RealCentre
    agent: Agent
    page: Page
    complaints: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, centre: RealCentre, browser: Browser, url: str, name: str) -> Desk:
        user, _ = User.objects.get_or_create(username=name.lower(), defaults={"first_name": name, "last_name": "Silva"})
        agent, _ = Agent.objects.get_or_create(user=user)
        context = browser.new_context(base_url=url, permissions=["microphone"], viewport={"width": 1366, "height": 768}, reduced_motion="reduce")
        context.set_default_timeout(20_000)
        context.add_init_script(KEEPS_CONNECTIONS)
        key, value = cookie_of(agent).split("=", 1)
        context.add_cookies([{"name": key, "value": value, "url": url}])
        desk = cls(centre, agent, context.new_page())
        context.on("weberror", lambda error: desk.complaints.append(str(error.error)))
        context.on("console", lambda message: desk.complaints.append(message.text) if message.type == "error" else None)
        return desk

    @property
    def someone(self) -> Someone:
        return Someone(self.centre, self.agent, self.agent.own_stations.get())

    def leg(self) -> Call:
        """The call that keeps the phone connected."""
        session = self.someone.session
        assert session.leg is not None
        return Call.objects.get(pk=session.leg)

    def heard_by_the_page(self) -> dict[str, float]:
        """What the browser has counted: bytes in, bytes out, energy of what came in."""
        told: dict[str, float] = self.page.evaluate(COUNTS)
        return told

    def counted_by_asterisk(self) -> dict[str, Any]:
        told = self.centre.exchange.ari.question("channels", str(self.leg().pk), "rtp_statistics")
        assert told.ok, told
        return dict(told.said)


def pages_known_to(centre: RealCentre) -> list[str]:
    """Whatever Asterisk keeps of pages' phones: endpoints, accounts, places to register, registrations."""
    told = [centre.exchange.server.cli(command) for command in ("pjsip show endpoints", "pjsip show auths", "pjsip show aors", "pjsip show contacts")]
    return [line.strip() for lines in told for line in lines.splitlines() if "browser-" in line]
