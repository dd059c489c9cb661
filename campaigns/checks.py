"""What can be wrong with the modes and the settings before anything runs."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Info, Tags, Warning, register
from django.db import DatabaseError
from django.utils import timezone

from campaigns import restore
from campaigns.models import PhoneNumber
from campaigns.rules.modes import MODES, RUNS, impossible
from campaigns.rules.number_keys import number_key


@register(Tags.models)
def modes_are_possible(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    found: list[CheckMessage] = [
        Error(f"The dialing mode {key} cannot work: {why}", hint="Change its row in campaigns/rules/modes.py.", id="campaigns.E001")
        for key, mode in MODES.items()
        for why in impossible(mode)
    ]
    found += [
        Error(f"The dialing mode {key} is said to run and has no row.", hint="Correct RUNS in campaigns/rules/modes.py.", id="campaigns.E002")
        for key in sorted(RUNS - set(MODES))
    ]
    return found


@register(Tags.security, deploy=True)
def do_not_call_outlives_the_secret_key(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    if settings.NUMBER_KEY != settings.SECRET_KEY:
        return []
    return [
        Info(
            "Do-not-call lists are keyed with SECRET_KEY: a new SECRET_KEY would lose them all.",
            hint="Set NUMBER_KEY to today's SECRET_KEY before you change that.",
            id="campaigns.I001",
        )
    ]


@register(Tags.database)
def numbers_are_keyed_with_the_same_key(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """Under another key a number that is listed now would match none of those that are called: nothing may be dialed so."""
    if not kwargs.get("databases"):
        return []
    try:
        newest = PhoneNumber.objects.order_by("-pk").values_list("e164", "number_key").first()
    except DatabaseError:
        return []  # not migrated yet
    if newest is None or newest[1] == number_key(newest[0], settings.NUMBER_KEY):
        return []
    return [
        Error(
            "NUMBER_KEY is not the one under which the numbers in the database are kept: whoever is put on a do-not-call list would be called.",
            hint="Give NUMBER_KEY its old value; where it was never set, that is the old SECRET_KEY.",
            id="campaigns.E004",
        )
    ]


@register(Tags.database)
def the_database_knows_what_the_journal_knows(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """Asked where a database may be asked: by `migrate`, by the event pump, and by `check --database default`."""
    if not kwargs.get("databases"):
        return []
    try:
        found = restore.ahead(now=timezone.now())
    except DatabaseError:
        return []  # not migrated yet: there is nothing to compare with
    except OSError as error:
        return [
            Error(f"The do-not-call journal cannot be read: {error}", hint="Correct DO_NOT_CALL_JOURNAL or its permissions.", id="campaigns.E003")
        ]
    if not found.anything and not found.left:
        return []
    return [
        Warning(
            "The do-not-call journal is ahead of the database, as after the restore of an older backup: numbers may be called that must not be.",
            hint="Stop dialing, and run manage.py replay_do_not_call.",
            id="campaigns.W001",
        )
    ]
