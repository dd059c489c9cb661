"""Why a whole list is called or not: each lead under the first question that keeps it from being called, so that the rows add up to the list.

SQL puts leads of equal facts into one class and counts them; what holds a class up is told by the same questions, in the same order, as for
one lead (`explain.answers`). A moment (the last call, the end of a suppression) is known of a class by its first and its last, and whether it
still matters is settled in SQL by the one comparison the gate makes: is it over now?
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from campaigns import facts
from campaigns.explain import Standing, answers, next_instant
from campaigns.facts import Setting
from campaigns.rules.lifecycle import LeadState, WaitReason
from campaigns.rules.number_checks import STILL_HOLDS, Answer
from campaigns.rules.outcomes import NOT_THE_CUSTOMER
from campaigns.rules.permit.gate import Agreed, Facts, Gate, Stands
from campaigns.rules.permit.kinds import Consent, Counter, Counts, FrequencyCap, HoldAfter, Scope
from campaigns.rules.places import DECIDE, SHORTEST
from dialer_project.lib import sql

# for the one transaction: hashing a million leads needs more than a statement of the flow; and that a million leads fall into a few hundred
# classes is more than the planner knows, which would rather put them in order first
MEMORY = "128MB"
# so many leads are told sooner by reading every number and every call that may still count than by looking each of theirs up
MANY = 100_000
_MOMENT = timedelta(microseconds=1)
_FAR = timedelta(days=36_500)


@dataclass(frozen=True, slots=True)
class Step:
    """The leads that one question keeps from being called; the last step is those that nothing keeps. `rule` and `by` as explained of a lead.

    first_at, last_at: one of them can be called not before, all of them can be by then, were nothing else to happen; None: never, or it cannot
    be told. asks_again: nobody can say when it ends; those are the moments at which they are looked at again. left: how many remain after this step.
    """

    rule: str
    by: str
    stands: Stands
    reason: str
    leads: int
    left: int
    first_at: datetime | None
    last_at: datetime | None
    asks_again: bool = False

    @property
    def in_words(self) -> str:
        match self.stands, self.rule:
            case Stands.OPEN, _:
                return "can be called now"
            case Stands.HELD, _:
                return f"held: {self.reason}"
            case _, "not finished":
                return f"finished: {self.reason.replace('_', ' ')}"
            case _, "in nobody's hands":
                return "in an agent's hands or being dialed"
            case _, "for any agent":
                return "kept for the agent who promised to call"
            case _, "due":
                return f"waiting: {WAITING.get(WaitReason(self.reason), self.reason)}"
            case _, _ if self.reason == WaitReason.RULES:
                return f"waiting: {NO_TIME}"
            case _, "hours" | "hours of its group":
                return "outside calling hours"
        return BY_RULE.get(self.rule, f"{self.rule} ({self.by})")


# what a campaign's own rules never allow, until somebody corrects them
NO_TIME = "for rules that leave it a time"

WAITING = {
    WaitReason.NEW: "not yet due",
    WaitReason.NO_CALLBACK: "asked not to be called back for a while",
    WaitReason.RETURNED: "came back from an agent",
    WaitReason.HOURS: "for calling hours",
    WaitReason.HOLD: "for a cap or a hold to pass",
    WaitReason.VALIDATION: "for its number to be validated",
    WaitReason.CONSENT: "for consent",
    WaitReason.RULES: NO_TIME,
}
BY_RULE = {
    "do-not-call": "next number is on a do-not-call list",
    "exclusion": "taken off this campaign",
    "number exists": "no number that can be called",
    "destination": "next number is of a kind that is not called",
    "attempts": "all attempts were made",
    "one call per person": "on another call",
    "one call per number": "next number is being called",
    "left alone": "left alone for a while",
    "validation": "next number was not cleared by its validation service",
}


@dataclass(frozen=True, slots=True)
class Waterfall:
    """A campaign's list at one moment. The steps' leads add up to `leads`."""

    campaign_id: int
    campaign: str
    at: datetime
    leads: int
    steps: tuple[Step, ...]

    @property
    def callable_now(self) -> int:
        return sum(step.leads for step in self.steps if step.stands is Stands.OPEN)

    @property
    def in_words(self) -> str:
        """50,000: 31,204 can be called now, 8,112 outside calling hours until 2026-03-10 08:00 UTC, …"""
        kept = sorted((step for step in self.steps if step.stands is not Stands.OPEN), key=lambda step: -step.leads)
        told = [f"{self.callable_now:,} can be called now"]
        for step in kept:
            word = ", looked at again" if step.asks_again else " until"
            until = f"{word} {step.first_at:%Y-%m-%d %H:%M} UTC" if step.first_at and step.first_at > self.at else ""
            told.append(f"{step.leads:,} {step.in_words.rstrip('.')}{until}")
        return f"{self.leads:,}: {', '.join(told)}."

    def told(self) -> dict[str, Any]:
        """For programs."""
        steps = [{**asdict(step), "in_words": step.in_words} for step in self.steps]
        return {**asdict(self), "steps": steps, "callable_now": self.callable_now, "in_words": self.in_words}


def of_campaign(campaign_id: int, *, now: datetime, supposed: bool = False) -> Waterfall | None:
    """None where there is no such campaign. Reads only, in as many statements for a million leads as for one. `supposed`: as if it were `now`,
    over the facts of today."""
    with transaction.atomic():
        setting = facts.settings_now([campaign_id], now=now, supposed=supposed).get(campaign_id)
        if setting is None:
            return None
        sql.rows("SELECT set_config('work_mem', %s, true) AS memory, set_config('enable_sort', 'off', true) AS sort", [MEMORY])
        classes = _classes(setting, now=now)
    found: dict[tuple[str, str, Stands, str], _Kept] = {}
    for each in classes:
        place, gate = _keeps(each, setting, now=now)
        kept = found.setdefault((gate.rule, gate.by, gate.stands, gate.reason), _Kept(place))
        kept.place = min(kept.place, place)
        kept.leads += each.leads
        kept.asks_again = gate.ask_again
        if gate.stands is Stands.WAIT:
            kept.met(*(next_instant(each.standing(at), each.known(at), terms=setting.terms, now=now) for at in (FIRST, LAST)))
    total = left = sum(each.leads for each in classes)
    steps = []
    for (rule, by, stands, reason), kept in sorted(found.items(), key=lambda item: (item[1].place, item[0])):
        left -= kept.leads if stands is not Stands.OPEN else 0
        steps.append(Step(rule, by, stands, reason, kept.leads, left, kept.first_at, kept.last_at, kept.asks_again))
    return Waterfall(setting.id, setting.name, now, total, tuple(steps))


# which of a class' moments: the most lenient of its leads, or the strictest
FIRST, LAST = 0, 1
# where those stand that nothing keeps
AT_THE_END = 1_000


@dataclass(slots=True)
class _Kept:
    place: int
    leads: int = 0
    first_at: datetime | None = None
    last_at: datetime | None = None
    for_ever: bool = False
    asks_again: bool = False

    def met(self, first: datetime | None, last: datetime | None) -> None:
        """The instants of one class; None is never."""
        self.first_at = min((at for at in (self.first_at, first) if at is not None), default=None)
        self.for_ever = self.for_ever or last is None
        self.last_at = None if self.for_ever else max(at for at in (self.last_at, last) if at is not None)


@dataclass(frozen=True, slots=True)
class _Class:
    """Leads of equal facts. Moments are pairs, of the first lead and of the last."""

    leads: int
    first: Standing
    next_call_at: tuple[datetime, datetime]
    facts: Facts
    suppressed_until: tuple[datetime, datetime] | None
    marks: tuple[tuple[Counter, tuple[datetime, datetime]], ...]
    agreed: tuple[tuple[Agreed, ...], tuple[Agreed, ...]]

    def standing(self, which: int) -> Standing:
        return replace(self.first, next_call_at=self.next_call_at[which])

    def known(self, which: int) -> Facts:
        return replace(
            self.facts,
            suppressed_until=self.suppressed_until[which] if self.suppressed_until else None,
            marks={counter: at[which] for counter, at in self.marks},
            agreed=self.agreed[which],
        )


def _keeps(each: _Class, setting: Setting, *, now: datetime) -> tuple[int, Gate]:
    """The first gate that is not open, and its place among all."""
    asked = enumerate(answers(each.standing(FIRST), each.known(FIRST), terms=setting.terms, now=now))
    return next(((place, gate) for place, gate in asked if gate.stands is not Stands.OPEN), (AT_THE_END, Gate("dialable", "")))


def _classes(setting: Setting, *, now: datetime) -> Sequence[_Class]:
    """Every lead of the campaign, in classes."""
    counters = setting.terms.counters
    consents = [rule for pack in setting.terms.packs for rule in pack.rules if isinstance(rule, Consent)]
    # a consent is told by which of these moments it was given after; the gate asks for no other
    given = sorted({now + _MOMENT, *(now - rule.max_age + _MOMENT for rule in consents if rule.max_age is not None)})
    leads = sql.rows("SELECT count(*) AS n FROM campaigns_lead WHERE campaign_id = %s", [setting.id])[0].n
    statement, params = _statement(setting, counters, consents, given=given, few=leads < MANY, now=now)
    found: dict[tuple[Any, ...], _Class] = {}
    for row in sql.rows(statement, params):
        each = _class(row, counters, given, max_attempts=setting.terms.max_attempts, now=now)
        same = (
            each.first,
            tuple(getattr(each.facts, name) for name in _PLAIN),
            each.suppressed_until is None,
            tuple(counter for counter, _ in each.marks),
            each.agreed,
        )
        found[same] = _together(found[same], each) if same in found else each
    return list(found.values())


# facts that are equal or not; the others are moments
_PLAIN = tuple(field.name for field in fields(Facts) if field.name not in ("suppressed_until", "marks", "agreed"))


def _together(a: _Class, b: _Class) -> _Class:
    return replace(
        a,
        leads=a.leads + b.leads,
        next_call_at=_span(a.next_call_at, b.next_call_at),
        suppressed_until=_span(a.suppressed_until, b.suppressed_until) if a.suppressed_until and b.suppressed_until else None,
        marks=tuple((counter, _span(one, other)) for (counter, one), (_, other) in zip(a.marks, b.marks, strict=True)),
    )


def _span(a: tuple[datetime, datetime], b: tuple[datetime, datetime]) -> tuple[datetime, datetime]:
    return min(a[0], b[0]), max(a[1], b[1])


def _class(row: sql.Row, counters: Sequence[Counter], given: Sequence[datetime], *, max_attempts: int, now: datetime) -> _Class:
    waits = row.state != LeadState.FINAL and row.next_call_at > now
    if row.e164 is None:
        known = Facts(zones=(), attempts_made=0, number_active=False, has_number=False, listed=False)
    else:
        known = replace(
            facts.of_number(facts.phone_of(row)),
            listed=row.listed,
            excluded=row.excluded,
            person_busy=row.person_busy,
            number_busy=row.number_busy,
            answer=Answer(row.answer) if row.answer else None,
        )
    marks = tuple((counter, getattr(row, f"mark_{i}_first"), getattr(row, f"mark_{i}_last")) for i, counter in enumerate(counters))
    return _Class(
        leads=row.leads,
        first=Standing(row.state, row.reason, now + _MOMENT if waits else now, "an agent" if row.kept else None, tuple(row.group_zones or ())),
        next_call_at=(row.next_call_at, row.next_call_at_last) if waits else (now, now),
        facts=replace(known, attempts_made=max_attempts if row.used_up else 0),
        suppressed_until=(row.suppressed_first, row.suppressed_last) if row.suppressed_first is not None else None,
        marks=tuple((counter, (first, last)) for counter, first, last in marks if first is not None),
        agreed=(tuple(_agreed(row.agreed, given, FIRST, now=now)), tuple(_agreed(row.agreed, given, LAST, now=now))),
    )


def _agreed(told: object, given: Sequence[datetime], which: int, *, now: datetime) -> Iterator[Agreed]:
    """Consents from their classes (kind, after how many of the moments it was given, never|later|over), at their most lenient or strictest."""
    for kind, after, ends in sql.loaded(told) or ():
        earliest = given[after - 1] if after else given[0] - _FAR
        latest = given[after] - _MOMENT if after < len(given) else given[-1] + _FAR
        # not yet given: the sooner the more lenient; given: the later
        at = earliest if (after == len(given)) == (which == FIRST) else latest
        expires = {"never": None, "over": now}.get(ends, now + (_FAR if which == FIRST else _MOMENT))
        yield Agreed(kind, at, expires)


def _statement(
    setting: Setting, counters: Sequence[Counter], asked: Sequence[Consent], *, given: Sequence[datetime], few: bool, now: datetime
) -> tuple[str, dict[str, Any]]:
    """One statement, with a join for each rule that counts. Finished leads are told by their reason alone."""
    params: dict[str, Any] = {
        "campaign": setting.id,
        "now": now,
        "max_attempts": setting.terms.max_attempts,
        "uncounted": sorted(NOT_THE_CUSTOMER),
        "they_called": facts.THEY_CALLED,
        "decide": DECIDE,
        "shortest": SHORTEST,
        "given": list(given),
        "service": setting.terms.service.id if setting.terms.service else None,
        "holds_until": now + STILL_HOLDS,
    }
    for i, counter in enumerate(counters):
        params |= {
            f"since_{i}": now - (counter.within if isinstance(counter, FrequencyCap) else counter.hold + facts.LONGEST_CALL),
            f"outcomes_{i}": facts.counted_as(_counts(counter)),
            f"still_{i}": None if isinstance(counter, FrequencyCap) else now - counter.hold,
        }
    scopes = [scope for scope in Scope if any(counter.scope is scope for counter in counters)]
    joins = " ".join(f"LEFT JOIN of_{scope} ON of_{scope}.{_COUNTED[scope][0]} = {_COUNTED[scope][1]}" for scope in scopes)
    consents = (
        """
        LEFT JOIN (
            SELECT q.id, json_agg(DISTINCT jsonb_build_array(g.kind, width_bucket(g.given_at, %(given)s::timestamptz[]),
                CASE WHEN g.expires_at IS NULL THEN 'never' WHEN g.expires_at > %(now)s THEN 'later' ELSE 'over' END))::text AS agreed
            FROM chosen q JOIN campaigns_consent g ON g.contact_id = q.contact_id AND g.number_key IN ('', q.number_key) AND g.revoked_at IS NULL
            GROUP BY q.id
        ) consents ON consents.id = q.id"""
        if asked
        else ""
    )
    checked = (
        """
        LEFT JOIN campaigns_numbercheck v ON v.service_id = %(service)s AND v.number_key = q.number_key AND v.valid_until > %(holds_until)s"""
        if setting.terms.service
        else ""
    )
    # twice as many classes, where a rule wants to know
    landline = "coalesce(q.kind <> 'mobile' AND q.landline, false)" if any(rule.mobile_only for rule in asked) else "false"
    ours = "FROM campaigns_lead l WHERE l.campaign_id = %(campaign)s AND l.state <> 'final'"
    # a million leads are put into classes much sooner by one number than by twelve yes or no
    there = ["suppressed_until IS NULL", *(f"mark_{i} IS NULL" for i in range(len(counters)))]
    flags = " | ".join(f"(({one})::int::bigint << {place})" for place, one in enumerate([*_YES_OR_NO, *there]))
    yes_or_no = ", ".join(f"k.flags & {1 << place} <> 0 AS {one}" for place, one in enumerate(_YES_OR_NO))
    equal = "state, reason, zone_group_id, e164, zones, region, country, time_zone, confirmed_zone, agreed, answer"
    statement = f"""
        WITH chosen AS (
            SELECT l.id, l.state, CASE WHEN l.state <> 'final' THEN l.contact_id END AS contact_id, l.reason, l.zone_group_id,
                CASE WHEN l.state = 'final' THEN %(now)s ELSE greatest(l.next_call_at, %(now)s) END AS next_call_at,
                l.state <> 'final' AND l.reserved_for_id IS NOT NULL AS kept,
                l.state <> 'final' AND l.tries <> '{{}}' AND (
                    SELECT coalesce(sum(t.value::int), 0) FROM jsonb_each_text(l.tries) t WHERE t.key <> ALL(%(uncounted)s)
                ) >= %(max_attempts)s AS used_up, p.e164, p.number_key, p.kind, p.zones, p.landline
            FROM campaigns_lead l
            LEFT JOIN (
                SELECT n.contact_id, min(n.position::bigint << 48 | n.id) & (1::bigint << 48) - 1 AS id
                FROM campaigns_phonenumber n WHERE n.active {f"AND n.contact_id IN (SELECT l.contact_id {ours})" if few else ""} GROUP BY 1
            ) first ON first.contact_id = l.contact_id
            LEFT JOIN campaigns_phonenumber lost ON lost.id = l.next_phone_id AND NOT lost.active
            LEFT JOIN campaigns_phonenumber p ON l.state <> 'final'
                AND p.id = CASE WHEN l.next_phone_id IS NULL OR lost.id IS NOT NULL THEN first.id ELSE l.next_phone_id END
            WHERE l.campaign_id = %(campaign)s
        ), {"".join(f"{_marks(scope, counters, few=few)}, " for scope in scopes)} facts AS (
            SELECT q.id, q.state, CASE WHEN q.state = 'final' OR q.next_call_at > %(now)s THEN q.reason ELSE '' END AS reason,
                CASE WHEN q.state <> 'final' THEN q.zone_group_id END AS zone_group_id, q.next_call_at, q.next_call_at > %(now)s AS waits, q.kept,
                q.used_up,
                CASE WHEN length(q.e164) < %(shortest)s THEN q.e164 ELSE rpad(left(q.e164, %(decide)s), %(shortest)s, '0') END AS e164,
                {landline} AS landline, q.zones, c.region, c.country, c.time_zone, h.zone AS confirmed_zone,
                coalesce(d.for_good, false) AS listed, x.id IS NOT NULL AS excluded,
                greatest(s.until, n.until, d.until) AS suppressed_until,
                coalesce(q.contact_id IN (SELECT a.contact_id FROM campaigns_attempt a WHERE a.state = 'open')
                    OR q.contact_id IN (SELECT h.contact_id FROM campaigns_lead h JOIN agents_interaction i ON i.lead_id = h.id
                        WHERE i.phase IN ('dialing', 'connecting', 'connected', 'wrap_up') AND h.campaign_id <> %(campaign)s)
                    OR q.contact_id IN (SELECT h.contact_id FROM campaigns_lead h JOIN campaigns_inboundcall b ON b.lead_id = h.id
                        WHERE b.state <> 'over'), false) AS person_busy,
                coalesce(q.e164 IN (SELECT a.e164 FROM campaigns_attempt a WHERE a.state = 'open')
                    OR q.e164 IN (SELECT b.number FROM campaigns_inboundcall b WHERE b.state <> 'over'), false) AS number_busy
                {"".join(f", of_{counter.scope}.mark_{i}" for i, counter in enumerate(counters))}{", consents.agreed" if asked else ", NULL AS agreed"},
                {"v.verdict" if setting.terms.service else "NULL"} AS answer
            FROM chosen q LEFT JOIN campaigns_contact c ON c.id = q.contact_id
            LEFT JOIN campaigns_zoneconfirmation h ON h.contact_id = q.contact_id AND h.ended_at IS NULL
            -- a number may stand on several lists at once: ours, a campaign's, registers'
            LEFT JOIN (SELECT e.number_key, bool_or(e.expires_at IS NULL) AS for_good, max(e.expires_at) FILTER (WHERE e.expires_at > %(now)s) AS until
                FROM campaigns_donotcall e WHERE (e.campaign_id IS NULL OR e.campaign_id = %(campaign)s)
                    {"AND e.number_key IN (SELECT c.number_key FROM chosen c)" if few else ""} GROUP BY 1) d ON d.number_key = q.number_key
            LEFT JOIN campaigns_campaignexclusion x ON x.contact_id = q.contact_id AND x.campaign_id = %(campaign)s
            LEFT JOIN (SELECT s.contact_id, max(s.until) AS until FROM campaigns_suppression s
                WHERE s.until > %(now)s AND (s.campaign_id IS NULL OR s.campaign_id = %(campaign)s) GROUP BY 1) s ON s.contact_id = q.contact_id
            LEFT JOIN (SELECT s.number_key, max(s.until) AS until FROM campaigns_suppression s
                WHERE s.number_key <> '' AND s.until > %(now)s AND (s.campaign_id IS NULL OR s.campaign_id = %(campaign)s)
                GROUP BY 1) n ON n.number_key = q.number_key
            {joins} {consents} {checked}
        ), classes AS (
            SELECT count(*) AS leads, {equal}, {flags} AS flags, min(next_call_at) AS next_call_at, max(next_call_at) AS next_call_at_last,
                min(suppressed_until) AS suppressed_first, max(suppressed_until) AS suppressed_last
                {"".join(f", min(mark_{i}) AS mark_{i}_first, max(mark_{i}) AS mark_{i}_last" for i in range(len(counters)))}
            FROM facts GROUP BY {equal}, {flags}
        )
        SELECT k.*, {yes_or_no}, 0 AS id, '' AS kind, true AS active, '' AS result, z.zones AS group_zones
        FROM classes k LEFT JOIN campaigns_zonegroup z ON z.id = k.zone_group_id
    """
    return statement, params


_YES_OR_NO = ("waits", "kept", "used_up", "listed", "excluded", "person_busy", "number_busy", "landline")
# by what calls are counted, and the lead's own
_COUNTED = {
    Scope.NUMBER: ("e164", "q.e164"),
    Scope.PERSON: ("contact_id", "q.contact_id"),
    Scope.LEAD: ("lead_id", "CASE WHEN q.state <> 'final' THEN q.id END"),
}
_CALLED_BY = {"e164": "b.number", "contact_id": "o.contact_id", "lead_id": "b.lead_id"}


def _counts(counter: Counter) -> Counts:
    return counter.counts if isinstance(counter, FrequencyCap) else counter.event


def _with_theirs(by: str) -> str:
    """The ledger, and the conversations that customers began."""
    return f"""(
            SELECT a.{by}, a.dialed_at, a.concluded_at, a.outcome FROM campaigns_attempt a
            UNION ALL
            SELECT {_CALLED_BY[by]}, b.answered_at, b.ended_at, %(they_called)s::text FROM campaigns_inboundcall b LEFT JOIN campaigns_lead o ON o.id = b.lead_id
            WHERE b.answered_at IS NOT NULL
        )"""


def _marks(scope: Scope, counters: Sequence[Counter], *, few: bool) -> str:
    """Of each number, person or lead the calls that decide, as `facts.read` finds them, where they still do: one pass over the ledger for all
    rules that count by the same thing. Of a cap of three the third last call is mostly the first of three, and looked for only where there are more."""
    by, of_lead = _COUNTED[scope]
    calls = _with_theirs(by) if any(c.scope is scope and _counts(c) is Counts.CONVERSATION for c in counters) else "campaigns_attempt"
    columns, decides, since = [], [], []
    for i, counter in enumerate(counters):
        if counter.scope is not scope:
            continue
        counts = f"{{0}}.dialed_at > %(since_{i})s AND ({{0}}.outcome IS NULL OR {{0}}.outcome = ANY(%(outcomes_{i})s))"
        of_it, also = counts.format("c"), counts.format("m")
        match counter:
            case FrequencyCap(_, nth):
                made = f"count(*) FILTER (WHERE {of_it})"
                columns.append(
                    f"""CASE WHEN {made} = {nth:d} THEN min(c.dialed_at) FILTER (WHERE {of_it}) WHEN {made} > {nth:d} THEN (
                        SELECT m.dialed_at FROM {calls} m WHERE m.{by} = c.{by} AND {also}
                        ORDER BY m.dialed_at DESC OFFSET {nth - 1:d} LIMIT 1) END AS mark_{i}"""
                )
                decides.append(f"{made} >= {nth:d}")
            case HoldAfter():
                ended = f"max(coalesce(c.concluded_at, c.dialed_at)) FILTER (WHERE {of_it})"
                columns.append(f"CASE WHEN {ended} > %(still_{i})s THEN {ended} END AS mark_{i}")
                decides.append(f"{ended} > %(still_{i})s")
        since.append(f"%(since_{i})s::timestamptz")
    ours = f"AND c.{by} IN (SELECT {of_lead} FROM chosen q)" if few else ""
    return f"""
        of_{scope} AS MATERIALIZED (
            SELECT c.{by}, {", ".join(columns)} FROM {calls} c WHERE c.dialed_at > least({", ".join(since)}) {ours}
            GROUP BY c.{by} HAVING {" OR ".join(decides)}
        )"""
