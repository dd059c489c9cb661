"""What is said over the websocket has one definition; everything written from it is fresh."""

import json
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from django.conf import settings
from pydantic import ValidationError

from agents import console, messages
from agents.management.commands.write_messages import written
from agents.rules.lifecycle import Phase

FRONTEND = settings.BASE_DIR / "agents" / "frontend"
AT = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize("path", list(written()), ids=lambda path: path.name)
def test_what_is_written_from_the_messages_is_fresh(path: Path) -> None:
    assert path.read_text() == written()[path], "run manage.py write_messages"


def test_every_reference_in_the_asyncapi_document_leads_somewhere() -> None:
    document = json.loads((settings.BASE_DIR / "docs" / "asyncapi.json").read_text())

    def references(part: object) -> list[str]:
        match part:
            case dict():
                return [part["$ref"]] if "$ref" in part else [ref for value in part.values() for ref in references(value)]
            case list():
                return [ref for value in part for ref in references(value)]
            case _:
                return []

    found = references(document)
    assert found
    for reference in found:
        place = document
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]


def test_a_screen_is_told_in_words_that_its_own_types_understand() -> None:
    work = console.Work(
        id=uuid4(),
        phase=Phase.CONNECTED,
        phase_since=AT,
        deadline=None,
        origin="campaign",
        card={"campaign": "Spring", "name": "Maria", "number": "+12125550188", "attempt": 2},
        outcome="",
        note="",
        draft={"callback": None},
        disposition_id=None,
        talked=True,
        held=False,
        muted=False,
        campaign_id=1,
        lead_id=1,
    )
    screen = console.Screen(
        agent_id=1,
        version=7,
        connection_epoch=1,
        signed_in=True,
        voice_ready=True,
        preview_ready=True,
        reason=None,
        pending_reason="lunch",
        changed_at=AT,
        station_id=3,
        leg_state="up",
        interaction=work,
    )
    state = messages.server_message.validate_json(console.state(screen, now=AT))
    assert isinstance(state, messages.State)
    assert (state.version, state.session.doing, state.session.pending_reason) == (7, "on_call", "lunch")
    assert state.interaction is not None
    assert state.interaction.card.number == "+1 212-555-0188"
    assert state.interaction.card.model_dump()["attempt"] == 2


@pytest.mark.parametrize(
    "text",
    [
        '{"type": "finish", "id": "nonsense", "interaction": "nonsense", "note": ""}',
        '{"type": "take_break", "id": "0191f0a4-0000-7000-8000-000000000000"}',
        '{"type": "state"}',
        '{"type": "ping", "version": 1, "more": true}',
        "[]",
    ],
)
def test_what_is_no_command_is_not_taken_for_one(text: str) -> None:
    with pytest.raises(ValidationError):
        messages.client_command.validate_json(text)


def test_the_front_ends_lock_names_no_host_of_a_registry() -> None:
    lock = json.loads((FRONTEND / "package-lock.json").read_text())
    assert not [name for name, package in lock["packages"].items() if "resolved" in package]
    assert not [name for name, package in lock["packages"].items() if package.get("hasInstallScript")]
    assert not [name for name, package in lock["packages"].items() if name and "integrity" not in package]
