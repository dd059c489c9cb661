"""Power: a fixed number of calls for each free agent, and the agent is chosen when a customer answers."""

from __future__ import annotations

from datetime import timedelta

import pytest

from agents.models import Station
from campaigns import facts
from campaigns.models import Attempt
from telephony.drivers.simulated.script import Answers, Busy, NoAnswer, seconds
from telephony.models import Call
from tests.floor import Floor, Person, Someone

TALKS = Answers(after=seconds(4), talks_for=seconds(30))


def called() -> int:
    return Attempt.objects.filter(dialed_at__isnull=False).count()


@pytest.mark.parametrize(("ratio", "agents", "calls"), [("1.0", 1, 1), ("1.5", 1, 1), ("1.5", 2, 3), ("2.0", 1, 2), ("3.0", 3, 9)])
def test_so_many_calls_ring_for_each_free_agent(floor: Floor, ratio: str, agents: int, calls: int) -> None:
    team = [floor.agent(f"Agent{i}") for i in range(agents)]
    campaign = floor.campaign("power", agents=team, dial_ratio=ratio)
    for i in range(20):
        floor.person(campaign, f"Person {i}", NoAnswer())
    for someone in team:
        someone.sits_down()
    floor.run(10)
    assert called() == calls
    assert all(someone.phase is None and someone.free for someone in team), "nobody is given a call before it is answered"


def test_an_answer_finds_the_agent_who_has_been_free_the_longest(floor: Floor, ana: Someone) -> None:
    ben = floor.agent("Ben")
    campaign = floor.campaign("power", agents=[ana, ben], dial_ratio="1.0")
    ana.sits_down()
    floor.run(3)
    ben.sits_down()
    maria = floor.person(campaign, "Maria", TALKS)
    floor.run(until=lambda: ana.phase == "connected", at_most=10)
    assert ben.phase is None
    assert maria.attempts[0].agent_id == ana.id
    assert maria.attempts[0].interaction_id == (ana.work and ana.work.pk)
    ana.hangs_up()
    floor.run(1)
    ana.finishes("sale")
    assert maria.outcomes == ["connected"]
    floor.run(1)
    floor.at_rest()
    floor.agrees_with_the_carrier()


def test_a_second_answer_waits_for_whoever_becomes_free_within_two_seconds(floor: Floor, ana: Someone) -> None:
    campaign = floor.campaign("power", agents=[ana], dial_ratio="2.0")
    floor.person(campaign, "Maria", Answers(after=seconds(2), talks_for=seconds(0.5)))
    pedro = floor.person(campaign, "Pedro", Answers(after=seconds(2.2), talks_for=seconds(30)))
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "wrap_up", at_most=5)
    ana.finishes("sale")
    floor.run(until=lambda: ana.phase == "connected", at_most=2)
    assert ana.work
    assert ana.work.lead_id == pedro.lead.pk


def test_an_answer_nobody_is_free_for_hears_the_message_within_two_seconds_and_counts(floor: Floor, ana: Someone) -> None:
    campaign = floor.campaign("power", agents=[ana], dial_ratio="2.0")
    people = [floor.person(campaign, name, Answers(after=seconds(3 + i / 10), talks_for=seconds(40))) for i, name in enumerate(("Maria", "Pedro"))]
    ana.sits_down()
    floor.run(30)
    outcomes = sorted(str(outcome) for person in people for outcome in person.outcomes)
    assert outcomes == ["None", "abandoned"]
    call = Call.objects.get(announcing_at__isnull=False)
    assert call.answered_at
    assert call.announcing_at
    assert call.announcing_at - call.answered_at <= timedelta(seconds=2.1)
    ana.hangs_up()
    floor.run(1)
    ana.finishes("sale")
    found = facts.abandonment([campaign.pk], since=floor.now - timedelta(days=1))[campaign.pk]
    assert (found.answered, found.abandoned, found.share) == (2, 1, 0.5)
    floor.check()


def test_calls_on_their_way_are_counted_against_the_next_ones(floor: Floor, ana: Someone) -> None:
    campaign = floor.campaign("power", agents=[ana], dial_ratio="2.0")
    for i in range(10):
        floor.person(campaign, f"Person {i}", NoAnswer())
    ana.sits_down()
    for _ in range(10):
        floor.run(1)
        assert floor.rings_now <= 2


