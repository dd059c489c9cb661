"""Every cell of docs/modes.md that can happen: each mode is brought into each of its phases, each failure befalls it there, and what the
table says follows. In the end no promise is broken, nobody is stuck, and the lead is where somebody will find it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from agents.models import Station
from agents.rules.lifecycle import Phase
from campaigns.flow import do_not_call
from campaigns.models import Campaign, NumberCheck, ValidationService
from campaigns.rules.modes import ANOTHER_ELSE_GIVEN_UP, ANOTHER_ELSE_MESSAGE, MODES, RUNS, Binding, Delivery, FirstLeg, Mode, failure_edges
from dialer_project.lib.sentence import heard
from telephony.drivers.simulated.script import Answers, Busy, NoAnswer, seconds
from telephony.models import Call
from tests.checker import Checker
from tests.floor import Floor, Person, Someone

CANNOT = "cannot happen"
CELLS = [
    pytest.param(mode, phase, failure, expected, id=f"{mode.key}-{phase.value}-{failure.replace(' ', '_')}")
    for mode in MODES.values()
    if mode.key in RUNS
    for (phase, failure), expected in failure_edges(mode).items()
    if expected != CANNOT
]
UNCHECKED = [MODES[key] for key in sorted(RUNS) if failure_edges(MODES[key])[Phase.CHECKING, "time runs out"] == CANNOT]
TALKS = Answers(after=seconds(4), talks_for=seconds(600))
SHORT_CALL: dict[str, Any] = {"longest_call": 1, "wrap_up_for": 20, "disposition_for": "none", "preview_for": 20}


class Desk:
    """One agent, one campaign and one customer, on the way into a phase."""

    def __init__(self, floor: Floor, mode: Mode, phase: Phase, failure: str, checker: Checker) -> None:
        self.floor, self.mode, self.failure, self.checker = floor, mode, failure, checker
        self.alerted = mode.answers_by_itself and phase is Phase.RINGING_AGENT
        # only a phone that is called for each call rings where the agent themselves has just pressed Call
        rings = phase is Phase.RINGING_AGENT and mode.opens_in is not Phase.RINGING_AGENT and failure != "dial refused" and not self.alerted
        self.ana: Someone = floor.agent("Ana", leg_mode=Station.LegMode.PER_CALL if rings else Station.LegMode.NAILED_UP)
        if rings:
            floor.script.station("ana", NoAnswer())
        if phase is Phase.RINGING_AGENT and failure == "dial refused" and mode.opens_in is not Phase.RINGING_AGENT and not self.alerted:
            self.ana = floor.agent("Eva", leg_mode=Station.LegMode.PER_CALL)
            floor.script.station("eva", Answers(after=seconds(3)))
        fields: dict[str, Any] = {**SHORT_CALL} if failure == "time runs out" else {}
        if self.alerted:
            fields["auto_answer"] = False
        if phase is Phase.CHECKING:
            fields["validation_service"] = ValidationService.objects.create(name="Robinson", url="https://robinson.example/check")
        self.campaign: Campaign = floor.campaign(mode.key, agents=[self.ana], **fields)
        if failure != "time runs out":
            Campaign.objects.filter(pk=self.campaign.pk).update(disposition_for="none")
        self.maria: Person = floor.person(self.campaign, "Maria", self._meets(phase))

    def _meets(self, phase: Phase) -> Any:
        if phase is Phase.DIALING or (self.alerted and self.mode.binding is Binding.BEFORE_DIAL):
            return Busy(after=seconds(6)) if self.failure == "customer unreached" else NoAnswer()
        if phase is Phase.CONNECTING or self.alerted:
            return Answers(after=seconds(4), talks_for=seconds(0.6 if self.failure == "customer unreached" else 60))
        return TALKS

    def lists_the_number(self) -> None:
        do_not_call.list_numbers([self.maria.number], source="agent", now=self.floor.now)

    def verdict_lapses(self) -> None:
        """The number was in order when it came; now nobody can say until the service is asked anew."""
        NumberCheck.objects.all().delete()
        self.floor.post = lambda message: [] if message[0].endswith("check_numbers") else [message]
        if self.failure != "dial refused":
            self.checker.down = "it did not answer within 3 seconds"

    def callback(self) -> None:
        """Work of a mode that opens otherwise only at the answer, or in a preview: the agent's own callback."""
        self.floor.promises(self.maria, self.ana, at=self.floor.now, fallback_at=self.floor.now + timedelta(days=1))

    def until(self, phase: Phase) -> None:
        self.floor.run(until=lambda: self.ana.phase == phase, at_most=40)

    def into(self, phase: Phase) -> None:
        late = self.failure == "dial refused" and phase in (Phase.RINGING_AGENT, Phase.DIALING)
        if (phase is Phase.OFFERED and self.mode.delivery is Delivery.PULL) or (
            phase is Phase.DIALING and (self.mode.binding is Binding.ON_ANSWER or (late and self.mode.first_leg is FirstLeg.CUSTOMER))
        ):
            self.callback()
        if late and self.mode.first_leg is FirstLeg.CUSTOMER:
            self.lists_the_number()
            self.ana.sits_down()
            self.floor.run(1)
            return None
        self.ana.sits_down()
        if phase is Phase.CHECKING:
            self.floor.run(until=lambda: NumberCheck.objects.filter(verdict="clear").exists(), at_most=10)
        if phase is Phase.OFFERED and self.mode.delivery is Delivery.PULL:
            return self.until(Phase.OFFERED)
        self._opens()
        if phase in (Phase.OFFERED, Phase.PREVIEW, Phase.RINGING_AGENT) and self.ana.phase == phase and not late:
            return None
        if phase is Phase.PREVIEW and self.mode.accept_dials:
            # where accepting dials, a record is looked at because its dial was refused
            Campaign.objects.filter(pk=self.campaign.pk).update(state="paused")
            self.ana.accepts()
            Campaign.objects.filter(pk=self.campaign.pk).update(state="running")
            return self.until(Phase.PREVIEW)
        if phase is Phase.CHECKING and self.mode.accept_dials:
            self.verdict_lapses()
        if self.ana.phase == Phase.OFFERED:
            self.ana.accepts()
        if phase is Phase.CHECKING and not self.mode.accept_dials:
            self.verdict_lapses()
        if phase is Phase.PREVIEW:
            return self.until(Phase.PREVIEW)
        if late:
            self.lists_the_number()
        if self.ana.phase == Phase.RINGING_AGENT and (late or phase is not Phase.RINGING_AGENT):
            self.ana.accepts()
        if self.ana.phase == Phase.PREVIEW:
            self.ana.calls()
        if late:
            self.floor.run(8)
            return None
        if phase is Phase.CONNECTING:
            self.floor.run(3.5)
            self.floor.stalls(5)
        if phase is Phase.WRAP_UP:
            self.until(Phase.CONNECTED)
            self.ana.hangs_up()
        return self.until(phase)

    def _opens(self) -> None:
        if self.mode.delivery is Delivery.PULL:
            self.ana.runs(self.campaign)
            self.ana.gets(self.campaign)
        elif not self.mode.joining.value.startswith("auto"):
            self.ana.gets(self.campaign)
        opens = None if self.mode.binding is Binding.ON_ANSWER else Phase.RINGING_AGENT if self.alerted else self.mode.opens_in
        if opens is not None:
            self.until(opens)

    def said(self) -> str:
        return heard(self.ana.work.notice) if self.ana.work else ""

    def fails(self, phase: Phase) -> None:
        match self.failure:
            case "agent rejects":
                self.ana.rejects()  # alone on the floor, a Ready agent is given the record again in the next moment
                if self.alerted:
                    self.floor.run(self.campaign.min_ring_for + 5)
            case "agent missed":
                self.floor.run(self.campaign.ring_agent_for + 5)
            case "agent lost":
                self.ana.closes_console()
                self.ana.phone_dies()
                self.floor.run(20 * 60 if phase is Phase.WRAP_UP else 150)
            case "dial refused":
                if phase is Phase.PREVIEW:
                    self.lists_the_number()
                    self.ana.calls()
                if phase is Phase.CHECKING:
                    self.lists_the_number()
                    self.floor.post = lambda message: [message]
                self.floor.run(2)
            case "customer unreached":
                self.floor.run(15)
            case "time runs out":
                longest = {Phase.PREVIEW: 3700, Phase.CONNECTED: 90, Phase.WRAP_UP: 40, Phase.DIALING: 60, Phase.CHECKING: 8}
                self.floor.run(longest.get(phase, self.campaign.ring_agent_for + 5))


