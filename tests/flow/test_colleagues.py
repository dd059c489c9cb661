"""Another agent is asked into a conversation: they talk with whoever asked, speak with all, or have the customer with the record; and whoever
leaves, nobody is left alone and no desk stays busy."""

from typing import Any

import pytest

from agents.desk import DONE, Answer, Refusal
from agents.models import Interaction, Station
from campaigns import screens
from campaigns.flow import sweep, talk, third_parties, transfer
from campaigns.history import of_person
from campaigns.models import Destination, InboundCall, Lead, ThirdParty
from dialer_project.lib import sentence
from telephony.models import Call, Recording
from telephony.rules.events import Happened
from tests.floor import Floor, Person, Someone
from tests.flow.test_inbound import calls_us, taking
from tests.flow.test_transfers import EXPERT, TALKS, customer, does, heard, state

both_stations = pytest.mark.parametrize("leg_mode", [Station.LegMode.NAILED_UP, Station.LegMode.PER_CALL])


def on_the_line(floor: Floor, ana: Someone, ben: Someone, **fields: Any) -> Person:
    """Ana talks to Maria; Ben, of another campaign, is free."""
    campaign = floor.campaign("progressive", agents=[ana], **fields)
    floor.campaign("progressive", agents=[ben])
    maria = floor.person(campaign, "Maria", TALKS)
    ana.sits_down()
    ben.sits_down()
    floor.run(until=lambda: ana.phase == "connected", at_most=8)
    return maria


def asks(ana: Someone, ben: Someone, how: str = "consult") -> Answer:
    answer = transfer.bring_in(ana._work(), ana.id, colleague=ben.id, how=how, now=ana.floor.now)
    ana.floor.run(0.1)
    return answer


def comes(ben: Someone) -> None:
    """At a phone that is connected they accept on the screen; another one rings, and is picked up."""
    if ben.station.leg_mode == Station.LegMode.NAILED_UP:
        assert ben.accepts() == DONE
    ben.floor.run(until=lambda: ben.phase == "connected", at_most=5)
    ben.floor.run(0.3)


@both_stations
def test_asked_aside_and_then_given_the_customer_with_the_record(floor: Floor, ana: Someone, leg_mode: str) -> None:
    ben = floor.agent("Ben", leg_mode=leg_mode)
    maria = on_the_line(floor, ana, ben, recording="all")
    assert asks(ana, ben) == DONE
    assert ben.work
    assert (ben.phase, ben.work.origin, ben.work.lead_id, ben.work.owns_lead) == ("ringing_agent", "transfer", maria.lead.pk, False)
    assert (ben.work.card["name"], ben.work.card["by"]) == ("Maria López", "Ana")
    record = screens.record(ben.id, ben._work())
    assert record is not None
    assert (record.contact and record.contact.name, record.case and record.case.attempts) == ("Maria López", 1)
    comes(ben)
    assert heard(floor, ana.leg, ben.leg, customer(maria)) == [True, False]
    assert ana.work
    assert (ana.work.held, [other["state"] for other in ana.work.others]) == (True, ["consulted"])

    hers, his = ana.leg, ben.leg
    assert does(ana, "hand_over") == DONE
    assert heard(floor, his, customer(maria), hers) == [True, False]
    assert heard(floor, customer(maria), his) == [True], "the music is over"
    assert ana.work
    assert (ana.phase, ana.work.progress, ana.work.owns_lead) == ("wrap_up", "handed_over", False)
    assert ben.work
    assert (ben.phase, ben.work.call_id, ben.work.owns_lead, ben.work.others) == ("connected", customer(maria), True, [])
    assert ana.finishes(None, note="from me") == DONE, "whoever has the customer says what came of it"
    assert ana.free
    floor.run(5)
    floor.world.far_hangs_up(customer(maria), floor.now)
    floor.run(until=lambda: ben.phase == "wrap_up", at_most=5)
    assert isinstance(ben.finishes(None), Refusal)
    assert ben.finishes("sale", note="from him") == DONE
    floor.run(1)
    assert (maria.outcomes, maria.where) == (["connected"], ("final", "success"))
    assert maria.attempts[0].disposition is not None
    assert of_person(maria.contact.pk, campaign_id=None, at_most=5).tried[0].note == "from me\nfrom him"
    assert [each.bridge for each in Recording.objects.order_by("id")] == [work.pk for work in Interaction.objects.order_by("opened_at")], (
        "each agent's part by itself"
    )
    third = ThirdParty.objects.get()
    assert (third.to_agent_id, third.state, third.handed_at is not None) == (ben.id, "ended", True)
    assert (ana.free, ben.free) == (True, True)
    floor.at_rest()
    floor.check()


