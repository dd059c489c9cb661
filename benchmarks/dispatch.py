"""From an agent's Ready to the originate at the carrier, against the time an empty task takes from its publishing to its body.

    python -m benchmarks.dispatch

25 agents at phones that stay connected, the product's two hot workers, its pump, and the simulated carrier as a process, all with their
own PostgreSQL and Redis. Agents go Ready one after the other by a fixed schedule, whatever became of the one before; each is given one
call and goes on a break meanwhile. The originate's moment is told by the carrier itself. Empty tasks are published between them, to the
same workers.
"""

import random
import time
from threading import Event, Thread
from uuid import uuid4

from benchmarks import centre, measure
from benchmarks.measure import Figure

AGENTS = 25
READY = 500
EVERY = 0.1  # seconds between two agents' Ready, on average
FIRST = 20  # empty tasks before the first of them
LAST = 5  # seconds for the last ones' calls to be over
CARRIER = "--everything-answers --answer-rate 1 --answers-after 0.2 --talks-for 0.05"


def run() -> list[Figure]:
    with measure.stage() as stage:
        centre.telephone_system(stage)
        stage.start(*centre.programs(stage, carrier=CARRIER, app="benchmarks.worker"))
        staff = centre.agents(AGENTS)
        campaign = centre.campaign("dispatch", staff)
        centre.leads(campaign, 3 * READY)
        centre.sit_down(staff)
        _workers_have_caught_up()
        return _measure(staff)


def _workers_have_caught_up() -> None:
    """They are there, each has done something, and what sitting down has put into the queue is over: it stood before these."""
    published: dict[str, float] = {}
    for _ in range(FIRST):
        _publish_nothing(published)
    centre.until(lambda: _bodies().keys() >= published.keys(), at_most=60)


def _measure(staff: list[int]) -> list[Figure]:
    from django.utils import timezone

    from agents.desk import Done
    from campaigns.flow import next_for

    behind = _carrier_is_behind()
    dice = random.Random(1)
    ready: dict[int, list[float]] = {agent: [] for agent in staff}
    published: dict[str, float] = {}
    over = Event()
    clearing = Thread(target=_clear_desks, args=(over,), daemon=True)
    clearing.start()
    due = time.monotonic()
    for number in range(READY):
        due += dice.expovariate(1 / EVERY)
        time.sleep(max(0.0, due - time.monotonic()))  # agents come by chance, not as fast as the machine can
        if number % 2:
            _publish_nothing(published)
            due += 0.02
            time.sleep(max(0.0, due - time.monotonic()))  # the empty task is over before the agent comes, or each would wait for the other
        agent = next(iter(_at_rest(staff)), None)
        if agent is None:
            continue
        ready[agent].append(time.time())
        if not isinstance(next_for.go_ready(agent, now=timezone.now()), Done):
            raise RuntimeError("an agent could not go Ready")
    centre.comes_so(lambda: len(_at_rest(staff)) == len(staff), at_most=LAST)  # who has no call by then counts as never called
    over.set()
    clearing.join()
    waits = _waits(ready, behind)
    bodies = _bodies()
    empty = [bodies[task] - at for task, at in published.items() if task in bodies]
    asked = sum(map(len, ready.values()))
    p50, p99, task = (measure.percentile(waits, 0.5) * 1000, measure.percentile(waits, 0.99) * 1000, measure.percentile(empty, 0.5) * 1000)
    return [
        Figure("empty task, publishing to body, p50", task, "ms", note=f"{len(empty)} tasks, p99 {measure.percentile(empty, 0.99) * 1000:.1f} ms"),
        Figure("Ready to originate, p50", p50, "ms", note=f"{len(waits)} of {asked} agents' Readys"),
        measure.at_most("Ready to originate, p50 against the empty task", p50 / task, "times", 10),
        measure.at_most("Ready to originate, p99", p99, "ms", 100),
    ]


def _publish_nothing(published: dict[str, float]) -> None:
    from celery import current_app

    task = f"nothing-{uuid4().hex}"
    published[task] = time.time()
    current_app.send_task("workers.tasks.nothing", task_id=task, queue="hot", expires=60, ignore_result=True)


def _bodies() -> dict[str, float]:
    """Empty task -> the moment at which its body was reached."""
    from benchmarks.worker import BODIES
    from dialer_project.lib import redis

    return {task: float(at) for task, at in (line.rsplit(" ", 1) for line in redis.hot().lrange(redis.key(BODIES), 0, -1))}


def _at_rest(staff: list[int]) -> list[int]:
    """Who is on a break with nothing in hand, the one who has been so the longest first."""
    from dialer_project.lib import sql

    found = sql.rows(
        """
        SELECT s.agent_id FROM agents_session s WHERE s.agent_id = ANY(%s) AND NOT s.voice_ready AND s.leg_state = 'up'
          AND NOT EXISTS (SELECT 1 FROM agents_interaction i WHERE i.agent_id = s.agent_id AND i.phase <> 'closed')
        ORDER BY s.changed_at
        """,
        [staff],
    )
    return [row.agent_id for row in found]


def _clear_desks(over: Event) -> None:
    """Everybody with a call in hand goes on a break after it, and says Done when it is over."""
    from django.db import connection
    from django.utils import timezone

    from agents.models import Interaction, Session
    from campaigns.flow import next_for, wrap_up
    from campaigns.models import Disposition

    sale = Disposition.objects.get().pk
    while not over.wait(0.05):
        for work in Interaction.objects.exclude(phase="closed"):
            if work.phase == "wrap_up":
                wrap_up.finish(work.pk, work.agent_id, disposition_id=sale, note="", stop=False, now=timezone.now())
            elif Session.objects.filter(agent_id=work.agent_id, pending_reason__isnull=True).exists():
                next_for.take_break(work.agent_id, reason="lunch", now=timezone.now())
    connection.close()


def _waits(ready: dict[int, list[float]], behind: float) -> list[float]:
    """For each Ready the wait until the originate it led to: the agent's first one after it. Seconds."""
    from dialer_project.lib import sql

    dialed: dict[int, list[float]] = {}
    for row in sql.rows(
        """
        SELECT a.agent_id, e.at FROM telephony_callevent e JOIN campaigns_attempt a ON a.id = e.call_id WHERE e.kind = 'rang' ORDER BY e.at
        """
    ):
        dialed.setdefault(row.agent_id, []).append(row.at.timestamp() + behind)
    waits = []
    for agent, moments in ready.items():
        for at, following in zip(moments, [*moments[1:], float("inf")], strict=True):
            if (first := next((d for d in dialed.get(agent, []) if d >= at), None)) is not None and first < following:
                waits.append(first - at)
            else:
                waits.append(60.0)  # never dialed: as bad as it gets
    return waits


def _carrier_is_behind() -> float:
    """Seconds by which the carrier's clock, which never goes back, is behind ours."""
    from telephony import nodes
    from telephony.models import Node

    found = []
    for _ in range(20):
        before = time.time()
        at = nodes.driver(Node.objects.get()).list().at.timestamp()
        found.append((before + time.time()) / 2 - at)
    return sorted(found)[10]


if __name__ == "__main__":
    measure.main(run)
