/** The status bar: what I am doing and since when, how I change it, and whether line and phone are well. */

import { signal } from '@preact/signals';
import { language, t } from '../i18n';
import { isThisPage, quality, standing } from '../phone/phone';
import { silenced, trouble } from '../phone/sound';
import { choose } from '../state/language';
import { ask, doing, isLive, reasons, serverNow, session, station, view, waits, work, type Boot } from '../state/store';
import { qualityWords, soundsBad } from './browser_phone';
import { listIsOpen } from './campaigns';
import { Icon } from './icons';
import { Menu } from './menu';
import { shortcutsAreOpen } from './shortcuts';
import { Since } from './time';
import { doingWords, initials, phoneWords, reasonWords } from './words';

/** set to open the list of reasons from the keyboard */
export const askReason = signal(false);

export function changeReadiness(): void {
  const now = session.value;
  if (!now?.signed_in || !isLive.value) return;
  const ready = now.voice_ready || now.preview_ready;
  if (now.pending_reason || !ready) ask({ type: 'go_ready' });
  else askReason.value = true;
}

export function Bar({ boot }: { boot: Boot }) {
  const now = session.value;
  return (
    <header class="bar">
      <div class="bar-inner">
        <img class="mark" src={markUrl()} alt="Ringmaster" width="28" height="28" />
        {now && doing.value && (
          <div class="standing">
            <span class={`pill ${limit() ? 'late' : ''}`}>
              <span class="dot" aria-hidden="true" />
              <span class="pill-words">
                {doingWords(doing.value)}
                {doing.value === 'not_ready' && reasonWords(now.reason) && <span class="pill-reason"> · {reasonWords(now.reason)}</span>}
              </span>
              <Since at={now.since} />
              <Limit />
            </span>
            {now.signed_in && <Readiness />}
            {now.signed_in && <Channels />}
          </div>
        )}
        <div class="chips">
          {now?.signed_in && work.value && (
            <button
              type="button"
              class="icon-button"
              aria-haspopup="dialog"
              aria-label={t('My Campaigns')}
              title={t('My Campaigns')}
              onClick={() => (listIsOpen.value = true)}
            >
              <Icon name="list" />
            </button>
          )}
          {now?.signed_in && <PhoneChip />}
          <LinkChip />
          <Leave boot={boot} />
        </div>
      </div>
    </header>
  );
}

/** From four fifths of what a Not Ready reason may last: how long is left, or how long it is over. */
export function limit(): string {
  const now = session.value;
  const minutes = reasons.value.find((reason) => reason.code === now?.reason)?.max_minutes;
  if (doing.value !== 'not_ready' || !minutes || !now?.since) return '';
  const lasted = (serverNow.value - Date.parse(now.since)) / 60_000;
  if (lasted >= minutes) return t('over by {minutes} min', { minutes: Math.floor(lasted - minutes) });
  return lasted >= minutes * 0.8 ? t('{minutes} min left', { minutes: Math.ceil(minutes - lasted) }) : '';
}

function Limit() {
  const words = limit();
  return words ? <span class="pill-limit">{words}</span> : null;
}

function Readiness() {
  const now = session.value!;
  const busy = waits('go_ready', 'take_break') || !isLive.value;
  const breaks = reasons.value
    .filter((reason) => reason.choosable)
    .map((reason) => ({
      key: reason.code,
      label: reason.label,
      ...(reason.max_minutes ? { hint: t('{minutes} min', { minutes: reason.max_minutes }) } : {}),
      act: () => ask({ type: 'take_break', reason: reason.code }),
    }));
  const ready = now.voice_ready || now.preview_ready;
  return (
    <>
      {now.pending_reason && (
        <span class="pending">
          {t('Not Ready – {reason} after this call', { reason: reasonWords(now.pending_reason) || t('a break') })}
          <button
            type="button"
            class="icon-button"
            aria-label={t('Stay Ready after this call')}
            disabled={busy}
            onClick={() => ask({ type: 'go_ready' })}
          >
            <Icon name="close" />
          </button>
        </span>
      )}
      {!ready && work.value && (
        <button type="button" class="button" disabled={busy} aria-keyshortcuts="Alt+R" onClick={() => ask({ type: 'go_ready' })}>
          <Icon name="play" />
          {t('Go Ready')}
        </button>
      )}
      {!now.pending_reason && (
        <Menu
          label={ready ? (work.value ? t('Break after this') : t('Take a break')) : t('Reason')}
          name={t('Not Ready reason')}
          items={breaks}
          disabled={busy || breaks.length === 0}
          open={askReason}
        />
      )}
    </>
  );
}

