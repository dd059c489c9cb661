"""Files of numbers nobody is to call: as calling lists are read, and registers that replace their last version whole."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from agents.models import User
from campaigns import imports
from campaigns.imports import Counts, Failed, Finished, GoesOn, Options, Refused
from campaigns.imports.unwanted import NumbersNotToCall
from campaigns.models import CallingList, Campaign, Contact, DoNotCall, DoNotCallList, Lead, ListImport, PhoneNumber, ZoneGroup
from campaigns.rules.number_keys import number_key
from dialer_project.lib import wake

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)
MARIA, OMAR, RUI = "+447700900123", "+447700900124", "+447700900125"


@pytest.fixture(autouse=True)
def woken(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    settings.MEDIA_ROOT, settings.DO_NOT_CALL_JOURNAL = tmp_path, tmp_path / "do-not-call.journal"
    told: list[int] = []
    monkeypatch.setattr(wake, "read_import", told.append)
    return told


def given(text: str | bytes, *, dry_run: bool = False, campaign: Campaign | None = None, name: str = "numbers.csv", **told: Any) -> ListImport:
    raw = text.encode() if isinstance(text, str) else text
    options = Options(**{"country": "GB", **told})
    taken = imports.take_in(
        campaign, io.BytesIO(raw), kind=ListImport.Kind.DO_NOT_CALL, file_name=name, options=options, dry_run=dry_run, by=None, now=NOW
    )
    assert isinstance(taken, ListImport), taken
    return taken


def run(taken: ListImport, **told: Any) -> imports.Result:
    return imports.run(taken.pk, now=NOW, **{"for_at_most": None, "pause": 0.0, **told})


def read(text: str | bytes, **told: Any) -> tuple[int, int, int]:
    result = run(given(text, **told))
    assert isinstance(result, Finished), result
    return verdicts(result.counts)


def verdicts(counts: Counts) -> tuple[int, int, int]:
    assert counts.accepted + counts.duplicates + counts.rejected == counts.rows
    return (counts.accepted, counts.duplicates, counts.rejected)


def left_out() -> dict[str, str]:
    raw = Path(ListImport.objects.latest("id").rejects.path).read_text(encoding="utf-8-sig")
    return {row["line"]: row["reason"] for row in csv.DictReader(io.StringIO(raw, newline=""))}


def listed() -> set[str]:
    settings_key = {number_key(number, settings.NUMBER_KEY): number for number in (MARIA, OMAR, RUI)}
    return {settings_key.get(one.number_key, "another") for one in DoNotCall.objects.all()}


# -- onto our own list ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        f"{MARIA}\n{OMAR}\n",
        f"Phone\n{MARIA}\n{OMAR}\n",
        f"Blocked people\n{MARIA}\n{OMAR}\n",
        f"phone;reason\r\n{MARIA};asked\r\n{OMAR};\r\n",
        "07700 900123\n(07700) 900124\n",
        f"Name\tTelefon\nJosé\t{MARIA}\nOmar\t{OMAR}\n".encode("utf-16"),
        f"Nombre,Teléfono\nJosé,{MARIA}\nÑandú,{OMAR}\n".encode("cp1252"),
    ],
)
def test_numbers_are_read_however_they_are_written(text: str | bytes) -> None:
    assert read(text) == (2, 0, 0)
    assert listed() == {MARIA, OMAR}


def test_a_row_says_why_and_until_when_and_for_which_campaign() -> None:
    spring = Campaign.objects.create(name="Spring")
    text = f"number,reason,expires,scope\n{MARIA},asked us to,,\n{OMAR},moving,2099-12-31,Spring\n{RUI},,2099-12-31T10:00:00Z,{spring.pk}\n"
    assert read(text, reason="an import") == (3, 0, 0)
    rows = DoNotCall.objects.order_by("id").values_list("reason", "expires_at", "campaign", "source")
    assert list(rows) == [
        ("asked us to", None, None, "import"),
        ("moving", datetime(2100, 1, 1, tzinfo=UTC), spring.pk, "import"),
        ("an import", datetime(2099, 12, 31, 10, 0, tzinfo=UTC), spring.pk, "import"),
    ]


def test_a_file_for_one_campaign_may_name_the_whole_organisation() -> None:
    spring = Campaign.objects.create(name="Spring")
    assert read(f"number,scope\n{MARIA},\n{OMAR},all\n", campaign=spring) == (2, 0, 0)
    assert set(DoNotCall.objects.values_list("campaign", flat=True)) == {spring.pk, None}


def test_every_row_that_is_left_out_says_why() -> None:
    read(RUI)
    text = f"number,expires,campaign\n12345,,\n{MARIA},soon,\n{MARIA},2001-01-01,\n{OMAR},,Nowhere\n{RUI},,\n{OMAR},,\n0{OMAR[3:]},,\n"
    assert read(text) == (1, 2, 4)
    told = left_out()
    assert "too short" in told["2"]
    assert "'soon' is not a day" in told["3"]
    assert "has expired" in told["4"]
    assert "no campaign 'Nowhere'" in told["5"]
    assert told["6"] == "the number is on the list already"
    assert told["8"] == "the same number as line 7; remove one of them"


def test_the_rows_left_out_can_be_corrected_and_given_back() -> None:
    read(f"number,reason\n12345,asked\n{MARIA},asked\n")
    rejects = Path(ListImport.objects.get().rejects.path).read_text(encoding="utf-8-sig")
    assert read(rejects.replace("12345", OMAR), name="corrected.csv") == (1, 0, 0)
    assert listed() == {MARIA, OMAR}
    assert DoNotCall.objects.latest("id").reason == "asked"


def test_columns_nobody_could_guess_are_told() -> None:
    text = f"A,B,C\nhe asked,{MARIA},x\n"
    assert read(text, mapping={"A": "reason", "B": "phone"}) == (1, 0, 0)
    assert DoNotCall.objects.get().reason == "he asked"


def test_a_dry_run_says_the_same_and_lists_nobody() -> None:
    read(RUI)
    text = f"number\n{MARIA}\n{OMAR}\n{RUI}\n{MARIA}\nnobody\n"
    assert read(text, dry_run=True) == (2, 2, 1)
    assert listed() == {RUI}
    assert read(text) == (2, 2, 1)
    assert listed() == {MARIA, OMAR, RUI}


def test_what_was_planned_for_them_is_cancelled(settings: Any) -> None:
    campaign = Campaign.objects.create(name="Spring")
    calling_list, zones = CallingList.objects.create(campaign=campaign, name="March"), ZoneGroup.objects.create(zones=["Europe/London"])
    maria = Contact.objects.create(first_name="Maria")
    PhoneNumber.objects.create(contact=maria, e164=MARIA, number_key=number_key(MARIA, settings.NUMBER_KEY))
    lead = Lead.objects.create(campaign=campaign, calling_list=calling_list, contact=maria, zone_group=zones, next_call_at=NOW)
    read(MARIA)
    lead.refresh_from_db()
    assert (lead.state, lead.reason) == ("final", "do_not_call")


def test_who_goes_on_after_an_interruption_lists_each_once(settings: Any, woken: list[int]) -> None:
    settings.IMPORT_BATCH = 3
    taken = given("number\n" + "".join(f"+4477009001{n:02d}\n" for n in range(20)) + "+447700900100\n")
    while isinstance(result := run(taken, for_at_most=timedelta(0)), GoesOn):
        pass
    assert isinstance(result, Finished)
    assert verdicts(result.counts) == (20, 1, 0)
    assert DoNotCall.objects.count() == 20


# -- registers ------------------------------------------------------------------------------------------------------------------------


def test_a_registers_new_version_takes_over_from_the_last() -> None:
    own = [MARIA]
    read("\n".join(own))
    assert read(f"{MARIA}\n{OMAR}\n", register="uk-tps") == (2, 0, 0)
    assert read(f"{OMAR}\n{RUI}\n", register="uk-tps") == (2, 0, 0)
    register = DoNotCallList.objects.get()
    assert (register.version, register.numbers) == (2, 2)
    assert register.loaded_at is not None
    on_it = {one.number_key for one in register.entries.all()}
    assert on_it == {number_key(OMAR, settings.NUMBER_KEY), number_key(RUI, settings.NUMBER_KEY)}
    assert listed() == {MARIA, OMAR, RUI}, "what we listed ourselves is not the register's to release"


def test_until_the_last_row_both_versions_hold(settings: Any) -> None:
    settings.IMPORT_BATCH = 1
    read(f"{MARIA}\n{OMAR}\n", register="uk-tps")
    loaded_at = DoNotCallList.objects.get().loaded_at
    taken = given(f"{OMAR}\n{RUI}\n", register="uk-tps")
    assert isinstance(run(taken, for_at_most=timedelta(0)), GoesOn)
    assert isinstance(run(taken, for_at_most=timedelta(0)), GoesOn)
    assert listed() == {MARIA, OMAR, RUI}
    assert DoNotCallList.objects.get().loaded_at == loaded_at
    assert isinstance(run(taken), Finished)
    assert listed() == {OMAR, RUI}


def test_a_register_that_could_not_be_read_whole_does_not_count_as_loaded() -> None:
    read(f"{MARIA}\n", register="uk-tps")
    before = DoNotCallList.objects.get().loaded_at
    failed = run(given(f"number\n{OMAR}\nnobody\n", register="uk-tps"))
    assert isinstance(failed, Failed)
    assert "does not count as loaded, since 1 of its rows" in failed.why
    assert listed() == {MARIA, OMAR}, "nothing was released, and what could be read is not called"
    assert DoNotCallList.objects.get().loaded_at == before


def test_half_a_file_is_not_believed_unless_somebody_says_so() -> None:
    everybody = "".join(f"+4477009001{n:02d}\n" for n in range(10))
    read(everybody, register="uk-tps")
    failed = run(given(f"{MARIA}\n", register="uk-tps"))
    assert isinstance(failed, Failed)
    assert "it held 10 numbers and the file has 1" in failed.why
    assert DoNotCall.objects.count() == 11
    assert read(f"{MARIA}\n", register="uk-tps", shorter=True) == (1, 0, 0)
    assert DoNotCall.objects.count() == 1


def test_an_older_file_releases_nobody_who_was_added_since_unless_somebody_says_so() -> None:
    read(f"{MARIA}\n{OMAR}\n", register="uk-tps", as_of="2026-01-20")
    failed = run(given(f"{MARIA}\n", register="uk-tps", as_of="2026-01-05"))
    assert isinstance(failed, Failed)
    assert "the file is of 2026-01-05 and the one before it is newer, of 2026-01-20" in failed.why
    assert listed() == {MARIA, OMAR}
    assert read(f"{MARIA}\n{OMAR}\n", register="uk-tps", as_of="2026-01-05") == (2, 0, 0), "its day may be put right"
    assert read(f"{MARIA}\n", register="uk-tps", as_of="2026-01-04", shorter=True) == (1, 0, 0)
    assert listed() == {MARIA}


def test_a_registers_age_counts_from_the_day_its_keeper_gave_it_out() -> None:
    read(f"{MARIA}\n", register="uk-tps", as_of="2026-01-31")
    assert DoNotCallList.objects.get().loaded_at == datetime(2026, 1, 31, tzinfo=UTC)
    taken = given(f"{MARIA}\n{OMAR}\n", register="uk-tps")
    ListImport.objects.filter(pk=taken.pk).update(created_at=NOW)  # it was given then, and is read much later
    assert isinstance(run(taken), Finished)
    assert DoNotCallList.objects.get().loaded_at == NOW, "of no day that was named, it is of when it was given, not of when it was read"
    read(f"{MARIA}\n{OMAR}\n", register="uk-tps", as_of=datetime.now(UTC).date().isoformat())
    loaded_at = DoNotCallList.objects.get().loaded_at
    assert loaded_at is not None
    assert loaded_at <= datetime.now(UTC)


@pytest.mark.parametrize(
    ("told", "says"),
    [
        ({"register": "uk-tps", "as_of": "last month"}, "'last month' is not a day."),
        ({"register": "uk-tps", "as_of": (datetime.now(UTC) + timedelta(days=2)).date().isoformat()}, "is yet to come"),
        ({"as_of": "2026-01-31"}, "Only a whole register has a day on which it was given out."),
    ],
)
def test_a_day_that_a_register_cannot_be_of_is_refused(told: dict[str, Any], says: str) -> None:
    assert says in imports.refusal(ListImport.Kind.DO_NOT_CALL, None, Options(**told))


def test_a_register_without_a_number_is_not_believed_unless_somebody_says_so() -> None:
    nobody = "number\n\n"
    failed = run(given(nobody, register="uk-tps"))
    assert isinstance(failed, Failed)
    assert "does not count as loaded: the file has no number at all" in failed.why
    assert DoNotCallList.objects.get().loaded_at is None
    assert read(nobody, register="uk-tps", shorter=True) == (0, 0, 0)
    assert DoNotCallList.objects.get().loaded_at is not None


def test_a_register_is_loaded_by_one_at_a_time_and_for_one_scope() -> None:
    spring = Campaign.objects.create(name="Spring")
    first = given(f"{MARIA}\n", register="spring-stop", campaign=spring)
    second = imports.take_in(
        spring,
        io.BytesIO(b"+447700900124\n"),
        kind=ListImport.Kind.DO_NOT_CALL,
        file_name="b.csv",
        options=Options(register="spring-stop"),
        dry_run=False,
        by=None,
        now=NOW,
    )
    assert second == Refused("spring-stop is being loaded from numbers.csv. Wait until that has finished.")
    run(first)
    assert DoNotCall.objects.get().campaign == spring
    wider = imports.refusal(ListImport.Kind.DO_NOT_CALL, None, Options(register="spring-stop"))
    assert wider.startswith("The register spring-stop is of the campaign 'Spring'.")


def test_a_takeover_interrupted_after_its_commit_is_finished_by_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = given(f"{MARIA}\n", register="uk-tps")
    finish = NumbersNotToCall.finish

    class Killed(Exception):
        pass

    def killed(self: NumbersNotToCall, *, now: datetime) -> str:
        finish(self, now=now)
        raise Killed

    with monkeypatch.context() as dying:
        dying.setattr(NumbersNotToCall, "finish", killed)
        with pytest.raises(Killed):
            run(taken)
    assert isinstance(run(taken), Finished)
    assert DoNotCallList.objects.get().version == 1


# -- ways in --------------------------------------------------------------------------------------------------------------------------


def test_the_command_loads_a_register_and_says_what_came_of_it(tmp_path: Path, capsys: Any) -> None:
    file = tmp_path / "register.txt"
    file.write_text("+447700900123\n\n07700 900124\nnobody\n")
    said, wrong = io.StringIO(), io.StringIO()
    with pytest.raises(SystemExit):
        call_command("import_do_not_call", str(file), "--list", "uk-tps", "--country", "gb", stdout=said, stderr=wrong, verbosity=0)
    assert "does not count as loaded" in wrong.getvalue()
    assert "The rows left out" in said.getvalue()
    assert DoNotCallList.objects.get().loaded_at is None
    file.write_text("+447700900123\n07700 900124\n")
    call_command("import_do_not_call", str(file), "--list", "uk-tps", "--country", "gb", "--dry-run", stdout=said, verbosity=0)
    assert "2 rows: 2 would be accepted" in said.getvalue()
    call_command("import_do_not_call", str(file), "--list", "uk-tps", "--country", "gb", "--as-of", "2026-03-01", stdout=said, verbosity=0)
    assert "2 rows: 2 accepted" in said.getvalue()
    register = DoNotCallList.objects.get()
    assert (register.numbers, register.loaded_at) == (2, datetime(2026, 3, 1, tzinfo=UTC))
    assert set(DoNotCall.objects.values_list("source", flat=True)) == {"uk-tps"}


@pytest.fixture
def ada(client: Client) -> Client:
    """Ada administers."""
    client.force_login(User.objects.create_superuser("ada", password="a long enough password"))
    return client


def gives(client: Client, raw: bytes, **told: Any) -> Any:
    file = SimpleUploadedFile("stop.csv", raw, content_type="text/csv")
    return client.post(reverse("admin:campaigns_listimport_add"), {"kind": "do_not_call", "file": file, "country": "GB", **told})


def test_ada_gives_a_register_and_fetches_the_rows_left_out(ada: Client, woken: list[int]) -> None:
    answer = gives(ada, b"number\n07700 900123\nnobody\n", register="uk-tps", reason="register", as_of="2026-02-01")
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    taken = ListImport.objects.get()
    assert woken == [taken.pk]
    assert (taken.kind, taken.campaign, taken.options) == (
        "do_not_call",
        None,
        {"country": "GB", "register": "uk-tps", "reason": "register", "as_of": "2026-02-01"},
    )
    imports.run(taken.pk, now=NOW, for_at_most=None)
    page = ada.get(reverse("admin:campaigns_listimport_change", args=[taken.pk])).content.decode()
    assert "does not count as loaded" in page
    rejects = ada.get(reverse("admin:campaigns_listimport_rejects", args=[taken.pk])).getvalue()
    assert b"nobody" in rejects
    assert DoNotCall.objects.get().created_by == User.objects.get()


@pytest.mark.parametrize(
    ("told", "says"), [({"expires": "soon"}, "valid date"), ({"kind": "leads"}, "choose one"), ({"country": "Atlantis"}, "not a country")]
)
def test_what_cannot_be_taken_in_is_refused_in_the_form(ada: Client, told: dict[str, str], says: str) -> None:
    answer = gives(ada, b"number\n07700 900123\n", **told)
    assert answer.status_code == 200
    assert says in str(answer.context["adminform"].form.errors)
