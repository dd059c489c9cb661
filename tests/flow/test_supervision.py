"""A supervisor listens to a conversation, speaks to its agent, joins it; it is written down, and ends with the conversation."""

from typing import Any

import pytest

from agents.desk import DONE, Answer, Refusal
from agents.models import Station, User
from campaigns.flow import supervise, transfer
from campaigns.models import Destination, Supervision
from telephony.drivers.simulated.script import Answers, NoAnswer, seconds
from telephony.models import Call
from tests.floor import Floor, Person, Someone
from tests.flow.test_transfers import EXPERT, customer, does, heard, on_the_line


@pytest.fixture
def carla() -> User:
    return User.objects.create(username="carla", is_staff=True)


@pytest.fixture
def desk(floor: Floor) -> Station:
    floor.script.station("office", Answers(after=seconds(1)))
    return Station.objects.create(name="Office", endpoint="office")


def asks(floor: Floor, carla: User, ana: Someone, how: str, desk: Station) -> Answer:
    answer = supervise.supervise(carla.pk, ana._work(), how, station_id=desk.pk, now=floor.now)
    floor.run(2)
    return answer


def state() -> str:
    return Supervision.objects.latest("asked_at").state


def hears(floor: Floor, maria: Person, ana: Someone) -> tuple[bool, bool, bool]:
    """Whether the supervisor hears the customer, and is heard by the agent, and by the customer."""
    supervisor = Supervision.objects.latest("asked_at").pk
    (hears_them,) = heard(floor, customer(maria), supervisor)
    return hears_them, *heard(floor, supervisor, ana.leg, customer(maria))  # type: ignore[return-value]  # two of them


@pytest.mark.parametrize("leg_mode", [Station.LegMode.NAILED_UP, Station.LegMode.PER_CALL])
def test_listening_whispering_and_joining_are_one_call_and_each_is_written_down(floor: Floor, carla: User, desk: Station, leg_mode: str) -> None:
    ana = floor.agent("Ana", leg_mode=leg_mode)
    maria = on_the_line(floor, ana)
    assert asks(floor, carla, ana, "listen", desk) == DONE
    assert hears(floor, maria, ana) == (True, False, False)
    assert ana.work
    assert ana.work.watched
    assert asks(floor, carla, ana, "whisper", desk) == DONE
    assert hears(floor, maria, ana) == (True, True, False)
    assert asks(floor, carla, ana, "barge", desk) == DONE
    assert hears(floor, maria, ana) == (True, True, True)
    assert asks(floor, carla, ana, "listen", desk) == DONE
    assert hears(floor, maria, ana) == (True, False, False)
    assert supervise.stop(carla.pk, now=floor.now) == DONE
    floor.run(1)
    found = Supervision.objects.get()
    assert (found.user, found.agent, found.call_id, found.state) == (carla, ana.agent, customer(maria), "ended")
    assert [change["how"] for change in found.changes] == ["listen", "whisper", "barge", "listen"]
    assert found.began_at
    assert found.ended_at
    assert not ana.work.watched


def test_who_listens_goes_on_when_the_agents_page_was_loaded_again(floor: Floor, ana: Someone, carla: User, desk: Station) -> None:
    Station.objects.filter(name="ana").update(kind=Station.Kind.WEBRTC)
    maria = on_the_line(floor, ana)
    asks(floor, carla, ana, "listen", desk)
    before = ana.leg
    ana.phone_dies()
    floor.run(0.5)
    ana.phone_is_back()
    floor.run(until=lambda: ana.leg != before and ana.session.leg_state == "up", at_most=10)
    floor.run(1)
    assert state() == "on"
    assert hears(floor, maria, ana) == (True, False, False)


