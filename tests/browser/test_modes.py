"""Every dialing mode's journey from the agent's side, in a browser, with calls that really ring at the simulated carrier."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from agents.models import Agent, Interaction, Session
from campaigns.flow import call_back, control, do_not_call
from campaigns.models import Attempt, Lead, Participation, PhoneNumber, ZoneConfirmation
from telephony.drivers.simulated.script import Answers, Busy, seconds
from telephony.models import CallerId
from tests.browser.centre import Centre, now, opened
from tests.browser.looking import looks_well
from tests.browser.served import Served, eventually

DASH = "\N{EN DASH}"
TALKS = Answers(after=seconds(0.5))


@pytest.fixture
def centre(web: Served) -> Iterator[Centre]:
    with opened() as centre:
        yield centre


@pytest.fixture
def sitting(console: Page, ana: Agent, centre: Centre) -> Page:
    """Ana sits at a phone that stays connected, Not Ready."""
    centre.station("Desk 12")
    console.reload()
    console.get_by_role("button", name="Start my shift").click()
    expect(console.get_by_text("Phone connected")).to_be_visible()
    return console


def talks_and_is_done(page: Page, disposition: str = "Renewed") -> None:
    expect(page.get_by_role("region", name="Call")).to_contain_text("Connected")
    page.get_by_role("button", name="Hang up").click()
    expect(page.get_by_text(re.compile(r"Wrap-up: \d+ s left"))).to_be_visible()
    radio = page.get_by_label(disposition)

    def chosen() -> bool:
        if not radio.is_checked():
            radio.click(force=True)
        return radio.is_checked()

    eventually(chosen)
    page.get_by_role("button", name="Done", exact=True).click()


def test_preview_from_the_notice_to_done(sitting: Page, ana: Agent, centre: Centre) -> None:
    campaign = centre.campaign("Spring renewal", mode="preview", agents=[ana], description="Renew the yearly plan.", wrap_up_for=60)
    other = CallerId.objects.create(e164="+34911111111", label="Madrid office", verified=True)
    campaign.other_caller_ids.add(other)
    maria = centre.person(campaign, "Maria Lopez", "+34600000001", TALKS, company="Lopez & Daughters")
    PhoneNumber.objects.create(contact=maria.contact, e164="+34910000002", number_key="x", kind="work", position=1, zones=["Europe/Madrid"])
    centre.world.say("+34910000002", TALKS)
    centre.start(campaign)

    notice = sitting.get_by_role("article", name="Campaign Started: Spring renewal")
    expect(notice).to_be_visible()
    row = sitting.get_by_role("row", name=re.compile("Spring renewal"))
    expect(row).to_contain_text("Running")
    expect(row).to_contain_text("Manual")
    looks_well(sitting, "my-campaigns")
    notice.get_by_role("button", name="Get Record").click()

    expect(sitting.get_by_role("heading", name="Maria Lopez")).to_be_visible()
    expect(notice).to_be_hidden()
    call = sitting.get_by_role("region", name="Call")
    expect(call).to_contain_text("Preview")
    expect(sitting.get_by_role("radio", name=re.compile("600 00 00 01"))).to_be_checked()
    looks_well(sitting, "preview")
    record = sitting.get_by_role("complementary", name="Record")
    expect(record).to_contain_text(re.compile(r"Taken to be in Madrid, where it is \d\d:\d\d"))
    record.get_by_role("button", name="Confirm where the customer is").click()
    expect(record.get_by_label("They say they are in")).to_be_focused()
    record.get_by_label("They say they are in").select_option("Atlantic/Canary")
    looks_well(sitting, "where-the-customer-is")
    record.get_by_role("button", name="Save").click()
    expect(record.get_by_role("status")).to_contain_text("The customer said they are in Canary")
    assert ZoneConfirmation.objects.get().by == ana.user
    assert not Attempt.objects.exists()
    sitting.get_by_role("radio", name=re.compile("910 00 00 02")).check(force=True)
    sitting.get_by_label("Caller ID").select_option(label="+34 911 11 11 11 · Madrid office")
    sitting.keyboard.press("Alt+C")
    talks_and_is_done(sitting)
    expect(sitting.get_by_role("heading", name=f"Not Ready {DASH} Just signed in")).to_be_visible()
    attempt = Attempt.objects.get()
    assert (attempt.e164, attempt.outcome) == ("+34910000002", "connected")
    maria.refresh_from_db()
    assert maria.state == "final"


def test_a_preview_that_is_refused_declined_dialed_anew_and_stopped(sitting: Page, ana: Agent, centre: Centre) -> None:
    campaign = centre.campaign("Spring renewal", mode="preview", agents=[ana], wrap_up_for=60)
    maria = centre.person(campaign, "Maria Lopez", "+34600000001", TALKS)
    centre.start(campaign)
    sitting.get_by_role("button", name="OK").click()
    sitting.keyboard.press("Alt+G")
    expect(sitting.get_by_role("heading", name="Maria Lopez")).to_be_visible()
    do_not_call.list_numbers(["+34600000001"], source="agent", now=now())
    sitting.get_by_role("button", name="Call", exact=True).click()
    expect(sitting.get_by_role("alert").filter(has_text="The phone number is on the Do-Not-Call list")).to_be_visible()
    looks_well(sitting, "refused")

    sitting.get_by_role("button", name="Dial New Phone Number").click()
    window = sitting.get_by_role("dialog", name="Dial New Phone Number")
    looks_well(sitting, "new-number")
    window.get_by_label("Enter Phone Number").fill("622 22 22 22")
    window.get_by_label("Type").select_option("mobile")
    centre.world.say("+34622222222", Busy())
    window.get_by_label("Enter Phone Number").press("Enter")
    expect(sitting.get_by_role("region", name="Call")).to_contain_text("The line was busy")
    expect(sitting.get_by_text("1 of at most 6")).to_be_visible()
    looks_well(sitting, "not-reached")
    sitting.get_by_role("tab", name="Information").press("ArrowRight")
    expect(sitting.get_by_role("tab", name="History")).to_be_focused()
    expect(sitting.get_by_role("tabpanel", name="History").get_by_role("listitem")).to_contain_text("The line was busy")
    looks_well(sitting, "history")
    sitting.set_viewport_size({"width": 320, "height": 640})
    looks_well(sitting, "history-small")
    sitting.set_viewport_size({"width": 1366, "height": 768})
    sitting.get_by_label("This number").select_option("Fax machine")
    expect(sitting.get_by_text("It is not called again; other numbers of this contact are.")).to_be_visible()
    sitting.get_by_label("This number").scroll_into_view_if_needed()
    looks_well(sitting, "number-result")
    sitting.get_by_label("Call again later").check(force=True)
    sitting.get_by_role("button", name="Done and Stop").click()
    expect(sitting.get_by_role("heading", name=re.compile("Not Ready"))).to_be_visible()
    eventually(lambda: Participation.objects.get().state == "off")
    maria.refresh_from_db()
    # of two numbers one is on the list, and the other a fax
    assert (maria.state, Attempt.objects.get().e164) == ("final", "+34622222222")
    assert PhoneNumber.objects.get(e164="+34622222222").result == "fax"

    pedro = centre.person(campaign, "Pedro Ruiz", "+34600000003", TALKS)
    sitting.get_by_role("button", name="Get Record: Spring renewal").click()
    expect(sitting.get_by_role("heading", name="Pedro Ruiz")).to_be_visible()
    sitting.get_by_role("button", name="Decline").click()
    sitting.get_by_role("menuitem", name="Do not call this contact").click()
    expect(sitting.get_by_role("heading", name=re.compile("Not Ready"))).to_be_visible()
    pedro.refresh_from_db()
    assert (pedro.state, pedro.reason) == ("final", "excluded")


def test_the_countdown_dials_by_itself_unless_it_is_held(sitting: Page, ana: Agent, centre: Centre) -> None:
    campaign = centre.campaign("Spring renewal", mode="preview", agents=[ana], preview_for=30, wrap_up_for=60)
    centre.person(campaign, "Maria Lopez", "+34600000001", TALKS)
    centre.start(campaign)
    sitting.get_by_role("article").get_by_role("button", name="Get Record").click()
    expect(sitting.get_by_text(re.compile(r"Dials automatically in \d+ s")).first).to_be_visible()
    looks_well(sitting, "countdown")
    sitting.get_by_role("button", name="More time").click()
    expect(sitting.get_by_text(re.compile(r"Dials automatically in [345]\d s")).first).to_be_visible()
    sitting.get_by_role("button", name="Wait").click()
    expect(sitting.get_by_text(re.compile(r"Dials automatically"))).to_have_count(0)
    sitting.get_by_role("button", name="Done", exact=True).click()
    expect(sitting.get_by_role("heading", name=re.compile("Not Ready"))).to_be_visible()

    type(campaign).objects.filter(pk=campaign.pk).update(preview_for=1)
    Lead.objects.update(state="waiting", next_call_at=now())
    sitting.get_by_role("button", name="Get Record: Spring renewal").click()
    expect(sitting.get_by_role("region", name="Call")).to_contain_text("Connected")


def test_manual_customers_come_one_by_one(sitting: Page, ana: Agent, centre: Centre) -> None:
    campaign = centre.campaign("Door to door", mode="manual", agents=[ana], wrap_up_for=60)
    centre.person(campaign, "Maria Lopez", "+34600000001", TALKS)
    centre.start(campaign)
    sitting.get_by_role("button", name="OK").click()
    sitting.get_by_role("button", name="Run campaign: Door to door").click()
    sitting.get_by_role("button", name="Get customers: Door to door").click()
    expect(sitting.get_by_role("heading", name="Maria Lopez")).to_be_visible()
    sitting.get_by_role("button", name="Done", exact=True).click()
    expect(sitting.get_by_text("Process this customer first")).to_be_visible()
    sitting.get_by_role("button", name="Call", exact=True).click()
    talks_and_is_done(sitting)
    sitting.get_by_role("button", name="Get customers: Door to door").click()
    expect(sitting.get_by_text("No records available now")).to_be_visible()
    looks_well(sitting, "manual")
    while sitting.get_by_role("button", name=re.compile("Dismiss")).count():
        sitting.get_by_role("button", name=re.compile("Dismiss")).first.click()
    sitting.get_by_role("button", name="Close the window of Door to door").click()
    expect(sitting.get_by_role("button", name="Run campaign: Door to door")).to_be_visible()


def test_push_preview_is_offered_accepted_and_dialed(sitting: Page, ana: Agent, centre: Centre) -> None:
    campaign = centre.campaign("Warm leads", mode="push_preview", agents=[ana], wrap_up_for=60, reject_reason=True, when_rejected="ready")
    centre.person(campaign, "Maria Lopez", "+34600000001", TALKS, company="Lopez & Daughters")
    centre.start(campaign)
    notice = sitting.get_by_role("article", name="Campaign Started: Warm leads")
    expect(notice).to_contain_text("OK joins the campaign.")
    notice.get_by_role("button", name="OK").click()
    expect(sitting.get_by_role("row", name=re.compile("Warm leads"))).to_contain_text("switch Outbound preview on")
    sitting.get_by_role("button", name="Outbound preview").click()

    offer = sitting.get_by_role("dialog")
    expect(offer).to_contain_text("Lopez & Daughters")
    expect(offer.get_by_role("button", name="Accept")).to_be_focused()
    looks_well(sitting, "offer")
    offer.get_by_role("button", name="Reject").click()
    offer.get_by_label("Why do you reject it?").fill("She asked for Ben")
    looks_well(sitting, "offer-rejected")
    sitting.keyboard.press("Enter")
    eventually(lambda: Interaction.objects.filter(phase="closed", note="She asked for Ben").exists())
    expect(offer.get_by_role("button", name="Accept")).to_be_focused()
    sitting.keyboard.press("Enter")
    expect(sitting.get_by_role("region", name="Call")).to_contain_text("Preview")
    assert not Attempt.objects.exists()
    sitting.keyboard.press("Alt+C")
    talks_and_is_done(sitting)
    expect(sitting.get_by_role("heading", name="Waiting for the next call")).to_be_visible()


def test_power_brings_the_customer_who_has_answered(sitting: Page, ana: Agent, centre: Centre) -> None:
    campaign = centre.campaign("Flash sale", mode="power", agents=[ana], wrap_up_for=60, dial_ratio="2.0")
    centre.person(campaign, "Maria Lopez", "+34600000001", Answers(after=seconds(2)))
    centre.person(campaign, "Pedro Ruiz", "+34600000002", Busy())
    centre.start(campaign)
    sitting.get_by_role("button", name="OK").click()
    sitting.get_by_role("button", name="Go Ready").click()
    expect(sitting.get_by_role("heading", name="Waiting for the next call")).to_be_visible()
    eventually(lambda: Attempt.objects.count() == 2)
    expect(sitting.get_by_role("heading", name="Maria Lopez")).to_be_visible()
    talks_and_is_done(sitting)
    expect(sitting.get_by_role("heading", name="Waiting for the next call")).to_be_visible()


def test_who_called_in_vain_is_called_back_agent_first(sitting: Page, ana: Agent, centre: Centre) -> None:
    campaign = centre.campaign("Call-backs", mode="auto_callback", agents=[ana], wrap_up_for=60)
    centre.start(campaign)
    sitting.get_by_role("button", name="OK").click()
    sitting.get_by_role("button", name="Go Ready").click()
    centre.world.say("+34600000009", TALKS)
    call_back.call_back(call_back.Wanted(campaign.pk, "+34600000009", now(), "Maria"), now=now())
    alert = sitting.get_by_role("dialog")
    expect(alert.get_by_role("heading", name="Maria")).to_be_visible()
    alert.get_by_role("button", name="Accept").click()
    expect(
        sitting.locator("section", has=sitting.get_by_role("heading", name="Campaign Information")).get_by_label("Do not call back")
    ).to_be_visible()
    talks_and_is_done(sitting)
    expect(sitting.get_by_role("heading", name="Waiting for the next call")).to_be_visible()


def test_direct_push_preview_ignores_not_ready(sitting: Page, ana: Agent, centre: Centre) -> None:
    campaign = centre.campaign("Hot leads", mode="direct_push_preview", agents=[ana], wrap_up_for=60)
    centre.person(campaign, "Maria Lopez", "+34600000001", TALKS, fields={"plan": "Family 50"})
    centre.start(campaign)
    sitting.get_by_role("button", name="OK").click()
    sitting.get_by_role("button", name="Get Record: Hot leads").click()
    offer = sitting.get_by_role("dialog")
    expect(offer).to_contain_text("Family 50")
    expect(offer).to_contain_text("Accept dials at once.")
    looks_well(sitting, "direct-offer")
    offer.get_by_role("button", name="Accept").click()
    expect(sitting.get_by_role("region", name="Call")).to_contain_text("Connected")
    assert not Session.objects.get().voice_ready
    sitting.get_by_role("button", name="My Campaigns").click()
    sheet = sitting.get_by_role("dialog", name="My Campaigns")
    looks_well(sitting, "campaigns-over-the-call")
    sheet.get_by_role("button", name="Stop: Hot leads").click()
    expect(sheet.get_by_role("button", name="Get Record: Hot leads")).to_be_visible()
    sitting.keyboard.press("Escape")
    talks_and_is_done(sitting)
    expect(sitting.get_by_role("heading", name=re.compile("Not Ready"))).to_be_visible()
    control.stop(campaign, by=None, now=now())
    expect(sitting.get_by_role("article", name="Campaign Stopped: Hot leads")).to_be_visible()
