""" "No records available now" says why, and when the next one can be called."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import override_settings

from agents.desk import Done, Refusal
from agents.messages import Said
from campaigns import screens
from campaigns.flow import control, nothing_now
from campaigns.models import CallableHours, Campaign, Lead
from campaigns.rules.lifecycle import WaitReason
from dialer_project.lib.sentence import heard
from tests.floor import Floor, Someone

pytestmark = pytest.mark.usefixtures("madrid")


@pytest.fixture
def madrid() -> object:
    with override_settings(CENTRE_TIME_ZONE="Europe/Madrid"):
        yield


@pytest.fixture
def campaign(floor: Floor, ana: Someone) -> Campaign:
    return floor.campaign("preview", agents=[ana], hours=CallableHours.objects.get(name="nine to nine"))


def told(ana: Someone, campaign: Campaign) -> str:
    answer = ana.gets(campaign)
    assert isinstance(answer, Refusal), answer
    return answer.sentence


def in_english(said: str | Said) -> str:
    return heard(said if isinstance(said, str) else said.model_dump(mode="json"))


def test_an_empty_campaign_says_that_all_are_finished(ana: Someone, campaign: Campaign) -> None:
    ana.sits_down()
    assert told(ana, campaign) == "No records available now. All are finished."


def test_who_waits_for_their_own_morning_is_counted_and_when_it_comes_is_told_by_the_centres_clock(
    floor: Floor, ana: Someone, campaign: Campaign
) -> None:
    """It is ten in Madrid and five in New York, where the hours begin at nine: at 14:00 in Madrid, as clocks have changed there already."""
    for i in range(12):
        floor.person(campaign, f"P{i}", zones=["America/New_York"])
    ana.sits_down()
    assert told(ana, campaign) == "No records available now. 12 are waiting for their local calling hours; next at 14:00 (Madrid time)."
    assert told(ana, campaign).endswith("next at 14:00 (Madrid time)."), "asked twice, it says the same"


def test_each_reason_is_told_the_most_frequent_first_and_the_soonest_instant(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    for i in range(3):
        floor.person(campaign, f"R{i}", at=floor.now + timedelta(minutes=30 + i))
    Lead.objects.update(reason=WaitReason.RETRY)
    floor.promises(floor.person(campaign, "Maria"), None, at=floor.now + timedelta(minutes=20, seconds=10))
    floor.promises(floor.person(campaign, "Pedro"), floor.agent("Ben"), at=floor.now + timedelta(minutes=5))
    ana.sits_down()
    assert told(ana, campaign) == ("No records available now. 3 are to be tried again later, 1 is promised for later; next at 10:21 (Madrid time).")


def test_what_is_kept_for_whoever_asks_is_told_as_their_own_with_its_time(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    floor.promises(floor.person(campaign, "Maria"), ana, at=floor.now + timedelta(minutes=20))
    floor.promises(floor.person(campaign, "Pedro"), ana, at=floor.now + timedelta(minutes=30))
    ana.sits_down()
    assert told(ana, campaign) == "No records available now. 2 are promised by you; next at 10:20 (Madrid time)."
    ben = floor.agent("Ben")
    control.assign(campaign, [ana.agent, ben.agent], by=None, now=floor.now)
    floor.promises(floor.person(campaign, "Carla"), ben, at=floor.now + timedelta(minutes=10))
    ben.sits_down()
    assert told(ben, campaign) == (
        "No records available now. 2 are kept for the agents who promised to call, 1 is promised by you; next at 10:10 (Madrid time)."
    )


def test_a_next_time_on_another_day_says_which(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    floor.person(campaign, "Maria", at=datetime(2026, 3, 16, 10, 30, tzinfo=UTC))
    ana.sits_down()
    assert told(ana, campaign).endswith("1 is not due yet; next on Monday 16 March at 11:30 (Madrid time).")


def test_what_is_in_other_hands_and_what_is_kept_for_somebody_is_told_without_a_time(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    ben = floor.agent("Ben")
    both = floor.campaign("preview", agents=[ana, ben])
    floor.person(both, "Maria")
    floor.promises(floor.person(both, "Pedro"), ben, at=floor.now + timedelta(hours=1))
    ben.sits_down(ready=False)
    assert isinstance(ben.gets(both), Done)
    ana.sits_down()
    assert told(ana, both) == "No records available now. 1 is with an agent, 1 is kept for the agent who promised to call."


def test_of_very_many_it_counts_no_further_than_it_must(floor: Floor, ana: Someone, campaign: Campaign, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nothing_now, "COUNTED", 20)
    for i in range(25):
        floor.person(campaign, f"P{i}", zones=["America/New_York"])
    ana.sits_down()
    assert "More than 20 are waiting for their local calling hours" in told(ana, campaign)


def test_it_is_told_unasked_where_records_come_by_themselves(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    direct = floor.campaign("direct_push_preview", agents=[ana], hours=CallableHours.objects.get(name="nine to nine"))
    floor.person(direct, "Maria", zones=["America/New_York"])
    ana.sits_down()
    ana.runs(direct)
    (row,) = [one for one in screens.campaigns(ana.id, now=floor.now).campaigns if one.id == direct.pk]
    assert in_english(row.remark) == (
        "Records come whether you are Ready or not, until you stop."
        " No records available now. 1 is waiting for its local calling hours; next at 14:00 (Madrid time)."
    )
    floor.person(direct, "Pedro")
    mine = screens.campaigns(ana.id, now=floor.now)
    (row,) = [one for one in mine.campaigns if one.id == direct.pk]
    assert in_english(row.remark) == "Records come whether you are Ready or not, until you stop.", "one is about to come"
    assert mine.ask_again == screens.REMARKS_LAST, "the clock alone makes it untrue"
    ana.stops(direct)
    assert screens.campaigns(ana.id, now=floor.now).ask_again is None
