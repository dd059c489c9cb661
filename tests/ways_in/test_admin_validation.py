"""Validation services in the admin: the address is looked at, the secret is written and never shown, and how it stands is told."""

from datetime import UTC, datetime

import pytest
from django.test import Client
from django.urls import reverse

from agents.models import User
from campaigns.models import Campaign, ValidationService
from dialer_project.lib import seal

pytestmark = pytest.mark.django_db
GIVEN = {"name": "Robinson", "url": "https://robinson.example/check", "header": "Authorization", "timeout": 3, "fresh_minutes": 1440, "enabled": "on"}


@pytest.fixture
def admin(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("root", password="a long enough password"))
    return client


def page(service: ValidationService) -> str:
    return reverse("admin:campaigns_validationservice_change", args=[service.pk])


def test_the_secret_is_sealed_kept_when_left_empty_and_never_shown(admin: Client) -> None:
    admin.post(reverse("admin:campaigns_validationservice_add"), {**GIVEN, "secret": "Bearer open-sesame"})
    service = ValidationService.objects.get()
    assert seal.unseal(service.sealed_secret) == "Bearer open-sesame"
    shown = admin.get(page(service)).content.decode()
    assert "sesame" not in shown
    assert service.sealed_secret not in shown
    admin.post(page(service), {**GIVEN, "timeout": 5, "secret": ""})
    service.refresh_from_db()
    assert (service.timeout, seal.unseal(service.sealed_secret)) == (5, "Bearer open-sesame")
    admin.post(page(service), {**GIVEN, "secret": "", "forget_secret": "on"})
    service.refresh_from_db()
    assert service.sealed_secret == ""


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"url": "http://robinson.example/"}, "Only https:// is asked."),
        ({"url": "https://10.0.0.1/"}, "This address is private."),
        ({"header": "Two words"}, "letters, digits and hyphens only"),
        ({"secret": "line\nbreak"}, "printable ASCII characters only"),
        ({"timeout": 60}, "less than or equal to 10"),
        ({"fresh_minutes": 1}, "greater than or equal to 5"),
    ],
)
def test_what_cannot_work_is_refused_beside_the_field(admin: Client, given: dict[str, object], sentence: str) -> None:
    answer = admin.post(reverse("admin:campaigns_validationservice_add"), {**GIVEN, **given})
    assert sentence in answer.content.decode()
    assert not ValidationService.objects.exists()


def test_a_service_that_is_down_says_since_when_and_why_and_so_does_its_campaign(admin: Client) -> None:
    service = ValidationService.objects.create(
        name="Robinson",
        url="https://robinson.example/",
        failures=4,
        problem="it did not answer within 3 seconds",
        failing_since=datetime(2026, 3, 10, 9, 0, tzinfo=UTC),
    )
    Campaign.objects.create(name="Spring", state="running", validation_service=service)
    said = "Unavailable since 2026-03-10 09:00:00 UTC: it did not answer within 3 seconds."
    assert said in admin.get(page(service)).content.decode()
    assert said in admin.get(reverse("admin:campaigns_validationservice_changelist")).content.decode()
    table = admin.get(reverse("admin:campaigns_campaign_changelist")).content.decode()
    assert "The validation service Robinson is unavailable: it did not answer within 3 seconds. It is asked again by itself." in table


def test_a_service_that_a_campaign_asks_cannot_be_deleted(admin: Client) -> None:
    service = ValidationService.objects.create(name="Robinson", url="https://robinson.example/")
    Campaign.objects.create(name="Spring", validation_service=service)
    assert admin.post(reverse("admin:campaigns_validationservice_delete", args=[service.pk]), {"post": "yes"}).status_code == 403
