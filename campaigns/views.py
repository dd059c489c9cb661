"""Listening to recordings: who may, that they did, and the file in parts, as players ask for it."""

import re
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta

from asgiref.sync import sync_to_async
from django.contrib.auth.decorators import login_required
from django.core.files.storage import default_storage
from django.core.handlers.asgi import ASGIRequest
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from agents.models import Interaction, User
from agents.rules.lifecycle import Phase
from campaigns.history import ELSEWHERE
from campaigns.models import Attempt, Lead
from telephony.models import Recording, RecordingPlay
from telephony.rules.lifecycle import RecordingState

MAY_PLAY = "telephony.play_recording"
CHUNK = 64 * 1024
RANGE = re.compile(r"bytes=([0-9]{0,15})-([0-9]{0,15})", re.ASCII)
# a player asks for the same file many times: moving about in it is still the one play
ONE_PLAY = timedelta(minutes=10)


@require_safe
@login_required
def recording(request: HttpRequest, recording_id: int) -> HttpResponseBase:
    """The file of one recording. Each play is written down; whoever may not listen is told that there is none."""
    found = Recording.objects.filter(pk=recording_id, state=RecordingState.STORED).first()
    name = found.file.name if found else None
    if found is None or name is None or not isinstance(request.user, User) or not _may_play(request.user, found):
        raise Http404("There is no such recording.")
    if request.method == "GET":
        _written_down(request, request.user, found, now=timezone.now())
    size = default_storage.size(name)
    asked = RANGE.fullmatch(request.headers.get("Range", ""))
    part = _part(asked, size) if asked else range(size)
    if not part:
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
    # an answer to ASGI goes out piece by piece only where it is made so: another one is read whole first
    pieces = _pieces if isinstance(request, ASGIRequest) else _bytes
    status, of_what = 206 if asked else 200, "audio/wav"
    response: HttpResponseBase
    if request.method == "HEAD":
        response = HttpResponse(status=status, content_type=of_what)
    else:
        response = StreamingHttpResponse(pieces(name, part), status=status, content_type=of_what)
    if asked:
        response["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{size}"
    response["Accept-Ranges"] = "bytes"
    response["Content-Length"] = str(len(part))
    response["Content-Disposition"] = f'inline; filename="{found.started_at:%Y%m%d-%H%M%S}.wav"'
    response["Cache-Control"] = "private, no-store"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


def _may_play(user: User, found: Recording) -> bool:
    """Staff by their permission; an agent who has it too: their own calls, and those of the person whose record is on their desk."""
    if not user.has_perm(MAY_PLAY):
        return False
    if user.is_staff:
        return True
    attempt = Attempt.objects.filter(pk=found.call_id).first()
    if attempt is None:
        return False
    if attempt.agent is not None and attempt.agent.user_id == user.pk:
        return True
    if Interaction.objects.filter(agent__user=user, call_id=found.call_id).exists():
        return True  # they were given the customer
    seen = Lead.objects.filter(contact_id=attempt.contact_id) if user.has_perm(ELSEWHERE) else Lead.objects.filter(pk=attempt.lead_id)
    return Interaction.objects.filter(agent__user=user, lead_id__in=seen.values("pk")).exclude(phase=Phase.CLOSED).exists()


def _written_down(request: HttpRequest, user: User, found: Recording, *, now: datetime) -> None:
    asked = RANGE.fullmatch(request.headers.get("Range", ""))
    goes_on = asked is not None and asked[1] not in ("", "0")
    if goes_on and RecordingPlay.objects.filter(recording=found, user=user, at__gt=now - ONE_PLAY).exists():
        return
    RecordingPlay.objects.create(recording=found, user=user, at=now, address=request.META.get("REMOTE_ADDR") or None)


def _part(asked: "re.Match[str]", size: int) -> range:
    """Empty where there is nothing to give: beyond the end, or the wrong way round."""
    first, last = asked[1], asked[2]
    if not first:
        return range(max(0, size - int(last)), size) if last else range(0)
    return range(int(first), min(size, int(last) + 1 if last else size))


async def _pieces(name: str, part: range) -> AsyncIterator[bytes]:
    """As `_bytes`, each read in a thread when whoever listens has taken the one before."""
    file = await sync_to_async(default_storage.open)(name)
    try:
        await sync_to_async(file.seek)(part.start)
        left = len(part)
        while left > 0 and (chunk := await sync_to_async(file.read)(min(CHUNK, left))):
            left -= len(chunk)
            yield chunk
    finally:
        await sync_to_async(file.close)()


def _bytes(name: str, part: range) -> Iterator[bytes]:
    with default_storage.open(name) as file:
        file.seek(part.start)
        left = len(part)
        while left > 0 and (chunk := file.read(min(CHUNK, left))):
            left -= len(chunk)
            yield chunk
