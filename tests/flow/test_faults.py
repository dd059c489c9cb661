"""What goes wrong between the processes: messages, events, the pump, a worker, Redis. In the end every attempt has one outcome, every lead is
somewhere, and the ledger is what the carrier saw."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from agents.live import board
from agents.models import Station
from campaigns.flow import conclude, dispatch, permit, place, sweep
from campaigns.models import Attempt, Campaign, Lead
from dialer_project.lib import redis, sql
from telephony import commands
from telephony.drivers.base import Unclear
from telephony.drivers.simulated.script import Answers, Mix, NoAnswer, Spread, seconds
from telephony.drivers.simulated.world import Faults
from telephony.models import Call, CallEvent
from telephony.rules.events import Happened
from tests.floor import Floor, Person, Someone

TALKS = Answers(after=seconds(6), talks_for=seconds(20))


@pytest.fixture
def campaign(floor: Floor, ana: Someone) -> Campaign:
    return floor.campaign("progressive", agents=[ana])


class Killed(BaseException):
    """The process ends here; nothing after this line happens, not even what catches errors."""


def dies_in(monkeypatch: pytest.MonkeyPatch, where: Any, name: str, *, after: bool = False) -> None:
    """kill -9 of the one process that comes by next, before or after this step."""
    step: Callable[..., Any] = getattr(where, name)

    def once(*args: Any, **kwargs: Any) -> Any:
        monkeypatch.setattr(where, name, step)
        if after:
            step(*args, **kwargs)
        raise Killed

    monkeypatch.setattr(where, name, once)


def until_killed(floor: Floor, for_: float = 5) -> None:
    with pytest.raises(Killed):
        floor.run(for_)


# --- messages ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["progressive", "agent_first"])
@pytest.mark.parametrize("post", ["lost", "doubled", "three seconds late"])
def test_a_lead_is_called_once_and_finished_whatever_becomes_of_messages(floor: Floor, ana: Someone, mode: str, post: str) -> None:
    campaign = floor.campaign(mode, agents=[ana])
    floor.rule(campaign, "no_answer", attempts=1)
    maria, pedro = floor.person(campaign, "Maria", TALKS), floor.person(campaign, "Pedro", NoAnswer())
    match post:
        case "lost":
            floor.loses_messages()
        case "doubled":
            floor.doubles_messages()
        case _:
            floor.delays_messages(3)
    ana.sits_down()
    for _ in range(2):
        floor.run(until=lambda: ana.phase in ("ringing_agent", "dialing"), at_most=9)
        if ana.phase == "ringing_agent":
            ana.accepts()
        floor.run(until=lambda: ana.phase in ("wrap_up", None), at_most=60)
        if ana.phase == "wrap_up":
            ana.finishes("sale")
    floor.run(20)
    assert (maria.outcomes, pedro.outcomes) == (["connected"], ["no_answer"])
    assert (maria.where, pedro.where) == (("final", "success"), ("final", "no_more_attempts"))
    floor.agrees_with_the_carrier()
    floor.at_rest()


def test_an_order_to_dial_whose_message_is_lost_is_found_by_its_row(floor: Floor) -> None:
    ana = floor.agent("Ana", leg_mode=Station.LegMode.PER_CALL)
    campaign = floor.campaign("agent_first", agents=[ana])
    maria = floor.person(campaign, "Maria", TALKS)
    ana.sits_down()
    floor.loses_messages()
    floor.run(until=lambda: ana.phase == "dialing", at_most=3)
    assert not maria.attempts
    floor.run(until=lambda: maria.attempts, at_most=3)


def test_a_message_that_comes_after_the_work_is_over_does_nothing(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    maria = floor.person(campaign, "Maria", TALKS)
    ana.sits_down()
    assert ana.work
    work = str(ana.work.pk)
    floor.run(until=lambda: ana.phase == "wrap_up", at_most=40)
    before = Attempt.objects.count()
    floor.do("dial", [work])
    floor.do("dispatch", [campaign.pool])
    floor.do("hang_up", [[str(maria.attempts[0].pk)]])
    assert (ana.phase, Attempt.objects.count()) == ("wrap_up", before)
    ana.finishes("sale")


def test_two_sweeps_in_the_same_second_do_everything_once(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    maria = floor.person(campaign, "Maria", TALKS)
    floor.loses_messages()
    ana.sits_down()
    tick = sweep.every_second
    for _ in range(60):
        floor.run(1)
        tick(now=floor.now)
        tick(now=floor.now)
        if ana.phase == "wrap_up":
            ana.finishes("sale")
    assert maria.outcomes == ["connected"]
    floor.agrees_with_the_carrier()


# --- events -------------------------------------------------------------------------------------------------------------------------


def busy_centre(floor: Floor, *, agents: int = 4, people: int = 36, mode: str = "progressive") -> tuple[list[Someone], list[Person], Campaign]:
    """Agents who finish what they are given, customers by chance, short lives."""
    floor.script.mix = Mix(answers=0.55, machine=0.0)
    floor.script.answers_after = Spread(seconds(1), seconds(6))
    floor.script.talks_for = Spread(seconds(1), seconds(15))
    floor.script.no_answer_after = Spread(seconds(3), seconds(8))
    staff = [floor.agent(f"Agent{i}") for i in range(agents)]
    campaign = floor.campaign(mode, agents=staff, ring_for=12, wrap_up_for=5, disposition_for="none")
    for outcome in ("busy", "no_answer", "rejected", "unavailable", "congestion", "trunk_not_responding", "failed", "unknown", "early_hang_up"):
        floor.rule(campaign, outcome, attempts=1)
    floor.rule(campaign, "abandoned", attempts=1)
    floor.rule(campaign, "cancelled", attempts=2, minutes=1)
    return staff, [floor.person(campaign, f"Person {i}") for i in range(people)], campaign


def drained(floor: Floor, campaign: Campaign, *, at_most: float = 900) -> None:
    """Until nothing more can be dialed and everything has come to rest."""
    floor.run(
        until=lambda: (
            not Lead.objects.filter(campaign=campaign).exclude(state="final").exists() and not Attempt.objects.filter(state="open").exists()
        ),
        at_most=at_most,
    )
    floor.run(15)
    floor.at_rest()
    floor.agrees_with_the_carrier()


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(
    "faults",
    [
        Faults(drop=0.08),
        Faults(double=0.3),
        Faults(delay=0.3, delay_by=timedelta(seconds=3)),
        Faults(reorder=0.3),
        Faults(drop=0.05, double=0.1, delay=0.15, reorder=0.15),
    ],
    ids=["dropped", "doubled", "delayed", "reordered", "all of it"],
)
def test_events_that_go_astray_leave_nothing_open_and_nothing_counted_twice(floor: Floor, faults: Faults, seed: int) -> None:
    floor.world.seed = 1000 + seed
    staff, people, campaign = busy_centre(floor)
    floor.world.faults = faults
    for someone in staff:
        someone.opens_console()
        someone.signs_in()
    floor.run(30)
    for someone in staff:
        someone.goes_ready()
    drained(floor, campaign)
    assert Attempt.objects.exclude(dialed_at=None).count() >= len(people)
    assert all(attempt.outcome for attempt in Attempt.objects.all())
    for attempt in Attempt.objects.exclude(connected_at=None):
        assert floor.world.when(attempt.pk, Happened.ENTERED_BRIDGE), "nobody is counted as connected who was not"
    if faults == Faults(double=0.3):
        # a doubled event is no fault at all to us: the ledger is exactly the carrier's
        really = Counter(_truth(floor, attempt) for attempt in Attempt.objects.all())
        assert Counter(attempt.outcome for attempt in Attempt.objects.all() if attempt.outcome in really) == really


def _truth(floor: Floor, attempt: Attempt) -> str | None:
    if not floor.world.when(attempt.pk, Happened.ANSWERED):
        return attempt.outcome
    if floor.world.when(attempt.pk, Happened.ENTERED_BRIDGE):
        return "connected"
    return "abandoned" if floor.world.when(attempt.pk, Happened.ANNOUNCEMENT_STARTED) else "early_hang_up"


# --- the pump -------------------------------------------------------------------------------------------------------------------------


def test_nothing_is_dialed_where_nobody_listens(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    floor.person(campaign, "Maria", TALKS)
    ana.sits_down(ready=False)
    floor.stop_listening()
    ana.goes_ready()
    floor.run(20)
    assert not Attempt.objects.filter(dialed_at__isnull=False).exists()
    assert not floor.world.customers()
    floor.listen()
    floor.run(until=lambda: ana.phase == "connected", at_most=80)


def test_a_call_answered_while_nobody_listens_hears_the_message_and_is_counted_exactly(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    maria = floor.person(campaign, "Maria", TALKS)
    ana.sits_down()
    floor.run(2)
    floor.pump_dies()
    floor.run(30)
    assert maria.outcomes == [None]
    floor.listen()
    assert maria.outcomes == ["abandoned"]
    attempt = maria.attempts[0]
    assert floor.world.when(attempt.pk, Happened.ANNOUNCEMENT_STARTED) == Call.objects.get(pk=attempt.pk).announcing_at
    floor.run(2)
    assert ana.free


def test_a_call_that_was_not_answered_while_nobody_listened_is_concluded_and_tried_again(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    maria = floor.person(campaign, "Maria", NoAnswer(after=seconds(8)))
    ana.sits_down()
    floor.run(2)
    floor.pump_dies()
    floor.run(20)
    floor.listen()
    floor.run(until=lambda: maria.outcomes == ["unknown"], at_most=12)
    assert maria.where == ("waiting", "retry")


def test_the_conversation_outlives_the_pump(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    maria = floor.person(campaign, "Maria", Answers(after=seconds(6), talks_for=seconds(60)))
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "connected", at_most=10)
    floor.pump_dies()
    floor.run(20)
    floor.listen()
    floor.run(5)
    assert ana.phase == "connected"
    floor.run(until=lambda: ana.phase == "wrap_up", at_most=60)
    ana.finishes("sale")
    assert maria.outcomes == ["connected"]


def test_a_pump_that_dies_between_the_bridge_and_the_guard_is_made_good_by_the_next(
    floor: Floor, ana: Someone, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    maria = floor.person(campaign, "Maria", TALKS)
    ana.sits_down()
    monkeypatch.setattr(commands, "raise_guards", lambda *args: None)
    floor.run(until=lambda: ana.phase == "connected", at_most=10)
    monkeypatch.undo()
    floor.pump_dies()
    floor.clock.now += timedelta(seconds=1)
    floor.listen()
    floor.run(10)
    assert ana.phase == "connected"
    ana.hangs_up()
    floor.run(1)
    ana.finishes("sale")
    assert maria.outcomes == ["connected"]


def test_a_pump_that_stands_still_just_after_joining_two_people_leaves_them_together(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    maria = floor.person(campaign, "Maria", TALKS)
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "connecting", at_most=10)
    floor.pump_runs = False
    floor.run(3.5)  # the sweep looks meanwhile
    assert ana.phase == "connecting"
    floor.pump_runs = True
    floor.run(2)
    assert ana.phase == "connected"
    assert floor.world.when(maria.attempts[0].pk, Happened.ANNOUNCEMENT_STARTED) is None
    ana.hangs_up()
    floor.run(1)
    ana.finishes("sale")
    assert maria.outcomes == ["connected"]


@pytest.mark.parametrize("stands_still", [False, True])
def test_a_message_that_the_carrier_speaks_into_a_conversation_is_counted_and_frees_the_agent(
    floor: Floor, ana: Someone, campaign: Campaign, stands_still: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether both are told together or the message after the bridge."""
    maria = floor.person(campaign, "Maria", TALKS)
    petra = floor.person(campaign, "Petra", TALKS)
    ana.sits_down()
    with monkeypatch.context() as patch:
        patch.setattr(commands, "raise_guards", lambda *args: None)
        floor.run(until=lambda: ana.phase == "connecting", at_most=10)
        floor.pump_runs = not stands_still
        floor.run(until=lambda: stands_still or ana.phase == "connected", at_most=2)
        floor.run(until=lambda: floor.world.when(maria.attempts[0].pk, Happened.ANNOUNCEMENT_STARTED) is not None, at_most=4)
        floor.pump_runs = True
        floor.run(0.5)
    assert ana.phase == "dialing", "nothing is to be said of the one, and the next is called"
    floor.run(until=lambda: ana.phase == "connected", at_most=20)
    assert maria.outcomes == ["abandoned"]
    assert petra.attempts[0].connected_at


