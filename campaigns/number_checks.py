"""Validation services are asked about numbers ahead of need, never inside a transaction, and what they say is kept as rows.

A wish for a verdict is a row too (`NumberCheck.wanted_at`): made here for the records that come next and for those on agents' screens, and by
the permit for a number it had to pass over. Many may take up wishes at once: each is leased to one. A service that fails is left alone for a
while by all; then one question at a time finds out whether it is back.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction

from campaigns import facts, live, querysets
from campaigns.facts import Setting
from campaigns.flow import permit, place
from campaigns.models import ValidationService
from campaigns.rules.number_checks import AT_ONCE, NOT_KNOWN_FOR, STILL_HOLDS, Answer, Breaker, Unreadable, question, read_answer
from campaigns.rules.permit.gate import group_opens
from dialer_project.lib import outgoing, seal, sql, wake

# what will be due within this is asked about now, so many records at once for each agent at work, and some for who comes to work
AHEAD = timedelta(seconds=10)
RECORDS_EACH = 2
RECORDS_MORE = 10
RECORDS_AT_MOST = 500
# a lease outlives its question by so much
_MARGIN = timedelta(seconds=10)
# questions in one task
_ROUNDS = 10


class InsideATransaction(Exception):
    """A service was to be asked while a transaction was open: its rows would be locked for as long as somebody else's server likes."""


def look_ahead(*, now: datetime) -> None:
    """Once a second: wishes for what comes next, and a word to the workers where a service may be asked about any."""
    running = [
        row.id for row in sql.rows("SELECT id FROM campaigns_campaign WHERE state = 'running' AND validation_service_id IS NOT NULL ORDER BY id")
    ]
    if not running:
        return
    joined = _joined(running)
    for campaign in facts.settings_of(running).values():
        wanted = _on_screens(campaign) + _coming(campaign, agents=joined.get(campaign.id, 0), now=now)
        permit.want_verdicts(campaign, wanted, now=now)
    for row in sql.rows(
        """
        SELECT s.id FROM campaigns_validationservice s WHERE s.enabled AND (s.ask_again_at IS NULL OR s.ask_again_at <= %(now)s)
          AND EXISTS (SELECT 1 FROM campaigns_numbercheck v WHERE v.service_id = s.id AND v.wanted_at IS NOT NULL
                      AND (v.asking_until IS NULL OR v.asking_until <= %(now)s))
        """,
        {"now": now},
    ):
        wake.check_numbers(row.id)


def _joined(campaign_ids: Sequence[int]) -> dict[int, int]:
    """Campaign -> how many of its agents are at work."""
    return {
        row.campaign_id: row.agents
        for row in sql.rows(
            """
            SELECT p.campaign_id, count(*) AS agents FROM campaigns_participation p JOIN agents_session s ON s.agent_id = p.agent_id
            WHERE p.campaign_id = ANY(%s) AND p.state = 'joined' AND s.signed_in_at IS NOT NULL GROUP BY p.campaign_id
            """,
            [list(campaign_ids)],
        )
    }


def _coming(campaign: Setting, *, agents: int, now: datetime) -> list[int]:
    service = campaign.terms.service
    if service is None:
        return []
    by = now + AHEAD
    groups = [group for group, zones in live.zone_groups(campaign.id).items() if _opens_by(zones, campaign, now=now, by=by)]
    at_most = min(RECORDS_AT_MOST, RECORDS_MORE + RECORDS_EACH * agents)
    return querysets.coming(campaign.id, service.id, groups=groups, at_most=at_most, until=by, holds_until=now + STILL_HOLDS)


def _opens_by(zones: tuple[str, ...], campaign: Setting, *, now: datetime, by: datetime) -> bool:
    return group_opens(zones, terms=campaign.terms, at=now) <= by


def _on_screens(campaign: Setting) -> list[int]:
    """Every number of the records that agents have before them: which of them is called is theirs to say."""
    return [
        row.id
        for row in sql.rows(
            """
            SELECT n.id FROM agents_interaction i JOIN campaigns_lead l ON l.id = i.lead_id JOIN campaigns_phonenumber n ON n.contact_id = l.contact_id
            WHERE i.campaign_id = %s AND i.phase IN ('offered', 'preview', 'checking', 'ringing_agent', 'dialing') AND n.active
            """,
            [campaign.id],
        )
    ]


@dataclass(frozen=True, slots=True)
class _Taken:
    """A service, and numbers leased to us: e164 -> key."""

    service: ValidationService
    numbers: dict[str, str]
    until: datetime
    at_most: int


def ask(service_id: int, *, now: datetime) -> int:
    """Takes up wishes and asks the service about them; returns how many numbers it was asked about."""
    if connection.in_atomic_block:
        raise InsideATransaction(InsideATransaction.__doc__)
    began, asked = time.monotonic(), 0
    for _ in range(_ROUNDS):
        at = now + timedelta(seconds=time.monotonic() - began)
        taken = _take(service_id, now=at)
        if taken is None:
            break
        answers = _ask(taken)
        asked += len(taken.numbers)
        over = now + timedelta(seconds=time.monotonic() - began)
        _write(taken, answers, now=over)
        place.verdicts(now=over)  # agents who wait for one
        if isinstance(answers, Unreadable) or len(taken.numbers) < taken.at_most:
            break
    return asked


