"""The agent (or the clock) finishes: hang up, note, disposition, done; then on to the next."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from agents import desk
from agents.desk import DONE, NOT_YOURS, Answer, Change, Problem, Refusal
from agents.models import User
from agents.rules.lifecycle import Phase, PhaseMove
from campaigns import facts, querysets
from campaigns.facts import Setting
from campaigns.flow import callbacks, conclude, do_not_call, filled_in, next_for, permit, place, put_right, said_of_a_call, take_part, third_parties
from campaigns.models import Campaign
from campaigns.rules.lifecycle import CallbackState, CampaignState
from campaigns.rules.modes import DoneNeeds
from campaigns.rules.outcomes import DispositionClass, Outcome
from dialer_project.lib import sql
from dialer_project.lib.sentence import together
from telephony import commands

# how long a disposition may be missing while the agent is away before the system gives its own
ABANDONED_DESK = timedelta(minutes=15)
# as good as said, where an agent chose it and never came to Done
_NOT_TO_BE_CALLED = (DispositionClass.DO_NOT_CALL, DispositionClass.NO_CALLBACK)


def hang_up(interaction_id: UUID, agent_id: int, *, now: datetime) -> Answer:
    """Ends the customer's call, ringing or answered; what follows comes with its end. Who was asked into another's conversation leaves it."""
    rows = sql.rows(
        """
        SELECT i.phase, i.origin, i.call_id, c.id, c.node_id FROM agents_interaction i LEFT JOIN telephony_call c ON c.id = i.call_id AND c.state <> 'ended'
        WHERE i.id = %s AND i.agent_id = %s AND i.phase <> 'closed'
        """,
        [interaction_id, agent_id],
    )
    if not rows:
        return NOT_YOURS
    if rows[0].origin == third_parties.ASKED and rows[0].call_id is None:
        with transaction.atomic():
            return DONE if third_parties.leave([interaction_id], now=now) else NOT_YOURS
    if rows[0].id is None:
        return Refusal("There is no call to hang up.")
    commands.hang_up([(rows[0].node_id, rows[0].id)])
    return DONE


def save_note(interaction_id: UUID, agent_id: int, note: str, *, now: datetime) -> Answer:
    """Keeps the draft, so that nothing an agent typed is lost."""
    if len(note) > said_of_a_call.NOTE_AT_MOST:
        return Refusal(said_of_a_call.TOO_LONG)
    with transaction.atomic():
        if not _is_theirs(interaction_id, agent_id):
            return NOT_YOURS
        desk.amend([Change(id=interaction_id, note=note)], now=now)
    return DONE


def _is_theirs(interaction_id: UUID, agent_id: int) -> bool:
    return bool(
        sql.rows("SELECT id FROM agents_interaction WHERE id = %s AND agent_id = %s AND phase <> 'closed' FOR UPDATE", [interaction_id, agent_id])
    )


@dataclass(frozen=True, slots=True)
class _Chosen:
    id: int
    kind: DispositionClass


def finish(interaction_id: UUID, agent_id: int, *, disposition_id: int | None, note: str, stop: bool, now: datetime) -> Answer:
    """Done: saves the disposition and the note, sends the lead on its way, and the agent to what is next. `stop`: Done and Stop."""
    with transaction.atomic():
        found = _in_wrap_up(
            "i.id = %(id)s AND i.agent_id = %(agent)s AND i.phase <> 'closed'",
            {"id": interaction_id, "agent": agent_id, "disposition": disposition_id, "as_drafted": False},
        )
        if not found:
            return NOT_YOURS
        work = found[0]
        if work.phase not in (Phase.WRAP_UP, Phase.PREVIEW):
            return Refusal("The call is not over yet: hang up first.")
        campaign = facts.settings_of([work.campaign_id])[work.campaign_id]
        tried = _is_tried(work)
        if problems := _problems(work, campaign, note, tried=tried, now=now):
            return Refusal(together(one.sentence for one in problems), tuple(problems))
        if not tried and disposition_id is None and not _is_promised(work) and not _is_to_be_left_alone(work):
            if campaign.mode.done_needs is DoneNeeds.PROCESSED and work.progress != "refused" and campaign.state is CampaignState.RUNNING:
                return Refusal("Process this customer first: call them, schedule a callback, or say that they are not to be called.")
            _put_away(work, campaign, note=note, stop=stop, now=now)
            return DONE
        _close(work, campaign, note=note, not_ready=None, because="done", stop=stop, now=now)
    return DONE


def _is_tried(work: sql.Row) -> bool:
    """A record that was looked at and not dialed asks for nothing that a call would; nor does a call that was never sent."""
    return work.phase == Phase.WRAP_UP or bool(work.outcome and work.dialed_at)


def _put_away(work: sql.Row, campaign: Setting, *, note: str, stop: bool, now: datetime) -> None:
    """Looked at, and neither dialed nor judged: the lead goes where its next lawful time says, or back to the list for a while."""
    _store(work, is_done=True, now=now)
    leads = querysets.owned([work.lead_id])
    cleared, steps = permit.consider(campaign, permit.candidates(leads, phones={work.lead_id: work.phone_id} if work.phone_id else {}), now=now)
    querysets.step(steps, now=now)
    if cleared or not steps:
        place.rests([lead.id for lead in leads], agent_id=work.agent_id, campaign_id=campaign.id, now=now)
    moved = desk.move(PhaseMove.CLOSE, [Change(id=work.id, closed_because="put_away", note=note)], now=now)
    if stop:
        moved = take_part.off(work.agent_id, work.campaign_id, now=now) or moved
    next_for.settle(moved, now=now)


def _store(work: sql.Row, *, is_done: bool, now: datetime) -> None:
    filled_in.store(work, is_done=is_done, now=now)
    if (sql.loaded(work.draft) or {}).get("contact"):
        put_right.store(work.id, now=now)


# by the clock, what the agent had chosen by then
_CHOSEN = f"CASE WHEN %(as_drafted)s::boolean THEN {said_of_a_call.DRAFTED} ELSE %(disposition)s::bigint END"
_IN_WRAP_UP = f"""
    SELECT i.id, i.agent_id, i.phase, i.campaign_id, i.lead_id, i.owns_lead, i.call_id, i.outcome, i.progress, i.talked, i.note, i.deadline, i.opened_at, i.draft,
        l.contact_id, l.tries, l.state AS lead_state, a.dialed_at, coalesce(a.phone_id, i.phone_id) AS phone_id, coalesce(a.e164, f.e164) AS e164,
        {_CHOSEN} AS chosen_id, d.kind AS chosen_kind, d.note_required, b.id AS callback_id, b.kind AS callback_kind, b.agent_id AS callback_agent,
        b.due_at AS callback_due, b.phone_id AS callback_phone, s.pending_reason_id, s.voice_ready, s.preview_ready,
        {filled_in.COLUMNS}
    FROM agents_interaction i
    LEFT JOIN campaigns_lead l ON l.id = i.lead_id
    LEFT JOIN campaigns_contact k ON k.id = l.contact_id
    LEFT JOIN campaigns_attempt a ON a.id = i.call_id
    LEFT JOIN campaigns_phonenumber f ON f.id = i.phone_id
    {said_of_a_call.chosen(_CHOSEN)}
    LEFT JOIN campaigns_callback b ON b.lead_id = i.lead_id AND b.state = 'open'
    LEFT JOIN agents_session s ON s.agent_id = i.agent_id
