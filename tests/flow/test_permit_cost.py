"""What rule packs cost a batch: the calendars and registers they name are read once, and nothing for each lead."""

import pytest

from campaigns.models import RulePack
from campaigns.rules.rule_packs import PACKS
from tests.counting import Batch
from tests.floor import Floor


@pytest.mark.parametrize("size", [1, 50])
def test_with_four_packs_pinned_sixteen_statements_are_still_enough(floor: Floor, size: int) -> None:
    batch = Batch(floor, size)
    for pack in PACKS:
        if pack["name"] in ("US federal", "Florida", "US debt collection (Reg F)", "Canada"):
            rules = [rule for rule in pack["rules"] if rule["kind"] != "do_not_call_list"]
            RulePack.objects.create(name=pack["name"], jurisdiction="*", rules=rules).campaigns.add(batch.campaign)
    batch.all_ready()
    cost = batch.dispatched()
    assert len(cost.statements) <= 16, cost.statements
