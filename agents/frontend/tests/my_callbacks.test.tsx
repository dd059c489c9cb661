import { render } from 'preact';
import { act } from 'preact/test-utils';
import { beforeEach, expect, test } from 'vitest';
import { happen } from '../src/state/store';
import { MyCallbacks } from '../src/ui/my_callbacks';

const MARIA = { id: 7, name: 'Maria', at: '2026-03-12T09:00:00Z', zone: 'Europe/Madrid', campaign: 'Spring', personal: true, note: '', in_hand: false };

beforeEach(() => {
  happen({ what: 'opened' });
  happen({ what: 'asked', id: 'a', command: 'callbacks' });
  happen({ what: 'said', message: { type: 'answer', id: 'a', ok: true, data: { callbacks: [MARIA], not_kept: [] } } as never, at: 0 });
  happen({ what: 'said', message: { type: 'state', version: 1, now: '2026-03-11T09:00:00Z', session: {}, interaction: null } as never, at: 0 });
});

test('what is being changed of a callback is there again after an offer that came meanwhile', () => {
  const list = document.createElement('div');
  const at = () => list.querySelector<HTMLInputElement>('#at-7');
  const comes = () => act(() => render(<MyCallbacks />, list));
  comes();
  act(() => list.querySelector<HTMLButtonElement>('button[aria-expanded]')!.click());
  expect(at()!.value).toBe('2026-03-12T10:00');
  act(() => {
    at()!.value = '2026-12-24T11:30';
    at()!.dispatchEvent(new Event('input', { bubbles: true }));
  });
  act(() => render(null, list));
  expect(at()).toBeNull();
  comes();
  expect(at()!.value).toBe('2026-12-24T11:30');
});
