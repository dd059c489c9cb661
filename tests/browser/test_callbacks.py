"""Schedule Callback in the browser: booked on a call, changed, refused, cancelled, and kept in My Callbacks."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Page, expect

from campaigns.models import Callback, Campaign, Lead
from tests.browser.by_keys import ByKeys
from tests.browser.looking import chooses, looks_well
from tests.browser.served import eventually

MADRID = ZoneInfo("Europe/Madrid")


@pytest.fixture
def connected(working: Page, maria: Lead) -> Page:
    Campaign.objects.update(wrap_up_policy="stay")
    expect(working.get_by_role("region", name="Call")).to_contain_text("Connected")
    return working


def local(**later: float) -> str:
    return f"{(datetime.now(UTC) + timedelta(**later)).astimezone(MADRID):%Y-%m-%dT%H:%M}"


def booked() -> Callback | None:
    return Callback.objects.filter(state="open").first()


def test_booked_by_keys_alone_changed_by_reopening_and_shown_as_mine(connected: Page, maria: Lead) -> None:
    keys = ByKeys(connected)
    keys.presses("Tab")
    keys.presses("Alt+B")
    window = connected.get_by_role("dialog", name="Schedule Callback")
    keys.is_at(window.get_by_label("Schedule Callback"))
    expect(window.get_by_label("To", exact=True).locator("option")).to_have_text(["Mobile - +34 600 00 00 01", "New Phone Number…"])
    keys.presses("Shift+Tab")  # round from the first to the last, and on
    keys.is_at(window.get_by_label("Note for the callback"))
    for _ in range(25):
        keys.presses("Tab")
        assert window.evaluate("(one) => one.contains(document.activeElement)"), "the focus stays in the window until it is left"
    keys.uses(window.get_by_role("button", name="Tomorrow 10:00"))
    expect(window.get_by_text(re.compile("^= .* your time · Madrid time, now"))).to_be_visible()
    expect(window.get_by_role("status")).to_have_text(re.compile("^Scheduled for .* your time$"))
    keys.uses(window.get_by_label("Personal Callback"), "Space")
    eventually(lambda: (found := booked()) and found.kind == "personal")
    found = booked()
    assert found
    assert f"{found.due_at.astimezone(MADRID):%H:%M}" == "10:00"
    expect(connected.get_by_role("button", name="Scheduled Callback")).to_be_visible()
    looks_well(connected, "schedule-callback")
    keys.presses("Escape")
    keys.is_at(connected.get_by_role("button", name="Scheduled Callback"))
    connected.reload()
    connected.get_by_role("button", name="Scheduled Callback").click()
    window.get_by_label("To", exact=True).select_option("New Phone Number…")
    window.get_by_label("Enter Phone Number").fill("612 345 678")
    expect(window.get_by_label("To", exact=True)).to_contain_text("Mobile - +34 •••")
    eventually(lambda: (found := booked()) and found.phone and found.phone.e164 == "+34612345678")
    looks_well(connected, "schedule-callback-new-number")
    connected.get_by_role("button", name="Hang up").click()
    chooses(connected, "Call again later")
    connected.get_by_role("button", name="Done and Stop").click()
    mine = connected.get_by_role("region", name="My Callbacks")
    expect(mine).to_contain_text("Maria Lopez")
    expect(mine).to_contain_text("You have stopped this campaign: it waits until you ask for its records again.")
    looks_well(connected, "my-callbacks")
    mine.get_by_role("button", name="Change Maria Lopez").click()
    mine.get_by_label(re.compile("^At")).fill(local(minutes=4))
    mine.get_by_role("button", name="Save").click()
    expect(connected.get_by_text(re.compile("You promised to call Maria Lopez in [345] min. and have stopped Spring renewal"))).to_be_visible()
    connected.get_by_role("tab", name="My Callbacks").press("ArrowRight")
    day = connected.get_by_role("tabpanel", name="My Day")
    expect(day.get_by_text("Persons reached")).to_be_visible()
    expect(day.locator("dl > div", has_text="Callbacks promised")).to_contain_text("1")
    looks_well(connected, "my-day")
    connected.get_by_role("tab", name="My Callbacks").click()
    mine.get_by_role("button", name="Cancel Maria Lopez").click()
    expect(mine).to_have_count(0)
    maria.refresh_from_db()
    assert Callback.objects.get().state == "cancelled"


def test_a_time_that_has_passed_blocks_done_until_it_is_fixed_or_cleared(connected: Page, maria: Lead) -> None:
    connected.get_by_role("button", name="Schedule Callback").click()
    window = connected.get_by_role("dialog", name="Schedule Callback")
    window.get_by_label("At", exact=True).fill(local(hours=-1))
    expect(window.get_by_role("alert")).to_contain_text("This time has passed")
    looks_well(connected, "schedule-callback-refused")
    connected.get_by_role("button", name="Hang up").click()
    chooses(connected, "Renewed")
    connected.get_by_role("button", name="Done", exact=True).click()
    expect(connected.get_by_text("This time has passed").first).to_be_visible()
    maria.refresh_from_db()
    assert maria.state == "busy"
    window.get_by_label("Schedule Callback").uncheck()
    expect(window.get_by_role("alert").get_by_text("This time has passed")).to_have_count(0)
    connected.get_by_role("button", name="Done", exact=True).click()
    expect(connected.get_by_role("heading", name="Waiting for the next call")).to_be_visible()
    assert not Callback.objects.exists()
