"""Callbacks as agents book them: written down as soon as they could be kept, changed and cancelled until the record is closed, and later
from My Callbacks. Whether a time can be kept is asked of the same gate as every call.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction

from agents import desk
from agents.desk import DONE, NOT_YOURS, Answer, Change, Problem, Refusal
from agents.rules.lifecycle import Phase
from campaigns import facts, live, querysets
from campaigns.facts import Asked, Person, Phone, Setting
from campaigns.flow import conclude, new_number, place
from campaigns.querysets import LeadStep
from campaigns.rules.lifecycle import Boost, CampaignState, LeadState, WaitReason
from campaigns.rules.number_checks import Answer as NumberAnswer
from campaigns.rules.outcomes import Outcome
from campaigns.rules.permit.gate import Barred, Refused, Stands, earliest, gates
from campaigns.rules.time_zones import known_zones
from dialer_project.lib import sql
from dialer_project.lib.sentence import heard, say, together, told

# nobody promises a call for a time further away
FARTHEST = timedelta(days=366)
# so long before the call is dialed a callback only postpones it, which the campaign may not want
BEFORE_THE_CALL = (Phase.OFFERED, Phase.PREVIEW, Phase.CHECKING, Phase.RINGING_AGENT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The Schedule Callback window as the agent left it. local: the wall clock in `zone`, as 2026-03-11T10:00."""

    on: bool
    local: str = ""
    zone: str = ""
    personal: bool = False
    phone: int | None = None
    new_number: str = ""
    new_kind: str = "other"
    note: str = ""


@dataclass(frozen=True, slots=True)
class _Promise:
    at: datetime
    phone: Phone


@dataclass(frozen=True, slots=True)
class _Problem:
    """Why it cannot be promised so, and the nearest time at which it could."""

    sentence: str
    at: datetime | None = None
    nearest: datetime | None = None


_LEAD = """
    SELECT l.id AS lead_id, l.campaign_id, l.contact_id, l.tries, l.state AS lead_state, l.reason, l.last_outcome,
        b.id AS callback_id, b.due_at, b.agent_id AS promised_by, b.kind
"""


def schedule(interaction_id: UUID, agent_id: int, window: Window, *, now: datetime) -> Answer:
    """What stands in the window is kept as it is typed; where it can be promised, it is promised, and where not, the refusal says why."""
    with transaction.atomic():
        rows = sql.rows(
            f"""
            {_LEAD}, i.id, i.phase, i.opened_at, i.talked, i.call_id, i.agent_call_id FROM agents_interaction i LEFT JOIN campaigns_lead l ON l.id = i.lead_id
            LEFT JOIN campaigns_callback b ON b.lead_id = l.id AND b.state = 'open'
            WHERE i.id = %s AND i.agent_id = %s AND i.phase <> 'closed' FOR UPDATE OF i
            """,
            [interaction_id, agent_id],
        )
        if not rows:
            return NOT_YOURS
        work = rows[0]
        if not window.on:
            if work.callback_id is not None and work.due_at > work.opened_at:
                _close(work.callback_id, "cancelled", reason="cancelled by the agent", now=now)
            desk.amend([Change(id=work.id, draft={"callback": None})], now=now)
            return DONE
        found = _promise(work, window, now=now)
        if isinstance(found, _Promise):
            window = replace(window, phone=found.phone.id, new_number="")
            _write(work, agent_id, window, found, now=now)
        # who is to be called later is dialed neither by the countdown (nor by the one an accepted offer would begin), nor by a verdict
        if isinstance(found, _Promise) and work.phase == Phase.CHECKING:
            place.waits_no_longer(facts.settings_of([work.campaign_id])[work.campaign_id], work, now=now)
        postponed = isinstance(found, _Promise) and work.phase == Phase.PREVIEW
        desk.amend([Change(id=work.id, draft={"callback": _draft(window, found)}, holds=postponed)], now=now)
    return DONE if isinstance(found, _Promise) else Refusal(found.sentence, (Problem("callback", found.sentence),))


def _draft(window: Window, found: _Promise | _Problem) -> dict[str, object]:
    about: dict[str, object] = {"at": found.at.isoformat() if found.at else None, "problem": "", "nearest": None}
    if isinstance(found, _Problem):
        nearest = found.nearest.astimezone(ZoneInfo(window.zone)) if found.nearest and window.zone in known_zones() else None
        about |= {"problem": told(found.sentence), "nearest": f"{nearest:%Y-%m-%dT%H:%M}" if nearest else None}
    return {**asdict(window), **about}


