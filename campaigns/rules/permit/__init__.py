"""May this number be called, and when: the `kinds` of rules there are, `hours` in local time, the `gate` that asks them all."""

from campaigns.rules.permit.gate import (
    Agreed,
    Allowed,
    Barred,
    Facts,
    Gate,
    Held,
    NotBefore,
    Refused,
    Terms,
    Verdict,
    campaign_holds,
    earliest,
    may_call,
)
from campaigns.rules.permit.hours import ALWAYS, DAYS, Hours, hours_from, open_span

__all__ = [
    "ALWAYS",
    "DAYS",
    "Agreed",
    "Allowed",
    "Barred",
    "Facts",
    "Gate",
    "Held",
    "Hours",
    "NotBefore",
    "Refused",
    "Terms",
    "Verdict",
    "campaign_holds",
    "earliest",
    "hours_from",
    "may_call",
    "open_span",
]
