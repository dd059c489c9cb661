"""What an agent says of a record whose customer was not talked to: where it leads, and which call and number it belongs to."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from agents.desk import DONE, Answer, Refusal
from campaigns.flow import call_back, callbacks, control
from campaigns.flow.call_back import Wanted
from campaigns.flow.callbacks import Window
from campaigns.models import Callback, Campaign, Disposition, Lead, PhoneNumber
from telephony.drivers.simulated.script import Answers, NoAnswer, seconds
from tests.floor import Floor, Person, Someone

TALKS = Answers(after=seconds(2), talks_for=seconds(60))
CALLER = "+34611000001"


def books(ana: Someone, **later: float) -> Answer:
    local = f"{(ana.floor.now + timedelta(**later)).astimezone(ZoneInfo('Europe/Madrid')):%Y-%m-%dT%H:%M}"
    return callbacks.schedule(ana._work(), ana.id, Window(on=True, local=local, zone="Europe/Madrid"), now=ana.floor.now)


def looks_at(floor: Floor, ana: Someone, mode: str, *, promised: bool = False) -> Person:
    campaign = floor.campaign(mode, agents=[ana])
    maria = floor.person(campaign, "Maria", TALKS)
    if promised:
        floor.promises(maria, ana, at=floor.now)
    ana.sits_down()
    ana.runs(campaign)
    takes(floor, ana, campaign)
    return maria


def takes(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    """A callback of one's own is offered where the mode says so; else the next record is asked for."""
    floor.run(2)
    assert (ana.accepts() if ana.phase == "offered" else ana.gets(campaign)) == DONE


def wraps_up(floor: Floor, ana: Someone) -> None:
    floor.run(until=lambda: ana.phase == "connected", at_most=10)
    ana.hangs_up()
    floor.run(until=lambda: ana.phase == "wrap_up", at_most=3)


@pytest.mark.parametrize("mode", ["manual", "preview"])
def test_do_not_call_back_without_a_call_leaves_the_customer_alone(floor: Floor, ana: Someone, mode: str) -> None:
    maria = looks_at(floor, ana, mode, promised=True)
    ana.enters(no_callback=True)
    assert ana.finishes(None) == DONE
    assert maria.where == ("waiting", "no_callback")
    assert Callback.objects.get().state == "cancelled"


def test_do_not_call_back_said_while_it_rings_holds_where_nobody_answers(floor: Floor, ana: Someone) -> None:
    campaign = floor.campaign("auto_callback", agents=[ana])
    floor.script.say(CALLER, NoAnswer())
    ana.sits_down()
    call_back.call_back(Wanted(campaign.pk, CALLER, floor.now), now=floor.now)
    floor.run(until=lambda: ana.phase == "ringing_agent", at_most=90)
    ana.accepts()
    floor.run(until=lambda: ana.phase == "dialing", at_most=20)
    ana.enters(no_callback=True)
    floor.run(until=lambda: ana.phase is None, at_most=60)
    lead = Lead.objects.get(campaign=campaign)
    assert (lead.state, lead.reason) == ("final", "callback_not_required")


def test_do_not_call_back_said_of_a_call_in_vain_holds_where_the_agent_leaves(floor: Floor, ana: Someone) -> None:
    campaign = floor.campaign("preview", agents=[ana])
    maria = floor.person(campaign, "Maria", NoAnswer())
    floor.promises(maria, ana, at=floor.now)
    ana.sits_down()
    takes(floor, ana, campaign)
    ana.calls()
    floor.run(until=lambda: ana.phase == "preview", at_most=60)
    ana.enters(no_callback=True)
    ana.closes_console()
    floor.run(until=lambda: ana.phase is None, at_most=120)
    assert maria.where == ("waiting", "no_callback")
    assert Callback.objects.get().state == "cancelled"


def test_a_callback_that_was_due_is_not_processed_by_being_looked_at(floor: Floor, ana: Someone) -> None:
    looks_at(floor, ana, "manual", promised=True)
    assert isinstance(ana.finishes(None), Refusal)
    assert books(ana, hours=3) == DONE
    assert ana.finishes(None) == DONE


def test_a_due_callback_that_is_put_away_rests_like_other_records(floor: Floor, ana: Someone) -> None:
    maria = looks_at(floor, ana, "preview", promised=True)
    assert ana.finishes(None) == DONE
    assert maria.now().next_call_at >= floor.now + timedelta(minutes=10)


