import { describe, expect, test } from 'vitest';
import type { Callbacks, Day, Details, ServerMessage, State } from '../src/protocol.gen';
import { BLANK, reduce, type Happened, type View } from '../src/state/reduce';

const NOW = '2026-11-20T10:00:00Z';
const AT = Date.parse(NOW);

function state(version: number, interaction: string | null = null): State {
  return {
    type: 'state',
    version,
    now: NOW,
    session: {
      doing: interaction ? 'on_call' : 'ready',
      since: NOW,
      signed_in: true,
      voice_ready: true,
      preview_ready: true,
      reason: null,
      pending_reason: null,
      station: 1,
      news: 0,
      console: 1,
      leg: null,
      phone: 'up',
    },
    interaction: interaction
      ? {
          id: interaction,
          phase: 'connected',
          since: NOW,
          deadline: null,
          origin: 'campaign',
          card: { campaign: 'Spring', name: 'Maria', number: '+1' },
          progress: '',
          notice: '',
          leg: null,
          dials_at: null,
          outcome: '',
          talked: true,
          held: false,
          muted: false,
          others: [],
          watched: false,
          recording: '',
          note: '',
          draft: {},
          disposition_id: null,
        }
      : null,
  };
}

function after(...all: Happened[]): View {
  return all.reduce(reduce, BLANK);
}

const said = (message: ServerMessage): Happened => ({ what: 'said', message, at: AT });

describe('the state', () => {
  test('with the highest version wins, whatever the order of arrival', () => {
    const orders = [
      [1, 2, 3],
      [3, 2, 1],
      [2, 3, 1],
    ];
    for (const order of orders) {
      // a snapshot opens every connection; what follows may come in any order
      const view = after({ what: 'opened' }, said(state(0)), ...order.map((version) => said(state(version))));
      expect(view.state?.version).toBe(3);
    }
  });

  test('of a new connection is taken even when its version is lower', () => {
    const view = after({ what: 'opened' }, said(state(9)), { what: 'closed', code: 1006 }, { what: 'opened' }, said(state(4)));
    expect(view.state?.version).toBe(4);
    expect(reduce(view, said(state(3))).state?.version).toBe(4);
  });

  test('stays on the screen while the connection is lost', () => {
    const view = after({ what: 'opened' }, said(state(2, 'a')), { what: 'closed', code: 1006 });
    expect(view.link).toBe('lost');
    expect(view.over).toBeNull();
    expect(view.state?.interaction?.id).toBe('a');
  });

  test("tells how far the server's clock is from ours", () => {
    const view = reduce(BLANK, { what: 'said', message: { type: 'pong', version: 1, now: NOW }, at: AT - 2500 });
    expect(view.offset).toBe(2500);
  });
});

describe('the details of a record', () => {
  const details = { interaction: 'a', dispositions: [] } as unknown as Details;
  const asked = (id: string): Happened => ({ what: 'asked', id, command: 'record' });
  const answer = said({ type: 'answer', id: 'q', ok: true, data: details });

  test('stay for as long as the record is on the desk', () => {
    const view = after({ what: 'opened' }, said(state(1, 'a')), asked('q'), answer, said(state(2, 'a')));
    expect(view.details).toBe(details);
    expect(reduce(view, said(state(3, 'b'))).details).toBeNull();
    expect(reduce(view, said(state(3))).details).toBeNull();
  });

  test('that come too late for their record are dropped', () => {
    expect(after({ what: 'opened' }, said(state(1, 'b')), asked('q'), answer).details).toBeNull();
  });
});

