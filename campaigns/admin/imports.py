"""People to call and numbers not to call, from files: give a file, watch it being read, fetch the rows left out."""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO, cast

from django import forms
from django.contrib import admin
from django.core.files.uploadedfile import UploadedFile
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from unfold.widgets import UnfoldAdminSingleDateWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget, UnfoldBooleanSwitchWidget

from campaigns import imports
from campaigns.imports import Options
from campaigns.imports.reading import Unreadable, inspect
from campaigns.models import Campaign, ListImport
from campaigns.rules.countries import country_code
from campaigns.rules.lifecycle import CampaignState
from dialer_project.lib import wake
from dialer_project.lib.admin import ModelAdmin, ModelForm

UNFINISHED = (ListImport.State.WAITING, ListImport.State.RUNNING)
REFRESH = "2"  # seconds


class ImportForm(ModelForm[ListImport]):
    """What is asked when a file is given; a file that cannot be a list is refused at once."""

    list_name = forms.CharField(max_length=160, required=False, help_text="the calling list to fill; empty: one named as the file")
    register = forms.CharField(
        max_length=40,
        required=False,
        help_text="the file is the whole of this register, such as us-national, and replaces its last version; empty: the numbers are added to "
        "our own list",
    )
    reason = forms.CharField(max_length=200, required=False, help_text="for rows that name none of their own")
    expires = forms.DateField(required=False, help_text="the last day they are not called, for rows that name none; empty: for good")
    as_of = forms.DateField(
        required=False,
        label="As of",
        help_text="the day on which the register's keeper gave this file out, from which its age is counted; empty: today",
    )
    shorter = forms.BooleanField(
        required=False,
        label="Much shorter",
        help_text="the register has really lost more than half of its numbers, or has none; else such a file is not believed",
    )
    country = forms.CharField(
        label="Default country",
        max_length=60,
        required=False,
        help_text="where numbers without a country code are at home, such as GB; empty: where the campaign's caller ID is, if there is one",
    )
    encoding = forms.CharField(max_length=30, required=False, help_text="empty: found out")
    delimiter = forms.CharField(max_length=10, required=False, help_text="comma, semicolon, tab or pipe; empty: found out")
    mapping = forms.CharField(
        label="Columns",
        required=False,
        help_text="one “Header=field” a line where a column is not recognised, such as “Work no.=phone:work”",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )

    class Meta:
        model = ListImport
        fields = ("kind", "campaign", "file", "dry_run")
        help_texts = {
            "campaign": "people: who calls them; numbers not to call: which campaign may not call them, empty: none in the organisation may"
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "kind" in self.fields:
            self.fields["kind"].required = False  # who says nothing brings people

    def clean_country(self) -> str:
        said = str(self.cleaned_data["country"]).strip()
        if said and not country_code(said):
            raise forms.ValidationError(f"“{said}” is not a country. Use its two letters, such as GB or US.")
        return country_code(said)

    def clean_mapping(self) -> dict[str, str]:
        told = {}
        for line in str(self.cleaned_data["mapping"]).splitlines():
            header, separator, field = line.rpartition("=")
            if line.strip() and not (separator and header.strip()):
                raise forms.ValidationError(f"“{line.strip()}” is no mapping. Write it as Header=field.")
            if line.strip():
                told[header.strip()] = field.strip()
        return told

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        cleaned["kind"] = cleaned.get("kind") or ListImport.Kind.LEADS
        if not self.errors and (why := imports.refusal(ListImport.Kind(cleaned["kind"]), cleaned["campaign"], self.options())):
            self.add_error("register" if cleaned["kind"] == ListImport.Kind.DO_NOT_CALL else "campaign", why)
        file = cleaned.get("file")
        if isinstance(file, UploadedFile) and file.file is not None:
            script = inspect(cast(BinaryIO, file.file), encoding=str(cleaned.get("encoding", "")), delimiter=str(cleaned.get("delimiter", "")))
            if isinstance(script, Unreadable):
                self.add_error("file", script.why)
            file.seek(0)
        return cleaned

    def options(self) -> Options:
        told = self.cleaned_data
        given = {name: told[name] for name in ("country", "encoding", "delimiter", "mapping")}
        if told["kind"] == ListImport.Kind.DO_NOT_CALL:
            expires = told["expires"].isoformat() if told["expires"] else ""
            as_of = told["as_of"].isoformat() if told["as_of"] else ""
            return Options(**given, register=told["register"].strip(), reason=told["reason"], expires=expires, as_of=as_of, shorter=told["shorter"])
        return Options(**given, list_name=told["list_name"])


@admin.register(ListImport)
class ListImportAdmin(ModelAdmin[ListImport]):
    """A page that is being watched fetches itself again until there is nothing more to see."""

    form = ImportForm
    list_display = (
        "file_name",
        "kind",
        "campaign",
        "shown_state",
        "progress",
        "rows",
        "accepted",
        "duplicates",
        "rejected",
        "left_out",
        "created_at",
    )
    list_filter = ("kind", "state", "dry_run", "campaign")
    list_select_related = ("campaign",)
    search_fields = ("file_name", "campaign__name")
    ordering = ("-id",)
    add_fieldsets = (
        (None, {"fields": ("kind", "campaign", "list_name", "register", "as_of", "reason", "expires", "shorter", "file", "country", "dry_run")}),
        ("Where the file needs help", {"fields": ("encoding", "delimiter", "mapping")}),
    )
    conditional_fields = {
        "list_name": "kind == 'leads'",
        **dict.fromkeys(("register", "as_of", "reason", "expires", "shorter"), "kind == 'do_not_call'"),
    }
    fieldsets = (
        (None, {"fields": ("kind", "campaign", "calling_list", "register", "file_name", "shown_state", "problem", "progress")}),
        ("Rows", {"fields": ("rows", "accepted", "duplicates", "rejected", "left_out")}),
        ("How it was read", {"fields": ("written", "columns", "created_at", "created_by", "finished_at")}),
    )

    def get_fieldsets(self, request: HttpRequest, obj: ListImport | None = None) -> Any:
        return self.fieldsets if obj else self.add_fieldsets

    def get_readonly_fields(self, request: HttpRequest, obj: ListImport | None = None) -> Any:
        return [name for _, part in self.fieldsets for name in part["fields"]] if obj else ()

    def has_change_permission(self, request: HttpRequest, obj: ListImport | None = None) -> bool:
        return False  # what was read stays as it was

    def has_delete_permission(self, request: HttpRequest, obj: ListImport | None = None) -> bool:
        return super().has_delete_permission(request, obj) and (obj is None or obj.state not in UNFINISHED)

    def get_form(self, request: HttpRequest, obj: ListImport | None = None, change: bool = False, **kwargs: Any) -> Any:
        if obj:
            return super().get_form(request, obj, change, **{**kwargs, "form": forms.ModelForm})
        form = super().get_form(request, obj, change, **kwargs)
        for name in ("list_name", "register", "reason", "country", "encoding", "delimiter"):
            form.base_fields[name].widget = UnfoldAdminTextInputWidget()
        form.base_fields["expires"].widget = UnfoldAdminSingleDateWidget()
        form.base_fields["as_of"].widget = UnfoldAdminSingleDateWidget()
        form.base_fields["shorter"].widget = UnfoldBooleanSwitchWidget()
        return form

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "campaign":
            kwargs["queryset"] = Campaign.objects.exclude(state__in=(CampaignState.STOPPED, CampaignState.COMPLETED))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def save_model(self, request: HttpRequest, obj: ListImport, form: Any, change: bool) -> None:
        obj.file_name = Path(str(obj.file.name)).name[-200:]
        obj.bytes_total = obj.file.size
        obj.options = form.options().to_json()
        obj.created_by_id = request.user.pk
        super().save_model(request, obj, form, change)
        wake.read_import(obj.pk)

    def response_add(self, request: HttpRequest, obj: ListImport, post_url_continue: str | None = None) -> HttpResponse:
        """Straight to where it can be watched."""
        super().response_add(request, obj, post_url_continue)  # its message is shown there
        return HttpResponseRedirect(reverse("admin:campaigns_listimport_change", args=[obj.pk]))

    # -- what is shown --

    @admin.display(description="register")
    def register(self, record: ListImport) -> str | None:
        return str(record.options.get("register", "")) or None

    @admin.display(description="state", ordering="state")
    def shown_state(self, record: ListImport) -> str:
        state = ListImport.State(record.state).label
        return f"{state} (dry run: nothing is brought in)" if record.dry_run else str(state)

    @admin.display(description="progress")
    def progress(self, record: ListImport) -> str:
        done = 100 * record.bytes_read // record.bytes_total if record.bytes_total else 100 * (record.state == ListImport.State.DONE)
        seconds = float(record.reading.get("seconds", 0))
        speed = f"{record.rows / seconds:,.0f} rows/s" if seconds else ""
        return format_html(
            '<progress max="100" value="{}" aria-label="progress of {}">{} %</progress> {} % {}', done, record.file_name, done, done, speed
        )

    @admin.display(description="rows left out")
    def left_out(self, record: ListImport) -> str | None:
        if not record.rejects or not (record.rejected or record.duplicates):
            return None
        link = reverse("admin:campaigns_listimport_rejects", args=[record.pk])
        return format_html('<a href="{}" download>Download with line and reason</a>', link)

    @admin.display(description="written in")
    def written(self, record: ListImport) -> str | None:
        script = record.reading.get("script")
        names = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}
        return f"{script['encoding']}, {names.get(script['delimiter'], script['delimiter'])}" if script else None

    @admin.display(description="columns")
    def columns(self, record: ListImport) -> str | None:
        layout = record.reading.get("layout")
        if not layout:
            return None
        known = (f"{header}: {':'.join(filter(None, (field, kind)))}" for header, field, kind in layout["columns"] if field != "extra" or kind)
        return f"{layout['flavour']} list — {', '.join(known)}"

    # -- pages --

    def get_urls(self) -> list[URLPattern]:
        own = path("<int:import_id>/rejects/", self.admin_site.admin_view(self.rejects_view), name="campaigns_listimport_rejects")
        return [own, *super().get_urls()]

    def rejects_view(self, request: HttpRequest, import_id: int) -> FileResponse:
        record = ListImport.objects.filter(pk=import_id).first()
        if record is None or not record.rejects or not self.has_view_permission(request, record):
            raise Http404
        name = f"{Path(record.file_name).stem}-rows-left-out.csv"
        return FileResponse(record.rejects.open("rb"), as_attachment=True, filename=name, content_type="text/csv; charset=utf-8")

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        answer = super().change_view(request, object_id, form_url, extra_context)
        if object_id.isdecimal() and ListImport.objects.filter(pk=object_id, state__in=UNFINISHED).exists():
            answer["Refresh"] = REFRESH
        return answer

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        answer = super().changelist_view(request, extra_context)
        if request.method == "GET" and ListImport.objects.filter(state__in=UNFINISHED).exists():
            answer["Refresh"] = REFRESH
        return answer
