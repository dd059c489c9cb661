/** What the agent has typed and chosen for the record on the desk: here at once, on the server soon after. */

import { computed, effect, signal, untracked } from '@preact/signals';
import { ask, refused, view, waits, work } from './store';

const SAVE_AFTER = 700;
const SAVE_AGAIN_AFTER = 5000;

export const note = signal('');
export const disposition = signal<number | null>(null);
export const unsaved = signal(false);

export const chosen = computed(() => view.value.details?.dispositions.find((one) => one.id === disposition.value) ?? null);

/** Why Done is not possible yet, in a sentence; null when it is. */
export const missing = computed<'disposition' | 'note' | null>(() => {
  const details = view.value.details;
  const current = work.value;
  if (!details || !current) return null;
  const tried = current.phase !== 'preview' || current.outcome !== '';
  const needed = !tried ? false : details.disposition_for === 'all' || (details.disposition_for === 'answered' && current.talked);
  if (needed && details.dispositions.length > 0 && disposition.value === null) return 'disposition';
  if (chosen.value?.note_required && note.value.trim() === '') return 'note';
  return null;
});

let timer: ReturnType<typeof setTimeout> | undefined;
let about: string | null = null;

export function type(text: string): void {
  // who writes does not want to be overtaken by the countdown
  if (work.value?.dials_at && !waits('wait')) ask({ type: 'wait', interaction: work.value.id });
  note.value = text;
  unsaved.value = true;
  clearTimeout(timer);
  timer = setTimeout(save, SAVE_AFTER);
}

export function save(): void {
  clearTimeout(timer);
  if (!unsaved.value || !about || view.value.link !== 'live') return;
  unsaved.value = false;
  ask({ type: 'save_note', interaction: about, note: note.value });
}

export function finish(stop: boolean): void {
  if (!about) return;
  clearTimeout(timer);
  unsaved.value = false;
  ask({ type: 'finish', interaction: about, disposition: disposition.value, note: note.value, stop });
}

/** A new record brings its own draft; the same record keeps what is being typed here. */
export function followTheDesk(): void {
  effect(() => {
    const current = work.value;
    if ((current?.id ?? null) === about) return;
    about = current?.id ?? null;
    clearTimeout(timer);
    untracked(() => {
      note.value = current?.note ?? '';
      disposition.value = current?.disposition_id ?? null;
      unsaved.value = false;
    });
  });
  effect(() => {
    if (refused.value?.command !== 'save_note' || about === null) return;
    unsaved.value = true;
    clearTimeout(timer);
    timer = setTimeout(save, SAVE_AGAIN_AFTER);
  });
  effect(() => {
    // back after a lost connection: what was typed meanwhile is saved now
    if (view.value.link === 'live' && untracked(() => unsaved.value)) untracked(save);
  });
}
