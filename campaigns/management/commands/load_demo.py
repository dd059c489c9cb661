"""What `make run` shows: accounts, phones, two campaigns with people to call, all invented. A repeat changes nothing but the carrier's address."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import random
import secrets
import wave
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from agents.desk import Refusal
from agents.models import Agent, NotReadyReason, Station, Team, User
from campaigns import imports
from campaigns.flow import control
from campaigns.imports import Finished, Options, Refused
from campaigns.models import CallableHours, Campaign, Destination, Disposition, ListImport, RetryRule, RulePack
from campaigns.rules.lifecycle import CampaignMove, CampaignState
from campaigns.rules.outcomes import DispositionClass, Outcome
from campaigns.rules.permit import DAYS
from campaigns.rules.rule_packs import AT_ANY_HOUR
from telephony import media
from telephony.models import Announcement, CallerId, Node, Trunk
from telephony.rules.sound import RATE, Playable

LOGINS = "demo-logins.json"
OURS = ("agents", "campaigns", "telephony")
# what a supervisor may do besides looking at everything
SUPERVISES = ("change_campaign", "listen_in", "whisper", "barge_in", "play_recording", "approve_donotcallremoval")

AGENTS = {
    "ana": ("Ana", "Ruiz"),
    "ben": ("Ben", "Okafor"),
    "carla": ("Carla", "Lindqvist"),
    "dev": ("Dev", "Sharma"),
    "ella": ("Ella", "Moreau"),
    "finn": ("Finn", "Becker"),
}
# code, label, minutes, counts as a break
REASONS = (
    ("break", "Break", 15, True),
    ("lunch", "Lunch", 45, True),
    ("training", "Training", None, False),
    ("meeting", "Meeting", None, False),
)
SYSTEM_REASONS = {
    "login": "Signed in",
    "no_answer": "No answer/record not accepted",
    "connection_lost": "Connection lost",
    "phone_lost": "Phone lost",
    "wrap_up_expired": "Wrap-up ran out",
    "supervisor": "Set by a supervisor",
}
DISPOSITIONS = (
    ("sale", "Sale", DispositionClass.SUCCESS),
    ("not_interested", "Not interested", DispositionClass.NOT_INTERESTED),
    ("call_back", "Call back", DispositionClass.CALLBACK),
    ("try_again", "Try again", DispositionClass.TRY_AGAIN),
    ("machine", "Answering machine", DispositionClass.MACHINE),
    ("wrong_number", "Wrong number", DispositionClass.WRONG_NUMBER),
    ("no_callback", "Do not call back", DispositionClass.NO_CALLBACK),
    ("do_not_call", "Do not call", DispositionClass.DO_NOT_CALL),
    ("other", "Other", DispositionClass.OTHER),
)
# retried within minutes, so that one sees it
RETRIES = ((Outcome.BUSY, 3, 2, False), (Outcome.NO_ANSWER, 3, 5, True), (Outcome.MACHINE, 2, 10, True))

FIRST = [
    "Maria",
    "Omar",
    "Lena",
    "Paul",
    "Aisha",
    "Jonas",
    "Ines",
    "Tom",
    "Priya",
    "Luca",
    "Greta",
    "Samir",
    "Nora",
    "Felix",
    "Amara",
    "Hugo",
    "Yuki",
    "Clara",
    "Idris",
    "Rosa",
    "Emil",
    "Zara",
    "Victor",
    "Leila",
]
LAST = [
    "Keller",
    "Haddad",
    "Novak",
    "Marsh",
    "Diallo",
    "Ferrari",
    "Sundaram",
    "Holm",
    "Costa",
    "Byrne",
    "Yilmaz",
    "Petrov",
    "Larsen",
    "Mensah",
    "Dubois",
    "Rossi",
    "Tanaka",
    "Weiss",
    "Khan",
    "Silva",
]
TOWNS = {"113 496": "Leeds", "121 496": "Birmingham", "141 496": "Glasgow", "191 498": "Newcastle"}
AREAS = {"212": "New York", "310": "Los Angeles", "617": "Boston", "415": "San Francisco"}


# name, number, note
DIRECTORY = (
    ("Billing", "+442079460101", "Invoices and refunds"),
    ("Complaints", "+442079460102", "Ask the customer first"),
)
# name, what it stands for, notes, whether agents play it in a conversation
MELODIES: tuple[tuple[str, str, tuple[float, ...], bool], ...] = (
    ("Terms and conditions", "A melody in the place of words that agents need not say themselves.", (523.3, 659.3, 784.0, 1046.5), True),
    ("Left on a machine", "A melody in the place of the message that is left on an answering machine.", (784.0, 659.3, 523.3, 659.3, 523.3), False),
)


@dataclass(frozen=True, slots=True)
class Login:
    role: str
    username: str
    password: str
    address: str


class Command(BaseCommand):
    help = "Loads the demo: accounts, phones and two campaigns with invented people. May be run again at any time."

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        call_command("load_rule_packs", stdout=io.StringIO())
        Path(settings.STATE_DIR).mkdir(parents=True, exist_ok=True)
        with transaction.atomic():
            logins = _people(_known())
            _choices()
            trunk, caller_id, message = _lines()
        _remember(logins)
        admin = User.objects.get(username="admin")
        voicemail = _sounds(by=admin, now=now)
        agents = {agent.user.username: agent for agent in Agent.objects.filter(user__username__in=AGENTS).select_related("user")}
        # both call at any hour: a demo is started whenever somebody is curious, and nobody is woken by it. So their law is the strict default
        # without its hours; its caps, holds and the rest are shown at work
        law = RulePack.objects.get(name=AT_ANY_HOUR, version=1)
        always = CallableHours.objects.get(name="Always")
        common = {"caller_id": caller_id, "trunk": trunk, "message": message, "hours": always, "ring_for": 20, "min_ring_for": 20, "wrap_up_for": 20}
        common |= {"voicemail": voicemail, "recording": Campaign.Recorded.ON_DEMAND}
        plans: tuple[tuple[str, str, str, Sequence[str], str], ...] = (
            ("Spring renewal", "progressive", "Subscriptions that end this spring", ("ana", "ben", "carla", "dev"), _british(400)),
            ("Welcome calls", "agent_first", "A word with new customers", ("ella", "finn"), _both_sides(400)),
        )
        for name, mode, description, members, people in plans:
            facts = {"mode_key": mode, "description": description, "call_application": "any", "created_by": admin, **common}
            with transaction.atomic():
                campaign, fresh = Campaign.objects.get_or_create(name=name, defaults=facts)
                if fresh:
                    campaign.rule_packs.set([law])
                    for outcome, at_most, minutes, next_number in RETRIES:
                        RetryRule.objects.create(
                            campaign=campaign, outcome=outcome, max_attempts=at_most, delay_minutes=minutes, next_number=next_number
                        )
                    control.assign(campaign, [agents[member] for member in members], by=admin, now=now)
                    control.edited(campaign, by=admin, now=now)
            self._bring_in(campaign, people, by=admin, now=now)
            self._start(campaign, by=admin, now=now)

    def _bring_in(self, campaign: Campaign, people: str, *, by: User, now: datetime) -> None:
        """Through the real importer; one that was interrupted goes on where it stopped."""
        if campaign.imports.filter(state=ListImport.State.DONE).exists() or campaign.state != CampaignState.UNAPPROVED:
            return
        file_name = f"{campaign.name.lower().replace(' ', '-')}.csv"
        told = Options(country="GB", list_name=f"{campaign.name} list", source="demo")
        taken = imports.take_in(campaign, io.BytesIO(people.encode()), file_name=file_name, options=told, dry_run=False, by=by, now=now, at_work=True)
        if isinstance(taken, Refused):
            raise CommandError(f"{campaign}: {taken.why}")
        match imports.run(taken.pk, now=now, for_at_most=None):
            case Finished(counts):
                self.stdout.write(f"{campaign}: {counts.accepted} people, {counts.duplicates} duplicates, {counts.rejected} rows rejected")
            case unfinished:
                raise CommandError(f"{campaign}: its list could not be read: {unfinished}")

    def _start(self, campaign: Campaign, *, by: User, now: datetime) -> None:
        """Once only: what a person did to it since then stays as it is."""
        campaign.refresh_from_db()
        if campaign.changes.filter(move=CampaignMove.START).exists():
            return
        verbs = [control.approve, control.start] if campaign.state == CampaignState.UNAPPROVED else [control.start]
        for verb in verbs:
            match verb(campaign, by=by, now=now):
                case Refusal(sentence):
                    raise CommandError(sentence)
        self.stdout.write(f"{campaign} is running")


def _known() -> dict[str, Login]:
    """The logins of the last time."""
    try:
        told = json.loads((Path(settings.STATE_DIR) / LOGINS).read_text())
        return {login["username"]: Login(**login) for login in told}
    except (OSError, ValueError, TypeError, KeyError):
        return {}


def _remember(logins: Sequence[Login]) -> None:
    """Written beside and moved into place: never readable by others, never half there."""
    path = Path(settings.STATE_DIR) / LOGINS
    written = json.dumps([asdict(login) for login in logins], indent=1)
    if path.exists() and path.read_text() == written:
        return
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    with open(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        file.write(written)
    fresh.replace(path)


def _people(known: dict[str, Login]) -> list[Login]:
    team, _ = Team.objects.get_or_create(name="Outbound")
    logins = [
        _account("administrator", "admin", "/admin/", known, is_staff=True, is_superuser=True),
        _account("supervisor", "sam", "/admin/", known, first_name="Sam", last_name="Adeyemi", is_staff=True),
    ]
    supervisors, fresh = Group.objects.get_or_create(name="Supervisors")
    if fresh:
        looks = Permission.objects.filter(content_type__app_label__in=OURS, codename__startswith="view_")
        supervisors.permissions.set([*looks, *Permission.objects.filter(content_type__app_label__in=OURS, codename__in=SUPERVISES)])
    User.objects.get(username="sam").groups.add(supervisors)
    Station.objects.get_or_create(name="sam", defaults={"endpoint": "sam", "auto_answer": True})
    for username, (first_name, last_name) in AGENTS.items():
        logins.append(_account("agent", username, "/console/", known, first_name=first_name, last_name=last_name))
        station, _ = Station.objects.get_or_create(name=username, defaults={"endpoint": username, "auto_answer": True})
        Agent.objects.get_or_create(user=User.objects.get(username=username), defaults={"team": team, "station": station})
    return logins


def _account(role: str, username: str, address: str, known: dict[str, Login], **facts: Any) -> Login:
    """An account is made once; its password is new where nobody knows it any more."""
    login = known.get(username) or Login(role, username, secrets.token_urlsafe(12), address)
    user, fresh = User.objects.get_or_create(username=username, defaults=facts)
    if fresh or username not in known:
        user.set_password(login.password)
        user.save(update_fields=["password"])
    return login


def _choices() -> None:
    for position, (code, label, minutes, pause) in enumerate(REASONS):
        facts = {"label": label, "max_minutes": minutes, "counts_as_break": pause, "position": position}
        NotReadyReason.objects.get_or_create(code=code, defaults=facts)
    for code, label in SYSTEM_REASONS.items():
        NotReadyReason.objects.get_or_create(code=code, defaults={"label": label, "system": True, "position": 100})
    for position, (code, label, kind) in enumerate(DISPOSITIONS):
        Disposition.objects.get_or_create(campaign=None, code=code, defaults={"label": label, "kind": kind, "position": position})
    CallableHours.objects.get_or_create(name="Every day, 08:00 to 21:00", defaults={"week": {day: [["08:00", "21:00"]] for day in DAYS}})
    CallableHours.objects.get_or_create(name="Always", defaults={"week": {day: [["00:00", "24:00"]] for day in DAYS}})


def _lines() -> tuple[Trunk, CallerId, Announcement]:
    driver, url = ("asterisk", settings.ASTERISK_URL) if settings.ASTERISK_URL else ("simulated", settings.SIMULATED_CARRIER)
    pages = settings.ASTERISK_URL.replace("http", "ws", 1) + "/ws" if settings.ASTERISK_URL else ""  # the same server takes them, on this machine
    at = {"driver": driver, "url": url, "browser_url": pages}
    node, fresh = Node.objects.get_or_create(name="local", defaults=at)
    if not fresh and {name: getattr(node, name) for name in at} != at:
        Node.objects.filter(pk=node.pk).update(**at)  # it listens elsewhere after each start, and may be another one
    trunk, _ = Trunk.objects.get_or_create(name="demo", defaults={"endpoint": "demo", "max_calls": 50, "calls_per_second": 10})
    caller_id, _ = CallerId.objects.get_or_create(e164="+442079460000", defaults={"label": "Demo", "verified": True, "trunk": trunk})
    message, _ = Announcement.objects.get_or_create(
        name="Nobody is free",
        defaults={
            "media": "sound:abandoned",
            "text": "This was Ringmaster Demo on 020 7946 0000. All our agents are busy. We will not call again within three days.",
        },
    )
    return trunk, caller_id, message


def _sounds(*, by: User, now: datetime) -> Announcement:
    """Whom an agent can bring in, and what can be played. Nobody speaks in it: these are melodies. Returns what is left on a machine."""
    for position, (name, number, note) in enumerate(DIRECTORY):
        Destination.objects.get_or_create(name=name, defaults={"number": number, "note": note, "position": position})
    made = []
    for name, text, notes, by_agents in MELODIES:
        announcement, fresh = Announcement.objects.get_or_create(name=name, defaults={"text": text, "in_conversation": by_agents})
        if fresh:
            media.new_version(announcement, _melody(notes), by=by, now=now)
        made.append(announcement)
    return made[-1]


def _melody(notes: Sequence[float]) -> Playable:
    """Notes in Hz, each for a third of a second, softer towards its end."""
    lasts = RATE // 3
    samples = array("h", (int(6000 * (1 - at / lasts) * math.sin(2 * math.pi * note * at / RATE)) for note in notes for at in range(lasts)))
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setparams((1, 2, RATE, 0, "NONE", ""))
        out.writeframes(samples.tobytes())
    return Playable(file.getvalue(), len(samples) / RATE)


# Numbers set aside for films and examples: nobody has them.


def _british(count: int) -> str:
    def rows(chance: random.Random) -> Iterator[dict[str, str]]:
        for each in range(count):
            area, town = list(TOWNS.items())[each % len(TOWNS)]
            home = f"0{area} {each // len(TOWNS):04d}" if chance.random() < 0.6 else ""
            yield _person(chance, each, "R") | {"Mobile": f"07700 900{each:03d}", "Home": home, "City": town, "Plan": chance.choice("SML")}
        yield _person(chance, count, "R") | {"Mobile": "ask her sister", "Plan": "M"}
        yield _person(chance, count + 1, "R") | {"Mobile": "", "Home": ""}

    return _csv(rows(random.Random(1)), ("Customer Id", "First Name", "Last Name", "Email", "Mobile", "Home", "City", "Plan"))


def _both_sides(count: int) -> str:
    def rows(chance: random.Random) -> Iterator[dict[str, str]]:
        for each in range(count):
            area, town = list(AREAS.items())[each % len(AREAS)]
            british = each >= count // 2
            number = f"+44 7700 900{400 + each:03d}" if british else f"+1 {area} 555 01{each // len(AREAS):02d}"
            yield _person(chance, each, "W") | {"Phone": number, "City": "London" if british else town, "Since": f"2026-{1 + each % 12:02d}-01"}

    return _csv(rows(random.Random(2)), ("Customer Id", "First Name", "Last Name", "Email", "Phone", "City", "Since"))


def _person(chance: random.Random, each: int, kind: str) -> dict[str, str]:
    first, last = chance.choice(FIRST), chance.choice(LAST)
    return {"Customer Id": f"{kind}{each:04d}", "First Name": first, "Last Name": last, "Email": f"{first}.{last}{each}@example.com".lower()}


def _csv(rows: Iterator[dict[str, str]], header: Sequence[str]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, header, restval="")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
