"""Somebody has called us: a free agent takes them, or they wait in the same line as customers who have answered.

As in `match` Redis proposes and the insert of the Interaction decides; about the caller decides the row of the InboundCall. Where nobody is
free at a phone that stays connected, one that is called for each call rings, and the caller hears music until it is picked up.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
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
from dialer_project.lib import sql, wake
from telephony import calls, commands

# from being given to an agent to being heard by them, before another one is sought
JOINED_WITHIN = timedelta(seconds=3)
_TRIES = 5
# of the work of whoever takes a caller
ORIGIN = "inbound"

_CALLER = """
    SELECT b.call_id, b.campaign_id, b.lead_id, b.phone_id, b.number, b.came_at, b.state, b.agent_id, b.interaction_id, b.not_taken_by_id, c.node_id,
        k.name AS campaign, k.ring_agent_for,
        concat_ws(' ', p.first_name, p.last_name) AS name
    FROM campaigns_inboundcall b JOIN telephony_call c ON c.id = b.call_id JOIN campaigns_campaign k ON k.id = b.campaign_id
    LEFT JOIN campaigns_lead l ON l.id = b.lead_id LEFT JOIN campaigns_contact p ON p.id = l.contact_id
"""
_WAITS = "b.state = 'waiting' AND c.state = 'answered'"


def seek(call_ids: Sequence[UUID], *, now: datetime) -> set[UUID]:
    """Each to the longest free agent, else they wait. Returns those who wait, or for whom a phone rings."""
    waiting: set[UUID] = set()
    for row in sql.rows(f"{_CALLER} WHERE b.call_id = ANY(%s) AND {_WAITS} ORDER BY b.came_at", [list(call_ids)]):
        if not _found(row, now=now):
            waiting.add(row.call_id)
    return waiting


def _found(row: sql.Row, *, now: datetime) -> bool:
    """True: an agent has them. Else they wait, as the board knows already, and perhaps a phone rings for them."""
    if _at_once(row, now=now):
        return True
    for seat in desk.longest_free(
        f"c{row.campaign_id}", node_id=row.node_id, to_be_rung=True, but=[row.not_taken_by_id] if row.not_taken_by_id else [], at_most=_TRIES
    ):
        if _open_for(row, seat.agent_id, rings=True, now=now):
            break
    return False


def _at_once(row: sql.Row, *, now: datetime) -> bool:
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


def _open_for(row: sql.Row, agent_id: int, *, rings: bool = False, now: datetime) -> bool:
    """In a transaction that may be undone: the agent's insert first, then the caller's row. A record that is in somebody's hands or is
    finished is shown, and stays where it is. rings: the agent's phone is called first."""
    with transaction.atomic():
        mine = bool(row.lead_id and querysets.busy([row.lead_id], now=now))
        work = NewWork(
            agent_id=agent_id,
            phase=Phase.RINGING_AGENT if rings else Phase.CONNECTING,
            deadline=now + (timedelta(seconds=row.ring_agent_for) if rings else JOINED_WITHIN),
            dial_due=now if rings else None,
            campaign_id=row.campaign_id,
            lead_id=row.lead_id,
            owns_lead=mine,
            phone_id=row.phone_id,
            card={"campaign": row.campaign, "name": row.name, "number": row.number},
            call_id=row.call_id,
            origin=ORIGIN,
            progress="" if rings else "answered",
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
        if rings:
            wake.dial(work.id)
        else:
            _join(row, work.id, opened[0].seat.leg)
    return True


# until somebody is at their phone for them
_HEARS_MUSIC = """
    SELECT b.call_id FROM campaigns_inboundcall b LEFT JOIN agents_interaction i ON i.id = b.interaction_id
    WHERE b.call_id = %s AND (b.state = 'waiting' OR (b.state = 'given' AND i.phase = 'ringing_agent'))
"""


def music(node_id: int, call_id: UUID) -> None:
    """After the commit. Another process may give them an agent before our command is carried out, or have done so: who talks by then is not
    left in the music."""
    if sql.rows(_HEARS_MUSIC, [call_id]):
        commands.hold(node_id, call_id)
        if not sql.rows(_HEARS_MUSIC, [call_id]):
            commands.resume(node_id, call_id)


def _join(row: sql.Row, work_id: UUID, leg: UUID | None) -> None:
    sql.after_commit(commands.resume, row.node_id, row.call_id)
    match.join([match.Pair(row.node_id, work_id, leg, row.call_id)])


def picked_up(legs: Mapping[UUID, UUID], *, now: datetime) -> None:
    """Work -> the agent's phone, which rang for a caller and was picked up. Whose caller has gone meanwhile is let go with their end."""
    for row in sql.rows(f"{_CALLER} WHERE b.interaction_id = ANY(%s) AND b.state = 'given' AND c.state = 'answered' FOR UPDATE OF b", [list(legs)]):
        work_id = row.interaction_id
        desk.move(PhaseMove.DIAL, [Change(id=work_id, deadline=now + JOINED_WITHIN)], now=now, only=(Phase.RINGING_AGENT,))
        if desk.move(PhaseMove.MATCH, [Change(id=work_id, deadline=now + JOINED_WITHIN, progress="answered")], now=now):
            sql.changed("UPDATE campaigns_inboundcall SET given_at = %s WHERE call_id = %s", [now, row.call_id])
            _join(row, work_id, legs[work_id])


def not_taken(work_id: UUID, *, not_ready: str | None, keeps_place: bool, note: str | None, now: datetime) -> list[Desk]:
    """The phone that rang for a caller was not picked up, or its agent said no: another agent, or the caller waits again. They are not asked
    for this caller any more. Returns the desk that is free."""
    closed_because = "withdrawn" if keeps_place else "missed"
    left = desk.move(
        PhaseMove.CLOSE,
        [Change(id=work_id, closed_because=closed_because, not_ready=not_ready, keeps_place=keeps_place, note=note)],
        now=now,
        only=(Phase.RINGING_AGENT,),
    )
    if left:
        sql.changed("UPDATE campaigns_inboundcall SET not_taken_by_id = agent_id WHERE interaction_id = %s AND state = 'given'", [work_id])
        _back(sql.rows(f"{_CALLER} WHERE b.interaction_id = %s AND b.state = 'given' FOR UPDATE OF b", [work_id]), now=now)
    return left


def give_waiting(call_id: UUID, seat: Seat, *, now: datetime) -> bool:
    """A free agent takes a caller who waits. False: not to be had any more."""
    rows = sql.rows(f"{_CALLER} WHERE b.call_id = %s AND {_WAITS}", [call_id])
    return bool(rows) and _open_for(rows[0], seat.agent_id, rings=not seat.nailed_up, now=now)


def oldest_waiting(seat: Seat) -> UUID | None:
    """The caller who has waited longest in this agent's lines, by PostgreSQL alone."""
    if not seat.voice_ready:
        return None
    rows = sql.rows(
        f"{_CALLER} WHERE {_WAITS} AND c.node_id = %(node)s AND 'c' || b.campaign_id = ANY(%(lines)s)"
        " AND b.not_taken_by_id IS DISTINCT FROM %(agent)s ORDER BY b.came_at LIMIT 1",
        {"node": seat.node_id, "lines": list(seat.lines), "agent": seat.agent_id},
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
        f"""
        {_CALLER} WHERE b.state = 'given' AND b.answered_at IS NULL AND b.given_at <= %s AND c.state = 'answered'
        AND NOT EXISTS (SELECT 1 FROM agents_interaction i WHERE i.id = b.interaction_id AND i.phase = 'ringing_agent') FOR UPDATE OF b SKIP LOCKED
        """,
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
            sql.after_commit(music, row.node_id, row.call_id)
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
