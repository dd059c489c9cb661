"""What an agent asks for: a third party is consulted while the customer hears music, brought in, or given the customer.

A call to somebody outside is a call of ours, with a row of its own, through the campaign's trunk; where it may go is asked first, and
whether its number was put on a do-not-call list is asked once more when it is sent. Nobody on our lists is called so: that takes a permit.
Another agent is asked at their desk, and a customer given to them comes with the record. Under the lock of the customer's call.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.conf import settings
from django.db import transaction

from agents import desk
from agents.desk import DONE, NOT_YOURS, Answer, Change, NewWork, Refusal
from agents.rules.lifecycle import Phase, PhaseMove
from campaigns import facts, spending
from campaigns.facts import Setting
from campaigns.flow import conclude, next_for, permit, place, talk, third_parties
from campaigns.models import Campaign, ThirdParty
from campaigns.rules import destinations
from campaigns.rules.lifecycle import ThirdMove, ThirdState
from campaigns.rules.number_keys import number_key
from campaigns.rules.outcomes import Outcome
from campaigns.rules.permit.gate import may_join
from campaigns.rules.phone_numbers import Undialable
from campaigns.rules.places import place_of
from dialer_project.lib import sql, wake
from dialer_project.lib.sentence import say, together
from telephony import calls, commands, limits, media
from telephony.calls import Plan
from telephony.rules.hangup_causes import Cause, HungUpBy
from telephony.rules.lifecycle import CallState, Party

How = ThirdParty.How

AT_MOST = 4  # in one conversation, beside customer and agent
NOT_ANY_MORE = Refusal("They are not on the line any more.")
LINES_BUSY = Refusal("All lines are busy at the moment: try again in a moment.")
NOT_TAKEN_ON = Refusal("This campaign's conversations are not taken on to others.")
NOT_FREE = Refusal("This agent is not there any more: ask somebody else.")
MOST_COLLEAGUES = 50  # shown to choose from

_STILL = """
    EXISTS (SELECT 1 FROM campaigns_thirdparty t JOIN telephony_call k ON k.id = t.call_id
            WHERE t.id = c.id AND t.state = 'calling' AND k.state = 'connected')
    AND NOT %(unwanted)s
