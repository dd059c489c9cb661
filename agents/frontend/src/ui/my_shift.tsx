/** My Callbacks and My Day: what I have promised, and what I have done so far. */

import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { locale, said, t, tn } from '../i18n';
import { ask, doing, isLive, view, work } from '../state/store';
import type { Day } from '../protocol.gen';
import { dueCallbacks, MyCallbacks } from './my_callbacks';
import { Tabs } from './tabs';
import { elapsed } from './time';

const picked = signal('');
/** until one is picked: what was promised, where anything was */
const chosen = {
  get value() {
    return picked.value || (view.value.callbacks?.length || view.value.notKept.length ? 'callbacks' : 'day');
  },
  set value(key: string) {
    picked.value = key;
  },
};

export function MyShift() {
  const due = dueCallbacks();
  return (
    <section class="card part shift" aria-labelledby="my-shift">
      <h2 id="my-shift" class="sr-only">
        {t('My shift')}
      </h2>
      <Tabs
        label={t('My shift')}
        chosen={chosen}
        tabs={[
          {
            key: 'callbacks',
            label: t('My Callbacks'),
            ...(due > 0 ? { tag: tn('{count} due', '{count} due', due) } : {}),
            panel: () => <MyCallbacks />,
          },
          { key: 'day', label: t('My Day'), panel: () => <MyDay /> },
        ]}
      />
    </section>
  );
}

function MyDay() {
  const live = isLive.value;
  const now = `${work.value?.id} ${doing.value}`;
  useEffect(() => {
    // each time a record has gone or come, and readiness has changed
    if (live) ask({ type: 'day' });
  }, [live, now]);
  const day = view.value.day;
  if (!day) return <span class="ghost-line" aria-hidden="true" />;
  return (
    <>
      <Figures
        title={t('Calls today')}
        figures={[
          [t('Calls'), String(day.calls)],
          [t('Calls taken'), String(day.taken)],
          [t('Persons reached'), String(day.reached)],
          [t('Successes'), String(day.successes)],
          [t('Callbacks made'), String(day.callbacks)],
          [t('Callbacks promised'), String(day.promised)],
        ]}
      />
      <Figures title={t('Time today')} figures={times(day)} />
      <p class="quiet small">{t('Today, {day}, by the clock of the centre.', { day: dayWords(day.date) })}</p>
    </>
  );
}

function times(day: Day): [string, string][] {
  const lasted: [string, number][] = [
    [t('Talking'), day.talking],
    [t('Waiting'), day.waiting],
    [t('Wrap-up'), day.wrapping_up],
    [t('Preview'), day.previewing],
    [t('Ringing'), day.ringing],
    ...day.not_ready.map(({ label, seconds }): [string, number] => [
      label ? t('Not Ready – {reason}', { reason: said(label) }) : t('Not Ready'),
      seconds,
    ]),
  ];
  return lasted.map(([words, seconds]) => [words, elapsed(seconds * 1000)]);
}

function Figures({ title, figures }: { title: string; figures: readonly [string, string][] }) {
  return (
    <>
      <h3>{title}</h3>
      <dl class="figures">
        {figures.map(([label, figure]) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd>{figure}</dd>
          </div>
        ))}
      </dl>
    </>
  );
}

/** A day is a day everywhere: no clock is asked. */
function dayWords(date: string): string {
  return new Intl.DateTimeFormat(locale(), { dateStyle: 'full', timeZone: 'UTC' }).format(new Date(`${date}T12:00:00Z`));
}