def _promise(work: sql.Row, window: Window, *, now: datetime) -> _Promise | _Problem:
    if work.lead_id is None:
        return _Problem("No contact belongs to this call, so nobody can be called back.")
    campaign = facts.settings_of([work.campaign_id])[work.campaign_id]
    if work.phase in BEFORE_THE_CALL and not campaign.postpones:
        return _Problem("In this campaign a record is called before a callback is booked.")
    phone_id = window.phone
    if window.new_number.strip():
        kept = new_number.kept(work.contact_id, window.new_number, kind=window.new_kind)
        if isinstance(kept, Refusal):
            return _Problem(kept.sentence)
        phone_id = kept
    # the call in hand is among those made by then
    tries = sql.loaded(work.tries)
    if work.call_id is not None:
        tries = {**tries, Outcome.CONNECTED: tries.get(Outcome.CONNECTED, 0) + 1}
    return _lawful(campaign, work, phone_id, tries, window, now=now)


def _lawful(
    campaign: Setting, work: sql.Row, phone_id: int | None, tries: Mapping[str, int], window: Window, *, now: datetime
) -> _Promise | _Problem:
    """Asked of the gate for the number and the instant meant."""
    if (over := over_for(campaign)) is not None:
        return _Problem(over)
    if window.zone not in known_zones():
        return _Problem("Choose the time zone the time is meant in.")
    try:
        at = datetime.fromisoformat(window.local).replace(tzinfo=ZoneInfo(window.zone))
    except ValueError:
        return _Problem("Choose the date and the time of the callback.")
    person = facts.people([work.contact_id])[work.contact_id]
    phone = _number(person, phone_id)
    if phone is None:
        return _Problem("This number is out of service: choose another one.", at)
    read = facts.read([Asked(work.lead_id, work.campaign_id, work.contact_id, tries, phone)], terms=campaign.terms, now=now)[work.lead_id].facts
    # the very call in hand will be over; and what a service has not said yet, it is asked when the time comes
    answer = read.answer if read.answer is NumberAnswer.LISTED else NumberAnswer.CLEAR
    known = replace(read, person_busy=False, number_busy=False, answer=answer)
    match earliest(known, terms=campaign.terms, at=max(at, now + timedelta(minutes=5))):
        case Refused(_, whys) | Barred(whys):
            return _Problem(whys[0] if whys else say("This number can never be called in this campaign."), at)
        case datetime() as lawful:
            pass
    if campaign.terms.ends_at is not None and max(at, lawful) + campaign.terms.ring_for >= campaign.terms.ends_at:
        return _Problem(say("The campaign ends on {at}: choose an earlier time.", at=campaign.terms.ends_at.astimezone(at.tzinfo)), at)
    if at <= now:
        return _Problem("This time has passed: choose a later one, or cancel the callback.", at, lawful)
    if at > now + FARTHEST:
        return _Problem("This is more than a year away: choose an earlier time.", at)
    soon_enough = earliest(known, terms=campaign.terms, at=at)
    if soon_enough != at:
        why = next((gate.why for gate in gates(known, terms=campaign.terms, now=at) if gate.stands is Stands.WAIT), say("It may not be called then."))
        nearest = say("The nearest time is {at}, {zone} time.", at=lawful.astimezone(at.tzinfo), zone=window.zone.replace("_", " "))
        return _Problem(together([why, nearest]), at, lawful)
    return _Promise(at, phone)


def over_for(campaign: Setting) -> str | None:
    """Why nobody is called back in this campaign any more. A stop waits until whoever has asked this has written what they promise, and then
    cancels it."""
    state = sql.rows("SELECT state FROM campaigns_campaign WHERE id = %s FOR SHARE", [campaign.id])[0].state
    return has_ended(campaign.name) if state in (CampaignState.STOPPED, CampaignState.COMPLETED) else None


def has_ended(campaign: str) -> str:
    return say("{campaign} has ended: nobody is called back by it any more.", campaign=campaign)


def taken_back(campaign_id: int, *, because: str, now: datetime) -> None:
    """The callbacks booked on records that are still in hand do not stand any more: their screens say why, until the agents clear them."""
    with transaction.atomic():
        rows = sql.rows(
            """
            SELECT i.id, i.draft -> 'callback' AS booked FROM agents_interaction i
            WHERE i.campaign_id = %s AND i.phase <> 'closed' AND i.draft #>> '{callback,on}' = 'true' ORDER BY i.agent_id FOR UPDATE
            """,
            [campaign_id],
        )
        desk.amend(
            [Change(id=row.id, draft={"callback": {**sql.loaded(row.booked), "problem": told(because), "nearest": None}}) for row in rows], now=now
        )


