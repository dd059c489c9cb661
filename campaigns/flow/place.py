"""The last look, then the carrier.

A planned call is sent only if its campaign still runs under the same epoch, its permit holds until it must have been sent, by a clock read there
and then, its number is on no list by now, its trunk is still in use and its caller ID still verified, and somebody listens to its node. Nothing
is sent twice: the one process that moved the row from PLANNED to DIALING sends it.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from agents import desk
from agents.desk import Change
from agents.rules.lifecycle import Phase, PhaseMove
from campaigns import facts, querysets
from campaigns.facts import Setting
from campaigns.flow import conclude, left_behind, match, next_for, permit, said_of_a_call
from campaigns.flow.permit import Cleared, NotDialed, Promise
from campaigns.rules.lifecycle import STATE_WORDS, CampaignState
from campaigns.rules.modes import FirstLeg, OnAgentMissed, OnDialRefused
from campaigns.rules.number_checks import told
from dialer_project.lib import clock, sql, wake
from dialer_project.lib.failpoints import Failpoint, reached
from dialer_project.lib.sentence import say, together
from telephony import calls, commands, limits
from telephony.calls import SENT_WITHIN, Moved, Plan
from telephony.rules.hangup_causes import Cause
from telephony.rules.lifecycle import CallState, Party

# ringing, and then some, before the carrier is asked what became of a call
MARGIN = timedelta(seconds=15)
# a question about a number under way, and then some, before the agent is told that nobody could say
CHECK_MARGIN = timedelta(seconds=2)
# a record that came back too often, or twice from the same agent, is left alone for this long
REST_FROM_IT = timedelta(minutes=10)
# a callback of one's own that one did not take, and stays Ready, comes again after
OWN_AGAIN = timedelta(minutes=2)

_STILL = """
    EXISTS (
        SELECT 1 FROM campaigns_attempt a
        JOIN campaigns_campaign k ON k.id = a.campaign_id
        JOIN campaigns_permit p ON p.attempt_id = a.id
        JOIN campaigns_phonenumber n ON n.id = a.phone_id
        WHERE a.id = c.id AND a.state = 'open' AND k.state = 'running' AND k.epoch = a.epoch AND %(sent_by)s <= p.valid_until AND n.active
          AND NOT EXISTS (SELECT 1 FROM campaigns_donotcall d
                          WHERE d.number_key = n.number_key AND (d.campaign_id IS NULL OR d.campaign_id = a.campaign_id)
                            AND (d.expires_at IS NULL OR d.expires_at > %(now)s))
    )
"""


# work that was closed meanwhile needs no phone
_STILL_WANTED = """
    EXISTS (SELECT 1 FROM agents_interaction i WHERE i.agent_call_id = c.id AND i.phase <> 'closed')
    OR EXISTS (SELECT 1 FROM agents_session s WHERE s.leg = c.id)
"""


def dial_planned(campaign: Setting, ids: Sequence[UUID], *, now: datetime) -> None:
    """Sends what `permit.promise` has written down; whatever is not sent is concluded here."""
    if not ids:
        return
    reached(Failpoint.PLANNED)
    now = clock.later(now)  # the permit was granted at an earlier one, and we may have been held up since
    with transaction.atomic():
        sending = calls.dialing(ids, now=now, still=_STILL, params={"sent_by": now + SENT_WITHIN})
        _count([one.id for one in sending], now=now)
    if unsent := set(ids) - {one.id for one in sending}:
        conclude.never_sent(list(unsent), now=now)
    reached(Failpoint.LOOKED)
    results = commands.place([replace(one, message=campaign.message, max_length=campaign.longest_call) for one in sending])
    reached(Failpoint.SENT)
    conclude.placed(results, now=now)


def _count(ids: Sequence[UUID], *, now: datetime) -> None:
    """Caps count from here: the attempt is dialed, the lead has one more. A lead has one open attempt at most, so one more is exact."""
    if ids:
        sql.changed(
            """
            WITH dialed AS (
                UPDATE campaigns_attempt SET dialed_at = %(now)s WHERE id = ANY(%(ids)s) RETURNING lead_id
            )
            UPDATE campaigns_lead l SET attempts_made = l.attempts_made + 1, last_attempt_at = %(now)s FROM dialed d WHERE l.id = d.lead_id
            """,
            {"now": now, "ids": list(ids)},
        )


def dial_agents(planned: Sequence[tuple[UUID, int]], *, now: datetime) -> list[Moved]:
    """(call, longest ring in seconds) of agents' own legs, planned before; returns those that ended at once."""
    ids = [call_id for call_id, _ in planned]
    now = clock.later(now)
    with transaction.atomic():
        sending = calls.dialing(ids, now=now, still=_STILL_WANTED)
        unsent = list(set(ids) - {one.id for one in sending})
        ended = calls.ended(dict.fromkeys(unsent, Cause.CANCELLED), now=now, only=(CallState.PLANNED,))
        by_itself = _answer_by_themselves([one.address for one in sending])
    return ended + conclude.placed(commands.place([replace(one, auto_answer=one.address in by_itself) for one in sending]), now=now)


