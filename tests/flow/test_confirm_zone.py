"""A customer says where they are, and from then on that alone counts."""

import io
from datetime import timedelta
from typing import Any

from django.test import Client

from agents.desk import Done, Refusal
from agents.models import User
from campaigns import explain, imports, screens
from campaigns.flow import confirm_zone
from campaigns.imports import Finished, Options
from campaigns.models import CallableHours, Campaign, Contact, Lead, ListImport, PhoneNumber, RulePack, ZoneConfirmation
from tests.floor import Floor, Person
from tests.flow.test_explain import selected

DOUBTFUL = ("America/New_York", "Europe/Madrid")


def called_by_day(floor: Floor) -> tuple[Campaign, Person]:
    """Somebody who may be in Madrid, where it is ten, or in New York, where it is five."""
    campaign = floor.campaign("progressive", agents=[floor.agent("Ana")], hours=CallableHours.objects.get(name="nine to nine"))
    return campaign, floor.person(campaign, zones=DOUBTFUL)


def test_a_doubt_about_the_zone_is_over_once_the_customer_has_said_where_they_are(floor: Floor) -> None:
    campaign, maria = called_by_day(floor)
    boss = User.objects.create_user("boss", password="a long enough secret")
    assert selected(campaign, now=floor.now) == set()
    assert confirm_zone.confirm(maria.contact.pk, "Europe/Madrid", by=boss, now=floor.now) == Done()
    assert selected(campaign, now=floor.now) == {maria.lead.pk}
    why = explain.lead(maria.lead.pk, now=floor.now)
    assert why is not None
    assert why.callable_now
    held = ZoneConfirmation.objects.get()
    assert (held.contact, held.zone, held.at, held.by, held.ended_at) == (maria.contact, "Europe/Madrid", floor.now, boss, None)


def test_the_zone_that_was_confirmed_last_counts_and_all_of_them_again_when_it_is_taken_back(floor: Floor) -> None:
    campaign, maria = called_by_day(floor)
    night = floor.now + timedelta(hours=12)  # ten in the evening in Madrid, five in the afternoon in New York
    confirm_zone.confirm(maria.contact.pk, "Europe/Madrid", by=None, now=floor.now)
    confirm_zone.confirm(maria.contact.pk, "America/New_York", by=None, now=floor.now)
    assert selected(campaign, now=floor.now) == set()
    assert selected(campaign, now=night) == {maria.lead.pk}
    assert confirm_zone.take_back(maria.contact.pk, by=None, now=floor.now) == Done()
    assert selected(campaign, now=night) == set()
    assert tuple(Lead.objects.get(pk=maria.lead.pk).zone_group.zones) == DOUBTFUL
    assert ZoneConfirmation.objects.filter(ended_at=None).count() == 0


def test_who_waited_for_the_hours_of_a_place_where_they_are_not_is_asked_about_at_once(floor: Floor) -> None:
    campaign, maria = called_by_day(floor)
    Lead.objects.filter(pk=maria.lead.pk).update(reason="hours", next_call_at=floor.now + timedelta(hours=5))
    confirm_zone.confirm(maria.contact.pk, "Europe/Madrid", by=None, now=floor.now)
    assert selected(campaign, now=floor.now) == {maria.lead.pk}


def test_the_rules_of_where_the_number_is_from_go_on_to_apply(floor: Floor) -> None:
    campaign, maria = called_by_day(floor)
    RulePack.objects.create(name="Spain", jurisdiction="ES", rules=[{"kind": "destinations", "countries": ["FR"]}]).campaigns.add(campaign)
    confirm_zone.confirm(maria.contact.pk, "Asia/Dubai", by=None, now=floor.now)
    assert selected(campaign, now=floor.now) == set()


