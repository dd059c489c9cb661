"""A calling list becomes leads: who is a lead, who a duplicate, who is left out and why; whatever happens on the way."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.messy_lists import messy_list
from campaigns import imports
from campaigns.imports import Counts, Failed, Finished, GoesOn, Options, ReadElsewhere, Refused, running
from campaigns.imports.people import People
from campaigns.models import CallingList, Campaign, Contact, Lead, ListImport, PhoneNumber, ZoneGroup
from campaigns.rules.lifecycle import CampaignState
from campaigns.rules.number_keys import number_key
from dialer_project.lib import wake

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime(2026, 3, 3, 10, 0, tzinfo=UTC)
MARIA, OMAR, SWITCHBOARD = "020 7946 0123", "07700 900123", "020 7946 0999"


@pytest.fixture(autouse=True)
def _files(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture(autouse=True)
def woken(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    told: list[tuple[str, int]] = []
    monkeypatch.setattr(wake, "dispatch", lambda pool: told.append(("dispatch", pool)))
    monkeypatch.setattr(wake, "read_import", lambda import_id: told.append(("read_import", import_id)))
    return told


@pytest.fixture
def campaign() -> Campaign:
    return Campaign.objects.create(name="Spring", state=CampaignState.APPROVED)


def given_file(campaign: Campaign, text: str | bytes, *, dry_run: bool = False, **options: Any) -> ListImport:
    raw = text.encode() if isinstance(text, str) else text
    told = Options(**{"country": "GB", **options})
    taken = imports.take_in(campaign, io.BytesIO(raw), file_name="march.csv", options=told, dry_run=dry_run, by=None, now=NOW)
    assert isinstance(taken, ListImport), taken
    return taken


def run(taken: ListImport, **told: Any) -> imports.Result:
    return imports.run(taken.pk, now=NOW, **{"for_at_most": None, "pause": 0.0, **told})


def imported(campaign: Campaign, text: str | bytes, **told: Any) -> Counts:
    result = run(given_file(campaign, text, **told))
    assert isinstance(result, Finished), result
    counts = result.counts
    assert counts.accepted + counts.duplicates + counts.rejected == counts.rows
    return counts


def verdicts(counts: Counts) -> tuple[int, int, int]:
    return (counts.accepted, counts.duplicates, counts.rejected)


def left_out() -> list[dict[str, str]]:
    raw = Path(ListImport.objects.latest("id").rejects.path).read_text(encoding="utf-8-sig")
    return list(csv.DictReader(io.StringIO(raw, newline="")))


def names(campaign: Campaign) -> list[str]:
    return [lead.contact.name for lead in campaign.leads.select_related("contact").order_by("id")]


# -- who is a lead -------------------------------------------------------------------------------------------------------------------


def test_maria_becomes_a_lead_with_her_numbers_in_order(campaign: Campaign, settings: Any) -> None:
    imported(campaign, f"Name,Work Phone,Mobile,Town,Shoe size\nMaria López,{MARIA},{OMAR},Leeds,38\n")
    lead = campaign.leads.get()
    assert (lead.state, lead.reason, lead.boost, lead.next_call_at, lead.next_phone) == ("waiting", "new", 2, NOW, None)
    assert lead.calling_list.name == "march"
    assert (lead.contact.first_name, lead.contact.last_name, lead.contact.city) == ("Maria", "López", "Leeds")
    assert lead.contact.fields == {"Shoe size": "38"}
    work, mobile = lead.contact.phones.all()
    assert [(one.e164, one.kind, one.position, one.active) for one in (work, mobile)] == [
        ("+442079460123", "work", 0, True),
        ("+447700900123", "mobile", 1, True),
    ]
    assert work.number_key == number_key("+442079460123", settings.NUMBER_KEY)
    assert lead.zone_group.zones == work.zones == ["Europe/London"], "of the number that is called first"
    assert len(mobile.zones) > 1


@pytest.mark.parametrize(("number", "landline"), [(MARIA, True), (OMAR, False), ("+1 212 555 0123", False)])
def test_a_number_is_a_landline_by_its_digits_and_not_by_the_name_of_its_column(campaign: Campaign, number: str, landline: bool) -> None:
    imported(campaign, f"Name,Work Phone\nMaria López,{number}\n")
    phone = PhoneNumber.objects.get()
    assert (phone.kind, phone.landline) == ("work", landline)


def test_leads_wait_in_the_order_of_the_file(campaign: Campaign) -> None:
    imported(campaign, "Name,Phone\n" + "".join(f"P{number},020 7946 {number:04d}\n" for number in range(30)))
    assert names(campaign) == [f"P{number}" for number in range(30)]


def test_a_switchboard_number_shared_by_two_people_makes_two_leads(campaign: Campaign) -> None:
    counts = imported(campaign, f"Name,Phone\nMaria López,{SWITCHBOARD}\nOmar Khan,{SWITCHBOARD}\n")
    assert verdicts(counts) == (2, 0, 0)
    assert PhoneNumber.objects.filter(e164="+442079460999").count() == 2


def test_a_name_shared_by_two_people_makes_two_leads(campaign: Campaign) -> None:
    assert verdicts(imported(campaign, f"Name,Phone\nMaria López,{MARIA}\nMaria López,{OMAR}\n")) == (2, 0, 0)


def test_the_same_person_twice_in_a_file_is_one_lead_and_the_other_line_is_named(campaign: Campaign) -> None:
    counts = imported(campaign, f"Name,Phone\nMaria López,{MARIA}\nOmar,{OMAR}\nMARIA LÓPEZ,+44 20 7946 0123\n")
    assert verdicts(counts) == (2, 1, 0)
    [left] = left_out()
    assert (left["line"], left["verdict"]) == ("4", "duplicate")
    assert "line 2" in left["reason"]


def test_the_same_id_twice_is_one_lead_whatever_else_differs(campaign: Campaign) -> None:
    assert verdicts(imported(campaign, f"Record ID,Name,Phone\n7,Maria,{MARIA}\n7,Mary,{OMAR}\n")) == (1, 1, 0)


def test_two_ids_of_one_crm_are_two_people_though_name_and_number_agree(campaign: Campaign) -> None:
    assert verdicts(imported(campaign, f"Record ID,Name,Phone\n7,John Smith,{MARIA}\n8,John Smith,{MARIA}\n")) == (2, 0, 0)


def test_a_list_given_twice_brings_nobody_the_second_time(campaign: Campaign) -> None:
    text = f"Name,Phone\nMaria,{MARIA}\nOmar,{OMAR}\n"
    imported(campaign, text)
    assert verdicts(imported(campaign, text)) == (0, 2, 0)
    assert CallingList.objects.count() == 1


def test_whom_another_campaign_knows_is_not_made_twice(campaign: Campaign) -> None:
    imported(Campaign.objects.create(name="Winter"), f"Name,Phone\nMaria López,{MARIA}\n")
    assert verdicts(imported(campaign, f"Name,Phone,Mobile,City\nMaria López,{MARIA},{OMAR},Leeds\n")) == (1, 0, 0)
    maria = Contact.objects.get()
    assert [phone.e164 for phone in maria.phones.all()] == ["+442079460123", "+447700900123"]
    assert maria.city == "Leeds"


def test_what_is_known_of_a_person_stays_and_only_what_is_missing_is_filled(campaign: Campaign) -> None:
    imported(Campaign.objects.create(name="Winter"), f"Name,Phone,City,Pet\nMaria López,{MARIA},York,cat\n")
    imported(campaign, f"Record ID,Name,Phone,City,Email,Pet,Car\n7,Maria López,{MARIA},Leeds,m@example.org,dog,red\n")
    maria = Contact.objects.get()
    assert (maria.city, maria.email, maria.fields) == ("York", "m@example.org", {"Pet": "cat", "Car": "red"})
    assert (maria.source, maria.external_id) == ("hubspot", "7")  # it had none; from now on it is known by this one


def test_a_new_number_moves_a_persons_leads_into_its_zone_where_no_other_is_left(campaign: Campaign) -> None:
    winter = Campaign.objects.create(name="Winter")
    imported(winter, f"Name,Phone\nMaria López,{MARIA}\n")
    imported(Campaign.objects.create(name="Autumn"), f"Name,Phone,Mobile\nMaria López,{MARIA},+1 212 555 0100\n")
    assert winter.leads.get().zone_group.zones == ["Europe/London"], "the new one is called after the old one"
    PhoneNumber.objects.filter(e164="+442079460123").update(active=False)
    imported(campaign, f"Name,Phone,Mobile\nMaria López,{MARIA},+1 212 555 0100\n")
    assert winter.leads.get().zone_group.zones == campaign.leads.get().zone_group.zones == ["America/New_York"]


def test_a_number_the_carrier_called_dead_brings_no_zone(campaign: Campaign) -> None:
    imported(Campaign.objects.create(name="Winter"), f"Name,Phone,Mobile\nMaria López,{MARIA},+1 212 555 0100\n")
    PhoneNumber.objects.filter(e164="+12125550100").update(active=False)
    imported(campaign, f"Name,Phone,Mobile\nMaria López,{MARIA},+1 212 555 0100\n")
    assert campaign.leads.get().zone_group.zones == ["Europe/London"]


def test_the_named_list_is_filled(campaign: Campaign) -> None:
    imported(campaign, f"Name,Phone\nMaria,{MARIA}\n", list_name="VIPs")
    imported(campaign, f"Name,Phone\nOmar,{OMAR}\n", list_name="VIPs")
    assert CallingList.objects.get().leads.count() == 2


def test_only_a_running_campaign_is_woken(campaign: Campaign, woken: list[tuple[str, int]]) -> None:
    imported(campaign, f"Name,Phone\nMaria,{MARIA}\n")
    assert woken == []
    Campaign.objects.filter(pk=campaign.pk).update(state=CampaignState.RUNNING, pool=7)
    imported(campaign, f"Name,Phone\nOmar,{OMAR}\n")
    assert woken == [("dispatch", 7)]


# -- who is left out -----------------------------------------------------------------------------------------------------------------


def test_a_row_without_a_usable_number_is_told_with_its_line_and_reason_and_comes_as_it_was(campaign: Campaign) -> None:
    counts = imported(campaign, f'Name,Phone,Note\nMaria,{MARIA},\n"Omar, jr",12345,"=HYPERLINK(""x"")"\n')
    assert verdicts(counts) == (1, 0, 1)
    [left] = left_out()
    assert (left["line"], left["verdict"], left["Name"], left["Phone"]) == ("3", "rejected", "Omar, jr", "12345")
    assert left["reason"].startswith("no phone number that can be dialed: '12345' is too short")
    assert left["Note"] == '\'=HYPERLINK("x")'


def test_the_rows_left_out_can_be_corrected_and_given_back(campaign: Campaign) -> None:
    imported(campaign, "Name,Phone,Note\nMaria,12345,=1+1\n")
    raw = Path(ListImport.objects.get().rejects.path).read_bytes().replace(b'"12345"', b'"+442079460123"')
    assert verdicts(imported(campaign, raw)) == (1, 0, 0)
    assert Contact.objects.get().fields == {"Note": "=1+1"}


@pytest.mark.parametrize("state", [CampaignState.STOPPED, CampaignState.COMPLETED])
def test_a_campaign_that_is_over_takes_nobody(campaign: Campaign, state: CampaignState) -> None:
    campaign.state = state
    refused = imports.take_in(campaign, io.BytesIO(b"x"), file_name="x.csv", options=Options(), dry_run=False, by=None, now=NOW)
    assert isinstance(refused, Refused)
    assert state in refused.why


def test_an_unreadable_file_fails_with_a_sentence(campaign: Campaign) -> None:
    result = run(given_file(campaign, b"PK\x03\x04 an Excel workbook"))
    assert isinstance(result, Failed)
    assert "save the sheet as CSV" in result.why
    assert ListImport.objects.get().state == ListImport.State.FAILED


# -- whatever happens on the way -----------------------------------------------------------------------------------------------------


class Killed(BaseException):
    """The process is gone."""


def killed_after(batches: int) -> Callable[[Counts], None]:
    left = iter(range(batches - 1))

    def tell(counts: Counts) -> None:
        if next(left, None) is None:
            raise Killed

    return tell


MANY = "Name,Phone\n" + "".join(
    [f"P{number},020 7946 {number:04d}\n" for number in range(20)] + ["P3,020 7946 0003\n", "Bad,1\n"] + ["P99,020 7946 0099\n"] * 2
)


@pytest.mark.parametrize("dry_run", [False, True])
@pytest.mark.parametrize("batches", [1, 3])
def test_a_killed_import_goes_on_where_it_stopped(campaign: Campaign, settings: Any, batches: int, dry_run: bool) -> None:
    settings.IMPORT_BATCH = 5
    taken = given_file(campaign, MANY, dry_run=dry_run)
    with pytest.raises(Killed):
        run(taken, tell=killed_after(batches))
    assert given_file(campaign, MANY, dry_run=dry_run).pk == taken.pk  # the same command again
    result = run(taken)
    assert isinstance(result, Finished)
    assert verdicts(result.counts) == (21, 2, 1)
    assert [row["line"] for row in left_out()] == ["22", "23", "25"]
    assert campaign.leads.count() == (0 if dry_run else 21)


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_batch_killed_before_its_commit_leaves_nothing_behind(
    campaign: Campaign, settings: Any, monkeypatch: pytest.MonkeyPatch, dry_run: bool
) -> None:
    settings.IMPORT_BATCH = 24
    taken = given_file(campaign, MANY, dry_run=dry_run)
    write_down = running._Run._write_down

    def killed(*args: Any) -> Any:
        write_down(*args)
        raise Killed

    with monkeypatch.context() as dying:
        dying.setattr(running._Run, "_write_down", killed)
        with pytest.raises(Killed):
            run(taken)
    assert Contact.objects.count() == Lead.objects.count() == 0
    result = run(taken)
    assert isinstance(result, Finished)
    assert verdicts(result.counts) == (21, 2, 1)
    assert [row["line"] for row in left_out()] == ["22", "23", "25"]


def test_a_batch_the_database_refused_is_tried_again(campaign: Campaign, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = given_file(campaign, MANY)
    bring_in, failures = People.bring_in, iter([OperationalError("deadlock detected")])

    def unlucky(*args: Any, **kwargs: Any) -> Any:
        told = bring_in(*args, **kwargs)
        if failure := next(failures, None):
            raise failure
        return told

    monkeypatch.setattr(People, "bring_in", unlucky)
    result = run(taken)
    assert isinstance(result, Finished)
    assert verdicts(result.counts) == (21, 2, 1)


def test_two_who_read_the_same_import_account_for_each_row_once(campaign: Campaign, settings: Any) -> None:
    settings.IMPORT_BATCH = 5
    taken = given_file(campaign, MANY)
    others: list[imports.Result] = []

    def tell(counts: Counts) -> None:
        if not others:
            others.append(run(taken))

    assert isinstance(run(taken, tell=tell), ReadElsewhere)
    assert isinstance(others[0], Finished)
    assert verdicts(others[0].counts) == (21, 2, 1)
    taken.refresh_from_db()
    assert (taken.rows, taken.accepted, taken.duplicates, taken.rejected) == (24, 21, 2, 1)
    assert [row["line"] for row in left_out()] == ["22", "23", "25"]
    assert campaign.leads.count() == 21


def test_an_import_whose_time_is_up_asks_to_be_gone_on_with(campaign: Campaign, settings: Any, woken: list[tuple[str, int]]) -> None:
    settings.IMPORT_BATCH = 5
    taken = given_file(campaign, MANY)
    results = [run(taken, for_at_most=timedelta(0))]
    while isinstance(results[-1], GoesOn):
        results.append(run(taken, for_at_most=timedelta(0)))
    assert woken == [("read_import", taken.pk)] * 5
    assert isinstance(results[-1], Finished)
    assert verdicts(results[-1].counts) == (21, 2, 1)


def test_a_finished_import_asked_for_again_does_nothing(campaign: Campaign) -> None:
    taken = given_file(campaign, MANY)
    assert run(taken) == run(taken)
    assert campaign.leads.count() == 21


def test_a_campaign_stopped_half_way_keeps_what_it_has_and_says_so(campaign: Campaign, settings: Any) -> None:
    settings.IMPORT_BATCH = 5
    taken = given_file(campaign, MANY)
    result = run(taken, tell=lambda counts: Campaign.objects.filter(pk=campaign.pk).update(state=CampaignState.STOPPED) and None)
    assert isinstance(result, Failed)
    assert "Stopped after 5 rows" in result.why
    assert campaign.leads.count() == ListImport.objects.get().accepted == 5


def test_an_import_nobody_reads_is_found_and_asked_for_once(campaign: Campaign, woken: list[tuple[str, int]]) -> None:
    taken = given_file(campaign, MANY)
    created = taken.created_at
    assert imports.wake_silent(now=created + timedelta(seconds=30)) == 0
    assert imports.wake_silent(now=created + timedelta(seconds=90)) == 1
    assert imports.wake_silent(now=created + timedelta(seconds=100)) == 0
    assert woken == [("read_import", taken.pk)]
    run(taken)
    assert imports.wake_silent(now=created + timedelta(days=1)) == 0


# -- dry run, and batches ------------------------------------------------------------------------------------------------------------


def test_a_dry_run_counts_the_same_and_writes_nobody(campaign: Campaign, settings: Any) -> None:
    settings.IMPORT_BATCH = 5
    assert verdicts(imported(campaign, MANY, dry_run=True)) == (21, 2, 1)
    assert Contact.objects.count() == Lead.objects.count() == CallingList.objects.count() == ZoneGroup.objects.count() == 0
    assert verdicts(imported(campaign, MANY)) == (21, 2, 1)


def test_the_statements_of_a_batch_do_not_grow_with_it(campaign: Campaign) -> None:
    def statements(first: int, count: int) -> int:
        text = "Name,Phone\n" + "".join(f"P{number},020 7946 {number:04d}\n" for number in range(first, first + count))
        taken = given_file(campaign, text)
        with CaptureQueriesContext(connection) as asked:
            run(taken)
        return len(asked)

    statements(0, 1)  # makes the calling list and the zone group
    assert statements(10, 2) == statements(100, 300)


ROWS = st.lists(
    st.tuples(
        st.sampled_from(["", "", "1", "2", "3"]),
        st.sampled_from(["Ana", "Ben", ""]),
        st.sampled_from(["020 7946 0001", "+442079460002", "12345", ""]),
    ),
    min_size=1,
    max_size=14,
)


def _nobody() -> None:
    for model in (Lead, ListImport, CallingList, PhoneNumber, Contact, Campaign):
        model.objects.all().delete()


@given(known=ROWS, rows=ROWS, batch=st.integers(1, 6))
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_row_is_accounted_for_once_whatever_the_batches_and_dry_as_for_real(
    known: list[tuple[str, str, str]], rows: list[tuple[str, str, str]], batch: int, settings: Any
) -> None:
    def text(table: list[tuple[str, str, str]], header: str) -> str:
        return f"{header}\n" + "".join(f"{','.join(row)}\n" for row in table)

    outcomes = []
    for size, dry_run in ((1000, False), (batch, True), (batch, False)):
        _nobody()
        settings.IMPORT_BATCH = 1000
        # whom we know already: by another source's ids, and by none
        imported(Campaign.objects.create(name="Winter"), text(known, "Customer Number,Name,Phone"))
        settings.IMPORT_BATCH = size
        spring = Campaign.objects.create(name="Spring")
        counts = imported(spring, text(rows, "Record ID,Name,Phone"), dry_run=dry_run)
        assert counts.rows == len(rows)
        told = Counter(row["verdict"] for row in left_out())
        assert (told["duplicate"], told["rejected"]) == (counts.duplicates, counts.rejected)
        assert spring.leads.count() == (0 if dry_run else counts.accepted)
        outcomes.append((verdicts(counts), [(row["line"], row["verdict"], row["reason"]) for row in left_out()]))
    assert outcomes[0] == outcomes[1] == outcomes[2]


def test_a_messy_list_comes_out_as_its_maker_knows(campaign: Campaign, settings: Any, tmp_path: Path) -> None:
    settings.IMPORT_BATCH = 500
    expected = messy_list(tmp_path / "messy.csv", rows=2000, seed=3)
    counts = imported(campaign, (tmp_path / "messy.csv").read_bytes())
    assert (counts.rows, *verdicts(counts)) == (expected.rows, expected.accepted, expected.duplicates, expected.rejected)
    assert campaign.leads.count() == expected.accepted
    assert len(left_out()) == expected.duplicates + expected.rejected


# -- the command ---------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    path = tmp_path / "people.txt"
    path.write_text(f"Who;Ring;Land\nMaria López;{MARIA};GB\nOmar;12;GB\n", encoding="cp1252")
    return path


def test_the_command_shows_its_way_and_ends_with_one_summary(campaign: Campaign, listed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("import_leads", str(listed), campaign=str(campaign.pk), map=["Who=name", "Ring=phone:home"], list="June")
    out, err = capsys.readouterr()
    assert out.startswith("2 rows: 1 accepted, 0 duplicate, 1 rejected")
    assert str(ListImport.objects.get().rejects.path) in out
    assert "people.txt: 100%" in err
    assert campaign.leads.get().contact.phones.get().kind == "home"


def test_a_dry_run_of_the_command_says_would(campaign: Campaign, listed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("import_leads", str(listed), campaign="Spring", dry_run=True)
    assert "1 would be accepted" in capsys.readouterr().out
    assert campaign.leads.count() == 0


@pytest.mark.parametrize(
    ("told", "says"),
    [
        ({"file": "no-such-file.csv"}, "cannot be read: No such file"),
        ({"campaign": "987654"}, "There is no campaign 987654"),
        ({"country": "Atlantis"}, "is not a country"),
        ({"encoding": "klingon"}, "is not an encoding"),
        ({"map": ["nonsense"]}, "is no mapping"),
        ({"map": ["Ring=telephone"]}, "is not a field"),
    ],
)
def test_what_the_command_cannot_do_it_says_in_a_sentence_and_exits_1(
    campaign: Campaign, listed: Path, capsys: pytest.CaptureFixture[str], told: dict[str, Any], says: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        call_command("import_leads", told.pop("file", str(listed)), **{"campaign": str(campaign.pk), "verbosity": 0, **told})
    assert ended.value.code == 1
    assert says in capsys.readouterr().err
