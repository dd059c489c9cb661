"""Where a campaign's calls are not answered automatically: the agent is alerted, and accepts or rejects, or does nothing.

Meanwhile the customer is called, or has answered and hears nobody: the two seconds run as ever, and only until they are over may anybody
accept. The alert is work that rings, as for somebody who calls us, with the customer's call beside it. The call is locked before the work,
so that an answer and an Accept in the same moment cannot miss each other.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from agents import desk
from agents.desk import DONE, Answer, Change, Moved, Refusal
from agents.rules.lifecycle import Phase, PhaseMove
from campaigns.flow import left_behind, match, next_for, place
from campaigns.rules.modes import MODES, goes_not_ready
from dialer_project.lib import sql
from telephony import commands

OVER = Refusal("This call is over, or was given to somebody else.")

# an attempt's: who calls us has none, and neither has who is asked into a conversation. A record that was called before has that call still,
# which is over, while its agent's phone rings for the next
_RINGING = """
    FROM agents_interaction i JOIN campaigns_attempt a ON a.id = i.call_id AND a.state = 'open' JOIN telephony_call c ON c.id = a.id
    JOIN campaigns_campaign k ON k.id = a.campaign_id WHERE i.phase = 'ringing_agent' AND c.state <> 'ended'
"""


def is_one(call_id: UUID | None) -> bool:
    """Whether work that rings with this call is an alert to a customer who is called."""
    return call_id is not None and bool(sql.rows("SELECT id FROM campaigns_attempt WHERE id = %s AND state = 'open'", [call_id]))


def hold(where: str, params: Sequence[object]) -> list[sql.Row]:
    """These alerts, their customers' calls locked first and then they themselves; `where` is over i (the work) and c (the call)."""
    if not sql.rows(f"SELECT c.id {_RINGING} AND {where} ORDER BY c.id FOR UPDATE OF c", params):
        return []
    return sql.rows(
        f"SELECT i.id, i.agent_id, i.call_id, c.ring_for, k.mode_key, k.when_missed {_RINGING} AND {where} ORDER BY i.id FOR UPDATE OF i", params
    )


def accept(interaction_id: UUID, agent_id: int, *, now: datetime) -> Answer:
    """At a phone that is connected: the customer is put through as soon as they have answered, or at once."""
    with transaction.atomic():
        return DONE if picked_up(hold("i.id = %s AND i.agent_id = %s", [interaction_id, agent_id]), now=now) else OVER


def picked_up(alerts: Sequence[sql.Row], *, now: datetime) -> bool:
    """Their agents are there. False where none of these calls is to be had any more."""
    moved = desk.move(
        PhaseMove.DIAL,
        [Change(id=row.id, deadline=now + timedelta(seconds=row.ring_for) + place.MARGIN) for row in alerts],
        now=now,
        only=(Phase.RINGING_AGENT,),
    )
    match.accepted([m.work.id for m in moved if m.work], now=now)
    return bool(moved)


def not_taken(alerts: Sequence[sql.Row], *, not_ready: bool, keeps_place: bool = False, note: str | None = None, now: datetime) -> None:
    """Their agents said no, or did nothing: to others, else as `match.to_another` says. They are not asked for these customers any more."""
    left = _leave(
        [
            Change(
                id=row.id,
                closed_because="withdrawn" if keeps_place else "missed",
                not_ready="no_answer" if not_ready else None,
                keeps_place=keeps_place,
                note=note,
            )
            for row in alerts
        ],
        now=now,
    )
    next_for.settle(left, now=now)


def agents_lost(agent_ids: Sequence[int], *, now: datetime) -> list[Moved]:
    """These agents' phones were lost while they were alerted. Returns the desks that are free of it."""
    return _leave(
        [Change(id=row.id, closed_because="agent_lost", keeps_place=True) for row in hold("i.agent_id = ANY(%s)", [list(agent_ids)])],
        now=now,
    )


def _leave(changes: Sequence[Change], *, now: datetime) -> list[Moved]:
    left = left_behind.kept(desk.move(PhaseMove.CLOSE, changes, now=now, only=(Phase.RINGING_AGENT,)), now=now)
    place.release_agent_legs([m.work.agent_call_id for m in left if m.work and m.work.agent_call_id])
    return [*left, *match.to_another([m.work.call_id for m in left if m.work and m.work.call_id], now=now)]


def not_taken_in_time(*, now: datetime) -> None:
    """Alerts whose time is over while the customer's phone rings; once it is answered, the two seconds decide."""
    with transaction.atomic():
        late = hold("i.deadline <= %s AND c.state IN ('planned', 'dialing', 'unresolved', 'ringing')", [now])
        for not_ready in (True, False):
            theirs = [row for row in late if goes_not_ready(MODES[row.mode_key].on_agent_missed, row.when_missed) is not_ready]
            not_taken(theirs, not_ready=not_ready, now=now)


def left_by_all(*, now: datetime) -> None:
    """Customers who still ring, or of whom the carrier does not say yet whether a machine answered, and whoever was alerted to them did not
    take them: for somebody who is free by now, else who rings is hung up as soon as they have rung long enough to be given up."""
    with transaction.atomic():
        ringing = sql.rows(
            """
            SELECT c.id, c.node_id, c.state <> 'answered' AND c.dialing_at + make_interval(secs => k.min_ring_for) <= %s AS long_enough
            FROM campaigns_attempt a JOIN telephony_call c ON c.id = a.id JOIN campaigns_campaign k ON k.id = a.campaign_id
            WHERE a.state = 'open' AND NOT k.auto_answer AND a.interaction_id IS NOT NULL
              AND (c.state IN ('dialing', 'ringing') OR (c.state = 'answered' AND c.bridge IS NULL AND c.waits_since > %s))
              AND NOT EXISTS (SELECT 1 FROM agents_interaction i WHERE i.call_id = a.id AND i.phase <> 'closed')
            ORDER BY c.id LIMIT 100 FOR UPDATE OF c SKIP LOCKED
            """,
            [now, now],
        )
        next_for.settle(match.to_another([row.id for row in ringing], now=now), now=now)
    taken = desk.work_on([row.id for row in ringing])
    commands.hang_up((row.node_id, row.id) for row in ringing if row.long_enough and row.id not in taken)
