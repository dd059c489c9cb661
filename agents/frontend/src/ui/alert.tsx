/** The call alert: campaign, name and number, and one thing to press. */

import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { notify } from '../attention';
import { t } from '../i18n';
import { answerRinging, isThisPage } from '../phone/phone';
import { ring } from '../sound';
import { ask, isLive, station, view, waits } from '../state/store';
import type { InteractionState } from '../protocol.gen';
import { Icon } from './icons';
import { isOnTop, Notices, useOverThePage } from './notices';
import { shown } from './record';
import { left } from './time';
import { initials, isCalled, originWords, pastWords, phaseWords } from './words';

/** milliseconds in which Escape was meant for what was there before */
const NOT_MEANT = 600;

/** What is known of it, before it is accepted. */
function Offered({ work }: { work: InteractionState }) {
  const details = view.value.details;
  if (!details) return <span class="ghost-line" aria-hidden="true" />;
  const number = details.contact?.numbers.find((one) => one.dialed);
  const last = details.history.attempts[0];
  const [, clock] = /(\d\d:\d\d)/.exec(number?.local_time ?? '') ?? [];
  const lines: [string, string][] = [
    [t('Company'), details.contact?.company ?? ''],
    [t('Local time'), clock ?? ''],
    [t('Attempts so far'), String(details.case?.attempts ?? 0)],
    [t('Last result'), last ? last.disposition || pastWords(last.outcome) : ''],
    ...details.fields.slice(0, 6).map((field): [string, string] => [field.label, shown(field)]),
  ];
  return (
    <>
      <dl class="offered">
        {lines
          .filter(([, value]) => value)
          .map(([label, value]) => (
            <div key={label}>
              <dt>{label}</dt>
              <dd>{value}</dd>
            </div>
          ))}
      </dl>
      <p class="quiet small">{details.accept_dials ? t('Accept dials at once.') : t('Accept shows the record; nothing is dialed yet.')}</p>
      <span hidden data-interaction={work.id} />
    </>
  );
}

export function Alert({ work }: { work: InteractionState }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const me = useOverThePage(true);
  const name = work.card.name || t('Unknown caller');
  const offered = work.phase === 'offered';
  // a phone that stays connected does not ring: accepting here is answering
  const ringsInThePage = !offered && isThisPage.value && station.value?.leg_mode === 'per_call';
  const answersHere = offered || ringsInThePage || station.value?.leg_mode !== 'per_call';
  const busy = !isLive.value || waits('accept', 'reject');
  const [saysWhy, setSaysWhy] = useState(false);
  const asksWhy = offered && (view.value.details?.reject_reason ?? false);
  const since = useRef(Date.now());
  const reject = () => {
    // why may be written while the line to the server is away; it waits for that to be sent
    if (asksWhy) setSaysWhy(true);
    else if (!busy) ask({ type: 'reject', interaction: work.id });
  };
  const seconds = work.deadline ? left(work.deadline) : null;
  const isThere = work.progress === 'answered' || work.progress === 'machine';

  useLayoutEffect(() => {
    // of the whole page: while a button is switched off the focus may be nowhere, and the browser would close this by itself
    const pressed = (event: KeyboardEvent) => {
      if (event.key !== 'Escape' || !isOnTop(me)) return; // it closes the window that was opened over this one
      event.preventDefault();
      if (saysWhy) setSaysWhy(false);
      else if (answersHere && !event.repeat && Date.now() - since.current > NOT_MEANT) reject();
    };
    addEventListener('keydown', pressed, { capture: true });
    return () => removeEventListener('keydown', pressed, { capture: true });
  });
  useEffect(() => {
    dialog.current?.showModal();
    ring(true);
    const takeBack = notify(name, [phaseWords(work), work.card.campaign].filter(Boolean).join(' · '));
    return () => {
      ring(false);
      takeBack();
    };
  }, []);

  return (
    <dialog
      class="alert"
      ref={dialog}
      aria-labelledby="alert-name"
      aria-describedby="alert-what"
      onCancel={(event) => event.preventDefault()}
    >
      <p class="alert-campaign" id="alert-what">
        <span class="sr-only">{phaseWords(work)}: </span>
        {work.card.campaign}
      </p>
      <div class="alert-face" aria-hidden="true">
        <span class="alert-wave" />
        <span class="alert-wave" />
        <span class="avatar big-avatar">{initials(work.card.name ?? '')}</span>
      </div>
      <h1 id="alert-name">{name}</h1>
      <p class="alert-number">
        <bdi>{work.card.number}</bdi>
      </p>
      <p class="quiet small">{originWords(work)}</p>
      {isCalled(work) && (
        <p class={`alert-call ${isThere ? 'there' : ''}`} role="status">
          {phaseWords(work)}
        </p>
      )}
      {offered && <Offered work={work} />}
      {answersHere ? (
        <div class="alert-buttons">
          <button
            type="button"
            class="button go big"
            autofocus
            disabled={busy}
            onClick={() => (ringsInThePage ? answerRinging(work.leg) : ask({ type: 'accept', interaction: work.id }))}
          >
            <Icon name="phone" />
            {t('Accept')}
          </button>
          <button
            type="button"
            class="button big"
            disabled={busy && !asksWhy}
            aria-expanded={asksWhy ? saysWhy : undefined}
            aria-keyshortcuts="Escape"
            onClick={reject}
          >
            <Icon name="close" />
            {t('Reject')}
          </button>
        </div>
      ) : (
        <p class="notice" tabIndex={-1}>
          <Icon name="phone" /> {t('Answer your phone to take it.')}
        </p>
      )}
      {saysWhy && <Why work={work} busy={busy} />}
      {seconds !== null && (
        <p class="quiet small" role="timer" aria-live="off">
          {t('{seconds} s left', { seconds })}
        </p>
      )}
      <p class="sr-only" role="status">
        {(seconds === 20 || seconds === 10 || seconds === 5) && t('{seconds} s left', { seconds })}
      </p>
      <Notices within={me} />
    </dialog>
  );
}

/** Why not: asked where the campaign wants to know. */
function Why({ work, busy }: { work: InteractionState; busy: boolean }) {
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => input.current?.focus(), []);
  return (
    <form
      class="why"
      onSubmit={(event) => {
        event.preventDefault();
        ask({ type: 'reject', interaction: work.id, reason: input.current!.value });
      }}
    >
      <div class="field">
        <label for="why">{t('Why do you reject it?')}</label>
        <input id="why" ref={input} required maxLength={200} autocomplete="off" />
      </div>
      <button class="button" disabled={busy}>
        {t('Reject with this reason')}
      </button>
    </form>
  );
}
