"""Wakes collapse, a lost key blocks nobody, a stale message does nothing, and whoever finds a pool taken is not forgotten."""

from collections import Counter
from datetime import datetime

import pytest
from django.db import connections

from campaigns.flow import dispatch, permit
from campaigns.models import Campaign
from dialer_project.lib import redis, wake
from telephony.drivers.simulated.script import Answers, Busy, seconds
from tests.floor import Floor

TALKS = Answers(after=seconds(4), talks_for=seconds(20))


def test_a_thousand_wakes_of_one_pool_are_one_message(floor: Floor) -> None:
    for _ in range(1000):
        wake.dispatch_now(7)
    assert Counter(name for name, _ in floor.messages) == {"workers.tasks.dispatch": 1}
    floor.messages.clear()
    wake.dispatch_taken(7)
    wake.dispatch_now(7)
    assert len(floor.messages) == 1, "from the moment a worker has it, a new wake is a new message"
    floor.messages.clear()


def test_a_wake_whose_message_was_lost_blocks_the_pool_for_a_second_at_most(floor: Floor) -> None:
    ana = floor.agent("Ana")
    campaign = floor.campaign("progressive", agents=[ana])
    wake.dispatch_now(campaign.pool)
    floor.messages.clear()
    assert 0 < redis.hot().pttl(redis.key("wake", campaign.pool)) <= 1000
    maria = floor.person(campaign, "Maria", TALKS)
    ana.sits_down()
    floor.run(until=lambda: maria.attempts, at_most=2)


def test_who_finds_the_pool_taken_leaves_word_and_it_is_looked_at_again(floor: Floor) -> None:
    ana = floor.agent("Ana")
    campaign = floor.campaign("progressive", agents=[ana])
    floor.person(campaign, "Maria", TALKS)
    pool = Campaign.objects.get(pk=campaign.pk).pool
    floor.sweeps = False
    ana.sits_down(ready=False)
    other = connections.create_connection("default")
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s, %s)", [permit.POOL, pool])
        ana.goes_ready()
        floor.run(0.1)
        assert dispatch.dispatch(pool, now=floor.now).taken
        assert ana.phase is None
        cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [permit.POOL, pool])
    other.close()
    assert wake.let_go(pool), "the holder asks after it has let go"
    wake.look_again(pool)
    dispatch.dispatch(pool, now=floor.now)
    assert ana.phase == "dialing"
    assert not wake.let_go(pool)


def test_who_wakes_a_pool_that_is_looked_at_leaves_word_and_sends_no_message(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    ana, bea = floor.agent("Ana"), floor.agent("Bea")
    campaign = floor.campaign("progressive", agents=[ana, bea])
    for name in ("Maria", "Petra"):
        floor.person(campaign, name, TALKS)
    pool = Campaign.objects.get(pk=campaign.pk).pool
    floor.sweeps = False
    ana.sits_down()
    bea.sits_down(ready=False)
    floor.messages.clear()
    looks = dispatch._dispatch

    def as_bea_goes_ready(pool: int, *, now: datetime) -> dispatch.Dispatched:
        done = looks(pool, now=now)
        if bea.not_ready is not None:
            bea.goes_ready()
        return done

    monkeypatch.setattr(dispatch, "_dispatch", as_bea_goes_ready)
    dispatch.dispatch(pool, now=floor.now)

    assert [ana.phase, bea.phase] == ["dialing", "dialing"]
    assert "workers.tasks.dispatch" not in [name for name, _ in floor.messages]
    wake.dispatch_now(pool)
    assert [name for name, _ in floor.messages if "dispatch" in name] == ["workers.tasks.dispatch"], "nobody looks at it any more"


def test_a_hot_campaign_does_not_starve_its_neighbour(floor: Floor) -> None:
    staff = [floor.agent(f"Agent{i}") for i in range(4)]
    hot, cold = (floor.campaign("progressive", agents=staff, weight=10) for _ in range(2))
    for campaign in (hot, cold):
        for i in range(12):
            floor.person(campaign, f"{campaign.pk} {i}", Busy())
    for someone in staff:
        someone.sits_down()
    floor.run(until=lambda: Campaign.objects.get(pk=hot.pk).attempts.count() + cold.attempts.count() >= 16, at_most=30)
    assert abs(hot.attempts.count() - cold.attempts.count()) <= 2
