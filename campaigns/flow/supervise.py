"""A supervisor listens to a conversation, speaks to its agent alone, or joins it, at a phone of their own.

Each start, change and end is on the Supervision's row. It ends with the conversation: when the customer hangs up, and when the agent leaves.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction

from agents import desk
from agents.desk import DONE, Answer, Change, Refusal
from agents.rules.lifecycle import Phase
from campaigns.flow import conclude, permit
from campaigns.models import Supervision
from campaigns.rules.lifecycle import SUPERVISION, SupervisionMove
from dialer_project.lib import sql
from dialer_project.lib.lifecycle import after, states_before
from telephony import calls, commands
from telephony.calls import Moved, Plan
from telephony.rules.hangup_causes import Cause, HungUpBy
from telephony.rules.lifecycle import CallMove, CallState, Party

How = Supervision.How

RINGS_FOR = 30  # seconds
OVER = Refusal("This conversation is over.")

_STILL = """
    EXISTS (SELECT 1 FROM campaigns_supervision v JOIN agents_interaction i ON i.id = v.interaction_id AND i.phase = 'connected'
            WHERE v.id = c.id AND v.state = 'calling')
"""

_OPEN = """
    SELECT v.id, v.how, v.state, v.call_id, v.interaction_id, c.node_id, c.bridge, i.id AS work_id,
        CASE WHEN s.nailed_up THEN s.leg ELSE i.agent_call_id END AS leg
    FROM campaigns_supervision v JOIN telephony_call c ON c.id = v.call_id
    LEFT JOIN agents_interaction i ON i.id = v.interaction_id AND i.phase = 'connected'
    LEFT JOIN agents_session s ON s.agent_id = i.agent_id
"""


def supervise(user_id: int, interaction_id: UUID, how: str, *, station_id: int, now: datetime) -> Answer:
    """Begins, or changes how, at the station chosen; who may is the caller's to have asked."""
    with transaction.atomic():
        mine = sql.rows(f"{_OPEN} WHERE v.user_id = %s AND v.state <> 'ended' FOR UPDATE OF v", [user_id])
        if mine and mine[0].interaction_id != interaction_id:
            return Refusal("You are at another conversation: leave it first.")
        if mine:
            return _changed(mine[0], how, now=now)
        found = sql.rows(
            """
            SELECT i.agent_id, i.campaign_id, c.id AS call_id, c.node_id, t.endpoint, k.supervision_shown,
                EXISTS (SELECT 1 FROM agents_session s WHERE s.station_id = t.id AND s.signed_in_at IS NOT NULL) AS taken
            FROM agents_interaction i JOIN telephony_call c ON c.id = i.call_id AND c.state = 'connected'
            JOIN campaigns_campaign k ON k.id = i.campaign_id LEFT JOIN agents_station t ON t.id = %s
            WHERE i.id = %s AND i.phase = 'connected'
            """,
            [station_id, interaction_id],
        )
        if not found:
            return OVER
        if found[0].endpoint is None:
            return Refusal("Choose the phone at which you want to listen.")
        if found[0].taken:
            return Refusal("An agent is signed in at this phone: choose another one.")
        one = found[0]
        call = permit.new_id()
        calls.plan([Plan(id=call, party=Party.SUPERVISOR, node_id=one.node_id, address=one.endpoint, ring_for=RINGS_FOR)], now=now)
        Supervision.objects.create(
            id=call,
            user_id=user_id,
            agent_id=one.agent_id,
            campaign_id=one.campaign_id,
            call_id=one.call_id,
            interaction_id=interaction_id,
            how=how,
            changes=[{"at": now.isoformat(), "how": how}],
            asked_at=now,
        )
    return _dial(call, now=now)


def _dial(call: UUID, *, now: datetime) -> Answer:
    with transaction.atomic():
        sending = calls.dialing([call], now=now, still=_STILL)
        unsent = {} if sending else {call: Cause.CANCELLED}
        ended(calls.ended(unsent, now=now, by=HungUpBy.US, only=(CallState.PLANNED,)), now=now)
    gone = conclude.placed(commands.place(sending), now=now)
    ended(gone, now=now)
    if gone or unsent:
        return Refusal("Your phone cannot be reached: is it registered?")
    return DONE


def _changed(row: sql.Row, how: str, *, now: datetime) -> Answer:
    if row.work_id is None:
        return OVER
    change = sql.records([{"at": now.isoformat(), "how": how}])
    sql.changed("UPDATE campaigns_supervision SET how = %s, changes = changes || %s::jsonb WHERE id = %s", [how, change, row.id])
    if row.state == "on":
        sql.after_commit(_hear, row.node_id, row.id, row.leg, row.bridge, how)
    return DONE