def test_a_call_that_ends_unanswered_is_replaced_at_once(floor: Floor, ana: Someone) -> None:
    campaign = floor.campaign("power", agents=[ana], dial_ratio="1.0")
    people = [floor.person(campaign, f"Person {i}", Busy()) for i in range(4)]
    ana.sits_down()
    floor.sweeps = False
    floor.run(20)
    assert [person.outcomes for person in people] == [["busy"]] * 4


def test_while_the_agent_talks_nothing_is_dialed(floor: Floor, ana: Someone) -> None:
    campaign = floor.campaign("power", agents=[ana], dial_ratio="1.0")
    people = [floor.person(campaign, name, TALKS) for name in ("Maria", "Pedro")]
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "wrap_up", at_most=60)
    assert sum(len(person.attempts) for person in people) == 1
    ana.finishes("sale")
    floor.run(until=lambda: ana.phase == "connected", at_most=10)


def test_two_campaigns_that_share_their_agents_do_not_both_dial_for_them(floor: Floor, ana: Someone) -> None:
    campaigns = [floor.campaign("power", agents=[ana], dial_ratio="2.0") for _ in range(2)]
    for campaign in campaigns:
        for i in range(5):
            floor.person(campaign, f"Person {i}", NoAnswer())
    ana.sits_down()
    for _ in range(20):
        floor.run(1)
        assert floor.rings_now <= 2


def test_an_agent_who_is_awaited_is_not_dialed_for_by_a_progressive_campaign(floor: Floor, ana: Someone) -> None:
    power = floor.campaign("power", agents=[ana], dial_ratio="1.0", weight=100)
    maria = floor.person(power, "Maria", Answers(after=seconds(8), talks_for=seconds(30)))
    ana.sits_down()
    floor.run(1)
    assert maria.attempts
    other = floor.campaign("progressive", agents=[ana])
    pedro = floor.person(other, "Pedro", TALKS)
    floor.run(until=lambda: ana.phase == "connected", at_most=10)
    assert not pedro.attempts
    assert maria.attempts[0].connected_at


def test_where_the_list_gives_nothing_the_agent_works_for_the_other_campaign(floor: Floor, ana: Someone) -> None:
    floor.campaign("power", agents=[ana], weight=100)
    other = floor.campaign("progressive", agents=[ana], weight=1)
    pedro = floor.person(other, "Pedro", TALKS)
    ana.sits_down()
    floor.run(until=lambda: pedro.attempts, at_most=2)


def test_only_a_phone_that_stays_connected_takes_part(floor: Floor) -> None:
    ana = floor.agent("Ana", leg_mode=Station.LegMode.PER_CALL)
    campaign = floor.campaign("power", agents=[ana])
    floor.person(campaign, "Maria", TALKS)
    ana.sits_down()
    floor.run(10)
    assert called() == 0


def test_when_everybody_has_gone_the_ringing_calls_are_given_up(floor: Floor, ana: Someone) -> None:
    campaign = floor.campaign("power", agents=[ana], dial_ratio="2.0", min_ring_for=10)
    people: list[Person] = [floor.person(campaign, name, NoAnswer()) for name in ("Maria", "Pedro")]
    ana.sits_down()
    floor.run(2)
    ana.takes_break()
    floor.run(5)
    assert floor.rings_now == 2, "not before they have rung long enough"
    floor.run(8)
    assert floor.rings_now == 0
    assert [person.outcomes for person in people] == [["cancelled"], ["cancelled"]]


def test_a_personal_callback_is_dialed_for_its_owner_alone(floor: Floor, ana: Someone) -> None:
    ben = floor.agent("Ben")
    campaign = floor.campaign("power", agents=[ana, ben])
    pedro = floor.person(campaign, "Pedro", TALKS)
    floor.promises(pedro, ana, at=floor.now + timedelta(seconds=5), fallback_at=floor.now + timedelta(days=1))
    ben.sits_down()
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "connected", at_most=20)
    assert ben.closed == []


def test_emptied_redis_abandons_no_answer(floor: Floor, ana: Someone) -> None:
    campaign = floor.campaign("power", agents=[ana])
    maria = floor.person(campaign, "Maria", Answers(after=seconds(6), talks_for=seconds(30)))
    ana.sits_down()
    floor.run(5.8)
    floor.empties_redis()
    floor.run(until=lambda: ana.phase == "connected", at_most=3)
    assert maria.attempts[0].connected_at
