"""The call has ended: the attempt's outcome, the lead's next step, the agent to wrap-up or on to the next.

Set-based: a batch of ended calls costs the same statements as one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from agents import desk
from agents.desk import Change
from agents.live import board
from agents.rules.lifecycle import Phase, PhaseMove
from campaigns import facts, live, querysets
from campaigns.facts import Asked, Known, Person, Setting
from campaigns.flow import call_back, left_behind, next_for, permit, said_of_a_call, zone_groups
from campaigns.flow.call_back import Wanted
from campaigns.querysets import LeadStep
from campaigns.rules import retry
from campaigns.rules.lifecycle import Boost, CallbackState, FinalReason, LeadState, WaitReason
from campaigns.rules.modes import Binding, NoCallback
from campaigns.rules.outcomes import NUMBER_IS_DEAD, DispositionClass, Outcome, outcome_of
from campaigns.rules.permit.gate import OF_THE_NUMBER, Barred, Terms, earliest
from campaigns.rules.retry import Finished, Numbers, TryAgainAt
from dialer_project.lib import sql, wake
from telephony import calls, commands
from telephony.calls import ANSWERED_WITHIN, Moved
from telephony.commands import Placing, Refused, Unclear
from telephony.rules.hangup_causes import Cause, HungUpBy
from telephony.rules.lifecycle import CallState, Party

_ATTEMPTS = """
    SELECT a.id, a.lead_id, a.campaign_id, a.contact_id, a.phone_id, a.agent_id, a.dialed_at, l.tries, l.boost, l.next_call_at, l.reserved_for_id,
        CASE WHEN i.id IS NULL AND EXISTS (SELECT 1 FROM agents_interaction o WHERE o.lead_id = a.lead_id AND o.owns_lead AND o.phase <> 'closed')
            THEN 'in_hand' ELSE l.state END AS lead_state, -- a customer handed over talks on while the lead may be on a desk again
        EXISTS (SELECT 1 FROM campaigns_thirdparty t WHERE t.call_id = a.id AND t.state <> 'ended')
            OR EXISTS (SELECT 1 FROM campaigns_supervision v WHERE v.call_id = a.id AND v.state <> 'ended') AS others,
        i.id AS work_id, i.phase, i.agent_call_id, i.disposition_id, i.muted, coalesce((i.draft ->> 'no_callback')::boolean, false) AS left_alone, s.leg AS agent_leg, a.machine,
        b.id AS callback_id, b.kind AS callback_kind, b.agent_id AS callback_agent, b.due_at AS callback_due, b.phone_id AS callback_phone, a.planned_at
    FROM campaigns_attempt a
    JOIN campaigns_lead l ON l.id = a.lead_id
    -- of two agents, one of whom has given the customer to the other, the one who has them
    LEFT JOIN LATERAL (SELECT * FROM agents_interaction o WHERE o.call_id = a.id AND o.phase <> 'closed'
                       ORDER BY o.phase = 'wrap_up', o.opened_at DESC LIMIT 1) i ON true
    LEFT JOIN agents_session s ON s.agent_id = i.agent_id
    LEFT JOIN campaigns_callback b ON b.lead_id = a.lead_id AND b.state = 'open'
    WHERE a.id = ANY(%s) AND a.state = 'open' ORDER BY a.id FOR UPDATE OF a
