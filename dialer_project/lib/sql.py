"""Hand-written SQL for set-based steps: rows in as one JSON parameter, rows out as named tuples."""

import re
from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import orjson
from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.backends.postgresql.base import ServerBindingCursor
from psycopg import RawCursor
from psycopg.types.datetime import TimestamptzLoader

# times a connection runs a statement before it has it prepared
PREPARED_AFTER = 3
# statements a connection keeps prepared: more than there are, or the sweeps' would push out those of the calls
PREPARED_AT_MOST = 1000

# rows of a result that is not kept until the next statement
KEPT_AT_MOST = 1000

Row = Any  # a named tuple whose fields are the statement's columns


_OURS = "_ours"  # the connection's attribute with our cursor
_PLACE = re.compile(r"%(?:\((\w+)\)s|s|%)")


@lru_cache(maxsize=256)
def _row_type(names: tuple[bytes, ...]) -> Any:
    return namedtuple("Row", [name.decode() for name in names])


@lru_cache(maxsize=PREPARED_AT_MOST)
def _numbered(statement: str) -> tuple[bytes, tuple[str, ...]]:
    """With PostgreSQL's own `$1` for each `%(name)s` or `%s`, and their names in order: psycopg, asked to do this, does it anew each time
    for a statement of more than 4096 characters, as those are that move agents."""
    numbers: dict[str, int] = {}

    def number(place: re.Match[str]) -> str:
        if place[0] == "%%":
            return "%"
        return f"${numbers.setdefault(place[1] or str(len(numbers)), len(numbers) + 1)}"

    return _PLACE.sub(number, statement).encode(), tuple(numbers)


def _executed(statement: str, params: Mapping[str, Any] | Sequence[Any] | None) -> Any:
    """Parameters are bound by the server and a statement's plan is kept: planning is more than half of what a small batch costs it. One cursor
    for the life of a connection: a new one has to find out again how to read and write each type, which is nearly half of what a small
    statement costs us. Django's own wrapping, another fifth, is there where somebody counts or logs statements.

    The ORM's own statements stay as Django makes them.
    """
    ours = connections[DEFAULT_DB_ALIAS]
    ours.close_if_health_check_failed()
    ours.ensure_connection()
    ours.validate_thread_sharing()
    if ours.queries_logged or ours.execute_wrappers:
        return _watched(ours, statement, params)
    cursor = getattr(ours.connection, _OURS, None)
    if cursor is None or cursor.closed:
        cursor = _made(ours)
    ours.validate_no_broken_transaction()
    with ours.wrap_database_errors:
        if params is None:
            cursor.execute(statement)
        else:
            text, names = _numbered(statement)
            cursor.execute(text, [params[name] for name in names] if isinstance(params, Mapping) else params)
    return cursor


def _made(ours: Any) -> Any:
    raw = ours.connection
    raw.prepare_threshold, raw.prepared_max = PREPARED_AFTER, PREPARED_AT_MOST
    cursor: Any = RawCursor(raw)
    cursor.adapters.register_loader("timestamptz", TimestamptzLoader)  # psycopg's own, in C; the session's time zone is UTC
    setattr(raw, _OURS, cursor)
    return cursor


def _watched(ours: Any, statement: str, params: Mapping[str, Any] | Sequence[Any] | None) -> Any:
    factory: Any = ServerBindingCursor  # django-stubs do not know that it is psycopg's
    cursor = factory(ours.connection)
    cursor.adapters.register_loader("timestamptz", TimestamptzLoader)
    watched = ours.make_debug_cursor(cursor) if ours.queries_logged else ours.make_cursor(cursor)
    watched.execute(statement, params)
    return watched


def after_commit(do: Callable[..., object], *args: Any, **kwargs: Any) -> None:
    """Done once this transaction is on disk, in the order asked for. What goes wrong in it is logged and spoils nothing else, so it must be
    something that may be lost: a hint, an order that a sweep finds by its row and gives again, or a line without which the do-not-call journal
    forbids more than the database does.

    Django's log wants a name for it, which a functools.partial has not: one of those that failed would end its process.
    """

    def told() -> None:
        do(*args, **kwargs)

    told.__qualname__ = getattr(do, "__qualname__", repr(do))
    transaction.on_commit(told, robust=True)  # noqa: TID251  # the one place


def rows(statement: str, params: Mapping[str, Any] | Sequence[Any] | None = None) -> list[Row]:
    """Runs one statement and returns what it returns; nothing for a statement without a result."""
    cursor = _executed(statement, params)
    result = cursor.pgresult  # the cursor's own description says more of each column, and costs as much as a small statement
    if not result.nfields:
        return []
    make = _row_type(tuple(map(result.fname, range(result.nfields))))._make
    found = list(map(make, cursor.fetchall()))
    if len(found) > KEPT_AT_MOST:
        cursor.close()
    return found


def changed(statement: str, params: Mapping[str, Any] | Sequence[Any] | None = None) -> int:
    """Runs one statement and returns how many rows it touched."""
    return int(_executed(statement, params).rowcount)


def records(values: Iterable[Mapping[str, Any]]) -> str:
    """Rows as the one JSON parameter of `json_to_recordset(%(records)s::json) AS r(id uuid, at timestamptz, …)`."""
    return orjson.dumps(list(values), default=str).decode()


def loaded(value: Any) -> Any:
    """A JSON column's value: Django's connections hand it over as text, a plain one as what it holds."""
    return orjson.loads(value) if isinstance(value, str) else value
