"""What whoever spreads requests is told."""

from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client

pytestmark = pytest.mark.django_db


def test_a_web_process_is_well_that_has_postgresql_and_redis(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client()
    assert (client.get("/healthz").status_code, client.get("/healthz").content) == (200, b"ok")

    settings.HOT_REDIS_URL = "redis://127.0.0.1:1/0"
    assert client.get("/healthz").status_code == 503

    def cut_off(statement: str) -> None:
        raise OperationalError("the server closed the connection")

    monkeypatch.setattr("dialer_project.lib.sql.rows", cut_off)
    settings.HOT_REDIS_URL = settings.REDIS_URL
    answer = client.get("/healthz")
    assert (answer.status_code, answer.content) == (503, b"OperationalError\n")
