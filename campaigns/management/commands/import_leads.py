"""Reads a calling list into a campaign, with a progress bar; a repeat after an interruption goes on where it stopped."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from campaigns.imports import Options
from campaigns.management.importing import ImportCommand
from campaigns.models import ListImport

FIELDS = "phone, phone:mobile, phone:home, phone:work, first_name, last_name, name, company, email, external_id, country, time_zone, do_not_call, extra, skip …"


class Command(ImportCommand):
    help = "Imports a calling list (CSV of Salesforce, HubSpot, VICIdial or plain; any encoding and delimiter) into a campaign."

    def add_arguments(self, parser: ArgumentParser) -> None:
        self.add_file_arguments(parser, fields=FIELDS)
        parser.add_argument("--campaign", metavar="ID", required=True, help="the campaign's number, or its name")
        parser.add_argument("--list", metavar="NAME", default="", help="the calling list to fill; else one named as the file")
        parser.add_argument("--source", default="", help="where the file's ids come from, such as salesforce; else found out")

    def handle(self, *args: Any, **options: Any) -> None:
        campaign = self.campaign(str(options["campaign"]))
        told = Options(
            country=options["country"],
            encoding=options["encoding"],
            delimiter=options["delimiter"],
            source=options["source"],
            list_name=options["list"],
            mapping=self.mapping(options["map"]),
        )
        self.read_file(
            Path(options["file"]).expanduser(), ListImport.Kind.LEADS, campaign, told, dry_run=options["dry_run"], shown=options["verbosity"] > 0
        )
