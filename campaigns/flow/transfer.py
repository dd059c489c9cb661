"""A third party: consulted while the customer hears music, brought in, or given the customer.

A call to them is a call of ours, with a row of its own, through the campaign's trunk; where it may go is asked first, and whether its number
was put on a do-not-call list is asked once more when it is sent. Nobody on our lists is called so: that takes a permit. Each step is decided
on the ThirdParty's row by compare-and-set, under the lock of the customer's call; the carrier is told after the commit, and `put_right`
tells it again where what it holds is not what the rows say.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from django.conf import settings
from django.db import transaction

from agents import desk
from agents.desk import DONE, NOT_YOURS, Answer, Change, Refusal
from agents.rules.lifecycle import Phase, PhaseMove
from campaigns import facts
from campaigns.facts import Setting
from campaigns.flow import conclude, permit, place, talk
from campaigns.models import Campaign, ThirdParty
from campaigns.rules import destinations
from campaigns.rules.lifecycle import THIRD, ThirdMove, ThirdState
from campaigns.rules.number_keys import number_key
from campaigns.rules.outcomes import Outcome
from campaigns.rules.permit.gate import may_join
from campaigns.rules.phone_numbers import Undialable
from campaigns.rules.places import place_of
from dialer_project.lib import sql
from dialer_project.lib.lifecycle import after, states_before
from dialer_project.lib.sentence import Sentence, say, together
from telephony import calls, limits, media
from telephony.calls import Moved, Plan
from telephony.rules.hangup_causes import Cause, HungUpBy
from telephony.rules.lifecycle import CallMove, CallState, Party

How = ThirdParty.How

AT_MOST = 4  # in one conversation, beside customer and agent
NOT_ANY_MORE = Refusal("They are not on the line any more.")
LINES_BUSY = Refusal("All lines are busy at the moment: try again in a moment.")

_STILL = """
    EXISTS (SELECT 1 FROM campaigns_thirdparty t JOIN telephony_call k ON k.id = t.call_id
            WHERE t.id = c.id AND t.state = 'calling' AND k.state = 'connected')
    AND NOT %(unwanted)s
"""


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
    SELECT t.id, t.call_id, t.interaction_id, t.how, t.state, t.name, t.e164, c.node_id, c.state AS customer, i.id AS work_id, i.agent_id,
        i.phase, i.muted, i.agent_call_id, s.nailed_up, CASE WHEN s.nailed_up THEN s.leg ELSE i.agent_call_id END AS leg,
        coalesce(n.media, '') AS message
    FROM campaigns_thirdparty t JOIN telephony_call c ON c.id = t.call_id
    JOIN campaigns_campaign k ON k.id = t.campaign_id
    LEFT JOIN telephony_announcement n ON n.id = k.message_id
    LEFT JOIN agents_interaction i ON i.id = t.interaction_id AND i.phase = 'connected'
    LEFT JOIN agents_session s ON s.agent_id = i.agent_id
"""


def _open(where: str, params: Sequence[object]) -> list[sql.Row]:
    return sql.rows(f"{_OPEN} WHERE t.state <> 'ended' AND {where} ORDER BY t.asked_at, t.id", params)


# --- what an agent asks for -------------------------------------------------------------------------------------------------------


def bring_in(interaction_id: UUID, agent_id: int, *, destination: int | None, number: str, how: str, now: datetime) -> Answer:
    """Calls somebody, from the directory or by their number: to be consulted, for a conference, or to have the customer at once."""
    with transaction.atomic():
        line = _locked_line(interaction_id, agent_id)
        if isinstance(line, Refusal):
            return line
        campaign = facts.settings_now([line.campaign_id], now=now).get(line.campaign_id)
        if campaign is None:
            return NOT_YOURS
        found = _whom(line, campaign, destination, number, now=now)
        if isinstance(found, Refusal):
            return found
        name, e164 = found
        others = _open("t.interaction_id = %s", [interaction_id])
        if any(other.state in (ThirdState.CALLING, ThirdState.CONSULTED) for other in others):
            return Refusal("Somebody is being consulted already: bring them in, hand over, or go back to the customer first.")
        if len(others) >= AT_MOST:
            return Refusal(say("There are {count} others in this conversation already: somebody must leave first.", count=len(others)))
        if limits.take(campaign.trunk_id, 1) < 1:
            return LINES_BUSY
        third = permit.new_id()
        calls.plan(
            [
                Plan(
                    id=third,
                    party=Party.THIRD,
                    node_id=line.node_id,
                    address=e164,
                    ring_for=campaign.ring_for,
                    trunk_id=campaign.trunk_id,
                    caller_id=campaign.caller_id,
                )
            ],
            now=now,
        )
        ThirdParty.objects.create(
            id=third,
            call_id=line.call_id,
            campaign_id=campaign.id,
            interaction_id=line.bridge,
            agent_id=agent_id,
            how=how,
            name=name,
            e164=e164,
            asked_at=now,
        )
        if how != How.CONFERENCE:
            _music(line, on=True)
        if how == How.BLIND:
            _agent_goes(line, campaign, now=now)
        else:
            _show(line.id, now=now, held=how == How.CONSULT or None)
    _dial(third, e164, campaign, now=now)
    return DONE


