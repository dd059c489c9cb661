"""Workers die at every line between the claim and the carrier's reply; messages come twice, late, or never."""

import os
import signal
from datetime import timedelta

import pytest
from django.utils import timezone

from agents.desk import Done
from agents.models import Station
from campaigns.flow import next_for, sweep
from dialer_project.lib.failpoints import Failpoint
from telephony.drivers.simulated.script import Answers, seconds
from telephony.models import Call
from tests.chaos import carrier, nursery
from tests.chaos.centre import Centre, Person
from workers.celery import app

TALKS = Answers(after=seconds(0.3), talks_for=seconds(0.4))


def test_a_worker_dies_before_the_last_look_and_the_call_is_cancelled_and_counts_to_no_cap(centre: Centre) -> None:
    centre.has("hot-1", "pump-1")
    _, people, (ana,) = centre.shift(*[TALKS] * 3, ready=False)
    centre.order(Failpoint.PLANNED, "kill", kind="hot")

    ana.goes_ready()

    _, maria, others = centre.struck(Failpoint.PLANNED, people)
    centre.until(lambda: maria.outcomes == ["cancelled"], what="the plan that nobody sent is given up")
    assert maria.attempts[0].dialed_at is None
    assert maria.calls == []
    assert (maria.now().state, maria.now().attempts_made) == ("waiting", 0)
    centre.until(lambda: all(p.outcomes == ["connected"] for p in others), what="work goes on")


def test_a_worker_dies_between_the_last_look_and_the_carrier_with_all_its_children(centre: Centre) -> None:
    centre.has("hot-1", "pump-1")
    _, people, (ana,) = centre.shift(*[TALKS] * 3, ready=False)
    centre.order(Failpoint.LOOKED, "kill group", kind="hot")

    ana.goes_ready()

    _, maria, others = centre.struck(Failpoint.LOOKED, people)
    centre.until(lambda: not centre.running["hot-1"].is_alive, what="the worker is dead")
    centre.has("hot-2", "pump-1")
    centre.until(lambda: maria.outcomes == ["unknown"], what="the carrier knows of no such call")
    assert maria.calls == []
    assert (maria.now().state, maria.now().attempts_made) == ("waiting", 1)
    assert maria.now().next_call_at > timezone.now(), "what may have rung is never called again at once"
    centre.until(lambda: all(p.outcomes == ["connected"] for p in others), what="work goes on")


def test_a_worker_dies_while_the_carrier_has_not_replied_and_the_call_goes_on_without_it(centre: Centre) -> None:
    centre.has("hot-1", "pump-1")
    _, (maria,), (ana,) = centre.shift(TALKS, ready=False)
    centre.world.stall(seconds(1.5))

    ana.goes_ready()

    centre.until(lambda: maria.number in carrier.held(centre.journal), what="the carrier has it in hand")
    centre.kill("hot-1")
    centre.until(lambda: maria.outcomes == ["connected"], what="it was carried out late, and Ana talked to her")
    assert len(maria.calls) == 1


def test_a_worker_dies_with_the_carriers_reply_in_its_hands(centre: Centre) -> None:
    centre.has("hot-1", "pump-1")
    _, people, (ana,) = centre.shift(*[TALKS] * 3, ready=False)
    centre.order(Failpoint.SENT, "kill", kind="hot")

    ana.goes_ready()

    centre.until(lambda: centre.befell(Failpoint.SENT), what="the worker's child is dead")
    centre.until(lambda: all(p.outcomes == ["connected"] for p in people), what="everybody was talked to")
    assert [len(p.calls) for p in people] == [1] * 3


def test_a_worker_frozen_for_more_than_a_second_before_the_carrier_sends_nothing_any_more(centre: Centre) -> None:
    centre.has("hot-1", "pump-1")
    _, people, (ana,) = centre.shift(*[TALKS] * 3, ready=False)
    centre.order(Failpoint.LOOKED, "stop", kind="hot")

    ana.goes_ready()

    frozen, maria, _ = centre.struck(Failpoint.LOOKED, people)
    centre.holds(lambda: maria.outcomes == [None], for_=1.2, what="nobody knows yet")
    os.kill(frozen, signal.SIGCONT)
    centre.until(lambda: maria.outcomes == ["cancelled"], what="it was not sent")
    assert maria.calls == []


