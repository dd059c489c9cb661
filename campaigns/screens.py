"""What an agent sees: reads only. Each function is one screen's worth of plain values."""

from uuid import UUID

from django.db.models import Q

from agents import desk
from agents.console import Screen, as_written
from agents.messages import (
    AttemptShown,
    ContactShown,
    Details,
    DispositionChoice,
    FieldShown,
    Menu,
    NumberShown,
    ReasonChoice,
    StationChoice,
)
from agents.models import Agent, Interaction, NotReadyReason, Session, Station
from agents.rules.lifecycle import Phase
from campaigns.models import Attempt, Campaign, Disposition, FieldDefinition, Lead
from campaigns.rules.modes import DispositionFor

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
        contact=_contact(lead, dialed=work.phone_id) if lead else None,
        fields=_fields(campaign, lead) if campaign and lead else [],
        history=_history(lead) if lead else [],
        attempts_made=lead.attempts_made if lead else 0,
        dispositions=_dispositions(campaign),
        voicemail=campaign is not None and campaign.voicemail_id is not None,
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


def shown(e164: str, *, whole: bool) -> str:
    """A number as people write it; but for the one being called, all is hidden between the country code and the last two digits."""
    text = as_written(e164)
    if whole:
        return text
    country, _, rest = text.partition(" ")
    digits = sum(character.isdigit() for character in rest)
    hidden = iter(range(digits - 2))
    return f"{country} " + "".join("•" if character.isdigit() and next(hidden, None) is not None else character for character in rest)


def _contact(lead: Lead, *, dialed: int | None) -> ContactShown:
    contact = lead.contact
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
                kind=number.get_kind_display(),
                number=shown(number.e164, whole=number.pk == dialed),
                dialed=number.pk == dialed,
                active=number.active,
            )
            for number in contact.phones.all()
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
