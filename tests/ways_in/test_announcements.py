"""Announcements uploaded in the admin: made playable, kept in versions, and brought to the nodes' own sounds."""

import io
import math
import struct
import wave
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from telephony import media
from telephony.models import Announcement, AnnouncementFile
from telephony.rules.sound import Playable, Unplayable, playable

pytestmark = pytest.mark.django_db
ADD = "/admin/telephony/announcement/add/"


@pytest.fixture(autouse=True)
def our_storage(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"


def tone(seconds: float = 1.0, *, rate: int = 44_100, channels: int = 2, pitch: int = 440, loudness: int = 12_000) -> bytes:
    made = io.BytesIO()
    with wave.open(made, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        for at in range(int(rate * seconds)):
            file.writeframesraw(struct.pack("<h", int(loudness * math.sin(2 * math.pi * pitch * at / rate))) * channels)
    return made.getvalue()


def loudness(sound: Playable | Unplayable) -> float:
    assert isinstance(sound, Playable)
    with wave.open(io.BytesIO(sound.wav)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (8000, 1, 2)
        samples = struct.unpack(f"<{file.getnframes()}h", file.readframes(file.getnframes()))
    return math.sqrt(sum(sample**2 for sample in samples) / len(samples))


def uploads(client: Client, address: str, sound: bytes, **fields: str) -> str:
    form = {"name": "Sorry", "text": "", "media": "", "files-TOTAL_FORMS": "0", "files-INITIAL_FORMS": "0", **fields}
    return client.post(address, {**form, "upload": SimpleUploadedFile("said.wav", sound)}, follow=True).content.decode()


def test_what_the_exchange_plays_is_made_of_what_was_uploaded() -> None:
    assert 8000 < loudness(playable(tone())) < 9000
    assert loudness(playable(tone(pitch=10_000))) < 200, "what 8 kHz cannot carry is filtered out and does not come back as another tone"
    assert 8000 < loudness(playable(tone(rate=8000, channels=1))) < 9000


def test_a_new_file_is_a_new_version_which_is_said_from_then_on(admin_client: Client, tmp_path: Path) -> None:
    uploads(admin_client, ADD, tone())
    sorry = Announcement.objects.get()
    first = sorry.files.get()
    assert (sorry.media, first.version) == (f"sound:{first.name}", 1)
    uploads(admin_client, f"/admin/telephony/announcement/{sorry.pk}/change/", tone(2.0), media=sorry.media)
    sorry.refresh_from_db()
    assert [one.version for one in sorry.files.all()] == [2, 1]
    assert sorry.media == f"sound:{sorry.files.all()[0].name}"
    played = admin_client.get(f"/admin/telephony/announcement/play/{first.pk}/")
    assert (played.status_code, played.getvalue()[:4]) == (200, b"RIFF")
    assert Client().get(f"/admin/telephony/announcement/play/{first.pk}/").status_code == 302

    sounds = tmp_path / "sounds"
    sounds.mkdir()
    assert len(media.bring_announcements(sounds)) == 2
    assert media.bring_announcements(sounds) == []
    assert {path.name for path in sounds.iterdir()} == {f"{one.name}.wav" for one in AnnouncementFile.objects.all()}


@pytest.mark.parametrize(
    ("sound", "why"),
    [
        (b"nonsense" * 1000, "no sound file"),
        (tone(0.1), "hardly anything"),
        (tone(loudness=10), "Nothing is to be heard"),
    ],
)
def test_what_cannot_be_said_is_refused_beside_the_file(admin_client: Client, sound: bytes, why: str) -> None:
    assert why in uploads(admin_client, ADD, sound)
    assert not Announcement.objects.exists()


def test_an_announcement_without_a_sound_is_refused(admin_client: Client) -> None:
    form = {"name": "Sorry", "files-TOTAL_FORMS": "0", "files-INITIAL_FORMS": "0"}
    assert "Upload what is to be said" in admin_client.post(ADD, form).content.decode()


@pytest.mark.parametrize("media", ["sound:the terms", "sound:../etc/passwd", "sounds/terms", "sound:"])
def test_a_sound_that_no_exchange_could_be_asked_for_is_refused_where_it_is_named(admin_client: Client, media: str) -> None:
    form = {"name": "Terms", "text": "", "files-TOTAL_FORMS": "0", "files-INITIAL_FORMS": "0"}
    assert "This is no name of a sound" in admin_client.post(ADD, {**form, "media": media}).content.decode()
    admin_client.post(ADD, {**form, "media": "sound:terms-2.0"})
    assert Announcement.objects.get().media == "sound:terms-2.0"
