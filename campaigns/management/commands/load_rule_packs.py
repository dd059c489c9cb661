from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction
from django.utils import timezone

from campaigns.flow import control
from campaigns.models import HolidayCalendar, RulePack
from campaigns.rules import holidays
from campaigns.rules.permit.kinds import pack_from
from campaigns.rules.rule_packs import PACKS


class Command(BaseCommand):
    help = "Brings the rule packs and the public holidays of calendars into the database, as migrate does. What is there already stays as it is."

    def handle(self, *args: Any, **options: Any) -> None:
        with transaction.atomic():
            packs, days = self.packs(), self.calendars(now=timezone.now())
        if options["verbosity"]:
            self.stdout.write(f"{packs} rule packs and {days} holidays were new.")

    def packs(self) -> int:
        new = 0
        for pack in PACKS:
            pack_from(pack)
            _, made = RulePack.objects.get_or_create(name=pack["name"], version=pack["version"], defaults=pack)
            new += made
        return new

    def calendars(self, *, now: datetime) -> int:
        """Those of the countries whose packs name one, and whatever others somebody has made for a country or a region. More closed days are
        another version of the campaigns that call by them."""
        for country in holidays.COUNTRIES:
            HolidayCalendar.objects.get_or_create(name=country, defaults={"country": country})
        new = {calendar.name: calendar.fill(since=now.year) for calendar in HolidayCalendar.objects.exclude(country="")}
        control.all_edited(control.closed_by([name for name, days in new.items() if days]), by=None, now=now)
        return sum(new.values())
