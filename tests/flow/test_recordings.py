"""A conversation is recorded: told to the carrier, paused, fetched, kept and deleted, whatever dies on the way."""

import wave
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.storage import default_storage

from agents.desk import DONE, Refusal
from campaigns.flow import sweep, talk
from telephony import media, nodes
from telephony.drivers.base import CarrierUnreachable
from telephony.drivers.simulated.script import Answers, seconds
from telephony.models import Announcement, CallEvent, Recording
from tests.floor import Floor, Person, Someone

TALKS = Answers(after=seconds(2), talks_for=seconds(60))


@pytest.fixture(autouse=True)
def our_storage(settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = tmp_path


def on_the_line(floor: Floor, ana: Someone, **fields: Any) -> Person:
    campaign = floor.campaign("progressive", agents=[ana], **fields)
    maria = floor.person(campaign, "Maria", TALKS)
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "connected", at_most=6)
    floor.run(0.5)
    return maria


def does(ana: Someone, what: str) -> Any:
    answer = talk.record(ana._work(), ana.id, what, now=ana.floor.now)
    ana.floor.run(0.2)
    return answer


def path_of(recording: Recording) -> str:
    assert recording.file.name
    return recording.file.name


def screen(ana: Someone) -> str:
    assert ana.work
    return ana.work.recording


def ends(floor: Floor, ana: Someone) -> None:
    ana.hangs_up()
    floor.run(until=lambda: ana.phase == "wrap_up", at_most=5)


def test_every_conversation_is_recorded_with_its_pauses_and_kept_for_as_long_as_it_may_be(floor: Floor, ana: Someone) -> None:
    notice = Announcement.objects.create(name="notice", media="sound:recorded")
    maria = on_the_line(floor, ana, recording="all", recording_notice=notice, recording_days=30)
    assert screen(ana) == "on"
    floor.run(10)
    assert does(ana, "pause") == DONE
    assert screen(ana) == "paused"
    assert does(ana, "pause") == Refusal("Nothing is recorded here.")
    floor.run(20)
    assert does(ana, "resume") == DONE
    floor.run(5)
    ends(floor, ana)

    recording = Recording.objects.get()
    assert (recording.state, recording.call_id, len(recording.pauses)) == ("stored", maria.attempts[0].pk, 1)
    with wave.open(default_storage.open(path_of(recording))) as sound:
        lasts = sound.getnframes() / 8000
    assert 15 < lasts < 17, "what was said in between is not in it"
    assert abs((recording.seconds or 0) - lasts) < 0.1
    assert floor.world.stored_recording(recording.name, floor.now) is None, "gone from the node"
    assert recording.ended_at is not None
    assert recording.delete_at == recording.ended_at + timedelta(days=30)

    path = path_of(recording)
    media.delete_old(now=floor.now + timedelta(days=29))
    assert default_storage.exists(path)
    media.delete_old(now=floor.now + timedelta(days=31))
    assert not default_storage.exists(path)
    recording.refresh_from_db()
    assert (recording.state, recording.file.name) == ("deleted", "")


def test_on_demand_it_begins_when_the_agent_says_so(floor: Floor, ana: Someone) -> None:
    on_the_line(floor, ana, recording="on_demand")
    assert screen(ana) == "offered"
    assert not Recording.objects.exists()
    assert does(ana, "start") == DONE
    assert screen(ana) == "on"
    does(ana, "start")
    ends(floor, ana)
    assert Recording.objects.get().state == "stored"


def test_a_campaign_that_records_nothing_says_so(floor: Floor, ana: Someone) -> None:
    on_the_line(floor, ana)
    assert does(ana, "start") == Refusal("This campaign records nothing.")
    assert screen(ana) == ""


