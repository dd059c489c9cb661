"""The agent's own leg: nailed up at sign-in, called for each call, lost, called again; and the console that stands for the agent."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from agents import desk
from agents.desk import DONE, Answer, Change, Moved, Refusal, Work
from agents.live import board
from agents.models import Agent, Session, Station
from agents.rules.lifecycle import Phase, PhaseMove
from campaigns.flow import alert, callers, conclude, known_phones, left_behind, match, next_for, permit, place, supervise, take_part, third_parties
from campaigns.flow.known_phones import PageAccess
from campaigns.rules.modes import MODES, Binding, OnAgentLost, goes_not_ready
from dialer_project.lib import sql, wake
from dialer_project.lib.sentence import say
from telephony import calls, commands, nodes
from telephony.calls import Moved as MovedCall
from telephony.calls import Plan
from telephony.models import Node
from telephony.rules.hangup_causes import Cause, HungUpBy
from telephony.rules.lifecycle import CallState, Party

STATION_RINGS_FOR = 30  # seconds
# closing the console for a moment, as a reload does, changes nothing but where new work goes; longer is Not Ready
ABSENT_FOR = timedelta(seconds=90)
# a conversation whose agent's phone was lost waits this long for it
CALLED_AGAIN_WITHIN = timedelta(seconds=15)
WITHDRAWN_FOR = timedelta(seconds=5)
# the end of a customer who is hung up is told within this, where nothing was lost
TOLD_WITHIN = timedelta(seconds=5)
# a phone that should be connected and is not: its agent is given nothing meanwhile, and is Not Ready after this
LOST_FOR = timedelta(seconds=60)
# an ordinary number that has answered: its mailbox, unless a key is pressed
KEY_WITHIN = timedelta(seconds=20)

NO_TELEPHONE_SYSTEM = Refusal("No telephone system is connected at the moment: try again in a few seconds, or tell your supervisor.")


def console_opened(agent_id: int, *, now: datetime) -> int:
    """The newest console counts; returns its epoch."""
    with transaction.atomic():
        epoch, moved = desk.console_opened(agent_id, now=now)
        next_for.settle([moved], now=now)
    return epoch


def still_here(agent_id: int, *, epoch: int, now: datetime) -> None:
    """Called silent, and its console is open: where Redis was away, the moments it kept of everybody are old when it returns."""
    with transaction.atomic():
        next_for.settle(desk.still_here(agent_id, epoch=epoch, now=now), now=now)


def console_back(agent_id: int, *, was: int | None, now: datetime) -> int | None:
    """A page that was console `was` comes back, from a lost network or from sleep. Where its agent has opened a newer one meanwhile, and not
    left it, nothing happens, and None says so: who sits there is not to lose the screen to a machine that woke up elsewhere."""
    if was is not None and sql.rows(
        "SELECT agent_id FROM agents_session WHERE agent_id = %s AND connection_epoch > %s AND (present OR absent_since > %s)",
        [agent_id, was, now - ABSENT_FOR],
    ):
        return None
    return console_opened(agent_id, now=now)


def console_closed(agent_id: int, *, epoch: int, now: datetime) -> None:
    """At once: nobody is given work without a screen. Work in hand stays; the customer on the line stays."""
    with transaction.atomic():
        desk.console_closed(agent_id, epoch=epoch, now=now)


def sign_in(agent_id: int, station_id: int | None, *, now: datetime) -> Answer:
    """Sits down at a phone, Not Ready; a nailed-up phone is called for the whole shift. None: the page's own."""
    open_to_them = Station.objects.open_to(Agent.objects.get(pk=agent_id))
    if station_id is None:
        station = known_phones.of_page(agent_id)
        if station is None:
            return Refusal("This page's phone is not connected yet: check the microphone first.")
    else:
        station = open_to_them.filter(pk=station_id).first()
        if station is None:
            return Refusal("This phone does not exist any more: choose another one.")
    if Session.objects.filter(station=station, signed_in_at__isnull=False).exclude(agent_id=agent_id).exists():
        return Refusal(say("Somebody else is signed in at {station}: choose another phone.", station=station.name))
    own_page = station.kind == Station.Kind.WEBRTC and station.owner_id == agent_id
    if own_page:
        node = nodes.listens(station.known_at, now=now)
        if not station.secret or node is None:
            return Refusal("This page's phone is not connected: reload the page, and try again.")
    else:
        node = _node_for_another(now=now)
    if node is None:
        return NO_TELEPHONE_SYSTEM
    nailed_up = station.leg_mode == Station.LegMode.NAILED_UP
    leg = permit.new_id() if nailed_up else None
    with transaction.atomic():
        old = sql.rows("SELECT leg FROM agents_session WHERE agent_id = %s AND leg IS NOT NULL", [agent_id])
        moved = desk.sign_in(agent_id, station_id=station.pk, node_id=node.pk, nailed_up=nailed_up, leg=leg, now=now)
        if moved is None:
            return Refusal("Finish the record on your screen first.")
        Agent.objects.filter(pk=agent_id).update(station=station)
        if leg:
            _plan_nailed_up(leg, node.pk, station.endpoint, now=now)
        place.release_agent_legs([row.leg for row in old])
        take_part.rejoin([agent_id], now=now)  # by the kind of phone
        if not own_page:
            known_phones.void_of(agent_id)
    if leg:
        _dial_nailed_up(leg, now=now)
    return DONE


