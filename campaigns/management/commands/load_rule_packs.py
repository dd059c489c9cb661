from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction
from django.utils import timezone

from campaigns.models import Holiday, HolidayCalendar, RulePack
from campaigns.rules import holidays
from campaigns.rules.permit.kinds import pack_from
from campaigns.rules.rule_packs import PACKS

YEARS_AHEAD = 4


class Command(BaseCommand):
    help = "Brings the rule packs and calendars of national holidays into the database, as migrate does. What is there already stays as it is."

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
        """A year of which a calendar has any day is left alone: somebody may have taken one away."""
        new = 0
        for country in holidays.COUNTRIES:
            calendar, _ = HolidayCalendar.objects.get_or_create(name=country, defaults={"country": country})
            for each in range(year, year + YEARS_AHEAD):
                if not calendar.days.filter(day__year=each).exists():
                    days = [(day, name) for day, name in holidays.national_days(country, each).items() if day.year == each]
                    new += len(Holiday.objects.bulk_create(Holiday(calendar=calendar, day=day, name=name) for day, name in days))
        return new
