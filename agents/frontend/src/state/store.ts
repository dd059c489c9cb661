/** The one picture of everything, as signals; and the one way to ask the server for something. */

import { computed, effect, signal, untracked } from '@preact/signals';
import { t, type Catalogue } from '../i18n';
import { Link, type Wish } from '../link/socket';
import { BLANK, reduce, type Happened, type View } from './reduce';
import type { Answer, ClientCommand, InteractionState, PhoneAccess } from '../protocol.gen';

export interface Boot {
  readonly agent: string;
  readonly protocol: number;
  readonly heartbeat: number;
  readonly silence: number;
  readonly socket: string;
  readonly sign_in: string;
  readonly sign_out: string;
  readonly admin: string | null;
  readonly languages: readonly { readonly code: string; readonly name: string }[];
  readonly speak: string;
  readonly catalogue: Catalogue;
}

export const view = signal<View>(BLANK);
/** our clock, once a second */
export const clock = signal(Date.now());

export const session = computed(() => view.value.state?.session ?? null);
export const work = computed<InteractionState | null>(() => view.value.state?.interaction ?? null);
/** the record that is filled in here: none while another console has it */
export const inHand = computed(() => (view.value.over === 'replaced' ? null : work.value));
/** how many connections have begun by telling how things are: another console may have been at work before each */
export const snapshots = computed(() => view.value.snapshots);
export const doing = computed(() => session.value?.doing ?? null);
/** what the server's clock says now */
export const serverNow = computed(() => clock.value + view.value.offset);
export const reasons = computed(() => view.value.menu?.reasons ?? []);
export const station = computed(() => view.value.menu?.stations.find((one) => one.id === session.value?.station) ?? null);
/** My Campaigns; null until they were told */
export const campaigns = computed(() => view.value.campaigns?.campaigns ?? null);
const campaignsTold = computed(() => view.value.campaigns);
const atWork = computed(() => work.value !== null);
export const notices = computed(() => view.value.campaigns?.notices ?? []);
/** connected, and told by this connection how things are */
export const isLive = computed(() => view.value.link === 'live' && view.value.state !== null && !view.value.expectSnapshot);

export function waits(...commands: string[]): boolean {
  return Object.values(view.value.waiting).some((command) => commands.includes(command));
}

export function labelOf(code: string | null): string {
  return reasons.value.find((reason) => reason.code === code)?.label ?? '';
}

/** the command that was refused last, or had no answer in time; isPlaced: and each thing wrong with it has been told its place */
export const refused = signal<{ readonly command: ClientCommand['type']; readonly isPlaced: boolean } | null>(null);

/** what was shown may have been old where an order was refused: it is looked at again */
const LOOKS_AGAIN: { readonly [command in ClientCommand['type']]?: 'record' | 'targets' | 'campaigns' | 'callbacks' | 'choices' } = {
  reject: 'record',
  call: 'record',
  call_new_number: 'record',
  decline: 'record',
  more_time: 'record',
  finish: 'record',
  bring_in: 'targets',
  get_record: 'campaigns',
  run_campaign: 'campaigns',
  stop_campaign: 'campaigns',
  change_callback: 'callbacks',
  cancel_callback: 'callbacks',
  take_break: 'choices',
  sign_in: 'choices', // somebody was quicker at that phone
};
/** such looks at a record; that it is gone, the refusal before has said */
const looks = new Set<string>();

/** what this page's phone was told to register with; kept nowhere else */
export const access = signal<PhoneAccess | null>(null);

let link: Link | null = null;
/** which console this page is, said when it comes back; without it a connection takes over from every other */
let mine: number | null = null;

export function happen(happened: Happened): void {
  view.value = reduce(view.value, happened);
}

/** what is to happen once a command was done: what was refused stays on the screen as it was entered */
const whenDone = new Map<string, () => void>();

export function ask(wish: Wish, done?: () => void): void {
  const id = link?.ask(wish);
  if (id && done) whenDone.set(id, done);
}

