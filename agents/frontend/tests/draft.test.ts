import { beforeEach, expect, test, vi } from 'vitest';
import type { Details, State } from '../src/protocol.gen';
import { disposition, followTheDesk, missing, note, type as write, unsaved } from '../src/state/draft';
import { BLANK } from '../src/state/reduce';
import { view } from '../src/state/store';

function desk(id: string | null, more: { note?: string; talked?: boolean } = {}): void {
  const state = { interaction: id ? { id, note: '', disposition_id: null, talked: true, ...more } : null } as unknown as State;
  view.value = { ...BLANK, link: 'live', state, details: null };
}

function details(disposition_for: Details['disposition_for']): void {
  const dispositions = [
    { id: 1, label: 'Sold', kind: 'success', note_required: false },
    { id: 2, label: 'Later', kind: 'callback', note_required: true },
  ];
  view.value = { ...view.value, details: { disposition_for, dispositions } as unknown as Details };
}

beforeEach(() => {
  vi.useFakeTimers();
  view.value = BLANK;
  followTheDesk();
});

test('a record brings its own draft, and what is typed stays while it is on the desk', () => {
  desk('a', { note: 'from before' });
  expect(note.value).toBe('from before');
  write('typed here');
  expect(unsaved.value).toBe(true);
  desk('a', { note: 'from' }); // the server tells of an older draft
  expect(note.value).toBe('typed here');
  desk('b');
  expect(note.value).toBe('');
  expect(unsaved.value).toBe(false);
});

test('what is typed is saved a moment after the last key', () => {
  desk('a');
  write('x');
  vi.advanceTimersByTime(500);
  write('xy');
  vi.advanceTimersByTime(500);
  expect(unsaved.value).toBe(true);
  vi.advanceTimersByTime(300);
  expect(unsaved.value).toBe(false);
});

test('what is typed while the connection is lost is saved when it is back', () => {
  desk('a');
  view.value = { ...view.value, link: 'lost' };
  write('in a tunnel');
  vi.advanceTimersByTime(60_000);
  expect(unsaved.value).toBe(true);
  view.value = { ...view.value, link: 'live' };
  expect(unsaved.value).toBe(false);
});

test('Done misses a disposition only where the campaign wants one', () => {
  desk('a', { talked: false });
  details('answered');
  expect(missing.value).toBeNull();
  details('all');
  expect(missing.value).toBe('disposition');
  disposition.value = 2;
  expect(missing.value).toBe('note');
  write('tomorrow');
  expect(missing.value).toBeNull();
  details('none');
  disposition.value = null;
  expect(missing.value).toBeNull();
});
