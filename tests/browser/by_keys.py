"""Somebody who has no mouse: goes from place to place by Tab, always sees where they are, and is never put back to the top of the page."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from tests.browser.served import eventually

# more places than any screen has
PLACES = 80

# what has the focus, as far as anybody can see: what is drawn around it, or around the option it belongs to
_WHERE = """() => {
  const at = document.activeElement;
  if (!at || at === document.body || at === document.documentElement) return 'nowhere';
  const drawn = [at, at.closest('.option')].some((one) => {
    if (!one) return false;
    const { outlineStyle, outlineWidth } = getComputedStyle(one);
    return outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2;
  });
  const name = at.getAttribute('aria-label') || at.id || at.textContent.trim().slice(0, 40);
  return drawn ? '' : `unseen at <${at.tagName.toLowerCase()}> ${name}`;
}"""


class ByKeys:
    def __init__(self, page: Page) -> None:
        self.page = page

    def presses(self, key: str) -> None:
        self.page.keyboard.press(key)

    def types(self, text: str) -> None:
        self.page.keyboard.type(text)

    def is_at(self, place: Locator) -> None:
        """The focus is there, and is seen to be."""
        expect(place).to_be_focused()
        self.sees_where_they_are()

    def sees_where_they_are(self) -> None:
        """After whatever changed: the focus is somewhere, and is seen. A change may take a moment, as a page's own does."""
        seen: list[str] = []

        def is_seen() -> bool:
            seen.append(self.page.evaluate(_WHERE))
            return seen[-1] == ""

        try:
            eventually(is_seen, within=3)
        except AssertionError:
            raise AssertionError(f"the focus is {seen[-1]}") from None

    def goes_to(self, place: Locator, *, back: bool = False) -> None:
        """By Tab alone."""
        expect(place).to_be_enabled()
        for _ in range(PLACES):
            if place.evaluate("(one) => one === document.activeElement"):
                self.sees_where_they_are()
                return
            self.page.keyboard.press("Shift+Tab" if back else "Tab")
        raise AssertionError(f"no way there by Tab: {place}")

    def uses(self, place: Locator, key: str = "Enter", *, back: bool = False) -> None:
        """Goes there and presses it."""
        self.goes_to(place, back=back)
        self.page.keyboard.press(key)
        self.sees_where_they_are()

    def ends_the_last_call(self) -> None:
        """Hangs up, chooses the first disposition, and is Not Ready when all is done."""
        self.presses("Alt+H")
        self.hears("Call ended")
        self.presses("Alt+D")
        self.presses("1")
        self.presses("Alt+Enter")
        expect(self.page.get_by_role("heading", name=re.compile("Not Ready"))).to_be_visible()

    def hears(self, words: str) -> None:
        """What a screen reader says by itself."""
        expect(self.page.locator("p.sr-only[role=status]").filter(has_text=words).first).to_be_attached()
