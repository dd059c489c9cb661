"""Consent is written down with its evidence, and taken back; it is never changed. And periods in which somebody is left alone.

Under the person's lock, so that a dial transaction sees either all of it or nothing. A call that was planned before and is not sent yet is
not sent: its lead is asked about again.
"""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import transaction

from agents.desk import DONE, Answer, Refusal
from agents.models import User
from campaigns import live
from campaigns.flow import conclude
from campaigns.flow.permit import PERSON
from campaigns.models import Campaign, Consent, Contact, Suppression
from campaigns.rules.number_keys import number_key
from dialer_project.lib import sql, wake

NOT_THERE = Refusal("This contact is no longer there. Look for them again.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """How somebody agreed. kind: as the rule packs name it, such as call; e164: the one number it is for, empty for all of theirs; source:
    where it is kept, such as a form's address or a recording's name; text: what they agreed to, word for word."""

    kind: str
    source: str
    given_at: datetime
    e164: str = ""
    seller: str = ""
    text: str = ""
    channel: str = ""
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """is_new: false where the same was written down before."""

    consent: Consent
    is_new: bool


def why_not(evidence: Evidence, *, now: datetime) -> Refusal | None:
    """Why this proves nothing; None where it does."""
    if evidence.given_at > now:
        return Refusal("Nobody can have agreed at a time that is still to come.")
    if evidence.expires_at is not None and evidence.expires_at <= evidence.given_at:
        return Refusal("This consent would end before it was given: choose a later end, or none.")
    return None


def give(contact_id: int, evidence: Evidence, *, by: User | None, now: datetime) -> Kept | Refusal:
    """Who waited for it is asked about again at once."""
    if refused := why_not(evidence, now=now):
        return refused
    with transaction.atomic():
        if not _locked(contact_id):
            return NOT_THERE
        key = number_key(evidence.e164, settings.NUMBER_KEY) if evidence.e164 else ""
        consent, is_new = Consent.objects.get_or_create(
            contact_id=contact_id,
            number_key=key,
            kind=evidence.kind,
            source=evidence.source,
            given_at=evidence.given_at,
            revoked_at=None,
            defaults={
                "seller": evidence.seller,
                "text": evidence.text,
                "channel": evidence.channel,
                "expires_at": evidence.expires_at,
                "recorded_at": now,
                "recorded_by": by,
            },
        )
        if is_new:
            _asked_about_again(contact_id, now=now)
    return Kept(consent, is_new)


def take_back(consent_id: int, *, by: User | None, now: datetime) -> Answer:
    """From now on it allows no call. It is kept: it allowed those before."""
    contact_id = Consent.objects.filter(pk=consent_id).values_list("contact_id", flat=True).first()
    if contact_id is None:
        return Refusal("There is no such consent.")
    with transaction.atomic():
        _locked(contact_id)
        if not Consent.objects.filter(pk=consent_id, revoked_at=None).update(revoked_at=now, revoked_by=by):
            return Refusal("This consent was taken back already.")
        _planned_is_over(contact_id, campaign=None, now=now)
    return DONE


def leave_alone(contact_id: int, *, until: datetime, campaign: Campaign | None, reason: str, now: datetime) -> Suppression | Refusal:
    """No call to this person before then, in one campaign or in all."""
    if until <= now:
        return Refusal("This is over already: choose a later time.")
    with transaction.atomic():
        if not _locked(contact_id):
            return NOT_THERE
        _planned_is_over(contact_id, campaign=campaign, now=now)
        return Suppression.objects.create(contact_id=contact_id, campaign=campaign, until=until, reason=reason, created_at=now)


def _locked(contact_id: int) -> bool:
    """Whether there is such a person, who is ours until the end of the transaction."""
    sql.rows("SELECT pg_advisory_xact_lock(%s, %s)", [PERSON, contact_id % 2147483647])
    return Contact.objects.filter(pk=contact_id).exists()


def _planned_is_over(contact_id: int, *, campaign: Campaign | None, now: datetime) -> None:
    """The row lock waits for who sends it just now: what they have sent rings on."""
    planned = sql.rows(
        """
        SELECT c.id FROM telephony_call c JOIN campaigns_attempt a ON a.id = c.id
        WHERE a.contact_id = %(contact)s AND a.state = 'open' AND c.state = 'planned' AND (%(campaign)s::bigint IS NULL OR a.campaign_id = %(campaign)s)
        ORDER BY c.id FOR UPDATE OF c
        """,
        {"contact": contact_id, "campaign": campaign.pk if campaign else None},
    )
    conclude.never_sent([row.id for row in planned], now=now)


def _asked_about_again(contact_id: int, *, now: datetime) -> None:
    moved = sql.rows(
        """
        UPDATE campaigns_lead l SET next_call_at = %(now)s, changed_at = %(now)s FROM campaigns_campaign c
        WHERE l.contact_id = %(contact)s AND l.state = 'waiting' AND l.reason = 'consent' AND l.next_call_at > %(now)s AND c.id = l.campaign_id
        RETURNING c.id, c.pool
        """,
        {"contact": contact_id, "now": now},
    )
    for row in moved:
        sql.after_commit(live.forget_floors, row.id)
        wake.dispatch(row.pool)
