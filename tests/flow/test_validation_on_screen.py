"""A record on the screen whose number may not be called: the agent is told in the words of the trade, the next number is selected, Done closes."""

from datetime import timedelta

import pytest

from agents.desk import Done
from campaigns.models import Campaign, NumberCheck, PhoneNumber, ValidationService
from dialer_project.lib.sentence import heard
from telephony.drivers.simulated.script import Answers, seconds
from tests.checker import Checker
from tests.floor import Floor, Person, Someone

TALKS = Answers(after=seconds(3), talks_for=seconds(20))
LISTED = "The phone number is on the Do-Not-Call list"
LISTED_NEXT = "The phone number is on the Do-Not-Call list. The next available phone number will be selected."
UNAVAILABLE = "The phone number cannot be validated (Do-Not-Call list service is unavailable)."
UNAVAILABLE_NEXT = "The phone number cannot be validated (Do-Not-Call list service is unavailable). The next available phone number will be selected."


@pytest.fixture
def campaign(floor: Floor, ana: Someone, service: ValidationService) -> Campaign:
    return floor.campaign("preview", agents=[ana], validation_service=service)


def previews(floor: Floor, ana: Someone, campaign: Campaign, *, numbers: int = 1) -> Person:
    """Ana has Maria's record before her, whose numbers were all in order when it came."""
    maria = floor.person(campaign, "Maria", TALKS, numbers=numbers)
    ana.sits_down()
    floor.run(until=lambda: NumberCheck.objects.filter(verdict="clear").exists(), at_most=5)
    assert isinstance(answer := ana.gets(campaign), Done), answer
    floor.tick()
    return maria


def lapse() -> None:
    NumberCheck.objects.all().delete()


def told(ana: Someone) -> tuple[str | None, str]:
    assert ana.work
    return ana.work.phase, heard(ana.work.notice)


def chosen(ana: Someone) -> str:
    assert ana.work
    assert ana.work.phone_id
    return PhoneNumber.objects.get(pk=ana.work.phone_id).e164


def asked_at_the_click(floor: Floor, ana: Someone) -> None:
    assert isinstance(ana.calls(), Done)
    assert ana.phase in ("checking", "preview")
    floor.run(until=lambda: ana.phase != "checking", at_most=10)


def test_every_number_of_a_record_on_a_screen_is_asked_about(floor: Floor, ana: Someone, campaign: Campaign, checker: Checker) -> None:
    maria = previews(floor, ana, campaign, numbers=3)
    assert set(checker.numbers) == set(maria.numbers)


def test_a_listed_number_without_another_is_told_and_done_closes_the_record(floor: Floor, ana: Someone, campaign: Campaign, checker: Checker) -> None:
    maria = previews(floor, ana, campaign)
    lapse()
    checker.listed = set(maria.numbers)
    asked_at_the_click(floor, ana)
    assert told(ana) == ("preview", LISTED)
    assert maria.where[0] == "busy"
    assert isinstance(ana.finishes(None), Done)
    assert (maria.where, maria.dialed, ana.work) == (("final", "do_not_call"), [], None)


def test_a_listed_number_with_another_gives_way_to_it_and_that_one_is_validated_itself(
    floor: Floor, ana: Someone, campaign: Campaign, checker: Checker
) -> None:
    maria = previews(floor, ana, campaign, numbers=2)
    lapse()
    checker.listed = {maria.numbers[0]}
    floor.script.say(maria.numbers[1], TALKS)
    asked_at_the_click(floor, ana)
    assert told(ana) == ("preview", LISTED_NEXT)
    assert chosen(ana) == maria.numbers[1]
    checker.asked.clear()
    lapse()
    assert isinstance(ana.calls(), Done)
    floor.run(until=lambda: ana.phase == "connected", at_most=15)
    assert maria.numbers[1] in checker.numbers
    assert maria.dialed == [maria.numbers[1]]


