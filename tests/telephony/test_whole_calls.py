"""One lead and two hundred, end to end: real workers, a real pump, a real Asterisk, and people who can be heard."""

from __future__ import annotations

from collections import Counter

from django.utils import timezone

from agents.desk import DONE
from agents.models import Station
from campaigns.flow import offer
from campaigns.models import Attempt, InboundCall
from telephony import commands
from telephony.drivers.simulated.script import (
    Answers,
    Behaviour,
    Busy,
    Congestion,
    InvalidNumber,
    Machine,
    NoAnswer,
    Rejects,
    TrunkSilent,
    Unallocated,
    Unavailable,
    seconds,
)
from telephony.drivers.simulated.sip_world import Dialog
from telephony.models import Call
from tests.chaos.centre import Person, Someone
from tests.telephony.centre import RealCentre

TALKS = Answers(after=seconds(0.3), talks_for=None)
MIX: list[tuple[int, Behaviour, str]] = [
    (11, Answers(after=seconds(0.4), talks_for=seconds(0.8)), "connected"),
    (2, Busy(), "busy"),
    (1, Rejects(after=seconds(0.5)), "rejected"),
    (1, Unavailable(), "unavailable"),
    (1, Unallocated(), "unallocated"),
    (1, InvalidNumber(), "invalid_number"),
    (1, Congestion(), "congestion"),
    (1, NoAnswer(), "no_answer"),
    (1, TrunkSilent(), "trunk_not_responding"),
]


def hear_each_other(centre: RealCentre, customer: Person, agent: Someone) -> None:
    """The customer speaks for a moment and the agent all the time; each is heard at the other end."""
    call = Call.objects.filter(address=customer.number).get()
    leg = agent.session.leg or (agent.work.agent_call_id if agent.work else None)
    assert leg is not None
    theirs, ours = centre.dialog(call.pk), centre.dialog(leg)
    world = centre.exchange.world
    heard = ours.loud
    world.speaks(theirs, 1.0)
    centre.until(lambda: ours.loud > heard + 20, what="the agent hears the customer")
    heard = theirs.loud
    centre.until(lambda: theirs.loud > heard + 20, what="the customer hears the agent")


def test_a_progressive_call_is_answered_joined_heard_both_ways_and_ends(centre: RealCentre) -> None:
    centre.has("hot-1", "pump-1")
    _, (maria,), (ana,) = centre.shift(TALKS)

    centre.until(lambda: ana.phase == "connected", what="Ana talks to Maria")
    hear_each_other(centre, maria, ana)
    centre.exchange.world.hangs_up(centre.dialogs(maria.number)[0])

    centre.until(lambda: maria.outcomes == ["connected"] and ana.phase is None, what="Ana is done with Maria")
    call = Call.objects.get(address=maria.number)
    assert (call.cause, call.hung_up_by, call.state) == ("normal", "far", "ended")
    assert call.rang_at
    assert call.answered_at
    assert call.connected_at
    assert call.rang_at <= call.answered_at <= call.connected_at
    assert (call.connected_at - call.answered_at).total_seconds() < 1.5


def test_on_hold_the_customer_hears_music_and_is_not_heard(centre: RealCentre) -> None:
    centre.has("hot-1", "pump-1")
    _, (maria,), (ana,) = centre.shift(TALKS)
    centre.until(lambda: ana.phase == "connected", what="Ana talks to Maria")
    call, leg, world = Call.objects.get(address=maria.number), ana.session.leg, centre.exchange.world
    assert leg is not None
    theirs, ours = centre.dialog(call.pk), centre.dialog(leg)
    world.falls_silent(ours)

    def louder(dialog: Dialog, *, than: int) -> bool:
        return dialog.loud > than + 20

    assert commands.hold(call.node_id, call.pk)
    quiet = theirs.loud
    centre.until(lambda: louder(theirs, than=quiet), what="Maria hears music")
    world.speaks(theirs, 1.5)
    unheard = ours.loud
    centre.holds(lambda: not louder(ours, than=unheard), for_=1.0, what="Ana does not hear Maria")
    assert commands.resume(call.node_id, call.pk)
    world.speaks(theirs, 1.5)
    centre.until(lambda: louder(ours, than=unheard), what="Ana hears Maria again")
    assert commands.mute(call.node_id, call.pk)
    assert commands.hold(call.node_id, call.pk)
    assert commands.resume(call.node_id, call.pk)
    unheard = ours.loud
    world.speaks(theirs, 1.5)
    centre.holds(lambda: not louder(ours, than=unheard), for_=1.0, what="who was muted stays so")
    world.hangs_up(theirs)
    centre.until(lambda: maria.outcomes == ["connected"] and ana.phase is None, what="Ana is done with Maria")


def test_agent_first_the_agent_is_on_the_phone_before_the_customer_is_called(centre: RealCentre) -> None:
    centre.has("hot-1", "pump-1")
    centre.leg_mode = Station.LegMode.PER_CALL
    _, (maria,), (ana,) = centre.shift(TALKS, mode="agent_first")

    centre.until(lambda: ana.phase == "connected", what="Ana talks to Maria")
    hear_each_other(centre, maria, ana)
    centre.exchange.world.hangs_up(centre.dialogs(maria.number)[0])

    centre.until(lambda: maria.outcomes == ["connected"] and ana.phase is None, what="Ana is done with Maria")
    leg = Call.objects.filter(party="agent", address=ana.station.endpoint).latest("planned_at")
    dialed = Call.objects.get(address=maria.number).dialing_at
    assert leg.answered_at is not None
    assert dialed is not None
    assert leg.answered_at <= dialed


