import { afterEach, expect, test, vi } from 'vitest';
import { notify } from '../src/attention';

const said: string[] = [];

function browser(permission: NotificationPermission, hidden: boolean) {
  class Told {
    static permission = permission;
    onclick: (() => void) | null = null;
    constructor(title: string, { body }: NotificationOptions) {
      said.push(`${title}: ${body}`);
    }
    close() {
      said.push('closed');
    }
  }
  vi.stubGlobal('Notification', Told);
  vi.spyOn(document, 'hidden', 'get').mockReturnValue(hidden);
}

afterEach(() => {
  said.length = 0;
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

test('what rings is told by the browser to who looks at another tab, until it is taken', () => {
  browser('granted', true);
  const takeBack = notify('Maria Lopez', 'Spring renewal');
  expect(said).toEqual(['Maria Lopez: Spring renewal']);
  takeBack();
  expect(said).toEqual(['Maria Lopez: Spring renewal', 'closed']);
});

test('nothing is told to who looks at the console, or has not allowed it', () => {
  browser('granted', false);
  notify('Maria Lopez', 'Spring renewal')();
  browser('default', true);
  notify('Maria Lopez', 'Spring renewal')();
  expect(said).toEqual([]);
});
