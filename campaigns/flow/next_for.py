"""What an agent does next: due personal callbacks, then customers who wait, then the free pool.

`settle` runs in the transaction that ends an agent's work, so that nobody else takes them in between.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

from django.db import transaction

from agents import desk
from agents.desk import DONE, Answer, Moved, NewWork, Refusal, Seat
from agents.live import board
from agents.live.board import Free, Stale
from agents.models import NotReadyReason
from agents.rules.lifecycle import Phase
from campaigns import facts, querysets
from campaigns.facts import Setting
from campaigns.flow import match
from campaigns.querysets import Keeper
from campaigns.rules.modes import Needs, keys_that_need
from dialer_project.lib import wake

SHOWN_WITHIN = timedelta(seconds=3)


def settle(moved: Sequence[Moved], *, now: datetime) -> None:
    """These desks have just moved: whoever is free goes on to their next work. Inside the transaction that moved them."""
    free = {m.seat.agent_id: m.seat for m in moved if m.seat.free}
    if not free:
        return
    for agent_id in _personal_callbacks(free, now=now):
        free.pop(agent_id)
    if free:
        transaction.on_commit(partial(stand_up, list(free.values()), now=now), robust=True)


def _personal_callbacks(free: dict[int, Seat], *, now: datetime) -> set[int]:
    """Opens the due personal callbacks of these agents; returns those who have one now."""
    leads = querysets.reserved([_keeper(seat) for seat in free.values()], now=now)
    if not leads:
        return set()
    campaigns = facts.settings_of([lead.campaign_id for lead in leads])
    people = facts.people([lead.contact_id for lead in leads])
    works = []
    for lead in leads:
        campaign, person = campaigns[lead.campaign_id], people[lead.contact_id]
        phone = person.phone(lead.next_phone_id)
        if phone is None or lead.reserved_for_id is None:
            continue
        card = {"campaign": campaign.name, "name": person.name, "number": phone.e164, "kind": phone.kind, "attempt": lead.attempts_made + 1}
        work = callback_work(campaign, agent_id=lead.reserved_for_id, lead_id=lead.id, phone_id=phone.id, card=card, personal=True, now=now)
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
    phase = campaign.mode.callback_opens_in
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
            proposed = [(seat, match.oldest_waiting(seat)) for seat in idle]
        # whose customer was gone looks for the next one
        idle = [seat for seat, call_id in proposed if call_id is not None and not match.give_waiting(call_id, seat, now=now)]
        if not idle:
            break
    for pool in {seat.pool for seat in seats if seat.pool is not None}:
        wake.dispatch_now(pool)


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