"""


@dataclass(frozen=True, slots=True)
class _Conclusion:
    row: sql.Row
    call: Moved
    campaign: Setting
    outcome: Outcome


def customers_ended(ended: Sequence[Moved], *, now: datetime) -> None:
    """Concludes the attempts of these customers' legs, in the transaction that ended them."""
    by_id = {m.id: m for m in ended if m.party is Party.CUSTOMER}
    if not by_id:
        return
    rows = sql.rows(_ATTEMPTS, [list(by_id)])
    if not rows:
        return
    campaigns = facts.settings_of(list({row.campaign_id for row in rows}))
    concluded = [_Conclusion(row, by_id[row.id], campaigns[row.campaign_id], _outcome(by_id[row.id], machine=row.machine)) for row in rows]
    written = sql.rows(
        """
        WITH dead AS (
            UPDATE campaigns_phonenumber SET active = false WHERE id = ANY(%(dead)s)
        ), kept AS (
            UPDATE campaigns_callback SET state = 'kept', closed_at = %(now)s WHERE id = ANY(%(kept)s) AND state = 'open' RETURNING lead_id
        ), released AS (
            UPDATE campaigns_lead l SET reserved_for_id = NULL FROM kept WHERE l.id = kept.lead_id
        )
        UPDATE campaigns_attempt a SET state = 'concluded', outcome = c.outcome, concluded_at = c.at,
            answered_at = coalesce(a.answered_at, c.answered_at), connected_at = coalesce(a.connected_at, c.connected_at),
            -- begun minutes, from the answer on
            cost = a.price * CASE WHEN coalesce(a.answered_at, c.answered_at) IS NULL THEN 0
                ELSE greatest(1, ceil(extract(epoch FROM c.at - coalesce(a.answered_at, c.answered_at)) / 60)) END
        FROM json_to_recordset(%(c)s::json) AS c(id uuid, outcome text, at timestamptz, answered_at timestamptz, connected_at timestamptz)
        WHERE a.id = c.id AND a.state = 'open'
        RETURNING a.contact_id, CASE WHEN a.phone_id = ANY(%(dead)s) THEN EXISTS (
            SELECT 1 FROM campaigns_lead o WHERE o.contact_id = a.contact_id AND o.id <> a.lead_id AND o.state <> 'final') END AS wanted_elsewhere
        """,
        {
            "now": now,
            "dead": [c.row.phone_id for c in concluded if c.outcome in NUMBER_IS_DEAD],
            # a callback is kept by the call made when it was due; one promised for later stays
            "kept": [
                c.row.callback_id
                for c in concluded
                if c.row.callback_id and c.outcome is Outcome.CONNECTED and c.row.callback_due <= c.row.planned_at
            ],
            "c": sql.records(
                {"id": c.row.id, "outcome": c.outcome.value, "at": c.call.at, "answered_at": c.call.answered_at, "connected_at": c.call.connected_at}
                for c in concluded
            ),
        },
    )
    staying = {c.row.id for c in concluded if c.row.work_id is not None and _goes_to_wrap_up(c)}
    looking = {c.row.id for c in concluded if c.row.id not in staying and _stays_on_the_screen(c)}
    # work and desks are locked before leads, as everywhere
    moved = _move_agents(concluded, staying, looking, now=now)
    querysets.tried({c.row.lead_id: c.outcome for c in concluded if c.row.id in looking})
    _move_leads([c for c in concluded if c.row.id not in staying | looking], now=now)
    # other campaigns may have meant to call them on that number too
    zone_groups.of_contacts([row.contact_id for row in written if row.wanted_elsewhere])
    _release_legs(concluded)
    others_go([c.row.id for c in concluded if c.row.others], now=now)
    next_for.settle(moved, now=now)
    for c in concluded:
        if c.outcome is Outcome.ABANDONED and c.campaign.call_back_in is not None:
            call_back.call_back(Wanted(c.campaign.call_back_in, c.call.address, now), now=now)
    # a call that nobody was bound to made room for another one
    for pool in {c.campaign.pool for c in concluded if c.row.work_id is None and c.campaign.mode.binding is Binding.ON_ANSWER}:
        wake.dispatch(pool)
    if waited := [c for c in concluded if c.call.answered_at and not c.call.connected_at]:
        lines = {f"{c.campaign.line}@{c.call.node_id}" for c in waited}
        sql.after_commit(board.stop_waiting, [c.row.id for c in waited], lines=lines)


def _outcome(call: Moved, *, machine: bool) -> Outcome:
    """Answered, bridged to nobody and not announced when the two seconds were over: silence, whatever had died, counts as abandoned."""
    waited_too_long = call.waits_since is not None and call.at - call.waits_since > ANSWERED_WITHIN
    return outcome_of(
        call.cause or Cause.UNKNOWN,
        answered=call.answered_at is not None,
        connected=call.connected_at is not None,
        announced=call.announcing_at is not None,
        machine=machine,
        waited_too_long=waited_too_long,
        by_us=call.hung_up_by is HungUpBy.US,
    )


