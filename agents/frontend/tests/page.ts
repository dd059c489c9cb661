/** The console's page without its looks, driven line by line from outside: real reducer, store, drafts and connection on a made-up wire and clock.
 *  Each line in is one thing that happens; the line out is what the page said meanwhile, and what it knows. */

import { change as schedule, followTheCallback, unsent, window as callback } from '../src/state/callback';
import {
  answer,
  answers,
  choose,
  contact,
  disposition,
  fields,
  finish,
  followTheDesk,
  leaveAlone,
  noCallback,
  note,
  numberResult,
  putRight,
  type as write,
  unkept,
  unsaved,
} from '../src/state/draft';
import { ask, start, takeBack, view, type Boot } from '../src/state/store';
import type { Wish } from '../src/link/socket';

type Line =
  | { do: 'opens' }
  | { do: 'hears'; text: string }
  | { do: 'ends'; code: number }
  | { do: 'beats' }
  | { do: 'passes'; milliseconds: number }
  | { do: 'asks'; wish: Wish }
  | { do: 'enters'; where: 'note' | 'survey' | 'contact'; text: string }
  | { do: 'chooses'; disposition: number }
  | { do: 'leaves_alone'; on: boolean }
  | { do: 'schedules'; window: Parameters<typeof schedule>[0] }
  | { do: 'finishes'; stop: boolean }
  | { do: 'takes_back' };

class Wire {
  readyState = 0;
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  constructor() {
    wire = this;
    opened += 1;
  }
  send(text: string) {
    said.push(text);
  }
  close() {
    this.readyState = 3;
  }
}

let wire: Wire | null = null;
let opened = 0;
let said: string[] = [];
let beat = () => {};
let now = 0;
let timers: { at: number; act: () => void }[] = [];

const nothing = () => {};

/** The page is loaded: this module is, once for each. */
export function load(boot: Boot, at: number): (line: Line) => unknown {
  now = at;
  const inPlace = {
    WebSocket: Wire,
    Worker: class {
      onmessage = nothing;
      constructor() {
        beat = () => this.onmessage();
      }
      postMessage = nothing;
    },
    location: { protocol: 'http:', host: 'console' },
    document: { hidden: false, addEventListener: nothing },
    addEventListener: nothing,
    setInterval: () => 0,
    setTimeout: (act: () => void, after: number) => {
      const timer = { at: now + after, act };
      timers.push(timer);
      return timer;
    },
    clearTimeout: (timer: unknown) => (timers = timers.filter((other) => other !== timer)),
  };
  Object.assign(globalThis, inPlace);
  Date.now = () => now;
  followTheDesk();
  followTheCallback();
  start(boot);
  return (line) => {
    happens(line);
    const { state, details, campaigns, callbacks, link, over, waiting, notices, expectSnapshot } = view.value;
    const knows = { state, details, campaigns, callbacks, link, over, waiting: Object.values(waiting), notices, expectSnapshot, ...entered() };
    const told = { said, opened, ...knows };
    said = [];
    return told;
  };
}

function entered() {
  return {
    entered: {
      note: note.value,
      survey: answers.value,
      contact: contact.value,
      fields: fields.value,
      disposition: disposition.value,
      no_callback: noCallback.value,
      number_result: numberResult.value,
      callback: callback.value,
    },
    unsent: unsaved.value || unkept.value || unsent.value,
  };
}

function enters(where: string, text: string): void {
  if (where === 'note') write(text);
  else if (where === 'survey') answer('q', text);
  else putRight('company', text);
}

function happens(line: Line): void {
  switch (line.do) {
    case 'opens':
      wire!.readyState = 1;
      return wire!.onopen?.();
    case 'hears':
      return wire!.onmessage?.({ data: line.text });
    case 'ends':
      wire!.readyState = 3;
      return wire!.onclose?.({ code: line.code });
    case 'beats':
      return beat();
    case 'passes':
      return passes(now + line.milliseconds);
    case 'asks':
      return ask(line.wish);
    case 'enters':
      return enters(line.where, line.text);
    case 'chooses':
      return choose(line.disposition);
    case 'leaves_alone':
      return leaveAlone(line.on);
    case 'schedules':
      return schedule(line.window);
    case 'finishes':
      return finish(line.stop);
    case 'takes_back':
      return takeBack();
  }
}

function passes(until: number): void {
  for (;;) {
    const next = timers.filter(({ at }) => at <= until).sort((one, other) => one.at - other.at)[0];
    if (!next) break;
    timers = timers.filter((other) => other !== next);
    now = next.at;
    next.act();
  }
  now = until;
}
