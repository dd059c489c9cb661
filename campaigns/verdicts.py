"""How well the carrier tells machines from persons: measured by what reviewers found and by what agents said of their conversations."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from campaigns.rules.verdicts import Measured
from dialer_project.lib import sql


@dataclass(frozen=True, slots=True)
class Detection:
    """A campaign's verdicts. hung_up_on: persons who were not put through, as far as the sample tells."""

    told: int
    machines: int
    seconds: float  # from the answer, median
    slow: float  # the same, of the slowest hundredth
    false_machines: Measured  # persons taken for machines
    false_persons: Measured  # machines taken for persons
    hung_up_on: float


NOTHING = Detection(0, 0, 0.0, 0.0, Measured(0, 0), Measured(0, 0), 0.0)


def measure(campaign_ids: Sequence[int], *, since: datetime) -> dict[int, Detection]:
    """Campaign -> its verdicts since then. A reviewer's word stands above an agent's; who can be reached only by a person's verdict is
    judged by the agent's disposition, in which the class Machine is the one that says so."""
    found: dict[int, Detection] = {}
    for row in sql.rows(
        """
        SELECT campaign_id, count(*) AS told, count(*) FILTER (WHERE verdict = 'machine') AS machines,
            count(*) FILTER (WHERE verdict = 'machine' AND outcome = 'machine') AS not_put_through,
            coalesce(percentile_cont(0.5) WITHIN GROUP (ORDER BY took), 0) AS seconds,
            coalesce(percentile_cont(0.99) WITHIN GROUP (ORDER BY took), 0) AS slow,
            count(*) FILTER (WHERE verdict = 'machine' AND truth IS NOT NULL) AS machines_checked,
            count(*) FILTER (WHERE verdict = 'machine' AND truth = 'human') AS false_machines,
            count(*) FILTER (WHERE verdict = 'human' AND truth IS NOT NULL) AS persons_checked,
            count(*) FILTER (WHERE verdict = 'human' AND truth = 'machine') AS false_persons
        FROM (
            SELECT a.campaign_id, a.outcome, c.verdict, extract(epoch FROM c.verdict_at - c.answered_at)::float AS took,
                CASE WHEN r.truth IN ('human', 'machine') THEN r.truth
                     WHEN a.connected_at IS NOT NULL AND d.kind IS NOT NULL THEN CASE d.kind WHEN 'machine' THEN 'machine' ELSE 'human' END
                END AS truth
            FROM campaigns_attempt a JOIN telephony_call c ON c.id = a.id AND c.verdict <> ''
            LEFT JOIN campaigns_verdictreview r ON r.attempt_id = a.id LEFT JOIN campaigns_disposition d ON d.id = a.disposition_id
            WHERE a.campaign_id = ANY(%s) AND a.planned_at >= %s
        ) AS each GROUP BY campaign_id
        """,
        [list(campaign_ids), since],
    ):
        false_machines = Measured(row.false_machines, row.machines_checked)
        found[row.campaign_id] = Detection(
            told=row.told,
            machines=row.machines,
            seconds=float(row.seconds),
            slow=float(row.slow),
            false_machines=false_machines,
            false_persons=Measured(row.false_persons, row.persons_checked),
            hung_up_on=false_machines.share * row.not_put_through,
        )
    return {campaign_id: found.get(campaign_id, NOTHING) for campaign_id in campaign_ids}
