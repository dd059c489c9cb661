"""Phones that the telephone system knows because our rows say so: a page's, anew for each page; a telephone's, made in the admin.

The row is the truth: its secret, and for a page the one node that knows it. What a crash or a restart of either side leaves is put right
whenever a node is listed.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import token_hex, token_urlsafe

from django.db import transaction
from django.db.models import Q
from django.utils.text import slugify

from agents.models import Agent, Station
from dialer_project.lib import sql
from dialer_project.lib.seal import SealedWithAnotherKey, seal, unseal
from telephony import stations
from telephony.models import Node

log = logging.getLogger(__name__)

# what a page's phone registers with is good for a long shift
SECRET_FOR = timedelta(hours=12)
# a page that is gone comes back with another one
ABSENT_FOR = timedelta(seconds=90)
# a page at which nobody has signed in: the microphone was tried, and no more
UNUSED_FOR = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class PageAccess:
    """Where a page's phone registers, and with what."""

    url: str
    phone: stations.Phone
    relays: Sequence[stations.Relay]


def of_page(agent_id: int) -> Station | None:
    """The station that is this agent's own browser; none before its first use."""
    return Station.objects.filter(owner_id=agent_id, kind=Station.Kind.WEBRTC).first()


def renew(mine: Station | None, agent_id: int, *, node_id: int, now: datetime) -> stations.Phone:
    """Another name and secret for the agent's page. Inside the caller's transaction; the older ones are void after the commit."""
    phone = stations.Phone(name=f"{stations.BROWSER}{agent_id}-{token_hex(8)}", browser=True, secret=token_urlsafe(24))
    if mine is None:
        user = Agent.objects.select_related("user").get(pk=agent_id).user
        mine = Station.objects.create(
            name=f"Browser of {user.username}"[:60], kind=Station.Kind.WEBRTC, owner_id=agent_id, endpoint=phone.name, auto_answer=True
        )
    _forget_after_commit([mine])
    Station.objects.filter(pk=mine.pk).update(endpoint=phone.name, secret=seal(phone.secret), known_at=node_id, secret_since=now, registered=False)
    return phone


def admitted(phone: stations.Phone, node: Node, *, now: datetime) -> PageAccess | None:
    """After the commit; None where the node does not take it."""
    if not stations.admit(node.pk, phone):
        return None
    return PageAccess(node.browser_url, phone, stations.relays(phone.name, now=now))


def void_of(agent_id: int) -> None:
    """This agent's page registers no more. Inside the caller's transaction."""
    _void(Q(owner_id=agent_id))


def registered(endpoints: Sequence[str], there: bool) -> None:
    Station.objects.filter(endpoint__in=endpoints).exclude(registered=there).update(registered=there)


def compare(node_id: int, listed: Mapping[str, bool], *, now: datetime) -> list[str]:
    """The node's list of phones against the rows: secrets that have run out are void, phones that should be known are made known, others
    of ours are so no longer. Returns the pages of which the node says something else than we believe."""
    if run_out := sql.rows(_RUN_OUT, {"node": node_id, "old": now - SECRET_FOR, "absent": now - ABSENT_FOR, "unused": now - UNUSED_FOR}):
        with transaction.atomic():
            _void(Q(pk__in=[row.id for row in run_out]))
    wanted: dict[str, stations.Phone] = {}
    differing: list[sql.Row] = []
    for row in sql.rows(
        """
        SELECT t.endpoint, t.kind = 'webrtc' AS page, t.secret, t.registered, t.owner_id FROM agents_station t
        WHERE t.endpoint = ANY(%(listed)s) OR (t.secret <> '' AND (t.kind = 'sip' OR t.known_at = %(node)s))
        """,
        {"node": node_id, "listed": list(listed)},
    ):
        if row.secret:
            try:
                wanted[row.endpoint] = stations.Phone(name=row.endpoint, browser=row.page, secret=unseal(row.secret))
            except SealedWithAnotherKey as sealed:
                log.error("the phone %s cannot be made known: %s", row.endpoint, sealed)
        if row.endpoint in listed and row.registered is not listed[row.endpoint]:
            differing.append(row)
    stations.compare(node_id, wanted=wanted, listed=listed)
    for there in (True, False):
        if telephones := [row.endpoint for row in differing if not row.page and listed[row.endpoint] is there]:
            registered(telephones, there)
    return [row.endpoint for row in differing if row.page and row.owner_id is not None]


def name_for(station: str) -> str:
    """Under which a telephone of this name registers: like no other there."""
    return f"{stations.TELEPHONE}{slugify(station)[:40]}-{token_hex(3)}".replace("--", "-")


def is_ours(endpoint: str) -> bool:
    """A name that only we give: what is called so and is not in our rows is not known for long."""
    return endpoint.startswith((stations.BROWSER, stations.TELEPHONE))


def new_password(telephone: Station) -> str:
    """Sealed into its row; `make_known` tells the telephone system after the commit."""
    password = token_urlsafe(12)
    telephone.secret = seal(password)
    telephone.save(update_fields=["secret"])
    return password


def make_known(telephone: Station) -> list[str]:
    """After the commit, to every node somebody may register at. Returns the names of those that did not take it; one that knows nothing
    of the phone yet will be told when it is next listed."""
    phone = stations.Phone(name=telephone.endpoint, browser=False, secret=unseal(telephone.secret))
    return [node.name for node in Node.objects.filter(enabled=True).order_by("name") if not stations.admit(node.pk, phone)]


def forget(void: Sequence[Station]) -> None:
    """Their rows go, or their accounts: after the commit nobody can be them."""
    nodes = list(Node.objects.filter(enabled=True))
    for one in void:
        for node in nodes if one.secret else ():
            sql.after_commit(stations.dismiss, node.pk, one.endpoint)


def _void(which: Q) -> None:
    void = list(Station.objects.select_for_update().filter(which, kind=Station.Kind.WEBRTC).exclude(secret="").order_by("pk"))
    _forget_after_commit(void)
    Station.objects.filter(pk__in=[one.pk for one in void]).update(secret="", known_at=None, secret_since=None, registered=False)


def _forget_after_commit(pages: Sequence[Station]) -> None:
    for one in pages:
        if one.secret and one.known_at is not None:
            sql.after_commit(stations.dismiss, one.known_at, one.endpoint)


# needed while its agent sits there and has been heard of lately, or has work in hand, or has just asked for it
_RUN_OUT = """
    SELECT t.id FROM agents_station t JOIN agents_session s ON s.agent_id = t.owner_id
    WHERE t.kind = 'webrtc' AND t.secret <> '' AND t.known_at = %(node)s
      AND NOT EXISTS (SELECT 1 FROM agents_interaction i WHERE i.agent_id = s.agent_id AND i.phase <> 'closed')
      AND (t.secret_since <= %(old)s
           OR (NOT s.present AND s.absent_since <= %(absent)s)
           OR (t.secret_since <= %(unused)s AND (s.signed_in_at IS NULL OR s.station_id IS DISTINCT FROM t.id)))
"""
