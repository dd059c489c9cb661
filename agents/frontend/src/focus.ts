/** The keyboard's place on the page is never lost.
 *
 * A button is switched off while its command is on the way, a panel goes when the work goes on: the browser then leaves whoever has no mouse
 * at the very top of the page, without a word. Here what was switched off gets the focus back when it is on again; where it is gone, what is
 * nearest to its old place does, and in the end the heading of the screen.
 */

/** milliseconds that a command may take before its button counts as gone */
const ON_AGAIN_WITHIN = 1500;
const FOCUSABLE = 'button:enabled, a[href], input:enabled, select:enabled, textarea:enabled, [tabindex]';

export function neverLoseFocus(): () => void {
  let last: HTMLElement | null = null;
  /** where it stood, from the inside out */
  let around: HTMLElement[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;

  const came = (event: FocusEvent) => {
    clearTimeout(timer);
    timer = undefined;
    last = event.target as HTMLElement;
    around = [];
    for (let place = last.parentElement; place && place !== document.body; place = place.parentElement) around.push(place);
  };
  const isElsewhere = () => document.activeElement !== null && document.activeElement !== document.body && document.activeElement !== last;
  const goOn = () => {
    clearTimeout(timer);
    timer = undefined;
    if (!isElsewhere()) nearest(around)?.focus({ preventScroll: false });
  };
  const look = () => {
    if (!last || isElsewhere()) return;
    if (!last.isConnected || !last.checkVisibility()) goOn();
    else if (last.matches(':disabled')) timer ??= setTimeout(goOn, ON_AGAIN_WITHIN);
    else if (timer !== undefined) {
      clearTimeout(timer);
      timer = undefined;
      if (document.activeElement !== last) last.focus();
    }
  };
  const left = (event: PointerEvent) => {
    // a click beside everything puts the focus down on purpose
    if (!(event.target as HTMLElement).closest?.(`${FOCUSABLE}, label`)) last = null;
  };

  const observer = new MutationObserver(look);
  observer.observe(document.body, { subtree: true, childList: true, attributes: true, attributeFilter: ['disabled', 'open'] });
  addEventListener('focusin', came);
  addEventListener('pointerdown', left);
  return () => {
    observer.disconnect();
    removeEventListener('focusin', came);
    removeEventListener('pointerdown', left);
    clearTimeout(timer);
  };
}

/** What to go on with: of the innermost of these places that is still there the first thing that takes the focus; else the heading. */
function nearest(places: readonly HTMLElement[]): HTMLElement | null {
  for (const place of places) {
    if (place.matches('main, header')) break;
    if (!place.isConnected) continue;
    const first = [...place.querySelectorAll<HTMLElement>(FOCUSABLE)].find((one) => one.checkVisibility());
    if (first) return first;
  }
  return document.querySelector<HTMLElement>('dialog[open] h1[tabindex], main h1[tabindex]');
}

/** Tab goes round within this window, as long as it is not left with Escape. For `onKeyDown`. */
export function goRound(event: KeyboardEvent & { readonly currentTarget: HTMLElement }): void {
  if (event.key !== 'Tab') return;
  const all = [...event.currentTarget.querySelectorAll<HTMLElement>(FOCUSABLE)].filter((one) => one.tabIndex >= 0 && one.checkVisibility());
  const [first, final] = event.shiftKey ? [all.at(-1), all[0]] : [all[0], all.at(-1)];
  if (document.activeElement !== final) return;
  event.preventDefault();
  first?.focus();
}

/** Before a panel closes: the focus goes back to the button with these keys, where the panel had it or lost it with what was switched off. */
export function giveBack(panel: string, keys: string): void {
  const at = document.activeElement;
  if (!at || at === document.body || at.closest(panel)) document.querySelector<HTMLElement>(`[aria-keyshortcuts="${keys}"]`)?.focus();
}
