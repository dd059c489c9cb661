/** What the agent has typed and chosen for the record on the desk: here at once, on the server soon after. */

import { computed, effect, signal, untracked } from '@preact/signals';
import type { SaveDraft } from '../protocol.gen';
import { send as sendCallback } from './callback';
import { stash, stashed } from './stash';
import { ask, happen, holdCountdown, inHand, refused, snapshots, view, waits, work } from './store';

const SAVE_AFTER = 700;
const SAVE_AGAIN_AFTER = 5000;

export const note = signal('');
export const disposition = signal<number | null>(null);
export const unsaved = signal(false);
/** fields of the record, and answers of the survey, as far as they were changed here */
export const fields = signal<Values>({});
export const answers = signal<Values>({});
export const noCallback = signal(false);
/** what was put right of the contact: only what was touched */
export const contact = signal<Readonly<Record<string, string>>>({});
/** what is said of the number alone */
export const numberResult = signal<NumberResult>('');
/** entered and not yet on the server */
export const unkept = signal(false);

export type NumberResult = NonNullable<SaveDraft['number_result']>;
type Values = Readonly<Record<string, string | boolean>>;

export const chosen = computed(() => view.value.details?.dispositions.find((one) => one.id === disposition.value) ?? null);

interface Entered {
  readonly note: string;
  readonly disposition: number | null;
  readonly fields: Values;
  readonly answers: Values;
  readonly noCallback: boolean;
  readonly contact: Readonly<Record<string, string>>;
  readonly numberResult: NumberResult;
}
const STASH = 'entered';

let keeper: ReturnType<typeof setTimeout> | undefined;
let timer: ReturnType<typeof setTimeout> | undefined;
let about: string | null = null;

export function type(text: string): void {
  holdCountdown();
  note.value = text;
  unsaved.value = true;
  happen({ what: 'fixed', where: 'note' });
  clearTimeout(timer);
  timer = setTimeout(save, SAVE_AFTER);
}

export function fill(key: string, value: string | boolean): void {
  fields.value = { ...fields.value, [key]: value };
  enter(`field:${key}`);
}

export function answer(key: string, value: string | boolean): void {
  answers.value = { ...answers.value, [key]: value };
  enter(`survey:${key}`);
}

export function putRight(key: string, value: string): void {
  contact.value = { ...contact.value, [key]: value };
  enter(`contact:${key}`);
}

export function leaveAlone(on: boolean): void {
  noCallback.value = on;
  enter('no_callback');
}

export function sayOfNumber(result: NumberResult): void {
  numberResult.value = result;
  enter('number_result');
}

function enter(where: string): void {
  holdCountdown();
  unkept.value = true;
  happen({ what: 'fixed', where });
  clearTimeout(keeper);
  keeper = setTimeout(keep, SAVE_AFTER);
}

/** All of it at once: what is on the server is then what is on the screen. */
export function keep(): void {
  clearTimeout(keeper);
  if (!unkept.value || !about || view.value.link !== 'live') return;
  unkept.value = false;
  ask({
    type: 'save_draft',
    interaction: about,
    fields: fields.value,
    survey: answers.value,
    disposition: disposition.value,
    no_callback: noCallback.value,
    contact: contact.value,
    number_result: numberResult.value,
  });
}

export function choose(id: number): void {
  disposition.value = id;
  enter('disposition');
}

export function save(): void {
  clearTimeout(timer);
  if (!unsaved.value || !about || view.value.link !== 'live') return;
  unsaved.value = false;
  ask({ type: 'save_note', interaction: about, note: note.value });
}

export function finish(stop: boolean): void {
  if (!about) return;
  // first: Done looks at what is there by then
  keep();
  sendCallback();
  clearTimeout(timer);
  unsaved.value = false;
  ask({ type: 'finish', interaction: about, disposition: disposition.value, note: note.value, stop });
}

/** A new record brings its own draft; the same record keeps what is being typed here, and a new connection tells the rest of it anew. */
export function followTheDesk(): void {
  let left = stashed<Entered>(STASH);
  let seen = 0;
  effect(() => {
    const current = inHand.value;
    const isAnother = (current?.id ?? null) !== about;
    const isTold = snapshots.value !== seen;
    seen = snapshots.value;
    if (!isAnother && !isTold) return;
    untracked(() => {
      about = current?.id ?? null;
      const isNoteTheirs = isAnother || !(unsaved.value || waits('save_note', 'finish'));
      const isDraftTheirs = isAnother || !(unkept.value || waits('save_draft', 'finish'));
      if (isNoteTheirs) {
        clearTimeout(timer);
        note.value = current?.note ?? '';
        unsaved.value = false;
      }
      if (isDraftTheirs) {
        clearTimeout(keeper);
        disposition.value = current?.disposition_id ?? current?.draft.disposition ?? null;
        fields.value = current?.draft.fields ?? {};
        answers.value = current?.draft.survey ?? {};
        noCallback.value = current?.draft.no_callback ?? false;
        contact.value = current?.draft.contact ?? {};
        numberResult.value = (current?.draft.number_result ?? '') as NumberResult;
        unkept.value = false;
      }
      if (!current || !isAnother) return;
      if (left?.about === current.id) {
        restore(left.entered);
        save();
        keep();
      }
      left = null;
    });
  });
  let tried: string | null = null;
  effect(() => {
    // dialed again after a call that reached nobody: what was said of that one stays with it, from the moment there is another
    const current = work.value;
    const dialsAgain = current !== null && !current.outcome && tried === current.id;
    tried = current?.outcome ? current.id : null;
    if (!dialsAgain) return;
    disposition.value = null;
    numberResult.value = '';
  });
  effect(() => {
    if (!work.value && left) return; // it is not known yet what is on the desk
    const isAtRisk = unsaved.value || unkept.value || waits('save_note', 'save_draft', 'finish');
    const now = entered();
    stash<Entered>(STASH, about && isAtRisk ? { about, entered: now } : null);
  });
  effect(() => {
    // an earlier agent's answers, where this one has given none
    const earlier = view.value.details?.survey?.answers ?? null;
    untracked(() => {
      if (earlier && Object.keys(answers.value).length === 0) answers.value = earlier;
    });
  });
  effect(() => {
    const command = refused.value?.command; // looked at first: an effect that has read nothing is never asked again
    if (about === null) return;
    if (command === 'finish') {
      unsaved.value = true; // it would have taken the note with it
      untracked(save);
    }
    if (command === 'save_note') {
      unsaved.value = true;
      clearTimeout(timer);
      timer = setTimeout(save, SAVE_AGAIN_AFTER);
    }
    if (command === 'save_draft') {
      unkept.value = true;
      clearTimeout(keeper);
      keeper = setTimeout(keep, SAVE_AGAIN_AFTER);
    }
  });
  effect(() => {
    // back after a lost connection: what was typed meanwhile is saved now
    if (view.value.link === 'live' && untracked(() => unsaved.value)) untracked(save);
    if (view.value.link === 'live' && untracked(() => unkept.value)) untracked(keep);
  });
  addEventListener('pagehide', () => {
    save();
    keep();
  });
}

function entered(): Entered {
  return {
    note: note.value,
    disposition: disposition.value,
    fields: fields.value,
    answers: answers.value,
    noCallback: noCallback.value,
    contact: contact.value,
    numberResult: numberResult.value,
  };
}

function restore(all: Entered): void {
  note.value = all.note;
  disposition.value = all.disposition;
  fields.value = all.fields;
  answers.value = all.answers;
  noCallback.value = all.noCallback;
  contact.value = all.contact;
  numberResult.value = all.numberResult;
  unsaved.value = unkept.value = true;
}
