"""Fields and surveys: what is asked, what is wrong with an answer, and what is wrong with a survey."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.rules.forms import Asked, Kind, Survey, asked_of, kept, problems, survey_from, wrong_with

FORM: dict[str, Any] = {
    "sections": [
        {
            "title": "Renewal",
            "text": "Hello {name}, this is about your plan.",
            "questions": [
                {"key": "renews", "label": "Do you renew?", "kind": "choice", "choices": ["yes", "no"], "required": True},
                {"key": "why_not", "label": "Why not?", "required": True, "only_if": {"question": "renews", "is": "no"}},
                {"key": "price", "label": "Too dear?", "kind": "checkbox", "only_if": {"question": "renews", "is": ["no"]}},
                {"key": "from", "label": "From when?", "kind": "datetime", "only_if": {"question": "renews", "is": "yes"}},
                {"key": "offer", "label": "Which price would do?", "only_if": {"question": "price", "is": True}},
            ],
        }
    ]
}


@pytest.fixture
def survey() -> Survey:
    read = survey_from(FORM)
    assert isinstance(read, Survey)
    return read


def keys(survey: Survey, **answers: Any) -> list[str]:
    return [question.key for question in asked_of(survey.questions, answers)]


def test_questions_follow_the_answers(survey: Survey) -> None:
    assert keys(survey) == ["renews"]
    assert keys(survey, renews="yes") == ["renews", "from"]
    assert keys(survey, renews="no") == ["renews", "why_not", "price"]
    assert keys(survey, renews="no", price=True) == ["renews", "why_not", "price", "offer"]
    assert keys(survey, renews="yes", price=True) == ["renews", "from"], "an answer to what is no longer asked opens nothing"


def test_only_what_is_asked_can_be_missing(survey: Survey) -> None:
    assert list(problems(survey.questions, {})) == [("renews", "“Do you renew?” is needed.")]
    assert list(problems(survey.questions, {"renews": "no"})) == [("why_not", "“Why not?” is needed.")]
    assert list(problems(survey.questions, {"renews": "yes"})) == []


def test_what_is_kept_was_asked_and_is_of_its_kind(survey: Survey) -> None:
    answers = {"renews": "yes", "why_not": "dear", "from": "2026-04-01T09:00", "stranger": "x"}
    assert kept(survey.questions, answers) == {"renews": "yes", "from": "2026-04-01T09:00"}
    assert kept(survey.questions, {"renews": "perhaps"}) == {}


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        (Kind.TEXT, "x" * 4001, "too long"),
        (Kind.TEXT, True, "is a text"),
        (Kind.CHECKBOX, "yes", "ticked or not"),
        (Kind.DATETIME, "tomorrow", "needs a date"),
        (Kind.CHOICE, "c", "no longer offers"),
    ],
)
def test_an_answer_of_the_wrong_kind_says_so(kind: Kind, value: Any, said: str) -> None:
    assert said in (wrong_with(Asked("k", "Label", kind, ("a", "b")), value) or "")


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("text", "is not an object"),
        ({"key": "Renews", "label": "x"}, "needs a key of small letters"),
        ({"key": "first", "label": "x"}, "which an earlier question has"),
        ({"key": "a", "label": " "}, "needs a label"),
        ({"key": "a", "label": "x", "kind": "slider"}, "Choose checkbox, choice, datetime, text"),
        ({"key": "a", "label": "x", "kind": "choice"}, "without choices"),
        ({"key": "a", "label": "x", "choices": [1]}, "not a list of texts"),
        ({"key": "a", "label": "x", "colour": "red"}, "colour, which a question does not know"),
        ({"key": "a", "label": "x", "only_if": "first"}, "write only_if as"),
        ({"key": "a", "label": "x", "only_if": {"question": "later", "is": "y"}}, "no question before it has that key"),
        ({"key": "a", "label": "x", "only_if": {"question": "first", "is": "maybe"}}, "which first does not offer"),
    ],
)
def test_a_survey_that_cannot_work_says_where_and_why(question: Any, said: str) -> None:
    first = {"key": "first", "label": "First?", "kind": "choice", "choices": ["yes", "no"]}
    wrong = survey_from({"sections": [{"title": "One", "questions": [first, question]}]})
    assert isinstance(wrong, list)
    assert len(wrong) == 1
    assert wrong[0].startswith("Section 1, question 2") or "section 1, question 2" in wrong[0]
    assert said in wrong[0]


@pytest.mark.parametrize("form", [None, [], {}, {"sections": {}}, {"sections": ["x"]}, {"sections": [{"questions": 1}]}, {"sections": [{"x": 1}]}])
def test_what_is_no_survey_is_told_in_a_sentence(form: Any) -> None:
    assert isinstance(survey_from(form), list)


json = st.recursive(
    st.none() | st.booleans() | st.text(max_size=5), lambda of: st.lists(of, max_size=3) | st.dictionaries(st.text(max_size=5), of, max_size=3)
)


@given(json)
def test_whatever_is_written_there_is_read_or_refused_and_never_fails(form: Any) -> None:
    survey_from(form)
    survey_from({"sections": [{"questions": [form, {"key": "a", "label": "b", "only_if": form}]}]})
