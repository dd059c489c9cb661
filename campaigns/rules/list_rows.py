"""What a row of a calling list says: a person to call, or why not, in words that tell what to do about it."""

import hashlib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from campaigns.rules.countries import country_code
from campaigns.rules.list_columns import Column, Field, Layout
from campaigns.rules.phone_numbers import Dialable, Undialable, read_numbers
from campaigns.rules.places import candidate_zones
from campaigns.rules.time_zones import zone_named

MOST_NUMBERS = 10  # of one person
LONGEST_CELL = 20_000  # characters
# what a column of a person holds at most; a longer text is cut there and kept whole beside
LONGEST = {
    Field.TITLE: 80,
    Field.FIRST_NAME: 120,
    Field.LAST_NAME: 120,
    Field.COMPANY: 160,
    Field.EMAIL: 254,
    Field.ADDRESS: 250,
    Field.CITY: 120,
    Field.REGION: 80,
    Field.POSTAL_CODE: 20,
    Field.COUNTRY: 2,
    Field.TIME_ZONE: 60,
}
LONGEST_ID = 120

VICIDIAL_DO_NOT_CALL = frozenset({"DNC", "DNCL", "DNCC"})
YES = frozenset({"1", "true", "yes", "y", "x", "t", "on", "ja", "oui", "si", "sí", "dnc", "wahr"})
# what a spreadsheet takes for the beginning of a formula, wide forms included; an apostrophe before it says: text
GUARDED = frozenset("=+-@\t\r\0\uff1d\uff0b\uff0d\uff20")


@dataclass(frozen=True, slots=True)
class Number:
    e164: str
    kind: str
    zones: tuple[str, ...]
    landline: bool


@dataclass(frozen=True, slots=True)
class Person:
    """One usable row."""

    external_id: str
    match_key: str
    numbers: tuple[Number, ...]
    known: Mapping[Field, str]
    extra: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Unusable:
    why: str


def read_row(layout: Layout, cells: Sequence[str], *, country: str) -> Person | Unusable:
    """A person to call. `country` is the file's own; a row's comes before it."""
    columns = layout.columns
    if len(cells) > len(columns) and layout.has_header and any(map(str.strip, cells[len(columns) :])):
        return Unusable(
            f"the row has {len(cells)} columns where the header has {len(columns)}; put quotation marks around the value that holds the delimiter"
        )
    known: dict[Field, str] = {}
    extra: dict[str, str] = {}
    phones: list[tuple[Column, str]] = []
    phone_code = time_zone = ""
    external_id = ""
    for column, raw in zip(columns, cells, strict=False):
        cell = raw.strip()
        if not cell:
            continue
        if len(cell) > LONGEST_CELL:
            return Unusable(f"the column '{column.header}' holds {len(cell):,} characters; shorten it to {LONGEST_CELL:,}, or leave the column out")
        if cell[0] == "'" and len(cell) > 1 and cell[1] in GUARDED:
            cell = cell[1:]
        match column.field:
            case Field.EXTRA:
                _keep(extra, column.header, cell)
            case Field.PHONE:
                phones.append((column, cell))
            case Field.SKIP:
                pass
            case Field.PHONE_CODE:
                phone_code = cell.lstrip("+0")
                phone_code = phone_code if phone_code.isascii() and phone_code.isdigit() and len(phone_code) < 4 else ""
            case Field.EXTERNAL_ID:
                external_id = cell
            case Field.DO_NOT_CALL:
                if cell.casefold() in YES:
                    return Unusable(f"the file says '{column.header}' of this person; clear that mark at the source if it is wrong")
            case Field.COUNTRY:
                known[Field.COUNTRY] = country_code(cell)
                if not known[Field.COUNTRY]:
                    _keep(extra, column.header, cell)
            case Field.TIME_ZONE:
                time_zone = cell
                known[Field.TIME_ZONE] = zone_named(cell)
                if not known[Field.TIME_ZONE]:
                    _keep(extra, column.header, cell)
            case Field.ADDRESS if Field.ADDRESS in known:
                known[Field.ADDRESS] += f", {cell}"
            case field:
                known[field] = cell
    if len(external_id) > LONGEST_ID:
        return Unusable(f"the external id has {len(external_id)} characters; at most {LONGEST_ID} can be kept, so map another column to external_id")
    if layout.flavour == "vicidial" and extra.get("status", "").upper() in VICIDIAL_DO_NOT_CALL:
        return Unusable("its status in the file is do-not-call; take it out of the export")
    numbers, unusable = _numbers(phones, country=known.get(Field.COUNTRY) or country, phone_code=phone_code, time_zone=time_zone)
    if not numbers:
        if unusable:
            return Unusable(f"no phone number that can be dialed: {'; '.join(dict.fromkeys(why for _, _, why in unusable[:3]))}")
        if not known and not extra and not external_id:
            return Unusable("the row is empty; delete it")
        names = ", ".join(f"'{column.header}'" for column in columns if column.field is Field.PHONE)
        return Unusable(f"no phone number: {names} is empty; fill it in, or map the column that holds the number")
    for header, text, _ in unusable:  # what the person's record shows, so that nothing of the row is lost
        _keep(extra, header, text)
    _name(known)
    for field, longest in LONGEST.items():
        if len(known.get(field, "")) > longest:
            _keep(extra, field.value.replace("_", " ").capitalize(), known[field])
            known[field] = known[field][:longest].rstrip()
    return Person(external_id, match_key(numbers[0].e164, known), numbers, {field: text for field, text in known.items() if text}, extra)


def _keep(extra: dict[str, str], header: str, text: str) -> None:
    name, number = header[:80] or "column", 2
    while name in extra:
        name, number = f"{header[:80] or 'column'} ({number})", number + 1
    extra[name] = text


def _numbers(
    phones: Sequence[tuple[Column, str]], *, country: str, phone_code: str, time_zone: str
) -> tuple[tuple[Number, ...], list[tuple[str, str, str]]]:
    found: dict[str, Number] = {}
    unusable = []
    for column, text in phones:
        for one in read_numbers(text, country=country, phone_code=phone_code):
            match one:
                case Dialable(e164, mobile, zones, landline) if e164 not in found and len(found) < MOST_NUMBERS:
                    kind = "mobile" if mobile and column.kind in ("", "other") else column.kind or "other"
                    found[e164] = Number(e164, kind, candidate_zones(e164, own=zones, time_zone=time_zone), landline)
                case Dialable():
                    pass
                case Undialable(why):
                    unusable.append((column.header, text, why))
    return tuple(found.values()), unusable


def _name(known: dict[Field, str]) -> None:
    whole = known.pop(Field.NAME, "")
    if whole and Field.FIRST_NAME not in known and Field.LAST_NAME not in known:
        if whole.count(",") == 1:
            last, first = whole.split(",")
        else:
            first, _, last = whole.rpartition(" ") if " " in whole else (whole, "", "")
        known[Field.FIRST_NAME], known[Field.LAST_NAME] = first.strip(), last.strip()


def match_key(e164: str, known: Mapping[Field, str]) -> str:
    """By which a person without an id is known again: the first number and the name. The number alone may be a switchboard's."""
    name = f"{known.get(Field.FIRST_NAME, '')} {known.get(Field.LAST_NAME, '')}".strip() or known.get(Field.COMPANY, "")
    folded = " ".join(unicodedata.normalize("NFKC", name).casefold().split())
    return hashlib.sha256(f"{e164}|{folded}".encode()).hexdigest()
