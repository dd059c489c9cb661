"""The agent's own leg: nailed up at sign-in, called for each call, lost, called again; and the console that stands for the agent."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from django.db import transaction

from agents import desk
from agents.desk import DONE, Answer, Change, Moved, Refusal
from agents.models import Agent, Session, Station
from agents.rules.lifecycle import Phase, PhaseMove
from campaigns.flow import match, next_for, permit, place
from campaigns.rules.modes import OnAgentLost
from dialer_project.lib import sql, wake
from telephony import calls, nodes
from telephony.calls import Moved as MovedCall
from telephony.calls import Plan
from telephony.rules.lifecycle import Party

STATION_RINGS_FOR = 30  # seconds
# closing the console for a moment, as a reload does, changes nothing but where new work goes; longer is Not Ready
ABSENT_FOR = timedelta(seconds=90)


def console_opened(agent_id: int, *, now: datetime) -> int:
    """The newest console counts; returns its epoch."""
    with transaction.atomic():
        epoch, moved = desk.console_opened(agent_id, now=now)
        next_for.settle([moved], now=now)
    return epoch


def console_closed(agent_id: int, *, epoch: int, now: datetime) -> None:
    """At once: nobody is given work without a screen. Work in hand stays; the customer on the line stays."""
    with transaction.atomic():
        desk.console_closed(agent_id, epoch=epoch, now=now)


def sign_in(agent_id: int, station_id: int, *, now: datetime) -> Answer:
    """Sits down at a phone, Not Ready; a nailed-up phone is called for the whole shift."""
    station = Station.objects.filter(pk=station_id).first()
    if station is None:
        return Refusal("This phone does not exist any more: choose another one.")
    if Session.objects.filter(station_id=station_id, signed_in_at__isnull=False).exclude(agent_id=agent_id).exists():
        return Refusal(f"Somebody else is signed in at {station.name}: choose another phone.")
    node = nodes.for_a_new_agent(now=now)
    if node is None:
        return Refusal("No telephone system is connected at the moment: try again in a few seconds, or tell your supervisor.")
    nailed_up = station.leg_mode == Station.LegMode.NAILED_UP
    leg = permit.new_id() if nailed_up else None
    with transaction.atomic():
        old = sql.rows("SELECT leg FROM agents_session WHERE agent_id = %s AND leg IS NOT NULL", [agent_id])
        moved = desk.sign_in(agent_id, station_id=station_id, node_id=node.pk, nailed_up=nailed_up, leg=leg, now=now)
        if moved is None:
            return Refusal("Finish the record on your screen first.")
        Agent.objects.filter(pk=agent_id).update(station=station)
        if leg:
            _plan_nailed_up(leg, node.pk, station.endpoint, now=now)
        place.release_agent_legs([row.leg for row in old])
    if leg:
        legs_ended(place.dial_agents([(leg, STATION_RINGS_FOR)], now=now), now=now)
    return DONE


def _plan_nailed_up(leg: UUID, node_id: int, endpoint: str, *, now: datetime) -> None:
    calls.plan([Plan(id=leg, party=Party.AGENT, node_id=node_id, address=endpoint, ring_for=STATION_RINGS_FOR)], now=now)


def sign_out(agent_id: int, *, now: datetime) -> Answer:
    with transaction.atomic():
        old = sql.rows("SELECT leg FROM agents_session WHERE agent_id = %s AND leg IS NOT NULL", [agent_id])
        if desk.sign_out(agent_id, now=now) is None:
            return Refusal("Finish the record on your screen first.")
        place.release_agent_legs([row.leg for row in old])
    return DONE


def legs_answered(answered: Sequence[MovedCall], *, now: datetime) -> None:
    """Agents' phones that were picked up: a nailed-up one is there for the shift, one called for a call goes on to the customer."""
    ids = [m.id for m in answered]
    if not ids:
        return
    up = desk.leg_is(dict.fromkeys(ids, Session.Leg.UP), now=now)
    next_for.settle(up, now=now)
    ringing = _work_of(ids)
    dialing = desk.move(
        PhaseMove.DIAL,
        [
            Change(id=row.id, dial_due=now, deadline=now + timedelta(seconds=row.ring_for) + place.MARGIN, progress="dialing")
            for row in ringing
            if row.phase == Phase.RINGING_AGENT
        ],
        now=now,
        only=(Phase.RINGING_AGENT,),
    )
    for m in dialing:
        if m.work:
            wake.dial(m.work.id)
    match.agents_answered([row.agent_call_id for row in ringing if row.phase == Phase.DIALING], now=now)


def _work_of(agent_call_ids: Sequence[UUID]) -> list[sql.Row]:
    return sql.rows(
        """
        SELECT i.id, i.phase, i.agent_id, i.agent_call_id, i.call_id, i.lead_id, i.campaign_id, l.misses, c.ring_for, k.node_id, k.state AS call_state
        FROM agents_interaction i JOIN campaigns_campaign c ON c.id = i.campaign_id LEFT JOIN campaigns_lead l ON l.id = i.lead_id
        LEFT JOIN telephony_call k ON k.id = i.call_id
        WHERE i.agent_call_id = ANY(%s) AND i.phase <> 'closed' ORDER BY i.id FOR UPDATE OF i
        """,
        [list(agent_call_ids)],
    )


