"""An older backup is restored: the journal puts back what the database has forgotten."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import connection

from agents.desk import DONE
from agents.models import User
from campaigns import journal, restore
from campaigns.checks import the_database_knows_what_the_journal_knows
from campaigns.flow import do_not_call
from campaigns.journal import Damaged, Journal, Listed
from campaigns.models import CallingList, Campaign, Contact, DoNotCall, DoNotCallList, DoNotCallRemoval, Lead, PhoneNumber, ZoneGroup
from campaigns.rules.number_keys import number_key

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)
MARIA, OMAR, RUI = "+447700900123", "+447700900124", "+447700900125"


@pytest.fixture(autouse=True)
def kept(settings: Any, tmp_path: Path) -> Journal:
    settings.DO_NOT_CALL_JOURNAL = tmp_path / "journal" / "do-not-call.journal"
    return Journal()


class Backup:
    """The lists as they are now; restored, they are all the database has."""

    def __init__(self) -> None:
        self.registers, self.entries = list(DoNotCallList.objects.all()), list(DoNotCall.objects.all())

    def restore(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE campaigns_donotcalllist, campaigns_donotcall, campaigns_donotcallremoval")
        DoNotCallList.objects.bulk_create(self.registers)
        DoNotCall.objects.bulk_create(self.entries)


def listed() -> set[tuple[str, int | None, str]]:
    return {(one.number_key, one.campaign_id, str(one.register or "")) for one in DoNotCall.objects.all()}


def key(e164: str, settings: Any) -> str:
    return number_key(e164, settings.NUMBER_KEY)


def lists(*numbers: str, at: datetime = NOW, **told: Any) -> None:
    do_not_call.list_numbers(list(numbers), source="agent", now=at, **told)


def warned() -> list[str]:
    return [str(found.id) for found in the_database_knows_what_the_journal_knows(None, databases=["default"])]


def replayed(*args: str) -> str:
    said = StringIO()
    call_command("replay_do_not_call", *args, stdout=said)
    return said.getvalue()


def test_what_was_listed_after_the_backup_is_listed_again(settings: Any) -> None:
    backup = Backup()
    ada, campaign = User.objects.create_user("ada"), Campaign.objects.create(name="Spring")
    lists(MARIA, by=ada, reason="on the phone")
    lists(OMAR, campaign_id=campaign.pk, expires_at=NOW.replace(year=2099))
    before = listed()
    assert warned() == []
    backup.restore()
    assert not listed()
    assert warned() == ["campaigns.W001"]
    assert replayed("--dry-run").startswith("2 numbers would be listed again")
    assert not listed()
    assert replayed().startswith("2 numbers listed again")
    assert listed() == before
    maria = DoNotCall.objects.get(number_key=key(MARIA, settings))
    assert (maria.source, maria.reason, maria.created_by, maria.created_at) == ("agent", "on the phone", ada, NOW)
    assert warned() == []
    assert replayed().startswith("0 numbers listed again")


def test_what_is_planned_for_such_a_number_is_cancelled_as_ever(settings: Any) -> None:
    backup = Backup()
    campaign = Campaign.objects.create(name="Spring")
    maria = Contact.objects.create(first_name="Maria")
    PhoneNumber.objects.create(contact=maria, e164=MARIA, number_key=key(MARIA, settings))
    calling_list, zones = CallingList.objects.create(campaign=campaign, name="March"), ZoneGroup.objects.create(zones=["Europe/London"])
    lists(MARIA)
    backup.restore()
    lead = Lead.objects.create(campaign=campaign, calling_list=calling_list, contact=maria, zone_group=zones, next_call_at=NOW)
    replayed()
    lead.refresh_from_db()
    assert (lead.state, lead.reason) == ("final", "do_not_call")


def test_a_number_two_persons_took_off_stays_off(settings: Any) -> None:
    ada, ben = User.objects.create_user("ada"), User.objects.create_user("ben")
    lists(MARIA, OMAR)
    backup = Backup()
    for number in (MARIA, OMAR):
        asked = do_not_call.ask_removal(DoNotCall.objects.get(number_key=key(number, settings)).pk, reason="wrote to us", by=ada, now=NOW)
        assert isinstance(asked, DoNotCallRemoval)
        assert do_not_call.approve_removal(asked.pk, by=ben, now=NOW + timedelta(hours=1)) == DONE
    lists(OMAR, at=NOW + timedelta(hours=2))  # and changed their mind again
    backup.restore()
    assert "1 taken off" in replayed()
    assert listed() == {(key(OMAR, settings), None, "")}
    kept = DoNotCallRemoval.objects.get(state="approved")
    assert (kept.asked_by, kept.decided_by, kept.reason) == (ada, ben, "wrote to us")


def test_who_took_it_off_must_be_known_or_it_stays_listed(settings: Any) -> None:
    ada, ben = User.objects.create_user("ada"), User.objects.create_user("ben")
    lists(MARIA)
    backup = Backup()
    asked = do_not_call.ask_removal(DoNotCall.objects.get().pk, reason="wrote to us", by=ada, now=NOW)
    assert isinstance(asked, DoNotCallRemoval)
    do_not_call.approve_removal(asked.pk, by=ben, now=NOW)
    backup.restore()
    ben.delete()
    assert "stays listed" in replayed()
    assert len(listed()) == 1


def loads(name: str, *numbers: str, at: datetime) -> None:
    register, _ = DoNotCallList.objects.get_or_create(name=name)
    version = register.version + 1
    do_not_call.list_entries([do_not_call.entry(number) for number in numbers], source=name, register=register, version=version, now=at)
    do_not_call.take_over(register.pk, version, numbers=len(numbers), loaded_at=at, now=at)


def test_a_registers_newer_version_is_what_it_was(settings: Any) -> None:
    loads("uk-tps", MARIA, OMAR, at=NOW)
    backup = Backup()
    loads("uk-tps", OMAR, RUI, at=NOW + timedelta(days=30))
    assert {one for one, _, _ in listed()} == {key(OMAR, settings), key(RUI, settings)}
    backup.restore()
    assert warned() == ["campaigns.W001"]
    assert "1 released" in replayed()
    assert {one for one, _, _ in listed()} == {key(OMAR, settings), key(RUI, settings)}
    register = DoNotCallList.objects.get()
    assert (register.version, register.loaded_at, register.numbers) == (2, NOW + timedelta(days=30), 2)
    assert warned() == []


def test_a_register_whose_journal_has_a_gap_keeps_its_old_age(settings: Any) -> None:
    loads("uk-tps", MARIA, at=NOW)
    Journal().path.unlink()
    backup = Backup()
    loads("uk-tps", MARIA, OMAR, at=NOW + timedelta(days=30))
    backup.restore()
    assert "load it again" in replayed()
    assert len(listed()) == 2
    assert DoNotCallList.objects.get().loaded_at == NOW


def test_the_journals_of_two_machines_are_taken_together(settings: Any, tmp_path: Path) -> None:
    backup = Backup()
    lists(MARIA)
    other = tmp_path / "other.journal"
    shutil.move(Journal().path, other)
    lists(OMAR, at=NOW + timedelta(minutes=1))
    backup.restore()
    assert replayed(str(Journal().path), str(other)).startswith("2 numbers listed again")


def test_a_journal_holds_no_number_anybody_could_read(kept: Journal) -> None:
    lists(MARIA)
    assert MARIA[5:10] not in kept.path.read_text()


def test_a_line_torn_by_a_crash_costs_no_other(kept: Journal, capsys: Any) -> None:
    backup = Backup()
    lists(MARIA)
    whole = kept.path.read_bytes()
    kept.path.write_bytes(whole + whole[: len(whole) // 2])
    lists(OMAR)
    acts = list(kept.read())
    assert [type(act) for act in acts] == [Listed, Damaged, Listed]
    backup.restore()
    with pytest.raises(SystemExit):
        call_command("replay_do_not_call", stdout=StringIO(), stderr=StringIO())
    assert len(listed()) == 2, "what could be read was applied"


def test_a_changed_line_is_noticed(kept: Journal) -> None:
    lists(MARIA)
    kept.path.write_text(kept.path.read_text().replace('"agent"', '"other"'))
    assert list(kept.read()) == [Damaged(1)]


def test_nothing_is_listed_that_the_journal_could_not_take(kept: Journal) -> None:
    kept.path.parent.parent.joinpath("journal").write_text("not a folder")
    with pytest.raises(OSError, match="journal"):
        lists(MARIA)
    assert not listed()


def test_a_number_whose_transaction_failed_after_the_journal_is_listed_by_a_replay(kept: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    write = journal.Journal.write

    def dies(self: Journal, *acts: Any) -> None:
        write(self, *acts)
        raise RuntimeError("killed between the journal and the commit")

    with monkeypatch.context() as dying:
        dying.setattr(journal.Journal, "write", dies)
        with pytest.raises(RuntimeError):
            lists(MARIA)
    assert not listed()
    assert restore.ahead(now=NOW).listed == 1
    replayed()
    assert len(listed()) == 1


def test_the_check_of_a_restored_database_says_what_to_do(capsys: Any) -> None:
    backup = Backup()
    lists(MARIA)
    backup.restore()
    call_command("check", databases=["default"])
    assert "run manage.py replay_do_not_call" in capsys.readouterr().err
    replayed()
    call_command("check", databases=["default"])
    assert "replay" not in capsys.readouterr().err


def test_with_another_key_for_numbers_nothing_is_dialed(settings: Any) -> None:
    contact = Contact.objects.create(first_name="Maria")
    PhoneNumber.objects.create(contact=contact, e164=MARIA, number_key=number_key(MARIA, settings.NUMBER_KEY))
    call_command("check", databases=["default"])
    settings.NUMBER_KEY = "another"
    with pytest.raises(SystemCheckError, match="old SECRET_KEY"):
        call_command("check", databases=["default"])


def test_whoever_listed_a_number_may_leave_and_the_number_stays() -> None:
    ada = User.objects.create_user("ada")
    lists(MARIA, by=ada)
    ada.delete()
    assert DoNotCall.objects.get().created_by is None
