"""The rule packs the product comes with. Each rule names its source; a pack of which a parameter was not checked against the law itself is
not enabled and says so in its name: an administrator who has checked it enables it.

A pack in use is never changed: what changes is a new version. `manage.py migrate` brings them into the database.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from campaigns.rules import holidays

# what a new campaign begins with until somebody chooses the law it calls under
STRICT = "Strict default"
# the same without its hours, for invented people, who answer on any night
AT_ANY_HOUR = "Strict default at any hour (demo)"


def _week(weekdays: str, saturday: str = "", sunday: str = "") -> dict[str, list[list[str]]]:
    """A week from "08:00-21:00"; an empty day is closed."""
    spans = {**dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), weekdays), "sat": saturday, "sun": sunday}
    return {day: [span.split("-") for span in text.split(", ")] for day, text in spans.items() if text}


def _daily(span: str) -> dict[str, list[list[str]]]:
    return _week(span, span, span)


def _pack(
    name: str, jurisdiction: str, *rules: Mapping[str, Any], version: int = 1, purposes: Sequence[str] = (), enabled: bool = True, **more: Any
) -> dict[str, Any]:
    return {
        "name": name,
        "version": version,
        "jurisdiction": jurisdiction,
        "purposes": list(purposes),
        "rules": [dict(rule) for rule in rules],
        "sources": sorted({rule["source"] for rule in rules}),
        "enabled": enabled,
        "effective_from": more.get("effective_from"),
        "effective_to": more.get("effective_to"),
    }


def _state(name: str, state: str, source: str, *, effective_from: str) -> dict[str, Any]:
    """Florida's kind of law: until eight in the evening, three calls a day on one subject whatever number is shown."""
    return _pack(
        name,
        state,
        {"kind": "calling_window", "week": _daily("08:00-20:00"), "source": source},
        {"kind": "frequency_cap", "scope": "person", "count": 3, "hours": 24, "source": source},
        purposes=("sales",),
        effective_from=effective_from,
    )


_COUNTED_AND_TOLD: tuple[Mapping[str, Any], ...] = (
    {"kind": "frequency_cap", "scope": "number", "count": 3, "hours": 24, "source": "house rule"},
    {"kind": "frequency_cap", "scope": "person", "count": 7, "hours": 168, "source": "house rule"},
    {"kind": "hold_after", "event": "abandoned", "hours": 72, "scope": "number", "source": "house rule, after Ofcom guidance 2010"},
    {"kind": "min_ring", "seconds": 20, "source": "house rule"},
    {"kind": "abandoned_message", "source": "house rule"},
    {"kind": "caller_id", "source": "house rule"},
)

