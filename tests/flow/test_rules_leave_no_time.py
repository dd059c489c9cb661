"""A lead that its campaign's rules leave no time waits for them to be corrected: a fact of the campaign ends no lead."""

from datetime import UTC, datetime, timedelta

from agents.desk import Refusal
from campaigns import explain, waterfall
from campaigns.flow import callbacks, control, sweep
from campaigns.flow.callbacks import Window
from campaigns.models import CallableHours, Campaign
from campaigns.rules.lifecycle import Boost
from dialer_project.lib.sentence import heard
from telephony.drivers.simulated.script import Answers, NoAnswer, seconds
from tests.floor import Floor, Person, Someone
from tests.flow.test_permits import law, pin

TALKS = Answers(after=seconds(3), talks_for=seconds(20))
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MADRID = "+34911223344"
COASTS = ["America/New_York", "America/Los_Angeles"]


def opens(hours: CallableHours, start: str, end: str, *, of: Campaign, floor: Floor) -> None:
    hours.week = {day: [[start, end]] for day in DAYS}
    hours.save()
    of.refresh_from_db()  # it has read its hours before
    control.edited(of, by=None, now=floor.now)


def of_both_coasts(floor: Floor, ana: Someone, *script: object, more: list[str] | None = None) -> tuple[Campaign, CallableHours, Person]:
    """Somebody who may be on either coast of the United States, where it is two and eleven in the day."""
    floor.jumps_to(datetime(2026, 3, 10, 18, 0, tzinfo=UTC))
    hours = CallableHours.objects.create(name="long days", week={day: [["09:00", "21:00"]] for day in DAYS})
    campaign = floor.campaign("progressive", agents=[ana], hours=hours, require_approval=False)
    control.edited(campaign, by=None, now=floor.now)
    return campaign, hours, floor.person(campaign, "Maria", *script, numbers=["+18005550123", *(more or [])], zones=COASTS)


def test_hours_narrowed_for_a_while_end_no_lead_and_it_is_called_as_soon_as_they_are_corrected(floor: Floor, ana: Someone) -> None:
    campaign, hours, maria = of_both_coasts(floor, ana, NoAnswer(), TALKS)
    floor.rule(campaign, "no_answer", attempts=3, minutes=1)
    ana.sits_down()
    floor.run(until=lambda: maria.attempts, at_most=5)
    opens(hours, "09:00", "11:00", of=campaign, floor=floor)
    floor.run(until=lambda: maria.where == ("waiting", "rules"), at_most=180)
    floor.run(60)
    assert len(maria.attempts) == 1
    assert Campaign.objects.get(pk=campaign.pk).state == "running"
    why = explain.lead(maria.lead.pk, now=floor.now)
    assert why is not None
    assert why.in_words.startswith("Nobody can say when it can be called. There is no hour of the week")
    assert waterfall.of_campaign(campaign.pk, now=floor.now).in_words.startswith("1: 0 can be called now, 1 waiting: for rules that leave it a time")  # type: ignore[union-attr]
    opens(hours, "09:00", "21:00", of=campaign, floor=floor)
    floor.run(until=lambda: len(maria.attempts) == 2, at_most=60)
    floor.run(until=lambda: ana.phase == "wrap_up", at_most=40)


def test_a_pack_that_leaves_out_a_country_ends_no_lead(floor: Floor, ana: Someone) -> None:
    campaign = floor.campaign("progressive", agents=[ana], require_approval=False)
    pin(campaign, law({"kind": "destinations", "countries": ["PT"]}))
    control.edited(campaign, by=None, now=floor.now)
    maria = floor.person(campaign, "Maria", TALKS, numbers=[MADRID])
    ana.sits_down()
    floor.run(until=lambda: maria.where == ("waiting", "rules"), at_most=5)
    why = explain.lead(maria.lead.pk, now=floor.now)
    assert why is not None
    assert "lets only PT be called, and this number is in ES" in why.in_words
    floor.run(30)
    campaign.rule_packs.clear()
    control.edited(campaign, by=None, now=floor.now)
    floor.run(until=lambda: ana.phase == "connected", at_most=60)


