"""Wilson's interval against figures worked out elsewhere, and its ends."""

import pytest

from campaigns.rules.verdicts import Measured, wilson


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    [(0, 10, 0.0, 0.2775), (1, 10, 0.0179, 0.4042), (5, 10, 0.2366, 0.7634), (10, 10, 0.7225, 1.0), (3, 150, 0.0068, 0.0572), (0, 0, 0.0, 1.0)],
)
def test_the_interval_is_wilsons(hits: int, of: int, low: float, high: float) -> None:
    assert wilson(hits, of) == pytest.approx((low, high), abs=0.0001)


def test_a_measured_share_lies_in_its_interval_and_more_looking_narrows_it() -> None:
    few, many = Measured(2, 20), Measured(200, 2000)
    for measured in (few, many):
        assert measured.between[0] < measured.share < measured.between[1]
    assert many.between[1] - many.between[0] < (few.between[1] - few.between[0]) / 5
    assert Measured(0, 0).share == 0.0