def _answer_by_themselves(endpoints: Sequence[str]) -> set[str]:
    """The phones among these that are to pick up without being asked."""
    if not endpoints:
        return set()
    return {row.endpoint for row in sql.rows("SELECT endpoint FROM agents_station WHERE auto_answer AND endpoint = ANY(%s)", [list(endpoints)])}


def dial_interaction(interaction_id: UUID, *, now: datetime) -> list[Moved]:
    """Does what an interaction's `dial_due` orders: its customer, or its agent's own phone. Idempotent: the order is taken by one.

    Returns agents' legs that ended at once, for `phone`.
    """
    now = clock.later(now)  # one of many orders of a sweep
    with transaction.atomic():
        taken = sql.rows(
            """
            UPDATE agents_interaction SET dial_due = NULL WHERE id = %s AND dial_due IS NOT NULL AND phase IN ('dialing', 'ringing_agent')
            RETURNING id, agent_id, phase, campaign_id, lead_id, phone_id, agent_call_id, deadline, caller_id, card, outcome
            """,
            [interaction_id],
        )
        if not taken:
            return []
        work = taken[0]
        campaign = permit.take_campaign(work.campaign_id, now=now)
        leg = attempt = None
        if campaign is None:
            next_for.settle(desk.move(PhaseMove.CLOSE, [Change(id=work.id, closed_because="campaign_gone")], now=now), now=now)
            return []
        if work.phase == Phase.RINGING_AGENT:
            leg = _plan_agent_leg(campaign, work, now=now)
        elif limits.take(campaign.trunk_id, 1) < 1:
            # the trunk is full: the order stands, and the sweep takes it up again in a second, until the agent has waited for long enough
            if work.deadline is None or now < work.deadline:
                desk.amend([Change(id=work.id, dial_due=now)], now=now)
            elif campaign.mode.on_dial_refused is OnDialRefused.STAY:
                stays(campaign, work.id, say("All lines are busy at the moment: call again in a moment."), now=now)
            else:
                give_up(campaign, work.lead_id, misses=0, agent_id=None, now=now)
                _closed(work.id, now=now)
            return []
        else:
            attempt = _promise_for(campaign, work, now=now)
            if attempt is not None and campaign.mode.first_leg is FirstLeg.CUSTOMER and work.agent_call_id is None:
                leg = _plan_agent_leg(campaign, work, now=now)  # both phones ring together
    if attempt is not None:
        dial_planned(campaign, [attempt], now=now)
    return dial_agents([(leg, campaign.ring_agent_for)], now=now) if leg else []


