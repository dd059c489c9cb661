"""What makes a campaign looser, and what makes it stricter."""

from typing import Any

import pytest

from campaigns.rules.loosening import LOOSENED, loosened, why_waits

APPROVED: dict[str, Any] = {
    "rule_packs": ["Ours v1", "US federal v1"],
    "closed_days": {"US": ["2026-07-04", "2026-12-25"]},
    "call_purpose": "sales",
    "mode_key": "progressive",
    "week": {"mon": [["09:00", "17:00"]]},
    "starts_at": "2026-03-10T09:00:00+00:00",
    "ends_at": "2026-06-01T00:00:00+00:00",
    "max_attempts": 6,
    "no_callback_days": 30,
    "caller_id": 1,
    "other_caller_ids": ["+34910000001"],
    "message": 1,
    "validation_service": 1,
    "require_approval": True,
    "description": "Spring",
}
LOOSER: tuple[tuple[str, Any], ...] = (
    ("rule_packs", ["Ours v1"]),
    ("rule_packs", ["Ours v2", "US federal v1"]),
    ("closed_days", {"US": ["2026-12-25"]}),
    ("closed_days", {}),
    ("call_purpose", "survey"),
    ("mode_key", "power"),
    ("week", None),
    ("week", {"mon": [["09:00", "17:01"]]}),
    ("week", {"mon": [["09:00", "17:00"]], "sun": [["10:00", "11:00"]]}),
    ("starts_at", None),
    ("starts_at", "2026-03-10T09:59:00+01:00"),
    ("ends_at", None),
    ("ends_at", "2026-06-01T00:00:01+00:00"),
    ("max_attempts", 7),
    ("no_callback_days", 29),
    ("caller_id", 2),
    ("caller_id", None),
    ("other_caller_ids", ["+34910000001", "+34910000002"]),
    ("message", 2),
    ("validation_service", None),
    ("validation_service", 2),
    ("require_approval", False),
)
STRICTER: tuple[tuple[str, Any], ...] = (
    ("rule_packs", ["Ours v1", "Strict default v1", "US federal v1"]),
    ("closed_days", {"GB": ["2026-12-25"], "US": ["2026-05-25", "2026-07-04", "2026-12-25"]}),
    ("week", {"mon": [["09:00", "12:00"], ["13:00", "17:00"]]}),
    ("starts_at", "2026-03-10T11:00:00+01:00"),
    ("ends_at", "2026-05-01T00:00:00+00:00"),
    ("max_attempts", 3),
    ("no_callback_days", 60),
    ("other_caller_ids", []),
    ("description", "Summer"),
)


@pytest.mark.parametrize(("name", "value"), LOOSER)
def test_what_is_looser_is_named(name: str, value: Any) -> None:
    assert loosened(APPROVED, {**APPROVED, name: value}) == (name,)
    assert LOOSENED[name] in why_waits((name,))


@pytest.mark.parametrize(("name", "value"), STRICTER)
def test_what_is_stricter_or_of_no_matter_is_not(name: str, value: Any) -> None:
    assert loosened(APPROVED, {**APPROVED, name: value}) == ()


def test_there_is_a_case_of_everything_that_can_be_looser() -> None:
    assert {name for name, _ in LOOSER} == set(LOOSENED)


def test_a_campaign_that_had_none_of_it_can_only_become_stricter() -> None:
    bare = {**APPROVED, "rule_packs": [], "closed_days": {}, "week": None, "starts_at": None, "ends_at": None, "validation_service": None}
    bare |= {"require_approval": False}
    assert loosened(bare, APPROVED) == ()


def test_several_are_told_in_one_sentence() -> None:
    assert why_waits(loosened(APPROVED, {**APPROVED, "week": None, "rule_packs": []})) == (
        "It was changed (a rule pack taken away, longer calling hours), which another person must approve: until then nothing is dialed, unless the "
        "change is undone."
    )
