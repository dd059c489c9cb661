/** The record on the desk: who it is, how the call stands, what came of it. */

import { signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { t } from '../i18n';
import { beep, bell } from '../sound';
import { chosen, disposition, finish, missing, note, save, type, unsaved } from '../state/draft';
import { isLive, view, waits } from '../state/store';
import type { InteractionState } from '../protocol.gen';
import { Icon } from './icons';
import { isTyping } from '../keys';
import { CampaignNotices } from './campaigns';
import { CallLine } from './call';
import { isPreview, Preview } from './preview';
import { left } from './time';
import { initials } from './words';
import { Record } from './record';

/** what Done would still need, shown once Done was tried */
const complained = signal(false);

export function done(work: InteractionState, stop: boolean): void {
  if (!mayFinish(work) || !isLive.value || waits('finish')) return;
  complained.value = missing.value !== null;
  if (missing.value === 'disposition') document.querySelector<HTMLElement>('#dispositions input')?.focus();
  else if (missing.value === 'note') document.querySelector<HTMLElement>('#note')?.focus();
  else finish(stop);
}

/** The call is over, or there was none. */
function mayFinish(work: InteractionState): boolean {
  return work.phase === 'wrap_up' || work.phase === 'preview';
}

export function Desk({ work }: { work: InteractionState }) {
  const heading = useRef<HTMLHeadingElement>(null);
  const was = useRef<string | null>(null);
  useEffect(() => {
    complained.value = false;
    if (!isTyping(document.activeElement)) heading.current?.focus({ preventScroll: true });
    if (was.current === null) bell();
    else if (work.phase === 'connected') beep();
    was.current = work.phase;
  }, [work.id, work.phase]);

  return (
    <div class="desk">
      <article class="card work" aria-labelledby="who">
        <header class="who">
          <span class="avatar big-avatar" aria-hidden="true">
            {initials(work.card.name ?? '')}
          </span>
          <div class="who-words">
            <p class="campaign">{work.card.campaign}</p>
            <h1 id="who" ref={heading} tabIndex={-1}>
              {work.card.name || t('Unknown')}
            </h1>
            <p class="number">{work.card.number}</p>
          </div>
        </header>
        {work.notice && (
          <p class="notice bad" role="alert">
            {work.notice}
          </p>
        )}
        {isPreview(work) ? <Preview work={work} /> : <CallLine work={work} />}
        <Conclusion work={work} />
      </article>
      <div class="beside">
        <CampaignNotices />
        <Record work={work} />
      </div>
    </div>
  );
}

function Conclusion({ work }: { work: InteractionState }) {
  const details = view.value.details;
  const over = mayFinish(work);
  const problem = complained.value ? missing.value : null;
  const busy = !over || !isLive.value || waits('finish');
  return (
    <form
      class="conclusion"
      aria-label={t('What came of it')}
      onSubmit={(event) => {
        event.preventDefault();
        done(work, false);
      }}
    >
      {work.phase === 'wrap_up' && work.deadline && <Countdown from={work.since} to={work.deadline} />}
      <fieldset id="dispositions" aria-describedby={problem === 'disposition' ? 'no-disposition' : undefined}>
        <legend>
          {t('Disposition')}
          <span class="quiet small legend-keys">{t('keys 1 to 9')}</span>
        </legend>
        <div class="dispositions">
          {details?.dispositions.map((one, at) => (
            <label class="option disposition" key={one.id} data-kind={one.kind}>
              <input
                type="radio"
                name="disposition"
                value={one.id}
                checked={disposition.value === one.id}
                onChange={() => (disposition.value = one.id)}
              />
              <span class="dot" aria-hidden="true" />
              <span class="option-words">{one.label}</span>
              {at < 9 && <kbd aria-hidden="true">{at + 1}</kbd>}
            </label>
          ))}
          {details === null && <span class="ghost-line" aria-hidden="true" />}
          {details?.dispositions.length === 0 && <p class="quiet">{t('This campaign has none.')}</p>}
        </div>
        {problem === 'disposition' && (
          <p class="notice bad" id="no-disposition" role="alert">
            {t('Choose what came of the call before it is done.')}
          </p>
        )}
      </fieldset>
      <div class="field">
        <label for="note">
          {t('Note')}
          {chosen.value?.note_required && <span class="quiet small"> {t('needed for “{disposition}”', { disposition: chosen.value.label })}</span>}
        </label>
        <textarea
          id="note"
          rows={3}
          maxLength={10000}
          value={note.value}
          aria-keyshortcuts="Alt+N"
          aria-describedby={problem === 'note' ? 'no-note' : 'note-state'}
          onInput={(event) => type(event.currentTarget.value)}
          onBlur={save}
        />
        <p class="quiet small note-state" id="note-state">
          {unsaved.value || waits('save_note') ? t('Saving…') : note.value ? t('Saved as you type') : ' '}
        </p>
        {problem === 'note' && (
          <p class="notice bad" id="no-note" role="alert">
            {t('This disposition needs a note.')}
          </p>
        )}
      </div>
      <div class="finish">
        <button class="button primary big" disabled={busy} aria-keyshortcuts="Alt+Enter">
          <Icon name="check" />
          {t('Done')}
        </button>
        <button type="button" class="button big" disabled={busy} aria-keyshortcuts="Alt+Shift+Enter" onClick={() => done(work, true)}>
          {t('Done and Stop')}
        </button>
        <p class="quiet small keys">
          {over ? (
            <>
              <kbd>Alt</kbd> <kbd>Enter</kbd> {t('is Done')}
            </>
          ) : (
            t('Done is possible once the call has ended.')
          )}
        </p>
      </div>
    </form>
  );
}

/** The server owns the deadline; this only draws what is left of it. */
function Countdown({ from, to }: { from: string; to: string }) {
  const seconds = left(to);
  const whole = Math.max(1, (Date.parse(to) - Date.parse(from)) / 1000);
  const short = seconds <= 10;
  return (
    <div class={`countdown ${short ? 'short' : ''}`} role="timer" aria-live="off">
      <p>
        <Icon name="clock" />
        {seconds > 0 ? t('Wrap-up: {seconds} s left', { seconds }) : t('Wrap-up time is over')}
      </p>
      <progress max={whole} value={Math.min(seconds, whole)} aria-label={t('Wrap-up time left')} />
    </div>
  );
}
