"""The events of one Asterisk, from its websocket. One listener at a time: Asterisk tells the application's newest connection alone."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from contextlib import ExitStack

from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.sync.client import connect

from telephony.drivers.asterisk.ari import APPLICATION, Ari
from telephony.drivers.asterisk.translate import WANTED, Translator, left_empty, snoopers
from telephony.drivers.base import CarrierDown, CarrierTimeout, CarrierUnreachable, LostCarrier, Replaced
from telephony.drivers.heard import HeardOnAConnection

log = logging.getLogger(__name__)

PING_EVERY = 2.0  # seconds; a host that is gone without a word is noticed after that and PONG_WITHIN
PONG_WITHIN = 4.0


class AsteriskSubscription(HeardOnAConnection):
    """See base.Subscription."""

    def __init__(self, ari: Ari) -> None:
        super().__init__()
        self._ari = ari
        self._held = ExitStack()
        try:
            self._socket = self._held.enter_context(
                connect(
                    ari.websocket(),
                    additional_headers=ari.headers,
                    open_timeout=ari.reply_within,
                    ping_interval=PING_EVERY,
                    ping_timeout=PONG_WITHIN,
                    close_timeout=0.2,
                    max_size=2**22,
                    max_queue=None,  # a full queue would stop Asterisk from writing, and it then closes the connection
                    compression=None,
                    proxy=None,
                )
            )
        except TimeoutError as late:
            raise CarrierTimeout(f"{ari.name} does not open the websocket") from late
        except ConnectionRefusedError as refused:
            raise CarrierDown(f"nothing runs at {ari.name}") from refused
        except (OSError, WebSocketException) as refused:  # also one that goes away in the middle of it
            raise CarrierUnreachable(f"{ari.name}: {refused}") from refused
        try:
            self.boot = boot_of(ari)
            # channels from their first moment on, answered or not, ours to command or not; and the phones
            for source in ("channel:", "endpoint:PJSIP"):
                self._set_up(ari.ask("POST", "applications", APPLICATION, "subscription", eventSource=source).status)
            wanted = {"allowed": [{"type": kind} for kind in WANTED]}
            self._set_up(ari.ask("PUT", "applications", APPLICATION, "eventFilter", body=wanted).status)
        except BaseException:
            self._held.close()
            raise
        self._translator = Translator(ari.name, self.boot)

    @staticmethod
    def _set_up(status: int) -> None:
        if status >= 300:
            raise CarrierUnreachable(f"ARI refused a subscription with {status}")

    def _disconnect(self) -> None:
        self._held.close()

    def _read(self, wait: float) -> bool:
        try:
            raw = self._socket.recv(timeout=max(wait, 0.0))
        except TimeoutError:
            return False
        except ConnectionClosed:
            self._ended_by = LostCarrier()
            return True
        if self._translator.is_double(raw):
            return True
        told = json.loads(raw)
        if told["type"] == "ApplicationReplaced":
            self._ended_by = Replaced()
            return True
        try:
            self._heard.extend(self._translator.facts(told))
        except (KeyError, TypeError, ValueError):  # one that is not as we know it must not keep us from the others
            log.exception("an event of %s that cannot be read: %.500s", self._ari.name, raw)
            return True
        if (bridge := left_empty(told)) is not None:
            self._remove(bridge, snoopers(told["bridge"]["channels"]))
        return True

    def _remove(self, bridge: str, listening_in: Sequence[str]) -> None:
        try:
            for each in listening_in:
                self._ari.ask("DELETE", "channels", each)
            self._ari.ask("DELETE", "bridges", bridge)
        except (CarrierTimeout, CarrierUnreachable) as away:
            log.warning("an empty bridge stays until the next listing: %s", away)


def boot_of(ari: Ari) -> str:
    """When this Asterisk was started: another one, another run."""
    return str(ari.must("asterisk", "info", only="status")["status"]["startup_time"])
