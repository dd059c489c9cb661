"""A day at the centre by chance: agents sit down, break, accept, reject, hang up, lose their phones and pages; customers do what customers do;
campaigns are paused, started and stopped; messages, events, Redis, the pump and the carrier go astray. However it went, no safety promise is
broken on the way, and when the faults are over everything comes to rest and goes on."""

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from agents.models import Interaction, Station
from campaigns import invariants
from campaigns.flow import control, do_not_call
from campaigns.models import Attempt, Campaign, Lead
from telephony.drivers.simulated.script import Answers, Mix, Spread, seconds
from telephony.drivers.simulated.world import NO_FAULTS, Faults
from telephony.models import Call
from tests.floor import Floor, Person, Someone

STEPS = 70
DISPOSITIONS = ("sale", "no", "again", "dnc", "wrong", "later", "other")


class Day:
    def __init__(self, floor: Floor, seed: int) -> None:
        self.floor = floor
        self.chance = random.Random(seed)
        floor.world.seed = seed
        floor.script.mix = Mix(answers=0.6, machine=0.0)
        floor.script.answers_after = Spread(seconds(0.5), seconds(5))
        floor.script.talks_for = Spread(seconds(0.3), seconds(12))
        floor.script.no_answer_after = Spread(seconds(2), seconds(8))
        floor.script.bridging = seconds(self.chance.choice([0.01, 0.4]))
        floor.script.hanging_up = seconds(self.chance.choice([0.01, 0.6]))
        self.staff = [floor.agent(f"Nailed{i}") for i in range(3)] + [floor.agent("PerCall", leg_mode=Station.LegMode.PER_CALL)]
        Station.objects.filter(name="nailed0").update(kind=Station.Kind.WEBRTC)
        for someone in self.staff:
            floor.script.station(someone.station.endpoint, Answers(after=seconds(self.chance.choice([0.2, 2.5]))))
        brief: dict[str, Any] = {"ring_for": 10, "min_ring_for": 4, "ring_agent_for": 6, "wrap_up_for": 4, "max_attempts": 3}
        self.campaigns = [
            floor.campaign("progressive", agents=self.staff, auto_answer=seed % 2 == 0, **brief),
            floor.campaign("agent_first", agents=self.staff[1:], disposition_for="none", at_stop="cancel", **brief),
        ]
        for campaign in self.campaigns:
            for outcome in ("busy", "no_answer", "rejected", "unavailable", "failed", "unknown", "abandoned", "early_hang_up", "congestion"):
                floor.rule(campaign, outcome, attempts=2, minutes=1, next_number=self.chance.random() < 0.5)
            floor.rule(campaign, "cancelled", attempts=50, minutes=1)
        self.people = [floor.person(self.chance.choice(self.campaigns), f"Person {i}", numbers=self.chance.choice([1, 2])) for i in range(30)]
        shared = [p for p in self.people if p.lead.campaign_id == self.campaigns[0].pk][:5]
        self.people += [floor.person(self.campaigns[1], contact=p.contact) for p in shared]
        self.seen: dict[str, int] = {}

    def step(self) -> None:
        doings: list[tuple[int, Callable[[], object]]] = [
            (30, self.somebody_works),
            (6, self.somebody_comes_or_goes),
            (4, self.a_phone),
            (3, self.a_campaign),
            (3, self.a_fault),
            (2, self.something_is_promised_or_forbidden),
        ]
        act = self.chance.choices([do for _, do in doings], [weight for weight, _ in doings])[0]
        self.seen[act.__name__] = self.seen.get(act.__name__, 0) + 1
        act()
        self.floor.run(self.chance.choice([0.05, 0.3, 1, 2.5]))

    def somebody_works(self) -> None:
        someone = self.chance.choice(self.staff)
        match someone.phase:
            case "ringing_agent":
                someone.rejects() if self.chance.random() < 0.15 else someone.accepts()
            case "dialing" | "connecting" | "connected":
                if self.chance.random() < 0.25:
                    someone.hangs_up()
            case "wrap_up":
                someone.finishes(self.chance.choice(DISPOSITIONS), stop=self.chance.random() < 0.03)
            case _:
                if someone.epoch:
                    someone.goes_ready()

    def somebody_comes_or_goes(self) -> None:
        someone = self.chance.choice(self.staff)
        match self.chance.randrange(5) if someone.epoch else 0:
            case 0:
                someone.opens_console()
                someone.signs_in()
            case 1:
                someone.takes_break()
            case 2:
                someone.closes_console()
            case 3:
                someone.opens_console()
            case _:
                someone.signs_out()

    def a_phone(self) -> None:
        someone = self.chance.choice(self.staff)
        match self.chance.randrange(3):
            case 0:
                someone.phone_dies()
            case 1:
                someone.phone_is_back()
            case _:
                for call in Call.objects.filter(address=someone.station.endpoint).exclude(state__in=("planned", "ended")):
                    self.floor.world.far_hangs_up(call.pk, self.floor.now)

    def a_campaign(self) -> None:
        campaign = self.chance.choice(self.campaigns)
        campaign.refresh_from_db()
        match self.chance.randrange(12):
            case 0:
                control.stop(campaign, by=None, now=self.floor.now)
            case n if n < 6:
                control.pause(campaign, by=None, now=self.floor.now)
            case _:
                control.start(campaign, by=None, now=self.floor.now)

    def a_fault(self) -> None:
        floor = self.floor
        match self.chance.randrange(9):
            case 0:
                floor.empties_redis()
            case 1:
                floor.loses_messages()
            case 2:
                floor.doubles_messages()
            case 3:
                floor.delays_messages(self.chance.choice([0.5, 4]))
            case 4:
                floor.pump_dies()
                floor.run(self.chance.choice([0.3, 3, 8]))
                floor.listen()
            case 5:
                floor.pump_runs = False
                floor.run(self.chance.choice([0.3, 3]))
                floor.pump_runs = True
            case 6:
                floor.stalls(self.chance.choice([0.5, 4]))
            case 7:
                floor.world.faults = Faults(drop=0.05, double=0.1, delay=0.1, reorder=0.1)
            case _:
                floor.carrier.restart() if self.chance.random() < 0.3 else floor.carrier.cut_listener()

    def something_is_promised_or_forbidden(self) -> None:
        person = self.chance.choice(self.people)
        if self.chance.random() < 0.5:
            do_not_call.list_numbers([self.chance.choice(person.numbers)], source="customer", now=self.floor.now)
            return
        running = Campaign.objects.filter(pk=person.lead.campaign_id, state__in=("running", "paused")).exists()
        free = Lead.objects.filter(pk=person.lead.pk, state="waiting").exclude(callbacks__state="open").exists()
        if running and free:
            owner = self.chance.choice([None, *self.staff])
            at = self.floor.now + timedelta(seconds=self.chance.choice([1, 20]))
            self.floor.promises(person, owner, at=at, fallback_at=at + timedelta(seconds=15))

    def heals(self) -> None:
        """The faults are over; nobody begins anything new, and what is under way is brought to its end."""
        floor = self.floor
        floor.post = lambda message: [message]
        floor.world.faults = NO_FAULTS
        if floor.listening is None:
            floor.run(1)
        for someone in self.staff:
            someone.phone_is_back()
            someone.opens_console()
            someone.takes_break()
        for _ in range(40):
            for someone in self.staff:
                if someone.phase == "wrap_up":
                    someone.finishes("sale")
                elif someone.phase == "ringing_agent":
                    someone.rejects()
                elif someone.phase == "connected":
                    someone.hangs_up()
            if not Interaction.objects.exclude(phase="closed").exists() and not Attempt.objects.filter(state="open").exists():
                return
            floor.run(5)
        raise AssertionError(
            f"never at rest: {list(Interaction.objects.exclude(phase='closed').values())} {list(Attempt.objects.filter(state='open').values())}"
        )

    def goes_on(self) -> None:
        """And the next morning everybody who comes to work is given some."""
        floor = self.floor
        fresh = floor.campaign("progressive", agents=self.staff)
        people: list[Person] = [floor.person(fresh, f"Fresh {i}", Answers(after=seconds(1), talks_for=seconds(5))) for i in range(len(self.staff))]
        for campaign in self.campaigns:
            control.stop(campaign, by=None, now=floor.now)
        for someone in self.staff:
            works_again(floor, someone)
        floor.run(until=lambda: all(p.outcomes == ["connected"] for p in people), at_most=60)
        for someone in self.staff:
            someone.finishes("sale")
        assert [s.free for s in self.staff] == [True] * len(self.staff)


def works_again(floor: Floor, someone: Someone) -> None:
    someone.opens_console()
    someone.signs_in()
    floor.run(until=lambda: someone.session.leg_state == "up" or not someone.session.nailed_up, at_most=20)
    someone.goes_ready()
    floor.run(0.1)


@pytest.mark.parametrize("seed", range(30))
def test_whatever_happens_every_promise_is_kept_and_everything_comes_to_rest(floor: Floor, seed: int) -> None:
    day = Day(floor, seed)
    for someone in day.staff:
        someone.opens_console()
        someone.signs_in()
    floor.run(3)
    for someone in day.staff:
        someone.goes_ready()
    for step in range(STEPS):
        day.step()
        if step % 10 == 9:
            invariants.check(now=floor.now)
    day.heals()
    floor.run(20)
    floor.at_rest()
    floor.agrees_with_the_carrier()
    day.goes_on()
    floor.run(20)
    floor.at_rest()
