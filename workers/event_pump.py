"""Reads one telephony node's events and hands them to the flow: in order for each call, several calls folded into one transaction.

One pump per node has the lease; others stand by. While nobody listens nothing is dialed on the node; on connecting, everything is
reconciled by listing, since what happened in between was told to nobody. Answers go first and at once, ringing and endings are grouped.
The two-second timer of every answer runs here; should the pump die, the carrier's own guard speaks, and the sweep looks.
"""

import heapq
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import Error as DatabaseError
from django.db import close_old_connections, connection
from django.utils import timezone

from campaigns.flow import progress, sweep
from dialer_project.lib import sql
from telephony import calls, nodes
from telephony.calls import ANSWERED_WITHIN, CarrierEvent
from telephony.drivers.base import CarrierTimeout, CarrierUnreachable, LostCarrier, Replaced, Subscription
from telephony.nodes import Lease, NodeAway

if TYPE_CHECKING:
    from telephony.models import Node

log = logging.getLogger(__name__)

# the advisory lock whose holder listens; it passes to a stand-by in milliseconds when the holder dies
LISTENER = 6
GROUP_FOR = 0.02
GROUP_AT_MOST = 400
SAY_SO_EVERY = 1.0
RECONCILE_EVERY = 10.0


@dataclass(slots=True)
class Timers:
    """When each answered customer's two seconds are over, on the monotonic clock."""

    due: list[tuple[float, UUID]] = field(default_factory=list)

    def start(self, call_id: UUID, *, answered_at: datetime, now: datetime) -> None:
        left = (answered_at + ANSWERED_WITHIN - now).total_seconds()
        heapq.heappush(self.due, (time.monotonic() + left, call_id))

    def wait(self, at_most: float) -> float:
        return max(0.0, min(at_most, self.due[0][0] - time.monotonic())) if self.due else at_most

    def over(self) -> list[UUID]:
        found = []
        moment = time.monotonic()
        while self.due and self.due[0][0] <= moment:
            found.append(heapq.heappop(self.due)[1])
        return found