/** My Channels: each Ready or not by itself; the pill is both together. */
function Channels() {
  const now = session.value!;
  const busy = waits('set_channel', 'go_ready', 'take_break') || !isLive.value;
  return (
    <div class="channels" role="group" aria-label={t('My Channels')}>
      {(
        [
          ['voice', t('Voice'), now.voice_ready],
          ['preview', t('Outbound preview'), now.preview_ready],
        ] as const
      ).map(([channel, label, ready]) => (
        <button
          type="button"
          class="channel"
          key={channel}
          aria-pressed={ready}
          disabled={busy}
          title={ready ? t('{channel}: Ready', { channel: label }) : t('{channel}: Not Ready', { channel: label })}
          onClick={() => ask({ type: 'set_channel', channel, ready: !ready })}
        >
          <span class="channel-dot" aria-hidden="true" />
          {label}
        </button>
      ))}
    </div>
  );
}

function PhoneChip() {
  const now = session.value!;
  const nailedUp = station.value?.leg_mode === 'nailed_up';
  const page = isThisPage.value;
  const here = !page || (standing.value === 'registered' && trouble.value === null && !silenced.value);
  const well = here && (now.phone === 'up' || (now.phone === 'none' && !nailedUp));
  const words = page && !here ? pageWords() : phoneWords(now.phone, nailedUp, station.value?.kind ?? 'sip');
  const sounds = page && well && quality.value ? qualityWords(quality.value) : '';
  return (
    <span
      class={`chip ${well ? (soundsBad() ? 'soon' : 'well') : now.phone === 'ringing' ? 'soon' : 'ill'}`}
      title={page && quality.value ? qualityWords(quality.value, true) : undefined}
    >
      <Icon name={page && (trouble.value || silenced.value) ? 'muted' : 'phone'} />
      <span class="chip-words">
        {words}
        {sounds && ` · ${sounds}`}
      </span>
    </span>
  );
}

function pageWords(): string {
  if (trouble.value) return t('No microphone');
  if (silenced.value) return t('Microphone is off');
  return standing.value === 'connecting' ? t('Connecting your phone') : t('Phone lost');
}

function LinkChip() {
  const live = view.value.link === 'live';
  return (
    <span class={`chip ${live ? 'well' : 'ill'}`}>
      <Icon name={live ? 'link' : 'cut'} />
      <span class="chip-words">{live ? t('Live') : view.value.link === 'connecting' ? t('Connecting') : t('Reconnecting')}</span>
    </span>
  );
}

function Leave({ boot }: { boot: Boot }) {
  const atStation = session.value?.signed_in ?? false;
  const items = [
    { key: 'shortcuts', label: t('Keyboard shortcuts'), hint: '?', act: () => (shortcutsAreOpen.value = true) },
    ...boot.languages
      .filter(({ code }) => code !== language())
      .map(({ code, name }) => ({ key: `language-${code}`, label: name, lang: code, act: () => void choose(boot, code) })),
    ...(atStation ? [{ key: 'shift', label: t('End my shift'), act: () => ask({ type: 'sign_out' }) }] : []),
    ...(boot.admin ? [{ key: 'admin', label: t('Administration'), act: () => location.assign(boot.admin!) }] : []),
    ...(atStation
      ? []
      : [{ key: 'leave', label: t('Sign out'), act: () => document.querySelector<HTMLFormElement>('#leave')?.submit() }]),
  ];
  return (
    <Menu
      class="ghost"
      name={t('Account of {agent}', { agent: boot.agent })}
      items={items}
      label={
        <>
          <span class="avatar small-avatar" aria-hidden="true">
            {initials(boot.agent)}
          </span>
          <span class="agent-name">{boot.agent}</span>
        </>
      }
    />
  );
}

/** The page's own icon: it knows where the static files are. */
function markUrl(): string {
  return document.querySelector<HTMLLinkElement>('link[rel=icon]')?.href ?? '';
}
