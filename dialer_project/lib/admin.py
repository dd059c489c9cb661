"""The one place that knows the admin's theme: every admin page of ours is made of these."""

from typing import TYPE_CHECKING, Any, TypeVar

from django.db.models import Model
from django.http import HttpRequest

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin, StackedInline, TabularInline
    from django.forms import ModelForm
else:
    from django import forms
    from unfold import admin as theme
    from unfold import widgets

    # a field that a form declares itself comes with Django's own widget, whose frame the theme does not draw
    _THEMED = {
        forms.TextInput: widgets.UnfoldAdminTextInputWidget,
        forms.Textarea: widgets.UnfoldAdminTextareaWidget,
        forms.PasswordInput: widgets.UnfoldAdminPasswordWidget,
        forms.CheckboxInput: widgets.UnfoldBooleanSwitchWidget,
    }

    class _Of:
        """Lets `ModelAdmin[Campaign]` say whose it is, as the stubs do."""

        def __class_getitem__(cls, model: object) -> type:
            return cls

    class ModelForm(_Of, forms.ModelForm):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            for field in self.fields.values():
                if themed := _THEMED.get(type(field.widget)):
                    plain, field.widget = field.widget, themed(attrs=field.widget.attrs)
                    field.widget.is_required, field.widget.is_localized = plain.is_required, plain.is_localized

    class ModelAdmin(_Of, theme.ModelAdmin):
        list_filter_submit = True
        show_full_result_count = False  # counting a ledger twice for one page is too slow

    class StackedInline(_Of, theme.StackedInline):
        extra = 0

    class TabularInline(_Of, theme.TabularInline):
        extra = 0


__all__ = ["Ledger", "LedgerInline", "ModelAdmin", "ModelForm", "StackedInline", "TabularInline"]

M = TypeVar("M", bound=Model)


class Ledger(ModelAdmin[M]):
    """What happened: to be read and searched, never written by hand."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class LedgerInline(TabularInline[Any, Any]):
    """The same, beside what it is about."""

    extra = 0
    can_delete = False
    show_change_link = True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