def _plan_agent_leg(campaign: Setting, work: sql.Row, *, now: datetime) -> UUID | None:
    """The agent's own phone, where it is called for each call; a nailed-up one rings on the screen alone."""
    seat = sql.rows(
        """
        SELECT s.node_id, s.nailed_up, st.endpoint FROM agents_session s JOIN agents_station st ON st.id = s.station_id WHERE s.agent_id = %s
        """,
        [work.agent_id],
    )
    if not seat or seat[0].nailed_up or seat[0].node_id is None:
        return None
    leg = permit.new_id()
    plan_agent_legs([(leg, seat[0].node_id, seat[0].endpoint)], campaign, now=now)
    desk.amend([Change(id=work.id, agent_call_id=leg)], now=now, only=(Phase.RINGING_AGENT, Phase.DIALING))
    return leg


def plan_agent_legs(legs: Sequence[tuple[UUID, int, str]], campaign: Setting, *, now: datetime) -> None:
    """(call, node, endpoint) of agents' phones to be called for this campaign."""
    calls.plan(
        [
            Plan(id=leg, party=Party.AGENT, node_id=node_id, address=endpoint, ring_for=campaign.ring_agent_for, caller_id=campaign.caller_id)
            for leg, node_id, endpoint in legs
        ],
        now=now,
    )


def _promise_for(campaign: Setting, work: sql.Row, *, now: datetime) -> UUID | None:
    """The customer of one interaction; a refusal moves the lead and, as the mode says, the interaction."""
    leads = querysets.owned([work.lead_id])
    seat = sql.rows(
        f"""
        SELECT s.node_id, CASE WHEN s.nailed_up THEN s.leg_state = 'up'
            ELSE %(leg)s::uuid IS NULL OR EXISTS (SELECT 1 FROM telephony_call g WHERE g.id = %(leg)s::uuid AND {match.PICKED_UP}) END AS there
        FROM agents_session s WHERE s.agent_id = %(agent)s AND s.node_id IS NOT NULL
        """,
        {"agent": work.agent_id, "leg": work.agent_call_id},
    )
    staying = campaign.mode.on_dial_refused is OnDialRefused.STAY
    sentence: str = ""
    another = None
    if not leads:
        sentence = say("This record is being dealt with elsewhere.")
    elif not seat or not seat[0].there:
        sentence = say("Your phone is not connected at the moment: it is being called again.")
    elif campaign.state is not CampaignState.RUNNING:
        sentence = not_running(campaign)
    else:
        if work.caller_id:
            campaign = _showing(campaign, work.caller_id)
        chosen = {work.lead_id: work.phone_id} if work.phone_id else {}
        why: dict[int, NotDialed] = {}
        cleared, steps = permit.consider(campaign, permit.candidates(leads, phones=chosen), now=now, in_hand=True, why=why)
        if cleared and work.phone_id and staying and cleared[0].phone.id != work.phone_id:
            sentence = together([say("This number is out of service."), permit.NEXT_NUMBER])
            another = cleared[0].phone.id
        elif cleared:
            return _promise_one(campaign, cleared[0], work, seat[0].node_id, now=now)
        else:
            refused = why.get(work.lead_id, NotDialed(""))
            if staying and refused.waits_for_verdict:
                _waits_for_verdict(campaign, work, now=now)
                return None
            sentence, another = refused.sentence, refused.other
            # a record that stays with its agent is moved when they are done with it
            if steps and not staying:
                querysets.step(steps, now=now)
                leads = []
    if staying:
        stays(campaign, work.id, sentence, phone=_card_of(work, another) if another else None, now=now)
        return None
    if leads:
        give_up(campaign, leads[0].id, misses=leads[0].misses, agent_id=None, now=now)
    _closed(work.id, now=now)
    return None


def not_running(campaign: Setting) -> str:
    return say("{campaign} is {state}: nothing is dialed.", campaign=campaign.name, state=STATE_WORDS[campaign.state])


def caller_ids(campaign_id: int) -> dict[int, str]:
    """What an agent may have shown to a customer, by id: the campaign's own number and its others, those that are verified."""
    rows = sql.rows(
        """
        SELECT n.id, n.e164 FROM telephony_callerid n WHERE n.verified AND (
            EXISTS (SELECT 1 FROM campaigns_campaign c WHERE c.id = %(campaign)s AND c.caller_id_id = n.id)
            OR EXISTS (SELECT 1 FROM campaigns_campaign_other_caller_ids o WHERE o.campaign_id = %(campaign)s AND o.callerid_id = n.id))
        """,
        {"campaign": campaign_id},
    )
    return {row.id: row.e164 for row in rows}


