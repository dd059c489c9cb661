"""Breaks the permit gate on purpose, one rule at a time, in a copy of the project, and expects the test that is named for it to fail.

    make mutations                    all of them
    make mutations ARGS="caller"      those whose name has one of these words

No part of `make test`: it takes minutes. Ends with 1 where a test did not notice, or where a break is not to be found any more because the code
it breaks has changed: then bring it to date here and in docs/compliance.md, which lists them.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dialer_project.local.servers import ThrownAway
from tests.rules.permits import NOW
from tests.rules.test_permit_gate import ALONE

PROJECT = Path(__file__).parents[1]
GATE, FACTS, WATERFALL, ORACLE = "campaigns/rules/permit/gate.py", "campaigns/facts.py", "campaigns/waterfall.py", "campaigns/invariants.py"
CASES = "tests/rules/test_permit_gate.py::test_each_rule_refuses_where_it_alone_is_broken"
ONE_BY_ONE = "tests/flow/test_waterfall.py::test_each_thing_that_sets_one_person_apart_is_told_of_that_person_alone"
LISTED_RACE = "tests/database/test_do_not_call_races.py::test_of_a_thousand_people_listed_while_they_are_dialed_none_is_dialed_afterwards"
CAPS_RACE = "tests/database/test_caps_under_race.py::test_a_hundred_threads_against_a_cap_of_one_leave_one_attempt"
NEXT = "tests/flow/test_when_next.py::test_what_will_be_so_by_then_is_told_now"
PLANNED = "tests/flow/test_when_next.py::test_the_call_that_is_planned_is_the_one_that_is_made"
STOPPED = "tests/flow/test_control.py::test_what_was_planned_and_not_sent_is_cancelled_and_counted_to_no_cap"
# put at the end of the gate's module, where `may_call` and all others find it
_WITHOUT = """

_every_gate = gates


def gates(facts: Facts, *, terms: Terms, now: datetime) -> Iterator[Gate]:
    return (gate for gate in _every_gate(facts, terms=terms, now=now) if gate.rule != {rule!r})
"""


@dataclass(frozen=True, slots=True)
class Break:
    """`old` in `file` becomes `new`, and every one of `tests` fails. Without `old`, `new` is put at the end."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


def rules_of_the_gate() -> Iterator[Break]:
    """Each rule taken out; every case of it must let its call through then."""
    from campaigns.rules.permit import gate

    cases: dict[str, list[str]] = {}
    for case, (terms, facts) in ALONE.items():
        (rule,) = {each.rule for each in gate.gates(facts, terms=terms, now=NOW) if each.stands is not gate.Stands.OPEN}
        cases.setdefault(rule, []).append(case)
    for rule, some in cases.items():
        yield Break(f"rule: {rule}", GATE, "", _WITHOUT.format(rule=rule), tuple(f"{CASES}[{case}]" for case in some))


def case(name: str) -> tuple[str, ...]:
    return (f"{CASES}[{name}]",)


