"""Hand-tuned SQL: the leads due now, claimed for us."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil, sqrt
from typing import Any

from campaigns.rules.lifecycle import Boost
from dialer_project.lib import sql

# everything the permit and the card need of a lead, beside its numbers
_LEAD = """
    l.id, l.campaign_id, l.contact_id, l.zone_group_id, l.boost, l.next_call_at, l.next_phone_id, l.reserved_for_id, l.attempts_made, l.tries,
    l.misses, l.last_missed_by_id, l.reason
"""
BEGINNING = datetime(1900, 1, 1, tzinfo=UTC)
# how long a batch that was asked by a version may go on after the next one was written, another process' clock included
ASKED_MEANWHILE = timedelta(seconds=15)


@dataclass(frozen=True, slots=True)
class Floor:
    """How far one queue of a campaign has been eaten: no due lead stands before this place."""

    zone_group: int
    boost: int
    at: datetime
    id: int


@dataclass(frozen=True, slots=True)
class DueLead:
    id: int
    campaign_id: int
    contact_id: int
    zone_group_id: int
    boost: int
    next_call_at: datetime
    next_phone_id: int | None
    reserved_for_id: int | None
    attempts_made: int
    tries: Mapping[str, int]
    misses: int
    last_missed_by_id: int | None
    reason: str


# two queues of waiting leads, an index each: the long one, and the short one of those that go first
_FIRST, _REST = f"< {Boost.NORMAL.value}", f"= {Boost.NORMAL.value}"


def _waiting(campaign: str, boost: str) -> str:
    return f"l.campaign_id = {campaign} AND l.state = 'waiting' AND l.reserved_for_id IS NULL AND l.boost {boost}"


def zone_groups(campaign_id: int) -> dict[int, tuple[str, ...]]:
    """The zone groups of a campaign's waiting leads: a loose scan that jumps from group to group through each of the claim's indexes,
    backwards, because the eaten leads lie where each group begins."""

    def jumps(name: str, boost: str) -> str:
        waiting = f"SELECT l.zone_group_id FROM campaigns_lead l WHERE {_waiting('%(c)s', boost)}"
        return f"""
            {name} AS (
                ({waiting} ORDER BY l.zone_group_id DESC LIMIT 1)
                UNION ALL
                SELECT ({waiting} AND l.zone_group_id < g.zone_group_id ORDER BY l.zone_group_id DESC LIMIT 1)
                FROM {name} g WHERE g.zone_group_id IS NOT NULL
            )
        """

    return {
        row.id: tuple(row.zones)
        for row in sql.rows(
            f"""
            WITH RECURSIVE {jumps("first", _FIRST)}, {jumps("rest", _REST)}
            SELECT z.id, z.zones FROM (TABLE first UNION TABLE rest) g JOIN campaigns_zonegroup z ON z.id = g.zone_group_id
            """,
            {"c": campaign_id},
        )
    }


def due_groups(pools: Sequence[int], *, now: datetime) -> list[sql.Row]:
    """(pool, campaign_id, zones) wherever a running campaign of these pools has a due lead: one statement for all, whose cost grows neither
    with their lists nor with what is due later, nor with what was eaten."""

    def jumps(name: str, boost: str) -> str:
        return f"""
            {name} AS (
                SELECT c.id AS campaign_id, c.pool,
                    (SELECT l.zone_group_id FROM campaigns_lead l WHERE {_waiting("c.id", boost)} ORDER BY l.zone_group_id DESC LIMIT 1) AS zone_group
                FROM campaigns_campaign c WHERE c.state = 'running' AND c.pool = ANY(%(pools)s)
                UNION ALL
                SELECT g.campaign_id, g.pool, (SELECT l.zone_group_id FROM campaigns_lead l
                    WHERE {_waiting("g.campaign_id", boost)} AND l.zone_group_id < g.zone_group ORDER BY l.zone_group_id DESC LIMIT 1)
                FROM {name} g WHERE g.zone_group IS NOT NULL
            )
        """

    def due(boost: str, key: str) -> str:
        return f"""EXISTS (
            SELECT 1 FROM campaigns_lead l WHERE {_waiting("g.campaign_id", boost)} AND l.zone_group_id = g.zone_group {key}
              AND l.next_call_at <= %(now)s ORDER BY l.next_call_at DESC, l.id DESC LIMIT 1
        )"""

    one_of = f"EXISTS (SELECT 1 FROM unnest(%(boosts)s::smallint[]) AS q(boost) WHERE {due(_FIRST, 'AND l.boost = q.boost')})"
    return sql.rows(
        f"""
        WITH RECURSIVE {jumps("first", _FIRST)}, {jumps("rest", _REST)}
        SELECT DISTINCT g.pool, g.campaign_id, z.zones FROM (
            SELECT g.* FROM first g WHERE {one_of}
            UNION ALL
            SELECT g.* FROM rest g WHERE {due(_REST, "")}
        ) g JOIN campaigns_zonegroup z ON z.id = g.zone_group
        """,
        {"pools": list(pools), "boosts": [boost.value for boost in Boost if boost < Boost.NORMAL], "now": now},
    )


def _next(queues: str, at_most: str) -> str:
    """Of each of these queues (queue, zone_group, boost, at, id) so many due leads that come after its `at` and `id`."""

    def of(boost: str, key: str) -> str:
        return f"""
            SELECT h.* FROM (SELECT * FROM {queues} WHERE boost {boost}) q CROSS JOIN LATERAL (
                SELECT q.queue, q.zone_group, l.ctid AS place, l.boost, l.next_call_at, l.id FROM campaigns_lead l
                WHERE {_waiting("%(campaign)s", boost)} AND l.zone_group_id = q.zone_group {key}
                  AND l.next_call_at <= %(now)s AND (l.next_call_at, l.id) > (q.at, q.id)
                ORDER BY l.next_call_at, l.id LIMIT {at_most}
            ) h
        """

    return f"{of(_FIRST, 'AND l.boost = q.boost')} UNION ALL {of(_REST, '')}"


CLAIM = f"""
    WITH q AS (
        SELECT * FROM unnest(%(groups)s::bigint[], %(boosts)s::smallint[], %(floors_at)s::timestamptz[], %(floors_id)s::bigint[])
            WITH ORDINALITY AS q(zone_group, boost, at, id, queue)
        WHERE EXISTS (SELECT 1 FROM campaigns_campaign c WHERE c.id = %(campaign)s AND c.state = 'running' AND c.epoch = %(epoch)s)
    ), head AS MATERIALIZED (
        SELECT h.*, row_number() OVER (PARTITION BY h.queue ORDER BY h.next_call_at, h.id) AS nth FROM ({_next("q", "%(of_each)s")}) h
    ), enough AS (
        SELECT h.boost, h.next_call_at, h.id FROM head h ORDER BY h.boost, h.next_call_at, h.id OFFSET %(at_most)s - 1 LIMIT 1
    ), cut AS MATERIALIZED (
        -- whose head was cut before there was enough may go on right there
        SELECT h.queue, h.zone_group, h.boost, h.next_call_at AS at, h.id FROM head h LEFT JOIN enough e ON true
        WHERE h.nth = %(of_each)s AND (e.id IS NULL OR (h.boost, h.next_call_at, h.id) < (e.boost, e.next_call_at, e.id))
    ), pick AS (
        SELECT p.* FROM (
            SELECT h.place, h.boost, h.next_call_at, h.id FROM head h
            UNION ALL
            SELECT m.place, m.boost, m.next_call_at, m.id FROM ({_next("cut", "%(at_most)s")}) m
        ) p ORDER BY p.boost, p.next_call_at, p.id LIMIT %(at_most)s
    )
    SELECT {_LEAD} FROM pick JOIN campaigns_lead l ON l.ctid = pick.place AND l.id = pick.id
    WHERE l.state = 'waiting' AND l.reserved_for_id IS NULL
    FOR UPDATE OF l SKIP LOCKED
