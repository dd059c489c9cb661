// Written by `manage.py write_messages` from agents/messages.py; a test says when it is stale.

export const PROTOCOL = 1;
export const CLOSED = { signed_out: 4401, no_agent: 4403, silent: 4408, replaced: 4409, too_fast: 1008, too_long: 1009, try_again: 1013 } as const;

export interface Accept {
  /** chosen by the screen; a repeat with the same id gets the first answer */
  id: string;
  interaction: string;
  type: "accept";
}

/** What became of one command. */
export interface Answer {
  type: "answer";
  /** the command's; none where the message was too broken to have one */
  id: string | null;
  ok: boolean;
  /** why not */
  sentence?: string | Said | null;
  /** each beside what it is about; empty where the sentence says it all */
  problems?: (ProblemShown)[];
  data?: Details | Menu | Campaigns | Callbacks | History | Day | PhoneAccess | Targets | null;
}

/** Ask for My Callbacks. */
export interface AskCallbacks {
  /** chosen by the screen; a repeat with the same id gets the first answer */
  id: string;
  type: "callbacks";
}

/** Ask for My Campaigns and the notices not yet read. */
export interface AskCampaigns {
  /** chosen by the screen; a repeat with the same id gets the first answer */
  id: string;
  type: "campaigns";
}

/** Ask what there is to choose from: stations and Not Ready reasons. */
export interface AskChoices {
  /** chosen by the screen; a repeat with the same id gets the first answer */
  id: string;
  type: "choices";
}

/** Ask for My Day. */
export interface AskDay {
  /** chosen by the screen; a repeat with the same id gets the first answer */
  id: string;
  type: "day";
}

/** Ask for what was tried before the call `before`, which was planned at `at`. */
export interface AskHistory {
  /** chosen by the screen; a repeat with the same id gets the first answer */
  id: string;
  interaction: string;
  type: "history";
  before: string;
  at: string;
}

/** Ask for what this page's phone may register with. Whatever an older page had is void from then on. */
export interface AskPhone {
  /** chosen by the screen; a repeat with the same id gets the first answer */
  id: string;
  type: "phone";
}

/** Ask for the details of the record on the screen. */
export interface AskRecord {
  /** chosen by the screen; a repeat with the same id gets the first answer */
  id: string;
  interaction: string;
  type: "record";
}

/** Ask whom this conversation may be taken on to. */
export interface AskTargets {
  /** chosen by the screen; a repeat with the same id gets the first answer */
  id: string;
  interaction: string;
  type: "targets";
}

/** A call that was tried, or what an agent noted without one. */
export interface AttemptShown {
  id: string;
  at: string;
  /** the customer's; empty: not known */
  zone: string;
  campaign: string;
  /** empty: nothing was dialed */
  number: string;
  outcome: string;
  disposition: string;
  agent: string;
  /** of conversation */
  seconds: number;
  note: string;
  /** empty where there are none, or this agent may not listen */
  recordings: (RecordingShown)[];
}

/** Call somebody, from the directory or by number, or ask another agent: to consult them first, to have them in the conversation, or to give them the customer. */
export interface BringIn {
  /** chosen by the screen; a repeat with the same id gets the first answer */
  id: string;
  interaction: string;
  type: "bring_in";
  destination?: number | null;
  number?: string;
  agent?: number | null;
  how: "consult" | "conference" | "blind";
}

/** Dial the record on the screen: on this number, showing this caller ID; what is not said is as the record has it. */
export interface Call {
  /** chosen by the screen; a repeat with the same id gets the first answer */
  id: string;
  interaction: string;
  type: "call";
  number?: number | null;
  caller_id?: number | null;
}

/** Dial New Phone Number: it is kept with the contact. */
export interface CallNewNumber {
  /** chosen by the screen; a repeat with the same id gets the first answer */
  id: string;
  interaction: string;
  type: "call_new_number";
  number: string;
  kind: string;
  caller_id?: number | null;
}

/** The window, and what became of it: promised, or why not. */
export interface CallbackDraft {
  on: boolean;
  /** the wall clock in `zone`: 2026-03-11T10:00 */
  local?: string;
  zone?: string;
  personal?: boolean;
  phone?: number | null;
  new_number?: string;
  new_kind?: string;
  note?: string;
  /** the instant meant */
  at: string | null;
  /** why it is not promised; empty where it is */
  problem: string | Said;
  /** the nearest wall clock in `zone` at which it could be promised */
  nearest: string | null;
}

