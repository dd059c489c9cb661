"""In which time zones a person may be, by number, CRM and address: a doubt adds zones and never takes one away."""

import pytest

from campaigns.rules.places import candidate_zones, countries_of, places, zones_within
from campaigns.rules.time_zones import known_zones, zones_of_places

NEW_YORK, SYDNEY = "+12125550123", "+61291234567"


def of_new_york(**about: str) -> set[str]:
    return set(candidate_zones(NEW_YORK, own=["America/New_York"], **about))


def test_an_address_abroad_brings_every_zone_of_its_country() -> None:
    assert {"America/New_York", "Europe/Berlin"} <= of_new_york(country="DE")
    assert {"Australia/Perth", "Australia/Sydney"} <= of_new_york(country="AU", region="Elsewhere")
    assert "DE" in places(NEW_YORK, zones=tuple(of_new_york(country="DE")), country="DE")


def test_an_address_abroad_in_a_state_we_know_brings_the_zones_of_that_state() -> None:
    found = of_new_york(country="CA", region="BC")
    assert "America/Vancouver" in found
    assert "America/St_Johns" not in found


def test_a_region_at_home_that_cannot_be_read_brings_every_zone_of_the_country() -> None:
    found = candidate_zones(SYDNEY, own=["Australia/Sydney"], country="AU", region="Elsewhere")
    assert {"Australia/Perth", "Australia/Darwin", "Australia/Sydney"} <= set(found)
    assert {"America/Los_Angeles", "Pacific/Honolulu"} <= of_new_york(region="Somewhere")
    assert "US-CA" in places(NEW_YORK, zones=("America/New_York",), country="US", region="Somewhere")


@pytest.mark.parametrize("region", ["", "-", "NY", "new york", "N.Y."])
def test_a_region_that_says_nothing_or_names_the_numbers_own_state_adds_nothing_west_of_it(region: str) -> None:
    assert "America/Los_Angeles" not in of_new_york(country="US", region=region)
    assert "US-CA" not in places(NEW_YORK, zones=("America/New_York",), country="US", region=region)


def test_a_country_nobody_knows_leaves_the_whole_country_of_the_number() -> None:
    assert "America/Los_Angeles" in of_new_york(country="XX")


def test_a_zone_of_the_crm_is_taken_as_the_time_zone_database_names_it() -> None:
    assert of_new_york(time_zone="PST8PDT") == {"America/New_York", "PST8PDT"}
    assert of_new_york(time_zone="(GMT-08:00) Pacific Standard Time (America/Los_Angeles)") == {"America/New_York", "America/Los_Angeles"}


@pytest.mark.parametrize("cell", ["Pacific Standard Time", "-08:00", "tomorrow"])
def test_a_zone_of_the_crm_that_cannot_be_read_brings_every_zone_of_the_country(cell: str) -> None:
    assert {"America/New_York", "America/Los_Angeles", "Pacific/Honolulu"} <= of_new_york(time_zone=cell)
    assert places(NEW_YORK, zones=tuple(of_new_york(time_zone=cell))) == {"US", "US-NY"}


def test_of_the_zones_of_a_country_that_keep_the_same_time_one_stands_for_all() -> None:
    assert set(zones_within("DE")) <= known_zones()
    assert len(zones_within("DE")) == 1
    assert "America/New_York" in zones_within("US")
    assert "America/Detroit" not in zones_within("US")
    assert {"Australia/Darwin", "Australia/Perth", "Australia/Lord_Howe"} <= set(zones_within("au"))
    assert zones_within("XX") == zones_within("") == ()


def test_a_zone_by_another_name_lies_in_its_country_too() -> None:
    assert places("+4930123456", zones=("Europe/Berlin", "US/Eastern")) == {"DE", "US"}
    assert all(countries_of((zone,)) for zone in zones_of_places()), "else whoever is confirmed to be there is called by the law of the number alone"
