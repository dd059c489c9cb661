"""Short and emergency numbers of every country are refused when a number is read, however it is written: nothing that is kept can be one."""

import pytest
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata
from phonenumbers.shortnumberinfo import SUPPORTED_SHORT_REGIONS

from campaigns.rules.phone_numbers import Undialable, read_number

CODES = {region: code for code, regions in COUNTRY_CODE_TO_REGION_CODE.items() for region in regions}


def short_numbers(region: str) -> set[str]:
    known = PhoneMetadata.short_metadata_for_region(region)
    kinds = (known.emergency, known.short_code, known.premium_rate, known.standard_rate, known.toll_free) if known else ()
    return {kind.example_number for kind in kinds if kind is not None and kind.example_number}


def test_there_is_something_to_refuse() -> None:
    assert sum(len(short_numbers(region)) for region in SUPPORTED_SHORT_REGIONS) > 300


@pytest.mark.parametrize("region", sorted(SUPPORTED_SHORT_REGIONS))
def test_no_short_number_is_taken_for_a_persons(region: str) -> None:
    for number in short_numbers(region):
        for written in (number, f"+{CODES[region]}{number}", f"00{CODES[region]}{number}"):
            assert isinstance(read_number(written, country=region), Undialable), written
