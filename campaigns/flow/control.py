"""Approve, load, start, pause, stop, clone: one verb each for admin, API and tests."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import OperationalError, connection, transaction
from django.db.models import Q, QuerySet
from django.forms.models import model_to_dict

from agents.desk import DONE, Answer, Refusal
from agents.models import Agent, User
from campaigns.flow import callbacks, conclude, next_for, take_part
from campaigns.flow.permit import CAMPAIGN
from campaigns.models import Campaign, CampaignChange, CampaignVersion, Disposition, Holiday, Participation, RetryRule, RulePack
from campaigns.rules.holidays import PLACE
from campaigns.rules.lifecycle import CAMPAIGN as CAMPAIGN_LIFE
from campaigns.rules.lifecycle import STATE_WORDS, CampaignMove, CampaignState, ParticipationState
from campaigns.rules.loosening import LOOSENED, loosened
from campaigns.rules.modes import MODES, RUNS, Joining
from dialer_project.lib import sql, wake
from dialer_project.lib.lifecycle import after, is_final, states_before
from dialer_project.lib.sentence import say
from telephony import commands

# how long a stop waits for dial transactions under way before it ends a frozen one
STOP_WAITS_MS = 300
# what a campaign's agents are told of
ANNOUNCED = frozenset({CampaignMove.LOAD, CampaignMove.START, CampaignMove.PAUSE, CampaignMove.STOP, CampaignMove.COMPLETE})
# of these what makes a campaign looser waits for a second person
UNDER_WAY = (CampaignState.LOADED, CampaignState.RUNNING, CampaignState.PAUSED)
# settings whose change asks for approval again of a campaign that was approved and not loaded yet; the others apply at once
MATERIAL = (
    "call_purpose",
    "mode_key",
    "caller_id",
    "hours",
    "starts_at",
    "ends_at",
    "max_attempts",
    "trunk",
    "message",
    "ring_for",
    "rule_packs",
    "week",
    "other_caller_ids",
    "validation_service",
)


@dataclass(frozen=True, slots=True)
class Moved:
    """The campaign's new state."""

    state: CampaignState


def approve(campaign: Campaign, *, by: User | None, now: datetime) -> Moved | Refusal:
    moved = _move(campaign, CampaignMove.APPROVE, by=by, now=now)
    if isinstance(moved, Moved):
        CampaignVersion.objects.filter(campaign=campaign, approved_at__isnull=True).update(approved_at=now, approved_by=by)
    return moved


def load(campaign: Campaign, *, by: User | None, now: datetime) -> Moved | Refusal:
    """Announced to its agents, not dialing yet."""
    return missing(campaign) or _move(campaign, CampaignMove.LOAD, by=by, now=now)


def start(campaign: Campaign, *, by: User | None, now: datetime) -> Moved | Refusal:
    """Begins, or goes on after a pause; before its start time it waits. Agents of automatic modes join by themselves."""
    if refusal := missing(campaign):
        return refusal
    if campaign.state == CampaignState.UNAPPROVED and not _wants_approval(campaign):
        approved = approve(campaign, by=None, now=now)
        if isinstance(approved, Refusal):
            return approved
    resumed = campaign.state == CampaignState.PAUSED
    with transaction.atomic():
        moved = _move(campaign, CampaignMove.START, by=by, now=now)
        if isinstance(moved, Refusal):
            return moved
        # after a pause nobody is called back who had stopped
        if not resumed:
            take_part.all_join(campaign.pk, campaign.mode)
        assignments_changed(now=now)
    campaign.refresh_from_db(fields=["pool"])
    wake.dispatch(campaign.pool)
    return moved


def pause(campaign: Campaign, *, by: User | None, now: datetime, reason: str = "") -> Moved | Refusal:
    """No new dials; calls under way go on. Nothing planned under the old epoch is sent."""
    return _move(campaign, CampaignMove.PAUSE, by=by, now=now, reason=reason, epoch=True)


def stop(campaign: Campaign, *, by: User | None, now: datetime, reason: str = "") -> Moved | Refusal:
    """Ends it for good. First the state and the epoch, at once effective for every last look; then the exclusive lock, so that when this
    returns no dial transaction that saw it running is still under way, frozen or not. Ringing calls drain, or are hung up by setting."""
    moved = _move(campaign, CampaignMove.STOP, by=by, now=now, reason=reason, epoch=True)
    if isinstance(moved, Refusal):
        return moved
    _exclusively(campaign.pk, lambda: _after_stop(campaign, now=now))
    # not under the lock: who dials waits for it with a record in hand
    callbacks.taken_back(campaign.pk, because=callbacks.has_ended(campaign.name), now=now)
    hang_up_after_stop(now=now)
    return moved


