"""Everything a permit asks, read set-based, once. The flow and explain share it, so that no second answer can exist."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from agents.rules.lifecycle import Phase
from campaigns import spending
from campaigns.querysets import DueLead
from campaigns.rules import holidays
from campaigns.rules.lifecycle import CampaignState
from campaigns.rules.modes import MODES, Mode, OnPreviewTimeout
from campaigns.rules.number_checks import STILL_HOLDS, Answer, Breaker, Service, problem
from campaigns.rules.outcomes import NumberResult, Outcome
from campaigns.rules.permit.gate import Agreed, Facts, Terms
from campaigns.rules.permit.hours import ALWAYS, Hours, hours_from
from campaigns.rules.permit.kinds import OUTCOMES, Counter, Counts, FrequencyCap, HoldAfter, Pack, pack_from
from campaigns.rules.places import candidate_zones, place_of, places
from campaigns.rules.retry import Rule, counted
from campaigns.rules.spending import Limit, Tariff
from dialer_project.lib import sql
from telephony import nodes

# whoever looks at a record without a time limit has forgotten it
LONGEST_LOOK = timedelta(hours=1)
# a hold begins when the call ends, and the ledger is searched by when it began
LONGEST_CALL = timedelta(days=1)
# how a conversation that the customer began stands beside the outcomes of our own calls
THEY_CALLED = "they_called"


@dataclass(frozen=True, slots=True)
class Setting:
    """A campaign as a batch needs it: its terms and what its calls are made with. Plain values, read in the batch's transaction."""

    id: int
    name: str
    mode: Mode
    state: CampaignState
    epoch: int
    pool: int
    weight: int
    version: int
    terms: Terms
    trunk_id: int | None
    caller_id: str
    message: str
    voicemail: str
    on_machine: str
    ring_for: int
    min_ring_for: int
    ring_agent_for: int
    wrap_up_for: int
    wrap_up_policy: str
    disposition_for: str
    longest_call: timedelta
    max_attempts: int
    max_misses: int
    no_callback_for: timedelta
    postpones: bool
    note_required: bool
    is_live: bool
    limits: tuple[Limit, ...]  # what may be spent a day, its own and the organisation's; how they stand is in the terms of `settings_now`
    retries: Mapping[Outcome, Rule]  # its own; what has none falls back to `retry.DEFAULTS`
    preview_for: timedelta | None = None
    auto_answer: bool = True
    when_missed: str = "mode"
    when_rejected: str = "mode"
    reject_reason: bool = False
    new_numbers: bool = True
    dial_ratio: float = 1.0
    call_back_in: int | None = None

    @property
    def line(self) -> str:
        return f"c{self.id}"

    @property
    def alerts(self) -> bool:
        """Whether agents are alerted to a call that is on its way, or has been answered, instead of having it at once."""
        return self.mode.answers_by_itself and not self.auto_answer

    @property
    def opens_in(self) -> Phase:
        """The phase in which a record comes to its agent."""
        return Phase.RINGING_AGENT if self.alerts and self.mode.dials_at_dispatch else self.mode.opens_in

    @property
    def callback_opens_in(self) -> Phase:
        """The phase in which a callback comes to its owner. Where they are alerted, only who has accepted has the customer called: nobody else
        may take what one agent has promised."""
        return Phase.RINGING_AGENT if self.alerts else self.mode.callback_opens_in

    def dials_at(self, *, now: datetime) -> datetime | None:
        """When a preview that begins now is dialed by itself; None: never."""
        return now + self.preview_for if self.preview_for is not None and self.mode.on_preview_timeout is OnPreviewTimeout.DIAL else None

    def looked_at_until(self, *, now: datetime) -> datetime:
        """When a preview that begins now is over, whatever becomes of it."""
        ends = self.mode.on_preview_timeout in (OnPreviewTimeout.RETURN, OnPreviewTimeout.DECLINE)
        return now + (self.preview_for if ends and self.preview_for is not None else LONGEST_LOOK)


@dataclass(frozen=True, slots=True)
class Phone:
    id: int
    e164: str
    kind: str
    zones: tuple[str, ...]
    active: bool
    places: frozenset[str] = frozenset()
    result: NumberResult | None = None  # what an agent said of it
    landline: bool = False  # surely one, by its digits


