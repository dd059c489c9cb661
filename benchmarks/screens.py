"""From a committed event to the message on an agent's websocket, with 500 agents connected, against Channels alone in the same run.

    python -m benchmarks.screens

The product's web as `make run` starts it, with its own PostgreSQL and Redis. 500 consoles are connected from one light process; each beats
every five seconds. Then for twenty seconds 30 changes a second are committed by this process, as a carrier's events would be, while agents
save 30 notes a second. Afterwards the same consoles, the same messages and as many of the agents' own go through a bare consumer
(`benchmarks.echo`), served in the same way. What heartbeats ask of PostgreSQL is counted in its log.
"""

import multiprocessing
import random
import re
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from benchmarks import centre, consoles, measure
from benchmarks.consoles import Heard
from benchmarks.measure import Figure, Stage
from dialer_project.local import processes
from dialer_project.local.product import programs
from dialer_project.local.supervisor import Program

AGENTS = 500
RATE = 30.0  # changes a second, and as many notes
LASTS = 20.0  # seconds
ONLY_BEATS = 15.0  # seconds in which nothing else happens
ASKED = re.compile(rb"LOG:  (statement|execute [^:]*):")


class Desk(NamedTuple):
    agent: int
    cookie: str
    work: UUID


class Run(NamedTuple):
    """What one server was like. All in seconds, memory in bytes. waits: from the commit to the screen."""

    connecting: float
    waits: list[float]
    expected: int
    heard: Heard
    beats: int
    statements: int
    memory: int
    processor: float


def run() -> list[Figure]:
    with measure.stage() as stage:
        desks = _desks()
        ours = _measure(stage, "web", "dialer_project.asgi:application", desks, _commit, counted=True)
        bare = _measure(stage, "echo", "benchmarks.echo:application", desks, _only_say, counted=False)
        return [*_figures(ours, bare)]


def _figures(ours: Run, bare: Run) -> Sequence[Figure]:
    p50, p95, p99 = (measure.percentile(ours.waits, share) * 1000 for share in (0.5, 0.95, 0.99))
    bare50, bare95 = (measure.percentile(bare.waits, share) * 1000 for share in (0.5, 0.95))
    answers = [measure.percentile(ours.heard.answers, share) * 1000 for share in (0.5, 0.95)]
    echoes = [measure.percentile(bare.heard.answers, share) * 1000 for share in (0.5, 0.95)]
    return [
        Figure("committed to screen, p50", p50, "ms", note=f"{len(ours.waits)} of {ours.expected} changes"),
        measure.at_most("committed to screen, p95", p95, "ms", 100),
        Figure("committed to screen, p99", p99, "ms"),
        Figure("the same through bare Channels, p50", bare50, "ms", note=f"{len(bare.waits)} of {bare.expected}"),
        Figure("the same through bare Channels, p95", bare95, "ms", note=f"p99 {measure.percentile(bare.waits, 0.99) * 1000:.1f} ms"),
        Figure("committed to screen against bare Channels, p50", p50 / bare50, "times"),
        measure.at_most("changes that never came to the screen", ours.expected - len(ours.waits), "", 0),
        Figure("a note saved, to its answer, p50", answers[0], "ms", note=f"p95 {answers[1]:.1f} ms; {len(ours.heard.answers)} notes"),
        Figure("as much said back by bare Channels, p50", echoes[0], "ms", note=f"p95 {echoes[1]:.1f} ms"),
        measure.at_most("PostgreSQL statements per heartbeat", ours.statements / ours.beats, "", 0.01, note=f"{ours.statements} in {ours.beats}"),
        Figure("heartbeat to pong, p95", measure.percentile(ours.heard.pongs, 0.95) * 1000, "ms"),
        Figure(
            "memory per 1,000 sockets",
            ours.memory / AGENTS * 1000 / 2**20,
            "MiB",
            note=f"bare Channels {bare.memory / AGENTS * 1000 / 2**20:.0f} MiB",
        ),
        Figure("processor time of the web", ours.processor, "of one core", note=f"bare Channels {bare.processor:.2f}"),
        Figure(f"{AGENTS} consoles connect in", ours.connecting, "s", note=f"bare Channels {bare.connecting:.1f} s"),
    ]


def _desks() -> list[Desk]:
    """Everybody at a phone with a customer on the line, and signed in to the site."""
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.sessions.backends.db import SessionStore
    from django.utils import timezone

    from agents.models import Agent, Interaction, Session, Station

    ids = centre.agents(AGENTS)
    now = timezone.now()
    stations = list(Station.objects.order_by("pk"))
    Session.objects.bulk_create(
        [Session(agent_id=agent, signed_in_at=now, station=stations[i], voice_ready=True, changed_at=now) for i, agent in enumerate(ids)]
    )
    works = Interaction.objects.bulk_create(
        [
            Interaction(
                agent_id=agent,
                phase="connected",
                phase_since=now,
                opened_at=now,
                deadline=now + timedelta(hours=1),
                card={"campaign": "Spring renewal", "name": f"Person {agent}", "number": "+34600000001"},
                talked=True,
            )
            for agent in ids
        ]
    )
    desks = []
    for agent, work in zip(Agent.objects.filter(pk__in=ids).select_related("user").order_by("pk"), works, strict=True):
        if agent.user_id != agent.pk:
            raise RuntimeError("the bare consumer knows users only: both must have one number")
        cookie = SessionStore()
        cookie[SESSION_KEY], cookie[BACKEND_SESSION_KEY] = str(agent.user_id), "django.contrib.auth.backends.ModelBackend"
        cookie[HASH_SESSION_KEY] = agent.user.get_session_auth_hash()
        cookie.save()
        desks.append(Desk(agent.pk, str(cookie.session_key), work.pk))
    return desks