def _node_for_another(*, now: datetime, than: int | None = None, page: bool = False) -> Node | None:
    """Where the next agent sits best, by calls, agents and health; where `page`, among those that take pages."""
    seated = {
        row.node_id: row.agents
        for row in sql.rows(
            "SELECT node_id, count(*) AS agents FROM agents_session WHERE signed_in_at IS NOT NULL AND node_id IS NOT NULL GROUP BY node_id"
        )
    }
    return next((node for node in nodes.for_new_agents(agents=seated, now=now) if node.pk != than and (node.browser_url or not page)), None)


def move_to_other_nodes(*, now: datetime) -> None:
    """Free agents of a node that is drained, or that nobody has heard of for a while, are called on another one; who is in work stays until
    it is done. A page goes first: it asks anew when its node is gone."""
    for row in sql.rows(
        f"""
        SELECT s.agent_id, s.node_id, s.leg, s.nailed_up, st.endpoint, st.kind = 'webrtc' AND st.owner_id IS NOT NULL AS page, st.known_at
        FROM agents_session s JOIN agents_station st ON st.id = s.station_id
        JOIN telephony_node n ON n.id = s.node_id AND {nodes.LEFT}
        WHERE s.signed_in_at IS NOT NULL AND s.present
          AND NOT EXISTS (SELECT 1 FROM agents_interaction i WHERE i.agent_id = s.agent_id AND i.phase <> 'closed')
        ORDER BY s.agent_id LIMIT 50
        """,
        {"now": now, "gone": nodes.GONE_AFTER},
    ):
        node = nodes.listens(row.known_at, now=now) if row.page else _node_for_another(now=now, than=row.node_id)
        if node is None or node.pk == row.node_id:
            continue
        leg = permit.new_id() if row.nailed_up else None
        with transaction.atomic():
            moved = desk.carried_by(row.agent_id, node_id=node.pk, leg=leg, now=now)
            if not moved:
                continue
            board.leave([(m.seat.agent_id, [f"{line}@{row.node_id}" for line in m.seat.lines]) for m in moved])
            if leg is not None:
                _plan_nailed_up(leg, node.pk, row.endpoint, now=now)
            next_for.settle(moved, now=now)
            place.release_agent_legs([row.leg] if row.leg else [])
        if leg is not None:
            _dial_nailed_up(leg, now=now)


def _plan_nailed_up(leg: UUID, node_id: int, endpoint: str, *, now: datetime) -> None:
    calls.plan([Plan(id=leg, party=Party.AGENT, node_id=node_id, address=endpoint, ring_for=STATION_RINGS_FOR)], now=now)


def sign_out(agent_id: int, *, now: datetime) -> Answer:
    with transaction.atomic():
        old = sql.rows("SELECT leg FROM agents_session WHERE agent_id = %s AND leg IS NOT NULL", [agent_id])
        if desk.sign_out(agent_id, now=now) is None:
            return Refusal("Finish the record on your screen first.")
        place.release_agent_legs([row.leg for row in old])
        known_phones.void_of(agent_id)
    return DONE


