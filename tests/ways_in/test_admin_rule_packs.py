"""An administrator pins the law a campaign calls under; what is looser is refused, what is in use stays as it was."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from agents.models import Agent, User
from campaigns import facts
from campaigns.models import CallableHours, CallingList, Campaign, CampaignVersion, HolidayCalendar, Participation, RulePack
from campaigns.rules.permit.in_words import in_words
from campaigns.rules.permit.kinds import rule_from
from campaigns.rules.rule_packs import PACKS
from telephony.models import Announcement, CallerId
from tests.ways_in.test_admin_campaign import errors, page_of, save, saved

pytestmark = pytest.mark.django_db(transaction=True)

DAYTIME = {"kind": "calling_window", "week": {day: [["09:00", "17:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}}


@pytest.fixture
def boss(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("boss", password="a long enough secret"))
    return client


@pytest.fixture
def campaign() -> Campaign:
    campaign = Campaign.objects.create(
        name="Spring renewal",
        mode_key="progressive",
        call_application="softphone",
        message=Announcement.objects.create(name="Sorry", media="sound:sorry"),
    )
    Participation.objects.create(campaign=campaign, agent=Agent.objects.create(user=User.objects.create(username="ana")))
    CallingList.objects.create(campaign=campaign, name="March")
    return campaign


def law(*rules: dict[str, Any], enabled: bool = True, name: str = "Daytime") -> RulePack:
    return RulePack.objects.create(name=name, jurisdiction="*", rules=list(rules), enabled=enabled)


def test_a_pinned_pack_makes_a_new_version_that_names_it(boss: Client, campaign: Campaign) -> None:
    pack = law(DAYTIME)
    saved(boss, campaign, rule_packs=[pack.pk])
    assert list(campaign.rule_packs.all()) == [pack]
    assert CampaignVersion.objects.filter(campaign=campaign).latest("number").settings["rule_packs"] == ["Daytime v1"]


@pytest.mark.parametrize(
    ("rule", "field", "word"),
    [
        (DAYTIME, "hours", "mon, tue, sat"),
        ({"kind": "min_ring", "seconds": 22}, "min_ring_for", "22 seconds"),
        ({"kind": "max_ring", "seconds": 20}, "ring_for", "20 seconds"),
        ({"kind": "caller_id"}, "caller_id", "caller ID"),
    ],
)
def test_settings_looser_than_a_pinned_pack_are_refused_beside_their_field(
    boss: Client, campaign: Campaign, rule: dict[str, Any], field: str, word: str
) -> None:
    week = {"mon": [["08:00", "12:00"]], "tue": [["09:00", "18:00"]], "wed": [["09:00", "17:00"]], "sat": [["09:00", "10:00"]]}
    campaign.hours = CallableHours.objects.create(name="Long", week=week)
    campaign.save()
    answer = save(boss, campaign, rule_packs=[law(rule).pk])
    assert word in " ".join(errors(answer)[field])
    assert not campaign.rule_packs.exists()


def test_settings_as_strict_as_the_pack_are_accepted(boss: Client, campaign: Campaign) -> None:
    campaign.hours = CallableHours.objects.create(name="Short", week={"mon": [["10:00", "12:00"]]})
    campaign.caller_id = CallerId.objects.create(e164="+441632960000", verified=True)
    campaign.save()
    saved(boss, campaign, rule_packs=[law(DAYTIME, {"kind": "caller_id"}, {"kind": "abandoned_message"}).pk])


def test_a_pack_about_other_calls_is_refused_and_one_that_concerns_these_is_asked(boss: Client, campaign: Campaign) -> None:
    debts = law(DAYTIME, name="Debts")
    RulePack.objects.filter(pk=debts.pk).update(purposes=["collection"])
    assert "about collection only" in " ".join(errors(save(boss, campaign, rule_packs=[debts.pk]))["rule_packs"])
    saved(boss, campaign, rule_packs=[debts.pk], call_purpose="collection")
    assert [pack.name for pack in facts.settings_of([campaign.pk])[campaign.pk].terms.packs] == ["Debts"]
    Campaign.objects.filter(pk=campaign.pk).update(call_purpose="sales")
    assert facts.settings_of([campaign.pk])[campaign.pk].terms.packs == ()


def test_a_new_campaign_begins_with_the_strict_default_pinned(boss: Client) -> None:
    call_command("load_rule_packs", stdout=StringIO())
    form: Any = boss.get("/admin/campaigns/campaign/add/")
    assert [pack.name for pack in form.context["adminform"].form["rule_packs"].initial] == ["Strict default"]
    # where an older version was pinned once it is there as well, and nobody begins with it
    RulePack.objects.create(name="Strict default", version=1, jurisdiction="*", enabled=True)
    again: Any = boss.get("/admin/campaigns/campaign/add/")
    assert [pack.version for pack in again.context["adminform"].form["rule_packs"].initial] == [2]


def test_a_pack_that_is_not_enabled_cannot_be_pinned(boss: Client, campaign: Campaign) -> None:
    assert "rule_packs" in errors(save(boss, campaign, rule_packs=[law(DAYTIME, enabled=False).pk]))


def test_a_held_campaign_says_by_which_rule(boss: Client, campaign: Campaign) -> None:
    law({"kind": "do_not_call_list", "list": "uk-tps", "max_age_days": 28}, name="Register").campaigns.add(campaign)
    Campaign.objects.filter(pk=campaign.pk).update(state="running")
    assert "uk-tps no older than 28 days; it was never loaded" in boss.get("/admin/campaigns/campaign/").content.decode()
    assert "uk-tps" in boss.get(page_of(campaign)).content.decode()


def test_a_pack_in_use_stays_as_it_is_and_another_can_be_corrected(boss: Client, campaign: Campaign) -> None:
    used, free = law(DAYTIME), law(DAYTIME, name="Free")
    used.campaigns.add(campaign)
    fields = {"name": "Free", "version": 1, "jurisdiction": "GB", "purposes": "", "sources": "[]", "enabled": "on"}
    for rules, word in (([{"kind": "patience"}], "patience"), ([{"kind": "blocked_days", "calendar": "Mars"}], "no calendar Mars")):
        answer: Any = boss.post(f"/admin/campaigns/rulepack/{free.pk}/change/", {**fields, "rules": json.dumps(rules)})
        assert word in str(answer.context["adminform"].form.errors["rules"])
    assert boss.post(f"/admin/campaigns/rulepack/{free.pk}/change/", {**fields, "rules": json.dumps([DAYTIME])}).status_code == 302
    assert RulePack.objects.get(pk=free.pk).jurisdiction == "GB"
    assert boss.post(f"/admin/campaigns/rulepack/{used.pk}/change/", {**fields, "rules": "[]"}).status_code == 403


def test_a_pack_that_a_campaign_had_pinned_stays_as_it_is_since_permits_name_it(boss: Client, campaign: Campaign) -> None:
    pack = law(DAYTIME)
    saved(boss, campaign, rule_packs=[pack.pk])
    saved(boss, campaign, rule_packs=[])
    assert not pack.campaigns.exists()
    fields = {"name": "Daytime", "version": 1, "jurisdiction": "*", "purposes": "", "sources": "[]", "enabled": "on", "rules": "[]"}
    assert boss.post(f"/admin/campaigns/rulepack/{pack.pk}/change/", fields).status_code == 403
    assert boss.post(f"/admin/campaigns/rulepack/{pack.pk}/delete/", {"post": "yes"}).status_code == 403


@pytest.mark.parametrize(
    ("field", "said", "word"),
    [
        ("jurisdiction", "UK", "Write GB."),
        ("jurisdiction", "US-ZZ", "no region the packs know. Of US there are US-AK, US-AL"),
        ("jurisdiction", "DE-Bayern", "Write DE-BY."),
        ("jurisdiction", "DE-BX", "Of DE there are DE-BB, DE-BE, DE-BW, DE-BY"),
        ("jurisdiction", "GB-KEN", "Of GB there are GB-ENG, GB-NIR, GB-SCT, GB-WLS."),
        ("jurisdiction", "NG-LA", "Of NG there are none."),
        ("jurisdiction", "ZZ-LA", "no place"),
        ("jurisdiction", "Florida", "no place"),
        ("purposes", "marketing", "marketing"),
        ("effective_to", "2026-01-01", "never hold"),
        ("rules", '[{"kind": "destinations", "countries": ["UK"]}]', "UK"),
    ],
)
def test_a_pack_that_would_concern_nobody_is_refused_beside_the_field(boss: Client, field: str, said: str, word: str) -> None:
    fields = {"name": "Ours", "version": 1, "jurisdiction": "us-fl", "purposes": "sales", "sources": "[]", "rules": json.dumps([DAYTIME])}
    answer: Any = boss.post("/admin/campaigns/rulepack/add/", {**fields, "effective_from": "2026-02-01", field: said})
    assert word in str(answer.context["adminform"].form.errors[field])
    assert boss.post("/admin/campaigns/rulepack/add/", fields).status_code == 302
    assert RulePack.objects.get(name="Ours").jurisdiction == "US-FL"


@pytest.mark.parametrize("place", ["DE-BY", "au-vic", "GB-SCT", "FR-57", "IT-BZ", "PT-11", "MX-JAL"])
def test_a_pack_of_a_region_is_taken(boss: Client, place: str) -> None:
    fields = {"name": "Ours", "version": 1, "jurisdiction": place, "purposes": "", "sources": "[]", "rules": json.dumps([DAYTIME])}
    assert boss.post("/admin/campaigns/rulepack/add/", fields).status_code == 302
    assert RulePack.objects.get(name="Ours").jurisdiction == place.upper()


def test_a_calendar_named_after_a_place_is_there_with_its_days_as_soon_as_a_rule_names_it(boss: Client) -> None:
    rules = [{"kind": "blocked_days", "calendar": "DE-BY"}, {"kind": "public_holidays"}]
    fields = {"name": "Bavaria", "version": 1, "jurisdiction": "DE-BY", "purposes": "", "sources": "[]", "rules": json.dumps(rules)}
    assert boss.post("/admin/campaigns/rulepack/add/", fields).status_code == 302
    calendar = HolidayCalendar.objects.get(name="DE-BY")
    assert calendar.days.filter(day__month=1, day__day=6).count() == 4
    calendar.days.all().delete()
    assert boss.post("/admin/campaigns/rulepack/add/", {**fields, "name": "Again"}).status_code == 302
    assert not calendar.days.exists(), "one that is there is left alone"


def test_a_calendar_begins_with_the_public_holidays_of_its_place(boss: Client) -> None:
    def saved_as(**fields: str) -> Any:
        rows = {"days-TOTAL_FORMS": "0", "days-INITIAL_FORMS": "0"}
        return boss.post("/admin/campaigns/holidaycalendar/add/", {"name": "", "country": "", "region": "", **rows, **fields})

    for fields, field, word in (
        ({"country": "Atlantis"}, "country", "holidays of Atlantis are not known"),
        ({"country": "DE", "region": "Bayrn"}, "region", "Of DE there are DE-BB"),
        ({"country": "MX", "region": "Jalisco"}, "region", "Of MX there are none."),
        ({"region": "BY"}, "region", "in which country"),
        ({}, "name", "Give it a name"),
    ):
        assert word in str(saved_as(**fields).context["adminform"].form.errors[field])
    assert saved_as(country="Germany", region="Bavaria").status_code == 302
    calendar = HolidayCalendar.objects.get()
    assert (calendar.name, calendar.country, calendar.region) == ("DE-BY", "DE", "BY")
    assert calendar.days.filter(day__month=1, day__day=6).count() == 4
    calendar.days.filter(day__month=1, day__day=6).delete()
    boss.post("/admin/campaigns/holidaycalendar/", {"action": "complete", "_selected_action": [calendar.pk]})
    assert calendar.days.filter(day__month=1, day__day=6).count() == 4
    assert saved_as(name="Our own days").status_code == 302
    one_more = {"days-TOTAL_FORMS": "1", "days-0-day": f"{timezone.now().year}-06-03", "days-0-name": "Jubilee"}
    assert saved_as(country="GB", **one_more).status_code == 302
    assert HolidayCalendar.objects.get(name="GB").days.filter(day__year=timezone.now().year).count() > 1, "with those of the place"
    assert not HolidayCalendar.objects.get(name="Our own days").days.exists()


def test_what_a_pack_asks_stands_there_in_words_and_a_new_version_begins_as_a_copy(boss: Client, campaign: Campaign) -> None:
    call_command("load_rule_packs", stdout=StringIO())
    strict = RulePack.objects.get(name="Strict default")
    strict.campaigns.add(campaign)
    page = boss.get(f"/admin/campaigns/rulepack/{strict.pk}/change/").content.decode()
    for words in (
        "Mon-Sat 09:00-20:00, not on Sun",
        "At most 3 attempts within 24 hours to a number.",
        "No call to a number for 3 days after an abandoned call.",
    ):
        assert words in page
    answer: Any = boss.post("/admin/campaigns/rulepack/", {"action": "new_version", "_selected_action": [strict.pk]})
    copy = RulePack.objects.get(name="Strict default", version=strict.version + 1)
    assert answer.url == f"/admin/campaigns/rulepack/{copy.pk}/change/"
    assert (copy.rules, copy.enabled, copy.campaigns.exists()) == (strict.rules, False, False)
    assert boss.get(answer.url).status_code == 200


@pytest.mark.parametrize("data", PACKS, ids=[data["name"] for data in PACKS])
def test_every_rule_of_every_pack_can_be_said_in_words(data: dict[str, Any]) -> None:
    assert all(in_words(rule_from(rule)).endswith(".") for rule in data["rules"])
