"""Where a campaign wants something said of every call, the unsuccessful ones too: nothing is dialed before it, and nothing said is lost."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from agents.desk import DONE, Answer, Refusal
from agents.models import Station
from campaigns import screens
from campaigns.flow import callbacks, place, talk, wrap_up
from campaigns.flow.callbacks import Window
from campaigns.models import Callback, Campaign, Disposition, DoNotCall, NumberCheck, PhoneNumber
from dialer_project.lib.sentence import heard
from telephony.drivers.simulated.script import Answers, Busy, NoAnswer, seconds
from telephony.models import Announcement
from tests.floor import Floor, Person, Someone

TALKS = Answers(after=seconds(2), talks_for=seconds(60))
NEW = "+34611000007"


def takes(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    ana.sits_down()
    ana.runs(campaign)
    floor.run(2)
    assert (ana.accepts() if ana.phase == "offered" else ana.gets(campaign)) == DONE


def called_in_vain(floor: Floor, ana: Someone, mode: str = "preview", **brief: Any) -> Person:
    """Maria's first number was busy, and her record is still before Ana."""
    campaign = floor.campaign(mode, agents=[ana], **brief)
    maria = floor.person(campaign, "Maria", Busy(), TALKS, numbers=2)
    floor.script.say(maria.numbers[1], TALKS)
    takes(floor, ana, campaign)
    if ana.phase == "preview":
        assert ana.calls() == DONE
    floor.run(until=lambda: ana.phase == "preview" and maria.outcomes == ["busy"], at_most=40)
    return maria


def places(answer: Answer) -> list[str]:
    assert isinstance(answer, Refusal)
    return [problem.where for problem in answer.problems]


def wraps_up(floor: Floor, ana: Someone) -> None:
    floor.run(until=lambda: ana.phase == "connected", at_most=15)
    ana.hangs_up()
    floor.run(until=lambda: ana.phase == "wrap_up", at_most=3)


def said(maria: Person) -> list[str | None]:
    return [attempt.disposition.code if attempt.disposition else None for attempt in maria.attempts]


AGAIN: dict[str, Callable[[Someone, Person], Answer]] = {
    "the same number": lambda ana, maria: ana.calls(),
    "another number": lambda ana, maria: ana.calls(maria.numbers[1]),
    "a number that was typed": lambda ana, maria: ana.dials_new(NEW),
}


@pytest.mark.parametrize("dialed", AGAIN)
@pytest.mark.parametrize("mode", ["manual", "preview", "push_preview", "direct_push_preview"])
def test_the_next_call_from_a_record_waits_for_what_is_said_of_the_one_before(floor: Floor, ana: Someone, mode: str, dialed: str) -> None:
    maria = called_in_vain(floor, ana, mode)
    floor.script.say(NEW, TALKS)
    assert places(AGAIN[dialed](ana, maria)) == ["disposition"]
    floor.run(2)
    assert (ana.phase, len(maria.attempts), PhoneNumber.objects.filter(e164=NEW).exists()) == ("preview", 1, False)
    ana.chooses("again")
    assert AGAIN[dialed](ana, maria) == DONE
    wraps_up(floor, ana)
    assert ana.finishes("sale") == DONE
    assert said(maria) == ["again", "sale"]


@pytest.mark.parametrize("wanted", ["answered", "none"])
def test_where_only_conversations_need_one_the_next_call_waits_for_nothing(floor: Floor, ana: Someone, wanted: str) -> None:
    maria = called_in_vain(floor, ana, disposition_for=wanted)
    assert ana.calls() == DONE
    floor.run(until=lambda: len(maria.attempts) == 2, at_most=5)


def test_a_note_that_is_wanted_is_written_before_the_next_call(floor: Floor, ana: Someone) -> None:
    maria = called_in_vain(floor, ana, disposition_for="none", note_required=True)
    assert places(ana.calls()) == ["note"]
    Disposition.objects.filter(code="again").update(note_required=True)
    Campaign.objects.update(note_required=False)
    ana.chooses("again")
    assert places(ana.calls()) == ["note"], "this disposition wants one"
    assert wrap_up.save_note(ana._work(), ana.id, "nobody there", now=floor.now) == DONE
    assert ana.calls() == DONE
    floor.run(until=lambda: len(maria.attempts) == 2, at_most=5)


def test_what_was_said_stays_until_there_is_a_next_call(floor: Floor, ana: Someone) -> None:
    """Refused by the gate, the record is done with what was said; nothing is asked twice."""
    maria = called_in_vain(floor, ana)
    for e164 in maria.numbers:
        DoNotCall.objects.create(number_key=PhoneNumber.objects.get(e164=e164).number_key, source="agent", created_at=floor.now)
    ana.chooses("again")
    assert ana.calls(maria.numbers[1]) == DONE
    floor.run(2)
    assert ana.work
    assert (ana.phase, ana.work.progress, said(maria)) == ("preview", "refused", [None])
    assert ana.work.draft["disposition"] == Disposition.objects.get(code="again").pk
    assert ana.finishes("again") == DONE
    assert said(maria) == ["again"]


