"""The system connects the agent first: agent, then customer, then both (R81 to R86); one call at a time, readiness looked at before each."""

import pytest

from agents.desk import Done, Refusal
from agents.models import Station
from campaigns.flow import control, do_not_call, offer
from campaigns.models import Attempt, Callback, Campaign
from telephony.drivers.simulated.script import Answers, Busy, Machine, NoAnswer, RefusedAtOnce, Rejects, seconds
from telephony.models import Call
from telephony.rules.events import Happened
from telephony.rules.hangup_causes import Cause
from tests.floor import Floor, Someone

PER_CALL = Station.LegMode.PER_CALL
TALKS = Answers(after=seconds(6), talks_for=seconds(60))


@pytest.fixture
def campaign(floor: Floor, ana: Someone) -> Campaign:
    return floor.campaign("agent_first", agents=[ana])


def customers_legs(floor: Floor) -> int:
    return Call.objects.filter(party="customer").count()


def test_the_agent_is_called_answers_and_only_then_the_customer_is_dialed(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    maria = floor.person(campaign, "Maria", TALKS)
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "ringing_agent", at_most=2)
    floor.run(5)
    assert not maria.attempts, "the customer waits for the agent"
    assert isinstance(ana.accepts(), Done)
    assert (ana.phase, floor.placed(maria.number)) == ("dialing", 1)
    floor.run(until=lambda: ana.phase == "connected", at_most=8)
    floor.run(until=lambda: ana.phase == "wrap_up", at_most=70)
    assert isinstance(ana.finishes("sale"), Done)
    assert maria.outcomes == ["connected"]
    assert maria.where == ("final", "success")
    assert ana.free


def test_a_phone_that_is_called_for_each_call_rings_and_its_answer_dials_the_customer(floor: Floor) -> None:
    ana = floor.agent("Ana", leg_mode=PER_CALL)
    campaign = floor.campaign("agent_first", agents=[ana])
    maria = floor.person(campaign, "Maria", TALKS)
    floor.script.station("ana", Answers(after=seconds(4)))
    ana.sits_down()
    floor.run(3)
    assert (ana.phase, maria.attempts) == ("ringing_agent", [])
    assert isinstance(ana.accepts(), Refusal), "this phone is answered on the phone"
    floor.run(until=lambda: ana.phase == "dialing", at_most=3)
    floor.run(until=lambda: ana.phase == "connected", at_most=9)
    leg = ana.leg
    floor.run(until=lambda: ana.phase == "wrap_up", at_most=70)
    floor.run(1)
    assert floor.world.when(leg, Happened.ENDED), "the phone was called for this call alone"
    ana.finishes("sale")
    assert maria.outcomes == ["connected"]


def test_an_agent_who_does_not_answer_is_not_ready_and_the_record_stands_at_the_top(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    first = floor.person(campaign, "Maria", TALKS)
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "ringing_agent", at_most=2)
    later = floor.person(campaign, "Pedro", TALKS)
    floor.run(until=lambda: ana.phase is None, at_most=25)
    assert ana.not_ready == "no_answer"
    assert (first.now().boost, first.now().misses, first.where) == (1, 1, ("waiting", "returned"))
    assert customers_legs(floor) == 0
    ana.goes_ready()
    floor.run(until=lambda: ana.phase == "ringing_agent", at_most=2)
    assert ana.work
    assert ana.work.lead_id == first.lead.pk, "the returned record before Pedro's"
    assert later.where == ("waiting", "new")


def test_a_rejected_record_goes_to_the_top_and_to_another_agent(floor: Floor) -> None:
    ana, ben = floor.agent("Ana"), floor.agent("Ben")
    campaign = floor.campaign("agent_first", agents=[ana, ben])
    maria = floor.person(campaign, "Maria", TALKS)
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "ringing_agent", at_most=2)
    assert isinstance(ana.rejects(), Done)
    assert ana.not_ready == "no_answer"
    ben.sits_down()
    ana.goes_ready()
    floor.run(until=lambda: ben.phase == "ringing_agent", at_most=2)
    assert ben.work
    assert ben.work.lead_id == maria.lead.pk
    assert ana.phase is None


