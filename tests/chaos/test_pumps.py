"""The pump dies at every line between an answer and the conversation; others stand by. What the customer heard is the carrier's word."""

import pytest
from django.utils import timezone

from dialer_project.lib.failpoints import Failpoint
from telephony.drivers.simulated.script import Answers, Busy, seconds
from telephony.models import Node
from tests.chaos.centre import Centre

TALKS = Answers(after=seconds(0.3), talks_for=seconds(0.4))
# longer than the carrier's guard: a conversation that is cut at two seconds shows
TALKS_LONG = Answers(after=seconds(0.5), talks_for=seconds(2.4))


def epoch() -> int:
    return Node.objects.get().lease_epoch


def listener(centre: Centre) -> str:
    """The pump that listens."""
    pid = int(Node.objects.get().lease_holder.rpartition(":")[2])
    return next((name for name, process in centre.running.items() if process.pid == pid), "one that is gone")


LINES = list(Failpoint)[list(Failpoint).index(Failpoint.ANSWER_HEARD) :]


@pytest.mark.parametrize("place", LINES)
def test_the_pump_dies_at_a_line_between_answer_and_conversation(centre: Centre, place: Failpoint) -> None:
    centre.has("hot-1", "pump-1", "pump-2")
    _, (maria, petra), (ana,) = centre.shift(TALKS_LONG, TALKS, ready=False)
    centre.order(place, "kill", kind="pump")
    before = epoch()

    ana.goes_ready()

    dead = centre.until(lambda: centre.befell(place), what="the pump is dead")
    at = timezone.now()
    centre.until(lambda: epoch() > before, within=2, what="the other one listens")
    took_over = timezone.now() - at
    centre.until(lambda: petra.outcomes == ["connected"], what="Ana goes on to the next")
    (heard,) = maria.calls
    assert heard.silence is not None
    print(f"{place}: pump {dead} dead, taken over after {took_over.total_seconds():.2f} s, Maria heard a voice after {heard.silence}")
    assert took_over < seconds(1.5)
    if place in (Failpoint.JOINED, Failpoint.ENTERED, Failpoint.CONNECTED):
        assert not heard.had_message, "a conversation that had begun was cut"
        assert maria.outcomes == ["connected"]


def test_the_pump_dies_with_phones_ringing_and_every_answer_finds_its_agent(centre: Centre) -> None:
    centre.has("hot-1", "pump-1", "pump-2")
    late = Answers(after=seconds(2.5), talks_for=seconds(0.4))
    _, people, _ = centre.shift(*[late] * 4, agents=4)
    centre.until(lambda: all(p.state == "ringing" for p in people), what="all ring")
    before = epoch()

    centre.kill(listener(centre))

    centre.until(lambda: epoch() > before, within=1.5, what="the other one listens")
    centre.until(lambda: all(p.outcomes == ["connected"] for p in people), what="everybody was talked to")


def test_without_a_stand_by_the_carrier_speaks_for_us_and_the_count_is_exact(centre: Centre) -> None:
    centre.has("hot-1", "pump-1")
    late = Answers(after=seconds(1.5), talks_for=seconds(6))
    _, people, _ = centre.shift(*[late] * 3, agents=3)
    centre.until(lambda: all(p.state == "ringing" for p in people), what="all ring")

    centre.kill("pump-1")

    centre.until(lambda: all(call.had_message for p in people for call in p.calls), what="everybody hears the message")
    centre.has("hot-1", "pump-1")
    centre.until(lambda: all(p.outcomes == ["abandoned"] for p in people), what="each is counted")


def test_a_frozen_pump_is_replaced_when_its_lease_has_run_out_and_does_nothing_when_it_wakes(centre: Centre) -> None:
    centre.has("hot-1", "pump-1", "pump-2")
    _, (maria, petra), (ana,) = centre.shift(TALKS, TALKS, ready=False)
    before, frozen = epoch(), listener(centre)

    centre.running[frozen].freeze()
    ana.goes_ready()

    centre.until(lambda: epoch() > before, within=9, what="the other one listens")
    centre.until(lambda: maria.outcomes and maria.outcomes[0], what="Maria's call has ended")
    after = epoch()
    centre.running[frozen].go_on()
    centre.until(lambda: petra.outcomes == ["connected"], what="work goes on")
    centre.until(lambda: centre.running[frozen].said("standing by"), within=6, what="the one that was frozen stands by")
    assert epoch() == after


def test_two_pumps_two_beats_and_two_tick_workers_do_everything_once(centre: Centre) -> None:
    centre.has("hot-1", "pump-1", "pump-2", "tick-1", "tick-2", "beat-1", "beat-2")
    _, people, _ = centre.shift(*[TALKS] * 6, Busy(), agents=3, wrap_up_for=1)
    centre.until(lambda: all(p.outcomes in (["connected"], ["busy"]) for p in people), within=25, what="everybody was called")
    assert all(len(p.calls) == 1 for p in people)
    for name in ("tick-1", "tick-2"):
        centre.until(lambda name=name: centre.running[name].said("workers.tasks.tick"), what=f"{name} ticks")  # type: ignore[misc]  # mypy cannot type a lambda with a default
        assert "ERROR" not in centre.running[name].log.read_text()
    assert centre.works("worker")
    assert centre.works("beat")
    centre.has("hot-1", "pump-1")


def test_a_pump_that_is_asked_to_end_ends_within_two_seconds_and_says_that_nobody_listens(centre: Centre) -> None:
    centre.has("hot-1", "pump-1")
    centre.until(lambda: centre.listens() and listener(centre) == "pump-1", within=9, what="it listens")

    took = centre.running["pump-1"].ask_to_end()

    assert took < 2
    assert not centre.listens()
    centre.has("hot-1", "pump-1")
