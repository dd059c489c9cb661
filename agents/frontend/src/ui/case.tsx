/** Case Information: what kind of call this is, where the record stands in its campaign, and what came of the last attempts. */

import type { ComponentChildren } from 'preact';
import { said, t } from '../i18n';
import { serverNow, view } from '../state/store';
import type { CaseShown, Details, InteractionState } from '../protocol.gen';
import { originWords, pastWords } from './words';
import { clockThere } from './zones';

const LAST = 3;

/** A number keeps its own direction. */
function Numbered({ number, kind }: { number: string; kind: string }) {
  return (
    <>
      <bdi>{number}</bdi>
      {kind && ` · ${kind}`}
    </>
  );
}

export function CaseInformation({ work, details }: { work: InteractionState; details: Details }) {
  const number = details.contact?.numbers.find((one) => one.dialed);
  const last = (view.value.history?.attempts ?? []).slice(0, LAST).map((one) => one.disposition || pastWords(one.outcome));
  const lines: [string, ComponentChildren][] = [
    [t('Origin'), originWords(work)],
    ...(details.case ? [...ofCase(details.case, calledNow(work))] : []),
    [t('Number'), work.card.number ? <Numbered number={work.card.number} kind={said(number?.kind ?? '')} /> : ''],
    [t('Local time'), number ? clockThere(number, serverNow.value) : ''],
    [t('Last results'), last.join(', ')],
  ];
  return (
    <section class="card part">
      <h2>{t('Case Information')}</h2>
      <dl>
        {lines
          .filter(([, value]) => value)
          .map(([label, value]) => (
            <div key={label}>
              <dt>{label}</dt>
              <dd>{value}</dd>
            </div>
          ))}
      </dl>
    </section>
  );
}

/** Which attempt the call in hand is; the record may have been told before it was dialed. */
function calledNow(work: InteractionState): number {
  return ['connecting', 'connected', 'wrap_up'].includes(work.phase) ? Number(work.card['attempt'] ?? 0) : 0;
}

function ofCase(one: CaseShown, now: number): [string, string][] {
  return [
    [t('Priority'), priorityWords(one.priority)],
    [t('List'), one.calling_list],
    [t('Attempts made'), t('{made} of at most {most}', { made: Math.max(one.attempts, now), most: one.max_attempts })],
  ];
}

function priorityWords(priority: CaseShown['priority']): string {
  switch (priority) {
    case 'callback':
      return t('Promised callback');
    case 'top_of_list':
      return t('Top of the list');
    case 'normal':
      return t('Normal');
  }
}
