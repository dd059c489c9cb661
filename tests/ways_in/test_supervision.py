"""Agents now: who may listen, whisper and join, each by a permission of its own."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from agents.models import Station, User
from campaigns.models import Supervision
from telephony.drivers.simulated.script import Answers, seconds
from tests.floor import Floor, Someone
from tests.flow.test_on_the_line import on_the_line

NOW = "/admin/campaigns/supervision/now/"


@pytest.fixture(autouse=True)
def the_floors_clock(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("campaigns.admin.supervision.timezone.now", lambda: floor.now)


def supervisor(*may: str) -> Client:
    user = User.objects.create(username="carla", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=may))
    client = Client()
    client.force_login(user)
    return client


def does(client: Client, ana: Someone, how: str, station: Station | None = None) -> Any:
    return client.post(NOW, {"interaction": ana._work(), "how": how, "station": station.pk if station else ""}, follow=True)


def test_each_way_has_its_own_permission_and_what_is_done_is_in_the_ledger(floor: Floor, ana: Someone) -> None:
    floor.script.station("office", Answers(after=seconds(0.5)))
    office = Station.objects.create(name="Office", endpoint="office")
    on_the_line(floor, ana)
    carla = supervisor("listen_in", "whisper", "view_supervision")
    page = carla.get(NOW).content.decode()
    assert "Ana" in page
    assert "Maria López" in page
    assert ">Listen<" in page
    assert ">Whisper<" in page
    assert ">Join<" not in page
    assert "+3460000" not in page, "numbers are masked"
    assert does(carla, ana, "barge", office).status_code == 403
    assert does(carla, ana, "listen", office).status_code == 200
    floor.run(2)
    assert Supervision.objects.get().state == "on"
    assert 'aria-pressed="true"' in carla.get(NOW).content.decode()
    does(carla, ana, "whisper")
    does(carla, ana, "stop")
    floor.run(1)
    found = Supervision.objects.get()
    assert (found.state, [change["how"] for change in found.changes]) == ("ended", ["listen", "whisper"])
    assert "carla" in carla.get("/admin/campaigns/supervision/").content.decode()


def test_without_a_permission_there_is_no_page_and_a_wrong_phone_is_told(floor: Floor, ana: Someone) -> None:
    on_the_line(floor, ana)
    nobody = supervisor("view_supervision")
    assert nobody.get(NOW).status_code == 403
    assert does(nobody, ana, "listen").status_code == 403
    User.objects.all().filter(username="carla").update(is_superuser=True)
    assert "Choose the phone" in does(nobody, ana, "listen").content.decode()
    assert "This conversation is over" in nobody.post(NOW, {"interaction": "nonsense", "how": "listen"}, follow=True).content.decode()
