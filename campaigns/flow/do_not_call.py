"""One verb for agent, admin, import and API: list a number, and cancel what was planned for it, in one transaction.

Takes the same advisory lock as a claim, waiting for it: once this has committed, no later attempt to the number exists. In batches of at
most a thousand numbers, since a lock table is finite and a claim that shares a number waits for the end of ours.

Taking a number off again needs two persons. Both are written to the journal outside the database, see `campaigns.journal`.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction

from agents import desk
from agents.desk import DONE, Answer, Change, Refusal
from agents.models import User
from campaigns import live
from campaigns.flow import conclude
from campaigns.flow.permit import NUMBER
from campaigns.journal import Journal, Listed, Loaded, Released, Removed
from campaigns.models import DoNotCall, DoNotCallList, DoNotCallRemoval
from campaigns.rules.number_keys import hint, number_key
from dialer_project.lib import sql
from dialer_project.lib.sentence import say, told
from telephony import commands

BATCH = 1000
LONGEST_REASON = 200


@dataclass(frozen=True, slots=True)
class Entry:
    """A number not to be called: by its key, and readable only where whoever lists it has it in hand."""

    key: str
    hint: str
    e164: str = ""
    campaign_id: int | None = None
    reason: str = ""
    expires_at: datetime | None = None

    @property
    def scope(self) -> tuple[str, int | None]:
        return self.key, self.campaign_id

    def outlasts(self, other_end: datetime | None) -> bool:
        return other_end is not None and (self.expires_at is None or self.expires_at > other_end)


def entry(e164: str, *, campaign_id: int | None = None, reason: str = "", expires_at: datetime | None = None) -> Entry:
    return Entry(number_key(e164, settings.NUMBER_KEY), hint(e164), e164, campaign_id, reason[:LONGEST_REASON], expires_at)


def list_numbers(
    numbers: Sequence[str],
    *,
    source: str,
    now: datetime,
    campaign_id: int | None = None,
    reason: str = "",
    by: User | None = None,
    expires_at: datetime | None = None,
) -> int:
    """Numbers in E.164; returns how many were new. Ringing calls to them are hung up."""
    listed = 0
    for start in range(0, len(numbers), BATCH):
        some = [entry(number, campaign_id=campaign_id, reason=reason, expires_at=expires_at) for number in numbers[start : start + BATCH]]
        listed += len(list_entries(some, source=source, now=now, by=by))
    return listed


def list_entries(
    entries: Iterable[Entry],
    *,
    source: str,
    now: datetime,
    by: User | None = None,
    register: DoNotCallList | None = None,
    version: int = 0,
    listed_at: datetime | None = None,
    written: bool = False,
) -> set[tuple[str, int | None]]:
    """At most a thousand numbers, in one transaction; returns the keys, with their campaigns, that were not on the list yet.

    `register` and `version`: the load they come with. A number that is listed already stays so for as long as either says. `listed_at` and
    `written`: the journal holds them, with the instant of the first time.
    """
    wanted: dict[tuple[str, int | None], Entry] = {}
    for one in entries:
        if one.scope not in wanted or one.outlasts(wanted[one.scope].expires_at):
            wanted[one.scope] = one
    with transaction.atomic():
        numbers = _lock(wanted.values())
        known = _known(wanted, register)
        new = [one for scope, one in wanted.items() if scope not in known]
        longer = [one for scope, one in wanted.items() if scope in known and one.outlasts(known[scope].expires_at)]
        DoNotCall.objects.bulk_create(
            DoNotCall(
                number_key=one.key,
                hint=one.hint,
                campaign_id=one.campaign_id,
                register=register,
                version=version,
                source=source,
                reason=one.reason,
                expires_at=one.expires_at,
                created_at=listed_at or now,
                created_by=by,
            )
            for one in new
        )
        _prolong(longer, known)
        if register is not None and len(new) < len(wanted):
            _still_there([row.id for row in known.values()], version)
        touched = [*new, *longer] if register is not None else list(wanted.values())
        _cancel_planned([(number, one) for one in touched if one.expires_at is None or one.expires_at > now for number in numbers[one.key]], now=now)
        # the last thing before the commit: who dies after it has listed a number too many, and never one too few
        if not written:
            Journal().write(*_acts([*new, *longer], source=source, by=by, register=register, now=now))
    return {one.scope for one in new}


def _lock(entries: Iterable[Entry]) -> dict[str, list[str]]:
    """Waits for whoever plans a call to one of these numbers; returns key -> its number, where anybody has it."""
    numbers: dict[str, list[str]] = defaultdict(list)
    unread = []
    for one in entries:
        if one.e164:
            numbers[one.key] = [one.e164]
        else:
            unread.append(one.key)
    if unread:
        for row in sql.rows("SELECT DISTINCT number_key, e164 FROM campaigns_phonenumber WHERE number_key = ANY(%s)", [unread]):
            numbers[row.number_key].append(row.e164)
    # in one order, so that two who list the same numbers wait for each other instead of deadlocking
    sql.rows(
        "SELECT pg_advisory_xact_lock(%s, h) FROM (SELECT DISTINCT hashtext(n) AS h FROM unnest(%s::text[]) AS n ORDER BY 1) AS hashes",
        [NUMBER, [number for some in numbers.values() for number in some]],
    )
    return numbers


def _known(wanted: Iterable[tuple[str, int | None]], register: DoNotCallList | None) -> dict[tuple[str, int | None], sql.Row]:
    return {
        (row.number_key, row.campaign_id): row
        for row in sql.rows(
            """
            SELECT d.id, d.number_key, d.campaign_id, d.expires_at FROM campaigns_donotcall d
            JOIN json_to_recordset(%s::json) AS w(key text, campaign bigint)
                ON w.key = d.number_key AND w.campaign IS NOT DISTINCT FROM d.campaign_id
            WHERE d.register_id IS NOT DISTINCT FROM %s
            """,
            [sql.records({"key": key, "campaign": campaign} for key, campaign in wanted), register.pk if register else None],
        )
    }


def _prolong(entries: Sequence[Entry], known: dict[tuple[str, int | None], sql.Row]) -> None:
    if entries:
        sql.changed(
            """
            UPDATE campaigns_donotcall d SET expires_at = w.until
            FROM json_to_recordset(%s::json) AS w(id bigint, until timestamptz) WHERE d.id = w.id
            """,
            [sql.records({"id": known[one.scope].id, "until": one.expires_at and one.expires_at.isoformat()} for one in entries)],
        )


def _still_there(ids: Sequence[int], version: int) -> None:
    sql.changed("UPDATE campaigns_donotcall SET version = %s WHERE id = ANY(%s) AND version < %s", [version, list(ids), version])


def _acts(entries: Sequence[Entry], *, source: str, by: User | None, register: DoNotCallList | None, now: datetime) -> list[Listed]:
    alike: dict[tuple[int | None, str, datetime | None], dict[str, str]] = defaultdict(dict)
    for one in entries:
        alike[one.campaign_id, one.reason, one.expires_at][one.key] = one.hint
    return [
        Listed(
            at=now,
            source=source,
            numbers=numbers,
            reason=reason,
            by=by.get_username() if by else "",
            campaign=campaign_id,
            register=register.name if register else "",
            expires_at=expires_at,
        )
        for (campaign_id, reason, expires_at), numbers in alike.items()
    ]


def _cancel_planned(hits: Sequence[tuple[str, Entry]], *, now: datetime) -> None:
    """What was planned for these numbers: calls not sent yet are cancelled and ringing ones hung up, waiting leads without another number
    are finished and their callbacks cancelled; a callback promised on one of them is cancelled even where the person has another number, on
    which the record goes on as if nothing had been promised. A lead whose number is listed only until an instant is moved there by the gate."""
    if not hits:
        return
    listed = sql.records({"e164": number, "campaign": one.campaign_id, "for_good": one.expires_at is None} for number, one in hits)
    # the row lock waits for who sends it just now: either they have sent it and it is hung up, or it is over and nobody sends it
    under_way = sql.rows(
        """
        SELECT c.id, c.node_id, c.state FROM telephony_call c JOIN campaigns_attempt a ON a.id = c.id
        JOIN json_to_recordset(%s::json) AS h(e164 text, campaign bigint) ON h.e164 = a.e164 AND (h.campaign IS NULL OR h.campaign = a.campaign_id)
        WHERE a.state = 'open' AND c.state IN ('planned', 'dialing', 'ringing', 'unresolved')
        ORDER BY c.id FOR UPDATE OF c
        """,
        [listed],
    )
    conclude.never_sent([row.id for row in under_way if row.state == "planned"], now=now)
    out = [(row.node_id, row.id) for row in under_way if row.state != "planned"] + _called_into_a_conversation(listed)
    if out:
        sql.after_commit(commands.hang_up, out)
    leads = sql.rows(
        """
        UPDATE campaigns_lead l SET state = 'final', reason = 'do_not_call', changed_at = %(now)s, reserved_for_id = NULL
        FROM (
            SELECT w.id FROM campaigns_lead w
            WHERE w.state = 'waiting' AND EXISTS (
                SELECT 1 FROM campaigns_phonenumber p
                JOIN json_to_recordset(%(hits)s::json) AS h(e164 text, campaign bigint, for_good boolean)
                    ON h.e164 = p.e164 AND h.for_good AND (h.campaign IS NULL OR h.campaign = w.campaign_id)
                WHERE p.contact_id = w.contact_id)
              AND w.contact_id IN (SELECT p.contact_id FROM campaigns_phonenumber p WHERE p.e164 = ANY(%(numbers)s))
              AND NOT EXISTS (SELECT 1 FROM campaigns_phonenumber o WHERE o.contact_id = w.contact_id AND o.active
                              AND NOT EXISTS (SELECT 1 FROM campaigns_donotcall d WHERE d.number_key = o.number_key AND d.expires_at IS NULL
                                              AND (d.campaign_id IS NULL OR d.campaign_id = w.campaign_id)))
            ORDER BY w.id FOR UPDATE OF w
        ) hit WHERE l.id = hit.id RETURNING l.id
        """,
        {"now": now, "hits": listed, "numbers": [number for number, one in hits if one.expires_at is None]},
    )
    conclude.close_callbacks([row.id for row in leads], reason="on the do-not-call list", now=now)
    _cancel_promises(listed, now=now)


def _cancel_promises(listed: str, *, now: datetime) -> None:
    """Callbacks promised on these very numbers, of people who have others. One that a conversation under way is keeping is kept."""
    rows = sql.rows(
        """
        SELECT b.id, b.lead_id, b.agent_id, l.campaign_id, l.state, i.id AS work_id, i.draft
        FROM campaigns_callback b JOIN campaigns_lead l ON l.id = b.lead_id
        JOIN campaigns_phonenumber p ON p.id = coalesce(b.phone_id, l.next_phone_id)
        JOIN json_to_recordset(%s::json) AS h(e164 text, campaign bigint, for_good boolean)
            ON h.e164 = p.e164 AND h.for_good AND (h.campaign IS NULL OR h.campaign = l.campaign_id)
        LEFT JOIN agents_interaction i ON i.lead_id = l.id AND i.phase <> 'closed' AND i.owns_lead
        WHERE b.state = 'open' AND NOT (i.id IS NOT NULL AND i.talked AND b.due_at <= i.opened_at)
        ORDER BY l.id FOR UPDATE OF l, b
        """,
        [listed],
    )
    if not rows:
        return
    conclude.close_callbacks([row.lead_id for row in rows], reason="on the do-not-call list", now=now)
    conclude.without_callbacks([row.lead_id for row in rows if row.state == "waiting"], now=now)
    for campaign_id in {row.campaign_id for row in rows}:
        sql.after_commit(live.forget_floors, campaign_id)
    # desks are locked before leads, as everywhere: so not in the same transaction
    sql.after_commit(_tell_agents, rows, now=now)


def _tell_agents(cancelled: Sequence[sql.Row], *, now: datetime) -> None:
    """Whoever promised it finds it among the promises that were not kept; who has the record in hand reads it where they promised it."""
    why = told(say("This number is on the do-not-call list now: choose another one, or cancel the callback."))
    with transaction.atomic():
        changes = []
        for row in cancelled:
            window = (sql.loaded(row.draft) or {}).get("callback") if row.work_id is not None else None
            if window and window["on"]:
                changes.append(Change(id=row.work_id, draft={"callback": {**window, "problem": why, "nearest": None}}))
        desk.amend(changes, now=now)
        desk.has_news(sorted({row.agent_id for row in cancelled if row.agent_id is not None}), now=now)


def _called_into_a_conversation(told: str) -> list[tuple[int, UUID]]:
    """(node, call) of those an agent has called to join a conversation and who ring: of these the last look waits for the number's lock."""
    return [
        (row.node_id, row.id)
        for row in sql.rows(
            """
            SELECT c.id, c.node_id FROM campaigns_thirdparty t JOIN telephony_call c ON c.id = t.id
            JOIN json_to_recordset(%s::json) AS h(e164 text, campaign bigint) ON h.e164 = t.e164 AND (h.campaign IS NULL OR h.campaign = t.campaign_id)
            WHERE t.state = 'calling' AND c.state IN ('dialing', 'ringing', 'unresolved')
            """,
            [told],
        )
    ]


