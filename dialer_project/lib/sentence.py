"""Sentences a person reads, made in one process and said in another, in a language only the last one knows.

    Refusal(say("{campaign} is paused: records come again when it goes on.", campaign=campaign.name))

A Sentence is English text like any other, and remembers how it was made. Where it is kept or sent, `told` gives the template and the values;
the console fills them in again in its agent's language. Names and numbers are values, never parts of the template, and the template is a
literal, so that `manage.py write_words` finds it.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

Value = str | int | float | datetime
_PLACE = re.compile(r"\{(\w+)\}")


class Sentence(str):
    """English, filled in. template: with {name} where a value goes; values: what goes there, which may be sentences themselves."""

    __slots__ = ("template", "values")

    template: str
    values: Mapping[str, Value]

    def __new__(cls, template: str, values: Mapping[str, Value]) -> "Sentence":
        made = super().__new__(cls, _PLACE.sub(lambda found: _english(values[found[1]]), template) if values else template)
        made.template, made.values = template, values
        return made

    def __getnewargs__(self) -> tuple[Any, ...]:
        return self.template, self.values


def say(template: str, /, **values: Value) -> Sentence:
    """A value that is a moment is said as a wall clock, in the zone it has."""
    return Sentence(template, values)


def together(sentences: Iterable[str]) -> Sentence:
    """One after the other."""
    match list(sentences):
        case [Sentence() as one]:
            return one
        case several:
            values: dict[str, Value] = {f"s{number}": sentence for number, sentence in enumerate(several)}
            return Sentence(" ".join(f"{{{name}}}" for name in values), values)


def told(sentence: str) -> str | dict[str, Any]:
    """As JSON has it: a text without values is itself."""
    if not isinstance(sentence, Sentence):
        return sentence
    return _whole(sentence) if sentence.values else sentence.template


def heard(sentence: str | Mapping[str, Any]) -> str:
    """What `told` gave, as it was."""
    if isinstance(sentence, str):
        return sentence
    return Sentence(sentence["text"], {name: _heard(value) for name, value in sentence["values"].items()})


def _heard(value: Any) -> Value:
    match value:
        case {"at": at}:
            return datetime.fromisoformat(at)
        case {"text": _}:
            return heard(value)
        case _:
            return value  # type: ignore[no-any-return]  # JSON of our own


def _whole(sentence: Sentence) -> dict[str, Any]:
    return {"text": sentence.template, "values": {name: _value(value) for name, value in sentence.values.items()}}


def _value(value: Value) -> object:
    match value:
        case datetime():
            return {"at": f"{value:%Y-%m-%dT%H:%M}"}
        case Sentence():  # whole, so that it cannot be taken for a name
            return _whole(value)
        case _:
            return value


def _english(value: Value) -> str:
    match value:
        case datetime():
            return f"{value:%A %d %B at %H:%M}"
        case str():
            return value
        case _:
            return f"{value:,}"
