from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from campaigns import invariants


class Command(BaseCommand):
    help = "Asks the database for every safety promise whether it holds. Ends with 1, and tells who breaks it, if any does not."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="for programs: what is broken, with its ids")

    def handle(self, *args: Any, **options: Any) -> None:
        found = invariants.broken(now=timezone.now())
        if options["json"]:
            told = [{"id": each.id, "sentence": each.sentence, "ids": list(each.ids)} for each in found]
            self.stdout.write(json.dumps({"checked": len(invariants.ALL), "broken": told}, indent=1))
        else:
            for each in found:
                self.stdout.write(str(each))
            self.stdout.write(f"{len(invariants.ALL) - len(found)} of {len(invariants.ALL)} promises hold.")
        if found:
            raise SystemExit(1)
