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
from campaigns.models import Campaign, ListImport

pytestmark = pytest.mark.django_db(transaction=True)

PROJECT = Path(__file__).resolve().parents[2]


def test_a_command_killed_and_started_again_ends_with_the_same_sums(tmp_path: Path) -> None:
    campaign = Campaign.objects.create(name="Spring")
    path = tmp_path / "messy.csv"
    expected = messy_list(path, rows=8000, seed=5)
    given = connection.settings_dict
    host = f"?host={quote(given['HOST'], safe='')}" + (f"&port={given['PORT']}" if given["PORT"] else "")
    url = f"postgresql://{quote(given['USER'])}:{quote(given['PASSWORD'])}@/{given['NAME']}{host}"
    command = [sys.executable, "manage.py", "import_leads", str(path), "--campaign", str(campaign.pk), "--country", "GB"]
    env = {**os.environ, "DATABASE_URL": url, "STATE_DIR": str(tmp_path)}
    process = subprocess.Popen(command, cwd=PROJECT, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    _stand_still_after_a_batch(process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    connection.close()  # and with it the lock
    half = ListImport.objects.get()
    assert 0 < half.rows < expected.rows

    again = subprocess.run(command, cwd=PROJECT, env=env, capture_output=True, text=True, timeout=120)
    assert again.returncode == 0, again.stderr
    assert f"Going on with import {half.pk} after {half.rows:,} rows." in again.stderr
    done = ListImport.objects.get()
    assert (done.rows, done.accepted, done.duplicates, done.rejected) == (
        expected.rows,
        expected.accepted,
        expected.duplicates,
        expected.rejected,
    )
    assert campaign.leads.count() == expected.accepted


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