def _showing(campaign: Setting, chosen: str) -> Setting:
    """With the caller ID the agent chose, about which the gate is asked as about the campaign's own: it may have been taken away meanwhile."""
    shown = chosen in caller_ids(campaign.id).values()
    return replace(campaign, caller_id=chosen, terms=replace(campaign.terms, caller_id_ok=shown, has_caller_id=shown))


def _waits_for_verdict(campaign: Setting, work: sql.Row, *, now: datetime) -> None:
    """The service is being asked; `verdicts` takes the order up again."""
    patience = campaign.terms.service.answers_within + CHECK_MARGIN if campaign.terms.service else CHECK_MARGIN
    desk.move(PhaseMove.CHECK, [Change(id=work.id, deadline=now + patience)], now=now)


def waits_no_longer(campaign: Setting, work: sql.Row, *, now: datetime) -> None:
    """The order is taken back while the number is being checked: the verdict dials nobody. work: with id and agent_call_id."""
    moved = desk.move(
        PhaseMove.PREVIEW, [Change(id=work.id, deadline=campaign.looked_at_until(now=now), progress="")], now=now, only=(Phase.CHECKING,)
    )
    if moved and work.agent_call_id:
        release_agent_legs([work.agent_call_id])


def verdicts(*, now: datetime) -> None:
    """Records that wait for a verdict on their number: dialed, or refused, once it is there; else, after some seconds, with the message."""
    with transaction.atomic():
        for work in sql.rows(
            """
            SELECT i.id, i.campaign_id, i.lead_id, i.phone_id, i.card, v.id IS NOT NULL AS checked
            FROM agents_interaction i JOIN campaigns_campaign c ON c.id = i.campaign_id JOIN campaigns_phonenumber p ON p.id = i.phone_id
            LEFT JOIN campaigns_numbercheck v ON v.service_id = c.validation_service_id AND v.number_key = p.number_key AND v.valid_until > %(now)s
            WHERE i.phase = 'checking' AND (v.id IS NOT NULL OR i.deadline <= %(now)s OR c.validation_service_id IS NULL)
            ORDER BY i.id LIMIT 100 FOR UPDATE OF i SKIP LOCKED
            """,
            {"now": now},
        ):
            campaign = setting(work.campaign_id)
            if campaign is None or work.checked or campaign.terms.service is None:
                ring_for = campaign.ring_for if campaign else 0
                deadline = now + timedelta(seconds=ring_for) + MARGIN
                desk.move(PhaseMove.DIAL, [Change(id=work.id, dial_due=now, deadline=deadline, progress="dialing")], now=now)
                wake.dial(work.id)
            else:
                _unvalidated(campaign, work, now=now)


def _unvalidated(campaign: Setting, work: sql.Row, *, now: datetime) -> None:
    other = None
    for candidate in permit.candidates(querysets.owned([work.lead_id]), phones={work.lead_id: work.phone_id}):
        known = facts.read([candidate.asked], terms=campaign.terms, now=now, in_hand=True)[work.lead_id]
        other = permit.next_in_order(candidate, known.alternatives, terms=campaign.terms, now=now)
    stays(campaign, work.id, told(None, another=other is not None), phone=_card_of(work, other) if other else None, now=now)


def _card_of(work: sql.Row, phone_id: int) -> tuple[int, dict[str, object]]:
    """Another number of the record, and the card that shows it."""
    row = sql.rows("SELECT e164, kind FROM campaigns_phonenumber WHERE id = %s", [phone_id])[0]
    return phone_id, {**sql.loaded(work.card), "number": row.e164, "kind": row.kind}


