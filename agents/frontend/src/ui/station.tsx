/** Where am I sitting today: chosen once, remembered for tomorrow. */

import { useEffect, useRef, useState } from 'preact/hooks';
import { said, t } from '../i18n';
import { allowSound } from '../sound';
import { ask, isLive, view, waits, type Boot } from '../state/store';
import { Icon } from './icons';

export function StationChoice({ boot }: { boot: Boot }) {
  const menu = view.value.menu;
  const [picked, setPicked] = useState<number | null>(null);
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);

  const free = menu?.stations.filter((one) => !one.taken) ?? [];
  const remembered = free.find((one) => one.id === menu?.station)?.id ?? free[0]?.id ?? null;
  const chosen = picked ?? remembered;

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
          if (chosen !== null) ask({ type: 'sign_in', station: chosen });
        }}
      >
        <fieldset class="stations">
          <legend class="sr-only">{t('Station')}</legend>
          {menu?.stations.map((one) => (
            <label class="option" key={one.id}>
              <input
                type="radio"
                name="station"
                value={one.id}
                checked={one.id === chosen}
                disabled={one.taken}
                onChange={() => setPicked(one.id)}
              />
              <Icon name="phone" />
              <span class="option-words">
                <strong>{one.name}</strong>
                <span class="quiet small">
                  {said(one.kind)} · {one.leg_mode === 'nailed_up' ? t('stays connected for the whole shift') : t('is called for each call')}
                  {one.taken && ` · ${t('somebody sits there')}`}
                </span>
              </span>
            </label>
          ))}
        </fieldset>
        {menu && menu.stations.length === 0 && <p class="notice">{t('There is no station yet. Ask your supervisor for one.')}</p>}
        <button class="button primary wide" disabled={chosen === null || !isLive.value || waits('sign_in')}>
          {t('Start my shift')}
        </button>
      </form>
    </section>
  );
}
