"""The lives of a campaign, of an agent's part in it, of a lead, of an attempt, and of a third party in its conversation."""

from enum import IntEnum, StrEnum

from dialer_project.lib.lifecycle import Lifecycle
from dialer_project.lib.sentence import say


class CampaignState(StrEnum):
    UNAPPROVED = "unapproved"  # these two are shown as Draft
    APPROVED = "approved"
    LOADED = "loaded"  # announced to its agents, not dialing
    RUNNING = "running"
    PAUSED = "paused"  # by a person; what pauses a live campaign by itself is a view of its causes
    STOPPED = "stopped"
    COMPLETED = "completed"


# in sentences
STATE_WORDS = {
    CampaignState.UNAPPROVED: say("unapproved"),
    CampaignState.APPROVED: say("approved"),
    CampaignState.LOADED: say("loaded"),
    CampaignState.RUNNING: say("running"),
    CampaignState.PAUSED: say("paused"),
    CampaignState.STOPPED: say("stopped"),
    CampaignState.COMPLETED: say("completed"),
}


class CampaignMove(StrEnum):
    APPROVE = "approve"
    RETURN = "return"  # a material edit asks for approval again
    LOAD = "load"
    START = "start"
    PAUSE = "pause"
    STOP = "stop"
    COMPLETE = "complete"


CAMPAIGN: Lifecycle[CampaignState, CampaignMove] = {
    CampaignState.UNAPPROVED: {CampaignMove.APPROVE: CampaignState.APPROVED},
    CampaignState.APPROVED: {
        CampaignMove.RETURN: CampaignState.UNAPPROVED,
        CampaignMove.LOAD: CampaignState.LOADED,
        CampaignMove.START: CampaignState.RUNNING,
    },
    CampaignState.LOADED: {CampaignMove.START: CampaignState.RUNNING, CampaignMove.STOP: CampaignState.STOPPED},
    CampaignState.RUNNING: {
        CampaignMove.PAUSE: CampaignState.PAUSED,
        CampaignMove.STOP: CampaignState.STOPPED,
        CampaignMove.COMPLETE: CampaignState.COMPLETED,
    },
    CampaignState.PAUSED: {
        CampaignMove.START: CampaignState.RUNNING,
        CampaignMove.STOP: CampaignState.STOPPED,
        CampaignMove.COMPLETE: CampaignState.COMPLETED,
    },
    CampaignState.STOPPED: {},
    CampaignState.COMPLETED: {},
}

SHOWN_AS: dict[CampaignState, str] = {
    CampaignState.UNAPPROVED: "Draft",
    CampaignState.APPROVED: "Draft",
    CampaignState.LOADED: "Draft",
    CampaignState.RUNNING: "Active",
    CampaignState.PAUSED: "Paused",
    CampaignState.STOPPED: "Stopped",
    CampaignState.COMPLETED: "Completed",
}


class ParticipationState(StrEnum):
    OFF = "off"
    JOINED = "joined"
    STOPPING = "stopping"  # Done and Stop: the record at hand is finished first


class ParticipationMove(StrEnum):
    JOIN = "join"
    STOP = "stop"
    STOP_AFTER_THIS = "stop_after_this"


PARTICIPATION: Lifecycle[ParticipationState, ParticipationMove] = {
    ParticipationState.OFF: {ParticipationMove.JOIN: ParticipationState.JOINED},
    ParticipationState.JOINED: {
        ParticipationMove.STOP: ParticipationState.OFF,
        ParticipationMove.STOP_AFTER_THIS: ParticipationState.STOPPING,
    },
    ParticipationState.STOPPING: {
        ParticipationMove.STOP: ParticipationState.OFF,
        ParticipationMove.JOIN: ParticipationState.JOINED,
    },
}


class LeadState(StrEnum):
    WAITING = "waiting"
    BUSY = "busy"  # an open interaction or attempt tells the rest
    FINAL = "final"


class LeadMove(StrEnum):
    CLAIM = "claim"
    WAIT = "wait"
    FINISH = "finish"
    REVIVE = "revive"  # a person schedules a callback for a finished lead, or lifts what finished it


LEAD: Lifecycle[LeadState, LeadMove] = {
    LeadState.WAITING: {LeadMove.CLAIM: LeadState.BUSY, LeadMove.WAIT: LeadState.WAITING, LeadMove.FINISH: LeadState.FINAL},
    LeadState.BUSY: {LeadMove.WAIT: LeadState.WAITING, LeadMove.FINISH: LeadState.FINAL},
    LeadState.FINAL: {LeadMove.REVIVE: LeadState.WAITING},
}


