"""Calls to a campaign's number: they reach its agents, with music until one is free, or are missed and called back.

Answering needs no permit, and whoever is on a do-not-call list may call us; the list stays as it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from agents import desk
from agents.desk import Change
from agents.desk import Moved as Desk
from agents.live import board
from agents.rules.lifecycle import PhaseMove
from campaigns import querysets
from campaigns.flow import call_back, callers, match, place
from campaigns.flow.call_back import Wanted
from campaigns.models import CallingList, Campaign, Contact, InboundCall, Lead, PhoneNumber, ZoneGroup
from campaigns.rules.lifecycle import FinalReason, LeadState
from campaigns.rules.modes import MODES, Source
from campaigns.rules.outcomes import Outcome
from campaigns.rules.phone_numbers import Dialable, read_number
from dialer_project.lib import sql
from telephony import calls, commands
from telephony.calls import CarrierEvent, Moved
from telephony.rules.lifecycle import Party

# a call that we take and that rings still: the command was lost, or the process that was to give it
ANSWERED_AGAIN_AFTER = timedelta(seconds=2)
LIST = "Incoming calls"
WITHHELD = "withheld"
_MISSED_CALLS = [mode.key for mode in MODES.values() if mode.source is Source.MISSED_CALLS]


@dataclass(frozen=True, slots=True)
class _Coming:
    call_id: UUID
    caller: str
    at: datetime
    campaign: Campaign


def incoming(events: Sequence[CarrierEvent], *, node_id: int, now: datetime) -> None:
    """Somebody calls us. Where a running campaign takes calls to this number the call is answered; else it rings in vain, and the campaign
    that calls back under the number has a lead."""
    # once, where it was told and found by listing too
    told = [(e, e.data.get("from", ""), e.data.get("to", "")) for e in {e.call_id: e for e in events if e.call_id is not None}.values()]
    if not told:
        return
    taking = {
        campaign.caller_id.e164: campaign
        for campaign in Campaign.objects.filter(takes_calls=True, state="running", caller_id__e164__in={to for _, _, to in told})
        .select_related("caller_id")
        .order_by("-id")
        if campaign.caller_id is not None
    }
    call_back.incoming([(caller, to) for _, caller, to in told if to not in taking], now=now)
    coming = [_Coming(e.call_id, caller, e.at, taking[to]) for e, caller, to in told if to in taking and e.call_id is not None]
    new = calls.come_in(
        [calls.Incoming(c.call_id, node_id, c.caller or WITHHELD, c.campaign.caller_id.e164 if c.campaign.caller_id else "", c.at) for c in coming],
        now=now,
    )
    for one in coming:
        if one.call_id in new:
            _written_down(one, now=now)
            sql.after_commit(commands.answer, node_id, one.call_id)


def _written_down(one: _Coming, *, now: datetime) -> None:
    """The record of whoever it seems to be, by their number; of somebody new where nobody is known by it."""
    read = read_number(one.caller, country="", any_kind=True)
    phone, lead = _who(one.campaign, read if isinstance(read, Dialable) else None, now=now)
    InboundCall.objects.create(
        call_id=one.call_id,
        campaign=one.campaign,
        lead=lead,
        phone=phone,
        number=read.e164 if isinstance(read, Dialable) else one.caller[:32],
        came_at=one.at,
        wait_until=now + timedelta(seconds=one.campaign.longest_wait),
    )


def _who(campaign: Campaign, number: Dialable | None, *, now: datetime) -> tuple[PhoneNumber | None, Lead]:
    if number is not None:
        mine = PhoneNumber.objects.filter(e164=number.e164, contact__leads__campaign=campaign).order_by("-active", "id").first()
        if mine is not None:
            return mine, Lead.objects.get(campaign=campaign, contact_id=mine.contact_id)
        phone: PhoneNumber | None = call_back.phone_of(number, campaign, source="incoming call")
        assert phone is not None
        contact = phone.contact
    else:
        phone = None
        contact, _ = Contact.objects.get_or_create(source="incoming call", external_id=WITHHELD, defaults={"first_name": "Number withheld"})
    group, _ = ZoneGroup.objects.get_or_create(zones=sorted(phone.zones) if phone else [])
    calling_list, _ = CallingList.objects.get_or_create(campaign=campaign, name=LIST)
    # finished: they called us, and nobody has asked to be called
    lead, is_new = Lead.objects.get_or_create(
        campaign=campaign,
        contact=contact,
        defaults={
            "calling_list": calling_list,
            "zone_group": group,
            "next_phone": phone,
            "next_call_at": now,
            "state": LeadState.FINAL,
            "reason": FinalReason.DONE,
        },
    )
    if is_new:
        querysets.regroup([lead.pk])  # they may have said where they are
    return phone, lead


def answer_again(*, now: datetime) -> None:
    """Callers who wait and whose call rings still."""
    for row in sql.rows(
        """
        SELECT c.id, c.node_id FROM campaigns_inboundcall b JOIN telephony_call c ON c.id = b.call_id AND c.state = 'ringing'
        WHERE b.state = 'waiting' AND b.came_at <= %s ORDER BY b.came_at LIMIT 100
        """,
        [now - ANSWERED_AGAIN_AFTER],
    ):
        commands.answer(row.node_id, row.id)


def answered(moved: Sequence[Moved], *, now: datetime) -> None:
    """We have taken the call: an agent, or music until one is free."""
    if not moved:
        return
    waiting = callers.seek([m.id for m in moved], now=now)
    for m in moved:
        if m.id in waiting:
            sql.after_commit(callers.music, m.node_id, m.id)


def in_conversation(entered: Sequence[Moved], *, now: datetime) -> None:
    if not entered:
        return
    terms = {
        row.call_id: row
        for row in sql.rows(
            """
            UPDATE campaigns_inboundcall b SET answered_at = e.at FROM json_to_recordset(%(e)s::json) AS e(id uuid, at timestamptz),
                campaigns_campaign k LEFT JOIN telephony_announcement n ON n.id = k.recording_notice_id
            WHERE b.call_id = e.id AND b.state = 'given' AND k.id = b.campaign_id
            RETURNING b.call_id, b.interaction_id, k.longest_call, k.recording, k.recording_days, coalesce(n.media, '') AS notice
            """,
            {"e": sql.records({"id": m.id, "at": m.at} for m in entered)},
        )
    }
    desk.move(
        PhaseMove.CONNECT,
        [
            Change(
                id=terms[m.id].interaction_id,
                progress="connected",
                talked=True,
                held=False,
                deadline=m.at + timedelta(minutes=terms[m.id].longest_call),
                recording="offered" if terms[m.id].recording == "on_demand" else None,
            )
            for m in entered
            if m.id in terms
        ],
        now=now,
    )
    match.record([(terms[m.id], m) for m in entered if m.id in terms], now=now)


def ended(moved: Sequence[Moved], *, now: datetime) -> list[Desk]:
    """The callers' legs are down: the agent goes to wrap-up; who was not heard by anybody is called back. Returns the desks that are free."""
    over = {m.id: m for m in moved if m.party is Party.CALLER}
    if not over:
        return []
    rows = sql.rows(
        """
        WITH over AS (
            UPDATE campaigns_inboundcall SET state = 'over', ended_at = %(now)s WHERE call_id = ANY(%(ids)s) AND state <> 'over'
            RETURNING call_id, campaign_id, lead_id, interaction_id, answered_at, number
        ) SELECT o.*, s.leg, i.agent_call_id, i.muted, k.wrap_up_for FROM over o JOIN campaigns_campaign k ON k.id = o.campaign_id
        LEFT JOIN agents_interaction i ON i.id = o.interaction_id LEFT JOIN agents_session s ON s.agent_id = i.agent_id
        """,
        {"now": now, "ids": list(over)},
    )
    talked = [row for row in rows if row.answered_at is not None]
    missed = [row for row in rows if row.answered_at is None]
    desk.move(
        PhaseMove.WRAP_UP,
        [
            Change(
                id=row.interaction_id,
                deadline=now + timedelta(seconds=row.wrap_up_for),
                outcome=Outcome.CONNECTED,
                progress="ended",
                held=False,
                muted=False,
            )
            for row in talked
        ],
        now=now,
    )
    for row in talked:
        call = over[row.call_id]
        if row.leg is not None and call.bridge is not None:
            sql.after_commit(commands.leave, call.node_id, bridge=call.bridge, call_id=row.leg)
            if row.muted:
                sql.after_commit(commands.unmute, call.node_id, row.leg)
    left = desk.move(
        PhaseMove.CLOSE,
        [Change(id=row.interaction_id, closed_because="caller_gone", keeps_place=True) for row in missed if row.interaction_id],
        now=now,
    )
    # phones that were called for this call alone, or still ring for it
    legs = [row.agent_call_id for row in rows if row.agent_call_id is not None]
    sql.after_commit(commands.hang_up_by_id, legs)
    callers.let_go([row.lead_id for row in missed if row.lead_id], now=now)
    for row in missed:
        _call_back(row, now=now)
    if missed:
        lines = {f"c{row.campaign_id}@{over[row.call_id].node_id}" for row in missed}
        sql.after_commit(board.stop_waiting, [row.call_id for row in missed], lines=lines)
    return left