def test_a_frozen_pump_leaves_the_two_seconds_to_the_sweep_and_the_carrier(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    maria = floor.person(campaign, "Maria", Answers(after=seconds(6), talks_for=seconds(60)))
    ana.sits_down()
    floor.run(5)
    floor.pump_runs = False
    floor.run(20)
    floor.pump_runs = True
    floor.run(5)
    assert maria.outcomes == ["abandoned"]
    heard = floor.world.when(maria.attempts[0].pk, Happened.ANNOUNCEMENT_STARTED)
    answered = floor.world.when(maria.attempts[0].pk, Happened.ANSWERED)
    assert heard
    assert answered
    assert heard - answered <= timedelta(seconds=2)
    assert ana.free


def test_a_message_that_began_with_nobody_listening_and_ended_before_the_new_pump_looks_around_is_counted(
    floor: Floor, ana: Someone, campaign: Campaign
) -> None:
    maria = floor.person(campaign, "Maria", Answers(after=seconds(6), talks_for=seconds(60)))
    ana.sits_down()
    floor.run(5)
    floor.pump_dies()
    floor.run(until=lambda: floor.world.when(maria.attempts[0].pk, Happened.ANNOUNCEMENT_STARTED) is not None, at_most=10)

    floor.listen(slow=20)

    assert maria.outcomes == ["abandoned"]
    assert floor.world.when(maria.attempts[0].pk, Happened.ENDED)


def test_everything_said_before_and_after_a_listing_is_written_once(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    maria = floor.person(campaign, "Maria", TALKS)
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "connected", at_most=10)
    for _ in range(3):
        floor.reconcile()
        floor.hear([])
    ana.hangs_up()
    floor.run(1)
    for _ in range(3):
        floor.reconcile()
    ana.finishes("sale")
    assert maria.outcomes == ["connected"]
    assert max(Counter(CallEvent.objects.values_list("call_id", "kind")).values()) == 1


# --- a worker ------------------------------------------------------------------------------------------------------------------------


def test_a_worker_that_dies_after_the_promise_has_dialed_nobody(
    floor: Floor, ana: Someone, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    maria = floor.person(campaign, "Maria", TALKS)
    ana.sits_down(ready=False)
    dies_in(monkeypatch, place, "dial_planned")
    ana.goes_ready()
    until_killed(floor)
    assert Call.objects.get(party="customer").state == "planned"
    floor.run(8)
    assert maria.outcomes == ["cancelled"]
    assert maria.now().attempts_made == 0
    assert floor.placed(maria.number) == 0
    floor.run(until=lambda: ana.phase == "connected", at_most=90)
    assert floor.placed(maria.number) == 1


def test_a_worker_that_dies_in_the_dial_transaction_leaves_nothing(
    floor: Floor, ana: Someone, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    maria = floor.person(campaign, "Maria", TALKS)
    ana.sits_down(ready=False)
    dies_in(monkeypatch, permit, "promise", after=True)
    ana.goes_ready()
    until_killed(floor)
    assert (maria.attempts, maria.where, ana.work) == ([], ("waiting", "new"), None)
    floor.run(until=lambda: ana.phase == "dialing", at_most=3)


def test_a_worker_that_dies_between_the_last_look_and_the_carrier_burns_one_attempt_and_no_call(
    floor: Floor, ana: Someone, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    maria = floor.person(campaign, "Maria", TALKS)
    ana.sits_down(ready=False)
    dies_in(monkeypatch, commands, "place")
    ana.goes_ready()
    until_killed(floor)
    floor.run(until=lambda: maria.outcomes == ["unknown"], at_most=25)
    assert maria.now().attempts_made == 1, "it may have rung"
    assert floor.placed(maria.number) == 0
    assert maria.where == ("waiting", "retry")
    assert ana.free


def test_a_worker_that_dies_after_the_carrier_has_the_call_loses_nothing(
    floor: Floor, ana: Someone, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    maria = floor.person(campaign, "Maria", TALKS)
    ana.sits_down(ready=False)
    dies_in(monkeypatch, conclude, "placed")
    ana.goes_ready()
    until_killed(floor)
    floor.run(until=lambda: ana.phase == "wrap_up", at_most=40)
    ana.finishes("sale")
    assert maria.outcomes == ["connected"]
    floor.agrees_with_the_carrier()


def test_a_process_that_dies_between_the_commit_and_the_projection_is_made_good(
    floor: Floor, ana: Someone, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(board, "stand_all", lambda agents: [None] * len(agents))
    ana.sits_down()
    monkeypatch.undo()
    assert not ana.stands
    maria = floor.person(campaign, "Maria", TALKS)
    floor.run(until=lambda: maria.attempts, at_most=3)


def test_an_originate_whose_fate_is_unclear_keeps_its_number_and_is_found_when_it_rings(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    maria = floor.person(campaign, "Maria", TALKS)
    ana.sits_down(ready=False)
    floor.stalls(6)
    ana.goes_ready()
    floor.run(3)
    assert Call.objects.get(party="customer").state == "unresolved"
    floor.run(until=lambda: ana.phase == "wrap_up", at_most=60)
    ana.finishes("sale")
    assert maria.outcomes == ["connected"]
    assert floor.placed(maria.number) == 1


def test_an_originate_that_never_shows_itself_ends_as_unknown_after_its_quarantine(
    floor: Floor, ana: Someone, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    maria = floor.person(campaign, "Maria", TALKS)
    ana.sits_down(ready=False)
    monkeypatch.setattr(floor.carrier, "place_many", lambda legs: [Unclear("no reply")] * len(legs))
    ana.goes_ready()
    floor.run(50)
    assert maria.outcomes == [None], "the number stays taken"
    floor.run(until=lambda: maria.outcomes == ["unknown"], at_most=10)
    assert maria.where == ("waiting", "retry")
    assert maria.now().next_call_at - floor.now > timedelta(minutes=30), "never at once"
    assert ana.free


def test_an_originate_carried_out_after_its_quarantine_is_hung_up_and_who_answers_hears_the_message(
    floor: Floor, ana: Someone, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    maria = floor.person(campaign, "Maria", Answers(after=seconds(0.2), talks_for=seconds(60), rings=False))
    pedro = floor.person(campaign, "Pedro", NoAnswer())
    ana.sits_down(ready=False)
    kept: list[Any] = []
    place_many = floor.carrier.place_many

    def never_replies(legs: Any) -> list[Unclear]:
        kept.extend(legs)
        return [Unclear("no reply")] * len(legs)

    monkeypatch.setattr(floor.carrier, "place_many", never_replies)
    ana.goes_ready()
    floor.run(until=lambda: pedro.outcomes == ["unknown"], at_most=200)
    ana.takes_break()
    assert maria.outcomes == ["unknown"]
    monkeypatch.setattr(floor.carrier, "place_many", place_many)
    for leg in kept:
        floor.world.place(leg, floor.now)
    floor.run(20)
    heard = [floor.world.when(p.attempts[0].pk, Happened.ANNOUNCEMENT_STARTED) for p in (maria, pedro)]
    assert heard[0], "who has answered is not hung up on in silence"
    assert not heard[1]
    assert not floor.carrier.list().calls or {call.call_id for call in floor.carrier.list().calls} == {ana.leg}
    assert (maria.outcomes, pedro.outcomes) == (["unknown"], ["unknown"]), "an outcome is set once"


def test_a_carrier_that_is_not_running_burns_no_attempts(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    maria = floor.person(campaign, "Maria", TALKS)
    ana.sits_down(ready=False)
    floor.carrier.running = False
    ana.goes_ready()
    floor.run(1)
    assert maria.outcomes == ["failed"]
    floor.carrier.running = True
    assert maria.now().tries == {"failed": 1}
    assert maria.where == ("waiting", "retry")


# --- Redis ----------------------------------------------------------------------------------------------------------------------------


def test_redis_emptied_with_calls_ringing_abandons_nobody_and_dialing_goes_on_within_seconds(floor: Floor) -> None:
    staff = [floor.agent(f"Agent{i}") for i in range(4)]
    campaign = floor.campaign("progressive", agents=staff)
    people = [floor.person(campaign, f"Person {i}", Answers(after=seconds(4 + i), talks_for=seconds(30))) for i in range(4)]
    for someone in staff:
        someone.sits_down()
    floor.run(2)
    floor.empties_redis()
    later = floor.person(campaign, "Later", TALKS)
    floor.sweeps = False
    free = floor.agent("Free")
    floor.campaign("progressive", agents=[free])
    floor.run(3)
    assert not later.attempts, "nothing new is planned by a projection that is gone"
    floor.sweeps = True
    floor.run(until=lambda: all(s.phase == "connected" for s in staff), at_most=6)
    assert board.is_right()
    floor.run(until=lambda: all(s.phase == "wrap_up" for s in staff), at_most=40)
    for someone in staff:
        someone.finishes("sale")
    floor.run(until=lambda: later.attempts, at_most=3)
    assert [p.outcomes for p in people] == [["connected"]] * 4


def test_answers_find_agents_through_postgresql_while_the_projection_is_gone(floor: Floor) -> None:
    ana, ben = floor.agent("Ana"), floor.agent("Ben")
    campaign = floor.campaign("progressive", agents=[ana, ben])
    maria = floor.person(campaign, "Maria", TALKS)
    ana.sits_down()
    floor.run(2)
    ben.sits_down()
    floor.sweeps = False
    floor.empties_redis()
    ana.phone_dies()
    floor.run(until=lambda: ben.phase == "connected", at_most=7)
    assert maria.attempts[0].agent_id == ben.id


def test_a_stale_projection_is_taken_for_none(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    """An old copy of Redis was started: it knows agents, of another epoch."""
    ana.sits_down()
    assert ana.stands
    redis.hot().set(redis.key("board", "epoch"), "999")
    floor.sweeps = False
    maria = floor.person(campaign, "Maria", TALKS)
    assert dispatch.dispatch(campaign.pool, now=floor.now).stale
    assert not maria.attempts
    floor.sweeps = True
    floor.run(until=lambda: maria.attempts, at_most=3)
    assert board.is_right()


def test_who_goes_ready_in_the_second_after_another_process_has_rebuilt_the_projection_stands_in_it(
    floor: Floor, ana: Someone, campaign: Campaign
) -> None:
    ana.sits_down(ready=False)
    maria = floor.person(campaign, "Maria", TALKS)
    floor.sweeps = False
    known = board.epoch(fresh=True) + 1  # what this process will believe for a second is the one before
    sql.changed("UPDATE agents_board SET epoch = %s", [known])
    redis.hot().set(redis.key("board", "epoch"), str(known))
    ana.goes_ready()
    assert ana.stands
    floor.run(until=lambda: maria.attempts, at_most=0.5)


def test_a_break_taken_while_redis_is_gone_is_kept(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    ana.sits_down()
    floor.empties_redis()
    ana.takes_break()
    maria = floor.person(campaign, "Maria", TALKS)
    floor.run(10)
    assert not maria.attempts
