"""Every address of the product."""

from django.contrib import admin
from django.db import Error as DatabaseError
from django.http import HttpRequest, HttpResponse
from django.urls import include, path

from agents import views
from campaigns import api
from campaigns.views import recording
from dialer_project.lib import redis, sql
from telephony import nodes


def healthy(request: HttpRequest) -> HttpResponse:
    """Whether requests can be dealt with here: for whoever spreads them."""
    try:
        sql.rows("SELECT 1 AS there")
        redis.hot().ping()
    except (DatabaseError, redis.Unavailable) as away:
        return HttpResponse(f"{type(away).__name__}\n", content_type="text/plain", status=503)
    return HttpResponse("ok", content_type="text/plain")


admin.autodiscover()

urlpatterns = [
    path("", views.home, name="home"),
    path("console/", views.console_page, {"phones_at": nodes.browser_addresses}, name="console"),
    path("console/language/", views.speak, name="speak"),
    path("sign-in/", views.SignIn.as_view(), name="sign_in"),
    path("sign-out/", views.SignOut.as_view(), name="sign_out"),
    path("recordings/<int:recording_id>/", recording, name="recording"),
    path("admin/", admin.site.urls),
    path("api/", include(api.urlpatterns)),
    path("healthz", healthy, name="healthy"),
]
