"""Phones that cannot be used, a server that cannot do what it is asked, and one of another version: it is said in a sentence, and goes on after it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection, transaction
from django.db.models import F
from playwright.sync_api import BrowserContext, Page, expect

from agents import messages, sockets
from agents.desk import DONE
from agents.models import Agent, Session, Station
from campaigns.flow import phone, pull
from campaigns.models import Attempt, Callback
from telephony.drivers.simulated.script import Answers, seconds
from telephony.models import Node
from tests.browser.centre import Centre, now
from tests.browser.looking import looks_well
from tests.browser.network import Network
from tests.browser.registrar import ADDRESS, Registrar
from tests.browser.served import eventually
from tests.browser.told import Told

TALKS = Answers(after=seconds(0.5))
NO_SYSTEM = "No telephone system is connected at the moment: try again in a few seconds, or tell your supervisor."
AT_WORK = "Finish the record on your screen first."


def test_a_phone_that_cannot_be_used_is_refused_and_used_as_soon_as_it_can_be(
    console: Page, window: BrowserContext, ana: Agent, centre: Centre
) -> None:
    window.grant_permissions(["microphone"])
    page, told, network, registrar = console, Told(console), Network(console), Registrar(console)
    desk = centre.station("Desk 12")
    campaign = centre.campaign("Spring renewal", mode="preview", agents=[ana])
    centre.person(campaign, "Maria Lopez", "+34600000001", TALKS)
    centre.start(campaign)
    Node.objects.filter(name="south").update(browser_url=ADDRESS)
    page.goto("/console/")
    start, check = page.get_by_role("button", name="Start my shift"), page.get_by_role("button", name="Check microphone and connection")
    again, connected = page.get_by_role("button", name="Try again"), page.get_by_text("Connection to the telephone system: well")
    expect(page.get_by_label("This browser")).to_be_checked()

    Session.objects.update(connection_epoch=F("connection_epoch") + 1)
    told.when(check, "The console is open in another window, and so is the phone.")
    Session.objects.update(connection_epoch=F("connection_epoch") - 1)
    Node.objects.filter(name="south").update(draining=True)
    told.when(again, NO_SYSTEM)
    looks_well(page, "refused-page-phone")
    Node.objects.filter(name="south").update(draining=False)
    again.click()
    expect(connected).to_be_attached()

    # what it has registered as is not known any more: it is given another name, and what is asked next is done
    Station.objects.filter(owner=ana).delete()
    told.when(start, "This page's phone is not connected yet: check the microphone first.")
    network.until(lambda: len(set(registrar.names)) == 2)
    expect(connected).to_be_attached()
    Station.objects.filter(owner=ana).update(secret="")
    told.when(start, "This page's phone is not connected: reload the page, and try again.")
    network.until(lambda: len(set(registrar.names)) == 3)
    expect(connected).to_be_attached()

    page.get_by_label("Desk 12").check()
    Node.objects.filter(name="south").update(draining=True)
    told.when(start, NO_SYSTEM)
    Node.objects.filter(name="south").update(draining=False)

    # signed in and at work behind a page that has not heard of it
    network.is_slow = True
    assert phone.sign_in(ana.pk, desk.pk, now=now()) == DONE
    eventually(lambda: Session.objects.get(agent=ana).leg_state == "up")
    assert pull.get_record(ana.pk, campaign.pk, now=now()) == DONE
    told.when(start, AT_WORK)
    network.catches_up()
    expect(page.get_by_role("heading", name="Maria Lopez")).to_be_visible()
    page.get_by_role("button", name=re.compile("^Account of")).click()
    told.when(page.get_by_role("menuitem", name="End my shift"), AT_WORK)
    page.get_by_role("button", name="Done", exact=True).click()
    expect(page.get_by_role("heading", name=re.compile("Not Ready"))).to_be_visible()
    assert not Attempt.objects.exists()


class Held:
    """Nobody reads or writes this table while it is held."""

    def __init__(self, table: str) -> None:
        self.table = table

    def keeps_somebody_waiting(self) -> None:
        eventually(lambda: self._asks("l.pid"))

    def goes_away(self) -> None:
        """The connection of whoever waits ends, as when the database is started again."""
        eventually(lambda: self._asks("pg_terminate_backend(l.pid)"))

    def _asks(self, what: str) -> bool:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {what} FROM pg_locks l WHERE NOT l.granted AND l.relation = %s::regclass", [self.table])
            return bool(cursor.fetchall())


@contextmanager
def held(table: str) -> Iterator[Held]:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        yield Held(table)


def test_what_the_server_cannot_do_or_does_not_know_is_said_and_nothing_entered_is_lost(
    sitting: Page, ana: Agent, centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, told, network = sitting, Told(sitting), Network(sitting)
    campaign = centre.campaign("Spring renewal", mode="preview", agents=[ana], wrap_up_for=60)
    centre.person(campaign, "Maria Lopez", "+34600000001", TALKS)
    centre.start(campaign)
    page.reload()
    get = page.get_by_role("button", name="Get Record: Spring renewal").first
    expect(get).to_be_enabled()

    page.get_by_role("tab", name="My Callbacks").click()
    with held("campaigns_callback") as database:
        page.get_by_role("tab", name="My Day").click()
        database.goes_away()
        told.says("The server could not look that up just now. Try again.")

    # asked, and asked again by the page that comes back while it is still being done
    monkeypatch.setattr(sockets, "STILL_AT_IT", 0)
    with held("campaigns_lead") as database:
        get.click()
        database.keeps_somebody_waiting()
        network.goes()
        network.comes_back()
        expect(page.locator(".toast")).to_be_visible()
    told.says("It is not known whether that was done. Look at the screen, and try again if it was not.")
    expect(page.get_by_role("heading", name="Maria Lopez")).to_be_visible()

    # a promise that could not be written down stands in its window, and is written down with Done
    page.get_by_role("button", name="Schedule Callback").click()
    callback = page.get_by_role("dialog", name="Schedule Callback")
    callback.get_by_label("Note for the callback").fill("ask for the blue plan")
    with held("campaigns_callback") as database:
        callback.get_by_role("button", name="Tomorrow 10:00").click()
        database.goes_away()
        told.says("The server could not do that just now. Try again.")
    assert not Callback.objects.exists()
    expect(callback.get_by_label("At", exact=True)).to_have_value(re.compile("T10:00$"))

    # the server is of another version when the network is back
    page.get_by_label("Note", exact=True).fill("Typed before the update")
    network.goes()
    monkeypatch.setattr(messages, "PROTOCOL", messages.PROTOCOL + 1)
    network.comes_back()
    expect(page.get_by_role("heading", name="Ringmaster was updated")).to_be_visible()
    looks_well(page, "refused-version")
    page.get_by_role("button", name="Reload").click()
    expect(page.get_by_label("Note", exact=True)).to_have_value("Typed before the update")
    page.get_by_role("button", name="Done", exact=True).click()
    expect(page.get_by_role("heading", name=re.compile("Not Ready"))).to_be_visible()
    assert Callback.objects.get().note == "ask for the blue plan"
    assert not Attempt.objects.exists()
