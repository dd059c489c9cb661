"""What an agent has done today: the figures beside a slow sum of the same day, and beside a day that was lived."""

import random
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.test import override_settings

from agents.desk import DONE
from agents.models import Interaction, StateChange
from agents.rules.lifecycle import Doing
from campaigns import activity, screens
from campaigns.models import Attempt, Callback, Campaign, Disposition
from telephony.drivers.simulated.script import Answers, NoAnswer, seconds
from tests.floor import MORNING, Floor, Person, Someone

REASONS = ["lunch", "training", ""]
SINCE = MORNING.replace(hour=0)
UNTIL = MORNING + timedelta(hours=8)


@pytest.fixture
def campaign(floor: Floor, ana: Someone) -> Campaign:
    return floor.campaign("progressive", agents=[ana])


@pytest.fixture
def people(floor: Floor, campaign: Campaign) -> Iterator[list[Person]]:
    """Some people; what a test wrote into the ledger about them is gone before it is asked what the ledger says."""
    people = [floor.person(campaign, f"P{i}") for i in range(6)]
    before = set(Attempt.objects.values_list("pk", flat=True))
    yield people
    Attempt.objects.exclude(pk__in=before).delete()


def takes_a_call(someone: Someone, origin: str, at: datetime) -> None:
    work = Interaction.objects.create(
        agent=someone.agent, phase="closed", phase_since=at, opened_at=at, closed_at=at, origin=origin, talked=True, closed_because="done"
    )
    StateChange.objects.create(agent=someone.agent, at=at, doing=Doing.ON_CALL, interaction_id=work.pk)
    StateChange.objects.create(agent=someone.agent, at=at + timedelta(seconds=10), doing=Doing.ON_CALL, interaction_id=work.pk)


def test_calls_that_came_from_customers_are_counted_once_each(floor: Floor, ana: Someone) -> None:
    for origin, at in (
        ("inbound", MORNING),
        ("inbound", MORNING + timedelta(hours=1)),
        ("campaign", MORNING),
        ("inbound", SINCE - timedelta(hours=1)),
    ):
        takes_a_call(ana, origin, at)
    assert activity.of_agents([ana.id], since=SINCE, until=UNTIL)[ana.id].taken == 2


def generated(dice: random.Random, agents: list[Someone], people: list[Person]) -> None:
    """From the evening before to the evening after: what agents did, and the calls of the day, at whole seconds."""
    dispositions = [*Disposition.objects.all(), None]
    for someone in agents:
        at = SINCE - timedelta(hours=dice.randint(1, 9))
        while at < UNTIL + timedelta(hours=4):
            doing = dice.choice(list(Doing))
            reason = dice.choice(REASONS) if doing is Doing.NOT_READY else ""
            StateChange.objects.create(agent=someone.agent, at=at, doing=doing, reason=reason)
            at += timedelta(seconds=dice.choice([0, 1, 40, 600, 3600]))
        for _ in range(40):
            person, at = dice.choice(people), SINCE + timedelta(seconds=dice.randint(-20_000, 80_000))
            dialed = dice.random() < 0.9
            Attempt.objects.create(
                lead=person.lead,
                campaign=person.lead.campaign,
                contact=person.contact,
                phone=person.contact.phones.get(),
                e164=person.number,
                agent=someone.agent,
                interaction_id=uuid4(),
                state="concluded",
                outcome=dice.choice(["connected", "no_answer", "abandoned"]),
                disposition=dice.choice(dispositions),
                epoch=0,
                planned_at=at,
                dialed_at=at if dialed else None,
                concluded_at=at + timedelta(seconds=20),
            )
        for _ in range(5):
            at = SINCE + timedelta(seconds=dice.randint(-20_000, 80_000))
            made = Callback.objects.create(lead=people[0].lead, state="cancelled", agent=None, due_at=at, closed_at=at, created_by=someone.agent.user)
            Callback.objects.filter(pk=made.pk).update(created_at=at)


def slowly(someone: Someone) -> activity.Activity:
    """Second by second, and call by call."""
    changes = list(StateChange.objects.filter(agent=someone.agent).order_by("at", "id"))
    moments = [change.at for change in changes]
    spent: Counter[str] = Counter()
    not_ready: Counter[str] = Counter()
    for second in range(int((UNTIL - SINCE).total_seconds())):
        place = bisect_right(moments, SINCE + timedelta(seconds=second))
        if place == 0:
            continue
        change = changes[place - 1]
        if change.doing == "not_ready":
            not_ready[change.reason] += 1
        else:
            spent[change.doing] += 1
    calls = [a for a in Attempt.objects.filter(agent=someone.agent) if a.dialed_at and SINCE <= a.dialed_at < UNTIL]
    talked = [a for a in calls if a.outcome == "connected" and not (a.disposition and a.disposition.kind == "wrong_number")]

    def took(*doings: str) -> timedelta:
        return timedelta(seconds=sum(spent[doing] for doing in doings))

    return activity.Activity(
        talking=took("on_call"),
        waiting=took("ready"),
        wrapping_up=took("wrap_up"),
        previewing=took("offered", "previewing"),
        ringing=took("phone_ringing", "dialing"),
        not_ready={reason: timedelta(seconds=lasted) for reason, lasted in not_ready.items()},
        calls=len(calls),
        reached=len({a.contact_id for a in talked}),
        successes=sum(1 for a in calls if a.disposition and a.disposition.kind == "success"),
        callbacks=0,
        promised=sum(1 for b in Callback.objects.filter(created_by=someone.agent.user) if SINCE <= b.created_at < UNTIL),
    )


