"""Golden vectors: what each rule pack says at each moment, written down by hand from its sources.

A moment is the local time where the person lives; `Tue07:59>Tue08:00` may be called from eight o'clock on, a bare `Tue08:00` may be called
at once. The week is that of Tuesday, 10 March 2026, except where a date is given. A phone rings for 25 seconds.
"""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from phonenumbers import SUPPORTED_REGIONS, PhoneMetadata, PhoneNumberType

from campaigns.rules.lifecycle import FinalReason
from campaigns.rules.permit.gate import Agreed, Allowed, Held, NotBefore, Refused, may_call
from campaigns.rules.permit.kinds import FrequencyCap, HoldAfter
from campaigns.rules.phone_numbers import Dialable, Undialable, read_number
from campaigns.rules.places import NOT_CALLED, SHORTEST, place_of
from tests.rules.permits import BY_NAME, NOW, facts, shipped, terms

MONDAY = date(2026, 3, 9)
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
EIGHT_TO_NINE = """
    Mon00:00>Mon08:00 Mon07:59>Mon08:00 Mon08:00 Mon12:00 Mon20:59 Mon20:59:40>Tue08:00 Mon21:00>Tue08:00 Mon23:59>Tue08:00
    Fri08:00 Fri21:00>Sat08:00 Sat07:59>Sat08:00 Sat20:59 Sun07:59>Sun08:00 Sun08:00 Sun20:59 Sun21:00>Mon08:00
"""
EIGHT_TO_EIGHT = """
    Mon07:59>Mon08:00 Mon08:00 Mon19:59 Mon19:59:40>Tue08:00 Mon20:00>Tue08:00 Mon20:30>Tue08:00 Sat08:00 Sat20:00>Sun08:00 Sun19:59 Sun20:00>Mon08:00
"""
STRICT = """
    Mon08:59>Mon09:00 Mon09:00 Mon19:59 Mon20:00>Tue09:00 Sat09:00 Sat19:59 Sat20:00>Mon09:00 Sun00:00>Mon09:00 Sun12:00>Mon09:00 Sun23:59>Mon09:00
"""
HOURS: tuple[tuple[str, str, str, str], ...] = (
    ("US federal", "+12125550123", "America/New_York", EIGHT_TO_NINE),
    ("US federal", "+16025550123", "America/Phoenix", EIGHT_TO_NINE),
    ("US federal", "+18085550123", "Pacific/Honolulu", EIGHT_TO_NINE),
    ("US debt collection (Reg F)", "+13125550123", "America/Chicago", EIGHT_TO_NINE),
    ("Florida", "+13055550123", "America/New_York", EIGHT_TO_EIGHT),
    ("Oklahoma", "+14055550123", "America/Chicago", EIGHT_TO_EIGHT),
    ("Maryland", "+14105550123", "America/New_York", EIGHT_TO_EIGHT),
    ("Washington", "+12065550123", "America/Los_Angeles", EIGHT_TO_EIGHT),
    (
        "Texas (not verified)",
        "+12145550123",
        "America/Chicago",
        "Mon08:59>Mon09:00 Mon09:00 Mon20:59 Mon21:00>Tue09:00 Sat09:00 Sat21:00>Sun12:00 Sun09:00>Sun12:00 Sun11:59>Sun12:00 Sun12:00 Sun20:59",
    ),
    (
        "Canada",
        "+14165550123",
        "America/Toronto",
        """Mon08:59>Mon09:00 Mon09:00 Mon21:29 Mon21:30>Tue09:00 Fri21:29 Fri21:30>Sat10:00 Sat09:59>Sat10:00 Sat10:00 Sat17:59
        Sat18:00>Sun10:00 Sun10:00 Sun17:59 Sun18:00>Mon09:00""",
    ),
    (
        "Australia",
        "+61291234567",
        "Australia/Sydney",
        """Mon08:59>Mon09:00 Mon09:00 Mon19:59 Mon20:00>Tue09:00 Fri19:59 Fri20:00>Sat09:00 Sat08:59>Sat09:00 Sat09:00 Sat16:59
        Sat17:00>Mon09:00 Sun12:00>Mon09:00""",
    ),
    (
        "France (not verified)",
        "+33142345678",
        "Europe/Paris",
        """Mon09:59>Mon10:00 Mon10:00 Mon12:59 Mon13:00>Mon14:00 Mon13:59>Mon14:00 Mon14:00 Mon19:59 Mon20:00>Tue10:00 Fri20:00>Mon10:00
        Sat12:00>Mon10:00 Sun12:00>Mon10:00""",
    ),
    ("India (not verified)", "+919812345678", "Asia/Kolkata", "Mon09:59>Mon10:00 Mon10:00 Mon20:59 Mon21:00>Tue10:00 Sun10:00 Sun21:00>Mon10:00"),
    ("Strict default", "+34600000001", "Europe/Madrid", STRICT),
    ("Strict default", "+447700900123", "Europe/London", STRICT),
    ("Strict default", "+6851234567", "Pacific/Apia", STRICT),
    ("Strict default", "+919812345678", "Asia/Kolkata", STRICT),
    # packs without hours let every hour pass
    (
        "Strict default at any hour (demo)",
        "+447700900123",
        "Europe/London",
        "Mon00:00 Mon03:00 Mon08:59 Mon23:59 Sat20:00 Sun00:00 Sun03:30 Sun12:00 Sun23:59",
    ),
    ("United Kingdom", "+447700900123", "Europe/London", "Mon03:00 Sun12:00"),
    ("United Kingdom, Ofcom 2010 and PECR (not verified)", "+447700900123", "Europe/London", "Mon03:00 Sun12:00"),
    ("Canada, national list (not verified)", "+14165550123", "America/Toronto", "Mon03:00 Sun12:00"),
    # and none has a say elsewhere
    ("US federal", "+447700900123", "Europe/London", "Mon03:00 Mon22:00"),
    ("Florida", "+12125550123", "America/New_York", "Mon20:30 Mon07:00"),
    ("Australia", "+6493001234", "Pacific/Auckland", "Sun12:00"),
)
# one number of each kind there is
KINDS = {
    "FIXED_LINE": "+442079460123",
    "MOBILE": "+34600000001",
    "FIXED_LINE_OR_MOBILE": "+12125550123",
    "TOLL_FREE": "+18002345678",
    "PREMIUM_RATE": "+19002345678",
    "SHARED_COST": "+34902123456",
    "VOIP": "+445612345678",
    "PERSONAL_NUMBER": "+447012345678",
    "PAGER": "+447640123456",
    "UAN": "+445512345678",
    "VOICEMAIL": "+41860123456789",
}
VECTORS = [(name, number, zone, probe) for name, number, zone, probes in HOURS for probe in probes.split()]