@dataclass(frozen=True, slots=True)
class Person:
    """A lead's contact and its numbers, in order."""

    contact_id: int
    name: str
    phones: tuple[Phone, ...]

    def phone(self, wanted: int | None) -> Phone | None:
        """The wanted number if it may still be dialed, else the first that may."""
        usable = [p for p in self.phones if p.active]
        return next((p for p in usable if p.id == wanted), usable[0] if usable else None)


# with now, which None leaves unasked: whether a telephony server is there
_SETTING = f"""
    SELECT c.id, c.name, c.mode_key, c.call_purpose, c.state, c.epoch, c.pool, c.weight, c.starts_at, c.ends_at, c.trunk_id, c.ring_for, c.min_ring_for, c.ring_agent_for,
        c.wrap_up_for, c.wrap_up_policy, c.disposition_for, c.longest_call, c.max_attempts, c.max_misses, c.no_callback_days, c.is_live,
        c.preview_for, c.auto_answer, c.when_missed, c.when_rejected, c.reject_reason, c.new_numbers, c.dial_ratio, c.postpones, c.note_required, c.call_back_in_id,
        h.week, i.e164 AS caller_id, i.verified, m.media, c.on_machine, v.media AS voicemail, w.id AS service_id, w.name AS service, w.enabled AS service_enabled,
        w.failures AS service_failures, w.problem AS service_problem, w.timeout AS service_timeout, t.per_minute, coalesce(t.enabled, true) AS trunk_ok,
        %(now)s::timestamptz IS NULL OR EXISTS (SELECT 1 FROM telephony_node n WHERE {nodes.DIALABLE}) AS server_ok,
        (SELECT json_agg(json_build_object('id', y.id, 'campaign_id', y.campaign_id, 'per_day', y.per_day::text, 'time_zone', y.time_zone)
                ORDER BY y.id)
            FROM campaigns_spendlimit y WHERE y.campaign_id = c.id OR y.campaign_id IS NULL) AS limits,
        coalesce((SELECT max(v.number) FROM campaigns_campaignversion v WHERE v.campaign_id = c.id), 0) AS version,
        (SELECT CASE WHEN v.approved_at IS NULL THEN v.loosens END FROM campaigns_campaignversion v
            WHERE v.campaign_id = c.id ORDER BY v.number DESC LIMIT 1) AS unapproved,
        (SELECT json_agg(json_build_object('name', r.name, 'version', r.version, 'jurisdiction', r.jurisdiction, 'rules', r.rules, 'purposes', r.purposes,
                'effective_from', r.effective_from, 'effective_to', r.effective_to) ORDER BY r.name, r.version)
            FROM campaigns_rulepack_campaigns x JOIN campaigns_rulepack r ON r.id = x.rulepack_id WHERE x.campaign_id = c.id) AS packs,
        (SELECT json_object_agg(t.outcome, json_build_array(t.max_attempts, t.delay_minutes, t.growing, t.next_number))
            FROM campaigns_retryrule t WHERE t.campaign_id = c.id) AS retries
    FROM campaigns_campaign c
    LEFT JOIN campaigns_callablehours h ON h.id = c.hours_id
    LEFT JOIN telephony_callerid i ON i.id = c.caller_id_id
    LEFT JOIN telephony_announcement m ON m.id = c.message_id
    LEFT JOIN telephony_announcement v ON v.id = c.voicemail_id
    LEFT JOIN telephony_trunk t ON t.id = c.trunk_id
    LEFT JOIN campaigns_validationservice w ON w.id = c.validation_service_id
"""


def settings_of(campaign_ids: Sequence[int]) -> dict[int, Setting]:
    """Without how the world stands for them: spend limits and telephony servers."""
    return _settings(_found("c.id = ANY(%(ids)s)", ids=list(campaign_ids), now=None))


def settings_now(campaign_ids: Sequence[int], *, now: datetime, supposed: bool = False) -> dict[int, Setting]:
    """As `settings_of`, and how the world stands for them: for whoever is about to dial, or to say why nobody does. `supposed`: `now` is
    another moment than the present, of which alone it is known whether a telephony server is there."""
    found = _settings(_found("c.id = ANY(%(ids)s)", ids=list(campaign_ids), now=None if supposed else now))
    return {campaign.id: campaign for campaign in with_spending(found.values(), now=now)}


