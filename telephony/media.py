"""Recordings: made at a node, fetched from there, kept for as long as they may be; and announcements, kept here and brought to the nodes. The
only writer of Recording and of AnnouncementFile.

The row is the truth: whatever dies on the way, a sweep finds by it what was asked for and is not running, what has ended and is not here
yet, and what is to be deleted.
"""

import logging
import os
import shutil
import struct
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO
from uuid import UUID

from django.contrib.auth.base_user import AbstractBaseUser
from django.core.files import File
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import F

from dialer_project.lib import sql, wake
from dialer_project.lib.lifecycle import after, states_before
from telephony import nodes
from telephony.drivers.base import Carrier, CarrierTimeout, CarrierUnreachable
from telephony.models import Announcement, AnnouncementFile, Recording
from telephony.nodes import NodeAway
from telephony.rules.lifecycle import RECORDING, STILL_RECORDED, RecordingMove, RecordingState
from telephony.rules.sound import Playable

log = logging.getLogger(__name__)

# one whose beginning or end was told to nobody is looked after when it has stood still for so long
STANDS_STILL_FOR = timedelta(seconds=10)
# whoever fetches a file has this long before somebody else tries
FETCH_WITHIN = timedelta(minutes=5)
AGAIN_AFTER = timedelta(seconds=30)
AGAIN_AT_MOST = timedelta(hours=1)
# a node that answers and has no such file is believed after so many times
LOST_AFTER = 5
AT_ONCE = 50
HEADER = 44  # bytes of a plain WAV before its sound


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A conversation to be recorded, or, where `bridge` is the call itself, what is heard of a call before it is in any. notice: what
    everybody in it hears first; keep_for None: for ever."""

    call_id: UUID
    node_id: int
    bridge: UUID
    keep_for: timedelta | None
    notice: str = ""


def record(wanted: Sequence[Wanted], *, now: datetime) -> None:
    """Writes down that these are to be recorded; after the commit the carrier is told. One that is recorded already goes on as it is."""
    if not wanted:
        return
    rows = sql.rows(
        """
        INSERT INTO telephony_recording (call_id, node_id, bridge, name, state, started_at, keep_for, notice)
        SELECT w.call_id, w.node_id, w.bridge, w.name, 'wanted', %(now)s, make_interval(secs => w.keep_for), w.notice
        FROM json_to_recordset(%(wanted)s::json) AS w(call_id uuid, node_id bigint, bridge uuid, name text, keep_for float, notice text)
        ON CONFLICT DO NOTHING RETURNING id, node_id, bridge, name, notice
        """,
        {
            "now": now,
            "wanted": sql.records(
                {
                    "call_id": one.call_id,
                    "node_id": one.node_id,
                    "bridge": one.bridge,
                    "name": token_hex(16),
                    "keep_for": one.keep_for.total_seconds() if one.keep_for is not None else None,
                    "notice": one.notice,
                }
                for one in wanted
            ),
        },
    )
    for row in rows:
        sql.after_commit(_start, row, now=now)


def _start(row: sql.Row, *, now: datetime) -> None:
    """That it runs is told by the carrier's event. One that runs already has merely lost the reply."""
    try:
        if nodes.ask(nodes.by_id(row.node_id), lambda carrier: carrier.record(row.bridge, row.name)):
            _give_notice(row, now=now)
    except NodeAway as away:
        log.warning("recording %s is tried again: %s", row.name, away)


def _give_notice(row: sql.Row, *, now: datetime) -> None:
    """Rather said twice than not at all: that it was said is written down afterwards. Raises NodeAway."""
    if row.notice and nodes.ask(nodes.by_id(row.node_id), lambda carrier: carrier.play_to_all(row.bridge, row.notice)):
        sql.changed("UPDATE telephony_recording SET notice_at = %s WHERE id = %s AND notice_at IS NULL", [now, row.id])


def started(names: Sequence[str]) -> dict[UUID, UUID]:
    """The carrier says that these run. Returns the calls by their conversations."""
    return _moved(RecordingMove.STARTED, names)


def _moved(event: RecordingMove, names: Sequence[str], *, also: str = "", params: Mapping[str, object] | None = None) -> dict[UUID, UUID]:
    if not names:
        return {}
    return {
        row.bridge: row.call_id
        for row in sql.rows(
            f"UPDATE telephony_recording SET state = %(to)s{also} WHERE name = ANY(%(names)s) AND state = ANY(%(before)s) RETURNING bridge, call_id",
            {
                "to": after(RECORDING, event).value,
                "names": list(names),
                "before": [state.value for state in states_before(RECORDING, event)],
                **(params or {}),
            },
        )
    }


