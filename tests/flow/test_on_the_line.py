"""A customer is on the line: hold, mute, keys, and what follows when it is a machine."""

from typing import Any
from uuid import UUID

import pytest

from agents.desk import DONE, Answer, Refusal
from agents.models import Interaction, Station
from campaigns.flow import talk
from telephony import commands
from telephony.drivers.simulated.script import Answers, Machine, NoAnswer, seconds
from telephony.models import Announcement, Trunk
from telephony.rules.events import Happened
from tests.floor import Floor, Person, Someone

TALKS = Answers(after=seconds(2), talks_for=seconds(60))
MACHINE = Machine(after=seconds(2))


@pytest.fixture
def mailbox_message(floor: Floor) -> Announcement:
    return Announcement.objects.create(name="voicemail", media="sound:please-call-us")


def on_the_line(floor: Floor, ana: Someone, meets: object = TALKS, **fields: Any) -> Person:
    campaign = floor.campaign("progressive", agents=[ana], **fields)
    maria = floor.person(campaign, "Maria", meets)
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "connected", at_most=6)
    return maria


def holds(ana: Someone, on: bool) -> Answer:
    return talk.hold(ana._work(), ana.id, on=on, now=ana.floor.now)


def mutes(ana: Someone, on: bool) -> Answer:
    return talk.mute(ana._work(), ana.id, on=on, now=ana.floor.now)


def leaves_the_message(ana: Someone) -> Answer:
    return talk.leave_message(ana._work(), ana.id, now=ana.floor.now)


def on_screen(ana: Someone) -> tuple[bool, bool]:
    assert ana.work
    return ana.work.held, ana.work.muted


def test_hold_and_mute_are_done_by_the_carrier_and_shown_on_the_screen(floor: Floor, ana: Someone) -> None:
    maria = on_the_line(floor, ana)
    call = floor.world._calls[maria.attempts[0].pk]
    version = ana.session.version
    assert holds(ana, True) == mutes(ana, True) == DONE
    floor.run(1)
    assert (call.held, floor.world._calls[ana.leg].muted) == (True, True)
    assert on_screen(ana) == (True, True)
    assert ana.session.version == version + 2, "told twice, and not again for what the carrier then says of it"
    assert holds(ana, False) == mutes(ana, False) == DONE
    assert (call.held, floor.world._calls[ana.leg].muted) == (False, False)
    assert on_screen(ana) == (False, False)


def test_hold_pressed_on_the_phone_itself_is_shown_too(floor: Floor, ana: Someone) -> None:
    maria = on_the_line(floor, ana)
    floor.world.phone_holds(maria.attempts[0].pk, True, floor.now)
    floor.run(0.5)
    assert on_screen(ana) == (False, False), "who holds us at their own phone hears no music of ours"
    floor.world.phone_holds(maria.attempts[0].pk, False, floor.now)
    floor.world.phone_holds(ana.leg, True, floor.now)
    floor.run(0.5)
    assert on_screen(ana) == (True, False)
    assert holds(ana, False) == talk.HELD_AT_THE_PHONE
    assert holds(ana, True) == DONE
    floor.world.phone_holds(ana.leg, False, floor.now)
    floor.run(0.5)
    assert on_screen(ana) == (True, False), "held at the button meanwhile"
    assert holds(ana, False) == DONE
    floor.run(0.5)
    assert on_screen(ana) == (False, False)


def test_an_agent_is_told_that_nobody_heard_a_message_which_the_telephone_system_does_not_have(floor: Floor, ana: Someone) -> None:
    terms, gone = (Announcement.objects.create(name=name, media=f"sound:{name}", in_conversation=True) for name in ("terms", "nowhere"))
    on_the_line(floor, ana)
    for to in ("customer", "all"):
        Interaction.objects.update(notice="")
        for message, told in ((terms, False), (gone, True)):
            assert talk.play(ana._work(), ana.id, message.pk, to=to) == DONE
            floor.run(6)
            assert bool(Interaction.objects.get(pk=ana._work()).notice) is told


def test_a_mute_that_crosses_the_end_of_the_call_leaves_nobody_muted(floor: Floor, ana: Someone, monkeypatch: pytest.MonkeyPatch) -> None:
    maria = on_the_line(floor, ana)
    muting = commands.mute

    def and_then_they_go(node_id: int, leg: UUID) -> bool:
        done = muting(node_id, leg)
        floor.world.far_hangs_up(maria.attempts[0].pk, floor.now)
        floor.run(until=lambda: ana.phase == "wrap_up", at_most=5)
        return done

    monkeypatch.setattr(commands, "mute", and_then_they_go)
    assert mutes(ana, True) == talk.NOBODY_THERE
    assert not floor.world._calls[ana.leg].muted