class Boost(IntEnum):
    """Which of three queues a waiting lead stands in; lower goes first."""

    CALLBACK_DUE = 0
    TOP_OF_LIST = 1
    NORMAL = 2


class WaitReason(StrEnum):
    NEW = "new"
    RETRY = "retry"
    CALLBACK = "callback"  # promised for later; once it is due, whatever keeps it
    NO_CALLBACK = "no_callback"  # the no-callback period runs
    RETURNED = "returned"  # an agent did not take it
    HOURS = "hours"
    HOLD = "hold"  # another call to the same person or number, or a cap
    VALIDATION = "validation"
    CONSENT = "consent"  # none has been given yet
    RULES = "rules"  # as the campaign's rules are, there is no time at all for it


class FinalReason(StrEnum):
    SUCCESS = "success"
    DONE = "done"
    NO_MORE_ATTEMPTS = "no_more_attempts"
    DO_NOT_CALL = "do_not_call"
    EXCLUDED = "excluded"
    NO_VALID_NUMBER = "no_valid_number"
    CALLBACK_NOT_REQUIRED = "callback_not_required"
    WITHDRAWN = "withdrawn"  # taken off by an administrator or its source


class InboundState(StrEnum):
    """Of somebody who has called us: waiting, given to an agent (and back, where the agent is lost), told that nobody is there, over."""

    WAITING = "waiting"
    GIVEN = "given"
    TOLD = "told"
    OVER = "over"


class AttemptState(StrEnum):
    OPEN = "open"
    CONCLUDED = "concluded"


class AttemptMove(StrEnum):
    CONCLUDE = "conclude"


ATTEMPT: Lifecycle[AttemptState, AttemptMove] = {
    AttemptState.OPEN: {AttemptMove.CONCLUDE: AttemptState.CONCLUDED},
    AttemptState.CONCLUDED: {},
}


class ThirdState(StrEnum):
    CALLING = "calling"  # their phone is being called; where the agent has gone already, the customer hears music
    CONSULTED = "consulted"  # the agent talks with them alone, the customer hears music
    JOINED = "joined"  # all are in one conversation
    HANDED = "handed"  # the customer is theirs, the agent has left
    ENDED = "ended"


class ThirdMove(StrEnum):
    CONSULT = "consult"
    JOIN = "join"
    HAND = "hand"
    END = "end"


THIRD: Lifecycle[ThirdState, ThirdMove] = {
    ThirdState.CALLING: {
        ThirdMove.CONSULT: ThirdState.CONSULTED,
        ThirdMove.JOIN: ThirdState.JOINED,
        ThirdMove.HAND: ThirdState.HANDED,
        ThirdMove.END: ThirdState.ENDED,
    },
    ThirdState.CONSULTED: {ThirdMove.JOIN: ThirdState.JOINED, ThirdMove.HAND: ThirdState.HANDED, ThirdMove.END: ThirdState.ENDED},
    ThirdState.JOINED: {ThirdMove.HAND: ThirdState.HANDED, ThirdMove.END: ThirdState.ENDED},
    ThirdState.HANDED: {ThirdMove.END: ThirdState.ENDED},
    ThirdState.ENDED: {},
}


class SupervisionState(StrEnum):
    CALLING = "calling"
    ON = "on"
    ENDED = "ended"


class SupervisionMove(StrEnum):
    BEGIN = "begin"
    END = "end"


SUPERVISION: Lifecycle[SupervisionState, SupervisionMove] = {
    SupervisionState.CALLING: {SupervisionMove.BEGIN: SupervisionState.ON, SupervisionMove.END: SupervisionState.ENDED},
    SupervisionState.ON: {SupervisionMove.END: SupervisionState.ENDED},
    SupervisionState.ENDED: {},
}


class CallbackState(StrEnum):
    OPEN = "open"
    KEPT = "kept"
    CANCELLED = "cancelled"  # by what somebody said or did
    EXPIRED = "expired"  # nobody could keep it


class CallbackMove(StrEnum):
    KEEP = "keep"
    CANCEL = "cancel"
    EXPIRE = "expire"


CALLBACK: Lifecycle[CallbackState, CallbackMove] = {
    CallbackState.OPEN: {
        CallbackMove.KEEP: CallbackState.KEPT,
        CallbackMove.CANCEL: CallbackState.CANCELLED,
        CallbackMove.EXPIRE: CallbackState.EXPIRED,
    },
    CallbackState.KEPT: {},
    CallbackState.CANCELLED: {},
    CallbackState.EXPIRED: {},
}
