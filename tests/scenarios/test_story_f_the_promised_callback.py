"""A personal callback comes due while its owner talks; the owner is sick; the number was put on the list; the campaign was stopped."""

from datetime import timedelta

import pytest

from agents.models import Station, User
from campaigns.flow import control, do_not_call
from campaigns.models import Callback, Campaign
from telephony.drivers.simulated.script import Answers, Busy, NoAnswer, seconds
from tests.floor import Floor, Person, Someone

TALKS = Answers(after=seconds(4), talks_for=seconds(60))


@pytest.fixture
def campaign(floor: Floor, ana: Someone, ben: Someone) -> Campaign:
    return floor.campaign("progressive", agents=[ana, ben])


def promised(floor: Floor, campaign: Campaign, owner: Someone | None, *meets: object, in_: float = 30, fallback: float | None = None) -> Person:
    person = floor.person(campaign, "Promised", *(meets or (TALKS,)))
    fallback_at = floor.now + timedelta(seconds=fallback) if fallback else None
    floor.promises(person, owner, at=floor.now + timedelta(seconds=in_), fallback_at=fallback_at)
    return person


def test_it_is_what_its_owner_does_next_before_anybody_elses_record(floor: Floor, ana: Someone, ben: Someone, campaign: Campaign) -> None:
    maria = floor.person(campaign, "Maria", TALKS)
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "connected", at_most=6)
    pedro = promised(floor, campaign, ana)
    for i in range(3):
        floor.person(campaign, f"Other {i}", NoAnswer())
    ben.sits_down()
    floor.run(40)
    assert ana.phase == "connected"
    assert not pedro.attempts, "Ben works, and does not get it"
    floor.run(until=lambda: ana.phase == "wrap_up", at_most=40)
    ana.finishes("sale")
    assert ana.work
    assert (ana.work.lead_id, ana.work.origin) == (pedro.lead.pk, "personal_callback"), "in the same moment, not through the free pool"
    floor.run(until=lambda: ana.phase == "connected", at_most=8)
    assert maria.where == ("final", "success")
    floor.run(until=lambda: ana.phase == "wrap_up", at_most=70)
    assert Callback.objects.get().state == "kept"
    ana.finishes("sale")


def test_an_owner_who_is_free_is_given_it_when_it_is_due(floor: Floor, ana: Someone, ben: Someone, campaign: Campaign) -> None:
    pedro = promised(floor, campaign, ana)
    ana.sits_down()
    ben.sits_down()
    floor.run(29)
    assert not pedro.attempts
    floor.run(until=lambda: ana.phase == "dialing", at_most=3)
    assert ben.phase is None
    floor.run(1)
    assert len(pedro.attempts) == 1


def test_one_that_was_not_reached_stays_its_owners_promise(floor: Floor, ana: Someone, ben: Someone, campaign: Campaign) -> None:
    floor.rule(campaign, "busy", attempts=5, minutes=2)
    pedro = promised(floor, campaign, ana, Busy())
    ana.sits_down()
    ben.sits_down()
    floor.run(until=lambda: pedro.outcomes == ["busy"], at_most=40)
    lead = pedro.now()
    assert (pedro.where, lead.boost, lead.reserved_for_id) == (("waiting", "callback"), 0, ana.id)
    floor.run(until=lambda: pedro.outcomes == ["busy", "busy"], at_most=130)
    assert {attempt.agent_id for attempt in pedro.attempts} == {ana.id}


def test_whose_owner_is_lost_in_the_moment_of_the_answer_is_given_to_nobody_else_and_stays_promised(
    floor: Floor, ana: Someone, ben: Someone, campaign: Campaign
) -> None:
    pedro = promised(floor, campaign, ana, in_=3)
    ana.sits_down()
    floor.run(until=lambda: pedro.attempts, at_most=6)
    ben.sits_down()
    floor.run(3.5)
    ana.phone_dies()
    floor.run(until=lambda: pedro.outcomes == ["abandoned"], at_most=10)
    assert ben.closed == []
    assert pedro.where == ("waiting", "callback")
    assert (pedro.now().reserved_for_id, Callback.objects.get().state) == (ana.id, "open")


