"""Calls per second through a real Asterisk with none failed, the whole product against a bare client; and answer to agent connected.

    python -m benchmarks.telephony

Asterisk, SIPp as carrier and phones, and either the product (workers, pump, beat, PostgreSQL, Redis) or a bare ARI client share this machine's
cores. The bare client keeps so many calls going, each placed, answered, and ended by its callee, and does nothing else: no database, no
second leg, no bridge. The product runs a progressive campaign with agents on phones that stay connected, a few more agents each
time, until a call fails or more agents bring no more calls. Then it works at a quarter of its best rate, and the time from the answer to
the agent is taken, by Asterisk's own clock at both ends.
"""

import json
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from benchmarks import centre, measure, sipp
from benchmarks.measure import Figure, Stage
from dialer_project.local import asterisk, processes

BARE_FOR = 6.0  # seconds
AHEAD = (16, 32, 64, 128, 256, 512, 1024)  # calls of the bare client at once
AGENTS = (20, 40, 80, 160, 200, 240, 320)
EACH_FOR = 8.0
TALKS = 1.0  # seconds until who was called hangs up
QUIET_AGENTS = 20
QUIET_FOR = 25.0
GROWS = 1.05  # less more than that is no more
OURS = ("worker-hot", "worker-tick", "beat", "event-pump", "postgresql", "redis")


def run() -> list[Figure]:
    sipp.needed()
    with tempfile.TemporaryDirectory(prefix="ringmaster-telephony-") as folder, measure.stage() as stage:
        exchange = Exchange(Path(folder))
        with sipp.world(exchange.folder, exchange.phones, talks_for=3600) as phones:
            try:
                exchange.start()
                with sipp.world(exchange.folder, exchange.carrier, talks_for=TALKS) as people:
                    bare = _bare(exchange, people.pid)
                    exchange.stop()  # each on one just started: for a minute after so many calls it has less to give
                    exchange.start()
                    product = _Product(stage, exchange, phones.pid)
                    best = product.at_its_best(people.pid)
                talks = max(1.0, 4 * QUIET_AGENTS / best.per_second - 0.3)
                with sipp.world(exchange.folder, exchange.carrier, talks_for=talks) as people:
                    quiet = product.quietly(people.pid)
            finally:
                exchange.stop()
    return [
        Figure("bare client: calls per second", bare.per_second, "calls/s", note=f"{bare.failed} failed; {bare.spent}"),
        Figure("product: calls per second, none failed", best.per_second, "calls/s", note=f"{best.agents} agents; {best.spent}"),
        measure.at_least("product against bare client", best.per_second / bare.per_second, "", 0.25),
        Figure("answer to agent connected, p50", measure.percentile(quiet.waited, 0.5) * 1000, "ms", note=f"at {quiet.per_second:.1f} calls/s"),
        measure.at_most(
            "answer to agent connected, p99",
            measure.percentile(quiet.waited, 0.99) * 1000,
            "ms",
            150,
            note=f"{len(quiet.waited)} calls, {quiet.failed} failed",
        ),
    ]


@dataclass(frozen=True)
class Rate:
    """Calls that were over within some seconds. waited: from the answer to the agent, each."""

    calls: int
    seconds: float
    failed: int
    processors: Mapping[str, float]
    agents: int = 0
    waited: tuple[float, ...] = ()

    @property
    def per_second(self) -> float:
        return self.calls / self.seconds

    @property
    def spent(self) -> str:
        return "ms of processor a call: " + ", ".join(f"{name} {1000 * used / max(1, self.calls):.1f}" for name, used in self.processors.items())