/** milliseconds until something is asked for again of which nothing could be told */
const ASK_AGAIN_AFTER = 5000;

/** What is still to be known before anybody can go on. */
function lacking(command: ClientCommand['type']): Wish | null {
  const { details, menu, campaigns: listed, callbacks } = view.value;
  if (command === 'record' && work.value && !details) return { type: command, interaction: work.value.id };
  if ((command === 'choices' && !menu) || (command === 'campaigns' && !listed) || (command === 'callbacks' && !callbacks)) return { type: command };
  return null;
}

function askAgain(command: ClientCommand['type']): void {
  if (!lacking(command)) return;
  setTimeout(() => {
    const wish = isLive.value ? lacking(command) : null; // with the next connection all of it is asked for anyway
    if (wish) ask(wish);
  }, ASK_AGAIN_AFTER);
}

function lookAgain(command: ClientCommand['type']): void {
  const what = LOOKS_AGAIN[command];
  const about = work.value?.id;
  if (what === 'record' && about) {
    const id = link?.ask({ type: what, interaction: about });
    if (id) looks.add(id);
  } else if (what === 'targets' && about) ask({ type: what, interaction: about });
  else if (what === 'campaigns' || what === 'callbacks' || what === 'choices') ask({ type: what });
}

/** Who enters something does not want to be overtaken by the countdown. */
export function holdCountdown(): void {
  if (work.value?.dials_at && !waits('wait')) ask({ type: 'wait', interaction: work.value.id });
}

/** Here again, after a newer tab had taken over: what it has entered since is newer than anything left here. */
export function takeBack(): void {
  mine = null;
  link?.forget();
  whenDone.clear();
  view.value = { ...BLANK, state: view.value.state, snapshots: view.value.snapshots };
  link?.open();
}