def of_this_page(agent_id: int, *, epoch: int, now: datetime) -> PageAccess | Refusal:
    """A name and a secret for the phone in the console with this epoch, good from now on at one node. What an older page had is void;
    where it was the agent's phone, that is lost until the new one has registered."""
    session = Session.objects.get(agent_id=agent_id)
    mine = known_phones.of_page(agent_id)
    sits_here = mine is not None and session.signed_in_at is not None and session.station_id == mine.pk
    stays = nodes.listens(session.node_id, now=now) if sits_here else None
    node = stays or _node_for_another(now=now, page=True)
    if node is None or not node.browser_url:
        return NO_TELEPHONE_SYSTEM
    with transaction.atomic():
        newest = sql.rows("SELECT connection_epoch FROM agents_session WHERE agent_id = %s", [agent_id])[0].connection_epoch
        if newest != epoch:
            return Refusal("The console is open in another window, and so is the phone.")
        if mine is not None and sits_here:
            stations_changed([mine.endpoint], lost=True, now=now)
            if stays is None:  # the node it was known at is gone
                desk.carried_by(agent_id, node_id=node.pk, leg=None, now=now)
        phone = known_phones.renew(mine, agent_id, node_id=node.pk, now=now)
    return known_phones.admitted(phone, node, now=now) or NO_TELEPHONE_SYSTEM


def stations_listed(node_id: int, listed: Mapping[str, bool], *, now: datetime) -> None:
    """The node's own list of phones, against the rows; what was not told of a page's phone is found here."""
    differing = known_phones.compare(node_id, listed, now=now)
    if differing:
        with transaction.atomic():
            for lost in (True, False):
                stations_changed([name for name in differing if listed[name] is not lost], lost=lost, now=now)


def legs_answered(answered: Sequence[MovedCall], *, now: datetime) -> None:
    """Agents' phones that were picked up. An ordinary number's mailbox picks up too: it counts once a key was pressed there."""
    _there([m.id for m in answered if not m.address.startswith("+")], now=now)


def keys_pressed(call_ids: Sequence[UUID], *, now: datetime) -> None:
    """A key pressed on an ordinary phone says that the agent is there."""
    if call_ids:
        _there(
            [
                row.id
                for row in sql.rows(
                    "SELECT id FROM telephony_call WHERE id = ANY(%s) AND party = 'agent' AND state = 'answered' AND address LIKE '+%%'",
                    [list(call_ids)],
                )
            ],
            now=now,
        )


def _there(ids: Sequence[UUID], *, now: datetime) -> None:
    """A nailed-up phone is there for the shift, or again for the conversation it was lost from; one called for a call goes on to the
    customer. One whose work is over is let go."""
    if not ids:
        return
    up = desk.leg_is(dict.fromkeys(ids, Session.Leg.UP), now=now)
    next_for.settle(up, now=now)
    _back_in_conversation([m for m in up if m.work is not None and m.work.phase is Phase.CONNECTED], now=now)
    alerts = alert.hold("i.agent_call_id = ANY(%s)", [list(ids)])
    ringing = _work_of(ids)
    alerted = {row.id for row in alerts}
    dialing = desk.move(
        PhaseMove.DIAL,
        [
            Change(id=row.id, dial_due=now, deadline=now + timedelta(seconds=row.ring_for) + place.MARGIN, progress="dialing")
            for row in ringing
            if row.phase == Phase.RINGING_AGENT and row.origin not in (third_parties.ASKED, callers.ORIGIN) and row.id not in alerted
        ],
        now=now,
        only=(Phase.RINGING_AGENT,),
    )
    for m in dialing:
        if m.work:
            wake.dial(m.work.id)
    alert.picked_up(alerts, now=now)
    third_parties.picked_up([row.id for row in ringing if row.phase == Phase.RINGING_AGENT and row.origin == third_parties.ASKED], now=now)
    callers.picked_up({row.id: row.agent_call_id for row in ringing if row.phase == Phase.RINGING_AGENT and row.origin == callers.ORIGIN}, now=now)
    match.agents_answered([row.agent_call_id for row in ringing if row.phase == Phase.DIALING], now=now)
    place.release_agent_legs(list(set(ids) - {row.agent_call_id for row in ringing} - {m.seat.leg for m in up if m.seat.leg}))


