"""What the console says when something cannot be done."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect


class Told:
    def __init__(self, page: Page) -> None:
        self.page = page

    def when(self, button: Locator, sentence: str) -> None:
        """It is said, whole, and can be put away."""
        button.click()
        self.says(sentence)

    def says(self, sentence: str) -> None:
        told = self.page.locator(".toast").filter(has_text=re.compile(f"^{re.escape(sentence)}$"))
        expect(told).to_be_visible()
        this = told.element_handle()  # what is sent again of itself may be refused again
        told.get_by_role("button", name=f"Dismiss: {sentence}").click()
        this.wait_for_element_state("hidden")