def legs_ended(ended: Sequence[MovedCall], *, now: datetime) -> None:
    """Agents' phones that are down: not picked up, hung up, or lost. Each in whatever phase its agent's work is."""
    ids = [m.id for m in ended if m.party is Party.AGENT]
    if not ids:
        return
    with transaction.atomic():
        gone = desk.leg_is(dict.fromkeys(ids, Session.Leg.NONE), now=now)
        _nailed_up_lost([m for m in gone if m.work is not None], now=now)
        for row in _work_of(ids):
            match row.phase:
                case Phase.RINGING_AGENT:
                    missed(row.id, campaign_id=row.campaign_id, lead_id=row.lead_id, misses=row.misses or 0, agent_id=row.agent_id, now=now)
                case Phase.DIALING:
                    _lost_while_dialing(row, now=now)
                case Phase.CONNECTED | Phase.CONNECTING if row.call_id is not None:
                    # hanging up the phone that was called for this call is hanging up the call
                    transaction.on_commit(partial(calls.hang_up, [(row.node_id, row.call_id)]), robust=True)


def missed(interaction_id: UUID, *, campaign_id: int, lead_id: int, misses: int, agent_id: int, now: datetime) -> None:
    """The agent did not answer: the customer is never dialed, the record goes back as the mode says, the agent as well."""
    campaign = place.setting(campaign_id)
    if campaign is None:
        return
    goes_not_ready = campaign.mode.on_agent_missed.value.startswith("not_ready")
    moved = desk.move(
        PhaseMove.CLOSE,
        [Change(id=interaction_id, closed_because="missed", not_ready="no_answer" if goes_not_ready else None)],
        now=now,
        only=(Phase.RINGING_AGENT, Phase.OFFERED),
    )
    if moved:
        place.give_up(campaign, lead_id, misses=misses, agent_id=agent_id, now=now)
        place.release_agent_legs([m.work.agent_call_id for m in moved if m.work and m.work.agent_call_id])
        next_for.settle(moved, now=now)


def _lost_while_dialing(row: sql.Row, *, now: datetime) -> None:
    """The agent hung up, or lost the phone, while the customer's rang: the call is given up, or rings on for somebody else."""
    campaign = place.setting(row.campaign_id)
    if campaign is None or row.call_id is None:
        return
    if campaign.mode.on_agent_lost is OnAgentLost.CANCEL or row.call_state in ("planned", "dialing", "ringing", "unresolved"):
        transaction.on_commit(lambda: calls.hang_up([(row.node_id, row.call_id)]), robust=True)


def _nailed_up_lost(moved: Sequence[Moved], *, now: datetime) -> None:
    """A nailed-up leg has ended with work in hand: a conversation hears the message; ringing calls find another agent at the answer."""
    talking = [m.work.call_id for m in moved if m.work and m.work.phase is Phase.CONNECTED and m.work.call_id]
    for call in calls.announce_in_conversation(talking, now=now):
        media = sql.rows(
            """
            SELECT coalesce(n.media, '') AS media FROM campaigns_attempt a JOIN campaigns_campaign c ON c.id = a.campaign_id
            LEFT JOIN telephony_announcement n ON n.id = c.message_id WHERE a.id = %s
            """,
            [call.id],
        )
        transaction.on_commit(partial(calls.play_message, call.node_id, [call.id], media[0].media if media else ""), robust=True)


def stations_changed(endpoints: Sequence[str], *, lost: bool, now: datetime) -> None:
    """Phones were lost or are back; a fresh answer does not wait for a suspect leg."""
    next_for.settle(desk.suspect(endpoints, now=now, lost=lost), now=now)


def call_again(*, now: datetime) -> None:
    """Nailed-up phones without a leg whose agents are at their desks: called again, at most once in ten seconds each."""
    for row in sql.rows(
        """
        SELECT s.agent_id, s.node_id, st.endpoint FROM agents_session s JOIN agents_station st ON st.id = s.station_id
        JOIN telephony_node n ON n.id = s.node_id AND n.listening_until > %(now)s
        WHERE s.nailed_up AND s.leg IS NULL AND s.signed_in_at IS NOT NULL AND s.present
          AND NOT EXISTS (SELECT 1 FROM telephony_call c WHERE c.party = 'agent' AND c.address = st.endpoint AND c.planned_at > %(lately)s)
        LIMIT 50
        """,
        {"now": now, "lately": now - timedelta(seconds=10)},
    ):
        leg = permit.new_id()
        with transaction.atomic():
            if not desk.new_leg(row.agent_id, leg=leg, now=now):
                continue
            _plan_nailed_up(leg, row.node_id, row.endpoint, now=now)
        legs_ended(place.dial_agents([(leg, STATION_RINGS_FOR)], now=now), now=now)
