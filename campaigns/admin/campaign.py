"""The campaign in the admin: its table with the controls, its form, and what it has been through.

A button is a real POST, and what it does is one verb of `flow.control`; a refusal comes back as the sentence it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.contrib.admin.widgets import FilteredSelectMultiple
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q, QuerySet
from django.forms.models import model_to_dict
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import SafeString

from agents.desk import Refusal
from agents.models import Agent, User
from campaigns import facts, verdicts, waterfall
from campaigns.flow import control
from campaigns.models import (
    CallingList,
    Campaign,
    CampaignChange,
    CampaignVersion,
    Disposition,
    FieldDefinition,
    Lead,
    Participation,
    RetryRule,
    RulePack,
)
from campaigns.rules.lifecycle import CAMPAIGN, CampaignMove, CampaignState, LeadState
from campaigns.rules.loosening import LOOSENED, why_waits
from campaigns.rules.modes import RUNS, describe
from campaigns.rules.permit.gate import Stands, campaign_holds
from campaigns.rules.permit.hours import hours_from, wider
from campaigns.rules.permit.kinds import AbandonedMessage, CallerId, CallingWindow, MaxRing, MinRing, pack_from
from campaigns.rules.rule_packs import STRICT
from campaigns.rules.verdicts import Measured
from dialer_project.lib.admin import Ledger, LedgerInline, ModelAdmin, ModelForm, TabularInline
from dialer_project.lib.lifecycle import is_final

# verb -> what is said once it was done
SAID = {
    CampaignMove.APPROVE: "was approved; it can be loaded or started.",
    CampaignMove.LOAD: "was loaded: its agents have been told, nothing is dialed yet.",
    CampaignMove.START: "is running.",
    CampaignMove.PAUSE: "is paused: conversations go on, nothing new is dialed.",
    CampaignMove.STOP: "has stopped for good. To call again, clone it and give the clone a new calling list.",
}
VERBS: dict[CampaignMove, Callable[..., Any]] = {
    CampaignMove.APPROVE: control.approve,
    CampaignMove.LOAD: control.load,
    CampaignMove.START: control.start,
    CampaignMove.PAUSE: control.pause,
    CampaignMove.STOP: control.stop,
}
# over which the share of abandoned calls is shown
ABANDONED_WITHIN = timedelta(days=30)
COLOURS = {"Draft": "default", "Active": "success", "Paused": "warning", "Stopped": "danger", "Completed": "info"}


class CampaignForm(ModelForm[Campaign]):
    """Settings that cannot work are refused beside the field, with what to do about it."""

    agents = forms.ModelMultipleChoiceField(
        queryset=Agent.objects.select_related("user").order_by("user__username"),
        required=False,
        widget=FilteredSelectMultiple("agents", is_stacked=False),
        help_text="only these can work on the campaign",
    )
    rule_packs = forms.ModelMultipleChoiceField(
        queryset=RulePack.objects.filter(enabled=True).order_by("name", "-version"),
        required=False,
        widget=FilteredSelectMultiple("rule packs", is_stacked=False),
        help_text="the law this campaign calls under; its own settings can only be stricter",
    )

    class Meta:
        model = Campaign
        fields = "__all__"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.fields["agents"].initial = Agent.objects.filter(participations__campaign=self.instance)
            pinned = RulePack.objects.filter(campaigns=self.instance)
            self.fields["rule_packs"].initial = pinned
            # one that was switched off since stays pinned until somebody takes it away
            self.fields["rule_packs"].queryset = (RulePack.objects.filter(enabled=True) | pinned).distinct()  # type: ignore[attr-defined]  # a form of models makes it one of choices
        else:
            self.fields["rule_packs"].initial = RulePack.objects.filter(name=STRICT, enabled=True).order_by("-version")[:1]

    def clean_time_zone(self) -> str:
        zone = str(self.cleaned_data["time_zone"])
        if zone not in available_timezones():
            raise forms.ValidationError(f"There is no time zone {zone}. Write it as Europe/Madrid or America/New_York.")
        return zone

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        ring_for, min_ring_for = cleaned.get("ring_for"), cleaned.get("min_ring_for")
        if ring_for is not None and min_ring_for is not None and ring_for < min_ring_for:
            self.add_error(
                "ring_for",
                f"A call may not be given up before {min_ring_for} seconds, so {ring_for} is too short. "
                f"Ring for at least {min_ring_for}, or lower the shortest ringing below.",
            )
        starts_at, ends_at = cleaned.get("starts_at"), cleaned.get("ends_at")
        if starts_at and ends_at and ends_at <= starts_at:
            self.add_error("ends_at", "The campaign would end before it starts. Choose a later end, or leave it empty.")
        if cleaned.get("longest_call") == 0:
            self.add_error("longest_call", "Every call would be ended at once. Allow at least one minute.")
        if cleaned.get("takes_calls"):
            self._can_take_calls(cleaned)
        if cleaned.get("on_machine") == Campaign.OnMachine.LEAVE_MESSAGE and not cleaned.get("voicemail"):
            self.add_error("voicemail", "There is no message to leave. Choose one, or hang up on machines.")
        caller_id, trunk = cleaned.get("caller_id"), cleaned.get("trunk")
        if caller_id and not caller_id.verified:
            self.add_error("caller_id", f"{caller_id} is not verified and may not be shown. Verify it under Telephony, or choose another.")
        if trunk and not trunk.enabled:
            self.add_error("trunk", f"The trunk {trunk} is switched off. Enable it under Telephony, or choose another.")
        if caller_id and trunk and caller_id.trunk_id and caller_id.trunk_id != trunk.pk:
            self.add_error("caller_id", f"{caller_id} belongs to the trunk {caller_id.trunk}. Choose that trunk, or a number of {trunk}.")
        if self.instance.state in control.UNDER_WAY and not cleaned.get("hours") and not cleaned.get("rule_packs"):
            self.add_error("rule_packs", "It would call at any hour and under no rules. Pin a rule pack, or choose calling hours.")
        for pack in cleaned.get("rule_packs") or ():
            for name, why in looser(cleaned, pack):
                self.add_error(name, why)
        return cleaned

    def _can_take_calls(self, cleaned: dict[str, Any]) -> None:
        caller_id = cleaned.get("caller_id")
        if caller_id is None:
            self.add_error("takes_calls", "It has no number to be called on. Choose a caller ID.")
            return
        other = (
            Campaign.objects.filter(caller_id=caller_id, takes_calls=True).exclude(pk=self.instance.pk).exclude(state__in=("stopped", "completed"))
        )
        if (first := other.first()) is not None:
            self.add_error("takes_calls", f"Calls to {caller_id} reach {first} already. Choose another caller ID, or let that campaign go without.")


def looser(settings: Mapping[str, Any], pack: RulePack) -> Iterator[tuple[str, str]]:
    """(setting, sentence) where a campaign's own settings are looser than a pack it pins. At the gate the stricter wins anyway."""
    week = settings["hours"].week if settings.get("hours") else None
    read = pack_from(model_to_dict(pack, fields=("name", "version", "jurisdiction", "rules", "purposes")))
    if not read.concerns(settings.get("call_purpose") or ""):
        yield "rule_packs", f"{pack} is about {', '.join(read.purposes)} only, and would not be asked. Take it away, or choose that purpose."
        return
    for rule in read.rules:
        match rule:
            case CallingWindow(hours) if week is not None and (days := wider(hours_from(week), hours)):
                yield "hours", f"{settings['hours']} opens on {', '.join(days)} when {pack} is closed. Choose hours within it."
            case MinRing(ring) if min(settings.get("min_ring_for") or 0, settings.get("ring_for") or 0) < ring.total_seconds():
                yield "min_ring_for", f"{pack} wants a phone to ring for {ring.total_seconds():.0f} seconds at least."
            case MaxRing(ring) if (settings.get("ring_for") or 0) > ring.total_seconds():
                yield "ring_for", f"{pack} lets a phone ring for {ring.total_seconds():.0f} seconds at most."
            case CallerId() if not settings.get("caller_id"):
                yield "caller_id", f"{pack} wants a caller ID to be shown. Choose one."
            case AbandonedMessage() if not settings.get("message"):
                yield "message", f"{pack} wants a message for abandoned calls. Choose one."


