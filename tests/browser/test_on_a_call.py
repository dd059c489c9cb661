"""What an agent does while somebody is on the line, by mouse and by keys."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from agents.models import Agent, Interaction
from campaigns.models import Attempt, Lead
from telephony.drivers.simulated.script import Machine, seconds
from telephony.models import Announcement
from tests.browser.by_keys import ByKeys
from tests.browser.centre import Centre
from tests.browser.looking import looks_well
from tests.browser.served import eventually


@pytest.fixture
def connected(working: Page, maria: Lead) -> Page:
    expect(working.get_by_role("region", name="Call")).to_contain_text("Connected")
    return working


def test_hold_mute_and_keys_stay_in_their_places_and_say_what_they_have_done(connected: Page) -> None:
    call = connected.get_by_role("region", name="Call")
    keys = ByKeys(connected)
    expect(call.get_by_role("timer")).to_have_text(re.compile(r"^\d\d:\d\d$"))
    keys.uses(call.get_by_role("button", name="Hold"))
    expect(call).to_contain_text("on hold")
    keys.is_at(call.get_by_role("button", name="Resume"))
    keys.presses("Alt+M")
    expect(call).to_contain_text("muted")
    expect(call.get_by_role("button", name="Unmute")).to_be_visible()
    connected.reload()
    expect(call).to_contain_text("on hold")
    expect(call).to_contain_text("muted")
    connected.keyboard.press("Alt+O")
    expect(call.get_by_role("button", name="Hold")).to_be_visible()
    keys.presses("Alt+K")
    keys.is_at(call.get_by_role("button", name="1", exact=True))
    keys.types("42#")
    keys.uses(call.get_by_role("button", name="7", exact=True))
    expect(call.get_by_label("Keys sent")).to_have_text("42#7")
    looks_well(connected, "on-a-call")
    keys.presses("Escape")
    expect(call.get_by_label("Keys sent")).to_have_count(0)
    keys.is_at(call.get_by_role("button", name="Keypad"))
    keys.presses("Alt+H")
    expect(connected.get_by_text(re.compile("Wrap-up: "))).to_be_visible()
    keys.is_at(connected.get_by_role("heading", name="Maria Lopez"))
    expect(call.get_by_role("button", name="Hold")).to_be_disabled()
    work = Interaction.objects.get()
    assert (work.held, work.muted) == (False, False)


def test_a_message_left_on_a_machine_frees_its_agent_at_once(working: Page, ana: Agent, centre: Centre) -> None:
    voicemail = Announcement.objects.create(name="voicemail", media="sound:call-us")
    campaign = centre.campaign("Spring renewal", mode="progressive", agents=[ana], voicemail=voicemail, on_machine="connect")
    centre.person(campaign, "Maria Lopez", "+34600000001", Machine(after=seconds(1)))
    centre.start(campaign)
    call = working.get_by_role("region", name="Call")
    expect(call).to_contain_text("an answering machine was heard")
    looks_well(working, "answering-machine")
    call.get_by_role("button", name="Leave message").click()
    expect(working.get_by_role("heading", name="Waiting for the next call")).to_be_visible()
    eventually(lambda: Attempt.objects.get().outcome == "machine")
    assert Interaction.objects.get().closed_because == "message_left"


def test_the_list_of_keys_opens_with_a_question_mark_and_closes_with_escape(connected: Page) -> None:
    connected.get_by_role("heading", name="Maria Lopez").click()
    connected.keyboard.press("?")
    keys = connected.get_by_role("dialog", name="Keyboard shortcuts")
    expect(keys).to_contain_text("Hold, and resume")
    looks_well(connected, "shortcuts")
    connected.keyboard.press("Escape")
    expect(keys).to_be_hidden()
    connected.get_by_label("Note").press("?")
    expect(keys).to_be_hidden()
    expect(connected.get_by_label("Note")).to_have_value("?")
    connected.get_by_role("button", name=re.compile("Account of Ana")).click()
    connected.get_by_role("menuitem", name="Keyboard shortcuts").click()
    expect(keys).to_be_visible()
