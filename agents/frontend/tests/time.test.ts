import { expect, test } from 'vitest';
import { ENGLISH, speak, t } from '../src/i18n';
import { clock, view } from '../src/state/store';
import { BLANK } from '../src/state/reduce';
import { elapsed, left } from '../src/ui/time';
import { initials } from '../src/ui/words';

test.each([
  [0, '00:00'],
  [-5000, '00:00'],
  [61_000, '01:01'],
  [3_723_000, '1:02:03'],
])('%i milliseconds are shown as %s', (milliseconds, shown) => {
  expect(elapsed(milliseconds)).toBe(shown);
});

test("what is left until a deadline is counted by the server's clock", () => {
  view.value = { ...BLANK, offset: -60_000 };
  clock.value = Date.parse('2026-01-01T10:01:00Z');
  expect(left('2026-01-01T10:00:30Z')).toBe(30);
  expect(left('2026-01-01T09:59:00Z')).toBe(0);
});

test('a sentence has its values filled in, also in another language', () => {
  expect(t('{seconds} s left', { seconds: 3 })).toBe('3 s left');
  speak({ ...ENGLISH, words: { '{seconds} s left': 'quedan {seconds} s' } });
  expect(t('{seconds} s left', { seconds: 3 })).toBe('quedan 3 s');
  speak(ENGLISH);
});

test('initials are the first and the last', () => {
  expect(initials('Maria del Carmen Lopez')).toBe('ML');
  expect(initials('cher')).toBe('C');
  expect(initials(' ')).toBe('?');
});
