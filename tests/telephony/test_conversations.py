"""More than two in a conversation, on a real Asterisk from end to end: who hears whom is counted in packets at each phone, and what was said
is read from the file that was kept."""

from __future__ import annotations

import array
import math
import wave
from typing import Any
from uuid import UUID

import pytest
from django.core.files.storage import default_storage
from django.utils import timezone

from agents.desk import DONE
from agents.models import Station, User
from campaigns.flow import offer, supervise, talk, transfer
from campaigns.models import Attempt, Destination, InboundCall, Supervision, ThirdParty
from dialer_project.lib import sentence
from telephony import media
from telephony.drivers.simulated.script import Answers, Behaviour, Busy, seconds
from telephony.drivers.simulated.sip_world import MACHINE, Dialog
from telephony.models import Announcement, Call, CallEvent, Recording
from tests.chaos.centre import Person, Someone
from tests.telephony.centre import RealCentre

TALKS = Answers(after=seconds(0.3), talks_for=None)
EXPERT = "+34911000111"
LOUD = 5  # packets of 20 ms that are not silence: enough to be a voice
OFFICE = "agent11"  # a phone at which nobody is hired in these tests


@pytest.fixture(autouse=True)
def our_storage(settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = tmp_path


def expert(centre: RealCentre, *meets: Behaviour) -> Destination:
    centre.world.say(EXPERT, *meets)
    return Destination.objects.get_or_create(name="Expert", defaults={"number": EXPERT})[0]


def talking(centre: RealCentre, **fields: Any) -> tuple[Person, Someone, Dialog, Dialog]:
    """Maria and Ana in a conversation in which nobody says anything."""
    centre.has("hot-1", "pump-1")
    _, (maria,), (ana,) = centre.shift(TALKS, **fields)
    centre.until(lambda: ana.phase == "connected", what="Ana talks to Maria")
    assert ana.session.leg is not None
    hers, ours = centre.dialogs(maria.number)[0], centre.dialog(ana.session.leg)
    for dialog in (hers, ours):
        centre.exchange.world.listens(dialog)
    return maria, ana, hers, ours


def work_of(ana: Someone) -> UUID:
    assert ana.work is not None
    return ana.work.pk


def hears(centre: RealCentre, speaker: Dialog, *others: Dialog) -> list[bool]:
    """Which of the others the sound of one of them comes to, while everybody else is silent."""
    world = centre.exchange.world
    centre.holds(lambda: True, for_=0.06, what="what was under way has arrived")
    before = [other.loud for other in others]
    world.speaks(speaker, 0.2)
    centre.holds(lambda: True, for_=0.3, what="it is said, and on its way")
    return [other.loud - was > LOUD for other, was in zip(others, before, strict=True)]


def grows(centre: RealCentre, dialog: Dialog, *, what: str) -> None:
    heard = dialog.loud
    centre.until(lambda: dialog.loud > heard + 20, what=what)


def brings_in(ana: Someone, to: Destination, how: str) -> ThirdParty:
    assert transfer.bring_in(work_of(ana), ana.id, destination=to.pk, number="", how=how, now=timezone.now()) == DONE
    return ThirdParty.objects.latest("asked_at")


def becomes(centre: RealCentre, third: ThirdParty, state: str) -> Dialog:
    centre.until(lambda: ThirdParty.objects.get(pk=third.pk).state == state, what=f"the expert is {state}")
    (dialog,) = [each for each in centre.dialogs(EXPERT) if not each.over]
    centre.exchange.world.listens(dialog)
    return dialog


def test_consulted_aside_then_three_together_then_the_agent_leaves_and_the_two_go_on(centre: RealCentre) -> None:
    to = expert(centre, TALKS)
    maria, ana, hers, ours = talking(centre)
    assert hears(centre, hers, ours) == [True]
    third = brings_in(ana, to, "consult")
    grows(centre, hers, what="Maria hears music while the expert is called")
    theirs = becomes(centre, third, "consulted")
    centre.until(lambda: hears(centre, ours, theirs) == [True], what="the expert hears Ana")
    assert hears(centre, theirs, ours) == [True]
    assert hears(centre, hers, ours, theirs) == [False, False], "what Maria says to the music is heard by nobody"
    grows(centre, hers, what="and the music goes on")

    assert transfer.with_other(work_of(ana), ana.id, third.pk, "join", now=timezone.now()) == DONE
    centre.until(lambda: hears(centre, ours, hers, theirs) == [True, True], what="both hear Ana")
    assert hears(centre, hers, ours, theirs) == [True, True]
    assert hears(centre, theirs, ours, hers) == [True, True]
    quiet = hers.loud
    centre.holds(lambda: hers.loud <= quiet + LOUD, for_=0.4, what="the music is over")

    assert transfer.with_other(work_of(ana), ana.id, third.pk, "hand_over", now=timezone.now()) == DONE
    centre.until(lambda: ana.phase is None, what="Ana is done with it")
    assert hears(centre, theirs, hers, ours) == [True, False]
    assert hears(centre, hers, theirs, ours) == [True, False]
    assert hears(centre, ours, hers, theirs) == [False, False]
    assert maria.outcomes == [None], "she talks on"

    centre.exchange.world.hangs_up(hers)
    centre.until(lambda: theirs.over and ThirdParty.objects.get(pk=third.pk).state == "ended", what="the expert is let go")
    centre.until(lambda: maria.outcomes == ["connected"], what="the call is concluded")
    call = Attempt.objects.get(lead=maria.lead).pk
    assert CallEvent.objects.filter(call_id=call, kind="ended").count() == 1
    assert Call.objects.get(pk=call).hung_up_by == "far"
    assert maria.now().attempts_made == 1


def test_a_busy_expert_gives_the_customer_back_a_supervisor_is_heard_by_whom_they_mean_and_an_unasked_handover_reaches_the_expert(
    centre: RealCentre,
) -> None:
    to = expert(centre, Busy(), Answers(after=seconds(1), talks_for=None))
    maria, ana, hers, ours = talking(centre)
    third = brings_in(ana, to, "consult")
    centre.until(lambda: ThirdParty.objects.get(pk=third.pk).state == "ended", what="the expert is busy")
    centre.until(lambda: ana.work is not None and sentence.heard(ana.work.notice) == "Expert is busy.", what="Ana reads it")
    centre.until(lambda: hears(centre, ours, hers) == [True], what="Maria hears Ana again")
    assert hears(centre, hers, ours) == [True]

    carla, _ = User.objects.get_or_create(username="carla", defaults={"is_staff": True})
    office, _ = Station.objects.get_or_create(name="Office", defaults={"endpoint": OFFICE})
    centre.exchange.world.station_up(OFFICE)
    centre.until(lambda: OFFICE in centre.exchange.world.registered, what="the office's phone is registered")
    assert supervise.supervise(carla.pk, work_of(ana), "listen", station_id=office.pk, now=timezone.now()) == DONE
    centre.until(lambda: Supervision.objects.latest("asked_at").state == "on", what="Carla listens")
    herself = centre.dialog(Supervision.objects.latest("asked_at").pk)
    centre.exchange.world.listens(herself)
    centre.until(lambda: hears(centre, hers, ours, herself) == [True, True], what="Carla hears Maria")
    assert hears(centre, ours, hers, herself) == [True, True]
    assert hears(centre, herself, hers, ours) == [False, False], "she only listens"
    for how, heard in (("whisper", [False, True]), ("barge", [True, True])):
        assert supervise.supervise(carla.pk, work_of(ana), how, station_id=office.pk, now=timezone.now()) == DONE
        centre.until(lambda heard=heard: hears(centre, herself, hers, ours) == heard, what=f"of Carla is heard what a {how} means")  # type: ignore[misc]  # mypy cannot type a lambda with a default
        assert hears(centre, hers, ours, herself) == [True, True]

    third = brings_in(ana, to, "blind")
    centre.until(lambda: ana.phase is None, what="Ana is done at once")
    grows(centre, hers, what="Maria hears music until the expert answers")
    centre.until(lambda: herself.over, what="nobody listens to what Ana does next")
    theirs = becomes(centre, third, "handed")
    centre.until(lambda: hears(centre, theirs, hers, ours) == [True, False], what="Maria hears the expert")
    assert hears(centre, hers, theirs, ours) == [True, False]
    centre.exchange.world.hangs_up(theirs)
    centre.until(lambda: hers.over and maria.outcomes == ["connected"], what="the call is over, and concluded")
    assert [change["how"] for change in Supervision.objects.latest("asked_at").changes] == ["listen", "whisper", "barge"]


def test_a_colleague_is_asked_aside_and_given_the_customer_with_the_record(centre: RealCentre) -> None:
    maria, ana, hers, ours = talking(centre)
    (ben,) = centre.seated("Ben")
    centre.campaign([ben])
    ben.goes_ready()
    assert ben.session.leg is not None
    his = centre.dialog(ben.session.leg)
    centre.exchange.world.listens(his)
    assert transfer.bring_in(work_of(ana), ana.id, colleague=ben.id, how="consult", now=timezone.now()) == DONE
    grows(centre, hers, what="Maria hears music")
    assert ben.work is not None
    assert (ben.phase, ben.work.lead_id) == ("ringing_agent", maria.lead.pk)
    third = ThirdParty.objects.latest("asked_at")
    assert offer.accept(ben.work.pk, ben.id, now=timezone.now()) == DONE
    centre.until(lambda: hears(centre, ours, his) == [True], what="Ben hears Ana")
    assert hears(centre, his, ours) == [True]
    assert hears(centre, hers, ours, his) == [False, False]
    assert transfer.with_other(work_of(ana), ana.id, third.pk, "hand_over", now=timezone.now()) == DONE
    centre.until(lambda: hears(centre, his, hers, ours) == [True, False], what="Maria hears Ben")
    assert hears(centre, hers, his, ours) == [True, False]
    assert hears(centre, ours, hers, his) == [False, False]
    centre.tended = False
    centre.exchange.world.hangs_up(hers)
    centre.until(lambda: ben.phase == "wrap_up", what="Ben says what came of it")
    assert ben.work is not None
    assert ben.work.owns_lead
    centre.tended = True
    centre.until(lambda: maria.outcomes == ["connected"] and (ana.phase, ben.phase) == (None, None), what="both are done")


def test_a_caller_hears_music_while_the_phone_rings_that_is_called_for_each_call_and_then_its_agent(centre: RealCentre) -> None:
    centre.has("hot-1", "pump-1")
    centre.leg_mode = Station.LegMode.PER_CALL
    _, _, (ana,) = centre.shift(takes_calls=True, longest_wait=30)
    world = centre.exchange.world
    world.script.station(ana.station.endpoint, Answers(after=seconds(1.2)))
    hers = world.incoming("+34611000009", "+34910000000")
    grows(centre, hers, what="the caller hears music")
    centre.until(lambda: ana.phase == "connected", what="Ana has picked up")
    assert ana.work is not None
    assert ana.work.agent_call_id is not None
    ours = centre.dialog(ana.work.agent_call_id)
    for dialog in (hers, ours):
        world.listens(dialog)
    centre.until(lambda: hears(centre, ours, hers) == [True], what="the caller hears Ana")
    assert hears(centre, hers, ours) == [True]
    world.hangs_up(hers)
    centre.until(lambda: ours.over and ana.phase is None, what="Ana's phone is let go")
    assert InboundCall.objects.latest("came_at").answered_at is not None


def aloud(path: str) -> tuple[float, float]:
    """(how long it lasts, how much of it is a voice), in seconds."""
    with default_storage.open(path) as file, wave.open(file) as sound:
        assert (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) == (8000, 1, 2)
        samples = array.array("h", sound.readframes(sound.getnframes()))
    loud = sum(math.sqrt(sum(sample * sample for sample in samples[at : at + 160]) / 160) > 500 for at in range(0, len(samples) - 160, 160))
    return len(samples) / 8000, loud * 0.02


def test_what_is_said_in_a_pause_is_not_in_the_recording_and_a_message_left_plays_on_without_the_agent(centre: RealCentre) -> None:
    voicemail, _ = Announcement.objects.get_or_create(name="voicemail", defaults={"media": "sound:voicemail"})
    maria, ana, hers, ours = talking(centre, recording="all", voicemail=voicemail)
    world, work = centre.exchange.world, work_of(ana)
    centre.until(lambda: ana.work is not None and ana.work.recording == "on", what="it is recorded")
    assert hears(centre, hers, ours) == [True]
    assert talk.record(work, ana.id, "pause", now=timezone.now()) == DONE
    world.speaks(hers, 1.0)
    world.speaks(ours, 1.0)
    centre.holds(lambda: True, for_=1.2, what="what is not to be kept is said")
    assert talk.record(work, ana.id, "resume", now=timezone.now()) == DONE
    assert hears(centre, ours, hers) == [True]

    heard = hers.loud
    assert talk.leave_message(work, ana.id, now=timezone.now()) == DONE
    assert ana.work is None
    assert not hers.over, "the message plays on"
    centre.until(lambda: hers.over, what="it has been said")
    assert hers.loud > heard + 20
    hers.script = MACHINE  # what Ana took her for: the far side's word in the comparison that ends every test
    centre.until(lambda: maria.outcomes == ["machine"], what="the attempt is a machine's")

    centre.until(lambda: Recording.objects.get(call_id=maria.attempts[0].pk).state == "ended", what="the recording has ended")
    recording = Recording.objects.get(call_id=maria.attempts[0].pk)
    media.fetch(recording.pk, now=timezone.now())
    recording.refresh_from_db()
    assert recording.state == "stored"
    assert recording.file.name is not None
    lasts, voices = aloud(recording.file.name)
    assert recording.ended_at is not None
    wall = (recording.ended_at - recording.started_at).total_seconds()
    assert 0.25 < voices < 0.9, "two moments of two tenths of a second, and nothing of the second in between"
    assert lasts < wall - 0.9
    assert not list(centre.exchange.server.recordings.glob(f"{recording.name}*")), "gone from the node"


def test_what_a_verdict_was_taken_on_is_kept_and_nothing_of_the_conversation(centre: RealCentre) -> None:
    maria, ana, hers, ours = talking(centre, on_machine="hang_up", review_share=100)
    call = Call.objects.get(pk=maria.attempts[0].pk)
    centre.until(lambda: Recording.objects.filter(bridge=call.pk, state="ended").exists(), what="it has ended with the verdict")
    assert hears(centre, ours, hers) == [True]
    recording = Recording.objects.get(bridge=call.pk)
    media.fetch(recording.pk, now=timezone.now())
    recording.refresh_from_db()
    assert recording.file.name is not None
    lasts, voices = aloud(recording.file.name)
    assert call.verdict_at is not None
    assert call.answered_at is not None
    listened = (call.verdict_at - call.answered_at).total_seconds()
    print(f"listened for {listened:.2f} s, kept {lasts:.2f} s, of which {voices:.2f} s are a voice")
    assert 0.2 < voices <= lasts
    assert listened - 0.6 < lasts < listened + 0.6
    centre.exchange.world.hangs_up(hers)
    centre.until(lambda: maria.outcomes == ["connected"] and ana.phase is None, what="Ana is done with Maria")
