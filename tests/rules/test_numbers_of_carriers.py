"""How a carrier writes numbers, to it and from it."""

import pytest

from telephony.rules.numbers import NumberForm, read, sent_as


@pytest.mark.parametrize(("form", "sent"), [("plus", "+34911234567"), ("digits", "34911234567"), ("zeros", "0034911234567")])
def test_a_number_goes_out_as_the_carrier_wants_it_and_is_understood_when_it_comes_back(form: str, sent: str) -> None:
    assert sent_as("+34911234567", NumberForm(form)) == sent
    assert read(sent) == "+34911234567"


@pytest.mark.parametrize("said", ["", "anonymous", "0911234567", "112", "911", "+0034911234567", "00", "+34 911", "1" * 16])
def test_what_says_no_country_stays_as_it_is(said: str) -> None:
    assert read(said) == said
    assert sent_as(said.lstrip("+"), NumberForm.ZEROS) == said.lstrip("+")
