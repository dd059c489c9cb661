"""What makes a campaign looser under way waits for a second person; what makes it stricter counts at once."""

from datetime import timedelta

import pytest

from agents.desk import Refusal
from agents.models import User
from campaigns import explain
from campaigns.flow import control
from campaigns.flow.control import Moved
from campaigns.models import Attempt, CallableHours, Campaign, CampaignChange
from telephony.drivers.simulated.script import Answers, seconds
from tests.floor import Floor, Someone
from tests.flow.test_permits import law, pin

TALKS = Answers(after=seconds(3), talks_for=seconds(20))
UNPINNED = "It was changed (a rule pack taken away), which another person must approve: until then nothing is dialed, unless the change is undone."


@pytest.fixture
def boss(floor: Floor) -> User:
    return User.objects.create(username="boss")


@pytest.fixture
def second(floor: Floor) -> User:
    return User.objects.create(username="second")


@pytest.fixture
def campaign(floor: Floor, ana: Someone) -> Campaign:
    """Running under a law."""
    campaign = floor.campaign("progressive", agents=[ana], start=False)
    pin(campaign, law({"kind": "frequency_cap", "scope": "person", "count": 1, "hours": 24}))
    control.edited(campaign, by=None, now=floor.now)
    floor.starts(campaign)
    return campaign


def unpinned(floor: Floor, campaign: Campaign, by: User) -> int:
    campaign.rule_packs.clear()
    return control.edited(campaign, by=by, now=floor.now).number


def test_a_pack_taken_off_a_running_campaign_holds_it_until_a_second_person_has_approved_that(
    floor: Floor, ana: Someone, boss: User, second: User, campaign: Campaign
) -> None:
    number = unpinned(floor, campaign, boss)
    maria = floor.person(campaign, "Maria", TALKS)
    ana.sits_down()
    floor.run(10)
    assert not maria.attempts
    why = explain.lead(maria.lead.pk, now=floor.now)
    assert why is not None
    assert UNPINNED in why.in_words
    assert control.approve_change(campaign, number, by=boss, now=floor.now) == Refusal(
        "You made this change yourself: another person must approve it, or undo it."
    )
    assert isinstance(control.approve_change(campaign, number, by=None, now=floor.now), Refusal), "a person, and not a program"
    assert control.approve_change(campaign, number, by=second, now=floor.now) == Moved(campaign.state)  # type: ignore[arg-type]  # it is one
    floor.run(until=lambda: maria.attempts, at_most=20)
    told = CampaignChange.objects.filter(campaign=campaign).latest("id")
    assert (told.move, told.state, told.by, told.reason) == ("approve", "running", second, f"version {number}: a rule pack taken away")
    assert campaign.versions.get(number=number).approved_by == second


def test_it_goes_on_at_once_where_the_change_is_undone(floor: Floor, ana: Someone, boss: User, campaign: Campaign) -> None:
    packs = list(campaign.rule_packs.all())
    unpinned(floor, campaign, boss)
    maria = floor.person(campaign, "Maria", TALKS)
    ana.sits_down()
    floor.run(5)
    assert not maria.attempts
    campaign.rule_packs.set(packs)
    assert not control.edited(campaign, by=boss, now=floor.now).loosens
    floor.run(until=lambda: maria.attempts, at_most=20)


def test_what_was_changed_after_it_was_looked_at_waits_on(floor: Floor, boss: User, second: User, campaign: Campaign) -> None:
    number = unpinned(floor, campaign, boss)
    campaign.max_attempts += 1
    campaign.save()
    later = control.edited(campaign, by=second, now=floor.now)
    assert later.loosens == ["rule_packs", "max_attempts"], "against what was approved"
    meanwhile = Refusal(f"{campaign} was changed or approved meanwhile: look at it again.")
    assert control.approve_change(campaign, number, by=User.objects.create(username="third"), now=floor.now) == meanwhile
    for person in (boss, second):
        assert isinstance(control.approve_change(campaign, later.number, by=person, now=floor.now), Refusal), "each had a part in it"
    assert isinstance(control.approve_change(campaign, later.number, by=User.objects.get(username="third"), now=floor.now), Moved)
    assert control.approve_change(campaign, later.number, by=second, now=floor.now) == meanwhile


