"""The system dials, the agent is alerted and connected when the customer answers (R60 to R66); wrap-up and what follows."""

from datetime import timedelta

import pytest

from agents.desk import NOT_YOURS, Done, Refusal
from agents.models import Interaction, StateChange, Station
from campaigns.flow import control, wrap_up
from campaigns.models import Attempt, Campaign
from campaigns.rules.lifecycle import ParticipationState
from telephony.drivers.simulated.script import Answers, Busy, NoAnswer, RefusedAtOnce, seconds
from telephony.models import Call
from telephony.rules.events import Happened
from telephony.rules.hangup_causes import Cause
from tests.floor import Floor, Person, Someone

PER_CALL = Station.LegMode.PER_CALL
TALKS = Answers(after=seconds(6), talks_for=seconds(60))


def in_wrap_up(floor: Floor, someone: Someone) -> None:
    floor.run(until=lambda: someone.phase == "connected", at_most=30)
    floor.run(until=lambda: someone.phase == "wrap_up", at_most=90)


def test_maria_answers_and_ana_talks_to_her(floor: Floor, ana: Someone) -> None:
    campaign = floor.campaign("progressive", agents=[ana])
    maria = floor.person(campaign, "Maria", TALKS)
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "dialing")
    floor.run(until=lambda: ana.phase == "connected", at_most=10)
    floor.run(until=lambda: ana.phase == "wrap_up", at_most=90)
    assert isinstance(ana.finishes("sale"), Done)
    assert maria.outcomes == ["connected"]
    assert maria.where == ("final", "success")
    assert ana.session.voice_ready
    assert ana.work is None
    floor.agrees_with_the_carrier()


def test_the_alert_names_campaign_customer_and_number_before_anybody_has_answered(floor: Floor, ana: Someone) -> None:
    campaign = floor.campaign("progressive", agents=[ana], name="Spring renewals")
    maria = floor.person(campaign, "Maria", TALKS)
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "dialing", at_most=1)
    assert ana.work
    assert {k: ana.work.card[k] for k in ("campaign", "name", "number")} == {
        "campaign": "Spring renewals",
        "name": "Maria López",
        "number": maria.number,
    }
    assert ana.work.progress == "dialing"
    floor.run(until=lambda: ana.work and ana.work.progress == "ringing", at_most=1)
    floor.run(until=lambda: ana.work and ana.work.progress == "connected", at_most=7)


def test_agent_and_customer_are_in_one_bridge_and_the_carrier_speaks_no_more(floor: Floor, ana: Someone) -> None:
    floor.person(floor.campaign("progressive", agents=[ana]), "Maria", Answers(after=seconds(2)))
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "connected", at_most=5)
    floor.run(10)
    assert ana.phase == "connected", "the carrier's guard was raised"
    listing = floor.carrier.list()
    assert ana.work
    assert listing.bridges[ana.work.pk] == {ana.leg, ana.work.call_id}
    ana.hangs_up()
    floor.run(1)
    assert ana.phase == "wrap_up"
    assert ana.leg in {call.call_id for call in floor.carrier.list().calls}, "the nailed-up leg stays"
    assert not floor.carrier.list().bridges


def test_the_next_call_comes_after_done(floor: Floor, ana: Someone) -> None:
    campaign = floor.campaign("progressive", agents=[ana])
    people = [floor.person(campaign, name, TALKS) for name in ("Maria", "Pedro")]
    ana.sits_down()
    in_wrap_up(floor, ana)
    floor.run(20)
    assert sum(len(p.attempts) for p in people) == 1, "wrap-up is work"
    ana.finishes("sale")
    floor.run(until=lambda: ana.phase == "dialing", at_most=1)
    assert [len(p.attempts) for p in people] == [1, 1]


def test_a_disposition_that_is_wanted_is_waited_for(floor: Floor, ana: Someone) -> None:
    campaign = floor.campaign("progressive", agents=[ana])
    maria = floor.person(campaign, "Maria", TALKS)
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "connected", at_most=10)
    assert ana.finishes("sale") == Refusal("The call is not over yet: hang up first.")
    floor.run(until=lambda: ana.phase == "wrap_up", at_most=90)
    assert ana.finishes(None) == Refusal("Choose a disposition first: this campaign wants one for every such call.")
    assert maria.where[0] == "busy"
    assert isinstance(ana.finishes("sale", note="  called back on Monday "), Done)
    assert maria.attempts[0].disposition_id == maria.now().disposition_id


