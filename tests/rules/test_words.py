"""What agents read: sentences that can be said in another language than the one they were made in, and a whole catalogue for each language."""

import copy
import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from django.conf import settings
from django.utils.translation import get_language_info

from agents.management.commands import write_words
from dialer_project.lib import words
from dialer_project.lib.sentence import Sentence, heard, say, together, told


def placeholders(text: str) -> set[str]:
    return set(re.findall(r"\{\w+\}|%\(\w+\)s", text))


def entries(language: str) -> dict[str, Any]:
    return {words.key(message): message for message in words.read(words.source(language)) if message.id}


def forms(message: Any) -> list[str]:
    return list(message.string) if isinstance(message.string, tuple | list) else [message.string]


def test_a_sentence_is_its_english_and_remembers_how_it_was_made() -> None:
    sentence = say("{campaign} ends on {at}: {most} characters.", campaign="Spring", at=datetime(2026, 3, 10, 13, tzinfo=UTC), most=10_000)
    assert sentence == "Spring ends on Tuesday 10 March at 13:00: 10,000 characters."
    assert told(sentence) == {
        "text": "{campaign} ends on {at}: {most} characters.",
        "values": {"campaign": "Spring", "at": {"at": "2026-03-10T13:00"}, "most": 10_000},
    }


def test_a_sentence_without_values_is_told_as_itself_and_a_value_is_never_taken_for_a_sentence() -> None:
    assert told(say("Not started yet.")) == "Not started yet."
    assert told(say("Run {campaign} first.", campaign="Not started yet.")) == {
        "text": "Run {campaign} first.",
        "values": {"campaign": "Not started yet."},
    }
    within = say("It is {state}.", state=say("paused"))
    assert told(within) == {"text": "It is {state}.", "values": {"state": {"text": "paused", "values": {}}}}


def test_what_was_kept_is_heard_as_it_was() -> None:
    sentence = together([say("Left alone until {at}.", at="noon"), say("The next number is taken.")])
    again = heard(json.loads(json.dumps(told(sentence))))
    assert again == sentence == "Left alone until noon. The next number is taken."
    assert isinstance(again, Sentence)
    assert told(again) == told(sentence) == told(copy.deepcopy(sentence))


def test_no_sentence_is_put_together_where_no_catalogue_can_find_it() -> None:
    assert write_words.unfindable() == [], "write the sentence as one literal and give it its values: say('… {name} …', name=…)"


@pytest.mark.parametrize("language", write_words.languages())
def test_every_text_is_in_the_catalogue_and_the_catalogue_has_no_other(language: str) -> None:
    said = {words.key(message) for message in write_words.texts() if message.id}
    assert set(entries(language)) == said, "run: make words"


@pytest.mark.parametrize("language", write_words.languages())
def test_every_text_has_its_translation(language: str) -> None:
    empty = [key for key, message in entries(language).items() if not write_words.filled(message) or message.fuzzy]
    name = get_language_info(language)["name_local"]
    assert empty == [], f"write them in {name}, the msgstr of each in {words.source(language).relative_to(settings.BASE_DIR)}"


@pytest.mark.parametrize("language", write_words.languages())
def test_a_translation_has_the_values_of_its_text(language: str) -> None:
    for key, message in entries(language).items():
        wanted = placeholders(key.split("\x04")[-1])
        for form in forms(message):
            assert placeholders(form) == wanted, key


def test_the_console_is_told_each_form_and_which_number_takes_it() -> None:
    spanish = words.catalogue("es")
    assert (spanish["language"], spanish["direction"]) == ("es", "ltr")
    assert spanish["words"]["Not Ready"] == "No listo"
    assert spanish["words"]["command\x04Call"] != spanish["words"]["Call"]
    one, many = spanish["words"]["{count} due"]
    assert (one, many) == ("{count} pendiente", "{count} pendientes")
    assert [spanish["plural"][number] for number in (0, 1, 2, 101)] == ["1", "0", "1", "1"]


def test_english_needs_no_catalogue() -> None:
    assert words.catalogue("en") == {"language": "en", "direction": "ltr", "words": {}, "plural": ""}


# names of sides that are the same whichever way people read; the middle is the middle
_SIDED = re.compile(
    r"(?<![\w-])((?:margin|padding|border)-(?:left|right)(?:-\w+)?|left|right|(?:text-align|float|clear):\s*(?:left|right))(?=\s*[:;}])"
)


def test_the_layout_names_no_left_and_no_right() -> None:
    """So that it turns round by itself for a language written from right to left."""
    sheet = (settings.BASE_DIR / "agents" / "static" / "agents" / "console.css").read_text()
    lines = re.sub(r"/\*.*?\*/", lambda comment: "\n" * comment[0].count("\n"), sheet, flags=re.S).splitlines()
    assert [f"{number}: {line.strip()}" for number, line in enumerate(lines, 1) if _SIDED.search(line)] == []
