"""python3 -m dialer_project.local run | test | bench | mutations | lock | format | diagrams | words | manage | clean

Kept to what an old Python can parse: the sentence about an old Python has to be said by that Python.
"""

import os
import shutil
import subprocess
import sys

NEWEST_FIRST = ("3.14", "3.13", "3.12", "3.11")


def newer_python():
    # type: () -> str | None
    for version in NEWEST_FIRST:
        found = shutil.which("python" + version)
        # Run it once: what version managers put on PATH is not always a Python.
        if found and subprocess.call([found, "-c", "import venv"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0:
            return found
    return None


def main():
    # type: () -> int
    if tuple(sys.version_info[:2]) < (3, 11):
        newer = newer_python()
        if newer:
            os.execv(newer, [newer, "-m", "dialer_project.local"] + sys.argv[1:])  # noqa: RUF005  (read by Pythons that are too old)
        found = ".".join(str(part) for part in sys.version_info[:3])
        sys.stderr.write(
            "Cannot go on: Python 3.11 or newer is needed, and this one is %s.\n"  # noqa: UP031  (as above)
            "  Remedy: install a newer Python, then run: make PYTHON=python3.12 run\n" % found
        )
        return 1
    from dialer_project.local import commands

    return commands.main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
