"""What a crash left half-way, found again by its row. Run from the tick and from each pump once a second; every step may run twice."""

import logging
import zlib
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import transaction

from agents import desk
from agents.live import board, presence
from agents.live.board import Free
from campaigns import live, querysets
from campaigns.flow import (
    alert,
    callbacks,
    callers,
    conclude,
    control,
    dispatch,
    inbound,
    match,
    next_for,
    offer,
    phone,
    place,
    progress,
    supervise,
    take_part,
    tell_again,
    third_parties,
    wrap_up,
)
from campaigns.flow.permit import POOL, TICK
from campaigns.models import Campaign
from dialer_project.lib import redis, sql, wake
from telephony import calls, media

log = logging.getLogger(__name__)

# an order to dial that nobody has taken for this long lost its message
DIAL_DUE_FOR = timedelta(seconds=1)
SILENT_AFTER = timedelta(seconds=15)
# a session that holds one of our locks and has asked nothing for this long belongs to a process that is frozen, or to a host that is gone
FROZEN_FOR = timedelta(seconds=15)
# leads in one look, so that a million of them hold up nothing else
ASKED_AGAIN = 20_000


def every_second(*, now: datetime) -> None:
    """All deadlines. Each step stands alone: one that fails is logged and tried again in a second, and keeps none of the others."""
    _each(
        two_seconds,
        orders_to_dial,
        never_sent,
        quarantines,
        offers,
        previews,
        numbers_checked,
        wrap_ups,
        conversations,
        callers_waiting,
        messages_lost,
        ringing_for_nobody,
        hot_projection,
        silent_consoles,
        phones_to_call,
        phones_lost,
        personal_callbacks,
        due_work,
        now=now,
    )


def every_quarter_minute(*, now: datetime) -> None:
    frozen_processes()
    _each(
        completions,
        rules_corrected,
        absent_agents,
        callbacks_left_alone,
        callbacks_too_late,
        callbacks_of_those_who_left,
        stopping_agents,
        recordings,
        others_in_conversations,
        old_commands,
        now=now,
    )


def _each(*steps: Callable[..., None], now: datetime) -> None:
    """Each under a try-lock of its own, so that two beats and a pump do not do the same at once, and one that hangs holds up no other.
    One statement lets go of a step's lock and takes the next one's: this runs all day, mostly for nothing."""
    held: int | None = None
    for step in steps:
        number = zlib.crc32(step.__name__.encode()) & 0x7FFFFFFF
        asked = {"tick": TICK, "next": number, "held": held}
        had = sql.rows(f"SELECT pg_try_advisory_lock(%(tick)s, %(next)s) AS had, {_LET_GO}", asked)[0].had
        held = number if had else None
        if had:
            try:
                step(now=now)
            except Exception:  # the next second tries again; a sweep that stops at the first bad row would leave all others behind it
                log.exception("the sweep's step %s failed", step.__name__)
    if held is not None:
        sql.rows(f"SELECT {_LET_GO}", {"tick": TICK, "held": held})


_LET_GO = "(%(held)s::int IS NULL OR pg_advisory_unlock(%(tick)s, %(held)s)) AS let_go"


def frozen_processes(*, frozen_for: timedelta = FROZEN_FOR) -> int:
    """Their connections are ended, and with them their locks on pools and on the steps above, which nobody else could take. No step itself:
    its own lock might be among them. Returns how many there were."""
    ended = sql.rows(
        """
        SELECT a.pid, pg_terminate_backend(a.pid) FROM pg_stat_activity a
        WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() AND a.state LIKE 'idle%%' AND a.state_change < now() - %s
          AND EXISTS (SELECT 1 FROM pg_locks l WHERE l.pid = a.pid AND l.locktype = 'advisory' AND l.objsubid = 2 AND l.granted
                      AND l.classid = ANY(%s::oid[]))
        """,
        [frozen_for, [POOL, TICK]],
    )
    if ended:
        log.warning("%s frozen processes held locks: their connections were ended", len(ended))
    return len(ended)


