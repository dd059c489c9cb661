"""Secrets of others (a header, a password) as they lie in the database: sealed with a key that is not in it.

The first of SEAL_KEYS seals, all of them open: a new key goes in front, and the old one leaves once everything was saved anew.
"""

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class SealedWithAnotherKey(Exception):
    """This secret was sealed with a key that SEAL_KEYS does not have: enter it anew, or put that key back."""


def _keys() -> MultiFernet:
    return MultiFernet([Fernet(base64.urlsafe_b64encode(hashlib.sha256(key.encode()).digest())) for key in settings.SEAL_KEYS])


def seal(secret: str) -> str:
    return _keys().encrypt(secret.encode()).decode() if secret else ""


def unseal(sealed: str) -> str:
    try:
        return _keys().decrypt(sealed.encode()).decode() if sealed else ""
    except InvalidToken:
        raise SealedWithAnotherKey(SealedWithAnotherKey.__doc__) from None
