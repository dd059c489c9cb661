"""What is listed is not called, by whichever way it would have been; what was planned for it is over in the same moment."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.contrib.auth.models import Permission
from django.db import IntegrityError, transaction
from django.test import Client

from agents.desk import DONE, Refusal
from agents.models import User
from campaigns import screens
from campaigns.flow import callbacks, do_not_call
from campaigns.flow.callbacks import Window
from campaigns.models import Attempt, Callback, Campaign, DoNotCall, DoNotCallList, DoNotCallRemoval, PhoneNumber
from campaigns.rules.number_keys import number_key
from telephony.drivers.simulated.script import Answers, Busy, NoAnswer, seconds
from tests.floor import Floor, Person, Someone

TALKS = Answers(after=seconds(6), talks_for=seconds(60))


@pytest.fixture
def campaign(floor: Floor, ana: Someone) -> Campaign:
    return floor.campaign("progressive", agents=[ana])


def lists(floor: Floor, *people: Person, **told: object) -> None:
    do_not_call.list_numbers([number for person in people for number in person.numbers], source="customer", now=floor.now, **told)  # type: ignore[arg-type]  # handed on as it came


def number_key_of(e164: str) -> str:
    return number_key(e164, settings.NUMBER_KEY)


# -- no way around it -----------------------------------------------------------------------------------------------------------------


def test_a_retry_that_was_planned_is_not_made(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    floor.rule(campaign, "busy", attempts=5, minutes=5)
    maria = floor.person(campaign, "Maria", Busy(), TALKS)
    ana.sits_down()
    floor.run(until=lambda: maria.outcomes == ["busy"], at_most=30)
    lists(floor, maria)
    assert maria.where == ("final", "do_not_call")
    floor.run(600)
    assert len(maria.attempts) == 1


def test_a_promised_callback_is_cancelled_in_the_same_moment(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    maria = floor.person(campaign, "Maria", TALKS)
    floor.promises(maria, ana, at=floor.now + timedelta(minutes=10))
    lists(floor, maria)
    assert maria.where == ("final", "do_not_call")
    assert Callback.objects.get().state == "cancelled"
    ana.sits_down()
    floor.run(900)
    assert not maria.attempts


def test_a_callback_promised_on_a_listed_number_is_cancelled_though_the_person_has_another(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    maria = floor.person(campaign, "Maria", numbers=2, at=floor.now + timedelta(minutes=10))
    floor.script.say(maria.numbers[1], TALKS)
    floor.promises(maria, ana, at=floor.now + timedelta(minutes=10))
    Callback.objects.update(phone=maria.contact.phones.get(e164=maria.numbers[0]))
    do_not_call.list_numbers([maria.numbers[0]], source="customer", now=floor.now)
    callback = Callback.objects.get()
    assert (callback.state, callback.reason, callback.closed_at) == ("cancelled", "on the do-not-call list", floor.now)
    assert (maria.where, maria.now().reserved_for_id) == (("waiting", "new"), None)
    ana.sits_down()
    floor.run(until=lambda: maria.dialed == [maria.numbers[1]], at_most=10)
    assert ana.work
    assert ana.work.origin == "campaign"
    assert [each.reason for each in screens.callbacks(ana.id, now=floor.now).not_kept] == ["on the do-not-call list"]


def test_an_agent_who_lists_the_number_they_promised_to_call_reads_that_the_promise_is_off(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    maria = floor.person(campaign, "Maria", TALKS, numbers=2)
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "connected", at_most=10)
    assert ana.work
    first = maria.contact.phones.get(e164=maria.numbers[0]).pk
    window = Window(on=True, local="2026-03-10T15:00", zone="Europe/Madrid", phone=first)
    assert callbacks.schedule(ana.work.pk, ana.id, window, now=floor.now) == DONE
    assert do_not_call.asked_for(ana.work.pk, ana.id, every_number=False, now=floor.now) == DONE
    assert Callback.objects.get().state == "cancelled"
    ana.hangs_up()
    floor.run(until=lambda: ana.phase == "wrap_up", at_most=3)
    refused = ana.finishes("other")
    assert isinstance(refused, Refusal)
    assert refused.sentence == "This number is on the do-not-call list now: choose another one, or cancel the callback."
    assert callbacks.schedule(ana.work.pk, ana.id, Window(on=False), now=floor.now) == DONE
    assert ana.finishes("other") == DONE
    assert not Callback.objects.filter(state="open").exists()


def test_a_number_added_later_is_the_same_number(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    """Typed by an agent, corrected in the CRM, or of another person in the same house."""
    maria, omar = floor.person(campaign, "Maria"), floor.person(campaign, "Omar", NoAnswer())
    lists(floor, maria)
    PhoneNumber.objects.filter(contact=omar.contact).update(active=False)
    PhoneNumber.objects.create(contact=omar.contact, e164=maria.number, number_key=number_key_of(maria.number), position=1, zones=["Europe/Madrid"])
    ana.sits_down()
    floor.run(60)
    assert omar.where == ("final", "do_not_call")
    assert not Attempt.objects.exists()


def test_a_ringing_call_is_hung_up_and_its_agent_goes_on(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    maria = floor.person(campaign, "Maria", NoAnswer())
    ana.sits_down()
    floor.run(until=lambda: floor.rings_now, at_most=10)
    lists(floor, maria)
    floor.run(until=lambda: ana.work is None, at_most=10)
    assert maria.where == ("final", "do_not_call")
    assert len(maria.attempts) == 1


def test_a_number_listed_until_an_instant_is_called_after_it(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    maria = floor.person(campaign, "Maria", TALKS)
    lists(floor, maria, expires_at=floor.now + timedelta(hours=2))
    ana.sits_down()
    floor.run(60)
    assert maria.now().state == "waiting"
    assert not maria.attempts
    floor.jumps_to(floor.now + timedelta(hours=2))
    floor.run(until=lambda: maria.attempts, at_most=120)


def test_whoever_lists_a_number_for_longer_wins(floor: Floor, campaign: Campaign) -> None:
    maria = floor.person(campaign, "Maria")
    tomorrow = floor.now + timedelta(days=1)
    for until, then in ((tomorrow, tomorrow), (tomorrow - timedelta(hours=1), tomorrow), (None, None), (tomorrow, None)):
        lists(floor, maria, expires_at=until)
        assert DoNotCall.objects.get().expires_at == then
    assert maria.where == ("final", "do_not_call")


def test_the_agent_lists_the_number_on_the_line_or_all_of_the_person(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    maria = floor.person(campaign, "Maria", TALKS, numbers=2)
    bea = floor.agent("Bea")
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "connected", at_most=30)
    assert ana.work is not None
    assert isinstance(do_not_call.asked_for(ana.work.pk, bea.id, every_number=False, now=floor.now), Refusal)
    assert do_not_call.asked_for(ana.work.pk, ana.id, every_number=False, now=floor.now) == DONE
    listed = DoNotCall.objects.get()
    assert (listed.number_key, listed.source, listed.campaign, str(listed.created_by)) == (
        number_key_of(maria.numbers[0]),
        "agent",
        None,
        str(ana.agent.user),
    )
    assert ana.phase == "connected", "who talks goes on talking"
    assert do_not_call.asked_for(ana.work.pk, ana.id, every_number=True, now=floor.now) == DONE
    assert do_not_call.asked_for(ana.work.pk, ana.id, every_number=True, now=floor.now) == DONE
    assert {one.number_key for one in DoNotCall.objects.all()} == set(map(number_key_of, maria.numbers))


# -- off the list again ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def ada(db: None) -> User:
    return User.objects.create_user("ada")


@pytest.fixture
def ben(db: None) -> User:
    return User.objects.create_user("ben")


def test_a_number_comes_off_the_list_by_two_persons_alone(floor: Floor, campaign: Campaign, ana: Someone, ada: User, ben: User) -> None:
    maria = floor.person(campaign, "Maria", TALKS)
    lists(floor, maria, reason="said so")
    listed = DoNotCall.objects.get()
    assert isinstance(do_not_call.ask_removal(listed.pk, reason="  ", by=ada, now=floor.now), Refusal)
    asked = do_not_call.ask_removal(listed.pk, reason="wrote that she wants to be called", by=ada, now=floor.now)
    assert isinstance(asked, DoNotCallRemoval)
    again = do_not_call.ask_removal(listed.pk, reason="me too", by=ben, now=floor.now)
    assert again == Refusal("Its removal has been asked for already, and waits for a second person.")
    own = do_not_call.approve_removal(asked.pk, by=ada, now=floor.now)
    assert own == Refusal("You asked for this removal yourself: another person must decide it.")
    assert DoNotCall.objects.exists()
    assert do_not_call.approve_removal(asked.pk, by=ben, note="letter of 3 March", now=floor.now) == DONE
    assert not DoNotCall.objects.exists()
    asked.refresh_from_db()
    kept = (asked.state, asked.asked_by, asked.decided_by, asked.reason, asked.listed_because, asked.note)
    assert kept == ("approved", ada, ben, "wrote that she wants to be called", "customer: said so", "letter of 3 March")
    assert do_not_call.refuse_removal(asked.pk, by=ben, now=floor.now) == Refusal("This request was approved already.")
    assert maria.where == ("final", "do_not_call"), "who may be called again is not called by itself"


def test_a_refused_removal_leaves_the_number_listed_and_may_be_asked_again(floor: Floor, ada: User, ben: User) -> None:
    do_not_call.list_numbers(["+447700900123"], source="agent", now=floor.now)
    listed = DoNotCall.objects.get()
    for _ in range(2):
        asked = do_not_call.ask_removal(listed.pk, reason="a mistake", by=ada, now=floor.now)
        assert isinstance(asked, DoNotCallRemoval)
        assert do_not_call.refuse_removal(asked.pk, by=ben, note="no proof", now=floor.now) == DONE
    assert DoNotCall.objects.exists()


def test_who_may_not_decide_a_removal_is_told_that_it_waits(floor: Floor, ada: User, client: Client) -> None:
    do_not_call.list_numbers(["+447700900123"], source="agent", now=floor.now)
    asked = do_not_call.ask_removal(DoNotCall.objects.get().pk, reason="a mistake", by=ada, now=floor.now)
    assert isinstance(asked, DoNotCallRemoval)
    page = f"/admin/campaigns/donotcallremoval/{asked.pk}/change/"
    looks = User.objects.create_user("looks", is_staff=True)
    looks.user_permissions.set(Permission.objects.filter(codename="view_donotcallremoval"))
    client.force_login(looks)
    assert "Your account may not decide it" in client.get(page).content.decode()
    looks.user_permissions.set(Permission.objects.filter(codename__in=["view_donotcallremoval", "approve_donotcallremoval"]))
    assert "Approve: it may be called again" in client.get(page).content.decode()


def test_the_database_lets_no_entry_go_by_the_back_door(floor: Floor, ada: User, ben: User) -> None:
    do_not_call.list_numbers(["+447700900123"], source="agent", now=floor.now)
    entries = DoNotCall.objects.all()
    asked = do_not_call.ask_removal(entries.get().pk, reason="a mistake", by=ada, now=floor.now)
    assert isinstance(asked, DoNotCallRemoval)
    removals = DoNotCallRemoval.objects.all()
    for by_hand in (
        entries.delete,
        lambda: entries.update(expires_at=floor.now),
        lambda: entries.update(number_key="another"),
        lambda: entries.update(campaign=floor.campaign(start=False)),
        lambda: removals.update(state="approved", decided_by=ada, decided_at=floor.now),
        lambda: removals.update(asked_by=ben),
        removals.delete,
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            by_hand()
    assert entries.count() == 1


def test_what_stands_on_a_register_goes_with_the_register(floor: Floor, ada: User) -> None:
    register = DoNotCallList.objects.create(name="uk-tps")
    do_not_call.list_entries([do_not_call.entry("+447700900123")], source="uk-tps", register=register, version=1, now=floor.now)
    refused = do_not_call.ask_removal(DoNotCall.objects.get().pk, reason="consent", by=ada, now=floor.now)
    assert isinstance(refused, Refusal)
    assert "uk-tps" in refused.sentence
    with pytest.raises(IntegrityError), transaction.atomic():
        DoNotCall.objects.all().delete()
