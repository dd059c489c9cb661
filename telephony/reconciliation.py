"""What the carrier holds against what we believe: whatever happened while nobody listened, as if the carrier had told it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from dialer_project.lib import sql
from telephony.calls import ANSWERED_WITHIN
from telephony.drivers.base import CarrierCall, Listing
from telephony.rules.events import CarrierEvent, Happened
from telephony.rules.hangup_causes import Cause, HungUpBy
from telephony.rules.lifecycle import CallState, Party


@dataclass(frozen=True, slots=True)
class Reconciled:
    """Facts found by listing, as if the carrier had told them, and channels to be hung up: those nobody planned, and who calls us though we
    have ended their call. Who calls us and is taken by nobody rings on."""

    events: list[CarrierEvent]
    orphans: list[CarrierCall]


def heard_the_message(listing: Listing, *, node_id: int, node_name: str) -> list[CarrierEvent]:
    """The answers and safe-harbour messages of the listing, for calls that have not ended here, as synthetic events.

    They go before whatever the listener was told since it came: the end of a call says nothing of the message that was heard before, and
    without it somebody who was left to the message would pass for one who hung up early.
    """
    if not listing.message_played:
        return []
    ours = sql.rows(
        "SELECT id, answered_at FROM telephony_call WHERE id = ANY(%s) AND node_id = %s AND boot = %s AND state NOT IN ('planned', 'ended')",
        [list(listing.message_played), node_id, listing.boot],
    )
    events = []
    for row in ours:
        heard_at = listing.message_played[row.id]
        if row.answered_at is None:
            events.append(_found(listing, node_name, row.id, Happened.ANSWERED, heard_at - ANSWERED_WITHIN))
        events.append(_found(listing, node_name, row.id, Happened.ANNOUNCEMENT_STARTED, heard_at))
    return events


def reconcile(listing: Listing, *, node_id: int, node_name: str, now: datetime, older_than: timedelta = timedelta(seconds=5)) -> Reconciled:
    """What happened while nobody listened, as synthetic events. An older boot's calls are gone with it.

    A 404 proves nothing about a call whose originate is unclear: it stays until its quarantine is over. `older_than` spares calls that
    were sent so lately that the carrier may not list them yet.
    """
    held = {call.call_id: call for call in listing.calls}
    ours = sql.rows(
        """
        SELECT id, party, state, boot, coalesce(dialing_at, planned_at) AS sent_at, answered_at, waits_since, verdict FROM telephony_call
        WHERE node_id = %s AND state NOT IN ('planned', 'ended')
        """,
        [node_id],
    )
    events = []

    def said(call_id: UUID, kind: Happened, at: datetime, cause: Cause | None = None, bridge: UUID | None = None) -> None:
        events.append(_found(listing, node_name, call_id, kind, at, cause=cause, bridge=bridge))

    for row in ours:
        call = held.get(row.id)
        if call is not None and row.boot == listing.boot:
            if call.rang and row.state in (CallState.DIALING, CallState.UNRESOLVED):
                said(row.id, Happened.RANG, call.since)
            if call.answered_at and row.state in (CallState.DIALING, CallState.UNRESOLVED, CallState.RINGING):
                said(row.id, Happened.ANSWERED, call.answered_at)
            if call.verdict_at and not row.verdict:
                said(row.id, Happened.MACHINE_DETECTED if call.is_machine else Happened.HUMAN_DETECTED, call.verdict_at)
            if call.bridge and row.state in (CallState.DIALING, CallState.UNRESOLVED, CallState.RINGING, CallState.ANSWERED):
                said(row.id, Happened.ENTERED_BRIDGE, call.since, bridge=call.bridge)
        elif row.boot != listing.boot:
            said(row.id, Happened.ENDED, listing.at, Cause.NODE_LOST)
        elif row.state != CallState.UNRESOLVED and now - row.sent_at > older_than:
            # a customer gone without the message that follows two seconds of silence: they hung up before
            early = row.party == Party.CUSTOMER and row.state == CallState.ANSWERED and row.id not in listing.message_played
            said(row.id, Happened.ENDED, min(listing.at, row.waits_since + ANSWERED_WITHIN) if early else listing.at, Cause.UNKNOWN)
    known = {row.id: row.state for row in sql.rows("SELECT id, state FROM telephony_call WHERE id = ANY(%s)", [list(held)])} if held else {}
    coming = [call for call in held.values() if call.incoming and call.call_id not in known]
    for call in _untold(coming):
        events.append(_found(listing, node_name, call.call_id, Happened.INCOMING, call.since, data={"from": call.caller, "to": call.called}))
    orphans = [call for call in held.values() if call not in coming and known.get(call.call_id, CallState.ENDED) == CallState.ENDED]
    return Reconciled(events, orphans)


def _untold(coming: Sequence[CarrierCall]) -> list[CarrierCall]:
    """Calls to us of which nobody has heard: who listened then was lost before writing them down."""
    if not coming:
        return []
    told = {
        row.call_id
        for row in sql.rows(
            "SELECT call_id FROM telephony_callevent WHERE call_id = ANY(%s) AND kind = %s",
            [[call.call_id for call in coming], Happened.INCOMING.value],
        )
    }
    return [call for call in coming if call.called and call.call_id not in told]


def _found(
    listing: Listing,
    node_name: str,
    call_id: UUID,
    kind: Happened,
    at: datetime,
    *,
    cause: Cause | None = None,
    bridge: UUID | None = None,
    data: Mapping[str, str] | None = None,
) -> CarrierEvent:
    return CarrierEvent(
        node=node_name,
        call_id=call_id,
        kind=kind,
        at=at,
        key=f"found:{call_id}:{kind}",
        boot=listing.boot,
        cause=cause,
        by=HungUpBy.CARRIER if cause else None,
        bridge=bridge,
        data={"found": "by listing", **(data or {})},
    )


def in_a_bridge(listing: Listing) -> list[UUID]:
    """Customers who are in a conversation and still under the carrier's guard: a pump that died may not have raised it."""
    return [call.call_id for call in listing.calls if call.guarded and call.bridge is not None and len(listing.bridges.get(call.bridge, ())) > 1]
