"""Who called us in vain, or answered and found nobody, is called back: the leads of campaigns that have no list of their own.

One way in for missed calls, abandoned calls and other programs. "Do not call back" is honoured: who asked for it is left alone for the
campaign's no-callback period, however often they are reported.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from agents.desk import Refusal
from campaigns import live, querysets
from campaigns.flow import permit
from campaigns.models import CallingList, Campaign, Contact, Lead, PhoneNumber, ZoneGroup
from campaigns.rules.lifecycle import Boost, CampaignState, FinalReason, LeadState, WaitReason
from campaigns.rules.modes import MODES, Source
from campaigns.rules.number_keys import number_key
from campaigns.rules.phone_numbers import Dialable, Undialable, read_number
from dialer_project.lib import sql, wake
from dialer_project.lib.sentence import say

# somebody who is calling us at this moment is given the time to put the phone down
STILL_CALLING = timedelta(seconds=60)
LIST = "Missed calls"
OVER = (CampaignState.STOPPED, CampaignState.COMPLETED)
MODES_OF_MISSED_CALLS = [mode.key for mode in MODES.values() if mode.source is Source.MISSED_CALLS]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Somebody who wants to be called back by this campaign, on this number, from then on."""

    campaign_id: int
    number: str
    at: datetime
    name: str = ""


def incoming(calls: Sequence[tuple[str, str]], *, now: datetime) -> None:
    """(from, to) of calls that came in: nobody takes them, so those to a number under which a campaign calls back are called back by it."""
    if not calls:
        return
    by_number = {
        row.e164: row.id
        for row in sql.rows(
            """
            SELECT n.e164, k.id FROM campaigns_campaign k JOIN telephony_callerid n ON n.id = k.caller_id_id
            WHERE k.mode_key = ANY(%s) AND k.state = ANY(%s) AND n.e164 = ANY(%s) ORDER BY k.id
            """,
            [MODES_OF_MISSED_CALLS, ["loaded", "running", "paused"], [to for _, to in calls]],
        )
    }
    for caller, to in calls:
        if to in by_number:
            call_back(Wanted(by_number[to], caller, now + STILL_CALLING), now=now)


def call_back(wanted: Wanted, *, now: datetime) -> Refusal | Lead:
    """Puts them at the top of the campaign's leads; a repeat finds the lead there. Returns it, or why nobody will be called."""
    read = read_number(wanted.number, country="")
    if isinstance(read, Undialable):
        return Refusal(say("The number {why}.", why=read.why))
    with transaction.atomic():
        permit.lock_campaign(wanted.campaign_id)  # whoever revives a lead shares the lock under which a campaign completes
        campaign = Campaign.objects.filter(pk=wanted.campaign_id).first()
        if campaign is None or campaign.mode.source is not Source.MISSED_CALLS:
            return Refusal("Only a campaign for missed calls takes somebody to call back: choose one in the mode Auto-callback.")
        if campaign.state in OVER:
            return Refusal(say("{campaign} has ended: nobody is called back by it any more.", campaign=campaign.name))
        phone = phone_of(read, campaign, name=wanted.name)
        lead = _lead(campaign, phone, at=wanted.at, now=now)
    sql.after_commit(live.forget_floors, campaign.pk)
    wake.dispatch(campaign.pool)
    return lead


def phone_of(read: Dialable, campaign: Campaign, *, name: str = "", source: str = "missed call") -> PhoneNumber:
    """The number of somebody we know, of this campaign rather than of another; else of somebody new."""
    known = (
        PhoneNumber.objects.filter(e164=read.e164, active=True, contact__leads__campaign=campaign).order_by("id").first()
        or PhoneNumber.objects.filter(e164=read.e164, active=True).order_by("-id").first()
    )
    if known is not None:
        return known
    contact, _ = Contact.objects.get_or_create(source=source, external_id=read.e164, defaults={"first_name": name[:120]})
    kind = "mobile" if read.mobile else "other"
    phone, _ = PhoneNumber.objects.get_or_create(
        contact=contact,
        e164=read.e164,
        defaults={
            "number_key": number_key(read.e164, settings.NUMBER_KEY),
            "kind": kind,
            "zones": list(read.zones),
            "landline": read.landline,
        },
    )
    return phone


def _lead(campaign: Campaign, phone: PhoneNumber, *, at: datetime, now: datetime) -> Lead:
    group, _ = ZoneGroup.objects.get_or_create(zones=sorted(phone.zones))  # put right below: they may have said where they are
    calling_list, _ = CallingList.objects.get_or_create(campaign=campaign, name=LIST)
    lead, is_new = Lead.objects.get_or_create(
        campaign=campaign,
        contact_id=phone.contact_id,
        defaults={"calling_list": calling_list, "zone_group": group, "next_phone": phone, "next_call_at": at, "boost": Boost.TOP_OF_LIST},
    )
    if is_new:
        return _grouped(lead)
    left_alone_since = now - timedelta(days=campaign.no_callback_days)
    # one in an agent's hands is being dealt with, one who was promised a call keeps the promise, one who asked for none is left alone
    sql.changed(
        """
        UPDATE campaigns_lead SET state = %(waiting)s, reason = %(new)s, boost = %(top)s, next_phone_id = %(phone)s, changed_at = %(now)s,
            next_call_at = CASE WHEN state = %(waiting)s THEN least(next_call_at, %(at)s) ELSE %(at)s END, reserved_for_id = NULL, tries = '{}'
        WHERE id = %(id)s AND state IN (%(waiting)s, %(final)s) AND boost <> %(callback)s
          AND (no_callback_since IS NULL OR no_callback_since <= %(left_alone_since)s) AND reason <> ALL(%(for_good)s)
        """,
        {
            "id": lead.pk,
            "waiting": LeadState.WAITING.value,
            "final": LeadState.FINAL.value,
            "new": WaitReason.NEW.value,
            "top": Boost.TOP_OF_LIST.value,
            "callback": Boost.CALLBACK_DUE.value,
            "phone": phone.pk,
            "at": at,
            "now": now,
            "left_alone_since": left_alone_since,
            "for_good": [FinalReason.EXCLUDED.value, FinalReason.WITHDRAWN.value],
        },
    )
    return _grouped(lead)


def _grouped(lead: Lead) -> Lead:
    querysets.regroup([lead.pk])
    lead.refresh_from_db()
    return lead
