"""An administrator's day: a campaign is made, approved, started, paused and stopped, and every refusal says what to do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.forms.models import model_to_dict
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from agents.models import Agent, Session, User
from campaigns.flow import control
from campaigns.models import (
    CallableHours,
    CallingList,
    Campaign,
    CampaignChange,
    Contact,
    Disposition,
    Holiday,
    HolidayCalendar,
    Lead,
    Participation,
    RetryRule,
    RulePack,
    ZoneGroup,
)
from campaigns.rules.lifecycle import CampaignState, LeadState, ParticipationState
from campaigns.rules.permit.hours import DAYS
from telephony.models import Announcement, CallerId, Node, Trunk

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime(2026, 3, 3, 10, 0, tzinfo=UTC)
TABLE = "/admin/campaigns/campaign/"


@pytest.fixture
def boss(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("boss", password="a long enough secret"))
    return client


@pytest.fixture
def ana() -> Agent:
    return Agent.objects.create(user=User.objects.create(username="ana", first_name="Ana"))


@pytest.fixture
def ready(ana: Agent) -> Campaign:
    """Everything a start asks for."""
    campaign = Campaign.objects.create(
        name="Spring renewal",
        mode_key="progressive",
        call_application="softphone",
        message=Announcement.objects.create(name="Sorry", media="sound:sorry"),
        hours=CallableHours.objects.create(name="Always", week={day: [["00:00", "24:00"]] for day in DAYS}),
    )
    Participation.objects.create(campaign=campaign, agent=ana)
    CallingList.objects.create(campaign=campaign, name="March")
    return campaign


def page_of(campaign: Campaign) -> str:
    return f"{TABLE}{campaign.pk}/change/"


def press(client: Client, campaign: Campaign, verb: str, **more: str) -> HttpResponse:
    address = reverse("admin:campaigns_campaign_control", args=[campaign.pk, verb])
    return client.post(address, more, follow=True)  # type: ignore[return-value]  # with follow, the client's answer knows its redirects


def in_state(campaign: Campaign) -> str:
    campaign.refresh_from_db()
    return campaign.state


def said(response: Any) -> str:
    return " ".join(str(message) for message in response.context["messages"])


def filled(client: Client, address: str) -> dict[str, Any]:
    """What a browser would send of the page as it stands."""
    context: Any = client.get(address).context
    form = context["adminform"].form
    data: dict[str, Any] = {}
    for bound in (field for each in (form, *(f for i in context["inline_admin_formsets"] for f in i.formset.forms)) for field in each):
        value = bound.value()
        if isinstance(value, datetime):
            data[f"{bound.html_name}_0"], data[f"{bound.html_name}_1"] = value.strftime("%Y-%m-%d"), value.strftime("%H:%M:%S")
        elif value is True:
            data[bound.html_name] = "on"
        elif value is not None and value is not False:
            data[bound.html_name] = (
                [getattr(each, "pk", each) for each in value] if hasattr(value, "__iter__") and not isinstance(value, str) else value
            )
    for inline in context["inline_admin_formsets"]:
        data |= {f"{inline.formset.prefix}-{name}": value for name, value in inline.formset.management_form.initial.items()}
    return data


def save(client: Client, campaign: Campaign, **changes: Any) -> Any:
    """Sends the page back as a browser would, with these changes."""
    return client.post(page_of(campaign), filled(client, page_of(campaign)) | changes)


def saved(client: Client, campaign: Campaign, **changes: Any) -> Any:
    answer = save(client, campaign, **changes)
    assert answer.status_code == 302, errors(answer)
    return answer


def errors(response: Any) -> dict[str, list[str]]:
    if not response.context:
        return {}
    formsets = [inline.formset.errors for inline in response.context["inline_admin_formsets"] if any(inline.formset.errors)]
    return dict(response.context["adminform"].form.errors) | ({"inlines": formsets} if formsets else {})


class Buttons(HTMLParser):
    """The buttons of a page that send the form of the controls, and the forms around them."""

    def __init__(self, response: Any) -> None:
        super().__init__()
        self.open: list[str] = []
        self.nested: list[str] = []
        self.methods: dict[str, str] = {}
        self.addresses: list[str] = []
        self.links: list[str] = []
        self.feed(response.content.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form":
            if self.open:
                self.nested.append(given.get("id") or "")
            self.open.append(given.get("id") or "")
            self.methods[given.get("id") or ""] = given.get("method") or "get"
        if tag == "button" and given.get("form") == "campaign-controls":
            self.addresses.append(given["formaction"] or "")
        if tag == "a" and "/control/" in (given.get("href") or ""):
            self.links.append(given["href"] or "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form" and self.open:
            self.open.pop()


def test_a_campaign_is_made_in_a_form_and_stands_in_the_table_as_a_draft(boss: Client, ana: Agent) -> None:
    call_command("load_rule_packs", stdout=StringIO())
    trunk, hours = Trunk.objects.create(name="main"), CallableHours.objects.create(name="Weekdays", week={"mon": [["09:00", "20:00"]]})
    caller_id = CallerId.objects.create(e164="+441632960000", verified=True, trunk=trunk)
    message = Announcement.objects.create(name="Sorry", media="sound:sorry")
    answer = boss.post(
        f"{TABLE}add/",
        filled(boss, f"{TABLE}add/")
        | {"name": "Spring renewal", "mode_key": "progressive", "call_application": "softphone", "agents": [ana.pk]}
        | {"trunk": trunk.pk, "caller_id": caller_id.pk, "hours": hours.pk, "message": message.pk},
    )
    assert answer.status_code == 302, errors(answer)
    campaign = Campaign.objects.get()
    assert (campaign.state, campaign.caller_id, campaign.hours, campaign.pool) == (CampaignState.UNAPPROVED, caller_id, hours, campaign.pk)
    assert campaign.created_by == User.objects.get(username="boss")
    assert [place.agent for place in campaign.participations.all()] == [ana]
    assert [pack.name for pack in campaign.rule_packs.all()] == ["Strict default"]
    assert campaign.versions.get().settings["mode_key"] == "progressive"
    table = boss.get(TABLE).content.decode()
    for words in ("Created on", "Spring renewal", "Progressive", "Draft", "Waits for approval.", "0 ready of 1"):
        assert words in table


def test_an_administrator_takes_a_campaign_from_draft_to_stopped(boss: Client, ready: Campaign) -> None:
    user = User.objects.get(username="boss")
    for verb, state, word in (
        ("approve", CampaignState.APPROVED, "Draft"),
        ("load", CampaignState.LOADED, "Draft"),
        ("start", CampaignState.RUNNING, "Active"),
        ("pause", CampaignState.PAUSED, "Paused"),
        ("start", CampaignState.RUNNING, "Active"),
    ):
        assert "Spring renewal" in said(press(boss, ready, verb))
        assert in_state(ready) == state
        assert f">{word}</span>" in boss.get(TABLE).content.decode()
    press(boss, ready, "stop", confirmed="yes")
    assert in_state(ready) == CampaignState.STOPPED
    assert ">Stopped</span>" in boss.get(TABLE).content.decode()
    moves = CampaignChange.objects.order_by("id").values_list("move", "by__username")
    assert list(moves) == [(verb, user.username) for verb in ("approve", "load", "start", "pause", "start", "stop")]


def test_a_started_campaign_is_joined_by_its_agents(boss: Client, ready: Campaign) -> None:
    press(boss, ready, "approve")
    press(boss, ready, "start")
    assert ready.participations.get().state == ParticipationState.JOINED


@pytest.mark.parametrize("verb", ["approve", "load", "start", "pause", "clone"])
def test_a_link_that_is_followed_changes_nothing(boss: Client, ready: Campaign, verb: str) -> None:
    before = model_to_dict(ready)
    address = reverse("admin:campaigns_campaign_control", args=[ready.pk, verb])
    assert boss.get(address).status_code == 405
    assert model_to_dict(Campaign.objects.get()) == before


def test_a_stop_asks_first_and_says_that_it_is_for_good(boss: Client, ready: Campaign) -> None:
    press(boss, ready, "approve")
    press(boss, ready, "start")
    for asked in (boss.get(reverse("admin:campaigns_campaign_control", args=[ready.pk, "stop"])), press(boss, ready, "stop")):
        page = asked.content.decode()
        assert "cannot be restarted once it has stopped; use Clone" in page
        assert 'name="confirmed"' in page
        assert in_state(ready) == CampaignState.RUNNING
    assert "Clone" in page or "clone" in page


def test_the_buttons_are_those_the_state_allows_and_each_sends_a_real_form(boss: Client, ready: Campaign) -> None:
    def verbs(page: str) -> set[str]:
        buttons = Buttons(boss.get(page))
        assert buttons.methods["campaign-controls"] == "post"
        assert buttons.nested == []
        return {address.rstrip("/").rsplit("/", 1)[1] for address in (*buttons.addresses, *(link.split("?")[0] for link in buttons.links))}

    for page in (TABLE, page_of(ready)):
        Campaign.objects.filter(pk=ready.pk).update(state=CampaignState.UNAPPROVED)
        assert verbs(page) == {"approve", "clone"}
        Campaign.objects.filter(pk=ready.pk).update(state=CampaignState.APPROVED)
        assert verbs(page) == {"load", "start", "clone"}
        Campaign.objects.filter(pk=ready.pk).update(state=CampaignState.RUNNING)
        assert verbs(page) == {"pause", "stop", "clone"}
        Campaign.objects.filter(pk=ready.pk).update(state=CampaignState.PAUSED)
        assert verbs(page) == {"start", "stop", "clone"}
    Campaign.objects.filter(pk=ready.pk).update(state=CampaignState.STOPPED)
    assert verbs(TABLE) == verbs(page_of(ready)) == {"clone"}


def test_the_only_link_among_the_controls_asks_a_question(boss: Client, ready: Campaign) -> None:
    Campaign.objects.filter(pk=ready.pk).update(state=CampaignState.RUNNING)
    assert [link.split("?")[0] for link in Buttons(boss.get(TABLE)).links] == [reverse("admin:campaigns_campaign_control", args=[ready.pk, "stop"])]


def test_a_campaign_that_needs_no_approval_can_be_started_at_once(boss: Client, ready: Campaign) -> None:
    Campaign.objects.filter(pk=ready.pk).update(require_approval=False)
    assert any(address.endswith("/start/") for address in Buttons(boss.get(TABLE)).addresses)
    press(boss, ready, "start")
    assert in_state(ready) == CampaignState.RUNNING


def test_a_start_that_lacks_something_says_everything_it_lacks(boss: Client, ready: Campaign) -> None:
    press(boss, ready, "approve")
    Campaign.objects.filter(pk=ready.pk).update(call_application="", mode_key="predictive")
    ready.lists.all().delete()
    sentence = said(press(boss, ready, "start"))
    for lacking in ("call application", "calling list", "Predictive cannot be run yet"):
        assert lacking in sentence
    assert in_state(ready) == CampaignState.APPROVED


def test_a_button_pressed_too_late_is_refused_in_a_sentence(boss: Client, ready: Campaign) -> None:
    Campaign.objects.filter(pk=ready.pk).update(state=CampaignState.STOPPED)
    assert "clone it instead" in said(press(boss, ready, "start"))
    assert in_state(ready) == CampaignState.STOPPED


def test_a_button_leads_back_to_where_it_was_pressed_and_nowhere_else(boss: Client, ready: Campaign) -> None:
    here = f"{TABLE}?state__exact=unapproved"
    assert press(boss, ready, "approve", back=here).redirect_chain == [(here, 302)]  # type: ignore[attr-defined]  # set by follow
    assert press(boss, ready, "pause", back="https://elsewhere.example/").redirect_chain == [(TABLE, 302)]  # type: ignore[attr-defined]  # set by follow


def test_what_is_not_a_verb_or_not_a_campaign_is_not_found(boss: Client, ready: Campaign) -> None:
    assert boss.post(f"{TABLE}{ready.pk}/control/complete/").status_code == 404
    assert boss.post(f"{TABLE}{ready.pk + 1}/control/start/").status_code == 404


@pytest.mark.parametrize("verb", ["approve", "start", "stop", "clone"])
def test_who_may_only_look_has_no_buttons_and_cannot_press_them(client: Client, ready: Campaign, verb: str) -> None:
    from django.contrib.auth.models import Permission

    looker = User.objects.create_user("looker", is_staff=True)
    looker.user_permissions.add(Permission.objects.get(codename="view_campaign"))
    client.force_login(looker)
    page = Buttons(client.get(TABLE))
    assert page.addresses == page.links == []
    assert press(client, ready, verb, confirmed="yes").status_code == 403
    assert in_state(ready) == CampaignState.UNAPPROVED
    assert Campaign.objects.count() == 1


def test_a_button_without_the_forms_token_is_refused(ready: Campaign) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(User.objects.create_superuser("boss"))
    assert press(strict, ready, "approve").status_code == 403
    assert in_state(ready) == CampaignState.UNAPPROVED


def test_a_clone_opens_as_a_draft_with_the_same_settings_and_no_list(boss: Client, ready: Campaign) -> None:
    RetryRule.objects.create(campaign=ready, outcome="busy", max_attempts=7)
    Disposition.objects.create(campaign=ready, code="sale", label="Sale")
    Campaign.objects.filter(pk=ready.pk).update(state=CampaignState.STOPPED, epoch=4)
    opened: Any = press(boss, ready, "clone")
    copy = Campaign.objects.exclude(pk=ready.pk).get()
    assert opened.redirect_chain == [(page_of(copy), 302)]
    assert (copy.state, copy.mode_key, copy.epoch) == (CampaignState.UNAPPROVED, "progressive", 0)
    assert [rule.max_attempts for rule in copy.retry_rules.all()] == [7]
    assert copy.dispositions.count() == copy.participations.count() == 1
    assert not copy.lists.exists()


def test_the_page_of_a_campaign_says_its_mode_before_it_starts(boss: Client, ready: Campaign) -> None:
    page = boss.get(page_of(ready)).content.decode()
    assert "Progressive dialer" in page
    assert "rebind else cancel" in page


def test_the_table_counts_contacts_agents_and_progress(boss: Client, ready: Campaign, ana: Agent) -> None:
    Session.objects.create(agent=ana, voice_ready=True, present=True)
    zones = ZoneGroup.objects.create(zones=["UTC"])
    for each, state in enumerate([LeadState.FINAL, LeadState.FINAL, LeadState.WAITING, LeadState.BUSY]):
        contact = Contact.objects.create(first_name=str(each))
        Lead.objects.create(campaign=ready, calling_list=ready.lists.get(), contact=contact, zone_group=zones, next_call_at=NOW, state=state)
    table = boss.get(TABLE)
    (row,) = table.context["cl"].result_list
    assert (row.figures.contacts, row.figures.finished, row.figures.assigned, row.figures.ready) == (4, 2, 1, 1)
    page = table.content.decode()
    assert "50 %" in page
    assert "1 ready of 1" in page
    Campaign.objects.update(is_live=True)
    page = boss.get(TABLE).content.decode()
    assert "∞" in page
    assert "2 done" in page


@pytest.mark.parametrize("column", ["created_at", "name", "state"])
def test_the_table_sorts_by_creation_name_and_status(boss: Client, ready: Campaign, column: str) -> None:
    Campaign.objects.create(name="Autumn renewal", state=CampaignState.PAUSED)
    cl = boss.get(TABLE).context["cl"]
    place = next(i for i, name in enumerate(cl.list_display) if cl.get_ordering_field(name) == column)
    for sign, backwards in (("", False), ("-", True)):
        rows = boss.get(TABLE, {"o": f"{sign}{place}"}).context["cl"].result_list
        values = [getattr(row, column) for row in rows]
        assert values == sorted(values, reverse=backwards)
        assert len(set(values)) == 2


@pytest.mark.parametrize(
    ("change", "because"),
    [
        ({"caller": "unverified"}, "The campaign's caller ID is not verified."),
        ({"starts_at": NOW + timedelta(days=36_500)}, "Waiting for the start time"),
        ({"ends_at": NOW}, "has passed."),
        ({}, "None of its agents is ready."),
    ],
)
def test_beneath_active_stands_why_it_does_not_dial(boss: Client, ready: Campaign, change: dict[str, Any], because: str) -> None:
    Node.objects.create(name="local", listening_until=timezone.now() + timedelta(minutes=5))
    Campaign.objects.filter(pk=ready.pk).update(state=CampaignState.RUNNING)
    if change.pop("caller", None):
        change["caller_id"] = CallerId.objects.create(e164="+441632960000")
    Campaign.objects.filter(pk=ready.pk).update(**change)
    assert because in boss.get(TABLE).content.decode().replace("&#x27;", "'")


@pytest.mark.parametrize(
    ("changes", "field", "remedy"),
    [
        ({"ring_for": "10", "min_ring_for": "20"}, "ring_for", "Ring for at least 20"),
        ({"time_zone": "Madrid"}, "time_zone", "Write it as Europe/Madrid"),
        ({"longest_call": "0"}, "longest_call", "at least one minute"),
        ({"max_attempts": "0"}, "max_attempts", "greater than or equal to 1"),
        (
            {"starts_at_0": "2026-05-02", "starts_at_1": "09:00", "ends_at_0": "2026-05-01", "ends_at_1": "09:00"},
            "ends_at",
            "Choose a later end",
        ),
    ],
)
def test_a_setting_that_cannot_work_is_refused_beside_its_field(
    boss: Client, ready: Campaign, changes: dict[str, str], field: str, remedy: str
) -> None:
    answer = save(boss, ready, description="changed", **changes)
    assert remedy in " ".join(errors(answer)[field])
    assert Campaign.objects.get().description == ""


def test_a_caller_id_must_be_verified_and_belong_to_the_trunk(boss: Client, ready: Campaign) -> None:
    here, there = Trunk.objects.create(name="here"), Trunk.objects.create(name="there", enabled=False)
    unverified = CallerId.objects.create(e164="+441632960001")
    theirs = CallerId.objects.create(e164="+441632960002", verified=True, trunk=there)
    assert "Verify it" in str(errors(save(boss, ready, caller_id=unverified.pk)))
    assert "Choose that trunk" in str(errors(save(boss, ready, caller_id=theirs.pk, trunk=here.pk)))
    assert "switched off" in str(errors(save(boss, ready, trunk=there.pk)))


def test_calls_to_one_number_reach_one_campaign(boss: Client, ready: Campaign) -> None:
    assert "Choose a caller ID" in str(errors(save(boss, ready, takes_calls="on")))
    ours = CallerId.objects.create(e164="+441632960003", verified=True)
    other = Campaign.objects.create(name="Service", mode_key="progressive", caller_id=ours, takes_calls=True)
    assert "reach Service already" in str(errors(save(boss, ready, takes_calls="on", caller_id=ours.pk)))
    Campaign.objects.filter(pk=other.pk).update(state="stopped")
    saved(boss, ready, takes_calls="on", caller_id=ours.pk)
    assert Campaign.objects.get(pk=ready.pk).takes_calls


def test_what_was_approved_and_then_changed_waits_for_approval_again(boss: Client, ready: Campaign) -> None:
    press(boss, ready, "approve")
    saved(boss, ready, description="nothing that matters")
    assert in_state(ready) == CampaignState.APPROVED
    answer = boss.post(page_of(ready), filled(boss, page_of(ready)) | {"max_attempts": "9"}, follow=True)
    assert in_state(ready) == CampaignState.UNAPPROVED
    assert "waits for approval again" in said(answer)
    assert ready.versions.count() == 2


def test_saving_an_old_page_does_not_undo_what_happened_meanwhile(boss: Client, ready: Campaign) -> None:
    Campaign.objects.filter(pk=ready.pk).update(state=CampaignState.RUNNING, epoch=3)
    page = filled(boss, page_of(ready))
    press(boss, ready, "pause")
    boss.post(page_of(ready), page | {"description": "typed before the pause"})
    assert in_state(ready) == CampaignState.PAUSED
    assert ready.epoch == 4
    assert ready.description == "typed before the pause"


def test_agents_are_assigned_and_taken_off_while_it_runs(boss: Client, ready: Campaign, ana: Agent) -> None:
    ben = Agent.objects.create(user=User.objects.create(username="ben"))
    Campaign.objects.filter(pk=ready.pk).update(state=CampaignState.RUNNING)
    saved(boss, ready, agents=[ben.pk])
    place = ready.participations.get()
    assert (place.agent, place.state) == (ben, ParticipationState.JOINED)


def test_a_campaign_that_has_ended_can_be_read_and_not_changed(boss: Client, ready: Campaign) -> None:
    page = filled(boss, page_of(ready))
    Campaign.objects.filter(pk=ready.pk).update(state=CampaignState.COMPLETED)
    assert boss.get(page_of(ready)).status_code == 200
    assert boss.post(page_of(ready), page | {"description": "afterwards"}).status_code == 403
    ready.refresh_from_db()
    assert ready.description == ""


def test_only_a_draft_can_be_deleted(boss: Client, ready: Campaign) -> None:
    delete = f"{TABLE}{ready.pk}/delete/"
    Campaign.objects.filter(pk=ready.pk).update(state=CampaignState.PAUSED)
    assert boss.post(delete, {"post": "yes"}).status_code == 403
    Campaign.objects.filter(pk=ready.pk).update(state=CampaignState.UNAPPROVED)
    assert boss.post(delete, {"post": "yes"}).status_code == 302
    assert not Campaign.objects.exists()


def test_other_hours_are_another_version_of_the_campaigns_that_call_by_them(boss: Client, ready: Campaign) -> None:
    hours = CallableHours.objects.create(name="Weekdays", week={"mon": [["09:00", "20:00"]]})
    saved(boss, ready, hours=hours.pk)
    versions = ready.versions.count()
    boss.post(f"/admin/campaigns/callablehours/{hours.pk}/change/", {"name": "Weekdays", "mon": "10:00-18:00"})
    hours.refresh_from_db()
    assert hours.week == {"mon": [["10:00", "18:00"]]}
    assert ready.versions.count() == versions + 1
    assert ready.versions.order_by("-number")[0].settings["week"] == hours.week


def test_what_makes_a_running_campaign_looser_is_approved_by_another_person_in_the_table(boss: Client, ready: Campaign) -> None:
    control.edited(ready, by=None, now=NOW)
    press(boss, ready, "approve")
    press(boss, ready, "start")
    waits = "It was changed (more attempts), which another person must approve"
    answer = boss.post(page_of(ready), filled(boss, page_of(ready)) | {"max_attempts": 20}, follow=True)
    assert waits in said(answer)
    version = ready.versions.latest("number")
    table = boss.get(TABLE)
    assert waits in table.content.decode()
    approve = f"{TABLE}{ready.pk}/control/approve/?version={version.number}"
    assert approve in Buttons(table).addresses
    assert "more attempts" in boss.get(page_of(ready)).content.decode()
    assert "another person must approve it" in said(boss.post(approve, follow=True))
    other = Client()
    other.force_login(User.objects.create_superuser("other", password="a long enough secret"))
    assert "goes by its changed rules from now on." in said(other.post(approve, follow=True))
    assert waits not in boss.get(TABLE).content.decode()
    assert approve not in Buttons(boss.get(TABLE)).addresses


def runs_by(boss: Client, campaign: Campaign, calendar: HolidayCalendar) -> list[Holiday]:
    """The campaign is started under a pack by which the calendar's days, of which it has two, are closed."""
    days = [Holiday.objects.create(calendar=calendar, day=f"{year}-12-25") for year in (2026, 2027)]
    rules = [{"kind": "blocked_days", "calendar": calendar.name}]
    campaign.rule_packs.add(RulePack.objects.create(name="Days", jurisdiction="*", rules=rules, enabled=True))
    control.edited(campaign, by=None, now=NOW)
    press(boss, campaign, "approve")
    press(boss, campaign, "start")
    return days


