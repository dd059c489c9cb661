"""An answer finds its agent, and a free agent finds a waiting customer; called from both sides.

Redis proposes, the insert of the Interaction decides, a loser is put back in his old place. The customer is decided on the Call row
(`calls.give`), the agent by the Interaction. Until the leg has entered the bridge the two-second timer runs on, whatever we believe.

Where agents are alerted to calls, the customer is theirs who accepts (`alert`); until then the work opened for it keeps everybody else away.

While the carrier listens whether a machine has answered, the customer is given to an agent all the same, who is kept for them: whoever
writes the verdict finds the conversation on the Call row, whoever gives the customer away finds the verdict there, and one of them joins.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from uuid import UUID

from django.db import transaction

from agents import desk
from agents.desk import Change, NewWork, Seat
from agents.desk import Moved as Desk
from agents.live import board
from agents.live.board import Stale
from agents.rules.lifecycle import Phase, PhaseMove
from campaigns.flow import left_behind
from campaigns.rules.modes import MODES, goes_not_ready, keys_that_answer_by_themselves
from dialer_project.lib import sql
from dialer_project.lib.failpoints import Failpoint, reached
from telephony import calls, commands, media
from telephony.calls import ANSWERED_WITHIN, Moved
from telephony.rules.lifecycle import CallState, Verdict

# how many proposals that lose at the insert are followed before the customer waits
_TRIES = 5
# an alert that was shorter, since another agent had it before, is not held against anybody
LONG_ENOUGH = timedelta(seconds=1.5)

# An ordinary number counts as picked up once a key was pressed there: its mailbox picks up too.
PICKED_UP = """
    g.state IN ('answered', 'connected')
    AND (g.address NOT LIKE '+%%' OR EXISTS (SELECT 1 FROM telephony_callevent e WHERE e.call_id = g.id AND e.kind = 'digit'))
"""

# of a campaign k: its agents are alerted before a customer is put through to them
_ASKS_FIRST = f"NOT k.auto_answer AND k.mode_key IN ({', '.join(repr(key) for key in keys_that_answer_by_themselves())})"

_BOUND = f"""
    SELECT a.id, a.lead_id, a.campaign_id, a.phone_id, c.node_id, c.answered_at, c.waits_since, k.longest_call, c.state = 'answered' AND c.bridge IS NULL AS to_be_had, l.reserved_for_id, i.id AS work_id, i.phase, i.agent_call_id,
        c.state, {_ASKS_FIRST} AS alerts, k.ring_agent_for, a.interaction_id IS NOT NULL AS was_given,
        coalesce(i.card, jsonb_build_object('campaign', k.name, 'name', concat_ws(' ', p.first_name, p.last_name), 'number', a.e164)) AS card,
        s.agent_id, s.leg, s.nailed_up,
        CASE WHEN s.nailed_up THEN s.leg_state = 'up' AND s.present
             ELSE EXISTS (SELECT 1 FROM telephony_call g WHERE g.id = i.agent_call_id AND {PICKED_UP}) END AS leg_is_good,
        NOT s.nailed_up AND EXISTS (SELECT 1 FROM telephony_call g WHERE g.id = i.agent_call_id AND g.state <> 'ended') AS leg_lives
    FROM campaigns_attempt a
    JOIN telephony_call c ON c.id = a.id
    JOIN campaigns_campaign k ON k.id = a.campaign_id
    JOIN campaigns_contact p ON p.id = a.contact_id
    JOIN campaigns_lead l ON l.id = a.lead_id
    LEFT JOIN agents_interaction i ON i.call_id = a.id AND i.phase IN ('ringing_agent', 'dialing', 'connecting')
    LEFT JOIN agents_session s ON s.agent_id = i.agent_id
