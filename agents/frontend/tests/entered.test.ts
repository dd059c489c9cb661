import { beforeEach, expect, test, vi } from 'vitest';
import type { Boot } from '../src/state/store';

/** The server's end of the page's connection. */
class Wire {
  static last: Wire;
  readyState = 0;
  readonly said: Record<string, unknown>[] = [];
  onopen = () => {};
  onmessage: (event: { data: string }) => void = () => {};
  onclose: (event: { code: number }) => void = () => {};
  constructor() {
    Wire.last = this;
  }
  send(text: string) {
    this.said.push(JSON.parse(text));
  }
  close() {}
}

const PREVIEW = { phase: 'preview', dials_at: '2026-03-11T10:00:20Z' };
const CALLBACK = { on: true, local: '2026-03-12T10:00', zone: 'Europe/Madrid' };
let version = 0;

/** The page, loaded and connected. */
async function page() {
  vi.resetModules();
  const draft = await import('../src/state/draft');
  const callback = await import('../src/state/callback');
  const store = await import('../src/state/store');
  const bar = await import('../src/ui/bar');
  draft.followTheDesk();
  callback.followTheCallback();
  store.start({ protocol: 1, silence: 15, heartbeat: 5, socket: '/', languages: [] } as unknown as Boot);
  connects();
  return { draft, callback, store, bar };
}

function connects(): void {
  Wire.last.readyState = 1;
  Wire.last.onopen();
}

function hears(message: object): void {
  Wire.last.onmessage({ data: JSON.stringify(message) });
}

function shows(interaction: object | null, session: object = {}): void {
  version += 1;
  const work = interaction && { id: 'a', note: '', draft: {}, disposition_id: null, talked: true, card: {}, ...interaction };
  hears({ type: 'state', version, now: new Date().toISOString(), session: { console: 1, ...session }, interaction: work });
}

function isCut(code = 1006): void {
  Wire.last.readyState = 3;
  Wire.last.onclose({ code });
}

function isReplaced(): void {
  hears({ type: 'replaced' });
  isCut(4409);
}

const said = (type: string) => Wire.last.said.filter((one) => one.type === type);

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('WebSocket', Wire);
  vi.stubGlobal('Worker', class { postMessage() {} });
  sessionStorage.clear();
});

test('who takes the console back finds what was entered in the other window, and Done sends that', async () => {
  const { draft, callback, store } = await page();
  shows({ note: 'first', draft: { callback: { ...CALLBACK, at: null, problem: '' } } });
  expect(draft.note.value).toBe('first');
  isReplaced();
  store.takeBack();
  connects();
  const theirs = { disposition: 7, fields: { plan: 'XL' }, survey: { q: 'yes' }, callback: { ...CALLBACK, local: '2026-03-13T11:00', at: null, problem: '' } };
  shows({ note: 'first and more', draft: theirs });
  expect([draft.note.value, draft.disposition.value, callback.window.value.local]).toEqual(['first and more', 7, '2026-03-13T11:00']);
  draft.fill('colour', 'red');
  vi.advanceTimersByTime(1000);
  expect(said('save_draft')).toMatchObject([{ fields: { plan: 'XL', colour: 'red' }, survey: { q: 'yes' }, disposition: 7 }]);
  draft.finish(false);
  expect(said('finish')).toMatchObject([{ note: 'first and more', disposition: 7 }]);
});

test('what was on its way when another window took over does not overwrite what that one has entered', async () => {
  const { draft, callback, store } = await page();
  shows({});
  draft.type('old');
  callback.change(CALLBACK);
  vi.advanceTimersByTime(1000);
  expect(said('save_note')).toHaveLength(1); // and is never answered
  draft.type('old and older');
  isReplaced();
  store.takeBack();
  connects();
  shows({ note: 'newer' });
  vi.advanceTimersByTime(5000);
  expect([draft.note.value, callback.window.value.on]).toEqual(['newer', false]);
  expect([...said('save_note'), ...said('schedule_callback')]).toEqual([]);
});

test('after a lost connection what is not saved here stays, and the rest is as the server has it', async () => {
  const { draft, callback } = await page();
  shows({ note: 'one' });
  isCut();
  draft.type('one and two');
  vi.advanceTimersByTime(1000);
  connects();
  shows({ note: 'one', draft: { disposition: 7, callback: { ...CALLBACK, at: null, problem: '' } } });
  expect([draft.note.value, draft.disposition.value, callback.window.value.local]).toEqual(['one and two', 7, CALLBACK.local]);
  isCut();
  draft.choose(8);
  callback.change({ local: '2026-03-14T12:00' });
  vi.advanceTimersByTime(1000);
  connects();
  shows({ note: 'one and two', draft: { disposition: 7, callback: { ...CALLBACK, at: null, problem: '' } } });
  expect([draft.disposition.value, callback.window.value.local]).toEqual([8, '2026-03-14T12:00']);
});

test('the result of a number and the callback window outlive a reload without a network', async () => {
  const first = await page();
  shows({});
  isCut();
  first.draft.sayOfNumber('fax');
  first.callback.change(CALLBACK);
  vi.advanceTimersByTime(200);
  const second = await page();
  shows({});
  expect(second.draft.numberResult.value).toBe('fax');
  expect(second.callback.window.value).toMatchObject(CALLBACK);
  expect(said('schedule_callback')).toMatchObject([{ window: CALLBACK }]);
  expect(said('save_draft')).toMatchObject([{ number_result: 'fax' }]);
});

