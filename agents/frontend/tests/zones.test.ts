import { expect, test } from 'vitest';
import { spoken, spokenHere } from '../src/ui/zones';

const AT = '2026-03-11T10:00:00Z';
const HERE = Intl.DateTimeFormat().resolvedOptions().timeZone;

test("a time is said to be the agent's own where the customer's clock shows another", () => {
  expect(spokenHere(AT, 'Pacific/Kiritimati')).toBe(`${spoken(AT)} your time`);
  expect(spokenHere(AT, HERE)).toBe(spoken(AT));
  expect(spokenHere(AT, '')).toBe(spoken(AT));
});
