"""A validation service is asked ahead of need; whatever it does, a number it has not cleared is never called."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.db import transaction

from campaigns import number_checks
from campaigns.models import Campaign, NumberCheck, Permit, PhoneNumber, ValidationService
from campaigns.rules.number_keys import number_key
from dialer_project.lib import outgoing, seal
from telephony.drivers.simulated.script import Answers, Busy, NoAnswer, seconds
from tests.checker import Checker
from tests.counting import Batch
from tests.floor import Floor, Someone
from tests.validation_service import Fault

TALKS = Answers(after=seconds(3), talks_for=seconds(20))


@pytest.fixture
def campaign(floor: Floor, ana: Someone, service: ValidationService) -> Campaign:
    return floor.campaign("progressive", agents=[ana], validation_service=service)


def test_a_number_is_asked_about_and_then_called_with_the_answer_in_its_permit(
    floor: Floor, ana: Someone, campaign: Campaign, checker: Checker
) -> None:
    maria = floor.person(campaign, "Maria", TALKS)
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "connected", at_most=20)
    assert checker.asked == [[maria.number]]
    assert Permit.objects.get().evidence["validation"] == "Robinson: clear"


def test_what_comes_next_is_asked_about_before_anybody_is_free(floor: Floor, campaign: Campaign, checker: Checker) -> None:
    people = [floor.person(campaign, f"Person {i}") for i in range(3)]
    later = floor.person(campaign, "Later", at=floor.now + timedelta(hours=1))
    floor.tick()
    assert set(checker.numbers) == {person.number for person in people}
    assert not NumberCheck.objects.filter(number_key=number_key(later.number, settings.NUMBER_KEY)).exists()
    floor.tick()
    assert len(checker.asked) == 1, "a verdict that is good is not asked for again"


def test_a_listed_number_gives_way_to_the_next_which_is_asked_about_itself(floor: Floor, ana: Someone, campaign: Campaign, checker: Checker) -> None:
    maria = floor.person(campaign, "Maria", numbers=2)
    floor.script.say(maria.numbers[1], TALKS)
    checker.listed = {maria.numbers[0]}
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "connected", at_most=30)
    assert maria.dialed == [maria.numbers[1]]
    assert checker.numbers == maria.numbers
    assert floor.placed(maria.numbers[0]) == 0


def test_a_person_all_of_whose_numbers_are_listed_is_refused_for_good(floor: Floor, ana: Someone, campaign: Campaign, checker: Checker) -> None:
    maria = floor.person(campaign, "Maria", numbers=2)
    checker.listed = set(maria.numbers)
    ana.sits_down()
    floor.run(until=lambda: maria.where == ("final", "do_not_call"), at_most=30)
    assert maria.dialed == []


def test_a_number_nobody_can_speak_about_waits_and_the_next_one_is_called(floor: Floor, ana: Someone, campaign: Campaign, checker: Checker) -> None:
    maria, omar = floor.person(campaign, "Maria", numbers=2), floor.person(campaign, "Omar")
    floor.script.say(maria.numbers[1], TALKS)
    checker.unknown = {maria.numbers[0], omar.number}
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "connected", at_most=30)
    assert maria.dialed == [maria.numbers[1]]
    assert (omar.dialed, omar.where) == ([], ("waiting", "validation"))
    assert checker.numbers.count(omar.number) == 1, "it is left alone for some minutes"
    assert omar.now().next_call_at >= floor.now + timedelta(minutes=4)


@pytest.mark.parametrize("fault", [Fault.ERROR, Fault.GARBAGE, Fault.HALF, "down"])
def test_whatever_is_wrong_with_the_service_nobody_is_called_and_it_is_left_alone(
    floor: Floor, ana: Someone, campaign: Campaign, service: ValidationService, checker: Checker, fault: str
) -> None:
    people = [floor.person(campaign, f"Person {i}", numbers=2) for i in range(5)]
    if fault == "down":
        checker.down = "it did not answer within 3 seconds"
    else:
        checker.fault = Fault(fault)
    ana.sits_down()
    began = floor.now
    floor.run(120)
    assert not floor.world.customers()
    assert all(person.where[0] == "waiting" for person in people)
    service.refresh_from_db()
    assert service.failures > 3
    assert service.failing_since is not None
    assert service.failing_since - began < timedelta(seconds=2)
    # three in a row, then after 5, 10, 20, 40 and 60 seconds
    assert len(checker.times) <= 8
    pauses = [(b - a).total_seconds() for a, b in zip(checker.times[2:], checker.times[3:], strict=False)]
    assert all(pause <= found <= pause + 1 for pause, found in zip((5, 10, 20, 40), pauses, strict=False)), pauses
    assert all(len(numbers) == 1 for numbers in checker.asked[3:]), "one number is enough to find out whether it is back"


def test_a_service_that_is_down_holds_the_campaign_moves_no_lead_and_lets_it_go_on_when_it_is_back(
    floor: Floor, ana: Someone, campaign: Campaign, service: ValidationService, checker: Checker
) -> None:
    checker.down = "it did not answer within 3 seconds"
    people = [floor.person(campaign, f"Person {i}", TALKS) for i in range(30)]
    floor.run(until=lambda: ValidationService.objects.get().failures >= 3, at_most=30)
    before = {person.lead.pk: (person.now().next_call_at, person.now().changed_at) for person in people}
    ana.sits_down()
    floor.run(20)
    assert {person.lead.pk: (person.now().next_call_at, person.now().changed_at) for person in people} == before
    checker.down = ""
    floor.run(until=lambda: ana.phase == "connected", at_most=70)
    service.refresh_from_db()
    assert (service.failures, service.problem, service.ask_again_at) == (0, "", None)


def test_a_number_over_which_the_service_stumbles_holds_up_no_other(
    floor: Floor, campaign: Campaign, service: ValidationService, checker: Checker
) -> None:
    people = [floor.person(campaign, f"Person {i}") for i in range(6)]
    checker.stumbles = {people[0].number}
    floor.run(30)
    checked = {check.number_key for check in NumberCheck.objects.exclude(verdict="")}
    assert checked == {number_key(person.number, settings.NUMBER_KEY) for person in people[1:]}
    checker.stumbles = set()
    floor.run(until=lambda: NumberCheck.objects.filter(verdict="clear").count() == 6, at_most=70)


def test_a_call_an_agent_has_answered_for_goes_on_with_a_verdict_that_is_good(
    floor: Floor, ana: Someone, service: ValidationService, checker: Checker
) -> None:
    campaign = floor.campaign("agent_first", agents=[ana], validation_service=service)
    maria = floor.person(campaign, "Maria", TALKS)
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "ringing_agent", at_most=20)
    ValidationService.objects.update(failures=3, problem="it did not answer within 3 seconds", ask_again_at=floor.now + timedelta(hours=1))
    ana.accepts()
    floor.run(until=lambda: ana.phase == "connected", at_most=20)
    assert maria.dialed == [maria.number]


def test_a_verdict_that_has_lapsed_is_none(floor: Floor, ana: Someone, campaign: Campaign, service: ValidationService, checker: Checker) -> None:
    ValidationService.objects.update(fresh_minutes=10)
    maria = floor.person(campaign, "Maria", Busy(after=seconds(1)), NoAnswer())
    floor.rule(campaign, "busy", minutes=30)
    ana.sits_down()
    floor.run(until=lambda: maria.outcomes == ["busy"], at_most=20)
    floor.jumps_to(floor.now + timedelta(minutes=31))
    checker.listed = {maria.number}
    floor.run(until=lambda: maria.where == ("final", "do_not_call"), at_most=20)
    assert maria.dialed == [maria.number]


def test_a_service_that_is_switched_off_holds_its_campaigns(
    floor: Floor, ana: Someone, campaign: Campaign, service: ValidationService, checker: Checker
) -> None:
    ValidationService.objects.update(enabled=False)
    maria = floor.person(campaign, "Maria", TALKS)
    ana.sits_down()
    floor.run(20)
    assert (maria.dialed, maria.where[0], checker.asked) == ([], "waiting", [])


def test_a_service_is_never_asked_inside_a_transaction(floor: Floor, campaign: Campaign, service: ValidationService, checker: Checker) -> None:
    floor.person(campaign, "Maria")
    with transaction.atomic(), pytest.raises(number_checks.InsideATransaction):
        number_checks.ask(service.pk, now=floor.now)
    assert not checker.times


def test_two_workers_ask_once(
    floor: Floor, campaign: Campaign, service: ValidationService, checker: Checker, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [floor.person(campaign, f"Person {i}") for i in range(3)]
    floor.messages.clear()
    number_checks.look_ahead(now=floor.now)
    inner: list[int] = []

    def meanwhile(*args: object, **kwargs: object) -> outgoing.Reply | outgoing.Failed:
        inner.append(number_checks.ask(service.pk, now=floor.now))  # another worker, while the first one waits for the answer
        return checker.post(*args, **kwargs)  # type: ignore[arg-type]  # handed on as it came

    monkeypatch.setattr(outgoing, "post", meanwhile)
    assert number_checks.ask(service.pk, now=floor.now) == len(people)
    assert inner == [0]
    assert len(checker.asked) == 1


def test_a_worker_that_died_over_its_question_leaves_it_to_another(
    floor: Floor, campaign: Campaign, service: ValidationService, checker: Checker
) -> None:
    maria = floor.person(campaign, "Maria")
    number_checks.look_ahead(now=floor.now)
    floor.messages.clear()
    NumberCheck.objects.update(asking_until=floor.now + timedelta(seconds=13))
    assert number_checks.ask(service.pk, now=floor.now) == 0
    assert number_checks.ask(service.pk, now=floor.now + timedelta(seconds=13)) == 1
    assert checker.numbers == [maria.number]


def test_the_secret_is_sealed_where_it_lies_and_sent_as_it_is(floor: Floor, campaign: Campaign, checker: Checker) -> None:
    ValidationService.objects.update(sealed_secret=seal.seal("Bearer open-sesame"))
    checker.secret = "Bearer open-sesame"
    floor.person(campaign, "Maria")
    floor.tick()
    assert NumberCheck.objects.get().verdict == "clear"
    assert "sesame" not in ValidationService.objects.get().sealed_secret


def test_a_secret_sealed_with_another_key_is_a_failure_that_says_so(floor: Floor, campaign: Campaign, checker: Checker) -> None:
    ValidationService.objects.update(sealed_secret="not ours")
    floor.person(campaign, "Maria")
    floor.tick()
    assert "SEAL_KEYS" in ValidationService.objects.get().problem
    assert not checker.times


@pytest.mark.parametrize("size", [1, 50])
def test_sixteen_statements_are_enough_with_a_service_too(floor: Floor, service: ValidationService, size: int) -> None:
    batch = Batch(floor, size)
    Campaign.objects.update(validation_service=service)
    NumberCheck.objects.bulk_create(
        NumberCheck(service=service, number_key=key, verdict="clear", checked_at=floor.now, valid_until=floor.now + timedelta(days=1))
        for key in PhoneNumber.objects.values_list("number_key", flat=True)
    )
    batch.all_ready()
    cost = batch.dispatched()
    assert len(cost.statements) <= 16, cost.statements
