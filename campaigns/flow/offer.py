"""A record reaches an agent and is looked at: shown, accepted, rejected, dialed, put off, declined, or left until its time runs out.

With a nailed-up phone "the agent's phone rings" is the console ringing, and Accept is how the agent answers it.
"""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from agents import desk
from agents.desk import DONE, Answer, Change, Problem, Refusal
from agents.rules.lifecycle import Phase, PhaseMove
from campaigns import facts
from campaigns.facts import Setting
from campaigns.flow import alert, conclude, left_behind, new_number, next_for, phone, place, said_of_a_call, take_part, third_parties, wrap_up
from campaigns.models import CampaignExclusion
from campaigns.querysets import LeadStep, step
from campaigns.rules.lifecycle import CampaignState, FinalReason, LeadState
from campaigns.rules.modes import NumberChoice, OnPreviewTimeout
from campaigns.rules.outcomes import DispositionClass
from dialer_project.lib import sql
from dialer_project.lib.sentence import say, together

WENT_BACK = Refusal("The record went back to the list.")
NOT_BEFORE_YOU = Refusal("This record is not on your screen any more.")
RINGING_THERE = Refusal("Your phone is ringing: answer it there.")
NO_PHONE = Refusal("Your phone is not connected at the moment: it is being called again.")


def _mine(interaction_id: UUID, agent_id: int, *phases: Phase) -> sql.Row | None:
    rows = sql.rows(
        f"""
        SELECT i.id, i.phase, i.origin, i.progress, i.outcome, i.campaign_id, i.lead_id, i.phone_id, i.card, i.call_id, i.agent_call_id, i.agent_id,
            i.dial_due, l.misses, l.contact_id, s.nailed_up, s.leg_state, s.present, d.kind AS chosen_kind,
            i.draft #>> '{{callback,on}}' = 'true' AND i.draft #>> '{{callback,problem}}' = '' AS postponed
        FROM agents_interaction i JOIN agents_session s ON s.agent_id = i.agent_id LEFT JOIN campaigns_lead l ON l.id = i.lead_id
        {said_of_a_call.chosen(said_of_a_call.DRAFTED)}
        WHERE i.id = %s AND i.agent_id = %s AND i.phase = ANY(%s) FOR UPDATE OF i
        """,
        [interaction_id, agent_id, [phase.value for phase in phases]],
    )
    return rows[0] if rows else None


def _campaign(work: sql.Row) -> Setting:
    return facts.settings_of([work.campaign_id])[work.campaign_id]


def _gone(interaction_id: UUID) -> Refusal:
    """Why it cannot be taken any more: its customer was being called and has gone, or somebody else has them; else the record went back."""
    return (
        alert.OVER
        if sql.rows("SELECT id FROM agents_interaction WHERE id = %s AND phase = 'closed' AND call_id IS NOT NULL", [interaction_id])
        else WENT_BACK
    )


def shown(interaction_id: UUID, agent_id: int, *, now: datetime) -> Answer:
    """The screen says that it shows the offer: only now does the agent's time run. A repeat gives no more of it."""
    with transaction.atomic():
        work = _mine(interaction_id, agent_id, Phase.OFFERED)
        if work is None:
            return WENT_BACK
        if work.progress != "shown":
            desk.amend([Change(id=work.id, progress="shown", deadline=now + timedelta(seconds=_campaign(work).ring_agent_for))], now=now)
    return DONE


def accept(interaction_id: UUID, agent_id: int, *, now: datetime) -> Answer:
    """The agent takes it: the customer is dialed, or the record shown, as the mode says. One that comes too late names work that is closed."""
    with transaction.atomic():
        work = _mine(interaction_id, agent_id, Phase.RINGING_AGENT, Phase.OFFERED)
        if work is None:
            return _gone(interaction_id)
        if work.phase == Phase.RINGING_AGENT and not work.nailed_up:
            return RINGING_THERE
        asked, alerted = work.origin == third_parties.ASKED, alert.is_one(work.call_id)
        if (asked or alerted) and work.leg_state != "up":
            return NO_PHONE
    if asked:  # the customer's call is locked first
        return third_parties.accept(interaction_id, agent_id, now=now)
    if alerted:  # as above
        return alert.accept(interaction_id, agent_id, now=now)
    with transaction.atomic():
        work = _mine(interaction_id, agent_id, Phase.RINGING_AGENT, Phase.OFFERED)
        if work is None:
            return _gone(interaction_id)
        campaign = _campaign(work)
        if work.phase == Phase.OFFERED and not campaign.mode.accept_dials:
            dials_at = None if work.postponed else campaign.dials_at(now=now)  # who is to be called later is not dialed by the countdown
            desk.move(
                PhaseMove.PREVIEW,
                [Change(id=work.id, dial_due=dials_at, deadline=campaign.looked_at_until(now=now), progress="")],
                now=now,
            )
            at_once = dials_at == now
        elif refusal := _dial(work, campaign, now=now):
            return refusal
        else:
            at_once = False
    _carry_out(interaction_id, now=now, count_down=at_once)
    return DONE


