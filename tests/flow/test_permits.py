"""The gate within the flow: what the ledger says is counted across campaigns, a refusal moves its lead, and the planned call is lawful."""

from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.sql import emit_post_migrate_signal
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from campaigns import explain, facts, waterfall
from campaigns.flow import control, do_not_call
from campaigns.models import (
    Attempt,
    CallableHours,
    Campaign,
    CampaignVersion,
    Consent,
    Contact,
    DoNotCallList,
    Holiday,
    HolidayCalendar,
    Permit,
    RulePack,
)
from campaigns.rules.rule_packs import PACKS
from telephony.drivers.simulated.script import Answers, Busy, NoAnswer, seconds
from tests.floor import Floor


def law(*rules: dict[str, Any], name: str = "Ours", jurisdiction: str = "*") -> RulePack:
    return RulePack.objects.create(name=name, jurisdiction=jurisdiction, rules=list(rules), enabled=True)


def pin(campaign: Campaign, *packs: RulePack) -> None:
    campaign.rule_packs.add(*packs)


def test_a_permit_names_the_rules_and_keeps_the_evidence(floor: Floor) -> None:
    ana = floor.agent("Ana")
    campaign = floor.campaign("progressive", agents=[ana])
    pin(campaign, law({"kind": "frequency_cap", "scope": "person", "count": 3, "hours": 24}))
    floor.person(campaign, "Maria", Answers(after=seconds(4), talks_for=seconds(20)))
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "connected", at_most=20)
    permit = Permit.objects.get()
    assert permit.rules == f"campaign v{campaign.versions.latest('number').number}; Ours v1"
    assert permit.evidence["rules"] == ["Ours v1"]
    assert permit.evidence["local"] == ["Tue 10:00 +0100"]


def test_a_cap_per_person_counts_the_calls_of_every_campaign_and_the_lead_waits_for_the_first_to_leave_the_window(floor: Floor) -> None:
    ana = floor.agent("Ana")
    first, second = floor.campaign("progressive", agents=[ana]), floor.campaign("progressive", agents=[ana])
    cap = law({"kind": "frequency_cap", "scope": "person", "count": 1, "hours": 24})
    pin(first, cap)
    pin(second, cap)
    floor.rule(first, "busy", attempts=1)
    maria = floor.person(first, "Maria", Busy(after=seconds(1)), numbers=2)
    ana.sits_down()
    floor.run(until=lambda: maria.outcomes == ["busy"], at_most=20)
    dialed = Attempt.objects.get().dialed_at
    assert dialed is not None
    again = floor.person(second, "Maria", contact=maria.contact, numbers=maria.numbers)
    floor.run(20)
    assert again.outcomes == []
    assert (again.now().reason, again.now().next_call_at) == ("hold", dialed + timedelta(hours=24))


def test_a_retry_is_planned_for_when_cap_and_hours_will_both_allow_it(floor: Floor) -> None:
    ana = floor.agent("Ana")
    campaign = floor.campaign("progressive", agents=[ana])
    pin(
        campaign,
        law(
            {"kind": "frequency_cap", "scope": "number", "count": 1, "hours": 22},
            {"kind": "calling_window", "week": {"tue": [["09:00", "20:00"]], "wed": [["09:30", "20:00"]]}},
        ),
    )
    floor.rule(campaign, "no_answer", minutes=10)
    maria = floor.person(campaign, "Maria", NoAnswer())
    ana.sits_down()
    floor.run(until=lambda: maria.outcomes == ["no_answer"], at_most=60)
    # ten minutes later says the retry rule, 08:00 tomorrow the cap, half past nine the window
    assert maria.now().next_call_at == datetime(2026, 3, 11, 8, 30, tzinfo=UTC)
    assert maria.now().reason == "retry"


def test_an_abandoned_call_leaves_the_number_alone_for_three_days_in_every_campaign(floor: Floor) -> None:
    ana = floor.agent("Ana")
    campaign = floor.campaign("progressive", agents=[ana])
    pin(campaign, law({"kind": "hold_after", "event": "abandoned", "hours": 72, "scope": "number"}))
    maria = floor.person(campaign)
    ended = floor.now - timedelta(hours=71)
    Attempt.objects.create(
        lead=maria.lead,
        campaign=campaign,
        contact=maria.contact,
        phone=maria.contact.phones.get(),
        e164=maria.number,
        state="concluded",
        outcome="abandoned",
        epoch=0,
        planned_at=ended,
        dialed_at=ended - timedelta(minutes=1),
        concluded_at=ended,
    )
    ana.sits_down()
    floor.run(5)
    assert maria.now().next_call_at == ended + timedelta(hours=72)
    Attempt.objects.all().delete()  # an invented call has no leg at the carrier


