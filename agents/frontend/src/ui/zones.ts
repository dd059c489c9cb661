/** The wall clock somewhere else, without a library: what the browser knows of time zones. */

import { locale, t } from '../i18n';
import type { NumberShown } from '../protocol.gen';

/** 2026-03-11T10:00 at this instant, there. */
export function wallClock(instant: Date, zone: string): string {
  const part = Object.fromEntries(
    new Intl.DateTimeFormat('en-CA', {
      timeZone: known(zone),
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
    })
      .formatToParts(instant)
      .map(({ type, value }) => [type, value]),
  );
  return `${part['year']}-${part['month']}-${part['day']}T${part['hour']}:${part['minute']}`;
}

/** The same wall clock so many days and hours later, whatever clocks do in between. */
export function later(local: string, { days = 0, hours = 0, at }: { days?: number; hours?: number; at?: string }): string {
  const moved = new Date(`${local}Z`);
  moved.setUTCDate(moved.getUTCDate() + days);
  moved.setUTCHours(moved.getUTCHours() + hours);
  const text = moved.toISOString().slice(0, 16);
  return at ? `${text.slice(0, 10)}T${at}` : text;
}

/** As people say it, in the agent's own language: by their own clock, or by that of a zone. */
export function spoken(instant: string | Date, zone?: string): string {
  return new Intl.DateTimeFormat(locale(), {
    dateStyle: 'medium',
    timeStyle: 'short',
    ...(zone ? { timeZone: known(zone) } : {}),
  }).format(new Date(instant));
}

/** By the agent's own clock, which is said where the one of that zone shows another time. */
export function spokenHere(instant: string | Date, zone: string): string {
  const here = spoken(instant);
  return here === spoken(instant, zone) ? here : t('{time} your time', { time: here });
}

/** The day of the week and the clock there, where that is one time. */
export function clockThere(number: NumberShown, now: number): string {
  if (!number.local_time) return '';
  const about = { weekday: 'short', hour: 'numeric', minute: '2-digit', timeZone: known(number.zone) } as const;
  return new Intl.DateTimeFormat(locale(), about).format(new Date(now));
}

export function zoneWords(zone: string): string {
  return (zone.split('/').at(-1) ?? zone).replaceAll('_', ' ');
}

/** A zone this browser has never heard of is told in the agent's own time. */
function known(zone: string): string | undefined {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
    return zone;
  } catch {
    return undefined;
  }
}