def stays(campaign: Setting, interaction_id: UUID, sentence: str, *, phone: tuple[int, dict[str, object]] | None = None, now: datetime) -> None:
    """The record stays on its agent's screen with the reason; a phone that was called for it is let go."""
    moved = desk.move(
        PhaseMove.PREVIEW,
        [
            Change(
                id=interaction_id,
                deadline=campaign.looked_at_until(now=now),
                progress="refused",
                notice=sentence,
                phone_id=phone[0] if phone else None,
                card=phone[1] if phone else None,
            )
        ],
        now=now,
    )
    release_agent_legs([m.work.agent_call_id for m in moved if m.work and m.work.agent_call_id])


def _promise_one(campaign: Setting, cleared: Cleared, work: sql.Row, node_id: int, *, now: datetime) -> UUID:
    attempt = permit.new_id()
    permit.promise(campaign, [Promise(cleared, work.agent_id, node_id, work.id, attempt)], now=now)
    change = Change(
        id=work.id,
        call_id=attempt,
        phone_id=cleared.phone.id,
        progress="dialing",
        outcome="",
        draft=said_of_a_call.ANEW if work.outcome else None,
        deadline=now + timedelta(seconds=campaign.ring_for) + MARGIN,
    )
    if work.outcome and (before := said_of_a_call.of_the_call_before(work.id)):
        said_of_a_call.write(before, next_number=cleared.phone.id)
    if work.phase == Phase.DIALING:
        desk.amend([change], now=now, only=(Phase.DIALING,))
    else:
        desk.move(PhaseMove.DIAL, [change], now=now)
    return attempt


def give_up(
    campaign: Setting, lead_id: int, *, misses: int, agent_id: int | None, how: OnAgentMissed | None = None, stays_ready: bool = False, now: datetime
) -> None:
    """A record that was with an agent and was not dialed goes back, as the mode says. An own callback does not come back at once to an
    owner who `stays_ready`."""
    how = how or campaign.mode.on_agent_missed
    conclude.returned(
        [lead_id],
        agent_id=agent_id,
        to_top=how in (OnAgentMissed.NOT_READY_LEAD_TO_TOP, OnAgentMissed.READY_LEAD_TO_TOP),
        after=REST_FROM_IT,
        demote_after=campaign.max_misses,
        misses={lead_id: misses},
        campaign_id=campaign.id,
        own_at=now + OWN_AGAIN if stays_ready else None,
        now=now,
    )


def rests(lead_ids: Sequence[int], *, agent_id: int | None, campaign_id: int, now: datetime) -> None:
    """Back to the list, later, and rather to somebody else."""
    conclude.returned(lead_ids, agent_id=agent_id, to_top=False, after=REST_FROM_IT, demote_after=1, misses={}, campaign_id=campaign_id, now=now)


def put_back(campaign: Setting, lead_id: int, *, after: timedelta, now: datetime) -> None:
    """A record that was withdrawn, through nobody's fault: to the top again in a moment."""
    conclude.returned([lead_id], agent_id=None, to_top=True, after=after, at=now + after, demote_after=2, misses={}, campaign_id=campaign.id, now=now)


def _closed(interaction_id: UUID, *, now: datetime) -> None:
    moved = left_behind.kept(
        desk.move(PhaseMove.CLOSE, [Change(id=interaction_id, closed_because="dial_refused", progress="refused")], now=now), now=now
    )
    release_agent_legs([m.work.agent_call_id for m in moved if m.work and m.work.agent_call_id])
    next_for.settle(moved, now=now)


def release_agent_legs(legs: Sequence[UUID]) -> None:
    """After the commit: agents' phones that were called for work that is over."""
    if legs:
        sql.after_commit(commands.hang_up_by_id, legs)


def hang_up_customers(call_ids: Sequence[UUID]) -> None:
    """After the commit. The end comes as an event."""
    sql.after_commit(commands.hang_up_by_id, call_ids)


def setting(campaign_id: int) -> Setting | None:
    return facts.settings_of([campaign_id]).get(campaign_id)
