"""What an agent sees: reads only. Each function is one screen's worth of plain values."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from agents import desk
from agents.console import Screen, as_written
from agents.messages import (
    AttemptShown,
    CallbackNotKept,
    Callbacks,
    CallbackShown,
    CallerIdChoice,
    CampaignNotice,
    Campaigns,
    CampaignShown,
    CaseShown,
    ColleagueShown,
    Condition,
    ContactShown,
    Day,
    Details,
    DispositionChoice,
    FieldShown,
    History,
    KindChoice,
    Menu,
    MessageChoice,
    NotReadyFor,
    NumberShown,
    QuestionShown,
    ReasonChoice,
    RecordingShown,
    SectionShown,
    StationChoice,
    SurveyShown,
    Targets,
    TargetShown,
)
from agents.models import Agent, Interaction, NotReadyReason, Session, Station, User
from agents.rules.lifecycle import Phase
from campaigns import activity, facts, history
from campaigns.flow import nothing_now, said_of_a_call, take_part, talk, transfer
from campaigns.models import (
    Callback,
    Campaign,
    CampaignChange,
    Contact,
    Destination,
    Disposition,
    DoNotCall,
    FieldDefinition,
    Lead,
    Participation,
    PhoneNumber,
    Survey,
    SurveyAnswer,
)
from campaigns.rules import forms
from campaigns.rules.lifecycle import Boost, CallbackState, CampaignMove, CampaignState, LeadState, ParticipationState
from campaigns.rules.modes import Delivery, DispositionFor, Joining, Needs, NoCallback, NumberChoice
from campaigns.rules.permit.gate import campaign_holds
from campaigns.rules.permit.hours import local_times
from dialer_project.lib.sentence import say, together
from telephony import media, nodes
from telephony.models import Announcement

# calls on one page of a contact's history
HISTORY = 10
MOST_CALLBACKS = 200
# for so long a promise that was not kept is shown to whoever made it
NOT_KEPT_FOR = timedelta(days=7)
MOST_NOT_KEPT = 20
# why promises end, as the flow writes it down, beside the campaign's own words
ENDED_BECAUSE = {
    str(why): why
    for why in (
        say("the campaign was paused"),
        say("the customer was not reached in time"),
        say("whoever promised it was not free in time"),
        say("nobody was free in time"),
        say("no more attempts"),
        say("the campaign was stopped"),
        say("the campaign was completed"),
        say("the contact was taken off the campaign"),
        say("on the do-not-call list"),
    )
}
# reasons of cancelled callbacks that an agent gave on the screen themselves
BY_AN_AGENT = ["cancelled by the agent", "not to be called back", "the record was finished"]


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
    lead = Lead.objects.select_related("contact", "calling_list").filter(pk=work.lead_id).first() if work.lead_id else None
    return Details(
        interaction=work.pk,
        campaign=campaign.name if campaign else "",
        description=campaign.description if campaign else "",
        contact=_contact(lead, dialed=work.phone_id, campaign=campaign, now=timezone.now()) if lead else None,
        fields=_fields(campaign, lead) if campaign and lead else [],
        survey=_survey(campaign, lead) if campaign and lead else None,
        wrap_up_extensions=campaign.wrap_up_extensions if campaign else 0,
        preview_extensions=campaign.preview_extensions if campaign else 0,
        no_callback_days=campaign.no_callback_days if campaign else 0,
        no_callback_ends=campaign is not None and campaign.mode.no_callback is NoCallback.FINISHED,
        reject_reason=campaign is not None and campaign.reject_reason,
        edits_contact=campaign is not None and campaign.edits_contacts,
        case=_case(campaign, lead) if campaign and lead else None,
        history=_history(work, lead) if lead else History(interaction=work.pk, attempts=[], more=False),
        dispositions=_dispositions(campaign),
        note_required=campaign is not None and campaign.note_required,
        messages=[MessageChoice(id=one.pk, name=one.name) for one in Announcement.objects.filter(in_conversation=True)],
        transfers=campaign is not None and campaign.transfers != Campaign.Transfers.OFF,
        voicemail=campaign is not None and campaign.voicemail_id is not None,
        accept_dials=campaign.mode.accept_dials if campaign else False,
        chooses_number=campaign is not None and campaign.mode.number_choice is NumberChoice.AGENT,
        new_number=campaign is not None and campaign.mode.number_choice is NumberChoice.AGENT and campaign.new_numbers,
        number_kinds=[KindChoice(key=key, label=label) for key, label in PhoneNumber.Kind.choices],
        caller_ids=_caller_ids(campaign) if campaign else [],
        caller_id=campaign.caller_id_id if campaign else None,
        disposition_for=said_of_a_call.disposition_for(campaign).value if campaign else DispositionFor.NONE.value,
    )


def history_before(agent_id: int, interaction_id: UUID, before: tuple[datetime, UUID]) -> History | None:
    """The next page of what was tried with the person on this agent's desk; None where they are not on it."""
    work = Interaction.objects.filter(pk=interaction_id, agent_id=agent_id).exclude(phase=Phase.CLOSED).first()
    lead = Lead.objects.filter(pk=work.lead_id).first() if work and work.lead_id else None
    return _history(work, lead, before) if work and lead else None