def test_at_an_ordinary_number_a_supervisor_is_there_once_they_press_a_key_and_their_mailbox_hears_nobody(
    floor: Floor, ana: Someone, carla: User
) -> None:
    floor.script.say("+34600999888", Answers(after=seconds(1)))
    mobile = Station.objects.create(name="Mobile", endpoint="+34600999888", kind=Station.Kind.PSTN)
    maria = on_the_line(floor, ana)
    assert asks(floor, carla, ana, "listen", mobile) == DONE
    called = Call.objects.get(party="supervisor")
    assert called.trunk_id is not None, "by the first way out"
    assert called.caller_id.startswith("+"), "showing a number of ours"
    assert (state(), hears(floor, maria, ana)) == ("calling", (False, False, False))
    floor.run(until=lambda: state() == "ended", at_most=60)  # it was the mailbox

    assert asks(floor, carla, ana, "listen", mobile) == DONE
    for _ in range(2):
        floor.world.presses(Supervision.objects.latest("asked_at").pk, "5", floor.now)
        floor.run(0.5)
        assert (state(), hears(floor, maria, ana)) == ("on", (True, False, False))
    floor.run(25)
    assert state() == "on"


def test_it_ends_when_the_customer_hangs_up(floor: Floor, ana: Someone, carla: User, desk: Station) -> None:
    maria = on_the_line(floor, ana)
    asks(floor, carla, ana, "listen", desk)
    floor.world.far_hangs_up(customer(maria), floor.now)
    floor.run(1)
    assert state() == "ended"
    assert not Call.objects.filter(party="supervisor").exclude(state="ended").exists()


def test_it_ends_when_the_agent_has_handed_the_customer_over(floor: Floor, ana: Someone, carla: User, desk: Station) -> None:
    expert = Destination.objects.create(name="Expert", number=EXPERT)
    on_the_line(floor, ana)
    asks(floor, carla, ana, "listen", desk)
    transfer.bring_in(ana._work(), ana.id, destination=expert.pk, number="", how="conference", now=floor.now)
    floor.run(5)
    assert does(ana, "hand_over") == DONE
    floor.run(1)
    assert state() == "ended"


def test_the_agent_does_not_see_it_where_the_campaign_says_so(floor: Floor, ana: Someone, carla: User, desk: Station) -> None:
    on_the_line(floor, ana, supervision_shown=False)
    asks(floor, carla, ana, "listen", desk)
    assert state() == "on"
    assert ana.work
    assert not ana.work.watched


def test_a_supervisor_who_does_not_pick_up_has_heard_nothing(floor: Floor, ana: Someone, carla: User, desk: Station) -> None:
    floor.script.station("office", NoAnswer())
    on_the_line(floor, ana)
    asks(floor, carla, ana, "listen", desk)
    floor.run(40)
    found = Supervision.objects.get()
    assert (found.state, found.began_at) == ("ended", None)


def test_one_conversation_at_a_time_and_only_one_that_goes_on(floor: Floor, ana: Someone, carla: User, desk: Station) -> None:
    ben = floor.agent("Ben")
    on_the_line(floor, ana)
    work = ana._work()
    campaign = floor.campaign("progressive", agents=[ben])
    floor.person(campaign, "Pedro", Answers(after=seconds(1)))
    ben.sits_down()
    floor.run(until=lambda: ben.phase == "connected", at_most=8)
    asks(floor, carla, ana, "listen", desk)
    assert asks(floor, carla, ben, "listen", desk) == Refusal("You are at another conversation: leave it first.")
    taken: Any = supervise.supervise(User.objects.create(username="dora").pk, work, "listen", station_id=ben.station.pk, now=floor.now)
    assert taken == Refusal("An agent is signed in at this phone: choose another one.")
    ana.hangs_up()
    floor.run(3)
    assert supervise.supervise(carla.pk, work, "listen", station_id=desk.pk, now=floor.now) == supervise.OVER


def test_a_supervisor_left_behind_by_a_lost_command_is_hung_up_by_the_sweep(
    floor: Floor, ana: Someone, carla: User, desk: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    maria = on_the_line(floor, ana)
    asks(floor, carla, ana, "listen", desk)
    with monkeypatch.context() as patch:
        patch.setattr("campaigns.flow.conclude.supervisors_go", lambda call_ids: None)
        floor.world.far_hangs_up(customer(maria), floor.now)
        floor.run(1)
    assert state() == "on"
    floor.run(120)
    assert state() == "ended"
