/** Another language, without losing what is on the screen: the server remembers it for this agent and hands over its catalogue. */

import { speak, t, type Catalogue } from '../i18n';
import { happen, type Boot } from './store';

export async function choose(boot: Boot, code: string): Promise<void> {
  const form = new FormData(document.querySelector<HTMLFormElement>('#leave')!); // brings the token by which the server knows its own page
  form.set('language', code);
  try {
    const answer = await fetch(boot.speak, { method: 'POST', body: form });
    if (!answer.ok) throw new Error(String(answer.status));
    speak((await answer.json()) as Catalogue);
  } catch {
    happen({ what: 'given_up', id: 'language', sentence: t('The language could not be changed. Try again.') });
  }
}
