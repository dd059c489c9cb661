"""A record reaches an agent: accepted, rejected, or not taken in time.

With a nailed-up phone "the agent's phone rings" is the console ringing, and Accept is how the agent answers it.
"""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from agents import desk
from agents.desk import DONE, Answer, Change, Refusal
from agents.rules.lifecycle import Phase, PhaseMove
from campaigns.flow import phone, place
from dialer_project.lib import sql

WENT_BACK = Refusal("The record went back to the list.")


def _mine(interaction_id: UUID, agent_id: int) -> sql.Row | None:
    rows = sql.rows(
        """
        SELECT i.id, i.phase, i.campaign_id, i.lead_id, i.agent_call_id, i.agent_id, l.misses, c.ring_for, s.nailed_up, s.leg_state
        FROM agents_interaction i JOIN agents_session s ON s.agent_id = i.agent_id LEFT JOIN campaigns_lead l ON l.id = i.lead_id
        LEFT JOIN campaigns_campaign c ON c.id = i.campaign_id
        WHERE i.id = %s AND i.agent_id = %s AND i.phase IN ('ringing_agent', 'offered') FOR UPDATE OF i
        """,
        [interaction_id, agent_id],
    )
    return rows[0] if rows else None


def accept(interaction_id: UUID, agent_id: int, *, now: datetime) -> Answer:
    """The agent takes it: the customer is dialed. An Accept that comes too late names work that is closed."""
    with transaction.atomic():
        work = _mine(interaction_id, agent_id)
        if work is None:
            return WENT_BACK
        if work.phase == Phase.RINGING_AGENT and not work.nailed_up:
            return Refusal("Your phone is ringing: answer it there.")
        if work.nailed_up and work.leg_state != "up":
            return Refusal("Your phone is not connected at the moment: it is being called again.")
        desk.move(
            PhaseMove.DIAL,
            [Change(id=work.id, dial_due=now, deadline=now + timedelta(seconds=work.ring_for) + place.MARGIN, progress="dialing")],
            now=now,
        )
    phone.legs_ended(place.dial_interaction(interaction_id, now=now), now=now)
    return DONE


def reject(interaction_id: UUID, agent_id: int, *, now: datetime) -> Answer:
    """The record goes back to the top of the list, the agent as the mode says."""
    with transaction.atomic():
        work = _mine(interaction_id, agent_id)
        if work is None:
            return WENT_BACK
        phone.missed(work.id, campaign_id=work.campaign_id, lead_id=work.lead_id, misses=work.misses or 0, agent_id=agent_id, now=now)
    return DONE


def not_taken_in_time(*, now: datetime) -> None:
    """Offers and ringing phones whose time has run out: as a rejection."""
    with transaction.atomic():
        for work in sql.rows(
            """
            SELECT i.id, i.campaign_id, i.lead_id, i.agent_id, l.misses FROM agents_interaction i LEFT JOIN campaigns_lead l ON l.id = i.lead_id
            WHERE i.phase IN ('ringing_agent', 'offered') AND i.deadline <= %s ORDER BY i.id LIMIT 100 FOR UPDATE OF i SKIP LOCKED
            """,
            [now],
        ):
            phone.missed(work.id, campaign_id=work.campaign_id, lead_id=work.lead_id, misses=work.misses or 0, agent_id=work.agent_id, now=now)