@pytest.mark.parametrize("down_already", [False, True])
def test_a_service_that_is_down_is_told_and_done_closes_the_record(
    floor: Floor, ana: Someone, campaign: Campaign, checker: Checker, down_already: bool
) -> None:
    maria = previews(floor, ana, campaign)
    checker.down = "it did not answer within 3 seconds"
    lapse()
    if down_already:
        ValidationService.objects.update(failures=3, problem=checker.down, ask_again_at=floor.now + timedelta(minutes=1))
    asked_at_the_click(floor, ana)
    assert told(ana) == ("preview", UNAVAILABLE)
    assert isinstance(ana.finishes(None), Done)
    assert (maria.where[0], maria.dialed, ana.work) == ("waiting", [], None)


@pytest.mark.parametrize("down_already", [False, True])
def test_with_a_service_that_is_down_the_next_number_is_selected_and_called_only_where_it_was_validated(
    floor: Floor, ana: Someone, campaign: Campaign, checker: Checker, down_already: bool
) -> None:
    maria = previews(floor, ana, campaign, numbers=2)
    checker.down = "it did not answer within 3 seconds"
    lapse()
    if down_already:
        ValidationService.objects.update(failures=3, problem=checker.down, ask_again_at=floor.now + timedelta(minutes=1))
    asked_at_the_click(floor, ana)
    assert told(ana) == ("preview", UNAVAILABLE_NEXT)
    assert chosen(ana) == maria.numbers[1]
    asked_at_the_click(floor, ana)
    assert told(ana) == ("preview", UNAVAILABLE), "there is none after it"
    assert maria.dialed == []
    assert isinstance(ana.finishes(None), Done)


def test_a_next_number_whose_verdict_is_good_is_called_although_the_service_is_down(
    floor: Floor, ana: Someone, campaign: Campaign, service: ValidationService, checker: Checker
) -> None:
    maria = previews(floor, ana, campaign, numbers=2)
    floor.script.say(maria.numbers[1], TALKS)
    first = PhoneNumber.objects.get(e164=maria.numbers[0])
    NumberCheck.objects.filter(number_key=first.number_key).delete()
    checker.down = "it did not answer within 3 seconds"
    ValidationService.objects.update(failures=3, problem=checker.down, ask_again_at=floor.now + timedelta(minutes=1))
    asked_at_the_click(floor, ana)
    assert told(ana) == ("preview", UNAVAILABLE_NEXT)
    assert isinstance(ana.calls(), Done)
    floor.run(until=lambda: ana.phase == "connected", at_most=15)
    assert maria.dialed == [maria.numbers[1]]


def test_a_number_the_service_cannot_speak_about_is_told_like_a_service_that_is_away(
    floor: Floor, ana: Someone, campaign: Campaign, checker: Checker
) -> None:
    maria = previews(floor, ana, campaign)
    lapse()
    checker.unknown = set(maria.numbers)
    asked_at_the_click(floor, ana)
    assert told(ana) == ("preview", UNAVAILABLE)


def test_a_verdict_that_comes_while_the_agent_waits_is_dialed_on(floor: Floor, ana: Someone, campaign: Campaign, checker: Checker) -> None:
    maria = previews(floor, ana, campaign)
    lapse()
    assert isinstance(ana.calls(), Done)
    floor.run(until=lambda: ana.phase == "connected", at_most=15)
    assert maria.dialed == [maria.number]


def test_where_the_message_to_the_workers_is_lost_the_verdict_is_found_by_its_row(
    floor: Floor, ana: Someone, campaign: Campaign, checker: Checker
) -> None:
    previews(floor, ana, campaign)
    lapse()
    floor.post = lambda message: [] if message[0].endswith("check_numbers") else [message]
    assert isinstance(ana.calls(), Done)
    assert ana.phase == "checking"
    floor.post = lambda message: [message]
    floor.run(until=lambda: ana.phase == "connected", at_most=15)


def test_agent_first_shows_no_message_and_the_record_waits_for_its_verdict(
    floor: Floor, ana: Someone, service: ValidationService, checker: Checker
) -> None:
    campaign = floor.campaign("agent_first", agents=[ana], validation_service=service)
    maria = floor.person(campaign, "Maria", TALKS)
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "ringing_agent", at_most=20)
    lapse()
    ana.accepts()
    assert (ana.phase, maria.dialed) == (None, [])
    floor.run(until=lambda: ana.phase == "ringing_agent", at_most=60)
    ana.accepts()
    floor.run(until=lambda: ana.phase == "connected", at_most=20)
    assert maria.dialed == [maria.number]
