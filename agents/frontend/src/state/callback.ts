/** The Schedule Callback window: as it stands here, and sent a moment after each change, so that the server says whether it can be promised. */

import { computed, effect, signal, untracked } from '@preact/signals';
import type { CallbackDraft, CallbackWindow } from '../protocol.gen';
import { stash, stashed } from './stash';
import { ask, happen, holdCountdown, inHand, refused, snapshots, view, waits, work } from './store';

type Window = Required<Omit<CallbackWindow, never>>;

const SEND_AFTER = 500;
const SEND_AGAIN_AFTER = 5000;
const STASH = 'callback window';
const BLANK: Window = { on: false, local: '', zone: '', personal: false, phone: null, new_number: '', new_kind: 'mobile', note: '' };

export const isOpen = signal(false);
export const window = signal<Window>(BLANK);
/** what the server has not been told yet */
export const unsent = signal(false);

const told = computed<CallbackDraft | null>(() => work.value?.draft.callback ?? null);
export const problem = computed(() => (window.value.on && !unsent.value ? (told.value?.problem ?? '') : ''));
export const nearest = computed(() => told.value?.nearest ?? null);
/** how many typed numbers the server has put on the record */
export const numbersKept = signal(0);
/** when it is promised for */
export const promised = computed(() => (told.value?.on && !told.value.problem ? told.value.at : null));

let about: string | null = null;
let timer: ReturnType<typeof setTimeout> | undefined;

export function change(part: Partial<Window>, after: number = SEND_AFTER): void {
  holdCountdown();
  window.value = { ...window.value, ...part };
  unsent.value = true;
  happen({ what: 'fixed', where: 'callback' });
  clearTimeout(timer);
  timer = setTimeout(send, after);
}

export function send(): void {
  clearTimeout(timer);
  if (!unsent.value || !about || view.value.link !== 'live') return;
  unsent.value = false;
  ask({ type: 'schedule_callback', interaction: about, window: window.value });
}

/** A new record brings its own window, and so does a new connection where nothing of this one waits to be told. */
export function followTheCallback(): void {
  let left = stashed<Window>(STASH);
  let seen = 0;
  effect(() => {
    const current = inHand.value;
    const isAnother = (current?.id ?? null) !== about;
    const isTold = snapshots.value !== seen;
    seen = snapshots.value;
    if (!isAnother && !isTold) return;
    untracked(() => {
      if (!isAnother && (unsent.value || waits('schedule_callback'))) return;
      about = current?.id ?? null;
      clearTimeout(timer);
      const { at: _, problem: wrong, nearest: __, ...kept } = current?.draft.callback ?? { ...BLANK, at: null, problem: '', nearest: null };
      window.value = { ...BLANK, ...kept };
      unsent.value = false;
      if (!isAnother) return;
      isOpen.value = wrong !== ''; // left as it could not stay
      if (!current) return;
      if (left?.about === current.id) {
        window.value = left.entered;
        unsent.value = true;
        send();
      }
      left = null;
    });
  });
  effect(() => {
    if (!work.value && left) return; // it is not known yet what is on the desk
    const isAtRisk = unsent.value || waits('schedule_callback');
    stash<Window>(STASH, about && isAtRisk ? { about, entered: window.value } : null);
  });
  effect(() => {
    // a number that was typed is on the record now
    const chosen = told.value?.phone ?? null;
    untracked(() => {
      if (chosen === null || unsent.value || !window.value.new_number || told.value?.new_number) return;
      window.value = { ...window.value, phone: chosen, new_number: '' };
      numbersKept.value += 1;
      if (about) ask({ type: 'record', interaction: about });
    });
  });
  effect(() => {
    // what the server has not taken is told again; what it has taken and cannot promise stands in the window with the reason
    const last = refused.value;
    if (about === null || last?.command !== 'schedule_callback' || last.isPlaced) return;
    unsent.value = true;
    clearTimeout(timer);
    timer = setTimeout(send, SEND_AGAIN_AFTER);
  });
  effect(() => {
    if (view.value.link === 'live' && untracked(() => unsent.value)) untracked(send);
  });
  addEventListener('pagehide', send);
}
