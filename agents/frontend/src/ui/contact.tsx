/** Who it is, and what was tried with them before: the contact panel's two tabs. */

import { signal } from '@preact/signals';
import { said, t } from '../i18n';
import { ask, isLive, view, waits } from '../state/store';
import type { AttemptShown, ContactShown, Details, InteractionState } from '../protocol.gen';
import { Tabs } from './tabs';
import { elapsed } from './time';
import { Unwanted } from './unwanted';
import { Whereabouts } from './whereabouts';
import { numberResultWords, pastWords } from './words';
import { spoken, zoneWords } from './zones';

const chosen = signal('information');

export function ContactPanel({ work, details }: { work: InteractionState; details: Details }) {
  const contact = details.contact;
  if (!contact) return <p class="quiet">{t('No contact belongs to this call.')}</p>;
  return (
    <Tabs
      label={t('Contact')}
      chosen={chosen}
      tabs={[
        {
          key: 'information',
          label: t('Information'),
          panel: () => (
            <>
              <Information contact={contact} />
              <Whereabouts work={work} contact={contact} />
              <Unwanted work={work} contact={contact} />
            </>
          ),
        },
        { key: 'history', label: t('History'), panel: () => <History work={work} details={details} /> },
      ]}
    />
  );
}

function Information({ contact }: { contact: ContactShown }) {
  const lines: [string, string][] = [
    [t('Title'), contact.title],
    [t('First name'), contact.first_name],
    [t('Last name'), contact.last_name],
    [t('Company'), contact.company],
    [t('Address'), contact.address],
    [t('E-mail'), contact.email],
    [t('Time zone'), zoneWords(contact.time_zone)],
  ];
  return (
    <dl>
      {lines
        .filter(([, value]) => value)
        .map(([label, value]) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      {contact.numbers.map((number) => (
        <div key={number.id}>
          <dt>{said(number.kind)}</dt>
          <dd class={number.dialed ? 'dialed' : number.active ? '' : 'struck'}>
            <bdi>{number.number}</bdi>
            {number.dialed && <span class="tag">{t('this call')}</span>}
            {!number.active && <span class="quiet small"> {numberResultWords(number.result)}</span>}
            {number.listed && <span class="tag">{t('do not call')}</span>}
          </dd>
        </div>
      ))}
    </dl>
  );
}

function History({ work, details }: { work: InteractionState; details: Details }) {
  const history = view.value.history;
  if (!history || history.attempts.length === 0) return <p class="quiet">{t('Never called before.')}</p>;
  const last = history.attempts.at(-1)!;
  return (
    <>
      <ol class="history">
        {history.attempts.map((attempt) => (
          <Past attempt={attempt} campaign={details.campaign} key={attempt.id} />
        ))}
      </ol>
      {history.more && (
        <button
          type="button"
          class="button wide"
          disabled={!isLive.value || waits('history')}
          onClick={() => ask({ type: 'history', interaction: work.id, before: last.id, at: last.at })}
        >
          {t('Load more')}
        </button>
      )}
    </>
  );
}

function Past({ attempt, campaign }: { attempt: AttemptShown; campaign: string }) {
  const there = attempt.zone ? spoken(attempt.at, attempt.zone) : '';
  const here = spoken(attempt.at);
  const about = [
    attempt.number,
    attempt.agent,
    attempt.seconds > 0 ? elapsed(attempt.seconds * 1000) : '',
    attempt.campaign === campaign ? '' : attempt.campaign,
  ].filter(Boolean);
  return (
    <li>
      <strong>{attempt.disposition || pastWords(attempt.outcome)}</strong>
      <span class="quiet small">
        {here}
        {there && there !== here && ` · ${t('{time} in {place}', { time: there, place: zoneWords(attempt.zone) })}`}
      </span>
      {attempt.disposition && <span class="quiet small">{pastWords(attempt.outcome)}</span>}
      {about.length > 0 && <span class="quiet small">{about.join(' · ')}</span>}
      {attempt.note && <span class="small past-note">{attempt.note}</span>}
      {attempt.recordings.map((one) => (
        <audio key={one.id} class="past-recording" controls preload="none" src={`/recordings/${one.id}/`} aria-label={t('Recording of {at}', { at: spoken(one.at) })} />
      ))}
    </li>
  );
}
