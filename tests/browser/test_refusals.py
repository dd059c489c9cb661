"""What has changed behind the page since it was told: each command that cannot be carried out any more is refused in a sentence that says what to do."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from agents.models import Agent, NotReadyReason, Session, Station
from campaigns.flow import control
from campaigns.models import Attempt, Callback, Campaign, Participation, PhoneNumber
from telephony.drivers.simulated.script import Answers, seconds
from telephony.models import CallerId
from tests.browser.centre import Centre, now
from tests.browser.looking import looks_well
from tests.browser.network import Network
from tests.browser.served import an_agent, eventually
from tests.browser.told import Told

TALKS = Answers(after=seconds(0.5))


def test_what_cannot_be_done_without_a_record_is_refused_in_a_sentence(console: Page, ana: Agent, centre: Centre) -> None:
    page, told, network = console, Told(console), Network(console)
    desk, beside = centre.station("Desk 12"), centre.station("Desk 13")
    campaign = centre.campaign("Spring renewal", mode="preview", agents=[ana])
    maria = centre.person(campaign, "Maria Lopez", "+34600000001", TALKS)
    centre.start(campaign)
    page.goto("/console/")
    start = page.get_by_role("button", name="Start my shift")
    page.get_by_label("Desk 13").check()
    Station.objects.filter(pk=beside.pk).delete()
    told.when(start, "This phone does not exist any more: choose another one.")
    page.get_by_label("Desk 12").check()
    Session.objects.filter(agent=an_agent("Ben Costa")).update(station=desk, signed_in_at=now())
    told.when(start, "Somebody else is signed in at Desk 12: choose another phone.")
    Session.objects.exclude(agent=ana).update(station=None, signed_in_at=None)
    page.reload()
    start.click()
    expect(page.get_by_text("Phone connected")).to_be_visible()

    NotReadyReason.objects.filter(code="lunch").delete()
    page.get_by_role("button", name="Not Ready reason").click()
    told.when(page.get_by_role("menuitem", name="Lunch"), "This reason does not exist any more: choose another one.")

    get = page.get_by_role("button", name="Get Record: Spring renewal").first
    Campaign.objects.update(call_application="softphone")
    told.when(get, "Spring renewal is called with the phone in the browser: end your shift and start it again there.")
    Campaign.objects.update(call_application="any")
    Participation.objects.all().delete()
    told.when(get, "You are not assigned to this campaign any more.")
    Participation.objects.create(campaign=campaign, agent=ana)

    Callback.objects.create(lead=maria, kind="personal", agent=ana, due_at=now(), state="open")
    page.reload()
    mine = page.get_by_role("region", name="My Callbacks")
    expect(mine).to_contain_text("Maria Lopez")
    type(maria).objects.update(state="busy")
    told.when(mine.get_by_role("button", name="Cancel Maria Lopez"), "This record is with an agent just now: it can be changed there.")
    expect(mine).to_contain_text("being called")
    Callback.objects.update(state="cancelled")
    type(maria).objects.update(state="waiting")

    network.is_slow = True
    control.pause(campaign, by=None, now=now())
    told.when(get, "Spring renewal is paused: records come again when it goes on.")
    control.stop(campaign, by=None, now=now())
    told.when(get, "Spring renewal has ended: there are no more records.")
    assert not Attempt.objects.exists()


def test_what_cannot_be_done_with_the_record_on_the_screen_is_refused_in_a_sentence(sitting: Page, ana: Agent, centre: Centre) -> None:
    page, told = sitting, Told(sitting)
    campaign = centre.campaign("Spring renewal", mode="preview", agents=[ana], wrap_up_for=60)
    madrid = CallerId.objects.create(e164="+34911111111", label="Madrid office", verified=True)
    campaign.other_caller_ids.add(madrid)
    maria = centre.person(campaign, "Maria Lopez", "+34600000001", TALKS)
    second = PhoneNumber.objects.create(contact=maria.contact, e164="+34910000002", number_key="x", kind="work", position=1, zones=["Europe/Madrid"])
    centre.start(campaign)
    page.get_by_role("article").get_by_role("button", name="Get Record").click()
    expect(page.get_by_role("heading", name="Maria Lopez")).to_be_visible()
    call = page.get_by_role("button", name="Call", exact=True)

    page.get_by_label("Caller ID").select_option("+34 911 11 11 11 · Madrid office")
    CallerId.objects.filter(pk=madrid.pk).update(verified=False)
    told.when(call, "This caller ID may not be shown any more: choose another one.")
    expect(page.get_by_label("Caller ID")).to_have_count(0)  # there is nothing to choose from any more
    page.get_by_role("radio", name=re.compile("910 00 00 02")).check()
    PhoneNumber.objects.filter(pk=second.pk).update(active=False)
    told.when(call, "This number is out of service: choose another one.")
    second.delete()
    told.when(call, "This number is no longer on the record: choose another one.")
    page.get_by_role("radio", name=re.compile("600 00 00 01")).check()
    page.keyboard.press("6")
    told.when(call, "Do not call is chosen: press Done, or choose another disposition to call.")
    page.keyboard.press("4")

    page.get_by_role("button", name="Dial New Phone Number").click()
    number = page.get_by_label("Enter Phone Number")
    dial = page.get_by_role("button", name="Dial", exact=True)
    number.fill("12")
    told.when(dial, "The number '12' is too short; write it with its area code.")
    expect(number).to_have_value("12")
    number.fill("803123456")
    told.when(dial, "The number '803123456' is a premium-rate number, and those are not called; give another number.")
    Campaign.objects.update(new_numbers=False)
    number.fill("622 22 22 22")
    told.when(dial, "In this campaign only the numbers on the record are dialed.")
    expect(number).to_have_count(0)

    Campaign.objects.update(postpones=False)
    page.get_by_role("button", name="Schedule Callback").click()
    window = page.get_by_role("dialog", name="Schedule Callback")
    window.get_by_role("button", name="Tomorrow 10:00").click()
    expect(window.get_by_role("alert")).to_contain_text("In this campaign a record is called before a callback is booked.")
    page.get_by_role("button", name="Done", exact=True).click()
    expect(page.get_by_role("alert").filter(has_text="It is not done yet")).to_contain_text(
        "In this campaign a record is called before a callback is booked."
    )
    window.get_by_label("Schedule Callback").uncheck()
    expect(window.get_by_role("alert")).to_have_text("")
    page.keyboard.press("Escape")

    control.pause(campaign, by=None, now=now())
    call.click()
    expect(page.get_by_role("alert").filter(has_text="Spring renewal is paused: nothing is dialed.")).to_be_visible()
    looks_well(page, "refused-campaign-paused")
    control.start(campaign, by=None, now=now())
    assert not Attempt.objects.exists()
    call.click()
    expect(page.get_by_role("region", name="Call")).to_contain_text("Connected")
    page.keyboard.press("Alt+H")
    expect(page.get_by_text(re.compile("Wrap-up: "))).to_be_visible()
    page.keyboard.press("Alt+Enter")
    expect(page.get_by_role("heading", name=re.compile("Not Ready"))).to_be_visible()
    eventually(lambda: Attempt.objects.get().outcome == "connected")
