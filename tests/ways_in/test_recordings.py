"""Who may listen to a recording, in which parts, and that it is written down."""

from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import Permission
from django.core.files.base import ContentFile, File
from django.core.files.storage import default_storage
from django.http import StreamingHttpResponse
from django.test import AsyncRequestFactory, Client

from agents.models import User
from campaigns import screens, views
from campaigns.models import Attempt
from telephony.models import Recording, RecordingPlay
from tests.floor import Floor, Someone
from tests.flow.test_on_the_line import on_the_line

SOUND = bytes(range(256)) * 4


@pytest.fixture
def recording(floor: Floor, ana: Someone, settings: Any, tmp_path: Any) -> Recording:
    settings.MEDIA_ROOT = tmp_path
    maria = on_the_line(floor, ana)
    return Recording.objects.create(
        call_id=maria.attempts[0].pk,
        node=floor.node,
        bridge=ana._work(),
        name="0f" * 16,
        state="stored",
        started_at=floor.now,
        seconds=61,
        file=default_storage.save("recordings/0f.wav", ContentFile(SOUND)),
    )


def may_listen(user: User) -> Client:
    user.user_permissions.add(Permission.objects.get(codename="play_recording"))
    client = Client()
    client.force_login(User.objects.get(pk=user.pk))
    return client


def parts(client: Client, recording: Recording, asked: str) -> tuple[int, str, bytes]:
    response = client.get(f"/recordings/{recording.pk}/", headers={"Range": asked})
    return response.status_code, response.headers.get("Content-Range", ""), response.getvalue()


def test_a_player_gets_the_parts_it_asks_for(recording: Recording, admin_client: Client) -> None:
    whole = admin_client.get(f"/recordings/{recording.pk}/")
    assert (whole.status_code, whole.getvalue(), whole["Content-Type"]) == (200, SOUND, "audio/wav")
    assert whole["Cache-Control"] == "private, no-store"
    assert parts(admin_client, recording, "bytes=0-9") == (206, "bytes 0-9/1024", SOUND[:10])
    assert parts(admin_client, recording, "bytes=1000-") == (206, "bytes 1000-1023/1024", SOUND[1000:])
    assert parts(admin_client, recording, "bytes=-24") == (206, "bytes 1000-1023/1024", SOUND[1000:])
    assert parts(admin_client, recording, "bytes=1000-5000") == (206, "bytes 1000-1023/1024", SOUND[1000:])
    assert parts(admin_client, recording, "bytes=1024-") == (416, "bytes */1024", b"")
    assert parts(admin_client, recording, "bytes=9-0") == (416, "bytes */1024", b"")
    assert parts(admin_client, recording, "bytes=0-1,5-6") == (200, "", SOUND), "several parts at once are nobody's need: the whole"
    assert admin_client.head(f"/recordings/{recording.pk}/")["Content-Length"] == "1024"


def test_each_play_is_written_down_and_moving_about_in_it_is_one(recording: Recording, admin_client: Client, admin_user: User) -> None:
    for asked in ("bytes=0-", "bytes=500-", "bytes=200-300"):
        parts(admin_client, recording, asked)
    admin_client.head(f"/recordings/{recording.pk}/")
    (play,) = RecordingPlay.objects.all()
    assert (play.recording, play.user, play.address) == (recording, admin_user, "127.0.0.1")
    page = admin_client.get(f"/admin/telephony/recording/{recording.pk}/change/").content.decode()
    assert f'src="/recordings/{recording.pk}/"' in page
    assert RecordingPlay.objects.count() == 1, "a page with a player has played nothing"
    assert f'src="/recordings/{recording.pk}/"' in admin_client.get(f"/admin/campaigns/attempt/{recording.call_id}/change/").content.decode()


def test_whoever_may_not_listen_is_told_that_there_is_none(floor: Floor, recording: Recording, ana: Someone) -> None:
    address = f"/recordings/{recording.pk}/"
    assert Client().get(address).status_code == 302
    nobody = Client()
    nobody.force_login(ana.agent.user)
    assert nobody.get(address).status_code == 404, "it is her own call, and she has no permission"
    assert may_listen(ana.agent.user).get(address).status_code == 200
    ben = floor.agent("Ben")
    assert may_listen(ben.agent.user).get(address).status_code == 404, "neither his call nor on his desk"
    assert may_listen(User.objects.create(username="carla", is_staff=True)).get(address).status_code == 200
    Recording.objects.update(state="deleted", file="")
    assert may_listen(ana.agent.user).get(address).status_code == 404


def test_an_agent_with_permission_finds_earlier_recordings_in_the_history(floor: Floor, recording: Recording, ana: Someone) -> None:
    ana.hangs_up()
    floor.run(until=lambda: ana.phase == "wrap_up", at_most=5)
    assert Attempt.objects.filter(pk=recording.call_id, concluded_at__isnull=False).exists()
    details = screens.record(ana.id, ana._work())
    assert details
    assert details.history.attempts[0].recordings == []
    may_listen(ana.agent.user)
    details = screens.record(ana.id, ana._work())
    assert details
    assert [(shown.id, shown.seconds) for shown in details.history.attempts[0].recordings] == [(recording.pk, 61)]


def test_a_web_process_reads_the_next_piece_when_the_one_before_has_gone_out(
    recording: Recording, admin_user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "CHUNK", 256)
    read: list[int] = []

    class Watched(File):  # type: ignore[type-arg]  # Django's File takes no argument when it runs
        def read(self, size: int = -1) -> bytes:
            read.append(size)
            assert self.file is not None
            found: bytes = self.file.read(size)
            return found

    opened: list[Watched] = []

    def watched(name: str) -> Watched:
        opened.append(Watched(Path(default_storage.path(name)).open("rb")))  # noqa: SIM115  # the view closes it
        return opened[-1]

    request = AsyncRequestFactory().get(f"/recordings/{recording.pk}/", headers={"Range": "bytes=100-899"})
    request.user = admin_user
    with monkeypatch.context() as patch:
        patch.setattr(default_storage, "open", watched)
        response = views.recording(request, recording.pk)
        assert isinstance(response, StreamingHttpResponse)
        assert response.is_async

        async def goes_out() -> bytes:
            sound = b""
            async for piece in response:
                sound += piece
                assert sum(read) == len(sound), "nothing is read ahead"
            return sound

        assert async_to_sync(goes_out)() == SOUND[100:900]
    assert read == [256, 256, 256, 32]
    assert (response.status_code, response["Content-Range"], opened[0].closed) == (206, "bytes 100-899/1024", True)
