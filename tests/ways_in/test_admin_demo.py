"""The demo: everything one needs to see a lead called, and a second loading that leaves it as it is."""

from __future__ import annotations

import json
from datetime import datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from agents.models import Agent, NotReadyReason, Session, Station, User
from campaigns import imports, invariants, waterfall
from campaigns.management.commands import load_demo
from campaigns.models import Campaign, Destination, Lead, PhoneNumber
from campaigns.rules.lifecycle import CampaignState
from dialer_project.local import product
from telephony.models import Announcement, Node

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def state(settings: Any, tmp_path: Path) -> Path:
    settings.STATE_DIR = tmp_path / "state"
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.SIMULATED_CARRIER = "127.0.0.1:4000"
    return tmp_path / "state"


def load() -> str:
    out = StringIO()
    call_command("load_demo", stdout=out)
    return out.getvalue()


def everything() -> dict[str, list[dict[str, Any]]]:
    models = [model for label in ("agents", "telephony", "campaigns") for model in apps.get_app_config(label).get_models()]
    return {model.__name__: list(model._default_manager.order_by("pk").values()) for model in models}


def logins(state: Path) -> dict[str, dict[str, str]]:
    return {login["username"]: login for login in json.loads((state / load_demo.LOGINS).read_text())}


def test_two_campaigns_run_with_people_to_call_and_agents_to_call_them(state: Path) -> None:
    load()
    spring, welcome = Campaign.objects.order_by("id")
    assert [(c.name, c.mode_key, c.participations.count(), c.leads.count()) for c in (spring, welcome)] == [
        ("Spring renewal", "progressive", 4, 400),
        ("Welcome calls", "agent_first", 2, 400),
    ]
    assert {spring.state, welcome.state} == {CampaignState.RUNNING}
    assert {place.state for c in (spring, welcome) for place in c.participations.all()} == {"joined"}
    assert spring.imports.get().rejected == 2
    assert [[pack.name for pack in c.rule_packs.all()] for c in (spring, welcome)] == [["Strict default at any hour (demo)"]] * 2
    assert Lead.objects.filter(state="waiting", next_call_at__lte=timezone.now()).count() == 800
    assert not Session.objects.exclude(signed_in_at=None).exists()
    invariants.check(now=timezone.now())


@pytest.mark.parametrize("at", ["2026-03-08T03:30+00:00", "2026-12-25T23:59+00:00"], ids=["a Sunday night", "Christmas"])
def test_everybody_can_be_called_at_any_hour_of_any_day(state: Path, at: str) -> None:
    load()
    now = datetime.fromisoformat(at)
    Lead.objects.update(next_call_at=now)
    for campaign in Campaign.objects.all():
        whole = waterfall.of_campaign(campaign.pk, now=now, supposed=True)
        assert whole is not None
        assert (whole.leads, whole.callable_now) == (400, 400), whole.in_words


def test_nobody_who_is_called_exists(state: Path) -> None:
    """Ranges that Ofcom and the North American plan set aside for films and examples."""
    load()
    set_aside = ("+447700900", "+441134960", "+441214960", "+441414960", "+441914980")
    for number in PhoneNumber.objects.values_list("e164", flat=True):
        assert number.startswith(set_aside) or (number.startswith("+1") and number[5:].startswith("55501")), number


def test_the_logins_are_told_to_nobody_else_and_open_the_doors_they_name(state: Path) -> None:
    load()
    assert (state / load_demo.LOGINS).stat().st_mode & 0o777 == 0o600
    told = logins(state)
    assert set(told) == {"admin", "sam", "ana", "ben", "carla", "dev", "ella", "finn"}
    for username in ("admin", "sam"):
        client = Client()
        assert client.login(username=username, password=told[username]["password"])
        assert client.get(told[username]["address"]).status_code == 200
        assert client.get("/admin/campaigns/campaign/").status_code == 200
    ana = Client()
    assert ana.login(username="ana", password=told["ana"]["password"])
    assert ana.get(told["ana"]["address"]).status_code == 200
    assert ana.get("/admin/").status_code == 302


def test_a_supervisor_controls_campaigns_and_makes_none(state: Path) -> None:
    load()
    client = Client()
    client.force_login(User.objects.get(username="sam"))
    spring = Campaign.objects.get(name="Spring renewal")
    client.post(f"/admin/campaigns/campaign/{spring.pk}/control/pause/")
    spring.refresh_from_db()
    assert spring.state == CampaignState.PAUSED
    assert client.get("/admin/campaigns/campaign/add/").status_code == 403
    assert client.get("/admin/agents/user/add/").status_code == 403
    assert client.get("/admin/campaigns/supervision/now/").status_code == 200
    assert User.objects.get(username="sam").has_perms([f"campaigns.{may}" for may in ("listen_in", "whisper", "barge_in")])


def test_every_button_of_a_call_is_there_to_be_tried(state: Path) -> None:
    load()
    for campaign in Campaign.objects.all():
        assert campaign.recording == "on_demand"
        assert campaign.voicemail is not None
        assert campaign.voicemail.files.get().seconds > 1
    assert Announcement.objects.filter(in_conversation=True, files__isnull=False).exists()
    assert set(Destination.objects.filter(active=True).values_list("number", flat=True)) == set(product.COLLEAGUES)


def test_a_second_loading_changes_nothing_but_where_the_carrier_listens(state: Path, settings: Any) -> None:
    load()
    before, told = everything(), logins(state)
    settings.SIMULATED_CARRIER = "127.0.0.1:5000"
    assert load() == ""
    assert Node.objects.get().url == "127.0.0.1:5000"
    Node.objects.update(url="127.0.0.1:4000")
    assert everything() == before
    assert logins(state) == told


def test_the_demo_goes_through_a_real_exchange_where_there_is_one_and_back(state: Path, settings: Any) -> None:
    settings.ASTERISK_URL = "http://127.0.0.1:8088"
    load()
    assert Node.objects.values_list("driver", "url").get() == ("asterisk", "http://127.0.0.1:8088")
    assert set(Station.objects.values_list("endpoint", flat=True)) == set(product.PHONES)
    settings.ASTERISK_URL = ""
    load()
    assert Node.objects.values_list("driver", "url").get() == ("simulated", "127.0.0.1:4000")


def test_what_a_person_did_since_then_stays_as_it_is(state: Path) -> None:
    load()
    Campaign.objects.filter(name="Spring renewal").update(state=CampaignState.STOPPED, max_attempts=2)
    Campaign.objects.filter(name="Welcome calls").update(state=CampaignState.PAUSED)
    User.objects.filter(username="ben").update(is_active=False)
    before = everything()
    load()
    assert everything() == before


def test_a_loading_that_was_interrupted_is_finished_by_the_next(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(imports, "run", lambda *args, **kwargs: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            load()
    load()
    assert [(c.state, c.leads.count(), c.imports.count()) for c in Campaign.objects.all()] == [(CampaignState.RUNNING, 400, 1)] * 2


def test_logins_that_were_lost_are_made_anew(state: Path) -> None:
    load()
    before = logins(state)
    (state / load_demo.LOGINS).unlink()
    load()
    after = logins(state)
    assert after["ana"]["password"] != before["ana"]["password"]
    assert Client().login(username="ana", password=after["ana"]["password"])


def test_the_reasons_the_system_sets_are_there_and_nobody_can_choose_them(state: Path) -> None:
    load()
    system = set(NotReadyReason.objects.filter(system=True).values_list("code", flat=True))
    assert system == set(load_demo.SYSTEM_REASONS)
    assert Agent.objects.count() == len(load_demo.AGENTS)
