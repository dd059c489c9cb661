// node pages.mjs BUNDLE: pages one after the other in one process, a line of JSON in for each thing that happens, and one out

import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const kept = new Map(); // what a page leaves for the next one of its tab
globalThis.sessionStorage = {
  getItem: (key) => kept.get(key) ?? null,
  setItem: (key, value) => kept.set(key, value),
  removeItem: (key) => kept.delete(key),
};
const bundle = pathToFileURL(process.argv[2]).href;
let loads = 0;
let page;
for await (const text of createInterface({ input: process.stdin })) {
  const line = JSON.parse(text);
  if (line.do === 'loads') {
    if (line.tab === 'new') kept.clear();
    page = (await import(`${bundle}?${++loads}`)).load(line.boot, line.at);
    console.log('{}');
  } else {
    console.log(JSON.stringify(page(line)));
  }
}
