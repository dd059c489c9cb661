"""Environment variables, read loudly: a missing or malformed one stops the process with a sentence that says which, what and how.

Standard library only. `settings.py` is the one place that reads the environment; it reads it through here.
An empty value counts as a missing one: `FOO= make run` is how a shell says "not set".
"""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit
from zoneinfo import available_timezones

TRUE = frozenset({"1", "true", "yes", "on"})
FALSE = frozenset({"0", "false", "no", "off"})


class Misconfigured(Exception):
    """An environment variable is missing or cannot be read."""


def text(name: str, default: str | None = None, *, example: str = "some-text") -> str:
    """The variable as it stands, or what is in the file that NAME_FILE names, which is how containers are handed secrets. Without a
    default it must be set."""
    found = os.environ.get(name, "").strip() or _in_file(name)
    if found:
        return found
    if default is None:
        raise Misconfigured(f"{name} is not set. Set it in the environment, for example {name}={example}")
    return default


def _in_file(name: str) -> str:
    path = os.environ.get(f"{name}_FILE", "").strip()
    if not path:
        return ""
    try:
        return Path(path).read_text().strip()
    except OSError as error:
        raise Misconfigured(f"{name}_FILE names {path}, which cannot be read: {error.strerror}") from None


def url(name: str, default: str | None = None, *, schemes: Sequence[str] = (), example: str | None = None) -> str:
    """A URL, of one of the given schemes if any are given."""
    example = example or f"{schemes[0] if schemes else 'https'}://host/path"
    found = text(name, default, example=example)
    if not found:  # an empty default says: may be absent
        return found
    scheme = urlsplit(found).scheme
    if "://" not in found or not scheme or (schemes and scheme not in schemes):
        wanted = " or ".join(f"{scheme}://" for scheme in schemes) or "a URL"
        raise Misconfigured(f"{name} should be {wanted}, found {_without_password(found)!r}, for example {name}={example}")
    return found


def time_zone(name: str, default: str | None = None) -> str:
    """The name of a time zone."""
    found = text(name, default, example="Europe/Madrid")
    if found not in available_timezones():
        raise Misconfigured(f"{name} should be the name of a time zone, found {found!r}, for example {name}=Europe/Madrid")
    return found


def flag(name: str, default: bool | None = None) -> bool:
    """Yes or no, in the usual spellings."""
    found = text(name, None if default is None else str(default), example="1").lower()
    if found in TRUE:
        return True
    if found in FALSE:
        return False
    raise Misconfigured(f"{name} should be 1 or 0 (also true or false, yes or no, on or off), found {found!r}, for example {name}=1")


def integer(name: str, default: int | None = None, *, at_least: int | None = None, at_most: int | None = None) -> int:
    """A whole number, within the bounds if any are given."""
    example = default if default is not None else at_least if at_least is not None else 10
    found = text(name, None if default is None else str(default), example=str(example))
    bounds = [f"at least {at_least}"] if at_least is not None else []
    bounds += [f"at most {at_most}"] if at_most is not None else []
    malformed = Misconfigured(
        f"{name} should be {' '.join(['a whole number', ' and '.join(bounds)]).strip()}, found {found!r}, for example {name}={example}"
    )
    try:
        number = int(found)
    except ValueError:
        raise malformed from None
    if (at_least is not None and number < at_least) or (at_most is not None and number > at_most):
        raise malformed
    return number


def words(name: str, default: Sequence[str] | None = None, *, example: str = "one,two") -> tuple[str, ...]:
    """Several words, separated by commas or spaces."""
    if default is not None and not text(name, ""):
        return tuple(default)
    found = tuple(text(name, example=example).replace(",", " ").split())
    if not found:
        raise Misconfigured(f"{name} should be words separated by commas, found only separators, for example {name}={example}")
    return found


def database(url: str, *, name: str = "DATABASE_URL", password: str = "") -> dict[str, Any]:
    """A PostgreSQL URL as an entry of Django's DATABASES; `password` where the URL has none. What follows the `?` goes to libpq, except `host` and `port`, which also
    name a socket directory or a server there: `postgresql://user:password@/database?host=%2Frun%2Fpostgresql`."""
    example = f"{name}=postgresql://user:password@localhost:5432/database"
    parts = urlsplit(url)
    if parts.scheme not in {"postgresql", "postgres"}:
        raise Misconfigured(f"{name} should be postgresql://, found {_without_password(url)!r}, for example {example}")
    try:
        port = parts.port
    except ValueError:
        raise Misconfigured(f"{name} should have a number for its port, found {_without_password(url)!r}, for example {example}") from None
    database_name = unquote(parts.path.removeprefix("/"))
    if not database_name:
        raise Misconfigured(f"{name} should name a database, found {_without_password(url)!r}, for example {example}")
    options: dict[str, Any] = dict(parse_qsl(parts.query))
    host = options.pop("host", None) or unquote(parts.hostname or "")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": database_name,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or "") or password,
        "HOST": host,
        "PORT": str(options.pop("port", None) or port or ""),
        "OPTIONS": options,
    }


def _without_password(url: str) -> str:
    """What an error message may show. A pattern and not a parser: the URL at hand is the one that could not be parsed."""
    return re.sub(r":[^:@]*@", ":…@", url)
