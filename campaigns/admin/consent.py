"""Consent and periods of rest in the admin: written down once with their evidence, consent taken back, nothing changed or deleted."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from agents.desk import Refusal
from agents.models import User
from campaigns.flow import consent
from campaigns.flow.consent import Evidence
from campaigns.models import Consent, RulePack, Suppression
from campaigns.rules.phone_numbers import Dialable, Undialable, read_number
from dialer_project.lib.admin import Ledger, ModelForm


class ConsentForm(ModelForm[Consent]):
    number = forms.CharField(
        max_length=60, required=False, help_text="the one number it is for, with its country code; empty: every number of the contact"
    )

    class Meta:
        model = Consent
        fields = ("contact", "kind", "given_at", "source", "text", "channel", "seller", "expires_at")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "kind" in self.fields:
            asked = sorted({kind for pack in RulePack.objects.filter(enabled=True) for rule in pack.rules for kind in rule.get("kinds", ())})
            self.fields["kind"].help_text = f"as rule packs name it; enabled ones ask for: {', '.join(asked) or 'none'}"

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        e164 = ""
        if given.get("number"):
            match read_number(given["number"], country=given["contact"].country if given.get("contact") else ""):
                case Dialable(e164=e164):
                    pass
                case Undialable(why):
                    self.add_error("number", f"{why}.")
        if not self.errors:
            about = {name: given[name] for name in ("kind", "source", "given_at", "seller", "text", "channel", "expires_at")}
            self.evidence = Evidence(e164=e164, **about)
            if refused := consent.why_not(self.evidence, now=timezone.now()):
                raise forms.ValidationError(refused.sentence)
        return given


@admin.register(Consent)
class ConsentAdmin(Ledger[Consent]):
    """Evidence that somebody agreed to be called, and that they have taken it back."""

    form = ConsentForm
    list_display = ("contact", "kind", "seller", "source", "given_at", "expires_at", "revoked_at")
    list_filter = ("kind", "channel", "given_at")
    list_select_related = ("contact",)
    search_fields = ("contact__last_name", "seller", "source")
    autocomplete_fields = ("contact",)
    ordering = ("-given_at",)
    actions = ("taken_back",)

    def get_fields(self, request: HttpRequest, obj: Consent | None = None) -> tuple[str, ...]:
        if obj is None:
            return ("contact", "number", "kind", "given_at", "source", "text", "channel", "seller", "expires_at")
        kept = ("contact", "for_number", "kind", "given_at", "source", "text", "channel", "seller", "expires_at")
        return (*kept, "recorded_at", "recorded_by", "revoked_at", "revoked_by")

    @admin.display(description="for")
    def for_number(self, given: Consent) -> str:
        if not given.number_key:
            return "every number of theirs"
        phone = given.contact.phones.filter(number_key=given.number_key).first()
        return phone.e164 if phone else "a number they no longer have"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("campaigns.add_consent"))

    def has_take_back_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("campaigns.change_consent"))

    def save_model(self, request: HttpRequest, obj: Consent, form: Any, change: bool) -> None:
        by = request.user if isinstance(request.user, User) else None
        match consent.give(obj.contact_id, form.evidence, by=by, now=timezone.now()):
            case Refusal(sentence):
                messages.error(request, sentence)
            case kept:
                obj.pk = kept.consent.pk
                if not kept.is_new:
                    messages.warning(request, "This was written down before: nothing has changed.")

    @admin.action(description="They have taken it back", permissions=["take_back"])
    def taken_back(self, request: HttpRequest, chosen: QuerySet[Consent]) -> None:
        by = request.user if isinstance(request.user, User) else None
        answers = [consent.take_back(given.pk, by=by, now=timezone.now()) for given in chosen]
        refused = sum(isinstance(answer, Refusal) for answer in answers)
        if done := len(answers) - refused:
            messages.success(request, f"{done} taken back: no call is allowed by that any more.")
        if refused:
            messages.warning(request, f"{refused} had been taken back before.")


class LeaveAlone(ModelForm[Suppression]):
    class Meta:
        model = Suppression
        fields = ("contact", "campaign", "until", "reason")
        help_texts = {"campaign": "empty: no campaign calls them", "until": "they are called again as usual after that"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "contact" in self.fields:
            self.fields["contact"].required = True

    def clean_until(self) -> Any:
        until = self.cleaned_data["until"]
        if until <= timezone.now():
            raise forms.ValidationError("This is over already: choose a later time.")
        return until


@admin.register(Suppression)
class SuppressionAdmin(Ledger[Suppression]):
    """Periods in which somebody is left alone. They end by themselves; a number is left alone by a do-not-call entry that ends."""

    form = LeaveAlone
    list_display = ("contact", "until", "campaign", "reason", "created_at")
    list_filter = ("reason", "campaign", "until")
    list_select_related = ("contact", "campaign")
    search_fields = ("contact__last_name", "=number_key")
    autocomplete_fields = ("contact", "campaign")
    ordering = ("-until",)

    def get_fields(self, request: HttpRequest, obj: Suppression | None = None) -> tuple[str, ...]:
        return ("contact", "campaign", "until", "reason") if obj is None else ("contact", "campaign", "until", "reason", "created_at")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("campaigns.add_suppression"))

    def save_model(self, request: HttpRequest, obj: Suppression, form: Any, change: bool) -> None:
        made = consent.leave_alone(obj.contact_id or 0, until=obj.until, campaign=obj.campaign, reason=obj.reason, now=timezone.now())
        if isinstance(made, Refusal):
            messages.error(request, made.sentence)
        else:
            obj.pk = made.pk