def test_a_worker_frozen_for_good_with_a_pool_in_its_hands_is_cut_off_and_another_goes_on(centre: Centre) -> None:
    centre.has("hot-1", "pump-1")
    _, people, (ana, bert) = centre.shift(*[TALKS] * 4, agents=2, ready=False)
    centre.order(Failpoint.LOOKED, "stop", kind="hot")
    ana.goes_ready()
    frozen, maria, others = centre.struck(Failpoint.LOOKED, people)
    before = sum(len(p.attempts) for p in others)
    bert.goes_ready()
    centre.holds(lambda: sum(len(p.attempts) for p in others) == before, for_=1.2, what="nobody else can take the pool")

    assert sweep.frozen_processes(frozen_for=timedelta(seconds=1)) == 1

    centre.until(lambda: all(p.outcomes == ["connected"] for p in others), what="work goes on")
    os.kill(frozen, signal.SIGCONT)
    centre.until(lambda: maria.outcomes and maria.outcomes[0], what="Maria's call is given up")
    assert maria.calls == []


def test_every_message_comes_twice_and_everybody_is_called_once(centre: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    centre.has()
    centre.messages = 2
    monkeypatch.setattr(type(app), "send_task", type(app).send_task)
    nursery.send(2)
    centre.has("hot-1", "pump-1")
    called: list[Person] = []
    for mode in ("progressive", "agent_first"):
        _, people, someones = centre.shift(*[TALKS] * 4, agents=2, ready=False, mode=mode)
        Station.objects.filter(pk__in=[someone.station.pk for someone in someones]).update(leg_mode=Station.LegMode.PER_CALL)
        for someone in someones:
            someone.sits_down()
            someone.goes_ready()
        called += people

    centre.until(lambda: all(p.outcomes == ["connected"] for p in called), within=50, what="everybody was talked to")
    assert [len(p.calls) for p in called] == [1] * 8


def test_late_messages_start_nothing_twice_and_expired_ones_start_nothing(centre: Centre) -> None:
    centre.has("hot-1", "pump-1")
    hot = centre.running["hot-1"]
    campaign, people, (ana,) = centre.shift(TALKS, TALKS, TALKS, ready=False)
    hot.freeze()
    app.send_task("workers.tasks.nothing", queue="hot", expires=0.5)
    for _ in range(20):
        app.send_task("workers.tasks.dispatch", args=[campaign.pool], queue="hot", expires=10)
    ana.goes_ready()
    centre.until(lambda: not centre.works("worker", within=2.5), what="nobody says that a frozen worker works")
    sweep.frozen_processes(frozen_for=timedelta(seconds=0.5))  # it may have been frozen with the pool in its hands
    centre.until(lambda: people[0].attempts, what="the sweep dispatches")

    hot.go_on()

    centre.until(lambda: all(p.outcomes == ["connected"] for p in people), what="everybody was talked to")
    centre.until(lambda: hot.said("Discarding revoked task: workers.tasks.nothing"), what="the expired one was dropped")
    assert [len(p.calls) for p in people] == [1] * 3


def test_without_a_worker_the_sweep_dispatches_and_dials(centre: Centre) -> None:
    """No message is ever delivered: everything is slower, and nothing stands still."""
    centre.has("pump-1")
    _, people, _ = centre.shift(TALKS, TALKS)
    centre.redis.delete("ringmaster:queue:hot")

    centre.until(lambda: all(p.outcomes == ["connected"] for p in people), what="everybody was talked to")


def test_an_order_to_dial_is_carried_out_by_the_sweep_when_no_worker_is_left(centre: Centre) -> None:
    """The agent's own phone has answered, the message that the customer is to be dialed is never delivered."""
    centre.has("hot-1", "pump-1")
    _, (maria,), (ana,) = centre.shift(TALKS, ready=False, mode="agent_first")
    Station.objects.filter(pk=ana.station.pk).update(leg_mode=Station.LegMode.PER_CALL)
    centre.world.station(ana.station.endpoint, Answers(after=seconds(1.5)))
    ana.sits_down()
    assert next_for.go_ready(ana.id, now=timezone.now()) == Done()
    centre.until(lambda: Call.objects.filter(address=ana.station.endpoint, state="ringing").exists(), what="Ana's phone rings")
    centre.kill("hot-1")

    centre.until(lambda: maria.outcomes == ["connected"], what="Maria was called and talked to")
