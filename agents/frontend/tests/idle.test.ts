import { expect, test } from 'vitest';
import type { Campaigns, State } from '../src/protocol.gen';
import { BLANK } from '../src/state/reduce';
import { view } from '../src/state/store';
import { whatComes } from '../src/ui/idle';

const NOTHING = 'Nothing rings while you are not ready.';
const RECORDS = 'Records of the campaigns you run still come, until you stop them.';

test.each([
  ['stop', 'Running', RECORDS],
  ['stop', 'Paused', NOTHING],
  ['get_record', 'Running', NOTHING],
  ['none', 'Running', NOTHING],
])('who is Not Ready with a campaign that has %s and is %s is told what comes', (action, status, sentence) => {
  const campaigns = { campaigns: [{ action, status }], notices: [], ask_again: null } as unknown as Campaigns;
  view.value = { ...BLANK, state: { session: { doing: 'not_ready' }, interaction: null } as unknown as State, campaigns };
  expect(whatComes()).toBe(sentence);
});
