"""The agent's websocket, end to end: a real server, a real Redis, a real PostgreSQL."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.db import transaction
from websockets.exceptions import ConnectionClosed, InvalidStatus

from agents import console, desk, messages, sockets
from agents.desk import DONE, Refusal
from agents.live import presence
from agents.models import Agent, Command, Interaction, Session
from agents.rules.lifecycle import Phase
from campaigns import screens
from campaigns.consumers import AgentConsole
from campaigns.flow import next_for, phone
from campaigns.models import CallingList, Campaign, Contact, Lead, ZoneConfirmation, ZoneGroup
from dialer_project.lib.redis import hot
from dialer_project.lib.sentence import heard
from telephony.models import Node
from tests.browser.served import Screen, Served, a_station, an_agent, eventually, reasons, served

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def _web() -> Iterator[Served]:
    with served() as web:
        yield web


@pytest.fixture
def web(_web: Served, transactional_db: None) -> Iterator[Served]:
    hot().flushdb()
    reasons()
    Node.objects.create(name="east", listening_until=now() + timedelta(hours=1), boot="one")
    yield _web
    _web.be_quiet()


@pytest.fixture
def ana(web: Served) -> Agent:
    return an_agent("Ana Silva")


def now() -> datetime:
    return datetime.now(UTC)


def test_a_screen_is_told_everything_when_it_connects(web: Served, ana: Agent) -> None:
    with Screen(web, ana) as screen:
        state = screen.hears()
        assert state["type"] == "state"
        assert state["session"]["doing"] == "signed_out"
        assert state["interaction"] is None
        assert state["version"] == Session.objects.get(agent=ana).version


def test_a_change_is_told_after_its_commit_and_a_rolled_back_one_never(web: Served, ana: Agent) -> None:
    with Screen(web, ana) as screen:
        before = screen.hears("state")["version"]
        with transaction.atomic():
            desk.sign_in(ana.pk, station_id=a_station().pk, node_id=None, nailed_up=False, leg=None, now=now())
            transaction.set_rollback(True)
        with transaction.atomic():
            desk.sign_in(ana.pk, station_id=a_station("Desk 2").pk, node_id=None, nailed_up=False, leg=None, now=now())
            assert screen.hears_nothing("state", 0.3)
        state = screen.hears("state")
        assert (state["version"], state["session"]["signed_in"]) == (before + 1, True)


def test_the_pong_carries_the_version_without_asking_postgresql(web: Served, ana: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    with Screen(web, ana) as screen:
        version = screen.hears("state")["version"]
        asked: list[object] = []
        run = sockets.in_thread

        async def counted(act: Callable[[], Any]) -> Any:
            asked.append(act)
            return await run(act)

        monkeypatch.setattr(sockets, "in_thread", counted)
        screen.says("ping", version=version)
        assert screen.hears()["version"] == version
        assert asked == []


def test_a_stale_screen_is_told_anew_at_its_next_heartbeat(web: Served, ana: Agent) -> None:
    with Screen(web, ana) as screen:
        version = screen.hears("state")["version"]
        screen.says("ping", version=version - 1)
        assert screen.hears()["type"] == "pong"
        assert screen.hears()["version"] == version


def test_what_overtook_wins_when_two_commits_are_told_in_the_other_order(web: Served, ana: Agent) -> None:
    with Screen(web, ana) as screen:
        version = screen.hears("state")["version"]
        told = screens.snapshot(ana.pk)
        newer = replace(told, version=version + 2, signed_in=True)
        older = replace(told, version=version + 1)
        console.show_now([newer])
        console.show_now([older])
        assert screen.hears("state")["session"]["signed_in"] is True
        screen.says("ping", version=version + 2)
        assert screen.hears()["version"] == version + 2  # the pong: nothing older was sent in between


def test_after_redis_was_emptied_a_change_is_on_the_screen_within_one_heartbeat(web: Served, ana: Agent) -> None:
    with Screen(web, ana) as screen:
        version = screen.hears("state")["version"]
        hot().flushdb()
        desk.sign_in(ana.pk, station_id=a_station().pk, node_id=None, nailed_up=False, leg=None, now=now())
        assert screen.hears("state")["session"]["signed_in"] is True
        hot().flushdb()
        screen.says("ping", version=version)
        assert screen.hears("pong")["version"] == version + 1
        assert screen.hears("state")["session"]["signed_in"] is True


def test_what_was_never_told_is_found_by_comparing_with_the_rows(web: Served, ana: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "COMPARE_EVERY", 1)
    with Screen(web, ana) as screen:
        version = screen.hears("state")["version"]
        Session.objects.filter(agent=ana).update(version=version + 1)  # its process died between commit and telling
        assert screen.hears("state")["version"] == version + 1


def test_the_newest_tab_wins_and_the_older_one_is_told_so(web: Served, ana: Agent) -> None:
    with Screen(web, ana) as older:
        older.hears("state")
        with Screen(web, ana) as newer:
            newer.hears("state")
            older.hears("replaced")
            assert older.closes_with() == messages.Closed.REPLACED
            eventually(lambda: Session.objects.get(agent=ana).present)
            newer.says("ping", version=0)
            newer.hears("pong")
        eventually(lambda: not Session.objects.get(agent=ana).present)


def test_a_page_that_wakes_up_takes_over_from_no_newer_one_unless_that_was_left(web: Served, ana: Agent) -> None:
    with Screen(web, ana) as asleep:
        was = asleep.hears("state")["session"]["console"]
    with Screen(web, ana, was=was) as back:  # nobody sat down elsewhere
        was = back.hears("state")["session"]["console"]
    with Screen(web, ana) as newer:
        newer.hears("state")
        with Screen(web, ana, was=was) as woken:
            woken.hears("replaced")
            assert woken.closes_with() == messages.Closed.REPLACED
        newer.says("ping", version=0)
        newer.hears("pong")
        assert Session.objects.get(agent=ana).present
    eventually(lambda: not Session.objects.get(agent=ana).present)
    with Screen(web, ana, was=was) as woken:  # it may come back in a moment
        woken.hears("replaced")
    Session.objects.filter(agent=ana).update(absent_since=now() - phone.ABSENT_FOR - timedelta(seconds=1))
    with Screen(web, ana, was=was) as woken:
        woken.hears("state")


def test_a_command_of_an_older_tab_is_refused(web: Served, ana: Agent) -> None:
    with Screen(web, ana) as older:
        older.hears("state")
        Session.objects.filter(agent=ana).update(connection_epoch=99)  # a newer tab, of which this process has not heard
        older.says("go_ready", id=str(uuid4()))
        older.hears("replaced")
        assert older.closes_with() == messages.Closed.REPLACED
        assert not Command.objects.exists()


def test_a_repeated_command_gets_its_first_answer_and_is_done_once(web: Served, ana: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[int] = []

    def go_ready(agent_id: int, *, now: datetime) -> Refusal:
        done.append(agent_id)
        return Refusal(f"Only the {len(done)}st time.")

    monkeypatch.setattr(next_for, "go_ready", go_ready)
    with Screen(web, ana) as screen:
        command_id = str(uuid4())
        first = screen.asks("go_ready", command_id)
        assert first == {"type": "answer", "id": command_id, "ok": False, "sentence": "Only the 1st time.", "problems": [], "data": None}
        assert screen.asks("go_ready", command_id) == first
    with Screen(web, ana) as another:
        assert another.asks("go_ready", command_id) == first
    assert done == [ana.pk]


def test_a_command_whose_process_died_is_run_again_when_it_is_repeated(web: Served, ana: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(next_for, "go_ready", lambda agent_id, *, now: DONE)
    with Screen(web, ana) as screen:
        left = Command.objects.create(id=uuid4(), agent=ana, kind="go_ready", at=now())
        assert screen.asks("go_ready", str(left.pk))["ok"] is True
    left.refresh_from_db()
    assert left.answer["ok"] is True


@pytest.mark.parametrize("kind", ["send_digits", "play_message"])
def test_what_a_customer_would_hear_twice_is_not_run_again_when_its_process_died(
    web: Served, ana: Agent, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(AgentConsole, "carry_out", lambda self, order, *, now: DONE)
    more: dict[str, Any] = {"digits": "1"} if kind == "send_digits" else {"message": 1, "to": "all"}
    with Screen(web, ana) as screen:
        left = Command.objects.create(id=uuid4(), agent=ana, kind=kind, at=now())
        answers = [screen.asks(kind, str(left.pk), interaction=str(uuid4()), **more) for _ in range(2)]
    assert [(answer["ok"], answer["sentence"]) for answer in answers] == [(False, sockets.NOT_KNOWN)] * 2


@pytest.mark.parametrize("waits", [0.2, 60], ids=["and is told so", "and has its answer"])
def test_who_repeats_a_command_that_is_being_carried_out_waits_for_it(web: Served, ana: Agent, waits: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "STILL_AT_IT", waits)
    done: list[int] = []
    begun, ends = Event(), Event()

    def slowly(agent_id: int, *, now: datetime) -> Refusal:
        done.append(agent_id)
        begun.set()
        assert ends.wait(10)
        return Refusal("Not today.")

    monkeypatch.setattr(next_for, "go_ready", slowly)
    command_id = str(uuid4())
    with Screen(web, ana) as before:
        before.says("go_ready", id=command_id)
        assert begun.wait(10)
        with Screen(web, ana) as again:
            again.says("go_ready", id=command_id)
            if waits < 1:
                assert again.hears("answer")["sentence"] == sockets.NOT_KNOWN
                ends.set()
                eventually(lambda: Command.objects.get(pk=command_id).answer)
                again.says("go_ready", id=command_id)
            else:
                assert again.hears_nothing("answer", 0.5)
                ends.set()
            assert again.hears("answer")["sentence"] == "Not today."
    assert done == [ana.pk]


def test_a_command_that_failed_says_so_and_may_be_given_again(web: Served, ana: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(agent_id: int, *, now: datetime) -> Refusal:
        raise ValueError

    monkeypatch.setattr(next_for, "go_ready", fails)
    with Screen(web, ana) as screen:
        command_id = str(uuid4())
        assert screen.asks("go_ready", command_id)["sentence"] == "The server could not do that just now. Try again."
        monkeypatch.setattr(next_for, "go_ready", lambda agent_id, *, now: DONE)
        assert screen.asks("go_ready", command_id)["ok"] is True


def test_another_agents_command_is_not_answered_from_the_store(web: Served, ana: Agent) -> None:
    command = Command.objects.create(id=uuid4(), agent=an_agent("Bea Costa"), kind="go_ready", at=now(), answer={"id": None, "ok": True})
    with Screen(web, ana) as screen:
        screen.hears("state")
        screen.says("go_ready", id=str(command.pk))
        assert screen.closes_with() == messages.Closed.REPLACED


def test_a_page_of_another_site_cannot_connect(web: Served, ana: Agent) -> None:
    with pytest.raises(InvalidStatus) as refused, Screen(web, ana, origin="https://evil.example"):
        pass
    assert refused.value.response.status_code == 403


def test_who_is_not_signed_in_or_no_agent_is_told_by_the_close_code(web: Served, ana: Agent) -> None:
    with Screen(web, None) as nobody:
        assert nobody.closes_with() == messages.Closed.SIGNED_OUT
    clerk = an_agent("Carla Dias")
    Session.objects.filter(agent=clerk).delete()
    Agent.objects.filter(pk=clerk.pk).delete()
    with Screen(web, clerk) as no_agent:
        assert no_agent.closes_with() == messages.Closed.NO_AGENT


def test_a_flood_is_closed_and_a_burst_is_not(web: Served, ana: Agent) -> None:
    with Screen(web, ana) as screen:
        version = screen.hears("state")["version"]
        for _ in range(sockets.BURST - 5):
            screen.says("ping", version=version)
        for _ in range(sockets.BURST - 5):
            screen.hears("pong")
        with suppress(ConnectionClosed):  # it may be closed before the last one is said
            for _ in range(2 * sockets.BURST):
                screen.says("ping", version=version)
        assert screen.closes_with() == messages.Closed.TOO_FAST


def test_a_message_too_long_closes(web: Served, ana: Agent) -> None:
    with Screen(web, ana) as screen:
        screen.hears("state")
        screen.socket.send("x" * (messages.LONGEST + 1))
        assert screen.closes_with() == messages.Closed.TOO_LONG


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "This was not understood: Invalid JSON"),
        ('{"type": "fly"}', "This was not understood: Input tag 'fly'"),
        ('{"type": "sign_in", "id": "%s", "station": "x"}', "This was not understood: sign_in.station: Input should be a valid integer"),
        ('{"type": "go_ready", "id": "%s", "more": 1}', "This was not understood: go_ready.more: Extra inputs are not permitted"),
    ],
)
def test_what_is_no_command_is_answered_with_a_sentence(web: Served, ana: Agent, text: str, sentence: str) -> None:
    command_id = str(uuid4())
    with Screen(web, ana) as screen:
        screen.socket.send(text.replace("%s", command_id))
        answer = screen.hears("answer")
        assert answer["ok"] is False
        assert heard(answer["sentence"]).startswith(sentence)
        assert answer["id"] == (command_id if "%s" in text else None)
        screen.says("ping", version=0)
        screen.hears("pong")


def test_a_page_built_for_another_protocol_is_told_to_reload(web: Served, ana: Agent) -> None:
    with Screen(web, ana) as screen:
        assert screen.asks("hello", protocol=messages.PROTOCOL)["ok"] is True
        assert screen.asks("hello", protocol=0)["ok"] is False


def test_a_silent_screen_is_closed_and_its_agent_absent(web: Served, ana: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "SILENCE", 1)
    with Screen(web, ana) as screen:
        screen.hears("state")
        assert Session.objects.get(agent=ana).present
        assert screen.closes_with() == messages.Closed.SILENT
        eventually(lambda: not Session.objects.get(agent=ana).present)


def test_presence_is_said_for_all_in_one_write_and_found_by_the_reader(web: Served, ana: Agent) -> None:
    bea = an_agent("Bea Costa")
    with Screen(web, ana) as one, Screen(web, bea) as other:
        one.hears("state")
        other.hears("state")
        assert presence.silent([ana.pk, bea.pk], now=now(), older_than=timedelta(seconds=15)) == set()
        later = now() + timedelta(seconds=16)
        assert presence.silent([ana.pk, bea.pk], now=later, older_than=timedelta(seconds=15)) == {ana.pk, bea.pk}
        one.says("ping", version=0)
        one.hears("pong")


def test_an_emptied_redis_calls_nobody_silent_until_it_is_as_old_as_the_silence(web: Served, ana: Agent) -> None:
    at = now()
    presence.heard({ana.pk: at}, now=at)
    limit = timedelta(seconds=15)
    assert presence.silent([ana.pk, 77], now=at + timedelta(seconds=14), older_than=limit) == set()
    presence.heard({ana.pk: at + timedelta(seconds=14)}, now=at + timedelta(seconds=14))
    presence.heard({ana.pk: at + timedelta(seconds=3)}, now=at + timedelta(seconds=15))  # an older process, late
    assert presence.silent([ana.pk, 77], now=at + timedelta(seconds=20), older_than=limit) == {77}
    hot().flushdb()
    presence.heard({}, now=at + timedelta(seconds=21))
    assert presence.silent([ana.pk, 77], now=at + timedelta(seconds=22), older_than=limit) == set()


def test_who_was_called_silent_with_the_screen_open_is_present_again(web: Served, ana: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    """As after a loss of Redis, which kept the moment of everybody's last heartbeat."""
    monkeypatch.setattr(sockets, "COMPARE_EVERY", 1)
    with Screen(web, ana) as screen:
        screen.hears("state")
        desk.fell_silent([ana.pk], now=now())
        assert not Session.objects.get(agent=ana).present
        eventually(lambda: Session.objects.get(agent=ana).present)


