"""Every dialing mode's journey from the agent's side, in a browser, with calls that really ring at the simulated carrier."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from agents.models import Agent, Interaction, Session
from campaigns.flow import call_back, control, do_not_call
from campaigns.models import Attempt, Lead, Participation, PhoneNumber, ZoneConfirmation
from telephony.drivers.simulated.script import Answers, Busy, seconds
from telephony.models import CallerId
from tests.browser.by_keys import ByKeys
from tests.browser.centre import Centre, now
from tests.browser.looking import NARROW, USUAL, looks_well, resized
from tests.browser.served import an_agent, eventually

DASH = "\N{EN DASH}"
TALKS = Answers(after=seconds(0.5))


@pytest.fixture
def keys(console: Page) -> ByKeys:
    """Every mode's journey is made without a mouse."""
    return ByKeys(console)


def talks_and_is_done(keys: ByKeys, disposition: str = "Renewed") -> None:
    page = keys.page
    expect(page.get_by_role("region", name="Call")).to_contain_text("Connected")
    keys.hears("Connected")
    keys.sees_where_they_are()
    keys.presses("Alt+H")
    expect(page.get_by_text(re.compile(r"Wrap-up: \d+ s left"))).to_be_visible()
    keys.hears("Call ended")
    keys.sees_where_they_are()
    keys.presses("Alt+N")
    keys.types("Said so.")
    keys.presses("Alt+D")
    keys.presses("1")
    expect(page.get_by_label(disposition)).to_be_checked()
    keys.presses("Alt+Enter")


def acknowledges(keys: ByKeys, title: str) -> None:
    """OK of the notice with this title, which goes; F6 leads to it from anywhere."""
    notice = keys.page.get_by_role("article", name=title)
    expect(notice).to_be_visible()
    keys.presses("F6")
    keys.uses(notice.get_by_role("button", name="OK"))
    expect(notice).to_be_hidden()
    keys.sees_where_they_are()


def test_preview_from_the_notice_to_done(sitting: Page, keys: ByKeys, ana: Agent, centre: Centre) -> None:
    loaded = centre.campaign("Summer offers", mode="preview", agents=[ana])
    control.edited(loaded, by=None, now=now())
    control.approve(loaded, by=None, now=now())
    assert isinstance(control.load(loaded, by=None, now=now()), control.Moved)
    centre.campaign("Not loaded", mode="preview", agents=[ana])
    centre.start(centre.campaign("Of others", mode="preview", agents=[an_agent("Ben Ruiz")]))
    campaign = centre.campaign("Spring renewal", mode="preview", agents=[ana], description="Renew the yearly plan.", wrap_up_for=60)
    other = CallerId.objects.create(e164="+34911111111", label="Madrid office", verified=True)
    campaign.other_caller_ids.add(other)
    place = {"company": "Lopez & Daughters", "address": "Calle Mayor 1", "city": "Madrid"}
    maria = centre.person(campaign, "Maria Lopez", "+34600000001", TALKS, title="Dr", email="maria@example.com", **place)
    PhoneNumber.objects.create(contact=maria.contact, e164="+34910000002", number_key="x", kind="work", position=1, zones=["Europe/Madrid"])
    centre.world.say("+34910000002", TALKS)
    centre.start(campaign)

    notice = sitting.get_by_role("article", name="Campaign Started: Spring renewal")
    expect(notice).to_be_visible()
    table = sitting.get_by_role("table", name="My Campaigns")
    expect(table.get_by_role("columnheader")).to_have_text(["Status", "Name", "Delivery Mode", "Description", "Action"])
    row = table.get_by_role("row", name=re.compile("Spring renewal"))
    expect(row.locator("[role=cell], [role=rowheader]")).to_have_text(
        ["Running", "Spring renewal", re.compile("^Manual"), "Renew the yearly plan.", "Get Record"]
    )
    expect(table.get_by_role("row")).to_have_count(3)  # its head, this one, and the one that is loaded
    expect(table.get_by_role("row", name=re.compile("Summer offers"))).to_contain_text("Active")
    looks_well(sitting, "my-campaigns")
    keys.presses("F6")
    keys.uses(notice.get_by_role("button", name="Get Record"))

    keys.is_at(sitting.get_by_role("heading", name="Maria Lopez"))
    keys.hears("Preview")
    expect(notice).to_be_hidden()
    call = sitting.get_by_role("region", name="Call")
    expect(call).to_contain_text("Preview")
    expect(sitting.get_by_role("radio", name=re.compile("600 00 00 01"))).to_be_checked()
    looks_well(sitting, "preview")
    record = sitting.get_by_role("complementary", name="Record")
    information = record.get_by_role("tabpanel", name="Information").locator("dt")
    expect(information).to_have_text(["Title", "First name", "Last name", "Company", "Address", "E-mail", "Mobile", "Work"])
    expect(record).to_contain_text(re.compile(r"Taken to be in Madrid, where it is \d\d:\d\d"))
    where = record.get_by_role("button", name="Confirm where the customer is")
    expect(where).to_be_disabled()
    expect(where).to_have_accessible_description("Once you have spoken with them.")
    assert not Attempt.objects.exists()
    keys.goes_to(sitting.get_by_role("radio", name=re.compile("600 00 00 01")), back=True)
    keys.presses("ArrowRight")
    expect(sitting.get_by_role("radio", name=re.compile("910 00 00 02"))).to_be_checked()
    keys.uses(sitting.get_by_label("Caller ID"), "ArrowDown")
    expect(sitting.get_by_label("Caller ID").locator("option:checked")).to_have_text("+34 911 11 11 11 · Madrid office")
    keys.presses("Alt+C")
    expect(call).to_contain_text("Connected")
    keys.uses(where)
    keys.is_at(record.get_by_label("They say they are in"))
    keys.types("Canary")
    looks_well(sitting, "where-the-customer-is")
    keys.uses(record.get_by_role("button", name="Save"))
    expect(record.get_by_role("status")).to_contain_text("The customer said they are in Canary")
    keys.sees_where_they_are()
    assert ZoneConfirmation.objects.get().by == ana.user
    talks_and_is_done(keys)
    keys.is_at(sitting.get_by_role("heading", name=f"Not Ready {DASH} Just signed in"))
    keys.hears("Not Ready")
    attempt = Attempt.objects.get()
    assert (attempt.e164, attempt.outcome) == ("+34910000002", "connected")
    maria.refresh_from_db()
    assert maria.state == "final"


