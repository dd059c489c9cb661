"""The browser that is here, for tests."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, sync_playwright

from dialer_project.local import browser as found

_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextmanager
def chromium(*flags: str) -> Iterator[Browser]:
    """Without a window, and with these flags beside the usual ones."""
    path = os.environ.get("CHROMIUM") or next((path for name in found.NAMES if (path := shutil.which(name))), None)
    if path is None:
        pytest.fail("no Chromium was found: install one, or name it, for example: CHROMIUM=/path/to/chrome make test")
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # Playwright's own loop runs in this thread, and nothing else does
        browser = playwright.chromium.launch(executable_path=path, headless=True, args=[*_FLAGS, *flags])
        yield browser
        browser.close()
