/** My Callbacks: what I have promised, the overdue first; each can be moved or cancelled. */

import { signal } from '@preact/signals';
import { said, t } from '../i18n';
import { ask, isLive, serverNow, view, waits } from '../state/store';
import type { CallbackShown } from '../protocol.gen';
import { Icon } from './icons';
import { spoken, wallClock, zoneWords } from './zones';

export function dueCallbacks(): number {
  return (view.value.callbacks ?? []).filter((one) => isDue(one)).length;
}

/** what is being changed of one of them: still there after an offer or a record that came meanwhile */
const changing = signal<{ readonly callback: number; readonly local: string; readonly personal: boolean } | null>(null);

function edit(one: CallbackShown): void {
  changing.value = isChanging(one) ? null : { callback: one.id, local: wallClock(new Date(one.at), one.zone), personal: one.personal };
}

function isChanging(one: CallbackShown): boolean {
  return changing.value?.callback === one.id;
}

export function MyCallbacks() {
  const all = view.value.callbacks;
  if (!all || all.length === 0) {
    return (
      <div class="mine">
        <p class="quiet">{t('You have promised no call.')}</p>
        <NotKept />
      </div>
    );
  }
  return (
    <section class="mine" aria-label={t('My Callbacks')}>
      <ul>
        {all.map((one) => (
          <li key={one.id}>
            <div class="mine-words">
              <strong>{one.name}</strong>
              <span class="quiet small">
                {spoken(one.at)} · {one.campaign} · {one.personal ? t('Personal Callback') : t('Any agent')}
                {one.note && ` · ${one.note}`}
              </span>
              {one.stopped && <span class="small">{t('You have stopped this campaign: it waits until you ask for its records again.')}</span>}
            </div>
            {isDue(one) && <span class="tag">{isOverdue(one) ? t('overdue') : t('due')}</span>}
            {one.in_hand ? (
              <span class="tag">{t('being called')}</span>
            ) : (
              <>
                <button
                  type="button"
                  class="button slim"
                  disabled={!isLive.value}
                  aria-expanded={isChanging(one)}
                  onClick={() => edit(one)}
                >
                  {t('Change')}
                  <span class="sr-only"> {one.name}</span>
                </button>
                <button
                  type="button"
                  class="button slim"
                  disabled={!isLive.value || waits('cancel_callback')}
                  onClick={() => ask({ type: 'cancel_callback', callback: one.id })}
                >
                  {t('Cancel')}
                  <span class="sr-only"> {one.name}</span>
                </button>
              </>
            )}
            {isChanging(one) && <Change one={one} />}
          </li>
        ))}
      </ul>
      <NotKept />
    </section>
  );
}

/** What was promised and not kept, and not by my own doing. */
function NotKept() {
  const ended = view.value.notKept;
  if (ended.length === 0) return null;
  return (
    <>
      <h3 id="not-kept">{t('Not kept')}</h3>
      <ul aria-labelledby="not-kept">
        {ended.map((one) => (
          <li key={one.id}>
            <div class="mine-words">
              <strong>{one.name}</strong>
              <span class="quiet small">
                {spoken(one.at)} · {one.campaign} · {said(one.reason)}
              </span>
            </div>
            <span class="tag">{one.expired ? t('expired') : t('cancelled')}</span>
          </li>
        ))}
      </ul>
    </>
  );
}

const OVERDUE_AFTER = 15 * 60_000;

function isDue(one: CallbackShown): boolean {
  return Date.parse(one.at) <= serverNow.value;
}

function isOverdue(one: CallbackShown): boolean {
  return Date.parse(one.at) <= serverNow.value - OVERDUE_AFTER;
}

function Change({ one }: { one: CallbackShown }) {
  const now = changing.value!;
  const { local, personal } = now;
  const done = () => {
    if (isChanging(one)) changing.value = null;
  };
  return (
    <form
      class="mine-change"
      aria-label={t('Change the callback of {name}', { name: one.name })}
      onSubmit={(event) => {
        event.preventDefault();
        ask({ type: 'change_callback', callback: one.id, window: { on: true, local, zone: one.zone, personal, phone: one.phone, note: one.note } }, done);
      }}
    >
      <div class="field">
        <label for={`at-${one.id}`}>{t('At, {place} time', { place: zoneWords(one.zone) })}</label>
        <input id={`at-${one.id}`} type="datetime-local" required value={local} onInput={(event) => (changing.value = { ...now, local: event.currentTarget.value })} />
      </div>
      <label class="check">
        <input type="checkbox" checked={personal} onChange={(event) => (changing.value = { ...now, personal: event.currentTarget.checked })} />
        <span>{t('Personal Callback')}</span>
      </label>
      <button class="button primary" disabled={!isLive.value || waits('change_callback')}>
        <Icon name="check" />
        {t('Save')}
      </button>
    </form>
  );
}
