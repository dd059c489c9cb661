/** A record that is looked at and not dialed yet: which number, which caller ID, Call; or not now, or never. */

import { signal } from '@preact/signals';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { said, t, tp } from '../i18n';
import { ask, isLive, view, waits } from '../state/store';
import type { Details, InteractionState, NumberShown } from '../protocol.gen';
import { Icon } from './icons';
import { Menu } from './menu';
import { order, SaidBefore } from './said_before';
import { left, Since } from './time';
import { Window } from './window';
import { numberResultWords, originWords, phaseWords } from './words';

const picked = signal<number | null>(null);
const shownAs = signal<number | null>(null);
const dialsNew = signal(false);

export function isPreview(work: InteractionState): boolean {
  return work.phase === 'preview' || work.phase === 'checking';
}

export function call(work: InteractionState): void {
  if (work.phase !== 'preview' || !isLive.value || waits('call', 'call_new_number')) return;
  order({ type: 'call', interaction: work.id, number: numberOf(view.value.details), caller_id: callerIdOf(view.value.details) });
}

function numberOf(details: Details | null): number | null {
  const dialed = details?.contact?.numbers.find((number) => number.dialed)?.id ?? null;
  return details?.chooses_number ? (picked.value ?? dialed) : dialed;
}

/** The one that was chosen, while it is to be had. */
function callerIdOf(details: Details | null): number | null {
  return details?.caller_ids.some(({ id }) => id === shownAs.value) ? shownAs.value : null;
}

export function Preview({ work }: { work: InteractionState }) {
  const details = view.value.details;
  const waiting = work.phase === 'checking';
  const busy = waiting || !isLive.value || waits('call', 'call_new_number', 'decline');
  const tried = work.outcome !== '';
  useLayoutEffect(() => {
    // another number was selected, by the server or by a new record; before anybody can choose one
    picked.value = null;
    dialsNew.value = false;
  }, [work.id, work.card.number]);
  useLayoutEffect(() => {
    shownAs.value = null;
  }, [work.id]);

  return (
    <section class="call preview" aria-label={t('Call')}>
      <div class="call-state">
        <span class="signal" aria-hidden="true" />
        <div>
          <p class="call-words">{phaseWords(work)}</p>
          <p class="quiet small">{originWords(work)}</p>
        </div>
        <Since at={work.since} class="call-time" />
      </div>
      {details?.chooses_number && details.contact && <Numbers details={details} numbers={details.contact.numbers} disabled={busy} />}
      {details && details.caller_ids.length > 1 && <CallerIds details={details} disabled={busy} />}
      <div class="preview-buttons">
        <button type="button" class={`button big ${tried || work.progress === 'refused' ? '' : 'go'}`} disabled={busy} aria-keyshortcuts="Alt+C" onClick={() => call(work)}>
          <Icon name="phone" />
          {tried ? t('Call again') : tp('command', 'Call')}
        </button>
        {waiting && (
          <button type="button" class="button" disabled={!isLive.value || waits('wait')} onClick={() => ask({ type: 'wait', interaction: work.id })}>
            {t('Do not wait')}
          </button>
        )}
        {work.dials_at && !waiting && <CountDown work={work} to={work.dials_at} />}
        {!tried && (
          <Menu
            label={t('Decline')}
            name={t('Decline')}
            disabled={busy}
            items={[
              { key: 'later', label: t('Call this contact later'), act: () => ask({ type: 'decline', interaction: work.id, never: false }) },
              { key: 'never', label: t('Do not call this contact'), act: () => ask({ type: 'decline', interaction: work.id, never: true }) },
            ]}
          />
        )}
      </div>
      {details && <NewNumber work={work} details={details} />}
      {details && tried && <SaidBefore work={work} details={details} />}
    </section>
  );
}

/** Next to Call: what happens by itself, and how it is held. */
function CountDown({ work, to }: { work: InteractionState; to: string }) {
  const seconds = left(to);
  const more = (view.value.details?.preview_extensions ?? 0) - (work.draft.preview_extensions ?? 0);
  return (
    <span class={`dials ${seconds <= 10 ? 'short' : ''}`}>
      <span role="timer" aria-live="off">
        {seconds > 0 ? t('Dials automatically in {seconds} s', { seconds }) : t('Dials now')}
      </span>
      <button type="button" class="button slim" disabled={waits('wait')} onClick={() => ask({ type: 'wait', interaction: work.id })}>
        <Icon name="pause" />
        {t('Wait')}
      </button>
      {more > 0 && (
        <button
          type="button"
          class="button slim"
          disabled={!isLive.value || waits('more_time')}
          onClick={() => ask({ type: 'more_time', interaction: work.id })}
        >
          <Icon name="clock" />
          {t('More time')}
        </button>
      )}
      {(seconds === 20 || seconds === 10 || seconds === 5) && (
        <span class="sr-only" role="status">
          {t('Dials automatically in {seconds} s', { seconds })}
        </span>
      )}
    </span>
  );
}

