"""A real Chromium, a real server, a real database. Playwright lives for this folder alone: its event loop would trouble others."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from agents.models import Agent
from campaigns.models import Lead
from dialer_project.lib.redis import hot
from dialer_project.local import frontend
from telephony.drivers.simulated.script import Answers, seconds
from telephony.models import Node
from tests.browser.centre import Centre, opened
from tests.browser.served import WITHIN, Served, an_agent, cookie_of, reasons, served
from tests.chromium import chromium as launched

# of which it is not asked: a page has it where its context is granted it
MICROPHONE = ("--use-fake-device-for-media-stream",)

expect.set_options(timeout=WITHIN * 1000)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.django_db(transaction=True))


@pytest.fixture(scope="package")
def built(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The console, built once and only when its sources have changed."""
    frontend.build(tmp_path_factory.mktemp("frontend") / "build.log")


@pytest.fixture(scope="package")
def chromium(built: None) -> Iterator[Browser]:
    with launched("--autoplay-policy=no-user-gesture-required", *MICROPHONE) as browser:
        yield browser


@pytest.fixture(scope="package")
def _web(built: None) -> Iterator[Served]:
    with served() as web:
        yield web


@pytest.fixture
def web(_web: Served, chromium: Browser, transactional_db: None) -> Iterator[Served]:
    hot().flushdb()
    reasons()
    Node.objects.create(name="east", listening_until=datetime.now(UTC) + timedelta(hours=1), boot="one")
    yield _web
    _web.be_quiet()


@pytest.fixture
def ana(web: Served) -> Agent:
    return an_agent("Ana Silva")


@pytest.fixture
def window(web: Served, chromium: Browser) -> Iterator[BrowserContext]:
    """One person's browser. What its pages complain about fails the test."""
    context = chromium.new_context(base_url=web.url, viewport={"width": 1366, "height": 768}, locale="en-GB", reduced_motion="reduce")
    context.set_default_timeout(WITHIN * 1000)
    errors: list[str] = []
    context.on("weberror", lambda error: errors.append(str(error.error)))
    context.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    yield context
    context.close()
    complaints = [error for error in errors if "WebSocket" not in error and "403" not in error and "ERR_INTERNET_DISCONNECTED" not in error]
    assert complaints == []


@pytest.fixture
def page(window: BrowserContext) -> Page:
    return window.new_page()


@pytest.fixture
def console(page: Page, window: BrowserContext, web: Served, ana: Agent) -> Page:
    """A page that is signed in to the site as Ana, and not yet loaded: first comes what it is to show."""
    name, value = cookie_of(ana).split("=", 1)
    window.add_cookies([{"name": name, "value": value, "url": web.url}])
    return page


@pytest.fixture
def centre(web: Served) -> Iterator[Centre]:
    with opened() as centre:
        yield centre


@pytest.fixture
def sitting(console: Page, centre: Centre) -> Page:
    """Ana sits at a phone that stays connected, Not Ready."""
    centre.station("Desk 12")
    console.goto("/console/")
    console.get_by_role("button", name="Start my shift").click()
    expect(console.get_by_text("Phone connected")).to_be_visible()
    return console


@pytest.fixture
def working(sitting: Page) -> Page:
    """And is Ready."""
    sitting.get_by_role("button", name="Go Ready").click()
    expect(sitting.get_by_role("heading", name="Waiting for the next call")).to_be_visible()
    return sitting


@pytest.fixture
def maria(working: Page, ana: Agent, centre: Centre) -> Lead:
    """A progressive campaign calls Maria, who answers after a second and stays on the line."""
    return calls_maria(ana, centre)


def calls_maria(ana: Agent, centre: Centre) -> Lead:
    campaign = centre.campaign("Spring renewal", mode="progressive", agents=[ana], wrap_up_for=60)
    lead = centre.person(campaign, "Maria Lopez", "+34600000001", Answers(after=seconds(1)))
    centre.start(campaign)
    return lead