@both_stations
@pytest.mark.parametrize("how", ["consult", "conference"])
def test_who_was_asked_in_is_not_heard_while_they_want_it_and_is_in_their_next_conversation(
    floor: Floor, ana: Someone, leg_mode: str, how: str
) -> None:
    ben = floor.agent("Ben", leg_mode=leg_mode)
    maria = on_the_line(floor, ana, ben)
    asks(ana, ben, how)
    assert talk.mute(ben._work(), ben.id, on=True, now=floor.now) == talk.NOBODY_THERE, "who has not come is not muted"
    comes(ben)
    assert heard(floor, ben.leg, ana.leg) == [True]

    assert talk.mute(ben._work(), ben.id, on=True, now=floor.now) == DONE

    assert ben.work
    assert ben.work.muted
    assert heard(floor, ben.leg, ana.leg) == [False]
    assert isinstance(talk.hold(ben._work(), ben.id, on=True, now=floor.now), Refusal), "the customer is not theirs"
    floor.world.far_hangs_up(customer(maria), floor.now)
    floor.run(until=lambda: ben.free, at_most=5)
    if leg_mode == Station.LegMode.NAILED_UP:
        assert not floor.world._calls[ben.leg].muted


@both_stations
def test_asked_to_speak_with_all_and_free_as_soon_as_they_leave(floor: Floor, ana: Someone, leg_mode: str) -> None:
    ben = floor.agent("Ben", leg_mode=leg_mode)
    maria = on_the_line(floor, ana, ben)
    asks(ana, ben, "conference")
    comes(ben)
    assert heard(floor, ben.leg, ana.leg, customer(maria)) == [True, True]
    his = ben.leg
    assert ben.hangs_up() == DONE
    floor.run(0.5)
    assert (ben.phase, ben.free, state()) == (None, True, "ended")
    assert heard(floor, customer(maria), ana.leg, his) == [True, False]
    assert ana.work
    assert (ana.phase, ana.work.others) == ("connected", [])
    floor.check()


def test_brought_together_and_left_to_it_the_agent_who_stays_has_the_record(floor: Floor, ana: Someone, ben: Someone) -> None:
    expert = Destination.objects.create(name="Expert", number=EXPERT)
    floor.script.say(EXPERT, TALKS)
    maria = on_the_line(floor, ana, ben)
    asks(ana, ben)
    comes(ben)
    assert does(ana, "join") == DONE
    assert heard(floor, customer(maria), ana.leg, ben.leg) == [True, True]
    transfer.bring_in(ana._work(), ana.id, destination=expert.pk, how="conference", now=floor.now)
    floor.run(until=lambda: state() == "joined", at_most=5)
    floor.run(0.5)
    outside, hers, his = ThirdParty.objects.latest("asked_at").pk, ana.leg, ben.leg
    assert does(ana, "hand_over") == DONE
    assert heard(floor, outside, customer(maria), his, hers) == [True, True, False]
    assert ben.work
    assert (ana.phase, ben.work.owns_lead, [other["name"] for other in ben.work.others]) == ("wrap_up", True, ["Expert"])
    ben.hangs_up()
    floor.run(until=lambda: ben.phase == "wrap_up", at_most=5)
    floor.run(1)
    assert not Call.objects.filter(party="third").exclude(state="ended").exists()
    ben.finishes("sale")
    ana.finishes(None)
    floor.run(1)
    floor.at_rest()
    floor.check()


