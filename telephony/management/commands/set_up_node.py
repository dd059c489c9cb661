"""`manage.py set_up_node`: a telephony node's row, made or brought up to date, where machines set a host up."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from telephony.models import Node


class Command(BaseCommand):
    help = "Makes the telephony node of this name known, or changes its driver and address. Whether it is enabled stays as it is."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--driver", default="asterisk", choices=["asterisk", "simulated"])
        parser.add_argument("--url", required=True, help="for example http://asterisk:8088")
        parser.add_argument("--browser-url", help="where pages that are phones connect, for example wss://dialer.example.com/sip")

    def handle(self, *args: Any, **options: Any) -> None:
        given = ("driver", "url", *(["browser_url"] if options["browser_url"] is not None else []))
        node, is_new = Node.objects.update_or_create(name=options["name"], defaults={name: options[name] for name in given})
        self.stdout.write(f"{node.name} is {'known now' if is_new else 'known'}: {node.driver} at {node.url}")
