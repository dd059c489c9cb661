"""A process without a door to knock at says that it does its work, by touching a file; whoever watches over it looks how old that is.

python -m dialer_project.lib.alive FILE SECONDS      ends with 0 where it was said within so many seconds
"""

import sys
import time
from pathlib import Path


def say_so(folder: str, name: str) -> None:
    """`name` works: said by the work itself, never by a thread beside it. Nothing without a folder."""
    if folder:
        (Path(folder) / name).touch()


def within(file: Path, seconds: float) -> bool:
    """Whether it was said so lately."""
    try:
        return time.time() - file.stat().st_mtime < seconds
    except FileNotFoundError:
        return False


if __name__ == "__main__":
    sys.exit(not within(Path(sys.argv[1]), float(sys.argv[2])))
