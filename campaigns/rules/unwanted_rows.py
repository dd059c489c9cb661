"""What a row of a do-not-call file says: numbers, why, until when, and for which campaign."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from campaigns.rules.countries import country_code
from campaigns.rules.list_columns import Column, Field, Layout, Unrecognised, column_called, recognise
from campaigns.rules.list_rows import GUARDED, MOST_NUMBERS, Unusable
from campaigns.rules.phone_numbers import Dialable, Undialable, read_numbers

LONGEST_REASON = 200
# what a column that is no telephone number can be; the names are what `--map "Header=reason"` takes
REASON, EXPIRES, CAMPAIGN, COUNTRY = "reason", "expires", "campaign", "country"
HEADERS = {
    REASON: "reason why note notes comment comments cause grund motif motivo",
    EXPIRES: "expires expiry expiresat expirydate expirationdate expiration until validuntil enddate ablauf",
    CAMPAIGN: "campaign campaignid campaignname scope kampagne campagne campana",
}
MEANINGS = {name: meaning for meaning, names in HEADERS.items() for name in names.split()}
EVERYWHERE = frozenset({"", "all", "global", "everywhere", "organisation", "organization", "company", "*"})


@dataclass(frozen=True, slots=True)
class Unwanted:
    """One usable row. `campaign` is as it is written; empty is the file's own scope, `*` the whole organisation."""

    numbers: tuple[str, ...]
    reason: str = ""
    expires_at: datetime | None = None
    campaign: str = ""


def recognise_unwanted(rows: Sequence[Sequence[str]], *, mapping: Mapping[str, str], country: str, register: str) -> Layout | Unrecognised:
    """As a calling list is recognised; what its further columns are is kept as their kind."""
    ours = {header: said.strip().casefold() for header, said in mapping.items() if said.strip().casefold() in HEADERS}
    if len(rows) and all(len([cell for cell in row if cell.strip()]) <= 1 for row in rows) and not mapping:
        return _one_column(rows, register)
    found = recognise(rows, mapping={**mapping, **dict.fromkeys(ours, Field.EXTRA.value)}, country=country, list_name=register, source=register)
    if isinstance(found, Unrecognised):
        return found
    told = {_together(header): meaning for header, meaning in ours.items()}
    columns = []
    taken: set[str] = set(told.values())
    for column in found.columns:
        meaning = told.get(_together(column.header), "")
        if not meaning and column.field is not Field.SKIP and (guess := MEANINGS.get(_together(column.header), "")) not in taken:
            meaning = guess
        taken.add(meaning)
        columns.append(replace(column, field=Field.EXTRA, kind=meaning) if meaning and column.field is not Field.PHONE else column)
    return replace(found, columns=tuple(columns))


def _together(header: str) -> str:
    return "".join(letter for letter in header.casefold() if letter.isalnum())


def _one_column(rows: Sequence[Sequence[str]], register: str) -> Layout:
    """A number a line, with or without a line above them that says so."""
    first = next((cell.strip() for cell in rows[0] if cell.strip()), "")
    headed = column_called(first).field is Field.PHONE or sum(map(str.isdigit, first)) < 3
    width = max(map(len, rows))
    columns = (Column(first if headed else "column 1", Field.PHONE, "other"), *(Column(f"column {n}", Field.EXTRA) for n in range(2, width + 1)))
    return Layout("plain", register, columns, headed)


def read_unwanted(layout: Layout, cells: Sequence[str], *, country: str, now: datetime) -> Unwanted | Unusable:
    """The numbers of a row. A number that cannot be read makes it unusable, since it would go on being called."""
    said: dict[str, str] = {}
    phones: list[str] = []
    phone_code = ""
    for column, raw in zip(layout.columns, cells, strict=False):
        cell = raw.strip()
        if len(cell) > 1 and cell[0] == "'" and cell[1] in GUARDED:
            cell = cell[1:]
        if not cell:
            continue
        if column.field is Field.PHONE:
            phones.append(cell)
        elif column.field is Field.COUNTRY:
            said[COUNTRY] = country_code(cell)
        elif column.field is Field.PHONE_CODE:
            code = cell.lstrip("+0")
            phone_code = code if code.isascii() and code.isdigit() and len(code) < 4 else ""
        elif column.field is Field.EXTRA and column.kind:
            said[column.kind] = cell
    numbers: list[str] = []
    for text in phones:
        for one in read_numbers(text, country=said.get(COUNTRY) or country, phone_code=phone_code, any_kind=True):
            match one:
                case Dialable(e164):
                    numbers.append(e164)
                case Undialable(why):
                    return Unusable(why)
    if not numbers:
        return Unusable("the row has no number; fill it in, or delete the row")
    if len(numbers) > MOST_NUMBERS:
        return Unusable(f"the row has {len(numbers)} numbers; at most {MOST_NUMBERS} stand in one")
    expires_at = read_end(said[EXPIRES]) if EXPIRES in said else None
    if EXPIRES in said and expires_at is None:
        return Unusable(f"'{said[EXPIRES][:40]}' is not a day; write it as 2026-12-31, or leave it empty for good")
    if expires_at is not None and expires_at <= now:
        return Unusable(f"it has expired on {said[EXPIRES][:40]}; delete the row")
    campaign = said.get(CAMPAIGN, "")
    if CAMPAIGN in said and campaign.casefold() in EVERYWHERE:
        campaign = "*"
    return Unwanted(tuple(dict.fromkeys(numbers)), said.get(REASON, "")[:LONGEST_REASON], expires_at, campaign)


def read_end(text: str) -> datetime | None:
    """The end of a day in UTC, or an instant; None where the text is neither."""
    text = text.strip()
    try:
        return datetime.combine(date.fromisoformat(text) + timedelta(days=1), datetime.min.time(), tzinfo=UTC)
    except ValueError:
        pass
    try:
        at = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
