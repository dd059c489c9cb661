"""What goes wrong between us, Asterisk and the world; what the customers heard is the far side's word, and every call is accounted for."""

from __future__ import annotations

from collections import Counter
from uuid import uuid4

import pytest
from django.utils import timezone

from agents.models import Station
from campaigns.models import Lead
from dialer_project.lib.failpoints import Failpoint
from telephony.drivers.base import Address, AddressKind, Leg, Placed
from telephony.drivers.simulated.script import Answers, Congestion, NoAnswer, TrunkSilent, seconds
from telephony.models import Call, Node
from tests.drivers.exchange import Exchange
from tests.telephony.centre import STATIONS, RealCentre

TALKS = Answers(after=seconds(0.3), talks_for=seconds(0.5))
TALKS_LONG = Answers(after=seconds(0.5), talks_for=seconds(2.6))
LINES = list(Failpoint)[list(Failpoint).index(Failpoint.ANSWER_HEARD) :]
BEGUN = (Failpoint.JOINED, Failpoint.ENTERED, Failpoint.CONNECTED)
BEFORE_THE_REPLY = list(Failpoint)[: list(Failpoint).index(Failpoint.ANSWER_HEARD)]


def epoch() -> int:
    return Node.objects.get(name="local").lease_epoch


def listener(centre: RealCentre) -> str:
    """The pump that listens."""
    pid = int(Node.objects.get(name="local").lease_holder.rpartition(":")[2])
    return next(name for name, process in centre.running.items() if process.pid == pid)


def test_a_cut_connection_nothing_is_dialed_and_on_return_everything_is_known(centre: RealCentre) -> None:
    centre.has("hot-1", "pump-1")
    late = Answers(after=seconds(2.5), talks_for=seconds(8))
    _, (maria, petra), _ = centre.shift(TALKS_LONG, late, agents=2, ready=True)
    centre.until(lambda: maria.state == "connected" and petra.state == "ringing", what="Maria talks and Petra's phone rings")
    before = len(centre.exchange.world.calls)

    centre.cable.cut()

    centre.until(lambda: not centre.listens(), what="nobody listens")
    (hers,) = centre.dialogs(petra.number)
    centre.until(lambda: hers.heard_at is not None, what="Petra hears the message")
    centre.until(lambda: centre.dialogs(maria.number)[0].over, what="Maria hangs up")
    (clara,) = centre.people(centre.campaigns[-1], TALKS)
    centre.holds(lambda: len(centre.exchange.world.calls) == before, for_=1.5, what="nothing is dialed while nobody listens")
    centre.until(lambda: not centre.works("pump"), what="the pump does not say that it works")
    centre.cable.mend()
    centre.until(lambda: maria.outcomes == ["connected"], what="Maria's end is known")
    centre.until(lambda: petra.outcomes == ["abandoned"], what="what Petra heard is known")
    centre.until(lambda: "connected" in clara.outcomes, what="work goes on")
    assert centre.works("pump")


def test_another_listener_takes_the_node_and_the_pump_returns_when_it_is_gone(centre: RealCentre) -> None:
    centre.has("hot-1", "pump-1")
    _, (maria,), (ana,) = centre.shift(TALKS, ready=False)
    before = epoch()

    with centre.exchange.carrier().listen():
        centre.until(lambda: not centre.listens(), what="the pump has noticed")

    centre.until(lambda: epoch() > before and centre.listens(), what="the pump listens again")
    ana.goes_ready()
    centre.until(lambda: maria.outcomes == ["connected"], what="Maria is called")


def test_asterisk_is_killed_in_mid_call_and_its_calls_are_concluded(centre: RealCentre) -> None:
    centre.has("hot-1", "pump-1")
    _, (maria, petra), (ana,) = centre.shift(Answers(after=seconds(0.3), talks_for=seconds(60)), TALKS)
    centre.until(lambda: ana.phase == "connected", what="Ana talks to Maria")
    boot = Node.objects.get(name="local").boot

    centre.exchange.kill()
    centre.exchange.world.forget_calls()
    centre.until(lambda: not centre.listens(), what="nobody listens")
    centre.exchange.start()

    centre.until(lambda: Node.objects.get(name="local").boot != boot and centre.listens(), what="the new run is listened to")
    centre.until(lambda: maria.state == "ended" and maria.outcomes == ["connected"], what="Maria's call is concluded")
    assert Call.objects.get(address=maria.number).cause == "node_lost"
    centre.until(lambda: ana.session.leg_state == "up", what="Ana's phone is called again")
    if not ana.session.voice_ready:
        ana.goes_ready()
    centre.until(lambda: petra.outcomes[-1:] == ["connected"], what="work goes on")


