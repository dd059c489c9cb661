"""Get Record where there is none: the sentence says why, and when to ask again."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from playwright.sync_api import Page, expect

from agents.models import Agent
from campaigns import live
from campaigns.flow.nothing_now import COUNTED
from campaigns.models import Attempt, Contact, Lead
from telephony.drivers.simulated.script import Answers
from tests.browser.centre import Centre, now
from tests.browser.looking import looks_well
from tests.browser.told import Told

# one of these is far from midnight whenever it is asked
CITIES = ("Europe/Madrid", "America/Los_Angeles", "Asia/Tokyo")


def test_who_asks_for_a_record_where_there_is_none_is_told_why_and_until_when(sitting: Page, ana: Agent, centre: Centre, settings: Any) -> None:
    page, told = sitting, Told(sitting)
    settings.CENTRE_TIME_ZONE = next(city for city in CITIES if 6 <= now().astimezone(ZoneInfo(city)).hour < 18)
    clock = f"({settings.CENTRE_TIME_ZONE.rpartition('/')[2].replace('_', ' ')} time)"
    campaign = centre.campaign("Spring renewal", mode="preview", agents=[ana], is_live=True)  # goes on when all are finished
    maria = centre.person(campaign, "Maria Lopez", "+34600000001", Answers())
    Lead.objects.update(state="busy")
    centre.start(campaign)
    get = page.get_by_role("button", name="Get Record: Spring renewal").first

    def is_told(why: str) -> None:
        live.forget_floors(campaign.pk)
        told.when(get, f"No records available now. {why}")

    def waits(reason: str, at: datetime) -> datetime:
        Lead.objects.update(state="waiting", reason=reason, next_call_at=at)
        return (at + timedelta(seconds=59)).astimezone(ZoneInfo(settings.CENTRE_TIME_ZONE))

    is_told("1 is with an agent.")
    soon = waits("retry", now() + timedelta(hours=2))
    is_told(f"1 is to be tried again later; next at {soon:%H:%M} {clock}.")
    late = waits("callback", now() + timedelta(days=3))
    is_told(f"1 is promised for later; next on {late:%A} {late.day} {late:%B} at {late.hour}:{late:%M} {clock}.")

    people = Contact.objects.bulk_create(Contact(first_name="Ann", last_name=f"Lee {number}") for number in range(COUNTED))
    common = {"campaign": campaign, "calling_list": maria.calling_list, "zone_group": maria.zone_group}
    Lead.objects.bulk_create(Lead(contact=one, state="waiting", reason="retry", next_call_at=now() + timedelta(hours=3), **common) for one in people)
    Lead.objects.filter(pk=maria.pk).update(state="final", reason="done")
    soon = (now() + timedelta(hours=3, seconds=59)).astimezone(ZoneInfo(settings.CENTRE_TIME_ZONE))
    get.click()
    expect(page.locator(".toast")).to_be_visible()
    looks_well(page, "no-record-now")
    told.says(f"No records available now. More than 1,000 are to be tried again later; next at {soon:%H:%M} {clock}.")
    Lead.objects.update(state="final", reason="done")
    is_told("All are finished.")
    assert not Attempt.objects.exists()
