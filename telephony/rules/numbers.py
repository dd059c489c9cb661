"""How a carrier writes numbers. Everywhere else they are E.164 with its plus."""

import re
from enum import StrEnum


class NumberForm(StrEnum):
    PLUS = "plus"
    DIGITS = "digits"
    ZEROS = "zeros"


FORMS = [(NumberForm.PLUS, "+34911234567"), (NumberForm.DIGITS, "34911234567"), (NumberForm.ZEROS, "0034911234567")]


def sent_as(e164: str, form: NumberForm) -> str:
    """A number of ours as this carrier wants it; what is none, such as a withheld caller ID, stays as it is."""
    if not e164.startswith("+"):
        return e164
    return {NumberForm.PLUS: "+", NumberForm.DIGITS: "", NumberForm.ZEROS: "00"}[form] + e164[1:]


def read(said: str) -> str:
    """A carrier's number in E.164, where it says which country; one that begins with a single zero, is short, or is none stays as it is."""
    found = re.fullmatch(r"(?:\+|00)?([1-9][0-9]{7,14})", said)
    return f"+{found[1]}" if found else said
