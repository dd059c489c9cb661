"""`make run`: what the product consists of on one machine, as a table, and the order in which it comes up."""

import contextlib
import http.client
import json
import os
import re
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from dialer_project.local import asterisk, frontend, places, processes, say, servers, virtualenv
from dialer_project.local.ending import Ended
from dialer_project.local.places import PROJECT, PYTHON
from dialer_project.local.say import CannotGoOn
from dialer_project.local.supervisor import Child, Program, Supervisor, is_running

DEFAULT_PORT = "8000"
ENV_FILE = "env.json"  # how `make manage` reaches the running product
CARRIERS = ("simulated", "asterisk")
PHONES = ("ana", "ben", "carla", "dev", "ella", "finn", "sam")  # of the demo's agents and its supervisor, as the exchange knows them
COLLEAGUES = ("+442079460101", "+442079460102")  # whom the demo's agents can bring into a conversation: they are always there
LOGINS = "demo-logins.json"  # written by load_demo: a list of role, username, password, address

Ready = Callable[[Child], bool]


class Wave(IntEnum):
    """What needs what: each starts when the one before is up, and is stopped before it. Our own servers come before them all."""

    CARRIER = 1  # like a real one it says nothing twice to those who listen late; needs no database, so it comes up during the migration
    CORE = 2  # needs the tables
    PUMP = 3  # needs the demo's node, and the carrier
    AGENTS = 4  # need the web


@dataclass(frozen=True)
class Exchange:
    """A real Asterisk, and the port at which the world is called through its trunk."""

    server: asterisk.Asterisk
    trunk_port: int


# What runs, wherever it runs: `make run` on one machine, containers under docker-compose.yml. The arguments of Python.
COMMANDS = {
    "web": (
        "-m uvicorn dialer_project.asgi:application --host {host} --port {port}"
        " --ws-max-size 65536 --ws-ping-interval 5 --ws-ping-timeout 5 --timeout-graceful-shutdown 5"
    ),
    "worker": "-m celery -A workers worker -P prefork --without-gossip --without-mingle -l INFO -n {queue}@%h -Q {queue} -c {processes}",
    "beat": "-m celery -A workers beat -l INFO --pidfile= -s {state}/celerybeat-schedule",
    "event-pump": "manage.py pump_call_events",
}
WORKERS = {"hot": 2, "tick": 1, "checks": 1, "rest": 1}  # queue -> processes


def programs(*, port: int, env: Mapping[str, str], python: str, exchange: Exchange | None = None) -> list[Program]:
    """The table; with an exchange, calls go through a real one instead of the simulated carrier."""
    state = env["STATE_DIR"]
    carrier_port = int(env["SIMULATED_CARRIER"].rsplit(":", 1)[1])

    def program(
        name: str, args: str, *, wave: int, ready: Ready | None = None, grace: float = 10, more: Mapping[str, str] | None = None, nice: int = 0
    ) -> Program:
        first = ("nice", "-n", str(nice), python) if nice else (python,)
        argv = (*first, *args.split())
        return Program(name, argv, wave, {**env, **(more or {})}, ready, grace=grace)

    def worker(queue: str, *, nice: int = 0) -> Program:
        args = COMMANDS["worker"].format(queue=queue, processes=WORKERS[queue])
        return program(f"worker-{queue}", args, wave=Wave.CORE, ready=_has_said(" ready."), grace=20, nice=nice)

    web = COMMANDS["web"].format(host="127.0.0.1", port=port)
    carrier = [
        program("simulated-carrier", f"manage.py simulate_carrier --at-hand {','.join(COLLEAGUES)}", wave=Wave.CARRIER, ready=_listens(carrier_port))
    ]
    if exchange is not None:
        people = (
            f"manage.py simulate_people --exchange 127.0.0.1:{exchange.server.sip_port} --port {exchange.trunk_port}"
            f" --at-hand {','.join(COLLEAGUES)} --stations {','.join(PHONES)} --password-file {exchange.server.folder / 'stations.password'}"
        )
        carrier = [
            exchange.server.program(wave=Wave.CARRIER, state=Path(state)),
            program("people", people, wave=Wave.CARRIER, ready=_has_said("people are there")),
        ]
    return [
        *carrier,
        worker("hot"),
        worker("tick"),
        worker("checks"),
        worker("rest", nice=10),  # imports and reports never slow a call down
        program("beat", COMMANDS["beat"].format(state=state), wave=Wave.CORE),
        program("web", web, wave=Wave.CORE, ready=_answers(port), more={"DATABASE_POOL": "1"}),
        program("event-pump", COMMANDS["event-pump"], wave=Wave.PUMP),
        program("agents", f"-m dialer_project.local.agents --url http://127.0.0.1:{port}", wave=Wave.AGENTS),
    ]


