/** What the page knows, and how each thing that happens changes it. Pure: the server owns the state, this is its latest picture. */

import {
  CLOSED,
  type Answer,
  type AttemptShown,
  type CallbackNotKept,
  type Callbacks,
  type CallbackShown,
  type Campaigns,
  type ClientCommand,
  type Day,
  type Details,
  type History,
  type InteractionState,
  type Menu,
  type ProblemShown,
  type Said,
  type ServerMessage,
  type State,
  type Targets,
} from '../protocol.gen';

export type Link = 'connecting' | 'live' | 'lost';
/** Why this page will not connect again by itself. */
export type Over = 'replaced' | 'signed_out' | 'no_agent' | 'outdated';

export interface Notice {
  readonly id: string;
  readonly sentence: string | Said;
}

export interface View {
  readonly link: Link;
  readonly over: Over | null;
  readonly state: State | null;
  /** the next state is taken whatever its version: a new connection begins with a snapshot */
  readonly expectSnapshot: boolean;
  /** how many connections have begun with one */
  readonly snapshots: number;
  /** the server's clock minus ours, in milliseconds */
  readonly offset: number;
  readonly menu: Menu | null;
  readonly details: Details | null;
  /** what was tried with the person on the desk, as far back as it was asked for */
  readonly history: History | null;
  /** whom the conversation may be taken on to, once it was asked */
  readonly targets: Targets | null;
  readonly campaigns: Campaigns | null;
  /** what this agent has promised */
  readonly callbacks: readonly CallbackShown[] | null;
  /** and what was not kept of it lately */
  readonly notKept: readonly CallbackNotKept[];
  /** what this agent has done today */
  readonly day: Day | null;
  /** commands without an answer yet */
  readonly waiting: Readonly<{ [id: string]: ClientCommand['type'] }>;
  readonly notices: readonly Notice[];
  /** what keeps the record from being done, each with its place */
  readonly problems: readonly ProblemShown[];
  /** what must be said of the call before, until the next one is dialed */
  readonly unsaid: readonly ProblemShown[];
}

export type Happened =
  | { readonly what: 'opened' }
  | { readonly what: 'closed'; readonly code: number }
  | { readonly what: 'said'; readonly message: ServerMessage; readonly at: number }
  | { readonly what: 'asked'; readonly id: string; readonly command: ClientCommand['type'] }
  | { readonly what: 'fixed'; readonly where: string }
  | { readonly what: 'reminded'; readonly id: string; readonly sentence: string }
  | { readonly what: 'given_up'; readonly id: string; readonly sentence: string }
  | { readonly what: 'dismissed'; readonly id: string };

export const BLANK: View = {
  link: 'connecting',
  over: null,
  state: null,
  expectSnapshot: true,
  snapshots: 0,
  offset: 0,
  menu: null,
  details: null,
  history: null,
  targets: null,
  campaigns: null,
  callbacks: null,
  notKept: [],
  day: null,
  waiting: {},
  notices: [],
  problems: [],
  unsaid: [],
};

const MOST_NOTICES = 3;

export function reduce(view: View, happened: Happened): View {
  switch (happened.what) {
    case 'opened':
      return { ...view, link: 'live', over: null, expectSnapshot: true };
    case 'closed':
      return { ...view, link: 'lost', over: view.over ?? overBecause(happened.code) };
    case 'said':
      return said(view, happened.message, happened.at);
    case 'asked':
      return { ...view, waiting: { ...view.waiting, [happened.id]: happened.command } };
    case 'fixed':
      return view.problems.some(({ where }) => where === happened.where)
        ? { ...view, problems: view.problems.filter(({ where }) => where !== happened.where) }
        : view;
    case 'reminded':
      return notice(view, happened.id, happened.sentence);
    case 'given_up':
      return notice({ ...view, waiting: without(view.waiting, happened.id) }, happened.id, happened.sentence);
    case 'dismissed':
      return { ...view, notices: view.notices.filter((notice) => notice.id !== happened.id) };
  }
}

function said(view: View, message: ServerMessage, at: number): View {
  switch (message.type) {
    case 'state':
      return newest(view, message, at);
    case 'pong':
      return { ...view, offset: Date.parse(message.now) - at };
    case 'replaced':
      return { ...view, over: 'replaced' };
    case 'answer':
      return answered(view, message);
  }
}

