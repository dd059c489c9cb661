"""While a customer is on the line: hold, mute, keys; and what follows when it is a machine.

An agent is found and kept while the carrier still listens whether a machine answered, so that a person is put through in the moment this is
known; a machine gives the agent back.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction

from agents import desk
from agents.desk import DONE, NOT_YOURS, Answer, Change, Moved, Refusal
from agents.rules.lifecycle import Phase, PhaseMove
from campaigns.flow import conclude, left_behind, match, next_for, place
from campaigns.models import Campaign
from dialer_project.lib import sql
from dialer_project.lib.sentence import say
from telephony import calls, commands, media
from telephony.rules.lifecycle import Verdict

NOBODY_THERE = Refusal("There is nobody on the line at the moment.")
HELD_AT_THE_PHONE = Refusal("The call is on hold at your phone: take it off hold there.")
NOT_SAID = say("Nobody heard the message: the telephone system does not have it. Say it yourself, and tell your supervisor.")
NOT_HEARD = Refusal("The telephone system did not do it: the call has ended, or the line to it is lost. Try again.")

# what an agent speaks through
_LEG = "CASE WHEN s.nailed_up THEN s.leg ELSE i.agent_call_id END"
_LINE = f"""
    SELECT i.id, i.agent_id, i.campaign_id, i.phase, i.muted, i.recording, i.agent_call_id, c.id AS call_id, c.node_id, c.bridge, c.state, s.nailed_up,
        {_LEG} AS leg
    FROM agents_interaction i JOIN agents_session s ON s.agent_id = i.agent_id
    LEFT JOIN telephony_call c ON c.id = i.call_id AND c.state <> 'ended'
"""

# the same in a conversation of their own or in one they were asked into
_OWN_LEG = f"""
    SELECT i.phase, c.node_id, {_LEG} AS leg
    FROM agents_interaction i JOIN agents_session s ON s.agent_id = i.agent_id
    LEFT JOIN campaigns_thirdparty t ON t.id = i.id AND t.state <> 'ended'
    LEFT JOIN telephony_call c ON c.id = coalesce(i.call_id, t.call_id) AND c.state <> 'ended'
"""


def conversation(interaction_id: UUID, agent_id: int) -> sql.Row | Refusal:
    """This agent's conversation, or why there is none."""
    rows = sql.rows(f"{_LINE} WHERE i.id = %s AND i.agent_id = %s AND i.phase <> 'closed'", [interaction_id, agent_id])
    if not rows:
        return NOT_YOURS
    return rows[0] if rows[0].phase == Phase.CONNECTED and rows[0].call_id is not None else NOBODY_THERE


def hold(interaction_id: UUID, agent_id: int, *, on: bool, now: datetime) -> Answer:
    """The customer hears music, or the agent again."""
    line = conversation(interaction_id, agent_id)
    if isinstance(line, Refusal):
        return line
    if not on and sql.rows(
        f"SELECT i.id FROM agents_interaction i JOIN agents_session s ON s.agent_id = i.agent_id WHERE i.id = %s AND {_AT_THE_AGENTS_PHONE}",
        [line.id],
    ):
        return HELD_AT_THE_PHONE
    if not (commands.hold if on else commands.resume)(line.node_id, line.call_id):
        return NOT_HEARD
    with transaction.atomic():
        desk.amend([Change(id=line.id, held=on)], now=now, only=(Phase.CONNECTED,))
    return DONE


def mute(interaction_id: UUID, agent_id: int, *, on: bool, now: datetime) -> Answer:
    """The agent is not heard, or is again; whoever was asked into a conversation too. The screen says so only once the carrier has done it."""
    rows = sql.rows(f"{_OWN_LEG} WHERE i.id = %s AND i.agent_id = %s AND i.phase <> 'closed'", [interaction_id, agent_id])
    if not rows:
        return NOT_YOURS
    leg = rows[0]
    if leg.phase != Phase.CONNECTED or leg.node_id is None:
        return NOBODY_THERE
    if leg.leg is None or not (commands.mute if on else commands.unmute)(leg.node_id, leg.leg):
        return NOT_HEARD
    with transaction.atomic():
        done = desk.amend([Change(id=interaction_id, muted=on)], now=now, only=(Phase.CONNECTED,))
    if not done:  # over meanwhile, by whoever did not know of it: the leg may stay, and is to be heard in the next conversation
        commands.unmute(leg.node_id, leg.leg)
        return NOBODY_THERE
    return DONE


