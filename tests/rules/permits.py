"""Terms, facts and packs for tests of the gate: everything is in order unless a test says otherwise."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from campaigns.rules import holidays
from campaigns.rules.lifecycle import CampaignState
from campaigns.rules.permit.gate import Facts, Terms
from campaigns.rules.permit.hours import ALWAYS
from campaigns.rules.permit.kinds import Pack, pack_from
from campaigns.rules.places import place_of, places
from campaigns.rules.rule_packs import PACKS

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)  # a Tuesday, noon in London
CALENDARS = {country: frozenset(day for year in (2026, 2027) for day in holidays.days_of(country, year)) for country in holidays.COUNTRIES}
BY_NAME: Mapping[str, dict[str, Any]] = {pack["name"]: pack for pack in PACKS}


def shipped(name: str) -> Pack:
    return pack_from(BY_NAME[name], calendars=CALENDARS)


def pack(*rules: Mapping[str, Any], jurisdiction: str = "*", name: str = "Ours", calendars: Mapping[str, frozenset[date]] = CALENDARS) -> Pack:
    return pack_from({"name": name, "version": 1, "jurisdiction": jurisdiction, "rules": rules}, calendars=calendars)


def terms(*packs: Pack, **more: Any) -> Terms:
    lists = {name: NOW for name in ("us-national", "uk-tps", "ca-national")}
    return replace(
        Terms(
            state=CampaignState.RUNNING,
            starts_at=None,
            ends_at=None,
            hours=ALWAYS,
            ring_for=timedelta(seconds=25),
            max_attempts=6,
            version="v1",
            packs=packs,
            min_ring=timedelta(seconds=25),
            lists=lists,
        ),
        **more,
    )


def facts(number: str = "+447700900123", *zones: str, country: str = "", region: str = "", **more: Any) -> Facts:
    in_zones = zones or ("Europe/London",)
    return replace(
        Facts(
            zones=in_zones,
            attempts_made=0,
            number_active=True,
            listed=False,
            places=places(number, zones=in_zones, country=country, region=region),
            country=place_of(number).country,
            destination=place_of(number).kind,
        ),
        **more,
    )
