"""An agent's connection: sign-on, snapshot, heartbeat, resync, the newest tab wins, limits. What the commands do is the subclass's.

Each connection handles one message at a time. PostgreSQL is asked in threads of a pool of our own, so that a command which waits for a
lock delays nobody else's. Once a second the process says whom it has heard of, and closes who fell silent.
"""

import asyncio
import contextlib
import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from enum import Enum, auto
from typing import Any, ClassVar, TypeVar
from urllib.parse import parse_qs
from weakref import WeakKeyDictionary

import redis.asyncio
from channels.consumer import get_handler_name
from channels.db import database_sync_to_async
from channels.exceptions import StopConsumer
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.utils import timezone
from pydantic import ValidationError
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from agents import console, messages
from agents.desk import Done, Refusal
from agents.live import presence
from agents.messages import Closed
from agents.models import Agent, Session
from agents.models import Command as Asked
from dialer_project.lib import sql
from dialer_project.lib.sentence import say

log = logging.getLogger(__name__)
T = TypeVar("T")

# messages a second from one screen, and how many at once
RATE, BURST = 20, 40
# seconds between two comparisons of every screen with its row: what a process killed between commit and telling left unsaid
COMPARE_EVERY = 15
# seconds that a repeat waits for the answer of the first, and between two looks
STILL_AT_IT, LOOK_EVERY = 3, 0.2
# what a customer would hear twice is never run again
ONCE_ONLY = {"send_digits", "play_message"}
NOT_KNOWN = say("It is not known whether that was done. Look at the screen, and try again if it was not.")

# fewer than the web's database connections, so that pages are answered too
THREADS = 8
_threads = ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="desk")


async def in_thread(act: Callable[[], T]) -> T:
    """Runs what asks PostgreSQL."""
    result: T = await database_sync_to_async(act, thread_sensitive=False, executor=_threads)()
    return result


class _Unanswered(Enum):
    AT_IT = auto()  # another connection of this agent is carrying it out
    NEVER = auto()  # a newer tab has the console


class House:
    """All consoles open in this process: their heartbeats in one write, the silent closed, each compared with its row now and then."""

    _by_loop: ClassVar["WeakKeyDictionary[asyncio.AbstractEventLoop, House]"] = WeakKeyDictionary()

    @classmethod
    def here(cls) -> "House":
        loop = asyncio.get_running_loop()
        if loop not in cls._by_loop:
            cls._by_loop[loop] = cls()
        return cls._by_loop[loop]

    def __init__(self) -> None:
        self._open: set[Connection] = set()
        self._keeper: asyncio.Task[None] | None = None
        self._redis = redis.asyncio.Redis.from_url(
            settings.CHANNELS_REDIS_URL,
            socket_timeout=0.5,
            socket_connect_timeout=0.5,
            health_check_interval=10,
            retry=Retry(NoBackoff(), 1),
        )

    def enter(self, connection: "Connection") -> None:
        self._open.add(connection)
        if self._keeper is None or self._keeper.done():
            self._keeper = asyncio.create_task(self._keep())

    def leave(self, connection: "Connection") -> None:
        self._open.discard(connection)

    async def say_heard(self, last_heard: Mapping[int, datetime]) -> None:
        try:
            await asyncio.to_thread(presence.heard, last_heard, now=timezone.now())
        except redis.RedisError:
            log.warning("Redis is away: nobody is told who is present")

    async def version_of(self, agent_id: int) -> int:
        """The newest version told; asked of PostgreSQL only where Redis does not know."""
        with contextlib.suppress(redis.RedisError, OSError):
            told = await self._redis.get(console.version_key(agent_id))
            if told is not None:
                return int(told)
        found = await in_thread(lambda: Session.objects.filter(pk=agent_id).values_list("version", flat=True).first())
        version = found or 0
        with contextlib.suppress(redis.RedisError, OSError):
            await self._redis.set(console.version_key(agent_id), version, nx=True)
        return version

    async def forget_version(self, agent_id: int) -> None:
        """What Redis holds is not what PostgreSQL says."""
        with contextlib.suppress(redis.RedisError, OSError):
            await self._redis.delete(console.version_key(agent_id))

    async def _keep(self) -> None:
        before, beats = time.monotonic(), 0
        while self._open:
            await asyncio.sleep(1)
            if not self._open:
                return
            now, beats = time.monotonic(), beats + 1
            # while this process stood still it heard nobody: that silence was its own
            stood_still, before = max(0.0, now - before - 2), now
            for connection in list(self._open):
                connection.heard += stood_still
                if now - connection.heard > messages.SILENCE:
                    await connection.shut(Closed.SILENT)
            await self.say_heard({connection.agent_id: connection.heard_at for connection in self._open})
            if beats % COMPARE_EVERY == 0:
                try:
                    await self._compare()
                except Exception:  # the next comparison is due soon
                    log.exception("screens were not compared with their rows")

    async def _compare(self) -> None:
        agents = [connection.agent_id for connection in self._open]
        rows = await in_thread(lambda: list(Session.objects.filter(agent_id__in=agents).select_related("agent__user")))
        by_agent = {row.agent_id: row for row in rows}
        for connection in list(self._open):
            row = by_agent.get(connection.agent_id)
            if row is None:
                continue
            if not row.agent.user.is_active:
                await connection.shut(Closed.SIGNED_OUT)
            elif row.connection_epoch > connection.epoch:
                await connection.replaced()
            elif not row.present:
                await in_thread(lambda connection=connection: connection.still_here(now=timezone.now()))  # type: ignore[misc]  # mypy cannot type a lambda with a default
            elif row.version > connection.shown:
                await connection.refresh()