def targets(agent_id: int, interaction_id: UUID) -> Targets:
    """Whom the campaign's conversations may be taken on to: the directory, and agents who are free; nobody where they may not."""
    work = Interaction.objects.filter(pk=interaction_id, agent_id=agent_id).exclude(phase=Phase.CLOSED).first()
    campaign = Campaign.objects.filter(pk=work.campaign_id).first() if work and work.campaign_id else None
    if campaign is None or campaign.transfers == Campaign.Transfers.OFF:
        return Targets(targets=[], colleagues=[], any_number=False)
    line = talk.conversation(interaction_id, agent_id)
    return Targets(
        colleagues=[ColleagueShown(id=one.id, name=one.name) for one in ([] if isinstance(line, desk.Refusal) else transfer.colleagues(line))],
        targets=[
            TargetShown(id=entry.pk, name=entry.name, number=as_written(entry.number), note=entry.note)
            for entry in Destination.objects.filter(active=True)
        ],
        any_number=campaign.transfers == Campaign.Transfers.ANY,
    )


def choices(agent_id: int) -> Menu:
    """What this agent can choose from: stations, and Not Ready reasons with their labels."""
    agent = Agent.objects.get(pk=agent_id)
    choices = list(Station.objects.open_to(agent).order_by("name"))
    if not nodes.browser_addresses():  # a page can be no phone here
        choices = [one for one in choices if one.kind != Station.Kind.WEBRTC or one.owner_id is None]
    elif not any(one.kind == Station.Kind.WEBRTC and one.owner_id for one in choices):
        choices.append(Station(name="", kind=Station.Kind.WEBRTC, owner=agent))
    choices.sort(key=lambda one: (one.kind != Station.Kind.WEBRTC, one.owner_id is None))  # what nothing is needed for first, then their own
    taken = set(Session.objects.exclude(pk=agent_id).filter(signed_in_at__isnull=False, station__isnull=False).values_list("station_id", flat=True))
    return Menu(
        station=agent.station_id,
        stations=[
            StationChoice(
                id=station.pk,
                name=station.name,
                kind=station.kind,  # type: ignore[arg-type]  # as the next
                leg_mode=station.leg_mode,  # type: ignore[arg-type]  # the column's choices are these words; pydantic looks
                taken=station.pk in taken,
                own=station.owner_id == agent_id,
                registered=station.registered,
            )
            for station in choices
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
# seconds for which a remark that the clock decides may stand on a screen
REMARKS_LAST = 30
# an older notice is no news any more
NEWS_FOR = timedelta(hours=12)


def campaigns(agent_id: int, *, now: datetime) -> Campaigns:
    """My Campaigns, those that are loaded, running or paused; and of each the newest change the agent has not read."""
    mine = list(
        Participation.objects.filter(agent_id=agent_id).select_related("campaign", "campaign__hours").order_by("campaign__name", "campaign_id")
    )
    ready = Session.objects.filter(pk=agent_id).select_related("station").first()
    newest: dict[int, CampaignChange] = {}
    read = {one.campaign_id: one.read for one in mine}
    for change in CampaignChange.objects.filter(campaign__in=read, move__in=list(TITLES), at__gte=now - NEWS_FOR).order_by("id"):
        newest[change.campaign_id] = change
    promised = _still_promised([one.campaign_id for one in mine if one.state == ParticipationState.OFF], agent_id, now=now)
    told = [(one, *_remark(one, ready, promised.get(one.campaign_id), now=now)) for one in mine if one.campaign.state in STATUS]
    shown_too = [one for one in mine if one.campaign_id in newest and newest[one.campaign_id].pk > one.read]
    return Campaigns(
        campaigns=[_campaign(one, remark) for one, remark, _ in told],
        notices=[_notice(one, newest[one.campaign_id]) for one in shown_too],
        ask_again=REMARKS_LAST if any(by_the_clock for _, _, by_the_clock in told) else None,
    )


STATUS: dict[str, Literal["Active", "Running", "Paused"]] = {
    CampaignState.LOADED: "Active",
    CampaignState.RUNNING: "Running",
    CampaignState.PAUSED: "Paused",
}


def _campaign(part: Participation, remark: str) -> CampaignShown:
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
        remark=remark,
    )


def _still_promised(campaign_ids: Sequence[int], agent_id: int, *, now: datetime) -> dict[int, int]:
    """Campaign -> how many callbacks that are this agent's own are due; left out where they have promised none."""
    if not campaign_ids:
        return {}
    own = Callback.objects.filter(state=CallbackState.OPEN, lead__campaign__in=campaign_ids, lead__reserved_for=agent_id)
    return dict(own.values_list("lead__campaign").annotate(due=Count("id", filter=Q(due_at__lte=now))))


def _remark(part: Participation, session: Session | None, promised: int | None, *, now: datetime) -> tuple[str, bool]:
    """Why nothing comes now, or what makes records come; and whether that may become untrue by the clock alone. promised: of who has stopped it,
    how many of their own callbacks are due; None where they have promised none."""
    campaign, mode = part.campaign, part.campaign.mode
    joined = part.state == ParticipationState.JOINED
    if campaign.state == CampaignState.PAUSED:
        return say("Paused: nothing comes until it goes on."), False
    if campaign.state == CampaignState.LOADED:
        return say("Not started yet."), False
    setting = facts.settings_now([campaign.pk], now=now)[campaign.pk]
    if holds := campaign_holds(setting.terms, now=now):
        return together(holds), True
    if not _suits(campaign, session):
        return take_part.other_phone(campaign.name, campaign.call_application).sentence, False
    if not joined:
        stopped = say("Nothing comes until you ask for it.")
        if not promised:
            return stopped, promised is not None
        waiting = (
            say("A callback of yours is due and waits.") if promised == 1 else say("{count} callbacks of yours are due and wait.", count=promised)
        )
        return together([stopped, waiting]), True
    if mode.delivery is Delivery.PULL:
        return "", False
    if mode.needs is Needs.JOINED:
        comes = say("Records come whether you are Ready or not, until you stop.")
        at_work = session is not None and Interaction.objects.filter(agent_id=session.pk).exclude(phase=Phase.CLOSED).exists()
        nothing = "" if at_work else nothing_now.remark(setting, now=now)
        return together([comes, nothing]) if nothing else comes, True
    channel = say("Outbound preview") if mode.needs is Needs.PREVIEW else say("Voice")
    is_on = session is not None and (session.preview_ready if mode.needs is Needs.PREVIEW else session.voice_ready)
    return say("Automatic when Ready.") if is_on else say("Automatic when Ready: switch {channel} on.", channel=channel), False


def _suits(campaign: Campaign, session: Session | None) -> bool:
    """As `querysets.SUITS`, for one who is signed in."""
    if session is None or session.station is None or session.signed_in_at is None:
        return True
    by_page = session.station.kind == Station.Kind.WEBRTC
    return {Campaign.CallApplication.SOFTPHONE: by_page, Campaign.CallApplication.INTEGRATED: not by_page}.get(
        Campaign.CallApplication(campaign.call_application or Campaign.CallApplication.ANY), True
    )


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


def _local_time(zones: tuple[str, ...], now: datetime) -> str:
    """What the clock says there; empty where the possible zones disagree."""
    told = set(local_times(zones, now)) if zones else set()
    return told.pop() if len(told) == 1 else ""


def _contact(lead: Lead, *, dialed: int | None, campaign: Campaign | None, now: datetime) -> ContactShown:
    contact = lead.contact
    # who chooses a number must be able to read it
    open_numbers = campaign is not None and campaign.mode.number_choice is NumberChoice.AGENT
    keys = [number.number_key for number in contact.phones.all()]
    on_lists = _on_lists(keys, now=now).filter(Q(campaign=campaign) | Q(campaign__isnull=True))
    listed = set(on_lists.values_list("number_key", flat=True))
    area = ", ".join(part for part in (contact.region, contact.postal_code, contact.country) if part)
    zones = _zones([contact.pk])
    said = contact.zone_confirmations.filter(ended_at=None).first()
    return ContactShown(
        name=contact.name,
        title=contact.title,
        first_name=contact.first_name,
        last_name=contact.last_name,
        company=contact.company,
        email=contact.email,
        address=", ".join(part for part in (contact.address, contact.city, area) if part),
        street=contact.address,
        city=contact.city,
        area=area,
        time_zone=contact.time_zone,
        zones=sorted({zone for number in contact.phones.all() if number.active for zone in zones[number.pk]}),
        said_zone=said.zone if said else "",
        numbers=_numbers(contact, campaign, zones, listed=listed, open_numbers=open_numbers, dialed=dialed, now=now),
    )


def _zones(contact_ids: Sequence[int]) -> dict[int, tuple[str, ...]]:
    """Number -> every zone its person may be in, as the gate has it."""
    return {phone.id: phone.zones for person in facts.people(contact_ids).values() for phone in person.phones}


def _on_lists(keys: list[str], *, now: datetime) -> QuerySet[DoNotCall]:
    return DoNotCall.objects.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=now), number_key__in=keys)


