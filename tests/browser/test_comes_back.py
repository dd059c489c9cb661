"""A console whose web process was killed, whose network went, whose machine slept, which is open twice: the right screen within three seconds."""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from playwright.sync_api import BrowserContext, Page, expect

from agents.models import Agent, Interaction
from campaigns.models import Attempt, Lead
from dialer_project.local import places, processes, product
from dialer_project.local.supervisor import Child, Supervisor
from tests.browser.centre import Centre
from tests.browser.conftest import calls_maria
from tests.browser.looking import looks_well
from tests.browser.network import Network
from tests.browser.served import eventually

BACK_WITHIN = 3000  # milliseconds


class WebProcess:
    """The web as `make run` starts it, on the test's own servers, with the supervisor that starts it again."""

    def __init__(self, state: Path) -> None:
        self.port = processes.free_port()
        database = settings.DATABASES["default"]
        url = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{database['NAME']}").geturl()
        env = product.environment(state, port=self.port, urls={"DATABASE_URL": url, "REDIS_URL": os.environ["REDIS_URL"]})
        [web] = [one for one in product.programs(port=self.port, env=env, python=sys.executable) if one.name == "web"]
        self._supervisor = Supervisor(state)
        self._supervisor.start(web)
        self._over = threading.Event()
        self._watch = threading.Thread(target=self._look_after, daemon=True)
        self._watch.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def child(self) -> Child:
        return self._supervisor.children[0]

    def is_killed(self) -> None:
        assert self.child.process
        pid = self.child.process.pid
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: not processes.is_listening(self.port))

    def comes_back(self) -> None:
        eventually(lambda: processes.is_listening(self.port), within=40)

    def end(self) -> None:
        self._over.set()
        self._watch.join()
        self._supervisor.stop()
        self._supervisor.close()

    def _look_after(self) -> None:
        while not self._over.wait(0.05):
            self._supervisor.look_after()


@pytest.fixture
def process(web: object, tmp_path: Path) -> Iterator[WebProcess]:
    process = WebProcess(places.make_writable(tmp_path / "state"))
    yield process
    process.end()


def is_connected(page: Page) -> None:
    expect(page.get_by_role("region", name="Call")).to_contain_text("Connected", timeout=BACK_WITHIN)


def test_a_killed_web_process_is_started_again_and_the_console_is_back_with_the_call_and_the_note(
    console: Page, ana: Agent, centre: Centre, process: WebProcess
) -> None:
    centre.station("Desk 12")
    console.goto(f"{process.url}/console/")
    console.get_by_role("button", name="Start my shift").click()
    expect(console.get_by_text("Phone connected")).to_be_visible()
    console.get_by_role("button", name="Go Ready").click()
    expect(console.get_by_role("heading", name="Waiting for the next call")).to_be_visible()
    calls_maria(ana, centre)
    expect(console.get_by_role("region", name="Call")).to_contain_text("Connected")
    note = console.get_by_label("Note")
    note.fill("Asked for")
    eventually(lambda: Interaction.objects.get().note == "Asked for")
    note.press_sequentially(" the fam")  # nothing of this is saved yet
    process.is_killed()
    expect(console.get_by_role("alert").filter(has_text="Connection lost. Your call is still up")).to_be_visible()
    note.press_sequentially("ily plan")
    process.comes_back()
    expect(console.get_by_text("Connection lost.")).to_have_count(0, timeout=BACK_WITHIN)
    is_connected(console)
    expect(note).to_have_value("Asked for the family plan")
    eventually(lambda: Interaction.objects.get().note == "Asked for the family plan")
    assert Attempt.objects.get().concluded_at is None
    console.get_by_role("button", name="Hang up").click()
    expect(console.get_by_text(re.compile(r"Wrap-up: \d+ s left"))).to_be_visible()


def test_two_tabs_a_lost_network_and_a_machine_that_slept_end_on_the_right_screen(
    working: Page, maria: Lead, window: BrowserContext, centre: Centre
) -> None:
    expect(working.get_by_role("region", name="Call")).to_contain_text("Connected")
    first, second = working, window.new_page()
    networks = [Network(first), Network(second)]
    first.reload()
    is_connected(first)
    second.goto("/console/")
    is_connected(second)
    expect(first.get_by_role("heading", name="The console moved to another window")).to_be_visible()
    looks_well(first, "moved")
    first.get_by_role("button", name="Use it here").click()
    is_connected(first)
    expect(second.get_by_role("heading", name="The console moved to another window")).to_be_visible()
    second.get_by_role("button", name="Use it here").click()
    is_connected(second)
    expect(first.get_by_role("heading", name="The console moved to another window")).to_be_visible()

    window.set_offline(True)
    for network in networks:
        network.goes()
    expect(second.get_by_role("alert").filter(has_text="Connection lost. Your call is still up")).to_be_visible()
    expect(second.get_by_role("button", name="Hang up")).to_be_disabled()
    looks_well(second, "connection-lost")
    second.get_by_label("Note").fill("Typed in a tunnel")
    for network in networks:
        network.comes_back()
    window.set_offline(False)
    expect(second.get_by_text("Connection lost.")).to_have_count(0, timeout=BACK_WITHIN)
    is_connected(second)
    eventually(lambda: Interaction.objects.get().note == "Typed in a tunnel")
    expect(first.get_by_role("heading", name="The console moved to another window")).to_be_visible()
    assert second.get_by_role("region", name="Call").is_visible(), "the two tabs do not fight"

    # without the network, and then loaded anew: what was typed is not lost
    networks[1].goes()
    expect(second.get_by_role("alert").filter(has_text="Connection lost.")).to_be_visible()
    second.get_by_label("Note").fill("Typed before the reload")
    second.reload()
    networks[1].comes_back()
    is_connected(second)
    expect(second.get_by_label("Note")).to_have_value("Typed before the reload")
    eventually(lambda: Interaction.objects.get().note == "Typed before the reload")

    # asleep, while the customer hangs up: nobody has told either end of the connection that it is dead
    networks[1].falls_silent()
    window.set_offline(True)
    call = Interaction.objects.get().call_id
    assert call
    centre.world.far_hangs_up(call)
    eventually(lambda: Interaction.objects.get().phase == "wrap_up")
    window.set_offline(False)
    expect(second.get_by_text(re.compile("Wrap-up: "))).to_be_visible(timeout=BACK_WITHIN)
    expect(second.get_by_label("Note")).to_have_value("Typed before the reload")