export function start(boot: Boot): void {
  const made = new Link(
    {
      opened: () => happen({ what: 'opened' }),
      closed: (code) => happen({ what: 'closed', code }),
      said: (message) => {
        const command = message.type === 'answer' && message.id !== null ? view.value.waiting[message.id] : undefined;
        const done = message.type === 'answer' && message.ok;
        clock.value = Date.now();
        if (message.type === 'state') mine = message.session.console;
        happen({ what: 'said', message, at: clock.value });
        if (done && command === 'phone') access.value = (message as Answer).data as PhoneAccess;
        if (command && !done) refused.value = { command, isPlaced: Boolean((message as Answer).problems?.length) };
        if (message.type === 'answer' && message.id !== null && looks.delete(message.id) && !done) happen({ what: 'dismissed', id: message.id });
        if (command && !done) lookAgain(command);
        if (command && !done) askAgain(command);
        if (command === 'sign_in' && done) ask({ type: 'choices' }); // this page's own phone has a number by now
        if (done && (command === 'change_callback' || command === 'cancel_callback')) ask({ type: 'callbacks' });
        if (done && (command === 'do_not_call' || command === 'confirm_zone') && work.value) ask({ type: 'record', interaction: work.value.id });
        if (message.type === 'answer' && message.id !== null) {
          const act = whenDone.get(message.id);
          whenDone.delete(message.id);
          if (done) act?.();
        }
      },
      asked: (id, command) => happen({ what: 'asked', id, command }),
      givenUp: (id, sentence) => {
        const command = view.value.waiting[id];
        happen({ what: 'given_up', id, sentence });
        whenDone.delete(id);
        if (command) refused.value = { command, isPlaced: false };
        if (command) askAgain(command);
      },
      version: () => view.value.state?.version ?? -1,
      wanted: () => view.value.over === null,
    },
    {
      socket: () => {
        const known = mine === null ? '' : `?console=${mine}`;
        return new WebSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}${boot.socket}${known}`);
      },
      now: () => Date.now(),
      random: () => Math.random(),
      newId: () => newId(),
      later: (act, milliseconds) => {
        const timer = setTimeout(act, milliseconds);
        return () => clearTimeout(timer);
      },
    },
    boot.silence * 1000,
    boot.protocol,
  );
  link = made;
  made.open();

  const heart = new Worker(new URL('../link/heartbeat.worker.ts', import.meta.url), { type: 'module' });
  heart.onmessage = () => made.beat();
  heart.postMessage(boot.heartbeat * 1000);
  setInterval(() => (clock.value = Date.now()), 1000);
  const hurry = () => {
    clock.value = Date.now();
    if (!document.hidden) made.hurry();
  };
  addEventListener('online', hurry);
  addEventListener('pageshow', hurry);
  document.addEventListener('visibilitychange', hurry);
  document.addEventListener('resume', hurry); // a tab that was frozen

  let greeted = false;
  effect(() => {
    // once per connection, the choices; once per record, its details
    const live = isLive.value;
    if (live && !greeted) ask({ type: 'choices' });
    greeted = live;
  });
  let news: string | null = null;
  effect(() => {
    // what there is to work on: once per connection, and whenever the server says that it has changed, or what comes when Ready would be told otherwise
    const now = isLive.value ? session.value : null;
    const newest = now && [now.news, now.voice_ready, now.preview_ready].join(' ');
    if (newest !== null && newest !== news) ask({ type: 'campaigns' });
    if (newest !== null && news !== null && newest !== news) ask({ type: 'callbacks' }); // one of them may have ended
    news = newest;
  });
  freshen(() => ask({ type: 'campaigns' }));
  let offered: string | null = null;
  effect(() => {
    // an offer that nobody is told of is withdrawn
    const current = isLive.value && work.value?.phase === 'offered' ? work.value.id : null;
    if (current && current !== offered) ask({ type: 'shown', interaction: current });
    offered = current;
  });
  let asked: string | null = null;
  effect(() => {
    // again where another number was selected or a sentence was said: the numbers may be marked otherwise; and after a call, for its history
    const current = isLive.value ? work.value : null;
    const about = current && [current.id, current.card.number, JSON.stringify(current.notice), current.outcome].join(' ');
    if (current && about !== asked) ask({ type: 'record', interaction: current.id });
    asked = about;
  });
  let promised: string | null = null;
  effect(() => {
    // once per connection, and each time a record has come or gone: what is promised
    const now = isLive.value ? (work.value?.id ?? 'none') : null;
    if (now && now !== promised) ask({ type: 'callbacks' });
    promised = now;
  });
  remind();
}

/** What stands beside a campaign may become untrue by the clock alone, or with a record that has come or gone: then it is asked for again. */
export function freshen(again: () => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let worked = atWork.peek();
  return effect(() => {
    const after = isLive.value ? (campaignsTold.value?.ask_again ?? null) : null;
    const works = atWork.value;
    clearTimeout(timer);
    if (after !== null && worked !== works) untracked(again);
    else if (after !== null && !works) timer = setTimeout(again, after * 1000);
    worked = works;
  });
}

const REMIND_BEFORE = 5 * 60_000;

/** Five minutes before a personal callback, once. */
export function remind(): void {
  const reminded = new Set<string>();
  effect(() => {
    for (const one of view.value.callbacks ?? []) {
      const left = Date.parse(one.at) - serverNow.value;
      const id = `callback-${one.id}-${one.at}`;
      if (!one.personal || left <= 0 || left > REMIND_BEFORE || reminded.has(id)) continue;
      reminded.add(id);
      const about = { name: one.name, minutes: Math.ceil(left / 60_000), campaign: one.campaign };
      const sentence = one.stopped
        ? t('You promised to call {name} in {minutes} min. and have stopped {campaign}: ask for its records again to keep it.', about)
        : t('You promised to call {name} in {minutes} min.', about);
      untracked(() => happen({ what: 'reminded', id, sentence }));
    }
  });
}

/** A page served over plain http on a host that is not this machine has no randomUUID. */
function newId(): string {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
