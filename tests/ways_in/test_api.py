"""Other programs ask why a lead and a list are called or not; nobody else does."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from knox.models import AuthToken
from rest_framework.views import APIView

from agents.models import User
from campaigns.flow import do_not_call
from campaigns.models import CallRequest, Lead
from dialer_project.lib.api import Permitted
from telephony.drivers.simulated.script import Busy, seconds
from tests.floor import Floor


def somebody(*permissions: str) -> Client:
    user = User.objects.create_user(f"with {len(permissions)}", password="a long enough secret")
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


def test_a_lead_is_explained_with_its_gates_its_next_instant_and_the_permits_of_its_calls(floor: Floor) -> None:
    ana = floor.agent("Ana")
    campaign = floor.campaign("progressive", agents=[ana])
    maria = floor.person(campaign, "Maria", Busy(after=seconds(1)))
    ana.sits_down()
    floor.run(until=lambda: maria.outcomes == ["busy"], at_most=20)
    client = somebody("view_lead")
    told: Any = client.get(f"/api/leads/{maria.lead.pk}/explain", {"at": floor.now.isoformat()}).json()
    assert told["callable_now"] is False
    assert {"rule": "due", "stands": "wait"}.items() <= next(gate for gate in told["gates"] if gate["stands"] != "open").items()
    assert datetime.fromisoformat(told["next_at"]) > floor.now
    assert told["past"][0]["rules"].startswith("campaign v")
    assert told["past"][0]["evidence"]["local"] == ["Tue 10:00 +0100"]
    later = (floor.now + timedelta(hours=1)).isoformat()
    assert client.get(f"/api/leads/{maria.lead.pk}/explain", {"at": later}).json()["callable_now"] is True


def test_a_list_is_explained_and_adds_up(floor: Floor) -> None:
    campaign = floor.campaign("progressive", agents=[floor.agent("Ana")])
    for later in (0, 0, 3):
        floor.person(campaign, at=floor.now + timedelta(hours=later))
    told: Any = somebody("view_campaign").get(f"/api/campaigns/{campaign.pk}/waterfall", {"at": floor.now.isoformat()}).json()
    assert (told["leads"], told["callable_now"]) == (3, 2)
    assert [(step["in_words"], step["leads"], step["left"]) for step in told["steps"]] == [
        ("waiting: not yet due", 1, 2),
        ("can be called now", 2, 2),
    ]
    assert told["in_words"] == "3: 2 can be called now, 1 waiting: not yet due until 2026-03-10 12:00 UTC."


def test_nobody_without_the_permission_is_told_anything(floor: Floor) -> None:
    campaign = floor.campaign("progressive", agents=[floor.agent("Ana")])
    maria = floor.person(campaign)
    staff = User.objects.create_user("staff", password="a long enough secret", is_staff=True)
    knows_nothing = Client()
    knows_nothing.force_login(staff)
    for address in (f"/api/leads/{maria.lead.pk}/explain", f"/api/campaigns/{campaign.pk}/waterfall"):
        assert Client().get(address).status_code == 403
        assert knows_nothing.get(address).status_code == 403
        assert somebody().get(address).status_code == 403
        User.objects.filter(username="with 0").delete()
        assert knows_nothing.post(address).status_code == 403
    assert somebody("view_lead").get(f"/api/campaigns/{campaign.pk}/waterfall").status_code == 403


def test_a_program_signs_in_with_a_token_that_is_shown_once_and_can_be_revoked(floor: Floor) -> None:
    campaign = floor.campaign("progressive", agents=[floor.agent("Ana")])
    maria = floor.person(campaign)
    boss = Client()
    boss.force_login(User.objects.create_superuser("boss", password="a long enough secret"))
    crm = User.objects.create_user("crm")
    crm.user_permissions.set(Permission.objects.filter(codename="view_lead"))

    def token(**told: Any) -> str:
        made: Any = boss.post("/admin/knox/authtoken/add/", {"user": crm.pk, "expiry_0": "", "expiry_1": "", **told}, follow=True)
        (shown,) = re.findall(r"The token is (\w+) and is not shown again", made.content.decode())
        return str(shown)

    def asks(with_token: str, address: str = f"/api/leads/{maria.lead.pk}/explain") -> int:
        return Client().get(address, headers={"Authorization": f"Token {with_token}"}).status_code

    first = token()
    kept = AuthToken.objects.get()
    assert first not in repr(vars(kept))
    assert timedelta(days=364) < kept.expiry - kept.created < timedelta(days=366)
    assert first not in boss.get("/admin/knox/authtoken/").content.decode()
    assert asks(first) == 200
    assert asks(first, f"/api/campaigns/{campaign.pk}/waterfall") == 403, "it has the permissions of its account"
    assert asks("x" * len(first)) == 403
    assert Client().get(f"/api/leads/{maria.lead.pk}/explain").status_code == 403
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    second = token(expiry_0=f"{tomorrow:%Y-%m-%d}", expiry_1=f"{tomorrow:%H:%M:%S}")
    assert asks(second) == 200
    AuthToken.objects.exclude(pk=kept.pk).update(expiry=datetime.now(UTC) - timedelta(seconds=1))
    assert asks(second) == 403
    User.objects.filter(pk=crm.pk).update(is_active=False)
    assert asks(first) == 403
    User.objects.filter(pk=crm.pk).update(is_active=True)
    assert asks(first) == 200
    boss.post(f"/admin/knox/authtoken/{kept.pk}/delete/", {"post": "yes"})
    assert asks(first) == 403


def test_whoever_is_no_superuser_makes_tokens_for_themselves_alone(db: None) -> None:
    other = User.objects.create_superuser("boss", password="a long enough secret")
    ada = User.objects.create_user("ada", is_staff=True)
    ada.user_permissions.set(Permission.objects.filter(codename="add_authtoken"))
    client = Client()
    client.force_login(ada)
    for whom, made in ((other, 0), (ada, 1)):
        client.post("/admin/knox/authtoken/add/", {"user": whom.pk, "expiry_0": "", "expiry_1": ""})
        assert AuthToken.objects.count() == made


def test_an_address_that_names_no_permission_is_closed_to_everybody() -> None:
    assert APIView.permission_classes == [Permitted]
    request: Any = type("Asked", (), {"user": User(is_superuser=True)})()
    assert not Permitted().has_permission(request, APIView())


def test_what_is_not_there_or_cannot_be_read_is_said_in_a_sentence(floor: Floor) -> None:
    client = somebody("view_lead", "view_campaign")
    assert client.get("/api/leads/99/explain").json() == {"detail": "There is no lead 99."}
    assert client.get("/api/campaigns/99/waterfall").json() == {"detail": "There is no campaign 99."}
    maria = floor.person(floor.campaign("progressive", agents=[floor.agent("Ana")]))
    for at in ("yesterday", "2026-03-10T09:00", "2026-13-40T09:00+00:00", datetime.now(UTC).date().isoformat()):
        answer = client.get(f"/api/leads/{maria.lead.pk}/explain", {"at": at})
        assert answer.status_code == 400
        assert "offset" in answer.json()["at"]


def post(client: Client, address: str, **told: Any) -> Any:
    return client.post(address, told, content_type="application/json")


def test_a_number_is_listed_once_however_often_a_program_says_it(floor: Floor) -> None:
    maria = floor.person(floor.campaign("progressive", agents=[floor.agent("Ana")]))
    client = somebody("add_donotcall", "view_donotcall")
    assert client.get("/api/do-not-call", {"number": maria.number}).json() == {"listed": False, "entries": []}
    first = post(client, "/api/do-not-call", number=maria.number, reason="opted out on the web")
    again = post(client, "/api/do-not-call", number=f"00{maria.number[1:]}", reason="once more")
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert first.json()["reason"] == "opted out on the web"
    assert maria.number not in first.content.decode()
    assert maria.where == ("final", "do_not_call")
    told = client.get("/api/do-not-call", {"number": maria.number}).json()
    assert (told["listed"], [one["source"] for one in told["entries"]]) == (True, ["api"])


def test_a_program_is_told_what_is_wrong_with_a_number(floor: Floor) -> None:
    client = somebody("add_donotcall")
    for told, wrong in (
        ({"number": "020 7946 0000"}, "number"),
        ({"number": "nobody"}, "number"),
        ({}, "number"),
        ({"number": "+442079460000", "campaign": 99}, "campaign"),
        ({"number": "+442079460000", "expires_at": "2001-01-01T00:00:00Z"}, "expires_at"),
    ):
        answer = post(client, "/api/do-not-call", **told)
        assert answer.status_code == 400
        assert list(answer.json()) == [wrong]
    assert post(client, "/api/do-not-call", number="020 7946 0000", country="gb").status_code == 201


def test_two_programs_take_a_number_off_and_one_does_not(floor: Floor) -> None:
    one, other = somebody("add_donotcall", "add_donotcallremoval", "approve_donotcallremoval"), somebody("approve_donotcallremoval")
    entry = post(one, "/api/do-not-call", number="+442079460000").json()
    assert post(one, f"/api/do-not-call/{entry['id']}/removal").status_code == 409
    asked = post(one, f"/api/do-not-call/{entry['id']}/removal", reason="a mistake").json()
    own = post(one, f"/api/do-not-call/removals/{asked['id']}/approve")
    assert (own.status_code, own.json()["detail"]) == (409, "You asked for this removal yourself: another person must decide it.")
    assert post(other, f"/api/do-not-call/removals/{asked['id']}/approve", note="letter").json() == {"id": asked["id"], "state": "approved"}
    assert post(other, f"/api/do-not-call/removals/{asked['id']}/refuse").status_code == 409
    assert post(other, f"/api/do-not-call/removals/{asked['id']}/forget").status_code == 404


def test_nobody_lists_or_removes_without_the_permission(floor: Floor) -> None:
    client = somebody("view_lead")
    assert client.get("/api/do-not-call", {"number": "+442079460000"}).status_code == 403
    for address in ("/api/do-not-call", "/api/do-not-call/1/removal", "/api/do-not-call/removals/1/approve"):
        assert post(client, address, number="+442079460000").status_code == 403
    assert client.delete("/api/do-not-call").status_code == 403
    looks = somebody("view_donotcall", "view_lead")
    assert post(looks, "/api/do-not-call", number="+442079460000").status_code == 403


# --- somebody asks to be called -------------------------------------------------------------------------------------------------------


@pytest.fixture
def call_backs(floor: Floor) -> str:
    """The address of an auto-callback campaign."""
    campaign = floor.campaign("auto_callback", agents=[floor.agent("Ana")], name="Call-backs")
    return f"/api/campaigns/{campaign.pk}/call-requests"


def test_a_form_on_the_web_asks_once_for_each_key_and_the_lead_is_called(call_backs: str) -> None:
    client = somebody("add_callrequest")
    first = post(client, call_backs, number="611 00 00 01", country="es", key="form-1", name="Maria")
    again = post(client, call_backs, number="+34611000001", key="form-1")
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    lead = Lead.objects.get()
    assert (first.json()["lead"], lead.state, lead.contact.name) == (lead.pk, "waiting", "Maria")
    assert CallRequest.objects.get().by == User.objects.get(username="with 1")
    later = post(client, call_backs, number="+34611000001", key="form-2", at=(datetime.now(UTC) + timedelta(hours=1)).isoformat())
    assert (later.status_code, later.json()["lead"]) == (201, lead.pk), "one person has one lead"
    other = post(client, call_backs, number="+34611000002", key="form-1")
    assert (other.status_code, other.json()["detail"]) == (409, "This key was used for another number: give each request a key of its own.")


def test_who_is_not_to_be_called_is_not_called_because_of_a_form(call_backs: str) -> None:
    client = somebody("add_callrequest")
    do_not_call.list_numbers(["+34611000001"], source="customer", now=datetime.now(UTC))
    listed = post(client, call_backs, number="+34611000001", key="a")
    assert (listed.status_code, listed.json()["detail"]) == (409, "The phone number is on the Do-Not-Call list, so nobody will call it.")
    assert not Lead.objects.exists()
    assert post(client, call_backs, number="+34611000002", key="b").status_code == 201
    Lead.objects.update(state="final", reason="callback_not_required", no_callback_since=datetime.now(UTC) - timedelta(days=1))
    alone = post(client, call_backs, number="+34611000002", key="c")
    assert (alone.status_code, alone.json()["detail"][:34]) == (409, "They asked not to be called back: ")
    assert Lead.objects.get().state == "final"
    Lead.objects.update(no_callback_since=datetime.now(UTC) - timedelta(days=31))
    assert post(client, call_backs, number="+34611000002", key="c").status_code == 201, "a refusal leaves nothing behind"
    assert Lead.objects.get().state == "waiting"
    Lead.objects.update(state="final", reason="excluded")
    assert post(client, call_backs, number="+34611000002", key="d").json()["detail"].startswith("This contact was taken off")


def test_a_request_that_cannot_be_read_or_has_no_campaign_is_said_in_a_sentence(floor: Floor, call_backs: str) -> None:
    client = somebody("add_callrequest")
    assert list(post(client, call_backs, number="12", key="a").json()) == ["number"]
    assert list(post(client, call_backs, number="+34611000001").json()) == ["key"]
    assert post(client, "/api/campaigns/99/call-requests", number="+34611000001", key="a").json() == {"detail": "There is no campaign 99."}
    campaign = floor.campaign("progressive", agents=[floor.agent("Ben")])
    wrong = post(client, f"/api/campaigns/{campaign.pk}/call-requests", number="+34611000001", key="a")
    assert (wrong.status_code, wrong.json()["detail"][:40]) == (409, "Only a campaign for missed calls takes s")
    assert post(somebody("view_lead", "view_campaign"), call_backs, number="+34611000001", key="a").status_code == 403
    assert not CallRequest.objects.exists()