def _carry_out(interaction_id: UUID, *, now: datetime, count_down: bool = False) -> None:
    """After the commit: what the row orders."""
    if count_down:
        counted_down(interaction_id, now=now)
    else:
        phone.legs_ended(place.dial_interaction(interaction_id, now=now), now=now)


def _dial(work: sql.Row, campaign: Setting, *, now: datetime, **about: object) -> Refusal | None:
    """Orders the customer's call where the agent's phone is connected, else the agent's phone first."""
    if work.nailed_up and work.leg_state != "up":
        return NO_PHONE
    if work.nailed_up:
        until = now + timedelta(seconds=campaign.ring_for) + place.MARGIN
        desk.move(PhaseMove.DIAL, [Change(id=work.id, dial_due=now, deadline=until, progress="dialing", **about)], now=now)  # type: ignore[arg-type]  # Change's own fields
    else:
        until = now + timedelta(seconds=campaign.ring_agent_for)
        desk.move(PhaseMove.RING_AGENT, [Change(id=work.id, dial_due=now, deadline=until, progress="", **about)], now=now)  # type: ignore[arg-type]  # as above
    return None


def reject(interaction_id: UUID, agent_id: int, *, reason: str = "", now: datetime) -> Answer:
    """The record goes back to the top of the list, the agent as the mode says. The reason stands in the contact's history."""
    with transaction.atomic():
        alerts = alert.hold("i.id = %s AND i.agent_id = %s", [interaction_id, agent_id])
        work = _mine(interaction_id, agent_id, Phase.RINGING_AGENT, Phase.OFFERED)
        if work is None:
            return _gone(interaction_id)
        # nobody writes reasons while a customer waits
        if not reason.strip() and _campaign(work).reject_reason and work.origin != third_parties.ASKED and not alerts:
            return Refusal("Say why you reject this record: this campaign wants to know.")
        phone.missed(
            work.id,
            campaign_id=work.campaign_id,
            lead_id=work.lead_id,
            misses=work.misses or 0,
            agent_id=agent_id,
            rejected=True,
            note=reason.strip() or None,
            now=now,
        )
    return DONE


def call(interaction_id: UUID, agent_id: int, *, number: int | None, caller_id: int | None, now: datetime) -> Answer:
    """Dials the record on the screen, on the number chosen. Refused by the gate, it stays there with the reason."""
    with transaction.atomic():
        work = _mine(interaction_id, agent_id, Phase.PREVIEW)
        if work is None:
            return NOT_BEFORE_YOU
        if refusal := _call(work, _campaign(work), number=number, caller_id=caller_id, now=now):
            return refusal
    _carry_out(interaction_id, now=now)
    return DONE