def stop(user_id: int, *, now: datetime) -> Answer:
    """The supervisor's phone is hung up; that it has ended comes as an event."""
    del now
    mine = sql.rows("SELECT id FROM campaigns_supervision WHERE user_id = %s AND state <> 'ended'", [user_id])
    commands.hang_up_by_id([row.id for row in mine])
    return DONE if mine else OVER


def happened(moved: Mapping[CallMove, Sequence[Moved]], *, now: datetime) -> None:
    """What the supervisors' phones have come to."""
    there = [call.id for call in moved.get(CallMove.ANSWERED, ()) if call.party is Party.SUPERVISOR and not call.address.startswith("+")]
    if there:
        _answered(there, now=now)
    ended(moved.get(CallMove.ENDED, ()), now=now)


def _answered(ids: Sequence[UUID], *, now: datetime) -> None:
    rows = {row.id: row for row in sql.rows(f"{_OPEN} WHERE v.id = ANY(%s)", [list(ids)])}
    for call in ids:
        row = rows.get(call)
        if row is not None and row.work_id is not None and _moved(SupervisionMove.BEGIN, [call], now=now):
            sql.after_commit(_hear, row.node_id, call, row.leg, row.bridge, row.how)
            _seen([row.work_id], now=now)
        else:
            sql.after_commit(commands.hang_up_by_id, [call])


def keys_pressed(call_ids: Sequence[UUID], *, now: datetime) -> None:
    """A supervisor at an ordinary number is there once a key was pressed: its mailbox answers too, and is to hear nobody."""
    if call_ids:
        rows = sql.rows(
            """
            SELECT c.id FROM telephony_call c JOIN campaigns_supervision v ON v.id = c.id AND v.state = 'calling'
            WHERE c.id = ANY(%s) AND c.state = 'answered' AND c.address LIKE '+%%'
            """,
            [list(call_ids)],
        )
        _answered([row.id for row in rows], now=now)


def agents_leg_is_new(work_ids: Sequence[UUID]) -> None:
    """Whoever listened through the leg that an agent has lost does so through the one they have now."""
    for row in sql.rows(f"{_OPEN} WHERE v.state = 'on' AND i.id = ANY(%s)", [list(work_ids)]):
        sql.after_commit(_hear, row.node_id, row.id, row.leg, row.bridge, row.how)


def _hear(node_id: int, supervisor: UUID, leg: UUID | None, bridge: UUID | None, how: str) -> None:
    """A supervisor who would hear nobody is hung up."""
    if how == How.BARGE and bridge is not None:
        heard = commands.connect(node_id, bridge=bridge, legs=[supervisor])
    else:
        heard = leg is not None and commands.snoop(node_id, supervisor, leg, whisper=how == How.WHISPER)
    if not heard:
        commands.hang_up([(node_id, supervisor)])


def ended(moved: Sequence[Moved], *, now: datetime) -> None:
    over = [call.id for call in moved if call.party is Party.SUPERVISOR]
    if over:
        rows = sql.rows(f"{_OPEN} WHERE v.id = ANY(%s)", [over])
        _moved(SupervisionMove.END, over, now=now)
        _seen([row.work_id for row in rows if row.work_id is not None], now=now)


def _moved(event: SupervisionMove, ids: Sequence[UUID], *, now: datetime) -> int:
    stamp = {SupervisionMove.BEGIN: "began_at", SupervisionMove.END: "ended_at"}[event]
    return sql.changed(
        f"UPDATE campaigns_supervision SET state = %s, {stamp} = %s WHERE id = ANY(%s) AND state = ANY(%s)",
        [after(SUPERVISION, event).value, now, list(ids), [state.value for state in states_before(SUPERVISION, event)]],
    )


def _seen(work_ids: Sequence[UUID], *, now: datetime) -> None:
    """Whether their screens say that somebody listens, where the campaign lets them."""
    rows = sql.rows(
        """
        SELECT i.id, EXISTS (SELECT 1 FROM campaigns_supervision v WHERE v.interaction_id = i.id AND v.state = 'on') AS watched
        FROM agents_interaction i JOIN campaigns_campaign k ON k.id = i.campaign_id AND k.supervision_shown WHERE i.id = ANY(%s)
        """,
        [list(work_ids)],
    )
    desk.amend([Change(id=row.id, watched=row.watched) for row in rows], now=now, only=(Phase.CONNECTED,))


def left_behind(*, now: datetime) -> None:
    """Supervisors whose conversation is over, should whoever ended it have died before telling them."""
    del now
    rows = sql.rows(f"{_OPEN} WHERE v.state <> 'ended' AND i.id IS NULL")
    commands.hang_up_by_id([row.id for row in rows])