"""


def customers_answered(answered: Sequence[Moved], *, now: datetime) -> list[Desk]:
    """Each to the agent it was dialed for, else to the longest free one, else they wait; in the pump's transaction. Returns the desks that
    have lost them. Who has answered and is gone again, or hears the message, is sought for no more."""
    if not answered:
        return []
    at = {m.id: m.at for m in answered}
    bound = sql.rows(
        f"""
        WITH said AS (
            UPDATE campaigns_attempt a SET answered_at = e.at FROM json_to_recordset(%(answers)s::json) AS e(id uuid, at timestamptz)
            WHERE a.id = e.id AND a.state = 'open' RETURNING a.id
        )
        {_BOUND} JOIN said ON said.id = a.id
        """,
        {"answers": sql.records({"id": i, "at": when} for i, when in at.items())},
    )
    there = [row for row in bound if row.to_be_had]
    _to_their_agents([row for row in there if row.leg_is_good and row.phase != Phase.RINGING_AGENT], now=now)
    _to_be_accepted([row for row in there if row.phase == Phase.RINGING_AGENT and (row.leg_is_good or row.leg_lives)], progress="answered", now=now)
    # where the agent's own phone still rings the customer waits for it; its answer or the timer decides
    return _without_theirs([row for row in there if row.work_id is None or (not row.leg_is_good and not row.leg_lives)], now=now)


def agents_lost(agent_ids: Sequence[int], *, now: datetime) -> list[Desk]:
    """These agents' phones were lost while a customer who had answered was on the way to them: another agent, else the customer waits.
    Returns the desks that have lost them."""
    if not agent_ids:
        return []
    rows = sql.rows(f"{_BOUND} WHERE i.agent_id = ANY(%s) AND i.phase = 'connecting' AND c.state = 'answered'", [list(agent_ids)])
    back = {m.id for m in calls.take_back([row.id for row in rows])}
    return _without_theirs([row for row in rows if row.id in back], now=now)


def agents_answered(agent_call_ids: Sequence[UUID], *, now: datetime) -> None:
    """A per-call leg came up while its customer was already there."""
    rows = sql.rows(
        f"{_BOUND} WHERE i.agent_call_id = ANY(%s) AND i.phase = 'dialing' AND c.state = 'answered' AND c.bridge IS NULL", [list(agent_call_ids)]
    )
    _to_their_agents([row for row in rows if row.leg_is_good], now=now)


def accepted(work_ids: Sequence[UUID], *, now: datetime) -> None:
    """Their agents have accepted, and are at phones that are connected: customers who have answered already are put through."""
    _to_their_agents(
        sql.rows(f"{_BOUND} WHERE i.id = ANY(%s) AND i.phase = 'dialing' AND c.state = 'answered' AND c.bridge IS NULL", [list(work_ids)]), now=now
    )


def to_another(call_ids: Sequence[UUID], *, now: datetime) -> list[Desk]:
    """Customers whom no agent is alerted to any more: another one, who has not said no. Where there is none, who has answered hears the message
    and who is still being called rings on. Returns desks that have lost theirs by that."""
    left = []
    for row in sql.rows(f"{_BOUND} WHERE a.id = ANY(%s) AND a.state = 'open' ORDER BY a.id", [list(call_ids)]):
        if row.work_id is None and row.reserved_for_id is None and not _alert_another(row, now=now) and _hears_nobody(row, now=now):
            left += time_is_up([row.id], now=now)
    return left


def _alert_another(row: sql.Row, *, now: datetime) -> bool:
    """By PostgreSQL alone: the board would propose who has just said no."""
    if row.waits_since is not None and now >= row.waits_since + ANSWERED_WITHIN:
        return False
    said_no = [
        done.agent_id
        for done in sql.rows("SELECT DISTINCT agent_id FROM agents_interaction WHERE call_id = %s AND closed_because = 'missed'", [row.id])
    ]
    for seat in desk.longest_free(f"c{row.campaign_id}", node_id=row.node_id, but=said_no, at_most=_TRIES):
        if (given := _open_for(row, seat.agent_id, now=now)) is not _Given.AGENT_TAKEN:
            return given is _Given.YES
    return False


def _hears_nobody(row: sql.Row, *, now: datetime) -> bool:
    """Answered, and the carrier does not listen for a machine, to which nothing is said before it is known."""
    return bool(row.to_be_had) and row.waits_since <= now


def _to_be_accepted(rows: Sequence[sql.Row], *, progress: str, now: datetime) -> None:
    """The customer is there, and their agent has not accepted yet: until the two seconds are over."""
    desk.amend(
        [Change(id=row.work_id, deadline=row.waits_since + ANSWERED_WITHIN, progress=progress) for row in rows], now=now, only=(Phase.RINGING_AGENT,)
    )


def _to_their_agents(rows: Sequence[sql.Row], *, now: datetime) -> None:
    if not rows:
        return
    had = calls.give({row.id: row.work_id for row in rows})  # at once, or with the verdict
    moved = desk.move(
        PhaseMove.MATCH,
        [Change(id=row.work_id, deadline=row.waits_since + ANSWERED_WITHIN, progress="answered") for row in rows if row.id in had],
        now=now,
    )
    by_work = {row.work_id: row for row in rows}
    join([_pair(row) for m in moved if m.work is not None and had[(row := by_work[m.work.id]).id]])


@dataclass(frozen=True, slots=True)
class Pair:
    node_id: int
    bridge: UUID
    agent_leg: UUID | None
    customer: UUID
    longest: timedelta | None = None  # None: no guard stands over them, they have called us


def _pair(row: sql.Row) -> Pair:
    return Pair(row.node_id, row.work_id, row.leg if row.nailed_up else row.agent_call_id, row.id, timedelta(minutes=row.longest_call))


def join(pairs: Iterable[Pair]) -> None:
    """After the commit, each into one bridge. That they talk is told by the carrier's event, never by the reply; but as soon as it says that
    both are in, it need not speak for us: who is late to hear the event must not have a conversation cut by the message."""
    by_node: dict[int, dict[UUID, tuple[UUID, UUID]]] = {}
    longest: dict[UUID, dict[UUID, timedelta | None]] = {}
    for pair in pairs:
        if pair.agent_leg is not None:
            by_node.setdefault(pair.node_id, {})[pair.bridge] = pair.agent_leg, pair.customer
            longest[pair.bridge] = {pair.customer: pair.longest} if pair.longest is not None else {}
    if not by_node:
        return
    reached(Failpoint.GIVEN)

    def connect(node_id: int) -> None:
        reached(Failpoint.MATCHED)
        joined = commands.connect_many(node_id, by_node[node_id])
        reached(Failpoint.JOINED)
        commands.raise_guards(node_id, {customer: lasts for bridge in joined for customer, lasts in longest[bridge].items()})

    for node_id in by_node:
        sql.after_commit(connect, node_id)


def _without_theirs(rows: Sequence[sql.Row], *, now: datetime) -> list[Desk]:
    """Answered, and the agent it was dialed for has vanished, or there never was one: anybody who is free, else they wait."""
    lost = [row for row in rows if row.work_id is not None]
    left = left_behind.kept(
        desk.move(PhaseMove.CLOSE, [Change(id=row.work_id, closed_because="agent_lost", keeps_place=True) for row in lost], now=now), now=now
    )
    for row in rows:
        if row.reserved_for_id is not None:  # what one agent has promised in person is nobody else's
            continue
        if not (row.alerts and row.was_given and row.work_id is None):
            _seek(row, now=now)
        elif not _alert_another(row, now=now) and _hears_nobody(row, now=now):
            left += time_is_up([row.id], now=now)
    return left


class _Given(Enum):
    YES = auto()
    AGENT_TAKEN = auto()  # the agent was not free after all
    CUSTOMER_GONE = auto()


def _seek(row: sql.Row, *, now: datetime) -> None:
    line = f"c{row.campaign_id}@{row.node_id}"
    for _ in range(_TRIES):
        try:
            proposed = board.answer(row.id, line=line, at=row.answered_at)
            if proposed is None:
                return
            agent_id = proposed[0]
        except Stale:
            seats = desk.longest_free(f"c{row.campaign_id}", node_id=row.node_id)
            if not seats:
                return
            agent_id = seats[0].agent_id
        if _open_for(row, agent_id, now=now) is not _Given.AGENT_TAKEN:
            return


def _open_for(row: sql.Row, agent_id: int, *, now: datetime) -> _Given:
    """The insert decides about the agent, the Call's row about the customer."""
    if row.alerts and not calls.waits_or_rings(row.id):
        return _Given.CUSTOMER_GONE
    opened = desk.open(
        [
            NewWork(
                agent_id=agent_id,
                phase=Phase.RINGING_AGENT if row.alerts else Phase.CONNECTING,
                deadline=row.waits_since + ANSWERED_WITHIN if row.waits_since else now + timedelta(seconds=row.ring_agent_for),
                campaign_id=row.campaign_id,
                lead_id=row.lead_id,
                phone_id=row.phone_id,
                card=sql.loaded(row.card),
                call_id=row.id,
                progress=row.state if row.state in (CallState.RINGING, CallState.ANSWERED) else "dialing",
            )
        ],
        needs="voice",
        now=now,
    )
    if not opened or opened[0].work is None:
        return _Given.AGENT_TAKEN
    work, seat = opened[0].work, opened[0].seat
    had = {row.id: False} if row.alerts else calls.give({row.id: work.id})
    if not had:
        desk.move(PhaseMove.CLOSE, [Change(id=work.id, closed_because="customer_gone", keeps_place=True)], now=now)
        return _Given.CUSTOMER_GONE
    sql.changed("UPDATE campaigns_attempt SET agent_id = %s, interaction_id = %s WHERE id = %s AND state = 'open'", [agent_id, work.id, row.id])
    if had[row.id]:
        join([Pair(row.node_id, work.id, seat.leg, row.id, timedelta(minutes=row.longest_call))])
    return _Given.YES