/** A promise of this agent's that ended without the call, and not by their own doing. */
export interface CallbackNotKept {
  id: number;
  /** when it was due */
  at: string;
  campaign: string;
  name: string;
  /** nobody could keep it; false: it was cancelled */
  expired: boolean;
  reason: string | Said;
}

/** A promise to call, in My Callbacks. */
export interface CallbackShown {
  id: number;
  at: string;
  personal: boolean;
  campaign: string;
  name: string;
  note: string;
  zone: string;
  phone: number | null;
  numbers: (NumberShown)[];
  /** on an agent's desk just now */
  in_hand: boolean;
  /** the agent's own, of a campaign they have stopped: it waits for them to ask for its records */
  stopped: boolean;
}

/** Schedule Callback as the agent left it. */
export interface CallbackWindow {
  on: boolean;
  /** the wall clock in `zone`: 2026-03-11T10:00 */
  local?: string;
  zone?: string;
  personal?: boolean;
  phone?: number | null;
  new_number?: string;
  new_kind?: string;
  note?: string;
}

/** The open callbacks this agent promised, the earliest first; and those of the last days that were not kept, the newest first. */
export interface Callbacks {
  callbacks: (CallbackShown)[];
  not_kept: (CallbackNotKept)[];
}

export interface CallerIdChoice {
  id: number;
  number: string;
  label: string;
}

/** A campaign was loaded, started, paused, stopped or completed, and this agent has not acknowledged it. */
export interface CampaignNotice {
  /** of the change */
  id: number;
  campaign: number;
  title: string;
  name: string;
  mode: string;
  description: string;
  /** offers Get Record beside OK */
  get_record: boolean;
  /** OK joins the campaign */
  joins: boolean;
}

/** One of the agent's campaigns: a row of My Campaigns. */
export interface CampaignShown {
  id: number;
  /** Active: loaded and not dialing yet */
  status: "Active" | "Running" | "Paused";
  name: string;
  delivery: "Manual" | "Automatic";
  /** the dialing mode in words */
  mode: string;
  description: string;
  taking_part: boolean;
  /** what its button does; none: records come by themselves */
  action: "get_record" | "run" | "stop" | "none";
  /** the words of get_record here: Get Record, or Get customers */
  gets: string;
  /** it has a window to close, which stops its records for the time being */
  closes: boolean;
  /** why nothing comes now, or how records come; empty: nothing to say */
  remark: string | Said;
}

/** My Campaigns, and what there is to tell about them. */
export interface Campaigns {
  campaigns: (CampaignShown)[];
  notices: (CampaignNotice)[];
  /** seconds after which a remark may be out of date, though nothing has happened; none: never */
  ask_again: number | null;
}

export interface CancelCallback {
  /** chosen by the screen; a repeat with the same id gets the first answer */
  id: string;
  type: "cancel_callback";
  callback: number;
}

/** What an alert shows first; a campaign may put more on it. by: the agent who asks this one into a conversation. */
export interface Card {
  campaign?: string;
  name?: string;
  number?: string;
  by?: string;
  [more: string]: unknown;
}

/** Case Information: the lead's place in its campaign. */
export interface CaseShown {
  /** the calling list it came in on */
  calling_list: string;
  /** which of the queues it stood in */
  priority: "callback" | "top_of_list" | "normal";
  /** calls made */
  attempts: number;
  max_attempts: number;
}

/** Another time, number or keeper for a callback from My Callbacks. */
export interface ChangeCallback {
  /** chosen by the screen; a repeat with the same id gets the first answer */
  id: string;
  type: "change_callback";
  callback: number;
  window: CallbackWindow;
}

export interface ColleagueShown {
  /** of the agent */
  id: number;
  name: string;
}

/** Asked only after one of these answers to an earlier question. */
export interface Condition {
  question: string;
  answers: (boolean | string)[];
}

/** Where the customer says they are. */
export interface ConfirmZone {
  /** chosen by the screen; a repeat with the same id gets the first answer */
  id: string;
  interaction: string;
  type: "confirm_zone";
  /** as in Europe/Madrid; empty: it was a mistake, what number and address suggest counts again */
  zone: string;
}

