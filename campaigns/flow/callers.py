"""Somebody has called us: a free agent takes them, or they wait in the same line as customers who have answered.

As in `match` Redis proposes and the insert of the Interaction decides; about the caller decides the row of the InboundCall.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from django.db import transaction

from agents import desk
from agents.desk import Change, NewWork, Seat
from agents.desk import Moved as Desk
from agents.live import board
from agents.live.board import Stale
from agents.rules.lifecycle import Phase, PhaseMove
from campaigns import querysets
from campaigns.flow import match
from campaigns.querysets import LeadStep
from campaigns.rules.lifecycle import LeadState
from dialer_project.lib import sql
from telephony import calls

# from being given to an agent to being heard by them, before another one is sought
JOINED_WITHIN = timedelta(seconds=3)
_TRIES = 5

_CALLER = """
    SELECT b.call_id, b.campaign_id, b.lead_id, b.phone_id, b.number, b.came_at, b.state, b.agent_id, b.interaction_id, c.node_id, k.name AS campaign,
        concat_ws(' ', p.first_name, p.last_name) AS name
    FROM campaigns_inboundcall b JOIN telephony_call c ON c.id = b.call_id JOIN campaigns_campaign k ON k.id = b.campaign_id
    LEFT JOIN campaigns_lead l ON l.id = b.lead_id LEFT JOIN campaigns_contact p ON p.id = l.contact_id
"""
_WAITS = "b.state = 'waiting' AND c.state = 'answered'"


def seek(call_ids: Sequence[UUID], *, now: datetime) -> set[UUID]:
    """Each to the longest free agent, else they wait. Returns those who wait."""
    waiting: set[UUID] = set()
    for row in sql.rows(f"{_CALLER} WHERE b.call_id = ANY(%s) AND {_WAITS} ORDER BY b.came_at", [list(call_ids)]):
        if not _found(row, now=now):
            waiting.add(row.call_id)
    return waiting


def _found(row: sql.Row, *, now: datetime) -> bool:
    for _ in range(_TRIES):
        try:
            proposed = board.answer(row.call_id, line=f"c{row.campaign_id}@{row.node_id}", at=row.came_at)
            if proposed is None:
                return False
            agent_id = proposed[0]
        except Stale:
            seats = desk.longest_free(f"c{row.campaign_id}", node_id=row.node_id)
            if not seats:
                return False
            agent_id = seats[0].agent_id
        if _open_for(row, agent_id, now=now):
            return True
    return False


def _open_for(row: sql.Row, agent_id: int, *, now: datetime) -> bool:
    """In a transaction that may be undone: the agent's insert first, then the caller's row. A record that is in somebody's hands or is
    finished is shown, and stays where it is."""
    with transaction.atomic():
        mine = bool(row.lead_id and querysets.busy([row.lead_id], now=now))
        work = NewWork(
            agent_id=agent_id,
            phase=Phase.CONNECTING,
            deadline=now + JOINED_WITHIN,
            campaign_id=row.campaign_id,
            lead_id=row.lead_id,
            owns_lead=mine,
            phone_id=row.phone_id,
            card={"campaign": row.campaign, "name": row.name, "number": row.number},
            call_id=row.call_id,
            origin="inbound",
            progress="answered",
        )
        opened = desk.open([work], needs="voice", now=now)
        if not opened or opened[0].work is None:
            transaction.set_rollback(True)
            return False
        given = sql.changed(
            """
            UPDATE campaigns_inboundcall SET state = 'given', agent_id = %s, interaction_id = %s, given_at = %s WHERE call_id = %s AND state = 'waiting'
            """,
            [agent_id, work.id, now, row.call_id],
        )
        if not given or not calls.give({row.call_id: work.id}):
            transaction.set_rollback(True)
            return False
        transaction.on_commit(partial(calls.resume, row.node_id, row.call_id), robust=True)
        match.join(row.node_id, bridge=work.id, agent_leg=opened[0].seat.leg, customer=row.call_id)
    return True


def give_waiting(call_id: UUID, seat: Seat, *, now: datetime) -> bool:
    """A free agent takes a caller who waits. False: not to be had any more."""
    rows = sql.rows(f"{_CALLER} WHERE b.call_id = %s AND {_WAITS}", [call_id])
    return bool(rows) and _open_for(rows[0], seat.agent_id, now=now)


def oldest_waiting(seat: Seat) -> UUID | None:
    """The caller who has waited longest in this agent's lines, by PostgreSQL alone."""
    if not seat.nailed_up or not seat.voice_ready:
        return None
    rows = sql.rows(
        f"{_CALLER} WHERE {_WAITS} AND c.node_id = %(node)s AND 'c' || b.campaign_id = ANY(%(lines)s) ORDER BY b.came_at LIMIT 1",
        {"node": seat.node_id, "lines": list(seat.lines)},
    )
    return rows[0].call_id if rows else None


