"""What an agent sees: reads only. Each function is one screen's worth of plain values."""

from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from agents import desk
from agents.console import Screen, as_written
from agents.messages import (
    AttemptShown,
    CallerIdChoice,
    CampaignNotice,
    Campaigns,
    CampaignShown,
    ContactShown,
    Details,
    DispositionChoice,
    FieldShown,
    KindChoice,
    Menu,
    NumberShown,
    ReasonChoice,
    StationChoice,
)
from agents.models import Agent, Interaction, NotReadyReason, Session, Station
from agents.rules.lifecycle import Phase
from campaigns import facts
from campaigns.models import (
    Attempt,
    Campaign,
    CampaignChange,
    Disposition,
    DoNotCall,
    FieldDefinition,
    Lead,
    Participation,
    PhoneNumber,
)
from campaigns.rules.lifecycle import CampaignMove, CampaignState, ParticipationState
from campaigns.rules.modes import Delivery, DispositionFor, Joining, Mode, Needs, NumberChoice
from campaigns.rules.permit.gate import campaign_holds
from campaigns.rules.permit.hours import local_times

HISTORY = 10


def snapshot(agent_id: int) -> Screen:
    """What this agent's screen must say now; a blank one for who has never signed in."""
    return desk.screen(agent_id) or Screen(
        agent_id=agent_id,
        version=0,
        connection_epoch=0,
        signed_in=False,
        voice_ready=False,
        preview_ready=False,
        reason=None,
        pending_reason=None,
        changed_at=None,
        station_id=None,
        leg_state=Session.Leg.NONE.value,
        interaction=None,
        news=0,
    )


def record(agent_id: int, interaction_id: UUID) -> Details | None:
    """The details of the record on this agent's desk; None where it is not on it."""
    work = Interaction.objects.filter(pk=interaction_id, agent_id=agent_id).exclude(phase=Phase.CLOSED).first()
    if work is None:
        return None
    campaign = Campaign.objects.filter(pk=work.campaign_id).first() if work.campaign_id else None
    lead = Lead.objects.select_related("contact").filter(pk=work.lead_id).first() if work.lead_id else None
    return Details(
        interaction=work.pk,
        campaign=campaign.name if campaign else "",
        description=campaign.description if campaign else "",
        contact=_contact(lead, dialed=work.phone_id, campaign=campaign, now=timezone.now()) if lead else None,
        fields=_fields(campaign, lead) if campaign and lead else [],
        history=_history(lead) if lead else [],
        attempts_made=lead.attempts_made if lead else 0,
        dispositions=_dispositions(campaign),
        voicemail=campaign is not None and campaign.voicemail_id is not None,
        accept_dials=campaign.mode.accept_dials if campaign else False,
        chooses_number=campaign is not None and campaign.mode.number_choice is NumberChoice.AGENT,
        new_number=campaign is not None and campaign.mode.number_choice is NumberChoice.AGENT and campaign.new_numbers,
        number_kinds=[KindChoice(key=key, label=label) for key, label in PhoneNumber.Kind.choices],
        caller_ids=_caller_ids(campaign) if campaign else [],
        caller_id=campaign.caller_id_id if campaign else None,
        disposition_for=_disposition_for(campaign),  # type: ignore[arg-type]  # the field's words are these; pydantic looks
    )


def choices(agent_id: int) -> Menu:
    """What this agent can choose from: stations, and Not Ready reasons with their labels."""
    agent = Agent.objects.get(pk=agent_id)
    taken = set(Session.objects.exclude(pk=agent_id).filter(signed_in_at__isnull=False, station__isnull=False).values_list("station_id", flat=True))
    return Menu(
        station=agent.station_id,
        stations=[
            StationChoice(
                id=station.pk,
                name=station.name,
                kind=station.get_kind_display(),
                leg_mode=station.leg_mode,  # type: ignore[arg-type]  # the column's choices are these words; pydantic looks
                taken=station.pk in taken,
            )
            for station in Station.objects.order_by("name")
        ],
        reasons=[
            ReasonChoice(code=reason.code, label=reason.label, choosable=not reason.system, max_minutes=reason.max_minutes)
            for reason in NotReadyReason.objects.filter(Q(team__isnull=True) | Q(team_id=agent.team_id))
        ],
    )


