"""Where a conversation may be taken on to: no short, emergency or premium number ever, and abroad only what an administrator has put down."""

import phonenumbers

from campaigns.rules.phone_numbers import Dialable, Undialable, read_number
from dialer_project.lib.sentence import say


def country_of(e164: str) -> str:
    """Two letters; 001 for what belongs to no country, such as a satellite's; empty where it cannot be told."""
    try:
        return phonenumbers.region_code_for_number(phonenumbers.parse(e164)) or ""
    except phonenumbers.NumberParseException:
        return ""


def read(text: str, *, home: frozenset[str] | None) -> Dialable | Undialable:
    """The number meant, or why it is not called. `home`: the countries it may lie in; None: an administrator says so, in any country."""
    number = read_number(text, country=min(home - {"", "001"}, default="") if home else "")
    if isinstance(number, Undialable):
        return number
    shown = text.strip()
    country = country_of(number.e164)
    if country in ("", "001"):
        return Undialable(
            say("'{number}' belongs to no country, as satellite phones do, and those are not called; give another number", number=shown)
        )
    if home is not None and country not in home:
        return Undialable(say("'{number}' is abroad; ask your supervisor to put it into the directory", number=shown))
    return number
