"""A call centre of real processes: PostgreSQL, Redis, the carrier, workers, pumps and beats, each started, frozen and killed by its id.

The agents sit in the test itself: what they do at their desks are calls into the flow, as the console's socket makes them. Nothing here
waits for time to pass, only for something to have become so.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any, ClassVar, TypeVar
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.utils import timezone
from redis import Redis, RedisError

from agents.desk import Done
from agents.models import Agent, Interaction, NotReadyReason, Session, Station, User
from campaigns import invariants
from campaigns.flow import control, next_for, phone, wrap_up
from campaigns.models import Attempt, CallableHours, CallingList, Campaign, Contact, Disposition, Lead, Participation, PhoneNumber, ZoneGroup
from campaigns.rules.number_keys import number_key
from campaigns.rules.outcomes import DispositionClass
from campaigns.rules.permit.hours import DAYS
from dialer_project.lib import alive
from dialer_project.lib.failpoints import Failpoint
from dialer_project.local import processes
from dialer_project.local.places import PROJECT
from dialer_project.local.redis_server import Redis as RedisServer
from telephony.drivers.simulated.client import WorldControl
from telephony.drivers.simulated.script import Behaviour
from telephony.models import Announcement, Call, CallerId, Node, Trunk
from tests.chaos import carrier
from tests.chaos.carrier import Heard

T = TypeVar("T")

WITHIN = 15.0  # seconds anything may take on a busy machine
LOOK_EVERY = 0.02
TWO_SECONDS = timedelta(seconds=2.2)  # with what the carrier takes to begin


class NotSo(AssertionError):
    """It did not become so in time."""


@dataclass
class Process:
    """A process of ours, known by its number and its birth, and the group of what it started."""

    name: str
    pid: int
    log: Path
    ready: str
    born: str | None = None

    def __post_init__(self) -> None:
        self.born = processes.born(self.pid)

    @property
    def is_alive(self) -> bool:
        return self.born is not None and processes.born(self.pid) == self.born

    def said(self, text: str) -> bool:
        return text in self.log.read_text(errors="replace")

    def freeze(self) -> None:
        os.killpg(self.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        if self.is_alive:
            os.killpg(self.pid, signal.SIGCONT)

    def kill(self) -> None:
        """With all it started, as a host that loses its power."""
        if self.is_alive:
            os.killpg(self.pid, signal.SIGKILL)
            self.wait()

    def ask_to_end(self) -> float:
        """SIGTERM; how many seconds it took."""
        began = time.monotonic()
        os.kill(self.pid, signal.SIGTERM)
        self.wait()
        return time.monotonic() - began

    def wait(self) -> None:
        end = time.monotonic() + WITHIN
        while self.is_alive:
            assert time.monotonic() < end, f"{self.name} does not end"
            time.sleep(0.005)


class Nursery:
    """Forks what is ordered; see `nursery`."""

    def __init__(self, folder: Path, env: Mapping[str, str]) -> None:
        with (folder / "nursery.log").open("wb") as log:
            self.process = Popen(
                [sys.executable, "-m", "tests.chaos.nursery"], env=env, cwd=PROJECT, stdin=PIPE, stdout=PIPE, stderr=log, preexec_fn=_end_with_us
            )
        assert self._says() == "ready"

    def fork(self, program: str, args: Sequence[str], *, log: Path, times: int) -> int:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"program": program, "args": args, "log": str(log), "times": times}).encode() + b"\n")
        self.process.stdin.flush()
        return int(self._says())

    def _says(self) -> str:
        assert self.process.stdout is not None
        said: bytes = self.process.stdout.readline()
        return said.decode().strip()

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


def _end_with_us(us: int = os.getpid()) -> None:
    processes.die_with(us, signal.SIGKILL)


@dataclass
class Someone:
    """An agent, and what they do at their desk."""

    centre: "Centre"
    agent: Agent
    station: Station
    epoch: int = 0

    @property
    def id(self) -> int:
        return self.agent.pk

    def sits_down(self) -> None:
        self.epoch = phone.console_opened(self.id, now=timezone.now())
        assert phone.sign_in(self.id, self.station.pk, now=timezone.now()) == Done()

    def goes_ready(self) -> None:
        assert next_for.go_ready(self.id, now=timezone.now()) == Done()

    def goes_home(self) -> None:
        phone.sign_out(self.id, now=timezone.now())

    @property
    def session(self) -> Session:
        return Session.objects.get(agent_id=self.id)

    @property
    def work(self) -> Interaction | None:
        return Interaction.objects.filter(agent_id=self.id).exclude(phase="closed").first()

    @property
    def phase(self) -> str | None:
        work = self.work
        return work.phase if work else None


@dataclass
class Person:
    """Somebody who is called."""

    centre: "Centre"
    lead: Lead
    number: str

    def now(self) -> Lead:
        return Lead.objects.get(pk=self.lead.pk)

    @property
    def attempts(self) -> list[Attempt]:
        return list(Attempt.objects.filter(lead=self.lead).order_by("planned_at"))

    @property
    def outcomes(self) -> list[str | None]:
        return [attempt.outcome for attempt in self.attempts]

    @property
    def calls(self) -> list[Heard]:
        """Those that reached the carrier, by its own journal."""
        return [heard for heard in self.centre.heard().values() if heard.to == self.number]

    @property
    def state(self) -> str | None:
        """What our row says of the last call."""
        call = Call.objects.filter(address=self.number).order_by("planned_at").last()
        return call.state if call else None


@dataclass
class Centre:
    driver: ClassVar = "simulated"
    message: ClassVar = "sound:abandoned"
    folder: Path
    database: str
    redis_server: RedisServer
    carrier_port: int
    running: dict[str, Process] = field(default_factory=dict)
    agents: list[Someone] = field(default_factory=list)
    campaigns: list[Campaign] = field(default_factory=list)
    messages: int = 1  # how often each is sent by the processes started from now on
    tended: bool = True  # agents finish their records by themselves
    _starts: int = 0
    _people: int = 0

    # --- processes -------------------------------------------------------------------------------------------------------------

    @property
    def journal(self) -> Path:
        return self.folder / "carrier.journal"

    @property
    def failpoints(self) -> Path:
        return self.folder / "failpoints"

    @property
    def carrier_url(self) -> str:
        return f"127.0.0.1:{self.carrier_port}"

    @property
    def env(self) -> Mapping[str, str]:
        url = urlsplit(os.environ["DATABASE_URL"])
        return {
            **os.environ,
            "DATABASE_URL": url._replace(path=f"/{self.database}").geturl(),
            "REDIS_URL": self.redis_server.url,
            "SECRET_KEY": settings.SECRET_KEY,
            "FAILPOINTS": str(self.failpoints),
            "RECONCILE_EVERY": "1",
            "ALIVE_DIR": str(self.folder),
            "DJANGO_SETTINGS_MODULE": "dialer_project.settings",
            "PYTHONUNBUFFERED": "1",  # what a process says is read while it lives
        }

    def command(self, kind: str, name: str) -> tuple[str, tuple[str, ...], str]:
        """The program, its arguments, and what it says when it is up."""
        worker = ("-A", "workers", "worker", "-P", "prefork", "--without-gossip", "--without-mingle", "-l", "INFO", "-n", f"{name}@%h")
        match kind:
            case "carrier":
                phones = ("--station-answers-after", "0.05", "--announcement-lasts", "0.5")
                return "carrier", ("--journal", str(self.journal), "--listen", self.carrier_url, *phones), "listening on"
            case "pump":
                return "manage.py", ("pump_call_events",), "local"
            case "hot":
                return "celery", (*worker, "-Q", "hot", "-c", "2"), " ready."
            case "tick":
                return "celery", (*worker, "-Q", "tick", "-c", "1"), " ready."
            case "beat":
                return "celery", ("-A", "workers", "beat", "-l", "INFO", "--pidfile=", "-s", str(self.folder / name)), "beat: Starting"
            case _:
                raise AssertionError(kind)

    def start(self, *names: str) -> None:
        """Processes by name, `hot-1`, `pump-2`; together, and up when this returns."""
        for name in names:
            self.begin(name)
        self.until(lambda: all(self.running[name].said(self.running[name].ready) for name in names), within=40, what=f"{names} are up")

    def begin(self, name: str) -> None:
        self._starts += 1
        log = self.folder / f"{name}.{self._starts}.log"
        log.touch()
        if name == "redis":
            started = processes.start(self.redis_server.program().argv, env=self.env, log=log)
            self._redis = started
            self.running[name] = Process(name, started.pid, log, "Ready to accept connections")
            return
        program, args, ready = self.command(name.partition("-")[0], name)
        self.running[name] = Process(name, self.nursery.fork(program, args, log=log, times=self.messages), log, ready)

    @cached_property
    def nursery(self) -> Nursery:
        return Nursery(self.folder, self.env)

    def has(self, *names: str) -> None:
        """These processes and no others, the servers and the carrier apart: started where they are missing, killed where too many."""
        for name in [name for name in self.running if name not in (*names, "redis", "carrier")]:
            self.running.pop(name).kill()
        self.start(*[name for name in names if name not in self.running or not self.running[name].is_alive])

    def kill(self, name: str) -> None:
        self.running.pop(name).kill()

    def works(self, kind: str, *, within: float = 3) -> bool:
        """Whether workers, beats or pumps have said so lately, as a container is asked."""
        return alive.within(self.folder / kind, within)

    @property
    def redis(self) -> "Redis":
        return Redis.from_url(self.redis_server.url)

    @property
    def world(self) -> WorldControl:
        return WorldControl(self.carrier_url)

    def order(self, place: Failpoint, what: str, *, kind: str) -> None:
        """What befalls the next process of this kind that reaches this place."""
        groups = [str(process.pid) for name, process in self.running.items() if name.partition("-")[0] == kind]
        aside = self.failpoints / "being-written"
        aside.write_text("\n".join([what, *groups]))
        aside.rename(self.failpoints / place)

    def befell(self, place: Failpoint) -> int | None:
        """Whom it befell."""
        return next((int(path.name.rpartition(".")[2]) for path in self.failpoints.glob(f"{place}.*")), None)

    def struck(self, place: Failpoint, people: Sequence["Person"]) -> tuple[int, "Person", list["Person"]]:
        """Whom it befell, who was just being called, and the others: the sweep calls people too, and may have been there first."""
        pid = self.until(lambda: self.befell(place), what=f"a process has reached {place}")
        called = next(person for person in people if person.outcomes == [None])
        return pid, called, [person for person in people if person is not called]

    # --- waiting ---------------------------------------------------------------------------------------------------------------

    def until(self, so: Callable[[], T | None], *, within: float = WITHIN, what: str = "") -> T:
        """What it came to, as soon as it is so; the agents work meanwhile."""
        end = time.monotonic() + within
        while not (found := so()):
            if time.monotonic() > end:
                raise NotSo(f"not within {within} s: {what}\n{self.last_words()}")
            if self.tended:
                self.tend()
            time.sleep(LOOK_EVERY)
        return found

    def holds(self, so: Callable[[], object], *, for_: float, what: str = "") -> None:
        """It stays so for that long."""
        end = time.monotonic() + for_
        while time.monotonic() < end:
            if not so():
                raise NotSo(f"it did not stay so: {what}\n{self.last_words()}")
            if self.tended:
                self.tend()
            time.sleep(LOOK_EVERY)

    def last_words(self, lines: int = 25) -> str:
        logs = [(p.name, p.log) for p in self.running.values() if p.name != "redis"]
        rows = [str(row) for row in Call.objects.order_by("-planned_at").values("party", "address", "state", "cause", "ended_at", "dialing_at")[:8]]
        rows += [str(row) for row in Interaction.objects.exclude(phase="closed").values("agent_id", "phase", "progress", "dial_due")]
        return (
            "\n".join(rows)
            + "\n"
            + "\n".join(f"--- {name}\n" + "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) for name, log in logs)
        )

    def tend(self) -> None:
        """Whoever has a record to finish finishes it."""
        if not self.agents:
            return
        works = Interaction.objects.filter(phase="wrap_up", agent_id__in=[someone.id for someone in self.agents])
        for work_id, agent_id in works.values_list("id", "agent_id"):
            wrap_up.finish(work_id, agent_id, disposition_id=self.sale, note="", stop=False, now=timezone.now())

    # --- people ----------------------------------------------------------------------------------------------------------------

    def furnish(self) -> None:
        """What every centre has."""
        Node.objects.create(name="local", driver=self.driver, url=self.carrier_url)
        trunk = Trunk.objects.create(name="trunk", endpoint="trunk", calls_per_second=1000, max_calls=1000)
        CallerId.objects.create(e164="+34910000000", verified=True, trunk=trunk)
        Announcement.objects.create(name="abandoned", media=self.message)
        CallableHours.objects.create(name="always", week={day: [["00:00", "24:00"]] for day in DAYS})
        ZoneGroup.objects.create(zones=["Europe/Madrid"])
        for code in ("login", "no_answer", "connection_lost", "wrap_up_expired"):
            NotReadyReason.objects.get_or_create(code=code, defaults={"label": code.capitalize(), "system": True})
        self.sale = Disposition.objects.create(code="sale", label="Sale", kind=DispositionClass.SUCCESS).pk

    def hire(self, *names: str) -> list[Someone]:
        """Agents at their desks, Not Ready, their phones connected."""
        hired = []
        for name in names:
            unique = f"{name.lower()}-{Station.objects.count()}"
            user = User.objects.create(username=unique, first_name=name)
            station = Station.objects.create(name=unique, endpoint=unique)
            hired.append(Someone(self, Agent.objects.create(user=user), station))
        self.agents += hired
        return hired

    def seated(self, *names: str) -> list[Someone]:
        hired = self.hire(*names)
        for someone in hired:
            someone.sits_down()
        self.until(lambda: all(someone.session.leg_state == "up" for someone in hired), what="phones are connected")
        return hired

    def campaign(self, agents: Sequence[Someone], *, mode: str = "progressive", start: bool = True, **fields: Any) -> Campaign:
        now = timezone.now()
        campaign = Campaign.objects.create(
            **{
                "name": f"{mode} {Campaign.objects.count() + 1}",
                "mode_key": mode,
                "call_application": "any",
                "trunk": Trunk.objects.get(),
                "caller_id": CallerId.objects.get(),
                "message": Announcement.objects.get(name="abandoned"),
                "hours": CallableHours.objects.get(name="always"),
                "pool": 0,
                **fields,
            }
        )
        CallingList.objects.create(campaign=campaign, name="list")
        Participation.objects.bulk_create([Participation(campaign=campaign, agent=someone.agent) for someone in agents])
        control.edited(campaign, by=None, now=now)
        control.assignments_changed(now=now)
        assert isinstance(control.approve(campaign, by=None, now=now), control.Moved)
        if start:
            assert isinstance(control.start(campaign, by=None, now=now), control.Moved)
        campaign.refresh_from_db()
        self.campaigns.append(campaign)
        return campaign

    def people(self, campaign: Campaign, *meets: Behaviour) -> list[Person]:
        """One lead for each of these behaviours."""
        found = []
        for behaviour in meets:
            self._people += 1
            number = f"+346{self._people:08d}"
            self.world.say(number, behaviour)
            contact = Contact.objects.create(first_name=f"Maria {self._people}", last_name="López")
            PhoneNumber.objects.create(
                contact=contact, e164=number, number_key=number_key(number, settings.NUMBER_KEY), position=0, zones=["Europe/Madrid"]
            )
            lead = Lead.objects.create(
                campaign=campaign,
                calling_list=campaign.lists.get(),
                contact=contact,
                zone_group=ZoneGroup.objects.get(zones=["Europe/Madrid"]),
                next_call_at=timezone.now(),
            )
            found.append(Person(self, lead, number))
        return found

    def shift(self, *meets: Behaviour, agents: int = 1, ready: bool = True, **fields: Any) -> tuple[Campaign, list[Person], list[Someone]]:
        """A running campaign, its people and its agents, who go Ready last."""
        someones = self.seated(*[f"Ana {number}" for number in range(agents)])
        campaign = self.campaign(someones, **fields)
        people = self.people(campaign, *meets)
        if ready:
            for someone in someones:
                someone.goes_ready()
        return campaign, people, someones

    # --- what is so ------------------------------------------------------------------------------------------------------------

    def heard(self) -> dict[UUID, Heard]:
        """The carrier's own journal."""
        return carrier.read(self.journal)

    def listens(self) -> bool:
        return Node.objects.filter(listening_until__gt=timezone.now()).exists()

    def end_shift(self) -> None:
        """Everybody hangs up and goes home; then whatever was promised must have been kept."""
        for place in self.failpoints.iterdir():
            place.unlink()
        for process in self.running.values():
            process.go_on()
        if self.messages != 1:
            self.messages = 1
            self.has()
        self.has(*({name for name in self.running if self.running[name].is_alive} - {"redis", "carrier"} or {"pump-1"}))
        now = timezone.now()
        for campaign in self.campaigns:
            control.stop(campaign, by=None, now=now)
        self.until(self._is_quiet, within=40, what="every call has ended")
        for someone in self.agents:
            someone.goes_home()
        self.until(lambda: not Call.objects.exclude(state="ended").exists(), within=20, what="every leg has ended")
        self.agents, self.campaigns, self.tended = [], [], True
        invariants.check(now=timezone.now())
        self.compare()

    def _is_quiet(self) -> bool:
        self.tend()
        live = Call.objects.filter(party="customer").exclude(state="ended").values_list("id", flat=True)
        for call_id in live:
            self.world.far_hangs_up(call_id)
        return not live and not Interaction.objects.exclude(phase="closed").exists()

    def compare(self) -> None:
        """The carrier's journal against the ledger of attempts, call by call."""
        told = {call_id: heard for call_id, heard in self.heard().items() if heard.party == "customer"}
        attempts = {attempt.pk: attempt for attempt in Attempt.objects.all()}
        assert not [heard for heard in told.values() if heard.placings > 1], "a call was placed twice"
        dialed = {i for i, attempt in attempts.items() if attempt.dialed_at}
        assert told.keys() <= dialed, f"placed past the ledger: {told.keys() - dialed}"
        unsent = [attempts[i] for i in dialed - told.keys()]
        assert {a.outcome for a in unsent} <= {"unknown", "cancelled"}, [(a.pk, a.outcome) for a in unsent]
        late = {heard.to: heard.silence for heard in told.values() if heard.silence and heard.silence > TWO_SECONDS}
        assert not late, f"who picked up heard nobody for too long: {late}"
        by_carrier = {i for i, heard in told.items() if heard.had_message and not heard.had_agent}
        by_ledger = {i for i, attempt in attempts.items() if attempt.outcome == "abandoned"}
        assert by_carrier == by_ledger, f"abandoned: {_difference(by_carrier, by_ledger, attempts)}"
        by_carrier = {i for i, heard in told.items() if heard.had_agent}
        by_ledger = {i for i, attempt in attempts.items() if attempt.outcome == "connected"}
        assert by_carrier == by_ledger, f"connected: {_difference(by_carrier, by_ledger, attempts)}"

    def end(self) -> None:
        """Every process, the servers last."""
        for name in sorted(self.running, key=lambda name: name in ("redis", "carrier")):
            self.running[name].kill()
        self.running.clear()
        self.nursery.end()


def _difference(by_carrier: Iterable[UUID], by_ledger: Iterable[UUID], attempts: Mapping[UUID, Attempt]) -> str:
    carrier, ledger = set(by_carrier), set(by_ledger)
    return f"only the carrier knows {[(str(i), attempts[i].outcome) for i in carrier - ledger]}, only we know {[str(i) for i in ledger - carrier]}"


def answers(url: str) -> bool:
    """Whether a Redis is there."""
    try:
        return bool(Redis.from_url(url, socket_timeout=0.5).ping())
    except RedisError:
        return False


def make_database(name: str) -> None:
    """An empty one with all tables."""
    connection.close()
    with connection._nodb_cursor() as cursor:
        cursor.execute(f'CREATE DATABASE "{name}"')
    connection.settings_dict["NAME"] = name
    call_command("migrate", verbosity=0)


def drop_database(name: str) -> None:
    connection.close()
    with connection._nodb_cursor() as cursor:
        cursor.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
