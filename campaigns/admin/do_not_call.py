"""The do-not-call list in the admin: numbers are listed by one person, and taken off again by two."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from unfold.widgets import UnfoldAdminTextareaWidget

from agents.desk import Refusal
from agents.models import User
from campaigns.flow import do_not_call
from campaigns.models import DoNotCall, DoNotCallList, DoNotCallRemoval
from campaigns.rules.number_keys import number_key
from campaigns.rules.phone_numbers import Dialable, Undialable, read_number
from dialer_project.lib.admin import Ledger, ModelAdmin, ModelForm

AT_MOST = 1000  # numbers pasted at once; more come as a file


class ListNumbers(ModelForm[DoNotCall]):
    """Numbers to be listed are typed as anybody writes them; only their keyed hashes are kept."""

    number = forms.CharField(
        label="Numbers",
        max_length=50 * AT_MOST,
        help_text=f"with their country code, such as +44 20 7946 0000; one a line, at most {AT_MOST:,}. More are imported as a file.",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )

    class Meta:
        model = DoNotCall
        fields = ("campaign", "reason", "expires_at")
        help_texts = {"campaign": "empty: nobody in the organisation calls them", "expires_at": "empty: for good"}

    numbers: list[str]

    def clean_expires_at(self) -> datetime | None:
        until: datetime | None = self.cleaned_data["expires_at"]
        if until is not None and until <= timezone.now():
            raise forms.ValidationError("This is over already. Choose a later instant, or leave it empty for good.")
        return until

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        lines = [line.strip() for line in str(cleaned.get("number", "")).splitlines() if line.strip()]
        read = {line: read_number(line, country="", any_kind=True) for line in lines}
        if wrong := [one.why for one in read.values() if isinstance(one, Undialable)]:
            self.add_error("number", [f"{why}." for why in wrong[:20]])
        elif len(lines) > AT_MOST:
            self.add_error("number", f"These are {len(lines):,} numbers. Import them as a file.")
        self.numbers = [one.e164 for one in read.values() if isinstance(one, Dialable)]
        keys = [number_key(e164, settings.NUMBER_KEY) for e164 in self.numbers]
        here = DoNotCall.objects.filter(number_key__in=keys, campaign=cleaned.get("campaign"), register=None)
        if keys and here.filter(expires_at=None).count() == len(set(keys)):
            self.add_error("number", "This number is on that list already; there is nothing to do.")
        return cleaned


@admin.register(DoNotCall)
class DoNotCallAdmin(ModelAdmin[DoNotCall]):
    form = ListNumbers
    list_display = ("hint", "campaign", "register", "source", "reason", "expires_at", "created_at", "created_by")
    list_filter = ("source", "register", "campaign", "created_at")
    list_select_related = ("campaign", "register", "created_by")
    search_fields = ("number_key", "hint", "reason")
    search_help_text = "a whole number with its country code, or its last two digits"
    autocomplete_fields = ("campaign",)
    ordering = ("-id",)
    list_before_template = "admin/campaigns/donotcall/import.html"
    change_form_outer_before_template = "admin/campaigns/donotcall/removal.html"

    def get_fields(self, request: HttpRequest, obj: DoNotCall | None = None) -> tuple[str, ...]:
        if obj is None:
            return ("number", "campaign", "reason", "expires_at")
        return ("hint", "campaign", "register", "source", "reason", "expires_at", "created_at", "created_by")

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        """Entries are kept by keyed hash: a whole number is looked up by it."""
        match read_number(search_term, country="", any_kind=True) if search_term else None:
            case Dialable(e164):
                return queryset.filter(number_key=number_key(e164, settings.NUMBER_KEY)), False
        return super().get_search_results(request, queryset, search_term)

    def has_change_permission(self, request: HttpRequest, obj: DoNotCall | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: DoNotCall | None = None) -> bool:
        """An entry goes when a second person has agreed to its removal."""
        return False

    def save_model(self, request: HttpRequest, obj: DoNotCall, form: Any, change: bool) -> None:
        by = request.user if isinstance(request.user, User) else None
        new = do_not_call.list_numbers(
            form.numbers,
            source="admin",
            now=timezone.now(),
            campaign_id=obj.campaign_id,
            reason=obj.reason,
            by=by,
            expires_at=obj.expires_at,
        )
        if len(form.numbers) > 1:
            messages.success(request, f"{len(form.numbers)} numbers are on the list now, {new} of them new.")
        first = number_key(form.numbers[0], settings.NUMBER_KEY)
        listed = DoNotCall.objects.get(number_key=first, campaign=obj.campaign, register=None)
        obj.pk, obj.hint = listed.pk, listed.hint

    # -- its removal

    def get_urls(self) -> list[URLPattern]:
        own = path("<int:entry_id>/ask-removal/", self.admin_site.admin_view(self.ask_view), name="campaigns_donotcall_ask_removal")
        return [own, *super().get_urls()]

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> Any:
        context = dict(extra_context or {})
        if object_id and object_id.isdigit() and self.has_view_permission(request):
            context["removals"] = DoNotCallRemoval.objects.filter(entry_id=object_id).order_by("-id")
            context["open_removal"] = context["removals"].filter(state=DoNotCallRemoval.State.ASKED).first()
            context["ask"] = reverse("admin:campaigns_donotcall_ask_removal", args=[object_id])
            context["may_ask"] = request.user.has_perm("campaigns.add_donotcallremoval")
        return super().changeform_view(request, object_id, form_url, context)

    def ask_view(self, request: HttpRequest, entry_id: int) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not isinstance(request.user, User) or not request.user.has_perm("campaigns.add_donotcallremoval"):
            raise PermissionDenied
        match do_not_call.ask_removal(entry_id, reason=request.POST.get("reason", ""), by=request.user, now=timezone.now()):
            case Refusal(sentence):
                messages.error(request, sentence)
                listed = DoNotCall.objects.filter(pk=entry_id).exists()
                page = "admin:campaigns_donotcall_change" if listed else "admin:campaigns_donotcall_changelist"
                return HttpResponseRedirect(reverse(page, args=[entry_id] if listed else []))
            case asked:
                messages.success(request, f"Asked: {asked} may be called again once another person has approved it.")
                return HttpResponseRedirect(reverse("admin:campaigns_donotcallremoval_change", args=[asked.pk]))


@admin.register(DoNotCallRemoval)
class DoNotCallRemovalAdmin(Ledger[DoNotCallRemoval]):
    """What was asked, and what the second person decided."""

    list_display = ("hint", "state", "reason", "asked_by", "asked_at", "decided_by", "decided_at")
    list_filter = ("state", "asked_at")
    list_select_related = ("asked_by", "decided_by")
    search_fields = ("hint", "reason", "=number_key")
    ordering = ("-id",)
    fields = (
        "hint",
        "campaign",
        "listed_at",
        "listed_because",
        "reason",
        "asked_by",
        "asked_at",
        "state",
        "decided_by",
        "decided_at",
        "note",
    )
    change_form_outer_before_template = "admin/campaigns/donotcallremoval/decide.html"

    def get_urls(self) -> list[URLPattern]:
        own = path("<int:removal_id>/decide/<slug:verdict>/", self.admin_site.admin_view(self.decide_view), name="campaigns_donotcallremoval_decide")
        return [own, *super().get_urls()]

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> Any:
        context = dict(extra_context or {})
        asked = DoNotCallRemoval.objects.filter(pk=object_id).first() if object_id and object_id.isdigit() else None
        if asked is not None and asked.state == DoNotCallRemoval.State.ASKED and self.has_view_permission(request):
            context["removal"] = asked
            context["own"] = asked.asked_by_id == request.user.pk
            if request.user.has_perm("campaigns.approve_donotcallremoval"):
                context["addresses"] = {
                    verdict: reverse("admin:campaigns_donotcallremoval_decide", args=[asked.pk, verdict]) for verdict in ("approve", "refuse")
                }
        return super().changeform_view(request, object_id, form_url, context)

    def decide_view(self, request: HttpRequest, removal_id: int, verdict: str) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if verdict not in ("approve", "refuse"):
            raise Http404(f"A request is approved or refused, not {verdict}.")
        if not isinstance(request.user, User) or not request.user.has_perm("campaigns.approve_donotcallremoval"):
            raise PermissionDenied
        decide = do_not_call.approve_removal if verdict == "approve" else do_not_call.refuse_removal
        match decide(removal_id, by=request.user, note=request.POST.get("note", ""), now=timezone.now()):
            case Refusal(sentence):
                messages.error(request, sentence)
            case _ if verdict == "approve":
                messages.success(request, "Approved: the number may be called again. Records that were finished because of it stay so.")
            case _:
                messages.success(request, "Refused: the number stays on the list.")
        return HttpResponseRedirect(reverse("admin:campaigns_donotcallremoval_change", args=[removal_id]))


@admin.register(DoNotCallList)
class DoNotCallListAdmin(Ledger[DoNotCallList]):
    """Which registers are loaded, and how old they are. A newer version comes as a file, under Imports."""

    list_display = ("name", "campaign", "loaded_at", "numbers", "version")
    list_select_related = ("campaign",)
    ordering = ("name",)
    list_before_template = "admin/campaigns/donotcall/import.html"
