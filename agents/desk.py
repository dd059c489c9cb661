"""The only mover of agents: their readiness, their phone, their one open piece of work. Every change bumps the screen's version.

Each function is one or two statements over any number of agents, inside the caller's transaction; screens are told after the commit.
Who has become free is returned, not placed: what a free agent does next is `next_for`'s to say.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from agents import console
from agents.live import board
from agents.models import Session
from agents.rules.lifecycle import INTERACTION, OPEN, Doing, Phase, PhaseMove, doing
from dialer_project.lib import sql
from dialer_project.lib.lifecycle import after, states_before
from dialer_project.lib.sentence import told


@dataclass(frozen=True, slots=True)
class Done:
    """It was done."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is missing or wrong, and the place on the screen where it is put right."""

    where: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """It was not done, and why, in a sentence a person can act on. Nothing is lost. problems: each with its place, where it has one."""

    sentence: str
    problems: tuple[Problem, ...] = field(default=(), compare=False)  # the sentence has all of them


Answer = Done | Refusal

DONE = Done()
NOT_YOURS = Refusal("This record is no longer yours: it was closed in the meantime.")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewWork:
    """A piece of work to be opened for an agent, if they are still free. agent_call_id: for a phone that is called for each call."""

    agent_id: int
    phase: Phase
    deadline: datetime | None
    campaign_id: int | None = None
    lead_id: int | None = None
    origin: str = "campaign"
    card: Mapping[str, Any] = field(default_factory=dict)
    phone_id: int | None = None
    call_id: UUID | None = None
    agent_call_id: UUID | None = None
    dial_due: datetime | None = None
    progress: str = ""
    owns_lead: bool = True  # False: it is shown, and somebody else's or nobody's
    id: UUID = field(default_factory=uuid7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A move of one interaction. What is None stays as it is, but deadline, dial_due and notice, which every move sets anew.

    not_ready: the code of the reason with which its agent leaves readiness. keeps_place: the agent was not at fault and stands where he stood.
    holds: nothing is dialed by itself any more.
    """

    id: UUID
    deadline: datetime | None = None
    dial_due: datetime | None = None
    call_id: UUID | None = None
    agent_call_id: UUID | None = None
    phone_id: int | None = None
    progress: str | None = None
    caller_id: str | None = None
    card: Mapping[str, Any] | None = None
    outcome: str | None = None
    talked: bool | None = None
    held: bool | None = None
    muted: bool | None = None
    recording: str | None = None
    others: Sequence[Mapping[str, Any]] | None = None
    watched: bool | None = None
    disposition_id: int | None = None
    note: str | None = None
    draft: Mapping[str, Any] | None = None  # these parts of it
    notice: str | None = None
    closed_because: str = ""
    not_ready: str | None = None
    keeps_place: bool = False
    holds: bool = False


@dataclass(frozen=True, slots=True)
class Seat:
    """An agent as their rows stand now."""

    agent_id: int
    free: bool
    since: datetime | None
    lines: tuple[str, ...]
    preview_lines: tuple[str, ...]
    joined_lines: tuple[str, ...]
    pool: int | None
    node_id: int | None
    nailed_up: bool
    leg: UUID | None
    leg_state: str
    voice_ready: bool
    preview_ready: bool

    @property
    def stands_in(self) -> tuple[str, ...]:
        """The lines on the board: those of the work itself by the channels that are Ready, and on the phone's node those for customers
        already on the line, whom only a leg that is up can take and only on the same node."""
        voice = self.lines if self.voice_ready else ()
        preview = self.preview_lines if self.preview_ready else ()
        on_the_line = tuple(f"{line}@{self.node_id}" for line in voice) if self.nailed_up else ()
        return (*voice, *on_the_line, *preview, *self.joined_lines)


@dataclass(frozen=True, slots=True)
class Work:
    """An interaction as its row stands now."""

    id: UUID
    agent_id: int
    phase: Phase
    campaign_id: int | None
    lead_id: int | None
    phone_id: int | None
    call_id: UUID | None
    agent_call_id: UUID | None
    origin: str
    talked: bool
    outcome: str
    draft: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Moved:
    work: Work | None
    seat: Seat


_INTERACTION = ", ".join(
    f"m.{name} AS i_{name}"
    for name in [
        "id",
        "agent_id",
        "phase",
        "phase_since",
        "deadline",
        "origin",
        "card",
        "outcome",
        "note",
        "draft",
        "disposition_id",
        "talked",
        "held",
        "muted",
        "recording",
        "others",
        "watched",
        "campaign_id",
        "lead_id",
        "phone_id",
        "call_id",
        "agent_call_id",
        "progress",
        "notice",
        "dial_due",
    ]
)
_SESSION = ", ".join(
    f"s.{name} AS s_{name}"
    for name in [
        "agent_id",
        "version",
        "connection_epoch",
        "signed_in_at",
        "voice_ready",
        "preview_ready",
        "changed_at",
        "station_id",
        "leg_state",
        "leg",
        "ready_since",
        "lines",
        "preview_lines",
        "joined_lines",
        "news",
        "pool",
        "node_id",
        "nailed_up",
        "present",
    ]
)
_CODES = """
    (SELECT code FROM agents_notreadyreason WHERE id = s.reason_id) AS s_reason,
    (SELECT code FROM agents_notreadyreason WHERE id = s.pending_reason_id) AS s_pending_reason
"""
_DOING = (
    "CASE m.phase "
    + " ".join(f"WHEN '{phase}' THEN '{doing(signed_in=True, ready=True, phase=phase)}'" for phase in OPEN)
    + f" ELSE CASE WHEN s.voice_ready OR s.preview_ready THEN '{Doing.READY}' ELSE '{Doing.NOT_READY}' END END"
)
# the session of an agent who may be given work, by what the work needs; the one definition of "free" beside `_seat`
MAY_WORK = {
    "voice": "s.voice_ready",
    "preview": "s.preview_ready",
    "joined": "true",
}
_SOMETHING_READY = "(s.voice_ready OR s.preview_ready OR s.joined_lines <> '{}')"
_AT_THE_DESK = "s.signed_in_at IS NOT NULL AND s.present AND (NOT s.nailed_up OR s.leg_state = 'up')"
_NO_WORK = "NOT EXISTS (SELECT 1 FROM agents_interaction o WHERE o.agent_id = s.agent_id AND o.phase <> 'closed')"
FREE_FOR_VOICE = f"{MAY_WORK['voice']} AND {_AT_THE_DESK} AND {_NO_WORK}"


def open(  # the trade's word
    works: Sequence[NewWork], *, needs: str, now: datetime, still: str = "true", params: Mapping[str, Any] | None = None
) -> list[Moved]:
    """Opens work for those of these agents who are still free and whose lead is still free; the others are left out of the result.

    Readiness is looked at here, in the row, under its lock: whoever proposed the agent may have been wrong. Takes the session with a
    try-lock, so nobody waits for a desk that is moving. `still`: a condition over `s` (the session) that the caller built, with its `params`.
    """
    if not works:
        return []
    found = sql.rows(
        f"""
        WITH want AS (
            SELECT * FROM json_to_recordset(%(works)s::json) AS w(id uuid, agent_id bigint, phase text, deadline timestamptz, origin text,
                campaign_id bigint, lead_id bigint, phone_id bigint, card jsonb, call_id uuid, agent_call_id uuid, dial_due timestamptz, progress text,
                owns_lead boolean)
        ), seat AS (
            -- whoever proposed the agent may have read the clock before the agent became free
            SELECT s.agent_id, s.nailed_up, greatest(%(now)s, s.changed_at) AS at FROM agents_session s JOIN want USING (agent_id)
            WHERE {_AT_THE_DESK} AND {MAY_WORK[needs]} AND {_NO_WORK} AND ({still})
            FOR UPDATE OF s SKIP LOCKED
        ), m AS (
            INSERT INTO agents_interaction (id, agent_id, phase, phase_since, deadline, opened_at, closed_because, origin, campaign_id, lead_id,
                owns_lead, phone_id, card, call_id, agent_call_id, dial_due, talked, outcome, note, progress)
            SELECT w.id, w.agent_id, w.phase, seat.at, w.deadline, seat.at, '', w.origin, w.campaign_id, w.lead_id,
                w.owns_lead, w.phone_id, coalesce(w.card, '{{}}'), w.call_id, CASE WHEN NOT seat.nailed_up THEN w.agent_call_id END, w.dial_due, false, '', '', w.progress
            FROM want w JOIN seat USING (agent_id)
            ON CONFLICT DO NOTHING RETURNING *
        ), s AS (
            UPDATE agents_session s SET version = s.version + 1 FROM m WHERE s.agent_id = m.agent_id RETURNING s.*
        ), history AS (
            INSERT INTO agents_statechange (agent_id, at, doing, reason, interaction_id)
            SELECT m.agent_id, %(now)s, {_DOING}, '', m.id FROM m JOIN s USING (agent_id)
        )
        SELECT {_INTERACTION}, {_SESSION}, {_CODES} FROM m JOIN s USING (agent_id)
        """,
        {
            **(params or {}),
            "now": now,
            "works": sql.records(
                {
                    "id": w.id,
                    "agent_id": w.agent_id,
                    "phase": w.phase.value,
                    "deadline": w.deadline,
                    "origin": w.origin,
                    "campaign_id": w.campaign_id,
                    "lead_id": w.lead_id,
                    "phone_id": w.phone_id,
                    "card": dict(w.card),
                    "call_id": w.call_id,
                    "agent_call_id": w.agent_call_id,
                    "dial_due": w.dial_due,
                    "progress": w.progress,
                    "owns_lead": w.owns_lead,
                }
                for w in works
            ),
        },
    )
    return _settled(found)


def move(event: PhaseMove, changes: Sequence[Change], *, now: datetime, only: Sequence[Phase] | None = None) -> list[Moved]:
    """Moves interactions by compare-and-set; those not in a phase from which `event` is legal are left out of the result."""
    before = states_before(INTERACTION, event)
    return _change(after(INTERACTION, event), [p for p in before if only is None or p in only], changes, now=now)


def hand_on(giver: UUID, taker: UUID) -> bool:
    """The record in the one's hands is in the other's from now on. False where the first has none any more: the other is merely shown it."""
    owned = sql.changed("UPDATE agents_interaction SET owns_lead = false WHERE id = %s AND owns_lead AND phase <> 'closed'", [giver])
    return bool(owned and sql.changed("UPDATE agents_interaction SET owns_lead = true WHERE id = %s AND phase <> 'closed'", [taker]))


def amend(changes: Sequence[Change], *, now: datetime, only: Sequence[Phase] = OPEN) -> list[Moved]:
    """Changes what interactions say without a move: their deadline and dial_due stay unless given."""
    return _change(None, only, changes, now=now)


def _change(to: Phase | None, before: Sequence[Phase], changes: Sequence[Change], *, now: datetime) -> list[Moved]:
    if not changes:
        return []
    closing = to is Phase.CLOSED
    where_to = (
        f"phase = '{to.value}', phase_since = %(now)s, deadline = c.deadline, dial_due = c.dial_due, notice = coalesce(c.notice, to_jsonb(''::text)),"
        if to
        else "deadline = coalesce(c.deadline, i.deadline), dial_due = CASE WHEN NOT c.holds THEN coalesce(c.dial_due, i.dial_due) END,"
        " notice = coalesce(c.notice, i.notice),"
    )
    leaving = "(m.not_ready IS NOT NULL OR s.pending_reason_id IS NOT NULL)"
    session = (
        f"""
        voice_ready = s.voice_ready AND NOT {leaving}, preview_ready = s.preview_ready AND NOT {leaving},
        reason_id = CASE WHEN {leaving} THEN coalesce((SELECT r.id FROM agents_notreadyreason r WHERE r.code = m.not_ready), s.pending_reason_id)
                         ELSE s.reason_id END,
        pending_reason_id = NULL, changed_at = %(now)s,
        ready_since = CASE WHEN m.keeps_place THEN s.ready_since ELSE %(now)s END,
        """
        if closing
        else ""
    )
    # the one they leave with, or had already: the time that follows is counted under it
    theirs = "CASE WHEN NOT (s.voice_ready OR s.preview_ready) THEN (SELECT r.code FROM agents_notreadyreason r WHERE r.id = s.reason_id) END"
    reason = f"coalesce(m.not_ready, {theirs}, '')" if closing else "coalesce(m.not_ready, '')"
    history = (
        f"""
        , history AS (
            INSERT INTO agents_statechange (agent_id, at, doing, reason, interaction_id)
            SELECT m.agent_id, %(now)s, {_DOING}, {reason}, m.id FROM m JOIN s USING (agent_id)
        )"""
        if to
        else ""
    )
    found = sql.rows(
        f"""
        WITH c AS (
            SELECT * FROM json_to_recordset(%(changes)s::json) AS c(id uuid, deadline timestamptz, dial_due timestamptz, call_id uuid,
                agent_call_id uuid, phone_id bigint, progress text, caller_id text, card jsonb, outcome text, talked boolean, held boolean,
                muted boolean, recording text, others jsonb, watched boolean, disposition_id bigint, note text, draft jsonb, notice jsonb, closed_because text, not_ready text, keeps_place boolean, holds boolean)
        ), work AS (
            -- locked in one order, first what they work on and then the desks: two batches with the same agents must not wait for each other
            SELECT i.id, i.agent_id FROM agents_interaction i JOIN c USING (id) WHERE i.phase = ANY(%(before)s) ORDER BY i.agent_id FOR UPDATE OF i
        ), seat AS (
            SELECT s.agent_id FROM agents_session s WHERE s.agent_id IN (SELECT agent_id FROM work) ORDER BY s.agent_id FOR UPDATE
        ), m AS (
            UPDATE agents_interaction i SET {where_to}
                call_id = coalesce(c.call_id, i.call_id), agent_call_id = coalesce(c.agent_call_id, i.agent_call_id),
                phone_id = coalesce(c.phone_id, i.phone_id), progress = coalesce(c.progress, i.progress), outcome = coalesce(c.outcome, i.outcome),
                caller_id = coalesce(c.caller_id, i.caller_id), card = coalesce(c.card, i.card),
                talked = coalesce(c.talked, i.talked), held = coalesce(c.held, i.held), muted = coalesce(c.muted, i.muted), recording = coalesce(c.recording, i.recording),
                others = coalesce(c.others, i.others), watched = coalesce(c.watched, i.watched),
                disposition_id = coalesce(c.disposition_id, i.disposition_id), note = coalesce(c.note, i.note),
                draft = i.draft || coalesce(c.draft, '{{}}'){", closed_at = %(now)s, closed_because = c.closed_because" if closing else ""}
            FROM c JOIN work USING (id) WHERE i.id = c.id RETURNING i.*, c.not_ready, c.keeps_place
        ), s AS (
            UPDATE agents_session s SET {session} version = s.version + 1 FROM m JOIN seat USING (agent_id) WHERE s.agent_id = m.agent_id RETURNING s.*
        ){history}
        SELECT {_INTERACTION}, {_SESSION}, {_CODES} FROM m JOIN s USING (agent_id)
        """,
        {
            "now": now,
            "before": [p.value for p in before],
            "changes": sql.records(_written(c) for c in changes),
        },
    )
    return _settled(found)


def _written(change: Change) -> dict[str, Any]:
    row = {name: getattr(change, name) for name in Change.__dataclass_fields__}
    return {**row, "notice": None if change.notice is None else told(change.notice)}


# --- readiness, presence and phone --------------------------------------------------------------------------------------------------


def console_opened(agent_id: int, *, now: datetime) -> tuple[int, Moved]:
    """A console opens: the newest one counts. Returns its epoch."""
    Session.objects.get_or_create(agent_id=agent_id, defaults={"changed_at": now})
    moved = _sessions([agent_id], "connection_epoch = s.connection_epoch + 1, present = true, absent_since = NULL", now=now, history=False)[0]
    return sql.rows("SELECT connection_epoch FROM agents_session WHERE agent_id = %s", [agent_id])[0].connection_epoch, moved


def still_here(agent_id: int, *, epoch: int, now: datetime) -> list[Moved]:
    """The console with this epoch is open, whatever was thought of it."""
    return _sessions(
        [agent_id],
        "present = true, absent_since = NULL",
        now=now,
        where="s.connection_epoch = %(epoch)s AND NOT s.present",
        params={"epoch": epoch},
        history=False,
    )


def console_closed(agent_id: int, *, epoch: int, now: datetime) -> list[Moved]:
    """The console with this epoch is gone; nothing happens when a newer one is open."""
    return _sessions(
        [agent_id],
        "present = false, absent_since = %(now)s",
        now=now,
        where="s.connection_epoch = %(epoch)s AND s.present",
        params={"epoch": epoch},
        history=False,
    )


def fell_silent(agent_ids: Sequence[int], *, now: datetime) -> list[Moved]:
    """Nothing was heard of these consoles for too long."""
    return _sessions(agent_ids, "present = false, absent_since = %(now)s", now=now, where="s.present", history=False)


def gone_too_long(agent_ids: Sequence[int], *, now: datetime) -> list[Moved]:
    """Absent beyond the grace: Not Ready, connection lost."""
    return _sessions(
        agent_ids,
        f"{_NOT_READY}, reason_id = {_REASON}",
        now=now,
        where="NOT s.present AND (s.voice_ready OR s.preview_ready)",
        params={"code": "connection_lost"},
    )


def without_a_phone(agent_ids: Sequence[int], *, now: datetime) -> list[Moved]:
    """Their phones are gone beyond the grace: Not Ready, phone lost. Who has work in hand goes on with that."""
    return _sessions(
        agent_ids,
        f"{_NOT_READY}, reason_id = {_REASON}",
        now=now,
        where=f"s.phone_lost_at IS NOT NULL AND (s.voice_ready OR s.preview_ready) AND {_NO_WORK}",
        params={"code": "phone_lost"},
    )


_REASON = "(SELECT r.id FROM agents_notreadyreason r WHERE r.code = %(code)s)"
_NOT_READY = "voice_ready = false, preview_ready = false, pending_reason_id = NULL, changed_at = %(now)s"


def sign_in(agent_id: int, *, station_id: int, node_id: int | None, nailed_up: bool, leg: UUID | None, now: datetime) -> Moved | None:
    """At a phone, Not Ready. None while a piece of work is open."""
    moved = _sessions(
        [agent_id],
        f"""{_NOT_READY}, signed_in_at = coalesce(s.signed_in_at, %(now)s), station_id = %(station)s, node_id = %(node)s, nailed_up = %(nailed_up)s,
        leg = %(leg)s, leg_state = %(leg_state)s, phone_lost_at = NULL, reason_id = {_REASON}""",
        now=now,
        where=_NO_WORK,
        params={
            "station": station_id,
            "node": node_id,
            "nailed_up": nailed_up,
            "leg": leg,
            "leg_state": Session.Leg.RINGING if leg else Session.Leg.NONE,
            "code": "login",
        },
        depends_on_work=True,
    )
    return moved[0] if moved else None


def sign_out(agent_id: int, *, now: datetime) -> Moved | None:
    """None while a piece of work is open."""
    moved = _sessions(
        [agent_id],
        f"{_NOT_READY}, signed_in_at = NULL, leg = NULL, leg_state = 'none', phone_lost_at = NULL, nailed_up = false, reason_id = NULL",
        now=now,
        where=_NO_WORK,
        depends_on_work=True,
    )
    return moved[0] if moved else None


def go_ready(agent_id: int, *, now: datetime) -> Moved | None:
    """Ready on every channel; a break asked for is no longer wanted. None when not signed in."""
    moved = _sessions(
        [agent_id],
        """ready_since = CASE WHEN s.voice_ready THEN s.ready_since ELSE %(now)s END, changed_at = CASE WHEN s.voice_ready THEN s.changed_at ELSE %(now)s END,
        voice_ready = true, preview_ready = true, reason_id = NULL, pending_reason_id = NULL""",
        now=now,
        where="s.signed_in_at IS NOT NULL",
    )
    return moved[0] if moved else None


def set_channel(agent_id: int, channel: str, *, ready: bool, now: datetime) -> Moved | None:
    """One channel, voice or preview, Ready or not; the other stays as it is. None when not signed in."""
    mine, other = {"voice": ("voice_ready", "preview_ready"), "preview": ("preview_ready", "voice_ready")}[channel]
    first = f"(%(ready)s AND NOT s.{mine} AND NOT s.{other})"
    turns = f"(s.{mine} OR s.{other}) <> (%(ready)s OR s.{other})"
    moved = _sessions(
        [agent_id],
        f"""{mine} = %(ready)s, ready_since = CASE WHEN {first} THEN %(now)s ELSE s.ready_since END,
        changed_at = CASE WHEN {turns} THEN %(now)s ELSE s.changed_at END, reason_id = CASE WHEN %(ready)s THEN NULL ELSE s.reason_id END,
        pending_reason_id = CASE WHEN %(ready)s THEN NULL ELSE s.pending_reason_id END""",
        now=now,
        where="s.signed_in_at IS NOT NULL",
        params={"ready": ready},
    )
    return moved[0] if moved else None


def take_break(agent_id: int, *, code: str, now: datetime) -> Moved | None:
    """Not Ready at once, or, while a piece of work is open, as soon as it is closed. None when not signed in."""
    busy = f"NOT {_NO_WORK}"
    moved = _sessions(
        [agent_id],
        f"""pending_reason_id = CASE WHEN {busy} THEN {_REASON} END,
        reason_id = CASE WHEN {busy} THEN s.reason_id ELSE {_REASON} END,
        voice_ready = s.voice_ready AND {busy}, preview_ready = s.preview_ready AND {busy},
        changed_at = CASE WHEN {busy} THEN s.changed_at ELSE %(now)s END""",
        now=now,
        where="s.signed_in_at IS NOT NULL",
        params={"code": code},
        depends_on_work=True,
    )
    return moved[0] if moved else None


def leg_is(states: Mapping[UUID, str], *, now: datetime) -> list[Moved]:
    """The legs that count have come up, or gone; events of a leg that is no longer the session's are history."""
    if not states:
        return []
    return _sessions(
        None,
        "leg_state = l.state, leg = CASE WHEN l.state = 'none' THEN NULL ELSE s.leg END,"
        " phone_lost_at = CASE WHEN l.state <> 'up' THEN coalesce(s.phone_lost_at, %(now)s) END",
        now=now,
        source="JOIN json_to_recordset(%(legs)s::json) AS l(leg uuid, state text) ON l.leg = s.leg AND l.state <> s.leg_state",
        params={"legs": sql.records({"leg": leg, "state": state} for leg, state in states.items())},
        history=False,
    )


def suspect(endpoints: Sequence[str], *, now: datetime, lost: bool) -> list[Moved]:
    """The phones at these endpoints were lost, or are back: a leg may look alive long after its phone has died."""
    if not endpoints:
        return []
    return _sessions(
        None,
        f"leg_state = '{'suspect' if lost else 'up'}', phone_lost_at = {'coalesce(s.phone_lost_at, %(now)s)' if lost else 'NULL'}",
        now=now,
        source="JOIN agents_station st ON st.id = s.station_id AND st.endpoint = ANY(%(endpoints)s)",
        where=f"s.leg_state = '{'up' if lost else 'suspect'}'",
        params={"endpoints": list(endpoints)},
        history=False,
    )


def new_leg(agent_id: int, *, leg: UUID, now: datetime) -> list[Moved]:
    """A nailed-up phone is being called again."""
    return _sessions([agent_id], "leg = %(leg)s, leg_state = 'ringing'", now=now, where="s.nailed_up", params={"leg": leg}, history=False)


def carried_by(agent_id: int, *, node_id: int, leg: UUID | None, now: datetime) -> list[Moved]:
    """Without work in hand the agent moves to another telephony node, where their phone is called anew."""
    return _sessions(
        [agent_id],
        "node_id = %(node)s, leg = %(leg)s, leg_state = %(leg_state)s",
        now=now,
        where=_NO_WORK,
        params={"node": node_id, "leg": leg, "leg_state": Session.Leg.RINGING if leg else Session.Leg.NONE},
        history=False,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an agent stands when free: the queues by the channel that must be Ready, and those that ask for none; the pool to be woken."""

    agent_id: int
    pool: int | None
    lines: Sequence[str] = ()
    preview_lines: Sequence[str] = ()
    joined_lines: Sequence[str] = ()


def set_lines(places: Sequence[Place], *, now: datetime) -> list[Moved]:
    """Makes the session where there is none yet; returns those it changes."""
    if not places:
        return []
    Session.objects.bulk_create([Session(agent_id=place.agent_id, changed_at=now) for place in places], ignore_conflicts=True)
    names = ("lines", "preview_lines", "joined_lines")
    theirs = {name: f"ARRAY(SELECT json_array_elements_text(l.{name}))" for name in names}
    return _sessions(
        None,
        "pool = l.pool, " + ", ".join(f"{name} = {array}" for name, array in theirs.items()),
        now=now,
        source="JOIN json_to_recordset(%(places)s::json) AS l(agent_id bigint, pool bigint, lines json, preview_lines json, joined_lines json)"
        " ON l.agent_id = s.agent_id",
        where="s.pool IS DISTINCT FROM l.pool OR " + " OR ".join(f"s.{name}::text[] <> {array}" for name, array in theirs.items()),
        params={
            "places": sql.records(
                {"agent_id": place.agent_id, "pool": place.pool, **{name: list(getattr(place, name)) for name in names}} for place in places
            )
        },
        history=False,
    )


def has_news(agent_ids: Sequence[int], *, now: datetime) -> None:
    """What these agents may work on has changed: their screens ask what there is."""
    _sessions(agent_ids, "news = s.news + 1", now=now, history=False)


def _sessions(
    agent_ids: Sequence[int] | None,
    changes: str,
    *,
    now: datetime,
    where: str = "true",
    params: Mapping[str, Any] | None = None,
    source: str = "",
    history: bool = True,
    depends_on_work: bool = False,
) -> list[Moved]:
    """One change to sessions, under their locks in the order of their ids, with each agent's open work for the screen.

    A statement sees what was committed when it began, also where it then waits for a lock. depends_on_work: whether and how they are changed
    depends on their open work, so the locks are taken by a statement before it.
    """
    if agent_ids is not None and not agent_ids:
        return []
    if depends_on_work:
        sql.rows("SELECT agent_id FROM agents_session WHERE agent_id = ANY(%s) ORDER BY agent_id FOR UPDATE", [list(agent_ids or ())])
    chosen = "s.agent_id = ANY(%(agents)s)" if agent_ids is not None else "true"
    joined = source.replace("JOIN ", ", ", 1).replace(" ON ", " WHERE ", 1) + " AND " if source else " WHERE "
    log = (
        f"""
        , history AS (
            INSERT INTO agents_statechange (agent_id, at, doing, reason, interaction_id)
            SELECT s.agent_id, %(now)s, CASE WHEN s.signed_in_at IS NULL THEN '{Doing.SIGNED_OUT}' WHEN s.voice_ready OR s.preview_ready
                THEN '{Doing.READY}' ELSE '{Doing.NOT_READY}' END, coalesce((SELECT code FROM agents_notreadyreason WHERE id = s.reason_id), ''), NULL
            FROM s WHERE NOT EXISTS (SELECT 1 FROM agents_interaction o WHERE o.agent_id = s.agent_id AND o.phase <> 'closed')
        )"""
        if history
        else ""
    )
    found = sql.rows(
        f"""
        WITH held AS (
            SELECT s.agent_id FROM agents_session s {source} WHERE {chosen} AND ({where}) ORDER BY s.agent_id FOR UPDATE OF s
        ), s AS (
            UPDATE agents_session s SET version = s.version + 1, {changes} FROM held{joined} s.agent_id = held.agent_id RETURNING s.*
        ){log}
        SELECT {_INTERACTION}, {_SESSION}, {_CODES}, before.version AS version_seen
        FROM s JOIN agents_session before ON before.agent_id = s.agent_id
            LEFT JOIN agents_interaction m ON m.agent_id = s.agent_id AND m.phase <> 'closed'
        """,
        {"now": now, "agents": list(agent_ids or ()), **(params or {})},
    )
    # somebody else's change was waited for: the work beside the session is as it was before that one, and the newest version must not tell it
    overtaken = [row.s_agent_id for row in found if row.s_version != row.version_seen + 1]
    if overtaken:
        anew = {row.s_agent_id: row for row in _desks("s.agent_id = ANY(%s)", [overtaken])}
        found = [anew.get(row.s_agent_id, row) for row in found]
    return _settled(found)


def forget_commands(*, before: datetime) -> int:
    """Answers kept for screens that might ask again; nobody asks again after a day. At most so many at a time."""
    return sql.changed("DELETE FROM agents_command WHERE id IN (SELECT id FROM agents_command WHERE at < %s ORDER BY at LIMIT 5000)", [before])


# --- reading ------------------------------------------------------------------------------------------------------------------------


def seats(where: str, params: Mapping[str, Any]) -> list[Moved]:
    """Agents with their open work, without a change; `where` is over s (session) and m (interaction)."""
    return [_moved(row) for row in _desks(where, params)]


def _desks(where: str, params: Mapping[str, Any] | Sequence[Any]) -> list[sql.Row]:
    return sql.rows(
        f"""
        SELECT {_INTERACTION}, {_SESSION}, {_CODES}
        FROM agents_session s LEFT JOIN agents_interaction m ON m.agent_id = s.agent_id AND m.phase <> 'closed' WHERE {where}
        """,
        params,
    )


def work_on(call_ids: Sequence[UUID]) -> dict[UUID, UUID]:
    """Customer's call -> the open interaction it belongs to."""
    return {
        row.call_id: row.id
        for row in sql.rows("SELECT id, call_id FROM agents_interaction WHERE call_id = ANY(%s) AND phase <> 'closed'", [list(call_ids)])
    }


def all_free() -> list[Seat]:
    """Every agent who could be given work now, by PostgreSQL alone."""
    found = seats(f"{_SOMETHING_READY} AND {_AT_THE_DESK} AND m.id IS NULL", {})
    return [moved.seat for moved in found]


def longest_free(line: str, *, node_id: int, at_most: int = 1, to_be_rung: bool = False, but: Collection[int] = ()) -> list[Seat]:
    """The line's longest-free agents on a node, by PostgreSQL alone: who answers a customer while the hot projection is gone; to_be_rung:
    those whose phones are called for each call."""
    found = seats(
        f"s.voice_ready AND {_AT_THE_DESK} AND m.id IS NULL AND s.nailed_up <> %(rung)s AND s.node_id = %(node)s AND %(line)s = ANY(s.lines)"
        " AND s.agent_id <> ALL(%(but)s::bigint[]) ORDER BY s.ready_since, s.agent_id LIMIT %(at_most)s",
        {"line": line, "node": node_id, "at_most": at_most, "rung": to_be_rung, "but": list(but)},
    )
    return [moved.seat for moved in found]


def screen(agent_id: int) -> console.Screen | None:
    """What this agent's screen must say, from the rows as they are."""
    found = _desks("s.agent_id = %s", [agent_id])
    return _screen(found[0]) if found else None


def _settled(found: Sequence[sql.Row]) -> list[Moved]:
    """After the commit: the screens are told, and whoever is not free is taken out of the lines."""
    if not found:
        return []
    moved = [_moved(row) for row in found]
    console.show([_screen(row) for row in found])
    leaving = [(m.seat.agent_id, m.seat.stands_in) for m in moved if not m.seat.free]
    if leaving:
        sql.after_commit(board.leave, leaving)
    return moved


def _moved(row: sql.Row) -> Moved:
    has_work = row.i_id is not None
    open_now = has_work and row.i_phase != Phase.CLOSED
    seat = Seat(
        agent_id=row.s_agent_id,
        free=not open_now
        and bool(row.s_voice_ready or row.s_preview_ready or row.s_joined_lines)
        and row.s_present
        and row.s_signed_in_at is not None
        and (not row.s_nailed_up or row.s_leg_state == Session.Leg.UP),
        since=row.s_ready_since,
        lines=tuple(row.s_lines),
        preview_lines=tuple(row.s_preview_lines),
        joined_lines=tuple(row.s_joined_lines),
        pool=row.s_pool,
        node_id=row.s_node_id,
        nailed_up=row.s_nailed_up,
        leg=row.s_leg,
        leg_state=row.s_leg_state,
        voice_ready=row.s_voice_ready,
        preview_ready=row.s_preview_ready,
    )
    work = (
        Work(
            id=row.i_id,
            agent_id=row.i_agent_id,
            phase=Phase(row.i_phase),
            campaign_id=row.i_campaign_id,
            lead_id=row.i_lead_id,
            phone_id=row.i_phone_id,
            call_id=row.i_call_id,
            agent_call_id=row.i_agent_call_id,
            origin=row.i_origin,
            talked=row.i_talked,
            outcome=row.i_outcome,
            draft=sql.loaded(row.i_draft) or {},
        )
        if has_work
        else None
    )
    return Moved(work, seat)


def _screen(row: sql.Row) -> console.Screen:
    shown = row.i_id is not None and row.i_phase != Phase.CLOSED
    return console.Screen(
        agent_id=row.s_agent_id,
        version=row.s_version,
        connection_epoch=row.s_connection_epoch,
        signed_in=row.s_signed_in_at is not None,
        voice_ready=row.s_voice_ready,
        preview_ready=row.s_preview_ready,
        reason=row.s_reason,
        pending_reason=row.s_pending_reason,
        changed_at=row.s_changed_at,
        station_id=row.s_station_id,
        leg_state=row.s_leg_state,
        leg=row.s_leg,
        news=row.s_news,
        interaction=console.Work(
            id=row.i_id,
            phase=Phase(row.i_phase),
            phase_since=row.i_phase_since,
            deadline=row.i_deadline,
            origin=row.i_origin,
            card=sql.loaded(row.i_card),
            outcome=row.i_outcome,
            note=row.i_note,
            draft=sql.loaded(row.i_draft),
            disposition_id=row.i_disposition_id,
            talked=row.i_talked,
            held=row.i_held,
            muted=row.i_muted,
            recording=row.i_recording,
            others=sql.loaded(row.i_others),
            watched=row.i_watched,
            campaign_id=row.i_campaign_id,
            lead_id=row.i_lead_id,
            progress=row.i_progress,
            notice=sql.loaded(row.i_notice),
            leg=row.i_agent_call_id,
            dials_at=row.i_dial_due if row.i_phase == Phase.PREVIEW else None,
        )
        if shown
        else None,
    )
