"""Regions of countries as addresses write them: which one is meant, and in which time zones it lies. What cannot be read widens to the country."""

import pytest

from campaigns.rules import holidays, regions
from campaigns.rules.places import candidate_zones, places, state_named, zones_of_state, zones_within

SYDNEY, MADRID, LISBON, AUCKLAND = "+61291234567", "+34911234567", "+351211234567", "+6493001234"
SAO_PAULO, MEXICO_CITY, BERLIN, LONDON = "+551123456789", "+525512345678", "+4930123456", "+442079460123"


@pytest.mark.parametrize(
    ("country", "cells", "region"),
    [
        ("AU", "VIC/Vic./vic/Victoria/AU-VIC", "AU-VIC"),
        ("AU", "NSW/N.S.W./New South Wales", "AU-NSW"),
        ("AU", "WA/Western Australia", "AU-WA"),
        ("US", "WA/Washington/US-WA", "US-WA"),
        ("CA", "YT/Yukon", "CA-YT"),
        ("CA", "NU/Nunavut", "CA-NU"),
        ("DE", "BY/Bayern/Bavaria/DE-BY/bayern", "DE-BY"),
        ("DE", "Baden-Württemberg/Baden-Wuerttemberg/Baden Württemberg/BW", "DE-BW"),
        ("DE", "Thüringen/Thueringen/Thuringia/TH", "DE-TH"),
        ("GB", "Scotland/Aberdeenshire/City of Edinburgh/GB-SCT", "GB-SCT"),
        ("GB", "England/Kent/Greater London/Tyne & Wear/W. Yorks", "GB-ENG"),
        ("GB", "Wales/Cymru/Powys/Ynys Mon", "GB-WLS"),
        ("GB", "Northern Ireland/Co. Antrim", "GB-NIR"),
        ("ES", "Madrid/MD/Comunidad de Madrid", "ES-MD"),
        ("ES", "Málaga/Malaga/Andalucía/Sevilla/Andalusia", "ES-AN"),
        ("ES", "Las Palmas/Santa Cruz de Tenerife/Canarias/Gran Canaria", "ES-CN"),
        ("ES", "Barcelona/Cataluña/Catalunya/Catalonia", "ES-CT"),
        ("PT", "Açores/Azores/20", "PT-20"),
        ("PT", "Lisboa/Lisbon", "PT-11"),
        ("BR", "SP/São Paulo/Sao Paulo", "BR-SP"),
        ("BR", "AM/Amazonas", "BR-AM"),
        ("MX", "Jalisco/Jal./JAL", "MX-JAL"),
        ("MX", "CDMX/Ciudad de México/D.F.", "MX-CMX"),
        ("NZ", "Auckland/AUK", "NZ-AUK"),
        ("NZ", "Hawke's Bay/Hawkes Bay", "NZ-HKB"),
        ("NZ", "Chatham Islands", "NZ-CIT"),
        ("AT", "Wien/Vienna", "AT-9"),
        ("CH", "ZH/Zürich/Zurich", "CH-ZH"),
        # of these nobody knows which is meant, or whether any is
        ("MX", "Mexico/México", ""),
        ("AU", "CA/Somewhere/-/", ""),
        ("GB", "Ulster", ""),
        ("FR", "Bretagne/75", ""),
    ],
)
def test_a_region_is_read_by_its_code_and_by_the_names_people_write(country: str, cells: str, region: str) -> None:
    assert {cell: state_named(cell, country) for cell in cells.split("/")} == dict.fromkeys(cells.split("/"), region)


def test_no_name_stands_for_two_regions_of_a_country() -> None:
    found: dict[tuple[str, str], str] = {}
    for line in regions.REGIONS.strip().split("\n"):
        told, names = line.split(": ")
        country, region, *_ = told.split()
        for name in (region, *names.split("/")):
            assert found.setdefault((country, regions.plain(name)), region) == region, f"{country} {name}"