def _numbers(
    contact: Contact,
    campaign: Campaign | None,
    zones: Mapping[int, tuple[str, ...]],
    *,
    listed: set[str],
    open_numbers: bool = False,
    dialed: int | None = None,
    now: datetime,
) -> list[NumberShown]:
    """zones: by number; listed: keys of the numbers that are on a do-not-call list."""
    first = next((zones[number.pk] for number in contact.phones.all()), ())
    return [
        NumberShown(
            id=number.pk,
            kind=number.get_kind_display(),
            zone=_zone(contact, zones[number.pk], first, campaign),
            number=shown(number.e164, whole=open_numbers or number.pk == dialed),
            dialed=number.pk == dialed,
            active=number.active,
            local_time=_local_time(zones[number.pk], now),
            listed=number.number_key in listed,
            result=number.result,
        )
        for number in contact.phones.all()
    ]


def _zone(contact: Contact, zones: Sequence[str], first: Sequence[str], campaign: Campaign | None) -> str:
    """Of the zones a number may be in, the one people mean by "at ten": where they said they are; as the CRM told it; the campaign's; that of
    the person's `first` number."""
    likely = [contact.time_zone, *([campaign.time_zone] if campaign else []), *first]
    return next((zone for zone in likely if zone in zones), zones[0] if zones else "UTC")


