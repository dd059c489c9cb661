"""The safety promises, one SQL query each: it finds who breaks the promise, so an empty answer is the good one. The promise of the law is asked
of a second implementation of it, call by call.

Every query is one statement and so sees one moment of the database: what a transaction keeps together is compared exactly. Only where two
rows carry the clocks of two processes is `CROSSING` allowed between them: each reads its clock first and waits for its lock afterwards.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from campaigns.rules import holidays, oracle
from campaigns.rules.modes import MODES, Source
from dialer_project.lib import sql
from telephony.calls import SENT_WITHIN

# how far the clocks two processes wrote into their rows may lie against the order in which they committed
CROSSING = "interval '500 milliseconds'"
# from the answer to a person or the message: two seconds, and the time the carrier takes to carry it out
ANSWER_TO_VOICE = "interval '2500 milliseconds'"
AT_MOST = 1000  # offending ids told at once


@dataclass(frozen=True, slots=True)
class Invariant:
    """`sql` selects the offending ids, and may ask for %(now)s; or `find` finds them."""

    id: str
    sentence: str
    sql: str = ""
    find: Callable[[], Iterator[str]] | None = None

    def offenders(self, *, now: datetime) -> tuple[str, ...]:
        if self.find is not None:
            return tuple(sorted(self.find()))[:AT_MOST]
        asked = f"SELECT DISTINCT offending.id::text AS id FROM ({self.sql}) AS offending(id) ORDER BY 1 LIMIT {AT_MOST}"
        return tuple(row.id for row in sql.rows(asked, {"now": now}))


@dataclass(frozen=True, slots=True)
class Broken:
    id: str
    sentence: str
    ids: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.id}  {self.sentence}  Broken by: {', '.join(self.ids)}"


class PromiseBroken(Exception):
    """A safety invariant does not hold."""


def broken(*, now: datetime, invariants: Sequence[Invariant] | None = None) -> list[Broken]:
    """Those that do not hold, with the ids that break them."""
    asked = [(each, each.offenders(now=now)) for each in (ALL if invariants is None else invariants)]
    return [Broken(each.id, each.sentence, ids) for each, ids in asked if ids]


def check(*, now: datetime) -> None:
    """Raises PromiseBroken with every promise broken: the last line of a test."""
    if found := broken(now=now):
        raise PromiseBroken("\n".join(str(each) for each in found))


def _twice(table: str, column: str, *where: str) -> str:
    """Rows that meet every condition, each beginning with a column's name, and share `column` with another that does."""
    one, other = (" AND ".join(f"{row}.{condition}" for condition in where) for row in ("a", "b"))
    return f"""
        SELECT a.id FROM {table} a WHERE {one} AND a.{column} IS NOT NULL AND EXISTS (
            SELECT 1 FROM {table} b WHERE {other} AND b.{column} = a.{column} AND b.id <> a.id)"""


def _overlapping(column: str) -> str:
    """Attempts dialed before an earlier dialed one of the same `column` had ended, whatever the state of either by now."""
    return f"""
        SELECT id FROM (
            SELECT id, dialed_at, max(coalesce(concluded_at, 'infinity')) OVER (
                PARTITION BY {column} ORDER BY dialed_at, id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS earlier_ended
            FROM campaigns_attempt WHERE dialed_at IS NOT NULL) AS dialed
        WHERE dialed_at < earlier_ended"""


# so many calls are held against the law at once
BATCH = 500


