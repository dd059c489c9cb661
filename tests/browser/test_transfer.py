"""An agent pauses the recording, consults somebody, and gives them the customer: by mouse and by keys."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from agents.models import Agent
from campaigns.models import Attempt, Destination, ThirdParty
from telephony.drivers.simulated.script import Answers, seconds
from telephony.models import Announcement, Recording
from tests.browser.centre import Centre
from tests.browser.looking import fits, no_axe_violations, picture
from tests.browser.served import eventually


@pytest.fixture(autouse=True)
def our_storage(settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = tmp_path


def test_from_a_paused_recording_to_a_customer_handed_over(working: Page, ana: Agent, centre: Centre) -> None:
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

    working.keyboard.press("Alt+T")
    expect(call.get_by_role("radio", name="Consult first")).to_be_focused()
    expect(call.get_by_role("button", name="Second line")).to_be_visible()
    no_axe_violations(working)
    picture(working, "transfer")
    call.get_by_label("Another number").fill("+34803123456")
    call.get_by_role("button", name="Dial", exact=True).click()
    expect(working.get_by_text("premium-rate")).to_be_visible()
    working.keyboard.press("Alt+T")
    call.get_by_role("button", name="Second line").click()
    others = call.get_by_role("list", name="Others in the conversation")
    expect(others).to_contain_text("Second line talks with you; the customer hears music")
    expect(call).to_contain_text("on hold")
    no_axe_violations(working)
    picture(working, "consulted")
    working.set_viewport_size({"width": 320, "height": 640})
    assert fits(working)
    working.set_viewport_size({"width": 1366, "height": 768})
    others.get_by_role("button", name="Bring all together").click()
    expect(others).to_contain_text("is in the conversation")
    others.get_by_role("button", name="Leave them to it").click()
    expect(call).to_contain_text("Handed over")
    picture(working, "handed-over")
    assert Attempt.objects.get().outcome is None
    eventually(lambda: Recording.objects.get().state == "stored")
    centre.world.far_hangs_up(Attempt.objects.get().pk)
    eventually(lambda: (Attempt.objects.get().outcome, ThirdParty.objects.get().state) == ("connected", "ended"))
