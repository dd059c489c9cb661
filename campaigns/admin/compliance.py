"""What the law and the organisation allow, in the admin."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html_join

from agents.models import User
from campaigns import spending
from campaigns.flow import control
from campaigns.models import (
    CallableHours,
    Campaign,
    CampaignExclusion,
    CampaignVersion,
    Holiday,
    HolidayCalendar,
    NumberCheck,
    RulePack,
    SpendLimit,
    ValidationService,
)
from campaigns.rules import holidays
from campaigns.rules.countries import country_code
from campaigns.rules.loosening import why_waits
from campaigns.rules.number_checks import Breaker
from campaigns.rules.permit.hours import DAYS, hours_from
from campaigns.rules.permit.in_words import in_words
from campaigns.rules.permit.kinds import EVERYWHERE, BlockedDays, Destinations, rule_from
from campaigns.rules.places import regions_within, state_named
from campaigns.rules.spending import Limit
from dialer_project.lib import outgoing, seal
from dialer_project.lib.admin import Ledger, ModelAdmin, ModelForm, TabularInline

WEEKDAYS = dict(zip(DAYS, ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"), strict=True))


def _edited(request: HttpRequest, campaigns: QuerySet[Campaign]) -> None:
    """What these campaigns call by was changed: each that has not ended has a new version, and what made it looser may have to be approved."""
    by = request.user if isinstance(request.user, User) else None
    for version in control.all_edited(campaigns, by=by, now=timezone.now()):
        if version.loosens and version.approved_at is None:
            messages.warning(request, f"{version.campaign}: {why_waits(version.loosens)}")


def _spans_of(day: str) -> forms.CharField:
    return forms.CharField(
        label=WEEKDAYS[day], required=False, max_length=200, help_text="such as 09:00-13:00, 14:00-20:00; 24:00 is the end of the day; empty: closed"
    )


class HoursForm(ModelForm[CallableHours]):
    """A line for each day: `09:00-13:00, 14:00-20:00`; an empty one is closed."""

    mon, tue, wed, thu, fri, sat, sun = map(_spans_of, DAYS)

    class Meta:
        model = CallableHours
        fields = ("name",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for day in DAYS:
            spans = (self.instance.week or {}).get(day, ())
            self.initial.setdefault(day, ", ".join(f"{start}-{end}" for start, end in spans))

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        week: dict[str, list[list[str]]] = {}
        for day in DAYS:
            spans = [[time.strip() for time in span.split("-")] for span in (cleaned.get(day) or "").split(",") if span.strip()]
            try:
                hours_from({day: spans})
            except ValueError as wrong:
                self.add_error(day, str(wrong))
            if spans:
                week[day] = spans
        if not self.errors and not week:
            raise forms.ValidationError("Nobody could ever be called: give at least one day its hours.")
        self.instance.week = week
        return cleaned


@admin.register(CallableHours)
class CallableHoursAdmin(ModelAdmin[CallableHours]):
    form = HoursForm
    fieldsets = ((None, {"fields": ("name",)}), ("Local time of the called party", {"fields": DAYS}))
    list_display = ("name", "in_words")
    search_fields = ("name",)

    def save_model(self, request: HttpRequest, obj: CallableHours, form: Any, change: bool) -> None:
        """Other hours are another configuration of every campaign that calls by them."""
        super().save_model(request, obj, form, change)
        _edited(request, Campaign.objects.filter(hours=obj))

    @admin.display(description="hours")
    def in_words(self, hours: CallableHours) -> str:
        return "; ".join(f"{WEEKDAYS[day][:2]} {', '.join(f'{start}-{end}' for start, end in hours.week[day])}" for day in DAYS if day in hours.week)


class HolidayInline(TabularInline[Holiday, HolidayCalendar]):
    model = Holiday
    ordering = ("day",)


class CalendarForm(ModelForm[HolidayCalendar]):
    """A country and a region whose holidays are not known are refused beside their field."""

    name = forms.CharField(required=False, max_length=80, help_text="as rule packs name it; left empty: its place, such as DE or DE-BY")
    country = forms.CharField(required=False, max_length=80, help_text="such as DE: the calendar begins with its public holidays; empty: with none")
    region = forms.CharField(required=False, max_length=80, help_text="such as BY or Bavaria: the holidays of that region as well")

    class Meta:
        model = HolidayCalendar
        fields = ("name", "country", "region")

    def clean_country(self) -> str:
        said = str(self.cleaned_data["country"]).strip()
        code = country_code(said)
        if said and not holidays.has_days(code):
            raise forms.ValidationError(
                f"The public holidays of {said} are not known. Write two letters such as DE, or leave it empty and add the days."
            )
        return code

    def clean_region(self) -> str:
        """By its code: Bavaria is BY."""
        said, country = str(self.cleaned_data["region"]).strip(), self.cleaned_data.get("country", "")
        if not said or "country" in self.errors:
            return said
        if not country:
            raise forms.ValidationError("Say in which country it lies, or leave it empty.")
        place = state_named(said, country) or f"{country}-{said.upper().removeprefix(f'{country}-')}"
        if not holidays.has_days(place):
            raise forms.ValidationError(f"Of {said} no holidays of its own are known. {_of_regions(country, holidays.regions_of(country))}")
        return place[3:]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        country, region = cleaned.get("country", ""), cleaned.get("region", "")
        cleaned["name"] = (cleaned.get("name") or "").strip() or (f"{country}-{region}" if region else country)
        if not cleaned["name"] and not self.errors:
            self.add_error("name", "Give it a name, or a country.")
        return cleaned


def _of_regions(country: str, regions: Iterable[str]) -> str:
    return f"Of {country} there are {', '.join(sorted(regions)) or 'none'}."


@admin.register(HolidayCalendar)
class HolidayCalendarAdmin(ModelAdmin[HolidayCalendar]):
    form = CalendarForm
    list_display = ("name", "country", "region")
    list_filter = ("country",)
    search_fields = ("name",)
    inlines = (HolidayInline,)
    actions = ("complete",)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """A year for which nobody wrote down a day gets the public holidays of the place; other closed days, or another name, are another
        configuration of the campaigns that call by them."""
        super().save_related(request, form, formsets, change)
        # a day that is added while it is made is one more, and no year that somebody has looked through
        if new := form.instance.fill(since=timezone.now().year, missing_too=not change):
            messages.success(request, f"{new} public holidays of {form.instance.place} were added.")
        _edited(request, control.closed_by({form.instance.name, form.initial.get("name", form.instance.name)}))

    def delete_model(self, request: HttpRequest, obj: HolidayCalendar) -> None:
        super().delete_model(request, obj)
        _edited(request, control.closed_by([obj.name]))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[HolidayCalendar]) -> None:
        gone = [calendar.name for calendar in queryset]
        with transaction.atomic():
            super().delete_queryset(request, queryset)
            _edited(request, control.closed_by(gone))

    @admin.action(description="Add the public holidays that are missing", permissions=["change"])
    def complete(self, request: HttpRequest, chosen: QuerySet[HolidayCalendar]) -> None:
        """Also those that somebody took away: for a calendar whose place was changed, or when a new version of the product knows more days."""
        with transaction.atomic():
            new = {calendar.name: calendar.fill(since=timezone.now().year, missing_too=True) for calendar in chosen}
            _edited(request, control.closed_by(new))
        messages.success(request, f"{sum(new.values())} public holidays were added.")


@admin.register(CampaignExclusion)
class CampaignExclusionAdmin(Ledger[CampaignExclusion]):
    list_display = ("contact", "campaign", "created_at", "created_by")
    list_filter = ("campaign",)
    list_select_related = ("contact", "campaign", "created_by")
    search_fields = ("contact__last_name", "contact__company")
    ordering = ("-created_at",)


class RulePackForm(ModelForm[RulePack]):
    """A rule that cannot be read, or a calendar that does not exist, is refused beside the field."""

    class Meta:
        model = RulePack
        fields = ("name", "version", "jurisdiction", "purposes", "effective_from", "effective_to", "rules", "sources", "enabled")
        help_texts = {
            "jurisdiction": "* for everywhere, a country such as GB, or a region such as US-FL, DE-BY or GB-SCT",
            "rules": 'such as [{"kind": "frequency_cap", "scope": "person", "count": 3, "hours": 24, "source": "…"}]; docs/compliance.md has all kinds',
        }

    def clean_rules(self) -> list[dict[str, Any]]:
        rules: list[dict[str, Any]] = self.cleaned_data["rules"]
        try:
            read = [rule_from(rule) for rule in rules]
        except (ValueError, AttributeError) as wrong:
            raise forms.ValidationError(f"These rules cannot be read: {wrong}") from None
        for rule in read:
            if isinstance(rule, BlockedDays) and not (
                HolidayCalendar.objects.filter(name=rule.calendar).exists() or holidays.has_days(rule.calendar)
            ):
                raise forms.ValidationError(f"There is no calendar {rule.calendar}. Make it first, or name a place such as DE or DE-BY.")
            if isinstance(rule, Destinations) and (unknown := [code for code in rule.countries if country_code(code) != code]):
                raise forms.ValidationError(f"{', '.join(unknown)}: not the two letters of a country, such as GB.")
        return rules

    def clean_jurisdiction(self) -> str:
        """One that is misspelt would apply to nobody."""
        said = str(self.cleaned_data["jurisdiction"]).strip().upper()
        country, _, region = said.partition("-")
        if said == EVERYWHERE or said in regions_within(country) or (len(said) == 2 and country_code(said) == said):
            return said
        if region and country_code(country) == country:
            meant = state_named(region, country)
            instead = f" Write {meant}." if meant else f" {_of_regions(country, regions_within(country))}"
            raise forms.ValidationError(f"{said} is no region the packs know.{instead}")
        meant = country_code(said)
        instead = f" Write {meant}." if meant else ""
        raise forms.ValidationError(f"{said} is no place the packs know: * for everywhere, a country such as GB, or a region such as US-FL.{instead}")

    def clean_purposes(self) -> list[str]:
        """One that no campaign has would concern no call."""
        said: list[str] = self.cleaned_data["purposes"] or []
        if unknown := [purpose for purpose in said if purpose not in Campaign.CallPurpose.values]:
            raise forms.ValidationError(f"{', '.join(unknown)}: no call is for that. Use {', '.join(Campaign.CallPurpose.values)}; empty: all calls.")
        return said

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        begins, ends = cleaned.get("effective_from"), cleaned.get("effective_to")
        if begins and ends and ends <= begins:
            self.add_error("effective_to", "It would end before it begins, and never hold. Choose a later day, or leave it empty.")
        return cleaned


@admin.register(RulePack)
class RulePackAdmin(ModelAdmin[RulePack]):
    form = RulePackForm
    list_display = ("name", "version", "jurisdiction", "purposes", "effective_from", "effective_to", "enabled")
    list_filter = ("enabled", "jurisdiction")
    search_fields = ("name", "jurisdiction")
    ordering = ("name", "-version")
    fields = ("name", "version", "jurisdiction", "purposes", "effective_from", "effective_to", "what_it_asks", "rules", "sources", "enabled")
    readonly_fields = ("what_it_asks",)
    actions = ("new_version",)

    @admin.display(description="what it asks")
    def what_it_asks(self, pack: RulePack) -> str:
        if not pack.rules:
            return "-"
        told = ((in_words(rule_from(rule)), rule.get("source", "")) for rule in pack.rules)
        return format_html_join("", "<p>{} <span class='text-base-400'>{}</span></p>", told)

    def save_model(self, request: HttpRequest, obj: RulePack, form: Any, change: bool) -> None:
        """A calendar that is named after a place is there as soon as a rule names it."""
        super().save_model(request, obj, form, change)
        for rule in map(rule_from, obj.rules):
            if isinstance(rule, BlockedDays) and holidays.has_days(rule.calendar):
                country, _, region = rule.calendar.partition("-")
                calendar, made = HolidayCalendar.objects.get_or_create(name=rule.calendar, defaults={"country": country, "region": region})
                if made:
                    days = calendar.fill(since=timezone.now().year)
                    messages.success(request, f"The calendar {calendar} was made, with {days} public holidays.")
                    _edited(request, control.closed_by([calendar.name]))

    @admin.action(description="Make a new version of it", permissions=["add"])
    def new_version(self, request: HttpRequest, chosen: QuerySet[RulePack]) -> HttpResponse | None:
        """A copy that can be changed, not enabled, pinned by nobody."""
        made = []
        for pack in chosen:
            newest = RulePack.objects.filter(name=pack.name).order_by("-version").values_list("version", flat=True)[0]
            pack.pk, pack.version, pack.enabled = None, newest + 1, False
            pack._state.adding = True
            pack.save()
            made.append(pack)
        messages.success(request, f"Made: {', '.join(map(str, made))}. Change what is to change, enable it, and pin it in its campaigns.")
        return HttpResponseRedirect(reverse("admin:campaigns_rulepack_change", args=[made[0].pk])) if len(made) == 1 else None

    def in_use(self, pack: RulePack | None) -> bool:
        """By a campaign now, or by any version of one: permits name it, and say what it said."""
        if pack is None:
            return False
        return pack.campaigns.exists() or CampaignVersion.objects.filter(settings__rule_packs__contains=[str(pack)]).exists()

    def has_change_permission(self, request: HttpRequest, obj: RulePack | None = None) -> bool:
        """A pack in use stays as it is, since permits name it: a change is a new version, which campaigns then pin."""
        return super().has_change_permission(request, obj) and not self.in_use(obj)

    def has_delete_permission(self, request: HttpRequest, obj: RulePack | None = None) -> bool:
        return super().has_delete_permission(request, obj) and not self.in_use(obj)


class ValidationServiceForm(ModelForm[ValidationService]):
    """The secret is written and never shown; it lies sealed."""

    secret = forms.CharField(
        required=False,
        max_length=500,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text="the value of the header, such as Bearer …; left empty, the one there stays",
    )
    forget_secret = forms.BooleanField(required=False, help_text="ask without a secret from now on")

    class Meta:
        model = ValidationService
        fields = ("name", "url", "header", "timeout", "fresh_minutes", "enabled")

    def clean_url(self) -> str:
        url: str = self.cleaned_data["url"].strip()
        if why := outgoing.may_be_asked(url):
            raise forms.ValidationError(why)
        return url

    def clean_header(self) -> str:
        header: str = self.cleaned_data["header"].strip()
        if header and not re.fullmatch(r"[A-Za-z0-9-]+", header):
            raise forms.ValidationError("A header's name has letters, digits and hyphens only.")
        return header

    def clean_secret(self) -> str:
        secret: str = self.cleaned_data["secret"].strip()
        if not secret.isascii() or not secret.isprintable():
            raise forms.ValidationError("A secret that travels in a header has printable ASCII characters only.")
        return secret

    def save(self, commit: bool = True) -> ValidationService:
        if secret := self.cleaned_data["secret"]:
            self.instance.sealed_secret = seal.seal(secret)
        elif self.cleaned_data["forget_secret"]:
            self.instance.sealed_secret = ""
        return super().save(commit)


@admin.register(ValidationService)
class ValidationServiceAdmin(ModelAdmin[ValidationService]):
    form = ValidationServiceForm
    fieldsets = (
        (None, {"fields": ("name", "url", "enabled")}),
        ("How it is asked", {"fields": ("header", "secret", "forget_secret", "timeout", "fresh_minutes")}),
        ("How it stands", {"fields": ("stands", "answered_at", "wanted")}),
    )
    readonly_fields = ("stands", "answered_at", "wanted")
    list_display = ("name", "url", "stands", "answered_at", "wanted")
    search_fields = ("name", "url")

    def get_fieldsets(self, request: HttpRequest, obj: ValidationService | None = None) -> Any:
        return self.fieldsets if obj else self.fieldsets[:2]

    @admin.display(description="how it stands")
    def stands(self, service: ValidationService) -> str:
        if not service.enabled:
            return "Switched off: its campaigns are held."
        if not service.failures:
            return "It answers." if service.answered_at else "It was not asked yet."
        since = f" since {service.failing_since:%Y-%m-%d %H:%M:%S} UTC" if service.failing_since else ""
        if Breaker(service.failures).is_open:
            return f"Unavailable{since}: {service.problem}. Its campaigns are held; it is asked again by itself."
        return f"The last question failed: {service.problem}."

    @admin.display(description="numbers that wait for a verdict")
    def wanted(self, service: ValidationService) -> int:
        return service.checks.filter(wanted_at__isnull=False).count()

    def has_delete_permission(self, request: HttpRequest, obj: ValidationService | None = None) -> bool:
        """One that a campaign asks cannot go: it would be called unasked."""
        return super().has_delete_permission(request, obj) and not (obj is not None and obj.campaigns.exists())


@admin.register(NumberCheck)
class NumberCheckAdmin(Ledger[NumberCheck]):
    list_display = ("checked_at", "service", "verdict", "valid_until", "wanted_at")
    list_filter = ("service", "verdict", "checked_at")
    list_select_related = ("service",)
    search_fields = ("=number_key",)
    ordering = ("-checked_at",)


@admin.register(SpendLimit)
class SpendLimitAdmin(ModelAdmin[SpendLimit]):
    """What calls may cost a day. Reached, dialing is held with the cause under the campaign's status; it goes on the next day by itself."""

    list_display = ("whose", "per_day", "time_zone", "today")
    list_select_related = ("campaign",)
    autocomplete_fields = ("campaign",)
    readonly_fields = ("today",)
    fields = ("campaign", "per_day", "time_zone", "today")

    @admin.display(description="whose")
    def whose(self, limit: SpendLimit) -> str:
        return limit.campaign.name if limit.campaign else "the whole organisation"

    @admin.display(description="spent today")
    def today(self, limit: SpendLimit) -> str:
        if limit.pk is None:
            return ""
        known = Limit(limit.pk, limit.per_day, limit.time_zone, limit.campaign_id)
        stands, _ = spending.read([known], [], now=timezone.now())
        return f"{stands[limit.pk].amount:.2f}"