def two_seconds(*, now: datetime) -> None:
    """Customers whose two seconds are over, should the pump's timer have died with it."""
    if waiting := calls.unanswered_too_long(now=now):
        progress.time_is_up(waiting, now=now)


def orders_to_dial(*, now: datetime) -> None:
    for row in sql.rows(
        "SELECT id FROM agents_interaction WHERE phase IN ('dialing', 'ringing_agent') AND dial_due <= %s ORDER BY dial_due LIMIT 50",
        [now - DIAL_DUE_FOR],
    ):
        phone.legs_ended(place.dial_interaction(row.id, now=now), now=now)


def never_sent(*, now: datetime) -> None:
    """Plans whose process died before the last look."""
    with transaction.atomic():
        ended = calls.never_sent(now=now)
        conclude.customers_ended(ended, now=now)
        phone.legs_ended(ended, now=now)
        third_parties.ended(ended, now=now)
        supervise.ended(ended, now=now)


def quarantines(*, now: datetime) -> None:
    with transaction.atomic():
        ended = calls.quarantine_over(now=now)
        conclude.customers_ended(ended, now=now)
        phone.legs_ended(ended, now=now)
        third_parties.ended(ended, now=now)
        supervise.ended(ended, now=now)


def offers(*, now: datetime) -> None:
    offer.not_taken_in_time(now=now)


def previews(*, now: datetime) -> None:
    offer.countdowns(now=now)
    offer.looked_at_too_long(now=now)
    offer.left_alone(now=now)


def numbers_checked(*, now: datetime) -> None:
    place.verdicts(now=now)


def wrap_ups(*, now: datetime) -> None:
    wrap_up.time_is_up(now=now)


def conversations(*, now: datetime) -> None:
    phone.conversations_over(now=now)


def callers_waiting(*, now: datetime) -> None:
    inbound.answer_again(now=now)
    with transaction.atomic():
        next_for.settle(inbound.waited_long_enough(now=now), now=now)


def messages_lost(*, now: datetime) -> None:
    tell_again.messages(now=now)


def ringing_for_nobody(*, now: datetime) -> None:
    phone.nobody_left(now=now)
    alert.left_by_all(now=now)
    control.hang_up_after_stop(now=now)


def hot_projection(*, now: datetime) -> None:
    """Emptied or stale: rebuilt from PostgreSQL. Dispatch plans nothing meanwhile, answers are matched without it."""
    if board.is_right():
        return
    try:
        redis.hot().ping()
    except redis.Unavailable:
        return
    free, waiting = desk.all_free(), [*match.all_waiting(), *callers.all_waiting()]
    board.rebuild([Free(seat.agent_id, seat.since or now, seat.stands_in) for seat in free], waiting, now=now)
    if waiting:  # who came to wait and who came to be free while there was no projection have not met
        next_for.stand_up(free, now=now)
    log.warning("the hot projection was rebuilt: %s agents free", len(free))


def silent_consoles(*, now: datetime) -> None:
    here = [row.agent_id for row in sql.rows("SELECT agent_id FROM agents_session WHERE present")]
    try:
        silent = presence.silent(here, now=now, older_than=SILENT_AFTER)
    except redis.Unavailable:
        return
    if silent:
        with transaction.atomic():
            desk.fell_silent(sorted(silent), now=now)


def absent_agents(*, now: datetime) -> None:
    """Away beyond the grace: Not Ready, connection lost."""
    rows = sql.rows(
        "SELECT agent_id FROM agents_session WHERE NOT present AND absent_since <= %s AND (voice_ready OR preview_ready)", [now - phone.ABSENT_FOR]
    )
    if rows:
        with transaction.atomic():
            desk.gone_too_long([row.agent_id for row in rows], now=now)


