"""What a change of a campaign's settings loosens of what was approved: whom it may call, when, how often and how.

Settings are as a version keeps them. What cannot be compared, such as another caller ID, counts as looser.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from campaigns.rules.permit.hours import hours_from, wider
from dialer_project.lib.sentence import Sentence, say

# by the names that versions keep
LOOSENED = {
    "rule_packs": say("a rule pack taken away"),
    "call_purpose": say("another purpose"),
    "mode_key": say("another dialing mode"),
    "week": say("longer calling hours"),
    "closed_days": say("fewer closed days"),
    "starts_at": say("an earlier start"),
    "ends_at": say("a later end"),
    "max_attempts": say("more attempts"),
    "no_callback_days": say("a shorter rest for who is not to be called back"),
    "caller_id": say("another caller ID"),
    "other_caller_ids": say("more caller IDs"),
    "message": say("another message"),
    "validation_service": say("another validation service or none"),
    "require_approval": say("no approval any more"),
}
# of which any other value counts as looser
_ANY_OTHER = ("call_purpose", "mode_key", "caller_id", "message")


def loosened(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of the settings that are looser now, in the order of `LOOSENED`; empty where all are as strict or stricter."""
    looser = set(_looser(before, after))
    return tuple(name for name in LOOSENED if name in looser)


def _looser(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    yield from (name for name in _ANY_OTHER if before.get(name) != after.get(name))
    if set(before.get("rule_packs") or ()) - set(after.get("rule_packs") or ()):
        yield "rule_packs"
    if set(after.get("other_caller_ids") or ()) - set(before.get("other_caller_ids") or ()):
        yield "other_caller_ids"
    if before.get("week") is not None and (after.get("week") is None or wider(hours_from(after["week"]), hours_from(before["week"]))):
        yield "week"
    kept: Mapping[str, Sequence[str]] = after.get("closed_days") or {}
    # a calendar of a pack that was taken away is told of with the pack; one that is gone while its pack stays is looser by all of its days
    same_packs = set(before.get("rule_packs") or ()) <= set(after.get("rule_packs") or ())
    if any(set(days) - set(kept.get(name, ())) for name, days in (before.get("closed_days") or {}).items() if name in kept or same_packs):
        yield "closed_days"
    starts, ends = _moment(before.get("starts_at")), _moment(before.get("ends_at"))
    if starts is not None and ((earlier := _moment(after.get("starts_at"))) is None or earlier < starts):
        yield "starts_at"
    if ends is not None and ((later := _moment(after.get("ends_at"))) is None or later > ends):
        yield "ends_at"
    if after.get("max_attempts", 0) > before.get("max_attempts", 0):
        yield "max_attempts"
    if after.get("no_callback_days", 0) < before.get("no_callback_days", 0):
        yield "no_callback_days"
    if before.get("validation_service") is not None and after.get("validation_service") != before["validation_service"]:
        yield "validation_service"
    if before.get("require_approval") and not after.get("require_approval"):
        yield "require_approval"


def _moment(told: str | None) -> datetime | None:
    return datetime.fromisoformat(told) if told else None


def why_waits(names: Sequence[str]) -> str:
    """What is said of a campaign whose change waits for a second person."""
    words = {f"s{number}": LOOSENED[name] for number, name in enumerate(names) if name in LOOSENED}
    what = Sentence(", ".join(f"{{{word}}}" for word in words), words)
    return say("It was changed ({what}), which another person must approve: until then nothing is dialed, unless the change is undone.", what=what)
