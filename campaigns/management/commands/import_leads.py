"""Reads a calling list into a campaign, with a progress bar; a repeat after an interruption goes on where it stopped."""

import os
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any, NoReturn

from django.core.management.base import BaseCommand
from django.db import DatabaseError
from django.utils import timezone
from tqdm import tqdm

from campaigns import imports
from campaigns.imports import Counts, Failed, Finished, GoesOn, Options, ReadElsewhere, Refused
from campaigns.models import Campaign, ListImport

# whoever waits for a page or a call comes first
NICENESS = 10


class Command(BaseCommand):
    help = "Imports a calling list (CSV of Salesforce, HubSpot, VICIdial or plain; any encoding and delimiter) into a campaign."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", help="the list")
        parser.add_argument("--campaign", metavar="ID", required=True, help="the campaign's number, or its name")
        parser.add_argument("--dry-run", action="store_true", help="tell what would come of it, and bring in nobody")
        parser.add_argument("--list", metavar="NAME", default="", help="the calling list to fill; else one named as the file")
        parser.add_argument("--country", metavar="GB", default="", help="where numbers without a country code are at home; else the campaign's")
        parser.add_argument("--encoding", default="", help="utf-8, windows-1252 …; else found out")
        parser.add_argument("--delimiter", default="", help="comma, semicolon, tab, pipe, or the character; else found out")
        parser.add_argument("--source", default="", help="where the file's ids come from, such as salesforce; else found out")
        parser.add_argument(
            "--map",
            metavar='"Header=field"',
            action="append",
            default=[],
            help="what a column is: phone, phone:mobile, phone:home, phone:work, first_name, last_name, name, company, email, external_id, "
            "country, time_zone, do_not_call, extra, skip …; 'column 3=phone' for a file without headers; may be repeated",
        )

    def run_from_argv(self, argv: list[str]) -> None:
        os.nice(NICENESS)
        super().run_from_argv(argv)

    def handle(self, *args: Any, **options: Any) -> None:
        campaign = self._campaign(str(options["campaign"]))
        mapping = {}
        for said in options["map"]:
            header, separator, meaning = said.rpartition("=")
            if not separator or not header.strip():
                self._refuse(f'\'{said}\' is no mapping. Write it as --map "Header=field", for example --map "Work no.=phone:work".')
            mapping[header.strip()] = meaning.strip()
        told = Options(
            country=options["country"],
            encoding=options["encoding"],
            delimiter=options["delimiter"],
            source=options["source"],
            list_name=options["list"],
            mapping=mapping,
        )
        taken = self._take_in(Path(options["file"]).expanduser(), campaign, told, dry_run=options["dry_run"])
        if taken.rows:
            self.stderr.write(f"Going on with import {taken.pk} after {taken.rows:,} rows.")
        try:
            result = self._run(taken, shown=options["verbosity"] > 0)
        except KeyboardInterrupt:
            self.stderr.write("Interrupted. Run the same command again: it goes on after the last row accounted for.")
            sys.exit(130)
        except DatabaseError as error:
            self._refuse(f"The database refused: {' '.join(str(error).split())}. Run the same command again: it goes on where it stopped.")
        match result:
            case Finished(counts):
                self._summary(taken, counts)
            case Failed(why):
                self._refuse(why)
            case ReadElsewhere() | GoesOn():
                self._refuse(f"Another process is reading this file into the campaign, as import {taken.pk}. Wait for it to finish.")

    def _campaign(self, said: str) -> Campaign:
        found = Campaign.objects.filter(pk=int(said)) if said.isdecimal() and len(said) < 19 else Campaign.objects.filter(name=said)
        campaign = found.first()
        if campaign is None:
            others = ", ".join(f"{one.pk} ({one.name})" for one in Campaign.objects.order_by("-pk")[:5])
            self._refuse(f"There is no campaign {said}. {f'The latest are {others}.' if others else 'Create one in the admin first.'}")
        return campaign

    def _take_in(self, path: Path, campaign: Campaign, told: Options, *, dry_run: bool) -> ListImport:
        try:
            with path.open("rb") as source:
                taken = imports.take_in(
                    campaign, source, file_name=path.name, options=told, dry_run=dry_run, by=None, now=timezone.now(), at_work=True
                )
        except OSError as error:
            self._refuse(f"{path} cannot be read: {error.strerror or error}. Check its name and its permissions.")
        if isinstance(taken, Refused):
            self._refuse(taken.why)
        return taken

    def _run(self, taken: ListImport, *, shown: bool) -> imports.Result:
        often = 0.2 if sys.stderr.isatty() else 5.0
        with tqdm(total=taken.bytes_total, unit="B", unit_scale=True, desc=taken.file_name[:40], mininterval=often, disable=not shown) as bar:

            def tell(counts: Counts) -> None:
                speed = counts.rows / counts.seconds if counts.seconds else 0
                bar.set_postfix_str(
                    f"{counts.rows:,} rows, {speed:,.0f}/s: {counts.accepted:,} accepted, {counts.duplicates:,} duplicate, "
                    f"{counts.rejected:,} rejected",
                    refresh=False,
                )
                bar.update(counts.bytes_read - bar.n)

            result = imports.run(taken.pk, now=timezone.now(), for_at_most=None, tell=tell)
            if isinstance(result, Finished):
                tell(result.counts)
            return result

    def _summary(self, taken: ListImport, counts: Counts) -> None:
        taken.refresh_from_db()
        said = "would be accepted" if taken.dry_run else "accepted"
        self.stdout.write(
            f"{counts.rows:,} rows: {counts.accepted:,} {said}, {counts.duplicates:,} duplicate, {counts.rejected:,} rejected "
            f"({counts.seconds:,.1f} s)."
        )
        if counts.duplicates or counts.rejected:
            self.stdout.write(f"The rows left out, with line and reason: {taken.rejects.path}")

    def _refuse(self, why: str) -> NoReturn:
        """One sentence and exit code 1; `call_command` sees the same."""
        self.stderr.write(why)
        sys.exit(1)
