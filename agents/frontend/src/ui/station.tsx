/** Where am I sitting today: chosen once, remembered for tomorrow. */

import { useEffect, useRef, useState } from 'preact/hooks';
import { allowNotifications } from '../attention';
import { t } from '../i18n';
import { allowSound } from '../sound';
import { connect, standing } from '../phone/phone';
import { ask, isLive, view, waits, type Boot } from '../state/store';
import type { StationChoice as Choice } from '../protocol.gen';
import { PhoneCheck } from './browser_phone';
import { Icon } from './icons';

export function StationChoice({ boot }: { boot: Boot }) {
  const menu = view.value.menu;
  const [picked, setPicked] = useState<string | null>(null);
  const [starting, setStarting] = useState(false);
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);

  const free = menu?.stations.filter((one) => !one.taken) ?? [];
  const remembered = free.find((one) => one.id !== null && one.id === menu?.station) ?? free[0] ?? null;
  const chosen = free.find((one) => keyOf(one) === picked) ?? remembered;
  const start = async () => {
    if (!chosen) return;
    if (isPage(chosen) && standing.value !== 'registered') {
      setStarting(true);
      const connected = await connect();
      setStarting(false);
      if (!connected) return; // the check says what is missing
    }
    ask({ type: 'sign_in', station: chosen.id });
  };

  return (
    <section class="card narrow station-card">
      <h1 ref={heading} tabIndex={-1}>
        {t('Hello {name}', { name: boot.agent.split(' ')[0] ?? boot.agent })}
      </h1>
      <p class="quiet">{t('Choose the phone you sit at. You start Not Ready, and nothing rings before you say so.')}</p>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          allowSound();
          allowNotifications();
          void start();
        }}
      >
        <fieldset class="stations">
          <legend class="sr-only">{t('Station')}</legend>
          {menu?.stations.map((one) => (
            <label class="option" key={keyOf(one)}>
              <input
                type="radio"
                name="station"
                value={keyOf(one)}
                checked={one === chosen}
                disabled={one.taken}
                onChange={() => setPicked(keyOf(one))}
              />
              <Icon name={isPage(one) ? 'microphone' : 'phone'} />
              <span class="option-words">
                <strong>{isPage(one) ? t('This browser') : one.name}</strong>
                <span class="quiet small">
                  {kindWords(one)} · {one.leg_mode === 'nailed_up' ? t('stays connected for the whole shift') : t('is called for each call')}
                  {one.taken && ` · ${t('somebody sits there')}`}
                </span>
              </span>
            </label>
          ))}
        </fieldset>
        {chosen && isPage(chosen) && <PhoneCheck />}
        {menu && menu.stations.length === 0 && <p class="notice">{t('There is no station yet. Ask your supervisor for one.')}</p>}
        <button class="button primary wide" disabled={chosen === null || !isLive.value || starting || waits('sign_in')}>
          {starting ? t('Connecting your phone…') : t('Start my shift')}
        </button>
      </form>
    </section>
  );
}

/** this page's own phone has no number before it was used */
const keyOf = (one: Choice) => String(one.id ?? 'page');

const isPage = (one: Choice) => one.kind === 'webrtc' && one.own;

function kindWords(one: Choice): string {
  switch (one.kind) {
    case 'webrtc':
      return t('headset and microphone of this computer');
    case 'sip':
      return one.registered === true ? t('SIP phone, registered') : one.registered === false ? t('SIP phone, not registered') : t('SIP phone');
    case 'pstn':
      return t('ordinary number');
  }
}