def test_a_second_done_finds_the_record_gone(floor: Floor, ana: Someone) -> None:
    floor.person(floor.campaign("progressive", agents=[ana]), "Maria", TALKS)
    ana.sits_down()
    in_wrap_up(floor, ana)
    assert ana.work
    work = ana.work.pk
    ana.finishes("sale")
    again = wrap_up.finish(work, ana.id, disposition_id=None, note="", stop=False, now=floor.now)
    assert again == NOT_YOURS


def test_nobody_elses_record_can_be_finished(floor: Floor, ana: Someone) -> None:
    ben = floor.agent("Ben")
    floor.person(floor.campaign("progressive", agents=[ana]), "Maria", TALKS)
    ana.sits_down()
    ben.sits_down()
    in_wrap_up(floor, ana)
    assert ana.work
    assert wrap_up.finish(ana.work.pk, ben.id, disposition_id=None, note="", stop=False, now=floor.now) == NOT_YOURS
    assert wrap_up.hang_up(ana.work.pk, ben.id, now=floor.now) == NOT_YOURS
    assert wrap_up.save_note(ana.work.pk, ben.id, "x", now=floor.now) == NOT_YOURS


@pytest.mark.parametrize(("policy", "phase", "not_ready"), [("ready", None, None), ("not_ready", None, "wrap_up_expired"), ("stay", "wrap_up", None)])
def test_wrap_up_runs_out_by_the_campaigns_policy(floor: Floor, ana: Someone, policy: str, phase: str | None, not_ready: str | None) -> None:
    campaign = floor.campaign("progressive", agents=[ana], wrap_up_policy=policy, wrap_up_for=20, disposition_for="none")
    maria = floor.person(campaign, "Maria", TALKS)
    ana.sits_down()
    in_wrap_up(floor, ana)
    ended = floor.now
    assert ana.work
    assert ana.work.deadline == ended + timedelta(seconds=20)
    floor.run(18)
    assert ana.phase == "wrap_up"
    floor.run(4)
    assert (ana.phase, ana.not_ready) == (phase, not_ready)
    if phase is None:
        assert maria.where == ("final", "done")
    else:
        floor.run(120)
        assert ana.phase == "wrap_up"
        ana.finishes(None)


def test_wrap_up_without_its_disposition_stays_open_and_the_agent_is_not_ready_afterwards(floor: Floor, ana: Someone) -> None:
    campaign = floor.campaign("progressive", agents=[ana], wrap_up_for=20)
    maria = floor.person(campaign, "Maria", TALKS)
    floor.person(campaign, "Pedro", TALKS)
    ana.sits_down()
    in_wrap_up(floor, ana)
    floor.run(200)
    assert ana.phase == "wrap_up"
    assert maria.where[0] == "busy"
    ana.finishes("sale")
    assert ana.not_ready == "wrap_up_expired"
    floor.run(5)
    assert ana.phase is None


def test_a_break_the_agent_asked_for_is_not_overwritten_by_the_clock(floor: Floor, ana: Someone) -> None:
    floor.person(floor.campaign("progressive", agents=[ana], wrap_up_for=20), "Maria", TALKS)
    ana.sits_down()
    in_wrap_up(floor, ana)
    ana.takes_break("lunch")
    floor.run(30)
    ana.finishes("sale")
    assert ana.not_ready == "lunch"


def test_a_desk_left_in_wrap_up_is_closed_after_a_quarter_of_an_hour_with_its_draft(floor: Floor, ana: Someone) -> None:
    campaign = floor.campaign("progressive", agents=[ana], wrap_up_for=20)
    maria = floor.person(campaign, "Maria", TALKS)
    ana.sits_down()
    in_wrap_up(floor, ana)
    assert ana.work
    work = ana.work.pk
    wrap_up.save_note(work, ana.id, "asked about", now=floor.now)
    ana.closes_console()
    floor.run(14 * 60)
    assert ana.phase == "wrap_up"
    floor.run(3 * 60)
    assert ana.not_ready == "connection_lost"
    assert ana.closed == ["desk_abandoned"]
    assert Interaction.objects.get(pk=work).note == "asked about"
    assert maria.where == ("final", "done")


@pytest.mark.parametrize("meets", [NoAnswer(), Busy(), RefusedAtOnce(cause=Cause.CONGESTION)], ids=lambda m: type(m).__name__)
def test_who_is_not_reached_brings_no_wrap_up_where_only_answered_calls_need_a_disposition(floor: Floor, ana: Someone, meets: object) -> None:
    campaign = floor.campaign("progressive", agents=[ana])
    maria = floor.person(campaign, "Maria", meets)
    ana.sits_down()
    floor.run(until=lambda: bool(maria.attempts) and maria.outcomes[0], at_most=40)
    assert (ana.phase, ana.free) == (None, True)
    assert maria.where == ("waiting", "retry")