def with_spending(campaigns: Iterable[Setting], *, now: datetime) -> list[Setting]:
    """One statement where there is any limit, none else."""
    campaigns = list(campaigns)
    limits = {limit.id: limit for campaign in campaigns for limit in campaign.limits}
    if not limits:
        return campaigns
    spent, dearest = spending.read(list(limits.values()), [c.trunk_id for c in campaigns if c.trunk_id is not None], now=now)

    def stands(campaign: Setting) -> Setting:
        flat = campaign.terms.tariff.flat
        tariff = Tariff(flat, max(flat, dearest.get(campaign.trunk_id or 0, flat)) if flat is not None else None)
        return replace(campaign, terms=replace(campaign.terms, spending=tuple(spent[limit.id] for limit in campaign.limits), tariff=tariff))

    return [stands(campaign) for campaign in campaigns]


def settings_of_pool(pool: int, *, now: datetime) -> list[Setting]:
    """The running campaigns of a pool, and how the world stands for them."""
    found = _settings(_found("c.pool = %(pool)s AND c.state = 'running'", pool=pool, now=now))
    return with_spending(found.values(), now=now)


def _found(which: str, /, *, now: datetime | None, **params: object) -> list[sql.Row]:
    return sql.rows(f"{_SETTING} WHERE {which}", {"now": now, **params})


def _settings(found: Sequence[sql.Row]) -> dict[int, Setting]:
    # what the packs name is read once, and only where a campaign has pinned any
    rules = [rule for row in found for pack in sql.loaded(row.packs) or () for rule in pack["rules"]]
    world = _world(rules) if any(row.packs for row in found) else _World({}, {})
    return {row.id: _setting(row, world) for row in found}


@dataclass(frozen=True, slots=True)
class _World:
    """What rules name: calendars of closed days, and whose each do-not-call list is (None: the organisation's) and when it was last loaded."""

    calendars: dict[str, frozenset[date]]
    lists: dict[str, tuple[int | None, datetime]]

    def lists_of(self, campaign_id: int) -> dict[str, datetime]:
        """Those its leads are held against: a list of another campaign keeps nobody from being called in this one."""
        return {name: at for name, (owner, at) in self.lists.items() if owner in (None, campaign_id)}


def read_ahead() -> None:
    """For a process that is to live for long, before its first call: a library takes a fifth of a second to be read."""
    holidays.ready()


def _world(rules: Sequence[Mapping[str, Any]]) -> _World:
    """Of calendars those that the rules name, and where one closes the public holidays of wherever somebody is, those named after places."""
    wherever = any(rule["kind"] == "public_holidays" for rule in rules)
    if wherever:
        holidays.ready()
    found = sql.rows(
        """
        SELECT (SELECT json_object_agg(c.name, c.days) FROM (
                SELECT k.name, json_agg(h.day) AS days FROM campaigns_holidaycalendar k JOIN campaigns_holiday h ON h.calendar_id = k.id
                WHERE h.day >= current_date - 400 AND (k.name = ANY(%s) OR %s AND k.name ~ %s) GROUP BY k.name) c) AS calendars,
            (SELECT json_object_agg(l.name, json_build_array(l.campaign_id, l.loaded_at)) FROM campaigns_donotcalllist l WHERE l.loaded_at IS NOT NULL) AS lists
        """,
        [
            sorted({rule["calendar"] for rule in rules if rule["kind"] == "blocked_days"}),
            wherever,
            f"^{holidays.PLACE.pattern}$",
        ],
    )[0]
    return _World(
        {name: frozenset(map(date.fromisoformat, days)) for name, days in (sql.loaded(found.calendars) or {}).items()},
        {name: (owner, datetime.fromisoformat(at)) for name, (owner, at) in (sql.loaded(found.lists) or {}).items()},
    )


def _packs(data: object, world: _World, *, purpose: str) -> tuple[Pack, ...]:
    """The pinned packs that concern calls of this purpose."""
    packs = [pack_from(pack, calendars=world.calendars) for pack in sql.loaded(data) or ()]
    return tuple(pack for pack in packs if pack.concerns(purpose))


