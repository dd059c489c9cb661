"""A number as it is looked up and shown where it must not be readable: a keyed hash, and a hint."""

import hmac


def number_key(e164: str, key: str) -> str:
    """How do-not-call lists know a number. Keyed, since all numbers of a country can be hashed in a minute."""
    return hmac.digest(key.encode(), e164.encode(), "sha256").hex()


def hint(e164: str) -> str:
    """The number with its middle hidden: +4479•••••00."""
    shown = min(5, max(0, len(e164) - 6))
    return e164[:shown] + "•" * (len(e164) - shown - 2) + e164[-2:]
