"""An import from the file that was given to its last row, in batches that can be interrupted anywhere.

A batch commits what it brings together with how far the file has been accounted for, so whoever goes on, after a crash or because a worker's
time was up, begins behind the last committed row. Two who read the same import at once find it out at their next batch, and one leaves.
"""

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

from django.core.files import File
from django.db import DatabaseError, InterfaceError, connection, transaction
from django.db.models import Q

from agents.models import User
from campaigns.imports import loading, people, rejects, unwanted
from campaigns.imports.batch import Batch, Kind, Options, Over, Told
from campaigns.imports.matching import Seen
from campaigns.imports.people import People
from campaigns.imports.reading import Broken, Record, Script, Unreadable, fingerprint, inspect, records
from campaigns.imports.rejects import Reject
from campaigns.imports.unwanted import NumbersNotToCall
from campaigns.models import Campaign, ListImport
from campaigns.rules.countries import country_code
from campaigns.rules.list_columns import Column, Field, Layout, Unrecognised
from campaigns.rules.list_rows import Unusable
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
PAUSE = 1.0
COUNTED = ("rows", "accepted", "duplicates", "rejected", "bytes_read", "reading", "heartbeat_at")


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


class _TakenOver(Exception):
    """Another process has accounted for these rows."""


def _kind_of(record: ListImport) -> Kind:
    options = Options.from_json(record.options)
    match ListImport.Kind(record.kind):
        case ListImport.Kind.LEADS:
            return People(record, options)
        case ListImport.Kind.DO_NOT_CALL:
            return NumbersNotToCall(record, options)


def refusal(kind: ListImport.Kind, campaign: Campaign | None, options: Options) -> str:
    """Why such a file cannot be taken in now; empty when it can."""
    if options.country and not country_code(options.country):
        return f"'{options.country}' is not a country. Use its two letters, such as GB or US."
    if kind == ListImport.Kind.DO_NOT_CALL:
        return unwanted.refusal(options, campaign)
    return people.refusal(campaign) if campaign else "People are imported into a campaign: choose one."