def hang_up_after_stop(*, now: datetime) -> None:
    """Calls of stopped campaigns that are not to drain: hung up as soon as they have rung long enough to be given up."""
    commands.hang_up(
        (row.node_id, row.id)
        for row in sql.rows(
            """
            SELECT c.id, c.node_id FROM campaigns_campaign k JOIN campaigns_attempt a ON a.campaign_id = k.id AND a.state = 'open'
            JOIN telephony_call c ON c.id = a.id
            WHERE k.state = 'stopped' AND k.at_stop = %s AND c.state IN ('dialing', 'ringing')
              AND c.dialing_at + make_interval(secs => k.min_ring_for) <= %s
            """,
            [Campaign.AtStop.CANCEL, now],
        )
    )


def _after_stop(campaign: Campaign, *, now: datetime, reason: str = "the campaign was stopped") -> None:
    waiting = sql.rows(
        "SELECT b.lead_id FROM campaigns_callback b JOIN campaigns_lead l ON l.id = b.lead_id WHERE l.campaign_id = %s AND b.state = 'open'",
        [campaign.pk],
    )
    conclude.close_callbacks([row.lead_id for row in waiting], reason=reason, now=now)
    sql.changed("UPDATE campaigns_lead SET reserved_for_id = NULL WHERE campaign_id = %s AND reserved_for_id IS NOT NULL", [campaign.pk])


def complete(campaign: Campaign, *, now: datetime) -> Moved | None:
    """Nothing more can be dialed: every lead final or in its no-callback period and nothing live, looked at again under the exclusive
    lock, which whoever revives a lead shares. None: not so."""
    done: list[Moved | Refusal] = []

    def look_again() -> None:
        if completable(now=now, campaign_id=campaign.pk):
            done.append(_move(campaign, CampaignMove.COMPLETE, by=None, now=now, reason="no attempt is possible any more", epoch=True))
            _after_stop(campaign, now=now, reason="the campaign was completed")

    with transaction.atomic():
        # there is no hurry: where somebody is at it, the next look completes it
        if sql.rows("SELECT pg_try_advisory_xact_lock(%s, %s) AS had", [CAMPAIGN, campaign.pk])[0].had:
            look_again()
    return next((moved for moved in done if isinstance(moved, Moved)), None)


def completable(*, now: datetime, campaign_id: int | None = None) -> list[int]:
    """The campaigns, or whether this one, for which no dial or redial is possible: at the end time as soon as calls have drained, else when
    no lead is left to be called. One statement."""
    return [
        row.id
        for row in sql.rows(
            """
            SELECT k.id FROM campaigns_campaign k
            WHERE k.state IN ('running', 'paused') AND (%(id)s::bigint IS NULL OR k.id = %(id)s) AND NOT k.is_live
                AND NOT EXISTS (SELECT 1 FROM campaigns_attempt a WHERE a.campaign_id = k.id AND a.state = 'open')
                AND NOT EXISTS (SELECT 1 FROM agents_interaction i WHERE i.campaign_id = k.id AND i.phase <> 'closed')
                AND NOT EXISTS (SELECT 1 FROM campaigns_listimport m WHERE m.campaign_id = k.id AND NOT m.dry_run AND m.state IN ('waiting', 'running'))
                AND (k.ends_at <= %(now)s OR (
                    k.mode_key <> ALL(%(endless)s) AND EXISTS (SELECT 1 FROM campaigns_lead l WHERE l.campaign_id = k.id)
                    AND NOT EXISTS (SELECT 1 FROM campaigns_lead l WHERE l.campaign_id = k.id AND l.state = 'busy')
                    AND NOT EXISTS (SELECT 1 FROM campaigns_lead l WHERE l.campaign_id = k.id AND l.state = 'waiting'
                                    AND (l.reason <> 'no_callback' OR l.next_call_at <= %(now)s))))
            """,
            {"id": campaign_id, "now": now, "endless": [mode.key for mode in MODES.values() if not mode.has_a_list]},
        )
    ]


def _exclusively(campaign_id: int, work: Callable[[], None]) -> None:
    """Runs `work` under the campaign's exclusive lock. Waits 300 ms for dial transactions; a worker frozen inside one is then ended by
    its connection, whose transaction the database rolls back."""
    for last in (False, True):
        try:
            with transaction.atomic():
                sql.rows("SELECT set_config('lock_timeout', %s, true)", [f"{STOP_WAITS_MS}ms" if not last else "2s"])
                sql.rows("SELECT pg_advisory_xact_lock(%s, %s)", [CAMPAIGN, campaign_id])
                work()
            return
        except OperationalError:
            if last or connection.needs_rollback:
                raise
            sql.rows(
                """
                SELECT pg_terminate_backend(pid) FROM pg_locks
                WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
                    AND classid = %s AND objid = %s AND objsubid = 2 AND granted AND pid <> pg_backend_pid()
                """,
                [CAMPAIGN, campaign_id],
            )


