"""Do-not-call files: every row a number nobody is to call, on our own list or on a register that is loaded whole.

A register's numbers are listed as they are read, a thousand at a time under their locks, while those of its last version stay; with the
last row the new version takes over, and what it no longer holds is released. Whatever goes wrong before, nothing has been released.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from campaigns.flow import do_not_call
from campaigns.flow.do_not_call import Entry
from campaigns.imports.batch import Batch, Options, Told
from campaigns.imports.matching import Duplicate, Seen
from campaigns.models import Campaign, DoNotCall, DoNotCallList, ListImport
from campaigns.rules.countries import country_code
from campaigns.rules.list_columns import Field, Layout, Unrecognised
from campaigns.rules.list_rows import Unusable
from campaigns.rules.unwanted_rows import Unwanted, read_end, read_unwanted, recognise_unwanted

# a new version with less than this part of the last one's numbers is more often half a file than good news
MUCH_SHORTER = 0.5
# how far ahead of UTC a day may have begun somewhere
AHEAD = timedelta(hours=14)


class NumbersNotToCall:
    def __init__(self, record: ListImport, options: Options) -> None:
        self.record, self.options = record, options
        self.country = country_code(options.country)
        self.expires_at = read_end(options.expires) if options.expires else None
        self.register = DoNotCallList.objects.filter(name=options.register).first() if options.register else None
        self.source = options.register or "import"
        self.campaigns: dict[str, int | None] = {"": record.campaign_id, "*": None}
        self.unknown: set[str] = set()
        self.today = timezone.now()

    def most_rows(self, layout: Layout) -> int:
        """So many that their numbers can be locked in one transaction."""
        columns = sum(column.field is Field.PHONE for column in layout.columns)
        return min(settings.IMPORT_BATCH, do_not_call.BATCH // max(1, columns))

    def refusal(self) -> str:
        return refusal(self.options, self.record.campaign, besides=self.record.pk)

    def recognise(self, sample: Sequence[Sequence[str]], options: Options) -> Layout | Unrecognised:
        return recognise_unwanted(sample, mapping=options.mapping, country=self.country, register=options.register)

    def begin(self) -> dict[str, Any]:
        if not self.options.register or self.record.dry_run:
            return {}
        self.register, _ = DoNotCallList.objects.get_or_create(name=self.options.register, defaults={"campaign": self.record.campaign})
        return {"version": self.register.version + 1, "fetched_at": self._fetched_at().isoformat()}

    def _fetched_at(self) -> datetime:
        """When the register was as the file has it. Of a day that was named its beginning: no register is taken for younger than it is."""
        given_at = min(self.record.created_at, self.today)
        day = _day(self.options.as_of)
        return given_at if day is None else min(given_at, datetime.combine(day, datetime.min.time(), tzinfo=UTC))

    def read(self, layout: Layout, cells: Sequence[str]) -> Unwanted | Unusable:
        said = read_unwanted(layout, cells, country=self.country, now=self.today)
        if isinstance(said, Unwanted) and not self._is_known(said.campaign):
            return Unusable(f"there is no campaign '{said.campaign[:60]}'; write its number or its name, or leave it empty")
        return said

    def _is_known(self, written: str) -> bool:
        """Whether a row's campaign exists; each is asked for once."""
        if written not in self.campaigns and written not in self.unknown:
            by_number = Campaign.objects.filter(pk=int(written)) if written.isdecimal() and len(written) < 19 else Campaign.objects.none()
            found = by_number.first() or Campaign.objects.filter(name=written).order_by("-pk").first()
            if found is None:
                self.unknown.add(written)
            else:
                self.campaigns[written] = found.pk
        return written in self.campaigns

    def bring_in(self, batch: Batch, layout: Layout, seen: Seen, *, now: datetime) -> Told:
        del layout
        rows = [(line, self._entries(said)) for line, said in batch.said]
        lines = seen.look_up({_told(one) for _, some in rows for one in some})
        fresh: dict[str, int] = {}
        wanted: list[tuple[int, list[Entry]]] = []
        duplicates = []
        for line, some in rows:
            again = [lines.get(_told(one)) for one in some]
            new = [one for one, earlier in zip(some, again, strict=True) if earlier is None]
            for one in new:
                lines[_told(one)] = fresh[_told(one)] = line
            if new:
                wanted.append((line, new))
            else:
                duplicates.append(Duplicate(line, f"the same number as line {max(filter(None, again))}; remove one of them"))
        entries = [one for _, some in wanted for one in some]
        listed = self._list(entries, now=now)
        if not self.options.register:
            already = [line for line, some in wanted if not any(one.scope in listed for one in some)]
            duplicates += [Duplicate(line, "the number is on the list already") for line in already]
        return Told(len(rows) - len(duplicates), duplicates, fresh)

    def _entries(self, said: Unwanted) -> list[Entry]:
        campaign_id = self.campaigns[said.campaign]
        return [
            do_not_call.entry(
                number, campaign_id=campaign_id, reason=said.reason or self.options.reason, expires_at=said.expires_at or self.expires_at
            )
            for number in said.numbers
        ]

    def _list(self, entries: Sequence[Entry], *, now: datetime) -> set[tuple[str, int | None]]:
        """Which were new. A dry run looks, and lists nothing."""
        if self.record.dry_run and self.options.register and self.register is None:
            return {one.scope for one in entries}
        if self.record.dry_run:
            keys = [one.key for one in entries]
            known = DoNotCall.objects.filter(number_key__in=keys, register=self.register).values_list("number_key", "campaign_id")
            return {one.scope for one in entries} - set(known)
        listed: set[tuple[str, int | None]] = set()
        for start in range(0, len(entries), do_not_call.BATCH):
            listed |= do_not_call.list_entries(
                entries[start : start + do_not_call.BATCH],
                source=self.source,
                by=self.record.created_by,
                register=self.register,
                version=int(self.record.reading.get("version", 0)),
                now=now,
            )
        return listed

    def finish(self, *, now: datetime) -> str:
        """The new version takes over, unless it cannot be whole."""
        record, register = self.record, self.register
        if register is None or record.dry_run:
            return ""
        if record.rejected:
            return (
                f"{register.name} does not count as loaded, since {record.rejected:,} of its rows could not be read. What could be read is not "
                "called; nothing of the last version was released. Correct the rows and load the whole file again."
            )
        version = int(record.reading["version"])
        numbers = DoNotCall.objects.filter(register=register, version=version).count()
        if not numbers and not self.options.shorter:
            return (
                f"{register.name} does not count as loaded: the file has no number at all. Nothing was released. If nobody stands on the register "
                "any more, load it again and say so."
            )
        fetched_at = datetime.fromisoformat(record.reading["fetched_at"])
        is_older = register.loaded_at is not None and fetched_at < register.loaded_at
        if is_older and not self.options.shorter and DoNotCall.objects.filter(register=register, version__lt=version).exists():
            return (
                f"{register.name} does not count as loaded: the file is of {fetched_at:%Y-%m-%d} and the one before it is newer, of "
                f"{register.loaded_at:%Y-%m-%d}, with numbers that this one does not have. Nothing was released. If they are to be called again, "
                "load it again and say that the register is shorter."
            )
        if numbers < register.numbers * MUCH_SHORTER and not self.options.shorter:
            return (
                f"{register.name} does not count as loaded: it held {register.numbers:,} numbers and the file has {numbers:,}. Nothing was "
                "released. If the register has really become so short, load it again and say so."
            )
        fetched_at = datetime.fromisoformat(record.reading["fetched_at"])
        do_not_call.take_over(register.pk, version, numbers=numbers, loaded_at=fetched_at, now=now)
        return ""


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        return None


