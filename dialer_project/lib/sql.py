"""Hand-written SQL for set-based steps: rows in as one JSON parameter, rows out as named tuples."""

import json
from collections import namedtuple
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from django.db import connection
from django.db.backends.postgresql.base import ServerBindingCursor
from psycopg.types.datetime import TimestamptzLoader

# times a connection runs a statement before it has it prepared
PREPARED_AFTER = 3
# statements a connection keeps prepared: more than there are, or the sweeps' would push out those of the calls
PREPARED_AT_MOST = 1000

# rows of a result that is not kept until the next statement
KEPT_AT_MOST = 1000

Row = Any  # a named tuple whose fields are the statement's columns


_OURS = "_ours"  # the connection's attribute with our cursor


@lru_cache(maxsize=256)
def _row_type(names: tuple[bytes, ...]) -> Any:
    return namedtuple("Row", [name.decode() for name in names])


def _cursor() -> Any:
    """Parameters are bound by the server and a statement's plan is kept: planning is more than half of what a small batch costs it. One cursor
    for the life of a connection: a new one has to find out again how to read and write each type, which is nearly half of what a small
    statement costs us.

    The ORM's own statements stay as Django makes them.
    """
    connection.close_if_health_check_failed()
    connection.ensure_connection()
    connection.validate_thread_sharing()
    raw: Any = connection.connection
    ours = getattr(raw, _OURS, None)
    if ours is None or ours.closed:
        raw.prepare_threshold, raw.prepared_max = PREPARED_AFTER, PREPARED_AT_MOST
        usual, raw.cursor_factory = raw.cursor_factory, ServerBindingCursor
        try:
            with connection.wrap_database_errors:
                ours = connection.create_cursor()
        finally:
            raw.cursor_factory = usual
        ours.adapters.register_loader("timestamptz", TimestamptzLoader)  # psycopg's own, in C; the session's time zone is UTC
        setattr(raw, _OURS, ours)
    return connection.make_debug_cursor(ours) if connection.queries_logged else connection.make_cursor(ours)


def rows(statement: str, params: Mapping[str, Any] | Sequence[Any] | None = None) -> list[Row]:
    """Runs one statement and returns what it returns; nothing for a statement without a result."""
    cursor = _cursor()
    cursor.execute(statement, params)
    result = cursor.pgresult  # the cursor's own description says more of each column, and costs as much as a small statement
    if not result.nfields:
        return []
    make = _row_type(tuple(result.fname(column) for column in range(result.nfields)))._make
    found = [make(row) for row in cursor.fetchall()]
    if len(found) > KEPT_AT_MOST:
        cursor.close()
    return found


def changed(statement: str, params: Mapping[str, Any] | Sequence[Any] | None = None) -> int:
    """Runs one statement and returns how many rows it touched."""
    cursor = _cursor()
    cursor.execute(statement, params)
    return int(cursor.rowcount)


def records(values: Iterable[Mapping[str, Any]]) -> str:
    """Rows as the one JSON parameter of `json_to_recordset(%(records)s::json) AS r(id uuid, at timestamptz, …)`."""
    return json.dumps(list(values), default=str)


def loaded(value: Any) -> Any:
    """A JSON column's value: Django's connections hand it over as text, a plain one as what it holds."""
    return json.loads(value) if isinstance(value, str) else value