# --- asked by the customer, heard by an agent ----------------------------------------------------------------------------------------


def asked_for(interaction_id: UUID, agent_id: int, *, every_number: bool, now: datetime) -> Answer:
    """The customer of the record in hand wants no more calls: on this number, or on every one we have of them. In no campaign."""
    found = sql.rows(
        """
        SELECT u.id AS user_id, u.username, coalesce(a.e164, chosen.e164, first.e164) AS e164,
            ARRAY(SELECT p.e164 FROM campaigns_phonenumber p WHERE p.contact_id = l.contact_id ORDER BY p.position, p.id) AS numbers
        FROM agents_interaction i
        JOIN agents_agent g ON g.id = i.agent_id JOIN agents_user u ON u.id = g.user_id
        LEFT JOIN campaigns_lead l ON l.id = i.lead_id
        LEFT JOIN campaigns_attempt a ON a.id = i.call_id
        LEFT JOIN campaigns_phonenumber chosen ON chosen.id = coalesce(i.phone_id, l.next_phone_id)
        LEFT JOIN LATERAL (SELECT p.e164 FROM campaigns_phonenumber p WHERE p.contact_id = l.contact_id AND p.active
                           ORDER BY p.position, p.id LIMIT 1) first ON true
        WHERE i.id = %s AND i.agent_id = %s AND i.phase <> 'closed'
        """,
        [interaction_id, agent_id],
    )
    if not found:
        return Refusal("This record is no longer yours: it was closed in the meantime.")
    asked = found[0]
    numbers = [*(asked.numbers if every_number else ()), *([asked.e164] if asked.e164 else ())]
    if not numbers:
        return Refusal("This record has no number that could be listed.")
    list_numbers(list(dict.fromkeys(numbers)), source="agent", now=now, reason="asked an agent", by=User(pk=asked.user_id, username=asked.username))
    return DONE


