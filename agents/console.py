"""What we tell an agent's screen: the whole small state, after the commit, with the version that the commit wrote.

Straight to Redis in the channel layer's own wire format, since the layer itself needs an event loop and the flow has none. Nothing here
raises: a message that was lost is found missing by the next heartbeat, which carries the version on the screen.
"""

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import phonenumbers
import redis
from channels.layers import get_channel_layer
from django.conf import settings
from django.utils import timezone
from redis.backoff import NoBackoff
from redis.retry import Retry

from agents import messages
from agents.rules.lifecycle import Phase, doing
from dialer_project.lib import sql
from dialer_project.lib.redis import key

log = logging.getLogger(__name__)

# what sockets.Connection is called with
SHOWN = "screen.shown"
OPENED = "screen.opened"
TOLD = "screen.told"
SHUT = "screen.shut"


@dataclass(frozen=True, slots=True)
class Work:
    """An agent's open interaction, as its row was written."""

    id: UUID
    phase: Phase
    phase_since: datetime
    deadline: datetime | None
    origin: str
    card: Mapping[str, Any]
    outcome: str
    note: str
    draft: Mapping[str, Any]
    disposition_id: int | None
    talked: bool
    held: bool
    muted: bool
    campaign_id: int | None
    lead_id: int | None
    progress: str = ""
    notice: str | Mapping[str, Any] = ""  # as lib.sentence has told it
    leg: UUID | None = None
    recording: str = ""
    others: Sequence[Mapping[str, Any]] = ()
    watched: bool = False
    dials_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Screen:
    """What one agent's screen must say now, as the rows were written."""

    agent_id: int
    version: int
    connection_epoch: int
    signed_in: bool
    voice_ready: bool
    preview_ready: bool
    reason: str | None
    pending_reason: str | None
    changed_at: datetime | None
    station_id: int | None
    leg_state: str
    interaction: Work | None
    news: int = 0
    leg: UUID | None = None


def show(screens: Sequence[Screen]) -> None:
    """After the commit: these screens changed. One round trip for all of them."""
    if screens:
        sql.after_commit(show_now, screens)


def show_now(screens: Sequence[Screen]) -> None:
    """Outside any transaction: as `show`."""
    now = timezone.now()
    _publish(
        [
            (
                screen.agent_id,
                screen.version,
                {"type": SHOWN, "version": screen.version, "epoch": screen.connection_epoch, "text": state(screen, now=now)},
            )
            for screen in screens
        ]
    )


def tell_now(agent_id: int, message: messages.State | messages.Answer | messages.Pong | messages.Replaced) -> None:
    """One message that is no state, to one screen, at once."""
    _publish([(agent_id, 0, {"type": TOLD, "text": message.model_dump_json()})])


def shut_now(agent_id: int, why: messages.Closed) -> None:
    """Close the screens of this agent, at once: they signed out of the site."""
    _publish([(agent_id, 0, {"type": SHUT, "why": why.value})])


def state(screen: Screen, *, now: datetime) -> str:
    """The state message, serialized."""
    work = screen.interaction
    ready = screen.voice_ready or screen.preview_ready
    return messages.State(
        version=screen.version,
        now=now,
        session=messages.SessionState(
            doing=doing(signed_in=screen.signed_in, ready=ready, phase=work.phase if work else None),
            since=work.phase_since if work else screen.changed_at,
            signed_in=screen.signed_in,
            voice_ready=screen.voice_ready,
            preview_ready=screen.preview_ready,
            reason=screen.reason,
            pending_reason=screen.pending_reason,
            station=screen.station_id,
            news=screen.news,
            console=screen.connection_epoch,
            leg=screen.leg,
            phone=screen.leg_state,  # type: ignore[arg-type]  # the column's choices are these words; pydantic looks
        ),
        interaction=messages.InteractionState(
            id=work.id,
            phase=work.phase,
            since=work.phase_since,
            deadline=work.deadline,
            origin=work.origin,
            card=messages.Card(**{**work.card, "number": as_written(str(work.card.get("number", "")))}),
            watched=work.watched,
            others=[messages.OtherShown(**{**other, "number": as_written(str(other["number"]))}) for other in work.others],
            outcome=work.outcome,
            talked=work.talked,
            held=work.held,
            muted=work.muted,
            recording=work.recording,  # type: ignore[arg-type]  # the column's words are these; pydantic looks
            progress=work.progress,
            notice=work.notice,  # type: ignore[arg-type]  # pydantic reads what was told
            leg=work.leg,
            dials_at=work.dials_at,
            note=work.note,
            draft=messages.Draft(**work.draft),
            disposition_id=work.disposition_id,
        )
        if work
        else None,
    ).model_dump_json()


@lru_cache(maxsize=10_000)
def as_written(number: str) -> str:
    """A number as people write it: +12125550188 is +1 212-555-0188."""
    try:
        return phonenumbers.format_number(phonenumbers.parse(number), phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    except phonenumbers.NumberParseException:
        return number


def group(agent_id: int) -> str:
    """The channel layer's group of this agent's connections."""
    return f"agent-{agent_id}"


def version_key(agent_id: int) -> str:
    """Where Redis keeps the newest version told, for heartbeats to compare."""
    return key("version", agent_id)


# Tells one screen, and keeps the newest version told: two commits may be told in the other order, and the older must not win.
#
# KEYS[1]  version  string  the newest version told to this agent's screen
# ARGV[1]  version, 0 for a message that is no state
# ARGV[2]  channel of the agent's connections
# ARGV[3]  message in the channel layer's format
_TELL = """
local version = tonumber(ARGV[1])
if version > 0 and version > tonumber(redis.call('GET', KEYS[1]) or -1) then
  redis.call('SET', KEYS[1], ARGV[1])
end
redis.call('PUBLISH', ARGV[2], ARGV[3])
"""


def _publish(told: Sequence[tuple[int, int, dict[str, Any]]]) -> None:
    try:
        layer = get_channel_layer()
        config: dict[str, Any] = settings.CHANNEL_LAYERS["default"]
        prefix = config["CONFIG"]["prefix"]
        pipe = _client(os.getpid(), settings.CHANNELS_REDIS_URL).pipeline(transaction=False)
        for agent_id, version, message in told:
            channel = f"{prefix}__group__{group(agent_id)}"
            pipe.eval(_TELL, 1, version_key(agent_id), version, channel, layer.serialize(message))
        pipe.execute()
    except redis.RedisError:
        log.warning("screens of agents %s were not told; their heartbeats will find out", [agent_id for agent_id, _, _ in told])


@lru_cache(maxsize=4)
def _client(pid: int, url: str) -> "redis.Redis":
    return redis.Redis.from_url(
        url,
        socket_timeout=0.5,
        socket_connect_timeout=0.5,
        health_check_interval=10,
        max_connections=20,
        retry=Retry(NoBackoff(), 1),  # once, for a connection that went stale; a commit waits for nobody who is away
    )