def _measure(stage: Stage, name: str, app: str, desks: Sequence[Desk], change: Callable[[Desk], int], *, counted: bool) -> Run:
    port = processes.free_port()
    table = programs(port=port, env={**stage.env, "PORT": str(port)}, python=sys.executable)
    web = next(program for program in table if program.name == "web")
    argv = tuple(app if word == "dialer_project.asgi:application" else word for word in web.argv)
    stage.start(Program(name, argv, web.wave, web.env, web.ready))
    process = stage.child(name).process
    assert process is not None
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    url = f"127.0.0.1:{port}"
    client = multiprocessing.get_context("spawn").Process(
        target=consoles.run, args=(theirs, f"ws://{url}", f"http://{url}", [(desk.agent, desk.cookie, str(desk.work)) for desk in desks])
    )
    before = _memory(process.pid)
    client.start()
    connecting: float = ours.recv()
    measure.say(f"{name}: {len(desks)} consoles are connected")
    time.sleep(2)  # what connecting caused, answers to it among them, is over and not counted
    statements, beats = _only_beats(stage, ours) if counted else (0, 0)
    used, began = stage.processor_seconds(name), time.monotonic()
    ours.send((RATE, LASTS))
    committed = _changes(desks, change)
    heard: Heard = ours.recv()
    processor = (stage.processor_seconds(name) - used) / (time.monotonic() - began)
    memory = _memory(process.pid) - before
    ours.send(None)
    client.join(timeout=30)
    if heard.lost:
        raise RuntimeError(f"{heard.lost} consoles lost their connection")
    return Run(connecting, _waits(committed, heard), len(committed), heard, beats, statements, memory, processor)


def _only_beats(stage: Stage, client: Any) -> tuple[int, int]:
    """PostgreSQL's statements while there are heartbeats and nothing else, and how many heartbeats those were."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("ALTER SYSTEM SET log_statement = 'all'")
        cursor.execute("SELECT pg_reload_conf()")
    time.sleep(1)  # each backend reads its settings anew by itself, and none says so
    log = stage.supervisor.state / "log" / "postgresql.log"
    written = log.stat().st_size
    client.send((0.0, ONLY_BEATS))
    heard: Heard = client.recv()
    with log.open("rb") as lines:
        lines.seek(written)
        statements = sum(1 for line in lines if ASKED.search(line))
    with connection.cursor() as cursor:
        cursor.execute("ALTER SYSTEM RESET log_statement")
        cursor.execute("SELECT pg_reload_conf()")
    return statements, heard.beats


def _changes(desks: Sequence[Desk], change: Callable[[Desk], int]) -> list[tuple[int, int, float]]:
    """(agent, version, moment of the commit) of each, by chance and not as fast as the machine can."""
    dice = random.Random(1)
    committed = []
    due = time.monotonic()
    until = due + LASTS
    while time.monotonic() < until:
        due += dice.expovariate(RATE)
        time.sleep(max(0.0, due - time.monotonic()))  # the pace is what is asked for
        desk = dice.choice(desks)
        with _published() as moments:
            change(desk)
        committed += moments
    return committed


class _published:
    """What `agents.console` publishes in the block: when it begins to, each commit has just been made."""

    def __enter__(self) -> list[tuple[int, int, float]]:
        from agents import console

        self._usual = console._publish
        moments: list[tuple[int, int, float]] = []

        def publish(told: Sequence[tuple[int, int, dict[str, Any]]]) -> None:
            now = time.monotonic()
            moments.extend((agent, version, now) for agent, version, _ in told)
            self._usual(told)

        console._publish = publish
        return moments

    def __exit__(self, *_: object) -> None:
        from agents import console

        console._publish = self._usual


def _commit(desk: Desk) -> int:
    """As a carrier's event changes what is on the desk."""
    from django.db import transaction
    from django.utils import timezone

    from agents import desk as desks
    from agents.desk import Change

    with transaction.atomic():
        moved = desks.amend([Change(id=desk.work, progress=random.choice(["dialing", "ringing", "connected"]))], now=timezone.now())
    return len(moved)


_versions: dict[int, int] = {}


def _only_say(desk: Desk) -> int:
    """The same message, without a commit before it: there is nothing of ours in the bare consumer."""
    from agents import console
    from campaigns import screens

    version = _versions[desk.agent] = _versions.get(desk.agent, 10**6) + 1
    console.show_now([replace(screens.snapshot(desk.agent), version=version)])
    return version


def _waits(committed: Sequence[tuple[int, int, float]], heard: Heard) -> list[float]:
    """From each commit to the first state that is as new, or newer: what was overtaken is not shown."""
    shown: dict[int, list[tuple[int, float]]] = {}
    for agent, version, at in heard.shown:
        shown.setdefault(agent, []).append((version, at))
    waits = []
    for agent, version, at in committed:
        first = next((when for newer, when in shown.get(agent, ()) if newer >= version), None)
        if first is not None:
            waits.append(first - at)
    return waits


def _memory(pid: int) -> int:
    """Resident, in bytes."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1]) * 1024


if __name__ == "__main__":
    measure.main(run)