def callbacks(agent_id: int, *, now: datetime) -> Callbacks:
    """The open callbacks this agent promised."""
    found = list(
        Callback.objects.filter(agent_id=agent_id, state=CallbackState.OPEN)
        .select_related("lead__campaign", "lead__contact")
        .prefetch_related("lead__contact__phones")
        .order_by("due_at", "id")[:MOST_CALLBACKS]
    )
    keys = [number.number_key for callback in found for number in callback.lead.contact.phones.all()]
    zones = _zones([callback.lead.contact_id for callback in found])
    listed = set(_on_lists(keys, now=now).values_list("number_key", flat=True))
    stopped = set(Participation.objects.filter(agent_id=agent_id, state=ParticipationState.OFF).values_list("campaign_id", flat=True))
    mine = []
    for callback in found:
        lead = callback.lead
        numbers = _numbers(lead.contact, lead.campaign, zones, listed=listed, now=now)
        meant = next((number for number in numbers if number.id == callback.phone_id), next(iter(numbers), None))
        mine.append(
            CallbackShown(
                id=callback.pk,
                at=callback.due_at,
                personal=callback.kind == Callback.Kind.PERSONAL,
                campaign=lead.campaign.name,
                name=lead.contact.name,
                note=callback.note,
                zone=meant.zone if meant else lead.campaign.time_zone,
                phone=callback.phone_id,
                numbers=numbers,
                in_hand=lead.state != LeadState.WAITING,
                stopped=lead.reserved_for_id == agent_id and lead.campaign_id in stopped,
            )
        )
    return Callbacks(callbacks=mine, not_kept=_not_kept(agent_id, now=now))