def test_of_two_nodes_one_is_killed_in_mid_call_and_the_other_ones_call_goes_on(centre: RealCentre) -> None:
    """Its agent is called on the other node, and works on there."""
    second = Exchange(stations=STATIONS)
    second.world.stations_talk = True
    second.start()
    centre.others["second"] = second.world
    node = Node.objects.create(name="second", driver="asterisk", url=f"http://ringmaster:{second.server.password}@127.0.0.1:{second.server.ari_port}")
    try:
        centre.has("hot-1", "pump-1", "second-1")
        centre.until(lambda: Node.objects.filter(listening_until__gt=timezone.now()).count() == 2, what="both are listened to")
        for phone in STATIONS:
            second.world.station_up(phone)
        centre.until(lambda: second.world.registered >= set(STATIONS), what="the phones are registered there too")
        long = Answers(after=seconds(0.3), talks_for=None)
        _, people, team = centre.shift(long, long, TALKS, agents=2, ready=False)
        for person in people:
            second.world.script.say(person.number, long)
        assert {someone.session.node_id for someone in team} == {Node.objects.get(name="local").pk, node.pk}
        for someone in team:
            someone.goes_ready()
        centre.until(lambda: all(someone.phase == "connected" for someone in team), what="both talk")
        here, there = sorted(team, key=lambda someone: someone.session.node_id == node.pk)
        talks = here.work
        assert talks is not None
        assert talks.call_id is not None

        second.kill()
        second.world.forget_calls()

        centre.until(lambda: there.session.node_id != node.pk and there.session.leg_state == "up", within=40, what="their phone is called here")
        assert Call.objects.filter(node=node, party="customer", cause="node_lost").count() == 1
        assert here.work is not None
        assert (here.work.pk, Call.objects.get(pk=talks.call_id).state) == (talks.pk, "connected")
        if not there.session.voice_ready:
            there.goes_ready()
        centre.until(lambda: there.phase == "connected", what="they work on")
    finally:
        Node.objects.filter(pk=node.pk).update(enabled=False)
        second.close()


def test_a_call_nobody_knows_of_is_hung_up(centre: RealCentre) -> None:
    centre.has("hot-1", "pump-1")
    centre.until(centre.listens, what="the pump listens")
    number = "+34699999999"
    centre.world.say(number, NoAnswer())
    placed = centre.exchange.carrier().place(Leg(call_id=uuid4(), to=Address(AddressKind.NUMBER, number, "trunk")))
    assert placed == Placed()

    centre.until(lambda: any(dialog.status == 487 for dialog in centre.dialogs(number)), what="it is cancelled")
    centre.strangers.add(number)


@pytest.mark.parametrize("place", LINES)
def test_three_answer_at_once_for_one_agent_and_the_pump_dies_between_answer_and_conversation(centre: RealCentre, place: Failpoint) -> None:
    """Each hears the agent or the message (`compared` sees to that), the agent keeps their place, and a conversation that has begun goes on."""
    centre.has("hot-1", "pump-1", "pump-2")
    talks = Answers(after=seconds(0.5), talks_for=seconds(2.8))
    _, (*three, petra), (ana,) = centre.shift(talks, talks, talks, TALKS, mode="power", dial_ratio="3.0", ready=False)
    centre.order(place, "kill", kind="pump")
    before = epoch()

    ana.goes_ready()

    centre.until(lambda: centre.befell(place), what="the pump is dead")
    centre.until(lambda: epoch() > before, within=3, what="the other one listens")
    centre.until(lambda: petra.outcomes[:1] == ["connected"], what="Ana goes on to the next")
    firsts = sorted(str(person.outcomes[0]) for person in three)
    assert firsts in (["abandoned"] * 3, ["abandoned", "abandoned", "connected"])
    if place in BEGUN:
        assert "connected" in firsts, "a conversation that had begun was cut"