export interface ContactShown {
  name: string;
  title: string;
  first_name: string;
  last_name: string;
  company: string;
  email: string;
  /** all of it: street, city, and the area */
  address: string;
  street: string;
  city: string;
  /** region, postal code and country: where they are, which an agent cannot change */
  area: string;
  time_zone: string;
  /** every time zone they may be in: calls are made only where the hours hold in all of them */
  zones: (string)[];
  /** the one the customer said they are in, which alone counts; empty: nobody has asked */
  said_zone: string;
  numbers: (NumberShown)[];
}

/** What this agent has done today, by the centre's clock, until now. */
export interface Day {
  /** the day meant: 2026-03-11 */
  date: string;
  until: string;
  /** this and the following: seconds */
  talking: number;
  waiting: number;
  wrapping_up: number;
  previewing: number;
  ringing: number;
  not_ready: (NotReadyFor)[];
  /** to customers */
  calls: number;
  /** from customers */
  taken: number;
  /** persons talked with, each once, but for wrong numbers */
  reached: number;
  successes: number;
  /** calls that kept a promise */
  callbacks: number;
  /** callbacks booked */
  promised: number;
}

/** Call this contact later, or do not call this contact in this campaign. */
export interface Decline {
  /** chosen by the screen; a repeat with the same id gets the first answer */
  id: string;
  interaction: string;
  type: "decline";
  never: boolean;
}

/** The record on the desk. */
export interface Details {
  interaction: string;
  campaign: string;
  description: string;
  contact: ContactShown | null;
  fields: (FieldShown)[];
  survey: SurveyShown | null;
  /** how often wrap-up may be extended */
  wrap_up_extensions: number;
  /** how often the preview's countdown may be extended */
  preview_extensions: number;
  /** how long “Do not call back” leaves the customer alone */
  no_callback_days: number;
  /** “Do not call back” finishes the record */
  no_callback_ends: boolean;
  /** a rejection needs a reason */
  reject_reason: boolean;
  /** the agent may put the contact right */
  edits_contact: boolean;
  case: CaseShown | null;
  /** its first page */
  history: History;
  dispositions: (DispositionChoice)[];
  /** which calls must be given a disposition */
  disposition_for: "all" | "answered" | "none";
  /** the campaign wants a note on every record */
  note_required: boolean;
  /** what may be played in the conversation */
  messages: (MessageChoice)[];
  /** the conversation may be taken on to others */
  transfers: boolean;
  /** there is a message to leave on an answering machine */
  voicemail: boolean;
  /** Accept dials at once, without a preview first */
  accept_dials: boolean;
  /** the agent picks the number */
  chooses_number: boolean;
  /** a number that is not on the record may be dialed */
  new_number: boolean;
  number_kinds: (KindChoice)[];
  /** asked for only where there is more than one */
  caller_ids: (CallerIdChoice)[];
  /** the campaign's own */
  caller_id: number | null;
}

export interface DispositionChoice {
  id: number;
  label: string;
  kind: string;
  /** what it stands under; empty at the top */
  heading: string;
  note_required: boolean;
}

/** The customer wants no more calls: nobody in the organisation calls this number again, or any of the contact's. */
export interface DoNotCall {
  /** chosen by the screen; a repeat with the same id gets the first answer */
  id: string;
  interaction: string;
  type: "do_not_call";
  every_number?: boolean;
}

/** What the screen says an agent is doing: derived from readiness and the open interaction, never stored a second time. */
export type Doing = "signed_out" | "not_ready" | "ready" | "offered" | "previewing" | "phone_ringing" | "dialing" | "on_call" | "wrap_up";

/** What the agent has entered for the record in hand. */
export interface Draft {
  callback?: CallbackDraft | null;
  fields?: Record<string, boolean | string>;
  survey?: Record<string, boolean | string>;
  disposition?: number | null;
  no_callback?: boolean;
  /** what was put right of the contact, by field */
  contact?: Record<string, string>;
  /** what the agent says of the number alone */
  number_result?: string;
  /** how often wrap-up was extended */
  extensions?: number;
  /** how often the preview's countdown was */
  preview_extensions?: number;
  /** wrap-up has run out, and the record waits for what Done asks for */
  overtime?: boolean;
}

/** A field of Record Information. */
export interface FieldShown {
  key: string;
  label: string;
  kind: "text" | "checkbox" | "datetime" | "choice";
  choices: (string)[];
  required: boolean;
  only_if: Condition | null;
  editable: boolean;
  value: boolean | string;
  /** the value as it is read */
  shown: string;
}

