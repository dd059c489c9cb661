"""What can be wrong with the modes and the settings before anything runs."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Info, Tags, Warning, register
from django.db import DatabaseError
from django.utils import timezone

from campaigns import restore
from campaigns.rules.modes import MODES, RUNS, impossible


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
