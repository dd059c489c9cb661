"""Who is in a conversation beside its agent and its customer: somebody outside, on a call of ours, or another agent, at their own desk.

What becomes of them is decided on the ThirdParty's row by compare-and-set; the carrier is told after the commit, and `put_right` tells it
again where what it holds is not what the rows say. Another agent is there with a piece of work of their own, whose id the row has: it owns
nothing until the customer is given to them.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction

from agents import desk
from agents.desk import DONE, NOT_YOURS, Answer, Change
from agents.rules.lifecycle import Phase, PhaseMove
from campaigns.facts import Setting
from campaigns.flow import conclude, match, next_for, place
from campaigns.models import ThirdParty
from campaigns.rules.lifecycle import THIRD, ThirdMove, ThirdState
from dialer_project.lib import sql
from dialer_project.lib.lifecycle import after, states_before
from dialer_project.lib.sentence import Sentence, say
from telephony import calls, commands, media
from telephony.calls import Moved
from telephony.rules.hangup_causes import Cause
from telephony.rules.lifecycle import CallMove, CallState, Party

How = ThirdParty.How

# the origin of the work of an agent who was asked into somebody else's conversation
ASKED = "transfer"


def _why_not(who: str, cause: Cause | None) -> Sentence:
    match cause:
        case Cause.BUSY:
            return say("{name} is busy.", name=who)
        case Cause.NO_ANSWER:
            return say("{name} does not answer.", name=who)
        case Cause.REJECTED:
            return say("{name} has rejected the call.", name=who)
        case Cause.CANCELLED:
            return say("{name} was not called.", name=who)
        case _:
            return say("{name} cannot be reached.", name=who)


_OPEN = """
    SELECT t.id, t.call_id, t.interaction_id, t.campaign_id, t.how, t.state, t.name, t.e164, t.to_agent_id, c.node_id, c.state AS customer,
        i.id AS work_id, i.agent_id, i.phase, i.muted, i.agent_call_id, s.nailed_up, CASE WHEN s.nailed_up THEN s.leg ELSE i.agent_call_id END AS leg,
        CASE WHEN t.to_agent_id IS NULL THEN t.id WHEN o.nailed_up THEN o.leg ELSE g.agent_call_id END AS their_leg, coalesce(n.media, '') AS message
    FROM campaigns_thirdparty t JOIN telephony_call c ON c.id = t.call_id
    JOIN campaigns_campaign k ON k.id = t.campaign_id
    LEFT JOIN telephony_announcement n ON n.id = k.message_id
    LEFT JOIN agents_interaction i ON i.id = t.interaction_id AND i.phase = 'connected'
    LEFT JOIN agents_session s ON s.agent_id = i.agent_id
    LEFT JOIN agents_interaction g ON g.id = t.id AND t.to_agent_id IS NOT NULL
    LEFT JOIN agents_session o ON o.agent_id = t.to_agent_id
