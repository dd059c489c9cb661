/** Every text of the console passes through here, so that a language is one catalogue of sentences. */

let catalogue: Readonly<Record<string, string>> = {};

export function speak(words: Readonly<Record<string, string>>): void {
  catalogue = words;
}

/** The sentence in the agent's language, with `{name}` filled in. */
export function t(text: string, values: Readonly<Record<string, string | number>> = {}): string {
  return (catalogue[text] ?? text).replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}
