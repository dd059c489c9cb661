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
from agents.rules.lifecycle import Phase
from campaigns import facts, live, querysets
from campaigns.facts import Setting
from campaigns.flow import next_for, permit, phone, place
from campaigns.flow.permit import POOL, Cleared, Promise
from campaigns.querysets import DueLead, LeadStep
from campaigns.rules.agent_choice import Wants, share
from campaigns.rules.modes import Binding, Pacing
from campaigns.rules.pacing import agents_awaited, at_ratio, one_each
from campaigns.rules.permit.gate import campaign_holds, group_opens
from dialer_project.lib import clock, sql, wake
from dialer_project.lib.failpoints import Failpoint, reached
from telephony import limits, nodes

BATCH = 50
ROUNDS = 10
# how often one who holds a pool looks again because of words left; here and not by messages, which would breed where each comes twice
_ROUNDS = 5
MISSED_TWICE = 2


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
        wake.held(pool)
        try:
            dispatched = _dispatch(pool, now=now)
        finally:
            # a connection lost meanwhile has let go of the lock by itself
            if connection.is_usable():
                sql.rows("SELECT pg_advisory_unlock(%s, %s)", [POOL, pool])
            wanted = wake.let_go(pool)
        started += dispatched.started
        if not wanted:
            break
    else:
        wake.dispatch_next(pool)  # it never rests: others have their turn in between
    return replace(dispatched, started=started)


def _had(pool: int) -> bool:
    return bool(sql.rows("SELECT pg_try_advisory_lock(%s, %s) AS had", [POOL, pool])[0].had)


def pools_with_work(pools: Sequence[int], *, now: datetime) -> set[int]:
    """Of these pools those with a due lead that may be called now: one statement where nothing is due, two else, however many campaigns."""
    due = querysets.due_groups(pools, now=now) if pools else []
    campaigns = facts.settings_now(list({row.campaign_id for row in due}), now=now) if due else {}
    return {
        row.pool for row in due if _gives(campaigns[row.campaign_id], now=now) and _is_open(tuple(row.zones), campaigns[row.campaign_id], now=now)
    }


def _gives(campaign: Setting, *, now: datetime) -> bool:
    """Whether its records are given to free agents, or called for them, unasked and at present."""
    return (campaign.mode.dispatches or campaign.mode.binding is Binding.ON_ANSWER) and not campaign_holds(campaign.terms, now=now)


def _dispatch(pool: int, *, now: datetime) -> Dispatched:
    campaigns = [c for c in facts.settings_of_pool(pool, now=now) if _gives(c, now=now)]
    if not campaigns:
        return Dispatched(0)
    lines = [_Line(c, c.line) for c in campaigns if c.mode.binding is Binding.BEFORE_DIAL]
    lines += _lines_on_answer([c for c in campaigns if c.mode.binding is Binding.ON_ANSWER], now=now)
    try:
        standing = board.free([line.name for line in lines])
    except Stale:
        return Dispatched(0, stale=True)
    return Dispatched(_serve_all(pool, lines, standing, now=now))


@dataclass(slots=True)
class _Line:
    """Where a campaign's free agents stand. Where the agent is chosen at the answer there is one for each node, because a bridge needs both
    legs on one server, with the calls on their way there and the agents who are awaited for them."""

    campaign: Setting
    name: str
    node_id: int | None = None
    pending: int = 0
    awaited: int = 0

    @property
    def room(self) -> int:
        """How many more calls the awaited agents are good for."""
        match self.campaign.mode.pacing:
            case Pacing.RATIO:
                return at_ratio(free=self.awaited, pending=self.pending, ratio=self.campaign.dial_ratio)
            case _:
                return one_each(free=self.awaited, pending=self.pending)


def _lines_on_answer(campaigns: Sequence[Setting], *, now: datetime) -> list[_Line]:
    """One line for each campaign and node, with what is on its way there and bound to nobody."""
    by_id = {c.id: c for c in campaigns}
    if not by_id:
        return []
    return [
        _Line(by_id[row.campaign_id], f"{by_id[row.campaign_id].line}@{row.node_id}", row.node_id, row.pending)
        for row in sql.rows(
            f"""
            SELECT k.id AS campaign_id, n.id AS node_id, (
                SELECT count(*) FROM campaigns_attempt a JOIN telephony_call c ON c.id = a.id
                WHERE a.campaign_id = k.id AND a.state = 'open' AND a.interaction_id IS NULL AND c.node_id = n.id AND c.bridge IS NULL
                  AND c.state NOT IN ('announcing', 'ended')) AS pending
            FROM unnest(%(campaigns)s::bigint[]) AS k(id) CROSS JOIN telephony_node n WHERE {nodes.DIALABLE} ORDER BY k.id, n.id
            """,
            {"campaigns": list(by_id), "now": now},
        )
    ]


