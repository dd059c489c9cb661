"""A third party is consulted, brought in, or given the customer; and whatever goes wrong, nobody is left with music or alone."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings

from agents.desk import DONE, Answer, Refusal
from agents.models import Station
from campaigns.facts import Setting
from campaigns.flow import control, do_not_call, transfer
from campaigns.models import Destination, DoNotCall, RulePack, SpendLimit, ThirdParty
from campaigns.rules.number_keys import number_key
from dialer_project.lib import sentence
from telephony.drivers.simulated.script import Answers, Busy, NoAnswer, seconds
from telephony.models import Call, CallerId, Trunk
from telephony.rules.events import Happened
from tests.floor import Floor, Person, Someone

EXPERT = "+34911000111"
PICKS_UP = Answers(after=seconds(3))
TALKS = Answers(after=seconds(2), talks_for=seconds(300))
both_stations = pytest.mark.parametrize("leg_mode", [Station.LegMode.NAILED_UP, Station.LegMode.PER_CALL])


@pytest.fixture
def expert() -> Destination:
    return Destination.objects.create(name="Expert", number=EXPERT)


def on_the_line(floor: Floor, ana: Someone, meets: Any = PICKS_UP, **fields: Any) -> Person:
    floor.script.say(EXPERT, meets)
    campaign = floor.campaign("progressive", agents=[ana], **fields)
    maria = floor.person(campaign, "Maria", TALKS)
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "connected", at_most=8)
    return maria


def calls(ana: Someone, how: str, *, to: Destination | None = None, number: str = "") -> Answer:
    return transfer.bring_in(ana._work(), ana.id, destination=to.pk if to else None, number=number, how=how, now=ana.floor.now)


def does(ana: Someone, what: str) -> Answer:
    third = ThirdParty.objects.latest("asked_at")
    answer = transfer.with_other(ana._work(), ana.id, third.pk, what, now=ana.floor.now)
    ana.floor.run(0.5)
    return answer


def state() -> str:
    return ThirdParty.objects.latest("asked_at").state


def heard(floor: Floor, who: Any, *others: Any) -> list[bool]:
    return [floor.world.hears(other, who, floor.now) for other in others]


def customer(maria: Person) -> Any:
    return maria.attempts[0].pk


@both_stations
def test_the_agent_talks_with_the_expert_alone_and_then_gives_them_the_customer(floor: Floor, expert: Destination, leg_mode: str) -> None:
    ana = floor.agent("Ana", leg_mode=leg_mode)
    maria = on_the_line(floor, ana)
    leg = ana.leg
    assert calls(ana, "consult", to=expert) == DONE
    floor.run(1)
    assert ana.work
    assert (ana.work.held, [other["state"] for other in ana.work.others]) == (True, ["calling"])
    floor.run(until=lambda: state() == "consulted", at_most=5)
    floor.run(0.5)
    third = ThirdParty.objects.get()
    assert heard(floor, leg, third.pk, customer(maria)) == [True, False]
    assert Call.objects.get(pk=third.pk).party == "third"

    assert does(ana, "hand_over") == DONE
    assert heard(floor, third.pk, customer(maria), leg) == [True, False]
    assert ana.phase == "wrap_up"
    assert ana.work
    assert (ana.work.outcome, ana.work.progress) == ("connected", "handed_over")
    ana.finishes("sale")
    assert maria.attempts[0].outcome is None, "the customer talks on, and their number stays taken"
    floor.run(5)
    floor.world.far_hangs_up(third.pk, floor.now)
    floor.run(until=lambda: maria.outcomes == ["connected"], at_most=5)
    assert (state(), maria.where) == ("ended", ("final", "success"))


def test_back_to_the_customer_without_the_expert(floor: Floor, ana: Someone, expert: Destination) -> None:
    maria = on_the_line(floor, ana)
    calls(ana, "consult", to=expert)
    floor.run(until=lambda: state() == "consulted", at_most=5)
    assert does(ana, "drop") == DONE
    assert heard(floor, ana.leg, customer(maria)) == [True]
    assert ana.work
    assert (ana.phase, ana.work.held, ana.work.others) == ("connected", False, [])
    assert does(ana, "join") == transfer.NOT_ANY_MORE


def test_three_in_one_conversation_and_the_agent_leaves_it(floor: Floor, ana: Someone, expert: Destination) -> None:
    maria = on_the_line(floor, ana)
    assert calls(ana, "conference", to=expert) == DONE
    floor.run(until=lambda: state() == "joined", at_most=5)
    floor.run(0.5)
    third = ThirdParty.objects.get().pk
    assert heard(floor, third, customer(maria), ana.leg) == [True, True]
    assert does(ana, "hand_over") == DONE
    assert heard(floor, third, customer(maria), ana.leg) == [True, False]
    assert ana.phase == "wrap_up"


def test_whoever_was_consulted_is_brought_into_the_conversation(floor: Floor, ana: Someone, expert: Destination) -> None:
    maria = on_the_line(floor, ana)
    calls(ana, "consult", to=expert)
    floor.run(until=lambda: state() == "consulted", at_most=5)
    assert does(ana, "join") == DONE
    assert heard(floor, customer(maria), ana.leg, ThirdParty.objects.get().pk) == [True, True]
    assert ana.work
    assert (ana.work.held, [other["state"] for other in ana.work.others]) == (False, ["joined"])


def test_handed_over_unasked_the_agent_is_free_at_once_and_the_customer_waits_with_music(floor: Floor, ana: Someone, expert: Destination) -> None:
    maria = on_the_line(floor, ana)
    assert calls(ana, "blind", to=expert) == DONE
    floor.run(0.5)
    assert ana.phase == "wrap_up"
    assert floor.world._calls[customer(maria)].held
    floor.run(until=lambda: state() == "handed", at_most=5)
    floor.run(0.5)
    assert heard(floor, ThirdParty.objects.get().pk, customer(maria)) == [True]


def test_a_customer_handed_over_to_nobody_hears_the_message(floor: Floor, ana: Someone, expert: Destination) -> None:
    maria = on_the_line(floor, ana, NoAnswer())
    calls(ana, "blind", to=expert)
    floor.run(until=lambda: maria.outcomes == ["connected"], at_most=60)
    assert floor.world.when(customer(maria), Happened.ANNOUNCEMENT_STARTED)
    assert ThirdParty.objects.get().cause == "no_answer"


@pytest.mark.parametrize("how", ["consult", "conference"])
def test_an_expert_who_is_busy_costs_nobody_the_customer(floor: Floor, ana: Someone, expert: Destination, how: str) -> None:
    maria = on_the_line(floor, ana, Busy())
    calls(ana, how, to=expert)
    floor.run(until=lambda: state() == "ended", at_most=10)
    floor.run(0.5)
    assert ana.work
    assert (sentence.heard(ana.work.notice), ana.work.held, ana.work.others) == ("Expert is busy.", False, [])
    assert heard(floor, ana.leg, customer(maria)) == [True]


def test_an_expert_who_hangs_up_brings_the_agent_back_to_the_customer(floor: Floor, ana: Someone, expert: Destination) -> None:
    maria = on_the_line(floor, ana)
    calls(ana, "consult", to=expert)
    floor.run(until=lambda: state() == "consulted", at_most=5)
    floor.world.far_hangs_up(ThirdParty.objects.get().pk, floor.now)
    floor.run(until=lambda: state() == "ended", at_most=5)
    floor.run(0.5)
    assert heard(floor, ana.leg, customer(maria)) == [True]


@pytest.mark.parametrize("when", ["calling", "consulted", "joined"])
def test_a_customer_who_hangs_up_leaves_nobody_behind(floor: Floor, ana: Someone, expert: Destination, when: str) -> None:
    maria = on_the_line(floor, ana, NoAnswer() if when == "calling" else PICKS_UP)
    calls(ana, "conference" if when == "joined" else "consult", to=expert)
    floor.run(until=lambda: state() == when, at_most=5)
    floor.world.far_hangs_up(customer(maria), floor.now)
    floor.run(until=lambda: state() == "ended", at_most=8)
    assert ana.phase == "wrap_up"
    ana.finishes("sale")
    floor.run(5)
    assert not Call.objects.filter(party="third").exclude(state="ended").exists()


def test_only_what_may_be_called_is_called(floor: Floor, ana: Someone, expert: Destination) -> None:
    on_the_line(floor, ana, transfers="any")
    for number, why in (
        ("112", "too short"),
        ("+34803123456", "premium-rate"),
        ("+34902123456", "shared-cost"),
        ("+8816 2345 6789", "satellite"),
        ("+442079460018", "abroad"),
        ("nonsense", "phone number"),
    ):
        refused = calls(ana, "consult", number=number)
        assert isinstance(refused, Refusal), number
        assert why in refused.sentence, (number, refused.sentence)
    listed = number_key("+34911222333", settings.NUMBER_KEY)
    DoNotCall.objects.create(number_key=listed, source="agent", created_at=floor.now)
    assert calls(ana, "consult", number="911 222 333") == Refusal("The phone number is on the Do-Not-Call list.")
    assert not Call.objects.filter(party="third").exists()
    assert calls(ana, "consult", number="911 000 111") == DONE


def test_nobody_on_our_lists_is_called_into_a_conversation_past_the_gate(floor: Floor, ana: Someone, expert: Destination) -> None:
    maria = on_the_line(floor, ana, transfers="any")
    pedro = floor.person(maria.lead.campaign, "Pedro", numbers=2, at=floor.now + timedelta(days=2))
    for number in (*pedro.numbers, maria.number):
        refused = calls(ana, "blind", number=number)
        assert isinstance(refused, Refusal), number
        assert "own record" in refused.sentence
    Destination.objects.update(number=pedro.numbers[1])
    assert calls(ana, "consult", to=expert) == DONE, "whom the supervisor has put down may be called"


def test_a_number_listed_before_the_call_is_sent_is_not_called_and_one_that_rings_is_hung_up(
    floor: Floor, ana: Someone, expert: Destination, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_the_line(floor, ana, NoAnswer(), transfers="any")
    dial = transfer._dial

    def listed_first(third: UUID, campaign: Setting, *, now: datetime) -> None:
        do_not_call.list_numbers([EXPERT], source="test", now=now)
        dial(third, campaign, now=now)

    with monkeypatch.context() as patch:
        patch.setattr(transfer, "_dial", listed_first)
        assert calls(ana, "consult", to=expert) == DONE
    assert (state(), Call.objects.get(party="third").dialing_at) == ("ended", None)
    assert calls(ana, "consult", to=expert) == Refusal("The phone number is on the Do-Not-Call list."), "who is in the directory, too"

    floor.run(1)
    other = "+34911222333"
    floor.script.say(other, NoAnswer())
    assert calls(ana, "consult", number=other) == DONE
    floor.run(2)
    assert state() == "calling"
    do_not_call.list_numbers([other], source="test", now=floor.now)
    floor.run(until=lambda: state() == "ended", at_most=3)
    assert ana.phase == "connected"


def test_money_and_the_number_shown_are_asked_about_before_anybody_is_called_into_a_conversation(
    floor: Floor, ana: Someone, expert: Destination
) -> None:
    maria = on_the_line(floor, ana, transfers="any")
    campaign = maria.lead.campaign
    pack = RulePack.objects.create(name="Portugal only", jurisdiction="*", rules=[{"kind": "destinations", "countries": ["PT"]}])
    pack.campaigns.add(campaign)
    refused = calls(ana, "consult", number="911 222 333")
    assert refused == Refusal("Portugal only v1 lets only PT be called, and this number is in ES.")
    pack.campaigns.clear()

    SpendLimit.objects.create(campaign=campaign, per_day=Decimal("0.01"))
    Trunk.objects.update(per_minute=Decimal(1))
    refused = calls(ana, "consult", to=expert)
    assert isinstance(refused, Refusal)
    assert "has spent" in refused.sentence
    SpendLimit.objects.all().delete()

    CallerId.objects.update(verified=False)
    assert calls(ana, "consult", to=expert) == Refusal("The campaign's caller ID is not verified.")
    CallerId.objects.update(verified=True)
    control.pause(campaign, by=None, now=floor.now)
    assert calls(ana, "consult", to=expert) == DONE, "a conversation goes on although its campaign does not"


def test_a_campaign_says_whom_its_conversations_may_be_taken_on_to(floor: Floor, ana: Someone, expert: Destination) -> None:
    maria = on_the_line(floor, ana)
    assert calls(ana, "consult", number=EXPERT) == Refusal("Only what is in the directory can be called in this campaign.")
    type(maria.lead.campaign).objects.update(transfers="off")
    assert calls(ana, "consult", to=expert) == Refusal("This campaign's conversations are not taken on to others.")
    type(maria.lead.campaign).objects.update(transfers="directory")
    Destination.objects.update(active=False)
    assert calls(ana, "consult", to=expert) == Refusal("This entry is not in the directory any more: choose another one.")


def test_one_is_consulted_at_a_time(floor: Floor, ana: Someone, expert: Destination) -> None:
    on_the_line(floor, ana)
    calls(ana, "consult", to=expert)
    refused = calls(ana, "conference", to=expert)
    assert isinstance(refused, Refusal)
    assert "already" in refused.sentence


def test_a_pump_that_dies_when_the_expert_answers_loses_nobody(floor: Floor, ana: Someone, expert: Destination) -> None:
    maria = on_the_line(floor, ana)
    calls(ana, "blind", to=expert)
    floor.run(1)
    floor.pump_runs = False
    floor.run(5)
    floor.pump_dies()
    assert state() == "calling"
    floor.pump_runs = True
    floor.listen()
    floor.run(1)
    assert state() == "handed"
    assert heard(floor, ThirdParty.objects.get().pk, customer(maria)) == [True]


def test_an_expert_who_answers_while_nobody_listens_is_hung_up_and_the_customer_hears_the_message(
    floor: Floor, ana: Someone, expert: Destination
) -> None:
    maria = on_the_line(floor, ana)
    calls(ana, "blind", to=expert)
    floor.run(1)
    floor.pump_dies()
    floor.run(5)
    assert state() == "calling"
    floor.listen()
    floor.run(until=lambda: maria.outcomes == ["connected"], at_most=20)
    assert floor.world.when(customer(maria), Happened.ANNOUNCEMENT_STARTED)


def test_what_a_lost_command_has_not_brought_together_is_put_right(floor: Floor, ana: Someone, expert: Destination, monkeypatch: Any) -> None:
    maria = on_the_line(floor, ana)
    calls(ana, "consult", to=expert)
    with monkeypatch.context() as patch:
        patch.setattr(floor.carrier, "connect", lambda bridge, *legs: False)
        floor.run(until=lambda: state() == "consulted", at_most=5)
    third = ThirdParty.objects.get().pk
    assert heard(floor, third, ana.leg) == [False]
    floor.run(12)
    assert heard(floor, third, ana.leg, customer(maria)) == [True, False]


def test_a_process_that_dies_before_the_originate_leaves_a_plan_that_is_cancelled(
    floor: Floor, ana: Someone, expert: Destination, monkeypatch: Any
) -> None:
    maria = on_the_line(floor, ana)

    class Died(Exception):
        """The process is gone."""

    def dies(*args: object, **kwargs: object) -> None:
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr(transfer, "_dial", dies)
        with pytest.raises(Died):
            calls(ana, "consult", to=expert)
    floor.run(until=lambda: state() == "ended", at_most=15)
    floor.run(0.5)
    assert ana.work
    assert sentence.heard(ana.work.notice) == "Expert was not called."
    assert heard(floor, ana.leg, customer(maria)) == [True]
