"""Every page of the admin opens, and a ledger is never written by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.db.models import Model
from django.test import Client
from django.urls import reverse
from uuid_utils.compat import uuid7

from agents.models import Agent, Board, Command, Interaction, NotReadyReason, Session, StateChange, Station, Team, User
from agents.rules.lifecycle import Phase
from campaigns.models import (
    Attempt,
    CallableHours,
    Callback,
    CallingList,
    CallRequest,
    Campaign,
    CampaignChange,
    CampaignExclusion,
    CampaignVersion,
    Consent,
    Contact,
    ContactChange,
    Destination,
    Disposition,
    DoNotCall,
    DoNotCallList,
    DoNotCallRemoval,
    FieldDefinition,
    Holiday,
    HolidayCalendar,
    InboundCall,
    Lead,
    ListImport,
    LiveSource,
    NumberCheck,
    Outbox,
    Participation,
    Permit,
    PhoneNumber,
    RetryRule,
    RulePack,
    SpendLimit,
    Supervision,
    Suppression,
    Survey,
    SurveyAnswer,
    ThirdParty,
    ValidationService,
    VerdictReview,
    ZoneConfirmation,
    ZoneGroup,
)
from campaigns.rules.number_keys import number_key
from telephony.models import Announcement, AnnouncementFile, Call, CallerId, CallEvent, Node, Recording, RecordingPlay, Trunk, TrunkPrice

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 3, 10, 0, tzinfo=UTC)
OURS = [model for label in ("agents", "telephony", "campaigns") for model in apps.get_app_config(label).get_models()]
# shown inside the page of what they belong to
WITHIN_ANOTHER: set[type[Model]] = {
    AnnouncementFile,
    ContactChange,
    FieldDefinition,
    Holiday,
    PhoneNumber,
    RetryRule,
    TrunkPrice,
    ZoneConfirmation,
    ZoneGroup,
}
LEDGERS: list[type[Model]] = [
    Attempt,
    Permit,
    Call,
    CallEvent,
    Recording,
    RecordingPlay,
    ThirdParty,
    Supervision,
    StateChange,
    Interaction,
    Session,
    Command,
    Lead,
    Callback,
    CampaignVersion,
    CampaignChange,
    Participation,
    Outbox,
]


@pytest.fixture
def boss(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("boss", password="a long enough secret"))
    return client


@pytest.fixture
def house() -> dict[type[Model], Model]:
    """One row of everything there is."""
    rows: dict[type[Model], Model] = {}

    def keep(row: Model) -> Any:
        return rows.setdefault(type(row), row)

    team = keep(Team.objects.create(name="North"))
    station = keep(Station.objects.create(name="ana", endpoint="ana"))
    ana = keep(Agent.objects.create(user=User.objects.create(username="ana", first_name="Ana"), team=team, station=station))
    keep(User.objects.get(username="ana"))
    reason = keep(NotReadyReason.objects.create(code="lunch", label="Lunch"))
    keep(Session.objects.create(agent=ana, reason=reason, signed_in_at=NOW, voice_ready=True, present=True))
    keep(Interaction.objects.create(agent=ana, phase=Phase.WRAP_UP, phase_since=NOW, opened_at=NOW))
    keep(StateChange.objects.create(agent=ana, at=NOW, doing="ready"))
    keep(Command.objects.create(id=uuid7(), agent=ana, kind="go_ready", at=NOW))
    keep(Board.objects.create())
    node, trunk = keep(Node.objects.create(name="local")), keep(Trunk.objects.create(name="main"))
    caller_id = keep(CallerId.objects.create(e164="+441632960000", verified=True))
    message = keep(Announcement.objects.create(name="Sorry", media="sound:sorry"))
    call = keep(
        Call.objects.create(
            party="customer", node=node, trunk=trunk, address="+447700900001", planned_at=NOW, deadline=NOW, answered_at=NOW, verdict_at=NOW
        )
    )
    keep(CallEvent.objects.create(node=node, key="1", kind="rang", at=NOW, recorded_at=NOW, call_id=call.pk))
    recording = keep(Recording.objects.create(call=call, node=node, bridge=call.pk, name="r1", started_at=NOW))
    keep(RecordingPlay.objects.create(recording=recording, user=ana.user, at=NOW))
    keep(AnnouncementFile.objects.create(announcement=message, version=1, name="a1", file="a1.wav", seconds=1, uploaded_at=NOW))
    hours = keep(CallableHours.objects.create(name="Weekdays", week={"mon": [["09:00", "20:00"]]}))
    campaign = keep(Campaign.objects.create(name="Spring renewal", trunk=trunk, caller_id=caller_id, message=message, hours=hours))
    keep(CampaignVersion.objects.create(campaign=campaign, number=1, settings={}, created_at=NOW))
    keep(CampaignChange.objects.create(campaign=campaign, at=NOW, move="approve", state="approved"))
    keep(Participation.objects.create(campaign=campaign, agent=ana))
    sale = keep(Disposition.objects.create(campaign=campaign, code="sale", label="Sale"))
    keep(RetryRule.objects.create(campaign=campaign, outcome="busy"))
    keep(FieldDefinition.objects.create(campaign=campaign, key="plan", label="Plan"))
    calendar = keep(HolidayCalendar.objects.create(name="Spain"))
    keep(Holiday.objects.create(calendar=calendar, day=NOW.date()))
    contact = keep(Contact.objects.create(first_name="Maria"))
    keep(ZoneConfirmation.objects.create(contact=contact, zone="Europe/London", at=NOW))
    keep(ContactChange.objects.create(contact=contact, at=NOW, interaction_id=uuid7(), before={"city": ""}, after={"city": "London"}))
    phone = keep(PhoneNumber.objects.create(contact=contact, e164="+447700900001", number_key="k", zones=["Europe/London"]))
    calling_list = keep(CallingList.objects.create(campaign=campaign, name="March"))
    zones = keep(ZoneGroup.objects.create(zones=["Europe/London"]))
    keep(ListImport.objects.create(campaign=campaign, calling_list=calling_list, file="imports/march.csv", file_name="march.csv"))
    lead = keep(
        Lead.objects.create(campaign=campaign, calling_list=calling_list, contact=contact, zone_group=zones, next_call_at=NOW, no_callback_since=NOW)
    )
    said = {"lead": lead, "campaign": campaign, "contact": contact, "phone": phone, "e164": phone.e164, "agent": ana, "disposition": sale}
    attempt = keep(Attempt.objects.create(id=call.pk, epoch=0, planned_at=NOW, **said))
    keep(InboundCall.objects.create(call_id=call.pk, campaign=campaign, number="+447700900002", came_at=NOW, wait_until=NOW))
    keep(
        Supervision.objects.create(
            user=ana.user, agent=ana, campaign=campaign, call=call, interaction_id=uuid7(), how="listen", state="ended", asked_at=NOW
        )
    )
    keep(CallRequest.objects.create(campaign=campaign, key="r1", e164=phone.e164, lead=lead, asked_at=NOW))
    keep(Destination.objects.create(name="Expert", number="+441632960001"))
    keep(
        ThirdParty.objects.create(call=call, campaign=campaign, interaction_id=uuid7(), agent=ana, how="consult", e164="+441632960001", asked_at=NOW)
    )
    keep(VerdictReview.objects.create(attempt=attempt, campaign=campaign, verdict="human", drawn_at=NOW))
    keep(Permit.objects.create(attempt=attempt, decided_at=NOW, valid_until=NOW))
    keep(Callback.objects.create(lead=lead, due_at=NOW, agent=ana))
    keep(DoNotCall.objects.create(number_key="k", hint="+4477•••••01", source="agent", created_at=NOW))
    keep(DoNotCallList.objects.create(name="us-national", loaded_at=NOW, numbers=1))
    keep(DoNotCallRemoval.objects.create(entry_id=1, number_key="k", hint="+4477•••••01", listed_at=NOW, asked_by=ana.user, asked_at=NOW))
    keep(Suppression.objects.create(contact=contact, until=NOW, created_at=NOW))
    keep(CampaignExclusion.objects.create(campaign=campaign, contact=contact, created_at=NOW))
    keep(Consent.objects.create(contact=contact, kind="calls", source="web form", given_at=NOW))
    keep(RulePack.objects.create(name="Spain", jurisdiction="ES"))
    keep(SpendLimit.objects.create(campaign=campaign, per_day=100))
    keep(TrunkPrice.objects.create(trunk=trunk, prefix="+34", per_minute="0.02"))
    checker = keep(ValidationService.objects.create(name="checker", url="https://checker.example/"))
    keep(NumberCheck.objects.create(number_key="k", service=checker, verdict="clear", checked_at=NOW, valid_until=NOW))
    keep(Survey.objects.create(campaign=campaign))
    keep(SurveyAnswer.objects.create(lead=lead, saved_at=NOW))
    keep(LiveSource.objects.create(campaign=campaign, kind="odoo"))
    keep(Outbox.objects.create(topic="crm", key="1", payload={}, due_at=NOW))
    return rows


def address(model: type[Model], page: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def test_every_model_of_ours_has_its_place_in_the_admin() -> None:
    admin.autodiscover()  # as the urls do
    assert {model for model in OURS if model not in admin.site._registry} == WITHIN_ANOTHER


def test_the_first_page_opens_and_leads_to_the_campaigns(boss: Client) -> None:
    page = boss.get("/admin/").content.decode()
    assert "Campaign Management" in page
    assert "Outbound Call Campaign" in page
    assert address(Campaign, "changelist") in page


def test_every_table_and_every_page_of_a_row_opens(boss: Client, house: dict[type[Model], Model]) -> None:
    assert set(house) == set(OURS)
    for model in set(OURS) - WITHIN_ANOTHER:
        table = boss.get(address(model, "changelist"))
        assert table.status_code == 200, model
        assert boss.get(address(model, "changelist"), {"q": "x"}).status_code == 200, model
        assert boss.get(address(model, "change", house[model].pk)).status_code == 200, model


def test_a_table_does_not_ask_more_of_the_database_for_more_rows(
    boss: Client, house: dict[type[Model], Model], django_assert_max_num_queries: Any
) -> None:
    lead: Any = house[Lead]
    for each in range(8):
        contact = Contact.objects.create(first_name=f"Maria {each}")
        Lead.objects.create(campaign=lead.campaign, calling_list=lead.calling_list, contact=contact, zone_group=lead.zone_group, next_call_at=NOW)
        Campaign.objects.create(name=f"Campaign {each}")
        Agent.objects.create(user=User.objects.create(username=f"agent {each}"))
    for model in (Lead, Campaign, Agent, Attempt):
        with django_assert_max_num_queries(20):
            boss.get(address(model, "changelist"))


@pytest.mark.parametrize("model", LEDGERS, ids=lambda model: model.__name__)
def test_a_ledger_cannot_be_written_by_hand(boss: Client, house: dict[type[Model], Model], model: type[Model]) -> None:
    row = house[model]
    before = model._default_manager.filter(pk=row.pk).values().get()
    assert boss.get(address(model, "add")).status_code == 403
    assert boss.post(address(model, "change", row.pk), {"state": "closed"}).status_code == 403
    assert boss.post(address(model, "delete", row.pk), {"post": "yes"}).status_code == 403
    assert model._default_manager.filter(pk=row.pk).values().get() == before


def test_an_agent_without_rights_sees_nothing_of_it(client: Client, house: dict[type[Model], Model]) -> None:
    client.force_login(User.objects.get(username="ana"))
    assert client.get("/admin/").status_code == 302
    assert client.get(address(Lead, "changelist")).status_code == 302


def test_the_agents_page_says_what_each_is_doing(boss: Client, house: dict[type[Model], Model]) -> None:
    assert "Wrap up" in boss.get(address(Agent, "changelist")).content.decode()
    Interaction.objects.update(phase=Phase.CLOSED, closed_at=NOW)
    assert "Ready" in boss.get(address(Agent, "changelist")).content.decode()


def test_an_agent_who_has_worked_is_not_deleted_and_a_new_one_is(boss: Client, house: dict[type[Model], Model]) -> None:
    assert boss.post(address(Agent, "delete", house[Agent].pk), {"post": "yes"}).status_code == 403
    fresh = Agent.objects.create(user=User.objects.create(username="zoe"))
    assert boss.post(address(Agent, "delete", fresh.pk), {"post": "yes"}).status_code == 302
    assert not Agent.objects.filter(pk=fresh.pk).exists()


def test_a_reason_of_the_system_keeps_its_code_and_stays(boss: Client) -> None:
    lost, _ = NotReadyReason.objects.get_or_create(code="connection_lost", defaults={"label": "Connection lost", "system": True})
    assert boss.post(address(NotReadyReason, "delete", lost.pk), {"post": "yes"}).status_code == 403
    boss.post(address(NotReadyReason, "change", lost.pk), {"code": "other", "label": "Line lost", "position": "3"})
    lost.refresh_from_db()
    assert (lost.code, lost.label, lost.system) == ("connection_lost", "Line lost", True)


def test_a_number_typed_as_anybody_writes_it_is_listed_for_good(boss: Client, settings: Any) -> None:
    said = boss.post(address(DoNotCall, "add"), {"number": "+44 20 7946 0018", "reason": "asked us to"}, follow=True)
    listed = DoNotCall.objects.get()
    assert listed.number_key == number_key("+442079460018", settings.NUMBER_KEY)
    assert "+442079460018" not in {listed.hint, listed.reason}
    assert (listed.source, listed.created_by, listed.campaign) == ("admin", User.objects.get(username="boss"), None)
    assert listed.hint in said.content.decode()
    assert boss.post(address(DoNotCall, "delete", listed.pk), {"post": "yes"}).status_code == 403
    assert boss.post(address(DoNotCall, "change", listed.pk), {"reason": "no"}).status_code == 403
    assert DoNotCall.objects.filter(pk=listed.pk).exists()


def test_a_listed_number_is_found_by_the_whole_number_and_not_listed_twice(boss: Client, settings: Any) -> None:
    for number in ("+442079460018", "+442079460019"):
        boss.post(address(DoNotCall, "add"), {"number": number})
    found = boss.get(address(DoNotCall, "changelist"), {"q": "+44 20 7946 0019"})
    assert [row.number_key for row in found.context["cl"].result_list] == [number_key("+442079460019", settings.NUMBER_KEY)]
    again = boss.post(address(DoNotCall, "add"), {"number": "020 7946 0019"})
    assert "country code" in again.content.decode()
    again = boss.post(address(DoNotCall, "add"), {"number": "0044 20 7946 0019"})
    assert "on that list already" in again.content.decode()
    assert DoNotCall.objects.count() == 2


def test_listing_a_number_finishes_the_leads_that_wait_for_it(boss: Client, house: dict[type[Model], Model]) -> None:
    boss.post(address(DoNotCall, "add"), {"number": "+44 7700 900001"})
    lead = Lead.objects.get()
    assert (lead.state, lead.reason) == ("final", "do_not_call")


def test_hours_are_written_a_line_a_day(boss: Client) -> None:
    boss.post(address(CallableHours, "add"), {"name": "Weekdays", "mon": "09:00-13:00, 14:00-20:00", "tue": "10:00 - 24:00"})
    hours = CallableHours.objects.get()
    assert hours.week == {"mon": [["09:00", "13:00"], ["14:00", "20:00"]], "tue": [["10:00", "24:00"]]}
    page = boss.get(address(CallableHours, "change", hours.pk)).content.decode()
    assert "09:00-13:00, 14:00-20:00" in page
    assert "10:00-24:00" in page


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"mon": "20:00-09:00"}, "mon: 20:00 is not before 09:00."),
        ({"tue": "nine to five"}, "tue: a span is a pair"),
        ({"wed": "9-17"}, "is not a time of day"),
        ({}, "give at least one day its hours"),
    ],
)
def test_hours_that_cannot_be_are_refused_in_a_sentence(boss: Client, typed: dict[str, str], sentence: str) -> None:
    page = boss.post(address(CallableHours, "add"), {"name": "Weekdays", **typed})
    assert sentence in page.content.decode().replace("&quot;", '"')
    assert not CallableHours.objects.exists()


def phones(**typed: str) -> dict[str, str]:
    first = {"phones-TOTAL_FORMS": "1", "phones-INITIAL_FORMS": "0"}
    for ledger in ("zone_confirmations", "consents", "changes", "leads"):
        first |= {f"{ledger}-TOTAL_FORMS": "0", f"{ledger}-INITIAL_FORMS": "0"}
    return first | {"first_name": "Maria", "fields": "{}", "phones-0-kind": "mobile", "phones-0-position": "0"} | typed


def test_a_contacts_number_is_read_once_and_knows_its_time_zones(boss: Client, settings: Any) -> None:
    boss.post(address(Contact, "add"), phones(**{"phones-0-e164": "+44 7700 900001", "phones-0-active": "on"}))
    phone = PhoneNumber.objects.get()
    assert (phone.e164, phone.number_key) == ("+447700900001", number_key("+447700900001", settings.NUMBER_KEY))
    assert "Europe/London" in phone.zones
    assert not phone.landline
    boss.post(address(Contact, "add"), phones(**{"phones-0-e164": "+44 20 7946 0123", "phones-0-active": "on"}))
    assert PhoneNumber.objects.get(e164="+442079460123").landline, "whatever it is called"
    phone = PhoneNumber.objects.get(e164="+447700900001")
    kept = {"phones-INITIAL_FORMS": "1", "phones-0-id": str(phone.pk), "phones-0-contact": str(phone.contact_id), "phones-0-e164": "+447700900999"}
    boss.post(address(Contact, "change", phone.contact_id), phones(**kept, **{"phones-0-DELETE": "on"}))
    phone.refresh_from_db()
    assert phone.e164 == "+447700900001"
    assert not phone.active


def test_a_number_that_is_none_is_refused_with_what_to_do(boss: Client) -> None:
    page = boss.post(address(Contact, "add"), phones(**{"phones-0-e164": "7700 900001"}))
    assert "country code" in page.content.decode()
    assert not Contact.objects.exists()
