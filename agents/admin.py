"""The people in the admin: accounts, agents and what they are doing, their phones, and what they did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils import timezone
from knox.models import AuthToken
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from agents.models import Agent, Board, Command, Interaction, NotReadyReason, Session, StateChange, Team, User
from agents.rules.lifecycle import Phase, doing
from dialer_project.lib.admin import Ledger, ModelAdmin, StackedInline

admin.site.unregister(Group)
admin.site.unregister(AuthToken)

if TYPE_CHECKING:  # their theme is put in front of them; to the type checker they stay what they are
    _UserAdmin = DjangoUserAdmin[User]
    _GroupAdmin = DjangoGroupAdmin
else:

    class _UserAdmin(DjangoUserAdmin, ModelAdmin):
        pass

    class _GroupAdmin(DjangoGroupAdmin, ModelAdmin):
        pass


class AgentInline(StackedInline[Agent, User]):
    """An account with this is an agent's: it has a desk in the console."""

    model = Agent
    fields = ("team", "station", "may_use_number")
    verbose_name_plural = "agent"


@admin.register(User)
class UserAdmin(_UserAdmin):
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "first_name", "last_name", "is_agent", "is_staff", "is_superuser", "is_active", "last_login")
    inlines = (AgentInline,)
    list_select_related = ("agent",)

    @admin.display(boolean=True, description="agent")
    def is_agent(self, user: User) -> bool:
        return hasattr(user, "agent")


@admin.register(Group)
class GroupAdmin(_GroupAdmin):
    pass


@admin.register(AuthToken)
class TokenAdmin(ModelAdmin[Any]):
    """What another program signs in with, as the account it was made for. It is shown once, when it is made: kept is only its hash."""

    list_display = ("begins", "user", "created", "expiry")
    list_select_related = ("user",)
    search_fields = ("user__username",)
    fields = ("user", "expiry")

    @admin.display(description="begins with", ordering="token_key")
    def begins(self, token: Any) -> str:
        return f"{token.token_key[:8]}…"

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        return super().get_form(request, obj, change, help_texts={"expiry": "empty: a year from now"}, **kwargs)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Whoever makes a token for another account can do what that account can: superusers alone."""
        if db_field.name == "user" and isinstance(request.user, User) and not request.user.is_superuser:
            kwargs["queryset"] = User.objects.filter(pk=request.user.pk)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        lasts = {"expiry": obj.expiry - timezone.now()} if obj.expiry else {}
        made, token = AuthToken.objects.create(user=obj.user, **lasts)
        obj.digest, obj.token_key, obj.created, obj.expiry = made.digest, made.token_key, made.created, made.expiry
        obj._state.adding = False
        self.message_user(request, f"The token is {token} and is not shown again: copy it now.", messages.WARNING)


@admin.register(Team)
class TeamAdmin(ModelAdmin[Team]):
    search_fields = ("name",)


@admin.register(Agent)
class AgentAdmin(ModelAdmin[Agent]):
    list_display = ("__str__", "is_doing", "since", "reason", "team", "station")
    list_filter = ("team", "session__voice_ready", "session__present")
    list_select_related = ("user", "team", "station", "session__reason", "session__station")
    search_fields = ("user__username", "user__first_name", "user__last_name", "team__name")
    autocomplete_fields = ("user", "team", "station")
    ordering = ("user__username",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Agent]:
        in_hand = Interaction.objects.filter(agent=OuterRef("pk")).exclude(phase=Phase.CLOSED)
        return (
            super()
            .get_queryset(request)
            .annotate(phase=Subquery(in_hand.values("phase")[:1]), phase_since=Subquery(in_hand.values("phase_since")[:1]))
        )

    @admin.display(description="doing")
    def is_doing(self, agent: Any) -> str:
        session = getattr(agent, "session", None)
        phase = Phase(agent.phase) if agent.phase else None
        now_doing = doing(
            signed_in=bool(session and session.signed_in_at), ready=bool(session and (session.voice_ready or session.preview_ready)), phase=phase
        )
        return now_doing.replace("_", " ").capitalize()

    @admin.display(description="since")
    def since(self, agent: Any) -> Any:
        session = getattr(agent, "session", None)
        return agent.phase_since or (session.changed_at if session else None)

    @admin.display(description="reason")
    def reason(self, agent: Agent) -> str:
        session = getattr(agent, "session", None)
        return str(session.reason) if session and session.reason else ""

    def has_delete_permission(self, request: HttpRequest, obj: Agent | None = None) -> bool:
        """An agent who has worked stays in the ledger; their account is made inactive."""
        return super().has_delete_permission(request, obj) and not (obj and obj.interactions.exists())


@admin.register(NotReadyReason)
class NotReadyReasonAdmin(ModelAdmin[NotReadyReason]):
    list_display = ("label", "code", "system", "team", "counts_as_break", "max_minutes", "note_required", "position")
    list_filter = ("system", "team", "counts_as_break")
    search_fields = ("label", "code")
    readonly_fields = ("system",)

    def get_readonly_fields(self, request: HttpRequest, obj: NotReadyReason | None = None) -> tuple[str, ...]:
        return ("system", "code") if obj and obj.system else ("system",)

    def has_delete_permission(self, request: HttpRequest, obj: NotReadyReason | None = None) -> bool:
        """The system sets its own reasons by their code."""
        return super().has_delete_permission(request, obj) and not (obj and obj.system)


@admin.register(Session)
class SessionAdmin(Ledger[Session]):
    list_display = ("agent", "signed_in_at", "present", "voice_ready", "preview_ready", "reason", "station", "leg_state", "version")
    list_filter = ("present", "voice_ready", "leg_state")
    list_select_related = ("agent__user", "reason", "station")
    search_fields = ("agent__user__username", "agent__user__last_name")


@admin.register(Interaction)
class InteractionAdmin(Ledger[Interaction]):
    list_display = ("opened_at", "agent", "phase", "phase_since", "deadline", "origin", "outcome", "closed_at", "closed_because")
    list_filter = ("phase", "origin", "outcome", "closed_because", "opened_at")
    list_select_related = ("agent__user",)
    search_fields = ("=id", "=lead_id", "=call_id", "agent__user__username")
    ordering = ("-opened_at",)


@admin.register(StateChange)
class StateChangeAdmin(Ledger[StateChange]):
    list_display = ("at", "agent", "doing", "reason", "interaction_id")
    list_filter = ("doing", "reason", "at")
    list_select_related = ("agent__user",)
    search_fields = ("agent__user__username", "=interaction_id")
    ordering = ("-id",)


@admin.register(Command)
class CommandAdmin(Ledger[Command]):
    list_display = ("at", "agent", "kind", "answer")
    list_filter = ("kind", "at")
    list_select_related = ("agent__user",)
    search_fields = ("=id", "agent__user__username")
    ordering = ("-at",)


@admin.register(Board)
class BoardAdmin(Ledger[Board]):
    list_display = ("epoch", "rebuilt_at")