def test_a_record_of_a_campaign_that_was_stopped_needs_no_processing(floor: Floor, ana: Someone) -> None:
    looks_at(floor, ana, "manual")
    control.stop(Campaign.objects.get(), by=None, now=floor.now)
    assert ana.finishes(None) == DONE


def test_a_disposition_that_promises_a_callback_wants_one(floor: Floor, ana: Someone) -> None:
    Disposition.objects.create(code="back", label="Call back", kind="callback")
    floor.person(floor.campaign("progressive", agents=[ana]), "Maria", TALKS)
    ana.sits_down()
    wraps_up(floor, ana)
    answer = ana.finishes("back")
    assert isinstance(answer, Refusal)
    assert [problem.where for problem in answer.problems] == ["callback"]
    assert books(ana, hours=3) == DONE
    assert ana.finishes("back") == DONE


def test_what_is_said_of_a_call_in_vain_stays_with_it_and_its_number(floor: Floor, ana: Someone) -> None:
    campaign = floor.campaign("preview", agents=[ana])
    maria = floor.person(campaign, "Maria", NoAnswer(), numbers=2)
    floor.script.say(maria.numbers[1], TALKS)
    ana.sits_down()
    ana.gets(campaign)
    ana.calls()
    floor.run(until=lambda: ana.phase == "preview", at_most=60)
    ana.enters(number_result="not_in_service", disposition=Disposition.objects.get(code="no").pk)
    assert ana.calls(maria.numbers[1]) == DONE
    wraps_up(floor, ana)
    assert ana.work
    assert (ana.work.draft["disposition"], ana.work.draft["number_result"]) == (None, "")
    assert ana.finishes("again") == DONE
    numbers = {number.e164: (number.active, number.result) for number in PhoneNumber.objects.filter(contact=maria.contact)}
    assert numbers == {maria.numbers[0]: (False, "not_in_service"), maria.numbers[1]: (True, "")}
    assert [attempt.disposition.code for attempt in maria.attempts if attempt.disposition] == ["no", "again"]


def test_who_is_not_to_be_called_is_not_called_once_more(floor: Floor, ana: Someone) -> None:
    campaign = floor.campaign("preview", agents=[ana])
    maria = floor.person(campaign, "Maria", NoAnswer())
    ana.sits_down()
    ana.gets(campaign)
    ana.calls()
    floor.run(until=lambda: ana.phase == "preview", at_most=60)
    ana.enters(disposition=Disposition.objects.get(kind="do_not_call").pk)
    assert isinstance(ana.calls(), Refusal)
    floor.run(3)
    assert (ana.phase, len(maria.attempts)) == ("preview", 1)
    ana.enters(disposition=Disposition.objects.get(code="again").pk)
    assert ana.calls() == DONE
    floor.run(until=lambda: len(maria.attempts) == 2, at_most=5)


def test_a_number_that_is_dialed_once_more_is_not_out_of_service(floor: Floor, ana: Someone) -> None:
    campaign = floor.campaign("preview", agents=[ana])
    maria = floor.person(campaign, "Maria", NoAnswer(), TALKS)
    ana.sits_down()
    ana.gets(campaign)
    ana.calls()
    floor.run(until=lambda: ana.phase == "preview", at_most=60)
    ana.enters(number_result="not_in_service", disposition=Disposition.objects.get(code="again").pk)
    assert ana.calls() == DONE
    wraps_up(floor, ana)
    assert ana.finishes("again") == DONE
    assert PhoneNumber.objects.get(e164=maria.number).active


@pytest.mark.parametrize("decides", ["the disposition is missing", "the campaign's policy"])
def test_wrap_up_that_runs_out_stops_previews_too(floor: Floor, ana: Someone, decides: str) -> None:
    campaign = floor.campaign("direct_push_preview", agents=[ana], wrap_up_for=20)
    if decides == "the campaign's policy":
        Campaign.objects.filter(pk=campaign.pk).update(wrap_up_policy="not_ready", disposition_for="none")
    for name in ("Maria", "Pedro"):
        floor.person(campaign, name, TALKS)
    ana.sits_down()
    ana.turns("voice", on=False)
    ana.gets(campaign)
    floor.run(until=lambda: ana.phase == "offered", at_most=5)
    ana.accepts()
    wraps_up(floor, ana)
    floor.run(30)
    if ana.phase == "wrap_up":
        ana.finishes("sale")
    floor.run(30)
    assert ana.phase is None
    assert not ana.session.preview_ready
