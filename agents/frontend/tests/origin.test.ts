import { expect, test } from 'vitest';
import type { InteractionState } from '../src/protocol.gen';
import { originWords } from '../src/ui/words';

const origin = (origin: string) => originWords({ origin, card: { number: '+34 600 00 00 01' } } as InteractionState).replaceAll('\u00a0', ' ');

test('the origin says in the words of the trade what kind of call it is', () => {
  expect(origin('callback')).toBe('Callback');
  expect(origin('personal_callback')).toBe('Personal Callback');
  expect(origin('list')).toBe('Outbound campaign call to +34 600 00 00 01');
});
