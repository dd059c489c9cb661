"""The pictures in the documentation: each is shown, and each that is shown is there."""

import re

from django.conf import settings

PAGES = [settings.BASE_DIR / "README.md", *(settings.BASE_DIR / "docs").glob("*.md")]
SHOWN = re.compile(r"!\[([^\]]+)\]\(([^)]+\.png)\)")


def test_every_picture_is_shown_with_its_words_and_every_one_shown_is_there() -> None:
    shown = {(page.parent / path).resolve() for page in PAGES for _, path in SHOWN.findall(page.read_text())}
    assert shown == {path.resolve() for path in (settings.BASE_DIR / "docs").rglob("*.png")}


def test_they_are_small() -> None:
    assert sum(path.stat().st_size for path in (settings.BASE_DIR / "docs").rglob("*.png")) < 3_000_000
