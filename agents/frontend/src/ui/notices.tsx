/** What the page must say besides: refusals, a lost connection, and changes for those who listen instead of looking. */

import { signal } from '@preact/signals';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { said, t } from '../i18n';
import { doing, happen, session, view, work } from '../state/store';
import type { Notice } from '../state/reduce';
import { Icon } from './icons';
import { doingWords, phaseWords, reasonWords } from './words';

/** milliseconds a sentence stays; what it refused can be read on the screen itself */
const STAYS = 15_000;

/** the windows over the page, the newest last: what is beside that one can be neither clicked nor heard, so it is said there */
const windows = signal<readonly object[]>([]);

/** For whatever lies over the whole page while it is open; names it for its own `Notices`. */
export function useOverThePage(isOpen: boolean): object {
  const me = useRef({}).current;
  useLayoutEffect(() => {
    if (!isOpen) return;
    windows.value = [...windows.value, me];
    return () => {
      windows.value = windows.value.filter((one) => one !== me);
    };
  }, [isOpen]);
  return me;
}

/** Whether no other window lies over this one; null: over the page. */
export function isOnTop(me: object | null): boolean {
  return (windows.value.at(-1) ?? null) === me;
}

export function Notices({ within = null }: { within?: object | null }) {
  const isHere = isOnTop(within);
  return (
    <div class="notices" role="alert">
      {isHere && within !== null && isLost() && (
        <div class="toast">
          <Icon name="cut" />
          <p>{lostWords()}</p>
        </div>
      )}
      {isHere && view.value.notices.map((notice) => <Toast notice={notice} key={notice.id} />)}
    </div>
  );
}

/** each is seen for so long altogether, whichever window says it */
const saidSince = new WeakMap<Notice, number>();

function Toast({ notice }: { notice: Notice }) {
  const dismiss = () => happen({ what: 'dismissed', id: notice.id });
  useEffect(() => {
    const since = saidSince.get(notice) ?? Date.now();
    saidSince.set(notice, since);
    const timer = setTimeout(dismiss, since + STAYS - Date.now());
    return () => clearTimeout(timer);
  }, []);
  return (
    <div class="toast">
      <p>{said(notice.sentence)}</p>
      <button type="button" class="icon-button" aria-label={t('Dismiss: {sentence}', { sentence: said(notice.sentence) })} onClick={dismiss}>
        <Icon name="close" />
      </button>
    </div>
  );
}

function isLost(): boolean {
  return view.value.link === 'lost' && view.value.state !== null && view.value.over === null;
}

function lostWords(): string {
  return doing.value === 'on_call'
    ? t('Connection lost. Your call is still up, and what you type is kept here. Reconnecting…')
    : t('Connection lost. What you type is kept here. Reconnecting…');
}

export function LostBanner() {
  return (
    <div role="alert">
      {isLost() && (
        <p class="banner">
          <Icon name="cut" />
          {lostWords()}
        </p>
      )}
    </div>
  );
}

/** Said once per change, never every second. */
export function Spoken() {
  const current = work.value;
  const now = session.value;
  const said = current
    ? `${phaseWords(current)}: ${[current.card.campaign, current.card.name].filter(Boolean).join(', ')}`
    : doing.value
      ? [doingWords(doing.value), reasonWords(now?.reason ?? null)].filter(Boolean).join(', ')
      : '';
  return (
    <p class="sr-only" role="status">
      {said}
    </p>
  );
}