def test_where_every_attempt_needs_a_disposition_an_unanswered_call_has_its_wrap_up(floor: Floor, ana: Someone) -> None:
    campaign = floor.campaign("progressive", agents=[ana], disposition_for="all")
    maria = floor.person(campaign, "Maria", Busy())
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "wrap_up", at_most=10)
    assert maria.where[0] == "busy", "the second of outcome and disposition moves it"
    assert isinstance(ana.finishes(None), Refusal)
    ana.finishes("again")
    assert maria.where == ("waiting", "retry")
    assert maria.now().tries == {"busy": 1}


def test_a_phone_that_is_called_for_each_call_rings_together_with_the_customers(floor: Floor) -> None:
    ana = floor.agent("Ana", leg_mode=PER_CALL)
    maria = floor.person(floor.campaign("progressive", agents=[ana]), "Maria", TALKS)
    floor.script.station("ana", Answers(after=seconds(3)))
    ana.sits_down()
    floor.run(1)
    assert {call.party for call in Call.objects.filter(state="ringing")} == {"agent", "customer"}
    leg = ana.leg
    in_wrap_up(floor, ana)
    floor.run(1)
    assert floor.world.when(leg, Happened.ENDED)
    ana.finishes("sale")
    assert maria.outcomes == ["connected"]


def test_a_customer_who_answers_first_waits_for_the_ringing_phone(floor: Floor) -> None:
    ana = floor.agent("Ana", leg_mode=PER_CALL)
    maria = floor.person(floor.campaign("progressive", agents=[ana]), "Maria", Answers(after=seconds(2), talks_for=seconds(30)))
    floor.script.station("ana", Answers(after=seconds(3.5)))
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "connected", at_most=5)
    assert maria.attempts[0].answered_at
    assert floor.now - maria.attempts[0].answered_at < timedelta(seconds=2)
    in_wrap_up(floor, ana)
    ana.finishes("sale")


def test_a_phone_that_is_picked_up_too_late_finds_the_customer_with_the_message(floor: Floor) -> None:
    ana = floor.agent("Ana", leg_mode=PER_CALL)
    maria = floor.person(floor.campaign("progressive", agents=[ana]), "Maria", Answers(after=seconds(2), talks_for=seconds(30)))
    floor.script.station("ana", Answers(after=seconds(5)))
    ana.sits_down()
    floor.run(20)
    assert maria.outcomes == ["abandoned"]
    call = Call.objects.get(party="customer")
    assert call.answered_at
    assert call.announcing_at
    assert call.announcing_at - call.answered_at <= timedelta(seconds=2.1)
    assert not Call.objects.exclude(state="ended").exists(), "nobody's phone is left ringing or open"
    assert ana.free


def test_an_unregistered_phone_gives_its_customer_to_somebody_else(floor: Floor) -> None:
    ana, ben = floor.agent("Ana", leg_mode=PER_CALL), floor.agent("Ben")
    campaign = floor.campaign("progressive", agents=[ana, ben])
    floor.script.station("ana", RefusedAtOnce(cause=Cause.UNAVAILABLE))
    ana.sits_down()
    floor.run(1)
    ben.sits_down()
    maria = floor.person(campaign, "Maria", TALKS)
    floor.run(until=lambda: ben.phase == "connected", at_most=12)
    assert ben.work
    assert ben.work.lead_id == maria.lead.pk
    assert ana.closed == ["agent_lost"]
    assert maria.attempts[0].agent_id == ben.id


def test_an_unregistered_phone_and_nobody_else_gives_the_call_up_after_the_least_ringing(floor: Floor) -> None:
    ana = floor.agent("Ana", leg_mode=PER_CALL)
    campaign = floor.campaign("progressive", agents=[ana], min_ring_for=10)
    maria = floor.person(campaign, "Maria", Answers(after=seconds(20), talks_for=seconds(60)))
    floor.script.station("ana", RefusedAtOnce(cause=Cause.UNAVAILABLE))
    ana.sits_down()
    floor.run(8)
    assert maria.outcomes == [None]
    floor.run(until=lambda: maria.outcomes == ["cancelled"], at_most=5)


def test_done_and_stop_ends_the_agents_part_in_the_campaign(floor: Floor, ana: Someone) -> None:
    campaign = floor.campaign("progressive", agents=[ana])
    floor.person(campaign, "Maria", TALKS)
    pedro = floor.person(campaign, "Pedro", TALKS)
    ana.sits_down()
    in_wrap_up(floor, ana)
    ana.finishes("sale", stop=True)
    floor.run(30)
    assert ana.free
    assert not pedro.attempts
    assert campaign.participations.get().state == ParticipationState.OFF


