"""What a row of a calling list says, and why it cannot be used."""

import re

import phonenumbers
import pytest
from django.db import models
from hypothesis import given
from hypothesis import strategies as st

from campaigns.models import Contact
from campaigns.rules.countries import country_code
from campaigns.rules.list_columns import Column, Field, Layout, recognise
from campaigns.rules.list_rows import LONGEST, Person, Unusable, read_row
from campaigns.rules.number_keys import hint, number_key
from campaigns.rules.phone_numbers import E164, Dialable, Undialable, read_number, read_numbers
from campaigns.rules.time_zones import zone_named

LONDON = "020 7946 0123"


def row(country: str = "GB", **cells: str) -> Person | Unusable:
    layout = recognise([list(cells)], mapping={}, country=country, list_name="March")
    assert isinstance(layout, Layout), layout
    return read_row(layout, list(cells.values()), country=country)


def person(country: str = "GB", **cells: str) -> Person:
    read = row(country, **cells)
    assert isinstance(read, Person), read
    return read


def why(country: str = "GB", **cells: str) -> str:
    read = row(country, **cells)
    assert isinstance(read, Unusable), read
    return read.why


def test_maria_has_two_numbers_in_the_order_of_the_file() -> None:
    maria = person(name="Maria López", work_phone=LONDON, mobile_phone="07700 900123")
    assert [(number.e164, number.kind) for number in maria.numbers] == [("+442079460123", "work"), ("+447700900123", "mobile")]
    assert (maria.known[Field.FIRST_NAME], maria.known[Field.LAST_NAME]) == ("Maria", "López")


def test_a_number_is_at_home_in_its_rows_country_before_the_files() -> None:
    assert person(phone="(212) 555-0100", Country="United States").numbers[0].e164 == "+12125550100"


def test_a_vicidial_phone_code_says_where_a_number_is_at_home() -> None:
    assert person(country="US", phone_code="44", phone_number="2079460123").numbers[0].e164 == "+442079460123"
    assert person(country="US", phone_code="44", phone_number="02079460123").numbers[0].e164 == "+442079460123"


def test_a_row_with_one_good_number_is_used_and_keeps_the_bad_one_as_a_field() -> None:
    maria = person(name="Maria", home_phone="12345", mobile_phone="07700 900123")
    assert [number.e164 for number in maria.numbers] == ["+447700900123"]
    assert maria.extra == {"home_phone": "12345"}


def test_a_number_given_twice_is_one_number() -> None:
    assert len(person(phone=LONDON, work_phone="+44 20 7946 0123").numbers) == 1


def test_two_numbers_in_one_cell_are_two_numbers() -> None:
    assert [number.e164 for number in person(phone=f"{LONDON} / 07700 900123").numbers] == ["+442079460123", "+447700900123"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("12345", "'12345' is too short"),
        ("abc", "is not a phone number"),
        ("+999 1234567", "country code that does not exist"),
        ("4.42079E+11", "shortened by a spreadsheet"),
        ("7946 0123", "no area code"),
        ("020 7946 0123 4567 8901", "is too long"),
        ("0909 8790000", "premium-rate"),
        ("0" * 500, "is too long"),
    ],
)
def test_a_number_that_cannot_be_dialed_is_told_in_plain_words(text: str, says: str) -> None:
    told = why(name="Maria", phone=text)
    assert told.startswith("no phone number that can be dialed: ")
    assert says in told


def test_a_number_without_any_country_says_what_to_do() -> None:
    assert "default country" in why(country="", phone=LONDON)


def test_a_row_without_a_number_names_the_columns_that_are_empty() -> None:
    assert (
        why(name="Maria", phone="", mobile="") == "no phone number: 'phone', 'mobile' is empty; fill it in, or map the column that holds the number"
    )


def test_whom_the_file_marks_as_not_to_be_called_is_not_called() -> None:
    assert "Do Not Call" in why(**{"Phone": LONDON, "Do Not Call": "1"})
    assert person(**{"Phone": LONDON, "Do Not Call": "0"}).numbers


def test_what_has_no_place_of_its_own_is_kept_under_its_header() -> None:
    assert person(phone=LONDON, **{"Favourite colour": "blue"}).extra == {"Favourite colour": "blue"}


def test_a_name_too_long_is_cut_and_kept_whole_beside() -> None:
    maria = person(phone=LONDON, first_name="M" * 300)
    assert maria.known[Field.FIRST_NAME] == "M" * 120
    assert maria.extra == {"First name": "M" * 300}