def of_those_who_left(*, now: datetime) -> None:
    """Personal callbacks of agents who are not in the campaign any more, or may not sign in any more: from now on anybody's, with the reason."""
    rows = sql.rows(
        """
        WITH theirs AS (
            SELECT b.id, b.lead_id FROM campaigns_callback b JOIN campaigns_lead l ON l.id = b.lead_id
            WHERE b.state = 'open' AND l.state = 'waiting' AND l.reserved_for_id IS NOT NULL AND NOT EXISTS (
                SELECT 1 FROM campaigns_participation p JOIN agents_agent g ON g.id = p.agent_id JOIN agents_user u ON u.id = g.user_id AND u.is_active
                WHERE p.campaign_id = l.campaign_id AND p.agent_id = l.reserved_for_id)
            ORDER BY b.id LIMIT %(at_once)s FOR UPDATE OF b, l SKIP LOCKED
        ), given AS (
            UPDATE campaigns_callback b SET fallback_at = least(b.fallback_at, %(now)s), reason = 'whoever promised it is not in the campaign any more'
            FROM theirs WHERE b.id = theirs.id
        )
        UPDATE campaigns_lead l SET reserved_for_id = NULL FROM theirs WHERE l.id = theirs.lead_id RETURNING l.campaign_id
        """,
        {"now": now, "at_once": EXPIRE_AT_ONCE},
    )
    for campaign_id in {row.campaign_id for row in rows}:
        live.forget_floors(campaign_id)


def _number(person: Person, phone_id: int | None) -> Phone | None:
    """The number chosen; where none was, the first that may be dialed."""
    if phone_id is None:
        return person.phone(None)
    return next((phone for phone in person.phones if phone.id == phone_id and phone.active), None)


def _write(work: sql.Row, agent_id: int, window: Window, promise: _Promise, *, now: datetime) -> None:
    """One open callback per lead: the one being kept by this very conversation is kept, any other is changed."""
    if work.callback_id is not None and work.due_at <= work.opened_at and work.talked:
        _close(work.callback_id, "kept", reason="", now=now)
        _insert(work, agent_id, window, promise, now=now)
    elif work.callback_id is not None:
        _change(work.callback_id, work.campaign_id, agent_id, window, promise)
    else:
        _insert(work, agent_id, window, promise, now=now)


_FALLBACK = "CASE WHEN %(kind)s::text = 'personal' THEN %(at)s::timestamptz + make_interval(mins => k.callback_fallback) END"


def _values(agent_id: int, window: Window, promise: _Promise) -> dict[str, object]:
    return {
        "kind": "personal" if window.personal else "group",
        "agent": agent_id,
        "phone": promise.phone.id,
        "at": promise.at,
        "note": window.note,
    }


def _insert(work: sql.Row, agent_id: int, window: Window, promise: _Promise, *, now: datetime) -> None:
    sql.changed(
        f"""
        INSERT INTO campaigns_callback (lead_id, kind, agent_id, phone_id, due_at, fallback_at, state, reason, note, created_at, created_by_id)
        SELECT %(lead)s, %(kind)s::text, %(agent)s, %(phone)s, %(at)s::timestamptz, {_FALLBACK}, 'open', '', %(note)s, %(now)s, g.user_id
        FROM campaigns_campaign k, agents_agent g WHERE k.id = %(campaign)s AND g.id = %(agent)s
        """,
        {**_values(agent_id, window, promise), "lead": work.lead_id, "campaign": work.campaign_id, "now": now},
    )


def _change(callback_id: int, campaign_id: int, agent_id: int, window: Window, promise: _Promise) -> None:
    sql.changed(
        f"""
        UPDATE campaigns_callback b SET kind = %(kind)s::text, agent_id = %(agent)s, phone_id = %(phone)s, due_at = %(at)s::timestamptz, fallback_at = {_FALLBACK},
            note = %(note)s
        FROM campaigns_campaign k WHERE b.id = %(id)s AND k.id = %(campaign)s AND b.state = 'open'
        """,
        {**_values(agent_id, window, promise), "id": callback_id, "campaign": campaign_id},
    )


def _close(callback_id: int, state: str, *, reason: str, now: datetime) -> None:
    sql.changed(
        "UPDATE campaigns_callback SET state = %s, reason = %s, closed_at = %s WHERE id = %s AND state = 'open'", [state, reason, now, callback_id]
    )


# --- My Callbacks: those of records that nobody has in hand ----------------------------------------------------------------------------