def moment(text: str, zone: str) -> datetime:
    day, clock = text[:3], time.fromisoformat(text[3:])
    return datetime.combine(MONDAY + timedelta(days=DAYS.index(day)), clock, ZoneInfo(zone)).astimezone(UTC)


@pytest.mark.parametrize(("name", "number", "zone", "probe"), VECTORS)
def test_every_pack_says_at_every_hour_what_its_source_says(name: str, number: str, zone: str, probe: str) -> None:
    asked, _, opens = probe.partition(">")
    now = moment(asked, zone)
    verdict = may_call(facts(number, zone), terms=terms(shipped(name), lists={"uk-tps": now, "ca-national": now, "us-national": now}), now=now)
    if not opens:
        assert isinstance(verdict, Allowed), verdict
        return
    assert isinstance(verdict, NotBefore), verdict
    expected = moment(opens, zone)
    assert verdict.at == (expected if expected > now else moment(opens, zone) + timedelta(days=7))


# pack, day, closed: a day in the calendar and the day after it
@pytest.mark.parametrize(
    ("name", "number", "zone", "day", "closed"),
    [
        ("Public holidays GB", "+447700900123", "Europe/London", "2026-04-03", True),  # Good Friday
        ("Public holidays GB", "+447700900123", "Europe/London", "2026-04-06", True),  # Easter Monday
        ("Public holidays GB", "+447700900123", "Europe/London", "2026-04-07", False),
        ("Public holidays GB", "+447700900123", "Europe/London", "2026-08-31", True),  # the last Monday of August
        ("Public holidays GB", "+447700900123", "Europe/London", "2026-12-28", True),  # Boxing Day was a Saturday
        ("Public holidays GB", "+447700900123", "Europe/London", "2027-01-01", True),
        ("Public holidays US", "+12125550123", "America/New_York", "2026-07-03", True),  # Independence Day is a Saturday
        ("Public holidays US", "+12125550123", "America/New_York", "2026-07-04", True),
        ("Public holidays US", "+12125550123", "America/New_York", "2026-11-26", True),  # Thanksgiving
        ("Public holidays US", "+12125550123", "America/New_York", "2026-11-27", False),
        ("Public holidays US", "+12125550123", "America/New_York", "2026-05-25", True),  # Memorial Day
        ("Public holidays DE", "+4930123456", "Europe/Berlin", "2026-05-14", True),  # Christi Himmelfahrt
        ("Public holidays DE", "+4930123456", "Europe/Berlin", "2026-05-25", True),  # Pfingstmontag
        ("Public holidays DE", "+4930123456", "Europe/Berlin", "2026-10-03", True),
        ("Public holidays DE", "+4930123456", "Europe/Berlin", "2026-10-05", False),
        ("Public holidays FR", "+33142345678", "Europe/Paris", "2026-07-14", True),
        ("Public holidays FR", "+33142345678", "Europe/Paris", "2026-07-15", False),
        ("Public holidays CA", "+14165550123", "America/Toronto", "2026-05-18", True),  # Victoria Day
        ("Public holidays CA", "+14165550123", "America/Toronto", "2026-07-01", True),
        ("Public holidays CA", "+14165550123", "America/Toronto", "2026-10-12", True),
        ("Public holidays CA", "+14165550123", "America/Toronto", "2026-05-25", False),
        ("Australia", "+61291234567", "Australia/Sydney", "2026-01-26", True),
        ("Australia", "+61291234567", "Australia/Sydney", "2026-04-25", True),
        ("Australia", "+61291234567", "Australia/Sydney", "2026-12-28", True),
        ("Australia", "+61291234567", "Australia/Sydney", "2026-12-29", False),
    ],
)
def test_nobody_is_called_on_a_holiday_where_they_live(name: str, number: str, zone: str, day: str, closed: bool) -> None:
    now = datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    verdict = may_call(facts(number, zone), terms=terms(shipped(name)), now=now)
    assert isinstance(verdict, NotBefore if closed else Allowed), verdict


