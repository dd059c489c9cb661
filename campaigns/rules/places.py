"""Which jurisdictions a number may lie in, from its first digits and from the address: countries, and their regions by ISO 3166-2, which area codes
tell in the United States and Canada and addresses in more countries (`regions`).

A doubt adds places and never takes one away: a number of the United States whose state nobody knows lies in all of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from importlib.resources import files
from zoneinfo import ZoneInfo

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE
from phonenumbers.tzdata import TIMEZONE_DATA

from campaigns.rules.holidays import regions_of
from campaigns.rules.regions import CODES, COUNTRIES, plain, region_named, zones_of_region
from campaigns.rules.time_zones import zone_named

# how many characters of a number in E.164 decide where it lies: + and five digits; no code below is longer
DECIDE = 6

# State or province: area codes, from libphonenumber 9.0's geocoding data. Codes of no place (800, 900 …) are in none.
AREA_CODES = """
US-AK Alaska: 907
US-AL Alabama: 205 251 256 334 659 938
US-AR Arkansas: 327 479 501 870
US-AS American Samoa: 684
US-AZ Arizona: 480 520 602 623 928
US-CA California: 209 213 279 323 341 350 369 408 415 424 442 510 530 559 562 619 626 628 650 657 661 669 707 714 738
US-CA California: 747 760 805 818 820 831 840 858 909 916 925 949 951
US-CO Colorado: 303 719 720 748 970 983
US-CT Connecticut: 203 475 860 959
US-DC District of Columbia: 202 771
US-DE Delaware: 302
US-FL Florida: 239 305 321 324 352 386 407 448 561 645 656 689 727 728 754 772 786 813 850 863 904 941 954
US-GA Georgia: 229 404 470 478 678 706 762 770 912 943
US-GU Guam: 671
US-HI Hawaii: 808
US-IA Iowa: 319 515 563 641 712
US-ID Idaho: 208 986
US-IL Illinois: 217 224 309 312 331 447 464 618 630 708 730 773 779 815 847 872
US-IN Indiana: 219 260 317 463 574 765 812 930
US-KS Kansas: 316 620 785 913
US-KY Kentucky: 270 364 502 606 859
US-LA Louisiana: 225 318 337 504 985
US-MA Massachusetts: 339 351 413 508 617 774 781 857 978
US-MD Maryland: 227 240 301 410 443 667
US-ME Maine: 207
US-MI Michigan: 231 248 269 313 517 586 616 734 810 906 947 989
US-MN Minnesota: 218 320 507 612 651 763 952
US-MO Missouri: 235 314 417 557 573 636 660 816 975
US-MP Northern Mariana Islands: 670
US-MS Mississippi: 228 601 662 769
US-MT Montana: 406
US-NC North Carolina: 252 336 472 704 743 828 910 919 980 984
US-ND North Dakota: 701
US-NE Nebraska: 308 402 531
US-NH New Hampshire: 603
US-NJ New Jersey: 201 551 609 640 732 848 856 862 908 973
US-NM New Mexico: 505 575
US-NV Nevada: 702 725 775
US-NY New York: 212 315 329 332 347 363 516 518 585 607 631 646 680 716 718 838 845 914 917 929 934
US-OH Ohio: 216 220 234 283 326 330 380 419 440 513 567 614 740 937
US-OK Oklahoma: 405 539 572 580 918
US-OR Oregon: 458 503 541 971
US-PA Pennsylvania: 215 223 267 272 412 445 484 570 582 610 717 724 814 835 878
US-PR Puerto Rico: 787 939
US-RI Rhode Island: 401
US-SC South Carolina: 803 821 839 843 854 864
US-SD South Dakota: 605
US-TN Tennessee: 423 615 629 731 865 901 931
US-TX Texas: 210 214 254 281 325 346 361 409 430 432 469 512 682 713 726 737 806 817 830 832 903 915 936 940 945 956 972 979
US-UT Utah: 385 435 801
US-VA Virginia: 276 434 540 571 686 703 757 804 826 948
US-VI Virgin Islands: 340
US-VT Vermont: 802
US-WA Washington: 206 253 360 425 509 564
US-WI Wisconsin: 262 274 353 414 534 608 715 920
US-WV West Virginia: 304 681
US-WY Wyoming: 307
CA-AB Alberta: 368 403 587 780 825
CA-BC British Columbia: 236 250 257 604 672 778
CA-MB Manitoba: 204 431 584
CA-NB New Brunswick: 428 506
CA-NL Newfoundland and Labrador: 709 879
CA-NS Nova Scotia: 782 902
CA-NT Northwest Territories: 867
CA-NU Nunavut: 867
CA-ON Ontario: 226 249 289 343 365 382 416 437 519 548 613 647 683 705 742 753 807 905 942
CA-PE Prince Edward Island: 782 902
CA-QC Quebec: 263 273 354 367 418 438 450 468 514 579 581 819 873
CA-SK Saskatchewan: 306 474 639
CA-YT Yukon: 867
"""

# Networks of no country: satellites and other carriers that bill by their own rules (ITU-T E.164 assigned codes).
SATELLITE = ("+870", "+878", "+881", "+882", "+883", "+888")
# Kinds of numbers that nobody is called on, whatever a list says: they bill their callers, or no person answers. By first digits, from
# libphonenumber 9.0's metadata: whatever number is valid and begins so is of such a kind; two are from national plans (+34905 votes by
# telephone, +979 international premium rate). What takes more digits to tell is refused when it is read (`phone_numbers`).
NOT_CALLED = """
premium: +1900 +2090 +21289 +21688 +22188 +22709 +23030 +2368 +2409 +2428 +24885 +2509 +2549 +2559 +2569 +26289 +26487 +2679 +2689 +2698 +27862
premium: +27863 +27864 +27865 +27866 +27867 +27868 +27869 +279 +29790 +29890 +3090 +3190 +3270 +3290 +3381 +3382 +3383 +3385 +3386 +3388 +3389
premium: +34803 +34806 +34807 +34905 +35164 +35176 +3549 +3559 +35651 +35652 +35790 +35990 +3690 +3691 +37091 +3719 +37240 +3729 +3739 +37490
premium: +37581 +3759 +37610 +37611 +37612 +37613 +37614 +37615 +37616 +37617 +37619 +3769 +3787 +38090 +38178 +3819 +3829 +3839 +38560 +38561
premium: +38564 +38565 +38569 +38689 +3869 +3879 +3895 +391 +3989 +409 +4190 +42090 +42197 +42198 +4239 +4386 +4389 +439 +4484 +4487 +449 +4590
premium: +46649 +46900 +46939 +46944 +4699 +4782 +4870 +4913 +49900 +50219 +5039 +5069 +50786 +51805 +5290 +5460 +5550 +5590 +5719 +5790 +589
premium: +59081 +59082 +59089 +5929 +59481 +59482 +59489 +59681 +59682 +59689 +59790 +59890 +6119 +62809 +641 +64500 +64503 +64506 +64507 +6490
premium: +6519 +6709 +68736 +7803 +7809 +81990 +8260 +84190 +86160 +86168 +88620 +9088 +9089 +909 +9290 +9629 +9669 +97190 +97219 +97387 +9739
premium: +979 +99490
shared-cost: +21682 +22181 +25584 +25586 +26281 +26282 +26288 +27860 +30801 +30806 +3081 +3082 +3085 +3087 +3384 +34901 +34902 +37181 +38781 +38782
shared-cost: +38981 +38982 +38983 +38984 +38985 +38986 +38987 +38988 +38989 +3984 +40801 +4184 +42081 +42083 +42084 +42185 +42186 +42187 +42188
shared-cost: +42189 +4381 +4382 +4677 +48801 +49180 +51801 +5230 +53807 +5530 +5540 +55486 +5996 +6113 +62804 +8081 +8082 +8083 +8084 +8085 +8086
shared-cost: +8087 +8088 +8089 +8640 +86950 +96285 +97017 +97170 +97217 +97384
personal: +1500 +1521 +1522 +1523 +1524 +1525 +1526 +1527 +1528 +1529 +1532 +1533 +1544 +1566 +1577 +1588 +1622 +1633 +307 +3470 +35188 +35370
personal: +3557 +35770 +37270 +38574 +38575 +4187 +4470 +4675 +4788 +49700 +51802 +51804 +5250 +6470 +67070 +7808 +81600 +8250 +85281 +85282
personal: +85283 +88699 +90592 +921 +96270
pager: +3166 +35162 +35168 +35671 +4174 +44760 +44763 +44764 +44765 +44766 +44767 +44768 +44769 +4674 +4864 +49164 +49168 +49169 +6116 +8120
pager: +82150 +82151 +82155 +85272 +85273 +85274 +85275 +85276 +85277 +85278 +85279 +90512 +96274 +9742
voicemail: +4186 +42093 +42096 +42369 +46252 +46254 +46255 +46673 +46674 +46675 +46676 +46678 +47812 +47813 +6814
"""
SHORTEST = 8  # + and seven digits: what is shorter is a short code or an emergency number


@dataclass(frozen=True, slots=True)
class Place:
    """What the digits tell. `countries` may be several where they share a code, `states` empty where the digits do not tell."""

    countries: frozenset[str]
    states: frozenset[str]
    kind: str = "ordinary"  # or satellite, premium, shared-cost, personal, pager, voicemail, short

    main: str = ""

    @property
    def country(self) -> str:
        """The one a bill is written for: the code's main country; empty where there is none."""
        return self.main or ("US" if "US" in self.countries else min(self.countries, default=""))