class ListInline(TabularInline[CallingList, Campaign]):
    model = CallingList
    fields = ("name", "position", "created_at")
    readonly_fields = ("created_at",)
    tab = True
    can_delete = False
    verbose_name_plural = "calling lists"


class RetryRuleInline(TabularInline[RetryRule, Campaign]):
    model = RetryRule
    tab = True
    verbose_name_plural = "retry rules"


class DispositionInline(TabularInline[Disposition, Campaign]):
    """Beside those of all campaigns. One that was used is switched off, not deleted: the ledger names it."""

    model = Disposition
    fields = ("code", "label", "parent", "kind", "note_required", "position", "active")
    tab = True
    can_delete = False
    verbose_name_plural = "dispositions of this campaign"


class FieldInline(TabularInline[FieldDefinition, Campaign]):
    model = FieldDefinition
    tab = True
    verbose_name_plural = "record fields"


class ChangeInline(LedgerInline):
    model = CampaignChange
    fields = ("at", "move", "state", "by", "reason")
    ordering = ("-at", "-id")
    show_change_link = False
    tab = True
    verbose_name_plural = "what happened to it"


class VersionInline(LedgerInline):
    model = CampaignVersion
    fields = ("number", "created_at", "created_by", "made_looser", "approved_at", "approved_by")
    readonly_fields = ("made_looser",)
    ordering = ("-number",)
    tab = True
    verbose_name_plural = "versions"

    @admin.display(description="made looser under way")
    def made_looser(self, version: CampaignVersion) -> str:
        return ", ".join(LOOSENED[name] for name in version.loosens if name in LOOSENED)


