"""Which language a page speaks: the agent's own choice, else the browser's; the administration speaks English."""

import json
import re
from typing import Any

import pytest
from django.test import Client

from agents.models import Agent, User
from tests.browser.served import an_agent

pytestmark = pytest.mark.django_db


@pytest.fixture
def ana() -> Agent:
    return an_agent("Ana Silva", staff=True)


def signed_in(agent: Agent, language: str) -> Client:
    client = Client(headers={"accept-language": language})
    client.force_login(agent.user)
    return client


def boot(client: Client) -> dict[str, Any]:
    page = client.get("/console/").content.decode()
    found = re.search(r'<script id="boot" type="application/json">(.*?)</script>', page)
    assert found, page
    told: dict[str, Any] = json.loads(found[1])
    assert f'<html lang="{told["catalogue"]["language"]}" dir="ltr">' in page
    return told


@pytest.fixture(autouse=True)
def is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agents.views._script", lambda: "/main.js")


def test_the_door_speaks_the_browsers_language() -> None:
    assert "Nombre de usuario" in Client(headers={"accept-language": "es-MX,es;q=0.9,en;q=0.8"}).get("/sign-in/").content.decode()
    assert "User name" in Client(headers={"accept-language": "fi"}).get("/sign-in/").content.decode()
    refused = Client(headers={"accept-language": "es"}).post("/sign-in/", {"username": "ana", "password": "wrong"}).content.decode()
    assert "Por favor" in refused
    assert "Please" not in refused


def test_an_agents_choice_holds_wherever_they_sign_in_and_the_door_of_that_browser_follows(ana: Agent) -> None:
    client = signed_in(ana, "en")
    assert boot(client)["catalogue"] == {"language": "en", "direction": "ltr", "words": {}, "plural": ""}
    chosen = client.post("/console/language/", {"language": "es"})
    assert chosen.json()["words"]["Ready"] == "Listo"
    assert boot(client)["catalogue"]["language"] == "es"
    assert boot(signed_in(ana, "en"))["catalogue"]["language"] == "es"
    client.post("/sign-out/")
    assert "Iniciar sesi" in client.get("/sign-in/").content.decode()


def test_a_language_that_nobody_speaks_is_refused_and_nothing_changes(ana: Agent) -> None:
    client = signed_in(ana, "en")
    refused = client.post("/console/language/", {"language": "tlh"})
    assert (refused.status_code, refused.content.decode()) == (400, "Choose one of en, es.")
    assert User.objects.get(pk=ana.user_id).language == ""
    assert client.get("/console/language/").status_code == 405
    assert Client().post("/console/language/", {"language": "es"}).status_code == 302
    assert Client(enforce_csrf_checks=True).post("/console/language/", {"language": "es"}).status_code == 403


def test_the_administration_speaks_english_throughout(ana: Agent) -> None:
    User.objects.filter(pk=ana.user_id).update(is_superuser=True, language="es")
    ana.user.refresh_from_db()
    page = signed_in(ana, "es").get("/admin/").content.decode()
    assert 'lang="en' in page
    assert "Campaign Management" in page
