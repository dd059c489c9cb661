"""What a file, a CRM or a person writes as a phone number, read into E.164; or why it cannot be dialed, and what to do about it."""

import re
from dataclasses import dataclass
from functools import lru_cache

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberType, ValidationResult

from campaigns.rules.time_zones import zones_of_number
from dialer_project.lib.sentence import Sentence, say

E164 = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)
SHORTEST_LOCAL = 100_000  # a number without its area code has six digits or more
LONGEST = 60  # characters; more is not one phone number
# 4.42079E+11: what a spreadsheet makes of a long number
SHORTENED = re.compile(r"[0-9][.,][0-9]+E\+?[0-9]+", re.IGNORECASE)
SEVERAL = re.compile(r"\s*(?:[;/|\n\r]|,|\bor\b)\s*", re.IGNORECASE)
# Set aside for films and examples. libphonenumber knows some of these ranges and not this one; demonstrations are full of it.
FOR_EXAMPLES = re.compile(r"\+447700900[0-9]{3}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Dialable:
    e164: str
    mobile: bool
    zones: tuple[str, ...]
    # surely one: not where landlines and mobiles share their digits, as in the United States, and not where nobody knows
    landline: bool


@dataclass(frozen=True, slots=True)
class Undialable:
    why: str  # a part of a sentence


def read_numbers(text: str, *, country: str, phone_code: str = "", any_kind: bool = False) -> list[Dialable | Undialable]:
    """The numbers of one cell, mostly one. `country` is where a number without +code is at home, `phone_code` its code in a VICIdial list;
    `any_kind` takes also those that are never called: whose they are may be on a list."""
    whole = read_number(text, country=country, phone_code=phone_code, any_kind=any_kind)
    if isinstance(whole, Undialable) or len(text) > LONGEST:
        parts = [part for part in SEVERAL.split(text) if sum(map(str.isdigit, part)) > 5]
        if len(parts) > 1:
            each = [read_number(part, country=country, phone_code=phone_code, any_kind=any_kind) for part in parts[:10]]
            if any(isinstance(one, Dialable) for one in each):
                return each
    return [whole]


@lru_cache(maxsize=4096)  # a switchboard comes on every row of its company
def read_number(text: str, *, country: str, phone_code: str = "", any_kind: bool = False) -> Dialable | Undialable:
    shown = text.strip() if len(text) <= LONGEST else text[:LONGEST].strip() + "…"
    if len(text) > LONGEST:
        return Undialable(say("'{number}' is too long; one column holds one number", number=shown))
    if SHORTENED.fullmatch(shown):
        return Undialable(say("'{number}' was shortened by a spreadsheet; format that column as text there and export again", number=shown))
    digits = re.sub(r"\.0+$", "", shown.removeprefix("'")).strip()  # 2079460000.0 of a column once read as numbers
    if phone_code and not digits.startswith(("+", "00")):
        by_code = _parse(f"+{phone_code}{digits}", "", shown)
        if isinstance(by_code, phonenumbers.PhoneNumber) and phonenumbers.is_valid_number(by_code):
            return _read(by_code, shown, any_kind)
        country = phonenumbers.region_code_for_country_code(int(phone_code)).replace("ZZ", "").replace("001", "") or country
    number = _parse(digits, country, shown)
    if digits.startswith("00") and not _is_valid(number):  # the usual way to write +, whatever the country dials itself
        number = _better(number, _parse(f"+{digits[2:]}", "", shown))
    if isinstance(number, phonenumbers.PhoneNumber):
        return _read(number, shown, any_kind)
    return Undialable(number)


def _parse(text: str, country: str, shown: str) -> phonenumbers.PhoneNumber | Sentence:
    try:
        return phonenumbers.parse(text, country or None)
    except NumberParseException as refused:
        match refused.error_type:
            case NumberParseException.INVALID_COUNTRY_CODE if not text.startswith("+") and not country:
                return say("'{number}' has no country code; write it as +44…, add a country column, or give the file a default country", number=shown)
            case NumberParseException.INVALID_COUNTRY_CODE:
                return say("'{number}' begins with a country code that does not exist; correct it", number=shown)
            case NumberParseException.TOO_SHORT_NSN | NumberParseException.TOO_SHORT_AFTER_IDD:
                return say("'{number}' is too short; write it with its area code", number=shown)
            case NumberParseException.TOO_LONG:
                return say("'{number}' is too long; one column holds one number", number=shown)
            case _:
                return say("'{number}' is not a phone number; correct it or map the column to something else", number=shown)


def _is_valid(number: phonenumbers.PhoneNumber | Sentence) -> bool:
    return not isinstance(number, str) and phonenumbers.is_valid_number(number)


def _better(first: phonenumbers.PhoneNumber | Sentence, second: phonenumbers.PhoneNumber | Sentence) -> phonenumbers.PhoneNumber | Sentence:
    return second if _is_valid(second) else first


def _read(number: phonenumbers.PhoneNumber, shown: str, any_kind: bool) -> Dialable | Undialable:
    kind = phonenumbers.number_type(number)
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    if kind == PhoneNumberType.UNKNOWN and FOR_EXAMPLES.fullmatch(e164):
        kind = PhoneNumberType.MOBILE
    if kind == PhoneNumberType.UNKNOWN:
        return Undialable(_why_invalid(number, shown))
    if not any_kind and (not_called := _why_not_called(kind, shown)):
        return Undialable(not_called)
    if not E164.fullmatch(e164):
        return Undialable(say("'{number}' is not a number that can be dialed from abroad; give another number", number=shown))
    return Dialable(
        e164, mobile=kind == PhoneNumberType.MOBILE, zones=zones_of_number(number, kind=kind), landline=kind == PhoneNumberType.FIXED_LINE
    )


def _why_not_called(kind: int, shown: str) -> Sentence | None:
    """Numbers that bill their callers or that no person answers. All other kinds are called: ordinary lines, mobiles, internet telephony, and the
    free and company-wide numbers of a business. `places.NOT_CALLED` says the same at the gate."""
    match kind:
        case PhoneNumberType.PREMIUM_RATE:
            return say("'{number}' is a premium-rate number, and those are not called; give another number", number=shown)
        case PhoneNumberType.SHARED_COST:
            return say("'{number}' is a shared-cost number, and those are not called; give another number", number=shown)
        case PhoneNumberType.PERSONAL_NUMBER:
            return say("'{number}' is a personal number that bills its callers, and those are not called; give another number", number=shown)
        case PhoneNumberType.PAGER:
            return say("'{number}' is a pager's number, and those are not called; give another number", number=shown)
        case PhoneNumberType.VOICEMAIL:
            return say("'{number}' is a voice mailbox's number, and those are not called; give another number", number=shown)
        case _:
            return None


def _why_invalid(number: phonenumbers.PhoneNumber, shown: str) -> Sentence:
    match phonenumbers.is_possible_number_with_reason(number):
        case ValidationResult.IS_POSSIBLE_LOCAL_ONLY if number.national_number is None or number.national_number < SHORTEST_LOCAL:
            return say("'{number}' is too short; write it with its area code", number=shown)
        case ValidationResult.TOO_SHORT:
            return say("'{number}' is too short; write it with its area code", number=shown)
        case ValidationResult.TOO_LONG:
            return say("'{number}' is too long; correct it, or write it as +44… if it belongs to another country", number=shown)
        case ValidationResult.IS_POSSIBLE_LOCAL_ONLY:
            return say("'{number}' has no area code; write it with its area code", number=shown)
        case ValidationResult.INVALID_COUNTRY_CODE:
            return say("'{number}' begins with a country code that does not exist; correct it", number=shown)
        case _:
            region = phonenumbers.region_code_for_country_code(number.country_code or 0)
            where = region if region.isalpha() and region != "ZZ" else f"+{number.country_code}"
            return say(
                "'{number}' is not a number that exists in {where}; correct it, or write it as +44… if it belongs to another country",
                number=shown,
                where=where,
            )
