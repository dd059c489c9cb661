"""What an agent does next: due personal callbacks, then customers who wait, then the free pool.

`settle` runs in the transaction that ends an agent's work, so that nobody else takes them in between.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from agents import desk
from agents.desk import DONE, Answer, Moved, NewWork, Refusal, Seat
from agents.live import board
from agents.live.board import Free, Stale
from agents.models import NotReadyReason
from agents.rules.lifecycle import Phase
from campaigns import facts, querysets
from campaigns.facts import Setting
from campaigns.flow import callers, match
from campaigns.querysets import DueLead, Keeper
from campaigns.rules.modes import Needs, keys_that_need, keys_that_offer_callbacks
from dialer_project.lib import sql, wake

SHOWN_WITHIN = timedelta(seconds=3)


def settle(moved: Sequence[Moved], *, now: datetime) -> None:
    """These desks have just moved: whoever is free goes on to their next work. Inside the transaction that moved them."""
    free = {m.seat.agent_id: m.seat for m in moved if m.seat.free}
    if not free:
        return
    for agent_id in _personal_callbacks(free, now=now):
        free.pop(agent_id)
    if free:
        sql.after_commit(stand_up, list(free.values()), now=now)


def _personal_callbacks(free: dict[int, Seat], *, now: datetime) -> set[int]:
    """Opens the due personal callbacks of these agents; returns those who have one now."""
    leads = querysets.reserved([_keeper(seat) for seat in free.values()], now=now)
    if not leads:
        return set()
    return _open_callbacks([(lead, lead.reserved_for_id) for lead in leads if lead.reserved_for_id is not None], now=now)


def callbacks_for_anybody(*, now: datetime) -> None:
    """Where records are asked for, the callbacks that anybody may keep are offered to whoever has been there the longest."""
    with transaction.atomic():
        leads = querysets.promised(keys_that_offer_callbacks(), now=now)
        there = _there_for([lead.campaign_id for lead in leads])
        given: dict[int, DueLead] = {}
        for lead in leads:
            able = [agent for agent in there.get(lead.campaign_id, ()) if agent not in given]
            # rather not to who has just not taken it
            if chosen := next((agent for agent in able if agent != lead.last_missed_by_id), able[0] if able else None):
                given[chosen] = lead
        _open_callbacks([(lead, agent) for agent, lead in given.items()], now=now)


def _there_for(campaign_ids: Sequence[int]) -> dict[int, list[int]]:
    """Campaign -> the agents without work who take part in it and may be given a callback unasked, the longest there first."""
    found: dict[int, list[int]] = {}
    if campaign_ids:
        may = " OR ".join(
            f"c.mode_key = ANY(ARRAY[{', '.join(repr(key) for key in keys)}]) AND {desk.MAY_WORK[needs.value]}"
            for needs in Needs
            if (keys := keys_that_need(needs, callback=True))
        )
        for row in sql.rows(
            f"""
            SELECT p.campaign_id, p.agent_id FROM campaigns_participation p JOIN campaigns_campaign c ON c.id = p.campaign_id
            JOIN agents_session s ON s.agent_id = p.agent_id AND s.present AND s.signed_in_at IS NOT NULL
            LEFT JOIN agents_station st ON st.id = s.station_id
            WHERE {querysets.SUITS} AND p.campaign_id = ANY(%s) AND p.state = 'joined' AND ({may})
              AND NOT EXISTS (SELECT 1 FROM agents_interaction i WHERE i.agent_id = p.agent_id AND i.phase <> 'closed')
            ORDER BY s.ready_since, p.agent_id
            """,
            [list(campaign_ids)],
        ):
            found.setdefault(row.campaign_id, []).append(row.agent_id)
    return found


def _open_callbacks(chosen: Sequence[tuple[DueLead, int]], *, now: datetime) -> set[int]:
    """Each lead to its agent, as its campaign's mode opens a callback; returns the agents who have one now."""
    campaigns = facts.settings_of([lead.campaign_id for lead, _ in chosen]) if chosen else {}
    people = facts.people([lead.contact_id for lead, _ in chosen]) if chosen else {}
    works = []
    for lead, agent_id in chosen:
        campaign, person = campaigns[lead.campaign_id], people[lead.contact_id]
        phone = person.phone(lead.next_phone_id)
        if phone is None:
            continue
        card = {"campaign": campaign.name, "name": person.name, "number": phone.e164, "kind": phone.kind, "attempt": lead.attempts_made + 1}
        work = callback_work(
            campaign, agent_id=agent_id, lead_id=lead.id, phone_id=phone.id, card=card, personal=lead.reserved_for_id is not None, now=now
        )
        works.append((lead, work))
    opened = []
    for needs in Needs:
        opened += desk.open([work for lead, work in works if campaigns[lead.campaign_id].mode.callback_needs is needs], needs=needs.value, now=now)
    querysets.busy([m.work.lead_id for m in opened if m.work and m.work.lead_id], now=now)
    for m in opened:
        if m.work and m.work.phase is not Phase.OFFERED:
            wake.dial(m.work.id)
    return {m.seat.agent_id for m in opened}


