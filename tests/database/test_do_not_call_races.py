"""A number is listed while others plan and send calls to it, a thousand times: whatever the order, none is planned after it."""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import chain
from threading import Event
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings
from django.db import transaction

from agents import desk
from agents.desk import DONE, Change, NewWork
from agents.models import Interaction, User
from agents.rules.lifecycle import Phase, PhaseMove
from campaigns import facts, live
from campaigns.flow import do_not_call, offer, place
from campaigns.models import Attempt, Callback, Campaign, Contact, DoNotCall, DoNotCallRemoval, Lead, PhoneNumber, ZoneGroup
from campaigns.rules.lifecycle import Boost, LeadState
from campaigns.rules.number_keys import number_key
from dialer_project.lib import sql
from telephony import calls, commands
from telephony.drivers.simulated.script import NoAnswer, RefusedAtOnce
from telephony.models import Trunk
from telephony.rules.hangup_causes import Cause
from tests.database.racing import at_once, dial, promise
from tests.floor import Floor, Someone

BUSY_AT_ONCE = RefusedAtOnce(cause=Cause.BUSY)
# six kinds of people in each round, so many of each, listed three in one commit
ROUNDS, EACH, AT_ONCE = 28, 6, 3


@pytest.fixture(autouse=True)
def _room(floor: Floor) -> None:
    Trunk.objects.update(calls_per_second=100_000, max_calls=100_000)
    floor.sweeps = False


@dataclass(frozen=True)
class Unwanted:
    """Numbers that are put on the list in one act, and how they came to be dialed; `typed_by`: the agent who has the record."""

    how: str
    numbers: tuple[str, ...]
    typed_by: Someone | None = None
    work: UUID | None = None


def test_of_a_thousand_people_listed_while_they_are_dialed_none_is_dialed_afterwards(floor: Floor) -> None:
    """Whichever way the number is reached: the first of the record, the next in line, a retry, one promised for a callback, one an agent types;
    and where every number of a person is listed at once, any of them. Counted as the entry is committed, and again when everybody has tried."""
    campaign = floor.campaign(agents=[floor.agent("Ana")], max_attempts=1000)
    by_hand = floor.campaign("manual", agents=(typists := [floor.agent(f"Typist {i}") for i in range(EACH)]), max_attempts=1000)
    for each in (campaign, by_hand):
        floor.rule(each, "busy", attempts=1000, minutes=1, next_number=True)
    for someone in typists:
        someone.sits_down()
    dice = random.Random(1)
    came_before: Counter[tuple[str, bool]] = Counter()
    for _ in range(ROUNDS):
        entries = [*queued(floor, campaign), *in_hand(floor, by_hand, typists)]
        dice.shuffle(entries)
        typed = [one for one in entries if one.typed_by]
        then: dict[str, tuple[int, int]] = {}
        done: list[bool] = []

        def lister(entries: list[Unwanted] = entries, then: dict[str, tuple[int, int]] = then, done: list[bool] = done) -> None:
            for start in range(0, len(entries), AT_ONCE):
                numbers = [*chain.from_iterable(one.numbers for one in entries[start : start + AT_ONCE])]
                do_not_call.list_numbers(numbers, source="agent", now=floor.now)
                then.update(called(numbers))
            done.append(True)

        def caller(done: list[bool] = done) -> None:
            while not done:
                dial(campaign.pk, node_id=floor.node.pk, at_most=5, now=floor.now)

        def typist(typed: list[Unwanted] = typed, done: list[bool] = done) -> None:
            while not done:
                for one in typed:
                    types(one, now=floor.now)

        works: list[Callable[[], None]] = [lister, caller, typist]
        at_once(works)
        Lead.objects.filter(campaign=campaign, state=LeadState.WAITING).update(next_call_at=floor.now)
        while dial(campaign.pk, node_id=floor.node.pk, at_most=50, now=floor.now) or campaign.leads.filter(state=LeadState.WAITING).exists():
            pass
        for one in typed:
            types(one, now=floor.now)
        assert called(then) == then, "a call was made or sent after the entry was committed"
        came_before.update((one.how, any(then[number][0] for number in one.numbers)) for one in entries)
        put_away(typed, now=floor.now)
    print(came_before)
    assert sum(came_before.values()) == ROUNDS * EACH * 6 >= 1000
    assert set(campaign.leads.values_list("reason", flat=True)) == {"do_not_call"}
    assert not Callback.objects.filter(state="open").exists()
    hows = {how for how, _ in came_before} - {"retry"}  # which has always been called once
    for before in (True, False):
        assert all(came_before[how, before] for how in hows), f"nothing was raced: {came_before}"
        assert sum(came_before[how, before] for how in hows) >= 100, f"nothing was raced: {came_before}"


