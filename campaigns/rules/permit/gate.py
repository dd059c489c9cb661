"""May this number be called at this instant? Pure rules over fresh facts; the strictest wins, what is missing refuses.

    Allowed      evidence, and until when it holds
    NotBefore    a time from which it may be asked again: the lead waits until then; where the rules leave it none, until they may have changed
    Refused      for good: a fact of the lead itself
    Held         a fact of the campaign or the world: dispatch stops with its cause shown, no lead is moved

`gates` is the one list of questions. `may_call` folds it into a verdict, `earliest` into the next lawful instant, and whoever explains shows it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from campaigns.rules.lifecycle import STATE_WORDS, CampaignState, FinalReason, WaitReason
from campaigns.rules.loosening import why_waits
from campaigns.rules.number_checks import ASKED_WITHIN, NOT_KNOWN_FOR, Answer, Service, Told
from campaigns.rules.outcomes import NUMBER_WORDS, NumberResult
from campaigns.rules.permit.hours import ALWAYS, Hours, ever_open, local_times, local_year, open_span, open_together
from campaigns.rules.permit.kinds import (
    CALL_ENDED,
    CALLS_COUNTED,
    EVERYWHERE,
    WHOM,
    AbandonedMessage,
    BlockedDays,
    CallerId,
    CallingWindow,
    Closing,
    Consent,
    Counter,
    Destinations,
    DncSource,
    FrequencyCap,
    HoldAfter,
    MaxRing,
    MinRing,
    Pack,
    PublicHolidays,
    Rule,
)
from campaigns.rules.places import countries_of
from campaigns.rules.spending import Spent, Tariff, why_held
from dialer_project.lib.sentence import Sentence, Value, say

# how long a permit holds between the transaction that grants it and the last look before the carrier
HOLDS_FOR = timedelta(seconds=5)
BUSY_ELSEWHERE = timedelta(seconds=30)
CONSENT_MAY_COME = timedelta(days=1)  # a consent may still be given: it is looked for once a day
RULES_MAY_CHANGE = timedelta(days=1)  # so may a campaign's rules be corrected, where they leave somebody no time at all
# refused for the number's sake: another number of the same person may do
OF_THE_NUMBER = frozenset({FinalReason.DO_NOT_CALL, FinalReason.NO_VALID_NUMBER})
_NOT_CALLED = {
    "ordinary": say("This is no ordinary number, and others are not called."),
    "premium": say("This is a premium number, and those are not called."),
    "shared-cost": say("This is a shared-cost number, and those are not called."),
    "personal": say("This is a personal number that bills its callers, and those are not called."),
    "pager": say("This is a pager's number, and those are not called."),
    "voicemail": say("This is a voice mailbox's number, and those are not called."),
    "satellite": say("This is a satellite number, and those are not called."),
    "short": say("This is a short number, and those are not called."),
}
# what the clocks of the world may show against UTC, the furthest behind and the furthest ahead
_AROUND_THE_WORLD = (timedelta(hours=-12), timedelta(hours=14))
# rounds of "and is it allowed then?" before an instant is said not to exist
ROUNDS = 400


@dataclass(frozen=True, slots=True)
class Terms:
    """What a campaign asks of every call, the same for all its leads in one batch."""

    state: CampaignState
    starts_at: datetime | None
    ends_at: datetime | None
    hours: Hours
    ring_for: timedelta
    max_attempts: int
    caller_id_ok: bool = True
    trunk_ok: bool = True  # switched on, where the campaign has one
    server_ok: bool = True  # a telephony server is there that takes calls
    unapproved: tuple[str, ...] = ()  # what was made looser while it ran, and waits for a second person
    version: str = ""
    packs: tuple[Pack, ...] = ()
    has_caller_id: bool = True
    has_message: bool = True
    min_ring: timedelta = timedelta(0)
    lists: Mapping[str, datetime] = field(default_factory=dict)  # do-not-call lists by name, and when each was last loaded
    service: Service | None = None  # must have been asked about a number before it is called
    spending: tuple[Spent, ...] = ()  # how its spend limit and the organisation's stand
    tariff: Tariff = field(default_factory=Tariff)
    trunk_id: int | None = None

    def packs_everywhere(self, now: datetime) -> list[Pack]:
        """Those that apply to everybody, wherever they may be."""
        return [pack for pack in self.packs if pack.jurisdiction == EVERYWHERE and pack.in_force(now)]

    @property
    def counters(self) -> tuple[Counter, ...]:
        """What must be counted of calls made, each once."""
        return tuple(dict.fromkeys(rule for pack in self.packs for rule in pack.rules if isinstance(rule, FrequencyCap | HoldAfter)))


@dataclass(frozen=True, slots=True)
class Agreed:
    """A consent that was not taken back."""

    kind: str
    given_at: datetime
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one lead and one of its numbers, read in the transaction that dials. Times aware, UTC.

    answer: the validation service's verdict, while it is good. in_hand: an agent has the record already, so that what stops the campaign from
    giving out more of them need not stop this one.
    marks: of each counter the call that decides: of a cap of three the third last, of a hold the last; missing where there are not so many.
    """

    zones: tuple[str, ...]
    attempts_made: int
    number_active: bool
    listed: bool
    excluded: bool = False
    suppressed_until: datetime | None = None
    person_busy: bool = False
    number_busy: bool = False
    locked: bool = True  # we hold the try-locks on the person and on the number
    places: frozenset[str] = frozenset()
    country: str = ""
    destination: str = "ordinary"  # or satellite, premium, short
    mobile: bool = True
    agreed: tuple[Agreed, ...] = ()
    marks: Mapping[Counter, datetime] = field(default_factory=dict)
    answer: Answer | None = None
    in_hand: bool = False
    number_result: NumberResult | None = None  # what an agent said of it; it is not active then
    has_number: bool = True


