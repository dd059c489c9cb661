/** Several panels in one place: arrow keys go from tab to tab, as everywhere. */

import type { ComponentChildren } from 'preact';
import { useId, useRef } from 'preact/hooks';

export interface Tab {
  readonly key: string;
  readonly label: string;
  /** a word behind the label, such as how many are due */
  readonly tag?: string;
  readonly panel: () => ComponentChildren;
}

interface Props {
  readonly label: string;
  readonly tabs: readonly Tab[];
  readonly chosen: { value: string };
}

export function Tabs({ label, tabs, chosen }: Props) {
  const id = useId();
  const list = useRef<HTMLDivElement>(null);
  const current = tabs.find(({ key }) => key === chosen.value) ?? tabs[0]!;

  const go = (event: KeyboardEvent) => {
    const at = tabs.indexOf(current);
    const ahead = document.documentElement.dir === 'rtl' ? -1 : 1;
    const to = { ArrowRight: at + ahead, ArrowLeft: at - ahead, Home: 0, End: tabs.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const next = (to + tabs.length) % tabs.length;
    chosen.value = tabs[next]!.key;
    list.current?.querySelectorAll<HTMLElement>('[role=tab]')[next]?.focus();
  };

  return (
    <>
      <div class="tabs" role="tablist" aria-label={label} ref={list} onKeyDown={go}>
        {tabs.map(({ key, label: words, tag }) => (
          <button
            type="button"
            role="tab"
            class="tab"
            key={key}
            id={`${id}-${key}`}
            aria-selected={key === current.key}
            aria-controls={`${id}-panel`}
            tabIndex={key === current.key ? 0 : -1}
            onClick={() => (chosen.value = key)}
          >
            {words}
            {tag && <span class="tag">{tag}</span>}
          </button>
        ))}
      </div>
      <div role="tabpanel" id={`${id}-panel`} aria-labelledby={`${id}-${current.key}`} tabIndex={0} class="tab-panel">
        {current.panel()}
      </div>
    </>
  );
}
