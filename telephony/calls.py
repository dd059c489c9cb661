"""Calls: planned, dialing, recorded, given, ended. The only writer of Call.

Facts come from the carrier's listener and are recorded whoever it is; each moves one row by compare-and-set, and a repeat finds no legal
move. What the carrier is told stands in `commands`.
"""

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from dialer_project.lib import sql
from dialer_project.lib.lifecycle import after, states_before
from telephony.rules.events import CarrierEvent as CarrierEvent
from telephony.rules.events import Happened
from telephony.rules.hangup_causes import Cause, HungUpBy
from telephony.rules.lifecycle import CALL, CallMove, CallState, Party, Verdict
from telephony.rules.numbers import NumberForm

# answer to agent or message, at most
ANSWERED_WITHIN = timedelta(seconds=2)
# between the plan and the last look; what is older is not sent any more
PLAN_HOLDS = timedelta(seconds=5)
# from the last look to the carrier; what was held up for longer is not sent any more
SENT_WITHIN = timedelta(seconds=1)
# an originate whose fate is unclear keeps its number this long after it could have rung: command time-out + ring + this
QUARANTINE = timedelta(seconds=30)
LOOK_AFTER = timedelta(seconds=10)
# a customer given to an agent is in the bridge, and written down as such, or lost, this long after their two seconds
JOINED_SURELY = timedelta(seconds=3)
# a message that has not begun by then is ordered again
BEGINS_WITHIN = timedelta(seconds=5)
AGENT_LEG = timedelta(hours=12)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A call to be made, not yet sent."""

    id: UUID
    party: Party
    node_id: int
    address: str
    ring_for: int  # seconds
    trunk_id: int | None = None
    caller_id: str = ""
    detect_for: int | None = None  # seconds


@dataclass(frozen=True, slots=True)
class Sending:
    """A call whose row says DIALING: the one process that moved it there sends it."""

    id: UUID
    party: Party
    node_id: int
    address: str
    trunk: str
    caller_id: str
    ring_for: int
    looked_at: float  # monotonic
    message: str = ""
    max_length: timedelta = AGENT_LEG
    auto_answer: bool = False
    detect_machine: timedelta | None = None
    numbers: NumberForm = NumberForm.PLUS


@dataclass(frozen=True, slots=True)
class Moved:
    """A call that has just moved, as its row stands now."""

    id: UUID
    party: Party
    node_id: int
    state: CallState
    address: str
    at: datetime
    rang_at: datetime | None
    answered_at: datetime | None
    connected_at: datetime | None
    announcing_at: datetime | None
    bridge: UUID | None
    cause: Cause | None
    hung_up_by: HungUpBy | None
    waits_since: datetime | None  # two seconds after this somebody must be heard
    verdict: Verdict | None


_COLUMNS = """
    c.id, c.party, c.node_id, c.state, c.address, c.rang_at, c.answered_at, c.connected_at, c.announcing_at, c.bridge, c.cause, c.hung_up_by,
    c.waits_since, c.verdict