@dataclass(frozen=True, slots=True)
class Allowed:
    valid_until: datetime
    evidence: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class NotBefore:
    at: datetime
    reason: WaitReason
    why: tuple[str, ...]
    is_known: bool = True  # False: then it is asked again, and nobody can say what the answer will be


@dataclass(frozen=True, slots=True)
class Refused:
    reason: FinalReason
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Barred:
    """By the campaign's rules as they are, there is no time at all; they may be corrected, so no lead ends by them."""

    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Held:
    why: tuple[str, ...]


Verdict = Allowed | NotBefore | Refused | Held


class Stands(StrEnum):
    OPEN = "open"
    WAIT = "wait"  # until `until`
    CLOSED = "closed"  # for good
    HELD = "held"  # by the campaign or the world


@dataclass(frozen=True, slots=True)
class Gate:
    """One question and its answer. `rule`: what is asked, in words; `by`: whose rule, in which version; `why`: a sentence where it is not open."""

    rule: str
    by: str
    stands: Stands = Stands.OPEN
    why: str = ""
    until: datetime | None = None
    wait: WaitReason = WaitReason.HOLD
    final: FinalReason = FinalReason.DONE
    evidence: str = ""
    ask_again: bool = False  # nobody can say when it ends, `until` is when it is asked again

    @property
    def reason(self) -> str:
        """In one word what its leads wait for or end with; the campaign's own cause as a sentence."""
        match self.stands:
            case Stands.WAIT:
                return self.wait
            case Stands.CLOSED:
                return self.final
            case Stands.HELD:
                return self.why
        return ""


def campaign_holds(terms: Terms, *, now: datetime) -> tuple[str, ...]:
    """The facts of the campaign and the world that stop its dispatch, in words; empty when none does."""
    return tuple(gate.why for gate in campaign_gates(terms, now=now) if gate.stands is Stands.HELD)


# what holds a call to somebody who is brought into a conversation: the number shown, and the money. The conversation goes on although its
# campaign was paused or its hours are over
_OF_ANY_CALL = ("caller ID", "spend limit")
# what a permit's evidence tells in fields of its own
_TOLD_APART = ("hours", "attempts", "validation")


