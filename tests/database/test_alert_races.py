"""A customer answers in the moment in which the agent who is alerted presses a key: whoever comes first, somebody is there, or the message."""

from collections.abc import Callable
from functools import partial
from uuid import UUID

from agents.desk import Answer
from agents.models import Interaction
from campaigns.flow import offer, progress
from telephony.drivers.simulated.script import Answers, seconds
from telephony.models import Call, Trunk
from telephony.rules.events import CarrierEvent, Happened
from tests.database.racing import at_once
from tests.floor import Floor

TIMES = 8


def all_at_once(floor: Floor, press: Callable[..., Answer]) -> list[tuple[Interaction, Call]]:
    """So many agents are alerted; all customers answer, and all agents press, at once."""
    Trunk.objects.update(calls_per_second=100_000, max_calls=100_000)
    team = [floor.agent(f"Agent{i}") for i in range(TIMES)]
    campaign = floor.campaign("progressive", agents=team, auto_answer=False)
    for i in range(TIMES):
        floor.person(campaign, f"Person {i}", Answers(after=seconds(60)))
    for someone in team:
        someone.sits_down()
    floor.run(until=lambda: Call.objects.filter(party="customer", state="ringing").count() == TIMES, at_most=10)
    assert floor.listening
    works = list(Interaction.objects.filter(phase="ringing_agent"))
    assert len(works) == TIMES

    boot = floor.listening.boot

    def answers(calls: list[UUID]) -> None:
        for call in calls:
            said = CarrierEvent(node=floor.node.name, call_id=call, kind=Happened.ANSWERED, at=floor.now, key=f"answer {call}", boot=boot)
            progress.happened([said], node_id=floor.node.pk, now=floor.now)

    ids = [work.call_id for work in works if work.call_id]
    doings: list[Callable[[], object]] = [partial(answers, ids[::2]), partial(answers, ids[1::2])]
    doings += [partial(press, work.pk, work.agent_id, now=floor.now) for work in works]
    at_once(doings)
    return [(work, Call.objects.get(pk=work.call_id or work.pk)) for work in Interaction.objects.filter(pk__in=[work.pk for work in works])]


def test_an_answer_and_an_accept_in_the_same_moment_always_find_each_other(floor: Floor) -> None:
    for work, call in all_at_once(floor, offer.accept):
        assert (work.phase, call.state, call.bridge) == ("connecting", "answered", work.pk)


def test_an_answer_and_a_reject_in_the_same_moment_leave_nobody_in_silence(floor: Floor) -> None:
    for work, call in all_at_once(floor, offer.reject):
        assert (work.phase, work.closed_because) == ("closed", "missed")
        assert call.state == "announcing", "nobody else is free"