def test_a_preview_that_is_refused_declined_dialed_anew_and_stopped(sitting: Page, keys: ByKeys, ana: Agent, centre: Centre) -> None:
    campaign = centre.campaign("Spring renewal", mode="preview", agents=[ana], wrap_up_for=60)
    maria = centre.person(campaign, "Maria Lopez", "+34600000001", TALKS)
    centre.start(campaign)
    acknowledges(keys, "Campaign Started: Spring renewal")
    keys.presses("Alt+G")
    keys.is_at(sitting.get_by_role("heading", name="Maria Lopez"))
    expect(sitting.get_by_label("Caller ID")).to_have_count(0)  # there is nothing to choose from
    do_not_call.list_numbers(["+34600000001"], source="agent", now=now())
    keys.uses(sitting.get_by_role("button", name="Call", exact=True))
    expect(sitting.get_by_role("alert").filter(has_text=re.compile("^The phone number is on the Do-Not-Call list$"))).to_be_visible()
    keys.sees_where_they_are()
    looks_well(sitting, "refused")

    opener = sitting.get_by_role("button", name="Dial New Phone Number")
    window = sitting.get_by_role("dialog", name="Dial New Phone Number")
    keys.uses(opener)
    keys.is_at(window.get_by_label("Enter Phone Number"))
    looks_well(sitting, "new-number")
    expect(window.get_by_label("Type").locator("option")).to_have_text(["Mobile", "Home", "Work", "Other"])
    keys.presses("Escape")
    keys.is_at(opener)
    keys.presses("Enter")
    keys.is_at(window.get_by_label("Enter Phone Number"))
    # who leaves it and opens it again is faster than the browser's word that it was closed
    window.evaluate("async (it) => { it.requestClose(); await null; document.activeElement.click(); }")
    keys.is_at(window.get_by_label("Enter Phone Number"))
    keys.types("622 22 22 22")
    centre.world.say("+34622222222", Busy())
    keys.uses(window.get_by_label("Type"), "m")
    keys.uses(window.get_by_role("button", name="Dial", exact=True))
    expect(sitting.get_by_role("region", name="Call")).to_contain_text("The line was busy")
    keys.hears("The line was busy")
    keys.sees_where_they_are()
    expect(sitting.get_by_text("1 of at most 6")).to_be_visible()
    looks_well(sitting, "not-reached")
    # the next call is ordered, and dialed once it is said what came of this one
    keys.presses("Alt+C")
    asked = sitting.get_by_role("dialog", name="What came of the call before?")
    keys.is_at(asked.get_by_label("Disposition"))
    looks_well(sitting, "said-before")
    keys.types("Wants")
    expect(asked.get_by_label("Note")).to_be_visible()
    keys.presses("ArrowDown")
    keys.presses("ArrowDown")
    expect(asked.get_by_label("Note")).to_have_count(0)
    keys.uses(asked.get_by_role("button", name="Save and call"))
    eventually(lambda: Attempt.objects.filter(outcome="busy").count() == 2)
    expect(asked).to_have_count(0)
    expect(sitting.get_by_role("region", name="Call")).to_contain_text("The line was busy")
    expect(sitting.get_by_label("Call again later")).not_to_be_checked()
    expect(sitting.get_by_text("2 of at most 6")).to_be_visible()
    keys.uses(sitting.get_by_role("tab", name="Information"), "ArrowRight")
    keys.is_at(sitting.get_by_role("tab", name="History"))
    expect(sitting.get_by_role("tabpanel", name="History").get_by_role("listitem").nth(1)).to_contain_text("Call again later")
    looks_well(sitting, "history")
    resized(sitting, NARROW)
    looks_well(sitting, "history-small")
    resized(sitting, USUAL)
    sitting.get_by_label("This number").select_option("Fax machine")
    expect(sitting.get_by_text("It is not called again; other numbers of this contact are.")).to_be_visible()
    sitting.get_by_label("This number").scroll_into_view_if_needed()
    looks_well(sitting, "number-result")
    keys.presses("Alt+D")
    keys.presses("4")
    expect(sitting.get_by_label("Call again later")).to_be_checked()
    keys.presses("Alt+Shift+Enter")
    keys.is_at(sitting.get_by_role("heading", name=re.compile("Not Ready")))
    eventually(lambda: Participation.objects.get().state == "off")
    maria.refresh_from_db()
    # of two numbers one is on the list, and the other a fax
    assert maria.state == "final"
    assert [(one.e164, one.disposition and one.disposition.label) for one in Attempt.objects.all()] == [("+34622222222", "Call again later")] * 2
    assert PhoneNumber.objects.get(e164="+34622222222").result == "fax"

    pedro = centre.person(campaign, "Pedro Ruiz", "+34600000003", TALKS)
    keys.uses(sitting.get_by_role("button", name="Get Record: Spring renewal"))
    keys.is_at(sitting.get_by_role("heading", name="Pedro Ruiz"))
    keys.uses(sitting.get_by_role("button", name="Decline"))
    keys.is_at(sitting.get_by_role("menuitem", name="Call this contact later"))
    looks_well(sitting, "decline")
    keys.presses("ArrowDown")
    keys.is_at(sitting.get_by_role("menuitem", name="Do not call this contact"))
    keys.presses("Enter")
    keys.is_at(sitting.get_by_role("heading", name=re.compile("Not Ready")))
    pedro.refresh_from_db()
    assert (pedro.state, pedro.reason) == ("final", "excluded")


