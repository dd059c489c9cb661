"""Phones made known to Asterisk while it runs: each an endpoint, an account and a place to register, in its memory alone.

What an endpoint of its kind is like stands in pjsip.conf, where the operator may change it; it is read and written again under the
phone's own name.
"""

from __future__ import annotations

from typing import Any

from telephony.drivers.asterisk.ari import Ari
from telephony.drivers.base import Phone

PHONE, BROWSER = "ringmaster-phone", "ringmaster-browser"  # the patterns in pjsip.conf
PATTERNS = frozenset({PHONE, BROWSER})
OURS = "X-Ringmaster-Leg"  # the header with our call's id, by which a page knows that it is we who call
QUALIFY_EVERY = 15  # seconds; a page that is gone without a word is noticed by then
# written into every pattern, and refused or misread when read back
_NOT_COPIED = frozenset({"aors", "auth", "callerid", "stir_shaken"})


def admit(ari: Ari, phone: Phone) -> bool:
    """The endpoint last: from then on the phone is there. False where Asterisk refuses, as one without the patterns does."""
    pattern = _known(ari, "endpoint", BROWSER if phone.browser else PHONE)
    if pattern is None:
        return False
    like = {field["attribute"]: field["value"] for field in pattern if field["attribute"] not in _NOT_COPIED}
    return (
        _write(ari, "auth", phone.name, {"auth_type": "userpass", "username": phone.name, "password": phone.secret})
        and _write(
            ari, "aor", phone.name, {"max_contacts": "1", "remove_existing": "yes", "qualify_frequency": str(QUALIFY_EVERY) if phone.browser else "0"}
        )
        and _write(ari, "endpoint", phone.name, {**like, "aors": phone.name, "auth": phone.name})
    )


def dismiss(ari: Ari, name: str) -> bool:
    """The endpoint first: from then on nobody can be it. False where there is none of this name that was admitted."""
    gone = [ari.ask("DELETE", *_object(kind, name)).ok for kind in ("endpoint", "auth", "aor")]
    return gone[0]


def _known(ari: Ari, kind: str, name: str) -> Any | None:
    reply = ari.question(*_object(kind, name))
    return reply.said if reply.ok else None


def _write(ari: Ari, kind: str, name: str, fields: dict[str, str]) -> bool:
    said = [{"attribute": attribute, "value": value} for attribute, value in fields.items()]
    return ari.ask("PUT", *_object(kind, name), body={"fields": said}).ok


def _object(kind: str, name: str) -> tuple[str, ...]:
    return "asterisk", "config", "dynamic", "res_pjsip", kind, name
