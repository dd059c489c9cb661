"""The web: HTTP through Django, websockets through Channels."""

import os

from channels.routing import ProtocolTypeRouter
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dialer_project.settings")

application = ProtocolTypeRouter({"http": get_asgi_application()})