@dataclass(frozen=True, slots=True)
class Figures:
    """What the table counts of a campaign."""

    contacts: int = 0
    finished: int = 0
    assigned: int = 0
    ready: int = 0


def measure(campaigns: Sequence[Any]) -> None:
    """Puts its `figures` and `terms` on each campaign: leads and agents are counted, rules read, once for all of them."""
    ids = [campaign.pk for campaign in campaigns]
    leads = Lead.objects.filter(campaign_id__in=ids).order_by().values_list("campaign_id")
    places = Participation.objects.filter(campaign_id__in=ids).order_by().values_list("campaign_id")
    ready = Q(agent__session__voice_ready=True, agent__session__present=True)
    of_leads = {pk: counts for pk, *counts in leads.annotate(Count("pk"), final=Count("pk", filter=Q(state=LeadState.FINAL)))}
    of_agents = {pk: counts for pk, *counts in places.annotate(Count("pk"), ready=Count("pk", filter=ready))}
    settings = facts.settings_now(ids, now=timezone.now())
    for campaign in campaigns:
        campaign.terms = settings[campaign.pk].terms
        campaign.figures = Figures(*of_leads.get(campaign.pk, (0, 0)), *of_agents.get(campaign.pk, (0, 0)))


BAR_COLOURS = {Stands.OPEN: "bg-green-600", Stands.WAIT: "bg-primary-500", Stands.HELD: "bg-red-500", Stands.CLOSED: "bg-base-400"}


@dataclass(frozen=True, slots=True)
class Bar:
    """A step as a bar hanging where the one above it ends. `before` and `width` in hundredths of the list, written for a style."""

    step: waterfall.Step
    before: str
    width: str
    colour: str


def bars(whole: waterfall.Waterfall) -> list[Bar]:
    def share(leads: int) -> str:
        return f"{100 * leads / whole.leads:.3f}"

    return [Bar(step, share(0 if step.stands is Stands.OPEN else step.left), share(step.leads), BAR_COLOURS[step.stands]) for step in whole.steps]


class CampaignTable(ChangeList):
    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = list(self.result_list)
        measure(self.result_list)


def cause(campaign: Any, *, now: datetime) -> str:
    """What stands beneath the status: why it does not dial, or not yet."""
    state = CampaignState(campaign.state)
    if state is CampaignState.UNAPPROVED:
        return "Waits for approval."
    if state is CampaignState.APPROVED:
        return "Approved." if campaign.mode_key in RUNS else f"Approved; the mode {campaign.mode.label} cannot be started yet."
    if campaign.terms.unapproved and state is not CampaignState.RUNNING:
        return why_waits(campaign.terms.unapproved)
    if state is CampaignState.LOADED:
        return "Loaded: announced to its agents."
    if state is not CampaignState.RUNNING:
        return ""
    if holds := campaign_holds(campaign.terms, now=now):
        return " ".join(holds)
    if not campaign.figures.assigned:
        return "No agents are assigned to it."
    return "" if campaign.figures.ready else "None of its agents is ready."


