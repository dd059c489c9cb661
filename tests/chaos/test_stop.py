"""Stop: nothing is dialed after it has returned, whoever is at it, frozen or not."""

import os
import signal
import time

from django.utils import timezone

from campaigns.flow import control
from campaigns.models import Campaign
from dialer_project.lib.failpoints import Failpoint
from telephony.drivers.simulated.script import Answers, seconds
from tests.chaos.centre import Centre, Person

QUICK = Answers(after=seconds(0.05), talks_for=seconds(0.1))
AT_MOST = 0.5  # seconds


def stops(campaign: Campaign) -> float:
    began = time.monotonic()
    assert isinstance(control.stop(campaign, by=None, now=timezone.now()), control.Moved)
    return time.monotonic() - began


def placed(people: list[Person]) -> int:
    return sum(len(p.calls) for p in people)


def test_stop_under_load(centre: Centre) -> None:
    centre.has("hot-1", "pump-1")
    campaign, people, _ = centre.shift(*[QUICK] * 60, agents=8)
    numbers = {p.number for p in people}
    centre.until(lambda: sum(heard.to in numbers for heard in centre.heard().values()) > 15, what="calls go out")

    took = stops(campaign)

    returned = timezone.now()
    centre.holds(lambda: True, for_=1.0)
    late = [heard for heard in centre.heard().values() if heard.to in numbers and heard.placed_at > returned]
    print(f"stop took {took * 1000:.0f} ms under load")
    assert took < AT_MOST
    assert not late


def test_stop_does_not_wait_for_a_worker_frozen_inside_a_dial_transaction(centre: Centre) -> None:
    centre.has("hot-1", "pump-1")
    campaign, people, (ana,) = centre.shift(*[QUICK] * 8, ready=False)
    centre.order(Failpoint.CAMPAIGN_TAKEN, "stop", kind="hot")
    ana.goes_ready()
    frozen = centre.until(lambda: centre.befell(Failpoint.CAMPAIGN_TAKEN), what="a worker is frozen with the campaign in hand")

    took = stops(campaign)

    print(f"stop took {took * 1000:.0f} ms behind a frozen worker")
    before = placed(people)
    assert took < AT_MOST
    os.kill(frozen, signal.SIGCONT)
    centre.holds(lambda: placed(people) == before, for_=1.0, what="nothing is dialed")
    assert sum(len(p.attempts) for p in people) == before
    _, others, _ = centre.shift(QUICK)
    centre.until(lambda: others[0].outcomes == ["connected"], what="the worker works on")