def _call_back(row: sql.Row, *, now: datetime) -> None:
    """By the campaign that its own names for whom nobody was there; by itself, where it lives from missed calls."""
    campaign = place.setting(row.campaign_id)
    if campaign is None or not row.number.startswith("+"):
        return
    by = campaign.call_back_in if campaign.call_back_in is not None else campaign.id if campaign.mode.source is Source.MISSED_CALLS else None
    if by is not None:
        call_back.call_back(Wanted(by, row.number, now + call_back.STILL_CALLING), now=now)


def waited_long_enough(*, now: datetime) -> list[Desk]:
    """Nobody was free in time: the message, and they are called back once they have hung up. Callers whom an agent was given and did not
    hear look for another one. Returns the desks that have lost theirs."""
    rows = sql.rows(
        """
        WITH over AS (
            SELECT call_id FROM campaigns_inboundcall WHERE state = 'waiting' AND wait_until <= %s ORDER BY wait_until LIMIT 100 FOR UPDATE SKIP LOCKED
        ), told AS (
            UPDATE campaigns_inboundcall b SET state = 'told' FROM over WHERE b.call_id = over.call_id RETURNING b.call_id, b.campaign_id
        ) SELECT told.call_id, told.campaign_id, c.node_id, c.state, coalesce(w.media, m.media, '') AS media FROM told
        JOIN telephony_call c ON c.id = told.call_id JOIN campaigns_campaign k ON k.id = told.campaign_id
        LEFT JOIN telephony_announcement w ON w.id = k.wait_message_id LEFT JOIN telephony_announcement m ON m.id = k.message_id
        """,
        [now],
    )
    hear = {m.id for m in calls.announce([row.call_id for row in rows], now=now)}
    for row in rows:
        if row.call_id in hear:
            sql.after_commit(commands.resume, row.node_id, row.call_id)
            sql.after_commit(commands.play_message, row.node_id, [row.call_id], row.media)
        elif row.state != "ended":
            sql.after_commit(commands.hang_up, [(row.node_id, row.call_id)])
    if rows:
        lines = {f"c{row.campaign_id}@{row.node_id}" for row in rows}
        sql.after_commit(board.stop_waiting, [row.call_id for row in rows], lines=lines)
    return callers.not_joined(now=now)
