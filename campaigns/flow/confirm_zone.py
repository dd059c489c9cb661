"""A customer says where they are: from then on that time zone alone counts, and not what number, file and address suggest.

Under the person's lock, so that a dial transaction sees either all of it or nothing.
"""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from agents.desk import DONE, Answer, Refusal
from agents.models import User
from campaigns import live
from campaigns.flow import zone_groups
from campaigns.flow.permit import PERSON
from campaigns.models import ZoneConfirmation
from campaigns.rules.time_zones import zones_of_places
from dialer_project.lib import sql
from dialer_project.lib.sentence import say


def said(interaction_id: UUID, agent_id: int, zone: str, *, now: datetime) -> Answer:
    """The customer of the record in hand told this agent, on a call. `zone`: empty where it was a mistake, which can be said at any time."""
    found = sql.rows(
        """
        SELECT g.user_id, l.contact_id, i.talked FROM agents_interaction i JOIN agents_agent g ON g.id = i.agent_id
        LEFT JOIN campaigns_lead l ON l.id = i.lead_id WHERE i.id = %s AND i.agent_id = %s AND i.phase <> 'closed'
        """,
        [interaction_id, agent_id],
    )
    if not found:
        return Refusal("This record is no longer yours: it was closed in the meantime.")
    if found[0].contact_id is None:
        return Refusal("No contact belongs to this call: there is nobody to write it down for.")
    if zone and not found[0].talked:
        return Refusal("Nobody has spoken with this customer yet: ask them where they are, and confirm it then.")
    by = User(pk=found[0].user_id)
    return confirm(found[0].contact_id, zone, by=by, now=now) if zone else take_back(found[0].contact_id, by=by, now=now)


def confirm(contact_id: int, zone: str, *, by: User | None, now: datetime) -> Answer:
    """`zone`: as in Europe/Madrid. Said again to the same person, nothing changes."""
    if zone not in zones_of_places():
        return Refusal(say("There is no time zone {zone}. Write it as Europe/Madrid or America/New_York.", zone=zone))
    with transaction.atomic():
        _lock(contact_id)
        if ZoneConfirmation.objects.filter(contact_id=contact_id, ended_at=None, zone=zone, by=by).exists():
            return DONE
        if not _end(contact_id, by=by, now=now):
            return Refusal("This contact is no longer there. Look for them again.")
        ZoneConfirmation.objects.create(contact_id=contact_id, zone=zone, at=now, by=by)
        _regroup(contact_id, now=now)
    return DONE


def take_back(contact_id: int, *, by: User | None, now: datetime) -> Answer:
    """It was a mistake, or they have moved: every possible zone counts again."""
    with transaction.atomic():
        _lock(contact_id)
        if not _end(contact_id, by=by, now=now):
            return Refusal("This contact is no longer there. Look for them again.")
        _regroup(contact_id, now=now)
    return DONE


def _lock(contact_id: int) -> None:
    sql.rows("SELECT pg_advisory_xact_lock(%s, %s)", [PERSON, contact_id % 2147483647])


def _end(contact_id: int, *, by: User | None, now: datetime) -> bool:
    """The one in force, if any; whether there is such a contact."""
    ZoneConfirmation.objects.filter(contact_id=contact_id, ended_at=None).update(ended_at=now, ended_by=by)
    return bool(sql.rows("SELECT id FROM campaigns_contact WHERE id = %s", [contact_id]))


def _regroup(contact_id: int, *, now: datetime) -> None:
    """The claim looks for their leads where they belong now; what waited for other hours is asked about again at once."""
    zone_groups.of_contacts([contact_id])
    sooner = sql.rows(
        """
        UPDATE campaigns_lead SET changed_at = %(now)s,
            next_call_at = CASE WHEN state = 'waiting' AND reason = 'hours' THEN least(next_call_at, %(now)s) ELSE next_call_at END
        WHERE contact_id = %(contact)s AND state <> 'final' RETURNING campaign_id
        """,
        {"contact": contact_id, "now": now},
    )
    for row in sooner:
        sql.after_commit(live.forget_floors, row.campaign_id)
