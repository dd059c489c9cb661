"""What a person sees and does at a page, beside clicking."""

from __future__ import annotations

import os
from pathlib import Path

from axe_playwright_python.base import AXE_SCRIPT, AxeResults
from playwright.sync_api import Page, ViewportSize

from tests.browser.served import eventually

# what is on its way to another place or colour is there
_ARRIVED = """() => document.getAnimations().forEach((one) => one.effect.getComputedTiming().endTime !== Infinity && one.finish())"""


def no_axe_violations(page: Page) -> None:
    page.evaluate(_ARRIVED)
    if page.evaluate("typeof axe") == "undefined":  # half a megabyte, once for each loading of a page
        page.evaluate(AXE_SCRIPT)
    found = AxeResults(page.evaluate("axe.run({ resultTypes: ['violations'] }).then(({ violations }) => ({ violations }))"))
    assert found.violations_count == 0, found.generate_report()


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))


def chooses(page: Page, disposition: str) -> None:
    """As a person does, who clicks again when the page moved under the pointer."""
    radio = page.get_by_label(disposition)

    def chosen() -> bool:
        if not radio.is_checked():
            radio.click(force=True)
        return radio.is_checked()

    eventually(chosen)


def picture(page: Page, name: str) -> None:
    """Keeps what the page looks like now where the folder is named: SCREENS=docs/screens make test ARGS=tests/browser"""
    if folder := os.environ.get("SCREENS"):
        width, height = page.evaluate("[innerWidth, innerHeight]")
        page.set_viewport_size({"width": width, "height": max(height, page.evaluate("document.documentElement.scrollHeight"))})
        page.screenshot(path=Path(folder) / f"{name}.png")
        page.set_viewport_size({"width": width, "height": height})


# what is designed for; that twice as large; and the narrowest that anybody must be able to use
USUAL: ViewportSize = {"width": 1366, "height": 768}
ZOOMED: ViewportSize = {"width": 683, "height": 384}
NARROW: ViewportSize = {"width": 320, "height": 640}


def resized(page: Page, size: ViewportSize) -> None:
    """As it is seen there: a page is told of its new size with the next frame, and moves what is open before that is drawn."""
    page.set_viewport_size(size)
    page.evaluate("() => new Promise(requestAnimationFrame)")


# words that do not fit into their place, and what reaches over the edge of the window
_CUT_OFF = """() => {
  const found = [];
  for (const element of document.querySelectorAll('body *')) {
    const style = getComputedStyle(element);
    const box = element.getBoundingClientRect();
    if (!box.width || style.visibility === 'hidden' || element.closest('.sr-only, svg, [aria-hidden=true]') || style.clipPath !== 'none') continue;
    const words = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.textContent.trim());
    const hides = ['hidden', 'clip'].includes(style.overflowX);
    const scrolls = element.closest('.scrolls');
    if (words && hides && element.scrollWidth > element.clientWidth + 1) found.push(`cut: ${element.textContent.trim().slice(0, 60)}`);
    const frame = element.closest('.card, dialog, .menu-list');
    const card = frame?.matches('.card') ? frame.getBoundingClientRect() : null;
    if (!scrolls && card && (box.right > card.right + 1 || box.left < card.left - 1)) found.push(`beyond its card: <${element.tagName.toLowerCase()} class="${element.className}">`);
    if (!scrolls && (box.right > innerWidth + 1 || box.left < -1)) found.push(`outside: <${element.tagName.toLowerCase()} class="${element.className}">`);
  }
  return found;
}"""


def looks_well(page: Page, name: str) -> None:
    """Nothing cut off, no scrolling sideways and no violation of what axe knows: at the size it is, zoomed to 200 %, and 320 pixels wide.
    Its picture is kept, and that of the narrow one."""
    before = page.viewport_size
    assert before
    no_axe_violations(page)
    whole(page)
    picture(page, name)
    for size in (ZOOMED, NARROW):
        resized(page, size)
        whole(page)
    no_axe_violations(page)
    picture(page, f"{name}-narrow")
    resized(page, before)


def whole(page: Page) -> None:
    assert fits(page), f"it scrolls sideways at {page.viewport_size}"
    cut = page.evaluate(_CUT_OFF)
    assert not cut, f"at {page.viewport_size}: {cut}"