"""
# the carrier still listens whether a machine speaks: the call can be given to an agent, and joined only once the verdict is there
LISTENS = "(c.detect_for IS NOT NULL AND c.verdict = '')"


def _moved(row: sql.Row, at: datetime) -> Moved:
    return Moved(
        row.id,
        Party(row.party),
        row.node_id,
        CallState(row.state),
        row.address,
        at,
        row.rang_at,
        row.answered_at,
        row.connected_at,
        row.announcing_at,
        row.bridge,
        Cause(row.cause) if row.cause else None,
        HungUpBy(row.hung_up_by) if row.hung_up_by else None,
        row.waits_since,
        Verdict(row.verdict) if row.verdict else None,
    )


def plan(plans: Sequence[Plan], *, now: datetime) -> None:
    """Writes the calls down before anything is sent. Inside the caller's transaction."""
    if not plans:
        return
    sql.changed(
        """
        INSERT INTO telephony_call (id, party, node_id, boot, trunk_id, address, caller_id, state, ring_for, planned_at, deadline, cause, hung_up_by,
            detect_for)
        SELECT p.id, p.party, p.node_id, n.boot, coalesce(p.trunk_id, way.id), p.address,
            coalesce(nullif(p.caller_id, ''), way.e164, ''), 'planned', p.ring_for, %(now)s, %(deadline)s, '', '',
            p.detect_for
        FROM json_to_recordset(%(plans)s::json)
            AS p(id uuid, party text, node_id bigint, trunk_id bigint, address text, caller_id text, ring_for int, detect_for int)
        JOIN telephony_node n ON n.id = p.node_id
        -- an ordinary number of our own people, called for no campaign: by the first way out, showing a number of its own
        LEFT JOIN LATERAL (
            SELECT t.id, (SELECT i.e164 FROM telephony_callerid i WHERE i.trunk_id = t.id AND i.verified ORDER BY i.id LIMIT 1) AS e164
            FROM telephony_trunk t WHERE t.enabled ORDER BY t.id LIMIT 1
        ) way ON p.trunk_id IS NULL AND p.party IN ('agent', 'supervisor') AND p.address LIKE '+%%'
        """,
        {
            "now": now,
            "deadline": now + PLAN_HOLDS,
            "plans": sql.records(
                {
                    "id": p.id,
                    "party": p.party,
                    "node_id": p.node_id,
                    "trunk_id": p.trunk_id,
                    "address": p.address,
                    "caller_id": p.caller_id,
                    "ring_for": p.ring_for,
                    "detect_for": p.detect_for,
                }
                for p in plans
            ),
        },
    )


def dialing(ids: Sequence[UUID], *, now: datetime, still: str = "true", params: Mapping[str, Any] | None = None) -> list[Sending]:
    """The last look: PLANNED becomes DIALING where the node still listens in the same run, the trunk is in use, the number that will be shown is
    verified and `still` holds.

    `still` is a condition over `c` (the call) that the caller built, with its named `params`. Calls that are not returned stay planned
    and are concluded as cancelled by their deadline, or at once by the caller.
    """
    if not ids:
        return []
    looked_at = time.monotonic()  # before it: what has waited for a row has waited
    found = sql.rows(
        f"""
        UPDATE telephony_call c SET state = 'dialing', dialing_at = %(now)s, deadline = %(now)s + make_interval(secs => c.ring_for) + %(look_after)s
        FROM telephony_node n, (
            -- in one order with whoever cancels several of them at once
            SELECT p.id FROM telephony_call p WHERE p.id = ANY(%(ids)s) AND p.state = 'planned' ORDER BY p.id FOR UPDATE
        ) held
        WHERE c.id = held.id AND c.state = 'planned' AND n.id = c.node_id AND n.enabled
          AND n.listening_until > %(now)s AND n.boot = c.boot
          AND NOT EXISTS (SELECT 1 FROM telephony_trunk t WHERE t.id = c.trunk_id AND NOT t.enabled)
          AND (c.caller_id = '' OR c.address NOT LIKE '+%%' OR EXISTS (SELECT 1 FROM telephony_callerid i WHERE i.e164 = c.caller_id AND i.verified))
          AND ({still})
        RETURNING c.id, c.party, c.node_id, c.address, c.caller_id, c.ring_for, c.detect_for,
            (SELECT t.endpoint FROM telephony_trunk t WHERE t.id = c.trunk_id) AS trunk,
            (SELECT t.numbers FROM telephony_trunk t WHERE t.id = c.trunk_id) AS numbers
        """,
        {"ids": list(ids), "now": now, "look_after": LOOK_AFTER, **(params or {})},
    )
    return [
        Sending(
            r.id,
            Party(r.party),
            r.node_id,
            r.address,
            r.trunk or "",
            r.caller_id,
            r.ring_for,
            looked_at,
            detect_machine=None if r.detect_for is None else timedelta(seconds=r.detect_for),
            numbers=NumberForm(r.numbers or NumberForm.PLUS),
        )
        for r in found
    ]


@dataclass(frozen=True, slots=True)
class Incoming:
    """Somebody calls us. number: theirs; to: ours."""

    id: UUID
    node_id: int
    number: str
    to: str
    at: datetime


