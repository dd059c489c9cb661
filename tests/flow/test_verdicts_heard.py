"""Whoever checks a verdict hears what it was taken on: the first seconds of the call, kept as every recording is, and no more than those."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from agents.models import User
from campaigns import screens
from campaigns.flow import sweep
from campaigns.models import VerdictReview
from telephony import media
from telephony.drivers.simulated.script import Answers, Machine, seconds
from telephony.models import Call, Recording, RecordingPlay
from tests.floor import Floor, Someone
from tests.flow.test_machine_detection import answered, done

QUEUE = "/admin/campaigns/verdictreview/"
TALKS = Answers(after=seconds(2), talks_for=seconds(60))


@pytest.fixture(autouse=True)
def our_storage(settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = tmp_path


def test_the_seconds_until_the_verdict_are_kept_and_played_to_the_reviewer(floor: Floor, ana: Someone, client: Client) -> None:
    maria = answered(floor, ana, review_share=100, recording="all", recording_days=10)
    floor.run(until=lambda: ana.phase == "connected", at_most=5)
    floor.run(20)
    call = Call.objects.get(pk=maria.attempts[0].pk)
    heard = Recording.objects.get(bridge=call.pk)
    assert (heard.state, heard.call_id) == ("stored", call.pk)
    assert heard.seconds == pytest.approx(2.0, abs=0.2), "it ends with the verdict, though the conversation goes on"
    assert heard.ended_at is not None
    assert heard.delete_at == heard.ended_at + timedelta(days=10)
    record = screens.record(ana.id, ana._work())
    assert record is not None
    done(ana)
    floor.run(1)
    assert [each.bridge for each in media.of_calls([call.pk])[call.pk]] != [call.pk], "it is no conversation"
    assert len(media.of_calls([call.pk])[call.pk]) == 1

    carla = User.objects.create(username="carla", is_staff=True)
    carla.user_permissions.set(Permission.objects.filter(codename__in=["view_verdictreview", "change_verdictreview"]))
    client.force_login(carla)
    assert "<audio" not in client.get(QUEUE).content.decode(), "who may not listen is not offered it"
    carla.user_permissions.add(Permission.objects.get(codename="play_recording"))
    for page in (QUEUE, f"{QUEUE}{VerdictReview.objects.get().pk}/change/"):
        assert f'src="/recordings/{heard.pk}/"' in client.get(page).content.decode()
    played = client.get(f"/recordings/{heard.pk}/")
    assert b"".join(played.streaming_content)[:4] == b"RIFF"  # type: ignore[attr-defined]  # it streams
    assert RecordingPlay.objects.get().user == carla
    floor.check()


def test_a_machine_that_is_hung_up_on_was_heard_too_and_who_is_not_drawn_is_not_kept(floor: Floor, ana: Someone) -> None:
    maria = answered(floor, ana, meets=Machine(after=seconds(2)), review_share=100)
    floor.run(until=lambda: maria.outcomes == ["machine"], at_most=10)
    floor.run(1)
    assert Recording.objects.get().state == "stored"
    answered(floor, ana, review_share=0)
    floor.run(until=lambda: ana.phase == "connected", at_most=10)
    assert Recording.objects.count() == 1


def test_a_node_that_was_not_told_to_stop_is_told_again_and_one_not_told_to_begin_never_begins_later(
    floor: Floor, ana: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    maria = answered(floor, ana, review_share=100)
    with monkeypatch.context() as patch:
        patch.setattr(floor.carrier, "stop_recording", lambda name: False)
        floor.run(until=lambda: ana.phase == "connected", at_most=5)
        floor.run(2)
    assert Recording.objects.get(call_id=maria.attempts[0].pk).state == "running"
    floor.run(10)
    sweep.every_quarter_minute(now=floor.now)
    floor.run(1)
    assert Recording.objects.get(call_id=maria.attempts[0].pk).state == "stored"
    done(ana)
    floor.run(1)
    with monkeypatch.context() as patch:
        patch.setattr(floor.carrier, "record", lambda what, name: False)
        petra = answered(floor, ana, review_share=100)
    floor.run(until=lambda: ana.phase == "connected", at_most=5)
    floor.run(15)
    sweep.every_quarter_minute(now=floor.now)
    assert Recording.objects.get(call_id=petra.attempts[0].pk).state == "wanted", "a conversation is not recorded for want of its beginning"
    done(ana)
    floor.check()