@pytest.mark.parametrize("country", sorted(regions.COUNTRIES - {"CA"}))
def test_every_region_with_holidays_of_its_own_can_be_read_and_together_they_have_the_zones_of_their_country(country: str) -> None:
    theirs = {code for code in regions.CODES if code.startswith(country)}
    assert {code for code in holidays.regions_of(country)} <= theirs
    assert {zone for code in theirs for zone in zones_of_state(code)} == set(zones_within(country))
    assert all(zones_of_state(code) for code in theirs)


@pytest.mark.parametrize(
    ("number", "own", "region", "zones"),
    [
        (MADRID, "Europe/Madrid", "Madrid", "Europe/Madrid"),
        (MADRID, "Europe/Madrid", "Las Palmas", "Atlantic/Canary Europe/Madrid"),
        (LISBON, "Europe/Lisbon", "Porto", "Europe/Lisbon"),
        (LISBON, "Europe/Lisbon", "Madeira", "Europe/Lisbon"),
        (LISBON, "Europe/Lisbon", "Açores", "Atlantic/Azores Europe/Lisbon"),
        (SYDNEY, "Australia/Sydney", "Victoria", "Australia/Sydney"),
        (SYDNEY, "Australia/Sydney", "QLD", "Australia/Brisbane Australia/Sydney"),
        # Broken Hill keeps Adelaide's time, and Lord Howe its own
        (SYDNEY, "Australia/Sydney", "NSW", "Australia/Adelaide Australia/Lord_Howe Australia/Sydney"),
        (AUCKLAND, "Pacific/Auckland", "Wellington", "Pacific/Auckland"),
        (AUCKLAND, "Pacific/Auckland", "Chatham Islands", "Pacific/Auckland Pacific/Chatham"),
        (SAO_PAULO, "America/Sao_Paulo", "RJ", "America/Sao_Paulo"),
        (SAO_PAULO, "America/Sao_Paulo", "Acre", "America/Rio_Branco America/Sao_Paulo"),
        (MEXICO_CITY, "America/Mexico_City", "Jalisco", "America/Mexico_City"),
        (MEXICO_CITY, "America/Mexico_City", "Baja California", "America/Mexico_City America/Tijuana"),
        (BERLIN, "Europe/Berlin", "Bayern", "Europe/Berlin"),
        (LONDON, "Europe/London", "Scotland", "Europe/London"),
    ],
)
def test_an_address_brings_the_zones_of_its_region_and_no_others(number: str, own: str, region: str, zones: str) -> None:
    assert candidate_zones(number, own=[own], region=region) == tuple(zones.split())


@pytest.mark.parametrize(("number", "own"), [(MADRID, "Europe/Madrid"), (SYDNEY, "Australia/Sydney"), (SAO_PAULO, "America/Sao_Paulo")])
def test_a_region_that_cannot_be_read_brings_every_zone_of_the_country(number: str, own: str) -> None:
    country = {MADRID: "ES", SYDNEY: "AU", SAO_PAULO: "BR"}[number]
    assert set(candidate_zones(number, own=[own], region="Elsewhere")) >= set(zones_within(country))


def test_a_region_abroad_is_read_beside_its_country_and_one_without_a_country_beside_the_number() -> None:
    assert set(candidate_zones(LONDON, own=["Europe/London"], country="ES", region="Tenerife")) == {"Europe/London", "Atlantic/Canary"}
    assert "ES-CN" in places(LONDON, zones=("Europe/London",), country="ES", region="Tenerife")
    assert "GB-SCT" not in places(LONDON, zones=("Europe/London",), country="ES", region="Scotland")
    assert places(LONDON, zones=("Europe/London",), region="Scotland") >= {"GB", "GB-SCT"}
    assert {place for place in places(SYDNEY, zones=("Australia/Sydney",), region="WA") if place[2:]} == {"AU-WA"}


def test_of_an_area_code_that_many_territories_share_each_may_be_meant() -> None:
    assert {"CA-NT", "CA-NU", "CA-YT"} <= places("+18675550123", zones=("America/Whitehorse",))
    assert "America/Toronto" in candidate_zones("+18675550123", own=["America/Fort_Nelson"], region="Nunavut")
