"""A carrier event moves the call, and what hangs on it. Events of many calls are folded into one transaction."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction

from agents import desk
from agents.desk import Change
from agents.rules.lifecycle import Phase
from campaigns.flow import conclude, inbound, match, next_for, phone, supervise, talk, third_parties
from dialer_project.lib import sql
from telephony import calls, commands
from telephony.calls import CarrierEvent, Moved
from telephony.rules.events import Happened
from telephony.rules.lifecycle import CallMove, Party


def happened(events: Sequence[CarrierEvent], *, node_id: int, now: datetime) -> list[Moved]:
    """Records what the carrier said and lets it have its effects; returns the customers who have just answered, or of whom we have just
    heard whether they are a machine, for the timer.

    Nothing here waits: a repeat or a late event finds no legal move and is only recorded.
    """
    with transaction.atomic():
        recorded = calls.record(events, node_id=node_id, now=now)
        moved = recorded.moved
        inbound.incoming([e for e in recorded.others if e.kind is Happened.INCOMING], node_id=node_id, now=now)
        heard = _customers(recorded.heard)
        answered = _customers(moved.get(CallMove.ANSWERED, []))
        lost = match.customers_answered(answered, now=now)
        phone.legs_answered(_agents(moved.get(CallMove.ANSWERED, [])), now=now)
        keys = [e.call_id for e in recorded.others if e.kind is Happened.DIGIT and e.call_id is not None]
        phone.keys_pressed(keys, now=now)
        next_for.settle(lost, now=now)
        match.in_conversation(_customers(moved.get(CallMove.CONNECTED, [])), now=now)
        talk.on_hold([e.call_id for e in recorded.others if e.call_id and e.kind in (Happened.HELD, Happened.RESUMED)], now=now)
        unsaid = [e for e in recorded.others if e.kind is Happened.ANNOUNCEMENT_ENDED and e.data.get("failed")]
        talk.not_said([e.call_id for e in unsaid if e.call_id], [e.bridge for e in unsaid if e.bridge], now=now)
        talk.listened_to(answered, now=now)
        next_for.settle(talk.verdicts(heard, now=now), now=now)
        inbound.answered(_callers(moved.get(CallMove.ANSWERED, [])), now=now)
        inbound.in_conversation(_callers(moved.get(CallMove.CONNECTED, [])), now=now)
        talk.recordings_told(
            [e.data["name"] for e in recorded.others if e.kind is Happened.RECORDING_STARTED],
            {e.data["name"]: (e.at, float(e.data["seconds"])) for e in recorded.others if e.kind is Happened.RECORDING_ENDED},
            now=now,
        )
        _said_by_the_carrier_alone(_customers(moved.get(CallMove.ANNOUNCED, [])), now=now)
        _ringing(_customers(moved.get(CallMove.RANG, [])), now=now)
        conclude.customers_ended(moved.get(CallMove.ENDED, []), now=now)
        next_for.settle(inbound.ended(moved.get(CallMove.ENDED, []), now=now), now=now)
        phone.legs_ended(_agents(moved.get(CallMove.ENDED, [])), now=now)
        third_parties.happened(moved, now=now)
        supervise.happened(moved, now=now)
        supervise.keys_pressed(keys, now=now)
        _stations([e for e in recorded.others if e.kind in (Happened.STATION_LOST, Happened.STATION_BACK)], now=now)
        _strangers(recorded.strangers, node_id=node_id)
    return [*answered, *heard]


def _strangers(events: Sequence[CarrierEvent], *, node_id: int) -> None:
    """Channels without a live row: an originate executed after we gave up. Those that ring are hung up; to a customer who has answered the
    carrier's own guard speaks."""
    ids = {e.call_id for e in events if e.call_id is not None}
    if not ids:
        return
    customers = calls.customers_among(ids)
    late = {e.call_id for e in events if e.call_id is not None and not (e.kind is Happened.ANSWERED and e.call_id in customers)}
    if late:
        sql.after_commit(commands.hang_up, [(node_id, call_id) for call_id in late])


def _customers(moved: Sequence[Moved]) -> list[Moved]:
    return [m for m in moved if m.party is Party.CUSTOMER]


def _callers(moved: Sequence[Moved]) -> list[Moved]:
    return [m for m in moved if m.party is Party.CALLER]


def _agents(moved: Sequence[Moved]) -> list[Moved]:
    return [m for m in moved if m.party is Party.AGENT]


def _ringing(rang: Sequence[Moved], *, now: datetime) -> None:
    """The screen of the agent it is dialed for says so."""
    if rang:
        works = desk.work_on([m.id for m in rang])
        desk.amend([Change(id=work_id, progress="ringing") for work_id in works.values()], now=now, only=(Phase.RINGING_AGENT, Phase.DIALING))


def _said_by_the_carrier_alone(announced: Sequence[Moved], *, now: datetime) -> None:
    """The message has begun without us: whoever was to take the call is free again and keeps their place."""
    if announced:
        ids = [m.id for m in announced]
        next_for.settle([*talk.cut_short(ids, now=now), *match.nobody_came(ids, now=now)], now=now)


def _stations(events: Sequence[CarrierEvent], *, now: datetime) -> None:
    for lost in (True, False):
        kind = Happened.STATION_LOST if lost else Happened.STATION_BACK
        phone.stations_changed([e.station for e in events if e.kind is kind], lost=lost, now=now)


def node_gone(node_id: int, *, now: datetime) -> None:
    """Nothing runs at its address: what it carried is over, whatever its agents do next; other nodes' calls go on."""
    with transaction.atomic():
        ended = calls.lost_with(node_id, now=now)
        conclude.customers_ended(ended, now=now)
        next_for.settle(inbound.ended(ended, now=now), now=now)
        phone.legs_ended(_agents(ended), now=now)
        third_parties.ended(ended, now=now)
        supervise.ended(ended, now=now)


def stations_listed(listed: Mapping[str, bool], *, node_id: int, now: datetime) -> None:
    """What the carrier's own list says of phones."""
    phone.stations_listed(node_id, listed, now=now)


def time_is_up(call_ids: Sequence[UUID], *, now: datetime) -> None:
    """The pump's two-second timer, and the sweep that looks whether it died."""
    with transaction.atomic():
        next_for.settle(match.time_is_up(call_ids, now=now), now=now)