"""


def bring_in(
    interaction_id: UUID, agent_id: int, *, how: str, destination: int | None = None, number: str = "", colleague: int | None = None, now: datetime
) -> Answer:
    """Calls somebody, from the directory or by their number, or asks another agent: to be consulted, for a conference, or to have the
    customer at once."""
    with transaction.atomic():
        line = _locked_line(interaction_id, agent_id)
        if isinstance(line, Refusal):
            return line
        campaign = facts.settings_now([line.campaign_id], now=now).get(line.campaign_id)
        if campaign is None:
            return NOT_YOURS
        others = third_parties.there("t.interaction_id = %s", [interaction_id])
        if any(other.state in (ThirdState.CALLING, ThirdState.CONSULTED) for other in others):
            return Refusal("Somebody is being consulted already: bring them in, hand over, or go back to the customer first.")
        if len(others) >= AT_MOST:
            return Refusal(say("There are {count} others in this conversation already: somebody must leave first.", count=len(others)))
        asked = (
            _asks(line, campaign, colleague, how=how, now=now)
            if colleague is not None
            else _calls(line, campaign, destination, number, how=how, now=now)
        )
        if isinstance(asked, Refusal):
            return asked
        if how != How.CONFERENCE:
            third_parties.music(line, on=True)
        if how == How.BLIND:
            _agent_goes(line, campaign, now=now)
        else:
            third_parties.show(line.id, now=now, held=how == How.CONSULT or None, notice="")  # what became of the one before is past
    if colleague is None:
        _dial(asked, campaign, now=now)
    else:
        wake.dial(asked)  # their phone, where it is called for each call
    return DONE


def _calls(line: sql.Row, campaign: Setting, destination: int | None, number: str, *, how: str, now: datetime) -> UUID | Refusal:
    """Plans the call to somebody outside."""
    found = _whom(line, campaign, destination, number, now=now)
    if isinstance(found, Refusal):
        return found
    name, e164 = found
    if limits.take(campaign.trunk_id, 1) < 1:
        return LINES_BUSY
    third = permit.new_id()
    plan = Plan(
        id=third,
        party=Party.THIRD,
        node_id=line.node_id,
        address=e164,
        ring_for=campaign.ring_for,
        trunk_id=campaign.trunk_id,
        caller_id=campaign.caller_id,
    )
    calls.plan([plan], now=now)
    price = spending.price_of(campaign.trunk_id, e164) if campaign.trunk_id is not None else None
    _written_down(third, line, how=how, name=name, e164=e164, price=price, now=now)
    return third


def _written_down(
    third: UUID, line: sql.Row, *, how: str, name: str, e164: str = "", price: Decimal | None = None, to_agent: int | None = None, now: datetime
) -> None:
    ThirdParty.objects.create(
        id=third,
        call_id=line.call_id,
        campaign_id=line.campaign_id,
        interaction_id=line.bridge,
        agent_id=line.agent_id,
        to_agent_id=to_agent,
        how=how,
        name=name,
        e164=e164,
        price=price,
        asked_at=now,
    )


@dataclass(frozen=True, slots=True)
class Colleague:
    """An agent who could be asked now."""

    id: int
    name: str


def colleagues(line: sql.Row) -> list[Colleague]:
    """Agents without work who can be in a conversation with this customer: a bridge needs everybody on one node."""
    return [
        Colleague(row.agent_id, row.name)
        for row in sql.rows(
            f"""
            SELECT s.agent_id, coalesce(nullif(trim(concat_ws(' ', u.first_name, u.last_name)), ''), u.username) AS name
            FROM agents_session s JOIN agents_agent g ON g.id = s.agent_id JOIN agents_user u ON u.id = g.user_id
            WHERE {desk.FREE_FOR_VOICE} AND s.node_id = %s AND s.agent_id <> %s ORDER BY name, s.agent_id LIMIT %s
            """,
            [line.node_id, line.agent_id, MOST_COLLEAGUES],
        )
    ]


def _asks(line: sql.Row, campaign: Setting, colleague: int, *, how: str, now: datetime) -> UUID | Refusal:
    """Another agent's desk rings, with the record on it."""
    if sql.rows("SELECT transfers FROM campaigns_campaign WHERE id = %s", [campaign.id])[0].transfers == Campaign.Transfers.OFF:
        return NOT_TAKEN_ON
    names = {
        row.id: row.name
        for row in sql.rows(
            """
            SELECT g.id, coalesce(nullif(trim(concat_ws(' ', u.first_name, u.last_name)), ''), u.username) AS name
            FROM agents_agent g JOIN agents_user u ON u.id = g.user_id WHERE g.id = ANY(%s)
            """,
            [[colleague, line.agent_id]],
        )
    }
    (mine,) = sql.rows("SELECT lead_id, phone_id, card FROM agents_interaction WHERE id = %s", [line.id])
    name = names.get(colleague, "")
    work = NewWork(
        agent_id=colleague,
        phase=Phase.RINGING_AGENT,
        deadline=now + timedelta(seconds=campaign.ring_agent_for),
        dial_due=now,
        campaign_id=campaign.id,
        lead_id=mine.lead_id,
        owns_lead=False,
        phone_id=mine.phone_id,
        card={**sql.loaded(mine.card), "by": names[line.agent_id]},
        origin=third_parties.ASKED,
        id=permit.new_id(),
    )
    on_this_node = {"still": "s.node_id = %(node)s AND s.agent_id <> %(me)s", "params": {"node": line.node_id, "me": line.agent_id}}
    if not desk.open([work], needs="voice", now=now, **on_this_node):  # type: ignore[arg-type]  # its own arguments
        return Refusal(say("{name} is not free any more: ask somebody else.", name=name)) if name else NOT_FREE
    _written_down(work.id, line, how=how, name=name, to_agent=colleague, now=now)
    return work.id


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
        return NOT_TAKEN_ON
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


