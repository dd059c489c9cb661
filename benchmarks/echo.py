"""What Channels alone costs: a consumer that joins its agent's group, hands on what is told there, and says back what it is told. An ASGI
application, started as the product's own and beside it in the same run."""

from channels.auth import AuthMiddlewareStack
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.urls import path

from agents import console
from dialer_project.asgi import http  # the apps are loaded by it


class Echo(AsyncWebsocketConsumer):  # type: ignore[misc]  # channels has no types
    async def connect(self) -> None:
        self.group = console.group(self.scope["user"].pk)
        await self.channel_layer.group_add(self.group, self.channel_name)
        await self.accept()

    async def disconnect(self, code: int) -> None:
        await self.channel_layer.group_discard(self.group, self.channel_name)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        await self.send(text_data)

    async def screen_shown(self, told: dict[str, str]) -> None:
        await self.send(told["text"])


application = ProtocolTypeRouter({"http": http, "websocket": AuthMiddlewareStack(URLRouter([path("ws/agent/", Echo.as_asgi())]))})
