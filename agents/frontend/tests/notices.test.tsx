import { render, type ComponentChild } from 'preact';
import { act } from 'preact/test-utils';
import { expect, test, vi } from 'vitest';
import { happen } from '../src/state/store';
import { Notices, useOverThePage } from '../src/ui/notices';

function Over() {
  return <Notices within={useOverThePage(true)} />;
}

test('a sentence is said in the window that was opened last, and no longer for that', () => {
  vi.useFakeTimers();
  const page = document.createElement('div');
  const place = document.createElement('div');
  const shows = (what: ComponentChild, where: Element) => act(() => render(what, where));
  const passes = (milliseconds: number) =>
    act(() => {
      vi.advanceTimersByTime(milliseconds);
    });
  shows(<Notices />, page);
  act(() => happen({ what: 'reminded', id: 'a', sentence: 'No.' }));
  expect(page.textContent).toBe('No.');
  passes(10_000);
  shows(<Over />, place);
  expect([page.textContent, place.textContent]).toEqual(['', 'No.']);
  passes(4000);
  shows(null, place);
  expect(page.textContent).toBe('No.');
  passes(1100);
  expect(page.textContent).toBe('');
});
