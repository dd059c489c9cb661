"""What an agent says of a call: its disposition, what they found the number to be, and a note.

The only writer of an attempt's disposition and of a number's mark, whether the agent is done with the record, dials again from it, or has
left it; and the one place that knows what a campaign wants to be said.
"""

from uuid import UUID

from agents.desk import Problem
from campaigns.facts import Setting
from campaigns.flow import zone_groups
from campaigns.models import Campaign
from campaigns.rules.modes import DispositionFor
from campaigns.rules.outcomes import DispositionClass, NumberResult
from dialer_project.lib import sql
from dialer_project.lib.sentence import say

NOTE_AT_MOST = 10_000
TOO_LONG = say("The note is too long: at most {most} characters are kept.", most=NOTE_AT_MOST)
# what a draft says of one call alone: empty for the next
ANEW = {"disposition": None, "number_result": ""}
DRAFTED = "(i.draft ->> 'disposition')::bigint"


def chosen(disposition: str) -> str:
    """The disposition `d` of one interaction `i`, by this expression for its id, if the campaign still has it."""
    return f"LEFT JOIN campaigns_disposition d ON d.id = {disposition} AND d.active AND (d.campaign_id IS NULL OR d.campaign_id = i.campaign_id)"


def disposition_for(campaign: Setting | Campaign) -> DispositionFor:
    """Which calls need one."""
    return campaign.mode.disposition_for if campaign.disposition_for == Campaign.DispositionFor.MODE else DispositionFor(campaign.disposition_for)


def asks_of_the_unreached(campaign: Setting) -> bool:
    """Whether an agent who had a call that reached nobody has something to say of it."""
    return disposition_for(campaign) is DispositionFor.ALL or campaign.note_required


def problems(work: sql.Row, campaign: Setting, note: str, *, tried: bool) -> list[Problem]:
    """What is missing of what must be said. work: with chosen_id, chosen_kind, note_required, talked, progress and owns_lead. `tried`: a call was made."""
    found = []
    if work.chosen_id is not None and work.chosen_kind is None:
        found.append(Problem("disposition", "This disposition is not one of the campaign's any more: choose another one."))
    if work.chosen_id is None and tried and _wants_disposition(work, campaign):
        found.append(Problem("disposition", "Choose a disposition first: this campaign wants one for every such call."))
    if work.note_required and not note.strip():
        found.append(Problem("note", "This disposition needs a note: write what was agreed."))
    elif tried and campaign.note_required and not note.strip():
        found.append(Problem("note", "This campaign wants a note on every record: write what was said."))
    if len(note) > NOTE_AT_MOST:
        found.append(Problem("note", TOO_LONG))
    return found


def _wants_disposition(work: sql.Row, campaign: Setting) -> bool:
    """Where the customer went on to another agent, that one says what came of it."""
    if went_on(work):
        return False
    match disposition_for(campaign):
        case DispositionFor.ALL:
            return True
        case DispositionFor.ANSWERED:
            return bool(work.talked)
        case DispositionFor.NONE:
            return False


def went_on(work: sql.Row) -> bool:
    """The customer is another agent's by now, and so is what came of it."""
    return work.progress == "handed_over" and not work.owns_lead


def found_there(work: sql.Row, disposition: str | None) -> NumberResult | None:
    """What the agent says of the number that was dialed, beside what came of the person; a wrong number is said by either."""
    if work.phone_id is None:
        return None
    marked = (sql.loaded(work.draft) or {}).get("number_result") if work.call_id is not None else None
    if marked:
        return NumberResult(marked)
    return NumberResult.WRONG_NUMBER if disposition == DispositionClass.WRONG_NUMBER else None


def write(work: sql.Row, *, next_number: int | None = None) -> None:
    """The disposition with the attempt, the mark with the number that was dialed, unless that is the `next_number` to be dialed: then it is not
    out of service. However often the turn comes round to a number so marked, it is not called for this person again. What is stored with the person
    is stored before: leads are locked after contacts, as by whoever imports a list."""
    found = found_there(work, work.chosen_kind)
    if found and work.phone_id != next_number:
        marked = "UPDATE campaigns_phonenumber SET active = false, result = %s WHERE id = %s RETURNING contact_id"
        # other campaigns may have meant to call them on that number too
        zone_groups.of_contacts([row.contact_id for row in sql.rows(marked, [found, work.phone_id])])
    if work.chosen_kind is not None and work.call_id is not None and not went_on(work):
        sql.changed("UPDATE campaigns_attempt SET disposition_id = %s WHERE id = %s", [work.chosen_id, work.call_id])


def of_the_call_before(interaction_id: UUID) -> sql.Row | None:
    """What stands in the draft of the attempt that an interaction had last; None where nothing was dialed."""
    rows = sql.rows(
        f"""
        SELECT i.call_id, i.draft, i.note, i.talked, i.progress, i.owns_lead, a.phone_id, {DRAFTED} AS chosen_id, d.kind AS chosen_kind, d.note_required
        FROM agents_interaction i JOIN campaigns_attempt a ON a.id = i.call_id AND a.dialed_at IS NOT NULL {chosen(DRAFTED)} WHERE i.id = %s
        """,
        [interaction_id],
    )
    return rows[0] if rows else None
