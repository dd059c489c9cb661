/** What must be said of the call before, asked where the next one was ordered: then that one is dialed. */

import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { said, t } from '../i18n';
import { chosen, choose, disposition, keep, note, save, type } from '../state/draft';
import { ask, isLive, view, waits } from '../state/store';
import type { Wish } from '../link/socket';
import type { Details, InteractionState } from '../protocol.gen';
import { Icon } from './icons';
import { Window } from './window';
import { phaseWords } from './words';

const isAsked = signal(false);
let again: (() => void) | null = null;

/** Dials; what was said of the call before is its own, and goes first. `done`: once it is on its way. */
export function order(wish: Wish, done?: () => void): void {
  again = () => order(wish, done);
  save();
  keep();
  ask(wish, done);
}

export function SaidBefore({ work, details }: { work: InteractionState; details: Details }) {
  const { unsaid } = view.value;
  useEffect(() => {
    isAsked.value = unsaid.length > 0;
  }, [unsaid]);
  const needsNote = details.note_required || (chosen.value?.note_required ?? false) || unsaid.some(({ where }) => where === 'note');
  const headings = [...new Set(details.dispositions.map((one) => one.heading))];
  return (
    <Window class="alert window" open={isAsked} labelledBy="said-before-title">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          isAsked.value = false;
          again?.();
        }}
      >
        <h1 id="said-before-title">{t('What came of the call before?')}</h1>
        <p>
          <bdi>{work.card.number}</bdi> · {phaseWords(work)}
        </p>
        {unsaid.map(({ where, sentence }) => (
          <p class="quiet small" key={where}>
            {said(sentence)}
          </p>
        ))}
        <div class="field">
          <label for="said-before">{t('Disposition')}</label>
          <select
            id="said-before"
            required={details.disposition_for === 'all'}
            autofocus
            value={disposition.value === null ? '' : String(disposition.value)}
            onChange={(event) => choose(Number(event.currentTarget.value))}
          >
            <option value="" disabled>
              {t('Choose one')}
            </option>
            {headings.map((heading) => {
              const under = details.dispositions
                .filter((one) => one.heading === heading)
                .map((one) => (
                  <option key={one.id} value={one.id}>
                    {one.label}
                  </option>
                ));
              return heading ? (
                <optgroup key={heading} label={heading}>
                  {under}
                </optgroup>
              ) : (
                under
              );
            })}
          </select>
        </div>
        {needsNote && (
          <div class="field">
            <label for="said-before-note">{t('Note')}</label>
            <textarea
              id="said-before-note"
              rows={3}
              required
              maxLength={10000}
              value={note.value}
              onInput={(event) => type(event.currentTarget.value)}
            />
          </div>
        )}
        <div class="alert-buttons">
          <button class="button go big" disabled={!isLive.value || waits('call', 'call_new_number')}>
            <Icon name="phone" />
            {t('Save and call')}
          </button>
          <button type="button" class="button big" onClick={() => (isAsked.value = false)}>
            {t('Cancel')}
          </button>
        </div>
      </form>
    </Window>
  );
}