def test_the_countdown_dials_by_itself_unless_it_is_held(sitting: Page, keys: ByKeys, ana: Agent, centre: Centre) -> None:
    campaign = centre.campaign("Spring renewal", mode="preview", agents=[ana], preview_for=30, wrap_up_for=60)
    centre.person(campaign, "Maria Lopez", "+34600000001", TALKS)
    centre.start(campaign)
    sitting.get_by_role("article").get_by_role("button", name="Get Record").click()
    expect(sitting.get_by_text(re.compile(r"Dials automatically in \d+ s")).first).to_be_visible()
    looks_well(sitting, "countdown")
    keys.uses(sitting.get_by_role("button", name="More time"))
    expect(sitting.get_by_text(re.compile(r"Dials automatically in [345]\d s")).first).to_be_visible()
    keys.sees_where_they_are()
    keys.uses(sitting.get_by_role("button", name="Wait"), back=True)
    expect(sitting.get_by_text(re.compile(r"Dials automatically"))).to_have_count(0)
    keys.sees_where_they_are()
    keys.presses("Alt+Enter")
    expect(sitting.get_by_role("heading", name=re.compile("Not Ready"))).to_be_visible()

    type(campaign).objects.filter(pk=campaign.pk).update(preview_for=1)
    Lead.objects.update(state="waiting", next_call_at=now())
    sitting.get_by_role("button", name="Get Record: Spring renewal").click()
    expect(sitting.get_by_role("region", name="Call")).to_contain_text("Connected")


