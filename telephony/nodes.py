"""Telephony nodes: who listens to them, which run of theirs this is, and whether they can be asked at all."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from dialer_project.lib import sql
from telephony.drivers.base import Carrier, CarrierTimeout, CarrierUnreachable
from telephony.drivers.choose import carrier
from telephony.models import Node

# A listener that has not said so for this long is taken for dead; nothing is dialed on its node from then on.
LISTENING_FOR = timedelta(seconds=6)
# A node that nobody has heard of for this long gives its free agents to others; one at whose address nothing runs has lost its calls.
GONE_AFTER = timedelta(seconds=10)
# a condition over `n`, a node: something may be dialed there, with now
DIALABLE = "n.enabled AND NOT n.draining AND n.listening_until > %(now)s"
# whose agents are better placed elsewhere, with now and gone
LEFT = "(n.draining OR NOT n.enabled OR coalesce(n.silent_since, n.listening_until, '-infinity') < %(now)s - %(gone)s)"
# the class of the advisory lock whose holder listens; it passes to a stand-by in the moment the holder dies
LISTENER = 6
# After this many failures in a row a node is left alone for a while, so that one sick node parks nobody.
FAILURES_TO_OPEN = 3
OPEN_FOR = 2.0

T = TypeVar("T")


@dataclass(slots=True)
class _Breaker:
    failures: int = 0
    open_until: float = 0.0


_breakers: dict[int, _Breaker] = {}
_lock = threading.Lock()


class NodeAway(Exception):
    """The node did not answer: what was asked may or may not be done, unless `maybe_done` is False; then it was never sent."""

    def __init__(self, why: str, *, maybe_done: bool = True) -> None:
        super().__init__(why)
        self.maybe_done = maybe_done


def driver(node: Node) -> Carrier:
    return carrier(node.driver, node.url)


def ask(node: Node, question: Callable[[Carrier], T]) -> T:
    """One command to a node behind its breaker; NodeAway when it cannot be asked. Commands are idempotent, facts come as events."""
    breaker = _breakers.setdefault(node.pk, _Breaker())
    if time.monotonic() < breaker.open_until:
        raise NodeAway(f"{node.name} did not answer {FAILURES_TO_OPEN} times in a row and is left alone for a moment", maybe_done=False)
    try:
        answer = question(driver(node))
    except (CarrierTimeout, CarrierUnreachable) as error:
        with _lock:
            breaker.failures += 1
            if breaker.failures >= FAILURES_TO_OPEN:
                breaker.open_until = time.monotonic() + OPEN_FOR
                breaker.failures = 0
        raise NodeAway(str(error) or type(error).__name__, maybe_done=isinstance(error, CarrierTimeout)) from error
    breaker.failures = 0
    return answer


_known: dict[int, Node] = {}


def by_id(node_id: int) -> Node:
    """A node's name, driver and address; kept for the life of the process unless its row says otherwise (`forget`)."""
    node = _known.get(node_id)
    if node is None:
        node = _known[node_id] = Node.objects.get(pk=node_id)
    return node


def forget() -> None:
    """A node's address has changed, or tests start over."""
    _known.clear()
    _breakers.clear()


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to listen to a node. Commands carry its epoch, facts need none."""

    node_id: int
    epoch: int


def take_lease(node: Node, *, holder: str, boot: str, now: datetime) -> Lease:
    """Become the node's listener: a higher epoch fences whoever listened before."""
    epoch = sql.rows(
        """
        UPDATE telephony_node SET lease_holder = %(holder)s, lease_epoch = lease_epoch + 1, boot = %(boot)s, listening_until = %(until)s,
            silent_since = NULL
        WHERE id = %(id)s RETURNING lease_epoch
        """,
        {"id": node.pk, "holder": holder, "boot": boot, "until": now + LISTENING_FOR},
    )[0].lease_epoch
    return Lease(node.pk, epoch)


def still_listening(lease: Lease, *, now: datetime) -> bool:
    """Says so once a second. False: somebody else has taken over, stop at once."""
    return (
        sql.changed(
            "UPDATE telephony_node SET listening_until = %(until)s, silent_since = NULL WHERE id = %(id)s AND lease_epoch = %(epoch)s",
            {"id": lease.node_id, "epoch": lease.epoch, "until": now + LISTENING_FOR},
        )
        == 1
    )


def end_frozen_listener(node: Node, *, now: datetime) -> bool:
    """A listener that neither listens nor dies (frozen, or on a host that is gone without a word) keeps its lock for as long as PostgreSQL
    believes in its connection: once its lease has run out that connection is ended, and the lock is free."""
    if not sql.rows("SELECT id FROM telephony_node WHERE id = %s AND listening_until < %s", [node.pk, now]):
        return False
    ended = sql.rows(
        """
        SELECT pg_terminate_backend(pid) FROM pg_locks
        WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
          AND classid = %s AND objid = %s AND objsubid = 2 AND granted AND pid <> pg_backend_pid()
        """,
        [LISTENER, node.pk],
    )
    return bool(ended)


def stopped_listening(lease: Lease, *, now: datetime) -> None:
    """The connection for events is gone: no listener, no originate."""
    sql.changed(
        "UPDATE telephony_node SET listening_until = NULL, silent_since = coalesce(silent_since, %s) WHERE id = %s AND lease_epoch = %s",
        [now, lease.node_id, lease.epoch],
    )


def browser_addresses() -> list[str]:
    """Where pages' phones may connect, of every node that takes them."""
    return list(Node.objects.filter(enabled=True).exclude(browser_url="").order_by("id").values_list("browser_url", flat=True))


def listens(node_id: int | None, *, now: datetime) -> Node | None:
    """This node, if somebody listens to it."""
    return Node.objects.filter(pk=node_id, enabled=True, listening_until__gt=now).first() if node_id is not None else None


def for_new_agents(*, agents: Mapping[int, int], now: datetime) -> list[Node]:
    """The nodes that can carry another agent, the least loaded first: by calls and `agents` (node -> how many sit there) for each call it may
    carry. One that has just failed to answer comes last; full, draining and unheard ones are left out."""
    live = {
        row.id: row.live
        for row in sql.rows(
            f"""
            SELECT n.id, (SELECT count(*) FROM telephony_call c WHERE c.node_id = n.id AND c.state <> 'ended') AS live FROM telephony_node n
            WHERE {DIALABLE}
            """,
            {"now": now},
        )
    }
    room = [node for node in Node.objects.filter(pk__in=list(live)) if live[node.pk] < node.max_calls]
    return sorted(room, key=lambda node: (_is_open(node), (live[node.pk] + agents.get(node.pk, 0)) / node.max_calls, node.pk))


def _is_open(node: Node) -> bool:
    """Whether its breaker is, in this process."""
    breaker = _breakers.get(node.pk)
    return breaker is not None and time.monotonic() < breaker.open_until


def node_named(name: str) -> Node | None:
    """The node of that name, or the first enabled one for an empty name."""
    found = Node.objects.filter(enabled=True).order_by("id")
    return (found.filter(name=name) if name else found).first()