def test_who_signs_out_of_the_site_loses_the_connection(web: Served, ana: Agent) -> None:
    with Screen(web, ana) as screen:
        screen.hears("state")
        console.shut_now(ana.pk, messages.Closed.SIGNED_OUT)
        assert screen.closes_with() == messages.Closed.SIGNED_OUT


def test_an_account_switched_off_loses_the_connection(web: Served, ana: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "COMPARE_EVERY", 1)
    with Screen(web, ana) as screen:
        screen.hears("state")
        ana.user.is_active = False
        ana.user.save()
        assert screen.closes_with() == messages.Closed.SIGNED_OUT


def test_a_redis_that_is_away_fails_no_commit_and_the_heartbeat_tells_what_it_missed(web: Served, ana: Agent, settings: Any) -> None:
    with Screen(web, ana) as screen:
        version = screen.hears("state")["version"]
        there = settings.CHANNELS_REDIS_URL
        settings.CHANNELS_REDIS_URL = "redis://127.0.0.1:1/0"
        began = time.monotonic()
        desk.sign_in(ana.pk, station_id=a_station().pk, node_id=None, nailed_up=False, leg=None, now=now())
        assert time.monotonic() - began < 2
        settings.CHANNELS_REDIS_URL = there
        hot().delete(console.version_key(ana.pk))  # it comes back without what it had
        screen.says("ping", version=version)
        assert screen.hears("state")["session"]["signed_in"] is True


