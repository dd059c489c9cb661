"""Three customers answer within 300 milliseconds and one agent is free, in two campaigns that share agents. Who waits is matched with
whoever frees up before the two seconds are over; the others hear the message. Killed at any line in between: the same, and counted."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from agents.live import board
from campaigns.flow import match
from campaigns.models import Attempt, Lead
from telephony import calls, commands
from telephony.drivers.simulated.script import Answers, seconds
from telephony.models import Call
from telephony.rules.events import Happened
from tests.floor import Floor, Person


class Three:
    """Three agents whose phones are lost while their customers ring; the customers answer at 6.0, 6.1 and 6.2 seconds."""

    def __init__(self, floor: Floor) -> None:
        self.floor = floor
        self.lost = [floor.agent(name) for name in ("Ana", "Eva", "Ida")]
        self.dora, self.emil = floor.agent("Dora"), floor.agent("Emil")
        staff = [*self.lost, self.dora, self.emil]
        one = floor.campaign("progressive", agents=staff)
        two = floor.campaign("progressive", agents=staff)
        self.work = floor.campaign("progressive", agents=[self.emil], disposition_for="none")
        self.people = [
            floor.person((one, two, one)[i], name, Answers(after=seconds(6 + i / 10), talks_for=seconds(60)), at=floor.now + timedelta(days=1))
            for i, name in enumerate(("Maria", "Pedro", "Rosa"))
        ]

    def ring(self) -> None:
        """All three are dialed at the same moment, then their agents' phones go."""
        for someone in self.lost:
            someone.sits_down(ready=False)
        for someone in self.lost:
            someone.goes_ready()
        Lead.objects.filter(pk__in=[p.lead.pk for p in self.people]).update(next_call_at=self.floor.now)
        self.floor.run(3)
        assert [len(p.attempts) for p in self.people] == [1, 1, 1]
        for someone in self.lost:
            someone.phone_dies()
        self.floor.run(0.5)

    def calls(self) -> list[Call]:
        return [Call.objects.get(pk=p.attempts[0].pk) for p in self.people]

    def who(self, person: Person) -> int | None:
        return person.attempts[0].agent_id if person.attempts[0].connected_at else None


@pytest.fixture
def three(floor: Floor) -> Three:
    return Three(floor)


def within_two_seconds(floor: Floor) -> None:
    for call in Call.objects.filter(party="customer").exclude(answered_at=None):
        answered = floor.world.when(call.pk, Happened.ANSWERED)
        voices = [floor.world.when(call.pk, kind) for kind in (Happened.ENTERED_BRIDGE, Happened.ANNOUNCEMENT_STARTED, Happened.ENDED)]
        heard = [at for at in voices if at]
        assert answered
        assert heard
        assert (min(heard) - answered).total_seconds() <= 2.1


def test_one_is_taken_one_is_matched_at_1_1_seconds_and_one_hears_the_message(floor: Floor, three: Three) -> None:
    emils = floor.person(three.work, "Emil's", Answers(after=seconds(0.5), talks_for=seconds(1.5)))
    three.emil.sits_down()
    floor.run(until=lambda: three.emil.phase == "wrap_up", at_most=10)
    three.ring()
    three.dora.sits_down()
    floor.run(until=lambda: sum(c.state == "answered" and c.bridge is None for c in three.calls()) == 2, at_most=5)
    floor.run(0.9)
    three.emil.finishes("sale")
    floor.run(until=lambda: three.emil.phase == "connected", at_most=1)
    floor.run(10)
    maria, pedro, rosa = three.people
    assert three.who(maria) == three.dora.id, "the first to answer"
    assert three.who(pedro) == three.emil.id, "the one who has waited longest"
    assert rosa.outcomes == ["abandoned"]
    assert emils.outcomes == ["connected"]
    within_two_seconds(floor)
    for someone in (three.dora, three.emil):
        someone.hangs_up()
    floor.run(1)
    for someone in (three.dora, three.emil):
        someone.finishes("sale")


def test_with_nobody_free_all_three_hear_the_message(floor: Floor, three: Three) -> None:
    three.ring()
    floor.run(20)
    assert [p.outcomes for p in three.people] == [["abandoned"]] * 3
    within_two_seconds(floor)


def test_redis_emptied_meanwhile_abandons_nobody_who_has_an_agent(floor: Floor, three: Three) -> None:
    three.ring()
    three.dora.sits_down()
    three.emil.sits_down()
    floor.sweeps = False
    floor.run(1.0)
    floor.empties_redis()
    floor.run(2.0)
    assert {three.who(p) for p in three.people} >= {three.dora.id, three.emil.id}
    floor.sweeps = True
    floor.run(10)
    assert sorted(str(p.outcomes[0]) for p in three.people) == ["None", "None", "abandoned"]
    within_two_seconds(floor)


def test_who_waits_while_the_projection_is_rebuilt_meets_who_became_free_meanwhile(
    floor: Floor, three: Three, monkeypatch: pytest.MonkeyPatch
) -> None:
    three.ring()
    floor.sweeps = False
    floor.run(until=lambda: sum(c.state == "answered" for c in three.calls()) == 3, at_most=5)
    # Dora's process dies after its commit, before the projection hears of it; then Redis is lost
    monkeypatch.setattr(board, "stand_all", lambda agents: [None] * len(agents))
    three.dora.opens_console()
    three.dora.signs_in()
    floor.run(0.3)
    three.dora.goes_ready()
    monkeypatch.undo()
    floor.empties_redis()
    floor.sweeps = True
    floor.tick()
    floor.run(until=lambda: three.dora.phase == "connected", at_most=1)


class Killed(BaseException):
    """Here the process ends."""


@pytest.mark.parametrize(
    ("where", "name", "after"),
    [(calls, "give", False), (calls, "give", True), (match, "join", False), (commands, "connect_many", False), (commands, "connect_many", True)],
    ids=["before give", "after give", "before join", "before connect", "after connect"],
)
def test_killed_at_any_line_between_match_and_bridge_the_customer_hears_the_message_and_the_count_is_exact(
    floor: Floor, monkeypatch: pytest.MonkeyPatch, where: Any, name: str, after: bool
) -> None:
    ana = floor.agent("Ana")
    campaign = floor.campaign("progressive", agents=[ana])
    maria = floor.person(campaign, "Maria", Answers(after=seconds(3), talks_for=seconds(60)))
    ana.sits_down()
    step: Callable[..., Any] = getattr(where, name)

    def dies(*args: Any, **kwargs: Any) -> Any:
        monkeypatch.setattr(where, name, step)
        if after:
            step(*args, **kwargs)
        raise Killed

    monkeypatch.setattr(where, name, dies)
    with pytest.raises(Killed):
        floor.run(5)
    floor.pump_dies()
    floor.run(1)
    floor.listen()
    floor.run(20)
    really = floor.world.when(maria.attempts[0].pk, Happened.ANNOUNCEMENT_STARTED)
    joined = floor.world.when(maria.attempts[0].pk, Happened.ENTERED_BRIDGE)
    assert (ana.phase == "connected") is (really is None)
    assert maria.outcomes == ([None] if really is None else ["abandoned" if Attempt.objects.get().connected_at is None else "connected"])
    assert really or joined
    within_two_seconds(floor)
    if ana.phase == "connected":
        ana.hangs_up()
        floor.run(1)
        ana.finishes("sale")
    elif ana.phase == "wrap_up":
        ana.finishes("sale")
    assert ana.free