def all_waiting() -> list[tuple[UUID, str, datetime]]:
    """For the rebuilt projection: (call, line, since)."""
    return [(row.call_id, f"c{row.campaign_id}@{row.node_id}", row.came_at) for row in sql.rows(f"{_CALLER} WHERE {_WAITS}")]


def agents_lost(agent_ids: Sequence[int], *, now: datetime) -> list[Desk]:
    """These agents cannot take the caller they were given: another one, or the caller waits again. Returns the desks that have lost them."""
    rows = sql.rows(f"{_CALLER} WHERE b.state = 'given' AND b.answered_at IS NULL AND b.agent_id = ANY(%s) FOR UPDATE OF b", [list(agent_ids)])
    return _back(rows, now=now) if rows else []


def not_joined(*, now: datetime) -> list[Desk]:
    """Given to an agent and not heard by them in time, whatever was lost."""
    rows = sql.rows(
        f"{_CALLER} WHERE b.state = 'given' AND b.answered_at IS NULL AND b.given_at <= %s AND c.state = 'answered' FOR UPDATE OF b SKIP LOCKED",
        [now - JOINED_WITHIN],
    )
    return _back(rows, now=now) if rows else []


def _back(rows: Sequence[sql.Row], *, now: datetime) -> list[Desk]:
    left = desk.move(
        PhaseMove.CLOSE, [Change(id=row.interaction_id, closed_because="agent_lost", keeps_place=True) for row in rows if row.interaction_id], now=now
    )
    let_go([row.lead_id for row in rows if row.lead_id], now=now)
    taken_back = {m.id for m in calls.take_back([row.call_id for row in rows])}
    again = [row.call_id for row in rows if row.call_id in taken_back]
    sql.changed("UPDATE campaigns_inboundcall SET state = 'waiting', agent_id = NULL, interaction_id = NULL WHERE call_id = ANY(%s)", [again])
    for row in rows:
        if row.call_id in taken_back and not _found(row, now=now):
            transaction.on_commit(partial(calls.hold, row.node_id, row.call_id), robust=True)
    return left


def let_go(lead_ids: Sequence[int], *, now: datetime) -> None:
    """Records that were taken in hand for a caller who was never heard: they wait as before."""
    if lead_ids:
        querysets.step(
            [
                LeadStep(
                    id=row.id,
                    state=LeadState.WAITING,
                    reason=row.reason,
                    next_call_at=row.next_call_at,
                    boost=row.boost,
                    reserved_for=row.reserved_for_id,
                )
                for row in sql.rows(
                    """
                    SELECT l.id, l.reason, l.next_call_at, l.boost, l.reserved_for_id FROM campaigns_lead l WHERE l.id = ANY(%s) AND l.state = 'busy'
                      AND NOT EXISTS (SELECT 1 FROM agents_interaction i WHERE i.lead_id = l.id AND i.owns_lead AND i.phase <> 'closed')
                      AND NOT EXISTS (SELECT 1 FROM campaigns_attempt a WHERE a.lead_id = l.id AND a.state = 'open')
                    """,
                    [list(lead_ids)],
                )
            ],
            now=now,
        )