def may_join(terms: Terms, *, country: str | None, now: datetime) -> tuple[str, ...]:
    """Why nobody may be called into a conversation of this campaign now, in words; empty where they may. `country`: of a number that an agent
    typed, which must be one the packs let be called."""
    why = [gate.why for gate in campaign_gates(terms, now=now) if gate.stands is Stands.HELD and gate.rule in _OF_ANY_CALL]
    for pack in terms.packs:
        for rule in pack.rules:
            if country is not None and isinstance(rule, Destinations) and pack.in_force(now):
                gate = _destination(rule, pack.label, country, now)
                why += [gate.why] if gate.why else []
    return tuple(why)


def campaign_gates(terms: Terms, *, now: datetime) -> Iterator[Gate]:
    own = f"campaign {terms.version}".strip()
    yield _held("running", own, terms.state is not CampaignState.RUNNING, "The campaign is {state}.", state=STATE_WORDS[terms.state])
    yield _held_by("approval", own, why_waits(terms.unapproved) if terms.unapproved else "")
    early = terms.starts_at is not None and now < terms.starts_at
    yield _held("start time", own, early, "Waiting for the start time, {at}.", at=_utc(terms.starts_at))
    if terms.ends_at is not None and terms.ends_at - terms.ring_for <= now < terms.ends_at:
        yield _held("end time", own, True, "The end time, {at}, would come while a phone still rings.", at=_utc(terms.ends_at))
    else:
        late = terms.ends_at is not None and now >= terms.ends_at
        yield _held("end time", own, late, "The end time, {at}, has passed.", at=_utc(terms.ends_at))
    never = not ever_open([terms.hours, *_windows(terms.packs_everywhere(now), frozenset(), now=now)], ring_for=terms.ring_for)
    yield _held("hours agree", own, never, "The calling hours that apply to everybody leave no time for a call: correct them.")
    yield _held("caller ID", own, not terms.caller_id_ok, "The campaign's caller ID is not verified.")
    yield _held("trunk", own, not terms.trunk_ok, "The campaign's trunk is switched off: switch it on, or choose another one.")
    away = not terms.server_ok
    yield _held("telephony server", "organisation", away, "No telephony server is there to take calls: start one, or see Telephony, Nodes.")
    if terms.service is not None:
        yield _held_by("validation service", own, terms.service.problem)
    for spent in terms.spending:
        why = why_held(spent, terms.tariff, now=now)
        yield _held_by("spend limit", own if spent.limit.campaign_id else "organisation", why)
    for pack in terms.packs:
        if pack.in_force(now):
            for rule in pack.rules:
                if gate := _campaign_gate(rule, pack.label, terms, now):
                    yield gate


def _campaign_gate(rule: Rule, by: str, terms: Terms, now: datetime) -> Gate | None:
    match rule:
        case CallerId():
            shown = terms.has_caller_id and terms.caller_id_ok
            return _held("caller ID", by, not shown, "{by} wants a verified caller ID, and the campaign has none.", by=by)
        case AbandonedMessage():
            return _held(
                "abandoned message", by, not terms.has_message, "{by} wants a message for abandoned calls, and the campaign has none.", by=by
            )
        case MinRing(ring):
            short = min(terms.ring_for, terms.min_ring) < ring
            least = int(ring.total_seconds())
            return _held("shortest ringing", by, short, "{by} wants a phone to ring for {seconds} seconds at least.", by=by, seconds=least)
        case MaxRing(ring):
            most = int(ring.total_seconds())
            return _held("longest ringing", by, terms.ring_for > ring, "{by} lets a phone ring for {seconds} seconds at most.", by=by, seconds=most)
        case BlockedDays(calendar, days):
            # where it is a new year for some and not for others, each lead is asked which it is for them
            years = {(now + away).year for away in _AROUND_THE_WORLD}
            known = not years.isdisjoint(day.year for day in days or ())
            return _held(
                "calendar",
                by,
                not known,
                "{by} needs the calendar {calendar}, which has no days for {year}.",
                by=by,
                calendar=calendar,
                year=str(min(years)),
            )
        case DncSource(name, max_age):
            loaded = terms.lists.get(name)
            stale = loaded is None or now - loaded > max_age
            return _held(
                "do-not-call list",
                by,
                stale,
                "{by} wants the do-not-call list {list} no older than {days} days; it {was_loaded}.",
                by=by,
                list=name,
                days=max_age.days,
                was_loaded=say("was last loaded {at}", at=_utc(loaded)) if loaded else say("was never loaded"),
                evidence=f"{name}, loaded {_utc(loaded)}",
            )
        case _:
            return None


