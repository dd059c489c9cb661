"""The far side's own count of every call against our ledger, in both directions: who was called, when, what came of it, and what they heard.

The people at the far end know nothing of us. They have kept when each call reached them, how it was answered or refused, who ended it, and
how loud every packet of sound was: phones and people talk aloud in these tests, messages are said softly, so an agent and a message are told
apart by the sound alone.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from campaigns.models import Attempt, InboundCall
from campaigns.rules.outcomes import Outcome
from telephony.drivers.simulated.sip_world import MACHINE, Dialog, SipWorld
from telephony.models import Call
from telephony.rules.numbers import read

SILENT_FOR = 2.4  # seconds: the promised two, and what a busy machine takes to begin
WAITS_FOR = 5.0  # seconds until somebody who calls us and is answered hears a voice or music
SAYS_NOTHING_IN = timedelta(seconds=0.5)  # who hangs up so soon after they were joined may have heard nobody yet
CLOCKS = timedelta(seconds=0.25)  # the far side's clock is read when it comes to it, ours before the request
AGENT, SOFT = 0x24, 0x48  # sizes of mu-law codes: at most this is a phone or a person, from this on it is a message
# What the carrier's last word makes of a call that was not answered.
MEANS = {
    486: {Outcome.BUSY},
    603: {Outcome.REJECTED},
    480: {Outcome.UNAVAILABLE},
    404: {Outcome.UNALLOCATED},
    484: {Outcome.INVALID_NUMBER},
    503: {Outcome.CONGESTION},
    487: {Outcome.NO_ANSWER, Outcome.CANCELLED},
    0: {Outcome.TRUNK_NOT_RESPONDING},
}
ANSWERED = {Outcome.CONNECTED, Outcome.ABANDONED, Outcome.EARLY_HANG_UP, Outcome.MACHINE}
NEVER_REACHED = {Outcome.UNKNOWN, Outcome.CANCELLED}  # whoever was to send it died, or had no reply


def compare(worlds: Mapping[str, SipWorld], *, since: datetime, strangers: Iterable[str] = ()) -> None:
    """worlds: around each node, by the node's name. since: when nobody was on the line and the last comparison ended.
    strangers: numbers that were called behind our back."""
    attempts = {attempt.pk: attempt for attempt in Attempt.objects.filter(planned_at__gte=since)}
    dialing = Call.objects.filter(dialing_at__gte=since, party__in=("customer", "third"))
    rows = list(dialing.select_related("node").order_by("dialing_at"))
    dialed = {row.pk for row in rows if row.party == "customer"}
    counted = {attempt.pk for attempt in attempts.values() if attempt.dialed_at}
    assert dialed == counted, f"calls without an attempt {dialed - counted}, attempts without a call {counted - dialed}"
    for name, world in worlds.items():
        theirs: dict[str, list[Dialog]] = {}
        met = [dialog for dialog in list(world.calls) if not dialog.station and began(dialog) >= since]
        for dialog in met:
            if not dialog.incoming:
                theirs.setdefault(dialog.who, []).append(dialog)
        ours: dict[str, list[Call]] = {}
        for row in rows:
            if row.node.name == name:
                ours.setdefault(row.address, []).append(row)
        past = theirs.keys() - ours.keys() - set(strangers)
        assert not past, f"called past the ledger: {past}"
        for number, calls in ours.items():
            _in_order(number, calls, theirs.get(number, []), {call.pk: attempts[call.pk].outcome for call in calls if call.pk in attempts})
        _who_called_us([dialog for dialog in met if dialog.incoming], since=since)
    nowhere = {row.node.name for row in rows} - worlds.keys()
    assert not nowhere, f"nobody was asked what reached {nowhere}"


def _in_order(number: str, calls: list[Call], theirs: list[Dialog], outcomes: Mapping[object, str | None]) -> None:
    """Each call that reached them is one row's, within the time of that row; a row without one says that it may never have been sent."""
    left = list(theirs)
    for call in calls:
        until = call.ended_at or datetime.max.replace(tzinfo=UTC)
        mine = left[0] if left and call.dialing_at and call.dialing_at - CLOCKS <= began(left[0]) <= until + CLOCKS else None
        if mine is None:
            assert outcomes.get(call.pk) in NEVER_REACHED, f"{number}: {outcomes.get(call.pk)} here, and it never reached them"
            continue
        left.pop(0)
        if call.party == "customer":
            _one(number, mine, call, outcomes.get(call.pk))
        else:
            assert (mine.answered_at is None) == (call.answered_at is None), f"{number}: {mine.status} there, answered at {call.answered_at} here"
    assert not left, f"{number}: {len(left)} of {len(theirs)} calls that reached them are in no row"


