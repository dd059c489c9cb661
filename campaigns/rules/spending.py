"""What calls cost by the day, and how much of a limit is left."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from dialer_project.lib.sentence import say

# what a call is taken to cost from the moment it is planned, in minutes; a carrier bills begun minutes
MINIMUM = 1
# a limit is approached under a lock from here on: so many calls may be planned elsewhere at the same moment
CALLS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Limit:
    """So much a day, in a time zone's days. campaign_id: None for the whole organisation."""

    id: int
    per_day: Decimal
    time_zone: str
    campaign_id: int | None = None

    def began(self, now: datetime) -> datetime:
        return _midnight(now, self.time_zone, days=0)

    def ends(self, now: datetime) -> datetime:
        return _midnight(now, self.time_zone, days=1)


@dataclass(frozen=True, slots=True)
class Spent:
    """How a limit stands: what was spent today, calls under way and planned included."""

    limit: Limit
    amount: Decimal

    @property
    def left(self) -> Decimal:
        return self.limit.per_day - self.amount


@dataclass(frozen=True, slots=True)
class Tariff:
    """What a trunk's calls cost a minute: where no prefix says otherwise, and at most. None: nobody has said."""

    flat: Decimal | None = None
    dearest: Decimal | None = None


def why_held(spent: Spent, tariff: Tariff, *, now: datetime) -> str:
    """Why nothing more is dialed today, a sentence; empty where a call to the dearest destination still fits."""
    own = spent.limit.campaign_id is not None
    if tariff.flat is None or tariff.dearest is None:
        if own:
            return say("There is a spend limit for the campaign, and the trunk has no price: give it one a minute.")
        return say("There is a spend limit for the organisation, and the trunk has no price: give it one a minute.")
    if spent.left >= tariff.dearest * MINIMUM:
        return ""
    about = {
        "amount": f"{spent.amount:.2f}",
        "limit": f"{spent.limit.per_day:.2f}",
        "at": f"{spent.limit.ends(now):%Y-%m-%d %H:%M} UTC",
    }
    if own:
        return say("The campaign has spent {amount} of {limit} for today: dialing goes on at {at}, or when the limit is raised.", **about)
    return say("The organisation has spent {amount} of {limit} for today: dialing goes on at {at}, or when the limit is raised.", **about)


class Purse:
    """What is left for one batch, all limits at once."""

    def __init__(self, spending: tuple[Spent, ...]) -> None:
        self._left = min((spent.left for spent in spending), default=None)

    @classmethod
    def empty(cls) -> "Purse":
        """Nothing can be paid from it."""
        purse = cls(())
        purse._left = Decimal(0)
        return purse

    def is_nearly_empty(self, tariff: Tariff) -> bool:
        return self._left is not None and self._left < (tariff.dearest or 0) * MINIMUM * CALLS_AT_ONCE

    def pays(self, per_minute: Decimal | None) -> bool:
        """Takes the minimum of one call out, if it is there."""
        if self._left is None:
            return True
        if per_minute is None or self._left < per_minute * MINIMUM or self._left <= 0:
            return False
        self._left -= per_minute * MINIMUM
        return True


def _midnight(now: datetime, zone: str, *, days: int) -> datetime:
    day = now.astimezone(ZoneInfo(zone)).date() + timedelta(days=days)
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).astimezone(UTC)
