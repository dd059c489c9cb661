"""An agent's phone, screen and record: what is refused says why, what is lost is made good."""

from datetime import timedelta
from typing import Any

import pytest

from agents.desk import Done, Refusal
from agents.live import board, presence
from agents.live.board import Free
from agents.models import Interaction, Station
from campaigns.flow import control, match, offer, sweep, wrap_up
from campaigns.models import Campaign, Disposition
from dialer_project.lib import redis
from telephony import calls
from telephony.drivers.simulated.script import Answers, NoAnswer, seconds
from telephony.models import Call, Trunk
from telephony.rules.events import Happened
from tests.floor import Floor, Someone

PER_CALL = Station.LegMode.PER_CALL
TALKS = Answers(after=seconds(4), talks_for=seconds(60))


def talking(floor: Floor, someone: Someone, mode: str = "progressive") -> Campaign:
    campaign = floor.campaign(mode, agents=[someone])
    floor.person(campaign, "Maria", TALKS)
    someone.sits_down()
    floor.run(until=lambda: someone.phase == "connected", at_most=10)
    return campaign


# --- the phone ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("leg_mode", [Station.LegMode.NAILED_UP, PER_CALL])
def test_putting_the_phone_down_hangs_up_on_the_customer(floor: Floor, leg_mode: str) -> None:
    ana = floor.agent("Ana", leg_mode=leg_mode)
    talking(floor, ana)
    ana.puts_the_phone_down()
    floor.run(until=lambda: ana.phase == "wrap_up", at_most=1)
    ana.finishes("sale")


def test_a_phone_put_down_between_the_answer_and_the_bridge_is_a_lost_agent_and_no_silent_hang_up(floor: Floor) -> None:
    ana, ben = floor.agent("Ana", leg_mode=PER_CALL), floor.agent("Ben")
    floor.script.bridging = seconds(1)
    campaign = floor.campaign("progressive", agents=[ana, ben])
    maria = floor.person(campaign, "Maria", TALKS)
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "connecting", at_most=6)
    ben.sits_down()
    floor.run(0.3)
    assert ben.free
    ana.puts_the_phone_down()
    floor.run(until=lambda: ben.phase in ("connecting", "connected"), at_most=1)
    assert maria.outcomes == [None]
    assert ana.closed == ["agent_lost"]


def test_a_nailed_up_leg_that_ends_between_the_answer_and_the_bridge_is_a_lost_agent(floor: Floor, ana: Someone) -> None:
    floor.script.bridging = seconds(1)
    maria = floor.person(floor.campaign("progressive", agents=[ana]), "Maria", TALKS)
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "connecting", at_most=6)
    ana.puts_the_phone_down()
    floor.run(until=lambda: maria.outcomes == ["abandoned"], at_most=10)
    assert floor.world.when(maria.attempts[0].pk, Happened.ANNOUNCEMENT_STARTED)


def test_a_phone_taken_by_somebody_else_is_refused_by_name(floor: Floor, ana: Someone) -> None:
    ana.sits_down()
    ben = floor.agent("Ben")
    ben.station = ana.station
    ben.opens_console()
    assert ben.signs_in() == Refusal("Somebody else is signed in at ana: choose another phone.")
    Station.objects.filter(pk=ana.station.pk).update(name="gone")
    ben.station = Station(pk=0)
    assert ben.signs_in() == Refusal("This phone does not exist any more: choose another one.")


def test_nobody_signs_in_where_no_machine_listens(floor: Floor, ana: Someone) -> None:
    floor.stop_listening()
    ana.opens_console()
    answer = ana.signs_in()
    assert isinstance(answer, Refusal)
    assert "No telephone system is connected" in answer.sentence


def test_who_has_work_in_hand_can_neither_change_phones_nor_go(floor: Floor, ana: Someone) -> None:
    talking(floor, ana)
    first = Refusal("Finish the record on your screen first.")
    assert ana.signs_in() == first
    assert ana.signs_out() == first
    ana.hangs_up()
    floor.run(1)
    ana.finishes("sale")
    leg = ana.leg
    assert isinstance(ana.signs_out(), Done)
    floor.run(1)
    assert floor.world.when(leg, Happened.ENDED), "the phone is let go"
    assert not ana.free


def test_signing_in_again_replaces_the_leg_and_the_old_ones_end_is_history(floor: Floor, ana: Someone) -> None:
    ana.sits_down()
    old = ana.leg
    assert isinstance(ana.signs_in(), Done)
    floor.run(3)
    assert floor.world.when(old, Happened.ENDED)
    assert ana.leg != old
    assert ana.session.leg_state == "up"


def test_who_is_not_signed_in_is_told_so(floor: Floor, ana: Someone) -> None:
    ana.opens_console()
    sentence = Refusal("Choose a phone first: you are not signed in to one.")
    assert ana.goes_ready() == sentence
    assert ana.takes_break() == sentence
    assert ana.takes_break("no_answer") == Refusal("This reason does not exist any more: choose another one.")