def _not_kept(agent_id: int, *, now: datetime) -> list[CallbackNotKept]:
    ended = (
        Callback.objects.filter(agent_id=agent_id, state__in=[CallbackState.EXPIRED, CallbackState.CANCELLED], closed_at__gte=now - NOT_KEPT_FOR)
        .exclude(state=CallbackState.CANCELLED, reason__in=BY_AN_AGENT)
        .select_related("lead__campaign", "lead__contact")
        .order_by("-closed_at", "-id")[:MOST_NOT_KEPT]
    )
    return [
        CallbackNotKept(
            id=callback.pk,
            at=callback.due_at,
            campaign=callback.lead.campaign.name,
            name=callback.lead.contact.name,
            expired=callback.state == CallbackState.EXPIRED,
            reason=ENDED_BECAUSE.get(callback.reason, callback.reason),
        )
        for callback in ended
    ]


def day(agent_id: int, *, now: datetime) -> Day:
    """What this agent has done today, by the clock of the centre."""
    since, _ = activity.day_of(now, settings.CENTRE_TIME_ZONE)
    done = activity.of_agents([agent_id], since=since, until=now)[agent_id]
    labels = dict(NotReadyReason.objects.filter(code__in=done.not_ready).values_list("code", "label"))
    return Day(
        date=f"{since.astimezone(ZoneInfo(settings.CENTRE_TIME_ZONE)):%Y-%m-%d}",
        until=now,
        talking=_seconds(done.talking),
        waiting=_seconds(done.waiting),
        wrapping_up=_seconds(done.wrapping_up),
        previewing=_seconds(done.previewing),
        ringing=_seconds(done.ringing),
        not_ready=[
            NotReadyFor(label=labels.get(code, code), seconds=_seconds(lasted))
            for code, lasted in sorted(done.not_ready.items(), key=lambda item: -item[1])
        ],
        calls=done.calls,
        taken=done.taken,
        reached=done.reached,
        successes=done.successes,
        callbacks=done.callbacks,
        promised=done.promised,
    )


def _seconds(lasted: timedelta) -> int:
    return round(lasted.total_seconds())


def _fields(campaign: Campaign, lead: Lead) -> list[FieldShown]:
    """As the campaign defines them; without a definition, as the list had them, to be read."""
    values = lead.contact.fields
    defined = list(FieldDefinition.objects.filter(campaign=campaign)) or [
        FieldDefinition(key=key, label=key.replace("_", " ").capitalize()) for key in values
    ]
    return [
        FieldShown(
            key=field.key,
            label=field.label,
            kind=field.kind,  # type: ignore[arg-type]  # the column's choices are these words; pydantic looks
            choices=field.choices,
            required=field.required,
            only_if=None,
            editable=field.editable,
            value=value if isinstance(value := values.get(field.key), bool | str) else _text(value),
            shown=_text(value),
        )
        for field in defined
    ]


