/** Everything that keeps the record from being done, in one list; each leads to its place. */

import { said, t } from '../i18n';
import { isOpen } from '../state/callback';
import { editContact } from '../state/contact';
import { view, work } from '../state/store';

export function isWrong(where: string): boolean {
  return view.value.problems.some((problem) => problem.where === where);
}

export function Problems() {
  const problems = view.value.problems;
  return (
    <div role="alert">
      {problems.length > 0 && (
        <div class="notice bad problems">
          <p>{t('It is not done yet:')}</p>
          <ul>
            {problems.map(({ where, sentence }) => (
              <li key={where} id={`problem-${where.replace(':', '-')}`}>
                <a
                  href={`#${idOf(where)}`}
                  onClick={(event) => {
                    event.preventDefault();
                    lead(where);
                  }}
                >
                  {said(sentence)}
                </a>
              </li>
            ))}
          </ul>
        </div>
      )}
    </div>
  );
}

function idOf(where: string): string {
  return where === 'disposition' ? 'dispositions' : where === 'callback' ? 'callback-local' : where.replace(':', '-');
}

function lead(where: string): void {
  if (where === 'callback') isOpen.value = true;
  const [kind, key] = where.split(':');
  if (kind === 'contact' && work.value) return editContact(work.value.id, key);
  // the window is there a moment after it was opened
  requestAnimationFrame(() => {
    const place = document.getElementById(idOf(where));
    (place?.matches('fieldset') ? place.querySelector<HTMLElement>('input') : place)?.focus();
  });
}
