from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from campaigns import explain, waterfall
from campaigns.rules.permit.gate import Stands


class Command(BaseCommand):
    help = "Tells why a lead is called or not, rule by rule, and when it next can be; or of a whole campaign how many are, and why the others not."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("lead", type=int, nargs="?")
        what.add_argument("--campaign", type=int, help="a campaign's number: its whole list, which adds up")
        parser.add_argument("--at", help="as if it were this time, such as 2026-03-10T09:00+00:00, over the facts of today")
        parser.add_argument("--json", action="store_true", help="for programs")

    def handle(self, *args: Any, **options: Any) -> None:
        now = parse_datetime(options["at"]) if options["at"] else timezone.now()
        if now is None or now.tzinfo is None:
            raise CommandError("Write the time with its offset, such as 2026-03-10T09:00+00:00.")
        if options["campaign"] is not None:
            self.whole(options["campaign"], now=now, supposed=bool(options["at"]), as_json=options["json"])
            return
        explanation = explain.lead(options["lead"], now=now, supposed=bool(options["at"]))
        if explanation is None:
            raise CommandError(f"There is no lead {options['lead']}.")
        if options["json"]:
            self.stdout.write(json.dumps(explanation.told(), default=str, indent=1))
            return
        self.stdout.write(f"Lead {explanation.lead_id} of {explanation.campaign}, {explanation.number}. {explanation.in_words}")
        for gate in explanation.gates:
            sign = "+" if gate.stands is Stands.OPEN else "-"
            self.stdout.write(f"  {sign} {gate.rule} ({gate.by}) {gate.why or gate.evidence}".rstrip())
        for past in explanation.past:
            self.stdout.write(f"  {past.planned_at:%Y-%m-%d %H:%M:%S} {past.e164} {past.outcome}, allowed by {past.rules or 'no permit'}")

    def whole(self, campaign_id: int, *, now: datetime, supposed: bool, as_json: bool) -> None:
        found = waterfall.of_campaign(campaign_id, now=now, supposed=supposed)
        if found is None:
            raise CommandError(f"There is no campaign {campaign_id}.")
        if as_json:
            self.stdout.write(json.dumps(found.told(), default=str, indent=1))
            return
        self.stdout.write(f"{found.campaign}, {found.in_words}")
        for step in found.steps:
            when = f"  from {step.first_at:%Y-%m-%d %H:%M} UTC" if step.first_at else ""
            self.stdout.write(f"  {step.leads:>12,}  {step.in_words}{when}")
        self.stdout.write(f"  {found.leads:>12,}  in the list")