"""


def there(where: str, params: Sequence[object]) -> list[sql.Row]:
    """Third parties who are there or on their way, in the order in which they were asked; `where` is over t."""
    return sql.rows(f"{_OPEN} WHERE t.state <> 'ended' AND {where} ORDER BY t.asked_at, t.id", params)


# --- they are there ---------------------------------------------------------------------------------------------------------------


def happened(moved: Mapping[CallMove, Sequence[Moved]], *, now: datetime) -> None:
    """What their calls have come to."""
    if answered := [call.id for call in moved.get(CallMove.ANSWERED, ()) if call.party is Party.THIRD]:
        _answered(answered, now=now)
    over = moved.get(CallMove.ENDED, ())
    ended(over, now=now)
    conclude.others_go([call.id for call in over if call.party is Party.CALLER and call.connected_at is not None], now=now)


def accept(interaction_id: UUID, agent_id: int, *, now: datetime) -> Answer:
    """An agent who was asked into a conversation comes, at a phone that is connected already."""
    with transaction.atomic():
        sql.rows(
            "SELECT c.id FROM telephony_call c JOIN campaigns_thirdparty t ON t.call_id = c.id WHERE t.id = %s AND t.to_agent_id = %s FOR UPDATE OF c",
            [interaction_id, agent_id],
        )
        return DONE if picked_up([interaction_id], now=now) else NOT_YOURS


def picked_up(work_ids: Sequence[UUID], *, now: datetime) -> bool:
    """Agents who were asked are at their phones. False where none of them is wanted any more."""
    return bool(work_ids) and _answered(work_ids, now=now)


def _answered(ids: Sequence[UUID], *, now: datetime) -> bool:
    rows = {row.id: row for row in there("t.id = ANY(%s) AND t.state = 'calling'", [list(ids)])}
    came = {third for third, row in rows.items() if row.customer == CallState.CONNECTED and _comes(row, now=now)}
    agents = [third for third in ids if third not in came and third in rows and rows[third].to_agent_id is not None]
    if unwanted := [third for third in ids if third not in came and third not in agents]:
        sql.after_commit(commands.hang_up_by_id, unwanted)
    if agents:
        leave(agents, now=now)
    return bool(came)


def _comes(row: sql.Row, *, now: datetime) -> bool:
    match row.how:
        case How.BLIND if row.to_agent_id is not None:
            if not _at_the_phone(row, now=now) or not moved(ThirdMove.HAND, [row.id], now=now):
                return False
            takes_over(row, now=now)
            music(row, on=False)
        case How.BLIND if moved(ThirdMove.HAND, [row.id], now=now):
            together(row.node_id, row.interaction_id, [row.id])
            music(row, on=False)
        case How.CONSULT if row.work_id is not None and _at_the_phone(row, now=now) and moved(ThirdMove.CONSULT, [row.id], now=now):
            together(row.node_id, row.id, [row.leg, row.their_leg])
            show(row.work_id, now=now)
        case How.CONFERENCE if row.work_id is not None and _at_the_phone(row, now=now) and moved(ThirdMove.JOIN, [row.id], now=now):
            together(row.node_id, row.interaction_id, [row.their_leg])
            show(row.work_id, now=now)
        case _:
            return False
    return True


def _at_the_phone(row: sql.Row, *, now: datetime) -> bool:
    """Somebody outside is, since they have answered; an agent's work says so."""
    if row.to_agent_id is None:
        return True
    until = now + _terms(row.campaign_id).longest_call
    change = Change(id=row.id, progress="asked", talked=True, deadline=until)
    return bool(desk.move(PhaseMove.COME_IN, [change], now=now))


def _terms(campaign_id: int) -> Setting:
    campaign = place.setting(campaign_id)
    assert campaign is not None, "a third party's campaign cannot be deleted"
    return campaign


def takes_over(row: sql.Row, *, now: datetime) -> None:
    """This agent has the customer and the record now, in a conversation of their own, with whoever else was in the old one."""
    if not calls.hand_on(row.call_id, row.id):
        return  # the customer has just gone, and with them goes everybody
    moved(ThirdMove.END, [row.id], now=now)
    (terms,) = sql.rows("SELECT recording, recording_days, '' AS notice FROM campaigns_campaign WHERE id = %s", [row.campaign_id])
    desk.hand_on(row.interaction_id, row.id)
    said = {w.id: w.recording for w in sql.rows("SELECT id, recording FROM agents_interaction WHERE id IN (%s, %s)", [row.interaction_id, row.id])}
    # what must not be recorded may go on being said: it is begun by whoever has the customer now
    paused = "paused" in said.values()
    shown = "offered" if terms.recording == "on_demand" else "paused" if paused else None
    desk.amend([Change(id=row.id, call_id=row.call_id, progress="connected", recording=shown)], now=now, only=(Phase.CONNECTED,))
    sql.changed(
        "UPDATE campaigns_inboundcall SET agent_id = %s, interaction_id = %s WHERE call_id = %s AND state = 'given'",
        [row.to_agent_id, row.id, row.call_id],
    )
    sql.changed("UPDATE campaigns_thirdparty SET interaction_id = %s WHERE interaction_id = %s AND state <> 'ended'", [row.id, row.interaction_id])
    others = there("t.interaction_id = %s AND t.state <> 'calling'", [row.id])
    moved(ThirdMove.JOIN, [other.id for other in others], now=now, only=(ThirdState.CONSULTED,))
    together(row.node_id, row.id, [row.call_id, row.their_leg, *(other.their_leg for other in others)])
    show(row.id, now=now)
    if terms.recording == "all" and not paused:
        media.record([match.recorded(terms, call_id=row.call_id, node_id=row.node_id, bridge=row.id)], now=now)


