"""A call to somebody outside whom an agent brings in costs money like any other: it counts against the limits, while it lasts and afterwards."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.test import Client

from agents.desk import Refusal
from campaigns.models import Destination, SpendLimit, ThirdParty
from telephony.models import Trunk, TrunkPrice
from tests.floor import Floor, Someone
from tests.flow.test_colleagues import asks
from tests.flow.test_spending import spent
from tests.flow.test_transfers import EXPERT, calls, on_the_line, state


@pytest.fixture
def ana(floor: Floor) -> Someone:
    Trunk.objects.update(per_minute="0.10")
    TrunkPrice.objects.create(trunk=Trunk.objects.get(), prefix="+349", per_minute="0.40")
    return floor.agent("Ana")


def test_its_begun_minutes_at_the_price_of_its_number_count_while_it_lasts_and_afterwards(floor: Floor, ana: Someone, admin_client: Client) -> None:
    expert = Destination.objects.create(name="Expert", number=EXPERT)
    maria = on_the_line(floor, ana)
    limit = SpendLimit.objects.create(campaign=maria.lead.campaign, per_day="2.00")
    assert spent(limit, floor) == Decimal("0.10")
    calls(ana, "conference", to=expert)
    floor.run(until=lambda: state() == "joined", at_most=5)
    floor.run(70)
    assert spent(limit, floor) == Decimal("0.20") + Decimal("0.80")
    floor.world.far_hangs_up(ThirdParty.objects.get().pk, floor.now)
    floor.run(until=lambda: state() == "ended", at_most=3)
    third = ThirdParty.objects.get()
    assert (third.price, third.cost) == (Decimal("0.40000"), Decimal("0.80000"))
    assert spent(limit, floor) == Decimal("0.20") + Decimal("0.80")
    page = admin_client.get(f"/admin/campaigns/attempt/{maria.attempts[0].pk}/change/").content.decode()
    assert "Expert, " in page
    assert ", 0.80" in page
    SpendLimit.objects.update(per_day="1.00")
    refused = calls(ana, "consult", to=expert)
    assert isinstance(refused, Refusal)
    assert refused.sentence.startswith("The campaign has spent 1.00 of 1.00 for today")


def test_who_does_not_answer_and_who_is_an_agent_cost_nothing(floor: Floor, ana: Someone) -> None:
    ben = floor.agent("Ben")
    on_the_line(floor, ana)
    floor.campaign("progressive", agents=[ben])
    ben.sits_down()
    asks(ana, ben)
    ben.rejects()
    expert = Destination.objects.create(name="Expert", number=EXPERT)
    calls(ana, "consult", to=expert)
    floor.run(0.5)
    floor.world.hang_up(ThirdParty.objects.latest("asked_at").pk, floor.now)
    floor.run(until=lambda: state() == "ended", at_most=5)
    assert [(one.name, one.cost) for one in ThirdParty.objects.order_by("asked_at")] == [("Ben", None), ("Expert", Decimal(0))]
