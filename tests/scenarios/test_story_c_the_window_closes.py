"""A preview with a countdown, a number that is typed, a validation service that takes its time, and calling hours that end on the screen."""

from __future__ import annotations

from datetime import timedelta

import pytest

from agents.desk import Done, Refusal
from campaigns.flow import do_not_call
from campaigns.models import CallableHours, Campaign, NumberCheck, PhoneNumber, ValidationService
from dialer_project.lib import outgoing
from telephony.drivers.simulated.script import Answers, seconds
from tests.checker import Checker
from tests.floor import Floor, Person, Someone

TALKS = Answers(after=seconds(3), talks_for=seconds(20))


@pytest.fixture
def campaign(floor: Floor, ana: Someone) -> Campaign:
    """Until five past ten today, and from nine tomorrow; after twenty seconds it dials by itself."""
    hours = CallableHours.objects.create(name="short", week={"tue": [["09:00", "10:05"]], "wed": [["09:00", "18:00"]]})
    return floor.campaign("preview", agents=[ana], hours=hours, preview_for=20)


@pytest.fixture
def maria(floor: Floor, campaign: Campaign, ana: Someone) -> Person:
    maria = floor.person(campaign, "Maria", TALKS)
    ana.sits_down()
    assert isinstance(ana.gets(campaign), Done)
    return maria


def notice(ana: Someone) -> str:
    assert ana.work
    return str(ana.work.notice)


@pytest.mark.parametrize("missing", ["the console", "the phone"])
def test_at_zero_the_system_dials_only_for_who_is_there_with_a_phone(floor: Floor, ana: Someone, maria: Person, missing: str) -> None:
    ana.closes_console() if missing == "the console" else ana.phone_dies()
    floor.run(25)
    assert (ana.phase, maria.attempts) == ("preview", [])
    if missing == "the phone":
        ana.phone_is_back()
        floor.run(until=lambda: ana.session.leg_state == "up", at_most=30)
    else:
        ana.opens_console()
    assert isinstance(ana.calls(), Done), "whoever is back dials for themselves"
    floor.run(until=lambda: ana.phase == "connected", at_most=8)


def test_who_types_is_not_overtaken_by_the_countdown_and_a_typed_number_passes_the_same_door(
    floor: Floor, ana: Someone, maria: Person, campaign: Campaign
) -> None:
    floor.run(15)
    assert isinstance(ana.waits(), Done), "the console says so at the first letter"
    floor.run(30)
    assert (ana.phase, maria.attempts) == ("preview", [])
    # it lives in another zone, where it is four in the morning: a sentence, and nothing dialed
    assert isinstance(ana.dials_new("+1 212 555 0188", kind="mobile"), Done)
    assert ana.phase == "preview"
    assert "Outside calling hours" in notice(ana)
    do_not_call.list_numbers(["+34622222222"], source="customer", now=floor.now)
    ana.dials_new("+34 622 22 22 22", kind="mobile")
    assert "Do-Not-Call" in notice(ana)
    assert isinstance(ana.dials_new("12"), Refusal)
    assert not maria.attempts
    kept = set(PhoneNumber.objects.filter(contact=maria.contact).values_list("e164", flat=True))
    assert {"+12125550188", "+34622222222"} <= kept, "what was typed is kept with the contact"


def test_when_the_window_closes_on_screen_the_record_stays_readable_and_goes_to_its_next_lawful_time(
    floor: Floor, ana: Someone, maria: Person, campaign: Campaign
) -> None:
    ana.waits()
    floor.run(6 * 60)
    assert ana.phase == "preview", "nobody takes it away from who reads it"
    ana.calls()
    assert ana.phase == "preview"
    assert "Outside calling hours" in notice(ana)
    assert isinstance(ana.finishes(None, note="her boss says tomorrow"), Done)
    assert maria.where == ("waiting", "hours")
    assert maria.now().next_call_at == floor.now.replace(day=11, hour=8, minute=0, second=0, microsecond=0), "nine in Madrid"
    assert isinstance(ana.gets(campaign), Refusal), "the same agent is not given it again"
    assert not maria.attempts


def test_a_record_whose_countdown_would_end_past_the_window_is_not_given_any_more(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    ana.sits_down()
    floor.run((timedelta(minutes=5) - timedelta(seconds=12)).total_seconds())
    maria = floor.person(campaign, "Maria", TALKS)
    assert isinstance(ana.gets(campaign), Refusal)
    assert not maria.attempts


class _Slow(Checker):
    """Answers only when it is let."""

    answers = False

    def post(self, *args: object, **kwargs: object) -> outgoing.Reply | outgoing.Failed:
        if not self.answers:
            return outgoing.Failed("it did not answer within 3 seconds")
        return super().post(*args, **kwargs)  # type: ignore[arg-type]  # handed on as it came


def test_the_verdict_of_a_slow_validator_is_a_row_and_waiting_for_it_can_be_broken_off(
    floor: Floor, ana: Someone, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = ValidationService.objects.create(name="Robinson", url="https://robinson.example/check")
    Campaign.objects.filter(pk=campaign.pk).update(validation_service=service)
    slow = _Slow(floor)
    slow.answers = True
    monkeypatch.setattr(outgoing, "post", slow.post)
    maria = floor.person(campaign, "Maria", TALKS)
    ana.sits_down()
    floor.run(until=lambda: NumberCheck.objects.filter(verdict="clear").exists(), at_most=5)
    assert isinstance(ana.gets(campaign), Done)
    ana.waits()
    NumberCheck.objects.all().delete()
    floor.loses_messages()  # the question does not even reach a worker
    floor.sweeps = False
    assert isinstance(ana.calls(), Done)
    assert ana.phase == "checking"
    assert NumberCheck.objects.filter(wanted_at__isnull=False).exists(), "it is asked by a row"
    assert isinstance(ana.waits(), Done), "who does not want to wait for it says so"
    assert (ana.phase, maria.attempts) == ("preview", [])
    floor.sweeps = True
    floor.post = lambda message: [message]
    floor.run(until=lambda: NumberCheck.objects.filter(verdict="clear").exists(), at_most=10)
    floor.run(3)
    assert (ana.phase, maria.attempts) == ("preview", []), "a verdict that comes late dials nobody who has given up"
    assert isinstance(ana.calls(), Done)
    floor.run(until=lambda: ana.phase == "connected", at_most=10)
