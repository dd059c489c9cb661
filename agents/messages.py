"""Everything said over the agent's websocket, in types. What is validated, documented and compiled into the console comes from here.

The server says the whole small state each time, and the highest version wins: nothing is replayed and nothing can be missed for long.
The screen asks by commands; each has an id, so that it may be sent twice, and gets one answer.
"""

from enum import IntEnum
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from agents.rules.lifecycle import Doing, Phase
from dialer_project.lib.sentence import say, told

# Raised when an old page could misunderstand a new server; such a page is told to reload.
PROTOCOL = 1
# seconds between two heartbeats of a screen
HEARTBEAT = 5
# seconds of silence after which an agent's screen counts as gone
SILENCE = 15
# bytes of one message from a screen
LONGEST = 64 * 1024
LONGEST_NOTE = 10_000


class Closed(IntEnum):
    """Why the server closes a connection: the websocket's close code."""

    SIGNED_OUT = 4401
    NO_AGENT = 4403  # this account is nobody's desk
    SILENT = 4408  # no heartbeat came
    REPLACED = 4409  # a newer tab has the console
    TOO_FAST = 1008
    TOO_LONG = 1009
    TRY_AGAIN = 1013


class Message(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Moment(Message):
    at: str = Field(description="a wall clock, 2026-03-11T10:00, to be said as it is")


class Said(Message):
    """A sentence with values in it: the screen says the text in its agent's language, then fills them in."""

    text: str = Field(description="English, with {name} where a value goes")
    values: dict[str, "str | int | float | Moment | Said"]


def _as_told(sentence: Any) -> Any:
    return told(sentence) if isinstance(sentence, str) else sentence


# English without values, or with them; the console's catalogue translates both
Words = Annotated[str | Said, BeforeValidator(_as_told)]


class Card(BaseModel):
    """What an alert shows first; a campaign may put more on it. by: the agent who asks this one into a conversation."""

    model_config = ConfigDict(extra="allow", frozen=True)

    campaign: str = ""
    name: str = ""
    number: str = ""
    by: str = ""


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
    leg: UUID | None = Field(description="the call that keeps the phone connected: a page picks up what has this id, unasked")
    news: int = Field(description="rises when the campaigns to work on, or their notices, have changed: ask for them")
    console: int = Field(description="which of the agent's consoles this is: a page that comes back says so, and takes over from no newer one")


class CallbackWindow(Message):
    """Schedule Callback as the agent left it."""

    on: bool
    local: str = Field(default="", max_length=20, description="the wall clock in `zone`: 2026-03-11T10:00")
    zone: str = Field(default="", max_length=60)
    personal: bool = False
    phone: int | None = None
    new_number: str = Field(default="", max_length=60)
    new_kind: str = Field(default="other", max_length=8)
    note: str = Field(default="", max_length=LONGEST_NOTE)


class CallbackDraft(CallbackWindow):
    """The window, and what became of it: promised, or why not."""

    at: AwareDatetime | None = Field(description="the instant meant")
    problem: Words = Field(description="why it is not promised; empty where it is")
    nearest: str | None = Field(description="the nearest wall clock in `zone` at which it could be promised")


class Draft(Message):
    """What the agent has entered for the record in hand."""

    callback: CallbackDraft | None = None
    fields: dict[str, bool | str] = {}
    survey: dict[str, bool | str] = {}
    disposition: int | None = None
    no_callback: bool = False
    contact: dict[str, str] = Field(default={}, description="what was put right of the contact, by field")
    number_result: str = Field(default="", description="what the agent says of the number alone")
    extensions: int = Field(default=0, description="how often wrap-up was extended")
    preview_extensions: int = Field(default=0, description="how often the preview's countdown was")
    overtime: bool = Field(default=False, description="wrap-up has run out, and the record waits for what Done asks for")


class OtherShown(Message):
    """A third party in the conversation, or on the way to it."""

    id: UUID
    name: str = Field(description="empty for a number that was typed")
    number: str = Field(description="empty for an agent")
    state: Literal["calling", "consulted", "joined", "handed"]
    how: Literal["consult", "conference", "blind"]


class InteractionState(Message):
    """The one open piece of work."""

    id: UUID
    phase: Phase
    since: AwareDatetime
    deadline: AwareDatetime | None
    origin: str
    card: Card
    progress: str = Field(
        description="what the customer's phone is doing: dialing, ringing, answered, connected, machine, ended; asked: the customer is another"
        " agent's, who has asked this one to come; empty where unknown"
    )
    notice: Words = Field(description="a sentence about it, such as why it was not dialed; empty where there is nothing to say")
    outcome: str
    talked: bool
    held: bool = Field(description="the customer hears music, not the agent")
    muted: bool = Field(description="the customer does not hear the agent")
    leg: UUID | None = Field(description="the call to the agent's phone for this work, where it is called for each call")
    others: list[OtherShown]
    watched: bool = Field(description="a supervisor listens, or speaks to the agent")
    recording: Literal["", "offered", "on", "paused"] = Field(description="offered: the agent may ask for it; empty: nothing is recorded here")
    dials_at: AwareDatetime | None = Field(description="a preview's countdown: when the system dials by itself")
    note: str
    draft: Draft
    disposition_id: int | None


class State(Message):
    """The whole of one agent's screen. The one with the highest version is the truth."""

    type: Literal["state"] = "state"
    version: int
    now: AwareDatetime = Field(description="the server's clock, by which every deadline is meant")
    session: SessionState
    interaction: InteractionState | None


class StationChoice(Message):
    id: int | None = Field(description="none: this page's own phone, before it was used for the first time")
    name: str
    kind: Literal["webrtc", "sip", "pstn"]
    leg_mode: Literal["nailed_up", "per_call"]
    taken: bool = Field(description="somebody else sits there")
    own: bool = Field(description="nobody else may sit there")
    registered: bool | None = Field(description="whether the telephone system sees the phone; none: it does not say")


class ReasonChoice(Message):
    code: str
    label: str
    choosable: bool = Field(description="false for those the system sets")
    max_minutes: int | None


class Menu(Message):
    """What there is to choose from."""

    station: int | None = Field(description="the one used last")
    stations: list[StationChoice]
    reasons: list[ReasonChoice]


class IceServer(Message):
    """A server that helps sound through firewalls."""

    urls: str
    username: str
    credential: str


class PhoneAccess(Message):
    """What this page's phone registers with. It is told once; the next page that asks ends it."""

    url: str = Field(description="the websocket SIP is spoken on")
    name: str
    secret: str = Field(repr=False)
    ice: list[IceServer]


class CampaignShown(Message):
    """One of the agent's campaigns: a row of My Campaigns."""

    id: int
    status: Literal["Active", "Running", "Paused"] = Field(description="Active: loaded and not dialing yet")
    name: str
    delivery: Literal["Manual", "Automatic"]
    mode: str = Field(description="the dialing mode in words")
    description: str
    taking_part: bool
    action: Literal["get_record", "run", "stop", "none"] = Field(description="what its button does; none: records come by themselves")
    gets: str = Field(description="the words of get_record here: Get Record, or Get customers")
    closes: bool = Field(description="it has a window to close, which stops its records for the time being")
    remark: Words = Field(description="why nothing comes now, or how records come; empty: nothing to say")


class CampaignNotice(Message):
    """A campaign was loaded, started, paused, stopped or completed, and this agent has not acknowledged it."""

    id: int = Field(description="of the change")
    campaign: int
    title: str
    name: str
    mode: str
    description: str
    get_record: bool = Field(description="offers Get Record beside OK")
    joins: bool = Field(description="OK joins the campaign")


class Campaigns(Message):
    """My Campaigns, and what there is to tell about them."""

    campaigns: list[CampaignShown]
    notices: list[CampaignNotice]
    ask_again: int | None = Field(description="seconds after which a remark may be out of date, though nothing has happened; none: never")


class NumberShown(Message):
    id: int
    kind: str
    zone: str = Field(description="whose wall clock is meant where a time at this number is told")
    number: str = Field(description="masked unless it is the one being called")
    dialed: bool
    active: bool
    local_time: str = Field(description="what the clock says there; empty where that is not one time")
    listed: bool = Field(description="on a do-not-call list")
    result: str = Field(description="what an agent found there, for which it is not called again; empty: nothing")


class CallerIdChoice(Message):
    id: int
    number: str
    label: str


class KindChoice(Message):
    key: str
    label: str


class ContactShown(Message):
    name: str
    title: str
    first_name: str
    last_name: str
    company: str
    email: str
    address: str = Field(description="all of it: street, city, and the area")
    street: str
    city: str
    area: str = Field(description="region, postal code and country: where they are, which an agent cannot change")
    time_zone: str
    zones: list[str] = Field(description="every time zone they may be in: calls are made only where the hours hold in all of them")
    said_zone: str = Field(description="the one the customer said they are in, which alone counts; empty: nobody has asked")
    numbers: list[NumberShown]


class CaseShown(Message):
    """Case Information: the lead's place in its campaign."""

    calling_list: str = Field(description="the calling list it came in on")
    priority: Literal["callback", "top_of_list", "normal"] = Field(description="which of the queues it stood in")
    attempts: int = Field(description="calls made")
    max_attempts: int


class Condition(Message):
    """Asked only after one of these answers to an earlier question."""

    question: str
    answers: list[bool | str]


class QuestionShown(Message):
    """Something to fill in."""

    key: str
    label: str
    kind: Literal["text", "checkbox", "datetime", "choice"]
    choices: list[str]
    required: bool
    only_if: Condition | None


class FieldShown(QuestionShown):
    """A field of Record Information."""

    editable: bool
    value: bool | str
    shown: str = Field(description="the value as it is read")


class SectionShown(Message):
    title: str
    text: str = Field(description="what the agent reads out, names filled in")
    questions: list[QuestionShown]


class SurveyShown(Message):
    sections: list[SectionShown]
    answers: dict[str, bool | str] = Field(description="given to an earlier agent")


class RecordingShown(Message):
    id: int = Field(description="of the address under /recordings/")
    at: AwareDatetime
    seconds: int


class AttemptShown(Message):
    """A call that was tried, or what an agent noted without one."""

    id: UUID
    at: AwareDatetime
    zone: str = Field(description="the customer's; empty: not known")
    campaign: str
    number: str = Field(description="empty: nothing was dialed")
    outcome: str
    disposition: str
    agent: str
    seconds: int = Field(description="of conversation")
    note: str
    recordings: list[RecordingShown] = Field(description="empty where there are none, or this agent may not listen")


class History(Message):
    """What was tried with this person, the newest first."""

    interaction: UUID
    attempts: list[AttemptShown]
    more: bool = Field(description="there are older ones: ask with the last of these")


class DispositionChoice(Message):
    id: int
    label: str
    kind: str
    heading: str = Field(description="what it stands under; empty at the top")
    note_required: bool


class MessageChoice(Message):
    id: int
    name: str


class Details(Message):
    """The record on the desk."""

    interaction: UUID
    campaign: str
    description: str
    contact: ContactShown | None
    fields: list[FieldShown]
    survey: SurveyShown | None
    wrap_up_extensions: int = Field(description="how often wrap-up may be extended")
    preview_extensions: int = Field(description="how often the preview's countdown may be extended")
    no_callback_days: int = Field(description="how long “Do not call back” leaves the customer alone")
    no_callback_ends: bool = Field(description="“Do not call back” finishes the record")
    reject_reason: bool = Field(description="a rejection needs a reason")
    edits_contact: bool = Field(description="the agent may put the contact right")
    case: CaseShown | None
    history: History = Field(description="its first page")
    dispositions: list[DispositionChoice]
    disposition_for: Literal["all", "answered", "none"] = Field(description="which calls must be given a disposition")
    note_required: bool = Field(description="the campaign wants a note on every record")
    messages: list[MessageChoice] = Field(description="what may be played in the conversation")
    transfers: bool = Field(description="the conversation may be taken on to others")
    voicemail: bool = Field(description="there is a message to leave on an answering machine")
    accept_dials: bool = Field(description="Accept dials at once, without a preview first")
    chooses_number: bool = Field(description="the agent picks the number")
    new_number: bool = Field(description="a number that is not on the record may be dialed")
    number_kinds: list[KindChoice]
    caller_ids: list[CallerIdChoice] = Field(description="asked for only where there is more than one")
    caller_id: int | None = Field(description="the campaign's own")


class CallbackShown(Message):
    """A promise to call, in My Callbacks."""

    id: int
    at: AwareDatetime
    personal: bool
    campaign: str
    name: str
    note: str
    zone: str
    phone: int | None
    numbers: list[NumberShown]
    in_hand: bool = Field(description="on an agent's desk just now")
    stopped: bool = Field(description="the agent's own, of a campaign they have stopped: it waits for them to ask for its records")


class CallbackNotKept(Message):
    """A promise of this agent's that ended without the call, and not by their own doing."""

    id: int
    at: AwareDatetime = Field(description="when it was due")
    campaign: str
    name: str
    expired: bool = Field(description="nobody could keep it; false: it was cancelled")
    reason: Words


class Callbacks(Message):
    """The open callbacks this agent promised, the earliest first; and those of the last days that were not kept, the newest first."""

    callbacks: list[CallbackShown]
    not_kept: list[CallbackNotKept]


class NotReadyFor(Message):
    label: str = Field(description="the reason's; empty: none was given")
    seconds: int


class Day(Message):
    """What this agent has done today, by the centre's clock, until now."""

    date: str = Field(description="the day meant: 2026-03-11")
    until: AwareDatetime
    talking: int = Field(description="this and the following: seconds")
    waiting: int
    wrapping_up: int
    previewing: int
    ringing: int
    not_ready: list[NotReadyFor]
    calls: int = Field(description="to customers")
    taken: int = Field(description="from customers")
    reached: int = Field(description="persons talked with, each once, but for wrong numbers")
    successes: int
    callbacks: int = Field(description="calls that kept a promise")
    promised: int = Field(description="callbacks booked")


class TargetShown(Message):
    id: int
    name: str
    number: str
    note: str


class ColleagueShown(Message):
    id: int = Field(description="of the agent")
    name: str


class Targets(Message):
    """The directory, agents who are free, and whether any other number may be typed."""

    targets: list[TargetShown]
    colleagues: list[ColleagueShown]
    any_number: bool


class ProblemShown(Message):
    where: str = Field(description="disposition, note, callback, number_result, field:KEY, survey:KEY or contact:KEY")
    sentence: Words


class Answer(Message):
    """What became of one command."""

    type: Literal["answer"] = "answer"
    id: UUID | None = Field(description="the command's; none where the message was too broken to have one")
    ok: bool
    sentence: Words | None = Field(default=None, description="why not")
    problems: list[ProblemShown] = Field(default=[], description="each beside what it is about; empty where the sentence says it all")
    data: Details | Menu | Campaigns | Callbacks | History | Day | PhoneAccess | Targets | None = None


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
    station: int | None = Field(description="none: this page's own phone, which must be registered by then")


class SignOut(Command):
    type: Literal["sign_out"] = "sign_out"


class GoReady(Command):
    type: Literal["go_ready"] = "go_ready"


class SetChannel(Command):
    """One channel Ready or not; the other stays as it is."""

    type: Literal["set_channel"] = "set_channel"
    channel: Literal["voice", "preview"]
    ready: bool


class TakeBreak(Command):
    """Not Ready, at once or after the present work."""

    type: Literal["take_break"] = "take_break"
    reason: str = Field(max_length=40)


class Accept(AboutWork):
    type: Literal["accept"] = "accept"


class Reject(AboutWork):
    type: Literal["reject"] = "reject"
    reason: str = Field(default="", max_length=200)


class Shown(AboutWork):
    """The offer is on the screen: from now on the agent can answer it."""

    type: Literal["shown"] = "shown"


class RunCampaign(Command):
    """Take part: its records may come."""

    type: Literal["run_campaign"] = "run_campaign"
    campaign: int


class StopCampaign(Command):
    """Stop, or close its window: no further record of it until asked for again."""

    type: Literal["stop_campaign"] = "stop_campaign"
    campaign: int


class GetRecord(Command):
    """The next record of a campaign; where records come by themselves, take part again."""

    type: Literal["get_record"] = "get_record"
    campaign: int


class ReadNotice(Command):
    """OK: the notice is seen; in some campaigns that joins them."""

    type: Literal["read_notice"] = "read_notice"
    notice: int


class Call(AboutWork):
    """Dial the record on the screen: on this number, showing this caller ID; what is not said is as the record has it."""

    type: Literal["call"] = "call"
    number: int | None = None
    caller_id: int | None = None


class CallNewNumber(AboutWork):
    """Dial New Phone Number: it is kept with the contact."""

    type: Literal["call_new_number"] = "call_new_number"
    number: str = Field(max_length=60)
    kind: str = Field(max_length=8)
    caller_id: int | None = None


class Wait(AboutWork):
    """Hold the countdown, or wait no longer for the verdict on a number: the system does not dial by itself."""

    type: Literal["wait"] = "wait"


class Decline(AboutWork):
    """Call this contact later, or do not call this contact in this campaign."""

    type: Literal["decline"] = "decline"
    never: bool


class HangUp(AboutWork):
    type: Literal["hang_up"] = "hang_up"


class Hold(AboutWork):
    """The customer hears music; with `on` false they hear the agent again."""

    type: Literal["hold"] = "hold"
    on: bool


class Mute(AboutWork):
    """The agent is not heard by the customer; with `on` false they are again."""

    type: Literal["mute"] = "mute"
    on: bool


class SendDigits(AboutWork):
    """Keys, as if pressed on the agent's phone."""

    type: Literal["send_digits"] = "send_digits"
    digits: str = Field(pattern=r"^[0-9*#]{1,32}$")


class BringIn(AboutWork):
    """Call somebody, from the directory or by number, or ask another agent: to consult them first, to have them in the conversation, or to give them the customer."""

    type: Literal["bring_in"] = "bring_in"
    destination: int | None = None
    number: str = Field(default="", max_length=60)
    agent: int | None = None
    how: Literal["consult", "conference", "blind"]


class WithOther(AboutWork):
    """Hand the customer over and leave, join all in one conversation, or end the call to them and go back to the customer."""

    type: Literal["with_other"] = "with_other"
    other: UUID
    do: Literal["hand_over", "join", "drop"]


class PlayMessage(AboutWork):
    """One of the recorded messages, to the customer alone or to everybody; the conversation goes on."""

    type: Literal["play_message"] = "play_message"
    message: int
    to: Literal["customer", "all"]


class RecordCall(AboutWork):
    """Begin a recording where the campaign leaves it to the agent, pause it while something is said that must not be kept, go on with it."""

    type: Literal["record_call"] = "record_call"
    do: Literal["start", "pause", "resume"]


class LeaveMessage(AboutWork):
    """An answering machine: the recorded message plays on alone, and the agent is free."""

    type: Literal["leave_message"] = "leave_message"


class DoNotCall(AboutWork):
    """The customer wants no more calls: nobody in the organisation calls this number again, or any of the contact's."""

    type: Literal["do_not_call"] = "do_not_call"
    every_number: bool = False


class ConfirmZone(AboutWork):
    """Where the customer says they are."""

    type: Literal["confirm_zone"] = "confirm_zone"
    zone: str = Field(max_length=60, description="as in Europe/Madrid; empty: it was a mistake, what number and address suggest counts again")


class SaveNote(AboutWork):
    """The draft, as it is typed."""

    type: Literal["save_note"] = "save_note"
    note: str = Field(max_length=LONGEST_NOTE)


ContactField = Literal["title", "first_name", "last_name", "company", "address", "city", "email"]


class SaveDraft(AboutWork):
    """Fields, answers, the disposition chosen so far: each part given replaces what was kept of it."""

    type: Literal["save_draft"] = "save_draft"
    fields: dict[str, bool | str] | None = Field(default=None, max_length=200)
    survey: dict[str, bool | str] | None = Field(default=None, max_length=200)
    disposition: int | None = None
    no_callback: bool | None = None
    contact: dict[ContactField, Annotated[str, Field(max_length=250)]] | None = None
    number_result: Literal["", "wrong_number", "fax", "not_in_service"] | None = None


class MoreTime(AboutWork):
    """Thirty seconds more of wrap-up; before the call, the countdown's time once more."""

    type: Literal["more_time"] = "more_time"


class ScheduleCallback(AboutWork):
    """The Schedule Callback window, each time something in it has changed; with `on` false the callback is cancelled."""

    type: Literal["schedule_callback"] = "schedule_callback"
    window: CallbackWindow


class ChangeCallback(Command):
    """Another time, number or keeper for a callback from My Callbacks."""

    type: Literal["change_callback"] = "change_callback"
    callback: int
    window: CallbackWindow


class CancelCallback(Command):
    type: Literal["cancel_callback"] = "cancel_callback"
    callback: int


class Finish(AboutWork):
    """Done; with `stop`, no further record of this campaign."""

    type: Literal["finish"] = "finish"
    disposition: int | None = None
    note: str = Field(max_length=LONGEST_NOTE)
    stop: bool = False


class AskRecord(AboutWork):
    """Ask for the details of the record on the screen."""

    type: Literal["record"] = "record"


class AskHistory(AboutWork):
    """Ask for what was tried before the call `before`, which was planned at `at`."""

    type: Literal["history"] = "history"
    before: UUID
    at: AwareDatetime


class AskCampaigns(Command):
    """Ask for My Campaigns and the notices not yet read."""

    type: Literal["campaigns"] = "campaigns"


class AskChoices(Command):
    """Ask what there is to choose from: stations and Not Ready reasons."""

    type: Literal["choices"] = "choices"


class AskTargets(AboutWork):
    """Ask whom this conversation may be taken on to."""

    type: Literal["targets"] = "targets"


class AskCallbacks(Command):
    """Ask for My Callbacks."""

    type: Literal["callbacks"] = "callbacks"


class AskDay(Command):
    """Ask for My Day."""

    type: Literal["day"] = "day"


class AskPhone(Command):
    """Ask for what this page's phone may register with. Whatever an older page had is void from then on."""

    type: Literal["phone"] = "phone"


Readiness = SignIn | SignOut | GoReady | SetChannel | TakeBreak
TakingPart = RunCampaign | StopCampaign | GetRecord | ReadNotice
BeforeTheCall = Shown | Accept | Reject | Call | CallNewNumber | Wait | Decline
OnTheLine = HangUp | Hold | Mute | SendDigits | RecordCall | BringIn | WithOther | PlayMessage | LeaveMessage
OnTheRecord = DoNotCall | ConfirmZone | SaveNote | SaveDraft | MoreTime | ScheduleCallback | Finish
Promises = ChangeCallback | CancelCallback
Order = Readiness | TakingPart | BeforeTheCall | OnTheLine | OnTheRecord | Promises
Question = AskRecord | AskHistory | AskChoices | AskCampaigns | AskCallbacks | AskDay | AskPhone | AskTargets
Found = Details | Menu | Campaigns | Callbacks | History | Day | PhoneAccess | Targets

ServerMessage = Annotated[State | Answer | Pong | Replaced, Field(discriminator="type")]
ClientCommand = Annotated[Hello | Ping | Order | Question, Field(discriminator="type")]

server_message: TypeAdapter[State | Answer | Pong | Replaced] = TypeAdapter(ServerMessage)
client_command: TypeAdapter[Hello | Ping | Order | Question] = TypeAdapter(ClientCommand)


def not_understood(text: str, wrong: ValidationError) -> Answer:
    """The answer to something that is no command, under its id where it has one."""
    try:
        command_id = _HasId.model_validate_json(text).id
    except ValidationError:
        command_id = None
    first = wrong.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return Answer(
        id=command_id, ok=False, sentence=say("This was not understood: {what}.", what=f"{where}: {first['msg']}" if where else first["msg"])
    )


class _HasId(BaseModel):
    id: UUID
