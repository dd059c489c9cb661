"""Records what a real Asterisk tells of every way a call can go, for the tests of the translation: python -m tests.drivers.record

Kept of each event is what somebody could want to read; names of the machine and of nobody's interest are left out.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.conf import settings

from telephony.drivers.base import Address
from telephony.rules.events import Happened
from telephony.rules.hangup_causes import Cause

RECORDED = Path(__file__).parent / "recorded"
LEFT_OUT = {
    "accountcode",
    "application",
    "asterisk_id",
    "connected",
    "dialplan",
    "dialstring",
    "forward",
    "forwarded",
    "language",
    "name",
    "protocol_id",
}
GUARD = timedelta(seconds=2)


def _pruned(told: Any) -> Any:
    if isinstance(told, dict):
        return {key: KEPT.get(key, _pruned)(value) for key, value in told.items() if key not in LEFT_OUT}
    if isinstance(told, list):
        return [_pruned(each) for each in told]
    return told


def _whole(told: Any) -> Any:
    return told


def _set(variables: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in variables.items() if value}


KEPT: dict[str, Callable[[Any], Any]] = {"recording": _whole, "playback": _whole, "channelvars": _set}


def main() -> None:
    settings.configure(ARI_PASSWORD="")
    from telephony.drivers.asterisk.listener import AsteriskSubscription
    from tests.drivers.exchange import AsteriskLab, Exchange
    from tests.drivers.labs import MEETINGS

    def record(name: str, story: Callable[[AsteriskLab], None]) -> None:
        lab = AsteriskLab(exchange)
        lab.listen()
        assert isinstance(lab.subscription, AsteriskSubscription)
        translator, told = lab.subscription._translator, []
        is_double = translator.is_double

        def tee(raw: str | bytes) -> bool:
            told.append(json.loads(raw))
            return is_double(raw)

        translator.is_double = tee  # type: ignore[method-assign]  # what was told is written down too
        story(lab)
        lab.pass_time(0.3)
        lab.close()
        lines = ",\n".join(json.dumps(_pruned(event)) for event in told)
        (RECORDED / f"{name}.json").write_text(f"[\n{lines}\n]\n")

    def missed(cause: Cause) -> Callable[[AsteriskLab], None]:
        def story(lab: AsteriskLab) -> None:
            lab.wait_for(lab.call(lab.person(MEETINGS[cause]()), ring_for=timedelta(seconds=1.5)), Happened.ENDED)

        return story

    def ended(lab: AsteriskLab, call: Any) -> None:
        lab.wait_for(call, Happened.ENDED)

    def we_hang_up(lab: AsteriskLab) -> None:
        call = lab.answered(lab.customer_answers())
        lab.carrier.hang_up(call)
        ended(lab, call)

    def cancelled(lab: AsteriskLab) -> None:
        call = lab.call(lab.customer_rings_on())
        lab.wait_for(call, Happened.RANG)
        lab.carrier.hang_up(call)
        ended(lab, call)

    def conversation(lab: AsteriskLab) -> None:
        agent = lab.answered(lab.station("ana"), auto_answer=True)
        customer = lab.answered(lab.customer_answers(talks_for=1.0), guard=GUARD, message="sorry")
        lab.bridged(uuid4(), agent, customer)
        lab.carrier.raise_guards({customer: None})
        ended(lab, customer)

    def guard(lab: AsteriskLab) -> None:
        call = lab.answered(lab.customer_answers(), guard=GUARD, message="sorry")
        lab.bridged(uuid4(), call)
        ended(lab, call)

    def verdict(lab: AsteriskLab, to: Address) -> None:
        call = lab.answered(to, guard=GUARD, message="sorry", detect_machine=timedelta(seconds=3))
        ended(lab, call)

    def longest(lab: AsteriskLab) -> None:
        ended(lab, lab.answered(lab.customer_answers(), max_length=timedelta(seconds=1)))

    def dead_phone(lab: AsteriskLab) -> None:
        leg = lab.answered(lab.station("ana"), auto_answer=True)
        lab.station_dies("ana")
        lab.wait_for_station("ana", Happened.STATION_LOST)
        lab.station_registers("ana")
        ended(lab, leg)

    def talk(lab: AsteriskLab) -> None:
        call = lab.answered(lab.customer_answers())
        lab.bridged(uuid4(), call)
        lab.carrier.hold(call)
        lab.carrier.resume(call)
        lab.far_presses(call, "5")
        lab.wait_for(call, Happened.DIGIT)
        lab.carrier.play(call, "welcome")
        lab.wait_for(call, Happened.ANNOUNCEMENT_ENDED)
        lab.carrier.record(call, "talk")
        lab.wait_for(call, Happened.RECORDING_STARTED)
        lab.carrier.play(call, "voicemail", then_hang_up=True)
        ended(lab, call)

    def incoming(lab: AsteriskLab) -> None:
        call = lab.somebody_calls()
        lab.carrier.answer(call)
        lab.wait_for(call, Happened.ANSWERED)
        lab.far_hangs_up(call)
        ended(lab, call)

    def incoming_in_vain(lab: AsteriskLab) -> None:
        ended(lab, lab.somebody_calls(patience=0.5))

    RECORDED.mkdir(exist_ok=True)
    exchange = Exchange()
    try:
        for cause in MEETINGS:
            record(cause.value, missed(cause))
        record("we_hang_up", we_hang_up)
        record("cancelled", cancelled)
        record("conversation", conversation)
        record("guard", guard)
        record("person", lambda lab: verdict(lab, lab.customer_answers()))
        record("machine", lambda lab: verdict(lab, lab.machine_answers()))
        record("longest", longest)
        record("dead_phone", dead_phone)
        record("talk", talk)
        record("incoming", incoming)
        record("incoming_in_vain", incoming_in_vain)
    finally:
        exchange.close()


if __name__ == "__main__":
    main()