def _back_in_conversation(moved: Sequence[Moved], *, now: datetime) -> None:
    for m in moved:
        assert m.work is not None
        for row in sql.rows(
            """
            SELECT k.node_id, k.connected_at, c.longest_call FROM telephony_call k JOIN campaigns_campaign c ON c.id = %s
            WHERE k.id = %s AND k.state = 'connected'
            """,
            [m.work.campaign_id, m.work.call_id],
        ):
            desk.amend([Change(id=m.work.id, deadline=row.connected_at + timedelta(minutes=row.longest_call), muted=False)], now=now)
            if m.seat.leg is not None:
                sql.after_commit(commands.connect, row.node_id, bridge=m.work.id, legs=(m.seat.leg,))
                sql.after_commit(commands.stop_music, row.node_id, m.work.id)
                supervise.agents_leg_is_new([m.work.id])


def _work_of(agent_call_ids: Sequence[UUID]) -> list[sql.Row]:
    return sql.rows(
        """
        SELECT i.id, i.phase, i.origin, i.agent_id, i.agent_call_id, i.call_id, i.lead_id, i.campaign_id, l.misses, c.ring_for
        FROM agents_interaction i JOIN campaigns_campaign c ON c.id = i.campaign_id LEFT JOIN campaigns_lead l ON l.id = i.lead_id
        WHERE i.agent_call_id = ANY(%s) AND i.phase <> 'closed' ORDER BY i.id FOR UPDATE OF i
        """,
        [list(agent_call_ids)],
    )


# the agent's own doing, or their phone's: what they are asked about; the rest is the carrier's or ours and is not held against them
_AT_FAULT = frozenset({Cause.NO_ANSWER, Cause.BUSY, Cause.REJECTED, Cause.UNAVAILABLE, Cause.NORMAL, Cause.INVALID_NUMBER, Cause.UNALLOCATED})


def legs_ended(ended: Sequence[MovedCall], *, now: datetime) -> None:
    """Agents' phones that are down: not picked up, put down, or lost. Each in whatever phase its agent's work is."""
    legs = {m.id: m for m in ended if m.party is Party.AGENT}
    if not legs:
        return
    with transaction.atomic():
        put_down = {m.id for m in legs.values() if m.hung_up_by is HungUpBy.FAR}
        for deliberate in (True, False):
            theirs = [leg for leg in legs if (leg in put_down) is deliberate]
            for m in desk.leg_is(dict.fromkeys(theirs, Session.Leg.NONE), now=now):
                if m.work is not None:
                    _nailed_up_down(m.work, m.seat.node_id, put_down=deliberate, now=now)
        alert.hold("i.agent_call_id = ANY(%s)", [list(legs)])
        for row in _work_of(list(legs)):
            match row.phase:
                case Phase.RINGING_AGENT:
                    missed(
                        row.id,
                        campaign_id=row.campaign_id,
                        lead_id=row.lead_id,
                        misses=row.misses or 0,
                        agent_id=row.agent_id,
                        at_fault=legs[row.agent_call_id].cause in _AT_FAULT,
                        now=now,
                    )
                case Phase.DIALING:
                    _lost_while_dialing(row.id, put_down=row.agent_call_id in put_down, now=now)
                case Phase.CONNECTING:
                    next_for.settle(_lost_to_others([row.agent_id], now=now), now=now)
                case Phase.CONNECTED if row.call_id is None:
                    third_parties.leave([row.id], now=now)
                case Phase.CONNECTED:
                    # hanging up the phone that was called for this call is hanging up the call
                    _hang_up_with_it(row.id, row.call_id, now=now)


