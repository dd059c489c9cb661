"""What running campaigns cost that have nothing to do: transactions and commands per second must not depend on their number.

    python -m benchmarks.idle

Everything that ticks runs: beat, the tick worker, hot workers, the pump with its sweeps, the carrier. Each campaign has an agent who is
Ready and leads that are due tomorrow; what PostgreSQL commits and Redis carries out is read from their own counters.
"""

import time

from benchmarks import centre, measure
from benchmarks.measure import Figure

CAMPAIGNS = (0, 1, 50)
LASTS = 45.0  # seconds, three rounds of the slow tick
TOLERANCE = 0.05  # transactions per second and campaign: one query in twenty seconds would break it


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
            rates[number] = _rates()
            measure.say(f"{number} idle campaigns: {rates[number][0]:.2f} transactions and {rates[number][1]:.2f} Redis commands per second")
    growth = (rates[CAMPAIGNS[-1]][0] - rates[1][0]) / (CAMPAIGNS[-1] - 1)
    return [
        *(
            Figure(f"transactions per second with {number} idle campaigns", rate[0], "/s", note=f"{rate[1]:.1f} Redis commands")
            for number, rate in rates.items()
        ),
        measure.at_most("more of them for each further campaign", growth, "/s", TOLERANCE),
    ]


def _idle_campaign(name: str, agent: int) -> None:
    from django.utils import timezone

    from campaigns.flow import next_for

    centre.leads(centre.campaign(name, [agent]), 100, due="now() + interval '1 day'")
    next_for.go_ready(agent, now=timezone.now())


def _rates() -> tuple[float, float]:
    """Transactions committed and Redis commands carried out per second, our own looking apart."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")  # else autovacuum would, and be counted
    connection.close()
    time.sleep(5)  # what the change itself caused is over
    before, began = _counters(), time.monotonic()
    time.sleep(LASTS)
    after, lasted = _counters(), time.monotonic() - began
    return (after[0] - before[0]) / lasted, (after[1] - before[1]) / lasted


def _counters() -> tuple[int, int]:
    from dialer_project.lib import redis, sql

    committed = sql.rows("SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()")[0].xact_commit
    return int(committed), int(redis.hot().info("stats")["total_commands_processed"])


if __name__ == "__main__":
    measure.main(run)
