import { expect, test } from 'vitest';
import type { InteractionState } from '../src/protocol.gen';
import { isCalled, originWords, phaseWords } from '../src/ui/words';

const origin = (origin: string) => originWords({ origin, card: { number: '+34 600 00 00 01' } } as InteractionState).replaceAll('\u00a0', ' ');
const alerted = (progress: string) => ({ phase: 'ringing_agent', progress }) as InteractionState;

test('the origin says in the words of the trade what kind of call it is', () => {
  expect(origin('callback')).toBe('Callback');
  expect(origin('personal_callback')).toBe('Personal Callback');
  expect(origin('list')).toBe('Outbound campaign call to +34 600 00 00 01');
});

test('an alert says how far the call to the customer is, where one is made before the agent accepts', () => {
  expect(phaseWords(alerted('dialing'))).toBe('Dialing the customer');
  expect(phaseWords(alerted('ringing'))).toBe('Ringing at the customer');
  expect(phaseWords(alerted('answered'))).toBe('The customer is on the line');
  expect(phaseWords(alerted('machine'))).toBe('An answering machine is on the line');
  expect(isCalled(alerted('ringing'))).toBe(true);
});

test('where the agent is called first, nobody is on the line yet', () => {
  expect(phaseWords(alerted(''))).toBe('Your phone is ringing');
  expect(isCalled(alerted(''))).toBe(false);
});