def test_manual_customers_come_one_by_one(sitting: Page, keys: ByKeys, ana: Agent, centre: Centre) -> None:
    campaign = centre.campaign("Door to door", mode="manual", agents=[ana], wrap_up_for=60)
    centre.person(campaign, "Maria Lopez", "+34600000001", TALKS)
    centre.start(campaign)
    acknowledges(keys, "Campaign Started: Door to door")
    run = sitting.get_by_role("button", name="Run campaign: Door to door")
    get = sitting.get_by_role("button", name="Get customers: Door to door")
    keys.uses(run)
    keys.is_at(get)
    keys.presses("Enter")
    keys.is_at(sitting.get_by_role("heading", name="Maria Lopez"))
    keys.presses("Alt+Enter")
    sentence = "Process this customer first: call them, schedule a callback, or say that they are not to be called."
    expect(sitting.get_by_role("alert").filter(has_text=re.compile(f"^{sentence}$"))).to_be_visible()
    keys.presses("Alt+C")
    talks_and_is_done(keys)
    keys.uses(get)
    expect(sitting.get_by_text("No records available now")).to_be_visible()
    keys.is_at(get)
    looks_well(sitting, "manual")
    while sitting.get_by_role("button", name=re.compile("Dismiss")).count():
        keys.uses(sitting.get_by_role("button", name=re.compile("Dismiss")).first)
    keys.uses(sitting.get_by_role("button", name="Close the window of Door to door"), back=True)
    keys.is_at(run)


def test_push_preview_is_offered_accepted_and_dialed(sitting: Page, keys: ByKeys, ana: Agent, centre: Centre) -> None:
    campaign = centre.campaign("Warm leads", mode="push_preview", agents=[ana], wrap_up_for=60, reject_reason=True, when_rejected="ready")
    centre.person(campaign, "Maria Lopez", "+34600000001", TALKS, company="Lopez & Daughters")
    centre.start(campaign)
    notice = sitting.get_by_role("article", name="Campaign Started: Warm leads")
    expect(notice).to_contain_text("OK joins the campaign.")
    acknowledges(keys, "Campaign Started: Warm leads")
    expect(sitting.get_by_role("row", name=re.compile("Warm leads"))).to_contain_text("switch Outbound preview on")
    keys.uses(sitting.get_by_role("button", name="Outbound preview"), back=True)

    offer = sitting.get_by_role("dialog")
    expect(offer).to_contain_text("Lopez & Daughters")
    keys.is_at(offer.get_by_role("button", name="Accept"))
    keys.hears("A record for you: Warm leads, Maria Lopez")
    looks_well(sitting, "offer")
    for _ in range(2):  # this campaign wants to know why; Escape says so wherever the focus is, and takes it back
        sitting.evaluate("document.activeElement.blur()")
        keys.presses("Escape")
        keys.is_at(offer.get_by_label("Why do you reject it?"))
        keys.presses("Escape")
        expect(offer.get_by_label("Why do you reject it?")).to_have_count(0)
    keys.presses("?")
    expect(sitting.get_by_role("heading", name="Keyboard shortcuts")).to_be_visible()
    keys.presses("Escape")  # the list that lies over the offer is closed, and the offer is not rejected
    expect(sitting.get_by_role("heading", name="Keyboard shortcuts")).to_have_count(0)
    expect(offer.get_by_label("Why do you reject it?")).to_have_count(0)
    keys.presses("Escape")
    keys.is_at(offer.get_by_label("Why do you reject it?"))
    keys.types("She asked for Ben")
    looks_well(sitting, "offer-rejected")
    keys.presses("Enter")
    eventually(lambda: Interaction.objects.filter(phase="closed", note="She asked for Ben").exists())
    keys.is_at(offer.get_by_role("button", name="Accept"))
    keys.presses("Enter")
    expect(sitting.get_by_role("region", name="Call")).to_contain_text("Preview")
    keys.is_at(sitting.get_by_role("heading", name="Maria Lopez"))
    assert not Attempt.objects.exists()
    keys.presses("Alt+C")
    talks_and_is_done(keys)
    keys.is_at(sitting.get_by_role("heading", name="Waiting for the next call"))


def test_power_brings_the_customer_who_has_answered(sitting: Page, keys: ByKeys, ana: Agent, centre: Centre) -> None:
    campaign = centre.campaign("Flash sale", mode="power", agents=[ana], wrap_up_for=60, dial_ratio="2.0")
    centre.person(campaign, "Maria Lopez", "+34600000001", Answers(after=seconds(2)))
    centre.person(campaign, "Pedro Ruiz", "+34600000002", Busy())
    centre.start(campaign)
    acknowledges(keys, "Campaign Started: Flash sale")
    keys.uses(sitting.get_by_role("button", name="Go Ready"))
    keys.is_at(sitting.get_by_role("heading", name="Waiting for the next call"))
    eventually(lambda: Attempt.objects.count() == 2)
    keys.is_at(sitting.get_by_role("heading", name="Maria Lopez"))
    talks_and_is_done(keys)
    keys.is_at(sitting.get_by_role("heading", name="Waiting for the next call"))