# --- off the list again: two persons -------------------------------------------------------------------------------------------------


def ask_removal(entry_id: int, *, reason: str, by: User, now: datetime) -> DoNotCallRemoval | Refusal:
    """The first person. Nothing changes until a second one has agreed."""
    if not reason.strip():
        return Refusal("Say why the number may be called again: it is kept with the request.")
    with transaction.atomic():
        listed = DoNotCall.objects.select_for_update(of=("self",)).select_related("register").filter(pk=entry_id).first()
        if listed is None:
            return Refusal("This number is not on the list any more.")
        if listed.register is not None:
            return Refusal(
                say(
                    "This number stands on {register}, which its keeper writes: it goes when a newer version is loaded without it.",
                    register=listed.register.name,
                )
            )
        if DoNotCallRemoval.objects.filter(entry_id=entry_id, state=DoNotCallRemoval.State.ASKED).exists():
            return Refusal("Its removal has been asked for already, and waits for a second person.")
        return DoNotCallRemoval.objects.create(
            entry_id=listed.pk,
            number_key=listed.number_key,
            hint=listed.hint,
            campaign_id=listed.campaign_id,
            listed_at=listed.created_at,
            listed_because=": ".join(filter(None, (listed.source, listed.reason))),
            reason=reason.strip()[:LONGEST_REASON],
            asked_by=by,
            asked_at=now,
        )


