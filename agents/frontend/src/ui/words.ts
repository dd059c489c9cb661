/** What the server's words are called on the screen. */

import { t } from '../i18n';
import { labelOf } from '../state/store';
import type { Doing, InteractionState, SessionState, StationChoice } from '../protocol.gen';

export function doingWords(doing: Doing): string {
  switch (doing) {
    case 'signed_out':
      return t('Not at a station');
    case 'not_ready':
      return t('Not Ready');
    case 'ready':
      return t('Ready');
    case 'offered':
      return t('Record offered');
    case 'previewing':
      return t('Preview');
    case 'phone_ringing':
      return t('Phone ringing');
    case 'dialing':
      return t('Dialing');
    case 'on_call':
      return t('On a call');
    case 'wrap_up':
      return t('Wrap-up');
  }
}

/** An alert to a call that is on its way, or answered, beside one that nobody is dialed for yet. */
export function isCalled(work: InteractionState): boolean {
  return work.phase === 'ringing_agent' && work.progress !== '';
}

export function phaseWords(work: InteractionState): string {
  switch (work.phase) {
    case 'offered':
      return t('A record for you');
    case 'preview':
      return work.outcome ? outcomeWords(work.outcome) : work.progress === 'refused' ? t('Not dialed') : t('Preview');
    case 'checking':
      return t('Checking the number');
    case 'ringing_agent':
      if (work.progress === 'answered') return t('The customer is on the line');
      if (work.progress === 'machine') return t('An answering machine is on the line');
      if (isCalled(work)) return work.progress === 'ringing' ? t('Ringing at the customer') : t('Dialing the customer');
      return t('Your phone is ringing');
    case 'dialing':
      return work.progress === 'ringing' ? t('Ringing at the customer') : t('Dialing the customer');
    case 'connecting':
      return t('Answered, connecting you');
    case 'connected':
      if (work.progress === 'asked') return t('In the conversation');
      return work.progress === 'machine' ? t('Connected, and an answering machine was heard') : t('Connected');
    case 'wrap_up':
      if (work.progress === 'handed_over') return t('Handed over');
      return work.outcome ? outcomeWords(work.outcome) : t('Call ended');
    case 'closed':
      return t('Done');
  }
}

export function outcomeWords(outcome: string): string {
  const words: { [outcome: string]: string } = {
    connected: t('Call ended'),
    abandoned: t('Nobody was there in time'),
    early_hang_up: t('The customer hung up at once'),
    machine: t('Answering machine'),
    fax: t('Fax machine'),
    busy: t('The line was busy'),
    no_answer: t('No answer'),
    rejected: t('The call was rejected'),
    unavailable: t('The phone could not be reached'),
    invalid_number: t('The number is invalid'),
    unallocated: t('The number does not exist'),
    congestion: t('The network was congested'),
    trunk_not_responding: t('Our line did not respond'),
    cancelled: t('The call was cancelled'),
    failed: t('The call failed'),
    unknown: t('It is not known what became of the call'),
  };
  return words[outcome] ?? outcome.replaceAll('_', ' ');
}

/** What came of a call that is history; a record may have been closed without one. */
export function pastWords(outcome: string): string {
  if (outcome === '') return t('Not called');
  return outcome === 'connected' ? t('Talked') : outcomeWords(outcome);
}

/** Why a number is not called again. */
export function numberResultWords(result: string): string {
  const words: { [result: string]: string } = {
    wrong_number: t('Wrong number'),
    fax: t('Fax machine'),
    not_in_service: t('Not in service'),
  };
  return words[result] ?? t('out of service');
}

/** A number that stays on one line. */
function unbroken(number: string): string {
  return number.replaceAll(' ', '\u00a0');
}

export function originWords(work: InteractionState): string {
  switch (work.origin) {
    case 'callback':
      return t('Callback');
    case 'personal_callback':
      return t('Personal Callback');
    case 'inbound':
      return t('Inbound call');
    case 'transfer':
      return work.phase === 'ringing_agent'
        ? t('{name} asks you to come into this call', { name: work.card.by ?? '' })
        : t('{name} has asked you to come', { name: work.card.by ?? '' });
    default:
      return work.card.number ? t('Outbound campaign call to {number}', { number: unbroken(work.card.number) }) : t('Outbound campaign call');
  }
}

export function phoneWords(phone: SessionState['phone'], nailedUp: boolean, kind: StationChoice['kind']): string {
  switch (phone) {
    case 'none':
      return nailedUp ? t('Phone not connected') : t('Phone rings for each call');
    case 'ringing':
      // a mailbox picks up as well, and presses nothing
      return kind === 'pstn' ? t('Your phone rings: answer it and press any key') : t('Your phone rings: answer it');
    case 'up':
      return t('Phone connected');
    case 'suspect':
      return t('Phone lost');
  }
}

/** Administrators name their reasons; those the system sets have our words until somebody gives them others. */
export function reasonWords(code: string | null): string {
  const label = labelOf(code);
  const ours: { [label: string]: string } = {
    'Signed in': t('Signed in'),
    'No answer': t('No answer'),
    'Connection lost': t('Connection lost'),
    'Phone lost': t('Phone lost'),
    'Wrap-up ran out': t('Wrap-up ran out'),
    'Set by a supervisor': t('Set by a supervisor'),
  };
  return ours[label] ?? label;
}

export function initials(name: string): string {
  const parts = name.split(/\s+/).filter(Boolean);
  return ((parts[0]?.[0] ?? '') + (parts.length > 1 ? (parts.at(-1)?.[0] ?? '') : '')).toUpperCase() || '?';
}