# of rules that ask several things, each of them
PARTS = (
    Break("part: start of the campaign", GATE, "terms.starts_at is not None and now < terms.starts_at", "False", case("start time")),
    Break("part: end while it rings", GATE, "terms.ends_at - terms.ring_for <= now < terms.ends_at:", "False:", case("end time while it rings")),
    Break(
        "part: the campaign's own hours", GATE, "windows = [(own, terms.hours)] if terms.hours != ALWAYS else []", "windows = []", case("own hours")
    ),
    Break("part: no zone, no hours", GATE, "    if not facts.zones:\n", "    if False:\n", case("a time zone is known")),
    Break(
        "part: consent of that kind",
        GATE,
        "given.kind in kinds\n",
        "True\n",
        ("tests/rules/test_permit_vectors.py::test_in_germany_nobody_is_called_who_has_not_agreed",),
    ),
    Break(
        "part: consent that has begun",
        GATE,
        "and given.given_at <= now\n",
        "\n",
        ("tests/rules/test_permit_vectors.py::test_in_germany_nobody_is_called_who_has_not_agreed",),
    ),
    Break(
        "part: consent that is over",
        GATE,
        "(given.expires_at is None or given.expires_at > now)",
        "True",
        ("tests/rules/test_permit_vectors.py::test_in_germany_nobody_is_called_who_has_not_agreed",),
    ),
    Break(
        "part: the register's age",
        GATE,
        "stale = loaded is None or now - loaded > max_age",
        "stale = loaded is None",
        ("tests/rules/test_permit_vectors.py::test_what_a_pack_asks_of_the_campaign_stops_dispatch_and_says_so",),
    ),
    Break(
        "part: ringing ends before the hours do",
        GATE,
        "own_opens, _ = open_span(facts.zones, hours=hours, at=now, ring_for=terms.ring_for)",
        "own_opens, _ = open_span(facts.zones, hours=hours, at=now, ring_for=timedelta(0))",
        ("tests/rules/test_permit_gate.py::test_ringing_ends_before_the_window_does",),
    ),
    Break(
        "part: a permit ends with its hours",
        GATE,
        "for at in (now + HOLDS_FOR, closes, ends)",
        "for at in (now + HOLDS_FOR, ends)",
        ("tests/rules/test_permit_gate.py::test_a_permit_does_not_outlive_its_window",),
    ),
    Break("part: a verdict that lists", GATE, "Stands.CLOSED, Told.LISTED, final=", "Stands.OPEN, Told.LISTED, final=", case("the verdict is clear")),
)
# when next, and what is planned
TOLD = (
    Break(
        "next: the campaign's start",
        "campaigns/explain.py",
        "*([terms.starts_at] if terms.starts_at else [])",
        "",
        (f"{NEXT}[the campaign has not begun]",),
    ),
    Break(
        "next: the campaign's end",
        "campaigns/explain.py",
        "found if terms.ends_at is None or found + terms.ring_for < terms.ends_at else None",
        "found",
        (f"{NEXT}[it ends before]",),
    ),
    Break(
        "next: the end of a pack",
        GATE,
        "return min([until, *(pack.over_at for pack in packs if pack.over_at is not None and pack.over_at > since)])",
        "return until",
        (f"{NEXT}[a pack is over before]",),
    ),
    Break(
        "next: a consent that is over by then",
        "campaigns/explain.py",
        "    if next_at is not None:  # a consent",
        "    if False:  # a consent",
        (f"{NEXT}[a consent is over before]",),
    ),
    Break(
        "planned: not by the gate",
        "campaigns/flow/conclude.py",
        "found = earliest(known.facts, terms=terms, at=step.at)",
        "found = step.at",
        (PLANNED,),
    ),
)
# facts that are read beside the locks
READ = (
    Break(
        "facts: consent taken back",
        FACTS,
        "AND g.number_key IN ('', p.number_key) AND g.revoked_at IS NULL) AS agreed",
        "AND g.number_key IN ('', p.number_key)) AS agreed",
        ("tests/flow/test_consent.py::test_what_changes_between_the_permit_and_the_last_look_keeps_the_call_from_being_sent[consent taken back]",),
    ),
    Break(
        "facts: consent for another number",
        FACTS,
        "AND g.number_key IN ('', p.number_key) AND g.revoked_at IS NULL) AS agreed",
        "AND g.revoked_at IS NULL) AS agreed",
        ("tests/flow/test_consent.py::test_a_consent_for_one_number_lets_no_other_be_called",),
    ),
    Break("facts: the ledger is not counted", FACTS, "ORDER BY m.dialed_at DESC OFFSET k.nth - 1 LIMIT 1", "LIMIT 0", (f"{CAPS_RACE}[person]",)),
)
# between the permit and the carrier
LAST_LOOK = tuple(
    Break(f"last look: {name}", "campaigns/flow/place.py", old, new, tests)
    for name, old, new, tests in (
        ("same epoch", "AND k.epoch = a.epoch", "", (f"{STOPPED}[pause and start]",)),
        ("the campaign runs", "AND k.state = 'running' AND k.epoch = a.epoch", "", (f"{STOPPED}[stop]", f"{STOPPED}[pause]")),
        (
            "the permit holds until it was sent",
            "now + SENT_WITHIN",
            "now",
            ("tests/flow/test_last_look.py::test_a_call_is_sent_only_where_the_carrier_has_it_before_its_permit_runs_out",),
        ),
        (
            "the list",
            "AND (d.expires_at IS NULL OR d.expires_at > %(now)s))",
            "AND false)",
            ("tests/flow/test_last_look.py::test_a_number_that_is_on_the_list_by_then_is_not_called",),
        ),
    )
)
# the locks, the list, and the second implementation over the ledger
FLOW = (
    Break(
        "lock: of the number",
        "campaigns/flow/permit.py",
        "THEN pg_try_advisory_xact_lock(%(number)s, hashtext(q.e164)) ELSE false END",
        "THEN true ELSE false END AND %(number)s > 0",
        (f"{CAPS_RACE}[number]",),
    ),
    Break(
        "lock: of the person",
        "campaigns/flow/permit.py",
        "WHERE CASE WHEN pg_try_advisory_xact_lock(%(person)s, (q.contact_id %% 2147483647)::int)\n",
        "WHERE CASE WHEN %(person)s > 0\n",
        (f"{CAPS_RACE}[person]",),
    ),
    Break(
        "lock: whoever lists a number does not wait for who plans a call",
        "campaigns/flow/do_not_call.py",
        "SELECT pg_advisory_xact_lock(%s, h) FROM",
        "SELECT %s, h FROM",
        (LISTED_RACE,),
    ),
    Break(
        "list: what was planned is not cancelled",
        "campaigns/flow/do_not_call.py",
        'conclude.never_sent([row.id for row in under_way if row.state == "planned"], now=now)',
        "conclude.never_sent([], now=now)",
        ("tests/database/test_do_not_call_races.py::test_a_call_that_is_planned_when_its_number_is_listed_is_sent_by_nobody",),
    ),
    Break(
        "ledger: a permit that had run out",
        ORACLE,
        "OR greatest(a.dialed_at, c.dialing_at) + interval",
        "OR a.dialed_at + interval",
        ("tests/ways_in/test_invariants.py::test_each_promise_finds_who_breaks_it[S15.permit]",),
    ),
    Break(
        "ledger: ringing past the hours",
        ORACLE,
        "(VALUES (a.dialed_at), (a.dialed_at + make_interval(secs => (v.settings ->> 'ring_for')::int) - interval '1 microsecond'))",
        "(VALUES (a.dialed_at))",
        ("tests/ways_in/test_invariants.py::test_each_promise_finds_who_breaks_it[S3]",),
    ),
)
# the classes of the waterfall
SQL = tuple(
    Break(f"waterfall: {name}", WATERFALL, old, new, (ONE_BY_ONE,))
    for name, old, new in (
        ("a number that is switched off", "WHERE n.active {f", "WHERE true {f"),
        ("an ended confirmation of the zone", "h.contact_id = q.contact_id AND h.ended_at IS NULL", "h.contact_id = q.contact_id"),
        ("an exclusion of another campaign", "x.contact_id = q.contact_id AND x.campaign_id = %(campaign)s", "x.contact_id = q.contact_id"),
        ("the organisation's list", "(e.campaign_id IS NULL OR e.campaign_id = %(campaign)s)", "(e.campaign_id = %(campaign)s)"),
        ("another campaign's list", "(e.campaign_id IS NULL OR e.campaign_id = %(campaign)s)", "(%(campaign)s > 0)"),
        ("a listing that ends", "bool_or(e.expires_at IS NULL) AS for_good", "true AS for_good"),
        ("a number's rest", "WHERE s.number_key <> '' AND s.until > %(now)s", "WHERE false AND s.until > %(now)s"),
        ("a verdict that has run out", "AND v.valid_until > %(holds_until)s", "AND %(holds_until)s IS NOT NULL"),
        ("a consent taken back", "AND g.revoked_at IS NULL", ""),
        ("a consent for another number", "AND g.number_key IN ('', q.number_key)", ""),
        ("outcomes that do not count", "t.key <> ALL(%(uncounted)s)", "%(uncounted)s IS NOT NULL"),
        ("a record kept for an agent", "l.state <> 'final' AND l.reserved_for_id IS NOT NULL AS kept", "false AS kept"),
        ("the end of a hold", "THEN {ended} END AS mark_{i}", "THEN NULL END AS mark_{i}"),
        ("the third last call", "WHEN {made} > {nth:d} THEN (", "WHEN false THEN ("),
        ("on another call", "q.contact_id IN (SELECT a.contact_id FROM campaigns_attempt a WHERE a.state = 'open')", "false"),
        ("on a number being called", "q.e164 IN (SELECT a.e164 FROM campaigns_attempt a WHERE a.state = 'open')", "false"),
    )
)


