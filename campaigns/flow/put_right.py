"""An agent puts a contact right. It is kept with what else they enter, stored when the record leaves their desk, and written down with who did it
and what it was before.
"""

from datetime import datetime
from uuid import UUID

from agents.desk import Problem
from campaigns.models import Contact, ContactChange
from campaigns.rules import contact_fields
from dialer_project.lib import sql


def problems(draft: object) -> list[Problem]:
    """What cannot be kept as it was typed. `draft`: of the interaction, as its row has it."""
    typed = (sql.loaded(draft) or {}).get("contact") or {}
    return [Problem(f"contact:{key}", sentence) for key, sentence in contact_fields.problems(typed)]


def store(interaction_id: UUID, *, now: datetime) -> None:
    """What is in order of it, where the campaign lets its agents; one statement where nothing was typed."""
    rows = sql.rows(
        f"""
        SELECT k.id, {", ".join(f"k.{key}" for key in contact_fields.LONGEST)}, i.draft -> 'contact' AS typed, g.user_id
        FROM agents_interaction i JOIN campaigns_campaign c ON c.id = i.campaign_id AND c.edits_contacts
        JOIN campaigns_lead l ON l.id = i.lead_id JOIN campaigns_contact k ON k.id = l.contact_id JOIN agents_agent g ON g.id = i.agent_id
        WHERE i.id = %s AND i.draft -> 'contact' IS NOT NULL FOR UPDATE OF k
        """,
        [interaction_id],
    )
    for row in rows:
        was = {key: getattr(row, key) for key in contact_fields.LONGEST}
        if after := contact_fields.changes(sql.loaded(row.typed), was):
            Contact.objects.filter(pk=row.id).update(**after)
            before = {key: was[key] for key in after}
            ContactChange.objects.create(contact_id=row.id, at=now, by_id=row.user_id, interaction_id=interaction_id, before=before, after=after)
