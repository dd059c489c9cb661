"""Everything a permit asks, read set-based, once. The flow and explain share it, so that no second answer can exist."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from campaigns.querysets import DueLead
from campaigns.rules.lifecycle import CampaignState
from campaigns.rules.modes import MODES, Mode
from campaigns.rules.outcomes import Outcome
from campaigns.rules.permit import ALWAYS, Facts, Hours, Terms, hours_from
from campaigns.rules.retry import Rule, counted
from dialer_project.lib import sql


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
    is_live: bool

    @property
    def line(self) -> str:
        return f"c{self.id}"


@dataclass(frozen=True, slots=True)
class Phone:
    id: int
    e164: str
    kind: str
    zones: tuple[str, ...]
    active: bool


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


_SETTING = """
    SELECT c.id, c.name, c.mode_key, c.state, c.epoch, c.pool, c.weight, c.starts_at, c.ends_at, c.trunk_id, c.ring_for, c.min_ring_for, c.ring_agent_for,
        c.wrap_up_for, c.wrap_up_policy, c.disposition_for, c.longest_call, c.max_attempts, c.max_misses, c.no_callback_days, c.is_live,
        h.week, i.e164 AS caller_id, i.verified, m.media,
        coalesce((SELECT max(v.number) FROM campaigns_campaignversion v WHERE v.campaign_id = c.id), 0) AS version
    FROM campaigns_campaign c
    LEFT JOIN campaigns_callablehours h ON h.id = c.hours_id
    LEFT JOIN telephony_callerid i ON i.id = c.caller_id_id
    LEFT JOIN telephony_announcement m ON m.id = c.message_id
"""


def settings_of(campaign_ids: Sequence[int]) -> dict[int, Setting]:
    return {row.id: _setting(row) for row in sql.rows(f"{_SETTING} WHERE c.id = ANY(%s)", [list(campaign_ids)])}


def settings_of_pool(pool: int) -> list[Setting]:
    """The running campaigns of a pool."""
    return [_setting(row) for row in sql.rows(f"{_SETTING} WHERE c.pool = %s AND c.state = 'running'", [pool])]


def _setting(row: sql.Row) -> Setting:
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
            version=version,
        ),
        trunk_id=row.trunk_id,
        caller_id=row.caller_id or "",
        message=row.media or "",
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
        is_live=row.is_live,
    )


def _hours(week: object) -> Hours:
    loaded = sql.loaded(week)
    return hours_from(loaded) if loaded else ALWAYS


def people(contact_ids: Sequence[int]) -> dict[int, Person]:
    """Contacts with their numbers."""
    found: dict[int, tuple[str, list[Phone]]] = {}
    for row in sql.rows(
        """
        SELECT c.id AS contact_id, c.first_name, c.last_name, c.company, p.id, p.e164, p.kind, p.zones, p.active
        FROM campaigns_contact c LEFT JOIN campaigns_phonenumber p ON p.contact_id = c.id
        WHERE c.id = ANY(%s) ORDER BY c.id, p.position, p.id
        """,
        [list(contact_ids)],
    ):
        name = " ".join(part for part in (row.first_name, row.last_name) if part) or row.company
        _, phones = found.setdefault(row.contact_id, (name, []))
        if row.id is not None:
            phones.append(Phone(row.id, row.e164, row.kind, tuple(row.zones), row.active))
    return {contact_id: Person(contact_id, name, tuple(phones)) for contact_id, (name, phones) in found.items()}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A lead, the person behind it and the number to be dialed (None: it has none left)."""

    lead: DueLead
    person: Person
    phone: Phone | None


@dataclass(frozen=True, slots=True)
class Known:
    facts: Facts
    alternatives: tuple[int, ...]  # other active numbers that are on no list