def missing(campaign: Campaign) -> Refusal | None:
    """What keeps a campaign from being loaded or started, all of it in one sentence."""
    lacks = []
    if campaign.mode_key not in RUNS:
        lacks.append(f"the dialing mode {campaign.mode.label} cannot be run yet: choose one of {', '.join(sorted(RUNS))}")
    if not campaign.call_application:
        lacks.append("choose a call application")
    if not campaign.message_id:
        lacks.append("choose the message a customer hears when no agent is there")
    if campaign.caller_id is not None and not campaign.caller_id.verified:
        lacks.append("its caller ID is not verified: verify it or choose another one")
    if not campaign.participations.exists():
        lacks.append("assign at least one agent")
    if not campaign.lists.exists() and not campaign.is_live and campaign.mode.has_a_list:
        lacks.append("import a calling list")
    if campaign.hours_id is None and not campaign.rule_packs.exists():
        lacks.append("it would call at any hour and under no rules: pin a rule pack, or choose calling hours")
    if version := waiting(campaign):
        lacks.append(f"version {version.number} made it looser, which another person must approve, or somebody undo")
    return Refusal(say("{campaign} cannot start: {why}.", campaign=campaign.name, why="; ".join(lacks))) if lacks else None


def _move(campaign: Campaign, move: CampaignMove, *, by: User | None, now: datetime, reason: str = "", epoch: bool = False) -> Moved | Refusal:
    """One compare-and-set with its line in the journal."""
    new = after(CAMPAIGN_LIFE, move)
    with transaction.atomic():
        changed = sql.changed(
            "UPDATE campaigns_campaign SET state = %s, state_since = %s, epoch = epoch + %s WHERE id = %s AND state = ANY(%s)",
            [new.value, now, int(epoch), campaign.pk, [s.value for s in states_before(CAMPAIGN_LIFE, move)]],
        )
        if changed:
            CampaignChange.objects.create(campaign=campaign, at=now, move=move, state=new, by=by, reason=reason)
            if move in ANNOUNCED:
                take_part.announce(campaign.pk, now=now)
    campaign.refresh_from_db(fields=["state", "state_since", "epoch"])
    if not changed:
        return Refusal(
            say(
                "{campaign} is {state}: {why}.",
                campaign=campaign.name,
                state=STATE_WORDS[CampaignState(campaign.state)],
                why=_WHY_NOT.get(move, "this is not possible now"),
            )
        )
    return Moved(new)


_WHY_NOT = {
    CampaignMove.APPROVE: "only an unapproved campaign can be approved",
    CampaignMove.LOAD: "only an approved campaign can be loaded",
    CampaignMove.START: "it must be approved first, and a stopped or completed one cannot be started again; clone it instead",
    CampaignMove.PAUSE: "only a running campaign can be paused",
    CampaignMove.STOP: "only a loaded, running or paused campaign can be stopped",
}


def assign(campaign: Campaign, agents: Sequence[Agent], *, by: User | None, now: datetime) -> Answer:
    """These agents and no others may work in the campaign; those of a running automatic campaign join at once."""
    del by
    joins = campaign.mode.joining is Joining.AUTOMATIC and campaign.state in (CampaignState.RUNNING, CampaignState.PAUSED)
    with transaction.atomic():
        take_part.announce(campaign.pk, now=now)
        Participation.objects.filter(campaign=campaign).exclude(agent__in=agents).delete()
        Participation.objects.bulk_create(
            [Participation(campaign=campaign, agent=agent, state=ParticipationState.JOINED if joins else ParticipationState.OFF) for agent in agents],
            ignore_conflicts=True,
        )
        take_part.announce(campaign.pk, now=now)
        assignments_changed(now=now)
    return DONE


