"""What goes with a record, where it came from, and what must leave the house."""

from typing import Any

from django import forms
from django.contrib import admin

from campaigns.models import CallRequest, LiveSource, Outbox, Survey, SurveyAnswer
from campaigns.rules.forms import survey_from
from dialer_project.lib.admin import Ledger, ModelAdmin, ModelForm


class SurveyForm(ModelForm[Survey]):
    class Meta:
        model = Survey
        fields = "__all__"
        help_texts = {
            "form": "Sections with a text to read out and questions. Each question has a key, a label, a kind (text, checkbox, datetime, choice), choices, "
            'required, and only_if: {"question": "an earlier key", "is": ["its answers"]}.'
        }

    def clean_form(self) -> Any:
        form = self.cleaned_data["form"]
        read = survey_from(form)
        if isinstance(read, list):
            raise forms.ValidationError(read)
        return form


@admin.register(Survey)
class SurveyAdmin(ModelAdmin[Survey]):
    form = SurveyForm
    list_display = ("campaign",)
    list_select_related = ("campaign",)
    autocomplete_fields = ("campaign",)
    search_fields = ("campaign__name",)


@admin.register(SurveyAnswer)
class SurveyAnswerAdmin(Ledger[SurveyAnswer]):
    list_display = ("lead", "saved_at", "draft")
    list_filter = ("draft", "saved_at")
    search_fields = ("=lead__id",)
    ordering = ("-saved_at",)


@admin.register(CallRequest)
class CallRequestAdmin(Ledger[CallRequest]):
    """Who asked to be called through another program."""

    list_display = ("asked_at", "campaign", "e164", "lead", "key", "by")
    list_select_related = ("campaign", "lead", "by")
    list_filter = ("campaign", "asked_at")
    search_fields = ("=e164", "=key", "=lead__id")
    ordering = ("-asked_at",)


@admin.register(LiveSource)
class LiveSourceAdmin(ModelAdmin[LiveSource]):
    list_display = ("campaign", "kind", "poll_minutes", "polled_at", "next_poll_at", "problem")
    list_select_related = ("campaign",)
    list_filter = ("kind",)
    autocomplete_fields = ("campaign",)
    search_fields = ("campaign__name", "kind")
    readonly_fields = ("cursor", "next_poll_at", "polled_at", "problem")


@admin.register(Outbox)
class OutboxAdmin(Ledger[Outbox]):
    list_display = ("due_at", "topic", "key", "runs", "done_at", "problem")
    list_filter = ("topic", "done_at")
    search_fields = ("=id", "key")
    ordering = ("-due_at",)