def _goes_to_wrap_up(c: _Conclusion) -> bool:
    """Whether the agent has something to say about it: they talked, or it was dialed for them and the campaign wants to know of every attempt.
    Of a call that nobody had, as where agents are chosen at the answer, nobody has anything to say."""
    if c.outcome is Outcome.CONNECTED:
        return True
    if c.campaign.mode.stays:
        return False  # it is said on the record, where another number may be called as well
    return c.row.dialed_at is not None and c.row.phase in (Phase.DIALING, Phase.CONNECTING) and said_of_a_call.asks_of_the_unreached(c.campaign)


def _stays_on_the_screen(c: _Conclusion) -> bool:
    """Nobody was reached, and by its mode the record is the agent's until they say that they are done with it."""
    return c.row.work_id is not None and c.campaign.mode.stays and c.row.phase in (Phase.DIALING, Phase.CONNECTING)


def _move_leads(concluded: Sequence[_Conclusion], *, now: datetime) -> None:
    if not concluded:
        return
    steps = lead_steps(
        [
            Ended(
                lead_id=c.row.lead_id,
                campaign=c.campaign,
                contact_id=c.row.contact_id,
                outcome=c.outcome,
                phone_id=c.row.phone_id,
                tries=sql.loaded(c.row.tries),
                disposition=DispositionClass.NO_CALLBACK if c.row.left_alone else None,
                callback=Promised(c.row.callback_kind, c.row.callback_agent, c.row.callback_due, c.row.callback_phone)
                if c.row.callback_id and not c.row.left_alone
                else None,
            )
            for c in concluded
            if c.row.lead_state == LeadState.BUSY
        ],
        now=now,
    )
    querysets.step(steps, now=now)
    if unwanted := [c.row.lead_id for c in concluded if c.row.callback_id and c.row.left_alone and c.row.lead_state == LeadState.BUSY]:
        close_callbacks(unwanted, reason=LEFT_ALONE, now=now)
    promised = {c.row.lead_id for c in concluded if c.row.callback_id and not c.row.left_alone}
    if final := [s.id for s in steps if s.state == LeadState.FINAL and s.id in promised]:
        close_callbacks(final, reason="no more attempts", now=now, state=CallbackState.EXPIRED)


# "Do not call back", said before anybody was reached or instead of calling
LEFT_ALONE = "not to be called back"
# the person has said that they do not want to be called
ENDS_A_PROMISE = frozenset({DispositionClass.NOT_INTERESTED, DispositionClass.DO_NOT_CALL, DispositionClass.NO_CALLBACK})


@dataclass(frozen=True, slots=True)
class Promised:
    """A lead's open callback."""

    kind: str
    agent_id: int | None
    due_at: datetime
    phone_id: int | None = None

    @property
    def owner(self) -> int | None:
        return self.agent_id if self.kind == "personal" else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A lead's call that is over, with what is known of it by now."""

    lead_id: int
    campaign: Setting
    contact_id: int
    outcome: Outcome
    phone_id: int
    tries: Mapping[str, int]
    disposition: DispositionClass | None = None
    disposition_id: int | None = None
    callback: Promised | None = None
    is_counted: bool = False  # its last call is among `tries` already, or there was none

    @property
    def after(self) -> Mapping[str, int]:
        if self.is_counted:
            return self.tries
        return {**self.tries, self.outcome: self.tries.get(self.outcome, 0) + 1}


def lead_steps(ended: Sequence[Ended], *, now: datetime) -> list[LeadStep]:
    """Each lead's next step by the pure rules, moved to where it will be lawful: the planned next call is the one that will happen."""
    over = {one.lead_id: end for one in ended if (end := _end(one, now=now)) is not None}
    going_on = [one for one in ended if one.lead_id not in over]
    people = facts.people([one.contact_id for one in going_on]) if going_on else {}
    steps = [_final(one, over[one.lead_id].reason) for one in ended if one.lead_id in over]
    again: dict[int, list[tuple[Ended, TryAgainAt, Asked]]] = {}
    for one in going_on:
        match _next_step(one, people[one.contact_id], now=now):
            case Finished(reason):
                steps.append(_final(one, reason))
            case TryAgainAt() as step:
                asked = Asked(one.lead_id, one.campaign.id, one.contact_id, one.after, people[one.contact_id].phone(step.phone))
                again.setdefault(one.campaign.id, []).append((one, step, asked))
    for waiting in again.values():
        terms = waiting[0][0].campaign.terms
        known = facts.read([asked for _, _, asked in waiting], terms=terms, now=now)
        steps += [_lawful(one, step, asked, people[one.contact_id], known[one.lead_id], terms=terms) for one, step, asked in waiting]
    return steps