def pause(bridge: UUID, *, now: datetime) -> bool:
    """Nothing is recorded from now on. The row says so only once the carrier has done it; False where nothing is recorded."""
    for row in _running(bridge, RecordingState.RUNNING):
        if _ask(row, RecordingMove.PAUSE):
            mark = sql.records([{"from": now.isoformat()}])
            return bool(_moved(RecordingMove.PAUSE, [row.name], also=", pauses = pauses || %(mark)s::jsonb", params={"mark": mark}))
    return False


def resume(bridge: UUID, *, now: datetime) -> bool:
    """It goes on. Nothing is recorded unless the row says so: the row first, and back where the carrier does not do it."""
    for row in _running(bridge, RecordingState.PAUSED):
        until = sql.records([{"until": now.isoformat()}])[1:-1]
        closed = ", pauses = jsonb_set(pauses, '{-1}', (pauses -> -1) || %(until)s::jsonb)"
        if _moved(RecordingMove.RESUME, [row.name], also=closed, params={"until": until}):
            if _ask(row, RecordingMove.RESUME):
                return True
            reopened = ", pauses = jsonb_set(pauses, '{-1}', (pauses -> -1) - 'until')"
            _moved(RecordingMove.PAUSE, [row.name], also=reopened)
    return False


def stop(bridge: UUID) -> None:
    """Whatever is recorded there ends; that it has comes as an event."""
    for row in _running(bridge, *STILL_RECORDED):
        _ask(row, RecordingMove.ENDED)


def goes_on(bridge: UUID) -> bool:
    """Whether something is recorded there, or paused."""
    return bool(_running(bridge, *STILL_RECORDED))


def _running(bridge: UUID, *states: RecordingState) -> list[sql.Row]:
    return sql.rows(
        "SELECT name, node_id FROM telephony_recording WHERE bridge = %s AND state = ANY(%s)", [bridge, [state.value for state in states]]
    )


def _ask(row: sql.Row, move: RecordingMove) -> bool:
    name: str = row.name
    try:
        match move:
            case RecordingMove.PAUSE:
                return nodes.ask(nodes.by_id(row.node_id), lambda carrier: carrier.pause_recording(name))
            case RecordingMove.RESUME:
                return nodes.ask(nodes.by_id(row.node_id), lambda carrier: carrier.resume_recording(name))
            case _:
                return nodes.ask(nodes.by_id(row.node_id), lambda carrier: carrier.stop_recording(name))
    except NodeAway as away:
        log.warning("recording %s was not told: %s", name, away)
        return False


def ended(lasted: Mapping[str, tuple[datetime, float | None]], *, now: datetime) -> dict[UUID, UUID]:
    """name -> (when, seconds): their files are to be fetched. Returns the calls by their conversations."""
    if not lasted:
        return {}
    rows = sql.rows(
        """
        UPDATE telephony_recording r SET state = 'ended', ended_at = e.at, seconds = e.seconds, fetch_at = %(now)s,
            pauses = CASE WHEN r.state = 'paused' THEN jsonb_set(r.pauses, '{-1}', (r.pauses -> -1) || jsonb_build_object('until', e.at)) ELSE r.pauses END
        FROM json_to_recordset(%(ended)s::json) AS e(name text, at timestamptz, seconds float)
        WHERE r.name = e.name AND r.state = ANY(%(before)s) RETURNING r.id, r.bridge, r.call_id
        """,
        {
            "now": now,
            "before": [state.value for state in STILL_RECORDED],
            "ended": sql.records({"name": name, "at": at, "seconds": seconds} for name, (at, seconds) in lasted.items()),
        },
    )
    wake.fetch_recordings([row.id for row in rows])
    return {row.bridge: row.call_id for row in rows}


# --- the file: from the node to us ------------------------------------------------------------------------------------------------