def heard(customers: Sequence[Moved], *, progress: str, now: datetime) -> None:
    """The carrier has told what it heard of these, and they are to be put through: those for whom an agent is kept are joined now, the
    others as soon as they find one."""
    given = [m.id for m in customers if m.bridge is not None]
    if waiting := [m.id for m in customers if m.bridge is None]:
        there = sql.rows(f"{_BOUND} WHERE c.id = ANY(%s) AND c.state = 'answered' AND c.bridge IS NULL", [waiting])
        _to_be_accepted([row for row in there if row.phase == Phase.RINGING_AGENT], progress=progress, now=now)
        for row in there:
            if row.alerts and row.was_given and row.work_id is None and row.reserved_for_id is None:  # somebody who is free by now
                _alert_another(row, now=now)
    if not given:
        return
    rows = sql.rows(f"{_BOUND} WHERE c.id = ANY(%s) AND c.state = 'answered' AND c.bridge = i.id AND i.phase = 'connecting'", [given])
    desk.amend([Change(id=row.work_id, deadline=row.waits_since + ANSWERED_WITHIN, progress=progress) for row in rows], now=now)
    join(map(_pair, rows))


def give_waiting(call_id: UUID, seat: Seat, *, now: datetime) -> bool:
    """A free agent takes a customer who waits. In a transaction of its own; False: the customer is not to be had any more."""
    with transaction.atomic():
        rows = sql.rows(f"{_BOUND} WHERE a.id = %s AND c.state = 'answered' AND c.bridge IS NULL", [call_id])
        return bool(rows) and rows[0].work_id is None and _open_for(rows[0], seat.agent_id, now=now) is _Given.YES


