"""The people to be called, in the admin."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest

from campaigns.models import CallingList, Contact, Lead, PhoneNumber
from campaigns.rules.number_keys import number_key
from campaigns.rules.phone_numbers import Dialable, Undialable, read_number
from dialer_project.lib.admin import Ledger, LedgerInline, ModelAdmin, ModelForm, TabularInline


class PhoneForm(ModelForm[PhoneNumber]):
    """A number is typed once, as anybody writes it, and then stays: another number is another row."""

    class Meta:
        model = PhoneNumber
        fields = ("e164", "kind", "position", "active")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.fields["e164"].disabled = True
        else:
            self.fields["e164"] = forms.CharField(label="number", max_length=40, widget=self.fields["e164"].widget)

    def clean_e164(self) -> str:
        typed = str(self.cleaned_data["e164"])
        if self.instance.pk:
            return typed
        match read_number(typed, country=self.instance.contact.country if self.instance.contact_id else ""):
            case Dialable(e164, _, zones):
                self.instance.zones = list(zones)
                self.instance.number_key = number_key(e164, settings.NUMBER_KEY)
                return e164
            case Undialable(why):
                raise forms.ValidationError(f"{why}.")


class PhoneInline(TabularInline[PhoneNumber, Contact]):
    model = PhoneNumber
    form = PhoneForm
    fields = ("e164", "kind", "position", "active", "zones")
    readonly_fields = ("zones",)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The ledger names the number: it is switched off instead."""
        return False


class LeadInline(LedgerInline):
    model = Lead
    fields = ("campaign", "state", "reason", "next_call_at", "attempts_made", "last_outcome", "disposition")
    verbose_name_plural = "campaigns"


@admin.register(Contact)
class ContactAdmin(ModelAdmin[Contact]):
    list_display = ("name", "company", "city", "country", "source", "external_id", "created_at")
    list_filter = ("source", "country", "created_at")
    search_fields = ("first_name", "last_name", "company", "=email", "=external_id", "=phones__e164")
    ordering = ("-id",)
    inlines = (PhoneInline, LeadInline)

    def has_delete_permission(self, request: HttpRequest, obj: Contact | None = None) -> bool:
        return super().has_delete_permission(request, obj) and not (obj and obj.attempts.exists())


@admin.register(CallingList)
class CallingListAdmin(Ledger[CallingList]):
    """Lists are made by an import and switched on, off and ordered in their campaign."""

    list_display = ("name", "campaign", "position", "enabled", "created_at")
    list_filter = ("campaign", "enabled")
    list_select_related = ("campaign",)
    search_fields = ("name", "campaign__name")
    ordering = ("-created_at",)