UNAVAILABLE = "The phone number cannot be validated"


def heard_the_message(desk: Desk) -> bool:
    call = Call.objects.filter(party="customer").latest("planned_at")
    if call.announcing_at is None or call.answered_at is None:
        return False
    return call.connected_at is not None or call.announcing_at - call.answered_at <= timedelta(seconds=2.3)


def to_the_top(desk: Desk) -> bool:
    lead = desk.maria.now()
    return (lead.state, lead.boost in (0, 1)) == ("waiting", True) and not desk.maria.dialed


def stays(desk: Desk) -> bool:
    return desk.ana.phase == Phase.PREVIEW and desk.maria.where[0] == "busy"


def given_up(desk: Desk) -> bool:
    return desk.maria.outcomes[-1:] in (["cancelled"], ["no_answer"])


FOLLOWS: dict[str, Callable[[Desk], bool]] = {
    "not_ready_lead_to_top": to_the_top,
    "ready_lead_to_top": to_the_top,
    "the record goes back to the top of the list": to_the_top,
    "the record goes back to the list after an hour": to_the_top,
    "cancel": given_up,
    "rebind_else_cancel": given_up,
    ANOTHER_ELSE_MESSAGE: lambda desk: heard_the_message(desk) or desk.maria.outcomes == ["abandoned"],
    ANOTHER_ELSE_GIVEN_UP: given_up,
    "back to the preview with its message": lambda desk: stays(desk) and not desk.maria.dialed and desk.said().startswith(UNAVAILABLE),
    "the customer hears the message": heard_the_message,
    "closed with a system disposition after fifteen minutes": lambda desk: desk.ana.phase is None,
    "stay": stays,
    "close": lambda desk: desk.ana.phase is None and desk.maria.where == ("final", "do_not_call") and not desk.maria.dialed,
    "next_record": lambda desk: desk.ana.phase is None and desk.maria.where[0] == "waiting",
    "dial": lambda desk: len(desk.maria.dialed) == 1,
    "the carrier is asked what became of the call": lambda desk: desk.maria.outcomes == ["no_answer"],
    "the longest call is ended": lambda desk: desk.maria.outcomes == ["connected"],
    "the campaign's wrap-up policy": lambda desk: desk.ana.phase is None and desk.maria.where[0] != "busy",
}


