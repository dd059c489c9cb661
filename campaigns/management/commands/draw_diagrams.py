from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from agents.rules.lifecycle import INTERACTION, Phase
from campaigns.rules.lifecycle import (
    ATTEMPT,
    CALLBACK,
    CAMPAIGN,
    LEAD,
    PARTICIPATION,
    SHOWN_AS,
    SUPERVISION,
    THIRD,
    AttemptState,
    CallbackState,
    CampaignState,
    LeadState,
    ParticipationState,
    SupervisionState,
    ThirdState,
)
from campaigns.rules.modes import MODES, RUNS, describe, failure_edges
from dialer_project.lib.lifecycle import mermaid
from telephony.rules.lifecycle import CALL, RECORDING, CallState, RecordingState

DRAWN = "Drawn from the tables in the code by `make diagrams`; a test fails when it is old."


def lifecycles() -> str:
    """docs/lifecycles.md"""
    shown = ", ".join(f"{state} as {word}" for state, word in SHOWN_AS.items())
    parts = [
        (
            "Lead",
            "A contact's place in one campaign: it waits for a time, is busy with an agent or a call, or is finished; every refusal moves it.",
            mermaid(LEAD, start=LeadState.WAITING),
        ),
        (
            "Attempt",
            "One try to reach one number: open as long as its customer's leg lives, then concluded with an outcome that never changes.",
            mermaid(ATTEMPT, start=AttemptState.OPEN),
        ),
        (
            "Call",
            "One leg, to a customer, an agent, a third party or a supervisor: it only moves forward, but for an originate whose fate was unclear.",
            mermaid(CALL, start=CallState.PLANNED),
        ),
        (
            "Recording",
            "What was said in one conversation: made at the node, fetched from there, deleted when its time is over.",
            mermaid(RECORDING, start=RecordingState.WANTED),
        ),
        (
            "Interaction",
            "An agent's one open piece of work, from offer or preview to the end of wrap-up, with a deadline in each phase that waits.",
            mermaid(INTERACTION, start=Phase.OFFERED),
        ),
        (
            "Third party",
            "Somebody an agent brings into a conversation: consulted aside, joined by all, or given the customer.",
            mermaid(THIRD, start=ThirdState.CALLING),
        ),
        (
            "Supervision",
            "A supervisor at a conversation: their phone is called, they hear, they are gone.",
            mermaid(SUPERVISION, start=SupervisionState.CALLING),
        ),
        (
            "Campaign",
            f"Approved and started by a person, completed by the system, and never restarted once stopped. Shown to people: {shown}.",
            mermaid(CAMPAIGN, start=CampaignState.UNAPPROVED),
        ),
        (
            "Participation",
            "An agent's part in one campaign: assigned by an administrator, joined and stopped by the agent or the mode.",
            mermaid(PARTICIPATION, start=ParticipationState.OFF),
        ),
        (
            "Callback",
            "A call the customer was promised: kept by the conversation it led to, cancelled by what somebody said or did, expired where nobody could keep it; never lost.",
            mermaid(CALLBACK, start=CallbackState.OPEN),
        ),
    ]
    sections = [f"## {title}\n\n{sentence}\n\n```mermaid\n{diagram}\n```\n" for title, sentence, diagram in parts]
    return "\n".join(["# Lifecycles\n", f"{DRAWN}\n", *sections])


def modes() -> str:
    """docs/modes.md"""
    fields = list(describe(next(iter(MODES.values()))))
    described = {key: describe(mode) for key, mode in MODES.items()}
    sections = [
        "# Dialing modes\n",
        f"{DRAWN}\n",
        "A mode is a row of policy fields (`campaigns/rules/modes.py`): the flow reads the fields and never asks which mode it is.\n",
        f"Built from end to end so far: {', '.join(MODES[key].label for key in MODES if key in RUNS)}; the others cannot be started yet.\n",
        "## Fields\n",
        _table(["field", *MODES], [[field, *(described[key][field].replace("_", " ") for key in MODES)] for field in fields if field != "key"]),
        "## What follows when a step fails\n",
        "Phases across, failures down. A dash: it cannot happen in this mode.\n",
        "Where the customer is called first, the ringing agent is the one who is alerted, in campaigns whose calls are not answered automatically.\n",
    ]
    for key, mode in MODES.items():
        edges = failure_edges(mode)
        phases = list(dict.fromkeys(phase for phase, _ in edges))
        failures = list(dict.fromkeys(failure for _, failure in edges))
        seen = [phase for phase in phases if any(_cell(edges, phase, failure) != "-" for failure in failures)]
        rows = [[failure, *(_cell(edges, phase, failure) for phase in seen)] for failure in failures]
        sections += [f"### {mode.label} (`{key}`)\n", _table(["", *(phase.replace("_", " ") for phase in seen)], rows)]
    return "\n".join(sections)


def _cell(edges: Mapping[tuple[Phase, str], str], phase: Phase, failure: str) -> str:
    follows = edges[phase, failure]
    return "-" if follows == "cannot happen" else follows.replace("_", " ")


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


DOCS: dict[str, Callable[[], str]] = {"lifecycles.md": lifecycles, "modes.md": modes}


def docs() -> Path:
    return Path(settings.BASE_DIR) / "docs"


def stale() -> list[Path]:
    """The pages that no longer show what the tables say."""
    pages = {docs() / name: draw() for name, draw in DOCS.items()}
    return [page for page, drawn in pages.items() if not page.exists() or page.read_text() != drawn]


class Command(BaseCommand):
    help = "Draws docs/lifecycles.md and docs/modes.md from the tables in the code."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="write nothing; end with 1 when a page is old")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["check"]:
            for page in (old := stale()):
                self.stdout.write(f"{page} is old: run make diagrams")
            if old:
                raise SystemExit(1)
            return
        docs().mkdir(exist_ok=True)
        for page in stale():
            page.write_text(DOCS[page.name]())
            self.stdout.write(f"{page} was drawn")
