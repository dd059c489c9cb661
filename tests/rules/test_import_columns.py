"""What the columns of a calling list are taken for."""

import pytest

from campaigns.rules.list_columns import Field, Layout, Unrecognised, recognise

SALESFORCE = "Lead ID,Salutation,First Name,Last Name,Company / Account,Lead Source,Phone,Mobile,Asst. Phone,Fax,Email,Do Not Call,Country"
SALESFORCE_LOADER = "ID,LASTNAME,FIRSTNAME,MAILINGSTREET,MAILINGCITY,PHONE,FAX,MOBILEPHONE,HOMEPHONE,OTHERPHONE,ASSISTANTPHONE,DONOTCALL,LEADSOURCE"
HUBSPOT = "Record ID,First Name,Last Name,Email,Phone Number,Mobile Phone Number,Contact owner,Associated Company,Time Zone"
VICIDIAL_EXPORT = "lead_id|status|vendor_lead_code|list_id|phone_code|phone_number|first_name|last_name|alt_phone|called_since_last_reset"
VICIDIAL_LIST = "A17|||44|2079460123|Mr|John|Q|Smith|1 High St|||London||||GBR|M|1970-01-01|07700900456|j@example.org||hello"


def found(header: str, *rows: str, delimiter: str = ",", country: str = "GB", **mapping: str) -> Layout:
    layout = recognise([line.split(delimiter) for line in (header, *rows)], mapping=mapping, country=country, list_name="March")
    assert isinstance(layout, Layout), layout
    return layout


def phones(layout: Layout) -> list[tuple[str, str]]:
    return [(column.header, column.kind) for column in layout.columns if column.field is Field.PHONE]


def meaning(layout: Layout, header: str) -> Field:
    return next(column.field for column in layout.columns if column.header == header)


def test_a_salesforce_report_is_known_with_its_phones_in_order() -> None:
    layout = found(SALESFORCE)
    assert (layout.flavour, layout.source, layout.has_header) == ("salesforce", "salesforce", True)
    assert phones(layout) == [("Phone", "other"), ("Mobile", "mobile")]
    assert meaning(layout, "Lead ID") is Field.EXTERNAL_ID
    assert meaning(layout, "Do Not Call") is Field.DO_NOT_CALL


def test_a_fax_or_an_assistant_is_nobody_to_call() -> None:
    layout = found(SALESFORCE)
    assert meaning(layout, "Fax") is Field.EXTRA
    assert meaning(layout, "Asst. Phone") is Field.EXTRA


def test_names_written_together_in_capitals_are_understood() -> None:
    layout = found(SALESFORCE_LOADER)
    assert phones(layout) == [("PHONE", "other"), ("MOBILEPHONE", "mobile"), ("HOMEPHONE", "home"), ("OTHERPHONE", "other")]
    assert meaning(layout, "MAILINGCITY") is Field.CITY


def test_a_hubspot_export_is_known() -> None:
    layout = found(HUBSPOT)
    assert layout.source == "hubspot"
    assert phones(layout) == [("Phone Number", "other"), ("Mobile Phone Number", "mobile")]


def test_a_vicidial_list_without_a_header_is_known_by_its_places() -> None:
    layout = found(VICIDIAL_LIST, delimiter="|")
    assert (layout.flavour, layout.has_header) == ("vicidial", False)
    assert phones(layout) == [("phone_number", "other"), ("alt_phone", "other")]
    assert meaning(layout, "vendor_lead_code") is Field.EXTERNAL_ID
    assert meaning(layout, "phone_code") is Field.PHONE_CODE


def test_the_id_of_a_vicidial_export_is_the_customers_own() -> None:
    layout = found(VICIDIAL_EXPORT, delimiter="|")
    assert layout.flavour == "vicidial"
    assert meaning(layout, "vendor_lead_code") is Field.EXTERNAL_ID
    assert meaning(layout, "lead_id") is Field.EXTRA


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        ("Mobile Phone", "mobile"),
        ("Cell", "mobile"),
        ("Handy", "mobile"),
        ("Home Phone", "home"),
        ("Telefon privat", "home"),
        ("Business Phone", "work"),
        ("Phone (work)", "work"),
        ("Phone 2", "other"),
        ("Teléfono", "other"),
        ("Phone 1 - Value", "other"),
        ("Alternate Phone", "other"),
    ],
)
def test_phones_are_known_by_what_people_call_them(header: str, kind: str) -> None:
    assert phones(found(f"Name,{header}")) == [(header, kind)]


@pytest.mark.parametrize("header", ["Phone Type", "Phone 1 - Label", "Mobile opt-out", "Phone verified", "Last call date", "Excellent", "Cancelled"])
def test_what_is_said_about_a_phone_is_no_phone(header: str) -> None:
    assert phones(found(f"Phone,{header}")) == [("Phone", "other")]


def test_a_list_without_headers_is_understood_by_what_stands_in_it() -> None:
    layout = found("Maria López,020 7946 0123", "Omar Khan,07700 900123")
    assert not layout.has_header
    assert [column.field for column in layout.columns] == [Field.NAME, Field.PHONE]


def test_a_header_in_words_nobody_knows_is_still_a_header() -> None:
    layout = found("foo,bar", "Maria López,020 7946 0123", "Omar Khan,07700 900123")
    assert layout.has_header
    assert phones(layout) == [("bar", "other")]


def test_a_phone_column_in_words_nobody_knows_is_found_beside_headers_that_are_known() -> None:
    layout = found("First name,Ring,Town", "Maria,020 7946 0123,Leeds", "Omar,07700 900123,York")
    assert phones(layout) == [("Ring", "other")]


def test_a_bad_number_in_the_first_line_does_not_make_it_a_header() -> None:
    assert not found("Maria López,12345", "Omar Khan,07700 900123", "Lena Brown,07700 900124").has_header


def test_what_a_person_says_of_a_column_wins() -> None:
    layout = found("Name,Ring this,Phone", **{"Ring this": "phone:work", "Phone": "skip"})
    assert phones(layout) == [("Ring this", "work")]


def test_a_column_without_a_header_is_named_by_its_place() -> None:
    layout = found("Maria,020 7946 0123,x", **{"column 3": "company"})
    assert layout.columns[2].field is Field.COMPANY


def test_no_phone_column_is_refused_with_the_columns_there_are() -> None:
    refused = recognise([["Name", "Town"], ["Maria", "Leeds"]], mapping={}, country="GB", list_name="March")
    assert isinstance(refused, Unrecognised)
    assert "'Name', 'Town'" in refused.why
    assert "=phone" in refused.why


def test_a_mapping_to_nothing_known_is_refused() -> None:
    for mapping in ({"Name": "telephone-ish"}, {"Nome": "name"}):
        assert isinstance(recognise([["Name", "Phone"]], mapping=mapping, country="GB", list_name="March"), Unrecognised)


def test_an_id_called_just_id_counts_within_its_list() -> None:
    assert found("id,name,phone").source == "list March"
    assert found("Customer Number,name,phone").source == "customer number"
