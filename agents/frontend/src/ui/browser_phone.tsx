/** The page as a phone: is it heard, does it hear, is it connected; and what to do where not. */

import { useEffect, useState } from 'preact/hooks';
import { t } from '../i18n';
import { connect, disconnect, echo, isThisPage, quality, standing, startEcho, stopEcho, waitsForClick } from '../phone/phone';
import { isBad, type Quality } from '../phone/quality';
import {
  choose,
  closeMicrophone,
  input,
  inputs,
  measure,
  microphone,
  openMicrophone,
  output,
  outputs,
  playTestSound,
  silenced,
  trouble,
  type MicrophoneTrouble,
} from '../phone/sound';
import { session, view } from '../state/store';
import { Icon } from './icons';

/** Before the shift: what must be well, looked at once, and the devices chosen. */
export function PhoneCheck() {
  const [checking, setChecking] = useState(false);
  const [busy, setBusy] = useState(false);
  useEffect(
    () => () => {
      if (!session.value?.signed_in) disconnect(); // another phone was chosen
    },
    [],
  );
  const check = async () => {
    setChecking(true);
    setBusy(true);
    await connect();
    setBusy(false);
  };
  return (
    <section class="phone-check" aria-labelledby="phone-check">
      <h2 id="phone-check">{t('Microphone and sound')}</h2>
      <p class="quiet small">
        {t('You speak and hear through this page. Your browser will ask whether Ringmaster may use the microphone: only then is it on, and only for calls of ours.')}
      </p>
      {!checking && (
        <button type="button" class="button" onClick={() => void check()}>
          <Icon name="microphone" />
          {t('Check microphone and connection')}
        </button>
      )}
      {checking && (
        <>
          <Checks busy={busy} again={() => void check()} />
          {microphone.value && <Devices />}
          {standing.value === 'registered' && <Echo />}
        </>
      )}
    </section>
  );
}

function Checks({ busy, again }: { busy: boolean; again: () => void }) {
  const live = view.value.link === 'live';
  const registered = standing.value === 'registered';
  const tries = busy || standing.value === 'connecting';
  const lines: [string, boolean | null, string][] = [
    [t('This page is secure'), isSecureContext, t('Open the console at its https address: browsers allow the microphone nowhere else.')],
    [t('Microphone'), trouble.value ? false : microphone.value ? !silenced.value : null, trouble.value ? troubleWords(trouble.value) : silencedWords()],
    [t('Connection to Ringmaster'), live, t('The server cannot be reached: look at your network.')],
    [
      t('Connection to the telephone system'),
      registered ? true : tries || !microphone.value ? null : false,
      t('The telephone system cannot be reached from here. Your network may block it, or its certificate may have run out: tell your supervisor.'),
    ],
  ];
  const ill = !tries && lines.some(([, well]) => well !== true);
  return (
    <>
      <ul class="checks" aria-live="polite">
        {lines.map(([label, well, help]) => (
          <li key={label} class={well === null ? 'soon' : well ? 'well' : 'ill'}>
            <Icon name={well === null ? 'clock' : well ? 'check' : 'close'} />
            <span>
              {label}
              <span class="sr-only">: {well === null ? t('not known yet') : well ? t('well') : t('not well')}</span>
              {well === false && <span class="small check-help">{help}</span>}
            </span>
          </li>
        ))}
      </ul>
      {ill && (
        <button type="button" class="button" onClick={again}>
          {t('Try again')}
        </button>
      )}
    </>
  );
}

function Devices() {
  const change = async (id: string) => {
    choose('input', id);
    closeMicrophone();
    await openMicrophone();
  };
  return (
    <div class="devices">
      <label>
        <span class="label">{t('Microphone')}</span>
        <select value={input.value} onChange={(event) => void change(event.currentTarget.value)}>
          <option value="">{t('As the system has it')}</option>
          {inputs.value.filter(named).map((one) => (
            <option value={one.deviceId} key={one.deviceId}>
              {one.label}
            </option>
          ))}
        </select>
      </label>
      <Level />
      <label>
        <span class="label">{t('Loudspeaker')}</span>
        <select value={output.value} onChange={(event) => choose('output', event.currentTarget.value)}>
          <option value="">{t('As the system has it')}</option>
          {outputs.value.filter(named).map((one) => (
            <option value={one.deviceId} key={one.deviceId}>
              {one.label}
            </option>
          ))}
        </select>
      </label>
      <button type="button" class="button" onClick={() => void playTestSound()}>
        <Icon name="play" />
        {t('Play test sound')}
      </button>
    </div>
  );
}

