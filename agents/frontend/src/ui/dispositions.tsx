/** What came of it: a list of at most two levels, found by typing or by the keys 1 to 9. */

import { computed, effect, signal } from '@preact/signals';
import { t } from '../i18n';
import { choose, disposition } from '../state/draft';
import { view, work } from '../state/store';
import type { DispositionChoice } from '../protocol.gen';
import { isWrong } from './problems';

/** more than these are searched */
const AT_A_GLANCE = 9;

const sought = signal('');
const inHand = computed(() => work.value?.id ?? null);
effect(() => {
  if (inHand.value !== null) sought.value = ''; // another record, another search
});

const plain = (text: string) => text.normalize('NFD').replace(/\p{M}/gu, '').toLocaleLowerCase();

function called(words: string): readonly DispositionChoice[] {
  const wanted = plain(words.trim());
  const all = view.value.details?.dispositions ?? [];
  return wanted ? all.filter((one) => plain(`${one.heading} ${one.label}`).includes(wanted)) : all;
}

export const shownDispositions = computed(() => called(sought.value));

/** What a digit typed into the search means: the disposition that shows it, unless one is called so. */
export function numbered(key: string): DispositionChoice | null {
  if (!/^[1-9]$/.test(key) || called(sought.value + key).length > 0) return null;
  return shownDispositions.value[Number(key) - 1] ?? null;
}

export function Dispositions() {
  const details = view.value.details;
  const shown = shownDispositions.value;
  const many = (details?.dispositions.length ?? 0) > AT_A_GLANCE || (details?.dispositions.some((one) => one.heading) ?? false);
  return (
    <fieldset
      id="dispositions"
      aria-invalid={isWrong('disposition')}
      aria-describedby={isWrong('disposition') ? 'problem-disposition' : undefined}
    >
      <legend>
        {t('Disposition')}
        <span class="quiet small legend-keys">{t('keys 1 to 9')}</span>
      </legend>
      {many && (
        <input
          type="search"
          class="search"
          aria-label={t('Find a disposition')}
          placeholder={t('Find')}
          value={sought.value}
          onInput={(event) => (sought.value = event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.altKey || event.ctrlKey || event.metaKey) return;
            const meant = event.key === 'Enter' ? shown[0] : numbered(event.key);
            if (event.key !== 'Enter' && !meant) return;
            event.preventDefault();
            if (meant) choose(meant.id);
          }}
        />
      )}
      <div class="dispositions">
        {shown.map((one, at) => (
          <>
            {one.heading && one.heading !== shown[at - 1]?.heading && (
              <p class="heading" key={`under ${one.heading}`}>
                {one.heading}
              </p>
            )}
            {!one.heading && shown[at - 1]?.heading && <hr class="under-ends" key={`before ${one.id}`} />}
            <label class="option disposition" key={one.id} data-kind={one.kind}>
              <input type="radio" name="disposition" value={one.id} checked={disposition.value === one.id} onChange={() => choose(one.id)} />
              <span class="dot" aria-hidden="true" />
              <span class="option-words">
                {one.heading && <span class="sr-only">{one.heading}: </span>}
                {one.label}
              </span>
              {at < 9 && <kbd aria-hidden="true">{at + 1}</kbd>}
            </label>
          </>
        ))}
        {details === null && <span class="ghost-line" aria-hidden="true" />}
        {details?.dispositions.length === 0 && <p class="quiet">{t('This campaign has none.')}</p>}
        {details && details.dispositions.length > 0 && shown.length === 0 && <p class="quiet">{t('None is called so.')}</p>}
      </div>
    </fieldset>
  );
}