def test_a_field_of_a_megabyte_is_refused_by_its_name() -> None:
    assert "'notes' holds 1,000,000 characters" in why(phone=LONDON, notes="x" * 1_000_000)


def test_more_values_than_headers_means_a_delimiter_too_many() -> None:
    layout = Layout("plain", "", (Column("phone", Field.PHONE), Column("notes", Field.EXTRA)), has_header=True)
    read = read_row(layout, [LONDON, "one", " two"], country="GB")
    assert isinstance(read, Unusable)
    assert "3 columns where the header has 2" in read.why
    assert isinstance(read_row(layout, [LONDON, "one", "", " "], country="GB"), Person)


def test_an_apostrophe_put_before_a_formula_by_our_own_rejects_file_goes_again() -> None:
    maria = person(phone="'+442079460123", name="'=Maria")
    assert maria.numbers[0].e164 == "+442079460123"
    assert maria.known[Field.FIRST_NAME] == "=Maria"


def test_a_number_may_be_in_every_zone_of_its_country_when_more_is_not_known() -> None:
    number = read_number("+1 800 234 5678", country="")
    assert isinstance(number, Dialable)
    assert {"America/New_York", "Pacific/Honolulu"} <= set(number.zones)


def test_the_persons_own_zone_joins_the_numbers() -> None:
    assert person(phone=LONDON, **{"Time Zone": "America/New_York"}).numbers[0].zones == ("America/New_York", "Europe/London")
    assert person(phone=LONDON, **{"Time Zone": "Mars/Olympus"}).extra == {"Time Zone": "Mars/Olympus"}


def test_a_zone_of_a_file_that_nobody_can_read_leaves_every_zone_of_the_country() -> None:
    row = person(phone="+12125550123", **{"Time Zone": "Pacific Standard Time"})
    assert {"America/New_York", "America/Los_Angeles"} <= set(row.numbers[0].zones)
    assert row.extra == {"Time Zone": "Pacific Standard Time"}


def test_time_zones_are_read_as_the_crms_write_them() -> None:
    assert zone_named("(GMT-05:00) Eastern Standard Time (America/New_York)") == "America/New_York"
    assert zone_named("america_slash_new_york") == "America/New_York"
    assert zone_named("tomorrow") == ""


def test_countries_are_read_as_files_write_them() -> None:
    assert [country_code(text) for text in ("GB", "gbr", "United Kingdom", "UK", "Deutschland", "USA", "Atlantis")] == [
        *("GB", "GB", "GB", "GB", "DE", "US"),
        "",
    ]


def test_the_same_name_written_otherwise_is_the_same_person() -> None:
    keys = {person(phone=LONDON, name=name).match_key for name in ("Maria López", "  MARIA   LÓPEZ ", "maria lo\u0301pez")}
    assert len(keys) == 1
    assert person(phone=LONDON, name="Ana").match_key not in keys


def test_every_zone_a_number_can_have_is_one_the_clock_knows() -> None:
    for region in phonenumbers.SUPPORTED_REGIONS:
        number = phonenumbers.example_number(region)
        assert number is not None
        read = read_number(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164), country="")
        assert isinstance(read, Undialable) or (read.zones and read.zones == tuple(sorted(set(read.zones))))


@given(st.text(max_size=80), st.sampled_from(["", "GB", "US", "DE"]), st.sampled_from(["", "1", "44"]))
def test_any_text_is_a_number_to_dial_or_a_reason(text: str, country: str, phone_code: str) -> None:
    for read in read_numbers(text, country=country, phone_code=phone_code):
        if isinstance(read, Dialable):
            assert E164.fullmatch(read.e164)
            assert read.zones
        else:
            assert re.search(r"\w", read.why)


def test_what_a_person_may_hold_is_what_the_table_holds() -> None:
    for field, longest in LONGEST.items():
        column = Contact._meta.get_field(field.value)
        assert isinstance(column, models.CharField)
        assert column.max_length == longest


def test_a_number_is_looked_up_by_a_keyed_hash_and_shown_by_a_hint() -> None:
    assert number_key("+442079460123", "one") != number_key("+442079460123", "two")
    assert len(number_key("+442079460123", "one")) == 64
    assert hint("+442079460123") == "+4420••••••23"
    assert len(hint("+1234567")) == 8
