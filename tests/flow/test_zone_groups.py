"""A lead is looked for in the hours of the number it is called on next, and of no other."""

import io
from datetime import UTC, datetime
from typing import Any

from agents.desk import DONE
from campaigns import explain, imports
from campaigns.flow import call_back, callbacks, confirm_zone, filled_in
from campaigns.flow.call_back import Wanted
from campaigns.flow.callbacks import Window
from campaigns.imports import Finished, Options
from campaigns.models import CallableHours, Campaign, Lead, ListImport, PhoneNumber, ZoneGroup
from telephony.drivers.simulated.script import Answers, NoAnswer, Unallocated, seconds
from tests.floor import Floor, Person, Someone

MADRID, CALIFORNIA, TOKYO = "+34911223344", "+14155552671", "+819012345678"
TALKS = Answers(after=seconds(3), talks_for=seconds(20))


def nine_to_five() -> CallableHours:
    return CallableHours.objects.create(name="nine to five", week={day: [["09:00", "17:00"]] for day in ("mon", "tue", "wed", "thu", "fri")})


def brought_in(campaign: Campaign, floor: Floor) -> Person:
    """Somebody with a number in Madrid and one in California, whose nine to five never meet."""
    file = io.BytesIO(f"Name,Office,Home\nMaria,{MADRID},{CALIFORNIA}\n".encode())
    told = Options(country="ES", list_name="people", source="crm")
    taken = imports.take_in(campaign, file, file_name="people.csv", options=told, dry_run=False, by=None, now=floor.now, at_work=True)
    assert isinstance(taken, ListImport), taken
    assert isinstance(imports.run(taken.pk, now=floor.now, for_at_most=None), Finished)
    lead = Lead.objects.get(campaign=campaign)
    return Person(lead, lead.contact, [MADRID, CALIFORNIA])


def zones_of(lead: Lead) -> list[str]:
    return Lead.objects.get(pk=lead.pk).zone_group.zones


def test_two_numbers_far_apart_are_each_called_in_their_own_hours(floor: Floor, ana: Someone, settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = tmp_path
    campaign = floor.campaign("progressive", agents=[ana], hours=nine_to_five())
    floor.rule(campaign, "no_answer", attempts=2, minutes=1, next_number=True)
    maria = brought_in(campaign, floor)
    for number in maria.numbers:
        floor.script.say(number, NoAnswer())
    ana.sits_down()
    floor.run(until=lambda: maria.outcomes == ["no_answer"], at_most=60)
    assert maria.dialed == [MADRID], "ten in Madrid is one at night in California"
    opens = datetime(2026, 3, 10, 16, 0, tzinfo=UTC)  # nine in California, five in Madrid
    why = explain.lead(maria.lead.pk, now=floor.now)
    assert why is not None
    assert why.next_at == maria.now().next_call_at == opens
    floor.jumps_to(opens)
    floor.run(until=lambda: len(maria.attempts) == 2, at_most=30)
    assert maria.dialed == [MADRID, CALIFORNIA]


def test_a_callback_on_a_number_that_was_typed_is_kept_by_its_own_clock(floor: Floor, ana: Someone) -> None:
    campaign = floor.campaign("progressive", agents=[ana], hours=CallableHours.objects.get(name="nine to nine"))
    maria = floor.person(campaign, "Maria", TALKS)
    floor.script.say(TOKYO, TALKS)
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "connected", at_most=6)
    window = Window(on=True, local="2026-03-11T10:00", zone="Asia/Tokyo", new_number=TOKYO, new_kind="mobile")
    assert callbacks.schedule(ana._work(), ana.id, window, now=floor.now) == DONE
    ana.hangs_up()
    floor.run(until=lambda: ana.phase == "wrap_up", at_most=3)
    assert ana.finishes("other") == DONE
    assert zones_of(maria.lead) == ["Asia/Tokyo"]
    floor.jumps_to(datetime(2026, 3, 11, 1, 0, tzinfo=UTC))  # two at night in Madrid
    floor.run(until=lambda: len(maria.attempts) == 2, at_most=30)
    assert maria.dialed[1] == TOKYO


def test_who_has_said_where_they_are_is_called_back_in_the_hours_there(floor: Floor, ana: Someone) -> None:
    campaign = floor.campaign("auto_callback", agents=[ana], hours=nine_to_five())
    maria = floor.person(floor.campaign("progressive", start=False, caller_id=None), "Maria")
    confirm_zone.confirm(maria.contact.pk, "America/Los_Angeles", by=None, now=floor.now)
    floor.jumps_to(datetime(2026, 3, 10, 17, 0, tzinfo=UTC))  # ten in Los Angeles, six in the evening in Madrid
    lead = call_back.call_back(Wanted(campaign.pk, maria.number, floor.now), now=floor.now)
    assert isinstance(lead, Lead)
    assert lead.zone_group.zones == ["America/Los_Angeles"]
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "ringing_agent", at_most=10)