def come_in(incoming: Sequence[Incoming], *, now: datetime) -> set[UUID]:
    """Writes down calls that ring at our end; returns those that are new."""
    if not incoming:
        return set()
    return {
        row.id
        for row in sql.rows(
            """
            INSERT INTO telephony_call (id, party, node_id, boot, address, caller_id, state, ring_for, planned_at, rang_at, deadline, cause, hung_up_by)
            SELECT i.id, 'caller', i.node_id, n.boot, i.number, i."to", 'ringing', 0, i.at, i.at, %(now)s + %(longest)s, '', ''
            FROM json_to_recordset(%(incoming)s::json) AS i(id uuid, node_id bigint, number text, "to" text, at timestamptz)
            JOIN telephony_node n ON n.id = i.node_id ON CONFLICT DO NOTHING RETURNING id
            """,
            {
                "now": now,
                "longest": AGENT_LEG,
                "incoming": sql.records({"id": i.id, "node_id": i.node_id, "number": i.number, "to": i.to, "at": i.at} for i in incoming),
            },
        )
    }


def unresolved(ids: Sequence[UUID], *, now: datetime) -> None:
    """The originate's fate is unclear: the numbers stay taken until it must have shown itself."""
    if ids:
        sql.changed(
            """
            UPDATE telephony_call SET state = 'unresolved', deadline = %(now)s + make_interval(secs => ring_for) + %(quarantine)s
            WHERE id = ANY(%(ids)s) AND state = 'dialing'
            """,
            {"ids": list(ids), "now": now, "quarantine": QUARANTINE},
        )


def ended(
    ends: Mapping[UUID, Cause],
    *,
    now: datetime,
    by: HungUpBy = HungUpBy.CARRIER,
    only: Iterable[CallState] = states_before(CALL, CallMove.ENDED),
) -> list[Moved]:
    """Ends calls we know to be over without an event: refused at once, never sent, lost with their node, quarantine over."""
    if not ends:
        return []
    found = sql.rows(
        f"""
        UPDATE telephony_call c SET state = 'ended', ended_at = %(now)s, cause = e.cause, hung_up_by = %(by)s
        FROM json_to_recordset(%(ends)s::json) AS e(id uuid, cause text)
        WHERE c.id = e.id AND c.state = ANY(%(only)s)
        RETURNING {_COLUMNS}
        """,
        {
            "now": now,
            "by": by.value,
            "ends": sql.records({"id": i, "cause": c.value} for i, c in ends.items()),
            "only": [s.value for s in only],
        },
    )
    return [_moved(row, now) for row in found]


# what each fact of the carrier does to the row
_MOVES: dict[Happened, CallMove] = {
    Happened.RANG: CallMove.RANG,
    Happened.ANSWERED: CallMove.ANSWERED,
    Happened.ENTERED_BRIDGE: CallMove.CONNECTED,
    Happened.ANNOUNCEMENT_STARTED: CallMove.ANNOUNCED,
    Happened.ENDED: CallMove.ENDED,
}
_STAMP: dict[CallMove, str] = {
    CallMove.RANG: "rang_at",
    CallMove.ANSWERED: "answered_at",
    CallMove.CONNECTED: "connected_at",
    CallMove.ANNOUNCED: "announcing_at",
    CallMove.ENDED: "ended_at",
}
# what our own commands say is written down before they are given: a message that is news to us is the carrier's own doing, and whatever
# it has put an end to within the two seconds was no conversation
_UNDOES = {CallMove.ANNOUNCED: ", connected_at = NULL"}


# what somebody on the line, or about to be, is waiting for
_URGENT = frozenset(
    {
        Happened.ANSWERED,
        Happened.HUMAN_DETECTED,
        Happened.MACHINE_DETECTED,
        Happened.ENTERED_BRIDGE,
        Happened.STATION_LOST,
        Happened.ANNOUNCEMENT_STARTED,
    }
)
_VERDICTS = {Happened.HUMAN_DETECTED: Verdict.HUMAN, Happened.MACHINE_DETECTED: Verdict.MACHINE}


def is_urgent(event: CarrierEvent) -> bool:
    """Whether this is to be written at once and alone, rather than grouped with others."""
    return event.kind in _URGENT


@dataclass(slots=True)
class Recorded:
    """What a batch of events came to: the calls that moved, by move; those about which the carrier told its verdict; and the events new to
    us that move no call."""

    moved: dict[CallMove, list[Moved]]
    heard: list[Moved]
    others: list[CarrierEvent]
    strangers: list[CarrierEvent]  # of channels without a live row: a late originate, executed after we gave up


