"""What was tried with a person: their calls, and what agents noted without a call. The newest first, a page at a time.

By keyset and not by offset, so that a page costs the same however far back it lies and a new call shifts none of them.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from campaigns.models import Attempt
from dialer_project.lib import sql

# who may see what other campaigns tried
ELSEWHERE = f"{Attempt._meta.app_label}.view_attempts_elsewhere"


@dataclass(frozen=True, slots=True)
class Tried:
    """One call, or one record closed with a note and no call (`outcome` empty). seconds: of conversation. Texts are empty where there is none."""

    id: UUID
    at: datetime
    campaign: str
    e164: str
    zones: tuple[str, ...]
    outcome: str
    disposition: str
    agent: str
    seconds: int
    note: str


@dataclass(frozen=True, slots=True)
class Page:
    """more: there are older ones."""

    tried: tuple[Tried, ...]
    more: bool


def of_person(contact_id: int, *, campaign_id: int | None, at_most: int, before: tuple[datetime, UUID] | None = None) -> Page:
    """In this campaign, or in all where it is None; older than the call at `before`. One statement, whatever they have been through."""
    rows = sql.rows(
        f"""
        SELECT h.id, h.at, c.name AS campaign, h.e164, p.zones, h.outcome, d.label AS disposition, h.seconds, h.note,
            coalesce(nullif(trim(concat_ws(' ', u.first_name, u.last_name)), ''), u.username) AS agent
        FROM (
            SELECT a.id, a.planned_at AS at, a.campaign_id, a.e164, a.phone_id, a.outcome, a.disposition_id, a.agent_id,
                coalesce(extract(epoch FROM a.concluded_at - a.connected_at), 0)::int AS seconds,
                coalesce((SELECT string_agg(i.note, E'\n' ORDER BY i.opened_at) FROM agents_interaction i
                          WHERE i.call_id = a.id AND i.phase = 'closed' AND i.note <> ''), '') AS note
            FROM campaigns_attempt a WHERE a.contact_id = %(contact)s AND a.state = 'concluded' {_OURS.format("a.campaign_id")}
            UNION ALL
            SELECT i.id, i.opened_at, i.campaign_id, '', NULL, '', i.disposition_id, i.agent_id, 0, i.note
            FROM campaigns_lead l JOIN agents_interaction i ON i.lead_id = l.id
            WHERE l.contact_id = %(contact)s AND i.call_id IS NULL AND i.phase = 'closed' AND i.note <> '' {_OURS.format("l.campaign_id")}
        ) h JOIN campaigns_campaign c ON c.id = h.campaign_id
        LEFT JOIN campaigns_phonenumber p ON p.id = h.phone_id LEFT JOIN campaigns_disposition d ON d.id = h.disposition_id
        LEFT JOIN agents_agent g ON g.id = h.agent_id LEFT JOIN agents_user u ON u.id = g.user_id
        WHERE %(at)s::timestamptz IS NULL OR (h.at, h.id) < (%(at)s, %(id)s::uuid)
        ORDER BY h.at DESC, h.id DESC LIMIT %(at_most)s + 1
        """,
        {
            "contact": contact_id,
            "campaign": campaign_id,
            "at": before[0] if before else None,
            "id": before[1] if before else None,
            "at_most": at_most,
        },
    )
    tried = tuple(
        Tried(
            row.id, row.at, row.campaign, row.e164, tuple(row.zones or ()), row.outcome, row.disposition or "", row.agent or "", row.seconds, row.note
        )
        for row in rows[:at_most]
    )
    return Page(tried, more=len(rows) > at_most)


_OURS = "AND (%(campaign)s::bigint IS NULL OR {} = %(campaign)s)"
