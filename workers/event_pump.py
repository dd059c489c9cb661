"""Reads one telephony node's events and hands them to the flow: in order for each call, several calls folded into one transaction.

One pump per node listens; others stand by. While nobody listens nothing is dialed on the node; on connecting, everything is reconciled by
listing, since what happened in between was told to nobody. Answers go first and at once, ringing and endings are grouped. The two-second
timer of every answer runs here; should the pump die, the carrier's own guard speaks, and the sweep looks.

Who listens is settled by an advisory lock, which passes on in the moment its holder dies, and by the lease, whose epoch only rises: a
holder that neither lives nor dies has its connection ended once the lease has run out. Where PostgreSQL is lost the pump keeps listening
and keeps what it was told until it can be written down; where the carrier is silent it keeps listening and nothing is dialed meanwhile.
"""

import heapq
import logging
import math
import os
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection
from django.utils import timezone

from campaigns.flow import progress, sweep, third_parties
from dialer_project.lib import alive, sql
from dialer_project.lib.failpoints import Failpoint, reached
from telephony import calls, commands, media, nodes, reconciliation
from telephony.calls import ANSWERED_WITHIN, CarrierEvent
from telephony.drivers.base import CarrierDown, CarrierTimeout, CarrierUnreachable, LostCarrier, Replaced, Subscription
from telephony.nodes import LISTENER, Lease, NodeAway
from telephony.rules.events import Happened
from telephony.rules.hangup_causes import Cause

if TYPE_CHECKING:
    from telephony.models import Node

log = logging.getLogger(__name__)

GROUP_FOR = 0.02
GROUP_AT_MOST = 400
SAY_SO_EVERY = 1.0
# what was told before a listing was made arrives within this
TOLD_WITHIN = 0.05
STAND_BY_FOR = 0.15
MISSING_FOR = 0.8
HAND_OVER_FOR = 2.0
# a row that somebody holds: the others' answers wait no longer than this for it
LOCK_TIMEOUT_MS = 250
TRY_AGAIN_EVERY = 1.0
TRY_AGAIN_FOR = 20.0


@dataclass(slots=True)
class Timers:
    """When each answered customer's two seconds are over, on the monotonic clock. A verdict on the voice makes it sooner."""

    due: list[tuple[float, UUID]] = field(default_factory=list)
    running: dict[UUID, datetime] = field(default_factory=dict)

    def start(self, call_id: UUID, *, since: datetime, now: datetime) -> None:
        if call_id in self.running and self.running[call_id] <= since:
            return
        self.running[call_id] = since
        left = (since + ANSWERED_WITHIN - now).total_seconds()
        heapq.heappush(self.due, (time.monotonic() + left, call_id))

    def wait(self, at_most: float) -> float:
        return max(0.0, min(at_most, self.due[0][0] - time.monotonic())) if self.due else at_most

    def over(self) -> list[UUID]:
        found = []
        moment = time.monotonic()
        while self.due and self.due[0][0] <= moment:
            found.append(heapq.heappop(self.due)[1])
        for call_id in found:
            self.running.pop(call_id, None)
        return found


@dataclass(slots=True)
class Stuck:
    """What was told of one call and could not be written: a row of it is held, or we do not cope with it. Kept in order, tried again."""

    events: list[CarrierEvent]
    until: float
    again_at: float