def send_digits(interaction_id: UUID, agent_id: int, digits: str) -> Answer:
    """Keys for the far side, as a menu or a conference asks for them."""
    line = conversation(interaction_id, agent_id)
    if isinstance(line, Refusal):
        return line
    return DONE if commands.send_digits(line.node_id, line.call_id, digits) else NOT_HEARD


def play(interaction_id: UUID, agent_id: int, announcement_id: int, *, to: str) -> Answer:
    """A recorded message to the customer alone or to all in the conversation, which goes on."""
    line = conversation(interaction_id, agent_id)
    if isinstance(line, Refusal):
        return line
    found = sql.rows("SELECT media FROM telephony_announcement WHERE id = %s AND in_conversation", [announcement_id])
    if not found:
        return Refusal("This message is not there any more: choose another one.")
    said = (
        commands.play(line.node_id, line.call_id, found[0].media)
        if to == "customer"
        else commands.play_to_all(line.node_id, line.bridge, found[0].media)
    )
    return DONE if said else NOT_HEARD


def record(interaction_id: UUID, agent_id: int, do: str, *, now: datetime) -> Answer:
    """Begins, pauses or resumes the recording of this conversation. The screen says it runs once the carrier has said so."""
    line = conversation(interaction_id, agent_id)
    if isinstance(line, Refusal):
        return line
    if do == "start":
        return _begin_recording(line, now=now)
    if do == "pause" and line.recording != "on":
        return Refusal("Nothing is recorded here.")
    if do == "resume" and line.recording != "paused":
        return Refusal("This recording is not paused.")
    if do == "resume" and not media.goes_on(line.bridge):  # paused by whoever had the customer before
        return _begin_recording(line, now=now)
    if not (media.pause(line.bridge, now=now) if do == "pause" else media.resume(line.bridge, now=now)):
        return NOT_HEARD
    with transaction.atomic():
        desk.amend([Change(id=line.id, recording="paused" if do == "pause" else "on")], now=now, only=(Phase.CONNECTED,))
    return DONE


def _begin_recording(line: sql.Row, *, now: datetime) -> Answer:
    with transaction.atomic():
        (terms,) = sql.rows(
            """
            SELECT k.recording, k.recording_days, coalesce(n.media, '') AS notice FROM campaigns_campaign k
            LEFT JOIN telephony_announcement n ON n.id = k.recording_notice_id WHERE k.id = %s
            """,
            [line.campaign_id],
        )
        if terms.recording == Campaign.Recorded.OFF:
            return Refusal("This campaign records nothing.")
        media.record([match.recorded(terms, call_id=line.call_id, node_id=line.node_id, bridge=line.bridge)], now=now)
    return DONE


def recordings_told(running: Sequence[str], over: Mapping[str, tuple[datetime, float | None]], *, now: datetime) -> None:
    """The carrier says which recordings run, and which have ended and after how many seconds; so do the screens."""
    if running:
        desk.amend([Change(id=bridge, recording="on") for bridge in media.started(running)], now=now, only=(Phase.CONNECTED,))
    if over:
        desk.amend([Change(id=bridge, recording="") for bridge in media.ended(over, now=now)], now=now, only=(Phase.CONNECTED,))


# what was told last of a leg's being held; who is called by us and holds us at their own phone hears us no worse
_HELD = """
    coalesce((SELECT e.kind = 'held' FROM telephony_callevent e
              WHERE e.call_id = {leg} AND e.kind IN ('held', 'resumed') AND (e.data ->> 'by' IS NOT NULL) = {at_the_phone}
              ORDER BY e.id DESC LIMIT 1), false)
"""
_AT_OUR_BUTTON = _HELD.format(leg="i.call_id", at_the_phone="false")
_AT_THE_AGENTS_PHONE = _HELD.format(leg=f"({_LEG})", at_the_phone="true")


def on_hold(call_ids: Sequence[UUID], *, now: datetime) -> None:
    """The carrier says that these calls are held, or no longer: customers by our own button, agents' legs at the phones they talk on. Either
    way the customers hear music."""
    if call_ids:
        rows = sql.rows(
            f"""
            SELECT i.id, i.held AS shown, {_AT_OUR_BUTTON} OR {_AT_THE_AGENTS_PHONE} AS held
            FROM agents_interaction i JOIN agents_session s ON s.agent_id = i.agent_id
            WHERE i.phase = 'connected' AND i.call_id IS NOT NULL AND (i.call_id = ANY(%(ids)s) OR {_LEG} = ANY(%(ids)s))
            """,
            {"ids": list(call_ids)},
        )
        desk.amend([Change(id=row.id, held=row.held) for row in rows if row.held != row.shown], now=now, only=(Phase.CONNECTED,))