def _read_states() -> tuple[dict[str, tuple[str, ...]], dict[str, str]]:
    by_code: dict[str, tuple[str, ...]] = {}
    by_name: dict[str, str] = {}
    for line in AREA_CODES.split("\n"):
        if line:
            named, codes = line.split(": ")
            state, name = named.split(" ", 1)
            by_name |= {f"{state[:2]} {plain(each)}": state for each in (name, state, state[3:])}
            for code in codes.split():
                by_code[code] = (*by_code.get(code, ()), state)
    return by_code, by_name


_STATES_BY_CODE, _STATES_BY_NAME = _read_states()
_KINDS = {
    **dict.fromkeys(SATELLITE, "satellite"),
    **{begins: kind for line in NOT_CALLED.split("\n") if line for kind, codes in [line.split(": ")] for begins in codes.split()},
}
STATES = frozenset(_STATES_BY_NAME.values())
_WITH_REGIONS = COUNTRIES | {state[:2] for state in STATES}


@lru_cache(maxsize=1)
def _countries_by_zone() -> dict[str, str]:
    """From the time zone database's own table, in which each zone of a country has one row."""
    rows = (line.split("\t") for line in (files("tzdata") / "zoneinfo" / "zone.tab").read_text().splitlines() if not line.startswith("#"))
    return {row[2]: row[0] for row in rows}


