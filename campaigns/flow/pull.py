"""Get Record, or Get customers: the agent asks, and one record opens on their screen."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from agents import desk
from agents.desk import DONE, Answer, NewWork, Refusal
from campaigns import facts, live, querysets
from campaigns.facts import Setting
from campaigns.flow import dispatch, nothing_now, offer, permit, take_part
from campaigns.flow.permit import Cleared
from campaigns.querysets import Keeper
from campaigns.rules.lifecycle import CampaignState, ParticipationState
from campaigns.rules.modes import Delivery, Joining
from campaigns.rules.permit.gate import campaign_holds
from dialer_project.lib import sql
from dialer_project.lib.sentence import say, together


def get_record(agent_id: int, campaign_id: int, *, now: datetime) -> Answer:
    """One record, callbacks that are due first. Where records come by themselves: to take part again."""
    with transaction.atomic():
        member = sql.rows(
            f"""
            SELECT p.state, s.signed_in_at, s.nailed_up, s.leg_state, c.name, c.call_application, {querysets.SUITS} AS suits,
                EXISTS (SELECT 1 FROM agents_interaction i WHERE i.agent_id = p.agent_id AND i.phase <> 'closed') AS at_work
            FROM campaigns_participation p JOIN campaigns_campaign c ON c.id = p.campaign_id
            LEFT JOIN agents_session s ON s.agent_id = p.agent_id LEFT JOIN agents_station st ON st.id = s.station_id WHERE p.agent_id = %s AND p.campaign_id = %s
            """,
            [agent_id, campaign_id],
        )
        permit.lock_campaign(campaign_id)
        campaign = facts.settings_now([campaign_id], now=now).get(campaign_id)
        if not member or campaign is None:
            return take_part.NOT_MEMBER
        if campaign.mode.delivery is not Delivery.PULL:
            return take_part.join(agent_id, campaign_id, now=now)
        if refusal := _not_now(campaign, member[0], now=now):
            return refusal
        if member[0].state != ParticipationState.JOINED:
            if campaign.mode.joining is Joining.EXPLICIT:
                return Refusal(say("Run {campaign} first, then ask for a record.", campaign=campaign.name))
            joined = take_part.join(agent_id, campaign_id, now=now)
            if isinstance(joined, Refusal):
                return joined
        opened = _open(campaign, agent_id, now=now)
        if isinstance(opened, Refusal):
            return opened
    offer.counted_down(opened, now=now)  # where the limit is nothing it is dialed at once
    return DONE


def _not_now(campaign: Setting, member: sql.Row, *, now: datetime) -> Refusal | None:
    if member.signed_in_at is None:
        return Refusal("Choose a phone first: you are not signed in to one.")
    if not member.suits:
        return take_part.other_phone(member.name, member.call_application)
    if member.at_work:
        return Refusal("Finish the record on your screen first: one at a time.")
    if member.nailed_up and member.leg_state != "up":
        return offer.NO_PHONE
    if campaign.state in take_part.OVER:
        return Refusal(say("{campaign} has ended: there are no more records.", campaign=campaign.name))
    if campaign.state is CampaignState.PAUSED:
        return Refusal(say("{campaign} is paused: records come again when it goes on.", campaign=campaign.name))
    if campaign.state is not CampaignState.RUNNING:
        return Refusal(say("{campaign} has not started yet.", campaign=campaign.name))
    if holds := campaign_holds(campaign.terms, now=now):
        return Refusal(say("{campaign} gives no records now: {why}", campaign=campaign.name, why=together(holds)))
    return None


def _open(campaign: Setting, agent_id: int, *, now: datetime) -> UUID | Refusal:
    own = _own_callback(campaign, agent_id, now=now)
    leads, cleared, _ = ([], own, []) if own else dispatch.claim(campaign, at_most=1, now=now)
    if not cleared:
        if leads:  # moved out of the way: what follows them may be given next time
            sql.after_commit(live.forget_floors, campaign.id)
        why = nothing_now.why(campaign, agent_id, now=now)
        return Refusal(why)
    one = cleared[0]
    opened = desk.open(
        [
            NewWork(
                agent_id=agent_id,
                phase=campaign.mode.opens_in,
                deadline=campaign.looked_at_until(now=now),
                dial_due=campaign.dials_at(now=now),
                campaign_id=campaign.id,
                lead_id=one.lead.id,
                phone_id=one.phone.id,
                card=one.card(campaign),
                origin=one.origin,
            )
        ],
        needs=campaign.mode.needs.value,
        now=now,
    )
    work = next((m.work for m in opened if m.work is not None), None)
    if work is None:
        transaction.set_rollback(True)
        return Refusal("Your desk is not free just now: try again in a moment.")
    querysets.busy([one.lead.id], now=now)
    if leads:
        # of several that may be called one is taken: the others must not be hidden behind a floor
        whole = len(cleared) == 1  # nor one that a spend limit holds
        sql.after_commit(live.set_floors, campaign.id, leads, whole=whole)
    return work.id


def _own_callback(campaign: Setting, agent_id: int, *, now: datetime) -> list[Cleared]:
    """The agent's own due callback in this campaign, if it may be called now; else it is moved to when it may."""
    leads = querysets.reserved([Keeper(agent_id=agent_id, campaigns=[campaign.id])], now=now)
    cleared, steps = permit.consider(campaign, permit.candidates(leads), now=now) if leads else ([], [])
    querysets.step(steps, now=now)
    return cleared
