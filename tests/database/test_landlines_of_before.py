"""Numbers that were there before anybody asked whether they are landlines."""

from importlib import import_module
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.db import connection

from campaigns.models import Contact, PhoneNumber

filling = import_module("campaigns.migrations.0039_landlines_of_before")


@pytest.mark.django_db
def test_each_is_told_by_its_digits_batch_by_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filling, "BATCH", 2)
    told = {"+442079460123": True, "+447911123456": False, "+12125550123": False, "+34912345678": True, "+1900": False}
    contact = Contact.objects.create()
    PhoneNumber.objects.bulk_create([PhoneNumber(contact=contact, e164=number, number_key=number, kind="home") for number in told])
    for _ in range(2):  # whoever was stopped begins anew
        filling.fill(apps, SimpleNamespace(connection=connection))
        assert dict(PhoneNumber.objects.values_list("e164", "landline")) == told
