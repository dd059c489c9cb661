"""The console's front end, built with the Node that came as a wheel; not again while its sources and its lock are what they were."""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

from dialer_project.local import say, virtualenv, wheels
from dialer_project.local.places import PROJECT
from dialer_project.local.say import CannotGoOn

SOURCES = PROJECT / "agents" / "frontend"
BUILT = PROJECT / "agents" / "static" / "console"
PACKAGES = SOURCES / "node_modules"
NOT_SOURCES = {"node_modules", "dist", "coverage", ".vite", "test-results"}


def exists() -> bool:
    return (SOURCES / "package.json").exists()


def build(log: Path) -> None:
    if not exists():
        say.progress("no front end here: nothing to build")
        return
    _install(log)
    stamp = PACKAGES / ".ringmaster-built"
    sources = _fingerprint()
    with contextlib.suppress(OSError, ValueError):
        before = json.loads(stamp.read_text())
        if before["sources"] == sources and before["built"] and all((BUILT / name).exists() for name in before["built"]):
            return
    say.progress("building the console")
    npm("run", "build", log=log)
    stamp.write_text(json.dumps({"sources": sources, "built": [str(path.relative_to(BUILT)) for path in _files(BUILT)]}))


def npm(*args: str, log: Path) -> str:
    code, said = virtualenv.run_logged(command(*args), log=log, env=environment(log.parent), cwd=SOURCES)
    if code == 0:
        return said
    if virtualenv.failed_for_want_of_network(said) and args[0] == "ci":
        raise virtualenv.no_network("the console's packages", log)
    raise CannotGoOn(f"npm {' '.join(args)} failed", remedy=f"see its last lines above; all of them are in {log}", details=said[-3000:])


def command(*args: str) -> list[str]:
    return [*wheels.npm(), *args]


def environment(spare: Path) -> dict[str, str]:
    """npm's: the wheel's Node first on the PATH, for scripts that call `node` by name; a cache where it may write."""
    env = {**os.environ, "PATH": f"{wheels.node().parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}", "CI": "true", "NO_COLOR": "1"}
    env.pop("FORCE_COLOR", None)
    if not os.access(os.path.expanduser("~"), os.W_OK):
        env["npm_config_cache"] = str(spare / "npm-cache")
    return env


def _install(log: Path) -> None:
    stamp = PACKAGES / ".ringmaster-installed"
    wanted = hashlib.sha256((SOURCES / "package-lock.json").read_bytes() + (SOURCES / "package.json").read_bytes()).hexdigest()
    with contextlib.suppress(OSError):
        if stamp.read_text() == wanted:
            return
    say.progress("installing the console's packages")
    npm("ci", "--no-audit", "--no-fund", "--fetch-retries=1", "--fetch-retry-mintimeout=2000", log=log)
    PACKAGES.mkdir(exist_ok=True)  # npm makes none for a project without dependencies
    stamp.write_text(wanted)


def _fingerprint() -> str:
    seen = hashlib.sha256()
    for path in _files(SOURCES):
        seen.update(f"{path.relative_to(SOURCES)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return seen.hexdigest()


def _files(folder: Path) -> Iterator[Path]:
    for where, folders, names in os.walk(folder):
        folders[:] = sorted(set(folders) - NOT_SOURCES)
        yield from (Path(where) / name for name in sorted(names))
