"""`manage.py pump_call_events`: the one reader of a telephony node's events."""

import signal
import threading
from argparse import ArgumentParser
from typing import Any

from django.core.checks import Tags
from django.core.management.base import BaseCommand, CommandError
from django.db import DEFAULT_DB_ALIAS

from campaigns import facts
from telephony.nodes import node_named
from workers.event_pump import Pump


class Command(BaseCommand):
    help = "Reads the events of one telephony node, matches answers, keeps the two-second timers and sweeps."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--node", default="", help="the node's name; the first enabled one when left out")

    def handle(self, *args: Any, **options: Any) -> None:
        node = node_named(options["node"])
        if node is None:
            raise CommandError("There is no such telephony node: add one in the admin under Telephony, or name an existing one with --node.")
        self.check(tags=[Tags.database], databases=[DEFAULT_DB_ALIAS])  # a journal ahead of a restored database is said here
        facts.read_ahead()
        stopping = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            # in a thread: the signal may come in the very moment in which this one is inside stopping.wait() and holds its lock
            signal.signal(number, lambda *_: threading.Thread(target=stopping.set).start())
        Pump(node, stopping=stopping, say=lambda line: self.stdout.write(line)).run()