def _call(work: sql.Row, campaign: Setting, *, number: int | None, caller_id: int | None, now: datetime) -> Refusal | None:
    if campaign.state is not CampaignState.RUNNING:  # nobody's phone rings for that, the agent's own neither
        desk.amend([Change(id=work.id, holds=True, progress="refused", notice=place.not_running(campaign))], now=now, only=(Phase.PREVIEW,))
        return None
    if work.chosen_kind == DispositionClass.DO_NOT_CALL:  # Done lists the number; a call would go to whoever has just asked for none
        return Refusal("Do not call is chosen: press Done, or choose another disposition to call.")
    if wanted := _unsaid(work, campaign):
        return Refusal(together([say("Say first what came of the call before."), *(one.sentence for one in wanted)]), tuple(wanted))
    about: dict[str, object] = {}
    if number is not None and number != work.phone_id:
        chosen = sql.rows("SELECT id, e164, kind, active FROM campaigns_phonenumber WHERE id = %s AND contact_id = %s", [number, work.contact_id])
        if not chosen:
            return Refusal("This number is no longer on the record: choose another one.")
        if not chosen[0].active:
            return Refusal("This number is out of service: choose another one.")
        if campaign.mode.number_choice is not NumberChoice.AGENT:
            return Refusal("In this campaign the system chooses the number.")
        about = {"phone_id": number, "card": {**sql.loaded(work.card), "number": chosen[0].e164, "kind": chosen[0].kind}}
    if caller_id is not None:
        shown = place.caller_ids(work.campaign_id).get(caller_id)
        if shown is None:
            return Refusal("This caller ID may not be shown any more: choose another one.")
        about["caller_id"] = shown
    return _dial(work, campaign, now=now, **about)


def _unsaid(work: sql.Row, campaign: Setting) -> list[Problem]:
    """What must be said of the call before, where the campaign wants something said of every call: the next one is dialed after it."""
    before = said_of_a_call.of_the_call_before(work.id) if work.outcome else None
    return said_of_a_call.problems(before, campaign, before.note, tried=True) if before else []


def call_new_number(interaction_id: UUID, agent_id: int, *, number: str, kind: str, caller_id: int | None, now: datetime) -> Answer:
    """Dial New Phone Number: kept with the contact, and dialed through the same gate as any other."""
    with transaction.atomic():
        work = _mine(interaction_id, agent_id, Phase.PREVIEW)
        if work is None:
            return NOT_BEFORE_YOU
        campaign = _campaign(work)
        if campaign.mode.number_choice is not NumberChoice.AGENT or not campaign.new_numbers:
            return Refusal("In this campaign only the numbers on the record are dialed.")
        kept = new_number.kept(work.contact_id, number, kind=kind)
        if isinstance(kept, Refusal):
            return kept
        if refusal := _call(work, campaign, number=kept, caller_id=caller_id, now=now):
            transaction.set_rollback(True)
            return refusal
    _carry_out(interaction_id, now=now)
    return DONE


def wait(interaction_id: UUID, agent_id: int, *, now: datetime) -> Answer:
    """Holds the countdown: the agent dials when they are ready to. A verdict on the number is waited for no longer, and dials nobody."""
    with transaction.atomic():
        work = _mine(interaction_id, agent_id, Phase.PREVIEW, Phase.CHECKING)
        if work is None:
            return NOT_BEFORE_YOU
        if work.phase == Phase.CHECKING:
            place.waits_no_longer(_campaign(work), work, now=now)
        else:
            desk.amend([Change(id=work.id, holds=True)], now=now, only=(Phase.PREVIEW,))
    return DONE


def decline(interaction_id: UUID, agent_id: int, *, never: bool, now: datetime) -> Answer:
    """Call this contact later: back to the list, and rather to somebody else. Do not call this contact: taken off the campaign."""
    with transaction.atomic():
        work = _mine(interaction_id, agent_id, Phase.PREVIEW)
        if work is None:
            return NOT_BEFORE_YOU
        if work.outcome:
            return Refusal("It was called: say what came of it and press Done.")
        if never:
            CampaignExclusion.objects.get_or_create(campaign_id=work.campaign_id, contact_id=work.contact_id, defaults={"created_at": now})
            step([LeadStep(id=work.lead_id, state=LeadState.FINAL, reason=FinalReason.EXCLUDED)], now=now)
            conclude.close_callbacks([work.lead_id], reason="the contact was taken off the campaign", now=now)
        else:
            place.rests([work.lead_id], agent_id=agent_id, campaign_id=work.campaign_id, now=now)
        moved = desk.move(PhaseMove.CLOSE, [Change(id=work.id, closed_because="declined")], now=now)
        next_for.settle(left_behind.kept(moved, now=now), now=now)
    return DONE


# --- by the clock -----------------------------------------------------------------------------------------------------------------