def _keeper(seat: Seat) -> Keeper:
    """Whose callbacks may come now, by what this agent has switched on and which campaigns serve them Ready or not."""
    modes = [
        *(keys_that_need(Needs.VOICE, callback=True) if seat.voice_ready else ()),
        *(keys_that_need(Needs.PREVIEW, callback=True) if seat.preview_ready else ()),
    ]
    return Keeper(agent_id=seat.agent_id, modes=modes, campaigns=[int(line.removeprefix("c")) for line in seat.joined_lines])


def offered_until(*, now: datetime) -> datetime:
    """An offer is withdrawn unless the screen says by then that it shows it; only from then on the agent's own time runs."""
    return now + SHOWN_WITHIN


def callback_work(
    campaign: Setting, *, agent_id: int, lead_id: int, phone_id: int, card: dict[str, object], personal: bool, now: datetime
) -> NewWork:
    """A callback as its campaign's mode opens it, bound to its agent."""
    phase = campaign.callback_opens_in
    return NewWork(
        agent_id=agent_id,
        phase=phase,
        deadline=offered_until(now=now)
        if phase is Phase.OFFERED
        else now + timedelta(seconds=campaign.ring_agent_for if phase is Phase.RINGING_AGENT else campaign.ring_for + 15),
        dial_due=now if phase in (Phase.RINGING_AGENT, Phase.DIALING) else None,
        campaign_id=campaign.id,
        lead_id=lead_id,
        phone_id=phone_id,
        card=card,
        origin="personal_callback" if personal else "callback",
    )


def stand_up(seats: Sequence[Seat], *, now: datetime) -> None:
    """After the commit: each free agent takes the customer who has waited longest, or joins the free and wakes their pool."""
    idle = list(seats)
    for _ in range(5):
        try:
            proposed = list(zip(idle, board.stand_all([Free(seat.agent_id, seat.since or now, seat.stands_in) for seat in idle]), strict=True))
        except Stale:
            proposed = [(seat, match.oldest_waiting(seat) or callers.oldest_waiting(seat)) for seat in idle]
        # whose customer was gone looks for the next one
        idle = [seat for seat, call_id in proposed if call_id is not None and not _takes(call_id, seat, now=now)]
        if not idle:
            break
    for seat in seats:  # whose phone is called for each call stands in no line of those who are on the line already
        if not seat.nailed_up and (call_id := callers.oldest_waiting(seat)) is not None:
            callers.give_waiting(call_id, seat, now=now)
    for pool in {seat.pool for seat in seats if seat.pool is not None}:
        wake.dispatch_now(pool)


def _takes(call_id: UUID, seat: Seat, *, now: datetime) -> bool:
    """A customer who has answered, or somebody who has called."""
    return match.give_waiting(call_id, seat, now=now) or callers.give_waiting(call_id, seat, now=now)


def go_ready(agent_id: int, *, now: datetime) -> Answer:
    """Ready on every channel."""
    with transaction.atomic():
        moved = desk.go_ready(agent_id, now=now)
        if moved is None:
            return Refusal("Choose a phone first: you are not signed in to one.")
        settle([moved], now=now)
    return DONE


def set_channel(agent_id: int, channel: str, *, ready: bool, now: datetime) -> Answer:
    """One channel, Ready or not."""
    with transaction.atomic():
        moved = desk.set_channel(agent_id, channel, ready=ready, now=now)
        if moved is None:
            return Refusal("Choose a phone first: you are not signed in to one.")
        settle([moved], now=now)
    return DONE


def take_break(agent_id: int, *, reason: str, now: datetime) -> Answer:
    """Not Ready with a reason, now or after the present work."""
    if not NotReadyReason.objects.filter(code=reason, system=False).exists():
        return Refusal("This reason does not exist any more: choose another one.")
    with transaction.atomic():
        moved = desk.take_break(agent_id, code=reason, now=now)
        if moved is None:
            return Refusal("Choose a phone first: you are not signed in to one.")
        settle([moved], now=now)  # who is served Ready or not still stands for that
    return DONE
