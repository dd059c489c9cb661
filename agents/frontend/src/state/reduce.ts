/** What the page knows, and how each thing that happens changes it. Pure: the server owns the state, this is its latest picture. */

import {
  CLOSED,
  type Answer,
  type Callbacks,
  type CallbackShown,
  type Campaigns,
  type ClientCommand,
  type Details,
  type Menu,
  type ProblemShown,
  type ServerMessage,
  type State,
} from '../protocol.gen';

export type Link = 'connecting' | 'live' | 'lost';
/** Why this page will not connect again by itself. */
export type Over = 'replaced' | 'signed_out' | 'no_agent' | 'outdated';

export interface Notice {
  readonly id: string;
  readonly sentence: string;
}

export interface View {
  readonly link: Link;
  readonly over: Over | null;
  readonly state: State | null;
  /** the next state is taken whatever its version: a new connection begins with a snapshot */
  readonly expectSnapshot: boolean;
  /** the server's clock minus ours, in milliseconds */
  readonly offset: number;
  readonly menu: Menu | null;
  readonly details: Details | null;
  readonly campaigns: Campaigns | null;
  /** what this agent has promised */
  readonly callbacks: readonly CallbackShown[] | null;
  /** commands without an answer yet */
  readonly waiting: Readonly<{ [id: string]: ClientCommand['type'] }>;
  readonly notices: readonly Notice[];
  /** what keeps the record from being done, each with its place */
  readonly problems: readonly ProblemShown[];
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
  offset: 0,
  menu: null,
  details: null,
  campaigns: null,
  callbacks: null,
  waiting: {},
  notices: [],
  problems: [],
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
    offset: Date.parse(state.now) - at,
    details: sameWork ? view.details : null,
    problems: view.state?.interaction?.id === state.interaction?.id ? view.problems : [],
  };
}

function answered(view: View, answer: Answer): View {
  const asked = answer.id === null ? undefined : view.waiting[answer.id];
  const next = answer.id === null ? view : { ...view, waiting: without(view.waiting, answer.id) };
  if (!answer.ok) {
    if (asked === 'hello') return { ...next, over: 'outdated' };
    if (asked === 'schedule_callback' && answer.problems?.length) return next; // its window says why
    if (asked === 'finish' && answer.problems?.length) return { ...next, problems: answer.problems };
    return notice(next, answer.id ?? 'unnamed', answer.sentence ?? '');
  }
  if (asked === 'choices') return { ...next, menu: answer.data as Menu };
  if (asked === 'campaigns') return { ...next, campaigns: answer.data as Campaigns };
  if (asked === 'callbacks') return { ...next, callbacks: (answer.data as Callbacks).callbacks };
  if (asked === 'record') {
    const details = answer.data as Details;
    return details.interaction === next.state?.interaction?.id ? { ...next, details } : next;
  }
  return next;
}

function notice(view: View, id: string, sentence: string): View {
  const others = view.notices.filter((other) => other.sentence !== sentence);
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
