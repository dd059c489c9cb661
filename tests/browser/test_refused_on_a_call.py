"""What cannot be done with the customer on the line, or with others in the conversation: said in a sentence, and the call goes on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from playwright.sync_api import Locator, Page, expect

from agents.desk import Done
from agents.models import Agent, Interaction, Session
from campaigns.flow import do_not_call, next_for, phone
from campaigns.models import Attempt, Campaign, Destination, ThirdParty
from telephony.drivers.simulated.script import Answers, Busy, Rejects, seconds
from telephony.models import Announcement, Call, Trunk
from tests.browser.centre import Centre, now
from tests.browser.looking import looks_well
from tests.browser.network import Network
from tests.browser.served import Screen, Served, an_agent, eventually
from tests.browser.told import Told

DIRECTORY = ("Second line", "Complaints", "Contracts", "Head office", "Warehouse", "Works council")


@pytest.fixture(autouse=True)
def our_storage(settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def ben(working: Page, web: Served, centre: Centre) -> Iterator[Agent]:
    """Free at the desk beside."""
    ben = an_agent("Ben Costa")
    with Screen(web, ben):
        assert isinstance(phone.sign_in(ben.pk, centre.station("Desk 13").pk, now=now()), Done)
        assert isinstance(next_for.go_ready(ben.pk, now=now()), Done)
        eventually(lambda: Session.objects.get(agent=ben).leg is not None)
        yield ben


def on_the_line(page: Page, ana: Agent, centre: Centre, **fields: Any) -> Locator:
    """Ana talks with Maria; returns where the call is shown."""
    common = {"mode": "progressive", "agents": [ana], "wrap_up_for": 60, "transfers": "any"}
    campaign = centre.campaign("Spring renewal", **{**common, **fields})
    centre.person(campaign, "Maria Lopez", "+34600000001", Answers(after=seconds(1)))
    centre.start(campaign)
    call = page.get_by_role("region", name="Call")
    expect(call).to_contain_text("Connected")
    page.get_by_role("heading", name="Maria Lopez").click()
    return call


def directory(centre: Centre) -> None:
    for at, name in enumerate(DIRECTORY):
        Destination.objects.create(name=name, number=f"+3491100011{at}")
        centre.world.say(f"+3491100011{at}", Answers(after=seconds(0.2)))


def test_what_cannot_be_done_with_the_call_is_refused_in_a_sentence(working: Page, ana: Agent, centre: Centre) -> None:
    page, told, network = working, Told(working), Network(working)
    terms = Announcement.objects.create(name="Terms and conditions", media="sound:terms", in_conversation=True)
    Announcement.objects.create(name="Of last year", media="sound:nowhere", in_conversation=True)
    voicemail = Announcement.objects.create(name="voicemail", media="sound:call-us")
    call = on_the_line(page, ana, centre, recording="on_demand", voicemail=voicemail)

    def plays(name: str) -> Locator:
        call.get_by_role("button", name="Play message").click()
        return page.get_by_role("menuitem", name=f"{name} to everybody")

    item = plays("Terms and conditions")
    Announcement.objects.filter(pk=terms.pk).update(in_conversation=False)
    told.when(item, "This message is not there any more: choose another one.")
    plays("Of last year").click()
    expect(
        page.get_by_text("Nobody heard the message: the telephone system does not have it. Say it yourself, and tell your supervisor.")
    ).to_be_visible()
    record = call.get_by_role("button", name="Record", exact=True)
    Campaign.objects.update(recording="off")
    told.when(record, "This campaign records nothing.")
    Campaign.objects.update(recording="on_demand")
    record.click()
    pause = call.get_by_role("button", name="Pause recording")
    expect(pause).to_be_visible()
    Interaction.objects.update(recording="")
    told.when(pause, "Nothing is recorded here.")
    Interaction.objects.update(recording="on")
    pause.click()
    resume = call.get_by_role("button", name="Resume recording")
    expect(resume).to_be_visible()
    Interaction.objects.update(recording="on")
    told.when(resume, "This recording is not paused.")
    Campaign.objects.update(voicemail=None)
    told.when(
        call.get_by_role("button", name="Leave message"),
        "This campaign has no message for answering machines: hang up, and ask your supervisor for one.",
    )

    leg = Session.objects.get(agent=ana).leg
    assert leg is not None
    assert centre.world.phone_holds(leg, True)
    told.when(call.get_by_role("button", name="Resume", exact=True), "The call is on hold at your phone: take it off hold there.")
    assert centre.world.phone_holds(leg, False)
    hold = call.get_by_role("button", name="Hold")
    expect(hold).to_be_visible()
    centre.world.stall(timedelta(seconds=4))
    told.when(hold, "The telephone system did not do it: the call has ended, or the line to it is lost. Try again.")
    looks_well(page, "refused-on-a-call")

    page.reload()
    expect(call.get_by_role("button", name="Hold")).to_be_enabled()
    network.is_slow = True
    customer = Attempt.objects.get().pk
    centre.world.far_hangs_up(customer)
    eventually(lambda: Call.objects.get(pk=customer).state == "ended")
    told.when(call.get_by_role("button", name="Hold"), "There is nobody on the line at the moment.")
    told.when(call.get_by_role("button", name="Hang up"), "There is no call to hang up.")
    network.is_slow = False
    page.reload()
    expect(page.get_by_role("button", name="+30 s of wrap-up")).to_be_visible()
    Campaign.objects.update(wrap_up_extensions=0)
    told.when(page.get_by_role("button", name="+30 s of wrap-up"), "This campaign gives no more time: save the record, or take a break after it.")


def test_who_cannot_be_brought_in_is_told_and_nothing_typed_is_lost(working: Page, ana: Agent, ben: Agent, centre: Centre) -> None:
    page, told = working, Told(working)
    directory(centre)
    call = on_the_line(page, ana, centre)

    def entry(name: str) -> Locator:
        return call.get_by_role("button", name=name)

    page.keyboard.press("Alt+T")
    expect(entry("Ben Costa")).to_be_visible()
    Session.objects.filter(agent=ben).update(voice_ready=False)
    told.when(entry("Ben Costa"), "Ben Costa is not free any more: ask somebody else.")
    expect(entry("Ben Costa")).to_have_count(0)
    Destination.objects.filter(name="Second line").update(active=False)
    told.when(entry("Second line"), "This entry is not in the directory any more: choose another one.")
    expect(entry("Second line")).to_have_count(0)
    do_not_call.list_numbers(["+34911000111"], source="test", now=now())
    told.when(entry("Complaints"), "The phone number is on the Do-Not-Call list.")
    Trunk.objects.update(max_calls=1)
    told.when(entry("Contracts"), "All lines are busy at the moment: try again in a moment.")
    Trunk.objects.update(max_calls=50)

    typed = call.get_by_label("Another number")

    def asks_for(number: str, refused: str) -> None:
        typed.fill(number)
        call.get_by_role("button", name="Dial", exact=True).click()
        told.says(refused)

    asks_for(
        "+34600000001", "This is a number of a contact, who is called from their own record alone; ask your supervisor to put it into the directory."
    )
    expect(typed).to_have_value("+34600000001")
    looks_well(page, "refused-transfer")
    Campaign.objects.update(transfers="directory")
    asks_for("+34911000119", "Only what is in the directory can be called in this campaign.")
    expect(typed).to_have_count(0)
    Campaign.objects.update(transfers="off")
    told.when(entry("Contracts"), "This campaign's conversations are not taken on to others.")
    Campaign.objects.update(transfers="any")
    assert not ThirdParty.objects.exists()
    expect(call).to_contain_text("Connected")
    expect(call.get_by_role("button", name="Hold")).to_be_enabled()


def test_a_conversation_takes_no_more_than_it_can_and_says_who_did_not_come(working: Page, ana: Agent, centre: Centre) -> None:
    page, told, network = working, Told(working), Network(working)
    directory(centre)
    centre.world.say("+34911000110", Busy())
    centre.world.say("+34911000111", Rejects())
    call = on_the_line(page, ana, centre)
    page.reload()
    others = call.get_by_role("list", name="Others in the conversation")
    call.get_by_role("button", name="Transfer").click()
    typed = call.get_by_label("Another number")
    typed.fill("+349110")
    network.goes()
    expect(call.get_by_role("button", name="Second line")).to_be_disabled()
    typed.press_sequentially("0011")
    network.comes_back()
    expect(call.get_by_role("button", name="Second line")).to_be_enabled()
    expect(typed).to_have_value("+3491100011")
    call.get_by_role("button", name="Transfer").click()

    def brings(name: str, how: str = "Consult first") -> None:
        call.get_by_role("button", name="Transfer").click()
        call.get_by_role("radio", name=how).check()
        call.get_by_role("button", name=name).click()

    brings("Second line")
    expect(page.get_by_text("Second line is busy.")).to_be_visible()
    brings("Complaints")
    expect(page.get_by_text("Complaints has rejected the call.")).to_be_visible()
    brings("Contracts")
    expect(others).to_contain_text("Contracts talks with you")
    expect(page.get_by_text("Complaints has rejected the call.")).to_have_count(0)
    brings("Head office")
    told.says("Somebody is being consulted already: bring them in, hand over, or go back to the customer first.")
    expect(call.get_by_role("button", name="Head office")).to_be_visible()
    others.get_by_role("button", name="Bring all together").click()
    expect(others).to_contain_text("Contracts is in the conversation")
    call.get_by_role("radio", name="Add to the conversation").check()
    call.get_by_role("button", name="Head office").click()
    expect(others).to_contain_text("Head office is in the conversation")
    brings("Warehouse", "Add to the conversation")
    expect(others).to_contain_text("Warehouse is in the conversation")
    Destination.objects.filter(name="Second line").update(number="+34911000115")
    brings("Works council", "Add to the conversation")
    expect(others).to_contain_text("Works council is in the conversation")
    brings("Second line", "Add to the conversation")
    told.says("There are 4 others in this conversation already: somebody must leave first.")
    looks_well(page, "refused-a-fifth")

    network.is_slow = True
    third: UUID = ThirdParty.objects.get(name="Contracts", state="joined").pk
    centre.world.far_hangs_up(third)
    eventually(lambda: ThirdParty.objects.get(pk=third).state == "ended")
    contracts = others.get_by_role("listitem").filter(has_text="Contracts")
    told.when(contracts.get_by_role("button", name="Take them out"), "They are not on the line any more.")
    expect(call).to_contain_text("Connected")