def test_one_that_fails_for_good_is_closed_with_its_reason(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    floor.rule(campaign, "busy", attempts=1)
    pedro = promised(floor, campaign, ana, Busy())
    ana.sits_down()
    floor.run(until=lambda: pedro.where == ("final", "no_more_attempts"), at_most=40)
    assert list(Callback.objects.values_list("state", "reason")) == [("expired", "no more attempts")]


def test_where_the_owner_is_sick_somebody_else_keeps_it_after_the_time_set(floor: Floor, ana: Someone, ben: Someone, campaign: Campaign) -> None:
    pedro = promised(floor, campaign, ana, in_=10, fallback=60)
    ben.sits_down()
    floor.run(58)
    assert not pedro.attempts
    floor.run(until=lambda: ben.phase == "dialing", at_most=15)
    assert ben.work
    assert ben.work.lead_id == pedro.lead.pk


@pytest.mark.parametrize("owner_is", ["taken off the campaign", "deactivated"])
def test_where_the_owner_was_removed_it_is_anybodys_with_the_reason(
    floor: Floor, ana: Someone, ben: Someone, campaign: Campaign, owner_is: str
) -> None:
    pedro = promised(floor, campaign, ana, in_=60, fallback=3600)
    ana.sits_down()
    ben.sits_down()
    if owner_is == "deactivated":
        User.objects.filter(pk=ana.agent.user_id).update(is_active=False)
        ana.closes_console()
    else:
        control.assign(campaign, [ben.agent], by=None, now=floor.now)
    floor.run(59)
    assert not pedro.attempts, "it stays promised for its time"
    floor.run(until=lambda: ben.phase == "connected", at_most=10)
    assert ben.work
    assert (ben.work.lead_id, ben.work.origin, pedro.attempts[0].agent_id) == (pedro.lead.pk, "callback", ben.id)
    assert ana.closed == []
    callback = Callback.objects.get()
    assert (callback.state, callback.reason) == ("open", "whoever promised it is not in the campaign any more")
    ben.hangs_up()
    floor.run(until=lambda: ben.phase == "wrap_up", at_most=3)
    ben.finishes("sale")
    assert (pedro.where, Callback.objects.get().state) == (("final", "success"), "kept")


def test_a_number_put_on_the_list_cancels_it(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    pedro = promised(floor, campaign, ana)
    do_not_call.list_numbers([pedro.number], source="customer", now=floor.now)
    ana.sits_down()
    floor.run(60)
    assert not pedro.attempts
    assert pedro.where == ("final", "do_not_call")
    assert list(Callback.objects.values_list("state", "reason")) == [("cancelled", "on the do-not-call list")]


def test_a_listed_number_with_another_one_keeps_the_promise_on_that(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    pedro = floor.person(campaign, "Pedro", TALKS, numbers=2)
    floor.script.say(pedro.numbers[1], TALKS)
    floor.promises(pedro, ana, at=floor.now + timedelta(seconds=10))
    do_not_call.list_numbers([pedro.numbers[0]], source="customer", now=floor.now)
    ana.sits_down()
    floor.run(until=lambda: pedro.dialed == [pedro.numbers[1]], at_most=20)
    assert pedro.attempts[0].agent_id == ana.id


def test_a_campaign_paused_at_its_time_keeps_it_for_later(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    pedro = promised(floor, campaign, ana, in_=5)
    ana.sits_down()
    control.pause(campaign, by=None, now=floor.now)
    floor.run(30)
    assert not pedro.attempts
    assert Callback.objects.get().state == "open"
    control.start(campaign, by=None, now=floor.now)
    floor.run(until=lambda: pedro.attempts, at_most=3)


def test_one_for_anybody_goes_first(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    others = [floor.person(campaign, f"Other {i}", NoAnswer()) for i in range(3)]
    pedro = promised(floor, campaign, None, in_=0.5)
    ana.sits_down(ready=False)
    floor.run(1)
    ana.goes_ready()
    floor.run(1)
    assert len(pedro.attempts) == 1
    assert not any(p.attempts for p in others)


def test_one_promised_during_the_call_is_kept_when_it_is_due_and_not_before(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    maria = floor.person(campaign, "Maria", Answers(after=seconds(2), talks_for=seconds(20)))
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "connected", at_most=5)
    Callback.objects.create(lead=maria.lead, kind="personal", agent=ana.agent, due_at=floor.now + timedelta(minutes=5))
    floor.run(until=lambda: ana.phase == "wrap_up", at_most=30)
    assert Callback.objects.get().state == "open", "this call is not the one that was promised"
    ana.finishes("other")
    assert maria.where == ("waiting", "callback")
    assert maria.now().next_call_at == Callback.objects.get().due_at
    floor.run(until=lambda: ana.phase == "wrap_up", at_most=400)
    assert Callback.objects.get().state == "kept"
    ana.finishes("sale")


def test_an_agent_who_says_no_ends_what_was_promised(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    maria = floor.person(campaign, "Maria", Answers(after=seconds(2), talks_for=seconds(20)))
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "connected", at_most=5)
    Callback.objects.create(lead=maria.lead, kind="group", due_at=floor.now + timedelta(minutes=5))
    floor.run(until=lambda: ana.phase == "wrap_up", at_most=30)
    ana.finishes("no")
    assert maria.where == ("final", "done")
    assert Callback.objects.get().state == "cancelled"


def test_a_phone_that_is_called_for_each_call_rings_for_a_callback_too(floor: Floor) -> None:
    cleo = floor.agent("Cleo", leg_mode=Station.LegMode.PER_CALL)
    campaign = floor.campaign("progressive", agents=[cleo])
    pedro = promised(floor, campaign, cleo, in_=3)
    cleo.sits_down()
    floor.run(until=lambda: cleo.phase == "connected", at_most=15)
    assert len(pedro.attempts) == 1
    cleo.hangs_up()
    floor.run(1)
    cleo.finishes("sale")