def _survey(campaign: Campaign, lead: Lead) -> SurveyShown | None:
    found = Survey.objects.filter(campaign=campaign).first()
    read = forms.survey_from(found.form) if found else None
    if not isinstance(read, forms.Survey):
        return None
    contact = lead.contact
    names = {"name": contact.name, "title": contact.title, "company": contact.company, "campaign": campaign.name}
    said = {**{key: _text(value) for key, value in contact.fields.items()}, **names}
    given = SurveyAnswer.objects.filter(lead=lead).first()
    return SurveyShown(
        sections=[
            SectionShown(title=section.title, text=forms.read_out(section.text, said), questions=[_question(one) for one in section.questions])
            for section in read.sections
        ],
        answers=given.answers if given else {},
    )


def _question(asked: forms.Asked) -> QuestionShown:
    condition = Condition(question=asked.only_if[0], answers=list(asked.only_if[1])) if asked.only_if else None
    return QuestionShown(
        key=asked.key, label=asked.label, kind=asked.kind.value, choices=list(asked.choices), required=asked.required, only_if=condition
    )


def _text(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "Yes" if value else "No"
        case _:
            return str(value)


PRIORITY: dict[int, Literal["callback", "top_of_list", "normal"]] = {
    Boost.CALLBACK_DUE: "callback",
    Boost.TOP_OF_LIST: "top_of_list",
    Boost.NORMAL: "normal",
}


def _case(campaign: Campaign, lead: Lead) -> CaseShown:
    return CaseShown(
        calling_list=lead.calling_list.name, priority=PRIORITY[lead.boost], attempts=lead.attempts_made, max_attempts=campaign.max_attempts
    )


def _history(work: Interaction, lead: Lead, before: tuple[datetime, UUID] | None = None) -> History:
    """What other campaigns tried is for those who may see it."""
    user = User.objects.get(agent__pk=work.agent_id)
    everywhere = user.has_perm(history.ELSEWHERE)
    page = history.of_person(lead.contact_id, campaign_id=None if everywhere else lead.campaign_id, at_most=HISTORY, before=before)
    recordings = media.of_calls([one.id for one in page.tried]) if page.tried and user.has_perm("telephony.play_recording") else {}
    return History(
        interaction=work.pk,
        attempts=[
            AttemptShown(
                id=one.id,
                at=one.at,
                zone=one.zones[0] if one.zones else "",
                campaign=one.campaign,
                number=shown(one.e164, whole=False) if one.e164 else "",
                outcome=one.outcome,
                disposition=one.disposition,
                agent=one.agent,
                seconds=one.seconds,
                note=one.note,
                recordings=[
                    RecordingShown(id=found.pk, at=found.started_at, seconds=round(found.seconds or 0)) for found in recordings.get(one.id, ())
                ],
            )
            for one in page.tried
        ],
        more=page.more,
    )


def _dispositions(campaign: Campaign | None) -> list[DispositionChoice]:
    """The campaign's own, then those of every campaign; what stands under a heading follows where the heading stands. Headings are not chosen."""
    found = list(Disposition.objects.filter(Q(campaign=campaign) | Q(campaign__isnull=True), active=True).select_related("parent"))
    headings = {disposition.parent_id for disposition in found if disposition.parent_id}

    def place(disposition: Disposition) -> tuple[object, ...]:
        top = disposition.parent or disposition
        return top.campaign_id is None, top.position, top.label, disposition.position, disposition.label

    return [
        DispositionChoice(
            id=disposition.pk,
            label=disposition.label,
            kind=disposition.kind,
            heading=disposition.parent.label if disposition.parent else "",
            note_required=disposition.note_required,
        )
        for disposition in sorted(found, key=place)
        if disposition.pk not in headings
    ]
