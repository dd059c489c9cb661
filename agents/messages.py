"""Everything said over the agent's websocket, in types. What is validated, documented and compiled into the console comes from here.

The server says the whole small state each time, and the highest version wins: nothing is replayed and nothing can be missed for long.
The screen asks by commands; each has an id, so that it may be sent twice, and gets one answer.
"""

from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter

from agents.rules.lifecycle import Doing, Phase

# Raised when an old page could misunderstand a new server; such a page is told to reload.
PROTOCOL = 1
# seconds between two heartbeats of a screen
HEARTBEAT = 5
# seconds of silence after which an agent's screen counts as gone
SILENCE = 15
# bytes of one message from a screen
LONGEST = 64 * 1024
LONGEST_NOTE = 10_000


class Closed(StrEnum):
    """Why the server closes a connection, in the screen's words; the number is the websocket close code."""

    code: int

    def __new__(cls, value: str, code: int) -> "Closed":
        member = str.__new__(cls, value)
        member._value_ = value
        member.code = code
        return member

    SILENT = "silent", 4408  # no heartbeat came
    REPLACED = "replaced", 4409  # a newer tab has the console
    SIGNED_OUT = "signed_out", 4401
    NO_AGENT = "no_agent", 4403  # this account is nobody's desk
    TOO_FAST = "too_fast", 1008
    TOO_LONG = "too_long", 1009
    TRY_AGAIN = "try_again", 1013


class Message(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Card(BaseModel):
    """What an alert shows first; a campaign may put more on it."""

    model_config = ConfigDict(extra="allow", frozen=True)

    campaign: str = ""
    name: str = ""
    number: str = ""


class SessionState(Message):
    """What the agent wishes and has."""

    doing: Doing
    since: AwareDatetime | None = Field(description="since when they do it: the status bar's timer")
    signed_in: bool
    voice_ready: bool
    preview_ready: bool
    reason: str | None = Field(description="code of the Not Ready reason")
    pending_reason: str | None = Field(description="Not Ready with this reason after the present work")
    station: int | None
    phone: Literal["none", "ringing", "up", "suspect"]


class InteractionState(Message):
    """The one open piece of work."""

    id: UUID
    phase: Phase
    since: AwareDatetime
    deadline: AwareDatetime | None
    origin: str
    card: Card
    progress: str = Field(description="what the customer's phone is doing: dialing, ringing, answered, ended; empty where unknown")
    outcome: str
    talked: bool
    note: str
    disposition_id: int | None


class State(Message):
    """The whole of one agent's screen. The one with the highest version is the truth."""

    type: Literal["state"] = "state"
    version: int
    now: AwareDatetime = Field(description="the server's clock, by which every deadline is meant")
    session: SessionState
    interaction: InteractionState | None


class Answer(Message):
    """What became of one command."""

    type: Literal["answer"] = "answer"
    id: UUID | None = Field(description="the command's; none where the message was too broken to have one")
    ok: bool
    sentence: str | None = Field(default=None, description="why not, to be shown as it is")
    data: dict[str, Any] | None = None


class Pong(Message):
    """The answer to a heartbeat. A version other than the screen's own is followed by a fresh state."""

    type: Literal["pong"] = "pong"
    version: int
    now: AwareDatetime


class Replaced(Message):
    """A newer tab has taken the console over; this connection closes."""

    type: Literal["replaced"] = "replaced"


class Command(Message):
    id: UUID = Field(description="chosen by the screen; a repeat with the same id gets the first answer")


class AboutWork(Command):
    interaction: UUID


class Hello(Command):
    """The first thing a page says: which protocol it was built for."""

    type: Literal["hello"] = "hello"
    protocol: int


class Ping(Message):
    """The heartbeat."""

    type: Literal["ping"] = "ping"
    version: int = Field(description="the version on the screen")


class SignIn(Command):
    """Start the shift at a station, Not Ready."""

    type: Literal["sign_in"] = "sign_in"
    station: int


class SignOut(Command):
    type: Literal["sign_out"] = "sign_out"


class GoReady(Command):
    type: Literal["go_ready"] = "go_ready"


class TakeBreak(Command):
    """Not Ready, at once or after the present work."""

    type: Literal["take_break"] = "take_break"
    reason: str = Field(max_length=40)


class Accept(AboutWork):
    type: Literal["accept"] = "accept"


class Reject(AboutWork):
    type: Literal["reject"] = "reject"


class HangUp(AboutWork):
    type: Literal["hang_up"] = "hang_up"


class SaveNote(AboutWork):
    """The draft, as it is typed."""

    type: Literal["save_note"] = "save_note"
    note: str = Field(max_length=LONGEST_NOTE)


class Finish(AboutWork):
    """Done; with `stop`, no further record of this campaign."""

    type: Literal["finish"] = "finish"
    disposition: int | None = None
    note: str = Field(max_length=LONGEST_NOTE)
    stop: bool = False


class Record(AboutWork):
    """Ask for the details of the record on the screen."""

    type: Literal["record"] = "record"


class Choices(Command):
    """Ask what there is to choose from: stations and Not Ready reasons."""

    type: Literal["choices"] = "choices"


ServerMessage = Annotated[State | Answer | Pong | Replaced, Field(discriminator="type")]
ClientCommand = Annotated[
    Hello | Ping | SignIn | SignOut | GoReady | TakeBreak | Accept | Reject | HangUp | SaveNote | Finish | Record | Choices,
    Field(discriminator="type"),
]

server_message: TypeAdapter[State | Answer | Pong | Replaced] = TypeAdapter(ServerMessage)
client_command: TypeAdapter[
    Hello | Ping | SignIn | SignOut | GoReady | TakeBreak | Accept | Reject | HangUp | SaveNote | Finish | Record | Choices
] = TypeAdapter(ClientCommand)
