"""Several at once, each on a thread and a connection of its own, with real commits between them."""

from collections.abc import Callable, Sequence
from datetime import datetime
from threading import Barrier, Thread
from typing import Any, TypeVar
from uuid import UUID

from django.db import connection, transaction

from campaigns import facts, live, querysets
from campaigns.flow import permit, place
from campaigns.flow.permit import Promise

T = TypeVar("T")


def at_once(works: Sequence[Callable[[], T]], *, refused: type[Exception] | tuple[()] = ()) -> list[T]:
    """What each came to, in order; those that ended in an exception of the `refused` kind are left out, any other is raised here."""
    begin = Barrier(len(works))
    found: list[Any] = [None] * len(works)

    def run(place: int, work: Callable[[], T]) -> None:
        try:
            connection.ensure_connection()
            begin.wait(timeout=60)
            found[place] = work()
        except Exception as error:
            found[place] = error
        finally:
            connection.close()

    threads = [Thread(target=run, args=each, daemon=True) for each in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
        assert not thread.is_alive(), "somebody waits for ever"
    for each in found:
        if isinstance(each, Exception) and not isinstance(each, refused):
            raise each
    return [each for each in found if not isinstance(each, Exception)]


def promise(campaign_id: int, *, node_id: int, at_most: int, now: datetime) -> list[UUID]:
    """The dial transaction as dispatch makes it, for no agent: claimed, permitted or moved on, promised, committed. Returns the attempts."""
    campaign = facts.settings_of([campaign_id])[campaign_id]
    with transaction.atomic():
        permit.lock_campaign(campaign_id)
        leads = querysets.claim(
            campaign_id,
            epoch=campaign.epoch,
            groups=list(querysets.zone_groups(campaign_id)),
            floors=live.floors(campaign_id),
            at_most=at_most,
            now=now,
        )
        cleared, steps = permit.consider(campaign, permit.candidates(leads), now=now)
        querysets.step(steps, now=now)
        promises = [Promise(each, None, node_id, None, permit.new_id()) for each in cleared]
        permit.promise(campaign, promises, now=now)
    return [each.id for each in promises]


def dial(campaign_id: int, *, node_id: int, at_most: int, now: datetime) -> list[UUID]:
    """Promised, looked at for the last time, and sent."""
    promised = promise(campaign_id, node_id=node_id, at_most=at_most, now=now)
    place.dial_planned(facts.settings_of([campaign_id])[campaign_id], promised, now=now)
    return promised
