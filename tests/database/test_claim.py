"""The claim touches so many pages for a lead and no more, whatever the list holds besides: counted, so the same on any machine."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from django.db import connection, connections, transaction

from benchmarks import centre
from campaigns import live, querysets
from campaigns.models import Lead
from dialer_project.lib import redis, sql

NOW = datetime.now(UTC)
BATCH = 50


@pytest.fixture(autouse=True)
def _empty(transactional_db: None) -> None:
    redis.hot().flushdb()


def campaign(leads: int, *, groups: int = 1, due: str = "now() - interval '1 hour' - mod(i * 7919, 100000) * interval '1 millisecond'") -> int:
    made = centre.bare_campaign(f"{leads} leads, {groups} groups")
    centre.leads(made, leads, groups=groups, due=due)
    return made


def pages(campaign_id: int, *, groups: list[int] | None = None) -> float:
    """Shared buffers for each lead of the next batch."""
    asked = querysets.claim_params(
        campaign_id,
        epoch=0,
        groups=groups or list(querysets.zone_groups(campaign_id)),
        floors=live.floors(campaign_id),
        at_most=BATCH,
        now=NOW,
    )
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {querysets.CLAIM}", asked)
        plan = sql.loaded(cursor.fetchone()[0])[0]["Plan"]
        transaction.set_rollback(True)
    assert plan["Actual Rows"] == BATCH
    return float(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]) / BATCH


def eat(campaign_id: int, number: int) -> None:
    for _ in range(number // BATCH):
        with transaction.atomic():
            leads = querysets.claim(
                campaign_id, epoch=0, groups=list(querysets.zone_groups(campaign_id)), floors=live.floors(campaign_id), at_most=BATCH, now=NOW
            )
            assert len(querysets.busy([lead.id for lead in leads], now=NOW)) == BATCH
        live.eaten(campaign_id, leads)


@contextmanager
def old_snapshot() -> Iterator[None]:
    """A report that reads one state of the world for as long as it lasts: until then no dead row may be cleared away."""
    other = connections["default"].copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
            cursor.execute("SELECT count(*) FROM campaigns_campaign")
            yield
    finally:
        other.close()


def test_a_lead_of_a_long_list_costs_what_one_of_a_short_list_costs() -> None:
    short, long = campaign(5_000), campaign(30_000)  # of a table of a few pages PostgreSQL reads all
    assert pages(long) <= 1.15 * pages(short)


def test_what_is_due_later_costs_nothing() -> None:
    later = "CASE WHEN mod(i, 10) = 0 THEN now() - interval '1 hour' ELSE now() + i * interval '1 minute' END"
    assert pages(campaign(30_000, due=later)) <= 1.15 * pages(campaign(3_000))


def test_what_was_eaten_costs_nothing_even_under_an_old_snapshot() -> None:
    list_ = campaign(20_000)
    fresh = pages(list_)
    with old_snapshot():
        eat(list_, 8_000)
        live.floors(list_)  # the look back that may have been due
        assert pages(list_) <= 2 * fresh


def test_a_claim_that_looks_back_walks_over_what_was_eaten_since_the_last_one() -> None:
    list_ = campaign(20_000)
    with old_snapshot():
        eat(list_, 6_000)
        for _ in range(2):
            redis.hot().delete(redis.key("floor", list_, "looked"))
            eat(list_, 500)
        redis.hot().delete(redis.key("floor", list_, "looked"))
        looking_back = pages(list_)
        redis.hot().flushdb()
        from_the_beginning = pages(list_)
    assert looking_back < from_the_beginning / 4


def test_leads_in_zones_that_are_closed_cost_nothing_though_they_stand_before_the_open_ones() -> None:
    list_ = campaign(20_000, groups=20, due="now() - interval '1 hour' - mod(i, 20) * interval '1 day'")
    closed_first = list(Lead.objects.filter(campaign_id=list_).order_by("next_call_at").values_list("zone_group_id", flat=True)[:1])
    open_ = [group for group in querysets.zone_groups(list_) if group not in closed_first][-1:]
    assert pages(list_, groups=open_) <= 1.15 * pages(campaign(20_000))


def test_a_lead_that_somebody_holds_is_left_to_them() -> None:
    list_ = campaign(200)
    other = connections["default"].copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("SELECT id FROM campaigns_lead WHERE campaign_id = %s ORDER BY next_call_at, id LIMIT 10 FOR UPDATE", [list_])
            held = {row[0] for row in cursor.fetchall()}
            with transaction.atomic():
                got = {
                    lead.id for lead in querysets.claim(list_, epoch=0, groups=list(querysets.zone_groups(list_)), floors=[], at_most=BATCH, now=NOW)
                }
            assert len(got) == BATCH - 10
            assert not got & held
    finally:
        other.close()


def test_nothing_is_claimed_of_a_campaign_that_was_stopped_or_paused_meanwhile() -> None:
    list_ = campaign(100)
    with transaction.atomic():
        assert querysets.claim(list_, epoch=1, groups=list(querysets.zone_groups(list_)), floors=[], at_most=BATCH, now=NOW) == []