class Connection(ABC, AsyncWebsocketConsumer):  # type: ignore[misc]  # channels has no types
    """One open console of one agent."""

    agent_id: int = 0
    epoch: int = 0
    shown: int = -1  # the newest version sent
    heard: float = 0  # monotonic
    heard_at: datetime

    # -- what the flow does with it; who is asked is said by the layer above

    @abstractmethod
    def console_opened(self, *, was: int | None, now: datetime) -> int | None:
        """This console is the newest; returns its epoch. `was`: the one it had, where it comes back; None where a newer one is open."""

    @abstractmethod
    def still_here(self, *, now: datetime) -> None:
        """It was called silent, and is open."""

    @abstractmethod
    def console_closed(self, *, now: datetime) -> None:
        """It is gone."""

    @abstractmethod
    def snapshot(self) -> console.Screen:
        """What the screen must say now."""

    @abstractmethod
    def carry_out(self, order: messages.Order, *, now: datetime) -> Done | Refusal:
        """What a command means."""

    @abstractmethod
    def look_up(self, question: messages.Question) -> messages.Found | Refusal:
        """What a question is answered with."""

    # -- opening and closing

    async def connect(self) -> None:
        await self.accept()  # before any refusal: a browser learns the reason only from the close code
        user = self.scope.get("user")
        if user is None or not user.is_authenticated or not user.is_active:
            await self.close(Closed.SIGNED_OUT)
            return
        found = await in_thread(lambda: Agent.objects.filter(user_id=user.pk).values_list("pk", flat=True).first())
        if found is None:
            await self.close(Closed.NO_AGENT)
            return
        self.agent_id = found
        self._left, self._refilled = float(BURST), time.monotonic()
        self._note_heard()
        house = House.here()
        await self.channel_layer.group_add(console.group(self.agent_id), self.channel_name)  # first: what is told from now on arrives
        try:
            await house.say_heard({self.agent_id: self.heard_at})
            epoch = await in_thread(lambda: self.console_opened(was=self._was(), now=timezone.now()))
            if epoch is None:
                await self.replaced()
                return
            self.epoch = epoch
            await self._older_ones_go()
            await self.refresh()
        except Exception:  # whatever it was, the screen tries again
            log.exception("the console of agent %s could not be opened", self.agent_id)
            await self.close(Closed.TRY_AGAIN)
            return
        house.enter(self)

    def _was(self) -> int | None:
        """Which console this page was before its connection was lost; None for one that was just loaded, or told to be used here."""
        said = parse_qs(self.scope.get("query_string", b"").decode("ascii", "replace")).get("console", [""])[0]
        return int(said) if said.isascii() and said.isdigit() and len(said) < 19 else None

    async def disconnect(self, code: int) -> None:
        if not self.agent_id:
            return
        House.here().leave(self)
        with contextlib.suppress(redis.RedisError, OSError):
            await self.channel_layer.group_discard(console.group(self.agent_id), self.channel_name)
        if self.epoch:
            try:
                await in_thread(lambda: self.console_closed(now=timezone.now()))
            except Exception:  # its silence will be found instead
                log.exception("the end of agent %s's console was not written down", self.agent_id)

    async def websocket_disconnect(self, message: dict[str, Any]) -> None:
        await self.disconnect(message["code"])
        raise StopConsumer  # the base class would also tidy a thread that we do not use

    async def shut(self, why: Closed) -> None:
        House.here().leave(self)
        await self.close(why)

    async def replaced(self) -> None:
        """A newer tab has the console."""
        await self.send(messages.Replaced().model_dump_json())
        await self.shut(Closed.REPLACED)

    async def _older_ones_go(self) -> None:
        group, newest = console.group(self.agent_id), {"type": console.OPENED, "epoch": self.epoch}
        with contextlib.suppress(redis.RedisError, OSError):  # the comparison finds them too
            await self.channel_layer.group_send(group, newest)

    # -- what the server tells

    async def screen_shown(self, told: dict[str, Any]) -> None:
        if told["epoch"] > self.epoch:
            await self.replaced()
        elif told["version"] > self.shown:
            self.shown = told["version"]
            await self.send(told["text"])

    async def screen_opened(self, told: dict[str, Any]) -> None:
        if told["epoch"] > self.epoch:
            await self.replaced()

    async def screen_told(self, told: dict[str, Any]) -> None:
        await self.send(told["text"])

    async def screen_shut(self, told: dict[str, Any]) -> None:
        await self.shut(Closed(told["why"]))

    async def refresh(self) -> int:
        """A fresh state, whatever was told before; its version."""
        screen = await in_thread(self.snapshot)
        if screen.connection_epoch > self.epoch:
            await self.replaced()
        else:
            self.shown = screen.version
            await self.send(console.state(screen, now=timezone.now()))
        return screen.version

    # -- what the screen says

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        self._note_heard()
        if not self._may_speak():
            await self.shut(Closed.TOO_FAST)
            return
        if text_data is None or len(text_data) > messages.LONGEST:
            await self.shut(Closed.TOO_LONG)
            return
        try:
            command = messages.client_command.validate_json(text_data)
        except ValidationError as wrong:
            await self._answer(messages.not_understood(text_data, wrong))
            return
        match command:
            case messages.Ping():
                await self._pong(command)
            case messages.Hello():
                await self._greet(command)
            case command if isinstance(command, messages.Question):
                await self._reply(command)
            case _:
                await self._obey(command)

    async def _greet(self, hello: messages.Hello) -> None:
        if hello.protocol == messages.PROTOCOL:
            await self._answer(messages.Answer(id=hello.id, ok=True))
        else:
            await self._answer(messages.Answer(id=hello.id, ok=False, sentence=say("This page is not of the server's version. Reload it.")))

    async def _pong(self, ping: messages.Ping) -> None:
        house = House.here()
        version = await house.version_of(self.agent_id)
        await self.send(messages.Pong(version=version, now=timezone.now()).model_dump_json())
        if ping.version != version and await self.refresh() != version:
            await house.forget_version(self.agent_id)

    async def _reply(self, question: messages.Question) -> None:
        try:
            found = await in_thread(lambda: self.look_up(question))
        except Exception:
            log.exception("agent %s could not be told about %s", self.agent_id, question.type)
            found = Refusal("The server could not look that up just now. Try again.")
        match found:
            case Refusal(sentence):
                await self._answer(messages.Answer(id=question.id, ok=False, sentence=sentence))
            case data:
                await self._answer(messages.Answer(id=question.id, ok=True, data=data))

    async def _obey(self, order: messages.Order) -> None:
        """Carries out an order once; a repeat gets the answer of the first time, for which it waits a while."""
        until = time.monotonic() + STILL_AT_IT
        try:
            while (answer := await in_thread(lambda: self._alone(order))) is _Unanswered.AT_IT and time.monotonic() < until:
                await asyncio.sleep(LOOK_EVERY)
        except Exception:
            log.exception("%s of agent %s failed", order.type, self.agent_id)
            answer = messages.Answer(id=order.id, ok=False, sentence=say("The server could not do that just now. Try again."))
        match answer:
            case messages.Answer():
                await self._answer(answer)
            case _Unanswered.AT_IT:
                await self._answer(_not_known(order))
            case _Unanswered.NEVER:
                await self.replaced()

    def _alone(self, order: messages.Order) -> "messages.Answer | _Unanswered":
        """Under a lock that PostgreSQL lets go of when the process that holds it has died, and not before: whoever has it and finds no answer
        knows that nobody is at it."""
        key = int.from_bytes(order.id.bytes[8:], signed=True)
        if not sql.rows("SELECT pg_try_advisory_lock(%s) AS had", [key])[0].had:
            return _Unanswered.AT_IT
        try:
            return self._once(order)
        finally:
            sql.rows("SELECT pg_advisory_unlock(%s)", [key])

    def _once(self, order: messages.Order) -> "messages.Answer | _Unanswered":
        if self._begin(order, now=timezone.now()):
            return self._carry_out(order)
        stored = Asked.objects.filter(pk=order.id, agent_id=self.agent_id).values_list("answer", flat=True).first()
        if stored is None:
            return _Unanswered.NEVER
        if stored:
            return messages.Answer(**stored)
        return _kept(order, _not_known(order)) if order.type in ONCE_ONLY else self._carry_out(order)  # every other step bears it

    def _begin(self, order: messages.Order, *, now: datetime) -> bool:
        """Writes the order down, in a transaction of its own: the flow commits before it talks to a carrier. Not a repeat, nor an older tab's."""
        return bool(
            sql.changed(
                f"INSERT INTO {Asked._meta.db_table} (id, agent_id, kind, at, answer)"
                f" SELECT %(id)s, agent_id, %(kind)s, %(now)s, '{{}}' FROM {Session._meta.db_table}"
                " WHERE agent_id = %(agent)s AND connection_epoch = %(epoch)s ON CONFLICT (id) DO NOTHING",
                {"id": order.id, "kind": order.type, "now": now, "agent": self.agent_id, "epoch": self.epoch},
            )
        )

    def _carry_out(self, order: messages.Order) -> messages.Answer:
        try:
            match self.carry_out(order, now=timezone.now()):
                case Refusal(sentence, problems):
                    shown = [messages.ProblemShown(where=one.where, sentence=one.sentence) for one in problems]
                    answer = messages.Answer(id=order.id, ok=False, sentence=sentence, problems=shown)
                case Done():
                    answer = messages.Answer(id=order.id, ok=True)
        except Exception:
            if order.type in ONCE_ONLY:
                _kept(order, _not_known(order))
            else:
                Asked.objects.filter(pk=order.id).delete()  # it was not done: the same order may be given again
            raise
        return _kept(order, answer)

    async def _answer(self, answer: messages.Answer) -> None:
        await self.send(answer.model_dump_json())

    async def send(self, text_data: str | None = None, bytes_data: bytes | None = None, close: bool = False) -> None:
        with contextlib.suppress(RuntimeError, OSError):  # it closed meanwhile; what was to be said is in the row
            await super().send(text_data, bytes_data, close)

    async def close(self, code: int | None = None, reason: str | None = None) -> None:
        with contextlib.suppress(RuntimeError, OSError):
            await super().close(code, reason)

    async def dispatch(self, message: dict[str, Any]) -> None:
        await getattr(self, get_handler_name(message))(message)

    def _note_heard(self) -> None:
        self.heard, self.heard_at = time.monotonic(), timezone.now()

    def _may_speak(self) -> bool:
        now = time.monotonic()
        self._left = min(BURST, self._left + (now - self._refilled) * RATE)
        self._refilled = now
        self._left -= 1
        return self._left >= 0


def _not_known(order: messages.Order) -> messages.Answer:
    return messages.Answer(id=order.id, ok=False, sentence=NOT_KNOWN)


def _kept(order: messages.Order, answer: messages.Answer) -> messages.Answer:
    """For repeats; the first one stands."""
    Asked.objects.filter(pk=order.id, answer={}).update(answer=answer.model_dump(mode="json"))
    return answer
