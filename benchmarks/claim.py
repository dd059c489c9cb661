"""Shared buffers touched for each claimed lead: whether the claim grows with the list, with what was eaten, or with an old snapshot.

    python -m benchmarks.claim

The claim's own statement under EXPLAIN (ANALYZE, BUFFERS), fifty leads at a time, the mean of twenty batches; counted, so the same on any
machine. What is claimed is made busy as dispatch does it, and the floors are remembered as dispatch remembers them.
"""

import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from benchmarks import centre, measure
from benchmarks.measure import Figure

BATCH = 50
BATCHES = 20
SMALL, LARGE = 100_000, 1_000_000
EATEN = 100_000


def run() -> list[Figure]:
    figures = []
    with measure.stage():
        small, large = _campaign("small", SMALL), _campaign("large", LARGE)
        later_small, later_large = _campaign("small, 90 % later", SMALL, due=LATER), _campaign("large, 90 % later", LARGE, due=LATER)
        many_small, many_large = _campaign("small, 40 zone groups", SMALL, groups=40), _campaign("large, 40 zone groups", LARGE, groups=40)
        base = _buffers(small)
        figures.append(Figure("100k leads: buffers per claimed lead", base, "buffers"))
        figures += _growth("1M leads against 100k", _buffers(large), base, 1.15)
        figures += _growth("1M leads against 100k, 90 % not yet due", _buffers(later_large), _buffers(later_small), 1.15)
        figures += _growth("1M leads against 100k, 40 zone groups", _buffers(many_large), _buffers(many_small), 1.15)
        open_ = _buffers(large)
        for name, closed, limit in (
            ("1M leads, 95 % closed by hold or cap, against all open", _campaign("large, 95 % held", LARGE, due=HELD), 3.0),
            ("1M leads, 95 % closed by time zone", _campaign("large, 20 zone groups", LARGE, groups=20), 3.0),
            (
                "1M leads, 95 % closed by hold or cap, 40 zone groups open",
                _campaign("large, 95 % held, 40 zone groups", LARGE, groups=40, due=HELD),
                4.5,
            ),
            ("1M leads, 40 zone groups open", many_large, 4.5),
        ):
            figures += _growth(name, _buffers(closed, groups=1 if "time zone" in name else None), open_, limit)
        for campaign, name in ((large, "one zone group"), (many_large, "40 zone groups")):
            fresh = _buffers(campaign)
            _eat(campaign, EATEN)
            figures += _growth(f"after 100k claims, {name}", _buffers(campaign), fresh, 2.0)
        with _old_snapshot():
            for campaign, name in ((later_large, "one zone group"), (many_large, "40 zone groups")):
                fresh = _buffers(campaign)
                _eat(campaign, EATEN - 10_000)
                figures += _growth(f"after as many with an old snapshot open, {name}", _buffers(campaign), fresh, 2.0)
                figures.append(Figure("  once in a while, without a floor", _buffers(campaign, floors=False, batches=1), "buffers"))
    return figures


HELD = "CASE WHEN mod(i / 40, 20) = 0 THEN now() - interval '1 hour' ELSE now() + mod(i, 1000) * interval '1 hour' + interval '1 hour' END"
LATER = "CASE WHEN mod(i, 10) = 0 THEN now() - interval '1 hour' ELSE now() + mod(i, 1000) * interval '1 hour' + interval '1 hour' END"


def _growth(name: str, value: float, base: float, limit: float) -> list[Figure]:
    return [measure.at_most(name, value / base, "times", limit, note=f"{base:.2f} -> {value:.2f} buffers per claimed lead")]


def _campaign(
    name: str,
    leads: int,
    *,
    groups: int = 1,
    due: str = "now() - interval '1 hour' - mod(hashint4(i)::bigint + 2147483648, 1000000) * interval '1 millisecond'",
) -> int:
    campaign = centre.bare_campaign(name)
    centre.leads(campaign, leads, groups=groups, due=due)
    measure.say(f"{name}: {leads:,} leads")
    return campaign


def _buffers(campaign: int, *, floors: bool = True, batches: int = BATCHES, groups: int | None = None) -> float:
    """Per claimed lead; the leads are claimed for good. `groups`: how many zone groups are open, None: all."""
    from django.db import connection, transaction
    from django.utils import timezone

    from campaigns import live, querysets
    from dialer_project.lib import sql

    found = []
    for _ in range(batches):
        now = timezone.now()
        open_ = list(live.zone_groups(campaign))[:groups]
        asked = querysets.claim_params(campaign, epoch=0, groups=open_, floors=live.floors(campaign) if floors else [], at_most=BATCH, now=now)
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {querysets.CLAIM}", asked)
            plan = sql.loaded(cursor.fetchone()[0])[0]["Plan"]
            if plan["Actual Rows"] != BATCH:
                raise RuntimeError(f"{plan['Actual Rows']} leads claimed")
            found.append((plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]) / BATCH)
        _claim(campaign, now, open_)
    return statistics.fmean(found)


def _claim(campaign: int, now: datetime, groups: list[int]) -> int:
    from django.db import transaction

    from campaigns import live, querysets

    with transaction.atomic():
        leads = querysets.claim(campaign, epoch=0, groups=groups, floors=live.floors(campaign), at_most=BATCH, now=now)
        querysets.busy([lead.id for lead in leads], now=now)
    live.eaten(campaign, leads)
    return len(leads)


def _eat(campaign: int, number: int) -> None:
    from django.utils import timezone

    from campaigns import live

    left = number
    while left > 0:
        left -= _claim(campaign, timezone.now(), list(live.zone_groups(campaign)))
    measure.say(f"{number:,} leads claimed")


@contextmanager
def _old_snapshot() -> Iterator[None]:
    """A report that reads one state of the world for as long as it lasts."""
    from django.db import connections

    other = connections["default"].copy()
    with other.cursor() as cursor:
        cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        cursor.execute("SELECT count(*) FROM campaigns_campaign")
        yield
        cursor.execute("ROLLBACK")
    other.close()


if __name__ == "__main__":
    measure.main(run)
