/** What the keys do, on one card: opened with a question mark or from the account's menu. */

import { signal } from '@preact/signals';
import { t, tp } from '../i18n';
import { Icon } from './icons';
import { Window } from './window';

export const shortcutsAreOpen = signal(false);

export function Shortcuts() {
  const all: readonly (readonly [string, string])[] = [
    ['Alt R', t('Ready, or a break')],
    ['Alt G', t('Get a record')],
    ['Alt C', tp('command', 'Call')],
    ['Alt H', t('Hang up')],
    ['Alt O', t('Hold, and resume')],
    ['Alt M', t('Mute, and unmute')],
    ['Alt K', t('Keypad')],
    ['Alt T', t('Transfer, or bring in somebody')],
    ['Alt P', t('Pause the recording, and resume')],
    ['Alt B', t('Schedule Callback')],
    ['1 … 9', t('Choose a disposition')],
    ['Alt D', t('To the dispositions')],
    ['Alt N', t('To the note')],
    ['Alt Enter', t('Done')],
    ['Alt Shift Enter', t('Done and Stop')],
    ['F6', t('To the notices of campaigns')],
    ['?', t('This list')],
  ];
  return (
    <Window class="shortcuts" open={shortcutsAreOpen} labelledBy="shortcuts-title">
      <div class="callback-head">
        <h1 id="shortcuts-title">{t('Keyboard shortcuts')}</h1>
        <button type="button" class="icon-button" aria-label={t('Close')} onClick={() => (shortcutsAreOpen.value = false)}>
          <Icon name="close" />
        </button>
      </div>
      <dl>
        {all.map(([keys, words]) => (
          <div key={keys}>
            <dt>
              {keys.split(' ').map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{words}</dd>
          </div>
        ))}
      </dl>
    </Window>
  );
}