class Pump:
    """One node's listener. `run` returns when `stopping` is set."""

    def __init__(self, node: "Node", *, stopping: threading.Event, sweeps: bool = True, say: Callable[[str], None] = log.info) -> None:
        self.node, self.stopping, self.sweeps, self.say = node, stopping, sweeps, say
        self.holder = f"{socket.gethostname()}:{os.getpid()}"
        self.timers = Timers()
        self.seen_orphans: set[UUID] = set()
        self.missing: dict[UUID, float] = {}  # since when the listing has not had a call of ours
        self._stuck: dict[UUID | None, Stuck] = {}
        self._locked_by: Any = None  # the session that has the lock: a new one in its place has not
        self._looked_at_holder = 0.0
        self._said = ""
        self._down_since: float | None = None

    def run(self) -> None:
        sweeper = threading.Thread(target=self._sweep, name="sweep", daemon=True)
        if self.sweeps:
            sweeper.start()
        while not self.stopping.is_set():
            try:
                if self._has_the_lock():
                    self._conclude_if_gone()
                    self._listen()
                else:
                    self._stand_by()
            except (CarrierUnreachable, CarrierTimeout, LostCarrier, NodeAway) as away:
                self._down_since = (self._down_since or time.monotonic()) if isinstance(away, CarrierDown) else None
                self._say_once(f"{self.node.name}: {away or type(away).__name__}; trying again")
                self.stopping.wait(0.2)
            except Replaced:
                self._say_once(f"{self.node.name}: another listener has taken over")
                self._unlock()
                self.stopping.wait(2)
            except DatabaseError as error:
                self._say_once(f"PostgreSQL: {str(error).splitlines()[0]}; trying again")
                connection.close()
                self.stopping.wait(0.2)
        connection.close()
        if sweeper.is_alive():
            sweeper.join(timeout=1.5)

    # --- who listens -----------------------------------------------------------------------------------------------------------

    def _has_the_lock(self) -> bool:
        """Held by this session for as long as it lives; never taken twice, so that letting go once is letting go."""
        if self._locked_by is not None and self._locked_by is connection.connection:
            return True
        had = sql.rows("SELECT pg_try_advisory_lock(%s, %s) AS had", [LISTENER, self.node.pk])[0].had
        self._locked_by = connection.connection if had else None
        if had:
            sql.rows("SELECT set_config('lock_timeout', %s, false)", [f"{LOCK_TIMEOUT_MS}ms"])
        return bool(had)

    def _unlock(self) -> None:
        if self._locked_by is not None and self._locked_by is connection.connection:
            sql.rows("SELECT pg_advisory_unlock(%s, %s)", [LISTENER, self.node.pk])
        self._locked_by = None

    def _stand_by(self) -> None:
        self._say_once(f"standing by for {self.node.name}")
        moment = time.monotonic()
        if moment - self._looked_at_holder >= SAY_SO_EVERY:
            self._looked_at_holder = moment
            nodes.end_frozen_listener(self.node, now=timezone.now())
            self._works()
        self.stopping.wait(STAND_BY_FOR)

    def _conclude_if_gone(self) -> None:
        """Nothing has run at its address for so long that its calls are over, and its agents need not wait for it."""
        if self._down_since is not None and time.monotonic() - self._down_since >= nodes.GONE_AFTER.total_seconds():
            self._say_once(f"{self.node.name}: nothing runs there any more, its calls are over")
            progress.node_gone(self.node.pk, now=timezone.now())
            self._down_since = None

    def _listen(self) -> None:
        with nodes.driver(self.node).listen() as subscription:
            self._down_since = None
            lease = self._take_lease(subscription)
            self._say_once(f"listening to {self.node.name}, epoch {lease.epoch}")
            try:
                self._follow(subscription, lease)
            finally:
                if connection.is_usable():
                    nodes.stopped_listening(lease, now=timezone.now())
                    self._unlock()

    def _take_lease(self, subscription: Subscription) -> Lease:
        """From here on others know who listens. A loss of PostgreSQL in between is waited for: what is told meanwhile is told to us alone."""
        while not self.stopping.is_set():
            try:
                if not self._has_the_lock():
                    break
                return nodes.take_lease(self.node, holder=self.holder, boot=subscription.boot, now=timezone.now())
            except DatabaseError:
                connection.close()
                self.stopping.wait(0.1)
        raise Replaced

    def _regain(self, lease: Lease) -> None:
        """PostgreSQL was lost and is back: the node is ours still, or somebody else's by now."""
        while not self.stopping.is_set():
            connection.close()
            try:
                if not self._has_the_lock() or not nodes.still_listening(lease, now=timezone.now()):
                    raise Replaced
                return
            except DatabaseError:
                self.stopping.wait(0.1)

    # --- what is told ----------------------------------------------------------------------------------------------------------

    def _follow(self, subscription: Subscription, lease: Lease) -> None:
        """Until stopping, Replaced or LostCarrier. What was heard and not yet written is written after a loss of PostgreSQL."""
        heard: list[CarrierEvent] = []
        say_so, reconcile = time.monotonic(), -math.inf
        replies = True
        while not self.stopping.is_set():
            try:
                moment = time.monotonic()
                if moment - reconcile >= (SAY_SO_EVERY if self.missing or not replies else settings.RECONCILE_EVERY):
                    replies = self._reconcile_again(subscription, lease)
                    reconcile = moment
                if moment - say_so >= SAY_SO_EVERY:
                    say_so = moment
                    if replies and not nodes.still_listening(lease, now=timezone.now()):
                        raise Replaced
                    if replies:
                        self._works()
                heard = heard or self._gather(subscription)
                self._handle(heard)
                heard = []
                self._times_up()
            except DatabaseError as error:
                if connection.is_usable():
                    log.exception("trying again")
                    continue
                self.say(f"PostgreSQL: {str(error).splitlines()[0]}; still listening")
                try:
                    self._regain(lease)
                except Replaced:
                    self._until_replaced(subscription, heard)
                # a commit whose reply was lost is done, and its timers were never started
                reconcile = -math.inf

    def _until_replaced(self, subscription: Subscription, heard: list[CarrierEvent]) -> None:
        """Somebody else has the lock and will listen in a moment. Until then what is told is told to us alone, and facts are anybody's to
        write down."""
        end = time.monotonic() + HAND_OVER_FOR
        while time.monotonic() < end:
            try:
                self._handle(heard)
                heard = self._gather(subscription)
            except DatabaseError:
                connection.close()
                self.stopping.wait(0.1)
        raise Replaced

    def _gather(self, subscription: Subscription) -> list[CarrierEvent]:
        """What is there; where nothing of it is urgent, what comes within twenty milliseconds more."""
        events = subscription.next(self.timers.wait(0.25), GROUP_AT_MOST)
        until = time.monotonic() + GROUP_FOR
        try:
            while events and len(events) < GROUP_AT_MOST and not any(calls.is_urgent(e) for e in events):
                left = until - time.monotonic()
                if left <= 0:
                    break
                events += subscription.next(self.timers.wait(left), GROUP_AT_MOST)
        except (LostCarrier, Replaced):
            pass  # what was told before it counts; the next look finds it again
        return events

    def _handle(self, events: Sequence[CarrierEvent]) -> None:
        if self._stuck:
            events = self._behind_the_stuck(events)
        if not events:
            return
        # a call whose answer is among these goes first, with everything told of it before
        urgent = {e.call_id for e in events if calls.is_urgent(e)}
        first = [e for e in events if e.call_id in urgent]
        rest = [e for e in events if e.call_id not in urgent]
        for group in (first, rest):
            if group:
                self._fold(group)

    def _behind_the_stuck(self, events: Sequence[CarrierEvent]) -> list[CarrierEvent]:
        """Of a call that is stuck nothing overtakes; what is to be tried again goes first. What is given up is found by listing."""
        free: list[CarrierEvent] = []
        moment = time.monotonic()
        for event in events:
            if stuck := self._stuck.get(event.call_id):
                stuck.events += [event] if event not in stuck.events else []
            else:
                free.append(event)
        for call_id, stuck in list(self._stuck.items()):
            if moment > stuck.until:
                log.error("the events of call %s were given up: %s", call_id, [e.kind.value for e in stuck.events])
                del self._stuck[call_id]
            elif moment >= stuck.again_at:
                stuck.again_at = moment + TRY_AGAIN_EVERY
                if self._alone(stuck.events):
                    del self._stuck[call_id]
        return free

    def _fold(self, events: Sequence[CarrierEvent]) -> None:
        """One transaction for all; where that fails, one for each call, so that one bad row keeps nobody else waiting."""
        if any(e.kind is Happened.ANSWERED for e in events):
            reached(Failpoint.ANSWER_HEARD)
        try:
            self._happened(events)
            return
        except Exception:  # a held row, or a bug that one call brings out: the other calls must not suffer for it
            if not connection.is_usable():
                raise
            log.warning("a group of %s events failed: one call after the other", len(events), exc_info=True)
        by_call: dict[UUID | None, list[CarrierEvent]] = {}
        for event in events:
            by_call.setdefault(event.call_id, []).append(event)
        moment = time.monotonic()
        for call_id, group in by_call.items():
            if not self._alone(group):
                self._stuck[call_id] = Stuck(list(group), until=moment + TRY_AGAIN_FOR, again_at=moment + TRY_AGAIN_EVERY)

    def _alone(self, events: Sequence[CarrierEvent]) -> bool:
        try:
            self._happened(events)
        except Exception:  # as above
            if not connection.is_usable():
                raise
            log.exception("the events of call %s failed, and are tried again", events[0].call_id)
            return False
        return True

    def _happened(self, events: Sequence[CarrierEvent]) -> None:
        now = timezone.now()
        for call in progress.happened(events, node_id=self.node.pk, now=now):
            self.timers.start(call.id, since=call.waits_since or now, now=now)

    def _times_up(self) -> None:
        if over := self.timers.over():
            self._first_the_stuck(over)
            try:
                progress.time_is_up(over, now=timezone.now())
            except Exception:  # as above; the carrier's own guard speaks, and the sweep looks again within a second
                if not connection.is_usable():
                    raise
                log.exception("the two seconds of %s calls are over, and it could not be written", len(over))

    def _first_the_stuck(self, over: Sequence[UUID]) -> None:
        """What could not be written of these calls may be that they talk: once more, before anybody is told that nobody came."""
        stuck = [self._stuck[call_id] for call_id in over if call_id in self._stuck]
        for each in stuck:
            each.again_at = 0.0
        if stuck:
            self._behind_the_stuck(())

    # --- what was not told -----------------------------------------------------------------------------------------------------

    def _reconcile(self, subscription: Subscription) -> None:
        """What the carrier holds against what we believe. Orphans are hung up at the second look, so that no call just sent is one."""
        listing = nodes.ask(self.node, lambda carrier: carrier.list())
        # first, before the carrier pulls them apart: conversations whose pump died before it could say that we have the customer
        commands.raise_guards(self.node.pk, dict.fromkeys(reconciliation.in_a_bridge(listing)))
        if heard := reconciliation.heard_the_message(listing, node_id=self.node.pk, node_name=self.node.name):
            self._handle(heard)
        # what was told before the listing is on its way, and says more than that a call is missing
        while events := subscription.next(self.timers.wait(TOLD_WITHIN), GROUP_AT_MOST):
            self._handle(events)
            if events[-1].at >= listing.at:
                break
        now = timezone.now()
        found = reconciliation.reconcile(listing, node_id=self.node.pk, node_name=self.node.name, now=now)
        if events := self._still_missing(found.events):
            self.say(f"{self.node.name}: {len(events)} facts found by listing")
            self._handle(events)
        progress.stations_listed(listing.stations, node_id=self.node.pk, now=now)
        for call_id, since in calls.waiting_since(self.node.pk):
            self.timers.start(call_id, since=since, now=now)
        third_parties.put_right(listing.bridges, node_id=self.node.pk)
        orphans = {call.call_id for call in found.orphans}
        commands.hang_up((self.node.pk, call_id) for call_id in orphans & self.seen_orphans)
        self.seen_orphans = orphans

    def _still_missing(self, found: Sequence[CarrierEvent]) -> list[CarrierEvent]:
        """That a call is gone is believed at the second look: who listened before us may be about to write how it ended."""
        moment = time.monotonic()
        gone = {e.call_id for e in found if e.call_id and e.kind is Happened.ENDED and e.cause is Cause.UNKNOWN}
        self.missing = {call_id: self.missing.get(call_id, moment) for call_id in gone}
        waiting = {call_id for call_id, since in self.missing.items() if moment - since < MISSING_FOR}
        for call_id in gone - waiting:
            del self.missing[call_id]
        return [e for e in found if e.call_id not in waiting]

    def _reconcile_again(self, subscription: Subscription, lease: Lease) -> bool:
        """A carrier that does not reply (False) is still listened to, and nothing is dialed there until it does."""
        try:
            self._reconcile(subscription)
        except NodeAway as away:
            nodes.stopped_listening(lease, now=timezone.now())
            self._say_once(f"{self.node.name}: {away}; still listening")
            return False
        return True

    # --- the second trigger ----------------------------------------------------------------------------------------------------

    def _sweep(self) -> None:
        """Of every deadline, in a thread and on a connection of its own."""
        slow = -math.inf
        while not self.stopping.wait(1.0):
            try:
                now = timezone.now()
                sweep.every_second(now=now)
                if time.monotonic() - slow > 15:
                    slow = time.monotonic()
                    sweep.every_quarter_minute(now=now)
                    self._bring_announcements()
            except DatabaseError:
                log.exception("the sweep lost its connection")
                connection.close()
        connection.close()

    def _bring_announcements(self) -> None:
        """Among the sounds of the node beside us, where they are played from whatever becomes of us."""
        if settings.ANNOUNCEMENTS_DIR and (new := media.bring_announcements(Path(settings.ANNOUNCEMENTS_DIR))):
            self.say(f"{self.node.name}: {len(new)} new announcements")

    @staticmethod
    def _works() -> None:
        """Listens under its lease to a carrier that replies, or stands by for one that does: no other pump is worth keeping."""
        alive.say_so(settings.ALIVE_DIR, "pump")

    def _say_once(self, line: str) -> None:
        if line != self._said:
            self._said = line
            self.say(line)
