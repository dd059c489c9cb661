"""The life of one leg of a call."""

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