def missed(
    interaction_id: UUID,
    *,
    campaign_id: int,
    lead_id: int,
    misses: int,
    agent_id: int,
    at_fault: bool = True,
    rejected: bool = False,
    note: str | None = None,
    phases: Sequence[Phase] = (Phase.RINGING_AGENT, Phase.OFFERED),
    now: datetime,
) -> None:
    """The agent did not answer, or said no (`rejected`, with their words in `note`): the customer is never dialed, the record goes back as the mode says, the agent as
    well. Where that was no doing of the agent's (`at_fault`), they keep their place and the record comes again in a moment."""
    campaign = place.setting(campaign_id)
    if campaign is None:
        return
    origin = sql.rows("SELECT origin FROM agents_interaction WHERE id = %s", [interaction_id])[0].origin
    alerts = alert.hold("i.id = %s", [interaction_id])
    how = campaign.mode.on_reject if rejected else campaign.mode.on_agent_missed
    leaves = at_fault and goes_not_ready(how, campaign.when_rejected if rejected else campaign.when_missed)
    if alerts:
        alert.not_taken(alerts, not_ready=leaves, keeps_place=not at_fault, note=note, now=now)
        return
    if origin == third_parties.ASKED:  # whoever asks may be told no
        third_parties.not_taken(interaction_id, not_ready=leaves and not rejected, rejected=rejected, now=now)
        return
    if origin == callers.ORIGIN:
        left = callers.not_taken(interaction_id, not_ready="no_answer" if leaves else None, keeps_place=not at_fault, note=note, now=now)
        place.release_agent_legs([m.work.agent_call_id for m in left if m.work and m.work.agent_call_id])
        next_for.settle(left, now=now)
        return
    moved = desk.move(
        PhaseMove.CLOSE,
        [
            Change(
                id=interaction_id,
                closed_because="missed" if at_fault else "withdrawn",
                not_ready="no_answer" if leaves else None,
                keeps_place=not at_fault,
                note=note,
            )
        ],
        now=now,
        only=phases,
    )
    if moved:
        left_behind.kept(moved, now=now)
        if moved[0].work and moved[0].work.outcome:  # it was called before, and nobody was reached: it goes where that leads
            conclude.unreached(lead_id, campaign, outcome=moved[0].work.outcome, now=now)
        elif at_fault:
            place.give_up(campaign, lead_id, misses=misses, agent_id=agent_id, how=how, stays_ready=not leaves, now=now)
        else:
            place.put_back(campaign, lead_id, after=WITHDRAWN_FOR, now=now)
        place.release_agent_legs([m.work.agent_call_id for m in moved if m.work and m.work.agent_call_id])
        if leaves:
            moved = take_part.no_longer_served(agent_id, campaign, now=now) or moved
        next_for.settle(moved, now=now)


def _lost_to_others(agent_ids: Sequence[int], *, now: datetime) -> list[Moved]:
    """Whoever was on the way to these agents goes to others, or waits. Returns the desks that have lost them."""
    if not agent_ids:
        return []
    return [*match.agents_lost(agent_ids, now=now), *alert.agents_lost(agent_ids, now=now), *callers.agents_lost(agent_ids, now=now)]


def _lost_while_dialing(interaction_id: UUID, *, put_down: bool, now: datetime) -> None:
    """The agent put the phone down, or lost it, while their customer was being dialed. By the mode: the call is given up, or rings on for
    somebody else (`nobody_left` looks whether there is one). A customer who was not dialed yet is not: as if the agent had not answered."""
    for row in sql.rows(
        """
        SELECT i.agent_id, i.campaign_id, i.lead_id, i.call_id, c.state, coalesce(l.misses, 0) AS misses FROM agents_interaction i
        LEFT JOIN telephony_call c ON c.id = i.call_id LEFT JOIN campaigns_lead l ON l.id = i.lead_id WHERE i.id = %s AND i.phase = 'dialing'
        """,
        [interaction_id],
    ):
        campaign = place.setting(row.campaign_id)
        if row.call_id is None:
            missed(
                interaction_id,
                campaign_id=row.campaign_id,
                lead_id=row.lead_id,
                misses=row.misses,
                agent_id=row.agent_id,
                at_fault=put_down,
                phases=(Phase.DIALING,),
                now=now,
            )
        elif campaign is not None and campaign.mode.on_agent_lost is OnAgentLost.CANCEL and row.state != CallState.ANSWERED:
            place.hang_up_customers([row.call_id])