def _against_the_law() -> Iterator[str]:
    """Calls dialed outside the hours of a rule pack that their permit names, or past its caps and holds, by `rules/oracle`. Calls of all
    campaigns are counted, as far back as the longest window of any pack."""
    packs = {f"{row.name} v{row.version}": sql.loaded(row.rules) for row in sql.rows("SELECT name, version, rules FROM campaigns_rulepack")}
    if not packs:
        return
    closed = {
        row.name: {date.fromisoformat(day) for day in sql.loaded(row.days)}
        for row in sql.rows(
            "SELECT c.name, json_agg(h.day) AS days FROM campaigns_holidaycalendar c JOIN campaigns_holiday h ON h.calendar_id = c.id GROUP BY c.name"
        )
    }
    furthest = timedelta(hours=max((rule.get("hours", 0) for rules in packs.values() for rule in rules), default=0) + 24)
    after = UUID(int=0)
    while batch := sql.rows(_CALLS_UNDER_PACKS, {"after": after, "furthest": furthest, "at_most": BATCH}):
        for row in batch:
            rules = [rule for label in sql.loaded(row.rules) for rule in packs.get(label, ())]
            new = {"at": row.dialed_at, "number": row.e164, "person": row.contact_id, "lead": row.lead_id}
            ring_for = timedelta(seconds=row.ring_for or 0)
            places = sql.loaded(row.places) or ()
            public = _public_holidays(places, closed, row.dialed_at) if any(rule["kind"] == "public_holidays" for rule in rules) else {}
            if oracle.hours_broken(rules, sql.loaded(row.zones), row.dialed_at, ring_for, closed, places, public) or oracle.caps_broken(
                rules, [_call(earlier) for earlier in sql.loaded(row.earlier) or ()], new
            ):
                yield str(row.id)
        after = batch[-1].id


def _public_holidays(places: Sequence[str], kept: Mapping[str, set[date]], at: datetime) -> dict[str, set[date]]:
    """Of each country among them, and of its regions, by the calendar named after it, else as they are known."""
    found: dict[str, set[date]] = {}
    for place in holidays.counted(places):
        for year in {(at + timedelta(days=away)).year for away in (-1, 1)}:
            theirs = {day for day in kept.get(place, ()) if day.year == year}
            found.setdefault(place, set()).update(theirs or holidays.days_of(place, year))
    return found


def _call(row: dict[str, Any]) -> dict[str, Any]:
    """An earlier call as the oracle wants it; one that has not ended yet ends now, at the latest."""
    at = datetime.fromisoformat(row["at"])
    return {**row, "at": at, "ended": datetime.fromisoformat(row["ended"]) if row["ended"] else at}


_CALLS_UNDER_PACKS = """
    SELECT a.id, a.dialed_at, a.e164, a.contact_id, a.lead_id, p.evidence -> 'rules' AS rules, p.evidence -> 'zones' AS zones, p.evidence -> 'places' AS places,
        (v.settings ->> 'ring_for')::int AS ring_for,
        (SELECT json_agg(json_build_object('at', e.at, 'ended', e.ended, 'outcome', e.outcome, 'number', e.number,
                'person', e.person, 'lead', e.lead)) FROM (
            SELECT e.dialed_at AS at, e.concluded_at AS ended, e.outcome, e.e164 AS number, e.contact_id AS person, e.lead_id AS lead
            FROM campaigns_attempt e WHERE (e.contact_id = a.contact_id OR e.e164 = a.e164) AND e.id <> a.id
                AND e.dialed_at < a.dialed_at AND e.dialed_at > a.dialed_at - %(furthest)s
            UNION ALL
            SELECT b.answered_at, b.ended_at, 'they_called', b.number, o.contact_id, b.lead_id
            FROM campaigns_inboundcall b LEFT JOIN campaigns_lead o ON o.id = b.lead_id
            WHERE (b.number = a.e164 OR b.lead_id IN (SELECT l.id FROM campaigns_lead l WHERE l.contact_id = a.contact_id))
                AND b.answered_at < a.dialed_at AND b.answered_at > a.dialed_at - %(furthest)s) e) AS earlier
    FROM campaigns_attempt a JOIN campaigns_permit p ON p.attempt_id = a.id
    LEFT JOIN campaigns_campaignversion v ON v.campaign_id = a.campaign_id AND v.number = a.version
    WHERE a.id > %(after)s AND a.dialed_at IS NOT NULL AND jsonb_array_length(p.evidence -> 'rules') > 0
    ORDER BY a.id LIMIT %(at_most)s
"""


