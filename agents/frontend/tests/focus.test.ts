import { expect, test } from 'vitest';
import { giveBack } from '../src/focus';

test('a panel that closes gives the focus back to its opener, also where what had it was switched off, and takes it from nobody else', () => {
  document.body.innerHTML = '<button aria-keyshortcuts="Alt+T"></button><div class="transfer"><button></button></div><textarea></textarea>';
  const [opener, inside, elsewhere] = ['[aria-keyshortcuts]', '.transfer button', 'textarea'].map((one) => document.querySelector<HTMLElement>(one)!);
  const closes = () => giveBack('.transfer', 'Alt+T');
  inside!.focus();
  closes();
  expect(document.activeElement).toBe(opener);
  opener!.blur();
  expect(document.activeElement).toBe(document.body);
  closes();
  expect(document.activeElement).toBe(opener);
  elsewhere!.focus();
  closes();
  expect(document.activeElement).toBe(elsewhere);
});
