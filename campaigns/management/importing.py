"""What the commands that read files share: the file taken in, a progress bar, the sums, and a sentence where it does not work."""

import os
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import NoReturn

from django.core.management.base import BaseCommand
from django.db import DatabaseError
from django.utils import timezone
from tqdm import tqdm

from campaigns import imports
from campaigns.imports import Counts, Failed, Finished, GoesOn, Options, ReadElsewhere, Refused
from campaigns.models import Campaign, ListImport

# whoever waits for a page or a call comes first
NICENESS = 10


class ImportCommand(BaseCommand):
    """A repeat after an interruption goes on where it stopped."""

    def add_file_arguments(self, parser: ArgumentParser, *, fields: str) -> None:
        parser.add_argument("file", metavar="FILE", help="the list")
        parser.add_argument("--dry-run", action="store_true", help="tell what would come of it, and bring in nothing")
        parser.add_argument("--country", metavar="GB", default="", help="where numbers without a country code are at home; else the campaign's")
        parser.add_argument("--encoding", default="", help="utf-8, windows-1252 …; else found out")
        parser.add_argument("--delimiter", default="", help="comma, semicolon, tab, pipe, or the character; else found out")
        parser.add_argument(
            "--map",
            metavar='"Header=field"',
            action="append",
            default=[],
            help=f"what a column is: {fields}; 'column 3=phone' for a file without headers; may be repeated",
        )

    def run_from_argv(self, argv: list[str]) -> None:
        os.nice(NICENESS)
        super().run_from_argv(argv)

    def mapping(self, said: list[str]) -> dict[str, str]:
        told = {}
        for one in said:
            header, separator, meaning = one.rpartition("=")
            if not separator or not header.strip():
                self.refuse(f'\'{one}\' is no mapping. Write it as --map "Header=field", for example --map "Work no.=phone:work".')
            told[header.strip()] = meaning.strip()
        return told

    def campaign(self, said: str) -> Campaign:
        found = Campaign.objects.filter(pk=int(said)) if said.isdecimal() and len(said) < 19 else Campaign.objects.filter(name=said)
        campaign = found.first()
        if campaign is None:
            others = ", ".join(f"{one.pk} ({one.name})" for one in Campaign.objects.order_by("-pk")[:5])
            self.refuse(f"There is no campaign {said}. {f'The latest are {others}.' if others else 'Create one in the admin first.'}")
        return campaign

    def read_file(self, path: Path, kind: ListImport.Kind, campaign: Campaign | None, told: Options, *, dry_run: bool, shown: bool) -> None:
        taken = self._take_in(path, kind, campaign, told, dry_run=dry_run)
        if taken.rows:
            self.stderr.write(f"Going on with import {taken.pk} after {taken.rows:,} rows.")
        try:
            result = self._run(taken, shown=shown)
        except KeyboardInterrupt:
            self.stderr.write("Interrupted. Run the same command again: it goes on after the last row accounted for.")
            sys.exit(130)
        except DatabaseError as error:
            self.refuse(f"The database refused: {' '.join(str(error).split())}. Run the same command again: it goes on where it stopped.")
        match result:
            case Finished(counts):
                self._summary(taken, counts)
            case Failed(why):
                self._left_out(taken)
                self.refuse(why)
            case ReadElsewhere() | GoesOn():
                self.refuse(f"Another process is reading this file, as import {taken.pk}. Wait for it to finish.")

    def _take_in(self, path: Path, kind: ListImport.Kind, campaign: Campaign | None, told: Options, *, dry_run: bool) -> ListImport:
        try:
            with path.open("rb") as source:
                taken = imports.take_in(
                    campaign, source, kind=kind, file_name=path.name, options=told, dry_run=dry_run, by=None, now=timezone.now(), at_work=True
                )
        except OSError as error:
            self.refuse(f"{path} cannot be read: {error.strerror or error}. Check its name and its permissions.")
        if isinstance(taken, Refused):
            self.refuse(taken.why)
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
        said = "would be accepted" if taken.dry_run else "accepted"
        self.stdout.write(
            f"{counts.rows:,} rows: {counts.accepted:,} {said}, {counts.duplicates:,} duplicate, {counts.rejected:,} rejected "
            f"({counts.seconds:,.1f} s)."
        )
        self._left_out(taken)

    def _left_out(self, taken: ListImport) -> None:
        taken.refresh_from_db()
        if taken.rejects and (taken.duplicates or taken.rejected):
            self.stdout.write(f"The rows left out, with line and reason: {taken.rejects.path}")

    def refuse(self, why: str) -> NoReturn:
        """One sentence and exit code 1; `call_command` sees the same."""
        self.stderr.write(why)
        sys.exit(1)