def gates(facts: Facts, *, terms: Terms, now: datetime) -> Iterator[Gate]:
    """Every question asked of one lead and one number, in order, each with its answer at `now`."""
    own = f"campaign {terms.version}".strip()
    # whoever has the record in hand needs no service that answers now: its verdict on this number is there and good
    asked = facts.in_hand and facts.answer is not None
    yield from campaign_gates(replace(terms, service=None) if asked else terms, now=now)
    yield _closed("do-not-call", "organisation", facts.listed, "The phone number is on the Do-Not-Call list.", FinalReason.DO_NOT_CALL)
    if terms.service is not None:
        yield _validated(facts, terms.service, now)
    yield _closed("exclusion", own, facts.excluded, "This contact was taken off the campaign.", FinalReason.EXCLUDED)
    dead, marked = not facts.number_active, facts.number_result
    if not facts.has_number:
        yield _closed("number exists", "contact", True, "This contact has no number left that may be called.", FinalReason.NO_VALID_NUMBER)
    elif marked is None:
        yield _closed(
            "number exists",
            "contact",
            dead,
            "This number is switched off: the carrier has said that it does not exist, or an administrator has done so.",
            FinalReason.NO_VALID_NUMBER,
        )
    else:
        yield _closed(
            "number exists", "an agent", dead, "An agent has marked this number: {result}.", FinalReason.NO_VALID_NUMBER, result=NUMBER_WORDS[marked]
        )
    if facts.destination == "ordinary":
        yield Gate("destination", "organisation")
    else:
        why = _NOT_CALLED.get(facts.destination, _NOT_CALLED["ordinary"])
        yield Gate("destination", "organisation", Stands.CLOSED, why, final=FinalReason.NO_VALID_NUMBER)
    used = facts.attempts_made >= terms.max_attempts
    yield _closed(
        "attempts",
        own,
        used,
        "All {count} attempts were made.",
        FinalReason.NO_MORE_ATTEMPTS,
        f"{facts.attempts_made} made",
        count=terms.max_attempts,
    )
    soon = now + BUSY_ELSEWHERE
    yield _wait("reserved", "organisation", not facts.locked, soon, "This person or number is being dealt with elsewhere.", ask_again=True)
    yield _wait("one call per person", "organisation", facts.person_busy, soon, "This person is on another call.", ask_again=True)
    yield _wait("one call per number", "organisation", facts.number_busy, soon, "This number is being called.", ask_again=True)
    left_alone = facts.suppressed_until is not None and facts.suppressed_until > now
    yield _wait("left alone", "organisation", left_alone, facts.suppressed_until, "Left alone until {at}.", at=_utc(facts.suppressed_until))
    applying = [pack for pack in terms.packs if pack.in_force(now) and pack.applies(facts.places)]
    windows = [(own, terms.hours)] if terms.hours != ALWAYS else []
    for pack in applying:
        for rule in pack.rules:
            if isinstance(rule, Closing):
                windows.append((pack.label, _closing(rule, facts.places, now=now)))
                if isinstance(rule, BlockedDays) and (gate := _new_year(rule, pack.label, facts, now)):
                    yield gate
            elif gate := _lead_gate(rule, pack.label, facts, now):
                yield gate
    yield from _hours(windows, facts, terms, now)


def _new_year(rule: BlockedDays, by: str, facts: Facts, now: datetime) -> Gate | None:
    """Around the turn of the year: where this one may be it is already, or still, a year of which the calendar knows no days. They wait until
    it is over everywhere; of a year that is unknown everywhere the campaign is told."""
    years = {(now + away).year for away in _AROUND_THE_WORLD}
    known = {day.year for day in rule.days or ()}
    unknown = {local_year(zone, now) for zone in facts.zones} - known if years & known and years - known else set()
    if not unknown:
        return None
    until = datetime(max(years), 1, 1, tzinfo=UTC) - _AROUND_THE_WORLD[0]
    why = say("{by} needs the calendar {calendar}, which has no days for {year}.", by=by, calendar=rule.calendar, year=str(min(unknown)))
    return Gate("calendar", by, Stands.WAIT, why, until, wait=WaitReason.HOURS, ask_again=True)


