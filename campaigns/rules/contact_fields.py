"""What an agent may put right of a contact, and what is wrong with what they have typed. Where the person is (region, postal code, country) is
not among it: that decides when they may be called, and is confirmed by asking them.
"""

import re
from collections.abc import Iterator, Mapping

from dialer_project.lib.sentence import say

# the longest that is kept
LONGEST = {"title": 80, "first_name": 120, "last_name": 120, "company": 160, "address": 250, "city": 120, "email": 250}
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")


def problems(typed: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The field and a sentence with the remedy, for each that cannot be kept."""
    for key, value in typed.items():
        if len(value.strip()) > LONGEST[key]:
            yield key, say("This is too long: at most {most} characters are kept.", most=LONGEST[key])
        elif key == "email" and value.strip() and not EMAIL.fullmatch(value.strip()):
            yield key, say("Write the e-mail address as name@example.com, or leave it empty.")


def changes(typed: Mapping[str, str], was: Mapping[str, str]) -> dict[str, str]:
    """What is to be kept of it: what is in order, and other than it was."""
    wrong = {key for key, _ in problems(typed)}
    return {key: value.strip() for key, value in typed.items() if key not in wrong and value.strip() != was[key]}
