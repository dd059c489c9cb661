"""A number is listed while others plan and send calls to it, a thousand times: whatever the order, none is planned after it."""

import random
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from threading import Event
from typing import Any

import pytest
from django.db import transaction

from agents.desk import DONE
from agents.models import User
from campaigns import facts
from campaigns.flow import do_not_call, place
from campaigns.models import Attempt, DoNotCall, DoNotCallRemoval, Lead
from campaigns.rules.lifecycle import LeadState
from dialer_project.lib import sql
from telephony import calls
from telephony.drivers.simulated.script import NoAnswer, RefusedAtOnce
from telephony.models import Trunk
from telephony.rules.hangup_causes import Cause
from tests.database.racing import at_once, dial, promise
from tests.floor import Floor

BUSY_AT_ONCE = RefusedAtOnce(cause=Cause.BUSY)
ROUNDS, EACH = 40, 25


@pytest.fixture(autouse=True)
def _room(floor: Floor) -> None:
    Trunk.objects.update(calls_per_second=100_000, max_calls=100_000)
    floor.sweeps = False


def test_a_thousand_numbers_listed_while_they_are_dialed_leave_no_later_attempt(floor: Floor) -> None:
    campaign = floor.campaign(agents=[floor.agent("Ana")], max_attempts=1000)
    floor.rule(campaign, "busy", attempts=1000, minutes=0)
    dice = random.Random(1)
    came_before: Counter[bool] = Counter()
    for _ in range(ROUNDS):
        numbers = [floor.new_number() for _ in range(EACH)]
        for number in numbers:
            floor.person(campaign, "Maria", numbers=[number])
            floor.script.say(number, BUSY_AT_ONCE)
        dice.shuffle(numbers)
        done: list[float] = []

        def lister(numbers: list[str] = numbers, done: list[float] = done) -> dict[str, float]:
            listed = {}
            for number in numbers:
                do_not_call.list_numbers([number], source="agent", now=floor.now)
                listed[number] = time.monotonic()
            done.append(time.monotonic())
            return listed

        def caller(done: list[float] = done) -> list[tuple[float, Any]]:
            made = []
            while not done:
                began = time.monotonic()
                made += [(began, attempt) for attempt in dial(campaign.pk, node_id=floor.node.pk, at_most=3, now=floor.now)]
            return made

        works: list[Callable[[], Any]] = [lister, caller]
        listed, made = at_once(works)
        called = dict(Attempt.objects.filter(pk__in=[attempt for _, attempt in made]).values_list("pk", "e164"))
        assert not [called[attempt] for began, attempt in made if began > listed[called[attempt]]]
        came_before.update(number in called.values() for number in numbers)
    assert sum(came_before.values()) == 1000
    made_so_far = Attempt.objects.count()
    Lead.objects.filter(state=LeadState.WAITING).update(next_call_at=floor.now)
    while dial(campaign.pk, node_id=floor.node.pk, at_most=50, now=floor.now) or Lead.objects.filter(
        next_call_at__lte=floor.now, state=LeadState.WAITING
    ):
        pass
    assert Attempt.objects.count() == made_so_far
    assert set(Lead.objects.values_list("reason", flat=True)) == {"do_not_call"}
    assert min(came_before[True], came_before[False]) >= 100, f"nothing was raced: {came_before}"


def test_a_call_that_is_being_sent_when_its_number_is_listed_is_hung_up(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sender has moved it to DIALING and not committed: the lister waits for that, and does not take it for planned."""
    campaign = floor.campaign(agents=[floor.agent("Ana")])
    maria = floor.person(campaign, "Maria", NoAnswer())
    [attempt] = promise(campaign.pk, node_id=floor.node.pk, at_most=1, now=floor.now)
    hung_up: list[Any] = []
    monkeypatch.setattr(calls, "hang_up", lambda told: hung_up.extend(told))

    sending = Event()

    def sender() -> None:
        with transaction.atomic():
            assert calls.dialing([attempt], now=floor.now)
            sending.set()
            wait_until_somebody_waits()

    def lister() -> None:
        assert sending.wait(timeout=20)
        do_not_call.list_numbers([maria.number], source="agent", now=floor.now)

    at_once([sender, lister])
    assert hung_up == [(floor.node.pk, attempt)]


def wait_until_somebody_waits() -> None:
    for _ in range(1000):
        if sql.rows("SELECT 1 AS waits FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"):
            return
        time.sleep(0.002)
    raise AssertionError("nobody waited")


def test_a_call_that_is_planned_when_its_number_is_listed_is_sent_by_nobody(floor: Floor) -> None:
    """The sender's statement began before the listing was committed, and would not look at the list again."""
    campaign = floor.campaign(agents=[floor.agent("Ana")])
    maria = floor.person(campaign, "Maria", NoAnswer())
    promised = promise(campaign.pk, node_id=floor.node.pk, at_most=1, now=floor.now)
    setting = facts.settings_of([campaign.pk])[campaign.pk]

    listing = Event()

    def lister() -> None:
        with transaction.atomic():
            do_not_call.list_numbers([maria.number], source="agent", now=floor.now)
            listing.set()
            wait_until_somebody_waits()

    def sender() -> None:
        assert listing.wait(timeout=20)
        place.dial_planned(setting, promised, now=floor.now)

    at_once([lister, sender])
    attempt = Attempt.objects.get(lead=maria.lead)
    assert (attempt.outcome, attempt.dialed_at) == ("cancelled", None)
    assert floor.placed(maria.number) == 0


def test_one_removal_is_decided_once_whoever_comes_first(floor: Floor) -> None:
    ada, others = User.objects.create_user("ada"), [User.objects.create_user(f"second{i}") for i in range(8)]
    do_not_call.list_numbers(["+447700900123"], source="agent", now=floor.now)
    asked = do_not_call.ask_removal(DoNotCall.objects.get().pk, reason="a mistake", by=ada, now=floor.now)
    assert isinstance(asked, DoNotCallRemoval)
    answers = at_once([partial(do_not_call.approve_removal, asked.pk, by=other, now=floor.now) for other in others])
    assert sum(answer == DONE for answer in answers) == 1
    assert not DoNotCall.objects.exists()


def test_hundreds_of_numbers_listed_at_once_by_many_deadlock_nobody(floor: Floor) -> None:
    numbers = [floor.new_number() for _ in range(200)]
    dice = random.Random(2)
    works = [partial(do_not_call.list_numbers, dice.sample(numbers, 150), source="import", now=floor.now) for _ in range(8)]
    assert sum(at_once(works)) == DoNotCall.objects.count() <= 200