def test_an_agent_who_is_told_where_the_customer_is_writes_it_down_from_the_record_in_hand(floor: Floor) -> None:
    ana, bea = floor.agent("Ana"), floor.agent("Bea")
    campaign = floor.campaign("preview", agents=[ana])
    maria = floor.person(campaign, "Maria", zones=DOUBTFUL)
    Contact.objects.filter(pk=maria.contact.pk).update(time_zone="America/New_York")
    ana.sits_down()
    ana.gets(campaign)
    assert ana.work is not None
    work = ana.work.pk

    def seen() -> tuple[list[str], str, str, str]:
        told = screens.record(ana.id, work)
        assert told is not None
        assert told.contact is not None
        return told.contact.zones, told.contact.said_zone, told.contact.numbers[0].zone, told.contact.numbers[0].local_time

    assert seen() == ([*DOUBTFUL], "", "America/New_York", "")
    assert confirm_zone.said(work, ana.id, "Europe/Madrid", now=floor.now) == Refusal(
        "Nobody has spoken with this customer yet: ask them where they are, and confirm it then."
    )
    ana.calls()
    floor.run(until=lambda: ana.phase == "connected")
    for _ in range(2):
        assert confirm_zone.said(work, ana.id, "Europe/Madrid", now=floor.now) == Done()
    held = ZoneConfirmation.objects.get()
    assert (held.zone, held.by) == ("Europe/Madrid", ana.agent.user)
    zones, zone, meant, clock = seen()
    assert (zones, zone, meant) == (["Europe/Madrid"], "Europe/Madrid", "Europe/Madrid")
    assert clock, "it is one time now"
    for who, what in ((bea, "Europe/Madrid"), (ana, "Mars/Crater"), (ana, "Etc/GMT+8"), (ana, "UTC")):
        assert isinstance(confirm_zone.said(work, who.id, what, now=floor.now), Refusal)
    assert confirm_zone.said(work, ana.id, "", now=floor.now) == Done()
    assert ZoneConfirmation.objects.get().ended_by == ana.agent.user
    assert seen()[:2] == ([*DOUBTFUL], "")
    assert confirm_zone.said(work, ana.id, "Atlantic/Canary", now=floor.now) == Done()
    ana.hangs_up()
    floor.run(until=lambda: ana.phase == "wrap_up")
    assert confirm_zone.said(work, ana.id, "Europe/Madrid", now=floor.now) == Done(), "while they write it up"
    ana.finishes()
    late = confirm_zone.said(work, ana.id, "Europe/Madrid", now=floor.now)
    assert late == Refusal("This record is no longer yours: it was closed in the meantime.")


def test_a_place_that_does_not_exist_and_a_contact_that_is_gone_are_refused_in_a_sentence(floor: Floor) -> None:
    _, maria = called_by_day(floor)
    assert confirm_zone.confirm(maria.contact.pk, "Mars/Crater", by=None, now=floor.now) == Refusal(
        "There is no time zone Mars/Crater. Write it as Europe/Madrid or America/New_York."
    )
    for answer in (confirm_zone.confirm(99, "Europe/Madrid", by=None, now=floor.now), confirm_zone.take_back(99, by=None, now=floor.now)):
        assert isinstance(answer, Refusal)
    assert not ZoneConfirmation.objects.exists()


def test_another_list_with_another_number_does_not_move_them(floor: Floor, settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = tmp_path
    first, second = (floor.campaign("progressive", agents=[floor.agent(name)]) for name in ("Ana", "Ben"))
    for campaign, number in ((first, "+34600000111"), (second, "+12125550111")):
        file = io.BytesIO(f"Customer Id,Name,Phone\nM1,Maria,{number}\n".encode())
        told = Options(country="ES", list_name="people", source="crm")
        taken = imports.take_in(campaign, file, file_name="people.csv", options=told, dry_run=False, by=None, now=floor.now, at_work=True)
        assert isinstance(taken, ListImport), taken
        assert isinstance(imports.run(taken.pk, now=floor.now, for_at_most=None), Finished)
        confirm_zone.confirm(Lead.objects.get(campaign=campaign).contact_id, "Asia/Tokyo", by=None, now=floor.now)
    assert Lead.objects.values("contact").distinct().count() == 1
    assert [lead.zone_group.zones for lead in Lead.objects.all()] == [["Asia/Tokyo"]] * 2


def test_an_administrator_writes_down_what_a_customer_said(floor: Floor, client: Client) -> None:
    campaign, maria = called_by_day(floor)
    boss = User.objects.create_superuser("boss", password="a long enough secret")
    client.force_login(boss)
    page = f"/admin/campaigns/contact/{maria.contact.pk}/change/"

    def save(zone: str) -> Any:
        shown: Any = client.get(page)
        form = shown.context["adminform"].form
        fields = {name: value if value is not None else "" for name, value in {**form.initial, "fields": "{}", "customer_is_in": zone}.items()}
        for each in shown.context["inline_admin_formsets"]:
            fields |= {f"{each.formset.prefix}-TOTAL_FORMS": 0, f"{each.formset.prefix}-INITIAL_FORMS": 0}
        return client.post(page, fields)

    def zones() -> list[str]:
        return Lead.objects.get(pk=maria.lead.pk).zone_group.zones

    for nowhere in ("Mars", "UTC", "Etc/GMT+8"):
        assert f"no time zone {nowhere}" in save(nowhere).content.decode().replace("&#x2B;", "+")
    assert save("Europe/Madrid").status_code == 302
    assert zones() == ["Europe/Madrid"]
    held = ZoneConfirmation.objects.get()
    assert (held.zone, held.by, held.ended_at) == ("Europe/Madrid", boss, None)
    assert selected(campaign, now=floor.now) == {maria.lead.pk}
    assert save("").status_code == 302
    assert zones() == [*DOUBTFUL]
    PhoneNumber.objects.update(active=False)
    assert save("").status_code == 302
    assert zones() == [], "no number is left whose hours it would wait for"
    PhoneNumber.objects.update(active=True)
    assert save("").status_code == 302
    assert ZoneConfirmation.objects.get().ended_by == boss
    assert selected(campaign, now=floor.now) == set()