def _validated(facts: Facts, service: Service, now: datetime) -> Gate:
    """A verdict that is good, or no call: one that is missing is asked for at once."""
    match facts.answer:
        case Answer.CLEAR:
            return Gate("validation", service.name, evidence=Answer.CLEAR)
        case Answer.LISTED:
            return Gate("validation", service.name, Stands.CLOSED, Told.LISTED, final=FinalReason.DO_NOT_CALL)
        case Answer.UNKNOWN:
            why = say("{service} cannot say whether this number may be called.", service=service.name)
            return Gate("validation", service.name, Stands.WAIT, why, now + NOT_KNOWN_FOR, wait=WaitReason.VALIDATION, ask_again=True)
        case None:
            why = say("{service} has not said yet whether this number may be called.", service=service.name)
            return Gate("validation", service.name, Stands.WAIT, why, now + ASKED_WITHIN, wait=WaitReason.VALIDATION, ask_again=True)


def _hours(windows: list[tuple[str, Hours]], facts: Facts, terms: Terms, now: datetime) -> Iterator[Gate]:
    """Each window on its own, and when all are open at once."""
    if not windows:
        return
    if not facts.zones:
        why = say("Nobody knows in which time zone this number is, so nobody can say whether its hours allow a call.")
        yield Gate("hours", windows[0][0], Stands.CLOSED, why, final=FinalReason.NO_VALID_NUMBER)
        return
    every = [hours for _, hours in windows]
    opens, _ = open_together(facts.zones, hours=every, at=now, ring_for=terms.ring_for)
    local = ", ".join(local_times(facts.zones, now))
    if opens is None:
        whose = windows[0][0] if len(windows) == 1 else "all together"
        if open_together(facts.zones[:1], hours=every, at=now, ring_for=terms.ring_for)[0] is None:
            yield _barred("hours", whose, now, "The calling hours and closed days that apply here leave no time for a call.", local)
        else:
            yield _barred("hours", whose, now, "There is no hour of the week at which every possible time zone of this number may be called.", local)
        return
    for by, hours in windows:
        own_opens, _ = open_span(facts.zones, hours=hours, at=now, ring_for=terms.ring_for)
        if own_opens == now:
            yield Gate("hours", by, evidence=local)
        else:
            why = say("Outside calling hours in {zones}.", zones=", ".join(facts.zones))
            yield Gate("hours", by, Stands.WAIT, why, opens, wait=WaitReason.HOURS, evidence=local)
    if opens > now and all(open_span(facts.zones, hours=h, at=now, ring_for=terms.ring_for)[0] == now for _, h in windows):
        # each has begun, and yet no ringing would end in all of them
        yield Gate("hours", "all together", Stands.WAIT, say("No call would end its ringing within all calling hours."), opens, wait=WaitReason.HOURS)


def _lead_gate(rule: Rule, by: str, facts: Facts, now: datetime) -> Gate | None:
    match rule:
        case FrequencyCap(scope, count, within, counts):
            mark = facts.marks.get(rule)
            until = mark + within if mark else None
            return _wait(
                f"at most {count} {counts}s per {scope} in {_length(within)}",
                by,
                until is not None and until > now,
                until,
                "{by} allows {count} {calls} within {length} to {whom}, and they were made.",
                evidence=f"{count} back: {_utc(mark)}" if mark else "fewer were made",
                by=by,
                count=count,
                calls=CALLS_COUNTED[counts],
                length=_length(within),
                whom=WHOM[scope],
            )
        case HoldAfter(event, hold, scope):
            mark = facts.marks.get(rule)
            until = mark + hold if mark else None
            return _wait(
                f"{_length(hold)} after: {event}",
                by,
                until is not None and until > now,
                until,
                "{by} wants {whom} left alone for {length} after {event}.",
                evidence=f"the last: {_utc(mark)}" if mark else "there was none",
                by=by,
                whom=WHOM[scope],
                length=_length(hold),
                event=CALL_ENDED[event],
            )
        case Consent(kinds, mobile_only, max_age):
            if mobile_only and not facts.mobile:
                return Gate("consent", by, evidence="not a mobile number")
            agreed = [
                given
                for given in facts.agreed
                if given.kind in kinds
                and given.given_at <= now
                and (given.expires_at is None or given.expires_at > now)
                and (max_age is None or given.given_at + max_age > now)
            ]
            if agreed:
                return Gate("consent", by, evidence=", ".join(f"{given.kind} {given.given_at:%Y-%m-%d}" for given in agreed))
            why = say("{by} wants consent ({kinds}), and there is none.", by=by, kinds=" / ".join(kinds))
            return Gate("consent", by, Stands.WAIT, why, now + CONSENT_MAY_COME, wait=WaitReason.CONSENT, ask_again=True)
        case Destinations():
            return _destination(rule, by, facts.country, now)
        case _:
            return None