# what a notice says of each change
TITLES = {
    CampaignMove.LOAD: "Campaign Loaded",
    CampaignMove.START: "Campaign Started",
    CampaignMove.PAUSE: "Campaign Paused",
    CampaignMove.STOP: "Campaign Stopped",
    CampaignMove.COMPLETE: "Campaign Completed",
}
# an older notice is no news any more
NEWS_FOR = timedelta(hours=12)


def campaigns(agent_id: int, *, now: datetime) -> Campaigns:
    """My Campaigns, those that are loaded, running or paused; and of each the newest change the agent has not read."""
    mine = list(
        Participation.objects.filter(agent_id=agent_id).select_related("campaign", "campaign__hours").order_by("campaign__name", "campaign_id")
    )
    ready = Session.objects.filter(pk=agent_id).first()
    newest: dict[int, CampaignChange] = {}
    read = {one.campaign_id: one.read for one in mine}
    for change in CampaignChange.objects.filter(campaign__in=read, move__in=list(TITLES), at__gte=now - NEWS_FOR).order_by("id"):
        newest[change.campaign_id] = change
    shown_too = [one for one in mine if one.campaign_id in newest and newest[one.campaign_id].pk > one.read]
    return Campaigns(
        campaigns=[_campaign(one, ready, now=now) for one in mine if one.campaign.state in STATUS],
        notices=[_notice(one, newest[one.campaign_id]) for one in shown_too],
    )


STATUS: dict[str, Literal["Active", "Running", "Paused"]] = {
    CampaignState.LOADED: "Active",
    CampaignState.RUNNING: "Running",
    CampaignState.PAUSED: "Paused",
}


def _campaign(part: Participation, session: Session | None, *, now: datetime) -> CampaignShown:
    campaign, mode = part.campaign, part.campaign.mode
    joined = part.state == ParticipationState.JOINED
    explicit = mode.joining is Joining.EXPLICIT
    pulls = mode.delivery is Delivery.PULL
    action: Literal["get_record", "run", "stop", "none"] = "none"
    if pulls:
        action = "get_record" if joined or not explicit else "run"
    elif mode.needs is Needs.JOINED:
        action = "stop" if joined else "get_record"
    elif not joined:
        action = "get_record"
    return CampaignShown(
        id=campaign.pk,
        status=STATUS[campaign.state],
        name=campaign.name,
        delivery="Manual" if mode.delivery_mode_label == "Manual" else "Automatic",
        mode=mode.label,
        description=campaign.description,
        taking_part=joined,
        action=action,
        gets=mode.get_label,
        closes=joined and pulls and explicit,
        remark=_remark(campaign, mode, session, joined=joined, now=now),
    )


def _remark(campaign: Campaign, mode: Mode, session: Session | None, *, joined: bool, now: datetime) -> str:
    """Why nothing comes now, or what makes records come."""
    if campaign.state == CampaignState.PAUSED:
        return "Paused: nothing comes until it goes on."
    if campaign.state == CampaignState.LOADED:
        return "Not started yet."
    if holds := campaign_holds(facts.settings_now([campaign.pk], now=now)[campaign.pk].terms, now=now):
        return " ".join(holds)
    if not joined:
        return "Stopped: nothing comes until you ask for it."
    if mode.delivery is Delivery.PULL:
        return ""
    if mode.needs is Needs.JOINED:
        return "Records come whether you are Ready or not, until you stop."
    channel = "Outbound preview" if mode.needs is Needs.PREVIEW else "Voice"
    is_on = session is not None and (session.preview_ready if mode.needs is Needs.PREVIEW else session.voice_ready)
    return "Automatic when Ready." if is_on else f"Automatic when Ready: switch {channel} on."


def _notice(part: Participation, change: CampaignChange) -> CampaignNotice:
    campaign, mode = part.campaign, part.campaign.mode
    begins = change.move in (CampaignMove.LOAD, CampaignMove.START)
    return CampaignNotice(
        id=change.pk,
        campaign=campaign.pk,
        title=TITLES[CampaignMove(change.move)],
        name=campaign.name,
        mode=mode.label,
        description=campaign.description,
        get_record=change.move == CampaignMove.START and mode.delivery is Delivery.PULL and mode.joining is not Joining.EXPLICIT,
        joins=begins and mode.joining is Joining.ON_NOTICE and part.state != ParticipationState.JOINED,
    )


