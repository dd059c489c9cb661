from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from telephony.drivers.simulated import server
from telephony.drivers.simulated.sip_world import SipWorld


class Command(BaseCommand):
    help = "People behind a real exchange: who is called through its trunk, and the agents' phones, which register. Ends on SIGTERM."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--exchange", metavar="HOST:PORT", required=True, help="where the exchange takes SIP over UDP")
        parser.add_argument("--port", type=int, default=0, help="where the exchange's trunk calls")
        parser.add_argument("--stations", default="", metavar="NAME,NAME", help="phones to register")
        parser.add_argument("--password-file", type=Path, help="the password of these phones")
        server.add_options(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            host, port = server.address(options["exchange"])
        except ValueError as wrong:
            raise CommandError(f"{wrong}. Give another with --exchange.") from wrong
        password = options["password_file"].read_text().strip() if options["password_file"] else ""
        try:
            world = SipWorld(
                server.script_from(options), (host, port), password, seed=options["seed"], port=options["port"], stations_talk=True
            ).start()
        except OSError as taken:
            raise CommandError(f"Cannot listen on port {options['port']}: {taken.strerror}. Choose another with --port.") from taken
        stopping = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: threading.Thread(target=stopping.set).start())
        for name in filter(None, options["stations"].split(",")):
            world.station_up(name)
        self.stdout.write(f"people are there, called on port {world.port}")
        self.stdout.flush()
        stopping.wait()
        world.stop()
