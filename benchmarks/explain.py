"""How long it takes to be told why one lead among a million is called or not, and why a million are, with as many calls in the ledger, numbers
of 300 area codes, and four rule packs.

python -m benchmarks.explain
"""

import time
from datetime import datetime, timedelta
from typing import Any

from benchmarks import centre, measure
from benchmarks.measure import Figure

LEADS = 1_000_000
ASKED = 300
SLOWEST = 200  # milliseconds, promised for any lead
WATERFALL = 10  # seconds, promised for the whole list


def run() -> list[Figure]:
    with measure.stage():
        from django.core.management import call_command
        from django.utils import timezone

        from campaigns import explain, facts, waterfall
        from campaigns.models import Campaign, DoNotCallList, RulePack

        campaign = centre.bare_campaign("a million")
        centre.leads(campaign, LEADS, groups=40)
        call_command("load_rule_packs")
        pinned = ("Strict default", "US federal", "Florida", "US debt collection (Reg F)")
        Campaign.objects.get(pk=campaign).rule_packs.set(RulePack.objects.filter(name__in=pinned))
        Campaign.objects.filter(pk=campaign).update(min_ring_for=20, **_needed())
        # a weekday's noon, so that some may be called and some not, whenever this runs
        today = timezone.now().replace(hour=15, minute=0, second=0, microsecond=0)
        now = today + timedelta(days=(1 - today.weekday()) % 7)
        DoNotCallList.objects.create(name="us-national", loaded_at=now)
        _american()
        _calls(now)
        measure.say(f"{LEADS:,} leads, {LEADS:,} calls")
        facts.read_ahead()  # as the web has, when it began
        first = _first(campaign)
        took = []
        for i in range(ASKED):
            began = time.perf_counter()
            explanation = explain.lead(first + i * (LEADS // ASKED), now=now + timedelta(seconds=i), supposed=True)
            took.append((time.perf_counter() - began) * 1000)
            if explanation is None or not explanation.past:
                raise RuntimeError("no explanation, or one that knows of no call")
        began = time.perf_counter()
        whole = waterfall.of_campaign(campaign, now=now, supposed=True)
        seconds = time.perf_counter() - began
        if whole is None or sum(step.leads for step in whole.steps) != LEADS:
            raise RuntimeError("the waterfall does not add up")
        measure.say(whole.in_words)
    return [
        Figure("one lead of 1M explained, median", measure.percentile(took, 0.5), "ms"),
        measure.at_most("one lead of 1M explained, slowest of 300", max(took), "ms", SLOWEST),
        measure.at_most("a waterfall of 1M leads", seconds, "s", WATERFALL, note=f"{len(whole.steps)} steps"),
    ]


def _first(campaign: int) -> int:
    from campaigns.models import Lead

    return int(Lead.objects.filter(campaign_id=campaign).order_by("pk").values_list("pk", flat=True)[0])


def _american() -> None:
    """Every other number becomes one of the United States or Canada, by turns in each area code."""
    from campaigns.rules.places import AREA_CODES
    from dialer_project.lib import sql

    codes = sorted({code for line in AREA_CODES.split("\n") if line for code in line.split(": ")[1].split()})
    sql.changed(
        """
        UPDATE campaigns_phonenumber SET e164 = '+1' || (%(codes)s::text[])[1 + mod(id / 2, %(many)s)] || lpad(mod(id, 10000000)::text, 7, '0'),
            zones = CASE WHEN mod(id, 4) = 0 THEN '{America/New_York}'::varchar[] ELSE '{America/Chicago,America/New_York}'::varchar[] END
        WHERE mod(id, 2) = 0
        """,
        {"codes": codes, "many": len(codes)},
    )
    sql.changed("VACUUM ANALYZE campaigns_phonenumber")


def _needed() -> dict[str, Any]:
    """What the packs ask of the campaign itself."""
    from telephony.models import Announcement, CallerId

    return {
        "caller_id": CallerId.objects.create(e164="+34910000000", verified=True),
        "message": Announcement.objects.create(name="abandoned", media="sound:abandoned"),
    }


def _calls(now: datetime) -> None:
    """One ended call to every lead, within the last week; to every hundredth seven more, an hour apart."""
    from dialer_project.lib import sql

    sql.changed("SET session_replication_role = replica")
    sql.changed(
        """
        INSERT INTO campaigns_attempt (id, lead_id, campaign_id, contact_id, phone_id, e164, state, outcome, epoch, version, planned_at, dialed_at,
            concluded_at)
        SELECT gen_random_uuid(), l.id, l.campaign_id, l.contact_id, p.id, p.e164, 'concluded', 'no_answer', 0, 1, made.at, made.at,
            made.at + interval '30 seconds'
        FROM campaigns_lead l JOIN campaigns_phonenumber p ON p.contact_id = l.contact_id
        CROSS JOIN generate_series(0, CASE WHEN mod(l.id, 100) = 0 THEN 7 ELSE 0 END) AS again
        CROSS JOIN LATERAL (SELECT %s - mod(l.id, 9000) * interval '1 minute' - again * interval '1 hour' - interval '1 minute' AS at) made
        """,
        [now],
    )
    sql.changed("RESET session_replication_role")
    sql.changed("VACUUM ANALYZE campaigns_attempt")


if __name__ == "__main__":
    measure.main(run)