/** Done; with `stop`, no further record of this campaign. */
export interface Finish {
  /** chosen by the screen; a repeat with the same id gets the first answer */
  id: string;
  interaction: string;
  type: "finish";
  disposition?: number | null;
  note: string;
  stop?: boolean;
}

/** The next record of a campaign; where records come by themselves, take part again. */
export interface GetRecord {
  /** chosen by the screen; a repeat with the same id gets the first answer */
  id: string;
  type: "get_record";
  campaign: number;
}

export interface GoReady {
  /** chosen by the screen; a repeat with the same id gets the first answer */
  id: string;
  type: "go_ready";
}

export interface HangUp {
  /** chosen by the screen; a repeat with the same id gets the first answer */
  id: string;
  interaction: string;
  type: "hang_up";
}

/** The first thing a page says: which protocol it was built for. */
export interface Hello {
  /** chosen by the screen; a repeat with the same id gets the first answer */
  id: string;
  type: "hello";
  protocol: number;
}

/** What was tried with this person, the newest first. */
export interface History {
  interaction: string;
  attempts: (AttemptShown)[];
  /** there are older ones: ask with the last of these */
  more: boolean;
}

/** The customer hears music; with `on` false they hear the agent again. */
export interface Hold {
  /** chosen by the screen; a repeat with the same id gets the first answer */
  id: string;
  interaction: string;
  type: "hold";
  on: boolean;
}

/** A server that helps sound through firewalls. */
export interface IceServer {
  urls: string;
  username: string;
  credential: string;
}

/** The one open piece of work. */
export interface InteractionState {
  id: string;
  phase: Phase;
  since: string;
  deadline: string | null;
  origin: string;
  card: Card;
  /** what the customer's phone is doing: dialing, ringing, answered, connected, machine, ended; asked: the customer is another agent's, who has asked this one to come; empty where unknown */
  progress: string;
  /** a sentence about it, such as why it was not dialed; empty where there is nothing to say */
  notice: string | Said;
  outcome: string;
  talked: boolean;
  /** the customer hears music, not the agent */
  held: boolean;
  /** the customer does not hear the agent */
  muted: boolean;
  /** the call to the agent's phone for this work, where it is called for each call */
  leg: string | null;
  others: (OtherShown)[];
  /** a supervisor listens, or speaks to the agent */
  watched: boolean;
  /** offered: the agent may ask for it; empty: nothing is recorded here */
  recording: "" | "offered" | "on" | "paused";
  /** a preview's countdown: when the system dials by itself */
  dials_at: string | null;
  note: string;
  draft: Draft;
  disposition_id: number | null;
}

export interface KindChoice {
  key: string;
  label: string;
}

/** An answering machine: the recorded message plays on alone, and the agent is free. */
export interface LeaveMessage {
  /** chosen by the screen; a repeat with the same id gets the first answer */
  id: string;
  interaction: string;
  type: "leave_message";
}

/** What there is to choose from. */
export interface Menu {
  /** the one used last */
  station: number | null;
  stations: (StationChoice)[];
  reasons: (ReasonChoice)[];
}

export interface MessageChoice {
  id: number;
  name: string;
}

export interface Moment {
  /** a wall clock, 2026-03-11T10:00, to be said as it is */
  at: string;
}

/** Thirty seconds more of wrap-up; before the call, the countdown's time once more. */
export interface MoreTime {
  /** chosen by the screen; a repeat with the same id gets the first answer */
  id: string;
  interaction: string;
  type: "more_time";
}

/** The agent is not heard by the customer; with `on` false they are again. */
export interface Mute {
  /** chosen by the screen; a repeat with the same id gets the first answer */
  id: string;
  interaction: string;
  type: "mute";
  on: boolean;
}

export interface NotReadyFor {
  /** the reason's; empty: none was given */
  label: string;
  seconds: number;
}

export interface NumberShown {
  id: number;
  kind: string;
  /** whose wall clock is meant where a time at this number is told */
  zone: string;
  /** masked unless it is the one being called */
  number: string;
  dialed: boolean;
  active: boolean;
  /** what the clock says there; empty where that is not one time */
  local_time: string;
  /** on a do-not-call list */
  listed: boolean;
  /** what an agent found there, for which it is not called again; empty: nothing */
  result: string;
}

