import { beforeEach, expect, test, vi } from 'vitest';
import type { State } from '../src/protocol.gen';
import { choose, disposition, finish, followTheDesk, note, numberResult, sayOfNumber, type as write, unsaved } from '../src/state/draft';
import { BLANK } from '../src/state/reduce';
import { refused, view } from '../src/state/store';

function on(id: string | null, more: { note?: string; talked?: boolean; phase?: string; outcome?: string } = {}): State {
  return { interaction: id ? { id, note: '', draft: {}, disposition_id: null, talked: true, ...more } : null } as unknown as State;
}

function desk(id: string | null, more: { note?: string; talked?: boolean; phase?: string; outcome?: string } = {}): void {
  view.value = { ...BLANK, link: 'live', state: on(id, more), details: null };
}

beforeEach(() => {
  vi.useFakeTimers();
  sessionStorage.clear();
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

test('the note that a refused Done has not taken with it is saved by itself', () => {
  desk('a');
  view.value = { ...view.value, link: 'lost' };
  write('typed at the last moment');
  finish(false);
  expect(unsaved.value).toBe(false); // Done takes it along
  refused.value = { command: 'finish', isPlaced: true };
  expect(unsaved.value).toBe(true);
  view.value = { ...view.value, link: 'live' };
  expect(unsaved.value).toBe(false);
});

test('what was said of a call that reached nobody is not said of the next one', () => {
  desk('a', { phase: 'preview', outcome: '' });
  choose(1);
  desk('a', { phase: 'dialing', outcome: '' });
  desk('a', { phase: 'preview', outcome: 'no_answer' });
  expect(disposition.value).toBe(1);
  sayOfNumber('not_in_service');
  for (const phase of ['dialing', 'checking', 'preview']) desk('a', { phase, outcome: 'no_answer' }); // ordered, and not allowed
  expect([disposition.value, numberResult.value]).toEqual([1, 'not_in_service']);
  desk('a', { phase: 'dialing', outcome: '' });
  expect([disposition.value, numberResult.value]).toEqual([null, '']);
  choose(2);
  desk('a', { phase: 'connected', outcome: '' });
  expect(disposition.value).toBe(2);
});

test('what is put right is no longer complained of', () => {
  desk('a');
  view.value = { ...view.value, problems: [{ where: 'disposition', sentence: 'Choose one.' }, { where: 'note', sentence: 'Write one.' }] };
  choose(1);
  expect(view.value.problems.map(({ where }) => where)).toEqual(['note']);
  write('tomorrow');
  expect(view.value.problems).toEqual([]);
});

test('what was not saved yet outlives a reload of the page, and nothing else does', async () => {
  desk('a');
  view.value = { ...view.value, link: 'lost' };
  write('typed into the void');
  const left = sessionStorage.getItem('entered');
  expect(left).not.toBeNull();
  desk(null);
  expect(sessionStorage.getItem('entered')).toBeNull();

  sessionStorage.setItem('entered', left!);
  vi.resetModules(); // the page, loaded again
  const again = { ...(await import('../src/state/draft')), ...(await import('../src/state/store')) };
  again.followTheDesk();
  const shows = (id: string | null) => (again.view.value = { ...again.view.value, state: on(id, { note: 'typed' }), link: 'live' });
  shows('a');
  expect(again.note.value).toBe('typed into the void');
  expect(again.unsaved.value).toBe(false); // it is on its way
  shows('b');
  expect(again.note.value).toBe('typed');
  shows('a');
  expect(again.note.value).toBe('typed');
});