# pack, rule's place among its counters, hours since the call that decides, hours until the next may be made (0: now)
@pytest.mark.parametrize(
    ("name", "number", "zone", "counter", "ago", "wait"),
    [
        ("Florida", "+13055550123", "America/New_York", 0, 1, 23),
        ("Florida", "+13055550123", "America/New_York", 0, 23.9, 0.1),
        ("Florida", "+13055550123", "America/New_York", 0, 24, 0),
        ("Oklahoma", "+14055550123", "America/Chicago", 0, 2, 22),
        ("Oklahoma", "+14055550123", "America/Chicago", 0, 24, 0),
        ("Maryland", "+14105550123", "America/New_York", 0, 3, 21),
        ("Maryland", "+14105550123", "America/New_York", 0, 24, 0),
        ("US debt collection (Reg F)", "+12125550123", "America/New_York", 0, 24, 144),
        ("US debt collection (Reg F)", "+12125550123", "America/New_York", 0, 168, 0),
        ("US debt collection (Reg F)", "+12125550123", "America/New_York", 1, 144, 24),
        ("US debt collection (Reg F)", "+12125550123", "America/New_York", 1, 167.9, 0.1),
        ("US debt collection (Reg F)", "+12125550123", "America/New_York", 1, 168, 0),
        ("United Kingdom, Ofcom 2010 and PECR (not verified)", "+447700900123", "Europe/London", 0, 71, 1),
        ("United Kingdom, Ofcom 2010 and PECR (not verified)", "+447700900123", "Europe/London", 0, 72, 0),
        ("United Kingdom, Ofcom 2010 and PECR (not verified)", "+447700900123", "Europe/London", 1, 23, 1),
        ("United Kingdom, Ofcom 2010 and PECR (not verified)", "+447700900123", "Europe/London", 1, 24, 0),
        ("France (not verified)", "+33142345678", "Europe/Paris", 0, 696, 24),
        ("France (not verified)", "+33142345678", "Europe/Paris", 0, 720, 0),
        ("Strict default", "+447700900123", "Europe/London", 0, 0.5, 23.5),
        ("Strict default", "+447700900123", "Europe/London", 0, 24, 0),
        ("Strict default", "+447700900123", "Europe/London", 1, 144, 24),
        ("Strict default", "+447700900123", "Europe/London", 1, 168, 0),
        ("Strict default", "+447700900123", "Europe/London", 2, 48, 24),
        ("Strict default", "+447700900123", "Europe/London", 2, 72, 0),
        ("Strict default at any hour (demo)", "+447700900123", "Europe/London", 0, 0.5, 23.5),
        ("Strict default at any hour (demo)", "+447700900123", "Europe/London", 0, 24, 0),
        ("Strict default at any hour (demo)", "+447700900123", "Europe/London", 1, 144, 24),
        ("Strict default at any hour (demo)", "+447700900123", "Europe/London", 2, 48, 24),
    ],
)
def test_caps_and_holds_of_every_pack_last_as_long_as_the_source_says(
    name: str, number: str, zone: str, counter: int, ago: float, wait: float
) -> None:
    now = datetime(2026, 3, 10, 12, 0, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    asked = terms(shipped(name), lists={"uk-tps": now})
    rule = asked.counters[counter]
    verdict = may_call(facts(number, zone, marks={rule: now - timedelta(hours=ago)}), terms=asked, now=now)
    if not wait:
        assert isinstance(verdict, Allowed), verdict
        return
    assert isinstance(verdict, NotBefore), verdict
    assert verdict.at >= now + timedelta(hours=wait)
    if wait < 1 or wait % 24 == 0:  # the other waits may end at an hour of the night, and go on until the morning
        assert verdict.at == now + timedelta(hours=wait)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Florida", ["FrequencyCap 3"]),
        ("Oklahoma", ["FrequencyCap 3"]),
        ("Maryland", ["FrequencyCap 3"]),
        ("US debt collection (Reg F)", ["FrequencyCap 7", "HoldAfter conversation"]),
        ("United Kingdom, Ofcom 2010 and PECR (not verified)", ["HoldAfter abandoned", "HoldAfter machine"]),
        ("France (not verified)", ["FrequencyCap 4"]),
        ("Strict default", ["FrequencyCap 3", "FrequencyCap 7", "HoldAfter abandoned"]),
    ],
)
def test_what_every_pack_counts(name: str, expected: list[str]) -> None:
    found = []
    for rule in terms(shipped(name)).counters:
        match rule:
            case FrequencyCap(_, count):
                found.append(f"FrequencyCap {count}")
            case HoldAfter(event):
                found.append(f"HoldAfter {event}")
    assert found == expected


