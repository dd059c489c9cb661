import { beforeEach, expect, test } from 'vitest';
import type { CallbackShown } from '../src/protocol.gen';
import { BLANK } from '../src/state/reduce';
import { clock, remind, view } from '../src/state/store';

const TEN = Date.parse('2026-03-11T10:00:00Z');

function promised(at: string, personal = true, stopped = false): void {
  view.value = { ...view.value, callbacks: [{ id: 1, at, personal, name: 'Maria', campaign: 'Spring', stopped } as CallbackShown] };
}

const said = () => view.value.notices.map((notice) => notice.sentence);

beforeEach(() => {
  view.value = BLANK;
  clock.value = TEN;
  remind();
});

test('a personal callback is called to mind five minutes before, once', () => {
  promised('2026-03-11T10:06:00Z');
  expect(said()).toEqual([]);
  clock.value = TEN + 65_000;
  expect(said()).toEqual(['You promised to call Maria in 5 min.']);
  view.value = { ...view.value, notices: [] };
  clock.value = TEN + 120_000;
  expect(said()).toEqual([]);
});

test('nobody is reminded of what anybody may keep, or of what is over', () => {
  promised('2026-03-11T10:03:00Z', false);
  promised('2026-03-11T09:59:00Z');
  expect(said()).toEqual([]);
});

test('who has stopped the campaign is told how the promise can be kept', () => {
  promised('2026-03-11T10:03:00Z', true, true);
  expect(said()).toEqual(['You promised to call Maria in 3 min. and have stopped Spring: ask for its records again to keep it.']);
});
