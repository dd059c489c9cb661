"""Preview and manual: the agent asks for a record, looks at it, and dials it; or does not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from agents.desk import Done, Refusal
from agents.models import Station
from campaigns.flow import control, do_not_call, offer
from campaigns.models import Attempt, CallableHours, Campaign, CampaignExclusion, PhoneNumber
from campaigns.rules.lifecycle import ParticipationState
from dialer_project.lib.sentence import heard
from telephony.drivers.simulated.script import Answers, Busy, NoAnswer, seconds
from telephony.models import Call, CallerId
from tests.floor import Floor, Someone

TALKS = Answers(after=seconds(4), talks_for=seconds(30))
PER_CALL = Station.LegMode.PER_CALL


@pytest.fixture
def campaign(floor: Floor, ana: Someone) -> Campaign:
    return floor.campaign("preview", agents=[ana])


def looking(floor: Floor, someone: Someone, campaign: Campaign) -> None:
    someone.sits_down()
    assert isinstance(answer := someone.gets(campaign), Done), answer
    assert someone.phase == "preview"


def test_a_record_is_asked_for_looked_at_dialed_and_done(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    maria = floor.person(campaign, "Maria", TALKS)
    ana.sits_down()
    floor.run(5)
    assert ana.work is None, "nothing comes unasked"
    assert isinstance(ana.gets(campaign), Done)
    floor.run(30)
    assert (maria.where[0], maria.attempts) == ("busy", [])
    assert isinstance(ana.calls(), Done)
    floor.run(until=lambda: ana.phase == "connected", at_most=10)
    floor.run(until=lambda: ana.phase == "wrap_up", at_most=60)
    assert isinstance(ana.finishes("sale"), Done)
    assert (maria.outcomes, maria.where) == (["connected"], ("final", "success"))
    floor.run(5)
    assert ana.phase is None, "the next one is asked for again"
    floor.check()


def test_who_is_on_a_break_may_still_ask_for_a_record(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    floor.person(campaign, "Maria", TALKS)
    ana.sits_down(ready=False)
    assert isinstance(ana.gets(campaign), Done)
    assert ana.phase == "preview"


def test_one_record_at_a_time(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    floor.person(campaign, "Maria")
    floor.person(campaign, "Pedro")
    looking(floor, ana, campaign)
    assert ana.gets(campaign) == Refusal("Finish the record on your screen first: one at a time.")


def test_nothing_to_give_is_said(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    ana.sits_down()
    assert isinstance(answer := ana.gets(campaign), Refusal)
    assert answer.sentence.startswith("No records available now")
    floor.person(campaign, "Maria", at=floor.now + timedelta(hours=1))
    assert isinstance(ana.gets(campaign), Refusal)


def test_a_record_outside_its_hours_is_not_given_and_moved_to_them(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    maria = floor.person(campaign, "Maria", numbers=1)
    PhoneNumber.objects.filter(contact=maria.contact).update(zones=["Asia/Tokyo", "Europe/Madrid"])
    Campaign.objects.filter(pk=campaign.pk).update(
        hours=CallableHours.objects.create(name="morning", week={"tue": [["09:00", "12:00"]], "wed": [["09:00", "18:00"]]})
    )
    ana.sits_down()
    assert isinstance(ana.gets(campaign), Refusal)
    assert maria.where[0] == "waiting"
    assert maria.now().next_call_at > floor.now


@pytest.mark.parametrize(("state", "says"), [("paused", "is paused"), ("stopped", "has ended")])
def test_a_campaign_that_does_not_run_gives_no_record(floor: Floor, ana: Someone, campaign: Campaign, state: str, says: str) -> None:
    floor.person(campaign, "Maria")
    ana.sits_down()
    {"paused": control.pause, "stopped": control.stop}[state](campaign, by=None, now=floor.now)
    assert isinstance(answer := ana.gets(campaign), Refusal)
    assert says in answer.sentence


def test_the_countdown_dials_by_itself(floor: Floor, ana: Someone) -> None:
    campaign = floor.campaign("preview", agents=[ana], preview_for=20)
    maria = floor.person(campaign, "Maria", TALKS)
    looking(floor, ana, campaign)
    work = ana.work
    assert work
    assert work.dial_due == floor.now + timedelta(seconds=20)
    floor.run(19)
    assert not maria.attempts
    floor.run(until=lambda: ana.phase == "connected", at_most=10)


def test_a_limit_of_nothing_dials_at_once(floor: Floor, ana: Someone) -> None:
    campaign = floor.campaign("preview", agents=[ana], preview_for=0)
    floor.person(campaign, "Maria", TALKS)
    ana.sits_down()
    ana.gets(campaign)
    assert ana.phase == "dialing"
    assert Attempt.objects.get().dialed_at == floor.now


def test_a_countdown_that_is_held_dials_nobody(floor: Floor, ana: Someone) -> None:
    campaign = floor.campaign("preview", agents=[ana], preview_for=20)
    maria = floor.person(campaign, "Maria", TALKS)
    looking(floor, ana, campaign)
    assert isinstance(ana.waits(), Done)
    floor.run(120)
    assert (ana.phase, maria.attempts) == ("preview", [])
    ana.calls()
    floor.run(until=lambda: ana.phase == "connected", at_most=10)


def test_a_countdown_dials_for_nobody_who_has_gone(floor: Floor, ana: Someone) -> None:
    campaign = floor.campaign("preview", agents=[ana], preview_for=20)
    maria = floor.person(campaign, "Maria", TALKS)
    looking(floor, ana, campaign)
    ana.closes_console()
    floor.run(30)
    assert (ana.phase, maria.attempts) == ("preview", [])
    assert ana.work
    assert ana.work.notice
    floor.run(90)
    assert (ana.phase, ana.not_ready, ana.closed) == (None, "connection_lost", ["agent_lost"])
    assert maria.where == ("waiting", "returned")
    assert maria.now().boost == 1


def test_a_countdown_dials_for_nobody_whose_phone_is_lost(floor: Floor, ana: Someone) -> None:
    campaign = floor.campaign("preview", agents=[ana], preview_for=20)
    maria = floor.person(campaign, "Maria", TALKS)
    looking(floor, ana, campaign)
    ana.phone_dies()
    floor.run(30)
    assert (ana.phase, maria.attempts) == ("preview", [])


def test_a_record_nobody_looks_at_any_more_goes_back_after_an_hour(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    maria = floor.person(campaign, "Maria")
    looking(floor, ana, campaign)
    floor.run(3599)
    assert ana.phase == "preview"
    floor.run(5)
    assert (ana.work, maria.where) == (None, ("waiting", "returned"))


def test_more_time_is_more_than_the_hour(floor: Floor, ana: Someone) -> None:
    campaign = floor.campaign("preview", agents=[ana], preview_for=1800, preview_extensions=2)
    floor.person(campaign, "Maria")
    looking(floor, ana, campaign)
    assert (isinstance(ana.wants_more_time(), Done), isinstance(ana.wants_more_time(), Done)) == (True, True)
    floor.run(3700)
    assert ana.phase == "preview"
    assert ana.work
    assert ana.work.dial_due == ana.work.opened_at + timedelta(seconds=3 * 1800)


@pytest.mark.parametrize(("meets", "outcome"), [(NoAnswer(), "no_answer"), (Busy(), "busy")])
def test_who_was_not_reached_stays_on_the_screen_and_every_attempt_wants_its_disposition(
    floor: Floor, ana: Someone, campaign: Campaign, meets: object, outcome: str
) -> None:
    maria = floor.person(campaign, "Maria", meets)
    looking(floor, ana, campaign)
    ana.calls()
    floor.run(until=lambda: ana.phase == "preview", at_most=40)
    work = ana.work
    assert work
    assert (work.outcome, work.progress) == (outcome, "ended")
    assert maria.where[0] == "busy"
    assert maria.now().tries == {outcome: 1}
    assert isinstance(ana.finishes(None), Refusal)
    assert isinstance(ana.declines(), Refusal)
    assert isinstance(ana.finishes("again"), Done)
    assert maria.where == ("waiting", "retry")
    assert maria.now().tries == {outcome: 1}, "counted once"
    floor.check()


def test_after_a_number_that_was_not_reached_another_one_is_dialed(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    maria = floor.person(campaign, "Maria", Busy(), numbers=2)
    floor.script.say(maria.numbers[1], TALKS)
    looking(floor, ana, campaign)
    ana.calls()
    floor.run(until=lambda: ana.phase == "preview", at_most=40)
    ana.chooses("again")
    assert isinstance(ana.calls(maria.numbers[1]), Done)
    assert ana.work
    assert ana.work.card["number"] == maria.numbers[1]
    floor.run(until=lambda: ana.phase == "connected", at_most=10)
    ana.hangs_up()
    floor.run(1)
    ana.finishes("sale")
    assert maria.dialed == maria.numbers
    assert maria.now().tries == {"busy": 1, "connected": 1}


def test_a_record_that_was_called_in_vain_and_left_goes_on_to_its_retry(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    maria = floor.person(campaign, "Maria", Busy())
    looking(floor, ana, campaign)
    ana.calls()
    floor.run(until=lambda: ana.phase == "preview", at_most=40)
    ana.closes_console()
    floor.run(100)
    assert (ana.phase, maria.where, maria.now().tries) == (None, ("waiting", "retry"), {"busy": 1})


def test_a_number_that_was_listed_meanwhile_is_refused_on_the_screen_and_the_next_one_selected(
    floor: Floor, ana: Someone, campaign: Campaign
) -> None:
    maria = floor.person(campaign, "Maria", TALKS, numbers=2)
    floor.script.say(maria.numbers[1], TALKS)
    looking(floor, ana, campaign)
    do_not_call.list_numbers([maria.number], source="agent", now=floor.now)
    ana.calls()
    work = ana.work
    assert work
    assert work.phase == "preview"
    assert work.notice == "The phone number is on the Do-Not-Call list. The next available phone number will be selected."
    assert work.card["number"] == maria.numbers[1]
    assert maria.where[0] == "busy"
    ana.calls()
    floor.run(until=lambda: ana.phase == "connected", at_most=10)
    assert maria.dialed == [maria.numbers[1]]
    assert ana.work
    assert not ana.work.notice


def test_the_only_number_listed_is_said_and_done_ends_the_record(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    maria = floor.person(campaign, "Maria", TALKS)
    looking(floor, ana, campaign)
    do_not_call.list_numbers([maria.number], source="agent", now=floor.now)
    ana.calls()
    assert ana.work
    assert ana.work.notice == "The phone number is on the Do-Not-Call list"
    assert isinstance(ana.finishes(None), Done)
    assert maria.where == ("final", "do_not_call")
    assert not Attempt.objects.exists()


def test_hours_that_close_while_the_record_is_read_refuse_the_call_and_done_waits_for_the_next_ones(floor: Floor, ana: Someone) -> None:
    hours = CallableHours.objects.create(name="short", week={"tue": [["09:00", "10:05"]], "wed": [["09:00", "18:00"]]})
    campaign = floor.campaign("preview", agents=[ana], hours=hours)
    maria = floor.person(campaign, "Maria", TALKS)
    looking(floor, ana, campaign)
    floor.run(6 * 60)
    ana.calls()
    assert ana.work
    assert ana.work.phase == "preview"
    assert "Outside calling hours" in heard(ana.work.notice)
    assert isinstance(ana.finishes(None), Done)
    assert maria.where == ("waiting", "hours")
    assert (maria.now().next_call_at - floor.now) > timedelta(hours=12)
    assert isinstance(ana.gets(campaign), Refusal)


def test_done_without_a_call_puts_the_record_away_for_a_while(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    maria = floor.person(campaign, "Maria", TALKS)
    looking(floor, ana, campaign)
    assert isinstance(ana.finishes(None), Done)
    assert (ana.closed, maria.where) == (["put_away"], ("waiting", "returned"))
    assert maria.now().next_call_at > floor.now


def test_a_disposition_without_a_call_is_followed(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    maria = floor.person(campaign, "Maria", TALKS)
    looking(floor, ana, campaign)
    assert isinstance(ana.finishes("no"), Done)
    assert maria.where == ("final", "done")
    assert maria.now().tries == {}


def test_call_this_contact_later(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    maria = floor.person(campaign, "Maria", TALKS)
    looking(floor, ana, campaign)
    assert isinstance(ana.declines(), Done)
    assert (ana.closed, maria.where) == (["declined"], ("waiting", "returned"))
    assert isinstance(ana.gets(campaign), Refusal), "not at once again"


def test_do_not_call_this_contact(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    maria = floor.person(campaign, "Maria", TALKS)
    looking(floor, ana, campaign)
    assert isinstance(ana.declines(never=True), Done)
    assert maria.where == ("final", "excluded")
    assert CampaignExclusion.objects.get().contact_id == maria.contact.pk


def test_a_new_number_is_kept_with_the_contact_and_goes_through_the_same_gate(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    maria = floor.person(campaign, "Maria", TALKS)
    looking(floor, ana, campaign)
    assert isinstance(answer := ana.dials_new("12"), Refusal)
    assert "too short" in answer.sentence
    listed = "+34611111111"
    do_not_call.list_numbers([listed], source="agent", now=floor.now)
    assert isinstance(ana.dials_new(listed, kind="mobile"), Done)
    assert ana.phase == "preview", "the gate holds for it too"
    assert ana.work
    assert "Do-Not-Call" in heard(ana.work.notice)
    floor.script.say("+34912222222", TALKS)
    assert isinstance(ana.dials_new("912 22 22 22", kind="work"), Done)
    floor.run(until=lambda: ana.phase == "connected", at_most=10)
    assert maria.dialed == ["+34912222222"]
    kept = PhoneNumber.objects.get(e164="+34912222222")
    assert (kept.contact_id, kept.kind, kept.zones, kept.landline) == (maria.contact.pk, "work", ["Europe/Madrid"], True)
    assert kept.number_key


def test_a_campaign_may_forbid_new_numbers(floor: Floor, ana: Someone) -> None:
    campaign = floor.campaign("preview", agents=[ana], new_numbers=False)
    floor.person(campaign, "Maria", TALKS)
    looking(floor, ana, campaign)
    assert isinstance(ana.dials_new("622 22 22 22"), Refusal)
    assert not PhoneNumber.objects.filter(e164="+34622222222").exists()


def test_the_agent_chooses_the_number_that_is_shown(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    other = CallerId.objects.create(e164="+34911111111", verified=True)
    stranger = CallerId.objects.create(e164="+34922222222", verified=True)
    campaign.other_caller_ids.add(other)
    floor.person(campaign, "Maria", TALKS)
    looking(floor, ana, campaign)
    assert isinstance(ana.calls(caller_id=stranger.pk), Refusal)
    assert isinstance(ana.calls(caller_id=other.pk), Done)
    assert Call.objects.get(party="customer").caller_id == "+34911111111"


@pytest.mark.parametrize("taken_away", ["its verification", "its place in the campaign"])
def test_a_number_to_be_shown_that_was_taken_away_after_it_was_chosen_is_not_shown(
    floor: Floor, ana: Someone, campaign: Campaign, taken_away: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = CallerId.objects.create(e164="+34911111111", verified=True)
    campaign.other_caller_ids.add(other)
    floor.person(campaign, "Maria", TALKS)
    looking(floor, ana, campaign)
    with monkeypatch.context() as patch:
        patch.setattr(offer, "_carry_out", lambda *_, **__: None)  # the process died with the click: the row is the order
        assert isinstance(ana.calls(caller_id=other.pk), Done)
    if taken_away == "its verification":
        CallerId.objects.filter(pk=other.pk).update(verified=False)
    else:
        campaign.other_caller_ids.remove(other)
    floor.run(until=lambda: ana.phase == "preview", at_most=10)
    assert ana.work is not None
    assert "caller ID is not verified" in ana.work.notice
    assert not Attempt.objects.exists()
    CallerId.objects.filter(pk=other.pk).update(verified=True)
    campaign.other_caller_ids.add(other)
    assert isinstance(ana.calls(caller_id=other.pk), Done)
    assert Call.objects.get(party="customer").caller_id == "+34911111111"


def test_a_number_out_of_service_or_of_somebody_else_is_not_dialed(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    maria = floor.person(campaign, "Maria", TALKS, numbers=2)
    pedro = floor.person(campaign, "Pedro", TALKS, at=floor.now + timedelta(days=1))
    looking(floor, ana, campaign)
    PhoneNumber.objects.filter(e164=maria.numbers[1]).update(active=False)
    assert isinstance(ana.calls(maria.numbers[1]), Refusal)
    assert ana.work
    theirs = PhoneNumber.objects.get(e164=pedro.number).pk
    assert isinstance(offer.call(ana.work.pk, ana.id, number=theirs, caller_id=None, now=floor.now), Refusal)
    assert not Attempt.objects.exists()


def test_a_phone_that_is_called_for_each_call_rings_first(floor: Floor) -> None:
    ana = floor.agent("Ana", leg_mode=PER_CALL)
    campaign = floor.campaign("preview", agents=[ana])
    maria = floor.person(campaign, "Maria", Busy(), TALKS)
    floor.script.station("ana", Answers(after=seconds(3)))
    looking(floor, ana, campaign)
    ana.calls()
    assert (ana.phase, maria.attempts) == ("ringing_agent", [])
    floor.run(until=lambda: ana.phase == "preview", at_most=15)
    leg = ana.work and ana.work.agent_call_id
    assert maria.outcomes == ["busy"]
    ana.chooses("again")
    ana.calls()
    assert ana.phase == "ringing_agent"
    assert ana.work
    assert ana.work.agent_call_id != leg
    floor.run(until=lambda: ana.phase == "connected", at_most=15)
    ana.hangs_up()
    floor.run(1)
    ana.finishes("sale")
    assert not Call.objects.exclude(state="ended").exists()


@pytest.mark.parametrize("end", [control.pause, control.stop])
def test_no_phone_rings_for_a_campaign_that_was_paused_or_stopped_while_the_record_was_read(floor: Floor, end: Any) -> None:
    ana = floor.agent("Ana", leg_mode=PER_CALL)
    campaign = floor.campaign("preview", agents=[ana])
    floor.person(campaign, "Maria", TALKS)
    looking(floor, ana, campaign)
    end(campaign, by=None, now=floor.now)
    ana.calls()
    assert ana.phase == "preview"
    assert ana.work
    assert heard(ana.work.notice) == f"{campaign.name} is {campaign.state}: nothing is dialed."
    assert not Call.objects.exists()
    assert isinstance(ana.finishes(None), Done)


def test_a_phone_that_is_not_picked_up_dials_no_customer(floor: Floor) -> None:
    ana = floor.agent("Ana", leg_mode=PER_CALL)
    campaign = floor.campaign("preview", agents=[ana])
    maria = floor.person(campaign, "Maria", TALKS)
    floor.script.station("ana", NoAnswer())
    looking(floor, ana, campaign)
    ana.calls()
    floor.run(until=lambda: ana.phase is None, at_most=30)
    assert (maria.attempts, maria.where, ana.not_ready) == ([], ("waiting", "returned"), "no_answer")


def test_done_and_stop_ends_the_part_until_the_next_get_record(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    floor.person(campaign, "Maria", TALKS)
    floor.person(campaign, "Pedro", TALKS)
    looking(floor, ana, campaign)
    ana.finishes("no", stop=True)
    assert campaign.participations.get().state == ParticipationState.OFF
    assert isinstance(ana.gets(campaign), Done)
    assert campaign.participations.get().state == ParticipationState.JOINED


def test_a_record_of_another_desk_is_nobody_elses_to_dial(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    ben = floor.agent("Ben")
    floor.person(campaign, "Maria", TALKS)
    looking(floor, ana, campaign)
    ben.sits_down()
    assert ana.work
    work = ana.work.pk
    assert offer.call(work, ben.id, number=None, caller_id=None, now=floor.now) == offer.NOT_BEFORE_YOU
    assert offer.decline(work, ben.id, never=True, now=floor.now) == offer.NOT_BEFORE_YOU
    assert offer.wait(work, ben.id, now=floor.now) == offer.NOT_BEFORE_YOU


def test_a_due_callback_of_ones_own_comes_first_and_says_what_it_is(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    floor.person(campaign, "Maria", TALKS)
    pedro = floor.person(campaign, "Pedro", TALKS)
    floor.promises(pedro, ana, at=floor.now - timedelta(minutes=1), fallback_at=floor.now + timedelta(days=1))
    ana.sits_down(ready=False)
    assert isinstance(ana.gets(campaign), Done)
    assert ana.work
    assert (ana.work.lead_id, ana.work.origin) == (pedro.lead.pk, "personal_callback")


def test_a_personal_callback_of_a_preview_campaign_is_offered_to_its_owner(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    pedro = floor.person(campaign, "Pedro", TALKS)
    floor.promises(pedro, ana, at=floor.now + timedelta(minutes=1), fallback_at=floor.now + timedelta(days=1))
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "offered", at_most=70)
    assert isinstance(ana.accepts(), Done)
    assert ana.phase == "preview"
    ana.calls()
    floor.run(until=lambda: ana.phase == "connected", at_most=10)


def test_a_callback_for_anybody_of_a_preview_campaign_is_offered_to_who_is_ready_for_previews(floor: Floor, ana: Someone) -> None:
    ben = floor.agent("Ben")
    campaign = floor.campaign("preview", agents=[ana, ben])
    pedro = floor.person(campaign, "Pedro", TALKS)
    floor.promises(pedro, None, at=floor.now + timedelta(seconds=30))
    ana.sits_down(ready=False)
    ben.sits_down()
    floor.run(20)
    assert ben.phase is None
    floor.run(until=lambda: ben.phase == "offered", at_most=20)
    assert ben.work
    assert ben.work.origin == "callback"
    ben.rejects()
    assert isinstance(ana.goes_ready(), Done)
    floor.run(until=lambda: ana.phase == "offered", at_most=3)
    ana.accepts()
    ana.calls()
    floor.run(until=lambda: ana.phase == "connected", at_most=10)
    assert pedro.attempts[0].agent_id == ana.id


def test_a_callback_for_anybody_of_a_manual_campaign_waits_for_the_next_get(floor: Floor, ana: Someone) -> None:
    campaign = floor.campaign("manual", agents=[ana])
    pedro = floor.person(campaign, "Pedro", TALKS)
    floor.promises(pedro, None, at=floor.now)
    ana.sits_down()
    ana.runs(campaign)
    floor.run(20)
    assert ana.work is None
    ana.gets(campaign)
    assert ana.work is not None
    assert pedro.where[0] == "busy"


# --- manual -----------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def manual(floor: Floor, ana: Someone) -> Campaign:
    return floor.campaign("manual", agents=[ana])


def test_a_manual_campaign_is_run_before_it_gives_customers(floor: Floor, ana: Someone, manual: Campaign) -> None:
    maria = floor.person(manual, "Maria", TALKS)
    ana.sits_down()
    assert isinstance(answer := ana.gets(manual), Refusal)
    assert answer.sentence.startswith("Run ")
    assert isinstance(ana.runs(manual), Done)
    floor.run(10)
    assert ana.phase is None
    assert isinstance(ana.gets(manual), Done)
    ana.calls()
    floor.run(until=lambda: ana.phase == "connected", at_most=10)
    ana.hangs_up()
    floor.run(1)
    ana.finishes("sale")
    assert maria.where == ("final", "success")
    assert isinstance(ana.stops(manual), Done)
    assert isinstance(ana.gets(manual), Refusal)
    floor.check()


def test_the_next_customer_comes_when_this_one_is_processed(floor: Floor, ana: Someone, manual: Campaign) -> None:
    maria = floor.person(manual, "Maria", TALKS)
    floor.person(manual, "Pedro", TALKS)
    ana.sits_down()
    ana.runs(manual)
    ana.gets(manual)
    assert isinstance(ana.gets(manual), Refusal)
    assert isinstance(answer := ana.finishes(None), Refusal)
    assert answer.sentence.startswith("Process this customer first")
    assert isinstance(ana.finishes("later"), Done)
    assert maria.where == ("waiting", "no_callback")
    assert isinstance(ana.gets(manual), Done)


def test_a_customer_who_may_not_be_called_needs_no_processing(floor: Floor, ana: Someone, manual: Campaign) -> None:
    maria = floor.person(manual, "Maria", TALKS)
    ana.sits_down()
    ana.runs(manual)
    ana.gets(manual)
    do_not_call.list_numbers([maria.number], source="agent", now=floor.now)
    ana.calls()
    assert isinstance(ana.finishes(None), Done)


def test_a_manual_campaigns_callback_comes_with_the_next_get_and_not_before(floor: Floor, ana: Someone, manual: Campaign) -> None:
    floor.person(manual, "Maria", TALKS)
    pedro = floor.person(manual, "Pedro", TALKS)
    floor.promises(pedro, ana, at=floor.now - timedelta(minutes=1), fallback_at=floor.now + timedelta(days=1))
    ana.sits_down()
    ana.runs(manual)
    floor.run(30)
    assert ana.phase is None
    ana.gets(manual)
    assert ana.work
    assert ana.work.lead_id == pedro.lead.pk


def test_closing_the_window_with_a_record_in_hand_ends_the_part_after_it(floor: Floor, ana: Someone, manual: Campaign) -> None:
    floor.person(manual, "Maria", TALKS)
    ana.sits_down()
    ana.runs(manual)
    ana.gets(manual)
    assert isinstance(ana.stops(manual), Done)
    assert manual.participations.get().state == ParticipationState.STOPPING
    ana.finishes("no")
    floor.run(90)
    assert manual.participations.get().state == ParticipationState.OFF
