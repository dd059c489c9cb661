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
  /** why not, to be shown as it is */
  sentence?: string | null;
  data?: Details | Menu | null;
}

/** Ask what there is to choose from: stations and Not Ready reasons. */
export interface AskChoices {
  /** chosen by the screen; a repeat with the same id gets the first answer */
  id: string;
  type: "choices";
}

/** Ask for the details of the record on the screen. */
export interface AskRecord {
  /** chosen by the screen; a repeat with the same id gets the first answer */
  id: string;
  interaction: string;
  type: "record";
}

export interface AttemptShown {
  at: string;
  number: string;
  outcome: string;
  disposition: string;
  agent: string;
}

/** What an alert shows first; a campaign may put more on it. */
export interface Card {
  campaign?: string;
  name?: string;
  number?: string;
  [more: string]: unknown;
}

export interface ContactShown {
  name: string;
  title: string;
  company: string;
  email: string;
  address: string;
  time_zone: string;
  numbers: (NumberShown)[];
}

/** The record on the desk. */
export interface Details {
  interaction: string;
  campaign: string;
  description: string;
  contact: ContactShown | null;
  fields: (FieldShown)[];
  history: (AttemptShown)[];
  attempts_made: number;
  dispositions: (DispositionChoice)[];
  /** which calls must be given a disposition */
  disposition_for: "all" | "answered" | "none";
  /** there is a message to leave on an answering machine */
  voicemail: boolean;
}

export interface DispositionChoice {
  id: number;
  label: string;
  kind: string;
  note_required: boolean;
}

/** What the screen says an agent is doing: derived from readiness and the open interaction, never stored a second time. */
export type Doing = "signed_out" | "not_ready" | "ready" | "offered" | "previewing" | "phone_ringing" | "dialing" | "on_call" | "wrap_up";

export interface FieldShown {
  label: string;
  value: string;
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

/** The customer hears music; with `on` false they hear the agent again. */
export interface Hold {
  /** chosen by the screen; a repeat with the same id gets the first answer */
  id: string;
  interaction: string;
  type: "hold";
  on: boolean;
}

/** The one open piece of work. */
export interface InteractionState {
  id: string;
  phase: Phase;
  since: string;
  deadline: string | null;
  origin: string;
  card: Card;
  /** what the customer's phone is doing: dialing, ringing, answered, connected, machine, ended; empty where unknown */
  progress: string;
  /** a sentence about it, such as why it was not dialed; empty where there is nothing to say */
  notice: string;
  outcome: string;
  talked: boolean;
  /** the customer hears music, not the agent */
  held: boolean;
  /** the customer does not hear the agent */
  muted: boolean;
  note: string;
  disposition_id: number | null;
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

/** The agent is not heard by the customer; with `on` false they are again. */
export interface Mute {
  /** chosen by the screen; a repeat with the same id gets the first answer */
  id: string;
  interaction: string;
  type: "mute";
  on: boolean;
}

export interface NumberShown {
  kind: string;
  /** masked unless it is the one being called */
  number: string;
  dialed: boolean;
  active: boolean;
}

export type Phase = "offered" | "preview" | "checking" | "ringing_agent" | "dialing" | "connecting" | "connected" | "wrap_up" | "closed";

/** The heartbeat. */
export interface Ping {
  type: "ping";
  /** the version on the screen */
  version: number;
}

/** The answer to a heartbeat. A version other than the screen's own is followed by a fresh state. */
export interface Pong {
  type: "pong";
  version: number;
  now: string;
}

export interface ReasonChoice {
  code: string;
  label: string;
  /** false for those the system sets */
  choosable: boolean;
  max_minutes: number | null;
}

export interface Reject {
  /** chosen by the screen; a repeat with the same id gets the first answer */
  id: string;
  interaction: string;
  type: "reject";
}

/** A newer tab has taken the console over; this connection closes. */
export interface Replaced {
  type: "replaced";
}

/** The draft, as it is typed. */
export interface SaveNote {
  /** chosen by the screen; a repeat with the same id gets the first answer */
  id: string;
  interaction: string;
  type: "save_note";
  note: string;
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
}

/** Start the shift at a station, Not Ready. */
export interface SignIn {
  /** chosen by the screen; a repeat with the same id gets the first answer */
  id: string;
  type: "sign_in";
  station: number;
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
  id: number;
  name: string;
  kind: string;
  leg_mode: "nailed_up" | "per_call";
  /** somebody else sits there */
  taken: boolean;
}

/** Not Ready, at once or after the present work. */
export interface TakeBreak {
  /** chosen by the screen; a repeat with the same id gets the first answer */
  id: string;
  type: "take_break";
  reason: string;
}

export type ServerMessage = State | Answer | Pong | Replaced;
export type ClientCommand = Hello | Ping | SignIn | SignOut | GoReady | TakeBreak | Accept | Reject | HangUp | Hold | Mute | SendDigits | LeaveMessage | SaveNote | Finish | AskRecord | AskChoices;