def unreached(lead_id: int, campaign: Setting, *, outcome: str, now: datetime) -> None:
    """A record whose call, counted already, reached nobody, and which was taken from its agent: on to its next step, by what they had said."""
    for row in sql.rows(
        f"""
        SELECT l.contact_id, l.tries, b.kind, b.agent_id, b.due_at, b.phone_id AS callback_phone, b.id AS callback_id,
            d.id AS chosen_id, d.kind AS chosen_kind, coalesce((i.draft ->> 'no_callback')::boolean, false) AS left_alone,
            (SELECT a.phone_id FROM campaigns_attempt a WHERE a.lead_id = l.id ORDER BY a.planned_at DESC LIMIT 1) AS phone_id
        FROM campaigns_lead l LEFT JOIN campaigns_callback b ON b.lead_id = l.id AND b.state = 'open'
        LEFT JOIN LATERAL (SELECT * FROM agents_interaction o WHERE o.lead_id = l.id AND o.owns_lead ORDER BY o.opened_at DESC LIMIT 1) i ON true
        {said_of_a_call.chosen(said_of_a_call.DRAFTED)} WHERE l.id = %s AND l.state = 'busy'
        """,
        [lead_id],
    ):
        (step,) = lead_steps(
            [
                Ended(
                    lead_id=lead_id,
                    campaign=campaign,
                    contact_id=row.contact_id,
                    outcome=Outcome(outcome),
                    phone_id=row.phone_id,
                    tries=sql.loaded(row.tries),
                    disposition=DispositionClass.NO_CALLBACK if row.left_alone else DispositionClass(row.chosen_kind) if row.chosen_kind else None,
                    disposition_id=row.chosen_id,
                    callback=Promised(row.kind, row.agent_id, row.due_at, row.callback_phone) if row.callback_id and not row.left_alone else None,
                    is_counted=True,
                )
            ],
            now=now,
        )
        querysets.step([step], now=now)
        if row.left_alone and row.callback_id:
            close_callbacks([lead_id], reason=LEFT_ALONE, now=now)
        elif step.state == LeadState.FINAL and row.callback_id:
            close_callbacks([lead_id], reason="no more attempts", now=now, state=CallbackState.EXPIRED)


def _end(one: Ended, *, now: datetime) -> Finished | None:
    """Where the record is finished by what came of it, whoever the person is and whatever numbers they have."""
    if _promised_later(one, now=now) is not None:
        return None
    if one.disposition is DispositionClass.NO_CALLBACK and one.campaign.mode.no_callback is NoCallback.FINISHED:
        return Finished(FinalReason.CALLBACK_NOT_REQUIRED)
    return retry.ends_by(one.outcome, one.disposition)


def _promised_later(one: Ended, *, now: datetime) -> Promised | None:
    """Promised while they talked: nothing else is done before."""
    return one.callback if one.callback is not None and one.callback.due_at > now and one.disposition not in ENDS_A_PROMISE else None


def _next_step(one: Ended, person: Person, *, now: datetime) -> retry.NextStep:
    """Of one that is not finished by that."""
    if (promise := _promised_later(one, now=now)) is not None:
        return TryAgainAt(promise.due_at, WaitReason.CALLBACK, promise.phone_id)
    usable = tuple(p.id for p in person.phones if p.active and not (one.outcome in NUMBER_IS_DEAD and p.id == one.phone_id))
    return retry.next_step(
        one.outcome,
        disposition=one.disposition,
        history=retry.History(one.after, retry.counted(one.after)),
        numbers=Numbers(usable, one.phone_id),
        rules=one.campaign.retries,
        max_attempts=one.campaign.max_attempts,
        no_callback_for=one.campaign.no_callback_for,
        now=now,
    )