def record(events: Sequence[CarrierEvent], *, node_id: int, now: datetime) -> Recorded:
    """Writes down what the carrier said, once each, and moves the calls. Two statements and one per kind of move, whatever the number.

    Within one call facts are applied in the order told; a batch may hold several of one call.
    """
    result = Recorded(defaultdict(list), [], [], [])
    if not events:
        return result
    new = {
        row.key
        for row in sql.rows(
            """
            INSERT INTO telephony_callevent (call_id, node_id, key, kind, at, recorded_at, data)
            SELECT e.call_id, %(node)s, e.key, e.kind, e.at, %(now)s, coalesce(e.data, '{}'::jsonb)
            FROM json_to_recordset(%(events)s::json) AS e(call_id uuid, key text, kind text, at timestamptz, data jsonb)
            ON CONFLICT (node_id, key) DO NOTHING RETURNING key
            """,
            {
                "node": node_id,
                "now": now,
                "events": sql.records(
                    {"call_id": e.call_id, "key": e.key, "kind": e.kind.value, "at": e.at, "data": _data(e)}
                    for e in {e.key: e for e in events}.values()
                ),
            },
        )
    }
    seen: set[str] = set()
    fresh = [e for e in events if e.key in new and not (e.key in seen or seen.add(e.key))]  # type: ignore[func-returns-value]  # add gives None, which is the point
    moving: dict[CallMove, dict[UUID, CarrierEvent]] = defaultdict(dict)
    for event in fresh:
        move = None if event.data.get("goes_on") else _MOVES.get(event.kind)
        if move is None or event.call_id is None:
            result.others.append(event)
        else:
            moving[move][event.call_id] = event
    for move in (CallMove.RANG, CallMove.ANSWERED, CallMove.CONNECTED, CallMove.ANNOUNCED, CallMove.ENDED):
        if move is CallMove.CONNECTED and (verdicts := [e for e in result.others if e.kind in _VERDICTS and e.call_id is not None]):
            result.heard = _heard(verdicts)
        by_call = moving.get(move)
        if not by_call:
            continue
        result.moved[move] = _apply(move, by_call)
        if move in (CallMove.CONNECTED, CallMove.ANNOUNCED) and (missing := by_call.keys() - {m.id for m in result.moved[move]}):
            # the answer itself was lost on the way: whoever hears us has answered
            result.moved[CallMove.ANSWERED] += _apply(CallMove.ANSWERED, {i: by_call[i] for i in missing})
            result.moved[move] += _apply(move, {i: by_call[i] for i in missing})
    if suspects := [e for e in fresh if e.kind in (Happened.RANG, Happened.ANSWERED) and e.call_id is not None]:
        had = {m.id for moved in result.moved.values() for m in moved}
        unknown = [e for e in suspects if e.call_id not in had]
        if unknown:
            live = {
                row.id for row in sql.rows("SELECT id FROM telephony_call WHERE id = ANY(%s) AND state <> 'ended'", [[e.call_id for e in unknown]])
            }
            result.strangers = [e for e in unknown if e.call_id not in live]
    return result


def _data(event: CarrierEvent) -> dict[str, str]:
    data = dict(event.data)
    if event.cause:
        data["cause"] = event.cause.value
    if event.bridge:
        data["bridge"] = str(event.bridge)
    return data


def _heard(verdicts: Sequence[CarrierEvent]) -> list[Moved]:
    """The carrier has made up its mind, once for each call. From now on the call can be joined, and the two seconds run."""
    found = sql.rows(
        f"""
        UPDATE telephony_call c SET verdict = e.verdict, verdict_at = e.at, verdict_why = e.why, waits_since = least(c.waits_since, e.at)
        FROM json_to_recordset(%(verdicts)s::json) AS e(id uuid, at timestamptz, verdict text, why text)
        WHERE c.id = e.id AND c.verdict = '' AND c.state <> 'ended' RETURNING {_COLUMNS}, e.at
        """,
        {
            "verdicts": sql.records(
                {"id": e.call_id, "at": e.at, "verdict": _VERDICTS[e.kind].value, "why": e.data.get("why", "")[:60]} for e in verdicts
            )
        },
    )
    return [_moved(row, row.at) for row in found]


