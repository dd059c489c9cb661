"""The time of day at this moment, for the few places where the `now` a piece of work began with may be too old: the claim, and the last look
before a call is sent. Everything else is told its `now` and asks nobody."""

from datetime import datetime

from django.utils import timezone


def later(now: datetime) -> datetime:
    """The time at this moment; never before `now`, should the machine's clock have been put back meanwhile."""
    return max(now, timezone.now())
