"""The directory of those whom conversations may be taken on to, and who was brought into which."""

from __future__ import annotations

from django.contrib import admin

from campaigns.models import Destination, ThirdParty
from dialer_project.lib.admin import Ledger, ModelAdmin


@admin.register(Destination)
class DestinationAdmin(ModelAdmin[Destination]):
    list_display = ("name", "number", "note", "active", "position")
    list_filter = ("active",)
    search_fields = ("name", "number", "note")


@admin.register(ThirdParty)
class ThirdPartyAdmin(Ledger[ThirdParty]):
    list_display = ("asked_at", "name", "e164", "how", "state", "agent", "to_agent", "campaign", "call", "handed_at", "ended_at", "cause", "cost")
    list_filter = ("state", "how", "asked_at")
    list_select_related = ("agent__user", "to_agent__user", "campaign", "call")
    search_fields = ("name", "=e164", "=call__id", "agent__user__username")
    ordering = ("-asked_at",)
