"""Every refusal moves its lead: the head of the queue never spins, and what may not be called is not."""

from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings
from django.db import connections

from campaigns.flow import dispatch, do_not_call, permit
from campaigns.models import Attempt, CallableHours, Campaign, CampaignExclusion, DoNotCall, Lead, PhoneNumber, Suppression
from campaigns.rules.number_keys import number_key
from telephony.drivers.simulated.script import Answers, Busy, NoAnswer, seconds
from telephony.models import Call, CallerId
from tests.floor import Floor, Person, Someone

TALKS = Answers(after=seconds(6), talks_for=seconds(60))


@pytest.fixture
def campaign(floor: Floor, ana: Someone) -> Campaign:
    return floor.campaign("progressive", agents=[ana], hours=CallableHours.objects.get(name="nine to nine"))


def listed(floor: Floor, number: str, campaign: Campaign | None = None) -> None:
    """As an import of another process would: the row alone, nothing cancelled."""
    DoNotCall.objects.create(number_key=number_key(number, settings.NUMBER_KEY), campaign=campaign, source="test", created_at=floor.now)


def test_nobody_is_called_after_hours_where_they_live(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    lisbon = floor.person(campaign, "Rui", TALKS, zones=["Europe/Lisbon"])
    auckland = floor.person(campaign, "Aroha", TALKS, zones=["Pacific/Auckland"])
    ana.sits_down()
    floor.run(3)
    assert [len(lisbon.attempts), len(auckland.attempts)] == [1, 0], "nine in Lisbon, ten in the evening in Auckland"


def test_a_number_that_may_be_in_two_zones_is_called_when_both_are_awake(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    both = floor.person(campaign, "Sam", TALKS, zones=["Europe/Madrid", "America/New_York"])
    ana.sits_down()
    floor.run(3)
    assert not both.attempts
    floor.jumps_to(datetime(2026, 3, 10, 13, 0, tzinfo=UTC))
    floor.run(until=lambda: both.attempts, at_most=30)


def test_a_listed_number_is_never_called_and_its_lead_is_finished(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    maria = floor.person(campaign, "Maria", TALKS)
    listed(floor, maria.number)
    ana.sits_down()
    floor.run(3)
    assert maria.where == ("final", "do_not_call")
    assert floor.placed(maria.number) == 0


def test_a_listed_number_gives_way_to_the_persons_other_one(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    maria = floor.person(campaign, "Maria", numbers=3)
    listed(floor, maria.numbers[0])
    listed(floor, maria.numbers[1])
    floor.script.say(maria.numbers[2], Busy())
    ana.sits_down()
    floor.run(until=lambda: maria.dialed == [maria.numbers[2]], at_most=3)


def test_a_list_of_one_campaign_is_of_that_campaign_alone(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    other = floor.campaign("progressive", agents=[ana])
    maria = floor.person(campaign, "Maria", TALKS)
    same = floor.person(other, contact=maria.contact)
    listed(floor, maria.number, campaign)
    ana.sits_down()
    floor.run(3)
    assert maria.where == ("final", "do_not_call")
    assert len(same.attempts) == 1


def test_who_asks_not_to_be_called_is_on_the_list_when_the_agent_is_done(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    other = floor.campaign("progressive", agents=[ana])
    maria = floor.person(campaign, "Maria", Answers(after=seconds(2), talks_for=seconds(5)))
    elsewhere = floor.person(other, contact=maria.contact, at=floor.now + timedelta(minutes=5))
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "wrap_up", at_most=12)
    ana.finishes("dnc")
    assert maria.where == ("final", "do_not_call")
    assert elsewhere.where == ("final", "do_not_call"), "cancelled there in the same moment"
    floor.run(600)
    assert floor.placed(maria.number) == 1


def test_a_number_listed_while_it_rings_is_hung_up(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    maria = floor.person(campaign, "Maria", NoAnswer())
    ana.sits_down()
    floor.run(5)
    do_not_call.list_numbers([maria.number], source="customer", now=floor.now)
    floor.run(until=lambda: maria.outcomes == ["cancelled"], at_most=1)
    floor.run(100)
    assert maria.where == ("final", "do_not_call")
    assert floor.placed(maria.number) == 1


def test_a_number_listed_between_the_permit_and_the_last_look_is_not_dialed(
    floor: Floor, ana: Someone, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    maria = floor.person(campaign, "Maria", TALKS)
    promise = permit.promise

    def then_listed(*args: object, **kwargs: object) -> None:
        promise(*args, **kwargs)  # type: ignore[arg-type]  # handed on as it came
        listed(floor, maria.number)

    monkeypatch.setattr(permit, "promise", then_listed)
    ana.sits_down()
    assert maria.outcomes == ["cancelled"]
    assert maria.attempts[0].dialed_at is None, "counted to no cap"
    assert floor.placed(maria.number) == 0
    assert maria.now().attempts_made == 0


def test_who_was_taken_off_the_campaign_is_finished(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    maria = floor.person(campaign, "Maria", TALKS)
    CampaignExclusion.objects.create(campaign=campaign, contact=maria.contact, created_at=floor.now)
    ana.sits_down()
    floor.run(3)
    assert maria.where == ("final", "excluded")


@pytest.mark.parametrize("by", ["contact", "number"])
def test_who_is_left_alone_for_a_time_waits_until_then(floor: Floor, ana: Someone, campaign: Campaign, by: str) -> None:
    maria = floor.person(campaign, "Maria", TALKS)
    until = floor.now + timedelta(hours=2)
    Suppression.objects.create(
        contact=maria.contact if by == "contact" else None,
        number_key=number_key(maria.number, settings.NUMBER_KEY) if by == "number" else "",
        until=until,
        created_at=floor.now,
    )
    ana.sits_down()
    floor.run(3)
    assert maria.where == ("waiting", "hold")
    assert until <= maria.now().next_call_at < until + timedelta(seconds=31)


def test_a_campaign_without_a_verified_caller_id_moves_no_lead(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    maria = floor.person(campaign, "Maria", TALKS)
    CallerId.objects.update(verified=False)
    ana.sits_down()
    floor.run(30)
    assert maria.where == ("waiting", "new")
    CallerId.objects.update(verified=True)
    floor.run(until=lambda: maria.attempts, at_most=2)


def test_a_person_is_never_on_two_calls(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    ben = floor.agent("Ben")
    other = floor.campaign("progressive", agents=[ben])
    floor.rule(campaign, "no_answer", minutes=60)
    maria = floor.person(campaign, "Maria", NoAnswer(), numbers=2)
    same = floor.person(other, contact=maria.contact)
    Lead.objects.filter(pk=same.lead.pk).update(next_phone=maria.contact.phones.last())
    ana.sits_down()
    floor.run(2)
    ben.sits_down()
    floor.run(10)
    assert [len(maria.attempts), len(same.attempts)] == [1, 0]
    assert same.where == ("waiting", "hold")
    floor.run(until=lambda: same.attempts, at_most=90)
    assert maria.attempts[0].concluded_at
    assert maria.attempts[0].concluded_at < same.attempts[0].planned_at


def test_nobody_is_redialed_while_an_agent_still_writes_about_them(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    ben = floor.agent("Ben")
    other = floor.campaign("progressive", agents=[ben])
    maria = floor.person(campaign, "Maria", Answers(after=seconds(2), talks_for=seconds(5)))
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "wrap_up", at_most=12)
    same = floor.person(other, contact=maria.contact)
    ben.sits_down()
    floor.run(25)
    assert same.where == ("waiting", "hold")
    ana.finishes("dnc")
    floor.run(60)
    assert same.where == ("final", "do_not_call")


def test_the_same_number_twice_in_a_batch_is_called_once_and_the_other_lead_waits(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    agents = [ana, floor.agent("Ben")]
    campaign = floor.campaign("progressive", agents=agents)
    couple = [floor.person(campaign, name, numbers=["+34600999999"]) for name in ("Maria", "Pedro")]
    floor.script.say("+34600999999", NoAnswer())
    for someone in agents:
        someone.sits_down(ready=False)
    for someone in agents:
        someone.goes_ready()
    floor.run(2)
    assert sorted(len(p.attempts) for p in couple) == [0, 1]
    assert sorted(p.where for p in couple)[1] == ("waiting", "hold")
    floor.run(until=lambda: all(p.attempts for p in couple), at_most=120)


def test_a_switchboards_leads_move_out_of_the_way(floor: Floor, ana: Someone) -> None:
    ben = floor.agent("Ben")
    campaign = floor.campaign("progressive", agents=[ana, ben])
    office = [floor.person(campaign, f"Employee {i}", numbers=["+34600888888"]) for i in range(60)]
    floor.rule(campaign, "no_answer", attempts=1)
    floor.script.say("+34600888888", NoAnswer())
    maria = floor.person(campaign, "Maria", NoAnswer())
    ana.sits_down()
    floor.run(1)
    ben.sits_down()
    assert len(maria.attempts) == 1, "who is behind sixty of them is called at once"
    assert sum(len(p.attempts) for p in office) == 1
    waiting = Lead.objects.filter(state="waiting", reason="hold")
    assert waiting.count() == 59
    assert len(set(waiting.values_list("next_call_at", flat=True))) > 40, "they do not all come back in the same second"
    floor.run(60)
    assert 2 <= sum(len(p.attempts) for p in office) <= 3, "they have their turns"


def test_who_loses_the_try_lock_is_moved_and_never_waits(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    maria = floor.person(campaign, "Maria", TALKS)
    other = connections.create_connection("default")
    other.set_autocommit(False)
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [permit.NUMBER, maria.number])
        ana.sits_down()
        floor.run(3)
        assert maria.where == ("waiting", "hold")
    other.rollback()
    other.close()
    floor.run(until=lambda: maria.attempts, at_most=62)


def _refused(floor: Floor, campaign: Campaign) -> list[Person]:
    """One of each kind of refusal, many times over."""
    people = []
    for i in range(40):
        people.append(listed_one := floor.person(campaign, f"Listed {i}"))
        listed(floor, listed_one.number)
        people.append(excluded := floor.person(campaign, f"Excluded {i}"))
        CampaignExclusion.objects.create(campaign=campaign, contact=excluded.contact, created_at=floor.now)
        people.append(left := floor.person(campaign, f"Left alone {i}"))
        Suppression.objects.create(contact=left.contact, until=floor.now + timedelta(days=1), created_at=floor.now)
        people.append(dead := floor.person(campaign, f"Dead {i}"))
        PhoneNumber.objects.filter(contact=dead.contact).update(active=False)
        people.append(spent := floor.person(campaign, f"Spent {i}"))
        Lead.objects.filter(pk=spent.lead.pk).update(tries={"busy": 6})
    return people


def test_dispatching_a_list_of_refused_leads_ends_and_moves_every_one(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    people = _refused(floor, campaign)
    ana.sits_down()
    floor.run(2)
    assert not Attempt.objects.exists()
    due = Lead.objects.filter(campaign=campaign, state="waiting", next_call_at__lte=floor.now).count()
    assert due == 0, "nobody is left at the head of the queue"
    assert len(people) == 200
    assert ana.free
    with floor.queries() as asked:
        dispatch.dispatch(Campaign.objects.get(pk=campaign.pk).pool, now=floor.now)
    assert len(asked) < 15, "an eaten queue costs nothing"


def test_two_numbers_without_an_hour_of_the_week_are_not_tried_in_turn(floor: Floor, ana: Someone) -> None:
    hours = CallableHours.objects.create(name="one hour on Mondays", week={"mon": [["09:00", "10:00"]]})
    campaign = floor.campaign("progressive", agents=[ana], hours=hours)
    maria = floor.person(campaign, "Maria", numbers=2, zones=["Europe/Madrid"])
    PhoneNumber.objects.filter(contact=maria.contact).update(zones=["Europe/Madrid", "Pacific/Auckland"])
    floor.jumps_to(datetime(2026, 3, 16, 8, 10, tzinfo=UTC))
    ana.sits_down()
    floor.run(2)
    assert maria.where == ("waiting", "rules")
    assert maria.now().next_call_at - floor.now > timedelta(hours=23)


def test_a_record_of_a_trunk_that_is_full_waits_and_is_dialed_when_there_is_room(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    from telephony.models import Trunk

    ben = floor.agent("Ben")
    campaign = floor.campaign("progressive", agents=[ana, ben])
    Trunk.objects.update(max_calls=1)
    people = [floor.person(campaign, name, NoAnswer(after=seconds(10))) for name in ("Maria", "Pedro")]
    ana.sits_down()
    ben.sits_down()
    floor.run(5)
    assert Call.objects.filter(party="customer").exclude(state="ended").count() == 1
    floor.run(until=lambda: all(p.attempts for p in people), at_most=15)
