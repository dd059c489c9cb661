"""A validation service asked at the click: what it says is told in the words of the trade, the next number is selected, Done brings the next record."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from playwright.sync_api import Page, expect

from agents.models import Agent
from campaigns.models import Attempt, Lead, NumberCheck, PhoneNumber, ValidationService
from telephony.drivers.simulated.script import Answers, seconds
from tests.browser.by_keys import ByKeys
from tests.browser.centre import Centre, now
from tests.browser.looking import looks_well
from tests.validation_service import Register, Server

LISTED = "The phone number is on the Do-Not-Call list"
UNAVAILABLE = "The phone number cannot be validated (Do-Not-Call list service is unavailable)."
NEXT = " The next available phone number will be selected."
TALKS = Answers(after=seconds(0.5))


def with_a_second(lead: Lead, e164: str) -> Lead:
    PhoneNumber.objects.create(contact=lead.contact, e164=e164, number_key=f"second of {lead.pk}", kind="work", position=1, zones=["Europe/Madrid"])
    return lead


def test_each_message_of_the_validation_service_and_what_follows_it(sitting: Page, ana: Agent, centre: Centre, settings: Any) -> None:
    keys = ByKeys(sitting)
    get = sitting.get_by_role("button", name="Get Record: Spring renewal")

    def brings(name: str) -> None:
        """The next record, whose numbers were all in order when it came, and are to be asked about anew."""
        for number in PhoneNumber.objects.all():
            checked = {"verdict": "clear", "checked_at": now(), "valid_until": now() + timedelta(days=1), "wanted_at": None, "asking_until": None}
            NumberCheck.objects.update_or_create(service=service, number_key=number.number_key, defaults=checked)
        ValidationService.objects.update(failures=0, ask_again_at=None)
        keys.uses(get)
        keys.is_at(sitting.get_by_role("heading", name=name))
        NumberCheck.objects.all().delete()

    def goes_down() -> None:
        server.stops()
        ValidationService.objects.update(failures=3, problem="it did not answer", ask_again_at=now() + timedelta(minutes=5))

    def is_told(sentence: str, *, number: str) -> None:
        expect(sitting.get_by_role("alert").filter(has_text=re.compile(f"^{re.escape(sentence)}$"))).to_be_visible()
        keys.sees_where_they_are()
        expect(sitting.get_by_role("radio", name=re.compile(number))).to_be_checked()

    with Server(Register(listed={"+34600000001", "+34600000003"})) as server:
        settings.OUTGOING_TRUSTED = (server.url,)
        service = ValidationService.objects.create(name="Robinson", url=server.url)
        campaign = centre.campaign("Spring renewal", mode="preview", agents=[ana], wrap_up_for=60, validation_service=service)
        with_a_second(centre.person(campaign, "Maria Lopez", "+34600000001"), "+34910000001")
        centre.start(campaign)
        brings("Maria Lopez")
        keys.presses("Alt+C")
        is_told(LISTED + "." + NEXT, number="910 00 00 01")
        looks_well(sitting, "next-number")
        goes_down()
        keys.presses("Alt+C")
        is_told(UNAVAILABLE, number="910 00 00 01")
        looks_well(sitting, "not-validated")
        keys.presses("Alt+Enter")
        expect(sitting.get_by_role("heading", name=re.compile("Not Ready"))).to_be_visible()

        with_a_second(centre.person(campaign, "Pedro Ruiz", "+34600000002"), "+34910000002")
        centre.world.say("+34910000002", TALKS)
        brings("Pedro Ruiz")
        goes_down()
        keys.presses("Alt+C")
        is_told(UNAVAILABLE + NEXT, number="910 00 00 02")
        server.starts()
        ValidationService.objects.update(failures=0, ask_again_at=None)
        keys.presses("Alt+C")  # and is itself validated
        expect(sitting.get_by_role("region", name="Call")).to_contain_text("Connected")
        assert server.register.asked[-1] == ["+34910000002"]
        keys.ends_the_last_call()

        centre.person(campaign, "Carla Gil", "+34600000003")
        brings("Carla Gil")
        keys.presses("Alt+C")
        is_told(LISTED, number="600 00 00 03")
        keys.presses("Alt+Enter")
        expect(sitting.get_by_role("heading", name=re.compile("Not Ready"))).to_be_visible()
    assert list(Attempt.objects.values_list("e164", flat=True)) == ["+34910000002"], "neither a listed number nor one that was not validated"
    assert sorted(Lead.objects.values_list("contact__first_name", "state")) == [("Carla", "final"), ("Maria", "waiting"), ("Pedro", "final")]
