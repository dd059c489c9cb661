import { beforeEach, expect, test } from 'vitest';
import type { Menu, State } from '../src/protocol.gen';
import { BLANK } from '../src/state/reduce';
import { clock, view } from '../src/state/store';
import { limit } from '../src/ui/bar';

const SINCE = Date.parse('2026-03-11T10:00:00Z');
const REASONS = [
  { code: 'lunch', label: 'Lunch', choosable: true, max_minutes: 30 },
  { code: 'training', label: 'Training', choosable: true, max_minutes: null },
];

function onBreak(reason: string, minutes: number): string {
  clock.value = SINCE + minutes * 60_000;
  const session = { doing: 'not_ready', reason, since: new Date(SINCE).toISOString() };
  view.value = { ...view.value, state: { session, interaction: null } as unknown as State };
  return limit();
}

beforeEach(() => {
  view.value = { ...BLANK, menu: { station: null, stations: [], reasons: REASONS } satisfies Menu };
});

test('a break says how long is left of it from four fifths on, and then by how much it is over', () => {
  expect(onBreak('lunch', 23)).toBe('');
  expect(onBreak('lunch', 24)).toBe('6 min left');
  expect(onBreak('lunch', 29.5)).toBe('1 min left');
  expect(onBreak('lunch', 32.4)).toBe('over by 2 min');
});

test('a reason without a limit says nothing', () => {
  expect(onBreak('training', 600)).toBe('');
});
