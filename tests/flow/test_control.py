"""Start, pause, stop, completion: nothing is dialed after, what rings drains, what was promised is cancelled with a reason."""

import threading
from datetime import timedelta

import pytest
from django.db import connection, connections

from agents.desk import Refusal
from campaigns.flow import control, permit, place
from campaigns.flow.control import Moved
from campaigns.models import Attempt, Callback, Campaign, CampaignChange, ListImport
from campaigns.rules.lifecycle import CampaignState
from telephony.drivers.simulated.script import Answers, Busy, NoAnswer, seconds
from telephony.models import Call
from tests.floor import Floor, Person, Someone

TALKS = Answers(after=seconds(6), talks_for=seconds(20))


@pytest.fixture
def campaign(floor: Floor, ana: Someone) -> Campaign:
    return floor.campaign("progressive", agents=[ana])


def stop(floor: Floor, campaign: Campaign) -> None:
    assert isinstance(stopped := control.stop(campaign, by=None, now=floor.now), Moved), stopped


def state(campaign: Campaign) -> str:
    return Campaign.objects.get(pk=campaign.pk).state


# --- stop ------------------------------------------------------------------------------------------------------------------------


def test_what_rings_at_a_stop_drains_and_finds_its_agent_and_nothing_is_dialed_after(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    maria, pedro = floor.person(campaign, "Maria", TALKS), floor.person(campaign, "Pedro", TALKS)
    ana.sits_down()
    floor.run(3)
    stop(floor, campaign)
    floor.run(until=lambda: ana.phase == "wrap_up", at_most=40)
    ana.finishes("sale")
    floor.run(60)
    assert maria.where == ("final", "success")
    assert (pedro.where, pedro.attempts) == (("waiting", "new"), [])
    assert ana.free


def test_a_stopped_campaign_rings_on_for_another_agent(floor: Floor) -> None:
    ana, ben = floor.agent("Ana"), floor.agent("Ben")
    campaign = floor.campaign("progressive", agents=[ana, ben])
    floor.person(campaign, "Maria", TALKS)
    ana.sits_down()
    floor.run(2)
    ben.sits_down()
    stop(floor, campaign)
    ana.phone_dies()
    floor.run(until=lambda: ben.phase == "connected", at_most=6)


def test_ringing_calls_are_hung_up_by_setting_as_soon_as_they_have_rung_long_enough(floor: Floor, ana: Someone) -> None:
    campaign = floor.campaign("progressive", agents=[ana], at_stop="cancel", min_ring_for=10)
    maria = floor.person(campaign, "Maria", NoAnswer())
    ana.sits_down()
    floor.run(4)
    stop(floor, campaign)
    floor.run(4)
    assert maria.outcomes == [None], "rung for too short a time"
    floor.run(until=lambda: maria.outcomes == ["cancelled"], at_most=4)


@pytest.mark.parametrize("how", [("stop",), ("pause",), ("pause", "start")], ids=" and ".join)
def test_what_was_planned_and_not_sent_is_cancelled_and_counted_to_no_cap(
    floor: Floor, ana: Someone, campaign: Campaign, monkeypatch: pytest.MonkeyPatch, how: tuple[str, ...]
) -> None:
    maria = floor.person(campaign, "Maria", TALKS)
    dial_planned = place.dial_planned

    def late(*args: object, **kwargs: object) -> None:
        for move in how:
            assert isinstance(getattr(control, move)(campaign, by=None, now=floor.now), Moved)
        dial_planned(*args, **kwargs)  # type: ignore[arg-type]  # handed on as it came

    monkeypatch.setattr(place, "dial_planned", late)
    ana.sits_down()
    floor.run(2)
    assert maria.outcomes == ["cancelled"]
    assert maria.attempts[0].dialed_at is None
    assert (floor.placed(maria.number), maria.now().attempts_made) == (0, 0)
    assert ana.free


def test_what_a_dead_worker_had_planned_is_cancelled_by_the_sweep_after_a_stop(
    floor: Floor, ana: Someone, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    maria = floor.person(campaign, "Maria", TALKS)
    monkeypatch.setattr(place, "dial_planned", lambda *args, **kwargs: None)
    ana.sits_down()
    assert Call.objects.get(party="customer").state == "planned"
    stop(floor, campaign)
    floor.run(8)
    assert maria.outcomes == ["cancelled"]
    assert floor.placed(maria.number) == 0


def test_promised_callbacks_are_cancelled_with_the_reason(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    maria, pedro = floor.person(campaign, "Maria"), floor.person(campaign, "Pedro")
    floor.promises(maria, ana, at=floor.now + timedelta(hours=1))
    floor.promises(pedro, None, at=floor.now + timedelta(hours=1))
    stop(floor, campaign)
    assert set(Callback.objects.values_list("state", "reason")) == {("cancelled", "the campaign was stopped")}
    assert maria.now().reserved_for_id is None


def test_a_stopped_campaign_never_starts_again(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    stop(floor, campaign)
    for again in (control.start, control.pause, control.stop, control.load, control.approve):
        assert isinstance(again(campaign, by=None, now=floor.now), Refusal)
    assert state(campaign) == CampaignState.STOPPED
    copy = control.clone(campaign, by=None, now=floor.now)
    assert (copy.state, copy.lists.count(), copy.participations.count()) == ("unapproved", 0, 1)


def test_a_stop_waits_for_the_dial_transaction_under_way_and_ends_a_frozen_one(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    floor.person(campaign, "Maria", TALKS)
    other = connections.create_connection("default")
    other.set_autocommit(False)
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock_shared(%s, %s)", [permit.CAMPAIGN, campaign.pk])
        cursor.execute("SELECT pg_backend_pid()")
        frozen = cursor.fetchone()[0]
    stop(floor, campaign)
    assert state(campaign) == CampaignState.STOPPED
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE pid = %s", [frozen])
        assert cursor.fetchone()[0] == 0, "its transaction is rolled back"
    other.close()


def test_a_dial_transaction_that_ends_in_time_is_waited_for(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    begun, stopped = threading.Event(), threading.Event()

    def dials() -> None:
        other = connections.create_connection("default")
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock_shared(%s, %s)", [permit.CAMPAIGN, campaign.pk])
            begun.set()
            stopped.wait(0.1)
        other.commit()
        other.close()

    worker = threading.Thread(target=dials)
    worker.start()
    begun.wait(5)
    stop(floor, campaign)
    worker.join()
    assert state(campaign) == CampaignState.STOPPED


# --- pause and start -----------------------------------------------------------------------------------------------------------


def test_a_pause_keeps_the_call_and_dials_nothing_and_play_goes_on(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    maria, pedro = floor.person(campaign, "Maria", TALKS), floor.person(campaign, "Pedro", TALKS)
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "connected", at_most=10)
    control.pause(campaign, by=None, now=floor.now)
    floor.run(10)
    assert ana.phase == "connected"
    floor.run(until=lambda: ana.phase == "wrap_up", at_most=30)
    ana.finishes("sale")
    floor.run(30)
    assert (len(maria.attempts), len(pedro.attempts)) == (1, 0)
    control.start(campaign, by=None, now=floor.now)
    floor.run(until=lambda: pedro.attempts, at_most=2)


def test_who_had_stopped_is_not_called_back_by_a_pause_and_a_start(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    floor.person(campaign, "Maria", TALKS)
    pedro = floor.person(campaign, "Pedro", TALKS)
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "wrap_up", at_most=40)
    ana.finishes("sale", stop=True)
    control.pause(campaign, by=None, now=floor.now)
    control.start(campaign, by=None, now=floor.now)
    floor.run(30)
    assert not pedro.attempts


def test_a_campaign_started_before_its_time_waits_for_it_and_its_agents_may_be_there(floor: Floor, ana: Someone) -> None:
    campaign = floor.campaign("progressive", agents=[ana], starts_at=floor.now + timedelta(seconds=20))
    maria = floor.person(campaign, "Maria", TALKS)
    ana.sits_down()
    floor.run(19)
    assert not maria.attempts
    assert ana.free
    floor.run(until=lambda: maria.attempts, at_most=4)


def test_every_move_is_in_the_journal_with_who_when_and_why(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    control.pause(campaign, by=ana.agent.user, now=floor.now, reason="lunch")
    stop(floor, campaign)
    assert list(CampaignChange.objects.order_by("id").values_list("move", "state", "reason")) == [
        ("approve", "approved", ""),
        ("start", "running", ""),
        ("pause", "paused", "lunch"),
        ("stop", "stopped", ""),
    ]


# --- completion ------------------------------------------------------------------------------------------------------------------


def completes(floor: Floor, campaign: Campaign, within: float = 80) -> None:
    floor.run(until=lambda: state(campaign) == CampaignState.COMPLETED, at_most=within)


def test_a_campaign_completes_when_every_lead_is_finished_or_left_alone(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    floor.rule(campaign, "busy", attempts=1)
    maria, pedro = floor.person(campaign, "Maria", TALKS), floor.person(campaign, "Pedro", Busy())
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "wrap_up", at_most=60)
    floor.run(20)
    assert state(campaign) == CampaignState.RUNNING, "an agent still writes"
    ana.finishes("later")
    completes(floor, campaign)
    assert {maria.where, pedro.where} == {("waiting", "no_callback"), ("final", "no_more_attempts")}


def test_a_lead_whose_time_alone_is_over_keeps_its_campaign_open(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    maria = floor.person(campaign, "Maria", at=floor.now - timedelta(hours=1))
    type(maria.lead).objects.update(reason="no_callback")
    floor.run(100)
    assert state(campaign) == CampaignState.RUNNING


@pytest.mark.parametrize("what", ["retry", "callback", "import"])
def test_what_may_still_come_keeps_a_campaign_open(floor: Floor, ana: Someone, campaign: Campaign, what: str) -> None:
    maria = floor.person(campaign, "Maria", at=floor.now + timedelta(hours=2))
    if what == "callback":
        floor.promises(maria, None, at=floor.now + timedelta(hours=2))
    if what == "import":
        type(maria.lead).objects.update(state="final", reason="done")
        ListImport.objects.create(campaign=campaign, file_name="people.csv", state="running")
    floor.run(200)
    assert state(campaign) == CampaignState.RUNNING


def test_a_campaign_that_has_no_lead_yet_is_not_complete(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    floor.run(200)
    assert state(campaign) == CampaignState.RUNNING


def test_a_paused_campaign_completes_too(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    maria = floor.person(campaign, "Maria")
    control.pause(campaign, by=None, now=floor.now)
    type(maria.lead).objects.update(state="final", reason="done")
    completes(floor, campaign)


def test_at_its_end_a_campaign_dials_no_more_drains_and_completes_and_what_was_promised_is_cancelled(floor: Floor, ana: Someone) -> None:
    campaign = floor.campaign("progressive", agents=[ana], ends_at=floor.now + timedelta(seconds=20), ring_for=15)
    maria = floor.person(campaign, "Maria", Answers(after=seconds(6), talks_for=seconds(60)))
    pedro = floor.person(campaign, "Pedro", TALKS)
    rosa = floor.person(campaign, "Rosa")
    floor.promises(rosa, ana, at=floor.now + timedelta(hours=1))
    ana.sits_down()
    floor.run(60)
    assert (state(campaign), ana.phase) == (CampaignState.RUNNING, "connected")
    floor.run(until=lambda: ana.phase == "wrap_up", at_most=30)
    ana.finishes("sale")
    completes(floor, campaign)
    assert not pedro.attempts
    assert maria.where == ("final", "success")
    assert Callback.objects.get().state == "cancelled"
    assert rosa.now().reserved_for_id is None


def test_a_live_campaign_never_completes(floor: Floor, ana: Someone) -> None:
    campaign = floor.campaign("progressive", agents=[ana], is_live=True)
    maria = floor.person(campaign, "Maria")
    type(maria.lead).objects.update(state="final", reason="done")
    floor.run(200)
    assert state(campaign) == CampaignState.RUNNING


def test_a_callback_promised_in_the_last_wrap_up_and_completion_never_leave_an_orphan(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    """Whichever commits first: either the campaign is open and the callback stands, or it is complete and nothing was promised."""
    people: list[Person] = [floor.person(campaign, "Maria", TALKS)]
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "wrap_up", at_most=40)
    floor.promises(people[0], ana, at=floor.now + timedelta(hours=1))
    type(people[0].lead).objects.update(state="busy")
    assert control.complete(campaign, now=floor.now) is None, "somebody still writes"
    ana.finishes("other")
    assert control.complete(campaign, now=floor.now) is None, "a callback stands"
    assert people[0].where == ("waiting", "callback")
    assert people[0].now().reserved_for_id == ana.id
    assert Attempt.objects.count() == 1