# a customer whose own agent's phone still rings waits for that one, and so does one whom an agent has promised to call in person; who was
# alerted and has said no is not given the same one as soon as they are free (`to_another` finds somebody else)
_WAITS = f"""
    c.state = 'answered' AND c.party = 'customer' AND c.bridge IS NULL
    AND NOT EXISTS (SELECT 1 FROM agents_interaction i WHERE i.call_id = c.id AND i.phase <> 'closed')
    AND NOT EXISTS (SELECT 1 FROM campaigns_lead l WHERE l.id = a.lead_id AND l.reserved_for_id IS NOT NULL)
    AND NOT (a.interaction_id IS NOT NULL AND EXISTS (SELECT 1 FROM campaigns_campaign k WHERE k.id = a.campaign_id AND {_ASKS_FIRST}))
"""


def oldest_waiting(seat: Seat) -> UUID | None:
    """The customer who has waited longest in this agent's lines, by PostgreSQL alone; only a leg that is up can take one."""
    if not seat.nailed_up or not seat.voice_ready:
        return None
    rows = sql.rows(
        f"""
        SELECT c.id FROM telephony_call c JOIN campaigns_attempt a ON a.id = c.id
        WHERE {_WAITS} AND c.node_id = %(node)s
          AND 'c' || a.campaign_id = ANY(%(lines)s) ORDER BY c.answered_at LIMIT 1
        """,
        {"node": seat.node_id, "lines": list(seat.lines)},
    )
    return rows[0].id if rows else None


def all_waiting() -> list[tuple[UUID, str, datetime]]:
    """Every customer who waits for an agent: (call, line, answered at), for the rebuilt projection."""
    return [
        (row.id, f"c{row.campaign_id}@{row.node_id}", row.answered_at)
        for row in sql.rows(
            f"SELECT c.id, c.node_id, c.answered_at, a.campaign_id FROM telephony_call c JOIN campaigns_attempt a ON a.id = c.id WHERE {_WAITS}"
        )
    ]


