"""Leads and what was tried, in the admin: to be read. What moves a lead is the flow."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from campaigns import explain
from campaigns.models import Attempt, Callback, InboundCall, Lead, Permit, ThirdParty
from dialer_project.lib.admin import Ledger, LedgerInline
from telephony import media
from telephony.admin import player

MAY_PLAY = "telephony.play_recording"


class AttemptInline(LedgerInline):
    model = Attempt
    fields = ("planned_at", "e164", "agent", "outcome", "answered_at", "connected_at", "concluded_at", "disposition")
    ordering = ("-planned_at",)
    verbose_name_plural = "what was tried"


class CallbackInline(LedgerInline):
    model = Callback
    fields = ("due_at", "kind", "agent", "state", "reason", "note")
    ordering = ("-due_at",)


@admin.register(Lead)
class LeadAdmin(Ledger[Lead]):
    list_display = ("contact", "campaign", "state", "reason", "next_call_at", "attempts_made", "last_outcome", "disposition", "no_callback_since")
    list_filter = ("campaign", "state", "reason", "boost", "last_outcome", "calling_list")
    list_select_related = ("contact", "campaign", "disposition")
    search_fields = ("=id", "contact__last_name", "contact__company", "=contact__external_id", "=contact__phones__e164")
    ordering = ("-id",)
    inlines = (AttemptInline, CallbackInline)
    change_form_outer_before_template = "admin/campaigns/lead/why.html"

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> Any:
        """Above the row: every rule's answer about this lead at this moment."""
        if object_id and object_id.isdigit() and self.has_view_permission(request):
            extra_context = {**(extra_context or {}), "why": explain.lead(int(object_id), now=timezone.now())}
        return super().changeform_view(request, object_id, form_url, extra_context)


class PermitInline(LedgerInline):
    model = Permit
    fields = ("decided_at", "valid_until", "rules", "evidence")
    verbose_name_plural = "why it was allowed"


@admin.register(Attempt)
class AttemptAdmin(Ledger[Attempt]):
    list_display = (
        "planned_at",
        "e164",
        "contact",
        "campaign",
        "agent",
        "state",
        "outcome",
        "answered_at",
        "connected_at",
        "concluded_at",
        "version",
    )
    list_filter = ("campaign", "state", "outcome", "planned_at")
    list_select_related = ("contact", "campaign", "agent__user")
    search_fields = ("=id", "=e164", "=lead__id", "=contact__external_id")
    ordering = ("-planned_at",)
    inlines = (PermitInline,)
    readonly_fields = ("recordings", "others")

    @admin.display(description="others in the conversation")
    def others(self, attempt: Attempt) -> SafeString:
        """Whom its agents brought in, from when, and what that cost."""
        brought_in = ThirdParty.objects.filter(call=attempt.pk).order_by("asked_at")
        told = ((f"{one.name or one.e164}, {one.asked_at:%H:%M:%S}" + (f", {one.cost:.2f}" if one.cost is not None else ""),) for one in brought_in)
        return format_html_join(SafeString("<br>"), "{}", told) or SafeString("-")

    def get_fields(self, request: HttpRequest, obj: Attempt | None = None) -> Any:
        fields = super().get_fields(request, obj)
        return fields if request.user.has_perm(MAY_PLAY) else [name for name in fields if name != "recordings"]

    @admin.display(description="recordings")
    def recordings(self, attempt: Attempt) -> SafeString:
        found = media.of_calls([attempt.pk]).get(attempt.pk, [])
        return format_html_join("", "{}", ((player(recording),) for recording in found)) or SafeString("-")


@admin.register(Permit)
class PermitAdmin(Ledger[Permit]):
    list_display = ("decided_at", "attempt", "valid_until", "rules")
    list_filter = ("decided_at",)
    list_select_related = ("attempt",)
    search_fields = ("=attempt__id", "=attempt__e164")
    ordering = ("-decided_at",)


@admin.register(Callback)
class CallbackAdmin(Ledger[Callback]):
    list_display = ("due_at", "lead", "kind", "agent", "state", "reason", "fallback_at", "closed_at")
    list_filter = ("state", "kind", "lead__campaign", "due_at")
    list_select_related = ("lead", "agent__user")
    search_fields = ("=lead__id", "agent__user__username", "lead__contact__last_name")
    ordering = ("-due_at",)


@admin.register(InboundCall)
class InboundCallAdmin(Ledger[InboundCall]):
    list_display = ("came_at", "number", "campaign", "state", "agent", "given_at", "answered_at", "ended_at")
    list_filter = ("campaign", "state", "came_at")
    list_select_related = ("campaign", "agent__user")
    search_fields = ("=call_id", "=number")
    ordering = ("-came_at",)