def fetch(recording_id: int, *, now: datetime) -> None:
    """Keeps the file of one recording, then removes it from its node. One of those who try at a time; each step may be done again."""
    taken = sql.rows(
        """
        UPDATE telephony_recording SET fetch_at = %(later)s WHERE id = %(id)s AND fetch_at <= %(now)s AND state IN ('ended', 'stored')
        RETURNING id, name, node_id, state, tries, started_at, ended_at, keep_for
        """,
        {"id": recording_id, "now": now, "later": now + FETCH_WITHIN},
    )
    for row in taken:
        carrier = nodes.driver(nodes.by_id(row.node_id))
        try:
            if row.state == RecordingState.STORED or _store(row, carrier, now=now):
                carrier.remove_recording(row.name)
                sql.changed("UPDATE telephony_recording SET fetch_at = NULL WHERE id = %s AND state = 'stored'", [row.id])
        except (CarrierTimeout, CarrierUnreachable) as away:
            log.warning("recording %s is fetched later: %s", row.name, away)
            _later(row, now=now)


def _store(row: sql.Row, carrier: Carrier, *, now: datetime) -> bool:
    with tempfile.TemporaryFile() as file:
        if not carrier.fetch_recording(row.name, file):
            _not_there(row, carrier, now=now)
            return False
        size = file.seek(0, os.SEEK_END)
        repair(file)
        seconds = max(0, size - HEADER) / 16_000
        path = f"recordings/{row.started_at:%Y/%m/%d}/{row.name}.wav"
        # left by one who died between keeping it and saying so
        default_storage.delete(path)
        file.seek(0)
        kept = default_storage.save(path, File(file))
    delete_at = row.ended_at + row.keep_for if row.keep_for is not None else None
    stored = sql.changed(
        """
        UPDATE telephony_recording SET state = 'stored', file = %(file)s, size = %(size)s, seconds = %(seconds)s, stored_at = %(now)s,
            delete_at = %(delete_at)s
        WHERE id = %(id)s AND state = 'ended'
        """,
        {"id": row.id, "file": kept, "size": size, "seconds": seconds, "now": now, "delete_at": delete_at},
    )
    return stored == 1


def _not_there(row: sql.Row, carrier: Carrier, *, now: datetime) -> None:
    if carrier.stop_recording(row.name):  # nobody had told the node that it is over
        sql.changed("UPDATE telephony_recording SET fetch_at = %s WHERE id = %s AND state = 'ended'", [now + AGAIN_AFTER, row.id])
    elif row.tries + 1 < LOST_AFTER:
        _later(row, now=now)
    else:
        log.warning("recording %s has no file: it is lost", row.name)
        sql.changed("UPDATE telephony_recording SET state = 'lost', fetch_at = NULL WHERE id = %s AND state = 'ended'", [row.id])


def _later(row: sql.Row, *, now: datetime) -> None:
    wait = min(AGAIN_AFTER * 2 ** min(row.tries, 10), AGAIN_AT_MOST)
    sql.changed("UPDATE telephony_recording SET fetch_at = %s, tries = tries + 1 WHERE id = %s AND fetch_at IS NOT NULL", [now + wait, row.id])


