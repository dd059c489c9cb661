"""An agent pauses the recording, consults another agent and somebody outside, and gives them the customer: by mouse and by keys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from agents.desk import Done
from agents.models import Agent
from campaigns.flow import next_for, phone
from campaigns.models import Attempt, Destination, ThirdParty
from telephony.drivers.simulated.script import Answers, seconds
from telephony.models import Announcement, Recording
from tests.browser.centre import Centre, now
from tests.browser.looking import NARROW, USUAL, fits, no_axe_violations, picture, resized
from tests.browser.served import an_agent, cookie_of, eventually


@pytest.fixture(autouse=True)
def our_storage(settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def bens(working: Page, centre: Centre) -> Iterator[Page]:
    """The console of Ben, who is free at the desk beside."""
    ben = an_agent("Ben Costa")
    url = working.url.removesuffix("console/")
    assert working.context.browser is not None
    context = working.context.browser.new_context(base_url=url, viewport={"width": 1366, "height": 768}, reduced_motion="reduce")
    name, value = cookie_of(ben).split("=", 1)
    context.add_cookies([{"name": name, "value": value, "url": url}])
    page = context.new_page()
    page.goto("/console/")
    expect(page.get_by_role("button", name="Start my shift")).to_be_visible()
    assert isinstance(phone.sign_in(ben.pk, centre.station("Desk 13").pk, now=now()), Done)
    assert isinstance(next_for.go_ready(ben.pk, now=now()), Done)
    expect(page.get_by_text("Phone connected")).to_be_visible()
    yield page
    context.close()


def test_from_a_paused_recording_to_a_customer_handed_over(working: Page, bens: Page, ana: Agent, centre: Centre) -> None:
    Destination.objects.create(name="Second line", number="+34911000111", note="Contracts and bills, until six")
    Destination.objects.create(name="Complaints", number="+34911000112")
    Announcement.objects.create(name="Terms and conditions", media="sound:terms", in_conversation=True)
    centre.world.say("+34911000111", Answers(after=seconds(0.5)))
    campaign = centre.campaign("Spring renewal", mode="progressive", agents=[ana], wrap_up_for=60, recording="all", transfers="any")
    centre.person(campaign, "Maria Lopez", "+34600000001", Answers(after=seconds(1)))
    centre.start(campaign)
    call = working.get_by_role("region", name="Call")
    expect(call).to_contain_text("Connected")
    expect(call.get_by_text("recording", exact=True)).to_be_visible()
    working.get_by_role("heading", name="Maria Lopez").click()
    working.keyboard.press("Alt+P")
    expect(call).to_contain_text("recording paused")
    call.get_by_role("button", name="Resume recording").click()
    expect(call.get_by_role("button", name="Pause recording")).to_be_visible()
    call.get_by_role("button", name="Play message").click()
    working.get_by_role("menuitem", name="Terms and conditions to everybody").click()

    others = call.get_by_role("list", name="Others in the conversation")
    working.keyboard.press("Alt+T")
    call.get_by_role("button", name="Ben Costa").click()
    expect(others).to_contain_text("Ben Costa is being called; the customer hears music")
    alert = bens.get_by_role("dialog", name="Maria Lopez")
    expect(alert).to_contain_text("Ana Silva asks you to come into this call")
    no_axe_violations(bens)
    picture(bens, "asked-by-a-colleague")
    alert.get_by_role("button", name="Accept").click()
    expect(others).to_contain_text("Ben Costa talks with you; the customer hears music")
    expect(bens.get_by_role("heading", name="Maria Lopez")).to_be_visible()
    expect(bens.get_by_role("region", name="Call")).to_contain_text("In the conversation")
    expect(bens.get_by_role("button", name="Hold")).to_be_disabled()
    bens.keyboard.press("Alt+M")
    expect(bens.get_by_role("region", name="Call")).to_contain_text("muted")
    bens.get_by_role("button", name="Unmute").click()
    expect(bens.get_by_role("button", name="Mute", exact=True)).to_be_enabled()
    picture(bens, "come-to-a-colleague")
    others.get_by_role("button", name="Back to the customer").click()
    expect(bens.get_by_role("heading", name="Waiting for the next call")).to_be_visible()
    expect(others).to_be_hidden()

    working.keyboard.press("Alt+T")
    expect(call.get_by_role("radio", name="Consult first")).to_be_focused()
    expect(call.get_by_role("button", name="Second line")).to_be_visible()
    no_axe_violations(working)
    picture(working, "transfer")
    call.get_by_label("Another number").fill("+34803123456")
    call.get_by_role("button", name="Dial", exact=True).click()
    expect(working.get_by_text("premium-rate")).to_be_visible()
    expect(call.get_by_label("Another number")).to_have_value("+34803123456")
    call.get_by_role("button", name="Second line").click()
    expect(others).to_contain_text("Second line talks with you; the customer hears music")
    expect(call).to_contain_text("on hold")
    no_axe_violations(working)
    picture(working, "consulted")
    resized(working, NARROW)
    assert fits(working)
    resized(working, USUAL)
    others.get_by_role("button", name="Bring all together").click()
    expect(others).to_contain_text("is in the conversation")
    others.get_by_role("button", name="Leave them to it").click()
    expect(call).to_contain_text("Handed over")
    picture(working, "handed-over")
    assert Attempt.objects.get().outcome is None
    eventually(lambda: Recording.objects.get().state == "stored")
    centre.world.far_hangs_up(Attempt.objects.get().pk)
    eventually(lambda: (Attempt.objects.get().outcome, ThirdParty.objects.get(to_agent=None).state) == ("connected", "ended"))
