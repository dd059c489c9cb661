"""Days in their time zone, what is left of a limit, and a purse that pays for no call it cannot."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from campaigns.rules.permit.gate import Held, campaign_holds, may_call
from campaigns.rules.spending import Limit, Purse, Spent, Tariff, why_held
from tests.rules.permits import facts, terms

NOW = datetime(2026, 3, 29, 22, 30, tzinfo=UTC)  # half past midnight in Madrid, and the day before had 23 hours
LIMIT = Limit(1, Decimal(100), "Europe/Madrid", 7)
CHEAP = Tariff(Decimal("0.02"), Decimal("0.50"))


def test_a_day_begins_at_midnight_in_the_limits_time_zone() -> None:
    assert LIMIT.began(NOW) == datetime(2026, 3, 29, 22, 0, tzinfo=UTC)
    assert LIMIT.ends(NOW) == datetime(2026, 3, 30, 22, 0, tzinfo=UTC)
    assert LIMIT.ends(NOW - timedelta(hours=1)) - LIMIT.began(NOW - timedelta(hours=1)) == timedelta(hours=23)


def test_a_limit_holds_as_soon_as_a_call_to_the_dearest_destination_no_longer_fits_and_says_when_it_goes_on() -> None:
    assert why_held(Spent(LIMIT, Decimal("99.50")), CHEAP, now=NOW) == ""
    sentence = why_held(Spent(LIMIT, Decimal("99.51")), CHEAP, now=NOW)
    assert sentence == ("The campaign has spent 99.51 of 100.00 for today: dialing goes on at 2026-03-30 22:00 UTC, or when the limit is raised.")


def test_a_limit_without_a_price_holds_because_nobody_could_count() -> None:
    assert "has no price" in why_held(Spent(LIMIT, Decimal(0)), Tariff(), now=NOW)


def test_a_limit_that_is_reached_holds_the_campaign_and_every_lead_of_it() -> None:
    asked = terms(spending=(Spent(LIMIT, Decimal(100)),), tariff=CHEAP)
    assert campaign_holds(asked, now=NOW)
    assert isinstance(may_call(facts(), terms=asked, now=NOW), Held)


def test_a_purse_pays_until_it_is_empty_and_the_tightest_limit_counts() -> None:
    purse = Purse((Spent(LIMIT, Decimal("99.90")), Spent(Limit(2, Decimal(1000), "UTC"), Decimal(0))))
    assert [purse.pays(Decimal("0.04")) for _ in range(4)] == [True, True, False, False]
    assert purse.pays(Decimal("0.02"))
    assert not purse.pays(None)
    assert Purse(()).pays(None), "without a limit nothing is counted"
    assert not Purse.empty().pays(Decimal(0))
