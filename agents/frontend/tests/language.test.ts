import { afterEach, expect, test } from 'vitest';
import { ENGLISH, said, speak, t, tn, tp, type Catalogue } from '../src/i18n';

const SPANISH: Catalogue = {
  language: 'es',
  direction: 'ltr',
  words: {
    Call: 'Llamada',
    'command\u0004Call': 'Llamar',
    '{count} due': ['{count} pendiente', '{count} pendientes'],
    '{campaign} is {state}: nothing is dialed.': '{campaign} está {state}: no se marca nada.',
    'The campaign ends on {at}: choose an earlier time.': 'La campaña termina el {at}: elija una hora anterior.',
    paused: 'en pausa',
    Mobile: 'Móvil',
    'At most {most} characters.': 'Como máximo {most} caracteres.',
  },
  plural: '10' + '1'.repeat(198),
};

afterEach(() => speak(ENGLISH));

test('the page says which language it speaks and which way it is read', () => {
  speak({ ...ENGLISH, language: 'ar', direction: 'rtl' });
  expect([document.documentElement.lang, document.documentElement.dir]).toEqual(['ar', 'rtl']);
  expect(t('Hello {name}', { name: 'Ana' })).toBe('Hello \u2068Ana\u2069');
});

test('one English word is several elsewhere', () => {
  speak(SPANISH);
  expect([t('Call'), tp('command', 'Call')]).toEqual(['Llamada', 'Llamar']);
  speak(ENGLISH);
  expect([t('Call'), tp('command', 'Call')]).toEqual(['Call', 'Call']);
});

test('what is counted has the form of its number, also beyond the table', () => {
  const due = (count: number) => tn('{count} due', '{count} due', count);
  speak(SPANISH);
  expect([due(0), due(1), due(2), due(101), due(4301)]).toEqual(['0 pendientes', '1 pendiente', '2 pendientes', '101 pendientes', '4301 pendientes']);
  speak(ENGLISH);
  expect(tn('{count} day', '{count} days', 1)).toBe('1 day');
  expect(tn('{count} day', '{count} days', 3)).toBe('3 days');
});

test('a sentence of the server is said with its values, and those that are sentences are said too', () => {
  speak(SPANISH);
  const paused = { text: '{campaign} is {state}: nothing is dialed.', values: { campaign: 'paused', state: { text: 'paused', values: {} } } };
  expect(said(paused)).toBe('paused está en pausa: no se marca nada.'); // a campaign of that name keeps it
  expect(said('Mobile')).toBe('Móvil');
  expect(said('Vodafone')).toBe('Vodafone');
});

test('numbers and wall clocks are said as the language has them', () => {
  speak(SPANISH);
  expect(said({ text: 'At most {most} characters.', values: { most: 10_000 } })).toBe('Como máximo 10.000 caracteres.');
  const ends = said({ text: 'The campaign ends on {at}: choose an earlier time.', values: { at: { at: '2026-03-10T13:00' } } });
  expect(ends).toMatch(/^La campaña termina el martes, 10 de marzo.*13:00: elija una hora anterior\.$/);
});