def queued(floor: Floor, campaign: Campaign) -> list[Unwanted]:
    """People whom dispatch is to call, as many of each kind."""
    retries = [(floor.new_number(),) for _ in range(EACH)]
    again = people(floor, campaign, retries)
    assert len(dial(campaign.pk, node_id=floor.node.pk, at_most=EACH, now=floor.now)) == EACH
    assert Lead.objects.filter(pk__in=[lead.pk for lead in again], last_outcome="busy").update(next_call_at=floor.now) == EACH
    first = [(floor.new_number(),) for _ in range(EACH)]
    whole = [(floor.new_number(), floor.new_number()) for _ in range(EACH)]
    both = [(floor.new_number(), floor.new_number()) for _ in range(EACH)]
    promised = [(floor.new_number(),) for _ in range(EACH)]
    people(floor, campaign, [*first, *whole, *both])
    # the first of two is on the list already, so that the other one is in line
    DoNotCall.objects.bulk_create(DoNotCall(number_key=key_of(own), source="import", created_at=floor.now) for own, _ in both)
    waiting = people(floor, campaign, promised, reason="callback", boost=Boost.CALLBACK_DUE)
    Callback.objects.bulk_create(Callback(lead=lead, kind="group", due_at=floor.now, phone=lead.contact.phones.get()) for lead in waiting)
    live.forget_floors(campaign.pk)
    kinds: dict[str, list[tuple[str, ...]]] = {
        "retry": [*retries],
        "first": [*first],
        "every number": [*whole],
        "alternate": [(other,) for _, other in both],
        "callback": [*promised],
    }
    return [Unwanted(how, numbers) for how, some in kinds.items() for numbers in some]


def in_hand(floor: Floor, campaign: Campaign, typists: Sequence[Someone]) -> list[Unwanted]:
    """Records in the hands of agents, each of whom types a number that is not on it."""
    leads = people(floor, campaign, [(floor.new_number(),) for _ in typists], state="busy")
    works = [
        NewWork(agent_id=someone.id, phase=Phase.PREVIEW, deadline=floor.now + timedelta(hours=1), campaign_id=campaign.pk, lead_id=lead.pk)
        for someone, lead in zip(typists, leads, strict=True)
    ]
    assert len(desk.open(works, needs="voice", now=floor.now)) == len(typists)
    entries = [Unwanted("typed", (floor.new_number(),), someone, work.id) for someone, work in zip(typists, works, strict=True)]
    for one in entries:
        floor.script.say(one.numbers[0], BUSY_AT_ONCE)
    return entries


def people(floor: Floor, campaign: Campaign, numbers: Sequence[tuple[str, ...]], **lead: Any) -> list[Lead]:
    """A record for each of these, whose numbers are all busy."""
    contacts = Contact.objects.bulk_create(Contact(first_name="Maria") for _ in numbers)
    PhoneNumber.objects.bulk_create(
        PhoneNumber(contact=contact, e164=e164, number_key=key_of(e164), position=i, zones=["Europe/Madrid"])
        for contact, theirs in zip(contacts, numbers, strict=True)
        for i, e164 in enumerate(theirs)
    )
    for e164 in chain.from_iterable(numbers):
        floor.script.say(e164, BUSY_AT_ONCE)
    group, _ = ZoneGroup.objects.get_or_create(zones=["Europe/Madrid"])
    common = {"campaign": campaign, "calling_list": campaign.lists.get(), "zone_group": group, "next_call_at": floor.now, **lead}
    return Lead.objects.bulk_create(Lead(contact=contact, **common) for contact in contacts)


def key_of(e164: str) -> str:
    return number_key(e164, settings.NUMBER_KEY)


def types(one: Unwanted, *, now: datetime) -> None:
    assert one.typed_by
    assert one.work
    offer.call_new_number(one.work, one.typed_by.id, number=one.numbers[0], kind="mobile", caller_id=None, now=now)
    place.dial_interaction(one.work, now=now)


def put_away(typed: Sequence[Unwanted], *, now: datetime) -> None:
    works = [one.work for one in typed if one.work]
    desk.move(PhaseMove.CLOSE, [Change(id=work, closed_because="declined") for work in works], now=now)
    Lead.objects.filter(pk__in=Interaction.objects.filter(pk__in=works).values("lead_id")).update(state=LeadState.FINAL, reason="done")


def called(numbers: Iterable[str]) -> dict[str, tuple[int, int]]:
    """How many calls to each of them there are, and how many were sent."""
    found = dict.fromkeys(numbers, (0, 0))
    query = "SELECT e164, count(*) AS made, count(dialed_at) AS sent FROM campaigns_attempt WHERE e164 = ANY(%s) GROUP BY e164"
    return found | {row.e164: (row.made, row.sent) for row in sql.rows(query, [list(found)])}


def test_a_call_that_is_being_sent_when_its_number_is_listed_is_hung_up(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sender has moved it to DIALING and not committed: the lister waits for that, and does not take it for planned."""
    campaign = floor.campaign(agents=[floor.agent("Ana")])
    maria = floor.person(campaign, "Maria", NoAnswer())
    [attempt] = promise(campaign.pk, node_id=floor.node.pk, at_most=1, now=floor.now)
    hung_up: list[Any] = []
    monkeypatch.setattr(commands, "hang_up", lambda told: hung_up.extend(told))

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
