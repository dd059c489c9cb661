"""More time, for an agent whom a clock hurries: of wrap-up, or before a record is dialed by itself."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from agents import desk
from agents.desk import DONE, NOT_YOURS, Answer, Change, Refusal
from agents.rules.lifecycle import Phase
from dialer_project.lib import sql

OF_WRAP_UP = timedelta(seconds=30)
NO_CLOCK = Refusal("No time is running out here: take what you need.")


def more(interaction_id: UUID, agent_id: int, *, now: datetime) -> Answer:
    """Thirty seconds more of wrap-up, or the preview's whole time once more; as often as the campaign lets its agents."""
    with transaction.atomic():
        rows = sql.rows(
            """
            SELECT i.id, i.phase, i.deadline, i.dial_due, i.draft, c.wrap_up_extensions, c.preview_extensions, c.preview_for
            FROM agents_interaction i JOIN campaigns_campaign c ON c.id = i.campaign_id
            WHERE i.id = %s AND i.agent_id = %s AND i.phase <> 'closed' FOR UPDATE OF i
            """,
            [interaction_id, agent_id],
        )
        if not rows:
            return NOT_YOURS
        work = rows[0]
        draft = sql.loaded(work.draft) or {}
        match work.phase:
            case Phase.WRAP_UP if work.deadline is not None and not draft.get("overtime"):
                used = draft.get("extensions", 0)
                if used >= work.wrap_up_extensions:
                    return Refusal("This campaign gives no more time: save the record, or take a break after it.")
                change = Change(id=work.id, deadline=work.deadline + OF_WRAP_UP, draft={"extensions": used + 1})
            case Phase.PREVIEW if work.dial_due is not None and work.preview_for:
                used = draft.get("preview_extensions", 0)
                if used >= work.preview_extensions:
                    return Refusal("This campaign gives no more time: press Wait, and call when you are ready to.")
                again = timedelta(seconds=work.preview_for)
                change = Change(id=work.id, dial_due=work.dial_due + again, deadline=work.deadline + again, draft={"preview_extensions": used + 1})
            case _:
                return NO_CLOCK
        desk.amend([change], now=now, only=(Phase(work.phase),))
    return DONE
