/** What was found at the other end, apart from what came of the person: such a number is not called again. */

import { t } from '../i18n';
import { numberResult, sayOfNumber, type NumberResult } from '../state/draft';
import type { InteractionState } from '../protocol.gen';
import { numberResultWords } from './words';

const RESULTS: readonly NumberResult[] = ['wrong_number', 'fax', 'not_in_service'];

export function ResultOfNumber({ work }: { work: InteractionState }) {
  if (work.phase === 'preview' && work.outcome === '') return null; // nothing was dialed yet
  return (
    <div class="field number-result">
      <label for="number-result">
        {t('This number')} <span class="quiet small">{work.card.number}</span>
      </label>
      <select
        id="number-result"
        value={numberResult.value}
        aria-describedby="number-result-state"
        onChange={(event) => sayOfNumber(event.currentTarget.value as NumberResult)}
      >
        <option value="">{t('Is theirs, or not known')}</option>
        {RESULTS.map((result) => (
          <option key={result} value={result}>
            {numberResultWords(result)}
          </option>
        ))}
      </select>
      <p class="quiet small" id="number-result-state">
        {numberResult.value ? t('It is not called again; other numbers of this contact are.') : ' '}
      </p>
    </div>
  );
}
