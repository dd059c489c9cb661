import { beforeEach, expect, test, vi } from 'vitest';
import type { Campaigns, State } from '../src/protocol.gen';
import { BLANK } from '../src/state/reduce';
import { freshen, view } from '../src/state/store';

const again = vi.fn();
let stop = () => {};

function told(ask_again: number | null): void {
  view.value = { ...view.value, campaigns: { campaigns: [], notices: [], ask_again } satisfies Campaigns };
}

function works(on: boolean): void {
  const state = { session: {}, interaction: on ? { id: '1', card: {} } : null } as unknown as State;
  view.value = { ...view.value, link: 'live', expectSnapshot: false, state };
}

beforeEach(() => {
  vi.useFakeTimers();
  again.mockReset();
  view.value = BLANK;
  works(false);
  stop();
  stop = freshen(again);
});

test('what the clock makes untrue is asked for again, and nothing else is', () => {
  told(null);
  vi.advanceTimersByTime(3_600_000);
  expect(again).not.toHaveBeenCalled();
  told(30);
  vi.advanceTimersByTime(29_000);
  expect(again).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1_000);
  expect(again).toHaveBeenCalledOnce();
});

test('it is asked for when a record has come and when it has gone, and not by the clock while it is in hand', () => {
  told(30);
  works(true);
  expect(again).toHaveBeenCalledTimes(1);
  vi.advanceTimersByTime(120_000);
  expect(again).toHaveBeenCalledTimes(1);
  works(false);
  expect(again).toHaveBeenCalledTimes(2);
});
