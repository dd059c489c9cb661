"""What the columns of a calling list mean.

Salesforce, HubSpot and VICIdial files are known by their columns; the rest by what their headers are usually called, and a file without
headers by what stands in it. Whatever has no place of its own is kept under its header.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from campaigns.rules.phone_numbers import Dialable, read_number

MOST_COLUMNS = 1000


def _words_of(text: str) -> frozenset[str]:
    return frozenset(text.split())


class Field(StrEnum):
    """What a column can be. The names are what `--map "Header=field"` takes."""

    PHONE = "phone"
    PHONE_CODE = "phone_code"
    NAME = "name"
    FIRST_NAME = "first_name"
    LAST_NAME = "last_name"
    TITLE = "title"
    COMPANY = "company"
    EMAIL = "email"
    ADDRESS = "address"
    CITY = "city"
    REGION = "region"
    POSTAL_CODE = "postal_code"
    COUNTRY = "country"
    TIME_ZONE = "time_zone"
    EXTERNAL_ID = "external_id"
    DO_NOT_CALL = "do_not_call"
    EXTRA = "extra"
    SKIP = "skip"


KINDS = ("mobile", "home", "work", "other")
LONGEST_SOURCE = 40

HEADERS: dict[str, Field] = {
    name: field
    for field, names in {
        Field.NAME: "name fullname contactname leadname customername displayname nombrecompleto nomcomplet",
        Field.FIRST_NAME: "firstname first forename givenname fname vorname prenom nombre voornaam nome imie",
        Field.LAST_NAME: "lastname last surname familyname lname nachname familienname nom apellido apellidos achternaam cognome nazwisko",
        Field.TITLE: "title jobtitle salutation position funktion anrede titel",
        Field.COMPANY: "company companyname companyaccount account accountname organisation organization organizationname organisationname "
        "business businessname employer associatedcompany firma unternehmen entreprise societe empresa bedrijf azienda",
        Field.EMAIL: "email emailaddress mail emailid epost correo correoelectronico courriel",
        Field.ADDRESS: "address street streetaddress address1 address2 address3 addressline1 addressline2 addressline3 mailingstreet "
        "mailingaddress street1 street2 adresse strasse straße direccion rue indirizzo adres",
        Field.CITY: "city town mailingcity ort stadt ville ciudad citta plaats woonplaats miasto locality",
        Field.REGION: "state province region stateprovince stateregion county mailingstate mailingstateprovince bundesland provincia",
        Field.POSTAL_CODE: "postalcode postcode zip zipcode zippostalcode mailingpostalcode mailingzippostalcode mailingzip plz "
        "postleitzahl codepostal codigopostal cap kodpocztowy",
        Field.COUNTRY: "country countrycode countryregion countryname mailingcountry mailingcountrycode land pays pais paese",
        Field.TIME_ZONE: "timezone timezonesidkey tz contacttimezone zeitzone iananame",
        Field.PHONE_CODE: "phonecode dialcode dialingcode diallingcode countrycallingcode callingcode",
        Field.DO_NOT_CALL: "donotcall dnc donotphone nocall phoneoptout optedoutofcalls hasoptedoutofcalls",
        Field.EXTERNAL_ID: "externalid leadid contactid customerid recordid recordidcontact hsobjectid vendorleadcode customernumber "
        "customerno clientid memberid personid userid uuid guid id kundennummer kundennr",
    }.items()
    for name in names.split()
}
# written together, mostly in capitals, where no word can be told from the next
PHONES_WRITTEN_TOGETHER: dict[str, str] = {
    name: kind
    for kind, names in {
        "mobile": "mobilephone mobilenumber mobilephonenumber mobileno cellphone cellnumber cellphonenumber phonemobile mobil handynummer",
        "home": "homephone homenumber homephonenumber phonehome",
        "work": "workphone worknumber workphonenumber businessphone officephone companyphone phonework directphone telephonework",
        "other": "phonenumber phoneno otherphone altphone alternatephone telephonenumber telephoneno contactnumber contactno number "
        "numbertodial msisdn telefonnummer rufnummer numero telefono telephone tel phone telefon e164",
    }.items()
    for name in names.split()
}
PHONE_WORDS = _words_of("phone phones telephone tel mobile cell cellphone cellular telefon telefone telefono téléphone mobil handy movil")
PHONE_WORDS |= {unicodedata.normalize("NFC", word) for word in ("teléfono", "móvil", "portable", "rufnummer", "msisdn", "landline")}
NOT_A_PHONE = _words_of(
    "fax type ext extension code status country label verified valid date time last count calls carrier opt optout opted assistant asst "
    "whatsapp sms zone owner id provider consent format formatted preferred best"
)
KIND_WORDS = {
    "mobile": _words_of("mobile cell cellphone cellular handy mobil móvil movil portable"),
    "home": _words_of("home private privat evening landline night casa domicile"),
    "work": _words_of("work business office company account day daytime direct main corporate geschäftlich trabajo bureau"),
}

IN_ORDER = """vendor_lead_code source_id list_id phone_code phone_number title first_name middle last_name address1 address2 address3 city
    state province postal_code country gender date_of_birth alt_phone email security_phrase comments rank owner"""
# the columns of a VICIdial list file without a header, in their fixed order
VICIDIAL = tuple(IN_ORDER.split())
# too general to be a name for where an id comes from: such an id counts within its list
GENERAL_IDS = _words_of("id leadid contactid customerid recordid externalid personid userid uuid guid")
OF_OUR_OWN = ("line", "verdict", "reason")  # a rejects file, corrected and given back


@dataclass(frozen=True, slots=True)
class Column:
    header: str
    field: Field
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Layout:
    """What the columns of one file are. `source` says where its external ids come from."""

    flavour: str
    source: str
    columns: tuple[Column, ...]
    has_header: bool

    def to_json(self) -> dict[str, object]:
        return {
            "flavour": self.flavour,
            "source": self.source,
            "has_header": self.has_header,
            "columns": [[column.header, column.field.value, column.kind] for column in self.columns],
        }


@dataclass(frozen=True, slots=True)
class Unrecognised:
    why: str


def _words(header: str) -> tuple[str, ...]:
    parted = re.sub(r"(?<=[a-zß-ÿ])(?=[A-Z])", " ", unicodedata.normalize("NFKC", header))
    return tuple(re.findall(r"[^\W_]+", parted.casefold()))


def column_called(header: str) -> Column:
    """What a header says; EXTRA when it says nothing known."""
    header = header.strip().lstrip("\ufeff").strip()
    words = _words(header)
    together = "".join(words)
    plain = "".join(letter for letter in unicodedata.normalize("NFD", together) if not unicodedata.combining(letter))
    if field := HEADERS.get(together) or HEADERS.get(plain):
        return Column(header, field)
    if kind := PHONES_WRITTEN_TOGETHER.get(together) or PHONES_WRITTEN_TOGETHER.get(plain):
        return Column(header, Field.PHONE, kind)
    # "Phone 2", "Mobile phone (private)", "Phone2"; not "Phone type"
    bare = {re.sub(r"[0-9]+$", "", word) for word in words}
    if (bare & PHONE_WORDS or re.sub(r"[0-9]+$", "", plain) in PHONES_WRITTEN_TOGETHER) and not bare & NOT_A_PHONE:
        for kind in ("mobile", "home", "work"):
            if bare & KIND_WORDS[kind]:
                return Column(header, Field.PHONE, kind)
        return Column(header, Field.PHONE, "other")
    return Column(header, Field.EXTRA)


def known_headers(cells: Sequence[str]) -> int:
    """How many cells of a line are headers we know: what tells a header from a row, and the right delimiter from the wrong one."""
    return sum(column_called(cell).field is not Field.EXTRA for cell in cells if 1 < len(cell) < 60)


def recognise(rows: Sequence[Sequence[str]], *, mapping: Mapping[str, str], country: str, list_name: str, source: str = "") -> Layout | Unrecognised:
    """What the columns of a file are, from its first rows. `mapping` is what a person said of them: header -> field, as `phone:mobile`."""
    rows = [row for row in rows if any(cell.strip() for cell in row)]
    if not rows:
        return Unrecognised("The file holds no rows. Export the list again, with its header line.")
    if max(map(len, rows)) > MOST_COLUMNS:
        return Unrecognised(f"The file has more than {MOST_COLUMNS} columns. Export only the ones that are needed.")
    first = rows[0]
    called = [column_called(cell) for cell in first]
    known = sum(column.field is not Field.EXTRA for column in called)
    mapped = {_key(header) for header in mapping} & {_key(cell) for cell in first}
    flavour = "plain"
    has_header = True
    if mapped or (known and not any(_looks_dialable(cell, country) for cell in first)):
        flavour = _flavour(first)
        columns = _settled(_of_flavour(flavour, called))
    elif _is_vicidial(rows):
        flavour = "vicidial"
        has_header = False
        width = max(map(len, rows))
        columns = [
            *_settled([column_called(name) for name in VICIDIAL])[:width],
            *(Column(f"column {number}", Field.EXTRA) for number in range(len(VICIDIAL) + 1, width + 1)),
        ]
    else:
        columns = _by_content(rows, country)
        numbers = [place for place, column in enumerate(columns) if column.field is Field.PHONE]
        # a first line of words only, above a column of numbers, is a header in words we do not know
        has_header = bool(numbers) and all(sum(map(str.isdigit, first[place])) < 3 for place in numbers if place < len(first))
        if has_header or not numbers:
            columns = [replace(column, header=first[place].strip()) if place < len(first) else column for place, column in enumerate(columns)]
    match _mapped(columns, mapping):
        case Unrecognised() as refused:
            return refused
        case settled:
            columns = settled
    if not any(column.field is Field.PHONE for column in columns):
        dialable = {place for place, column in enumerate(_by_content(rows[1:], country)) if column.field is Field.PHONE} if rows[1:] else set()
        columns = [
            replace(column, field=Field.PHONE, kind="other") if column.field is Field.EXTRA and place in dialable else column
            for place, column in enumerate(columns)
        ]
    if not any(column.field is Field.PHONE for column in columns):
        found = ", ".join(f"'{column.header[:40]}'" for column in columns[:20])
        return Unrecognised(
            f'No column looks like a phone number; the columns are {found}. Say which one is: "{columns[0].header[:40]}=phone" as its mapping.'
        )
    if first[:3] and tuple(cell.strip().lstrip("\ufeff").casefold() for cell in first[:3]) == OF_OUR_OWN:
        columns = [Column(column.header, Field.SKIP) if number < len(OF_OUR_OWN) else column for number, column in enumerate(columns)]
    return Layout(flavour, (source or _source(flavour, columns, list_name))[:LONGEST_SOURCE], tuple(columns), has_header)


def _key(header: str) -> str:
    return "".join(_words(header))


def _settled(called: Iterable[Column]) -> list[Column]:
    """One column for each field: the first to claim it; the rest are kept as further columns. Numbers and address lines may be many."""
    taken: set[Field] = set()
    columns = []
    for column in called:
        again = column.field in taken and column.field not in (Field.PHONE, Field.EXTRA, Field.ADDRESS)
        taken.add(column.field)
        columns.append(Column(column.header, Field.EXTRA) if again else column)
    return columns


def _mapped(columns: Sequence[Column], mapping: Mapping[str, str]) -> list[Column] | Unrecognised:
    told = {}
    for header, said in mapping.items():
        name, _, kind = said.strip().casefold().partition(":")
        if name in KINDS:
            name, kind = "phone", name
        if name not in set(Field) or (kind and kind not in KINDS):
            fields = ", ".join(Field)
            return Unrecognised(f"'{said}' is not a field. Map '{header}' to one of {fields}; a phone can be phone:mobile, phone:home, phone:work.")
        told[_key(header)] = (Field(name), kind or ("other" if name == "phone" else ""))
    places = {f"column{place}" for place in range(1, len(columns) + 1)}
    if missing := set(told) - places - {_key(column.header) for column in columns}:
        named = next(header for header in mapping if _key(header) in missing)
        found = ", ".join(f"'{column.header[:40]}'" for column in columns[:30])
        return Unrecognised(f"The file has no column '{named}'; its columns are {found}.")
    claimed = {field for field, _ in told.values()} - {Field.PHONE, Field.EXTRA, Field.ADDRESS, Field.SKIP}
    result = []
    for place, column in enumerate(columns, start=1):
        if said_of := told.get(_key(column.header)) or told.get(f"column{place}"):
            result.append(Column(column.header, *said_of))
        else:
            result.append(Column(column.header, Field.EXTRA) if column.field in claimed else column)
    return result


def _flavour(header: Sequence[str]) -> str:
    keys = {_key(cell) for cell in header}
    if keys & {"vendorleadcode", "calledsincelastreset", "securityphrase"}:
        return "vicidial"
    if keys & {"recordid", "hsobjectid", "recordidcontact", "lifecyclestage", "contactowner", "associatedcompanyid"}:
        return "hubspot"
    if keys & {"leadsource", "mailingstreet", "mailingcity", "companyaccount", "masterrecordid", "otherphone", "asstphone", "assistantphone"}:
        return "salesforce"
    if {"accountname", "contactid"} <= keys or {"leadid", "leadowner"} <= keys or {"leadid", "leadstatus"} <= keys:
        return "salesforce"
    return "plain"


def _of_flavour(flavour: str, called: Sequence[Column]) -> list[Column]:
    """A VICIdial export has an id of VICIdial's own before the one its customer knows."""
    own = "leadid" if flavour == "vicidial" else None
    return [replace(column, field=Field.EXTRA) if own and _key(column.header) == own else column for column in called]