def without_callbacks(lead_ids: Sequence[int], *, now: datetime) -> None:
    """Promises are off: each of these waiting records goes where its last call alone would have sent it."""
    rows = sql.rows(
        """
        SELECT l.id, l.campaign_id, l.contact_id, l.tries, l.last_outcome, d.kind,
            (SELECT a.phone_id FROM campaigns_attempt a WHERE a.lead_id = l.id ORDER BY a.planned_at DESC LIMIT 1) AS phone_id
        FROM campaigns_lead l LEFT JOIN campaigns_disposition d ON d.id = l.disposition_id WHERE l.id = ANY(%s)
        """,
        [list(lead_ids)],
    )
    campaigns = facts.settings_of(list({row.campaign_id for row in rows}))
    called = []
    for row in rows:
        if row.last_outcome:
            tries = sql.loaded(row.tries)
            last = Ended(
                lead_id=row.id,
                campaign=campaigns[row.campaign_id],
                contact_id=row.contact_id,
                outcome=Outcome(row.last_outcome),
                phone_id=row.phone_id,
                tries={**tries, row.last_outcome: tries.get(row.last_outcome, 1) - 1},
                disposition=DispositionClass(row.kind) if row.kind else None,
            )
            called.append(last)
    steps = [replace(step, outcome=None) for step in lead_steps(called, now=now)]  # they were counted when they ended
    steps += [LeadStep(id=row.id, state=LeadState.WAITING, reason=WaitReason.NEW, next_call_at=now) for row in rows if not row.last_outcome]
    querysets.step(steps, now=now)


def _lawful(one: Ended, step: TryAgainAt, asked: Asked, person: Person, known: Known, *, terms: Terms) -> LeadStep:
    """The step at the first instant at which hours, caps and holds will all allow it."""
    phone = asked.phone
    found = earliest(known.facts, terms=terms, at=step.at)
    if isinstance(found, datetime):
        return _wait(one, step, at=found, phone=phone.id if phone else None)
    if (isinstance(found, Barred) or found.reason in OF_THE_NUMBER) and (
        other := permit.other_number(terms, person, known.alternatives, now=step.at, or_barred=not isinstance(found, Barred))
    ):
        # that number never, another one perhaps: it is asked when its turn comes
        return _wait(one, step, at=step.at, phone=other)
    if isinstance(found, Barred):
        return _wait(one, replace(step, reason=WaitReason.RULES), at=step.at, phone=phone.id if phone else None)
    return _final(one, found.reason)


def _wait(one: Ended, step: TryAgainAt, *, at: datetime, phone: int | None) -> LeadStep:
    return LeadStep(
        id=one.lead_id,
        state=LeadState.WAITING,
        reason=WaitReason.CALLBACK if one.callback else step.reason,
        next_call_at=at,
        boost=Boost.CALLBACK_DUE if one.callback else Boost.NORMAL,
        next_phone=phone,
        reserved_for=one.callback.owner if one.callback else None,
        outcome=None if one.is_counted else one.outcome,
        disposition_id=one.disposition_id,
    )


def _final(one: Ended, reason: FinalReason) -> LeadStep:
    return LeadStep(
        id=one.lead_id, state=LeadState.FINAL, reason=reason, outcome=None if one.is_counted else one.outcome, disposition_id=one.disposition_id
    )


def close_callbacks(lead_ids: Sequence[int], *, reason: str, now: datetime, state: CallbackState = CallbackState.CANCELLED) -> None:
    sql.changed(
        "UPDATE campaigns_callback SET state = %s, reason = %s, closed_at = %s WHERE lead_id = ANY(%s) AND state = 'open'",
        [state, reason, now, list(lead_ids)],
    )


def _move_agents(concluded: Sequence[_Conclusion], staying: set[UUID], looking: set[UUID], *, now: datetime) -> list[desk.Moved]:
    """Returns those whose work is closed."""
    wrapping, closing, staying_on = [], [], []
    for c in concluded:
        if c.row.work_id is None:
            continue
        if c.row.id in staying:
            wrapping.append(
                Change(
                    id=c.row.work_id,
                    deadline=now + timedelta(seconds=c.campaign.wrap_up_for),
                    outcome=c.outcome,
                    progress="ended",
                    held=False,
                    muted=False,
                )
            )
        elif c.row.id in looking:
            until = c.campaign.looked_at_until(now=now)
            staying_on.append(Change(id=c.row.work_id, outcome=c.outcome, progress="ended", deadline=until))
        else:
            closing.append(Change(id=c.row.work_id, outcome=c.outcome, progress="ended", closed_because=c.outcome))
    desk.move(PhaseMove.WRAP_UP, wrapping, now=now)
    desk.move(PhaseMove.PREVIEW, staying_on, now=now)
    return left_behind.kept(desk.move(PhaseMove.CLOSE, closing, now=now), now=now)


