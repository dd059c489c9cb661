/** Schedule Callback, as a window beside the call; its button tells whether a callback exists. */

import { useEffect, useRef, useState } from 'preact/hooks';
import { goRound } from '../focus';
import { said, t } from '../i18n';
import { change, isOpen, nearest, numbersKept, problem, promised, unsent, window as wanted } from '../state/callback';
import { serverNow, view, waits } from '../state/store';
import type { InteractionState } from '../protocol.gen';
import { Icon } from './icons';
import { later, spoken, spokenHere, wallClock, zoneWords } from './zones';

const NEW = 'new';

export function CallbackButton() {
  const at = promised.value;
  return (
    <button
      type="button"
      class={`button callback-button ${at ? 'booked' : ''}`}
      aria-haspopup="dialog"
      aria-expanded={isOpen.value}
      aria-keyshortcuts="Alt+B"
      onClick={() => (isOpen.value = !isOpen.value)}
    >
      <Icon name="calendar" />
      <span>
        {at ? t('Scheduled Callback') : t('Schedule Callback')}
        {at && <span class="callback-at">{spokenHere(at, wanted.value.zone)}</span>}
        {problem.value && <span class="callback-at">{t('not possible yet')}</span>}
      </span>
    </button>
  );
}

export function CallbackWindow({ work }: { work: InteractionState }) {
  const details = view.value.details;
  const isTold = details !== null; // whose clock is meant is known by then
  const numbers = (details?.contact?.numbers ?? []).filter((number) => number.active);
  const first = useRef<HTMLInputElement>(null);
  const [types, setTypes] = useState(false);
  useEffect(() => setTypes(false), [numbersKept.value, work.id]); // what was typed is one of the record's numbers now
  useEffect(() => {
    if (isOpen.value) first.current?.focus();
  }, [isOpen.value, isTold, work.id]);
  if (!isOpen.value || !isTold) return null;

  const now = wanted.value;
  const chosen = numbers.find((number) => number.id === now.phone) ?? numbers.find((number) => number.dialed) ?? numbers[0];
  const zone = now.zone || chosen?.zone || 'UTC';
  const here = wallClock(new Date(serverNow.value), zone);
  // the fields a first choice leaves to us: whose clock is meant, and which number
  const set = (part: Partial<typeof now>, after?: number) => change({ zone, phone: chosen?.id ?? null, ...part }, after);
  const pick = (local: string) => set({ on: true, local }, 0);
  const isNew = types || now.new_number !== '';
  const shut = () => {
    isOpen.value = false;
    document.querySelector<HTMLElement>('.callback-button')?.focus();
  };

  return (
    <section
      class="callback"
      role="dialog"
      aria-labelledby="callback-title"
      onKeyDown={(event) => {
        if (event.key === 'Escape') shut();
        goRound(event);
      }}
    >
      <div class="callback-head">
        <h2 id="callback-title" class="sr-only">
          {t('Schedule Callback')}
        </h2>
        <label class="check">
          <input type="checkbox" ref={first} checked={now.on} onChange={(event) => set({ on: event.currentTarget.checked }, 0)} />
          <strong>{t('Schedule Callback')}</strong>
        </label>
        <button type="button" class="icon-button" aria-label={t('Close')} onClick={shut}>
          <Icon name="close" />
        </button>
      </div>
      <div class="field">
        <label for="callback-local">{t('At')}</label>
        <input
          id="callback-local"
          type="datetime-local"
          value={now.local}
          min={here}
          aria-describedby="callback-zones callback-problem"
          onInput={(event) => set({ on: true, local: event.currentTarget.value })}
        />
        <p class="quiet small" id="callback-zones">
          {promised.value && `= ${t('{time} your time', { time: spoken(promised.value) })} · `}
          {t('{place} time, now {time}', { place: zoneWords(zone), time: here.slice(11) })}
        </p>
        <div class="picks">
          <button type="button" class="button slim" onClick={() => pick(later(here, { hours: 1 }))}>
            {t('In 1 hour')}
          </button>
          <button type="button" class="button slim" onClick={() => pick(later(here, { days: 1, at: '10:00' }))}>
            {t('Tomorrow 10:00')}
          </button>
          <button type="button" class="button slim" onClick={() => pick(later(here, { days: 7, at: '10:00' }))}>
            {t('Next week')}
          </button>
        </div>
      </div>
      <label class="check">
        <input type="checkbox" checked={now.personal} onChange={(event) => set({ personal: event.currentTarget.checked }, 0)} />
        <span>
          {t('Personal Callback')}
          <span class="quiet small block">{now.personal ? t('You will call.') : t('Any available agent will call.')}</span>
        </span>
      </label>
      <div class="field">
        <label for="callback-to">{t('To')}</label>
        <select
          id="callback-to"
          value={isNew ? NEW : String(chosen?.id ?? '')}
          onChange={(event) => {
            const value = event.currentTarget.value;
            setTypes(value === NEW);
            if (value !== NEW) set({ phone: Number(value), zone: numbers.find((number) => number.id === Number(value))?.zone ?? zone, new_number: '' }, 0);
          }}
        >
          {numbers.map((number) => (
            <option key={number.id} value={number.id}>
              {said(number.kind)} - {number.number}
            </option>
          ))}
          <option value={NEW}>{t('New Phone Number…')}</option>
        </select>
      </div>
      {isNew && (
        <div class="new-number">
          <div class="field">
            <label for="callback-number">{t('Enter Phone Number')}</label>
            <input
              id="callback-number"
              type="tel"
              autocomplete="off"
              value={now.new_number}
              onInput={(event) => set({ new_number: event.currentTarget.value }, 1500)}
            />
          </div>
          <div class="field">
            <label for="callback-kind">{t('Type')}</label>
            <select id="callback-kind" value={now.new_kind} onChange={(event) => set({ new_kind: event.currentTarget.value }, 1500)}>
              <option value="mobile">{t('Mobile')}</option>
              <option value="home">{t('Home')}</option>
              <option value="work">{t('Work')}</option>
              <option value="other">{t('Other')}</option>
            </select>
          </div>
        </div>
      )}
      <div class="field">
        <label for="callback-note">{t('Note for the callback')}</label>
        <input id="callback-note" value={now.note} maxLength={500} onInput={(event) => set({ note: event.currentTarget.value })} />
      </div>
      <p class="small quiet" role="status">
        {unsent.value || waits('schedule_callback') ? t('Saving…') : promised.value ? t('Scheduled for {time}', { time: spokenHere(promised.value, zone) }) : ' '}
      </p>
      <div id="callback-problem" role="alert">
        {problem.value && (
          <p class="notice bad">
            {said(problem.value)}
            {nearest.value && (
              <button type="button" class="button" onClick={() => pick(nearest.value!)}>
                {t('Take the nearest time')}
              </button>
            )}
          </p>
        )}
      </div>
    </section>
  );
}