function Numbers({ details, numbers, disabled }: { details: Details; numbers: readonly NumberShown[]; disabled: boolean }) {
  const current = numberOf(details);
  return (
    <fieldset class="numbers" disabled={disabled}>
      <legend>{t('Number to call')}</legend>
      <div class="number-options">
        {numbers.map((number) => {
          const not = !number.active ? numberResultWords(number.result) : number.listed ? t('on the Do-Not-Call list') : '';
          return (
            <label class="option number-option" key={number.id}>
              <input
                type="radio"
                name="number"
                value={number.id}
                checked={current === number.id}
                disabled={not !== ''}
                onChange={() => (picked.value = number.id)}
              />
              <span class="option-words">
                <bdi class="number-itself">{number.number}</bdi>
                <span class="quiet small">{[said(number.kind), not || localWords(number.local_time)].filter(Boolean).join(' · ')}</span>
              </span>
            </label>
          );
        })}
        {details.new_number && (
          <button type="button" class="button new-number" aria-haspopup="dialog" disabled={disabled} onClick={() => (dialsNew.value = true)}>
            <Icon name="plus" />
            {t('Dial New Phone Number')}
          </button>
        )}
      </div>
    </fieldset>
  );
}

function localWords(time: string): string {
  const [, clock] = /(\d\d:\d\d)/.exec(time) ?? [];
  return clock ? t('{time} there', { time: clock }) : '';
}

function CallerIds({ details, disabled }: { details: Details; disabled: boolean }) {
  return (
    <div class="field caller-id">
      <label for="caller-id">{t('Caller ID')}</label>
      <select
        id="caller-id"
        disabled={disabled}
        value={String(callerIdOf(details) ?? details.caller_id ?? details.caller_ids[0]?.id)}
        onChange={(event) => (shownAs.value = Number(event.currentTarget.value))}
      >
        {details.caller_ids.map((one) => (
          <option key={one.id} value={one.id}>
            {[one.number, one.label].filter(Boolean).join(' · ')}
          </option>
        ))}
      </select>
    </div>
  );
}

function NewNumber({ work, details }: { work: InteractionState; details: Details }) {
  const number = useRef<HTMLInputElement>(null);
  const kind = useRef<HTMLSelectElement>(null);
  const open = dialsNew.value;
  useEffect(() => {
    if (open && work.dials_at) ask({ type: 'wait', interaction: work.id }); // who types another number does not want this one dialed
  }, [open]);
  return (
    <Window class="alert window" open={dialsNew} when={details.new_number} labelledBy="new-number-title">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          order(
            {
              type: 'call_new_number',
              interaction: work.id,
              number: number.current!.value,
              kind: kind.current!.value,
              caller_id: callerIdOf(details),
            },
            () => (dialsNew.value = false),
          );
        }}
      >
        <h1 id="new-number-title">{t('Dial New Phone Number')}</h1>
        <div class="field">
          <label for="new-number">{t('Enter Phone Number')}</label>
          <input id="new-number" ref={number} type="tel" required maxLength={60} autocomplete="off" autofocus />
        </div>
        <div class="field">
          <label for="new-number-kind">{t('Type')}</label>
          <select id="new-number-kind" ref={kind}>
            {details.number_kinds.map((one) => (
              <option key={one.key} value={one.key}>
                {said(one.label)}
              </option>
            ))}
          </select>
        </div>
        <p class="quiet small">{t('It is checked like any other number, and kept with the contact.')}</p>
        <div class="alert-buttons">
          <button class="button go big" disabled={!isLive.value || waits('call_new_number')}>
            <Icon name="phone" />
            {t('Dial')}
          </button>
          <button type="button" class="button big" onClick={() => (dialsNew.value = false)}>
            {t('Cancel')}
          </button>
        </div>
      </form>
    </Window>
  );
}