def others_go(call_ids: Sequence[UUID], *, now: datetime) -> None:
    """A customer who has hung up leaves nobody behind: calls end after the commit, agents who were asked to take part are free."""
    if not call_ids:
        return
    left = sql.rows("SELECT id, to_agent_id FROM campaigns_thirdparty WHERE call_id = ANY(%s) AND state <> 'ended'", [list(call_ids)])
    sql.after_commit(commands.hang_up_by_id, [row.id for row in left if row.to_agent_id is None])
    if guests := [row.id for row in left if row.to_agent_id is not None]:
        freed = guests_go(guests, now=now)
        sql.changed(
            "UPDATE campaigns_thirdparty SET state = 'ended', ended_at = %s, cause = %s WHERE id = ANY(%s) AND state <> 'ended'",
            [now, Cause.NORMAL.value, guests],
        )
        next_for.settle(freed, now=now)
    supervisors_go(call_ids)


def guests_go(work_ids: Sequence[UUID], *, now: datetime) -> list[desk.Moved]:
    """Agents who were asked into a conversation, and have not been given its customer, are not wanted there any more; their phones leave it
    after the commit. Returns the desks that are free."""
    rows = sql.rows(
        """
        SELECT i.id, i.agent_call_id, i.muted, s.leg, c.node_id, t.state, t.interaction_id FROM agents_interaction i
        JOIN campaigns_thirdparty t ON t.id = i.id JOIN telephony_call c ON c.id = t.call_id JOIN agents_session s ON s.agent_id = i.agent_id
        WHERE i.id = ANY(%s) AND i.phase <> 'closed' AND i.call_id IS NULL ORDER BY i.id
        """,
        [list(work_ids)],
    )
    changes = [Change(id=row.id, closed_because="left", keeps_place=True) for row in rows]
    freed = [*desk.move(PhaseMove.LET_GO, changes, now=now), *desk.move(PhaseMove.CLOSE, changes, now=now, only=(Phase.RINGING_AGENT,))]
    for row in rows:
        if row.agent_call_id is not None:
            sql.after_commit(commands.hang_up, [(row.node_id, row.agent_call_id)])
        elif row.leg is not None:
            aside, together = [row.id], [row.interaction_id]
            for bridge in {"calling": [], "consulted": aside, "joined": together}.get(row.state, aside + together):
                sql.after_commit(commands.leave, row.node_id, bridge=bridge, call_id=row.leg)
            if row.muted:  # as at the end of a conversation of their own
                sql.after_commit(commands.unmute, row.node_id, row.leg)
    return freed


def supervisors_go(call_ids: Sequence[UUID]) -> None:
    """After the commit: what an agent does next is not what somebody began to listen to."""
    left = sql.rows("SELECT id FROM campaigns_supervision WHERE call_id = ANY(%s) AND state <> 'ended'", [list(call_ids)])
    if left:
        sql.after_commit(commands.hang_up_by_id, [row.id for row in left])


def _release_legs(concluded: Sequence[_Conclusion]) -> None:
    """After the commit: a leg called for this work alone is hung up; a nailed-up one leaves the conversation."""
    leaving: dict[int, list[tuple[UUID, UUID]]] = {}
    for c in concluded:
        if c.row.work_id is None:
            continue
        if c.row.agent_call_id is not None:
            sql.after_commit(commands.hang_up, [(c.call.node_id, c.row.agent_call_id)])
        elif c.call.bridge is not None and c.row.agent_leg is not None:
            leaving.setdefault(c.call.node_id, []).append((c.call.bridge, c.row.agent_leg))
            if c.row.muted:  # the leg stays for the next conversation, where nobody would know that they are not heard
                sql.after_commit(commands.unmute, c.call.node_id, c.row.agent_leg)
    for node_id, legs in leaving.items():
        sql.after_commit(commands.leave_many, node_id, legs)