def phones_to_call(*, now: datetime) -> None:
    phone.move_to_other_nodes(now=now)
    phone.mailboxes(now=now)
    phone.call_again(now=now)


def phones_lost(*, now: datetime) -> None:
    phone.lost_too_long(now=now)


def personal_callbacks(*, now: datetime) -> None:
    """Due ones whose owner is free go to their owner; those past their fallback go to anybody, who is offered them where records are asked
    for, and claims them elsewhere."""
    for campaign_id in {
        row.campaign_id
        for row in sql.rows(
            """
            UPDATE campaigns_lead l SET reserved_for_id = NULL FROM campaigns_callback b
            WHERE b.lead_id = l.id AND b.state = 'open' AND b.fallback_at <= %s AND l.state = 'waiting' AND l.reserved_for_id IS NOT NULL
            RETURNING l.campaign_id
            """,
            [now],
        )
    }:
        live.forget_floors(campaign_id)
    owners = [
        row.agent_id
        for row in sql.rows(
            """
            SELECT DISTINCT l.reserved_for_id AS agent_id FROM campaigns_lead l
            WHERE l.state = 'waiting' AND l.reserved_for_id IS NOT NULL AND l.next_call_at <= %s
            """,
            [now],
        )
    ]
    if owners:
        with transaction.atomic():
            next_for.settle(desk.seats("s.agent_id = ANY(%(owners)s)", {"owners": owners}), now=now)
    next_for.callbacks_for_anybody(now=now)


def due_work(*, now: datetime) -> None:
    """One question for all campaigns: which pools have a free agent and a due lead in its hours? There the wake was lost, or there was none:
    dispatched at once, without the broker; an idle one costs nothing more."""
    seats = {seat.agent_id: seat for seat in desk.all_free()}
    try:
        lost = board.absent([Free(seat.agent_id, seat.since or now, seat.stands_in) for seat in seats.values()])
    except board.Stale:
        return
    if lost:
        next_for.stand_up([seats[agent.agent_id] for agent in lost], now=now)
    for pool in dispatch.pools_with_work([seat.pool for seat in seats.values() if seat.pool is not None], now=now):
        dispatch.dispatch(pool, now=now)


def completions(*, now: datetime) -> None:
    for campaign in Campaign.objects.filter(pk__in=control.completable(now=now)):
        control.complete(campaign, now=now)


def rules_corrected(*, now: datetime) -> None:
    """A lead that its campaign's rules left no time is asked again as soon as they have changed, without waiting for its day to pass."""
    found = querysets.rules_corrected(now=now, at_most=ASKED_AGAIN)
    for campaign in Campaign.objects.filter(pk__in=found):
        live.forget_floors(campaign.pk)
        wake.dispatch(campaign.pool)


def callbacks_left_alone(*, now: datetime) -> None:
    """Open callbacks whose lead has ended some other way: closed with the reason, never lost in silence."""
    rows = sql.rows(
        "SELECT b.lead_id FROM campaigns_callback b JOIN campaigns_lead l ON l.id = b.lead_id WHERE b.state = 'open' AND l.state = 'final'"
    )
    conclude.close_callbacks([row.lead_id for row in rows], reason="the record was finished", now=now)


def callbacks_of_those_who_left(*, now: datetime) -> None:
    callbacks.of_those_who_left(now=now)


def callbacks_too_late(*, now: datetime) -> None:
    callbacks.expire(now=now)


def stopping_agents(*, now: datetime) -> None:
    take_part.those_stopping(now=now)


def recordings(*, now: datetime) -> None:
    """Those whose beginning or end was told to nobody, files not yet fetched, and files whose time is over."""
    media.look_after(now=now)


def others_in_conversations(*, now: datetime) -> None:
    supervise.left_behind(now=now)
    third_parties.left_behind(now=now)
    tell_again.hang_ups(now=now)


def old_commands(*, now: datetime) -> None:
    desk.forget_commands(before=now - timedelta(days=1))