def with_other(interaction_id: UUID, agent_id: int, third: UUID, do: str, *, now: datetime) -> Answer:
    """What becomes of one of the others: `hand_over` the customer and leave, `join` all in one conversation, or
    `drop` them and go back to the customer."""
    with transaction.atomic():
        line = _locked_line(interaction_id, agent_id)
        if isinstance(line, Refusal):
            return line
        match do:
            case "hand_over":
                done = _hand_over(line, third, now=now)
            case "join":
                done = _join(line, third, now=now)
            case _:
                done = _without(line, third, now=now)
    return DONE if done else NOT_ANY_MORE


def _locked_line(interaction_id: UUID, agent_id: int) -> sql.Row | Refusal:
    """The conversation, its customer's call locked first, as everywhere."""
    sql.rows(
        "SELECT c.id FROM telephony_call c JOIN agents_interaction i ON i.call_id = c.id WHERE i.id = %s AND i.agent_id = %s FOR UPDATE OF c",
        [interaction_id, agent_id],
    )
    line = talk.conversation(interaction_id, agent_id)
    if not isinstance(line, Refusal) and (line.state != CallState.CONNECTED or line.campaign_id is None):
        return talk.NOBODY_THERE
    return line


def _whom(line: sql.Row, campaign: Setting, destination: int | None, number: str, *, now: datetime) -> tuple[str, str] | Refusal:
    """(name, number) where it may be called: what stands in the directory, or another number of the country, as the campaign allows."""
    terms = sql.rows("SELECT transfers FROM campaigns_campaign WHERE id = %s", [campaign.id])[0].transfers
    if terms == Campaign.Transfers.OFF:
        return Refusal("This campaign's conversations are not taken on to others.")
    if destination is not None:
        entry = sql.rows("SELECT name, number FROM campaigns_destination WHERE id = %s AND active", [destination])
        if not entry:
            return Refusal("This entry is not in the directory any more: choose another one.")
        name, number = entry[0].name, entry[0].number
        read = destinations.read(number, home=None)
    elif terms != Campaign.Transfers.ANY:
        return Refusal("Only what is in the directory can be called in this campaign.")
    else:
        customer = sql.rows("SELECT address FROM telephony_call WHERE id = %s", [line.call_id])[0].address
        name, read = "", destinations.read(number, home=frozenset({destinations.country_of(campaign.caller_id), destinations.country_of(customer)}))
    if isinstance(read, Undialable):
        return Refusal(say("The number {why}.", why=read.why))
    if _unwanted(read.e164, campaign.id, now=now):
        return Refusal("The phone number is on the Do-Not-Call list.")
    typed = destination is None
    if why := may_join(campaign.terms, country=place_of(read.e164).country if typed else None, now=now):
        return Refusal(together(why))
    if typed and sql.rows("SELECT id FROM campaigns_phonenumber WHERE e164 = %s LIMIT 1", [read.e164]):
        return Refusal("This is a number of a contact, who is called from their own record alone; ask your supervisor to put it into the directory.")
    return name, read.e164


def _unwanted(e164: str, campaign_id: int, *, now: datetime) -> bool:
    return bool(
        sql.rows(
            """
            SELECT id FROM campaigns_donotcall
            WHERE number_key = %s AND (campaign_id IS NULL OR campaign_id = %s) AND (expires_at IS NULL OR expires_at > %s) LIMIT 1
            """,
            [number_key(e164, settings.NUMBER_KEY), campaign_id, now],
        )
    )


