"""PostgreSQL and Redis: those that were named in the environment, else our own."""

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from dialer_project.local import places, processes, redis_server
from dialer_project.local.postgresql import PostgreSQL
from dialer_project.local.redis_server import Redis
from dialer_project.local.supervisor import Supervisor

ENOUGH_MEMORY = 2 * 1024**3  # bytes free in a folder kept in memory, before throwaway data goes there


def bring_up(supervisor: Supervisor, *, kept: bool = True, given: Mapping[str, str] = os.environ) -> dict[str, str]:
    """DATABASE_URL and REDIS_URL, of servers that answer."""
    urls = {name: given[name] for name in ("DATABASE_URL", "REDIS_URL") if given.get(name, "").strip()}
    if "REDIS_URL" in urls:
        redis_server.must_answer(urls["REDIS_URL"])
    redis = None if "REDIS_URL" in urls else Redis(supervisor.state, kept=kept)
    postgresql = None if "DATABASE_URL" in urls else PostgreSQL(supervisor.state, kept=kept)
    if postgresql:
        postgresql.make()
    supervisor.start(*(server.program() for server in (postgresql, redis) if server))
    if postgresql:
        postgresql.make_database()
        urls["DATABASE_URL"] = postgresql.url
    if redis:
        urls["REDIS_URL"] = redis.url
    return urls


class ThrownAway:
    """Servers for one run of tests or benchmarks, in memory where there is enough of it, gone afterwards."""

    PREFIX = "ringmaster-tests-"

    def __init__(self, *, kept: bool = False, given: Mapping[str, str] = os.environ) -> None:
        base = Path("/dev/shm")
        in_memory = not kept and os.access(base, os.W_OK) and shutil.disk_usage(base).free > ENOUGH_MEMORY
        self.base = base if in_memory else Path(tempfile.gettempdir())
        self._remove_what_was_left()
        self.folder = Path(tempfile.mkdtemp(prefix=f"{self.PREFIX}{os.getpid()}-", dir=self.base))
        self.folder.chmod(0o711)
        (self.folder / "owner").write_text(processes.born(os.getpid()) or "")
        self.state = places.make_writable(self.folder / "state")
        self.supervisor = Supervisor(self.state)
        try:
            self.urls = bring_up(self.supervisor, kept=kept, given=given)
        except BaseException:
            self.remove()
            raise

    @property
    def env(self) -> dict[str, str]:
        return {**self.urls, "SECRET_KEY": places.kept_secret(self.state / "secret.key"), "STATE_DIR": str(self.state)}

    def remove(self) -> None:
        self.supervisor.stop()
        self.supervisor.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _remove_what_was_left(self) -> None:
        """Folders of runs that were killed; their servers ended with them, or are ended now."""
        for folder in self.base.glob(f"{self.PREFIX}*"):
            try:
                pid, owner = int(folder.name.removeprefix(self.PREFIX).split("-")[0]), (folder / "owner").read_text()
            except (OSError, ValueError):
                continue  # someone else's, or just being made
            if processes.born(pid) != owner and folder.stat().st_uid == os.geteuid():
                if (folder / "state" / "run").exists():
                    Supervisor(folder / "state").close()
                shutil.rmtree(folder, ignore_errors=True)