def test_a_shift_begins_and_ends_over_the_socket(web: Served, ana: Agent) -> None:
    desk_12 = a_station()
    with Screen(web, ana) as screen:
        menu = screen.asks("choices")["data"]
        assert [(s["name"], s["leg_mode"], s["taken"]) for s in menu["stations"]] == [("Desk 12", "per_call", False)]
        assert [r["label"] for r in menu["reasons"] if r["choosable"]] == ["Lunch", "Training"]
        assert screen.asks("sign_in", station=desk_12.pk)["ok"] is True
        assert screen.asks("go_ready")["ok"] is True
        assert screen.asks("take_break", reason="lunch")["ok"] is True
        assert screen.asks("take_break", reason="party")["ok"] is False
        assert screen.asks("sign_out")["ok"] is True
    assert Session.objects.get(agent=ana).signed_in_at is None
    assert list(Command.objects.order_by("at").values_list("kind", flat=True)) == [
        "sign_in",
        "go_ready",
        "take_break",
        "take_break",
        "sign_out",
    ]


def test_a_customer_who_says_where_they_are_is_written_down_over_the_socket(web: Served, ana: Agent) -> None:
    maria = Contact.objects.create(first_name="Maria")
    campaign = Campaign.objects.create(name="Spring renewal", mode_key="preview")
    lead = Lead.objects.create(
        campaign=campaign,
        calling_list=CallingList.objects.create(campaign=campaign, name="list"),
        contact=maria,
        zone_group=ZoneGroup.objects.create(zones=["Europe/Madrid"]),
        next_call_at=now(),
    )
    with Screen(web, ana) as screen:
        command, work = str(uuid4()), str(uuid4())
        refused = screen.asks("confirm_zone", interaction=work, zone="Europe/Madrid")
        assert (refused["ok"], refused["sentence"]) == (False, "This record is no longer yours: it was closed in the meantime.")
        Interaction.objects.create(pk=work, agent=ana, phase=Phase.PREVIEW, phase_since=now(), opened_at=now(), lead_id=lead.pk)
        refused = screen.asks("confirm_zone", interaction=work, zone="Europe/Madrid")
        assert (refused["ok"], refused["sentence"]) == (
            False,
            "Nobody has spoken with this customer yet: ask them where they are, and confirm it then.",
        )
        Interaction.objects.update(phase=Phase.WRAP_UP, talked=True)
        refused = screen.asks("confirm_zone", interaction=work, zone="Mars/Crater")
        assert (refused["ok"], heard(refused["sentence"])) == (
            False,
            "There is no time zone Mars/Crater. Write it as Europe/Madrid or America/New_York.",
        )
        for _ in range(2):
            assert screen.asks("confirm_zone", command, interaction=work, zone="Atlantic/Canary")["ok"] is True
        shown = screen.asks("record", interaction=work)["data"]["contact"]
        assert shown["said_zone"] == "Atlantic/Canary"
    held = ZoneConfirmation.objects.get()
    assert (held.contact, held.zone, held.by) == (maria, "Atlantic/Canary", ana.user)


