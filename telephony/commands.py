"""What the carrier is told: calls placed, joined, held, ended. Each goes out after the commit that decided it; what became of it comes as an event."""

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from dialer_project.lib import sql
from telephony import nodes
from telephony.calls import ANSWERED_WITHIN, SENT_WITHIN, Sending
from telephony.drivers.base import Address, AddressKind, Carrier, Leg
from telephony.drivers.base import Placing as Placing
from telephony.drivers.base import Refused as Refused
from telephony.drivers.base import Unclear as Unclear
from telephony.nodes import NodeAway
from telephony.rules.hangup_causes import Cause
from telephony.rules.lifecycle import Party
from telephony.rules.numbers import sent_as

log = logging.getLogger(__name__)


def place(sending: Sequence[Sending]) -> dict[UUID, Placing]:
    """Sends the calls, one round trip per node; nothing that has waited for more than a second is sent any more.

    The caller concludes the refused ones and leaves the unclear ones to their quarantine (`calls.unresolved`).
    """
    results: dict[UUID, Placing] = {}
    by_node: dict[int, list[Sending]] = defaultdict(list)
    for one in sending:
        if time.monotonic() - one.looked_at > SENT_WITHIN.total_seconds():
            results[one.id] = Refused(Cause.CANCELLED, "waited too long between the last look and the carrier")
        else:
            by_node[one.node_id].append(one)
    for node_id, group in by_node.items():
        legs = [_leg(one) for one in group]
        try:
            answers: Sequence[Placing] = nodes.ask(nodes.by_id(node_id), lambda carrier, legs=legs: carrier.place_many(legs))  # type: ignore[misc]  # mypy cannot type a lambda with a default
        except NodeAway as away:
            answers = [Unclear(str(away)) if away.maybe_done else Refused(Cause.FAILED, str(away))] * len(group)
        results.update(zip((one.id for one in group), answers, strict=True))
    return results


def _leg(one: Sending) -> Leg:
    customer = one.party is Party.CUSTOMER
    kind = AddressKind.NUMBER if one.address.startswith("+") else AddressKind.STATION
    return Leg(
        call_id=one.id,
        to=Address(kind, sent_as(one.address, one.numbers), one.trunk),
        caller_id=sent_as(one.caller_id, one.numbers) if kind is AddressKind.NUMBER else one.caller_id,
        ring_for=timedelta(seconds=one.ring_for),
        party=one.party.value,
        guard=ANSWERED_WITHIN if customer else None,
        message=one.message,
        max_length=one.max_length,
        auto_answer=one.auto_answer,
        detect_machine=one.detect_machine,
    )


def connect(node_id: int, *, bridge: UUID, legs: Sequence[UUID]) -> bool:
    """Customer and agent into one bridge. False where a leg is gone: the two-second timer decides what follows."""
    return _tell(node_id, lambda carrier: carrier.connect(bridge, *legs))


def connect_many(node_id: int, conversations: Mapping[UUID, Sequence[UUID]]) -> set[UUID]:
    """As connect: bridge -> legs. Returns the bridges of which the carrier says that they hold all their legs now."""
    try:
        joined = nodes.ask(nodes.by_id(node_id), lambda carrier: carrier.connect_many(conversations))
    except NodeAway as away:
        log.warning("conversations were not begun: %s", away)
        return set()
    return {bridge for bridge, came_about in zip(conversations, joined, strict=True) if came_about}


def raise_guards(node_id: int, longest: Mapping[UUID, timedelta | None]) -> None:
    """These customers are in a conversation: the carrier need not speak for us any more. longest: as of Carrier.raise_guards."""
    if longest:
        _tell(node_id, lambda carrier: all(carrier.raise_guards(longest)))


def leave(node_id: int, *, bridge: UUID, call_id: UUID) -> None:
    leave_many(node_id, [(bridge, call_id)])


def leave_many(node_id: int, leaving: Sequence[tuple[UUID, UUID]]) -> None:
    """As leave: (bridge, call) each."""
    _tell(node_id, lambda carrier: all(carrier.leave_many(leaving)))


def play_message(node_id: int, call_ids: Sequence[UUID], announcement: str) -> None:
    """The recorded message, then the end; the carrier finishes it without us."""
    for call_id in call_ids:
        _tell(node_id, lambda carrier, call_id=call_id: carrier.play(call_id, announcement, then_hang_up=True))  # type: ignore[misc]  # mypy cannot type a lambda with a default


def answer(node_id: int, call_id: UUID) -> bool:
    """Take an incoming call."""
    return _tell(node_id, lambda carrier: carrier.answer(call_id))


def hold(node_id: int, call_id: UUID) -> bool:
    """The call hears music until `resume`. False, as of the next four, where it is gone or its node is away."""
    return _tell(node_id, lambda carrier: carrier.hold(call_id))


def resume(node_id: int, call_id: UUID) -> bool:
    return _tell(node_id, lambda carrier: carrier.resume(call_id))


def mute(node_id: int, call_id: UUID) -> bool:
    """The leg is no longer heard by the others, until `unmute`."""
    return _tell(node_id, lambda carrier: carrier.mute(call_id))


def unmute(node_id: int, call_id: UUID) -> bool:
    return _tell(node_id, lambda carrier: carrier.unmute(call_id))


def play_music(node_id: int, bridge: UUID) -> bool:
    """Whoever is alone in this conversation hears that they are waiting, until `stop_music`."""
    return _tell(node_id, lambda carrier: carrier.play_music(bridge))


def stop_music(node_id: int, bridge: UUID) -> bool:
    return _tell(node_id, lambda carrier: carrier.stop_music(bridge))


def send_digits(node_id: int, call_id: UUID, digits: str) -> bool:
    return _tell(node_id, lambda carrier: carrier.send_digits(call_id, digits))


def play(node_id: int, call_id: UUID, announcement: str) -> bool:
    """This call alone hears it, and goes on."""
    return _tell(node_id, lambda carrier: carrier.play(call_id, announcement))


def snoop(node_id: int, supervisor: UUID, on: UUID, *, whisper: bool) -> bool:
    """The supervisor hears this call, and with whisper is heard by it alone."""
    return _tell(node_id, lambda carrier: carrier.snoop(supervisor, on, whisper=whisper))


def play_to_all(node_id: int, bridge: UUID, announcement: str) -> bool:
    return _tell(node_id, lambda carrier: carrier.play_to_all(bridge, announcement))


def hang_up(calls: Iterable[tuple[int, UUID]]) -> None:
    """(node, call) each. The end comes as an event; a call that is gone already is found by listing. Where the node is away the call goes on:
    whoever wants its end must find it again by a row that says so, and ask again."""
    for node_id, call_id in calls:
        _tell(node_id, lambda carrier, call_id=call_id: carrier.hang_up(call_id))  # type: ignore[misc]  # mypy cannot type a lambda with a default


def hang_up_by_id(call_ids: Sequence[UUID]) -> None:
    """As hang_up, where only the ids are known."""
    hang_up(
        (row.node_id, row.id) for row in sql.rows("SELECT id, node_id FROM telephony_call WHERE id = ANY(%s) AND state <> 'ended'", [list(call_ids)])
    )


def _tell(node_id: int, command: Callable[[Carrier], bool]) -> bool:
    try:
        return nodes.ask(nodes.by_id(node_id), command)
    except NodeAway as away:
        log.warning("a command was not carried out: %s", away)
        return False
