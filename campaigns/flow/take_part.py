"""An agent's part in their campaigns: who joins, who stops, and where each stands when free."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from agents import desk
from agents.desk import DONE, Answer, Moved, Place, Refusal
from campaigns.facts import Setting
from campaigns.flow import next_for
from campaigns.models import Campaign
from campaigns.querysets import SUITS
from campaigns.rules.lifecycle import PARTICIPATION, CampaignState, ParticipationMove
from campaigns.rules.modes import MODES, Joining, Mode, Needs, keys_that_need
from dialer_project.lib import sql
from dialer_project.lib.lifecycle import after, states_before
from dialer_project.lib.sentence import say

NOT_MEMBER = Refusal("You are not assigned to this campaign any more.")
OVER = (CampaignState.STOPPED, CampaignState.COMPLETED)


def join(agent_id: int, campaign_id: int, *, now: datetime) -> Answer:
    """Run campaign, Get Record where records come by themselves, the OK of a notice: from now on its records may come."""
    with transaction.atomic():
        found = sql.rows(
            f"""
            SELECT c.name, c.state, c.call_application, s.signed_in_at, {SUITS} AS suits
            FROM campaigns_participation p JOIN campaigns_campaign c ON c.id = p.campaign_id
            LEFT JOIN agents_session s ON s.agent_id = p.agent_id LEFT JOIN agents_station st ON st.id = s.station_id WHERE p.agent_id = %s AND p.campaign_id = %s
            """,
            [agent_id, campaign_id],
        )
        if not found:
            return NOT_MEMBER
        if found[0].state in OVER:
            return Refusal(say("{campaign} has ended: there are no more records.", campaign=found[0].name))
        if found[0].signed_in_at is None:
            return Refusal("Choose a phone first: you are not signed in to one.")
        if not found[0].suits:
            return other_phone(found[0].name, found[0].call_application)
        if _moves(agent_id, campaign_id, ParticipationMove.JOIN):
            _stands_anew(agent_id, now=now)
    return DONE


def other_phone(campaign: str, application: str) -> Refusal:
    """Its calls are made with another kind of phone than the agent sits at."""
    if application == Campaign.CallApplication.SOFTPHONE:
        return Refusal(say("{campaign} is called with the phone in the browser: end your shift and start it again there.", campaign=campaign))
    return Refusal(say("{campaign} is called with a telephone, not with the browser: end your shift and start it again at one.", campaign=campaign))


def stop(agent_id: int, campaign_id: int, *, now: datetime) -> Answer:
    """Stop, or its window is closed: no further record; the one in hand is finished first."""
    with transaction.atomic():
        if not sql.rows("SELECT id FROM campaigns_participation WHERE agent_id = %s AND campaign_id = %s", [agent_id, campaign_id]):
            return NOT_MEMBER
        in_hand = sql.rows(
            "SELECT id FROM agents_interaction WHERE agent_id = %s AND campaign_id = %s AND phase <> 'closed'", [agent_id, campaign_id]
        )
        if _moves(agent_id, campaign_id, ParticipationMove.STOP_AFTER_THIS if in_hand else ParticipationMove.STOP):
            _stands_anew(agent_id, now=now)
    return DONE


def off(agent_id: int, campaign_id: int, *, now: datetime) -> list[Moved]:
    """Their part ends with the work that was just closed: Done and Stop. The desks, as they stand now, are the caller's to settle."""
    if _moves(agent_id, campaign_id, ParticipationMove.STOP):
        desk.has_news([agent_id], now=now)
    return rejoin([agent_id], now=now)


def no_longer_served(agent_id: int, campaign: Setting, *, now: datetime) -> list[Moved]:
    """Not Ready stops every record but those that come whether the agent is Ready or not: these stop until asked for again."""
    if campaign.mode.needs is Needs.JOINED and campaign.mode.dispatches:
        return off(agent_id, campaign.id, now=now)
    return []


def those_stopping(*, now: datetime) -> None:
    """Whose last record is finished."""
    ended = sql.rows(
        """
        UPDATE campaigns_participation p SET state = %s WHERE p.state = ANY(%s)
          AND NOT EXISTS (SELECT 1 FROM agents_interaction i WHERE i.agent_id = p.agent_id AND i.campaign_id = p.campaign_id AND i.phase <> 'closed')
        RETURNING p.agent_id
        """,
        [after(PARTICIPATION, ParticipationMove.STOP), ["stopping"]],
    )
    if ended:
        with transaction.atomic():
            desk.has_news(sorted({row.agent_id for row in ended}), now=now)


