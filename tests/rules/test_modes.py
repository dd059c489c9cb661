"""Modes are data: every row works, every combination that cannot is refused, and every failure has an answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.rules.lifecycle import Phase
from campaigns.rules.modes import (
    MODES,
    RUNS,
    AfterUnreached,
    AgentConfirms,
    Alert,
    Binding,
    Delivery,
    FirstLeg,
    Mode,
    Needs,
    NumberChoice,
    OnPreviewTimeout,
    Pacing,
    Trigger,
    describe,
    failure_edges,
    impossible,
)

every_mode = pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
OPENERS = (Phase.OFFERED, Phase.PREVIEW, Phase.RINGING_AGENT, Phase.DIALING, Phase.CONNECTING)
FAILURES = {"agent missed", "agent rejects", "agent lost", "dial refused", "customer unreached", "time runs out"}

# Said here a second time, and from the floor rather than from the fields: what nobody could work with.
CANNOT_WORK: dict[str, Callable[[Mode], bool]] = {
    "an agent chosen at the answer is called before the customer": lambda m: m.binding is Binding.ON_ANSWER and m.first_leg is FirstLeg.AGENT,
    "an agent chosen at the answer has the record before it": lambda m: (m.binding is Binding.ON_ANSWER) is not (m.opens_in is Phase.CONNECTING),
    "work is delivered at the answer to an agent chosen before, or the other way round": lambda m: (
        (m.binding is Binding.ON_ANSWER) is not (m.delivery is Delivery.ON_ANSWER)
    ),
    "two calls are made for one waiting agent": lambda m: m.binding is Binding.BEFORE_DIAL and m.pacing is not Pacing.ONE,
    "the customer is dialed while the record waits, and nobody says they are there": lambda m: (
        Trigger.SYSTEM in m.triggers
        and m.first_leg is FirstLeg.CUSTOMER
        and m.opens_in in {Phase.PREVIEW, Phase.OFFERED, Phase.RINGING_AGENT}
        and m.agent_confirms is AgentConfirms.NOTHING
    ),
    "an agent asks for a record and is not shown it": lambda m: m.delivery is Delivery.PULL and m.opens_in is not Phase.PREVIEW,
    "an agent asks for a record and must be Ready to be given it": lambda m: m.delivery is Delivery.PULL and m.needs is not Needs.JOINED,
    "the agent's phone rings first and the customer's is the first leg": lambda m: (
        m.opens_in is Phase.RINGING_AGENT and m.first_leg is FirstLeg.CUSTOMER
    ),
    "the agent picks the number of a call that is already made": lambda m: m.number_choice is NumberChoice.AGENT and Trigger.SYSTEM in m.triggers,
    "a time limit without a timer": lambda m: m.on_preview_timeout is not OnPreviewTimeout.NONE and Trigger.TIMER not in m.triggers,
    "somebody is alerted before there is anybody": lambda m: m.alert is Alert.WITH_DIAL and m.binding is Binding.ON_ANSWER,
    "an agent's phone rings, they pick it up, and are alerted": lambda m: m.alert is Alert.WITH_DIAL and m.first_leg is FirstLeg.AGENT,
    "the customer waits for an alert that could have come while their phone rang": lambda m: (
        m.alert is Alert.AT_ANSWER and m.binding is Binding.BEFORE_DIAL
    ),
    "an unanswered call leaves its record on nobody's screen": lambda m: m.after_unreached is AfterUnreached.STAY and m.binding is Binding.ON_ANSWER,
}


def any_mode() -> st.SearchStrategy[Mode]:
    """Every mode we have with any of its fields replaced by any value."""
    changes = {
        "opens_in": st.sampled_from(OPENERS),
        "delivery": st.sampled_from(Delivery),
        "needs": st.sampled_from(Needs),
        "triggers": st.frozensets(st.sampled_from(Trigger), min_size=1),
        "first_leg": st.sampled_from(FirstLeg),
        "binding": st.sampled_from(Binding),
        "pacing": st.sampled_from(Pacing),
        "after_unreached": st.sampled_from(AfterUnreached),
        "on_preview_timeout": st.sampled_from(OnPreviewTimeout),
        "agent_confirms": st.sampled_from(AgentConfirms),
        "alert": st.sampled_from(Alert),
        "number_choice": st.sampled_from(NumberChoice),
    }
    return st.builds(
        lambda mode, changed: replace(mode, **changed),
        st.sampled_from(list(MODES.values())),
        st.fixed_dictionaries({}, optional=changes),
    )


@every_mode
def test_every_mode_we_have_is_possible(mode: Mode) -> None:
    assert impossible(mode) == []
    assert [what for what, holds in CANNOT_WORK.items() if holds(mode)] == []


@given(any_mode())
def test_a_combination_is_refused_exactly_when_nobody_could_work_with_it(mode: Mode) -> None:
    cannot = [what for what, holds in CANNOT_WORK.items() if holds(mode)]
    assert bool(impossible(mode)) is bool(cannot), (impossible(mode), cannot)


@pytest.mark.parametrize(
    ("key", "changes", "because"),
    [
        ("predictive", {"first_leg": FirstLeg.AGENT}, "cannot be called before the customer"),
        ("predictive", {"opens_in": Phase.DIALING}, "opens in the phase connecting"),
        ("predictive", {"delivery": Delivery.PUSH}, "nothing can be delivered before it"),
        ("predictive", {"after_unreached": AfterUnreached.STAY}, "cannot stay on a screen"),
        ("progressive", {"opens_in": Phase.CONNECTING}, "only open in the phase connecting"),
        ("progressive", {"delivery": Delivery.ON_ANSWER}, "needs an agent chosen at the answer"),
        ("progressive", {"pacing": Pacing.RATIO}, "More than one call per agent"),
        ("progressive", {"opens_in": Phase.OFFERED}, "needs a way for the agent to confirm"),
        ("progressive", {"number_choice": NumberChoice.AGENT}, "cannot choose the number"),
        ("agent_first", {"first_leg": FirstLeg.CUSTOMER}, "the agent's leg is the first leg"),
        ("preview", {"opens_in": Phase.OFFERED}, "opens as a preview"),
        ("preview", {"needs": Needs.VOICE}, "asking is enough"),
        ("agent_first", {"alert": Alert.WITH_DIAL}, "not alerted a second time"),
        ("progressive", {"alert": Alert.AT_ANSWER}, "a customer is not kept waiting"),
        ("power", {"alert": Alert.WITH_DIAL}, "nobody can be alerted before it"),
        ("manual", {"on_preview_timeout": OnPreviewTimeout.DIAL}, "needs the timer"),
    ],
)
def test_one_wrong_field_is_refused_with_its_reason(key: str, changes: dict[str, Any], because: str) -> None:
    refusals = impossible(replace(MODES[key], **changes))
    assert len(refusals) == 1
    assert because in refusals[0]
    assert refusals[0].endswith(".")


@every_mode
def test_every_phase_and_failure_of_a_mode_has_an_answer(mode: Mode) -> None:
    edges = failure_edges(mode)
    phases = {phase for phase in Phase if phase is not Phase.CLOSED}
    assert set(edges) == {(phase, failure) for phase in phases for failure in FAILURES}
    assert all(edges.values())


@every_mode
def test_in_every_phase_a_mode_goes_through_the_agent_may_vanish_and_the_time_may_run_out(mode: Mode) -> None:
    edges = failure_edges(mode)
    used = {phase for (phase, _), follows in edges.items() if follows != "cannot happen"}
    assert {mode.opens_in, mode.callback_opens_in, Phase.DIALING, Phase.CONNECTING, Phase.CONNECTED, Phase.WRAP_UP} <= used
    for phase in used:
        assert edges[phase, "agent lost"] != "cannot happen"
        assert edges[phase, "time runs out"] != "cannot happen"


@every_mode
def test_every_mode_says_what_an_answered_customer_hears_when_the_agent_is_gone(mode: Mode) -> None:
    assert "message" in failure_edges(mode)[Phase.CONNECTING, "agent lost"]
    assert "message" in failure_edges(mode)[Phase.CONNECTED, "agent lost"]


def test_what_a_mode_says_of_a_missed_agent_is_what_the_table_shows() -> None:
    for mode in MODES.values():
        if mode.first_leg is FirstLeg.AGENT:
            assert failure_edges(mode)[Phase.RINGING_AGENT, "agent missed"] == mode.on_agent_missed.value
            assert failure_edges(mode)[Phase.RINGING_AGENT, "agent rejects"] == mode.on_reject.value
        elif mode.answers_by_itself:
            assert failure_edges(mode)[Phase.RINGING_AGENT, "agent missed"].startswith("not ready; another agent, else")
        assert failure_edges(mode)[Phase.DIALING, "customer unreached"] == mode.after_unreached.value


@every_mode
def test_a_summary_names_every_field_in_words(mode: Mode) -> None:
    described = describe(mode)
    assert set(described) == {field.name for field in fields(Mode)}
    assert all(described.values())
    assert "frozenset" not in " ".join(described.values())


def test_a_mode_is_known_by_its_key_and_those_that_run_are_among_them() -> None:
    assert all(key == mode.key for key, mode in MODES.items())
    assert set(MODES) >= RUNS
    assert {"agent_first", "progressive"} <= RUNS


def test_the_agents_list_of_campaigns_knows_two_words_for_how_records_come() -> None:
    assert {mode.delivery_mode_label for mode in MODES.values()} == {"Manual", "Automatic"}
    assert all((mode.delivery is Delivery.PULL) is (mode.delivery_mode_label == "Manual") for mode in MODES.values())