@pytest.mark.parametrize("seed", range(4))
def test_a_generated_day_adds_up_to_what_a_slow_sum_says(floor: Floor, ana: Someone, people: list[Person], seed: int) -> None:
    ben = floor.agent("Ben")
    cleo = floor.agent("Cleo")
    generated(random.Random(seed), [ana, ben], people)
    found = activity.of_agents([ana.id, ben.id, cleo.id], since=SINCE, until=UNTIL)
    assert found == {ana.id: slowly(ana), ben.id: slowly(ben), cleo.id: activity.Activity()}


def test_it_costs_two_statements_for_any_number_of_agents(floor: Floor, ana: Someone, people: list[Person]) -> None:
    agents = [ana, *(floor.agent(f"Agent {i}") for i in range(4))]
    generated(random.Random(1), agents, people)
    with floor.queries() as asked:
        activity.of_agents([someone.id for someone in agents], since=SINCE, until=UNTIL)
    assert len(asked) == 2


def test_a_day_that_was_lived(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    maria = floor.person(campaign, "Maria", Answers(after=seconds(4), talks_for=seconds(600)))
    floor.person(campaign, "Pedro", NoAnswer(), at=floor.now + timedelta(hours=1))
    ana.sits_down(ready=False)
    floor.run(60)
    ana.goes_ready()
    floor.run(until=lambda: ana.phase == "connected", at_most=10)
    talks_since = floor.now
    ana.takes_break("lunch")
    floor.run(100)
    ana.hangs_up()
    floor.run(until=lambda: ana.phase == "wrap_up", at_most=5)
    talked = floor.now - talks_since
    floor.run(10)
    assert ana.finishes("sale") == DONE
    floor.run(30)
    day = screens.day(ana.id, now=floor.now)
    assert (day.date, day.until) == ("2026-03-10", floor.now)
    assert abs(day.talking - talked.total_seconds()) <= 1
    assert day.wrapping_up == 10
    not_ready = activity.of_agents([ana.id], since=SINCE, until=floor.now)[ana.id].not_ready
    assert set(not_ready) == {"login", "lunch"}
    assert 58 <= not_ready["login"].total_seconds() <= 62
    assert not_ready["lunch"] == timedelta(seconds=30), "a break asked for on the call is counted as what it is"
    assert [one.seconds for one in day.not_ready if one.label == "Lunch"] == [30]
    assert (day.calls, day.reached, day.successes, day.callbacks) == (1, 1, 1, 0)
    assert maria.where == ("final", "success")


def test_a_callback_that_is_kept_and_one_that_is_promised_are_counted(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    maria = floor.person(campaign, "Maria", Answers(after=seconds(2), talks_for=seconds(60)))
    floor.promises(maria, ana, at=floor.now + timedelta(seconds=5))
    Callback.objects.update(created_by=ana.agent.user)
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "connected", at_most=12)
    day = screens.day(ana.id, now=floor.now)
    assert (day.calls, day.callbacks, day.promised) == (1, 1, 1)


@pytest.mark.parametrize(
    ("zone", "now", "hours"),
    [
        ("Europe/Madrid", datetime(2026, 3, 29, 12, tzinfo=UTC), 23),  # clocks go forward
        ("Europe/Madrid", datetime(2026, 10, 25, 12, tzinfo=UTC), 25),  # and back
        ("America/New_York", datetime(2026, 3, 10, 3, 30, tzinfo=UTC), 24),  # it is yesterday there
        ("UTC", datetime(2026, 3, 10, tzinfo=UTC), 24),  # midnight itself
    ],
)
def test_the_day_is_that_of_the_centres_clock(zone: str, now: datetime, hours: int) -> None:
    begins, ends = activity.day_of(now, zone)
    assert begins <= now < ends
    assert ends - begins == timedelta(hours=hours)


def test_the_screens_day_begins_at_the_centres_midnight(floor: Floor, ana: Someone) -> None:
    """It is ten in Madrid; in Auckland the day is nearly over."""
    StateChange.objects.create(agent=ana.agent, at=MORNING - timedelta(hours=12), doing=Doing.READY)
    with override_settings(CENTRE_TIME_ZONE="Pacific/Auckland"):
        assert (screens.day(ana.id, now=floor.now).date, screens.day(ana.id, now=floor.now).waiting) == ("2026-03-10", 12 * 3600)
    with override_settings(CENTRE_TIME_ZONE="Europe/Madrid"):
        assert screens.day(ana.id, now=floor.now).waiting == 10 * 3600