def _setting(row: sql.Row, world: _World) -> Setting:
    hours = _hours(row.week)
    version = f"v{row.version}"
    return Setting(
        id=row.id,
        name=row.name,
        mode=MODES[row.mode_key],
        state=CampaignState(row.state),
        epoch=row.epoch,
        pool=row.pool,
        weight=row.weight,
        version=row.version,
        terms=Terms(
            state=CampaignState(row.state),
            starts_at=row.starts_at,
            ends_at=row.ends_at,
            hours=hours,
            ring_for=timedelta(seconds=row.ring_for),
            max_attempts=row.max_attempts,
            caller_id_ok=row.caller_id is None or row.verified,
            trunk_ok=row.trunk_ok,
            server_ok=row.server_ok,
            unapproved=tuple(row.unapproved or ()),
            version=version,
            packs=_packs(row.packs, world, purpose=row.call_purpose),
            has_caller_id=row.caller_id is not None,
            has_message=row.media is not None,
            min_ring=timedelta(seconds=row.min_ring_for),
            lists=world.lists_of(row.id),
            service=_service(row),
            tariff=Tariff(row.per_minute, row.per_minute),
            trunk_id=row.trunk_id,
        ),
        limits=tuple(Limit(**{**limit, "per_day": Decimal(limit["per_day"])}) for limit in sql.loaded(row.limits) or ()),
        trunk_id=row.trunk_id,
        caller_id=row.caller_id or "",
        message=row.media or "",
        voicemail=row.voicemail or "",
        on_machine=row.on_machine,
        ring_for=row.ring_for,
        min_ring_for=row.min_ring_for,
        ring_agent_for=row.ring_agent_for,
        wrap_up_for=row.wrap_up_for,
        wrap_up_policy=row.wrap_up_policy,
        disposition_for=row.disposition_for,
        longest_call=timedelta(minutes=row.longest_call),
        max_attempts=row.max_attempts,
        max_misses=row.max_misses,
        no_callback_for=timedelta(days=row.no_callback_days),
        postpones=row.postpones,
        note_required=row.note_required,
        is_live=row.is_live,
        preview_for=timedelta(seconds=row.preview_for) if row.preview_for is not None else None,
        auto_answer=row.auto_answer,
        when_missed=row.when_missed,
        when_rejected=row.when_rejected,
        reject_reason=row.reject_reason,
        new_numbers=row.new_numbers,
        dial_ratio=float(row.dial_ratio),
        call_back_in=row.call_back_in_id,
        retries={
            Outcome(outcome): Rule(attempts, timedelta(minutes=minutes), growing, next_number)
            for outcome, (attempts, minutes, growing, next_number) in (sql.loaded(row.retries) or {}).items()
        },
    )


def _service(row: sql.Row) -> Service | None:
    if row.service_id is None:
        return None
    breaker = Breaker(row.service_failures)
    why = problem(row.service, enabled=row.service_enabled, breaker=breaker, why=row.service_problem)
    return Service(row.service_id, row.service, why, timedelta(seconds=row.service_timeout))


def _hours(week: object) -> Hours:
    """Of a campaign without hours every hour; of hours that name no day, none."""
    loaded = sql.loaded(week)
    return ALWAYS if loaded is None else hours_from(loaded)


@dataclass(frozen=True, slots=True)
class Abandonment:
    """Of the persons who answered, how many heard the message instead of an agent."""

    answered: int
    abandoned: int

    @property
    def share(self) -> float:
        return self.abandoned / self.answered if self.answered else 0.0


def abandonment(campaign_ids: Sequence[int], *, since: datetime) -> dict[int, Abandonment]:
    """Campaign -> its abandoned calls, by the ledger. Who hung up before the two seconds were over is not counted as having answered."""
    found = {
        row.campaign_id: Abandonment(row.answered, row.abandoned)
        for row in sql.rows(
            """
            SELECT a.campaign_id, count(*) AS answered, count(*) FILTER (WHERE a.outcome = 'abandoned') AS abandoned FROM campaigns_attempt a
            WHERE a.campaign_id = ANY(%s) AND a.planned_at >= %s AND a.outcome IN ('connected', 'abandoned') GROUP BY a.campaign_id
            """,
            [list(campaign_ids), since],
        )
    }
    return {campaign_id: found.get(campaign_id, Abandonment(0, 0)) for campaign_id in campaign_ids}


