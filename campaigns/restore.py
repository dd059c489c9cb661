"""After the restore of an older backup: what the do-not-call journal knows and the database no longer does.

The journal is folded to what it comes to in the end, and only the difference to the database is applied, so that a repeat does nothing.
Where the two cannot be brought together, the number stays listed.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain, islice
from typing import TypeVar

from django.db import transaction

from agents.models import User
from campaigns.flow import do_not_call
from campaigns.flow.do_not_call import BATCH, Entry
from campaigns.journal import Act, Damaged, Journal, Listed, Loaded, Released, Removed
from campaigns.models import Campaign, DoNotCall, DoNotCallList, DoNotCallRemoval
from dialer_project.lib import sql

T = TypeVar("T")
# bytes of the journal's end that tell whether it is ahead
TAIL = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Place:
    """Where an entry stands: a number, for one campaign or all, on a register or on our own list."""

    key: str
    campaign: int | None
    register: str


@dataclass(slots=True)
class Told:
    """What the journal comes to."""

    listed: dict[Place, tuple[str, Listed]] = field(default_factory=dict)  # with its hint
    removed: dict[Place, Removed] = field(default_factory=dict)
    released: set[Place] = field(default_factory=set)
    loaded: dict[str, list[Loaded]] = field(default_factory=dict)
    damaged: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Replayed:
    """What was put right, or would be."""

    listed: int = 0
    removed: int = 0
    released: int = 0
    renewed: tuple[str, ...] = ()  # registers whose age is known again
    left: tuple[str, ...] = ()  # what stays as it is, in sentences
    damaged: tuple[int, ...] = ()

    @property
    def anything(self) -> bool:
        return bool(self.listed or self.removed or self.released or self.renewed)


def fold(acts: Iterable[Act | Damaged]) -> Told:
    told = Told()
    for act in acts:
        match act:
            case Damaged(line):
                told.damaged.append(line)
            case Listed():
                for key, hint in act.numbers.items():
                    place = Place(key, act.campaign, act.register)
                    before = told.listed.get(place)
                    if before is None or _outlasts(act, before[1]):
                        told.listed[place] = (hint, act)
                    told.removed.pop(place, None)
                    told.released.discard(place)
            case Removed():
                place = Place(act.number, act.campaign, "")
                told.listed.pop(place, None)
                told.removed[place] = act
            case Released():
                for key in act.numbers:
                    place = Place(key, act.campaign, act.register)
                    told.listed.pop(place, None)
                    told.released.add(place)
            case Loaded():
                told.loaded.setdefault(act.register, []).append(act)
    return told


def _outlasts(act: Listed, before: Listed) -> bool:
    return before.expires_at is not None and (act.expires_at is None or act.expires_at > before.expires_at)


def ahead(*, now: datetime) -> Replayed:
    """What the end of the journal knows and the database does not: enough to notice a restore, quick enough for every start."""
    return _compare(fold(Journal().read(last=TAIL)), now=now, apply=False)


def replay(journals: Sequence[Journal], *, now: datetime, dry_run: bool = False) -> Replayed:
    """Everything the journals know. Those of several machines are taken by the time of each act."""
    acts = list(chain.from_iterable(journal.read() for journal in journals))
    damaged = [act for act in acts if isinstance(act, Damaged)]
    whole = sorted((act for act in acts if not isinstance(act, Damaged)), key=lambda act: act.at) if len(journals) > 1 else acts
    return _compare(fold(chain(whole, damaged if len(journals) > 1 else ())), now=now, apply=not dry_run)


def _compare(told: Told, *, now: datetime, apply: bool) -> Replayed:
    campaigns = set(Campaign.objects.values_list("pk", flat=True))
    left = []
    wanted = {
        place: (hint, act)
        for place, (hint, act) in told.listed.items()
        if (act.expires_at is None or act.expires_at > now) and (place.campaign is None or place.campaign in campaigns)
    }
    if gone := sum(place.campaign is not None and place.campaign not in campaigns for place in told.listed):
        left.append(f"{gone} entries belong to campaigns that do not exist, and nobody can be called by those.")
    registers = {register.name: register for register in DoNotCallList.objects.all()}
    missing = [place for some in _some(wanted) for place in _not_there(some, wanted, registers)]
    if apply:
        registers = _registers_for(missing, told, registers, campaigns)
        _list(missing, wanted, told, registers, now=now)
    removed = _removed(told.removed, left, apply=apply)
    renewed = _renewed(told.loaded, registers, left, apply=apply)
    versions = {name: register.version for name, register in registers.items()}
    versions |= {name: max(act.version for act in told.loaded[name]) for name in renewed}
    released = sum(_released(some, registers, versions, apply=apply) for some in _some(told.released))
    return Replayed(len(missing), removed, released, tuple(renewed), tuple(left), tuple(told.damaged))


def _some(places: Iterable[T]) -> Iterator[list[T]]:
    todo = iter(places)
    while some := list(islice(todo, BATCH)):
        yield some


def _found(places: Sequence[Place], registers: Mapping[str, DoNotCallList]) -> dict[Place, sql.Row]:
    asked = [
        {"n": n, "key": place.key, "campaign": place.campaign, "register": registers[place.register].pk if place.register else None}
        for n, place in enumerate(places)
        if not place.register or place.register in registers
    ]
    return {
        places[row.n]: row
        for row in sql.rows(
            """
            SELECT w.n, d.id, d.created_at, d.expires_at, d.hint, d.source, d.reason, d.version
            FROM json_to_recordset(%s::json) AS w(n int, key text, campaign bigint, register bigint)
            JOIN campaigns_donotcall d ON d.number_key = w.key AND d.campaign_id IS NOT DISTINCT FROM w.campaign
                AND d.register_id IS NOT DISTINCT FROM w.register
            """,
            [sql.records(asked)],
        )
    }


def _not_there(places: list[Place], wanted: Mapping[Place, tuple[str, Listed]], registers: Mapping[str, DoNotCallList]) -> list[Place]:
    found = _found(places, registers)

    def is_missing(place: Place) -> bool:
        until = wanted[place][1].expires_at
        there = found.get(place)
        return there is None or (there.expires_at is not None and (until is None or until > there.expires_at))

    return [place for place in places if is_missing(place)]


def _registers_for(missing: Iterable[Place], told: Told, registers: Mapping[str, DoNotCallList], campaigns: set[int]) -> dict[str, DoNotCallList]:
    """A register that the backup has never heard of is made again, as one that was never loaded whole."""
    known = dict(registers)
    for name in sorted({place.register for place in missing if place.register} | set(told.loaded)):
        if name not in known:
            campaign = next((act.campaign for act in told.loaded.get(name, ())), None)
            known[name] = DoNotCallList.objects.create(name=name, campaign_id=campaign if campaign in campaigns else None)
    return known


def _list(
    missing: Sequence[Place], wanted: Mapping[Place, tuple[str, Listed]], told: Told, registers: Mapping[str, DoNotCallList], *, now: datetime
) -> None:
    users = {user.get_username(): user for user in User.objects.filter(username__in={act.by for _, act in wanted.values()} - {""})}
    alike: dict[tuple[datetime, str, str, str], list[Place]] = {}
    for place in missing:
        act = wanted[place][1]
        alike.setdefault((act.at, act.source, act.by, place.register), []).append(place)
    for (at, source, by, name), places in alike.items():
        register = registers.get(name)
        version = max([register.version if register else 0, *(act.version for act in told.loaded.get(name, ()))])
        for some in _some(places):
            do_not_call.list_entries(
                [Entry(p.key, wanted[p][0], "", p.campaign, wanted[p][1].reason, wanted[p][1].expires_at) for p in some],
                source=source,
                by=users.get(by),
                register=register,
                version=version,
                listed_at=at,
                written=True,
                now=now,
            )


def _removed(removed: Mapping[Place, Removed], left: list[str], *, apply: bool) -> int:
    names = {name for act in removed.values() for name in (act.asked_by, act.decided_by)}
    users = {user.get_username(): user for user in User.objects.filter(username__in=names)}
    done = 0
    for some in _some(removed):
        for place, row in _found(some, {}).items():
            act = removed[place]
            if row.created_at > act.at:
                continue  # listed again since
            asked_by, decided_by = users.get(act.asked_by), users.get(act.decided_by)
            if asked_by is None or decided_by is None or asked_by == decided_by:
                left.append(f"{row.hint} stays listed: of {act.asked_by} and {act.decided_by}, who took it off, not both have an account.")
                continue
            done += 1
            if apply:
                _remove(place, row, act, asked_by, decided_by)
    return done


def _remove(place: Place, row: sql.Row, act: Removed, asked_by: User, decided_by: User) -> None:
    with transaction.atomic():
        asked, _ = DoNotCallRemoval.objects.get_or_create(
            entry_id=row.id,
            state=DoNotCallRemoval.State.ASKED,
            defaults={
                "number_key": place.key,
                "hint": row.hint,
                "campaign_id": place.campaign,
                "listed_at": row.created_at,
                "listed_because": ": ".join(filter(None, (row.source, row.reason))),
                "reason": act.reason,
                "asked_by": asked_by,
                "asked_at": act.asked_at,
            },
        )
        asked.state, asked.decided_by, asked.decided_at, asked.note = DoNotCallRemoval.State.APPROVED, decided_by, act.at, act.note
        asked.save(update_fields=["state", "decided_by", "decided_at", "note"])
        DoNotCall.objects.filter(pk=row.id).delete()


def _renewed(loaded: Mapping[str, Sequence[Loaded]], registers: Mapping[str, DoNotCallList], left: list[str], *, apply: bool) -> list[str]:
    """Registers loaded after the backup. Their age is known again only where the journal goes back without a gap to what the backup holds."""
    renewed = []
    for name, acts in loaded.items():
        register, newest = registers.get(name), max(acts, key=lambda act: act.version)
        has = register.version if register else 0
        if newest.version <= has:
            continue
        if has and has not in {act.version for act in acts}:
            left.append(f"{name} was loaded since, and the journal does not reach back to what the backup holds of it: load it again.")
            continue
        renewed.append(name)
        if apply and register is not None:
            DoNotCallList.objects.filter(pk=register.pk).update(version=newest.version, loaded_at=newest.at, numbers=newest.numbers)
    return renewed


def _released(places: list[Place], registers: Mapping[str, DoNotCallList], versions: Mapping[str, int], *, apply: bool) -> int:
    """What a later version of a register no longer held. The database lets go only what is older than the register's version."""
    gone = [row.id for place, row in _found(places, registers).items() if row.version < versions[place.register]]
    if apply:
        DoNotCall.objects.filter(pk__in=gone).delete()
    return len(gone)
