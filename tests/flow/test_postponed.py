"""A customer who is to be called later, and everything that happens to the record before that: nobody calls them sooner."""

from datetime import timedelta

import pytest

from agents.desk import DONE, Answer, Refusal
from campaigns import screens
from campaigns.flow import callbacks, control
from campaigns.flow.callbacks import Window
from campaigns.models import Callback, Campaign
from dialer_project.lib.sentence import heard
from telephony.drivers.simulated.script import Answers, seconds
from tests.floor import Floor, Person, Someone

TALKS = Answers(after=seconds(2), talks_for=seconds(60))


def books(ana: Someone, phone: int | None = None, **later: float) -> Answer:
    local = f"{ana.floor.now + timedelta(**later):%Y-%m-%dT%H:%M}"
    return callbacks.schedule(ana._work(), ana.id, Window(on=True, local=local, zone="UTC", personal=True, phone=phone), now=ana.floor.now)


def looking(floor: Floor, ana: Someone, campaign: Campaign) -> Person:
    maria = floor.person(campaign, "Maria", TALKS, numbers=2)
    ana.sits_down()
    ana.gets(campaign)
    if campaign.mode_key == "push_preview":
        floor.run(until=lambda: ana.phase == "offered", at_most=5)
        assert ana.accepts() == DONE
    assert ana.phase == "preview"
    return maria


def leaves(floor: Floor, ana: Someone, how: str) -> None:
    match how:
        case "declined":
            assert ana.declines() == DONE
        case "too long":
            floor.run(3700)
        case "gone":
            ana.closes_console()
            floor.run(120)
    assert ana.phase is None


@pytest.mark.parametrize(("mode", "how"), [("preview", "declined"), ("preview", "too long"), ("preview", "gone"), ("push_preview", "gone")])
def test_a_record_that_goes_back_is_called_no_sooner_than_promised_and_on_the_number_promised(
    floor: Floor, ana: Someone, mode: str, how: str
) -> None:
    campaign = floor.campaign(mode, agents=[ana])
    maria = looking(floor, ana, campaign)
    second = maria.contact.phones.order_by("id")[1].pk
    assert books(ana, second, hours=3) == DONE
    due = Callback.objects.get().due_at
    leaves(floor, ana, how)
    lead = maria.now()
    assert (maria.where, lead.next_call_at, lead.next_phone_id, lead.reserved_for_id) == (("waiting", "callback"), due, second, ana.id)
    floor.check()


def test_who_was_postponed_is_not_dialed_by_the_countdown(floor: Floor, ana: Someone) -> None:
    maria = looking(floor, ana, floor.campaign("preview", agents=[ana], preview_for=20))
    floor.run(5)
    assert books(ana, hours=3) == DONE
    floor.run(60)
    assert (ana.phase, maria.attempts) == ("preview", [])
    assert ana.calls() == DONE
    floor.run(until=lambda: ana.phase == "connected", at_most=10)


# --- a campaign that ends, and an agent who leaves it ------------------------------------------------------------------------------------


@pytest.fixture
def talking(floor: Floor, ana: Someone) -> tuple[Campaign, Person]:
    campaign = floor.campaign("progressive", agents=[ana], name="Spring")
    maria = floor.person(campaign, "Maria", TALKS)
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "connected", at_most=10)
    return campaign, maria


OVER = Refusal("Spring has ended: nobody is called back by it any more.")


def test_nobody_is_promised_a_call_by_a_campaign_that_was_stopped(floor: Floor, ana: Someone, talking: tuple[Campaign, Person]) -> None:
    campaign, _ = talking
    control.stop(campaign, by=None, now=floor.now)
    assert books(ana, hours=3) == OVER
    assert not Callback.objects.exists()
    ana.hangs_up()
    floor.run(until=lambda: ana.phase == "wrap_up", at_most=3)
    assert ana.finishes("other") == OVER
    assert callbacks.schedule(ana._work(), ana.id, Window(on=False), now=floor.now) == DONE
    assert ana.finishes("other") == DONE
    floor.check()


def test_who_has_booked_a_callback_is_told_that_the_stop_has_taken_it_back(floor: Floor, ana: Someone, talking: tuple[Campaign, Person]) -> None:
    campaign, _ = talking
    assert books(ana, hours=3) == DONE
    control.stop(campaign, by=None, now=floor.now)
    assert Callback.objects.get().state == "cancelled"
    shown = screens.snapshot(ana.id).interaction
    assert shown
    assert (shown.draft["callback"]["on"], heard(shown.draft["callback"]["problem"])) == (True, OVER.sentence)
    floor.check()


def test_a_callback_of_somebody_who_was_taken_off_the_campaign_is_anybodys(floor: Floor, ana: Someone) -> None:
    ben = floor.agent("Ben")
    campaign = floor.campaign("progressive", agents=[ana, ben])
    floor.campaign("progressive", agents=[ana])  # where she works on
    maria = floor.person(campaign, "Maria", TALKS)
    floor.promises(maria, ana, at=floor.now + timedelta(seconds=40), fallback_at=floor.now + timedelta(minutes=30))
    ana.sits_down()
    ben.sits_down()
    control.assign(campaign, [ben.agent], by=None, now=floor.now)
    floor.run(until=lambda: ben.phase == "connected", at_most=60)
    assert (ana.phase, maria.attempts[0].agent_id) == (None, ben.id)
    promise = Callback.objects.get()
    assert promise.fallback_at
    assert promise.fallback_at <= maria.attempts[0].planned_at
    floor.check()


def test_who_has_stopped_is_given_no_callback_until_they_go_on_or_anybody_may(floor: Floor, ana: Someone) -> None:
    campaign = floor.campaign("progressive", agents=[ana])
    floor.campaign("progressive", agents=[ana])
    maria = floor.person(campaign, "Maria", TALKS)
    floor.promises(maria, ana, at=floor.now + timedelta(seconds=30), fallback_at=floor.now + timedelta(minutes=30))
    ana.sits_down()
    ana.stops(campaign)
    floor.run(60)
    assert (ana.phase, maria.now().reserved_for_id) == (None, ana.id)
    assert ana.runs(campaign) == DONE
    floor.run(until=lambda: ana.phase == "connected", at_most=10)
    assert ana.work
    assert ana.work.origin == "personal_callback"