/** A third party in the conversation, or on the way to it. */
export interface OtherShown {
  id: string;
  /** empty for a number that was typed */
  name: string;
  /** empty for an agent */
  number: string;
  state: "calling" | "consulted" | "joined" | "handed";
  how: "consult" | "conference" | "blind";
}

export type Phase = "offered" | "preview" | "checking" | "ringing_agent" | "dialing" | "connecting" | "connected" | "wrap_up" | "closed";

/** What this page's phone registers with. It is told once; the next page that asks ends it. */
export interface PhoneAccess {
  /** the websocket SIP is spoken on */
  url: string;
  name: string;
  secret: string;
  ice: (IceServer)[];
}

/** The heartbeat. */
export interface Ping {
  type: "ping";
  /** the version on the screen */
  version: number;
}

/** One of the recorded messages, to the customer alone or to everybody; the conversation goes on. */
export interface PlayMessage {
  /** chosen by the screen; a repeat with the same id gets the first answer */
  id: string;
  interaction: string;
  type: "play_message";
  message: number;
  to: "customer" | "all";
}

/** The answer to a heartbeat. A version other than the screen's own is followed by a fresh state. */
export interface Pong {
  type: "pong";
  version: number;
  now: string;
}

export interface ProblemShown {
  /** disposition, note, callback, number_result, field:KEY, survey:KEY or contact:KEY */
  where: string;
  sentence: string | Said;
}

/** Something to fill in. */
export interface QuestionShown {
  key: string;
  label: string;
  kind: "text" | "checkbox" | "datetime" | "choice";
  choices: (string)[];
  required: boolean;
  only_if: Condition | null;
}

/** OK: the notice is seen; in some campaigns that joins them. */
export interface ReadNotice {
  /** chosen by the screen; a repeat with the same id gets the first answer */
  id: string;
  type: "read_notice";
  notice: number;
}

export interface ReasonChoice {
  code: string;
  label: string;
  /** false for those the system sets */
  choosable: boolean;
  max_minutes: number | null;
}

/** Begin a recording where the campaign leaves it to the agent, pause it while something is said that must not be kept, go on with it. */
export interface RecordCall {
  /** chosen by the screen; a repeat with the same id gets the first answer */
  id: string;
  interaction: string;
  type: "record_call";
  do: "start" | "pause" | "resume";
}

export interface RecordingShown {
  /** of the address under /recordings/ */
  id: number;
  at: string;
  seconds: number;
}

export interface Reject {
  /** chosen by the screen; a repeat with the same id gets the first answer */
  id: string;
  interaction: string;
  type: "reject";
  reason?: string;
}

/** A newer tab has taken the console over; this connection closes. */
export interface Replaced {
  type: "replaced";
}

/** Take part: its records may come. */
export interface RunCampaign {
  /** chosen by the screen; a repeat with the same id gets the first answer */
  id: string;
  type: "run_campaign";
  campaign: number;
}

/** A sentence with values in it: the screen says the text in its agent's language, then fills them in. */
export interface Said {
  /** English, with {name} where a value goes */
  text: string;
  values: Record<string, string | number | Moment | Said>;
}

/** Fields, answers, the disposition chosen so far: each part given replaces what was kept of it. */
export interface SaveDraft {
  /** chosen by the screen; a repeat with the same id gets the first answer */
  id: string;
  interaction: string;
  type: "save_draft";
  fields?: Record<string, boolean | string> | null;
  survey?: Record<string, boolean | string> | null;
  disposition?: number | null;
  no_callback?: boolean | null;
  contact?: Record<string, string> | null;
  number_result?: "" | "wrong_number" | "fax" | "not_in_service" | null;
}

/** The draft, as it is typed. */
export interface SaveNote {
  /** chosen by the screen; a repeat with the same id gets the first answer */
  id: string;
  interaction: string;
  type: "save_note";
  note: string;
}

/** The Schedule Callback window, each time something in it has changed; with `on` false the callback is cancelled. */
export interface ScheduleCallback {
  /** chosen by the screen; a repeat with the same id gets the first answer */
  id: string;
  interaction: string;
  type: "schedule_callback";
  window: CallbackWindow;
}

export interface SectionShown {
  title: string;
  /** what the agent reads out, names filled in */
  text: string;
  questions: (QuestionShown)[];
}

/** Keys, as if pressed on the agent's phone. */
export interface SendDigits {
  /** chosen by the screen; a repeat with the same id gets the first answer */
  id: string;
  interaction: string;
  type: "send_digits";
  digits: string;
}

