from __future__ import annotations

import asyncio
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from telephony.drivers.simulated import server


class Command(BaseCommand):
    help = "The simulated carrier as a process: everybody who can be called, and their phones. Ends on SIGTERM."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--listen", metavar="HOST:PORT", help="instead of SIMULATED_CARRIER")
        server.add_options(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        listen = options["listen"] or settings.SIMULATED_CARRIER
        try:
            host, port = server.address(listen)
        except ValueError as wrong:
            raise CommandError(f"{wrong}. Give another with --listen or SIMULATED_CARRIER.") from wrong
        try:
            asyncio.run(server.serve(server.world_from(options), host, port, started=self.started))
        except OSError as taken:
            raise CommandError(f"Cannot listen on {listen}: {taken.strerror}. Choose another with --listen or SIMULATED_CARRIER.") from taken

    def started(self, host: str, port: int) -> None:
        self.stdout.write(f"listening on {host}:{port}")
        self.stdout.flush()
