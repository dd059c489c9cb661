"""Calling lists in the admin: a file is given, watched, and its rows left out are fetched."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from agents.models import User
from campaigns import imports
from campaigns.models import Campaign, ListImport
from campaigns.rules.lifecycle import CampaignState
from dialer_project.lib import wake

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime(2026, 3, 3, 10, 0, tzinfo=UTC)
ADD = "admin:campaigns_listimport_add"
PEOPLE = b"Name,Phone\nMaria,020 7946 0123\nOmar,12345\n"


@pytest.fixture(autouse=True)
def woken(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    settings.MEDIA_ROOT = tmp_path
    told: list[int] = []
    monkeypatch.setattr(wake, "read_import", told.append)
    return told


@pytest.fixture
def campaign() -> Campaign:
    return Campaign.objects.create(name="Spring", state=CampaignState.APPROVED)


@pytest.fixture
def ada(client: Client) -> Client:
    """Ada administers."""
    client.force_login(User.objects.create_superuser("ada", password="a long enough password"))
    return client


def give(client: Client, campaign: Campaign, raw: bytes = PEOPLE, **told: Any) -> Any:
    file = SimpleUploadedFile("march.csv", raw, content_type="text/csv")
    return client.post(reverse(ADD), {"campaign": campaign.pk, "file": file, "country": "GB", **told})


def test_ada_gives_a_file_and_is_led_to_where_she_can_watch_it(ada: Client, campaign: Campaign, woken: list[int]) -> None:
    assert ada.get(reverse(ADD)).status_code == 200
    answer = give(ada, campaign, mapping="Phone=phone:home", list_name="June")
    given = ListImport.objects.get()
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    assert answer.url == reverse("admin:campaigns_listimport_change", args=[given.pk])
    assert woken == [given.pk]
    assert (given.file_name, given.bytes_total, str(given.created_by)) == ("march.csv", len(PEOPLE), "ada")
    assert given.options == {"country": "GB", "list_name": "June", "mapping": {"Phone": "phone:home"}}

    watched = ada.get(answer.url)
    assert watched.headers["Refresh"]
    assert b"<progress" in watched.content
    imports.run(given.pk, now=NOW, for_at_most=None)
    done = ada.get(answer.url)
    assert "Refresh" not in done.headers
    assert "Name: name, Phone: phone:home" in done.content.decode()


def test_the_list_of_imports_renews_itself_only_while_one_is_read(ada: Client, campaign: Campaign) -> None:
    give(ada, campaign)
    page = reverse("admin:campaigns_listimport_changelist")
    assert ada.get(page).headers["Refresh"]
    imports.run(ListImport.objects.get().pk, now=NOW, for_at_most=None)
    shown = ada.get(page)
    assert "Refresh" not in shown.headers
    assert b"100 %" in shown.content


def test_the_rows_left_out_are_fetched_from_the_import(ada: Client, campaign: Campaign) -> None:
    give(ada, campaign)
    given = ListImport.objects.get()
    imports.run(given.pk, now=NOW, for_at_most=None)
    link = reverse("admin:campaigns_listimport_rejects", args=[given.pk])
    assert link in ada.get(reverse("admin:campaigns_listimport_change", args=[given.pk])).content.decode()
    answer = ada.get(link)
    assert "march-rows-left-out.csv" in answer.headers["Content-Disposition"]
    assert b"too short" in answer.getvalue()


def test_whoever_may_not_see_imports_does_not_get_the_rows(client: Client, campaign: Campaign) -> None:
    given = ListImport.objects.create(campaign=campaign, file_name="x.csv", rejects="imports/x.csv")
    link = reverse("admin:campaigns_listimport_rejects", args=[given.pk])
    assert client.get(link).status_code == 302  # to the sign-in
    client.force_login(User.objects.create_user("ben", password="a long enough password", is_staff=True))
    assert client.get(link).status_code == 404


@pytest.mark.parametrize(
    ("raw", "told", "says"),
    [
        (b"PK\x03\x04 workbook", {}, "Excel workbook"),
        (PEOPLE, {"country": "Atlantis"}, "is not a country"),
        (PEOPLE, {"mapping": "nonsense"}, "is no mapping"),
        (PEOPLE, {"encoding": "klingon"}, "is not an encoding"),
    ],
)
def test_what_cannot_be_read_is_refused_in_the_form(ada: Client, campaign: Campaign, raw: bytes, told: dict[str, Any], says: str) -> None:
    answer = give(ada, campaign, raw, **told)
    assert answer.status_code == 200
    assert says in str(answer.context["adminform"].form.errors)
    assert not ListImport.objects.exists()


def test_a_campaign_that_is_over_is_not_offered(ada: Client, campaign: Campaign) -> None:
    Campaign.objects.filter(pk=campaign.pk).update(state=CampaignState.STOPPED)
    assert "campaign" in give(ada, campaign).context["adminform"].form.errors


def test_an_import_that_is_read_cannot_be_deleted(ada: Client, campaign: Campaign) -> None:
    give(ada, campaign)
    given = ListImport.objects.get()
    assert ada.post(reverse("admin:campaigns_listimport_delete", args=[given.pk]), {"post": "yes"}).status_code == 403