def test_given_the_customer_unasked_they_hear_music_until_the_other_agent_comes(floor: Floor, ana: Someone, ben: Someone) -> None:
    maria = on_the_line(floor, ana, ben)
    asks(ana, ben, "blind")
    assert ana.phase == "wrap_up"
    assert floor.world._calls[customer(maria)].held
    comes(ben)
    assert heard(floor, customer(maria), ben.leg, ana.leg) == [True, False]
    assert ben.work
    assert ben.work.owns_lead
    floor.world.far_hangs_up(customer(maria), floor.now)
    floor.run(until=lambda: ben.phase == "wrap_up", at_most=5)
    ben.finishes("sale")
    ana.finishes(None)
    floor.run(1)
    floor.at_rest()
    floor.check()


@pytest.mark.parametrize(("what", "why"), [("rejects", "Ben has rejected the call."), ("waits too long", "Ben does not answer.")])
def test_who_says_no_or_does_not_answer_costs_nobody_the_customer_and_the_record_nothing(
    floor: Floor, ana: Someone, ben: Someone, what: str, why: str
) -> None:
    maria = on_the_line(floor, ana, ben)
    before = Lead.objects.get(pk=maria.lead.pk)
    asks(ana, ben)
    if what == "rejects":
        assert ben.rejects() == DONE
    floor.run(until=lambda: ben.phase is None, at_most=40)
    floor.run(0.5)
    assert ben.free is (what == "rejects")
    assert ana.work
    assert (sentence.heard(ana.work.notice), ana.work.held, ana.work.others) == (why, False, [])
    assert heard(floor, ana.leg, customer(maria)) == [True]
    assert (maria.now().misses, maria.now().last_missed_by_id) == (before.misses, before.last_missed_by_id)
    floor.check()


def test_an_unasked_handover_that_nobody_takes_ends_in_the_message(floor: Floor, ana: Someone, ben: Someone) -> None:
    maria = on_the_line(floor, ana, ben)
    asks(ana, ben, "blind")
    floor.run(until=lambda: maria.outcomes == ["connected"], at_most=60)
    assert floor.world.when(customer(maria), Happened.ANNOUNCEMENT_STARTED)
    assert ben.phase is None
    ana.finishes("sale")
    floor.run(1)
    floor.check()


@both_stations
@pytest.mark.parametrize("when", ["ringing", "consulted", "joined"])
def test_a_customer_who_hangs_up_leaves_no_colleague_behind(floor: Floor, ana: Someone, leg_mode: str, when: str) -> None:
    ben = floor.agent("Ben", leg_mode=leg_mode)
    maria = on_the_line(floor, ana, ben)
    asks(ana, ben, "conference" if when == "joined" else "consult")
    if when != "ringing":
        comes(ben)
    floor.world.far_hangs_up(customer(maria), floor.now)
    floor.run(until=lambda: ana.phase == "wrap_up", at_most=5)
    floor.run(0.5)
    assert (ben.phase, ben.free, state()) == (None, True, "ended")
    if leg_mode == Station.LegMode.PER_CALL:
        assert not Call.objects.filter(party="agent", address="ben").exclude(state="ended").exists()
    ana.finishes("sale")
    floor.run(1)
    floor.at_rest()
    floor.check()


@both_stations
@pytest.mark.parametrize("do", ["puts_the_phone_down", "phone_dies"])
def test_a_colleague_whose_phone_goes_leaves_and_the_agent_is_back_with_the_customer(floor: Floor, ana: Someone, leg_mode: str, do: str) -> None:
    if do == "phone_dies" and leg_mode == Station.LegMode.PER_CALL:
        return  # its leg ends some seconds later, as if it had been put down
    ben = floor.agent("Ben", leg_mode=leg_mode)
    maria = on_the_line(floor, ana, ben)
    asks(ana, ben)
    comes(ben)
    getattr(ben, do)()
    floor.run(until=lambda: ben.phase is None, at_most=5)
    floor.run(0.5)
    assert ana.work
    assert (ana.phase, ana.work.held, ana.work.others) == ("connected", False, [])
    assert heard(floor, ana.leg, customer(maria)) == [True]
    floor.check()


