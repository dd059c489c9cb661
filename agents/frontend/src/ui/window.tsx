/** A window over the desk: opened and closed by one signal, and left by Escape. */

import type { Signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { Notices, useOverThePage } from './notices';

type Props = {
  open: Signal<boolean>;
  /** Something else may have to hold too. */
  when?: boolean;
  class: string;
  label?: string;
  labelledBy?: string;
  children: ComponentChildren;
};

export function Window({ open, when = true, class: look, label, labelledBy, children }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const isOpen = open.value && when;
  const me = useOverThePage(isOpen);
  useLayoutEffect(() => {
    if (isOpen) dialog.current?.showModal();
    else if (dialog.current?.open) dialog.current.close();
  }, [isOpen]);
  return (
    <dialog
      class={look}
      ref={dialog}
      aria-label={label}
      aria-labelledby={labelledBy}
      onCancel={(event) => {
        // Closed by us, at once: the browser says `close` a moment after the focus is back, and a key pressed in that moment was lost.
        event.preventDefault();
        open.value = false;
      }}
      onClose={(event) => {
        // a second Escape closes without asking; and who has opened it again meanwhile wants it open
        if (!event.currentTarget.open) open.value = false;
      }}
    >
      {isOpen && (
        <>
          {children}
          <Notices within={me} />
        </>
      )}
    </dialog>
  );
}