def run(argv: list[str]) -> int:
    port = wanted_port()
    wanted_carrier()
    state = places.make_writable(places.state_dir())
    if not places.inside_the_environment():
        claim(state, port).close()  # what would refuse us later refuses us now, before anything slow
        virtualenv.enter(["run", *argv], development=False, log=state / "log" / "install.log")
    return keep_running(state, port, come_up=_come_up)


def keep_running(state: Path, port: int, *, come_up: Callable[[Supervisor, int], None]) -> int:
    """Up, watched, and down again; whatever happens, nothing of ours is left."""
    supervisor = claim(state, port)
    try:
        come_up(supervisor, port)
        supervisor.watch()
    except Ended:
        say.progress("stopping")
    finally:
        (state / ENV_FILE).unlink(missing_ok=True)
        supervisor.stop()
        supervisor.close()
    say.progress(f"everything is stopped; the data stays in {state}")
    return 0


def claim(state: Path, port: int) -> Supervisor:
    """The state folder and the port, both ours: what a killed start left there is ended first."""
    if is_running(state):
        with contextlib.suppress(OSError, ValueError, KeyError):
            say.line(f"it already runs: http://127.0.0.1:{json.loads((state / ENV_FILE).read_text())['PORT']}")
    supervisor = Supervisor(state)
    try:
        _must_be_free(port)
    except CannotGoOn:
        supervisor.close()
        raise
    return supervisor


def manage(argv: list[str]) -> int:
    """Django's command line, against the running product or against servers named in the environment."""
    state = places.state_dir()
    virtualenv.enter(["manage", *argv], development=False, log=places.make_writable(state) / "log" / "install.log")
    env = dict(os.environ)
    if is_running(state) and (state / ENV_FILE).exists():
        env |= json.loads((state / ENV_FILE).read_text())
    elif not (env.get("DATABASE_URL") and env.get("REDIS_URL") and env.get("SECRET_KEY")):
        raise CannotGoOn(
            f"nothing runs on the state folder {state}",
            remedy="start it with make run in another terminal (with the same STATE_DIR), or set DATABASE_URL, REDIS_URL and SECRET_KEY",
        )
    os.chdir(PROJECT)
    os.execve(PYTHON, [str(PYTHON), "manage.py", *argv], env)


def wanted_port() -> int:
    asked = os.environ.get("PORT", "").strip() or DEFAULT_PORT
    if not asked.isdecimal() or not 1 <= int(asked) <= 65535:
        raise CannotGoOn(f"PORT should be a number from 1 to 65535, and is {asked!r}", remedy="choose one, for example: PORT=8001 make run")
    return int(asked)


def wanted_carrier() -> str:
    asked = os.environ.get("CARRIER", "").strip() or CARRIERS[0]
    if asked not in CARRIERS:
        raise CannotGoOn(f"CARRIER should be {' or '.join(CARRIERS)}, and is {asked!r}", remedy="choose one, for example: make run CARRIER=asterisk")
    return asked


def _must_be_free(port: int) -> None:
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("127.0.0.1", port))
        except PermissionError:
            why = f"port {port} is reserved for root"
            raise CannotGoOn(why, remedy="choose one above 1023, for example: PORT=8000 make run") from None
        except OSError:
            by = processes.listener(port)
            raise CannotGoOn(
                f"port {port} is in use{f' by {by}' if by else ''}",
                remedy=f"stop that, or choose another port, for example: PORT={_next_free(port)} make run",
            ) from None


def _next_free(port: int) -> int:
    for other in range(port + 1, min(port + 50, 65536)):
        with contextlib.suppress(OSError), socket.socket() as trial:
            trial.bind(("127.0.0.1", other))
            return other
    return processes.free_port()


