/** Others in the conversation: whom it may be taken on to, and what can be done with who is there. */

import { signal } from '@preact/signals';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { giveBack } from '../focus';
import { t } from '../i18n';
import type { BringIn, InteractionState, OtherShown, WithOther } from '../protocol.gen';
import { ask, isLive, view, waits } from '../state/store';
import { Icon } from './icons';

export const transferIsOpen = signal(false);
const how = signal<BringIn['how']>('consult');
const typed = signal('');
/** how often it was opened: what was ordered before the last time closes nothing */
let openings = 0;

export function openTransfer(work: InteractionState): void {
  if (transferIsOpen.value) return shutTransfer();
  openings += 1;
  if (work.phase === 'connected' && work.progress !== 'asked' && isLive.value && view.value.details?.transfers) transferIsOpen.value = true;
}

function shutTransfer(): void {
  giveBack('.transfer', 'Alt+T');
  transferIsOpen.value = false;
}

function bringIn(work: InteractionState, whom: { destination: number } | { number: string } | { agent: number }): void {
  // open until somebody is being called: a number that was refused is still there to be mended
  const opening = openings;
  ask({ type: 'bring_in', interaction: work.id, how: how.value, ...whom }, () => {
    if (transferIsOpen.value && opening === openings) shutTransfer();
  });
}

/** Agents who are free, the directory, and a number where one may be typed. */
export function Transfer({ work }: { work: InteractionState }) {
  const first = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => {
    // before anybody can choose
    typed.value = '';
    how.value = 'consult';
    ask({ type: 'targets', interaction: work.id });
    first.current?.focus();
  }, [work.id]);
  const before = useRef(work.others.length);
  useEffect(() => {
    if (work.others.length > before.current) shutTransfer(); // told sooner than the answer
    before.current = work.others.length;
  }, [work.others.length]);
  const busy = !isLive.value || waits('bring_in');
  const targets = view.value.targets;
  const ways: readonly (readonly [BringIn['how'], string, string])[] = [
    ['consult', t('Consult first'), t('The customer hears music while you talk with them.')],
    ['conference', t('Add to the conversation'), t('Everybody talks as soon as they answer.')],
    ['blind', t('Hand over at once'), t('You are free; the customer hears music until they answer.')],
  ];
  const chosen = ways.find(([key]) => key === how.value);
  return (
    <div
      class="transfer"
      role="group"
      aria-label={t('Transfer')}
      onKeyDown={(event) => {
        if (event.key === 'Escape') shutTransfer();
      }}
    >
      <fieldset class="ways">
        <legend>{t('How')}</legend>
        <div class="picks">
          {ways.map(([key, words], at) => (
            <label key={key} class="check">
              <input type="radio" name="how" ref={at === 0 ? first : null} checked={how.value === key} onChange={() => (how.value = key)} />
              {words}
            </label>
          ))}
        </div>
        <p class="quiet small">{chosen?.[2]}</p>
      </fieldset>
      {!!targets?.colleagues.length && (
        <ul class="targets" aria-label={t('Agents who are free')}>
          {targets.colleagues.map((one) => (
            <li key={one.id}>
              <button type="button" class="button target" disabled={busy} onClick={() => bringIn(work, { agent: one.id })}>
                <Icon name="person" />
                <span>
                  {one.name} <span class="quiet small">{t('Agent')}</span>
                </span>
              </button>
            </li>
          ))}
        </ul>
      )}
      <ul class="targets" aria-label={t('Directory')}>
        {targets?.targets.map((one) => (
          <li key={one.id}>
            <button type="button" class="button target" disabled={busy} onClick={() => bringIn(work, { destination: one.id })}>
              <Icon name="phone" />
              <span>
                {one.name} <span class="quiet small">{one.number}</span>
                {one.note && <span class="block quiet small">{one.note}</span>}
              </span>
            </button>
          </li>
        ))}
        {targets?.targets.length === 0 && !targets.any_number && !targets.colleagues.length && <li class="quiet">{t('The directory is empty: ask your supervisor.')}</li>}
      </ul>
      {targets?.any_number && (
        <form
          class="other-number"
          onSubmit={(event) => {
            event.preventDefault();
            if (typed.value.trim()) bringIn(work, { number: typed.value });
          }}
        >
          <label class="field">
            {t('Another number')}
            <input type="tel" maxLength={60} value={typed.value} onInput={(event) => (typed.value = event.currentTarget.value)} />
          </label>
          <button class="button" disabled={!typed.value.trim() || busy}>
            {t('Dial')}
          </button>
        </form>
      )}
    </div>
  );
}

function stateWords(other: OtherShown): string {
  switch (other.state) {
    case 'calling':
      return other.how === 'consult' ? t('is being called; the customer hears music') : t('is being called');
    case 'consulted':
      return t('talks with you; the customer hears music');
    case 'joined':
      return t('is in the conversation');
    case 'handed':
      return t('has the customer');
  }
}

/** Who else is there, each with what can be done. */
export function Others({ work }: { work: InteractionState }) {
  if (work.others.length === 0) return null;
  const does = (other: OtherShown, act: WithOther['do']) => ask({ type: 'with_other', interaction: work.id, other: other.id, do: act });
  const disabled = work.phase !== 'connected' || !isLive.value || waits('with_other');
  return (
    <ul class="others" aria-label={t('Others in the conversation')}>
      {work.others.map((other) => (
        <li key={other.id}>
          <p class="others-words" role="status">
            <strong>{other.name || other.number}</strong> {stateWords(other)}
          </p>
          {other.state === 'consulted' && (
            <button type="button" class="button" disabled={disabled} onClick={() => does(other, 'join')}>
              {t('Bring all together')}
            </button>
          )}
          <button type="button" class="button" disabled={disabled} onClick={() => does(other, 'hand_over')}>
            {other.state === 'joined' ? t('Leave them to it') : t('Hand over')}
          </button>
          <button type="button" class="button" disabled={disabled} onClick={() => does(other, 'drop')}>
            {other.state === 'joined' ? t('Take them out') : t('Back to the customer')}
          </button>
        </li>
      ))}
    </ul>
  );
}