def assignments_changed(campaign: Campaign | None = None, *, now: datetime) -> None:
    """Rewrites the pools, campaigns connected by shared agents, and where every agent stands."""
    del campaign
    with transaction.atomic():
        sql.rows("SELECT pg_advisory_xact_lock(%s, %s)", [CAMPAIGN, 0])
        members = sql.rows("SELECT campaign_id, agent_id FROM campaigns_participation ORDER BY campaign_id, agent_id")
        pools = _connected([(row.campaign_id, row.agent_id) for row in members])
        sql.changed(
            """
            UPDATE campaigns_campaign c SET pool = p.pool FROM json_to_recordset(%s::json) AS p(id bigint, pool bigint)
            WHERE c.id = p.id AND c.pool <> p.pool
            """,
            [sql.records({"id": campaign_id, "pool": pool} for campaign_id, pool in pools.items())],
        )
        standing = sql.rows("SELECT agent_id FROM agents_session")
        moved = take_part.rejoin(sorted({row.agent_id for row in members} | {row.agent_id for row in standing}), now=now)
        next_for.settle(moved, now=now)  # who is free stands where he now belongs


def _connected(members: Sequence[tuple[int, int]]) -> dict[int, int]:
    """Campaign -> its pool, named by the lowest campaign id in it."""
    parent: dict[tuple[str, int], tuple[str, int]] = {}

    def root(node: tuple[str, int]) -> tuple[str, int]:
        while parent.setdefault(node, node) != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for campaign_id, agent_id in members:
        a, b = root(("campaign", campaign_id)), root(("agent", agent_id))
        parent[b] = a
    lowest: dict[tuple[str, int], int] = {}
    for campaign_id, _ in members:
        top = root(("campaign", campaign_id))
        lowest[top] = min(lowest.get(top, campaign_id), campaign_id)
    return {campaign_id: lowest[root(("campaign", campaign_id))] for campaign_id, _ in members}


def edited(campaign: Campaign, *, by: User | None, now: datetime) -> CampaignVersion:
    """After a save: a new version where something changed; a material change of an approved campaign asks for approval again. What makes one
    looser that was loaded or started since holds it until a second person has approved that; what makes it stricter counts at once."""
    settings = snapshot(campaign)
    last = campaign.versions.order_by("-number").first()
    if last is not None and last.settings == settings:
        return last
    approved = campaign.state != CampaignState.UNAPPROVED
    if last is not None and last.settings.get("call_application") != settings.get("call_application"):
        assignments_changed(now=now)  # who sits at the wrong kind of phone stands there no more
    material = last is not None and (
        any(last.settings.get(name) != settings.get(name) for name in MATERIAL) or bool(loosened(last.settings, settings))
    )
    version = CampaignVersion.objects.create(
        campaign=campaign,
        number=(last.number if last else 0) + 1,
        settings=settings,
        created_at=now,
        created_by=by,
        loosens=_loosens(campaign, settings, by=by),
    )
    if approved and material and campaign.state == CampaignState.APPROVED and _wants_approval(campaign):
        _move(campaign, CampaignMove.RETURN, by=by, now=now, reason="edited after approval")
    return version


def all_edited(campaigns: QuerySet[Campaign], *, by: User | None, now: datetime) -> list[CampaignVersion]:
    """As `edited`, after a change of what these campaigns call by, of each that has not ended."""
    over = [state for state in CampaignState if is_final(CAMPAIGN_LIFE, state)]
    return [edited(campaign, by=by, now=now) for campaign in campaigns.exclude(state__in=over)]


def _in_force(campaign: Campaign) -> CampaignVersion | None:
    """The last version that needs nobody's approval any more, as far as it made anything looser."""
    return _all_in_force(campaign).order_by("-number").first()


def _all_in_force(campaign: Campaign) -> QuerySet[CampaignVersion]:
    return campaign.versions.filter(Q(loosens=[]) | Q(approved_at__isnull=False))


def _loosens(campaign: Campaign, settings: dict[str, Any], *, by: User | None) -> list[str]:
    if campaign.state not in UNDER_WAY:
        return []
    before = _in_force(campaign)
    if before is None or not before.settings.get("require_approval"):
        return []
    found = list(loosened(before.settings, settings))
    if found and by is not None:
        # one's own narrowing may be undone alone: what held before it was nobody else's doing, or was approved
        earlier = _all_in_force(campaign).filter(~Q(created_by=by) | Q(approved_by__isnull=False)).order_by("-number").first()
        if earlier is not None and earlier.settings.get("require_approval") and not loosened(earlier.settings, settings):
            return []
    return found


def _wants_approval(campaign: Campaign) -> bool:
    """Also where that was switched off after somebody had approved it with the switch on."""
    approved = campaign.versions.filter(approved_by__isnull=False).order_by("-number").first()
    return campaign.require_approval or (approved is not None and bool(approved.settings.get("require_approval")))


def waiting(campaign: Campaign) -> CampaignVersion | None:
    """The version that a second person must approve before anything is dialed; None where there is none."""
    last = campaign.versions.order_by("-number").first()
    return last if last is not None and last.loosens and last.approved_at is None else None