def _come_up(supervisor: Supervisor, port: int) -> None:
    state = supervisor.state
    say.progress(f"starting, with everything kept in {state}")
    frontend.build(state / "log" / "frontend.log")
    urls = servers.bring_up(supervisor)
    named = [name for name in urls if os.environ.get(name, "").strip()]
    say.progress(f"PostgreSQL and Redis are found{', as given by ' + ' and '.join(named) if named else ''}")
    exchange = _exchange(state) if wanted_carrier() == "asterisk" else None
    env = environment(state, port=port, urls=urls, exchange=exchange)
    places.write_secretly(state / ENV_FILE, json.dumps({name: env[name] for name in (*HANDED_ON, *urls)}, indent=1))
    table = programs(port=port, env=env, python=sys.executable, exchange=exchange)

    def launch(wave: Wave) -> None:
        supervisor.launch(*(program for program in table if program.wave == wave))

    def wait_until_up() -> None:
        say.progress(f"up: {', '.join(supervisor.wait_until_up())}")

    # Most of the time goes into each process reading its code, so what can come up beside something else does.
    launch(Wave.CARRIER)
    _manage("migrate", "--noinput", env=env, why="the database could not be brought up to date")
    say.progress("the database is up to date")
    wait_until_up()
    launch(Wave.CORE)
    _manage("load_demo", env=env, why="the demo campaign could not be loaded")
    say.progress("the demo campaign and its accounts are there")
    launch(Wave.PUMP)
    wait_until_up()
    launch(Wave.AGENTS)
    wait_until_up()
    _welcome(state, port)


def _exchange(state: Path) -> Exchange:
    installed = asterisk.find_or_install(state / "log" / "install-asterisk.log")
    trunk_port = processes.free_port()
    server = asterisk.Asterisk(state / "asterisk", installed, trunks={"demo": f"127.0.0.1:{trunk_port}"}, stations=PHONES)
    server.write()
    return Exchange(server, trunk_port)


HANDED_ON = (
    "SECRET_KEY",
    "STATE_DIR",
    "SIMULATED_CARRIER",
    "ASTERISK_URL",
    "ARI_PASSWORD",
    "ANNOUNCEMENTS_DIR",
    "DJANGO_SETTINGS_MODULE",
    "ALLOWED_HOSTS",
    "PORT",
)


def environment(state: Path, *, port: int, urls: Mapping[str, str], exchange: Exchange | None = None) -> dict[str, str]:
    env = {name: value for name, value in os.environ.items() if name not in {"DEBUG", say.CLOCK, "MAKEFLAGS", "MAKELEVEL", "MFLAGS"}}
    return {
        "ALLOWED_HOSTS": "127.0.0.1,localhost",
        "SECRET_KEY": places.kept_secret(state / "secret.key"),
        **env,
        **urls,
        "STATE_DIR": str(state),
        "PORT": str(port),
        "SIMULATED_CARRIER": f"127.0.0.1:{processes.free_port()}",
        "ASTERISK_URL": exchange.server.url if exchange else "",
        "ANNOUNCEMENTS_DIR": str(exchange.server.announcements) if exchange else "",
        "ARI_PASSWORD": exchange.server.password if exchange else "",
        "DJANGO_SETTINGS_MODULE": "dialer_project.settings",
        "PYTHONUNBUFFERED": "1",
    }


def _manage(*args: str, env: Mapping[str, str], why: str) -> None:
    log = Path(env["STATE_DIR"]) / "log" / f"{args[0]}.log"
    code, said = virtualenv.run_logged([sys.executable, "manage.py", *args], log=log, env=env)
    if code:
        raise CannotGoOn(f"{why}: {gist(said) or f'it ended with code {code}'}", remedy=f"see the whole of it in {log}")


def gist(said: str) -> str:
    """The sentence in what a failed command said: the message of the exception it ended with, else its last line."""
    lines = said.strip().splitlines()
    for at in range(len(lines) - 1, -1, -1):
        if found := re.match(r"[A-Za-z_][\w.]*: (.*)", lines[at]):
            return " ".join([found[1], *(line.strip() for line in lines[at + 1 :])]).rstrip(" .")
    return lines[-1].rstrip(" .") if lines else ""


def _welcome(state: Path, port: int) -> None:
    address = f"http://127.0.0.1:{port}"
    say.line()
    say.line(f"ready: {address}")
    say.line(f"  console: {address}/console/")
    say.line(f"  admin:   {address}/admin/")
    with contextlib.suppress(OSError, ValueError):
        logins = json.loads((state / LOGINS).read_text())
        if logins:
            say.line("demo logins:")
        for login in logins:
            at = login.get("address") or ""
            at = at if at.startswith("http") else f"{address}{at}"
            say.line(f"  {login['role']:<12} {login['username']:<14} {login['password']:<22} {at}")
    say.line(f"logs: {state / 'log'}   stop: Ctrl-C")
    say.line()


def _listens(port: int) -> Ready:
    return lambda child: processes.is_listening(port)


def _has_said(text: str) -> Ready:
    return lambda child: child.said(text)


def _answers(port: int) -> Ready:
    def answers(child: Child) -> bool:
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/")
            return connection.getresponse().status < 500
        return False

    return answers