@lru_cache(maxsize=1)
def _links() -> dict[str, str]:
    """What the database calls by another name, as US/Eastern is America/New_York: files, and agents, say either."""
    lines = (line.split() for line in (files("tzdata") / "zoneinfo" / "tzdata.zi").read_text().splitlines() if line.startswith("L "))
    return {name: target for _, target, name in lines}


def countries_of(zones: tuple[str, ...]) -> frozenset[str]:
    """The countries in which these time zones lie."""
    known, links = _countries_by_zone(), _links()
    named = (zone if zone in known else links.get(zone, zone) for zone in zones)
    return frozenset(known[zone] for zone in named if zone in known)


@lru_cache(maxsize=16_384)
def _place(digits: str, short: bool) -> Place:
    kind = "short" if short else next((_KINDS[digits[:end]] for end in range(2, DECIDE + 1) if digits[:end] in _KINDS), "ordinary")
    if digits.startswith("+1"):
        area = digits[2:5]
        if states := _STATES_BY_CODE.get(area):
            return Place(frozenset(state[:2] for state in states), frozenset(states), kind)
        return Place(countries_of(TIMEZONE_DATA.get(f"1{area}", ())) or frozenset({"US", "CA"}), frozenset(), kind)
    for length in (1, 2, 3):
        if regions := COUNTRY_CODE_TO_REGION_CODE.get(int(digits[1 : length + 1] or 0)):
            countries = [region for region in regions if region.isalpha()]
            # Russia and Kazakhstan share +7, and the next digit tells
            countries = ["KZ" if digits[2:3] in ("6", "7") else "RU"] if "KZ" in countries else countries
            return Place(frozenset(countries), frozenset(), kind, next(iter(countries), ""))
    return Place(frozenset(), frozenset(), kind)


def place_of(e164: str) -> Place:
    """Where a number may lie; its first digits decide, so that the numbers of a million leads are a few thousand questions."""
    return _place(e164[:DECIDE], len(e164) < SHORTEST)


def zones_of_country(e164: str) -> tuple[str, ...]:
    """Every time zone of the countries a number may lie in; empty where it lies in none, as international free numbers do."""
    return _zones_of_country(e164[1:4])


