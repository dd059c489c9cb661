"""What becomes of callbacks, as agents see it: postponed before any call, delivered with their origin, handed on after their rule, expired."""

from __future__ import annotations

import re
from datetime import timedelta

from playwright.sync_api import Locator, Page, expect

from agents.models import Agent, Interaction
from campaigns import live
from campaigns.flow import sweep
from campaigns.models import Attempt, Callback, Campaign, Lead
from campaigns.rules.lifecycle import Boost, WaitReason
from telephony.drivers.simulated.script import Answers, seconds
from tests.browser.by_keys import ByKeys
from tests.browser.centre import Centre, now
from tests.browser.looking import looks_well
from tests.browser.served import an_agent, eventually

DASH = "\N{EN DASH}"
TALKS = Answers(after=seconds(0.5))


def case(page: Page, title: str) -> Locator:
    """A line of Case Information."""
    information = page.locator("section", has=page.get_by_role("heading", name="Case Information"))
    return information.locator("dl > div", has=page.get_by_text(title, exact=True)).locator("dd")


def is_due(campaign: Campaign, *, for_: timedelta = timedelta(0)) -> None:
    """The time of what was promised has come."""
    at = now() - for_
    Callback.objects.filter(state="open", lead__campaign=campaign).update(due_at=at)
    Lead.objects.filter(campaign=campaign, reason="callback", state="waiting").update(next_call_at=at)
    live.forget_floors(campaign.pk)


def promised(lead: Lead, agent: Agent) -> Callback:
    """As the agent's wrap-up of an earlier call would have booked it, for now."""
    at = now()
    Lead.objects.filter(pk=lead.pk).update(state="waiting", reason=WaitReason.CALLBACK, boost=Boost.CALLBACK_DUE, next_call_at=at, reserved_for=agent)
    return Callback.objects.create(lead=lead, kind="personal", agent=agent, due_at=at, fallback_at=at + timedelta(hours=1))


def test_a_manual_customer_is_postponed_before_any_call_and_comes_with_the_next_get(sitting: Page, ana: Agent, centre: Centre) -> None:
    """Without a mouse."""
    keys = ByKeys(sitting)
    campaign = centre.campaign("Door to door", mode="manual", agents=[ana], wrap_up_for=60)
    maria = centre.person(campaign, "Maria Lopez", "+34600000001", TALKS)
    centre.start(campaign)
    get = sitting.get_by_role("button", name="Get customers: Door to door")
    window = sitting.get_by_role("dialog", name="Schedule Callback")
    mine = sitting.get_by_role("region", name="My Callbacks")
    keys.uses(sitting.get_by_role("button", name="Run campaign: Door to door"))
    keys.is_at(get)
    keys.presses("Enter")
    keys.is_at(sitting.get_by_role("heading", name="Maria Lopez"))
    expect(case(sitting, "Origin")).to_have_text(re.compile("^Outbound campaign call to"))

    for personal, origin in ((False, "Callback"), (True, "Personal Callback")):
        keys.presses("Alt+B")
        keys.is_at(window.get_by_label("Schedule Callback"))
        keys.uses(window.get_by_role("button", name="Tomorrow 10:00"))
        if personal:
            keys.uses(window.get_by_label("Personal Callback"), "Space")
        expect(window.get_by_text("You will call." if personal else "Any available agent will call.")).to_be_visible()
        kind = "personal" if personal else "group"
        eventually(Callback.objects.filter(state="open", due_at__gt=now(), kind=kind).exists)
        keys.presses("Escape")
        keys.is_at(sitting.get_by_role("button", name="Scheduled Callback"))
        keys.presses("Alt+Enter")  # what was promised is processed
        expect(sitting.get_by_role("heading", name=re.compile("Not Ready"))).to_be_visible()
        expect(mine.get_by_role("listitem")).to_contain_text("Personal Callback" if personal else "Any agent")
        keys.uses(get)
        waits = "1 is promised by you; next on" if personal else "1 is promised for later"
        expect(sitting.locator(".toast").filter(has_text=waits)).to_be_visible()

        is_due(campaign)
        sweep.every_second(now=now())
        assert not Interaction.objects.exclude(phase="closed").exists(), "it is asked for, not brought"
        keys.uses(get)
        keys.is_at(sitting.get_by_role("heading", name="Maria Lopez"))
        expect(case(sitting, "Origin")).to_have_text(origin)
        expect(case(sitting, "Priority")).to_have_text("Promised callback")
        assert not Attempt.objects.exists()
    looks_well(sitting, "callback-delivered")

    keys.presses("Alt+C")
    expect(sitting.get_by_role("region", name="Call")).to_contain_text("Connected")
    expect(case(sitting, "Origin")).to_have_text("Personal Callback")
    keys.ends_the_last_call()
    expect(mine).to_have_count(0)
    maria.refresh_from_db()
    assert (maria.state, Callback.objects.get().state) == ("final", "kept")


def test_what_a_colleague_promised_is_handed_on_after_its_rule_and_what_nobody_kept_is_told_with_the_reason(
    working: Page, ana: Agent, centre: Centre
) -> None:
    ben = an_agent("Ben Costa")
    campaign = centre.campaign("Spring renewal", mode="progressive", agents=[ana, ben], wrap_up_for=60)
    maria = centre.person(campaign, "Maria Lopez", "+34600000001", TALKS)
    pedro = centre.person(campaign, "Pedro Ruiz", "+34600000002", TALKS)
    promised(maria, ben)
    Lead.objects.filter(pk=pedro.pk).update(next_call_at=now() + timedelta(days=1))
    centre.start(campaign)
    sweep.every_second(now=now())
    expect(working.get_by_role("heading", name="Waiting for the next call")).to_be_visible()
    assert not Interaction.objects.exists(), "it is Ben's"
    Callback.objects.update(fallback_at=now())
    expect(working.get_by_role("region", name="Call")).to_contain_text("Connected")
    expect(case(working, "Origin")).to_have_text("Callback")
    working.get_by_role("button", name="Not Ready reason").click()
    working.get_by_role("menuitem", name="Lunch").click()
    working.keyboard.press("Alt+H")
    expect(working.get_by_text(re.compile("Wrap-up: "))).to_be_visible()
    working.keyboard.press("1")
    working.keyboard.press("Alt+Enter")
    expect(working.get_by_role("heading", name=f"Not Ready {DASH} Lunch")).to_be_visible()
    assert Callback.objects.get().state == "kept"

    promised(pedro, ana)
    is_due(campaign, for_=timedelta(days=30))
    sweep.every_quarter_minute(now=now())
    ended = working.get_by_role("list", name="Not kept").get_by_role("listitem")
    expect(ended).to_contain_text(re.compile("Pedro Ruiz.*whoever promised it was not free in time.*expired"))
    looks_well(working, "callback-expired")
    working.reload()
    expect(ended).to_contain_text("whoever promised it was not free in time")