@pytest.mark.parametrize(
    ("name", "lacking", "word"),
    [
        ("US federal", {"lists": {}}, "us-national"),
        ("US federal", {"lists": {"us-national": NOW - timedelta(days=32)}}, "us-national"),
        ("US federal", {"has_message": False}, "message"),
        ("US federal", {"has_caller_id": False}, "caller ID"),
        ("US federal", {"min_ring": timedelta(seconds=14)}, "15 seconds"),
        ("United Kingdom", {"has_caller_id": False}, "caller ID"),
        ("United Kingdom", {"has_message": False}, "message"),
        ("United Kingdom, Ofcom 2010 and PECR (not verified)", {"lists": {"uk-tps": NOW - timedelta(days=29)}}, "uk-tps"),
        ("United Kingdom, Ofcom 2010 and PECR (not verified)", {"min_ring": timedelta(seconds=14)}, "15 seconds"),
        ("Canada, national list (not verified)", {"lists": {}}, "ca-national"),
        ("Germany", {"has_caller_id": False}, "caller ID"),
        ("Australia", {"caller_id_ok": False}, "caller ID"),
        ("Strict default", {"min_ring": timedelta(seconds=19)}, "20 seconds"),
        ("Strict default", {"has_message": False}, "message"),
        ("Strict default", {"has_caller_id": False}, "caller ID"),
    ],
)
def test_what_a_pack_asks_of_the_campaign_stops_dispatch_and_says_so(name: str, lacking: dict[str, object], word: str) -> None:
    verdict = may_call(facts(), terms=terms(shipped(name), **lacking), now=NOW)
    assert isinstance(verdict, Held)
    assert word in " ".join(verdict.why)


