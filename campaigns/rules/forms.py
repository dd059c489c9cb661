"""What an agent fills in: fields of a record and the questions of a survey, of one kind. A survey is data: sections with a script to read and
questions, some of which are asked only after certain answers. Whatever is wrong with one is told in sentences with their place.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from dialer_project.lib.sentence import say

KEY = re.compile(r"[a-z][a-z0-9_]{0,39}", re.ASCII)
MOST_QUESTIONS = 200
LONGEST_TEXT = 4000

Value = str | bool
Values = Mapping[str, Any]


class Kind(StrEnum):
    TEXT = "text"
    CHECKBOX = "checkbox"
    DATETIME = "datetime"
    CHOICE = "choice"


@dataclass(frozen=True, slots=True)
class Asked:
    """One thing to fill in. only_if: the question and the answers after which it is asked; None: always."""

    key: str
    label: str
    kind: Kind
    choices: tuple[str, ...] = ()
    required: bool = False
    only_if: tuple[str, tuple[Value, ...]] | None = None


@dataclass(frozen=True, slots=True)
class Section:
    title: str
    text: str
    questions: tuple[Asked, ...]


@dataclass(frozen=True, slots=True)
class Survey:
    sections: tuple[Section, ...]

    @property
    def questions(self) -> tuple[Asked, ...]:
        return tuple(question for section in self.sections for question in section.questions)


def survey_from(form: Any) -> Survey | list[str]:
    """The survey, or everything that is wrong with it, a sentence each with the place and the remedy."""
    wrong: list[str] = []
    sections = form.get("sections") if isinstance(form, dict) else None
    if not isinstance(sections, list):
        return ['A survey is {"sections": [{"title": "…", "text": "…", "questions": […]}]}.']
    known: dict[str, Asked] = {}
    read = []
    for number, section in enumerate(sections, 1):
        where = f"Section {number}"
        if not isinstance(section, dict):
            wrong.append(f"{where} is not an object with a title, a text and questions.")
            continue
        if unknown := set(section) - {"title", "text", "questions"}:
            wrong.append(f"{where} has {_names(unknown)}, which a section does not know. It has title, text and questions.")
        questions = section.get("questions", [])
        if not isinstance(questions, list):
            wrong.append(f"The questions of {where.lower()} are not a list.")
            continue
        asked = []
        for place, question in enumerate(questions, 1):
            found = _question(question, f"{where}, question {place}", known)
            if isinstance(found, Asked):
                asked.append(found)
                known[found.key] = found
            else:
                wrong += found
        read.append(Section(str(section.get("title", "")), str(section.get("text", "")), tuple(asked)))
    if len(known) > MOST_QUESTIONS:
        wrong.append(f"There are {len(known)} questions. Ask at most {MOST_QUESTIONS}.")
    return wrong or Survey(tuple(read))


_QUESTION = frozenset({"key", "label", "kind", "choices", "required", "only_if"})


def _question(said: Any, where: str, before: Mapping[str, Asked]) -> Asked | list[str]:
    if not isinstance(said, dict):
        return [f"{where} is not an object with a key, a label and a kind."]
    wrong = []
    if unknown := set(said) - _QUESTION:
        wrong.append(f"{where} has {_names(unknown)}, which a question does not know. It has {_names(_QUESTION)}.")
    key, label, kind = said.get("key"), said.get("label"), said.get("kind", Kind.TEXT)
    if not isinstance(key, str) or not KEY.fullmatch(key):
        wrong.append(f"{where} needs a key of small letters, digits and underscores that begins with a letter.")
    elif key in before:
        wrong.append(f"{where} has the key {key}, which an earlier question has. Give it another one.")
    if not isinstance(label, str) or not label.strip():
        wrong.append(f"{where} needs a label: what is asked.")
    if not isinstance(kind, str) or kind not in set(Kind):
        wrong.append(f"{where} is of the kind {kind}. Choose {_names(Kind)}.")
    choices = said.get("choices", [])
    if not isinstance(choices, list) or not all(isinstance(choice, str) and choice for choice in choices):
        wrong.append(f"The choices of {where[0].lower()}{where[1:]} are not a list of texts.")
        choices = []
    if kind == Kind.CHOICE and not choices:
        wrong.append(f"{where} is a drop-down list without choices. Add some, or make it a text.")
    only_if = said.get("only_if")
    condition = None
    if only_if is not None:
        condition = _condition(only_if, before)
        if isinstance(condition, str):
            wrong.append(f"{where}: {condition}")
    if wrong:
        return wrong
    assert not isinstance(condition, str)
    return Asked(str(key), str(label), Kind(kind), tuple(choices), bool(said.get("required", False)), condition)


def _condition(said: Any, before: Mapping[str, Asked]) -> tuple[str, tuple[Value, ...]] | str:
    if not isinstance(said, dict) or set(said) != {"question", "is"}:
        return 'write only_if as {"question": "an earlier key", "is": ["the answers"]}.'
    answers = said["is"] if isinstance(said["is"], list) else [said["is"]]
    asked = before.get(str(said["question"]))
    if asked is None:
        return f"only_if names {said['question']}, and no question before it has that key."
    match asked.kind:
        case Kind.CHOICE if strangers := [answer for answer in answers if answer not in asked.choices]:
            return f"only_if waits for {_names(map(str, strangers))}, which {asked.key} does not offer."
        case Kind.CHECKBOX if not all(isinstance(answer, bool) for answer in answers):
            return f"{asked.key} is a check box, so only_if can wait for true or false."
    return asked.key, tuple(answers)


def _names(of: Any) -> str:
    return ", ".join(sorted(of))


def read_out(text: str, names: Mapping[str, str]) -> str:
    """The script with {name} and its like filled in; what nobody knows stays as it is written."""
    return re.sub(r"\{(\w+)\}", lambda found: names.get(found[1]) or found[0], text)


def asked_of(questions: Sequence[Asked], answers: Values) -> Iterator[Asked]:
    """Those that are asked after these answers; an answer to a question that is not asked opens nothing."""
    open_: dict[str, Any] = {}
    for question in questions:
        if question.only_if is not None:
            key, wanted = question.only_if
            if key not in open_ or open_[key] not in wanted:
                continue
        open_[question.key] = answers.get(question.key, False if question.kind is Kind.CHECKBOX else "")
        yield question


def kept(questions: Sequence[Asked], answers: Values) -> dict[str, Value]:
    """The answers worth keeping: of questions that were asked, and of their kind."""
    return {
        question.key: answers[question.key]
        for question in asked_of(questions, answers)
        if question.key in answers and wrong_with(question, answers[question.key]) is None
    }


def problems(questions: Sequence[Asked], answers: Values) -> Iterator[tuple[str, str]]:
    """(key, sentence) of everything that is missing or not of its kind."""
    for question in asked_of(questions, answers):
        value = answers.get(question.key)
        if value in (None, "", False):
            if question.required:
                yield question.key, say("“{question}” is needed.", question=question.label)
        elif sentence := wrong_with(question, value):
            yield question.key, sentence


def wrong_with(question: Asked, value: Any) -> str | None:
    match question.kind:
        case Kind.CHECKBOX:
            return None if isinstance(value, bool) else say("“{question}” is either ticked or not.", question=question.label)
        case _ if not isinstance(value, str):
            return say("“{question}” is a text.", question=question.label)
        case _ if value == "":
            return None
        case Kind.TEXT:
            too_long = say("“{question}” is too long: at most {most} characters.", question=question.label, most=LONGEST_TEXT)
            return None if len(value) <= LONGEST_TEXT else too_long
        case Kind.CHOICE:
            gone = say("“{question}” no longer offers “{answer}”: choose again.", question=question.label, answer=value)
            return None if value in question.choices else gone
        case Kind.DATETIME:
            try:
                datetime.fromisoformat(value)
            except ValueError:
                return say("“{question}” needs a date and a time.", question=question.label)
            return None