def _wrong(measured: Measured) -> str:
    if not measured.checked:
        return "none was checked"
    low, high = measured.between
    return f"{measured.wrong} of {measured.checked} checked, {100 * measured.share:.1f} % (95 %: {100 * low:.1f} to {100 * high:.1f} %)"


@admin.register(Campaign)
class CampaignAdmin(ModelAdmin[Campaign]):
    form = CampaignForm
    list_display = ("created_on", "id", "name", "mode_label", "contacts", "agents_ready", "progress", "status", "controls")
    list_display_links = ("name",)
    list_filter = ("state", "mode_key", "is_live")
    list_select_related = ("caller_id",)
    search_fields = ("name", "description", "=id")
    ordering = ("-created_at",)
    actions = None  # each campaign has its own controls; nothing is done to several at once
    list_after_template = "admin/campaigns/campaign/controls_form.html"
    change_form_outer_before_template = "admin/campaigns/campaign/summary.html"
    autocomplete_fields = ("trunk", "caller_id", "hours", "message", "voicemail", "wait_message", "recording_notice")
    fieldsets = (
        (None, {"fields": ("name", "description", "mode_key", "call_application")}),
        (
            "Dialing",
            {
                "classes": ("tab",),
                "fields": (
                    "trunk",
                    "caller_id",
                    "dial_ratio",
                    "abandoned",
                    "ring_for",
                    "min_ring_for",
                    "longest_call",
                    "message",
                    "call_back_in",
                    "on_machine",
                    "voicemail",
                    "review_share",
                    "detection",
                ),
            },
        ),
        (
            "Agents",
            {
                "classes": ("tab",),
                "fields": (
                    "agents",
                    "weight",
                    "ring_agent_for",
                    "auto_answer",
                    "when_missed",
                    "when_rejected",
                    "reject_reason",
                    "wrap_up_for",
                    "wrap_up_extensions",
                    "wrap_up_policy",
                    "disposition_for",
                    "note_required",
                    "edits_contacts",
                    "transfers",
                    "supervision_shown",
                ),
            },
        ),
        ("Incoming calls", {"classes": ("tab",), "fields": ("takes_calls", "longest_wait", "wait_message")}),
        ("Recordings", {"classes": ("tab",), "fields": ("recording", "recording_notice", "recording_days")}),
        ("Preview", {"classes": ("tab",), "fields": ("preview_for", "preview_extensions", "other_caller_ids", "new_numbers")}),
        ("Schedule", {"classes": ("tab",), "fields": ("starts_at", "ends_at", "hours", "time_zone", "at_stop", "require_approval", "is_live")}),
        ("Law", {"classes": ("tab",), "fields": ("call_purpose", "rule_packs", "validation_service")}),
        (
            "Attempts",
            {"classes": ("tab",), "fields": ("max_attempts", "max_misses", "no_callback_days", "callback_fallback", "callback_expires", "postpones")},
        ),
    )
    readonly_fields = ("abandoned", "detection")
    inlines = (ListInline, RetryRuleInline, DispositionInline, FieldInline, VersionInline, ChangeInline)

    # --- the table

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return CampaignTable

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        return [partial_of(self.controls, request) if column == "controls" else column for column in super().get_list_display(request)]

    @admin.display(description="created on", ordering="created_at")
    def created_on(self, campaign: Campaign) -> datetime:
        return campaign.created_at

    @admin.display(description="mode")
    def mode_label(self, campaign: Campaign) -> str:
        return campaign.mode.label

    @admin.display(description="contacts")
    def contacts(self, campaign: Any) -> str:
        return "∞" if campaign.is_live else str(campaign.figures.contacts)

    @admin.display(description="agents")
    def agents_ready(self, campaign: Any) -> str:
        return f"{campaign.figures.ready} ready of {campaign.figures.assigned}"

    @admin.display(description="abandoned")
    def abandoned(self, campaign: Campaign) -> str:
        if not campaign.pk:
            return "-"
        found = facts.abandonment([campaign.pk], since=timezone.now() - ABANDONED_WITHIN)[campaign.pk]
        return f"{100 * found.share:.1f} % in 30 days: {found.abandoned} of {found.answered} who answered heard the message"

    @admin.display(description="how well machines are told")
    def detection(self, campaign: Campaign) -> str:
        found = verdicts.measure([campaign.pk], since=timezone.now() - ABANDONED_WITHIN)[campaign.pk] if campaign.pk else verdicts.NOTHING
        if not found.told:
            return "-"
        return (
            f"{found.told} verdicts in 30 days, {found.machines} of them machines, after {found.seconds:.1f} s (median; {found.slow:.1f} s at most in"
            f" 99 of 100). Persons taken for machines: {_wrong(found.false_machines)}; about {found.hung_up_on:.0f} of them were not put through."
            f" Machines taken for persons: {_wrong(found.false_persons)}."
        )

    @admin.display(description="progress")
    def progress(self, campaign: Any) -> str:
        if campaign.is_live:
            return f"{campaign.figures.finished} done"
        share = 100 * campaign.figures.finished // campaign.figures.contacts if campaign.figures.contacts else 0
        done = f"{campaign.figures.finished} of {campaign.figures.contacts} done"
        return format_html('<progress max="100" value="{}" aria-label="{}"></progress> {} %', share, done, share)

    @admin.display(description="status", ordering="state")
    def status(self, campaign: Any) -> SafeString:
        shown = {"word": campaign.shown_as, "colour": COLOURS[campaign.shown_as], "cause": cause(campaign, now=timezone.now())}
        return render_to_string("admin/campaigns/campaign/status.html", shown)

    def controls(self, request: HttpRequest, campaign: Campaign) -> SafeString:
        if not self.may_control(request):
            return SafeString("")
        return render_to_string("admin/campaigns/campaign/controls.html", self.buttons(request, campaign))

    def buttons(self, request: HttpRequest, campaign: Any) -> dict[str, Any]:
        """The moves its state allows; each button names its own address, and all send the one form outside the table's own."""
        moves = [move for move in VERBS if move in CAMPAIGN[CampaignState(campaign.state)]]
        waiting = control.waiting(campaign) if campaign.terms.unapproved else None
        if waiting is not None:
            moves = [CampaignMove.APPROVE, *moves]
        if campaign.state == CampaignState.UNAPPROVED and not campaign.require_approval:
            moves = [CampaignMove.START]
        return {
            "campaign": campaign,
            "buttons": [
                (move, move.capitalize(), self.control_address(campaign, move, waiting if move is CampaignMove.APPROVE else None))
                for move in moves
                if move is not CampaignMove.STOP
            ],
            "stop": self.control_address(campaign, CampaignMove.STOP) if CampaignMove.STOP in moves else "",
            "clone": self.control_address(campaign, "clone") if self.has_add_permission(request) else "",
            "back": request.get_full_path(),
        }

    def control_address(self, campaign: Campaign, verb: str, version: CampaignVersion | None = None) -> str:
        """`version`: what is approved is what was looked at."""
        address = reverse("admin:campaigns_campaign_control", args=[campaign.pk, verb])
        return f"{address}?version={version.number}" if version else address

    # --- the verbs

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.control_view)
        return [
            path("<int:campaign_id>/control/<slug:verb>/", view, name="campaigns_campaign_control"),
            path("<int:campaign_id>/waterfall/", self.admin_site.admin_view(self.waterfall_view), name="campaigns_campaign_waterfall"),
            *super().get_urls(),
        ]

    def may_control(self, request: HttpRequest) -> bool:
        return request.user.has_perm("campaigns.change_campaign")

    def control_view(self, request: HttpRequest, campaign_id: int, verb: str) -> HttpResponse:
        campaign = Campaign.objects.filter(pk=campaign_id).first()
        if campaign is None or verb not in {*VERBS, "clone"}:
            raise Http404(f"There is no campaign {campaign_id}, or nothing called {verb} to be done with it.")
        if not self.may_control(request) or (verb == "clone" and not self.has_add_permission(request)):
            raise PermissionDenied
        if verb == CampaignMove.STOP and "confirmed" not in request.POST:
            return self.ask_before_stop(request, campaign)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        by = request.user if isinstance(request.user, User) else None
        if verb == "clone":
            copy = control.clone(campaign, by=by, now=timezone.now())
            messages.success(request, f"This is a copy of {campaign}. Change what should differ, and give it a calling list.")
            return HttpResponseRedirect(reverse("admin:campaigns_campaign_change", args=[copy.pk]))
        version = request.GET.get("version", "")
        does, done = VERBS[CampaignMove(verb)], SAID[CampaignMove(verb)]
        if verb == CampaignMove.APPROVE and version.isdecimal() and len(version) < 10:
            does, done = partial(control.approve_change, number=int(version)), "goes by its changed rules from now on."
        match does(campaign, by=by, now=timezone.now()):
            case Refusal(sentence):
                messages.error(request, f"{campaign}: {sentence}")
            case _:
                self.log_change(request, campaign, [{"changed": {"name": "campaign", "object": verb}}])
                messages.success(request, f"{campaign} {done}")
        return HttpResponseRedirect(self.back(request))

    def ask_before_stop(self, request: HttpRequest, campaign: Campaign) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": f"Stop {campaign}?",
            "opts": self.opts,
            "campaign": campaign,
            "drains": campaign.at_stop == Campaign.AtStop.DRAIN,
            "back": self.back(request),
        }
        return render(request, "admin/campaigns/campaign/stop.html", context)

    def waterfall_view(self, request: HttpRequest, campaign_id: int) -> HttpResponse:
        """Why its list is called or not: every lead once, under the first rule that keeps it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        whole = waterfall.of_campaign(campaign_id, now=timezone.now())
        if whole is None:
            raise Http404(f"There is no campaign {campaign_id}.")
        of = f"of {whole.leads:,}"
        waits = sum(step.leads for step in whole.steps if step.stands is Stands.WAIT)
        ends = sum(step.leads for step in whole.steps if step.stands is Stands.CLOSED)
        held = sum(step.leads for step in whole.steps if step.stands is Stands.HELD)
        context = {
            **self.admin_site.each_context(request),
            "title": f"Why, why not, when next: {whole.campaign}",
            "opts": self.opts,
            "original": Campaign.objects.get(pk=campaign_id),  # the way back to it, above the page
            "whole": whole,
            "bars": bars(whole),
            "figures": [
                ("Can be called now", f"{whole.callable_now:,}", of),
                ("Wait for a time", f"{waits:,}", of),
                ("Held by the campaign", f"{held:,}", of),
                ("Will not be called", f"{ends:,}", of),
            ],
            "back": reverse("admin:campaigns_campaign_change", args=[campaign_id]),
            "leads": f"{reverse('admin:campaigns_lead_changelist')}?campaign__id__exact={campaign_id}",
        }
        return render(request, "admin/campaigns/campaign/waterfall.html", context)

    def back(self, request: HttpRequest) -> str:
        """Where the button was pressed; nowhere outside this site."""
        asked = request.POST.get("back") or request.GET.get("back") or ""
        if url_has_allowed_host_and_scheme(asked, allowed_hosts={request.get_host()}, require_https=request.is_secure()):
            return asked
        return reverse("admin:campaigns_campaign_changelist")

    # --- the form

    def has_change_permission(self, request: HttpRequest, obj: Campaign | None = None) -> bool:
        """A campaign that has ended is kept as it was."""
        return super().has_change_permission(request, obj) and not (obj and is_final(CAMPAIGN, CampaignState(obj.state)))

    def has_delete_permission(self, request: HttpRequest, obj: Campaign | None = None) -> bool:
        """Only what was never started can go without a trace."""
        fresh = obj is None or (obj.state in (CampaignState.UNAPPROVED, CampaignState.APPROVED) and not obj.attempts.exists())
        return super().has_delete_permission(request, obj) and fresh

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """A draft goes with all its own, journal and versions included."""
        to_delete, counts, _, protected = super().get_deleted_objects(objs, request)
        return to_delete, counts, set(), protected

    def delete_model(self, request: HttpRequest, obj: Campaign) -> None:
        super().delete_model(request, obj)
        control.assignments_changed(now=timezone.now())

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> Any:
        campaign = self.get_object(request, object_id) if object_id else None
        if campaign is not None:
            measure([campaign])
            shown = {
                "mode": campaign.mode.label,
                "mode_fields": [
                    (name.replace("_", " "), value.replace("_", " ")) for name, value in describe(campaign.mode).items() if name != "key"
                ],
                "status": self.status(campaign),
                "contacts": self.contacts(campaign),
                "agents": self.agents_ready(campaign),
                "progress": self.progress(campaign),
                "controls": self.controls(request, campaign),
                "leads": f"{reverse('admin:campaigns_lead_changelist')}?campaign__id__exact={campaign.pk}",
                "waterfall": reverse("admin:campaigns_campaign_waterfall", args=[campaign.pk]),
                "attempts": f"{reverse('admin:campaigns_attempt_changelist')}?campaign__id__exact={campaign.pk}",
            }
            extra_context = {**(extra_context or {}), "summary": shown}
        return super().changeform_view(request, object_id, form_url, extra_context)

    def save_model(self, request: HttpRequest, obj: Campaign, form: Any, change: bool) -> None:
        """Only what was changed in the form is written: the campaign may have been started, or stopped, while it was open."""
        if not change:
            obj.created_by = request.user if isinstance(request.user, User) else None
            obj.save()
        elif changed := [name for name in form.changed_data if name not in ("agents", "rule_packs")]:
            obj.save(update_fields=changed)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        campaign, now = form.instance, timezone.now()
        by = request.user if isinstance(request.user, User) else None
        if "agents" in form.changed_data:
            control.assign(campaign, list(form.cleaned_data["agents"]), by=by, now=now)
        if not change or "rule_packs" in form.changed_data:  # a new one has those the form began with
            campaign.rule_packs.set(form.cleaned_data["rule_packs"])
        if not change or form.changed_data or any(formset.has_changed() for formset in formsets):
            before = campaign.state
            version = control.edited(campaign, by=by, now=now)
            if version.loosens and version.approved_at is None:
                messages.warning(request, f"{campaign}: {why_waits(version.loosens)}")
            campaign.refresh_from_db()
            if before != campaign.state == CampaignState.UNAPPROVED:
                messages.warning(request, f"{campaign} was changed in what was approved of it, and waits for approval again.")


def partial_of(method: Callable[[HttpRequest, Campaign], SafeString], request: HttpRequest) -> Callable[[Campaign], SafeString]:
    """A column that knows the request: its buttons come back to the page they were pressed on."""
    column = partial(method, request)
    column.short_description = "controls"  # type: ignore[attr-defined]  # the admin reads it from whatever is called
    column.__name__ = "controls"  # type: ignore[attr-defined]  # as above
    return column


@admin.register(Disposition)
class DispositionAdmin(ModelAdmin[Disposition]):
    list_display = ("label", "code", "kind", "campaign", "note_required", "active", "position")
    list_filter = ("kind", "active", "campaign")
    list_select_related = ("campaign",)
    search_fields = ("label", "code")
    autocomplete_fields = ("campaign",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Disposition]:
        return super().get_queryset(request).order_by("campaign__name", "position", "label")

    def has_delete_permission(self, request: HttpRequest, obj: Disposition | None = None) -> bool:
        """The ledger names them: one that is no longer wanted is switched off."""
        return False


@admin.register(CampaignVersion)
class CampaignVersionAdmin(Ledger[CampaignVersion]):
    list_display = ("campaign", "number", "created_at", "created_by", "approved_at", "approved_by")
    list_filter = ("campaign", "created_at")
    list_select_related = ("campaign", "created_by", "approved_by")
    search_fields = ("campaign__name",)
    ordering = ("-created_at",)


@admin.register(CampaignChange)
class CampaignChangeAdmin(Ledger[CampaignChange]):
    list_display = ("at", "campaign", "move", "state", "by", "reason")
    list_filter = ("campaign", "move", "at")
    list_select_related = ("campaign", "by")
    search_fields = ("campaign__name", "by__username", "reason")
    ordering = ("-at", "-id")


@admin.register(Participation)
class ParticipationAdmin(Ledger[Participation]):
    list_display = ("agent", "campaign", "state")
    list_filter = ("campaign", "state")
    list_select_related = ("agent__user", "campaign")
    search_fields = ("agent__user__username", "campaign__name")
    ordering = ("campaign", "agent")