def test_a_call_that_was_never_sent_asks_for_nothing(floor: Floor, ana: Someone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "_STILL", "false")  # the last look says no
    campaign = floor.campaign("preview", agents=[ana])
    floor.person(campaign, "Maria", TALKS)
    takes(floor, ana, campaign)
    ana.calls()
    floor.run(2)
    assert ana.work
    assert (ana.phase, ana.work.outcome) == ("preview", "cancelled")
    assert ana.calls() == DONE
    floor.run(2)
    assert ana.finishes(None) == DONE


# --- calls the system dials -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wanted", [{"note_required": True}, {"disposition_for": "all"}])
@pytest.mark.parametrize("mode", ["agent_first", "progressive"])
def test_an_agent_who_had_a_call_in_vain_says_what_the_campaign_wants_to_know(floor: Floor, ana: Someone, mode: str, wanted: dict[str, Any]) -> None:
    campaign = floor.campaign(mode, agents=[ana], **wanted)
    maria = floor.person(campaign, "Maria", Busy())
    ana.sits_down()
    floor.run(until=lambda: ana.phase is not None, at_most=5)
    if ana.phase == "ringing_agent":
        ana.accepts()
    floor.run(until=lambda: ana.phase == "wrap_up", at_most=20)
    assert places(ana.finishes(None)) == (["note"] if "note_required" in wanted else ["disposition"])
    assert ana.finishes("again", note="busy") == DONE
    assert (maria.where, said(maria)) == (("waiting", "retry"), ["again"])


def test_nobody_wraps_up_a_call_that_nobody_had(floor: Floor, ana: Someone) -> None:
    campaign = floor.campaign("power", agents=[ana], dial_ratio="1.0", disposition_for="all", note_required=True)
    maria = floor.person(campaign, "Maria", Busy())
    ana.sits_down()
    floor.run(until=lambda: maria.outcomes == ["busy"], at_most=20)
    floor.run(1)
    assert (ana.phase, ana.free, maria.where) == (None, True, ("waiting", "retry"))


# --- the agent goes without a word ------------------------------------------------------------------------------------------------------


def leaves(floor: Floor, ana: Someone, how: str) -> None:
    match how:
        case "too long":
            floor.run(3700)
        case "gone":
            ana.closes_console()
            floor.run(120)
        case "declined":
            assert ana.declines() == DONE
        case "phone not answered":
            ana.calls()
            floor.run(until=lambda: ana.phase is None, at_most=90)
    assert ana.phase is None


@pytest.mark.parametrize("how", ["too long", "gone", "declined", "phone not answered"])
@pytest.mark.parametrize("promised", [False, True])
def test_do_not_call_back_ticked_on_a_record_that_was_never_dialed_is_kept(floor: Floor, how: str, promised: bool) -> None:
    ana = floor.agent("Ana", leg_mode=Station.LegMode.PER_CALL)
    floor.script.station("ana", NoAnswer())
    campaign = floor.campaign("preview", agents=[ana], no_callback_days=10)
    maria = floor.person(campaign, "Maria", TALKS)
    if promised:
        floor.promises(maria, ana, at=floor.now)
    takes(floor, ana, campaign)
    ana.enters(no_callback=True)
    leaves(floor, ana, how)
    assert maria.where == ("waiting", "no_callback")
    assert maria.now().next_call_at >= floor.now + timedelta(days=9)
    assert not maria.attempts
    assert not Callback.objects.filter(state="open").exists()


def test_a_tick_of_long_ago_is_not_said_again_by_who_looks_now(floor: Floor, ana: Someone) -> None:
    campaign = floor.campaign("preview", agents=[ana], no_callback_days=0)
    maria = floor.person(campaign, "Maria", TALKS)
    takes(floor, ana, campaign)
    ana.enters(no_callback=True)
    assert ana.finishes(None) == DONE
    floor.run(60)
    assert ana.gets(campaign) == DONE
    leaves(floor, ana, "declined")
    assert maria.where == ("waiting", "returned")


def test_do_not_call_chosen_by_an_agent_who_never_came_to_done_is_kept(floor: Floor, ana: Someone) -> None:
    campaign = floor.campaign("preview", agents=[ana])
    maria = floor.person(campaign, "Maria", TALKS)
    takes(floor, ana, campaign)
    ana.chooses(Disposition.objects.get(kind="do_not_call").code)
    leaves(floor, ana, "gone")
    assert maria.where == ("final", "do_not_call")
    assert DoNotCall.objects.filter(number_key=PhoneNumber.objects.get(e164=maria.number).number_key).exists()