def test_an_agent_who_missed_a_record_twice_does_not_get_it_a_third_time_while_somebody_else_works(floor: Floor) -> None:
    ana, ben = floor.agent("Ana"), floor.agent("Ben")
    campaign = floor.campaign("agent_first", agents=[ana, ben], max_misses=9)
    pedro = floor.person(campaign, "Pedro", Answers(after=seconds(2), talks_for=seconds(300)))
    ben.sits_down()
    floor.run(until=lambda: ben.phase == "ringing_agent", at_most=2)
    ben.accepts()
    floor.run(until=lambda: ben.phase == "connected", at_most=5)
    maria = floor.person(campaign, "Maria", TALKS)
    ana.sits_down()
    for _ in range(2):
        floor.run(until=lambda: ana.phase == "ringing_agent", at_most=2)
        ana.rejects()
        ana.goes_ready()
    floor.run(100)
    assert ana.phase is None, "Ben is there, if on a call: Maria's record waits for him"
    assert maria.where[0] == "waiting"
    ben.hangs_up()
    floor.run(until=lambda: ben.phase == "wrap_up", at_most=2)
    ben.finishes("sale")
    floor.run(until=lambda: ben.phase == "ringing_agent", at_most=70)
    assert ben.work
    assert ben.work.lead_id == maria.lead.pk
    assert pedro.where == ("final", "success")


def test_a_record_missed_twice_by_the_only_agent_rests_and_comes_back_to_them(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    maria = floor.person(campaign, "Maria", TALKS)
    ana.sits_down()
    for _ in range(2):
        floor.run(until=lambda: ana.phase == "ringing_agent", at_most=2)
        ana.rejects()
        ana.goes_ready()
    floor.run(9 * 60)
    assert ana.phase is None
    floor.run(until=lambda: ana.phase == "ringing_agent", at_most=150)
    ana.accepts()
    floor.run(until=lambda: ana.phase == "wrap_up", at_most=90)
    ana.finishes("sale")
    assert maria.outcomes == ["connected"]


def test_a_record_that_came_back_too_often_goes_to_the_end(floor: Floor, ana: Someone) -> None:
    campaign = floor.campaign("agent_first", agents=[ana], max_misses=1)
    maria = floor.person(campaign, "Maria", TALKS)
    pedro = floor.person(campaign, "Pedro", TALKS, at=floor.now)
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "ringing_agent", at_most=2)
    ana.rejects()
    assert maria.now().boost == 2
    assert maria.now().next_call_at > floor.now
    ana.goes_ready()
    floor.run(until=lambda: ana.phase == "ringing_agent", at_most=2)
    assert ana.work
    assert ana.work.lead_id == pedro.lead.pk


@pytest.mark.parametrize("mishap", [RefusedAtOnce(cause=Cause.UNAVAILABLE), NoAnswer(), Busy(), Rejects()], ids=lambda m: type(m).__name__)
def test_a_phone_that_cannot_be_reached_burns_no_attempt_and_dials_nobody(floor: Floor, mishap: object) -> None:
    ana = floor.agent("Ana", leg_mode=PER_CALL)
    campaign = floor.campaign("agent_first", agents=[ana])
    maria = floor.person(campaign, "Maria", TALKS)
    floor.script.station("ana", mishap)  # type: ignore[arg-type]  # one of the mishaps above
    ana.sits_down()
    floor.run(25)
    assert ana.not_ready == "no_answer"
    assert (maria.attempts, customers_legs(floor)) == ([], 0)
    assert maria.where == ("waiting", "returned")
    assert maria.now().misses == 1


def test_what_the_carrier_could_not_do_is_not_held_against_the_agent(floor: Floor) -> None:
    ana = floor.agent("Ana", leg_mode=PER_CALL)
    campaign = floor.campaign("agent_first", agents=[ana])
    maria = floor.person(campaign, "Maria", TALKS)
    floor.script.station("ana", RefusedAtOnce(cause=Cause.CONGESTION), Answers(after=seconds(1)))
    ana.sits_down()
    floor.run(1)
    assert ana.not_ready is None
    assert ana.closed == ["withdrawn"]
    assert maria.now().misses == 0
    floor.run(until=lambda: ana.phase == "dialing", at_most=10)


def test_a_mailbox_that_picks_up_an_ordinary_number_is_no_agent(floor: Floor) -> None:
    ana = floor.agent("Ana", leg_mode=PER_CALL, endpoint="+34911111111")
    campaign = floor.campaign("agent_first", agents=[ana])
    maria = floor.person(campaign, "Maria", TALKS)
    floor.script.say("+34911111111", Machine(after=seconds(3), talks_for=seconds(90)))
    ana.sits_down()
    floor.run(until=lambda: ana.phase is None, at_most=30)
    assert ana.not_ready == "no_answer"
    assert not maria.attempts
    floor.run(2)
    assert not Call.objects.exclude(state="ended").exists(), "the mailbox is hung up"


