/** Every text of the console passes through here, so that a language is one catalogue of sentences.
 *
 *     t('Hang up')                                        a text of the page
 *     t('{seconds} s left', { seconds })                  with values filled in
 *     tn('{count} callback', '{count} callbacks', count)  counted
 *     tp('command', 'Call')                               where one English word is several elsewhere: what is meant comes first
 *     said(answer.sentence)                               a sentence of the server, whose English is in the catalogue too
 *
 * The texts are literals, so that `make words` finds them. Whoever renders one renders it anew when the language changes.
 */

import { signal } from '@preact/signals';
import type { Moment, Said } from './protocol.gen';

/** As the server hands it over. plural: the place in the list of forms for each number, as one string. */
export interface Catalogue {
  readonly language: string;
  readonly direction: 'ltr' | 'rtl';
  readonly words: Readonly<Record<string, string | readonly string[]>>;
  readonly plural: string;
}

type Value = string | number | Moment | Said;
type Values = Readonly<Record<string, Value>>;

export const ENGLISH: Catalogue = { language: 'en', direction: 'ltr', words: {}, plural: '' };
const catalogue = signal<Catalogue>(ENGLISH);

export function speak(chosen: Catalogue): void {
  catalogue.value = chosen;
  document.documentElement.lang = chosen.language;
  document.documentElement.dir = chosen.direction;
}

export function language(): string {
  return catalogue.value.language;
}

/** For dates and numbers: the browser's own kind of the language, British English or Mexican Spanish, where it has one. */
export function locale(): string {
  const spoken = catalogue.value.language;
  return navigator.languages.find((one) => one === spoken || one.startsWith(`${spoken}-`)) ?? spoken;
}

export function t(text: string, values: Values = {}): string {
  return filled(found(text), values);
}

/** `{count}` is the number, the other values as usual. */
export function tn(one: string, many: string, count: number, values: Values = {}): string {
  const { words, plural } = catalogue.value;
  const forms = words[one];
  // every rule repeats itself after a hundred
  const at = Number(plural[count < plural.length ? count : 100 + (count % 100)] ?? 0);
  const form = Array.isArray(forms) ? forms[at] : undefined;
  return filled(form ?? (count === 1 ? one : many), { count, ...values });
}

export function tp(meaning: string, text: string, values: Values = {}): string {
  const form = catalogue.value.words[`${meaning}\u0004${text}`];
  return filled(typeof form === 'string' ? form : text, values);
}

/** What the server says; the words of administrators, which no catalogue has, stay theirs. */
export function said(sentence: string | Said): string {
  return typeof sentence === 'string' ? found(sentence) : filled(found(sentence.text), sentence.values);
}

function found(text: string): string {
  const form = catalogue.value.words[text];
  return typeof form === 'string' ? form : text;
}

function filled(text: string, values: Values): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = values[name];
    return value === undefined ? whole : shown(value);
  });
}

function shown(value: Value): string {
  if (typeof value === 'number') return new Intl.NumberFormat(locale()).format(value);
  if (typeof value === 'string') return isolated(value); // a name
  if ('at' in value) return wallClock(value.at);
  return said(value);
}

/** A name or a number keeps its own direction within a sentence that is read from right to left. */
function isolated(text: string): string {
  return catalogue.value.direction === 'rtl' ? `\u2068${text}\u2069` : text;
}

/** 2026-03-11T10:00 as people say it, whatever zone it was told in. */
function wallClock(at: string): string {
  const about = { weekday: 'long', day: 'numeric', month: 'long', hour: 'numeric', minute: '2-digit', timeZone: 'UTC' } as const;
  return new Intl.DateTimeFormat(locale(), about).format(new Date(`${at}Z`));
}
