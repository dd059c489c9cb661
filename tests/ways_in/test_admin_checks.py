"""`manage.py check` speaks up before anything runs, and says what to do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.core.checks import CheckMessage, run_checks

from agents import checks as agents_checks
from agents.messages import HEARTBEAT
from campaigns import checks as campaigns_checks
from campaigns.rules.modes import MODES, Pacing


def of(id: str, *, deploy: bool = False) -> list[CheckMessage]:
    return [message for message in run_checks(include_deployment_checks=deploy) if message.id == id]


def test_the_product_as_it_stands_has_nothing_to_complain_of() -> None:
    assert run_checks() == []


def test_a_mode_that_cannot_work_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MODES, "progressive", replace(MODES["progressive"], pacing=Pacing.RATIO))
    (message,) = of("campaigns.E001")
    assert "progressive cannot work: More than one call per agent" in message.msg


def test_a_mode_that_runs_has_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(campaigns_checks, "RUNS", frozenset({"progressive", "telepathy"}))
    assert "telepathy" in of("campaigns.E002")[0].msg


@pytest.mark.parametrize("address", ["8190", "localhost", "localhost:", ":8190", "localhost:http", "localhost:99999"])
def test_a_carrier_without_a_host_and_a_port_is_noticed(settings: Any, address: str) -> None:
    settings.SIMULATED_CARRIER = address
    assert of("telephony.E001")[0].hint == "For example SIMULATED_CARRIER=127.0.0.1:8190"


def test_a_channel_layer_that_forgets_its_groups_is_noticed(settings: Any) -> None:
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels_redis.core.RedisChannelLayer"}}
    assert "pubsub" in str(of("agents.E001")[0].hint)


def test_one_lost_heartbeat_must_not_end_a_shift(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agents_checks, "SILENCE", 2 * HEARTBEAT)
    assert of("agents.E002")


def test_before_a_deployment_one_hears_what_do_not_call_lists_hang_on(settings: Any) -> None:
    settings.NUMBER_KEY = settings.SECRET_KEY
    assert of("campaigns.I001", deploy=True)
    settings.NUMBER_KEY = "another"
    assert not of("campaigns.I001", deploy=True)
