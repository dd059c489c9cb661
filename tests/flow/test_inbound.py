"""Somebody calls a campaign's number: an agent, music until one is free, or the message and a call back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from campaigns.flow import control, do_not_call
from campaigns.models import Attempt, Callback, Campaign, DoNotCall, InboundCall, Lead, Permit
from dialer_project.lib import sql
from telephony.drivers.simulated.script import Answers, NoAnswer, seconds
from telephony.models import Call
from telephony.rules.events import Happened
from tests.floor import Floor, Someone
from tests.flow.test_permits import law, pin

OURS = "+34910000000"
CALLER = "+34611000001"


def taking(floor: Floor, *agents: Someone, mode: str = "progressive", **fields: Any) -> Campaign:
    return floor.campaign(mode, agents=agents, **{"takes_calls": True, "longest_wait": 30, **fields})


def calls_us(floor: Floor, number: str = CALLER, *, talks_for: float = 20, patience: float = 120) -> UUID:
    return floor.world.incoming(number, OURS, floor.now, meets=Answers(talks_for=seconds(talks_for)), patience=seconds(patience))


def call_of(call_id: UUID) -> Call:
    return Call.objects.get(pk=call_id)


def test_a_caller_reaches_the_agent_who_has_been_free_the_longest_and_the_record_comes_with_them(floor: Floor, ana: Someone) -> None:
    ben = floor.agent("Ben")
    campaign = taking(floor, ana, ben)
    maria = floor.person(campaign, "Maria", NoAnswer(), at=floor.now + timedelta(days=1))
    ana.sits_down()
    floor.run(2)
    ben.sits_down()
    call = calls_us(floor, maria.number)
    floor.run(until=lambda: ana.phase == "connected", at_most=2)
    assert ana.work
    assert (ana.work.origin, ana.work.lead_id, ana.work.card["name"], ana.work.card["number"]) == (
        "inbound",
        maria.lead.pk,
        "Maria López",
        maria.number,
    )
    assert maria.where[0] == "busy"
    assert ben.phase is None
    floor.run(until=lambda: ana.phase == "wrap_up", at_most=30)
    ana.finishes("sale")
    assert maria.where == ("final", "success")
    came = InboundCall.objects.get(pk=call)
    assert came.answered_at
    assert came.answered_at - came.came_at < timedelta(seconds=1)
    assert (came.state, came.agent_id) == ("over", ana.id)
    assert not Attempt.objects.exists(), "nobody was dialed"
    assert not Permit.objects.exists()
    floor.run(1)
    assert ana.free
    floor.at_rest()
    floor.check()


def test_nobody_is_free_so_there_is_music_until_an_agent_is(floor: Floor, ana: Someone) -> None:
    taking(floor, ana)
    first = calls_us(floor, talks_for=8)
    floor.run(1)
    second = calls_us(floor, "+34611000002", talks_for=20)
    floor.run(1)
    assert call_of(first).state == call_of(second).state == "answered"
    assert floor.world._calls[first].held
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "connected", at_most=3)
    assert ana.work
    assert ana.work.call_id == first, "who came first goes first"
    assert not floor.world._calls[first].held
    floor.run(until=lambda: ana.phase == "wrap_up", at_most=20)
    ana.finishes("other")
    floor.run(until=lambda: ana.phase == "connected", at_most=3)
    assert ana.work
    assert ana.work.call_id == second
    floor.empties_redis()
    floor.run(until=lambda: ana.phase == "wrap_up", at_most=30)
    ana.finishes("other")
    floor.run(1)
    floor.at_rest()


def test_who_waited_long_enough_hears_the_message_and_is_called_back(floor: Floor, ana: Someone) -> None:
    back = floor.campaign("auto_callback", agents=[ana], caller_id=None)
    taking(floor, ana, call_back_in=back, longest_wait=10)
    call = calls_us(floor, talks_for=60)
    floor.run(until=lambda: call_of(call).state == "ended", at_most=30)
    heard = floor.world.when(call, Happened.ANNOUNCEMENT_STARTED)
    answered = floor.world.when(call, Happened.ANSWERED)
    assert heard
    assert answered
    assert timedelta(seconds=9.9) <= heard - answered <= timedelta(seconds=11.1)
    lead = Lead.objects.get(campaign=back)
    assert lead.contact.phones.get().e164 == CALLER
    assert lead.next_call_at > floor.now
    assert InboundCall.objects.get().answered_at is None


def test_who_hangs_up_in_the_music_is_called_back_too_and_a_withheld_number_is_not(floor: Floor, ana: Someone) -> None:
    back = floor.campaign("auto_callback", agents=[ana], caller_id=None)
    taking(floor, ana, call_back_in=back)
    calls_us(floor, talks_for=3)
    calls_us(floor, "", talks_for=3)
    floor.run(until=lambda: InboundCall.objects.filter(state="over").count() == 2, at_most=20)
    assert Lead.objects.filter(campaign=back).count() == 1
    floor.at_rest()


def test_a_withheld_number_reaches_an_agent_like_any_other(floor: Floor, ana: Someone) -> None:
    taking(floor, ana)
    ana.sits_down()
    calls_us(floor, "", talks_for=3)
    floor.run(until=lambda: ana.phase == "wrap_up", at_most=10)
    ana.finishes("other", note="wanted nothing")
    floor.run(1)
    assert ana.free
    floor.check()


def test_where_no_running_campaign_takes_calls_it_rings_in_vain_and_is_missed(floor: Floor, ana: Someone) -> None:
    campaign = taking(floor, ana)
    control.pause(campaign, by=None, now=floor.now)
    ana.sits_down()
    call = calls_us(floor, patience=5)
    floor.run(10)
    assert not Call.objects.filter(pk=call).exists()
    assert not InboundCall.objects.exists()


def test_an_auto_callback_campaign_that_takes_calls_calls_back_whom_nobody_answered(floor: Floor, ana: Someone) -> None:
    campaign = taking(floor, ana, mode="auto_callback")
    calls_us(floor, talks_for=4)
    floor.run(8)
    assert [(lead.state, lead.contact.phones.get().e164) for lead in Lead.objects.filter(campaign=campaign)] == [("waiting", CALLER)]
    ana.sits_down()
    calls_us(floor, "+34611000002", talks_for=4)
    floor.run(until=lambda: ana.phase == "wrap_up", at_most=8)
    ana.finishes("other")
    assert Lead.objects.get(campaign=campaign, contact__phones__e164="+34611000002").state == "final"


def test_who_is_on_the_do_not_call_list_may_call_us_and_stays_on_it(floor: Floor, ana: Someone) -> None:
    campaign = taking(floor, ana, call_back_in=None)
    maria = floor.person(campaign, "Maria", at=floor.now + timedelta(days=1))
    do_not_call.list_numbers([maria.number], source="agent", now=floor.now, reason="asked for")
    ana.sits_down()
    calls_us(floor, maria.number, talks_for=3)
    floor.run(until=lambda: ana.phase == "wrap_up", at_most=10)
    ana.finishes("again")
    floor.run(60)
    assert DoNotCall.objects.count() == 1
    assert maria.attempts == []
    assert maria.where == ("final", "do_not_call")


def test_an_agent_whose_phone_dies_on_the_way_is_replaced_and_the_record_is_given_back(floor: Floor, ana: Someone) -> None:
    campaign = taking(floor, ana)
    maria = floor.person(campaign, "Maria", at=floor.now + timedelta(days=1))
    before = maria.now().next_call_at
    ana.sits_down()
    floor.script.bridging = seconds(5)
    call = calls_us(floor, maria.number, talks_for=30)
    floor.run(until=lambda: ana.phase == "connecting", at_most=3)
    ana.phone_dies()
    floor.run(1)
    assert InboundCall.objects.get().state == "waiting"
    assert maria.where == ("waiting", "new")
    assert maria.now().next_call_at == before
    assert floor.world._calls[call].held
    floor.script.bridging = seconds(0)
    ana.phone_is_back()
    floor.run(until=lambda: ana.phase == "connected", at_most=20)
    floor.run(until=lambda: ana.phase == "wrap_up", at_most=40)
    ana.finishes("sale")
    assert maria.where == ("final", "success")


def test_a_caller_whose_record_is_in_other_hands_is_shown_it_and_leaves_it_there(floor: Floor, ana: Someone) -> None:
    ben = floor.agent("Ben")
    campaign = taking(floor, ana, ben)
    maria = floor.person(campaign, "Maria", Answers(after=seconds(8), talks_for=seconds(40)))
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "dialing", at_most=3)
    ben.sits_down()
    calls_us(floor, maria.number, talks_for=3)
    floor.run(until=lambda: ben.phase == "connected", at_most=3)
    assert ben.work
    assert (ben.work.lead_id, ben.work.owns_lead) == (maria.lead.pk, False)
    floor.run(until=lambda: ben.phase == "wrap_up", at_most=10)
    ben.finishes("no")
    assert maria.where[0] == "busy", "Ana has it"
    floor.run(until=lambda: ana.phase == "connected", at_most=15)
    ana.hangs_up()
    floor.run(1)
    ana.finishes("sale")
    assert maria.where == ("final", "success")
    assert not Callback.objects.exists()
    assert sql.rows("SELECT count(*) AS n FROM agents_interaction WHERE phase <> 'closed'")[0].n == 0
    floor.check()


@pytest.mark.parametrize("talks", [True, False], ids=["a person who talks to an agent", "a number of which somebody waits in the music"])
def test_who_is_on_the_line_with_us_is_dialed_by_no_other_campaign(floor: Floor, ana: Someone, talks: bool) -> None:
    ben = floor.agent("Ben")
    other = floor.campaign("progressive", agents=[ben], caller_id=None)
    maria = floor.person(taking(floor, ana, longest_wait=60), "Maria", numbers=2)
    Lead.objects.update(state="final", reason="done")
    contact = maria.contact if talks else None
    them = floor.person(other, "Maria", contact=contact, numbers=maria.numbers if talks else maria.numbers[:1], at=floor.now + timedelta(seconds=5))
    called = them.contact.phones.get(e164=maria.numbers[talks])
    Lead.objects.filter(pk=them.lead.pk).update(next_phone=called)
    floor.script.say(called.e164, NoAnswer())
    if talks:
        ana.sits_down()
    ben.sits_down()
    calls_us(floor, maria.number, talks_for=30, patience=30)
    floor.run(20)
    assert (InboundCall.objects.get().state, maria.where) == ("given" if talks else "waiting", ("final", "done"))
    assert (them.where, them.outcomes) == (("waiting", "hold"), [])
    if talks:
        floor.run(until=lambda: ana.phase == "wrap_up", at_most=20)
        ana.finishes("other")
    floor.run(until=lambda: them.outcomes == ["no_answer"], at_most=120)


def test_a_conversation_that_they_began_is_one_for_the_rules_too(floor: Floor, ana: Someone) -> None:
    ben = floor.agent("Ben")
    taking(floor, ana)
    other = floor.campaign("progressive", agents=[ben], caller_id=None)
    pin(
        other,
        law(
            {"kind": "hold_after", "event": "conversation", "hours": 168},
            {"kind": "frequency_cap", "scope": "number", "count": 1, "hours": 24, "counts": "attempt"},
        ),
    )
    maria = floor.person(other, "Maria", at=floor.now + timedelta(minutes=3))
    ana.sits_down()
    ben.sits_down()
    calls_us(floor, maria.number, talks_for=40)
    floor.run(until=lambda: ana.phase == "wrap_up", at_most=60)
    ana.finishes("other")
    ended = InboundCall.objects.get().ended_at
    assert ended
    floor.run(200)
    assert (maria.outcomes, maria.now().next_call_at) == ([], ended + timedelta(hours=168)), "and it was no attempt of ours"
