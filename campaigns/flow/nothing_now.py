"""Why a campaign gives no record now, and when the next can be called: in a sentence for the agent who asked.

It costs a look at the heads of the queues, never at the list: the numbers are counted as far as `COUNTED` and said to be more beyond it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings

from campaigns import live, querysets
from campaigns.facts import Setting
from campaigns.rules.lifecycle import WaitReason
from campaigns.rules.permit.gate import group_opens
from dialer_project.lib import sql
from dialer_project.lib.sentence import Sentence, Value, say

# so many leads are counted for each reason
COUNTED = 1_000

# of one, of several
WORDS: dict[str, tuple[Sentence, Sentence]] = {
    WaitReason.HOURS: (say("1 is waiting for its local calling hours"), say("{leads} are waiting for their local calling hours")),
    WaitReason.NEW: (say("1 is not due yet"), say("{leads} are not due yet")),
    WaitReason.RETRY: (say("1 is to be tried again later"), say("{leads} are to be tried again later")),
    WaitReason.CALLBACK: (say("1 is promised for later"), say("{leads} are promised for later")),
    WaitReason.NO_CALLBACK: (say("1 asked to be left alone for a while"), say("{leads} asked to be left alone for a while")),
    WaitReason.RETURNED: (say("1 came back from an agent and rests"), say("{leads} came back from agents and rest")),
    WaitReason.HOLD: (say("1 is on another call, or left alone by a rule"), say("{leads} are on another call, or left alone by a rule")),
    WaitReason.VALIDATION: (say("1 waits for its number to be checked"), say("{leads} wait for their numbers to be checked")),
    WaitReason.CONSENT: (say("1 waits for consent"), say("{leads} wait for consent")),
    WaitReason.RULES: (say("1 can be called at no time by the rules as they are"), say("{leads} can be called at no time by the rules as they are")),
    "kept": (say("1 is kept for the agent who promised to call"), say("{leads} are kept for the agents who promised to call")),
    "theirs": (say("1 is promised by you"), say("{leads} are promised by you")),
    "now": (say("1 is being dealt with just now"), say("{leads} are being dealt with just now")),
    "busy": (say("1 is with an agent"), say("{leads} are with other agents")),
}


@dataclass(slots=True)
class _Waiting:
    """Why records wait, how many (`beyond`: more were not counted), and when the first of all can be called."""

    leads: dict[str, int]
    beyond: set[str]
    next_at: datetime | None = None
    callable_now: bool = False

    def add(self, reason: str, leads: int, at: datetime | None) -> None:
        self.leads[reason] = self.leads.get(reason, 0) + leads
        if at is not None and (self.next_at is None or at < self.next_at):
            self.next_at = at

    def tell_apart(self, theirs: sql.Row) -> None:
        """What is kept for whoever asks, and from when: they know what they have promised."""
        others = self.leads.pop("kept", 0) - theirs.leads
        if others > 0:
            self.leads["kept"] = others
        if theirs.leads:
            self.add("theirs", theirs.leads, theirs.first_at)


def why(campaign: Setting, agent_id: int, *, now: datetime) -> Sentence:
    """No records available now. 12 are waiting for their local calling hours; next at 10:00 (Madrid time)."""
    found = _waiting(campaign, now=now)
    found.tell_apart(querysets.kept_for(agent_id, campaign.id))
    return _sentence(found, now=now)


def remark(campaign: Setting, *, now: datetime) -> str:
    """The same, unasked; empty where a record is about to come."""
    found = _waiting(campaign, now=now)
    return "" if found.callable_now else _sentence(found, now=now)


def _sentence(found: _Waiting, *, now: datetime) -> Sentence:
    told = list(_told(found))
    if not told:
        return say("No records available now. All are finished.")
    values: dict[str, Value] = {f"s{number}": sentence for number, sentence in enumerate(told)}
    waiting = Sentence(", ".join(f"{{{name}}}" for name in values), values)
    if found.next_at is None:
        return say("No records available now. {waiting}.", waiting=waiting)
    # by the clock of the centre, at the full minute by which it is so
    zone = ZoneInfo(settings.CENTRE_TIME_ZONE)
    there = (found.next_at + timedelta(seconds=59)).astimezone(zone)
    city = settings.CENTRE_TIME_ZONE.rpartition("/")[2].replace("_", " ")
    clock = "UTC" if city == "UTC" else say("{city} time", city=city)
    if there.date() == now.astimezone(zone).date():
        return say("No records available now. {waiting}; next at {time} ({clock}).", waiting=waiting, time=f"{there:%H:%M}", clock=clock)
    return say("No records available now. {waiting}; next on {at} ({clock}).", waiting=waiting, at=there, clock=clock)


def _waiting(campaign: Setting, *, now: datetime) -> _Waiting:
    groups = live.zone_groups(campaign.id)
    # of many groups each has its share, so that what is read does not grow with their number
    of_each = max(20, COUNTED // max(1, len(groups)))
    found = _Waiting({}, set())
    for row in querysets.heads(campaign.id, groups=list(groups), of_each=of_each, at_most=COUNTED, now=now):
        if row.zone_group is None:
            found.add(row.reason, row.leads, None)
        else:
            zones = groups[row.zone_group]
            opens = group_opens(zones, terms=campaign.terms, at=max(now, row.first_at))
            # due, and within its hours: somebody has just taken it, or it will be looked at in a moment
            reason = row.reason if not row.due else WaitReason.HOURS if opens != now else "now"
            found.callable_now = found.callable_now or reason == "now"
            found.add(reason, row.leads, None if reason == "now" else opens)
        if row.leads >= (COUNTED if row.zone_group is None else of_each):
            found.beyond.add(reason if row.zone_group is not None else row.reason)
    return found


def _told(found: _Waiting) -> Iterator[Sentence]:
    """The most first, which begins a sentence."""
    for at, (reason, leads) in enumerate(sorted(found.leads.items(), key=lambda item: (-item[1], item[0]))):
        one, several = WORDS[reason]
        many = Sentence(several.template, {"leads": leads})
        if reason in found.beyond:
            yield say("more than {waiting}", waiting=many) if at else say("More than {waiting}", waiting=many)
        else:
            yield one if leads == 1 else many
