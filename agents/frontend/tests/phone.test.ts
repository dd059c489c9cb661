/** The page as a phone, whose node is lost: it asks anew by itself, and registers with what it is told, wherever that is. */

import { signal } from '@preact/signals';
import { beforeEach, expect, test, vi } from 'vitest';
import type { PhoneAccess } from '../src/protocol.gen';
import type { Listener } from '../src/phone/sip';

const store = {
  access: signal<PhoneAccess | null>(null),
  asked: [] as string[],
  ask: (command: { type: string }) => void store.asked.push(command.type),
  isLive: signal(true),
  refused: signal<{ command: string } | null>(null),
  session: signal({ signed_in: true, leg: null }),
  station: signal({ kind: 'webrtc', own: true, leg_mode: 'nailed_up' }),
  view: signal({ over: null }),
  work: signal(null),
};
const lines: { url: string; listener: Listener; left: boolean }[] = [];

vi.mock('../src/state/store', () => store);
vi.mock('../src/phone/sound', () => ({
  microphone: signal({ getAudioTracks: () => [] }),
  openMicrophone: async () => true,
  isAllowed: async () => true,
  closeMicrophone: () => {},
  play: () => {},
}));
vi.mock('../src/phone/sip', () => ({
  register: (access: PhoneAccess, _: unknown, listener: Listener) => {
    const line = { url: access.url, listener, left: false };
    lines.push(line);
    return { echo: () => null, leave: () => (line.left = true) };
  },
}));

const { followTheSession, standing } = await import('../src/phone/phone');

const at = (node: string): PhoneAccess => ({ url: `wss://${node}.example/ws`, name: `browser-${node}`, secret: 'x', ice: [] });

beforeEach(() => vi.useFakeTimers());

test('a lost node: the page asks until it is told another one, registers there, and asks no more', async () => {
  followTheSession();
  await vi.advanceTimersByTimeAsync(0);
  expect(store.asked).toEqual(['phone']);
  store.access.value = at('one');
  await vi.advanceTimersByTimeAsync(0);
  lines[0]!.listener.registered();
  expect(standing.value).toBe('registered');

  lines[0]!.listener.lost();
  expect(standing.value).toBe('lost');
  await vi.advanceTimersByTimeAsync(6_000);
  expect(store.asked).toEqual(['phone', 'phone']);
  store.refused.value = { command: 'phone' };
  await vi.advanceTimersByTimeAsync(6_000);
  expect(store.asked).toEqual(['phone', 'phone', 'phone']);

  store.access.value = at('two');
  await vi.advanceTimersByTimeAsync(0);
  expect(lines.map((line) => [line.url, line.left])).toEqual([
    ['wss://one.example/ws', true],
    ['wss://two.example/ws', false],
  ]);
  lines[1]!.listener.registered();
  expect(standing.value).toBe('registered');
  await vi.advanceTimersByTimeAsync(30_000);
  expect(store.asked).toHaveLength(3);
});

test('what it registered with was taken back: it asks at once', async () => {
  const before = store.asked.length;
  lines.at(-1)!.listener.refused();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(store.asked).toHaveLength(before + 1);
});

test('a shift cannot begin at it, as nobody knows it any more: it asks for another name', async () => {
  lines.at(-1)!.listener.registered();
  const before = store.asked.length;
  store.refused.value = { command: 'sign_in' };
  expect([standing.value, store.asked.length]).toEqual(['connecting', before + 1]);
});
