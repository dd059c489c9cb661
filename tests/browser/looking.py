"""What a person sees and does at a page, beside clicking."""

from __future__ import annotations

import os
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser.served import eventually


def no_axe_violations(page: Page) -> None:
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))


def chooses(page: Page, disposition: str) -> None:
    """As a person does, who clicks again when the page moved under the pointer: the call's end moves it."""
    radio = page.get_by_label(disposition)

    def chosen() -> bool:
        if not radio.is_checked():
            radio.click(force=True)
        return radio.is_checked()

    eventually(chosen)


def picture(page: Page, name: str) -> None:
    """Keeps what the page looks like now where the folder is named: SCREENS=docs/screens make test ARGS=tests/browser"""
    if folder := os.environ.get("SCREENS"):
        width = page.evaluate("innerWidth")
        page.set_viewport_size({"width": width, "height": page.evaluate("document.documentElement.scrollHeight")})
        page.screenshot(path=Path(folder) / f"{name}.png")
