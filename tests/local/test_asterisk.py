"""Asterisk on this machine: found or refused with a reason, and the configuration it is given."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dialer_project.local import asterisk, processes
from dialer_project.local.asterisk import Asterisk, Installed
from dialer_project.local.say import CannotGoOn


@pytest.fixture
def written(tmp_path: Path) -> Path:
    data = tmp_path / "root" / "usr/share/asterisk"
    (data / "sounds").mkdir(parents=True)
    (data / "documentation").mkdir()
    server = Asterisk(
        tmp_path / "server", Installed(("asterisk",), tmp_path / "root"), trunks={"demo": "127.0.0.1:5999", "away": ""}, stations=("ana",)
    )
    server.folder.mkdir()
    server.write()
    server.write()  # a second start finds everything there
    return server.folder


def settings(file: Path) -> str:
    return "\n".join(line for line in file.read_text().splitlines() if line and not line.startswith(";"))


def test_where_asterisk_cannot_be_had_the_reason_is_told_and_how_to_go_without(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("ASTERISK_ROOT", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(CannotGoOn, match="there is no Asterisk 22 for the tests on a real carrier: ") as refusal:
        asterisk.find_or_install(tmp_path / "log")
    assert "WITHOUT_ASTERISK=1" in refusal.value.remedy


def test_a_named_asterisk_that_does_not_start_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ASTERISK_ROOT", str(tmp_path))
    with pytest.raises(CannotGoOn, match="holds no Asterisk 22 that starts"):
        asterisk.find()


@pytest.mark.parametrize(("said", "meant"), [("1", True), ("yes", True), ("0", False), ("", False)])
def test_going_without_is_asked_for_by_name(monkeypatch: pytest.MonkeyPatch, said: str, meant: bool) -> None:
    monkeypatch.setenv("WITHOUT_ASTERISK", said)
    assert asterisk.not_wanted() is meant


def test_everything_is_filled_in_and_nothing_can_be_read_by_others(written: Path) -> None:
    for file in (written / "etc").rglob("*.conf"):
        if file.name != "extensions.conf":
            assert not re.search(r"\$\{?[A-Z]", settings(file)), file.name
    assert all((written / "etc" / name).stat().st_mode & 0o077 == 0 for name in ("ari.conf", "pjsip.d/stations.conf"))


def test_nothing_listens_beyond_this_machine_and_nothing_is_loaded_that_is_not_named(written: Path) -> None:
    assert "bindaddr = 127.0.0.1" in settings(written / "etc/http.conf")
    assert set(re.findall(r"^bind = ([\d.]+)", settings(written / "etc/pjsip.conf"), re.MULTILINE)) == {"127.0.0.1"}
    modules = settings(written / "etc/modules.conf")
    assert "autoload = no" in modules
    assert not re.search(r"app_(system|voicemail|mixmonitor)|res_manager|func_shell|app_originate", modules)


def test_who_calls_us_reaches_the_application_and_never_a_trunk(written: Path) -> None:
    dialplan = settings(written / "etc/extensions.conf")
    contexts = dict(re.findall(r"^\[([\w-]+)\]\n((?:(?!\[[\w-]+\]\n).*\n?)*)", dialplan, re.MULTILINE))
    assert re.findall(r"^exten => (\S+?),1", contexts["ringmaster-stations"], re.MULTILINE) == ["echo", "_.", "T"]
    assert "include" not in dialplan
    assert "Dial(" not in dialplan, "calls are made by us alone"
    pjsip = settings(written / "etc/pjsip.conf")
    assert set(re.findall(r"^context = (\S+)", pjsip, re.MULTILINE)) == {"ringmaster-incoming", "ringmaster-nowhere", "ringmaster-stations"}


def told_to_others(server: Asterisk) -> dict[str, list[str]]:
    server.folder.mkdir()
    server.write()
    told: dict[str, list[str]] = {}
    for name, value in re.findall(r"^(external_\w+|local_net) = (\S+)", settings(server.folder / "etc/pjsip.conf"), re.MULTILINE):
        told.setdefault(name, []).append(value)
    return told


def test_the_phones_of_an_office_are_told_where_we_are_reached_and_only_our_own_network_is_not(tmp_path: Path) -> None:
    (tmp_path / "usr/share/asterisk/sounds").mkdir(parents=True)
    here = Installed(("asterisk",), tmp_path)
    outside = {"external_signaling_address": ["203.0.113.7"], "external_media_address": ["203.0.113.7"]}
    assert told_to_others(Asterisk(tmp_path / "own", here, seen_as="203.0.113.7")) == {
        **outside,
        "local_net": ["127.0.0.1/32", *processes.networks()],
    }
    assert "127.0.0.0/8" in processes.networks()
    named = ("172.18.0.0/16", "10.1.0.0/16")
    assert told_to_others(Asterisk(tmp_path / "named", here, seen_as="203.0.113.7", local_networks=named)) == {
        **outside,
        "local_net": ["127.0.0.1/32", *named],
    }
    assert told_to_others(Asterisk(tmp_path / "alone", here)) == {}


def test_a_trunk_nobody_is_at_has_no_contact(written: Path) -> None:
    trunks = settings(written / "etc/pjsip.d/trunks.conf")
    assert trunks.count("contact=") == 1
    assert "[away](trunk-template)" in trunks