test('a page that is left sends the callback window, and so does Done', async () => {
  const { draft, callback } = await page();
  shows({});
  callback.change(CALLBACK);
  dispatchEvent(new Event('pagehide'));
  expect(said('schedule_callback')).toHaveLength(1);
  callback.change({ local: '2026-03-14T12:00' });
  draft.finish(false);
  expect(Wire.last.said.slice(-2).map((one) => one.type)).toEqual(['schedule_callback', 'finish']);
});

test('a callback that the server could not take is told again, and by Done too; one that it has taken and cannot promise is not', async () => {
  const { draft, callback } = await page();
  shows({});
  const isRefused = (problems: object[]) => hears({ type: 'answer', id: said('schedule_callback').at(-1)!.id, ok: false, sentence: 'No.', problems });
  callback.change(CALLBACK, 0);
  vi.advanceTimersByTime(0);
  isRefused([]);
  expect(callback.unsent.value).toBe(true);
  vi.advanceTimersByTime(5000);
  expect(said('schedule_callback')).toHaveLength(2);
  isRefused([]);
  draft.finish(false);
  expect(Wire.last.said.slice(-2).map((one) => one.type)).toEqual(['schedule_callback', 'finish']);
  isRefused([{ where: 'callback', sentence: 'No.' }]);
  vi.advanceTimersByTime(10_000);
  expect(callback.unsent.value).toBe(false);
  expect(said('schedule_callback')).toHaveLength(3);
});

test.each([
  ['record', { numbers: [] }],
  ['choices', { stations: [], reasons: [] }],
  ['campaigns', { campaigns: [], notices: [] }],
  ['callbacks', { callbacks: [], not_kept: [] }],
])('%s: where the server could tell nothing it is asked again, until it is told', async (what, data) => {
  await page();
  shows({});
  const isAnswered = (more: object) => hears({ type: 'answer', id: said(what).at(-1)!.id, sentence: 'No.', ...more });
  isAnswered({ ok: false });
  const asked = said(what).length;
  vi.advanceTimersByTime(4900);
  expect(said(what)).toHaveLength(asked);
  vi.advanceTimersByTime(200);
  expect(said(what)).toHaveLength(asked + 1);
  isAnswered({ ok: true, data: { interaction: 'a', history: { interaction: 'a', attempts: [] }, ...data } });
  vi.advanceTimersByTime(20_000);
  expect(said(what)).toHaveLength(asked + 1);
});

test('a form that is left once its command was done stays when it is refused', async () => {
  const { store } = await page();
  shows(null);
  let left = 0;
  const cancels = () => store.ask({ type: 'cancel_callback', callback: 1 }, () => (left += 1));
  const isAnswered = (ok: boolean) => hears({ type: 'answer', id: said('cancel_callback').at(-1)!.id, ok, sentence: ok ? '' : 'No.' });
  cancels();
  isAnswered(false);
  cancels();
  isAnswered(true);
  isAnswered(true);
  expect(left).toBe(1);
});

test.each(['a callback', 'a field', 'an answer', 'the contact', 'a note', 'a disposition'])('entering %s holds the countdown', async (what) => {
  const { draft, callback } = await page();
  shows(PREVIEW);
  if (what === 'a callback') callback.change(CALLBACK);
  if (what === 'a field') draft.fill('plan', 'x');
  if (what === 'an answer') draft.answer('q', 'x');
  if (what === 'the contact') draft.putRight('first_name', 'x');
  if (what === 'a note') draft.type('x');
  if (what === 'a disposition') draft.choose(1);
  expect(said('wait')).toMatchObject([{ interaction: 'a' }]);
});

test('Alt+R asks who is Ready on Outbound preview alone for a reason', async () => {
  const { bar } = await page();
  const channels = { signed_in: true, voice_ready: false, preview_ready: true, pending_reason: null };
  shows(null, channels);
  bar.changeReadiness();
  expect([bar.askReason.value, said('go_ready')]).toEqual([true, []]);
  shows(null, { ...channels, preview_ready: false });
  bar.changeReadiness();
  expect(said('go_ready')).toHaveLength(1);
});

test('after a refusal the page looks again at what it shows, and that a record is gone is said once', async () => {
  const { store } = await page();
  shows({ phase: 'preview' });
  store.ask({ type: 'more_time', interaction: 'a' });
  const looks = said('record').length;
  hears({ type: 'answer', id: said('more_time')[0]!.id, ok: false, sentence: 'This campaign gives no more time.' });
  expect(said('record')).toHaveLength(looks + 1);
  hears({ type: 'answer', id: said('record').at(-1)!.id, ok: false, sentence: 'This record is no longer on your desk.' });
  expect(store.view.value.notices.map(({ sentence }) => sentence)).toEqual(['This campaign gives no more time.']);
  store.ask({ type: 'get_record', campaign: 1 });
  const lists = said('campaigns').length;
  hears({ type: 'answer', id: said('get_record')[0]!.id, ok: false, sentence: 'Run it first.' });
  expect(said('campaigns')).toHaveLength(lists + 1);
});