@lru_cache(maxsize=1024)
def _zones_of_country(digits: str) -> tuple[str, ...]:
    code = next((digits[:length] for length in (1, 2, 3) if int(digits[:length] or 0) in COUNTRY_CODE_TO_REGION_CODE), "")
    return tuple(sorted(TIMEZONE_DATA.get(code, ())))


@lru_cache(maxsize=512)
def zones_within(country: str) -> tuple[str, ...]:
    """Every time zone of a country by its two letters, of those that keep the same time one, the best known; empty for a country there is not."""
    instants = [datetime(year, month, 15, tzinfo=UTC) for year in range(2024, 2038) for month in range(1, 13)]
    of_numbers = {zone for zones in TIMEZONE_DATA.values() for zone in zones}
    found = [zone for zone, lies_in in _countries_by_zone().items() if lies_in == country.upper()]
    found = sorted(reversed(found), key=of_numbers.__contains__)  # the best known comes last and stays
    alike = {tuple(at.astimezone(ZoneInfo(zone)).utcoffset() for at in instants): zone for zone in found}
    return tuple(sorted(alike.values()))


def candidate_zones(e164: str, *, own: Sequence[str], country: str = "", region: str = "", time_zone: str = "") -> tuple[str, ...]:
    """Every time zone a person may be in, sorted: the number's `own`, or all of its country where those are not known; that of the CRM; those of
    the address. An address abroad adds its country, in which every zone counts unless it names a region we can read; one at home adds the zones of
    its region. What is given and cannot be read, a region or a zone, adds the whole country. Empty where nobody knows any."""
    at_home = place_of(e164).countries
    abroad = bool(country) and country.upper() not in at_home
    found = {*(own or zones_of_country(e164))}
    regions = _regions_of(region, country, at_home)
    crm = zone_named(time_zone)
    if regions:
        found.update(zone for each in regions for zone in zones_of_state(each))
    elif abroad or _says(region):
        found.update(_zones_within(frozenset({country.upper()}) if country else at_home))
    if abroad and not zones_within(country):
        found.update(_zones_within(at_home))
    if crm:
        found.add(crm)
    elif _says(time_zone):
        found.update(_zones_within(at_home | {country.upper()}))
    return tuple(sorted(found))


def _zones_within(countries: frozenset[str]) -> set[str]:
    return {zone for country in countries for zone in zones_within(country)}


def _says(cell: str) -> bool:
    """A dash or a dot in a cell says nothing."""
    return any(character.isalnum() for character in cell)


@lru_cache(maxsize=16_384)
def _regions_of(region: str, country: str, near: frozenset[str]) -> frozenset[str]:
    """A bare FL beside a Spanish number is no region; beside a number of the United States it is Florida."""
    beside = {country.strip().upper()} if country.strip() else near & _WITH_REGIONS
    return frozenset(state for each in beside if (state := state_named(region, each)))


def state_named(region: str, country: str) -> str:
    """The region an address names, as FL or Florida: US-FL, as Bayern or Bavaria: DE-BY; empty where it is none that can be read."""
    country = country.upper()
    return _STATES_BY_NAME.get(f"{country} {plain(region)}", "") or region_named(region, country)


def regions_within(country: str) -> frozenset[str]:
    """Every region of a country that a pack may be for: those an address can name, and those that have holidays of their own."""
    return frozenset(region for region in (*STATES, *CODES, *regions_of(country)) if region[:2] == country)


@lru_cache(maxsize=512)
def zones_of_state(state: str) -> tuple[str, ...]:
    """Every time zone a region may be in: by the table of regions, by its area codes, or its country's where that has but one."""
    by_code = {zone for code, states in _STATES_BY_CODE.items() if state in states for zone in TIMEZONE_DATA.get(f"1{code}", ())}
    return zones_of_region(state) or tuple(sorted(by_code)) or zones_within(state[:2])


def places(e164: str, *, zones: tuple[str, ...], country: str = "", region: str = "") -> frozenset[str]:
    """Every jurisdiction a person may be in: by the number, the address and the candidate time zones. US, US-FL, DE-BY, GB … A region that is
    given and cannot be read may be any of them."""
    place = place_of(e164)
    found = {*place.countries, *place.states, *countries_of(zones)}
    if country:
        found.add(country.upper())
    if regions := _regions_of(region, country, frozenset(found)):
        found |= regions | {each[:2] for each in regions}
    elif _says(region):
        lies_in = {country.upper()} if country else found
        found |= {state for state in STATES if state[:2] in lies_in}
    return frozenset(found)