class Pump:
    """One node's listener. `run` returns when `stopping` is set."""

    def __init__(self, node: "Node", *, stopping: threading.Event, sweeps: bool = True, say: Callable[[str], None] = log.info) -> None:
        self.node, self.stopping, self.sweeps, self.say = node, stopping, sweeps, say
        self.timers = Timers()
        self.seen_orphans: set[UUID] = set()
        self.holder = f"{socket.gethostname()}:{os.getpid()}"

    def run(self) -> None:
        sweeper = threading.Thread(target=self._sweep, name="sweep", daemon=True)
        if self.sweeps:
            sweeper.start()
        while not self.stopping.is_set():
            try:
                if self._has_the_lock():
                    self._listen()
            except (CarrierUnreachable, CarrierTimeout, LostCarrier, NodeAway) as away:
                self.say(f"{self.node.name}: {away or type(away).__name__}; trying again")
                self.stopping.wait(0.5)
            except Replaced:
                self.say(f"{self.node.name}: another listener has taken over")
                self.stopping.wait(2)
            except DatabaseError as error:
                self.say(f"PostgreSQL: {str(error).splitlines()[0]}; trying again")
                close_old_connections()
                self.stopping.wait(0.5)
        if sweeper.is_alive():
            sweeper.join(timeout=5)

    def _has_the_lock(self) -> bool:
        """Held by this connection for as long as it lives. A stand-by asks again and again, half a second each."""
        if sql.rows("SELECT pg_try_advisory_lock(%s, %s) AS had", [LISTENER, self.node.pk])[0].had:
            return True
        self.stopping.wait(0.2)
        return False

    def _listen(self) -> None:
        carrier = nodes.driver(self.node)
        with carrier.listen() as subscription:
            lease = nodes.take_lease(self.node, holder=self.holder, boot=subscription.boot, now=timezone.now())
            try:
                self.say(f"listening to {self.node.name}, epoch {lease.epoch}")
                self._reconcile()
                self._follow(subscription, lease)
            finally:
                if connection.is_usable():
                    nodes.stopped_listening(lease)
                    sql.rows("SELECT pg_advisory_unlock(%s, %s)", [LISTENER, self.node.pk])

    def _follow(self, subscription: Subscription, lease: Lease) -> None:
        say_so = reconcile = time.monotonic()
        while not self.stopping.is_set():
            self._handle(self._gather(subscription))
            if over := self.timers.over():
                progress.time_is_up(over, now=timezone.now())
            moment = time.monotonic()
            if moment - say_so >= SAY_SO_EVERY:
                say_so = moment
                if not nodes.still_listening(lease, now=timezone.now()):
                    raise Replaced
            if moment - reconcile >= RECONCILE_EVERY:
                reconcile = moment
                self._reconcile()

    def _gather(self, subscription: Subscription) -> list[CarrierEvent]:
        """What is there; where nothing of it is urgent, what comes within twenty milliseconds more."""
        events = subscription.next(self.timers.wait(0.25), GROUP_AT_MOST)
        until = time.monotonic() + GROUP_FOR
        while events and len(events) < GROUP_AT_MOST and not any(calls.is_urgent(e) for e in events):
            left = until - time.monotonic()
            if left <= 0:
                break
            events += subscription.next(self.timers.wait(left), GROUP_AT_MOST)
        return events

    def _handle(self, events: Sequence[CarrierEvent]) -> None:
        if not events:
            return
        # a call whose answer is among these goes first, with everything told of it before
        urgent = {e.call_id for e in events if calls.is_urgent(e)}
        first = [e for e in events if e.call_id in urgent]
        rest = [e for e in events if e.call_id not in urgent]
        for group in (first, rest):
            if group:
                self._fold(group)

    def _fold(self, events: Sequence[CarrierEvent]) -> None:
        """One transaction for all; where that fails, one for each call, so that one bad row keeps nobody else waiting."""
        now = timezone.now()
        try:
            answered = progress.happened(events, node_id=self.node.pk, now=now)
        except DatabaseError:
            if not connection.is_usable():
                raise
            log.exception("a group of %s events failed: one call after the other", len(events))
            answered = []
            by_call: dict[UUID | None, list[CarrierEvent]] = {}
            for event in events:
                by_call.setdefault(event.call_id, []).append(event)
            for call_id, group in by_call.items():
                try:
                    answered += progress.happened(group, node_id=self.node.pk, now=now)
                except DatabaseError:
                    if not connection.is_usable():
                        raise
                    log.exception("the events of call %s failed; reconciliation will find what they said", call_id)
        for call in answered:
            self.timers.start(call.id, answered_at=call.answered_at or now, now=now)

    def _reconcile(self) -> None:
        """What the carrier holds against what we believe. Orphans are hung up at the second look, so that no call just sent is one."""
        listing = nodes.ask(self.node, lambda carrier: carrier.list())
        now = timezone.now()
        found = calls.reconcile(listing, node_id=self.node.pk, node_name=self.node.name, now=now)
        if found.events:
            self.say(f"{self.node.name}: {len(found.events)} facts found by listing")
            self._fold(found.events)
        calls.raise_guard(self.node.pk, calls.in_a_bridge(listing))
        orphans = {call.call_id for call in found.orphans if not call.incoming}
        calls.hang_up((self.node.pk, call_id) for call_id in orphans & self.seen_orphans)
        self.seen_orphans = orphans

    def _sweep(self) -> None:
        """The second trigger of every deadline, in a thread and on a connection of its own."""
        slow = time.monotonic()
        while not self.stopping.wait(1.0):
            try:
                now = timezone.now()
                sweep.every_second(now=now)
                if time.monotonic() - slow > 15:
                    slow = time.monotonic()
                    sweep.every_quarter_minute(now=now)
            except DatabaseError:
                log.exception("the sweep lost its connection")
                close_old_connections()
