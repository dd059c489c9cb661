"""The life of one leg of a call, and of a recording."""

from enum import StrEnum

from dialer_project.lib.lifecycle import Lifecycle


class Party(StrEnum):
    CUSTOMER = "customer"
    CALLER = "caller"  # a customer who has called us
    AGENT = "agent"
    THIRD = "third"
    SUPERVISOR = "supervisor"


class CallState(StrEnum):
    PLANNED = "planned"
    DIALING = "dialing"
    UNRESOLVED = "unresolved"  # the originate's fate is unclear; the number stays taken until it is known
    RINGING = "ringing"
    ANSWERED = "answered"
    CONNECTED = "connected"
    ANNOUNCING = "announcing"
    ENDED = "ended"


class CallMove(StrEnum):
    PLACED = "placed"
    UNCLEAR = "unclear"
    RESOLVED = "resolved"
    RANG = "rang"
    ANSWERED = "answered"
    CONNECTED = "connected"
    ANNOUNCED = "announced"
    ENDED = "ended"


CALL: Lifecycle[CallState, CallMove] = {
    CallState.PLANNED: {CallMove.PLACED: CallState.DIALING, CallMove.ENDED: CallState.ENDED},
    CallState.DIALING: {
        CallMove.RANG: CallState.RINGING,
        CallMove.ANSWERED: CallState.ANSWERED,  # some carriers never report ringing
        CallMove.UNCLEAR: CallState.UNRESOLVED,
        CallMove.ENDED: CallState.ENDED,
    },
    CallState.UNRESOLVED: {
        CallMove.RESOLVED: CallState.DIALING,
        CallMove.RANG: CallState.RINGING,
        CallMove.ANSWERED: CallState.ANSWERED,
        CallMove.ENDED: CallState.ENDED,
    },
    CallState.RINGING: {CallMove.ANSWERED: CallState.ANSWERED, CallMove.ENDED: CallState.ENDED},
    CallState.ANSWERED: {
        CallMove.CONNECTED: CallState.CONNECTED,
        CallMove.ANNOUNCED: CallState.ANNOUNCING,
        CallMove.ENDED: CallState.ENDED,
    },
    CallState.CONNECTED: {CallMove.ANNOUNCED: CallState.ANNOUNCING, CallMove.ENDED: CallState.ENDED},
    CallState.ANNOUNCING: {CallMove.ENDED: CallState.ENDED},
    CallState.ENDED: {},
}


class Verdict(StrEnum):
    """What the carrier took the voice for that answered."""

    HUMAN = "human"
    MACHINE = "machine"


LIVE = tuple(state for state in CallState if state is not CallState.ENDED)
UP = (CallState.ANSWERED, CallState.CONNECTED, CallState.ANNOUNCING)


class RecordingState(StrEnum):
    WANTED = "wanted"  # the carrier has not said yet that it runs
    RUNNING = "running"
    PAUSED = "paused"
    ENDED = "ended"  # its file is still where it was made
    STORED = "stored"
    LOST = "lost"  # there was no file
    DELETED = "deleted"  # its time was over


class RecordingMove(StrEnum):
    STARTED = "started"
    PAUSE = "pause"
    RESUME = "resume"
    ENDED = "ended"
    STORE = "store"
    MISS = "miss"
    DELETE = "delete"


RECORDING: Lifecycle[RecordingState, RecordingMove] = {
    RecordingState.WANTED: {RecordingMove.STARTED: RecordingState.RUNNING, RecordingMove.ENDED: RecordingState.ENDED},
    RecordingState.RUNNING: {RecordingMove.PAUSE: RecordingState.PAUSED, RecordingMove.ENDED: RecordingState.ENDED},
    RecordingState.PAUSED: {RecordingMove.RESUME: RecordingState.RUNNING, RecordingMove.ENDED: RecordingState.ENDED},
    RecordingState.ENDED: {RecordingMove.STORE: RecordingState.STORED, RecordingMove.MISS: RecordingState.LOST},
    RecordingState.STORED: {RecordingMove.DELETE: RecordingState.DELETED},
    RecordingState.LOST: {},
    RecordingState.DELETED: {},
}

STILL_RECORDED = (RecordingState.WANTED, RecordingState.RUNNING, RecordingState.PAUSED)