def test_what_a_lost_order_has_not_started_is_started_by_the_sweep(floor: Floor, ana: Someone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(floor.carrier, "record", lambda what, name: False)
    on_the_line(floor, ana, recording="all")
    assert Recording.objects.get().state == "wanted"
    monkeypatch.undo()
    floor.run(30)
    assert screen(ana) == "on"


def said_in_conversations(what: str) -> int:
    return CallEvent.objects.filter(kind="announcement_started", call_id=None, data__announcement__endswith=what).count()


def test_whatever_begins_a_recording_everybody_hears_its_notice_once(floor: Floor, ana: Someone, monkeypatch: pytest.MonkeyPatch) -> None:
    notice = Announcement.objects.create(name="notice", media="sound:recorded")
    monkeypatch.setattr(floor.carrier, "record", lambda what, name: False)
    on_the_line(floor, ana, recording="all", recording_notice=notice)
    monkeypatch.undo()
    assert said_in_conversations("recorded") == 0
    floor.run(30)
    assert (screen(ana), said_in_conversations("recorded")) == ("on", 1)
    assert Recording.objects.get().notice_at is not None


def test_a_notice_that_could_not_be_said_is_said_by_the_sweep(floor: Floor, ana: Someone, monkeypatch: pytest.MonkeyPatch) -> None:
    notice = Announcement.objects.create(name="notice", media="sound:recorded")
    monkeypatch.setattr(floor.carrier, "play_to_all", away)
    on_the_line(floor, ana, recording="all", recording_notice=notice)
    monkeypatch.undo()
    assert (Recording.objects.get().state, said_in_conversations("recorded")) == ("running", 0)
    floor.run(12)
    media.look_after(now=floor.now)
    floor.run(0.2)
    assert said_in_conversations("recorded") == 1


def away(*_: Any, **__: Any) -> Any:
    raise CarrierUnreachable("away")


@pytest.mark.parametrize("also_lost", [(), ("stop_recording",)])
def test_an_agent_whom_nobody_took_out_of_the_conversation_is_recorded_no_longer(
    floor: Floor, ana: Someone, monkeypatch: pytest.MonkeyPatch, also_lost: tuple[str, ...]
) -> None:
    maria = on_the_line(floor, ana, recording="all")
    floor.run(5)
    with monkeypatch.context() as lost:
        for command in ("leave_many", *also_lost):
            lost.setattr(floor.carrier, command, away)
        floor.world.far_hangs_up(maria.attempts[0].pk, floor.now)
        floor.run(until=lambda: ana.phase == "wrap_up", at_most=5)
        floor.run(15)
    floor.run(60)
    recording = Recording.objects.get()
    assert floor.world.pause_recording(recording.name, floor.now) is False, "the node does not record it any more"
    assert (recording.state, recording.tries) == ("stored", 0)


def test_which_keys_the_customer_presses_is_kept_nowhere(floor: Floor, ana: Someone) -> None:
    maria = on_the_line(floor, ana, recording="all")
    floor.world.presses(maria.attempts[0].pk, "4", floor.now)
    floor.run(0.3)
    assert CallEvent.objects.get(call_id=maria.attempts[0].pk, kind="digit").data == {}


def test_a_recording_whose_end_nobody_heard_and_whose_worker_died_is_fetched_all_the_same(floor: Floor, ana: Someone) -> None:
    on_the_line(floor, ana, recording="all")
    floor.loses_messages()
    floor.pump_dies()
    floor.run(2)
    assert ana.work is not None
    assert ana.work.call_id is not None
    floor.world.hang_up(ana.work.call_id, floor.now)
    floor.run(5)
    floor.listen()
    floor.run(30)
    recording = Recording.objects.get()
    assert recording.state == "ended"
    floor.post = lambda message: [message]
    # whoever fetched it first died on the way
    recording.fetch_at = floor.now + media.FETCH_WITHIN
    recording.save()
    media.fetch(recording.pk, now=floor.now)
    assert Recording.objects.get().state == "ended"
    floor.run(media.FETCH_WITHIN.total_seconds() + 30)
    assert Recording.objects.get().state == "stored"


def test_a_file_kept_by_one_who_died_before_saying_so_is_kept_once(floor: Floor, ana: Someone, monkeypatch: pytest.MonkeyPatch) -> None:
    on_the_line(floor, ana, recording="all")
    ends_without_fetching(floor, ana)
    recording = Recording.objects.get()

    class Died(Exception):
        """The process is gone."""

    def dies(*args: object, **kwargs: object) -> None:
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr("telephony.media.sql.changed", dies)
        with pytest.raises(Died):
            media.fetch(recording.pk, now=floor.now)
    media.fetch(recording.pk, now=floor.now + media.FETCH_WITHIN)
    recording.refresh_from_db()
    assert recording.state == "stored"
    folder = path_of(recording).rpartition("/")[0]
    assert default_storage.listdir(folder)[1] == [f"{recording.name}.wav"]


def ends_without_fetching(floor: Floor, ana: Someone) -> None:
    floor.loses_messages()
    ends(floor, ana)
    assert Recording.objects.get().state == "ended"


def test_a_node_that_is_away_is_asked_again_and_one_without_the_file_is_believed_in_the_end(floor: Floor, ana: Someone) -> None:
    on_the_line(floor, ana, recording="all")
    ends_without_fetching(floor, ana)
    recording = Recording.objects.get()
    floor.carrier.running = False
    media.fetch(recording.pk, now=floor.now)
    recording.refresh_from_db()
    assert (recording.state, recording.tries) == ("ended", 1)
    assert recording.fetch_at == floor.now + media.AGAIN_AFTER
    floor.carrier.running = True
    nodes.forget()
    floor.world.remove_recording(recording.name, floor.now)
    asked = 0
    while asked < media.LOST_AFTER and (due := Recording.objects.get().fetch_at):
        media.fetch(recording.pk, now=due)
        asked += 1
    lost = Recording.objects.get()
    assert (lost.state, lost.fetch_at) == ("lost", None)
    sweep.every_quarter_minute(now=floor.now)
