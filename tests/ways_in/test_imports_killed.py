"""The real command, killed for real: started again it ends with the same people and the same sums."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import pytest
from django.db import connection

from benchmarks.messy_lists import messy_list
from campaigns.imports import loading
from campaigns.journal import Journal, Listed
from campaigns.models import Campaign, DoNotCall, DoNotCallList, ListImport

pytestmark = pytest.mark.django_db(transaction=True)

PROJECT = Path(__file__).resolve().parents[2]


def test_a_command_killed_and_started_again_ends_with_the_same_sums(tmp_path: Path) -> None:
    campaign = Campaign.objects.create(name="Spring")
    path = tmp_path / "messy.csv"
    expected = messy_list(path, rows=8000, seed=5)
    done = _killed_and_started_again("import_leads", str(path), "--campaign", str(campaign.pk), "--country", "GB", state=tmp_path)
    assert (done.rows, done.accepted, done.duplicates, done.rejected) == (
        expected.rows,
        expected.accepted,
        expected.duplicates,
        expected.rejected,
    )
    assert campaign.leads.count() == expected.accepted


def test_a_register_killed_while_it_was_loaded_is_loaded_whole_in_the_end(tmp_path: Path) -> None:
    path = tmp_path / "register.txt"
    path.write_text("".join(f"+3460000{number:04d}\n" if number % 7 else "+34600000001\n" for number in range(8000)))
    done = _killed_and_started_again("import_do_not_call", str(path), "--list", "uk-tps", state=tmp_path)
    register = DoNotCallList.objects.get()
    assert (done.rows, done.rejected) == (8000, 0)
    assert done.accepted == register.numbers == DoNotCall.objects.count()
    assert (register.version, done.duplicates) == (1, 8000 - done.accepted)
    journalled = [act for act in Journal(tmp_path / "do-not-call.journal").read() if isinstance(act, Listed)]
    assert len({key for act in journalled for key in act.numbers}) == done.accepted


def _killed_and_started_again(*args: str, state: Path) -> ListImport:
    """Killed after some batch was committed and before the last; the same command then finishes what it began."""
    given = connection.settings_dict
    host = f"?host={quote(given['HOST'], safe='')}" + (f"&port={given['PORT']}" if given["PORT"] else "")
    url = f"postgresql://{quote(given['USER'])}:{quote(given['PASSWORD'])}@/{given['NAME']}{host}"
    command = [sys.executable, "manage.py", *args]
    env = {**os.environ, "DATABASE_URL": url, "STATE_DIR": str(state)}
    process = subprocess.Popen(command, cwd=PROJECT, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    _stand_still_after_a_batch(process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    connection.close()  # and with it the lock
    half = ListImport.objects.get()
    assert 0 < half.rows < 8000

    again = subprocess.run(command, cwd=PROJECT, env=env, capture_output=True, text=True, timeout=120)
    assert again.returncode == 0, again.stderr
    assert f"Going on with import {half.pk} after {half.rows:,} rows." in again.stderr
    return ListImport.objects.get()


def _stand_still_after_a_batch(process: subprocess.Popen[str]) -> None:
    """Takes the lock every batch needs, once one has been committed."""
    for _ in range(6000):
        if ListImport.objects.filter(state=ListImport.State.RUNNING).exists():
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '60s'")
                cursor.execute("SELECT pg_advisory_lock(%s, 0)", [loading.IMPORTS])
                if ListImport.objects.filter(rows__gt=0).exists():
                    return
                cursor.execute("SELECT pg_advisory_unlock(%s, 0)", [loading.IMPORTS])
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.03)
            break
    raise AssertionError(f"the import did not begin: {process.communicate()[1]}")
