"""The phases of an interaction, an agent's one open piece of work, and what the screen calls them."""

from enum import StrEnum

from dialer_project.lib.lifecycle import Lifecycle


class Phase(StrEnum):
    OFFERED = "offered"
    PREVIEW = "preview"
    CHECKING = "checking"  # a number waits for its validation verdict
    RINGING_AGENT = "ringing_agent"
    DIALING = "dialing"
    CONNECTING = "connecting"  # the customer has answered, the leg is on its way into the bridge
    CONNECTED = "connected"
    WRAP_UP = "wrap_up"
    CLOSED = "closed"


class PhaseMove(StrEnum):
    PREVIEW = "preview"
    CHECK = "check"
    RING_AGENT = "ring_agent"
    DIAL = "dial"
    MATCH = "match"
    CONNECT = "connect"
    COME_IN = "come_in"  # to a conversation of somebody else's, who has asked for it
    WRAP_UP = "wrap_up"
    LET_GO = "let_go"  # a machine has the call: its agent is free at once
    CLOSE = "close"


INTERACTION: Lifecycle[Phase, PhaseMove] = {
    Phase.OFFERED: {
        PhaseMove.PREVIEW: Phase.PREVIEW,
        PhaseMove.CHECK: Phase.CHECKING,
        PhaseMove.RING_AGENT: Phase.RINGING_AGENT,
        PhaseMove.DIAL: Phase.DIALING,
        PhaseMove.CLOSE: Phase.CLOSED,
    },
    Phase.PREVIEW: {
        PhaseMove.CHECK: Phase.CHECKING,
        PhaseMove.RING_AGENT: Phase.RINGING_AGENT,
        PhaseMove.DIAL: Phase.DIALING,
        PhaseMove.CLOSE: Phase.CLOSED,
    },
    Phase.CHECKING: {
        PhaseMove.RING_AGENT: Phase.RINGING_AGENT,
        PhaseMove.DIAL: Phase.DIALING,
        PhaseMove.PREVIEW: Phase.PREVIEW,
        PhaseMove.CLOSE: Phase.CLOSED,
    },
    Phase.RINGING_AGENT: {
        PhaseMove.COME_IN: Phase.CONNECTED,
        PhaseMove.DIAL: Phase.DIALING,
        PhaseMove.PREVIEW: Phase.PREVIEW,
        PhaseMove.CLOSE: Phase.CLOSED,
    },
    Phase.DIALING: {
        PhaseMove.MATCH: Phase.CONNECTING,
        PhaseMove.DIAL: Phase.DIALING,  # the next number
        PhaseMove.CHECK: Phase.CHECKING,
        PhaseMove.PREVIEW: Phase.PREVIEW,
        PhaseMove.WRAP_UP: Phase.WRAP_UP,
        PhaseMove.CLOSE: Phase.CLOSED,
    },
    Phase.CONNECTING: {
        PhaseMove.CONNECT: Phase.CONNECTED,
        PhaseMove.DIAL: Phase.DIALING,  # the customer hung up first: the next number
        PhaseMove.PREVIEW: Phase.PREVIEW,
        PhaseMove.WRAP_UP: Phase.WRAP_UP,
        PhaseMove.CLOSE: Phase.CLOSED,
    },
    Phase.CONNECTED: {PhaseMove.WRAP_UP: Phase.WRAP_UP, PhaseMove.LET_GO: Phase.CLOSED},
    Phase.WRAP_UP: {PhaseMove.CLOSE: Phase.CLOSED},
    Phase.CLOSED: {},
}

OPEN = tuple(phase for phase in Phase if phase is not Phase.CLOSED)
ON_A_CALL = (Phase.DIALING, Phase.CONNECTING, Phase.CONNECTED)


class Doing(StrEnum):
    """What the screen says an agent is doing: derived from readiness and the open interaction, never stored a second time."""

    SIGNED_OUT = "signed_out"
    NOT_READY = "not_ready"
    READY = "ready"
    OFFERED = "offered"
    PREVIEWING = "previewing"
    PHONE_RINGING = "phone_ringing"
    DIALING = "dialing"
    ON_CALL = "on_call"
    WRAP_UP = "wrap_up"


def doing(*, signed_in: bool, ready: bool, phase: Phase | None) -> Doing:
    match phase:
        case Phase.OFFERED:
            return Doing.OFFERED
        case Phase.PREVIEW | Phase.CHECKING:
            return Doing.PREVIEWING
        case Phase.RINGING_AGENT:
            return Doing.PHONE_RINGING
        case Phase.DIALING:
            return Doing.DIALING
        case Phase.CONNECTING | Phase.CONNECTED:
            return Doing.ON_CALL
        case Phase.WRAP_UP:
            return Doing.WRAP_UP
        case None | Phase.CLOSED:
            if not signed_in:
                return Doing.SIGNED_OUT
            return Doing.READY if ready else Doing.NOT_READY
