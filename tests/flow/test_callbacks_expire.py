"""A promise is kept, or it ends with a reason that its owner and the administrator read; never in silence."""

from datetime import timedelta

import pytest

from agents.desk import DONE
from agents.messages import CallbackNotKept
from campaigns import screens
from campaigns.flow import callbacks, control
from campaigns.models import Callback, Campaign, Lead
from telephony.drivers.simulated.script import Answers, Busy, seconds
from tests.floor import Floor, Someone

# a minute before the hour is over
NEARLY = timedelta(minutes=59)
TALKS = Answers(after=seconds(2), talks_for=seconds(30))


@pytest.fixture
def campaign(floor: Floor, ana: Someone, ben: Someone) -> Campaign:
    return floor.campaign("progressive", agents=[ana, ben], callback_expires=1)


def ended() -> list[tuple[str, str]]:
    return list(Callback.objects.order_by("id").values_list("state", "reason"))


def not_kept(floor: Floor, someone: Someone) -> list[CallbackNotKept]:
    return screens.callbacks(someone.id, now=floor.now).not_kept


def test_one_kept_for_an_owner_who_never_comes_expires_and_the_record_goes_to_the_others(
    floor: Floor, ana: Someone, ben: Someone, campaign: Campaign
) -> None:
    maria = floor.person(campaign, "Maria", TALKS)
    floor.promises(maria, ana, at=floor.now - NEARLY)
    ana.opens_console()
    ben.sits_down()
    news = ana.session.news
    floor.run(50)
    assert ended() == [("open", "")]
    floor.run(until=lambda: maria.attempts, at_most=120)
    assert ended() == [("expired", "whoever promised it was not free in time")]
    assert maria.attempts[0].agent_id == ben.id
    (told,) = not_kept(floor, ana)
    assert (told.name, told.expired, told.reason) == ("Maria López", True, "whoever promised it was not free in time")
    assert ana.session.news > news, "the screen asks again"
    assert screens.callbacks(ana.id, now=floor.now).callbacks == []


def test_one_for_anybody_whom_nobody_could_call_expires(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    maria = floor.person(campaign, "Maria")
    floor.promises(maria, None, at=floor.now - NEARLY)
    floor.run(90)
    assert ended() == [("expired", "nobody was free in time")]
    assert maria.where == ("waiting", "new")


def test_one_whose_campaign_was_paused_all_the_while_says_so(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    floor.promises(floor.person(campaign, "Maria"), ana, at=floor.now - NEARLY)
    control.pause(campaign, by=None, now=floor.now)
    floor.run(90)
    assert ended() == [("expired", "the campaign was paused")]


def test_a_customer_who_is_not_reached_is_tried_on_as_any_other(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    floor.rule(campaign, "busy", attempts=20, minutes=25)
    maria = floor.person(campaign, "Maria", Busy())
    floor.promises(maria, ana, at=floor.now - NEARLY)
    ana.sits_down()
    floor.run(90)
    assert ended() == [("expired", "the customer was not reached in time")]
    lead = maria.now()
    assert (maria.where, lead.boost, lead.reserved_for_id) == (("waiting", "retry"), 2, None)
    assert maria.outcomes == ["busy"]


def test_one_that_waits_for_its_lawful_hours_has_its_chance_first(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    maria = floor.person(campaign, "Maria", TALKS)
    floor.promises(maria, ana, at=floor.now - NEARLY)
    Lead.objects.filter(pk=maria.lead.pk).update(next_call_at=floor.now + timedelta(minutes=10))
    floor.run(5 * 60)
    assert ended() == [("open", "")]
    ana.sits_down()
    floor.run(until=lambda: maria.attempts, at_most=6 * 60)
    floor.run(until=lambda: ended() == [("kept", "")], at_most=60)


def test_one_in_an_agents_hands_is_being_kept(floor: Floor, ana: Someone) -> None:
    campaign = floor.campaign("preview", agents=[ana], callback_expires=1)
    maria = floor.person(campaign, "Maria", TALKS)
    floor.promises(maria, ana, at=floor.now)
    ana.sits_down(ready=False)
    assert ana.gets(campaign) == DONE
    callbacks.expire(now=floor.now + timedelta(hours=2))
    assert ended() == [("open", "")]


def test_its_owner_reads_of_what_others_ended_and_not_of_what_they_cancelled_themselves(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    mine = floor.promises(floor.person(campaign, "Maria"), ana, at=floor.now + timedelta(hours=1))
    floor.promises(floor.person(campaign, "Pedro"), ana, at=floor.now + timedelta(hours=1))
    assert callbacks.cancel(mine.pk, ana.id, now=floor.now) == DONE
    control.stop(campaign, by=None, now=floor.now)
    (told,) = not_kept(floor, ana)
    assert (told.name, told.expired, told.reason) == ("Pedro López", False, "the campaign was stopped")
    floor.clock.now += timedelta(days=8)
    assert not_kept(floor, ana) == []


def test_many_at_once_cost_no_more_statements_than_one(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    def expires(people: int) -> int:
        for i in range(people):
            floor.promises(floor.person(campaign, f"P{i}"), ana, at=floor.now)
        with floor.queries() as asked:
            callbacks.expire(now=floor.now + timedelta(hours=2))
        return len(asked)

    one = expires(1)
    assert expires(8) == one
    assert Callback.objects.filter(state="expired").count() == 9
