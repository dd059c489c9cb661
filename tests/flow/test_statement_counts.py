"""What a batch costs does not depend on its size: no query stands inside a loop over leads, calls or agents."""

from datetime import timedelta

import pytest

from campaigns.flow import sweep
from campaigns.models import Campaign, DoNotCall, PhoneNumber
from telephony.drivers.simulated.script import NoAnswer, seconds
from tests.counting import Batch, Cost, counted
from tests.floor import Floor

SIZES = pytest.mark.parametrize("size", [1, 10, 50])
AT_MOST = {"RANG": 4, "CONNECTED": 6, "ANSWERED": 8, "ENDED": 12}
# each agent's screen and place, whatever their number, in so many round trips; a free pool's wake among them
REDIS_AT_MOST = {"DISPATCH": 16, "RANG": 2, "CONNECTED": 2, "ANSWERED": 2, "ENDED": 8}
# whoever has answered is joined, and then the carrier need not speak for us
CARRIER = {"RANG": 0, "ANSWERED": 2, "CONNECTED": 1, "ENDED": 1}


def said(cost: Cost) -> str:
    return "\n".join(f"{i:2} {' '.join(statement.split())[:150]}" for i, statement in enumerate(cost.statements, 1))


@SIZES
def test_from_dispatch_to_originate_sixteen_statements_are_enough_for_any_batch(floor: Floor, size: int) -> None:
    batch = Batch(floor, size)
    batch.all_ready()
    cost = batch.dispatched()
    assert len(cost.statements) <= 16, said(cost)
    assert cost.redis <= REDIS_AT_MOST["DISPATCH"]


@pytest.mark.parametrize("size", [50])  # a batch whose leads are all refused goes on to the next ones
def test_a_batch_that_refuses_a_lead_needs_no_more(floor: Floor, size: int) -> None:
    batch = Batch(floor, size)
    batch.all_ready()
    refused = floor.person(batch.campaign, "Omar", numbers=1)
    type(refused.lead).objects.filter(pk=refused.lead.pk).update(boost=0)  # the first to be looked at
    key = PhoneNumber.objects.get(e164=refused.number).number_key
    DoNotCall.objects.create(number_key=key, source="agent", created_at=floor.now)
    cost = batch.dispatched(refused=1)
    assert refused.now().reason == "do_not_call"
    assert len(cost.statements) <= 16, said(cost)


@SIZES
def test_what_the_carrier_says_of_many_calls_costs_as_much_as_of_one(floor: Floor, size: int) -> None:
    batch = Batch(floor, size)
    batch.all_ready()
    batch.dispatched()
    for kind, cost in batch.followed().items():
        assert cost.events >= min(size, 1)
        assert len(cost.statements) <= AT_MOST[kind], f"{kind}:\n{said(cost)}"
        assert cost.redis <= REDIS_AT_MOST[kind], kind
        assert cost.carrier == CARRIER[kind], f"{kind}: the carrier was asked {cost.carrier} times"
    assert len((done := batch.done()).statements) <= 10, said(done)


@SIZES
def test_agents_freed_together_stand_up_together(floor: Floor, size: int) -> None:
    batch = Batch(floor, size, fates=[NoAnswer(after=seconds(3))])
    batch.all_ready()
    batch.dispatched()
    ended = batch.followed()["ENDED"]
    assert ended.events == size
    assert len(ended.statements) <= 12, said(ended)
    assert ended.redis <= REDIS_AT_MOST["ENDED"]


def test_going_ready_is_two_statements(floor: Floor) -> None:
    batch = Batch(floor, 1)
    assert len((cost := batch.all_ready()).statements) <= 2, said(cost)


def test_a_second_of_many_idle_campaigns_costs_as_much_as_of_one(floor: Floor) -> None:
    later = floor.now + timedelta(days=1)

    def costs(campaigns: int) -> list[int]:
        for _ in range(campaigns):
            someone = floor.agent(f"Agent {Campaign.objects.count()}")
            person = floor.person(floor.campaign("progressive", agents=[someone]), "Maria")
            type(person.lead).objects.filter(pk=person.lead.pk).update(next_call_at=later)
            someone.sits_down()
        floor.run(3)
        spent = []
        for tick in (sweep.every_second, sweep.every_quarter_minute):
            with counted() as cost:
                tick(now=floor.now)
            spent.append(len(cost.statements))
        return spent

    assert costs(1) == costs(9)
