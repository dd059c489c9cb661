"""What an agent says of the number alone: it is not called again, whatever comes of the person."""

from typing import Any

import pytest

from agents.desk import DONE, Refusal
from campaigns import explain, screens
from campaigns.flow import callbacks, filled_in, place
from campaigns.models import Callback, Campaign, PhoneNumber
from telephony.drivers.simulated.script import Answers, NoAnswer, seconds
from tests.floor import Floor, Person, Someone

TALKS = Answers(after=seconds(2), talks_for=seconds(60))


@pytest.fixture
def campaign(floor: Floor, ana: Someone) -> Campaign:
    campaign = floor.campaign("progressive", agents=[ana])
    floor.rule(campaign, "connected", minutes=5)
    return campaign


def in_wrap_up(floor: Floor, ana: Someone, campaign: Campaign, **about: Any) -> Person:
    maria = floor.person(campaign, "Maria", TALKS, **about)
    for number in maria.numbers[1:]:
        floor.script.say(number, TALKS)
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "connected", at_most=8)
    ana.hangs_up()
    floor.run(until=lambda: ana.phase == "wrap_up", at_most=3)
    return maria


def marks(ana: Someone, result: str) -> None:
    assert filled_in.save(ana._work(), ana.id, {"number_result": result}, now=ana.floor.now) == DONE


def test_a_fax_is_not_called_again_and_the_person_is_on_their_other_number(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    maria = in_wrap_up(floor, ana, campaign, numbers=2)
    marks(ana, "fax")
    assert ana.finishes("again") == DONE
    assert maria.where == ("waiting", "retry")
    number = PhoneNumber.objects.get(e164=maria.number)
    assert (number.active, number.result) == (False, "fax")
    floor.run(until=lambda: ana.phase == "connected", at_most=6 * 60)
    assert maria.dialed == maria.numbers
    details = screens.record(ana.id, ana._work())
    assert details
    assert details.contact
    assert [one.result for one in details.contact.numbers] == ["fax", ""]


def test_nothing_said_but_that_the_number_is_wrong_leads_to_the_next_one_at_once(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    Campaign.objects.filter(pk=campaign.pk).update(disposition_for="none")
    maria = in_wrap_up(floor, ana, campaign, numbers=2)
    marks(ana, "wrong_number")
    assert ana.finishes(None) == DONE
    floor.run(until=lambda: len(maria.dialed) == 2, at_most=10)
    assert maria.dialed == maria.numbers


def test_the_last_number_gone_finishes_the_record_and_the_explanation_says_why(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    maria = in_wrap_up(floor, ana, campaign)
    marks(ana, "not_in_service")
    assert ana.finishes("again") == DONE
    assert maria.where == ("final", "no_valid_number")
    told = explain.lead(maria.lead.pk, now=floor.now)
    assert told
    assert ("an agent", "An agent has marked this number: not in service.") in [(gate.by, gate.why) for gate in told.gates]


def test_the_gate_refuses_it_in_another_campaign_too(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    maria = in_wrap_up(floor, ana, campaign)
    elsewhere = floor.campaign("preview", agents=[ana])
    there = floor.person(elsewhere, contact=maria.contact)
    marks(ana, "wrong_number")
    assert ana.finishes("no") == DONE
    refused = ana.gets(elsewhere)
    assert isinstance(refused, Refusal)
    assert there.where == ("final", "no_valid_number")
    assert floor.placed(maria.number) == 1


def test_the_wrong_number_disposition_marks_it_as_well(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    maria = in_wrap_up(floor, ana, campaign, numbers=2)
    assert ana.finishes("wrong") == DONE
    assert PhoneNumber.objects.get(e164=maria.number).result == "wrong_number"


def test_a_callback_on_the_number_that_was_marked_is_a_problem_at_done(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    maria = in_wrap_up(floor, ana, campaign, numbers=2)
    first, second = (maria.contact.phones.get(e164=number).pk for number in maria.numbers)
    window = callbacks.Window(on=True, local="2026-03-10T16:00", zone="Europe/Madrid", phone=first)
    assert callbacks.schedule(ana._work(), ana.id, window, now=floor.now) == DONE
    marks(ana, "fax")
    refused = ana.finishes("again")
    assert isinstance(refused, Refusal)
    assert [problem.where for problem in refused.problems] == ["callback"]
    window = callbacks.Window(on=True, local="2026-03-10T16:00", zone="Europe/Madrid", phone=second)
    assert callbacks.schedule(ana._work(), ana.id, window, now=floor.now) == DONE
    assert ana.finishes("again") == DONE
    assert (Callback.objects.get().state, maria.now().next_phone_id) == ("open", second)


def test_what_was_only_looked_at_is_not_marked(floor: Floor, ana: Someone) -> None:
    campaign = floor.campaign("preview", agents=[ana])
    maria = floor.person(campaign, "Maria", NoAnswer())
    ana.sits_down()
    ana.gets(campaign)
    marks(ana, "fax")
    assert ana.finishes(None) == DONE
    assert PhoneNumber.objects.get(e164=maria.number).active, "nobody called it"


def test_one_that_was_marked_between_plan_and_last_look_is_not_dialed(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    pedro = floor.person(campaign, "Pedro", TALKS)
    ana.sits_down(ready=False)
    planned = place.dial_planned

    def marked_meanwhile(*args: Any, **kwargs: Any) -> None:
        PhoneNumber.objects.filter(e164=pedro.number).update(active=False, result="fax")
        planned(*args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(place, "dial_planned", marked_meanwhile)
        ana.goes_ready()
        floor.run(2)
    assert floor.placed(pedro.number) == 0