def _destination(rule: Destinations, by: str, country: str, now: datetime) -> Gate:
    if country in rule.countries:
        return Gate("destination", by, evidence=country)
    return _barred(
        "destination",
        by,
        now,
        "{by} lets only {countries} be called, and this number is in {country}.",
        country,
        by=by,
        countries=", ".join(rule.countries),
        country=country or say("no country"),
    )


def may_call(facts: Facts, *, terms: Terms, now: datetime) -> Verdict:
    """The one gate to a customer's phone; every refusal tells all its reasons."""
    asked = list(gates(facts, terms=terms, now=now))
    if held := [gate for gate in asked if gate.stands is Stands.HELD]:
        return Held(tuple(gate.why for gate in held))
    if closed := [gate for gate in asked if gate.stands is Stands.CLOSED]:
        return Refused(closed[0].final, tuple(dict.fromkeys(gate.why for gate in closed)))
    if waits := [gate for gate in asked if gate.stands is Stands.WAIT]:
        last = max(waits, key=lambda gate: gate.until or now)
        why = tuple(dict.fromkeys(gate.why for gate in waits))
        match earliest(facts, terms=terms, at=now):
            case datetime() as at:
                return NotBefore(at, last.wait, why, not any(gate.ask_again for gate in waits))
            case Barred(never):
                return NotBefore(now + RULES_MAY_CHANGE, WaitReason.RULES, tuple(dict.fromkeys((*why, *never))), is_known=False)
            case Refused() as refused:
                return refused
    _, closes = open_together(facts.zones, hours=windows_of(terms, facts.places, now=now), at=now, ring_for=terms.ring_for)
    ends = terms.ends_at - terms.ring_for if terms.ends_at else None
    until = min(at for at in (now + HOLDS_FOR, closes, ends) if at is not None)
    return Allowed(
        until,
        {
            "zones": list(facts.zones),
            "local": local_times(facts.zones, now),
            "attempts": facts.attempts_made,
            "places": sorted(facts.places),
            "rules": [pack.label for pack in terms.packs if pack.in_force(now) and pack.applies(facts.places)],
            "asked": sum(1 for gate in asked if gate.stands is Stands.OPEN),
            "shown": [f"{gate.rule} ({gate.by}): {gate.evidence}" for gate in asked if gate.evidence and gate.rule not in _TOLD_APART],
            **({"validation": f"{terms.service.name}: {facts.answer}"} if terms.service and facts.answer else {}),
        },
    )


def earliest(facts: Facts, *, terms: Terms, at: datetime) -> datetime | Refused | Barred:
    """The first instant from `at` on at which every rule of the lead allows it, should nothing else happen to it meanwhile; Refused where a fact of
    the lead or its number never will, Barred where only the campaign's rules as they are leave it no time.

    What may end at any moment (the person is on another call, a consent is missing) is taken to be over when it is asked again; what stops
    the campaign is not a matter of the lead and is not looked at.
    """
    asked_again = False
    for _ in range(ROUNDS):
        waits: list[datetime] = []
        barred: list[str] = []
        for gate in gates(facts, terms=terms, now=at):
            if gate.stands is Stands.CLOSED:
                return Refused(gate.final, (gate.why,))
            if gate.stands is Stands.WAIT and gate.wait is WaitReason.RULES:
                barred.append(gate.why)
            elif gate.stands is Stands.WAIT and gate.until is not None and not (gate.ask_again and asked_again):
                waits.append(gate.until)
        if barred:
            return Barred(tuple(barred))
        if not waits:
            return at
        at, asked_again = _not_past_a_packs_end(max(waits), terms.packs, since=at), True
    return Barred((say("There is no time at which all rules would allow a call."),))


