/** Keys. Single ones only while nothing is being typed; the others with Alt, which no text field wants. */

export interface Keys {
  readonly readiness: () => void;
  readonly call: () => void;
  readonly getRecord: () => void;
  readonly notices: () => void;
  readonly hangUp: () => void;
  readonly hold: () => void;
  readonly mute: () => void;
  readonly keypad: () => void;
  readonly transfer: () => void;
  readonly record: () => void;
  readonly callback: () => void;
  readonly done: (stop: boolean) => void;
  readonly focusNote: () => void;
  readonly focusDisposition: () => void;
  readonly shortcuts: () => void;
  readonly number: (digit: number) => void;
}

export function listen(keys: Keys): () => void {
  const pressed = (event: KeyboardEvent) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.repeat) return;
    if (event.altKey) {
      const act = withAlt(keys, event);
      if (act) {
        event.preventDefault();
        act();
      }
      return;
    }
    if (event.key === 'F6') {
      event.preventDefault();
      keys.notices();
      return;
    }
    if (!isTyping(event.target) && event.key === '?') {
      event.preventDefault();
      keys.shortcuts();
      return;
    }
    if (!isTyping(event.target) && /^[1-9]$/.test(event.key)) keys.number(Number(event.key));
  };
  addEventListener('keydown', pressed);
  return () => removeEventListener('keydown', pressed);
}

function withAlt(keys: Keys, event: KeyboardEvent): (() => void) | null {
  switch (event.code) {
    case 'KeyR':
      return keys.readiness;
    case 'KeyC':
      return keys.call;
    case 'KeyG':
      return keys.getRecord;
    case 'KeyH':
      return keys.hangUp;
    case 'KeyO':
      return keys.hold;
    case 'KeyM':
      return keys.mute;
    case 'KeyK':
      return keys.keypad;
    case 'KeyT':
      return keys.transfer;
    case 'KeyP':
      return keys.record;
    case 'KeyB':
      return keys.callback;
    case 'KeyN':
      return keys.focusNote;
    case 'KeyD':
      return keys.focusDisposition;
    case 'Enter':
    case 'NumpadEnter':
      return () => keys.done(event.shiftKey);
    default:
      return null;
  }
}

export function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement) return !['radio', 'checkbox', 'button', 'submit'].includes(target.type);
  return target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement || target.isContentEditable;
}
