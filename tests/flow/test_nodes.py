"""Two telephony nodes: agents are placed by load and health, calls go where their agent is, and what happens to one leaves the other alone."""

from __future__ import annotations

import pytest
from django.test import Client

from agents.desk import Refusal
from agents.models import User
from campaigns.models import Attempt
from telephony import nodes
from telephony.drivers.simulated.script import Answers, NoAnswer, seconds
from telephony.models import Call, Node
from tests.floor import Floor, Someone

TALKS = Answers(after=seconds(2), talks_for=seconds(60))


def node_of(someone: Someone) -> int | None:
    return someone.session.node_id


def call_of(someone: Someone) -> Call:
    """The customer's, of the work in hand."""
    assert someone.work
    assert someone.work.call_id
    return Call.objects.get(pk=someone.work.call_id)


def seated(floor: Floor, *names: str) -> list[Someone]:
    team = [floor.agent(name) for name in names]
    for someone in team:
        someone.sits_down(ready=False)
    return team


def work(floor: Floor, team: list[Someone], *, mode: str = "progressive", people: int = 4) -> None:
    campaign = floor.campaign(mode, agents=team, dial_ratio="1.0")
    for number in range(people):
        floor.person(campaign, f"Person {number}", TALKS)
    for someone in team:
        someone.goes_ready()
    floor.deliver()


def test_agents_are_placed_where_there_is_the_most_room(floor: Floor, other: Floor) -> None:
    Node.objects.filter(pk=other.node.pk).update(max_calls=1000)  # the first one may carry 500
    team = seated(floor, *(f"Agent{number}" for number in range(6)))
    assert sorted(node_of(someone) == other.node.pk for someone in team) == [False, False, True, True, True, True]
    Node.objects.filter(pk=other.node.pk).update(max_calls=4)
    (late,) = seated(floor, "Late")
    assert node_of(late) == floor.node.pk, "the other one is full"


def test_a_node_that_does_not_answer_is_the_last_choice_and_one_that_nobody_hears_none(floor: Floor, other: Floor) -> None:
    ana = floor.agent("Ana")
    for _ in range(nodes.FAILURES_TO_OPEN):
        floor.carrier.stop()
        with pytest.raises(nodes.NodeAway):
            nodes.ask(floor.node, lambda carrier: carrier.boot())
    floor.carrier.start()
    ana.sits_down(ready=False)
    assert node_of(ana) == other.node.pk
    Node.objects.update(listening_until=None)
    assert isinstance(floor.agent("Ben").signs_in(), Refusal)


@pytest.mark.parametrize("mode", ["progressive", "power"])
def test_a_call_is_dialed_on_the_node_of_its_agent(floor: Floor, other: Floor, mode: str) -> None:
    team = seated(floor, "Ana", "Ben")
    assert {node_of(someone) for someone in team} == {floor.node.pk, other.node.pk}
    work(floor, team, mode=mode)
    floor.run(until=lambda: all(someone.phase == "connected" for someone in team), at_most=10)
    for someone in team:
        assert call_of(someone).node_id == node_of(someone)
    assert len(floor.world.customers()) == len(other.world.customers()) == 1


def test_a_node_that_is_lost_takes_only_its_own_calls_and_its_agents_go_on_elsewhere(floor: Floor, other: Floor) -> None:
    team = seated(floor, "Ana", "Ben")
    work(floor, team)
    floor.run(until=lambda: all(someone.phase == "connected" for someone in team), at_most=10)
    hers, theirs = sorted(team, key=lambda someone: node_of(someone) == other.node.pk)
    talks, lost = call_of(hers), call_of(theirs)
    other.carrier.stop()
    floor.run(until=lambda: theirs.phase == "wrap_up", at_most=20)
    lost.refresh_from_db()
    talks.refresh_from_db()
    assert lost.cause == "node_lost"
    assert (hers.phase, talks.state) == ("connected", "connected")
    theirs.finishes("again")
    floor.run(until=lambda: theirs.session.leg_state == "up", at_most=15)
    assert node_of(theirs) == floor.node.pk
    if not theirs.session.voice_ready:
        theirs.goes_ready()
    floor.run(until=lambda: theirs.phase == "connected", at_most=15)
    assert call_of(hers) == talks
    assert not Attempt.objects.filter(planned_at__gt=floor.now, state="open").exists()


def test_a_handover_of_a_pump_moves_nobody(floor: Floor, other: Floor) -> None:
    team = seated(floor, "Ana", "Ben")
    before = [node_of(someone) for someone in team]
    other.stop_listening()
    floor.run(5)
    other.listen()
    floor.run(15)
    assert [node_of(someone) for someone in team] == before
    assert all(someone.session.leg_state == "up" for someone in team)


def test_a_drained_node_gets_no_agents_and_no_calls_and_keeps_those_who_talk(floor: Floor, other: Floor, client: Client) -> None:
    team = seated(floor, "Ana", "Ben", "Carla", "Dev")
    work(floor, team[:2])
    floor.run(until=lambda: all(someone.phase == "connected" for someone in team[:2]), at_most=10)
    talking = next(someone for someone in team[:2] if node_of(someone) == other.node.pk)
    client.force_login(User.objects.create_superuser("boss", password="a long enough secret"))
    answer = client.post("/admin/telephony/node/", {"action": "drain", "_selected_action": [str(other.node.pk)]}, follow=True)
    assert "what is under way ends by itself" in answer.content.decode()
    floor.run(5)
    assert [node_of(someone) for someone in team if someone is not talking] == [floor.node.pk] * 3
    assert all(someone.session.leg_state == "up" for someone in team)
    assert (talking.phase, node_of(talking)) == ("connected", other.node.pk)
    (late,) = seated(floor, "Late")
    assert node_of(late) == floor.node.pk
    placed = len(other.world.customers())
    talking.hangs_up()
    floor.run(1)
    talking.finishes("sale")
    floor.run(until=lambda: talking.phase == "connected", at_most=15)
    assert (node_of(talking), len(other.world.customers())) == (floor.node.pk, placed)
    client.post("/admin/telephony/node/", {"action": "take_calls_again", "_selected_action": [str(other.node.pk)]})
    assert node_of(seated(floor, "Later")[0]) == other.node.pk


@pytest.mark.parametrize("mode", ["progressive", "power", "agent_first"])
def test_where_the_only_node_is_drained_nothing_is_dialed_and_nothing_is_tried(floor: Floor, mode: str) -> None:
    ana = floor.agent("Ana")
    campaign = floor.campaign(mode, agents=[ana])
    floor.person(campaign, "Maria", NoAnswer())
    Node.objects.update(draining=True)
    assert isinstance(ana.signs_in(), Refusal)
    Node.objects.update(draining=False)
    ana.sits_down(ready=False)
    Node.objects.update(draining=True)
    ana.goes_ready()
    floor.run(30)
    assert not Attempt.objects.exists()
    assert ana.phase is None
    Node.objects.update(draining=False)
    floor.run(until=lambda: Attempt.objects.exists() or ana.phase is not None, at_most=5)
