"""Asking for records, offers and previews: what is too late, not possible now or not allowed is refused in a sentence, and the work goes on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import transaction
from playwright.sync_api import Page, expect

from agents.models import Agent, Interaction, Session, Station
from campaigns import facts, spending
from campaigns.flow import conclude, control, phone
from campaigns.models import Attempt, CallableHours, Campaign, Lead, Participation, PhoneNumber, SpendLimit
from campaigns.rules.permit.hours import DAYS
from dialer_project.lib import sql
from telephony import calls
from telephony.drivers.simulated.script import Answers, Busy, NoAnswer, seconds
from telephony.models import Call, Trunk
from telephony.rules.hangup_causes import Cause
from tests.browser.centre import Centre, now
from tests.browser.looking import looks_well
from tests.browser.network import Network
from tests.browser.told import Told

TALKS = Answers(after=seconds(0.5))
MADRID = ZoneInfo("Europe/Madrid")
GONE_BACK = "The record went back to the list."


@pytest.fixture
def network(sitting: Page) -> Network:
    """Of the page at which Ana sits."""
    network = Network(sitting)
    sitting.reload()
    expect(sitting.get_by_text("Phone connected")).to_be_visible()
    return network


@contextmanager
def at_the_same_moment() -> Iterator[None]:
    """Somebody else is at it, and will be for as long as this lasts."""
    with transaction.atomic():
        yield


def is_about_to_accept() -> bool:
    """The call that is alerted for is locked first, and somebody else has it."""
    sql.rows("SELECT pg_stat_clear_snapshot()", [])  # one transaction else sees one moment
    at_it = "datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%%ringing_agent%%FOR UPDATE OF c%%'"
    return bool(sql.rows(f"SELECT pid FROM pg_stat_activity WHERE {at_it}", []))


def test_a_record_that_cannot_be_given_is_refused_in_a_sentence(sitting: Page, network: Network, ana: Agent, centre: Centre) -> None:
    page, told = sitting, Told(sitting)
    door, spring = (centre.campaign(name, mode=mode, agents=[ana]) for name, mode in (("Door to door", "manual"), ("Spring renewal", "preview")))
    centre.person(spring, "Maria Lopez", "+34600000001", TALKS)
    control.edited(spring, by=None, now=now())
    control.approve(spring, by=None, now=now())
    assert isinstance(control.load(spring, by=None, now=now()), control.Moved)
    expect(page.get_by_role("row", name=re.compile("Spring renewal"))).to_contain_text("Not started yet.")
    page.keyboard.press("Alt+G")
    told.says("Spring renewal has not started yet.")
    for campaign in (door, spring):
        centre.start(campaign)

    run = page.get_by_role("button", name="Run campaign: Door to door")
    run.click()
    customers = page.get_by_role("button", name="Get customers: Door to door")
    expect(customers).to_be_visible()
    Participation.objects.filter(campaign=door).update(state="off")
    told.when(customers, "Run Door to door first, then ask for a record.")
    expect(run).to_be_visible()
    get = page.get_by_role("button", name="Get Record: Spring renewal").last
    Trunk.objects.update(enabled=False)
    told.when(get, "Spring renewal gives no records now: The campaign's trunk is switched off: switch it on, or choose another one.")
    expect(page.get_by_role("row", name=re.compile("Spring renewal"))).to_contain_text("The campaign's trunk is switched off")
    Trunk.objects.update(enabled=True)
    Campaign.objects.update(call_application="integrated")
    Station.objects.update(kind=Station.Kind.WEBRTC)
    told.when(run, "Door to door is called with a telephone, not with the browser: end your shift and start it again at one.")
    Station.objects.update(kind=Station.Kind.SIP)
    Campaign.objects.update(call_application="any")
    with at_the_same_moment():
        Session.objects.select_for_update().get()
        told.when(get, "Your desk is not free just now: try again in a moment.")

    network.is_slow = True
    get.click()
    network.until(Interaction.objects.filter(phase="preview").exists)
    told.when(get, "Finish the record on your screen first: one at a time.")
    looks_well(page, "refused-get-record")
    network.catches_up()
    expect(page.get_by_role("heading", name="Maria Lopez")).to_be_visible()
    page.get_by_role("button", name="Decline").click()
    page.get_by_role("menuitem", name="Call this contact later").click()
    expect(page.get_by_role("heading", name=re.compile("Not Ready"))).to_be_visible()

    network.is_slow = True
    phone.sign_out(ana.pk, now=now())
    at_no_phone = "Choose a phone first: you are not signed in to one."
    for button in (get, run, page.get_by_role("button", name="Go Ready"), page.get_by_role("button", name="Voice", exact=True)):
        told.when(button, at_no_phone)
    page.get_by_role("button", name="Not Ready reason").click()
    told.when(page.get_by_role("menuitem", name="Lunch"), at_no_phone)
    network.catches_up()
    page.get_by_role("button", name="Start my shift").click()
    expect(page.get_by_text("Phone connected")).to_be_visible()
    assert not Attempt.objects.exists()


def test_an_offer_or_alert_that_is_gone_or_cannot_be_answered_so_is_refused_in_a_sentence(
    sitting: Page, network: Network, ana: Agent, centre: Centre
) -> None:
    page, told = sitting, Told(sitting)
    alert = page.get_by_role("dialog")
    accept, reject = alert.get_by_role("button", name="Accept"), alert.get_by_role("button", name="Reject", exact=True)
    waiting = page.get_by_role("heading", name="Waiting for the next call")
    warm = centre.campaign("Warm leads", mode="push_preview", agents=[ana], when_missed="ready", ring_agent_for=60)
    centre.person(warm, "Maria Lopez", "+34600000001", TALKS)
    centre.start(warm)
    page.get_by_role("article").get_by_role("button", name="OK").click()
    page.get_by_role("button", name="Outbound preview").click()
    expect(alert).to_contain_text("Accept shows the record; nothing is dialed yet.")

    Campaign.objects.update(reject_reason=True)
    told.when(reject, "Say why you reject this record: this campaign wants to know.")
    reject.click()
    why = alert.get_by_label("Why do you reject it?")
    why.fill("She asked for Ben")
    network.is_slow = True
    Interaction.objects.update(deadline=now())
    network.until(Interaction.objects.filter(phase="closed").exists)
    told.when(alert.get_by_role("button", name="Reject with this reason"), GONE_BACK)
    expect(why).to_have_value("She asked for Ben")
    accept.click()
    expect(alert.get_by_role("alert")).to_have_text(GONE_BACK)  # beside the dialog nobody could hear it, or click it away
    looks_well(page, "refused-offer")
    told.says(GONE_BACK)
    network.until(Interaction.objects.filter(phase="offered").exists)
    control.pause(warm, by=None, now=now())
    Interaction.objects.filter(phase="offered").update(deadline=now())
    network.until(lambda: not Interaction.objects.filter(phase="offered").exists())
    network.catches_up()  # with the second offer, which is gone as well
    told.says(GONE_BACK)
    told.says("This record is no longer on your desk.")
    expect(waiting).to_be_visible()
    assert not Attempt.objects.exists()

    spring = centre.campaign("Spring renewal", mode="progressive", agents=[ana], auto_answer=False, when_missed="ready")
    centre.person(spring, "Maria Lopez", "+34600000002", NoAnswer())
    centre.start(spring)
    page.get_by_role("button", name="Voice", exact=True).click()
    expect(accept).to_be_visible()
    call = Attempt.objects.get().pk
    with at_the_same_moment():
        Call.objects.select_for_update().get(pk=call)
        accept.click()
        network.until(is_about_to_accept)
        conclude.customers_ended(calls.ended({call: Cause.REJECTED}, now=now()), now=now())
    centre.world.far_hangs_up(call)
    told.says("This call is over, or was given to somebody else.")
    expect(waiting).to_be_visible()
    control.stop(spring, by=None, now=now())

    # from now on this phone stays connected, says the office; to Ana it is still one that rings for each call
    centre.station("Desk 13", leg_mode=Station.LegMode.PER_CALL)
    centre.world.station("desk-13", NoAnswer())
    page.get_by_role("button", name=re.compile("Account of Ana")).click()
    page.get_by_role("menuitem", name="End my shift").click()
    page.reload()
    page.get_by_label("Desk 13").check()
    page.get_by_role("button", name="Start my shift").click()
    page.get_by_role("button", name="Go Ready").click()
    expect(waiting).to_be_visible()
    Station.objects.update(leg_mode=Station.LegMode.NAILED_UP)
    page.reload()
    autumn = centre.campaign("Autumn renewal", mode="agent_first", agents=[ana])
    centre.person(autumn, "Pedro Ruiz", "+34600000003", TALKS)
    centre.start(autumn)
    told.when(accept, "Your phone is ringing: answer it there.")
    leg = Interaction.objects.exclude(phase="closed").get().agent_call_id
    assert leg
    centre.world.far_answers(leg)
    expect(page.get_by_role("region", name="Call")).to_contain_text("Connected")


def test_a_record_on_the_screen_that_cannot_be_called_so_stays_there_with_a_sentence(
    sitting: Page, network: Network, ana: Agent, centre: Centre
) -> None:
    page, told = sitting, Told(sitting)
    campaign = centre.campaign("Spring renewal", mode="preview", agents=[ana], preview_for=600)
    maria = centre.person(campaign, "Maria Lopez", "+34600000001", Busy())
    first = PhoneNumber.objects.get(contact=maria.contact)
    PhoneNumber.objects.create(contact=maria.contact, e164="+34910000002", number_key="x", kind="work", position=1, zones=["Europe/Madrid"])
    centre.world.say("+34910000002", Busy())
    centre.start(campaign)
    page.get_by_role("article").get_by_role("button", name="Get Record").click()
    note = page.get_by_label("Note")
    call = page.get_by_role("button", name="Call", exact=True)
    more = page.get_by_role("button", name="More time")
    expect(more).to_be_visible()

    def stays(sentence: str) -> None:
        call.click()
        expect(page.get_by_role("alert").filter(has_text=re.compile(f"^{re.escape(sentence)}$"))).to_be_visible()

    Campaign.objects.update(preview_extensions=0)
    told.when(more, "This campaign gives no more time: press Wait, and call when you are ready to.")
    expect(more).to_have_count(0)
    page.get_by_role("button", name="Wait").click()
    expect(page.get_by_text("Dials automatically")).to_have_count(0)
    note.fill("Prefers mornings.")

    PhoneNumber.objects.filter(pk=first.pk).update(active=False)
    stays("This number is out of service. The next available phone number will be selected.")
    second_number = page.get_by_role("radio", name=re.compile("910 00 00 02"))
    expect(second_number).to_be_checked()
    PhoneNumber.objects.filter(pk=first.pk).update(active=True)
    Lead.objects.update(state="waiting")
    stays("This record is being dealt with elsewhere.")
    Lead.objects.update(state="busy")
    Trunk.objects.update(max_calls=0)
    call.click()
    network.until(Interaction.objects.filter(phase="dialing").exists)
    Interaction.objects.update(deadline=now())
    expect(page.get_by_role("alert").filter(has_text="All lines are busy at the moment: call again in a moment.")).to_be_visible()
    Trunk.objects.update(max_calls=100)
    in_two_days = now().astimezone(MADRID) + timedelta(days=2)
    CallableHours.objects.update(week={DAYS[in_two_days.weekday()]: [["10:00", "12:00"]]})
    stays(
        f"Outside calling hours in Europe/Madrid. It can be called from {in_two_days:%A} {in_two_days.day} {in_two_days:%B} at 10:00, Europe/Madrid time."
    )
    looks_well(page, "refused-hours")
    CallableHours.objects.update(week={day: [["00:00", "24:00"]] for day in DAYS})
    Trunk.objects.update(per_minute="0.10")
    SpendLimit.objects.create(campaign=campaign, per_day=10)
    with at_the_same_moment():
        assert spending.lock(facts.settings_of([campaign.pk])[campaign.pk].limits)
        stays("The last of what may be spent today is being spent: press Call again in a moment.")

    first_number = page.get_by_role("radio", name=re.compile("600 00 00 01"))
    first_number.check()
    Campaign.objects.update(mode_key="agent_first")
    told.when(call, "In this campaign the system chooses the number.")
    expect(first_number).to_have_count(0)
    Campaign.objects.update(mode_key="preview")
    centre.world.station("desk-12", Answers(after=seconds(4)))
    leg = Session.objects.get().leg
    assert leg
    centre.world.far_hangs_up(leg)
    network.until(Session.objects.exclude(leg_state="up").exists)
    told.when(call, "Your phone is not connected at the moment: it is being called again.")
    expect(page.get_by_text("Phone connected")).to_be_visible()
    assert not Attempt.objects.exists()

    page.goto("about:blank")
    network.until(Session.objects.filter(present=False).exists)
    Interaction.objects.update(dial_due=now())
    network.until(Interaction.objects.filter(dial_due=None).exists)
    page.goto("/console/")
    expect(page.get_by_role("alert").filter(has_text="You were away when the countdown ended: nothing was dialed.")).to_be_visible()
    expect(note).to_have_value("Prefers mornings.")
    assert not Attempt.objects.exists()

    network.is_slow = True
    call.click()
    network.until(Attempt.objects.filter(outcome="busy").exists)
    told.when(call, "Say first what came of the call before. Choose a disposition first: this campaign wants one for every such call.")
    page.get_by_role("button", name="Decline").click()
    told.when(page.get_by_role("menuitem", name="Call this contact later"), "It was called: say what came of it and press Done.")
    network.catches_up()
    page.keyboard.press("4")
    expect(page.get_by_label("Call again later")).to_be_checked()
    network.until(lambda: Interaction.objects.get().draft.get("disposition"))
    network.is_slow = True
    Interaction.objects.update(deadline=now())
    network.until(Interaction.objects.filter(phase="closed").exists)
    told.when(page.get_by_role("button", name="Call again"), "This record is not on your screen any more.")
    network.catches_up()
    expect(page.get_by_role("heading", name=re.compile("Not Ready"))).to_be_visible()
    assert Attempt.objects.count() == 1
    assert Interaction.objects.get().note == "Prefers mornings."