def read(candidates: Sequence[Candidate], *, locked: set[int], now: datetime) -> dict[int, Known]:
    """Lead id -> its facts at this instant, one statement for all. `locked`: the leads whose person and number we hold."""
    chosen = [c for c in candidates if c.phone is not None]
    rows = {
        row.lead_id: row
        for row in sql.rows(
            """
            SELECT q.lead_id,
                EXISTS (SELECT 1 FROM campaigns_donotcall d
                        WHERE d.number_key = p.number_key AND (d.campaign_id IS NULL OR d.campaign_id = q.campaign_id)) AS listed,
                EXISTS (SELECT 1 FROM campaigns_campaignexclusion x WHERE x.campaign_id = q.campaign_id AND x.contact_id = q.contact_id) AS excluded,
                (SELECT max(s.until) FROM campaigns_suppression s
                 WHERE (s.contact_id = q.contact_id OR s.number_key = p.number_key AND s.number_key <> '')
                   AND (s.campaign_id IS NULL OR s.campaign_id = q.campaign_id) AND s.until > %(now)s) AS suppressed_until,
                EXISTS (SELECT 1 FROM campaigns_attempt a WHERE a.contact_id = q.contact_id AND a.state = 'open')
                OR EXISTS (SELECT 1 FROM campaigns_lead o JOIN agents_interaction i ON i.lead_id = o.id AND i.phase <> 'closed'
                        AND i.phase IN ('dialing', 'connecting', 'connected', 'wrap_up')
                        WHERE o.contact_id = q.contact_id AND o.id <> q.lead_id AND o.state = 'busy') AS person_busy,
                EXISTS (SELECT 1 FROM campaigns_attempt a WHERE a.e164 = p.e164 AND a.state = 'open') AS number_busy,
                ARRAY(SELECT n.id FROM campaigns_phonenumber n WHERE n.contact_id = q.contact_id AND n.active AND n.id <> q.phone_id
                      AND NOT EXISTS (SELECT 1 FROM campaigns_donotcall d
                                      WHERE d.number_key = n.number_key AND (d.campaign_id IS NULL OR d.campaign_id = q.campaign_id))
                      ORDER BY n.position, n.id) AS alternatives
            FROM json_to_recordset(%(asked)s::json) AS q(lead_id bigint, campaign_id bigint, contact_id bigint, phone_id bigint)
            JOIN campaigns_phonenumber p ON p.id = q.phone_id
            """,
            {
                "now": now,
                "asked": sql.records(
                    {"lead_id": c.lead.id, "campaign_id": c.lead.campaign_id, "contact_id": c.lead.contact_id, "phone_id": c.phone.id}
                    for c in chosen
                    if c.phone
                ),
            },
        )
    }
    known = {}
    for candidate in candidates:
        row = rows.get(candidate.lead.id)
        if row is None or candidate.phone is None:
            facts = Facts(zones=(), attempts_made=counted(candidate.lead.tries), number_active=False, listed=False, locked=True)
            known[candidate.lead.id] = Known(facts, ())
            continue
        facts = Facts(
            zones=candidate.phone.zones or ("UTC",),
            attempts_made=counted(candidate.lead.tries),
            number_active=candidate.phone.active,
            listed=row.listed,
            excluded=row.excluded,
            suppressed_until=row.suppressed_until,
            person_busy=row.person_busy,
            number_busy=row.number_busy,
            locked=candidate.lead.id in locked,
        )
        known[candidate.lead.id] = Known(facts, tuple(row.alternatives))
    return known


def retry_rules(campaign_ids: Sequence[int]) -> dict[int, dict[Outcome, Rule]]:
    """Campaign id -> its own rules; what has none falls back to `retry.DEFAULTS`."""
    found: dict[int, dict[Outcome, Rule]] = {campaign_id: {} for campaign_id in campaign_ids}
    for row in sql.rows(
        "SELECT campaign_id, outcome, max_attempts, delay_minutes, growing, next_number FROM campaigns_retryrule WHERE campaign_id = ANY(%s)",
        [list(campaign_ids)],
    ):
        found[row.campaign_id][Outcome(row.outcome)] = Rule(row.max_attempts, timedelta(minutes=row.delay_minutes), row.growing, row.next_number)
    return found