@pytest.mark.parametrize("place", LINES)
def test_the_page_reloads_as_the_customer_answers_and_the_pump_dies_between_answer_and_conversation(centre: RealCentre, place: Failpoint) -> None:
    """Nobody is joined to the leg that the page has left behind, which Asterisk still holds up: who is connected hears the other agent."""
    centre.has("hot-1", "pump-1", "pump-2")
    _, (maria,), agents = centre.shift(Answers(after=seconds(1.0), talks_for=seconds(2.8)), agents=2)
    centre.until(lambda: maria.state == "ringing", what="Maria's phone rings")
    hers, other = sorted(agents, key=lambda someone: someone.phase is None)
    centre.order(place, "kill", kind="pump")

    centre.exchange.world.station_down(hers.station.endpoint)

    centre.until(lambda: centre.befell(place), what="the pump is dead")
    centre.until(lambda: maria.outcomes and maria.outcomes[0], what="Maria's call is concluded")
    assert maria.outcomes[0] in ("connected", "abandoned")
    if place in BEGUN:
        assert maria.outcomes == ["connected"]
    centre.until(lambda: other.phase is None and other.session.voice_ready, what="the other agent is there for the next")


def test_workers_die_at_every_line_between_the_plan_and_the_reply_and_nobody_is_called_past_the_ledger(centre: RealCentre) -> None:
    centre.has("hot-1", "pump-1")
    # as many as it may take: where the machine is busy the sweep is sooner than the worker, and does not die
    _, people, (ana,) = centre.shift(*[TALKS] * 30, ready=False)
    for place in BEFORE_THE_REPLY:
        centre.order(place, "kill", kind="hot")

    ana.goes_ready()

    centre.until(lambda: all(centre.befell(place) for place in BEFORE_THE_REPLY), within=60, what="a worker has died at each line")
    called = [person for person in people if person.outcomes]
    centre.until(lambda: all(person.outcomes[0] for person in called), within=30, what="each call is accounted for")
    first = Counter(person.outcomes[0] for person in called)
    assert (first.pop("connected") > 0, first) == (True, {"cancelled": 1, "unknown": 1})
    (unsent,) = (person for person in called if person.outcomes[0] == "unknown")
    assert centre.dialogs(unsent.number) == []
    assert unsent.now().next_call_at > timezone.now(), "what may have rung is never called again at once"


def test_asterisk_takes_an_originate_while_it_stands_still_the_pump_fails_over_and_nobody_is_called_twice(centre: RealCentre) -> None:
    centre.has("hot-1", "pump-1", "pump-2")
    _, (maria,), (ana,) = centre.shift(Answers(after=seconds(0.5), talks_for=seconds(2.8)), ready=False)
    centre.exchange.stall(2.2)

    ana.goes_ready()

    centre.until(lambda: maria.state == "unresolved", what="nobody knows whether Maria is called")
    centre.kill(listener(centre))
    centre.until(lambda: maria.outcomes and maria.outcomes[0], what="it was carried out late, and its end is known")
    assert len(centre.dialogs(maria.number)) == 1
    assert maria.outcomes[0] in ("connected", "abandoned")


def test_asterisk_dies_with_an_originate_in_its_hands_and_the_number_is_left_alone(centre: RealCentre) -> None:
    centre.has("hot-1", "pump-1")
    _, (maria, petra), (ana,) = centre.shift(TALKS, TALKS, ready=False)
    centre.exchange.freeze()
    ana.goes_ready()
    called = centre.until(lambda: next((each for each in (maria, petra) if each.state == "unresolved"), None), what="an originate has no reply")
    other = petra if called is maria else maria

    centre.exchange.kill()
    centre.exchange.start()

    centre.until(lambda: called.outcomes == ["unknown"], what="it is given up with its node")
    assert centre.dialogs(called.number) == []
    assert called.now().next_call_at > timezone.now(), "what may have rung is never called again at once"
    centre.until(lambda: ana.session.leg_state == "up", what="Ana's phone is called again")
    if not ana.session.voice_ready:
        ana.goes_ready()
    centre.until(lambda: other.outcomes[:1] == ["connected"], what="work goes on with the other")


def test_the_pump_dies_while_asterisk_listens_for_a_machine_and_the_stand_by_puts_the_person_through(centre: RealCentre) -> None:
    centre.has("hot-1", "pump-1", "pump-2")
    _, (maria,), (ana,) = centre.shift(Answers(after=seconds(0.3), talks_for=seconds(4)), on_machine="hang_up", ready=False)
    centre.order(Failpoint.ANSWER_HEARD, "kill", kind="pump")

    ana.goes_ready()

    centre.until(lambda: centre.befell(Failpoint.ANSWER_HEARD), what="the pump is dead")
    centre.until(lambda: maria.outcomes == ["connected"], what="Maria talked to Ana")
    assert Call.objects.get(address=maria.number).verdict == "human"