def test_a_key_pressed_on_an_ordinary_number_says_that_the_agent_is_there(floor: Floor) -> None:
    ana = floor.agent("Ana", leg_mode=PER_CALL, endpoint="+34911111111")
    campaign = floor.campaign("agent_first", agents=[ana])
    maria = floor.person(campaign, "Maria", TALKS)
    floor.script.say("+34911111111", Answers(after=seconds(3), presses=((seconds(2), "1"),)))
    ana.sits_down()
    floor.run(4)
    assert ana.phase == "ringing_agent"
    floor.run(until=lambda: ana.phase == "connected", at_most=12)
    ana.hangs_up()
    floor.run(until=lambda: ana.phase == "wrap_up", at_most=2)
    ana.finishes("no")
    assert maria.outcomes == ["connected"]


def test_the_agent_who_hangs_up_while_the_customer_rings_ends_the_call(floor: Floor) -> None:
    ana = floor.agent("Ana", leg_mode=PER_CALL)
    campaign = floor.campaign("agent_first", agents=[ana])
    maria = floor.person(campaign, "Maria", NoAnswer())
    ana.sits_down()
    floor.run(until=lambda: ana.work and ana.work.progress == "ringing", at_most=5)
    ana.puts_the_phone_down()
    floor.run(until=lambda: ana.phase is None, at_most=1)
    assert maria.outcomes == ["cancelled"]
    assert maria.where == ("waiting", "retry")


def test_the_nailed_up_phone_put_down_while_the_customer_rings_ends_the_call(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    maria = floor.person(campaign, "Maria", NoAnswer())
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "ringing_agent", at_most=2)
    ana.accepts()
    floor.run(5)
    ana.puts_the_phone_down()
    floor.run(until=lambda: ana.phase is None, at_most=1)
    assert maria.outcomes == ["cancelled"]
    floor.run(until=lambda: ana.session.leg_state == "up", at_most=15)
    assert ana.free, "the phone is called again"


def test_a_cancel_that_crosses_with_the_answer_is_counted_as_abandoned(floor: Floor) -> None:
    ana = floor.agent("Ana", leg_mode=PER_CALL)
    campaign = floor.campaign("agent_first", agents=[ana])
    floor.script.hanging_up = seconds(0.5)
    maria = floor.person(campaign, "Maria", Answers(after=seconds(5), talks_for=seconds(60)))
    ana.sits_down()
    floor.run(until=lambda: maria.attempts and maria.attempts[0].dialed_at, at_most=5)
    floor.run(4.8)
    ana.puts_the_phone_down()
    floor.run(until=lambda: maria.outcomes == ["abandoned"], at_most=4)
    assert Attempt.objects.get().answered_at


def test_the_agent_who_puts_the_phone_down_before_the_customer_is_dialed_has_dialed_nobody(floor: Floor) -> None:
    ana = floor.agent("Ana", leg_mode=PER_CALL)
    campaign = floor.campaign("agent_first", agents=[ana])
    maria = floor.person(campaign, "Maria", TALKS)
    ana.sits_down()
    floor.delays_messages(3)
    floor.run(until=lambda: ana.phase == "dialing", at_most=3)
    ana.puts_the_phone_down()
    floor.sweeps = False
    floor.run(5)
    floor.sweeps = True
    floor.run(1)
    assert customers_legs(floor) == 0
    assert maria.where == ("waiting", "returned")


def test_the_phone_lost_between_accept_and_the_dial_dials_nobody(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    maria = floor.person(campaign, "Maria", TALKS)
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "ringing_agent", at_most=2)
    ana.phone_dies()
    floor.run(0.2)
    assert isinstance(ana.accepts(), Refusal)
    floor.run(25)
    assert customers_legs(floor) == 0
    assert maria.where == ("waiting", "returned")


@pytest.mark.parametrize(("meets", "outcome"), [(NoAnswer(), "no_answer"), (Busy(), "busy"), (Rejects(), "rejected")])
def test_a_customer_who_is_not_reached_is_tried_again_later_and_the_agent_gets_the_next_record(
    floor: Floor, ana: Someone, campaign: Campaign, meets: object, outcome: str
) -> None:
    maria = floor.person(campaign, "Maria", meets)
    pedro = floor.person(campaign, "Pedro", TALKS)
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "ringing_agent", at_most=2)
    ana.accepts()
    floor.run(until=lambda: bool(maria.outcomes[0]), at_most=35)
    assert maria.outcomes == [outcome]
    assert maria.where == ("waiting", "retry")
    assert maria.now().next_call_at > floor.now
    floor.run(until=lambda: ana.phase == "ringing_agent", at_most=2)
    assert ana.work
    assert ana.work.lead_id == pedro.lead.pk, "no wrap-up for a call nobody answered"


