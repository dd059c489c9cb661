"""A customer who is to be called later, and everything that happens to the record before that: nobody calls them sooner."""

from datetime import timedelta

import pytest

from agents.desk import DONE, Answer
from campaigns.flow import callbacks
from campaigns.flow.callbacks import Window
from campaigns.models import Callback, Campaign
from telephony.drivers.simulated.script import Answers, seconds
from tests.floor import Floor, Person, Someone

TALKS = Answers(after=seconds(2), talks_for=seconds(60))


@pytest.fixture
def ana(floor: Floor) -> Someone:
    return floor.agent("Ana")


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