def test_hours_and_closed_days_that_become_looser_hold_the_campaigns_that_call_by_them(boss: Client, ready: Campaign) -> None:
    hours = CallableHours.objects.create(name="Weekdays", week={"mon": [["09:00", "20:00"]]})
    calendar = HolidayCalendar.objects.create(name="Ours")
    Campaign.objects.filter(pk=ready.pk).update(hours=hours)
    ready.refresh_from_db()
    days = runs_by(boss, ready, calendar)
    week = f"/admin/campaigns/callablehours/{hours.pk}/change/"
    assert "longer calling hours" in said(boss.post(week, {"name": "Weekdays", "mon": "08:00-20:00"}, follow=True))
    assert "(" not in said(boss.post(week, {"name": "Weekdays", "mon": "09:00-20:00"}, follow=True)), "undone"
    closed = f"/admin/campaigns/holidaycalendar/{calendar.pk}/change/"
    answer = boss.post(closed, filled(boss, closed) | {"days-0-DELETE": "on"}, follow=True)
    assert "fewer closed days" in said(answer)
    assert Holiday.objects.get() == days[1]
    assert ready.versions.latest("number").loosens == ["closed_days"]


@pytest.mark.parametrize("how", ["deleted", "deleted from the list", "renamed"])
def test_a_calendar_that_goes_holds_the_campaigns_that_called_by_it(boss: Client, ready: Campaign, how: str) -> None:
    calendar = HolidayCalendar.objects.create(name="Ours")
    runs_by(boss, ready, calendar)
    every, page = "/admin/campaigns/holidaycalendar/", f"/admin/campaigns/holidaycalendar/{calendar.pk}/"
    match how:
        case "deleted":
            answer = boss.post(f"{page}delete/", {"post": "yes"}, follow=True)
        case "deleted from the list":
            answer = boss.post(every, {"action": "delete_selected", "_selected_action": [calendar.pk], "post": "yes"}, follow=True)
        case _:
            answer = boss.post(f"{page}change/", filled(boss, f"{page}change/") | {"name": "Theirs"}, follow=True)
    assert "fewer closed days" in said(answer)
    assert not HolidayCalendar.objects.filter(name="Ours").exists()
    last = ready.versions.latest("number")
    assert (last.loosens, last.settings["closed_days"]) == (["closed_days"], {})


@pytest.mark.parametrize("how", ["on a page", "by every new version of the product"])
def test_public_holidays_that_are_added_are_in_the_version_that_calls_by_them(boss: Client, ready: Campaign, how: str) -> None:
    calendar = HolidayCalendar.objects.create(name="GB", country="GB")
    runs_by(boss, ready, calendar)
    if how == "on a page":
        boss.post("/admin/campaigns/holidaycalendar/", {"action": "complete", "_selected_action": [calendar.pk]})
    else:
        call_command("load_rule_packs", stdout=StringIO())
    last = ready.versions.latest("number")
    assert last.loosens == []
    assert last.settings["closed_days"]["GB"] == [day.isoformat() for day in calendar.days.order_by("day").values_list("day", flat=True)]
    assert len(last.settings["closed_days"]["GB"]) > 2


def test_a_running_campaign_is_not_rid_of_its_hours_and_its_packs(boss: Client, ready: Campaign) -> None:
    press(boss, ready, "approve")
    press(boss, ready, "start")
    answer = boss.post(page_of(ready), filled(boss, page_of(ready)) | {"hours": ""})
    assert "It would call at any hour and under no rules." in " ".join(errors(answer)["rule_packs"])