def test_without_a_stand_by_asterisk_itself_speaks_at_two_seconds_and_the_next_pump_knows(centre: RealCentre) -> None:
    centre.has("hot-1", "pump-1")
    _, (maria,), (ana,) = centre.shift(Answers(after=seconds(0.5), talks_for=seconds(8)), ready=False)
    centre.order(Failpoint.ANSWER_HEARD, "kill", kind="pump")

    ana.goes_ready()

    centre.until(lambda: centre.befell(Failpoint.ANSWER_HEARD), what="the pump is dead")
    centre.until(lambda: centre.dialogs(maria.number)[0].over, what="Maria heard the message to its end")
    (hers,) = centre.dialogs(maria.number)
    assert hers.heard_at is not None
    assert hers.answered_at is not None
    assert 1.9 < hers.heard_at - hers.answered_at < 2.4
    centre.has("hot-1", "pump-1")
    centre.until(lambda: maria.outcomes == ["abandoned"], what="it is counted")


def test_the_page_reloads_as_the_customer_answers_and_nobody_else_is_there(centre: RealCentre) -> None:
    centre.has("hot-1", "pump-1")
    _, (maria,), (ana,) = centre.shift(Answers(after=seconds(1.2), talks_for=seconds(6)))
    centre.until(lambda: maria.state == "ringing", what="Maria's phone rings")

    centre.exchange.world.station_down(ana.station.endpoint)

    centre.until(lambda: maria.outcomes == ["abandoned"], what="Maria heard the message and is counted")
    assert centre.dialogs(maria.number)[0].ended_by == "them"


def test_three_answer_at_once_and_one_agent_is_there_so_two_hear_the_message(centre: RealCentre) -> None:
    centre.has("hot-1", "pump-1")
    talks = Answers(after=seconds(0.6), talks_for=seconds(4))
    _, people, (ana,) = centre.shift(talks, talks, talks, mode="power", dial_ratio="3.0", ready=False)
    ana.goes_ready()

    centre.until(lambda: ana.phase == "connected", what="Ana talks to one of them")
    centre.until(lambda: sum(person.outcomes[:1] == ["abandoned"] for person in people) == 2, what="the other two are counted")

    assert len({dialog.heard_at for person in people for dialog in centre.dialogs(person.number) if dialog.heard_at}) == 3, (
        "everybody heard something"
    )


def test_a_storm_of_refusals_and_a_dead_trunk_are_the_carriers_fault_and_nobody_elses(centre: RealCentre) -> None:
    centre.has("hot-1", "pump-1")
    refused, unheard = [Congestion()] * 20, [TrunkSilent()] * 4
    _, people, team = centre.shift(*refused, *unheard, agents=4, ring_for=2, min_ring_for=1)

    centre.until(lambda: all(person.outcomes and person.outcomes[0] for person in people), within=40, what="all were tried")

    assert {person.outcomes[0] for person in people} == {"congestion", "trunk_not_responding"}
    waiting = Lead.objects.filter(pk__in=[person.lead.pk for person in people])
    assert {lead.state for lead in waiting} == {"waiting"}, "nobody's attempts are used up by it"
    centre.until(lambda: all(someone.phase is None and someone.session.voice_ready for someone in team), what="the agents are free for the next")


def test_an_agent_whose_phone_is_not_registered_costs_no_customer_a_call(centre: RealCentre) -> None:
    centre.has("hot-1", "pump-1")
    centre.leg_mode = Station.LegMode.PER_CALL
    _, (maria,), (ana,) = centre.shift(TALKS, mode="agent_first", ready=False)
    centre.exchange.world.station_down(ana.station.endpoint)
    centre.until(lambda: not centre.exchange.carrier().list().stations[ana.station.endpoint], what="the phone is gone")

    ana.goes_ready()

    centre.until(lambda: not ana.session.voice_ready, what="Ana is Not Ready, and is told why")
    assert centre.dialogs(maria.number) == []
    assert maria.outcomes == []
    centre.exchange.world.station_up(ana.station.endpoint)
    centre.until(lambda: centre.exchange.carrier().list().stations[ana.station.endpoint], what="the phone is back")
    ana.goes_ready()
    centre.until(lambda: "connected" in maria.outcomes, within=40, what="Maria is called")
