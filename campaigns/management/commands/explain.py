from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from campaigns import explain
from campaigns.rules.permit.gate import Stands


class Command(BaseCommand):
    help = "Tells why a lead is called or not, rule by rule, and when it next can be."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("lead", type=int)
        parser.add_argument("--at", help="as if it were this time, such as 2026-03-10T09:00+00:00, over the facts of today")
        parser.add_argument("--json", action="store_true", help="for programs")

    def handle(self, *args: Any, **options: Any) -> None:
        now = parse_datetime(options["at"]) if options["at"] else timezone.now()
        if now is None or now.tzinfo is None:
            raise CommandError("Write the time with its offset, such as 2026-03-10T09:00+00:00.")
        explanation = explain.lead(options["lead"], now=now)
        if explanation is None:
            raise CommandError(f"There is no lead {options['lead']}.")
        if options["json"]:
            told = {**asdict(explanation), "callable_now": explanation.callable_now, "in_words": explanation.in_words}
            self.stdout.write(json.dumps(told, default=str, indent=1))
            return
        self.stdout.write(f"Lead {explanation.lead_id} of {explanation.campaign}, {explanation.number}. {explanation.in_words}")
        for gate in explanation.gates:
            sign = "+" if gate.stands is Stands.OPEN else "-"
            self.stdout.write(f"  {sign} {gate.rule} ({gate.by}) {gate.why or gate.evidence}".rstrip())
        for past in explanation.past:
            self.stdout.write(f"  {past.planned_at:%Y-%m-%d %H:%M:%S} {past.e164} {past.outcome}, allowed by {past.rules or 'no permit'}")