def test_progressive_alerts_while_the_customers_phone_rings_and_connects_who_has_accepted(
    sitting: Page, keys: ByKeys, ana: Agent, centre: Centre
) -> None:
    campaign = centre.campaign("Spring renewal", mode="progressive", agents=[ana], wrap_up_for=60, auto_answer=False)
    centre.person(campaign, "Maria Lopez", "+34600000001", Answers(after=seconds(9)))
    centre.start(campaign)
    acknowledges(keys, "Campaign Started: Spring renewal")
    keys.presses("Alt+R")
    alert = sitting.get_by_role("dialog")
    expect(alert).to_contain_text("Spring renewal")
    expect(alert.get_by_role("heading", name="Maria Lopez")).to_be_visible()
    expect(alert).to_contain_text("+34 600 00 00 01")
    expect(alert.get_by_role("status").first).to_have_text("Ringing at the customer")
    keys.is_at(alert.get_by_role("button", name="Accept"))
    looks_well(sitting, "alert-while-it-rings")
    keys.presses("Enter")
    expect(sitting.get_by_role("region", name="Call")).to_contain_text("Ringing at the customer")
    assert Attempt.objects.get().answered_at is None
    talks_and_is_done(keys)
    keys.is_at(sitting.get_by_role("heading", name="Waiting for the next call"))


def test_who_called_in_vain_is_called_back_agent_first(sitting: Page, keys: ByKeys, ana: Agent, centre: Centre) -> None:
    campaign = centre.campaign("Call-backs", mode="auto_callback", agents=[ana], wrap_up_for=60)
    centre.start(campaign)
    acknowledges(keys, "Campaign Started: Call-backs")
    keys.presses("Alt+R")
    centre.world.say("+34600000009", TALKS)
    call_back.call_back(call_back.Wanted(campaign.pk, "+34600000009", now(), "Maria"), now=now())
    alert = sitting.get_by_role("dialog")
    expect(alert.get_by_role("heading", name="Maria")).to_be_visible()
    keys.is_at(alert.get_by_role("button", name="Accept"))
    keys.presses("Enter")
    box = sitting.locator("section", has=sitting.get_by_role("heading", name="Campaign Information")).get_by_label("Do not call back")
    keys.uses(box, "Space")
    expect(box).to_be_checked()
    talks_and_is_done(keys)
    keys.is_at(sitting.get_by_role("heading", name="Waiting for the next call"))
    lead = Lead.objects.get()
    assert (lead.state, lead.reason) == ("final", "callback_not_required")


def test_direct_push_preview_ignores_not_ready(sitting: Page, keys: ByKeys, ana: Agent, centre: Centre) -> None:
    campaign = centre.campaign("Hot leads", mode="direct_push_preview", agents=[ana], wrap_up_for=60)
    centre.person(campaign, "Maria Lopez", "+34600000001", TALKS, fields={"plan": "Family 50"})
    centre.start(campaign)
    acknowledges(keys, "Campaign Started: Hot leads")
    keys.uses(sitting.get_by_role("button", name="Get Record: Hot leads"))
    offer = sitting.get_by_role("dialog")
    expect(offer).to_contain_text("Family 50")
    expect(offer).to_contain_text("Accept dials at once.")
    looks_well(sitting, "direct-offer")
    keys.is_at(offer.get_by_role("button", name="Accept"))
    keys.presses("Enter")
    expect(sitting.get_by_role("region", name="Call")).to_contain_text("Connected")
    assert not Session.objects.get().voice_ready
    opener = sitting.get_by_role("button", name="My Campaigns")
    keys.uses(opener, back=True)
    sheet = sitting.get_by_role("dialog", name="My Campaigns")
    looks_well(sitting, "campaigns-over-the-call")
    keys.uses(sheet.get_by_role("button", name="Stop: Hot leads"))
    keys.is_at(sheet.get_by_role("button", name="Get Record: Hot leads"))
    keys.presses("Escape")
    keys.is_at(opener)
    talks_and_is_done(keys)
    keys.is_at(sitting.get_by_role("heading", name=re.compile("Not Ready")))
    control.stop(campaign, by=None, now=now())
    expect(sitting.get_by_role("article", name="Campaign Stopped: Hot leads")).to_be_visible()
