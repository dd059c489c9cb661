"""An agent's work from signing in to Done, in a browser, with calls that really ring at the simulated carrier."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from agents.models import Agent, Interaction, Session
from campaigns.models import Attempt, Lead
from telephony.drivers.simulated.script import Answers, NoAnswer, seconds
from tests.browser.by_keys import ByKeys
from tests.browser.centre import Centre
from tests.browser.looking import chooses, looks_well, no_axe_violations
from tests.browser.served import eventually

DASH = "\N{EN DASH}"
COUNTS_TONES = """
  const start = AudioScheduledSourceNode.prototype.start;
  OscillatorNode.prototype.start = function (...at) {
    window.tones = (window.tones ?? 0) + 1;
    return start.apply(this, at);
  };
"""


def test_an_agents_whole_journey_from_signing_in_to_done(page: Page, ana: Agent, centre: Centre) -> None:
    """Agent first, at a phone that stays connected: the console rings, Accept answers, the customer is called. Without a mouse."""
    keys = ByKeys(page)
    centre.station("Desk 12")
    campaign = centre.campaign(
        "Spring renewal",
        mode="agent_first",
        agents=[ana],
        description="Renew the yearly plan.\nAsk for the e-mail address.",
        wrap_up_for=60,
        wrap_up_policy="not_ready",
    )
    maria = centre.person(
        campaign,
        "Maria Lopez",
        "+34600000001",
        Answers(after=seconds(1.2)),
        company="Lopez & Daughters",
        city="Madrid",
        fields={"contract": "A-20391", "plan": "Family 50"},
    )

    page.add_init_script(COUNTS_TONES)
    page.goto("/")
    expect(page).to_have_url(re.compile("/sign-in/"))
    looks_well(page, "sign-in")
    keys.goes_to(page.get_by_label("User name"))
    keys.types("ana")
    keys.goes_to(page.get_by_label("Password"))
    keys.types("wrong")
    keys.presses("Enter")
    expect(page.get_by_role("alert")).to_contain_text("correct username and password")
    keys.goes_to(page.get_by_label("Password"))
    keys.types("correct horse battery")
    keys.presses("Enter")

    keys.is_at(page.get_by_role("heading", name="Hello Ana"))
    looks_well(page, "station")
    keys.uses(page.get_by_role("button", name="Start my shift"))

    keys.is_at(page.get_by_role("heading", name=f"Not Ready {DASH} Just signed in"))
    expect(page.get_by_text("Phone connected")).to_be_visible()
    looks_well(page, "not-ready")
    keys.presses("Alt+R")
    keys.is_at(page.get_by_role("heading", name="Waiting for the next call"))
    keys.hears("Ready")
    looks_well(page, "waiting")

    centre.start(campaign)
    alert = page.get_by_role("dialog")
    expect(alert).to_contain_text("Spring renewal")
    expect(alert.get_by_role("heading", name="Maria Lopez")).to_be_visible()
    expect(alert).to_contain_text("+34 600 00 00 01")
    keys.is_at(alert.get_by_role("button", name="Accept"))
    keys.hears("Your phone is ringing: Spring renewal, Maria Lopez")
    assert not Attempt.objects.exists()  # nobody is dialed before the agent has answered
    eventually(lambda: page.evaluate("window.tones") >= 2)  # it rings
    looks_well(page, "alert")
    keys.presses("Enter")

    call = page.get_by_role("region", name="Call")
    expect(call).to_contain_text("customer")
    expect(call).to_contain_text("Connected")
    keys.hears("Connected: Spring renewal, Maria Lopez")
    keys.is_at(page.get_by_role("heading", name="Maria Lopez"))
    origin = page.locator("dl > div", has=page.get_by_text("Origin", exact=True)).locator("dd")
    expect(origin).to_have_text(re.compile(r"Outbound campaign call to \+34.600.00.00.01"))
    expect(page).to_have_title(re.compile(f"Maria Lopez {DASH} On a call"))
    expect(page.get_by_role("complementary", name="Record")).to_contain_text("Lopez & Daughters")
    expect(page.get_by_role("complementary", name="Record")).to_contain_text("A-20391")
    looks_well(page, "on-the-phone")
    expect(page.get_by_role("button", name="Done", exact=True)).to_be_disabled()
    keys.presses("Alt+N")
    keys.types("Wants the family plan.")
    expect(page.get_by_text("Saved as you type")).to_be_visible()
    eventually(lambda: Interaction.objects.get().note == "Wants the family plan.")
    place = "option => option.getBoundingClientRect().top + scrollY"
    before = page.get_by_label("Renewed").evaluate(place)
    keys.uses(page.get_by_role("button", name="Hang up"), back=True)

    expect(page.get_by_text(re.compile(r"Wrap-up: \d+ s left"))).to_be_visible()
    assert page.get_by_label("Renewed").evaluate(place) == before  # nothing moves under the pointer of who is about to choose
    keys.hears("Call ended")
    keys.is_at(page.get_by_role("heading", name="Maria Lopez"))
    looks_well(page, "wrap-up")
    keys.uses(page.get_by_role("button", name="Done", exact=True))
    missing = page.get_by_role("link", name="Choose a disposition first: this campaign wants one for every such call.")
    expect(missing).to_be_visible()
    looks_well(page, "not-done")
    keys.uses(missing, back=True)
    keys.is_at(page.get_by_label("Renewed"))
    keys.presses("1")
    expect(page.get_by_label("Renewed")).to_be_checked()
    keys.presses("Alt+Enter")

    keys.is_at(page.get_by_role("heading", name="Waiting for the next call"))
    work = Interaction.objects.get()
    assert (work.phase, work.closed_because, work.note, work.talked) == ("closed", "done", "Wants the family plan.", True)
    maria.refresh_from_db()
    assert (maria.state, maria.reason) == ("final", "success")

    keys.uses(page.get_by_role("button", name=re.compile("Account of Ana")), "ArrowDown", back=True)
    keys.is_at(page.get_by_role("menuitem", name="Keyboard shortcuts"))
    keys.presses("End")
    keys.is_at(page.get_by_role("menuitem", name="End my shift"))
    keys.presses("Enter")
    keys.is_at(page.get_by_role("heading", name="Hello Ana"))
    page.get_by_role("button", name=re.compile("Account of Ana")).click()
    page.get_by_role("menuitem", name="Sign out").click()
    expect(page).to_have_url(re.compile("/sign-in/"))
    assert Session.objects.get().signed_in_at is None


def test_a_progressive_call_needs_no_further_action_than_to_talk(working: Page, maria: Lead) -> None:
    keys = ByKeys(working)
    call = working.get_by_role("region", name="Call")
    expect(call).to_contain_text("Connected")
    expect(working.get_by_role("heading", name="Maria Lopez")).to_be_focused()
    assert Attempt.objects.get().connected_at is not None
    started = working.get_by_role("article", name="Campaign Started: Spring renewal")
    expect(started.get_by_role("button")).to_have_text(["OK"])
    keys.presses("F6")
    keys.is_at(started.get_by_role("button", name="OK"))
    keys.presses("Enter")
    expect(started).to_be_hidden()
    keys.sees_where_they_are()
    keys.presses("Alt+H")
    keys.hears("Call ended")
    keys.sees_where_they_are()
    keys.presses("3")
    expect(working.get_by_label("Not interested")).to_be_checked()
    keys.presses("Alt+Shift+Enter")
    keys.is_at(working.get_by_role("heading", name="Waiting for the next call"))


def test_a_break_asked_for_on_a_call_begins_after_it(working: Page, maria: Lead) -> None:
    expect(working.get_by_role("region", name="Call")).to_contain_text("Connected")
    working.get_by_role("button", name="Not Ready reason").click()
    working.get_by_role("menuitem", name="Lunch").click()
    expect(working.get_by_text(f"Not Ready {DASH} Lunch after this call")).to_be_visible()
    working.get_by_role("button", name="Hang up").click()
    chooses(working, "Renewed")
    working.get_by_role("button", name="Done", exact=True).click()
    expect(working.get_by_role("heading", name=f"Not Ready {DASH} Lunch")).to_be_visible()


def test_a_reload_in_the_middle_of_a_call_comes_back_to_it_with_the_note(working: Page, maria: Lead) -> None:
    expect(working.get_by_role("region", name="Call")).to_contain_text("Connected")
    working.get_by_label("Note").fill("Half a sen")
    eventually(lambda: Interaction.objects.get().note == "Half a sen")
    working.reload()
    expect(working.get_by_role("region", name="Call")).to_contain_text("Connected", timeout=3000)
    expect(working.get_by_label("Note")).to_have_value("Half a sen")
    assert Interaction.objects.get().phase == "connected"


def test_nobody_answers_and_the_agent_waits_again(working: Page, ana: Agent, centre: Centre) -> None:
    campaign = centre.campaign("Spring renewal", mode="progressive", agents=[ana])
    centre.person(campaign, "Maria Lopez", "+34600000001", NoAnswer(after=seconds(1.5)))
    centre.start(campaign)
    expect(working.get_by_role("region", name="Call")).to_contain_text("Ringing at the customer")
    expect(working.get_by_role("heading", name="Waiting for the next call")).to_be_visible()


def test_a_rejected_alert_goes_back_and_its_agent_is_not_ready(working: Page, ana: Agent, centre: Centre) -> None:
    campaign = centre.campaign("Spring renewal", mode="agent_first", agents=[ana])
    lead = centre.person(campaign, "Maria Lopez", "+34600000001")
    centre.start(campaign)
    expect(working.get_by_role("button", name="Accept")).to_be_focused()

    def is_rejected() -> bool:
        working.keyboard.press("Escape")  # in the first moments it was meant for something else
        return Interaction.objects.filter(closed_because="missed").exists()

    eventually(is_rejected)
    expect(working.get_by_role("heading", name=f"Not Ready {DASH} No answer/record not accepted")).to_be_visible()
    lead.refresh_from_db()
    assert lead.state == "waiting"
    assert not Attempt.objects.exists()


def test_everything_is_usable_in_the_dark(working: Page, maria: Lead) -> None:
    working.emulate_media(color_scheme="dark")
    expect(working.get_by_role("region", name="Call")).to_contain_text("Connected")
    looks_well(working, "in-the-dark")
    working.get_by_role("button", name="Hang up").click()
    expect(working.get_by_text(re.compile("Wrap-up: "))).to_be_visible()
    no_axe_violations(working)
    chooses(working, "Renewed")
    working.get_by_role("button", name="Done", exact=True).click()
    expect(working.get_by_role("heading", name="Waiting for the next call")).to_be_visible()
    no_axe_violations(working)
