"""What agents did within a span of time, by the rows that hold what happened: an agent's own day and a supervisor's report have one source.

Times come from `StateChange`, whose rows say what each agent began to do and when; calls from `Attempt`, promises from `Callback`. Nothing is
counted a second time anywhere, so nothing can come to differ.

    talking     with a customer, on hold or not           waiting    Ready, without work
    wrapping up after a call                              previewing a record offered or looked at
    ringing     their phone, or the customer's            not ready  by the code of its reason
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from agents.rules.lifecycle import Doing
from campaigns.rules.outcomes import DispositionClass, Outcome
from dialer_project.lib import sql


@dataclass(frozen=True, slots=True)
class Activity:
    """Of one agent. calls: dialed for them, or answered and given to them. taken: conversations with customers who called us. reached: persons they talked with, each once, but for wrong
    numbers. callbacks: calls that kept a promise. promised: callbacks booked."""

    talking: timedelta = timedelta()
    waiting: timedelta = timedelta()
    wrapping_up: timedelta = timedelta()
    previewing: timedelta = timedelta()
    ringing: timedelta = timedelta()
    not_ready: dict[str, timedelta] = field(default_factory=dict)
    calls: int = 0
    taken: int = 0
    reached: int = 0
    successes: int = 0
    callbacks: int = 0
    promised: int = 0


# what an agent does -> where the time of it is counted; signed out is none of it
COUNTED_AS = {
    Doing.ON_CALL: "talking",
    Doing.READY: "waiting",
    Doing.WRAP_UP: "wrapping_up",
    Doing.OFFERED: "previewing",
    Doing.PREVIEWING: "previewing",
    Doing.PHONE_RINGING: "ringing",
    Doing.DIALING: "ringing",
}


def day_of(now: datetime, zone: str) -> tuple[datetime, datetime]:
    """The day that it is at `zone`, from midnight to midnight: 23 to 25 hours."""
    there = ZoneInfo(zone)
    today: date = now.astimezone(there).date()
    begins, ends = (datetime.combine(day, time(), tzinfo=there) for day in (today, today + timedelta(days=1)))
    return begins.astimezone(UTC), ends.astimezone(UTC)


def of_agents(agent_ids: Sequence[int], *, since: datetime, until: datetime) -> dict[int, Activity]:
    """Agent -> what they did from `since` to `until`, which is not later than now. Two statements for any number of agents; each asks for one
    span of an index, so that years before it cost nothing."""
    times: dict[int, dict[str, Any]] = {agent_id: {} for agent_id in agent_ids}
    not_ready: dict[int, dict[str, timedelta]] = {agent_id: {} for agent_id in agent_ids}
    span = {"agents": list(agent_ids), "since": since, "until": until}
    for row in sql.rows(_TIMES, span):
        if row.doing == Doing.NOT_READY:
            not_ready[row.agent_id][row.reason] = row.lasted
        elif counted := COUNTED_AS.get(Doing(row.doing)):
            mine = times[row.agent_id]
            mine[counted] = mine.get(counted, timedelta()) + row.lasted
    counts: dict[int, dict[str, Any]] = {
        row.agent_id: {
            "calls": row.calls,
            "taken": row.taken,
            "reached": row.reached,
            "successes": row.successes,
            "callbacks": row.callbacks,
            "promised": row.promised,
        }
        for row in sql.rows(
            _COUNTS, {**span, "connected": Outcome.CONNECTED, "wrong": DispositionClass.WRONG_NUMBER, "success": DispositionClass.SUCCESS}
        )
    }
    return {agent_id: Activity(**times[agent_id], not_ready=not_ready[agent_id], **counts[agent_id]) for agent_id in agent_ids}


# each row lasts until the agent's next one; what they were doing when the span began is the last row before it
_TIMES = """
    SELECT t.agent_id, t.doing, t.reason, sum(t.ends - t.begins) AS lasted FROM (
        SELECT s.agent_id, s.doing, CASE WHEN s.doing = 'not_ready' THEN s.reason ELSE '' END AS reason, greatest(s.at, %(since)s) AS begins,
            greatest(s.at, %(since)s, coalesce(lead(s.at) OVER (PARTITION BY s.agent_id ORDER BY s.at, s.id), %(until)s)) AS ends
        FROM (
            SELECT b.* FROM unnest(%(agents)s::bigint[]) AS a(agent_id) CROSS JOIN LATERAL (
                SELECT id, agent_id, at, doing, reason FROM agents_statechange s
                WHERE s.agent_id = a.agent_id AND s.at < %(since)s ORDER BY s.at DESC, s.id DESC LIMIT 1
            ) b
            UNION ALL
            SELECT id, agent_id, at, doing, reason FROM agents_statechange
            WHERE agent_id = ANY(%(agents)s) AND at >= %(since)s AND at < %(until)s
        ) s
    ) t GROUP BY t.agent_id, t.doing, t.reason HAVING sum(t.ends - t.begins) > interval '0'
"""

_COUNTS = """
    SELECT a.agent_id, count(c.id) AS calls, count(DISTINCT c.contact_id) FILTER (WHERE c.reached) AS reached,
        count(c.id) FILTER (WHERE c.success) AS successes, count(c.id) FILTER (WHERE c.kept) AS callbacks,
        (SELECT count(*) FROM campaigns_callback b JOIN agents_agent g ON g.user_id = b.created_by_id
         WHERE g.id = a.agent_id AND b.created_at >= %(since)s AND b.created_at < %(until)s) AS promised,
        (SELECT count(DISTINCT s.interaction_id) FROM agents_statechange s JOIN agents_interaction i ON i.id = s.interaction_id AND i.origin = 'inbound'
         WHERE s.agent_id = a.agent_id AND s.doing = 'on_call' AND s.at >= %(since)s AND s.at < %(until)s) AS taken
    FROM unnest(%(agents)s::bigint[]) AS a(agent_id) LEFT JOIN (
        SELECT t.id, t.agent_id, t.contact_id, t.outcome = %(connected)s AND d.kind IS DISTINCT FROM %(wrong)s AS reached,
            d.kind = %(success)s AS success, i.origin IN ('callback', 'personal_callback') AS kept
        FROM campaigns_attempt t LEFT JOIN campaigns_disposition d ON d.id = t.disposition_id
        LEFT JOIN agents_interaction i ON i.id = t.interaction_id
        WHERE t.agent_id = ANY(%(agents)s) AND t.dialed_at >= %(since)s AND t.dialed_at < %(until)s
    ) c ON c.agent_id = a.agent_id
    GROUP BY a.agent_id
"""
