/** A button that opens a short list of commands, by mouse or by keys. */

import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { Icon } from './icons';

export interface Item {
  readonly key: string;
  readonly label: string;
  readonly hint?: string;
  /** of the label, where it is not the page's own */
  readonly lang?: string;
  readonly act: () => void;
}

interface Props {
  readonly label: ComponentChildren;
  readonly name?: string;
  readonly items: readonly Item[];
  readonly class?: string;
  readonly disabled?: boolean;
  readonly open?: { value: boolean };
}

export function Menu({ label, name, items, class: style = '', disabled = false, open }: Props) {
  const [isOpen, setOpen] = useState(false);
  const id = useId();
  const root = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const entries = () => [...(root.current?.querySelectorAll<HTMLElement>('[role=menuitem]') ?? [])];

  const wanted = open?.value ?? false;
  useEffect(() => {
    if (!wanted || !open) return;
    open.value = false;
    setOpen(true);
  }, [wanted]);

  useEffect(() => {
    if (!isOpen) return;
    entries()[0]?.focus();
    const fit = () => list.current && moveInside(list.current);
    fit();
    addEventListener('resize', fit);
    const outside = (event: Event) => {
      if (!root.current?.contains(event.target as Node)) setOpen(false);
    };
    addEventListener('pointerdown', outside);
    addEventListener('focusin', outside);
    return () => {
      removeEventListener('resize', fit);
      removeEventListener('pointerdown', outside);
      removeEventListener('focusin', outside);
    };
  }, [isOpen]);

  const shut = () => {
    setOpen(false);
    button.current?.focus();
  };

  const pressed = (event: KeyboardEvent) => {
    const all = entries();
    const at = all.indexOf(document.activeElement as HTMLElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (event.key === 'Escape') {
      event.preventDefault();
      shut();
    } else if (to !== undefined) {
      event.preventDefault();
      all[(to + all.length) % all.length]?.focus();
    }
  };

  return (
    <div class="menu" ref={root}>
      <button
        type="button"
        ref={button}
        class={`button ${style}`}
        aria-haspopup="menu"
        aria-expanded={isOpen}
        aria-controls={isOpen ? id : undefined}
        aria-label={name}
        disabled={disabled}
        onClick={() => setOpen(!isOpen)}
        onKeyDown={(event) => {
          if (event.key === 'ArrowDown') {
            event.preventDefault();
            setOpen(true);
          }
        }}
      >
        {label}
        <Icon name="chevron" />
      </button>
      {isOpen && (
        <div class="menu-list" ref={list} role="menu" id={id} aria-label={name} onKeyDown={pressed}>
          {items.map((item) => (
            <button
              type="button"
              role="menuitem"
              tabIndex={-1}
              key={item.key}
              onClick={() => {
                shut();
                item.act();
              }}
            >
              <span lang={item.lang}>{item.label}</span>
              {item.hint && <span class="quiet small">{item.hint}</span>}
            </button>
          ))}
        </div>
      )}
    </div>
  );
}

/** pixels between a list and the edge of the window */
const EDGE = 8;

/** Where its button stands at the edge of a narrow window, the list is moved to where it can be read. */
function moveInside(list: HTMLElement): void {
  list.style.translate = 'none';
  const { left, right } = list.getBoundingClientRect();
  const over = Math.max(0, right + EDGE - innerWidth);
  list.style.translate = `${-over - Math.min(0, left - over - EDGE)}px`;
}
