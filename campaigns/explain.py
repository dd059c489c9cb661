"""Why a lead is called or not, and when it next can be: the gate's own questions about its facts as they are now.

No second code path: who may be called is decided by `rules/permit/gate` over `facts.read`, here as in the dial transaction. What is added is
where the lead stands: whose it is, until when it waits, whether the hours of its group are open.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from campaigns import facts
from campaigns.facts import Asked, Phone
from campaigns.flow import permit
from campaigns.rules.lifecycle import CampaignState, FinalReason, LeadState, WaitReason
from campaigns.rules.permit.gate import OF_THE_NUMBER, Barred, Facts, Gate, Refused, Stands, Terms, earliest, gates, group_opens
from dialer_project.lib import sql

# the hours of a group and the gate's are asked by turns this often before an instant is said not to exist
TURNS = 20


@dataclass(frozen=True, slots=True)
class Past:
    """A call that was made, and the permit it was made under."""

    planned_at: datetime
    e164: str
    outcome: str
    rules: str
    evidence: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Explanation:
    """The ordered gates of one lead at one moment. `next_at`: when it next can be called, were nothing else to happen; None: never. `then`:
    the number it moves on to, where this one will not be called. `for_as_long_as`: what keeps it until nobody knows when, in sentences; it is
    looked at again at `next_at`, and no more than that is said. `ends_at`: of the campaign."""

    lead_id: int
    campaign: str
    number: str
    at: datetime
    gates: tuple[Gate, ...]
    next_at: datetime | None
    past: tuple[Past, ...]
    then: str = ""
    for_as_long_as: tuple[str, ...] = ()
    ends_at: datetime | None = None

    @property
    def first(self) -> Gate | None:
        """What keeps it from being called, the first of all."""
        return next((gate for gate in self.gates if gate.stands is not Stands.OPEN), None)

    @property
    def callable_now(self) -> bool:
        return self.first is None

    @property
    def in_words(self) -> str:
        if self.callable_now:
            return "It can be called now."
        stopped = next((gate.why for gate in self.gates if gate.stands is Stands.HELD), None)
        closed = next((gate.why for gate in self.gates if gate.stands is Stands.CLOSED or (self.then and gate.wait is WaitReason.RULES)), None)
        if self.then and self.next_at is not None:
            if self.for_as_long_as:
                return f"{closed} Its next number is {self.then}. {self._open_ended}"
            when = f", not before {self.next_at:%Y-%m-%d %H:%M:%S} UTC" if self.next_at > self.at else ""
            return f"{closed} Its next number, {self.then}, is called instead{when}."
        if closed or self.next_at is None:
            over = f"Its campaign ends before it could be, at {self.ends_at:%Y-%m-%d %H:%M} UTC." if self.ends_at and not stopped else stopped
            return f"It will not be called. {closed or over or ''}".strip()
        if self.for_as_long_as:
            return f"Its campaign is held: {stopped} {self._open_ended}" if stopped else self._open_ended
        when = f"not before {self.next_at:%Y-%m-%d %H:%M:%S} UTC"
        return f"Its campaign is held: {stopped} After that, {when}." if stopped else f"It can be called {when}."

    @property
    def _open_ended(self) -> str:
        again = f" It is looked at again at {self.next_at:%Y-%m-%d %H:%M:%S} UTC." if self.next_at and self.next_at > self.at else ""
        return f"Nobody can say when it can be called. {' '.join(self.for_as_long_as)}{again}"

    def told(self) -> dict[str, Any]:
        """For programs."""
        return {**asdict(self), "callable_now": self.callable_now, "in_words": self.in_words}


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a lead stands before the gate is asked. `owner`: whose personal callback it is; `zones`: of its group."""

    state: str
    reason: str
    next_call_at: datetime
    owner: str | None
    zones: tuple[str, ...]


_LEAD = """
    SELECT l.id, l.campaign_id, l.contact_id, l.state, l.reason, l.next_call_at, l.next_phone_id, l.tries, z.zones, u.username AS owner
    FROM campaigns_lead l JOIN campaigns_zonegroup z ON z.id = l.zone_group_id
    LEFT JOIN agents_agent g ON g.id = l.reserved_for_id LEFT JOIN agents_user u ON u.id = g.user_id
    WHERE l.id = %s
"""
_PAST = """
    SELECT a.planned_at, a.e164, coalesce(a.outcome, a.state) AS outcome, p.rules, p.evidence
    FROM campaigns_attempt a LEFT JOIN campaigns_permit p ON p.attempt_id = a.id WHERE a.lead_id = %s ORDER BY a.planned_at DESC LIMIT 50
"""


