from telephony.drivers.simulated.script import Answers, Busy, NoAnswer, seconds
from tests.floor import Floor


def test_maria_answers_and_ana_talks_to_her(floor: Floor) -> None:
    ana = floor.agent("Ana")
    campaign = floor.campaign("progressive", agents=[ana])
    maria = floor.person(campaign, "Maria", Answers(after=seconds(6), talks_for=seconds(60)))
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "dialing")
    floor.run(until=lambda: ana.phase == "connected", at_most=10)
    floor.run(until=lambda: ana.phase == "wrap_up", at_most=90)
    assert ana.finishes("sale")
    assert maria.outcomes == ["connected"]
    assert (maria.now().state, maria.now().reason) == ("final", "success")
    assert ana.session.voice_ready
    assert ana.work is None
