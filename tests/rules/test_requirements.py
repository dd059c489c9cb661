"""The table from requirement to test is complete, and names tests that are there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| (R\d+) \| .+ \| `(tests/\S+\.py)::(test_\w+)` \|$")


def rows() -> list[re.Match[str]]:
    table = [line for line in (ROOT / "docs" / "requirements.md").read_text().splitlines() if line.startswith("| R")]
    found = [ROW.match(line) for line in table]
    assert all(found), [line for line, match in zip(table, found, strict=True) if match is None]
    return [match for match in found if match]


def test_every_requirement_of_the_agents_side_has_its_line() -> None:
    assert [row[1] for row in rows()] == [f"R{number}" for number in range(38, 119)]


def test_every_line_names_a_test_that_is_there() -> None:
    gone = [row[1] for row in rows() if f"\ndef {row[3]}(" not in (ROOT / row[2]).read_text()]
    assert gone == []