def test_a_phone_that_answers_when_its_work_is_over_is_let_go(floor: Floor) -> None:
    ana = floor.agent("Ana", leg_mode=PER_CALL)
    campaign = floor.campaign("agent_first", agents=[ana], ring_agent_for=5)
    floor.person(campaign, "Maria", TALKS)
    floor.script.station("ana", Answers(after=seconds(4.9)))
    floor.script.hanging_up = seconds(3)
    ana.sits_down()
    floor.run(4.5)
    ana.rejects()
    floor.run(6)
    assert not Call.objects.exclude(state="ended").exists()


def test_the_longest_call_is_ended_by_us_where_the_carrier_did_not(floor: Floor, ana: Someone) -> None:
    campaign = floor.campaign("progressive", agents=[ana], longest_call=1)
    floor.person(campaign, "Maria", Answers(after=seconds(2)))
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "connected", at_most=5)
    Interaction.objects.filter(pk=ana._work()).update(deadline=floor.now + timedelta(seconds=10))
    floor.run(until=lambda: ana.phase == "wrap_up", at_most=13)
    ana.finishes("sale")


# --- the screen -----------------------------------------------------------------------------------------------------------------------


def test_a_console_that_fell_silent_is_as_one_that_closed(floor: Floor, ana: Someone) -> None:
    ana.sits_down()
    presence.heard({ana.id: floor.now}, now=floor.now)
    floor.run(14)
    sweep.every_second(now=floor.now)
    assert ana.free
    presence.heard({}, now=floor.now)
    floor.run(3)
    sweep.every_second(now=floor.now)
    assert not ana.session.present
    assert not ana.stands


def test_a_record_can_only_be_taken_by_whom_it_was_offered_to(floor: Floor, ana: Someone) -> None:
    ben = floor.agent("Ben")
    floor.person(floor.campaign("agent_first", agents=[ana]), "Maria", TALKS)
    ana.sits_down()
    ben.sits_down()
    floor.run(until=lambda: ana.phase == "ringing_agent", at_most=2)
    assert offer.accept(ana._work(), ben.id, now=floor.now) == offer.WENT_BACK
    assert offer.reject(ana._work(), ben.id, now=floor.now) == offer.WENT_BACK
    assert ana.phase == "ringing_agent"


def test_there_must_be_a_call_to_hang_up(floor: Floor, ana: Someone) -> None:
    floor.person(floor.campaign("agent_first", agents=[ana]), "Maria", TALKS)
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "ringing_agent", at_most=2)
    assert ana.hangs_up() == Refusal("There is no call to hang up.")


def test_what_is_missing_from_a_wrap_up_is_told(floor: Floor, ana: Someone) -> None:
    talking(floor, ana)
    ana.hangs_up()
    floor.run(1)
    noted = Disposition.objects.create(code="noted", label="Noted", kind="other", note_required=True)
    gone = Disposition.objects.create(code="gone", label="Gone", kind="other", active=False)

    def finish(disposition: Disposition, note: str = "") -> Any:
        return wrap_up.finish(ana._work(), ana.id, disposition_id=disposition.pk, note=note, stop=False, now=floor.now)

    too_long = Refusal("The note is too long: at most 10,000 characters are kept.")
    assert finish(noted) == Refusal("This disposition needs a note: write what was agreed.")
    assert finish(gone) == Refusal("This disposition is not one of the campaign's any more: choose another one.")
    assert finish(noted, "x" * 10_001) == too_long
    assert wrap_up.save_note(ana._work(), ana.id, "x" * 10_001, now=floor.now) == too_long
    assert ana.phase == "wrap_up"
    assert isinstance(finish(noted, "Tuesday"), Done)
    assert Interaction.objects.get(closed_because="done").note == "Tuesday"


def test_what_a_campaign_lacks_is_told_in_one_sentence(floor: Floor, ana: Someone) -> None:
    campaign = floor.campaign("predictive", start=False, call_application="", message=None)
    campaign.lists.all().delete()
    answer = control.start(campaign, by=None, now=floor.now)
    assert isinstance(answer, Refusal)
    for lack in ("cannot be run yet", "call application", "message", "at least one agent", "calling list"):
        assert lack in answer.sentence


def test_a_campaign_that_needs_no_approval_approves_itself_at_the_start(floor: Floor, ana: Someone) -> None:
    campaign = floor.campaign("progressive", agents=[ana], start=False, require_approval=False)
    assert isinstance(control.start(campaign, by=None, now=floor.now), control.Moved)
    assert list(campaign.changes.values_list("move", flat=True)) == ["approve", "start"]


# --- the projection is wrong, or away -----------------------------------------------------------------------------------------------


def test_somebody_proposed_who_is_not_free_loses_nothing_for_the_others(floor: Floor, ana: Someone) -> None:
    ben = floor.agent("Ben")
    campaign = floor.campaign("progressive", agents=[ana, ben])
    ana.sits_down(ready=False)
    ben.sits_down()
    board.stand(Free(ana.id, floor.now - timedelta(hours=1), (campaign.line,)))
    maria = floor.person(campaign, "Maria", TALKS)
    floor.run(until=lambda: maria.attempts, at_most=3)
    assert maria.attempts[0].agent_id == ben.id
    assert ana.id not in {agent for agent, _ in board.free([campaign.line])[campaign.line]}