def _await_answers(lines: Sequence[_Line], standing: Mapping[str, list[tuple[int, float]]], *, now: datetime) -> tuple[set[int], int]:
    """The agents who are kept free for the calls that are on their way, whichever campaign of the pool they are of; where these are fewer
    than the pacing allows, some more are started. Returns the agents and how many calls."""
    kept: set[int] = set()
    started = 0
    for line in lines:
        if line.node_id is None or not line.pending:
            continue
        wanted = agents_awaited(pending=line.pending, ratio=line.campaign.dial_ratio)
        mine = [agent_id for agent_id, _ in standing[line.name] if agent_id not in kept][:wanted]
        kept.update(mine)
        line.awaited = len(mine)
        started += _call_ahead(line, now=now)
    return kept, started


def _call_ahead(line: _Line, *, now: datetime) -> int:
    """Starts the calls that the line's awaited agents are good for; nobody is given them before they are answered."""
    campaign, node_id = line.campaign, line.node_id
    room = min(line.room, BATCH)
    room = limits.take(campaign.trunk_id, room) if room else 0
    if not room or node_id is None:
        return 0
    now = clock.later(now)
    with transaction.atomic():
        permit.lock_campaign(campaign.id)
        reached(Failpoint.CAMPAIGN_TAKEN)
        leads, cleared, steps = claim(campaign, at_most=room, now=now)
        promises = [Promise(one, None, node_id, None, permit.new_id()) for one in cleared[:room]]
        permit.promise(campaign, promises, now=now)
        if leads:
            # those beyond what there is room for, and those a spend limit holds, stay where they were
            whole = len(cleared) <= room and len(cleared) + len(steps) == len(leads)
            sql.after_commit(live.set_floors, campaign.id, leads, whole=whole)
    limits.give_back(campaign.trunk_id, room - len(promises))
    place.dial_planned(campaign, [p.id for p in promises], now=now)
    line.pending += len(promises)
    if steps or len(promises) == BATCH:
        wake.dispatch_next(campaign.pool)
    return len(promises)


def _serve_all(pool: int, lines: Sequence[_Line], standing: Mapping[str, list[tuple[int, float]]], *, now: datetime) -> int:
    """Shares the free agents out; those whom a campaign has no due lead for, or no line, go to the others. At most a batch for each."""
    hungry = {line.campaign.id: line.campaign for line in lines}
    since = {agent_id: at for agents in standing.values() for agent_id, at in agents}
    kept_free, started = _await_answers(lines, standing, now=now)
    members = {
        c.id: frozenset(agent_id for line in lines if line.campaign.id == c.id for agent_id, _ in standing[line.name]) for c in hungry.values()
    }
    kept = live.passes(pool) if len(hungry) > 1 else {}
    passed = {campaign_id: kept.get(campaign_id, 0.0) for campaign_id in hungry}
    left = sorted(since.keys() - kept_free, key=lambda agent_id: (since[agent_id], agent_id))
    again = False
    while left and hungry:
        wants = [Wants(c.id, members[c.id], weight=c.weight, passed=passed[c.id]) for c in hungry.values()]
        shares = share(left, wants, at_most=4 * BATCH)
        if not shares:
            break
        for campaign_id, agents in shares.items():
            campaign, wanted = hungry[campaign_id], agents[:BATCH]
            if campaign.mode.binding is Binding.ON_ANSWER:
                waiting = _wait_for(wanted, [line for line in lines if line.campaign.id == campaign_id], standing, now=now)
                started += waiting.calls
                passed[campaign_id] += len(waiting.agents) / campaign.weight
                left = [agent_id for agent_id in left if agent_id not in waiting.agents]
                if len(waiting.agents) < len(wanted) or len(agents) > BATCH:
                    del hungry[campaign_id]
                continue
            room = one_each(free=len(wanted), pending=0)
            # what the trunk cannot carry is not planned; agent-first takes its token when the agent has answered and the customer is dialed
            room = limits.take(campaign.trunk_id, room) if campaign.mode.dials_at_dispatch else room
            served, gone = _serve(campaign, wanted[:room], now=now) if room else ([], set())
            if campaign.mode.dials_at_dispatch:
                limits.give_back(campaign.trunk_id, room - len(served))
            started += len(served)
            passed[campaign_id] += len(served) / campaign.weight
            gone |= set(served)
            left = [agent_id for agent_id in left if agent_id not in gone]
            if len(served) < len(wanted) or len(agents) > BATCH:
                again = again or len(agents) > BATCH
                del hungry[campaign_id]
    if started and len(members) > 1:
        live.remember_passes(pool, passed)
    if again:
        wake.dispatch_next(pool)
    return started