def not_said(call_ids: Sequence[UUID], bridges: Sequence[UUID], *, now: datetime) -> None:
    """Messages that were to be heard in these calls and conversations, and of which the carrier has no such sound: their agents are told,
    who would wait for the end of a silence."""
    if not call_ids and not bridges:
        return
    rows = sql.rows(
        "SELECT id FROM agents_interaction WHERE (call_id = ANY(%s) OR id = ANY(%s)) AND phase = 'connected'", [list(call_ids), list(bridges)]
    )
    desk.amend([Change(id=row.id, notice=NOT_SAID) for row in rows], now=now, only=(Phase.CONNECTED,))


def leave_message(interaction_id: UUID, agent_id: int, *, now: datetime) -> Answer:
    """The agent hears a machine: the campaign's message plays on alone, and the agent goes on to their next work at once."""
    with transaction.atomic():
        line = conversation(interaction_id, agent_id)
        if isinstance(line, Refusal):
            return line
        campaign = place.setting(line.campaign_id) if line.campaign_id else None
        if campaign is None or not campaign.voicemail:
            return Refusal("This campaign has no message for answering machines: hang up, and ask your supervisor for one.")
        left = _left_to_the_machine([line], {line.call_id: campaign.voicemail}, because="message_left", now=now)
        if not left:
            return NOBODY_THERE
        next_for.settle(left, now=now)
    return DONE


def verdicts(told: Sequence[calls.Moved], *, now: datetime) -> list[Moved]:
    """The carrier has made up its mind about these customers. Returns the desks that were freed."""
    if not told:
        return []
    _draw_for_review([call.id for call in told], now=now)
    match.heard([call for call in told if call.verdict is Verdict.HUMAN], progress="answered", now=now)
    machines = [call for call in told if call.verdict is Verdict.MACHINE]
    freed = _machines(machines, now=now) if machines else []
    for call in told:  # after everything that somebody waits for
        sql.after_commit(media.stop, call.id)
    return freed


def cut_short(call_ids: Sequence[UUID], *, now: datetime) -> list[Moved]:
    """The carrier's own guard has taken these customers out of conversations that had just begun, since nobody could tell it in time that we
    have them: that was none, and the attempt ends as abandoned. The agents keep their places. Returns their desks."""
    rows = sql.rows(
        f"""
        SELECT i.id, i.muted, i.call_id, s.nailed_up, c.node_id, coalesce(c.bridge, i.id) AS bridge, {_LEG} AS leg
        FROM agents_interaction i JOIN agents_session s ON s.agent_id = i.agent_id JOIN telephony_call c ON c.id = i.call_id
        WHERE i.call_id = ANY(%s) AND i.phase = 'connected'
        """,
        [list(call_ids)],
    )
    if not rows:
        return []
    cut = [row.call_id for row in rows]
    sql.changed("UPDATE campaigns_attempt SET connected_at = NULL WHERE id = ANY(%s) AND state = 'open'", [cut])
    conclude.supervisors_go(cut)
    changes = [Change(id=row.id, closed_because="not_connected", progress="ended", keeps_place=True) for row in rows]
    freed = left_behind.kept(desk.move(PhaseMove.LET_GO, changes, now=now, only=(Phase.CONNECTED,)), now=now)
    for row in rows:
        let_the_phone_go(row)
    return freed


# so many of every hundred, by the last digits of the call's id, which are chance
_DRAWN = "('x' || right(a.id::text, 7))::bit(28)::int %% 100 < k.review_share"


def listened_to(answered: Sequence[calls.Moved], *, now: datetime) -> None:
    """Customers who have just answered: where the carrier listens for a machine, and somebody is to say later whether it was right, what it
    hears is kept, until the verdict."""
    under_way = {call.id: call for call in answered if call.waits_since is not None and call.waits_since > call.at}
    if not under_way:
        return
    rows = sql.rows(
        f"""
        SELECT a.id, k.recording_days, '' AS notice FROM campaigns_attempt a JOIN campaigns_campaign k ON k.id = a.campaign_id
        WHERE a.id = ANY(%s) AND a.state = 'open' AND {_DRAWN}
        """,
        [list(under_way)],
    )
    media.record([match.recorded(row, call_id=row.id, node_id=under_way[row.id].node_id, bridge=row.id) for row in rows], now=now)