@pytest.mark.parametrize("leg_mode", [Station.LegMode.NAILED_UP, Station.LegMode.PER_CALL])
def test_nobody_is_muted_in_their_next_conversation(floor: Floor, leg_mode: str) -> None:
    ana = floor.agent("Ana", leg_mode=leg_mode)
    maria = on_the_line(floor, ana)
    pedro = floor.person(maria.lead.campaign, "Pedro", TALKS)
    mutes(ana, True)
    holds(ana, True)
    ana.hangs_up()
    floor.run(until=lambda: ana.phase == "wrap_up", at_most=3)
    assert on_screen(ana) == (False, False)
    ana.finishes("sale")
    floor.run(until=lambda: ana.phase == "connected", at_most=10)
    assert pedro.attempts
    assert not floor.world._calls[ana.leg].muted


def test_keys_reach_the_far_side(floor: Floor, ana: Someone) -> None:
    maria = on_the_line(floor, ana)
    assert talk.send_digits(ana._work(), ana.id, "12*#") == DONE
    assert floor.world.sent_digits(maria.attempts[0].pk) == "12*#"


def test_where_nobody_is_on_the_line_the_controls_say_so(floor: Floor, ana: Someone) -> None:
    ben = floor.agent("Ben")
    campaign = floor.campaign("progressive", agents=[ana])
    floor.person(campaign, "Maria", NoAnswer())
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "dialing", at_most=3)
    for answer in (holds(ana, True), mutes(ana, True), talk.send_digits(ana._work(), ana.id, "1"), leaves_the_message(ana)):
        assert answer == talk.NOBODY_THERE
    assert isinstance(talk.hold(ana._work(), ben.id, on=True, now=floor.now), Refusal), "and it is nobody else's"


def test_a_carrier_that_does_not_answer_is_told_and_nothing_is_shown_as_done(floor: Floor, ana: Someone) -> None:
    on_the_line(floor, ana)
    floor.world._calls.pop(ana.leg)
    assert mutes(ana, True) == talk.NOT_HEARD
    assert on_screen(ana) == (False, False)


# --- machines -------------------------------------------------------------------------------------------------------------------------


def test_an_agent_who_leaves_a_message_is_free_at_once_while_it_plays_on(floor: Floor, ana: Someone, mailbox_message: Announcement) -> None:
    floor.script.announcement_lasts = seconds(20)
    maria = on_the_line(floor, ana, MACHINE, voicemail=mailbox_message)
    call = maria.attempts[0].pk
    assert leaves_the_message(ana) == DONE
    assert ana.free
    assert ana.closed == ["message_left"]
    pedro = floor.person(maria.lead.campaign, "Pedro", TALKS)
    floor.run(until=lambda: ana.phase == "connected", at_most=10)
    assert pedro.attempts[0].connected_at
    assert call in floor.world._calls, "and the message still plays"
    assert maria.where[0] == "busy"
    floor.run(until=lambda: maria.outcomes == ["machine"], at_most=30)
    assert floor.world.when(call, Happened.ANNOUNCEMENT_STARTED)
    assert maria.where == ("waiting", "retry")
    ana.hangs_up()
    floor.run(1)
    ana.finishes("sale")


def test_without_a_message_to_leave_the_agent_is_told_what_to_do(floor: Floor, ana: Someone) -> None:
    on_the_line(floor, ana, MACHINE)
    answer = leaves_the_message(ana)
    assert isinstance(answer, Refusal)
    assert "ask your supervisor" in answer.sentence
    assert ana.phase == "connected"


def test_a_promised_callback_survives_a_machine(floor: Floor, ana: Someone, mailbox_message: Announcement) -> None:
    campaign = floor.campaign("progressive", agents=[ana], voicemail=mailbox_message)
    maria = floor.person(campaign, "Maria", MACHINE)
    floor.promises(maria, ana, at=floor.now)
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "connected", at_most=10)
    leaves_the_message(ana)
    floor.run(until=lambda: maria.outcomes == ["machine"], at_most=30)
    assert maria.where == ("waiting", "callback")
    assert maria.now().reserved_for_id == ana.id


def test_a_carrier_is_told_numbers_in_its_own_form(floor: Floor, ana: Someone) -> None:
    Trunk.objects.update(numbers="zeros")
    campaign = floor.campaign("progressive", agents=[ana])
    maria = floor.person(campaign, "Maria")
    ana.sits_down()
    floor.run(until=floor.world.customers, at_most=6)
    (leg,) = floor.world.customers()
    assert (leg.to.value, leg.caller_id) == (f"00{maria.number[1:]}", "0034910000000")
