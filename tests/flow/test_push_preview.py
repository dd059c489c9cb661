"""Push preview and direct push preview: a record is offered, accepted or not, and dialed by the agent."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from agents.desk import Done, Refusal
from agents.models import Station
from campaigns import screens
from campaigns.flow import control, offer, take_part
from campaigns.models import Attempt, Campaign, CampaignChange
from campaigns.rules.lifecycle import ParticipationState
from dialer_project.lib.sentence import heard
from telephony.drivers.simulated.script import Answers, Busy, seconds
from tests.floor import Floor, Someone

TALKS = Answers(after=seconds(4), talks_for=seconds(30))


@pytest.fixture
def campaign(floor: Floor, ana: Someone) -> Campaign:
    return floor.campaign("push_preview", agents=[ana])


def test_a_record_is_offered_accepted_looked_at_and_dialed(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    maria = floor.person(campaign, "Maria", TALKS)
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "offered", at_most=1)
    assert maria.where[0] == "busy"
    assert isinstance(ana.accepts(), Done)
    floor.run(60)
    assert (ana.phase, maria.attempts) == ("preview", [])
    ana.calls()
    floor.run(until=lambda: ana.phase == "wrap_up", at_most=60)
    pedro = floor.person(campaign, "Pedro", TALKS)
    ana.finishes("sale")
    floor.run(until=lambda: ana.phase == "offered", at_most=2)
    assert pedro.where[0] == "busy"
    floor.check()


def test_the_outbound_preview_channel_is_its_own(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    spoken = floor.campaign("progressive", agents=[ana])
    floor.person(campaign, "Maria", TALKS)
    ana.sits_down(ready=False)
    ana.turns("voice", on=True)
    floor.run(10)
    assert ana.phase is None, "Voice alone brings no preview"
    pedro = floor.person(spoken, "Pedro", Busy())
    floor.run(until=lambda: pedro.attempts, at_most=2)
    floor.run(10)
    ana.turns("voice", on=False)
    ana.turns("preview", on=True)
    floor.run(until=lambda: ana.phase == "offered", at_most=2)
    assert ana.work
    assert ana.work.campaign_id == campaign.pk


def test_a_channel_turned_off_brings_nothing_more(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    ana.sits_down()
    ana.turns("preview", on=False)
    floor.person(campaign, "Maria", TALKS)
    floor.run(10)
    assert ana.phase is None
    assert ana.session.voice_ready


def test_a_rejected_record_goes_to_the_top_and_the_agent_gets_another_one(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    ben = floor.agent("Ben")
    control.assign(campaign, [ana.agent, ben.agent], by=None, now=floor.now)
    take_part.join(ben.id, campaign.pk, now=floor.now)
    maria = floor.person(campaign, "Maria", TALKS)
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "offered", at_most=1)
    assert isinstance(ana.rejects(), Done)
    assert (ana.not_ready, maria.now().boost, maria.now().misses) == (None, 1, 1)


def test_who_does_not_answer_an_offer_is_not_ready_and_the_record_at_the_top(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    maria = floor.person(campaign, "Maria", TALKS)
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "offered", at_most=1)
    floor.run(campaign.ring_agent_for - 2)
    assert ana.phase == "offered"
    floor.run(5)
    assert (ana.work, ana.not_ready, ana.closed) == (None, "no_answer", ["missed"])
    assert (maria.where, maria.now().boost) == (("waiting", "returned"), 1)


@pytest.mark.parametrize(("setting", "act"), [("when_missed", "waits"), ("when_rejected", "rejects")])
def test_whether_such_an_agent_stays_ready_is_the_campaigns_to_say(floor: Floor, ana: Someone, setting: str, act: str) -> None:
    for wanted, expected in (("ready", None), ("not_ready", "no_answer")):
        fields: dict[str, Any] = {setting: wanted}
        campaign = floor.campaign("push_preview", agents=[ana], **fields)
        person = floor.person(campaign, "Maria", TALKS)
        ana.sits_down()
        floor.run(until=lambda: ana.phase == "offered", at_most=2)
        if act == "rejects":
            ana.rejects()
        else:
            assert ana.work
            work = ana.work.pk
            floor.run(until=lambda work=work: not ana.work or ana.work.pk != work, at_most=30)  # type: ignore[misc]  # mypy cannot type a lambda with a default
        assert ana.not_ready == expected
        control.stop(campaign, by=None, now=floor.now)
        if ana.work:
            ana.rejects()
        assert person.where[0] == "waiting"
        ana.signs_out()


def test_an_offer_no_screen_has_shown_is_withdrawn_and_not_held_against_the_agent(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    maria = floor.person(campaign, "Maria", TALKS)
    floor.shows_offers = False
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "offered", at_most=1)
    late = ana.work
    assert late
    floor.run(until=lambda: ana.phase is None, at_most=5)
    assert (ana.not_ready, ana.closed) == (None, ["withdrawn"])
    assert (maria.where[0], maria.now().misses) == ("waiting", 0)
    assert offer.accept(late.pk, ana.id, now=floor.now) == offer.WENT_BACK
    assert offer.shown(late.pk, ana.id, now=floor.now) == offer.WENT_BACK


def test_a_screen_that_says_twice_that_it_shows_the_offer_gets_no_more_time(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    floor.person(campaign, "Maria", TALKS)
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "offered", at_most=1)
    assert ana.work
    until = ana.work.deadline
    floor.run(5)
    ana.sees()
    assert ana.work
    assert ana.work.deadline == until


def test_nobodys_own_phone_rings_for_an_offer(floor: Floor) -> None:
    ana = floor.agent("Ana", leg_mode=Station.LegMode.PER_CALL)
    campaign = floor.campaign("push_preview", agents=[ana])
    maria = floor.person(campaign, "Maria", TALKS)
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "offered", at_most=1)
    assert not floor.world.placed
    ana.accepts()
    ana.calls()
    floor.run(until=lambda: ana.phase == "connected", at_most=20)
    assert maria.attempts[0].agent_id == ana.id


def test_the_countdown_begins_with_accept(floor: Floor, ana: Someone) -> None:
    campaign = floor.campaign("push_preview", agents=[ana], preview_for=15)
    maria = floor.person(campaign, "Maria", TALKS)
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "offered", at_most=1)
    floor.run(5)
    ana.accepts()
    floor.run(14)
    assert not maria.attempts
    floor.run(until=lambda: ana.phase == "dialing", at_most=3)


def test_some_campaigns_dial_as_soon_as_the_record_is_accepted(floor: Floor, ana: Someone) -> None:
    campaign = floor.campaign("push_preview", agents=[ana], preview_for=0)
    floor.person(campaign, "Maria", TALKS)
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "offered", at_most=1)
    ana.accepts()
    assert ana.phase == "dialing"
    assert Attempt.objects.get().dialed_at == floor.now


def test_a_campaign_that_starts_during_the_shift_is_joined_by_the_ok_of_its_notice(floor: Floor, ana: Someone) -> None:
    ana.sits_down()
    campaign = floor.campaign("push_preview", agents=[ana])
    floor.person(campaign, "Maria", TALKS)
    floor.run(10)
    assert ana.phase is None
    told = CampaignChange.objects.get(campaign=campaign, move="start")
    assert isinstance(take_part.read_notice(ana.id, told.pk, now=floor.now), Done)
    floor.run(until=lambda: ana.phase == "offered", at_most=2)


def test_done_and_stop_brings_no_more_previews_until_get_record(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    floor.person(campaign, "Maria", TALKS)
    floor.person(campaign, "Pedro", TALKS)
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "offered", at_most=1)
    ana.accepts()
    ana.finishes("no", stop=True)
    floor.run(30)
    assert ana.phase is None
    assert isinstance(ana.gets(campaign), Done)
    floor.run(until=lambda: ana.phase == "offered", at_most=2)


def test_an_agent_who_leaves_with_an_offer_on_the_screen_gives_it_back(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    maria = floor.person(campaign, "Maria", TALKS)
    Campaign.objects.filter(pk=campaign.pk).update(ring_agent_for=60)
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "offered", at_most=1)
    ana.closes_console()
    floor.run(120)
    assert (ana.phase, maria.where) == (None, ("waiting", "returned"))


# --- direct ------------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def direct(floor: Floor, ana: Someone) -> Campaign:
    return floor.campaign("direct_push_preview", agents=[ana])


def test_only_the_toggle_counts_and_accept_dials(floor: Floor, ana: Someone, direct: Campaign) -> None:
    maria = floor.person(direct, "Maria", TALKS)
    ana.sits_down()
    floor.run(10)
    assert ana.phase is None, "Ready brings nothing"
    ana.takes_break("lunch")
    assert isinstance(ana.gets(direct), Done)
    floor.run(until=lambda: ana.phase == "offered", at_most=2)
    assert ana.not_ready == "lunch"
    assert isinstance(ana.accepts(), Done)
    assert ana.phase == "dialing"
    floor.run(until=lambda: ana.phase == "wrap_up", at_most=60)
    pedro = floor.person(direct, "Pedro", TALKS)
    ana.finishes("sale")
    floor.run(until=lambda: ana.phase == "offered", at_most=2)
    assert (maria.outcomes, pedro.where[0]) == (["connected"], "busy")
    assert isinstance(ana.stops(direct), Done)
    ana.rejects()
    floor.run(90)
    assert (ana.phase, direct.participations.get().state) == (None, ParticipationState.OFF)
    floor.check()


def test_done_and_stop_turns_the_toggle_off(floor: Floor, ana: Someone, direct: Campaign) -> None:
    floor.person(direct, "Maria", Busy())
    floor.person(direct, "Pedro", TALKS)
    ana.sits_down(ready=False)
    ana.gets(direct)
    floor.run(until=lambda: ana.phase == "offered", at_most=2)
    ana.accepts()
    floor.run(until=lambda: ana.phase == "preview", at_most=20)
    ana.finishes("again", stop=True)
    floor.run(30)
    assert (ana.phase, direct.participations.get().state) == (None, ParticipationState.OFF)


def test_who_does_not_answer_is_served_no_further_since_no_readiness_would_stop_it(floor: Floor, ana: Someone, direct: Campaign) -> None:
    maria = floor.person(direct, "Maria", TALKS)
    ana.sits_down(ready=False)
    ana.gets(direct)
    floor.run(until=lambda: ana.phase == "offered", at_most=2)
    floor.run(direct.ring_agent_for + 5)
    assert (ana.phase, maria.where) == (None, ("waiting", "returned"))
    assert direct.participations.get().state == ParticipationState.OFF
    floor.run(60)
    assert ana.closed == ["missed"]


def test_a_refused_dial_leaves_the_record_to_be_read(floor: Floor, ana: Someone, direct: Campaign) -> None:
    maria = floor.person(direct, "Maria", TALKS)
    ana.sits_down(ready=False)
    ana.gets(direct)
    floor.run(until=lambda: ana.phase == "offered", at_most=2)
    control.pause(direct, by=None, now=floor.now)
    ana.accepts()
    assert ana.work
    assert (ana.work.phase, heard(ana.work.notice)) == ("preview", "direct_push_preview 1 is paused: nothing is dialed.")
    assert isinstance(ana.finishes(None), Done)
    assert maria.where[0] == "waiting"


def test_who_is_not_signed_in_cannot_ask(floor: Floor, ana: Someone, direct: Campaign) -> None:
    assert isinstance(ana.gets(direct), Refusal)
    stranger = floor.agent("Ben").sits_down()
    assert stranger.gets(direct) == take_part.NOT_MEMBER
    assert stranger.stops(direct) == take_part.NOT_MEMBER


def test_a_personal_callback_of_a_direct_campaign_comes_by_its_toggle(floor: Floor, ana: Someone, direct: Campaign) -> None:
    pedro = floor.person(direct, "Pedro", TALKS)
    floor.promises(pedro, ana, at=floor.now + timedelta(seconds=30), fallback_at=floor.now + timedelta(days=1))
    ana.sits_down()
    floor.run(60)
    assert ana.phase is None
    ana.gets(direct)
    floor.run(until=lambda: ana.phase == "offered", at_most=3)
    assert ana.work
    assert ana.work.origin == "personal_callback"


@pytest.mark.parametrize("mode", ["preview", "push_preview", "direct_push_preview", "progressive"])
def test_its_agents_are_told_when_it_is_loaded_started_paused_and_stopped(floor: Floor, ana: Someone, mode: str) -> None:
    campaign = floor.campaign(mode, agents=[ana], start=False)
    ana.sits_down(ready=False)

    def told() -> list[str]:
        return [notice.title for notice in screens.campaigns(ana.id, now=floor.now).notices]

    assert told() == []
    control.approve(campaign, by=None, now=floor.now)
    news = ana.session.news
    for verb, title in (
        (control.load, "Campaign Loaded"),
        (control.start, "Campaign Started"),
        (control.pause, "Campaign Paused"),
        (control.stop, "Campaign Stopped"),
    ):
        assert isinstance(verb(campaign, by=None, now=floor.now), control.Moved)
        assert told() == [title], "of each campaign its newest change"
        assert ana.session.news > news, "the screen asks what there is"
        news = ana.session.news
    take_part.read_notice(ana.id, CampaignChange.objects.latest("pk").pk, now=floor.now)
    assert told() == []