def test_what_the_console_module_publishes_reaches_a_consumer_of_the_real_channel_layer(web: Served, ana: Agent) -> None:
    """The wire format is the layer's own: another version of it would fail here."""
    assert settings.CHANNEL_LAYERS["default"]["BACKEND"] == "channels_redis.pubsub.RedisPubSubChannelLayer"
    with Screen(web, ana) as screen:
        screen.hears("state")
        console.tell_now(ana.pk, messages.Pong(version=41, now=now()))
        assert screen.hears()["version"] == 41


def test_the_console_cannot_be_opened_while_the_flow_fails_and_is_told_to_try_again(web: Served, ana: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(agent_id: int, *, now: datetime) -> int:
        raise ValueError

    monkeypatch.setattr(phone, "console_opened", fails)
    with Screen(web, ana) as screen:
        assert screen.closes_with() == messages.Closed.TRY_AGAIN


def test_json_with_every_kind_of_text_survives_the_way_to_the_screen(web: Served, ana: Agent) -> None:
    with Screen(web, ana) as screen:
        told = screens.snapshot(ana.pk)
        version = screen.hears("state")["version"]
        console.show_now([replace(told, version=version + 1, reason='Pausa "café" 🙂\n')])
        assert screen.hears("state")["session"]["reason"] == 'Pausa "café" 🙂\n'