def test_what_is_stricter_counts_at_once_and_is_what_a_later_change_is_held_against(
    floor: Floor, ana: Someone, boss: User, second: User, campaign: Campaign
) -> None:
    campaign.hours = CallableHours.objects.get(name="nine to nine")
    campaign.save()
    assert not control.edited(campaign, by=boss, now=floor.now).loosens
    maria = floor.person(campaign, "Maria", TALKS)
    ana.sits_down()
    floor.run(until=lambda: maria.attempts, at_most=10)
    campaign.hours = CallableHours.objects.get(name="always")
    campaign.save()
    assert control.edited(campaign, by=second, now=floor.now).loosens == ["week"]


def test_who_has_narrowed_a_campaign_by_mistake_may_undo_that_alone_and_go_no_further(floor: Floor, boss: User, campaign: Campaign) -> None:
    attempts = campaign.max_attempts
    for made, looser in ((attempts - 2, []), (attempts - 1, []), (attempts, []), (attempts - 1, []), (attempts + 1, ["max_attempts"])):
        campaign.max_attempts = made
        campaign.save()
        assert control.edited(campaign, by=boss, now=floor.now).loosens == looser


def test_a_paused_campaign_that_was_made_looser_does_not_go_on(floor: Floor, boss: User, second: User, campaign: Campaign) -> None:
    control.pause(campaign, by=boss, now=floor.now)
    number = unpinned(floor, campaign, boss)
    answer = control.start(campaign, by=boss, now=floor.now)
    assert isinstance(answer, Refusal)
    assert f"version {number} made it looser, which another person must approve, or somebody undo" in answer.sentence
    control.approve_change(campaign, number, by=second, now=floor.now)
    assert isinstance(control.start(campaign, by=boss, now=floor.now), Moved)


def test_one_person_cannot_do_away_with_the_second(floor: Floor, boss: User, campaign: Campaign) -> None:
    campaign.require_approval = False
    campaign.save()
    assert control.edited(campaign, by=boss, now=floor.now).loosens == ["require_approval"]
    assert unpinned(floor, campaign, boss)
    assert control.waiting(campaign) is not None


def test_what_is_looser_between_the_approval_and_the_start_asks_for_approval_again(floor: Floor, ana: Someone, boss: User, second: User) -> None:
    campaign = floor.campaign("progressive", agents=[ana], start=False)
    control.edited(campaign, by=boss, now=floor.now)
    control.approve(campaign, by=second, now=floor.now)
    campaign.no_callback_days -= 1
    campaign.save()
    control.edited(campaign, by=boss, now=floor.now)
    assert Campaign.objects.get(pk=campaign.pk).state == "unapproved"


def test_the_approval_of_a_second_person_is_not_got_round_by_switching_it_off_before_the_start(
    floor: Floor, ana: Someone, boss: User, second: User
) -> None:
    campaign = floor.campaign("progressive", agents=[ana], start=False)
    control.edited(campaign, by=boss, now=floor.now)
    control.approve(campaign, by=second, now=floor.now)
    campaign.require_approval = False
    campaign.save()
    control.edited(campaign, by=boss, now=floor.now)
    assert isinstance(control.start(campaign, by=boss, now=floor.now), Refusal)
    assert isinstance(control.approve(campaign, by=second, now=floor.now), Moved)
    assert isinstance(control.start(campaign, by=boss, now=floor.now), Moved)


def test_where_no_approval_is_asked_every_change_counts_at_once(floor: Floor, ana: Someone, boss: User) -> None:
    campaign = floor.campaign("progressive", agents=[ana], require_approval=False)
    campaign.max_attempts += 1
    campaign.save()
    assert not control.edited(campaign, by=boss, now=floor.now).loosens
    maria = floor.person(campaign, "Maria", TALKS)
    ana.sits_down()
    floor.run(until=lambda: maria.attempts, at_most=10)


def test_a_campaign_without_hours_and_without_a_rule_pack_is_not_started(floor: Floor, ana: Someone) -> None:
    campaign = floor.campaign("progressive", agents=[ana], hours=None, start=False)
    assert isinstance(control.approve(campaign, by=None, now=floor.now), Moved)
    answer = control.start(campaign, by=None, now=floor.now)
    assert isinstance(answer, Refusal)
    assert "it would call at any hour and under no rules: pin a rule pack, or choose calling hours" in answer.sentence
    pin(campaign, law({"kind": "caller_id"}))
    assert isinstance(control.start(campaign, by=None, now=floor.now + timedelta(seconds=1)), Moved)
    assert not Attempt.objects.exists()
