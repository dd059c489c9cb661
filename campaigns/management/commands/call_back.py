from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from agents.desk import Refusal
from campaigns.flow import call_back


class Command(BaseCommand):
    help = "Has somebody called back by an auto-callback campaign: for a switchboard, a web form or any other program."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("campaign", type=int, help="the campaign's number")
        parser.add_argument("number", help="with its country code, such as +442079460123")
        parser.add_argument("--name", default="", help="who it is, if they are new")

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        found = call_back.call_back(call_back.Wanted(options["campaign"], options["number"], now, options["name"]), now=now)
        if isinstance(found, Refusal):
            raise CommandError(found.sentence)
        self.stdout.write(f"Lead {found.pk}: {found.state}, {found.reason}.")
