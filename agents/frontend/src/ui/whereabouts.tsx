/** Where the customer is taken to be, which decides when they may be called; and what they say themselves, which then alone counts. */

import { signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { t } from '../i18n';
import { ask, isLive, serverNow, waits } from '../state/store';
import type { ContactShown, InteractionState } from '../protocol.gen';
import { wallClock, zoneWords } from './zones';

/** the work about which it is being asked */
const asking = signal<string | null>(null);
/** so many zones are named one by one */
const NAMED = 3;

export function Whereabouts({ work, contact }: { work: InteractionState; contact: ContactShown }) {
  const choice = useRef<HTMLSelectElement>(null);
  const opener = useRef<HTMLButtonElement>(null);
  const busy = waits('confirm_zone');
  const mayAsk = work.talked || contact.said_zone !== '';
  const isAsking = mayAsk && asking.value === work.id;
  useEffect(() => {
    if (isAsking) choice.current?.focus();
  }, [isAsking]);

  const shut = () => {
    asking.value = null;
    opener.current?.focus();
  };
  return (
    <div class="aside-choice">
      <p class="small" role="status">
        {contact.said_zone
          ? t('The customer said they are in {place}, where it is {time}.', { place: zoneWords(contact.said_zone), time: clock(contact.said_zone) })
          : takenToBe(contact.zones)}
      </p>
      <button
        type="button"
        class="button slim"
        ref={opener}
        aria-expanded={isAsking}
        disabled={!isLive.value || busy || !mayAsk}
        aria-describedby={mayAsk ? undefined : 'whereabouts-when'}
        onClick={() => (asking.value = isAsking ? null : work.id)}
      >
        {t('Confirm where the customer is')}
      </button>
      {!mayAsk && (
        <p class="quiet small" id="whereabouts-when">
          {t('Once you have spoken with them.')}
        </p>
      )}
      {isAsking && (
        <form
          aria-label={t('Where the customer is')}
          class="aside-choice-open"
          onKeyDown={(event) => {
            if (event.key === 'Escape') shut();
          }}
          onSubmit={(event) => {
            event.preventDefault();
            const zone = choice.current!.value;
            if (!work.talked && zone === contact.said_zone) return shut();
            ask({ type: 'confirm_zone', interaction: work.id, zone }, () => requestAnimationFrame(shut)); // by then it can be focused
          }}
        >
          <div class="field">
            <label for="said-zone">{t('They say they are in')}</label>
            <select id="said-zone" ref={choice} required={!contact.said_zone}>
              <option value="">{contact.said_zone ? t('It was a mistake: they have not said') : t('Choose')}</option>
              {contact.zones.length > 0 && (
                <optgroup label={t('As number and address suggest')}>
                  {contact.zones.map((zone) => (
                    <option key={zone} value={zone} selected={zone === contact.said_zone}>
                      {`${zoneWords(zone)} · ${clock(zone)}`}
                    </option>
                  ))}
                </optgroup>
              )}
              {elsewhere(work, contact).map(([area, zones]) => (
                <optgroup key={area} label={area}>
                  {zones.map((zone) => (
                    <option key={zone} value={zone}>
                      {zoneWords(zone)}
                    </option>
                  ))}
                </optgroup>
              ))}
            </select>
          </div>
          <p class="small">{t('From then on only this place decides when they may be called.')}</p>
          <button class="button go" disabled={!isLive.value || busy}>
            {t('Save')}
          </button>
          <button type="button" class="button" onClick={shut}>
            {t('Cancel')}
          </button>
        </form>
      )}
    </div>
  );
}

function clock(zone: string): string {
  return wallClock(new Date(serverNow.value), zone).slice(11);
}

function takenToBe(zones: readonly string[]): string {
  if (zones.length === 0) return t('Nothing tells where the customer is.');
  if (zones.length === 1) return t('Taken to be in {place}, where it is {time}.', { place: zoneWords(zones[0]!), time: clock(zones[0]!) });
  if (zones.length > NAMED) return t('May be in any of {count} time zones, and is called only while hours allow it in all.', { count: zones.length });
  const places = zones.map((zone) => `${zoneWords(zone)} (${clock(zone)})`).join(', ');
  return t('May be in {places}, and is called only while hours allow it in all.', { places });
}

/** Every other place this browser knows, by the part of the world; none until somebody has spoken with them. */
export function elsewhere({ talked }: Pick<InteractionState, 'talked'>, { zones }: Pick<ContactShown, 'zones'>): [string, string[]][] {
  if (!talked) return [];
  const found = new Map<string, string[]>();
  for (const zone of Intl.supportedValuesOf('timeZone')) {
    const area = zone.split('/')[0]!;
    if (zones.includes(zone) || !zone.includes('/') || area === 'Etc') continue;
    found.set(area, [...(found.get(area) ?? []), zone]);
  }
  return [...found];
}