def _dial(third: UUID, e164: str, campaign: Setting, *, now: datetime) -> None:
    """The last look, then the carrier; what is refused at once ends here, what dies in between is found by its row. Whoever lists the number
    is waited for, or waits and then hangs it up."""
    with transaction.atomic():
        sql.rows("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [permit.NUMBER, e164])
        sending = calls.dialing([third], now=now, still=_STILL, params={"unwanted": _unwanted(e164, campaign.id, now=now)})
        unsent = [] if sending else [third]
        gone = calls.ended(dict.fromkeys(unsent, Cause.CANCELLED), now=now, by=HungUpBy.US, only=(CallState.PLANNED,))
        ended(gone, now=now)
    ended(conclude.placed(calls.place(sending), now=now), now=now)


def _hand_over(line: sql.Row, third: UUID, *, now: datetime) -> bool:
    """The agent leaves, the customer is theirs: at once where they are there, else as soon as they answer."""
    found = [other for other in _open("t.interaction_id = %s", [line.bridge]) if other.id == third]
    campaign = place.setting(line.campaign_id)
    if not found or campaign is None:
        return False
    if found[0].state == ThirdState.CALLING:
        sql.changed("UPDATE campaigns_thirdparty SET how = 'blind' WHERE id = %s AND state = 'calling'", [third])
        _music(line, on=True)
    else:
        if not _moved(ThirdMove.HAND, [third], now=now):
            return False
        _hand_all(line, now=now)
        _together(line.node_id, line.bridge, [third])
        _music(line, on=False)
    _agent_goes(line, campaign, now=now)
    return True


def _hand_all(line: sql.Row, *, now: datetime) -> None:
    """Whoever else had joined stays with the customer as well."""
    joined = [other.id for other in _open("t.interaction_id = %s", [line.bridge]) if other.state == ThirdState.JOINED]
    _moved(ThirdMove.HAND, joined, now=now)


def _join(line: sql.Row, third: UUID, *, now: datetime) -> bool:
    if not _moved(ThirdMove.JOIN, [third], now=now, only=(ThirdState.CONSULTED,)):
        return False
    _music(line, on=False)
    _together(line.node_id, line.bridge, [third, line.leg])
    _show(line.id, now=now, held=False)
    return True


def _without(line: sql.Row, third: UUID, *, now: datetime) -> bool:
    found = [other for other in _open("t.interaction_id = %s", [line.bridge]) if other.id == third]
    if not found or not _moved(ThirdMove.END, [third], now=now):
        return False
    transaction.on_commit(partial(calls.hang_up, [(line.node_id, third)]), robust=True)
    _back_to_the_customer(found[0], now=now)
    return True


def _back_to_the_customer(other: sql.Row, *, now: datetime, notice: str | None = None) -> None:
    """The agent, where they were alone with this one or waited for them; the customer hears them again."""
    if other.work_id is None:
        return
    if other.state == ThirdState.CONSULTED:
        _together(other.node_id, other.interaction_id, [other.leg])
    heard_music = other.state == ThirdState.CONSULTED or (other.state == ThirdState.CALLING and other.how == How.CONSULT)
    if heard_music:
        _music(other, on=False)
    _show(other.work_id, now=now, held=False if heard_music else None, notice=notice)


def _agent_goes(line: sql.Row, campaign: Setting, *, now: datetime) -> None:
    """To wrap-up, with their phone; nothing more is recorded. The attempt stays open for as long as the customer is on the line."""
    desk.move(
        PhaseMove.WRAP_UP,
        [
            Change(
                id=line.id,
                deadline=now + timedelta(seconds=campaign.wrap_up_for),
                outcome=Outcome.CONNECTED,
                progress="handed_over",
                held=False,
                muted=False,
                recording="",
                others=[],
                watched=False,
            )
        ],
        now=now,
        only=(Phase.CONNECTED,),
    )
    transaction.on_commit(partial(media.stop, line.bridge), robust=True)
    conclude.supervisors_go([line.call_id])
    talk.let_the_phone_go(line)


# --- what the carrier says --------------------------------------------------------------------------------------------------------


def happened(moved: Mapping[CallMove, Sequence[Moved]], *, now: datetime) -> None:
    """What their calls have come to."""
    if there := [call.id for call in moved.get(CallMove.ANSWERED, ()) if call.party is Party.THIRD]:
        _answered(there, now=now)
    over = moved.get(CallMove.ENDED, ())
    ended(over, now=now)
    conclude.others_go([call.id for call in over if call.party is Party.CALLER and call.connected_at is not None])


def _answered(ids: Sequence[UUID], *, now: datetime) -> None:
    rows = {row.id: row for row in _open("t.id = ANY(%s) AND t.state = 'calling'", [list(ids)])}
    for third, row in rows.items():
        match row.how:
            case _ if row.customer != CallState.CONNECTED:
                transaction.on_commit(partial(calls.hang_up, [(row.node_id, third)]), robust=True)
            case How.BLIND if _moved(ThirdMove.HAND, [third], now=now):
                _together(row.node_id, row.interaction_id, [third])
                _music(row, on=False)
            case How.CONSULT if row.work_id is not None and _moved(ThirdMove.CONSULT, [third], now=now):
                _together(row.node_id, third, [row.leg, third])
                _show(row.work_id, now=now)
            case How.CONFERENCE if row.work_id is not None and _moved(ThirdMove.JOIN, [third], now=now):
                _together(row.node_id, row.interaction_id, [third])
                _show(row.work_id, now=now)
            case _:
                transaction.on_commit(partial(calls.hang_up, [(row.node_id, third)]), robust=True)
    if unwanted := [third for third in ids if third not in rows]:
        transaction.on_commit(partial(calls.hang_up_by_id, unwanted), robust=True)


def ended(moved: Sequence[Moved], *, now: datetime) -> None:
    """Their calls are over. The agent goes back to the customer; a customer who would be left alone hears the message, or, after they have
    talked, the end."""
    by_id = {call.id: call for call in moved if call.party is Party.THIRD}
    if not by_id:
        return
    with transaction.atomic():
        for row in _open("t.id = ANY(%s)", [list(by_id)]):
            call = by_id[row.id]
            if not _moved(ThirdMove.END, [row.id], now=now, cause=call.cause):
                continue
            if row.work_id is not None:
                notice = _why_not(row.name or row.e164, call.cause) if row.state == ThirdState.CALLING else None
                _back_to_the_customer(row, now=now, notice=notice)
            elif not _open("t.call_id = %s", [row.call_id]):
                _left_alone(row, now=now)


def _left_alone(row: sql.Row, *, now: datetime) -> None:
    if row.state == ThirdState.CALLING and calls.announce_in_conversation([row.call_id], now=now):
        transaction.on_commit(partial(calls.play_message, row.node_id, [row.call_id], row.message), robust=True)
    else:
        transaction.on_commit(partial(calls.hang_up, [(row.node_id, row.call_id)]), robust=True)


def put_right(bridges: Mapping[UUID, frozenset[UUID]], *, node_id: int) -> None:
    """Where the carrier has somebody elsewhere than the rows say, since a command or its process was lost: told again."""
    where = {call_id: bridge for bridge, inside in bridges.items() for call_id in inside}
    for row in _open("t.state <> 'calling' AND c.node_id = %s AND c.state = 'connected'", [node_id]):
        aside = row.state == ThirdState.CONSULTED
        meant = row.id if aside else row.interaction_id
        legs = [row.id, *([row.leg] if row.leg is not None and row.work_id is not None else [])]
        if any(leg in where or leg == row.id for leg in legs if where.get(leg) != meant):
            calls.connect(node_id, bridge=meant, legs=legs)
            if not aside:
                calls.resume(node_id, row.call_id)


# --- small steps ------------------------------------------------------------------------------------------------------------------


def _moved(
    event: ThirdMove, ids: Sequence[UUID], *, now: datetime, cause: Cause | None = None, only: Sequence[ThirdState] | None = None
) -> list[UUID]:
    """Those that were still in a state from which this is legal."""
    if not ids:
        return []
    before = [state for state in states_before(THIRD, event) if only is None or state in only]
    stamp = {ThirdMove.HAND: ", handed_at = %(now)s", ThirdMove.END: ", ended_at = %(now)s, cause = %(cause)s"}.get(event, "")
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


def _show(work_id: UUID, *, now: datetime, held: bool | None = None, notice: str | None = None) -> None:
    """On the agent's screen: who else is there, and what has just become of one of them."""
    others = [
        {"id": str(row.id), "name": row.name, "number": row.e164, "state": row.state, "how": row.how}
        for row in _open("t.interaction_id = %s", [work_id])
    ]
    desk.amend([Change(id=work_id, others=others, held=held, notice=notice)], now=now, only=(Phase.CONNECTED,))


def _music(row: sql.Row, *, on: bool) -> None:
    command: Callable[[int, UUID], bool] = calls.hold if on else calls.resume
    transaction.on_commit(partial(command, row.node_id, row.call_id), robust=True)


def _together(node_id: int, bridge: UUID, legs: Sequence[UUID | None]) -> None:
    """After the commit. What did not come about is put right at the next reconciliation."""
    transaction.on_commit(partial(calls.connect, node_id, bridge=bridge, legs=[leg for leg in legs if leg is not None]), robust=True)