def _apply(move: CallMove, by_call: Mapping[UUID, CarrierEvent]) -> list[Moved]:
    stamp = _STAMP[move]
    # a call in a conversation is looked at again when it must be over, one that waits for an agent when the two seconds are
    deadline = {
        CallMove.ANSWERED: "e.at + make_interval(secs => coalesce(c.detect_for, 0)) + %(answered_within)s",
        CallMove.CONNECTED: "e.at + %(longest)s",
        CallMove.ANNOUNCED: "e.at + %(look_after)s * 6",
    }.get(move, "c.deadline")
    since = ", waits_since = e.at + make_interval(secs => coalesce(c.detect_for, 0))" if move is CallMove.ANSWERED else ""
    # a customer is in a conversation only in the one they were given to: the bridge of an agent who was lost holds nobody else
    into = "AND (c.party <> 'customer' OR c.bridge = e.bridge)" if move is CallMove.CONNECTED else ""
    found = sql.rows(
        f"""
        UPDATE telephony_call c SET state = %(state)s, {stamp} = e.at, deadline = {deadline}{since}{_UNDOES.get(move, "")},
            cause = coalesce(e.cause, c.cause), hung_up_by = coalesce(e.by, c.hung_up_by)
        FROM json_to_recordset(%(events)s::json) AS e(id uuid, at timestamptz, cause text, by text, bridge uuid)
        WHERE c.id = e.id AND c.state = ANY(%(before)s) {into}
        RETURNING {_COLUMNS}, e.at
        """,
        {
            "state": after(CALL, move).value,
            "before": [s.value for s in states_before(CALL, move)],
            "answered_within": ANSWERED_WITHIN,
            "longest": AGENT_LEG,
            "look_after": LOOK_AFTER,
            "events": sql.records(
                {"id": i, "at": e.at, "cause": e.cause.value if e.cause else None, "by": e.by.value if e.by else None, "bridge": e.bridge}
                for i, e in by_call.items()
            ),
        },
    )
    return [_moved(row, row.at) for row in found]


def give(pairs: Mapping[UUID, UUID]) -> dict[UUID, bool]:
    """Customer's call -> conversation: each customer who is answered and free goes to one agent. Returns those who were still to be had, and
    whether they can be joined at once: not while the carrier listens for a machine. Whoever tells the verdict sees the conversation."""
    if not pairs:
        return {}
    return {
        row.id: row.at_once
        for row in sql.rows(
            f"""
            UPDATE telephony_call c SET bridge = p.bridge FROM json_to_recordset(%(pairs)s::json) AS p(id uuid, bridge uuid)
            WHERE c.id = p.id AND c.state = 'answered' AND c.bridge IS NULL RETURNING c.id, NOT {LISTENS} AS at_once
            """,
            {"pairs": sql.records({"id": call, "bridge": bridge} for call, bridge in pairs.items())},
        )
    }


def hand_on(call_id: UUID, bridge: UUID) -> bool:
    """A customer who talks goes on to another conversation; False where they have just gone."""
    return sql.changed("UPDATE telephony_call SET bridge = %s WHERE id = %s AND state = 'connected'", [bridge, call_id]) == 1


def waits_or_rings(call_id: UUID) -> bool:
    """Whether this customer is being called, or has answered and was given to nobody; under the lock on the call, so that it stays so."""
    return bool(
        sql.rows(
            """
            SELECT id FROM telephony_call
            WHERE id = %s AND (state IN ('planned', 'dialing', 'unresolved', 'ringing') OR (state = 'answered' AND bridge IS NULL)) FOR UPDATE
            """,
            [call_id],
        )
    )


def take_back(call_ids: Sequence[UUID]) -> list[Moved]:
    """The agent was lost before the customer entered the bridge: the customer may be given to another."""
    if not call_ids:
        return []
    found = sql.rows(
        f"UPDATE telephony_call c SET bridge = NULL WHERE c.id = ANY(%s) AND c.state = 'answered' RETURNING {_COLUMNS}", [list(call_ids)]
    )
    return [_moved(row, row.answered_at) for row in found]