def test_a_number_that_turns_out_dead_leaves_no_hours_behind_in_other_campaigns(floor: Floor, ana: Someone) -> None:
    campaign = floor.campaign("progressive", agents=[ana])
    maria = floor.person(campaign, "Maria", Unallocated(), numbers=[MADRID, CALIFORNIA])
    PhoneNumber.objects.filter(e164=CALIFORNIA).update(zones=["America/Los_Angeles"])
    other = floor.person(floor.campaign("progressive", start=False, caller_id=None), contact=maria.contact)
    floor.script.say(CALIFORNIA, TALKS)
    ana.sits_down()
    floor.run(until=lambda: len(maria.attempts) == 2, at_most=60)
    assert zones_of(maria.lead) == zones_of(other.lead) == ["America/Los_Angeles"]


def in_two_campaigns(floor: Floor, campaign: Campaign, *meets: Any) -> tuple[Person, Person]:
    maria = floor.person(campaign, "Maria", *meets, numbers=[MADRID, CALIFORNIA])
    PhoneNumber.objects.filter(e164=CALIFORNIA).update(zones=["America/Los_Angeles"])
    floor.script.say(CALIFORNIA, TALKS)
    return maria, floor.person(floor.campaign("progressive", start=False, caller_id=None), contact=maria.contact)


def test_nor_does_one_that_an_agent_marks_at_done(floor: Floor, ana: Someone) -> None:
    campaign = floor.campaign("progressive", agents=[ana])
    floor.rule(campaign, "connected", minutes=5)
    maria, other = in_two_campaigns(floor, campaign, TALKS)
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "connected", at_most=8)
    ana.hangs_up()
    floor.run(until=lambda: ana.phase == "wrap_up", at_most=3)
    assert filled_in.save(ana._work(), ana.id, {"number_result": "fax"}, now=floor.now) == DONE
    assert zones_of(other.lead) == ["Europe/Madrid"]
    assert ana.finishes("again") == DONE
    assert zones_of(maria.lead) == zones_of(other.lead) == ["America/Los_Angeles"]


def test_nor_one_that_an_agent_marks_and_then_dials_another(floor: Floor, ana: Someone) -> None:
    campaign = floor.campaign("preview", agents=[ana], disposition_for="answered")
    maria, other = in_two_campaigns(floor, campaign, NoAnswer())
    ana.sits_down()
    ana.gets(campaign)
    ana.calls()
    floor.run(until=lambda: maria.outcomes == ["no_answer"], at_most=60)
    floor.run(until=lambda: ana.phase == "preview", at_most=5)
    assert filled_in.save(ana._work(), ana.id, {"number_result": "fax"}, now=floor.now) == DONE
    assert ana.calls(CALIFORNIA) == DONE
    assert zones_of(maria.lead) == zones_of(other.lead) == ["America/Los_Angeles"]


def test_a_number_that_no_hour_ever_allows_gives_way_to_the_next_one(floor: Floor, ana: Someone) -> None:
    campaign = floor.campaign("progressive", agents=[ana], hours=nine_to_five())
    maria = floor.person(campaign, "Maria", numbers=["+18005550123", MADRID])
    never = ["America/New_York", "Pacific/Guam"]
    PhoneNumber.objects.filter(e164="+18005550123").update(zones=never)
    Lead.objects.update(zone_group=ZoneGroup.objects.create(zones=never))
    floor.script.say(MADRID, TALKS)
    why = explain.lead(maria.lead.pk, now=floor.now)
    assert why is not None
    assert why.then == MADRID
    ana.sits_down()
    floor.run(until=lambda: maria.attempts, at_most=30)
    assert maria.dialed == [MADRID]
    assert zones_of(maria.lead) == ["Europe/Madrid"]


def test_who_cannot_be_called_at_any_hour_is_told_so_and_does_not_stand_at_the_head(floor: Floor, ana: Someone) -> None:
    campaign = floor.campaign("progressive", agents=[ana], hours=nine_to_five())
    maria = floor.person(campaign, "Maria", numbers=["+18005550123"], zones=["America/New_York", "Pacific/Guam"])
    why = explain.lead(maria.lead.pk, now=floor.now)
    assert why is not None
    assert not why.callable_now
    assert why.in_words.startswith("Nobody can say when it can be called. There is no hour of the week")
    ana.sits_down()
    floor.run(until=lambda: maria.where == ("waiting", "rules"), at_most=30)
    assert maria.now().next_call_at > floor.now