def repair(file: BinaryIO) -> None:
    """A recorder that was killed has written no length into its file's head: what is there counts."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    head = file.read(HEADER)
    if len(head) == HEADER and head[:4] == b"RIFF" and head[36:40] == b"data":
        file.seek(4)
        file.write(struct.pack("<I", size - 8))
        file.seek(40)
        file.write(struct.pack("<I", size - HEADER))


# --- what was left lying ----------------------------------------------------------------------------------------------------------


def look_after(*, now: datetime) -> None:
    """Recordings whose beginning or end was told to nobody, or that go on beyond what they were meant for, files to be fetched, and those
    whose time is over."""
    _start_again(now=now)
    _past_the_verdict(now=now)
    _ended_unheard(now=now)
    due = sql.rows("SELECT id FROM telephony_recording WHERE fetch_at <= %s ORDER BY fetch_at LIMIT %s", [now, AT_ONCE])
    wake.fetch_recordings([row.id for row in due])
    delete_old(now=now)


def _start_again(*, now: datetime) -> None:
    for row in sql.rows(
        """
        SELECT r.id, r.name, r.node_id, r.bridge, r.state, CASE WHEN r.notice_at IS NULL THEN r.notice ELSE '' END AS notice
        FROM telephony_recording r JOIN telephony_call c ON c.id = r.call_id
        WHERE (r.state = 'wanted' OR r.state IN ('running', 'paused') AND r.notice <> '' AND r.notice_at IS NULL)
          AND r.started_at < %s AND c.state = 'connected' AND r.bridge <> r.call_id LIMIT %s
        """,
        [now - STANDS_STILL_FOR, AT_ONCE],
    ):
        # one that cannot be started and can be resumed has been running all the time
        runs = row.state != RecordingState.WANTED or _ask(row, RecordingMove.RESUME)
        if not runs:
            _start(row, now=now)
            continue
        if row.state == RecordingState.WANTED:
            started([row.name])
        try:
            _give_notice(row, now=now)
        except NodeAway as away:
            log.warning("recording %s runs without its notice: %s", row.name, away)


def _past_the_verdict(*, now: datetime) -> None:
    """What was to be heard was whether a machine speaks, and no more: should the node not have been told to stop."""
    for row in sql.rows(
        """
        SELECT r.name, r.node_id FROM telephony_recording r JOIN telephony_call c ON c.id = r.call_id
        WHERE r.bridge = r.call_id AND r.state = ANY(%s) AND c.verdict_at < %s LIMIT %s
        """,
        [[state.value for state in STILL_RECORDED], now - STANDS_STILL_FOR, AT_ONCE],
    ):
        _ask(row, RecordingMove.ENDED)


def _ended_unheard(*, now: datetime) -> None:
    """Nobody may be recorded beyond the call: an agent whom nobody took out of the conversation still is, so the node is told to stop."""
    rows = sql.rows(
        """
        SELECT r.name, r.node_id, c.ended_at FROM telephony_recording r JOIN telephony_call c ON c.id = r.call_id
        WHERE r.state = ANY(%s) AND c.ended_at < %s LIMIT %s
        """,
        [[state.value for state in STILL_RECORDED], now - STANDS_STILL_FOR, AT_ONCE],
    )
    for row in rows:
        _ask(row, RecordingMove.ENDED)
    with transaction.atomic():
        ended({row.name: (row.ended_at, None) for row in rows}, now=now)


def delete_old(*, now: datetime) -> int:
    """Files whose time is over; the row stays and says so. Returns how many."""
    deleted = 0
    for row in sql.rows(
        "SELECT id, file FROM telephony_recording WHERE state = 'stored' AND delete_at <= %s ORDER BY delete_at LIMIT %s", [now, AT_ONCE]
    ):
        default_storage.delete(row.file)
        deleted += sql.changed(
            "UPDATE telephony_recording SET state = 'deleted', deleted_at = %s, file = '', fetch_at = NULL WHERE id = %s AND state = 'stored'",
            [now, row.id],
        )
    return deleted


def of_calls(call_ids: Iterable[UUID]) -> dict[UUID, list[Recording]]:
    """The conversations that can be listened to, by call, the earliest first."""
    found: dict[UUID, list[Recording]] = {}
    stored = Recording.objects.filter(call_id__in=list(call_ids), state=RecordingState.STORED).exclude(bridge=F("call_id"))
    for recording in stored.order_by("started_at"):
        found.setdefault(recording.call_id, []).append(recording)
    return found


# --- announcements ----------------------------------------------------------------------------------------------------------------


def new_version(announcement: Announcement, sound: Playable, *, by: AbstractBaseUser | None, now: datetime) -> AnnouncementFile:
    """From now on this is what is said. Its name says the version, so that no node can play another one by mistake."""
    with transaction.atomic():
        Announcement.objects.select_for_update().get(pk=announcement.pk)
        last = AnnouncementFile.objects.filter(announcement=announcement).first()
        version = last.version + 1 if last else 1
        name = f"announcement-{announcement.pk}-v{version}"
        kept = default_storage.save(f"announcements/{name}.wav", ContentFile(sound.wav))
        made = AnnouncementFile.objects.create(
            announcement=announcement,
            version=version,
            name=name,
            file=kept,
            seconds=sound.seconds,
            uploaded_at=now,
            uploaded_by_id=by.pk if by else None,
        )
        Announcement.objects.filter(pk=announcement.pk).update(media=f"sound:{name}")
    announcement.media = f"sound:{name}"
    return made


def bring_announcements(folder: Path) -> list[str]:
    """Puts every announcement among a node's own sounds, so that it can be said whatever has died. Whole or not at all; returns the new ones."""
    brought = []
    for name, path in AnnouncementFile.objects.values_list("name", "file"):
        there = folder / f"{name}.wav"
        if there.exists():
            continue
        half = folder / f".{name}.{os.getpid()}"
        try:
            with default_storage.open(path) as source, half.open("wb") as target:
                shutil.copyfileobj(source, target)
            half.replace(there)
        except OSError as wrong:
            log.warning("announcement %s is not among the sounds of %s: %s", name, folder, wrong)
            half.unlink(missing_ok=True)
            continue
        brought.append(name)
    return brought