def people(contact_ids: Sequence[int]) -> dict[int, Person]:
    """Contacts with their numbers."""
    found: dict[int, tuple[str, list[Phone]]] = {}
    for row in sql.rows(
        """
        SELECT c.id AS contact_id, c.first_name, c.last_name, c.company, c.region, c.country, c.time_zone, z.zone AS confirmed_zone,
            p.id, p.e164, p.kind, p.zones, p.active, p.result, p.landline
        FROM campaigns_contact c LEFT JOIN campaigns_phonenumber p ON p.contact_id = c.id
        LEFT JOIN campaigns_zoneconfirmation z ON z.contact_id = c.id AND z.ended_at IS NULL
        WHERE c.id = ANY(%s) ORDER BY c.id, p.position, p.id
        """,
        [list(contact_ids)],
    ):
        name = " ".join(part for part in (row.first_name, row.last_name) if part) or row.company
        _, phones = found.setdefault(row.contact_id, (name, []))
        if row.id is not None:
            phones.append(phone_of(row))
    return {contact_id: Person(contact_id, name, tuple(phones)) for contact_id, (name, phones) in found.items()}


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def phone_of(row: sql.Row) -> Phone:
    """A number with every place and zone its person may be in. A row has id, e164, kind, zones, active, result and landline of the number, and region,
    country, time_zone and confirmed_zone of its contact."""
    zones = _zones(row)
    where = places(row.e164, zones=zones, country=row.country, region=row.region)
    return Phone(row.id, row.e164, row.kind, zones, row.active, where, NumberResult(row.result) if row.result else None, row.landline)


def _zones(row: sql.Row) -> tuple[str, ...]:
    """Every zone this person may be in on this number, or the one in which they said they are."""
    if row.confirmed_zone:
        return (row.confirmed_zone,)
    return candidate_zones(row.e164, own=row.zones, country=row.country, region=row.region, time_zone=row.time_zone)