def lost_with(node_id: int, *, now: datetime) -> list[Moved]:
    """Nothing runs at the node's address any more: its calls are over, and no others."""
    rows = sql.rows("SELECT id FROM telephony_call WHERE node_id = %s AND state NOT IN ('planned', 'ended') ORDER BY id FOR UPDATE", [node_id])
    return ended({row.id: Cause.NODE_LOST for row in rows}, now=now)


def customers_among(call_ids: Iterable[UUID]) -> set[UUID]:
    """Those of these calls that are, or were, ours to a customer."""
    return {row.id for row in sql.rows("SELECT id FROM telephony_call WHERE id = ANY(%s) AND party = 'customer'", [list(call_ids)])}


def announce(call_ids: Sequence[UUID], *, now: datetime) -> list[Moved]:
    """The two seconds are over: ANSWERED becomes ANNOUNCING, in a bridge's hands or not. Returns those who will hear the message."""
    if not call_ids:
        return []
    found = sql.rows(
        f"""
        UPDATE telephony_call c SET state = 'announcing', announcing_at = %(now)s, deadline = %(now)s + %(begins_within)s
        WHERE c.id = ANY(%(ids)s) AND c.state = 'answered' RETURNING {_COLUMNS}
        """,
        {"ids": list(call_ids), "now": now, "begins_within": BEGINS_WITHIN},
    )
    return [_moved(row, now) for row in found]


def announce_in_conversation(call_ids: Sequence[UUID], *, now: datetime) -> list[Moved]:
    """The agent's leg is lost for good, or a machine listens: CONNECTED becomes ANNOUNCING."""
    if not call_ids:
        return []
    found = sql.rows(
        f"""
        UPDATE telephony_call c SET state = 'announcing', announcing_at = %(now)s, deadline = %(now)s + %(begins_within)s
        WHERE c.id = ANY(%(ids)s) AND c.state = 'connected' RETURNING {_COLUMNS}
        """,
        {"ids": list(call_ids), "now": now, "begins_within": BEGINS_WITHIN},
    )
    return [_moved(row, now) for row in found]


def quarantine_over(*, now: datetime) -> list[Moved]:
    """Unclear originates that never showed themselves: ended as unknown, which has its own counted retry rule."""
    due = sql.rows("SELECT id FROM telephony_call WHERE state = 'unresolved' AND deadline < %s ORDER BY id LIMIT 200 FOR UPDATE SKIP LOCKED", [now])
    return ended({row.id: Cause.UNKNOWN for row in due}, now=now, only=(CallState.UNRESOLVED,))


def never_sent(*, now: datetime) -> list[Moved]:
    """Plans whose process died before the last look, or that a stop has overtaken: cancelled, and counted to no cap."""
    due = sql.rows("SELECT id FROM telephony_call WHERE state = 'planned' AND deadline < %s ORDER BY id LIMIT 200 FOR UPDATE SKIP LOCKED", [now])
    return ended({row.id: Cause.CANCELLED for row in due}, now=now, by=HungUpBy.US, only=(CallState.PLANNED,))


def unanswered_too_long(*, now: datetime) -> list[UUID]:
    """Customers who have waited for two seconds and have neither an agent nor the message: the pump's timer may have died with it.

    One who was given to an agent may be talking with them, and the pump be late to write it down: where it is not so the carrier's own
    guard has spoken by now, and they are looked at a little later.
    """
    return [
        row.id
        for row in sql.rows(
            """
            SELECT id FROM telephony_call WHERE state = 'answered' AND party = 'customer' AND waits_since <= %(over)s
              AND (bridge IS NULL OR waits_since <= %(surely)s) LIMIT 500
            """,
            {"over": now - ANSWERED_WITHIN, "surely": now - ANSWERED_WITHIN - JOINED_SURELY},
        )
    ]


def waiting_since(node_id: int) -> list[tuple[UUID, datetime]]:
    """Every customer of a node who has answered and hears nobody yet, and since when: whose two seconds a new listener must keep."""
    return [
        (row.id, row.waits_since)
        for row in sql.rows(
            "SELECT id, waits_since FROM telephony_call WHERE state = 'answered' AND party = 'customer' AND node_id = %s LIMIT 5000", [node_id]
        )
    ]
