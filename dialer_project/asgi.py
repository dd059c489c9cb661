"""The web: HTTP through Django, websockets through Channels."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dialer_project.settings")
http = get_asgi_application()  # first: it loads the apps, whose models the consumers need

from channels.auth import AuthMiddlewareStack  # noqa: E402  (after the apps)
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402  (after the apps)
from channels.security.websocket import AllowedHostsOriginValidator  # noqa: E402  (after the apps)
from django.urls import path  # noqa: E402  (after the apps)

from campaigns import facts  # noqa: E402  (after the apps)
from campaigns.consumers import AgentConsole  # noqa: E402  (after the apps)

facts.read_ahead()

websocket = AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter([path("ws/agent/", AgentConsole.as_asgi())])))

application = ProtocolTypeRouter({"http": http, "websocket": websocket})