def placed(results: Mapping[UUID, Placing], *, now: datetime) -> list[Moved]:
    """What the carrier said at once: refusals conclude (an unregistered phone gives no event ever), the unclear wait in quarantine.

    Returns the agents' legs that ended so: their flow is `phone`'s.
    """
    refused = {i: r.cause for i, r in results.items() if isinstance(r, Refused) and not r.already_there}
    unclear = [i for i, r in results.items() if isinstance(r, Unclear)]
    if not refused and not unclear:
        return []
    with transaction.atomic():
        calls.unresolved(unclear, now=now)
        ended = calls.ended(refused, now=now, only=(CallState.DIALING,))
        customers_ended(ended, now=now)
    return [m for m in ended if m.party is not Party.CUSTOMER]


def never_sent(call_ids: Sequence[UUID], *, now: datetime) -> None:
    """The last look said no: cancelled, and counted to no cap."""
    if call_ids:
        with transaction.atomic():
            customers_ended(calls.ended(dict.fromkeys(call_ids, Cause.CANCELLED), now=now, by=HungUpBy.US, only=(CallState.PLANNED,)), now=now)


def _left_alone(rows: Sequence[sql.Row], *, campaign_id: int, now: datetime) -> list[LeadStep]:
    """The steps of records nobody dialed, of which an agent had said "Do not call back" before they went from them."""
    if not rows:
        return []
    campaign = facts.settings_of([campaign_id])[campaign_id]
    close_callbacks([row.lead_id for row in rows], reason=LEFT_ALONE, now=now)
    return lead_steps(
        [
            Ended(
                lead_id=row.lead_id,
                campaign=campaign,
                contact_id=row.contact_id,
                outcome=Outcome.CANCELLED,
                phone_id=row.next_phone_id,
                tries=sql.loaded(row.tries),
                disposition=DispositionClass.NO_CALLBACK,
                is_counted=True,
            )
            for row in rows
        ],
        now=now,
    )


def returned(
    lead_ids: Sequence[int],
    *,
    agent_id: int | None,
    to_top: bool,
    after: timedelta,
    demote_after: int,
    misses: Mapping[int, int],
    campaign_id: int,
    now: datetime,
    at: datetime | None = None,
    own_at: datetime | None = None,
) -> None:
    """Records nobody dialed: back to the top of the list, or later; one that came back too often goes to the end. A promised callback
    stays one, its owner's and for its number, and comes no sooner than promised; who is not to be called back, as an agent has ticked, is left
    alone. `own_at`: when one comes again to an owner who has just not taken it and stays Ready."""
    known = sql.rows(
        """
        SELECT l.id AS lead_id, l.contact_id, l.tries, l.next_phone_id, b.id AS callback_id, b.kind, b.agent_id, b.due_at, b.phone_id,
            -- by whoever had it in hand until now
            coalesce((SELECT (o.draft ->> 'no_callback')::boolean FROM agents_interaction o WHERE o.lead_id = l.id AND o.owns_lead
                AND coalesce(o.closed_at, %(now)s) = %(now)s ORDER BY o.opened_at DESC LIMIT 1), false) AS left_alone
        FROM campaigns_lead l LEFT JOIN campaigns_callback b ON b.lead_id = l.id AND b.state = 'open' WHERE l.id = ANY(%(leads)s)
        """,
        {"leads": list(lead_ids), "now": now},
    )
    promises = {row.lead_id: Promised(row.kind, row.agent_id, row.due_at, row.phone_id) for row in known if row.callback_id}
    steps = _left_alone([row for row in known if row.left_alone], campaign_id=campaign_id, now=now)
    alone = {step.id for step in steps}
    for lead_id in lead_ids:
        if lead_id in alone:
            continue
        stays = to_top and misses.get(lead_id, 0) + 1 < demote_after
        promise = promises.get(lead_id)
        owner = promise.owner if promise else None
        again = own_at if own_at and owner is not None else (at or now) if stays else now + after
        steps.append(
            LeadStep(
                id=lead_id,
                state=LeadState.WAITING,
                reason=WaitReason.CALLBACK if promise else WaitReason.RETURNED,
                next_call_at=max(again, promise.due_at) if promise else again,
                boost=Boost.CALLBACK_DUE if promise else Boost.TOP_OF_LIST if stays else Boost.NORMAL,
                next_phone=promise.phone_id if promise else None,
                reserved_for=owner,
                missed_by=agent_id,
            )
        )
    querysets.step(steps, now=now)
    sql.after_commit(live.forget_floors, campaign_id)
