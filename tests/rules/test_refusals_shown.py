"""Whatever an agent can be refused is shown by a test in Chromium, in its own words."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# whose refusals come out in the admin, in the API or on the supervisors' board
NOT_THE_CONSOLE = {"call_back", "call_request", "consent", "control", "supervise"}
# of the modules that serve agents too: what administrators alone are refused
NOT_AN_AGENTS = {
    "Say why the number may be called again: it is kept with the request.",
    "This number is not on the list any more.",
    "This number stands on {register}, which its keeper writes: it goes when a newer version is loaded without it.",
    "Its removal has been asked for already, and waits for a second person.",
    "There is no such request.",
    "This request was {state} already.",
    "You asked for this removal yourself: another person must decide it.",
}
# the server says it to whoever comes past the page
NO_PAGE_CAN = {
    "Choose what kind of number it is.": "the kinds are a list, filled by the server",
    "No contact belongs to this call: there is nobody to write it down for.": "without a contact there is nothing to confirm",
    "Nobody has spoken with this customer yet: ask them where they are, and confirm it then.": "it is offered once they have talked",
    "There is no time zone {zone}. Write it as Europe/Madrid or America/New_York.": "the zones are a list, and the server knows all of them",
    "This contact is no longer there. Look for them again.": "a contact with leads is never deleted",
    "This record has no number that could be listed.": "numbers are never deleted",
    "This agent is not there any more: ask somebody else.": "who was ever free has a history, and is never deleted",
}


def refusals(module: Path) -> Iterator[str]:
    """The sentences that are returned as a refusal, alone or for a field, with their gaps: `{name}`."""
    for node in ast.walk(ast.parse(module.read_text())):
        match node:
            case ast.Call(func=ast.Name(id="Refusal"), args=[sentence, *_]) | ast.Call(func=ast.Name(id="Problem"), args=[_, sentence, *_]):
                match sentence:
                    case ast.Constant(value=str(words)) | ast.Call(func=ast.Name(id="say"), args=[ast.Constant(value=str(words)), *_]):
                        yield words


def modules() -> list[Path]:
    return [
        *sorted(file for file in (ROOT / "campaigns" / "flow").glob("*.py") if file.stem not in NOT_THE_CONSOLE),
        ROOT / "campaigns" / "consumers.py",
        ROOT / "agents" / "desk.py",
        ROOT / "agents" / "sockets.py",
    ]


@cache
def said_in(folder: str) -> str:
    """Every text that the tests of a folder write down."""
    return "\n".join(
        node.value
        for file in sorted((ROOT / "tests" / folder).glob("*.py"))
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def is_said(sentence: str, folder: str) -> bool:
    return all(part in said_in(folder) for part in re.split(r"\{\w+\}", sentence) if len(part) > 3)


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.stem)
def test_what_an_agent_is_refused_is_shown_in_a_browser(module: Path) -> None:
    unshown = [
        sentence
        for sentence in refusals(module)
        if sentence not in NO_PAGE_CAN and not is_said(sentence, "ways_in" if sentence in NOT_AN_AGENTS else "browser")
    ]
    assert unshown == []


def test_what_is_left_out_is_still_said() -> None:
    known = {sentence for module in modules() for sentence in refusals(module)}
    assert known >= NOT_AN_AGENTS
    assert known >= NO_PAGE_CAN.keys()
