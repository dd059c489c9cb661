"""How long it takes to be told why one lead among a million is called or not, with a million calls in the ledger and four rule packs.

python -m benchmarks.explain
"""

import time
from datetime import timedelta

from benchmarks import centre, measure
from benchmarks.measure import Figure

LEADS = 1_000_000
ASKED = 300
SLOWEST = 200  # milliseconds, promised for any lead


def run() -> list[Figure]:
    with measure.stage():
        from django.core.management import call_command
        from django.utils import timezone

        from campaigns import explain
        from campaigns.models import Campaign, RulePack

        campaign = centre.bare_campaign("a million")
        centre.leads(campaign, LEADS, groups=40)
        call_command("load_rule_packs")
        pinned = ("Strict default", "US federal", "Florida", "US debt collection (Reg F)")
        Campaign.objects.get(pk=campaign).rule_packs.set(RulePack.objects.filter(name__in=pinned))
        _calls()
        measure.say(f"{LEADS:,} leads, {LEADS:,} calls")
        first, now = _first(campaign), timezone.now()
        took = []
        for i in range(ASKED):
            began = time.perf_counter()
            explanation = explain.lead(first + i * (LEADS // ASKED), now=now + timedelta(seconds=i))
            took.append((time.perf_counter() - began) * 1000)
            if explanation is None or not explanation.past:
                raise RuntimeError("no explanation, or one that knows of no call")
    return [
        Figure("one lead of 1M explained, median", measure.percentile(took, 0.5), "ms"),
        measure.at_most("one lead of 1M explained, slowest of 300", max(took), "ms", SLOWEST),
    ]


def _first(campaign: int) -> int:
    from campaigns.models import Lead

    return int(Lead.objects.filter(campaign_id=campaign).order_by("pk").values_list("pk", flat=True)[0])


def _calls() -> None:
    """One ended call to every lead, within the last week."""
    from dialer_project.lib import sql

    sql.changed("SET session_replication_role = replica")
    sql.changed(
        """
        INSERT INTO campaigns_attempt (id, lead_id, campaign_id, contact_id, phone_id, e164, state, outcome, epoch, version, planned_at, dialed_at,
            concluded_at)
        SELECT gen_random_uuid(), l.id, l.campaign_id, l.contact_id, p.id, p.e164, 'concluded', 'no_answer', 0, 1, made.at, made.at,
            made.at + interval '30 seconds'
        FROM campaigns_lead l JOIN campaigns_phonenumber p ON p.contact_id = l.contact_id
        CROSS JOIN LATERAL (SELECT now() - mod(l.id, 10000) * interval '1 minute' AS at) made
        """
    )
    sql.changed("RESET session_replication_role")
    sql.changed("ANALYZE campaigns_attempt")


if __name__ == "__main__":
    measure.main(run)
