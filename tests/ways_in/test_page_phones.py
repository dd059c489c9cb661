"""What the page is told about being a phone, and whom it may speak to."""

from datetime import UTC, datetime

import pytest
from django.conf import settings
from django.test import Client

from agents.models import Agent, User
from telephony import stations
from telephony.models import Node

NOW = datetime(2026, 3, 10, 9, tzinfo=UTC)
pytestmark = pytest.mark.django_db


def test_the_console_may_connect_to_the_addresses_of_nodes_that_take_pages_and_to_nothing_else(client: Client) -> None:
    user = User.objects.create(username="ana")
    Agent.objects.create(user=user)
    client.force_login(user)

    def may_connect() -> str:
        policy = client.get("/console/").headers["Content-Security-Policy"]
        return next(part.strip() for part in policy.split(";") if "connect-src" in part)

    Node.objects.create(name="closed")
    assert may_connect() == "connect-src 'self'"
    Node.objects.create(name="open", browser_url="wss://pbx.example.com/sip")
    Node.objects.create(name="off", browser_url="wss://old.example.com/sip", enabled=False)
    assert may_connect() == "connect-src 'self' wss://pbx.example.com/sip"


def test_a_turn_server_gets_a_pass_that_runs_out_and_a_stun_server_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "ICE_SERVERS", ("stun:stun.example.com", "turns:turn.example.com"))
    monkeypatch.setattr(settings, "TURN_SECRET", "shared")
    stun, turn = stations.relays("browser-1-x", now=NOW)
    assert (stun.username, stun.credential) == ("", "")
    assert turn.username == f"{int(NOW.timestamp()) + 12 * 3600}:browser-1-x"
    assert len(turn.credential) == 28
