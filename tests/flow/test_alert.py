"""Where a campaign's calls are not answered automatically, the agent is alerted, as for somebody who calls us, and accepts or rejects (R60 to R63).

Progressive alerts while the customer's phone rings; power, where the agent is chosen at the answer, within the two seconds.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from agents.desk import DONE
from agents.models import Station
from campaigns import facts
from campaigns.flow import alert, control, offer, progress
from campaigns.models import Campaign
from telephony.drivers.simulated.script import Answers, Busy, Machine, NoAnswer, RefusedAtOnce, seconds
from telephony.models import Call
from telephony.rules.events import Happened
from telephony.rules.hangup_causes import Cause
from tests.floor import Floor, Person, Someone

ANSWERS = Answers(after=seconds(6), talks_for=seconds(30))
PER_CALL = Station.LegMode.PER_CALL
both_modes = pytest.mark.parametrize("mode", ["progressive", "power"])


def alerting(floor: Floor, *agents: Someone, mode: str = "progressive", **fields: Any) -> Campaign:
    return floor.campaign(mode, agents=agents, **{"auto_answer": False, "dial_ratio": "1.0", **fields})


def maria_is_called(floor: Floor, *agents: Someone, mode: str = "progressive", meets: object = ANSWERS, **fields: Any) -> Person:
    """For the first of these agents, who has sat down."""
    maria = floor.person(alerting(floor, *agents, mode=mode, **fields), "Maria", meets)
    agents[0].sits_down()
    return maria


def rings(floor: Floor, someone: Someone, *, at_most: float = 10) -> None:
    floor.run(until=lambda: someone.phase == "ringing_agent", at_most=at_most)


def answered(floor: Floor, someone: Someone) -> None:
    """Their customer is on the line, and they have not accepted."""
    floor.run(until=lambda: someone.work is not None and someone.work.progress == "answered", at_most=10)
    assert someone.phase == "ringing_agent"


def call_of(person: Person) -> Call:
    return Call.objects.get(pk=person.attempts[-1].pk)


def heard_the_message_in_time(person: Person) -> bool:
    call = call_of(person)
    return bool(call.announcing_at and call.answered_at and call.announcing_at - call.answered_at <= timedelta(seconds=2.1))


def done(floor: Floor, someone: Someone) -> None:
    someone.hangs_up()
    floor.run(1)
    assert someone.finishes("sale") == DONE
    floor.run(1)
    floor.check()


# --- accepted -----------------------------------------------------------------------------------------------------------------------


def test_the_agent_is_alerted_with_the_dial_accepts_and_is_connected_once_the_contact_answers(floor: Floor, ana: Someone) -> None:
    campaign = alerting(floor, ana, name="Spring renewals")
    maria = floor.person(campaign, "Maria", ANSWERS)
    ana.sits_down()
    rings(floor, ana, at_most=1)
    assert ana.work
    assert {k: ana.work.card[k] for k in ("campaign", "name", "number")} == {
        "campaign": "Spring renewals",
        "name": "Maria López",
        "number": maria.number,
    }
    floor.run(until=lambda: ana.work and ana.work.progress == "ringing", at_most=2)
    assert maria.dialed == [maria.number], "nobody waits: the customer's phone rings meanwhile"
    assert ana.accepts() == DONE
    assert (ana.phase, maria.attempts[0].answered_at) == ("dialing", None)
    floor.run(until=lambda: ana.phase == "connected", at_most=7)
    connected = maria.attempts[0]
    assert connected.connected_at
    assert connected.answered_at
    assert connected.connected_at - connected.answered_at < timedelta(seconds=0.5)
    done(floor, ana)
    assert (maria.outcomes, maria.where) == (["connected"], ("final", "success"))
    floor.at_rest()
    floor.agrees_with_the_carrier()


@both_modes
def test_who_accepts_within_two_seconds_of_the_answer_has_the_customer(floor: Floor, ana: Someone, mode: str) -> None:
    maria = maria_is_called(floor, ana, mode=mode)
    answered(floor, ana)
    assert ana.work
    assert call_of(maria).answered_at
    assert ana.work.deadline == call_of(maria).answered_at + timedelta(seconds=2)  # type: ignore[operator]  # asserted above
    floor.run(1.5)
    assert (ana.phase, call_of(maria).bridge) == ("ringing_agent", None), "nobody is put through unasked"
    assert ana.accepts() == DONE
    floor.run(until=lambda: ana.phase == "connected", at_most=0.4)
    assert offer.accept(ana.work.pk, ana.id, now=floor.now) == offer.WENT_BACK, "a second press finds it taken"
    done(floor, ana)
    assert maria.outcomes == ["connected"]
    floor.at_rest()


@both_modes
def test_answered_automatically_nobody_is_asked(floor: Floor, ana: Someone, mode: str) -> None:
    maria_is_called(floor, ana, mode=mode, auto_answer=True)
    seen = set()
    while ana.phase != "connected":
        floor.run(0.1)
        seen.add(ana.phase)
    assert "ringing_agent" not in seen


def test_that_is_what_a_campaign_does_unless_it_is_set_otherwise() -> None:
    assert Campaign(name="New").auto_answer


def test_a_phone_that_is_called_for_each_call_is_the_alert(floor: Floor) -> None:
    ana = floor.agent("Ana", leg_mode=PER_CALL)
    campaign = alerting(floor, ana)
    maria = floor.person(campaign, "Maria", ANSWERS)
    floor.script.station("ana", Answers(after=seconds(3)))
    ana.sits_down()
    rings(floor, ana, at_most=1)
    floor.run(1)
    assert {call.party for call in Call.objects.filter(state="ringing")} == {"agent", "customer"}
    assert ana.accepts() == offer.RINGING_THERE
    floor.run(until=lambda: ana.phase == "dialing", at_most=3)
    floor.run(until=lambda: ana.phase == "connected", at_most=6)
    done(floor, ana)
    assert maria.outcomes == ["connected"]
    floor.at_rest()


@pytest.mark.parametrize("how", ["picks up late", "rejects", "never picks up"])
def test_a_phone_that_is_called_for_each_call_and_the_customer_who_has_answered(floor: Floor, ben: Someone, how: str) -> None:
    ana = floor.agent("Ana", leg_mode=PER_CALL)
    campaign = alerting(floor, ana, ben)
    maria = floor.person(campaign, "Maria", Answers(after=seconds(3), talks_for=seconds(60)))
    floor.script.station("ana", Answers(after=seconds(4)) if how == "picks up late" else NoAnswer())
    ana.sits_down()
    rings(floor, ana, at_most=1)
    ben.sits_down()
    answered(floor, ana)
    if how == "picks up late":
        floor.run(until=lambda: ana.phase == "connected", at_most=1.5)
        return
    if how == "rejects":
        ana.rejects()
        assert ben.phase == "ringing_agent"
        ben.accepts()
        floor.run(until=lambda: ben.phase == "connected", at_most=1)
    else:
        floor.run(3)
        assert heard_the_message_in_time(maria)
    floor.run(1)
    assert ana.not_ready == "no_answer"
    assert not Call.objects.filter(address="ana").exclude(state="ended").exists(), "the phone does not ring on"


def test_a_promised_call_rings_at_its_owner_first_and_only_then_at_the_customer(floor: Floor, ana: Someone, ben: Someone) -> None:
    campaign = alerting(floor, ana, ben)
    pedro = floor.person(campaign, "Pedro", ANSWERS)
    floor.promises(pedro, ana, at=floor.now + timedelta(seconds=5), fallback_at=floor.now + timedelta(days=1))
    ben.sits_down()
    ana.sits_down()
    rings(floor, ana, at_most=20)
    floor.run(5)
    assert (pedro.dialed, ben.phase) == ([], None), "nobody else may take what one agent has promised"
    ana.accepts()
    floor.run(until=lambda: ana.phase == "connected", at_most=10)


# --- rejected, or nothing done ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("afterwards", ["mode", "ready"])
@both_modes
def test_who_rejects_gives_the_call_to_another_free_agent_and_is_not_asked_again(
    floor: Floor, ana: Someone, ben: Someone, mode: str, afterwards: str
) -> None:
    maria = maria_is_called(floor, ana, ben, mode=mode, when_rejected=afterwards, reject_reason=True)
    floor.run(1)
    ben.sits_down()
    rings(floor, ana)
    assert ana.rejects() == DONE, "nobody writes reasons while a customer waits"
    assert (ana.phase, ben.phase) == (None, "ringing_agent")
    assert ana.not_ready == ("no_answer" if afterwards == "mode" else None)
    assert maria.where[0] == "busy"
    floor.run(until=lambda: ben.work and ben.work.progress == "answered", at_most=10)
    ben.accepts()
    floor.run(until=lambda: ben.phase == "connected", at_most=2)
    assert ana.phase is None
    assert maria.attempts[0].agent_id == ben.id
    done(floor, ben)
    assert maria.outcomes == ["connected"]
    floor.at_rest()


@pytest.mark.parametrize("afterwards", ["mode", "ready"])
@both_modes
def test_who_rejects_a_customer_on_the_line_leaves_them_to_the_message_where_nobody_else_is_free(
    floor: Floor, ana: Someone, mode: str, afterwards: str
) -> None:
    campaign = alerting(floor, ana, mode=mode, when_rejected=afterwards)
    maria = floor.person(campaign, "Maria", ANSWERS)
    ana.sits_down()
    answered(floor, ana)
    ana.rejects()
    floor.run(0.5)
    assert heard_the_message_in_time(maria)
    assert ana.not_ready == ("no_answer" if afterwards == "mode" else None)
    floor.run(40)
    assert maria.outcomes[0] == "abandoned"
    found = facts.abandonment([campaign.pk], since=floor.now - timedelta(days=1))[campaign.pk]
    assert (found.answered, found.abandoned) == (1, 1)
    floor.check()


def test_who_was_rejected_while_it_rang_and_answers_to_nobody_hears_the_message(floor: Floor, ana: Someone) -> None:
    maria = maria_is_called(floor, ana, when_rejected="ready")
    rings(floor, ana)
    ana.rejects()
    assert (ana.free, maria.outcomes) == (True, [None])
    floor.run(8)
    assert heard_the_message_in_time(maria)
    assert ana.closed == ["missed"], "who has said no is not asked again"


def test_a_call_nobody_takes_is_given_up_once_it_has_rung_long_enough(floor: Floor, ana: Someone) -> None:
    maria = maria_is_called(floor, ana, min_ring_for=10, meets=NoAnswer())
    rings(floor, ana)
    ana.rejects()
    floor.run(8)
    assert maria.outcomes == [None]
    floor.run(until=lambda: maria.outcomes == ["cancelled"], at_most=4)
    floor.run(1)
    floor.at_rest()
    floor.check()


def test_a_call_nobody_takes_goes_to_whoever_becomes_free_while_it_rings(floor: Floor, ana: Someone, ben: Someone) -> None:
    maria = maria_is_called(floor, ana, ben, meets=Answers(after=seconds(12), talks_for=seconds(30)))
    rings(floor, ana)
    ana.rejects()
    floor.run(3)
    ben.sits_down()
    rings(floor, ben, at_most=2)
    assert ben.work
    assert ben.work.lead_id == maria.lead.pk
    ben.accepts()
    floor.run(until=lambda: ben.phase == "connected", at_most=12)


@pytest.mark.parametrize("afterwards", ["mode", "ready"])
def test_who_does_nothing_while_it_rings_has_missed_it_and_another_free_agent_is_alerted(
    floor: Floor, ana: Someone, ben: Someone, afterwards: str
) -> None:
    maria = maria_is_called(floor, ana, ben, ring_agent_for=6, when_missed=afterwards, meets=Answers(after=seconds(12), talks_for=seconds(30)))
    floor.run(1)
    ben.sits_down()
    rings(floor, ben, at_most=12)
    assert (ana.closed, ana.not_ready) == (["missed"], "no_answer" if afterwards == "mode" else None)
    ben.accepts()
    floor.run(until=lambda: ben.phase == "connected", at_most=12)
    done(floor, ben)
    assert maria.outcomes == ["connected"]


@pytest.mark.parametrize("afterwards", ["mode", "ready"])
@both_modes
def test_two_seconds_after_the_answer_the_customer_hears_the_message_and_the_agent_has_missed_them(
    floor: Floor, ana: Someone, mode: str, afterwards: str
) -> None:
    maria = maria_is_called(floor, ana, mode=mode, when_missed=afterwards)
    answered(floor, ana)
    floor.run(2.2)
    assert heard_the_message_in_time(maria)
    assert (ana.phase, ana.closed) == (None, ["missed"])
    assert ana.not_ready == ("no_answer" if afterwards == "mode" else None)
    floor.run(40)
    assert maria.outcomes[0] == "abandoned"
    floor.check()


def test_an_alert_that_was_too_short_is_not_held_against_anybody(floor: Floor, ana: Someone, ben: Someone) -> None:
    maria = maria_is_called(floor, ana, ben, mode="power")
    floor.run(1)
    ben.sits_down()
    answered(floor, ana)
    floor.run(1.4)
    ana.rejects()
    assert ben.phase == "ringing_agent"
    floor.run(1)
    assert heard_the_message_in_time(maria)
    assert (ben.closed, ben.not_ready) == (["not_connected"], None)


# --- what else goes wrong -----------------------------------------------------------------------------------------------------------


@both_modes
def test_a_customer_who_hangs_up_while_it_alerts_leaves_a_free_agent(floor: Floor, ana: Someone, mode: str) -> None:
    maria = maria_is_called(floor, ana, mode=mode, meets=Answers(after=seconds(4), talks_for=seconds(0.8)))
    answered(floor, ana)
    work = ana.work
    assert work
    floor.run(1.2)
    assert (ana.phase, ana.free, ana.not_ready) == (None, True, None)
    assert ana.closed == maria.outcomes
    assert offer.accept(work.pk, ana.id, now=floor.now) == alert.OVER
    assert offer.reject(work.pk, ana.id, now=floor.now) == alert.OVER
    floor.at_rest()
    floor.check()


@pytest.mark.parametrize("meets", [Busy(after=seconds(3)), RefusedAtOnce(cause=Cause.CONGESTION), NoAnswer()], ids=lambda m: type(m).__name__)
def test_a_customer_who_is_not_reached_takes_the_alert_away(floor: Floor, ana: Someone, meets: object) -> None:
    maria = maria_is_called(floor, ana, ring_for=12, meets=meets)
    floor.run(until=lambda: maria.attempts and maria.outcomes[0] is not None, at_most=30)
    assert (ana.phase, ana.free, ana.not_ready) == (None, True, None)
    assert maria.where == ("waiting", "retry")
    floor.at_rest()


def test_whose_page_is_away_for_a_moment_finds_the_alert_again(floor: Floor, ana: Someone) -> None:
    maria_is_called(floor, ana)
    rings(floor, ana)
    ana.closes_console()
    floor.run(2)
    ana.opens_console()
    assert ana.phase == "ringing_agent"
    ana.accepts()
    floor.run(until=lambda: ana.phase == "connected", at_most=6)


@pytest.mark.parametrize("someone_else", [True, False], ids=["another_is_free", "nobody_is"])
def test_whose_page_is_away_when_the_customer_answers_loses_them_to_another_or_to_the_message(
    floor: Floor, ana: Someone, ben: Someone, someone_else: bool
) -> None:
    maria = maria_is_called(floor, ana, ben)
    rings(floor, ana)
    ana.closes_console()
    if someone_else:
        ben.sits_down()
        rings(floor, ben)
        ben.accepts()
        floor.run(until=lambda: ben.phase == "connected", at_most=1)
    else:
        floor.run(10)
        assert heard_the_message_in_time(maria)
    assert ana.closed == ["agent_lost"]
    floor.check()


@pytest.mark.parametrize("when", ["rings", "answered"])
@both_modes
def test_whose_phone_is_lost_while_it_alerts_gives_the_call_to_another(floor: Floor, ana: Someone, ben: Someone, mode: str, when: str) -> None:
    maria = maria_is_called(floor, ana, ben, mode=mode)
    floor.run(1)
    ben.sits_down()
    if when == "rings":
        rings(floor, ana)
    else:
        answered(floor, ana)
    ana.phone_dies()
    floor.run(0.2)
    assert (ana.closed, ben.phase) == (["agent_lost"], "ringing_agent")
    ben.accepts()
    floor.run(until=lambda: ben.phase == "connected", at_most=8)
    done(floor, ben)
    assert maria.outcomes == ["connected"]


@both_modes
def test_whose_phone_is_lost_while_it_alerts_and_nobody_is_free_leaves_the_message(floor: Floor, ana: Someone, mode: str) -> None:
    maria = maria_is_called(floor, ana, mode=mode)
    answered(floor, ana)
    ana.phone_dies()
    floor.run(1)
    assert heard_the_message_in_time(maria)
    floor.run(40)
    assert maria.outcomes[0] == "abandoned"


@pytest.mark.parametrize("at_stop", ["drain", "cancel"])
def test_a_stop_lets_the_alert_go_on_or_ends_it_with_the_call(floor: Floor, ana: Someone, at_stop: str) -> None:
    campaign = alerting(floor, ana, at_stop=at_stop, min_ring_for=3)
    maria = floor.person(campaign, "Maria", Answers(after=seconds(10), talks_for=seconds(30)))
    ana.sits_down()
    rings(floor, ana)
    floor.run(1)
    control.stop(campaign, by=None, now=floor.now)
    floor.run(6)
    if at_stop == "cancel":
        assert (ana.phase, maria.outcomes) == (None, ["cancelled"])
    else:
        assert ana.phase == "ringing_agent"
        ana.accepts()
        floor.run(until=lambda: ana.phase == "connected", at_most=8)
        done(floor, ana)
    floor.check()


@both_modes
def test_when_the_telephone_system_is_gone_so_is_the_alert(floor: Floor, ana: Someone, mode: str) -> None:
    maria = maria_is_called(floor, ana, mode=mode)
    answered(floor, ana)
    progress.node_gone(floor.node.pk, now=floor.now)
    assert ana.phase is None
    assert maria.outcomes[0] is not None
    assert maria.where[0] != "busy"


@both_modes
def test_a_pump_that_dies_while_it_alerts_leaves_the_message_to_the_carrier_and_nobody_stuck(floor: Floor, ana: Someone, mode: str) -> None:
    maria = maria_is_called(floor, ana, mode=mode)
    answered(floor, ana)
    floor.sweeps = False
    floor.pump_dies()
    floor.run(4)
    floor.sweeps = True
    floor.listen()
    floor.run(2)
    heard, said = (floor.world.when(maria.attempts[0].pk, kind) for kind in (Happened.ANNOUNCEMENT_STARTED, Happened.ANSWERED))
    assert heard
    assert said
    assert heard - said <= timedelta(seconds=2)
    assert ana.phase is None
    floor.run(40)
    assert maria.outcomes[0] == "abandoned"


@pytest.mark.parametrize("lost", [1, 2])
def test_an_answer_an_accept_and_a_lost_redis_find_each_other(floor: Floor, ana: Someone, lost: int) -> None:
    maria_is_called(floor, ana, mode="power")
    if lost == 1:
        floor.run(5.8)
        floor.empties_redis()
    answered(floor, ana)
    if lost == 2:
        floor.empties_redis()
    ana.accepts()
    floor.run(until=lambda: ana.phase == "connected", at_most=2)


# --- while the carrier listens for a machine ------------------------------------------------------------------------------------------


@both_modes
def test_who_accepts_while_the_carrier_listens_has_a_person_with_the_verdict(floor: Floor, ana: Someone, mode: str) -> None:
    maria = maria_is_called(floor, ana, mode=mode, on_machine="hang_up")
    answered(floor, ana)
    ana.accepts()
    floor.run(0.3)
    assert (ana.phase, call_of(maria).verdict) == ("connecting", "")
    floor.run(until=lambda: ana.phase == "connected", at_most=3)
    assert call_of(maria).verdict == "human"


@both_modes
def test_the_two_seconds_of_an_alert_run_from_the_verdict(floor: Floor, ana: Someone, mode: str) -> None:
    maria = maria_is_called(floor, ana, mode=mode, on_machine="hang_up")
    floor.run(until=lambda: bool(maria.attempts) and call_of(maria).verdict == "human", at_most=15)
    floor.run(1.8)
    assert ana.phase == "ringing_agent"
    ana.accepts()
    floor.run(until=lambda: ana.phase == "connected", at_most=0.2)


@both_modes
def test_a_machine_takes_the_alert_away_and_the_agent_keeps_their_place(floor: Floor, ana: Someone, mode: str) -> None:
    maria = maria_is_called(floor, ana, mode=mode, on_machine="hang_up", meets=Machine(after=seconds(2)))
    before = ana.session.ready_since
    answered(floor, ana)
    floor.run(until=lambda: ana.phase is None, at_most=5)
    floor.run(1)
    assert (ana.closed, maria.outcomes) == (["machine"], ["machine"])
    assert (ana.free, ana.session.ready_since) == (True, before)


def test_an_accept_of_what_is_no_alert_any_more_says_so(floor: Floor, ana: Someone) -> None:
    maria_is_called(floor, ana)
    rings(floor, ana)
    assert ana.work
    work = ana.work.pk
    ana.accepts()
    assert alert.accept(work, ana.id, now=floor.now) == alert.OVER


@pytest.mark.parametrize("comes_after", [0.5, 1.6])
@both_modes
def test_a_rejection_while_the_carrier_listens_leaves_the_customer_to_whoever_becomes_free_until_the_verdict(
    floor: Floor, ana: Someone, ben: Someone, mode: str, comes_after: float
) -> None:
    maria = maria_is_called(floor, ana, ben, mode=mode, on_machine="hang_up")
    answered(floor, ana)
    ana.rejects()
    floor.run(comes_after)
    ben.sits_down()
    rings(floor, ben, at_most=1)
    ben.accepts()
    floor.run(until=lambda: ben.phase == "connected", at_most=4)
    done(floor, ben)
    assert (ana.closed, maria.outcomes) == (["missed"], ["connected"])


@both_modes
def test_who_rejects_while_the_carrier_listens_is_not_asked_again_where_redis_was_lost(floor: Floor, ana: Someone, mode: str) -> None:
    maria = maria_is_called(floor, ana, mode=mode, on_machine="hang_up", when_rejected="ready")
    answered(floor, ana)
    floor.empties_redis()
    ana.rejects()
    floor.run(0.1)
    assert ana.phase is None
    floor.run(2)
    assert ana.phase is None
    floor.run(10)
    assert (ana.closed, maria.outcomes) == (["missed"], ["abandoned"])


# --- what rings and is no alert -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("picks_up", [True, False])
@pytest.mark.parametrize("mode", ["preview", "manual"])
def test_a_phone_that_is_called_for_the_second_call_from_a_record_is_no_alert_to_the_first(floor: Floor, mode: str, picks_up: bool) -> None:
    eva = floor.agent("Eva", leg_mode=PER_CALL)
    campaign = floor.campaign(mode, agents=[eva], disposition_for="none")
    maria = floor.person(campaign, "Maria", Busy(after=seconds(3)), ANSWERS)
    eva.sits_down()
    if mode == "manual":
        eva.runs(campaign)
    eva.gets(campaign)
    eva.waits()
    eva.calls()
    floor.run(until=lambda: eva.phase == "preview" and maria.outcomes == ["busy"], at_most=20)
    if not picks_up:
        floor.script.station("eva", NoAnswer())
    assert eva.calls() == DONE
    if picks_up:
        floor.run(until=lambda: eva.phase == "connected", at_most=15)
        return
    floor.run(until=lambda: eva.phase is None, at_most=60)
    assert maria.where == ("waiting", "retry")
    floor.check()