def test_a_stale_list_holds_the_campaign_and_moves_no_lead(floor: Floor) -> None:
    ana = floor.agent("Ana")
    campaign = floor.campaign("progressive", agents=[ana])
    pin(campaign, law({"kind": "do_not_call_list", "list": "es-robinson", "max_age_days": 30}))
    maria = floor.person(campaign, "Maria", Answers(after=seconds(4), talks_for=seconds(20)))
    before = maria.now().next_call_at
    ana.sits_down()
    floor.run(5)
    assert (maria.outcomes, maria.now().state, maria.now().next_call_at) == ([], "waiting", before)
    DoNotCallList.objects.create(name="es-robinson", loaded_at=floor.now)
    floor.run(until=lambda: ana.phase == "connected", at_most=20)


def test_a_list_of_another_campaign_is_none_of_ours_however_fresh(floor: Floor) -> None:
    ana = floor.agent("Ana")
    campaign = floor.campaign("progressive", agents=[ana])
    other = floor.campaign("progressive", start=False)
    pin(campaign, law({"kind": "do_not_call_list", "list": "us-national", "max_age_days": 31}))
    maria = floor.person(campaign, "Maria", Answers(after=seconds(4), talks_for=seconds(20)))
    loaded = DoNotCallList.objects.create(name="us-national", campaign=other, loaded_at=floor.now)
    ana.sits_down()
    floor.run(5)
    assert maria.where == ("waiting", "new")
    assert maria.outcomes == []
    loaded.campaign = campaign
    loaded.save()
    floor.run(until=lambda: ana.phase == "connected", at_most=20)


def test_without_consent_nobody_is_called_and_with_it_they_are(floor: Floor) -> None:
    ana = floor.agent("Ana")
    campaign = floor.campaign("progressive", agents=[ana])
    pin(campaign, law({"kind": "consent", "kinds": ["call"]}))
    maria = floor.person(campaign, "Maria", Answers(after=seconds(4), talks_for=seconds(20)))
    omar = floor.person(campaign, "Omar")
    Consent.objects.create(contact=maria.contact, kind="call", source="web form", given_at=floor.now - timedelta(days=1))
    Consent.objects.create(contact=omar.contact, kind="call", source="web form", given_at=floor.now - timedelta(days=9), revoked_at=floor.now)
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "connected", at_most=20)
    assert omar.outcomes == []


def test_the_address_of_a_person_may_put_them_into_another_state_and_its_zones(floor: Floor) -> None:
    campaign = floor.campaign("progressive", start=False)
    person = floor.person(campaign, numbers=["+12125550123"], zones=["America/New_York"])
    person.contact.region, person.contact.country = "FL", "US"
    person.contact.save()
    phone = facts.people([person.contact.pk])[person.contact.pk].phones[0]
    assert {"US", "US-NY", "US-FL"} <= phone.places
    assert {"America/New_York", "America/Chicago"} <= set(phone.zones)


def test_who_lives_abroad_is_not_called_at_night_there(floor: Floor) -> None:
    ana = floor.agent("Ana")
    floor.jumps_to(datetime(2026, 3, 11, 0, 30, tzinfo=UTC))  # half past eight in the evening in New York, half past one at night in Berlin
    campaign = floor.campaign("progressive", agents=[ana], hours=CallableHours.objects.get(name="nine to nine"))
    maria = floor.person(campaign, "Maria", numbers=["+12125550123"], zones=["America/New_York"])
    Contact.objects.filter(pk=maria.contact.pk).update(country="DE", city="Berlin")
    ana.sits_down()
    floor.run(5)
    assert (maria.attempts, maria.where) == ([], ("waiting", "hours"))
    assert maria.now().next_call_at == datetime(2026, 3, 11, 13, 0, tzinfo=UTC)


def test_a_version_keeps_the_hours_and_the_packs_it_was_made_under(floor: Floor) -> None:
    campaign = floor.campaign("progressive", start=False)
    pin(campaign, law({"kind": "caller_id"}))
    control.edited(campaign, by=None, now=floor.now)
    settings = CampaignVersion.objects.filter(campaign=campaign).latest("number").settings
    assert settings["rule_packs"] == ["Ours v1"]
    assert control.clone(campaign, by=None, now=floor.now).rule_packs.get().name == "Ours"


@pytest.mark.django_db
def test_a_fresh_installation_has_the_packs_and_its_holidays_and_an_emptied_or_older_database_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    RulePack.objects.all().delete()
    HolidayCalendar.objects.all().delete()
    emit_post_migrate_signal(0, False, "default")
    assert not RulePack.objects.exists(), "flush is no migrate"
    with monkeypatch.context() as patch:
        patch.setattr(MigrationExecutor, "migration_plan", lambda *_: [("campaigns.0001_initial", False)])
        emit_post_migrate_signal(0, False, "default", plan=[])
    assert not RulePack.objects.exists(), "there might be no table"
    for _ in range(2):
        emit_post_migrate_signal(0, False, "default", plan=[])
        assert RulePack.objects.count() == len(PACKS)
    assert HolidayCalendar.objects.get(name="GB").days.exists()


