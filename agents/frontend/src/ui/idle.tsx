/** Between two calls: on a break, or waiting for work. */

import { useEffect, useRef } from 'preact/hooks';
import { t } from '../i18n';
import { ask, campaigns, doing, isLive, session, station, waits } from '../state/store';
import { CampaignNotices, MyCampaigns } from './campaigns';
import { Icon } from './icons';
import { MyShift } from './my_shift';
import { Since } from './time';
import { reasonWords } from './words';

export function Idle() {
  const now = session.value!;
  const ready = doing.value === 'ready';
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus({ preventScroll: true }), []);
  const reason = reasonWords(now.reason);

  return (
    <div class="between">
      <section class="card standing-now" aria-labelledby="standing">
        <div class={`aura ${ready ? 'alive' : ''}`} aria-hidden="true">
          <span class="aura-ring" />
          <span class="aura-ring" />
          <span class="aura-core">
            <Icon name={ready ? 'phone' : 'cup'} />
          </span>
        </div>
        <div class="standing-words">
          <h1 id="standing" ref={heading} tabIndex={-1}>
            {ready ? t('Waiting for the next call') : reason ? t('Not Ready – {reason}', { reason }) : t('Not Ready')}
          </h1>
          <p class="quiet">
            {whatComes()}
          </p>
        </div>
        <p class="standing-time">
          <Since at={now.since} />
        </p>
        <div class="standing-act">
          <p class="quiet small keys">
            <kbd>Alt</kbd> <kbd>R</kbd> {ready ? t('takes a break') : t('makes you Ready')}
          </p>
          {!ready && (
            <button
              type="button"
              class="button go big"
              disabled={!isLive.value || waits('go_ready')}
              aria-keyshortcuts="Alt+R"
              onClick={() => ask({ type: 'go_ready' })}
            >
              <Icon name="play" />
              {t('Go Ready')}
            </button>
          )}
        </div>
      </section>
      <CampaignNotices />
      <MyCampaigns />
      <MyShift />
    </div>
  );
}

/** What to expect, as things stand. */
export function whatComes(): string {
  if (doing.value !== 'ready') {
    // the records of a campaign that has Stop come whatever the channels say
    const isRunning = campaigns.value?.some((one) => one.action === 'stop' && one.status === 'Running');
    return isRunning ? t('Records of the campaigns you run still come, until you stop them.') : t('Nothing rings while you are not ready.');
  }
  if (station.value?.leg_mode === 'nailed_up' && session.value?.phone !== 'up') return t('Your phone is not connected yet. Calls come as soon as it is.');
  return t('The next call rings here, with the name of the campaign and of the person.');
}
