/** Who it is, and what was tried with them before: the contact panel's two tabs. */

import { useEffect, useRef } from 'preact/hooks';
import { said, t } from '../i18n';
import { editContact, editing, tab } from '../state/contact';
import { contact as changed, putRight } from '../state/draft';
import { ask, isLive, view, waits } from '../state/store';
import type { AttemptShown, ContactShown, Details, InteractionState } from '../protocol.gen';
import { Icon } from './icons';
import { isWrong } from './problems';
import { Tabs } from './tabs';
import { elapsed } from './time';
import { Unwanted } from './unwanted';
import { Whereabouts } from './whereabouts';
import { numberResultWords, pastWords } from './words';
import { spoken, zoneWords } from './zones';

export function ContactPanel({ work, details }: { work: InteractionState; details: Details }) {
  const contact = details.contact;
  useEffect(() => {
    tab.value = 'information'; // another record begins with who it is
  }, [work.id]);
  if (!contact) return <p class="quiet">{t('No contact belongs to this call.')}</p>;
  return (
    <Tabs
      label={t('Contact')}
      chosen={tab}
      tabs={[
        {
          key: 'information',
          label: t('Information'),
          panel: () => (
            <>
              <Information work={work} contact={contact} mayEdit={details.edits_contact} />
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

/** What can be put right of a contact. Where they are called is not among it: that has its own place below. */
const editable = (contact: ContactShown): readonly (readonly [key: string, label: string, value: string, autocomplete?: string])[] => [
  ['title', t('Title'), contact.title],
  ['first_name', t('First name'), contact.first_name],
  ['last_name', t('Last name'), contact.last_name],
  ['company', t('Company'), contact.company],
  ['address', t('Street'), contact.street],
  ['city', t('City'), contact.city],
  ['email', t('E-mail'), contact.email],
];

/** As the agent has put it right, or as it was. */
function nowOf(contact: ContactShown): ContactShown {
  const { address: street = contact.street, city = contact.city, ...others } = changed.value;
  return { ...contact, ...others, street, city, address: [street, city, contact.area].filter(Boolean).join(', ') };
}

/** The name in the heading follows what was put right. */
export function nameNow(work: InteractionState): string {
  const contact = view.value.details?.contact;
  const touched = 'first_name' in changed.value || 'last_name' in changed.value;
  if (!contact || !touched) return work.card.name ?? '';
  const { first_name: first, last_name: last } = nowOf(contact);
  return [first, last].filter(Boolean).join(' ') || (work.card.name ?? '');
}

function Information({ work, contact, mayEdit }: { work: InteractionState; contact: ContactShown; mayEdit: boolean }) {
  const opener = useRef<HTMLButtonElement>(null);
  const isEditing = editing.value?.work === work.id && mayEdit;
  const shut = () => {
    editing.value = null;
    requestAnimationFrame(() => opener.current?.focus());
  };
  const now = nowOf(contact);
  const lines: [string, string][] = [
    [t('Title'), now.title],
    [t('First name'), now.first_name],
    [t('Last name'), now.last_name],
    [t('Company'), now.company],
    [t('Address'), now.address],
    [t('E-mail'), now.email],
  ];
  return (
    <>
      {isEditing ? (
        <EditContact contact={contact} shut={shut} />
      ) : (
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
      )}
      <dl>
        {contact.numbers.map((number) => (
          <div key={number.id}>
            <dt>{said(number.kind)}</dt>
            <dd class={number.dialed ? 'dialed' : number.active ? '' : 'struck'}>
              <bdi>{number.number}</bdi>
              {number.dialed && <span class="tag">{work.phase === 'preview' ? t('selected') : t('this call')}</span>}
              {!number.active && <span class="quiet small"> {numberResultWords(number.result)}</span>}
              {number.listed && <span class="tag">{t('do not call')}</span>}
            </dd>
          </div>
        ))}
        {contact.time_zone && (
          <div>
            <dt>{t('Time zone')}</dt>
            <dd>{zoneWords(contact.time_zone)}</dd>
          </div>
        )}
      </dl>
      {mayEdit && !isEditing && (
        <button type="button" class="button slim edit-contact" ref={opener} onClick={() => editContact(work.id)}>
          <Icon name="pencil" />
          {t('Change contact')}
        </button>
      )}
    </>
  );
}

/** Kept as it is typed, and stored with the contact when the record is done. */
function EditContact({ contact, shut }: { contact: ContactShown; shut: () => void }) {
  useEffect(() => document.getElementById(`contact-${editing.value?.at}`)?.focus(), [editing.value]);
  return (
    <form
      class="contact-form"
      aria-label={t('Change contact')}
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        shut();
      }}
      onKeyDown={(event) => {
        if (event.key === 'Escape') shut();
      }}
    >
      {editable(contact).map(([key, label, before]) => (
        <div class="field" key={key}>
          <label for={`contact-${key}`} class="editable">
            <Icon name="pencil" />
            {label}
          </label>
          <input
            id={`contact-${key}`}
            type={key === 'email' ? 'email' : 'text'}
            autocomplete="off"
            maxLength={250}
            value={changed.value[key] ?? before}
            aria-invalid={isWrong(`contact:${key}`)}
            aria-describedby={isWrong(`contact:${key}`) ? `problem-contact-${key}` : undefined}
            onInput={(event) => putRight(key, event.currentTarget.value)}
          />
        </div>
      ))}
      <p class="quiet small">{t('Saved as you type, and stored with the contact at Done.')}</p>
      <button class="button">{t('Close')}</button>
    </form>
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