def copy_to(place: Path) -> None:
    """Everything git knows of, as it stands here, and the programs beside it."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=PROJECT, capture_output=True, check=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        if (PROJECT / name).is_file():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(PROJECT / name, place / name)
    if (PROJECT / "agents" / "static").is_dir():
        shutil.copytree(PROJECT / "agents" / "static", place / "agents" / "static", dirs_exist_ok=True)


def noticed(one: Break, place: Path, servers: dict[str, str]) -> str:
    """Empty where each of its tests failed."""
    file = place / one.file
    before = file.read_text()
    if one.old and before.count(one.old) != 1:
        return f"{one.file} has changed: {before.count(one.old)} times {one.old!r}"
    file.write_text(before.replace(one.old, one.new) if one.old else before + one.new)
    env = {**os.environ, **servers, "PYTHONPATH": str(place), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        run = subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:randomly", "--reuse-db", "-rf", "--tb=no", *one.tests],
            cwd=place,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        file.write_text(before)
    failed = [line for line in run.stdout.splitlines() if line.startswith("FAILED")]
    if run.returncode != 1 or not failed:
        return f"not noticed (pytest ended with {run.returncode}):\n{run.stdout[-2000:]}{run.stderr[-2000:]}"
    unmoved = [test for test in one.tests if not any(test in line for line in failed)]
    return f"not noticed by {', '.join(unmoved)}" if unmoved else ""


def main(words: list[str]) -> int:
    every = [*rules_of_the_gate(), *PARTS, *TOLD, *READ, *LAST_LOOK, *FLOW, *SQL]
    documented = (PROJECT / "docs" / "compliance.md").read_text()
    chosen = [one for one in every if not words or any(word in one.name for word in words)]
    unnoticed = [one.name for one in every if not one.name.startswith("rule: ") and f"`{one.name}`" not in documented]
    for name in unnoticed:
        print(f"{name}: not in docs/compliance.md")
    servers = ThrownAway()
    try:
        with tempfile.TemporaryDirectory() as folder:
            copy_to(Path(folder))
            for one in chosen:
                why = noticed(one, Path(folder), servers.env)
                print(f"{'STILL PASSES' if why else 'noticed'}  {one.name}  {why or ', '.join(one.tests)}", flush=True)
                unnoticed += [one.name] if why else []
    finally:
        servers.remove()
    print(f"{len(chosen)} breaks, {len(unnoticed)} of them unnoticed")
    return 1 if unnoticed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