def _dial(third: UUID, campaign: Setting, *, now: datetime) -> None:
    """The last look, then the carrier; what is refused at once ends here, what dies in between is found by its row. Whoever lists the number
    is waited for, or waits and then hangs it up."""
    with transaction.atomic():
        e164 = ThirdParty.objects.get(pk=third).e164
        sql.rows("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [permit.NUMBER, e164])
        sending = calls.dialing([third], now=now, still=_STILL, params={"unwanted": _unwanted(e164, campaign.id, now=now)})
        unsent = [] if sending else [third]
        gone = calls.ended(dict.fromkeys(unsent, Cause.CANCELLED), now=now, by=HungUpBy.US, only=(CallState.PLANNED,))
        third_parties.ended(gone, now=now)
    third_parties.ended(conclude.placed(commands.place(sending), now=now), now=now)


def _hand_over(line: sql.Row, third: UUID, *, now: datetime) -> bool:
    """The agent leaves, the customer is theirs: at once where they are there, else as soon as they answer."""
    others = third_parties.there("t.interaction_id = %s", [line.bridge])
    found = [other for other in others if other.id == third]
    campaign = place.setting(line.campaign_id)
    if not found or campaign is None:
        return False
    # where an agent is among them, the record is theirs as well
    agents = [other for other in (*found, *others) if other.to_agent_id is not None and other.state in (ThirdState.CONSULTED, ThirdState.JOINED)]
    if found[0].state == ThirdState.CALLING:
        sql.changed("UPDATE campaigns_thirdparty SET how = 'blind' WHERE id = %s AND state = 'calling'", [third])
        third_parties.music(line, on=True)
    elif agents:
        if not third_parties.moved(ThirdMove.HAND, [agents[0].id], now=now):
            return False
        if found[0].state == ThirdState.CONSULTED and line.leg is not None:  # out of where they talked aside, before the customer comes in
            sql.after_commit(commands.leave, line.node_id, bridge=third, call_id=line.leg)
        third_parties.takes_over(agents[0], now=now)
        third_parties.music(line, on=False)
    else:
        if not third_parties.moved(ThirdMove.HAND, [third], now=now):
            return False
        _hand_all(others, now=now)
        third_parties.together(line.node_id, line.bridge, [third])
        third_parties.music(line, on=False)
    _agent_goes(line, campaign, now=now)
    return True


def _hand_all(others: Sequence[sql.Row], *, now: datetime) -> None:
    """Whoever else had joined stays with the customer as well."""
    third_parties.moved(ThirdMove.HAND, [other.id for other in others if other.state == ThirdState.JOINED], now=now)


def _join(line: sql.Row, third: UUID, *, now: datetime) -> bool:
    if not third_parties.moved(ThirdMove.JOIN, [third], now=now, only=(ThirdState.CONSULTED,)):
        return False
    third_parties.music(line, on=False)
    legs = [other.their_leg for other in third_parties.there("t.id = %s", [third])]
    third_parties.together(line.node_id, line.bridge, [*legs, line.leg])
    third_parties.show(line.id, now=now, held=False)
    return True


def _without(line: sql.Row, third: UUID, *, now: datetime) -> bool:
    found = [other for other in third_parties.there("t.interaction_id = %s", [line.bridge]) if other.id == third]
    if not found:
        return False
    freed = conclude.guests_go([third], now=now) if found[0].to_agent_id is not None else []
    if not third_parties.moved(ThirdMove.END, [third], now=now):
        return False
    if found[0].to_agent_id is None:
        sql.after_commit(commands.hang_up, [(line.node_id, third)])
    next_for.settle(freed, now=now)
    third_parties.back_to_the_customer(found[0], now=now)
    return True


def _agent_goes(line: sql.Row, campaign: Setting, *, now: datetime) -> None:
    """To wrap-up, with their phone; nothing more is recorded, and what was paused stays so with whoever comes. The attempt stays open for as
    long as the customer is on the line."""
    if line.recording == "paused":
        coming = third_parties.there("t.interaction_id = %s AND t.how = 'blind' AND t.state = 'calling' AND t.to_agent_id IS NOT NULL", [line.bridge])
        desk.amend([Change(id=other.id, recording="paused") for other in coming], now=now, only=(Phase.RINGING_AGENT,))
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
    sql.after_commit(media.stop, line.bridge)
    conclude.supervisors_go([line.call_id])
    talk.let_the_phone_go(line)