def lead(lead_id: int, *, now: datetime, supposed: bool = False) -> Explanation | None:
    """None where there is no such lead. Reads only. `supposed`: as if it were `now`, over the facts of today."""
    found = sql.rows(_LEAD, [lead_id])
    if not found:
        return None
    row = found[0]
    campaign = facts.settings_now([row.campaign_id], now=now, supposed=supposed)[row.campaign_id]
    person = facts.people([row.contact_id])[row.contact_id]
    phone = person.phone(row.next_phone_id)
    asked = Asked(row.id, row.campaign_id, row.contact_id, sql.loaded(row.tries), phone)
    known = facts.read([asked], terms=campaign.terms, now=now)[row.id]
    if phone is None and person.phones:  # why none of them is left
        marked = next((p.result for p in person.phones if p.result), None)
        known = replace(known, facts=replace(known.facts, has_number=True, number_result=marked))
    standing = Standing(row.state, row.reason, row.next_call_at, row.owner, tuple(row.zones))
    next_at, then, meant = next_instant(standing, known.facts, terms=campaign.terms, now=now), "", known.facts
    never = earliest(known.facts, terms=campaign.terms, at=now)
    if row.state != LeadState.FINAL and (isinstance(never, Barred) or (isinstance(never, Refused) and never.reason in OF_THE_NUMBER)):
        moves_to = permit.other_number(campaign.terms, person, known.alternatives, now=now, or_barred=isinstance(never, Refused))
        if moves_to is not None and (other := person.phone(moves_to)):
            of_other = facts.read([replace(asked, phone=other)], terms=campaign.terms, now=now)[row.id].facts
            next_at, then, meant = next_instant(standing, of_other, terms=campaign.terms, now=now), other.e164, of_other
    open_ended = [gate.why for gate in answers(standing, meant, terms=campaign.terms, now=now) if gate.ask_again]
    if next_at is not None:  # a consent may be over by then, and rules in force that leave no time
        open_ended += [gate.why for gate in gates(meant, terms=campaign.terms, now=next_at) if gate.ask_again]
        if isinstance(barred := earliest(meant, terms=campaign.terms, at=next_at), Barred):
            open_ended += barred.why
    return Explanation(
        lead_id=row.id,
        campaign=campaign.name,
        number=_number(phone),
        at=now,
        gates=tuple(answers(standing, known.facts, terms=campaign.terms, now=now)),
        next_at=next_at,
        then=then,
        for_as_long_as=tuple(dict.fromkeys(open_ended)),
        ends_at=campaign.terms.ends_at,
        past=tuple(Past(p.planned_at, p.e164, p.outcome, p.rules or "", sql.loaded(p.evidence) or {}) for p in sql.rows(_PAST, [lead_id])),
    )


def answers(standing: Standing, known: Facts, *, terms: Terms, now: datetime) -> Iterator[Gate]:
    """Every question in order: where it stands, then the gate's own. The first that is not open is what keeps it from being called."""
    yield from _where_it_stands(standing, terms=terms, now=now)
    yield from gates(known, terms=terms, now=now)


def next_instant(standing: Standing, known: Facts, *, terms: Terms, now: datetime) -> datetime | None:
    """When it next can be called, were nothing else to happen, or, where nobody can say when what keeps it ends, when it is asked about again; None:
    never."""
    stands = list(_where_it_stands(standing, terms=terms, now=now))
    if any(gate.stands is Stands.CLOSED for gate in stands):
        return None
    at = max([now, *(gate.until for gate in stands if gate.until is not None), *([terms.starts_at] if terms.starts_at else [])])
    for _ in range(TURNS):
        found = earliest(known, terms=terms, at=at)
        if isinstance(found, Refused):
            return None
        if isinstance(found, Barred):
            return at
        at = group_opens(standing.zones, terms=terms, at=found)
        if at == found:
            return found if terms.ends_at is None or found + terms.ring_for < terms.ends_at else None
    return None


def _where_it_stands(standing: Standing, *, terms: Terms, now: datetime) -> Iterator[Gate]:
    """What the claim asks before the gate is asked."""
    own = f"campaign {terms.version}"
    final, busy = standing.state == LeadState.FINAL, standing.state == LeadState.BUSY
    if final:
        why = f"It is finished: {FinalReason(standing.reason).replace('_', ' ')}."
        if terms.state in (CampaignState.STOPPED, CampaignState.COMPLETED):
            why += " So is its campaign."
        yield Gate("not finished", own, Stands.CLOSED, why, final=FinalReason(standing.reason))
    else:
        yield Gate("not finished", own)
    if busy:
        yield Gate("in nobody's hands", own, Stands.WAIT, "It is in an agent's hands or being dialed.", ask_again=True)
    else:
        yield Gate("in nobody's hands", own)
    if standing.owner is not None:
        yield Gate("for any agent", own, Stands.WAIT, f"It is kept for {standing.owner}, who promised to call.", wait=WaitReason.CALLBACK)
    else:
        yield Gate("for any agent", own)
    if not final and standing.next_call_at > now:
        reason = WaitReason(standing.reason)
        why = f"It waits ({reason.replace('_', ' ')}) until {standing.next_call_at:%Y-%m-%d %H:%M:%S} UTC."
        yield Gate("due", own, Stands.WAIT, why, standing.next_call_at, wait=reason)
    else:
        yield Gate("due", own)
    opens = group_opens(standing.zones, terms=terms, at=now)
    if opens == now:  # also where they never open: then the gate itself says why
        yield Gate("hours of its group", own)
    else:
        yield Gate("hours of its group", own, Stands.WAIT, f"Outside calling hours in {', '.join(standing.zones)}.", opens, wait=WaitReason.HOURS)


def _number(phone: Phone | None) -> str:
    return phone.e164 if phone else "none of its numbers can be called"
