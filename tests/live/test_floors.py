"""How far a campaign's queues have been eaten: remembered so that a claim need not walk over it again, and never hiding a lead for long."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from unittest import mock

import pytest

from campaigns import live
from campaigns.querysets import DueLead, Floor
from campaigns.rules.lifecycle import Boost
from dialer_project.lib import redis

NOON = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
CAMPAIGN = 1


@pytest.fixture(autouse=True)
def _empty() -> Iterator[None]:
    redis.hot().flushdb()
    yield
    redis.hot().flushdb()


def claimed(*leads: int, group: int = 1, boost: Boost = Boost.NORMAL) -> list[DueLead]:
    return [
        DueLead(
            id=lead,
            campaign_id=CAMPAIGN,
            contact_id=lead,
            zone_group_id=group,
            boost=boost,
            next_call_at=NOON + timedelta(seconds=lead),
            next_phone_id=None,
            reserved_for_id=None,
            attempts_made=0,
            tries={},
            misses=0,
            last_missed_by_id=None,
            reason="new",
        )
        for lead in leads
    ]


def stands_at() -> set[int]:
    return {floor.id for floor in live.floors(CAMPAIGN)}


def ten_seconds_pass() -> None:
    redis.hot().delete(redis.key("floor", CAMPAIGN, "looked"))


def test_each_queue_goes_on_where_its_last_batch_ended() -> None:
    live.floors(CAMPAIGN)
    live.eaten(CAMPAIGN, claimed(1, 2, 3) + claimed(7, group=2) + claimed(9, boost=Boost.CALLBACK_DUE))
    live.eaten(CAMPAIGN, claimed(4, 5))
    assert set(live.floors(CAMPAIGN)) == {
        Floor(1, Boost.NORMAL, NOON + timedelta(seconds=5), 5),
        Floor(2, Boost.NORMAL, NOON + timedelta(seconds=7), 7),
        Floor(1, Boost.CALLBACK_DUE, NOON + timedelta(seconds=9), 9),
    }


def test_every_ten_seconds_one_claim_looks_back_to_the_floor_of_the_time_before() -> None:
    live.floors(CAMPAIGN)
    live.eaten(CAMPAIGN, claimed(1, 2, 3))
    ten_seconds_pass()
    assert stands_at() == set()  # nothing was remembered then: from the beginning
    assert stands_at() == {3}
    live.eaten(CAMPAIGN, claimed(4, 5))
    ten_seconds_pass()
    assert stands_at() == {3}
    assert stands_at() == {5}


def test_what_is_told_to_have_come_in_is_found_by_the_next_claim() -> None:
    live.floors(CAMPAIGN)
    live.eaten(CAMPAIGN, claimed(1, 2, 3))
    live.forget_floors(CAMPAIGN)
    assert stands_at() == set()


def test_a_claim_under_way_cannot_bring_back_a_floor_that_was_forgotten() -> None:
    live.floors(CAMPAIGN)
    live.eaten(CAMPAIGN, claimed(1, 2, 3))
    ten_seconds_pass()
    live.floors(CAMPAIGN)
    live.forget_floors(CAMPAIGN)
    live.eaten(CAMPAIGN, claimed(4))  # its transaction began before
    assert stands_at() == set()


def test_all_floors_are_forgotten_after_a_minute() -> None:
    live.floors(CAMPAIGN)
    live.eaten(CAMPAIGN, claimed(1))
    left = redis.hot().ttl(redis.key("floor", CAMPAIGN))
    live.eaten(CAMPAIGN, claimed(2))
    assert 0 < redis.hot().ttl(redis.key("floor", CAMPAIGN)) <= left <= 60


def test_without_redis_a_claim_begins_at_the_beginning() -> None:
    with mock.patch.object(redis, "hot", side_effect=redis.Unavailable):
        live.eaten(CAMPAIGN, claimed(1))
        live.forget_floors(CAMPAIGN)
        assert live.floors(CAMPAIGN) == []
