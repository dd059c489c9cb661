"""Agents' phones in the admin: a telephone gets its password there and is known to the telephone system at once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from django.test import Client
from django.urls import reverse

from agents.models import Agent, Station, User
from dialer_project.lib.seal import unseal
from telephony import nodes
from telephony.drivers import choose
from telephony.drivers.simulated.in_process import SimulatedCarrier
from telephony.drivers.simulated.script import Script
from telephony.drivers.simulated.world import World
from telephony.models import Node

pytestmark = pytest.mark.django_db(transaction=True)
URL = "admin-stations"
GIVEN = {"name": "Desk 7", "kind": "sip", "own_account": "on", "endpoint": "", "leg_mode": "nailed_up"}
ADD = "admin:agents_station_add"


@pytest.fixture
def carrier() -> Iterator[SimulatedCarrier]:
    nodes.forget()
    carrier = SimulatedCarrier(World(1, Script()), SimpleNamespace(now=datetime(2026, 3, 10, tzinfo=UTC)))
    choose.use("simulated", URL, carrier)
    Node.objects.create(name="south", url=URL)
    yield carrier
    choose.use("simulated", URL, None)
    nodes.forget()


@pytest.fixture
def admin(client: Client, carrier: SimulatedCarrier) -> Client:
    client.force_login(User.objects.create_superuser("root", password="a long enough password"))
    return client


def told(admin: Client, address: str, given: dict[str, str]) -> str:
    return admin.post(address, given, follow=True).content.decode()


def test_a_telephone_is_known_as_it_is_saved_and_its_password_shown_once(admin: Client, carrier: SimulatedCarrier) -> None:
    said = told(admin, reverse(ADD), GIVEN)
    phone = Station.objects.get()
    assert phone.endpoint.startswith("phone-desk-7-")
    assert phone.endpoint in carrier.list().stations
    password = unseal(phone.secret)
    assert f"the password {password}" in said
    change = reverse("admin:agents_station_change", args=[phone.pk])
    assert password not in admin.get(change).content.decode()
    said = told(admin, change, {**GIVEN, "name": "Desk 8", "endpoint": phone.endpoint})
    assert "the password" not in said
    phone.refresh_from_db()
    assert (phone.name, unseal(phone.secret)) == ("Desk 8", password)
    told(admin, reverse("admin:agents_station_changelist"), {"action": "new_password", "_selected_action": str(phone.pk)})
    phone.refresh_from_db()
    assert unseal(phone.secret) != password
    told(admin, reverse("admin:agents_station_delete", args=[phone.pk]), {"post": "yes"})
    assert phone.endpoint not in carrier.list().stations


def test_a_node_that_is_away_is_named(admin: Client, carrier: SimulatedCarrier) -> None:
    carrier.stop()
    assert "is not known to south yet" in told(admin, reverse(ADD), GIVEN)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"own_account": "", "endpoint": "two words"}, "letters, digits, dots and hyphens"),
        ({"own_account": "", "endpoint": "phone-mine"}, "belong to phones that get their password here"),
        ({"kind": "pstn", "endpoint": "020 7946 0000"}, "with + and its country code"),
        ({"kind": "pstn", "endpoint": "+44 999"}, "no telephone number that an agent could sit at"),
        ({"kind": "webrtc"}, "Select a valid choice"),
    ],
)
def test_what_cannot_be_a_phone_is_refused_beside_the_field(admin: Client, given: dict[str, str], sentence: str) -> None:
    assert sentence in told(admin, reverse(ADD), {**GIVEN, **given})
    assert not Station.objects.exists()


def test_an_ordinary_number_is_kept_as_it_is_dialed_and_offered_to_whom_it_is_allowed(admin: Client) -> None:
    told(admin, reverse(ADD), {**GIVEN, "kind": "pstn", "endpoint": "+44 20 7946 0000"})
    number = Station.objects.get()
    assert (number.endpoint, number.secret) == ("+442079460000", "")
    ana = Agent.objects.create(user=User.objects.create(username="ana"))
    assert not Station.objects.open_to(ana).exists()
    ana.may_use_number = True
    assert Station.objects.open_to(ana).get() == number
    Station.objects.update(owner=Agent.objects.create(user=User.objects.create(username="ben")))
    assert not Station.objects.open_to(ana).exists()