const named = (device: MediaDeviceInfo) => device.deviceId !== 'default' && device.deviceId !== '' && device.label !== '';

/** Moves while one speaks. */
function Level() {
  const [level, setLevel] = useState(0);
  const stream = microphone.value;
  useEffect(() => (stream ? measure(stream, setLevel) : undefined), [stream]);
  return (
    <p class="level">
      <span class="small quiet">{t('Say something: the bar moves when you are heard.')}</span>
      <meter min={0} max={1} value={level} aria-label={t('How loud you are')} />
    </p>
  );
}

/** To the telephone system and back. */
function Echo() {
  const now = echo.value;
  useEffect(() => () => stopEcho(), []);
  useEffect(() => {
    if (!now) return;
    const enough = setTimeout(stopEcho, 15_000);
    return () => clearTimeout(enough);
  }, [now === null]);
  const heard = now?.counted ? now.counted.bytesIn > 0 : null;
  return (
    <div class="echo">
      <div class="echo-buttons">
        <button type="button" class="button" onClick={startEcho}>
          <Icon name="phone" />
          {t('Hear yourself')}
        </button>
        {now && (
          <button type="button" class="button" onClick={stopEcho}>
            <Icon name="stop" />
            {t('Stop')}
          </button>
        )}
      </div>
      <p class="small quiet" role="status">
        {now === null
          ? t('Calls the telephone system, which says back what you say.')
          : heard === null
            ? t('Calling…')
            : heard
              ? t('The sound comes back: {quality}.', { quality: qualityWords(quality.value ?? now.counted!, true) })
              : t('Nothing comes back: your network lets no sound through. Tell your supervisor.')}
      </p>
    </div>
  );
}

/** Across the page, wherever one is: the page should be the phone, and is not. */
export function PhoneBanner() {
  const lost = isThisPage.value && session.value?.phone !== 'up' && session.value?.phone !== 'ringing';
  const [late, setLate] = useState(false);
  const wrong = lost || (isThisPage.value && standing.value !== 'registered');
  useEffect(() => {
    setLate(false);
    if (!wrong) return;
    const timer = setTimeout(() => setLate(true), 4000); // a reload is over by then
    return () => clearTimeout(timer);
  }, [wrong]);
  const words = !isThisPage.value
    ? null
    : waitsForClick.value
      ? t('This page is your phone, and needs the microphone again.')
      : trouble.value
        ? troubleWords(trouble.value)
        : silenced.value
          ? silencedWords()
          : late && standing.value !== 'registered'
            ? t('This page has lost the telephone system. You are given no calls until it is back; it is being tried again.')
            : null;
  const click = waitsForClick.value || (trouble.value !== null && trouble.value !== 'insecure');
  return (
    <div role="alert">
      {words && (
        <p class="banner">
          <Icon name="muted" />
          <span>{words}</span>
          {isThisPage.value && click && (
            <button type="button" class="button" onClick={() => void connect()}>
              {t('Use the microphone')}
            </button>
          )}
        </p>
      )}
    </div>
  );
}

export function troubleWords(what: MicrophoneTrouble): string {
  switch (what) {
    case 'insecure':
      return t('Open the console at its https address: browsers allow the microphone nowhere else.');
    case 'denied':
      return t('The browser was told not to give Ringmaster the microphone. Allow it at the symbol beside the address, then try again.');
    case 'none':
      return t('There is no microphone. Plug your headset in, then try again.');
    case 'busy':
      return t('The microphone cannot be used now: another program may have it. Close that program, then try again.');
  }
}

export function silencedWords(): string {
  return t('Your microphone is switched off, on the headset or in the system: nobody hears you.');
}

export function qualityWords(quality: Pick<Quality, 'rtt' | 'jitter'> & { readonly loss?: number }, whole = false): string {
  const parts = [
    quality.rtt === null ? '' : t('{ms} ms there and back', { ms: Math.round(quality.rtt) }),
    whole && quality.jitter !== null ? t('uneven by {ms} ms', { ms: Math.round(quality.jitter) }) : '',
    whole || (quality.loss ?? 0) > 0 ? t('{percent} % lost', { percent: quality.loss ?? 0 }) : '',
  ];
  return parts.filter(Boolean).join(', ');
}

export function soundsBad(): boolean {
  return quality.value !== null && isBad(quality.value);
}
