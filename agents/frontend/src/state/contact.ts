/** What of the contact panel is open: one place, to which a problem told at Done can lead. */

import { signal } from '@preact/signals';

export const tab = signal('information');
/** the work whose contact is being put right, and where the focus goes first */
export const editing = signal<{ readonly work: string; readonly at: string } | null>(null);

export function editContact(work: string, at = 'title'): void {
  tab.value = 'information';
  editing.value = { work, at };
}
