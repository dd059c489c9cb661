"""Who heard the message, as a real Asterisk remembers it for a listener who was not there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from dialer_project.local import asterisk
from telephony.rules.events import Happened
from tests.drivers.exchange import AsteriskLab, Exchange

pytestmark = pytest.mark.skipif(asterisk.not_wanted(), reason="without Asterisk, as asked")


def test_asterisk_uses_the_variables_of_a_minute_again_for_who_heard_the_message(exchange: Exchange) -> None:
    """What stands there of two hours ago is neither told nor kept, also where this minute begins with an old list of fifty and more."""
    lab = AsteriskLab(exchange)
    lab.listen()
    old = uuid4()
    minute = int(datetime.now(UTC).timestamp()) // 60
    for each in (minute, minute + 1):  # whichever it will be
        for part in range(2):
            exchange.server.cli(f"dialplan set global RM_MESSAGES_{each % 120}_{part} {old}@1.5~")
        exchange.server.cli(f"dialplan set global RM_MESSAGES_{each % 120} {each - 120}.51")

    call = lab.answered(lab.customer_answers(), guard=timedelta(seconds=0.3), message="sorry")
    lab.wait_for(call, Happened.ENDED)

    played = lab.carrier.list().message_played
    assert call in played
    assert old not in played
    kept = exchange.server.cli("dialplan show globals")
    assert any(f"RM_MESSAGES_{each % 120}={each}.1\n" in kept for each in (minute, minute + 1))
    assert kept.count(str(old)) == 3, "the first list of one of the two minutes was begun anew"
    lab.close()