def windows_of(terms: Terms, places: frozenset[str], *, now: datetime) -> list[Hours]:
    """The hours that hold for somebody who may be in these places."""
    return [terms.hours, *_windows([pack for pack in terms.packs if pack.in_force(now) and pack.applies(places)], places, now=now)]


def group_opens(zones: tuple[str, ...], *, terms: Terms, at: datetime) -> datetime:
    """When a call may start to anybody in this group of zones, by the rules that surely hold for all of them. A group of no zone is open: whom
    nobody knows the zone of is refused when asked about, and must not wait for hours of which nobody can tell when they begin. So is one that
    never opens: each of its leads is told so by the gate, and perhaps called on another number."""
    places = countries_of(zones)
    surely = [pack for pack in terms.packs if pack.surely_applies(places)]
    while True:
        windows = _windows([pack for pack in surely if pack.in_force(at)], places, now=at, surely=True)
        opens = open_together(zones, hours=[terms.hours, *windows], at=at, ring_for=terms.ring_for)[0] or at
        if (by := _not_past_a_packs_end(opens, surely, since=at)) == opens:
            return opens
        at = by


def _not_past_a_packs_end(until: datetime, packs: Sequence[Pack], *, since: datetime) -> datetime:
    """What rules make somebody wait for, or the end of one of their packs before that: it may be that pack they wait for."""
    return min([until, *(pack.over_at for pack in packs if pack.over_at is not None and pack.over_at > since)])


def _windows(packs: list[Pack], places: frozenset[str], *, now: datetime, surely: bool = False) -> list[Hours]:
    return [_closing(rule, places, now=now, surely=surely) for pack in packs for rule in pack.rules if isinstance(rule, Closing)]


def _closing(rule: Closing, places: frozenset[str], *, now: datetime, surely: bool = False) -> Hours:
    match rule:
        case CallingWindow(hours):
            return hours
        case BlockedDays():
            return rule.hours()
        case PublicHolidays():
            return rule.hours(places, now=now, surely=surely)


# Each takes its sentence apart, as `say` does: most gates are open, and then nothing is said.


def _held(rule: str, by: str, holds: bool, why: str, /, *, evidence: str = "", **values: Value) -> Gate:
    return Gate(rule, by, Stands.HELD, Sentence(why, values)) if holds else Gate(rule, by, evidence=evidence)


def _held_by(rule: str, by: str, why: str) -> Gate:
    return Gate(rule, by, Stands.HELD, why) if why else Gate(rule, by)


def _closed(rule: str, by: str, closed: bool, why: str, final: FinalReason, evidence: str = "", /, **values: Value) -> Gate:
    return Gate(rule, by, Stands.CLOSED, Sentence(why, values), final=final, evidence=evidence) if closed else Gate(rule, by, evidence=evidence)


def _wait(
    rule: str, by: str, waits: bool, until: datetime | None, why: str, /, *, ask_again: bool = False, evidence: str = "", **values: Value
) -> Gate:
    return Gate(rule, by, Stands.WAIT, Sentence(why, values), until, ask_again=ask_again) if waits else Gate(rule, by, evidence=evidence)


def _barred(rule: str, by: str, now: datetime, why: str, evidence: str, /, **values: Value) -> Gate:
    return Gate(rule, by, Stands.WAIT, Sentence(why, values), now + RULES_MAY_CHANGE, wait=WaitReason.RULES, evidence=evidence, ask_again=True)


def _utc(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC" if at else ""


def _length(length: timedelta) -> str:
    if length >= timedelta(days=2):
        return say("{days} days", days=length.days)
    return say("{hours} hours", hours=f"{length.total_seconds() / 3600:g}")
