/** The rest of the record: the person, the case, the fields of the list, the campaign. */

import { t } from '../i18n';
import { fields, fill } from '../state/draft';
import { view } from '../state/store';
import type { FieldShown, InteractionState } from '../protocol.gen';
import { CaseInformation } from './case';
import { ContactPanel } from './contact';
import { FillIn, type Value } from './fill_in';
import { Icon } from './icons';
import { LeaveAlone } from './leave_alone';

export function Record({ work }: { work: InteractionState }) {
  const details = view.value.details;
  return (
    <aside class="record" aria-label={t('Record')}>
      <section class="card part">
        <h2>{t('Contact')}</h2>
        {details ? <ContactPanel work={work} details={details} /> : <Waiting />}
      </section>
      {details && <CaseInformation work={work} details={details} />}
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
                    shown(field)
                  )}
                </dd>
              </div>
            ))}
          </dl>
        </section>
      )}
      {details && (details.description || details.no_callback_ends) && (
        <section class="card part">
          <h2>{t('Campaign Information')}</h2>
          {details.description && <p class="description">{details.description}</p>}
          {details.no_callback_ends && <LeaveAlone details={details} />}
        </section>
      )}
      <span hidden data-interaction={work.id} />
    </aside>
  );
}

export function shown(field: FieldShown): string {
  if (typeof field.value === 'boolean') return field.value ? t('Yes') : t('No');
  return field.shown || '–';
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

function Waiting() {
  return (
    <div aria-hidden="true">
      <span class="ghost-line" />
      <span class="ghost-line" />
      <span class="ghost-line" />
    </div>
  );
}
