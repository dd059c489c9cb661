"""What running campaigns cost that have nothing to do: statements and commands per second must not depend on their number.

    python -m benchmarks.idle

Everything that ticks runs: beat, the tick worker, hot workers, the pump with its sweeps, the carrier. Each campaign has an agent who is
Ready and leads that are due tomorrow; the statements PostgreSQL is asked are counted in its log and what Redis carries out in its own counter. (PostgreSQL's count of transactions holds
its own as well, which stray by one or two per second.)
"""

import re
import time
from typing import Any

from benchmarks import centre, measure
from benchmarks.measure import Figure

CAMPAIGNS = (0, 1, 50)
LASTS = 45.0  # seconds, three rounds of the slow tick
ASKED = re.compile(rb"LOG:  (statement|execute [^:]*):")
TOLERANCE = 0.5  # statements per second that a clock's ticks may differ by


def run() -> list[Figure]:
    with measure.stage() as stage:
        centre.telephone_system(stage)
        stage.start(*centre.programs(stage, carrier="", tick=True))
        staff = centre.agents(max(CAMPAIGNS))
        centre.sit_down(staff)
        rates, made = {}, 0
        for number in CAMPAIGNS:
            while made < number:
                _idle_campaign(f"idle {made}", staff[made])
                made += 1
            rates[number] = _rates(stage)
            measure.say(f"{number} idle campaigns: {rates[number][0]:.2f} statements and {rates[number][1]:.2f} Redis commands per second")
    growth = rates[CAMPAIGNS[-1]][0] - rates[1][0]
    return [
        *(
            Figure(f"statements per second with {number} idle campaigns", rate[0], "/s", note=f"{rate[1]:.1f} Redis commands")
            for number, rate in rates.items()
        ),
        measure.at_most(f"more of them with {CAMPAIGNS[-1]} than with one", growth, "/s", TOLERANCE),
    ]


def _idle_campaign(name: str, agent: int) -> None:
    from django.utils import timezone

    from campaigns.flow import next_for

    centre.leads(centre.campaign(name, [agent]), 100, due="now() + interval '1 day'")
    next_for.go_ready(agent, now=timezone.now())


def _rates(stage: measure.Stage) -> tuple[float, float]:
    """Statements asked and Redis commands carried out per second."""
    from django.db import connection

    from dialer_project.lib import redis

    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")  # what the new campaigns' rows would have autovacuum do meanwhile
        cursor.execute("ALTER SYSTEM SET log_statement = 'all'")
        cursor.execute("SELECT pg_reload_conf()")
    connection.close()
    time.sleep(5)  # what the change itself caused is over
    log = stage.supervisor.state / "log" / "postgresql.log"
    commands, written, began = _commands(redis.hot()), log.stat().st_size, time.monotonic()
    time.sleep(LASTS)  # this is what is measured: nothing happens
    with log.open("rb") as lines:
        lines.seek(written)
        asked = sum(1 for line in lines if ASKED.search(line))
    lasted = time.monotonic() - began
    return asked / lasted, (_commands(redis.hot()) - commands) / lasted


def _commands(hot: Any) -> int:
    return int(hot.info("stats")["total_commands_processed"])


if __name__ == "__main__":
    measure.main(run)