@pytest.mark.parametrize(
    ("agreed", "allowed"),
    [
        ((), False),
        ((Agreed("call", NOW - timedelta(days=400)),), True),
        ((Agreed("email", NOW - timedelta(days=1)),), False),
        ((Agreed("call", NOW - timedelta(days=9), NOW - timedelta(days=1)),), False),
        ((Agreed("call", NOW - timedelta(days=9), NOW + timedelta(days=1)),), True),
        ((Agreed("call", NOW + timedelta(days=1)),), False),
    ],
)
def test_in_germany_nobody_is_called_who_has_not_agreed(agreed: tuple[Agreed, ...], allowed: bool) -> None:
    verdict = may_call(facts("+4930123456", "Europe/Berlin", agreed=agreed), terms=terms(shipped("Germany")), now=NOW)
    assert isinstance(verdict, Allowed if allowed else NotBefore)


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        ("+881612345678", "satellite"),
        ("+870773111632", "satellite"),
        ("+19005550123", "premium"),
        ("+449012345678", "premium"),
        ("+34905123456", "premium"),
        ("+97912345678", "premium"),
        ("+34902123456", "shared-cost"),
        ("+4918012345678", "shared-cost"),
        ("+611300123456", "shared-cost"),
        ("+447012345678", "personal"),
        ("+15005550123", "personal"),
        ("+447640123456", "pager"),
        ("+417412345678", "pager"),
        ("+41860123456789", "voice mailbox"),
        ("+44999", "short"),
    ],
)
def test_numbers_that_bill_their_callers_or_that_nobody_answers_are_never_called(number: str, kind: str) -> None:
    verdict = may_call(facts(number), terms=terms(), now=NOW)
    assert isinstance(verdict, Refused)
    assert verdict.reason is FinalReason.NO_VALID_NUMBER
    assert kind in verdict.why[0]


def examples(*kinds: str) -> list[str]:
    """Of every country one number of each kind, as libphonenumber has it."""
    known = [metadata for region in sorted(SUPPORTED_REGIONS) if (metadata := PhoneMetadata.metadata_for_region(region))]
    written = [(metadata.country_code, kind.example_number) for metadata in known for name in kinds if (kind := getattr(metadata, name)) is not None]
    return [f"+{code}{number}" for code, number in written if number]


def test_of_no_country_a_number_that_bills_its_callers_or_that_nobody_answers_is_taken_from_a_list() -> None:
    odd = examples("premium_rate", "shared_cost", "personal_number", "pager", "voicemail")
    assert len(odd) > 250
    assert [number for number in odd if isinstance(read_number(number, country=""), Dialable)] == []
    # whoever keeps a list of whom not to call may have them on it
    assert [number for number in odd if isinstance(read_number(number, country="", any_kind=True), Undialable)] == []


def test_of_every_country_an_ordinary_number_is_taken_and_may_be_called() -> None:
    ordinary = [number for number in examples("fixed_line", "mobile", "toll_free", "voip", "uan") if len(number) >= SHORTEST]
    assert len(ordinary) > 600
    refused = [number for number in ordinary if place_of(number).kind != "ordinary" or isinstance(read_number(number, country=""), Undialable)]
    assert refused == []


def test_what_the_gate_refuses_by_its_first_digits_it_can_tell_why() -> None:
    kinds = {line.split(": ")[0] for line in NOT_CALLED.split("\n") if line}
    assert kinds == {"premium", "shared-cost", "personal", "pager", "voicemail"}
    for kind in kinds:
        verdict = may_call(facts(destination=kind), terms=terms(), now=NOW)
        assert isinstance(verdict, Refused)
        assert "no ordinary number" not in verdict.why[0]


def test_every_kind_of_number_was_decided_about() -> None:
    told = {kind: isinstance(read_number(number, country=""), Dialable) for kind, number in KINDS.items()}
    called = {kind for kind, is_called in told.items() if is_called}
    assert called == {"FIXED_LINE", "MOBILE", "FIXED_LINE_OR_MOBILE", "TOLL_FREE", "VOIP", "UAN"}
    every = {name for name, value in vars(PhoneNumberType).items() if isinstance(value, int)}
    assert {*KINDS, "UNKNOWN"} == every - {"MAX"}


def test_there_are_two_hundred_vectors_and_every_pack_has_its_own() -> None:
    assert len(VECTORS) >= 200
    named = {name for name, *_ in VECTORS} | {"Germany"} | {name for name in BY_NAME if name.startswith("Public holidays")}
    assert named == set(BY_NAME)