def test_whoever_is_dropped_is_free_and_whoever_comes_too_late_is_told_so(floor: Floor, ana: Someone, ben: Someone) -> None:
    maria = on_the_line(floor, ana, ben)
    asks(ana, ben)
    late = ben._work()
    assert does(ana, "drop") == DONE
    assert (ben.phase, ben.free) == (None, True)
    assert isinstance(third_parties.accept(late, ben.id, now=floor.now), Refusal)
    assert heard(floor, ana.leg, customer(maria)) == [True]
    asks(ana, ben)
    comes(ben)
    assert does(ana, "drop") == DONE
    assert (ben.phase, ben.free) == (None, True)
    assert heard(floor, ana.leg, customer(maria), ben.leg) == [True, False]


def test_only_who_is_free_on_the_same_node_can_be_asked(floor: Floor, ana: Someone, ben: Someone) -> None:
    maria = on_the_line(floor, ana, ben)
    assert [(one.id, one.name) for one in screens.targets(ana.id, ana._work()).colleagues] == [(ben.id, "Ben")]
    assert isinstance(asks(ana, ana), Refusal)
    ben.takes_break()
    assert screens.targets(ana.id, ana._work()).colleagues == []
    assert asks(ana, ben) == Refusal("Ben is not free any more: ask somebody else.")
    type(maria.lead.campaign).objects.filter(pk=maria.lead.campaign_id).update(transfers="off")
    assert asks(ana, ben) == transfer.NOT_TAKEN_ON
    assert not ThirdParty.objects.exists()


def test_a_caller_can_be_given_to_a_colleague_too(floor: Floor, ana: Someone, ben: Someone) -> None:
    taking(floor, ana)
    ana.sits_down()
    call = calls_us(floor, talks_for=60)
    floor.run(until=lambda: ana.phase == "connected", at_most=5)
    floor.campaign("progressive", agents=[ben])
    ben.sits_down()
    asks(ana, ben)
    comes(ben)
    assert does(ana, "hand_over") == DONE
    came = InboundCall.objects.get()
    assert (came.agent_id, came.interaction_id) == (ben.id, ben._work())
    assert heard(floor, call, ben.leg, ana.leg) == [True, False]
    floor.world.far_hangs_up(call, floor.now)
    floor.run(until=lambda: ben.phase == "wrap_up", at_most=5)
    ben.finishes("other")
    ana.finishes("other")
    floor.run(1)
    floor.at_rest()
    floor.check()


def test_a_pump_that_dies_at_the_wrong_moment_leaves_nobody_in_a_conversation_that_is_over(floor: Floor, ana: Someone, ben: Someone) -> None:
    maria = on_the_line(floor, ana, ben)
    asks(ana, ben, "conference")
    comes(ben)
    ThirdParty.objects.update(state="ended", ended_at=floor.now, cause="normal")
    sweep.every_quarter_minute(now=floor.now)
    assert ben.phase is None
    asks(ana, ben)
    Interaction.objects.filter(pk=ben._work()).update(phase="closed", closed_at=floor.now)
    sweep.every_quarter_minute(now=floor.now)
    floor.run(0.5)
    assert state() == "ended"
    assert heard(floor, ana.leg, customer(maria)) == [True]


@pytest.mark.parametrize("how", ["conference", "blind"])
def test_what_was_paused_stays_so_with_the_colleague_until_they_go_on_with_it(floor: Floor, ana: Someone, ben: Someone, how: str) -> None:
    on_the_line(floor, ana, ben, recording="all")
    floor.run(1)
    assert talk.record(ana._work(), ana.id, "pause", now=floor.now) == DONE
    assert asks(ana, ben, how) == DONE
    comes(ben)
    if how == "conference":
        assert does(ana, "hand_over") == DONE
    floor.run(30)
    assert ben.work
    assert (ben.phase, ben.work.recording) == ("connected", "paused")
    assert not Recording.objects.filter(bridge=ben.work.id).exists()
    assert talk.record(ben._work(), ben.id, "resume", now=floor.now) == DONE
    floor.run(1)
    assert (ben.work.recording, Recording.objects.get(bridge=ben.work.id).state) == ("on", "running")