@pytest.mark.django_db
def test_the_packs_are_loaded_once_and_what_was_changed_stays() -> None:
    call_command("load_rule_packs", stdout=StringIO())
    assert RulePack.objects.count() == len(PACKS)
    RulePack.objects.filter(name="Texas (not verified)").update(enabled=True)
    HolidayCalendar.objects.get(name="GB").days.all()[0].delete()
    HolidayCalendar.objects.create(name="Bavaria", country="DE", region="BY").fill(since=timezone.now().year)
    said = StringIO()
    call_command("load_rule_packs", stdout=said)
    assert said.getvalue().strip() == "0 rule packs and 0 holidays were new."
    assert RulePack.objects.get(name="Texas (not verified)").enabled


@pytest.mark.django_db
def test_a_calendar_of_a_region_is_filled_year_by_year_and_what_was_taken_out_stays_out() -> None:
    bavaria = HolidayCalendar.objects.create(name="Bavaria", country="DE", region="BY")
    ours = HolidayCalendar.objects.create(name="Ours")
    call_command("load_rule_packs", stdout=StringIO())
    year = timezone.now().year
    assert {day.year for day in bavaria.days.values_list("day", flat=True)} == set(range(year, year + 4))
    assert bavaria.days.filter(day__month=1, day__day=6).count() == 4, "Epiphany"
    bavaria.days.filter(day__year=year + 3).delete()
    bavaria.days.filter(day__month=1, day__day=6, day__year=year).delete()
    call_command("load_rule_packs", stdout=StringIO())
    assert sorted(day.year for day in bavaria.days.filter(day__month=1, day__day=6).values_list("day", flat=True)) == [year + 1, year + 2, year + 3]
    assert not ours.days.exists(), "of no place"
    assert bavaria.fill(since=year, missing_too=True) == 1


def test_a_holiday_of_a_region_closes_it_and_no_other_and_those_of_whom_nobody_knows_the_region(floor: Floor) -> None:
    """It is a Tuesday at ten; whoever waits is called when the holiday is over where they may be."""
    ana = floor.agent("Ana")
    campaign = floor.campaign("progressive", agents=[ana])
    for name in ("DE-BY", "GB-SCT"):
        calendar = HolidayCalendar.objects.create(name=name, country=name[:2], region=name[3:])
        Holiday.objects.create(calendar=calendar, day=floor.now.date())
    pin(campaign, law({"kind": "blocked_days", "calendar": "DE-BY"}, jurisdiction="DE-BY"), law({"kind": "public_holidays"}, name="Wherever"))
    people = {}
    for number, region in (("+491511234560", "Bavaria"), ("+491511234561", ""), ("+447700900121", "Fife"), ("+491511234563", "Hessen")):
        zone = "Europe/London" if number.startswith("+44") else "Europe/Berlin"
        people[region] = floor.person(
            campaign, region or "Somewhere", Answers(after=seconds(4), talks_for=seconds(9)), numbers=[number], zones=[zone]
        )
        Contact.objects.filter(pk=people[region].contact.pk).update(region=region)
    ana.sits_down()
    floor.run(until=lambda: people["Hessen"].dialed != [], at_most=30)
    assert [region for region, person in people.items() if person.dialed] == ["Hessen"]
    midnight = {region: person.now().next_call_at for region, person in people.items() if region != "Hessen"}
    assert midnight == {
        "Bavaria": datetime(2026, 3, 10, 23, tzinfo=UTC),
        "": datetime(2026, 3, 10, 23, tzinfo=UTC),
        "Fife": datetime(2026, 3, 11, tzinfo=UTC),
    }
    why = explain.lead(people["Bavaria"].lead.pk, now=floor.now)
    assert why is not None
    assert why.next_at == midnight["Bavaria"]
    whole = waterfall.of_campaign(campaign.pk, now=floor.now)
    assert whole is not None
    assert whole.leads == 4
    assert ("due", 3) in {(step.rule, step.leads) for step in whole.steps}


def test_a_listed_number_of_a_person_with_another_is_passed_over(floor: Floor) -> None:
    ana = floor.agent("Ana")
    campaign = floor.campaign("progressive", agents=[ana])
    maria = floor.person(campaign, "Maria", numbers=2)
    do_not_call.list_numbers([maria.numbers[0]], source="test", now=floor.now)
    floor.script.say(maria.numbers[1], Answers(after=seconds(4), talks_for=seconds(20)))
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "connected", at_most=20)
    assert floor.placed(maria.numbers[0]) == 0
