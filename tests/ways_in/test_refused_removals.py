"""A number comes off the do-not-call list by two persons; what cannot be asked or decided is said on the admin's page."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from agents.models import User
from campaigns.flow import do_not_call
from campaigns.models import DoNotCall, DoNotCallList, DoNotCallRemoval
from tests.floor import Floor

Says = Callable[..., list[str]]


@pytest.fixture
def ada(db: None) -> User:
    return User.objects.create_superuser("ada")


@pytest.fixture
def says(ada: User) -> Says:
    """What a page of the admin says to Ada, or to whoever else presses the button."""

    def said(address: str, *, by: User = ada, **told: str) -> list[str]:
        client = Client()
        client.force_login(by)
        return [str(message) for message in client.post(f"/admin/campaigns/{address}/", told, follow=True).context["messages"]]

    return said


def test_a_removal_that_cannot_be_asked_for_is_refused_in_a_sentence(floor: Floor, says: Says) -> None:
    do_not_call.list_numbers(["+442079460018"], source="admin", now=floor.now)
    register = DoNotCallList.objects.create(name="Robinson", version=1, loaded_at=floor.now)
    do_not_call.list_entries([do_not_call.entry("+442079460019")], source="register", now=floor.now, register=register, version=1)
    ours, theirs = DoNotCall.objects.get(register=None).pk, DoNotCall.objects.get(register=register).pk
    assert says(f"donotcall/{ours}/ask-removal", reason=" ") == ["Say why the number may be called again: it is kept with the request."]
    keepers = "This number stands on Robinson, which its keeper writes: it goes when a newer version is loaded without it."
    assert says(f"donotcall/{theirs}/ask-removal", reason="a mistake") == [keepers]
    assert says("donotcall/999/ask-removal", reason="a mistake") == ["This number is not on the list any more."]
    says(f"donotcall/{ours}/ask-removal", reason="a mistake")
    again = "Its removal has been asked for already, and waits for a second person."
    assert says(f"donotcall/{ours}/ask-removal", reason="a mistake") == [again]
    assert DoNotCallRemoval.objects.count() == 1


def test_a_removal_that_cannot_be_decided_is_refused_in_a_sentence(floor: Floor, ada: User, says: Says) -> None:
    ben = User.objects.create_superuser("ben")
    do_not_call.list_numbers(["+442079460018"], source="admin", now=floor.now)
    asked = do_not_call.ask_removal(DoNotCall.objects.get().pk, reason="a mistake", by=ada, now=floor.now)
    assert isinstance(asked, DoNotCallRemoval)
    own = "You asked for this removal yourself: another person must decide it."
    assert says(f"donotcallremoval/{asked.pk}/decide/approve") == [own]
    says(f"donotcallremoval/{asked.pk}/decide/refuse", by=ben)
    assert says(f"donotcallremoval/{asked.pk}/decide/approve", by=ben) == ["This request was refused already."]
    assert "There is no such request." in says("donotcallremoval/999/decide/refuse", by=ben)
    assert DoNotCall.objects.exists()
