/** Which screen it is: exactly one, decided by what the server says. */

import { useEffect, useRef } from 'preact/hooks';
import { neverLoseFocus } from '../focus';
import { t } from '../i18n';
import { listen } from '../keys';
import { allowSound } from '../sound';
import { isOpen } from '../state/callback';
import { choose } from '../state/draft';
import { doing, session, takeBack, view, work, type Boot } from '../state/store';
import { Alert } from './alert';
import { Bar, changeReadiness } from './bar';
import { PhoneBanner } from './browser_phone';
import { hangUp, hold, mute, openKeypad, record } from './call';
import { CampaignsOverTheDesk, getRecord } from './campaigns';
import { Desk, done } from './desk';
import { shownDispositions } from './dispositions';
import { Idle } from './idle';
import { LostBanner, Notices, Spoken } from './notices';
import { call } from './preview';
import { StationChoice } from './station';
import { Shortcuts, shortcutsAreOpen } from './shortcuts';
import { doingWords } from './words';
import { openTransfer } from './transfer';

const RINGING = ['offered', 'ringing_agent'];

export function App({ boot }: { boot: Boot }) {
  useEffect(
    () =>
      listen({
        readiness: changeReadiness,
        call: () => work.value && call(work.value),
        getRecord,
        notices: () => document.querySelector<HTMLElement>('#campaign-notices button')?.focus(),
        hangUp: () => work.value && hangUp(work.value),
        hold: () => work.value && hold(work.value),
        mute: () => work.value && mute(work.value),
        keypad: () => work.value && openKeypad(work.value),
        transfer: () => work.value && openTransfer(work.value),
        record: () => work.value && record(work.value),
        callback: () => {
          if (work.value && !RINGING.includes(work.value.phase)) isOpen.value = !isOpen.value;
        },
        done: (stop) => work.value && done(work.value, stop),
        focusNote: () => document.querySelector<HTMLElement>('#note')?.focus(),
        focusDisposition: () =>
          document.querySelector<HTMLElement>('#dispositions input[type=search], #dispositions input:checked, #dispositions input')?.focus(),
        shortcuts: () => (shortcutsAreOpen.value = !shortcutsAreOpen.value),
        number: (digit) => {
          const picked = shownDispositions.value[digit - 1];
          if (work.value && !RINGING.includes(work.value.phase) && picked) choose(picked.id);
        },
      }),
    [],
  );
  useEffect(neverLoseFocus, []);
  useEffect(() => {
    // the first touch of the page after a reload lets it ring again
    const touched = () => allowSound();
    addEventListener('pointerdown', touched, { once: true });
    addEventListener('keydown', touched, { once: true });
  }, []);

  const over = view.value.over;
  const current = work.value;
  const title = current && doing.value ? `${current.card.name || t('Call')} – ${doingWords(doing.value)}` : doing.value ? doingWords(doing.value) : '';
  useEffect(() => {
    document.title = [title, 'Ringmaster'].filter(Boolean).join(' · ');
    document.documentElement.dataset['doing'] = over ? 'signed_out' : (doing.value ?? 'signed_out');
  }, [title, over]);

  if (over) return <Over boot={boot} />;
  return (
    <>
      <Bar boot={boot} />
      <LostBanner />
      <PhoneBanner />
      <main class="stage">
        <Stage boot={boot} />
      </main>
      {session.value?.signed_in && <CampaignsOverTheDesk />}
      <Spoken />
      <Shortcuts />
      <Notices />
    </>
  );
}

function Stage({ boot }: { boot: Boot }) {
  const current = work.value;
  if (!view.value.state) {
    return (
      <section class="idle" aria-busy="true">
        <h1 class="quiet" tabIndex={-1}>
          {view.value.link === 'lost' ? t('The server cannot be reached. Trying again…') : t('Connecting…')}
        </h1>
      </section>
    );
  }
  if (current && RINGING.includes(current.phase)) {
    return (
      <>
        <section class="idle" aria-hidden="true" />
        <Alert work={current} key={current.id} />
      </>
    );
  }
  if (current) return <Desk work={current} />;
  if (!session.value?.signed_in) return <StationChoice boot={boot} />;
  return <Idle />;
}

function Over({ boot }: { boot: Boot }) {
  const said = words(view.value.over!);
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), [view.value.over]);
  return (
    <main class="card-page">
      <section class="card narrow" role="alert">
        <h1 ref={heading} tabIndex={-1}>
          {said.title}
        </h1>
        <p class="quiet">{said.words}</p>
        {view.value.over === 'replaced' && (
          <button type="button" class="button primary wide" onClick={takeBack}>
            {t('Use it here')}
          </button>
        )}
        {view.value.over === 'outdated' && (
          <button type="button" class="button primary wide" onClick={() => location.reload()}>
            {t('Reload')}
          </button>
        )}
        {view.value.over === 'signed_out' && (
          <a class="button primary wide" href={`${boot.sign_in}?next=${encodeURIComponent(location.pathname)}`}>
            {t('Sign in')}
          </a>
        )}
      </section>
    </main>
  );
}

function words(over: NonNullable<typeof view.value.over>): { title: string; words: string } {
  switch (over) {
    case 'replaced':
      return {
        title: t('The console moved to another window'),
        words: t('You opened it again elsewhere. A call goes on there; nothing is lost.'),
      };
    case 'signed_out':
      return { title: t('You are signed out'), words: t('Sign in again to go on working.') };
    case 'no_agent':
      return { title: t('This account has no desk'), words: t('Ask an administrator to make you an agent.') };
    case 'outdated':
      return { title: t('Ringmaster was updated'), words: t('Reload the page to go on with the new version.') };
  }
}