@dataclass(frozen=True, slots=True)
class Asked:
    """A lead and the number it would be called on (None: it has none left)."""

    lead_id: int
    campaign_id: int
    contact_id: int
    tries: Mapping[str, int]
    phone: Phone | None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A due lead, the person behind it and the number to be dialed (None: it has none left)."""

    lead: DueLead
    person: Person
    phone: Phone | None

    @property
    def asked(self) -> Asked:
        return Asked(self.lead.id, self.lead.campaign_id, self.lead.contact_id, self.lead.tries, self.phone)


@dataclass(frozen=True, slots=True)
class Known:
    """price: a minute, where the trunk has one."""

    facts: Facts
    alternatives: tuple[int, ...]  # other active numbers that are on no list for good, as far as anybody knows
    price: Decimal | None = None


def read(asked: Sequence[Asked], *, terms: Terms, now: datetime, locked: set[int] | None = None, in_hand: bool = False) -> dict[int, Known]:
    """Lead id -> its facts at this instant, one statement for all. `locked`: the leads whose person and number we hold; None where nothing
    is to be dialed, only planned or explained. `in_hand`: agents have these records, and are about to have them dialed.

    All are of the campaign with these `terms`, which say what of the calls made must be counted. Counted is the ledger, across
    all campaigns, from the moment a call was sent; one whose fate is not known counts. So is a conversation that they began, by calling us.
    """
    counters = terms.counters
    chosen = [one for one in asked if one.phone is not None]
    rows = {
        row.lead_id: row
        for row in sql.rows(
            """
            SELECT q.lead_id,
                EXISTS (SELECT 1 FROM campaigns_donotcall d WHERE d.number_key = p.number_key AND d.expires_at IS NULL
                        AND (d.campaign_id IS NULL OR d.campaign_id = q.campaign_id)) AS listed,
                EXISTS (SELECT 1 FROM campaigns_campaignexclusion x WHERE x.campaign_id = q.campaign_id AND x.contact_id = q.contact_id) AS excluded,
                greatest(
                    (SELECT max(s.until) FROM campaigns_suppression s
                     WHERE (s.contact_id = q.contact_id OR s.number_key = p.number_key AND s.number_key <> '')
                       AND (s.campaign_id IS NULL OR s.campaign_id = q.campaign_id) AND s.until > %(now)s),
                    (SELECT max(d.expires_at) FROM campaigns_donotcall d WHERE d.number_key = p.number_key AND d.expires_at > %(now)s
                       AND (d.campaign_id IS NULL OR d.campaign_id = q.campaign_id))) AS suppressed_until,
                EXISTS (SELECT 1 FROM campaigns_attempt a WHERE a.contact_id = q.contact_id AND a.state = 'open')
                -- a record may be finished or waiting while its person talks to us: they have called us
                OR EXISTS (SELECT 1 FROM campaigns_lead o JOIN agents_interaction i ON i.lead_id = o.id AND i.phase <> 'closed'
                        AND i.phase IN ('dialing', 'connecting', 'connected', 'wrap_up')
                        WHERE o.contact_id = q.contact_id AND o.id <> q.lead_id)
                OR EXISTS (SELECT 1 FROM campaigns_lead o JOIN campaigns_inboundcall b ON b.lead_id = o.id AND b.state <> 'over'
                        WHERE o.contact_id = q.contact_id) AS person_busy,
                EXISTS (SELECT 1 FROM campaigns_attempt a WHERE a.e164 = p.e164 AND a.state = 'open')
                OR EXISTS (SELECT 1 FROM campaigns_inboundcall b WHERE b.number = p.e164 AND b.state <> 'over') AS number_busy,
                ARRAY(SELECT n.id FROM campaigns_phonenumber n WHERE n.contact_id = q.contact_id AND n.active AND n.id <> q.phone_id
                      AND NOT EXISTS (SELECT 1 FROM campaigns_donotcall d WHERE d.number_key = n.number_key AND d.expires_at IS NULL
                                      AND (d.campaign_id IS NULL OR d.campaign_id = q.campaign_id))
                      AND NOT EXISTS (SELECT 1 FROM campaigns_numbercheck v WHERE v.service_id = %(service)s AND v.number_key = n.number_key
                                      AND v.verdict <> 'clear' AND v.valid_until > %(now)s)
                      ORDER BY n.position, n.id) AS alternatives,
                (SELECT json_agg(json_build_object('kind', g.kind, 'given_at', g.given_at, 'expires_at', g.expires_at)) FROM campaigns_consent g
                 WHERE g.contact_id = q.contact_id AND g.number_key IN ('', p.number_key) AND g.revoked_at IS NULL) AS agreed,
                (SELECT json_object_agg(k.i, made.at) FROM json_to_recordset(%(counters)s::json)
                        AS k(i int, scope text, outcomes text[], nth int, since timestamptz, from_end boolean)
                 CROSS JOIN LATERAL (
                    SELECT CASE WHEN k.from_end THEN coalesce(m.concluded_at, m.dialed_at) ELSE m.dialed_at END AS at FROM (
                        SELECT a.dialed_at, a.concluded_at, a.outcome FROM campaigns_attempt a
                        WHERE k.scope = 'number' AND a.e164 = p.e164 AND a.dialed_at > k.since
                        UNION ALL
                        SELECT a.dialed_at, a.concluded_at, a.outcome FROM campaigns_attempt a
                        WHERE k.scope = 'person' AND a.contact_id = q.contact_id AND a.dialed_at > k.since
                        UNION ALL
                        SELECT a.dialed_at, a.concluded_at, a.outcome FROM campaigns_attempt a
                        WHERE k.scope = 'lead' AND a.lead_id = q.lead_id AND a.dialed_at > k.since
                        UNION ALL
                        SELECT b.answered_at, b.ended_at, %(they_called)s::text FROM campaigns_inboundcall b
                        WHERE k.scope = 'number' AND %(they_called)s::text = ANY(k.outcomes) AND b.number = p.e164 AND b.answered_at > k.since
                        UNION ALL
                        SELECT b.answered_at, b.ended_at, %(they_called)s::text FROM campaigns_lead o JOIN campaigns_inboundcall b ON b.lead_id = o.id
                        WHERE k.scope = 'person' AND %(they_called)s::text = ANY(k.outcomes) AND o.contact_id = q.contact_id AND b.answered_at > k.since
                        UNION ALL
                        SELECT b.answered_at, b.ended_at, %(they_called)s::text FROM campaigns_inboundcall b
                        WHERE k.scope = 'lead' AND %(they_called)s::text = ANY(k.outcomes) AND b.lead_id = q.lead_id AND b.answered_at > k.since
                    ) m WHERE m.outcome IS NULL OR m.outcome = ANY(k.outcomes)
                    ORDER BY m.dialed_at DESC OFFSET k.nth - 1 LIMIT 1
                 ) made) AS marks,
                (SELECT v.verdict FROM campaigns_numbercheck v
                 WHERE v.service_id = %(service)s AND v.number_key = p.number_key AND v.valid_until > %(holds_until)s) AS answer,
                -- the longest prefix decides
                (SELECT t.per_minute FROM telephony_trunkprice t
                 WHERE t.trunk_id = %(trunk)s AND t.prefix IN (SELECT left(p.e164, n) FROM generate_series(2, 12) AS n)
                 ORDER BY length(t.prefix) DESC LIMIT 1) AS price
            FROM json_to_recordset(%(asked)s::json) AS q(lead_id bigint, campaign_id bigint, contact_id bigint, phone_id bigint)
            JOIN campaigns_phonenumber p ON p.id = q.phone_id
            """,
            {
                "now": now,
                "trunk": terms.trunk_id,
                "service": terms.service.id if terms.service else None,
                "holds_until": now if in_hand else now + STILL_HOLDS,
                "they_called": THEY_CALLED,
                "counters": sql.records({"i": i, **_counter(rule, now)} for i, rule in enumerate(counters)),
                "asked": sql.records(
                    {"lead_id": one.lead_id, "campaign_id": one.campaign_id, "contact_id": one.contact_id, "phone_id": one.phone.id}
                    for one in chosen
                    if one.phone
                ),
            },
        )
    }
    known = {}
    for one in asked:
        row = rows.get(one.lead_id)
        if row is None or one.phone is None:
            facts = Facts(zones=(), attempts_made=counted(one.tries), number_active=False, has_number=False, listed=False, locked=True)
            known[one.lead_id] = Known(facts, ())
            continue
        facts = replace(
            of_number(one.phone),
            attempts_made=counted(one.tries),
            listed=row.listed,
            excluded=row.excluded,
            suppressed_until=row.suppressed_until,
            person_busy=row.person_busy,
            number_busy=row.number_busy,
            locked=locked is None or one.lead_id in locked,
            agreed=tuple(
                Agreed(given["kind"], datetime.fromisoformat(given["given_at"]), _instant(given["expires_at"]))
                for given in sql.loaded(row.agreed) or ()
            ),
            marks={counters[int(i)]: datetime.fromisoformat(at) for i, at in (sql.loaded(row.marks) or {}).items()},
            answer=Answer(row.answer) if row.answer else None,
            in_hand=in_hand,
        )
        known[one.lead_id] = Known(facts, tuple(row.alternatives), row.price if row.price is not None else terms.tariff.flat)
    return known


def of_number(phone: Phone) -> Facts:
    """What a number alone tells, as if nobody had ever been called on it."""
    place = place_of(phone.e164)
    return Facts(
        zones=phone.zones,
        attempts_made=0,
        number_active=phone.active,
        number_result=phone.result,
        listed=False,
        places=phone.places,
        country=place.country,
        destination=place.kind,
        # what somebody has called it makes no landline of a mobile
        mobile=phone.kind == "mobile" or not phone.landline,
    )


def counted_as(counts: Counts) -> list[str]:
    """The outcomes a cap or a hold looks at. A conversation is one whoever began it; of our attempts and rings theirs are none."""
    return [*sorted(OUTCOMES[counts]), *([THEY_CALLED] if counts is Counts.CONVERSATION else [])]


def _counter(rule: Counter, now: datetime) -> dict[str, object]:
    """Of a cap the call that would have to leave the window first; of a hold the last one, whose end may lie a long call after its beginning."""
    match rule:
        case FrequencyCap(scope, count, within, counts):
            return {"scope": scope, "outcomes": counted_as(counts), "nth": count, "since": now - within, "from_end": False}
        case HoldAfter(event, hold, scope):
            return {"scope": scope, "outcomes": counted_as(event), "nth": 1, "since": now - hold - LONGEST_CALL, "from_end": True}
