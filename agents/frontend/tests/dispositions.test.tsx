import { render } from 'preact';
import { beforeEach, expect, test, vi } from 'vitest';
import type { Details, State } from '../src/protocol.gen';
import { disposition } from '../src/state/draft';
import { BLANK } from '../src/state/reduce';
import { view } from '../src/state/store';
import { Dispositions } from '../src/ui/dispositions';

const LABELS = ['Renewed', 'Too dear', 'Has one already', 'Moved away', 'Wrong number', 'Try at 5', 'Ill', 'On holiday', 'Signed', 'Do not call'];

let records = 0;

function shows(labels: string[], under: string[] = []): HTMLInputElement {
  records += 1;
  const dispositions = labels.map((label, at) => ({ id: 100 + at, label, heading: under.includes(label) ? 'Not interested' : '', kind: 'other', note_required: false }));
  const work = { id: `${records}`, phase: 'wrap_up', draft: {}, card: {} };
  view.value = { ...BLANK, state: { session: {}, interaction: work } as unknown as State, details: { dispositions } as unknown as Details };
  render(<Dispositions />, document.body);
  return document.querySelector('input[type=search]')!;
}

function pressed(search: HTMLInputElement, key: string): KeyboardEvent {
  const event = new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true });
  search.dispatchEvent(event);
  return event;
}

beforeEach(() => {
  render(null, document.body);
  disposition.value = null;
});

test('a digit in the search chooses the disposition that shows it, and is not searched for', () => {
  const search = shows(LABELS);
  expect(pressed(search, '2').defaultPrevented).toBe(true);
  expect(disposition.value).toBe(101);
});

test('after words were searched for, it chooses among what is found', async () => {
  const search = shows(LABELS);
  search.value = 'call';
  search.dispatchEvent(new InputEvent('input', { bubbles: true }));
  await vi.waitFor(() => expect(document.querySelectorAll('input[type=radio]')).toHaveLength(1));
  pressed(search, '1');
  expect(disposition.value).toBe(109);
});

test('a digit by which a disposition is called is searched for', () => {
  const search = shows(LABELS);
  expect(pressed(search, '5').defaultPrevented).toBe(false);
  expect(disposition.value).toBeNull();
});

test('a line ends what is under a heading, so that what follows is not taken to belong to it', () => {
  shows(LABELS, ['Too dear', 'Has one already']);
  const parts = [...document.querySelectorAll('.heading, .under-ends, input[type=radio]')].map((one) => (one as HTMLInputElement).value || one.className);
  expect(parts.slice(0, 6)).toEqual(['100', 'heading', '101', '102', 'under-ends', '103']);
  expect(document.querySelectorAll('.under-ends')).toHaveLength(1);
});