def test_who_accepts_while_it_rings_is_heard_at_the_answer_and_whom_nobody_accepts_in_two_seconds_hears_the_message(centre: RealCentre) -> None:
    centre.has("hot-1", "pump-1")
    _, (maria,), (ana,) = centre.shift(Answers(after=seconds(1.5), talks_for=None), auto_answer=False)

    centre.until(lambda: ana.phase == "ringing_agent", what="Ana is alerted")
    assert ana.work is not None
    assert offer.accept(ana.work.id, ana.id, now=timezone.now()) == DONE
    centre.until(lambda: ana.phase == "connected", what="Ana talks to Maria")
    hear_each_other(centre, maria, ana)
    centre.exchange.world.hangs_up(centre.dialogs(maria.number)[0])
    centre.until(lambda: maria.outcomes == ["connected"] and ana.phase is None, what="Ana is done with Maria")
    call = Call.objects.get(address=maria.number)
    assert call.answered_at
    assert call.connected_at
    assert (call.connected_at - call.answered_at).total_seconds() < 1

    _, (petra,), (ben,) = centre.shift(Answers(after=seconds(0.5), talks_for=seconds(6)), mode="power", auto_answer=False)
    centre.until(lambda: ben.phase == "ringing_agent", what="Ben is alerted to who has answered")
    centre.until(lambda: petra.outcomes == ["abandoned"], what="Petra is counted")
    (dialog,) = centre.dialogs(petra.number)
    assert dialog.answered_at
    assert dialog.heard_at
    assert 1.9 < dialog.heard_at - dialog.answered_at < 2.4
    assert ben.phase is None
    assert ben.session.reason is not None
    assert ben.session.reason.code == "no_answer"


def test_a_person_is_put_through_with_the_verdict_and_a_machine_gives_its_agent_back(centre: RealCentre) -> None:
    centre.has("hot-1", "pump-1")
    machine = Machine(after=seconds(0.3), talks_for=seconds(20))
    _, (mailbox, maria), (ana,) = centre.shift(machine, TALKS, on_machine="hang_up")

    centre.until(lambda: ana.phase == "connecting", what="Ana is kept for who has answered")
    centre.until(lambda: mailbox.outcomes == ["machine"], what="the machine is hung up on")
    centre.until(lambda: ana.phase == "connected", what="Ana talks to Maria")
    hear_each_other(centre, maria, ana)
    centre.exchange.world.hangs_up(centre.dialogs(maria.number)[0])

    centre.until(lambda: maria.outcomes == ["connected"] and ana.phase is None, what="Ana is done with Maria")
    call = Call.objects.get(address=maria.number)
    assert (call.verdict, Call.objects.get(address=mailbox.number).verdict) == ("human", "machine")
    assert call.answered_at
    assert call.verdict_at
    assert call.connected_at
    assert (call.verdict_at - call.answered_at).total_seconds() > 0.5
    assert (call.connected_at - call.verdict_at).total_seconds() < 1


def test_who_calls_us_reaches_an_agent_and_the_next_one_hears_music_meanwhile(centre: RealCentre) -> None:
    centre.has("hot-1", "pump-1")
    world = centre.exchange.world
    _, _, (ana,) = centre.shift(takes_calls=True)
    theirs = world.incoming("34611000001", "0034910000000")  # each carrier writes numbers in its own way
    centre.until(lambda: ana.phase == "connected", what="Ana talks to the caller")
    assert ana.session.leg is not None
    ours = centre.dialog(ana.session.leg)
    world.speaks(theirs, 1.0)
    heard, before = ours.loud, theirs.loud
    centre.until(lambda: ours.loud > heard + 20 and theirs.loud > before + 20, what="they hear each other")
    waiting = world.incoming("+34611000002", "+34910000000")
    centre.until(lambda: waiting.loud > 20, what="music for the second caller")

    world.hangs_up(theirs)
    centre.until(lambda: ana.phase == "connected" and ana.work is not None and ana.work.card["number"] == "+34611000002", what="the second caller")
    quiet = ours.loud
    world.speaks(waiting, 1.0)
    centre.until(lambda: ours.loud > quiet + 20, what="Ana hears the second caller")
    world.hangs_up(waiting)
    centre.until(lambda: not InboundCall.objects.exclude(state="over").exists() and ana.phase is None, what="Ana is done")
    assert InboundCall.objects.filter(number__in=("+34611000001", "+34611000002")).exclude(answered_at=None).count() == 2


def test_two_hundred_people_and_every_call_of_the_carrier_is_one_attempt_with_its_outcome(centre: RealCentre) -> None:
    centre.has("hot-1", "pump-1")
    mix = [behaviour for times, behaviour, _ in MIX for _ in range(times * 5)]
    first_of_all, expected = mix[::2] + mix[1::2], Counter[str]()
    for times, _, outcome in MIX:
        expected[outcome] += 2 * 5 * times
    _, called, _ = centre.shift(*first_of_all, agents=6, ring_for=3, min_ring_for=2)
    centre.leg_mode = Station.LegMode.PER_CALL
    _, told, _ = centre.shift(*first_of_all, agents=6, mode="agent_first", ring_for=3, min_ring_for=2)
    people = called + told

    leads = [person.lead.pk for person in people]

    def concluded() -> int:
        return Attempt.objects.filter(lead__in=leads, state="concluded").values("lead").distinct().count()

    centre.until(lambda: concluded() == len(people), within=120, what="everybody was called")

    counted = Counter(str(person.outcomes[0]) for person in people)
    print(dict(counted))
    assert len(people) == 200
    answered = {"connected", "abandoned", "early_hang_up"}  # agents are reserved before the customer is called; a busy machine may be slow
    assert sum(counted[outcome] for outcome in answered) == expected.pop("connected")
    assert {outcome: count for outcome, count in counted.items() if outcome not in answered} == expected
    assert counted["connected"] >= 100