def all_join(campaign_id: int, mode: Mode) -> None:
    """A campaign begins: its agents join as its mode says."""
    if mode.joining is Joining.EXPLICIT:
        return
    sql.changed(
        """
        UPDATE campaigns_participation p SET state = %(joined)s WHERE p.campaign_id = %(campaign)s AND p.state = 'off'
          AND (%(all)s OR NOT EXISTS (SELECT 1 FROM agents_session s WHERE s.agent_id = p.agent_id AND s.signed_in_at IS NOT NULL))
        """,
        {"joined": after(PARTICIPATION, ParticipationMove.JOIN), "campaign": campaign_id, "all": mode.joining is Joining.AUTOMATIC},
    )


def read_notice(agent_id: int, change_id: int, *, now: datetime) -> Answer:
    """OK: it is not shown again; where the mode says so, it joins."""
    with transaction.atomic():
        read = sql.rows(
            """
            UPDATE campaigns_participation p SET read = h.id FROM campaigns_campaignchange h JOIN campaigns_campaign c ON c.id = h.campaign_id
            WHERE h.id = %s AND p.campaign_id = h.campaign_id AND p.agent_id = %s AND p.read < h.id RETURNING p.campaign_id, c.mode_key, h.move
            """,
            [change_id, agent_id],
        )
        desk.has_news([agent_id] if read else [], now=now)
        for row in read:
            if MODES[row.mode_key].joining is Joining.ON_NOTICE and row.move in ("load", "start"):
                return join(agent_id, row.campaign_id, now=now)
    return DONE


def announce(campaign_id: int, *, now: datetime) -> None:
    """Something became of the campaign that its agents are to know."""
    members = sql.rows("SELECT agent_id FROM campaigns_participation WHERE campaign_id = %s ORDER BY agent_id", [campaign_id])
    desk.has_news([row.agent_id for row in members], now=now)


def _moves(agent_id: int, campaign_id: int, move: ParticipationMove) -> bool:
    return bool(
        sql.changed(
            "UPDATE campaigns_participation SET state = %s WHERE agent_id = %s AND campaign_id = %s AND state = ANY(%s)",
            [after(PARTICIPATION, move), agent_id, campaign_id, [state.value for state in states_before(PARTICIPATION, move)]],
        )
    )


def _stands_anew(agent_id: int, *, now: datetime) -> None:
    desk.has_news([agent_id], now=now)
    rejoin([agent_id], now=now)
    next_for.settle(desk.seats("s.agent_id = %(agent)s", {"agent": agent_id}), now=now)


def rejoin(agent_ids: Sequence[int], *, now: datetime) -> list[Moved]:
    """Rewrites where these agents stand from their participations in campaigns that are not over."""
    rows = sql.rows(
        f"""
        SELECT g.id AS agent_id, min(c.pool) AS pool,
            coalesce(array_agg('c' || c.id ORDER BY c.id) FILTER (WHERE c.mode_key = ANY(%(voice)s)), '{{}}') AS lines,
            coalesce(array_agg('c' || c.id ORDER BY c.id) FILTER (WHERE c.mode_key = ANY(%(preview)s)), '{{}}') AS preview_lines,
            coalesce(array_agg('c' || c.id ORDER BY c.id) FILTER (WHERE c.mode_key = ANY(%(joined)s)), '{{}}') AS joined_lines
        FROM unnest(%(agents)s::bigint[]) AS g(id)
        LEFT JOIN agents_session s ON s.agent_id = g.id AND s.signed_in_at IS NOT NULL
        LEFT JOIN agents_station st ON st.id = s.station_id
        LEFT JOIN campaigns_participation p ON p.agent_id = g.id AND p.state = 'joined'
        LEFT JOIN campaigns_campaign c ON c.id = p.campaign_id AND c.state IN ('loaded', 'running', 'paused', 'stopped') AND {SUITS}
        GROUP BY g.id
        """,
        {"agents": list(agent_ids), **{needs.value: keys_that_need(needs) for needs in Needs}},
    )
    places = [
        Place(agent_id=row.agent_id, pool=row.pool, lines=row.lines, preview_lines=row.preview_lines, joined_lines=row.joined_lines) for row in rows
    ]
    return desk.set_lines(places, now=now)