def not_taken_in_time(*, now: datetime) -> None:
    """Offers and ringing phones whose time has run out: as the mode says. An offer that no screen has shown is not held against anybody."""
    alert.not_taken_in_time(now=now)
    with transaction.atomic():
        for work in sql.rows(
            """
            SELECT i.id, i.phase, i.progress, i.campaign_id, i.lead_id, i.agent_id, l.misses
            FROM agents_interaction i LEFT JOIN campaigns_lead l ON l.id = i.lead_id
            WHERE i.phase IN ('ringing_agent', 'offered') AND i.deadline <= %s
              AND NOT EXISTS (SELECT 1 FROM campaigns_attempt a WHERE a.id = i.call_id AND a.state = 'open') ORDER BY i.id LIMIT 100 FOR UPDATE OF i SKIP LOCKED
            """,
            [now],
        ):
            phone.missed(
                work.id,
                campaign_id=work.campaign_id,
                lead_id=work.lead_id,
                misses=work.misses or 0,
                agent_id=work.agent_id,
                at_fault=work.phase != Phase.OFFERED or work.progress == "shown",
                now=now,
            )


def counted_down(interaction_id: UUID, *, now: datetime) -> None:
    """The countdown is at zero: dialed by itself, but only for an agent who is there with a phone that is connected."""
    with transaction.atomic():
        held = sql.rows("SELECT agent_id FROM agents_interaction WHERE id = %s", [interaction_id])
        work = _mine(interaction_id, held[0].agent_id, Phase.PREVIEW) if held else None
        if work is None or work.dial_due is None or work.dial_due > now:
            return
        refusal = None if work.present else Refusal("You were away when the countdown ended: nothing was dialed.")
        refusal = refusal or _call(work, _campaign(work), number=None, caller_id=None, now=now)
        if refusal:
            desk.amend([Change(id=work.id, holds=True, notice=refusal.sentence)], now=now, only=(Phase.PREVIEW,))
            return
    _carry_out(interaction_id, now=now)


def countdowns(*, now: datetime) -> None:
    for row in sql.rows("SELECT id FROM agents_interaction WHERE phase = 'preview' AND dial_due <= %s ORDER BY dial_due LIMIT 50", [now]):
        counted_down(row.id, now=now)


def looked_at_too_long(*, now: datetime) -> None:
    """Previews that are over: back to the list, or declined, as the mode says; the agent has gone without a word."""
    with transaction.atomic():
        for work in sql.rows(
            """
            SELECT i.id, i.campaign_id, i.lead_id, i.agent_id FROM agents_interaction i
            WHERE i.phase = 'preview' AND i.deadline <= %s ORDER BY i.id LIMIT 100 FOR UPDATE OF i SKIP LOCKED
            """,
            [now],
        ):
            declines = _campaign(work).mode.on_preview_timeout is OnPreviewTimeout.DECLINE
            _goes_back(work, agent_id=work.agent_id, because="looked_at_too_long", not_ready=None if declines else "no_answer", now=now)


def left_alone(*, now: datetime) -> None:
    """Records on the screens of agents who have gone, beyond the grace: back to the list for somebody else."""
    with transaction.atomic():
        for work in sql.rows(
            """
            SELECT i.id, i.campaign_id, i.lead_id, i.agent_id FROM agents_interaction i JOIN agents_session s ON s.agent_id = i.agent_id
            WHERE i.phase IN ('offered', 'preview', 'checking') AND NOT s.present AND s.absent_since <= %s
            ORDER BY i.id LIMIT 100 FOR UPDATE OF i SKIP LOCKED
            """,
            [now - phone.ABSENT_FOR],
        ):
            _goes_back(work, agent_id=work.agent_id, because="agent_lost", not_ready="connection_lost", now=now)


def _goes_back(work: sql.Row, *, agent_id: int, because: str, not_ready: str | None, now: datetime) -> None:
    campaign = _campaign(work)
    if wrap_up.left(work.id, campaign, because=because, not_ready=not_ready, now=now):
        return
    moved = left_behind.kept(desk.move(PhaseMove.CLOSE, [Change(id=work.id, closed_because=because, not_ready=not_ready)], now=now), now=now)
    if not moved:
        return
    place.give_up(campaign, work.lead_id, misses=0, agent_id=agent_id, now=now)
    if not_ready:
        moved = take_part.no_longer_served(agent_id, campaign, now=now) or moved
    next_for.settle(moved, now=now)
