"""PostgreSQL and Redis for the tests, up before Django's settings are read and gone afterwards; and a tally of what came of it.

Loaded with `-p`: a conftest would come too late, since pytest-django imports the settings while pytest reads its command line.
"""

import atexit
import json
import os
import re
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from dialer_project.local.say import CannotGoOn
from dialer_project.local.servers import ThrownAway

TALLY = "RINGMASTER_TALLY"
ONLY_ASKING = {"-h", "--help", "-V", "--version", "--markers", "--fixtures"}

_servers: list[ThrownAway] = []


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config, args: list[str]) -> Generator[None, Any, Any]:
    if "PYTEST_XDIST_WORKER" not in os.environ and not ONLY_ASKING & set(args):  # workers inherit the servers
        try:
            servers = ThrownAway()
        except CannotGoOn as refusal:
            raise pytest.UsageError(str(refusal)) from None
        _servers.append(servers)
        atexit.register(pytest_unconfigure)  # pytest does not call it when it stops before it was configured
        os.environ.update(servers.env)
    elif worker := os.environ.get("PYTEST_XDIST_WORKER"):  # a database of its own in PostgreSQL it gets from pytest-django
        os.environ["REDIS_PREFIX"] = worker  # what is published in one database of a Redis is heard in all
        os.environ["REDIS_URL"] = re.sub(r"/\d+$", f"/{int(worker.removeprefix('gw')) + 1}", os.environ["REDIS_URL"])
    return (yield)


def pytest_unconfigure() -> None:
    while _servers:
        _servers.pop().remove()


def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if TALLY not in os.environ or reporter is None or hasattr(session.config, "workerinput"):
        return
    stats = reporter.stats
    Path(os.environ[TALLY]).write_text(
        json.dumps(
            {
                "passed": len(stats.get("passed", [])) + len(stats.get("xfailed", [])),
                "failed": len(stats.get("failed", [])) + len(stats.get("error", [])),
                "skipped": [[re.sub(r"@\w+$", "", report.nodeid), _reason(report)] for report in stats.get("skipped", [])],
            }
        )
    )


def _reason(report: Any) -> str:
    return str(report.longrepr[2]).removeprefix("Skipped: ") if isinstance(report.longrepr, tuple) else "skipped"
