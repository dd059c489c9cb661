/** The record on the desk: who it is, how the call stands, what came of it. */

import { useEffect, useRef } from 'preact/hooks';
import { said, t } from '../i18n';
import { beep, bell } from '../sound';
import { chosen, finish, note, save, type, unsaved } from '../state/draft';
import { ask, isLive, view, waits } from '../state/store';
import type { InteractionState } from '../protocol.gen';
import { Icon } from './icons';
import { isTyping } from '../keys';
import { CampaignNotices } from './campaigns';
import { CallLine } from './call';
import { nameNow } from './contact';
import { CallbackButton, CallbackWindow } from './callback';
import { Dispositions } from './dispositions';
import { LeaveAlone } from './leave_alone';
import { ResultOfNumber } from './number_result';
import { isPreview, Preview } from './preview';
import { isWrong, Problems } from './problems';
import { left } from './time';
import { initials } from './words';
import { Record } from './record';
import { Survey } from './survey';

export function done(work: InteractionState, stop: boolean): void {
  if (!mayFinish(work) || !isLive.value || waits('finish')) return;
  finish(stop);
}

/** The call is over, or there was none. */
function mayFinish(work: InteractionState): boolean {
  return work.phase === 'wrap_up' || work.phase === 'preview';
}

/** Who fills in a form, a window or a menu stays there, whatever the call does. */
function isBusyHere(at: Element | null): boolean {
  return isTyping(at) || at?.closest('form, dialog, [role=dialog], .menu') != null;
}

export function Desk({ work }: { work: InteractionState }) {
  const heading = useRef<HTMLHeadingElement>(null);
  const was = useRef<string | null>(null);
  useEffect(() => {
    if (!isBusyHere(document.activeElement)) heading.current?.focus({ preventScroll: true });
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
              {nameNow(work) || t('Unknown')}
            </h1>
            <p class="number">
              <bdi>{work.card.number}</bdi>
            </p>
          </div>
          <CallbackButton />
        </header>
        {work.notice && (
          <p class="notice bad" role="alert">
            {said(work.notice)}
          </p>
        )}
        {isPreview(work) ? <Preview work={work} /> : <CallLine work={work} />}
        <CallbackWindow work={work} />
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
  const busy = !over || !isLive.value || waits('finish');
  const overtime = work.phase === 'wrap_up' && (work.draft.overtime ?? false); // the deadline is then only when the server looks again
  const deadline = work.phase === 'wrap_up' && !overtime ? work.deadline : null;
  const untried = work.phase === 'preview' && work.outcome === '' && work.progress !== 'refused'; // then Call is what comes next
  return (
    <form
      class="conclusion"
      noValidate
      aria-label={t('What came of it')}
      onSubmit={(event) => {
        event.preventDefault();
        done(work, false);
      }}
    >
      <Survey />
      <Dispositions />
      <ResultOfNumber work={work} />
      {details && details.no_callback_days > 0 && !details.no_callback_ends && <LeaveAlone details={details} />}
      <div class="field">
        <label for="note">
          {t('Note')}
          {chosen.value?.note_required ? (
            <span class="quiet small"> {t('needed for “{disposition}”', { disposition: chosen.value.label })}</span>
          ) : (
            details?.note_required && <span class="quiet small"> {t('needed')}</span>
          )}
        </label>
        <textarea
          id="note"
          rows={3}
          maxLength={10000}
          value={note.value}
          aria-keyshortcuts="Alt+N"
          aria-invalid={isWrong('note')}
          aria-describedby={isWrong('note') ? 'problem-note' : 'note-state'}
          onInput={(event) => type(event.currentTarget.value)}
          onBlur={save}
        />
        <p class="quiet small note-state" id="note-state">
          {unsaved.value || waits('save_note') ? t('Saving…') : note.value ? t('Saved as you type') : ' '}
        </p>
      </div>
      <Problems />
      <div class="finish">
        <button class={`button big ${untried ? '' : 'primary'}`} disabled={busy} aria-keyshortcuts="Alt+Enter">
          <Icon name="check" />
          {t('Done')}
        </button>
        <button type="button" class="button big" disabled={busy} aria-keyshortcuts="Alt+Shift+Enter" onClick={() => done(work, true)}>
          {t('Done and Stop')}
        </button>
        {overtime && <p class="quiet small">{t('Wrap-up time is over')}</p>}
        {deadline ? ( // here, where it moves nothing that is about to be clicked
          <Countdown work={work} to={deadline} />
        ) : (
          <p class="quiet small keys">
            {over ? (
              <>
                <kbd>Alt</kbd> <kbd>Enter</kbd> {t('is Done')}
              </>
            ) : (
              t('Done is possible once the call has ended.')
            )}
          </p>
        )}
      </div>
    </form>
  );
}

/** The server owns the deadline; this only draws what is left of it. */
function Countdown({ work, to }: { work: InteractionState; to: string }) {
  const seconds = left(to);
  const whole = Math.max(1, (Date.parse(to) - Date.parse(work.since)) / 1000);
  const more = (view.value.details?.wrap_up_extensions ?? 0) - (work.draft.extensions ?? 0);
  const short = seconds <= 10;
  return (
    <div class={`countdown ${short ? 'short' : ''}`}>
      <p role="timer" aria-live="off">
        <Icon name="clock" />
        {seconds > 0 ? t('Wrap-up: {seconds} s left', { seconds }) : t('Wrap-up time is over')}
      </p>
      <progress max={whole} value={Math.min(seconds, whole)} aria-label={t('Wrap-up time left')} />
      {more > 0 && (
        <button
          type="button"
          class="button more-time"
          disabled={!isLive.value || waits('more_time')}
          onClick={() => ask({ type: 'more_time', interaction: work.id })}
        >
          {t('+30 s')}
          <span class="sr-only"> {t('of wrap-up')}</span>
        </button>
      )}
    </div>
  );
}
