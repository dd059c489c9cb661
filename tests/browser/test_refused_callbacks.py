"""Callbacks, where the customer is, and who is not to be called: what cannot be written down is refused in a sentence, and what was entered stays."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from playwright.sync_api import Page, expect

from agents.desk import DONE
from agents.models import Agent, Interaction
from campaigns.flow import control, do_not_call, offer
from campaigns.models import Attempt, CallableHours, Callback, Campaign, DoNotCall, PhoneNumber, ZoneConfirmation
from campaigns.rules.number_keys import number_key
from campaigns.rules.permit.hours import DAYS
from telephony.drivers.simulated.script import Answers, seconds
from tests.browser.centre import Centre, now
from tests.browser.looking import looks_well
from tests.browser.network import Network
from tests.browser.served import eventually
from tests.browser.told import Told

TALKS = Answers(after=seconds(0.5))
MADRID = ZoneInfo("Europe/Madrid")
GONE = "This record is no longer yours: it was closed in the meantime."


def there(**later: float) -> datetime:
    return (now() + timedelta(**later)).astimezone(MADRID)


def typed(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M}"


def read(at: datetime) -> str:
    return f"{at:%A} {at.day} {at:%B} at {at.hour}:{at:%M}"


def open_from(start: str, end: str) -> None:
    CallableHours.objects.update(week={day: [[start, end]] for day in DAYS})


def test_a_callback_that_cannot_be_promised_says_why_until_it_can_or_is_cleared(sitting: Page, ana: Agent, centre: Centre) -> None:
    page = sitting
    campaign = centre.campaign("Spring renewal", mode="preview", agents=[ana], wrap_up_for=60)
    maria = centre.person(campaign, "Maria Lopez", "+34600000001", TALKS)
    for position, kind in enumerate(("work", "home"), 2):
        number = f"+3491000000{position}"
        key = number_key(number, settings.NUMBER_KEY)
        PhoneNumber.objects.create(contact=maria.contact, e164=number, number_key=key, kind=kind, position=position, zones=["Europe/Madrid"])
    centre.start(campaign)
    page.get_by_role("article").get_by_role("button", name="Get Record").click()
    expect(page.get_by_role("heading", name="Maria Lopez")).to_be_visible()
    page.get_by_role("button", name="Schedule Callback").click()
    window = page.get_by_role("dialog", name="Schedule Callback")
    at, to, tomorrow = (
        window.get_by_label("At", exact=True),
        window.get_by_label("To", exact=True),
        window.get_by_role("button", name="Tomorrow 10:00"),
    )

    def cannot_be(sentence: str, *, nearest: bool = False) -> None:
        expect(window.get_by_role("alert")).to_have_text(sentence + ("Take the nearest time" if nearest else ""))

    def is_promised() -> None:
        expect(window.get_by_text("Scheduled for")).to_be_visible()
        cannot_be("")

    window.get_by_label("Note for the callback").fill("ask for the blue plan")
    at.fill(typed(there(hours=-1)))
    cannot_be("This time has passed: choose a later one, or cancel the callback.", nearest=True)
    at.fill(typed(there(days=400)))
    cannot_be("This is more than a year away: choose an earlier time.")
    at.fill("")
    cannot_be("Choose the date and the time of the callback.")
    ends = there(days=10).replace(hour=12, minute=0)
    Campaign.objects.update(ends_at=ends)
    at.fill(typed(there(days=11)))
    cannot_be(f"The campaign ends on {read(ends)}: choose an earlier time.")
    Campaign.objects.update(ends_at=None)
    open_from("09:00", "21:00")
    night = there(days=1).replace(hour=3, minute=0)
    at.fill(typed(night))
    opens = read(night.replace(hour=9))
    cannot_be(f"Outside calling hours in Europe/Madrid. The nearest time is {opens}, Europe/Madrid time.", nearest=True)
    looks_well(page, "refused-callback")
    window.get_by_role("button", name="Take the nearest time").click()
    is_promised()
    open_from("00:00", "24:00")

    to.select_option("Work - +34 910 00 00 02")
    eventually(lambda: Callback.objects.filter(state="open", phone__kind="work"))
    PhoneNumber.objects.filter(kind="work").update(active=False)
    tomorrow.click()
    cannot_be("This number is out of service: choose another one.")
    to.select_option("Home - +34 910 00 00 03")
    eventually(lambda: Callback.objects.filter(state="open", phone__kind="home"))
    do_not_call.list_numbers(["+34910000003"], source="admin", now=now())
    cannot_be("This number is on the do-not-call list now: choose another one, or cancel the callback.")
    tomorrow.click()
    cannot_be("The phone number is on the Do-Not-Call list.")
    to.select_option("Mobile - +34 600 00 00 01")
    is_promised()
    expect(window.get_by_label("Note for the callback")).to_have_value("ask for the blue plan")

    eventually(lambda: Callback.objects.filter(state="open", note="ask for the blue plan").exists())
    Callback.objects.filter(state="open").update(due_at=now())
    done = page.get_by_role("button", name="Done", exact=True)
    done.click()
    wrong = page.get_by_role("alert").filter(has_text="It is not done yet")
    passed = "The time of the callback has passed: choose a later one, or cancel the callback."
    expect(wrong.get_by_role("link")).to_have_text([passed])
    tomorrow.click()
    is_promised()
    expect(wrong).to_have_count(0)

    control.stop(campaign, by=None, now=now())
    cannot_be("Spring renewal has ended: nobody is called back by it any more.")
    at.fill(typed(there(days=2)))
    cannot_be("Spring renewal has ended: nobody is called back by it any more.")
    window.get_by_label("Schedule Callback").uncheck()
    cannot_be("")
    done.click()
    expect(page.get_by_role("heading", name=re.compile("Not Ready"))).to_be_visible()
    assert not Attempt.objects.exists()
    assert not Callback.objects.filter(state="open").exists()


def test_what_was_promised_where_they_are_and_who_is_not_called_cannot_be_changed_any_more(sitting: Page, ana: Agent, centre: Centre) -> None:
    page, told, network = sitting, Told(sitting), Network(sitting)
    campaign = centre.campaign("Spring renewal", mode="preview", agents=[ana], wrap_up_for=60)
    maria = centre.person(campaign, "Maria Lopez", "+34600000001", TALKS)
    ZoneConfirmation.objects.create(contact=maria.contact, zone="Europe/Madrid", at=now(), by=ana.user)
    phone = maria.contact.phones.get()
    Callback.objects.create(lead=maria, kind="personal", agent=ana, phone=phone, due_at=there(days=1), state="open")
    centre.start(campaign)
    page.reload()
    mine = page.get_by_role("region", name="My Callbacks")
    mine.get_by_role("button", name="Change Maria Lopez").click()
    at, save = mine.get_by_label(re.compile("^At")), mine.get_by_role("button", name="Save")
    at.fill(typed(there(hours=-1)))
    told.when(save, "This time has passed: choose a later one, or cancel the callback.")
    later = typed(there(days=400))
    at.fill(later)
    mine.get_by_label("Personal Callback").uncheck()
    save.click()
    expect(page.locator(".toast")).to_be_visible()
    looks_well(page, "refused-my-callback")
    told.says("This is more than a year away: choose an earlier time.")
    expect(at).to_have_value(later)
    expect(mine.get_by_label("Personal Callback")).not_to_be_checked()
    Callback.objects.update(state="cancelled", reason="cancelled by the agent", closed_at=now())
    at.fill(typed(there(days=2)))
    told.when(save, "This callback is no longer open: it was kept, cancelled or given to somebody else.")
    expect(mine).to_have_count(0)

    get = page.get_by_role("button", name="Get Record: Spring renewal").first
    get.click()
    expect(page.get_by_role("heading", name="Maria Lopez")).to_be_visible()
    place, zone = page.get_by_role("button", name="Confirm where the customer is"), page.get_by_label("They say they are in")
    confirm = page.get_by_role("form", name="Where the customer is").get_by_role("button", name="Save")
    unwanted, never = page.get_by_role("button", name="Do not call…"), page.get_by_role("button", name="Never call this number")

    # closed behind a page that has not heard of it
    expect(place).to_be_enabled()
    network.is_slow = True
    assert offer.decline(Interaction.objects.get(phase="preview").pk, ana.pk, never=False, now=now()) == DONE
    place.click()
    zone.select_option("")
    told.when(confirm, GONE)
    expect(zone).to_have_value("")
    looks_well(page, "refused-place")
    unwanted.click()
    told.when(never, GONE)
    page.get_by_role("button", name="Schedule Callback").click()
    window = page.get_by_role("dialog", name="Schedule Callback")
    told.when(window.get_by_role("button", name="Tomorrow 10:00"), GONE)
    expect(window.get_by_label("At", exact=True)).to_have_value(re.compile("T10:00$"))
    network.catches_up()
    expect(page.get_by_role("heading", name=re.compile("Not Ready"))).to_be_visible()
    assert not DoNotCall.objects.exists()
    assert not Attempt.objects.exists()