# spelt as the database holds them
# whose leads begin anew with each call of theirs to us
BEGINS_ANEW = f"({', '.join(repr(mode.key) for mode in MODES.values() if mode.source is Source.MISSED_CALLS)})"
ANSWERED = "('connected', 'abandoned', 'early_hang_up', 'machine', 'fax')"
NOT_THE_CUSTOMER = "('congestion', 'trunk_not_responding', 'cancelled', 'failed')"
ON_A_CALL = "('connecting', 'connected')"

ALL: tuple[Invariant, ...] = (
    Invariant(
        "S1.lead",
        "A lead has at most one open attempt.",
        _twice("campaigns_attempt", "lead_id", "state = 'open'"),
    ),
    Invariant(
        "S1.contact",
        "A person has at most one open attempt, whichever campaign or number.",
        _twice("campaigns_attempt", "contact_id", "state = 'open'"),
    ),
    Invariant(
        "S1.number",
        "A phone number has at most one open attempt, whoever's number it is.",
        _twice("campaigns_attempt", "e164", "state = 'open'"),
    ),
    Invariant("S1.number-past", "No number was ever dialed while an earlier call to it lived.", _overlapping("e164")),
    Invariant("S1.contact-past", "No person was ever dialed while an earlier call to them lived.", _overlapping("contact_id")),
    Invariant(
        "S2.agent",
        "An agent has at most one open interaction.",
        _twice("agents_interaction", "agent_id", "phase <> 'closed'"),
    ),
    Invariant(
        "S2.agent-past",
        "No agent ever had a new interaction before the one in hand was closed.",
        """
        SELECT id FROM (
            SELECT id, opened_at, max(coalesce(closed_at, 'infinity')) OVER (
                PARTITION BY agent_id ORDER BY opened_at, id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS earlier_closed
            FROM agents_interaction) AS opened
        WHERE opened_at < earlier_closed""",
    ),
    Invariant(
        "S2.lead",
        "A lead is owned by at most one open interaction.",
        _twice("agents_interaction", "lead_id", "owns_lead", "phase <> 'closed'"),
    ),
    Invariant(
        "S2.call",
        "A call is in the hands of at most one agent.",
        _twice("agents_interaction", "call_id", "owns_lead", "phase <> 'closed'"),
    ),
    Invariant(
        "S2.session",
        "An agent with work in hand has a session, so that their screen has a version to show.",
        """
        SELECT i.id FROM agents_interaction i
        WHERE i.phase <> 'closed' AND NOT EXISTS (SELECT 1 FROM agents_session s WHERE s.agent_id = i.agent_id)""",
    ),
    Invariant(
        "S2.bridge",
        "A conversation holds at most one customer.",
        _twice("telephony_call", "bridge", "party = 'customer'", "state <> 'ended'"),
    ),
    Invariant(
        "S3",
        "Every call rang within the hours of the campaign's version, in every time zone its number may be in, or in the one confirmed.",
        """
        SELECT a.id
        FROM campaigns_attempt a
        JOIN campaigns_campaignversion v ON v.campaign_id = a.campaign_id AND v.number = a.version
        JOIN campaigns_phonenumber p ON p.id = a.phone_id
        LEFT JOIN campaigns_permit m ON m.attempt_id = a.id
        LEFT JOIN campaigns_zoneconfirmation z ON z.contact_id = a.contact_id
            AND z.at <= a.planned_at AND coalesce(z.ended_at, 'infinity') > a.planned_at
        -- of a number without zones of its own the permit says which were meant; no zone at all breaks the promise
        LEFT JOIN LATERAL unnest(CASE WHEN z.zone IS NOT NULL THEN ARRAY[z.zone]
            WHEN p.zones = '{}' THEN ARRAY(SELECT jsonb_array_elements_text(m.evidence -> 'zones')) ELSE p.zones END) AS possible(zone) ON true
        -- the first moment of the ringing, and the last there may be
        CROSS JOIN LATERAL (VALUES (a.dialed_at), (a.dialed_at + make_interval(secs => (v.settings ->> 'ring_for')::int) - interval '1 microsecond')) AS rings(at)
        LEFT JOIN LATERAL (SELECT rings.at AT TIME ZONE possible.zone AS time) AS local ON true
        WHERE rings.at IS NOT NULL AND jsonb_typeof(v.settings -> 'week') = 'object' AND NOT EXISTS (
            SELECT 1 FROM jsonb_array_elements(
                coalesce(v.settings -> 'week' -> to_char(local.time, 'dy'), '[]'::jsonb)) AS span
            WHERE to_char(local.time, 'HH24:MI:SS') >= span ->> 0 AND to_char(local.time, 'HH24:MI:SS') < span ->> 1)""",
    ),
    Invariant(
        "S3.law",
        "Every call was dialed within the hours, caps and holds of the rule packs its permit names, by a second implementation of them.",
        find=_against_the_law,
    ),
    Invariant(
        "S4",
        "No call was planned or dialed to a number after it was put on a do-not-call list, the organisation's or the campaign's.",
        f"""
        SELECT a.id
        FROM campaigns_donotcall d
        JOIN campaigns_phonenumber p ON p.number_key = d.number_key
        JOIN campaigns_attempt a ON a.phone_id = p.id AND (d.campaign_id IS NULL OR d.campaign_id = a.campaign_id)
        WHERE d.created_at + {CROSSING} < coalesce(a.dialed_at, a.planned_at) AND coalesce(a.planned_at < d.expires_at, true)""",
    ),
    Invariant(
        "S5",
        "No lead was dialed more often than its campaign's version allows; calls the carrier lost are not counted, nor is anybody who calls us again.",
        f"""
        SELECT a.id
        FROM campaigns_attempt a
        JOIN campaigns_campaignversion v ON v.campaign_id = a.campaign_id AND v.number = a.version
        WHERE a.dialed_at IS NOT NULL AND jsonb_typeof(v.settings -> 'max_attempts') = 'number'
            AND coalesce(v.settings ->> 'mode_key', '') NOT IN {BEGINS_ANEW} AND (
            SELECT count(*) FROM campaigns_attempt earlier
            WHERE earlier.lead_id = a.lead_id AND earlier.dialed_at < a.dialed_at
                AND coalesce(earlier.outcome, '') NOT IN {NOT_THE_CUSTOMER}) >= (v.settings ->> 'max_attempts')::int""",
    ),
    Invariant(
        "S5.ledger",
        "A lead's number of attempts is the number of its calls in the ledger that were dialed.",
        """
        SELECT l.id
        FROM campaigns_lead l
        LEFT JOIN LATERAL (
            SELECT count(*) FILTER (WHERE a.state = 'concluded') AS ended, count(*) AS dialed
            FROM campaigns_attempt a WHERE a.lead_id = l.id AND a.dialed_at IS NOT NULL) AS ledger ON true
        WHERE l.attempts_made NOT BETWEEN ledger.ended AND ledger.dialed""",
    ),
    Invariant(
        "S6",
        "An attempt has an outcome, and the time of it, exactly when it is concluded.",
        """
        SELECT id FROM campaigns_attempt
        WHERE (state = 'concluded') <> (outcome IS NOT NULL) OR (state = 'concluded') <> (concluded_at IS NOT NULL)""",
    ),
    Invariant(
        "S6.call",
        "An attempt is open exactly as long as its customer's leg lives.",
        """
        SELECT a.id FROM campaigns_attempt a JOIN telephony_call c ON c.id = a.id
        WHERE (a.state = 'open') <> (c.state <> 'ended')""",
    ),
    Invariant(
        "S6.leg",
        "Every attempt has its customer's leg under its own id, to its own number.",
        """
        SELECT a.id FROM campaigns_attempt a
        WHERE NOT EXISTS (SELECT 1 FROM telephony_call c WHERE c.id = a.id AND c.party = 'customer' AND c.address = a.e164)""",
    ),
    Invariant(
        "S6.ended",
        "A call has its end and its cause exactly when it has ended.",
        """
        SELECT id FROM telephony_call
        WHERE (state = 'ended') <> (ended_at IS NOT NULL) OR (state = 'ended') <> (cause <> '')""",
    ),
    Invariant(
        "S6.belongs",
        "An attempt belongs to its lead's campaign and person, and to a number of that person.",
        """
        SELECT a.id FROM campaigns_attempt a
        JOIN campaigns_lead l ON l.id = a.lead_id
        JOIN campaigns_phonenumber p ON p.id = a.phone_id
        WHERE a.campaign_id <> l.campaign_id OR a.contact_id <> l.contact_id OR p.contact_id <> l.contact_id""",
    ),
    Invariant(
        "S7.outcome",
        "An answered call was connected, abandoned, hung up early by the customer, or no person; one that was not was neither of the first two.",
        # a call may be known to have been answered only by the way it ended: the customer hung up, and the news of the answer was lost
        f"""
        SELECT id FROM campaigns_attempt
        WHERE state = 'concluded' AND (
            (answered_at IS NOT NULL AND outcome NOT IN {ANSWERED})
            OR (answered_at IS NULL AND outcome IN ('connected', 'abandoned')))""",
    ),
    Invariant(
        "S7.connected",
        "A call counts as connected exactly when an agent was reached, and a person with them.",
        """
        SELECT id FROM campaigns_attempt
        WHERE state = 'concluded' AND (outcome = 'connected') <> (connected_at IS NOT NULL AND NOT machine)""",
    ),
    Invariant(
        "S7.agree",
        "The ledger and the call agree whether the customer answered and whether an agent was reached.",
        """
        SELECT a.id FROM campaigns_attempt a JOIN telephony_call c ON c.id = a.id
        WHERE a.state = 'concluded' AND (
            (a.answered_at IS NULL) <> (c.answered_at IS NULL) OR (a.connected_at IS NULL) <> (c.connected_at IS NULL))""",
    ),
    Invariant(
        "S7.two-seconds",
        "Every customer who answered had an agent, the message or hung up within two seconds, of the verdict where a machine was listened for.",
        # a machine needs no message; where the carrier's own machine died, the end is only known from when it was found
        f"""
        SELECT c.id FROM telephony_call c LEFT JOIN campaigns_attempt a ON a.id = c.id
        WHERE c.party = 'customer' AND c.answered_at IS NOT NULL
            AND coalesce(a.outcome, '') NOT IN ('machine', 'fax') AND c.cause NOT IN ('node_lost', 'unknown')
            AND least(c.connected_at, c.announcing_at, c.ended_at, %(now)s) > coalesce(c.waits_since, c.answered_at) + {ANSWER_TO_VOICE}""",
    ),
    Invariant(
        "S8.deadline",
        "Work that waits for a phone, a customer or a verdict has a time at which somebody looks.",
        """
        SELECT id FROM agents_interaction
        WHERE phase IN ('offered', 'checking', 'ringing_agent', 'dialing', 'connecting', 'connected')
            AND deadline IS NULL AND dial_due IS NULL""",
    ),
    Invariant(
        "S8.call-gone",
        "No agent is left on a call that has ended.",
        # a number that was not reached stays named for the moment until the next one is dialed
        f"""
        SELECT i.id FROM agents_interaction i JOIN telephony_call c ON c.id = i.call_id
        WHERE c.state = 'ended' AND (
            i.phase IN {ON_A_CALL}
            OR (i.phase IN ('ringing_agent', 'dialing') AND i.dial_due IS NULL AND c.ended_at < %(now)s - interval '1 minute'))""",
    ),
    Invariant(
        "S8.asked",
        "An agent who was asked into a conversation, and has not been given its customer, is at it exactly as long as they are wanted there.",
        """
        SELECT i.id FROM agents_interaction i
        WHERE i.origin = 'transfer' AND i.phase <> 'closed' AND i.call_id IS NULL
            AND NOT EXISTS (SELECT 1 FROM campaigns_thirdparty t WHERE t.id = i.id AND t.state <> 'ended')
        UNION ALL
        SELECT t.id FROM campaigns_thirdparty t JOIN agents_interaction i ON i.id = t.id
        WHERE t.to_agent_id IS NOT NULL AND t.state <> 'ended' AND i.phase = 'closed'""",
    ),
    Invariant(
        "S8.lead-busy",
        "A lead is busy only while it is in an agent's hands or being dialed.",
        """
        SELECT l.id FROM campaigns_lead l
        WHERE l.state = 'busy'
            AND NOT EXISTS (SELECT 1 FROM agents_interaction i WHERE i.lead_id = l.id AND i.owns_lead AND i.phase <> 'closed')
            AND NOT EXISTS (SELECT 1 FROM campaigns_attempt a WHERE a.lead_id = l.id AND a.state = 'open')""",
    ),
    Invariant(
        "S8.lead-free",
        "A lead that waits or is finished is in nobody's hands and is not being dialed.",
        """
        SELECT l.id FROM campaigns_lead l JOIN agents_interaction i ON i.lead_id = l.id AND i.owns_lead AND i.phase <> 'closed'
        WHERE l.state <> 'busy'
        UNION ALL
        SELECT l.id FROM campaigns_lead l JOIN campaigns_attempt a ON a.lead_id = l.id AND a.state = 'open'
        WHERE l.state <> 'busy'""",
    ),
    Invariant(
        "S8.names",
        "The lead, campaign, number, disposition and call an interaction names by bare id exist.",
        """
        SELECT i.id FROM agents_interaction i
        WHERE (i.lead_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM campaigns_lead l WHERE l.id = i.lead_id))
            OR (i.campaign_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM campaigns_campaign c WHERE c.id = i.campaign_id))
            OR (i.phone_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM campaigns_phonenumber p WHERE p.id = i.phone_id))
            OR (i.disposition_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM campaigns_disposition d WHERE d.id = i.disposition_id))
            OR (i.call_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM telephony_call c WHERE c.id = i.call_id))""",
    ),
    Invariant(
        "S9",
        "A personal callback is kept by the agent who promised it, until the time from which anybody may.",
        """
        SELECT a.id FROM campaigns_callback b JOIN campaigns_attempt a ON a.lead_id = b.lead_id
        WHERE b.kind = 'personal' AND b.agent_id IS NOT NULL AND a.agent_id IS DISTINCT FROM b.agent_id
            AND a.planned_at >= least(b.created_at, b.due_at)
            AND a.planned_at < coalesce(b.fallback_at, 'infinity') AND a.planned_at < coalesce(b.closed_at, 'infinity')""",
    ),
    Invariant(
        "S9.open",
        "A promised callback is still possible: its lead is not finished and its campaign has not ended.",
        """
        SELECT b.id FROM campaigns_callback b
        JOIN campaigns_lead l ON l.id = b.lead_id
        JOIN campaigns_campaign c ON c.id = l.campaign_id
        WHERE b.state = 'open' AND (l.state = 'final' OR c.state IN ('stopped', 'completed'))""",
    ),
    Invariant(
        "S9.reserved",
        "A lead is reserved for an agent exactly while it waits for that agent's personal callback.",
        """
        SELECT l.id FROM campaigns_lead l
        WHERE l.reserved_for_id IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM campaigns_callback b
            WHERE b.lead_id = l.id AND b.state = 'open' AND b.kind = 'personal' AND b.agent_id = l.reserved_for_id)
        UNION ALL
        SELECT l.id FROM campaigns_callback b JOIN campaigns_lead l ON l.id = b.lead_id
        WHERE b.state = 'open' AND b.kind = 'personal' AND b.agent_id IS NOT NULL AND l.state = 'waiting'
            AND (b.fallback_at IS NULL OR b.fallback_at > %(now)s) AND l.reserved_for_id IS DISTINCT FROM b.agent_id""",
    ),
    Invariant(
        "S10",
        "Nothing was planned under the epoch that a stop began.",
        """
        SELECT a.id FROM campaigns_attempt a JOIN campaigns_campaign c ON c.id = a.campaign_id
        WHERE a.epoch > c.epoch OR (c.state = 'stopped' AND a.epoch = c.epoch)""",
    ),
    Invariant(
        "S10.dialed",
        "Nothing was planned or dialed while its campaign was not running.",
        f"""
        SELECT a.id
        FROM campaigns_attempt a
        CROSS JOIN LATERAL (
            SELECT ch.state FROM campaigns_campaignchange ch
            WHERE ch.campaign_id = a.campaign_id AND ch.at < coalesce(a.dialed_at, a.planned_at) - {CROSSING}
            ORDER BY ch.at DESC, ch.id DESC LIMIT 1) AS before
        WHERE before.state <> 'running' AND NOT EXISTS (
            SELECT 1 FROM campaigns_campaignchange ch
            WHERE ch.campaign_id = a.campaign_id AND ch.state = 'running'
                AND ch.at BETWEEN coalesce(a.dialed_at, a.planned_at) - {CROSSING} AND coalesce(a.dialed_at, a.planned_at))""",
    ),
    Invariant(
        "S12",
        "A campaign is in the state its last recorded change left it in.",
        """
        SELECT c.id
        FROM campaigns_campaign c
        CROSS JOIN LATERAL (
            SELECT ch.state FROM campaigns_campaignchange ch WHERE ch.campaign_id = c.id ORDER BY ch.at DESC, ch.id DESC LIMIT 1) AS last
        WHERE last.state <> c.state""",
    ),
    Invariant(
        "S14",
        "Every row of a file that was read is accepted, a duplicate or rejected.",
        """
        SELECT id FROM campaigns_listimport WHERE state = 'done' AND rows <> accepted + duplicates + rejected""",
    ),
    Invariant(
        "S15.permit",
        "Every attempt has the permit that allowed it, and was sent to the carrier while it held.",
        # by when it must have been sent: what was held up for longer since the last look is sent no more
        f"""
        SELECT a.id FROM campaigns_attempt a
        LEFT JOIN campaigns_permit p ON p.attempt_id = a.id LEFT JOIN telephony_call c ON c.id = a.id
        WHERE p.attempt_id IS NULL OR least(a.dialed_at, c.dialing_at) < p.decided_at
            OR greatest(a.dialed_at, c.dialing_at) + interval '{SENT_WITHIN.total_seconds()} seconds' > p.valid_until""",
    ),
    Invariant(
        "S15.ledger",
        "No customer was dialed past the ledger.",
        """
        SELECT c.id FROM telephony_call c
        WHERE c.party = 'customer' AND (c.state = 'planned' OR c.dialing_at IS NOT NULL)
            AND NOT EXISTS (SELECT 1 FROM campaigns_attempt a WHERE a.id = c.id)""",
    ),
    Invariant(
        "S15.caller-id",
        "A live call shows only a number of ours that is verified.",
        """
        SELECT c.id FROM telephony_call c
        WHERE c.party IN ('customer', 'third') AND c.state <> 'ended' AND c.dialing_at IS NOT NULL AND c.caller_id <> ''
            AND NOT EXISTS (SELECT 1 FROM telephony_callerid i WHERE i.e164 = c.caller_id AND i.verified)""",
    ),
)