@dataclass(frozen=True, slots=True)
class _Waiting:
    """Agents left free for the answers of calls started for them."""

    agents: set[int]
    calls: int


def _wait_for(wanted: Sequence[int], lines: Sequence[_Line], standing: Mapping[str, list[tuple[int, float]]], *, now: datetime) -> _Waiting:
    """These agents are left free, and calls are started for them on the nodes that carry them."""
    agents: set[int] = set()
    calls = 0
    for line in lines:
        there = {agent_id for agent_id, _ in standing[line.name]}
        mine = [agent_id for agent_id in wanted if agent_id in there and agent_id not in agents]
        line.awaited += len(mine)
        calls += _call_ahead(line, now=now)
        # where the list or the lines gave fewer calls, some of them are wanted for nothing here
        spare = line.awaited - agents_awaited(pending=line.pending, ratio=line.campaign.dial_ratio)
        if spare > 0:
            mine, line.awaited = mine[: len(mine) - spare] if spare < len(mine) else [], line.awaited - spare
        agents.update(mine)
    return _Waiting(agents, calls)


def _serve(campaign: Setting, wanted: Sequence[int], *, now: datetime) -> tuple[list[int], set[int]]:
    """One batch of one campaign: claim, permit, promise, commit; then the carrier. Returns the agents who have work now, and those who
    turned out not to be free."""
    now = clock.later(now)  # the batches before this one took their time
    with transaction.atomic():
        permit.lock_campaign(campaign.id)
        reached(Failpoint.CAMPAIGN_TAKEN)
        leads, cleared, steps = claim(campaign, at_most=len(wanted), now=now)
        if not leads:
            return [], set()
        pairs, unpaired = _pair(campaign, cleared, wanted, now=now)
        querysets.step(unpaired, now=now)
        opened, promised, legs = _open(campaign, pairs, now=now)
        # a lead that nobody was found for, or that a spend limit holds, stays where it was: it must not be hidden behind a floor
        whole = len(opened) + len(unpaired) == len(cleared) and len(cleared) + len(steps) == len(leads)
        sql.after_commit(live.set_floors, campaign.id, leads, whole=whole)
    served = [m.seat.agent_id for m in opened]
    lost = {agent_id for agent_id, _ in pairs} - set(served)
    gone = _not_free(lost)
    place.dial_planned(campaign, promised, now=now)
    if legs:
        phone.legs_ended(place.dial_agents([(leg, campaign.ring_agent_for) for leg in legs], now=now), now=now)
    if steps or unpaired or gone:
        # some leads were moved out of the way, or an agent lost the race: there may be more to give
        wake.dispatch_next(campaign.pool)
    return served, lost


def claim(campaign: Setting, *, at_most: int, now: datetime) -> tuple[list[DueLead], list[Cleared], list[LeadStep]]:
    """The leads that come first, who of them may be called, and where the others went. Where nobody may be, on to the next fifty at once:
    a thousand records at the head that all must wait are not looked at one by one."""
    groups, floors = _open_groups(campaign, now=now), live.floors(campaign.id)
    leads: list[DueLead] = []
    cleared: list[Cleared] = []
    moved: list[LeadStep] = []
    for _ in range(ROUNDS):
        found = querysets.claim(campaign.id, epoch=campaign.epoch, groups=groups, floors=floors, at_most=BATCH if leads else at_most, now=now)
        if not found:
            break
        leads += found
        cleared, steps = permit.consider(campaign, permit.candidates(found), now=now)
        querysets.step(steps, now=now)
        moved += steps
        if cleared or not steps:
            break
        floors = live.beyond(floors, found)
    return leads, cleared, moved


def _not_free(agents: set[int]) -> set[int]:
    """Those of these agents whose rows say that they are not free leave the lines; one whose desk was only moving just then stays."""
    if not agents:
        return set()
    seats = [m.seat for m in desk.seats("s.agent_id = ANY(%(agents)s)", {"agents": list(agents)})]
    gone = [seat for seat in seats if not seat.free]
    board.leave([(seat.agent_id, seat.stands_in) for seat in gone])
    return {seat.agent_id for seat in gone}