def test_a_retry_of_whom_the_rules_now_leave_no_time_goes_to_another_number(floor: Floor, ana: Someone) -> None:
    campaign, hours, maria = of_both_coasts(floor, ana, NoAnswer(), more=["+12125550123"])
    maria.contact.phones.filter(e164="+12125550123").update(zones=["America/New_York"])
    floor.script.say("+12125550123", TALKS)
    floor.rule(campaign, "no_answer", attempts=3, minutes=1)
    ana.sits_down()
    floor.run(until=lambda: maria.attempts, at_most=5)
    opens(hours, "14:00", "16:30", of=campaign, floor=floor)
    floor.run(until=lambda: ana.phase == "connected", at_most=240)
    assert maria.dialed == ["+18005550123", "+12125550123"]


def test_a_promise_for_which_the_rules_leave_no_time_is_not_taken(floor: Floor, ana: Someone) -> None:
    campaign, hours, maria = of_both_coasts(floor, ana, TALKS)
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "connected", at_most=10)
    opens(hours, "09:00", "11:00", of=campaign, floor=floor)
    asked = Window(on=True, local="2026-03-11T10:00", zone="America/New_York", phone=maria.contact.phones.get().pk)
    answer = callbacks.schedule(ana._work(), ana.id, asked, now=floor.now)
    assert isinstance(answer, Refusal)
    assert heard(answer.sentence).startswith("There is no hour of the week")
    ana.hangs_up()


def test_after_a_day_it_is_asked_again(floor: Floor, ana: Someone) -> None:
    campaign, hours, maria = of_both_coasts(floor, ana, TALKS)
    opens(hours, "09:00", "11:00", of=campaign, floor=floor)
    ana.sits_down()
    floor.run(until=lambda: maria.where == ("waiting", "rules"), at_most=5)
    asked = maria.now().next_call_at
    assert asked > floor.now
    floor.jumps_to(asked)
    floor.run(until=lambda: maria.now().next_call_at > asked, at_most=5)
    assert maria.where == ("waiting", "rules")


def test_a_number_refused_for_good_ends_no_lead_while_only_the_rules_keep_another_from_being_called(floor: Floor, ana: Someone) -> None:
    campaign = floor.campaign("progressive", agents=[ana], require_approval=False)
    pin(campaign, law({"kind": "destinations", "countries": ["PT"]}))
    control.edited(campaign, by=None, now=floor.now)
    maria = floor.person(campaign, "Maria", numbers=["+351211234567", MADRID])
    floor.script.say(MADRID, TALKS)
    maria.contact.phones.filter(e164="+351211234567").update(active=False)
    omar = floor.person(campaign, "Omar", numbers=["+881612345678", "+34911223345"])
    ana.sits_down()
    floor.run(until=lambda: maria.where == ("waiting", "rules"), at_most=5)
    floor.script.say("+34911223345", TALKS)
    why = explain.lead(omar.lead.pk, now=floor.now)
    floor.run(until=lambda: omar.where == ("waiting", "rules"), at_most=5)
    assert why is not None
    assert not why.in_words.startswith("It will not be called")
    campaign.rule_packs.clear()
    control.edited(campaign, by=None, now=floor.now)
    sweep.rules_corrected(now=floor.now)
    floor.run(until=lambda: ana.phase == "connected", at_most=60)


def test_a_promise_that_the_rules_left_no_time_is_kept_as_soon_as_they_are_corrected(floor: Floor, ana: Someone) -> None:
    campaign, hours, maria = of_both_coasts(floor, ana, TALKS)
    floor.promises(maria, None, at=floor.now + timedelta(seconds=30))
    opens(hours, "09:00", "11:00", of=campaign, floor=floor)
    ana.sits_down()
    floor.run(60)
    assert (maria.where, maria.now().boost) == (("waiting", "rules"), Boost.CALLBACK_DUE)
    opens(hours, "09:00", "21:00", of=campaign, floor=floor)
    sweep.rules_corrected(now=floor.now)
    floor.run(until=lambda: ana.phase == "connected", at_most=60)


def test_a_promise_whose_owner_has_just_declined_it_rests_whatever_is_changed_meanwhile(floor: Floor, ana: Someone) -> None:
    hours = CallableHours.objects.create(name="long days", week={day: [["00:00", "24:00"]] for day in DAYS})
    campaign = floor.campaign("push_preview", agents=[ana], hours=hours, require_approval=False)
    control.edited(campaign, by=None, now=floor.now)
    maria = floor.person(campaign, "Maria", TALKS)
    floor.promises(maria, ana, at=floor.now)
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "offered", at_most=5)
    ana.rejects()
    rests = maria.now().next_call_at
    assert rests > floor.now
    opens(hours, "08:00", "24:00", of=campaign, floor=floor)
    sweep.rules_corrected(now=floor.now)
    assert maria.now().next_call_at == rests
