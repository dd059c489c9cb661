"""Reads numbers that nobody is to call, onto our own list or as the newest version of a register."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from campaigns.imports import Options
from campaigns.management.importing import ImportCommand
from campaigns.models import ListImport


class Command(ImportCommand):
    help = "Puts the numbers of a file on the do-not-call list, of the organisation or of one campaign; a repeat goes on where it stopped."

    def add_arguments(self, parser: ArgumentParser) -> None:
        self.add_file_arguments(parser, fields="phone, reason, expires, campaign, country, skip")
        parser.add_argument(
            "--list", metavar="NAME", default="", help="the register this is the whole of, such as us-national: it replaces the last version"
        )
        parser.add_argument("--campaign", metavar="ID", default="", help="the one campaign that may not call them, by number or name")
        parser.add_argument("--reason", default="", help="for rows that name none")
        parser.add_argument("--expires", metavar="2026-12-31", default="", help="the last day they are not called, for rows that name none")
        parser.add_argument(
            "--as-of",
            metavar="2026-11-30",
            default="",
            help="the day on which its keeper gave the register out, from which its age counts; else today",
        )
        parser.add_argument("--shorter", action="store_true", help="the register has really lost more than half of its numbers, or has none")

    def handle(self, *args: Any, **options: Any) -> None:
        campaign = self.campaign(str(options["campaign"])) if options["campaign"] else None
        told = Options(
            country=options["country"].upper(),
            encoding=options["encoding"],
            delimiter=options["delimiter"],
            mapping=self.mapping(options["map"]),
            register=options["list"],
            reason=options["reason"],
            expires=options["expires"],
            as_of=options["as_of"],
            shorter=options["shorter"],
        )
        self.read_file(
            Path(options["file"]).expanduser(),
            ListImport.Kind.DO_NOT_CALL,
            campaign,
            told,
            dry_run=options["dry_run"],
            shown=options["verbosity"] > 0,
        )
