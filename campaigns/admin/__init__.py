"""Campaigns in the admin: translate, make one call, answer. What a button does is decided in `flow.control`."""

from campaigns.admin import campaign, compliance, consent, do_not_call, imports, ledger, people, records, stations, supervision, third, verdicts

__all__ = [
    "campaign",
    "compliance",
    "consent",
    "do_not_call",
    "imports",
    "ledger",
    "people",
    "records",
    "stations",
    "supervision",
    "third",
    "verdicts",
]
