"""Telephony in the admin: what is connected, by which numbers, and what was said of every call."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from dialer_project.lib.admin import Ledger, LedgerInline, ModelAdmin, TabularInline
from telephony.models import Announcement, Call, CallerId, CallEvent, Node, Recording, Trunk, TrunkPrice
from telephony.rules.lifecycle import CallState


@admin.register(Node)
class NodeAdmin(ModelAdmin[Node]):
    list_display = ("name", "driver", "url", "enabled", "draining", "listening", "live_calls", "max_calls")
    list_filter = ("enabled", "draining", "driver")
    actions = ("drain", "take_calls_again")
    search_fields = ("name", "url")
    readonly_fields = ("boot", "lease_holder", "lease_epoch", "listening_until")

    @admin.display(boolean=True, description="somebody listens")
    def listening(self, node: Node) -> bool:
        return node.listening_until is not None and node.listening_until > timezone.now()

    @admin.display(description="calls now")
    def live_calls(self, node: Node) -> int:
        return node.calls.exclude(state=CallState.ENDED).count()

    @admin.action(description="Take no new calls and agents", permissions=["change"])
    def drain(self, request: HttpRequest, chosen: QuerySet[Node]) -> None:
        chosen.update(draining=True)
        others = Node.objects.filter(enabled=True, draining=False, listening_until__gt=timezone.now())
        left = (
            "Their free agents go to another node." if others.exists() else "There is no other node: nothing is dialed until one takes calls again."
        )
        messages.success(request, f"No new calls and agents there; what is under way ends by itself. {left}")

    @admin.action(description="Take calls and agents again", permissions=["change"])
    def take_calls_again(self, request: HttpRequest, chosen: QuerySet[Node]) -> None:
        chosen.update(draining=False)
        messages.success(request, "New agents are placed there again.")


class TrunkPriceInline(TabularInline[TrunkPrice, Trunk]):
    model = TrunkPrice
    extra = 0


@admin.register(Trunk)
class TrunkAdmin(ModelAdmin[Trunk]):
    list_display = ("name", "endpoint", "enabled", "max_calls", "calls_per_second", "per_minute")
    list_filter = ("enabled",)
    search_fields = ("name", "endpoint")
    inlines = (TrunkPriceInline,)


@admin.register(CallerId)
class CallerIdAdmin(ModelAdmin[CallerId]):
    list_display = ("e164", "label", "verified", "trunk")
    list_filter = ("verified", "trunk")
    search_fields = ("e164", "label")


@admin.register(Announcement)
class AnnouncementAdmin(ModelAdmin[Announcement]):
    list_display = ("name", "media", "text")
    search_fields = ("name", "text")


class RecordingInline(LedgerInline):
    model = Recording
    fields = ("name", "started_at", "ended_at")


@admin.register(Call)
class CallAdmin(Ledger[Call]):
    list_display = ("id", "party", "address", "state", "planned_at", "answered_at", "connected_at", "ended_at", "cause", "hung_up_by")
    list_filter = ("state", "party", "cause", "node", "planned_at")
    search_fields = ("=id", "=address", "=bridge")
    ordering = ("-planned_at",)
    inlines = (RecordingInline,)


@admin.register(CallEvent)
class CallEventAdmin(Ledger[CallEvent]):
    list_display = ("at", "kind", "call_id", "node", "recorded_at")
    list_filter = ("kind", "node", "at")
    search_fields = ("=call_id", "=key")
    ordering = ("-id",)


@admin.register(Recording)
class RecordingAdmin(Ledger[Recording]):
    list_display = ("name", "call", "started_at", "ended_at")
    search_fields = ("name", "=call__id")
    list_select_related = ("call",)
    ordering = ("-started_at",)
