"""Telephony in the admin: what is connected, by which numbers, and what was said of every call."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.files.storage import default_storage
from django.db.models import QuerySet
from django.http import FileResponse, HttpRequest
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from dialer_project.lib.admin import Ledger, LedgerInline, ModelAdmin, ModelForm, TabularInline
from telephony import media
from telephony.models import Announcement, AnnouncementFile, Call, CallerId, CallEvent, Node, Recording, RecordingPlay, Trunk, TrunkPrice
from telephony.rules.lifecycle import CallState, RecordingState
from telephony.rules.sound import LARGEST, Playable, Unplayable, is_announcement, playable


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
    list_display = ("name", "endpoint", "enabled", "max_calls", "calls_per_second", "numbers", "per_minute")
    list_filter = ("enabled",)
    search_fields = ("name", "endpoint")
    inlines = (TrunkPriceInline,)


@admin.register(CallerId)
class CallerIdAdmin(ModelAdmin[CallerId]):
    list_display = ("e164", "label", "verified", "trunk")
    list_filter = ("verified", "trunk")
    search_fields = ("e164", "label")


class AnnouncementForm(ModelForm[Announcement]):
    """A file is made into what the exchange plays before anything is saved; what cannot be is told beside it."""

    upload = forms.FileField(
        required=False, help_text="WAV, MP3, FLAC or Ogg; it becomes the next version, and the exchange says it within half a minute"
    )
    sound: Playable | None = None

    class Meta:
        model = Announcement
        fields = ("name", "text", "upload", "in_conversation", "media")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        uploaded = cleaned.get("upload")
        if uploaded:
            match playable(uploaded.read(LARGEST + 1)):
                case Unplayable(why):
                    self.add_error("upload", why)
                case Playable() as sound:
                    self.sound = sound
        elif not cleaned.get("media") and "upload" not in self.errors:
            self.add_error("upload", "Upload what is to be said, or name a sound that the exchange has.")
        elif (named := cleaned.get("media")) and not is_announcement(named):
            self.add_error(
                "media", "This is no name of a sound: sound:, then letters, digits, dots, hyphens and underscores, without a folder or an ending."
            )
        return cleaned


class AnnouncementFileInline(LedgerInline):
    model = AnnouncementFile
    fields = ("version", "listen", "seconds", "uploaded_at", "uploaded_by")
    readonly_fields = ("listen",)
    show_change_link = False
    verbose_name_plural = "versions"

    @admin.display(description="listen")
    def listen(self, one: AnnouncementFile) -> SafeString:
        address = reverse("admin:telephony_announcement_play", args=[one.pk])
        return format_html('<audio controls preload="none" src="{}" aria-label="Version {}"></audio>', address, one.version)


@admin.register(Announcement)
class AnnouncementAdmin(ModelAdmin[Announcement]):
    form = AnnouncementForm
    list_display = ("name", "media", "in_conversation", "text")
    search_fields = ("name", "text")
    inlines = (AnnouncementFileInline,)

    def get_urls(self) -> list[URLPattern]:
        return [path("play/<int:file_id>/", self.admin_site.admin_view(self.play), name="telephony_announcement_play"), *super().get_urls()]

    def play(self, request: HttpRequest, file_id: int) -> FileResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        name = get_object_or_404(AnnouncementFile, pk=file_id).file.name
        return FileResponse(default_storage.open(name or ""), content_type="audio/wav")

    def save_model(self, request: HttpRequest, obj: Announcement, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if form.sound is not None:
            media.new_version(obj, form.sound, by=request.user if request.user.is_authenticated else None, now=timezone.now())


class RecordingInline(LedgerInline):
    model = Recording
    fields = ("started_at", "state", "seconds", "delete_at")


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


def player(recording: Recording) -> SafeString:
    """To listen on an admin page. Nothing is fetched, and no play written down, before somebody presses the button."""
    if recording.state != RecordingState.STORED:
        return format_html("{}", recording.get_state_display())
    return audio(recording.pk, of=str(recording.started_at))


def audio(recording_id: int, *, of: str) -> SafeString:
    address = reverse("recording", args=[recording_id])
    return format_html('<audio controls preload="none" src="{}" aria-label="Recording of {}"></audio>', address, of)


class PlayInline(LedgerInline):
    model = RecordingPlay
    fields = ("at", "user", "address")
    ordering = ("-at",)
    show_change_link = False
    verbose_name_plural = "who listened to it"


@admin.register(Recording)
class RecordingAdmin(Ledger[Recording]):
    list_display = ("started_at", "call", "state", "lasts", "delete_at")
    list_filter = ("state", "started_at")
    search_fields = ("=name", "=call__id", "=call__address")
    list_select_related = ("call",)
    ordering = ("-started_at",)
    fields = ("listen", "call", "node", "state", "started_at", "ended_at", "lasts", "pauses", "size", "stored_at", "delete_at", "deleted_at")
    readonly_fields = fields
    inlines = (PlayInline,)

    @admin.display(description="lasts", ordering="seconds")
    def lasts(self, recording: Recording) -> str:
        return "-" if recording.seconds is None else f"{recording.seconds // 60:.0f}:{recording.seconds % 60:02.0f}"

    def get_fields(self, request: HttpRequest, obj: Recording | None = None) -> Any:
        return self.fields if request.user.has_perm("telephony.play_recording") else self.fields[1:]

    @admin.display(description="listen")
    def listen(self, recording: Recording) -> SafeString:
        return player(recording)


@admin.register(RecordingPlay)
class RecordingPlayAdmin(Ledger[RecordingPlay]):
    list_display = ("at", "user", "recording", "address")
    list_filter = ("at", "user")
    list_select_related = ("user", "recording")
    search_fields = ("user__username", "=recording__name", "=recording__call__id")
    ordering = ("-id",)
