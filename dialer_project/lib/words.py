"""The languages agents can be spoken to in: one catalogue each, `locale/<language>/LC_MESSAGES/django.po`, for pages and console alike.

The console is handed its whole catalogue. For the pages Django wants the catalogue compiled: that is done once where the program runs, into
its own folder, without any tool but Python.
"""

import gettext
import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from django.conf import settings
from django.http import HttpRequest
from django.middleware.locale import LocaleMiddleware
from django.urls import reverse
from django.utils import translation

SOURCES: Path = settings.BASE_DIR / "locale"
# what every plural rule in use repeats itself after
COUNTED = 200


class Language(LocaleMiddleware):
    """The language the agent has chosen, else that of the browser. The administration speaks English throughout."""

    def __init__(self, get_response: Any) -> None:
        super().__init__(get_response)
        for language, _ in settings.LANGUAGES:
            _compile(language)
        self._administration = reverse("admin:index")

    def process_request(self, request: HttpRequest) -> None:
        if request.path_info.startswith(self._administration):
            language = settings.LANGUAGE_CODE
        else:
            language = getattr(request.user, "language", "") or translation.get_language_from_request(request)
        translation.activate(language)
        request.LANGUAGE_CODE = translation.get_language()


@lru_cache
def catalogue(language: str) -> Mapping[str, Any]:
    """What the console needs to speak it.

    words: English to the language, a list for what is counted; plural: the place in that list for each number below COUNTED, as one string.
    """
    about = {"language": language, "direction": "rtl" if translation.get_language_info(language)["bidi"] else "ltr"}
    if not source(language).exists():
        return {**about, "words": {}, "plural": ""}
    catalog = read(source(language))
    which = gettext.c2py(catalog.plural_expr)
    return {
        **about,
        "words": {key(message): message.string for message in catalog if message.id and message.string},
        "plural": "".join(str(which(number)) for number in range(COUNTED)),
    }


def key(message: Any) -> str:
    """Of one entry: its English, singular, after its context where it has one."""
    text = message.id[0] if isinstance(message.id, tuple | list) else message.id
    return f"{message.context}\x04{text}" if message.context else text


def source(language: str) -> Path:
    return SOURCES / language / "LC_MESSAGES" / "django.po"


def read(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file)


def _compile(language: str) -> None:
    """Unless it was already, from what the source is now: then both have the same time."""
    written = source(language)
    if not written.exists():
        return
    compiled: Path = settings.LOCALE_PATHS[0] / language / "LC_MESSAGES" / "django.mo"
    at = written.stat().st_mtime_ns
    if compiled.exists() and compiled.stat().st_mtime_ns == at:
        return
    compiled.parent.mkdir(parents=True, exist_ok=True)
    beside = compiled.with_suffix(f".{os.getpid()}")
    with beside.open("wb") as file:
        write_mo(file, read(written))
    os.utime(beside, ns=(at, at))
    beside.replace(compiled)