/** The highest version wins: what overtook is kept, what was overtaken is dropped. */
function newest(view: View, state: State, at: number): View {
  if (view.state && state.version < view.state.version && !view.expectSnapshot) return view;
  const sameWork = view.details !== null && view.details.interaction === state.interaction?.id;
  return {
    ...view,
    state,
    expectSnapshot: false,
    snapshots: view.snapshots + (view.expectSnapshot ? 1 : 0),
    offset: Date.parse(state.now) - at,
    details: sameWork ? view.details : null,
    history: sameWork ? view.history : null,
    problems: view.state?.interaction?.id === state.interaction?.id ? view.problems : [],
    unsaid: sameCall(view.state?.interaction, state.interaction) ? view.unsaid : [],
  };
}

function isCall(asked: ClientCommand['type'] | undefined): boolean {
  return asked === 'call' || asked === 'call_new_number';
}

function sameCall(one: InteractionState | null | undefined, other: InteractionState | null): boolean {
  return one?.id === other?.id && one?.outcome === other?.outcome;
}

function answered(view: View, answer: Answer): View {
  const asked = answer.id === null ? undefined : view.waiting[answer.id];
  const next = answer.id === null ? view : { ...view, waiting: without(view.waiting, answer.id) };
  if (!answer.ok) {
    if (asked === 'hello') return { ...next, over: 'outdated' };
    if (asked === 'schedule_callback' && answer.problems?.length) return next; // its window says why
    if (asked === 'finish' && answer.problems?.length) return { ...next, problems: answer.problems };
    // a window asks for it, where the page knows of that call by now
    if (isCall(asked) && answer.problems?.length && next.state?.interaction?.outcome) return { ...next, unsaid: answer.problems };
    return notice(next, answer.id ?? 'unnamed', answer.sentence ?? '');
  }
  if (isCall(asked)) return { ...next, unsaid: [] };
  if (asked === 'choices') return { ...next, menu: answer.data as Menu };
  if (asked === 'campaigns') return { ...next, campaigns: answer.data as Campaigns };
  if (asked === 'callbacks') {
    const { callbacks, not_kept: notKept } = answer.data as Callbacks;
    return { ...next, callbacks, notKept };
  }
  if (asked === 'day') return { ...next, day: answer.data as Day };
  if (asked === 'record') {
    const details = answer.data as Details;
    if (details.interaction !== next.state?.interaction?.id) return next;
    return { ...next, details, history: withNewest(next.history, details.history) };
  }
  if (asked === 'targets') return { ...next, targets: answer.data as Targets };
  if (asked === 'history') {
    const older = answer.data as History;
    if (older.interaction !== next.history?.interaction) return next;
    return { ...next, history: { ...older, attempts: inOrder([...next.history.attempts, ...older.attempts]) } };
  }
  return next;
}

/** The newest page again, before what was loaded of older ones. */
function withNewest(known: History | null, page: History): History {
  if (known === null || known.interaction !== page.interaction) return page;
  return { ...page, attempts: inOrder([...known.attempts, ...page.attempts]), more: known.attempts.length > 0 ? known.more : page.more };
}

/** Each once, as the last page told it, the newest first. */
function inOrder(attempts: readonly AttemptShown[]): AttemptShown[] {
  const each = [...new Map(attempts.map((one) => [one.id, one])).values()];
  return each.sort((a, b) => Date.parse(b.at) - Date.parse(a.at) || (a.id < b.id ? 1 : -1));
}

function notice(view: View, id: string, sentence: string | Said): View {
  const others = view.notices.filter((other) => JSON.stringify(other.sentence) !== JSON.stringify(sentence));
  return { ...view, notices: [...others, { id, sentence }].slice(-MOST_NOTICES) };
}

function without<T>(all: Readonly<{ [id: string]: T }>, id: string): Readonly<{ [id: string]: T }> {
  const { [id]: _, ...others } = all;
  return others;
}

function overBecause(code: number): Over | null {
  switch (code) {
    case CLOSED.replaced:
      return 'replaced';
    case CLOSED.signed_out:
      return 'signed_out';
    case CLOSED.no_agent:
      return 'no_agent';
    default:
      return null;
  }
}
