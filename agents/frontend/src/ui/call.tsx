/** The call: its number, how it stands, how long it has lasted, and what can be done with it. No control moves or changes its place. */

import { signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { giveBack } from '../focus';
import { t } from '../i18n';
import { ask, isLive, view, waits } from '../state/store';
import type { InteractionState } from '../protocol.gen';
import { Icon, type IconName } from './icons';
import { Menu } from './menu';
import { Since } from './time';
import { Others, Transfer, openTransfer, transferIsOpen } from './transfer';
import { originWords, phaseWords } from './words';

export function hangUp(work: InteractionState): void {
  if (mayHangUp(work) && isLive.value) ask({ type: 'hang_up', interaction: work.id });
}

export function hold(work: InteractionState): void {
  if (onTheLine(work) && !isAside(work) && !waits('hold')) ask({ type: 'hold', interaction: work.id, on: !work.held });
}

export function mute(work: InteractionState): void {
  if (speaks(work) && !waits('mute')) ask({ type: 'mute', interaction: work.id, on: !work.muted });
}

/** Begins, pauses or resumes the recording, whichever there is to do. */
export function record(work: InteractionState): void {
  if (!onTheLine(work) || !work.recording || waits('record_call')) return;
  const next = { offered: 'start', on: 'pause', paused: 'resume' } as const;
  ask({ type: 'record_call', interaction: work.id, do: next[work.recording] });
}

export function openKeypad(work: InteractionState): void {
  if (keypadIsOpen.value) shutKeypad();
  else if (onTheLine(work)) keypadIsOpen.value = true;
}

function shutKeypad(): void {
  giveBack('.keypad', 'Alt+K');
  keypadIsOpen.value = false;
}

const keypadIsOpen = signal(false);

/** Whoever was asked into another's conversation only speaks there: what is done with the customer is not theirs to do. */
function isTheirs(work: InteractionState): boolean {
  return work.phase === 'connected' && work.progress !== 'asked';
}

function onTheLine(work: InteractionState): boolean {
  return isTheirs(work) && isLive.value;
}

function speaks(work: InteractionState): boolean {
  return work.phase === 'connected' && isLive.value;
}

/** While the agent is alone with somebody else, the customer hears music, or would hear nobody. */
function isAside(work: InteractionState): boolean {
  return work.others.some((other) => other.state === 'consulted');
}

function mayHangUp(work: InteractionState): boolean {
  return ['dialing', 'connecting', 'connected'].includes(work.phase);
}

export function CallLine({ work }: { work: InteractionState }) {
  const over = work.phase === 'wrap_up';
  const talking = onTheLine(work);
  const goesOn = isTheirs(work);
  useEffect(() => {
    // a line to the server that is lost for a moment ends no conversation, and takes nothing away that was typed
    if (!goesOn) keypadIsOpen.value = transferIsOpen.value = false;
  }, [goesOn]);
  return (
    <section class="call" aria-label={t('Call')}>
      <div class="call-state">
        <span class={`signal ${over ? '' : 'alive'}`} aria-hidden="true" />
        <div>
          <p class="call-words">
            {phaseWords(work)}
            {work.held && <span class="tag">{t('on hold')}</span>}
            {work.muted && <span class="tag">{t('muted')}</span>}
            {work.recording === 'on' && <span class="tag recording">{t('recording')}</span>}
            {work.watched && <span class="tag">{t('a supervisor listens')}</span>}
            {work.recording === 'paused' && <span class="tag">{t('recording paused')}</span>}
          </p>
          <p class="quiet small">{originWords(work)}</p>
        </div>
        <Since at={work.since} class="call-time" />
      </div>
      <div class="controls" role="group" aria-label={t('Call controls')}>
        <Control
          icon={work.held ? 'play' : 'pause'}
          words={work.held ? t('Resume') : t('Hold')}
          keys="Alt+O"
          disabled={!talking || isAside(work) || waits('hold')}
          act={() => hold(work)}
        />
        <Control
          icon={work.muted ? 'microphone' : 'muted'}
          words={work.muted ? t('Unmute') : t('Mute')}
          keys="Alt+M"
          disabled={!speaks(work) || waits('mute')}
          act={() => mute(work)}
        />
        <Control
          icon="keypad"
          words={t('Keypad')}
          keys="Alt+K"
          disabled={!talking}
          expanded={keypadIsOpen.value}
          act={() => openKeypad(work)}
        />
        {work.recording && (
          <Control
            icon={work.recording === 'on' ? 'pause' : 'record'}
            words={{ offered: t('Record'), on: t('Pause recording'), paused: t('Resume recording') }[work.recording]}
            keys="Alt+P"
            disabled={!talking || waits('record_call')}
            act={() => record(work)}
          />
        )}
        {view.value.details?.transfers && (
          <Control
            icon="transfer"
            words={t('Transfer')}
            keys="Alt+T"
            disabled={!talking}
            expanded={transferIsOpen.value}
            act={() => openTransfer(work)}
          />
        )}
        {!!view.value.details?.messages.length && (
          <Menu
            label={t('Play message')}
            disabled={!talking || waits('play_message')}
            items={view.value.details.messages.flatMap((one) => [
              {
                key: `${one.id} all`,
                label: one.name,
                hint: t('to everybody'),
                act: () => ask({ type: 'play_message', interaction: work.id, message: one.id, to: 'all' }),
              },
              {
                key: `${one.id} customer`,
                label: one.name,
                hint: t('to the customer alone'),
                act: () => ask({ type: 'play_message', interaction: work.id, message: one.id, to: 'customer' }),
              },
            ])}
          />
        )}
        {view.value.details?.voicemail && (
          <Control
            icon="voicemail"
            words={t('Leave message')}
            hint={t('The recorded message plays on, and you are free at once.')}
            disabled={!talking || waits('leave_message')}
            act={() => ask({ type: 'leave_message', interaction: work.id })}
          />
        )}
        <button
          type="button"
          class="button danger hang-up"
          disabled={!mayHangUp(work) || !isLive.value || waits('hang_up')}
          aria-keyshortcuts="Alt+H"
          onClick={() => hangUp(work)}
        >
          <Icon name="hangup" />
          {t('Hang up')}
        </button>
      </div>
      <Others work={work} />
      {keypadIsOpen.value && <Keypad work={work} />}
      {transferIsOpen.value && <Transfer work={work} />}
    </section>
  );
}

interface ControlProps {
  readonly icon: IconName;
  readonly words: string;
  readonly keys?: string;
  readonly hint?: string;
  readonly disabled: boolean;
  readonly expanded?: boolean;
  readonly act: () => void;
}

function Control({ icon, words, keys, hint, disabled, expanded, act }: ControlProps) {
  return (
    <button
      type="button"
      class="button control"
      disabled={disabled}
      title={hint}
      aria-keyshortcuts={keys}
      aria-expanded={expanded}
      onClick={act}
    >
      <Icon name={icon} />
      {words}
    </button>
  );
}

const KEYS = ['1', '2', '3', '4', '5', '6', '7', '8', '9', '*', '0', '#'];
const sent = signal('');

/** Clicked or typed: each key goes out at once, as on a phone. */
function Keypad({ work }: { work: InteractionState }) {
  const first = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    sent.value = '';
    first.current?.focus();
  }, [work.id]);
  const press = (digit: string) => {
    if (!isLive.value) return; // later it would mean something else
    sent.value = (sent.value + digit).slice(-16);
    ask({ type: 'send_digits', interaction: work.id, digits: digit });
  };
  return (
    <div
      class="keypad"
      role="group"
      aria-label={t('Keypad')}
      onKeyDown={(event) => {
        if (event.altKey || event.ctrlKey || event.metaKey) return;
        if (event.key === 'Escape') shutKeypad();
        else if (KEYS.includes(event.key)) press(event.key);
        else return;
        event.preventDefault();
      }}
    >
      <output class="keypad-sent" aria-label={t('Keys sent')}>
        {sent.value || '\u00a0'}
      </output>
      {KEYS.map((digit, at) => (
        <button type="button" class="button" key={digit} ref={at === 0 ? first : null} aria-disabled={!isLive.value} onClick={() => press(digit)}>
          {digit}
        </button>
      ))}
    </div>
  );
}
