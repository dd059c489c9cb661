"""Hand-written statements, on a real PostgreSQL: what goes in and what comes out, watched or not."""

from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from uuid import UUID

import pytest
from django.db import DatabaseError, IntegrityError, OperationalError, connection, transaction
from django.db.transaction import TransactionManagementError
from django.test.utils import CaptureQueriesContext

from dialer_project.lib import sql

pytestmark = pytest.mark.django_db


@pytest.fixture(params=["as it is", "watched"])
def looked_at(request: pytest.FixtureRequest) -> Iterator[None]:
    """Whoever counts statements sees the same results as nobody."""
    with CaptureQueriesContext(connection) if request.param == "watched" else nullcontext():
        yield


@pytest.mark.usefixtures("looked_at")
class TestStatements:
    def test_a_place_named_twice_is_one_parameter_and_two_percent_signs_are_one(self) -> None:
        (row,) = sql.rows("SELECT %(a)s::int + %(a)s::int AS twice, %(b)s::text LIKE 'R%%' AS begins, 7 %% %(a)s::int AS rest", {"b": "Ring", "a": 2})
        assert (row.twice, row.begins, row.rest) == (4, True, 1)

    def test_places_without_a_name_are_taken_in_order(self) -> None:
        assert tuple(sql.rows("SELECT %s::int AS a, %s::text AS b", [1, "x"])[0]) == (1, "x")

    def test_a_statement_without_parameters_is_sent_as_it_is(self) -> None:
        assert sql.rows("SELECT 'half: 50%' AS words")[0].words == "half: 50%"

    def test_times_come_back_in_utc_to_the_microsecond(self) -> None:
        at = datetime(2026, 3, 29, 1, 30, 0, 123457, UTC)
        (row,) = sql.rows("SELECT %(at)s::timestamptz AS at", {"at": at})
        assert row.at == at
        assert row.at.utcoffset() == at.utcoffset()

    def test_rows_go_in_as_one_parameter_of_json(self) -> None:
        given = {
            "id": UUID(int=7),
            "at": datetime(2026, 1, 1, tzinfo=UTC),
            "words": "¿sí?",
            "price": Decimal("0.015"),
            "none": None,
            "inside": {"a": [1]},
        }
        (row,) = sql.rows(
            "SELECT * FROM json_to_recordset(%(r)s::json) AS r(id uuid, at timestamptz, words text, price numeric, none int, inside jsonb)",
            {"r": sql.records([given])},
        )
        assert (row.id, row.at, row.words, row.price, row.none) == (given["id"], given["at"], "¿sí?", Decimal("0.015"), None)
        assert sql.loaded(row.inside) == {"a": [1]}

    def test_a_statement_longer_than_psycopg_keeps_is_the_same_as_a_short_one(self) -> None:
        wide = ", ".join(f"%(n)s::int + {i} AS column_number_{i}" for i in range(200))
        assert len(wide) > 4096
        assert sum(sql.rows(f"SELECT {wide}", {"n": 1})[0]) == 200 + sum(range(200))

    def test_a_name_that_is_missing_is_an_error_before_anything_is_sent(self) -> None:
        with pytest.raises((KeyError, DatabaseError)):
            sql.rows("SELECT %(there)s::int", {"here": 1})
        assert sql.rows("SELECT 1 AS one")[0].one == 1

    def test_what_postgresql_refuses_is_djangos_error_and_the_transaction_says_that_it_is_broken(self) -> None:
        with transaction.atomic():
            with pytest.raises(IntegrityError), transaction.atomic():
                sql.changed("INSERT INTO agents_board (id, epoch, rebuilt_at) VALUES (1, NULL, now())")
            assert sql.changed("UPDATE agents_board SET epoch = epoch WHERE id = %s", [-1]) == 0
            transaction.set_rollback(True)
            with pytest.raises(TransactionManagementError):
                sql.rows("SELECT 1")


@pytest.mark.django_db(transaction=True)
def test_what_fails_after_a_commit_spoils_nothing_else_and_is_logged_by_its_name(caplog: pytest.LogCaptureFixture) -> None:
    def lost(node: int) -> None:
        raise OperationalError("the connection is lost")

    done: list[int] = []
    with transaction.atomic():
        sql.after_commit(partial(lost, 1))
        sql.after_commit(lost, 2)
        sql.after_commit(done.append, 3)
        assert done == []
    assert done == [3]
    assert [record.name for record in caplog.records] == ["django.db.backends.base"] * 2