def _take(service_id: int, *, now: datetime) -> _Taken | None:
    with transaction.atomic():
        # no lock that a new wish, which refers to this row, would wait for
        service = ValidationService.objects.select_for_update(no_key=True).filter(pk=service_id, enabled=True).first()
        if service is None:
            return None
        breaker = Breaker(service.failures, service.ask_again_at)
        if not breaker.may_ask(now):
            return None
        until = now + timedelta(seconds=service.timeout) + _MARGIN
        at_most = 1 if breaker.failures else AT_ONCE
        if breaker.is_open:  # ours is the question that finds out; nobody else asks meanwhile
            ValidationService.objects.filter(pk=service.pk).update(ask_again_at=until)
        rows = sql.rows(
            """
            UPDATE campaigns_numbercheck v SET asking_until = %(until)s FROM (
                SELECT w.id FROM campaigns_numbercheck w
                WHERE w.service_id = %(service)s AND w.wanted_at IS NOT NULL AND (w.asking_until IS NULL OR w.asking_until <= %(now)s)
                ORDER BY w.wanted_at, w.id LIMIT %(at_most)s FOR UPDATE SKIP LOCKED
            ) free WHERE v.id = free.id
            RETURNING v.id, v.number_key, (SELECT p.e164 FROM campaigns_phonenumber p WHERE p.number_key = v.number_key LIMIT 1) AS e164
            """,
            {"service": service_id, "until": until, "now": now, "at_most": at_most},
        )
        if gone := [row.id for row in rows if row.e164 is None]:  # nobody has this number any more
            sql.changed("DELETE FROM campaigns_numbercheck WHERE id = ANY(%s)", [gone])
    numbers = {row.e164: row.number_key for row in rows if row.e164 is not None}
    return _Taken(service, numbers, until, at_most) if numbers else None


def _ask(taken: _Taken) -> dict[str, Answer] | Unreadable:
    service = taken.service
    try:
        secret = {service.header: seal.unseal(service.sealed_secret)} if service.sealed_secret and service.header else {}
    except seal.SealedWithAnotherKey as error:
        return Unreadable(f"its secret cannot be read: {error}")
    numbers = sorted(taken.numbers)
    match outgoing.post(service.url, question(numbers), headers={"Content-Type": "application/json", **secret}, within=service.timeout):
        case outgoing.Reply(status, body):
            return read_answer(status, body, asked=numbers)
        case outgoing.Failed(why):
            return Unreadable(why)


def _write(taken: _Taken, answers: dict[str, Answer] | Unreadable, *, now: datetime) -> None:
    """Verdicts and how the service stands now; whoever waited for either is woken."""
    with transaction.atomic():
        service = ValidationService.objects.select_for_update(no_key=True).get(pk=taken.service.pk)
        breaker = Breaker(service.failures, service.ask_again_at)
        if isinstance(answers, Unreadable):
            _failed(service, breaker.failed(now), answers.why, now=now)
            sql.changed(
                # behind all others: a number over which the service stumbles must not be the one that is asked about for ever
                "UPDATE campaigns_numbercheck SET asking_until = NULL, wanted_at = %s WHERE service_id = %s AND number_key = ANY(%s) AND asking_until = %s",
                [now, service.pk, list(taken.numbers.values()), taken.until],
            )
            return
        ValidationService.objects.filter(pk=service.pk).update(failures=0, ask_again_at=None, problem="", failing_since=None, answered_at=now)
        _keep(taken, answers, now=now)
        campaign_ids = set(querysets.verdicts_came(list(taken.numbers.values()), now=now))
        # who waited for this service as a whole, or for one of these numbers
        for row in sql.rows("SELECT id, pool FROM campaigns_campaign WHERE validation_service_id = %s AND state = 'running'", [service.pk]):
            if row.id in campaign_ids:
                sql.after_commit(live.forget_floors, row.id)
            if breaker.is_open or row.id in campaign_ids:
                wake.dispatch(row.pool)


def _failed(service: ValidationService, breaker: Breaker, why: str, *, now: datetime) -> None:
    ValidationService.objects.filter(pk=service.pk).update(
        failures=breaker.failures, ask_again_at=breaker.ask_again_at, problem=why[:300], failing_since=service.failing_since or now
    )


def _keep(taken: _Taken, answers: dict[str, Answer], *, now: datetime) -> None:
    holds = {Answer.UNKNOWN: NOT_KNOWN_FOR}
    fresh = timedelta(minutes=taken.service.fresh_minutes)
    sql.changed(
        """
        UPDATE campaigns_numbercheck v SET verdict = a.verdict, checked_at = %(now)s, valid_until = a.until, wanted_at = NULL, asking_until = NULL
        FROM json_to_recordset(%(answers)s::json) AS a(key text, verdict text, until timestamptz)
        WHERE v.service_id = %(service)s AND v.number_key = a.key
        """,
        {
            "now": now,
            "service": taken.service.pk,
            "answers": sql.records(
                {"key": key, "verdict": answers[e164].value, "until": now + holds.get(answers[e164], fresh)} for e164, key in taken.numbers.items()
            ),
        },
    )