def test_what_an_agent_did_is_a_story_without_gaps(floor: Floor, ana: Someone) -> None:
    floor.person(floor.campaign("progressive", agents=[ana]), "Maria", TALKS)
    ana.sits_down()
    in_wrap_up(floor, ana)
    ana.takes_break()
    ana.finishes("sale")
    assert list(StateChange.objects.order_by("id").values_list("doing", flat=True)) == [
        "not_ready",
        "ready",
        "dialing",
        "on_call",
        "on_call",
        "wrap_up",
        "not_ready",
    ]


def test_the_screen_version_only_rises(floor: Floor, ana: Someone) -> None:
    floor.person(floor.campaign("progressive", agents=[ana]), "Maria", TALKS)
    ana.sits_down()
    seen: list[int] = []
    for phase in ("dialing", "connected", "wrap_up"):
        floor.run(until=lambda phase=phase: ana.phase == phase, at_most=90)  # type: ignore[misc]  # mypy cannot type a lambda with a default
        seen.append(ana.session.version)
    assert seen == sorted(set(seen))


def test_the_longest_call_is_ended(floor: Floor, ana: Someone) -> None:
    campaign = floor.campaign("progressive", agents=[ana], longest_call=1)
    maria = floor.person(campaign, "Maria", Answers(after=seconds(2)))
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "wrap_up", at_most=70)
    assert maria.outcomes == ["connected"]


def _shares(floor: Floor, campaigns: dict[str, Campaign], agents: list[Someone], *, calls: int) -> dict[str, int]:
    people: dict[str, list[Person]] = {name: [floor.person(c, f"{name} {i}", Busy()) for i in range(calls)] for name, c in campaigns.items()}
    for someone in agents:
        someone.sits_down()
    floor.run(until=lambda: Attempt.objects.count() >= calls, at_most=60)
    return {name: sum(len(p.attempts) for p in of) for name, of in people.items()}


def test_two_campaigns_of_one_agent_get_calls_by_their_weight(floor: Floor, ana: Someone) -> None:
    campaigns = {"one": floor.campaign("progressive", agents=[ana], weight=10), "three": floor.campaign("progressive", agents=[ana], weight=30)}
    shares = _shares(floor, campaigns, [ana], calls=20)
    assert shares == {"one": 5, "three": 15}


def test_an_agent_whose_first_campaign_has_nothing_due_works_for_the_other(floor: Floor, ana: Someone) -> None:
    floor.campaign("progressive", agents=[ana])
    other = floor.campaign("progressive", agents=[ana])
    maria = floor.person(other, "Maria", TALKS)
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "dialing", at_most=1)
    assert maria.attempts


def test_who_was_ready_before_the_campaign_started_is_called_when_it_does(floor: Floor, ana: Someone) -> None:
    ana.sits_down()
    campaign = floor.campaign("progressive", agents=[ana])
    floor.person(campaign, "Maria", TALKS)
    assert ana.stands
    floor.run(until=lambda: ana.phase == "dialing", at_most=2)


def test_who_is_taken_off_a_campaign_gets_no_more_of_its_records(floor: Floor, ana: Someone) -> None:

    ben = floor.agent("Ben")
    campaign = floor.campaign("progressive", agents=[ana, ben])
    ana.sits_down()
    ben.sits_down()
    control.assign(campaign, [ben.agent], by=None, now=floor.now)
    people = [floor.person(campaign, name, TALKS) for name in ("Maria", "Pedro")]
    floor.run(10)
    assert (ana.phase, ana.closed) == (None, [])
    assert sum(len(p.attempts) for p in people) == 1
    control.assign(campaign, [ana.agent, ben.agent], by=None, now=floor.now)
    floor.run(until=lambda: ana.phase == "dialing", at_most=2)


def test_a_phone_set_to_answer_by_itself_is_told_so_with_each_call(floor: Floor) -> None:
    ana, ben = floor.agent("Ana", leg_mode=PER_CALL), floor.agent("Ben", leg_mode=PER_CALL)
    Station.objects.filter(pk=ana.station.pk).update(auto_answer=True)
    campaign = floor.campaign("progressive", agents=[ana, ben])
    for i in range(2):
        floor.person(campaign, f"P{i}", Answers(after=seconds(3), talks_for=seconds(20)))
    ana.sits_down()
    ben.sits_down()
    floor.run(until=lambda: (ana.phase, ben.phase) == ("connected", "connected"), at_most=15)
    told = {leg.to.value: leg.auto_answer for _, leg in floor.world.placed if leg.party == "agent"}
    assert told == {"ana": True, "ben": False}
