"""Leads stand in the zone group of the number they are called on next. Whoever adds, switches off or orders numbers, or writes down where somebody
is, says so here; a lead that turns to another number is put right as it moves (`querysets.step`)."""

from collections.abc import Sequence

from django.db import transaction

from campaigns import live, querysets
from dialer_project.lib import sql


def of_contacts(contact_ids: Sequence[int]) -> None:
    """All leads of these people, of every campaign. The claim looks for those that moved from the beginning: they may stand before its floor."""
    if not contact_ids:
        return
    with transaction.atomic():
        found = sql.rows("SELECT id FROM campaigns_lead WHERE contact_id = ANY(%s) ORDER BY id FOR UPDATE", [sorted(contact_ids)])
        for campaign_id in querysets.regroup([row.id for row in found]):
            sql.after_commit(live.forget_floors, campaign_id)
