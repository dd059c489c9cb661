"""The lifecycles as tables: whatever order events come in, a life only goes where its table says."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.rules.lifecycle import INTERACTION, ON_A_CALL, OPEN, Doing, Phase, PhaseMove, doing
from campaigns.management.commands import draw_diagrams
from campaigns.rules.lifecycle import (
    ATTEMPT,
    CAMPAIGN,
    LEAD,
    PARTICIPATION,
    SHOWN_AS,
    SUPERVISION,
    THIRD,
    AttemptState,
    CampaignMove,
    CampaignState,
    LeadMove,
    LeadState,
    ParticipationState,
    SupervisionState,
    ThirdState,
)
from dialer_project.lib.lifecycle import IllegalMove, after, is_final, mermaid, move, reachable, states_before
from telephony.rules.lifecycle import CALL, LIVE, RECORDING, UP, CallMove, CallState, RecordingState

TABLES: dict[str, tuple[Any, StrEnum]] = {
    "call": (CALL, CallState.PLANNED),
    "recording": (RECORDING, RecordingState.WANTED),
    "interaction": (INTERACTION, Phase.OFFERED),
    "supervision": (SUPERVISION, SupervisionState.CALLING),
    "third": (THIRD, ThirdState.CALLING),
    "lead": (LEAD, LeadState.WAITING),
    "attempt": (ATTEMPT, AttemptState.OPEN),
    "campaign": (CAMPAIGN, CampaignState.UNAPPROVED),
    "participation": (PARTICIPATION, ParticipationState.OFF),
}
every_table = pytest.mark.parametrize(("table", "start"), TABLES.values(), ids=TABLES)


@every_table
def test_every_state_has_its_row_and_can_be_reached(table: Any, start: StrEnum) -> None:
    assert set(table) == set(type(start))
    assert reachable(table, start) | {start} == set(table)


@every_table
def test_a_drawing_shows_every_move_of_its_table(table: Any, start: StrEnum) -> None:
    drawn = mermaid(table, start=start)
    assert f"[*] --> {start}\n" in drawn
    for state, moves in table.items():
        for event, nxt in moves.items():
            line = next(line for line in drawn.splitlines() if line.startswith(f"    {state} --> {nxt}: "))
            assert event.replace("_", " ") in line.split(": ")[1].split(", ")
        assert (f"    {state} --> [*]" in drawn) is is_final(table, state)


def test_the_drawings_in_the_docs_show_the_tables_of_today() -> None:
    assert [page.name for page in draw_diagrams.stale()] == []


def test_a_page_that_was_changed_by_hand_counts_as_old(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draw_diagrams, "docs", lambda: tmp_path)
    draw_diagrams.Command().handle(check=False)
    assert draw_diagrams.stale() == []
    (tmp_path / "modes.md").write_text("by hand")
    assert [page.name for page in draw_diagrams.stale()] == ["modes.md"]
    with pytest.raises(SystemExit):
        draw_diagrams.Command().handle(check=True)


@given(st.lists(st.sampled_from(list(CallMove)), max_size=30))
def test_a_call_that_has_ended_never_lives_again_whatever_the_carrier_says(events: list[CallMove]) -> None:
    state, ended = CallState.PLANNED, False
    for event in events:
        try:
            state = move(CALL, state, event)
        except IllegalMove:
            continue
        assert not ended
        ended = state is CallState.ENDED


def test_every_live_call_can_end_and_only_an_unclear_originate_is_looked_at_twice() -> None:
    assert states_before(CALL, CallMove.ENDED) == LIVE
    assert {state for state in CallState if state in reachable(CALL, state)} == {CallState.DIALING, CallState.UNRESOLVED}


def test_a_customer_who_is_up_can_no_longer_ring() -> None:
    for state in UP:
        assert not reachable(CALL, state) & {CallState.DIALING, CallState.RINGING, CallState.PLANNED, CallState.UNRESOLVED}


@pytest.mark.parametrize("ended", [CampaignState.STOPPED, CampaignState.COMPLETED])
def test_a_campaign_that_has_ended_is_never_restarted(ended: CampaignState) -> None:
    assert reachable(CAMPAIGN, ended) == frozenset()
    for event in CampaignMove:
        with pytest.raises(IllegalMove):
            move(CAMPAIGN, ended, event)


def test_a_campaign_runs_only_after_somebody_approved_it() -> None:
    without_approval = {state: {e: s for e, s in moves.items() if e is not CampaignMove.APPROVE} for state, moves in CAMPAIGN.items()}
    assert CampaignState.RUNNING not in reachable(without_approval, CampaignState.UNAPPROVED)


def test_people_see_five_words_for_the_state_of_a_campaign() -> None:
    assert set(SHOWN_AS) == set(CampaignState)
    assert set(SHOWN_AS.values()) == {"Draft", "Active", "Paused", "Stopped", "Completed"}


def test_only_a_waiting_lead_can_be_claimed() -> None:
    assert states_before(LEAD, LeadMove.CLAIM) == (LeadState.WAITING,)
    assert after(LEAD, LeadMove.CLAIM) is LeadState.BUSY


def test_a_concluded_attempt_stays_so() -> None:
    assert is_final(ATTEMPT, AttemptState.CONCLUDED)


def test_a_conversation_ends_in_wrap_up_unless_it_is_with_a_machine() -> None:
    assert dict(INTERACTION[Phase.CONNECTED]) == {PhaseMove.WRAP_UP: Phase.WRAP_UP, PhaseMove.LET_GO: Phase.CLOSED}


def test_whatever_an_agent_has_in_hand_can_be_closed() -> None:
    for phase in OPEN:
        assert Phase.CLOSED in reachable(INTERACTION, phase)
    assert is_final(INTERACTION, Phase.CLOSED)


def test_nobody_talks_to_a_customer_who_was_not_dialed() -> None:
    assert states_before(INTERACTION, PhaseMove.CONNECT) == (Phase.CONNECTING,)
    assert states_before(INTERACTION, PhaseMove.MATCH) == (Phase.DIALING,)
    assert set(ON_A_CALL) < set(OPEN)


def test_the_work_in_hand_says_what_an_agent_is_doing_before_the_switch_does() -> None:
    for phase in OPEN:
        assert doing(signed_in=True, ready=True, phase=phase) == doing(signed_in=True, ready=False, phase=phase)
        assert doing(signed_in=True, ready=True, phase=phase) not in {Doing.READY, Doing.NOT_READY, Doing.SIGNED_OUT}


@pytest.mark.parametrize("phase", [None, Phase.CLOSED])
def test_an_agent_with_nothing_in_hand_is_what_the_switch_says(phase: Phase | None) -> None:
    assert doing(signed_in=False, ready=True, phase=phase) is Doing.SIGNED_OUT
    assert doing(signed_in=True, ready=True, phase=phase) is Doing.READY
    assert doing(signed_in=True, ready=False, phase=phase) is Doing.NOT_READY


def test_an_event_that_leads_to_two_states_has_no_one_state_after_it() -> None:
    with pytest.raises(IllegalMove, match="not to one state"):
        after({"a": {"go": "b"}, "b": {"go": "a"}}, "go")  # type: ignore[type-var]  # plain strings are enough here
