"""Schedule Callback as an agent uses it, from the window to the call that keeps the promise."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from agents.desk import DONE, NOT_YOURS, Answer, Refusal
from campaigns import screens
from campaigns.flow import callbacks, control
from campaigns.flow.callbacks import Window
from campaigns.models import CallableHours, Callback, Campaign
from telephony.drivers.simulated.script import Answers, Busy, NoAnswer, seconds
from tests.floor import Floor, Person, Someone

TALKS = Answers(after=seconds(2), talks_for=seconds(60))
MADRID = ZoneInfo("Europe/Madrid")


@pytest.fixture
def campaign(floor: Floor, ana: Someone) -> Campaign:
    return floor.campaign("progressive", agents=[ana], hours=CallableHours.objects.get(name="nine to nine"))


@pytest.fixture
def maria(floor: Floor, ana: Someone, campaign: Campaign) -> Person:
    """Ana talks with her: a Tuesday, ten in the morning in Madrid."""
    person = floor.person(campaign, "Maria", TALKS, numbers=2)
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "connected", at_most=6)
    return person


def at(floor: Floor, **later: float) -> str:
    return f"{(floor.now + timedelta(**later)).astimezone(MADRID):%Y-%m-%dT%H:%M}"


def books(ana: Someone, local: str, **more: Any) -> Answer:
    window = Window(**{"on": True, "local": local, "zone": "Europe/Madrid", **more})
    return callbacks.schedule(ana._work(), ana.id, window, now=ana.floor.now)


def said(answer: Answer) -> str:
    assert isinstance(answer, Refusal)
    return answer.sentence


def clears(ana: Someone) -> Answer:
    return callbacks.schedule(ana._work(), ana.id, Window(on=False), now=ana.floor.now)


def window(ana: Someone) -> dict[str, Any]:
    assert ana.work
    shown: dict[str, Any] = ana.work.draft["callback"]
    return shown


def hangs_up(floor: Floor, ana: Someone) -> None:
    ana.hangs_up()
    floor.run(until=lambda: ana.phase == "wrap_up", at_most=3)


def test_a_callback_booked_on_the_call_is_kept_by_its_owner_when_it_is_due(floor: Floor, ana: Someone, maria: Person, campaign: Campaign) -> None:
    ben = floor.agent("Ben")
    control.assign(campaign, [ana.agent, ben.agent], by=None, now=floor.now)
    assert books(ana, at(floor, minutes=10), personal=True, note="ask for the contract") == DONE
    assert window(ana)["problem"] == ""
    made = Callback.objects.get()
    assert (made.kind, made.agent, made.note, made.created_by) == ("personal", ana.agent, "ask for the contract", ana.agent.user)
    assert made.fallback_at == made.due_at + timedelta(minutes=30)
    hangs_up(floor, ana)
    assert ana.finishes("other") == DONE
    assert (maria.where, maria.now().reserved_for_id) == (("waiting", "callback"), ana.id)
    ben.sits_down()
    floor.run(until=lambda: ana.phase == "dialing", at_most=620)
    assert ana.work
    assert ana.work.origin == "personal_callback"
    assert ben.closed == []
    floor.run(until=lambda: ana.phase == "connected", at_most=10)
    hangs_up(floor, ana)
    assert Callback.objects.get().state == "kept"
    assert ana.finishes("sale") == DONE
    assert maria.where == ("final", "success")


def test_one_for_anybody_comes_first_and_says_what_it_is(floor: Floor, ana: Someone, maria: Person, campaign: Campaign) -> None:
    assert books(ana, at(floor, minutes=5)) == DONE
    hangs_up(floor, ana)
    assert ana.finishes("other") == DONE
    assert maria.now().reserved_for_id is None
    others = [floor.person(campaign, f"Other {i}", NoAnswer(), at=floor.now + timedelta(minutes=6)) for i in range(2)]
    ana.takes_break()
    floor.run(7 * 60)
    ana.goes_ready()
    floor.run(until=lambda: ana.phase == "dialing", at_most=5)
    assert ana.work
    assert (ana.work.lead_id, ana.work.origin) == (maria.lead.pk, "callback")
    assert not any(other.attempts for other in others)


def test_it_calls_the_number_that_was_chosen_or_typed(floor: Floor, ana: Someone, maria: Person) -> None:
    second = maria.contact.phones.get(e164=maria.numbers[1])
    assert books(ana, at(floor, minutes=10), phone=second.pk) == DONE
    assert Callback.objects.get().phone == second
    assert books(ana, at(floor, minutes=10), new_number="612 345 678", new_kind="mobile") == DONE
    typed = maria.contact.phones.get(e164="+34612345678")
    assert Callback.objects.get().phone == typed
    assert (window(ana)["phone"], window(ana)["new_number"]) == (typed.pk, "")
    assert typed.kind == "mobile"
    hangs_up(floor, ana)
    floor.script.say(typed.e164, TALKS)
    assert ana.finishes("other") == DONE
    floor.run(until=lambda: maria.dialed == [maria.number, typed.e164], at_most=620)


def test_it_is_changed_by_reopening_and_cancelled_by_clearing_until_the_record_is_closed(floor: Floor, ana: Someone, maria: Person) -> None:
    assert books(ana, at(floor, minutes=10), personal=True) == DONE
    assert books(ana, at(floor, hours=2)) == DONE
    assert list(Callback.objects.values_list("kind", "due_at", "fallback_at")) == [
        ("group", floor.now.replace(second=0, microsecond=0) + timedelta(hours=2), None)
    ]
    assert clears(ana) == DONE
    assert list(Callback.objects.values_list("state", "reason")) == [("cancelled", "cancelled by the agent")]
    work = ana._work()
    hangs_up(floor, ana)
    assert ana.finishes("other") == DONE
    assert maria.where == ("final", "done")
    assert callbacks.schedule(work, ana.id, Window(on=False), now=floor.now) == NOT_YOURS


def test_a_time_that_has_passed_is_refused_and_blocks_done(floor: Floor, ana: Someone, maria: Person) -> None:
    passed = "This time has passed: choose a later one, or cancel the callback."
    assert said(books(ana, at(floor, minutes=-5))) == passed
    assert not Callback.objects.exists()
    assert window(ana)["problem"] == passed
    assert datetime.fromisoformat(window(ana)["nearest"]).replace(tzinfo=MADRID) > floor.now
    hangs_up(floor, ana)
    assert said(ana.finishes("other")) == passed
    assert books(ana, at(floor, minutes=30)) == DONE
    assert ana.finishes("other") == DONE


def test_a_time_that_passes_while_the_agent_writes_blocks_done_too(floor: Floor, ana: Someone, maria: Person, campaign: Campaign) -> None:
    Campaign.objects.filter(pk=campaign.pk).update(wrap_up_policy="stay")
    assert books(ana, at(floor, minutes=1)) == DONE
    hangs_up(floor, ana)
    floor.run(90)
    answer = ana.finishes("other")
    assert isinstance(answer, Refusal)
    assert "has passed" in answer.sentence
    clears(ana)
    assert ana.finishes("other") == DONE


def test_a_promise_whose_time_came_in_wrap_up_is_not_lost_with_a_desk_that_was_left(
    floor: Floor, ana: Someone, maria: Person, campaign: Campaign
) -> None:
    Campaign.objects.filter(pk=campaign.pk).update(disposition_for="none", wrap_up_for=120)
    assert books(ana, at(floor, minutes=1)) == DONE
    hangs_up(floor, ana)
    ana.closes_console()
    floor.run(until=lambda: ana.phase != "wrap_up", at_most=17 * 60)
    ana.opens_console()
    ana.goes_ready()
    floor.run(until=lambda: len(maria.attempts) == 2, at_most=10)


def test_an_unlawful_time_is_refused_with_the_nearest_that_is_lawful(floor: Floor, ana: Someone, maria: Person) -> None:
    answer = books(ana, "2026-03-10T23:30")
    assert said(answer) == "Outside calling hours in Europe/Madrid. The nearest time is Wednesday 11 March at 09:00, Europe/Madrid time."
    assert window(ana)["nearest"] == "2026-03-11T09:00"
    assert not Callback.objects.exists()
    assert books(ana, window(ana)["nearest"]) == DONE


def test_a_time_after_the_campaigns_end_is_refused(floor: Floor, ana: Someone, maria: Person, campaign: Campaign) -> None:
    Campaign.objects.filter(pk=campaign.pk).update(ends_at=floor.now + timedelta(hours=3))
    answer = books(ana, at(floor, hours=4))
    assert isinstance(answer, Refusal)
    assert answer.sentence == "The campaign ends on Tuesday 10 March at 13:00: choose an earlier time."


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"zone": "Atlantis/Capital"}, "time zone"),
        ({"local": "tomorrow"}, "date and the time"),
        ({"new_number": "12"}, "too short"),
        ({"new_number": "612 345 678", "new_kind": "pigeon"}, "what kind of number"),
        ({"phone": 0}, "out of service"),
        ({"local": "2028-01-10T10:00"}, "more than a year away"),
    ],
)
def test_what_cannot_be_promised_says_why(floor: Floor, ana: Someone, maria: Person, more: dict[str, Any], said: str) -> None:
    answer = books(ana, **{"local": at(floor, minutes=30), **more})
    assert isinstance(answer, Refusal)
    assert said in answer.sentence
    assert not Callback.objects.exists()


def test_a_callback_that_no_attempt_is_left_for_is_not_promised(floor: Floor, ana: Someone, maria: Person, campaign: Campaign) -> None:
    Campaign.objects.filter(pk=campaign.pk).update(max_attempts=1)
    assert said(books(ana, at(floor, minutes=30))) == "All 1 attempts were made."


def test_where_the_call_that_keeps_one_promise_makes_another_both_are_in_the_ledger(floor: Floor, ana: Someone, maria: Person) -> None:
    assert books(ana, at(floor, minutes=2), personal=True) == DONE
    hangs_up(floor, ana)
    assert ana.finishes("other") == DONE
    floor.run(until=lambda: ana.phase == "connected", at_most=130)
    assert books(ana, at(floor, minutes=30), personal=True) == DONE
    hangs_up(floor, ana)
    assert ana.finishes("other") == DONE
    assert list(Callback.objects.order_by("id").values_list("state", flat=True)) == ["kept", "open"]
    assert maria.where == ("waiting", "callback")


def test_a_sale_does_not_undo_what_was_promised(floor: Floor, ana: Someone, maria: Person) -> None:
    assert books(ana, at(floor, minutes=30), personal=True) == DONE
    hangs_up(floor, ana)
    assert ana.finishes("sale") == DONE
    assert maria.where == ("waiting", "callback")
    assert Callback.objects.get().state == "open"


# --- My Callbacks ---------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def promised(floor: Floor, ana: Someone, maria: Person) -> Callback:
    assert books(ana, at(floor, minutes=30), personal=True, note="the contract") == DONE
    hangs_up(floor, ana)
    assert ana.finishes("other") == DONE
    return Callback.objects.get()


def test_my_callbacks_lists_what_i_promised_and_nothing_else(floor: Floor, ana: Someone, maria: Person, promised: Callback) -> None:
    ben = floor.agent("Ben")
    (listed,) = screens.callbacks(ana.id, now=floor.now).callbacks
    assert (listed.id, listed.name, listed.personal, listed.note, listed.in_hand) == (promised.pk, "Maria López", True, "the contract", False)
    assert listed.zone == "Europe/Madrid"
    assert listed.numbers[0].number.startswith("+34 •")
    assert screens.callbacks(ben.id, now=floor.now).callbacks == []


def test_a_waiting_callback_is_moved_and_given_to_anybody(floor: Floor, ana: Someone, maria: Person, promised: Callback) -> None:
    moved = Window(on=True, local=at(floor, minutes=5), zone="Europe/Madrid", personal=False)
    assert callbacks.change(promised.pk, ana.id, moved, now=floor.now) == DONE
    lead = maria.now()
    assert (lead.reserved_for_id, lead.next_call_at) == (None, floor.now.replace(second=0, microsecond=0) + timedelta(minutes=5))
    assert isinstance(callbacks.change(promised.pk, ana.id, Window(on=True, local="2026-03-10T03:00", zone="Europe/Madrid"), now=floor.now), Refusal)
    floor.run(until=lambda: len(maria.attempts) == 2, at_most=310)


def test_a_cancelled_one_leaves_the_record_where_its_last_call_left_it(floor: Floor, ana: Someone, maria: Person, promised: Callback) -> None:
    assert callbacks.cancel(promised.pk, ana.id, now=floor.now) == DONE
    assert maria.where == ("final", "done")
    assert maria.now().tries == {"connected": 1}
    assert list(Callback.objects.values_list("state", "reason")) == [("cancelled", "cancelled by the agent")]
    assert isinstance(callbacks.cancel(promised.pk, ana.id, now=floor.now), Refusal)


def test_nobody_changes_a_promise_that_is_not_theirs_or_is_being_kept(floor: Floor, ana: Someone, maria: Person, promised: Callback) -> None:
    ben = floor.agent("Ben")
    assert isinstance(callbacks.cancel(promised.pk, ben.id, now=floor.now), Refusal)
    floor.script.say(maria.number, Busy())
    floor.run(until=lambda: ana.phase == "dialing", at_most=31 * 60)
    answer = callbacks.cancel(promised.pk, ana.id, now=floor.now)
    assert said(answer) == "This record is with an agent just now: it can be changed there."


# --- before the call ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("postpones", [True, False])
def test_a_preview_is_postponed_where_the_campaign_lets_it(floor: Floor, ana: Someone, postpones: bool) -> None:
    campaign = floor.campaign("preview", agents=[ana], postpones=postpones)
    maria = floor.person(campaign, "Maria", TALKS)
    ana.sits_down()
    assert ana.gets(campaign) == DONE
    answer = books(ana, at(floor, minutes=30), personal=True)
    if not postpones:
        assert said(answer) == "In this campaign a record is called before a callback is booked."
        clears(ana)
        assert ana.finishes(None) == DONE
        return
    assert answer == DONE
    assert ana.finishes(None) == DONE
    assert (maria.where, maria.now().reserved_for_id, maria.attempts) == (("waiting", "callback"), ana.id, [])
