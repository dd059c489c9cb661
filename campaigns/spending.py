"""What was spent today, by the ledger: concluded attempts at their cost, open ones at what they will cost at least; and so the calls to whom
agents brought into a conversation.

The ledger is the truth and is summed; what was summed before is remembered in Redis and only the rest is added to it.
"""

import json
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from campaigns.rules.spending import MINIMUM, Limit, Spent
from dialer_project.lib import redis, sql

# nothing concluded longer ago than this can still be committed: a transaction idle for fifteen seconds is ended
_SETTLED = timedelta(seconds=60)
_REMEMBERED_FOR = 2 * 24 * 3600
# the class of our advisory locks; those of the flow are 1 to 5
SPENDING = 6

_PAID = """(
    SELECT campaign_id, concluded_at AS at, cost FROM campaigns_attempt WHERE cost > 0
    UNION ALL SELECT campaign_id, ended_at, cost FROM campaigns_thirdparty WHERE cost > 0)"""
_OPEN = """(
    SELECT id, campaign_id, price FROM campaigns_attempt WHERE state = 'open'
    UNION ALL SELECT id, campaign_id, price FROM campaigns_thirdparty WHERE state <> 'ended' AND price IS NOT NULL)"""


def price_of(trunk_id: int, e164: str) -> Decimal | None:
    """A minute to this number, by the longest prefix; None where the trunk has no price."""
    rows = sql.rows(
        """
        SELECT coalesce((SELECT p.per_minute FROM telephony_trunkprice p WHERE p.trunk_id = t.id AND starts_with(%s, p.prefix)
                         ORDER BY length(p.prefix) DESC LIMIT 1), t.per_minute) AS price FROM telephony_trunk t WHERE t.id = %s
        """,
        [e164, trunk_id],
    )
    return rows[0].price if rows else None


def read(limits: Collection[Limit], trunks: Sequence[int], *, now: datetime) -> tuple[dict[int, Spent], dict[int, Decimal]]:
    """Limit id -> how it stands; trunk id -> its dearest price by prefix, where it has any. One statement."""
    known = _remembered(limits, now=now)
    settled_until = now - _SETTLED
    row = sql.rows(
        f"""
        SELECT (
            SELECT json_object_agg(q.id, json_build_array(
                (SELECT coalesce(sum(a.cost), 0) FROM {_PAID} a WHERE a.at >= q.since AND a.at < %(settled)s
                    AND (q.campaign_id IS NULL OR a.campaign_id = q.campaign_id))::text,
                (SELECT coalesce(sum(a.cost), 0) FROM {_PAID} a WHERE a.at >= greatest(q.since, %(settled)s)
                    AND (q.campaign_id IS NULL OR a.campaign_id = q.campaign_id))::text,
                (SELECT coalesce(sum(a.price * greatest(%(minimum)s, ceil(extract(epoch FROM %(now)s - c.answered_at) / 60))), 0)
                    FROM {_OPEN} a LEFT JOIN telephony_call c ON c.id = a.id
                    WHERE q.campaign_id IS NULL OR a.campaign_id = q.campaign_id)::text
            )) FROM json_to_recordset(%(limits)s::json) AS q(id bigint, campaign_id bigint, since timestamptz)
        ) AS spent, (
            SELECT json_object_agg(d.trunk_id, d.dearest::text) FROM (
                SELECT trunk_id, max(per_minute) AS dearest FROM telephony_trunkprice WHERE trunk_id = ANY(%(trunks)s) GROUP BY trunk_id) d
        ) AS dearest
        """,
        {
            "now": now,
            "settled": settled_until,
            "minimum": MINIMUM,
            "trunks": list(trunks),
            "limits": sql.records({"id": one.id, "campaign_id": one.campaign_id, "since": known[one.id][1]} for one in limits),
        },
    )[0]
    found = {int(i): [Decimal(part) for part in parts] for i, parts in (sql.loaded(row.spent) or {}).items()}
    stands: dict[int, Spent] = {}
    for limit in limits:
        settled, fresh, open_ = found[limit.id]
        settled += known[limit.id][0]
        if settled_until > known[limit.id][1]:
            _remember(limit, settled, until=settled_until, now=now)
        stands[limit.id] = Spent(limit, settled + fresh + open_)
    return stands, {int(trunk): Decimal(price) for trunk, price in (sql.loaded(row.dearest) or {}).items()}


def lock(limits: Collection[Limit]) -> bool:
    """Until the end of the transaction nobody else plans calls under these limits; False: somebody else is at it."""
    return all(
        row.had
        for row in sql.rows(
            "SELECT pg_try_advisory_xact_lock(%s, (id %% 2147483647)::int) AS had FROM unnest(%s::bigint[]) AS id",
            [SPENDING, sorted(limit.id for limit in limits)],
        )
    )


def _key(limit: Limit, now: datetime) -> str:
    # the limit's own words are part of it: another campaign or zone is another sum
    return redis.key("spent", limit.id, limit.campaign_id or "all", int(limit.began(now).timestamp()))


def _remembered(limits: Collection[Limit], *, now: datetime) -> dict[int, tuple[Decimal, datetime]]:
    """Limit id -> what had been spent, and until when that was summed; from the beginning of the day where nothing is remembered."""
    try:
        kept = redis.hot().mget([_key(limit, now) for limit in limits])
    except redis.Unavailable:
        kept = [None] * len(limits)
    found = {}
    for limit, text in zip(limits, kept, strict=True):
        amount, until = json.loads(text) if text else ("0", limit.began(now).isoformat())
        found[limit.id] = (Decimal(amount), datetime.fromisoformat(until))
    return found


def _remember(limit: Limit, amount: Decimal, *, until: datetime, now: datetime) -> None:
    try:
        redis.hot().set(_key(limit, now), json.dumps([str(amount), until.isoformat()]), ex=_REMEMBERED_FOR)
    except redis.Unavailable:
        return