def _one(number: str, dialog: Dialog, call: Call, outcome: str | None) -> None:
    if dialog.answered_at is None:
        assert outcome in MEANS[dialog.status], f"{number}: {dialog.status} there, {outcome} here"
        assert dialog.rang or call.rang_at is None, f"{number}: rang here alone"
        if outcome == Outcome.NO_ANSWER:
            assert dialog.ended_at is not None
            assert dialog.ended_at - dialog.began > call.ring_for - 0.7, f"{number}: given up after {dialog.ended_at - dialog.began:.2f} s"
        return
    assert outcome in ANSWERED, f"{number}: answered there, {outcome} here"
    assert call.answered_at is not None, f"{number}: answered there alone"
    assert dialog.ended_at is not None, f"{number}: their call goes on"
    if call.hung_up_by == "far":
        assert dialog.ended_by == "us", f"{number}: they never hung up"
    _heard_in_time(number, dialog, call, outcome)
    by_agents, messages = heard(dialog)
    if outcome == Outcome.CONNECTED:
        talked = ended(dialog) - call.connected_at if call.connected_at else timedelta(0)
        assert talked < SAYS_NOTHING_IN or dialog.loud > messages, f"{number}: talked to an agent, and heard none ({dict(dialog.peaks)})"
    elif outcome == Outcome.ABANDONED:
        assert messages or dialog.ended_by == "us", f"{number}: abandoned, and heard no message ({dict(dialog.peaks)})"
        assert not by_agents, f"{number}: abandoned, and heard an agent ({dict(dialog.peaks)})"
    elif outcome == Outcome.EARLY_HANG_UP:
        assert dialog.ended_by == "us", f"{number}: hung up early, and it was not they"
    else:
        assert dialog.script is MACHINE, f"{number}: taken for a machine"


def _heard_in_time(number: str, dialog: Dialog, call: Call, outcome: str | None) -> None:
    """Someone or something within two seconds of the answer, or of the verdict where a machine is looked for; a silent end is neither."""
    assert dialog.answered_at is not None
    listened = (call.verdict_at - call.answered_at).total_seconds() if call.verdict_at and call.answered_at else 0.0
    assert listened <= (call.detect_for or 0) + 0.5, f"{number}: listened for {listened:.2f} s"
    until = dialog.heard_at or dialog.ended_at
    assert until is not None
    silent = until - dialog.answered_at
    assert silent < SILENT_FOR + listened, f"{number}: heard nobody for {silent:.2f} s after the answer"
    if dialog.heard_at is None and dialog.ended_by == "them" and call.cause != "node_lost":
        assert outcome == Outcome.MACHINE, f"{number}: hung up on without a word after {silent:.2f} s"


def _who_called_us(incoming: list[Dialog], *, since: datetime) -> None:
    """Everybody whose call we took is written down once, and heard a voice or music."""
    taken: dict[str, int] = {}
    for dialog in incoming:
        if dialog.answered_at is not None:
            taken[read(dialog.who)] = taken.get(read(dialog.who), 0) + 1
            until = dialog.heard_at or dialog.ended_at
            assert until is not None
            assert until - dialog.answered_at < WAITS_FOR, f"{dialog.who}: called us and heard nothing for {until - dialog.answered_at:.2f} s"
    for number, times in taken.items():
        written = InboundCall.objects.filter(number=number, came_at__gte=since).count()
        assert written >= times, f"{number}: we took {times} calls and wrote down {written}"


def heard(dialog: Dialog) -> tuple[int, int]:
    """Packets as loud as a phone or a person, and as soft as a message."""
    return sum(n for peak, n in dialog.peaks.items() if peak <= AGENT), sum(n for peak, n in dialog.peaks.items() if peak >= SOFT)


def began(dialog: Dialog) -> datetime:
    """When the call reached them, on the wall."""
    return datetime.now(UTC) - timedelta(seconds=time.monotonic() - dialog.began)


def ended(dialog: Dialog) -> datetime:
    assert dialog.ended_at is not None
    return began(dialog) + timedelta(seconds=dialog.ended_at - dialog.began)
