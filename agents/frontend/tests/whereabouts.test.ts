import { expect, test } from 'vitest';
import { elsewhere } from '../src/ui/whereabouts';

const zones = ['Europe/Madrid'];

test('a customer can be anywhere where people are, once somebody has spoken with them', () => {
  const found = new Map(elsewhere({ talked: true }, { zones }));
  expect(found.get('Europe')).toContain('Europe/London');
  expect(found.get('Europe')).not.toContain('Europe/Madrid');
  expect(found.has('Etc')).toBe(false);
});

test('until then there is only what they said before to be taken back', () => {
  expect(elsewhere({ talked: false }, { zones })).toEqual([]);
});
