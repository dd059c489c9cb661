"""`make bench`: every benchmark after the other, each in a process and on servers of its own, then one table of all figures."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.measure import HAND_OVER, PROJECT, RESULTS, Figure, tell

ALL = ("steps", "dispatch", "pipeline", "claim", "idle", "imports", "telephony", "screens")


def main(names: list[str]) -> int:
    """All of them, or those named; 1 where one could not be run. A promise that is not kept is told, and is no failure of the run."""
    unknown = set(names) - set(ALL)
    if unknown:
        print(f"There is no benchmark {', '.join(sorted(unknown))}: choose among {', '.join(ALL)}.", file=sys.stderr)
        return 2
    figures: dict[str, list[Figure]] = {}
    failed = []
    for name in names or ALL:
        print(f"{name} …", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "figures.json"
            ended = subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], cwd=PROJECT, env={**os.environ, HAND_OVER: str(path)})
            if ended.returncode or not path.exists():
                failed.append(name)
            else:
                figures[name] = [Figure(**one) for one in json.loads(path.read_text())]
    RESULTS.write_text(json.dumps({name: [vars(one) for one in found] for name, found in figures.items()}, indent=1))
    for name, found in figures.items():
        print(f"\n{name}")
        tell(found)
    if failed:
        print(f"\ncould not be run: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
