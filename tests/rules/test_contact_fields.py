"""What an agent may put right of a contact."""

from __future__ import annotations

import pytest

from campaigns.rules.contact_fields import LONGEST, changes, problems

WAS = {**dict.fromkeys(LONGEST, ""), "first_name": "Maria", "last_name": "Lopes", "email": "maria@example.com"}


def test_what_is_typed_as_it_was_is_no_change() -> None:
    assert changes({"first_name": " Maria ", "last_name": "Lopez", "company": ""}, WAS) == {"last_name": "Lopez"}


@pytest.mark.parametrize(
    ("key", "value", "said"), [("email", "maria at home", "name@example.com"), ("email", "m@home", "name@example.com"), ("title", "x" * 81, "80")]
)
def test_what_cannot_be_kept_is_told_and_not_stored(key: str, value: str, said: str) -> None:
    ((where, sentence),) = problems({key: value})
    assert (where, said in sentence) == (key, True)
    assert changes({key: value}, WAS) == {}


def test_an_address_may_be_taken_away() -> None:
    assert changes({"email": ""}, WAS) == {"email": ""}