def shown(e164: str, *, whole: bool) -> str:
    """A number as people write it; but for the one being called, all is hidden between the country code and the last two digits."""
    text = as_written(e164)
    if whole:
        return text
    country, _, rest = text.partition(" ")
    digits = sum(character.isdigit() for character in rest)
    hidden = iter(range(digits - 2))
    return f"{country} " + "".join("•" if character.isdigit() and next(hidden, None) is not None else character for character in rest)


def _caller_ids(campaign: Campaign) -> list[CallerIdChoice]:
    """Which numbers of ours the agent may show; the campaign's own first."""
    others = campaign.other_caller_ids.filter(verified=True).order_by("e164")
    own = [campaign.caller_id] if campaign.caller_id and campaign.caller_id.verified else []
    chosen = {one.pk: one for one in [*own, *others]}.values()
    return [CallerIdChoice(id=one.pk, number=as_written(one.e164), label=one.label) for one in chosen]


def _local_time(zones: list[str], now: datetime) -> str:
    """What the clock says there; empty where the possible zones disagree."""
    told = set(local_times(tuple(zones), now)) if zones else set()
    return told.pop() if len(told) == 1 else ""


def _contact(lead: Lead, *, dialed: int | None, campaign: Campaign | None, now: datetime) -> ContactShown:
    contact = lead.contact
    # who chooses a number must be able to read it
    open_numbers = campaign is not None and campaign.mode.number_choice is NumberChoice.AGENT
    numbers = list(contact.phones.all())
    listed = set(
        DoNotCall.objects.filter(
            Q(campaign=campaign) | Q(campaign__isnull=True),
            Q(expires_at__isnull=True) | Q(expires_at__gt=now),
            number_key__in=[number.number_key for number in numbers],
        ).values_list("number_key", flat=True)
    )
    place = (contact.address, contact.city, contact.region, contact.postal_code, contact.country)
    return ContactShown(
        name=contact.name,
        title=contact.title,
        company=contact.company,
        email=contact.email,
        address=", ".join(part for part in place if part),
        time_zone=contact.time_zone,
        numbers=[
            NumberShown(
                id=number.pk,
                kind=number.get_kind_display(),
                number=shown(number.e164, whole=open_numbers or number.pk == dialed),
                dialed=number.pk == dialed,
                active=number.active,
                local_time=_local_time(number.zones, now),
                listed=number.number_key in listed,
            )
            for number in numbers
        ],
    )


def _fields(campaign: Campaign, lead: Lead) -> list[FieldShown]:
    """As the campaign defines them; without a definition, as the list had them."""
    values = lead.contact.fields
    defined = list(FieldDefinition.objects.filter(campaign=campaign))
    if defined:
        return [FieldShown(label=field.label, value=_text(values.get(field.key))) for field in defined]
    return [FieldShown(label=key.replace("_", " ").capitalize(), value=_text(value)) for key, value in values.items()]


def _text(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "Yes" if value else "No"
        case _:
            return str(value)


def _history(lead: Lead) -> list[AttemptShown]:
    attempts = (
        Attempt.objects.filter(lead=lead, concluded_at__isnull=False).select_related("disposition", "agent__user").order_by("-planned_at")[:HISTORY]
    )
    return [
        AttemptShown(
            at=attempt.planned_at,
            number=shown(attempt.e164, whole=False),
            outcome=attempt.get_outcome_display() or "",
            disposition=attempt.disposition.label if attempt.disposition else "",
            agent=str(attempt.agent) if attempt.agent else "",
        )
        for attempt in attempts
    ]


def _dispositions(campaign: Campaign | None) -> list[DispositionChoice]:
    """The campaign's own, then those of every campaign."""
    found = Disposition.objects.filter(Q(campaign=campaign) | Q(campaign__isnull=True), active=True)
    ordered = sorted(found, key=lambda disposition: (disposition.campaign_id is None, disposition.position, disposition.label))
    return [
        DispositionChoice(id=disposition.pk, label=disposition.label, kind=disposition.kind, note_required=disposition.note_required)
        for disposition in ordered
    ]


def _disposition_for(campaign: Campaign | None) -> str:
    """Which calls need one."""
    if campaign is None:
        return DispositionFor.NONE.value
    if campaign.disposition_for == Campaign.DispositionFor.MODE:
        return campaign.mode.disposition_for.value
    return campaign.disposition_for