def _open(campaign: Setting, pairs: Sequence[tuple[int, Cleared]], *, now: datetime) -> tuple[list[Moved], list[UUID], list[UUID]]:
    """Interactions for cleared leads and free agents; the insert decides who really is. Returns them, the attempts and the agents' legs."""
    dials, opens_in = campaign.mode.dials_at_dispatch, campaign.opens_in
    attempts = {agent_id: permit.new_id() for agent_id, _ in pairs}
    if opens_in is Phase.OFFERED:
        deadline = next_for.offered_until(now=now)
    elif opens_in is Phase.RINGING_AGENT:
        deadline = now + timedelta(seconds=campaign.ring_agent_for)
    else:
        deadline = now + timedelta(seconds=campaign.ring_for) + place.MARGIN
    works = [
        NewWork(
            agent_id=agent_id,
            phase=opens_in,
            deadline=deadline,
            campaign_id=campaign.id,
            lead_id=c.lead.id,
            phone_id=c.phone.id,
            card=c.card(campaign),
            call_id=attempts[agent_id] if dials else None,
            # kept only where the phone is called for each call; nobody's phone rings for what is only offered
            agent_call_id=permit.new_id() if opens_in is not Phase.OFFERED else None,
            origin=c.origin,
            progress="dialing" if dials else "",
        )
        for agent_id, c in pairs
    ]
    opened = [
        m for m in desk.open(works, needs=campaign.mode.needs.value, now=now, still=_ON_A_NODE) if m.work is not None and m.seat.node_id is not None
    ]
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


# agents on a node that nothing may be dialed on are given nothing, instead of calls that the last look refuses one after the other
_ON_A_NODE = f"s.node_id IN (SELECT n.id FROM telephony_node n WHERE {nodes.DIALABLE})"


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


def _pair(campaign: Setting, cleared: Sequence[Cleared], agents: Sequence[int], *, now: datetime) -> tuple[list[tuple[int, Cleared]], list[LeadStep]]:
    """Each lead to the longest-free agent; a record somebody has just not taken goes to another agent while there are others. Returns the
    pairs, and where the records go that none of these agents may have."""
    kept_from = _kept_from(campaign, [c.lead.id for c in cleared if c.lead.misses >= MISSED_TWICE], now=now)
    left = list(agents)
    pairs: list[tuple[int, Cleared]] = []
    unpaired: list[LeadStep] = []
    for c in cleared:
        able = [agent_id for agent_id in left if agent_id not in kept_from.get(c.lead.id, ())]
        chosen = next((agent_id for agent_id in able if agent_id != c.lead.last_missed_by_id), able[0] if able else None)
        if chosen is not None:
            left.remove(chosen)
            pairs.append((chosen, c))
        elif left:
            unpaired.append(permit.wait_for_another(c.lead, now=now))
    return pairs, unpaired


def _kept_from(campaign: Setting, lead_ids: Sequence[int], *, now: datetime) -> dict[int, set[int]]:
    """Lead -> the agents who missed it twice: they do not get it a third time while somebody else is Ready for the campaign, nor, where
    they are alone, before they have had a rest from it."""
    if not lead_ids:
        return {}
    found: dict[int, set[int]] = {}
    for row in sql.rows(
        f"""
        SELECT t.lead_id, t.agent_id FROM (
            SELECT lead_id, agent_id, max(closed_at) AS last FROM agents_interaction
            WHERE lead_id = ANY(%(leads)s) AND closed_because = 'missed' GROUP BY lead_id, agent_id HAVING count(*) >= %(twice)s
        ) t WHERE t.last > %(rested)s OR EXISTS (
            SELECT 1 FROM campaigns_participation p JOIN agents_session s ON s.agent_id = p.agent_id AND {desk.MAY_WORK[campaign.mode.needs]}
            WHERE p.campaign_id = %(campaign)s AND p.state = 'joined' AND p.agent_id <> t.agent_id)
        """,
        {"leads": list(lead_ids), "twice": MISSED_TWICE, "rested": now - place.REST_FROM_IT, "campaign": campaign.id},
    ):
        found.setdefault(row.lead_id, set()).add(row.agent_id)
    return found


def _open_groups(campaign: Setting, *, now: datetime) -> list[int]:
    """The zone groups in which a call may start ringing now."""
    return [group for group, zones in live.zone_groups(campaign.id).items() if _is_open(zones, campaign, now=now)]


def _is_open(zones: tuple[str, ...], campaign: Setting, *, now: datetime) -> bool:
    return group_opens(zones, terms=campaign.terms, at=now) == now