def test_nobody_available_means_nothing_is_dialed(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    maria = floor.person(campaign, "Maria", TALKS)
    floor.run(20)
    ana.sits_down(ready=False)
    floor.run(20)
    ana.goes_ready()
    ana.takes_break()
    floor.run(20)
    assert (maria.where, Call.objects.filter(party="customer").count(), ana.closed) == (("waiting", "new"), 0, [])


def test_an_agent_has_one_call_at_a_time_and_is_looked_at_before_each(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    people = [floor.person(campaign, name, TALKS) for name in ("Maria", "Pedro", "Rosa")]
    ana.sits_down()
    for _ in range(2):
        floor.run(until=lambda: ana.phase == "ringing_agent", at_most=2)
        ana.accepts()
        floor.run(until=lambda: ana.phase == "connected", at_most=10)
        assert sum(bool(p.attempts) and p.outcomes[-1] is None for p in people) == 1
        floor.run(until=lambda: ana.phase == "wrap_up", at_most=70)
        ana.takes_break() if people[1].attempts else None
        ana.finishes("sale")
    floor.run(30)
    assert ana.not_ready == "lunch", "asked for during the second call, taken after it"
    assert not people[2].attempts


def test_a_break_asked_for_after_the_record_was_chosen_is_taken_after_it(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    floor.person(campaign, "Maria", NoAnswer())
    floor.person(campaign, "Pedro", TALKS)
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "ringing_agent", at_most=2)
    ana.takes_break()
    ana.accepts()
    floor.run(30)
    assert (ana.phase, ana.not_ready) == (None, "lunch")


def test_a_late_accept_names_work_that_is_over(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    floor.person(campaign, "Maria", TALKS)
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "ringing_agent", at_most=2)
    assert ana.work
    late = ana.work.pk
    floor.run(until=lambda: ana.phase is None, at_most=25)
    answer = offer.accept(late, ana.id, now=floor.now)
    assert answer == Refusal("The record went back to the list.")
    assert customers_legs(floor) == 0


def test_the_last_look_before_the_dial_is_the_permits(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    """Put on the do-not-call list while the agent's phone rang."""
    maria = floor.person(campaign, "Maria", TALKS)
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "ringing_agent", at_most=2)
    do_not_call.list_numbers([maria.number], source="customer", now=floor.now)
    ana.accepts()
    assert (ana.phase, ana.closed) == (None, ["dial_refused"])
    assert maria.where == ("final", "do_not_call")
    assert customers_legs(floor) == 0
    assert ana.free


def test_a_campaign_paused_while_the_agents_phone_rings_dials_nobody(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    maria = floor.person(campaign, "Maria", TALKS)
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "ringing_agent", at_most=2)
    control.pause(campaign, by=None, now=floor.now)
    ana.accepts()
    floor.run(5)
    assert (ana.phase, customers_legs(floor), maria.where) == (None, 0, ("waiting", "returned"))
    control.start(campaign, by=None, now=floor.now)
    floor.run(until=lambda: ana.phase == "ringing_agent", at_most=2)


def test_a_personal_callback_its_owner_misses_stays_theirs(floor: Floor, ana: Someone) -> None:
    ben = floor.agent("Ben")
    campaign = floor.campaign("agent_first", agents=[ana, ben])
    maria = floor.person(campaign, "Maria", TALKS)
    floor.promises(maria, ana, at=floor.now)
    ben.sits_down()
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "ringing_agent", at_most=2)
    ana.rejects()
    floor.run(20)
    assert ben.phase is None, "Ben is free, and it is not his"
    lead = maria.now()
    assert (lead.reserved_for_id, lead.boost, maria.where) == (ana.id, 0, ("waiting", "callback"))
    ana.goes_ready()
    floor.run(until=lambda: ana.phase == "ringing_agent", at_most=2)
    ana.accepts()
    floor.run(until=lambda: ana.phase == "wrap_up", at_most=80)
    assert Callback.objects.get().state == "kept"
    ana.finishes("sale")


@pytest.mark.parametrize("again", ["goes_ready", "opens_console"])
def test_who_says_ready_again_keeps_their_place(floor: Floor, again: str) -> None:
    ana, ben = floor.agent("Ana"), floor.agent("Ben")
    campaign = floor.campaign("agent_first", agents=[ana, ben])
    ana.sits_down()
    floor.run(5)
    ben.sits_down()
    floor.run(5)
    getattr(ana, again)()
    floor.run(1)
    floor.person(campaign, "Maria", TALKS)
    floor.run(until=lambda: ana.phase or ben.phase, at_most=3)
    assert (ana.phase, ben.phase) == ("ringing_agent", None)
