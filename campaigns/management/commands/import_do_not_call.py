from __future__ import annotations

from argparse import FileType
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from campaigns.flow import do_not_call
from campaigns.models import Campaign, DoNotCallList
from campaigns.rules.phone_numbers import Dialable, read_number


class Command(BaseCommand):
    help = "Puts the numbers of a text file, one to a line, on the do-not-call list of the organisation or of one campaign."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=FileType(encoding="utf-8-sig"))
        parser.add_argument("--list", default="", help="the register this is the newest state of, such as us-national: rules ask for its age")
        parser.add_argument("--campaign", type=int, help="the id of the one campaign they are not to be called in")
        parser.add_argument("--country", default="", help="two letters: where a number without its country code is at home")
        parser.add_argument("--reason", default="")

    def handle(self, *args: Any, **options: Any) -> None:
        campaign = options["campaign"]
        if campaign is not None and not Campaign.objects.filter(pk=campaign).exists():
            raise CommandError(f"There is no campaign {campaign}.")
        now = timezone.now()
        numbers, unread = [], []
        for line, text in enumerate(options["file"], start=1):
            if text.strip():
                match read_number(text.strip(), country=options["country"].upper()):
                    case Dialable(e164):
                        numbers.append(e164)
                    case refused:
                        unread.append(f"line {line}: {refused.why}")
        source = options["list"] or "import"
        listed = do_not_call.list_numbers(numbers, source=source, now=now, campaign_id=campaign, reason=options["reason"])
        for refusal in unread:
            self.stderr.write(refusal)
        self.stdout.write(f"{listed} numbers are new on the list, {len(numbers) - listed} were on it, {len(unread)} could not be read.")
        if options["list"] and campaign is None:
            if unread:
                raise CommandError(f"{options['list']} does not count as loaded, since not all of it could be read.")
            DoNotCallList.objects.update_or_create(name=options["list"], defaults={"loaded_at": now, "numbers": len(numbers)})