def _draw_for_review(call_ids: Sequence[UUID], *, now: datetime) -> None:
    sql.changed(
        f"""
        INSERT INTO campaigns_verdictreview (attempt_id, campaign_id, verdict, drawn_at, truth)
        SELECT a.id, a.campaign_id, c.verdict, %s, '' FROM campaigns_attempt a JOIN telephony_call c ON c.id = a.id
        JOIN campaigns_campaign k ON k.id = a.campaign_id
        WHERE a.id = ANY(%s) AND {_DRAWN}
        ON CONFLICT DO NOTHING
        """,
        [now, list(call_ids)],
    )


def _machines(heard: Sequence[calls.Moved], *, now: datetime) -> list[Moved]:
    """By its campaign a machine is hung up on, hears the message, or goes to an agent, whose screen says so."""
    rows = sql.rows(
        f"""
        SELECT w.id, c.id AS call_id, c.node_id, c.bridge, c.state, w.phase, w.muted, w.agent_call_id, w.nailed_up, w.leg, k.on_machine,
            coalesce(v.media, '') AS media
        FROM campaigns_attempt a JOIN telephony_call c ON c.id = a.id AND c.state <> 'ended' JOIN campaigns_campaign k ON k.id = a.campaign_id
        LEFT JOIN telephony_announcement v ON v.id = k.voicemail_id
        LEFT JOIN ({_LINE} WHERE i.phase IN ('ringing_agent', 'dialing', 'connecting', 'connected')) w ON w.call_id = c.id
        WHERE a.id = ANY(%s) AND a.state = 'open' ORDER BY c.id
        """,
        [[call.id for call in heard]],
    )
    put_through = {row.call_id for row in rows if row.on_machine == Campaign.OnMachine.CONNECT}
    match.heard([call for call in heard if call.id in put_through], progress="machine", now=now)
    said = {row.call_id: row.media for row in rows if row.on_machine == Campaign.OnMachine.LEAVE_MESSAGE and row.media}
    dealt_with = [row for row in rows if row.call_id in said or row.on_machine in (Campaign.OnMachine.HANG_UP, Campaign.OnMachine.LEAVE_MESSAGE)]
    return _left_to_the_machine(dealt_with, said, because="machine", now=now)


def _left_to_the_machine(rows: Sequence[sql.Row], said: Mapping[UUID, str], *, because: str, now: datetime) -> list[Moved]:
    """Each hears its message, or, where it has none, is hung up on; whoever was on the line is free. The attempt ends later, with the call,
    as a machine's."""
    if not rows:
        return []
    saying = [row.call_id for row in rows if row.call_id in said]
    taken = {m.id for m in (*calls.announce_in_conversation(saying, now=now), *calls.announce(saying, now=now))}
    gone = [row for row in rows if row.call_id in taken or row.call_id not in said]
    if not gone:
        return []
    conclude.supervisors_go([row.call_id for row in gone])
    sql.changed("UPDATE campaigns_attempt SET machine = true WHERE id = ANY(%s) AND state = 'open'", [[row.call_id for row in gone]])
    moved: list[Moved] = []
    for move, phases in ((PhaseMove.LET_GO, (Phase.CONNECTED,)), (PhaseMove.CLOSE, (Phase.RINGING_AGENT, Phase.DIALING, Phase.CONNECTING))):
        # who has heard nothing of it keeps their place
        changes = [
            Change(id=row.id, closed_because=because, progress="ended", keeps_place=row.phase != Phase.CONNECTED)
            for row in gone
            if row.id is not None and row.phase in phases
        ]
        moved += left_behind.kept(desk.move(move, changes, now=now, only=phases), now=now)
    for row in gone:
        if row.call_id in taken:
            sql.after_commit(commands.play_message, row.node_id, [row.call_id], said[row.call_id])
        else:
            sql.after_commit(commands.hang_up, [(row.node_id, row.call_id)])
        let_the_phone_go(row)
    return moved


def let_the_phone_go(row: sql.Row) -> None:
    """After the commit: as at the end of a call, though this one goes on."""
    if row.id is None or row.leg is None:
        return
    if not row.nailed_up:
        place.release_agent_legs([row.leg])
        return
    if row.bridge is not None:
        sql.after_commit(commands.leave, row.node_id, bridge=row.bridge, call_id=row.leg)
    if row.muted:
        sql.after_commit(commands.unmute, row.node_id, row.leg)
