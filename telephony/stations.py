"""Phones that are made known to a node while it runs: a page's for its sign-in, a telephone's for as long as it is in the admin.

The rows say which there should be; what a node has of ours is known by the names, which begin like nothing else there.
"""

import base64
import hashlib
import hmac
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from telephony import nodes
from telephony.drivers.base import Phone as Phone
from telephony.nodes import NodeAway

log = logging.getLogger(__name__)

BROWSER, TELEPHONE = "browser-", "phone-"
RELAY_FOR = timedelta(hours=12)


def admit(node_id: int, phone: Phone) -> bool:
    """False where the node is away or refuses it."""
    try:
        admitted = nodes.ask(nodes.by_id(node_id), lambda carrier: carrier.admit(phone))
    except NodeAway as away:
        log.warning("%s was not made known: %s", phone.name, away)
        return False
    if not admitted:
        log.error("%s refuses the phone %s: does its configuration have the patterns for phones?", nodes.by_id(node_id).name, phone.name)
    return admitted


def dismiss(node_id: int, name: str) -> None:
    """Where the node is away, `compare` finds it."""
    try:
        nodes.ask(nodes.by_id(node_id), lambda carrier: carrier.dismiss(name))
    except NodeAway as away:
        log.warning("%s is still known: %s", name, away)


def compare(node_id: int, *, wanted: Mapping[str, Phone], listed: Iterable[str]) -> None:
    """What a crash or a restart has left: who is missing is made known, and whoever nobody wants is not known any more."""
    there = {name for name in listed if name.startswith((BROWSER, TELEPHONE))}
    for name in wanted.keys() - there:
        admit(node_id, wanted[name])
    for name in there - wanted.keys():
        dismiss(node_id, name)


@dataclass(frozen=True, slots=True)
class Relay:
    """A STUN or TURN server, as a browser wants to be told."""

    urls: str
    username: str = ""
    credential: str = ""


def relays(name: str, *, now: datetime) -> list[Relay]:
    """For this phone; those of TURN with a pass that runs out by itself (the REST way: a time, and its signature)."""
    until = f"{int((now + RELAY_FOR).timestamp())}:{name}"
    signed = base64.b64encode(hmac.new(settings.TURN_SECRET.encode(), until.encode(), hashlib.sha1).digest()).decode()
    return [Relay(url, until, signed) if url.startswith("turn") else Relay(url) for url in settings.ICE_SERVERS]