def test_an_answer_offered_to_somebody_who_is_not_free_goes_to_the_next(floor: Floor, ana: Someone) -> None:
    ben, cleo = floor.agent("Ben"), floor.agent("Cleo")
    campaign = floor.campaign("progressive", agents=[ana, ben, cleo])
    maria = floor.person(campaign, "Maria", TALKS)
    ana.sits_down()
    floor.run(2)
    cleo.sits_down()
    ben.sits_down(ready=False)
    board.stand(Free(ben.id, floor.now - timedelta(hours=1), (campaign.line, f"{campaign.line}@{floor.node.pk}")))
    ana.phone_dies()
    floor.run(until=lambda: cleo.phase == "connected", at_most=5)
    assert maria.attempts[0].agent_id == cleo.id


def test_a_customer_who_hangs_up_in_the_moment_of_the_match_leaves_the_agent_free(
    floor: Floor, ana: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    ben = floor.agent("Ben")
    campaign = floor.campaign("progressive", agents=[ana, ben])
    maria = floor.person(campaign, "Maria", TALKS)
    ana.sits_down()
    floor.run(2)
    ben.sits_down()
    ana.phone_dies()
    give = calls.give

    def too_late(pairs: Any) -> Any:
        monkeypatch.setattr(calls, "give", give)
        return set()

    monkeypatch.setattr(calls, "give", too_late)
    floor.run(until=lambda: "customer_gone" in ben.closed, at_most=5)
    floor.run(4)
    assert ben.free
    assert ben.stands
    assert maria.outcomes[0] in ("abandoned", None)


def test_a_customer_who_waits_is_found_by_who_becomes_free_while_the_projection_is_gone(floor: Floor, ana: Someone) -> None:
    ben = floor.agent("Ben")
    campaign = floor.campaign("progressive", agents=[ana, ben])
    floor.person(campaign, "Maria", TALKS)
    ana.sits_down()
    ben.sits_down(ready=False)
    floor.run(3)
    ana.phone_dies()
    floor.sweeps = False
    floor.run(1.5)
    assert match.all_waiting()
    floor.empties_redis()
    ben.goes_ready()
    floor.run(until=lambda: ben.phase == "connected", at_most=0.5)


class Away:
    """A Redis that is not there."""

    def __getattr__(self, name: str) -> Any:
        raise redis.Unavailable("connection refused")


def test_while_redis_is_away_nothing_new_is_dialed_answers_are_matched_and_nothing_is_lost(
    floor: Floor, ana: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    ben = floor.agent("Ben")
    campaign = floor.campaign("progressive", agents=[ana, ben])
    maria = floor.person(campaign, "Maria", TALKS)
    ana.sits_down()
    floor.run(1)
    ben.sits_down()
    pedro = floor.person(campaign, "Pedro", TALKS)
    with monkeypatch.context() as patch:
        patch.setattr(redis, "hot", Away)
        patch.setattr(Floor, "_let_keys_die", lambda self: None)
        patch.setattr(Floor, "_due_at", lambda self: self.now)
        floor.run(until=lambda: ana.phase == "connected", at_most=6)
        assert not pedro.attempts
        ben.takes_break()
        ben.goes_ready()
        floor.run(3)
        assert not pedro.attempts
        ana.hangs_up()
        floor.run(until=lambda: ana.phase == "wrap_up", at_most=2)
        ana.finishes("sale")
    floor.run(until=lambda: pedro.attempts, at_most=3)
    assert maria.outcomes == ["connected"]
    floor.mishaps.found.clear()


def test_a_full_trunk_keeps_the_order_of_an_agent_who_has_answered(floor: Floor, ana: Someone) -> None:
    ben = floor.agent("Ben")
    campaign = floor.campaign("agent_first", agents=[ana, ben])
    Trunk.objects.update(max_calls=1)
    people = [floor.person(campaign, name, NoAnswer(after=seconds(8))) for name in ("Maria", "Pedro")]
    ana.sits_down()
    ben.sits_down()
    floor.run(until=lambda: ana.phase == "ringing_agent" and ben.phase == "ringing_agent", at_most=3)
    ana.accepts()
    ben.accepts()
    floor.run(5)
    assert sum(len(p.attempts) for p in people) == 1
    assert ben.phase == "dialing", "he waits on the line"
    floor.run(until=lambda: all(p.attempts for p in people), at_most=8)


def test_an_agent_does_not_wait_for_a_trunk_without_end(floor: Floor, ana: Someone) -> None:
    maria = floor.person(floor.campaign("agent_first", agents=[ana], ring_for=10), "Maria", TALKS)
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "ringing_agent", at_most=3)
    Trunk.objects.update(enabled=False)
    ana.accepts()
    ana.takes_break()
    floor.run(until=lambda: ana.phase is None, at_most=30)
    assert ana.closed == ["dial_refused"]
    assert (maria.where, maria.now().misses) == (("waiting", "returned"), 0)
