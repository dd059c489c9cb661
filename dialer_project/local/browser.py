"""A Chromium for the browser tests: found, or installed where we may, or asked for with the command that installs it."""

import os
import shutil
import subprocess
from pathlib import Path

from dialer_project.local import say, virtualenv
from dialer_project.local.say import CannotGoOn

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
APPLICATIONS = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)


def find_or_install(log: Path) -> str:
    found = _find()
    if found:
        return found
    install = ["apt-get", "install", "--yes", "--no-install-recommends", "chromium"]
    if os.geteuid() == 0 and shutil.which("apt-get"):
        say.progress("installing Chromium for the browser tests")
        env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (["apt-get", "update"], install):
            virtualenv.run_logged(command, log=log, env=env)
        found = _find()
        if found:
            return found
    how = "sudo apt-get update && sudo apt-get install chromium" if shutil.which("apt-get") else "install Chromium or Google Chrome"
    raise CannotGoOn(
        "the browser tests cannot run: no Chromium was found",
        remedy=f"{how} - or name one, for example: CHROMIUM=/path/to/chrome make test",
    )


def _find() -> str | None:
    named = os.environ.get("CHROMIUM", "").strip()
    if named:
        if not _works(named):
            raise CannotGoOn(f"the browser tests cannot run: CHROMIUM={named} does not start", remedy="correct CHROMIUM, or unset it")
        return named
    candidates = [found for name in NAMES if (found := shutil.which(name))] + [path for path in APPLICATIONS if Path(path).exists()]
    return next((path for path in candidates if _works(path)), None)


def _works(path: str) -> bool:
    """Whether it says its version: some systems put a script of that name on the PATH that only tells how to install the browser."""
    try:
        return subprocess.run([path, "--version"], stdin=subprocess.DEVNULL, capture_output=True, timeout=60).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False
