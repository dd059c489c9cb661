/** The rest of the record: the person, the fields of the list, what was tried before. */

import { t } from '../i18n';
import { fields, fill } from '../state/draft';
import { view } from '../state/store';
import type { ContactShown, FieldShown, InteractionState } from '../protocol.gen';
import { FillIn, type Value } from './fill_in';
import { Icon } from './icons';
import { Unwanted } from './unwanted';
import { Whereabouts } from './whereabouts';

export function Record({ work }: { work: InteractionState }) {
  const details = view.value.details;
  return (
    <aside class="record" aria-label={t('Record')}>
      {details?.description && (
        <section class="card part">
          <h2>{t('Campaign')}</h2>
          <p class="description">{details.description}</p>
        </section>
      )}
      <section class="card part">
        <h2>{t('Contact')}</h2>
        {details ? (
          details.contact ? (
            <>
              <Contact contact={details.contact} />
              <Whereabouts work={work} contact={details.contact} />
              <Unwanted work={work} contact={details.contact} />
            </>
          ) : (
            <p class="quiet">{t('No contact belongs to this call.')}</p>
          )
        ) : (
          <Waiting />
        )}
      </section>
      {details && details.fields.length > 0 && (
        <section class="card part">
          <h2>{t('Record Information')}</h2>
          <dl>
            {details.fields.map((field) => (
              <div key={field.key}>
                <dt>{field.editable ? <EditableLabel field={field} /> : field.label}</dt>
                <dd>
                  {field.editable ? (
                    <FillIn
                      asked={field}
                      where="field"
                      value={(fields.value[field.key] as Value | undefined) ?? field.value}
                      change={(value) => fill(field.key, value)}
                    />
                  ) : (
                    field.shown || '–'
                  )}
                </dd>
              </div>
            ))}
          </dl>
        </section>
      )}
      {details && (
        <section class="card part">
          <h2>{t('History')}</h2>
          {details.history.length === 0 ? (
            <p class="quiet">{t('Never called before.')}</p>
          ) : (
            <ol class="history">
              {details.history.map((attempt) => (
                <li key={attempt.at}>
                  <strong>{attempt.disposition || attempt.outcome}</strong>
                  <span class="quiet small">
                    {when(attempt.at)} · {attempt.number}
                    {attempt.agent && ` · ${attempt.agent}`}
                  </span>
                </li>
              ))}
            </ol>
          )}
        </section>
      )}
      <span hidden data-interaction={work.id} />
    </aside>
  );
}

/** The pencil says that it can be changed. */
function EditableLabel({ field }: { field: FieldShown }) {
  return (
    <label for={`field-${field.key}`} class="editable">
      <Icon name="pencil" />
      {field.label}
      {field.required && <span class="sr-only"> {t('needed')}</span>}
    </label>
  );
}

function Contact({ contact }: { contact: ContactShown }) {
  const lines: [string, string][] = [
    [t('Name'), [contact.title, contact.name].filter(Boolean).join(' ')],
    [t('Company'), contact.company],
    [t('Address'), contact.address],
    [t('E-mail'), contact.email],
    [t('Time zone'), contact.time_zone.replaceAll('_', ' ')],
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
        <div key={number.number}>
          <dt>{number.kind}</dt>
          <dd class={number.dialed ? 'dialed' : number.active ? '' : 'struck'}>
            {number.number}
            {number.dialed && <span class="tag">{t('this call')}</span>}
            {!number.active && <span class="quiet small"> {t('out of service')}</span>}
            {number.listed && <span class="tag">{t('do not call')}</span>}
          </dd>
        </div>
      ))}
    </dl>
  );
}

function Waiting() {
  return (
    <div aria-hidden="true">
      <span class="ghost-line" />
      <span class="ghost-line" />
      <span class="ghost-line" />
    </div>
  );
}

function when(at: string): string {
  return new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' }).format(new Date(at));
}
