"""Agents now: who is in a conversation, and listening to it; and the ledger of who listened."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from agents.desk import Refusal
from agents.models import Session, Station, User
from campaigns.flow import supervise
from campaigns.models import Supervision
from campaigns.screens import shown
from dialer_project.lib import sql
from dialer_project.lib.admin import Ledger

MAY = {"listen": "campaigns.listen_in", "whisper": "campaigns.whisper", "barge": "campaigns.barge_in"}
WORDS = {"listen": "Listen", "whisper": "Whisper", "barge": "Join"}
STATION = "supervisor_station"  # in the session: the phone chosen last

_NOW = """
    SELECT s.agent_id, concat_ws(' ', u.first_name, u.last_name) AS name, u.username, t.name AS station, s.voice_ready OR s.preview_ready AS ready,
        s.changed_at, i.id AS work_id, i.phase, i.phase_since, i.card, i.held, k.name AS campaign, c.connected_at, c.state = 'connected' AS talking,
        v.id AS supervision_id, v.how, v.state AS supervision
    FROM agents_session s JOIN agents_agent a ON a.id = s.agent_id JOIN agents_user u ON u.id = a.user_id
    LEFT JOIN agents_station t ON t.id = s.station_id
    LEFT JOIN agents_interaction i ON i.agent_id = s.agent_id AND i.phase <> 'closed'
    LEFT JOIN campaigns_campaign k ON k.id = i.campaign_id LEFT JOIN telephony_call c ON c.id = i.call_id
    LEFT JOIN campaigns_supervision v ON v.interaction_id = i.id AND v.user_id = %s AND v.state <> 'ended'
    WHERE s.signed_in_at IS NOT NULL ORDER BY (c.state = 'connected') DESC NULLS LAST, c.connected_at, u.username LIMIT 500
"""


@admin.register(Supervision)
class SupervisionAdmin(Ledger[Supervision]):
    list_display = ("asked_at", "user", "how", "agent", "campaign", "call", "state", "began_at", "ended_at")
    list_filter = ("how", "state", "asked_at", "campaign")
    list_select_related = ("user", "agent__user", "campaign", "call")
    search_fields = ("user__username", "agent__user__username", "=call__id", "=call__address")
    ordering = ("-asked_at",)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(require_http_methods(["GET", "POST"])(self.agents_now))
        return [path("now/", view, name="campaigns_supervision_now"), *super().get_urls()]

    def agents_now(self, request: HttpRequest) -> HttpResponse:
        may = [how for how, permission in MAY.items() if request.user.has_perm(permission)]
        if not may or not isinstance(request.user, User):
            raise PermissionDenied
        if request.method == "POST":
            self._do(request, request.user, may)
            return HttpResponseRedirect(reverse("admin:campaigns_supervision_now"))
        taken = Session.objects.filter(signed_in_at__isnull=False, station__isnull=False).values("station_id")
        context = {
            **self.admin_site.each_context(request),
            "title": "Agents now",
            "opts": self.opts,
            "rows": [self._row(row) for row in sql.rows(_NOW, [request.user.pk])],
            "ways": [(how, WORDS[how]) for how in may],
            "stations": Station.objects.exclude(pk__in=taken).order_by("name"),
            "station": request.session.get(STATION),
            "now": timezone.now(),
        }
        return render(request, "admin/campaigns/supervision/now.html", context)

    def _do(self, request: HttpRequest, user: User, may: list[str]) -> None:
        how, station, work = request.POST.get("how", ""), request.POST.get("station", ""), request.POST.get("interaction", "")
        if how == "stop":
            answer: Any = supervise.stop(user.pk, now=timezone.now())
        elif how not in may:
            raise PermissionDenied
        else:
            if station.isdecimal():
                request.session[STATION] = int(station)
            chosen = request.session.get(STATION) or 0
            known = sql.rows("SELECT id FROM agents_interaction WHERE id::text = %s", [work])
            answer = supervise.supervise(user.pk, known[0].id, how, station_id=chosen, now=timezone.now()) if known else supervise.OVER
        if isinstance(answer, Refusal):
            messages.error(request, answer.sentence)

    @staticmethod
    def _row(row: sql.Row) -> dict[str, Any]:
        card = sql.loaded(row.card) if row.card else {}
        return {
            "agent": row.name or row.username,
            "station": row.station or "",
            "doing": (row.phase or ("ready" if row.ready else "not ready")).replace("_", " "),
            "since": row.phase_since or row.changed_at,
            "campaign": row.campaign or "",
            "customer": card.get("name", ""),
            "number": shown(str(card["number"]), whole=False) if card.get("number") else "",
            "held": row.held,
            "talking": row.talking and row.phase == "connected",
            "interaction": row.work_id,
            "how": row.how if row.supervision_id else "",
            "calling": row.supervision == "calling",
        }