PACKS: tuple[dict[str, Any], ...] = (
    _pack(
        "US federal",
        "US",
        {"kind": "calling_window", "week": _daily("08:00-21:00"), "source": "47 CFR 64.1200(c)(1); 16 CFR 310.4(c)"},
        {"kind": "min_ring", "seconds": 15, "source": "47 CFR 64.1200(a)(6); 16 CFR 310.4(b)(4)(ii)"},
        {"kind": "abandoned_message", "source": "47 CFR 64.1200(a)(7)(i); 16 CFR 310.4(b)(4)(iii)"},
        {"kind": "do_not_call_list", "list": "us-national", "max_age_days": 31, "source": "47 CFR 64.1200(c)(2)(i)(D); 16 CFR 310.4(b)(3)(iv)"},
        {"kind": "caller_id", "source": "47 CFR 64.1601(e)"},
        purposes=("sales",),
    ),
    _pack(
        "US debt collection (Reg F)",
        "US",
        {"kind": "calling_window", "week": _daily("08:00-21:00"), "source": "12 CFR 1006.6(b)(1)"},
        # the law says per debt; a person may have several, and counting the person is the stricter reading
        {"kind": "frequency_cap", "scope": "person", "count": 7, "hours": 168, "counts": "ring", "source": "12 CFR 1006.14(b)(2)(i)(A), (b)(3)(iii)"},
        {"kind": "hold_after", "event": "conversation", "hours": 168, "source": "12 CFR 1006.14(b)(2)(i)(B)"},
        purposes=("collection",),
        effective_from="2021-11-30",
    ),
    _state("Florida", "US-FL", "Fla. Stat. 501.616(6), 501.059", effective_from="2021-07-01"),
    _state("Oklahoma", "US-OK", "15 O.S. 775C (OTSA 2022)", effective_from="2022-11-01"),
    _state("Maryland", "US-MD", "Stop the Spam Calls Act of 2023", effective_from="2024-01-01"),
    _pack(
        "Washington",
        "US-WA",
        {"kind": "calling_window", "week": _daily("08:00-20:00"), "source": "RCW 80.36.390 (HB 1497, 2022)"},
        purposes=("sales",),
    ),
    _pack(
        "Texas (not verified)",
        "US-TX",
        {"kind": "calling_window", "week": _week("09:00-21:00", "09:00-21:00", "12:00-21:00"), "source": "Bus. & Com. Code ch. 301-305"},
        purposes=("sales",),
        enabled=False,
    ),
    _pack(
        "United Kingdom",
        "GB",
        {"kind": "caller_id", "source": "Ofcom persistent misuse statement, 20 December 2016"},
        {"kind": "abandoned_message", "source": "Ofcom persistent misuse statement, 20 December 2016"},
        purposes=("sales",),
        effective_from="2017-03-01",
    ),
    _pack(
        "United Kingdom, Ofcom 2010 and PECR (not verified)",
        "GB",
        {"kind": "min_ring", "seconds": 15, "source": "Ofcom guidance 2010"},
        {"kind": "hold_after", "event": "abandoned", "hours": 72, "scope": "number", "source": "Ofcom guidance 2010"},
        {"kind": "hold_after", "event": "machine", "hours": 24, "scope": "number", "source": "Ofcom guidance 2010"},
        {"kind": "do_not_call_list", "list": "uk-tps", "max_age_days": 28, "source": "PECR 2003 reg. 21"},
        purposes=("sales",),
        enabled=False,
    ),
    _pack(
        "Germany",
        "DE",
        {"kind": "consent", "kinds": ["call"], "source": "UWG § 7(2), § 7a"},
        {"kind": "caller_id", "source": "TDDDG § 15"},
        purposes=("sales",),
    ),
    _pack(
        "Canada",
        "CA",
        {"kind": "calling_window", "week": _week("09:00-21:30", "10:00-18:00", "10:00-18:00"), "source": "CRTC Unsolicited Telecommunications Rules"},
        purposes=("sales",),
    ),
    _pack(
        "Canada, national list (not verified)",
        "CA",
        {"kind": "do_not_call_list", "list": "ca-national", "max_age_days": 31, "source": "CRTC Unsolicited Telecommunications Rules"},
        purposes=("sales",),
        enabled=False,
    ),
    _pack(
        "Australia",
        "AU",
        {
            "kind": "calling_window",
            "week": _week("09:00-20:00", "09:00-17:00"),
            "source": "Telecommunications (Telemarketing and Research Calls) Industry Standard 2017",
        },
        {"kind": "blocked_days", "calendar": "AU", "source": "Telecommunications (Telemarketing and Research Calls) Industry Standard 2017"},
        {"kind": "caller_id", "source": "Telecommunications (Telemarketing and Research Calls) Industry Standard 2017"},
        purposes=("sales",),
    ),
    _pack(
        "France (not verified)",
        "FR",
        {"kind": "calling_window", "week": _week("10:00-13:00, 14:00-20:00"), "source": "décret 2022-1313"},
        {"kind": "blocked_days", "calendar": "FR", "source": "décret 2022-1313"},
        {"kind": "frequency_cap", "scope": "person", "count": 4, "hours": 720, "source": "décret 2022-1313"},
        purposes=("sales",),
        enabled=False,
    ),
    _pack(
        "India (not verified)",
        "IN",
        {"kind": "calling_window", "week": _daily("10:00-21:00"), "source": "TRAI TCCCPR 2018"},
        purposes=("sales",),
        enabled=False,
    ),
    _pack(
        STRICT,
        "*",
        {"kind": "calling_window", "week": _week("09:00-20:00", "09:00-20:00"), "source": "house rule"},
        {"kind": "public_holidays", "source": "house rule"},
        *_COUNTED_AND_TOLD,
        version=2,  # the first knew no holidays
    ),
    _pack(AT_ANY_HOUR, "*", *_COUNTED_AND_TOLD),
    _pack("Public holidays wherever they are", "*", {"kind": "public_holidays", "source": "house rule"}),
    *(
        _pack(f"Public holidays {country}", country, {"kind": "blocked_days", "calendar": country, "source": "house rule"})
        for country in holidays.COUNTRIES
        if country != "AU"  # Australia's own pack has them
    ),
)
