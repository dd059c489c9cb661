/** What was entered for one record and is not known to be on the server, over a reload of the page. */

/** What was kept for a record before the page was loaded. */
export interface Stashed<T> {
  readonly about: string;
  readonly entered: T;
}

export function stashed<T>(where: string): Stashed<T> | null {
  const kept = sessionStorage.getItem(where);
  return kept === null ? null : (JSON.parse(kept) as Stashed<T>);
}

/** null: all of it is on the server, or there is nothing. */
export function stash<T>(where: string, what: Stashed<T> | null): void {
  if (what === null) sessionStorage.removeItem(where);
  else sessionStorage.setItem(where, JSON.stringify(what));
}