def approve_removal(removal_id: int, *, by: User, now: datetime, note: str = "") -> Answer:
    """The second person: the number may be called again. Leads it has finished stay so."""
    with transaction.atomic():
        asked = _asked(removal_id, by)
        if isinstance(asked, Refusal):
            return asked
        _decide(asked, DoNotCallRemoval.State.APPROVED, by=by, note=note, now=now)
        sql.changed("DELETE FROM campaigns_donotcall WHERE id = %s AND number_key = %s", [asked.entry_id, asked.number_key])
        told = Removed(
            now, asked.number_key, asked.campaign_id, asked.reason, asked.asked_by.get_username(), by.get_username(), asked.asked_at, asked.note
        )
        sql.after_commit(Journal().write, told)
    return DONE


def refuse_removal(removal_id: int, *, by: User, now: datetime, note: str = "") -> Answer:
    """The second person says no: the number stays listed, and the request is kept."""
    with transaction.atomic():
        asked = _asked(removal_id, by)
        if isinstance(asked, Refusal):
            return asked
        _decide(asked, DoNotCallRemoval.State.REFUSED, by=by, note=note, now=now)
    return DONE


def _asked(removal_id: int, by: User) -> DoNotCallRemoval | Refusal:
    asked = DoNotCallRemoval.objects.select_for_update(of=("self",)).select_related("asked_by").filter(pk=removal_id).first()
    if asked is None:
        return Refusal("There is no such request.")
    if asked.state != DoNotCallRemoval.State.ASKED:
        return Refusal(say("This request was {state} already.", state=asked.state))
    if asked.asked_by_id == by.pk:
        return Refusal("You asked for this removal yourself: another person must decide it.")
    return asked