def _told(one: Entry) -> str:
    return f"{one.key} {one.campaign_id or ''}"


def refusal(options: Options, campaign: Campaign | None, *, besides: int | None = None) -> str:
    """Why such a file cannot be taken in now; empty when it can."""
    if options.expires and read_end(options.expires) is None:
        return f"'{options.expires}' is not a day. Write it as 2026-12-31, or leave it empty for good."
    if not options.register:
        return "Only a whole register has a day on which it was given out. Name the register, or leave the day empty." if options.as_of else ""
    day = _day(options.as_of)
    if options.as_of and day is None:
        return f"'{options.as_of}' is not a day. Write it as 2026-12-31, or leave it empty for today."
    if day is not None and day > (timezone.now() + AHEAD).date():
        return f"{options.as_of} is yet to come: the register cannot have been given out then. Write the day the file is of."
    if len(options.register) > DoNotCallList._meta.get_field("name").max_length:  # type: ignore[operator]  # it has one
        return "The register's name is too long: 40 characters are enough."
    register = DoNotCallList.objects.filter(name=options.register).first()
    if register is not None and register.campaign_id != (campaign.pk if campaign else None):
        whose = f"the campaign '{register.campaign}'" if register.campaign else "the whole organisation"
        return f"The register {register.name} is of {whose}. Load it for that, or give this one another name."
    unfinished = (ListImport.State.WAITING, ListImport.State.RUNNING)
    others = ListImport.objects.filter(kind=ListImport.Kind.DO_NOT_CALL, state__in=unfinished, dry_run=False, options__register=options.register)
    if other := (others.filter(pk__lt=besides) if besides else others).order_by("pk").first():
        return f"{options.register} is being loaded from {other.file_name}. Wait until that has finished."
    return ""
