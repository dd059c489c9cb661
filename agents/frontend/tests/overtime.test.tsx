import { render } from 'preact';
import { expect, test } from 'vitest';
import type { InteractionState, State } from '../src/protocol.gen';
import { BLANK } from '../src/state/reduce';
import { clock, view } from '../src/state/store';
import { Desk } from '../src/ui/desk';

function wrapUp(draft: object): string {
  const work = {
    id: 'a',
    phase: 'wrap_up',
    since: '2026-03-11T10:00:00Z',
    deadline: '2026-03-11T10:00:30Z',
    origin: 'campaign',
    card: {},
    others: [],
    outcome: 'connected',
    progress: '',
    notice: '',
    note: '',
    draft,
  } as unknown as InteractionState;
  view.value = { ...BLANK, state: { session: {}, interaction: work } as unknown as State };
  clock.value = Date.parse('2026-03-11T10:00:10Z');
  render(null, document.body);
  render(<Desk work={work} />, document.body);
  return document.querySelector('.finish')!.textContent ?? '';
}

test('wrap-up that has run out is said to be over, and counts down to nothing', () => {
  expect(wrapUp({})).toContain('Wrap-up: 20 s left');
  const over = wrapUp({ overtime: true });
  expect(over).toContain('Wrap-up time is over');
  expect(over).not.toContain('s left');
  expect(document.querySelector('.finish [role=timer]')).toBeNull();
});
