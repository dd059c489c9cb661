"""The pages around the console: who is led where, and what each allows."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from agents import views
from agents.models import Agent


@pytest.fixture
def client(ana: Agent) -> Client:
    client = Client()
    client.force_login(ana.user)
    return client


def test_agents_come_to_the_console_staff_to_the_administration_and_strangers_to_the_door(client: Client) -> None:
    assert client.get("/").headers["Location"] == "/console/"
    staff = Client()
    staff.force_login(get_user_model().objects.create_user("carla", is_staff=True))
    assert staff.get("/").headers["Location"] == "/admin/"
    assert Client().get("/console/").headers["Location"] == "/sign-in/?next=/console/"


def test_an_account_without_a_desk_is_told_so(client: Client) -> None:
    visitor = Client()
    visitor.force_login(get_user_model().objects.create_user("carla"))
    page = visitor.get("/console/")
    assert page.status_code == 403
    assert "is not an agent" in page.content.decode()


def test_the_console_runs_no_script_but_its_own(client: Client) -> None:
    page = client.get("/console/")
    assert "script-src 'self';" in page.headers["Content-Security-Policy"]
    assert 'type="module" src="/static/console/assets/main-' in page.content.decode()
    assert "default-src 'none'" in Client().get("/sign-in/").headers["Content-Security-Policy"]


def test_the_consoles_script_comes_in_one_piece_and_is_kept_by_the_browser_for_good(client: Client) -> None:
    page = client.get("/console/").content.decode()
    script = client.get(page.split('type="module" src="')[1].split('"')[0])
    assert not script.streaming
    assert script.headers["Cache-Control"] == "max-age=315360000, public, immutable"
    assert script.headers["Content-Type"].startswith("text/javascript")
    assert int(script.headers["Content-Length"]) == len(script.content) < 250_000
    assert client.get("/static/admin/css/base.css").headers["Cache-Control"] == "max-age=60, public"


def test_a_console_that_is_not_built_says_how_to_build_it(client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "BUILT", tmp_path)
    page = client.get("/console/")
    assert page.status_code == 503
    assert "make run" in page.content.decode()


def test_signing_out_takes_a_post(client: Client) -> None:
    assert client.get("/sign-out/").status_code == 405
    assert client.post("/sign-out/").headers["Location"] == "/sign-in/"
    assert client.get("/console/").status_code == 302
