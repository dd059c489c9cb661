"""Attempts from claim to committed outcome per processor second, against Celery's empty tasks per processor second.

    python -m benchmarks.pipeline

200 progressive agents at phones that stay connected; of all calls 30 % are answered, talked, dispositioned and finished by Done, the others
are busy, refused or not answered, and are retried by rule much later. Counted: the hot workers, the pump with its sweeps, the process that
stands for the consoles and says Done, PostgreSQL and Redis; not counted: the simulated carrier. The reference are empty tasks published
and consumed with the same settings by the same workers, with PostgreSQL and Redis counted alike. The two take turns, and the ratio is the
median of the rounds'.
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks import centre, measure
from benchmarks.measure import Figure, Stage

AGENTS = 200
ROUNDS = 3
LASTS = 6.0  # seconds of either kind in a round
TASKS_AHEAD = 200
CARRIER = "--answer-rate 0.3 --machines 0 --early-hang-ups 0 --answers-after 0.2:1 --talks-for 0.2:1 --fails-after 0.1:0.8 --no-answer-after 0.3:1"
OURS = ("postgresql", "redis", "worker-hot", "event-pump")
# an empty task needs no more, and the pump's sweeps of the meantime must not be counted against it
OF_A_TASK = ("redis", "worker-hot")


def run() -> list[Figure]:
    with measure.stage() as stage:
        centre.telephone_system(stage)
        stage.start(*centre.programs(stage, carrier=CARRIER))
        staff = centre.agents(AGENTS)
        campaign = centre.campaign("pipeline", staff, start=False)
        centre.leads(campaign, 60_000)
        centre.sit_down(staff)
        return _measure(stage, campaign, staff)


def _measure(stage: Stage, campaign_id: int, staff: list[int]) -> list[Figure]:
    from django.utils import timezone

    from campaigns.flow import control, next_for
    from campaigns.models import Campaign
    from dialer_project.lib import sql

    for agent in staff:
        next_for.go_ready(agent, now=timezone.now())
    campaign = Campaign.objects.get(pk=campaign_id)
    rounds = []
    for number in range(ROUNDS + 1):
        tasks = _spent(stage, OF_A_TASK, _empty_tasks)
        control.start(campaign, by=None, now=timezone.now())
        _work_through(2.0)  # until it flows
        before = _concluded()
        attempts = _spent(stage, OURS, _attempts)
        answered = (_concluded()[1] - before[1]) / max(1, attempts.done)
        control.pause(campaign, by=None, now=timezone.now())
        _work_through(4.0)  # until the last call is over
        measure.say(f"round {number}: empty task {tasks}; attempt {attempts}; ratio {tasks.each / attempts.each:.3f}, {answered:.0%} answered")
        if number:
            rounds.append((tasks, attempts, answered))
        else:  # the first round warms up, and the tables, empty until now, are looked at as autovacuum does every minute
            sql.changed("ANALYZE")
    ratios = [tasks.each / attempts.each for tasks, attempts, _ in rounds]
    return [
        Figure("empty tasks per processor second", statistics.median(1 / tasks.each for tasks, _, _ in rounds), "tasks/s"),
        Figure(
            "attempts per processor second",
            statistics.median(1 / attempts.each for _, attempts, _ in rounds),
            "attempts/s",
            note=f"{statistics.fmean(answered for _, _, answered in rounds):.0%} answered",
        ),
        measure.at_least(
            "attempts against empty tasks", statistics.median(ratios), "", 0.15, note=f"aim 0.3; rounds {min(ratios):.3f} to {max(ratios):.3f}"
        ),
    ]


@dataclass(frozen=True)
class Spent:
    """What some work cost in processor seconds, by process."""

    done: int
    seconds: dict[str, float]

    @property
    def each(self) -> float:
        return sum(self.seconds.values()) / self.done

    def __str__(self) -> str:
        parts = ", ".join(f"{name} {spent / self.done * 1000:.2f}" for name, spent in self.seconds.items())
        return f"{self.each * 1000:.2f} ms ({parts}; {self.done} done)"


def _spent(stage: Stage, whose: tuple[str, ...], work: Callable[[], int]) -> Spent:
    def so_far() -> dict[str, float]:
        return {name: stage.processor_seconds(name) for name in whose} | {"this process": time.process_time()}

    before = so_far()
    done = work()
    return Spent(done, {name: used - before[name] for name, used in so_far().items()})


def _empty_tasks() -> int:
    """Publishes and consumes for some seconds, a little ahead of the workers, and waits until all are done."""
    from celery import current_app

    from dialer_project.lib import redis

    queue = f"{redis.key('queue')}:hot"
    until, sent = time.monotonic() + LASTS, 0
    while time.monotonic() < until:
        for _ in range(50):
            current_app.send_task("workers.tasks.nothing", queue="hot", expires=10, ignore_result=True)
        sent += 50
        while redis.hot().llen(queue) > TASKS_AHEAD:
            time.sleep(0.01)  # between two looks
    while redis.hot().llen(queue):
        time.sleep(0.01)  # between two looks
    return sent


def _attempts() -> int:
    before = _concluded()[0]
    _work_through(LASTS)
    return _concluded()[0] - before


def _work_through(lasts: float) -> None:
    """What the agents do: Done, as soon as there is something to be done with."""
    from django.utils import timezone

    from campaigns.flow import wrap_up
    from campaigns.models import Disposition
    from dialer_project.lib import sql

    sale = Disposition.objects.get().pk
    until = time.monotonic() + lasts
    while time.monotonic() < until:
        for row in sql.rows("SELECT id, agent_id FROM agents_interaction WHERE phase = 'wrap_up'"):
            wrap_up.finish(row.id, row.agent_id, disposition_id=sale, note="asked for the leaflet", stop=False, now=timezone.now())
        time.sleep(0.1)  # people look at their screens so often, and a look costs what is measured


def _concluded() -> tuple[int, int]:
    """(attempts concluded, of those answered) so far."""
    from dialer_project.lib import sql

    row = sql.rows("SELECT count(*) AS concluded, count(answered_at) AS answered FROM campaigns_attempt WHERE state = 'concluded'")[0]
    return row.concluded, row.answered


if __name__ == "__main__":
    measure.main(run)