@pytest.mark.parametrize(("mode", "phase", "failure", "expected"), CELLS)
def test_what_the_table_says_follows(floor: Floor, checker: Checker, mode: Mode, phase: Phase, failure: str, expected: str) -> None:
    desk = Desk(floor, mode, phase, failure, checker)
    desk.into(phase)
    desk.fails(phase)
    now = (desk.ana.phase, desk.maria.where, desk.maria.outcomes, desk.ana.closed, desk.ana.not_ready)
    agent, _, call = expected.rpartition("; another agent")
    assert FOLLOWS["another agent" + call if agent in ("ready", "not ready") else expected](desk), f"expected: {expected}; it is: {now}"
    if expected.startswith(("not_ready", "not ready")):
        assert desk.ana.not_ready == "no_answer"
    if expected.startswith("ready"):
        assert desk.ana.not_ready != "no_answer"
    work = desk.ana.work
    assert (desk.maria.where[0] == "busy") is (work is not None or desk.maria.outcomes[-1:] == [None]), now
    assert work is None or work.deadline is not None, "somebody will look"
    floor.check()


@pytest.mark.parametrize("mode", UNCHECKED, ids=lambda mode: mode.key)
def test_where_nobody_looks_at_a_record_before_the_call_none_waits_on_a_screen_for_a_verdict_and_the_list_says_why(
    floor: Floor, checker: Checker, mode: Mode
) -> None:
    ana = floor.agent("Ana")
    service = ValidationService.objects.create(name="Robinson", url="https://robinson.example/check")
    campaign = floor.campaign(mode.key, agents=[ana], validation_service=service)
    maria = floor.person(campaign, "Maria", TALKS)
    checker.unknown = {maria.number}
    ana.sits_down()
    floor.run(20)
    assert (ana.closed, ana.phase, maria.dialed, maria.where) == ([], None, [], ("waiting", "validation"))
