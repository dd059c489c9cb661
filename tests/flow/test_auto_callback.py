"""Auto-callback: who called in vain, or heard only the message, is called back, agent first; unless no callback is wanted."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command

from agents.desk import Refusal
from campaigns.flow import call_back, control
from campaigns.flow.call_back import Wanted
from campaigns.models import Attempt, Campaign, Lead, PhoneNumber
from telephony.drivers.simulated.script import Answers, Busy, NoAnswer, seconds
from tests.floor import Floor, Someone

TALKS = Answers(after=seconds(4), talks_for=seconds(30))
CALLER = "+34611000001"


@pytest.fixture
def campaign(floor: Floor, ana: Someone) -> Campaign:
    return floor.campaign("auto_callback", agents=[ana])


def done(floor: Floor, someone: Someone, disposition: str) -> None:
    floor.run(until=lambda: someone.phase == "ringing_agent", at_most=90)
    someone.accepts()
    floor.run(until=lambda: someone.phase == "connected", at_most=20)
    someone.hangs_up()
    floor.run(1)
    someone.finishes(disposition)


def test_who_called_us_in_vain_is_called_back_agent_first(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    ana.sits_down()
    floor.script.say(CALLER, TALKS)
    floor.world.incoming(CALLER, "+34910000000", floor.now)
    floor.run(20)
    assert ana.phase is None, "they may still be on the line to us"
    done(floor, ana, "sale")
    lead = Lead.objects.get(campaign=campaign)
    assert (lead.state, lead.reason, lead.attempts_made) == ("final", "success", 1)
    assert Attempt.objects.get().e164 == CALLER
    floor.check()


@pytest.mark.parametrize(("number", "landline"), [(CALLER, False), ("+34912000001", True)])
def test_a_stranger_who_calls_is_kept_with_what_their_number_is(floor: Floor, campaign: Campaign, number: str, landline: bool) -> None:
    call_back.call_back(Wanted(campaign.pk, number, floor.now), now=floor.now)
    assert PhoneNumber.objects.get(e164=number).landline == landline


def test_a_call_to_a_number_no_campaign_calls_back_from_makes_no_lead(floor: Floor, campaign: Campaign) -> None:
    floor.world.incoming(CALLER, "+34919999999", floor.now)
    floor.run(5)
    assert not Lead.objects.exists()


def test_who_heard_only_the_message_is_called_back_by_the_campaign_named_for_it(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    power = floor.campaign("power", agents=[ana], dial_ratio="2.0", call_back_in=campaign)
    people = [floor.person(power, name, Answers(after=seconds(3), talks_for=seconds(8)), TALKS) for name in ("Maria", "Pedro")]
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "wrap_up", at_most=20)
    ana.finishes("sale")
    floor.run(1)
    lost = next(person for person in people if person.outcomes == ["abandoned"])
    lead = Lead.objects.get(campaign=campaign)
    assert lead.contact_id == lost.contact.pk
    done(floor, ana, "sale")
    assert Attempt.objects.filter(lead=lead).get().outcome == "connected"


def test_do_not_call_back_ends_it_however_often_they_are_reported(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    floor.script.say(CALLER, TALKS, TALKS)
    call_back.call_back(Wanted(campaign.pk, CALLER, floor.now), now=floor.now)
    ana.sits_down()
    done(floor, ana, "later")
    lead = Lead.objects.get()
    assert (lead.state, lead.reason) == ("final", "callback_not_required")
    call_back.call_back(Wanted(campaign.pk, CALLER, floor.now), now=floor.now)
    assert Lead.objects.get().state == "final"
    afterwards = floor.now + timedelta(days=campaign.no_callback_days + 1)
    call_back.call_back(Wanted(campaign.pk, CALLER, afterwards), now=afterwards)
    assert Lead.objects.get().state == "waiting"


def test_who_calls_again_is_called_back_again_and_not_twice(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    floor.script.say(CALLER, TALKS, TALKS)
    for _ in range(3):
        call_back.call_back(Wanted(campaign.pk, CALLER, floor.now), now=floor.now)
    assert Lead.objects.count() == 1
    ana.sits_down()
    done(floor, ana, "sale")
    call_back.call_back(Wanted(campaign.pk, CALLER, floor.now), now=floor.now)
    done(floor, ana, "sale")
    assert Attempt.objects.count() == 2


def test_each_call_of_theirs_is_called_back_as_often_as_the_campaign_says(floor: Floor, ana: Someone) -> None:
    campaign = floor.campaign("auto_callback", agents=[ana], max_attempts=1)
    floor.script.say(CALLER, *[Busy(after=seconds(1))] * 3)
    ana.sits_down()
    for made in (1, 2):
        call_back.call_back(Wanted(campaign.pk, CALLER, floor.now), now=floor.now)
        floor.run(until=lambda: ana.phase == "ringing_agent", at_most=30)
        ana.accepts()
        floor.run(120)
        assert Attempt.objects.filter(outcome="busy").count() == made


def test_an_agent_who_does_not_answer_dials_nobody_and_the_callback_stays_at_the_top(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    call_back.call_back(Wanted(campaign.pk, CALLER, floor.now), now=floor.now)
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "ringing_agent", at_most=5)
    floor.run(30)
    assert (ana.phase, ana.not_ready) == (None, "no_answer")
    lead = Lead.objects.get()
    assert (lead.state, lead.boost, Attempt.objects.count()) == ("waiting", 1, 0)


def test_such_a_campaign_needs_no_list_and_does_not_complete_for_want_of_leads(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    campaign.lists.all().delete()
    assert control.missing(campaign) is None
    floor.script.say(CALLER, TALKS)
    call_back.call_back(Wanted(campaign.pk, CALLER, floor.now), now=floor.now)
    ana.sits_down()
    done(floor, ana, "sale")
    floor.run(120)
    campaign.refresh_from_db()
    assert campaign.state == "running"


def test_what_cannot_be_called_back_is_refused_in_words(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    other = floor.campaign("progressive", agents=[ana])
    for wanted in (Wanted(campaign.pk, "12", floor.now), Wanted(other.pk, CALLER, floor.now), Wanted(0, CALLER, floor.now)):
        assert isinstance(call_back.call_back(wanted, now=floor.now), Refusal)
    control.stop(campaign, by=None, now=floor.now)
    assert isinstance(call_back.call_back(Wanted(campaign.pk, CALLER, floor.now), now=floor.now), Refusal)


def test_other_programs_report_by_a_command(floor: Floor, campaign: Campaign) -> None:
    call_command("call_back", str(campaign.pk), CALLER, "--name", "Maria")
    lead = Lead.objects.get()
    assert (lead.contact.first_name, lead.boost) == ("Maria", 1)
    with pytest.raises(CommandError, match="too short"):
        call_command("call_back", str(campaign.pk), "+3461")


def test_a_callback_not_reached_is_tried_again(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    floor.script.say(CALLER, NoAnswer())
    call_back.call_back(Wanted(campaign.pk, CALLER, floor.now), now=floor.now)
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "ringing_agent", at_most=5)
    ana.accepts()
    floor.run(until=lambda: ana.phase is None, at_most=60)
    assert (Lead.objects.get().state, Lead.objects.get().reason) == ("waiting", "retry")
