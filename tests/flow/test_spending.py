"""A spend limit stops dialing with its cause, moves no lead, and lets it go on when it is raised or the day is over."""

from datetime import timedelta
from decimal import Decimal

import pytest

from campaigns import explain, facts, spending
from campaigns.models import Attempt, Campaign, SpendLimit
from campaigns.rules.permit.gate import campaign_holds
from dialer_project.lib import redis
from telephony.drivers.simulated.script import Answers, NoAnswer, seconds
from telephony.models import Trunk, TrunkPrice
from tests.counting import Batch
from tests.floor import Floor, Someone


@pytest.fixture
def campaign(floor: Floor, ana: Someone) -> Campaign:
    Trunk.objects.update(per_minute="0.10")
    return floor.campaign("progressive", agents=[ana], wrap_up_for=1)


def holds(campaign: Campaign, floor: Floor) -> str:
    return " ".join(campaign_holds(facts.settings_now([campaign.pk], now=floor.now)[campaign.pk].terms, now=floor.now))


def ended(floor: Floor, calls: int) -> None:
    floor.run(until=lambda: Attempt.objects.filter(state="concluded").count() == calls, at_most=120)


def spent(limit: SpendLimit, floor: Floor) -> Decimal:
    known = facts.settings_of([limit.campaign_id or Campaign.objects.values_list("pk", flat=True)[0]])
    limits = [one for setting in known.values() for one in setting.limits if one.id == limit.pk]
    return spending.read(limits, [], now=floor.now)[0][limit.pk].amount


def test_a_call_costs_its_begun_minutes_at_the_price_of_the_longest_prefix(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    trunk = Trunk.objects.get()
    TrunkPrice.objects.create(trunk=trunk, prefix="+34", per_minute="0.20")
    TrunkPrice.objects.create(trunk=trunk, prefix="+346", per_minute="0.30")
    maria = floor.person(campaign, "Maria", Answers(after=seconds(3), talks_for=seconds(70)))
    omar = floor.person(campaign, "Omar", NoAnswer(), numbers=["+442079460123"])
    ana.sits_down()
    floor.run(until=lambda: maria.outcomes == ["connected"], at_most=120)
    ana.finishes("sale")
    floor.run(until=lambda: omar.outcomes == ["no_answer"], at_most=120)
    assert [(a.price, a.cost) for a in (maria.attempts[0], omar.attempts[0])] == [
        (Decimal("0.30000"), Decimal("0.60000")),
        (Decimal("0.10000"), Decimal(0)),
    ]


def test_a_limit_that_is_reached_holds_with_its_cause_moves_no_lead_and_goes_on_when_it_is_raised(
    floor: Floor, ana: Someone, campaign: Campaign
) -> None:
    limit = SpendLimit.objects.create(campaign=campaign, per_day="0.15")
    maria = floor.person(campaign, "Maria", Answers(after=seconds(3), talks_for=seconds(20)))
    omar = floor.person(campaign, "Omar", Answers(after=seconds(3), talks_for=seconds(20)), at=floor.now + timedelta(seconds=1))
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "connected", at_most=20)
    assert spent(limit, floor) == Decimal("0.10")
    floor.run(until=lambda: ana.phase == "wrap_up", at_most=60)
    ana.finishes("sale")
    before = (omar.now().next_call_at, omar.now().changed_at)
    floor.run(20)
    assert (maria.outcomes, omar.attempts) == (["connected"], [])
    assert (omar.now().next_call_at, omar.now().changed_at) == before
    assert "has spent 0.10 of 0.15 for today" in holds(campaign, floor)
    told = explain.lead(omar.lead.pk, now=floor.now)
    assert told
    assert "has spent 0.10 of 0.15" in told.in_words
    SpendLimit.objects.update(per_day="1.00")
    floor.run(until=lambda: ana.phase == "connected", at_most=20)


def test_it_goes_on_by_itself_the_next_day(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    limit = SpendLimit.objects.create(campaign=campaign, per_day="0.15", time_zone="Europe/Madrid")
    floor.person(campaign, "Maria", Answers(after=seconds(3), talks_for=seconds(20)))
    omar = floor.person(campaign, "Omar", Answers(after=seconds(3), talks_for=seconds(20)), at=floor.now + timedelta(seconds=1))
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "wrap_up", at_most=60)
    ana.finishes("sale")
    floor.run(5)
    assert not omar.attempts
    floor.jumps_to(floor.now.replace(hour=23, minute=0, second=1))  # midnight in Madrid
    floor.run(until=lambda: ana.phase == "connected", at_most=20)
    assert spent(limit, floor) == Decimal("0.10")


def test_the_organisations_limit_counts_the_calls_of_every_campaign(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    SpendLimit.objects.create(per_day="0.15")
    other = floor.campaign("progressive", agents=[ana])
    floor.person(campaign, "Maria", Answers(after=seconds(3), talks_for=seconds(20)))
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "wrap_up", at_most=60)
    assert "The organisation has spent 0.10 of 0.15" in holds(other, floor)


def test_a_batch_plans_no_more_calls_than_the_limit_pays_for(floor: Floor) -> None:
    agents = [floor.agent(f"Agent {i}") for i in range(6)]
    Trunk.objects.update(per_minute="0.10")
    campaign = floor.campaign("progressive", agents=agents)
    SpendLimit.objects.create(campaign=campaign, per_day="0.35")
    for i in range(6):
        floor.person(campaign, f"Person {i}", Answers(after=seconds(3), talks_for=seconds(30)))
    for agent in agents:
        agent.sits_down(ready=False)
    for agent in agents:
        agent.goes_ready()
    floor.run(20)
    assert Attempt.objects.count() == 3


def test_a_limit_without_a_price_holds(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    Trunk.objects.update(per_minute=None)
    SpendLimit.objects.create(campaign=campaign, per_day="100")
    maria = floor.person(campaign, "Maria")
    ana.sits_down()
    floor.run(10)
    assert maria.attempts == []
    assert "the trunk has no price" in holds(campaign, floor)


def test_what_is_remembered_in_redis_adds_up_to_the_ledger(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    limit = SpendLimit.objects.create(campaign=campaign, per_day="100")
    for i in range(3):
        floor.person(campaign, f"Person {i}", Answers(after=seconds(3), talks_for=seconds(20)))
    ana.sits_down()
    for calls in (1, 2, 3):
        ended(floor, calls)
        assert spent(limit, floor) == Decimal("0.10") * calls
        ana.finishes("sale")
    assert redis.hot().get(next(redis.hot().scan_iter(match=redis.key("spent", "*"))))
    redis.hot().flushdb()
    assert spent(limit, floor) == Decimal("0.30")


@pytest.mark.parametrize("size", [1, 50])
def test_sixteen_statements_are_enough_far_from_a_limit(floor: Floor, size: int) -> None:
    batch = Batch(floor, size)
    Trunk.objects.update(per_minute="0.01")
    SpendLimit.objects.create(campaign=batch.campaign, per_day="100000")
    batch.all_ready()
    cost = batch.dispatched()
    assert len(cost.statements) <= 16, cost.statements
