import { serverNow } from '../state/store';

export function elapsed(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const two = (number: number) => String(number).padStart(2, '0');
  const hours = Math.floor(seconds / 3600);
  return `${hours ? `${hours}:` : ''}${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
}

/** How long it has been so. Read by eyes; a screen reader asks for it when it wants it. */
export function Since({ at, class: name }: { at: string | null; class?: string }) {
  if (!at) return null;
  return (
    <span class={`time ${name ?? ''}`} role="timer" aria-live="off">
      {elapsed(serverNow.value - Date.parse(at))}
    </span>
  );
}

/** Seconds until the server's deadline. */
export function left(deadline: string): number {
  return Math.max(0, Math.ceil((Date.parse(deadline) - serverNow.value) / 1000));
}