def _nailed_up_down(work: Work, node_id: int | None, *, put_down: bool, now: datetime) -> None:
    """A nailed-up leg has ended with work in hand. Who puts the phone down has hung up; who has lost it is called again, and the customer
    waits for them a little while."""
    match work.phase:
        case Phase.DIALING:
            _lost_while_dialing(work.id, put_down=put_down, now=now)
        case Phase.RINGING_AGENT | Phase.CONNECTING:
            next_for.settle(_lost_to_others([work.agent_id], now=now), now=now)
        case Phase.CONNECTED if work.call_id is None:
            third_parties.leave([work.id], now=now)
        case Phase.CONNECTED if put_down and work.call_id is not None:
            _hang_up_with_it(work.id, work.call_id, now=now)
        case Phase.CONNECTED:
            _wait_for_them(work, node_id, now=now)


def _hang_up_with_it(work_id: UUID, call_id: UUID, *, now: datetime) -> None:
    """The agent has put the phone down, and so the customer is hung up. Should that be lost on the way, the conversation is over by its row,
    and the customer not left alone in it."""
    desk.amend([Change(id=work_id, deadline=now + TOLD_WITHIN)], now=now, only=(Phase.CONNECTED,))
    place.hang_up_customers([call_id])


def conversations_over(*, now: datetime) -> None:
    """Conversations whose time has run out: the agent's phone was lost and is not back, so the customer hears the message; or it is the
    longest call, which the carrier should have ended by itself."""
    rows = sql.rows(
        """
        SELECT i.id, c.id AS call_id, c.node_id, s.nailed_up AND s.leg_state <> 'up' AS lost, coalesce(n.media, '') AS media
        FROM agents_interaction i JOIN telephony_call c ON c.id = i.call_id JOIN agents_session s ON s.agent_id = i.agent_id
        JOIN campaigns_campaign k ON k.id = i.campaign_id LEFT JOIN telephony_announcement n ON n.id = k.message_id
        WHERE i.phase = 'connected' AND i.deadline <= %s AND c.state <> 'ended' ORDER BY c.id LIMIT 100
        """,
        [now],
    )
    if not rows:
        return
    with transaction.atomic():
        silent = {m.id for m in calls.announce_in_conversation([row.call_id for row in rows if row.lost], now=now)}
        desk.amend([Change(id=row.id, deadline=now + timedelta(minutes=1)) for row in rows], now=now)
    for row in rows:
        if row.call_id in silent:
            commands.play_message(row.node_id, [row.call_id], row.media)
        else:
            commands.hang_up([(row.node_id, row.call_id)])


def nobody_left(*, now: datetime) -> None:
    """Customers who still ring for an agent whose phone is gone: hung up where the mode says so, or where nobody else is free to take them,
    as soon as they have rung long enough to be given up."""
    hang_up = []
    for row in sql.rows(
        """
        SELECT c.id, c.node_id, i.campaign_id, k.mode_key, c.dialing_at + make_interval(secs => k.min_ring_for) <= %(now)s AS long_enough,
            s.nailed_up AND s.leg_state = 'up' AS only_absent, l.reserved_for_id
        FROM agents_interaction i JOIN agents_session s ON s.agent_id = i.agent_id JOIN telephony_call c ON c.id = i.call_id
        JOIN campaigns_lead l ON l.id = i.lead_id
        JOIN campaigns_campaign k ON k.id = i.campaign_id LEFT JOIN telephony_call g ON g.id = i.agent_call_id
        WHERE i.phase IN ('ringing_agent', 'dialing') AND c.party = 'customer' AND c.state IN ('dialing', 'ringing')
          AND CASE WHEN s.nailed_up THEN s.leg_state <> 'up' OR NOT s.present ELSE coalesce(g.state, 'ended') = 'ended' END
        ORDER BY c.id LIMIT 200
        """,
        {"now": now},
    ):
        at_once = MODES[row.mode_key].on_agent_lost is OnAgentLost.CANCEL and not row.only_absent
        others = row.reserved_for_id is None and desk.longest_free(f"c{row.campaign_id}", node_id=row.node_id)
        if at_once or (row.long_enough and not others):
            hang_up.append((row.node_id, row.id))
    commands.hang_up(hang_up + _ringing_for_an_empty_floor(now=now))


