"""What can be wrong with what the consoles stand on before anything runs."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from agents.messages import HEARTBEAT, SILENCE


@register()
def screens_outlive_an_emptied_redis(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    backend = settings.CHANNEL_LAYERS.get("default", {}).get("BACKEND", "")
    if backend != "channels_redis.core.RedisChannelLayer":
        return []
    return [
        Error(
            "This channel layer forgets its groups when Redis is emptied: screens would never be told anything again.",
            hint="Use channels_redis.pubsub.RedisPubSubChannelLayer in CHANNEL_LAYERS.",
            id="agents.E001",
        )
    ]


@register()
def silence_is_longer_than_a_heartbeat(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    if SILENCE > 2 * HEARTBEAT:
        return []
    return [
        Error(
            f"A screen counts as gone after {SILENCE} seconds and says it is there every {HEARTBEAT}: one lost heartbeat would end its shift.",
            hint="Let SILENCE be more than two heartbeats, in agents/messages.py.",
            id="agents.E002",
        )
    ]
