"""After the restore of an older backup: everything the do-not-call journal knows and the database no longer does."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from campaigns import restore
from campaigns.journal import Journal


class Command(BaseCommand):
    help = "Applies the do-not-call journal to a database restored from an older backup. May be run at any time; a repeat does nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("journal", nargs="*", type=Path, help="the journals, one of each machine; else the one of this machine")
        parser.add_argument("--dry-run", action="store_true", help="tell what would be put right, and change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        journals = [Journal(path.expanduser()) for path in options["journal"]] or [Journal()]
        if missing := [journal.path for journal in journals if not journal.path.is_file()]:
            self.stderr.write(f"There is no journal at {missing[0]}. Name the file, or set DO_NOT_CALL_JOURNAL to where it is.")
            sys.exit(1)
        done = restore.replay(journals, now=timezone.now(), dry_run=options["dry_run"])
        would = "would be " if options["dry_run"] else ""
        self.stdout.write(
            f"{done.listed:,} numbers {would}listed again, {done.removed:,} {would}taken off as two persons had decided, "
            f"{done.released:,} {would}released with their register."
        )
        for name in done.renewed:
            self.stdout.write(f"The age of {name} {'would be' if options['dry_run'] else 'is'} known again.")
        for sentence in done.left:
            self.stdout.write(sentence)
        if done.damaged:
            lines = ", ".join(map(str, done.damaged[:20]))
            self.stderr.write(
                f"{len(done.damaged):,} lines are damaged and were left out: {lines}. A torn line was never promised to anybody; any other"
            )
            self.stderr.write("one should be looked up in a copy of the journal.")
            sys.exit(1)