# --- they are not ------------------------------------------------------------------------------------------------------------------


def ended(moved_calls: Sequence[Moved], *, now: datetime) -> None:
    """Their calls are over. The agent goes back to the customer; a customer who would be left alone hears the message, or, after they have
    talked, the end."""
    if causes := {call.id: call.cause for call in moved_calls if call.party is Party.THIRD}:
        with transaction.atomic():
            _gone(causes, now=now)


def _gone(causes: Mapping[UUID, Cause | None], *, now: datetime) -> None:
    for row in there("t.id = ANY(%s)", [list(causes)]):
        cause = causes[row.id]
        if not moved(ThirdMove.END, [row.id], now=now, cause=cause):
            continue
        if row.work_id is not None:
            notice = _why_not(row.name or row.e164, cause) if row.state == ThirdState.CALLING else None
            back_to_the_customer(row, now=now, notice=notice)
        elif not there("t.call_id = %s", [row.call_id]):
            _left_alone(row, now=now)


def not_taken(interaction_id: UUID, *, not_ready: bool, rejected: bool, now: datetime) -> None:
    """An agent who was asked does not come: they said no, or did not answer."""
    closed = desk.move(
        PhaseMove.CLOSE,
        [Change(id=interaction_id, closed_because="missed", not_ready="no_answer" if not_ready else None, keeps_place=rejected)],
        now=now,
        only=(Phase.RINGING_AGENT,),
    )
    if closed:
        place.release_agent_legs([m.work.agent_call_id for m in closed if m.work and m.work.agent_call_id])
        _gone({interaction_id: Cause.REJECTED if rejected else Cause.NO_ANSWER}, now=now)
        next_for.settle(closed, now=now)


def leave(work_ids: Sequence[UUID], *, now: datetime) -> bool:
    """Agents who were asked into a conversation go out of it, and are free. False where they had left."""
    freed = conclude.guests_go(work_ids, now=now)
    _gone(dict.fromkeys(work_ids, Cause.NORMAL), now=now)
    next_for.settle(freed, now=now)
    return bool(freed)


def _left_alone(row: sql.Row, *, now: datetime) -> None:
    if row.state == ThirdState.CALLING and calls.announce_in_conversation([row.call_id], now=now):
        sql.after_commit(commands.play_message, row.node_id, [row.call_id], row.message)
    else:
        sql.after_commit(commands.hang_up, [(row.node_id, row.call_id)])


def left_behind(*, now: datetime) -> None:
    """Agents who were asked and whose work is closed, or the other way round, should whoever ended the one have died before the other."""
    rows = sql.rows(
        """
        SELECT t.id FROM campaigns_thirdparty t JOIN agents_interaction i ON i.id = t.id
        WHERE t.state <> 'ended' AND t.to_agent_id IS NOT NULL AND i.phase = 'closed'
        UNION ALL
        SELECT i.id FROM agents_interaction i JOIN campaigns_thirdparty t ON t.id = i.id
        WHERE i.phase IN ('ringing_agent', 'connected') AND i.origin = %s AND i.call_id IS NULL AND t.state = 'ended'
        """,
        [ASKED],
    )
    if rows:
        with transaction.atomic():
            leave([row.id for row in rows], now=now)