class Exchange:
    """An Asterisk whose trunk and phones are SIPp's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.carrier, self.phones = processes.free_port(), processes.free_port()
        installed = asterisk.find_or_install(folder / "install.log")
        self.server = asterisk.Asterisk(
            folder / "asterisk", installed, trunks={"trunk": f"127.0.0.1:{self.carrier}"}, station_silent_for=3600, rtp=(20000, 29999)
        )
        self.server.write()
        (self.server.folder / "etc" / "pjsip.d" / "phones.conf").write_text("".join(map(self._phone, range(max(*AGENTS, QUIET_AGENTS)))))
        self.pid = 0
        self.stop: Callable[[], None] = lambda: None

    def _phone(self, number: int) -> str:
        name = f"phone{number}"
        return f"[{name}](station-template)\naors={name}\n[{name}]\ntype=aor\ncontact=sip:{name}@127.0.0.1:{self.phones}\n\n"

    @property
    def url(self) -> str:
        return f"http://{asterisk.USER}:{self.server.password}@127.0.0.1:{self.server.ari_port}"

    def start(self) -> None:
        running = asterisk.start(self.server, log=self.folder / "asterisk.log")
        self.pid = running.pid

        def stop() -> None:
            running.kill()
            running.wait()

        self.stop = stop


def _bare(exchange: Exchange, people: int) -> Rate:
    """More calls at once each time, while that brings more a second and none fails."""
    best: Rate | None = None
    for ahead in AHEAD:
        rate = _bare_with(exchange, people, ahead)
        if rate.failed:
            break
        grows = best is None or rate.per_second >= best.per_second * GROWS
        best = rate if best is None else max(best, rate, key=lambda each: each.per_second)
        if not grows:
            break
    if best is None:
        raise RuntimeError("calls of the bare client fail: nothing can be measured")
    return best


def _bare_with(exchange: Exchange, people: int, ahead: int) -> Rate:
    from websockets.sync.client import connect

    from telephony.drivers.asterisk.ari import Ari
    from telephony.drivers.asterisk.translate import WANTED

    ari = Ari(exchange.url, reply_within=5)
    socket = connect(ari.websocket(), additional_headers=ari.headers, max_queue=None, compression=None, proxy=None, close_timeout=0.2)
    with socket:
        ari.ask("PUT", "applications", "ringmaster", "eventFilter", body={"allowed": [{"type": kind} for kind in WANTED]})
        live: set[str] = set()
        answered: set[str] = set()
        placed = over = failed = 0
        before, began = _processors(exchange, people, ourselves=True), time.monotonic()
        until = began + BARE_FOR
        while live or time.monotonic() < until:
            while len(live) < ahead and time.monotonic() < until:
                placed += 1
                name = str(uuid4())
                reply = ari.ask("POST", "channels", endpoint=f"PJSIP/+346{placed:08d}@trunk", app="ringmaster", channelId=name, timeout=15)
                failed += not reply.ok
                live |= {name} if reply.ok else set()
            told = json.loads(socket.recv(timeout=30))
            channel = str((told.get("channel") or {}).get("id"))
            if told["type"] == "StasisStart":
                answered.add(channel)
            elif told["type"] == "ChannelDestroyed" and channel in live:
                live.discard(channel)
                over += 1
                failed += channel not in answered
        lasted = time.monotonic() - began
    rate = Rate(over, lasted, failed, _less(_processors(exchange, people, ourselves=True), before))
    measure.say(f"bare client, {ahead} at once: {rate.per_second:.1f} calls/s, {failed} failed; {rate.spent}")
    return rate


def _processors(exchange: Exchange, people: int, *, ourselves: bool = False, stage: Stage | None = None, phones: int = 0) -> dict[str, float]:
    """Seconds of processor used so far, by process."""
    used = {"asterisk": measure.tree_seconds(exchange.pid), "sipp": measure.tree_seconds(people) + (measure.tree_seconds(phones) if phones else 0)}
    if stage is not None:
        used |= {name: stage.processor_seconds(name) for name in OURS}
    return used | {"the client" if ourselves else "consoles": time.process_time()}


def _less(now: Mapping[str, float], before: Mapping[str, float]) -> dict[str, float]:
    return {name: used - before[name] for name, used in now.items()}


class _Product:
    def __init__(self, stage: Stage, exchange: Exchange, phones: int) -> None:
        from telephony.models import Node

        self.stage, self.exchange, self.phones = stage, exchange, phones
        self.seated = 0
        centre.telephone_system(stage)
        Node.objects.update(driver="asterisk", url=exchange.url)
        ours = [program for program in centre.programs(stage, carrier="", tick=True) if program.name != "simulated-carrier"]
        stage.start(*ours)
        self.staff = centre.agents(max(*AGENTS, QUIET_AGENTS))
        self.campaign = centre.campaign("telephony", self.staff, start=False)
        centre.leads(self.campaign, 20_000)

    def at_its_best(self, people: int) -> Rate:
        """More agents each time, while that brings more calls and none fails."""
        from dialer_project.lib import sql

        self._goes(True)
        best: Rate | None = None
        ready = 0
        for agents in AGENTS:
            if ready:  # the tables, empty until now, are looked at as autovacuum does every minute
                sql.changed("ANALYZE")
            centre.sit_down(self.staff[ready:agents])
            self._ready(self.staff[ready:agents])
            ready = self.seated = agents
            rate = self._measured(people, agents, EACH_FOR)
            if rate.failed:
                break
            grows = best is None or rate.per_second >= best.per_second * GROWS
            best = rate if best is None else max(best, rate, key=lambda each: each.per_second)
            if not grows:
                break
        self._goes(False)
        if best is None:
            raise RuntimeError("calls fail with a handful of agents: nothing can be measured")
        return best

    def quietly(self, people: int) -> Rate:
        self._unready(self.staff[QUIET_AGENTS : self.seated])
        self._ready(self.staff[:QUIET_AGENTS])
        self._goes(True)
        rate = self._measured(people, QUIET_AGENTS, QUIET_FOR)
        self._goes(False)
        return rate

    def _goes(self, on: bool) -> None:
        from django.utils import timezone

        from campaigns.flow import control
        from campaigns.models import Campaign

        (control.start if on else control.pause)(Campaign.objects.get(pk=self.campaign), by=None, now=timezone.now())
        if not on:
            self._work_through(3.0)

    def _ready(self, agents: list[int]) -> None:
        from django.utils import timezone

        from campaigns.flow import next_for

        for agent in agents:
            next_for.go_ready(agent, now=timezone.now())

    def _unready(self, agents: list[int]) -> None:
        from django.utils import timezone

        from campaigns.flow import next_for

        for agent in agents:
            next_for.take_break(agent, reason="lunch", now=timezone.now())

    def _measured(self, people: int, agents: int, lasts: float) -> Rate:
        from django.utils import timezone

        from dialer_project.lib import sql

        self._work_through(2.0)  # until it flows
        spent = _processors(self.exchange, people, stage=self.stage, phones=self.phones)
        began, since = time.monotonic(), timezone.now()
        self._work_through(lasts)
        seconds = time.monotonic() - began
        used = _less(_processors(self.exchange, people, stage=self.stage, phones=self.phones), spent)
        rows = sql.rows(
            """
            SELECT a.outcome, extract(epoch FROM c.connected_at - c.answered_at)::float AS waited FROM campaigns_attempt a
            JOIN telephony_call c ON c.id = a.id WHERE a.concluded_at >= %s
            """,
            [since],
        )
        outcomes = Counter(row.outcome for row in rows)
        rate = Rate(
            outcomes["connected"],
            seconds,
            len(rows) - outcomes["connected"],
            used,
            agents,
            tuple(row.waited for row in rows if row.waited is not None),
        )
        measure.say(f"product, {agents} agents: {rate.per_second:.1f} calls/s, {dict(outcomes)}; {rate.spent}")
        return rate

    def _work_through(self, lasts: float) -> None:
        """What the agents do: Done, as soon as there is something to be done with."""
        from django.utils import timezone

        from campaigns.flow import wrap_up
        from campaigns.models import Disposition
        from dialer_project.lib import sql

        sale = Disposition.objects.get().pk
        until = time.monotonic() + lasts
        while time.monotonic() < until:
            for row in sql.rows("SELECT id, agent_id FROM agents_interaction WHERE phase = 'wrap_up'"):
                wrap_up.finish(row.id, row.agent_id, disposition_id=sale, note="", stop=False, now=timezone.now())
            time.sleep(0.05)  # between two looks


if __name__ == "__main__":
    measure.main(run)
