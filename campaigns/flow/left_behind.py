"""What an agent has typed is not lost where they never come to Done: the record was taken from their screen, or they have let it go."""

from datetime import datetime

from agents.desk import Moved
from agents.rules.lifecycle import Phase
from campaigns.flow import filled_in, put_right, said_of_a_call
from dialer_project.lib import sql

# the parts of a draft that belong to the person or the lead, whatever came of the call
KEPT = frozenset({"fields", "survey", "contact"})


def kept(moved: list[Moved], *, now: datetime) -> list[Moved]:
    """Stores what stands in the drafts of the work that was just closed, as far as it has come. Returns the same desks; no statement where
    nobody had typed anything."""
    typed = [m.work.id for m in moved if m.work and m.work.phase is Phase.CLOSED and not KEPT.isdisjoint(m.work.draft)]
    if typed:
        for work in sql.rows(
            f"""
            SELECT i.id, i.lead_id, i.draft, k.id AS contact_id, {filled_in.COLUMNS}
            FROM agents_interaction i JOIN campaigns_lead l ON l.id = i.lead_id JOIN campaigns_contact k ON k.id = l.contact_id
            WHERE i.id = ANY(%s) ORDER BY k.id, i.id
            """,
            [typed],
        ):
            filled_in.store(work, is_done=False, now=now)
            if "contact" in sql.loaded(work.draft):
                put_right.store(work.id, now=now)
    for m in moved:
        said = m.work and m.work.phase is Phase.CLOSED and (m.work.outcome or m.work.talked) and any(map(m.work.draft.get, said_of_a_call.ANEW))
        if m.work and said and (call := said_of_a_call.of_the_call_before(m.work.id)):
            said_of_a_call.write(call)
    return moved
