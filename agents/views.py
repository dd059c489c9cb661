"""The pages: signing in, and the console, which is one page with everything in it."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import views as auth_views
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.urls import reverse
from django.utils import translation
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_POST, require_safe

from agents import console, messages
from agents.models import Agent, User
from dialer_project.lib import words

BUILT = Path(__file__).parent / "static" / "console"
# no inline script, nothing from elsewhere; the page talks to its own server alone, and as a phone to the telephone systems that take pages
POLICY = (
    "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self';"
    " connect-src 'self'{phones}; media-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


class NotBuilt(Exception):
    """The console's front end was not built yet."""


@require_safe
@login_required
def home(request: HttpRequest) -> HttpResponse:
    """Agents come to work, staff to administer."""
    if _agent_of(request) is None and request.user.is_staff:
        return redirect("admin:index")
    return redirect("console")


@never_cache
@ensure_csrf_cookie
@require_safe
@login_required
def console_page(request: HttpRequest, phones_at: Callable[[], Sequence[str]]) -> HttpResponse:
    """phones_at: the addresses at which a page may be a phone."""
    agent = _agent_of(request)
    if agent is None:
        return _page(request, "agents/no_agent.html", {"staff": request.user.is_staff}, status=403)
    try:
        script = _script()
    except NotBuilt:
        return _page(request, "agents/not_built.html", {}, status=503)
    boot = {
        "agent": str(agent),
        "protocol": messages.PROTOCOL,
        "heartbeat": messages.HEARTBEAT,
        "silence": messages.SILENCE,
        "socket": "/ws/agent/",
        "sign_in": reverse("sign_in"),
        "sign_out": reverse("sign_out"),
        "admin": reverse("admin:index") if request.user.is_staff else None,
        "languages": [{"code": code, "name": name} for code, name in settings.LANGUAGES],
        "speak": reverse("speak"),
        "catalogue": words.catalogue(translation.get_language() or settings.LANGUAGE_CODE),
    }
    return _page(request, "agents/console.html", {"boot": boot, "script": script}, phones=phones_at())


@never_cache
@require_POST
@login_required
def speak(request: HttpRequest) -> HttpResponse:
    """The agent's language from now on, wherever they sign in; answered with its catalogue, so that nothing needs to be reloaded."""
    language = request.POST.get("language", "")
    if language not in dict(settings.LANGUAGES):
        return HttpResponse(f"Choose one of {', '.join(dict(settings.LANGUAGES))}.", status=400, content_type="text/plain")
    assert isinstance(request.user, User)
    request.user.language = language
    request.user.save(update_fields=["language"])
    response = JsonResponse(words.catalogue(language))
    # the sign-in page of this browser speaks it too
    response.set_cookie(settings.LANGUAGE_COOKIE_NAME, language, max_age=365 * 86_400, secure=settings.HTTPS, httponly=True, samesite="Lax")
    return response


class SignIn(auth_views.LoginView):
    template_name = "agents/sign_in.html"
    redirect_authenticated_user = True
    next_page = "home"

    @method_decorator(never_cache)
    def dispatch(self, *args: Any, **kwargs: Any) -> Any:
        response = super().dispatch(*args, **kwargs)
        response["Content-Security-Policy"] = POLICY.format(phones="")
        return response


class SignOut(auth_views.LogoutView):
    next_page = "sign_in"

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        agent = _agent_of(request)
        response = super().post(request, *args, **kwargs)
        if agent is not None:
            console.shut_now(agent.pk, messages.Closed.SIGNED_OUT)
        return response


def _agent_of(request: HttpRequest) -> Agent | None:
    user = request.user
    return Agent.objects.select_related("user").filter(user=user).first() if user.is_authenticated else None


def _page(request: HttpRequest, template: str, context: dict[str, Any], *, status: int = 200, phones: Sequence[str] = ()) -> HttpResponse:
    response = render(request, template, context, status=status)
    response["Content-Security-Policy"] = POLICY.format(phones="".join(f" {address}" for address in phones))
    response["Permissions-Policy"] = "microphone=(self), camera=(), geolocation=()"
    return response


def _script() -> str:
    """The address of the console's built script, from the manifest that the build leaves."""
    try:
        manifest = json.loads((BUILT / "manifest.json").read_text())
        return static(f"console/{manifest['src/main.tsx']['file']}")
    except (OSError, ValueError, KeyError):
        raise NotBuilt from None
