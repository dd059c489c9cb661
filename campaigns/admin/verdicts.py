"""Verdicts on voices, checked by a person: what was heard, and three answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html

from campaigns.admin.ledger import MAY_PLAY
from campaigns.models import VerdictReview
from dialer_project.lib.admin import ModelAdmin
from telephony.admin import audio
from telephony.models import Call, Recording
from telephony.rules.lifecycle import RecordingState

Truth = VerdictReview.Truth


class ToReview(admin.SimpleListFilter):
    title = "checked"
    parameter_name = "checked"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Yes"), ("all", "All")]

    def choices(self, changelist: Any) -> Any:
        """Not yet, unless one asks for others."""
        for value, label in [(None, "Not yet"), *self.lookup_choices]:
            yield {"selected": self.value() == value, "query_string": changelist.get_query_string({self.parameter_name: value}), "display": label}

    def queryset(self, request: HttpRequest, queryset: QuerySet[VerdictReview]) -> QuerySet[VerdictReview]:
        match self.value():
            case "yes":
                return queryset.exclude(truth="")
            case "all":
                return queryset
            case _:
                return queryset.filter(truth="")


@admin.register(VerdictReview)
class VerdictReviewAdmin(ModelAdmin[VerdictReview]):
    list_display = ("drawn_at", "campaign", "number", "taken_for", "why", "took", "heard", "said", "call", "truth")
    list_filter = (ToReview, "campaign", "verdict", "truth")
    list_select_related = ("attempt__disposition", "campaign")
    ordering = ("drawn_at",)
    fields = ("campaign", "number", "taken_for", "why", "took", "heard", "said", "call", "truth")
    readonly_fields = ("campaign", "number", "taken_for", "why", "took", "heard", "said", "call")
    actions = ("a_person", "a_machine", "nobody_can_tell")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: VerdictReview | None = None) -> bool:
        return False

    @admin.display(description="number")
    def number(self, review: VerdictReview) -> str:
        return review.attempt.e164

    @admin.display(description="taken for", ordering="verdict")
    def taken_for(self, review: VerdictReview) -> str:
        return "a machine" if review.verdict == Truth.MACHINE else "a person"

    @admin.display(description="why")
    def why(self, review: Any) -> str:
        return review.call_why or "-"

    @admin.display(description="after")
    def took(self, review: Any) -> str:
        return f"{(review.call_verdict_at - review.call_answered_at).total_seconds():.1f} s"

    @admin.display(description="what was heard")
    def heard(self, review: Any) -> str:
        """From the answer to the verdict; nothing is fetched before somebody presses the button."""
        return audio(review.call_heard, of=review.attempt.e164) if review.call_heard is not None else "-"

    def get_list_display(self, request: HttpRequest) -> Any:
        return self._open_to(request, self.list_display)

    def get_fields(self, request: HttpRequest, obj: VerdictReview | None = None) -> Any:
        return self._open_to(request, self.fields)

    def _open_to(self, request: HttpRequest, columns: Sequence[str]) -> list[str]:
        return [name for name in columns if name != "heard" or request.user.has_perm(MAY_PLAY)]

    @admin.display(description="what came of it")
    def said(self, review: VerdictReview) -> str:
        attempt = review.attempt
        return attempt.disposition.label if attempt.disposition else (attempt.outcome or "under way").replace("_", " ").capitalize()

    @admin.display(description="the call")
    def call(self, review: VerdictReview) -> str:
        return format_html('<a href="{}">What was said and recorded</a>', reverse("admin:telephony_call_change", args=[review.pk]))

    def get_queryset(self, request: HttpRequest) -> QuerySet[VerdictReview]:
        of_its_call = Call.objects.filter(pk=OuterRef("pk"))
        told = {f"call_{name}": Subquery(of_its_call.values(name)) for name in ("answered_at", "verdict_at")}
        kept = Recording.objects.filter(call=OuterRef("pk"), bridge=OuterRef("pk"), state=RecordingState.STORED)
        told["call_heard"] = Subquery(kept.values("pk")[:1])
        return super().get_queryset(request).annotate(call_why=Subquery(of_its_call.values("verdict_why")), **told)

    @admin.action(description="It was a person", permissions=["change"])
    def a_person(self, request: HttpRequest, chosen: QuerySet[VerdictReview]) -> None:
        self._found(request, chosen, Truth.HUMAN)

    @admin.action(description="It was a machine", permissions=["change"])
    def a_machine(self, request: HttpRequest, chosen: QuerySet[VerdictReview]) -> None:
        self._found(request, chosen, Truth.MACHINE)

    @admin.action(description="Nobody can tell", permissions=["change"])
    def nobody_can_tell(self, request: HttpRequest, chosen: QuerySet[VerdictReview]) -> None:
        self._found(request, chosen, Truth.UNCLEAR)

    def _found(self, request: HttpRequest, chosen: QuerySet[VerdictReview], truth: Truth) -> None:
        done = chosen.update(truth=truth, reviewed_by=request.user, reviewed_at=timezone.now())
        messages.success(request, f"{done} checked: {truth.label.lower()}.")

    def save_model(self, request: HttpRequest, obj: VerdictReview, form: Any, change: bool) -> None:
        obj.reviewed_by, obj.reviewed_at = (request.user, timezone.now()) if obj.truth else (None, None)  # type: ignore[assignment]  # the admin lets in users alone
        super().save_model(request, obj, form, change)