def _source(flavour: str, columns: Sequence[Column], list_name: str) -> str:
    if flavour != "plain":
        return flavour
    header = next((column.header for column in columns if column.field is Field.EXTERNAL_ID), "")
    if not header or _key(header) in GENERAL_IDS:
        return f"list {list_name}"  # the id 17 of two files is two people
    return header.casefold()


def _is_vicidial(rows: Sequence[Sequence[str]]) -> bool:
    """Fixed columns without a header: a country's code in the fourth, a number in the fifth."""
    fitting = sum(
        len(row) >= 5
        and bool(re.fullmatch(r"\+?[0-9]{1,4}", row[3].strip()))
        and bool(re.fullmatch(r"[0-9 ().-]{6,18}", row[4].strip()))
        and bool(re.fullmatch(r"[0-9]{0,14}", row[2].strip()))
        for row in rows
    )
    return fitting * 2 > len(rows)


def _looks_dialable(cell: str, country: str) -> bool:
    digits = sum(map(str.isdigit, cell))
    return 7 <= digits <= 15 and not any(map(str.isalpha, cell)) and (not country or isinstance(read_number(cell, country=country), Dialable))


def _by_content(rows: Sequence[Sequence[str]], country: str) -> list[Column]:
    """No header: the columns in which most cells can be dialed are numbers, the first one or two of plain words are the name."""
    width = max(map(len, rows))
    dialable: Counter[int] = Counter()
    wordy: Counter[int] = Counter()
    filled: Counter[int] = Counter()
    for row in rows:
        for place, cell in enumerate(row):
            if cell.strip():
                filled[place] += 1
                dialable[place] += _looks_dialable(cell, country)
                wordy[place] += bool(re.fullmatch(r"[^\W\d_][^\d@_]{0,60}", cell.strip()))
    columns = [Column(f"column {place + 1}", Field.EXTRA) for place in range(width)]
    names, phones = [], 0
    for place in range(width):
        if filled[place] and dialable[place] * 2 >= filled[place]:
            phones += 1
            columns[place] = Column("Phone" if phones == 1 else f"Phone {phones}", Field.PHONE, "other")
        elif filled[place] and wordy[place] * 10 > filled[place] * 7:
            names.append(place)
    if len(names) > 1 and names[1] == names[0] + 1:
        columns[names[0]] = Column("First name", Field.FIRST_NAME)
        columns[names[1]] = Column("Last name", Field.LAST_NAME)
    elif names:
        columns[names[0]] = Column("Name", Field.NAME)
    return columns