def approve_change(campaign: Campaign, number: int, *, by: User | None, now: datetime) -> Moved | Refusal:
    """What was made looser under way counts from now on. `number`: the version that was looked at; what was changed since waits on. Whoever had a
    part in the change cannot approve it."""
    version = waiting(campaign)
    if version is None or version.number != number:
        return Refusal(say("{campaign} was changed or approved meanwhile: look at it again.", campaign=campaign.name))
    before = _in_force(campaign)
    mine = campaign.versions.filter(number__gt=before.number if before else 0, number__lte=number, created_by=by)
    if by is None or mine.exists():
        return Refusal("You made this change yourself: another person must approve it, or undo it.")
    with transaction.atomic():
        if not CampaignVersion.objects.filter(pk=version.pk, approved_at__isnull=True).update(approved_at=now, approved_by=by):
            return Refusal(say("{campaign} was changed or approved meanwhile: look at it again.", campaign=campaign.name))
        reason = f"version {number}: {', '.join(LOOSENED[name] for name in version.loosens if name in LOOSENED)}"[:200]
        CampaignChange.objects.create(campaign=campaign, at=now, move=CampaignMove.APPROVE, state=campaign.state, by=by, reason=reason)
    wake.dispatch(campaign.pool)
    return Moved(CampaignState(campaign.state))


def snapshot(campaign: Campaign) -> dict[str, Any]:
    """A campaign's configuration as plain JSON, the hours and the pinned rule packs as they stand included."""
    fields = model_to_dict(campaign)
    fields["week"] = campaign.hours.week if campaign.hours else None
    fields["other_caller_ids"] = sorted(str(number) for number in campaign.other_caller_ids.all())
    packs = list(campaign.rule_packs.all())
    fields["rule_packs"] = sorted(map(str, packs))
    fields["closed_days"] = _closed_days(packs)
    return {name: _plain(value) for name, value in sorted(fields.items())}


def _closed_days(packs: Sequence[RulePack]) -> dict[str, list[str]]:
    """The days of the calendars that these packs go by; they are changed apart from the packs."""
    rules = [rule for pack in packs for rule in pack.rules]
    named = Q(calendar__name__in=[rule["calendar"] for rule in rules if rule["kind"] == "blocked_days"])
    kept = Q(calendar__name__regex=f"^{PLACE.pattern}$") if any(rule["kind"] == "public_holidays" for rule in rules) else Q()
    days: dict[str, list[str]] = {}
    if rules:
        for name, day in Holiday.objects.filter(named | kept).order_by("calendar__name", "day").values_list("calendar__name", "day"):
            days.setdefault(name, []).append(day.isoformat())
    return days


def closed_by(calendars: Collection[str]) -> QuerySet[Campaign]:
    """The campaigns whose packs go by a calendar of one of these names, whether there is one or was."""
    goes_by = Q(pk__in=[])
    for name in calendars:
        goes_by |= Q(rule_packs__rules__contains=[{"kind": "blocked_days", "calendar": name}])
    if any(map(PLACE.fullmatch, calendars)):
        goes_by |= Q(rule_packs__rules__contains=[{"kind": "public_holidays"}])
    return Campaign.objects.filter(goes_by).distinct()


def _plain(value: object) -> object:
    match value:
        case datetime():
            return value.isoformat()
        case Decimal():
            return str(value)
        case _:
            return value


def clone(campaign: Campaign, *, by: User | None, now: datetime) -> Campaign:
    """A draft with the same settings, agents, rules and dispositions; its calling list is a new one."""
    with transaction.atomic():
        copy = Campaign.objects.get(pk=campaign.pk)
        copy.pk = None
        copy._state.adding = True
        copy.name = _free_name(campaign.name)
        copy.state, copy.state_since, copy.epoch, copy.pool, copy.created_by = CampaignState.UNAPPROVED, now, 0, 0, by
        copy.save()
        for model in (RetryRule, Disposition):
            for row in model.objects.filter(campaign=campaign):
                row.pk = None
                row.campaign = copy
                row.save()
        Participation.objects.bulk_create([Participation(campaign=copy, agent_id=p.agent_id) for p in campaign.participations.all()])
        copy.rule_packs.set(campaign.rule_packs.all())
        copy.other_caller_ids.set(campaign.other_caller_ids.all())
        assignments_changed(now=now)
        edited(copy, by=by, now=now)
    return copy


def _free_name(name: str) -> str:
    number = 2
    while Campaign.objects.filter(name=f"{name} ({number})").exists():
        number += 1
    return f"{name} ({number})"
