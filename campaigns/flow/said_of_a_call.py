"""What an agent says of a call that reached nobody stays with that call and its number when they dial again from the same record."""

from datetime import datetime
from uuid import UUID

from agents import desk
from agents.desk import Change
from dialer_project.lib import sql


def stays_with_it(interaction_id: UUID, *, next_number: int, now: datetime) -> None:
    """The disposition with the attempt, the mark with the number that was dialed, unless that one is dialed once more: the next call has
    neither."""
    sql.changed(
        """
        WITH said AS (
            SELECT a.id AS attempt, a.phone_id, d.id AS disposition_id,
                coalesce(nullif(i.draft ->> 'number_result', ''), CASE WHEN d.kind = 'wrong_number' THEN d.kind END) AS result
            FROM agents_interaction i JOIN campaigns_attempt a ON a.id = i.call_id LEFT JOIN campaigns_disposition d
                ON d.id = (i.draft ->> 'disposition')::bigint AND d.active AND (d.campaign_id IS NULL OR d.campaign_id = i.campaign_id)
            WHERE i.id = %(interaction)s
        ), marked AS (
            UPDATE campaigns_phonenumber n SET active = false, result = said.result FROM said
            WHERE n.id = said.phone_id AND n.id <> %(next_number)s AND said.result IS NOT NULL
        )
        UPDATE campaigns_attempt a SET disposition_id = said.disposition_id FROM said WHERE a.id = said.attempt AND said.disposition_id IS NOT NULL
        """,
        {"interaction": interaction_id, "next_number": next_number},
    )
    desk.amend([Change(id=interaction_id, draft={"disposition": None, "number_result": ""})], now=now)