def _ringing_for_an_empty_floor(*, now: datetime) -> list[tuple[int, UUID]]:
    """Calls whose agent is chosen at the answer, and nobody of their campaign is Ready any more, free or busy: as soon as they may be."""
    return [
        (row.node_id, row.id)
        for row in sql.rows(
            """
            SELECT c.id, c.node_id FROM campaigns_attempt a JOIN telephony_call c ON c.id = a.id JOIN campaigns_campaign k ON k.id = a.campaign_id
            WHERE a.state = 'open' AND a.interaction_id IS NULL AND k.mode_key = ANY(%(modes)s) AND c.state IN ('dialing', 'ringing')
              AND c.dialing_at + make_interval(secs => k.min_ring_for) <= %(now)s
              AND NOT EXISTS (SELECT 1 FROM agents_session s WHERE s.voice_ready AND s.present AND s.signed_in_at IS NOT NULL
                              AND 'c' || a.campaign_id = ANY(s.lines))
            ORDER BY c.id LIMIT 200
            """,
            {"now": now, "modes": [mode.key for mode in MODES.values() if mode.binding is Binding.ON_ANSWER]},
        )
    ]


def stations_changed(endpoints: Sequence[str], *, lost: bool, now: datetime) -> None:
    """Phones were lost or are back. A fresh answer does not wait for a suspect leg. A phone that is back is called again, since the leg it
    had is gone without having said so; only a desk phone's conversation is left alone, which may well have gone on all the time."""
    if not endpoints:
        return
    known_phones.registered(endpoints, not lost)
    if lost:
        suspects = desk.suspect(endpoints, now=now, lost=True)
        fresh = [m.work for m in suspects if m.work is not None]
        _wait_for_their_page([m for m in suspects if m.work is not None and m.work.phase is Phase.CONNECTED and m.work.call_id is not None], now=now)
        third_parties.leave([work.id for work in fresh if work.phase is Phase.CONNECTED and work.call_id is None], now=now)
        next_for.settle(_lost_to_others([work.agent_id for work in fresh if work.phase in (Phase.RINGING_AGENT, Phase.CONNECTING)], now=now), now=now)
        for work in fresh:
            if work.phase is Phase.DIALING:
                _lost_while_dialing(work.id, put_down=False, now=now)
        return
    back = sql.rows(
        """
        SELECT s.agent_id, s.leg, s.node_id, t.endpoint, t.kind = 'webrtc' AS page, i.phase
        FROM agents_session s JOIN agents_station t ON t.id = s.station_id
        LEFT JOIN agents_interaction i ON i.agent_id = s.agent_id AND i.phase <> 'closed'
        WHERE t.endpoint = ANY(%s) AND s.nailed_up AND s.signed_in_at IS NOT NULL AND (s.leg_state = 'suspect' OR s.leg IS NULL)
        """,
        [list(endpoints)],
    )
    talking = [row.endpoint for row in back if row.phase == Phase.CONNECTED and not row.page and row.leg is not None]
    next_for.settle(desk.suspect(talking, now=now, lost=False), now=now)
    for row in back:
        if row.endpoint not in talking and row.node_id is not None:
            leg = permit.new_id()
            if desk.new_leg(row.agent_id, leg=leg, now=now):
                _plan_nailed_up(leg, row.node_id, row.endpoint, now=now)
                place.release_agent_legs([row.leg] if row.leg else [])
                sql.after_commit(_dial_nailed_up, leg, now=now)


