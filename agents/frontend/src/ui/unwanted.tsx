/** "Please never call me again": the number on the line, or every number of the contact, after a second press. */

import { signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { t } from '../i18n';
import { ask, isLive, waits } from '../state/store';
import type { ContactShown, InteractionState } from '../protocol.gen';

/** the work about which it is being asked */
const asking = signal<string | null>(null);

export function Unwanted({ work, contact }: { work: InteractionState; contact: ContactShown }) {
  const first = useRef<HTMLButtonElement>(null);
  const opener = useRef<HTMLButtonElement>(null);
  const busy = waits('do_not_call');
  const isAsking = asking.value === work.id;
  useEffect(() => {
    if (isAsking) first.current?.focus();
  }, [isAsking]);

  const shut = () => {
    asking.value = null;
    opener.current?.focus();
  };
  const order = (everyNumber: boolean) => {
    ask({ type: 'do_not_call', interaction: work.id, every_number: everyNumber });
    shut();
  };

  if (contact.numbers.length > 0 && contact.numbers.every((number) => number.listed)) {
    return <p class="quiet small">{t('None of these numbers is called again.')}</p>;
  }
  return (
    <div class="aside-choice">
      <button
        type="button"
        class="button slim"
        ref={opener}
        aria-expanded={isAsking}
        disabled={!isLive.value || busy}
        onClick={() => (asking.value = isAsking ? null : work.id)}
      >
        {t('Do not call…')}
      </button>
      {isAsking && (
        <div
          role="group"
          aria-label={t('Do not call')}
          class="aside-choice-open"
          onKeyDown={(event) => {
            if (event.key === 'Escape') shut();
          }}
        >
          <p class="small">{t('Nobody in the organisation calls it again, and you cannot take that back.')}</p>
          <button type="button" class="button danger" ref={first} onClick={() => order(false)}>
            {t('Never call this number')}
          </button>
          {contact.numbers.length > 1 && (
            <button type="button" class="button danger" onClick={() => order(true)}>
              {t('Never call any of their numbers')}
            </button>
          )}
          <button type="button" class="button" onClick={shut}>
            {t('Cancel')}
          </button>
        </div>
      )}
    </div>
  );
}
