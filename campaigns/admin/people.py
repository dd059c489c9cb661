"""The people to be called, in the admin."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone

from agents.models import User
from campaigns.flow import confirm_zone, zone_groups
from campaigns.models import CallingList, Consent, Contact, ContactChange, Lead, PhoneNumber, ZoneConfirmation
from campaigns.rules.number_keys import number_key
from campaigns.rules.phone_numbers import Dialable, Undialable, read_number
from campaigns.rules.time_zones import zone_named, zones_of_places
from dialer_project.lib.admin import Ledger, LedgerInline, ModelAdmin, ModelForm, TabularInline


class PhoneForm(ModelForm[PhoneNumber]):
    """A number is typed once, as anybody writes it, and then stays: another number is another row."""

    class Meta:
        model = PhoneNumber
        fields = ("e164", "kind", "position", "active", "result")

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
            case Dialable(e164, _, zones, landline):
                self.instance.zones = list(zones)
                self.instance.landline = landline
                self.instance.number_key = number_key(e164, settings.NUMBER_KEY)
                return e164
            case Undialable(why):
                raise forms.ValidationError(f"{why}.")

    def clean(self) -> dict[str, Any]:
        """What an agent said of it is taken back by switching it on again."""
        cleaned = super().clean() or {}
        if cleaned.get("active") and "active" in self.changed_data:
            cleaned["result"] = ""
        elif cleaned.get("result"):
            cleaned["active"] = False
        return cleaned


class ContactForm(ModelForm[Contact]):
    """`customer_is_in`: what the customer said, which counts instead of what number and address suggest."""

    customer_is_in = forms.CharField(
        label="Customer said they are in",
        max_length=60,
        required=False,
        help_text="a time zone such as Europe/Madrid; replaces every zone their numbers and address suggest; empty: nobody has asked",
    )

    class Meta:
        model = Contact
        fields = "__all__"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk and (held := self.instance.zone_confirmations.filter(ended_at=None).first()):
            self.fields["customer_is_in"].initial = held.zone

    def clean_customer_is_in(self) -> str:
        zone = str(self.cleaned_data["customer_is_in"]).strip()
        if zone and zone_named(zone) not in zones_of_places():
            raise forms.ValidationError(f"There is no time zone {zone}. Write it as Europe/Madrid or America/New_York.")
        return zone_named(zone)


class ZoneConfirmationInline(LedgerInline):
    model = ZoneConfirmation
    fk_name = "contact"
    fields = ("zone", "at", "by", "ended_at", "ended_by")
    ordering = ("-at",)
    show_change_link = False
    verbose_name_plural = "where they said they are"


class ContactChangeInline(LedgerInline):
    model = ContactChange
    fields = ("at", "by", "before", "after")
    ordering = ("-at",)
    show_change_link = False
    verbose_name_plural = "what agents put right"


class PhoneInline(TabularInline[PhoneNumber, Contact]):
    model = PhoneNumber
    form = PhoneForm
    fields = ("e164", "kind", "position", "active", "result", "zones")
    readonly_fields = ("zones",)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The ledger names the number: it is switched off instead."""
        return False


class ConsentInline(LedgerInline):
    model = Consent
    fields = ("kind", "given_at", "source", "expires_at", "revoked_at")
    ordering = ("-given_at",)
    verbose_name_plural = "what they agreed to"


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
    form = ContactForm
    inlines = (PhoneInline, ZoneConfirmationInline, ConsentInline, ContactChangeInline, LeadInline)

    def has_delete_permission(self, request: HttpRequest, obj: Contact | None = None) -> bool:
        return super().has_delete_permission(request, obj) and not (obj and obj.attempts.exists())

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        zone_groups.of_contacts([form.instance.pk])  # another number may be the first now
        if "customer_is_in" in form.changed_data:
            by = request.user if isinstance(request.user, User) else None
            zone, contact_id = form.cleaned_data["customer_is_in"], form.instance.pk
            if zone:
                confirm_zone.confirm(contact_id, zone, by=by, now=timezone.now())
            else:
                confirm_zone.take_back(contact_id, by=by, now=timezone.now())


@admin.register(CallingList)
class CallingListAdmin(Ledger[CallingList]):
    """Lists are made by an import and ordered in their campaign."""

    list_display = ("name", "campaign", "position", "created_at")
    list_filter = ("campaign",)
    list_select_related = ("campaign",)
    search_fields = ("name", "campaign__name")
    ordering = ("-created_at",)