/** What the agent wishes and has. */
export interface SessionState {
  doing: Doing;
  /** since when they do it: the status bar's timer */
  since: string | null;
  signed_in: boolean;
  voice_ready: boolean;
  preview_ready: boolean;
  /** code of the Not Ready reason */
  reason: string | null;
  /** Not Ready with this reason after the present work */
  pending_reason: string | null;
  station: number | null;
  phone: "none" | "ringing" | "up" | "suspect";
  /** the call that keeps the phone connected: a page picks up what has this id, unasked */
  leg: string | null;
  /** rises when the campaigns to work on, or their notices, have changed: ask for them */
  news: number;
  /** which of the agent's consoles this is: a page that comes back says so, and takes over from no newer one */
  console: number;
}

/** One channel Ready or not; the other stays as it is. */
export interface SetChannel {
  /** chosen by the screen; a repeat with the same id gets the first answer */
  id: string;
  type: "set_channel";
  channel: "voice" | "preview";
  ready: boolean;
}

/** The offer is on the screen: from now on the agent can answer it. */
export interface Shown {
  /** chosen by the screen; a repeat with the same id gets the first answer */
  id: string;
  interaction: string;
  type: "shown";
}

/** Start the shift at a station, Not Ready. */
export interface SignIn {
  /** chosen by the screen; a repeat with the same id gets the first answer */
  id: string;
  type: "sign_in";
  /** none: this page's own phone, which must be registered by then */
  station: number | null;
}

export interface SignOut {
  /** chosen by the screen; a repeat with the same id gets the first answer */
  id: string;
  type: "sign_out";
}

/** The whole of one agent's screen. The one with the highest version is the truth. */
export interface State {
  type: "state";
  version: number;
  /** the server's clock, by which every deadline is meant */
  now: string;
  session: SessionState;
  interaction: InteractionState | null;
}

export interface StationChoice {
  /** none: this page's own phone, before it was used for the first time */
  id: number | null;
  name: string;
  kind: "webrtc" | "sip" | "pstn";
  leg_mode: "nailed_up" | "per_call";
  /** somebody else sits there */
  taken: boolean;
  /** nobody else may sit there */
  own: boolean;
  /** whether the telephone system sees the phone; none: it does not say */
  registered: boolean | null;
}

/** Stop, or close its window: no further record of it until asked for again. */
export interface StopCampaign {
  /** chosen by the screen; a repeat with the same id gets the first answer */
  id: string;
  type: "stop_campaign";
  campaign: number;
}

export interface SurveyShown {
  sections: (SectionShown)[];
  /** given to an earlier agent */
  answers: Record<string, boolean | string>;
}

/** Not Ready, at once or after the present work. */
export interface TakeBreak {
  /** chosen by the screen; a repeat with the same id gets the first answer */
  id: string;
  type: "take_break";
  reason: string;
}

export interface TargetShown {
  id: number;
  name: string;
  number: string;
  note: string;
}

/** The directory, agents who are free, and whether any other number may be typed. */
export interface Targets {
  targets: (TargetShown)[];
  colleagues: (ColleagueShown)[];
  any_number: boolean;
}

/** Hold the countdown, or wait no longer for the verdict on a number: the system does not dial by itself. */
export interface Wait {
  /** chosen by the screen; a repeat with the same id gets the first answer */
  id: string;
  interaction: string;
  type: "wait";
}

/** Hand the customer over and leave, join all in one conversation, or end the call to them and go back to the customer. */
export interface WithOther {
  /** chosen by the screen; a repeat with the same id gets the first answer */
  id: string;
  interaction: string;
  type: "with_other";
  other: string;
  do: "hand_over" | "join" | "drop";
}

export type ServerMessage = State | Answer | Pong | Replaced;
export type ClientCommand = Hello | Ping | SignIn | SignOut | GoReady | SetChannel | TakeBreak | RunCampaign | StopCampaign | GetRecord | ReadNotice | Shown | Accept | Reject | Call | CallNewNumber | Wait | Decline | HangUp | Hold | Mute | SendDigits | RecordCall | BringIn | WithOther | PlayMessage | LeaveMessage | DoNotCall | ConfirmZone | SaveNote | SaveDraft | MoreTime | ScheduleCallback | Finish | ChangeCallback | CancelCallback | AskRecord | AskHistory | AskChoices | AskCampaigns | AskCallbacks | AskDay | AskPhone | AskTargets;