"""


def claim(campaign_id: int, *, epoch: int, groups: Sequence[int], floors: Sequence[Floor], at_most: int, now: datetime) -> list[DueLead]:
    """At most so many due leads of the open zone groups, callbacks first, then the top of the list, then the rest by due time; locked
    for this transaction, those that others hold left out. None where the campaign was stopped or paused since `epoch` was read.

    By the place of the row (ctid) from the index to the row, and never past a remembered floor, so that the cost of a lead does not grow
    with the list, with what was eaten before, or with an old snapshot that keeps dead rows. Of many groups only the heads are looked at,
    and further into those alone that have more of what comes next than their share.
    """
    if not groups or at_most < 1:
        return []
    found = sql.rows(CLAIM, claim_params(campaign_id, epoch=epoch, groups=groups, floors=floors, at_most=at_most, now=now))
    return sorted(map(_due, found), key=lambda lead: (lead.boost, lead.next_call_at, lead.id))


def claim_params(campaign_id: int, *, epoch: int, groups: Sequence[int], floors: Sequence[Floor], at_most: int, now: datetime) -> dict[str, Any]:
    """CLAIM's: one queue for each open zone group and boost, from its floor on."""
    known = {(f.zone_group, f.boost): f for f in floors}
    queues = [(group, boost.value) for boost in Boost for group in groups]
    share = at_most / max(1, len(groups))
    return {
        "campaign": campaign_id,
        "epoch": epoch,
        "now": now,
        "at_most": at_most,
        # its share, and twice what one group strays from it by chance
        "of_each": min(at_most, ceil(share + 2 * sqrt(share)) + 1),
        "groups": [g for g, _ in queues],
        "boosts": [b for _, b in queues],
        "floors_at": [known[q].at if q in known else BEGINNING for q in queues],
        "floors_id": [known[q].id if q in known else 0 for q in queues],
    }