def _decide(asked: DoNotCallRemoval, state: DoNotCallRemoval.State, *, by: User, note: str, now: datetime) -> None:
    asked.state, asked.decided_by, asked.decided_at, asked.note = state, by, now, note.strip()[:LONGEST_REASON]
    asked.save(update_fields=["state", "decided_by", "decided_at", "note"])


# --- a register's new version takes over ---------------------------------------------------------------------------------------------


def take_over(register_id: int, version: int, *, numbers: int, loaded_at: datetime, now: datetime) -> int:
    """All of the new version is listed by now: its age begins, and what it no longer holds is released, in one moment. Returns how many
    were released; a repeat does nothing."""
    with transaction.atomic():
        register = DoNotCallList.objects.select_for_update().get(pk=register_id)
        if version <= register.version:
            return 0
        DoNotCallList.objects.filter(pk=register_id).update(version=version, loaded_at=loaded_at, numbers=numbers)
        gone = sql.rows(
            "DELETE FROM campaigns_donotcall WHERE register_id = %s AND version < %s RETURNING number_key, campaign_id", [register_id, version]
        )
        by_campaign: dict[int | None, list[str]] = defaultdict(list)
        for row in gone:
            by_campaign[row.campaign_id].append(row.number_key)
        acts = [
            Released(now, register.name, campaign, tuple(keys[start : start + BATCH]))
            for campaign, keys in by_campaign.items()
            for start in range(0, len(keys), BATCH)
        ]
        loaded = Loaded(loaded_at, register.name, register.campaign_id, version, numbers)
        sql.after_commit(Journal().write, *acts, loaded)
    return len(gone)
