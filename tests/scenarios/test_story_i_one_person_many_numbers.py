"""One person, three numbers, two campaigns, three agents who would all call at once: never two of their phones at a time."""

from datetime import timedelta
from itertools import pairwise

from campaigns.models import Attempt, Lead
from telephony.drivers.simulated.script import NoAnswer, seconds
from tests.floor import Floor


def test_never_two_phones_of_one_person_at_once(floor: Floor) -> None:
    staff = [floor.agent(name) for name in ("Ana", "Ben", "Cleo")]
    one, two = (floor.campaign("progressive", agents=staff, max_attempts=4) for _ in range(2))
    for campaign in (one, two):
        floor.rule(campaign, "no_answer", attempts=9, minutes=1, next_number=True)
    maria = floor.person(one, "Maria", numbers=3)
    floor.person(two, contact=maria.contact)
    for number in maria.numbers:
        floor.script.say(number, NoAnswer(after=seconds(7)))
    for someone in staff:
        someone.sits_down()
    floor.run(until=lambda: not Lead.objects.exclude(state="final").exists(), at_most=1200)
    attempts = list(Attempt.objects.order_by("dialed_at"))
    assert len(attempts) == 8, "the caps are exact"
    assert {a.e164 for a in attempts} == set(maria.numbers)
    for before, after in pairwise(attempts):
        assert before.concluded_at
        assert after.dialed_at
        assert before.concluded_at <= after.dialed_at


def test_other_campaigns_leave_somebody_alone_who_is_being_called(floor: Floor) -> None:
    ana, ben = floor.agent("Ana"), floor.agent("Ben")
    one, two = floor.campaign("progressive", agents=[ana]), floor.campaign("agent_first", agents=[ben])
    maria = floor.person(one, "Maria", NoAnswer(after=seconds(20)))
    same = floor.person(two, contact=maria.contact)
    ben.sits_down()
    floor.run(until=lambda: ben.phase == "ringing_agent", at_most=3)
    ana.sits_down()
    floor.run(until=lambda: maria.attempts, at_most=3)
    ben.accepts()
    assert ben.closed == ["dial_refused"], "at the last moment, and not before: nobody is held up by a ringing agent"
    assert same.where == ("waiting", "hold")
    assert same.now().next_call_at - floor.now < timedelta(seconds=61)