def put_right(bridges: Mapping[UUID, frozenset[UUID]], *, node_id: int) -> None:
    """Where the carrier has somebody elsewhere than the rows say, since a command or its process was lost: told again."""
    where = {call_id: bridge for bridge, inside in bridges.items() for call_id in inside}
    for row in there("t.state <> 'calling' AND c.node_id = %s AND c.state = 'connected'", [node_id]):
        aside = row.state == ThirdState.CONSULTED
        meant = row.id if aside else row.interaction_id
        legs = [row.their_leg, *([row.leg] if row.leg is not None and row.work_id is not None else [])]
        if any(leg in where or leg == row.their_leg for leg in legs if leg is not None and where.get(leg) != meant):
            commands.connect(node_id, bridge=meant, legs=[leg for leg in legs if leg is not None])
            if not aside:
                commands.resume(node_id, row.call_id)


# --- small steps ------------------------------------------------------------------------------------------------------------------


# begun minutes from the answer on, as an attempt's
_COST = """
    price * coalesce((SELECT greatest(1, ceil(extract(epoch FROM coalesce(c.ended_at, %(now)s) - c.answered_at) / 60))
                      FROM telephony_call c WHERE c.id = campaigns_thirdparty.id AND c.answered_at IS NOT NULL), 0)
"""


def moved(
    event: ThirdMove, ids: Sequence[UUID], *, now: datetime, cause: Cause | None = None, only: Sequence[ThirdState] | None = None
) -> list[UUID]:
    """Those that were still in a state from which this is legal."""
    if not ids:
        return []
    before = [state for state in states_before(THIRD, event) if only is None or state in only]
    stamp = {ThirdMove.HAND: ", handed_at = %(now)s", ThirdMove.END: f", ended_at = %(now)s, cause = %(cause)s, cost = {_COST}"}.get(event, "")
    found = sql.rows(
        f"UPDATE campaigns_thirdparty SET state = %(to)s{stamp} WHERE id = ANY(%(ids)s) AND state = ANY(%(before)s) RETURNING id",
        {
            "to": after(THIRD, event).value,
            "ids": list(ids),
            "before": [state.value for state in before],
            **({"now": now} if stamp else {}),
            **({"cause": cause.value if cause else Cause.NORMAL.value} if event is ThirdMove.END else {}),
        },
    )
    return [row.id for row in found]


def show(work_id: UUID, *, now: datetime, held: bool | None = None, notice: str | None = None) -> None:
    """On the agent's screen: who else is there, and what has just become of one of them."""
    others = [
        {"id": str(row.id), "name": row.name, "number": row.e164, "state": row.state, "how": row.how}
        for row in there("t.interaction_id = %s", [work_id])
    ]
    desk.amend([Change(id=work_id, others=others, held=held, notice=notice)], now=now, only=(Phase.CONNECTED,))


def music(row: sql.Row, *, on: bool) -> None:
    command: Callable[[int, UUID], bool] = commands.hold if on else commands.resume
    sql.after_commit(command, row.node_id, row.call_id)


def together(node_id: int, bridge: UUID, legs: Sequence[UUID | None]) -> None:
    """After the commit. What did not come about is put right at the next reconciliation."""
    sql.after_commit(commands.connect, node_id, bridge=bridge, legs=[leg for leg in legs if leg is not None])


def back_to_the_customer(other: sql.Row, *, now: datetime, notice: str | None = None) -> None:
    """The agent, where they were alone with this one or waited for them; the customer hears them again."""
    if other.work_id is None:
        return
    if other.state == ThirdState.CONSULTED:
        together(other.node_id, other.interaction_id, [other.leg])
    heard_music = other.state == ThirdState.CONSULTED or (other.state == ThirdState.CALLING and other.how == How.CONSULT)
    if heard_music:
        music(other, on=False)
    show(other.work_id, now=now, held=False if heard_music else None, notice=notice)
