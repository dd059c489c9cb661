"""How many, which leads, which agents.

One decision at a time per pool, under a try-lock: whoever finds it taken leaves word and goes, because the one who holds it looks for such
words after letting go. Batches are small; where more is due than a batch holds, the pool is woken again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection, transaction

from agents import desk
from agents.desk import Moved, NewWork
from agents.live import board
from agents.live.board import Stale
from campaigns import facts, live, querysets
from campaigns.facts import Setting
from campaigns.flow import permit, phone, place
from campaigns.flow.permit import POOL, Cleared, Promise
from campaigns.rules.agent_choice import Wants, share
from campaigns.rules.modes import Binding
from campaigns.rules.pacing import one_each
from campaigns.rules.permit import campaign_holds, open_span
from dialer_project.lib import sql, wake
from dialer_project.lib.failpoints import Failpoint, reached
from telephony import limits

BATCH = 50
# how often one who holds a pool looks again because of words left; here and not by messages, which would breed where each comes twice
_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Dispatched:
    """What one look at a pool came to."""

    started: int
    stale: bool = False
    taken: bool = False  # somebody else was at it


def dispatch(pool: int, *, now: datetime) -> Dispatched:
    """Gives due leads to free agents of the pool's running campaigns and has them dialed."""
    started = 0
    for _ in range(_ROUNDS):
        if not _had(pool):
            wake.look_again(pool)
            if not _had(pool):  # asked once more, since the holder may have looked for words just before ours
                return Dispatched(started, taken=True)
        try:
            dispatched = _dispatch(pool, now=now)
        finally:
            # a connection lost meanwhile has let go of the lock by itself
            if connection.is_usable():
                sql.rows("SELECT pg_advisory_unlock(%s, %s)", [POOL, pool])
        started += dispatched.started
        if not wake.is_wanted_again(pool):
            break
    return replace(dispatched, started=started)


def _had(pool: int) -> bool:
    return bool(sql.rows("SELECT pg_try_advisory_lock(%s, %s) AS had", [POOL, pool])[0].had)


def _dispatch(pool: int, *, now: datetime) -> Dispatched:
    campaigns = [
        c
        for c in facts.settings_of_pool(pool)
        if c.mode.binding is Binding.BEFORE_DIAL and c.mode.dispatches and not campaign_holds(c.terms, now=now)
    ]
    if not campaigns:
        return Dispatched(0)
    try:
        standing = board.free([c.line for c in campaigns])
    except Stale:
        return Dispatched(0, stale=True)
    shares = _share(campaigns, standing)
    started = 0
    for campaign in campaigns:
        agents = shares.get(campaign.id, [])[:BATCH]
        room = one_each(free=len(agents), pending=0)
        # what the trunk cannot carry is not planned; agent-first takes its token when the agent has answered and the customer is dialed
        room = limits.take(campaign.trunk_id, room) if campaign.mode.dials_at_dispatch else room
        if room:
            served = _serve(campaign, agents[:room], now=now)
            started += served
            if campaign.mode.dials_at_dispatch:
                limits.give_back(campaign.trunk_id, room - served)
    if any(len(agents) > BATCH for agents in shares.values()):
        wake.dispatch_now(pool)
    return Dispatched(started)


def _share(campaigns: Sequence[Setting], standing: Mapping[str, list[tuple[int, float]]]) -> dict[int, list[int]]:
    by_line = {c.line: c for c in campaigns}
    since: dict[int, float] = {}
    members: dict[int, set[int]] = {c.id: set() for c in campaigns}
    for line, agents in standing.items():
        for agent_id, at in agents:
            since[agent_id] = at
            members[by_line[line].id].add(agent_id)
    free = sorted(since, key=lambda agent_id: (since[agent_id], agent_id))
    wants = [Wants(c.id, frozenset(members[c.id]), weight=c.weight, since_served=0.0) for c in campaigns]
    return {campaign_id: list(agents) for campaign_id, agents in share(free, wants, at_most=4 * BATCH).items()}


