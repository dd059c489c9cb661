"""Agents' phones in the admin: a telephone is made known to the telephone system as it is saved, and its password is shown once."""

from __future__ import annotations

import re
from typing import Any

import phonenumbers
from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest

from agents.models import Station
from campaigns.flow import known_phones
from campaigns.rules.places import place_of
from dialer_project.lib.admin import ModelAdmin, ModelForm

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")


class StationForm(ModelForm[Station]):
    own_account = forms.BooleanField(
        label="gets its password here",
        required=False,
        initial=True,
        help_text="a SIP phone that Ringmaster makes known to the telephone system; without it the phone is one that the telephone system's own"
        " configuration has under this endpoint",
    )

    class Meta:
        model = Station
        fields = ("name", "kind", "own_account", "endpoint", "leg_mode", "auto_answer", "owner")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "endpoint" in self.fields:
            self.fields["endpoint"].required = False
            self.fields[
                "endpoint"
            ].help_text = "an E.164 number, or an endpoint of the telephone system; empty for a phone that gets its password here"
        if "kind" in self.fields:  # a browser's is made when its agent first chooses it
            self.fields["kind"].choices = [choice for choice in Station.Kind.choices if choice[0] != Station.Kind.WEBRTC]  # type: ignore[attr-defined]  # a choice field's
        if self.instance.pk and "own_account" in self.fields:
            self.fields["own_account"].initial = bool(self.instance.secret)

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        kind, endpoint = given.get("kind"), str(given.get("endpoint") or "").strip()
        if kind == Station.Kind.PSTN:
            given["own_account"] = False
            given["endpoint"] = self._number(endpoint)
        elif kind == Station.Kind.SIP and not given.get("own_account") and not NAME.fullmatch(endpoint):
            self.add_error("endpoint", "Give the endpoint's name in the telephone system: letters, digits, dots and hyphens.")
        elif kind == Station.Kind.SIP and not given.get("own_account") and known_phones.is_ours(endpoint):
            self.add_error("endpoint", "Names that begin so belong to phones that get their password here.")
        return given

    def _number(self, written: str) -> str:
        try:
            number = phonenumbers.parse(written)
        except phonenumbers.NumberParseException:
            self.add_error("endpoint", "Write the number with + and its country code, such as +442079460000.")
            return written
        e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        if not phonenumbers.is_valid_number(number) or place_of(e164).kind != "ordinary":
            self.add_error("endpoint", "This is no telephone number that an agent could sit at.")
        return e164


@admin.register(Station)
class StationAdmin(ModelAdmin[Station]):
    form = StationForm
    list_display = ("name", "kind", "endpoint", "registered", "leg_mode", "auto_answer", "owner")
    list_filter = ("kind", "leg_mode", "registered")
    list_select_related = ("owner__user",)
    search_fields = ("name", "endpoint")
    autocomplete_fields = ("owner",)
    actions = ("new_password",)

    def get_readonly_fields(self, request: HttpRequest, obj: Station | None = None) -> tuple[str, ...]:
        return ("name", "kind", "endpoint", "owner") if obj and obj.kind == Station.Kind.WEBRTC else ()

    def get_fields(self, request: HttpRequest, obj: Station | None = None) -> tuple[str, ...]:
        if obj and obj.kind == Station.Kind.WEBRTC:
            return ("name", "kind", "leg_mode", "owner")
        return StationForm.Meta.fields

    def save_model(self, request: HttpRequest, obj: Station, form: Any, change: bool) -> None:
        wants = form.cleaned_data.get("own_account", False) and obj.kind == Station.Kind.SIP
        was = Station.objects.filter(pk=obj.pk).first() if change else None
        if was is not None and was.secret and not wants and was.kind == Station.Kind.SIP:
            known_phones.forget([was])
            obj.secret = ""
        if wants and obj.secret:
            obj.endpoint = was.endpoint if was else obj.endpoint  # its name there is not changed by hand
        elif wants:
            obj.endpoint = known_phones.name_for(obj.name)
        super().save_model(request, obj, form, change)
        if wants and not obj.secret:
            self._give_password(request, obj)

    def delete_model(self, request: HttpRequest, obj: Station) -> None:
        known_phones.forget([obj])
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Station]) -> None:
        known_phones.forget(list(queryset))
        super().delete_queryset(request, queryset)

    @admin.action(description="New password", permissions=["change"])
    def new_password(self, request: HttpRequest, chosen: QuerySet[Station]) -> None:
        for station in chosen.filter(kind=Station.Kind.SIP).exclude(secret=""):
            self._give_password(request, station)

    def _give_password(self, request: HttpRequest, station: Station) -> None:
        """Shown once: nobody can read it again."""
        password = known_phones.new_password(station)
        messages.warning(
            request, f"{station.name}: enter the account {station.endpoint} and the password {password} in the phone now. It is not shown again."
        )
        # whoever asked for it is looking, and is to see what goes wrong
        transaction.on_commit(lambda: self._make_known(request, station))  # noqa: TID251

    def _make_known(self, request: HttpRequest, station: Station) -> None:
        if unreached := known_phones.make_known(station):
            messages.error(request, f"{station.name} is not known to {', '.join(unreached)} yet: choose New password once that is there again.")