def _mine(callback_id: int, agent_id: int) -> sql.Row | Refusal:
    """An open callback this agent promised, its lead locked; or why it cannot be changed here."""
    rows = sql.rows(
        f"""
        {_LEAD} FROM campaigns_callback b JOIN campaigns_lead l ON l.id = b.lead_id
        WHERE b.id = %s AND b.agent_id = %s AND b.state = 'open' FOR UPDATE OF b, l
        """,
        [callback_id, agent_id],
    )
    if not rows:
        return Refusal("This callback is no longer open: it was kept, cancelled or given to somebody else.")
    if rows[0].lead_state != LeadState.WAITING:
        return Refusal("This record is with an agent just now: it can be changed there.")
    return rows[0]


def change(callback_id: int, agent_id: int, window: Window, *, now: datetime) -> Answer:
    """Another time, number or keeper for a callback that waits."""
    with transaction.atomic():
        found = _mine(callback_id, agent_id)
        if isinstance(found, Refusal):
            return found
        campaign = facts.settings_of([found.campaign_id])[found.campaign_id]
        promise = _lawful(campaign, found, window.phone, sql.loaded(found.tries), window, now=now)
        if isinstance(promise, _Problem):
            return Refusal(promise.sentence)
        _change(callback_id, found.campaign_id, agent_id, window, promise)
        querysets.step(
            [
                LeadStep(
                    id=found.lead_id,
                    state=LeadState.WAITING,
                    reason=WaitReason.CALLBACK,
                    next_call_at=promise.at,
                    boost=Boost.CALLBACK_DUE,
                    next_phone=promise.phone.id,
                    reserved_for=agent_id if window.personal else None,
                )
            ],
            now=now,
        )
        sql.after_commit(live.forget_floors, found.campaign_id)
    return DONE


def cancel(callback_id: int, agent_id: int, *, now: datetime) -> Answer:
    """The promise is taken back; the record goes where it would have gone without it."""
    with transaction.atomic():
        found = _mine(callback_id, agent_id)
        if isinstance(found, Refusal):
            return found
        _close(callback_id, "cancelled", reason="cancelled by the agent", now=now)
        conclude.without_callbacks([found.lead_id], now=now)
        sql.after_commit(live.forget_floors, found.campaign_id)
    return DONE


# of one sweep; the next one is soon
EXPIRE_AT_ONCE = 200


def expire(*, now: datetime) -> None:
    """Promises that nobody could keep in their campaign's time: they end with the reason, their records go on without them, and whoever made
    them is told. One that has waited for its lawful hours all the while has its chance first; one in an agent's hands is being kept."""
    with transaction.atomic():
        rows = sql.rows(
            """
            SELECT b.id, b.lead_id, b.agent_id, l.campaign_id, CASE
                WHEN c.state = 'paused' THEN 'the campaign was paused'
                WHEN l.last_attempt_at >= b.due_at THEN 'the customer was not reached in time'
                WHEN l.reserved_for_id IS NOT NULL THEN 'whoever promised it was not free in time'
                ELSE 'nobody was free in time' END AS reason
            FROM campaigns_callback b JOIN campaigns_lead l ON l.id = b.lead_id JOIN campaigns_campaign c ON c.id = l.campaign_id
            WHERE b.state = 'open' AND l.state = 'waiting' AND b.due_at <= %(now)s - make_interval(hours => c.callback_expires)
              AND (l.next_call_at <= %(now)s OR l.last_attempt_at >= b.due_at)
            ORDER BY b.due_at, b.id LIMIT %(at_once)s FOR UPDATE OF b, l SKIP LOCKED
            """,
            {"now": now, "at_once": EXPIRE_AT_ONCE},
        )
        if not rows:
            return
        sql.changed(
            """
            UPDATE campaigns_callback b SET state = 'expired', reason = e.reason, closed_at = %(now)s
            FROM json_to_recordset(%(ended)s::json) AS e(id bigint, reason text) WHERE b.id = e.id AND b.state = 'open'
            """,
            {"now": now, "ended": sql.records({"id": row.id, "reason": row.reason} for row in rows)},
        )
        conclude.without_callbacks([row.lead_id for row in rows], now=now)
        for campaign_id in {row.campaign_id for row in rows}:
            sql.after_commit(live.forget_floors, campaign_id)
    # desks are locked before leads, as everywhere: so not in the same transaction
    with transaction.atomic():
        desk.has_news(sorted({row.agent_id for row in rows if row.agent_id is not None}), now=now)


def problem(work: sql.Row, *, now: datetime) -> str | None:
    """Why a record cannot be marked Done as its callback stands; None where it can. work: with callback_due, opened_at and draft."""
    window = (sql.loaded(work.draft) or {}).get("callback")
    if window and window["problem"]:
        return heard(window["problem"])
    if window and work.callback_due is not None and work.opened_at < work.callback_due <= now:
        return say("The time of the callback has passed: choose a later one, or cancel the callback.")
    return None
