import { expect, test } from 'vitest';
import type { AttemptShown, Details, History, ServerMessage, State } from '../src/protocol.gen';
import { BLANK, reduce, type Happened, type View } from '../src/state/reduce';

const AT = Date.parse('2026-11-20T10:00:00Z');
const said = (message: ServerMessage): Happened => ({ what: 'said', message, at: AT });
const state = (version: number, id: string | null) =>
  ({ type: 'state', version, now: '2026-11-20T10:00:00Z', session: {}, interaction: id && { id } }) as unknown as State;

/** The call with this number, the higher the newer. */
const call = (number: number) => ({ id: `${number}`, at: new Date(AT + number * 60_000).toISOString() }) as AttemptShown;
const page = (interaction: string, numbers: number[], more: boolean): History => ({ interaction, attempts: numbers.map(call), more });

function told(view: View, asked: 'record' | 'history', history: History): View {
  const waiting = reduce(view, { what: 'asked', id: 'q', command: asked });
  const data = asked === 'record' ? ({ interaction: history.interaction, history } as Details) : history;
  return reduce(waiting, said({ type: 'answer', id: 'q', ok: true, data }));
}

const numbers = (view: View) => view.history?.attempts.map(({ id }) => Number(id));

const opened = reduce(reduce(BLANK, { what: 'opened' }), said(state(1, 'a')));

test('older pages come after what is there, each call once', () => {
  let view = told(opened, 'record', page('a', [9, 8, 7], true));
  view = told(view, 'history', page('a', [7, 6, 5], true));
  view = told(view, 'history', page('a', [4], false));
  expect(numbers(view)).toEqual([9, 8, 7, 6, 5, 4]);
  expect(view.history?.more).toBe(false);
});

test('a call made meanwhile comes first, and what was loaded of older ones stays', () => {
  let view = told(opened, 'record', page('a', [3, 2], true));
  view = told(view, 'history', page('a', [1], false));
  view = told(view, 'record', page('a', [4, 3], true));
  expect(numbers(view)).toEqual([4, 3, 2, 1]);
  expect(view.history?.more).toBe(false);
});

test('another record brings its own, and a page that comes too late is dropped', () => {
  const view = reduce(told(opened, 'record', page('a', [3, 2], true)), said(state(2, 'b')));
  expect(view.history).toBeNull();
  expect(told(view, 'history', page('a', [1], false)).history).toBeNull();
  expect(numbers(told(view, 'record', page('b', [5], false)))).toEqual([5]);
});
