from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction
from django.utils import timezone

from campaigns.models import HolidayCalendar, RulePack
from campaigns.rules import holidays
from campaigns.rules.permit.kinds import pack_from
from campaigns.rules.rule_packs import PACKS


class Command(BaseCommand):
    help = "Brings the rule packs and the public holidays of calendars into the database, as migrate does. What is there already stays as it is."

    def handle(self, *args: Any, **options: Any) -> None:
        with transaction.atomic():
            packs, days = self.packs(), self.calendars(timezone.now().year)
        if options["verbosity"]:
            self.stdout.write(f"{packs} rule packs and {days} holidays were new.")

    def packs(self) -> int:
        new = 0
        for pack in PACKS:
            pack_from(pack)
            _, made = RulePack.objects.get_or_create(name=pack["name"], version=pack["version"], defaults=pack)
            new += made
        return new

    def calendars(self, year: int) -> int:
        """Those of the countries whose packs name one, and whatever others somebody has made for a country or a region."""
        for country in holidays.COUNTRIES:
            HolidayCalendar.objects.get_or_create(name=country, defaults={"country": country})
        return sum(calendar.fill(since=year) for calendar in HolidayCalendar.objects.exclude(country=""))
