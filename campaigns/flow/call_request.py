"""Somebody asks to be called, through another program: once for each key, and only where they may be called at all."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q

from agents.desk import Refusal
from agents.models import User
from campaigns.flow.call_back import Wanted, call_back
from campaigns.models import CallRequest, CampaignExclusion, DoNotCall, Lead
from campaigns.rules.lifecycle import FinalReason
from campaigns.rules.number_keys import number_key
from dialer_project.lib import sql
from dialer_project.lib.sentence import say

OTHER_NUMBER = Refusal("This key was used for another number: give each request a key of its own.")
TAKEN_OFF = Refusal("This contact was taken off the campaign, so nobody will call.")


@dataclass(frozen=True, slots=True)
class Made:
    """is_new: false for a repeat."""

    id: int
    lead: Lead
    is_new: bool


def make(wanted: Wanted, *, key: str, by: User | None, now: datetime) -> Refusal | Made:
    """The number as E.164. A repeat of the key is the same request, whatever became of it since; a refusal leaves nothing behind."""
    try:
        with transaction.atomic():
            return _again(wanted, key) or _make(wanted, key=key, by=by, now=now)
    except IntegrityError:  # the same request came twice at once: the other was first
        return _again(wanted, key) or OTHER_NUMBER


def _again(wanted: Wanted, key: str) -> Refusal | Made | None:
    made = CallRequest.objects.select_related("lead").filter(campaign_id=wanted.campaign_id, key=key).first()
    if made is None:
        return None
    return Made(made.pk, made.lead, is_new=False) if made.e164 == wanted.number else OTHER_NUMBER


def _make(wanted: Wanted, *, key: str, by: User | None, now: datetime) -> Refusal | Made:
    listed = DoNotCall.objects.filter(
        Q(campaign__isnull=True) | Q(campaign_id=wanted.campaign_id),
        Q(expires_at__isnull=True) | Q(expires_at__gt=now),
        number_key=number_key(wanted.number, settings.NUMBER_KEY),
    )
    if listed.exists():
        return Refusal("The phone number is on the Do-Not-Call list, so nobody will call it.")
    lead = call_back(wanted, now=now)
    refusal = lead if isinstance(lead, Refusal) else _left_alone(lead, now=now)
    if refusal is not None:
        transaction.set_rollback(True)
        return refusal
    assert isinstance(lead, Lead)
    made = CallRequest.objects.create(campaign_id=wanted.campaign_id, key=key, e164=wanted.number, lead=lead, asked_at=now, by=by)
    return Made(made.pk, lead, is_new=True)


def _left_alone(lead: Lead, *, now: datetime) -> Refusal | None:
    """Who asked for no call, or was taken off: a form on the web does not outweigh that, since anybody can fill one in."""
    if lead.reason in (FinalReason.EXCLUDED, FinalReason.WITHDRAWN) or CampaignExclusion.objects.filter(
        campaign_id=lead.campaign_id, contact_id=lead.contact_id
    ):
        return TAKEN_OFF
    days = sql.rows("SELECT no_callback_days FROM campaigns_campaign WHERE id = %s", [lead.campaign_id])[0].no_callback_days
    until = lead.no_callback_since + timedelta(days=days) if lead.no_callback_since else None
    if until is not None and until > now:
        until_when = f"{until:%Y-%m-%d %H:%M} UTC"
        return Refusal(say("They asked not to be called back: they are left alone until {until}.", until=until_when))
    return None
