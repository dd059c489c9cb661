"""Commands that were lost on the way to the carrier after the row had moved: told again, by the sweep.

That a call is gone while we believe in it is found by listing (`telephony.reconciliation.reconcile`); here it is there and should not be, or should
hear something.
"""

from datetime import datetime, timedelta

from dialer_project.lib import sql
from telephony import commands
from telephony.rules.lifecycle import Party

# a message that could not be begun for so long is not said any more: the call ends
NOT_SAID_AFTER = timedelta(minutes=2)
# the end of a call that was hung up is told within this, where nothing was lost
TOLD_WITHIN = timedelta(seconds=5)


def messages(*, now: datetime) -> None:
    """Calls that are to hear a message which has not begun at their deadline. One that has is the carrier's, which refuses a second."""
    for row in sql.rows(
        """
        SELECT c.id, c.node_id, c.party, c.announcing_at,
            coalesce(CASE WHEN a.machine THEN v.media WHEN b.state = 'told' THEN w.media END, m.media, '') AS media
        FROM telephony_call c LEFT JOIN campaigns_attempt a ON a.id = c.id LEFT JOIN campaigns_inboundcall b ON b.call_id = c.id
        LEFT JOIN campaigns_campaign k ON k.id = coalesce(a.campaign_id, b.campaign_id)
        LEFT JOIN telephony_announcement v ON v.id = k.voicemail_id LEFT JOIN telephony_announcement w ON w.id = k.wait_message_id
        LEFT JOIN telephony_announcement m ON m.id = k.message_id
        WHERE c.state = 'announcing' AND c.deadline <= %s
          AND NOT EXISTS (SELECT 1 FROM telephony_callevent e
                          WHERE e.call_id = c.id AND e.kind = 'announcement_started' AND e.data ->> 'goes_on' IS NULL)
        ORDER BY c.deadline LIMIT 100
        """,
        [now],
    ):
        if now - row.announcing_at > NOT_SAID_AFTER:
            commands.hang_up([(row.node_id, row.id)])
            continue
        if row.party == Party.CALLER:
            commands.resume(row.node_id, row.id)  # out of the music
        commands.play_message(row.node_id, [row.id], row.media)


def hang_ups(*, now: datetime) -> None:
    """Legs that are up for nothing: outside parties of a conversation that is over, or who were let go; agents' phones that were called
    for work that is done; and customers with whom nobody talks.

    A customer whose agent put the phone down is found by the deadline of the conversation (`phone.conversations_over`).
    """
    commands.hang_up(
        (row.node_id, row.id)
        for row in sql.rows(
            """
            SELECT c.id, c.node_id FROM telephony_call c WHERE c.state <> 'planned' AND c.state <> 'ended' AND (
                (c.party = 'third' AND EXISTS (SELECT 1 FROM campaigns_thirdparty t JOIN telephony_call m ON m.id = t.call_id
                                               WHERE t.id = c.id AND least(t.ended_at, m.ended_at) <= %(before)s))
                OR (c.party = 'agent' AND EXISTS (SELECT 1 FROM agents_interaction i
                                                  WHERE i.agent_call_id = c.id AND i.phase IN ('wrap_up', 'closed') AND i.phase_since <= %(before)s))
                OR (c.party IN ('customer', 'caller') AND c.state = 'connected' AND c.connected_at <= %(before)s
                    AND NOT EXISTS (SELECT 1 FROM agents_interaction i WHERE i.call_id = c.id AND i.phase = 'connected')
                    AND NOT EXISTS (SELECT 1 FROM campaigns_thirdparty t WHERE t.call_id = c.id AND t.state <> 'ended')))
            ORDER BY c.id LIMIT 200
            """,
            {"before": now - TOLD_WITHIN},
        )
    )
