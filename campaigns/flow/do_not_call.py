"""One verb for agent, admin, import and API: list a number, and cancel what was planned for it, in one transaction.

Takes the same advisory lock as a claim, waiting for it: once this has committed, no later attempt to the number exists. In batches of at
most a thousand numbers, since a lock table is finite and a claim that shares a number waits for the end of ours.
"""

from collections.abc import Sequence
from datetime import datetime

from django.conf import settings
from django.db import transaction

from agents.models import User
from campaigns.flow import conclude
from campaigns.flow.permit import NUMBER
from campaigns.models import DoNotCall
from campaigns.rules.number_keys import hint, number_key
from dialer_project.lib import sql
from telephony import calls

BATCH = 1000


def list_numbers(
    numbers: Sequence[str], *, source: str, now: datetime, campaign_id: int | None = None, reason: str = "", by: User | None = None
) -> int:
    """Numbers in E.164; returns how many were new. Ringing calls to them are hung up."""
    listed = 0
    for start in range(0, len(numbers), BATCH):
        listed += _list_batch(sorted(set(numbers[start : start + BATCH])), source=source, now=now, campaign_id=campaign_id, reason=reason, by=by)
    return listed


def _list_batch(numbers: Sequence[str], *, source: str, now: datetime, campaign_id: int | None, reason: str, by: User | None) -> int:
    keys = {number_key(number, settings.NUMBER_KEY): number for number in numbers}
    with transaction.atomic():
        # in one order, so that two who list the same numbers wait for each other instead of deadlocking
        sql.rows(
            "SELECT pg_advisory_xact_lock(%s, h) FROM (SELECT DISTINCT hashtext(n) AS h FROM unnest(%s::text[]) AS n ORDER BY 1) AS hashes",
            [NUMBER, list(numbers)],
        )
        known = {
            row.number_key
            for row in sql.rows(
                "SELECT number_key FROM campaigns_donotcall WHERE number_key = ANY(%s) AND campaign_id IS NOT DISTINCT FROM %s",
                [list(keys), campaign_id],
            )
        }
        made = DoNotCall.objects.bulk_create(
            [
                DoNotCall(number_key=key, hint=hint(number), campaign_id=campaign_id, source=source, reason=reason, created_at=now, created_by=by)
                for key, number in keys.items()
                if key not in known
            ]
        )
        cancel_planned(numbers, campaign_id=campaign_id, now=now)
    return len(made)


def cancel_planned(numbers: Sequence[str], *, campaign_id: int | None, now: datetime) -> None:
    """What was planned for these numbers: waiting leads without another number are finished, callbacks cancelled, ringing calls hung up."""
    leads = sql.rows(
        """
        UPDATE campaigns_lead l SET state = 'final', reason = 'do_not_call', changed_at = %(now)s, reserved_for_id = NULL
        FROM (
            SELECT w.id FROM campaigns_lead w JOIN campaigns_phonenumber p ON p.contact_id = w.contact_id AND p.e164 = ANY(%(numbers)s)
            WHERE w.state = 'waiting' AND (%(campaign)s::bigint IS NULL OR w.campaign_id = %(campaign)s)
              AND NOT EXISTS (SELECT 1 FROM campaigns_phonenumber o WHERE o.contact_id = w.contact_id AND o.active AND o.e164 <> ALL(%(numbers)s)
                              AND NOT EXISTS (SELECT 1 FROM campaigns_donotcall d WHERE d.number_key = o.number_key
                                              AND (d.campaign_id IS NULL OR d.campaign_id = w.campaign_id)))
            ORDER BY w.id FOR UPDATE OF w
        ) hit WHERE l.id = hit.id RETURNING l.id
        """,
        {"now": now, "numbers": list(numbers), "campaign": campaign_id},
    )
    conclude.close_callbacks([row.id for row in leads], reason="on the do-not-call list", now=now)
    ringing = sql.rows(
        """
        SELECT c.id, c.node_id FROM telephony_call c JOIN campaigns_attempt a ON a.id = c.id
        WHERE a.state = 'open' AND a.e164 = ANY(%(numbers)s) AND c.state IN ('dialing', 'ringing')
          AND (%(campaign)s::bigint IS NULL OR a.campaign_id = %(campaign)s)
        """,
        {"numbers": list(numbers), "campaign": campaign_id},
    )
    if ringing:
        transaction.on_commit(lambda: calls.hang_up((row.node_id, row.id) for row in ringing), robust=True)
