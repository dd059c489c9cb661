"""An agent-first agent who has answered while the trunk is full: the order stands, and not without end."""

from telephony.drivers.simulated.script import Answers, NoAnswer, seconds
from telephony.models import Trunk
from tests.floor import Floor


def test_a_full_trunk_keeps_the_order_of_an_agent_who_has_answered(floor: Floor) -> None:
    ana, ben = floor.agent("Ana"), floor.agent("Ben")
    campaign = floor.campaign("agent_first", agents=[ana, ben])
    Trunk.objects.update(max_calls=1)
    people = [floor.person(campaign, name, NoAnswer(after=seconds(8))) for name in ("Maria", "Pedro")]
    ana.sits_down()
    ben.sits_down()
    floor.run(until=lambda: ana.phase == "ringing_agent" and ben.phase == "ringing_agent", at_most=3)
    ana.accepts()
    ben.accepts()
    floor.run(5)
    assert sum(len(p.attempts) for p in people) == 1
    assert ben.phase == "dialing", "he waits on the line"
    floor.run(until=lambda: all(p.attempts for p in people), at_most=8)


def test_an_agent_does_not_wait_for_a_trunk_without_end(floor: Floor) -> None:
    ana = floor.agent("Ana")
    maria = floor.person(floor.campaign("agent_first", agents=[ana], ring_for=10), "Maria", Answers(after=seconds(4), talks_for=seconds(60)))
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "ringing_agent", at_most=3)
    Trunk.objects.update(enabled=False)
    ana.accepts()
    ana.takes_break()
    floor.run(until=lambda: ana.phase is None, at_most=30)
    assert ana.closed == ["dial_refused"]
    assert (maria.where, maria.now().misses) == (("waiting", "returned"), 0)