def in_conversation(entered: Sequence[Moved], *, now: datetime) -> None:
    """The customers' legs entered the bridge: connected, and the carrier is told again that it need not speak for us, since its reply may have
    been lost when they were joined."""
    if not entered:
        return
    terms = {
        row.id: row
        for row in sql.rows(
            """
            UPDATE campaigns_attempt a SET connected_at = e.at
            FROM json_to_recordset(%(e)s::json) AS e(id uuid, at timestamptz),
                campaigns_campaign k LEFT JOIN telephony_announcement n ON n.id = k.recording_notice_id
            WHERE a.id = e.id AND a.state = 'open' AND k.id = a.campaign_id
            RETURNING a.id, k.longest_call, k.recording, k.recording_days, coalesce(n.media, '') AS notice
            """,
            {"e": sql.records({"id": m.id, "at": m.at} for m in entered)},
        )
    }
    desk.move(
        PhaseMove.CONNECT,
        [
            Change(
                id=m.bridge,
                progress="machine" if m.verdict is Verdict.MACHINE else "connected",
                talked=True,
                deadline=m.at + timedelta(minutes=terms[m.id].longest_call),
                recording="offered" if terms[m.id].recording == "on_demand" else None,
            )
            for m in entered
            if m.bridge is not None and m.id in terms
        ],
        now=now,
    )
    longest: dict[int, dict[UUID, timedelta | None]] = {}
    for m in entered:
        longest.setdefault(m.node_id, {})[m.id] = timedelta(minutes=terms[m.id].longest_call) if m.id in terms else None
    reached(Failpoint.ENTERED)
    sql.after_commit(reached, Failpoint.CONNECTED)
    for node_id, calls_there in longest.items():
        sql.after_commit(commands.raise_guards, node_id, calls_there)
    record([(terms[m.id], m) for m in entered if m.id in terms], now=now)


def record(entered: Sequence[tuple[sql.Row, Moved]], *, now: datetime) -> None:
    """Conversations that have begun, each with its campaign's terms: those of campaigns that record every one."""
    media.record(
        [
            recorded(terms, call_id=m.id, node_id=m.node_id, bridge=m.bridge)
            for terms, m in entered
            if m.bridge is not None and terms.recording == "all"
        ],
        now=now,
    )


def recorded(terms: sql.Row, *, call_id: UUID, node_id: int, bridge: UUID) -> media.Wanted:
    """As the campaign has it: `recording_days` and the `notice` of its row."""
    keep_for = None if terms.recording_days is None else timedelta(days=terms.recording_days)
    return media.Wanted(call_id=call_id, node_id=node_id, bridge=bridge, keep_for=keep_for, notice=terms.notice)


def time_is_up(call_ids: Sequence[UUID], *, now: datetime) -> list[Desk]:
    """Two seconds after the answer and in no bridge: the message, whatever has died. Inside the caller's transaction.

    Returns the desks that were not to be reached in time: not at fault, they keep their places.
    """
    moved = calls.announce(call_ids, now=now)
    if not moved:
        return []
    messages = {
        row.id: row.media
        for row in sql.rows(
            """
            SELECT a.id, coalesce(m.media, '') AS media FROM campaigns_attempt a JOIN campaigns_campaign k ON k.id = a.campaign_id
            LEFT JOIN telephony_announcement m ON m.id = k.message_id WHERE a.id = ANY(%s)
            """,
            [[m.id for m in moved]],
        )
    }
    for m in moved:
        sql.after_commit(commands.play_message, m.node_id, [m.id], messages.get(m.id, ""))
    return nobody_came([m.id for m in moved], now=now)


def nobody_came(call_ids: Sequence[UUID], *, now: datetime) -> list[Desk]:
    """These customers hear the message: the work opened for them is closed, and they wait for nobody any more."""
    rows = sql.rows(
        """
        SELECT a.id, a.campaign_id, c.node_id, i.id AS work_id, i.phase = 'ringing_agent' AND i.phase_since <= %s AS missed, k.mode_key, k.when_missed
        FROM campaigns_attempt a JOIN telephony_call c ON c.id = a.id JOIN campaigns_campaign k ON k.id = a.campaign_id
        LEFT JOIN agents_interaction i ON i.call_id = a.id AND i.phase IN ('ringing_agent', 'dialing', 'connecting') WHERE a.id = ANY(%s)
        """,
        [now - LONG_ENOUGH, list(call_ids)],
    )
    closed = desk.move(PhaseMove.CLOSE, [_not_there(row) for row in rows if row.work_id], now=now)
    agent_legs = [m.work.agent_call_id for m in closed if m.work and m.work.agent_call_id]
    lines = {f"c{row.campaign_id}@{row.node_id}" for row in rows}
    sql.after_commit(commands.hang_up_by_id, agent_legs)
    sql.after_commit(board.stop_waiting, call_ids, lines=lines)
    return left_behind.kept(closed, now=now)


def _not_there(row: sql.Row) -> Change:
    """Who was alerted, and has not accepted, has missed it; nobody else is at fault."""
    if not row.missed:
        return Change(id=row.work_id, closed_because="not_connected", keeps_place=True)
    not_ready = goes_not_ready(MODES[row.mode_key].on_agent_missed, row.when_missed)
    return Change(id=row.work_id, closed_because="missed", not_ready="no_answer" if not_ready else None)