@pytest.mark.parametrize("how", ["too long", "gone"])
def test_what_was_said_of_a_call_in_vain_is_kept_where_the_agent_leaves(floor: Floor, ana: Someone, how: str) -> None:
    maria = called_in_vain(floor, ana)
    ana.enters(number_result="fax", disposition=Disposition.objects.get(code="again").pk)
    leaves(floor, ana, how)
    assert (said(maria), maria.where) == (["again"], ("waiting", "retry"))
    assert PhoneNumber.objects.get(e164=maria.number).result == "fax"


def test_what_was_said_of_a_call_in_vain_is_kept_where_the_agents_phone_is_not_answered_for_the_next(floor: Floor) -> None:
    ana = floor.agent("Ana", leg_mode=Station.LegMode.PER_CALL)
    floor.script.station("ana", Answers(after=seconds(1)), NoAnswer())
    maria = called_in_vain(floor, ana)
    ana.chooses("no")
    leaves(floor, ana, "phone not answered")
    assert (said(maria), maria.where[0]) == (["no"], "final")


def test_what_was_said_of_an_answering_machine_is_kept_where_the_agent_leaves_the_message_to_it(floor: Floor, ana: Someone) -> None:
    campaign = floor.campaign("progressive", agents=[ana], voicemail=Announcement.objects.create(name="voicemail", media="sound:voicemail"))
    maria = floor.person(campaign, "Maria", TALKS)
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "connected", at_most=10)
    ana.chooses("again")
    assert talk.leave_message(ana._work(), ana.id, now=floor.now) == DONE
    floor.run(until=lambda: bool(maria.outcomes) and maria.outcomes[0], at_most=90)
    assert said(maria) == ["again"]


# --- postponed before the call, and callbacks that wait -------------------------------------------------------------------------------


def books(ana: Someone) -> Answer:
    local = f"{ana.floor.now + timedelta(hours=3):%Y-%m-%dT%H:%M}"
    return callbacks.schedule(ana._work(), ana.id, Window(on=True, local=local, zone="UTC", personal=True), now=ana.floor.now)


@pytest.mark.parametrize("preview_for", [0, 20])
def test_who_was_postponed_while_offered_is_not_dialed_by_the_countdown_after_accept(floor: Floor, ana: Someone, preview_for: int) -> None:
    campaign = floor.campaign("push_preview", agents=[ana], preview_for=preview_for)
    maria = floor.person(campaign, "Maria", TALKS)
    ana.sits_down()
    ana.runs(campaign)
    floor.run(until=lambda: ana.phase == "offered", at_most=5)
    assert books(ana) == DONE
    assert ana.accepts() == DONE
    floor.run(60)
    assert (ana.phase, maria.attempts) == ("preview", [])
    assert ana.calls() == DONE
    floor.run(until=lambda: ana.phase == "connected", at_most=10)


def test_who_was_postponed_while_the_number_is_checked_is_not_dialed_by_the_verdict(
    floor: Floor, ana: Someone, service: object, checker: object
) -> None:
    campaign = floor.campaign("preview", agents=[ana], validation_service=service)
    maria = floor.person(campaign, "Maria", TALKS)
    ana.sits_down()
    floor.run(until=lambda: NumberCheck.objects.filter(verdict="clear").exists(), at_most=5)
    assert ana.gets(campaign) == DONE
    NumberCheck.objects.all().delete()
    assert ana.calls() == DONE
    assert ana.phase == "checking"
    assert books(ana) == DONE
    floor.run(20)
    assert (ana.phase, maria.attempts) == ("preview", [])


def test_who_has_stopped_a_campaign_is_told_of_their_callbacks_that_are_due(floor: Floor, ana: Someone) -> None:
    def remark() -> tuple[str, int | None]:
        told = screens.campaigns(ana.id, now=floor.now)
        remark = told.campaigns[0].remark
        return heard(remark if isinstance(remark, str) else remark.model_dump(mode="json")), told.ask_again

    stopped = "Nothing comes until you ask for it."
    campaign = floor.campaign("agent_first", agents=[ana], callback_fallback=None)
    people = [floor.person(campaign, name, TALKS, at=floor.now + timedelta(days=1)) for name in ("Maria", "Pedro", "Rosa")]
    ana.sits_down()
    ana.stops(campaign)
    assert remark() == (stopped, None)
    for person, minutes in zip(people, (1, 2, 60), strict=True):
        floor.promises(person, ana if person is not people[2] else None, at=floor.now + timedelta(minutes=minutes))
    assert remark() == (stopped, screens.REMARKS_LAST), "the clock will make it untrue"
    floor.run(70)
    assert remark()[0] == f"{stopped} A callback of yours is due and waits."
    floor.run(60)
    assert remark()[0] == f"{stopped} 2 callbacks of yours are due and wait."
    assert [one.stopped for one in screens.callbacks(ana.id, now=floor.now).callbacks] == [True, True]
    assert (ana.phase, people[0].attempts) == (None, [])
    ana.runs(campaign)
    floor.run(until=lambda: ana.phase == "ringing_agent", at_most=5)
    assert [one.stopped for one in screens.callbacks(ana.id, now=floor.now).callbacks] == [False, False]