def _serve(campaign: Setting, agents: Sequence[int], *, now: datetime) -> int:
    """One batch of one campaign: claim, permit, promise, commit; then the carrier."""
    wanted = agents[:BATCH]
    with transaction.atomic():
        permit.lock_campaign(campaign.id)
        reached(Failpoint.CAMPAIGN_TAKEN)
        leads = querysets.claim(
            campaign.id, epoch=campaign.epoch, groups=_open_groups(campaign, now=now), floors=live.floors(campaign.id), at_most=len(wanted), now=now
        )
        if not leads:
            return 0
        cleared, steps = permit.consider(campaign, permit.candidates(leads), now=now)
        querysets.step(steps, now=now)
        opened, promised, legs = _open(campaign, cleared, wanted, now=now)
        transaction.on_commit(lambda: live.eaten(campaign.id, leads), robust=True)
    if losers := set(wanted[: len(cleared)]) - {m.seat.agent_id for m in opened}:
        board.leave(
            (m.seat.agent_id, (campaign.line, *m.seat.stands_in)) for m in desk.seats("s.agent_id = ANY(%(losers)s)", {"losers": list(losers)})
        )
    place.dial_planned(campaign, promised, now=now)
    if legs:
        phone.legs_ended(place.dial_agents([(leg, campaign.ring_agent_for) for leg in legs], now=now), now=now)
    if steps or len(opened) < len(wanted) < len(leads) + 1:
        # some leads were moved out of the way, or an agent lost the race: there may be more to give
        wake.dispatch_now(campaign.pool)
    return len(opened)


def _open(campaign: Setting, cleared: Sequence[Cleared], agents: Sequence[int], *, now: datetime) -> tuple[list[Moved], list[UUID], list[UUID]]:
    """Interactions for cleared leads and free agents; the insert decides who really is. Returns them, the attempts and the agents' legs."""
    pairs = _pair(cleared, agents)
    dials = campaign.mode.dials_at_dispatch
    attempts = {agent_id: permit.new_id() for agent_id, _ in pairs}
    deadline = now + (timedelta(seconds=campaign.ring_for) + place.MARGIN if dials else timedelta(seconds=campaign.ring_agent_for))
    works = [
        NewWork(
            agent_id=agent_id,
            phase=campaign.mode.opens_in,
            deadline=deadline,
            campaign_id=campaign.id,
            lead_id=c.lead.id,
            phone_id=c.phone.id,
            card=c.card(campaign),
            call_id=attempts[agent_id] if dials else None,
            agent_call_id=permit.new_id(),  # kept only where the phone is called for each call
            progress="dialing" if dials else "",
        )
        for agent_id, c in pairs
    ]
    opened = [m for m in desk.open(works, needs=campaign.mode.needs.value, now=now) if m.work is not None and m.seat.node_id is not None]
    by_agent = dict(pairs)
    legs = _plan_agent_legs(opened, campaign, now=now)
    if not dials:
        querysets.busy([by_agent[m.seat.agent_id].lead.id for m in opened], now=now)
        return opened, [], legs
    promises = [
        Promise(by_agent[m.seat.agent_id], m.seat.agent_id, m.seat.node_id, m.work.id, attempts[m.seat.agent_id])
        for m in opened
        if m.work is not None and m.seat.node_id is not None
    ]
    permit.promise(campaign, promises, now=now)
    return opened, [p.id for p in promises], legs


def _plan_agent_legs(opened: Sequence[Moved], campaign: Setting, *, now: datetime) -> list[UUID]:
    """The phones that are called for each call."""
    ringing = {m.seat.agent_id: (m.work.agent_call_id, m.seat.node_id) for m in opened if m.work and m.work.agent_call_id and m.seat.node_id}
    if not ringing:
        return []
    place.plan_agent_legs(
        [
            (leg, node_id, row.endpoint)
            for row in sql.rows(
                "SELECT s.agent_id, t.endpoint FROM agents_session s JOIN agents_station t ON t.id = s.station_id WHERE s.agent_id = ANY(%s)",
                [list(ringing)],
            )
            for leg, node_id in [ringing[row.agent_id]]
        ],
        campaign,
        now=now,
    )
    return [leg for leg, _ in ringing.values()]


def _pair(cleared: Sequence[Cleared], agents: Sequence[int]) -> list[tuple[int, Cleared]]:
    """Each lead to the longest-free agent; a record somebody has just not taken goes to another agent while there are others."""
    left = list(agents)
    pairs: list[tuple[int, Cleared]] = []
    for c in cleared:
        if not left:
            break
        chosen = next((agent_id for agent_id in left if agent_id != c.lead.last_missed_by_id), left[0])
        left.remove(chosen)
        pairs.append((chosen, c))
    return pairs


def _open_groups(campaign: Setting, *, now: datetime) -> list[int]:
    """The zone groups in which a call may start ringing now; one without zones is called by the clock of UTC."""
    return [
        group
        for group, zones in live.zone_groups(campaign.id).items()
        if open_span(zones or ("UTC",), hours=campaign.terms.hours, at=now, ring_for=campaign.terms.ring_for)[0] == now
    ]
