"""Hang up, Done and more time where it is too late, too early, or something is missing: refused in a sentence, and nothing entered is lost."""

from __future__ import annotations

import re
from datetime import timedelta

from playwright.sync_api import Page, expect

from agents.models import Agent, Interaction
from campaigns.models import Attempt, Callback, Campaign, Disposition
from telephony.drivers.simulated.script import Answers, seconds
from tests.browser.centre import Centre, now
from tests.browser.looking import chooses, looks_well
from tests.browser.network import Network
from tests.browser.told import Told


def test_done_and_what_leads_to_it_are_refused_in_a_sentence_until_nothing_is_missing(sitting: Page, ana: Agent, centre: Centre) -> None:
    page, told, network = sitting, Told(sitting), Network(sitting)
    campaign = centre.campaign("Spring renewal", mode="preview", agents=[ana], wrap_up_for=60, wrap_up_policy="stay")
    centre.person(campaign, "Maria Lopez", "+34600000001", Answers(after=seconds(0.5)))
    centre.start(campaign)
    page.reload()
    page.get_by_role("article").get_by_role("button", name="Get Record").click()
    done = page.get_by_role("button", name="Done", exact=True)
    more, note = page.get_by_role("button", name="+30 s"), page.get_by_role("textbox", name=re.compile("^Note( needed|$)"))
    missing = page.get_by_role("alert").filter(has_text="It is not done yet:").get_by_role("listitem")

    expect(page.get_by_role("heading", name="Maria Lopez")).to_be_visible()
    network.is_slow = True
    page.get_by_role("button", name="Call", exact=True).click()
    network.until(Interaction.objects.filter(phase="connected").exists)
    told.when(done, "The call is not over yet: hang up first.")
    network.catches_up()
    expect(page.get_by_role("region", name="Call")).to_contain_text("Connected")
    network.is_slow = True
    centre.world.far_hangs_up(Attempt.objects.get().pk)
    network.until(Interaction.objects.filter(phase="wrap_up").exists)
    told.when(page.get_by_role("button", name="Hang up"), "There is no call to hang up.")
    network.catches_up()
    expect(page.get_by_text(re.compile("Wrap-up: "))).to_be_visible()

    wants_to_think = page.get_by_role("radio", name="Wants to think about it")
    wants_to_think.check(force=True)
    done.click()
    expect(missing).to_have_text(
        [
            "This disposition needs a note: write what was agreed.",
            "This disposition promises a callback: schedule one, or choose another disposition.",
        ]
    )
    Disposition.objects.filter(label="Wants to think about it").update(active=False)
    done.click()
    expect(missing).to_have_text(["This disposition is not one of the campaign's any more: choose another one."])
    expect(wants_to_think).to_have_count(0)
    Campaign.objects.update(note_required=True)
    chooses(page, "Renewed")
    done.click()
    expect(missing).to_have_text(["This campaign wants a note on every record: write what was said."])
    note.fill("Renews in April.")
    page.get_by_role("button", name="Schedule Callback").click()
    window = page.get_by_role("dialog", name="Schedule Callback")
    window.get_by_role("button", name="Tomorrow 10:00").click()
    network.until(Callback.objects.filter(state="open").exists)
    page.get_by_label("This number").select_option("Fax machine")
    done.click()
    expect(missing).to_have_text(["The callback is for the number that you have marked: choose another number for it, or cancel it."])
    looks_well(page, "refused-done")
    page.get_by_label("This number").select_option(index=0)
    network.until(lambda: Interaction.objects.get().draft["number_result"] == "")
    alone = page.get_by_label("Do not call back")
    alone.check()
    network.until(lambda: Interaction.objects.get().draft["no_callback"])
    done.click()
    expect(missing).to_have_text(["A callback is scheduled, and the customer is not to be called back: take one of the two back."])
    alone.uncheck()
    network.until(lambda: not Interaction.objects.get().draft["no_callback"])

    # the time runs out, and the record stays until it is done
    Interaction.objects.update(deadline=now())
    network.until(Interaction.objects.filter(deadline=None).exists)
    told.when(more, "No time is running out here: take what you need.")
    Interaction.objects.update(deadline=now() + timedelta(minutes=1))
    Campaign.objects.update(wrap_up_extensions=0)
    told.when(more, "This campaign gives no more time: save the record, or take a break after it.")
    expect(more).to_have_count(0)

    Campaign.objects.update(wrap_up_policy="ready")
    network.is_slow = True
    Interaction.objects.update(deadline=now())
    network.until(Interaction.objects.filter(phase="closed").exists)
    told.when(done, "This record is no longer yours: it was closed in the meantime.")
    network.catches_up()
    expect(page.get_by_role("heading", name=re.compile("Not Ready"))).to_be_visible()
    work, attempt = Interaction.objects.get(), Attempt.objects.get()
    assert (work.closed_because, work.note) == ("time_up", "Renews in April.")
    assert attempt.disposition == Disposition.objects.get(label="Renewed")