def take_in(
    campaign: Campaign | None,
    source: BinaryIO,
    *,
    file_name: str,
    options: Options,
    dry_run: bool,
    by: User | None,
    now: datetime,
    kind: ListImport.Kind = ListImport.Kind.LEADS,
    at_work: bool = False,
) -> ListImport | Refused:
    """A file is kept, and its import waits to be run; `at_work` says that the caller runs it at once.

    The same file, given again with the same options after a crash, goes on as the import it was.
    """
    sha256, length = fingerprint(source)
    unfinished = ListImport.objects.filter(kind=kind, campaign=campaign, sha256=sha256, dry_run=dry_run, state__in=(State.WAITING, State.RUNNING))
    for found in unfinished.order_by("id"):
        if found.options == options.to_json() and found.file.storage.exists(str(found.file.name)):
            return found
    if why := refusal(kind, campaign, options):
        return Refused(why)
    source.seek(0)
    return ListImport.objects.create(
        kind=kind,
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


class _Run:
    def __init__(self, record: ListImport, opened: "File[bytes]", *, now: datetime, pause: float, tell: Callable[[Counts], None] | None) -> None:
        self.record = record
        self.source: BinaryIO = opened.file  # type: ignore[assignment]  # a storage's file opened "rb"
        self.now = now
        self.pause = pause
        self.tell = tell
        self.began = self.worked_from = time.monotonic()
        self.options = Options.from_json(record.options)
        self.kind = _kind_of(record)

    def at(self) -> datetime:
        """Now, as it has become since."""
        return self.now + timedelta(seconds=time.monotonic() - self.began)

    def go_on(self, for_at_most: timedelta | None) -> Result:
        record = self.record
        if why := self.kind.refusal():
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
        except Over:
            why = f"Stopped after {record.rows:,} rows, of which {record.accepted:,} became leads. {self.kind.refusal()}"
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
        layout = self.kind.recognise(sample, self.options)
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
            remembered = self.kind.begin()
            name = f"imports/rejects-{record.pk}.csv"
            size = rejects.write(Path(record.file.storage.path(name)), at=0, piece=rejects.header(column.header for column in self.layout.columns))
            script = {"encoding": self.script.encoding, "delimiter": self.script.delimiter, "skip_lines": self.script.skip_lines}
            record.reading = {"script": script, "layout": self.layout.to_json(), "country": self.kind.country, "rejects_size": size, **remembered}
            record.rejects = name
            record.sha256, record.bytes_total = sha256, length
            record.state, record.heartbeat_at = State.RUNNING, self.at()
            record.save(update_fields=["calling_list", "reading", "rejects", "sha256", "bytes_total", "state", "heartbeat_at"])

    # -- rows --

    def _batches(self) -> Iterator[Batch]:
        """What has not been accounted for yet; what has is read over, which takes a second for a million rows."""
        todo = records(self.source, self.script)
        if self.layout.has_header:
            next(todo, None)
        for _ in range(self.record.rows):
            next(todo, None)
        batch, most_rows = Batch(), self.kind.most_rows(self.layout)
        for row in todo:
            batch.rows += 1
            batch.last_line = row.line
            if isinstance(row, Broken):
                batch.rejects.append(Reject(row.line, "rejected", row.why, [row.text]))
                batch.size += len(row.text)
            else:
                said = self.kind.read(self.layout, row.cells)
                batch.size += sum(map(len, row.cells))
                if isinstance(said, Unusable):
                    batch.rejects.append(Reject(row.line, "rejected", said.why, row.cells))
                else:
                    batch.said.append((row.line, said))
                    batch.cells[row.line] = row.cells
            if batch.rows >= most_rows or batch.size > LARGEST_BATCH:
                yield batch
                batch = Batch()
        if batch.rows:
            yield batch

    def _account(self, batch: Batch, seen: Seen) -> None:
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

    def _account_once(self, batch: Batch, seen: Seen, *, again: bool) -> dict[str, Any]:
        record = self.record
        with transaction.atomic():
            loading.one_batch_at_a_time()
            mine = ListImport.objects.select_for_update().get(pk=record.pk)
            if again and mine.rows == record.rows + batch.rows and mine.reading.get("last_line") == batch.last_line:
                return {name: getattr(mine, name) for name in COUNTED}  # the answer to our commit was lost, not the commit
            if mine.rows != record.rows or mine.state != State.RUNNING:
                raise _TakenOver
            told = self.kind.bring_in(batch, self.layout, seen, now=self.now if record.kind == ListImport.Kind.LEADS else self.at())
            seen.remember(told.fresh)
            return self._write_down(batch, told)

    def _write_down(self, batch: Batch, told: Told) -> dict[str, Any]:
        """The rejects, then the counts that make them count, in the batch's own transaction."""
        record = self.record
        left_out = [*batch.rejects, *(Reject(one.line, "duplicate", one.why, batch.cells[one.line]) for one in told.duplicates)]
        size = int(record.reading["rejects_size"])
        if left_out:
            left_out.sort(key=lambda one: one.line)
            size = rejects.write(Path(record.rejects.path), at=size, piece=rejects.rows(left_out))
        worked = float(record.reading.get("seconds", 0)) + time.monotonic() - self.worked_from
        after = {
            "rows": record.rows + batch.rows,
            "accepted": record.accepted + told.accepted,
            "duplicates": record.duplicates + len(told.duplicates),
            "rejected": record.rejected + len(batch.rejects),
            "bytes_read": min(record.bytes_total, self.source.tell()),
            "reading": {**record.reading, "rejects_size": size, "last_line": batch.last_line, "seconds": round(worked, 2)},
            "heartbeat_at": self.at(),
        }
        ListImport.objects.filter(pk=record.pk).update(**after)
        return after

    def _finish(self, seen: Seen) -> Result:
        record, at = self.record, self.at()
        if why := self.kind.finish(now=at):
            return _fail(record, why, now=at)
        finished = {"state": State.DONE, "finished_at": at, "heartbeat_at": at, "bytes_read": record.bytes_total}
        if not ListImport.objects.filter(pk=record.pk, rows=record.rows, state=State.RUNNING).update(**finished):
            return ReadElsewhere()
        seen.path.unlink(missing_ok=True)
        record.refresh_from_db()
        return Finished(_counts(record))
