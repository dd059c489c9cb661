/** No text reaches the screen past the catalogue: every source is parsed, and every text that people read must come from t() and its like. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseAst } from 'vite';

interface Node {
  readonly type: string;
  readonly start: number;
  readonly [part: string]: unknown;
}

const SOURCES = join(import.meta.dirname, '../src');
const CATALOGUES = join(import.meta.dirname, '../../../locale');
/** attributes that people read or hear */
const READ = new Set(['title', 'aria-label', 'aria-description', 'aria-roledescription', 'aria-valuetext', 'placeholder', 'alt', 'label', 'name', 'words', 'hint']);
/** where these are words of the program, not of people */
const OF_THE_PROGRAM: Readonly<Record<string, readonly string[]>> = { name: ['Icon', 'input'] };
/** the same in every language: the product's name, and what is printed on keys */
const UNTRANSLATED = new Set(['Ringmaster', 'UTC']);
const ON_KEYS = 'kbd';

const files = readdirSync(SOURCES, { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.tsx?$/.test(name))
  .map((name) => ({ name, source: readFileSync(join(SOURCES, name), 'utf8') }));

const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null && typeof (value as Node).type === 'string';
const saysSomething = (text: unknown): text is string => typeof text === 'string' && /\p{L}/u.test(text) && !UNTRANSLATED.has(text.trim());

function* children(node: Node): Iterable<Node> {
  for (const part of Object.values(node)) {
    if (Array.isArray(part)) yield* part.filter(isNode);
    else if (isNode(part)) yield part;
  }
}

/** The literals an expression may come to; what stands in a call, a comparison or a nested element is judged there. */
function* literals(node: Node): Iterable<{ readonly text: string; readonly at: number }> {
  if (node.type === 'Literal' && saysSomething(node['value'])) yield { text: node['value'], at: node.start };
  if (node.type === 'TemplateLiteral') {
    for (const part of node['quasis'] as Node[]) {
      const { cooked } = part['value'] as { cooked: string };
      if (saysSomething(cooked)) yield { text: cooked, at: node.start };
    }
    for (const part of node['expressions'] as Node[]) yield* literals(part);
  }
  const parts: Readonly<Record<string, readonly string[]>> = {
    JSXExpressionContainer: ['expression'],
    ConditionalExpression: ['consequent', 'alternate'],
    LogicalExpression: ['left', 'right'],
    BinaryExpression: node['operator'] === '+' ? ['left', 'right'] : [],
    ParenthesizedExpression: ['expression'],
  };
  for (const part of parts[node.type] ?? []) {
    if (isNode(node[part])) yield* literals(node[part]);
  }
}

function* bare(node: Node, element = ''): Iterable<{ readonly text: string; readonly at: number }> {
  let inside = element;
  switch (node.type) {
    case 'JSXElement':
      inside = ((node['openingElement'] as Node)['name'] as Node)['name'] as string;
      break;
    case 'JSXText':
      if (element !== ON_KEYS && saysSomething(node['value'])) yield { text: node['value'].trim(), at: node.start };
      break;
    case 'JSXExpressionContainer':
      if (element !== ON_KEYS) yield* literals(node);
      break;
    case 'JSXAttribute': {
      const attribute = (node['name'] as Node)['name'] as string;
      if (READ.has(attribute) && !OF_THE_PROGRAM[attribute]?.includes(element) && isNode(node['value'])) yield* literals(node['value']);
      for (const child of children(node)) if (child.type === 'JSXExpressionContainer') for (const part of children(child)) yield* bare(part, '');
      return;
    }
    case 'Property': {
      // a menu's entries are objects
      const key = node['key'] as Node;
      if (['label', 'hint'].includes(String(key['name'])) && isNode(node['value'])) yield* literals(node['value']);
      break;
    }
  }
  for (const child of children(node)) yield* bare(child, inside);
}

function* calls(node: Node): Iterable<Node> {
  if (node.type === 'CallExpression') yield node;
  for (const child of children(node)) yield* calls(child);
}

const trees = files.map(({ name, source }) => ({ name, source, tree: parseAst(source, { lang: 'tsx' }) as unknown as Node }));
const place = (name: string, source: string, at: number) => `${name}:${source.slice(0, at).split('\n').length}`;

test('every text people read comes from the catalogue', () => {
  const found = trees.flatMap(({ name, source, tree }) => [...bare(tree)].map(({ text, at }) => `${place(name, source, at)}: ${text}`));
  expect(found, 'give these to t(), and run make words').toEqual([]);
});

test('what is looked for finds what it is for', () => {
  const tree = parseAst(`const a = <p title="Bare" class="x">Bare {ok ? 'too' : t('not')} <Icon name="x" /> <kbd>Alt</kbd></p>;`, { lang: 'tsx' });
  expect([...bare(tree as unknown as Node)].map(({ text }) => text)).toEqual(['Bare', 'Bare', 'too']);
});

test('the texts of t() are literals, and every catalogue has each of them', () => {
  const catalogues = readdirSync(CATALOGUES).map((language) => readFileSync(join(CATALOGUES, language, 'LC_MESSAGES/django.po'), 'utf8'));
  const wrong: string[] = [];
  for (const { name, source, tree } of trees) {
    if (name === 'i18n.ts') continue;
    for (const call of calls(tree)) {
      const called = (call['callee'] as Node)['name'];
      if (called !== 't' && called !== 'tn' && called !== 'tp') continue;
      const text = (call['arguments'] as Node[])[called === 'tp' ? 1 : 0]!;
      if (typeof text['value'] !== 'string') wrong.push(`${place(name, source, call.start)}: not a literal`);
      else if (catalogues.some((catalogue) => !catalogue.includes(`msgid ${JSON.stringify(text['value'])}\n`))) {
        wrong.push(`${place(name, source, call.start)}: ${text['value']}`);
      }
    }
  }
  expect(wrong, 'run make words').toEqual([]);
});