describe('an answer', () => {
  test('that refuses is shown as its sentence, once', () => {
    const refuse = (id: string) => said({ type: 'answer', id, ok: false, sentence: 'The call has ended.' });
    const view = after({ what: 'asked', id: 'one', command: 'hang_up' }, refuse('one'), { what: 'asked', id: 'two', command: 'hang_up' }, refuse('two'));
    expect(view.notices).toEqual([{ id: 'two', sentence: 'The call has ended.' }]);
    expect(view.waiting).toEqual({});
    expect(reduce(view, { what: 'dismissed', id: 'two' }).notices).toEqual([]);
  });

  test('keeps no more than three sentences on the screen', () => {
    const view = after(...['a', 'b', 'c', 'd'].map((id) => said({ type: 'answer', id, ok: false, sentence: id })));
    expect(view.notices.map((notice) => notice.sentence)).toEqual(['b', 'c', 'd']);
  });

  test('to hello that refuses means that the page is old', () => {
    const view = after({ what: 'asked', id: 'h', command: 'hello' }, said({ type: 'answer', id: 'h', ok: false, sentence: 'Reload.' }));
    expect(view.over).toBe('outdated');
  });

  test('to a call is asked for in its place, until that call is dialed or the record is another one', () => {
    const unsaid = [{ where: 'disposition', sentence: 'Choose one.' }];
    const looked = { ...state(1, 'a'), interaction: { ...state(1, 'a').interaction!, outcome: 'busy' } };
    const asked = after(said(looked), { what: 'asked', id: 'c', command: 'call_new_number' });
    const refused = reduce(asked, said({ type: 'answer', id: 'c', ok: false, sentence: 'Choose one.', problems: unsaid }));
    expect([refused.unsaid, refused.notices]).toEqual([unsaid, []]);
    expect(reduce(refused, said({ ...looked, version: 2 })).unsaid).toEqual(unsaid);
    expect(reduce(refused, said({ ...looked, version: 2, interaction: { ...looked.interaction, outcome: '' } })).unsaid).toEqual([]);
    expect(reduce(refused, said(state(2, 'b'))).unsaid).toEqual([]);
    const again = reduce(refused, { what: 'asked', id: 'd', command: 'call' });
    expect(reduce(again, said({ type: 'answer', id: 'd', ok: true })).unsaid).toEqual([]);
  });

  test('to a call is said where the page has not been told of the call before', () => {
    const asked = after(said(state(1, 'a')), { what: 'asked', id: 'c', command: 'call' });
    const problems = [{ where: 'disposition', sentence: 'Choose one.' }];
    const refused = reduce(asked, said({ type: 'answer', id: 'c', ok: false, sentence: 'Say first what came of it. Choose one.', problems }));
    expect([refused.unsaid, refused.notices.map(({ sentence }) => sentence)]).toEqual([[], ['Say first what came of it. Choose one.']]);
  });

  test('that never came is told', () => {
    const view = after({ what: 'asked', id: 'a', command: 'finish' }, { what: 'given_up', id: 'a', sentence: 'Try again.' });
    expect(view.waiting).toEqual({});
    expect(view.notices).toHaveLength(1);
  });
});

describe('the end of a connection', () => {
  test.each([
    [4409, 'replaced'],
    [4401, 'signed_out'],
    [4403, 'no_agent'],
    [4408, null],
    [1006, null],
    [1012, null],
  ])('by code %i leaves the page %s', (code, over) => {
    expect(after({ what: 'opened' }, { what: 'closed', code }).over).toBe(over);
  });

  test('after the newer tab was announced keeps that reason', () => {
    expect(after(said({ type: 'replaced' }), { what: 'closed', code: 1006 }).over).toBe('replaced');
  });
});

describe('My Callbacks and My Day', () => {
  test('are what was answered last, with what was not kept', () => {
    const asked = after({ what: 'asked', id: 'c', command: 'callbacks' }, { what: 'asked', id: 'd', command: 'day' });
    const callbacks = { callbacks: [], not_kept: [{ id: 7, reason: 'nobody was free in time' }] } as unknown as Callbacks;
    const told = reduce(asked, said({ type: 'answer', id: 'c', ok: true, data: callbacks }));
    expect(told.notKept.map(({ id }) => id)).toEqual([7]);
    expect(reduce(told, said({ type: 'answer', id: 'd', ok: true, data: { calls: 3 } as Day })).day?.calls).toBe(3);
  });
});
