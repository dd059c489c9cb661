/** This page as the agent's phone: it asks for what it may register with, keeps registered, and picks up what the server has announced. */

import { computed, effect, signal, untracked } from '@preact/signals';
import { access, ask, isLive, refused, session, station, view, work } from '../state/store';
import { counted, since, type Counted, type Quality } from './quality';
import type { Call, Line } from './sip';
import { closeMicrophone, isAllowed, microphone, openMicrophone, play } from './sound';

export type Standing = 'off' | 'connecting' | 'registered' | 'lost';

export const standing = signal<Standing>('off');
export const quality = signal<Quality | null>(null);
/** signed in at this page, and it cannot be the phone before the agent has clicked */
export const waitsForClick = signal(false);
/** the echo test: null while none is made */
export const echo = signal<{ readonly counted: Counted | null } | null>(null);

export const isThisPage = computed(() => session.value?.signed_in === true && station.value?.kind === 'webrtc' && station.value.own);

/** milliseconds between two looks at how well it sounds */
const LOOK_EVERY = 2000;
/** a phone that is not back by itself within this asks anew: the server may have put it elsewhere */
const ASK_ANEW_AFTER = 6000;
/** a call that nobody has announced is refused */
const ANNOUNCED_WITHIN = 5000;

let line: Line | null = null;
let wanted = false;
let returning = false;
let anew: ReturnType<typeof setTimeout> | undefined;
const ringing = new Set<Call>();
const talking = signal<Call | null>(null);
let echoing: Call | null = null;

/** On a click: microphone, then telephone. Resolves once it is registered, or with false where something is missing. */
export async function connect(): Promise<boolean> {
  waitsForClick.value = false;
  if (!(await openMicrophone())) return false;
  wanted = true;
  if (standing.value !== 'registered') {
    standing.value = 'connecting';
    ask({ type: 'phone' });
  }
  return until(() => standing.value === 'registered' || standing.value === 'off');
}

/** The microphone is let go, and with it the line; calls go on for the server to end. */
export function disconnect(): void {
  wanted = false;
  clearTimeout(anew);
  leave();
  standing.value = 'off';
  quality.value = null;
  echo.value = null;
  closeMicrophone();
}

export function answerRinging(leg: string | null): void {
  for (const call of ringing) if (call.leg === leg) call.answer();
}

export function startEcho(): void {
  if (!line || !microphone.value || echoing) return;
  echo.value = { counted: null };
  echoing = line.echo(microphone.value);
}

export function stopEcho(): void {
  echoing?.hangUp();
}

/** Follows the session for as long as the page lives. */
export function followTheSession(): void {
  effect(() => {
    const told = access.value;
    if (told) untracked(() => void registerWith(told));
  });
  effect(() => {
    // after a reload, and wherever the server was out of reach: the phone comes back by itself where it may
    if (!isThisPage.value || !isLive.value || view.value.over) return;
    untracked(() => void comeBack());
  });
  effect(() => {
    // it was to be this page, and the server knows it no more: with another name it can be tried again
    if (refused.value?.command !== 'sign_in' || !wanted) return;
    untracked(() => {
      standing.value = 'connecting';
      ask({ type: 'phone' });
    });
  });
  effect(() => {
    if (refused.value?.command !== 'phone') return;
    untracked(() => {
      standing.value = isThisPage.value ? 'lost' : 'off';
      if (isThisPage.value) askAnewAfter(ASK_ANEW_AFTER);
    });
  });
  effect(() => {
    if (view.value.over) untracked(disconnect);
  });
  let sat = false;
  effect(() => {
    const sits = isThisPage.value;
    if (sat && !sits && session.value?.signed_in === false) untracked(disconnect); // the shift is over
    sat = sits;
  });
  effect(() => {
    // whatever was announced meanwhile
    void [session.value?.leg, work.value?.leg, work.value?.phase];
    untracked(() => [...ringing].forEach(pickUp));
  });
  effect(() => {
    const track = microphone.value?.getAudioTracks()[0];
    if (track) talking.value?.replace(track);
  });
  let before: Counted | null = null;
  setInterval(() => {
    const call = echoing ?? talking.value;
    if (!call?.connection) {
      before = null;
      quality.value = null;
      return;
    }
    void call.connection.getStats().then((report) => {
      const now = counted(report.values());
      quality.value = since(before ?? now, now);
      before = now;
      if (call === echoing) echo.value = { counted: now };
    });
  }, LOOK_EVERY);
}

async function comeBack(): Promise<void> {
  if (line || returning || standing.value === 'connecting') return;
  returning = true;
  try {
    if (microphone.value || (await isAllowed())) await connect();
    else if (isThisPage.value) waitsForClick.value = true;
  } finally {
    returning = false;
  }
}

async function registerWith(told: NonNullable<typeof access.value>): Promise<void> {
  if (!wanted) return;
  const { register } = await import('./sip');
  leave();
  clearTimeout(anew);
  line = register(told, () => microphone.value!, {
    registered: () => {
      clearTimeout(anew);
      standing.value = 'registered';
    },
    lost: () => {
      standing.value = 'lost';
      askAnewAfter(ASK_ANEW_AFTER);
    },
    refused: () => {
      standing.value = 'lost';
      askAnewAfter(1000);
    },
    called: (call) => {
      ringing.add(call);
      pickUp(call);
      setTimeout(() => {
        if (ringing.has(call) && !isAnnounced(call)) call.refuse();
      }, ANNOUNCED_WITHIN);
    },
    connected: (call, sound) => {
      ringing.delete(call);
      if (call !== echoing) talking.value = call;
      play(sound);
    },
    ended: (call) => {
      ringing.delete(call);
      if (call === echoing) {
        echoing = null;
        const last = echo.value?.counted ?? null;
        echo.value = last ? { counted: last } : null;
        play(null);
      }
      if (call === talking.value) {
        talking.value = null;
        quality.value = null;
      }
    },
  });
}

/** By our own websocket, and the call's own id: a stray call never opens the microphone. */
function isAnnounced(call: Call): boolean {
  return call.leg !== '' && (call.leg === session.value?.leg || call.leg === work.value?.leg);
}

function pickUp(call: Call): void {
  const rings = call.leg === work.value?.leg && work.value?.phase === 'ringing_agent'; // the agent accepts it first
  if (isAnnounced(call) && !rings) call.answer();
}

function askAnewAfter(milliseconds: number): void {
  clearTimeout(anew);
  anew = setTimeout(() => {
    if (!wanted || standing.value === 'registered') return;
    if (isLive.value) ask({ type: 'phone' });
    askAnewAfter(ASK_ANEW_AFTER);
  }, milliseconds);
}

function leave(): void {
  line?.leave();
  line = null;
  ringing.clear();
  echoing = null;
  talking.value = null;
}

function until(holds: () => boolean): Promise<boolean> {
  return new Promise((over) => {
    const limit = setTimeout(() => {
      stop();
      over(false);
    }, 15_000);
    const stop = effect(() => {
      if (!holds()) return;
      clearTimeout(limit);
      queueMicrotask(() => stop());
      over(standing.peek() === 'registered');
    });
  });
}