"""


def _in_wrap_up(where: str, params: dict[str, object]) -> list[sql.Row]:
    return sql.rows(f"{_IN_WRAP_UP} WHERE {where} ORDER BY i.id FOR UPDATE OF i", params)


def _problems(work: sql.Row, campaign: Setting, note: str, *, tried: bool, now: datetime) -> list[Problem]:
    """Everything that keeps the record from being done, so that it is put right at once."""
    found = said_of_a_call.problems(work, campaign, note, tried=tried)
    if (wrong := callbacks.problem(work, now=now)) is not None:
        found.append(Problem("callback", wrong))
    elif work.chosen_kind == DispositionClass.CALLBACK and not _is_promised(work):
        found.append(Problem("callback", "This disposition promises a callback: schedule one, or choose another disposition."))
    if said_of_a_call.found_there(work, work.chosen_kind) and work.callback_id is not None and work.callback_phone == work.phone_id:
        found.append(Problem("callback", "The callback is for the number that you have marked: choose another number for it, or cancel it."))
    if _is_to_be_left_alone(work) and _is_promised(work):
        found.append(Problem("callback", "A callback is scheduled, and the customer is not to be called back: take one of the two back."))
    found += put_right.problems(work.draft)
    if work.talked:
        found += filled_in.problems(work)
    return found


def _close(work: sql.Row, campaign: Setting, *, note: str | None, not_ready: str | None, because: str, stop: bool, now: datetime) -> None:
    """The second of outcome and disposition has arrived: the lead goes where both say."""
    chosen = _Chosen(work.chosen_id, DispositionClass(work.chosen_kind)) if work.chosen_kind is not None else None
    if chosen is not None and chosen.kind is DispositionClass.DO_NOT_CALL and work.e164:
        by = User.objects.filter(agent=work.agent_id).first()
        do_not_call.list_numbers([work.e164], source="agent", now=now, reason="asked for on the call", by=by)
    _store(work, is_done=because == "done", now=now)
    said_of_a_call.write(work)
    kind = _kind(work, chosen)
    if work.lead_state == "busy" and work.owns_lead:
        ended = conclude.Ended(
            lead_id=work.lead_id,
            campaign=campaign,
            contact_id=work.contact_id,
            outcome=Outcome(work.outcome or Outcome.CANCELLED),
            phone_id=work.phone_id,
            tries=sql.loaded(work.tries),
            disposition=kind,
            disposition_id=chosen.id if chosen else None,
            is_counted=work.phase != Phase.WRAP_UP,
            callback=None if kind is DispositionClass.NO_CALLBACK else _promised(work, now=now),
        )
        (step,) = conclude.lead_steps([ended], now=now)
        querysets.step([step], now=now)
        if kind is DispositionClass.NO_CALLBACK:
            conclude.close_callbacks([work.lead_id], reason=conclude.LEFT_ALONE, now=now)
        elif step.state == "final" and work.callback_id:
            if chosen is None and because != "done":  # nobody has said that it is not wanted any more
                conclude.close_callbacks([work.lead_id], reason="no more attempts", now=now, state=CallbackState.EXPIRED)
            else:
                conclude.close_callbacks([work.lead_id], reason="the record was finished", now=now)
    moved = desk.move(
        PhaseMove.CLOSE,
        [Change(id=work.id, closed_because=because, disposition_id=chosen.id if chosen else None, note=note, not_ready=not_ready)],
        now=now,
    )
    if stop:
        moved = take_part.off(work.agent_id, work.campaign_id, now=now) or moved
    elif not_ready:
        moved = take_part.no_longer_served(work.agent_id, campaign, now=now) or moved
    next_for.settle(moved, now=now)


def _kind(work: sql.Row, chosen: _Chosen | None) -> DispositionClass | None:
    """What came of it; "Do not call back" beside it leaves the customer alone for the campaign's period, unless they are never to be called.
    Where nothing was said but that the number is none of theirs, nobody was reached: the next number is called."""
    if _is_to_be_left_alone(work) and (chosen is None or chosen.kind is not DispositionClass.DO_NOT_CALL):
        return DispositionClass.NO_CALLBACK
    if chosen is None and said_of_a_call.found_there(work, None):
        return DispositionClass.WRONG_NUMBER
    return chosen.kind if chosen else None


def _is_to_be_left_alone(work: sql.Row) -> bool:
    return bool((sql.loaded(work.draft) or {}).get("no_callback"))


def _is_promised(work: sql.Row) -> bool:
    """For later, while it was in hand: one that was due before is still to be kept."""
    return work.callback_id is not None and work.callback_due > work.opened_at


def _promised(work: sql.Row, *, now: datetime) -> conclude.Promised | None:
    """One booked for this record while it was in hand is a promise even where its time has come already."""
    if work.callback_id is None:
        return None
    due = max(work.callback_due, now + timedelta(seconds=1)) if _is_promised(work) else work.callback_due
    return conclude.Promised(work.callback_kind, work.callback_agent, due, work.callback_phone)


def left(interaction_id: UUID, campaign: Setting, *, because: str, not_ready: str | None, now: datetime) -> bool:
    """A record whose agent has gone from it without a word, after a call in vain, or having said that nobody is to be called: closed with what
    they had entered by then. False: nothing was said of it, and it only goes back."""
    (work,) = _in_wrap_up("i.id = %(id)s", {"id": interaction_id, "disposition": None, "as_drafted": True})
    if not work.outcome and not _is_to_be_left_alone(work) and work.chosen_kind not in _NOT_TO_BE_CALLED:
        return False
    _close(work, campaign, note=None, not_ready=not_ready, because=because, stop=False, now=now)
    return True


def time_is_up(*, now: datetime) -> None:
    """Wrap-up has run out. By the campaign's policy: ready, Not Ready, or stay, with what the agent had entered by then; where Done would
    be refused, the agent is Not Ready afterwards and the record stays open."""
    with transaction.atomic():
        for work in _in_wrap_up(
            "i.phase = 'wrap_up' AND i.deadline <= %(now)s AND i.id IN (SELECT o.id FROM agents_interaction o WHERE o.phase = 'wrap_up'"
            " AND o.deadline <= %(now)s ORDER BY o.deadline LIMIT 100 FOR UPDATE SKIP LOCKED)",
            {"now": now, "disposition": None, "as_drafted": True},
        ):
            campaign = facts.settings_of([work.campaign_id])[work.campaign_id]
            if _problems(work, campaign, work.note, tried=True, now=now):
                _stays_open(work, campaign, now=now)
            elif campaign.wrap_up_policy == Campaign.WrapUpPolicy.STAY:
                sql.changed("UPDATE agents_interaction SET deadline = NULL WHERE id = %s", [work.id])
            else:
                not_ready = "wrap_up_expired" if campaign.wrap_up_policy == Campaign.WrapUpPolicy.NOT_READY else None
                _close(work, campaign, note=None, not_ready=not_ready, because="time_up", stop=False, now=now)


def _stays_open(work: sql.Row, campaign: Setting, *, now: datetime) -> None:
    """Not Ready afterwards; and once the agent has been away for a quarter of an hour, closed without them, drafts kept."""
    away = sql.rows("SELECT absent_since FROM agents_session WHERE agent_id = %s AND NOT present", [work.agent_id])
    if away and away[0].absent_since and now - away[0].absent_since >= ABANDONED_DESK:
        _close(work, campaign, note=None, not_ready="connection_lost", because="desk_abandoned", stop=False, now=now)
        return
    if (work.voice_ready or work.preview_ready) and work.pending_reason_id is None:
        desk.take_break(work.agent_id, code="wrap_up_expired", now=now)
    take_part.no_longer_served(work.agent_id, campaign, now=now)
    desk.amend([Change(id=work.id, deadline=now + timedelta(minutes=1), draft={"overtime": True})], now=now)
