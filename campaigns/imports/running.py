"""An import from the file that was given to its last row, in batches that can be interrupted anywhere.

A batch commits its people together with how far the file has been accounted for, so whoever goes on, after a crash or because a worker's
time was up, begins behind the last committed row. Two who read the same import at once find it out at their next batch, and one leaves.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

import phonenumbers
from django.conf import settings
from django.core.files import File
from django.db import DatabaseError, InterfaceError, connection, transaction
from django.db.models import Q

from agents.models import User
from campaigns import live
from campaigns.imports import loading, rejects
from campaigns.imports.matching import Duplicate, Newcomer, Seen, decide, keys_of
from campaigns.imports.reading import Broken, Record, Script, Unreadable, fingerprint, inspect, records
from campaigns.imports.rejects import Reject
from campaigns.models import CallingList, Campaign, ListImport
from campaigns.rules.countries import country_code
from campaigns.rules.lifecycle import CampaignState
from campaigns.rules.list_columns import Column, Field, Layout, Unrecognised, recognise
from campaigns.rules.list_rows import Person, Unusable, read_row
from dialer_project.lib import wake

log = logging.getLogger(__name__)

State = ListImport.State
# a worker's task goes on in another one after this, so that no import holds a worker until its time limit
A_WHILE = timedelta(seconds=25)
SILENT_FOR = timedelta(seconds=60)  # without a heartbeat: whoever read it has died
LARGEST_BATCH = 8_000_000  # characters, however few rows that is
SAMPLE_ROWS = 200
TRIES = 5
# of the time a batch took: the rest is the web's, which shares our processors and the database's
PAUSE = 0.25
COUNTED = ("rows", "accepted", "duplicates", "rejected", "bytes_read", "reading", "heartbeat_at")


@dataclass(frozen=True, slots=True)
class Options:
    """What a person said of the file; empty means: find out."""

    country: str = ""
    encoding: str = ""
    delimiter: str = ""
    source: str = ""
    list_name: str = ""
    mapping: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        told = {name: getattr(self, name) for name in ("country", "encoding", "delimiter", "source", "list_name") if getattr(self, name)}
        return {**told, "mapping": dict(self.mapping)} if self.mapping else told

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> "Options":
        return cls(**{name: told[name] for name in cls.__dataclass_fields__ if name in told})


@dataclass(frozen=True, slots=True)
class Counts:
    """Every row once: accepted + duplicates + rejected = rows."""

    rows: int = 0
    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    bytes_read: int = 0
    bytes_total: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Finished:
    counts: Counts


@dataclass(frozen=True, slots=True)
class GoesOn:
    """Time was up; the rest has been asked for."""

    counts: Counts


@dataclass(frozen=True, slots=True)
class Failed:
    why: str


@dataclass(frozen=True, slots=True)
class ReadElsewhere:
    """Another process is at it."""


@dataclass(frozen=True, slots=True)
class Refused:
    why: str


Result = Finished | GoesOn | Failed | ReadElsewhere


class _CampaignIsOver(Exception):
    """The campaign was stopped or completed while its list was being read."""


class _TakenOver(Exception):
    """Another process has accounted for these rows."""


def refusal(campaign: Campaign) -> str:
    """Why no list can be brought into this campaign now; empty when one can."""
    if campaign.state in (CampaignState.STOPPED, CampaignState.COMPLETED):
        return f"The campaign '{campaign.name}' is {campaign.state} and takes no more people. Clone it, and import the list into the clone."
    return ""


def take_in(
    campaign: Campaign, source: BinaryIO, *, file_name: str, options: Options, dry_run: bool, by: User | None, now: datetime, at_work: bool = False
) -> ListImport | Refused:
    """A file is kept, and its import waits to be run; `at_work` says that the caller runs it at once.

    The same file, given again with the same options after a crash, goes on as the import it was.
    """
    if why := refusal(campaign):
        return Refused(why)
    if options.country and not country_code(options.country):
        return Refused(f"'{options.country}' is not a country. Use its two letters, such as GB or US.")
    sha256, length = fingerprint(source)
    unfinished = ListImport.objects.filter(campaign=campaign, sha256=sha256, dry_run=dry_run, state__in=(State.WAITING, State.RUNNING))
    for found in unfinished.order_by("id"):
        if found.options == options.to_json() and found.file.storage.exists(str(found.file.name)):
            return found
    source.seek(0)
    return ListImport.objects.create(
        campaign=campaign,
        file=File(source, name=Path(file_name).name[-100:]),
        file_name=Path(file_name).name[-200:],
        sha256=sha256,
        bytes_total=length,
        dry_run=dry_run,
        options=options.to_json(),
        created_by=by,
        heartbeat_at=now if at_work else None,
    )


def wake_silent(*, now: datetime) -> int:
    """Imports that nobody reads: a lost message, or a worker that died. For the sweep; asks each again at most once a minute."""
    silent = ListImport.objects.filter(state__in=(State.WAITING, State.RUNNING)).filter(
        Q(heartbeat_at__lt=now - SILENT_FOR) | Q(heartbeat_at__isnull=True, created_at__lt=now - SILENT_FOR)
    )
    woken = 0
    for import_id, heartbeat_at in silent.values_list("id", "heartbeat_at"):
        with transaction.atomic():
            if ListImport.objects.filter(pk=import_id, heartbeat_at=heartbeat_at).update(heartbeat_at=now):
                wake.read_import(import_id)
                woken += 1
    return woken


def run(
    import_id: int, *, now: datetime, for_at_most: timedelta | None = A_WHILE, pause: float = PAUSE, tell: Callable[[Counts], None] | None = None
) -> Result:
    """Reads a file on, from the first row not accounted for. A repeat of a finished import does nothing."""
    record = ListImport.objects.select_related("campaign", "campaign__caller_id", "calling_list").get(pk=import_id)
    if record.state == State.DONE:
        return Finished(_counts(record))
    if record.state == State.FAILED:
        return Failed(record.problem)
    try:
        with record.file.open("rb") as opened:
            return _Run(record, opened, now=now, pause=pause, tell=tell).go_on(for_at_most)
    except OSError as error:
        return _fail(record, f"The file cannot be read: {error.strerror or error}. Import it again.", now=now)


def _counts(record: ListImport) -> Counts:
    return Counts(
        record.rows,
        record.accepted,
        record.duplicates,
        record.rejected,
        record.bytes_read,
        record.bytes_total,
        float(record.reading.get("seconds", 0)),
    )


def _fail(record: ListImport, why: str, *, now: datetime) -> Failed:
    ListImport.objects.filter(pk=record.pk).update(state=State.FAILED, problem=why, finished_at=now, heartbeat_at=now)
    return Failed(why)


@dataclass(slots=True)
class _Batch:
    """Rows in the order of the file, not yet accounted for."""

    rows: int = 0
    size: int = 0
    last_line: int = 0
    people: list[tuple[int, Person]] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    cells: dict[int, list[str]] = field(default_factory=dict)  # as they stood, for the rejects file


class _Run:
    def __init__(self, record: ListImport, opened: "File[bytes]", *, now: datetime, pause: float, tell: Callable[[Counts], None] | None) -> None:
        self.record = record
        self.source: BinaryIO = opened.file  # type: ignore[assignment]  # a storage's file opened "rb"
        self.now = now
        self.pause = pause
        self.tell = tell
        self.began = self.worked_from = time.monotonic()
        self.options = Options.from_json(record.options)
        self.list_name = (self.options.list_name or Path(record.file_name).stem)[:160]
        self.country = country_code(self.options.country) or _home_of(record.campaign)

    def at(self) -> datetime:
        """Now, as it has become since."""
        return self.now + timedelta(seconds=time.monotonic() - self.began)

    def go_on(self, for_at_most: timedelta | None) -> Result:
        record = self.record
        if why := refusal(record.campaign):
            return _fail(record, why, now=self.now)
        match self._understand():
            case Unreadable(why) | Unrecognised(why):
                return _fail(record, why, now=self.at())
            case (script, layout):
                self.script, self.layout = script, layout
        self._begin()
        seen = Seen(Path(record.file.storage.path(f"imports/seen-{record.pk}.sqlite3")), up_to=int(record.reading.get("last_line", 0)))
        try:
            for batch in self._batches():
                self._account(batch, seen)
                if self.tell:
                    self.tell(_counts(record))
                if for_at_most is not None and time.monotonic() - self.began > for_at_most.total_seconds():
                    wake.read_import(record.pk)
                    return GoesOn(_counts(record))
                time.sleep(min(1.0, self.pause * (time.monotonic() - self.worked_from)))
                self.worked_from = time.monotonic()
        except _CampaignIsOver:
            record.campaign.refresh_from_db()
            why = f"Stopped after {record.rows:,} rows, of which {record.accepted:,} became leads. {refusal(record.campaign)}"
            return _fail(record, why, now=self.at())
        except _TakenOver:
            return ReadElsewhere()
        finally:
            seen.close()
        return self._finish(seen)

    # -- before the first row --

    def _understand(self) -> tuple[Script, Layout] | Unreadable | Unrecognised:
        """How the file is written and what its columns are: found once, then kept, so that who goes on reads the same."""
        found = self.record.reading
        if "layout" in found:
            kept = found["layout"]
            columns = tuple(Column(header, Field(meaning), kind) for header, meaning, kind in kept["columns"])
            return Script(**found["script"]), Layout(kept["flavour"], kept["source"], columns, kept["has_header"])
        script = inspect(self.source, encoding=self.options.encoding, delimiter=self.options.delimiter)
        if isinstance(script, Unreadable):
            return script
        sample = []
        for row in records(self.source, script):
            if isinstance(row, Record):
                sample.append([cell[:200] for cell in row.cells])
            if len(sample) == SAMPLE_ROWS:
                break
        layout = recognise(sample, mapping=self.options.mapping, country=self.country, list_name=self.list_name, source=self.options.source)
        return layout if isinstance(layout, Unrecognised) else (script, layout)

    def _begin(self) -> None:
        record = self.record
        if "layout" in record.reading:
            return
        with transaction.atomic():
            mine = ListImport.objects.select_for_update().get(pk=record.pk)
            if "layout" in mine.reading:  # somebody was quicker; the first batch settles who goes on
                record.refresh_from_db()
                return
            sha256, length = fingerprint(self.source)
            if not record.dry_run:
                record.calling_list = _list_named(record.campaign, self.list_name)
            name = f"imports/rejects-{record.pk}.csv"
            size = rejects.write(Path(record.file.storage.path(name)), at=0, piece=rejects.header(column.header for column in self.layout.columns))
            script = {"encoding": self.script.encoding, "delimiter": self.script.delimiter, "skip_lines": self.script.skip_lines}
            record.reading = {"script": script, "layout": self.layout.to_json(), "country": self.country, "rejects_size": size}
            record.rejects = name
            record.sha256, record.bytes_total = sha256, length
            record.state, record.heartbeat_at = State.RUNNING, self.at()
            record.save(update_fields=["calling_list", "reading", "rejects", "sha256", "bytes_total", "state", "heartbeat_at"])

    # -- rows --

    def _batches(self) -> Iterator[_Batch]:
        """What has not been accounted for yet; what has is read over, which takes a second for a million rows."""
        todo = records(self.source, self.script)
        if self.layout.has_header:
            next(todo, None)
        for _ in range(self.record.rows):
            next(todo, None)
        batch = _Batch()
        otherwise = self.record.campaign.time_zone
        for row in todo:
            batch.rows += 1
            batch.last_line = row.line
            if isinstance(row, Broken):
                batch.rejects.append(Reject(row.line, "rejected", row.why, [row.text]))
                batch.size += len(row.text)
            else:
                said = read_row(self.layout, row.cells, country=self.country, otherwise=otherwise)
                batch.size += sum(map(len, row.cells))
                if isinstance(said, Unusable):
                    batch.rejects.append(Reject(row.line, "rejected", said.why, row.cells))
                else:
                    batch.people.append((row.line, said))
                    batch.cells[row.line] = row.cells
            if batch.rows >= settings.IMPORT_BATCH or batch.size > LARGEST_BATCH:
                yield batch
                batch = _Batch()
        if batch.rows:
            yield batch

    def _account(self, batch: _Batch, seen: Seen) -> None:
        """One batch, once. Tried again when the database says so: a deadlock, a restart, a lock that whoever stops the campaign took."""
        for tried in range(1, TRIES + 1):
            try:
                after = self._account_once(batch, seen, again=tried > 1)
                break
            except (DatabaseError, InterfaceError) as error:
                if tried == TRIES or connection.in_atomic_block:
                    raise
                log.warning("import %s: the batch up to line %s is tried again: %s", self.record.pk, batch.last_line, error)
                connection.close()
                seen.forget()
                time.sleep(0.1 * tried)
        for name, value in after.items():
            setattr(self.record, name, value)
        seen.up_to = batch.last_line

    def _account_once(self, batch: _Batch, seen: Seen, *, again: bool) -> dict[str, Any]:
        record = self.record
        people = [person for _, person in batch.people]
        known_lines = seen.look_up({key for person in people for key in keys_of(person)})
        with transaction.atomic():
            loading.one_batch_at_a_time()
            mine = ListImport.objects.select_for_update().get(pk=record.pk)
            if again and mine.rows == record.rows + batch.rows and mine.reading.get("last_line") == batch.last_line:
                return {name: getattr(mine, name) for name in COUNTED}  # the answer to our commit was lost, not the commit
            if mine.rows != record.rows or mine.state != State.RUNNING:
                raise _TakenOver
            remembered = loading.remembered(people, source=self.layout.source, campaign_id=record.campaign_id)
            contacts = {known.contact_id for found in remembered.by_match_key.values() for known in found} | set(remembered.by_id.values())
            known_lines |= seen.look_up(f"{what} {contact}" for contact in contacts for what in ("contact", "adopted"))
            newcomers, duplicates, fresh = decide(batch.people, source=self.layout.source, remembered=remembered, seen=known_lines)
            standing = self._bring_in(newcomers)
            if standing.over:
                raise _CampaignIsOver
            seen.remember(fresh)
            after = self._write_down(batch, newcomers, duplicates)
            if newcomers and not record.dry_run:
                transaction.on_commit(lambda: live.forget_floors(record.campaign_id), robust=True)
                if standing.state == CampaignState.RUNNING:
                    wake.dispatch(standing.pool)
        return after

    def _bring_in(self, newcomers: list[Newcomer]) -> loading.Standing:
        calling_list = self.record.calling_list
        if self.record.dry_run or not newcomers or calling_list is None:
            return loading.campaign_standing(self.record.campaign_id)
        return loading.load(newcomers, calling_list=calling_list, source=self.layout.source, key=settings.NUMBER_KEY, now=self.now)

    def _write_down(self, batch: _Batch, newcomers: list[Newcomer], duplicates: list[Duplicate]) -> dict[str, Any]:
        """The rejects, then the counts that make them count, in the batch's own transaction."""
        record = self.record
        told = [*batch.rejects, *(Reject(one.line, "duplicate", one.why, batch.cells[one.line]) for one in duplicates)]
        size = int(record.reading["rejects_size"])
        if told:
            told.sort(key=lambda one: one.line)
            size = rejects.write(Path(record.rejects.path), at=size, piece=rejects.rows(told))
        worked = float(record.reading.get("seconds", 0)) + time.monotonic() - self.worked_from
        after = {
            "rows": record.rows + batch.rows,
            "accepted": record.accepted + len(newcomers),
            "duplicates": record.duplicates + len(duplicates),
            "rejected": record.rejected + len(batch.rejects),
            "bytes_read": min(record.bytes_total, self.source.tell()),
            "reading": {**record.reading, "rejects_size": size, "last_line": batch.last_line, "seconds": round(worked, 2)},
            "heartbeat_at": self.at(),
        }
        ListImport.objects.filter(pk=record.pk).update(**after)
        return after

    def _finish(self, seen: Seen) -> Result:
        record, at = self.record, self.at()
        finished = {"state": State.DONE, "finished_at": at, "heartbeat_at": at, "bytes_read": record.bytes_total}
        if not ListImport.objects.filter(pk=record.pk, rows=record.rows, state=State.RUNNING).update(**finished):
            return ReadElsewhere()
        seen.path.unlink(missing_ok=True)
        record.refresh_from_db()
        return Finished(_counts(record))


def _list_named(campaign: Campaign, name: str) -> CallingList:
    found = CallingList.objects.filter(campaign=campaign, name=name).order_by("id").first()
    return found or CallingList.objects.create(campaign=campaign, name=name, position=campaign.lists.count())


def _home_of(campaign: Campaign) -> str:
    """Where a campaign's people are at home when nothing else says so: where the number it shows is."""
    if campaign.caller_id is None:
        return ""
    try:
        return phonenumbers.region_code_for_number(phonenumbers.parse(campaign.caller_id.e164)) or ""
    except phonenumbers.NumberParseException:
        return ""