def _wait_for_their_page(moved: Sequence[Moved], *, now: datetime) -> None:
    """Their pages have gone, by a reload as a rule, and with them what was said and heard, though the legs look alive: the customers hear
    music until the page is back."""
    pages = (
        {
            row.agent_id
            for row in sql.rows(
                "SELECT s.agent_id FROM agents_session s JOIN agents_station t ON t.id = s.station_id WHERE s.agent_id = ANY(%s) AND t.kind = 'webrtc'",
                [[m.seat.agent_id for m in moved]],
            )
        }
        if moved
        else set()
    )
    for m in moved:
        if m.work is not None and m.seat.agent_id in pages:
            _wait_for_them(m.work, m.seat.node_id, now=now)


def _wait_for_them(work: Work, node_id: int | None, *, now: datetime) -> None:
    """From the loss, however often the phone is called in vain; with music meanwhile."""
    until = now + CALLED_AGAIN_WITHIN
    if sql.rows("SELECT id FROM agents_interaction WHERE id = %s AND deadline > %s", [work.id, until]):
        desk.amend([Change(id=work.id, deadline=until)], now=now, only=(Phase.CONNECTED,))
    if node_id is not None:
        sql.after_commit(commands.play_music, node_id, work.id)


def _dial_nailed_up(leg: UUID, *, now: datetime) -> None:
    legs_ended(place.dial_agents([(leg, STATION_RINGS_FOR)], now=now), now=now)


def mailboxes(*, now: datetime) -> None:
    """Ordinary numbers of our own people that have answered, and nobody there presses a key: hung up, or their mailboxes would listen for the
    whole shift."""
    commands.hang_up(
        (row.node_id, row.id)
        for row in sql.rows(
            """
            SELECT c.id, c.node_id FROM telephony_call c
            WHERE c.state = 'answered' AND c.party IN ('agent', 'supervisor') AND c.address LIKE '+%%' AND c.answered_at < %s
              AND NOT EXISTS (SELECT 1 FROM telephony_callevent e WHERE e.call_id = c.id AND e.kind = 'digit')
            ORDER BY c.id LIMIT 50
            """,
            [now - KEY_WITHIN],
        )
    )


def call_again(*, now: datetime) -> None:
    """Nailed-up phones without a leg whose agents are at their desks: called again, at most once in ten seconds each. An ordinary number at
    which nobody presses a key is left alone for longer each time, up to ten minutes: each of these calls costs."""
    for row in sql.rows(
        """
        SELECT s.agent_id, s.node_id, st.endpoint FROM agents_session s JOIN agents_station st ON st.id = s.station_id
        JOIN telephony_node n ON n.id = s.node_id AND n.listening_until > %(now)s
        LEFT JOIN LATERAL (
            SELECT count(*) AS times, max(c.ended_at) AS last FROM telephony_call c
            WHERE c.party = 'agent' AND c.address = st.endpoint AND c.planned_at > %(now)s - interval '1 hour'
              AND NOT EXISTS (SELECT 1 FROM telephony_callevent e WHERE e.call_id = c.id AND e.kind = 'digit')
        ) vain ON st.endpoint LIKE '+%%'
        WHERE s.nailed_up AND s.leg IS NULL AND s.signed_in_at IS NOT NULL AND s.present
          AND NOT EXISTS (SELECT 1 FROM telephony_call c WHERE c.party = 'agent' AND c.address = st.endpoint AND c.planned_at > %(lately)s)
          AND (vain.last IS NULL OR vain.last < %(now)s - least(interval '10 seconds' * 2 ^ vain.times, interval '10 minutes'))
        LIMIT 50
        """,
        {"now": now, "lately": now - timedelta(seconds=10)},
    ):
        leg = permit.new_id()
        with transaction.atomic():
            if not desk.new_leg(row.agent_id, leg=leg, now=now):
                continue
            _plan_nailed_up(leg, row.node_id, row.endpoint, now=now)
        _dial_nailed_up(leg, now=now)


def lost_too_long(*, now: datetime) -> None:
    """A phone that should stay connected and is gone beyond the grace: its agent is Not Ready, and told why."""
    rows = sql.rows(
        "SELECT agent_id FROM agents_session WHERE phone_lost_at <= %s AND nailed_up AND leg_state <> 'up' AND (voice_ready OR preview_ready)",
        [now - LOST_FOR],
    )
    if rows:
        with transaction.atomic():
            desk.without_a_phone([row.agent_id for row in rows], now=now)