def owned(lead_ids: Sequence[int]) -> list[DueLead]:
    """These leads, locked, whoever works on them: for an interaction that dials its own."""
    return [
        _due(row)
        for row in sql.rows(
            f"SELECT {_LEAD} FROM campaigns_lead l WHERE l.id = ANY(%s) AND l.state = 'busy' ORDER BY l.id FOR UPDATE", [list(lead_ids)]
        )
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeper:
    """An agent who may be given personal callbacks of theirs now: of campaigns in these modes, and of these campaigns."""

    agent_id: int
    modes: Sequence[str] = ()
    campaigns: Sequence[int] = ()


# Whether calls of a campaign `c` may be made from a station `st`, by its call application: the softphone is the page, the integrated dialer
# any telephone. Who sits at no station stands for all of them.
SUITS = "(st.kind IS NULL OR c.call_application NOT IN ('softphone', 'integrated') OR (c.call_application = 'softphone') = (st.kind = 'webrtc'))"


def reserved(keepers: Sequence[Keeper], *, now: datetime) -> list[DueLead]:
    """The due personal callbacks of these agents in campaigns they take part in, the oldest of each, locked; those that others hold left out."""
    if not keepers:
        return []
    return [
        _due(row)
        for row in sql.rows(
            f"""
            SELECT {_LEAD} FROM json_to_recordset(%(keepers)s::json) AS a(agent_id bigint, modes json, campaigns json)
            CROSS JOIN LATERAL (
                SELECT r.id FROM campaigns_lead r JOIN campaigns_campaign c ON c.id = r.campaign_id AND c.state = 'running'
                JOIN campaigns_participation p ON p.campaign_id = c.id AND p.agent_id = a.agent_id AND p.state = 'joined'
                LEFT JOIN agents_session s ON s.agent_id = a.agent_id LEFT JOIN agents_station st ON st.id = s.station_id
                WHERE {SUITS} AND r.reserved_for_id = a.agent_id AND r.state = 'waiting' AND r.next_call_at <= %(now)s
                  AND (c.mode_key IN (SELECT json_array_elements_text(a.modes))
                    OR c.id::text IN (SELECT json_array_elements_text(a.campaigns)))
                ORDER BY r.next_call_at, r.id LIMIT 1
            ) first
            JOIN campaigns_lead l ON l.id = first.id
            WHERE l.state = 'waiting' FOR UPDATE OF l SKIP LOCKED
            """,
            {
                "now": now,
                "keepers": sql.records({"agent_id": k.agent_id, "modes": list(k.modes), "campaigns": list(k.campaigns)} for k in keepers),
            },
        )
    ]


def promised(modes: Sequence[str], *, now: datetime, at_most: int = 20) -> list[DueLead]:
    """The due callbacks that anybody may keep, of running campaigns in these modes, the oldest first, locked; those that others hold left
    out."""
    return [
        _due(row)
        for row in sql.rows(
            f"""
            SELECT {_LEAD} FROM campaigns_callback b JOIN campaigns_lead l ON l.id = b.lead_id
            JOIN campaigns_campaign c ON c.id = l.campaign_id AND c.state = 'running' AND c.mode_key = ANY(%(modes)s)
            WHERE b.state = 'open' AND b.due_at <= %(now)s AND l.state = 'waiting' AND l.reserved_for_id IS NULL AND l.next_call_at <= %(now)s
            ORDER BY b.due_at, l.id LIMIT %(at_most)s FOR UPDATE OF l SKIP LOCKED
            """,
            {"modes": list(modes), "now": now, "at_most": at_most},
        )
    ]


def tried(outcomes: Mapping[int, str]) -> None:
    """Lead -> outcome of a call after which it stays in its agent's hands: counted at once, so that the next call knows of it."""
    if outcomes:
        sql.changed(
            """
            UPDATE campaigns_lead l SET last_outcome = o.outcome, misses = 0, last_missed_by_id = NULL,
                tries = jsonb_set(l.tries, ARRAY[o.outcome], to_jsonb(coalesce((l.tries ->> o.outcome)::int, 0) + 1))
            FROM json_to_recordset(%s::json) AS o(id bigint, outcome text) WHERE l.id = o.id AND l.state = 'busy'
            """,
            [sql.records({"id": lead_id, "outcome": outcome} for lead_id, outcome in outcomes.items())],
        )


def _due(row: sql.Row) -> DueLead:
    return DueLead(*(sql.loaded(value) if name == "tries" else value for name, value in zip(row._fields, row, strict=True)))


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadStep:
    """Where a lead goes next. Every refusal and every conclusion is one of these; a lead is never left where it was.

    outcome: of the attempt just concluded, counted in the lead's tries. missed_by: the agent who did not take it.
    """

    id: int
    state: str
    reason: str
    next_call_at: datetime | None = None
    boost: int = Boost.NORMAL
    next_phone: int | None = None
    reserved_for: int | None = None
    outcome: str | None = None
    disposition_id: int | None = None
    missed_by: int | None = None


def step(steps: Sequence[LeadStep], *, now: datetime) -> int:
    """Moves leads on, from waiting or busy; a lead that is final stays so. One statement, and one more where some turn to a number in other time
    zones; returns how many moved."""
    if not steps:
        return 0
    moved = sql.rows(
        """
        WITH s AS (
            SELECT * FROM json_to_recordset(%(steps)s::json) AS s(id bigint, state text, reason text, next_call_at timestamptz, boost smallint,
                next_phone bigint, reserved_for bigint, outcome text, disposition_id bigint, missed_by bigint)
        ), held AS (
            SELECT l.id, l.next_phone_id AS phone_before FROM campaigns_lead l JOIN s USING (id)
            WHERE l.state IN ('waiting', 'busy') ORDER BY l.id FOR UPDATE OF l
        )
        UPDATE campaigns_lead l SET state = s.state, reason = s.reason, next_call_at = coalesce(s.next_call_at, l.next_call_at), boost = s.boost,
            next_phone_id = coalesce(s.next_phone, l.next_phone_id), reserved_for_id = s.reserved_for,
            tries = CASE WHEN s.outcome IS NULL THEN l.tries
                ELSE jsonb_set(l.tries, ARRAY[s.outcome], to_jsonb(coalesce((l.tries ->> s.outcome)::int, 0) + 1)) END,
            last_outcome = coalesce(s.outcome, l.last_outcome), disposition_id = coalesce(s.disposition_id, l.disposition_id),
            misses = CASE WHEN s.missed_by IS NULL THEN CASE WHEN s.outcome IS NULL THEN l.misses ELSE 0 END ELSE l.misses + 1 END,
            last_missed_by_id = CASE WHEN s.missed_by IS NULL AND s.outcome IS NOT NULL THEN NULL ELSE coalesce(s.missed_by, l.last_missed_by_id) END,
            no_callback_since = CASE WHEN s.reason IN ('no_callback', 'callback_not_required') THEN %(now)s ELSE l.no_callback_since END,
            changed_at = %(now)s
        FROM s JOIN held USING (id) WHERE l.id = s.id
        RETURNING l.id, CASE WHEN l.next_phone_id IS DISTINCT FROM phone_before THEN (
            SELECT NOT (p.zones <@ z.zones AND p.zones @> z.zones) FROM campaigns_phonenumber p, campaigns_zonegroup z
            WHERE p.id = l.next_phone_id AND z.id = l.zone_group_id) END AS elsewhere
        """,
        {"now": now, "steps": sql.records({name: getattr(s, name) for name in LeadStep.__dataclass_fields__} for s in steps)},
    )
    regroup([row.id for row in moved if row.elsewhere])
    return len(moved)


def regroup(lead_ids: Sequence[int]) -> set[int]:
    """Puts leads into the zone group of the number they are called on next: the zone in which the person said they are, else those of the
    number; none where no number is left. Never a zone more than the gate asks about, else the claim would pass over whom the gate lets be
    called. One statement after the one that locked them, so that it sees what was said and written until then; returns the campaigns in which
    some have moved.
    """
    if not lead_ids:
        return set()
    return {
        row.campaign_id
        for row in sql.rows(
            """
            WITH led AS MATERIALIZED (
                SELECT l.id, coalesce(
                    (SELECT ARRAY[c.zone] FROM campaigns_zoneconfirmation c WHERE c.contact_id = l.contact_id AND c.ended_at IS NULL),
                    (SELECT ARRAY(SELECT DISTINCT zone COLLATE "C" FROM unnest(p.zones) AS zone ORDER BY 1) FROM campaigns_phonenumber p
                     WHERE p.contact_id = l.contact_id AND p.active
                     ORDER BY (p.id = l.next_phone_id) DESC NULLS LAST, p.position, p.id LIMIT 1),
                    '{}')::varchar[] AS zones
                FROM campaigns_lead l WHERE l.id = ANY(%s)
            ), made AS (
                INSERT INTO campaigns_zonegroup (zones) SELECT DISTINCT led.zones FROM led
                WHERE NOT EXISTS (SELECT 1 FROM campaigns_zonegroup z WHERE z.zones = led.zones) ORDER BY 1
                ON CONFLICT (zones) DO UPDATE SET zones = excluded.zones RETURNING id, zones
            ), known AS (
                SELECT z.id, z.zones FROM campaigns_zonegroup z WHERE z.zones IN (SELECT led.zones FROM led) UNION ALL TABLE made
            )
            UPDATE campaigns_lead l SET zone_group_id = known.id FROM led JOIN known ON known.zones = led.zones
            WHERE l.id = led.id AND l.zone_group_id <> known.id RETURNING l.campaign_id
            """,
            [list(lead_ids)],
        )
    }


def busy(lead_ids: Sequence[int], *, now: datetime) -> set[int]:
    """Waiting becomes busy; returns those that were waiting."""
    if not lead_ids:
        return set()
    return {
        row.id
        for row in sql.rows(
            "UPDATE campaigns_lead SET state = 'busy', changed_at = %s WHERE id = ANY(%s) AND state = 'waiting' RETURNING id", [now, list(lead_ids)]
        )
    }


def heads(campaign_id: int, *, groups: Sequence[int], of_each: int, at_most: int, now: datetime) -> list[sql.Row]:
    """(zone_group, due, reason, leads, first_at) of the leads that stand around `now` in each queue of a campaign: due or not, counted as far
    as `of_each`, `first_at` of those that are not due exact. Without a zone group: those kept for an agent, and those in hand, as far as
    `at_most`. Read outwards from `now`, where nothing was eaten, so that it costs the same in a list of a million."""

    def around(boost: str, key: str) -> str:
        waiting = f"{_waiting('%(campaign)s', boost)} AND l.zone_group_id = g.zone_group {key}"
        return f"""
            (SELECT true AS due, l.reason, l.next_call_at FROM campaigns_lead l WHERE {waiting} AND l.next_call_at <= %(now)s
             ORDER BY l.next_call_at DESC, l.id DESC LIMIT %(of_each)s)
            UNION ALL
            (SELECT false, l.reason, l.next_call_at FROM campaigns_lead l WHERE {waiting} AND l.next_call_at > %(now)s
             ORDER BY l.next_call_at, l.id LIMIT %(of_each)s)
        """

    first = " UNION ALL ".join(around(_FIRST, f"AND l.boost = {boost.value}") for boost in Boost if boost < Boost.NORMAL)
    return sql.rows(
        f"""
        SELECT g.zone_group, h.due, CASE WHEN h.due THEN '' ELSE h.reason END AS reason, count(*) AS leads, min(h.next_call_at) AS first_at
        FROM unnest(%(groups)s::bigint[]) AS g(zone_group) CROSS JOIN LATERAL ({around(_REST, "")} UNION ALL {first}) h GROUP BY 1, 2, 3
        UNION ALL
        SELECT NULL, false, k.reason, count(*), NULL FROM (
            (SELECT 'kept' AS reason FROM campaigns_participation p JOIN campaigns_lead l ON l.reserved_for_id = p.agent_id AND l.state = 'waiting'
             WHERE p.campaign_id = %(campaign)s AND l.campaign_id = %(campaign)s LIMIT %(at_most)s)
            UNION ALL
            (SELECT 'busy' FROM campaigns_lead l WHERE l.campaign_id = %(campaign)s AND l.state = 'busy' LIMIT %(at_most)s)
        ) k GROUP BY k.reason
        """,
        {"campaign": campaign_id, "groups": list(groups), "of_each": of_each, "at_most": at_most, "now": now},
    )


def kept_for(agent_id: int, campaign_id: int) -> sql.Row:
    """(leads, first_at): the campaign's leads that are kept for this agent, and when the first of them is due."""
    return sql.rows(
        """
        SELECT count(*) AS leads, min(next_call_at) AS first_at FROM campaigns_lead
        WHERE reserved_for_id = %(agent)s AND campaign_id = %(campaign)s AND state = 'waiting'
        """,
        {"agent": agent_id, "campaign": campaign_id},
    )[0]


def want_verdicts(service_id: int, phones: Sequence[int], *, holds_until: datetime, now: datetime) -> int:
    """Numbers about which a validation service is to be asked, by their ids; returns how many are new among those. One whose verdict holds
    until then is not asked about again. In one order, so that two who want the same do not deadlock."""
    return sql.changed(
        """
        INSERT INTO campaigns_numbercheck (service_id, number_key, verdict, wanted_at)
        SELECT DISTINCT %(service)s::bigint, p.number_key, '', %(now)s::timestamptz FROM campaigns_phonenumber p
        WHERE p.id = ANY(%(phones)s) AND p.active AND NOT EXISTS (
            SELECT 1 FROM campaigns_numbercheck v WHERE v.service_id = %(service)s AND v.number_key = p.number_key
              AND (v.wanted_at IS NOT NULL OR v.valid_until > %(holds_until)s))
        ORDER BY p.number_key
        ON CONFLICT (service_id, number_key) DO UPDATE SET wanted_at = excluded.wanted_at WHERE campaigns_numbercheck.wanted_at IS NULL
        """,
        {"service": service_id, "phones": list(phones), "holds_until": holds_until, "now": now},
    )


def verdicts_came(number_keys: Sequence[str], *, now: datetime) -> list[int]:
    """Leads that waited for a verdict on one of these numbers are due now; returns their campaigns."""
    return [
        row.campaign_id
        for row in sql.rows(
            """
            WITH moved AS (
                UPDATE campaigns_lead l SET next_call_at = %(now)s, changed_at = %(now)s FROM (
                    SELECT w.id FROM campaigns_phonenumber p JOIN campaigns_lead w ON w.contact_id = p.contact_id
                    WHERE p.number_key = ANY(%(keys)s) AND w.state = 'waiting' AND w.reason = 'validation' AND w.next_call_at > %(now)s
                    ORDER BY w.id FOR UPDATE OF w
                ) due WHERE l.id = due.id RETURNING l.campaign_id
            ) SELECT DISTINCT campaign_id FROM moved
            """,
            {"keys": list(number_keys), "now": now},
        )
    ]


def rules_corrected(*, now: datetime, at_most: int) -> list[int]:
    """Leads that the rules left no time are due now where their campaign has a newer version than they were asked under; returns their campaigns.
    Who was asked in the same seconds as the version was written may have been asked by the one before it, and is asked once more."""
    return [
        row.campaign_id
        for row in sql.rows(
            """
            WITH newest AS MATERIALIZED (
                SELECT campaign_id, max(created_at) AS created_at FROM campaigns_campaignversion GROUP BY campaign_id
            ), moved AS (
                UPDATE campaigns_lead l SET next_call_at = %(now)s, changed_at = %(now)s FROM (
                    SELECT w.id FROM newest v JOIN campaigns_lead w ON w.campaign_id = v.campaign_id AND w.state = 'waiting' AND w.reason = 'rules'
                        AND w.changed_at < v.created_at + %(asked_meanwhile)s
                    WHERE w.next_call_at > %(now)s ORDER BY w.id LIMIT %(at_most)s FOR UPDATE OF w SKIP LOCKED
                ) again WHERE l.id = again.id RETURNING l.campaign_id
            ) SELECT DISTINCT campaign_id FROM moved
            """,
            {"now": now, "at_most": at_most, "asked_meanwhile": ASKED_MEANWHILE},
        )
    ]


def coming(campaign_id: int, service_id: int, *, groups: Sequence[int], at_most: int, until: datetime, holds_until: datetime) -> list[int]:
    """The numbers of the leads that come next, by `until`, on which the service has no verdict that holds; without those wanted already.
    Personal callbacks stand in no group, and come as well."""

    def of(queues: str, boost: str, key: str) -> str:
        return f"""
            SELECT w.* FROM {queues} CROSS JOIN LATERAL (
                SELECT l.contact_id, l.next_phone_id, l.boost, l.next_call_at, l.id FROM campaigns_lead l
                WHERE {_waiting("%(campaign)s", boost)} AND l.zone_group_id = q.zone_group {key} AND l.next_call_at <= %(until)s
                ORDER BY l.next_call_at, l.id LIMIT %(at_most)s
            ) w
        """

    groups_of = "unnest(%(groups)s::bigint[]) AS q(zone_group)"
    first = of(f"{groups_of} CROSS JOIN unnest(%(boosts)s::smallint[]) AS b(boost)", _FIRST, "AND l.boost = b.boost")
    return [
        row.id
        for row in sql.rows(
            f"""
            SELECT p.id FROM (
                (SELECT w.contact_id, w.next_phone_id FROM ({first} UNION ALL {of(groups_of, _REST, "")}) w
                 ORDER BY w.boost, w.next_call_at, w.id LIMIT %(at_most)s)
                UNION ALL
                (SELECT l.contact_id, l.next_phone_id FROM campaigns_lead l
                 WHERE l.campaign_id = %(campaign)s AND l.state = 'waiting' AND l.reserved_for_id IS NOT NULL AND l.next_call_at <= %(until)s
                 ORDER BY l.next_call_at LIMIT %(at_most)s)
            ) coming
            CROSS JOIN LATERAL (
                SELECT n.id, n.number_key FROM campaigns_phonenumber n WHERE n.contact_id = coming.contact_id AND n.active
                ORDER BY (n.id = coming.next_phone_id) DESC NULLS LAST, n.position, n.id LIMIT 1
            ) p
            WHERE NOT EXISTS (
                SELECT 1 FROM campaigns_numbercheck v WHERE v.service_id = %(service)s AND v.number_key = p.number_key
                  AND (v.wanted_at IS NOT NULL OR v.valid_until > %(holds_until)s))
            """,
            {
                "campaign": campaign_id,
                "service": service_id,
                "groups": list(groups),
                "boosts": [boost.value for boost in Boost if boost < Boost.NORMAL],
                "at_most": at_most,
                "until": until,
                "holds_until": holds_until,
            },
        )
    ]
